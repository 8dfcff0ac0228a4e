"""Where a demo may be made: it replaces an earlier one and nothing else. (The demo as a whole: tests/test_wheel.py.)"""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.cli.demonstration import prepare
from auditor.errors import SettingsError


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
