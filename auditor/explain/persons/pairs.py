"""Which of the weighed pairs are believed, and the evidence in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from math import log2
from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from auditor.engine.duckdb import DuckDB, name_of
from auditor.explain.persons import prior, relatives
from auditor.explain.persons.model import EVIDENCE, NAMES, PRIOR, THRESHOLD, Link, Says
from auditor.findings import audit
from auditor.findings.codes import Code, Notice, told_text
from auditor.model import Side

if TYPE_CHECKING:
    import ibis.expr.types as ir

LEAST_WEIGHT: Final = log2(THRESHOLD / (1 - THRESHOLD)) - max(PRIOR[link] + prior.MOST_SHIFT[link] for link in Link)
"""In bits: what weighs less is below the threshold in every kind of pair, in every table."""

_SEVERAL: Final = 10_000
"""Rows that are fetched at once."""


class Pair(NamedTuple):
    """Two rows that may be one person."""

    l: int  # noqa: E741 (as in the tables)
    r: int
    across: bool
    score: float
    levels: tuple[int, ...]


def choose(
    engine: DuckDB, persons: ir.Table, found: ir.Table, weighed: ir.Table, columns: Mapping[str, str]
) -> ir.Table:
    """The pairs that are believed, in the columns of `audit.SAME_PERSON`.

    `weighed` has the pairs of `found` that weigh at least `LEAST_WEIGHT`. `columns` names the column that holds each
    kind of evidence.
    """
    people = name_of(persons)
    priors = prior.priors(engine, persons, found, weighed)
    rise = relatives.rise(engine, persons, weighed, priors[Link.ACROSS])
    pairs = _scored(engine, people, name_of(weighed), priors, rise)
    chosen = pl.DataFrame(
        [
            (pair.l, pair.r, "both" if pair.across else None, pair.score, evidence(pair.levels, columns))
            for pair in _believed(pairs)
        ],
        schema={"l": pl.Int64(), "r": pl.Int64(), "side": pl.String(), "score": pl.Float64(), "evidence": pl.String()},
        orient="row",
    )
    among = engine.put(chosen, "chosen_pairs")
    platform = f"a.side = '{Side.PLATFORM.value}'"
    truth = f"b.side = '{Side.TRUTH.value}'"
    keys = {
        "platform_key": f"CASE WHEN {platform} THEN a.key END",
        "truth_key": f"CASE WHEN {truth} THEN CASE WHEN c.side IS NULL THEN a.key ELSE b.key END END",
        "other_key": "CASE WHEN c.side IS NULL THEN b.key END",
        "side": "coalesce(c.side, a.side)",
        "score": "score",
        "evidence": "evidence",
    }
    selected = ", ".join(f"{keys[name]} AS {name}" for name in audit.SAME_PERSON)
    found = engine.keep_sql(
        f"SELECT {selected} FROM {name_of(among)} AS c "
        f"JOIN {people} AS a ON a.id = c.l JOIN {people} AS b ON b.id = c.r ORDER BY score DESC, c.l, c.r",
        "same_person",
    )
    engine.drop(among)
    return found


def _scored(engine: DuckDB, people: str, weighed: str, priors: Mapping[Link, float], rise: float) -> Iterator[Pair]:
    """The pairs above the threshold, the best first. None is certain: the highest score is 0.999.

    `rise` is added to the weight of those across the sides that look like twins.
    """
    gammas = ", ".join(f"gamma_{kind.name}" for kind in EVIDENCE)
    log_odds = (
        f"weight + CASE WHEN NOT across THEN {priors[Link.WITHIN]} "
        f"WHEN twins THEN {priors[Link.ACROSS] + rise} ELSE {priors[Link.ACROSS]} END"
    )
    query = (
        f"SELECT l, r, across, {log_odds} AS bits, least(round(1 / (1 + 2.0 ** -bits), 3), 0.999) AS score, {gammas} "
        f"FROM (SELECT w.*, a.side <> b.side AS across FROM {weighed} AS w "
        f"JOIN {people} AS a ON a.id = w.l JOIN {people} AS b ON b.id = w.r"
        f") WHERE score >= {THRESHOLD} ORDER BY score DESC, bits DESC, l, r"
    )
    for rows in engine.in_parts(query, _SEVERAL):
        for left, right, across, _, score, *levels in rows:
            yield Pair(left, right, across, score, tuple(levels))


def _believed(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """The best pairs first. Across, a row that has its partner is in no further pair; within a side, a pair that
    follows from better ones is left out, so that three rows of one person are two pairs.
    """
    taken: set[int] = set()
    groups: dict[int, int] = {}

    def first_of(row: int) -> int:
        while (above := groups.get(row, row)) != row:
            groups[row] = groups.get(above, above)
            row = above
        return row

    for pair in pairs:
        if pair.across:
            if pair.l not in taken and pair.r not in taken:
                taken |= {pair.l, pair.r}
                yield pair
        elif (left := first_of(pair.l)) != (right := first_of(pair.r)):
            groups[right] = left
            yield pair


def evidence(levels: tuple[int, ...], columns: Mapping[str, str]) -> str:
    """Which columns are the same, similar and different, as `audit.SAME_PERSON` stores it."""
    return _evidence(levels, tuple(columns.get(kind.name, "key") for kind in EVIDENCE))


@lru_cache(10_000)
def _evidence(levels: tuple[int, ...], names: tuple[str, ...]) -> str:
    said = [kind.says(level) for kind, level in zip(EVIDENCE, levels, strict=True)]
    told = {
        form: [name for name, one in zip(names, said, strict=True) if one is says]
        for says, form in ((Says.SAME, "same"), (Says.SIMILAR, "similar"), (Says.DIFFERENT, "different"))
    }
    if Says.EXCHANGED in said:
        told["exchanged"] = [name for name, kind in zip(names, EVIDENCE, strict=True) if kind.name in NAMES]
    return told_text(Notice(Code.ALIKE, told))
