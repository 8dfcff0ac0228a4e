"""Explain: why each value differs, which differences have one cause, and who is probably the same person.

cells ─► reasons ─► patterns ─► groups ─► differences, causes
missing, orphans ─► same_person
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from auditor import audit
from auditor.contract import Column
from auditor.engine import Engine
from auditor.explain.cause_sentences import sentence
from auditor.explain.causes import Group, cause_id, groups, with_patterns
from auditor.explain.persons import same_person
from auditor.explain.reasons import with_reasons

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["explain", "same_person"]

_INTERNAL = ("platform_canonical", "truth_canonical")


def explain(
    engine: Engine, columns: Sequence[Column], *, platform_name: str, truth_name: str, timezone: str = "UTC"
) -> None:
    """Create the temporary tables `differences` and `causes` from the temporary table `cells`.

    `cells` has a row per differing cell: `key`, `column`, `compare`, `platform` (raw), `truth` (sent form),
    `platform_canonical`, `truth_canonical`, `platform_updated`, `truth_updated` and what else a difference has.
    `differences` has the columns of `audit.DIFFERENCES` first and then the further ones of `cells`; `causes` has those
    of `audit.CAUSES`, the largest cause first. Every difference has exactly one reason and one cause. The names of the
    sides are the configured ones; days in sentences are those of `timezone`.
    """
    reasoned = with_reasons(engine, engine.table("cells"), columns, "reasoned_cells")
    patterned = with_patterns(engine, reasoned, columns, "patterned_cells")
    found = groups(engine, patterned, timezone)
    frame = _causes(found, platform_name, truth_name)
    engine.put("causes", frame)
    engine.create("differences", _differences(patterned, engine.table("causes")))
    for name in ("reasoned_cells", "patterned_cells", "swapped_cells", "cut_lengths", "value_pairs"):
        engine.con.execute(f"DROP TABLE {name}")


def _causes(found: Sequence[Group], platform_name: str, truth_name: str) -> pl.DataFrame:
    rows = [
        (
            cause_id(group.column, group.reason, group.pattern),
            group.column,
            group.reason,
            group.pattern,
            group.profiles,
            sentence(group, platform_name=platform_name, truth_name=truth_name),
        )
        for group in found
    ]
    return pl.DataFrame(rows, schema=audit.CAUSES, orient="row")


def _differences(cells: ir.Table, causes: ir.Table) -> ir.Table:
    known = causes.select("column", "reason", "pattern", "cause")
    joined = cells.inner_join(known, ["column", "reason", "pattern"])
    further = [name for name in cells.columns if name not in (*audit.DIFFERENCES, *_INTERNAL, "pattern")]
    return joined.select(*audit.DIFFERENCES, *further)
