"""The comparison rules: hand-written tables, libraries that say what is right, and the law that ties forms together.

Every reference here is plain Python: `decimal`, `datetime`, `zoneinfo`, `unicodedata` and phonenumbers itself.
"""

# ruff: noqa: E501 -- the rows of a table are read better than they are wide

from __future__ import annotations

import json
import math
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import click
import ibis
import phonenumbers
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from auditor.cli.compare import command as compare
from auditor.engine.duckdb import DuckDB, name_of
from auditor.equality import rules
from auditor.equality.primitives import FUNCTIONS, ascii_domain, phone_number, plain_number
from auditor.model import AttributeType, Side
from auditor.settings.contract import Column, Compare
from auditor.settings.distances import parse_distance
from tests.table_strategies import KINDS

ZONE = "Europe/Brussels"
BLANKS = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
"""Every character with the Unicode property White_Space."""


class Forms(NamedTuple):
    platform: str | None
    """Canonical, were it a cell of the platform."""
    truth: str | None
    """Canonical, as a cell of the truth."""
    sent: str | None
    sent_back: str | None
    """Canonical, of the platform, of what would be sent."""


class Judge:
    """Evaluates the rules on lists of texts; every expression is compiled once."""

    def __init__(self, engine: DuckDB) -> None:
        self._engine = engine
        self._queries: dict[str, tuple[str, str]] = {}

    def forms(self, column: Column, texts: Sequence[str | None]) -> list[Forms]:
        given = self._engine.put(_numbered({"text": texts}), "texts")
        self._engine.execute(f"CREATE OR REPLACE TEMP TABLE texts AS FROM {name_of(given)}")
        name = repr(column)
        if name not in self._queries:
            table = ibis.table(given.schema(), "texts")
            chosen = table.select(
                "n",
                platform=rules.canonical(table.text, column, Side.PLATFORM, ZONE),
                truth=rules.canonical(table.text, column, Side.TRUTH, ZONE),
                sent=rules.sent(table.text, column, ZONE),
            )
            written = ibis.table(chosen.schema(), "written")
            back = rules.canonical(written.sent, column, Side.PLATFORM, ZONE)
            read = written.order_by("n").select("platform", "truth", "sent", sent_back=back)
            self._queries[name] = (self._engine.sql(chosen), self._engine.sql(read))
        chosen_sql, read_sql = self._queries[name]
        self._engine.execute(f"CREATE OR REPLACE TEMP TABLE written AS {chosen_sql}")
        return [Forms(*row) for row in self._engine.execute(read_sql)]

    def equal(self, column: Column, pairs: Sequence[tuple[str | None, str | None]]) -> list[bool]:
        table = self._engine.put(_numbered({"a": [a for a, _ in pairs], "b": [b for _, b in pairs]}), "pairs")
        verdict = table.select("n", equal=rules.equal(table.a, table.b, column)).order_by("n")
        return [equal for _, equal in self._engine.rows(verdict)]

    def key(self, parts: Sequence[Sequence[str | None]]) -> list[str | None]:
        columns = {f"c{place}": [row[place] for row in parts] for place in range(len(parts[0]))}
        table = self._engine.put(_numbered(columns), "parts")
        form = table.select("n", key=rules.key_form([table[name] for name in columns])).order_by("n")
        return [key for _, key in self._engine.rows(form)]

    def marks(self, forms: Sequence[str | None]) -> list[tuple[str, str | None]]:
        table = self._engine.put(_numbered({"form": forms}), "forms")
        mark = rules.marked(table.form)
        return [
            (a, b) for _, a, b in self._engine.rows(table.select("n", a=mark, b=rules.unmarked(mark)).order_by("n"))
        ]


def _numbered(columns: Mapping[str, Sequence[str | None]]) -> pl.DataFrame:
    return pl.DataFrame(dict(columns), schema=dict.fromkeys(columns, pl.String)).with_row_index("n")


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    engine = DuckDB(temp=tmp_path_factory.mktemp("rules"))
    engine.register(FUNCTIONS)
    yield Judge(engine)
    engine.close()


def column(rule: str, **more: object) -> Column:
    compare, _, argument = rule.partition(":")
    return replace(Column("c", "c", "c", Compare(compare), argument=argument), **more)  # type: ignore[arg-type]


SMALL = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PIECES = (
    *BLANKS, "\x00", "a", "B", "é", "e\u0301", "ß", "İ", "ı", "ς", "Σ", "ŉ", "Å", "\u030a", "ﬁ", "Ł", "ø", "\u200b",
    "\u00ad", "한", "\u1112\u1161\u11ab", "0", "1", "9", "12", "٣", "３", ".", ",", "-", "+", "−", "e", "E5", "inf", "nan",
    "@", "münchen.de", "xn--", "/", "(0)", "0032", "+32", "0470 12 34 56", "2024-02-29", "29/02/2024", "02:30:00", "T", "Z",
    "+01:00", "2024-03-31 02:30", "2024-10-27 02:30", " 00:00:00", "true", "YES", "n", '"', "'", "\\", "👩‍👧", "M", "null",
)  # fmt: skip
NASTY = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)
ANY = st.text(st.characters(codec="utf-8", exclude_categories=("Cn", "Cs")), max_size=8)
TEXTS = st.lists(st.none() | NASTY | ANY, min_size=1, max_size=30)


# --- the tables: cell, canonical on the platform, canonical in the truth, sent ---


Row = tuple[str | None, str | None, str | None, str | None]


@dataclass(frozen=True)
class Table:
    name: str
    column: Column
    rows: tuple[Row, ...]


def _tables() -> Iterator[Table]:
    """Of `docs/rules.md`: a heading, the lines of a contract, and rows of three cells, or of four where sides differ."""
    page = (Path(__file__).parents[1] / "docs" / "rules.md").read_text("utf-8")
    for name, text in re.findall(r"^## ([^\n]*)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL):
        spec = tomllib.loads(re.search(r"```toml\n(.*?)```", text, re.DOTALL)[1])  # type: ignore[index]
        if spec.get("empty") == "value":
            spec["empty_is_value"] = spec.pop("empty") == "value"
        lines = re.findall(r"^\| (?=[`–])(.*) \|$", text, re.MULTILINE)
        cells = [[None if cell == "–" else json.loads(cell.strip("`")) for cell in line.split(" | ")] for line in lines]
        rows = tuple((a, b, middle[0] if middle else b, c) for a, b, *middle, c in cells)
        yield Table(name, column(spec.pop("compare"), **spec), rows)


TABLES = tuple(_tables())


def test_every_rule_is_named_by_help_and_tried_by_the_laws() -> None:
    [about] = [option.help for option in compare.params if isinstance(option, click.Option) and "--rule" in option.opts]
    assert set(Compare) <= set(re.findall(r"\w+", about or ""))
    assert {kind.rule.compare for kind in KINDS} == set(Compare)


def test_every_rule_has_a_dozen_lines() -> None:
    lines = Counter(table.column.compare for table in TABLES for _ in table.rows)
    assert lines.keys() == set(Compare)
    assert min(lines.values()) >= 12


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_forms_are_those_of_the_page_about_rules(judge: Judge, table: Table) -> None:
    found = judge.forms(table.column, [cell for cell, *_ in table.rows])
    shown = [(cell, form.platform, form.truth, form.sent) for (cell, *_), form in zip(table.rows, found, strict=True)]
    assert shown == list(table.rows)


# --- the law ---


@pytest.mark.parametrize(
    "ruled",
    [
        *(column(rule if rule != "phone" else "phone:BE") for rule in Compare),
        column("exact", empty_is_value=True),
        column("text", values={"a": "B", "1": ""}),
        column("number", decimal=","),
        column("date", format="%d/%m/%Y"),
        column("timestamp", format="%d/%m/%Y %H:%M"),
        column("date", format="excel"),
        column("timestamp", format="unix-ms"),
        column("boolean", values={"a": "true", "B": "never"}),
        column("phone:US"),
        column("set", values={"a": "x,y", "1": ","}),
    ],
    ids=lambda ruled: f"{ruled.compare}-{ruled.argument}{ruled.format or ''}{ruled.decimal}{len(ruled.values)}",
)
@SMALL
@given(texts=TEXTS)
@example(
    texts=["\x00é\x00b", "2024-10-27T00:30:00Z", "2024-10-27T01:30:00Z", "012.50", "2024-02-29 00:00:00", " \u00a0 "]
)
def test_what_is_sent_is_equal_to_what_it_was_made_from(judge: Judge, ruled: Column, texts: list[str | None]) -> None:
    """`canonical_platform(sent(x)) == canonical_truth(x)`: a correction never leaves a difference behind."""
    for text, form in zip(texts, judge.forms(ruled, texts), strict=True):
        assert form.sent_back == form.truth, repr(text)
        if ruled.compare is not Compare.NAME:  # of an accent alone, ignoring accents leaves nothing
            assert (form.sent is None) == (form.truth is None), repr(text)


# --- each rule against plain Python ---


def tidy(text: str) -> str:
    return re.sub(f"[{BLANKS}]+", " ", unicodedata.normalize("NFC", text.replace("\0", "␀"))).strip(" ")


def _compare_with(
    judge: Judge, ruled: Column, texts: Sequence[str | None], expected: Callable[[str], str | None], side: str = "truth"
) -> None:
    """The canonical form of every text is what the reference says, empty text being no value."""
    for text, form in zip(texts, judge.forms(ruled, texts), strict=True):
        wanted = (expected(text) or None) if text is not None else None
        assert getattr(form, side) == wanted, repr(text)


@SMALL
@given(texts=TEXTS)
def test_text_is_nfc_with_single_blanks(judge: Judge, texts: list[str | None]) -> None:
    _compare_with(judge, column("text"), texts, tidy)


@SMALL
@given(words=st.lists(st.text("aàÂbçéËñöüÿ Å", max_size=8), min_size=1, max_size=20))
def test_names_ignore_case_accents_and_the_form_of_unicode(judge: Judge, words: list[str]) -> None:
    def plain(text: str) -> str:
        return "".join(c for c in unicodedata.normalize("NFD", tidy(text)) if not unicodedata.combining(c)).lower()

    decomposed = [unicodedata.normalize("NFD", word).upper() for word in words]
    _compare_with(judge, column("name"), [*words, *decomposed], plain)


def test_names_that_differ_behind_a_nul_differ(judge: Judge) -> None:
    first, second = judge.forms(column("name"), ["é\x00b", "é\x00c"])
    assert first.truth != second.truth


def _number(text: str) -> str | None:
    """A number's only spelling: as an exact decimal, without exponent."""
    plain = text.strip(" \t\n\r\x0b\x0c")
    if re.fullmatch(r"(?a)\( ?[0-9.]+ ?\)|[0-9.]+ ?-", plain):
        plain = "-" + plain.strip("()- ")
    if not re.fullmatch(r"(?ia)[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]{1,4})?|[+-]?inf(inity)?|nan", plain):
        return tidy(text)
    value = Decimal(plain)
    if value.is_nan():
        return "nan"
    if value.is_infinite():
        return "inf" if value > 0 else "-inf"
    if value == 0:
        return "0"
    return format(value, "f").rstrip("0").rstrip(".") if "." in format(value, "f") else format(value, "f")


NUMBERS = st.one_of(
    st.decimals(allow_nan=True).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=4).map(lambda value: format(value, "f")),
    st.from_regex(r"\A ?[+-]?0{0,3}[0-9]{0,20}\.?[0-9]{0,6}0{0,3}([eE][+-]?[0-9]{1,2})? ?\Z"),
    NASTY,
)


@SMALL
@given(texts=st.lists(NUMBERS, min_size=1, max_size=40))
@example(texts=["0.1e-9999", "9e9999", "1e99999", "+.e5", "inf", "-Infinity", "ınf", "0e5", "-0"])
def test_numbers_are_exact_decimals(judge: Judge, texts: list[str]) -> None:
    for text, form in zip(texts, judge.forms(column("number"), texts), strict=True):
        wanted = _number(text) or None
        assert (form.platform, form.sent_back) == (wanted, wanted), repr(text)


@SMALL
@given(
    value=st.decimals(min_value=-(10**12), max_value=10**12, places=3),
    group=st.sampled_from([".", " ", "\u00a0", "\u202f", ""]),
)
def test_numbers_with_a_comma_and_groups_are_read_as_they_were_meant(judge: Judge, value: Decimal, group: str) -> None:
    spelt = f"{value:,}".replace(",", "G").replace(".", ",").replace("G", group)
    [form] = judge.forms(column("number", decimal=","), [spelt])
    assert form.sent is not None
    assert Decimal(form.sent) == value


@SMALL
@given(
    day=st.dates(min_value=date(1000, 1, 1)),
    cut=st.integers(0, 12),
    extra=st.sampled_from(["", " ", "x", " 00:00:00", "T00:00:00"]),
)
def test_dates_are_those_that_datetime_knows(judge: Judge, day: date, cut: int, extra: str) -> None:
    texts = [
        day.isoformat()[:cut] + extra,
        day.isoformat() + extra,
        day.isoformat().replace("-", "-0", 1),
        f"{day:%Y-%d-%m}",
    ]

    def reference(text: str) -> str:
        plain = re.sub(r"[ T]00:00:00$", "", text.strip())
        try:
            return datetime.strptime(plain, "%Y-%m-%d").date().isoformat() if len(plain) == 10 else tidy(text)  # noqa: DTZ007
        except ValueError:
            return tidy(text)

    _compare_with(judge, column("date"), texts, reference)
    european = [
        f"{day:%d/%m/%Y}",
        f"{day:%m/%d/%Y}",
        f"{day.day}/{day.month}/{day.year}",
        f"{day:%d/%m/%y}",
        f"{day:%d-%m-%Y}",
    ]

    def reference_european(text: str) -> str:
        try:
            return datetime.strptime(text, "%d/%m/%Y").date().isoformat()  # noqa: DTZ007
        except ValueError:
            return tidy(text)

    _compare_with(judge, column("date", format="%d/%m/%Y"), european, reference_european)


@pytest.mark.parametrize("format", ["%d/%m/%Y", "%Y%m%d", "%Y-%m-%d %H:%M:%S"])
@pytest.mark.parametrize("rule", ["date", "timestamp"])
def test_a_word_is_no_day_in_any_format(judge: Judge, rule: str, format: str) -> None:  # noqa: A002
    words = ["Infinity", "-infinity", "epoch", "EPOCH", "today"]
    _compare_with(judge, column(rule, format=format), words, lambda word: word)


def test_an_offset_from_utc_is_one_that_a_clock_may_have(judge: Judge) -> None:
    """The farthest are +14:00 and -12:00."""
    none = ["2024-01-01 10:00:00+19:00", "2024-01-01 10:00:00-16:00", "2024-01-01 10:00:00+02:75"]
    _compare_with(judge, column("timestamp"), none, lambda text: text)
    spelt = ["2024-01-01T10:00:00+14:00", "2023-12-31 10:30:00.000-09:30"]
    expected = dict(zip(spelt, ["2023-12-31 21:00:00", "2023-12-31 21:00:00"], strict=True))
    _compare_with(judge, column("timestamp"), spelt, expected.__getitem__)


AROUND_CHANGES = st.sampled_from(
    [datetime(2024, 3, 31, 1, tzinfo=UTC), datetime(2024, 10, 27, 1, tzinfo=UTC), datetime(1999, 7, 1, tzinfo=UTC)]
)


@SMALL
@given(base=AROUND_CHANGES, seconds=st.integers(-3 * 3600, 3 * 3600), micro=st.sampled_from([0, 500_000, 120, 1]))
def test_moments_are_those_of_zoneinfo(judge: Judge, base: datetime, seconds: int, micro: int) -> None:
    """A moment with a zone is shown in the contract's; one without is one of the contract's."""
    moment = base + timedelta(seconds=seconds, microseconds=micro)
    local = moment.astimezone(ZoneInfo(ZONE)).replace(tzinfo=None)

    def shown(value: datetime) -> str:
        return value.isoformat(" ").rstrip("0") if value.microsecond else value.isoformat(" ")

    spellings = [
        moment.isoformat(),
        moment.isoformat(" ").replace("+00:00", "Z"),
        moment.astimezone(ZoneInfo("Asia/Kolkata")).isoformat(),
        moment.astimezone(ZoneInfo("America/New_York")).isoformat(" "),
        local.isoformat(),
        local.isoformat(" "),
    ]
    _compare_with(judge, column("timestamp"), spellings, lambda _: shown(local))
    _compare_with(judge, column("timestamp"), spellings, lambda _: shown(local), side="platform")


@SMALL
@given(texts=TEXTS)
def test_booleans_are_the_known_words_for_yes_and_no_in_any_case(judge: Judge, texts: list[str | None]) -> None:
    yes = "true 1 y yes t on aan ein ja j oui si sim vrai waar wahr verdadero verdadeiro vero"
    no = "false 0 n no f off uit aus nee neen nein non nao faux onwaar falsch falso"
    words = dict.fromkeys(yes.split(), "true") | dict.fromkeys(no.split(), "false")

    def reference(text: str) -> str:
        plain = text.strip(" \t\n\r\x0b\x0c")
        return words.get(plain.lower(), tidy(text)) if plain.isascii() else tidy(text)

    _compare_with(judge, column("boolean"), texts, reference)


@SMALL
@given(
    members=st.lists(st.sampled_from(["wine", "Beer", " tea", "", "é", "e\u0301", "a  b"]), max_size=6),
    seed=st.randoms(),
)
def test_sets_have_no_order_and_no_repetition(judge: Judge, members: list[str], seed: object) -> None:
    shuffled = list(members)
    seed.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = judge.forms(column("set"), [",".join(members), ",".join(shuffled + shuffled)])
    assert first.truth == second.truth
    assert set((first.truth or "").split(",")) - {""} == {tidy(member) for member in members} - {""}


def test_a_whole_number_has_no_exponent(judge: Judge) -> None:
    """Where Actito holds whole numbers, 9.7E+16 is what a spreadsheet has left of 97000000002038229."""
    texts = ["9.7E+16", "1e5", " 1E5 ", "007", "12.0", "97000000002038229", "1e"]
    for kind in (AttributeType.INTEGER, AttributeType.LONG):
        found = judge.forms(column("number", type=kind), texts)
        assert [form.truth for form in found] == ["9.7E+16", "1e5", "1E5", "7", "12", "97000000002038229", "1e"]
        assert [form.platform for form in found] == [form.truth for form in found]
        assert found[0].sent == "9.7E+16"
    [form] = judge.forms(column("number", type=AttributeType.NUMERIC), ["1e5"])
    assert form.truth == "100000"


# --- phone numbers: the library is right ---

REGIONS = ("BE", "NL", "FR", "DE", "LU", "GB", "US")


def _phone(text: str, region: str) -> str | None:
    try:
        parsed = phonenumbers.parse(text.replace("(0)", ""), region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed) or parsed.extension:
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


@st.composite
def phone_texts(draw: st.DrawFn, region: str) -> str:
    """Numbers near the border of validity: examples of the region with digits changed, cut or added, and respelt."""
    kinds = [kind for kind in phonenumbers.PhoneNumberType.values() if kind < 11]
    known = (phonenumbers.example_number_for_type(region, draw(st.sampled_from(kinds))) for _ in range(3))
    number = next((found for found in known if found), None) or phonenumbers.example_number(region)
    assert number is not None
    digits = list(str(number.national_number))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(digits) - 1))
        digits[place] = draw(st.sampled_from([*"0123456789", "", "00"]))
    national = "".join(digits)
    if draw(st.booleans()):
        national = draw(st.sampled_from([" ", ".", "-", "/", "\u00a0", " - "])).join(re.findall("..?", national))
    code = str(number.country_code)
    prefix = draw(
        st.sampled_from(
            ["0", f"+{code}", f"+{code} ", f"00{code}", f"+{code} (0)", f"+{code}0", "", "1", "(0)", "+1", "+44 "]
        )
    )
    return draw(st.sampled_from(["", " "])) + prefix + national + draw(st.sampled_from(["", "", " ", "a", "ext 3"]))


@pytest.mark.parametrize("region", REGIONS)
@SMALL
@given(data=st.data())
def test_phone_numbers_are_what_phonenumbers_says(judge: Judge, region: str, data: st.DataObject) -> None:
    texts = data.draw(st.lists(phone_texts(region), min_size=30, max_size=30))
    for text, form in zip(texts, judge.forms(column(f"phone:{region}"), texts), strict=True):
        read = _phone(text, region)
        assert form.truth == (read or tidy(text) or None), repr(text)


@pytest.mark.parametrize("region", REGIONS)
def test_every_example_number_of_the_library_is_read(judge: Judge, region: str) -> None:
    """Every kind of number, in the three ways in which people write it."""
    numbers = [phonenumbers.example_number_for_type(region, kind) for kind in phonenumbers.PhoneNumberType.values()]
    shapes = ("NATIONAL", "INTERNATIONAL", "E164")
    spelt = [
        (phonenumbers.format_number(number, getattr(phonenumbers.PhoneNumberFormat, shape)), number)
        for number in numbers
        if number
        for shape in shapes
    ]
    for (text, number), form in zip(
        spelt, judge.forms(column(f"phone:{region}"), [text for text, _ in spelt]), strict=True
    ):
        assert form.truth == phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), text


# --- equality of canonical forms ---


@pytest.mark.parametrize(
    ("tolerance", "noise", "platform", "truth", "equal"),
    [
        (None, False, "0.3", "0.30000000000000004", False),
        (None, True, "0.3", "0.30000000000000004", True),
        (None, True, "100000000000000000000", "100000000000000001000", True),
        (None, True, "1", "1.0000000000011", False),
        (None, True, "0", "0.0000000000000000001", False),
        (None, True, "nan", "nan", True),
        (None, True, "nan", "5", False),
        (None, True, "inf", "5", False),
        (None, True, "inf", "-inf", False),
        (None, True, "inf", "inf", True),
        (None, True, "5", "five", False),
        (None, True, "5", None, False),
        ("0.01", False, "1.00", "1.01", True),
        ("0.01", False, "1.00", "0.99", True),
        ("0.01", False, "1", "1.010000000001", False),
        ("0.1", False, "0.1", "0.2", True),
        ("0.1", False, "0.3", "0.2", True),
        ("0", False, "1", "1.0", True),
        ("1", False, None, "0", False),
        ("1", False, None, None, True),
        ("1", False, "nan", "nan", True),
        ("1", False, "inf", "inf", True),
        ("1", False, "x", "x", True),
        ("1", False, "x", "1", False),
        ("1", False, "9999999999999999999999999", "-9999999999999999999999999", False),
        ("1", False, "99999999999999999999999999", "-99999999999999999999999999", False),
        ("1", False, "123456789012345678901234", "123456789012345678901235", True),
        ("0.01", True, "1000", "1000.01", True),
        ("1", False, "1_0", "10", False),
        (None, True, "1_0", "10", False),
        (None, True, "4915123456789", "4915123456786", False),
        (None, True, "4915123456789.0", "4915123456786", False),
        (None, True, "4915123456789.0", "4915123456789", True),
        (None, True, "1234567890123456", "1234567890123457", False),
        (None, True, "9007199254740993", "9007199254740992", True),  # a float cannot hold the first
        (None, True, "2.9999999999999996", "3", True),
    ],
)
def test_equality_of_numbers(
    judge: Judge, tolerance: str | None, noise: bool, platform: str | None, truth: str | None, equal: bool
) -> None:
    """A tolerance is an inclusive distance of decimals; float noise is relative, and never swallows NaN or infinity."""
    ruled = column("number", tolerance=None if tolerance is None else Decimal(tolerance), float_noise=noise)
    assert judge.equal(ruled, [(platform, truth), (truth, platform)]) == [equal, equal]


@pytest.mark.parametrize(
    ("rule", "tolerance", "platform", "truth", "equal"),
    [
        ("number", "1%", "100", "99", True),
        ("number", "1%", "100", "101", True),  # of the larger
        ("number", "1%", "100", "98.99", False),
        ("number", "29%", "100", "71", True),
        ("number", "0.5%", "-200", "-199", True),
        ("number", "1%", "1", "-1", False),
        ("number", "1%", "0", "0.0001", False),
        ("number", "100%", "5", "x", False),
        ("number", "100%", "nan", "5", False),
        ("number", "1%", None, "0", False),
        ("date", "1d", "2024-02-29", "2024-03-01", True),
        ("date", "1d", "2024-02-28", "2024-03-01", False),
        ("date", "1d", "1899-12-31", "1900-01-01", True),
        ("date", "1d", "soon", "2024-03-01", False),
        ("date", "1d", "29/02/2024", "01/03/2024", False),
        ("date", "1d", "29/02/2024", "29/02/2024", True),
        ("date", "1d", None, "2024-03-01", False),
        ("timestamp", "2h", "2024-03-10 10:00:00", "2024-03-10 12:00:00", True),
        ("timestamp", "2h", "2024-03-10 10:00:00", "2024-03-10 12:00:01", False),
        ("timestamp", "2h", "2024-03-10 10:00:00", "2024-03-10 12:00:00.000001", False),
        ("timestamp", "90s", "2024-12-31 23:59:30", "2025-01-01 00:01:00", True),
        ("timestamp", "90s", "2024-12-31 23:59:29.999999", "2025-01-01 00:01:00", False),
        ("timestamp", "1d", "2024-03-10 00:00:00", "2024-03-11 00:00:00", True),
        ("timestamp", "0s", "2024-03-10 00:00:00", "2024-03-10 00:00:00.5", False),
    ],
)
def test_distances(
    judge: Judge, rule: str, tolerance: str, platform: str | None, truth: str | None, equal: bool
) -> None:
    ruled = column(rule, tolerance=parse_distance(tolerance))
    assert judge.equal(ruled, [(platform, truth), (truth, platform)]) == [equal, equal]


def test_members_of_two_files_are_divided_alike(judge: Judge) -> None:
    """A comma is a part of a member where another sign divides."""
    forms = judge.forms(column("set:;", spelt_alike=True), ["b; a,c", "a,c;b", "b;a;c", ";"])
    assert [form.platform for form in forms] == [form.truth for form in forms] == ["a,c;b", "a,c;b", "a;b;c", None]


@SMALL
@given(
    pairs=st.lists(st.tuples(st.decimals(-(10**6), 10**6, places=4), st.integers(-30, 30)), min_size=1, max_size=30),
    distance=st.decimals(0, 20, places=4),
)
def test_a_tolerance_is_an_inclusive_distance(
    judge: Judge, pairs: list[tuple[Decimal, int]], distance: Decimal
) -> None:
    ruled = column("number", tolerance=distance)
    values = [(value, value + step * distance / 10) for value, step in pairs]
    found = judge.equal(ruled, [(format(a, "f"), format(b, "f")) for a, b in values])
    assert found == [abs(a - b) <= distance for a, b in values]


@SMALL
@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_floats_that_went_through_arithmetic_are_still_themselves(judge: Judge, values: list[float]) -> None:
    """Whole numbers are exact, and stay apart."""
    near = [(value, math.nextafter(value, math.inf)) for value in values if 1e-300 < abs(value) < 2**52]
    noisy = [(format(Decimal(repr(one)), "f"), format(Decimal(repr(other)), "f")) for one, other in near]
    if noisy:
        assert all(judge.equal(column("number", float_noise=True), noisy))


def test_only_a_number_can_be_near_another(judge: Judge) -> None:
    """Without tolerance and noise nothing but the same text is equal, and empty equals empty."""
    pairs: list[tuple[str | None, str | None]] = [("a", "a"), ("a", "A"), (None, None), (None, ""), ("1", "1.0")]
    assert judge.equal(column("text"), pairs) == [True, False, True, False, False]


# --- marks and keys ---


@SMALL
@given(forms=st.lists(st.none() | NASTY | st.sampled_from(["n", "v", "vn", ""]), min_size=1, max_size=20))
def test_a_mark_tells_empty_from_unknown_and_gives_the_form_back(judge: Judge, forms: list[str | None]) -> None:
    marks = judge.marks(forms)
    assert [form for _, form in marks] == forms
    assert all((mark == "n") == (form is None) for (mark, _), form in zip(marks, forms, strict=True))


@SMALL
@given(
    keys=st.lists(
        st.tuples(*[st.none() | NASTY | ANY | st.sampled_from(['"', "\\", "\x01", "\t", "a\nb", '","'])] * 2),
        min_size=1,
        max_size=20,
    )
)
def test_keys_of_several_columns_are_json_and_give_their_parts_back(
    judge: Judge, keys: list[tuple[str | None, str | None]]
) -> None:
    for key, form in zip(keys, judge.key(keys), strict=True):
        if None in key:
            assert form is None
        else:
            assert form is not None
            assert json.loads(form) == list(key)


def test_a_key_of_one_column_is_its_text(judge: Judge) -> None:
    assert judge.key([["a"], [None], ['"']]) == ["a", None, '"']


# --- what needs a library ---

LOCAL = st.text("aB.é\u200b+ \u00a0", min_size=1, max_size=5)
LABEL = st.sampled_from(
    ["b", "MÜNCHEN", "mu\u0308nchen", "xn--mnchen-3ya", "straße", "strasse", "ﬁn", "한국", "é", "", "Ł-ø"]
)


@SMALL
@given(cells=st.lists(st.tuples(LOCAL, st.lists(LABEL, min_size=1, max_size=3)), min_size=1, max_size=20))
@example(cells=[("x", ["straße", "de"]), ("x", ["", "é", "be"]), ("\u00a0a", ["b", "\u00a0"])])
def test_addresses_are_what_the_codec_of_domain_names_says(judge: Judge, cells: list[tuple[str, list[str]]]) -> None:
    """But for the ß, which is a letter of its own since 2010; and a domain that is none stays as it is."""

    def reference(text: str) -> str:
        plain = unicodedata.normalize("NFC", text).strip(BLANKS).lower()
        local, at, domain = plain.rpartition("@")
        if not at or domain.isascii():
            return plain
        try:
            return local + at + domain.replace("straße", "xn--strae-oqa").encode("idna").decode()
        except UnicodeError:
            return plain

    _compare_with(judge, column("email"), [f"{local}@{'.'.join(labels)}" for local, labels in cells], reference)


@pytest.mark.parametrize(
    ("rule", "asked", "well_formed", "odd"),
    [
        ("phone:BE", phone_number, ["+32470{:06}", "0470 {:06}", "0470.{:06}", "02/555.12.{:02}"], "00 32 (0)470{:06}"),
        ("number", plain_number, ["{}", "-{}.50", "00{}", "{}.0125"], "{}e3"),
        ("email", ascii_domain, ["an.{}@example.com", "An{}@Example.COM ", "an@b{}.be"], "an{}@münchen.de"),
    ],
)  # fmt: skip
def test_the_library_sees_only_what_expressions_cannot_decide_and_each_spelling_once(
    judge: Judge, rule: str, asked: Any, well_formed: list[str], odd: str
) -> None:
    """A call per value would take minutes where the expressions take a second."""
    asked.cache_clear()
    judge.forms(column(rule), [spelt.format(number) for spelt in well_formed for number in range(1, 60)])
    assert asked.cache_info().misses == 0
    judge.forms(column(rule), [odd.format(number) for number in (*range(1, 21), *range(1, 21))])
    assert asked.cache_info().misses == 20
