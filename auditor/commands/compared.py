"""What a run and a comparison of two files do alike once both sides are compared: explain, write, count, tell.

Matched, Diffed ─► Explained, same persons ─► files of rows, Counts, notices

Matching and comparing are one call each, which both spines name: a run lets validation see the one and hands its memory
to the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.commands.results import Results, counted, write_results
from auditor.diff.diffed import Diffed
from auditor.diff.one_sided import near_keys, people
from auditor.engine.duckdb import DuckDB
from auditor.engine.protocol import Engine, count
from auditor.explain import Background, Explained, evidence_columns, explain, same_person, words_for_nothing
from auditor.findings import notices
from auditor.findings.audit import Counts
from auditor.findings.codes import Notice
from auditor.match.join import Matched
from auditor.match.relations import Relation, relation
from auditor.model import Side, Status
from auditor.settings.contract import Contract

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import polars as pl


@dataclass(frozen=True, slots=True)
class Compared:
    """Two sides, matched, compared and explained."""

    matched: Matched
    diffed: Diffed
    explained: Explained
    same_person: ir.Table | None
    """In the columns of `audit.SAME_PERSON`, with canonical keys; None where nobody asked."""

    def written(
        self,
        engine: Engine,
        folder: Path,
        rejected: pl.DataFrame,
        contract: Contract,
        *,
        violations: ir.Table | None,
        permissions: ir.Table | None,
    ) -> Counts:
        """Write the rows, with keys as people know them, into the folder, and count them; None: nobody asked."""
        results = Results.of(
            self.matched,
            self.diffed,
            self.explained,
            rejected,
            contract,
            violations=violations,
            permissions=permissions,
            same_person=self.same_person,
        )
        write_results(engine, results, folder)
        return counted(engine, results, self.diffed.counts)

    def notices(self, engine: Engine, contract: Contract) -> tuple[Notice, ...]:
        """Gives what is to be known of how profiles were matched, and of rules that would make differences equal."""
        keys, profiles = (contract.key, *contract.fallbacks), self.diffed.counts.profiles
        near = near_keys(engine, self.matched)
        found = relation(engine, contract, self.matched, profiles[Status.MISSING], profiles[Status.ORPHAN])
        related = found is not None and found.keys >= near
        return (
            *notices.how_matched(self.diffed.counts.matched_by, contract.key),
            *(_told(found) if found is not None and related else ()),
            *notices.suggested(self.explained.suggestions, count(engine, self.explained.differences)),
            *notices.words_for_nothing(words_for_nothing(engine, self.explained.differences)),
            *notices.nearly_matched(0 if related else near, keys),
        )


def explained(
    engine: Engine,
    contract: Contract,
    matched: Matched,
    diffed: Diffed,
    *,
    persons: DuckDB | None,
    freely: bool = False,
) -> Compared:
    """Say why every value differs, and who is probably the same person.

    `persons` is where the same persons are looked for (None: they are not), and `freely` allows causes to name personal
    values.
    """
    found = explain(
        engine,
        diffed.cells,
        contract.compared,
        background=Background(contract, matched, diffed.fetched, diffed.drawn),
        freely=freely,
    )
    if persons is None:
        return Compared(matched, diffed, found, None)
    evidence = evidence_columns(contract.columns)
    everybody = {side: people(contract, matched, side, evidence.values()) for side in Side}
    return Compared(matched, diffed, found, same_person(persons, everybody, evidence))


def _told(found: Relation) -> tuple[Notice, ...]:
    spelt = {name: f"{rule.value}:{argument}".rstrip(":") for name, (rule, argument) in found.rules.items()}
    return notices.keys_related(spelt, found.keys, found.of, found.collisions, doubtful=found.doubtful)
