"""The main path on the smallest licences."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.walk import assert_found_and_put_right, walk


@pytest.mark.parametrize("profiles", [0, 1])
def test_a_table_of_nobody_or_of_one_person(tmp_path: Path, profiles: int) -> None:
    assert_found_and_put_right(walk(tmp_path / "walk", profiles=profiles, seed=5), profiles)
