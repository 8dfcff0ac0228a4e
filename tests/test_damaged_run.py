"""A run folder in which a file is damaged: every command that reads it names the file and says what to do."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import polars as pl
import pytest

from auditor.commands.doctor.machine import schedule
from auditor.commands.doctor.subject import State, Subject
from auditor.findings.audit import FRAMES
from auditor.model import Side
from auditor.settings.config import read_settings
from auditor.state.past_runs import last_structure, last_validations
from auditor.state.run_folder import read_validation
from tests.small_folder import auditor

ARCHIVE = Path(__file__).parent / "old_folders" / "2026-11.tar.xz"
NEWEST, BEFORE = "20261109T070100Z-6899", "20261102T070001Z-fd2b"
APPLIED = "d5609183e1df"

REPORT, PLAN, UNDO = ("report",), ("plan",), ("undo", APPLIED)
SHOW, EXPORT, SUGGEST = ("show", "C000001"), ("suite", "export"), ("suite", "suggest")
FIX = ("fix", "C000001", "--yes")
COUNTS = "unsubscribe=4", "update=35", "clear=1"
APPLY = ("apply", APPLIED, *(word for count in COUNTS for word in ("--confirm", count)))

READ_BY = {
    "run.json": (REPORT, PLAN, SHOW, EXPORT, SUGGEST, FIX),
    "structure.json": (REPORT, PLAN, SHOW, SUGGEST, APPLY),
    "validation.json": (EXPORT,),
    **{f"{name}.parquet": (REPORT,) for name in FRAMES if name != "profiles"},
    "profiles.parquet": (REPORT, PLAN, SHOW, FIX),
    "history.parquet": (REPORT, PLAN),
    "evidence.parquet": (REPORT,),
    "creations.parquet": (PLAN,),
    "taken.parquet": (PLAN,),
    "platform.parquet": (SHOW, SUGGEST),
    "truth.parquet": (SHOW,),
    f"plan-{APPLIED}*.json": (APPLY,),
    f"outcome-{APPLIED}*.parquet": (APPLY,),
}
"""File → the commands that cannot do without it. `fix` and `apply` come to it before they ask Actito anything."""


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _circle(path: Path) -> None:
    """Root may read whatever has no rights: a link to itself nobody can."""
    path.unlink()
    path.symlink_to(path.name)


def _changed(change: Callable[[dict[str, object]], object]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        content = json.loads(path.read_text("utf-8"))
        path.write_text(json.dumps(change(content)), "utf-8")

    return damage


def _columns(change: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[[Path], None]:
    return lambda path: change(pl.read_parquet(path)).write_parquet(path)


ANY: dict[str, Callable[[Path], None]] = {
    "missing": Path.unlink,
    "empty": lambda path: _write(path, b""),
    "cut off": _cut,
    "something else": lambda path: _write(path, b"{\xff"),
    "a folder": _folder,
    "unreadable": _circle,
}
JSON = {
    "a list": _changed(lambda content: [1]),
    "nothing in it": _changed(lambda content: {}),
    "a number for a text": _changed(lambda content: dict.fromkeys(content, 5)),
    "nested without end": lambda path: _write(path, b"[" * 100_000),
}
VERSIONED = {"another version": _changed(lambda content: content | {"format": 99})}
PARQUET = {
    "no column": _columns(lambda frame: frame.drop(frame.columns[0])),
    "texts no more": _columns(lambda frame: pl.DataFrame({name: [b"\xff"] for name in frame.columns})),
}


def damages(name: str) -> dict[str, Callable[[Path], None]]:
    if name.endswith(".parquet"):
        sides = name.startswith(tuple(side.value for side in Side))  # whose columns are texts whatever they were
        return ANY | ({} if sides else PARQUET) | {"no column at all": _columns(lambda frame: frame.select(x=1))}
    return ANY | JSON | ({} if name == "structure.json" else VERSIONED)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder / "old"


@pytest.fixture
def folder(old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = tmp_path / "old"
    shutil.copytree(old, copy)
    monkeypatch.chdir(copy)
    return copy


def found(folder: Path, name: str) -> Path:
    [path] = (folder / "runs" / NEWEST).glob(name)
    return path


def refused(capsys: pytest.CaptureFixture[str], command: tuple[str, ...], path: Path) -> None:
    said = auditor(capsys, *command)
    assert said.code == 2, (command, said)
    assert path.name in said.err, (command, said)
    assert "  try: make" in said.err, (command, said)


@pytest.mark.parametrize("name", READ_BY)
def test_whatever_is_wrong_with_a_file_is_told(folder: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = found(folder, name)
    kept = path.read_bytes()
    for what, damage in damages(name).items():
        damage(path)
        # Nobody knows that there was such a plan, and what became of it the ledger knows.
        if not (what == "missing" and name.startswith(("plan-", "outcome-"))):
            refused(capsys, READ_BY[name][0], path)
        if path.is_dir():
            path.rmdir()
        path.unlink(missing_ok=True)
        path.write_bytes(kept)


@pytest.mark.parametrize("name", READ_BY)
def test_each_command_that_reads_a_file_tells_it(folder: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = found(folder, name)
    _cut(path)
    for command in READ_BY[name]:
        refused(capsys, command, path)


def test_an_undo_of_a_run_that_is_read_only_goes_elsewhere(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may write whatever has no rights: the disk refuses."""
    usual = os.open

    def refusing(path: Any, flags: int, *more: Any, **named: Any) -> int:
        if flags & os.O_CREAT and "runs" in Path(path).parts:
            raise OSError(errno.EROFS, "Read-only file system")
        return usual(path, flags, *more, **named)

    monkeypatch.setattr(os, "open", refusing)
    nowhere = auditor(capsys, *UNDO)
    assert (nowhere.code, "can be written nowhere" in nowhere.err, "--into DIR" in nowhere.err) == (75, True, True)
    said = auditor(capsys, *UNDO, "--into", "here")
    assert said.code == 0, said.err
    assert {path.name[:5] for path in Path("here").iterdir()} == {"plan-", "struc"}
    assert "auditor apply here/plan-" in said.err


def test_an_undo_needs_none_of_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The ledger suffices; the undo lies where there is a structure to be held against when it is applied."""
    for name in ("run.json", "structure.json", f"plan-{APPLIED}*.json", f"outcome-{APPLIED}*.parquet"):
        _cut(found(folder, name))
    said = auditor(capsys, *UNDO)
    assert said.code == 0, said.err
    [plan] = [path for path in (folder / "runs").glob("*/plan-*.json") if path.name[5:17] in said.err]
    assert plan.parent.name == BEFORE
    for path in (folder / "runs").glob("*/structure.json"):
        _cut(path)
    nowhere = auditor(capsys, *UNDO)
    assert (nowhere.code, "can be written nowhere" in nowhere.err, "--into DIR" in nowhere.err) == (2, True, True)


@pytest.mark.parametrize("name", ["run.json", "structure.json", "validation.json"])
def test_a_new_run_goes_by_those_that_can_be_read(folder: Path, name: str) -> None:
    _cut(found(folder, name))
    settings = read_settings(folder / "auditor.toml")
    run, structure = last_structure(settings) or pytest.fail("none is left")
    assert run == (NEWEST if name == "validation.json" else BEFORE)
    assert structure is not None
    assert structure.table == "Customers"
    known = last_validations(settings, Side.PLATFORM, "", 9)
    if name != "structure.json":
        assert known == [read_validation(folder / "runs" / BEFORE)]


def test_another_run_can_be_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _cut(found(folder, "run.json"))
    assert auditor(capsys, "report", BEFORE).code == 0
    said = auditor(capsys, "report", "1999")
    assert said.code == 2
    assert BEFORE in said.err


def test_a_run_that_was_never_kept_is_not_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Killed between the name of its folder and the end of the transaction: readers see what was there before."""
    commands = ((*SHOW, "--json"), EXPORT, (*REPORT, NEWEST), ("runs", "--json"))
    before = [auditor(capsys, *command) for command in commands]
    begun, state = folder / "runs" / "20261110T070000Z-dead", folder / "state" / "Customers" / "state.json"
    shutil.copytree(folder / "runs" / NEWEST, begun)
    _changed(lambda content: content | {"run": begun.name})(begun / "run.json")
    was, now = state.read_text("utf-8"), "{}"
    state.write_text(now)
    journal = {
        "name": begun.name,
        "ledger": True,
        "rewrites": [["Customers/state.json", was, now, 0o600]],
        "folders": [f"../runs/.{begun.name}", f"../runs/{begun.name}"],
        "written": [],
    }
    (folder / "state" / "commit.json").write_text(json.dumps(journal))
    assert [auditor(capsys, *command) for command in commands] == before
    said = auditor(capsys, "report", begun.name)
    assert said.code == 2
    assert "is no run" in said.err
    assert state.read_text() == now, "nothing was set right"
    assert auditor(capsys, *PLAN).code == 0
    assert state.read_text() == was
    assert not begun.exists()


def test_the_doctor_tells_it(folder: Path) -> None:
    settings = read_settings(folder / "auditor.toml")
    subject = cast(Subject, SimpleNamespace(settings=settings, now=datetime(2026, 11, 9, 12, tzinfo=UTC)))
    assert schedule(subject).state is State.OK
    path = found(folder, "run.json")
    _cut(path)
    assert (schedule(subject).state, str(path) in schedule(subject).reason) == (State.WARNING, True)
    shutil.rmtree(folder / "runs")
    assert "there is no run yet" in schedule(subject).reason
