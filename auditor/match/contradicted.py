"""Whether rows that a key would match are the same profiles, as far as their other columns tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import ibis.expr.types as ir

from auditor.engine.protocol import Engine
from auditor.equality import rules
from auditor.equality.primitives import FUNCTIONS, needs_functions
from auditor.match.sides import source_name
from auditor.model import Side
from auditor.settings.contract import Contract

_COLUMNS: Final = 50
"""That are asked, the first ones."""
_FEWEST: Final = 5
"""Pairs with a value on both sides that a column tells by."""
_OF_ANY_TWO: Final = 0.5
"""The share of any two profiles that may agree in a column that tells something."""
_MORE: Final = 0.05
"""The share of the pairs that have to agree beyond that of any two."""


def borne_out(engine: Engine, contract: Contract, raw: Mapping[Side, ir.Table], pairs: ir.Table) -> bool | None:
    """Whether pairs of rows agree in some other column more often than any two of them do; None: no column tells.

    `pairs` is kept: place, and the rows `ours` and `theirs`. Numbers that have nothing to do with each other match by
    chance where they stand close.
    """
    others = [one for one in contract.compared if one.name not in contract.key][:_COLUMNS]
    if not others:
        return None
    if any(needs_functions(column.compare) for column in others):
        engine.register(FUNCTIONS)
    for side, row, prefix in ((Side.PLATFORM, "ours", "p"), (Side.TRUTH, "theirs", "t")):
        names = [source_name(column, side) for column in others]
        pairs = engine.beside(pairs, row, raw[side], names, prefix, "pairs_beside")
    zone = contract.timezone.key
    forms = pairs.select(
        "place",
        **{
            f"{prefix}{number}": rules.canonical(pairs[f"{prefix}{number}"], column, side, zone)
            for number, column in enumerate(others)
            for side, prefix in ((Side.PLATFORM, "p"), (Side.TRUTH, "t"))
        },
    )
    # The next one's stands for anybody's.
    beside = forms.mutate(
        **{f"a{number}": forms[f"t{number}"].lead().over(order_by=forms.place) for number in range(len(others))}
    )
    sums: dict[str, ir.Value] = {}
    for number, column in enumerate(others):
        ours, theirs, anybodys = (beside[f"{prefix}{number}"] for prefix in "pta")
        filled = ours.notnull() & theirs.notnull() & anybodys.notnull()
        sums |= {
            f"n{number}": beside.count(where=filled),
            f"same{number}": beside.count(where=filled & rules.equal(ours, theirs, column)),
            f"any{number}": beside.count(where=filled & rules.equal(ours, anybodys, column)),
        }
    [told] = engine.rows(beside.agg(**sums))
    counted = zip(told[0::3], told[1::3], told[2::3], strict=True)
    more = [(same - chance) / n for n, same, chance in counted if n >= _FEWEST and chance <= _OF_ANY_TWO * n]
    return max(more) >= _MORE if more else None
