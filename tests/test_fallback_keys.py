"""Fallback keys: against loops over all pairs of rows, the cases told one by one, and what becomes of them in a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from auditor.engine.duckdb import DuckDB
from auditor.errors import SettingsError
from auditor.model import Kind, Route, Side
from auditor.settings.contract import Blank, Column, Compare, Contract
from auditor.settings.contract_file import read_contract
from tests.diff_runs import CELLS, PROFILES, SHOWN, Landing, assert_identity, engine_in, found, run
from tests.nothing_known import a_policy
from tests.slow_diff import Row, SlowKnown, slow_diff
from tests.small_runs import CONTRACT as RUN_CONTRACT
from tests.small_runs import Runs
from tests.test_plan import an_audit, cells, decision, differs, left, plans, some_facts

CONTRACT = Contract(
    table="Customers",
    key=("id",),
    columns=(
        Column("id", "contact", "id", Compare.TEXT),
        Column("mail", "mail", "mail", Compare.TEXT),
        Column("city", "city", "city", Compare.TEXT),
        Column("born", "born", "born", Compare.EXACT),
        Column("note", "note", "note", Compare.EXACT, blank=Blank.CLEAR),
    ),
    timezone=ZoneInfo("UTC"),
    population_platform="kind = 'in'",
    population_truth="state = 'in'",
    fallbacks=(("mail",), ("city", "born")),
)
INSIDE = {Side.PLATFORM: {"kind": "in"}, Side.TRUTH: {"state": "in"}}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDB]:
    with engine_in(tmp_path) as engine:
        yield engine


@pytest.fixture
def landing(engine: DuckDB) -> Landing:
    return Landing.beside(engine)


def here(id: str | None, mail: str | None = None, city: str | None = None, **more: str) -> Row:  # noqa: A002
    return {"id": id, "mail": mail, "city": city, "born": "1", "note": "a", "profileId": None, "kind": "in", **more}


def there(contact: str | None, mail: str | None = None, city: str | None = None, **more: str) -> Row:
    return {"contact": contact, "mail": mail, "city": city, "born": "1", "note": "a", "state": "in", **more}


def profiles(engine: DuckDB) -> list[tuple[Any, ...]]:
    return found(engine, "profiles", ("key", "status", "matched_by", "platform_rows", "truth_rows"))


def object_(**parts: str) -> str:
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))


# --- against the slow diff ---

ID = st.sampled_from(["1", "2", "3", " 1", None, None, "", '{"mail":"x"}'])
MAIL = st.sampled_from(["x", "y", "z", " x", None, ""])
CITY = st.sampled_from(["A", "B", "A ", None])
BORN = st.sampled_from(["1", "2", None])
NOTE = st.sampled_from(["a", "b"])
OFTEN_IN = st.sampled_from(["in", "in", "in", "in", "in", "out"])
PLATFORM = st.fixed_dictionaries(
    {"id": ID, "mail": MAIL, "city": CITY, "born": BORN, "note": NOTE, "profileId": st.none(), "kind": OFTEN_IN}
)
TRUTH = st.fixed_dictionaries(
    {"contact": ID, "mail": MAIL, "city": CITY, "born": BORN, "note": NOTE, "state": OFTEN_IN}
)
FALLBACKS = st.sampled_from([(("mail",),), (("mail",), ("city", "born")), (("city", "born"), ("mail",)), (("city",),)])


@settings(max_examples=25, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(platform=st.lists(PLATFORM, max_size=7), truth=st.lists(TRUTH, max_size=7), fallbacks=FALLBACKS)
def test_rows_are_matched_as_loops_over_all_pairs_match_them(
    tmp_path_factory: pytest.TempPathFactory,
    platform: list[Row],
    truth: list[Row],
    fallbacks: tuple[tuple[str, ...], ...],
) -> None:
    with engine_in(tmp_path_factory.mktemp("pairs")) as engine:
        assert_matched_as_by_loops(engine, replace(CONTRACT, fallbacks=fallbacks), platform, truth)


def assert_matched_as_by_loops(engine: DuckDB, contract: Contract, platform: list[Row], truth: list[Row]) -> None:
    nothing = {Side.PLATFORM: 0, Side.TRUTH: 0}
    result = run(engine, Landing.beside(engine), contract, platform, truth)
    slow = slow_diff(contract, platform, truth, SlowKnown(), SHOWN, INSIDE, nothing)
    names = [name for name in PROFILES if name not in ("key", "platform_key", "truth_key")]
    keep = [PROFILES.index(name) for name in names]
    assert found(engine, "profiles", names) == sorted((tuple(row[n] for n in keep) for row in slow.found), key=repr)
    once = [row for row in slow.found if row[4] != "duplicate"]  # which spelling of a duplicate is shown may differ
    shown = [row for row in found(engine, "profiles", PROFILES) if row[4] != "duplicate"]
    assert shown == sorted(once, key=repr)
    assert found(engine, "cells", CELLS) == sorted(slow.cells, key=repr)
    assert dict(result.rows) == slow.rows
    assert {status.value: number for status, number in result.profiles.items()} == slow.profiles
    assert result.matched_by == slow.matched_by
    assert_identity(result)


# --- told one by one ---

X = object_(mail="x")
CASES: dict[str, tuple[list[Row], list[Row], list[tuple[Any, ...]]]] = {
    # what: platform, truth, profiles as key, status, matched_by, rows of either side
    "matched, for the platform has no key": ([here(None, "x")], [there("7", "x", note="b")],
        [(X, "conflicting", "mail", 1, 1)]),
    "matched, for the truth has no key": ([here("7", "x")], [there(None, " x", note="b")],
        [("7", "conflicting", "mail, normalised", 1, 1)]),
    "matched, for neither has one": ([here(None, "x")], [there(None, "x", note="b")],
        [(X, "conflicting", "mail", 1, 1)]),
    "two keys are two profiles": ([here("9", "x")], [there("7", "x")],
        [("7", "missing", None, 0, 1), ("9", "orphan", None, 1, 0)]),
    "a key of its own goes before": ([here("7", "x"), here(None, "y")], [there("7", "y", note="b")],
        [("7", "conflicting", "key", 1, 1), (object_(mail="y"), "duplicate", "mail, ambiguous", 1, 0)]),
    "two of the truth could be the one": ([here(None, "x")], [there("7", "x"), there("8", "x")],
        [(X, "duplicate", "mail, ambiguous", 1, 2)]),
    "two of the platform could be the one": ([here(None, "x"), here(None, "x ")], [there("7", "x")],
        [(X, "duplicate", "mail, ambiguous", 2, 1)]),
    "a family shares it with one who is matched": (
        [here("1", "x"), here(None, "x")], [there("1", "x"), there("7", "x")],
        [(X, "duplicate", "mail, ambiguous", 1, 1)]),
    "another profile of the platform has it as well": ([here("9", "x"), here(None, "x")], [there("7", "x")],
        [("9", "orphan", None, 1, 0), (X, "duplicate", "mail, ambiguous", 1, 1)]),
    "twice on one side alone": ([here(None, "x"), here(None, "x")], [],
        [(X, "duplicate", None, 2, 0)]),
    "only on the platform": ([here(None, "x")], [there("7", "y")],
        [("7", "missing", None, 0, 1), (X, "orphan", None, 1, 0)]),
    "the key it is matched to stands twice": ([here(None, "x")], [there("7", "x"), there("7", "y")],
        [(X, "duplicate", None, 1, 2)]),
    "by the third key": ([here(None, None, "A")], [there("7", "y", "A", note="b")],
        [(object_(city="A", born="1"), "conflicting", "city + born", 1, 1)]),
    "the second key tells them apart before the third": ([here(None, "x", "A")], [there("7", "y", "A")],
        [("7", "missing", None, 0, 1), (X, "orphan", None, 1, 0)]),
    "outside the population, and so is whom it matches": ([here(None, "x", kind="out")], [there("7", "x")], []),
    "no key at all": ([here(None), here(" ", " ")], [there(None, "")], []),
    "a key that looks like a fallback key is none": ([here(X, "y", note="b")], [there(None, "x")],
        [(object_(mail="y"), "orphan", None, 1, 0), (X, "missing", None, 0, 1)]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_who_is_matched(engine: DuckDB, landing: Landing, case: str) -> None:
    platform, truth, expected = CASES[case]
    result = run(engine, landing, CONTRACT, platform, truth)
    assert profiles(engine) == sorted(expected, key=repr)
    assert_identity(result)


def test_a_shared_fallback_key_is_not_multiplied(engine: DuckDB, landing: Landing) -> None:
    platform = [here(None, "x") for _ in range(3000)]
    truth = [there(str(number), "x") for number in range(3000)]
    result = run(engine, landing, CONTRACT, platform, truth)
    assert profiles(engine) == [(X, "duplicate", "mail, ambiguous", 3000, 3000)]
    assert_identity(result)


def test_the_key_that_is_lacking_is_a_difference(engine: DuckDB, landing: Landing) -> None:
    """One that the truth has not is left as it is; one that both have is none, however it is spelt."""
    platform = [here(None, "x"), here("8", "y"), here("9", "z")]
    truth = [there("7", "x"), there(None, "y"), there(" 9 ", "z")]
    result = run(engine, landing, CONTRACT, platform, truth)
    assert found(engine, "cells", ("key_text", "column", "platform", "truth")) == [(X, "id", None, "7")]
    assert (dict(result.kept), dict(result.formats)) == ({"id": 1}, {})
    assert result.matched_by == {"key, normalised": 1, "mail": 2}


# --- the contract ---


def test_a_contract_names_them_after_the_key(tmp_path: Path) -> None:
    path = tmp_path / "Customers" / "contract.toml"
    path.parent.mkdir()
    columns = "".join(f'[columns.{name}]\ntruth = "{name}"\n' for name in ("id", "mail", "city"))
    path.write_text('key = [["id"], ["mail"], ["city", "id"]]\n' + columns, "utf-8")
    contract = read_contract(path, None)
    assert (contract.key, contract.fallbacks) == (("id",), (("mail",), ("city", "id")))
    path.write_text('key = [["id"], ["male"], ["id"], []]\n' + columns, "utf-8")
    with pytest.raises(SettingsError) as error:
        read_contract(path, None)
    for words in ('"male" has no [columns.male], did you mean "mail"?', "stands there twice", "a key without columns"):
        assert words in str(error.value)


# --- what is remembered ---

AGREED = {"city": "Gent", "subscriptions#News": "true", "news": "true"}
DAY = datetime(2026, 3, 2, 6, tzinfo=UTC)


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    mail = Column("note", "note", "note", Compare.EMAIL)  # the column of the small table that serves as an address
    columns = tuple(mail if column.name == "note" else column for column in RUN_CONTRACT.columns)
    return Runs(tmp_path).with_contract(replace(RUN_CONTRACT, columns=columns, fallbacks=(("note",),)))


def person(id: str | None, **more: str | None) -> Row:  # noqa: A002
    return {"id": id, "note": "a@x", **AGREED, **more}


@pytest.mark.parametrize("lacks", ["platform", "truth", "both"])
def test_agreed_values_and_permissions_stay_with_who_gets_a_key(runs: Runs, lacks: str) -> None:
    platform, truth = (None if lacks in (side, "both") else "7" for side in ("platform", "truth"))
    off = {"subscriptions#News": "false", "news": "false"}
    runs.run([person(platform, **off)], [person(truth, **off)], "r1", DAY)
    on_again = {"subscriptions#News": "true", "news": "true"}
    seen = runs.run([person("7", **on_again)], [person("7", city="Aalst", **on_again)], "r2", DAY + timedelta(days=1))
    assert seen.moved == {("7", "city"): "truth"}
    again = [key for key in seen.findings if key[2] == "contactable_again"]
    assert again == [("7", "subscriptions#News", "contactable_again")]
    assert {column for _, _, column, _ in seen.changes} == {"subscriptions#News"}


@pytest.mark.parametrize(("before", "after"), [(None, "7"), (None, None), ("7", "7")])
def test_who_is_gone_is_known_by_either_key(runs: Runs, before: str | None, after: str | None) -> None:
    runs.run([person(before)], [], "r1", DAY)
    seen = runs.run([], [person(after), person("8", note="b@x")], "r2", DAY + timedelta(days=1))
    assert len(seen.gone) == 1
    assert "8" not in seen.gone


def test_who_shares_an_address_with_somebody_seen_is_not_gone(runs: Runs) -> None:
    runs.run([person("7")], [person("7")], "r1", DAY)
    seen = runs.run([person("7")], [person("7"), person("8")], "r2", DAY + timedelta(days=1))
    assert seen.gone == set()


# --- what is planned ---

NAMELESS = object_(emailAddress="a@x")
BY_ADDRESS = (("emailAddress",),)


def test_a_profile_without_key_is_addressed_by_its_number_or_not_at_all() -> None:
    named, nameless, unaddressed = "k1", NAMELESS, object_(emailAddress="b@x")
    rows = [differs(key, "lastName", "Ann", "Anne") for key in (named, nameless, unaddressed)]
    numbers = {named: "n1", nameless: "n2", unaddressed: None}
    known = [{"key": key, "profile_id": number, "status": "stale"} for key, number in numbers.items()]
    plan, _ = plans(an_audit(rows, known, fallbacks=BY_ADDRESS), a_policy(route="bulk", for_others=True))
    assert {write.key: (write.profile_id, write.batch) for write in plan.writes if write.batch is None} == {
        nameless: ("n2", None)
    }
    assert {write.key for write in plan.writes} == {named, nameless}
    assert left(plan) == [(unaddressed, "lastName", "unaddressed")]
    assert (plan.key_parts(named), plan.key_parts(nameless)) == ({"customerId": "k1"}, {"emailAddress": "a@x"})


def test_a_key_that_a_profile_lacks_is_given_by_a_person_only() -> None:
    """That somebody has the same address proves little: the same column is corrected by itself where it is no key."""
    row = differs(NAMELESS, "customerId", None, "7")
    assert cells(plans(an_audit([row]))[0]) == [(Kind.UPDATE, NAMELESS, "customerId", "7")]
    audit = an_audit([row], fallbacks=BY_ADDRESS)
    plan, _ = plans(audit)
    assert (cells(plan), left(plan)) == ([], [(NAMELESS, "customerId", "decision")])
    plan, _ = plans(audit, facts=some_facts(decisions=[decision(NAMELESS, "customerId", None, "7")]))
    assert cells(plan) == [(Kind.UPDATE, NAMELESS, "customerId", "7")]
    assert [write.route for write in plan.writes] == [Route.SINGLE]


def test_nobody_is_deleted_while_the_truth_has_people_without_a_key() -> None:
    orphan = {"key": "9", "profile_id": "n9", "status": "orphan"}
    missing = {"key": NAMELESS, "status": "missing"}
    policy = a_policy(only_on_platform="delete")
    assert [write.kind for write in plans(an_audit([], [orphan]), policy)[0].writes] == [Kind.DELETE]
    with pytest.raises(ValueError, match="candidates"):  # of creations, which are another matter
        plans(an_audit([], [orphan, missing], fallbacks=BY_ADDRESS), policy)
