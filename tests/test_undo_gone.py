"""What an undo cannot put back because the newest run saw that the profile is not there any more as it was."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from auditor.findings.left_alone import reasons
from auditor.findings.words import Words
from auditor.model import Kind
from tests.consent_world import World, in_memory


def test_an_undo_names_who_is_gone_has_another_key_or_was_made_anew_and_plans_nothing_of_them(tmp_path: Path) -> None:
    world = World(tmp_path, 6, 1)
    world.all_say_yes()
    renamed, known, gone, anew, there, new = world.people
    profiles = world.platform.profiles
    row, new.row = new.row, None
    world.leave(new)
    with in_memory(world):
        world.run()
        world.now += timedelta(days=1)
        for one in (renamed, known, gone, anew, there):
            assert one.row is not None
            one.row |= {"city": "Ghent", "modified_at": world.stamp(world.now)}
        world.run()
        [made] = world.plan()
        assert world.apply(made) == {"landed"}
        world.now += timedelta(days=1)
        new.row = row
        world.run()
        [created] = [each for each in world.plan() if each.plan.purpose == "create"]
        assert world.apply(created) == {"landed"}
        everybody = {one.key for one in (renamed, known, gone, anew, there)}
        assert {write.key for write in world.undo(made).plan.writes} == everybody, "before any run has seen otherwise"

        was_renamed, was_known, was_new = renamed.key, known.key, new.key
        world.now += timedelta(days=1)
        world.rename(renamed, "Z1")
        world.rename(known, "Z2")
        world.rekey({was_known: "Z2"})
        world.leave(gone)
        profiles["4141"] = profiles.pop(anew.profile_id or "") | {"updateMoment": world.stamp(world.now)}
        [born] = [number for number, profile in profiles.items() if profile["customerId"] == was_new]
        del profiles[born]
        world.run()
        for _ in range(2):
            back = world.undo(made).plan
            assert {write.key for write in back.writes} == {"Z2", there.key}
            assert {(one.key, one.column, one.why) for one in back.left} == {
                (was_renamed, "city", "another_key"),
                (gone.key, "city", "gone"),
                (anew.key, "city", "made_anew"),
            }
            told = reasons("undo", Words.of(world.settings.names))
            assert "auditor rekey" in told["another_key"]
        back = world.undo(created, delete_created=True).plan
        assert (back.writes, [(one.key, one.why) for one in back.left]) == ((), [(was_new, "gone")])
        assert world.undo(created).plan.left == back.left
        assert Kind.DELETE not in back.counts
