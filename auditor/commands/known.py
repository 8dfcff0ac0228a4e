"""What is known now about a finished audit: what was sent and decided since, and what its folder keeps for plans."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl

from auditor import permissions
from auditor.findings.audit import Audit
from auditor.findings.notices import NO_OPT_OUTS, NOBODY_SEEN
from auditor.findings.unreachable import said_no
from auditor.model import Kind, Permission, Side, Structure
from auditor.permissions import EVIDENCE, HISTORY
from auditor.plan.decisions import Choice, remembered
from auditor.plan.knowledge import OF_OTHERS, Knowledge
from auditor.plan.needs import needs
from auditor.settings.config import Settings
from auditor.settings.contract import Contract
from auditor.settings.contract_file import read_contract
from auditor.state import run_folder
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import Decision
from auditor.state.past_runs import find_run
from auditor.state.run_files import of_snapshot, rows
from auditor.writes import Write


def up_to_date(settings: Settings, folder: Path, now: datetime) -> tuple[Audit, pl.DataFrame]:
    """The audit of a run with what was sent since, and what becomes of its differences by what is known `now`."""
    structure = run_folder.read_structure(folder)
    contract = read_contract(settings.table_folder / "contract.toml", structure)
    with Ledger(settings.state_folder, reading=True) as ledger:
        audit = with_pending(run_folder.read_audit(folder, contract), ledger)
        return audit, needs(audit, knowledge(settings, contract, structure, audit, ledger, now))


def with_pending(audit: Audit, ledger: Ledger) -> Audit:
    """Marks as pending what was sent since the export's moment, also what was sent after the audit."""
    sent = ledger.pending(audit.table, after=audit.source(Side.PLATFORM).as_of).select("key", "column").unique()
    cells = sent.filter(pl.col("column").is_not_null()).with_columns(sent=True)
    whole = sent.filter(pl.col("column").is_null()).select("key", sent=True)
    marked = pl.col("pending") | pl.col("sent").fill_null(False)
    differences = audit.differences.join(cells, on=["key", "column"], how="left", maintain_order="left")
    profiles = audit.profiles.join(whole, on="key", how="left", maintain_order="left")
    return replace(
        audit,
        differences=differences.with_columns(pending=marked).drop("sent"),
        profiles=profiles.with_columns(pending=marked).drop("sent"),
    )


def knowledge(
    settings: Settings, contract: Contract, structure: Structure, audit: Audit, ledger: Ledger, now: datetime
) -> Knowledge:
    """What bears on the differing cells of an audit, beside its differences.

    Raises SettingsError for a run that does not keep it any more.
    """
    folder, missing = audit.folder, {item.code for item in audit.not_checked}
    undone, person = ledger.undone(settings.table), pl.col("column").is_null()
    return Knowledge(
        structure=structure,
        timezone=contract.timezone,
        now=now,
        without_base=settings.fixes.without_base,
        opt_outs_known=not missing & NO_OPT_OUTS,
        seen_known=not missing & NOBODY_SEEN,
        decisions=remembered(standing_decisions(ledger, settings.table)),
        evidence=frame(folder, "evidence", EVIDENCE),
        history=_history(folder, settings.table, ledger),
        said_no=said_no(run_folder.read_activities(folder)),
        undone=undone.filter(~person).select("key", "column", platform="restored", truth="withdrawn"),
        deleted_again=undone.filter(person).select("key", at="undone_at"),
        of_others=_of_others(folder),
    )


def _of_others(folder: Path) -> pl.DataFrame:
    """No row of runs that were made before anybody looked."""
    path = folder / "of_others.parquet"
    return frame(folder, "of_others", OF_OTHERS) if path.is_symlink() or path.exists() else OF_OTHERS.to_frame()


def grounds(
    settings: Settings, contract: Contract, planned: Iterable[Write], ledger: Ledger, now: datetime
) -> permissions.Grounds:
    """What is known `now` of the opt-ins among these writes, by the ledger and the newest run.

    Raises SettingsError where that run cannot be read.
    """
    polarity = {column.name: column.permission for column in contract.columns if column.permission is not None}
    cells = {
        (write.key, cell.column): (permissions.state(cell.before, polarity[cell.column]), None)
        for write in planned
        if write.kind is Kind.SUBSCRIBE
        for cell in write.cells
    }
    newest = find_run(settings)
    not_checked, _ = run_folder.read_run(newest).told()
    spoken = said_no(run_folder.read_activities(newest))
    return permissions.Grounds(
        chosen={
            (one.key, one.column): permissions.Chosen(one.by, one.platform, one.truth)
            for one in remembered(standing_decisions(ledger, settings.table))
            if one.choice is Choice.TRUTH and (one.key, one.column) in cells
        },
        opt_outs=permissions.last_opt_outs(_history(newest, settings.table, ledger), cells, spoken),
        opt_outs_known=not {item.code for item in not_checked} & NO_OPT_OUTS,
        now=now,
        timezone=contract.timezone,
    )


def standing_decisions(ledger: Ledger, table: str) -> list[Decision]:
    """What people decided, without decisions to write that may have been carried out and taken back in lost entries."""
    lost_at = ledger.lost_at
    made = ledger.decisions(table)
    return [one for one in made if lost_at is None or one.decided_at > lost_at or one.choice != Choice.TRUTH.value]


def _history(folder: Path, table: str, ledger: Ledger) -> pl.DataFrame:
    """The permission history as a run knows it, and the opt-outs that we sent ourselves."""
    history = frame(folder, "history", HISTORY)
    own = ledger.opt_outs(table).select(
        run=pl.lit(folder.name), at="sent_at", side=pl.lit(Side.PLATFORM.value), key="key", column="column",
        value=pl.lit(Permission.OFF.value),
    )  # fmt: skip
    return pl.concat([history, own.cast(dict(history.schema))]) if own.height else history  # type: ignore[arg-type]


def frame(folder: Path, name: str, schema: pl.Schema) -> pl.DataFrame:
    """A file of a run that is kept for what comes after it, in these columns and further ones.

    Raises SettingsError once it has expired.
    """
    return rows(of_snapshot(folder, f"{name}.parquet"), schema)
