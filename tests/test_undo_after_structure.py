"""What a plan wrote can be undone after the table itself was changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from auditor.commands.undo import undo
from auditor.errors import GuardRefused, SettingsError
from auditor.findings.sentences import of_plan
from auditor.findings.words import Words
from auditor.model import Attribute, Outcome
from auditor.state.past_runs import find_run
from tests import consent_world
from tests.consent_world import STRUCTURE, Watched, World, in_memory


def test_an_undo_is_made_for_the_table_as_the_last_run_saw_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it lies; what the platform would refuse by now is left."""
    monkeypatch.setattr(Watched, "synchronisations", lambda *_: (), raising=False)
    world = World(tmp_path, 5, 1)
    world.all_say_yes()
    one, two = world.people[:2]
    with in_memory(world):
        world.platform_says(two, city="Brugge")
        world.run()
        world.now += timedelta(days=1)
        for each in (one, two):
            assert each.row is not None
            each.row |= {"city": "Ghent", "modified_at": world.stamp(world.now)}
        world.run()
        first = find_run(world.settings)
        line = next(line for line in world.differing() if line[:2] == (two.key, "city"))
        world.decide("Mia", [(line, {"choice": "truth"})])
        [made] = world.plan()
        assert world.apply(made) == {Outcome.LANDED}

        attributes = [
            replace(each, allowed=("Gent", "Ghent")) if each.name == "city" else each for each in STRUCTURE.attributes
        ]
        monkeypatch.setattr(
            consent_world, "STRUCTURE", replace(STRUCTURE, attributes=(*attributes, Attribute("shoeSize")))
        )
        world.now += timedelta(days=1)
        unseen = world.undo(made)
        with pytest.raises(GuardRefused, match="structure changed") as refused:
            world.apply(unseen)
        assert "run the audit again" in str(refused.value.hint)

        world.run()
        world.now += timedelta(hours=2)
        back = undo(world.settings, made.path, now=world.now)
        assert back.path.parent == find_run(world.settings)
        assert [write.key for write in back.plan.writes] == [one.key]
        assert [(left.key, left.why) for left in back.plan.left] == [(two.key, "blocked")]
        told = of_plan(back.plan.route_reason, Words.of(world.settings.names))
        assert told.endswith("; 3 calls, about 1 minute at 60 calls a minute."), "reading, writing, reading"
        with pytest.raises(SettingsError, match="another structure"):
            undo(world.settings, made.path, now=world.now, into=first)
        elsewhere = tmp_path / "elsewhere"
        world.now += timedelta(minutes=1)
        assert world.apply(undo(world.settings, made.path, now=world.now, into=elsewhere)) == {Outcome.LANDED}
        assert (world.profile(one) or {})["city"] == "Gent"
