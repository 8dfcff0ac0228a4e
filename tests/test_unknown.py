"""`docs/unknown.md` names exactly the forms that the sandbox varies, and places that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from auditor.sandbox.dialect import FORMS

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "unknown.md").read_text("utf-8")
HEADINGS = "How Actito wants to be asked|What Actito takes for a value|What files of activities look like"
ANSWERED, ASKED, TAKEN, OF_ACTIVITIES = (
    [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("| ")][1:]
    for part in re.split(rf"## (?:{HEADINGS})\n", TEXT)
)


def test_each_form_that_is_varied_has_its_row_and_no_other() -> None:
    named = [name for row in ANSWERED for name in re.findall(r"`(\w+)`", row[2])]
    assert sorted(named) == sorted(FORMS)
    assert all(len(row) == 3 and all(row) for row in [*ANSWERED, *ASKED])


@pytest.mark.parametrize("row", ASKED, ids=lambda row: row[0])
def test_what_cannot_be_varied_says_where_it_is_chosen(row: list[str]) -> None:
    assert "§" in row[0]
    places = re.findall(r"`([^`]+)`", row[2])
    assert places
    assert all((ROOT / place).is_file() for place in places)


@pytest.mark.parametrize("row", TAKEN, ids=lambda row: row[0])
def test_what_is_taken_for_a_value_says_which_part_of_the_pages_is_silent(row: list[str]) -> None:
    assert "§" in row[0]
    assert len(row) == 2


@pytest.mark.parametrize("row", OF_ACTIVITIES, ids=lambda row: row[0])
def test_what_files_of_activities_look_like_is_taken_in_some_way(row: list[str]) -> None:
    assert len(row) == 2
    assert all(row)


def test_every_assumption_of_the_client_stands_in_its_dialect() -> None:
    """Or the page says where else."""
    marked = [path for path in (ROOT / "auditor").rglob("*.py") if "[assumed]" in path.read_text("utf-8")]
    elsewhere = {str(path.relative_to(ROOT)) for path in marked if path.parent != ROOT / "auditor" / "actito"}
    assert len(marked) > len(elsewhere)
    assert {place for place in elsewhere if f"`{place}`" not in TEXT} == set()
