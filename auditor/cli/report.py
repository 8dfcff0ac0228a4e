"""`auditor report`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from auditor.cli import clock
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
    from auditor.commands.report import write_again

    settings = load_settings(settings_file)
    level = cast("Privacy | None", privacy)  # click checked it
    written = write_again(settings, run, privacy=level, now=clock.now())
    click.echo(written.report)
    if open_it:
        click.launch(str(written.report))
