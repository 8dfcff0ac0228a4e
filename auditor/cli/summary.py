"""An audit on a terminal, as JSON, and as an exit code."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

from auditor.audit import Audit
from auditor.cli.screen import table
from auditor.conclude import FINDING_STATUSES, standing
from auditor.errors import Exit, SettingsError
from auditor.model import Status, Verdict
from auditor.problems import nearest
from auditor.words import STATUS, Words

VERDICT = {Verdict.CLEAN: "no differences found", Verdict.FINDINGS: "findings", Verdict.INCOMPLETE: "not fully checked"}


@dataclass(frozen=True, slots=True)
class FailOn:
    """When findings make a command exit with 3: never, always, or beyond a number of one status."""

    findings: bool = False
    status: Status | None = None
    more_than: float = 0.0
    share: bool = False
    """True where `more_than` is a share of all compared profiles, from 0 to 1."""


def parse_fail_on(text: str) -> FailOn:
    """`none`, `findings`, `STATUS>N` or `STATUS>P%`. Raises SettingsError for anything else."""
    if text == "none":
        return FailOn()
    if text == "findings":
        return FailOn(findings=True)
    match = re.fullmatch(r"\s*(\w+)\s*>\s*(\d+(?:\.\d+)?)\s*(%?)\s*", text)
    known = [status.value for status in FINDING_STATUSES]
    if match is None:
        raise SettingsError(
            f'--fail-on "{text}" is not understood', hint="use none, findings, missing>0 or stale>2%, for example"
        )
    name, number, percent = match.groups()
    if name not in known:
        raise SettingsError(f'--fail-on: "{name}" is not a status{nearest(name, known)} (statuses: {", ".join(known)})')
    value = float(number) / 100 if percent else float(number)
    return FailOn(status=Status(name), more_than=value, share=bool(percent))


def exceeded(rule: FailOn, profiles: Mapping[Status, int], *, compared: int, other_findings: int) -> bool:
    """Whether the findings exceed the rule. `profiles` are keys per status without waiting and pending ones."""
    if rule.findings:
        return sum(profiles.values()) + other_findings > 0
    if rule.status is None:
        return False
    found = profiles.get(rule.status, 0)
    return found > rule.more_than * (compared if rule.share else 1)


def exit_code(audit: Audit, rule: FailOn) -> int:
    """6 before 3 before 0."""
    if audit.verdict is Verdict.INCOMPLETE:
        return int(Exit.INCOMPLETE)
    others = audit.violations.height + audit.permissions.height
    compared = sum(audit.counts.profiles.values())
    if exceeded(rule, standing(audit.profiles), compared=compared, other_findings=others):
        return int(Exit.FINDINGS)
    return int(Exit.FINE)


def print_json(document: Mapping[str, Any]) -> None:
    click.echo(json.dumps(document, ensure_ascii=False, indent=1))


def print_summary(audit: Audit) -> None:
    """What an audit found, in less than a screen."""
    counts = audit.counts
    statuses = Words(audit.platform_name, audit.truth_name).labels(STATUS)
    click.echo(f"{audit.table}: {VERDICT[audit.verdict]}")
    for item in audit.not_checked:
        click.echo(f"  not checked: {item.sentence}")
    click.echo()
    table([(statuses[status.value], counts.profiles.get(status, 0)) for status in Status])
    extra = [
        ("of these, waiting for the next synchronisation", counts.waiting),
        ("of these, sent and not yet in an export", counts.pending),
        (f"of these, deleted in {audit.platform_name} since an earlier run", counts.gone),
        ("permission findings", audit.permissions.height),
        ("invalid values", audit.violations.height),
    ]
    table([line for line in extra if line[1]])
    if audit.causes.height:
        click.echo("\nlargest causes")
        largest = audit.causes.sort(["profiles", "cause"], descending=[True, False]).head(8)
        table([(row["profiles"], row["sentence"]) for row in largest.iter_rows(named=True)])
    click.echo()
