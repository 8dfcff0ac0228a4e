"""Keys that were given anew: who is evidently the same, when a run stops, and what it says."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from auditor.diff import one_sided
from auditor.engine.duckdb import DuckDB
from auditor.errors import Exit
from auditor.model import Attribute, Structure
from auditor.settings.contract import Column, Compare, Contract
from tests.diff_runs import Landing, compared, engine_in, run
from tests.driven_sandbox import Sandbox
from tests.last_found import last, remember
from tests.slow_diff import Row
from tests.small_folder import auditor, copy, footprint, licence, made
from tests.test_rekey import FIRST, NEXT, Folder

CONTRACT = Contract(
    table="Customers",
    key=("id",),
    columns=(Column("id", "id", "id"), Column("card", "card", "card", Compare.CODE), Column("city", "city", "city")),
    timezone=ZoneInfo("UTC"),
)
STRUCTURE = Structure(
    "1", "Customers", (Attribute("id", unique=True), Attribute("card", unique=True), Attribute("city"))
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDB]:
    with engine_in(tmp_path_factory.mktemp("renumbered")) as engine:
        yield engine


def row(id: str, card: str | None = None, number: str | None = None) -> Row:  # noqa: A002
    return {"id": id, "card": card, "city": "Gent", "profileId": number}


def same(
    engine: DuckDB, platform: Sequence[Row], truth: Sequence[Row], seen: Sequence[tuple[str, str | None]] | None = None
) -> list[tuple[str, str]]:
    """Pairs of keys that are evidently one person's."""
    run(engine, Landing.beside(engine), CONTRACT, platform, truth)
    matched, _ = compared(engine)
    before = None
    if seen is not None:
        schema = {"key": pl.String, "profile_id": pl.String}
        before = engine.put(pl.DataFrame(seen, schema=schema, orient="row"), "seen_before")
        remember(engine, seen_before=before)
    alone = one_sided.one_sided(engine, CONTRACT, STRUCTURE, matched)
    return sorted(engine.rows(one_sided.renumbered(engine, CONTRACT, STRUCTURE, matched, alone, before)))


def test_the_same_unique_value_is_the_same_person(engine: DuckDB) -> None:
    platform = [row("A1", "x"), row("A2", "y"), row("A3", None), row("4", "w"), row("A5", "t"), row("A6", "t")]
    truth = [row("1", "X "), row("2", "z"), row("3", None), row("4", "q"), row("5", "t")]
    assert same(engine, platform, truth) == [("A1", "1")]


def test_so_is_the_profile_that_an_earlier_run_saw_under_the_key_that_is_missing(engine: DuckDB) -> None:
    platform = [row("A1", None, "p1"), row("A2", None, "p2"), row("3", None, "p3"), row("A4")]
    truth = [row("1"), row("2"), row("3"), row("4")]
    seen = [("1", "p1"), ("2", "other"), ("gone", "p2"), ("3", "p3"), ("4", None)]
    assert same(engine, platform, truth, seen) == [("A1", "1")]


def test_a_profile_that_both_sides_know_by_another_key_is_told(engine: DuckDB) -> None:
    """Until what is known of it is carried over; a key that somebody still has is none that was given up."""
    platform = [row("A1", None, "p1"), row("2", None, "p2"), row("3", None, "p3"), row("A4", None, "p4")]
    same(engine, platform, [row("A1"), row("2"), row("3")], [("1", "p1"), ("A1", "p1"), ("2", "p3"), ("4", "p4")])
    matched, _ = compared(engine)
    assert one_sided.other_keys(engine, matched, last(engine, "seen_before")) == 1
    assert one_sided.other_keys(engine, matched, None) == 0


def test_who_was_seen_under_both_keys_is_carried_over_late(tmp_path: Path) -> None:
    """Both sides were renumbered and nobody was missing: a run has seen the new keys before anybody thought of it."""
    folder = Folder(tmp_path, profile_ids=True)
    off: list[Row] = [{"id": "1", "profileId": "p1", "subscriptions#News": "false", "news": "false"}]
    on: list[Row] = [{"id": "X1", "profileId": "p1", "subscriptions#News": "true", "news": "true"}]
    folder.runs.run(off, off, "r1", FIRST)
    seen = folder.runs.run(on, on, "r2", NEXT)
    assert ("X1", "subscriptions#News", "contactable_again") in seen.findings, "by the number of the profile"
    assert folder.rekey(("1", "X1")).done
    seen = folder.runs.run(on, on, "r3", NEXT)
    assert ("X1", "subscriptions#News", "contactable_again") in seen.findings
    assert pl.read_parquet(next(folder.runs.state.glob("seen-*.parquet"))).rows() == [("X1", "r3", "p1")]


def test_numbers_of_a_table_that_was_made_anew_are_other_peoples(tmp_path: Path) -> None:
    folder = Folder(tmp_path, profile_ids=True)
    rows: list[Row] = [{"id": "1", "profileId": "p1"}]
    folder.runs.run(rows, rows, "r1", FIRST)
    anew = replace(folder.runs, number="2")
    other: list[Row] = [{"id": "2", "profileId": "p1"}]
    anew.run(other, other, "r2", NEXT)
    frame = pl.read_parquet(next(folder.runs.state.glob("seen-*.parquet")))
    assert sorted(frame.select("key", "profile_id").rows()) == [("1", None), ("2", "p1")]


@pytest.fixture
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with licence(tmp_path_factory) as running:
        yield running


def test_a_truth_that_was_renumbered_stops_the_run(
    sandbox: Sandbox,
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing is reported and nothing remembered; the sentence says what to do."""
    folder = copy(made(tmp_path_factory).audited, tmp_path / "folder", sandbox)
    path = max(folder.glob("crm/*.csv"))
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows({**one, "contact_id": f"N{one['contact_id']}"} for one in rows)
    monkeypatch.chdir(folder)
    before = footprint(folder)
    said = auditor(capsys, "run", "--quiet")
    assert said.code == Exit.INCOMPLETE
    assert "keys look renumbered" in said.err
    assert "auditor rekey --map old-new.csv" in said.err
    after = footprint(folder)
    assert {name for name in after if after[name] != before.get(name) and "sqlite" not in name} <= {"state/Customers"}
