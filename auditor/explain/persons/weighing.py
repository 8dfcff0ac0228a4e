"""What the evidence of every candidate pair says, and how much it weighs, by the model. No value leaves the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.engine.duckdb import DuckDB, name_of
from auditor.explain.persons.model import (
    EVIDENCE,
    EXCHANGED,
    FIRST_NAMES_AGREE,
    KINDS,
    NAMESAKES,
    NAMESAKES_WEIGHT,
    USUAL_NAMESAKES,
    Kind,
    exchanged,
    like_twins,
)

if TYPE_CHECKING:
    import ibis.expr.types as ir

_SAME_NAME: Final = next(len(kind.levels) - 1 for kind in KINDS if kind.name == NAMESAKES)
_NAMESAKES: Final = (
    f"CASE WHEN gamma_{NAMESAKES} = {_SAME_NAME} AND namesakes IS NOT NULL "
    f"THEN {NAMESAKES_WEIGHT} * log2({USUAL_NAMESAKES} / namesakes) ELSE 0.0 END"
)
_OTHER_NAME: Final = {"first_name": "last_name", "last_name": "first_name"}


def weigh(engine: DuckDB, persons: ir.Table, pairs: ir.Table, *, least: float) -> ir.Table:
    """The pairs of persons with what their evidence weighs: `l`, `r`, `weight`, `twins`, `gamma_KIND` …

    `weight` is in bits and without the prior, and pairs of less than `least` are left out, but for those that look like
    `twins`. `gamma_KIND` is the number of the level that holds, as `Kind.says` reads it.
    """
    crossed = EXCHANGED.name
    rows = f"JOIN {name_of(persons)} AS a ON a.id = l JOIN {name_of(persons)} AS b ON b.id = r"
    known = f"{crossed}_l, {crossed}_l AS {crossed}_r"
    meant = "a.meant AS meant_l, b.meant AS meant_r, a.bearers AS bearers_l, b.bearers AS bearers_r"
    first = f"a.first_name AS first_name_l, {_of_other('first_name')} AS first_name_r"
    both = ", ".join(f"a.{kind.name} AS {kind.name}_l, {_of_other(kind.name)} AS {kind.name}_r" for kind in KINDS)
    levels = ", ".join(f"{_level(kind)} AS gamma_{kind.name}" for kind in EVIDENCE)
    weight = " + ".join([*(_weight(kind) for kind in EVIDENCE), _NAMESAKES])
    return engine.keep_sql(
        # Kept apart, because the engine would work out how names are spelt again in every level that asks.
        f"WITH crossed AS MATERIALIZED (SELECT l, r, {exchanged('a', 'b')} AS {crossed}_l "
        f"FROM {name_of(pairs)} {rows}), "
        f"agreed AS MATERIALIZED (SELECT l, r, {crossed}_l, {FIRST_NAMES_AGREE} AS first_names_agree "
        f"FROM (SELECT l, r, {crossed}_l, {meant}, {first} FROM crossed {rows})) "
        f"SELECT l, r, {weight} AS weight, {like_twins()} AS twins, COLUMNS('gamma_.*') FROM ("
        f"SELECT l, r, namesakes, {levels} FROM ("
        f"SELECT l, r, first_names_agree, {known}, {meant}, {both}, "
        f"greatest(a.namesakes, b.namesakes) AS namesakes FROM agreed {rows})) WHERE weight >= {least} OR twins",
        "weighed_pairs",
    )


def _of_other(kind: str) -> str:
    """What the row beside has of a kind: its other name, where the names are exchanged."""
    if kind not in _OTHER_NAME:
        return f"b.{kind}"
    return f"CASE WHEN {EXCHANGED.name}_l > 0 THEN b.{_OTHER_NAME[kind]} ELSE b.{kind} END"


def _level(kind: Kind) -> str:
    cases = " ".join(
        f"WHEN {level.when} THEN {len(kind.levels) - 1 - place}" for place, level in enumerate(kind.levels)
    )
    return f"CASE WHEN {kind.name}_l IS NULL OR {kind.name}_r IS NULL THEN -1 {cases} END"


def _weight(kind: Kind) -> str:
    cases = " ".join(f"WHEN {number} THEN {level.weight}" for number, level in enumerate(reversed(kind.levels)))
    return f"CASE gamma_{kind.name} {cases} ELSE 0.0 END::DOUBLE"
