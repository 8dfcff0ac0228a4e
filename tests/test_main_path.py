"""The main job from beginning to end against the sandbox in a process of its own, judged by its answer file.

The answers were planted by the sandbox, which shares no code with the audit.
"""

from __future__ import annotations

import json

import pytest

from auditor.findings.codes import read_not_checked, read_notice
from auditor.model import Route, Status, Verdict
from tests.audits import in_words
from tests.walk import (
    Walk,
    assert_causes,
    assert_counts,
    assert_differences,
    assert_no_permission_went_up,
    assert_nothing_is_left_but_decisions,
    assert_statuses,
    assert_violations,
    walk,
)

pytestmark = pytest.mark.slow


SMALLER = (1_500, 1)
LARGER = (12_000, 5)
"""Profiles and seed. In the larger licence one change is in more profiles than `bulk_min_rows`."""


@pytest.fixture(scope="module", params=[SMALLER, LARGER], ids=["smaller", "larger"])
def walked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Walk:
    profiles, seed = request.param
    return walk(tmp_path_factory.mktemp("walk"), profiles=profiles, seed=seed, again=request.param is SMALLER)


def test_agreed_sides_are_clean(walked: Walk) -> None:
    assert walked.agreed.verdict is Verdict.CLEAN
    assert walked.agreed.counts.profiles[Status.EQUAL] == walked.profiles
    assert walked.agreed.counts.differences == 0
    assert walked.agreed.violations.is_empty()


def test_every_key_has_the_status_that_was_planted(walked: Walk) -> None:
    assert_statuses(walked)


def test_every_difference_is_found_and_explained_as_planted(walked: Walk) -> None:
    assert_differences(walked)


def test_what_one_event_did_to_many_is_said(walked: Walk) -> None:
    assert_causes(walked)


def test_every_violation_is_found(walked: Walk) -> None:
    assert_violations(walked)


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
    assert_counts(walked)


def test_what_remains_is_what_the_policy_leaves_to_a_person(walked: Walk) -> None:
    assert_nothing_is_left_but_decisions(walked)


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
    assert_no_permission_went_up(walked)


@pytest.mark.parametrize("walked", [LARGER], indirect=True, ids=["larger"])
def test_many_changes_go_by_file_and_the_rest_one_by_one(walked: Walk) -> None:
    assert {write.route for plan in walked.plans for write in plan.writes} == {Route.BULK, Route.SINGLE}


@pytest.mark.parametrize("walked", [SMALLER], indirect=True, ids=["smaller"])
def test_the_old_export_proposes_nothing_twice(walked: Walk) -> None:
    assert walked.again is not None
    found, plans = walked.again
    assert found.counts.pending > 0
    assert [plan.writes for plan in plans if plan.writes] == []


def test_the_run_folder_tells_what_the_audit_told(walked: Walk) -> None:
    content = json.loads((walked.before.folder / "run.json").read_text("utf-8"))
    told = walked.before.summary()
    assert {name: content[name] for name in told.keys() - {"not_checked", "notices"}} == {
        name: value for name, value in told.items() if name not in ("not_checked", "notices")
    }
    gaps = [read_not_checked(one, blocks_plan=False) for one in content["not_checked"]]
    assert [in_words(one) for one in gaps] == [one["sentence"] for one in told["not_checked"]]
    assert [in_words(read_notice(one)) for one in content["notices"]] == told["notices"]
    names = {path.name for path in walked.before.folder.iterdir()}
    assert {"report.html", "worklist.html", "report.xlsx", "audit.duckdb", "for-the-truth.csv"} <= names
    assert {"profiles.parquet", "differences.parquet", "platform.parquet", "truth.parquet"} <= names
    assert (walked.before.folder.stat().st_mode & 0o777) == 0o700
