"""What the structure and the contract say of correct values, as expectations: all that is generated of a suite.

of_structure   what Actito refuses: types, lengths, lists, mandatory, unique, segments, keys of other tables
of_contract    what the contract promises beyond that, and what no column should do from run to run: warnings
refresh        both, with what a steward added or changed
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from auditor.model import (
    SEGMENTATION_PREFIX,
    SUBSCRIPTION_PREFIX,
    Attribute,
    AttributeType,
    ContractRule,
    Rule,
    Severity,
    Structure,
)
from auditor.settings.contract import Column, Contract
from auditor.validate.sentences import in_words, listed
from auditor.validate.suite import CONTRACT, JUMP, OF_KIND, REFERENCE, STRUCTURE, Expectation, Suite

TEXT_LENGTH: Final = 255
"""Longest text, in characters, where the structure names no limit (D-etlf)."""

STEWARD: Final = "data steward"
ENGINEER: Final = "engineer of the synchronisation"
PROTECTION: Final = "data protection officer"

_WHO_CARES: Final[Mapping[Rule, str]] = {Rule.MANDATORY: ENGINEER, Rule.UNIQUE: ENGINEER, Rule.SEGMENT: ENGINEER,
                                   Rule.REFERENCE: ENGINEER}  # fmt: skip
"""Who sees to a broken rule first, where it is not the steward: without these a whole row is refused."""

_KINDS: Final[Mapping[AttributeType, tuple[Rule, str]]] = {
    AttributeType.EMAIL: (
        Rule.EMAIL,
        "an e-mail address such as name@example.com: no accents before the @, no two dots in a row, "
        "an ending that exists, such as .be",
    ),
    AttributeType.PHONE: (Rule.PHONE, "an existing phone number in international form, such as +3210458514"),
    AttributeType.LANGUAGE: (Rule.LANGUAGE, "a language code of ISO 639-1 in capitals, such as FR"),
    AttributeType.COUNTRY: (Rule.COUNTRY, "a country code of ISO 3166-1 in two capitals, such as BE"),
    AttributeType.DATE: (Rule.DATE, "an existing day, written YYYY-MM-DD"),
    AttributeType.TIMESTAMP: (Rule.TIMESTAMP, "an existing moment, written YYYY-MM-DD HH:MM:SS"),
    AttributeType.BOOLEAN: (Rule.BOOLEAN, "yes or no, written TRUE/FALSE, 1/0, Y/N, YES/NO or T/F"),
    AttributeType.INTEGER: (Rule.INTEGER, "a whole number between -2147483648 and 2147483647, digits only"),
    AttributeType.LONG: (Rule.INTEGER, "a whole number of at most 64 bits, digits only"),
    AttributeType.NUMERIC: (Rule.NUMBER, "a number with a dot before the decimals, such as -42 or 3.14"),
    AttributeType.COORDINATES: (Rule.COORDINATES, "two decimal degrees (WGS 84) joined by a bar: 4.610927|50.675338"),
}
"""Type of an attribute → the rule its values follow, and that rule in words (D-etlf, U-predef)."""

_CHOICES: Final[Mapping[AttributeType, tuple[Rule, tuple[str, ...]]]] = {
    AttributeType.SEX: (Rule.SEX, ("M", "F")),
    AttributeType.TITLE: (Rule.TITLE, ("Mr", "Mrs", "Ms")),
}
"""Types with a handful of values (D-etlf)."""

_FILLED: Final = "any value, but not an empty cell"

_READ_AS: Final[Mapping[AttributeType, str]] = {
    AttributeType.EMAIL: "an e-mail address",
    AttributeType.PHONE: "an existing phone number",
    AttributeType.NUMERIC: "a number",
    AttributeType.DATE: "a date",
    AttributeType.TIMESTAMP: "a moment",
    AttributeType.BOOLEAN: "yes or no",
}
"""What a value must be, or the contract's rule cannot read it."""


_THEIRS: Final = ("mostly", "effect", "runs", "least_rows")
"""Settings of a generated expectation that are a steward's to change: how much of it matters, never what is right."""


def refresh(suite: Suite | None, structure: Structure, contract: Contract) -> Suite:
    """The suite of the present structure and contract: generated anew, with what others than us added to `suite` kept.

    Only mapped columns have expectations: nothing is known of the others. Technical attributes have none: Actito
    makes them itself. Of a generated expectation the severity, the thresholds (`mostly`, and what a jump is), who cares
    and whatever else a steward wrote beside it stay theirs. The result is equal to `suite` when nothing changed.
    """
    generated = (*of_structure(structure, contract), *of_contract(structure, contract))
    if suite is None:
        return Suite(name=structure.table, expectations=generated)
    before = {expectation.place: expectation for expectation in suite.expectations if expectation.generated}
    kept = tuple(_with_theirs(new, before.get(new.place)) for new in generated)
    own = tuple(expectation for expectation in suite.expectations if not expectation.generated)
    return Suite(name=suite.name, expectations=kept + own, extra=suite.extra)


def of_structure(structure: Structure, contract: Contract) -> tuple[Expectation, ...]:
    """What Actito would refuse, for each mapped column, in the contract's order."""
    return tuple(expectation for column in contract.columns for expectation in _of_column(column, structure))


def of_contract(structure: Structure, contract: Contract) -> tuple[Expectation, ...]:
    """What the contract says of each mapped column and the structure does not, in the contract's order."""
    return tuple(one for column in contract.columns for one in _promised(column, structure, contract))


def _with_theirs(new: Expectation, old: Expectation | None) -> Expectation:
    """A generated expectation with what a steward changed of the one that it replaces."""
    if old is None:
        return new
    kwargs = {**new.kwargs, **{name: old.kwargs[name] for name in _THEIRS if name in old.kwargs}}
    return replace(new, kwargs=kwargs, meta={**old.meta, **new.meta, **_theirs(old)}, extra=old.extra)


def _theirs(old: Expectation) -> dict[str, Any]:
    return {name: old.meta[name] for name in ("severity", "who_cares") if name in old.meta}


def _promised(column: Column, structure: Structure, contract: Contract) -> Iterator[Expectation]:
    """What the contract says of one column: how it is read, what its spellings are translated to, that it is steady."""
    attribute = structure.attribute(column.name)
    if attribute is not None and attribute.technical:
        return
    name, free = column.name, attribute is not None and attribute.type is AttributeType.STRING
    if column.read_as is not None:
        kwargs: dict[str, Any] = {"column": name, "kind": column.read_as.value}
        if column.read_as is AttributeType.PHONE and column.argument:
            kwargs["region"] = column.argument
        sentence = f"{_READ_AS[column.read_as]}, however it is spelt: the contract compares this column as such"
        yield _promise(OF_KIND, kwargs, ContractRule.UNREADABLE, sentence)
    known = tuple(dict.fromkeys(column.values.values()))
    if free and known and attribute is not None and not attribute.allowed and not column.multi_valued:
        sentence = f"one of the values that the contract translates to: {listed(known)}"
        kwargs = {"column": name, "value_set": list(known)}
        yield _promise("expect_column_values_to_be_in_set", kwargs, ContractRule.UNTRANSLATED, sentence)
    unique = name in contract.key or (attribute is not None and attribute.unique)
    settings = {"column": name, **({"values": False} if unique else {})}
    yield _promise(JUMP, settings, ContractRule.JUMP, in_words(JUMP, settings))


def _promise(kind: str, kwargs: dict[str, Any], rule: ContractRule, sentence: str) -> Expectation:
    """A warning: Actito takes the value, and it may be right."""
    who = PROTECTION if str(kwargs["column"]).startswith(SUBSCRIPTION_PREFIX) else STEWARD
    meta = {"source": CONTRACT, "rule": rule.value, "severity": Severity.WARNING.value, "sentence": sentence}
    return Expectation(type=kind, kwargs=kwargs, meta={**meta, "who_cares": who})


def _of_column(column: Column, structure: Structure) -> Iterable[Expectation]:
    """Everything that the structure says of one column."""
    name = column.name
    if name.startswith(SUBSCRIPTION_PREFIX):
        yield _of_kind(name, AttributeType.BOOLEAN)
    elif name.startswith(SEGMENTATION_PREFIX):
        yield from _of_segmentation(name, structure)
    else:
        attribute = structure.attribute(name)
        if attribute is not None and not attribute.technical:
            yield from _of_attribute(attribute, column)
            yield from _of_reference(name, attribute.multi_valued, structure)


def _of_attribute(attribute: Attribute, column: Column) -> Iterable[Expectation]:
    name, several = attribute.name, attribute.multi_valued
    if attribute.mandatory:
        yield _expect("expect_column_values_to_not_be_null", {"column": name}, Rule.MANDATORY, _FILLED)
    if attribute.unique:
        yield _expect(
            "expect_column_values_to_be_unique", {"column": name}, Rule.UNIQUE, "a value that no other profile has"
        )
    longest = attribute.max_length
    if longest is None and attribute.type in (AttributeType.STRING, AttributeType.EMAIL):
        longest = TEXT_LENGTH
    lengths = "expect_column_member_lengths_to_be_between" if several else "expect_column_value_lengths_to_be_between"
    if longest is not None:
        sentence = f"at most {longest} characters"
        yield _expect(lengths, {"column": name, "max_value": longest}, Rule.MAX_LENGTH, sentence)
    if attribute.min_length:
        sentence = f"at least {attribute.min_length} characters"
        yield _expect(lengths, {"column": name, "min_value": attribute.min_length}, Rule.MIN_LENGTH, sentence)
    if attribute.allowed:
        yield _one_of(name, attribute.allowed, Rule.ALLOWED_VALUES, several=several)
    if attribute.type in _CHOICES:
        rule, choices = _CHOICES[attribute.type]
        yield _one_of(name, choices, rule, several=several)
    if attribute.type in _KINDS:
        yield _of_kind(name, attribute.type, several=several, region=column.argument)


def _of_reference(name: str, several: bool, structure: Structure) -> Iterable[Expectation]:
    table = structure.references.get(name)
    if table is None:
        return
    kwargs: dict[str, Any] = {"column": name, "refers_to": table}
    if several:
        kwargs["members"] = True
    yield _expect(REFERENCE, kwargs, Rule.REFERENCE, in_words(REFERENCE, kwargs))


def _of_segmentation(name: str, structure: Structure) -> Iterable[Expectation]:
    segmentation = structure.segmentation(name)
    if segmentation is None:
        return
    if not segmentation.exclusive:
        yield _of_kind(name, AttributeType.BOOLEAN)
        return
    if segmentation.mandatory:
        yield _expect("expect_column_values_to_not_be_null", {"column": name}, Rule.MANDATORY, _FILLED)
    one = f"one of {listed(segmentation.segments)}, and no second one"
    values = {"column": name, "value_set": list(segmentation.segments)}
    yield _expect("expect_column_values_to_be_in_set", values, Rule.SEGMENT, one)


def _one_of(name: str, values: tuple[str, ...], rule: Rule, *, several: bool = False) -> Expectation:
    kind = "expect_column_members_to_be_in_set" if several else "expect_column_values_to_be_in_set"
    return _expect(kind, {"column": name, "value_set": list(values)}, rule, f"one of {listed(values)}")


def _of_kind(name: str, kind: AttributeType, *, several: bool = False, region: str = "") -> Expectation:
    rule, sentence = _KINDS[kind]
    kwargs: dict[str, Any] = {"column": name, "kind": kind.value}
    if several:
        kwargs["members"] = True
    if kind is AttributeType.PHONE and region:
        kwargs["region"] = region
    return _expect(OF_KIND, kwargs, rule, sentence)


def _expect(kind: str, kwargs: dict[str, Any], rule: Rule, sentence: str) -> Expectation:
    who = PROTECTION if str(kwargs["column"]).startswith(SUBSCRIPTION_PREFIX) else _WHO_CARES.get(rule, STEWARD)
    meta = {"source": STRUCTURE, "rule": rule.value, "severity": "error", "sentence": sentence, "who_cares": who}
    return Expectation(type=kind, kwargs=kwargs, meta=meta)
