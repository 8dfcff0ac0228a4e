"""The pull stage: finds the newest input of a side, makes sure that it has arrived whole, and hashes it.

    newest ─► arrived? ─► old? ─► fetched before? ─► fetched ─► unpacked
                                  (servers only)
    database ─► its rows of one moment
    folder of Parquet files ─► one file

A plain file of this machine stays where it is and is read there; one of a server is kept in the state folder; what an
archive holds, and the rows of a database, are written into the run's folder.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.errors import AuditorError, InputUnusable, SettingsError, TryLater
from auditor.files.disk import require_space
from auditor.files.given import printable, unchanged
from auditor.model import Side
from auditor.pull import databases, datasets
from auditor.pull.archives import require_members, unpack
from auditor.pull.kept import Kept, hash_of
from auditor.pull.locations import Address, Listing, address_of, local_listing, unfinished
from auditor.pull.moments import Found
from auditor.settings.inputs import Located, Truth

if TYPE_CHECKING:
    from auditor.pull.databases.extract import Unread
    from auditor.pull.servers import Server

QUIET = 2.0
"""Seconds without a write after which a file of this machine counts as complete; a younger one is looked at twice."""
PAUSE, PAUSE_ELSEWHERE, LONGEST_PAUSE = QUIET / 4, 1.0, 10.0
"""Seconds between two looks: at first here and on a server, whose clock is not ours, and at most."""
ATTEMPTS = 3
"""To fetch a file whose transfer breaks off."""

UNPACKED = ".unpacked"
"""How the names of files end that are made of what was delivered."""

Progress = Callable[[str, int, int | None], None]
"""Called with the name of a file, the bytes that have come and those in all, where they are known."""


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
    """When it was last written, by the server's clock; UTC. Where the server does not say: now."""
    snapshot: datetime | None
    """Of a database: the moment whose rows were read, by its own clock; with zone. `path` is an extract then, and what
    is told of the file is told of that."""
    types: Mapping[str, str]
    """Of a database: DuckDB's word for the declared type of each column that is no text."""
    unread: Sequence[Unread]
    """Of a database: the rows that were left out, since they hold text that is none."""
    may_write: bool | None
    """Of a database: whether the user could change what was read; None: nobody knows, or nobody asked."""

    @classmethod
    def of_file(
        cls, side: Side, location: str, found: Found, ready: Path, size: int, sha256: str, now: datetime
    ) -> Pulled:
        """What was `found`, as the file that is `ready` to be loaded; `size` in bytes and hash are as delivered."""
        return cls(
            side=side,
            path=ready.resolve(),
            location=location,
            file=found.name,
            bytes=size,
            sha256=sha256,
            name_moment=found.named,
            name_has_time=found.named is not None and not found.named_to_the_day,
            mtime=found.modified or now.astimezone(UTC),
            snapshot=None,
            types={},
            unread=(),
            may_write=None,
        )


@dataclass(frozen=True, slots=True)
class Means:
    """What pulling may need besides a location."""

    access: Located
    """How servers let us in, how long is waited, which file of an archive is meant."""
    state: Path | None = None
    """The folder where fetched files are kept; None: below the folder of what is unpacked."""
    longest: timedelta = timedelta(days=1)
    """How long they are kept after their last use."""
    keep: bool = True
    """Whether what has to be fetched is kept there; else the folder stays as it is."""
    wanted: Callable[[Sequence[str]], Sequence[str]] | None = None
    """Of a database: which of its columns are read; None: all of them."""
    rows: int | None = None
    """Of a database: how many rows at most; None: all of them."""
    rights: bool = False
    """Of a database: whether to ask if its user could write."""
    tell: Callable[[str], None] = lambda text: None
    progress: Progress = lambda name, done, total: None
    sleep: Callable[[float], None] = time.sleep


@contextlib.contextmanager
def spoken_of(files: Iterable[Pulled]) -> Iterator[None]:
    """Within it, what is wrong with a file that was unpacked, or read of a database, is said of what was delivered."""
    try:
        yield
    except AuditorError as error:
        said = str(error)
        for file in files:
            if file.path.suffix == UNPACKED:
                name = printable(file.file)
                said = said.replace(printable(file.path), name).replace(file.path.name, name)
        error.args = (said,)
        raise


ONCE = Means(Located(wait=timedelta(0)))
"""For files that somebody has named and waits for."""


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
    means: Means = ONCE,
) -> Pulled:
    """Find the newest file that `location` names, or read the database, and make it ready to load.

    `folder` takes what an archive or a database holds. `base` is where relative paths start (the settings file's
    folder; None: the working folder). `max_age` is the greatest age of a file's content at `now`; None means any. A
    database shows the moment at which it is read. `hashed` False leaves out the SHA-256 of a file of this machine that
    nobody will ask about again.

    Raises TryLater when nothing is there, when it is too old or still being written, when the server is down;
    InputUnusable when it is empty or damaged; SettingsError when the location is not understood, or the server does
    not let us in or is not trusted.
    """
    base = base or Path.cwd()
    if databases.is_database(location):
        if means.access.member is not None:
            raise SettingsError("member says nothing of a database, which is no ZIP archive", hint="leave it out")
        return _from_database(side, location, folder, base, means)
    if isinstance(means.access, Truth) and (means.access.query or means.access.table):
        raise SettingsError(
            "[truth] table and query are for databases, and `from` names files",
            hint="take them out, or name a database: postgresql://db.acme.example/crm",
        )
    address = address_of(location)
    waiting = _Waiting(location, means)
    if address is None:
        found = waiting.arrived(lambda: local_listing(location, base, timezone), lambda one: _age(one) >= QUIET, PAUSE)
        _check_age(found, location, max_age, now)
        path = Path(found.place)
        require_members(path, printable(found.name), means.access.member)
        if path.is_dir():
            return _from_folder(side, location, found, folder, timezone, hashed=hashed)
        with unchanged(path):
            require_filled(found)
            digest = hash_of(path) if hashed else ""
            ready = unpacked(path, folder, side, means)
    else:
        found, path, digest = _from_server(address, folder, max_age, now, timezone, means, waiting)
        require_members(path, printable(found.name), means.access.member)
        ready = unpacked(path, folder, side, means)
    return Pulled.of_file(side, location, found, ready, path.stat().st_size, digest, now)


def _from_database(side: Side, location: str, folder: Path, base: Path, means: Means) -> Pulled:
    path = folder / f"{side.value}{UNPACKED}"
    size = 0

    def told(name: str, rows: int, done: int) -> None:
        nonlocal size
        size = done
        means.progress(name, done, None)

    found = databases.read(
        location, means.access, path, base=base, wanted=means.wanted, rows=means.rows, rights=means.rights, told=told
    )
    means.progress(found.name, size, size)
    means.tell(f"  {found.rows:,} rows of {found.name} as they were at {found.moment:%Y-%m-%d %H:%M:%S} UTC")
    return Pulled(
        side=side,
        path=path.resolve(),
        location=location,
        file=found.name,
        bytes=path.stat().st_size,
        sha256=hash_of(path),
        name_moment=None,
        name_has_time=False,
        mtime=found.moment,
        snapshot=found.moment,
        types=found.types,
        unread=found.unread,
        may_write=found.may_write,
    )


def _from_folder(side: Side, location: str, seen: Found, folder: Path, timezone: tzinfo, *, hashed: bool) -> Pulled:
    """Many Parquet files as one."""
    path = Path(seen.place)
    digest = datasets.digest(path) if hashed else ""
    ready = datasets.join(path, folder / f"{side.value}{UNPACKED}")
    if datasets.look(path, location, timezone) != seen:
        raise _moving(location, seen)
    return Pulled.of_file(side, location, seen, ready, seen.bytes or 0, digest, datetime.now(UTC))


def _from_server(
    address: Address,
    folder: Path,
    max_age: timedelta | None,
    now: datetime,
    timezone: tzinfo,
    means: Means,
    waiting: _Waiting,
) -> tuple[Found, Path, str]:
    """The newest file of a server, where it lies on this machine now, and its SHA-256."""
    from auditor.pull.servers import connected  # fsspec and what is behind it is needed by few

    fetched = folder / "fetched"
    kept = Kept(means.state or fetched, means.longest, instead=None if means.keep else fetched)
    there: dict[Found, tuple[Path, str]] = {}

    def known(file: Found) -> bool:
        if before := kept.find(_identity(address, file)):
            there[file] = before
        return before is not None

    for attempt in range(1, ATTEMPTS + 1):
        try:
            with connected(address, means.access, timezone) as server:
                found = waiting.arrived(server.listing, known, PAUSE_ELSEWHERE)
                _check_age(found, address.shown, max_age, now)
                require_filled(found)
                return found, *(there.get(found) or fetched_from(server, address, found, kept, means))
        except BrokenOff as broken:
            if attempt == ATTEMPTS:
                raise broken.told from None
            means.tell(f"{broken.told}: again from the beginning")
            means.sleep(attempt)
    raise AssertionError("the last attempt returns or raises")


class BrokenOff(Exception):
    """A transfer that may be tried again."""

    def __init__(self, told: TryLater) -> None:
        super().__init__()
        self.told = told


def fetched_from(server: Server, address: Address, found: Found, kept: Kept, means: Means) -> tuple[Path, str]:
    """Where a file of a server lies on this machine now, and its SHA-256. Raises BrokenOff, InputUnusable."""

    def copy(target: Path) -> None:
        if found.bytes is not None:
            require_space(target.parent, found.bytes)
        try:
            server.fetch(found, target, lambda done, total: means.progress(found.name, done, total))
            after = server.look(found.place)
        except TryLater as broken:
            raise BrokenOff(broken) from None
        if after != found:
            raise BrokenOff(_moving(address.shown, found))
        if target.stat().st_size == 0:
            raise _empty(found)

    return kept.fetch(_identity(address, found), copy)


class _Waiting:
    """Patience with a file that is still being written; what is left of it."""

    def __init__(self, location: str, means: Means) -> None:
        self._location, self._means = location, means
        self._left = means.access.wait.total_seconds()
        self._told = False

    def arrived(self, look: Callable[[], Listing], sure: Callable[[Found], bool], pause: float) -> Found:
        """The newest file, once two looks `pause` seconds apart are the same, or at once where it is `sure`.

        What was left behind by an upload that died moves no more and is passed over.
        """
        seen = look()
        if seen.absent is not None:
            raise seen.absent
        while True:
            if seen.newest is not None and not seen.arriving and sure(seen.newest):
                return seen.newest
            if seen.newest is None and self._left <= 0:
                raise unfinished(self._location, seen.arriving)
            self._means.sleep(pause)
            again = look()
            if again == seen and again.newest is not None:
                return again.newest
            if self._left <= 0:
                raise _moving(self._location, again.newest or seen.newest)
            if not self._told:
                self._means.tell(f"  {printable(self._location)} is still being written: waiting for it")
                self._told = True
            self._left -= pause
            seen, pause = again, min(pause * 2, LONGEST_PAUSE)


def _moving(location: str, found: Found | None) -> TryLater:
    return TryLater(
        f"{printable(found.name if found else location)} changed while it was read: it is still being written",
        hint="run again when the upload is complete",
    )


def _identity(address: Address, found: Found) -> str:
    """What changes when the server's file does."""
    written = found.modified.isoformat() if found.modified else ""
    return "\n".join(
        (address.scheme, address.server, address.user or "", found.place, str(found.bytes), written, found.version)
    )


def _age(found: Found) -> float:
    """Seconds since it was written, by the clock of this machine."""
    return time.time() - found.modified.timestamp() if found.modified else 0.0


def unpacked(path: Path, folder: Path, side: Side, means: Means) -> Path:
    """The file itself, or what its archive holds. Raises InputUnusable where that is empty."""
    ready = unpack(path, folder, name=f"{side.value}{UNPACKED}", member=means.access.member)
    if ready.stat().st_size == 0:
        raise InputUnusable(f"the file inside {printable(path)} is empty", hint="export it again")
    return ready


def require_filled(found: Found) -> None:
    """Raise InputUnusable for a file of no bytes."""
    if found.bytes == 0:
        raise _empty(found)


def _empty(found: Found) -> InputUnusable:
    return InputUnusable(f"{printable(found.place)} is empty: it holds 0 bytes", hint="export it again, then run again")


def _check_age(found: Found, location: str, max_age: timedelta | None, now: datetime) -> None:
    if max_age is None:
        return
    content = found.newest_content
    if content is None:
        raise SettingsError(
            f"nobody says when {printable(found.name)} was written, so that max_age cannot be checked",
            hint="have its date put into its name, such as Customers_20260501T0630.csv",
        )
    age = now - content
    if age > max_age:
        raise TryLater(
            f"the newest file of {printable(location)} is {printable(found.name)}, {_hours(age)} old; "
            f"the limit is {_hours(max_age)}",
            hint="check that the export still runs, or raise max_age",
        )


def _hours(length: timedelta) -> str:
    hours = length.total_seconds() / 3600
    return f"{hours:.1f} hours" if hours < 72 else f"{hours / 24:.1f} days"
