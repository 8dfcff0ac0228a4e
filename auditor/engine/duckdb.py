"""The one DuckDB connection of a run, and the only place where expressions meet it.

Equality, the diff and the explanation are Ibis expressions; they are compiled here and executed on this connection.
Names are quoted by one function and values are bound, never pasted into SQL text.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from duckdb.func import FunctionNullHandling
from duckdb.sqltypes import BOOLEAN, VARCHAR

from auditor.errors import TryLater
from auditor.files.whole import whole_file

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import polars as pl


STORED, INCLUDED = "auditor:stored:", "auditor:included"
"""What the view of an input may have beside its texts: a column's cells as both sides store them, and whether a row is
compared at all."""

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


class Engine:
    """A DuckDB connection in this process, bounded in memory, that can reach the given folders and nothing else.

    Whoever uses no more than the methods from `table` to `write` runs unchanged on a cluster (`auditor.engine.spark`):
    what they take are expressions, and names of what was made of them before.
    """

    refusals: tuple[type[Exception], ...] = (
        duckdb.DataError,
        duckdb.NotSupportedError,
        duckdb.PermissionException,
        duckdb.ProgrammingError,
    )
    """How the engine says that a condition of the user's does not fit the table, or not all of its rows."""

    def __init__(self, *, memory_limit: str = "4GB", temp: Path, folders: Iterable[Path] = ()) -> None:
        """`temp` is where DuckDB spills; `folders` (and `temp`) are all it may read or write."""
        allowed = [str(folder.resolve()) + "/" for folder in (temp, *folders)]
        self._temp = temp.resolve()
        self._worked_out: dict[str, tuple[str, Mapping[str, tuple[str, Callable[[str], str]]]]] = {}
        """View → where its rows lie, and how it is worked out of them; see `lay_over`."""
        self._registered = set[str]()
        self.con = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": memory_limit,
                "temp_directory": str(temp.resolve()),
                "python_enable_replacements": "false",
                "autoinstall_known_extensions": "false",
                "allow_community_extensions": "false",
                # Its blocks outlive a file that is replaced within the same clock tick: stale or damaged rows.
                "enable_external_file_cache": "false",
            },
        )
        self.con.execute("SET TimeZone = 'UTC'")
        self.con.execute("SET enable_progress_bar = true")  # for `watched`
        self.con.execute("SET enable_progress_bar_print = false")
        # No table has an order that anybody relies on, and to keep one costs a third more time.
        self.con.execute("SET preserve_insertion_order = false")
        # Not a bound value: for those DuckDB imports pandas, which takes longer than many a comparison.
        self.con.execute(f"SET allowed_directories = [{', '.join(literal(folder) for folder in allowed)}]")
        self.con.execute("SET enable_external_access = false")

    @cached_property
    def ibis(self) -> Any:
        """The Ibis backend over this very connection."""
        import ibis  # takes most of a second; commands that need no expressions do not pay for it

        backend = ibis.duckdb.from_connection(self.con)
        backend.compiler = _compiler()
        return backend

    def table(self, name: str) -> ir.Table:
        """A table or view of this connection as an Ibis table."""
        import ibis

        # What the backend's own `table` gives, without pyarrow, which takes a quarter of a second to import.
        read = self.ibis.compiler.type_mapper.from_string
        described = self.con.execute(f"DESCRIBE {quote(name)}").fetchall()
        kinds = {kind: read(kind) for kind in {kind for _, kind, *_ in described}}
        return ibis.table({column: kinds[kind] for column, kind, *_ in described}, name)

    def sql(self, expression: ir.Expr) -> str:
        """The expression as SQL text for this connection."""
        return str(self.ibis.compile(expression, pretty=False))

    def create(self, name: str, expression: ir.Table) -> ir.Table:
        """Materialise an expression as a temporary table, replacing one of that name; gives the new table."""
        with translated():
            self.con.execute(f"CREATE OR REPLACE TEMP TABLE {quote(name)} AS {self.sql(expression)}")
        return self.table(name)

    def name(self, name: str, expression: ir.Table) -> None:
        """Give an expression a name, as a temporary view, replacing one of that name."""
        with translated():
            self.con.execute(f"CREATE OR REPLACE TEMP VIEW {quote(name)} AS {self.sql(expression)}")

    def condition(self, name: str, source: str, condition: str | None) -> None:
        """Name the rows of `source` with `INCLUDED` beside them: whether they fit a condition in SQL, where unknown is
        no. Raises one of `refusals` for what is no condition over its columns.
        """
        fits = f"COALESCE(({condition}), FALSE)" if condition else "TRUE"
        statement = f"SELECT *, {fits} AS {quote(INCLUDED)} FROM {quote(source)}"
        self.con.execute(f"CREATE OR REPLACE TEMP VIEW {quote(name)} AS {statement}")

    def register(self, functions: Iterable[tuple[str, Callable[..., Any], int, str]]) -> None:
        """Let expressions call Python functions: name, function, number of texts that it takes, Ibis type that it
        gives. One that is registered already stays.
        """
        for name, function, texts, gives in functions:
            if name not in self._registered:
                self._registered.add(name)
                self.con.create_function(
                    name, function, [VARCHAR] * texts, _TYPES[gives], null_handling=FunctionNullHandling.SPECIAL
                )

    def has_rows(self, name: str) -> bool:
        """Whether a table or view has any row."""
        return bool(self.rows(f"SELECT 1 FROM {quote(name)} LIMIT 1"))

    def made(self) -> set[str]:
        """All names that `create`, `put` and `name` have given."""
        names = "SELECT table_name FROM duckdb_tables() UNION SELECT view_name FROM duckdb_views() WHERE temporary"
        return {name for (name,) in self.con.execute(names).fetchall()}

    def drop(self, *names: str) -> None:
        """Forget tables that nothing needs any more."""
        for name in names:
            self.con.execute(f"DROP TABLE {quote(name)}")

    @contextlib.contextmanager
    def in_order(self) -> Iterator[None]:
        """Within it, rows are written in the order in which they are read."""
        self.con.execute("SET preserve_insertion_order = true")
        try:
            yield
        finally:
            self.con.execute("SET preserve_insertion_order = false")

    def put(self, name: str, frame: pl.DataFrame) -> str:
        """A frame as a temporary table; gives its name."""
        # By way of a file: to register a frame, DuckDB imports pyarrow.dataset, and that pandas.
        with translated(), self._scratch() as folder:
            path = folder / "frame.parquet"
            frame.write_parquet(path)
            self.con.execute(f"CREATE OR REPLACE TEMP TABLE {quote(name)} AS FROM read_parquet({literal(path)})")
        return name

    def rows(self, query: ir.Table | str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of an expression or of SQL text with bound parameters."""
        with translated():
            text = query if isinstance(query, str) else self.sql(query)
            return self.con.execute(text, list(parameters)).fetchall()

    def frame(self, query: ir.Table | str) -> pl.DataFrame:
        """All rows as a Polars frame."""
        with translated():
            return self.con.execute(query if isinstance(query, str) else self.sql(query)).pl()

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
                    known = max(known, min(self.con.query_progress() / 100, 1.0))  # below 0 where there is none
                    told(known)
            except BaseException as error:  # noqa: BLE001 # raised below, in the thread that waits for the query
                problem.append(error)
                self.con.interrupt()

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

    def view(self, name: str, parquet: Path) -> None:
        """A view over a Parquet file, with its row numbers (from 0, in file order) as `file_row_number`."""
        source = f"read_parquet({literal(parquet.resolve())}, file_row_number = true)"
        self.con.execute(f"CREATE OR REPLACE TEMP VIEW {quote(name)} AS SELECT * FROM {source}")

    def lay_over(self, name: str, source: str, spelt: Mapping[str, tuple[str, Callable[[str], str]]]) -> None:
        """A view that works its columns out of a source (SQL), whose `file_row_number` and `INCLUDED` it has as well.

        Per column the source's column, and how SQL is made of a cell of it.
        """
        selected = [f"{work_out(quote(column))} AS {quote(own)}" for own, (column, work_out) in spelt.items()]
        selected += ["file_row_number", quote(INCLUDED)]
        self.con.execute(f"CREATE OR REPLACE TEMP VIEW {quote(name)} AS SELECT {', '.join(selected)} FROM {source}")
        self._worked_out[name] = source, spelt

    def beside(self, target: str, wanted: str, row: str, name: str, columns: Sequence[str], prefix: str) -> ir.Table:
        """Make the table `target`: the rows of the table `wanted`, with columns of an input's view beside them.

        They are of the row of the view `name` whose number stands in `row`, and are called by the prefix and their
        place. What the view works out of its source is worked out for these rows alone.
        """
        if name not in self._worked_out:
            rows, numbers = self.table(name), self.table(wanted)
            cells = {f"{prefix}{place}": rows[column] for place, column in enumerate(columns)}
            joined = numbers.join(rows, numbers[row] == rows["file_row_number"])
            return self.create(target, joined.select(*(numbers[one] for one in numbers.columns), **cells))
        source, spelt = self._worked_out[name]
        own = {quote(f"{prefix}{place}"): spelt[column] for place, column in enumerate(columns)}
        stored = "".join(f", source.{quote(column)} AS {new}" for new, (column, _) in own.items())
        shown = ", ".join(f"{work_out(new)} AS {new}" for new, (_, work_out) in own.items())
        joined_rows = (
            f"SELECT wanted.*{stored} FROM {source} AS source "
            f"JOIN {quote(wanted)} AS wanted ON source.file_row_number = wanted.{quote(row)}"
        )
        replaced = f"* REPLACE ({shown})" if shown else "*"
        with translated():
            self.con.execute(f"CREATE OR REPLACE TEMP TABLE {quote(target)} AS SELECT {replaced} FROM ({joined_rows})")
        return self.table(target)

    def types(self, location: str) -> dict[str, str]:
        """Column → type of what the engine sees by itself; this one sees files alone, which are landed."""
        raise NotImplementedError(location)

    def read(self, name: str, location: str, columns: Sequence[str]) -> None:
        """Give a name to columns of what the engine sees by itself, as texts beside row numbers."""
        raise NotImplementedError(location)

    def write(self, query: ir.Table | str, path: Path) -> None:
        """Write an expression, or a table by its name, as a Parquet file: whole or not at all."""
        text = f"FROM {quote(query)}" if isinstance(query, str) else self.sql(query)
        options = "FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false"  # the partial file is one already
        with whole_file(path) as partial, translated():
            self.con.execute(f"COPY ({text}) TO {literal(partial.resolve())} ({options})")

    @contextlib.contextmanager
    def _scratch(self) -> Iterator[Path]:
        """A folder that the engine may read, gone afterwards; where it spills need not exist before it does."""
        missing = not self._temp.exists()
        self._temp.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with tempfile.TemporaryDirectory(dir=self._temp) as folder:
                yield Path(folder)
        finally:
            if missing:
                with contextlib.suppress(OSError):  # DuckDB has begun to spill there
                    self._temp.rmdir()

    def close(self) -> None:
        self.con.close()


def _compiler() -> Any:
    """Ibis's own, but for hashes: it makes a text of bits of each, to turn it into a number with a sign."""
    import sqlglot.expressions as sge
    from ibis.backends.sql.compilers.duckdb import DuckDBCompiler

    class Compiler(DuckDBCompiler):  # type: ignore[misc] # Ibis has no types
        def visit_Hash(self, op: Any, *, arg: Any) -> Any:  # noqa: N802 # Ibis's name
            half = sge.BitwiseRightShift(this=self.f.hash(arg), expression=sge.convert(1))
            return self.cast(half, op.dtype)

    return Compiler()


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn what the machine lacks (disk, memory) into an error that a user can act on; all else is a bug."""
    try:
        yield
    except duckdb.OutOfMemoryException:
        raise TryLater("not enough memory for this run", hint="raise engine.memory_limit in auditor.toml") from None
    except duckdb.IOException as error:
        if any(word in str(error).lower() for word in _FULL):
            raise TryLater(
                "the disk is full: the run was stopped and nothing was planned", hint="free some space"
            ) from None
        raise
