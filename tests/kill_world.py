"""A working folder, a sandbox that serves its licence over HTTP, and commands in processes that can be killed.

Whoever uses this must be forked from a process that never worked: all that is forked here has to be. Time is one for
both sides, stands still, and goes on where somebody waits.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import mmap
import os
import pickle
import shutil
import signal
import socket
import ssl
import struct
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import httpx
import ibis.backends.duckdb
import phonenumbers
import pytest
import stamina
import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route as Path_

from auditor.actito import writer
from auditor.apply.job import Limits
from auditor.cli.demonstration import write_settings
from auditor.commands import apply as applying
from auditor.files import running
from auditor.sandbox.app import make_app, open_licence
from auditor.sandbox.breaches import CURRENT
from auditor.sandbox.clock import Clock
from auditor.sandbox.dialect import off_by, varied
from auditor.sandbox.faults import Faults
from auditor.sandbox.limits import limits_named
from auditor.sandbox.network import Protocol
from auditor.sandbox.state import Profile
from auditor.sandbox.storage import Storage
from auditor.settings.config import Settings
from tests.steps import counted, only, read_noted, step

T = TypeVar("T")

STAMPS = ("updateMoment", "creationMoment")

# Done once, before anybody is forked: it takes a command longer than its work.
IMPORTED = (ibis.backends.duckdb, import_module("pandas"), phonenumbers, writer)
ssl.create_default_context = cache(ssl.create_default_context)  # type: ignore[assignment]
_AUTHORITIES = httpx.create_ssl_context()


@dataclass(frozen=True)
class Seen:
    """What the licence holds and what was done to it, as the sandbox itself says."""

    profiles: Mapping[str, Mapping[str, str]]
    """Without moments of change."""
    effects: Mapping[str, int]
    """How many calls gave a profile this value of a column; what a faulty network delivers twice is one."""
    imports: int
    breaches: tuple[str, ...]
    faults: Mapping[str, int]
    """How often each happened."""


@dataclass
class World:
    """As a context manager: within, the sandbox runs."""

    folder: Path
    licence: Path
    """What the sandbox reads, and never writes: many worlds share one."""
    begins: datetime
    seed: int = 0
    """Of the faults."""
    concurrency: int = 1
    settings: Settings = field(init=False)
    url: str = ""
    died: list[list[str]] = field(default_factory=list)
    """The steps of each process that was killed: of the last one nobody knows whether it was done."""
    _ahead: mmap.mmap = field(init=False)
    _server: int = 0
    _http: httpx.Client = field(init=False)

    def __enter__(self) -> World:
        self._ahead = mmap.mmap(-1, 8)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(64)
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            self._server = os.fork()
            if self._server == 0:
                _unless_it_fails(lambda: self._serve(listener))
        self._http = httpx.Client(
            base_url=self.url, trust_env=False, timeout=60.0, transport=httpx.HTTPTransport(verify=_AUTHORITIES)
        )
        (self.folder / "sandbox").mkdir(exist_ok=True)
        shutil.copy(self.licence / "api-key", self.folder / "sandbox")
        settings = write_settings(self.folder, self.url)
        actito = settings.actito.model_copy(update={"concurrency": self.concurrency})
        self.settings = settings.model_copy(update={"actito": actito})
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
        os.kill(self._server, signal.SIGKILL)
        os.waitpid(self._server, 0)

    def clock(self) -> datetime:
        return self.begins + timedelta(seconds=self._seconds())

    def pass_time(self, seconds: float) -> None:
        self._ahead[:8] = struct.pack("d", self._seconds() + seconds)
        self._http.post("/_sandbox/clock", json={"advance": 0}).raise_for_status()

    def sleep(self, seconds: float) -> None:
        """What a command waits."""
        step("clock")
        self._ahead[:8] = struct.pack("d", self._seconds() + seconds)
        beside = http.client.HTTPConnection(self.url.removeprefix("http://"))
        with closing(beside):  # not by httpx, whose requests are steps
            beside.request("POST", "/_sandbox/clock", '{"advance": 0}', {"Content-Type": "application/json"})
            beside.getresponse().read()

    def fault(self, **faults: Mapping[str, object]) -> None:
        """As the sandbox's own route takes them, with `_` for `-`; none: all faults end."""
        if not faults:
            self._http.delete("/_sandbox/faults").raise_for_status()
        named = {name.replace("_", "-"): how for name, how in faults.items()}
        self._http.post("/_sandbox/faults", json=named).raise_for_status()

    def seen(self) -> Seen:
        lines = self._http.get("/_sandbox/profiles").text.split("\n")
        profiles = [json.loads(line) for line in lines if line]
        told = self._http.get("/_sandbox/book").json()
        return Seen(
            {one["profileId"]: {name: value for name, value in one.items() if name not in STAMPS} for one in profiles},
            told["effects"],
            sum(self._http.get("/_sandbox/state").json()["imports"].values()),
            tuple(one["breach"] for one in self._http.get("/_sandbox/breaches").json()["breaches"]),
            self._http.get("/_sandbox/faults").json()["happened"],
        )

    def work(self, does: Callable[[], T]) -> T:
        """What a process of its own, that ends with it, makes of this."""
        ended, answer = self._forked(does)
        assert ended == "ended", "nobody killed it"
        error, value = pickle.loads(answer)  # noqa: S301 - our own
        if error is not None:
            raise AssertionError(error)
        return value  # type: ignore[no-any-return]

    def killed(self, does: Callable[[], object], at: int | None, after: float = 0.0) -> bool:
        """Do this in a process that is killed at its step `at`, or after so many seconds; False: it had ended."""
        noted = os.memfd_create("steps")

        def first() -> None:
            if at is None:
                signal.setitimer(signal.ITIMER_REAL, after)

        def work() -> None:
            end = only(at or 0, lambda: os.kill(os.getpid(), signal.SIGKILL))
            with counted(end, noted):
                does()

        ended, _ = self._forked(work, first)
        steps = read_noted(noted)
        if ended == "killed":
            self.died.append(steps)
        return ended == "killed"

    @contextmanager
    def standing_still(self, does: Callable[[], object], at: int) -> Iterator[None]:
        """Somebody else at this, who stands still at step `at` until the block has ended, and then goes on."""
        child = os.fork()
        if child == 0:
            stand = only(at, lambda: os.kill(os.getpid(), signal.SIGSTOP))
            _unless_it_fails(lambda: self._alone(lambda: _counting(does, stand)))
        _, status = os.waitpid(child, os.WUNTRACED)
        assert os.WIFSTOPPED(status), "it never came there"
        yield
        os.kill(child, signal.SIGCONT)
        os.waitpid(child, 0)

    def steps(self, does: Callable[[], object]) -> list[str]:
        def listed() -> list[str]:
            with counted(lambda _: None) as steps:
                does()
                return list(steps)

        return self.work(listed)

    def _forked(self, does: Callable[[], object], first: Callable[[], object] = lambda: None) -> tuple[str, bytes]:
        reads, writes = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reads)
            _unless_it_fails(lambda: self._child(does, first, writes))
        os.close(writes)
        with os.fdopen(reads, "rb") as pipe:
            answer = pipe.read()
        _, status = os.waitpid(child, 0)
        return "killed" if os.WIFSIGNALED(status) else "ended", answer

    def _child(self, does: Callable[[], object], first: Callable[[], object], writes: int) -> None:
        first()
        try:
            told = pickle.dumps((None, self._alone(does)))
        except BaseException:  # noqa: BLE001 - told to whoever waits
            told = pickle.dumps((traceback.format_exc(), None))
        with os.fdopen(writes, "wb") as pipe:
            pipe.write(told)

    def _alone(self, does: Callable[[], T]) -> T:
        os.chdir(self.folder)
        _given(self.folder.parent)
        with stamina.set_testing(True, attempts=5, cap=True):
            return does()

    def _seconds(self) -> float:
        return float(struct.unpack("d", self._ahead[:8])[0])

    def _serve(self, listener: socket.socket) -> None:
        patched = pytest.MonkeyPatch()  # for the rest of this process
        patched.setattr(Clock, "now", lambda _: self.clock().astimezone(UTC))
        patched.setattr(Clock, "monotonic", lambda _: self._seconds())
        licence = open_licence(self.licence, 0, 1)
        patched.setattr(Storage, "save", lambda *_: None)
        patched.setattr(Storage, "save_execution", lambda *_: None)
        effects: Counter[str] = Counter()

        def note(profile: Profile, changes: Mapping[str, str | None] | None) -> None:
            call = CURRENT.get()
            if call is not None and not call.repeated:
                done = {"": None} if changes is None else dict(changes)
                for what in (f"{profile.id} {column} {value}" for column, value in done.items()):
                    # A file that the network delivers twice is two imports: whether we sent it twice is judged there.
                    effects[what] = 1 if call.place.startswith("import ") else effects[what] + 1

        async def book(_: Request) -> JSONResponse:
            return JSONResponse({"effects": effects})

        licence.state.watchers.append(note)
        app = make_app(licence, limits_named("extended"), varied(None, off=off_by(self.seed)), Faults(self.seed))
        app.router.routes.append(Path_("/_sandbox/book", book))
        config = uvicorn.Config(app, http=Protocol, log_level="error", access_log=False, lifespan="on", loop="asyncio")
        asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


def _counting(does: Callable[[], object], act: Callable[[int], None]) -> None:
    with counted(act):
        does()


def _unless_it_fails(work: Callable[[], object]) -> None:
    """The whole life of a forked process: it never comes back to what the other one was doing."""
    try:
        work()
    except BaseException:  # noqa: BLE001 - nobody else hears of it
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(0)


def _given(place: Path) -> None:
    """What tests give to every command (see `conftest`)."""
    patched = pytest.MonkeyPatch()  # for the rest of this process
    patched.setattr(running, "PLACES", (str(place),))
    patched.setattr(applying, "Limits", partial(Limits, poll_seconds=20.0, import_wait=timedelta(minutes=4)))


@contextmanager
def a_copy(template: Path, target: Path, licence: Path, begins: datetime, **more: Any) -> Iterator[World]:
    """A world with its own copy of a working folder, which is gone afterwards."""
    shutil.copytree(template, target)
    try:
        with World(target, licence, begins, **more) as world:
            yield world
    finally:
        shutil.rmtree(target)
