"""`docs/faults.md` names exactly the faults that there are, with the exit codes that their tests ask for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from auditor.errors import Exit
from auditor.sandbox.faults import FAULTS
from tests.test_each_fault_survived import CALLS, EXPORTS, IMPORTS

ROOT = Path(__file__).parents[1]
LINES = (ROOT / "docs" / "faults.md").read_text("utf-8").splitlines()
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in LINES if line.startswith("| `")]
LEAVE_SOMETHING = ("marketers", "profile-deleted")
BY_NAME = {row[0].strip("`"): row for row in ROWS}


def test_every_fault_has_its_row_and_no_other() -> None:
    assert [(row[0].strip("`"), row[1]) for row in ROWS] == [(name, fault.sentence) for name, fault in FAULTS.items()]
    assert all(len(row) == 6 and all(row) for row in ROWS)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_row_names_a_test_that_is_there_and_shows_the_fault(name: str) -> None:
    file, _, function = BY_NAME[name][5].strip("`").partition("::")
    text = (ROOT / file).read_text("utf-8")
    assert re.search(rf"^def {function}\(", text, re.MULTILINE)
    assert f'"{name}"' in text


@pytest.mark.parametrize("name", BY_NAME)
def test_a_row_tells_an_exit_code_that_there_is(name: str) -> None:
    told = {Exit(int(code)) for code in re.findall(r"\d+", BY_NAME[name][3])}
    if name in EXPORTS:
        assert told == {EXPORTS[name]}
    elif raised := CALLS.get(name):
        assert told == {raised}
    else:
        assert (Exit.FINE in told) == (name not in IMPORTS and name not in LEAVE_SOMETHING)
        assert told <= {Exit.FINE, Exit.WRITES_LEFT, Exit.TRY_LATER}
