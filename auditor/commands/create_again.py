"""`auditor plan --create-again`: a named person decides anew on somebody whom we created and an undo deleted.

It is a decision about the person, as the worklist makes them of cells; the plan has them like anybody who is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl

from auditor.commands.known import concerned, newcomers
from auditor.commands.plan import Tell, gathered, take_waiting
from auditor.commands.rekey import canonical_keys
from auditor.commands.session import passing_engine
from auditor.errors import GuardRefused, SettingsError
from auditor.model import Side, Status
from auditor.plan.decisions import Choice
from auditor.settings.config import Settings
from auditor.settings.contract_file import read_contract
from auditor.state import run_folder
from auditor.state.agreed import Store
from auditor.state.commit import at_work
from auditor.state.ledger import Ledger
from auditor.state.ledger.persons import under_keys_of_now
from auditor.state.ledger.records import PROFILE, Decision
from auditor.state.past_runs import find_run

_NEW: Final = "they are new, and planned like anybody who is missing"


def create_again(settings: Settings, keys: Sequence[str], *, by: str, now: datetime, tell: Tell) -> None:
    """Record that `by` wants these people, who are missing in the newest run, to be created once more: all or nobody.

    What lies in the inbox is taken before, and told. Raises SettingsError for nobody's name and for whom no undo has
    deleted, GuardRefused for who was erased, and where a run has seen one of them since: somebody else deleted them.
    """
    if not by.strip():
        raise SettingsError("--create-again needs the name of the person who decides", hint="add: --by NAME")
    with at_work(settings, "auditor plan", now):
        folder = find_run(settings)
        take_waiting(settings, folder, now, tell)
        with Ledger(settings.state_folder) as ledger:
            audit, facts = gathered(settings, folder, ledger, now)
            contract = read_contract(settings.table_folder / "contract.toml", facts.known.structure)
            undone = under_keys_of_now(ledger.undone(settings.table, sent=True), concerned(audit))
            deleted = dict(undone.filter(pl.col("column").is_null()).select("key", "undone_at").iter_rows())
            who = newcomers(folder, contract, ledger, keys)
            missing = audit.profiles.filter(pl.col("status") == Status.MISSING).select("key", "gone")
            gone = dict(missing.iter_rows())
            for key in keys:
                if key in facts.erased:
                    raise GuardRefused(f'"{key}" was erased on request: nobody creates them again')
                if key not in gone or key not in who:
                    raise SettingsError(
                        f'"{key}" is not missing in the newest run',
                        hint="name the key as the plan of creations tells it",
                    )
                if key not in deleted:
                    once = "an earlier run saw them, and somebody else has deleted them since" if gone[key] else _NEW
                    raise SettingsError(f'no undo deleted "{key}": {once}')
            for key, seen in _last_seen(settings, folder, keys).items():
                if seen > deleted[key]:
                    raise GuardRefused(f'"{key}" was there again after the undo: somebody else has deleted them since')
            choice = Choice.TRUTH.value
            ledger.decide(
                [
                    Decision(settings.table, by.strip(), key, PROFILE, None, None, choice, now, who[key], about=None)
                    for key in dict.fromkeys(keys)
                ],
                now,
            )


def _last_seen(settings: Settings, folder: Path, keys: Sequence[str]) -> dict[str, datetime]:
    """What the last export showed that these people were in, of those who were in any."""
    structure = run_folder.read_structure(folder)
    contract = read_contract(settings.table_folder / "contract.toml", structure)
    store = Store(settings.state_folder, settings.entity, settings.table, structure.number)
    with passing_engine(settings, [store.folder]) as engine:
        memory = store.load(engine, contract, expected=True)
        if memory.seen is None:
            raise GuardRefused("who was there in earlier runs is lost: nobody is created again")
        forms = {form: key for key, form in canonical_keys(engine, contract, keys) if form}
        theirs = memory.seen.filter(memory.seen.key.isin(list(forms))).select("key", "run")
        return {forms[form]: _shown(settings, run) for form, run in engine.rows(theirs)}


def _shown(settings: Settings, run: str) -> datetime:
    """The moment of the export that a run read; of one that is not kept any more, when the run began."""
    try:
        return run_folder.read_run(settings.runs_folder / run).source(Side.PLATFORM).as_of
    except SettingsError:
        began = run_folder.started(run)
        if began is None:
            raise
        return began
