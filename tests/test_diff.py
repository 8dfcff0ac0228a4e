"""Matching and the diff: the three-way table in full, hostile names, keys, who is set apart. The laws: `test_laws`."""

# ruff: noqa: E501 -- the rows of a table are read better than they are wide

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from auditor.diff import one_sided
from auditor.diff.counts import DiffCounts
from auditor.engine.duckdb import DuckDB
from auditor.errors import SettingsError
from auditor.model import Attribute, Status, Structure
from auditor.settings.contract import Blank, Column, Compare, Contract, Polarity
from auditor.settings.contract_file import read_contract
from tests.diff_runs import Landing, assert_identity, compared, engine_in, found, run, tables
from tests.slow_diff import Row, SlowKnown

ZONE = ZoneInfo("Europe/Brussels")

COLUMNS = (
    Column("id", "contact", "id", Compare.TEXT),
    Column("note", "remark", "note", Compare.EXACT),
    Column("city", "city", "Stad", Compare.TEXT, blank=Blank.CLEAR),
    Column("points", "points", "points", Compare.NUMBER, decimal=",", tolerance=Decimal(1), blank=Blank.CLEAR),
    Column("tag", "tag", "tag", Compare.EXACT, empty_is_value=True, blank=Blank.CLEAR),
    Column("optIn", "mail", "optIn", Compare.BOOLEAN, values={"ja": "true", "nee": "false"}, blank=Blank.CLEAR,
           permission=Polarity.OPT_IN),
)  # fmt: skip
CONTRACT = Contract(
    table="Customers",
    key=("id",),
    columns=COLUMNS,
    timezone=ZONE,
    updated_platform="updateMoment",
    updated_truth="modified_at",
    grace=timedelta(hours=24),
    population_platform="kind = 'in'",
    population_truth="state = 'in'",
)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDB]:
    with engine_in(tmp_path) as engine:
        yield engine


@pytest.fixture
def landing(engine: DuckDB) -> Landing:
    return Landing.beside(engine)


PLAIN_PLATFORM = {"id": "k1", "note": "a", "Stad": "a", "points": "1", "tag": "a", "optIn": "true", "profileId": None,
                  "kind": "in", "updateMoment": None}  # fmt: skip
PLAIN_TRUTH = {"contact": "k1", "remark": "a", "city": "a", "points": "1", "tag": "a", "mail": "ja", "state": "in",
               "modified_at": None}  # fmt: skip


# --- who moved, in full ---

EARLIER, LATER = "2026-03-01 10:00:00", "2026-03-02 10:00:00"
THREE_WAY = (
    # agreed value, platform, truth, status, moved; `-` is empty, `?` no agreed value
    ("old", "old", "new", "stale", "truth"),
    ("old", "old", "-", "stale", "truth"),
    ("-", "-", "new", "stale", "truth"),
    ("old", "new", "old", "conflicting", "platform"),
    ("old", "-", "old", "conflicting", "platform"),
    ("-", "new", "-", "conflicting", "platform"),
    ("old", "new", "other", "conflicting", "both"),
    ("old", "new", "-", "conflicting", "both"),
    ("old", "-", "new", "conflicting", "both"),
    ("-", "new", "other", "conflicting", "both"),
    ("old", "new", "new", "equal", None),
    ("old", "old", "old", "equal", None),
    ("old", "-", "-", "equal", None),
    ("-", "-", "-", "equal", None),
    ("-", "new", "new", "equal", None),
    ("?", "old", "old", "equal", None),
    ("?", "-", "-", "equal", None),
)  # fmt: skip


def test_the_table_of_who_moved_has_every_combination() -> None:
    """Of a base, a platform and a truth that are empty, agreed, new or yet another; values but for their names."""

    def pattern(*words: str) -> tuple[str | int, ...]:
        """Empty cells stand as they are, values by the order in which they first occur."""
        values = list(dict.fromkeys(word for word in words if word not in "-?"))
        return tuple(word if word in "-?" else values.index(word) for word in words)

    every = {pattern(*words) for words in itertools.product("?-abc", "-abc", "-abc")}
    unknown = {("?", "a", "b"), ("?", "-", "a"), ("?", "a", "-")}  # below, with every order of moments
    assert {pattern(*words) for words in [*(row[:3] for row in THREE_WAY), *unknown]} == every


MOMENTS_OF_ROWS = (
    # platform, truth, what they suggest where there is no agreed value
    (EARLIER, LATER, "stale", "truth_by_moment"),
    (EARLIER, EARLIER, "conflicting", "unknown"),
    (LATER, EARLIER, "conflicting", "unknown"),
    (None, LATER, "conflicting", "unknown"),
    (LATER, None, "conflicting", "unknown"),
    (None, None, "conflicting", "unknown"),
)


def test_who_moved_in_full(engine: DuckDB, landing: Landing) -> None:
    """With an agreed value the moments of the rows mean nothing; without one only a strictly later truth counts."""
    contract = replace(CONTRACT, columns=(COLUMNS[0], COLUMNS[2]), grace=timedelta(0))
    rows: list[tuple[str, str, str, str | None, str | None, str, str | None]] = []
    for base, platform, truth, status, moved in THREE_WAY:
        rows += [(base, platform, truth, p, t, status, moved) for p, t, *_ in MOMENTS_OF_ROWS]
    for platform, truth in (("old", "new"), ("-", "new"), ("old", "-")):
        rows += [("?", platform, truth, p, t, status, moved) for p, t, status, moved in MOMENTS_OF_ROWS]
    on_platform, in_truth, agreed, expected = [], [], {}, {}
    for number, (base, platform, truth, p, t, status, moved) in enumerate(rows):
        key = f"k{number}"
        on_platform.append({"id": key, "Stad": _value(platform), "kind": "in", "updateMoment": p})
        in_truth.append({"contact": key, "city": _value(truth), "state": "in", "modified_at": t})
        if base != "?":
            agreed[key] = {"city": _value(base)}
        if status != "equal":
            expected[key] = (status, moved)
    known = tables(engine, contract, SlowKnown(base=agreed))
    result = run(engine, landing, contract, on_platform, in_truth, known)
    assert {key: rest for key, *rest in found(engine, "cells", ("key_text", "status", "moved"))} == {
        key: list(pair) for key, pair in expected.items()
    }
    profiles = {key: (status, moved) for key, status, moved in found(engine, "profiles", ("key", "status", "moved"))}
    assert profiles == expected
    assert result.profiles[Status.EQUAL] == len(rows) - len(expected)


def _value(word: str) -> str | None:
    return None if word == "-" else word


def test_one_cell_that_needs_a_decision_makes_the_profile_one(engine: DuckDB, landing: Landing) -> None:
    """A plan works per cell: the profile is conflicting and never waits, its stale cell stays stale and waits."""
    moved = {**PLAIN_TRUTH, "remark": "b", "city": "b", "modified_at": "2026-03-10 11:00:00"}
    known = tables(engine, CONTRACT, SlowKnown(base={"k1": {"note": "a", "city": "c"}}))
    run(engine, landing, CONTRACT, [PLAIN_PLATFORM], [moved], known)
    assert found(engine, "cells", ("column", "status", "moved", "waiting")) == [
        ("city", "conflicting", "both", False),
        ("note", "stale", "truth", True),
    ]
    assert found(engine, "profiles", ("status", "moved", "waiting", "columns")) == [
        ("conflicting", None, False, ["city", "note"])
    ]


def test_grace_is_counted_to_the_second(engine: DuckDB, landing: Landing) -> None:
    """What changed less than the grace before the other side's moment may be on its way; a day before, it is late."""
    on_the_way, late = "2026-03-09 13:00:01", "2026-03-09 13:00:00"  # the export shows 13:00 in Brussels a day later
    truth = [{**PLAIN_TRUTH, "contact": key, "modified_at": at} for key, at in (("new", on_the_way), ("late", late))]
    result = run(engine, landing, CONTRACT, [], truth)
    assert found(engine, "profiles", ("key", "status", "waiting")) == [
        ("late", "missing", False),
        ("new", "missing", True),
    ]
    assert result.waiting == 1
    on_the_way, late = "2026-03-09 07:00:01", "2026-03-09 07:00:00"  # the truth shows 07:00
    alone = [{**PLAIN_PLATFORM, "id": key, "updateMoment": at} for key, at in (("new", on_the_way), ("late", late))]
    run(engine, landing, CONTRACT, alone, [])
    assert found(engine, "profiles", ("key", "status", "waiting")) == [
        ("late", "orphan", False),
        ("new", "orphan", True),
    ]


@pytest.mark.parametrize(
    ("sent", "moment", "waiting", "pending"),
    [
        ((), "2026-03-10 11:00:00", True, False),
        (("note",), "2026-03-10 11:00:00", True, False),
        (("note", "city"), "2026-03-10 11:00:00", True, True),
        (("note", "city"), "2026-03-01 11:00:00", False, True),
        (("note",), "2026-03-01 11:00:00", False, False),
        ((), "2026-03-01 11:00:00", False, False),
        ((), None, False, False),
    ],
)
def test_a_profile_waits_for_the_synchronisation_or_for_what_we_sent(
    engine: DuckDB, landing: Landing, sent: tuple[str, ...], moment: str | None, waiting: bool, pending: bool
) -> None:
    """Two stale cells: waiting if each is on its way by itself or sent by us; counted once, as waiting before pending."""
    moved = {**PLAIN_TRUTH, "remark": "b", "city": "b", "modified_at": moment}
    base = {"k1": {"note": "a", "city": "a"}}
    known = tables(engine, CONTRACT, SlowKnown(base=base, sent=frozenset(("k1", column) for column in sent)))
    result = run(engine, landing, CONTRACT, [PLAIN_PLATFORM], [moved], known)
    assert found(engine, "profiles", ("status", "waiting", "pending")) == [("stale", waiting, pending)]
    assert (result.waiting, result.pending) == (int(waiting), int(pending and not waiting))
    cells = dict(found(engine, "cells", ("column", "pending")))
    assert cells == {column: column in sent for column in ("city", "note")}


def test_no_table_is_gone_through_for_each_row_of_another(
    engine: DuckDB, landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is known grows with the table: a join of it that DuckDB cannot make by hash takes hours at a million."""
    plans = list[str]()
    execute = engine.execute

    def planned(statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        if " JOIN " in statement and not values:
            plans.append(str(execute(f"EXPLAIN {statement}")))
        return execute(statement, values)

    monkeypatch.setattr(engine, "execute", planned)
    known = SlowKnown(
        base={"k1": {"note": "a"}},
        sent=frozenset((("k1", "note"), ("k2", None))),
        seen=frozenset(("k1", "k2")),
        blocked=frozenset((("k1", "city"),)),
    )
    run(engine, landing, CONTRACT, [PLAIN_PLATFORM], [{**PLAIN_TRUTH, "remark": "b"}], tables(engine, CONTRACT, known))
    assert any("HASH_JOIN" in plan for plan in plans)
    assert not [plan for plan in plans if "NL_JOIN" in plan or "NESTED_LOOP" in plan or "CROSS_PRODUCT" in plan]


@pytest.mark.parametrize(
    ("blank", "permission", "kept"),
    [
        (Blank.KEEP, None, True),
        (Blank.CLEAR, None, False),
        (Blank.KEEP, Polarity.OPT_IN, True),
        (Blank.CLEAR, Polarity.OPT_IN, True),
        (Blank.CLEAR, Polarity.OPT_OUT, True),
    ],
)
def test_what_an_empty_cell_of_the_truth_means(
    engine: DuckDB, landing: Landing, blank: Blank, permission: Polarity | None, kept: bool
) -> None:
    """Kept and counted, or a difference; of a permission it never means anything: unknown is not no."""
    cleared = replace(COLUMNS[2], blank=blank, permission=permission)
    contract = replace(CONTRACT, columns=(COLUMNS[0], cleared))
    result = run(engine, landing, contract, [PLAIN_PLATFORM], [{**PLAIN_TRUTH, "city": " "}])
    assert dict(result.kept) == ({"city": 1} if kept else {})
    assert result.profiles[Status.EQUAL] == int(kept)
    other_way = run(engine, landing, contract, [{**PLAIN_PLATFORM, "Stad": ""}], [PLAIN_TRUTH])
    assert not other_way.kept
    assert other_way.profiles[Status.EQUAL] == 0


# --- names and keys ---

HOSTILE = (
    "key", "status", "row", "hash", "text", "included", "moment", "profile_id", "platform", "truth", "base", "marks", "anchor",
    "canonical", "column", "p0", "t0", "r0", "same0", "platform_row", "platform_text", "shown", "waiting", "columns",
    'a"b', "a'b", "a\nb", "a\\b", "a;b--", "*", "%s", "{}", "a.b", " spaced ", "select", "ключ", "é", "💥", "auditor:key",
)  # fmt: skip


def _everywhere(names: Sequence[str]) -> Contract:
    columns = tuple(Column(name, name, name, Compare.EXACT, blank=Blank.CLEAR) for name in names)
    return Contract(table="T", key=("id",), columns=(Column("id", "id", "id"), *columns), timezone=ZoneInfo("UTC"))


def _audit(engine: DuckDB, landing: Landing, contract: Contract) -> tuple[list[tuple[Any, ...]], DiffCounts]:
    """One profile that differs in every column, one only here, one only there."""
    names = [column.name for column in contract.compared]
    platform = [{"id": "both", **dict.fromkeys(names, "p")}, {"id": "here", **dict.fromkeys(names, "h")}]
    truth = [{"id": "both", **dict.fromkeys(names, "t")}, {"id": "there", **dict.fromkeys(names, "u")}]
    result = run(engine, landing, contract, platform, truth)
    return found(engine, "cells", ("key", "column", "platform", "truth")), result


def test_hostile_column_names_are_names_like_any_other(engine: DuckDB, landing: Landing) -> None:
    contract = _everywhere(HOSTILE)
    cells, result = _audit(engine, landing, contract)
    assert cells == sorted((("both", name, "p", "t") for name in HOSTILE), key=repr)
    assert result.profiles[Status.MISSING] == result.profiles[Status.ORPHAN] == 1


def test_a_column_that_files_of_a_run_could_not_hold_is_refused(tmp_path: Path) -> None:
    """Beside the key of the profile there is no room for an attribute named `key`: a creation would send the wrong one."""
    path = tmp_path / "contract.toml"
    path.write_text('key = ["id"]\n[columns.id]\ntruth = "id"\n[columns.Key]\ntruth = "k"\n', encoding="utf-8")
    with pytest.raises(SettingsError, match=r"columns\.Key: this name is taken"):
        read_contract(path, None)


@pytest.mark.parametrize("name", [name for name in HOSTILE if name != "key"])
def test_what_a_plan_reads_survives_hostile_column_names(engine: DuckDB, landing: Landing, name: str) -> None:
    contract = _everywhere([name, "other"])
    _audit(engine, landing, contract)
    matched, _ = compared(engine)
    [created] = engine.frame(one_sided.creations(contract, matched)).to_dicts()
    assert created[name] == "u"
    structure = Structure("1", "T", tuple(Attribute(one, unique=True) for one in (name, "other")))
    missing = one_sided.one_sided(engine, contract, structure, matched).missing
    assert [row[name] for row in engine.frame(missing).to_dicts()] == ["u"]


def test_three_hundred_columns(engine: DuckDB, landing: Landing) -> None:
    cells, _ = _audit(engine, landing, _everywhere([f"column {number}" for number in range(300)]))
    assert len(cells) == 300


def test_a_table_of_nothing_but_keys(engine: DuckDB, landing: Landing) -> None:
    cells, result = _audit(engine, landing, _everywhere([]))
    assert cells == []
    assert (result.profiles[Status.EQUAL], result.profiles[Status.MISSING], result.profiles[Status.ORPHAN]) == (1, 1, 1)


def test_keys_of_several_columns(engine: DuckDB, landing: Landing) -> None:
    """Their text is a JSON array, whatever is in the parts; different keys never meet; half a key is none."""
    contract = Contract(
        table="T",
        key=("a", "b"),
        columns=(Column("a", "a", "a"), Column("b", "b", "b"), Column("c", "c", "c")),
        timezone=ZoneInfo("UTC"),
    )
    parts = ["x", '"', "\\", '","', "\x01", "a\tb", "a\nb", "é", "[]", "a\\", '\\"', "\x7f", "x,y"]
    pairs = list(itertools.product(parts, parts))
    rows = [{"a": a, "b": b, "c": "1"} for a, b in pairs]
    broken: list[Row] = [{"a": "x", "b": None, "c": "1"}, {"a": "", "b": "x", "c": "1"}, {"a": " ", "b": "x", "c": "1"}]
    result = run(engine, landing, contract, [*rows, *broken], [{**row, "c": "2"} for row in rows])
    assert result.rows["platform_null_key"] == 3
    assert result.profiles[Status.CONFLICTING] == len(pairs)
    assert sorted(json.loads(key) for (key,) in found(engine, "profiles", ("key",))) == sorted(map(list, pairs))


@pytest.mark.parametrize("rule", [Column("id", "id", "id"), Column("id", "id", "id", empty_is_value=True)])
def test_a_blank_key_is_none(engine: DuckDB, landing: Landing, rule: Column) -> None:
    contract = replace(_everywhere(["c"]), columns=(rule, Column("c", "c", "c")))
    rows: list[Row] = [{"id": key, "c": "1"} for key in (None, "", " ", "\t\n", "0")]
    result = run(engine, landing, contract, rows, rows)
    assert (result.rows["platform_null_key"], result.rows["truth_null_key"]) == (4, 4)
    assert result.profiles[Status.EQUAL] == 1


# --- population, duplicates ---


def test_a_key_that_either_side_excludes_is_out_on_both(engine: DuckDB, landing: Landing) -> None:
    """Unknown is no, as in SQL; rows without a key can be outside too."""

    def here(key: str | None, kind: str | None) -> Row:
        return {**PLAIN_PLATFORM, "id": key, "kind": kind}

    def there(key: str | None, state: str | None) -> Row:
        return {**PLAIN_TRUTH, "contact": key, "state": state}

    result = run(
        engine,
        landing,
        CONTRACT,
        [here("k1", "in"), here("k2", "out"), here("k3", None), here(None, "out"), here("k4", "in"), here("k5", "in")],
        [there("k1", "in"), there("k2", "in"), there("k3", "in"), there("k4", "out"), there("k5", None), there(None, "in")],
    )  # fmt: skip
    assert (result.rows["platform_excluded"], result.rows["truth_excluded"]) == (5, 4)
    assert (result.rows["platform_null_key"], result.rows["truth_null_key"]) == (0, 1)
    assert result.profiles == {status: int(status is Status.EQUAL) for status in Status}
    assert_identity(result)


@pytest.mark.parametrize("expression", ["nothing = 1", "kind =", "kind; DROP TABLE x", "CAST(kind AS INTEGER) > 1"])
def test_an_expression_that_cannot_be_evaluated_is_named(engine: DuckDB, landing: Landing, expression: str) -> None:
    contract = replace(CONTRACT, population_platform=expression)
    with pytest.raises(SettingsError, match=r"population\.platform"):
        run(engine, landing, contract, [PLAIN_PLATFORM], [PLAIN_TRUTH])


def test_a_key_twice_on_one_side_is_set_apart_on_both(engine: DuckDB, landing: Landing) -> None:
    """Identical rows included, and keys that are the same by rule only; the platform's first spelling is shown."""
    twice = [{**PLAIN_PLATFORM, "id": " k1"}, {**PLAIN_PLATFORM, "id": "k1"}]
    result = run(
        engine,
        landing,
        CONTRACT,
        twice,
        [PLAIN_TRUTH, {**PLAIN_TRUTH, "contact": "k2"}, {**PLAIN_TRUTH, "contact": "k2"}],
    )
    assert found(engine, "profiles", ("key", "status", "platform_rows", "truth_rows")) == [
        (" k1", "duplicate", 2, 1),
        ("k2", "duplicate", 0, 2),
    ]
    assert result.profiles[Status.DUPLICATE] == 2
    assert_identity(result)


def test_the_clock_change_does_not_turn_the_order_of_moments(engine: DuckDB, landing: Landing) -> None:
    """Moments without a zone are the contract's: 02:59 in summer time is before 03:01 after the change."""
    platform = {**PLAIN_PLATFORM, "updateMoment": "2026-03-29 01:59:00"}
    truth = {**PLAIN_TRUTH, "remark": "b", "modified_at": "2026-03-29T01:01:00Z"}
    run(engine, landing, CONTRACT, [platform], [truth])
    assert found(engine, "cells", ("moved",)) == [("truth_by_moment",)]
