"""The limits of a licence hold over all threads and processes that share a state folder, and are used to the full."""

from __future__ import annotations

import heapq
import stat
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.actito import register
from auditor.actito.limits import WINDOW, Limits, MemoryRegister, Register
from auditor.actito.register import FileRegister
from auditor.commands.session import connect
from auditor.errors import TryLater
from auditor.files.running import running_folder
from auditor.settings.config import read_settings
from tests.actito_wire import Time

# The law, by an observer who knows when each call really began and ended

CALL = st.tuples(st.just("call"), st.integers(0, 2))
ANSWER = st.tuples(st.just("answer"), st.integers(0, 9))
SECONDS = st.one_of(st.sampled_from([0.0, 1.0, 29.0, 56.0, 60.0]), st.floats(0, 120))
STEPS = st.lists(
    st.one_of(
        CALL, CALL, CALL, ANSWER, ANSWER,
        st.tuples(st.just("pass"), SECONDS),
        st.tuples(st.just("kill"), st.integers(0, 2)),
        st.tuples(st.just("restart"), st.floats(0, 2000)),
    ),
    min_size=10,
    max_size=60,
)  # fmt: skip


class World:
    """Three processes with registers on one folder, a machine that can be restarted, and what really happened."""

    def __init__(self, folder: Path, places: int, calls: int) -> None:
        self.folder, self.places, self.calls = folder, places, calls
        self.real = 0.0
        self.boot = -1000.0
        self.under_way: dict[tuple[int, int], float] = {}
        self.done: list[tuple[float, float]] = []
        self.troubled = False
        self.processes: list[FileRegister] = [self._process() for _ in range(3)]

    def _process(self) -> FileRegister:
        return FileRegister(self.folder, self.places, lambda: self.real - self.boot)

    def call(self, process: int) -> float | None:
        """Begin a call, or give the seconds to wait."""
        place = self.processes[process].begin(self.calls, WINDOW)
        if isinstance(place, float):
            return place
        self.under_way[process, place] = self.real
        return None

    def answer(self, number: int) -> None:
        if self.under_way:
            process, place = sorted(self.under_way)[number % len(self.under_way)]
            self.done.append((self.under_way.pop((process, place)), self.real))
            self.processes[process].end(place)

    def kill(self, process: int) -> None:
        """Its descriptors go, as the operating system sees to, and nothing more is written."""
        self.processes[process].close()
        for own in [one for one in self.under_way if one[0] == process]:
            self.done.append((self.under_way.pop(own), self.real))
            self.troubled = True
        self.processes[process] = self._process()

    def restart(self, uptime: float) -> None:
        """The clock begins anew, and is so many seconds old when somebody calls again."""
        for process in range(3):
            self.kill(process)
        self.boot = self.real
        self.real += uptime
        self.troubled = True

    def in_the_last_minute(self) -> int:
        """Calls that may have reached the platform less than a minute ago or may do so now."""
        return len(self.under_way) + sum(end + WINDOW > self.real for _, end in self.done)

    def close(self) -> None:
        for process in self.processes:
            process.close()


@settings(max_examples=150)
@given(steps=STEPS, places=st.integers(1, 4), calls=st.integers(1, 5), largest=st.sampled_from([32, 1 << 20]))
def test_no_minute_ever_holds_more_calls_and_no_moment_more_at_once(
    steps: list[tuple[str, Any]], places: int, calls: int, largest: int
) -> None:
    """Whoever is killed and whenever the machine is restarted. And nobody waits longer than needed, or for ever."""
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(register, "_LARGEST", largest),
        closing(World(Path(folder) / "limits", places, calls)) as world,
    ):
        for what, argument in steps:
            if what == "pass":
                world.real += argument
            elif what == "answer":
                world.answer(argument)
            elif what == "kill":
                world.kill(argument)
            elif what == "restart":
                world.restart(argument)
            else:
                before = world.in_the_last_minute()
                wait = world.call(argument)
                room = before < calls and len(world.under_way) < places
                if wait is None:
                    assert world.in_the_last_minute() <= calls
                    assert len(world.under_way) <= places
                elif not world.troubled:
                    assert not room, "refused although there was room"
                if wait:
                    assert wait <= WINDOW + 1e-6
                    world.real += wait + 1e-6
                    assert world.call(argument) is None, "the time to wait was not enough"


@pytest.mark.parametrize("pause", [0.0, 7.0, 59.5, 61.0])
def test_the_register_stays_small_and_forgets_nothing_that_counts(pause: float, tmp_path: Path) -> None:
    """A thousand calls in bursts of four, in a register that is cut down after 256 bytes."""
    passing = Time()
    begun: list[float] = []
    sizes = []
    limits = Limits(4, 1, sleep=passing.sleep, clock=passing.clock, folder=tmp_path)
    with mock.patch.object(register, "_LARGEST", 256), closing(limits):
        for number in range(1000):
            with limits.turn():
                begun.append(passing.now)
            passing.now += pause if number % 4 == 3 else 0.1
            sizes.append((tmp_path / "calls").stat().st_size)
    assert max(sizes) <= 256 + 8
    assert all(later - earlier >= WINDOW - 1e-6 for earlier, later in zip(begun, begun[4:], strict=False))


@given(steps=st.lists(st.tuples(st.booleans(), st.floats(0, 45)), max_size=80), calls=st.integers(1, 6))
def test_one_process_alone_keeps_the_same_law(steps: list[tuple[bool, float]], calls: int) -> None:
    passing = Time()
    alone = MemoryRegister(passing.clock)
    under_way, ended = 0, [float("-inf")]
    for answered, seconds in steps:
        passing.now += seconds
        if answered and under_way:
            alone.end(0)
            under_way -= 1
            ended.append(passing.now)
            continue
        room = under_way + sum(end + WINDOW > passing.now for end in ended) < calls
        place = alone.begin(calls, WINDOW)
        assert isinstance(place, int) == room
        under_way += isinstance(place, int)
        assert room or 0 <= place <= WINDOW + 1e-6


@pytest.mark.parametrize("workers", [1, 3], ids="{} in one process".format)
@pytest.mark.parametrize("seconds", [0.05, 0.8, 2.9])
@pytest.mark.parametrize("kind", ["memory", "folder"])
def test_at_least_95_percent_of_the_rate_is_used(kind: str, seconds: float, workers: int, tmp_path: Path) -> None:
    """With the standard limits, for calls that take so many seconds, in any stretch longer than a minute.

    Three callers always have the next call ready, from one process or three.
    """
    calls, callers, minutes = 60, 3, 10
    passing = Time()
    with ExitStack() as opened:

        def one_process() -> Register:
            if kind == "memory":
                return MemoryRegister(passing.clock)
            return opened.enter_context(closing(FileRegister(tmp_path / "limits", callers, passing.clock)))

        shared = one_process()
        registers = [shared] * callers if workers == 3 or kind == "memory" else [one_process() for _ in range(callers)]
        begun: list[float] = []
        due = [(passing.now, caller, -1) for caller in range(callers)]
        start = passing.now
        while due[0][0] < start + minutes * 60:
            passing.now, caller, place = heapq.heappop(due)
            if place >= 0:
                registers[caller].end(place)
            found = registers[caller].begin(calls, WINDOW)
            if isinstance(found, int):
                begun.append(passing.now)
                heapq.heappush(due, (passing.now + seconds, caller, found))
            else:
                heapq.heappush(due, (passing.now + max(found, 0.005), caller, -1))
    ends = [*begun[1:], start + minutes * 60]
    for count, end in enumerate(ends, start=1):
        if end - start > 61:
            assert count >= 0.95 * calls * (end - start) / 60, f"after {end - start} s"
    assert len(begun) >= 0.95 * calls * minutes


# Real processes

CALLER = """
import sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from auditor.actito import V5, Connection, Reader

url, folder, minute, calls, concurrency, count = sys.argv[1:]
speed = 60 / float(minute)
connection = Connection(
    url, lambda: "key", "acme", dialect=V5, calls_per_minute=int(calls), concurrency=int(concurrency),
    shared=Path(folder), clock=lambda: time.monotonic() * speed, sleep=lambda seconds: time.sleep(seconds / speed),
)
with connection, ThreadPoolExecutor(4) as pool:
    list(pool.map(lambda _: Reader(connection).entities(), range(int(count))))
"""


class Platform(ThreadingHTTPServer):
    """Notes when each request came in, and how many were there at once. Requests to /held wait for `released`."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.Lock()
        self.arrived: list[float] = []
        self.there = self.most = 0
        self.hold = False
        self.came, self.released = threading.Event(), threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed hangs up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Platform

    def do_GET(self) -> None:
        platform = self.server
        with platform.lock:
            platform.arrived.append(time.monotonic())
            platform.there += 1
            platform.most = max(platform.most, platform.there)
        if platform.hold and self.path != "/auth/token":
            platform.came.set()
            platform.released.wait(60)
        token = b'{"accessToken": "t", "expiresIn": "9000000s"}'
        body = token if self.path == "/auth/token" else b'{"entities": [{"id": 1, "name": "acme"}]}'
        with platform.lock:
            platform.there -= 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the base class names it so
        pass


@pytest.fixture
def platform() -> Iterator[Platform]:
    with Platform() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


def caller(platform: Platform, folder: Path, *, minute: float, calls: int, concurrency: int, count: int) -> Any:
    options = [platform.url, str(folder), str(minute), str(calls), str(concurrency), str(count)]
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(CALLER), *options])


def test_processes_keep_the_limits_together(platform: Platform, tmp_path: Path) -> None:
    """Three of them with four threads each, all calling as fast as they may; a minute is four tenths of a second.

    A real clock, since processes of a machine share no other: each call begins so long after the one 20 before it has
    ended, and arrives later still. A slow machine makes that longer, never shorter.
    """
    minute, calls = 0.4, 20
    options: dict[str, Any] = {"minute": minute, "calls": calls, "concurrency": 2, "count": 24}
    processes = [caller(platform, tmp_path / "limits", **options) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert len(platform.arrived) == 3 * (24 + 1), "each of them signs in once"
    assert platform.most <= 2
    arrived = sorted(platform.arrived)
    assert all(later - earlier >= minute - 1e-6 for earlier, later in zip(arrived, arrived[calls:], strict=False))


def test_the_place_of_a_killed_process_is_free_and_its_call_counted(platform: Platform, tmp_path: Path) -> None:
    platform.hold = True
    folder = tmp_path / "limits"
    killed = caller(platform, folder, minute=60, calls=3, concurrency=1, count=1)
    try:
        assert platform.came.wait(60)
        with closing(FileRegister(folder, 1, time.monotonic)) as other:
            assert isinstance(other.begin(3, WINDOW), float), "the only place is taken"
            killed.kill()
            killed.wait(60)
            place = other.begin(3, WINDOW)
            assert place == 0
            other.end(0)
            wait = other.begin(3, WINDOW)
            assert isinstance(wait, float), "signing in, the call that was killed, and our own"
            assert 0 < wait <= WINDOW + 1e-6
    finally:
        killed.kill()
        killed.wait(60)


def test_every_connection_of_a_working_folder_counts_in_one_place(platform: Platform, tmp_path: Path) -> None:
    platform.hold = True
    (tmp_path / "key").write_text("key")
    (tmp_path / "auditor.toml").write_text(
        f'entity = "acme"\ntable = "Customers"\n[actito]\nurl = "{platform.url}"\napi_key = "file:key"\n'
        'concurrency = 1\n[platform]\nexport = "p.csv"\n[truth]\nfrom = "t.csv"\n'
    )
    made = read_settings(tmp_path / "auditor.toml")
    with connect(made) as reading, connect(made, writing=True) as writing:
        thread = threading.Thread(target=reading.read, args=[reading.dialect.entities()])
        thread.start()
        assert platform.came.wait(60)
        with closing(FileRegister(running_folder(tmp_path / "state"), 1, time.monotonic)) as other:
            assert other.begin(60, WINDOW) == 0.0, "the place is taken"
        platform.released.set()
        thread.join()
        writing.read(writing.dialect.entities())
    assert platform.most == 1
    noted = (running_folder(tmp_path / "state") / "calls").stat().st_size // 8
    assert noted == len(platform.arrived) == 4


def test_the_defaults_leave_room_for_shop_and_forms(tmp_path: Path) -> None:
    """A licence has 100 calls a minute and 5 at once, for everybody together (D-limits)."""
    (tmp_path / "auditor.toml").write_text(
        'entity = "acme"\ntable = "Customers"\n[actito]\nurl = "https://api3.actito.com"\napi_key = "env:KEY"\n'
        '[platform]\nexport = "p.csv"\n[truth]\nfrom = "t.csv"\n'
    )
    actito = read_settings(tmp_path / "auditor.toml").actito
    assert actito.calls_per_minute <= 75
    assert actito.concurrency <= 3
    assert actito.own_bulk_calls_per_day <= 12 // 2


# What the disk can do


def test_the_register_is_private(tmp_path: Path) -> None:
    with closing(FileRegister(tmp_path / "state" / "limits", 2, time.monotonic)):
        pass
    assert stat.S_IMODE((tmp_path / "state" / "limits").stat().st_mode) == 0o700
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "state" / "limits").iterdir()}
    assert modes == {"calls": 0o600, "place-1": 0o600, "place-2": 0o600}


@pytest.mark.parametrize("content", [b"", b"\x00" * 5, b"\xff" * 4096, b"no register" * 40])
def test_a_damaged_register_makes_nobody_wait_longer_than_a_minute(content: bytes, tmp_path: Path) -> None:
    with closing(FileRegister(tmp_path, 1, time.monotonic)):
        pass
    (tmp_path / "calls").write_bytes(content)
    passing = Time()
    limits = Limits(3, 1, sleep=passing.sleep, clock=passing.clock, folder=tmp_path)
    with closing(limits), limits.turn():
        pass
    assert sum(passing.slept) <= WINDOW + 1


def test_an_answer_is_not_lost_to_a_full_disk_and_nothing_is_sent_onto_one(tmp_path: Path) -> None:
    """/dev/full is a file on a disk that is always full."""
    (tmp_path / "calls").symlink_to("/dev/full")
    passing = Time()
    limits = Limits(3, 1, sleep=passing.sleep, clock=passing.clock, folder=tmp_path)
    sent = []
    with closing(limits):
        with limits.turn():
            sent.append("first")
        with pytest.raises(TryLater, match="cannot be counted") as caught, limits.turn():
            sent.append("second")
    assert sent == ["first"]
    assert "room" in str(caught.value.hint)


def test_a_folder_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(TryLater, match="state"):
        Limits(3, 1, sleep=time.sleep, clock=time.monotonic, folder=tmp_path / "state" / "limits")


def test_a_wait_ends_with_the_call_that_was_in_the_way(tmp_path: Path) -> None:
    """Two connections of one process are kept apart like two processes."""
    first = Limits(60, 1, sleep=time.sleep, clock=time.monotonic, folder=tmp_path)
    second = Limits(60, 1, sleep=time.sleep, clock=time.monotonic, folder=tmp_path)
    order: list[str] = []

    def later() -> None:
        with second.turn():
            order.append("second")

    with closing(first), closing(second):
        with first.turn():
            thread = threading.Thread(target=later)
            thread.start()
            order.append("first")
        thread.join(60)
    assert order == ["first", "second"]
