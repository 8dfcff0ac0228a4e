"""`auditor plan --create-again`: a person decides anew on somebody whom we created and an undo deleted."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from auditor.commands.create_again import create_again
from auditor.commands.forget import forget
from auditor.commands.known import up_to_date
from auditor.commands.stored_plans import Planned
from auditor.errors import GuardRefused, SettingsError
from auditor.model import Kind
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import PROFILE
from tests.consent_law import NEWS, Person
from tests.consent_world import World, in_memory

DAY = timedelta(days=1)


def decide(world: World, *keys: str, by: str = "Mia") -> None:
    world.now += timedelta(minutes=1)
    create_again(world.settings, keys, by=by, now=world.now, tell=lambda _: None)


def planned(world: World, one: Person) -> list[str]:
    """What a plan does with somebody who is missing: that they are created, or why not."""
    made = world.plan(only=[one.key])
    writes = ["create" for each in made for write in each.plan.writes if write.kind is Kind.CREATE]
    return writes + [line.why for each in made for line in each.plan.left if line.column is None]


def created(world: World, one: Person) -> Planned:
    """Somebody who is missing is created, and a run sees them."""
    [made] = [each for each in world.plan(only=[one.key]) if each.plan.purpose == "create"]
    assert world.apply(made) == {"landed"}
    world.now += DAY
    world.run()
    return made


def taken_back(world: World, one: Person, made: Planned) -> None:
    assert world.apply(world.undo(made, delete_created=True)) == {"landed"}
    assert world.profile(one) is None
    one.profile_id = None
    world.now += DAY
    world.run()


def test_whom_an_undo_deleted_is_created_once_more_where_a_person_decides_so_anew(tmp_path: Path) -> None:
    """Once: what an undo takes back again is to be decided again, and what others delete is nobody's decision."""
    world = World(tmp_path, 4, 1)
    world.all_say_yes()
    one, other = world.people[:2]
    world.leave(one)
    with in_memory(world):
        world.run()
        first = created(world, one)
        with pytest.raises(SettingsError, match="is not missing"):
            decide(world, one.key)
        taken_back(world, one, first)
        assert planned(world, one) == ["undone"]
        for keys, by in (((one.key,), " "), ((one.key, other.key), "Mia"), (("nobody",), "Mia")):
            with pytest.raises(
                SettingsError, match="the name of the person" if keys == (one.key,) else "is not missing"
            ):
                decide(world, *keys, by=by)
        assert planned(world, one) == ["undone"], "all of them or nobody"
        decide(world, one.key)
        assert planned(world, one) == ["create"]
        taken_back(world, one, created(world, one))
        assert planned(world, one) == ["undone"]

        decide(world, one.key)
        key = one.key
        world.make_again(one)
        world.rename(one, key)
        world.now += DAY
        world.run()
        world.leave(one)
        world.now += DAY
        world.run()
        assert planned(world, one) == ["gone"], "somebody else has deleted them since"
        with pytest.raises(GuardRefused, match="was there again"):
            decide(world, one.key)
        with Ledger(world.settings.state_folder, reading=True) as ledger:
            assert [each.person for each in ledger.every_decision("Customers")] == ["Mia", "Mia"]
        forget(world.settings, one.key, now=world.now, dry=False)
        with pytest.raises(GuardRefused, match="erased on request"):
            decide(world, one.key)


def test_a_decision_on_who_was_deleted_is_not_taken_and_says_what_can_be_done(tmp_path: Path) -> None:
    """Why they were deleted nobody knows; on whom somebody wants to be created again, one is taken."""
    world = World(tmp_path, 4, 1)
    world.all_say_yes()
    one, other = world.people[:2]

    def decided() -> tuple[list[str], int]:
        told: list[str] = []
        lines = [(person.key, column, None, "true") for person in (one, other) for column in (NEWS, "city")]
        world.decide("Mia", [((key, column, here, there), {"choice": "truth"}) for key, column, here, there in lines])
        world.plan(tell=told.append)
        with Ledger(world.settings.state_folder, reading=True) as ledger:
            return told, len([each for each in ledger.every_decision("Customers") if each.column != PROFILE])

    with in_memory(world):
        world.leave(one)
        world.run()
        first = created(world, one)
        world.leave(other)
        taken_back(world, one, first)
        told, recorded = decided()
        assert "  4 not taken, about somebody deleted in Actito since an earlier run:" in told
        assert f"    {one.key} ({NEWS}, city), {other.key} ({NEWS}, city)" in told
        assert "    auditor plan --create-again KEY --by NAME" in told
        assert recorded == 0
        assert planned(world, one) == ["undone"]
        assert planned(world, other) == ["gone"]
        decide(world, one.key)
        told, recorded = decided()
        assert [line.split(",")[0] for line in told if "not taken" in line] == ["  2 not taken"], "only of the other"
        assert recorded == 2
        audit, _ = up_to_date(world.settings, world.newest, world.now)
        assert audit.profiles.filter("deleted_by_undo")["key"].to_list() == [one.key]
