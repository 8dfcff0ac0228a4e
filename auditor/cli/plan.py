"""`auditor plan`"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.cli import clock
from auditor.cli.screen import load_settings, say, settings_option, somebody_there
from auditor.cli.verbose import verbose_option

if TYPE_CHECKING:
    from auditor.commands.stored_plans import Planned
    from auditor.settings.config import Settings


@click.command("plan")
@settings_option
@verbose_option
@click.argument("run", required=False)
@click.option("--decisions", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="The file that a worklist gave.")  # fmt: skip
@click.option("--route", type=click.Choice(["auto", "bulk", "single"]), help="By file, or one by one.")
@click.option("--files", type=click.Path(path_type=Path, file_okay=False),
              help="Write the corrective files here, for somebody else to import.")  # fmt: skip
@click.option("--confirm", "confirmations", multiple=True, metavar="KIND=COUNT",
              help="Release a brake for the files with its exact count, for example update=812.")  # fmt: skip
@click.option("--older", is_flag=True,
              help="Files of an older run as well: what the newest sees otherwise is in none.")  # fmt: skip
@click.option("--continue", "continues", metavar="PLAN",
              help="What is left of an earlier plan, on a fresh audit, and nothing else.")  # fmt: skip
@click.option("--show", metavar="PLAN", help="Tell a stored plan again: its file, or the beginning of its name.")
@click.option("--create-again", "again", multiple=True, metavar="KEY",
              help="Create somebody after all whom we created and an undo deleted; with --by.")  # fmt: skip
@click.option("--review", is_flag=True, help="Ask about each cause before anything is made; needs a terminal.")
@click.option("--by", metavar="NAME", help="Who decides: with --create-again, or who refuses with --review.")
@click.option("--json", "as_json", is_flag=True, help="Print the plans, write by write, as one JSON document.")
def command(
    settings_file: Path,
    run: str | None,
    decisions: Path | None,
    route: str | None,
    files: Path | None,
    confirmations: tuple[str, ...],
    older: bool,
    continues: str | None,
    show: str | None,
    again: tuple[str, ...],
    review: bool,
    by: str | None,
    as_json: bool,
) -> int:
    """Make a plan of what would be written, from the newest run or the one named. Nothing is sent.

    Corrections and creations are plans of their own. Each write is told with both values, of whom and why: the first on
    the screen, all of them in a text, a page and a workbook beside the plan. What is not planned is counted with its
    reason. Files for somebody else are held to all that `apply` holds a plan to: its counts, the newest run, what was
    decided since. Exits 4 where they leave out what is known otherwise by now.
    """
    from auditor.cli.applying import require_released
    from auditor.cli.planned import parse_confirmations, print_plan, say_drift
    from auditor.cli.summary import print_json
    from auditor.commands.apply import require_true
    from auditor.commands.create_again import create_again
    from auditor.commands.for_others import write_files
    from auditor.commands.plan import plan
    from auditor.commands.review import tell
    from auditor.commands.stored_plans import stored
    from auditor.errors import Exit, SettingsError
    from auditor.findings.words import Words

    settings = load_settings(settings_file)
    confirmed = parse_confirmations(confirmations)
    if confirmed and files is None:
        raise SettingsError("--confirm is for the files of a plan: auditor plan --files DIR, or auditor apply PLAN")
    if older and files is None:
        raise SettingsError("--older is for the files of a plan: auditor plan RUN --files DIR, or auditor apply PLAN")
    if (review and (show or as_json or continues)) or (by and not (review or again)):
        raise SettingsError(
            "--review asks at a terminal: --show, --json and --continue do not go with it, and --by only with it or "
            "--create-again"
        )
    if again and (run or show or continues):
        raise SettingsError("--create-again is about the newest run: no RUN, --show or --continue goes with it")
    if again:
        create_again(settings, again, by=by or "", now=clock.now(), tell=say)
    if review:
        reviewed = _reviewed(settings, run, decisions, route, by, for_others=files is not None)
        if reviewed is None:
            return int(Exit.FINE)
        made = reviewed
    elif show is None:
        made = plan(
            settings,
            now=clock.now(),
            run=run,
            decisions=decisions,
            route=route,
            for_others=files is not None,
            continues=continues,
            tell=say,
        )
    elif run or decisions or route or files or continues:
        raise SettingsError("--show tells a plan that is made already: nothing else goes with it but --json")
    else:
        made = (stored(settings, show),)
    if continues and not any(one.plan.writes for one in made):
        say("nothing of that plan is left")
    elif not made:
        say("nothing differs: there is nothing to plan")
    told = [tell(settings, planned) for planned in made]
    if as_json:
        print_json({"format": 1, "table": settings.table, "plans": [one.document() for one in told]})
    else:
        for planned, one in zip(made, told, strict=True):
            print_plan(planned, Words.of(settings.names), one)
    if files is None:
        return int(Exit.FINE)
    by_file = [planned for planned in made if any(write.batch is not None for write in planned.plan.writes)]
    require_true([sum((Counter(planned.plan.counts) for planned in made), Counter())], confirmed)
    for planned in by_file:
        require_released(settings, planned.path, planned.own(confirmed))
    written = write_files(settings, by_file, files, confirmed=confirmed, older=older, now=clock.now())
    for drift in written.drifts:
        say_drift(drift, Words.of(settings.names))
    for path in written.paths:
        say(f"wrote {path}")
    if not written.paths:
        say(f"nothing is to be written by file: {files} was not touched")
    return int(Exit.WRITES_LEFT if any(drift.held for drift in written.drifts) else Exit.FINE)


def _reviewed(
    settings: Settings, run: str | None, decisions: Path | None, route: str | None, by: str | None, *, for_others: bool
) -> tuple[Planned, ...] | None:
    """The plans of what nobody refused; None where somebody quit, and nothing was made."""
    from auditor.cli.by_cause import walk
    from auditor.commands.plan_by_cause import make, propose
    from auditor.errors import GuardRefused

    if not somebody_there():
        raise GuardRefused("nobody is there to answer", hint="make the whole plan: auditor plan")
    proposed = propose(
        settings, now=clock.now(), run=run, decisions=decisions, route=route, for_others=for_others, tell=say
    )
    refused = walk(proposed)
    if refused is not None:
        say()
        if refused and not (by or "").strip():
            by = click.prompt("who refuses? (your name)", err=True)
        asked = sum(len(one.asked) for one in proposed.questions)
        days = settings.fixes.refused_for.days
        who = (by or "").strip()
        kept = f", {len(refused):,} refused by {who} for {days} days" if refused else ""
        over = sum(any(one.by not in (None, who) for one in each.write.changes) for each in refused)
        kept += f", {over:,} of them against what others decided" if over else ""
        if click.confirm(f"{asked - len(refused):,} taken{kept}: make the plan?", default=False, err=True):
            return make(settings, proposed, refused, by=who, now=clock.now())
    say("nothing was made, and nothing is remembered")
    return None
