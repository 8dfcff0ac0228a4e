"""The sandbox's own time. Everything that takes time here, or ends, takes it from this clock.

Two ways to move it: `set` moves the calendar only (which day it is, what a profile's moments say); `advance` lets time
pass, for the calendar, tokens, the calls of a minute, waiting imports and slow answers alike.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from auditor.sandbox.dialect import MOMENT, TIMEZONE


@dataclass(slots=True)
class Clock:
    """The clock of this machine, moved."""

    offset: timedelta = timedelta(0)
    """Of the calendar."""
    ended: bool = False
    """Nobody waits any more: the server stops."""
    _ahead: float = 0.0
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> datetime:
        """The moment, with zone (UTC)."""
        return datetime.now(UTC) + self.offset

    def local(self) -> datetime:
        """The moment in Actito's zone, without one."""
        return self.now().astimezone(TIMEZONE).replace(tzinfo=None)

    def day(self, zone: str) -> date:
        return self.now().astimezone(ZoneInfo(zone)).date()

    def stamp(self) -> str:
        """Now, as a moment stands in a profile."""
        return self.local().strftime(MOMENT)

    def monotonic(self) -> float:
        """Seconds that never go back: for lengths of time."""
        return time.monotonic() + self._ahead

    async def sleep(self, seconds: float, still: Callable[[], bool] = lambda: True) -> None:
        """Return when so many seconds have passed on this clock, `still` is no longer so, or the server stops."""
        until = self.monotonic() + seconds
        while not self.ended and still() and (left := until - self.monotonic()) > 0:
            moved = self._moved
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(moved.wait(), left)

    def set(self, now: datetime) -> None:
        self.offset = now - datetime.now(UTC)

    def advance(self, seconds: float) -> None:
        self.offset += timedelta(seconds=seconds)
        self._ahead += seconds
        self.wake()

    def end(self) -> None:
        self.ended = True
        self.wake()

    def wake(self) -> None:
        """Let everybody who sleeps look again whether to go on."""
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
