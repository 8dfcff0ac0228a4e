"""The type and restriction of a new attribute, from what its values look like; never one that would lose anything.

A type is proposed only where every filled value proves it; whatever could be a code, an identifier or a number with a
zero in front stays text. Text can hold all of it, and a type cannot be changed once an attribute exists (U-attr).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from auditor.actito.vocabulary import PREDEFINED, TYPES, VALUE_TYPES
from auditor.errors import SettingsError
from auditor.findings.english.numbers import counted
from auditor.model import Attribute, AttributeType
from auditor.settings.contract import Column, Compare
from auditor.settings.problems import nearest
from auditor.structure.measure import Forms

LONGEST_NAME: Final = 50
"""Characters of a technical name (U-attr)."""
TEXT_LENGTH: Final = 255
"""Longest text (D-etlf)."""
_STEPS: Final = (10, 20, 30, 50, 100, 150, 200, TEXT_LENGTH)
_EXACT_DIGITS: Final = 15
"""More digits than this are not kept by every program that reads a decimal number."""
_PAIRS: Final = ({"true", "false"}, {"yes", "no"}, {"y", "n"}, {"t", "f"})

_BY_RULE: Final[Mapping[Compare, AttributeType]] = {
    Compare.DATE: AttributeType.DATE,
    Compare.TIMESTAMP: AttributeType.TIMESTAMP,
    Compare.BOOLEAN: AttributeType.BOOLEAN,
    Compare.TEXT: AttributeType.STRING,
    Compare.NAME: AttributeType.STRING,
    Compare.CODE: AttributeType.STRING,
    Compare.PHONE: AttributeType.STRING,
    Compare.EMAIL: AttributeType.STRING,
    Compare.SET: AttributeType.STRING,
    Compare.IDENTIFIER: AttributeType.STRING,
}
"""What the contract's own comparison rule says. Phones and addresses are types of predefined attributes only."""


@dataclass(frozen=True, slots=True)
class Inferred:
    """A new attribute and why it looks as it does."""

    attribute: Attribute
    reason: str


def infer(
    column: Column,
    forms: Forms,
    *,
    unique: bool,
    declared: AttributeType | None = None,
    given: Attribute | None = None,
) -> Inferred | None:
    """The attribute that holds a column's values; None where no value is filled and nobody said the type.

    `column` is the contract's, read without a structure; `declared` the type that the truth's own file declares;
    `given` what a person decided.
    """
    if given is not None:
        return Inferred(replace(given, name=column.name, unique=unique), "its type was named on the command line")
    seen = f"{counted(forms.filled, 'filled value')} of {counted(forms.rows, 'row')}"
    several = column.compare is Compare.SET
    if column.name in PREDEFINED:
        kind = TYPES.get(PREDEFINED[column.name].lower().replace("_", ""), AttributeType.STRING)
        return Inferred(Attribute(column.name, kind, unique=unique), f"Actito gives this name its own meaning; {seen}")
    if not forms.filled:
        return None
    kind, why = _type(column, forms, unique=unique, declared=declared)
    longest = None
    if kind is AttributeType.STRING and not several:
        longest = _room(forms.longest)
        why += f"; the longest has {counted(forms.longest, 'character')}"
    attribute = Attribute(column.name, kind, unique=unique, multi_valued=several, max_length=longest)
    return Inferred(attribute, f"{why}; {seen}")


def parse_type(text: str) -> tuple[str, Attribute]:
    """`NAME=TYPE` or `NAME=string:LENGTH` of the command line. Raises SettingsError for anything else."""
    name, _, spec = text.partition("=")
    word, _, length = spec.partition(":")
    known = [kind.value for kind in VALUE_TYPES]
    if not name or word not in known:
        raise SettingsError(
            f"--type {text}: NAME=TYPE is expected{nearest(word, known) if word else ''} (types: {', '.join(known)})"
        )
    if length and not (word == "string" and length.isdigit() and 0 < int(length) <= TEXT_LENGTH):
        raise SettingsError(f"--type {text}: only string has a length, from 1 to {TEXT_LENGTH}")
    return name, Attribute(name, AttributeType(word), max_length=int(length) if length else None)


def problems_of_name(name: str) -> Iterator[str]:
    """What keeps a text from being the technical name of an attribute (U-attr; the characters [assumed])."""
    if len(name) > LONGEST_NAME:
        yield f"a name has at most {LONGEST_NAME} characters, this one has {len(name)}"
    if not name.isascii() or not name.replace("_", "").isalnum() or name[:1].isdigit():
        yield "a name has letters, digits and _ only, and begins with a letter"


def _type(column: Column, forms: Forms, *, unique: bool, declared: AttributeType | None) -> tuple[AttributeType, str]:
    if column.compare is Compare.NUMBER:
        return _number(forms, "the contract compares it as a number")
    if column.compare in _BY_RULE:
        return _BY_RULE[column.compare], f"the contract compares it as {column.compare.value}"
    if column.permission is not None:
        return AttributeType.BOOLEAN, "the contract calls it a permission"
    if unique:
        return AttributeType.STRING, "it identifies profiles: an identifier is text, whatever it looks like"
    if declared is not None:
        return declared, "its file declares this type"
    return _by_form(forms)


def _by_form(forms: Forms) -> tuple[AttributeType, str]:
    filled = forms.filled
    if forms.leading_zero:
        return AttributeType.STRING, (
            f"text, because {counted(forms.leading_zero, 'value')} begin{'s' if forms.leading_zero == 1 else ''} with "
            "a zero or a plus that a number would lose"
        )
    if forms.dates == filled:
        return AttributeType.DATE, "every value is an existing day, YYYY-MM-DD"
    if forms.timestamps == filled:
        return AttributeType.TIMESTAMP, "every value is an existing moment, YYYY-MM-DD HH:MM:SS"
    if set(forms.words) in _PAIRS:
        return AttributeType.BOOLEAN, f"every value is {' or '.join(forms.words)}"
    if forms.slashed == filled:
        return AttributeType.STRING, (
            "text, because the order of day and month is not certain: with `format` in the contract it becomes a date"
        )
    if forms.whole + forms.decimals == filled:
        if not forms.decimals and forms.longest == forms.shortest and forms.longest > 1:
            return AttributeType.STRING, (
                "text, because all values are digits of one length: a code, whose next value may begin with a zero"
            )
        return _number(forms, "every value is a number without a zero in front")
    if forms.commas and forms.commas + forms.whole == filled:
        return AttributeType.STRING, (
            'text, because of a comma in numbers: with compare = "number" and decimal = "," in the contract it becomes '
            "a number"
        )
    return AttributeType.STRING, "values of different kinds, or words"


def _number(forms: Forms, why: str) -> tuple[AttributeType, str]:
    if forms.whole == forms.filled and forms.whole_64 == forms.filled:
        small = forms.whole_32 == forms.filled
        return (AttributeType.INTEGER if small else AttributeType.LONG), why
    if forms.decimals and forms.digits > _EXACT_DIGITS:
        return AttributeType.STRING, f"text, because numbers of more than {_EXACT_DIGITS} digits may lose some"
    if not forms.decimals and forms.whole == forms.filled:
        return AttributeType.STRING, "text, because some numbers do not fit into 64 bits"
    if forms.decimal_places > 1 and why.startswith("every"):
        return AttributeType.STRING, (
            'text, because the numbers of decimals differ, as in versions: with compare = "number" in the contract '
            "it becomes a number"
        )
    return AttributeType.NUMERIC, why


def _room(longest: int) -> int:
    """A length with room for half as much again, at most what Actito takes."""
    return next((step for step in _STEPS if step >= min(longest * 1.5, TEXT_LENGTH)), TEXT_LENGTH)
