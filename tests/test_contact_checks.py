"""The checks of contacts: each against values that a person judged, row by row, among others that are fine."""

from __future__ import annotations

# ruff: noqa: SIM905  (lists of words are easier to read as one text)
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from auditor.engine.duckdb import DuckDB
from auditor.model import Attribute, AttributeType, Permission, Structure
from auditor.permissions import state
from auditor.settings.contract import Polarity
from auditor.validate import preload
from auditor.validate.proposals import for_contacts
from auditor.validate.suite import Suite
from tests.test_validate import Cell, failing, fill, judge, own, validated, violations

FINE_ADDRESSES = "jan.peeters@telenet.be info.peeters@gmail.com a@mail.com b@ymail.com c@hotmail.de d@acme.be".split()
WRONG: dict[str, tuple[list[str], list[str]]] = {
    "expect_column_emails_to_not_be_role_addresses": (
        ["info@acme.be", "SALES@acme.be", "no-reply@acme.be", "klantendienst@acme.be", "info+news@acme.be"],
        [*FINE_ADDRESSES, "informatie.jan@acme.be", "sales", "infos@acme.be", "jan@info.be"],
    ),
    "expect_column_emails_to_not_be_disposable": (
        ["x@mailinator.com", "x@YOPMAIL.com", "x@box.mailinator.com"],
        [*FINE_ADDRESSES, "x@notmailinator.com", "x@mailinator.com.be", "mailinator.com@acme.be", "x@mailinatorxcom"],
    ),
    "expect_column_emails_to_not_have_mistyped_domains": (
        "a@gmial.com a@gmail.con a@gmail.co a@gmal.com a@gmaill.com a@hotmial.com a@hotmal.be a@outlok.com a@telnet.be "
        "a@skynt.be A@GMIAL.COM".split(),
        [*FINE_ADDRESSES, "a@gmail.com", "a@live.be", "a@outlook.fr", "a@yahoo.co.uk", "a@company.com", "gmial.com"],
    ),
    "expect_column_values_to_not_be_placeholders": (
        "test Test n/a XXX xxxx - 0000000 +32000000000 test@acme.be a@example.com aaa@acme.be onbekend null".split(),
        "Testa Naomi Noa Anna Xavier 0470123456 +32470123456 testa@acme.be Nan-Li Li A".split(),
    ),
    "expect_column_values_to_not_be_emails": (
        ["jan@acme.be", "Jan <jan@acme.be>", "x jan@acme.be"],
        ["Jan", "Jan @home", "J. Peeters", "@jan.be", "jan@acme"],
    ),
    "expect_column_values_to_not_be_garbled": (
        ["JosÃ©", "FranÃ§ois", "Ã‰lise", "lâ€™Escaille", "MÃ¼ller", "Jos\ufffd", "ï»¿Jan", "ÐšÐ¸Ñ€"],
        ["José", "François", "Élise", "Ãngela", "São", "Ångström", "l’Escaille", "Müller", "Γιώργος", "Björk", "â"],
    ),
}  # fmt: skip
"""Expectation → values that are wrong, values that are right."""


@pytest.fixture(scope="module", autouse=True)
def _great_expectations() -> None:
    preload()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDB]:
    engine = DuckDB(temp=tmp_path)
    yield engine
    engine.close()


@pytest.mark.parametrize("kind", WRONG)
def test_a_check_finds_what_a_person_would(engine: DuckDB, kind: str) -> None:
    wrong, right = WRONG[kind]
    cells: list[Cell] = [None, "", *right, *wrong]
    result = judge(engine, {"a": cells}, own(kind, column="a"))
    assert result.not_evaluated == ()
    assert {cells[place] for place in failing(engine, "a")} == set(wrong)


@pytest.mark.parametrize(
    ("kind", "word", "value"),
    [
        ("expect_column_emails_to_not_be_role_addresses", "Winkel", "winkel@acme.be"),
        ("expect_column_emails_to_not_be_disposable", "acme.be", "jan@sub.acme.be"),
        ("expect_column_emails_to_not_have_mistyped_domains", "acmeclub.be", "jan@acmeclob.be"),
        ("expect_column_values_to_not_be_placeholders", "Jean Dupont", "jean dupont"),
    ],
)
def test_a_list_can_be_extended(engine: DuckDB, kind: str, word: str, value: str) -> None:
    """Words may hold any character; they become part of the SQL text."""
    result = judge(engine, {"a": [value, "x@it's.be"]}, own(kind, column="a"))
    assert (result.not_evaluated, failing(engine, "a")) == ((), set())
    result = judge(engine, {"a": [value, "x@it.be"]}, own(kind, column="a", also=[word, "it's", "a|b", "%"]))
    assert (result.not_evaluated, failing(engine, "a")) == ((), {0})


def test_birth_dates_that_nobody_alive_can_have(engine: DuckDB) -> None:
    cells: list[Cell] = [
        "1984-02-29", "2026-11-26", "2026-11-27", "1906-01-01", "1905-12-31", "0001-01-01", "2984-02-29", "29/02/1984",
        "2023-02-30", None,
    ]  # fmt: skip
    kind = "expect_column_values_to_be_possible_birth_dates"
    result = judge(engine, {"born": cells}, own(kind, column="born", today="2026-11-26"))
    assert result.not_evaluated == ()
    assert {cells[place] for place in failing(engine, "born")} == {
        "2026-11-27", "1905-12-31", "0001-01-01", "2984-02-29"
    }, "what is no date is for another rule"  # fmt: skip
    judge(engine, {"born": cells}, own(kind, column="born", today="2026-11-26", oldest=40))
    assert "1984-02-29" in {cells[place] for place in failing(engine, "born")}


def test_birth_dates_are_judged_on_the_day_of_the_run(engine: DuckDB) -> None:
    """Which is said, and not the day on which the database is asked: long ago, and to come."""
    fill(engine, {"born": ["1999-12-31", "2000-01-01", "2098-05-02", "2098-05-03"]})
    suite = Suite("Customers", (own("expect_column_values_to_be_possible_birth_dates", column="born"),))
    for today, late in ((date(1999, 12, 31), {1, 2, 3}), (date(2098, 5, 2), {3})):
        validated(engine, suite, today=today)
        assert failing(engine, "born") == late


def pair(engine: DuckDB, kind: str, rows: list[tuple[Cell, Cell]], **kwargs: Any) -> set[str]:
    columns: dict[str, list[Cell]] = {"a": [a for a, _ in rows], "b": [b for _, b in rows]}
    result = judge(engine, columns, own(kind, column_A="a", column_B="b", **kwargs))
    assert result.not_evaluated == ()
    return {key for _, key, *_ in violations(engine)}


def test_a_phone_whose_country_is_not_that_of_the_address(engine: DuckDB) -> None:
    rows: list[tuple[Cell, Cell]] = [
        ("+32470123456", "BE"), ("+33612345678", "BE"), ("+32470123456", "be"), ("+12015550123", "US"),
        ("+12015550123", "CA"), ("+12015550123", "BE"), ("0470123456", "FR"), ("+32470123456", "XX"), (None, "BE"),
        ("+32470123456", None), ("+352621123456", "LU"), ("+352621123456", "BE"), (None, None), ("", " "),
        ("+441481123456", "GG"),
    ]  # fmt: skip
    assert pair(engine, "expect_column_pair_phone_to_be_of_country", rows) == {"k1", "k5", "k11"}


def test_a_title_that_is_not_of_the_sex(engine: DuckDB) -> None:
    rows: list[tuple[Cell, Cell]] = [
        ("M", "Mr"), ("M", "Mrs"), ("M", "Ms"), ("F", "Mr"), ("F", "Mrs"), ("F", "Ms"), ("f", "MR"), ("X", "Mr"),
        ("M", "Dr"), (None, "Mr"), ("F", None), (None, None),
    ]  # fmt: skip
    assert pair(engine, "expect_column_pair_gender_to_fit_title", rows) == {"k1", "k2", "k3", "k6"}


def test_one_address_on_very_many_people(engine: DuckDB) -> None:
    """The street alone is many people's; a row that lacks a part is nobody's household."""
    rows: list[tuple[Cell, Cell]] = [
        *[("Dorpsstraat 1", "1000")] * 4, *[("Dorpsstraat 1", "9000")] * 3, *[("Dorpsstraat 1", None)] * 9,
        ("it's 5", "1000"),
    ]  # fmt: skip
    columns = {"a": [a for a, _ in rows], "b": [b for _, b in rows]}
    kind = "expect_multicolumn_values_to_be_shared_by_few"
    for most, found in ((3, 4), (4, 0), (2, 7)):
        result = judge(engine, columns, own(kind, column_list=["a", "b"], most=most))
        assert result.not_evaluated == ()
        assert [checked.failing for checked in result.evaluated] == [found]
        assert {key for _, key, *_ in violations(engine)} == {f"k{place}" for place in range(found)}


def test_great_expectations_loads_them_from_a_file() -> None:
    import great_expectations as gx

    from auditor.validate.expectations import known_types

    assert set(WRONG) <= set(known_types())
    suite = gx.ExpectationSuite(
        name="x", expectations=[{"type": kind, "kwargs": {"column": "a"}} for kind in WRONG]
    )  # fmt: skip
    assert [one.expectation_type for one in suite.expectations] == list(WRONG)


def test_a_mistyped_country_of_many_rows_is_judged_whole(engine: DuckDB) -> None:
    """Every row of many, and no sample: one in three has the wrong title."""
    sexes: list[Cell] = ["M" if place % 3 else "F" for place in range(3_000)]
    fill(engine, {"a": sexes, "b": ["Mr"] * 3_000})
    assert len(pair(engine, "expect_column_pair_gender_to_fit_title", [(sex, "Mr") for sex in sexes])) == 1_000


SAID = ["true", "TRUE", "1", "yes", "t", "false", "0", "No", "f", None, " ", "ja", "on", "Y "]
"""What stands in a permission cell: yes, no, nothing, and words that say nothing to Actito."""


@pytest.mark.parametrize("polarity", list(Polarity))
def test_a_subscription_against_the_general_consent(engine: DuckDB, polarity: Polarity) -> None:
    """On and off are what they are to the permission findings of a run."""
    pairs = [(subscription, consent) for subscription in SAID for consent in SAID]
    columns = {"subscriptions#News": [one for one, _ in pairs], "consent": [other for _, other in pairs]}
    kwargs = {"column_A": "subscriptions#News", "column_B": "consent", "polarity": polarity.value}
    result = judge(engine, columns, own("expect_column_pair_permission_to_have_consent", **kwargs))
    assert result.not_evaluated == ()
    wrong = {
        f"k{place}"
        for place, (subscription, consent) in enumerate(pairs)
        if state(subscription, Polarity.OPT_IN) is Permission.ON and state(consent, polarity) is Permission.OFF
    }
    assert {row[1] for row in violations(engine)} == wrong
    assert 0 < len(wrong) < len(pairs) / 3


def test_a_permission_of_somebody_without_an_address_or_a_number(engine: DuckDB) -> None:
    rows = [(said, email, phone) for said in SAID for email in ("a@acme.be", None, " ") for phone in ("+32470", "")]
    columns = {name: [row[place] for row in rows] for place, name in enumerate(("optIn", "email", "gsm"))}
    expectation = own("expect_multicolumn_permission_to_be_reachable", column_list=["optIn", "email", "gsm"])
    result = judge(engine, columns, expectation)
    assert result.not_evaluated == ()
    wrong = {
        f"k{place}"
        for place, (said, email, phone) in enumerate(rows)
        if state(said, Polarity.OPT_IN) is Permission.ON and not (email or "").strip() and not (phone or "").strip()
    }
    assert {row[1] for row in violations(engine)} == wrong
    assert len(wrong) == 2 * 6


def test_what_a_run_says_as_a_permission_finding_is_not_proposed_for_the_suite() -> None:
    """It would be said twice, and these two are findings of every run."""
    structure = Structure(
        "1",
        "Customers",
        (Attribute("emailAddress", AttributeType.EMAIL), Attribute("marketingConsent", AttributeType.BOOLEAN)),
        ("News",),
    )
    proposed = for_contacts(structure, list(structure.columns))
    assert not [one.type for one in proposed if "permission" in one.type]
