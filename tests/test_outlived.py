"""A decision holds until one of the two values changes: it does not come back with them."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from auditor.commands.known import up_to_date
from auditor.commands.outlived import outlived
from auditor.model import Status
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import About, Decision
from auditor.state.past_runs import find_run
from tests.audits import audit_of, difference, profile
from tests.consent_world import World, in_memory
from tests.nothing_known import NOW


def on(platform: str | None, truth: str | None, choice: str = "platform", **more: object) -> Decision:
    given = {"key": "1", "column": "lastName", "profile_id": "p1", "about": None, "number": 7} | more
    return Decision(table="T", person="Mia", platform=platform, truth=truth, choice=choice, decided_at=NOW, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "over"),
    [
        (on("Gent", "Ghent"), False),
        (on("Gent", "Gand"), True),
        (on("Gand", "Ghent"), True),
        (on("Gent", "Gand", "refused"), True),
        (on("Gent", "Gand", lapsed=True), False),  # it is over already
        (on("a", "b", key="2"), True),  # who is the same on both sides by now
        (on("a", "b", key="missing"), False),
        (on("a", "b", key="orphan"), False),
        (on("a", "b", key="twice"), False),
        (on("a", "b", column="nothing that is compared"), False),
        (on("a", "b", "withdraw", key="2"), False),  # of a cell that need not differ
        (on("a", "b", "grounds", key="2", about=About("without_evidence", "form", None)), False),
        (on("", None, key="empty"), False),
    ],
)
def test_what_a_change_of_values_outlives(one: Decision, over: bool) -> None:
    differing = [
        difference("1", "lastName", "Gent", "Ghent"),
        difference("1", "firstName", "a", "b"),
        difference("empty", "lastName", None, ""),
    ]
    apart = {"missing": Status.MISSING, "orphan": Status.ORPHAN, "twice": Status.DUPLICATE}
    audit = audit_of(differences=differing, profiles=[profile(key, status) for key, status in apart.items()])
    assert outlived([one], audit) == ([7] if over else [])


def test_a_decision_does_not_come_back_with_the_values_it_was_made_on(tmp_path: Path) -> None:
    world = World(tmp_path, 5, 1)
    world.all_say_yes()
    one = world.people[0]
    with in_memory(world):
        here = world.platform.profiles[one.profile_id or ""]

        def told(city: str, *, days: int) -> tuple[str | None, bool | None]:
            here["city"] = city
            world.now += timedelta(days=days)
            world.run()
            _, needed = up_to_date(world.settings, find_run(world.settings), world.now)
            [cell] = needed.filter(key=one.key, column="city").to_dicts() or [{"holds": None, "chosen": ""}]
            return cell["chosen"], cell["holds"]

        def decided(at: datetime) -> None:
            with Ledger(world.settings.state_folder) as ledger:
                of = "Customers", "Mia", one.key, "city", "Gant", "Gent", "ignore", at, one.profile_id, None
                ledger.decide([Decision(*of)], at)

        assert told("Gant", days=1) == (None, None)
        decided(world.now)
        assert told("Gant", days=1) == ("ignore", True)
        assert told("Brugge", days=1) == ("ignore", False)
        assert told("Gant", days=1) == ("ignore", False), "it was made on what stood there before"
        decided(world.now)
        assert told("Gant", days=1) == ("ignore", True)
        assert told("Gent", days=1) == ("", None), "the same on both sides"
        assert told("Gant", days=1) == ("ignore", False)
