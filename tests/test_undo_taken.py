"""What an undo cannot give back because somebody else has it by now."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from auditor.commands.review import review_of
from auditor.state.ledger import Ledger
from tests.consent_world import World, in_memory, mail


def test_a_unique_value_that_somebody_else_has_by_now_is_named_when_the_undo_is_made(tmp_path: Path) -> None:
    """By what we have written since the newest run, and by what a run has seen."""
    world = World(tmp_path, 4, 1)
    world.all_say_yes()
    one, other, new, third = world.people
    assert one.row is not None
    assert other.row is not None
    assert third.row is not None
    world.platform.profiles.pop(new.profile_id or "")
    row, new.row, new.profile_id = new.row, None, None
    with in_memory(world):
        world.run()
        world.now += timedelta(days=1)
        for each, address in ((one, "one@example.com"), (other, "other@example.com"), (third, mail(1))):
            assert each.row is not None
            each.row |= {"mail": address, "modified_at": world.stamp(world.now)}
        world.run()
        [made] = world.plan()
        assert world.apply(made) == {"landed"}
        world.now += timedelta(days=1)
        assert row is not None
        new.row = row | {"mail": mail(0)}
        world.run()
        [created] = [each for each in world.plan() if each.plan.purpose == "create"]
        assert world.apply(created) == {"landed"}
        for _ in range(2):
            back = world.undo(made).plan
            assert [(line.key, line.column, line.why) for line in back.left] == [(one.key, "emailAddress", "taken")]
            assert [(write.key, write.cells[0].after) for write in back.writes] == [
                (third.key, mail(3)),
                (other.key, mail(1)),
            ], "what this undo sets free is there to be given back"
            world.now += timedelta(days=1)
            world.run()
        world.pin(third, "emailAddress", "Cas")
        undone = world.undo(made)
        back = undone.plan
        with Ledger(world.settings.state_folder, reading=True) as ledger:
            kept = review_of(world.settings, back, undone.path.parent, ledger).beside.kept
        assert not kept[third.key, "emailAddress"].changed, "it is what the pin says, whatever the plan had found"
        assert {(line.key, line.why) for line in back.left} == {
            (third.key, "pinned"),
            (other.key, "taken"),
            (one.key, "taken"),
        }, "what stays where it is sets nothing free"
        assert back.writes == ()
