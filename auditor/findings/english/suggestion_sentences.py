"""Rules that would make differences equal, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from auditor.findings.english.numbers import counted
from auditor.findings.words import Words


def rules_suggested(say: Words, *, equal: int, differences: int, rules: Sequence[Mapping[str, Any]]) -> str:
    """`2 rules would make 41,200 of 43,000 differences equal: birthDate as date:%d/%m/%Y (41,000) …`"""
    several = "1 rule" if len(rules) == 1 else f"{len(rules)} rules"
    ways = [f"{one['column']} {_as(one)} ({one['equal']:,})" for one in rules]
    return f"{several} would make {equal:,} of {counted(differences, 'difference')} equal: {', '.join(ways)}"


def _as(rule: Mapping[str, Any]) -> str:
    ways = [f"as {rule['rule']}"] if rule["rule"] else []
    ways += [f"by {counted(rule['mapped'], 'pair')} of values"] if rule["mapped"] else []
    return ", ".join(ways)
