"""Rules that would make differences equal, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from auditor.findings.english.numbers import counted
from auditor.findings.words import Words

_TOLD: Final = 5


def rules_suggested(say: Words, *, equal: int, differences: int, rules: Sequence[Mapping[str, Any]]) -> str:
    """`2 rules would make 41,200 of 43,000 differences equal: birthDate as date:%d/%m/%Y (41,000) …`"""
    several = "1 rule" if len(rules) == 1 else f"{len(rules)} rules"
    ways = [f"{one['column']} {_as(one)} ({one['equal']:,})" for one in rules]
    return f"{several} would make {equal:,} of {counted(differences, 'difference')} equal: {', '.join(ways)}"


def words_for_nothing(say: Words, *, side: str, cells: int, columns: Sequence[str], words: Sequence[str]) -> str:
    """`12 differing cells of city hold NA in File 1: where that says that there is no value, declare null=NA`"""
    more = f" and {len(columns) - _TOLD:,} more columns" if len(columns) > _TOLD else ""
    return (
        f"{counted(cells, 'differing cell')} of {', '.join(columns[:_TOLD])}{more} in {say.side(side)} "
        f"{'holds' if cells == 1 else 'hold'} {' or '.join(words)}: where that says that there is no value, declare "
        f"null={'|'.join(words)}"
    )


def rule_reads_nothing(say: Words, *, column: str, rule: str, cells: Mapping[str, int]) -> str:
    """`the rule number reads no cell of city, of 3 in File 1 that were looked at: there it compares texts`"""
    sides = [f"{number:,} in {say.side(side)}" for side, number in cells.items()]
    looked = f"{' and '.join(sides)} that were looked at"
    return f"the rule {rule} reads no cell of {column}, of {looked}: there it compares texts"


def _as(rule: Mapping[str, Any]) -> str:
    ways = [f"as {rule['rule']}"] if rule["rule"] else []
    ways += [f"by {counted(rule['mapped'], 'pair')} of values"] if rule["mapped"] else []
    return ", ".join(ways)
