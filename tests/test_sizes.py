"""The main path on licences of every size."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.model import Route, Status, Verdict
from tests.walk import (
    assert_counts,
    assert_differences,
    assert_no_permission_went_up,
    assert_nothing_is_left_but_decisions,
    assert_statuses,
    assert_violations,
    walk,
)


def test_both_routes_were_taken(tmp_path: Path) -> None:
    """One change in more profiles than `bulk_min_rows` goes by file, the rest one by one."""
    walked = walk(tmp_path / "large", profiles=10_000, seed=3)
    routes = {write.route for plan in walked.plans for write in plan.writes}
    assert routes == {Route.BULK, Route.SINGLE}
    assert_nothing_is_left_but_decisions(walked)


@pytest.mark.slow
@pytest.mark.parametrize("profiles", [0, 1, 50_000])
def test_any_size_of_table(tmp_path: Path, profiles: int) -> None:
    """Nobody, one person and fifty thousand: the path runs, and finds what was planted."""
    walked = walk(tmp_path / "walk", profiles=profiles, seed=5)
    assert walked.agreed.verdict is Verdict.CLEAN
    assert walked.agreed.counts.profiles[Status.EQUAL] == profiles
    assert_statuses(walked)
    assert_differences(walked)
    assert_violations(walked)
    assert_counts(walked)
    assert_nothing_is_left_but_decisions(walked)
    assert_no_permission_went_up(walked)
