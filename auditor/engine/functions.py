"""How expressions name what an engine does by itself: its functions, and its type of moments with zone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ibis

INSTANT = "timestamp('UTC', 6)"
"""The Ibis type of a moment with zone, as the engine gives it back."""


def declared(name: str, takes: tuple[str, ...], gives: str = "string") -> Callable[..., Any]:
    """A function that the engine has under this name, with the Ibis types that it takes and gives."""
    parameters: Callable[..., None] = (lambda text: None) if len(takes) == 1 else (lambda text, argument: None)
    wrapper: Callable[..., Any] = ibis.udf.scalar.builtin(parameters, name=name, signature=(takes, gives))
    return wrapper
