"""The suite of one profile table: what a correct value is, as a native Great Expectations suite.

Stored as `expectations/TABLE/suite.json`, which Great Expectations itself can load once
`auditor.validate.expectations` is imported. What follows from the structure is generated (`meta.source` =
"structure") and renewed by `refresh`; what a steward adds beside it stays. This module knows the file and nothing of
Great Expectations.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from auditor.contract import Column, Contract
from auditor.errors import SettingsError
from auditor.model import (
    SEGMENTATION_PREFIX,
    SUBSCRIPTION_PREFIX,
    Attribute,
    AttributeType,
    Rule,
    Severity,
    Structure,
)
from auditor.problems import problem_list

STRUCTURE: Final = "structure"
"""`meta.source` of what is generated."""

TEXT_LENGTH: Final = 255
"""Longest text, in characters, where the structure names no limit (D-etlf)."""

STEWARD: Final = "data steward"
ENGINEER: Final = "engineer of the synchronisation"
PROTECTION: Final = "data protection officer"

_WHO_CARES: Final[Mapping[Rule, str]] = {Rule.MANDATORY: ENGINEER, Rule.UNIQUE: ENGINEER, Rule.SEGMENT: ENGINEER}
"""Who sees to a broken rule first, where it is not the steward: without these a whole row is refused."""

_LONGEST_SETTINGS: Final = 120
"""Characters of its settings that stand for an expectation that nobody has put into words."""

_SHOWN: Final = 10
"""How many allowed values a sentence lists."""

_SEVERITIES: Final[Mapping[str, Severity]] = {
    "error": Severity.ERROR,
    "critical": Severity.ERROR,
    "warning": Severity.WARNING,
    "info": Severity.INFO,
}
"""Our words, and Great Expectations' where it has another one."""

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


@dataclass(frozen=True, slots=True)
class Expectation:
    """One expectation, as it stands in the file."""

    type: str
    """Great Expectations' name, such as `expect_column_values_to_be_in_set`."""
    kwargs: Mapping[str, Any]
    meta: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Whatever else the file says of it (`id`, `notes`, `severity` …), kept as it is."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it speaks of; empty for one about the table as a whole."""
        names = [self.kwargs.get(name) for name in ("column", "column_A", "column_B")]
        several = self.kwargs.get("column_list")
        names += several if isinstance(several, list) else []
        return tuple(name for name in names if isinstance(name, str))

    @property
    def generated(self) -> bool:
        """Whether it follows from the structure, and is therefore renewed with it."""
        return self.meta.get("source") == STRUCTURE

    @property
    def place(self) -> tuple[str, tuple[str, ...], str]:
        """What it is about, whatever its settings are: a changed limit is still the limit of that column."""
        return self.type, self.columns, self.rule

    @property
    def rule(self) -> str:
        """The code in `violations.rule`: a `model.Rule`, or for a steward's own the short name of its type."""
        if self.generated:
            return str(self.meta["rule"])
        short = self.type
        for prefix in ("expect_", "column_", "values_", "to_"):
            short = short.removeprefix(prefix)
        return short

    @property
    def severity(self) -> Severity:
        """What a failing row means: our own word in `meta`, else Great Expectations' own field, else an error."""
        return _SEVERITIES.get(str(self.meta.get("severity") or self.extra.get("severity")), Severity.ERROR)

    @property
    def sentence(self) -> str:
        """What is right, in words: the steward's own (`meta.sentence` or `notes`), or the rule and its settings."""
        for text in (self.meta.get("sentence"), self.extra.get("notes")):
            if isinstance(text, str) and text.strip():
                return text.strip()
            if isinstance(text, list) and text:
                return " ".join(str(line).strip() for line in text)
        about = ("column", "column_A", "column_B", "column_list", "mostly")
        settings = ", ".join(f"{name} {value}" for name, value in self.kwargs.items() if name not in about)
        if len(settings) > _LONGEST_SETTINGS:
            settings = settings[:_LONGEST_SETTINGS] + "…"
        return f"meets the expectation {self.rule} of the suite" + (f": {settings}" if settings else "")

    def content(self) -> dict[str, Any]:
        """The form in the file."""
        return {"type": self.type, "kwargs": dict(self.kwargs), "meta": dict(self.meta), **self.extra}


@dataclass(frozen=True, slots=True)
class Suite:
    """All expectations of one table, generated ones first, in the contract's order."""

    name: str
    expectations: tuple[Expectation, ...]
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Whatever else the file says (`id`, `meta`, `notes` …), kept as it is."""

    def content(self) -> dict[str, Any]:
        """The document that Great Expectations loads."""
        return {
            "name": self.name,
            "expectations": [expectation.content() for expectation in self.expectations],
            "meta": {},
            **self.extra,
        }


def refresh(suite: Suite | None, structure: Structure, contract: Contract) -> Suite:
    """The suite of the present structure: generated anew, with what others than us added to `suite` kept.

    Only mapped columns have expectations: nothing is known of the others. Technical attributes have none: Actito
    makes them itself. Of a generated expectation the severity, the threshold (`mostly`), who cares and whatever else a
    steward wrote beside it stay theirs. The result is equal to `suite` when nothing changed.
    """
    generated = tuple(expectation for column in contract.columns for expectation in _of_column(column, structure))
    if suite is None:
        return Suite(name=structure.table, expectations=generated)
    before = {expectation.place: expectation for expectation in suite.expectations if expectation.generated}
    kept = tuple(_with_theirs(new, before.get(new.place)) for new in generated)
    own = tuple(expectation for expectation in suite.expectations if not expectation.generated)
    return Suite(name=suite.name, expectations=kept + own, extra=suite.extra)


def _with_theirs(new: Expectation, old: Expectation | None) -> Expectation:
    """A generated expectation with what a steward changed of the one that it replaces."""
    if old is None:
        return new
    kwargs = {**new.kwargs, **{name: old.kwargs[name] for name in ("mostly",) if name in old.kwargs}}
    return replace(new, kwargs=kwargs, meta={**old.meta, **new.meta, **_theirs(old)}, extra=old.extra)


def _theirs(old: Expectation) -> dict[str, Any]:
    return {name: old.meta[name] for name in ("severity", "who_cares") if name in old.meta}


def steward_s(
    kind: str,
    kwargs: Mapping[str, Any],
    *,
    severity: Severity,
    sentence: str | None = None,
    who_cares: str | None = None,
) -> Expectation:
    """An expectation of a steward's own, whose severity Great Expectations reads as well."""
    words = {"sentence": sentence, "who_cares": who_cares}
    meta = {"source": "steward", "severity": severity.value, **{name: text for name, text in words.items() if text}}
    theirs = "critical" if severity is Severity.ERROR else severity.value
    return Expectation(kind, dict(kwargs), meta, {"severity": theirs})


def read_suite(path: Path) -> Suite:
    """Read a stored suite.

    Raises SettingsError with file and place when there is none or it is not a suite.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise SettingsError(f"there is no suite {path}", hint="`auditor run` makes it from the structure") from None
    except OSError as error:
        raise SettingsError(f"cannot read the suite {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not UTF-8", hint="save it as UTF-8") from None
    except json.JSONDecodeError as error:
        raise SettingsError(
            f"{path} is not valid JSON: line {error.lineno}, column {error.colno}: {error.msg}",
            hint="repair the place, or remove the file: `auditor run` makes it again, without your own expectations",
        ) from None
    problems = list(_problems(content))
    if problems:
        raise SettingsError(
            problem_list(path, problems), hint="a suite as Great Expectations 1.x stores it is expected"
        )
    known = {"type", "kwargs", "meta"}
    return Suite(
        name=content["name"],
        expectations=tuple(
            Expectation(
                type=item["type"],
                kwargs=item["kwargs"],
                meta=item.get("meta") or {},
                extra={name: value for name, value in item.items() if name not in known},
            )
            for item in content["expectations"]
        ),
        extra={name: value for name, value in content.items() if name not in {"name", "expectations"}},
    )


def store_suite(suite: Suite, path: Path) -> None:
    """Write the suite, whole or not at all; nothing is touched when the file says the same already."""
    text = json.dumps(suite.content(), ensure_ascii=False, indent=2) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


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


def _of_attribute(attribute: Attribute, column: Column) -> Iterable[Expectation]:
    name, several = attribute.name, attribute.multi_valued
    if attribute.mandatory:
        yield _expect("expect_column_values_to_not_be_null", {"column": name}, Rule.MANDATORY, "must be filled in")
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


def _of_segmentation(name: str, structure: Structure) -> Iterable[Expectation]:
    segmentation = structure.segmentation(name)
    if segmentation is None:
        return
    if not segmentation.exclusive:
        yield _of_kind(name, AttributeType.BOOLEAN)
        return
    if segmentation.mandatory:
        yield _expect("expect_column_values_to_not_be_null", {"column": name}, Rule.MANDATORY, "must be filled in")
    yield _one_of(name, segmentation.segments, Rule.SEGMENT)


def _one_of(name: str, values: tuple[str, ...], rule: Rule, *, several: bool = False) -> Expectation:
    more = f" … ({len(values)} values)" if len(values) > _SHOWN else ""
    kind = "expect_column_members_to_be_in_set" if several else "expect_column_values_to_be_in_set"
    sentence = f"one of {', '.join(values[:_SHOWN])}{more}"
    return _expect(kind, {"column": name, "value_set": list(values)}, rule, sentence)


def _of_kind(name: str, kind: AttributeType, *, several: bool = False, region: str = "") -> Expectation:
    rule, sentence = _KINDS[kind]
    kwargs: dict[str, Any] = {"column": name, "kind": kind.value}
    if several:
        kwargs["members"] = True
    if kind is AttributeType.PHONE and region:
        kwargs["region"] = region
    return _expect("expect_column_values_to_be_of_kind", kwargs, rule, sentence)


def _expect(kind: str, kwargs: dict[str, Any], rule: Rule, sentence: str) -> Expectation:
    who = PROTECTION if str(kwargs["column"]).startswith(SUBSCRIPTION_PREFIX) else _WHO_CARES.get(rule, STEWARD)
    meta = {"source": STRUCTURE, "rule": rule.value, "severity": "error", "sentence": sentence, "who_cares": who}
    return Expectation(type=kind, kwargs=kwargs, meta=meta)


def _problems(content: object) -> Iterable[str]:
    """What keeps a document from being a suite, each with its place."""
    if not isinstance(content, dict):
        yield "an object with name and expectations is expected"
        return
    if not isinstance(content.get("name"), str):
        yield "name is missing, or is no text"
    expectations = content.get("expectations")
    if not isinstance(expectations, list):
        yield "expectations is missing, or is no list"
        return
    for position, item in enumerate(expectations):
        place = f"expectations[{position}]"
        if not isinstance(item, dict):
            yield f"{place} is no object"
            continue
        if not isinstance(item.get("type"), str):
            yield f"{place}.type is missing, or is no text"
        if not isinstance(item.get("kwargs"), dict):
            yield f"{place}.kwargs is missing, or is no object"
        meta = item.get("meta")
        if meta is not None and not isinstance(meta, dict):
            yield f"{place}.meta is no object"
        elif meta and meta.get("severity") not in (None, *_SEVERITIES):
            yield f"{place}.meta.severity is none of error, warning and info"
        elif meta and meta.get("source") == STRUCTURE and meta.get("rule") not in tuple(Rule):
            yield f"{place}.meta.rule is not a rule of the structure"
