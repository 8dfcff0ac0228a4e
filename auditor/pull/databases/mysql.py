"""MySQL and MariaDB, by PyMySQL: one transaction that only reads, rows streamed as the server spells them.

Nothing is turned into values of Python on the way: `0000-00-00`, unsigned numbers and decimals of any precision stay
what they are. Moments of the type TIMESTAMP come in UTC.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa

from auditor.errors import AuditorError, SettingsError, TryLater
from auditor.pull.databases.address import Address, quoted
from auditor.pull.databases.extract import ROWS, Rows, Unread, binary

TIMEOUT: Final = 15
"""Seconds to connect."""
SILENCE: Final = 600
"""Seconds that the server may take for the next row."""

_SESSION: Final = (
    "SET SESSION time_zone = '+00:00'",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "SET SESSION TRANSACTION READ ONLY",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
)


@contextlib.contextmanager
def opened(address: Address) -> Iterator[Mysql]:
    """The database, readable. Raises AuditorError for everything that reading meets."""
    import pymysql
    from pymysql.cursors import SSCursor

    secret = address.password.reveal() if address.password else ""
    options = dict(address.options)
    clear = options.pop("ssl-mode", options.pop("sslmode", "")).lower() in ("disabled", "disable")
    if options:
        raise SettingsError(
            f"the address of {address.server} has options that are not known: {', '.join(sorted(options))}",
            hint="ssl-mode=disabled and password=env:NAME are",
        )
    ca = address.settings.ca
    clear = clear or (address.local and ca is None)
    safe = None if clear else {"ca": str(ca) if ca else None, "check_hostname": ca is not None}
    try:
        connection = pymysql.connect(
            host=address.host or "localhost",
            port=address.port or 3306,
            user=address.user,
            password=secret,
            database=address.database or None,
            charset="utf8mb4",
            conv={},  # every cell as the server writes it
            ssl=safe,
            ssl_disabled=clear,
            connect_timeout=TIMEOUT,
            read_timeout=SILENCE,
            local_infile=False,
            cursorclass=SSCursor,
            autocommit=None,
        )
    except (pymysql.Error, OSError) as error:
        raise _sentence(error, address, connected=False) from None
    try:
        with contextlib.closing(connection), connection.cursor() as cursor:
            for statement in _SESSION:
                cursor.execute(statement)
            yield Mysql(cursor, address)
    except (pymysql.Error, OSError) as error:
        raise _sentence(error, address, connected=True) from None


class Mysql:
    """An open database. Shape and meaning are `extract.Open`'s."""

    def __init__(self, cursor: Any, address: Address) -> None:
        self._cursor, self._address = cursor, address
        [(moment,)] = self._rows("SELECT CAST(UTC_TIMESTAMP(6) AS CHAR)")
        self.moment = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        self.unread: tuple[Unread, ...] = ()  # what is no text, the server spells with question marks
        self._source = quoted(address.table, "`") if address.table else f"({address.query}\n)"
        cursor.execute(f"SELECT * FROM {self._source} AS q LIMIT 0")
        described = cursor.description
        cursor.fetchall()
        self.names = [str(name) for name, *_ in described]
        self._kinds = {str(name): kind for name, kind, *_ in described}
        self.types = {name: word for name, kind in self._kinds.items() if (word := _words().get(kind))}

    def batches(self, columns: Sequence[str], rows: int | None) -> Generator[pa.RecordBatch]:
        picked = ", ".join(f"q.{quoted([name], '`')}" for name in columns)
        limit = "" if rows is None else f" LIMIT {rows:d}"
        self._cursor.execute(f"SELECT {picked} FROM {self._source} AS q{limit}")
        texts = Rows(columns, {place: _spelling(self._kinds[name]) for place, name in enumerate(columns)})
        while fetched := self._cursor.fetchmany(ROWS):
            yield texts.batch(fetched)

    def may_write(self) -> bool | None:
        grants = " ".join(str(row[0]).partition(" ON ")[0].upper() for row in self._rows("SHOW GRANTS"))
        return any(right in grants for right in ("ALL PRIVILEGES", "INSERT", "UPDATE", "DELETE"))

    def _rows(self, statement: str) -> list[Any]:
        self._cursor.execute(statement)
        return list(self._cursor.fetchall())


def _words() -> dict[int, str]:
    """DuckDB's words for the types of the protocol."""
    from pymysql.constants import FIELD_TYPE as TYPE

    return {
        **dict.fromkeys((TYPE.TINY, TYPE.SHORT, TYPE.INT24, TYPE.LONG, TYPE.LONGLONG, TYPE.YEAR), "BIGINT"),
        **dict.fromkeys((TYPE.DECIMAL, TYPE.NEWDECIMAL), "DECIMAL"),
        **dict.fromkeys((TYPE.FLOAT, TYPE.DOUBLE), "DOUBLE"),
        TYPE.DATE: "DATE",
        TYPE.DATETIME: "TIMESTAMP",
        TYPE.TIMESTAMP: "TIMESTAMP WITH TIME ZONE",
    }


def _spelling(kind: int) -> Callable[[Any], str | None]:
    """How a cell of a type becomes text: most are text already."""
    from pymysql.constants import FIELD_TYPE as TYPE

    if kind == TYPE.BIT:
        return lambda cell: None if cell is None else str(int.from_bytes(cell, "big"))
    if kind == TYPE.TIMESTAMP:
        return lambda cell: cell if cell is None or cell.startswith("0000") else f"{cell}Z"
    return lambda cell: binary(cell) if isinstance(cell, bytes) else cell


def _sentence(error: Any, address: Address, *, connected: bool) -> AuditorError:
    """What went wrong, by its number: the server's own text may hold values."""
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    what, where = address.what, address.server
    if number in (1044, 1045, 1130, 1698, 1251, 1862):
        return SettingsError(f"{where} does not let us in", hint="check user, password and the rights of the user")
    if number == 1049:
        return SettingsError(
            f"{where}: there is no such database", hint="correct the name behind the last / of the address"
        )
    if number == 1146:
        return SettingsError(f"{where} has no such table: {what}", hint="correct the name")
    if number == 1054:
        return SettingsError(f"{where}: {what} names a column that is not there", hint="correct its name")
    if number == 1060:
        return SettingsError(f"{what} gives two columns the same name", hint="give one of them another name with AS")
    if number in (1142, 1143, 1370):
        return SettingsError(f"this user may not read {what} of {where}", hint="grant SELECT on it")
    if number in (1792, 1290, 1836):
        return SettingsError(
            f"{what} tries to write to {where}, and was stopped: nothing was changed",
            hint="use a query that only reads",
        )
    if number in (3024, 1969, 1317):
        return TryLater(
            f"{where} stopped reading {what}: it took longer than the server allows",
            hint="raise max_execution_time (max_statement_time of MariaDB) for this user, or read less",
        )
    if number == 2026 or isinstance(getattr(error, "original_exception", error), ssl.SSLError):
        return SettingsError(
            f"{where} speaks no TLS, or its certificate is not trusted",
            hint="name its authority: [truth.database] ca; or add ?ssl-mode=disabled if the network is your own",
        )
    if not connected:
        return TryLater(f"{where} cannot be reached", hint="check its name and port, and that it is up; then run again")
    if number in (0, 2006, 2013, 2014, 2055, 1053, 1205, 1213, 1040) or isinstance(error, OSError):
        return TryLater(f"reading {what} from {where} broke off", hint="run again")
    return SettingsError(f"{where} refuses {what} (error {number})", hint="try it in the mysql client")
