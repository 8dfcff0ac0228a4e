"""Audits Actito profile tables against a source of truth, explains every difference and puts it right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auditor.commands.compare import Comparison
    from auditor.commands.python_api import compare

__version__ = "0.1.0"
__all__ = ["Comparison", "__version__", "compare"]


def __getattr__(name: str) -> Any:
    """What is public in Python, imported when it is first asked for: commands start without it."""
    if name == "compare":
        from auditor.commands.python_api import compare

        return compare
    if name == "Comparison":
        from auditor.commands.compare import Comparison

        return Comparison
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
