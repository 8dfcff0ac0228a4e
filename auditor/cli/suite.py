"""`auditor suite`"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from auditor.cli.screen import load_settings, printable, say, settings_option, wrapped
from auditor.cli.verbose import verbose_option

AS_TEXT = ("column", "column_A", "column_B", "regex", "like_pattern", "unexpected_rows_query")
"""Settings that are text whatever they look like."""


@click.group("suite")
def command() -> None:
    """Keep the suite of the table: what a correct value is, as Great Expectations reads it.

    It stands in `expectations/TABLE/suite.json` and may be edited there too; runs read it and keep what you wrote.
    """


@command.command("refresh")
@settings_option
@verbose_option
def refresh(settings_file: Path) -> None:
    """Bring the suite up to the table structure as Actito has it now and to the contract, and show what changed.

    Expectations of your own stay, and so do the severity and threshold that you gave to one that is renewed.
    """
    settings = load_settings(settings_file)
    from auditor.commands import suite as suites

    done = suites.refreshed(settings)
    for sentence in done.changes:
        click.echo(wrapped("  - ", printable(sentence)))
    if not done.changes:
        click.echo("the suite is made" if done.made else "nothing has changed")
    say(f"{done.path}: {done.generated} from structure and contract, {done.own} of your own")


@command.command("add")
@settings_option
@verbose_option
@click.argument("kind", metavar="TYPE")
@click.argument("kwargs", metavar="SETTING=VALUE", nargs=-1)
@click.option("--severity", type=click.Choice(["error", "warning", "info"]), default="error", show_default=True,
              help="What a failing row means. An error is a finding, and keeps the value from Actito.")  # fmt: skip
@click.option("--mostly", type=click.FloatRange(0, 1), metavar="SHARE",
              help="The share of filled cells that must be right, as 0.99.")  # fmt: skip
@click.option("--sentence", metavar="TEXT", help="What is right, in plain words: it stands beside each failing value.")
@click.option("--who-cares", metavar="TEXT", help="Who sees to it first.")
def add(
    settings_file: Path,
    kind: str,
    kwargs: tuple[str, ...],
    severity: str,
    mostly: float | None,
    sentence: str | None,
    who_cares: str | None,
) -> None:
    """Add an expectation of your own, by its name in Great Expectations, such as expect_column_values_to_match_regex.

    Its settings follow as column=customerId or value_set='["a", "b"]'; a value is JSON where it can be, else text.
    Nothing is written where it could not be evaluated.
    """
    settings = load_settings(settings_file)
    from auditor.commands import suite as suites
    from auditor.model import Severity

    given = dict(_pair(text) for text in kwargs)
    if mostly is not None:
        given["mostly"] = mostly
    one = suites.added(settings, kind, given, severity=Severity(severity), sentence=sentence, who_cares=who_cares)
    click.echo(wrapped("added: ", printable(f"{', '.join(one.columns) or 'the table'}: {one.sentence}")))


@command.command("suggest")
@settings_option
@verbose_option
@click.option("--accept", "names", multiple=True, metavar="NAME",
              help="Put this proposal into the suite; repeatable.")  # fmt: skip
def suggest(settings_file: Path, names: tuple[str, ...]) -> None:
    """Propose expectations from what the newest run's data look like, each with the evidence for it.

    Nothing is in the suite before it is accepted, by the name that stands before it. What is accepted is a warning:
    its severity may be changed in the file.
    """
    settings = load_settings(settings_file)
    from auditor.commands import suite as suites

    if names:
        for one in suites.accepted(settings, names):
            click.echo(wrapped("added: ", f"{', '.join(one.columns)}: {one.sentence}"))
        return
    run, proposals = suites.suggested(settings)
    for proposal in proposals:
        one = proposal.expectation
        click.echo(wrapped(f"  {proposal.name}  ", f"{', '.join(one.columns)}: {one.sentence}", indent=10))
        click.echo(wrapped("          ", proposal.evidence, indent=10))
    say(f"{len(proposals)} proposals from the run {run.name}; to accept one:\n  auditor suite suggest --accept NAME")


@command.command("export")
@settings_option
@verbose_option
@click.argument("run", required=False)
@click.option("--as", "form", type=click.Choice(["gx", "openlineage"]), default="gx", show_default=True,
              help="Great Expectations' result of a suite, or an OpenLineage event with assertions.")  # fmt: skip
@click.option("--side", type=click.Choice(["platform", "truth"]), default="platform", show_default=True,
              help="The side that a result of Great Expectations is of; an event is of both.")  # fmt: skip
def export(settings_file: Path, run: str | None, form: str, side: str) -> None:
    """Print what validation found in a run, the newest unless one is named, as JSON for other tools.

    It holds counts and the settings of the suite, and no values of profiles.
    """
    settings = load_settings(settings_file)
    from auditor.commands import suite as suites
    from auditor.model import Side

    click.echo(json.dumps(suites.exported(settings, run, form, Side(side)), ensure_ascii=False, indent=1))


def _pair(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise click.BadParameter(f"{text}: SETTING=VALUE is expected", param_hint="SETTING=VALUE")
    if name in AS_TEXT:
        return name, value
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value
