"""Append-only SQLite tables whose rows are sealed in a hash chain, and whose personal values can be erased.

The personal values of a row are under a seal: the SHA-256 of the values and a salt of the row's own. Rows appended
together form an entry, whose digest covers all other values and the seals, and whose link covers the link before it:
a row that was changed, added or removed later is found by `verify`. Erasing empties the personal values and the salt,
so that nobody can find them out by trying, and leaves the seal: the chain still closes.

What the chain cannot show is that its last entries were cut off; note `head` elsewhere for that.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from auditor.errors import AuditorError, SettingsError, TryLater

Value = str | int | None

PATIENCE: Final = 10  # seconds, for whoever is at the file

_START: Final = bytes(32)
"""The link before the first entry."""

_CHAIN: Final = """
CREATE TABLE chain (
  entry INTEGER PRIMARY KEY, tab TEXT NOT NULL, at TEXT NOT NULL, rows INTEGER NOT NULL,
  digest BLOB NOT NULL, link BLOB NOT NULL
);
CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Table:
    """One append-only table. `id`, `entry`, `salt` and `seal` come before its own columns."""

    columns: tuple[str, ...]
    """In the order in which values are given and digested."""
    personal: tuple[str, ...] = ()
    """Those of `columns` that may be emptied."""
    integers: tuple[str, ...] = ()
    """Those of `columns` that hold integers; the others hold text. Without types SQLite would use no index here."""

    @property
    def declaration(self) -> str:
        types = ((name, "INTEGER" if name in self.integers else "TEXT") for name in self.columns)
        return ", ".join(f'"{name}" {kind}' for name, kind in types)

    def seal(self, salt: bytes, values: Sequence[Value]) -> bytes:
        """Covers the personal values of a row."""
        return _hash(salt, [value for name, value in zip(self.columns, values, strict=True) if name in self.personal])

    def sealed(self, salt: bytes | None, seal: bytes, values: Sequence[Value]) -> bool:
        """Whether the personal values are those that were sealed, or were erased."""
        if salt is not None:
            return self.seal(salt, values) == seal
        left = [value for name, value in zip(self.columns, values, strict=True) if name in self.personal]
        return bool(left) and all(value is None for value in left)

    def digest(self, seal: bytes, values: Sequence[Value]) -> bytes:
        """Covers a whole row, and needs no personal value once it is sealed."""
        return _hash(
            seal, [value for name, value in zip(self.columns, values, strict=True) if name not in self.personal]
        )


@dataclass(frozen=True, slots=True)
class Verified:
    """What `verify` found."""

    entries: int
    rows: int
    erased: int
    """Rows whose personal values were erased."""
    problems: tuple[str, ...]
    """One sentence per broken place; empty: the record is as it was written."""


class Chain:
    """The database file. One object may be used from several threads; each call is one at a time."""

    def __init__(
        self,
        path: Path,
        tables: Mapping[str, Table],
        *,
        version: int,
        indexes: str = "",
        salt: bytes | None = None,
        reading: bool = False,
        beside_writing: bool = False,
    ) -> None:
        """Open or make the file, readable for its owner alone. One that is made now gets this `salt`, or a new one.

        `reading`: no file is made or changed, and nothing can be appended. Where there is none, it is an empty one; one
        of an older version is read as what it would become. `beside_writing`: another object of this process will write
        while this one is open.

        Raises SettingsError when the file is none of ours or of a newer version, TryLater when it cannot be written.
        """
        self.path = path
        self._tables = tables
        self._reading = reading
        self._lock = threading.RLock()
        self._depth = 0
        if not reading:
            self._prepare_file()
        with self._explained():
            self._connection = _read_only(path, version, beside_writing) if reading else _connected(str(path))
            try:
                if not reading:
                    self._connection.execute("PRAGMA journal_mode = WAL")
                    self._connection.execute("PRAGMA synchronous = FULL")
                    self._connection.execute("PRAGMA foreign_keys = ON")
                    self._connection.execute("PRAGMA secure_delete = ON")
                self._make(version, indexes, salt)
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @property
    def head(self) -> tuple[int, str]:
        """The number of the last entry and its link, 64 hex digits: whoever notes them can prove later that nothing
        before was changed.
        """
        number, link = self._last()
        return number, link.hex()

    def link(self, entry: int) -> str | None:
        """The link of an entry, 64 hex digits; None where there is no such entry."""
        if entry == 0:
            return _START.hex()
        rows = self.query("SELECT link FROM chain WHERE entry = ?", (entry,))
        return bytes(rows[0][0]).hex() if rows else None

    @property
    def entries(self) -> int:
        """The number of the last entry."""
        return self._last()[0]

    @property
    def salt(self) -> bytes:
        """32 random bytes of this file, made once: for keyed hashes of identifiers."""
        return bytes(self.query("SELECT value FROM facts WHERE name = 'salt'")[0][0])

    def query(self, sql: str, values: Sequence[Value] | Mapping[str, Value] = ()) -> list[tuple[Any, ...]]:
        """All rows of a reading statement."""
        with self._lock, self._explained():
            return self._connection.execute(sql, values).fetchall()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and on the disk when the block has ended. Blocks may be nested: the outermost decides."""
        with self._lock, self._explained():
            if self._depth == 0:
                self._connection.execute("BEGIN" if self._reading else "BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                if self._depth == 1 and self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            else:
                if self._depth == 1:
                    self._connection.execute("COMMIT")
            finally:
                self._depth -= 1

    def suppose(self, script: str, statement: str, rows: Iterable[Sequence[Value]]) -> None:
        """Make temporary tables and views by a script, and fill them: this object alone sees them, no file does."""
        with self._lock, self._explained():
            self._connection.executescript(script)
            self._connection.executemany(statement, rows)

    def append(self, table: str, rows: Iterable[Sequence[Value]], at: datetime) -> range:
        """Append rows as one entry and return their ids, which are consecutive. No rows, no entry."""
        if self._reading:
            raise ValueError("what was opened for reading takes no rows")
        kind = self._tables[table]
        with self.transaction():
            first = int(self.query(f"SELECT coalesce(max(id), 0) + 1 FROM {table}")[0][0])
            entry, link = self._last()
            sealed: list[tuple[object, ...]] = []
            digests = hashlib.sha256()
            for number, row in enumerate(rows):
                salt = secrets.token_bytes(16)
                seal = kind.seal(salt, row)
                digests.update(kind.digest(seal, row))
                sealed.append((first + number, entry + 1, salt, seal, *row))
            if not sealed:
                return range(first, first)
            names = ", ".join(("id", "entry", "salt", "seal", *(f'"{name}"' for name in kind.columns)))
            marks = ", ".join("?" * len(sealed[0]))
            moment = stamp(at)
            digest = digests.digest()
            self._connection.execute(
                "INSERT INTO chain VALUES (?, ?, ?, ?, ?, ?)",
                (entry + 1, table, moment, len(sealed), digest, _link(link, table, moment, len(sealed), digest)),
            )
            self._connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", sealed)
            return range(first, first + len(sealed))

    def empty(self, table: str, rows: Iterable[int]) -> None:
        """Erase the personal values of rows, and the salts by which they could be guessed from the seals."""
        emptied = ", ".join(f'"{name}" = NULL' for name in ("salt", *self._tables[table].personal))
        with self.transaction():
            self._connection.executemany(f"UPDATE {table} SET {emptied} WHERE id = ?", ((row,) for row in rows))

    def compact(self) -> bool:
        """Bring everything into the database; whether nothing is left in the log, which somebody who reads may keep."""
        with self._lock, self._explained():
            return not self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]

    def verify(self, since: int = 0) -> Verified:
        """Check every row against its seal and its entry, and every entry against the chain; those after `since` alone.

        Of `Verified`, `entries` is the number of the last one, and rows and erased are those that were looked at.
        """
        with self.transaction():
            problems: list[str] = []
            digests: dict[int, tuple[str, int, bytes]] = {}
            rows = erased = 0
            for name, table in self._tables.items():
                running: dict[int, tuple[int, hashlib._Hash]] = {}
                columns = ", ".join(f'"{column}"' for column in table.columns)
                # Rows are appended, so those of later entries are the last: the first of them is looked for by halves.
                read = f"SELECT id, entry, salt, seal, {columns} FROM {name} WHERE id > ? ORDER BY id"
                before = self._last_row(name, since)
                for number, entry, salt, seal, *values in self._connection.execute(read, (before,)):
                    rows += 1
                    erased += salt is None
                    if not table.sealed(salt, seal, values):
                        problems.append(f"row {number} of {name} was changed")
                    count, so_far = running.get(entry, (0, hashlib.sha256()))
                    so_far.update(table.digest(seal, values))
                    running[entry] = (count + 1, so_far)
                digests.update({entry: (name, count, done.digest()) for entry, (count, done) in running.items()})
            link = bytes.fromhex(self.link(since) or "")
            expected = since + 1
            for entry, name, at, count, digest, stored in self._connection.execute(
                "SELECT * FROM chain WHERE entry > ? ORDER BY entry", (since,)
            ):
                if entry != expected or digests.pop(entry, None) != (name, count, digest):
                    problems.append(f"entry {entry} does not hold the rows it was written with")
                link = _link(link, name, at, count, digest)
                if link != stored:
                    problems.append(f"entry {entry} does not follow from the one before")
                    link = stored
                expected = entry + 1
            problems += [f"rows of entry {entry} have no entry" for entry in digests]
            return Verified(entries=expected - 1, rows=rows, erased=erased, problems=tuple(problems))

    def _last_row(self, table: str, entry: int) -> int:
        """The id of the last row that was appended up to an entry; ids have no gaps, and entries grow with them."""
        if entry == 0:
            return 0
        low, high = 0, int(self._connection.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0])
        while low < high:
            middle = (low + high + 1) // 2
            found = self._connection.execute(f"SELECT entry FROM {table} WHERE id = ?", (middle,)).fetchone()
            low, high = (middle, high) if found is not None and found[0] <= entry else (low, middle - 1)
        return low

    def _prepare_file(self) -> None:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise TryLater(f"cannot write {self.path}: {error.strerror}") from None

    def _make(self, version: int, indexes: str, salt: bytes | None) -> None:
        found = int(self._connection.execute("PRAGMA user_version").fetchone()[0])
        if found == version:
            return
        tables = "".join(map(self._create, self._tables))
        if 0 < found < version:  # tables were only ever added
            self._connection.executescript(
                f"BEGIN IMMEDIATE;\n{tables}{indexes}\nPRAGMA user_version = {version};\nCOMMIT;"
            )
            return
        if found or self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise SettingsError(
                f"{self.path} has version {found}, this program reads version {version}",
                hint="use the program version that wrote it, or newer",
            )
        self._connection.executescript(f"BEGIN IMMEDIATE;\n{_CHAIN}{tables}{indexes}\nPRAGMA user_version = {version};")
        self._connection.execute("INSERT INTO facts VALUES ('salt', ?)", (salt or secrets.token_bytes(32),))
        self._connection.execute("COMMIT")

    def _create(self, name: str) -> str:
        return (
            f"CREATE TABLE IF NOT EXISTS {name} (id INTEGER PRIMARY KEY,"
            " entry INTEGER NOT NULL REFERENCES chain (entry), salt BLOB, seal BLOB NOT NULL,"
            f" {self._tables[name].declaration});\n"
        )

    def _last(self) -> tuple[int, bytes]:
        rows = self.query("SELECT entry, link FROM chain ORDER BY entry DESC LIMIT 1")
        return (rows[0][0], rows[0][1]) if rows else (0, _START)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """SQLite's complaints as ours; its messages name tables and columns, never values."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            ours = sqlite3.IntegrityError, sqlite3.ProgrammingError
            if isinstance(error, ours) or error.sqlite_errorcode == sqlite3.SQLITE_ERROR:
                raise  # a wrong statement of ours, not the state of the disk
            raise in_our_words(self.path, error) from None


def in_our_words(path: Path, error: sqlite3.DatabaseError) -> AuditorError:
    """What happened to a ledger of which SQLite complains, and what to do."""
    primary = error.sqlite_errorcode & 0xFF
    if not isinstance(error, sqlite3.OperationalError):
        return SettingsError(f"{path} is damaged or is no ledger", hint="restore it from a copy")
    told, hint = _COMPLAINTS.get(primary, (f"{{path}} cannot be read or written now ({error.sqlite_errorname})", None))
    return TryLater(told.format(path=path, folder=path.parent), hint=hint and hint.format(folder=path.parent))


_STANDS: Final = "then call the same command again: what is recorded stands"
_COMPLAINTS: Final[Mapping[int, tuple[str, str | None]]] = {
    sqlite3.SQLITE_FULL: ("the disk of {folder} is full: {path} takes nothing more", f"free some space, {_STANDS}"),
    sqlite3.SQLITE_IOERR: (
        "the disk of {folder} does not let {path} be read or written",
        f"see whether it is full or failing, {_STANDS}",
    ),
    **dict.fromkeys(
        (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN),
        ("{path} cannot be opened or written", f"see who may read and write in {{folder}}, {_STANDS}"),
    ),
    **dict.fromkeys(
        (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED),
        ("{path} is in use by another process", f"wait until that has ended, {_STANDS}"),
    ),
}
"""What SQLite complains of, by its primary code, and what to do."""


def _connected(address: str, *, uri: bool = False) -> sqlite3.Connection:
    """Transactions are begun and ended by Chain and nowhere else: isolation_level=None."""
    return sqlite3.connect(address, uri=uri, isolation_level=None, check_same_thread=False, timeout=PATIENCE)


def _read_only(path: Path, version: int, beside_writing: bool) -> sqlite3.Connection:
    """The file as it lies there, and no trace of a look at it; a copy in memory where it has to be made first.

    Who opens a file for reading alone and finds no log makes one, and leaves it; who may write takes it away. Where a
    killed process left its log, who may write would work it into the file; the other reads it. All connections of a
    process share what one of them opened for reading alone: beside it nobody could write.
    """
    if not path.exists():
        return _connected(":memory:")
    log = path.with_name(f"{path.name}-wal")
    how = "mode=ro&readonly_shm=1" if log.exists() and not beside_writing else "mode=rw"
    connection = _connected(f"{path.resolve().as_uri()}?{how}", uri=True)
    try:
        if int(connection.execute("PRAGMA user_version").fetchone()[0]) < version:
            copy = _connected(":memory:")
            connection.backup(copy)
            connection.close()
            return copy
    except BaseException:
        connection.close()
        raise
    return connection


def stamp(moment: datetime) -> str:
    """A moment as it is stored: UTC, microseconds, one width, so that text order is time order."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone cannot be recorded")
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _hash(before: bytes, values: Sequence[Value]) -> bytes:
    content = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(before + content.encode("utf-8", "surrogatepass")).digest()


def _link(previous: bytes, table: str, at: str, rows: int, digest: bytes) -> bytes:
    return hashlib.sha256(previous + json.dumps([table, at, rows]).encode() + digest).digest()
