"""Formats of dates and moments, in strptime's words: which of them say a day, and one day alone."""

from __future__ import annotations

from datetime import UTC, datetime

from auditor.settings.contract import Compare

_WRITTEN = datetime(1868, 11, 23, 21, 45, 36, tzinfo=UTC)
"""Of another century than anybody who is alive: who reads two digits of its year finds another one."""
_TWO_DIGITS = ("%y", "%c", "%D", "%x", "%g")


def unreadable(text: str, rule: Compare) -> str | None:
    """Why values in this format cannot be read by a rule; None: they can.

    A year of two digits is refused: it leaves the century open, and people are born in both.
    """
    if "%" not in text:
        return f'"{text}" is no format; %d/%m/%Y would be one'
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
