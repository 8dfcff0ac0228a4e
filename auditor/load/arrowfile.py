"""Arrow inputs (IPC files, Feather 2, and streams) as text, batch by batch, spelt as Parquet's types are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.engine.duckdb import DuckDB
from auditor.errors import InputUnusable
from auditor.files.given import printable
from auditor.load.parquetfile import texts

if TYPE_CHECKING:
    import pyarrow as pa


def names(path: Path) -> list[str]:
    """The names of the columns. Raises InputUnusable for a damaged file."""
    with _reader(path) as reader:
        return list(reader.schema.names)


def types(engine: DuckDB, path: Path) -> dict[str, str]:
    """Column → DuckDB's type."""
    with _reader(path) as reader, engine.lent(_empty(reader.schema, path), "arrow_schema") as schema:
        _, kinds = engine.shape(schema)
        return dict(zip(reader.schema.names, map(str, kinds), strict=True))


@contextmanager
def as_texts(engine: DuckDB, path: Path, kept: Sequence[tuple[int, str]]) -> Iterator[str]:
    """A query, of use once and inside the block, that gives the columns at the given places under the given names."""
    with _reader(path) as reader:
        coded = _coded(reader.schema)
        with (
            engine.lent(_empty(coded, path), "arrow_schema") as schema,
            engine.lent(_recoded(reader, coded), "arrow_batches") as batches,
        ):
            yield f"SELECT {texts(*engine.shape(schema), kept)} FROM {batches}"


def damaged(path: Path) -> InputUnusable:
    return InputUnusable(f"the Arrow file {printable(path)} is cut off or damaged", hint="export or transfer it again")


@contextmanager
def _reader(path: Path) -> Iterator[pa.RecordBatchReader]:
    """Batches of a file or a stream, read from the disk as they are asked for."""
    import pyarrow as pa

    with path.open("rb") as head:
        whole = head.read(6) == b"ARROW1"
    try:
        with pa.OSFile(str(path)) as source:
            if whole:
                file = pa.ipc.open_file(source)
                batches = (file.get_batch(number) for number in range(file.num_record_batches))
                yield pa.RecordBatchReader.from_batches(file.schema, batches)
            else:
                yield pa.ipc.open_stream(source)
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, InputUnusable):
            raise
        raise damaged(path) from None


def _coded(schema: pa.Schema) -> pa.Schema:
    """Columns by their places: DuckDB renames those that differ in case only."""
    import pyarrow as pa

    return pa.schema([field.with_name(f"c{place}") for place, field in enumerate(schema)])


def _recoded(reader: pa.RecordBatchReader, schema: pa.Schema) -> pa.RecordBatchReader:
    import pyarrow as pa

    batches = (pa.RecordBatch.from_arrays(batch.columns, schema=schema) for batch in reader)
    return pa.RecordBatchReader.from_batches(schema, batches)


def _empty(schema: pa.Schema, path: Path) -> pa.Table:
    """A table of the schema. Raises InputUnusable for types that no table of people has."""
    import pyarrow as pa

    for field in schema:
        if pa.types.is_run_end_encoded(field.type) or pa.types.is_float16(field.type):
            raise InputUnusable(
                f'the column "{printable(field.name)}" of {printable(path)} is of the type {field.type}, '
                "which cannot be read",
                hint="write it as another type",
            )
    return schema.empty_table()
