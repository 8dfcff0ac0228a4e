"""Explain: why each value differs, which differences have one cause, and who is probably the same person.

cells ─► reasons ─► patterns ─► groups ─► commonalities ─► differences, causes
people ─► candidates ─► weights ─► same_person
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from auditor.engine.duckdb import Engine
from auditor.explain.causes import Example, Group, cause_id, examples, groups, with_patterns
from auditor.explain.commonalities import Common, commonalities
from auditor.explain.persons import evidence_columns, same_person
from auditor.explain.reasons import with_reasons
from auditor.findings import audit
from auditor.findings.codes import Shared, shared_text
from auditor.settings.contract import Column, Contract

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["evidence_columns", "explain", "same_person"]

_INTERNAL = ("platform_canonical", "truth_canonical")


def explain(
    engine: Engine,
    columns: Sequence[Column],
    *,
    contract: Contract | None = None,
    freely: bool = False,
) -> None:
    """Create the temporary view `differences` and the table `causes` from the temporary table `cells`.

    `cells` has a row per differing cell: `key`, `column`, `compare`, `platform` (raw), `truth` (sent form),
    `platform_canonical`, `truth_canonical`, `platform_updated`, `truth_updated` and what else a difference has.
    `differences` has the columns of `audit.DIFFERENCES` first and then the further ones of `cells`; `causes` has those
    of `audit.CAUSES`, the largest cause first. Every difference has exactly one reason and one cause.

    With a contract, whose diff has left `matched` and `fetched` on the connection, causes also say what their profiles
    have in common. `freely` allows to name personal values there: where nobody but the owner of the files reads it.
    """
    reasoned = with_reasons(engine, engine.table("cells"), columns, "reasoned_cells")
    patterned = with_patterns(engine, reasoned, columns, "patterned_cells")
    engine.drop("reasoned_cells", "swapped_cells", "cut_lengths", "value_pairs")
    found = groups(engine, patterned)
    zone = contract.timezone.key if contract else "UTC"
    common = commonalities(engine, patterned, found, contract) if contract else {}
    shown = examples(engine, patterned)
    known = {column.name: column for column in columns}
    rows = []
    for group in found:
        traits = common[group].traits if group in common else ()
        shared = [trait.facts(known[group.column], zone, freely=freely) for trait in traits]
        rows.append(_cause(group, common.get(group), shared, shown[group.place]))
    engine.put("causes", pl.DataFrame(rows, schema=audit.CAUSES, orient="row"))
    # No second copy: there may be many millions.
    engine.name("differences", _differences(patterned, engine.table("causes")))


def _cause(
    group: Group, common: Common | None, shared: Sequence[Shared], shown: Sequence[Example]
) -> tuple[object, ...]:
    """A row of `causes`."""
    tally = common.tally if common else None
    return (
        cause_id(*group.place),
        *group.place,
        group.profiles,
        shared_text(shared) if shared else None,
        tally.share if tally else None,
        tally.elsewhere if tally else None,
        tally.lift if tally else None,
        [example._asdict() for example in shown],
    )


def _differences(cells: ir.Table, causes: ir.Table) -> ir.Table:
    known = causes.select("column", "reason", "pattern", "cause")
    joined = cells.inner_join(known, ["column", "reason", "pattern"])
    further = [name for name in cells.columns if name not in (*audit.DIFFERENCES, *_INTERNAL, "pattern")]
    return joined.select(*audit.DIFFERENCES, *further)
