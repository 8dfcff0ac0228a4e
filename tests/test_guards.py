"""What a command checks before anything leaves this machine or is decided: each command against each trouble."""

from __future__ import annotations

import csv
import json
import re
import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from auditor import commands
from auditor.commands import run as pipeline
from auditor.commands.plan import plan
from auditor.commands.settle import trouble
from auditor.errors import Exit
from auditor.model import Kind
from auditor.settings.config import Settings, read_settings
from auditor.state.past_runs import find_run
from auditor.writes import Write
from tests import given_time
from tests.driven_sandbox import Sandbox
from tests.small_folder import Made, Said, auditor, copy


@dataclass(frozen=True)
class Older:
    """A folder in which a run has looked at the table since the one whose files are asked for."""

    folder: Path
    run: str
    """The earlier one of the two."""
    edited: Write
    """Of that run's plan: the platform holds something else since, which the newest run has seen."""
    gone: str
    """Who was deleted on the platform since; that run's plan creates them."""

    @property
    def settings(self) -> Settings:
        return read_settings(self.folder / "auditor.toml")


@pytest.fixture(scope="module")
def made_older(small: Made, sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Older:
    folder = copy(small.audited, tmp_path_factory.mktemp("older") / "work", sandbox)
    settings = read_settings(folder / "auditor.toml")
    first = find_run(settings)
    profiles = pl.read_parquet(first / "profiles.parquet")
    profiles.with_columns(waiting=False).write_parquet(first / "profiles.parquet")
    plans = plan(settings, now=given_time.now(), route="bulk", for_others=True)
    edited = next(
        write
        for one in plans
        for write in one.plan.writes
        if write.kind is Kind.UPDATE and write.batch is not None and len(write.cells) == 1
    )
    gone = next(write.key for one in plans for write in one.plan.writes if write.kind is Kind.CREATE)
    export = max((folder / "exports").glob("*.csv"))
    with export.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter=";"))
    next(row for row in rows if row["customerId"] == edited.key)[edited.cells[0].column] = "Brugge"
    with export.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, rows[0], delimiter=";", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    pipeline.run(settings, pipeline.Request(), now=given_time.now(), tell=lambda _: None)
    newest = find_run(settings) / "profiles.parquet"
    profiles = pl.read_parquet(newest)
    assert gone in profiles["key"]
    profiles.with_columns(gone=pl.col("gone") | (pl.col("key") == gone), waiting=False).write_parquet(newest)
    return Older(folder, first.name, edited, gone)


@pytest.fixture
def older(made_older: Older, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Older:
    folder = shutil.copytree(made_older.folder, tmp_path / "work")
    monkeypatch.chdir(folder)
    return Older(folder, made_older.run, made_older.edited, made_older.gone)


def files(capsys: pytest.CaptureFixture[str], *arguments: str) -> Said:
    """Has files written for somebody else, with every count that is asked for."""
    command = ("plan", *arguments, "--route", "bulk", "--files", "out")
    said = auditor(capsys, *command)
    counts = re.findall(r"--confirm (?:[a-z]+=\d+)", said.err)
    return auditor(capsys, *command, *(part for flag in counts for part in flag.split()))


def written(folder: Path) -> dict[str, str]:
    """Every row of the files, by key."""
    rows = (line for path in (folder / "out").glob("*.csv") for line in path.read_text("utf-8").splitlines()[1:])
    return {line.split(";")[0]: line for line in rows}


def test_files_for_others_are_held_to_what_is_known_since(older: Older, capsys: pytest.CaptureFixture[str]) -> None:
    said = files(capsys, older.run)
    assert (said.code, "--older" in said.err) == (Exit.REFUSED, True)
    assert written(older.folder) == {}
    said = files(capsys, older.run, "--older")
    assert said.code == Exit.WRITES_LEFT
    assert "deleted" in said.err
    rows = written(older.folder)
    assert rows
    assert not {older.edited.key, older.gone} & rows.keys()


NEWS = "subscriptions#Newsletter"
COMMANDS = {
    "run": ("run",),
    "plan": ("plan",),
    "plan --files": ("plan", "--route", "bulk", "--files", "out"),
    "fix": ("fix", "C000061"),
    "permit": ("permit", NEWS, "--by", "Mia"),
    "pin": ("pin", "{edited}", "lastName", "--by", "Mia", "--reason", "seen", "--until", "2027-01-01"),
    "unpin": ("pin", "{edited}", "lastName", "--off", "--by", "Mia"),
    "forget": ("forget", "C000001", "--yes"),
    "rekey": ("rekey", "--map", "map.csv", "--yes"),
    "undo": ("undo", "abc"),
}


def test_whoever_changes_the_ledger_is_at_work_and_so_asks_whether_it_is_whole() -> None:
    """All of them are stopped in one place; of those, the commands are here whose work takes no plan."""
    modules = {path: path.read_text("utf-8") for path in Path(commands.__file__).parent.rglob("*.py")}
    changing = {path.stem for path, text in modules.items() if re.search(r"\bLedger\((?![^)]*reading=)", text)}
    at_work = {path.stem for path, text in modules.items() if "at_work(" in text}
    assert changing - at_work == {"decided"}, "who takes what lies in the inbox is called by those"
    named = {name for text in modules.values() for name in re.findall(r'at_work\(settings, "auditor ([a-z ]+)"', text)}
    assert named - COMMANDS.keys() == {"apply", "settle", "structure apply", "structure propose"}
    unasked = [text for text in modules.values() if re.search(r"at_work\([^)]*, None\)", text)]
    assert len(unasked) == 1, "settle alone"


def test_nothing_is_decided_or_written_with_a_clock_that_is_behind_or_a_ledger_from_a_copy(
    older: Older, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (older.folder / "map.csv").write_text("old,new\nC000002,D000002\n")
    state, kept = older.settings.state_folder, older.folder / "kept"
    ledger, copied = state / "ledger.sqlite", shutil.copy(state / "ledger.sqlite", older.folder / "copied.sqlite")
    assert auditor(capsys, "plan").code == Exit.FINE, "which the copy lacks"
    shutil.copytree(state, kept)
    behind = given_time.now() - timedelta(days=2)
    for now, sentence in ((behind, "the clock of this machine is behind"), (None, "the ledger comes from a copy")):
        with monkeypatch.context() as set_back:
            if now is not None:
                set_back.setattr("auditor.cli.clock.now", lambda now=now: now)
            else:
                for one in ledger.parent.glob("ledger.sqlite*"):
                    one.unlink()
                shutil.copy(copied, ledger)
            for name, words in COMMANDS.items():
                said = auditor(capsys, *(word.format(edited=older.edited.key) for word in words))
                assert said.code == Exit.REFUSED, (name, said)
                assert sentence in said.err, (name, said)
    assert written(older.folder) == {}
    shutil.rmtree(state)
    kept.rename(state)
    assert trouble(older.settings, given_time.now()) == (), "what was tried on the copy is noted nowhere"


def test_no_files_are_written_while_decisions_wait(older: Older, capsys: pytest.CaptureFixture[str]) -> None:
    waiting = older.folder / "decisions" / "bob.json"
    waiting.parent.mkdir(exist_ok=True)
    waiting.write_text(json.dumps({"format": 1, "run": "another"}))
    said = files(capsys)
    assert (said.code, "not taken: " in said.err) == (Exit.REFUSED, True)
    assert written(older.folder) == {}
    waiting.unlink()
    assert files(capsys).code == Exit.FINE
    assert written(older.folder)
