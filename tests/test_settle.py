"""Writes that nobody could confirm are settled by an export newer than they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from auditor.engine.duckdb import DuckDB
from auditor.equality.primitives import FUNCTIONS
from auditor.match.join import match_sides
from auditor.model import Kind, Outcome, Route, Side
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import Intent, Overwritten, Settled
from auditor.state.settle import from_export, not_yet_sent
from tests.small_runs import CONTRACT, PLATFORM_COLUMNS, TRUTH_COLUMNS, Row, land

TABLE = "Customers"
NAMED = (*PLATFORM_COLUMNS, "profileId")
SENT = datetime(2026, 3, 2, 10, tzinfo=UTC)
LATER, EARLIER = SENT + timedelta(hours=8), SENT - timedelta(hours=8)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger") as opened:
        yield opened


def settle(ledger: Ledger, folder: Path, export: Sequence[Row], as_of: datetime) -> dict[Outcome, int]:
    with closing(DuckDB(temp=folder)) as engine:
        engine.register(FUNCTIONS)
        raw = {
            Side.PLATFORM: land(engine, Side.PLATFORM, export, NAMED, folder / "platform.parquet"),
            Side.TRUTH: land(engine, Side.TRUTH, [], TRUTH_COLUMNS, folder / "truth.parquet"),
        }
        told = from_export(engine, CONTRACT, match_sides(engine, CONTRACT, raw), ledger, TABLE, as_of)
    ledger.record_settled(told, as_of + timedelta(hours=1))
    counted = {Outcome.LANDED: len(told.landed), Outcome.CHANGED: len(told.changed)}
    return {outcome: number for outcome, number in counted.items() if number}


def write(ledger: Ledger, key: str, column: str | None, after: str | None, kind: Kind = Kind.UPDATE) -> None:
    ledger.intend("plan", TABLE, [Intent(0, kind, Route.SINGLE, key, None, column, None, after)], SENT)


def outcomes(ledger: Ledger, key: str) -> list[str | None]:
    return ledger.writes_of(TABLE, key, None)["outcome"].to_list()


def test_a_cell_landed_where_the_export_holds_what_was_sent_by_its_own_rule(ledger: Ledger, tmp_path: Path) -> None:
    cases = {
        # key: column, sent, what the export shows, outcome
        "same": ("city", "Gent", "Gent", "landed"),
        "blanks": ("city", "Sint Niklaas", " Sint  Niklaas", "landed"),
        "case": ("city", "Gent", "GENT", "changed"),
        "old": ("city", "Gent", "Luik", "changed"),
        "empty": ("city", "Gent", None, "changed"),
        "cleared": ("note", None, "", "landed"),
        "not cleared": ("note", None, "still", "changed"),
        "exact": ("note", "a b", "a  b", "changed"),
        "off": ("subscriptions#News", "false", "0", "landed"),
        "on": ("subscriptions#News", "false", "true", "changed"),
    }
    for key, (column, sent, _, _) in cases.items():
        write(ledger, key, column, sent)
    export = [{"id": key, column: shown} for key, (column, _, shown, _) in cases.items()]
    counted = settle(ledger, tmp_path, export, LATER)
    assert {key: outcomes(ledger, key) for key in cases} == {key: [case[3]] for key, case in cases.items()}
    assert counted == {Outcome.LANDED: 4, Outcome.CHANGED: 6}


def test_whole_profiles(ledger: Ledger, tmp_path: Path) -> None:
    """A created one landed when it is there, even twice; a deleted one when it is not."""
    for key in ("made", "made twice", "not made"):
        write(ledger, key, None, None, Kind.CREATE)
    for key in ("deleted", "not deleted"):
        write(ledger, key, None, None, Kind.DELETE)
    settle(ledger, tmp_path, [{"id": key} for key in ("made", "made twice", "made twice", "not deleted")], LATER)
    assert {key: outcomes(ledger, key) for key in ("made", "made twice", "not made", "deleted", "not deleted")} == {
        "made": ["landed"],
        "made twice": ["landed"],
        "not made": ["changed"],
        "deleted": ["landed"],
        "not deleted": ["changed"],
    }


def test_an_export_from_before_the_write_says_nothing(ledger: Ledger, tmp_path: Path) -> None:
    write(ledger, "k", "city", "Gent")
    assert settle(ledger, tmp_path, [{"id": "k", "city": "Luik"}], EARLIER) == {}
    assert outcomes(ledger, "k") == [None]


def test_what_the_export_does_not_tell_apart_is_passed_over(ledger: Ledger, tmp_path: Path) -> None:
    """Somebody outside of it, a key on two rows, a column that is no longer mapped."""
    write(ledger, "outside", "city", "Gent")
    write(ledger, "twice", "city", "Gent")
    write(ledger, "k", "formerly mapped", "x")
    export = [{"id": "twice", "city": "Gent"}, {"id": "twice", "city": "Luik"}, {"id": "k"}]
    assert settle(ledger, tmp_path, export, LATER) == {}


def test_of_two_writes_to_one_cell_the_last_one_counts(ledger: Ledger, tmp_path: Path) -> None:
    write(ledger, "k", "city", "Gent")
    write(ledger, "k", "city", "Luik")
    assert settle(ledger, tmp_path, [{"id": "k", "city": "Luik"}], LATER) == {Outcome.LANDED: 1}
    assert outcomes(ledger, "k") == ["changed", "landed"]


def test_what_is_settled_stays_settled(ledger: Ledger, tmp_path: Path) -> None:
    write(ledger, "k", "city", "Gent")
    settle(ledger, tmp_path, [{"id": "k", "city": "Gent"}], LATER)
    assert settle(ledger, tmp_path, [{"id": "k", "city": "Luik"}], LATER + timedelta(days=1)) == {}
    assert outcomes(ledger, "k") == ["landed"]


def test_an_edit_is_told_from_what_was_audited_and_from_what_was_sent(ledger: Ledger, tmp_path: Path) -> None:
    """What the export denies was edited since the audit, or the file did nothing to it."""
    cases = {"edited": "Brugge", "spelt otherwise": "LUIK", "as audited": "Luik", "as sent": "Gent"}
    for key in cases:
        ledger.intend("plan", TABLE, [Intent(0, Kind.UPDATE, Route.BULK, key, None, "city", "Luik", "Gent")], SENT)
    settle(ledger, tmp_path, [{"id": key, "city": shown} for key, shown in cases.items()], LATER)
    details = {key: ledger.writes_of(TABLE, key, None)["detail"].to_list() for key in cases}
    assert details == {
        "edited": ["edited"],
        "spelt otherwise": ["edited"],
        "as audited": ["export"],
        "as sent": ["export"],
    }


def test_what_another_profile_held_under_the_key_is_nobodys_edit(ledger: Ledger, tmp_path: Path) -> None:
    """Keys that changed hands in between; where a side does not say whose the key is, the key alone tells."""
    cases = {
        # key: the profile that was written to, that of the export with this key, whether its text was an edit
        "its own": ("1", "1", True),
        "another's by then": ("2", "3", False),
        "not exported": ("4", None, True),
        "not recorded": (None, "5", True),
    }
    intents = [
        Intent(number, Kind.UPDATE, Route.BULK, key, profile, "city", "Luik", "Gent")
        for number, (key, (profile, _, _)) in enumerate(cases.items())
    ]
    _, writes = ledger.intend_import("plan", "b", TABLE, "0" * 64, intents, SENT)
    export = [{"id": key, "profileId": shown, "city": "Brugge"} for key, (_, shown, _) in cases.items()]
    with closing(DuckDB(temp=tmp_path)) as engine:
        engine.register(FUNCTIONS)
        raw = land(engine, Side.PLATFORM, export, (*PLATFORM_COLUMNS, "profileId"), tmp_path / "platform.parquet")
        found = {write for write, _, edit in not_yet_sent(engine, CONTRACT, raw, ledger.by_file(TABLE)) if edit}
    keys = dict(zip(writes, cases, strict=True))
    assert {keys[write] for write in found} == {key for key, (_, _, edit) in cases.items() if edit}


def test_what_was_sent_is_looked_for_in_the_profile_it_was_sent_to(ledger: Ledger, tmp_path: Path) -> None:
    """Whatever keys the two have by now, where the export has profileIds."""
    cases = {
        # profileId: key then, kind, what was sent, key by now and what it holds; what became of it
        "1": ("a", Kind.UPDATE, "Gent", ("b", "Gent"), "landed"),
        "2": ("b", Kind.UPDATE, "Luik", ("a", "Namur"), "changed"),
        "3": ("c", Kind.DELETE, None, None, "landed"),
        "4": ("d", Kind.DELETE, None, ("c", "Gent"), "changed"),
        "5": ("e", Kind.UPDATE, "Gent", None, None),
        "6": ("z", Kind.UPDATE, "Gent", ("e", "Gent"), "landed"),
    }
    for who, (key, kind, sent, _, _) in cases.items():
        column = None if kind is Kind.DELETE else "city"
        ledger.intend("plan", TABLE, [Intent(int(who), kind, Route.SINGLE, key, who, column, "Aalst", sent)], SENT)
    export = [{"id": now[0], "profileId": who, "city": now[1]} for who, (*_, now, _) in cases.items() if now]
    settle(ledger, tmp_path, export, LATER)
    outcomes = {str(number): state.outcome for (number, _), state in ledger.states("plan").items()}
    assert outcomes == {who: became for who, (*_, became) in cases.items()}


def test_what_an_export_shows_that_was_taken_between_the_audit_and_the_file(ledger: Ledger, tmp_path: Path) -> None:
    """The edits that the file overwrote: letter by letter, but for what has several spellings of one value."""
    cases = {
        # key: column, audited, sent, what stood there in between, whether that was an edit; None: nothing is told
        "untouched": ("city", "Luik", "Gent", "Luik", False),
        "edited": ("city", "Luik", "Gent", "Brugge", True),
        "case alone": ("city", "Luik", "Gent", "LUIK", True),
        "emptied": ("city", "Luik", "Gent", "", True),
        "the same by somebody": ("city", "Luik", "Gent", "Gent", None),
        "filled": ("note", None, "a", "b", True),
        "still empty": ("note", None, "a", None, False),
        "off": ("subscriptions#News", "true", "false", "0", None),
        "on, spelt otherwise": ("subscriptions#News", "true", "false", "1", False),
        "neither yes nor no": ("subscriptions#News", "true", "false", "maybe", True),
        "twice": ("city", "Luik", "Gent", "Brugge", None),
    }
    intents = [
        Intent(number, Kind.UPDATE, Route.BULK, key, str(number), column, before, after)
        for number, (key, (column, before, after, _, _)) in enumerate(cases.items())
    ]
    _, writes = ledger.intend_import("plan", "b", TABLE, "0" * 64, intents, SENT)
    ledger.intend("plan", TABLE, [Intent(99, Kind.UPDATE, Route.SINGLE, "edited", "1", "note", None, "x")], SENT)
    ledger.settle(writes[:2], Outcome.LANDED, SENT)  # those of the sample
    sent = ledger.by_file(TABLE)
    assert sorted(sent["key"]) == sorted(cases), "whatever is confirmed of a file, and nothing that went one by one"
    export = [{"id": key, column: shown} for key, (column, _, _, shown, _) in cases.items()] + [{"id": "twice"}]
    with closing(DuckDB(temp=tmp_path)) as engine:
        engine.register(FUNCTIONS)
        raw = land(engine, Side.PLATFORM, export, PLATFORM_COLUMNS, tmp_path / "platform.parquet")
        told = list(not_yet_sent(engine, CONTRACT, raw, sent))
    keys = dict(zip(writes, cases, strict=True))
    assert {keys[write]: edit for write, _, edit in told} == {
        key: edit for key, (*_, edit) in cases.items() if edit is not None
    }
    found = {write: text for write, text, edit in told if edit}
    edits = {key: shown for key, (_, _, _, shown, edit) in cases.items() if edit}
    assert {keys[write]: text for write, text in found.items()} == edits

    edited = tuple(Overwritten(write, "plan", text, SENT) for write, text in found.items())
    ledger.record_settled(Settled((), (), (), frozenset(), edited), LATER)
    assert ledger.overwritten("plan") == {(key, cases[key][0]): shown for key, shown in edits.items()}
    assert ledger.states("plan").keys() == {(one.number, one.column) for one in intents} | {(99, "note")}
    assert {one.key for one in ledger.effects("plan")} == set(cases), "what is found changes nothing of what was done"
    assert sorted(ledger.by_file(TABLE)["key"]) == sorted(cases.keys() - edits.keys()), "each is found once"
    back = {one.key: (one.before, one.after) for one in ledger.edits(TABLE, "plan")}
    assert back == {key: (shown, cases[key][2]) for key, shown in edits.items()}
    row = ledger.writes_of(TABLE, "edited", None).filter(pl.col("number").is_null())
    assert row.select("before", "after", "outcome", "detail").rows() == [("Luik", "Brugge", "changed", "overwritten")]
    ledger.empty(TABLE, ["edited"])
    assert "Brugge" not in ledger.overwritten("plan").values(), "it is erased with the person"
    assert not ledger.verify().problems
