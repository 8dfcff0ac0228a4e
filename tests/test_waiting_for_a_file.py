"""What waits for a file goes by what the stored runs of before saw, so that nothing waits for more than two days."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from auditor.cli.demonstration import write_settings
from auditor.commands import plan as planning
from auditor.findings.audit import FRAMES
from auditor.model import Verdict
from auditor.plan.road import GATHERING, SEEN
from auditor.settings.config import Settings
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import RunRecord
from tests import given_time

NOW = given_time.now()
HOUR = timedelta(hours=1)
RUNS: Mapping[str, tuple[timedelta, str]] = {
    "long ago": (GATHERING + 24 * HOUR, "street"),
    "as it began": (GATHERING, "city"),
    "since": (GATHERING - HOUR, "note"),
}
"""When each run was before NOW, and the column that differed in it."""


def whose(*people: tuple[str, str]) -> pl.DataFrame:
    return pl.DataFrame(list(people), schema={"key": pl.String(), "profile_id": pl.String()}, orient="row")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a folder with three runs."""
    made = write_settings(tmp_path, "http://127.0.0.1:1")
    with Ledger(made.state_folder) as ledger:
        for name, (ago, column) in RUNS.items():
            folder = made.runs_folder / name
            folder.mkdir(parents=True)
            row = {"key": "C1", "column": column, "platform": "Oostende", "truth": "Gent"}
            pl.DataFrame([row], schema=FRAMES["differences"]).write_parquet(folder / "differences.parquet")
            who = [{"key": "C1", "profile_id": "1"}]
            pl.DataFrame(who, schema=FRAMES["profiles"]).write_parquet(folder / "profiles.parquet")
            ledger.record_run(RunRecord(name, made.table, NOW - ago, NOW - ago, Verdict.FINDINGS, {}))
    return made


def seen(settings: Settings, *people: tuple[str, str]) -> list[tuple[str, str]] | None:
    with Ledger(settings.state_folder) as ledger:
        found = planning._seen(settings, ledger, NOW, whose(*people))
    return None if found is None else found.rows()


def test_what_differed_when_the_two_days_began_has_waited(settings: Settings) -> None:
    """The newest run of two days ago or earlier says so, and neither one from before nor one of since."""
    assert seen(settings, ("C1", "1")) == [("C1", "city")]


def test_who_has_another_key_has_waited_under_it_and_who_got_theirs_has_not(settings: Settings) -> None:
    assert seen(settings, ("X1", "1"), ("C1", "9")) == [("X1", "city")]
    assert seen(settings, ("C1", "9")) == []


def test_where_that_run_is_not_kept_nobody_knows_and_where_there_was_none_nothing_has(settings: Settings) -> None:
    shutil.rmtree(settings.runs_folder / "as it began")
    assert seen(settings) is None
    with Ledger(settings.state_folder) as ledger:
        found = planning._seen(settings, ledger, NOW - GATHERING - 48 * HOUR, whose())
    assert found is not None
    assert (found.schema, found.height) == (SEEN, 0)
