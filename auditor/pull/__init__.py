"""The pull stage for files: finds the newest input of a side, makes sure that it has arrived whole, and hashes it.

A plain file stays where it is and is read there; what an archive holds is written into the run's folder.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from auditor.errors import InputUnusable, TryLater
from auditor.files import fingerprint, printable, unchanged
from auditor.model import Side
from auditor.pull.locations import Found, newest, unpack

QUIET = 2.0
"""Seconds without a write after which a file counts as complete; a younger one is looked at twice."""

_CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class Pulled:
    """An input of one side, on this machine, complete and hashed."""

    side: Side
    path: Path
    """The CSV or Parquet file to load, absolute: the original, or what its archive held. DuckDB must be allowed to
    read its folder."""
    location: str
    """As configured."""
    file: str
    """Name of the file that was found."""
    bytes: int
    """Size of the file as delivered, packed or not."""
    sha256: str
    """Of the file as delivered."""
    name_moment: datetime | None
    """The moment in its name, with zone; the start of the day where it names a date only."""
    name_has_time: bool
    """False where the name holds a date without a time, or nothing."""
    mtime: datetime
    """When it was last written, by the server's clock; UTC."""


def pull_file(
    side: Side,
    location: str,
    *,
    folder: Path,
    max_age: timedelta | None,
    now: datetime,
    timezone: tzinfo,
    base: Path | None = None,
    hashed: bool = True,
    sleep: Callable[[float], None] = time.sleep,
) -> Pulled:
    """Find the newest file that `location` names and make it ready to load.

    `folder` takes what an archive holds. `base` is where relative locations start (the settings file's folder; None:
    the working folder). `max_age` is the greatest age of its content at `now`; None means any. `hashed` False leaves
    out the SHA-256, for files that nobody will ask about again.

    Raises TryLater when nothing is there, when it is too old or still being written; InputUnusable when it is empty
    or damaged; SettingsError when the location is not understood.
    """
    found = newest(location, base or Path.cwd(), timezone)
    _check_age(found, location, max_age, now)
    with unchanged(found.path):
        _wait_until_quiet(found.path, sleep)
        if found.path.stat().st_size == 0:
            raise InputUnusable(
                f"{printable(found.path)} is empty: it holds 0 bytes", hint="export it again, then run again"
            )
        digest, size = _hash(found.path) if hashed else ("", found.path.stat().st_size)
        path = unpack(found.path, folder, name=f"{side.value}.unpacked")
        if path.stat().st_size == 0:
            raise InputUnusable(f"the file inside {printable(found.path)} is empty", hint="export it again")
    return Pulled(
        side=side,
        path=path.resolve(),
        location=location,
        file=found.path.name,
        bytes=size,
        sha256=digest,
        name_moment=found.named,
        name_has_time=found.named is not None and not found.named_to_the_day,
        mtime=found.modified,
    )


def _check_age(found: Found, location: str, max_age: timedelta | None, now: datetime) -> None:
    if max_age is None:
        return
    age = now - found.newest_content
    if age > max_age:
        raise TryLater(
            f"the newest file of {printable(location)} is {printable(found.path.name)}, {_hours(age)} old; "
            f"the limit is {_hours(max_age)}",
            hint="check that the export still runs, or raise max_age",
        )


def _wait_until_quiet(path: Path, sleep: Callable[[float], None]) -> None:
    """A file written a moment ago may be half an upload: the caller compares its state after this pause."""
    before = fingerprint(path)
    if before is not None and time.time() - before[2] / 1e9 < QUIET:
        sleep(QUIET / 4)


def _hash(path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def _hours(length: timedelta) -> str:
    hours = length.total_seconds() / 3600
    return f"{hours:.1f} hours" if hours < 72 else f"{hours / 24:.1f} days"
