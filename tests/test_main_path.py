"""The main job from beginning to end against the sandbox in a process of its own, judged by its answer file.

The answers were planted by the sandbox, which shares no code with the audit.
"""

from __future__ import annotations

import csv
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from auditor import pipeline, remedy
from auditor.apply.outcomes import Applied
from auditor.audit import Audit
from auditor.cli.demonstration import fetch_inputs, prepare, write_settings
from auditor.config import Settings
from auditor.model import Kind, Outcome, Route, Side, Status, Verdict
from auditor.sandbox.process import Sandbox
from auditor.writes import Plan

ON = {
    "marketingConsent": ("consent", "yes"),
    "doNotContact": ("do_not_contact", "no"),
    "subscriptions#Newsletter": ("optin_news", "yes"),
    "subscriptions#Promotions": ("optin_promo", "yes"),
    "subscriptions#Events": ("optin_events", "yes"),
}
"""Permission column → the CRM's column, and what it says there when the person may be contacted."""


@dataclass
class Walk:
    """Everything one walk over the main path left behind."""

    folder: Path
    settings: Settings
    agreed: Audit
    answers: dict[str, Any]
    before: Audit
    state_before: dict[str, dict[str, str]]
    plans: list[Plan]
    applied: list[Applied]
    state_after: dict[str, dict[str, str]]
    old_export_again: Audit
    plans_on_old_export: list[Plan]
    after: Audit


def walk(folder: Path, *, profiles: int, seed: int) -> Walk:
    """Baseline a week ago, drift, audit, plan, apply, audit of the old export, fresh export, audit."""
    prepare(folder)
    with Sandbox(folder / "sandbox", profiles=profiles, seed=seed, limits="extended") as sandbox:
        settings = write_settings(folder, sandbox.url)
        then = datetime.now(UTC) - timedelta(days=7)
        sandbox.clock(then)
        fetch_inputs(sandbox, folder)
        agreed = audit(settings, then + timedelta(seconds=1))

        sandbox.clock(datetime.now(UTC))
        answers = sandbox.drift()
        fetch_inputs(sandbox, folder)
        before = audit(settings)
        state_before = by_id(sandbox)

        plans, applied = [], []
        for planned in remedy.plan(settings, now=datetime.now(UTC)):
            plans.append(planned.plan)
            confirmed = {brake.kind: brake.count for brake in planned.brakes}
            applied.append(remedy.apply(settings, planned.path, confirmed=confirmed, clock=lambda: datetime.now(UTC)))
        sandbox.idle()
        state_after = by_id(sandbox)

        old_export_again = audit(settings)
        plans_on_old_export = [planned.plan for planned in remedy.plan(settings, now=datetime.now(UTC))]

        time.sleep(1.1 - time.time() % 1)  # an export's name tells its second
        fetch_inputs(sandbox, folder)
        after = audit(settings)
    return Walk(
        folder, settings, agreed, answers, before, state_before, plans, applied, state_after,
        old_export_again, plans_on_old_export, after,
    )  # fmt: skip


def audit(settings: Settings, now: datetime | None = None) -> Audit:
    return pipeline.run(settings, pipeline.Request(), now=now or datetime.now(UTC), tell=lambda _: None)


def by_id(sandbox: Sandbox) -> dict[str, dict[str, str]]:
    return {profile["profileId"]: profile for profile in sandbox.profiles()}


@pytest.fixture(scope="module", params=[(1500, 1), (3000, 7)], ids=["seed 1", "seed 7"])
def walked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Walk:
    profiles, seed = request.param
    return walk(tmp_path_factory.mktemp("walk"), profiles=profiles, seed=seed)


def test_agreed_sides_are_clean(walked: Walk) -> None:
    assert walked.agreed.verdict is Verdict.CLEAN
    assert walked.agreed.counts.differences == 0
    assert walked.agreed.violations.is_empty()


def test_every_key_has_the_status_that_was_planted(walked: Walk) -> None:
    found = {
        row["key"]: (row["status"], row["waiting"], row["gone"]) for row in walked.before.profiles.iter_rows(named=True)
    }
    planted = {
        key: (profile["status"], profile["waiting"], profile["gone"])
        for key, profile in walked.answers["profiles"].items()
    }
    assert found == planted


def test_every_difference_is_found_and_explained_as_planted(walked: Walk) -> None:
    fields = ("status", "moved", "reason", "platform", "truth", "waiting", "blocked")
    found = {
        (row["key"], row["column"]): tuple(row[name] for name in fields)
        for row in walked.before.differences.iter_rows(named=True)
    }
    planted = {
        (key, column): tuple(cell[name] for name in fields)
        for key, profile in walked.answers["profiles"].items()
        for column, cell in profile["differences"].items()
    }
    assert found == planted


def test_every_violation_is_found(walked: Walk) -> None:
    names = ("side", "key", "column", "rule")
    assert set(walked.before.violations.select(names).iter_rows()) == {
        tuple(violation[name] for name in names) for violation in walked.answers["violations"]
    }


def test_every_permission_finding_is_found(walked: Walk) -> None:
    names = ("key", "column", "finding")
    assert set(walked.before.permissions.select(names).iter_rows()) == {
        tuple(finding[name] for name in names) for finding in walked.answers["permissions"]
    }


def test_the_same_persons_are_found(walked: Walk) -> None:
    names = ("platform_key", "truth_key")
    assert set(walked.before.same_person.select(names).iter_rows()) == {
        tuple(pair[name] for name in names) for pair in walked.answers["same_person"]
    }


def test_rows_are_counted_as_planted_and_the_counts_close(walked: Walk) -> None:
    summary = walked.before.summary()
    assert summary["rows"] == walked.answers["rows"]
    assert summary["kept"] == walked.answers["kept"]
    assert {item["code"] for item in summary["not_checked"]} == set(walked.answers["not_checked"])
    for one in (walked.agreed, walked.before, walked.after):
        rows, profiles = one.counts.rows, one.counts.profiles
        matched = profiles[Status.EQUAL] + profiles[Status.STALE] + profiles[Status.CONFLICTING]
        for side, alone in ((Side.PLATFORM, Status.ORPHAN), (Side.TRUTH, Status.MISSING)):
            apart = sum(rows[f"{side.value}_{name}"] for name in ("rejected", "excluded", "null_key", "duplicate"))
            assert rows[side.value] == apart + matched + profiles[alone]


def test_both_routes_were_taken(tmp_path: Path) -> None:
    """One change in more profiles than `bulk_min_rows` goes by file, the rest one by one."""
    walked = walk(tmp_path / "large", profiles=10_000, seed=3)
    routes = {write.route for plan in walked.plans for write in plan.writes}
    assert routes == {Route.BULK, Route.SINGLE}
    assert_nothing_is_left_but_decisions(walked)


def test_what_remains_is_what_the_policy_leaves_to_a_person(walked: Walk) -> None:
    assert_nothing_is_left_but_decisions(walked)


def assert_nothing_is_left_but_decisions(walked: Walk) -> None:
    keys, cells = expected_after(walked)
    found = dict(walked.after.profiles.select("key", "status").iter_rows())
    assert found == keys
    assert set(walked.after.differences.select("key", "column").iter_rows()) == cells
    assert all(applied.counts[Outcome.REFUSED] == 0 for applied in walked.applied)


def expected_after(walked: Walk) -> tuple[dict[str, str], set[tuple[str, str]]]:
    """Status per key and differing cells after the repairs, from the answers and the CRM's own file.

    A created person has no permission that is on, nothing that Actito would refuse and nothing that customers keep in
    Actito's forms: those cells still differ.
    """
    newest = sorted((walked.folder / "crm").iterdir())[-1]
    with newest.open(encoding="utf-8", newline="") as file:
        crm = {row["contact_id"]: row for row in csv.DictReader(file) if row["contact_id"]}
    invalid = {(entry["key"], entry["column"]) for entry in walked.answers["violations"] if entry["side"] == "truth"}
    keys: dict[str, str] = {}
    cells: set[tuple[str, str]] = set()
    for key, profile in walked.answers["profiles"].items():
        if profile["fate"] == "created":
            left = {column for column, (name, on) in ON.items() if crm[key][name] == on}
            left |= {column for of, column in invalid if of == key}
            left |= {"nickname"} if crm[key]["nickname"] else set()
            status = "conflicting"
        else:
            left = {column for column, cell in profile["differences"].items() if cell["fate"] == "left"}
            conflict = any(profile["differences"][column]["status"] == "conflicting" for column in left)
            status = "conflicting" if conflict else "stale"
            if not profile["differences"] and profile["fate"] == "left":
                keys[key] = profile["status"]
        if left:
            keys[key] = status
            cells |= {(key, column) for column in left}
    return keys, cells


def test_what_was_corrected_equals_the_truth_on_the_platform(walked: Walk) -> None:
    state = {profile["customerId"]: profile for profile in walked.state_after.values() if profile.get("customerId")}
    corrected = [
        (key, column, cell["truth"])
        for key, profile in walked.answers["profiles"].items()
        for column, cell in profile["differences"].items()
        if cell["fate"] == "corrected"
    ]
    assert corrected
    for key, column, truth in corrected:
        assert (state[key].get(column) or None) == truth, (key, column)


def test_nothing_else_was_touched_on_the_platform(walked: Walk) -> None:
    planned = {
        (write.profile_id, cell.column) for plan in walked.plans for write in plan.writes for cell in write.cells
    }
    changed = {
        (profile_id, column)
        for profile_id, before in walked.state_before.items()
        for column, value in before.items()
        if walked.state_after[profile_id].get(column) != value and column != "updateMoment"
    }
    assert changed <= planned
    assert walked.state_before.keys() <= walked.state_after.keys()


def test_no_permission_went_up(walked: Walk) -> None:
    for profile_id, after in walked.state_after.items():
        before = walked.state_before.get(profile_id, {})
        for column in ON:
            on = "false" if column == "doNotContact" else "true"
            if after.get(column) == on and column != "doNotContact":
                assert before.get(column) == on, (profile_id, column)
            if column == "doNotContact" and before.get(column) == "true":
                assert after.get(column) == "true", (profile_id, column)
    assert all(write.kind is not Kind.SUBSCRIBE for plan in walked.plans for write in plan.writes)


def test_the_old_export_proposes_nothing_twice(walked: Walk) -> None:
    assert walked.old_export_again.counts.pending > 0
    assert [plan.writes for plan in walked.plans_on_old_export if plan.writes] == []


def test_the_run_folder_tells_what_the_audit_told(walked: Walk) -> None:
    content = json.loads((walked.before.folder / "run.json").read_text("utf-8"))
    assert {name: content[name] for name in walked.before.summary()} == walked.before.summary()
    names = {path.name for path in walked.before.folder.iterdir()}
    assert {"report.html", "worklist.html", "report.xlsx", "audit.duckdb", "for-the-truth.csv"} <= names
    assert {"profiles.parquet", "differences.parquet", "platform.parquet", "truth.parquet"} <= names
    assert (walked.before.folder.stat().st_mode & 0o777) == 0o700


@pytest.mark.parametrize("profiles", [0, 1, 50_000])
def test_any_size_of_table(tmp_path: Path, profiles: int) -> None:
    """Nobody, one person and fifty thousand: the path runs, and finds what was planted."""
    walked = walk(tmp_path / "walk", profiles=profiles, seed=5)
    assert walked.agreed.verdict is Verdict.CLEAN
    assert walked.agreed.counts.profiles[Status.EQUAL] == profiles
    test_every_key_has_the_status_that_was_planted(walked)
    test_every_difference_is_found_and_explained_as_planted(walked)
    test_every_violation_is_found(walked)
    test_rows_are_counted_as_planted_and_the_counts_close(walked)
    assert_nothing_is_left_but_decisions(walked)
    test_no_permission_went_up(walked)
