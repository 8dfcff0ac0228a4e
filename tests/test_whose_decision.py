"""A decision is about a person: whoever is given their key afterwards is given nothing by it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

from auditor.commands.known import up_to_date
from auditor.commands.permit import permit
from auditor.commands.plan import plan
from auditor.commands.show import tell
from auditor.findings.decided import Standing
from auditor.model import Kind, Need
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import NEWCOMER, Decision
from auditor.state.past_runs import find_run
from tests.consent_law import NEWS, TRUTH_NAMES, Person
from tests.consent_world import World, in_memory


def opt_ins(world: World, decisions: Path | None = None) -> list[tuple[str, str | None]]:
    """Whom a plan of now gives the newsletter, and by whose decision."""
    world.now += timedelta(minutes=1)
    made = plan(world.settings, now=world.now, decisions=decisions)
    return [
        (write.key, write.decided_by)
        for one in made
        for write in one.plan.writes
        if write.kind is Kind.SUBSCRIBE and write.cells[0].column == NEWS
    ]


def shown(world: World, one: Person) -> Standing:
    """What has become of the only decision on somebody's key."""
    [made] = tell(world.settings, one.key, now=world.now).decisions
    return made.standing


def test_a_decision_on_somebody_who_is_to_be_created_is_for_nobody_else(tmp_path: Path) -> None:
    world = World(tmp_path, 5, 1)
    world.all_say_yes()
    worklist, group = world.people[2:4]
    with in_memory(world):
        for one in (worklist, group):
            del world.platform.profiles[one.profile_id or ""], world.by_id[one.profile_id or ""]
            one.profile_id = None
        world.run()
        line = {"key": worklist.key, "column": NEWS, "platform": None, "truth": "true", "choice": "truth"}
        content = {"format": 1, "run": find_run(world.settings).name, "table": "Customers", "by": "Mia"}
        (tmp_path / "decided.json").write_text(json.dumps(content | {"decisions": [line]}))
        assert opt_ins(world, tmp_path / "decided.json") == [(worklist.key, "Mia")]
        world.now += timedelta(minutes=1)
        assert permit(world.settings, NEWS, by="Bea", now=world.now).given == 1, "the other one was decided on"
        stands = [(worklist.key, "Mia"), (group.key, "Bea")]
        assert opt_ins(world) == stands
        with Ledger(world.settings.state_folder, reading=True) as ledger:
            kept = [one.profile_id or "" for one in ledger.every_decision("Customers")]
        assert [(one[: len(NEWCOMER)], len(one)) for one in kept] == [(NEWCOMER, len(NEWCOMER) + 64)] * 2, "digests"

        world.now += timedelta(hours=5)
        assert worklist.row is not None
        worklist.row["modified_at"] = world.stamp(world.now)
        world.run()
        assert opt_ins(world) == stands, "the same people"
        assert [shown(world, one) for one in (worklist, group)] == [Standing.VALID] * 2
        for place, one in enumerate(world.people):
            if one in (worklist, group):
                row = {"id": one.key, "mail": f"another{place}@example.com", "city": "Zoersel"}
                world.people[place] = somebody = Person(9, one.key, None, row | {"modified_at": world.stamp(world.now)})
                for column in TRUTH_NAMES:
                    world.truth_says(somebody, column, permitted=True, evidence=world.now - timedelta(days=2))
        world.run()
        assert opt_ins(world) == [], "the truth gave their keys to others"
        assert [shown(world, one) for one in (worklist, group)] == [Standing.NOBODY] * 2


def test_what_nobody_can_tell_whom_it_was_about_gives_no_permission(tmp_path: Path) -> None:
    """As earlier versions recorded decisions, and this one where the key was on no list of the run."""
    world = World(tmp_path, 5, 1)
    world.all_say_yes()
    one, other = world.people[:2]
    with in_memory(world):
        world.platform.profiles[one.profile_id or ""][NEWS] = "false"
        world.platform.profiles[other.profile_id or ""]["city"] = "Gant"
        later = world.now + timedelta(minutes=6)
        world.truth_says(one, NEWS, permitted=True, evidence=later)
        world.run()
        world.now = max(world.now, later)

        def decide(column: str, person: Person, here: str, there: str, of: str | None, at: datetime) -> None:
            with Ledger(world.settings.state_folder) as ledger:
                made = Decision("Customers", "Mia", person.key, column, here, there, "truth", at, of, None)
                ledger.decide([made], at)

        decide(NEWS, one, "false", "true", None, world.now)
        decide("city", other, "Gant", "Gent", None, world.now)
        assert opt_ins(world) == []
        _, needed = up_to_date(world.settings, find_run(world.settings), world.now)
        told = {column: (by, holds, need) for column, by, holds, need in needed["column", "by", "holds", "need"].rows()}
        assert told == {NEWS: (None, False, Need.TRUTH), "city": ("Mia", True, Need.WRITTEN)}
        decide(NEWS, one, "false", "true", one.profile_id, world.now)
        assert opt_ins(world) == [(one.key, "Mia")]
