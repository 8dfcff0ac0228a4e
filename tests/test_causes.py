"""Causes: every difference has one, they add up, their ids last, and their sentences say what a steward can act on."""

# ruff: noqa: E501 -- the rows of a table are read better than they are wide

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.engine.duckdb import DuckDB
from auditor.explain import explain
from auditor.explain.causes import cause_id
from auditor.explain.traits import Length, Other, Prefix, Trait, Value, Window
from auditor.explain.weight import Tally
from auditor.findings import audit
from auditor.findings.codes import Cause, read_shared, shared_text
from auditor.findings.english.cause_sentences import cause
from auditor.findings.reason import Reason
from auditor.findings.sentences import with_sentences
from auditor.findings.words import Words
from auditor.model import AttributeType, Side
from auditor.settings.contract import Column, Polarity, Sensitivity
from tests.cells_table import Cell, column, make_cells
from tests.last_found import frame, last, remember, sql

SAY = Words("Actito", "CRM")

COLUMNS = (
    column("lastName"),
    column("note", "exact"),
    column("lifetimeValue", "number"),
    column("birthDate", "date"),
    column("subscriptions#Newsletter", "boolean", permission=Polarity.OPT_IN),
    column("doNotContact", "boolean", permission=Polarity.OPT_OUT),
    column("hasCard", "boolean"),
    column("motherLanguage", "code", type=AttributeType.LANGUAGE, sensitivity=Sensitivity.PUBLIC),
    column("addressCountry", "code", type=AttributeType.COUNTRY),
)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDB]:
    engine = DuckDB(temp=tmp_path)
    yield engine
    engine.close()


def explained(engine: DuckDB, cells: Sequence[Cell], columns: Sequence[Column] = COLUMNS) -> list[tuple[Any, ...]]:
    """The causes of cells: column, reason, pattern, profiles, sentence."""
    found = explain(engine, make_cells(engine, cells), columns)
    remember(engine, differences=found.differences, causes=found.causes)
    told = with_sentences(engine.frame(found.causes), SAY)
    return told.select("column", "reason", "pattern", "profiles", "sentence").rows()


PATTERNS = [
        ("\u200bAnna", "Anna", "invisible characters on platform"),
        ("Anna", "Anna\u00ad", "invisible characters in truth"),
        ("Zoe\u0308", "Zoë", "decomposed accents on platform"),
        ("Zoë", "Zoe\u0308", "decomposed accents in truth"),
        ("D’Hondt", "D'Hondt", "look-alike characters"),
        ("\x00Zoe\u0308", "\x00Zoë", "decomposed accents on platform"),
        ("\x00Zoë", "\x00Zoe\u0308", "decomposed accents in truth"),
        ("\x00Andre", "\x00André", "accents missing on platform"),
        (" Anna", "Anna", "leading blanks on platform"),
        ("Anna ", "Anna", "trailing blanks on platform"),
        (" Anna ", "Anna", "leading and trailing blanks on platform"),
        ("An  na", "An na", "doubled blanks on platform"),
        ("An\u00a0na", "An na", "unusual blanks on platform"),
        ("An na", "An  na", "doubled blanks in truth"),
        ("Vandamme", "Van damme", "blanks missing on platform"),
        ("Van damme", "Vandamme", "blanks missing in truth"),
        ("ANNA", "Anna", "upper case → mixed case"),
        ("anna", "Anna", "lower case → mixed case"),
        ("Anna", "ANNA", "mixed case → upper case"),
        ("AnNa", "AnnA", "mixed case → mixed case"),
        ("Andre", "André", "accents missing on platform"),
        ("André", "Andre", "accents missing in truth"),
        ("Andrè", "André", "other accents"),
        ("Strasse", "Straße", "accents missing on platform"),
        ("DHondt", "D'Hondt", "punctuation missing on platform"),
        ("Saint-Gilles", "Saint Gilles", "punctuation missing in truth"),
        ("Saint.Gilles", "Saint-Gilles", "other punctuation"),
        ('"Hélène Dvořák"', "Hélène Dvořák", "quotes or brackets on platform"),
        ("Hélène", "['Hélène']", "quotes or brackets in truth"),
        ("(De Smet)", "De Smet", "quotes or brackets on platform"),
        ("ann@x.be;", "ann@x.be", "signs around it on platform"),
        ("'t Hooft", "t Hooft", "punctuation missing in truth"),
        ("Smit Jr", "Smit Jr.", "punctuation missing on platform"),
        ("5-3", "MRT-5", "a date of a spreadsheet in truth"),
        ("1257.3600000000001", "1257.36", "rounding noise on platform"),
        ("12.36", "12.359999656677246", "32 bits in truth"),
        ("AndrÃ©", "André", "garbled on platform"),
        ("André", "AndrÃ©", "garbled in truth"),
        ("Andr?", "André", "letters lost on platform"),
        ("André", "Andr\ufffd", "letters lost in truth"),
        ("42", "0042", "zeros missing on platform"),
        ("042", "42", "zeros missing in truth"),
        ("Vanden", "Vandenbroeck", "cut off on platform"),
        ("Vandenbroeck", "Vanden", "cut off in truth"),
        ("Smit &amp; Zonen", "Smit & Zonen", "HTML codes on platform"),
        ("Smit & Zonen", "Smit%20%26%20Zonen", "codes of an address in truth"),
        ('="0042"', "0042", "a formula on platform"),
        ("WAAR", "true", "yes or no"),
        ("0470 12 34 56", "+32470123456", "a number without its country on platform"),
        ("ann@x.be", "Ann <ann@x.be>", "more than the address in truth"),
        ("a1@x.be;b1@y.be", "a1@x.be", "several values on platform"),
        ("32470123456", "3.24701E+10", "digits lost in truth"),
        ("#N/A", "Peeters", "a spreadsheet's error on platform"),
        ("Peeters", "Janssens", ""),
        ("Peeters", "", ""),
]  # fmt: skip


def test_each_pair_has_its_pattern(engine: DuckDB) -> None:
    cells = [Cell(platform, truth, str(n), "note", "exact") for n, (platform, truth, _) in enumerate(PATTERNS)]
    explained(engine, cells)
    query = (
        "SELECT d.platform, d.truth, c.pattern FROM {differences} d JOIN {causes} c USING (cause) ORDER BY d.key::INT"
    )
    assert sql(engine, query) == PATTERNS


def test_a_length_that_most_share_is_a_cause_of_its_own(engine: DuckDB) -> None:
    """Eight of ten were cut off after six characters: the field is too short. Two were cut off elsewhere."""
    cells = [Cell(f"Vande{n}", f"Vande{n}broeck", f"k{n}") for n in range(8)]
    cells += [Cell("Cau", "Cauwelaert", "k8"), Cell("Hoo", "Hoogenboom", "k9")]
    assert [row[2:] for row in explained(engine, cells)] == [
        ("cut off on platform after 6 characters", 8, "8 profiles: lastName is cut off in Actito after 6 characters"),
        ("cut off on platform", 2, "2 profiles: lastName is cut off in Actito"),
    ]


def test_permissions_are_on_or_off_whichever_way_round_they_are_spelt(engine: DuckDB) -> None:
    cells = [
        Cell("true", "false", "a", "subscriptions#Newsletter", "boolean"),
        Cell("false", "true", "b", "subscriptions#Newsletter", "boolean"),
        Cell("false", "true", "c", "doNotContact", "boolean"),
        Cell("true", "false", "d", "hasCard", "boolean"),
    ]
    assert {(row[0], row[2], row[4]) for row in explained(engine, cells)} == {
        (
            "subscriptions#Newsletter",
            "on → off",
            "1 profile: the permission subscriptions#Newsletter says “may be contacted” in Actito, “may not be contacted” "
            "in CRM",
        ),
        (
            "subscriptions#Newsletter",
            "off → on",
            "1 profile: the permission subscriptions#Newsletter says “may not be contacted” in Actito, “may be contacted” "
            "in CRM",
        ),
        (
            "doNotContact",
            "on → off",
            "1 profile: the permission doNotContact says “may be contacted” in Actito, “may not be contacted” in CRM",
        ),
        ("hasCard", "true → false", "1 profile: hasCard is true in Actito, false in CRM"),
    }


def test_values_are_shown_only_of_public_fields_with_few(engine: DuckDB) -> None:
    languages = [Cell("FR", "NL", f"k{n}", "motherLanguage", "code") for n in range(3)]
    countries = [Cell("BE", "FR", f"k{n}", "addressCountry", "code") for n in range(2)]
    assert [row[2:] for row in explained(engine, languages + countries)] == [
        ("FR → NL", 3, "3 profiles: motherLanguage is FR in Actito, NL in CRM"),
        ("", 2, "2 profiles: addressCountry is not the same in Actito and CRM"),
    ]
    many = [Cell(f"A{n}", f"B{n}", f"k{n}", "motherLanguage", "code") for n in range(13)]
    assert [row[2:4] for row in explained(engine, many)] == [("", 13)]


def test_a_lost_plus_is_told_from_other_punctuation(engine: DuckDB) -> None:
    cells = [Cell("32470123456", "+32470123456", "a", "note", "exact"), Cell("+3247", "3247", "b", "note", "exact")]
    assert {row[2:] for row in explained(engine, cells)} == {
        ("leading + missing on platform", 1, "1 profile: note has no leading + in Actito, CRM writes it"),
        ("leading + missing in truth", 1, "1 profile: note has no leading + in CRM, Actito writes it"),
    }


def test_examples_are_the_first_differences_by_their_keys(engine: DuckDB) -> None:
    cells = [Cell(f"ANNA{n}", f"Anna{n}", f"k{n}") for n in (5, 2, 4, 1, 3)] + [Cell(None, "x", "k0", "note", "exact")]
    explained(engine, cells)
    assert sql(engine, 'SELECT "column", examples FROM {causes} ORDER BY 1') == [
        ("lastName", [{"key": f"k{n}", "platform": f"ANNA{n}", "truth": f"Anna{n}"} for n in (1, 2, 3)]),
        ("note", [{"key": "k0", "platform": None, "truth": "x"}]),
    ]


MARCH = (1_772_442_000, 1_772_442_000 + 360)
"""9:00:00 UTC on 2 March 2026, 10 o'clock in Brussels, and six minutes later."""


@pytest.mark.parametrize(
    ("traits", "tally", "said"),
    [
        ([Trait(Window(Side.PLATFORM), 0, MARCH)], Tally(1200, 1200, 40, 2000),
         "All of them changed in Actito on 2026-03-02 between 10:00 and 10:06, 2 % of the others: it occurs nowhere else"),
        ([Trait(Window(Side.TRUTH), 0, (MARCH[0], MARCH[0] + 59))], Tally(1164, 1200, 0, 2000),
         "97 % of them changed in CRM on 2026-03-02 at 10:00, none of the others: it is 57 times as frequent there as "
         "elsewhere"),
        ([Trait(Window(Side.TRUTH), 0, (MARCH[0], MARCH[0] + 30_000))], Tally(1200, 1200, 0, 2000),
         "All of them changed in CRM on 2026-03-02, none of the others"),
        ([Trait(Window(Side.TRUTH), 0, (MARCH[0], MARCH[0] + 50_400))], Tally(1199, 1200, 1, 2000),
         "Over 99 % of them changed in CRM between 2026-03-02 10:00 and 2026-03-03 00:00, under 1 % of the others: "
         "it is 1,998 times as frequent there as elsewhere"),
        ([Trait(Other(0, column("segmentations#Tier", sensitivity=Sensitivity.PUBLIC)), "Gold"),
          Trait(Other(1, column("segmentations#Vip", "boolean")), "false")], Tally(1200, 1200, 0, 2000),
         "All of them are in segment Gold of Tier and are not in segment Vip, none of the others"),
        ([Trait(Other(0, column("favouriteShop")), "Gent")], Tally(900, 1200, 500, 2000),
         "75 % of them have the same favouriteShop, 25 % of the others: it is 3.9 times as frequent there as elsewhere"),
        ([Trait(Prefix(1), "Z")], Tally(1200, 1200, 0, 2000),
         "All of them have a value that begins with the same character, none of the others"),
        ([Trait(Length(), 1)], Tally(1200, 1200, 0, 2000), "All of them have a value of 1 character, none of the others"),
    ],
)  # fmt: skip
def test_what_is_common_is_said_plainly(traits: list[Trait], tally: Tally, said: str) -> None:
    shared = tuple(trait.facts(column("lastName"), "Europe/Brussels", freely=False) for trait in traits)
    assert shared == read_shared(shared_text(shared)), "it is stored without a loss"
    figures = (tally.share, tally.elsewhere, tally.lift)
    one = Cause("lastName", Reason.CASE, "upper case → mixed case", 1200, shared, *figures)
    assert cause(one, SAY) == (
        f"1,200 profiles: lastName is in upper case in Actito, CRM writes it in mixed case. {said}"
    )


def test_a_value_that_may_be_named_cannot_act_on_a_terminal() -> None:
    shared = Trait(Value(Side.TRUTH), "\x1b[31m" + "x" * 60).facts(column("note"), "UTC", freely=True)
    said = cause(Cause("note", Reason.DIFFERENT, "", 1200, (shared,), 1.0, 0.0), Words("A", "B"))
    assert said.endswith("All of them have “\\u001b[31m" + "x" * 29 + "…” in B, none of the others")


@pytest.mark.parametrize(("profiles", "swaps"), [(2, "the two: 1 swap"), (2400, "two of them each: 1,200 swaps")])
def test_two_profiles_that_carry_each_others_value_are_one_swap(profiles: int, swaps: str) -> None:
    said = cause(Cause("emailAddress", Reason.SWAPPED, "", profiles), SAY)
    assert said == f"{profiles:,} profiles: emailAddress was exchanged between {swaps}"


def test_each_of_them_is_told_who_carries_its_value() -> None:
    rows = [
        ("1", "emailAddress", "Ann@x.be ", "bob@x.be", "swapped"),
        ("2", "emailAddress", "bob@x.be", "ann@x.be", "swapped"),
        ("3", "gsmNumber", "bob@x.be", "ann@x.be", "swapped"),
        ("4", "emailAddress", "cy@x.be", "di@x.be", "swapped"),
        ("5", "emailAddress", "di@x.be", "cy@x.be", "different"),
    ]
    frame = pl.DataFrame(rows, schema=["key", "column", "platform", "truth", "reason"], orient="row")
    assert audit.swapped_with(frame) == {("1", "emailAddress"): "2", ("2", "emailAddress"): "1"}


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_sentence(reason: Reason) -> None:
    one = cause(Cause("lastName", reason, "", 1), SAY)
    many = cause(Cause("lastName", reason, "", 1200), SAY)
    assert one.startswith("1 profile: lastName ")
    assert many.startswith("1,200 profiles: lastName ")
    assert "{" not in one


@pytest.mark.parametrize("reason", list(Reason))
def test_a_side_is_called_as_the_settings_call_it(reason: Reason) -> None:
    """Without an article, or another letter, that nobody gave it: as in all other sentences."""
    for pattern in ("", "FR → NL", "cut off in truth"):
        here, ours = (cause(Cause("note", reason, pattern, 1), say) for say in (Words("SAP", "our shop"), SAY))
        assert here == ours.replace("Actito", "SAP").replace("CRM", "our shop")


def test_tables_have_their_public_columns_and_carry_further_ones(engine: DuckDB) -> None:
    explained(engine, [Cell("ANNA", "Anna")])
    assert last(engine, "differences").columns == (*audit.DIFFERENCES, "compare", "profile_id")
    assert frame(engine, "causes").schema == audit.CAUSES
    shown = frame(engine, "differences").select(list(audit.DIFFERENCES))
    assert shown.schema == audit.DIFFERENCES
    assert shown.row(0, named=True)["reason"] == "case"


def test_nothing_differs_nothing_is_explained(engine: DuckDB) -> None:
    assert explained(engine, []) == []
    assert sql(engine, "FROM {differences}") == []


def test_a_cause_keeps_its_id(engine: DuckDB) -> None:
    """Decisions and pages refer to causes across runs: the id depends on column, reason and pattern alone.

    The expected one is what `printf 'lastName|case|upper case → mixed case' | sha256sum` says.
    """
    explained(engine, [Cell("ANNA", "Anna")])
    [(first,)] = sql(engine, "SELECT cause FROM {causes}")
    explained(engine, [Cell("PIET", "Piet", "x"), Cell("JAN", "Jan", "y")])
    [(second,)] = sql(engine, "SELECT cause FROM {causes}")
    assert first == second == cause_id("lastName", "case", "upper case → mixed case") == "c-0db01499"


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Anna", "ANNA", " anna", "Ann", "Anna-Maria", "Bo", "", "André", "AndrÃ©"]),
            st.sampled_from(["Anneke", "aNNa", "Anna  Maria", "Andre", "Anna Maria Rosa", "0012", ""]),
            st.sampled_from(["lastName", "note"]),
        ),
        min_size=1,
        max_size=60,
    )
)
def test_causes_partition_the_differences(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[str, str, str]]
) -> None:
    """Every difference has exactly one cause, whose count it is part of and whose column and reason it has."""
    cells = [
        Cell(platform, truth, f"k{n}", name, "text" if name == "lastName" else "exact")
        for n, (platform, truth, name) in enumerate(drawn)
        if platform != truth
    ]
    with closing(DuckDB(temp=tmp_path_factory.mktemp("partition"))) as engine:
        causes = explained(engine, cells)
        assert sum(int(row[3]) for row in causes) == len(cells)
        assert sql(engine, "SELECT count(*), count(DISTINCT key) FROM {differences}") == [(len(cells), len(cells))]
        by_cause = """
            SELECT c.profiles, count(d.key), bool_and(d.reason = c.reason AND d."column" = c."column")
            FROM {causes} c LEFT JOIN {differences} d USING (cause) GROUP BY c.cause, c.profiles
        """
        assert all(profiles == found and fits for profiles, found, fits in sql(engine, by_cause))


def test_sentences_hold_no_value_of_a_person(engine: DuckDB) -> None:
    cells = [Cell("Zwaardvis", "Zwaardvisje", "a"), Cell("QUETZAL", "Quetzal", "b"), Cell("Xylo", "Marimba", "c")]
    text = repr(explained(engine, cells)).lower()
    assert not any(word in text for word in ("zwaard", "quetzal", "xylo", "marimba"))
