"""`auditor permit`: who is to be created is given a permission as a group, or nobody is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from auditor.commands.permit import Permitted, permit
from auditor.commands.plan import plan
from auditor.errors import GuardRefused, SettingsError
from auditor.model import Kind
from auditor.settings.config import Settings, read_settings
from auditor.state.ledger import Ledger
from auditor.state.past_runs import find_run
from tests import given_time
from tests.small_folder import made

NEWS = "subscriptions#Newsletter"


GROUP = ["C000061", "C000062"]


@pytest.fixture
def settings(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Of a folder in which two people are to be created, with evidence that they asked for the newsletter."""
    settings = read_settings(shutil.copytree(made(tmp_path_factory).audited, tmp_path / "folder") / "auditor.toml")
    change(settings, "profiles", waiting=False)
    return settings


def change(settings: Settings, name: str, **values: object) -> None:
    """Have a file of the newest run say something else of the second person."""
    path = find_run(settings, None) / f"{name}.parquet"
    rows = pl.read_parquet(path)
    second = pl.col("key") == GROUP[1]
    changed = {column: pl.lit(value, rows.schema[column]) for column, value in values.items()}
    rows.with_columns(
        pl.when(second).then(new).otherwise(column).alias(column) for column, new in changed.items()
    ).write_parquet(path)


def opt_ins(settings: Settings) -> dict[str, tuple[str | None, str]]:
    """Who is given the newsletter after being created: by whose decision, and by which evidence."""
    [creating] = [one.plan for one in plan(settings, now=given_time.now()) if one.plan.purpose == "create"]
    assert {write.key for write in creating.writes if write.kind is Kind.CREATE} == {*GROUP}
    return {
        write.key: (write.decided_by, write.collection.source)
        for write in creating.writes
        if write.kind is Kind.SUBSCRIBE and write.collection is not None
    }


def test_a_group_is_given_what_each_of_them_has_evidence_of(settings: Settings) -> None:
    assert opt_ins(settings) == {}, "nobody is given anything without a person"
    assert permit(settings, NEWS, by=" Ann ", now=given_time.now()) == Permitted(len(GROUP), singly=0)
    assert opt_ins(settings) == {GROUP[0]: ("Ann", "fair"), GROUP[1]: ("Ann", "call centre")}
    assert permit(settings, NEWS, by="Bob", now=given_time.now()).given == 0, "nobody is left to decide on"


@pytest.mark.parametrize("lacking", [f"evidence_date:{NEWS}", f"evidence_source:{NEWS}"])
def test_who_lacks_evidence_keeps_the_whole_group_from_it(settings: Settings, lacking: str) -> None:
    change(settings, "creations", **{lacking: None})
    with pytest.raises(
        GuardRefused, match=r"^1 of 2 people .* nobody was decided on: no evidence .* \(1\)$"
    ) as refused:
        permit(settings, NEWS, by="Ann", now=given_time.now())
    assert "the other 1 can be decided on one by one" in str(refused.value.hint), "and not who lacks it"
    with Ledger(settings.state_folder, reading=True) as ledger:
        assert not ledger.decisions(settings.table)
    assert opt_ins(settings) == {}


def decided(settings: Settings, key: str, choice: str, **more: str) -> Path:
    """Bob's file about somebody's newsletter lies in the inbox."""
    creations = pl.read_parquet(find_run(settings, None) / "creations.parquet")
    [text] = creations.filter(pl.col("key") == key)[NEWS]
    line = {"key": key, "column": NEWS, "platform": None, "truth": text, "choice": choice} | more
    content = {"format": 1, "run": find_run(settings, None).name, "table": "Customers", "by": "Bob"}
    path = settings.decisions_folder / "bob.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content | {"decisions": [line]}), "utf-8")
    return path


@pytest.mark.parametrize(
    ("choice", "more"),
    [
        ("platform", {}),
        ("ignore", {}),
        ("refused", {}),
        ("withdraw", {}),
        ("owners", {"finding": "without_evidence"}),
    ],
)
def test_on_whom_somebody_decided_singly_that_stays(settings: Settings, choice: str, more: dict[str, str]) -> None:
    change(settings, "creations", **{f"evidence_date:{NEWS}": None})  # who is none of the group keeps nobody from it
    file, told = decided(settings, GROUP[1], choice, **more), list[str]()
    assert permit(settings, NEWS, by="Mia", now=given_time.now(), tell=told.append) == Permitted(1, singly=1)
    assert not file.exists(), "what lies in the inbox is taken first"
    assert told[0] == "bob.json: 1 decision of Bob taken"
    assert opt_ins(settings) == {GROUP[0]: ("Mia", "fair")}


def test_nobody_is_decided_on_while_a_file_of_decisions_waits(settings: Settings) -> None:
    file = decided(settings, "C000061", "withdraw", finding="without_evidence")
    told: list[str] = []
    with pytest.raises(GuardRefused, match="1 file of decisions waits"):
        permit(settings, NEWS, by="Mia", now=given_time.now(), tell=told.append)
    assert told[0].startswith("not taken: ")
    assert file.exists()
    assert opt_ins(settings) == {}


def test_what_cannot_be_decided_is_told(settings: Settings) -> None:
    for column, by, told in (("lastName", "Ann", "no permission"), (NEWS, " ", "--by")):
        with pytest.raises(SettingsError, match=told):
            permit(settings, column, by=by, now=given_time.now())
