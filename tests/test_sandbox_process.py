"""The limits of a licence, and the sandbox as a process: what it keeps, how it starts and ends."""

from __future__ import annotations

import ast
import asyncio
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

import auditor.sandbox as sandbox_package
from auditor.errors import SettingsError, TryLater
from auditor.sandbox.app import make_app, open_licence
from auditor.sandbox.clock import Clock
from auditor.sandbox.dialect import varied
from auditor.sandbox.faults import Faults
from auditor.sandbox.limits import LIMITS
from auditor.sandbox.process import API_KEY
from auditor.sandbox.serve import serve
from tests.driven_sandbox import Sandbox
from tests.sandbox_client import (
    EXECUTIONS,
    PROFILES_V5,
    archive,
    attributes,
    client,
    definition,
    run_import,
    send,
    unpacked,
)


@pytest.fixture
def sold(tmp_path: Path) -> Iterator[Sandbox]:
    """A licence with the limits it is sold with."""
    with Sandbox(tmp_path / "sold", profiles=5) as running:
        yield running


@pytest.mark.breaches("concurrency")
def test_a_sixth_concurrent_request_is_refused(sold: Sandbox) -> None:
    """Five requests whose bodies have not come in yet keep the licence busy; when one ends, there is room again."""
    with client(sold) as http:
        token = http.headers["Authorization"]
        host, port = sold.url.removeprefix("http://").split(":")
        head = f"PATCH {PROFILES_V5}/1 HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}\r\nContent-Length: 2\r\n\r\n"
        held = [socket.create_connection((host, int(port))) for _ in range(5)]
        try:
            for connection in held:
                connection.sendall(head.encode())
            wait_for(sold, in_flight=5)
            answer = http.get("/entities/v5/entities")
            assert answer.status_code == 429
            assert answer.json()["status"] == 429
            held[0].sendall(b"{}")
            assert b"200 OK" in held[0].recv(100)
            wait_for(sold, in_flight=4)
            assert http.get("/entities/v5/entities").status_code == 200
        finally:
            for connection in held:
                connection.close()


def wait_for(sandbox: Sandbox, *, in_flight: int) -> None:
    """Asks again and again: a call that came is counted as soon as the sandbox's process has read it."""
    for _ in range(10_000):
        if sandbox.state()["calls"]["in_flight"] == in_flight:
            return
    pytest.fail(f"there are never {in_flight} calls in flight")


def test_calls_beyond_those_of_a_minute_are_slower(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not refused: each takes longer than the one before. All come at one moment, and what they wait for is noted."""
    waited = []

    async def sleep(_: Clock, seconds: float, still: Callable[[], bool] = lambda: True) -> None:
        waited.append(seconds)

    monkeypatch.setattr(Clock, "sleep", sleep)
    monkeypatch.setattr(Clock, "monotonic", lambda _: 1000.0)
    app = make_app(open_licence(tmp_path / "sold", 5, 1), LIMITS["standard"], varied(None), Faults(1, {}))

    async def call() -> dict[str, int]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            token = (await http.get("/auth/token", headers={"Authorization": API_KEY})).json()["accessToken"]
            http.headers["Authorization"] = f"Bearer {token}"
            for place in range(105):
                assert (await http.get("/entities/v5/entities")).status_code == 200
                assert len(waited) == max(0, place + 1 - 100)
            calls: dict[str, int] = (await http.get("/_sandbox/state")).json()["calls"]
            return calls

    assert asyncio.run(call()) == {"total": 105, "rejected": 0, "slowed": 5, "in_flight": 0}
    assert waited == pytest.approx([0.02 * beyond for beyond in (1, 2, 3, 4, 5)])


@pytest.mark.breaches("import_running", "import_repeated")
def test_twelve_bulk_calls_a_day(sold: Sandbox) -> None:
    """The thirteenth is refused until the next day in Brussels, which begins at 22:00 UTC in summer."""
    content, described = archive(b"customerId;lastName\nC000001;X\n"), definition(["customerId", "lastName"])
    sold.clock(datetime(2026, 7, 1, 12, 0, tzinfo=UTC))
    with client(sold) as http:
        for _ in range(12):
            assert send(http, content, described).status_code == 202
        assert send(http, content, described).status_code == 429
        assert sold.state()["bulk_calls"] == {"Customers 2026-07-01": 12}
        sold.clock(datetime(2026, 7, 1, 22, 1, tzinfo=UTC))
        assert send(http, content, described).status_code == 202


@pytest.mark.breaches("body_form")
def test_an_archive_beyond_100_mb_is_refused(sold: Sandbox) -> None:
    with client(sold) as http:
        answer = send(http, b"PK" + bytes(100_000_000), definition(["customerId", "lastName"]))
    assert answer.status_code == 400
    assert sold.state()["bulk_calls"] == {}


def test_everything_survives_a_restart(tmp_path: Path) -> None:
    """Profiles, CRM, clock, quota, answers and results of imports are kept; the key is readable for its owner only."""
    folder = tmp_path / "kept"
    sandbox = Sandbox(folder, profiles=300, seed=9)
    with sandbox, client(sandbox) as http:
        sandbox.clock(datetime(2026, 3, 1, tzinfo=UTC))
        answers = sandbox.drift()
        http.patch(f"{PROFILES_V5}/1", json=attributes(firstName="Blijft"))
        execution = run_import(sandbox, http, [["customerId", "lastName"], ["nobody", "X"]])
        state, profiles, extract = sandbox.state(), sandbox.profiles(), sandbox.crm(tmp_path / "one").read_bytes()
    assert stat.S_IMODE((folder / "api-key").stat().st_mode) == 0o600
    assert (folder / "api-key").read_text(encoding="utf-8").strip() == API_KEY
    again = Sandbox(folder, profiles=7, seed=1)
    with again, client(again) as http:
        assert again.profiles() == profiles
        assert again.answers() == answers
        assert again.crm(tmp_path / "two").read_bytes() == extract
        now = again.state()
        assert now["now"][:10] == "2026-03-01"
        assert {**now, "now": "", "calls": ""} == {**state, "now": "", "calls": ""}
        assert http.get(f"{EXECUTIONS}/{execution['id']}").json() == execution
        assert unpacked(http.get(f"{EXECUTIONS}/{execution['id']}/error-file"))[1][-2] == "UNKNOWN_PROFILE"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "auditor.sandbox", "--port", "0", "--dir", str(tmp_path / "s"), "--profiles", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("sandbox ready on http://127.0.0.1:")
        process.send_signal(number)
        out, said = process.communicate(timeout=30)
    assert (process.returncode, out, said) == (0, "", "")


def test_it_listens_on_this_machine_only(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "192.0.2.1", "example.com"):  # noqa: S104 -- refused is the point
        with pytest.raises(SettingsError, match="this machine only"):
            serve(host, 0, tmp_path, 1, 1)


def test_a_port_in_use_is_one_sentence(sold: Sandbox, tmp_path: Path) -> None:
    port = int(sold.url.rsplit(":", 1)[1])
    with pytest.raises(TryLater, match="cannot listen"):
        Sandbox(tmp_path / "other", profiles=1, port=port).start()


def test_it_is_independent_of_the_audit() -> None:
    """Of the program it imports its own modules, the errors and the one writer of files: it must be able to disagree
    with the client."""
    folder = Path(sandbox_package.__file__).parent
    shared = ("auditor.errors", "auditor.files.whole")
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "auditor":
                assert node.module in shared or str(node.module).startswith("auditor.sandbox"), path.name
