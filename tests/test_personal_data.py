"""Personal data lies where `auditor.state.personal` says that it does, and nowhere else."""

from __future__ import annotations

import csv
import re
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl
import pytest

from auditor.commands.apply import apply
from auditor.commands.plan import plan
from auditor.commands.undo import undo
from auditor.settings.config import read_settings
from auditor.state import personal
from auditor.state.ledger import Ledger, records
from tests import given_time
from tests.driven_sandbox import Sandbox
from tests.small_folder import copy, made

OF_PEOPLE = {"customerId", "emailAddress", "lastName", "gsmNumber", "addressStreet", "profileId"}
WITHIN_A_WORD = re.compile(r"[\w@.+-]+")


def values_of(folder: Path) -> set[str]:
    """What the exports say of people, long enough that it means nobody else."""
    found = set()
    for export in folder.glob("exports/*.csv"):
        with export.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter=";"):
                found |= {value for name, value in row.items() if name in OF_PEOPLE and value and len(value) > 5}
    return found


def text_of(path: Path) -> str:
    """Everything that a file says, whatever its form."""
    if path.suffix == ".parquet":
        return str(pl.read_parquet(path).rows())
    if path.suffix == ".sqlite":
        with closing(sqlite3.connect(path)) as database:
            return "\n".join(database.iterdump())
    if path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as tables:
            names = [name for (name,) in tables.execute("SHOW TABLES").fetchall()]
            return str([tables.execute(f'SELECT COLUMNS(*)::VARCHAR FROM "{name}"').fetchall() for name in names])
    if path.suffix == ".xlsx":
        with zipfile.ZipFile(path) as book:
            return "\n".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())
    return path.read_bytes().decode("utf-8", "replace")


def test_values_of_people_lie_where_the_list_says(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox
) -> None:
    """After audits, a plan, an application, a decision and a plan that takes all back."""
    folder = copy(made(tmp_path_factory).audited, tmp_path / "folder", sandbox)
    settings, now = read_settings(folder / "auditor.toml"), given_time.now()
    plans = plan(settings, now=now)
    [chosen] = [one for one in plans if one.plan.purpose == "correct"]
    confirmed = {brake.kind: brake.count for brake in chosen.brakes}
    apply(settings, chosen.path, confirmed=confirmed, clock=given_time.now)
    undo(settings, chosen.path, now=given_time.now())
    key = chosen.plan.writes[0].key
    decision = records.Decision(settings.table, "Ann", key, "note", None, "yes", "truth", now, None, None)
    with Ledger(settings.state_folder) as ledger:
        ledger.decide([decision, replace(decision, column="lastName")], now)

    values, told = values_of(folder), set(personal.files(settings))
    assert len(values) > 100
    tops = [folder / top for top in ("runs", "state", "expectations", "structure")]
    kept = [path for top in tops for path in top.rglob("*") if path.is_file()]
    holding = {path for path in [*kept, *folder.glob("*.toml")] if values & {*words(text_of(path))}}
    assert {path.relative_to(folder).as_posix() for path in holding - told} == set()
    assert len(holding) > 20
    assert all({*path.parents} & {*personal.folders(settings)} for path in told)


def words(text: str) -> Iterator[str]:
    """Its words, and what stands between quotes, tags and separators."""
    yield from WITHIN_A_WORD.findall(text)
    yield from re.split(r"['\";<>\n]", text)


def test_the_list_names_nothing_that_is_not_made(tmp_path_factory: pytest.TempPathFactory) -> None:
    """But for what comes of servers, of exports of messages, of plans, of a writer at work and of earlier versions."""
    folder = made(tmp_path_factory).audited
    files = {path.name for path in folder.rglob("*")}
    missing = {name for name in personal.IN_A_RUN if name not in files}
    assert missing == {
        "plan-*.json", "plan-*.txt", "plan-*.html", "plan-*.xlsx", "outcome-*.parquet", "activities.parquet",
        "audited.parquet",
    }  # fmt: skip
    absent = {name for name in personal.IN_THE_STATE if not [*(folder / "state").glob(name)]}
    assert absent <= {"ledger.sqlite-wal", "pulled/*", "*/activities-*.parquet"}
