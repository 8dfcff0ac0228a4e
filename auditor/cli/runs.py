"""`auditor runs`"""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli.screen import load_settings, printable, say, settings_option, table


@click.command("runs")
@settings_option
@click.option("--json", "as_json", is_flag=True, help="Print the history as one JSON document.")
def command(settings_file: Path, as_json: bool) -> None:
    """The history of audits, newest first, with the numbers that should go down."""
    from auditor.cli.summary import print_json
    from auditor.state.ledger import Ledger
    from auditor.state.run_folder import strangers

    settings = load_settings(settings_file)
    with Ledger(settings.state_folder, reading=True) as ledger:
        records = ledger.runs(settings.table)
    if as_json:
        runs = [
            {"run": one.run, "started": one.started.isoformat(), "verdict": one.verdict.value, **one.counts}
            for one in records
        ]
        print_json({"format": 1, "table": settings.table, "runs": runs})
        return
    if not records:
        say("no run yet; make one: auditor run")
    rows = []
    for one in records:
        permissions = sum(one.counts["permissions"].values())
        values = [one.standing[name] for name in ("missing", "orphan", "stale", "conflicting")]
        rows.append((one.run, *values, permissions, one.verdict.value))
    header = ("run", "missing", "only in", "outdated", "decision", "permis.", "verdict")
    table(rows, header=header)
    for path in strangers(settings.runs_folder):
        what = "a link, and is not followed" if path.is_symlink() else "no run, and is left alone"
        say(f"note: {printable(path.name)} in {settings.runs_folder.name}/ is {what}")
