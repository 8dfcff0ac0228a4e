"""Validation: row by row what a slow and obvious judge says; all failing rows; nothing passes that was not judged."""

from __future__ import annotations

import logging
import random
import string
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers
import polars as pl
import pytest

from auditor.engine.duckdb import DuckDB
from auditor.findings.audit import VIOLATIONS
from auditor.model import Attribute, AttributeType, Rule, Segmentation, Severity, Side, Structure
from auditor.settings.contract import Column, Contract
from auditor.validate import Checked, Validation, preload, validate
from auditor.validate.generate import refresh
from auditor.validate.references import known_keys
from auditor.validate.suite import Expectation, Suite
from tests.audits import in_words
from tests.last_found import frame, last, remember, sql

Cell = str | None
TODAY = date(2026, 11, 25)
T = AttributeType

HOSTILE = [
    "it's",
    'say "x"',
    "50%",
    "%s",
    "a?b",
    ":x",
    "$1",
    "\\",
    "a\\'b",
    "{x}",
    "<b>",
    "é",
    "e\u0301",
    "İ",
    "👍🏽",
    "\u202e",
    "--",
]


@pytest.fixture(scope="module", autouse=True)
def _great_expectations() -> None:
    preload()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDB]:
    engine = DuckDB(temp=tmp_path)
    yield engine
    engine.close()


def fill(engine: DuckDB, columns: Mapping[str, Sequence[Cell]], view: str = "checked_truth") -> None:
    """A side as the caller provides it: keys k0, k1 …, row numbers that do not begin at 0."""
    size = len(next(iter(columns.values())))
    keys = {"auditor:row": range(100, 100 + size), "auditor:key": [f"k{n}" for n in range(size)]}
    frame = pl.DataFrame(
        {**keys, **columns}, schema={"auditor:row": pl.Int64} | dict.fromkeys(["auditor:key", *columns], pl.String)
    )
    remember(engine, **{view: engine.put(frame, view)})


def judge(engine: DuckDB, columns: Mapping[str, Sequence[Cell]], *expectations: Expectation) -> Validation:
    fill(engine, columns)
    return validated(engine, Suite("Customers", expectations))


def validated(engine: DuckDB, suite: Suite, **more: Any) -> Validation:
    """The rows that were filled in last, judged."""
    result = validate(engine, Side.TRUTH, last(engine, "checked_truth"), suite, **{"today": TODAY, **more})
    remember(engine, violations=result.found)
    return result


def violations(engine: DuckDB) -> list[tuple[Any, ...]]:
    return sorted(sql(engine, "SELECT * EXCLUDE (severity, refusal) FROM {violations}"), key=repr)


def failing(engine: DuckDB, column: str) -> set[int]:
    """The rows of `fill` that the violations of a column name; each at most once."""
    keys = [key for (key,) in sql(engine, 'SELECT "key" FROM {violations} WHERE "column" = ?', [column])]
    assert len(keys) == len(set(keys))
    return {int(key.removeprefix("k")) for key in keys}


def generated(kind: str, rule: Rule, sentence: str = "right", /, **kwargs: Any) -> Expectation:
    """An expectation as the structure makes it."""
    return Expectation(kind, kwargs, {"source": "structure", "rule": rule.value, "sentence": sentence})


def of_kind(column: str, kind: AttributeType, rule: Rule, **kwargs: Any) -> Expectation:
    return generated("expect_column_values_to_be_of_kind", rule, column=column, kind=kind.value, **kwargs)


def mandatory(column: str) -> Expectation:
    return generated("expect_column_values_to_not_be_null", Rule.MANDATORY, column=column)


# --- the slow and obvious judge ---


def digits(text: str) -> bool:
    return text != "" and all(character in string.digits for character in text)


def whole(text: str) -> bool:
    return digits(text.removeprefix("-"))


def number(text: str) -> bool:
    before, dot, after = text.partition(".")
    return whole(before) and (digits(after) if dot else True)


def is_integer(text: str, bits: int) -> bool:
    return whole(text) and -(2 ** (bits - 1)) <= int(text) < 2 ** (bits - 1)


def is_date(text: str) -> bool:
    parts = text.split("-")
    if [len(part) for part in parts] != [4, 2, 2] or not all(digits(part) for part in parts):
        return False
    try:
        date(*(int(part) for part in parts))
    except ValueError:
        return False
    return True


def is_moment(text: str) -> bool:
    day, blank, clock = text.partition(" ")
    parts = clock.split(":")
    if not is_date(day) or [len(part) for part in parts] != [2, 2, 2] or not all(digits(part) for part in parts):
        return False
    hour, minute, second = (int(part) for part in parts)
    return blank == " " and hour < 24 and minute < 60 and second < 60


def is_word(text: str, *more: str) -> bool:
    return all(unicodedata.category(character)[0] in "LMN" or character in more for character in text)


def is_email(text: str) -> bool:
    local, at, domain = text.rpartition("@")
    allowed = string.ascii_letters + string.digits + "!#$%&'*+-/=?^_`{|}~."
    if not at or not local or ".." in text or any(character not in allowed for character in local):
        return False
    labels = domain.split(".")
    if len(labels) < 2 or any(not 0 < len(label) < 64 or label[0] == "-" or label[-1] == "-" for label in labels):
        return False
    if labels[-1].lower() not in ENDINGS:
        return False
    return all(is_word(label, "-") for label in labels)


def _iana() -> set[str]:
    """The endings that exist, from the list that hypothesis carries."""
    text = (files("hypothesis") / "vendor" / "tlds-alpha-by-domain.txt").read_text("ascii").lower()
    listed = set(text.split("\n")[1:]) - {""}
    return listed | {line.encode().decode("idna") for line in listed}


ENDINGS = _iana()


def is_phone(text: str) -> bool:
    if not text.startswith("+") or not digits(text[1:]):
        return False
    try:
        parsed = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        return False
    same = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) == text
    return same and phonenumbers.is_valid_number(parsed)


def is_coordinates(text: str) -> bool:
    parts = text.split("|")
    if len(parts) != 2 or not all(number(part) for part in parts):
        return False
    near, far = sorted(abs(float(part)) for part in parts)
    return near <= 90 and far <= 180


TRUE_OR_FALSE = {"TRUE", "FALSE", "1", "0", "Y", "N", "YES", "NO", "T", "F"}

JUDGES: dict[AttributeType, tuple[Rule, Callable[[str], bool]]] = {
    T.EMAIL: (Rule.EMAIL, is_email),
    T.PHONE: (Rule.PHONE, is_phone),
    T.DATE: (Rule.DATE, is_date),
    T.TIMESTAMP: (Rule.TIMESTAMP, is_moment),
    T.BOOLEAN: (Rule.BOOLEAN, lambda text: text.isascii() and text.upper() in TRUE_OR_FALSE),
    T.INTEGER: (Rule.INTEGER, lambda text: is_integer(text, 32)),
    T.LONG: (Rule.INTEGER, lambda text: is_integer(text, 64)),
    T.NUMERIC: (Rule.NUMBER, number),
    T.COORDINATES: (Rule.COORDINATES, is_coordinates),
    T.LANGUAGE: (Rule.LANGUAGE, lambda text: text in {"FR", "NL", "DE", "EN", "BE"}),
    T.COUNTRY: (Rule.COUNTRY, lambda text: text in {"BE", "FR", "NL", "DE", "SE"}),
}

# ruff: noqa: SIM905, RUF005  (lists of nasty words are easier to read as one text)
SEEDS: dict[AttributeType, list[str]] = {
    T.EMAIL: """jan.peeters@example.be a+b'c@mail.kröße.com x@-a.be x@a-.be x@a.b j..p@a.be é@a.be a@b@c.be .a@b.be
        x@xn--abc.xn--p1ai x@a.xn-- x@a..be @a.be x@ x@a_b.be x@a.con x@a.zz x@a.РФ x@a.рф x@a.cmo x@a.COM
        x@a.museum x@a.xn--zz""".split()
    + [f"x@{'d' * 63}.{'d' * 63}.be", f"x@{'d' * 64}.be", f"x@a.{'d' * 64}.be", f"{'l' * 70}@a.be"]
    + ["x@kro\u0308sse.be", "x@\u0308a.be", "x@a\u00b2.be", "x@a\u200d.be"],
    T.PHONE: ["0470123456", "+32 470 12 34 56"]
    + "+32470123456 +320470123456 +33612345678 +3210458514 +390612345678 +12015550123 +99912345678".split(),
    T.DATE: """2024-02-29 2026-02-30 0000-01-01 0001-01-01 9999-12-31 2024-1-01 20240101 2024-W01-1 01/02/2024
        2024-13-01 2024-00-10""".split(),
    T.TIMESTAMP: ["2024-02-29 23:59:59", "2024-02-29 24:00:00", "2024-02-29T10:00:00", "2026-02-30 10:00:00"]
    + ["2024-01-01 10:00:60", "2024-01-01 10:00:00.5", "2024-01-01 10:00"],
    T.BOOLEAN: ["t f", *"true FALSE Yes yeſ 1 0 ja 01 y N t F no".split()],
    T.INTEGER: "0 -0 007 2147483647 2147483648 -2147483648 -2147483649 +1 1.0 1e3 ٣ 00000000000000000000001".split(),
    T.LONG: ["12 ", *"9223372036854775807 9223372036854775808 -9223372036854775808 1_000 5".split()],
    T.NUMERIC: "3.14 -42 1,5 .5 5. 1e5 --1 inf nan 0.10 1.2.3".split(),
    T.COORDINATES: "4.610927|50.675338 50.6|4.6 180|90 180|90.1 180.1|1 -91|-91 1| 4,6|50,6 1|2|3 -0|0".split(),
    T.LANGUAGE: "FR fr NL XX FRA BE EN".split(),
    T.COUNTRY: "BE be FR UK EU BEL SE".split(),
}


def mutated(seeds: Sequence[str], rng: random.Random, count: int) -> list[str]:
    """The seeds and texts that are nearly like them."""
    spare = sorted(set("".join(seeds)) | set("09.-+@|: \n\u00a0éßſK٣a,"))
    texts = list(seeds)
    while len(texts) < count:
        text = rng.choice(seeds)
        for _ in range(rng.randint(1, 2)):
            place = rng.randint(0, len(text))
            text = text[:place] + rng.choice(["", rng.choice(spare)]) + text[place + rng.randint(0, 1) :]
        texts.append(text)
    return texts


BLANKS = "\t\n\v\f\r \x85\u00a0\u1680\u2000\u2001\u2009\u200a\u2028\u2029\u202f\u205f\u3000"


def empty(text: Cell) -> bool:
    return text is None or all(character in BLANKS for character in text)


@pytest.mark.parametrize("seed", [1, 2])
def test_every_kind_is_judged_as_the_obvious_judge_does(engine: DuckDB, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311  (nothing secret)
    # Codes: only texts over a few letters, or the obvious judge would need the whole list as well.
    columns: dict[str, list[Cell]] = {
        kind.value: [None, "", " \u00a0", *mutated(seeds, rng, 900), *HOSTILE]
        for kind, seeds in SEEDS.items()
        if kind not in (T.LANGUAGE, T.COUNTRY)
    }
    size = len(columns["email"])
    for kind in (T.LANGUAGE, T.COUNTRY):
        columns[kind.value] = [rng.choice([None, "", *SEEDS[kind], *HOSTILE]) for _ in range(size)]
    result = judge(engine, columns, *(of_kind(kind.value, kind, rule) for kind, (rule, _) in JUDGES.items()))
    assert result.not_evaluated == ()
    for kind, (rule, right) in JUDGES.items():
        cells = columns[kind.value]
        wrong = {n for n, text in enumerate(cells) if text is not None and not empty(text) and not right(text)}
        found = failing(engine, kind.value)
        assert [cells[n] for n in sorted(found ^ wrong)] == [], kind
        assert 0 < len(wrong) < size
        assert Checked(kind.value, rule.value, len(wrong)) in result.evaluated
    assert result.violations == len(violations(engine))


def test_every_ending_that_exists_is_accepted(engine: DuckDB) -> None:
    """A new one must not be refused: the list is renewed with the one that hypothesis carries."""
    right = sorted(ENDINGS)
    judge(engine, {"a": [f"jan@acme.{ending}" for ending in right]}, of_kind("a", T.EMAIL, Rule.EMAIL))
    assert [right[place] for place in failing(engine, "a")] == []
    assert {"be", "com", "brussels", "vlaanderen", "eu", "uk", "рф"} < ENDINGS


@pytest.mark.parametrize("region", ["BE", "NL", "FR", "DE", "LU", "GB", "IT", "ES", "US", "PL", "MX", "XX"])
def test_a_known_country_makes_phones_faster_and_never_others(engine: DuckDB, region: str) -> None:
    """What the pattern of the country lets through is valid to the library too, and nothing valid is refused."""
    rng = random.Random(region)  # noqa: S311  (nothing secret)
    code = phonenumbers.country_code_for_region(region) or 32
    numbers: list[Cell] = [
        f"+{code}{rng.choice(['', '', '', '0', '1'])}{''.join(rng.choices(string.digits, k=rng.randint(6, 11)))}"
        for _ in range(3000)
    ]
    for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE):
        example = phonenumbers.example_number_for_type(region, kind)
        if example is not None:
            text = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
            numbers += [text, *(text[:-3] + str(n) for n in range(100, 1000, 7))]
    judge(engine, {"gsm": numbers}, of_kind("gsm", T.PHONE, Rule.PHONE, region=region))
    assert failing(engine, "gsm") == {n for n, text in enumerate(numbers) if text and not is_phone(text)}


def test_built_in_expectations_ignore_what_is_empty(engine: DuckDB) -> None:
    """Empty and blank are null to us: they violate only that a cell is mandatory."""
    values: list[Cell] = [None, "", " ", BLANKS, "a", "Gold", "it's", "x" * 31, "y" * 30, "é" * 31, "z"]
    result = judge(
        engine,
        dict.fromkeys(("must", "long", "short", "set", "one"), values),
        mandatory("must"),
        generated("expect_column_value_lengths_to_be_between", Rule.MAX_LENGTH, column="long", max_value=30),
        generated("expect_column_value_lengths_to_be_between", Rule.MIN_LENGTH, column="short", min_value=2),
        generated("expect_column_values_to_be_in_set", Rule.SEGMENT, column="set", value_set=["Gold", "it's", "a"]),
        generated("expect_column_values_to_be_unique", Rule.UNIQUE, column="one"),
    )
    assert result.not_evaluated == ()
    assert failing(engine, "must") == {0, 1, 2, 3}
    assert failing(engine, "long") == {7, 9}
    assert failing(engine, "short") == {4, 10}
    assert failing(engine, "set") == {7, 8, 9, 10}
    assert failing(engine, "one") == set()


def test_every_blank_is_empty_and_what_begins_with_one_is_not(engine: DuckDB) -> None:
    """A failing cell is shown as it stands, beside those that are empty."""
    cells: list[Cell] = [*BLANKS, *(f"{blank}x" for blank in BLANKS), "\x7f", "!", "~", "\u200b", None]
    result = judge(
        engine,
        {"must": cells, "set": cells},
        mandatory("must"),
        generated("expect_column_values_to_be_in_set", Rule.ALLOWED_VALUES, column="set", value_set=["y"]),
    )
    assert result.not_evaluated == ()
    assert failing(engine, "must") == {n for n, cell in enumerate(cells) if empty(cell)}
    shown = sql(engine, 'SELECT "key", "value" FROM {violations} WHERE "column" = ?', ["set"])
    assert dict(shown) == {f"k{n}": cell for n, cell in enumerate(cells) if not empty(cell)}
    assert all(empty(cell) for (cell,) in sql(engine, 'SELECT "value" FROM {violations} WHERE "column" = \'must\''))


def test_allowed_values_may_hold_any_character(engine: DuckDB) -> None:
    """They become part of the SQL text."""
    values: list[Cell] = [*HOSTILE, *(text + "!" for text in HOSTILE)]
    several: list[Cell] = [f"{text}, a" for text in values]
    result = judge(
        engine,
        {"a": values, "b": several},
        generated("expect_column_values_to_be_in_set", Rule.ALLOWED_VALUES, column="a", value_set=HOSTILE),
        generated("expect_column_members_to_be_in_set", Rule.ALLOWED_VALUES, column="b", value_set=[*HOSTILE, "a"]),
    )
    assert result.not_evaluated == ()
    assert failing(engine, "a") == failing(engine, "b") == set(range(len(HOSTILE), 2 * len(HOSTILE)))


def test_each_member_of_a_multi_valued_cell_is_judged(engine: DuckDB) -> None:
    cells: list[Cell] = [None, "", "a", "a,b", " a , b ", "a,,b", ",", "a,c", "ab,a", "abcd", "a,abcd", "12,a"]
    result = judge(
        engine,
        {"set": cells, "long": cells, "short": cells, "int": cells},
        generated("expect_column_members_to_be_in_set", Rule.ALLOWED_VALUES, column="set", value_set=["a", "b"]),
        generated("expect_column_member_lengths_to_be_between", Rule.MAX_LENGTH, column="long", max_value=3),
        generated("expect_column_member_lengths_to_be_between", Rule.MIN_LENGTH, column="short", min_value=2),
        of_kind("int", T.INTEGER, Rule.INTEGER, members=True),
    )
    assert result.not_evaluated == ()

    def wrong(right: Callable[[str], bool]) -> set[int]:
        members = [[part.strip() for part in (cell or "").split(",") if part.strip()] for cell in cells]
        return {n for n, parts in enumerate(members) if not all(right(part) for part in parts)}

    assert failing(engine, "set") == wrong(lambda part: part in ("a", "b"))
    assert failing(engine, "long") == wrong(lambda part: len(part) <= 3)
    assert failing(engine, "short") == wrong(lambda part: len(part) >= 2)
    assert failing(engine, "int") == wrong(whole)


def test_unique_is_judged_by_the_canonical_form(engine: DuckDB) -> None:
    """Two spellings of one address are one address to Actito; what is shown is the cell itself."""
    result = judge(
        engine,
        {
            "email": ["Jan@x.be", "jan@x.be", "an@x.be", None, "", "piet@x.be", "piet@x.be "],
            "auditor:unique:email": ["jan@x.be", "jan@x.be", "an@x.be", None, "", "piet@x.be", "piet@x.be"],
        },
        generated(
            "expect_column_values_to_be_unique", Rule.UNIQUE, "a value that no other profile has", column="email"
        ),
    )
    assert result.evaluated == (Checked("email", "unique", 4),)
    detail = "a value that no other profile has"
    assert violations(engine) == [
        ("truth", "k0", "email", "Jan@x.be", "unique", detail),
        ("truth", "k1", "email", "jan@x.be", "unique", detail),
        ("truth", "k5", "email", "piet@x.be", "unique", detail),
        ("truth", "k6", "email", "piet@x.be ", "unique", detail),
    ]


def test_a_violation_says_what_is_right_and_never_what_others_have(engine: DuckDB) -> None:
    judge(
        engine,
        {"nick": ["a", "b" * 41], "name": [" ", "x"]},
        generated(
            "expect_column_value_lengths_to_be_between",
            Rule.MAX_LENGTH,
            "at most 30 characters",
            column="nick",
            max_value=30,
        ),
        mandatory("name"),
    )
    assert violations(engine) == [
        ("truth", "k0", "name", " ", "mandatory", "right"),
        ("truth", "k1", "nick", "b" * 41, "max_length", "at most 30 characters; this one has 41"),
    ]
    schema = frame(engine, "violations").schema
    assert dict(schema) == dict(VIOLATIONS)


def test_all_failing_rows_are_found_not_a_sample(engine: DuckDB) -> None:
    cells: list[Cell] = [f"{HOSTILE[n % len(HOSTILE)]} {n}" if n % 2 else "12" for n in range(10_000)]
    result = judge(engine, {"points": cells}, of_kind("points", T.INTEGER, Rule.INTEGER))
    assert result.evaluated == (Checked("points", "integer", 5000),)
    assert failing(engine, "points") == set(range(1, 10_000, 2))
    stored = sql(engine, 'SELECT "key", "value" FROM {violations}')
    assert dict(stored) == {f"k{n}": cells[n] for n in range(1, 10_000, 2)}


def test_no_rows_no_violations(engine: DuckDB) -> None:
    """An empty side is a side: everything is evaluated, nothing fails."""
    expectations = [of_kind(kind.value, kind, rule) for kind, (rule, _) in JUDGES.items()]
    unique = generated("expect_column_values_to_be_unique", Rule.UNIQUE, column="email")
    result = judge(engine, {kind.value: [] for kind in JUDGES}, *expectations, unique, mandatory("date"))
    assert result.not_evaluated == ()
    assert len(result.evaluated) == len(expectations) + 2
    assert result.violations == 0


def test_each_side_has_violations_of_its_own(engine: DuckDB) -> None:
    suite = Suite("Customers", (mandatory("a"),))
    fill(engine, {"a": [None, "x", None]}, "checked_platform")
    fill(engine, {"a": [None]}, "checked_truth")
    platform = validate(engine, Side.PLATFORM, last(engine, "checked_platform"), suite, today=TODAY)
    truth = validate(engine, Side.TRUTH, last(engine, "checked_truth"), suite, today=TODAY)
    assert (platform.violations, truth.violations) == (2, 1)
    assert engine.rows(platform.found.select("side", "key").order_by("key")) == [("platform", "k0"), ("platform", "k2")]
    assert engine.rows(truth.found.select("side", "key")) == [("truth", "k0")]


def test_the_side_may_be_a_view_and_is_left_as_it_was(engine: DuckDB) -> None:
    fill(engine, {"a": ["1", "", None]}, "behind")
    view = engine.define(last(engine, "behind"), "view")
    before = engine.rows(view)
    assert validate(engine, Side.TRUTH, view, Suite("Customers", (mandatory("a"),)), today=TODAY).violations == 2
    assert engine.rows(view) == before


def test_every_rule_that_a_structure_can_make_is_evaluated_and_can_fail(engine: DuckDB) -> None:
    """From the structure to the violations: should Great Expectations fail at one, this fails."""
    structure = Structure(
        "16",
        "Customers",
        attributes=(
            *(Attribute(kind.value, kind) for kind in AttributeType),
            Attribute("must", mandatory=True),
            Attribute("unique", unique=True),
            Attribute("length", min_length=2, max_length=3),
            Attribute("allowed", allowed=("it's", "50%")),
            Attribute("several", multi_valued=True, allowed=("a", "b"), min_length=1, max_length=1),
            Attribute("numbers", T.INTEGER, multi_valued=True),
        ),
        subscriptions=("News",),
        segmentations=(Segmentation("Vip"), Segmentation("Tier", exclusive=True, mandatory=True, segments=("Gold",))),
    )
    names = structure.columns
    contract = Contract("Customers", ("unique",), tuple(Column(name, name, name) for name in names), ZoneInfo("UTC"))
    suite = refresh(None, structure, contract)
    right = dict.fromkeys(names, "1") | {
        "email": "a@b.be",
        "phone": "+3210458514",
        "language": "FR",
        "country": "BE",
        "sex": "M",
        "title": "Mrs",
        "date": "2024-02-29",
        "timestamp": "2024-02-29 00:00:00",
        "coordinates": "4.6|50.6",
        "length": "ab",
        "allowed": "50%",
        "several": "a,b",
        "numbers": "1,2",
        "segmentations#Tier": "Gold",
    }
    wrong = dict.fromkeys(names, "?" * 256) | {"must": None, "unique": "1", "string": "1" * 256}
    judged = [one for one in suite.expectations if one.meta["source"] == "structure"]
    result = judge(engine, {name: [right[name], wrong[name]] for name in names}, *judged)
    assert result.not_evaluated == ()
    apart = {"min_length", "reference"}
    assert {rule for *_, rule, _ in violations(engine)} == {*(rule.value for rule in Rule)} - apart
    assert len(result.evaluated) == len(judged)
    assert {column for _, key, column, *_ in violations(engine) if key == "k1"} == set(names)
    assert [row for row in violations(engine) if row[1] == "k0"] == [
        ("truth", "k0", "unique", "1", "unique", "a value that no other profile has")
    ]


def test_an_exclusive_segmentation_has_one_known_segment_and_no_second(engine: DuckDB) -> None:
    tier = Segmentation("Tier", exclusive=True, mandatory=True, segments=("Gold", "Silver"))
    structure = Structure("1", "Customers", (), (), (tier, Segmentation("Vip")))
    names = [tier.name for tier in structure.segmentations]
    columns = tuple(Column(f"segmentations#{name}", name, f"segmentations#{name}") for name in names)
    suite = refresh(None, structure, Contract("Customers", ("id",), columns, ZoneInfo("UTC")))
    cells: list[Cell] = ["Gold", "Silver", None, "gold", "Gold,Silver", "Bronze", " "]
    judge(engine, {"segmentations#Tier": cells, "segmentations#Vip": ["true"] * 7}, *suite.expectations)
    assert [(key, rule) for _, key, _, _, rule, _ in violations(engine)] == [
        ("k2", "mandatory"),
        ("k3", "segment"),
        ("k4", "segment"),
        ("k5", "segment"),
        ("k6", "mandatory"),
    ]


# --- what only a run knows ---


def reference(**kwargs: Any) -> Expectation:
    return generated(
        "expect_column_values_to_be_keys_of_table", Rule.REFERENCE, column="shop", refers_to="Shops", **kwargs
    )


def of_shops(engine: DuckDB, folder: Path, text: str | None, cells: Sequence[Cell], **kwargs: Any) -> Validation:
    """Shops judged by the keys in a file of this content; None: there is no file."""
    column = Column("shop", "shop", "shop", reference_file="shops.csv", reference_column=kwargs.pop("of", None))
    if text is not None:
        (folder / "shops.csv").write_text(text, "utf-8")
    fill(engine, {"shop": cells})
    keys = known_keys(engine, folder, [column])
    return validated(engine, Suite("Customers", (reference(**kwargs),)), keys=keys)


def test_a_reference_is_to_a_row_that_is_there(engine: DuckDB, tmp_path: Path) -> None:
    cells: list[Cell] = ["S1", "S2", None, " ", "s1", "S3", "it's", "S1 "]
    result = of_shops(engine, tmp_path, "name;code\nGent;S1\nLuik;S2\n\nx;it's\n", cells, of="code")
    assert result.not_evaluated == ()
    assert failing(engine, "shop") == {4, 5, 7}
    assert {rule for *_, rule, _ in violations(engine)} == {"reference"}
    several: list[Cell] = ["S1,S2", "S1, S3", None, "it's"]
    of_shops(engine, tmp_path, "code\nS1\nS2\nit's\n", several, members=True)
    assert failing(engine, "shop") == {1}


@pytest.mark.parametrize(
    ("text", "of", "why"),
    [
        (None, None, "the file shops.csv with the keys is not there"),
        ("code\n", None, "the file shops.csv holds no keys"),
        ("code\nS1\n", "key", 'shops.csv has no column "key"'),
        ("", "key", 'shops.csv has no column "key"'),
    ],
)
def test_a_reference_whose_table_is_not_there_is_not_evaluated(
    engine: DuckDB, tmp_path: Path, text: str | None, of: str | None, why: str
) -> None:
    result = of_shops(engine, tmp_path, text, ["S1"], of=of)
    assert result.evaluated == ()
    [item] = result.not_evaluated
    assert in_words(item).endswith(why)
    assert violations(engine) == []


def test_a_reference_without_a_file_says_how_to_name_one(engine: DuckDB) -> None:
    result = judge(engine, {"shop": ["S1"]}, reference())
    [item] = result.not_evaluated
    assert '[columns.shop] reference = { file = "Shops.csv" }' in in_words(item)


def test_whether_a_text_can_be_read_is_judged_as_the_contract_reads_it(engine: DuckDB) -> None:
    """The cell as Actito has it, beside what the comparison makes of it."""
    fill(engine, {"born": ["3/4/1980", "soon", None], "auditor:read:born": ["1980-04-03", "soon", None]})
    meta = {"source": "contract", "rule": "unreadable", "sentence": "a date", "severity": "warning"}
    kind = "expect_column_values_to_be_of_kind"
    expectations = (
        Expectation(kind, {"column": "born", "kind": "date"}, meta),
        Expectation(kind, {"column": "born", "kind": "date"}, {"source": "steward"}),
    )
    validated(engine, Suite("Customers", expectations))
    assert [(key, value, rule) for _, key, _, value, rule, _ in violations(engine)] == [
        ("k0", "3/4/1980", "be_of_kind"),
        ("k1", "soon", "be_of_kind"),
        ("k1", "soon", "unreadable"),
    ]


# --- a steward's own ---


def own(kind: str, /, **kwargs: Any) -> Expectation:
    return Expectation(kind, kwargs, {"sentence": "as the shops want it"})


@pytest.mark.parametrize(
    ("expectation", "rule", "rows"),
    [
        (own("expect_column_values_to_match_regex", column="a", regex="b"), "match_regex", {0, 3}),
        (own("expect_column_values_to_not_match_regex", column="a", regex="b$"), "not_match_regex", {1}),
        (own("expect_column_values_to_match_like_pattern", column="a", like_pattern="a%"), "match_like_pattern", {2}),
        (own("expect_column_values_to_not_be_in_set", column="a", value_set=["b%"]), "not_be_in_set", {2}),
        (own("expect_column_value_lengths_to_equal", column="a", value=2), "value_lengths_to_equal", {0, 3}),
        (own("expect_column_values_to_be_null", column="a"), "be_null", {0, 1, 2, 3}),
        (own("expect_column_values_to_be_in_set", column="a", value_set=["ab"], mostly=0.9), "be_in_set", {0, 2, 3}),
    ],
)  # fmt: skip
def test_built_in_expectations_of_a_steward_are_evaluated(
    engine: DuckDB, expectation: Expectation, rule: str, rows: set[int]
) -> None:
    result = judge(engine, {"a": ["a", "ab", "b%", "axe", None, ""]}, expectation)
    assert result.not_evaluated == ()
    assert result.evaluated == (Checked("a", rule, len(rows)),)
    assert failing(engine, "a") == rows
    assert {detail for *_, detail in violations(engine)} <= {"as the shops want it"}


@pytest.mark.parametrize(
    ("severity", "mostly", "means"),
    [
        ({}, {}, "error"),
        ({"meta": {"severity": "error"}}, {}, "error"),
        ({"meta": {"severity": "warning"}}, {}, "warning"),
        ({"meta": {"severity": "info"}, "extra": {"severity": "critical"}}, {}, "info"),
        ({"extra": {"severity": "warning"}}, {}, "warning"),
        ({"extra": {"severity": "critical"}}, {}, "error"),
        ({"meta": {"severity": "warning"}}, {"mostly": 0.75}, "tolerated"),
        ({}, {"mostly": 0.75}, "tolerated"),
        ({}, {"mostly": 0.76}, "error"),
    ],
)
def test_every_failing_row_is_there_with_what_it_means(
    engine: DuckDB, severity: dict[str, Any], mostly: dict[str, float], means: str
) -> None:
    """Three of four filled cells are right: a threshold of three quarters is met, and the row is shown all the same."""
    kwargs = {"column": "a", "value_set": ["x"], **mostly}
    expectation = Expectation("expect_column_values_to_be_in_set", kwargs, **severity)
    result = judge(engine, {"a": ["x", "x", "y", "x", None, ""]}, expectation)
    assert result.evaluated == (Checked("a", "be_in_set", 1, Severity(means)),)
    assert sql(engine, 'SELECT "key", "value", severity FROM {violations}') == [("k2", "y", means)]


def test_a_threshold_that_is_met_by_all_leaves_nothing(engine: DuckDB) -> None:
    result = judge(
        engine, {"a": ["x", None]}, own("expect_column_values_to_be_in_set", column="a", value_set=["x"], mostly=0.5)
    )
    assert result.evaluated == (Checked("a", "be_in_set", 0),)
    assert violations(engine) == []


def query(text: str) -> Expectation:
    return own("unexpected_rows_expectation", unexpected_rows_query=text)


def test_the_rows_that_a_stewards_sql_selects_are_violations(engine: DuckDB) -> None:
    columns: dict[str, list[Cell]] = {"a": ["1", "2", "it's", None], "b": ["1", "3", "3", "x"]}
    doubled = "SELECT t.* FROM {batch} AS t, range(3) WHERE a <> b;"
    for text in ("SELECT * FROM {batch} WHERE a <> b", doubled):
        result = judge(engine, columns, query(text))
        assert result.not_evaluated == ()
        assert result.evaluated == (Checked(None, "unexpected_rows_expectation", 2),)
        assert [(key, column, value) for _, key, column, value, *_ in violations(engine)] == [
            ("k1", None, None),
            ("k2", None, None),
        ]
    result = judge(engine, columns, query("SELECT * FROM {batch} WHERE a = 'nobody'"))
    assert result.evaluated == (Checked(None, "unexpected_rows_expectation", 0),)


def test_sql_that_groups_says_that_the_table_is_wrong(engine: DuckDB) -> None:
    result = judge(engine, {"a": ["1", "1", "2"]}, query("SELECT a FROM {batch} GROUP BY a HAVING count(*) > 1"))
    assert result.evaluated == (Checked(None, "unexpected_rows_expectation", 1),)
    assert [key for _, key, *_ in violations(engine)] == [None]


def test_expectations_about_several_columns_name_them_all(engine: DuckDB) -> None:
    columns: dict[str, list[Cell]] = {"a": ["1", "2", "2"], "b": ["1", "3", "3"]}
    result = judge(
        engine,
        columns,
        own("expect_column_pair_values_to_be_equal", column_A="a", column_B="b"),
        own("expect_select_column_values_to_be_unique_within_record", column_list=["a", "b"]),
    )
    assert result.not_evaluated == ()
    assert [(key, column, value, rule) for _, key, column, value, rule, _ in violations(engine)] == [
        ("k0", "a, b", None, "select_column_values_to_be_unique_within_record"),
        ("k1", "a, b", None, "pair_values_to_be_equal"),
        ("k2", "a, b", None, "pair_values_to_be_equal"),
    ]


def test_rows_that_several_columns_leave_empty_keep_no_expectation_from_being_judged(engine: DuckDB) -> None:
    """Great Expectations leaves them out where it counts (`ignore_row_if`), but not in the SQL that it gives back."""
    columns: dict[str, list[Cell]] = {"a": ["1", None, "2", "", "5"], "b": ["1", None, "3", "4", None]}
    result = judge(
        engine,
        columns,
        own("expect_column_pair_values_to_be_equal", column_A="a", column_B="b"),
        own("expect_column_pair_values_to_be_equal", column_A="a", column_B="b",
            ignore_row_if="either_value_is_missing"),
        own("expect_select_column_values_to_be_unique_within_record", column_list=["a", "b"],
            ignore_row_if="any_value_is_missing"),
        own("expect_compound_columns_to_be_unique", column_list=["a", "b"]),
    )  # fmt: skip
    assert result.not_evaluated == ()
    assert [checked.failing for checked in result.evaluated] == [3, 1, 1, 0]
    assert [(key, rule) for _, key, _, _, rule, _ in violations(engine)] == [
        ("k0", "select_column_values_to_be_unique_within_record"),
        ("k2", "pair_values_to_be_equal"),
        ("k2", "pair_values_to_be_equal"),
        ("k3", "pair_values_to_be_equal"),
        ("k4", "pair_values_to_be_equal"),
    ]


def test_rows_whose_values_together_stand_twice_are_all_there(engine: DuckDB) -> None:
    columns: dict[str, list[Cell]] = {"a": ["1", "1", "2", None, None, "1"], "b": ["x", "x", "x", None, None, None]}
    together = own("expect_compound_columns_to_be_unique", column_list=["a", "b"])
    assert judge(engine, columns, together).not_evaluated == ()
    assert failing(engine, "a, b") == {0, 1}
    others = {"type": "comparison", "column": {"name": "a"}, "operator": "==", "parameter": "2"}
    assert judge(engine, columns, own(together.type, **together.kwargs, row_condition=others)).not_evaluated == ()
    assert failing(engine, "a, b") == set()
    assert judge(engine, columns, own(together.type, **together.kwargs, ignore_row_if="never")).not_evaluated == ()
    assert failing(engine, "a, b") == {0, 1}, "a missing value is like no other"


SIZED: dict[str, list[Cell]] = {
    "points": ["9", "10", "200", None, "soup", "-1"],
    "lowest": ["10", "9", "9", "9", "9", None],
    "born": ["1950-01-31", "2020-02-29", None, "1899-12-31", "2024-01-01", "yesterday"],
    "seen": ["2024-01-01 10:00:00", "2024-01-01 09:59:59", None, "", "soon", "2023-12-31 23:00:00"],
    "tier": ["Gold", "Gold", "Silver", None, "Gold", "Gold"],
}
HELD = (
    of_kind("points", AttributeType.INTEGER, Rule.NUMBER),
    of_kind("lowest", AttributeType.NUMERIC, Rule.NUMBER),
    of_kind("born", AttributeType.DATE, Rule.DATE),
    of_kind("seen", AttributeType.TIMESTAMP, Rule.TIMESTAMP),
)


@pytest.mark.parametrize(
    ("expectation", "rows"),
    [
        (own("expect_column_values_to_be_between", column="points", min_value=0, max_value=100), {2, 5}),
        (own("expect_column_values_to_be_between", column="born",
             min_value="1900-01-01", max_value="2023-01-01"), {3, 4}),
        (own("expect_column_values_to_be_between", column="seen", min_value="2024-01-01 10:00:00"), {1, 5}),
        (own("expect_column_pair_values_a_to_be_greater_than_b", column_A="points", column_B="lowest",
             ignore_row_if="either_value_is_missing"), {0}),
        (own("expect_multicolumn_sum_to_equal", column_list=["points", "lowest"], sum_total=19), {2}),
    ],
)  # fmt: skip
def test_a_steward_asks_of_numbers_and_days_by_their_size(
    engine: DuckDB, expectation: Expectation, rows: set[int]
) -> None:
    """And not as texts, of which "9" is larger than "10". What cannot be read is wrong by the structure already."""
    result = judge(engine, SIZED, expectation, *HELD)
    assert result.not_evaluated == ()
    of_columns = 'SELECT "key" FROM {violations} WHERE "column" = ? AND detail <> ?'
    keys = sql(engine, of_columns, [", ".join(expectation.columns), "right"])
    assert sorted(keys) == sorted((f"k{row}",) for row in rows)


@pytest.mark.parametrize(
    ("kind", "kwargs", "met"),
    [
        ("expect_column_max_to_be_between", {"column": "points", "max_value": 200, "min_value": 100}, True),
        ("expect_column_max_to_be_between", {"column": "points", "max_value": 100}, False),
        ("expect_column_min_to_be_between", {"column": "points", "min_value": 0}, False),
        ("expect_column_mean_to_be_between", {"column": "points", "min_value": 54.4, "max_value": 54.6}, True),
        ("expect_column_sum_to_be_between", {"column": "points", "min_value": 218, "max_value": 218}, True),
        ("expect_column_median_to_be_between", {"column": "points", "min_value": 9.5, "max_value": 9.5}, True),
        ("expect_column_stdev_to_be_between", {"column": "points", "min_value": 1, "max_value": 50}, False),
        ("expect_column_max_to_be_between", {"column": "born", "max_value": "2024-01-01"}, True),
        ("expect_column_quantile_values_to_be_between",
         {"column": "points", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[9, 10]]}}, True),
        ("expect_column_distinct_values_to_be_in_set", {"column": "tier", "value_set": ["Gold", "Silver"]}, True),
        ("expect_column_distinct_values_to_be_in_set", {"column": "tier", "value_set": ["Gold"]}, False),
        ("expect_column_distinct_values_to_contain_set", {"column": "tier", "value_set": ["Gold"]}, True),
        ("expect_column_distinct_values_to_contain_set", {"column": "tier", "value_set": ["Bronze"]}, False),
        ("expect_column_distinct_values_to_equal_set", {"column": "tier", "value_set": ["Gold", "Silver"]}, True),
        ("expect_column_distinct_values_to_equal_set", {"column": "tier", "value_set": ["Gold"]}, False),
        ("expect_column_most_common_value_to_be_in_set", {"column": "tier", "value_set": ["Gold"]}, True),
    ],
)  # fmt: skip
def test_a_steward_asks_of_a_column_as_a_whole(engine: DuckDB, kind: str, kwargs: dict[str, Any], met: bool) -> None:
    result = judge(engine, SIZED, own(kind, **kwargs), *HELD)
    assert result.not_evaluated == ()
    assert result.results[0].met is met


def test_what_is_wrong_with_a_table_as_a_whole_is_one_violation_without_a_key(engine: DuckDB) -> None:
    result = judge(
        engine,
        {"a": ["1", "2", "2"]},
        own("expect_table_row_count_to_be_between", min_value=1, max_value=5),
        own("expect_table_row_count_to_be_between", min_value=10),
        own("expect_column_unique_value_count_to_be_between", column="a", min_value=3),
        own("expect_column_to_exist", column="a"),
    )
    assert result.not_evaluated == ()
    assert [checked.failing for checked in result.evaluated] == [0, 1, 1, 0]
    assert violations(engine) == [
        ("truth", None, "a", None, "unique_value_count_to_be_between", "as the shops want it"),
        ("truth", None, None, None, "table_row_count_to_be_between", "as the shops want it"),
    ]


def test_a_condition_on_rows_is_heeded(engine: DuckDB) -> None:
    """Great Expectations heeds it where it counts, but not in the SQL that it gives back."""
    condition = {"type": "comparison", "column": {"name": "b"}, "operator": "==", "parameter": "it's"}
    nobody = {**condition, "parameter": "nobody"}
    result = judge(
        engine,
        {"a": ["x", "y", "y", "z", "z", "ok"], "b": ["it's", "it's", "no", "it's", "it's", "it's"]},
        own("expect_column_values_to_be_in_set", column="a", value_set=["ok"], row_condition=condition),
        own("expect_column_values_to_be_unique", column="a", row_condition=condition),
        own("expect_column_values_to_be_in_set", column="a", value_set=["ok"], row_condition=nobody),
    )
    assert result.not_evaluated == ()
    assert [(key, rule) for _, key, _, _, rule, _ in violations(engine)] == [
        ("k0", "be_in_set"),
        ("k1", "be_in_set"),
        ("k3", "be_in_set"),
        ("k3", "be_unique"),
        ("k4", "be_in_set"),
        ("k4", "be_unique"),
    ]


# --- what cannot be evaluated ---


@pytest.mark.parametrize(
    ("expectation", "why"),
    [
        (mandatory("birthDate"), "birthDate is not mapped"),
        (own("expect_column_values_to_be_lovely", column="a"), "expect_column_values_to_be_lovely not found"),
        (own("expect_column_values_to_be_of_kind", column="a", kind="soup"), "kind: one of"),
        (own("expect_column_value_lengths_to_be_between", column="a"), "settings are wrong"),
        (own("expect_column_values_to_match_regex", column="a", regex="("), "it ended with"),
        (own("expect_column_mean_to_be_between", column="a", max_value=3), "it ended with"),
        (own("expect_column_values_to_be_between", column="a", max_value=3), "it ended with"),
        (own("expect_column_values_to_match_json_schema", column="a", json_schema={}), "it ended with"),
        (own("unexpected_rows_expectation", unexpected_rows_query="SELEC * FROM {batch}"), "it ended with"),
        (own("unexpected_rows_expectation", unexpected_rows_query="SELECT x FROM {batch}"), "it ended with"),
        (own("unexpected_rows_expectation", unexpected_rows_query="SELECT 1"), "does not select from {batch}"),
        (own("unexpected_rows_expectation", unexpected_rows_query="SELECT '{' FROM {batch}"), "settings are wrong"),
    ],
)  # fmt: skip
def test_what_cannot_be_evaluated_is_named_and_takes_nothing_with_it(
    engine: DuckDB,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    expectation: Expectation,
    why: str,
) -> None:
    """Great Expectations computes many expectations in one statement: the others must not fall with a bad one.

    Neither sentence, log nor terminal holds a value.
    """
    with caplog.at_level(logging.DEBUG):
        result = judge(
            engine,
            {"a": ["secret-a", "secret-b", None], "b": ["1", "2", "3"], "c": ["secret-c"] * 3},
            mandatory("a"),
            expectation,
            of_kind("b", T.INTEGER, Rule.INTEGER),
        )
    assert result.evaluated == (Checked("a", "mandatory", 1), Checked("b", "integer", 0))
    assert [row[4] for row in violations(engine)] == ["mandatory"]
    (item,) = result.not_evaluated
    assert (item.code, item.side) == ("not_evaluated", Side.TRUTH)
    assert why in in_words(item)
    assert expectation.type in in_words(item)
    said = capfd.readouterr()
    assert "secret-" not in in_words(item).replace(why, "") + caplog.text + said.out + said.err
    assert said.err == said.out == ""


def test_a_silent_expectation_is_not_a_pass(engine: DuckDB) -> None:
    """Should Great Expectations give a verdict without a result, an exception or nonsense, that is "not checked"."""
    from great_expectations.expectations.expectation import BatchExpectation

    class ExpectNothingToBeSaid(BatchExpectation):
        said: Any = None

        def _validate(self, metrics: Any, runtime_configuration: Any = None, execution_engine: Any = None) -> Any:
            if self.said == "raise":
                raise RuntimeError("secret")
            return self.said

    answers: list[tuple[Any, str]] = [
        ({"success": True}, "empty result"),
        ({"success": True, "result": {}}, "empty result"),
        ({"success": None, "result": {"observed_value": 1}}, "no result"),
        ({"success": True, "result": {"observed_value": None}}, "nothing to observe"),
        ({"success": True, "result": {"element_count": 2, "unexpected_count": None}}, "counted no failing rows"),
        ({"success": True, "result": {"element_count": 2, "unexpected_count": 3}}, "counted no failing rows"),
        ({"success": False, "result": {"element_count": 2, "unexpected_count": 0}}, "without saying where"),
        ({"success": False, "result": {"element_count": 2, "unexpected_count": 1}}, "without saying where"),
        ({"success": True, "result": {"element_count": 1, "unexpected_count": 0}}, "did not judge all rows"),
        ("raise", "it ended with"),
    ]
    expectations = [own("expect_nothing_to_be_said", said=said) for said, _ in answers]
    result = judge(engine, {"a": ["1", "2"]}, *expectations)
    assert result.evaluated == ()
    told = zip(map(in_words, result.not_evaluated), answers, strict=True)
    assert [(text, why) for text, (_, why) in told if why not in text] == []
    assert "secret" not in repr(result)
    assert violations(engine) == []


def test_great_expectations_is_imported_only_when_it_is_needed() -> None:
    """It takes five seconds, which `--help` and `compare` must not pay."""
    program = "import sys, auditor.validate; print([n for n in ('great_expectations', 'pandas') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
