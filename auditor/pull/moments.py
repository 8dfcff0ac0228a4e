"""The moment in a file's name, and which of several files is the newest."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from datetime import timezone as fixed_zone

_DATE = r"(?P<year>(?:19|20)\d\d)(?P<dash>[-_.]?)(?P<month>\d\d)(?P=dash)(?P<day>\d\d)"
_TIME = r"(?P<hour>\d\d)(?P<colon>[-:_.h]?)(?P<minute>\d\d)(?:(?P=colon)(?P<second>\d\d)(?:\.?\d{3})?)?"
_MOMENT = re.compile(rf"(?<!\d){_DATE}(?:[T _-]?{_TIME}(?P<zone>Z|\+\d\d:?\d\d)?)?(?!\d)")


@dataclass(frozen=True, slots=True)
class Found:
    """One file that a location names, as it was when it was looked at. Equal when nothing has moved."""

    place: str
    """Its path, on this machine or on its server; its whole address on a web server."""
    name: str
    bytes: int | None
    """None where the server does not say."""
    modified: datetime | None
    """By the server's clock, UTC; None where it does not say."""
    version: str
    """What else changes with the content: inode and nanoseconds, or the server's entity tag."""
    named: datetime | None
    """The moment in its name; the start of the day where the name holds a date only."""
    named_to_the_day: bool
    """The name holds a date without a time."""

    @property
    def newest_content(self) -> datetime | None:
        """The latest moment that the content can show, as far as name and file time tell."""
        if self.named is None:
            return self.modified
        if self.named_to_the_day:
            end = self.named + timedelta(days=1)
            return max(self.named, min(self.modified or end, end))
        return self.named

    @property
    def order(self) -> tuple[datetime, datetime, str]:
        """The newest is the greatest: by the moment in the name, else by file time."""
        modified = self.modified or datetime.min.replace(tzinfo=UTC)
        return self.named or modified, modified, self.name


def found(
    place: str, size: int | None, modified: datetime | None, timezone: tzinfo, *, version: str = "", name: str = ""
) -> Found:
    """What is known of one file, with the moment in its name read in `timezone`. Without a name: the end of `place`."""
    name = name or place.rpartition("/")[2]
    named = moment_in_name(name, timezone)
    return Found(place, name, size, modified, version, named[0] if named else None, named is not None and not named[1])


def moment_in_name(name: str, timezone: tzinfo) -> tuple[datetime, bool] | None:
    """The last date, or date and time, in a file name, and whether it has a time; None where there is none.

    Local times are read in `timezone` unless `Z` or an offset such as `+0200` follows. Understood are, among others,
    `contacts_20260501T063000.csv`, `2026-05-01_06-30` and `20260501`.
    """
    for match in reversed(list(_MOMENT.finditer(name))):
        parts = {part: int(match[part] or 0) for part in ("year", "month", "day", "hour", "minute", "second")}
        with contextlib.suppress(ValueError):
            return datetime(**parts, tzinfo=_zone(match["zone"], timezone)), match["hour"] is not None
    return None


def _zone(written: str | None, timezone: tzinfo) -> tzinfo:
    if not written:
        return timezone
    if written == "Z":
        return UTC
    return fixed_zone(timedelta(hours=int(written[1:3]), minutes=int(written[-2:])))
