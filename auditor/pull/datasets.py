"""A folder of Parquet files as one input: what Spark or a warehouse leaves, with partitions in folders' names.

Files and folders whose names begin with `_` or `.` are notes of the writer (`_SUCCESS`, `.crc`) and passed over.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from auditor.errors import InputUnusable, SettingsError, TryLater
from auditor.files.disk import require_space
from auditor.files.given import printable
from auditor.files.whole import whole_file
from auditor.pull.kept import hash_of
from auditor.pull.moments import Found, found

if TYPE_CHECKING:
    import pyarrow as pa

_NOWHERE: Final = "__HIVE_DEFAULT_PARTITION__"
"""How Hive spells that a row has no value in a partition's column."""
_ROWS: Final = 100_000
"""Of a row group of what is written."""


def look(folder: Path, location: str, timezone: tzinfo) -> Found:
    """What the file system says about a folder of Parquet files, as of one file.

    Raises TryLater where it holds none, SettingsError where it holds others.
    """
    parts = _parts(folder)
    if not parts:
        raise TryLater(f"the folder {printable(location)} holds no Parquet file", hint="check whether it was delivered")
    digest, size, latest = hashlib.sha256(), 0, 0
    for part in parts:
        with part.open("rb") as file:
            if file.read(4) != b"PAR1":
                raise SettingsError(
                    f"{printable(location)} is a folder, and {printable(part.name)} in it is no Parquet file",
                    hint=f"name the files that are meant: {location.rstrip('/')}/*{part.suffix or '.csv'}",
                )
        status = part.stat()
        digest.update(f"{part.relative_to(folder)}\n{status.st_size}\n{status.st_mtime_ns}\n{status.st_ino}\n".encode())
        size, latest = size + status.st_size, max(latest, status.st_mtime_ns)
    modified = datetime.fromtimestamp(latest / 1e9, UTC)
    return found(str(folder.resolve()), size, modified, timezone, version=digest.hexdigest())


def digest(folder: Path) -> str:
    """SHA-256 of the names and contents of all files: the same for the same files, in whatever order."""
    whole = hashlib.sha256()
    for part in _parts(folder):
        whole.update(f"{part.relative_to(folder).as_posix()}\0{hash_of(part)}\n".encode())
    return whole.hexdigest()


def join(folder: Path, target: Path) -> Path:
    """Write the rows of all files, in the order of their names, as the one Parquet file `target`; 0600.

    Columns are united by name: what a file lacks is null there. The columns of partitions are text, as the folders
    spell them. Raises InputUnusable for files that are damaged and for columns whose types do not agree.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    parts = _parts(folder)
    schema = _schema(folder, parts)
    with whole_file(target, durable=False) as partial, pq.ParquetWriter(partial, schema) as writer:
        for part in parts:
            require_space(target.parent, part.stat().st_size)
            values = _partition(folder, part)
            try:
                with pq.ParquetFile(part) as file:
                    for batch in file.iter_batches(_ROWS):
                        writer.write_batch(_fitted(batch, values, schema))
            except (pa.ArrowInvalid, OSError) as error:
                if isinstance(error, OSError) and error.errno is not None:
                    raise
                raise _damaged(folder, part) from None
    return target


def _parts(folder: Path) -> list[Path]:
    files = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] not in "_.")
        files += [Path(place, name) for name in names if name[0] not in "_."]
    return sorted(files)


def _partition(folder: Path, part: Path) -> dict[str, str | None]:
    """Column → value of the folders such as `country=BE` that a file lies in."""
    pairs = [name.partition("=") for name in part.relative_to(folder).parts[:-1] if "=" in name]
    return {unquote(name): None if value == _NOWHERE else unquote(value) for name, _, value in pairs}


def _schema(folder: Path, parts: Sequence[Path]) -> pa.Schema:
    """Every column of every file, in the order in which they come."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields: dict[str, pa.Field] = {}
    first: dict[str, Path] = {}
    for part in parts:
        try:
            own = pq.read_schema(part).remove_metadata()
        except (pa.ArrowInvalid, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise _damaged(folder, part) from None
        further = [pa.field(name, pa.string()) for name in _partition(folder, part) if name not in own.names]
        for field in (*own, *further):
            known = fields.get(field.name, field)
            try:
                fields[field.name] = pa.unify_schemas(
                    [pa.schema([known]), pa.schema([field])], promote_options="permissive"
                ).field(0)
            except (pa.ArrowTypeError, pa.ArrowInvalid):
                raise InputUnusable(
                    f'the column "{printable(field.name)}" is {known.type} in {printable(first[field.name].name)} and '
                    f"{field.type} in {printable(part.name)} of {printable(folder.name)}",
                    hint="write all files with one type, or name those that belong together",
                ) from None
            first.setdefault(field.name, part)
    return pa.schema([field.with_nullable(True) for field in fields.values()])


def _fitted(batch: pa.RecordBatch, values: dict[str, str | None], schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    columns = []
    for field in schema:
        if field.name in batch.schema.names:
            columns.append(batch.column(field.name).cast(field.type))
        elif field.name in values:
            columns.append(pa.array([values[field.name]] * batch.num_rows, pa.string()).cast(field.type))
        else:
            columns.append(pa.nulls(batch.num_rows, field.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _damaged(folder: Path, part: Path) -> InputUnusable:
    return InputUnusable(
        f"the Parquet file {printable(part.relative_to(folder).as_posix())} of {printable(folder.name)} is cut off or "
        "damaged",
        hint="export or transfer it again",
    )
