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
@click.option("--older", is_flag=True,
              help="Also a plan of an older run: what the newest sees otherwise stays unwritten.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print what became of the plan as one JSON document.")
def command(
    settings_file: Path, plan: str, yes: bool, confirmations: tuple[str, ...], older: bool, as_json: bool
) -> int:
    """Carry out a plan, given by its file or the beginning of its name, and verify it.

    Every value is read before it is written and read back afterwards. Applying the same plan again goes on where the
    last application ended and writes nothing twice. What was decided otherwise, undone, erased or written since the
    plan was made, or is otherwise in the newest run, is skipped and told. Exits 4 when writes were refused, changed
    meanwhile, skipped for that or are not confirmed.

    Without a terminal, brakes and all creations need their exact count in the command. Nothing tells whether a person
    typed it: whoever has a script fill it in has looked at nothing.
    """
    from auditor.cli.applying import carry_out
    from auditor.cli.planned import parse_confirmations
    from auditor.commands.stored_plans import find_plan

    settings = load_settings(settings_file)
    confirmed = parse_confirmations(confirmations)
    path = find_plan(settings, plan)
    code = carry_out(settings, path, confirmed=confirmed, ask=not yes, older=older, as_json=as_json)
    if code is None:
        say("nothing was sent")
        return 0
    return code
