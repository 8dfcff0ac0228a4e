"""Two tables whose settings lie in one folder share its runs: each is told of its own."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from auditor.commands import show, suite
from auditor.commands.doctor import machine
from auditor.commands.doctor.subject import Subject
from auditor.commands.plan import plan
from auditor.errors import Exit, SettingsError
from auditor.model import Side
from auditor.settings.config import Settings, read_settings
from auditor.state.past_runs import find_run, last_structure
from tests.small_folder import auditor, made

NOW = datetime(2031, 1, 2, tzinfo=UTC)
OTHER = "20310101T000000Z-0000"
"""A run of the other table, newer than all of this one."""


@pytest.fixture
def folder(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "folder"
    shutil.copytree(made(tmp_path_factory).audited, folder)
    newest = max((folder / "runs").glob("*/run.json")).parent
    other = folder / "runs" / OTHER
    shutil.copytree(newest, other)
    for name in ("run.json", "structure.json"):
        content = json.loads((other / name).read_text("utf-8"))
        (other / name).write_text(
            json.dumps(content | {"table": "Members"} | ({"run": OTHER} if "run" in content else {}))
        )
    (other / "profiles.parquet").unlink()
    shutil.copytree(folder / "expectations" / "Customers", folder / "expectations" / "Members")
    text = (folder / "auditor.toml").read_text("utf-8")
    (folder / "members.toml").write_text(re.sub(r'(?m)^table *= *"Customers"', 'table = "Members"', text))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def settings(folder: Path) -> Settings:
    return read_settings(folder / "auditor.toml")


@pytest.fixture
def newest(folder: Path) -> Path:
    """The newest run of this table."""
    return max(path for path in (folder / "runs").glob("[0-9]*") if path.name != OTHER)


def test_the_newest_run_is_that_of_the_table(folder: Path, settings: Settings, newest: Path) -> None:
    assert find_run(settings) == newest
    assert find_run(read_settings(folder / "members.toml")).name == OTHER


def test_a_name_fits_runs_of_the_table_alone(settings: Settings, newest: Path) -> None:
    assert find_run(settings, newest.name[:13]) == newest
    with pytest.raises(
        SettingsError, match=f'"{OTHER}" is a run of acme/Members, and the settings are for acme/Customers'
    ):
        find_run(settings, OTHER)
    with pytest.raises(SettingsError, match="is a run of acme/Members") as caught:
        find_run(settings, "2031")
    assert newest.name in str(caught.value.hint)


def test_a_table_without_a_run_has_none(folder: Path) -> None:
    text = (folder / "auditor.toml").read_text("utf-8")
    (folder / "new.toml").write_text(re.sub(r'(?m)^table *= *"Customers"', 'table = "New"', text))
    new = read_settings(folder / "new.toml")
    with pytest.raises(SettingsError, match='there is no finished run of "New"'):
        find_run(new)
    assert last_structure(new) is None


def test_what_follows_a_run_follows_that_of_the_table(
    settings: Settings, newest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = plan(settings, now=NOW)
    assert made
    assert {one.path.parent for one in made} == {newest}
    with pytest.raises(SettingsError, match="is a run of acme/Members"):
        plan(settings, now=NOW, run=OTHER)
    assert auditor(capsys, "report").out.strip() == str(newest / "report.html")
    assert auditor(capsys, "report", OTHER).code == Exit.SETTINGS
    assert suite.suggested(settings)[0] == newest
    assert suite.exported(settings, None, "openlineage", Side.TRUTH)["job"]["name"].endswith("Customers")
    key = pl.read_parquet(newest / "profiles.parquet")["key"][0]
    assert show.shown_keys(settings, [key], now=NOW) == {key}
    assert show.tell(settings, key, now=NOW).key == key
    assert newest.name in str(machine.schedule(Subject(settings, NOW)))
    found = last_structure(settings)
    assert found is not None
    assert found[1] is not None
    assert (found[0], found[1].table) == (newest.name, "Customers")
