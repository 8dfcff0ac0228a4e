"""Writes that nobody could confirm are settled by an export newer than they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from auditor.engine.duckdb import DuckDB
from auditor.equality.primitives import FUNCTIONS
from auditor.match.join import match_sides
from auditor.model import Kind, Outcome, Route, Side
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import Intent
from auditor.state.settle import from_export
from tests.small_runs import CONTRACT, PLATFORM_COLUMNS, TRUTH_COLUMNS, Row, land

TABLE = "Customers"
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
            Side.PLATFORM: land(engine, Side.PLATFORM, export, PLATFORM_COLUMNS, folder / "platform.parquet"),
            Side.TRUTH: land(engine, Side.TRUTH, [], TRUTH_COLUMNS, folder / "truth.parquet"),
        }
        told = from_export(engine, CONTRACT, match_sides(engine, CONTRACT, raw), ledger, TABLE, as_of)
    ledger.record_settled(told, as_of + timedelta(hours=1))
    counted = {Outcome.LANDED: len(told.landed), Outcome.CHANGED: len(told.changed)}
    return {outcome: number for outcome, number in counted.items() if number}


def write(ledger: Ledger, key: str, column: str | None, after: str | None, kind: Kind = Kind.UPDATE) -> None:
    ledger.intend("plan", TABLE, [Intent(0, kind, Route.SINGLE, key, None, column, None, after)], SENT)


def outcomes(ledger: Ledger, key: str) -> list[str | None]:
    return ledger.writes_of(TABLE, key)["outcome"].to_list()


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
