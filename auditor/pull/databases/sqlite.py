"""SQLite, by Python's own module: opened to read, within one transaction.

A column of SQLite holds whatever was put into it, text among numbers; so each value is spelt by its own type.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from auditor.errors import AuditorError, InputUnusable, SettingsError, TryLater
from auditor.files.given import printable
from auditor.pull.databases.address import Address, quoted
from auditor.pull.databases.extract import ROWS, Unread, checked, spelt
from auditor.pull.locations import Absent

PATIENCE = 30.0
"""Seconds that another program may hold the file."""

_NUMBERS = (("INT", "BIGINT"), ("REAL", "DOUBLE"), ("FLOA", "DOUBLE"), ("DOUB", "DOUBLE"), ("DEC", "DECIMAL"),
            ("NUM", "DECIMAL"))  # fmt: skip
_TEXT = "CASE typeof({0}) WHEN 'text' THEN {0} WHEN 'integer' THEN CAST({0} AS TEXT) ELSE auditor_spelt({0}) END"


@contextlib.contextmanager
def opened(address: Address, base: Path) -> Iterator[Sqlite]:
    """The database, readable. Raises AuditorError for everything that reading meets."""
    path = base / Path(address.database).expanduser()
    if not path.is_file():
        raise Absent(
            f"there is no database {printable(path)}",
            hint="check the path: sqlite:crm.db is relative to the settings, sqlite:////srv/crm.db begins at the root",
        )
    with told(address, path):
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode=ro", uri=True, timeout=PATIENCE, isolation_level=None
        )
        with contextlib.closing(connection):
            connection.text_factory = bytes
            connection.create_function("auditor_spelt", 1, spelt, deterministic=True)
            connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("BEGIN")
            yield Sqlite(connection, address, path)


class Sqlite:
    """An open database. Shape and meaning are `extract.Open`'s."""

    def __init__(self, connection: sqlite3.Connection, address: Address, path: Path) -> None:
        self._connection, self._path = connection, path
        self._source = quoted(address.table) if address.table else f"({address.query}\n)"
        self.names = [name for name, *_ in connection.execute(f"SELECT * FROM {self._source} LIMIT 0").description]
        connection.execute(f"SELECT 1 FROM {self._source} LIMIT 1").fetchall()  # from here on the rows stand still
        self.moment = datetime.now(UTC)
        self.unread: list[Unread] = []
        self.types = self._declared(address.table[-1]) if address.table else {}

    def batches(self, columns: Sequence[str], rows: int | None) -> Generator[pa.RecordBatch]:
        picked = ", ".join(_TEXT.format(quoted([name])) for name in columns)
        limit = "" if rows is None else f" LIMIT {rows:d}"
        cursor = self._connection.execute(f"SELECT {picked} FROM {self._source}{limit}")
        return checked(_batches(cursor, columns), self.unread)

    def may_write(self) -> bool | None:
        return os.access(self._path, os.W_OK)

    def _declared(self, table: str) -> dict[str, str]:
        rows = self._connection.execute(f"PRAGMA table_info({quoted([table])})").fetchall()
        words = {name.decode(): kind.decode().upper() for _, name, kind, *_ in rows}
        return {
            name: found[0]
            for name, kind in words.items()
            if (found := [word for mark, word in _NUMBERS if mark in kind])
        }


def _batches(cursor: sqlite3.Cursor, columns: Sequence[str]) -> Generator[pa.RecordBatch]:
    """The rows as they are stored, whatever is no text among them."""
    while fetched := cursor.fetchmany(ROWS):
        arrays = [pa.array(cells, pa.binary()).view(pa.string()) for cells in zip(*fetched, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, list(columns))


@contextlib.contextmanager
def told(address: Address, path: Path) -> Iterator[None]:
    """Turns what SQLite raises into one sentence, without the texts that it may quote."""
    try:
        yield
    except sqlite3.Error as error:
        raise _sentence(error, address, path) from None


def _sentence(error: Any, address: Address, path: Path) -> AuditorError:
    code, where = getattr(error, "sqlite_errorname", "") or "", printable(path)
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return TryLater(f"{where} is held by another program", hint="run again when it has finished writing")
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return InputUnusable(f"{where} is damaged, or no SQLite database", hint="make or copy it again")
    if code.startswith(("SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        return SettingsError(f"{where} cannot be opened", hint="give this user the right to read it and its folder")
    if code.startswith("SQLITE_READONLY"):
        return SettingsError(f"{address.what} tries to write, and was stopped", hint="use a query that only reads")
    if code.startswith(("SQLITE_IOERR", "SQLITE_FULL", "SQLITE_PROTOCOL", "SQLITE_INTERRUPT")):
        return TryLater(f"{where} could not be read to its end ({code})", hint="look at its disk, then run again")
    absent = re.match(r"no such (table|column): (\S+)", str(error))
    if absent:
        return SettingsError(f"{where} has no {absent[1]} {printable(absent[2])}", hint="correct its name")
    return SettingsError(f"{address.what} cannot be read from {where} ({code or type(error).__name__})",
                         hint="try the query in sqlite3")  # fmt: skip
