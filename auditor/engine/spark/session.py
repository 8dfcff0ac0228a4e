"""The engine on a cluster.

Files of this machine are landed by DuckDB like everywhere else, as text, and then handed to the cluster; what the
cluster can see itself (tables, Parquet files in its storage) never comes here. What expressions make stays there, as
tables of a database of this session's own, and is dropped at the end; results are fetched and written as Parquet files
here.
"""

from __future__ import annotations

import contextlib
import itertools
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis.backends.pyspark
import ibis.expr.operations as ops
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.errors import AnalysisException, PySparkException
from pyspark.errors.exceptions.connect import SparkConnectGrpcException
from pyspark.sql import SparkSession
from pyspark.sql.functions import udf
from pyspark.sql.pandas.types import from_arrow_schema
from pyspark.sql.types import StructField, StructType

from auditor.engine.condition import NoCondition, require_condition
from auditor.engine.condition_texts import NotAll, understood
from auditor.engine.protocol import INCLUDED, ROW_NUMBER
from auditor.engine.spark import PREFIX, inputs
from auditor.engine.spark.entries import on_spark
from auditor.engine.spark.inputs import quote
from auditor.engine.spark.twins import FUNCTIONS
from auditor.errors import SettingsError, TryLater
from auditor.files.whole import whole_file
from auditor.logs import silence

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from pyspark.sql import DataFrame

silence(("SQLQueryContextLogger", "pyspark"))  # what they log holds whole statements

_SENT = 64_000_000
"""Bytes of a batch of rows on its way to the cluster: servers take messages of 128 MB at most."""

_TYPES = {"string": "string", "boolean": "boolean", "float64": "double"}


class Refused(RuntimeError):
    """A statement that the cluster does not carry out; by Spark's own word, without a plan or a value."""


class Spark:
    """A session on a cluster. Keeps the protocol of `auditor.engine.protocol.Engine`."""

    refusals: tuple[type[Exception], ...] = (Refused, NoCondition)

    def __init__(self, address: str, remote: str) -> None:
        """`remote` is the whole address of the cluster, `address` what may be shown of it.

        Raises TryLater where nobody answers, SettingsError where its workers cannot run the auditor's functions.
        """
        self._remote = address
        self._numbers = itertools.count()
        self._registered = set[str]()
        self._own = f"auditor_{secrets.token_hex(6)}"
        with translated(self._remote):
            self.session = SparkSession.builder.remote(remote).create()
        try:
            with translated(self._remote):
                for name, value in _SETTINGS.items():
                    self.session.conf.set(name, value)
                self.session.sql(f"CREATE DATABASE {quote(self._own)}").collect()
                self.register(FUNCTIONS)
                self._probe()
        except BaseException:
            self.close()
            raise

    # --- the protocol ---

    def keep(self, rows: ir.Table, name: str) -> ir.Table:
        """Materialise an expression as a table of this session's database.

        A union part by part: Sail gives up on unions whose parts do not agree on which columns may be null.
        """
        parts = [self.sql(part.to_expr()) for part in _parts(rows.op())]

        def write(place: str) -> None:
            frames = [self.session.sql(part) for part in parts]
            if len(frames) > 1:  # each part may have nulls where the first has none
                empty = self.session.createDataFrame([], _nullable(frames[0].schema))
                empty.write.saveAsTable(place)
            for frame in frames:
                frame.write.mode("append").saveAsTable(place)

        with translated(self._remote):
            return self._kept(name, write)

    def define(self, rows: ir.Table, name: str) -> ir.Table:
        with translated(self._remote):
            return self._named(self.session.sql(self.sql(rows)), name)

    def put(self, frame: pl.DataFrame, name: str) -> ir.Table:
        rows = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        return self._send(name, rows.to_batches(max_chunksize=_rows(frame)), rows.schema)

    def view(self, parquet: Path, name: str) -> ir.Table:
        """Hand a landed file to the cluster, with its row numbers."""
        file = pq.ParquetFile(parquet)
        schema = file.schema_arrow.append(pa.field(ROW_NUMBER, pa.int64()))
        return self._send(name, _numbered(file, schema), schema)

    def fits(self, rows: ir.Table, condition: str | None, name: str) -> ir.Table:
        asked, advice = self._understood(rows, condition) if condition else ("TRUE", "")
        fits = f"COALESCE(({asked}), FALSE)"
        statement = f"SELECT *, {fits} AS {quote(INCLUDED)} FROM {quote(rows.get_name())}"
        try:
            with translated(self._remote):
                frame = self.session.sql(statement)
                frame.schema  # noqa: B018 -- only then the cluster looks at the statement
                return self._named(frame, name)
        except Refused:
            if advice:
                raise NoCondition(advice) from None
            raise

    def _understood(self, rows: ir.Table, condition: str) -> tuple[str, str]:
        """A condition that is written for DuckDB, in Spark's SQL, with columns of text read as what they are compared
        with; and what to do where the cluster does not take it.
        """
        require_condition(condition)
        kinds = {name: "VARCHAR" if kind.is_string() else "BIGINT" for name, kind in rows.schema().items()}
        read = understood(condition, kinds)
        for name, kind in read.read.items():
            unread = _translated(read.unread('"' + name.replace('"', '""') + '"', kind))
            first = f"min({ROW_NUMBER})" if ROW_NUMBER in kinds else "NULL"
            query = f"SELECT count(*), {first} FROM {quote(rows.get_name())} WHERE {unread}"
            with translated(self._remote):
                [(cells, row)] = self.session.sql(query).collect()
            if cells:
                raise NotAll(name, kind, cells, row, condition)
        return _translated(read.condition), read.advice

    def beside(
        self, wanted: ir.Table, row: str, inputs: ir.Table, columns: Sequence[str], prefix: str, name: str
    ) -> ir.Table:
        cells = {f"{prefix}{place}": inputs[column] for place, column in enumerate(columns)}
        joined = wanted.join(inputs, wanted[row] == inputs[ROW_NUMBER])
        return self.keep(joined.select(*(wanted[one] for one in wanted.columns), **cells), name)

    def rows(self, query: ir.Table) -> list[tuple[Any, ...]]:
        fetched = self._fetched(query)
        return list(zip(*(column.to_pylist() for column in fetched.columns), strict=True))

    def frame(self, query: ir.Table) -> pl.DataFrame:
        frame = pl.from_arrow(self._fetched(query))
        assert isinstance(frame, pl.DataFrame)  # noqa: S101 -- a table's
        return frame

    def write(self, query: ir.Table, path: Path, *, in_order: bool = False) -> None:
        del in_order  # what is fetched from a cluster keeps its order anyhow
        fetched = self._fetched(query)
        with whole_file(path) as partial:
            pq.write_table(fetched, partial, compression="zstd")

    def drop(self, *tables: ir.Table) -> None:
        for table in tables:
            self.session.catalog.dropTempView(table.get_name())

    def register(self, functions: Iterable[tuple[str, Callable[..., Any], int, str]]) -> None:
        for name, function, _, gives in functions:
            if name not in self._registered:
                self._registered.add(name)
                with translated(self._remote):
                    self.session.udf.register(name, udf(function, _TYPES[gives], useArrow=True))

    def close(self) -> None:
        self.session.client.set_retry_policies([])  # it would wait ten minutes for a cluster that went away
        with contextlib.suppress(PySparkException):
            self.session.sql(f"DROP DATABASE IF EXISTS {quote(self._own)} CASCADE").collect()
        with contextlib.suppress(PySparkException):
            self.session.stop()

    # --- what the cluster sees itself ---

    def types(self, location: str) -> dict[str, str]:
        """Column → DuckDB's word for its type, of a table or Parquet files that the cluster sees."""
        with translated(self._remote):
            return inputs.types(self._seen(location))

    def read(self, location: str, columns: Sequence[str], name: str) -> ir.Table:
        """Columns of what the cluster sees, as texts beside row numbers."""
        with translated(self._remote):
            texts = inputs.as_texts(self._seen(location), list(columns), location)
            return self._kept(name, lambda place: texts.write.saveAsTable(place))

    def sql(self, expression: ir.Expr) -> str:
        """The expression as SQL text for the cluster."""
        return str(self._ibis.compile(on_spark(expression), pretty=False))

    @cached_property
    def _ibis(self) -> Any:
        """The Ibis backend over this very session."""
        with translated(self._remote):
            backend = ibis.backends.pyspark.Backend()
            backend.register_options()
            return backend.connect(self.session)

    def _seen(self, location: str) -> DataFrame:
        place = location.removeprefix(PREFIX)
        try:
            frame = self.session.read.parquet(place) if "/" in place else self.session.table(place)
            frame.schema  # noqa: B018 -- only then the cluster looks for it
        except AnalysisException:
            kind = "Parquet files" if "/" in place else "table"
            raise SettingsError(
                f"the cluster sees no {kind} {place}",
                hint="cluster:s3a://bucket/folder names files of its storage, cluster:crm.contacts a table",
            ) from None
        return frame

    def _fetched(self, query: ir.Table) -> pa.Table:
        with translated(self._remote):
            return self.session.sql(self.sql(query)).toArrow()

    def _kept(self, name: str, write: Callable[[str], None]) -> ir.Table:
        """A table under a fresh name of its own, and the view by which expressions know it."""
        place = f"{quote(self._own)}.t{next(self._numbers)}"
        write(place)
        return self._named(self.session.table(place), name)

    def _named(self, frame: DataFrame, name: str) -> ir.Table:
        fresh = f"{name}_{next(self._numbers)}"
        frame.createOrReplaceTempView(fresh)
        table: ir.Table = self._ibis.table(fresh)
        return table

    def _send(self, name: str, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> ir.Table:
        def write(place: str) -> None:
            sent = False
            for batch in batches:
                part = self.session.createDataFrame(pa.Table.from_batches([batch], schema))
                part.write.mode("append").saveAsTable(place)
                sent = True
            if not sent:
                self.session.createDataFrame([], from_arrow_schema(schema)).write.saveAsTable(place)

        with translated(self._remote):
            return self._kept(name, write)

    def _probe(self) -> None:
        """Whether workers can run the auditor's functions."""
        try:
            self.session.sql("SELECT auditor_nfc('é')").collect()
        except PySparkException:
            raise SettingsError(
                f"the workers of {self._remote} cannot run the auditor's functions, which its rules need there",
                hint="install profile-auditor on the cluster, for the Python version that runs here",
            ) from None


_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "false",
}
"""Of the session: moments are UTC, and what cannot be read is null."""


@contextlib.contextmanager
def translated(remote: str) -> Iterator[None]:
    """Turn what the cluster says into an error without a statement, a plan or a value.

    A cluster that went away is TryLater, one that does not let us in SettingsError, all else Refused.
    """
    try:
        yield
    except PySparkException as error:
        said = str(error) if isinstance(error, SparkConnectGrpcException) else ""
        if "StatusCode.UNAVAILABLE" in said:
            raise TryLater(
                f"the Spark cluster at {remote} went away", hint="look whether it still runs, and compare again"
            ) from None
        if "StatusCode.UNAUTHENTICATED" in said or "StatusCode.PERMISSION_DENIED" in said:
            raise SettingsError(
                f"the Spark cluster at {remote} does not let us in",
                hint="name a token that it knows: --remote 'sc://host:443/;use_ssl=true;token=env:NAME'",
            ) from None
        raise Refused(f"Spark refused a statement: {error.getCondition() or type(error).__name__}") from None


def _parts(node: ops.Relation) -> Iterator[ops.Relation]:
    """What a union puts together, however often; any other relation itself."""
    if isinstance(node, ops.Union) and not node.distinct:
        yield from _parts(node.left)
        yield from _parts(node.right)
    else:
        yield node


def _nullable(schema: StructType) -> StructType:
    return StructType([StructField(field.name, field.dataType) for field in schema])


def _translated(condition: str) -> str:
    """A condition that is written for DuckDB, in Spark's SQL."""
    import sqlglot

    try:
        return sqlglot.transpile(condition, read="duckdb", write="spark")[0]
    except sqlglot.errors.SqlglotError:
        raise Refused("no condition") from None


def _rows(frame: pl.DataFrame) -> int:
    return max(1, int(_SENT * frame.height / max(frame.estimated_size(), 1)))


def _numbered(file: pq.ParquetFile, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of a file with their numbers, from 0."""
    first = 0
    metadata = file.metadata
    bytes_per_row = sum(metadata.row_group(n).total_byte_size for n in range(metadata.num_row_groups))
    size = max(1, int(_SENT * metadata.num_rows / max(bytes_per_row * 4, 1)))
    for batch in file.iter_batches(size):
        numbers = pa.array(range(first, first + batch.num_rows), pa.int64())
        yield pa.RecordBatch.from_arrays([*batch.columns, numbers], schema=schema)
        first += batch.num_rows
