"""How moments and days are written for people, on screens, pages and in files: said here once.

A moment is one of UTC, as runs are named, and says so, whoever reads it where. A day is a day of the contract's time
zone, in which people say until when something holds.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo


def moment(at: datetime) -> str:
    """`2026-11-20 09:30 UTC`, of a moment with any zone."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def last_day(end: datetime, zone: tzinfo) -> date:
    """The last day on which something holds that ends at a moment."""
    return (end.astimezone(zone) - timedelta(microseconds=1)).date()
