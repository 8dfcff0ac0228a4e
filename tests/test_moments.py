"""The moment that an input shows: what was written after it cannot be in it."""

# ruff: noqa: E501 -- the rows of a table are read better than they are wide

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from auditor.findings.as_of import shown_moment

BRUSSELS = ZoneInfo("Europe/Brussels")
NAMED_DAY = datetime(2026, 3, 10, tzinfo=BRUSSELS)
NAMED_TIME = datetime(2026, 3, 10, 3, 15, tzinfo=BRUSSELS)
WRITTEN = datetime(2026, 3, 12, 9, tzinfo=UTC)


def at(day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=BRUSSELS)


@pytest.mark.parametrize(
    ("named", "has_time", "updated", "moment", "known_from"),
    [
        (NAMED_TIME, True, None, NAMED_TIME, "name"),
        (NAMED_TIME, True, at(10, 3, 14), NAMED_TIME, "name"),
        (NAMED_TIME, True, at(11), NAMED_TIME, "name"),
        (NAMED_DAY, False, None, NAMED_DAY, "name"),
        (NAMED_DAY, False, at(10, 17), at(10, 17), "update_moment"),
        (NAMED_DAY, False, at(10), at(10), "update_moment"),
        (NAMED_DAY, False, at(10, 23, 59), at(10, 23, 59), "update_moment"),
        (NAMED_DAY, False, at(11), NAMED_DAY, "name"),
        (NAMED_DAY, False, at(9, 23, 59), NAMED_DAY, "name"),
        (NAMED_DAY, False, datetime(2026, 3, 10, 22, 30, tzinfo=UTC), datetime(2026, 3, 10, 22, 30, tzinfo=UTC), "update_moment"),
        (NAMED_DAY, False, datetime(2026, 3, 10, 23, 30, tzinfo=UTC), NAMED_DAY, "name"),
        (None, False, at(11, 8), at(11, 8), "update_moment"),
        (None, False, WRITTEN, WRITTEN, "update_moment"),
        (None, False, at(13), WRITTEN, "file_time"),
        (None, False, datetime(9999, 12, 31, tzinfo=UTC), WRITTEN, "file_time"),
        (None, False, None, WRITTEN, "file_time"),
    ],
)  # fmt: skip
def test_the_moment_an_input_shows(
    named: datetime | None, has_time: bool, updated: datetime | None, moment: datetime, known_from: str
) -> None:
    """A time in the name is believed, a day alone is refined by rows of that very day, the future is nobody's."""
    assert shown_moment(named, has_time=has_time, updated=updated, written=WRITTEN) == (moment, known_from)


@pytest.mark.parametrize("day", [datetime(2026, 3, 29, tzinfo=BRUSSELS), datetime(2026, 10, 25, tzinfo=BRUSSELS)])
def test_days_on_which_the_clock_changes_are_whole_days(day: datetime) -> None:
    """They have 23 and 25 hours: the last minute belongs to them, the first of the next does not."""
    written = datetime(2027, 1, 1, tzinfo=UTC)
    last = day.replace(hour=23, minute=59).astimezone(UTC)
    following = day.replace(day=day.day + 1).astimezone(UTC)
    assert shown_moment(day, has_time=False, updated=last, written=written).at == last
    assert shown_moment(day, has_time=False, updated=following, written=written).at == day
