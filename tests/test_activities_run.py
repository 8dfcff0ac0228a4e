"""Whole runs with files of activities: against the sandbox's answers, and everywhere that they are told."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import polars as pl
import pytest

from auditor import permissions, report
from auditor.commands import run as pipeline
from auditor.commands.plan import plan
from auditor.commands.show import tell
from auditor.findings.audit import ACTIVITIES, Audit
from auditor.findings.sentences import of_plan
from auditor.findings.unreachable import for_truth, said_no
from auditor.findings.words import Words
from auditor.model import Kind, Permission
from auditor.settings.config import read_settings
from auditor.settings.contract_file import read_contract
from auditor.state.run_folder import read_audit, read_structure
from tests import given_time
from tests.audits import audit_of
from tests.driven_sandbox import Sandbox
from tests.small_folder import COLUMNS, auditor, copy, footprint, made
from tests.test_report import rows_of

BRUSSELS = ZoneInfo("Europe/Brussels")
KINDS = ("bounces", "unsubscribes", "complaints", "not-sent")


def with_activities(factory: pytest.TempPathFactory, sandbox: Sandbox, *, kinds: bool = False) -> Path:
    """A folder whose inputs of today nobody has audited, with the activities of the week."""
    folder = copy(made(factory).agreed, factory.mktemp("activities") / "folder", sandbox)
    for kind in KINDS if kinds else (None,):
        sandbox.activities(folder / "exports" / "activities", kind)
    configure(folder)
    return folder


def configure(folder: Path, location: str = "exports/activities/*.csv") -> None:
    file = folder / "auditor.toml"
    file.write_text(f'{file.read_text("utf-8")}\n[exports]\nactivities = "{location}"\n', "utf-8")


def run(folder: Path, **asked: Any) -> Audit:
    request = pipeline.Request(**asked)
    return pipeline.run(read_settings(folder / "auditor.toml"), request, now=given_time.now(), tell=lambda _: None)


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> tuple[Path, Audit]:
    folder = with_activities(tmp_path_factory, sandbox)
    return folder, run(folder)


@pytest.fixture(scope="module")
def answers(sandbox: Sandbox) -> dict[str, Any]:
    found: dict[str, Any] = sandbox.answers()["activities"]
    return found


def facts(audit: Audit) -> list[dict[str, Any]]:
    rows = audit.activities.select("key", "activity", "reason", "times").to_dicts()
    return sorted(rows, key=lambda row: (row["key"], row["activity"]))


# --- against the answer file ---


def test_a_run_finds_what_the_sandbox_says(audited: tuple[Path, Audit], answers: dict[str, Any]) -> None:
    _, audit = audited
    assert facts(audit) == answers["people"]
    assert {row["activity"] for row in answers["people"]} == {
        "hard_bounce", "soft_bounce", "not_sent", "unsubscribed", "complained",
    }  # fmt: skip
    kinds = ("unsubscribed_in_campaign", "complained")
    found = audit.permissions.filter(pl.col("finding").is_in(kinds))
    expected = {(row["key"], row["column"], row["finding"]) for row in answers["permissions"]}
    assert set(found.select("key", "column", "finding").iter_rows()) == {row for row in expected if row[1] in COLUMNS}
    told = {one.code.value: dict(one.parameters) for one in audit.notices}
    assert told["activities_of_nobody"] == {"activities": answers["of_nobody"]}
    assert audit.notices[0].content() == {
        "code": "reachable_again", "parameters": {"profiles": answers["reachable_again"]},
    }  # fmt: skip
    assert audit.not_checked == read_without(audit)


def read_without(audit: Audit) -> tuple[Any, ...]:
    """What was not checked for other reasons than activities."""
    return tuple(one for one in audit.not_checked if not one.code.value.startswith("activities"))


def test_the_owners_of_the_truth_hear_of_it_with_its_moment(
    audited: tuple[Path, Audit], answers: dict[str, Any]
) -> None:
    _, audit = audited
    told = pl.read_csv(audit.folder / "for-the-truth.csv", separator=";", infer_schema=False)
    assert told.columns == ["key", "column", "platform", "truth", "why", "moment"]
    found = {
        (row["key"], row["why"], datetime.fromisoformat(row["moment"]).astimezone(BRUSSELS).strftime("%F %T"))
        for row in told.drop_nulls("moment").iter_rows(named=True)
    }
    assert found == {(row["key"], row["why"], row["moment"]) for row in answers["for_the_truth"]}
    assert {row["why"] for row in answers["for_the_truth"]} == {"bounced", "complained", "unsubscribed_in_campaign"}


def test_the_truth_hears_of_the_last_time() -> None:
    """Consent is held against it: somebody who has said no twice has said it later than the first time."""
    first, last = (datetime(2026, 11, day, 10, tzinfo=UTC) for day in (1, 20))
    row = ("1", "email", "complained", None, 2, first, last, True, "emailAddress", True, "complained")
    activities = pl.DataFrame([row], ACTIVITIES, orient="row")
    assert for_truth(replace(audit_of(), activities=activities))["moment"].to_list() == [last]


def test_one_file_of_all_kinds_says_what_a_file_per_kind_says(
    audited: tuple[Path, Audit], tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox
) -> None:
    """And in a second run the same files change nothing, nor do none at all; rows of people who are nobody aside."""
    _, audit = audited
    folder = with_activities(tmp_path_factory, sandbox, kinds=True)
    assert run(folder).activities.equals(audit.activities)
    for file in (folder / "exports" / "activities").iterdir():
        file.unlink()
    again = run(folder)
    assert again.activities.equals(audit.activities)
    [told] = [one for one in again.notices if one.code.value == "no_new_activities"]
    assert "nothing matches exports/activities/*.csv" in told.parameters["said"]
    assert again.not_checked == audit.not_checked


def test_silence_is_believed_where_something_was_told_not_long_ago(
    audited: tuple[Path, Audit], tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox
) -> None:
    """Neither in the first run, nor for longer than the settings say, nor where the place itself is gone."""
    folder = with_activities(tmp_path_factory, sandbox)
    place = folder / "exports" / "activities"
    [file] = place.iterdir()
    content = file.read_bytes()
    file.unlink()

    def unread(audit: Audit) -> list[str]:
        return [one.parameters["said"] for one in audit.not_checked if one.code.value == "activities_unread"]

    first = run(folder)
    assert len(unread(first)) == 1
    assert first.verdict == "incomplete"
    file.write_bytes(content)
    assert unread(run(folder)) == []
    file.unlink()
    settings = (folder / "auditor.toml").read_text("utf-8")
    (folder / "auditor.toml").write_text(f'{settings}max_silence = "1h"\n', "utf-8")
    assert len(unread(run(folder))) == 1
    (folder / "auditor.toml").write_text(settings, "utf-8")
    place.rmdir()
    assert "there is no folder" in unread(run(folder))[0]


# --- wherever it is told ---


def test_json_page_workbook_show_and_plan_tell_it(
    audited: tuple[Path, Audit],
    answers: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder, audit = audited
    monkeypatch.chdir(folder)
    ways = [row["activity"] for row in answers["people"] if row["activity"] != "unsubscribed"]
    document = json.loads((audit.folder / "run.json").read_text("utf-8"))
    assert document["reachable"]["before_quarantine"] is False
    assert document["reachable"]["profiles"] > len(ways)
    assert sum(document["reachable"]["unreachable"].values()) <= len(ways)
    assert document["reachable"]["unreachable"]["complained"] == 1
    assert {"hard_bounced", "soft_bounced", "not_sent", "complained"} <= {one["code"] for one in document["notices"]}

    page, work = ((audit.folder / name).read_text("utf-8") for name in ("report.html", "worklist.html"))
    [bounced] = [row["key"] for row in answers["for_the_truth"] if row["why"] == "bounced"][-1:]
    for text in (page, work):
        top, *others = rows_of(text)["differences"]
        assert (top["key"], top["column"], top["flags"]) == (bounced, "emailAddress", "again")
        assert others
        assert "again" not in {flag for row in others for flag in (row["flags"] or "").split()}
        assert "Why messages do not arrive" in text
        assert "May be contacted after an opt-out in a campaign" in text
        assert "before quarantine" not in text
        assert "long-term quarantine, which all its customers share" in text
    sheets = openpyxl.load_workbook(io.BytesIO((audit.folder / "report.xlsx").read_bytes()))
    assert sheets["activities"].max_row == 1 + len(answers["people"])
    assert [cell.value for cell in sheets["differences"][2][:2]] == [bounced, "emailAddress"]

    story = tell(read_settings(folder / "auditor.toml"), bounced, now=given_time.now())
    assert story.again == ("emailAddress",)
    assert story.document()["before_quarantine"] is False
    assert [one["activity"] for one in story.document()["activities"]] == ["hard_bounce"]
    lines = auditor(capsys, "show", bounced).out.splitlines()
    told = lines[lines.index("messages") + 1]
    assert told.startswith("  emailAddress: what Actito has bounced for good; a correction makes")

    corrections = plan(read_settings(folder / "auditor.toml"), now=given_time.now())[0].plan
    first = next(write for write in corrections.writes if write.kind is Kind.UPDATE)
    assert (first.key, [cell.column for cell in first.cells]) == (bounced, ["emailAddress"])
    assert of_plan(corrections.route_reason, Words("Actito", "CRM")).startswith(
        "First of the corrections: 1 correction of an address or number that"
    )


def test_without_files_nothing_is_said_but_before_quarantine(
    tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox
) -> None:
    folder = copy(made(tmp_path_factory).agreed, tmp_path_factory.mktemp("without") / "folder", sandbox)
    audit = run(folder)
    assert audit.summary()["reachable"] == {"profiles": audit.counts.reachable, "before_quarantine": True}
    assert not (audit.folder / "activities.parquet").exists()
    assert not list((folder / "state").rglob("activities-*"))
    told = (audit.folder / "for-the-truth.csv").read_text("utf-8")
    assert told.splitlines()[0] == "key;column;platform;truth;why"
    page = (audit.folder / "report.html").read_text("utf-8")
    assert "reachable: a permission, and an address or number; before quarantine" in page
    assert "Why messages do not arrive" not in page
    assert "May be contacted after an opt-out in a campaign" not in page
    sheets = openpyxl.load_workbook(io.BytesIO((audit.folder / "report.xlsx").read_bytes()))
    assert "activities" not in sheets.sheetnames
    contract = read_contract(folder / "expectations" / "Customers" / "contract.toml", read_structure(audit.folder))
    assert read_audit(audit.folder, contract).activities.equals(ACTIVITIES.to_frame())


def unpacked(page: str) -> str:
    """A page with the rows that it carries, packed, behind it."""
    [rows] = re.findall(r'id="packed-rows">([^<]+)</script>', page)
    return page + gzip.decompress(base64.b64decode(rows)).decode()


def test_no_address_is_on_a_page_that_may_be_mailed_or_remembered(audited: tuple[Path, Audit]) -> None:
    folder, audit = audited
    addresses = {
        cell.strip() for cell in pl.read_parquet(audit.folder / "platform.parquet")["emailAddress"].drop_nulls()
    }
    page = unpacked(report.page(audit, None, privacy="masked"))
    for path in (*(folder / "state" / "Customers").glob("activities-*.parquet"), audit.folder / "activities.parquet"):
        cells = {str(cell) for row in pl.read_parquet(path).iter_rows() for cell in row}
        assert not cells & addresses
    assert not any(address in page for address in addresses if "@" in address)
    keys = set(audit.activities["key"])
    assert not any(key in page for key in keys)
    assert not (audit.folder / "activities").exists()


# --- nothing is kept that should not be, and nobody is permitted anything ---


def test_a_look_keeps_nothing_and_a_damaged_look_neither(
    tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox
) -> None:
    folder = with_activities(tmp_path_factory, sandbox)
    before = footprint(folder)
    with pytest.raises(pipeline.EnoughError):
        run(folder, only="diff")
    assert footprint(folder) == before


def test_the_last_no_bounds_an_opt_in_like_any_other_evidence(
    audited: tuple[Path, Audit], answers: dict[str, Any]
) -> None:
    """Of whatever permission, also where the history shows it off since long before."""
    _, audit = audited
    said = {row["key"]: row["last"] for row in audit.activities.filter(
        pl.col("activity").is_in(["unsubscribed", "complained"])).iter_rows(named=True)}  # fmt: skip
    assert said
    frame = said_no(audit.activities)
    for key, moment in said.items():
        off = moment - timedelta(days=30)
        history = pl.DataFrame(
            [("r", off, "platform", key, "subscriptions#Newsletter", Permission.OFF.value)],
            permissions.HISTORY,
            orient="row",
        )
        cells = {(key, "subscriptions#Newsletter"): (Permission.OFF, off)}
        assert permissions.last_opt_outs(history, cells, frame, BRUSSELS) == {(key, "subscriptions#Newsletter"): moment}
        nobody = permissions.SAID_NO.to_frame()
        assert permissions.last_opt_outs(history, cells, nobody, BRUSSELS) == {(key, "subscriptions#Newsletter"): off}


def test_no_plan_writes_another_permission_for_them(
    audited: tuple[Path, Audit], tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox
) -> None:
    """What is written, but for its order, is what is written without any activity."""
    folder, _ = audited
    bare = copy(made(tmp_path_factory).agreed, tmp_path_factory.mktemp("bare") / "folder", sandbox)
    run(bare)
    planned = [
        {replace(write, batch=None) for one in plan(read_settings(where / "auditor.toml"), now=given_time.now())
         for write in one.plan.writes}
        for where in (folder, bare)
    ]  # fmt: skip
    assert planned[0] == planned[1]
    assert not any(write.kind is Kind.SUBSCRIBE for write in planned[0])
