"""What a file writes to whoever has a key of it by the time it is imported."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from auditor.findings.codes import Code
from auditor.model import Kind
from auditor.state import run_folder
from tests.consent_world import World, in_memory


def test_a_file_that_reaches_somebody_else_by_a_key_is_told_by_the_next_run_and_its_undo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path, 14, 1)
    world.all_say_yes()
    *corrected, agreeing, stranger = world.people
    profiles = world.platform.profiles
    profiles[agreeing.profile_id or ""]["city"] = "Ghent"
    assert agreeing.row is not None
    agreeing.row["city"] = "Ghent"
    send = world.platform.start_import
    with in_memory(world):
        world.run()
        world.now += timedelta(days=1)
        for one in corrected:
            assert one.row is not None
            one.row |= {"city": "Ghent", "modified_at": world.stamp(world.now)}
        world.run()
        [made] = world.plan(route="bulk")
        [*_, before, last] = [write for write in made.plan.writes if write.kind is Kind.UPDATE and not write.canary]

        def late(*arguments: Any, **how: Any) -> str:
            """Two keys have changed hands before the file is imported."""
            for write, other in ((before, agreeing), (last, stranger)):
                profiles[write.profile_id or ""]["customerId"] = f"Z{write.profile_id}"
                profiles[other.profile_id or ""]["customerId"] = write.key
            return send(*arguments, **how)

        monkeypatch.setattr(world.platform, "start_import", late)
        world.apply(made)
        assert profiles[stranger.profile_id or ""]["city"] == "Ghent", "which nobody wanted"
        world.now += timedelta(days=1)
        said: list[str] = []
        world.run(tell=said.append)
        [named] = [line for line in said if made.plan.sha[:12] in line]
        assert f": {last.key} (city)" in named
        assert "Ghent" not in named
        _, told = run_folder.read_run(world.newest).told()
        found = [one.parameters for one in told if one.code is Code.ASTRAY]
        assert [(one["plan"], one["cells"]) for one in found] == [(made.plan.sha, 1)], (
            "who had that value before has got nothing"
        )
        left = world.undo(made).plan.left
        assert [(one.key, one.column) for one in left if one.why == "astray"] == [(last.key, "city")]
