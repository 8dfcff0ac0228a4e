"""`auditor.compare`: two tables of this process, files or tables of databases, compared from Python and notebooks.

What is no path goes by way of a Parquet file in a temporary folder, batch by batch; the table itself is left as it is.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeGuard

from auditor.commands.compare import Comparison
from auditor.commands.compare import compare as _compare
from auditor.errors import SettingsError
from auditor.model import Side
from auditor.settings.compare_options import Question
from auditor.settings.distances import Distance, parse_distance

if TYPE_CHECKING:
    import pyarrow as pa


class _ArrowStream(Protocol):
    """Polars, pandas, Arrow, DuckDB and Ibis hand their tables over in this way."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object: ...


Table: TypeAlias = "str | os.PathLike[str] | _ArrowStream"
"""A path, the address of a database with its table (`postgresql://db/crm#contacts`), what a cluster sees
(`cluster:crm.contacts`), or a table of this process: a Polars frame (lazy or not), a pandas frame, an Arrow table or
reader, a DuckDB relation, an Ibis table."""

_INDEX = "__index_level_"
"""What pandas calls an index that has no name; a range is left out by pandas itself."""


def compare(
    platform: Table,
    truth: Table,
    *,
    key: str | Sequence[str],
    fallback_keys: Sequence[str | Sequence[str]] = (),
    mapped: Mapping[str, str] | None = None,
    names: Literal["exact", "loose"] = "exact",
    ignore: Sequence[str] = (),
    only: Sequence[str] = (),
    rules: Mapping[str, str] | None = None,
    values: Mapping[str, Mapping[str, str]] | None = None,
    tolerances: Mapping[str, Decimal | timedelta | float | int | str] | None = None,
    where: str | None = None,
    where_platform: str | None = None,
    where_truth: str | None = None,
    base: Table | None = None,
    match: bool = False,
    summary: bool = False,
    remote: str | None = None,
    out: str | os.PathLike[str] | None = None,
    memory_limit: str = "700MB",
) -> Comparison:
    """Compare two tables by a key, as `auditor compare` does with files.

    `key` names one or several columns of the platform; `fallback_keys` are for rows that lack it (`docs/keys.md`).
    `mapped` says which column of the truth is meant where the names differ, and `names="loose"` that those are the same
    that differ by nothing but case, blanks, signs and accents. `ignore` leaves columns out, and with `only` no others
    are compared. `rules` says how a column is compared (`{"phone": "phone:BE"}`), `values` what its values stand for
    (`{"country": {"Belgium": "BE"}}`), and `tolerances` which distance is
    none, inclusive: between two numbers `0.01` or `"1%"`, between days and moments `"1d"`, `"2h"`, a timedelta.
    `where` is a condition over the columns of each side, by the platform's names: who is compared at all; so are
    `where_platform` and `where_truth` of one side, by its own names. `base` holds the values on which both sides last
    agreed, and tells who moved. `match` looks for the same person under another key. With `summary` what is
    returned has numbers per status and column alone, sooner: no rows, reasons or causes. `remote` is the address of a
    Spark cluster that compares, sc://host:15002 (`docs/spark.md`). `out` is a folder for the results, as Parquet;
    without it they live as long as the value that is returned. The engine holds to `memory_limit`.

    Raises SettingsError for what is named and not there or cannot be compared, InputUnusable and TryLater for inputs
    that cannot be read.
    """
    if names not in ("exact", "loose"):
        raise SettingsError(f'names is "exact" or "loose", and not {names!r}')
    if summary and (match or out is not None):
        raise SettingsError(f"summary has numbers alone, and {'match' if match else 'out'} needs the rows")
    with tempfile.TemporaryDirectory(prefix="auditor-") as name:
        folder = Path(name)
        question = Question(
            platform=_location(platform, "platform", folder),
            truth=_location(truth, "truth", folder),
            key=(key,) if isinstance(key, str) else tuple(key),
            fallbacks=tuple((one,) if isinstance(one, str) else tuple(one) for one in fallback_keys),
            mapped=dict(mapped or {}),
            loosely=names == "loose",
            ignored=tuple(ignore),
            only=tuple(only),
            rules=dict(rules or {}),
            values={column: dict(one) for column, one in (values or {}).items()},
            tolerances={column: _distance(column, one) for column, one in (tolerances or {}).items()},
            where=where,
            where_one={
                side: one for side, one in zip(Side, (where_platform, where_truth), strict=True) if one is not None
            },
            base=None if base is None else _location(base, "base", folder),
            same_person=match,
            summary=summary,
            remote=remote,
            memory_limit=memory_limit,
            called={
                side: side.value for side, table in zip(Side, (platform, truth), strict=True) if not _is_path(table)
            },
        )
        return _compare(question, folder=None if out is None else Path(out))


def _distance(column: str, given: object) -> Distance:
    try:
        return parse_distance(given)
    except ValueError as error:
        raise SettingsError(f"the tolerance of {column}: {error}") from None


def _location(table: Table, name: str, folder: Path) -> str:
    """Where the table can be read: its own place, or a Parquet file of its rows in the folder."""
    if _is_path(table):
        return os.fspath(table)
    import pyarrow as pa
    import pyarrow.parquet as pq

    given: Any = table
    if not hasattr(given, "__arrow_c_stream__") and hasattr(given, "collect"):  # a lazy frame of Polars
        given = given.collect(engine="streaming")
    if hasattr(given, "reset_index") and any(given.index.names):  # pandas keeps an index with a name to itself
        given = given.reset_index()
    path = folder / f"{name}.parquet"
    if hasattr(given, "write_parquet"):
        given.write_parquet(str(path))
        return str(path)
    if not hasattr(given, "__arrow_c_stream__"):
        raise SettingsError(
            f"{name} is of type {type(table).__name__}: a path or a table of Polars, pandas, Arrow, DuckDB or Ibis is "
            "expected"
        )
    reader = pa.RecordBatchReader.from_stream(given)
    kept = [field.name for field in reader.schema if not field.name.startswith(_INDEX)]
    with pq.ParquetWriter(path, _storable(reader.schema, kept), compression="lz4") as writer:
        for batch in reader:
            writer.write_batch(batch.select(kept).cast(writer.schema))
    return str(path)


def _is_path(table: Table) -> TypeGuard[str | os.PathLike[str]]:
    return isinstance(table, str | os.PathLike)


def _storable(schema: pa.Schema, kept: Sequence[str]) -> pa.Schema:
    """The schema with types that Parquet has: a text is a text, however it lies in memory."""
    import pyarrow as pa

    texts = (pa.types.is_string_view, pa.types.is_large_string, pa.types.is_dictionary)
    return pa.schema(
        [
            pa.field(name, pa.string() if any(is_one(schema.field(name).type) for is_one in texts) else field_type)
            for name, field_type in ((name, schema.field(name).type) for name in kept)
        ]
    )
