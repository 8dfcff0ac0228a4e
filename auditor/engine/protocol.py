"""What a stage asks of an engine, whichever it is: DuckDB in this process, or a Spark cluster.

What an engine makes of an expression is a table value that is held and handed on: nobody asks for a table by a name
that somebody else gave it. The names given here are for whoever reads a statement; two of one name are two tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import polars as pl

STORED: Final = "auditor:stored:"
"""Prefix of the columns of a laid input that hold a column's cells as both sides store them, beside its texts."""
INCLUDED: Final = "auditor:included"
"""The column of an input that says whether a row is compared at all."""
ROW_NUMBER: Final = "file_row_number"
"""The column that holds a row's place in its landed file, from 0; no column of an input can have this name."""


class Engine(Protocol):
    """Carries out Ibis expressions, and keeps what they make until it is closed."""

    @property
    def refusals(self) -> tuple[type[Exception], ...]:
        """How the engine says that a condition of the user's does not fit the table, or not all of its rows."""

    def keep(self, rows: ir.Table, name: str) -> ir.Table:
        """Carry an expression out and keep its rows."""

    def define(self, rows: ir.Table, name: str) -> ir.Table:
        """Give an expression a short name in statements; it is carried out whenever it is asked."""

    def put(self, frame: pl.DataFrame, name: str) -> ir.Table:
        """Keep the rows of a frame."""

    def view(self, parquet: Path, name: str) -> ir.Table:
        """The rows of a landed file, with their `ROW_NUMBER`."""

    def fits(self, rows: ir.Table, condition: str | None, name: str) -> ir.Table:
        """The rows of a kept or defined table with `INCLUDED` beside them: whether they fit a condition in DuckDB's
        SQL, where unknown is no. Raises one of `refusals` for what is no condition over the columns.
        """

    def beside(
        self, wanted: ir.Table, row: str, inputs: ir.Table, columns: Sequence[str], prefix: str, name: str
    ) -> ir.Table:
        """Keep the rows of the table `wanted` with columns of an input's view beside them.

        They are of the row of the input whose number stands in the column `row`, and are called by the prefix and their
        place. What the view works out of its source is worked out for these rows alone.
        """

    def rows(self, query: ir.Table) -> list[tuple[Any, ...]]:
        """All rows of an expression."""

    def frame(self, query: ir.Table) -> pl.DataFrame:
        """All rows of an expression as a Polars frame."""

    def write(self, query: ir.Table, path: Path, *, in_order: bool = False) -> None:
        """Write the rows of an expression as a Parquet file that appears whole; in the expression's own order if asked
        to, which costs time.
        """

    def drop(self, *tables: ir.Table) -> None:
        """Forget kept tables that nothing needs any more."""

    def register(self, functions: Iterable[tuple[str, Callable[..., Any], int, str]]) -> None:
        """Let expressions call Python functions: name, function, number of texts that it takes, Ibis type that it
        gives. One that is registered already stays.
        """

    def close(self) -> None:
        """Let go of everything that was kept."""


def count(engine: Engine, rows: ir.Table) -> int:
    """The number of rows of an expression."""
    [(number,)] = engine.rows(rows.count().name("number").as_table())
    return int(number)


def filled(engine: Engine, rows: ir.Table) -> bool:
    """Whether an expression has any row."""
    return bool(count(engine, rows.limit(1)))
