"""`auditor permit`"""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli import clock
from auditor.cli.screen import load_settings, say, settings_option


@click.command("permit")
@settings_option
@click.argument("column")
@click.option("--by", metavar="NAME", default="", help="Who decides.")
def command(settings_file: Path, column: str, by: str) -> None:
    """Decide that all who are to be created are given permission COLUMN, as the truth says with evidence of each.

    All of them or nobody: who lacks evidence newer than the last opt-out known keeps the others from it. On whom
    somebody decided singly, that stays, and they are counted. Nothing is written: the next plan has the permissions,
    one by one after the creations.
    """
    from auditor.commands.permit import permit
    from auditor.findings.english.numbers import counted

    done = permit(load_settings(settings_file), column, by=by, now=clock.now(), tell=say)
    if done.singly:
        people = counted(done.singly, "person was", "people were")
        say(f"{people} decided on singly before, which stays as decided")
    if not done.given:
        say(f"nobody {'else ' if done.singly else ''}would be created without {column}: nothing was decided")
        return
    are = "1 person who is" if done.given == 1 else f"{done.given:,} people who are"
    say(f"decided by {by.strip()}: {are} to be created may be contacted by {column}; next: auditor plan")
