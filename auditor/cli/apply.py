"""`auditor apply`"""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli.screen import load_settings, say, settings_option
from auditor.cli.verbose import verbose_option


@click.command("apply")
@settings_option
@verbose_option
@click.argument("plan")
@click.option("--yes", is_flag=True, help="Do not ask. Brakes still need --confirm.")
@click.option("--confirm", "confirmations", multiple=True, metavar="KIND=COUNT",
              help="Release a brake with its exact count, for example update=812; repeatable.")  # fmt: skip
def command(settings_file: Path, plan: str, yes: bool, confirmations: tuple[str, ...]) -> int:
    """Carry out a plan, given by its file or the beginning of its name, and verify it.

    Every value is read before it is written and read back afterwards. Applying the same plan again goes on where the
    last application ended and writes nothing twice. Exits 4 when writes were refused, changed meanwhile or are not
    confirmed.
    """
    from auditor.cli.applying import carry_out
    from auditor.cli.planned import parse_confirmations
    from auditor.commands.stored_plans import find_plan

    settings = load_settings(settings_file)
    confirmed = parse_confirmations(confirmations)
    path = find_plan(settings, plan)
    code = carry_out(settings, path, confirmed=confirmed, ask=not yes)
    if code is None:
        say("nothing was sent")
        return 0
    return code
