"""What `auditor compare` is asked, and how the columns of two tables are compared where no contract says so.

Text is compared as it is; columns that both sides type alike by that type, and where the types of the two sides differ,
the text side is read by the other's rule.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from zoneinfo import ZoneInfo

from auditor.errors import SettingsError
from auditor.model import Side
from auditor.settings.column_names import alike, almost, named, shown
from auditor.settings.contract import Blank, Column, Compare, Contract, Master, parted
from auditor.settings.contract_file import parse_rule
from auditor.settings.date_formats import unreadable
from auditor.settings.distances import Distance, rule_for, unfit
from auditor.settings.inputs import Declared

TABLE = "compare"

_NAMED: Final = 5
_LONGEST_NAME: Final = 40
_VALUE: Final = re.compile(r"@|\d\d")
"""What a cell may have, and no name: errors hold no values of profiles."""


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
    loosely: bool = False
    """Whether names that differ by case, blanks and signs are those of one column."""
    only: tuple[str, ...] = ()
    """The columns that are compared beside the key; none: all that both have."""
    ignored: tuple[str, ...] = ()
    rules: Mapping[str, str] = field(default_factory=dict)
    """Column → rule, with its argument: the country of numbers without one, `phone:BE`, or how a side may spell what
    is not spelt as ISO 8601 has it, `date:%d/%m/%Y` and `timestamp:%d/%m/%Y %H:%M`."""
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Column → what values of either side stand for: value → the one that is compared."""
    tolerances: Mapping[str, Distance] = field(default_factory=dict)
    where: str | None = None
    """A condition over the columns of each side, by the platform's names: who is compared at all."""
    where_one: Mapping[Side, str] = field(default_factory=dict)
    """A further condition over the columns of one side, by its own names."""
    base: str | None = None
    """A file of last agreed values, spelt as the platform spells them."""
    same_person: bool = False
    summary: bool = False
    """Whether the numbers per status and column are all that is asked for: no rows, reasons or causes."""
    memory_limit: str = "700MB"
    remote: str | None = None
    """The address of the Spark cluster that compares, sc://host:15002; None: DuckDB does, in this process."""
    written: Mapping[Side, Declared] = field(default_factory=dict)
    """How the file of a side is written, as far as it is declared."""
    called: Mapping[Side, str] = field(default_factory=dict)
    """What a side is called where something is wrong with it; else it is its path."""

    def place(self, side: Side) -> str:
        return self.called.get(side) or (self.platform if side is Side.PLATFORM else self.truth)


@dataclass(frozen=True, slots=True)
class Others:
    """The columns that are not compared, or only because their names are almost the same."""

    only_platform: tuple[str, ...]
    only_truth: tuple[str, ...]
    offered: Mapping[str, str]
    """Of these the names that are alike: platform's → truth's."""
    paired: Mapping[str, str]
    """Compared as one, though each side spells the name in its own way and nobody has mapped it."""
    left_out: tuple[str, ...]
    """Of both sides, and not to be compared: by the platform's names."""


def contract_of(question: Question, types: Mapping[Side, Mapping[str, str]]) -> tuple[Contract, Others]:
    """How the columns of both files are compared; and which are not. All problems at once."""
    platform, truth = types[Side.PLATFORM], types[Side.TRUTH]
    ours, theirs = (question.place(side) for side in Side)
    if question.loosely:
        question = _as_spelt(question, platform, truth)
    keys = (*question.key, *(name for names in question.fallbacks for name in names))
    asked = (*keys, *question.mapped, *question.only, *question.ignored, *question.rules, *question.values,
             *question.tolerances)  # fmt: skip
    problems = [] if question.key else ["a key is needed: the column, or columns, that tell one row from another"]
    problems += [
        f'"{name}" is no column of {ours}{almost(name, platform)}'
        for name in asked
        if name not in platform and not (name in question.ignored and name in truth)
    ]
    for name, other in question.mapped.items():
        if other not in truth:
            problems.append(f'--map {name}={other}: "{other}" is no column of {theirs}{almost(other, truth)}')
        elif other in question.ignored and other not in platform:
            problems.append(f'--map {name}={other}: "{other}" is left out with --ignore')
    wanted = {*question.only, *keys} if question.only else set(platform)
    names = {
        name: question.mapped.get(name, name) for name in platform if name not in question.ignored and name in wanted
    }
    lonely = [name for name, other in names.items() if other not in truth and name not in question.mapped]
    near = alike(lonely, [one for one in truth if one not in names.values() and one not in question.ignored])
    paired = near if question.loosely else {}
    names |= paired
    for name in dict.fromkeys(keys):
        if name in question.ignored:
            problems.append(f'the key column "{name}" cannot be left out with --ignore')
        if name in question.tolerances:
            problems.append(f'--tolerance {name}: "{name}" is a key, and keys are the same or are not')
        if name in names and names[name] not in truth:
            hint = almost(names[name], truth)
            problems.append(f'the key column "{name}" is not in {theirs}{hint}; name it with --map {name}=…')
    problems += _without_effect(question, {name: names.get(name) for name in platform if name not in keys}, truth)
    columns = []
    for name, other in names.items():
        if other in truth:
            try:
                columns.append(_column(name, other, question, platform[name], truth[other]))
            except _Unfit as error:
                problems.append(str(error))
            except ValueError as error:
                problems.append(f"--rule {name}: {error}")
    if problems:
        meant = any(named(name, platform) != name for name in asked) or set(near).intersection(keys)
        hint = "--names loose takes names for one that differ by nothing but case, blanks, signs and accents"
        without = [side for side in Side if not _has_key(keys, question, side, types[side])]
        found = _found(question.place(without[0]), without[0], types[without[0]]) if without else None
        raise SettingsError("\n".join(dict.fromkeys(problems)), hint=hint if meant else found)
    both = {column.truth for column in columns}
    others = Others(
        only_platform=tuple(name for name, other in names.items() if other not in truth),
        only_truth=()
        if question.only
        else tuple(name for name in truth if name not in both and name not in question.ignored),
        offered={} if question.loosely else near,
        paired=paired,
        left_out=tuple(name for name in platform if name not in names and question.mapped.get(name, name) in truth),
    )
    contract = Contract(
        table=TABLE,
        key=question.key,
        columns=tuple(columns),
        timezone=ZoneInfo("UTC"),
        fallbacks=question.fallbacks,
    )
    return contract, others


def _has_key(keys: Collection[str], question: Question, side: Side, there: Collection[str]) -> bool:
    own = keys if side is Side.PLATFORM else [question.mapped.get(name, name) for name in keys]
    return not own or any(name in there for name in own)


def _found(place: str, side: Side, there: Mapping[str, str]) -> str:
    """What to do where a file has no column of the key: its names may stand elsewhere, or be separated otherwise."""
    names = [f'"{shown(name)}"' for name in there if len(name) <= _LONGEST_NAME and not _VALUE.search(name)]
    found = ", ".join(names[:_NAMED]) + (", …" if len(there) > _NAMED else "")
    typed = any(kind != "VARCHAR" for kind in there.values())
    return "; ".join(
        (
            *([f"{place} has the columns {found}"] if names else []),
            "name the one that is meant"
            if typed
            else "name the one that is meant, or say where the names stand and what "
            f"separates them: --{side.value}-options header=LINE or separator=MARK",
        )
    )


def _as_spelt(question: Question, platform: Mapping[str, str], truth: Mapping[str, str]) -> Question:
    """The question with the names that the tables have, where those that it has are others of theirs but for signs."""

    def ours(names: Iterable[str]) -> tuple[str, ...]:
        return tuple(named(name, platform) for name in names)

    return replace(
        question,
        key=ours(question.key),
        fallbacks=tuple(ours(names) for names in question.fallbacks),
        mapped={named(name, platform): named(other, truth) for name, other in question.mapped.items()},
        only=ours(question.only),
        ignored=tuple(name if name in truth else named(name, platform) for name in question.ignored),
        rules={named(name, platform): rule for name, rule in question.rules.items()},
        values={named(name, platform): one for name, one in question.values.items()},
        tolerances={named(name, platform): one for name, one in question.tolerances.items()},
    )


def _without_effect(question: Question, names: Mapping[str, str | None], truth: Collection[str]) -> Iterator[str]:
    """Options about columns that are not compared: `names` are the platform's, and what they are called in the truth;
    None: they are left out.
    """
    options = {
        "--map": question.mapped,
        "--rule": question.rules,
        "--values": question.values,
        "--tolerance": question.tolerances,
        "--only-columns": dict.fromkeys(question.only, ""),
    }
    for option, columns in options.items():
        for name in columns:
            other = names.get(name, name)
            if name in question.ignored:
                yield f'{option} {name}: "{name}" is left out with --ignore'
            elif other is None:
                yield f'{option} {name}: "{name}" is not among --only-columns'
            elif name in names and option != "--map" and other not in truth:
                place, hint = question.place(Side.TRUTH), almost(other, truth)
                yield f'{option} {name}: "{name}" is not in {place}{hint}; name its column there with --map {name}=…'


class _Unfit(ValueError):
    """Something else than the rule of a column is wrong, and is told with its own option."""


def _column(name: str, other: str, question: Question, platform: str, truth: str) -> Column:
    rule, argument, spelling, decimal = _rule_of(platform, truth), "", None, "."
    distance = question.tolerances.get(name)
    if distance is not None and name not in question.rules and rule is Compare.EXACT:
        rule = rule_for(distance)
    if name in question.rules:
        rule, argument = parse_rule(question.rules[name])
        if rule is Compare.PHONE and not argument:
            raise ValueError("the country of numbers without one is needed, for example phone:BE")
        if argument and rule is Compare.NUMBER:
            decimal, argument = parted(argument)
        if argument and rule in (Compare.DATE, Compare.TIMESTAMP):
            if problem := unreadable(argument, rule):
                raise ValueError(problem)
            spelling = argument
    if distance is not None and (problem := unfit(distance, rule)):
        raise _Unfit(f"--tolerance {name}: {problem}")
    return Column(
        name=name,
        truth=other,
        header=name,
        compare=rule,
        argument="" if spelling else argument,
        format=spelling,
        decimal=decimal,
        values=question.values.get(name, {}),
        spelt_alike=True,
        master=Master.BOTH,
        blank=Blank.CLEAR,
        tolerance=distance,
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


_AS_TEXTS = ("UUID", "TIME", "BLOB")
"""Types without a rule of their own, of which equal cells have one text."""


def stored_alike(contract: Contract, types: Mapping[Side, Mapping[str, str]]) -> dict[str, str]:
    """The columns that both files store in types of one kind of which equal cells are equal in every form, and the type
    that has room for both.

    Two zeros or NaNs are equal numbers and different texts. Texts are not among them: an empty one may be none.
    """
    platform, truth = types[Side.PLATFORM], types[Side.TRUTH]
    alike = {}
    for column in contract.compared:
        kind = _wider(platform[column.header], truth[column.truth])
        known = kind is not None and _is_plain(kind)
        if kind is not None and known and (column.compare is Compare.NUMBER or kind not in ("FLOAT", "DOUBLE")):
            alike[column.name] = kind
    return alike


def stored_keys(contract: Contract, side: Side, types: Mapping[str, str]) -> dict[str, str]:
    """The columns of a side's key that are stored in a type from which their form may be made, and the type.

    None where there are fallback keys: the columns of keys are compared then, and as stored only where both store them
    alike.
    """
    kinds = (
        {} if contract.fallbacks else {name_of(column, side): types[name_of(column, side)] for column in contract.keys}
    )
    return {name: kind for name, kind in kinds.items() if _is_plain(kind)}


def _is_plain(kind: str) -> bool:
    return kind.partition("(")[0] in (*_RULES, *_AS_TEXTS)


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
