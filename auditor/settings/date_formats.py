"""Formats of dates and moments, in strptime's words or counted: which of them say a day, and one day alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from auditor.settings.contract import Compare

_WRITTEN = datetime(1868, 11, 23, 21, 45, 36, tzinfo=UTC)
"""Of another century than anybody who is alive: who reads two digits of its year finds another one."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Days or moments written as a number: so many units since a beginning."""

    said: str
    """How people call it."""
    began: str
    """A local day, of UTC where the unit is a part of a second or a second."""
    seconds: float
    """Of the unit."""
    first: int
    """The smallest number that says one day alone: until March 1900 Excel counts one day too many."""

    @property
    def began_at(self) -> int:
        """Microseconds between 1970 and the beginning."""
        return (datetime.fromisoformat(self.began) - datetime(1970, 1, 1)) // timedelta(microseconds=1)  # noqa: DTZ001

    @property
    def last(self) -> int:
        """The largest number whose day has a year of four digits."""
        end = datetime(9999, 12, 31, 23, 59, 59, 999_999)  # noqa: DTZ001 -- local, as the beginning is
        return (end - datetime.fromisoformat(self.began)) // timedelta(seconds=self.seconds)

    @property
    def instant(self) -> bool:
        """Whether it is the same moment everywhere."""
        return self.seconds <= 1


COUNTED: Final = {
    "excel": Counted("Excel's days", "1899-12-30", 86_400, 61),
    "excel-1904": Counted("Excel's days since 1904", "1904-01-01", 86_400, 0),
    "unix": Counted("seconds since 1970", "1970-01-01", 1, -30_000_000_000),
    "unix-ms": Counted("milliseconds since 1970", "1970-01-01", 0.001, -30_000_000_000_000),
    "unix-days": Counted("days since 1970", "1970-01-01", 86_400, -354_285),
}
"""Formats that strptime has no words for, by their names in contracts and options."""
_TWO_DIGITS = ("%y", "%c", "%D", "%x", "%g")


def unreadable(text: str, rule: Compare) -> str | None:
    """Why values in this format cannot be read by a rule; None: they can.

    A year of two digits is refused: it leaves the century open, and people are born in both.
    """
    if text in COUNTED:
        return None
    if "%" not in text:
        return f'"{text}" is no format; %d/%m/%Y would be one, and so are {", ".join(COUNTED)}'
    if any(one in text.replace("%%", "").replace("%-", "%") for one in _TWO_DIGITS):
        return f'"{text}" has a year of two digits, which leaves the century open: years have four, %Y'
    plain = text.replace("%-", "%")
    try:
        read = datetime.strptime(_WRITTEN.strftime(plain), plain)  # noqa: DTZ007 -- its zone is the format's business
    except ValueError:
        return f'"{text}" is no format that can be read; %d/%m/%Y would be one'
    if read.date() != _WRITTEN.date():
        return f'"{text}" leaves day, month or year open'
    if rule is Compare.TIMESTAMP and read.hour not in (0, _WRITTEN.hour):
        return f'"{text}" leaves open whether it is morning or afternoon: hours are %H, or %I with %p'
    return None
