"""The tables that were found last on an engine, by what a test calls them, so that it can ask about them in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import polars as pl

from auditor.engine.duckdb import DuckDB, name_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

_LAST: WeakKeyDictionary[DuckDB, dict[str, ir.Table]] = WeakKeyDictionary()


def remember(engine: DuckDB, **tables: ir.Table) -> None:
    """From now on these are the tables of those names."""
    _LAST.setdefault(engine, {}).update(tables)


def last(engine: DuckDB, name: str) -> ir.Table:
    return _LAST[engine][name]


def sql(engine: DuckDB, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """The answer to a query in SQL in which `{name}` stands for the table of that name."""
    return engine.execute(query.format_map({name: name_of(table) for name, table in _LAST[engine].items()}), values)


def frame(engine: DuckDB, name: str) -> pl.DataFrame:
    return engine.frame(last(engine, name))
