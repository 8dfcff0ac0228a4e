"""Hundreds of runs of the tests ask the same of other cells. What an expression is made of, and its SQL, is worked out
once here: half of what a small run does is to build expressions, the other half to write them in SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from functools import cache, lru_cache
from types import NoneType
from typing import Any

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.rewrites as rewrites
import ibis.expr.types as ir
import ibis.expr.types.joins as joins
import pytest
from ibis.common.grounds import Annotable
from ibis.util import promote_list

from auditor.engine.duckdb import DuckDB

MOST = 100_000
"""Laws ask about tables that nobody asks about again: so many nodes, or a thirtieth of texts, and all are forgotten."""

UNIQUE = (ops.SelfReference, ops.ScalarParameter, ops.Impure)
"""Nodes of equal parts that are two all the same."""


class _OnlyOnceError(Exception):
    """A node has a part of which nobody can tell whether another is equal."""


@cache
def _kept(kind: type[Any]) -> bool:
    """Whether nodes of this type are what their parts are."""
    return issubclass(kind, ops.Node) and not issubclass(kind, UNIQUE)


def _key(part: Any) -> Hashable:
    """Equal for equal parts alone: 1, True and 1.0 are three."""
    kind: Any = type(part)
    return _way(kind)(part)


@cache
def _way(kind: type[Any]) -> Callable[[Any], Hashable]:
    """How the key of a part of this type is made. Looked up: it is asked for thousands of times a run."""
    if kind is NoneType or kind is str or issubclass(kind, (ops.Node, dt.DataType, Enum)):
        return _itself
    if issubclass(kind, ir.Expr):
        return lambda part: (ir.Expr, part.op())
    if kind is int or kind is bool:
        return lambda part: (kind, part)
    if kind is tuple or kind is list:
        return lambda part: tuple([_key(one) for one in part])
    if issubclass(kind, Mapping):
        return lambda part: (Mapping, *((name, _key(one)) for name, one in part.items()))
    return _refuse


def _itself(part: Hashable) -> Hashable:
    return part


def _refuse(part: Any) -> Hashable:
    raise _OnlyOnceError


@contextmanager
def built_once() -> Iterator[None]:
    """A node is made once of its parts: it cannot be changed."""
    whole, built = Annotable.__dict__["__create__"].__func__, dict[Hashable, Any]()

    def create(cls: Any, *parts: Any, **named: Any) -> Any:
        if not _kept(cls):
            return whole(cls, *parts, **named)
        try:
            key = (cls, _key(parts), _key(named) if named else None)
        except _OnlyOnceError:
            return whole(cls, *parts, **named)
        if (found := built.get(key)) is None:
            if len(built) > MOST:
                built.clear()
            found = built[key] = whole(cls, *parts, **named)
        return found

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Annotable, "__create__", classmethod(create))
        yield


@contextmanager
def related_once() -> Iterator[None]:
    """What stands for a column of a table in one made of it is looked for once: it follows from the nodes alone."""
    rewritten = lru_cache(MOST)(rewrites.rewrite_project_input)
    flat = lru_cache(MOST)(rewrites.flatten_predicates)
    targets = rewrites.DerefMap.from_targets.__func__

    @lru_cache(MOST // 30)
    def targeted(cls: type[Any], tables: tuple[ops.Relation, ...], extra: tuple[tuple[ops.Node, ops.Node], ...]) -> Any:
        return targets(cls, tables, extra=dict(extra) or None)

    def from_targets(cls: Any, tables: Any, extra: Mapping[ops.Node, ops.Node] | None = None) -> Any:
        return targeted(cls, tuple(promote_list(tables)), tuple((extra or {}).items()))

    def flattened(nodes: Any) -> list[ops.Node]:
        return list(flat(nodes if isinstance(nodes, ops.Node) else tuple(nodes)))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rewrites, "rewrite_project_input", rewritten)
        patched.setattr(rewrites.DerefMap, "from_targets", classmethod(from_targets))
        for module in (rewrites, joins):
            patched.setattr(module, "flatten_predicates", flattened)
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
