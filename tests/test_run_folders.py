"""The folder of runs holds what people put beside them: links are not followed, other folders are not touched."""

from __future__ import annotations

import errno
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from auditor.errors import TryLater
from auditor.files.disk import require_writable
from auditor.files.whole import write_whole
from auditor.state.past_runs import newest_first
from auditor.state.run_folder import all_runs, expire, strangers, sweep

OLD, NEW = "20250101T100000Z-aaaa", "20261125T100000Z-bbbb"
NOW = datetime(2026, 11, 25, 11, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A run, an archive, a file, and links that are named like runs, one of them to nowhere."""
    folder = tmp_path / "runs"
    for name in (f"runs/{NEW}", "runs/2026-archive", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "platform.parquet").write_text("x")
    (folder / "20250101T100001Z-cccc").write_text("no folder")
    for name in (OLD, f".{OLD}", "20250101T100002Z-dddd"):
        (folder / name).symlink_to(tmp_path / ("nowhere" if name.endswith("dddd") else "elsewhere"))
    return folder


def test_only_real_folders_are_runs(runs: Path) -> None:
    assert [path.name for path in all_runs(runs)] == [NEW]
    beside = ["20250101T100000Z-aaaa", "20250101T100001Z-cccc", "20250101T100002Z-dddd", "2026-archive"]
    assert [path.name for path in strangers(runs)] == beside, "which `auditor runs` names"


def test_neither_sweeping_nor_expiring_touches_what_is_not_a_run(runs: Path) -> None:
    (runs / f".{NEW}").mkdir()
    before = {path for path in runs.parent.rglob("*") if path.name != f".{NEW}"}
    sweep(runs)
    assert expire(runs, NOW, keep=400 * DAY, snapshots=300 * DAY) == {}
    assert set(runs.parent.rglob("*")) == before
    assert expire(runs, NOW, keep=timedelta(), snapshots=timedelta()) == {}
    assert {path.name for path in before - set(runs.parent.rglob("*"))} == {NEW, "platform.parquet"}
    assert (runs.parent / "elsewhere" / "platform.parquet").exists()


def test_a_folder_that_takes_no_file_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may write anywhere: what a read-only disk answers is put into its mouth."""
    require_writable(tmp_path)

    def refuses(path: object, flags: int, mode: int = 0o777, **more: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(os, "open", refuses)
    with pytest.raises(TryLater, match="cannot be written: Read-only file system"):
        require_writable(tmp_path)
    with pytest.raises(TryLater, match="cannot be written: Read-only file system"):
        write_whole(tmp_path / "plan.json", "{}")
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("recorded", "copied", "expected"),
    [
        ("1 2 3", "", "3 2 1"),
        ("1 5 3 4", "", "4 3 5 1"),  # the clock went back after the second
        ("1 5 3", "2 6", "6 3 5 2 1"),
        ("", "2 1", "2 1"),
        ("1 3", "3", "3 1"),
    ],
)
def test_the_newest_run_is_the_one_that_was_recorded_last(recorded: str, copied: str, expected: str) -> None:
    def names(days: str) -> list[str]:
        return [f"2026010{day}T100000Z-aaaa" for day in days.split()]

    folders = [Path(name) for name in sorted({*names(recorded), *names(copied)})]
    assert [path.name for path in newest_first(folders, names(recorded))] == names(expected)
