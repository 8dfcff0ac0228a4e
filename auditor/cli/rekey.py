"""`auditor rekey`"""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli import clock
from auditor.cli.screen import confirmed_on_terminal, load_settings, say, settings_option, table

WHAT = {
    "base": "profiles with agreed values",
    "seen": "profiles seen in earlier runs",
    "ledger": "profiles with writes or decisions",
    "permissions": "entries of the permission history",
    "activities": "bounces, complaints and other activities",
    "erased": "identifiers of erased people",
}


@click.command("rekey")
@settings_option
@click.option("--map", "pairs", required=True, metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
              help="Columns old and new; a key of several columns is a JSON array.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(settings_file: Path, pairs: Path, yes: bool) -> int:
    """Carry over what is known of profiles that got other keys.

    Agreed values, permission history, decisions, writes and who was erased go on under the new keys: all of it, or
    nothing. Says how much there is and asks. Nothing is written to Actito; repeating it does no harm.
    """
    from auditor.commands.rekey import rekey

    settings = load_settings(settings_file)
    found = rekey(settings, pairs, now=clock.now(), dry=True)
    many = f"{found.pairs:,} pair{'s' if found.pairs != 1 else ''}"
    click.echo(f"{pairs.name}: {many}; old keys that are known here: {found.known:,}")
    table([(what, found.counts[name]) for name, what in WHAT.items() if found.counts[name]])
    if not any(found.counts.values()) and not found.known:
        say("nothing to carry over")
        return 0
    if not yes and not confirmed_on_terminal("carry this over to the new keys?"):
        say("nothing was changed; to go ahead without a question: --yes")
        return 0
    rekey(settings, pairs, now=clock.now(), dry=False, tell=say)
    click.echo("carried over: the next run knows these profiles by their new keys")
    return 0
