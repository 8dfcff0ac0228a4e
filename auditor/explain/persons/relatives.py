"""Whether pairs that look like twins are twins, as the table itself tells.

Two rows with one birth date, last name and street but different first names are twins, or one person of whom the first
name is wrong, another of their names, or a partner's. Nothing in the two rows tells which. The table does: whoever has
twins has them within a side too, at least as often as across the sides, for two that share nothing but chance are
drawn as often from one file as from two. What is more frequent across than within is no relatives. Two files that hold
one person per household have no twins within, and may hold another one of the two each, so that a share of the people
is left to them. Without such an excess twins weigh what they do elsewhere.

A father and a son of one name are not counted so: one file may hold those who have the contract, and the other their
children.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from auditor.engine.duckdb import DuckDB, name_of
from auditor.model import Side

if TYPE_CHECKING:
    import ibis.expr.types as ir

MOST_RISE: Final = 8.0
"""Bits that pairs that look like twins may weigh more in a table, beyond what its prior tells."""
TWINS: Final = 0.01
"""The share of the people of the smaller side who may have their twin on the other side and none on their own. One
birth in sixty is of twins, and of these two files of one child per household hold different ones half of the time.
"""
FEW: Final = 10
"""As many pairs are left to chance besides."""
_HALVINGS: Final = 20


def rise(engine: DuckDB, persons: ir.Table, weighed: ir.Table, prior: float) -> float:
    """The bits that a pair across the sides that looks like twins weighs more in this table, from 0 to `MOST_RISE`.

    `weighed` has all pairs for which `twins` holds; `prior` is the log-odds of a pair across the sides. The
    probabilities of these pairs rise until they add up to as many as cannot be twins.
    """
    people = name_of(persons)
    tally = engine.execute(
        f"SELECT a.side <> b.side AS across, round(w.weight, 1) AS weight, count(*) FROM {name_of(weighed)} AS w "
        f"JOIN {people} AS a ON a.id = w.l JOIN {people} AS b ON b.id = w.r WHERE w.twins GROUP BY ALL ORDER BY ALL"
    )
    sides = ", ".join(f"count(*) FILTER (alone AND side = '{side.value}')" for side in Side)
    [(fewer,)] = engine.execute(f"SELECT least({sides}) FROM {people}")
    across = {weight: pairs for is_across, weight, pairs in tally if is_across}
    within = sum(pairs for is_across, _, pairs in tally if not is_across)
    wanted = sum(across.values()) - within - FEW - TWINS * fewer
    low, high = 0.0, MOST_RISE
    if _expected(across, prior) >= wanted:
        return 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _expected(across, prior + middle) < wanted else (low, middle)
    return round(low, 2)


def _expected(pairs: Mapping[float, int], prior: float) -> float:
    """As many of the pairs as are one person by their weights; `pairs` has the number of pairs per weight."""
    return sum((number / (1 + 2.0 ** -(weight + prior)) for weight, number in pairs.items()), 0.0)
