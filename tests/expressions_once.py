"""Hundreds of runs of the tests ask the same of other cells. What an expression is made of, and its SQL, is worked out
once here: half of what a small run does is to build expressions, the other half to write them in SQL.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from typing import Any

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pytest
from ibis.common.grounds import Annotable

from auditor.engine.duckdb import DuckDB

MOST = 100_000
"""Laws ask about tables that nobody asks about again: so many nodes, or a thirtieth of texts, and all are forgotten."""

UNIQUE = (ops.SelfReference, ops.ScalarParameter, ops.Impure)
"""Nodes of equal parts that are two all the same."""


class _OnlyOnceError(Exception):
    """A node has a part of which nobody can tell whether another is equal."""


def _key(part: Any) -> Hashable:
    """Equal for equal parts alone: 1, True and 1.0 are three."""
    kind = type(part)
    if part is None or kind is str or isinstance(part, ops.Node | dt.DataType | Enum):
        found: Hashable = part
    elif isinstance(part, ir.Expr):
        found = (ir.Expr, part.op())
    elif kind is int or kind is bool:
        found = (kind, part)
    elif kind is tuple or kind is list:
        found = tuple([_key(one) for one in part])
    elif isinstance(part, Mapping):
        found = (Mapping, *((name, _key(one)) for name, one in part.items()))
    else:
        raise _OnlyOnceError
    return found


@contextmanager
def built_once() -> Iterator[None]:
    """A node is made once of its parts: it cannot be changed."""
    whole, built = Annotable.__dict__["__create__"].__func__, dict[Hashable, Any]()

    def create(cls: type[Any], *parts: Any, **named: Any) -> Any:
        if not issubclass(cls, ops.Node) or issubclass(cls, UNIQUE):
            return whole(cls, *parts, **named)
        try:
            key = (cls, _key(parts), _key(named))
        except _OnlyOnceError:
            return whole(cls, *parts, **named)
        if len(built) > MOST:
            built.clear()
        if key not in built:
            built[key] = whole(cls, *parts, **named)
        return built[key]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Annotable, "__create__", classmethod(create))
        yield


@contextmanager
def compiled_once() -> Iterator[None]:
    """An expression is compiled anew only if no equal one has been."""
    whole, compiled = DuckDB.sql, dict[tuple[type[DuckDB], Hashable], str]()

    def sql(self: DuckDB, expression: ir.Expr) -> str:
        asked = type(self), expression.op()
        if len(compiled) > MOST // 30:
            compiled.clear()
        if asked not in compiled:
            compiled[asked] = whole(self, expression)
        return compiled[asked]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(DuckDB, "sql", sql)
        yield
