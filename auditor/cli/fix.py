"""`auditor fix`"""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli import clock
from auditor.cli.screen import load_settings, say, settings_option, somebody_there
from auditor.cli.verbose import verbose_option


@click.command("fix")
@settings_option
@verbose_option
@click.argument("keys", nargs=-1, required=True)
@click.option("--decisions", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="The file that a worklist gave.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask. Without a terminal brakes still need --confirm.")
@click.option("--confirm", "confirmations", multiple=True, metavar="KIND=COUNT",
              help="Release a brake with its exact count, for example update=25; repeatable.")  # fmt: skip
def command(
    settings_file: Path, keys: tuple[str, ...], decisions: Path | None, yes: bool, confirmations: tuple[str, ...]
) -> int:
    """Plan and apply corrections of the named profiles, from the newest run. Nobody is created.

    What is written is shown before anybody is asked. On a terminal up to 20 profiles need no confirmation beside the
    yes; more are a plan like any other, with its brakes.
    """
    from auditor.cli.applying import carry_out
    from auditor.cli.planned import parse_confirmations, print_plan
    from auditor.commands.fix import FEW, fix
    from auditor.commands.review import tell
    from auditor.errors import Exit
    from auditor.findings.words import Words

    settings = load_settings(settings_file)
    given = parse_confirmations(confirmations)
    found = fix(settings, keys, now=clock.now(), decisions=decisions, tell=say)
    if found.planned is None and not found.creations:
        say("nothing differs for these profiles: `auditor show KEY` tells what is known of one")
        return int(Exit.FINE)
    if found.creations:
        are = "1 of these profiles is" if found.creations == 1 else f"{found.creations:,} of these profiles are"
        say(f"{are} missing on {settings.names.platform}; a fix creates nobody, a plan does: auditor plan")
    planned = found.planned
    if planned is None:
        return int(Exit.FINE)
    few = found.named <= FEW
    print_plan(planned, Words.of(settings.names), tell(settings, planned), everything=few)
    if not planned.plan.writes:
        return int(Exit.FINE)
    confirmed = found.confirmed(given, somebody=somebody_there())
    code = carry_out(settings, planned.path, confirmed=confirmed, ask=not yes, shown=True)
    if code is None:
        say("nothing was sent")
    return code or int(Exit.FINE)
