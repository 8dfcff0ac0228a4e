"""What a run leaves is kept in one step: all of it or nothing, whoever stops it, and whenever."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from auditor.errors import SettingsError, TryLater
from auditor.files.rewrite import Rewrite, content
from auditor.model import Kind, Outcome, Route, Verdict
from auditor.settings.config import Settings, read_settings
from auditor.state.commit import JOURNAL, Kept, at_work, commit, standing
from auditor.state.ledger import FILE, Ledger
from auditor.state.ledger.records import Intent, RunRecord, Settled
from tests.small_folder import footprint
from tests.steps import counted, in_a_process_that_dies, only

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
RUN, TABLE = "20260302T120000Z-beef", "Customers"

SETTINGS = """
entity = "acme"
table = "Customers"
actito = { url = "http://127.0.0.1:1", api_key = "env:KEY" }
platform = { export = "e.csv" }
truth = { from = "t.csv" }
"""


def settings_in(folder: Path) -> Settings:
    return read_settings(folder / "auditor.toml", text=SETTINGS)


class Working:
    """A working folder whose next run is complete and wants to be kept."""

    def __init__(self, folder: Path, *, baseline: bool = False, first: bool = False) -> None:
        self.folder, self.settings, self.baseline = folder, settings_in(folder), baseline
        self.state = self.settings.state_folder
        work = folder / "runs" / f".{RUN}"
        for one in (self.state / TABLE, folder / "expectations" / TABLE, work):
            one.mkdir(parents=True)
        self.suite = folder / "expectations" / TABLE / "suite.json"
        self.state_file = self.state / TABLE / "state.json"
        if not first:
            self.suite.write_text("old suite")
            self.state_file.write_bytes(b"old \xff state")  # damaged files are put back as they were, too
            (self.state / TABLE / "base-old.parquet").write_text("old base")
            with Ledger(self.state) as ledger:
                ledger.intend("p", TABLE, [Intent(0, Kind.UPDATE, Route.SINGLE, "k", None, "city", "a", "b")], NOON)
        self.before = self.kept()
        (self.state / TABLE / f"base-{RUN}.parquet").write_text("new base")
        (work / "run.json").write_text("{}")

    def intents(self) -> Kept:
        """Everything that the run leaves; made anew, as a run would."""
        base = self.state / TABLE / f"base-{RUN}.parquet"
        old = self.state / TABLE / "base-old.parquet"
        state = Rewrite.to(self.state_file, "new state")
        assert state is not None
        if self.baseline:
            return Kept(RUN, (state,), (base,), (old,), None, None, None)
        others = [Rewrite.to(self.suite, "new suite", mode=0o644), Rewrite.to(self.state / "spelling.json", "new")]
        rewrites = (state, *(one for one in others if one is not None))
        folders = (self.folder / "runs" / f".{RUN}", self.folder / "runs" / RUN)
        return Kept(RUN, rewrites, (base,), (old,), folders, self.record, "00" * 32)

    @staticmethod
    def record(ledger: Ledger) -> None:
        ledger.record_settled(Settled((1,), (), (), frozenset(), ()), NOON)
        ledger.record_run(RunRecord(RUN, TABLE, NOON, NOON, Verdict.CLEAN, {}))

    def as_read(self) -> tuple[bytes | None, bytes | None, bool]:
        """State, suite, and whether there is a run, for somebody who sets nothing right."""
        stands, run = standing(self.state), self.folder / "runs" / RUN
        gone = {one.resolve() for one in stands.folders}
        return stands.content(self.state_file), stands.content(self.suite), run.is_dir() and run.resolve() not in gone

    def there(self) -> tuple[bytes | None, bytes | None, bool]:
        """The same, as it lies on the disk."""
        return content(self.state_file), content(self.suite), (self.folder / "runs" / RUN).is_dir()

    def kept(self) -> dict[str, Any]:
        """Everything that outlives a run, as whoever comes next finds it."""
        with Ledger(self.state, reading=True) as ledger:
            written = ledger.writes_of(TABLE, "k", None)["outcome"].to_list()
            recorded = ([one.run for one in ledger.runs(TABLE)], written)
        files = {
            name: digest
            for name, digest in footprint(self.folder).items()
            if not name.startswith((f"state/{FILE}", f"runs/.{RUN}"))
        }
        return {"ledger": recorded, "had": (self.state / FILE).exists(), **files}


class Fault(OSError):
    """The disk refuses."""


def refuse() -> None:
    raise Fault(5, "Input/output error")


KINDS = {"run": {}, "first run": {"first": True}, "baseline": {"baseline": True}}


def steps_of(folder: Path, kind: str) -> tuple[list[str], dict[str, Any]]:
    """The steps of an undisturbed commit, and what it leaves."""
    working = Working(folder, **KINDS[kind])
    kept = working.intents()
    with counted(lambda number: None) as steps:
        commit(working.state, kept)
        found = list(steps)
    return found, working.kept()


@pytest.mark.parametrize("kind", KINDS)
def test_an_undisturbed_commit_keeps_everything(tmp_path: Path, kind: str) -> None:
    steps, kept = steps_of(tmp_path / "w", kind)
    assert {"os.rename", "open"} <= set(steps)
    assert ("COMMIT" in steps) == (kind != "baseline")
    assert (tmp_path / "w" / "state" / TABLE / "state.json").read_text() == "new state"
    assert not (tmp_path / "w" / "state" / JOURNAL).exists()
    assert not (tmp_path / "w" / "state" / TABLE / "base-old.parquet").exists()
    if kind != "baseline":
        assert kept["ledger"] == ([RUN], [Outcome.LANDED] if kind == "run" else [])
        assert (tmp_path / "w" / "expectations" / TABLE / "suite.json").read_text() == "new suite"
        assert (tmp_path / "w" / "runs" / RUN / "run.json").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_disk_that_refuses_a_step_leaves_all_or_nothing(tmp_path: Path, kind: str) -> None:
    """Whichever step it is: at once, as far as the disk allows, and else when the next one has begun."""
    steps, everything = steps_of(tmp_path / "undisturbed", kind)
    outcomes = set()
    for number in range(1, len(steps) + 1):
        working = Working(tmp_path / str(number), **KINDS[kind])
        kept = working.intents()
        failed = False
        with counted(only(number, refuse)):
            try:
                commit(working.state, kept)
            except (OSError, TryLater):
                failed = True
        at_once = working.kept()
        with at_work(working.settings, "test", NOON):
            pass
        afterwards = working.kept()
        place = f"{kind}, step {number} ({steps[number - 1]})"
        if failed and afterwards == working.before:
            assert at_once == working.before, f"{place}: taken back later only"
        else:
            assert _without_leftovers(afterwards) == _without_leftovers(everything), place
        outcomes.add(afterwards == working.before)
    assert outcomes == {True, False}, "early ones leave nothing, the last ones everything"


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_is_killed_in_a_step_has_kept_all_or_nothing(tmp_path: Path, kind: str) -> None:
    steps, everything = steps_of(tmp_path / "undisturbed", kind)
    outcomes = []
    for number in range(1, len(steps) + 1):
        working = Working(tmp_path / str(number), **KINDS[kind])
        kept = working.intents()
        in_a_process_that_dies(lambda: commit(working.state, kept), number)  # noqa: B023
        left = footprint(working.folder)
        seen = working.as_read()
        assert footprint(working.folder) == left, "whoever reads writes nothing"
        with at_work(working.settings, "test", NOON):
            pass
        found = working.kept()
        assert seen == working.as_read() == working.there(), "whoever reads sees what stands once it is set right"
        none = _without_leftovers(found) == _without_leftovers(working.before)
        assert none or _without_leftovers(found) == _without_leftovers(everything), (number, steps[number - 1])
        assert not (working.state / JOURNAL).exists()
        outcomes.append(none)
    assert outcomes == sorted(outcomes, reverse=True), "there is one point of no return"
    assert {True, False} == set(outcomes)


def _without_leftovers(kept: dict[str, Any]) -> dict[str, Any]:
    """Files that nothing refers to are no harm: the next run removes them."""
    unused = {f"state/{TABLE}/base-{RUN}.parquet"} if kept["ledger"][0] == [] else set()
    ends = (".partial", "base-old.parquet")
    return {
        name: value
        for name, value in kept.items()
        if name not in unused and not name.endswith(ends) and name != "had" and value != "folder"
    }


def test_what_somebody_else_wrote_meanwhile_stays(tmp_path: Path) -> None:
    """A steward who adds an expectation during a run does not lose it, whether the run is kept or not."""
    working = Working(tmp_path / "kept")
    kept = working.intents()
    working.suite.write_text("the steward's")
    commit(working.state, kept)
    assert working.suite.read_text() == "the steward's"
    assert working.state_file.read_text() == "new state"
    stopped = Working(tmp_path / "stopped")
    kept = stopped.intents()
    steps, _ = steps_of(tmp_path / "undisturbed", "run")
    in_a_process_that_dies(lambda: commit(stopped.state, kept), steps.index("COMMIT") + 1)
    assert stopped.suite.read_text() == "new suite"
    stopped.suite.write_text("the steward's")
    with at_work(stopped.settings, "test", NOON):
        pass
    assert stopped.suite.read_text() == "the steward's"
    assert stopped.state_file.read_bytes() == b"old \xff state"


def test_a_working_folder_may_be_moved_in_between(tmp_path: Path) -> None:
    working = Working(tmp_path / "here")
    kept = working.intents()
    steps, _ = steps_of(tmp_path / "undisturbed", "run")
    in_a_process_that_dies(lambda: commit(working.state, kept), steps.index("COMMIT") + 1)
    working.folder.rename(tmp_path / "there")
    with at_work(settings_in(tmp_path / "there"), "test", NOON):
        pass
    assert (tmp_path / "there" / "expectations" / TABLE / "suite.json").read_text() == "old suite"
    assert not list((tmp_path / "there" / "runs").iterdir())


def test_a_damaged_note_of_what_was_begun_is_told(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    settings.state_folder.mkdir()
    (settings.state_folder / JOURNAL).write_text('{"name": ')
    with pytest.raises(SettingsError, match="is damaged"), at_work(settings, "test", NOON):
        pytest.fail("somebody went on")


def test_permissions_of_files(tmp_path: Path) -> None:
    working = Working(tmp_path / "w", first=True)
    commit(working.state, working.intents())
    modes = {path.name: path.stat().st_mode & 0o777 for path in (working.suite, working.state_file)}
    assert modes == {"suite.json": 0o644, "state.json": 0o600}


def test_the_ledger_is_whole_after_all_of_it(tmp_path: Path) -> None:
    working = Working(tmp_path / "w")
    commit(working.state, working.intents())
    with closing(Ledger(working.state, reading=True)) as ledger:
        assert ledger.verify().problems == ()
