"""Generated tables with everything an audit may meet, for the laws: every comparison rule, keys of one column and of
several, keys twice and missing, hostile names, what earlier runs left, update moments, a population.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from hypothesis import strategies as st

from auditor.model import Side
from auditor.settings.contract import Blank, Column, Compare, Contract, Polarity
from tests.slow_diff import Row, SlowKnown, anchor_of, form, key_of, shown_key_of

ZONE = ZoneInfo("Europe/Brussels")
NAMES = (
    "status", "row", "hash", "text", "included", "moment", "profile_id", "platform", "truth", "base", "marks", "anchor",
    "canonical", "column", "p0", "t0", "r0", "same0", "platform_row", "platform_text", "_l", "_r", "waiting", "columns",
    'a"b', "a'b", "a\nb", "a\\b", "a;b--", "*", "%s", "{}", "a.b", " spaced ", "select", "ключ", "é", "💥",
    "auditor:key", "subscriptions#News, daily", "segmentations#Tier",
)  # fmt: skip
"""Column names that a program may stumble over."""


@dataclass(frozen=True)
class Kind:
    """A way to compare, with cells of either side that tell its edges apart, and agreed values."""

    rule: Column
    platform: tuple[str | None, ...]
    truth: tuple[str | None, ...]
    agreed: tuple[str | None, ...]


def _kind(
    compare: Compare, platform: Sequence[str], truth: Sequence[str], agreed: Sequence[str], **more: object
) -> Kind:
    rule = replace(Column("", "", "", compare), **more)  # type: ignore[arg-type]
    return Kind(rule, (None, "", *platform), (None, "", *truth), (None, *agreed))


_EXACT = (
    "a",
    "A",
    " a",
    "é",
    "e\u0301",
    "0470",
    "470",
    'say "x"',
    "two\nlines",
    "a;b,c",
    "null",
    "NULL",
    "n",
    "v",
    " ",
)
_TEXT = ("a b", " a  b ", "a\u00a0b", "é", "e\u0301", "ﬁ", "fi", "a\u200bb", "null", " ")
_NAME = ("Élodie", "ELODIE", "E\u0301lodie ", "Straße", "STRASSE", "İpek", "ipek", "Łuk", "luk", "fi", "ﬁ", "\u00a0")
_EMAIL = ("A@B.be", "a@b.be ", "x@MÜNCHEN.de", "x@mu\u0308nchen.de", "x@xn--mnchen-3ya.de", "nobody", "JOSÉ@b.be")
_PHONE = ("0470 12 34 56", "+32470123456", "0032 470 12 34 56", "+32 (0)470.12.34.56", "0470/12.34-57", "12", "nobody")
_NUMBER = ("1", "1.0", "+1", "2.5", "-0", "0.00", "1e1", "10", "12.5", "NaN", "nan", "inf", "-Infinity", "x", " ")
_COMMA = ("1", "2,5", "1,0", "0,0", "1,5", "2,0", "9", "3,5", "1.250", "12.5", "nan", "x", " ")
_DAY = ("2024-02-29", "2024-02-29 00:00:00", "2024-02-30", "2023-01-05", "29/02/2024", "never")
_MOMENT = ("2024-03-31 02:30:00", "2024-03-31 03:30:00", "2024-03-31T01:30:00Z", "2024-10-27 02:30:00",
           "2024-10-27T00:30:00Z", "2024-10-27T01:30:00+00:00", "2024-10-27", "soon")  # fmt: skip
_YES = ("true", "TRUE", "1", "y", "yes", "T", "false", "0", "N", "no", "f", "2", "maybe")
_SET = ("a,b", "b, a", "a,a,b", "a", ",", "A,b", "e\u0301,é", "2,10")

_ID = ("K-1", "k1", "0K.1", "1001", "1,001", "1001.0", "{1001}", "10-01", "***", "é", " ")

KINDS = (
    _kind(Compare.EXACT, _EXACT, _EXACT, ("a", "null", "n", "v")),
    _kind(Compare.EXACT, ("a", " "), ("a", " "), ("", "a"), empty_is_value=True),
    _kind(Compare.EXACT, ("Female", "Male", "F"), ("F", " F\t", "M", "Female", "-"), ("Female", "F"),
          values={"F": "Female", "M": "Male", "-": ""}),
    _kind(Compare.TEXT, _TEXT, _TEXT, ("a b", "é", "null")),
    _kind(Compare.NAME, _NAME, _NAME, ("elodie", "strasse", "fi")),
    _kind(Compare.EMAIL, _EMAIL, _EMAIL, ("a@b.be", "x@xn--mnchen-3ya.de")),
    _kind(Compare.PHONE, _PHONE, _PHONE, ("+32470123456", "nobody"), argument="BE"),
    _kind(Compare.NUMBER, _NUMBER, _NUMBER, ("1", "0", "nan", "inf")),
    _kind(Compare.NUMBER, _NUMBER, _COMMA, ("1", "2.5", "0"), decimal=",", tolerance=Decimal(1)),
    _kind(Compare.NUMBER, _NUMBER, ("€ 2,5", "1,0 EUR", "-€ 1", "12,5 %", "$ 1", "1 €", *_COMMA), ("1", "2.5", "0"),
          decimal=",", argument="€|EUR"),
    _kind(Compare.DATE, _DAY, _DAY, ("2024-02-29", "2023-01-05")),
    _kind(Compare.DATE, _DAY, ("29/02/2024", "29/02/2023", "5/1/2023", "2024-02-29", "never"), ("2024-02-29",),
          format="%d/%m/%Y"),
    _kind(Compare.TIMESTAMP, _MOMENT, _MOMENT, ("2024-03-31 03:30:00", "2024-10-27 02:30:00")),
    _kind(Compare.TIMESTAMP, _MOMENT, ("31/03/2024 02:30", "27/10/2024 02:30", "2024-10-27T01:30:00Z", "soon"),
          ("2024-10-27 02:30:00",), format="%d/%m/%Y %H:%M"),
    _kind(Compare.BOOLEAN, _YES, _YES, ("true", "false")),
    _kind(Compare.BOOLEAN, _YES, ("ja", " nee ", "true", "0", "?"), ("true", "false"), permission=Polarity.OPT_IN,
          values={"ja": "true", "nee": "false", "?": ""}),
    _kind(Compare.BOOLEAN, _YES, _YES, ("true", "false"), permission=Polarity.OPT_OUT),
    _kind(Compare.CODE, ("nl", "NL", " Fr\t", "be-fr"), ("nl", "NL ", "FR", "n l"), ("NL", "FR")),
    _kind(Compare.SET, _SET, _SET, ("a,b", "a")),
    _kind(Compare.IDENTIFIER, _ID, _ID, ("k1", "1001")),
    _kind(Compare.IDENTIFIER, (*_ID, "C-k1"), _ID, ("k1", "1001"), argument="C-*"),
)  # fmt: skip
"""Multi-valued attributes are sets, subscriptions and simple segmentations booleans, exclusive segmentations exact."""

SYMMETRIC = tuple(
    kind
    for kind in KINDS
    if kind.platform == kind.truth and kind.rule.permission is None and not kind.rule.values
)  # fmt: skip
"""Those that read both sides alike."""


@dataclass(frozen=True)
class Keys:
    """A way to key a table: the rules of its columns, values that meet, and others that repeat them or are no key."""

    rules: tuple[Column, ...]
    values: tuple[tuple[str | None, ...], ...]
    odd: tuple[tuple[str | None, ...], ...]


KEYS = (
    Keys(
        (Column("", "", "", Compare.TEXT),),
        tuple((key,) for key in ("k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k 9", "KEY", "0470", "null")),
        tuple((key,) for key in (" k1 ", "k  9", "", "  ", None, "\t", "k2")),
    ),
    Keys(
        (Column("", "", "", Compare.NUMBER), Column("", "", "", Compare.CODE)),
        (("1", "be"), ("1", "nl"), ("2", "be"), ("3", '"'), ("x", "\\"), ("x", '","'), ("4", "é"), ("5.5", "FR"),
         ("-1", "be"), ("1e1", "BE"), ("nan", "x"), ("6", "a,b")),
        (("01", "BE "), ("2.0", "BE"), (None, "be"), ("1", ""), ("", None), ("10", "be")),
    ),
    Keys(
        (Column("", "", "", Compare.EMAIL),),
        (("a@B.be",), ("b@b.be",), ("c@b.be",), ("d@B.be",), ("nobody",), ("x@münchen.de",), ("JOSÉ@b.be",)),
        (("A@b.be ",), ("a@b.be",), ("x@MÜNCHEN.de",), (" ",), (None,)),
    ),
)  # fmt: skip
PROFILE_IDS = (None, None, "", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9")
MOMENTS = (None, "2026-03-01 10:00:00", "2026-03-09 07:00:00", "2026-03-09 13:00:00", "2026-03-09 13:00:01",
           "2026-03-10 09:00:00")  # fmt: skip
"""Around a day before the moments that the two tables show, to the second."""
BELONGS = ("in",) * 12 + ("out", None)
INSIDE = {Side.PLATFORM: {"kind": "in"}, Side.TRUTH: {"state": "in"}}
"""Who belongs to the population of a side."""


@dataclass(frozen=True)
class Case:
    """Two tables, how they are compared, and what is known of them."""

    contract: Contract
    platform: tuple[Row, ...]
    truth: tuple[Row, ...]
    known: SlowKnown


@st.composite
def cases(draw: st.DrawFn, *, symmetric: bool = False) -> Case:
    """Symmetric: both sides are read alike, nothing is kept and no profile has a number, so they can change places."""
    keys = draw(st.sampled_from(KEYS))
    pool = SYMMETRIC if symmetric else KINDS
    places = draw(st.lists(st.integers(0, len(pool) - 1), min_size=4, max_size=7, unique=True))
    kinds = tuple(pool[place] for place in places)
    contract = draw(_contracts(keys, kinds, symmetric=symmetric))
    columns = tuple(zip(contract.compared, _in_order(contract, kinds), strict=True))
    numbers = iter(draw(st.permutations(PROFILE_IDS)))
    platform: list[Row] = []
    for key in draw(_keys(keys)):
        row = dict(zip((column.header for column in contract.keys), key, strict=True))
        row |= {column.header: draw(st.sampled_from(kind.platform)) for column, kind in columns}
        row |= {"kind": draw(st.sampled_from(BELONGS)), "updateMoment": draw(st.sampled_from(MOMENTS))}
        platform.append({**row, "profileId": None if symmetric else next(numbers, None)})
    first = {key_of(contract, Side.PLATFORM, row): row for row in reversed(platform)}
    truth: list[Row] = []
    for key in draw(_keys(keys)):
        row = dict(zip((column.truth for column in contract.keys), key, strict=True))
        other, alike = first.get(key_of(contract, Side.TRUTH, row)), draw(st.sampled_from(("all", "half", "none")))
        for place, (column, kind) in enumerate(columns):
            row[column.truth] = cell = draw(st.sampled_from(kind.truth))
            if other is not None and (alike == "all" or (alike == "half" and place % 2)):
                row[column.truth] = _spelt_otherwise(contract, column, kind, other[column.header], cell)
        truth.append({**row, "state": draw(st.sampled_from(BELONGS)), "modified_at": draw(st.sampled_from(MOMENTS))})
    known = draw(_known(contract, columns, platform, truth, symmetric=symmetric))
    return Case(contract, tuple(platform), tuple(truth), known)


@st.composite
def _contracts(draw: st.DrawFn, keys: Keys, kinds: Sequence[Kind], *, symmetric: bool) -> Contract:
    names = draw(st.permutations(NAMES))
    rules = [*keys.rules, *(kind.rule for kind in kinds)]
    blanks = st.just(Blank.CLEAR) if symmetric else st.sampled_from(Blank)
    columns = [
        replace(rule, name=name, header=name, truth=other, blank=draw(blanks))
        for rule, name, other in zip(rules, names, reversed(names), strict=False)
    ]
    return Contract(
        table="Customers",
        key=tuple(names[: len(keys.rules)]),
        columns=tuple(draw(st.permutations(columns))),
        timezone=ZONE,
        updated_platform="updateMoment",
        updated_truth="modified_at",
        grace=draw(st.sampled_from([timedelta(0), timedelta(hours=24)])),
        population_platform="kind = 'in'",
        population_truth="state = 'in'",
    )


def _in_order(contract: Contract, kinds: Sequence[Kind]) -> list[Kind]:
    """The kind of each compared column."""

    def rule(column: Column) -> Column:
        return replace(column, name="", header="", truth="", blank=Blank.KEEP)

    return [next(kind for kind in kinds if kind.rule == rule(column)) for column in contract.compared]


def _keys(keys: Keys) -> st.SearchStrategy[list[tuple[str | None, ...]]]:
    """Keys of a side: most of those that the other side has too, a few that are twice or none."""
    return st.builds(
        lambda ordinary, odd: [*ordinary[:9], *odd],
        st.permutations(keys.values),
        st.lists(st.sampled_from(keys.odd), max_size=3),
    )


def _spelt_otherwise(
    contract: Contract, column: Column, kind: Kind, platform: str | None, drawn: str | None
) -> str | None:
    """A cell of the truth that is equal to the platform's by rule, if there is one; which, the drawn cell says."""
    meant = form(platform, column, Side.PLATFORM, contract.timezone)
    alike = [cell for cell in kind.truth if form(cell, column, Side.TRUTH, contract.timezone) == meant]
    return alike[kind.truth.index(drawn) % len(alike)] if alike else drawn


@st.composite
def _known(
    draw: st.DrawFn,
    contract: Contract,
    columns: Sequence[tuple[Column, Kind]],
    platform: Sequence[Row],
    truth: Sequence[Row],
    *,
    symmetric: bool,
) -> SlowKnown:
    """Agreed values are none, the platform's, the truth's or others, cell by cell."""
    there = {key_of(contract, Side.TRUTH, row): row for row in reversed(truth)}
    base: dict[str, dict[str, str | None]] = {}
    for row in platform:
        anchor, other = anchor_of(contract, row), there.get(key_of(contract, Side.PLATFORM, row))
        if anchor is None or anchor in base:
            continue
        agreed = base.setdefault(anchor, {})
        for column, kind in columns:
            match draw(st.sampled_from(("none", "platform", "truth", "other"))):
                case "platform":
                    agreed[column.name] = form(row[column.header], column, Side.PLATFORM, contract.timezone)
                case "truth" if other is not None:
                    agreed[column.name] = form(other[column.truth], column, Side.TRUTH, contract.timezone)
                case "other":
                    agreed[column.name] = draw(st.sampled_from(kind.agreed))
    if symmetric or not platform:  # what is sent, seen and blocked concerns the platform alone
        return SlowKnown(base)
    names = [column.name for column, _ in columns]
    here = [shown for shown in (shown_key_of(contract, Side.PLATFORM, row) for row in platform) if shown is not None]
    alone = [shown for shown in (shown_key_of(contract, Side.TRUTH, row) for row in truth) if shown is not None]
    seen = [key for key in there if key is not None]
    some = st.sampled_from([*here, *alone])
    return SlowKnown(
        base,
        sent=frozenset(draw(st.lists(st.tuples(some, st.sampled_from([None, *names])), max_size=12))),
        seen=frozenset(draw(st.lists(st.sampled_from(seen), max_size=4))) if seen else frozenset(),
        blocked=frozenset(draw(st.lists(st.tuples(some, st.sampled_from(names)), max_size=8))),
    )


# --- typed tables, for files ---

TYPES: Mapping[str, tuple[Any, tuple[Any, ...]]] = {
    "status": (pl.Int64(), (0, 1, -5, 2**53 + 1, None)),
    'a"b': (pl.Decimal(12, 2), (Decimal("1.50"), Decimal("-0.00"), Decimal("0.30"), Decimal("100.10"), None)),
    "_l": (pl.Float64(), (0.0, -0.0, 0.1 + 0.2, 0.3, float("nan"), float("inf"), -float("inf"), 1e300, None)),
    "key": (pl.Date(), (date(2024, 2, 29), date(1900, 1, 1), None)),
    "two\nlines": (pl.Datetime("us"), (datetime(2024, 3, 31, 2, 30), datetime(2024, 3, 31, 2, 30, 0, 500_000), None)),  # noqa: DTZ001
    "p0": (pl.Datetime("us", "UTC"), (*(datetime(2024, 10, 27, hour, 30, tzinfo=UTC) for hour in (0, 1)), None)),
    "row": (pl.Boolean(), (True, False, None)),
    "%s": (pl.List(pl.String()), (("a", "b"), ("b", "a"), ("a",), (), None)),
    "é": (pl.String(), (*_EXACT, "", None)),
}  # fmt: skip
"""Column → its type in Parquet, and values."""
TYPED_KEY = ("code", "number")
TypedRow = dict[str, Any]


@st.composite
def typed_tables(draw: st.DrawFn) -> tuple[list[TypedRow], list[TypedRow]]:
    """Two tables of `TYPES` under a key of two columns, text and whole number; some rows twice, some without a key."""
    keys = [(code, number) for code in ("x", '"', "é") for number in (1, 2, 30)]
    odd = st.lists(st.sampled_from([(None, 1), ("x", None), ("x", 1), ("y", 7)]), max_size=2)
    sides: list[list[TypedRow]] = []
    for _ in range(2):
        rows = []
        for code, number in [*draw(st.permutations(keys))[:7], *draw(odd)]:
            cells = {name: draw(st.sampled_from(values)) for name, (_, values) in TYPES.items()}
            rows.append({"code": code, "number": number, **cells})
        sides.append(rows)
    for row in sides[1]:
        alike = [one for one in sides[0] if all(one[name] == row[name] for name in TYPED_KEY)]
        for name in TYPES if alike else ():
            if draw(st.booleans()):
                row[name] = alike[0][name]
    return sides[0], sides[1]
