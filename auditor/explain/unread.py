"""Rules that read nothing: numbers, days, telephones and the like of which a column has none.

Where a rule reads no cell, texts are compared, as if nobody had given it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import ibis

from auditor.engine.protocol import Engine
from auditor.equality import rules
from auditor.model import Side
from auditor.settings.contract import Contract

if TYPE_CHECKING:
    import ibis.expr.types as ir


def unread(engine: Engine, contract: Contract, drawn: ir.Table, columns: Collection[str]) -> dict[str, dict[Side, int]]:
    """How many cells each side has of those of these columns whose rule reads none of them there.

    `drawn` is a sample of matched rows, as `Diffed.drawn`.
    """
    asked = {
        (column.name, side): rules.reads(drawn[f"{mark}{place}"], column, side, contract.timezone.key)
        for place, column in enumerate(contract.compared)
        if column.name in columns
        for side, mark in ((Side.PLATFORM, "p"), (Side.TRUTH, "t"))
    }
    looked = [(cell, one) for cell, one in asked.items() if one is not None]
    if not looked:
        return {}
    counts = drawn.agg(**{
        f"{what}{place}": ibis.coalesce(holds.sum(), 0)
        for place, (_, both) in enumerate(looked)
        for what, holds in zip(("cells", "read"), both, strict=True)
    })  # fmt: skip
    [row] = engine.rows(counts)
    found: dict[str, dict[Side, int]] = {}
    for ((name, side), _), cells, read in zip(looked, row[::2], row[1::2], strict=True):
        if cells and not read:
            found.setdefault(name, {})[side] = int(cells)
    return found
