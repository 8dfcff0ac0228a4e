"""What a licence allows (D-limits), and the counters behind it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from auditor.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one licence."""

    concurrent: int
    """Requests at one time; one more is answered 429."""
    per_minute: int
    """Calls in any 60 seconds; further ones are slowed down, not refused."""
    bulk_per_day: int
    """Imports per table and day; one more is answered 429."""
    zip_bytes: int = 100 * 1000 * 1000
    """A larger archive is answered 400."""


LIMITS: Final = {
    "standard": Limits(concurrent=5, per_minute=100, bulk_per_day=12),
    "extended": Limits(concurrent=50, per_minute=20_000, bulk_per_day=100),
}
"""A licence as sold, and one that has bought extension packs."""


def limits_named(name: str) -> Limits:
    """Raises SettingsError for a name that is not in LIMITS."""
    if name not in LIMITS:
        raise SettingsError(f'there are no limits "{name}"', hint=f"known: {', '.join(LIMITS)}")
    return LIMITS[name]


@dataclass(slots=True)
class Counters:
    """Calls as they come in. Times are seconds of a monotonic clock."""

    limits: Limits
    in_flight: int = 0
    calls: int = 0
    rejected: int = 0
    slowed: int = 0
    _recent: deque[float] = field(default_factory=deque)

    def enter(self) -> bool:
        """Count a request in, unless as many as allowed are under way."""
        if self.in_flight >= self.limits.concurrent:
            self.rejected += 1
            return False
        self.in_flight += 1
        self.calls += 1
        return True

    def leave(self) -> None:
        self.in_flight -= 1

    def beyond(self, now: float) -> int:
        """How many calls beyond those of a minute the call that comes in at `now` is; 0: none."""
        while self._recent and self._recent[0] <= now - 60:
            self._recent.popleft()
        self._recent.append(now)
        beyond = max(0, len(self._recent) - self.limits.per_minute)
        self.slowed += beyond > 0
        return beyond
