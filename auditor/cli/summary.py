"""An audit on a terminal, as JSON, and as an exit code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from auditor.cli.fail_on import FailOn, exceeded
from auditor.cli.screen import WIDTH, cut, printable, table, wrapped
from auditor.errors import Exit
from auditor.findings import figures
from auditor.findings.audit import CAUSES, SAME_PERSON, Conclusion
from auditor.findings.decided import so_far
from auditor.findings.sentences import sentence, with_sentences
from auditor.findings.unreachable import reachable
from auditor.findings.words import FLAG, NEED, STATUS, VERDICT, percent
from auditor.model import Severity, Side, Verdict

if TYPE_CHECKING:
    import polars as pl

SHOWN_CAUSES = 8
CAUSES_WITH_EXAMPLES = 5
EXAMPLES = 2
KEY_WIDTH = 30
SHOWN_PAIRS = 5


def exit_code(audit: Conclusion, rule: FailOn) -> int:
    """6 before 3 before 0."""
    if audit.verdict is Verdict.INCOMPLETE:
        return int(Exit.INCOMPLETE)
    counts = audit.counts
    compared = sum(counts.profiles.values())
    if exceeded(rule, counts.standing, compared=compared, other_findings=counts.other_findings + counts.undone):
        return int(Exit.FINDINGS)
    return int(Exit.FINE)


def print_json(document: Mapping[str, Any]) -> None:
    click.echo(json.dumps(document, ensure_ascii=False, indent=1))


def print_summary(audit: Conclusion, causes: pl.DataFrame, same_person: pl.DataFrame, *, examples: int = 0) -> None:
    """What an audit found, in less than a screen; the largest causes with so many examples, which are values."""
    counts = audit.counts
    named = audit.say.labels(STATUS) | audit.say.labels(FLAG)
    click.echo(f"{audit.table}: {VERDICT[audit.verdict].lower()}")
    for item in audit.not_checked:
        click.echo(wrapped("  not checked: ", sentence(item, audit.say)))
    for notice in audit.notices:
        click.echo(wrapped("  note: ", sentence(notice, audit.say)))
    click.echo()
    profiles = figures.per_profile(counts)
    table([(named[one], number) for one, number in profiles.items() if number or one not in figures.APART])
    extra = [
        *(
            (f"rows of {name} outside the population", counts.rows[f"{side}_excluded"])
            for name, side in ((audit.platform_name, Side.PLATFORM), (audit.truth_name, Side.TRUTH))
        ),
        (f"of these, deleted in {audit.platform_name} since an earlier run", counts.gone),
        *reachable(counts),
        ("people who may be contacted against their will", counts.against_their_will),
        ("people with grounds recorded", counts.on_grounds),
        ("permission findings", sum(counts.permissions.values())),
        ("of these, to be decided by a person", counts.findings_to_decide),
        ("invalid values", counts.errors),
        *(
            (f"{what} of the suite", counts.violations_by_severity.get(severity, 0))
            for severity, what in ((Severity.WARNING, "warnings"), (Severity.INFO, "notes"))
        ),
        ("invalid values within a threshold", counts.violations_by_severity.get(Severity.TOLERATED, 0)),
    ]
    table([line for line in extra if line[1]])
    if counts.decisions and counts.decisions["asked"]:
        click.echo(f"\n  for people to decide: {so_far(counts.decisions)}")
    if counts.needs and counts.differences:
        click.echo()
        needs = audit.say.labels(NEED) | {figures.LATER: figures.WAITING_OR_SENT}
        standings = figures.standings(counts)
        table([(f"differences: {label[0].lower()}{label[1:]}", standings[need]) for need, label in needs.items()])
    if causes.height:
        _print_causes(with_sentences(causes, audit.say), examples)
    _print_pairs(audit, same_person)
    click.echo()


def print_columns(audit: Conclusion) -> None:
    """What a comparison counted, without what nobody asked for: per status, and per column that differs."""
    print_summary(audit, CAUSES.to_frame(), SAME_PERSON.to_frame())
    if audit.counts.differences:
        click.echo("differing cells per column\n")
        table([(printable(name), number) for name, number in audit.counts.differences_by_column.items()])
        click.echo()


def _print_causes(causes: pl.DataFrame, examples: int) -> None:
    click.echo("\nlargest causes")
    largest = figures.by_size(causes.filter(causes["profiles"] > 0))
    shown = largest.head(CAUSES_WITH_EXAMPLES if examples else SHOWN_CAUSES)
    for cause in shown.iter_rows(named=True):
        ours = f" ({cause['created']:,} of them created by us)" if cause.get("created") else ""
        click.echo(wrapped("  - ", f"{cause['sentence']}{ours}"))
        for example in (cause["examples"] or ())[:examples]:
            click.echo(_example(**example))
    if rest := largest.height - shown.height:
        click.echo(f"  … and {rest:,} smaller one{'s' if rest != 1 else ''}")


def _example(key: str, platform: str | None, truth: str | None) -> str:
    """`      C000507: “DUBOIS” → “Dubois”`: a key, and the value on both sides, on one line."""
    name = cut(printable(key), KEY_WIDTH)
    width = (WIDTH - 6 - len(name) - len(": “” → “”")) // 2
    values = ["empty" if not text else f"“{cut(printable(text), width)}”" for text in (platform, truth)]
    return f"      {name}: {' → '.join(values)}"


def _print_pairs(audit: Conclusion, pairs: pl.DataFrame) -> None:
    """How many are probably one person, and the surest pairs of each kind by their keys."""
    kinds = {
        "both": f"missing in {audit.platform_name} under one key, there alone under another",
        Side.PLATFORM.value: f"twice in {audit.platform_name}",
        Side.TRUTH.value: f"twice in {audit.truth_name}",
    }
    surest = pairs.sort("score", descending=True, maintain_order=True)
    for side, where in kinds.items():
        if not audit.counts.same_person.get(side):
            continue
        click.echo()
        click.echo(wrapped("", f"probably the same person, {where}: {audit.counts.same_person[side]:,}", indent=2))
        for row in surest.filter(surest["side"] == side).head(SHOWN_PAIRS).iter_rows(named=True):
            one, other = row["platform_key"] or row["truth_key"], row["other_key"] or row["truth_key"]
            click.echo(wrapped("  - ", f"{one} and {other}, {percent(row['score'])} sure"))
