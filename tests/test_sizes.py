"""The main path on licences of every size."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.model import Route, Status, Verdict
from tests.walk import (
    Walk,
    assert_counts,
    assert_differences,
    assert_no_permission_went_up,
    assert_nothing_is_left_but_decisions,
    assert_statuses,
    assert_violations,
    walk,
)


def assert_found_and_put_right(walked: Walk, profiles: int) -> None:
    assert walked.agreed.verdict is Verdict.CLEAN
    assert walked.agreed.counts.profiles[Status.EQUAL] == profiles
    assert_statuses(walked)
    assert_differences(walked)
    assert_violations(walked)
    assert_counts(walked)
    assert_nothing_is_left_but_decisions(walked)
    assert_no_permission_went_up(walked)


@pytest.mark.parametrize("profiles", [0, 1])
def test_a_table_of_nobody_or_of_one_person(tmp_path: Path, profiles: int) -> None:
    assert_found_and_put_right(walk(tmp_path / "walk", profiles=profiles, seed=5), profiles)


@pytest.mark.slow
def test_a_table_of_fifty_thousand_is_put_right_by_both_routes(tmp_path: Path) -> None:
    """One change in more profiles than `bulk_min_rows` goes by file, the rest one by one."""
    walked = walk(tmp_path / "walk", profiles=50_000, seed=5)
    routes = {write.route for plan in walked.plans for write in plan.writes}
    assert routes == {Route.BULK, Route.SINGLE}
    assert_found_and_put_right(walked, 50_000)
