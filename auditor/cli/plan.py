"""`auditor plan`"""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli import clock
from auditor.cli.screen import load_settings, say, settings_option
from auditor.cli.verbose import verbose_option


@click.command("plan")
@settings_option
@verbose_option
@click.argument("run", required=False)
@click.option("--decisions", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="The file that a worklist gave.")  # fmt: skip
@click.option("--route", type=click.Choice(["auto", "bulk", "single"]), help="By file, or one by one.")
@click.option("--files", type=click.Path(path_type=Path, file_okay=False),
              help="Write the corrective files here, for somebody else to import.")  # fmt: skip
def command(
    settings_file: Path, run: str | None, decisions: Path | None, route: str | None, files: Path | None
) -> None:
    """Make a plan of what would be written, from the newest run or the one named. Nothing is sent.

    Corrections and creations are plans of their own. What is not planned is counted with its reason.
    """
    from auditor.cli.planned import print_plan
    from auditor.commands.plan import corrective, plan
    from auditor.findings.words import Words
    from auditor.state import run_folder

    settings = load_settings(settings_file)
    made = plan(settings, now=clock.now(), run=run, decisions=decisions, route=route)
    if not made:
        say("nothing differs: there is nothing to plan")
    written = []
    for planned in made:
        print_plan(planned, Words.of(settings.names))
        if files is not None:
            written += corrective(planned.plan, run_folder.read_structure(planned.path.parent), files)
    for path in written:
        say(f"wrote {path}")
    if files is not None and not written:
        say(f"nothing is to be written by file: {files} was not touched")
