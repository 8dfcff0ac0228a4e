"""The suite of one profile table: what a correct value is, as a native Great Expectations suite.

Stored as `expectations/TABLE/suite.json`, which Great Expectations itself can load once
`auditor.validate.expectations` is imported. What follows from the structure and the contract is generated
(`meta.source`) and renewed by `generate.refresh`; what a steward adds beside it stays. This module knows the file and
nothing of Great Expectations.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from auditor.errors import SettingsError
from auditor.files.rewrite import Rewrite
from auditor.files.whole import FOR_OTHERS
from auditor.model import ContractRule, Rule, Severity
from auditor.settings.problems import problem_list
from auditor.validate.sentences import in_words

STRUCTURE: Final = "structure"
CONTRACT: Final = "contract"
"""`meta.source` of what is generated, and from what."""

OF_KIND: Final = "expect_column_values_to_be_of_kind"
"""The expectation of ours that says what a column holds."""
REFERENCE: Final = "expect_column_values_to_be_keys_of_table"
JUMP: Final = "expect_column_shares_to_not_jump"
BORN: Final = "expect_column_values_to_be_possible_birth_dates"
"""Expectations of ours that a run has to help: with other tables' keys, what the last runs saw, its day."""

_RULES: Final[Mapping[str, type[StrEnum]]] = {STRUCTURE: Rule, CONTRACT: ContractRule}

_SEVERITIES: Final[Mapping[str, Severity]] = {
    "error": Severity.ERROR,
    "critical": Severity.ERROR,
    "warning": Severity.WARNING,
    "info": Severity.INFO,
}
"""Our words, and Great Expectations' where it has another one."""


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
        """Whether it follows from the structure or the contract, and is therefore renewed with them."""
        return self.meta.get("source") in (STRUCTURE, CONTRACT)

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
        return in_words(self.type, self.kwargs)

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
    return Suite(
        name=content["name"],
        expectations=tuple(map(read_expectation, content["expectations"])),
        extra={name: value for name, value in content.items() if name not in {"name", "expectations"}},
    )


def read_expectation(content: Mapping[str, Any]) -> Expectation:
    """An expectation from its form in the file."""
    known = {"type", "kwargs", "meta"}
    return Expectation(
        type=content["type"],
        kwargs=content["kwargs"],
        meta=content.get("meta") or {},
        extra={name: value for name, value in content.items() if name not in known},
    )


def rewritten(suite: Suite, path: Path) -> Rewrite | None:
    """What storing the suite would write; None where the file says the same already."""
    text = json.dumps(suite.content(), ensure_ascii=False, indent=2) + "\n"
    return Rewrite.to(path, text, mode=FOR_OTHERS)


def store_suite(suite: Suite, path: Path) -> None:
    """Write the suite, whole or not at all; nothing is touched when the file says the same already."""
    if (intent := rewritten(suite, path)) is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        intent.carry_out()


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
        elif meta and meta.get("source") in _RULES and meta.get("rule") not in tuple(_RULES[meta["source"]]):
            yield f"{place}.meta.rule is not a rule of the {meta['source']}"
