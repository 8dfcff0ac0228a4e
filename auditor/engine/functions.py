"""How expressions name what an engine does by itself: its functions, and its type of moments with zone."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import ibis

if TYPE_CHECKING:
    import ibis.expr.datatypes as dt
    import ibis.expr.types as ir

INSTANT = "timestamp('UTC', 6)"
"""The Ibis type of a moment with zone, as the engine gives it back."""


def declared(name: str, takes: tuple[str, ...], gives: str = "string") -> Callable[..., Any]:
    """A function that the engine has under this name, with the Ibis types that it takes and gives."""
    parameters: Callable[..., None] = (lambda text: None) if len(takes) == 1 else (lambda text, argument: None)
    wrapper: Callable[..., Any] = ibis.udf.scalar.builtin(parameters, name=name, signature=(takes, gives))
    return wrapper


def hashed(value: ir.Value) -> ir.IntegerValue:
    """A hash of a value, of all its cells where it is a struct: equal values have the same."""
    # Not Ibis's own, which makes a text of bits of each hash on DuckDB, to turn it into a number with a sign.
    return _hash_of(value.type())(value) >> 1


@lru_cache
def _hash_of(kind: dt.DataType) -> Callable[..., Any]:
    wrapper: Callable[..., Any] = ibis.udf.scalar.builtin(lambda value: None, name="hash", signature=((kind,), "int64"))
    return wrapper
