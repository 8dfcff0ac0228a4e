"""`auditor report`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from auditor.cli.screen import load_settings, settings_option

if TYPE_CHECKING:
    from auditor.report.redact import Privacy


@click.command("report")
@settings_option
@click.argument("run", required=False)
@click.option("--privacy", type=click.Choice(["masked", "aggregate", "full"]), help="Default: as configured.")
@click.option("--lang", type=click.Choice(["auto", "en"]), default="auto", help="Language of the page.")
@click.option("--open", "open_it", is_flag=True, help="Open it in the browser.")
def command(settings_file: Path, run: str | None, privacy: str | None, lang: str, open_it: bool) -> None:
    """Write the report of the newest run, or of the one named, again."""
    from auditor import report
    from auditor.commands import run as pipeline
    from auditor.settings.contract import read_contract
    from auditor.state import run_folder
    from auditor.state.ledger import Ledger
    from auditor.state.past_runs import find_run

    settings = load_settings(settings_file)
    folder = find_run(settings, run)
    structure = run_folder.read_structure(folder)
    contract = read_contract(settings.table_folder / "contract.toml", structure)
    audit = run_folder.read_audit(folder, contract)
    with Ledger(settings.state_folder, reading=True) as ledger:
        earlier = [record for record in ledger.runs(settings.table, pipeline.TREND_RUNS) if record.run < audit.run]
    trend = [pipeline.trend_point(record) for record in reversed(earlier)]
    level = privacy or settings.report.privacy
    written = report.render(audit, folder, privacy=cast("Privacy", level), trend=trend)  # click checked it
    click.echo(written.report)
    if open_it:
        click.launch(str(written.report))
