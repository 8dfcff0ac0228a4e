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
@click.option(
    "--delete-created", is_flag=True, help="Delete the profiles that the plan created and nobody has touched."
)
@click.option(
    "--overwritten", is_flag=True, help="Only what a file overwrote, as an export showed: the edits are put back."
)
@click.option("--wrong-opt-out", metavar="KEY[:COLUMN]",
              help="Give back this one permission, which the plan withdrew in error. Needs --by.")  # fmt: skip
@click.option("--by", metavar="NAME", help="The person who says that the opt-out was an error.")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Where the plan is written; the folder of the run unless given.")  # fmt: skip
def command(
    settings_file: Path,
    plan: str,
    delete_created: bool,
    overwritten: bool,
    wrong_opt_out: str | None,
    by: str | None,
    into: Path | None,
) -> None:
    """Make a plan that restores what a plan changed, as far as it was applied. Apply it like any other.

    The ledger says what that was, also after a kill and where no file of the plan is left. A value that was changed
    since is left and reported. Withdrawn permissions are not given back, and people who were created are not deleted,
    unless asked for: both are listed.
    """
    from auditor.cli.planned import print_plan
    from auditor.commands.review import tell
    from auditor.commands.undo import undo
    from auditor.commands.wrong_opt_out import WrongOptOut
    from auditor.errors import SettingsError
    from auditor.findings.words import Words

    settings = load_settings(settings_file)
    if by is not None and wrong_opt_out is None:
        raise SettingsError("--by names who says that an opt-out was an error", hint="add: --wrong-opt-out KEY")
    wrong = None if wrong_opt_out is None else WrongOptOut(wrong_opt_out, by or "")
    if overwritten and (wrong is not None or delete_created):
        raise SettingsError("--overwritten puts edits back and nothing else: neither of the other two goes with it")
    planned = undo(
        settings,
        plan,
        now=clock.now(),
        delete_created=delete_created,
        overwritten=overwritten,
        wrong=wrong,
        into=into,
    )
    print_plan(planned, Words.of(settings.names), tell(settings, planned))
