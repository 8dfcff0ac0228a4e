"""Where a demo may be made: it replaces an earlier one and nothing else. (The demo as a whole: tests/test_wheel.py.)"""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from auditor.cli.demonstration import prepare, to_go_on, write_settings
from auditor.cli.sandbox import command
from auditor.errors import SettingsError
from auditor.sandbox.limits import LIMITS


def test_a_demo_may_be_made_where_the_user_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    prepare(Path())
    assert (tmp_path / "expectations" / "Customers" / "contract.toml").is_file()


def test_an_earlier_demo_is_replaced_as_a_whole(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "demo"
    prepare(folder)
    fresh = sorted(folder.rglob("*"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    (folder / "runs").symlink_to(elsewhere)
    (folder / "exports" / "old.csv").touch()
    (folder / "notes.txt").touch()
    prepare(folder)
    assert sorted(folder.rglob("*")) == fresh
    assert (elsewhere / "kept").exists(), "what a link points to is not part of the demo"


def test_a_folder_of_anybody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(SettingsError, match="not empty and no earlier demo"):
        prepare(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(("url", "port"), [("http://127.0.0.1:8700", 8700), ("http://127.0.0.1:9123", 9123)])
def test_what_is_said_to_go_on_starts_the_sandbox_of_the_settings(tmp_path: Path, url: str, port: int) -> None:
    [line] = [line for line in to_go_on(tmp_path, url, "KEY") if line.endswith(" &")]
    arguments = shlex.split(line.removesuffix(" &"))
    context = command.make_context("sandbox", arguments[arguments.index("sandbox") + 1 :])
    assert context.params["port"] == port
    limits = LIMITS[context.params["limits"]]
    settings = write_settings(tmp_path, url)
    assert settings.actito.calls_per_minute <= limits.per_minute
    assert settings.actito.concurrency <= limits.concurrent
