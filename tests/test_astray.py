"""What a file writes to whoever has a key of it by the time it is imported."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from auditor.commands.undo import undo
from auditor.findings.codes import Code
from auditor.model import Kind
from auditor.state import run_folder
from auditor.writes import Write
from tests.consent_world import World, in_memory
from tests.small_folder import auditor


def test_a_file_that_reaches_somebody_else_by_a_key_is_told_by_the_next_run_and_its_undo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
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
        [*_, later, anew, before, last] = [
            write for write in made.plan.writes if write.kind is Kind.UPDATE and not write.canary
        ]

        def late(*arguments: Any, **how: Any) -> str:
            """Two keys have changed hands before the file is imported, and a profile was made anew with its own."""
            for write, other in ((before, agreeing), (last, stranger)):
                profiles[write.profile_id or ""]["customerId"] = f"Z{write.profile_id}"
                profiles[other.profile_id or ""]["customerId"] = write.key
            again(anew, "9001", "Oudegem")
            return send(*arguments, **how)

        def again(write: Write, number: str, city: str) -> None:
            [one] = [one for one in corrected if one.key == write.key]
            profiles[number] = profiles.pop(write.profile_id or "") | {"city": city}
            profiles[number]["updateMoment"] = world.stamp(world.now)
            one.profile_id, world.by_id[number] = number, one

        monkeypatch.setattr(world.platform, "start_import", late)
        world.apply(made)
        assert profiles["9001"]["city"] == "Ghent", "which is told nobody knows"
        world.now += timedelta(hours=2)
        again(later, "9002", "Ghent")
        assert profiles[stranger.profile_id or ""]["city"] == "Ghent", "which nobody wanted"
        world.now += timedelta(days=1)
        said: list[str] = []
        world.run(tell=said.append)
        [named] = [line for line in said if made.plan.sha[:12] in line]
        assert f": {anew.key} (city), {last.key} (city)" in named
        assert "Ghent" not in named
        _, told = run_folder.read_run(world.newest).told()
        found = [one.parameters for one in told if one.code is Code.ASTRAY]
        assert [(one["plan"], one["cells"]) for one in found] == [(made.plan.sha, 2)], (
            "who had that value before, or was made with it afterwards, has got nothing"
        )
        left = world.undo(made).plan.left
        assert {(one.key, one.why) for one in left} == {
            (last.key, "astray"),
            (anew.key, "astray"),
            (later.key, "made_anew"),
        }
        only = undo(world.settings, made.path, now=world.now, overwritten=True).plan
        assert (only.writes, {(one.key, one.why) for one in only.left}) == (
            (),
            {(last.key, "astray"), (anew.key, "astray")},
        )
        monkeypatch.chdir(tmp_path)
        for key, ours in ((anew.key, True), (last.key, True), (later.key, False), (agreeing.key, False)):
            shown = " ".join(auditor(capsys, "show", key).out.split())
            assert ("update city → Ghent: by a file, meant for another profile" in shown) is ours, key
