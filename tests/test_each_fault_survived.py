"""Each fault of the sandbox by itself, and what the program makes of it: the same end as without trouble, or a refusal
with its exit code, nothing half-written and what is left named.

What a combination of `test_faults_survived` holds is shown there.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest
import stamina

from auditor.actito import Reader
from auditor.apply.job import Limits
from auditor.apply.outcomes import Applied
from auditor.cli.demonstration import write_settings
from auditor.cli.planned import print_applied
from auditor.commands import apply as applying
from auditor.commands.plan import plan
from auditor.commands.session import connect
from auditor.errors import AuditorError, Exit
from auditor.findings.moments import moment
from auditor.findings.words import Words
from auditor.model import Kind, Outcome, Route, Status
from auditor.plan import road
from auditor.sandbox.faults import FAULTS
from auditor.state import run_folder
from auditor.writes import read_plan
from tests import given_time, small_folder
from tests.driven_sandbox import Sandbox
from tests.test_faults_survived import COMBINATIONS, values
from tests.walk import by_id

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_pauses")]

EXPORTS: Final = {
    "export-half": Exit.INCOMPLETE,
    "export-separator": Exit.SETTINGS,
    "export-bom": Exit.FINE,
    "export-unknown-column": Exit.FINE,
    "export-reordered": Exit.FINE,
    "export-crlf": Exit.FINE,
    "export-quotes": Exit.FINE,
    "export-duplicates": Exit.FINE,
}
"""How `auditor run` ends with such an export."""

CALLS: Final = {
    "slow": None,
    "throttle": None,
    "redirect": Exit.SETTINGS,
    "structure-changed": Exit.REFUSED,
    "marketers": None,
    "profile-deleted": None,
}
"""What `auditor apply` raises meanwhile, if it does."""

IMPORTS: Final = {
    "quota-used": "quota",
    "import-slow": "import_running",
    "import-pending": "import_running",
    "rows-refused": None,
    "import-fails": None,
}
"""Why `auditor apply` of a corrective file stops meanwhile, if it does."""

RATES: Final = {"throttle": 0.02, "redirect": 0.2, "marketers": 0.5, "profile-deleted": 0.1}


def test_no_fault_is_forgotten() -> None:
    combined = {name for names in COMBINATIONS.values() for name in names}
    assert sorted([*combined, *EXPORTS, *CALLS, *IMPORTS]) == sorted(FAULTS)


# An audit of what came


def audited(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    """The exit code of `auditor run`, and what it prints."""
    said = small_folder.auditor(capsys, "run", "--settings", str(folder / "auditor.toml"), "--json")
    return said.code, json.loads(said.out) if said.out else {}


@pytest.mark.parametrize("name", EXPORTS)
def test_a_run_with_such_an_export(
    sandbox: Sandbox,
    name: str,
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The audit of the same export without the fault lies in the folder that all these tests share."""
    made = small_folder.made(tmp_path_factory)
    calm = json.loads(max(made.audited.glob("runs/*/run.json")).read_text("utf-8"))
    folder = small_folder.copy(made.agreed, tmp_path / "folder", sandbox)
    for export in sorted((folder / "exports").iterdir())[1:]:
        export.unlink()
    before = small_folder.footprint(folder)
    happened = sandbox.faults().get(name, 0)
    sandbox.fault(name)
    sandbox.export(folder / "exports")
    sandbox.clear_faults()
    assert sandbox.faults()[name] > happened
    code, found = audited(folder, capsys)
    assert code == EXPORTS[name]
    if name == "export-half":  # what is whole is audited, and stops every plan
        assert {"cut_off", "below_count"} <= {one["code"] for one in found["not_checked"]}
    elif code != Exit.FINE:
        assert found == {}
        assert small_folder.footprint(folder) == before
    elif name == "export-quotes":  # they stand in notes, and are found there and nowhere else
        columns, wanted = found["differences"]["by_column"], calm["differences"]["by_column"]
        assert {**columns, "note": 0} == {**wanted, "note": 0}
        assert columns["note"] > wanted.get("note", 0)
    elif name == "export-duplicates":  # found as such, and not compared
        assert found["profiles"][Status.DUPLICATE] > calm["profiles"][Status.DUPLICATE]
    else:
        for part in ("profiles", "differences", "violations", "permissions", "not_checked"):
            assert found[part] == calm[part]


# A plan applied


@dataclass(frozen=True)
class Ends:
    """How applying every plan of a folder ended."""

    raised: set[Exit]
    stopped: set[str]
    counts: dict[Outcome, int]
    codes: set[Exit]
    gone: int
    """Profiles that were not there any more: they are looked for again, and somebody who is there beside them."""


def applied(folder: Path, sandbox: Sandbox, *, now: datetime | None = None) -> Ends:
    settings = write_settings(folder, sandbox.url)
    raised, done = set(), []
    for path in sorted(folder.glob("runs/*/plan-*.json")):
        try:
            confirmed: dict[Kind, int] = dict(read_plan(path).counts)
            done.append(
                applying.apply(
                    settings, path, confirmed=confirmed, clock=lambda: now or given_time.now(), sleep=sandbox.sleep
                )
            )
        except AuditorError as error:
            raised.add(error.exit_code)
    gone = sum(one.outcomes.filter(pl.col("detail") == "gone")["key"].n_unique() for one in done)
    stops = {why.why for one in done for why in _stops(one)}
    return Ends(raised, stops, _sum(done), {one.exit_code for one in done}, gone)


def _stops(one: Applied) -> list[Any]:
    return [one.stopped] if one.stopped else []


def _sum(done: list[Applied]) -> dict[Outcome, int]:
    return {outcome: sum(one.counts.get(outcome, 0) for one in done) for outcome in Outcome}


def _files(folder: Path) -> set[tuple[str, str | None]]:
    """The files of all plans."""
    plans = {path.name: read_plan(path) for path in folder.glob("runs/*/plan-*.json")}
    return {(name, write.batch) for name, one in plans.items() for write in one.writes if write.route is Route.BULK}


def _planned_cells(folder: Path) -> set[tuple[str | None, str]]:
    plans = [read_plan(path) for path in folder.glob("runs/*/plan-*.json")]
    return {(write.profile_id, cell.column) for one in plans for write in one.writes for cell in write.cells}


def _planned(factory: pytest.TempPathFactory, route: str) -> Path:
    """The audited folder with its plans; `sandbox/` is the licence."""
    made = small_folder.made(factory)
    folder = factory.mktemp(route) / "folder"
    shutil.copytree(made.audited, folder)
    shutil.copytree(made.licence, folder / "sandbox")
    settings = write_settings(folder, "http://127.0.0.1:1")
    plan(settings, now=given_time.now(), route=route)
    return folder


@pytest.fixture(scope="module")
def planned_single(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _planned(tmp_path_factory, "single")


@pytest.fixture(scope="module")
def planned_bulk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of each file two rows go one by one before it, not twenty: there are few."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(road, "CANARIES", 2)
        return _planned(tmp_path_factory, "bulk")


def _calm(planned: Path, folder: Path) -> tuple[Ends, set[tuple[tuple[str, str], ...]]]:
    """The same without trouble, and what the licence holds then."""
    shutil.copytree(planned, folder)
    with (
        stamina.set_testing(True, attempts=5, cap=True),
        Sandbox(folder / "sandbox", profiles=small_folder.PROFILES, seed=3, limits="extended") as sandbox,
    ):
        return applied(folder, sandbox), values(by_id(sandbox))


@pytest.fixture(scope="module")
def calm_single(
    planned_single: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Ends, set[tuple[tuple[str, str], ...]]]:
    return _calm(planned_single, tmp_path_factory.mktemp("calm") / "folder")


@pytest.fixture(scope="module")
def calm_bulk(
    planned_bulk: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Ends, set[tuple[tuple[str, str], ...]]]:
    return _calm(planned_bulk, tmp_path_factory.mktemp("calm") / "folder")


@pytest.mark.parametrize("name", CALLS)
def test_a_plan_applied_call_by_call(
    planned_single: Path,
    calm_single: tuple[Ends, set[tuple[tuple[str, str], ...]]],
    name: str,
    tmp_path: Path,
) -> None:
    folder = shutil.copytree(planned_single, tmp_path / "folder")
    wanted, calm = calm_single
    assert sum(wanted.counts.values()) > 0
    with Sandbox(folder / "sandbox", profiles=small_folder.PROFILES, seed=3, limits="extended") as sandbox:
        sandbox.fault(name, RATES.get(name))
        meanwhile = applied(folder, sandbox)
        assert sandbox.faults()[name]
        sandbox.clear_faults()
        assert meanwhile.raised <= {CALLS[name]}
        assert bool(meanwhile.raised) == (CALLS[name] is not None)
        ends = applied(folder, sandbox)
        assert ends.raised == set()
        calls = sandbox.state()["calls"]["total"]
        assert applied(folder, sandbox).counts == ends.counts
        again = sandbox.state()["calls"]["total"] - calls
        assert again <= 8 + 3 * ends.gone, "only the structure is asked for again, and whoever was gone"
        assert sum(ends.counts.values()) == sum(wanted.counts.values()), "every write has an outcome"
        if name == "marketers":
            held, edits = by_id(sandbox), sandbox.edits()
            assert len(edits) == sandbox.faults()[name] > 0
            assert {edit[:2] for edit in edits} & _planned_cells(folder), "some met what was to be written"
            assert [edit for edit in edits if held[edit[0]].get(edit[1]) != edit[2]] == [], "none is overwritten"
        if name in ("marketers", "profile-deleted"):  # what is no longer as planned is left and named
            assert ends.counts[Outcome.UNKNOWN] == 0
            assert ends.counts[Outcome.LANDED] < wanted.counts[Outcome.LANDED]
            assert Exit.WRITES_LEFT in ends.codes
        else:
            assert ends == wanted
            assert values(by_id(sandbox)) == calm


def test_what_marketers_edit_before_a_file_goes_has_a_window_and_a_share_that_is_read(
    planned_bulk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing but a cell of a row that nobody read is overwritten, and of those it is said how many there are."""
    monkeypatch.setattr(applying, "Limits", partial(Limits, read_before=1, sample=2))
    folder = shutil.copytree(planned_bulk, tmp_path / "folder")
    with Sandbox(folder / "sandbox", profiles=small_folder.PROFILES, seed=3, limits="extended") as sandbox:
        settings = write_settings(folder, sandbox.url)
        [path] = [one for one in folder.glob("runs/*/plan-*.json") if read_plan(one).purpose == "correct"]
        made = read_plan(path)
        rows = [write for write in made.writes if write.route is Route.BULK]
        assert len(rows) > 4
        sandbox.fault("marketers", 1)
        with connect(settings) as connection:
            for write in rows[-3:]:
                Reader(connection).profile(run_folder.read_structure(path.parent), write.profile_id or "")
        sandbox.clear_faults()
        done = applying.apply(settings, path, confirmed=made.counts, clock=given_time.now, sleep=sandbox.sleep)
        print_applied(done, Words("Actito", "CRM"))
        said = " ".join(capsys.readouterr().out.split())
        held, edits = by_id(sandbox), sandbox.edits()
    assert len(edits) == 3
    assert max(sent.rows for sent in done.files) > 4
    for sent in done.files:
        assert (sent.since, sent.read_before, sent.left_out) == (made.export_as_of, 1, 0)
        assert f"{sent.batch}: {sent.rows:,} rows; 1 were read right before it; {sent.read_back:,} (" in said
        window = f"between {moment(made.export_as_of)} and {moment(sent.until)} in these fields of the other"
        assert (f"What was edited {window} {sent.rows - 1:,} is overwritten" in said) is (sent.rows > 1)
    lost = {edit[:2] for edit in edits if held[edit[0]].get(edit[1]) != edit[2]}
    assert lost <= {(write.profile_id, cell.column) for write in rows[-3:] for cell in write.cells}


@pytest.mark.parametrize("name", IMPORTS)
def test_a_plan_applied_by_files(
    planned_bulk: Path,
    calm_bulk: tuple[Ends, set[tuple[tuple[str, str], ...]]],
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No fault makes a second file of the first, and what became of each row is known or said to be unknown."""
    folder = shutil.copytree(planned_bulk, tmp_path / "folder")
    wanted, calm = calm_bulk
    rows = sum(wanted.counts.values())
    assert wanted.counts[Outcome.LANDED] == rows
    with Sandbox(folder / "sandbox", profiles=small_folder.PROFILES, seed=3, limits="extended") as sandbox:
        sandbox.fault(name)
        with monkeypatch.context() as patched:
            patched.setattr(applying, "Limits", partial(Limits, import_wait=timedelta(seconds=0.3), poll_seconds=0.1))
            meanwhile = applied(folder, sandbox)
        assert sandbox.faults()[name]
        sandbox.clear_faults()
        assert meanwhile.raised == set()
        assert meanwhile.stopped == ({IMPORTS[name]} if IMPORTS[name] else set())
        sandbox.advance(4000)
        with monkeypatch.context() as patched:
            patched.setattr(applying, "Limits", partial(Limits, poll_seconds=0.05))
            ends = applied(folder, sandbox)
        assert sum(sandbox.state()["imports"].values()) == (0 if name == "quota-used" else len(_files(folder)))
        different = len(values(by_id(sandbox)) ^ calm) // 2  # a profile with other values is in both, differently

    if name == "quota-used":  # how it goes on after midnight: tests/test_quota.py
        assert ends == meanwhile
        assert Exit.TRY_LATER in ends.codes
        assert different == ends.counts[Outcome.SKIPPED] > 0
    elif IMPORTS[name] == "import_running":
        assert meanwhile.counts[Outcome.UNKNOWN] > 0
        assert Exit.WRITES_LEFT in meanwhile.codes
        assert ends == wanted
        assert different == 0
    else:
        left = {"rows-refused": Outcome.REFUSED, "import-fails": Outcome.UNKNOWN}[name]
        assert ends == meanwhile, "nothing is sent again"
        assert Exit.WRITES_LEFT in ends.codes
        assert ends.counts[left] + ends.counts[Outcome.LANDED] == rows
        assert different == ends.counts[left] > 0
