"""The report of a finished run, written again: by what is known now."""

from __future__ import annotations

from datetime import datetime

from auditor import report
from auditor.commands.known import up_to_date
from auditor.commands.review import list_plans
from auditor.commands.run_kept import TREND_RUNS, trend_point
from auditor.commands.who import who
from auditor.report import Privacy, Written
from auditor.settings.config import Settings
from auditor.settings.contract_file import read_contract
from auditor.state import run_folder
from auditor.state.ledger import Ledger
from auditor.state.past_runs import find_run


def write_again(settings: Settings, run: str | None, *, privacy: Privacy | None, now: datetime) -> Written:
    """Writes the pages and the workbook of a run (None: the newest) into its folder; `privacy` None: as configured.

    What was sent and decided since the run counts; the list of its plans says which were applied.
    """
    folder = find_run(settings, run)
    audit, needed = up_to_date(settings, folder, now)
    with Ledger(settings.state_folder, reading=True) as ledger:
        earlier = [record for record in ledger.runs(settings.table, TREND_RUNS) if record.run < audit.run]
    trend = [trend_point(record) for record in reversed(earlier)]
    contract = read_contract(settings.table_folder / "contract.toml", run_folder.read_structure(folder))
    known = who(folder, contract, audit)
    written = report.render(audit, needed, folder, privacy=privacy or settings.report.privacy, trend=trend, who=known)
    list_plans(settings, audit.run, folder)
    return written
