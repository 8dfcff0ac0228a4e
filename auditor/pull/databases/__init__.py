"""The pull stage for databases: the rows of one table or query, at one moment, as a Parquet file of the run's folder.

    address     what a location says, and its password by reference
    postgresql  by COPY, asyncpg    ┐
    sqlite      by Python itself    │ open in a transaction that only reads, name the columns, stream the wanted ones
    mysql       by PyMySQL          │
    others      SQLAlchemy, ADBC    ┘
    extract     batches into one file

Databases are never read by DuckDB, which would need to reach the network.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.errors import SettingsError
from auditor.files.given import printable
from auditor.pull.databases.address import Address, database_address, is_database
from auditor.settings.inputs import Located
from auditor.settings.problems import absent_columns

if TYPE_CHECKING:
    from auditor.pull.databases.extract import Open, Unread

_SHOWN = 30
_PACKAGES = {
    "asyncpg": "postgresql",
    "pymysql": "mysql",
}
"""Imported module → the extra that installs it."""


@dataclass(frozen=True, slots=True)
class Extract:
    """What was read."""

    name: str
    """Of the table, or `query`."""
    rows: int
    moment: datetime
    """When the rows were as they are read, by the database's clock; with zone."""
    types: Mapping[str, str]
    """DuckDB's word for the declared type of each column that was kept and is no text."""
    unread: Sequence[Unread]
    """The rows that were left out, since they hold text that is none."""
    may_write: bool | None
    """Whether the user could change what was read; None: nobody knows, or nobody asked."""


def read(
    location: str,
    access: Located,
    target: Path,
    *,
    base: Path,
    wanted: Callable[[Sequence[str]], Sequence[str]] | None,
    rows: int | None,
    rights: bool,
    told: Callable[[str, int, int], None],
) -> Extract:
    """Read what `location` and the settings `access` name into the Parquet file `target`.

    `wanted` chooses columns by the names of all (None: all of them), `rows` bounds their number, `rights` asks whether
    the user could write. `told` gets name, rows and bytes so far.

    Raises SettingsError for what is not there or not allowed, TryLater for a database that is down or breaks off,
    InputUnusable for values that have no text.
    """
    address = database_address(location, access, base)
    try:
        with _opened(address, base) as database:
            from auditor.pull.databases.extract import write

            columns = _columns(database.names, wanted, address)
            count = write(
                database.batches(columns, rows), columns, target, lambda done, size: told(address.name, done, size)
            )
            types = {name: word for name, word in database.types.items() if name in columns}
            unread = tuple(database.unread)
            may_write = database.may_write() if rights else None
            return Extract(address.name, count, database.moment, types, unread, may_write)
    except ModuleNotFoundError as error:
        extra = _PACKAGES.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        raise SettingsError(
            f"to read {address.kind}, the package {error.name} is needed, which is not installed",
            hint=f"pip install 'profile-auditor[{extra}]'",
        ) from None


def _opened(address: Address, base: Path) -> contextlib.AbstractContextManager[Open]:
    match address.scheme:
        case "postgresql" | "postgres":
            from auditor.pull.databases import postgresql

            return postgresql.opened(address)
        case "mysql" | "mariadb":
            from auditor.pull.databases import mysql

            return mysql.opened(address)
        case "sqlite":
            from auditor.pull.databases import sqlite

            return sqlite.opened(address, base)
    from auditor.pull.databases import others

    return others.opened(address, base)


def _columns(
    names: Sequence[str], wanted: Callable[[Sequence[str]], Sequence[str]] | None, address: Address
) -> list[str]:
    """The names of the columns to read, in the database's order."""
    if twice := [name for place, name in enumerate(names) if name in names[:place]]:
        raise SettingsError(
            f'{address.what} has the column "{printable(twice[0])}" twice', hint="give one of them another name with AS"
        )
    chosen = set(names if wanted is None else wanted(names))
    absent = sorted(chosen.difference(names))
    if absent:
        raise SettingsError(
            f"{address.what} of {address.server} has no {absent_columns(absent, names)}",
            hint="correct the name in the contract, or have the column added",
        )
    kept = [name for name in names if name in chosen]
    if not kept:
        raise SettingsError(f"{address.what} of {address.server} has no column that is wanted")
    return kept


__all__ = ["Extract", "is_database", "read"]
