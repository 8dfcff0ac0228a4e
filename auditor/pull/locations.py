"""What a location names: a path or pattern on this machine, or an address on a server; and what lies on this machine.

exports/Customers_*.csv    file:exports/Customers.zip    sftp://user@host/out/*.csv    ftps://host/out/*.csv
https://host/Customers.csv    s3://bucket/exports/*.zip
"""

from __future__ import annotations

import contextlib
import difflib
import glob
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from auditor.errors import SettingsError, TryLater
from auditor.files.given import printable
from auditor.pull import datasets
from auditor.pull.archives import listed
from auditor.pull.moments import Found, found

TEMPORARY = (".part", ".partial", ".tmp", ".temp", ".filepart", ".crdownload", ".uploading")
"""Endings that uploading and downloading programs use until a file is complete."""

_NAMED, _NEAR = 3, 0.6
"""Files that may have been meant: how many are told, and how alike their names must be, from 0 to 1."""

SERVERS = ("sftp", "ftps", "https", "s3")

_ADDRESS = re.compile(
    r"(?P<scheme>[a-z0-9]+)://(?:(?P<user>[^/]*)@)?(?P<host>\[[^]/]*]|[^/:]*)(?::(?P<port>\d+))?(?P<path>/.*)?$"
)
_SECRET = re.compile(r"pass|pwd|secret|token|key|sig|auth|credential", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Address:
    """Where on which server files lie; it holds no secret."""

    scheme: str
    host: str
    """Of S3: the bucket."""
    port: int | None
    user: str | None
    path: str
    """Path or pattern, decoded, with the slash it begins with. Of https: with the query."""
    shown: str
    """As configured."""

    @property
    def server(self) -> str:
        """The server, as sentences name it and as what identifies a file begins."""
        return f"{self.host}:{self.port}" if self.port else self.host


class Absent(TryLater):
    """There is no file that a location names: not yet, where it is one that is delivered."""


class NothingCame(Absent):
    """The place is there and can be looked into, and nothing in it is what a location names."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a location names at one moment. Two that are equal: nothing has moved meanwhile."""

    newest: Found | None
    """Of the files that look complete."""
    arriving: tuple[Found, ...] = ()
    """Unfinished uploads that will be newer than the newest."""
    absent: Absent | None = field(default=None, compare=False)
    """What to say where there is nothing at all."""
    complete: tuple[Found, ...] = field(default=(), compare=False)
    """All files that look complete, the newest last."""


def address_of(location: str) -> Address | None:
    """The server's address in a location; None for what lies on this machine.

    Raises SettingsError for what is no address of a known kind, and for secrets in it, which are not repeated.
    """
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):", location)
    if scheme is None or scheme[1].lower() == "file":
        return None
    kind = scheme[1].lower()
    if kind not in SERVERS:
        # Only the scheme is repeated: the rest of an address may hold a password.
        raise SettingsError(
            f"locations that start with {kind}: are not supported yet",
            hint=f"a path or pattern, file:, {', '.join(f'{server}:' for server in SERVERS)} are",
        )
    parts = _ADDRESS.match(kind + location[len(kind) :])
    user = parts["user"] if parts else None
    if ":" in (user or "") or (kind == "https" and _secret_in(location)):
        raise SettingsError(
            f"a location that starts with {kind}: holds a password or another secret",
            hint=f"take it out, and name where it is: [platform.{kind}] or [truth.{kind}] with "
            + ("secret_key" if kind == "s3" else "token" if kind == "https" else "password")
            + ' = "env:NAME" or "file:PATH"',
        )
    port = int(parts["port"] or 0) if parts else 0
    if not parts or not parts["host"] or len(parts["path"] or "") < 2 or port > 65535:
        raise SettingsError(f"{printable(location)} is no whole address", hint=f"an example: {_EXAMPLES[kind]}")
    if not unquote(location).isprintable():
        raise SettingsError(f"{printable(location)} holds characters that no path has")
    if kind == "https" and "*" in parts["path"]:
        raise SettingsError(
            f"{printable(location)} is a pattern, and web servers list nothing", hint="name the address of one file"
        )
    path = parts["path"]
    return Address(
        scheme=kind,
        host=parts["host"].strip("[]"),
        port=port or None,
        user=unquote(user) if user else None,
        path=path if kind in ("https", "s3") else unquote(path),
        shown=location,
    )


_EXAMPLES = {
    "sftp": "sftp://user@files.acme.example/out/Customers_*.csv",
    "ftps": "ftps://user@files.acme.example/out/Customers_*.csv",
    "https": "https://files.acme.example/out/Customers.csv",
    "s3": "s3://bucket/out/Customers_*.csv",
}


def _secret_in(location: str) -> bool:
    return any(_SECRET.search(name) for name, _ in parse_qsl(urlsplit(location).query, keep_blank_values=True))


def local_pattern(location: str, base: Path) -> str:
    """The path or pattern of a location on this machine; relative ones start at `base`."""
    pattern = location
    if re.match(r"file:", location, re.IGNORECASE):
        address = urlsplit(location)
        if address.netloc not in ("", "localhost"):
            raise SettingsError(f'"{printable(location)}" names another machine; file: means this one')
        pattern = unquote(address.path) if location[5:].startswith("//") else location[5:]
    if not pattern:
        raise SettingsError("a location is empty", hint="name a file or pattern, such as exports/Customers_*.csv")
    return str(base / Path(pattern).expanduser())


def local_listing(location: str, base: Path, timezone: tzinfo) -> Listing:
    """What `location` names on this machine. Raises SettingsError for what is no file."""
    pattern = local_pattern(location, base)
    paths = [Path(pattern)] if Path(pattern).exists() else [Path(match) for match in glob.glob(pattern, recursive=True)]  # noqa: PTH207 - pathlib's glob takes no absolute pattern
    if len(paths) == 1 and paths[0].is_dir():
        return Listing(datasets.look(paths[0], location, timezone))
    if len(paths) == 1 and not paths[0].is_file():
        raise SettingsError(f"{printable(location)} is a device, not a file", hint="name a file")
    there = []
    for path in paths:
        # A file may be moved away between listing and looking; the others are still there.
        with contextlib.suppress(FileNotFoundError):
            if path.is_file():
                there.append(_look(path, timezone))
    return listing(there) if there else Listing(None, absent=_nothing_local(location, Path(pattern)))


def listing(there: Iterable[Found]) -> Listing:
    """The newest complete file, and the unfinished ones that will be newer."""
    there = sorted(there, key=lambda one: one.order)
    complete = [one for one in there if not one.name.lower().endswith(TEMPORARY)]
    newest = complete[-1] if complete else None
    return Listing(newest, tuple(there[there.index(newest) + 1 :] if newest else there), complete=tuple(complete))


def unfinished(location: str, arriving: Iterable[Found]) -> TryLater:
    return TryLater(
        f"{printable(location)}: only unfinished uploads are there{listed([one.name for one in arriving])}",
        hint="run again when they are complete",
    )


def nothing(location: str, folder: str, names: list[str]) -> NothingCame:
    """Nothing matches; `names` are what is there instead, of which those that come near are told."""
    wanted = location.rstrip("/").rpartition("/")[2].casefold()
    folded = {name.casefold(): name for name in sorted(names)}
    near = [folded[one] for one in difflib.get_close_matches(wanted, folded, n=_NAMED, cutoff=_NEAR)]
    there = f"it holds {len(names):,} files, none of which is called nearly so"
    if len(names) <= _NAMED:
        there = f"it holds{listed(sorted(names, reverse=True))}" if names else "it is empty"
    elif near:
        there = f"did you mean {' or '.join(printable(name) for name in near)}?"
    return NothingCame(
        f"nothing matches {printable(location)} in {printable(folder)}: {there}",
        hint="check the pattern, and whether the file was delivered",
    )


def _look(path: Path, timezone: tzinfo) -> Found:
    """What the file system says about one file. Raises FileNotFoundError."""
    status = path.stat()
    modified = datetime.fromtimestamp(status.st_mtime, UTC)
    version = f"{status.st_ino} {status.st_mtime_ns}"
    return found(str(path.resolve()), status.st_size, modified, timezone, version=version)


def _nothing_local(location: str, pattern: Path) -> Absent:
    folder = pattern.parent
    while glob.has_magic(str(folder)):
        folder = folder.parent
    shown = printable(location)
    if not folder.is_dir():
        return Absent(f"nothing matches {shown}: there is no folder {printable(folder)}")
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if not entry.name.startswith(".")]
    except PermissionError:
        return Absent(f"nothing matches {shown}: the folder {printable(folder)} cannot be listed")
    return nothing(location, str(folder.resolve()), names)
