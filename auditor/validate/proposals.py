"""Expectations that the data propose: what would suit a column, before anybody has looked at a row.

    for_contacts   checks of contacts, by what the columns hold
    of_look        what all rows of both sides have in common: filled, one of a few words, one shape

Nothing here is in the suite before a steward accepts it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from auditor.engine.duckdb import DuckDB, name_of, quote
from auditor.model import AttributeType, Severity, Structure
from auditor.validate.suite import Expectation, steward_s

if TYPE_CHECKING:
    import ibis.expr.types as ir

FEW_WORDS: Final = 12
"""Distinct values up to which a column looks like a list of words."""

ENOUGH_ROWS: Final = 200
"""Filled rows on a side below which what they have in common may be chance."""

_NAMES: Final = ("firstName", "lastName")
_HOUSEHOLD: Final = ("addressStreet", "addressPostalCode")


@dataclass(frozen=True, slots=True)
class Proposal:
    expectation: Expectation
    evidence: str
    """Why, with numbers and without values of profiles; empty where the rows have still to be judged."""

    @property
    def name(self) -> str:
        """Six characters that name it, the same as long as its settings are."""
        content = json.dumps([self.expectation.type, self.expectation.kwargs], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:6]


def for_contacts(structure: Structure, mapped: Sequence[str]) -> Iterator[Expectation]:
    """The checks of contacts that suit the mapped columns, as warnings."""
    attributes = {one.name: one for one in structure.attributes if one.name in mapped and not one.technical}

    def of(kind: AttributeType) -> list[str]:
        return [name for name, one in attributes.items() if one.type is kind and not one.multi_valued]

    def on(kind: str, column: str, sentence: str) -> Expectation:
        return _warning(f"expect_column_{kind}", {"column": column}, sentence)

    for name in of(AttributeType.EMAIL):
        yield on("emails_to_not_be_role_addresses", name, "an address of a person, not of a function such as info@")
        yield on("emails_to_not_be_disposable", name, "an address that is there longer than for minutes")
        yield on("emails_to_not_have_mistyped_domains", name, "a domain without a typing error, as gmail.com")
        yield on("values_to_not_be_placeholders", name, "an address of somebody, not a filler such as test@")
    for name in (name for name in _NAMES if name in attributes):
        yield on("values_to_not_be_placeholders", name, "a name, not a filler such as test or n/a")
        yield on("values_to_not_be_emails", name, "a name, not an e-mail address")
        yield on("values_to_not_be_garbled", name, "a name whose accents survived, as José")
    if "birthDate" in of(AttributeType.DATE):
        yield on("values_to_be_possible_birth_dates", "birthDate", "a day within the last 120 years")
    for country in of(AttributeType.COUNTRY)[:1]:
        for phone in of(AttributeType.PHONE):
            columns = {"column_A": phone, "column_B": country}
            yield _warning("expect_column_pair_phone_to_be_of_country", columns, "a number of the address's country")
    for sex, title in zip(of(AttributeType.SEX), of(AttributeType.TITLE), strict=False):
        columns = {"column_A": sex, "column_B": title}
        yield _warning("expect_column_pair_gender_to_fit_title", columns, "M for Mr, F for Mrs and Ms")
    if all(name in attributes for name in _HOUSEHOLD):
        yield _warning(
            "expect_multicolumn_values_to_be_shared_by_few",
            {"column_list": list(_HOUSEHOLD), "most": 50},
            "an address that at most 50 profiles share",
        )


def of_look(
    engine: DuckDB, views: Mapping[str, ir.Table], structure: Structure, mapped: Sequence[str]
) -> Iterator[Proposal]:
    """What all rows of both sides have in common in a column of text that the structure leaves free.

    `views` are the tables to be looked at by the name of their side on screens, in the columns of `validate`.
    """
    for attribute in structure.attributes:
        name = attribute.name
        free = attribute.type is AttributeType.STRING and not (attribute.allowed or attribute.multi_valued)
        if name not in mapped or attribute.technical or not free:
            continue
        looks = {side: _look(engine, view, name) for side, view in views.items()}
        if all(look.filled >= ENOUGH_ROWS for look in looks.values()):
            yield from _of_column(name, looks, mandatory=attribute.mandatory)


@dataclass(frozen=True, slots=True)
class _Look:
    rows: int
    filled: int
    words: frozenset[str] | None
    """The distinct values, None where there are more than a few."""
    shapes: frozenset[str] | None
    """The distinct shapes (C000001 is A999999), None where there are several."""


def _look(engine: DuckDB, view: ir.Table, name: str) -> _Look:
    column, table = quote(name), name_of(view)
    filled = f"trim({column}) <> ''"
    [(rows, number)] = engine.execute(f"SELECT count(*), count(*) FILTER ({filled}) FROM {table}")
    words = engine.execute(f"SELECT DISTINCT {column} FROM {table} WHERE {filled} LIMIT {FEW_WORDS + 1}")
    shape = f"regexp_replace(regexp_replace({column}, '[0-9]', '9', 'g'), '[A-Z]', 'A', 'g')"
    shapes = engine.execute(f"SELECT DISTINCT {shape} FROM {table} WHERE {filled} LIMIT 2")
    return _Look(
        rows,
        number,
        frozenset(str(word) for (word,) in words) if len(words) <= FEW_WORDS else None,
        frozenset(str(one) for (one,) in shapes) if len(shapes) == 1 else None,
    )


def _of_column(name: str, looks: Mapping[str, _Look], *, mandatory: bool) -> Iterator[Proposal]:
    column = {"column": name}
    counted = " and ".join(f"{look.filled:,} of {side}" for side, look in looks.items())
    if not mandatory and all(look.filled == look.rows for look in looks.values()):
        one = _warning("expect_column_values_to_not_be_null", column, "is filled in")
        yield Proposal(one, f"no row is without it: {counted}")
    words = [look.words for look in looks.values()]
    shapes = {look.shapes for look in looks.values()}
    if all(one is not None for one in words):
        known = sorted(frozenset().union(*(one for one in words if one is not None)))
        sentence = f"one of the {len(known)} values that were in use"
        one = _warning("expect_column_values_to_be_in_set", {**column, "value_set": known}, sentence)
        yield Proposal(one, f"only {len(known)} different values in {counted} filled rows")
    elif len(shapes) == 1 and (shape := shapes.pop()):
        [text] = shape
        pattern = _pattern(text)
        if pattern is not None:
            one = _warning("expect_column_values_to_match_regex", {**column, "regex": pattern}, f"of the form {text}")
            yield Proposal(one, f"one form in {counted} filled rows")


def _pattern(shape: str) -> str | None:
    """The regular expression of a shape of capitals and digits alone; a shape of other letters would be a value."""
    if not re.fullmatch(r"[A9._/-]+", shape) or "9" not in shape:
        return None
    parts = (
        (len(run), {"A": "[A-Z]", "9": "[0-9]"}.get(run[0], re.escape(run[0])))
        for run in (match.group() for match in re.finditer(r"(.)\1*", shape))
    )
    return "^" + "".join(what + (f"{{{number}}}" if number > 1 else "") for number, what in parts) + "$"


def _warning(kind: str, kwargs: Mapping[str, Any], sentence: str) -> Expectation:
    return steward_s(kind, kwargs, severity=Severity.WARNING, sentence=sentence)
