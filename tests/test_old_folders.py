"""A run folder and a state folder that an earlier version wrote are read as it read them itself.

How the folder came about, and with which version, stands in `old_folders/README.md`; the version's own
answers lie in it.
"""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest

from auditor.commands.plan import plan
from auditor.commands.run import Request, run
from auditor.findings.audit import Audit
from auditor.settings.config import read_settings
from auditor.state.ledger import Ledger
from auditor.writes import read_plan
from tests.driven_sandbox import Sandbox
from tests.small_folder import Said, auditor

ARCHIVE = Path(__file__).parent / "old_folders" / "2026-11.tar.xz"
LATER = datetime.fromisoformat("2026-11-10T07:00:00+00:00")
MINUTE = timedelta(minutes=1)
WORDING = ("sentence", "notices")
"""What is said of a finding may be said better; what is found may not change."""


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder / "old"


@pytest.fixture(scope="module")
def answers(old: Path) -> dict[str, Any]:
    """What the version that wrote the folder said of it."""
    told: dict[str, Any] = json.loads((old / "answers.json").read_text("utf-8"))
    return told


@pytest.fixture
def folder(old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy that may be changed, as the current folder."""
    copy = tmp_path / "old"
    shutil.copytree(old, copy)
    monkeypatch.chdir(copy)
    return copy


@pytest.fixture(scope="module")
def licence(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Has the table, whose structure a run asks for; whom it holds stands in the exports."""
    with Sandbox(tmp_path_factory.mktemp("licence") / "sandbox", profiles=0) as sandbox:
        yield sandbox


def document(said: Said) -> Any:
    assert said.code == 0, said.err
    return json.loads(said.out)


def newest(folder: Path, answers: dict[str, Any]) -> Path:
    run: str = answers["summary"]["run"]
    return folder / "runs" / run


# --- what was written is read ---


@pytest.mark.parametrize(("settings", "of"), [("auditor.toml", "runs"), ("members.toml", "members")])
def test_the_history_of_each_table(
    folder: Path, answers: dict[str, Any], capsys: pytest.CaptureFixture[str], settings: str, of: str
) -> None:
    assert document(auditor(capsys, "runs", "--json", "--settings", settings)) == answers[of]


def test_everything_known_of_a_profile(
    folder: Path, answers: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """One of each status, those that somebody decided on, what was written, and the key that was carried over."""
    for key, told in answers["show"].items():
        assert known_then(document(auditor(capsys, "show", key, "--json", "--all")), told) == told, key


def test_the_report_has_the_rows_that_it_had(
    folder: Path, answers: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    said = auditor(capsys, "report", answers["summary"]["run"])
    assert said.code == 0, said.err
    book = openpyxl.load_workbook(newest(folder, answers) / "report.xlsx")
    has, had = ({sheet.title: sheet.max_row for sheet in book}, {t: rows for t, (rows, _) in answers["report"].items()})
    assert has.pop("summary") >= had.pop("summary"), "of what there are more than before is told as well"
    assert has == had
    page = (newest(folder, answers) / "report.html").read_text("utf-8")
    assert answers["summary"]["run"] in page


@pytest.mark.parametrize("side", ["platform", "truth"])
def test_what_validation_found_is_exported(
    folder: Path, answers: dict[str, Any], capsys: pytest.CaptureFixture[str], side: str
) -> None:
    said = auditor(capsys, "suite", "export", answers["summary"]["run"], "--side", side)
    assert document(said) == answers["export"][side]


# --- what was kept goes on ---


def test_a_plan_knows_what_was_sent_and_decided(folder: Path, answers: dict[str, Any]) -> None:
    """Nothing of the applied plan is written again, and what people decided stands, but for an opt-in."""
    assert planned(folder, LATER) == without_opt_in(answers["plan"])


def test_an_applied_plan_is_taken_back_as_before(
    folder: Path, answers: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    undo = newest(folder, answers) / f"plan-{answers['plans']['undo']['sha']}.json"
    before = set(undo.parent.glob("*.json"))
    said = auditor(capsys, "undo", answers["plans"]["correct"]["sha"][:16])
    assert said.code == 0, said.err
    [again] = set(undo.parent.glob("*.json")) - before
    plans = [json.loads(path.read_text("utf-8")) for path in (undo, again)]
    of_their_moment = ("sha", "seal", "made", "export_as_of")
    then, now = ({name: plan[name] for name in plan.keys() - of_their_moment} for plan in plans)
    assert isinstance(then["route_reason"], str), "a sentence was stored then, and the hash is made of it"
    assert now.pop("route_reason")["code"] == "route_of_undo"
    assert len(now.pop("contract")) == 64, "noted since; it was no part of the hash then"
    assert read_plan(undo).route_reason == then.pop("route_reason")
    assert now == then


def test_the_next_run_on_the_same_export_sends_nothing_again(
    folder: Path, answers: dict[str, Any], licence: Sandbox
) -> None:
    """Base, permission history, who was seen and what was sent are those of the state folder."""
    told = answers["same"]
    assert any(pending for *_, pending in told["differences"])
    assert {status for _, status, *_ in told["profiles"]} == {
        "missing", "orphan", "stale", "conflicting", "duplicate",
    }  # fmt: skip
    assert any(gone for _, _, gone, *_ in told["profiles"])
    assert any(waiting for *_, waiting in told["profiles"])
    assert_same(follow(folder, licence), told, folder)


def test_the_next_run_on_a_newer_export_settles_what_was_not_confirmed(
    folder: Path, answers: dict[str, Any], licence: Sandbox
) -> None:
    told = answers["newer"]
    assert answers["unsettled"]
    assert told["unsettled"] == 0
    shutil.copytree(folder / "later", folder, dirs_exist_ok=True)
    assert_same(follow(folder, licence), told, folder)


def test_what_is_known_of_a_person_went_on_under_the_new_key(
    folder: Path, answers: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = answers["rekeyed"]
    had = document(auditor(capsys, "show", new, "--json", "--all"))
    assert [entry["column"] for entry in had["permission_history"]]
    assert not document(auditor(capsys, "show", old, "--json", "--all"))["permission_history"]


def follow(folder: Path, licence: Sandbox) -> Audit:
    """The next run, with today's stand-in for Actito."""
    settings = folder / "auditor.toml"
    lines = settings.read_text("utf-8").splitlines()
    url = next(line for line in lines if line.startswith("url "))
    settings.write_text("\n".join(lines).replace(url, f'url = "{licence.url}"') + "\n", "utf-8")
    shutil.copytree(licence.directory, folder / "sandbox")
    return run(read_settings(settings), Request(), now=LATER + MINUTE, tell=lambda _: None)


def assert_same(audit: Audit, told: dict[str, Any], folder: Path) -> None:
    assert known_then(facts(audit.summary()), facts(told["summary"])) == facts(told["summary"])
    columns = ("key", "column", "status", "moved", "base", "reason", "pending")
    assert rows(audit.differences, *columns) == told["differences"]
    assert rows(audit.profiles, "key", "status", "gone", "pending", "waiting") == told["profiles"]
    assert rows(audit.permissions, "key", "column", "finding") == told["permissions"]
    with Ledger(folder / "state") as ledger:
        assert ledger.unsettled("Customers").height == told["unsettled"]
    assert planned(folder, LATER + 2 * MINUTE) == without_opt_in(told["plan"])


def without_opt_in(plans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As if the one opt-in was not decided: that version did not record whose the key was, so it is asked again."""
    [key, column, why], again = ["C000075", "subscriptions#Events", "evidence"], "for_the_truth"
    told = [[*cell[:2], again] if cell == [key, column, why] else cell for cell in plans[0]["left"]]
    assert told != plans[0]["left"]
    return [{**plans[0], "left": told}, *plans[1:]]


def planned(folder: Path, now: datetime) -> list[dict[str, Any]]:
    """Every plan that is made now: what is written and what is left alone, cell by cell."""
    return [
        {
            "purpose": one.plan.purpose,
            "writes": [
                [write.kind, write.route, write.key, cell.column, cell.before, cell.after, write.decided_by]
                for write in one.plan.writes
                for cell in write.cells
            ],
            "left": sorted(([left.key, left.column, left.why] for left in one.plan.left), key=repr),
        }
        for one in plan(read_settings(folder / "auditor.toml"), now=now)
    ]


def known_then(now: Any, then: Any) -> Any:
    """A document without members that documents did not have then."""
    if isinstance(now, dict) and isinstance(then, dict):
        return {name: known_then(value, then[name]) for name, value in now.items() if name in then}
    if isinstance(now, list) and isinstance(then, list) and len(now) == len(then):
        return [known_then(*pair) for pair in zip(now, then, strict=True)]
    return now


def facts(summary: Any) -> Any:
    """A summary without what is of one run alone, and without sentences."""
    return {
        name: [facts(item) for item in value] if name == "not_checked" else value
        for name, value in summary.items()
        if name not in (*WORDING, "run", "seconds", "report")
    }


def rows(frame: pl.DataFrame, *columns: str) -> list[list[Any]]:
    return sorted((list(row) for row in frame.select(columns).iter_rows()), key=repr)
