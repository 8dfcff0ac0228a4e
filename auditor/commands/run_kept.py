"""What a run leaves: the files that plans are made from, what the ledger keeps of it, and all that is kept at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import ibis.expr.types as ir
import polars as pl

from auditor.commands import redated
from auditor.commands.known import concerned, holders, standing_decisions
from auditor.commands.outlived import Held, Then, moved_on, outlived, touched
from auditor.diff.diffed import Diffed
from auditor.diff.of_others import of_others
from auditor.diff.one_sided import OneSided, creations, taken
from auditor.diff.permission_findings import Permissions, evidence_of_differences, known_history, without_consent
from auditor.engine.duckdb import DuckDB
from auditor.files.rewrite import Rewrite
from auditor.findings.audit import Audit
from auditor.match.join import Matched
from auditor.model import Side, Structure
from auditor.report import TrendPoint
from auditor.settings.contract import Contract
from auditor.state import run_folder
from auditor.state.agreed import NewState
from auditor.state.commit import Kept
from auditor.state.ledger import Ledger
from auditor.state.ledger.persons import under_keys_of_now
from auditor.state.ledger.records import PROFILE, RunRecord, Settled
from auditor.state.memory import Memory, said_no

TREND_RUNS = 30
"""Earlier runs shown in the report."""


def write_for_plans(
    engine: DuckDB,
    audit: Audit,
    contract: Contract,
    structure: Structure,
    matched: Matched,
    diffed: Diffed,
    alone: OneSided,
    allowed: Permissions,
    memory: Memory,
    names: ir.Table,
    activities: ir.Table | None,
    written: ir.Table,
) -> None:
    """Write what a plan made on the audit will need."""
    folder = audit.folder
    run_folder.write_structure(structure, folder)
    engine.write(creations(contract, matched), folder / "creations.parquet")
    engine.write(taken(contract, structure, matched, alone.missing), folder / "taken.parquet")
    engine.write(of_others(engine, contract, structure, matched, diffed), folder / "of_others.parquet")
    engine.write(without_consent(contract, diffed, allowed), folder / "consent_off.parquet")
    engine.write(evidence_of_differences(diffed, allowed), folder / "evidence.parquet")
    no = None if activities is None else said_no(activities)
    ours = None if memory.seen is None else written.join(memory.seen, "profile_id").select("key", "column", "at")
    history = known_history(
        diffed, matched.rows, allowed, audit.run, memory.history, memory.seen, names, memory.names, no, ours
    )
    engine.write(history, folder / "history.parquet")


def to_keep(
    audit: Audit,
    final: Path,
    agreed: NewState,
    others: Sequence[Rewrite | None],
    settled: Settled,
    secret: str,
    look: Callable[[Collection[Then]], list[Held]],
    *,
    older: bool,
) -> Kept:
    """Everything that outlives the run. `look` as `outlived.held_now`; `older`: than the export of an earlier one, so
    no value has changed since.
    """
    truth, evidence = audit.source(Side.TRUTH).as_of, redated.of_run(audit.folder)

    def record(ledger: Ledger) -> None:
        ledger.record_settled(settled, audit.started)
        of_before = older or any(
            truth < datetime.fromisoformat(one.counts["truth_as_of"])
            for one in ledger.runs(audit.table)
            if "truth_as_of" in one.counts
        )
        over: dict[str, list[int]] = {}
        people = concerned(audit)
        if not older:
            put_back = under_keys_of_now(ledger.undone(audit.table, sent=True), people)
            over = {"touched": touched(put_back, audit, look)}
        if not of_before:
            standing = standing_decisions(ledger, audit.table, holders(people), but=None)
            standing += [one for one in ledger.every_decision(audit.table) if one.column == PROFILE]
            back, person = ledger.undone(audit.table), pl.col("column").is_null()
            # Whoever was made again has another number, under the key of whom the undo deleted.
            undone = pl.concat([under_keys_of_now(back.filter(~person), people), back.filter(person)])
            made = {
                "lapsed": redated.decided(standing, holders(people)),
                "moved_on": redated.taken_back(ledger.undone(audit.table), people),
            }
            over |= {"lapsed": outlived(standing, audit, look), "moved_on": moved_on(undone, audit, look)}
            for what, those in made.items():
                anew = redated.redated(ledger, audit.table, evidence, final.parent, those, audit.started)
                over[what] = sorted({*over[what], *anew})
        ledger.record_run(_record(audit, over))

    rewrites = (agreed.rewrite, *(one for one in others if one is not None))
    return Kept(audit.run, rewrites, agreed.written, agreed.superseded, (audit.folder, final), record, secret)


def _record(audit: Audit, over: Mapping[str, Sequence[int]]) -> RunRecord:
    """What the ledger keeps of a run: counts, the moment that the truth shows, and the numbers of what is over: of the
    decisions that have `lapsed`, and of what was taken back and has `moved_on`, or was `touched` on the platform.
    """
    summary = audit.summary()
    of_profiles = ("profiles", "waiting", "pending", "created", "undone", "standing", "gone")
    kept = ("rows", *of_profiles, "later", "differences", "violations", "permissions")
    finished = audit.started + timedelta(seconds=sum(audit.seconds.values()))
    return RunRecord(
        audit.run,
        audit.table,
        audit.started,
        finished,
        audit.verdict,
        {name: summary[name] for name in kept}
        | {"truth_as_of": audit.source(Side.TRUTH).as_of.isoformat()}
        | {what: numbers for what, numbers in over.items() if numbers},
    )


def trend_point(record: RunRecord) -> TrendPoint:
    """A run as the report's trend shows it."""
    counts = record.counts
    return TrendPoint(
        run=record.run,
        started=record.started,
        not_agreeing=record.not_agreeing,
        differences=counts["differences"]["total"] - counts.get("later", 0),
        permissions=sum(counts["permissions"].values()),
    )
