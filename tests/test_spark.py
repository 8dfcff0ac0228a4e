"""The same expressions on DuckDB and, through Spark Connect, on Sail: primitive by primitive, rule by rule."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from auditor.engine.duckdb import DuckDB
from auditor.engine.functions import declared, hashed
from auditor.engine.protocol import Engine
from auditor.engine.spark import connect, twins
from auditor.engine.spark.entries import portable
from auditor.equality import amounts, primitives, rules
from auditor.equality.primitives import FUNCTIONS, nfc_normalize, strip_accents
from auditor.explain import folds, spelling
from auditor.model import Side
from auditor.settings.contract import Column, Share
from tests.spark_server import sail
from tests.test_rules import TABLES, TEXTS, ZONE, Table, column

if TYPE_CHECKING:
    import ibis.expr.types as ir

SOME = settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass(frozen=True)
class Both:
    """One engine of each kind."""

    engines: tuple[Engine, Engine]

    def rows(self, make: Callable[[ir.Table], dict[str, Any]], **texts: Sequence[str | None]) -> list[list[Any]]:
        """What both make of the columns of a table, in its order."""
        frame = pl.DataFrame(texts, schema=dict.fromkeys(texts, pl.String)).with_row_index("n")
        found = []
        for engine in self.engines:
            table = engine.put(frame.with_columns(pl.col("n").cast(pl.Int64)), "texts")
            found.append([row[1:] for row in sorted(engine.rows(table.select("n", **make(table))))])
        return found

    def agree(self, make: Callable[[ir.Table], dict[str, Any]], **texts: Sequence[str | None]) -> None:
        duckdb, spark = self.rows(make, **texts)
        cells = zip(*texts.values(), strict=True)
        answers = zip(cells, duckdb, spark, strict=True)
        differing = [(cell, ours, theirs) for cell, ours, theirs in answers if ours != theirs]
        assert differing == []


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("spark")
    with sail(folder) as remote, closing(DuckDB(temp=folder)) as duckdb, closing(connect(remote)) as spark:
        for engine in (duckdb, spark):
            engine.register(FUNCTIONS)
            engine.register(spelling.FUNCTIONS)
        yield Both((duckdb, spark))


# --- the twins of DuckDB's functions ---


def test_twins_agree_with_duckdb_on_every_character(tmp_path: Path) -> None:
    """Each alone, and behind a letter that it may combine with."""
    known = [chr(code) for code in range(1, 0x110000) if unicodedata.category(chr(code)) not in ("Cs", "Cn", "Co")]
    texts = [*known, *("e" + letter for letter in known)]
    with closing(DuckDB(temp=tmp_path)) as engine:
        table = engine.put(pl.DataFrame({"text": texts}), "texts")
        rows = engine.rows(
            table.select(
                "text",
                nfc=nfc_normalize(table.text),
                plain=strip_accents(table.text),
                lower=table.text.lower(),
                upper=table.text.upper(),
            )
        )
    forms = (twins.nfc, twins.without_accents, twins.lower, twins.upper)
    assert len(rows) == 2 * len(known)
    assert [(text, found) for text, *found in rows if found != [form(text) for form in forms]] == []


# --- regular expressions ---


@pytest.mark.parametrize(
    ("pattern", "written"),
    [
        (r"^\d+$", r"^[0-9]+\z"),
        (r"[\d\s]$", r"[0-9\t\n\f\r ]\z"),
        (r"a.b\.c\$", r"a[^\n]b\.c\$"),
        (r"[$.]", r"[$.]"),
        (r"[^]&[~]", r"[^]\&\[\~]"),
        (r"\p{P}[\x{00A0}\]]$", r"\p{P}[\x{00A0}\]]\z"),
    ],
)
def test_a_pattern_is_written_for_every_engine(pattern: str, written: str) -> None:
    assert portable(pattern) == written


# --- primitive by primitive ---

DATES = st.one_of(
    st.datetimes().map(lambda moment: moment.isoformat(" ")),
    st.dates().map(lambda day: f"{day:%d/%m/%Y}"),
    st.sampled_from(
        ["2024-03-31 02:30:00", "2024-10-27 02:30:00", "2024-01-01 24:00:00", "2024-02-30", "2024-01-01T10:00",
         "2024-01-01 10:00:00Z", "2024-01-01 10:00:00+0200", "2024-01-01 10:00:00.5-03:30", "2024-01-01 10:00:60",
         "2024-01-01 10:00:00 Z", "2024-01-01 10:00Z", "2024-01-01 10:00:00+19:00", "1/2/2024", "29/02/2023", "3/4/24",
         "2024-10-27 02:59:59.999999999", " 2024-01-01 ", "2024-01-01 00:00:00.000"]
    ),
)  # fmt: skip
NUMBERS = st.one_of(
    st.decimals(allow_nan=False).map(str),
    st.sampled_from(["1.234,50", "1 234,5", "-0,0", "+00.10", "1e5", ".5", "5.", "1.2.3", "٣", "inf", "NaN", "1,5"]),
)
CELLS = st.lists(st.none() | DATES | NUMBERS | st.sampled_from(["0470 12 34 56", "+32470123456"]), max_size=15).flatmap(
    lambda typed: TEXTS.map(lambda texts: [*typed, *texts])
)

PRIMITIVES: dict[str, Callable[[ir.StringValue], ir.Value]] = {
    "blank_to_null": primitives.blank_to_null,
    "nfc": primitives.nfc,
    "tidy": primitives.tidy,
    "fold": primitives.fold,
    "code": primitives.code,
    "email": primitives.email,
    "bare_code": primitives.bare_code,
    "truth_value": primitives.truth_value,
    "number": lambda text: primitives.number(text, "."),
    "number with a comma": lambda text: primitives.number(text, ","),
    "amount": lambda text: amounts.amount(text, ",", "€|EUR"),
    "amount of hundredths": lambda text: amounts.amount(text, ".", "%/100"),
    "date": lambda text: primitives.date_text(text, None),
    "date by its format": lambda text: primitives.date_text(text, "%d/%m/%Y"),
    "moment": lambda text: primitives.moment_text(text, None, ZONE, in_zone=ZONE),
    "moment by its format": lambda text: primitives.moment_text(text, "%Y-%m-%d %H:%M:%S", ZONE, in_zone="UTC"),
    "members": lambda text: primitives.members(text, ";|", ",", in_order=False),
    "members in order": lambda text: primitives.members(text, "-", "-", in_order=True),
    "json_array": lambda text: primitives.json_array([text.fill_null(""), text.fill_null('"')]),
    "phone": lambda text: primitives.phone(text, "BE"),
    "shape": folds.shape,
    "joined": folds.joined,
    "lower": folds.lower,
    "plain": lambda text: folds.plain(folds.lower(folds.shape(text))),
    "bare": folds.bare,
    "spelt_out": lambda text: folds.plain(folds.spelt_out(folds.lower(folds.shape(text)))),
    "trimmed": folds.trimmed,
}


@pytest.mark.parametrize("name", PRIMITIVES)
@SOME
@given(texts=CELLS)
@example(texts=["ΟΔΟΣ", "İI", "ß", "\xa0a\xa0", "Łódź", "e\u0301", "a\x00b", "\u1112\u1161\u11ab", "ﬁ", "", None])
def test_a_primitive_is_one_thing_on_both_engines(both: Both, name: str, texts: list[str | None]) -> None:
    both.agree(lambda table: {"made": PRIMITIVES[name](table.text)}, text=texts)


PAIRS: dict[str, Callable[[ir.StringValue, ir.StringValue], ir.Value]] = {
    "damage": spelling.damage,
    "same_number": spelling.same_number,
    "mistyped": spelling.mistyped,
    "similarity": lambda a, b: declared("jaro_winkler_similarity", ("string", "string"), "float64")(a, b),
    "order": lambda a, b: a < b,
    "begins": lambda a, b: a.startswith(b),
}


@pytest.mark.parametrize("name", PAIRS)
@SOME
@given(texts=CELLS, others=CELLS)
def test_a_question_about_two_texts_has_one_answer(
    both: Both, name: str, texts: list[str | None], others: list[str | None]
) -> None:
    pairs = list(zip(texts, others, strict=False)) or [("a", "b")]
    both.agree(lambda table: {"made": PAIRS[name](table.a, table.b)}, a=[a for a, _ in pairs], b=[b for _, b in pairs])


@SOME
@given(texts=CELLS, others=CELLS)
def test_rows_have_one_hash_only_if_their_cells_are_the_same(
    both: Both, texts: list[str | None], others: list[str | None]
) -> None:
    """Whatever an engine's hash is: a null is no text, and where a cell ends matters."""
    pairs = [
        *zip(texts, others, strict=False),
        (None, "n"),
        ("n", None),
        ("", "va"),
        ("va", ""),
        ("a|b", "c"),
        ("a", "b|c"),
    ]
    _, spark = both.rows(
        lambda table: {"hash": hashed(ibis.struct({"a": table.a, "b": table.b}))},
        a=[a for a, _ in pairs],
        b=[b for _, b in pairs],
    )
    hashes = [row[0] for row in spark]
    assert len(set(hashes)) == len(set(pairs))
    assert len(set(zip(pairs, hashes, strict=True))) == len(set(pairs))


# --- rule by rule ---


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_forms_on_spark_are_those_of_the_page_about_rules(both: Both, table: Table) -> None:
    _, spark = both.rows(lambda cells: _forms(cells.text, table.column), text=[cell for cell, *_ in table.rows])
    assert [(cell, *forms) for (cell, *_), forms in zip(table.rows, spark, strict=True)] == list(table.rows)


def _forms(text: ir.StringValue, ruled: Column) -> dict[str, ir.Value]:
    return {
        "platform": rules.canonical(text, ruled, Side.PLATFORM, ZONE),
        "truth": rules.canonical(text, ruled, Side.TRUTH, ZONE),
        "sent": rules.sent(text, ruled, ZONE),
    }


RULED = [column("exact"), column("name"), column("email"), column("phone:BE"),
         column("number", tolerance=Decimal("0.01")), column("number", tolerance=Share(Decimal("0.1"))),
         column("number", float_noise=True), column("timestamp"), column("timestamp", tolerance=timedelta(hours=26)),
         column("set"), column("set:;|")]  # fmt: skip


@pytest.mark.parametrize("ruled", RULED, ids=lambda ruled: ruled.compare.value)
@SOME
@given(texts=CELLS, others=CELLS)
@example(texts=["0.1", "1_0", "inf", "٣"], others=["0.10000000000000001", "10", "nan", "3"])
def test_two_cells_are_equal_on_both_engines_or_on_none(
    both: Both, ruled: Column, texts: list[str | None], others: list[str | None]
) -> None:
    pairs = list(zip(texts, others, strict=False)) or [("a", "b")]

    def equal(table: ir.Table) -> dict[str, ir.Value]:
        a = rules.canonical(table.a, ruled, Side.PLATFORM, ZONE)
        b = rules.canonical(table.b, ruled, Side.TRUTH, ZONE)
        return {"equal": rules.equal(a, b, ruled), "key": rules.key_form([a, b]), "mark": rules.marked(a)}

    both.agree(equal, a=[a for a, _ in pairs], b=[b for _, b in pairs])
