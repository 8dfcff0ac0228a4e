"""An audit on a terminal, as JSON, and as an exit code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from auditor.audit import Conclusion
from auditor.cli.fail_on import FailOn, exceeded
from auditor.cli.screen import table, wrapped
from auditor.errors import Exit
from auditor.model import Status, Verdict
from auditor.words import STATUS, Words

if TYPE_CHECKING:
    import polars as pl

SHOWN_CAUSES = 8

VERDICT = {Verdict.CLEAN: "no differences found", Verdict.FINDINGS: "findings", Verdict.INCOMPLETE: "not fully checked"}


def exit_code(audit: Conclusion, rule: FailOn) -> int:
    """6 before 3 before 0."""
    if audit.verdict is Verdict.INCOMPLETE:
        return int(Exit.INCOMPLETE)
    counts = audit.counts
    compared = sum(counts.profiles.values())
    if exceeded(rule, counts.standing, compared=compared, other_findings=counts.other_findings):
        return int(Exit.FINDINGS)
    return int(Exit.FINE)


def print_json(document: Mapping[str, Any]) -> None:
    click.echo(json.dumps(document, ensure_ascii=False, indent=1))


def print_summary(audit: Conclusion, causes: pl.DataFrame) -> None:
    """What an audit found, in less than a screen."""
    counts = audit.counts
    statuses = Words(audit.platform_name, audit.truth_name).labels(STATUS)
    click.echo(f"{audit.table}: {VERDICT[audit.verdict]}")
    for item in audit.not_checked:
        click.echo(wrapped("  not checked: ", item.sentence))
    for notice in audit.notices:
        click.echo(wrapped("  note: ", notice))
    click.echo()
    table([(statuses[status.value], counts.profiles.get(status, 0)) for status in Status])
    extra = [
        ("of these, waiting for the next synchronisation", counts.waiting),
        ("of these, sent and not yet in an export", counts.pending),
        (f"of these, deleted in {audit.platform_name} since an earlier run", counts.gone),
        ("permission findings", sum(counts.permissions.values())),
        ("invalid values", sum(counts.violations_by_side.values())),
    ]
    table([line for line in extra if line[1]])
    if causes.height:
        click.echo("\nlargest causes")
        largest = causes.sort(["profiles", "cause"], descending=[True, False]).head(SHOWN_CAUSES)
        for sentence in largest["sentence"]:
            click.echo(wrapped("  - ", sentence))
    click.echo()
