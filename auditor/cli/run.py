"""`auditor run`"""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli import clock
from auditor.cli.interrupts import end_if_asked
from auditor.cli.screen import Steps, load_settings, say, settings_option, table, wrapped
from auditor.cli.verbose import verbose_option
from auditor.errors import Exit

STAGES = ("pull", "load", "match", "validate", "diff", "explain", "report")
"""Of the pipeline; named here as well, so that help need not import it. A test compares the two."""


@click.command("run")
@settings_option
@verbose_option
@click.option("--export", metavar="FILE", help="A profile export downloaded by hand.")
@click.option("--truth", metavar="FILE", help="A truth file to use instead of the configured one.")
@click.option("--fail-on", metavar="RULE", default="none", show_default=True,
              help="none, findings, or as missing>0, stale>2%: exit 3 beyond it.")  # fmt: skip
@click.option("--only", type=click.Choice(STAGES), help="Stop after this stage, keep nothing.")
@click.option("--baseline", is_flag=True, help="Only set the agreed values, for later runs to tell who moved.")
@click.option("--json", "as_json", is_flag=True, help="Print the audit as one JSON document.")
@click.option("--quiet", is_flag=True, help="No progress.")
def command(
    settings_file: Path,
    export: str | None,
    truth: str | None,
    fail_on: str,
    only: str | None,
    baseline: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Audit the profile table: pull, load, validate, compare, explain, report.

    A completed audit exits 0 whatever it found, 6 if something in scope could not be checked, and 3 beyond --fail-on.
    Nothing is written to Actito.
    """
    from auditor.cli.fail_on import parse_fail_on

    rule = parse_fail_on(fail_on)
    settings = load_settings(settings_file)
    from auditor.cli.summary import exit_code, print_json, print_summary
    from auditor.commands import run as pipeline
    from auditor.findings.sentences import sentence
    from auditor.findings.words import Words

    request = pipeline.Request(export=export, truth=truth, only=only, baseline=baseline)
    steps = None if quiet else Steps()

    def tell(text: str) -> None:
        end_if_asked()
        if steps is not None:
            steps(text)

    def moved(name: str, done: int, total: int | None, rows: int | None = None) -> None:
        end_if_asked()
        if steps is not None:
            steps.moved(name, done, total, rows)

    try:
        audit = pipeline.run(settings, request, now=clock.now(), tell=tell, moved=moved)
    except pipeline.EnoughError as enough:
        words = Words.of(settings.names)
        if as_json:
            unchecked = [{**one.content(), "sentence": sentence(one, words)} for one in enough.not_checked]
            print_json({"format": 1, "table": settings.table, "stages": enough.facts, "not_checked": unchecked})
        else:
            for one in enough.not_checked:
                click.echo(wrapped("  not checked: ", sentence(one, words)))
            table([(stage, name, number) for stage, facts in enough.facts.items() for name, number in facts.items()])
        say("the agreed values are set" if baseline else f"stopped after {only}, as asked; nothing was kept")
        return int(Exit.INCOMPLETE if enough.not_checked else Exit.FINE)
    if as_json:
        print_json(audit.summary())
    else:
        print_summary(audit, audit.causes, audit.same_person)
    code = exit_code(audit, rule)
    if not quiet and not as_json:
        say(f"the report: {audit.folder / 'report.html'}")
    return code
