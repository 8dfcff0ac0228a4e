"""Equality of two single values, by the very expressions that compare whole tables."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from functools import cached_property

import ibis

from auditor.engine.duckdb import DuckDB
from auditor.equality import rules
from auditor.equality.primitives import FUNCTIONS
from auditor.model import Side
from auditor.settings.contract import Column


class Sameness:
    """`same(column, a, b)`: whether two texts of the platform are equal by the column's rule. Threads may share it."""

    def __init__(self, columns: Iterable[Column], zone: str) -> None:
        self._columns = {column.name: column for column in columns}
        self._zone = zone
        self._queries: dict[str, str] = {}
        self._known: dict[tuple[str, str, str], bool] = {}
        self._lock = threading.Lock()

    def __call__(self, column: str, a: str | None, b: str | None) -> bool:
        left, right = a or "", b or ""
        if left == right:
            return True
        with self._lock:
            known = self._known.get((column, left, right))
            if known is None:
                known = self._known[column, left, right] = self._ask(column, left, right)
            return known

    @cached_property
    def _engine(self) -> DuckDB:
        engine = DuckDB(memory_limit="500MB")  # nothing of this size is ever spilt
        engine.register(FUNCTIONS)
        return engine

    def _ask(self, column: str, left: str, right: str) -> bool:
        """Values stand in the one row of a table, so that the query is compiled once per column."""
        engine = self._engine
        engine.execute("CREATE OR REPLACE TEMP TABLE asked AS SELECT ?::VARCHAR AS a, ?::VARCHAR AS b", [left, right])
        if column not in self._queries:
            asked, spec = ibis.table({"a": "string", "b": "string"}, "asked"), self._columns[column]
            forms = [rules.canonical(asked[name], spec, Side.PLATFORM, self._zone) for name in ("a", "b")]
            self._queries[column] = engine.sql(asked.select(equal=rules.equal(forms[0], forms[1], spec)))
        [(equal,)] = engine.execute(self._queries[column])
        return bool(equal)
