"""The main path on the smallest licences."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.cli.demonstration import fetch_inputs, prepare, write_settings
from auditor.commands.plan import plan
from auditor.errors import InputUnusable
from auditor.model import Verdict
from tests import given_time
from tests.driven_sandbox import Sandbox
from tests.walk import assert_found_and_put_right, audit, walk


def test_a_table_of_one_person(tmp_path: Path) -> None:
    assert_found_and_put_right(walk(tmp_path / "walk", profiles=1, seed=5), 1)


def test_a_table_of_nobody_is_not_clean_and_nothing_is_planned_on_it(tmp_path: Path) -> None:
    folder = tmp_path / "walk"
    prepare(folder)
    with Sandbox(folder / "sandbox", profiles=0, seed=5, limits="extended") as sandbox:
        settings = write_settings(folder, sandbox.url)
        sandbox.clock(given_time.now())
        fetch_inputs(sandbox, folder)
        found = audit(settings)
        assert found.verdict is Verdict.INCOMPLETE
        assert sum(found.counts.profiles.values()) == 0
        with pytest.raises(InputUnusable, match="holds no row"):
            plan(settings, now=given_time.now())
        assert sandbox.profiles() == []
