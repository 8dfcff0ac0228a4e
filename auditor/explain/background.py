"""What the causes of differences are held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.match.join import Matched
from auditor.settings.contract import Contract

if TYPE_CHECKING:
    import ibis.expr.types as ir


@dataclass(frozen=True, slots=True)
class Background:
    """All profiles that were compared."""

    contract: Contract
    matched: Matched
    fetched: ir.Table
    """The rows of matched keys whose hashes differ, with the texts of both sides: `p0`, `t0` …"""
    drawn: ir.Table
    """Those of a sample of all that match, likewise."""

    def place(self, column: str) -> int:
        """The number of a compared column, by which its texts are called."""
        return [one.name for one in self.contract.compared].index(column)
