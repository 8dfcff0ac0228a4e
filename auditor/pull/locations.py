"""Where inputs lie: the newest file that a path or pattern names, the moment in its name, and archives opened.

Local paths, patterns and `file:` addresses are understood. A file that is still arriving is not taken.
"""

from __future__ import annotations

import contextlib
import glob
import gzip
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from datetime import timezone as fixed_zone
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

from auditor.errors import InputUnusable, SettingsError, TryLater
from auditor.files import megabytes, printable, require_space, whole_file

TEMPORARY = (".part", ".partial", ".tmp", ".filepart", ".crdownload")
"""Endings that uploading and downloading programs use until a file is complete."""

LARGEST_UNPACKED = 50 * 2**30
"""Bytes; more than this comes out of no honest archive of profiles."""
SUSPICIOUS_RATIO = 250
"""Unpacked to packed. Real exports stay below 50; the format allows 1032."""
RATIO_FROM = 64 * 2**20
"""Bytes below which the ratio does not matter."""

_CHUNK = 2**20
_SHOWN = 5

_DATE = r"(?P<year>(?:19|20)\d\d)(?P<dash>[-_.]?)(?P<month>\d\d)(?P=dash)(?P<day>\d\d)"
_TIME = r"(?P<hour>\d\d)(?P<colon>[-:_.h]?)(?P<minute>\d\d)(?:(?P=colon)(?P<second>\d\d)(?:\.?\d{3})?)?"
_MOMENT = re.compile(rf"(?<!\d){_DATE}(?:[T _-]?{_TIME}(?P<zone>Z|\+\d\d:?\d\d)?)?(?!\d)")


@dataclass(frozen=True, slots=True)
class Found:
    """One file that a location names."""

    path: Path
    bytes: int
    modified: datetime
    """By the server's clock, UTC."""
    named: datetime | None
    """The moment in its name; the start of the day where the name holds a date only."""
    named_to_the_day: bool
    """The name holds a date without a time."""

    @property
    def newest_content(self) -> datetime:
        """The latest moment that the content can show, as far as name and file time tell."""
        if self.named is None:
            return self.modified
        if self.named_to_the_day:
            return max(self.named, min(self.modified, self.named + timedelta(days=1)))
        return self.named


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


def local_pattern(location: str, base: Path) -> str:
    """The path or pattern of a location on this machine; relative ones start at `base`.

    Raises SettingsError for addresses of other machines and of databases.
    """
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):", location)
    if scheme is None:
        pattern = location
    elif scheme[1].lower() == "file":
        address = urlsplit(location)
        if address.netloc not in ("", "localhost"):
            raise SettingsError(f'"{printable(location)}" names another machine; file: means this one')
        pattern = unquote(address.path) if location[5:].startswith("//") else location[5:]
    else:
        # Only the scheme is repeated: the rest of an address may hold a password.
        raise SettingsError(
            f"locations that start with {scheme[1].lower()}: are not supported yet",
            hint="name a local file or pattern, such as exports/Customers_*.csv",
        )
    if not pattern:
        raise SettingsError("a location is empty", hint="name a file or pattern, such as exports/Customers_*.csv")
    return str(base / Path(pattern).expanduser())


def newest(location: str, base: Path, timezone: tzinfo) -> Found:
    """The newest file that `location` names: by the moment in its name, else by its file time.

    Raises TryLater when nothing matches or only unfinished uploads do, SettingsError for what is no file.
    """
    pattern = local_pattern(location, base)
    paths = [Path(pattern)] if Path(pattern).exists() else [Path(match) for match in glob.glob(pattern, recursive=True)]  # noqa: PTH207 - pathlib's glob takes no absolute pattern
    if len(paths) == 1 and not paths[0].is_file():
        raise SettingsError(
            f"{printable(location)} is a folder or a device, not a file", hint=f"name the files in it: {location}/*.csv"
        )
    files = [path for path in paths if path.is_file()]
    complete = [path for path in files if not path.name.lower().endswith(TEMPORARY)]
    if not complete:
        raise _nothing(location, Path(pattern), unfinished=files)
    found = []
    for path in complete:
        # A file may be moved away between listing and looking; the others are still there.
        with contextlib.suppress(FileNotFoundError):
            found.append(look(path, timezone))
    if not found:
        raise _nothing(location, Path(pattern), unfinished=[])
    return max(found, key=lambda each: (each.named or each.modified, each.modified, each.path.name))


def look(path: Path, timezone: tzinfo) -> Found:
    """What the file system says about one file. Raises FileNotFoundError."""
    status = path.stat()
    named = moment_in_name(path.name, timezone)
    return Found(
        path=path.resolve(),
        bytes=status.st_size,
        modified=datetime.fromtimestamp(status.st_mtime, UTC),
        named=named[0] if named else None,
        named_to_the_day=named is not None and not named[1],
    )


def unpack(path: Path, folder: Path, *, name: str) -> Path:
    """The file inside a ZIP or gzip archive, written to `folder / name`; `path` itself where it is no archive.

    What a file is shows in its first bytes, not in its name. Raises InputUnusable for a damaged or oversized archive,
    SettingsError for one that holds another number of files than one, TryLater for a full disk.
    """
    with path.open("rb") as file:
        magic = file.read(4)
    if magic[:2] == b"\x1f\x8b":
        with damaged(path), gzip.open(path, "rb") as inner:
            return _unpacked(inner, path, folder / name)
    if magic[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        with damaged(path), zipfile.ZipFile(path) as archive:
            member = _only_member(archive, path)
            _check_size(member.file_size, path)
            require_space(folder, member.file_size)
            with archive.open(member) as inner:
                return _unpacked(inner, path, folder / name)
    return path


@contextlib.contextmanager
def damaged(path: Path) -> Iterator[None]:
    """Turns what the archive modules raise about a damaged archive into one sentence."""
    try:
        yield
    except (EOFError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, NotImplementedError) as error:
        what = "is cut off" if isinstance(error, EOFError) else "is damaged"
        raise InputUnusable(
            f"the archive {printable(path)} {what} and cannot be opened", hint="transfer it again"
        ) from error


def _unpacked(inner: gzip.GzipFile | IO[bytes], path: Path, target: Path) -> Path:
    size = 0
    with whole_file(target) as partial, partial.open("wb") as out:
        while chunk := inner.read(_CHUNK):
            size += len(chunk)
            _check_size(size, path)
            if size % (64 * _CHUNK) < _CHUNK:
                require_space(target.parent, _CHUNK)
            out.write(chunk)
    return target


def _check_size(size: int, path: Path) -> None:
    packed = max(path.stat().st_size, 1)
    if size > LARGEST_UNPACKED or (size > RATIO_FROM and size > packed * SUSPICIOUS_RATIO):
        raise InputUnusable(
            f"the archive {printable(path)} of {megabytes(packed)} unpacks to {megabytes(size)} or more: "
            "it was not opened any further",
            hint="unpack it by hand if it is what you expect",
        )


def _only_member(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    names = archive.namelist()
    if "[Content_Types].xml" in names:
        raise SettingsError(f"{printable(path)} is an Office document", hint="export it as CSV or Parquet")
    members = [
        member
        for member in archive.infolist()
        if not member.is_dir()
        and not member.filename.startswith("__MACOSX/")
        and not Path(member.filename).name.startswith(".")
        and not stat.S_ISLNK(member.external_attr >> 16)
    ]
    if len(members) != 1:
        raise SettingsError(
            f"the archive {printable(path)} holds {len(members)} files{_listed([each.filename for each in members])}, "
            "and exactly one is expected",
            hint="put one CSV or Parquet file into it",
        )
    if members[0].flag_bits & 1:
        raise SettingsError(f"the archive {printable(path)} is protected by a password", hint="send it without one")
    return members[0]


def _nothing(location: str, pattern: Path, *, unfinished: list[Path]) -> TryLater:
    shown = printable(location)
    if unfinished:
        arriving = _listed([path.name for path in unfinished])
        return TryLater(
            f"{shown}: only unfinished uploads are there{arriving}", hint="run again when they are complete"
        )
    folder = pattern.parent
    while glob.has_magic(str(folder)):
        folder = folder.parent
    if not folder.is_dir():
        return TryLater(f"nothing matches {shown}: there is no folder {printable(folder)}")
    try:
        with os.scandir(folder) as entries:
            names = sorted((entry.name for entry in entries if not entry.name.startswith(".")), reverse=True)
    except PermissionError:
        return TryLater(f"nothing matches {shown}: the folder {printable(folder)} cannot be listed")
    there = f"it holds{_listed(names)}" if names else "it is empty"
    return TryLater(
        f"nothing matches {shown} in {printable(folder.resolve())}: {there}",
        hint="check the pattern, and whether the file was delivered",
    )


def _listed(names: list[str]) -> str:
    """` (a, b, c and 4 more)`, or nothing."""
    if not names:
        return ""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f" ({', '.join(printable(name) for name in names[:_SHOWN])}{more})"
