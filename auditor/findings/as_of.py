"""The moment that an input shows: what was written after it cannot be in it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple


class Shown(NamedTuple):
    """A moment, with zone, and how it is known: `snapshot`, `name`, `update_moment` or `file_time`."""

    at: datetime
    known_from: str


def shown_moment(
    named: datetime | None,
    *,
    has_time: bool,
    updated: datetime | None,
    written: datetime,
    snapshot: datetime | None = None,
) -> Shown:
    """The moment an input shows.

    `snapshot` is when a database was read, by its own clock: that it shows, whatever else is known.
    `named` is the moment in the file's name (midnight where it names a day only: `has_time` False), `updated` the
    greatest update moment of its rows, `written` when the file was last written. A name with a time is believed. A
    name with a day alone proves the start of that day, and a greater update moment proves more. Nothing was seen
    after the file was written.
    """
    if snapshot is not None:
        return Shown(min(snapshot, written), "snapshot")
    if named is not None and has_time:
        return Shown(named, "name")
    if updated is not None and updated > written:
        updated = None  # a moment in the future is somebody's typing error, not a fact about the file
    if named is not None:
        later = updated is not None and named <= updated < named + timedelta(days=1)
        return Shown(updated, "update_moment") if updated is not None and later else Shown(named, "name")
    if updated is not None:
        return Shown(updated, "update_moment")
    return Shown(written, "file_time")
