"""Every other database: by the SQLAlchemy dialect, or with `adbc+NAME:` the ADBC driver, that is installed for it.

Nothing is ever committed: the transaction ends by being rolled back. Whether the database itself refuses to write in it
depends on the database; a user that may only read is the certain way.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Generator, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from auditor.errors import AuditorError, InputUnusable, SettingsError, TryLater
from auditor.files.given import printable
from auditor.pull.databases.address import Address, quoted
from auditor.pull.databases.extract import ROWS, Open, Rows, Unread, checked

if TYPE_CHECKING:
    from auditor.pull.databases.adbc import Session

DRIVERS: Final = {"mssql": "mssql+pymssql", "oracle": "oracle+oracledb"}
"""Where the dialect's own choice of a driver is another one than the extra installs."""
EXTRAS: Final = ("mssql", "snowflake", "bigquery")


def opened(address: Address, base: Path) -> contextlib.AbstractContextManager[Open]:
    """The database, readable. Raises AuditorError for everything that reading meets."""
    return _by_adbc(address, base) if address.kind == "adbc" else _by_sqlalchemy(address)


@contextlib.contextmanager
def _by_sqlalchemy(address: Address) -> Iterator[Open]:
    import sqlalchemy
    from sqlalchemy import exc

    url = sqlalchemy.URL.create(
        DRIVERS.get(address.scheme, address.scheme),
        username=address.user,
        password=address.password.reveal() if address.password else None,
        host=address.host or None,
        port=address.port,
        database=address.database or None,
        query=dict(address.options),
    )
    try:
        engine = sqlalchemy.create_engine(url, hide_parameters=True)
    except (exc.ArgumentError, ImportError, ValueError, TypeError):
        raise _no_driver(address) from None
    try:
        connection = engine.connect().execution_options(stream_results=True, max_row_buffer=ROWS)
    except Exception as error:  # noqa: BLE001 - every driver raises what it likes, and its text may hold the password
        raise _sentence(error, address, connected=False) from None
    try:
        yield _Alchemy(connection, address)
    except AuditorError:
        raise
    except exc.DBAPIError as error:
        raise _sentence(error, address, connected=True) from None
    finally:
        with contextlib.suppress(Exception):  # it is gone, one way or another
            connection.rollback()
        connection.close()
        engine.dispose()


class _Alchemy:
    """An open database, by SQLAlchemy. Shape and meaning are `extract.Open`'s."""

    def __init__(self, connection: Any, address: Address) -> None:
        self._connection = connection
        self._quote = connection.dialect.identifier_preparer.quote_identifier
        self._address = address
        self.moment = datetime.now(UTC)
        self.types: dict[str, str] = {}
        self.unread: list[Unread] = []
        self._result: Any = None
        if address.table:
            result = self._run(f"SELECT * FROM {self._table()} WHERE 1 = 0")
            self.names = [str(name) for name in result.keys()]  # noqa: SIM118 - no mapping
            result.close()
        else:
            self._result = self._run(address.query)
            self.names = [str(name) for name in self._result.keys()]  # noqa: SIM118 - no mapping

    def batches(self, columns: Sequence[str], rows: int | None) -> Generator[pa.RecordBatch]:
        return checked(self._batches(columns, rows), self.unread)

    def _batches(self, columns: Sequence[str], rows: int | None) -> Generator[pa.RecordBatch]:
        if self._result is None:
            picked = ", ".join(self._quote(name) for name in columns)
            result, places = self._run(f"SELECT {picked} FROM {self._table()}"), list(range(len(columns)))
        else:
            result, places = self._result, [self.names.index(name) for name in columns]
        texts, left = Rows(columns), rows
        while fetched := result.fetchmany(ROWS if left is None else min(left, ROWS)):
            yield texts.batch([[row[place] for place in places] for row in fetched])
            left = None if left is None else left - len(fetched)
            if left == 0:
                break
        result.close()

    def may_write(self) -> bool | None:
        return None

    def _table(self) -> str:
        return ".".join(self._quote(part) for part in self._address.table)

    def _run(self, statement: str) -> Any:
        return self._connection.exec_driver_sql(statement)


@contextlib.contextmanager
def _by_adbc(address: Address, base: Path) -> Iterator[Open]:
    name = address.scheme.partition("+")[2]
    try:
        from adbc_driver_manager import AdbcDatabase, Error

        from auditor.pull.databases.adbc import connected

        driver = importlib.import_module(f"adbc_driver_{name}")._driver_path()
    except (ImportError, AttributeError):
        raise SettingsError(
            f"the ADBC driver of {printable(name)} is not installed", hint=f"pip install adbc-driver-{printable(name)}"
        ) from None
    options = {
        "uri": str(base / address.database) if name == "sqlite" else _uri(name, address),
        "username": address.user,
        "password": address.password.reveal() if address.password else None,
    }
    given = {key: value for key, value in options.items() if value}
    there = False
    try:
        with connected(lambda: AdbcDatabase(driver=driver, **given)) as session:
            there = True
            yield _Adbc(session, address)
    except Error as error:
        raise _sentence(error, address, connected=there) from None


def _uri(name: str, address: Address) -> str:
    port = f":{address.port}" if address.port else ""
    options = "&".join(f"{key}={value}" for key, value in address.options)
    return f"{name}://{address.host}{port}/{address.database}{'?' if options else ''}{options}"


class _Adbc:
    """An open database, by ADBC. Shape and meaning are `extract.Open`'s."""

    def __init__(self, session: Session, address: Address) -> None:
        self._session, self._address = session, address
        self.moment = datetime.now(UTC)
        self.types: dict[str, str] = {}
        self.unread: list[Unread] = []
        self.names = session.names(self._select("*", 0))

    def batches(self, columns: Sequence[str], rows: int | None) -> Generator[pa.RecordBatch]:
        picked = ", ".join(quoted([name]) for name in columns)
        with contextlib.closing(checked(self._session.batches(self._select(picked, rows)), self.unread)) as batches:
            for batch in batches:
                for field in batch.schema:
                    if isinstance(field.type, pa.BaseExtensionType) or pa.types.is_union(field.type):
                        raise InputUnusable(
                            f'the column "{printable(field.name)}" is of the type {field.type}, which has no text',
                            hint="cast the column to text in a query",
                        )
                yield batch

    def may_write(self) -> bool | None:
        return None

    def _select(self, picked: str, rows: int | None) -> str:
        address = self._address
        source = quoted(address.table) if address.table else f"({address.query}\n) AS q"
        return f"SELECT {picked} FROM {source}" + ("" if rows is None else f" LIMIT {rows:d}")


def _no_driver(address: Address) -> SettingsError:
    kind = printable(address.kind)
    if kind in EXTRAS:
        return SettingsError(
            f"to read {kind}, a package is needed that is not installed", hint=f"pip install 'profile-auditor[{kind}]'"
        )
    return SettingsError(
        f"no driver for {printable(address.scheme)}: is installed", hint="install its SQLAlchemy dialect and its driver"
    )


def _sentence(error: Exception, address: Address, *, connected: bool) -> AuditorError:
    """By what the driver's interface promises: the classes of its errors. Their texts may hold values."""
    from sqlalchemy import exc

    what, where = address.what, address.server
    if isinstance(error, (ImportError, exc.NoSuchModuleError)):
        return _no_driver(address)
    kind = type(getattr(error, "orig", None) or error).__name__
    state = getattr(error, "sqlstate", None) or ""
    shown = f" ({kind}{f', SQLSTATE {state}' if state else ''})"
    if not connected:
        return TryLater(
            f"{where} cannot be reached, or does not let us in{shown}",
            hint="check host, port, user and password, and that it is up",
        )
    if getattr(error, "connection_invalidated", False) or kind in (
        "OperationalError",
        "InterfaceError",
        "InternalError",
    ):
        return TryLater(
            f"{where} could not read {what}{shown}",
            hint="check the names in it and that the server is up; then run again",
        )
    return SettingsError(f"{where} refuses {what}{shown}", hint="try it in the database's own client")
