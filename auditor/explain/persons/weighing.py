"""What the evidence of every candidate pair says, and how much it weighs: by splink where it is installed, or here.

Both follow the one model of `auditor.explain.persons.model` and give the same answer. No value leaves the tables.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from auditor.engine.duckdb import DuckDB, name_of
from auditor.explain.persons.model import KINDS, NAMESAKES, NAMESAKES_WEIGHT, USUAL_NAMESAKES, Kind

if TYPE_CHECKING:
    import ibis.expr.types as ir

_SAME_NAME: Final = next(len(kind.levels) - 1 for kind in KINDS if kind.name == NAMESAKES)
_NAMESAKES: Final = (
    f"CASE WHEN gamma_{NAMESAKES} = {_SAME_NAME} AND namesakes IS NOT NULL "
    f"THEN {NAMESAKES_WEIGHT} * log2({USUAL_NAMESAKES} / namesakes) ELSE 0.0 END"
)


def weigh(engine: DuckDB, persons: ir.Table, pairs: ir.Table, *, least: float, splink: bool | None = None) -> ir.Table:
    """The pairs of persons with what their evidence weighs: `l`, `r`, `weight`, `gamma_KIND` …

    `weight` is in bits and without the prior, and pairs of less than `least` are left out. `gamma_KIND` is the number
    of the level that holds, as `Kind.says` reads it. `splink` says whether splink does it; None: where it is installed.
    """
    wanted = find_spec("splink") is not None if splink is None else splink
    if wanted:
        from auditor.explain.persons.with_splink import weigh_with_splink

        return weigh_with_splink(engine, persons, pairs, least)
    return _weigh(engine, name_of(persons), name_of(pairs), least)


def _weigh(engine: DuckDB, persons: str, pairs: str, least: float) -> ir.Table:
    both = ", ".join(f"a.{kind.name} AS {kind.name}_l, b.{kind.name} AS {kind.name}_r" for kind in KINDS)
    levels = ", ".join(f"{_level(kind)} AS gamma_{kind.name}" for kind in KINDS)
    weight = " + ".join([*(_weight(kind) for kind in KINDS), _NAMESAKES])
    return engine.keep_sql(
        f"SELECT l, r, {weight} AS weight, COLUMNS('gamma_.*') "
        f"FROM (SELECT l, r, namesakes, {levels} FROM ("
        f"SELECT p.l, p.r, greatest(a.namesakes, b.namesakes) AS namesakes, {both} FROM {pairs} AS p "
        f"JOIN {persons} AS a ON a.id = p.l JOIN {persons} AS b ON b.id = p.r)) "
        f"WHERE weight >= {least}",
        "weighed_pairs",
    )


def _level(kind: Kind) -> str:
    cases = " ".join(
        f"WHEN {level.when} THEN {len(kind.levels) - 1 - place}" for place, level in enumerate(kind.levels)
    )
    return f"CASE WHEN {kind.name}_l IS NULL OR {kind.name}_r IS NULL THEN -1 {cases} END"


def _weight(kind: Kind) -> str:
    cases = " ".join(f"WHEN {number} THEN {level.weight}" for number, level in enumerate(reversed(kind.levels)))
    return f"CASE gamma_{kind.name} {cases} ELSE 0.0 END::DOUBLE"
