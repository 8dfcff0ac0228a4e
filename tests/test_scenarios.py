"""Before somebody decides to write, the scenarios that this may start are named; not to know them is no obstacle."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from auditor.cli import execute
from auditor.errors import Exit
from tests.driven_sandbox import Sandbox
from tests.small_folder import auditor
from tests.structure_folder import change_table, make

pytestmark = pytest.mark.usefixtures("no_pauses")

APPLY = ["apply", "--confirm", "create=4"]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("licence") / "sandbox", profiles=0, limits="extended") as running:
        yield running


@pytest.fixture(scope="module")
def planned(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a plan of four people to be created in an empty table."""
    folder = make(tmp_path_factory.mktemp("planned") / "work", sandbox)
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        assert execute(["run", "--quiet"]) == Exit.FINE
        assert execute(["plan"]) == Exit.FINE
    return folder


@pytest.fixture
def plan(sandbox: Sandbox, planned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The plan in a copy of that folder; the table is empty."""
    sandbox.clear_faults()
    sandbox.reset(profiles=0)
    folder = shutil.copytree(planned, tmp_path / "work")
    monkeypatch.chdir(folder)
    [path] = folder.glob("runs/*/plan-*.json")
    return str(path)


def test_active_scenarios_are_named_before_the_question(
    sandbox: Sandbox, plan: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The licence has three, of which one is stopped."""
    told = auditor(capsys, *APPLY, plan)
    assert told.code == Exit.REFUSED, "nobody was there to answer"
    lines = [line for line in told.err.splitlines() if "note:" in line or "scenario" in line]
    assert lines[0].startswith("  note: what is written may start scenarios of Customers")
    shown = " ".join(told.err.split())
    assert "Active: Welcome, Birthday wishes; which write starts which, Actito does not say." in shown
    assert "Win back" not in shown
    assert shown.index("Welcome") < shown.index("nobody is there to answer")
    assert max(map(len, told.err.splitlines())) <= 80
    assert sandbox.profiles() == []


def test_creations_never_run_unattended(sandbox: Sandbox, plan: str, capsys: pytest.CaptureFixture[str]) -> None:
    """However few they are: where nobody sits at a terminal, somebody has typed their number."""
    for confirmed, words in (
        ([], "creations never run unattended, and this plan has 4"),
        (["--confirm", "create=3"], "what is confirmed is not what this plan has: create=3, where it has 4"),
        (["--confirm", "create=4", "--confirm", "clear=1"], "clear=1, where it has 0"),
    ):
        told = auditor(capsys, "apply", plan, "--yes", *confirmed)
        assert (told.code, words in " ".join(told.err.split())) == (Exit.REFUSED, True), told.err
    assert sandbox.profiles() == []


@pytest.mark.parametrize("fault", ["truncated", "redirect"])
def test_what_cannot_be_read_is_said_and_not_taken_for_none(
    sandbox: Sandbox, plan: str, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    sandbox.fault(fault, 1, on="/scenarios/")
    told = auditor(capsys, *APPLY, plan, "--yes")
    assert told.code == Exit.FINE
    shown = " ".join(told.err.split())
    assert "note: what is written may start scenarios of Customers, and which are active could not be read" in shown
    assert len(sandbox.profiles()) == 4


def test_a_structure_that_changed_after_planning_is_noticed_before_the_first_write(
    sandbox: Sandbox, plan: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And before anybody is asked."""
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("click.confirm", lambda *_, **__: pytest.fail("somebody was asked before it was noticed"))
    change_table(sandbox, {"addSubscriptions": [{"name": "Trends"}]})
    for asked in (["--yes"], []):
        told = auditor(capsys, *APPLY, plan, *asked)
        assert told.code == Exit.REFUSED
        assert "the table structure changed since the audit behind this plan" in told.err
    assert sandbox.profiles() == []


def test_nothing_is_said_where_nothing_is_left_to_write(
    sandbox: Sandbox, plan: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "Welcome" in auditor(capsys, *APPLY, plan, "--yes").err
    assert "scenario" not in auditor(capsys, *APPLY, plan, "--yes").err
