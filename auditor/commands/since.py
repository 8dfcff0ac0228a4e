"""What is known since a plan was made, by the ledger and the newest run, and what of the plan that leaves unwritten."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from pathlib import Path

import polars as pl

from auditor.apply import sendable
from auditor.commands.known import holders, knowledge, standing_pins, with_pending
from auditor.commands.plan import candidates, policy
from auditor.commands.session import passing_engine
from auditor.commands.show_find import there
from auditor.errors import GuardRefused, SettingsError
from auditor.findings.since import NO_DRIFT, Drift, Place
from auditor.model import Kind
from auditor.plan.drift import Identifier, Later, There, Today, identifiers, of_ledger, of_run, today
from auditor.settings.config import Settings
from auditor.settings.contract import Contract
from auditor.settings.contract_file import read_contract
from auditor.state import run_folder
from auditor.state.ledger import Ledger
from auditor.state.ledger.persons import called_now, under_keys_of_now
from auditor.state.past_runs import find_run
from auditor.writes import Plan


def drift(settings: Settings, chosen: Plan, ledger: Ledger, now: datetime, *, older: bool) -> Drift:
    """Holds what is left of a plan against what is known `now`: what it must not write any more, and why.

    Cells that have an outcome are not looked at again, nor what travels in a file that was sent: that is followed, and
    never sent again. `older` allows a plan of a run that is not the newest.

    Raises GuardRefused for a plan of an older run, SettingsError where the newest run cannot be read, and InputUnusable
    where that run could not check something that a plan depends on.
    """
    still, unsent = sendable(chosen, ledger)
    if not still:
        return NO_DRIFT
    erased = _erased(chosen, still, ledger)
    if chosen.purpose == "undo":
        return of_ledger(chosen, _later(chosen, ledger, now), erased, still)
    newest = _newest(settings, chosen, ledger, older=older or not unsent)
    return of_run(chosen, _today(settings, chosen, newest, still, ledger, now), erased, still)


def left(chosen: Plan, ledger: Ledger) -> set[Place]:
    """What of a plan may still be sent."""
    return sendable(chosen, ledger)[0]


def _erased(chosen: Plan, left: Collection[Place], ledger: Ledger) -> set[Identifier]:
    """The identifiers in what is left of a plan that are those of erased people."""
    values: dict[str, set[str]] = {}
    for number in {number for number, _ in left}:
        for column, value in identifiers(chosen, chosen.writes[number]):
            values.setdefault(column, set()).add(value)
    return {(column, value) for column, own in values.items() for value in ledger.erased_among(column, own)}


def _later(chosen: Plan, ledger: Ledger, now: datetime) -> Later:
    own = {chosen.sha, chosen.undoes or ""}
    if chosen.undoes and not any(write.kind is Kind.SUBSCRIBE for write in chosen.writes):
        # An edit that a file overwrote is put back after another undo, which knew of none, restored what was audited.
        own.update(one.sha for one in ledger.plans(chosen.table, "") if one.undoes == chosen.undoes)
    who = [(write.key, write.profile_id) for write in chosen.writes]
    people = pl.DataFrame(who, dict.fromkeys(("key", "profile_id"), pl.String), orient="row")
    last = under_keys_of_now(ledger.last_plans(chosen.table), people)
    written = set(last.filter(~pl.col("plan").is_in(list(own))).select("key", "column").iter_rows())
    whose = holders(people)
    said = called_now(ledger.decisions(chosen.table), whose)
    decided = {(key, one.column) for key, one in said if one.decided_at > chosen.made}
    pinned = {(one.key, one.column) for one in standing_pins(ledger, chosen.table, whose, now)}
    return Later(written, decided, pinned)


def _newest(settings: Settings, chosen: Plan, ledger: Ledger, *, older: bool) -> Path:
    folder, last = find_run(settings), ledger.last_run(settings.table)
    if last is not None and not (settings.runs_folder / last.run).is_dir():
        raise GuardRefused(
            f"the newest run of {settings.table}, {last.run}, does not lie in {settings.runs_folder}: nobody can say "
            "here what it saw",
            hint="run the audit here, then plan again",
        )
    if folder.name != chosen.run and not older:
        raise GuardRefused(
            f"this plan is of the run {chosen.run}, and {folder.name} has looked at the table since",
            hint="plan again: auditor plan. Or add --older: what the newer run sees otherwise stays unwritten",
        )
    return folder


def _today(
    settings: Settings, chosen: Plan, folder: Path, left: Collection[Place], ledger: Ledger, now: datetime
) -> Today:
    """What would be planned of the same people now. What this plan has sent itself speaks against none of the rest."""
    structure = run_folder.read_structure(folder)
    contract = read_contract(settings.table_folder / "contract.toml", structure)
    audit = with_pending(run_folder.read_audit(folder, contract), ledger, but=chosen.sha)
    known = knowledge(settings, contract, structure, audit, ledger, now, but=chosen.sha)
    keys = {chosen.writes[number].key for number, _ in left}
    missing = candidates(contract, folder) if chosen.purpose in ("create", "load") else None
    people = None if folder.name == chosen.run else _there(settings, contract, chosen, folder, left)
    return today(audit, policy(settings, None), known, keys, missing, people)


def _there(settings: Settings, contract: Contract, chosen: Plan, folder: Path, left: Collection[Place]) -> There | None:
    """Who of what is left of a plan is on the platform under which key, in the run in this folder, and who has theirs;
    None once the run does not keep that any more.
    """
    writes = [chosen.writes[number] for number in {number for number, _ in left}]
    numbers = {write.profile_id for write in writes if write.profile_id is not None}
    try:
        with passing_engine(settings, [folder]) as engine:
            return there(engine, contract, folder, numbers, {write.key for write in writes})
    except SettingsError:
        return None
