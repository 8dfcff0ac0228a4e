"""`auditor structure`"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.cli import clock
from auditor.cli.screen import WIDTH, confirmed_on_terminal, load_settings, printable, say, settings_option
from auditor.cli.verbose import verbose_option

if TYPE_CHECKING:
    from auditor.commands.structure import Applied
    from auditor.model import Structure
    from auditor.structure.fit import Finding

LONGEST_NAME = 30
"""Characters of a name that others stand beside; what is longer has a line of its own."""

TOGETHER = {
    "not_in_export": "not in the export",
    "not_synchronised": "in none of the synchronisations, so only people and forms change them",
}
"""Findings that are told in one line for all columns, by their code."""


@click.group("structure")
def command() -> None:
    """Show, compare and extend the structure of the profile table: attributes, subscriptions, segmentations.

    Only `apply` writes to Actito, and it can only add: renaming, narrowing and deleting are for people in Actito.
    """


@command.command("show")
@settings_option
@verbose_option
@click.option("--json", "as_json", is_flag=True, help="Print the structure as one JSON document.")
def show(settings_file: Path, as_json: bool) -> None:
    """Show the structure as Actito has it now."""
    settings = load_settings(settings_file)
    from auditor.commands.structure import live_structure, not_told

    live = live_structure(settings)
    if as_json:
        from dataclasses import asdict

        untold = ["min_length", "max_length", "allowed"] if not_told(settings) else []
        document = {"format": 1, "entity": settings.entity, **asdict(live), "not_told": untold}
        click.echo(json.dumps(document, ensure_ascii=False, indent=1))
    else:
        _show(settings.entity, live)
        if silence := not_told(settings):
            click.echo(f"\nnot told: {silence}")


@command.command("diff")
@settings_option
@verbose_option
@click.option("--fail-on", type=click.Choice(["none", "findings"]), default="none", show_default=True,
              help="Exit 3 when something does not fit.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the findings as one JSON document.")
def diff(settings_file: Path, fail_on: str, as_json: bool) -> int:
    """Compare the structure with the contract, the truth's data, the export, the synchronisations and the last run.

    Exits 0 whatever it found, 6 if something that the contract maps could not be checked, and 3 if asked by --fail-on.
    Nothing is written.
    """
    settings = load_settings(settings_file)

    from auditor.commands import structure as restructure
    from auditor.errors import Exit

    live, findings = restructure.diff(settings, now=clock.now())
    if as_json:
        print_json(settings.entity, live, findings)
    else:
        _print_findings(live, findings)
    if any(not one.checked and one.in_scope for one in findings):
        return int(Exit.INCOMPLETE)
    found = any(one.checked for one in findings)
    return int(Exit.FINDINGS if found and fail_on == "findings" else Exit.FINE)


@command.command("propose")
@settings_option
@verbose_option
@click.option("--attribute", "attributes", multiple=True, metavar="NAME=COLUMN",
              help="A new attribute for a truth column that the contract does not map; repeatable.")  # fmt: skip
@click.option("--type", "types", multiple=True, metavar="NAME=TYPE",
              help="What a new attribute holds, instead of what is inferred, as string:100; repeatable.")  # fmt: skip
@click.option("--anew", multiple=True, metavar="NAME",
              help="Add this column although one of nearly the same name exists; repeatable.")  # fmt: skip
@click.option("--new-table", is_flag=True, help="The table does not exist: propose it for a first load.")
def propose(
    settings_file: Path, attributes: tuple[str, ...], types: tuple[str, ...], anew: tuple[str, ...], new_table: bool
) -> None:
    """Make a plan of what the structure lacks, and print it as a hand-over sheet for whoever looks after Actito.

    Types are inferred from the truth's own values, never so that anything would be lost. Nothing is sent.
    """
    settings = load_settings(settings_file)

    from auditor.commands import structure as restructure
    from auditor.structure.infer import parse_type
    from auditor.structure.survey import Wish

    wish = Wish(columns=dict(_pair(text) for text in attributes), types=dict(parse_type(text) for text in types))
    made = restructure.propose(settings, now=clock.now(), wish=wish, new_table=new_table, anew=anew)
    if made is None:
        say("the structure has everything that the contract asks for: there is nothing to propose")
        return
    click.echo(made.sheet.read_text("utf-8"), nl=False)
    say(f"\nthe sheet: {made.sheet}")
    if made.proposal.additions:
        say(f"to carry it out: auditor structure apply {made.proposal.sha[:12]}")


@command.command("apply")
@settings_option
@verbose_option
@click.argument("plan")
@click.option("--yes", is_flag=True, help="Do not ask.")
def apply(settings_file: Path, plan: str, yes: bool) -> int:
    """Carry out a plan of `propose`, given by its file or the beginning of its name, and read it back.

    The structure is read again first, and nothing is sent when it changed since the plan was made (exit 5). Applying
    the same plan again adds nothing twice. Exits 4 while something is left, for Actito to finish or for a person.
    """
    settings = load_settings(settings_file)

    from auditor.commands import structure as restructure
    from auditor.errors import Exit, GuardRefused
    from auditor.structure.proposal import read_proposal
    from auditor.structure.sheet import sheet

    path = restructure.find_proposal(settings, plan)
    proposal = read_proposal(path)
    click.echo(sheet(proposal))
    if proposal.additions and not yes:
        import sys

        counts = ", ".join(f"{number} {kind}{'s' if number > 1 else ''}" for kind, number in proposal.counts.items())
        if not confirmed_on_terminal(f"add to {settings.names.platform} ({settings.actito.url}): {counts}?"):
            if not sys.stdin.isatty():
                raise GuardRefused("nobody is there to answer", hint="add --yes to apply without being asked")
            say("nothing was sent")
            return int(Exit.FINE)
    applied = restructure.apply(settings, path, clock=clock.now, tell=say)
    _print_applied(applied, settings.names.platform)
    return int(applied.exit_code)


def _show(entity: str, live: Structure) -> None:
    from auditor.findings.english.structure_words import attribute_in_words, segmentation_in_words

    click.echo(f"{printable(live.table)}, table {live.table_id} of the entity {printable(entity)}")
    technical = {one.name for one in live.attributes if one.technical}
    attributes = [
        (one.name, attribute_in_words(one) + ("; made by Actito" if one.name in technical else ""))
        for one in live.attributes
    ]
    segmentations = [(one.name, segmentation_in_words(one)) for one in live.segmentations]
    _listed("attributes", attributes)
    _listed("subscriptions", [(name, "") for name in live.subscriptions])
    _listed("segmentations", segmentations)


def _listed(title: str, rows: Sequence[tuple[str, str]]) -> None:
    """Names beside their descriptions, within 80 columns."""
    click.echo(f"\n{title}{'' if rows else ': none'}")
    width = min(LONGEST_NAME, max((len(name) for name, _ in rows), default=0))
    for name, text in rows:
        first = f"  {printable(name):<{width}}  "
        if len(name) > width:
            click.echo(f"  {printable(name)}")
            first = " " * (width + 4)
        lines = textwrap.wrap(printable(text), WIDTH, initial_indent=first, subsequent_indent=" " * (width + 4))
        for line in lines or [first]:
            click.echo(line.rstrip())


def _print_findings(live: Structure, findings: Sequence[Finding]) -> None:
    found = [one for one in findings if one.checked]
    unchecked = [one for one in findings if not one.checked]
    click.echo(f"{printable(live.table)}: {f'{len(found)} findings' if len(found) != 1 else '1 finding'}")
    for one in found:
        _item(one.sentence)
    if unchecked:
        click.echo("\nnot checked")
    for one in unchecked:
        if one.code not in TOGETHER or not one.column:
            _item(one.sentence)
    for code, words in TOGETHER.items():
        names = [one.column for one in unchecked if one.code == code and one.column]
        if names:
            _item(f"{words}: {', '.join(names)}")
    if any(one.code in ("attribute_missing", "subscription_unknown", "segmentation_unknown", "segment_unknown")
           for one in found):  # fmt: skip
        say("\n  what is missing can be proposed: auditor structure propose")


def print_json(entity: str, live: Structure, findings: Sequence[Finding]) -> None:
    """The findings as a public document."""
    document = {
        "format": 1,
        "entity": entity,
        "table": live.table,
        "findings": [
            {"code": one.code, "column": one.column or None, "cells": one.cells, "sentence": one.sentence}
            for one in findings
            if one.checked
        ],
        "not_checked": [
            {"code": one.code, "column": one.column or None, "in_scope": one.in_scope, "sentence": one.sentence}
            for one in findings
            if not one.checked
        ],
    }
    click.echo(json.dumps(document, ensure_ascii=False, indent=1))


def _print_applied(applied: Applied, platform: str) -> None:
    from auditor.model import Outcome

    words = {
        Outcome.LANDED: "added and read back",
        Outcome.SKIPPED: "was there already",
        Outcome.UNKNOWN: f"sent, not seen in {platform} yet",
    }
    for name, outcome in applied.outcomes:
        click.echo(f"  {printable(name)}: {words[outcome]}")
    if any(outcome is Outcome.UNKNOWN for _, outcome in applied.outcomes):
        say(f"  {platform} may take its time: apply the same plan again, it adds nothing twice")
    if applied.left:
        what = "1 thing is" if applied.left == 1 else f"{applied.left} things are"
        say(f"  {what} left for a person: Actito's API cannot do it, and the hand-over sheet says what")


def _item(sentence: str) -> None:
    click.echo(textwrap.fill(printable(sentence), WIDTH, initial_indent="  - ", subsequent_indent="    "))


def _pair(text: str) -> tuple[str, str]:
    name, _, truth = text.partition("=")
    if not name or not truth:
        raise click.BadParameter(f"{text}: NAME=COLUMN is expected", param_hint="--attribute")
    return name, truth
