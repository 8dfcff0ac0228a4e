"""Starts a sandbox in a process of its own and drives it through its inspection routes: for tests and the demo."""

from __future__ import annotations

import queue
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import httpx

from auditor.errors import TryLater
from auditor.files.whole import write_whole

API_KEY = "sandbox-key"
START_SECONDS = 120.0


class Sandbox:
    """A running sandbox, as a context manager; leaving it ends the process with the state saved.

    `with Sandbox(folder, profiles=100) as sandbox: sandbox.url`
    """

    running: ClassVar[list[Sandbox]] = []
    """Those of this program that were started and not stopped."""
    before_stop: ClassVar[Callable[[Sandbox], None] | None] = None
    """Called with each sandbox that is about to end: tests ask it for breaches then."""

    def __init__(
        self,
        directory: Path,
        *,
        profiles: int = 10_000,
        seed: int = 1,
        limits: str = "standard",
        faults: Iterable[str] = (),
        now: datetime | None = None,
        port: int = 0,
        with_v4: bool = False,
    ) -> None:
        self.directory = directory
        self.url = ""
        """`http://127.0.0.1:PORT`, known once it runs."""
        self._command = [sys.executable, "-m", "auditor.sandbox", "--port", str(port), "--dir", str(directory)]
        self._command += ["--profiles", str(profiles), "--seed", str(seed), "--limits", limits]
        self._command += [part for fault in faults for part in ("--fault", fault)]
        self._command += ["--with-v4"] if with_v4 else []
        self._command += [] if now is None else ["--now", now.isoformat()]
        self._process: subprocess.Popen[str] | None = None
        self._http: httpx.Client | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process and wait until it listens. Raises TryLater, with what it said, when it does not."""
        self._process = subprocess.Popen(  # noqa: S603 -- our own program
            self._command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
        )
        match = re.fullmatch(r"sandbox ready on (\S+)\n", self._first_line(self._process))
        if match is None:
            self._process.kill()
            _, said = self._process.communicate()
            self._process = None
            raise TryLater(f"the sandbox did not start: {said.strip() or 'it said nothing'}")
        self.url = match[1]
        # Loopback needs no proxy, whatever the environment says.
        self._http = httpx.Client(base_url=self.url, timeout=httpx.Timeout(300.0, connect=10.0), trust_env=False)
        self.running.append(self)

    def stop(self) -> int:
        """End the process, state saved. Returns its exit code, 0 unless something went wrong."""
        watching = type(self).before_stop
        if self in self.running:
            self.running.remove(self)
            if watching is not None:
                watching(self)
        if self._http is not None:
            self._http.close()
            self._http = None
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.terminate()
        try:
            process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        return process.returncode

    def export(self, folder: Path) -> Path:
        """Take a fresh export of the profile table into `folder`, under the name Actito would give it."""
        return self._download("export", folder)

    def crm(self, folder: Path) -> Path:
        """Take a fresh extract of the CRM into `folder`."""
        return self._download("crm", folder)

    def drift(self) -> dict[str, Any]:
        """Let a week pass for both sides; returns the answer file's content."""
        return self._object(self._post("drift"))

    def clock(self, now: datetime) -> None:
        """Set the sandbox's clock; `now` has a zone."""
        self._post("clock", {"now": now.isoformat()})

    def idle(self) -> None:
        """Wait until no import waits or runs."""
        self._post("idle")

    def _download(self, name: str, folder: Path) -> Path:
        answer = self._call("GET", name)
        match = re.search(r'filename="([\w.]+)"', answer.headers["content-disposition"])
        folder.mkdir(parents=True, exist_ok=True)
        return write_whole(folder / (match[1] if match else f"{name}.csv"), answer.content)

    def _post(self, name: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        return self._call("POST", name, body or {})

    def _call(self, method: str, name: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        if self._http is None:
            raise TryLater("the sandbox does not run")
        answer = self._http.request(method, f"/_sandbox/{name}", json=body)
        if answer.is_error:
            raise TryLater(f"the sandbox refused {name}: {answer.status_code} {answer.json().get('message', '')}")
        return answer

    @staticmethod
    def _object(answer: httpx.Response) -> dict[str, Any]:
        content: dict[str, Any] = answer.json()
        return content

    def _first_line(self, process: subprocess.Popen[str]) -> str:
        """The first line of the process's output; empty when it ends or takes too long."""
        assert process.stdout is not None  # noqa: S101 -- started with a pipe
        lines: queue.Queue[str] = queue.Queue()
        stream = process.stdout
        threading.Thread(target=lambda: lines.put(stream.readline()), daemon=True).start()
        try:
            return lines.get(timeout=START_SECONDS)
        except queue.Empty:
            return ""
