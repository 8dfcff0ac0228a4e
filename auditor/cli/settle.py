"""`auditor settle`"""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli import clock
from auditor.cli.screen import confirmed_on_terminal, load_settings, say, settings_option


@click.command("settle")
@settings_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(settings_file: Path, yes: bool) -> int:
    """Go on with a ledger that came from a copy, or that a clock wrote which was ahead.

    What was sent since the copy was made is found by reading: only plans on an export that is newer than this moment,
    by an hour, are carried out, and today no file is imported any more. Nothing is written to Actito.
    """
    from auditor.commands.settle import settle, trouble

    settings = load_settings(settings_file)
    found = trouble(settings, clock.now())
    if not found:
        say("there is nothing to settle: the ledger has all that is noted of it")
        return 0
    for sentence in found:
        click.echo(sentence)
    if not yes and not confirmed_on_terminal("go on without what was recorded since?"):
        say("nothing was changed; to go ahead without a question: --yes")
        return 0
    settle(settings, now=clock.now())
    click.echo("settled: in an hour take a new export, run the audit and plan again")
    return 0
