"""The one DuckDB connection of a run, and the only place where expressions and statements meet it.

Equality, the diff and the explanation are Ibis expressions; they are compiled here and executed on this connection.
Names are quoted by one function and values are bound, never pasted into SQL text.
"""

from __future__ import annotations

import contextlib
import itertools
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb
from duckdb.func import FunctionNullHandling
from duckdb.sqltypes import BOOLEAN, VARCHAR

from auditor.engine.condition import PATIENCE, NoCondition, TooSlow, in_brackets, require_condition
from auditor.engine.condition_texts import NotAll, understood
from auditor.engine.protocol import INCLUDED, ROW_NUMBER
from auditor.errors import TryLater
from auditor.files.whole import whole_file

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import polars as pl
    from duckdb.sqltypes import DuckDBPyType

_TYPES = {"string": VARCHAR, "boolean": BOOLEAN}
"""Ibis's names of what Python functions give, and DuckDB's."""

_FULL = ("no space left", "not enough space", "file too large", "quota exceeded")
"""How the operating system says, through DuckDB, that a disk takes no more."""


def quote(name: str) -> str:
    """A name as a quoted SQL identifier, whatever characters it holds."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str | Path) -> str:
    """A text as an SQL literal, for the few statements that accept no bound values (COPY, CREATE VIEW)."""
    return "'" + str(text).replace("'", "''") + "'"


def name_of(table: ir.Table) -> str:
    """The name of a kept or defined table, quoted, for statements in SQL."""
    return quote(table.get_name())


_WIDE: Final = 1_500
"""Columns from which a batch of rows does not fit into what is allowed any more."""
_MANY_PATTERNS: Final = 20
MORE_MEMORY: Final = "leave columns out; a command that has settings takes engine.memory_limit of auditor.toml"


class DuckDB:
    """A DuckDB connection in this process, bounded in memory, that can reach the given folders and nothing else.

    Keeps the protocol of `auditor.engine.protocol.Engine`. What follows its methods here (from `sql` on) is for stages
    that only ever run on this machine: landing files, validating, and the libraries that bring SQL of their own.
    """

    refusals: tuple[type[Exception], ...] = (
        NoCondition,
        duckdb.DataError,
        duckdb.NotSupportedError,
        duckdb.PermissionException,
        duckdb.ProgrammingError,
    )

    def __init__(self, *, memory_limit: str = "4GB", temp: Path | None = None, folders: Iterable[Path] = ()) -> None:
        """`temp` is where DuckDB spills, None: nowhere; `folders` (and `temp`) are all it may read or write."""
        allowed = [str(folder.resolve()) + "/" for folder in (*folders, *([temp] if temp else []))]
        self._temp = temp.resolve() if temp else None
        self._numbers = itertools.count()
        self._worked_out: dict[str, tuple[str, Mapping[str, tuple[str, Callable[[str], str]]]]] = {}
        """View → where its rows lie, and how it is worked out of them; see `lay_over`."""
        self._registered = set[str]()
        self._con = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": memory_limit,
                "temp_directory": str(self._temp or ""),
                "python_enable_replacements": "false",
                "autoinstall_known_extensions": "false",
                "allow_community_extensions": "false",
                # Its blocks outlive a file that is replaced within the same clock tick: stale or damaged rows.
                "enable_external_file_cache": "false",
            },
        )
        self._con.execute("SET TimeZone = 'UTC'")
        self._con.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")  # for `watched`
        # No table has an order that anybody relies on, and to keep one costs a third more time.
        self._con.execute("SET preserve_insertion_order = false")
        # Not a bound value: for those DuckDB imports pandas, which takes longer than many a comparison.
        self._con.execute(f"SET allowed_directories = [{', '.join(literal(folder) for folder in allowed)}]")
        self._con.execute("SET enable_external_access = false")

    # --- the protocol ---

    def keep(self, rows: ir.Table, name: str) -> ir.Table:
        fresh = self._fresh(name)
        self.execute(f"CREATE TEMP TABLE {quote(fresh)} AS {self.sql(rows)}")
        return _shaped(rows, fresh)

    def define(self, rows: ir.Table, name: str) -> ir.Table:
        fresh = self._fresh(name)
        self.execute(f"CREATE TEMP VIEW {quote(fresh)} AS {self.sql(rows)}")
        return _shaped(rows, fresh)

    def put(self, frame: pl.DataFrame, name: str) -> ir.Table:
        fresh = self._fresh(name)
        # By way of a file: to register a frame, DuckDB imports pyarrow.dataset, and that pandas.
        with translated(), self._scratch() as folder:
            path = folder / "frame.parquet"
            frame.write_parquet(path)
            self._con.execute(f"CREATE TEMP TABLE {quote(fresh)} AS FROM read_parquet({literal(path)})")
        return self._described(fresh)

    def view(self, parquet: Path, name: str) -> ir.Table:
        return self.over(f"read_parquet({literal(parquet.resolve())}, {ROW_NUMBER} = true)", name)

    def fits(self, rows: ir.Table, condition: str | None, name: str) -> ir.Table:
        fits = self.fitting(condition, name_of(rows))
        return self.over(f"(SELECT *, {fits} AS {quote(INCLUDED)} FROM {name_of(rows)})", name)

    def fitting(self, condition: str | None, source: str) -> str:
        """Spells whether a row of a source in SQL fits a condition; unknown is no, and where there is none, all do.

        Raises one of `refusals` for what is no condition over its columns, UnknownFunction for one that
        may not end, TooSlow where it does not come to an end.
        """
        if condition is None:
            return "TRUE"
        require_condition(condition)
        columns = {name: kind for name, kind, *_ in self.execute(f"DESCRIBE SELECT * FROM {source}")}
        read = understood(condition, columns)
        fits = in_brackets(read.condition)
        try:
            [described] = self.execute(f"DESCRIBE SELECT {fits} AS fits FROM {source}")
        except duckdb.Error:
            if read.advice:
                raise NoCondition(read.advice) from None
            raise
        if described[1] not in ("BOOLEAN", '"NULL"'):
            raise NoCondition(read.advice)
        first = f"min({ROW_NUMBER})" if ROW_NUMBER in columns else "NULL"
        timer = threading.Timer(PATIENCE, self._con.interrupt)
        timer.start()
        try:
            for name, kind in read.read.items():
                unread = read.unread(quote(name), kind)
                [(cells, row)] = self.execute(f"SELECT count(*), {first} FROM {source} WHERE {unread}")
                if cells:
                    raise NotAll(name, kind, cells, row, condition)
            self.execute(f"SELECT count(*) FILTER ({fits}) FROM {source}")
        except duckdb.InterruptException:
            raise TooSlow(condition) from None
        finally:
            timer.cancel()
        return f"COALESCE({fits}, FALSE)"

    def beside(
        self, wanted: ir.Table, row: str, inputs: ir.Table, columns: Sequence[str], prefix: str, name: str
    ) -> ir.Table:
        cells = {f"{prefix}{place}": inputs[column] for place, column in enumerate(columns)}
        joined = wanted.join(inputs, wanted[row] == inputs[ROW_NUMBER])
        shape = joined.select(*(wanted[one] for one in wanted.columns), **cells)
        if inputs.get_name() not in self._worked_out:
            return self.keep(shape, name)
        source, spelt = self._worked_out[inputs.get_name()]
        own = {quote(f"{prefix}{place}"): spelt[column] for place, column in enumerate(columns)}
        stored = "".join(f", source.{quote(column)} AS {new}" for new, (column, _) in own.items())
        shown = ", ".join(f"{work_out(new)} AS {new}" for new, (_, work_out) in own.items())
        rows = (
            f"SELECT wanted.*{stored} FROM {source} AS source "
            f"JOIN {name_of(wanted)} AS wanted ON source.{ROW_NUMBER} = wanted.{quote(row)}"
        )
        replaced = f"* REPLACE ({shown})" if shown else "*"
        fresh = self._fresh(name)
        self.execute(f"CREATE TEMP TABLE {quote(fresh)} AS SELECT {replaced} FROM ({rows})")
        return _shaped(shape, fresh)

    def rows(self, query: ir.Table) -> list[tuple[Any, ...]]:
        return self.execute(self.sql(query))

    def frame(self, query: ir.Table) -> pl.DataFrame:
        with translated():
            return self._con.sql(self.sql(query)).pl()

    def write(self, query: ir.Table, path: Path, *, in_order: bool = False) -> None:
        options = "FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false"  # the partial file is one already
        with whole_file(path) as partial, self.in_order() if in_order else contextlib.nullcontext():
            self.execute(f"COPY ({self.sql(query)}) TO {literal(partial.resolve())} ({options})")

    def drop(self, *tables: ir.Table) -> None:
        for table in tables:
            self._con.execute(f"DROP TABLE {name_of(table)}")

    def register(self, functions: Iterable[tuple[str, Callable[..., Any], int, str]]) -> None:
        for name, function, texts, gives in functions:
            if name not in self._registered:
                self._registered.add(name)
                self._con.create_function(
                    name, function, [VARCHAR] * texts, _TYPES[gives], null_handling=FunctionNullHandling.SPECIAL
                )

    def close(self) -> None:
        self._con.close()

    # --- on this machine alone ---

    def sql(self, expression: ir.Expr) -> str:
        """The expression as SQL text for this connection."""
        return str(self._ibis.compile(expression, pretty=False))

    def execute(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Carry out SQL text, with bound values where there are any; gives all rows of its answer."""
        with translated(), self._as_written(statement):
            return self._con.execute(statement, list(values) or None).fetchall()

    def in_parts(self, query: str, size: int) -> Iterator[list[tuple[Any, ...]]]:
        """The answer to SQL text, so many rows at once; nothing else may be asked meanwhile."""
        answered = self._con.execute(query)
        while rows := answered.fetchmany(size):
            yield rows

    def keep_sql(self, query: str, name: str) -> ir.Table:
        """Carry SQL text out and keep its rows."""
        fresh = self._fresh(name)
        self.execute(f"CREATE TEMP TABLE {quote(fresh)} AS {query}")
        return self._described(fresh)

    def over(self, source: str, name: str) -> ir.Table:
        """Define a table over a source in SQL: what may follow FROM."""
        fresh = self._fresh(name)
        self.execute(f"CREATE TEMP VIEW {quote(fresh)} AS SELECT * FROM {source}")
        return self._described(fresh)

    def lay_over(self, source: str, spelt: Mapping[str, tuple[str, Callable[[str], str]]], name: str) -> ir.Table:
        """Define a table that works its columns out of a source (SQL), whose `ROW_NUMBER` and `INCLUDED` it has too.

        Per column the source's column, and how SQL is made of a cell of it.
        """
        selected = [f"{work_out(quote(column))} AS {quote(own)}" for own, (column, work_out) in spelt.items()]
        selected += [ROW_NUMBER, quote(INCLUDED)]
        laid = self.over(f"(SELECT {', '.join(selected)} FROM {source})", name)
        self._worked_out[laid.get_name()] = source, spelt
        return laid

    def shape(self, source: str) -> tuple[list[str], list[DuckDBPyType]]:
        """Names and types of the columns of a source in SQL; its rows are not read."""
        relation = self._con.sql(f"SELECT * FROM {source}")
        return list(relation.columns), list(relation.types)

    def widen(self, columns: int, megabytes: float) -> None:
        """Make room for so many columns: a batch of rows of a very wide table counts for more than all that is allowed,
        and is hardly used. Each may count for so many megabytes.
        """
        if columns > _WIDE:
            self._con.execute("SET threads = 1")
            self._con.execute(f"SET memory_limit = '{int(columns * megabytes)}MB'")

    @contextlib.contextmanager
    def lent(self, table: object, name: str) -> Iterator[str]:
        """Within it, an Arrow table or a reader of batches can be read in SQL, under the name that is given."""
        fresh = self._fresh(name)
        self._con.register(fresh, table)
        try:
            yield quote(fresh)
        finally:
            self._con.unregister(fresh)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Within it, what is executed counts together or, after an error, not at all."""
        self._con.begin()
        try:
            yield
        except BaseException:
            self._con.rollback()
            raise
        self._con.commit()

    def in_order(self) -> AbstractContextManager[None]:
        """Within it, rows are written in the order in which they are read."""
        return self._set("preserve_insertion_order", "true", "false")

    @contextlib.contextmanager
    def watched(self, told: Callable[[float], None]) -> Iterator[None]:
        """Tells twice a second, from a thread of its own, which share (0 to 1) of the query within is done.

        What `told` raises ends the query, and is raised. On a busy machine DuckDB may know no share while a query runs:
        the last one known is told again (0 at first), so that `told` has its say.
        """
        done, problem = threading.Event(), list[BaseException]()

        def watch() -> None:
            try:
                known = 0.0
                while not done.wait(0.5):
                    known = max(known, min(self._con.query_progress() / 100, 1.0))  # below 0 where there is none
                    told(known)
            except BaseException as error:  # noqa: BLE001 # raised below, in the thread that waits for the query
                problem.append(error)
                self._con.interrupt()

        thread = threading.Thread(target=watch, name="progress", daemon=True)
        thread.start()
        try:
            yield
        except duckdb.InterruptException:
            if not problem:
                raise
        finally:
            done.set()
            thread.join()
        if problem:
            raise problem[0]

    def borrowed(self) -> duckdb.DuckDBPyConnection:
        """The connection itself, for a library that brings SQL of its own: Great Expectations, SQLAlchemy."""
        return self._con

    def _as_written(self, statement: str) -> AbstractContextManager[None]:
        """Within it, DuckDB simplifies nothing where there are many patterns: it compiles them all after each step."""
        if statement.count("REGEXP_") < _MANY_PATTERNS:
            return contextlib.nullcontext()
        return self._set("disabled_optimizers", "'expression_rewriter'", "''")

    @contextlib.contextmanager
    def _set(self, setting: str, value: str, usual: str) -> Iterator[None]:
        self._con.execute(f"SET {setting} = {value}")
        try:
            yield
        finally:
            self._con.execute(f"SET {setting} = {usual}")

    @cached_property
    def _ibis(self) -> Any:
        """The Ibis backend over this very connection."""
        import ibis  # takes most of a second; commands that need no expressions do not pay for it

        return ibis.duckdb.from_connection(self._con)

    def _fresh(self, name: str) -> str:
        return f"{name}_{next(self._numbers)}"

    def _described(self, name: str) -> ir.Table:
        """A table or view whose shape only DuckDB knows."""
        import ibis

        # What the backend's own `table` gives, without pyarrow, which takes a quarter of a second to import.
        read = self._ibis.compiler.type_mapper.from_string
        described = self._con.execute(f"DESCRIBE {quote(name)}").fetchall()
        kinds = {kind: read(kind) for kind in {kind for _, kind, *_ in described}}
        return ibis.table({column: kinds[kind] for column, kind, *_ in described}, name)

    @contextlib.contextmanager
    def _scratch(self) -> Iterator[Path]:
        """A folder that the engine may read, gone afterwards; where it spills need not exist before it does."""
        if self._temp is None:
            raise AssertionError("an engine without a folder takes no frames")
        missing = not self._temp.exists()
        self._temp.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with tempfile.TemporaryDirectory(dir=self._temp) as folder:
                yield Path(folder)
        finally:
            if missing:
                with contextlib.suppress(OSError):  # DuckDB has begun to spill there
                    self._temp.rmdir()


def _shaped(rows: ir.Table, name: str) -> ir.Table:
    """The table of that name, with the shape of the expression that it was made of."""
    import ibis

    return ibis.table({column: kind.copy(nullable=True) for column, kind in rows.schema().items()}, name)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn what the machine lacks (disk, memory) into an error that a user can act on; all else is a bug."""
    try:
        yield
    except duckdb.OutOfMemoryException:
        raise TryLater("not enough memory for this run", hint=MORE_MEMORY) from None
    except duckdb.IOException as error:
        if any(word in str(error).lower() for word in _FULL):
            raise TryLater(
                "the disk is full: the run was stopped and nothing was planned", hint="free some space"
            ) from None
        raise
