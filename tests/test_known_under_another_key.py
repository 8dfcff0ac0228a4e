"""An opt-out is a person's, whatever key and profileId they have by now: what a profile alone has tells who it is."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from auditor.commands.known import up_to_date
from auditor.commands.plan import plan
from auditor.commands.show import tell
from auditor.model import Kind
from auditor.settings.config import read_settings
from auditor.state import run_folder
from auditor.state.ledger.persons import under_keys_of_now
from auditor.state.past_runs import find_run
from auditor.writes import Write
from tests.consent_law import CONSENT, NEWS, TRUTH_NAMES, Person
from tests.consent_world import World, in_memory


def opt_ins(world: World, one: Person) -> list[Write]:
    """What a plan gives somebody whose opt-in a person has just decided."""
    assert one.row is not None
    world.run()
    world.now += timedelta(minutes=1)  # once the run has ended
    line = {"key": one.key, "column": NEWS, "platform": None, "truth": "true", "choice": "truth"}
    line["made"] = world.now.isoformat()
    named = {"format": 1, "run": find_run(world.settings).name, "table": "Customers", "by": "Mia", "decisions": [line]}
    path = world.folder / "decided.json"
    path.write_text(json.dumps(named))
    world.now += timedelta(minutes=1)
    made = plan(world.settings, now=world.now, decisions=path, route="single", only=[one.key])
    return [write for each in made for write in each.plan.writes if write.kind is Kind.SUBSCRIBE]


def we_withdraw(world: World, one: Person) -> datetime:
    """A finding that Mia answers by withdrawing; a day passes. Gives a moment after the audit and before the answer."""
    world.truth_says(one, NEWS, True, None)
    world.run()
    [finding] = {line for line, _ in world.findings() if line[:2] == (one.key, NEWS)}
    world.now += timedelta(days=1)
    early = world.now
    world.now += timedelta(hours=1)
    world.decide("Mia", [(finding, {"choice": "withdraw"})])
    [made] = world.plan()
    assert world.apply(made) == {"landed"}
    world.now += timedelta(days=1)
    return early


def test_what_we_withdrew_is_known_of_who_was_made_again_before_any_run_saw_it(tmp_path: Path) -> None:
    world = World(tmp_path, 6, 1)
    world.all_say_yes()
    one = world.people[0]
    with in_memory(world):
        early = we_withdraw(world, one)
        world.leave(one)
        world.make_again(one, **{CONSENT: "true"})
        world.truth_says(one, NEWS, True, early)
        assert not opt_ins(world, one)


def test_who_said_yes_before_any_run_saw_what_we_withdrew_and_then_no_has_opted_out(tmp_path: Path) -> None:
    """Whoever reads `for-the-truth.csv` hears of an opt-out, and not of something that we did."""
    world = World(tmp_path, 6, 1)
    world.all_say_yes()
    one = world.people[0]
    with in_memory(world):
        we_withdraw(world, one)
        world.platform_says(one, **{NEWS: "true"})
        world.now += timedelta(hours=1)
        world.run()
        world.now += timedelta(days=1)
        world.rename(one, "Z9")
        world.platform_says(one, **{NEWS: "false"})
        world.now += timedelta(hours=1)
        world.run()
        folder = find_run(world.settings)
        assert run_folder.read_rows(folder, "differences").filter(key="Z9")["moved"].to_list() == ["platform"]
        audit, needed = up_to_date(world.settings, folder, world.now)
        assert needed.filter(key="Z9", column=NEWS)["told"].to_list() == ["opted_out_on_platform"]
        assert "opted_out_on_platform" in audit.permissions.filter(key="Z9", column=NEWS)["finding"].to_list()


def test_what_the_ledger_has_of_people_is_told_under_the_keys_of_the_export() -> None:
    """What was sent after the export's moment, opt-ins that were decided, and whom we created."""
    export = {"key": ["X0", "C0", "C3", None], "profile_id": ["1", "2", None, None]}
    cases = {
        # key and profileId as they are recorded: the key of now; None: it is somebody else's
        ("C0", "1"): "X0",
        ("C0", "2"): "C0",
        ("X0", "9"): None,
        ("C0", None): "C0",
        ("C3", "3"): "C3",
        ("not there", "7"): "not there",
    }
    recorded = pl.DataFrame(list(cases), schema={"key": pl.String, "profile_id": pl.String}, orient="row")
    people = pl.DataFrame(export, schema=dict.fromkeys(export, pl.String))
    found = under_keys_of_now(recorded.with_columns(column=pl.lit("city")), people)
    expected = {(now, number, "city") for (_, number), now in cases.items() if now}
    assert (set(found.iter_rows()), found.height) == (expected, len(expected))


def test_what_was_undone_of_somebody_is_so_under_another_key(tmp_path: Path) -> None:
    """Without a rekey, and of nobody else who has their key since."""
    world = World(tmp_path, 3, 1)
    world.all_say_yes()
    one, other = world.people[:2]
    with in_memory(world):
        world.run()
        world.now += timedelta(days=1)
        for each in (one, other):
            assert each.row is not None
            each.row |= {"city": "Ghent", "modified_at": world.stamp(world.now)}
        world.run()
        [made] = world.plan(only=[one.key])
        assert world.apply(made) == {"landed"}
        assert world.apply(world.undo(made)) == {"landed"}
        world.now += timedelta(days=1)
        world.exchange(one, other)
        world.run()
        [again] = [each.plan for each in world.plan() if each.plan.purpose == "correct"]
        assert [write.profile_id for write in again.writes] == [other.profile_id]
        assert [(line.key, line.why) for line in again.left if line.column == "city"] == [(one.key, "undone")]


def test_an_undo_is_made_by_what_a_run_has_seen_of_the_person(tmp_path: Path) -> None:
    """And not of who has their key by then: nothing is told as changed, but that the key is another one."""
    world = World(tmp_path, 3, 1)
    world.all_say_yes()
    one, other = world.people[:2]
    with in_memory(world):
        world.run()
        world.now += timedelta(days=1)
        assert one.row is not None
        assert other.row is not None
        one.row |= {"city": "Ghent", "modified_at": world.stamp(world.now)}
        world.run()
        key = one.key
        [made] = world.plan(only=[key])
        assert world.apply(made) == {"landed"}
        world.now += timedelta(days=1)
        world.exchange(one, other)
        other.row |= {"city": "Brugge", "modified_at": world.stamp(world.now)}
        world.run()
        back = world.undo(made)
        assert not back.plan.writes
        assert [(line.key, line.column, line.why) for line in back.plan.left] == [(key, "city", "another_key")]


@pytest.mark.parametrize(
    ("when", "made"),
    [
        ("on the platform", True),
        ("on the platform", False),
        ("in the truth", True),
        ("unsubscribes.csv", True),
        ("complaints.csv", True),
    ],
)
def test_who_was_deleted_and_made_again_has_opted_out_all_the_same(tmp_path: Path, when: str, made: bool) -> None:
    """Under another key and profileId, with the same address, whether a colleague makes the profile or a plan does;
    evidence that is later than the opt-out counts.
    """
    world = World(tmp_path, 12, 1)
    if when.endswith(".csv"):
        file = tmp_path / "auditor.toml"
        file.write_text(f'{file.read_text()}[exports]\nactivities = "{when}"\n')
        world.settings = read_settings(file)
        (tmp_path / when).write_text("profileId,moment\n")
    with in_memory(world):
        one = next(each for each in world.people if each.profile_id is not None and each.row is not None)
        assert one.profile_id is not None
        assert one.row is not None
        profile = world.platform.profiles[one.profile_id]
        profile |= {NEWS: "true", CONSENT: "true"}
        world.truth_says(one, CONSENT, permitted=True, evidence=world.now)
        world.truth_says(one, NEWS, permitted=True, evidence=world.now)
        world.run()
        world.now += timedelta(days=1)
        early: datetime = world.now
        world.now += timedelta(days=1)
        if when == "on the platform":
            profile[NEWS] = "false"
        elif when.endswith(".csv"):
            (tmp_path / when).write_text(f"profileId,moment\n{one.profile_id},{world.stamp(world.now)}\n")
        else:
            world.truth_says(one, NEWS, permitted=False, evidence=world.now)
        world.run()
        world.now += timedelta(days=1)
        if when.endswith(".csv"):
            (tmp_path / when).write_text("profileId,moment\n")
        del world.platform.profiles[one.profile_id]
        world.run()
        if made:
            world.make_again(one)
            world.platform.profiles[one.profile_id] |= {NEWS: None, CONSENT: "true"}
        else:
            one.key = one.row["id"] = "A1"
        world.truth_says(one, NEWS, permitted=True, evidence=early)
        assert not opt_ins(world, one), f"the evidence for {TRUTH_NAMES[NEWS]} is older than the opt-out"

        def told() -> tuple[bool, bool]:
            """Whether the owners of the truth hear of it, and whoever looks at the person."""
            lines = (world.newest / "for-the-truth.csv").read_text("utf-8").splitlines()
            heard = [line for line in lines if line.startswith(f"{one.key};{NEWS};") and "another_key" in line]
            seen = tell(world.settings, one.key, now=world.now).history
            return bool(heard), (NEWS, "other", "off") in seen.select("column", "side", "value").rows()

        if made:
            assert told() == (True, True)
        world.now += timedelta(days=1)
        world.truth_says(one, NEWS, permitted=True, evidence=world.now)
        assert opt_ins(world, one)
        if made:
            assert told() == (False, True)
