"""The spine of undoing: from what was applied to a plan that takes it back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from auditor.apply.outcomes import outcome_path, read_outcomes
from auditor.apply.undo import undo_plan
from auditor.commands.stored_plans import Planned, store
from auditor.errors import SettingsError
from auditor.settings.config import Settings
from auditor.settings.contract_file import read_contract
from auditor.state import run_folder
from auditor.state.commit import at_work
from auditor.state.ledger import Ledger
from auditor.writes import read_plan


def undo(settings: Settings, path: Path, *, now: datetime) -> Planned:
    """A plan that restores what an applied plan changed; it is applied like any other."""
    chosen = read_plan(path)
    folder = path.resolve().parent
    outcomes = read_outcomes(folder, chosen.sha)
    if outcomes is None:
        with Ledger(settings.state_folder, reading=True) as ledger:
            if ledger.states(chosen.sha):
                raise SettingsError(
                    f"{outcome_path(folder, chosen.sha)} is missing, which says what became of the plan",
                    hint=f"make it anew: auditor apply {chosen.sha[:12]}, which writes nothing twice",
                )
        raise SettingsError(f"{path.name} was never applied: there is nothing to undo")
    contract = read_contract(settings.table_folder / "contract.toml", run_folder.read_structure(folder))
    back = undo_plan(chosen, outcomes, now, permissions=[column.name for column in contract.permissions])
    with at_work(settings.state_folder, "auditor undo"), Ledger(settings.state_folder) as ledger:
        return store(back, folder, ledger, settings)
