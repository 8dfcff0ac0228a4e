"""Statements by way of an ADBC driver.

The drivers' DB-API layer is passed over: it imports pandas, and gives a result whose errors come without SQLSTATE and
with values in their text.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pyarrow as pa
from adbc_driver_manager import AdbcConnection, AdbcStatement, Error
from adbc_driver_manager._reader import AdbcRecordBatchReader

AHEAD: Final = 3
"""Batches that are fetched before they are asked for; PostgreSQL's have 16 MiB."""


@contextlib.contextmanager
def connected(database: Callable[[], Any]) -> Iterator[Session]:
    """A session in a transaction that is never committed. Raises adbc_driver_manager.Error."""
    with database() as opened, AdbcConnection(opened) as connection:
        connection.set_autocommit(False)
        yield Session(connection)


class Session:
    """A connection. Every method may raise adbc_driver_manager.Error."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def run(self, text: str) -> None:
        """A statement without a result."""
        with AdbcStatement(self._connection) as statement:
            statement.set_sql_query(text)
            statement.execute_update()

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        """A small result, in values of Python."""
        with self._result(text) as (_, reader):
            return [
                row for batch in reader for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)
            ]

    def names(self, text: str) -> list[str]:
        """The columns of a result that is not wanted."""
        with self._result(text) as (_, reader):
            return [field.name for field in reader.schema]

    def batches(self, text: str) -> Generator[pa.RecordBatch]:
        """A result as it comes; while a batch is looked at, the next ones are fetched."""
        with self._result(text) as (statement, reader), ThreadPoolExecutor(1, "fetch") as pool:
            coming = iter(reader)
            fetched = deque(pool.submit(next, coming, None) for _ in range(AHEAD))
            try:
                while (batch := fetched.popleft().result()) is not None:
                    fetched.append(pool.submit(next, coming, None))
                    yield batch
            except (GeneratorExit, KeyboardInterrupt):
                pool.shutdown(wait=False, cancel_futures=True)
                with contextlib.suppress(Error):  # a driver that knows no cancelling is waited for, a batch long
                    statement.cancel()
                raise

    @contextlib.contextmanager
    def _result(self, text: str) -> Iterator[tuple[Any, Any]]:
        with AdbcStatement(self._connection) as statement:
            statement.set_sql_query(text)
            handle, _ = statement.execute_query()
            reader = AdbcRecordBatchReader._import_from_c(handle.address)
            try:
                yield statement, reader
            finally:
                reader.close()
