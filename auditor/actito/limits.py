"""Keeps every exchange within the share of the licence's limits that the auditor allows itself.

The limits belong to the licence, not to a connection: all connections of a process to one host share them, whichever
key they use. (Actito slows callers down beyond its calls per minute and answers 429 beyond its concurrency, D-limits.)
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

WINDOW = 60.0
"""Seconds over which calls are counted."""
MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""Larger answers are refused: none of the calls used here has a reason to be larger."""
MAX_ANSWER_SECONDS = 300.0
"""An answer that has not arrived as a whole by then counts as a timeout, however steadily it drips."""
_SHORTEST_SLEEP = 0.01

Clock = Callable[[], float]
"""Seconds that never go back, such as `time.monotonic`."""
Sleep = Callable[[float], None]


class Limits:
    """At most `concurrency` exchanges at once, and at most `calls_per_minute` begun in any 60 seconds."""

    def __init__(self, calls_per_minute: int, concurrency: int, *, sleep: Sleep, clock: Clock) -> None:
        self._calls = calls_per_minute
        self._sleep = sleep
        self._clock = clock
        self._free = threading.BoundedSemaphore(concurrency)
        self._lock = threading.Lock()
        self._begun: deque[float] = deque()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until one more exchange is allowed, and count it as under way for the length of the block."""
        with self._free:
            while (wait := self._claim()) > 0:
                self._sleep(max(wait, _SHORTEST_SLEEP))  # never so short that a float clock would not move
            yield

    def _claim(self) -> float:
        """Take a place in the window and return 0, or return the seconds until the next place is free."""
        with self._lock:
            now = self._clock()
            while self._begun and self._begun[0] + WINDOW <= now:
                self._begun.popleft()
            if len(self._begun) < self._calls:
                self._begun.append(now)
                return 0.0
            return self._begun[0] + WINDOW - now


_shared: dict[tuple[object, ...], Limits] = {}
_shared_lock = threading.Lock()


def limits_for(host: str, calls_per_minute: int, concurrency: int, *, sleep: Sleep, clock: Clock) -> Limits:
    """The one `Limits` of this process for `host` with these numbers; made at the first call."""
    key = (host, calls_per_minute, concurrency, sleep, clock)
    with _shared_lock:
        if key not in _shared:
            _shared[key] = Limits(calls_per_minute, concurrency, sleep=sleep, clock=clock)
        return _shared[key]


class Unacceptable(httpx.TransportError):
    """An answer that is not taken in: too large, or compressed, so that its size says nothing."""


class LimitedTransport(httpx.BaseTransport):
    """Carries out each exchange, sign-in included, whole and within the limits: an answer is read to its end here."""

    def __init__(self, inner: httpx.BaseTransport, limits: Limits, *, clock: Clock) -> None:
        self._inner = inner
        self._limits = limits
        self._clock = clock

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with self._limits.turn():
            started = self._clock()
            response = self._inner.handle_request(request)
            try:
                body = self._body(response, started)
            finally:
                response.close()
        return httpx.Response(response.status_code, headers=response.headers, content=body)

    def _body(self, response: httpx.Response, started: float) -> bytes:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise Unacceptable("it is compressed, which was not asked for")
        parts: list[bytes] = []
        size = 0
        stream = response.stream
        if not isinstance(stream, httpx.SyncByteStream):
            raise TypeError("the transport below must be a synchronous one")
        for part in stream:
            size += len(part)
            if size > MAX_ANSWER_BYTES:
                raise Unacceptable("it is larger than any answer should be")
            if self._clock() - started > MAX_ANSWER_SECONDS:
                raise httpx.ReadTimeout("the answer takes too long")
            parts.append(part)
        return b"".join(parts)

    def close(self) -> None:
        self._inner.close()
