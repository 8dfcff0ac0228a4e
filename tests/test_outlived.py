"""Decisions and undos hold until one of the two values changes: they do not come back with them."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from auditor.commands import run as pipeline
from auditor.commands.known import up_to_date
from auditor.commands.outlived import Held, moved_on, outlived, touched
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import PROFILE, About, Decision
from auditor.state.past_runs import find_run
from tests.audits import audit_of, difference
from tests.consent_world import World, in_memory
from tests.nothing_known import NOW

NEWS = "subscriptions#Newsletter"


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
        (on("a", "b", key="2", profile_id="p2"), True),  # who is the same on both sides by now
        (
            on("c", "d", key="2", profile_id="p2"),
            False,
        ),  # that is the same by another rule now, though nothing has changed
        (on("a", "b", key="not compared", profile_id="p9"), False),
        (on("a", "b", key="3", profile_id="p2"), True),  # under another key
        (on("a", "b", key="2", profile_id="somebody else"), False),
        (on("a", "b", column="nothing that is compared"), False),
        (on("a", "b", "withdraw", key="2", profile_id="p2"), False),  # of a cell that need not differ
        (on("a", "b", "grounds", key="2", profile_id="p2", about=About("without_evidence", "form", None)), False),
        (on("", None, key="empty"), False),
        (on(None, None, "truth", column=PROFILE, key="2", profile_id="who was to be created"), True),
        (on(None, None, "truth", column=PROFILE, key="missing", profile_id="who is to be created"), False),
        (on(None, None, "refused", column=PROFILE, key="2", profile_id="p2"), False),  # that ends with its row
    ],
)
def test_what_a_change_of_values_outlives(one: Decision, over: bool) -> None:
    differing = [
        difference("1", "lastName", "Gent", "Ghent"),
        difference("1", "firstName", "a", "b"),
        difference("empty", "lastName", None, ""),
    ]
    compared = [Held("1", "p1", {"lastName": ("Gent", "Ghent")}), Held("2", "p2", {"lastName": ("c", "d")})]
    assert outlived([one], audit_of(differences=differing), lambda _: compared) == ([7] if over else [])


@pytest.mark.parametrize(
    ("one", "over"),
    [
        ({}, False),
        ({"restored": "Gand"}, True),
        ({"withdrawn": "Gent"}, True),
        ({"restored": "Gand", "effective_at": NOW + timedelta(days=9)}, False),  # which no export shows yet
        ({"restored": "Gand", "column": None}, False),  # a creation
        ({"restored": "true", "column": NEWS}, False),  # whose history tells when it was
        ({"key": "2", "profile_id": "p2"}, True),  # who is the same on both sides by now
        ({"key": "not compared", "profile_id": "p9"}, False),
        ({"key": "3", "restored": "", "withdrawn": None}, False),
        (
            {"column": "segmentations#ClientTier", "restored": "true", "withdrawn": "false"},
            False,
        ),  # spelt as it is written
        ({"column": "segmentations#ClientTier", "restored": "false", "withdrawn": "true"}, True),
    ],
)
def test_what_was_taken_back_is_over_once_a_run_has_found_another_value(one: dict[str, Any], over: bool) -> None:
    differing = [
        difference("1", "lastName", "Gent", "Ghent"),
        difference("1", NEWS, "false", "true"),
        difference("1", "segmentations#ClientTier", "1", None),
        difference("3", "lastName", None, ""),
    ]
    usual = {"key": "1", "profile_id": "p1", "column": "lastName", "restored": "Gent", "withdrawn": "Ghent"}
    back = pl.DataFrame([{**usual, "effective_at": NOW - timedelta(days=9), "number": 7} | one])
    compared = [Held("2", "p2", {"lastName": ("c", "c")})]
    audit = audit_of(differences=differing)
    assert moved_on(back, audit, lambda _: compared) == ([7] if over else [])
    says_so = "withdrawn" in one and "key" not in one and "restored" not in one
    assert touched(back, audit, lambda _: compared) == ([7] if over and not says_so else []), "on the platform alone"


def test_a_decision_stands_where_an_older_file_or_a_run_without_the_person_lies_between(tmp_path: Path) -> None:
    world = World(tmp_path, 5, 1)
    world.all_say_yes()
    one = world.people[0]
    contract = tmp_path / "expectations/Customers/contract.toml"
    everybody = contract.read_text()
    with in_memory(world):
        world.run()
        world.now += timedelta(days=1)
        assert one.row is not None
        one.row |= {"city": "Ghent", "modified_at": world.stamp(world.now)}
        world.run()
        [line] = [line for line in world.differing() if line[:2] == (one.key, "city")]
        world.decide("Mia", [(line, {"choice": "platform"})])
        world.plan()

        def told() -> list[tuple[str | None, bool | None]]:
            _, needed = up_to_date(world.settings, find_run(world.settings), world.now)
            return needed.filter(key=one.key, column="city").select("chosen", "holds").rows()

        oldest = min((tmp_path / "crm").glob("*.csv"))
        for truth in (str(oldest), None):
            world.now += timedelta(hours=1)
            pipeline.run(world.settings, pipeline.Request(truth=truth), now=world.now, tell=lambda _: None)
        assert told() == [("platform", True)]
        others = everybody.replace(
            "timezone =", f"population = {{ platform = \"customerId <> '{one.key}'\" }}\ntimezone =", 1
        )
        for text in (others, everybody):
            contract.write_text(text)
            world.now += timedelta(hours=1)
            world.run()
        assert told() == [("platform", True)]


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


def test_what_was_taken_back_does_not_come_back_with_the_values_of_then(tmp_path: Path) -> None:
    """It is counted apart until a run has found something else; after that it is a difference like any other."""
    world = World(tmp_path, 5, 1)
    world.all_say_yes()
    one = world.people[0]
    with in_memory(world):
        world.run()
        here, row = world.platform.profiles[one.profile_id or ""], one.row
        assert row is not None

        def told(city: str, truth: str) -> tuple[int, str | None]:
            """How many were taken back by the run's count, and why the cell is left alone."""
            here["city"], row["city"] = city, truth
            world.now += timedelta(days=1)
            row["modified_at"] = world.stamp(world.now)
            world.run()
            audit, needed = up_to_date(world.settings, find_run(world.settings), world.now)
            with Ledger(world.settings.state_folder, reading=True) as ledger:
                assert ledger.runs("Customers", 1)[0].counts["undone"] == audit.counts.undone
            assert audit.counts.not_agreeing == (city != truth)
            return audit.counts.undone, next(iter(needed.filter(key=one.key, column="city")["why"]), "agrees")

        before = here["city"]
        assert before is not None
        assert told(before, "Ghent") == (0, None)
        [made] = world.plan()
        assert world.apply(made) == {"landed"}
        assert world.apply(world.undo(made)) == {"landed"}
        assert told(before, "Ghent") == (1, "undone")
        assert told(before, "Ghent") == (1, "undone")
        assert told(before, "Gand") == (0, None)
        assert told(before, "Ghent") == (0, None), "said anew"
        assert told(before, before) == (0, "agrees")
