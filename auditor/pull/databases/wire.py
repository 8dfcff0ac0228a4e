"""A connection to PostgreSQL, by asyncpg, and the rows that COPY sends through it.

asyncpg runs in an event loop, and that in a thread of its own: rows come while earlier ones are written, and while
pyarrow is imported.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TypeVar

import asyncpg

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK: Final = 4 * 2**20
"""Bytes of rows that are read together."""
AHEAD: Final = 12
"""Blocks that come before they are asked for."""
_HANDFUL: Final = 64 * 2**10
_MOMENT: Final = 0.001
"""Where fewer bytes than a handful have come, rows gather for a moment, in seconds: a server sends 8 KiB at a time, and
to take each by itself costs more than the server's work."""
_ESCAPES: Final = (("b", "\b"), ("f", "\f"), ("n", "\n"), ("r", "\r"), ("t", "\t"), ("v", "\v"))
_GOODBYE: Final = 5.0
"""Seconds that a server has to end what it does for us."""
_SOCKET: Final = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 6, "TCP_USER_TIMEOUT": 120_000}
"""A server that is gone without a word is found out after two minutes."""

_T = TypeVar("_T")


@contextlib.contextmanager
def connected(dsn: str, **options: Any) -> Iterator[Session]:
    """A session; the options are those of `asyncpg.connect`. Raises what that raises."""
    with _loop() as loop:
        session = Session(loop, _wait(loop, asyncpg.connect(dsn, statement_cache_size=0, **options)))
        try:
            yield session
        finally:
            session.close()


class Session:
    """A connection. Every method may raise asyncpg.PostgresError and asyncpg.InterfaceError."""

    def __init__(self, loop: asyncio.AbstractEventLoop, connection: Any) -> None:
        self._loop, self._connection = loop, connection
        line = connection._transport.get_extra_info("socket")  # asyncpg knows no setting for it
        if line.family != socket.AF_UNIX:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in _SOCKET.items():
                if (option := getattr(socket, name, None)) is not None:
                    line.setsockopt(socket.IPPROTO_TCP, option, value)

    def run(self, text: str) -> None:
        """Statements without results."""
        _wait(self._loop, self._connection.execute(text))

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        """A small result, in values of Python."""
        return [tuple(row) for row in _wait(self._loop, self._connection.fetch(text))]

    def names(self, text: str) -> list[str]:
        """Names the columns of a query, which is not run; more than one statement is refused."""
        prepared = _wait(self._loop, self._connection.prepare(text))
        return [attribute.name for attribute in prepared.get_attributes()]

    def batches(
        self,
        query: str,
        types: Mapping[str, str],
        made: Mapping[str, Callable[[pa.Array], pa.Array]],
        *,
        encoding: str = "UTF8",
    ) -> Generator[pa.RecordBatch]:
        """The rows of a query as they come, in columns of the given names and Arrow's types.

        `made` makes what is wanted of a column of texts. That a text is in the encoding, the server knows.
        """
        arrived: SimpleQueue[bytes | None] = SimpleQueue()
        ended = threading.Event()

        async def copy() -> int:
            waiting = [b"\n"]  # a line to pass over: a mark at the start of a value is not one at the start of a file
            size = 0

            async def take(data: bytes) -> None:
                nonlocal size
                waiting.append(data)
                size += len(data)
                if size >= BLOCK:
                    arrived.put(b"".join(waiting))
                    del waiting[1:]
                    size = 0
                if len(data) < _HANDFUL:
                    await asyncio.sleep(_MOMENT)
                while arrived.qsize() >= AHEAD:
                    await asyncio.sleep(_MOMENT)

            try:
                done = await self._connection.copy_from_query(query, output=take, encoding=encoding)
                if size:
                    arrived.put(b"".join(waiting))
                return int(done.removeprefix("COPY "))
            finally:
                arrived.put(None)
                ended.set()

        copying = asyncio.run_coroutine_threadsafe(copy(), self._loop)
        rows = 0
        try:
            import pyarrow as pa

            schema = pa.schema([(name, pa.type_for_alias(alias)) for name, alias in types.items()])
            while (block := arrived.get()) is not None:
                batch = _read(block, schema, made)
                rows += batch.num_rows
                yield batch
            if rows != (sent := copying.result()):
                raise AssertionError(f"{sent} rows were sent, {rows} were read")
        finally:
            if copying.cancel():
                ended.wait(_GOODBYE)

    def close(self) -> None:
        """End the session, and what it may still be doing."""
        with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            _wait(self._loop, self._connection.close(timeout=_GOODBYE))


def _read(block: bytes, schema: pa.Schema, made: Mapping[str, Callable[[pa.Array], pa.Array]]) -> pa.RecordBatch:
    """Whole rows of COPY's text format, behind an empty line."""
    import pyarrow as pa
    from pyarrow import csv

    reading = csv.ReadOptions(use_threads=False, block_size=len(block), skip_rows=1, column_names=schema.names)
    parsing = csv.ParseOptions(delimiter="\t", quote_char=False, ignore_empty_lines=False)
    converting = csv.ConvertOptions(
        check_utf8=False,
        column_types=schema,
        null_values=["\\N"],
        strings_can_be_null=True,
        true_values=["t"],
        false_values=["f"],
    )
    try:
        [batch] = csv.read_csv(pa.py_buffer(block), reading, parsing, converting).to_batches()
    except pa.ArrowInvalid:
        raise AssertionError("rows of COPY were not understood") from None  # its own text quotes them
    columns = []
    for name, column in zip(schema.names, batch.columns, strict=True):
        if column.type == pa.string() and b"\\" in column.buffers()[2].to_pybytes():
            column = _unescaped(column)
        columns.append(made[name](column) if name in made else column)
    return pa.RecordBatch.from_arrays(columns, schema.names)


def _unescaped(column: pa.Array) -> pa.Array:
    from pyarrow import compute

    column = compute.replace_substring(column, "\\\\", "\0")  # which no text of PostgreSQL holds
    for letter, meant in _ESCAPES:
        column = compute.replace_substring(column, "\\" + letter, meant)
    return compute.replace_substring(column, "\0", "\\")


@contextlib.contextmanager
def _loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that runs in another thread."""
    started: SimpleQueue[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = SimpleQueue()

    async def run() -> None:
        end = asyncio.Event()
        started.put((asyncio.get_running_loop(), end))
        await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="postgresql", daemon=True)
    thread.start()
    loop, end = started.get()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()


def _wait(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, _T]) -> _T:
    """What comes of work in the loop. Who stops waiting stops the work."""
    future = asyncio.run_coroutine_threadsafe(work, loop)
    try:
        return future.result()
    finally:
        future.cancel()
