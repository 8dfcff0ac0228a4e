"""Who is asked for less than an audit, or fails, leaves every file as it was; so does whoever only looks."""

from __future__ import annotations

import json
import shutil
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from auditor.cli import clock
from auditor.cli.demonstration import write_settings
from auditor.commands.plan import plan
from auditor.commands.run import STAGES, EnoughError, Request, run
from auditor.errors import TryLater
from auditor.files import running
from auditor.settings.config import read_settings
from auditor.state.commit import JOURNAL
from auditor.state.ledger import Ledger
from auditor.state.past_runs import find_run
from tests.driven_sandbox import Sandbox
from tests.small_folder import auditor, footprint

NOW = datetime.fromisoformat("2026-11-10T07:01:00+00:00")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("licence") / "sandbox", profiles=20, limits="extended") as listening:
        yield listening


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Path:
    """A folder with a history, in which a run has everything to do: a write that the newest export confirms, a suite
    and a spelling to be brought up to date, what a killed run left.
    """
    place = tmp_path_factory.mktemp("waiting")
    with tarfile.open(Path(__file__).parent / "old_folders" / "2026-11.tar.xz") as archive:
        archive.extractall(place, filter="data")
    folder = place / "old"
    shutil.copytree(folder / "later", folder, dirs_exist_ok=True)
    shutil.copytree(sandbox.directory, folder / "sandbox")
    write_settings(folder, sandbox.url)
    suite = folder / "expectations" / "Customers" / "suite.json"
    content = json.loads(suite.read_text("utf-8"))
    content["expectations"].pop(0)
    suite.write_text(json.dumps(content), "utf-8")
    with Ledger(folder / "state"):
        pass  # brought up to date, as by whoever writes into it first
    (folder / "state" / "spelling-Customers.json").unlink()
    (folder / "state" / "lock").write_text('{"pid": 1, "command": "auditor run"}')
    killed = folder / "runs" / ".20261110T060000Z-dead"
    killed.mkdir()
    (killed / "platform.parquet").write_bytes(b"half a fi")
    return folder


@pytest.fixture
def folder(waiting: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy that may be changed, as the current folder."""
    copy = tmp_path / "folder"
    shutil.copytree(waiting, copy)
    monkeypatch.chdir(copy)
    return copy


def audit(folder: Path, request: Request | None = None) -> None:
    run(read_settings(folder / "auditor.toml"), request or Request(), now=NOW, tell=lambda _: None)


@pytest.mark.parametrize("stage", STAGES)
def test_one_stage_alone_tells_what_it_found_and_changes_no_byte(waiting: Path, stage: str) -> None:
    before = footprint(waiting)
    with pytest.raises(EnoughError) as enough:
        audit(waiting, Request(only=stage))
    assert list(enough.value.facts)[-1] == stage
    assert enough.value.facts[stage]
    assert footprint(waiting) == before


def test_a_folder_without_state_stays_one(folder: Path) -> None:
    for name in ("state", "runs"):
        shutil.rmtree(folder / name)
    before = footprint(folder)
    for stage in ("pull", "report"):
        with pytest.raises(EnoughError):
            audit(folder, Request(only=stage))
        assert footprint(folder) == before


def test_a_baseline_changes_the_agreed_values_alone(folder: Path) -> None:
    shutil.rmtree(folder / "runs" / ".20261110T060000Z-dead")  # whoever keeps something sweeps it
    before = footprint(folder)
    with pytest.raises(EnoughError):
        audit(folder, Request(baseline=True))
    assert changed(before, footprint(folder))
    assert {Path(name).parent for name in changed(before, footprint(folder))} == {Path("state/Customers")}


def test_a_whole_run_keeps_all_of_it(folder: Path) -> None:
    before = footprint(folder)
    with Ledger(folder / "state", reading=True) as ledger:
        assert ledger.unsettled("Customers").height
    audit(folder)
    after = changed(before, footprint(folder))
    assert {
        "expectations/Customers/suite.json", "state/ledger.sqlite", "state/spelling-Customers.json",
        "state/Customers/state.json", "runs/.20261110T060000Z-dead",
    } <= after  # fmt: skip
    assert not {name for name in after if name.endswith(("-wal", "-shm", "lock", "commit.json", ".partial"))}
    with Ledger(folder / "state", reading=True) as ledger:
        assert ledger.unsettled("Customers").is_empty()
        last = ledger.last_run("Customers")
    assert last is not None
    assert (folder / "runs" / last.run / "run.json").exists()


STRANGERS = (
    "2025-backup", "20251399T060000Z-beef", "20240101T000000Z-beef.old", "zz", ".20240101T000000Z-old copy",
    "20270101T000000Z-beef",
)  # fmt: skip
"""Names of what is no run, some of which look very much like one; the last is a file with the name of one."""


def test_what_is_no_run_is_left_alone_wherever_runs_are_listed(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copies of a run with its plans, which somebody keeps beside the runs."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    [export] = (folder / "exports").glob("Customers_20261109*")
    key = export.read_text("utf-8").splitlines()[1].split(";")[3]
    [newest] = (folder / "runs").glob("20261109*")
    sha = next(newest.glob("plan-*.json")).stem.removeprefix("plan-")
    commands = (["runs"], ["show", key], ["report"], ["plan"], ["doctor"], ["undo", sha[:16]], ["suite", "export"])
    alone = [auditor(capsys, *command).code for command in commands]
    assert alone == [0, 0, 0, 0, alone[4], 0, 0], "the doctor may find something"
    *folders, file = STRANGERS
    for name in folders:
        shutil.copytree(newest, folder / "runs" / name)
    (folder / "runs" / file).write_text("a note")

    def theirs() -> dict[str, str]:
        within = {name: name.split("/")[1] for name in footprint(folder) if "/" in name}
        return {name: of for name, of in footprint(folder).items() if within.get(name) in STRANGERS}

    before = theirs()
    assert [auditor(capsys, *command).code for command in commands] == alone
    audit(folder)
    assert theirs() == before
    with Ledger(folder / "state", reading=True) as ledger:
        last = ledger.last_run("Customers")
    assert last is not None
    assert find_run(read_settings(folder / "auditor.toml")).name == last.run != newest.name


def test_a_run_that_cannot_be_removed_fails_no_later_one(folder: Path) -> None:
    """It is told, the others go, and the run is recorded and has its folder."""
    [newest] = (folder / "runs").glob("20261109*")
    stuck, gone = (folder / "runs" / f"20240101T000000Z-{name}" for name in ("0001", "0002"))
    for old in (stuck, gone):
        shutil.copytree(newest, old)
    whole = shutil.rmtree

    def rmtree(path: Path, **options: Any) -> None:
        if path == stuck:
            raise PermissionError(13, "Permission denied")
        whole(path, **options)

    told: list[str] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(shutil, "rmtree", rmtree)
        done = run(read_settings(folder / "auditor.toml"), Request(), now=NOW, tell=told.append)
    assert [line for line in told if "warning" in line] == [
        f"warning: {stuck.name} is older than [state.retain] allows and could not be removed (Permission denied)"
    ]
    assert done.folder.exists()
    assert (stuck.exists(), gone.exists()) == (True, False)
    with Ledger(folder / "state", reading=True) as ledger:
        last = ledger.last_run("Customers")
    assert last is not None
    assert last.run == done.run


@pytest.mark.parametrize("file", ["validation.json", "report.html", "run.json", "state.json"])
def test_a_run_that_fails_has_changed_nothing(folder: Path, file: str) -> None:
    """The disk refuses a file of a stage, of the report, of what comes after it, and of the commit itself."""
    shutil.rmtree(folder / "runs" / ".20261110T060000Z-dead")
    before = footprint(folder)
    with refused(file), pytest.raises(OSError, match="Input/output error"):
        audit(folder)
    assert footprint(folder) == before


def test_whoever_only_looks_leaves_no_trace(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [export] = (folder / "exports").glob("Customers_20261109*")
    key = export.read_text("utf-8").splitlines()[1].split(";")[3]
    (folder / "map.csv").write_text(f"old;new\n{key};C999999\n")
    before = footprint(folder)
    for command in (["runs"], ["show", key], ["rekey", "--map", "map.csv"]):
        said = auditor(capsys, *command)
        assert said.code == 0, said.err
        assert footprint(folder) == before, command
    shutil.rmtree(folder / "state")
    before = footprint(folder)
    for command in (["runs"], ["show", key]):
        assert auditor(capsys, *command).code == 0
        assert footprint(folder) == before, command


def test_nothing_is_planned_on_a_run_that_was_killed_while_it_was_kept(folder: Path) -> None:
    """Its folder had its name already, and the ledger knows nothing of it."""
    [newest] = (folder / "runs").glob("20261109*")
    unknown = folder / "runs" / "20261110T070100Z-dead"
    shutil.copytree(newest, unknown)
    begun = {
        "name": unknown.name,
        "ledger": True,
        "rewrites": [],
        "written": [],
        "folders": [f"../runs/{unknown.name}"],
    }
    (folder / "state" / JOURNAL).write_text(json.dumps(begun), "utf-8")
    made = plan(read_settings(folder / "auditor.toml"), now=NOW)
    assert {one.plan.run for one in made} == {newest.name}
    assert not unknown.exists()


def test_who_is_calling_is_known_to_all_processes_of_the_machine(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever their environment: where it is noted depends on the state folder and the user alone."""
    monkeypatch.setattr(running, "PLACES", (str(tmp_path),))
    there = running.running_folder(folder / "state")
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.chdir(folder / "state")
    assert running.running_folder(Path()) == there
    assert running.running_folder(folder) != there
    assert there.stat().st_mode & 0o777 == 0o700


def test_a_place_that_others_can_write_is_not_taken(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "PLACES", (str(tmp_path),))
    there = running.running_folder(folder / "state")
    there.chmod(0o777)
    with pytest.raises(TryLater, match="not this user's alone"):
        running.running_folder(folder / "state")
    there.rmdir()
    there.symlink_to(folder)
    with pytest.raises(TryLater, match="not this user's alone"):
        running.running_folder(folder / "state")


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """Names of what was added, changed or removed; folders only where they came or went."""
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


_refused: str | None = None


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Called by Python before it opens a file."""
    if _refused is None or event != "open" or not isinstance(arguments[0], str):
        return
    if _refused in Path(arguments[0]).name and arguments[2] & 3:  # not for reading alone
        raise OSError(5, "Input/output error")


sys.addaudithook(_watch)


@contextmanager
def refused(file: str) -> Iterator[None]:
    """The disk refuses every file whose name has this in it."""
    global _refused
    _refused = file
    try:
        yield
    finally:
        _refused = None
