"""`--fail-on`: when findings make a command exit with 3. Read before anything else, so that a slip costs no audit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from auditor.errors import SettingsError
from auditor.model import Status


@dataclass(frozen=True, slots=True)
class FailOn:
    """When findings make a command exit with 3: never, always, or beyond a number of one status."""

    findings: bool = False
    status: Status | None = None
    more_than: Decimal = Decimal(0)
    """Exact: 29 % of 100 profiles are 29, which binary floats make 28.999…"""
    share: bool = False
    """True where `more_than` is a share of all compared profiles, from 0 to 1."""


def parse_fail_on(text: str) -> FailOn:
    """`none`, `findings`, `STATUS>N` or `STATUS>P%`. Raises SettingsError for anything else."""
    if text == "none":
        return FailOn()
    if text == "findings":
        return FailOn(findings=True)
    match = re.fullmatch(r"\s*(\w+)\s*>\s*(\d+(?:\.\d+)?)\s*(%?)\s*", text)
    if match is None:
        raise SettingsError(
            f'--fail-on "{text}" is not understood', hint="use none, findings, missing>0 or stale>2%, for example"
        )
    name, number, percent = match.groups()
    known = [status.value for status in Status if status is not Status.EQUAL]
    if name not in known:
        from auditor.settings.problems import nearest  # takes its time, and is needed after a slip only

        raise SettingsError(f'--fail-on: "{name}" is not a status{nearest(name, known)} (statuses: {", ".join(known)})')
    value = Decimal(number)
    return FailOn(status=Status(name), more_than=value / 100 if percent else value, share=bool(percent))


def exceeded(rule: FailOn, profiles: Mapping[Status, int], *, compared: int, other_findings: int) -> bool:
    """Whether the findings exceed the rule. `profiles` are keys per status without waiting and pending ones."""
    if rule.findings:
        return sum(profiles.values()) + other_findings > 0
    if rule.status is None:
        return False
    found = profiles[rule.status]
    return found > rule.more_than * (compared if rule.share else 1)
