"""`auditor undo`"""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli import clock
from auditor.cli.screen import load_settings, settings_option
from auditor.cli.verbose import verbose_option


@click.command("undo")
@settings_option
@verbose_option
@click.argument("plan")
def command(settings_file: Path, plan: str) -> None:
    """Make a plan that restores what an applied plan changed. Apply it like any other.

    Withdrawn permissions are not given back, and people who were created are not deleted: both are listed.
    """
    from auditor.cli.planned import print_plan
    from auditor.commands.stored_plans import find_plan
    from auditor.commands.undo import undo
    from auditor.findings.words import Words

    settings = load_settings(settings_file)
    path = find_plan(settings, plan)
    print_plan(undo(settings, path, now=clock.now()), Words.of(settings.names))
