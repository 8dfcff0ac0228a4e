"""Explain: why each value differs, which differences have one cause, and who is probably the same person.

cells ─► reasons ─► patterns ─► groups ─► commonalities ─► differences, causes
people ─► candidates ─► weights ─► same_person
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from auditor.engine.protocol import Engine
from auditor.explain.background import Background
from auditor.explain.causes import Example, Group, cause_id, examples, groups, with_patterns
from auditor.explain.commonalities import Common, commonalities
from auditor.explain.no_values import words_for_nothing
from auditor.explain.persons import evidence_columns, same_person
from auditor.explain.reasons import with_reasons
from auditor.explain.suggestions import suggestions
from auditor.findings import audit
from auditor.findings.codes import Shared, shared_text
from auditor.findings.suggestion import Suggestion
from auditor.settings.contract import Column

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["Background", "Explained", "evidence_columns", "explain", "same_person", "words_for_nothing"]

_INTERNAL = ("platform_canonical", "truth_canonical", "seen")


@dataclass(frozen=True, slots=True)
class Explained:
    """Differences with their reasons, and what has caused them."""

    differences: ir.Table
    """The columns of `audit.DIFFERENCES` first, and then the further ones of the cells."""
    causes: ir.Table
    """The columns of `audit.CAUSES`, the largest cause first."""
    suggestions: tuple[Suggestion, ...]
    """Rules that would make differences equal, the one that does most first."""


def explain(
    engine: Engine,
    cells: ir.Table,
    columns: Sequence[Column],
    *,
    background: Background | None = None,
    freely: bool = False,
) -> Explained:
    """Find exactly one reason and one cause for every differing cell.

    `cells` has a row per differing cell: `key`, `column`, `compare`, `platform` (raw), `truth` (sent form),
    `platform_canonical`, `truth_canonical`, `platform_updated`, `truth_updated` and what else a difference has.

    Held against a background, causes also say what their profiles have in common. `freely` allows to name personal
    values there: where nobody but the owner of the files reads it.
    """
    reasoned = with_reasons(engine, cells, columns, background, freely=freely)
    patterned = with_patterns(engine, reasoned, columns)
    engine.drop(reasoned)
    found = groups(engine, patterned)
    zone = background.contract.timezone.key if background else "UTC"
    common = commonalities(engine, patterned, found, background) if background else {}
    shown = examples(engine, patterned)
    known = {column.name: column for column in columns}
    rows = []
    for group in found:
        traits = common[group].traits if group in common else ()
        shared = [trait.facts(known[group.column], zone, freely=freely) for trait in traits]
        rows.append(_cause(group, common.get(group), shared, shown[group.place]))
    causes = engine.put(pl.DataFrame(rows, schema=audit.CAUSES, orient="row"), "causes")
    proposed = suggestions(engine, patterned, found, shown, background, freely=freely) if background else ()
    # No second copy: there may be many millions.
    return Explained(engine.define(_differences(patterned, causes), "differences"), causes, proposed)


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
