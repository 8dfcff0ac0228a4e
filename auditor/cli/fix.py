"""`auditor fix`"""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli import clock
from auditor.cli.screen import load_settings, say, settings_option
from auditor.cli.verbose import verbose_option


@click.command("fix")
@settings_option
@verbose_option
@click.argument("keys", nargs=-1, required=True)
@click.option("--decisions", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="The file that a worklist gave.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(settings_file: Path, keys: tuple[str, ...], decisions: Path | None, yes: bool) -> int:
    """Plan and apply for the named profiles, one by one, from the newest run."""
    from auditor.cli.applying import carry_out
    from auditor.cli.planned import print_plan
    from auditor.commands.fix import confirmed, fix
    from auditor.errors import Exit
    from auditor.findings.words import Words

    settings = load_settings(settings_file)
    made = fix(settings, keys, now=clock.now(), decisions=decisions)
    if not made:
        say("nothing differs for these profiles: `auditor show KEY` tells what is known of one")
        return int(Exit.FINE)
    worst = Exit.FINE
    for planned in made:
        print_plan(planned, Words.of(settings.names))
        if planned.plan.writes:
            code = carry_out(settings, planned.path, confirmed=confirmed(planned), ask=not yes)
            worst = max(worst, Exit(code or 0))
    return int(worst)
