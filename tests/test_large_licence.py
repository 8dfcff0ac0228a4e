"""The main path on a licence in which one event changes so many profiles that a file is sent for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.model import Route
from tests.walk import assert_found_and_put_right, walk


@pytest.mark.slow
def test_a_table_of_twelve_thousand_is_put_right_by_both_routes(tmp_path: Path) -> None:
    """One change in more profiles than `bulk_min_rows` goes by file, the rest one by one."""
    walked = walk(tmp_path / "walk", profiles=12_000, seed=5)
    routes = {write.route for plan in walked.plans for write in plan.writes}
    assert routes == {Route.BULK, Route.SINGLE}
    assert_found_and_put_right(walked, 12_000)
