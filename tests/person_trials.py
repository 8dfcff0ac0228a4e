"""The search for same persons, put to generated people whose truth is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import polars as pl

from auditor import explain
from auditor.engine.duckdb import DuckDB
from auditor.model import Side
from tests.people import People, Row

if TYPE_CHECKING:
    import ibis.expr.types as ir

COLUMNS = {name: name for name in (field.name for field in fields(Row)) if name not in ("person", "key")}
"""Kind of evidence → column."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What was reported of one kind of pair, and how many there were to find."""

    scores: tuple[float, ...]
    right: tuple[bool, ...]
    """Of each reported pair: it is one person."""
    there: int
    """Pairs that an all-knowing reader would report, whether or not anything in the rows gives them away."""

    @property
    def precision(self) -> float:
        return sum(self.right) / len(self.right)

    @property
    def recall(self) -> float:
        return sum(self.right) / self.there

    def bins(self, edges: Sequence[float]) -> list[tuple[int, float, float]]:
        """Per interval of scores: pairs, the mean of their scores, and the share of them that are one person."""
        found = []
        for low, high in zip(edges, [*edges[1:], 2.0], strict=True):
            here = [(score, right) for score, right in zip(self.scores, self.right, strict=True) if low <= score < high]
            if here:
                mean, share = (sum(column) / len(here) for column in zip(*here, strict=True))
                found.append((len(here), mean, share))
        return found


def together(trials: Iterable[Trial]) -> Trial:
    trials = list(trials)
    scores = tuple(score for trial in trials for score in trial.scores)
    right = tuple(right for trial in trials for right in trial.right)
    return Trial(scores, right, sum(trial.there for trial in trials))


def load(engine: DuckDB, people: People) -> dict[Side, ir.Table]:
    """Both sides as `explain.same_person` wants them."""
    sides = {Side.PLATFORM: people.platform, Side.TRUTH: people.truth}
    keys = {side: {row.key for row in rows} for side, rows in sides.items()}
    tables = {}
    for side, rows in sides.items():
        other = keys[Side.TRUTH if side is Side.PLATFORM else Side.PLATFORM]
        schema = {"auditor:key": pl.String(), "auditor:alone": pl.Boolean(), **dict.fromkeys(COLUMNS, pl.String())}
        cells = [(row.key, row.key not in other, *(getattr(row, name) for name in COLUMNS)) for row in rows]
        tables[side] = engine.put(pl.DataFrame(cells, schema=schema, orient="row"), f"people_{side.value}")
    return tables


def tried(engine: DuckDB, people: People) -> Mapping[str, Trial]:
    """By the side of the pairs: `both`, `platform` and `truth`."""
    pairs = explain.same_person(engine, load(engine, people), COLUMNS)
    persons = {
        (side, row.key): row.person
        for side, rows in (("platform", people.platform), ("truth", people.truth))
        for row in rows
    }
    scores: dict[str, list[float]] = {"both": [], "platform": [], "truth": []}
    right: dict[str, list[bool]] = {"both": [], "platform": [], "truth": []}
    found = engine.rows(pairs.select("platform_key", "truth_key", "other_key", "side", "score"))
    for platform_key, truth_key, other_key, side, score in found:
        one = ("truth", truth_key) if platform_key is None else ("platform", platform_key)
        other = ("truth", truth_key) if other_key is None else (side, other_key)
        scores[side].append(score)
        right[side].append(persons[one] == persons[other])
    return {side: Trial(tuple(scores[side]), tuple(right[side]), there) for side, there in _there(people).items()}


def _there(people: People) -> dict[str, int]:
    keys = [{row.key for row in side} for side in (people.platform, people.truth)]
    alone = [
        Counter(row.person for row in side if row.key not in other)
        for side, other in ((people.platform, keys[1]), (people.truth, keys[0]))
    ]
    twice = [Counter(row.person for row in side) for side in (people.platform, people.truth)]
    return {
        "both": sum(min(rows, alone[1][person]) for person, rows in alone[0].items()),
        "platform": sum(rows - 1 for rows in twice[0].values()),
        "truth": sum(rows - 1 for rows in twice[1].values()),
    }
