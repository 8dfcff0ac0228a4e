"""A rule that would make differences equal: what it would come to, and how it is taken."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_WITHIN = ("phone", "set", "identifier")
"""Rules whose argument stands behind their name in a contract too."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """How one column might be compared; tried on all of its differences."""

    column: str
    rule: str
    """As `--rule` takes it, `date:%d/%m/%Y`; empty where the column keeps its own."""
    equal: int
    """Differences of the column that it makes equal."""
    leaves: int
    """Differences of the column that it leaves."""
    against: int
    """Cells that speak against it: equal now and not by the rule; of a map, with one of its values and another one."""
    values: Mapping[str, str]
    """Value → the one that it stands for; empty where none may be named."""
    mapped: int
    """The number of such pairs of values, whether they may be named or not."""
    left: tuple[tuple[str, str | None, str | None], ...]
    """A few of the differences that it leaves: key, platform, truth; none where no value may be named."""
    in_contract: bool
    """Whether a contract can say it: one reads the platform's values as Actito spells them."""

    @property
    def confidence(self) -> float:
        """The share of the cells about which the rule says something that speaks for it, from 0 to 1."""
        return self.equal / (self.equal + self.against)

    @property
    def options(self) -> tuple[str, ...]:
        """What `auditor compare` is asked with to take it."""
        rule = ("--rule", f"{self.column}={self.rule}") if self.rule else ()
        values = ("--values", f"{self.column}={_object(self.values)}") if self.values else ()
        return (*rule, *values)

    @property
    def contract(self) -> str:
        """The lines of a contract that take it; empty where none can."""
        if not self.in_contract:
            return ""
        name, _, argument = self.rule.partition(":")
        lines = [f"[columns.{json.dumps(self.column, ensure_ascii=False)}]"]
        sign = argument[:1] if name == "number" and argument[:1] in (",", ".") else ""
        unit = argument[len(sign) :] if name == "number" else ""
        if name in _WITHIN or unit:
            lines.append(f"compare = {json.dumps(f'{name}:{unit or argument}', ensure_ascii=False)}")
        elif name:
            lines.append(f'compare = "{name}"')
        if name in ("date", "timestamp") and argument:
            lines.append(f"format = {json.dumps(argument)}")
        if sign:
            lines.append(f"decimal = {json.dumps(sign)}")
        if self.values:
            pairs = (f"{json.dumps(one, ensure_ascii=False)} = {json.dumps(other, ensure_ascii=False)}"
                     for one, other in self.values.items())  # fmt: skip
            lines.append(f"values = {{ {', '.join(pairs)} }}")
        return "\n".join(lines)

    def content(self) -> dict[str, Any]:
        """The document of it, as JSON has it."""
        names = ("key", "platform", "truth")
        return {
            "column": self.column,
            "rule": self.rule,
            "values": dict(self.values),
            "mapped": self.mapped,
            "equal": self.equal,
            "leaves": self.leaves,
            "against": self.against,
            "confidence": round(self.confidence, 4),
            "left": [dict(zip(names, one, strict=True)) for one in self.left],
            "options": list(self.options),
            "contract": self.contract,
        }


def read_suggestion(content: Mapping[str, Any]) -> Suggestion:
    """A suggestion as its document has it."""
    named = ("column", "rule", "equal", "leaves", "against", "values", "mapped")
    left = tuple((one["key"], one["platform"], one["truth"]) for one in content["left"])
    return Suggestion(**{name: content[name] for name in named}, left=left, in_contract=bool(content["contract"]))


def _object(values: Mapping[str, str]) -> str:
    return json.dumps(dict(values), ensure_ascii=False)
