"""`auditor forget`"""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli import clock
from auditor.cli.screen import confirmed_on_terminal, load_settings, say, settings_option


@click.command("forget")
@settings_option
@click.argument("who", metavar="KEY")
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(settings_file: Path, who: str, yes: bool) -> int:
    """Record that somebody asked to be erased, by KEY or another unique value such as an e-mail address.

    Nobody with their key, address or number is created again, by any route, nor with one that they had in a run that is
    kept or in what was written to them. What the ledger recorded of their profileId is emptied, under every key, and so
    is what both sides had agreed on with them.
    Files of decisions are taken first, and those about them removed.
    Nothing is deleted in Actito. What runs keep of them expires with the runs (`state.retain`).
    """
    from auditor.commands.forget import forget
    from auditor.findings.words import Words

    settings = load_settings(settings_file)
    found = forget(settings, who, now=clock.now(), dry=True)
    values = f"{found.identifiers:,} value{'' if found.identifiers == 1 else 's'}"
    click.echo(f"{values} by which they are known; entries of the ledger about them: {found.rows:,}")
    for side in found.there:
        say(f"they were still in {Words.of(settings.names).side(side)} in the newest run: delete them there as well")
    if not yes and not confirmed_on_terminal("forget them? What is emptied cannot be brought back."):
        say("nothing was changed; to go ahead without a question: --yes")
        return 0
    forget(settings, who, now=clock.now(), dry=False, tell=say)
    click.echo("forgotten: nobody with these values is created any more")
    return 0
