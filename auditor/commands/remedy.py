"""The spine of putting things right: from a finished audit to a plan, and from a reviewed plan to outcomes.

    audit ─► plan ─► (review) ─► apply ─► verify ─► (undo)

Only what stands here is ever handed something that can write to Actito.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import polars as pl

from auditor import permissions
from auditor.actito import ActitoError, Reader, learned
from auditor.actito.writer import Writer
from auditor.apply import Progress, apply_plan
from auditor.apply.job import FINAL, Limits
from auditor.apply.outcomes import Applied, outcome_path, read_outcomes, write_outcomes
from auditor.apply.undo import undo_plan
from auditor.commands.conclude import shrunk
from auditor.commands.run import connect
from auditor.equality.single_value import Sameness
from auditor.errors import GuardRefused, SettingsError
from auditor.findings.audit import Audit
from auditor.model import Kind, Permission, Side, Structure
from auditor.plan import Facts, make_plans
from auditor.plan.brakes import Brake, held
from auditor.plan.bulkfile import corrective_file, corrective_files
from auditor.plan.decisions import Decision, read_decisions, remembered
from auditor.plan.policy import Policy
from auditor.settings.config import Settings
from auditor.settings.contract import Contract, read_contract
from auditor.state import run_folder
from auditor.state.ledger import Ledger, lock, quota_day, records
from auditor.writes import Plan, read_plan

CHANGED = 0.1
"""A column that changed in this share of the profiles since the last run stops a plan."""
NAMED = 5
"""Scenarios that are told by their names."""


@dataclass(frozen=True)
class Planned:
    """A plan, where it is stored, and what must be confirmed before it is applied."""

    plan: Plan
    path: Path
    brakes: tuple[Brake, ...]


def plan(
    settings: Settings,
    *,
    now: datetime,
    run: str | None = None,
    decisions: Path | None = None,
    route: str | None = None,
    only: Collection[str] | None = None,
) -> tuple[Planned, ...]:
    """Make the plans of a finished run (None: the newest) and store them in its folder; empty ones are left out.

    `decisions` is a file from the worklist; what was decided earlier counts as well. `only` restricts the plans to
    these keys. Raises SettingsError, InputUnusable or GuardRefused.
    """
    folder = run_folder.find_run(settings.runs_folder, run)
    structure = run_folder.read_structure(folder)
    contract = read_contract(settings.table_folder / "contract.toml", structure)
    audit = run_folder.read_audit(folder, contract)
    with lock.hold(settings.state_folder / "lock", "auditor plan"), Ledger(settings.state_folder) as ledger:
        audit = _with_pending(audit, ledger)
        decided = _decisions(settings, contract, ledger, decisions, now)
        facts = _facts(settings, contract, structure, audit, folder, ledger, now)
        policy = _policy(settings, route)
        made = make_plans(audit, policy, facts, made=now, decisions=decided, only=only)
        return tuple(_store(one, folder, ledger, settings) for one in made if one.writes or one.left)


def corrective(planned: Plan, structure: Structure, folder: Path) -> list[Path]:
    """Write the corrective files of a plan and their import definitions for somebody else to import."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    written = []
    for file in corrective_files(planned, structure, canaries=True):
        for name, content in ((f"{file.name}.zip", file.archive), (f"{file.name}.csv", file.csv)):
            written.append(_write(folder / name, content))
        definition = {
            "mode": file.mode,
            "key": file.key,
            "columns": list(file.columns),
            "encoding": "UTF-8",
            "format": {"separator": ";", "enclosing": '"', "escaping": '"', "endOfLine": "\n"},
        }
        written.append(_write(folder / f"{file.name}.json", (json.dumps(definition, indent=1) + "\n").encode()))
    return written


def apply(
    settings: Settings,
    path: Path,
    *,
    confirmed: Mapping[Kind, int],
    clock: Callable[[], datetime],
    progress: Callable[[Progress], None] | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Applied:
    """Carry out a stored plan, or go on with it; the outcome file lies beside it.

    `tell` receives a line for each thing that the licence spells otherwise than usual.

    Raises GuardRefused when a brake is not confirmed with its exact count, and whatever applying raises.
    """
    chosen = read_plan(path)
    if (chosen.entity, chosen.table) != (settings.entity, settings.table):
        raise SettingsError(f'the plan is for "{chosen.entity}/{chosen.table}", these settings are not')
    waiting = held(chosen, _limits(settings), confirmed)
    if waiting:
        flags = " ".join(brake.confirmation for brake in waiting)
        counts = ", ".join(f"{brake.count:,} × {brake.kind.value}" for brake in waiting)
        reason = f": {chosen.stop}" if chosen.stop else ""
        raise GuardRefused(
            f"this plan needs its counts confirmed ({counts}){reason}", hint=f"after a look, add: {flags}"
        )
    folder = path.resolve().parent
    structure = run_folder.read_structure(folder)
    contract = read_contract(settings.table_folder / "contract.toml", structure)
    permissions.guard(chosen.writes, contract.columns, restores=chosen.purpose == "undo")
    same = Sameness(contract.columns, contract.timezone.key)
    fixes, actito = settings.fixes, settings.actito
    limits = Limits(
        concurrency=actito.concurrency,
        bulk_calls_per_day=min(actito.own_bulk_calls_per_day, actito.bulk_calls_per_day),
        max_age=fixes.max_age,
        permission_max_age=fixes.permission_max_age,
    )
    with (
        lock.hold(settings.state_folder / "lock", "auditor apply"),
        Ledger(settings.state_folder) as ledger,
        connect(settings) as reading,
        connect(settings, writing=True) as writing,
    ):
        live = Reader(reading).structure(settings.table)
        if live != structure:
            raise GuardRefused(
                "the table structure changed since the audit behind this plan",
                hint="run the audit again, then plan again",
            )
        spelling = learned(Reader(reading), structure, settings.state_folder)
        for sentence in spelling.unusual:
            tell(sentence)
        applied = apply_plan(
            chosen,
            structure=structure,
            reader=Reader(reading, spelling),
            writer=Writer(writing, spelling),
            ledger=ledger,
            clock=clock,
            same=same,
            bulk_file=lambda one, batch: corrective_file(one, batch, structure),
            limits=limits,
            allow_stop=True,
            earlier=read_outcomes(folder, chosen.sha),
            progress=progress,
        )
        write_outcomes(folder, applied)
        return applied


def may_start(settings: Settings, path: Path) -> str:
    """A sentence about the scenarios that what is left of a stored plan may start (§14b); empty where it starts none.

    Which write starts which cannot be asked, and what was started cannot be undone. Scenarios that cannot be read stop
    nobody: the sentence says so.
    """
    chosen, folder = read_plan(path), path.resolve().parent
    earlier = read_outcomes(folder, chosen.sha)
    if not chosen.writes or (earlier is not None and set(earlier["outcome"]) <= set(FINAL)):
        return ""
    begin = f"what is written may start scenarios of {chosen.table}"
    try:
        with connect(settings) as connection:
            found = Reader(connection).scenarios(run_folder.read_structure(folder))
    except ActitoError as error:
        return f"{begin}, and which are active could not be read: {error}"
    active = [one.name for one in found if one.active is not False]
    named = ", ".join(active[:NAMED]) + (f" and {len(active) - NAMED:,} more" if len(active) > NAMED else "")
    return f"{begin}. Active: {named}; which write starts which, Actito does not say." if active else ""


def undo(settings: Settings, path: Path, *, now: datetime) -> Planned:
    """A plan that restores what an applied plan changed; it is applied like any other."""
    chosen = read_plan(path)
    folder = path.resolve().parent
    outcomes = read_outcomes(folder, chosen.sha)
    if outcomes is None:
        raise SettingsError(f"{path.name} was never applied: there is nothing to undo")
    contract = read_contract(settings.table_folder / "contract.toml", run_folder.read_structure(folder))
    back = undo_plan(chosen, outcomes, now, permissions=[column.name for column in contract.permissions])
    with lock.hold(settings.state_folder / "lock", "auditor undo"), Ledger(settings.state_folder) as ledger:
        return _store(back, folder, ledger, settings)


def find_plan(settings: Settings, name: str) -> Path:
    """A stored plan by its path or the beginning of its SHA."""
    path = Path(name)
    if path.is_file():
        return path
    fitting = sorted(settings.runs_folder.glob(f"*/plan-{name.removeprefix('plan-')}*.json"))
    if len(fitting) == 1:
        return fitting[0]
    what = "there is no plan" if not fitting else f"{len(fitting)} plans begin with"
    raise SettingsError(f'{what} "{name}" in {settings.runs_folder}', hint="make one with `auditor plan`")


def _with_pending(audit: Audit, ledger: Ledger) -> Audit:
    """The audit with what was sent since the export's moment marked as such, also what was sent after the audit."""
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


def _decisions(
    settings: Settings, contract: Contract, ledger: Ledger, path: Path | None, now: datetime
) -> Sequence[Decision]:
    """Everything decided so far, the new file's decisions included and remembered."""
    if path is not None:
        columns = [column.name for column in contract.columns]
        new = read_decisions(path, table=settings.table, columns=columns)
        kept = [
            records.Decision(
                settings.table, one.by, one.key, one.column, one.platform, one.truth, one.choice.value, now
            )
            for one in new
        ]
        ledger.decide(kept, now)
    return remembered(ledger.decisions(settings.table))


def _facts(
    settings: Settings,
    contract: Contract,
    structure: Structure,
    audit: Audit,
    folder: Path,
    ledger: Ledger,
    now: datetime,
) -> Facts:
    candidates = _frame(folder, "creations")
    undone = ledger.undone(settings.table)
    own = ledger.opt_outs(settings.table).select(
        run=pl.lit(audit.run), at="sent_at", side=pl.lit(Side.PLATFORM.value), key="key", column="column",
        value=pl.lit(Permission.OFF.value),
    )  # fmt: skip
    history = _frame(folder, "history")
    used = ledger.bulk_calls(settings.table, quota_day(now))
    allowed = min(settings.actito.own_bulk_calls_per_day, settings.actito.bulk_calls_per_day)
    erased = {
        key
        for column in contract.columns
        if (attribute := structure.attribute(column.name)) is not None and attribute.unique
        for key, value in candidates.select("key", column.name).iter_rows()
        if value and ledger.erased_among(column.name, [value])
    }
    return Facts(
        structure=structure,
        timezone=contract.timezone,
        file_calls_left=0 if used.exhausted else max(0, allowed - used.used),
        platform=_frame(folder, "audited"),
        candidates=candidates,
        taken=_frame(folder, "taken"),
        evidence=_frame(folder, "evidence"),
        history=pl.concat([history, own.cast(dict(history.schema))]) if own.height else history,  # type: ignore[arg-type]
        undone=undone.select("key", "column", platform="restored", truth="withdrawn"),
        erased=frozenset(erased),
        guards=_guards(audit, ledger, settings),
    )


def _guards(audit: Audit, ledger: Ledger, settings: Settings) -> tuple[str, ...]:
    """What about this audit is so unusual that a plan needs every count confirmed."""
    runs = [record for record in ledger.runs(audit.table) if record.run < audit.run]
    before = runs[0].counts["rows"] if runs else None
    sentences = list(shrunk(audit.counts.rows, before, settings.shrank, settings.names.by_side)) if before else []
    compared = sum(audit.counts.profiles.values())
    known = audit.differences.filter(pl.col("moved").is_in(["truth", "platform", "both"]))
    for column, number in known.group_by("column").len().sort("column").iter_rows():
        if number > compared * CHANGED:
            sentences.append(f"{column} changed in {number:,} of {compared:,} profiles since the last run")
    return tuple(sentences)


def _policy(settings: Settings, route: str | None) -> Policy:
    fixes = settings.fixes
    return Policy(
        route=route or fixes.route,  # type: ignore[arg-type]  # click and pydantic both checked it
        realtime=tuple(fixes.realtime),
        bulk_min_rows=fixes.bulk_min_rows,
        without_base=fixes.without_base,
        only_on_platform=fixes.only_on_platform,
        bulk_empty=settings.actito.bulk_empty,
        calls_per_minute=settings.actito.calls_per_minute,
        max_age=fixes.max_age,
        permission_max_age=fixes.permission_max_age,
    )


def _limits(settings: Settings) -> dict[Kind, tuple[int, float]]:
    return {Kind(name): limit for name, limit in settings.fixes.brakes}


def _store(one: Plan, folder: Path, ledger: Ledger, settings: Settings) -> Planned:
    path = _write(folder / f"plan-{one.sha}.json", one.to_json().encode())
    counts = {kind.value: count for kind, count in one.counts.items()}
    ledger.record_plan(
        records.PlanRecord(one.sha, one.run, one.table, one.purpose, one.made, str(path), counts, one.undoes)
    )
    return Planned(one, path, held(one, _limits(settings), {}))


def _frame(folder: Path, name: str) -> pl.DataFrame:
    path = folder / f"{name}.parquet"
    if not path.exists():
        raise SettingsError(
            f"{folder.name} has no {path.name} any more: snapshots are kept for a limited time",
            hint="run the audit again",
        )
    return pl.read_parquet(path)


def _write(path: Path, content: bytes) -> Path:
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(content)
    partial.chmod(0o600)
    partial.replace(path)
    return path


__all__ = ["Planned", "apply", "corrective", "find_plan", "outcome_path", "plan", "undo"]
