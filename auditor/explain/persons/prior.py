"""How many of the candidate pairs of a table are one person: where more are than usual, each is so more probably.

The weights are fitted to companies in which a certain share of the candidates is one person. Where two files hold the
same people under other keys, nearly all of them are, and what would elsewhere be twins is mostly one person whose first
name was typed wrong. The share is estimated from the weights of all candidates, by turns: the probabilities give the
share, and the share the probabilities; only pairs that are rather one person than not count. The usual share is counted
beside it as that of some hundred pairs, so that a few pairs cannot speak for each other. The same input always gives
the same answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log2
from typing import TYPE_CHECKING, Final

from auditor.engine.duckdb import DuckDB, name_of
from auditor.explain.persons.model import PRIOR, USUAL_SHARE, Link

if TYPE_CHECKING:
    import ibis.expr.types as ir

MOST_SHIFT: Final[Mapping[Link, float]] = {Link.ACROSS: 2.0, Link.WITHIN: 4.2}
"""Bits that the candidates of a table may add to the prior, or take from it; fewer across the sides, where strangers
of one first name and birth date are candidates too.
"""
USUAL_PAIRS: Final = 100
"""As many pairs of the usual share are counted beside those of the table."""
ROUNDS: Final = 50


def priors(engine: DuckDB, persons: ir.Table, found: ir.Table, weighed: ir.Table) -> Mapping[Link, float]:
    """The log-odds of a candidate pair of this table of which nothing is known, in bits.

    `found` has all candidates, and `weighed` the weight of those that may be one person at all.
    """
    people = name_of(persons)
    tally = engine.execute(
        f"SELECT a.side <> b.side AS across, round(w.weight, 1) AS weight, count(*) "
        f"FROM {name_of(found)} AS f JOIN {people} AS a ON a.id = f.l JOIN {people} AS b ON b.id = f.r "
        f"LEFT JOIN {name_of(weighed)} AS w ON w.l = f.l AND w.r = f.r GROUP BY ALL ORDER BY ALL"
    )
    counts: dict[Link, dict[float | None, int]] = {link: {} for link in Link}
    for across, weight, pairs in tally:
        counts[Link.ACROSS if across else Link.WITHIN][weight] = pairs
    return {link: round(PRIOR[link] + _shift(link, counts[link]), 2) for link in Link}


def _shift(link: Link, counts: Mapping[float | None, int]) -> float:
    """What is added to the usual prior; `counts` has the number of pairs per weight, None: too light to be any."""
    usual, share, most = PRIOR[link], USUAL_SHARE[link], MOST_SHIFT[link]
    pairs = sum(counts.values()) + USUAL_PAIRS
    shift = 0.0
    for _ in range(ROUNDS):
        same = sum(
            number * chance
            for weight, number in counts.items()
            if weight is not None and (chance := 1 / (1 + 2.0 ** -(weight + usual + shift))) >= 0.5
        )
        now = (same + USUAL_PAIRS * share) / pairs
        shift = max(-most, min(most, log2(now / (1 - now)) - log2(share / (1 - share))))
    return shift
