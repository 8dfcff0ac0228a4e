"""The rows of a database as one Parquet file: a batch at a time, with nothing changed and nothing lost.

What a database can spell itself arrives as text in its own spelling; what its driver turns into values of Python is
spelt here, as `auditor.load.parquetfile` spells the types of a Parquet file. pyarrow is imported when a database has
begun to send, which takes about as long.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol
from uuid import UUID

from auditor.errors import InputUnusable
from auditor.files.disk import require_space
from auditor.files.given import printable
from auditor.files.whole import whole_file

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import parquet

ROWS: Final = 20_000
"""Of a batch, where the driver hands out rows."""
_MOST_UNREAD: Final = 10_000
_CELLS, _BYTES = 1_250_000, 64 * 2**20
"""Of a row group, at most, and a batch more."""


class Open(Protocol):
    """A database within a transaction that only reads."""

    @property
    def names(self) -> Sequence[str]:
        """All columns of the table or query, in its order."""

    @property
    def types(self) -> Mapping[str, str]:
        """DuckDB's word for the type of each column that is no text."""

    @property
    def unread(self) -> Sequence[Unread]:
        """The rows that were left out of the batches so far."""

    @property
    def moment(self) -> datetime:
        """When the rows were as they are read; with zone."""

    def batches(self, columns: Sequence[str], rows: int | None) -> Generator[pa.RecordBatch]:
        """The wanted columns, in their order, of all rows or of the first so many."""

    def may_write(self) -> bool | None:
        """Whether the user could change what is read, if nobody kept it from that; None: nobody knows. Asked last."""


def write(
    batches: Generator[pa.RecordBatch], columns: Sequence[str], target: Path, told: Callable[[int, int], None]
) -> int:
    """Write batches of the same columns to `target` (0600); gives the number of rows. `told` gets rows and bytes.

    Raises InputUnusable for text that is none, TryLater for a full disk.
    """
    rows = size = gathered = 0
    writer: parquet.ParquetWriter | None = None
    waiting: list[pa.RecordBatch] = []
    writing: list[Future[None]] = []
    pool = ThreadPoolExecutor(1, "write")  # while a row group is written, the next one is read

    def flush() -> None:
        import pyarrow as pa
        from pyarrow import parquet

        nonlocal writer, gathered
        schema = waiting[0].schema if waiting else pa.schema([(name, pa.string()) for name in columns])
        if writer is None:
            # Read once and thrown away: statistics and dictionaries cost more than they save.
            writer = parquet.ParquetWriter(
                partial, schema, compression="lz4", use_dictionary=False, write_statistics=False
            )
        require_space(target.parent, gathered)
        while writing:
            writing.pop().result()
        if waiting:
            writing.append(pool.submit(writer.write_table, pa.Table.from_batches(waiting, schema)))
            waiting.clear()
            gathered = 0

    group = max(2048, _CELLS // max(len(columns), 1))
    with whole_file(target, durable=False) as partial, contextlib.closing(batches):
        try:
            for batch in batches:
                waiting.append(batch)
                rows, size, gathered = rows + batch.num_rows, size + batch.nbytes, gathered + batch.nbytes
                if gathered >= _BYTES or sum(one.num_rows for one in waiting) >= group:
                    flush()
                told(rows, size)
            flush()
            while writing:
                writing.pop().result()
        finally:
            pool.shutdown()
            if writer is not None:
                writer.close()
    return rows


@dataclass(frozen=True, slots=True)
class Unread:
    """A row that was left out, since one of its texts is not in the encoding that the database says."""

    row: int
    """Its place among the rows that came, from 1."""
    byte: int
    """Of its text, the first that is none, from 1."""
    value: int
    """Of that byte."""
    text: str
    """Its cells with tabs between them; bytes that are no text are spelt, as in `Ren\\xe9`."""


def checked(batches: Generator[pa.RecordBatch], unread: list[Unread]) -> Generator[pa.RecordBatch]:
    """The same batches without the rows that hold text which is not UTF-8; those are added to `unread`.

    Raises InputUnusable for more of them than anybody would look at.
    """
    came = 0
    with contextlib.closing(batches):
        for batch in batches:
            import pyarrow as pa

            wrong = next((name for name in batch.schema.names if not _texts(batch.column(name))), None)
            if wrong is None:
                yield batch
            else:
                whole = [_whole(row) for row in _as_bytes(batch)]
                unread += [replace(one, row=one.row + came + n) for n, one in enumerate(whole) if one is not None]
                if len(unread) > _MOST_UNREAD:
                    raise no_text(wrong)
                yield batch.filter(pa.array([one is None for one in whole]))
            came += batch.num_rows


def _texts(column: pa.Array) -> bool:
    """Whether all cells of a column of texts are UTF-8; a column of another type has none."""
    import pyarrow as pa

    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:
            return False
    return True


def _as_bytes(batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    """The rows, with texts as bytes."""
    import pyarrow as pa

    blobs = {pa.string(): pa.binary(), pa.large_string(): pa.large_binary()}
    columns = [column.view(blobs[column.type]) if column.type in blobs else column for column in batch.columns]
    return zip(*(column.to_pylist() for column in columns), strict=True)


def _whole(row: Sequence[Any]) -> Unread | None:
    """What is wrong with the first row, if anything is."""
    for cell in row:
        try:
            if isinstance(cell, bytes):
                cell.decode()
        except UnicodeDecodeError as error:
            shown = [
                cell.decode("utf-8", "backslashreplace") if isinstance(cell, bytes) else spelt(cell) for cell in row
            ]
            return Unread(1, error.start + 1, cell[error.start], "\t".join(text or "" for text in shown))
    return None


def no_text(name: str) -> InputUnusable:
    return InputUnusable(
        f'the column "{printable(name)}" holds text that is not in the encoding the database says',
        hint="mend it in the database, or leave the column out",
    )


@dataclass
class Rows:
    """Batches of text made from rows of a driver."""

    columns: Sequence[str]
    spell: Mapping[int, Callable[[Any], str | None]] = field(default_factory=dict)
    """By place; without one a value is spelt by its type."""

    def batch(self, rows: Sequence[Sequence[Any]]) -> pa.RecordBatch:
        """One batch. Raises InputUnusable for a value of a type that has no spelling, naming column and type."""
        import pyarrow as pa

        arrays = []
        for place, (name, values) in enumerate(zip(self.columns, zip(*rows, strict=True), strict=True)):
            spell = self.spell.get(place, spelt)
            try:
                texts = [spell(value) for value in values]
            except _UnknownTypeError as unknown:
                raise InputUnusable(
                    f'the column "{printable(name)}" holds values of the type {unknown}, which have no text',
                    hint="cast the column to text in a query",
                ) from None
            try:
                arrays.append(pa.array(texts, pa.string()))
            except UnicodeError:  # halves of pairs: `checked` leaves their rows out
                stored = [None if text is None else text.encode("utf-8", "surrogatepass") for text in texts]
                arrays.append(pa.array(stored, pa.binary()).view(pa.string()))
        return pa.RecordBatch.from_arrays(arrays, list(self.columns))


class _UnknownTypeError(Exception):
    """Its text is the name of a type."""


def spelt(value: Any) -> str | None:
    """One value of Python as text."""
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | UUID():
            return str(value)
        case float():
            return repr(value)
        case Decimal():
            return format(value, "f")
        case datetime():
            if value.tzinfo is None:
                return str(value)
            return str(value.astimezone(UTC).replace(tzinfo=None)) + "Z"
        case date() | time() | timedelta():
            return str(value)
        case bytes() | bytearray() | memoryview():
            return binary(bytes(value))
        case list() | tuple() | set():
            return ",".join(_member(one) for one in value)
        case dict():
            return json.dumps(value, ensure_ascii=False, default=spelt)
    raise _UnknownTypeError(type(value).__name__)


def binary(value: bytes) -> str:
    """UTF-8 text, else `\\x` and hexadecimal digits."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return "\\x" + value.hex().upper()


def _member(value: Any) -> str:
    text = spelt(value) or ""
    return '"' + text.replace('"', '""') + '"' if "," in text or '"' in text else text
