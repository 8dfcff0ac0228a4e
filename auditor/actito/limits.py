"""Keeps every call within the share of the licence's limits that the auditor allows itself.

The limits belong to the licence, not to a connection: Actito slows callers down beyond its calls per minute and answers
429 beyond its concurrency (D-limits). So all threads and processes that share a state folder share them through
`auditor.actito.register`; without such a folder, all connections of this process to one host do.

A call counts from its beginning until 60 seconds after its end: when in between it reached the platform is not known
here, and this way no 60 seconds of the platform's own clock hold more calls than allowed, however long they travel.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from auditor.actito.log import LOGGER
from auditor.actito.register import FileRegister
from auditor.errors import TryLater

WINDOW = 60.0
"""Seconds over which calls are counted."""
_SHORTEST_SLEEP = 0.005
"""Seconds: also how often a place is looked for that another process holds. A float clock moves in this time."""

Clock = Callable[[], float]
"""Seconds that never go back, such as `time.monotonic`; the same for all processes of this machine."""
Sleep = Callable[[float], None]


class Register(Protocol):
    """Who is calling, and when calls ended."""

    def begin(self, calls: int, window: float) -> int | float:
        """Note a call that begins: its place, an int. Where none may begin now: seconds to wait, a float; 0.0 where
        only the end of another call can help.
        """

    def end(self, place: int) -> None:
        """Note that the call in this place has ended. Never fails: the answer of a write must not be lost for it."""

    def close(self) -> None: ...


class Limits:
    """At most `concurrency` calls at once, and at most `calls_per_minute` of them in any 60 seconds."""

    def __init__(
        self,
        calls_per_minute: int,
        concurrency: int,
        *,
        sleep: Sleep,
        clock: Clock,
        folder: Path | None = None,
    ) -> None:
        """With `folder`, together with everybody who names the same. Raises TryLater when it cannot be written to."""
        self._calls = calls_per_minute
        self._sleep, self._clock = sleep, clock
        self._concurrency = concurrency
        self._free = threading.BoundedSemaphore(concurrency)
        self._next = threading.Lock()
        self._folder = folder
        with self._usable():
            self._register: Register = (
                MemoryRegister(clock) if folder is None else FileRegister(folder, concurrency, clock)
            )

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until one more call is allowed, and count it for the length of the block.

        Raises TryLater, before the block, when the register cannot be written to.
        """
        with self._one_of_ours():
            with self._next:  # one thread of this process at a time looks for a place
                place = self._begin()
            try:
                yield
            finally:
                self._register.end(place)

    def close(self) -> None:
        self._register.close()

    @contextlib.contextmanager
    def _one_of_ours(self) -> Iterator[None]:
        if not self._free.acquire(blocking=False):
            began = self._clock()
            self._free.acquire()
            self._waited(began)
        try:
            yield
        finally:
            self._free.release()

    def _begin(self) -> int:
        began: float | None = None
        while True:
            with self._usable():
                found = self._register.begin(self._calls, WINDOW)
            if isinstance(found, int):
                if began is not None:
                    self._waited(began)
                return found
            if found:
                LOGGER.info("waiting %.1f s: %d calls within %.0f s are used up", found, self._calls, WINDOW)
            elif began is None:
                began = self._clock()
            self._sleep(max(found, _SHORTEST_SLEEP))

    def _waited(self, began: float) -> None:
        LOGGER.info("waited %.1f s for the end of another call: %d at once", self._clock() - began, self._concurrency)

    @contextlib.contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise TryLater(
                f"the calls to Actito cannot be counted in {self._folder}: {error.strerror}",
                hint="make room there; the folder must be writable for this user",
            ) from None


class MemoryRegister:
    """The calls of this process alone."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._under_way = 0
        self._ended: deque[float] = deque()

    def begin(self, calls: int, window: float) -> int | float:
        with self._lock:
            now = self._clock()
            while self._ended and self._ended[0] + window <= now:
                self._ended.popleft()
            if self._under_way + len(self._ended) < calls:
                self._under_way += 1
                return 0
            return self._ended[0] + window - now if self._ended else 0.0

    def end(self, place: int) -> None:
        with self._lock:
            self._under_way -= 1
            self._ended.append(self._clock())

    def close(self) -> None:
        """Nothing to give back: others may still be using it."""


_shared: dict[tuple[object, ...], Limits] = {}
_shared_lock = threading.Lock()


def limits_for(
    host: str, calls_per_minute: int, concurrency: int, *, sleep: Sleep, clock: Clock, folder: Path | None = None
) -> Limits:
    """The limits for a connection to `host`: those of everybody with this `folder`, else those of this process."""
    if folder is not None:
        return Limits(calls_per_minute, concurrency, sleep=sleep, clock=clock, folder=folder)
    key = (host, calls_per_minute, concurrency, sleep, clock)
    with _shared_lock:
        if key not in _shared:
            _shared[key] = Limits(calls_per_minute, concurrency, sleep=sleep, clock=clock)
        return _shared[key]
