"""What `auditor compare` is asked, and how the columns of two tables are compared where no contract says so.

Text is compared as it is; columns that both sides type alike by that type, and where the types of the two sides differ,
the text side is read by the other's rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from zoneinfo import ZoneInfo

from auditor.errors import SettingsError
from auditor.model import Side
from auditor.settings.contract import Blank, Column, Compare, Contract, Master
from auditor.settings.contract_file import parse_rule
from auditor.settings.problems import nearest

TABLE = "compare"


@dataclass(frozen=True)
class Question:
    """What is to be compared, and how."""

    platform: str
    """Path of the first file, or the address of a database with its table: postgresql://db/crm#contacts."""
    truth: str
    key: tuple[str, ...]
    """By the platform's names."""
    fallbacks: tuple[tuple[str, ...], ...] = ()
    """Further keys, for rows that lack the key; see `auditor.match.fallback`."""
    mapped: Mapping[str, str] = field(default_factory=dict)
    """Platform's name → truth's name, where they differ."""
    ignored: tuple[str, ...] = ()
    rules: Mapping[str, str] = field(default_factory=dict)
    """Column → rule, with its argument: the country of numbers without one, `phone:BE`, or how a side may spell what
    is not spelt as ISO 8601 has it, `date:%d/%m/%Y` and `timestamp:%d/%m/%Y %H:%M`."""
    tolerances: Mapping[str, Decimal] = field(default_factory=dict)
    where: str | None = None
    """A condition over the columns of each side: who is compared at all."""
    base: str | None = None
    """A file of last agreed values, spelt as the platform spells them."""
    same_person: bool = False
    memory_limit: str = "700MB"
    remote: str | None = None
    """The address of the Spark cluster that compares, sc://host:15002; None: DuckDB does, in this process."""
    called: Mapping[Side, str] = field(default_factory=dict)
    """What a side is called where something is wrong with it; else it is its path."""

    def place(self, side: Side) -> str:
        return self.called.get(side) or (self.platform if side is Side.PLATFORM else self.truth)


def contract_of(
    question: Question, types: Mapping[Side, Mapping[str, str]]
) -> tuple[Contract, tuple[tuple[str, ...], tuple[str, ...]]]:
    """How the columns of both files are compared; and the columns that only one has. All problems at once."""
    platform, truth = types[Side.PLATFORM], types[Side.TRUTH]
    ours, theirs = (question.place(side) for side in Side)
    keys = (*question.key, *(name for names in question.fallbacks for name in names))
    asked = (*keys, *question.mapped, *question.ignored, *question.rules, *question.tolerances)
    problems = [] if question.key else ["a key is needed: the column, or columns, that tell one row from another"]
    problems += [
        f'"{name}" is no column of {ours}{nearest(name, platform)}'
        for name in asked
        if name not in platform and not (name in question.ignored and name in truth)
    ]
    for name, other in question.mapped.items():
        if other not in truth:
            problems.append(f'--map {name}={other}: "{other}" is no column of {theirs}{nearest(other, truth)}')
    names = {name: question.mapped.get(name, name) for name in platform if name not in question.ignored}
    for name in dict.fromkeys(keys):
        if name in question.ignored:
            problems.append(f'the key column "{name}" cannot be left out with --ignore')
        if name in names and names[name] not in truth:
            hint = nearest(names[name], truth)
            problems.append(f'the key column "{name}" is not in {theirs}{hint}; name it with --map {name}=…')
    columns = []
    for name, other in names.items():
        if other in truth:
            try:
                columns.append(_column(name, other, question, platform[name], truth[other]))
            except ValueError as error:
                problems.append(f"--rule {name}: {error}")
    if problems:
        raise SettingsError("\n".join(dict.fromkeys(problems)))
    both = {column.truth for column in columns}
    only = (
        tuple(name for name, other in names.items() if other not in truth),
        tuple(name for name in truth if name not in both and name not in question.ignored),
    )
    contract = Contract(
        table=TABLE,
        key=question.key,
        columns=tuple(columns),
        timezone=ZoneInfo("UTC"),
        population_platform=question.where,
        population_truth=question.where,
        fallbacks=question.fallbacks,
    )
    return contract, only


def _column(name: str, other: str, question: Question, platform: str, truth: str) -> Column:
    rule, argument, spelling = _rule_of(platform, truth), "", None
    if name in question.tolerances:
        rule = Compare.NUMBER
    if name in question.rules:
        rule, argument = parse_rule(question.rules[name])
        if rule is Compare.PHONE and not argument:
            raise ValueError("the country of numbers without one is needed, for example phone:BE")
        if argument and rule in (Compare.DATE, Compare.TIMESTAMP):
            if "%" not in argument:
                raise ValueError(f'"{argument}" is no format; {rule}:%d/%m/%Y would be one')
            spelling = argument
    return Column(
        name=name,
        truth=other,
        header=name,
        compare=rule,
        argument=argument if rule is Compare.PHONE else "",
        format=spelling,
        spelt_alike=True,
        master=Master.BOTH,
        blank=Blank.CLEAR,
        tolerance=question.tolerances.get(name),
        float_noise=rule is Compare.NUMBER and ("DOUBLE" in (platform, truth) or "FLOAT" in (platform, truth)),
    )


def _rule_of(platform: str, truth: str) -> Compare:
    """The rule of a column by the types of both files; where they differ, text is read by the other's."""
    rules = [_RULES.get(kind.partition("(")[0], Compare.EXACT) for kind in (platform, truth)]
    if platform.endswith("[]") or truth.endswith("[]"):
        return Compare.SET
    if rules[0] is rules[1]:
        return rules[0]
    typed = [rule for rule in rules if rule is not Compare.EXACT]
    return typed[0] if len(typed) == 1 else Compare.EXACT


_INTEGERS = {
    **dict.fromkeys(("TINYINT", "UTINYINT"), 3),
    **dict.fromkeys(("SMALLINT", "USMALLINT"), 5),
    **dict.fromkeys(("INTEGER", "UINTEGER"), 10),
    "BIGINT": 19,
    "UBIGINT": 20,
}
"""Types of whole numbers, and the digits of the longest."""

_MOST_DIGITS = 38

_RULES = {
    "DATE": Compare.DATE,
    "TIMESTAMP": Compare.TIMESTAMP,
    "TIMESTAMP WITH TIME ZONE": Compare.TIMESTAMP,
    **dict.fromkeys(("TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), Compare.TIMESTAMP),
    "BOOLEAN": Compare.BOOLEAN,
    **dict.fromkeys((*_INTEGERS, "HUGEINT", "UHUGEINT", "DECIMAL", "FLOAT", "DOUBLE"), Compare.NUMBER),
}


def stored_alike(contract: Contract, types: Mapping[Side, Mapping[str, str]]) -> dict[str, str]:
    """The columns that both files store in types of one kind of which equal cells are equal in every form, and the type
    that has room for both.

    Two zeros or NaNs are equal numbers and different texts. Texts are not among them: an empty one may be none.
    """
    platform, truth = types[Side.PLATFORM], types[Side.TRUTH]
    alike = {}
    for column in contract.compared:
        kind = _wider(platform[column.header], truth[column.truth])
        known = kind is not None and kind.partition("(")[0] in _RULES
        if kind is not None and known and (column.compare is Compare.NUMBER or kind not in ("FLOAT", "DOUBLE")):
            alike[column.name] = kind
    return alike


def _wider(one: str, other: str) -> str | None:
    """The type that holds the values of both exactly; None where none is known."""
    if one == other:
        return one
    digits = _digits(one), _digits(other)
    if None in digits:
        return None
    before, behind = (max(numbers) for numbers in zip(*filter(None, digits), strict=True))
    return f"DECIMAL({before + behind}, {behind})" if before + behind <= _MOST_DIGITS else None


def _digits(kind: str) -> tuple[int, int] | None:
    """How many digits a type of exact numbers has room for before and behind the point; None: it is no such type."""
    name, _, rest = kind.partition("(")
    if name == "DECIMAL":
        width, scale = map(int, rest.rstrip(")").split(","))
        return width - scale, scale
    return (_INTEGERS[name], 0) if name in _INTEGERS else None


def name_of(column: Column, side: Side) -> str:
    return column.header if side is Side.PLATFORM else column.truth


def names_of(contract: Contract, side: Side) -> list[str]:
    return [name_of(column, side) for column in contract.columns]
