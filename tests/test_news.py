"""Neither a decision nor an undo stands against what a permission said after it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from auditor.commands.plan import plan
from auditor.commands.undo import undo
from auditor.commands.wrong_opt_out import WrongOptOut
from auditor.errors import SettingsError
from auditor.model import Kind, Why
from auditor.permissions import EVIDENCE, HISTORY, SAID_NO
from auditor.plan.decisions import Choice, Decision
from auditor.plan.news import asked_by_the_truth, last_news, last_opt_ins, still_undone, with_lapsed
from tests.consent_law import NEWS, Person
from tests.consent_world import World, in_memory
from tests.nothing_known import NOW

HOUR = timedelta(hours=1)
CELL = ("C1", "news")


def heard(*said: tuple[str | None, int, str, str], dated: int | None = None) -> int | None:
    """The hour of the last news: of what runs saw (or we wrote) at which hour, and of evidence of an hour."""
    rows = [(run, NOW + at * HOUR, side, *CELL, value) for run, at, side, value in said]
    history = pl.DataFrame(rows, schema=HISTORY, orient="row")
    proof = [] if dated is None else [(*CELL, NOW + dated * HOUR, "shop")]
    began = {"late": NOW + 9 * HOUR}
    found = last_news(history, began, pl.DataFrame(proof, schema=EVIDENCE, orient="row"), NOW + 20 * HOUR)
    return int((found[CELL] - NOW) / HOUR) if CELL in found else None


@pytest.mark.parametrize(
    ("said", "dated", "hour"),
    [
        ([], None, None),
        ([("a", 1, "truth", "off"), ("a", 1, "platform", "on")], None, None),  # what was first seen
        ([("a", 1, "truth", "off"), ("b", 2, "truth", "on")], None, 2),
        ([("b", 2, "truth", "on"), ("a", 1, "truth", "off"), ("c", 3, "platform", "off")], None, 2),
        ([("a", 1, "platform", "on"), ("b", 2, "platform", "off"), ("c", 5, "platform", "on")], None, 5),
        ([("a", 1, "platform", "on"), ("b", 2, "platform", "empty")], None, 2),
        ([("a", 1, "platform", "off"), (None, 2, "platform", "on"), ("c", 3, "platform", "on")], None, None),  # ours
        ([("a", 1, "platform", "off"), (None, 2, "platform", "on"), ("c", 3, "platform", "off")], None, 3),
        ([("a", 1, "truth", "off"), ("late", 2, "truth", "on")], None, 9),  # of an export that is older than its run
        ([("a", 1, "other", "off"), ("b", 2, "other", "on")], None, None),
        ([], 4, 4),
        ([("a", 1, "truth", "off"), ("b", 5, "truth", "on")], 4, 5),
        ([], 21, None),  # which is still to come
    ],
)
def test_what_is_news(said: list[tuple[str | None, int, str, str]], dated: int | None, hour: int | None) -> None:
    assert heard(*said, dated=dated) == hour


@pytest.mark.parametrize(
    ("said", "hour"),
    [
        ([], None),
        ([(1, "platform", "on")], None),
        ([(1, "platform", "off"), (3, "platform", "on")], 3),
        ([(3, "platform", "on"), (1, "platform", "empty"), (4, "platform", "on")], 3),
        ([(1, "platform", "off"), (3, "platform", "on"), (5, "platform", "off")], None),
        ([(1, "platform", "off"), (3, "truth", "on"), (4, "other", "on")], None),
    ],
)
def test_when_somebody_said_yes_again(said: list[tuple[int, str, str]], hour: int | None) -> None:
    rows = [("run", NOW + at * HOUR, side, *CELL, value) for at, side, value in said]
    found = last_opt_ins(pl.DataFrame(rows, schema=HISTORY, orient="row"), {CELL})
    assert found == ({} if hour is None else {CELL: NOW + hour * HOUR})


@pytest.mark.parametrize("choice", list(Choice))
def test_what_was_decided_or_taken_back_before_the_news_is_over(choice: Choice) -> None:
    made = [Decision(*CELL, "true", "false", choice, "Mia", made=NOW + at * HOUR) for at in (1, 2, 3)]
    made += [Decision("C2", "news", "true", "false", choice, "Mia", made=NOW)]
    made += [Decision(*CELL, "true", "false", choice, "Mia"), Decision(*CELL, "true", "false", choice, "", lapsed=True)]
    told = with_lapsed(made, {CELL: NOW + 2 * HOUR})
    assert [one.holds("true", "false") for one in told] == [False, True, True, True, True, False]
    undone = pl.DataFrame([(*CELL, one.made) for one in made[:3]], schema=("key", "column", "undone_at"), orient="row")
    assert still_undone(undone, {CELL: NOW + 2 * HOUR})["undone_at"].to_list() == [NOW + 2 * HOUR, NOW + 3 * HOUR]
    assert still_undone(undone, {}).height == 3


def test_a_new_opt_out_is_written_and_an_opt_in_is_not_on_evidence_that_nobody_saw(tmp_path: Path) -> None:
    """Whoever decided for the platform, left both as they are, or said that our opt-out was an error; and whoever
    decided for an opt-in that the truth has taken back since.
    """
    world = World(tmp_path, 4, 1)
    world.all_say_yes()
    stays, left, wronged, asked = world.people

    def truth(permitted: bool, *people: Person) -> None:
        world.now += timedelta(hours=1)
        for one in people:
            world.truth_says(one, NEWS, permitted, world.now)
        world.now += timedelta(minutes=1)
        world.run()

    def decided(by: str, choice: Choice, one: Person) -> None:
        world.decide(by, [(line, {"choice": choice}) for line in world.differing() if line[:2] == (one.key, NEWS)])

    def writes() -> set[tuple[str, Kind, str | None]]:
        world.now += timedelta(minutes=1)
        return {
            (write.key, write.kind, write.decided_by)
            for made in plan(world.settings, now=world.now)
            for write in made.plan.writes
        }

    with in_memory(world):
        world.platform_says(asked, **{NEWS: "false"})
        world.run()
        truth(True, asked)
        truth(False, stays, left, wronged)
        decided("Mia", Choice.PLATFORM, stays)
        decided("Mia", Choice.IGNORE, left)
        decided("Mia", Choice.TRUTH, asked)
        [withdrawn] = world.plan(only=[wronged.key], route="single")
        world.apply(withdrawn)
        world.give_back(withdrawn, wronged, wronged.key, NEWS, "Mia")
        world.run()
        assert writes() == {(asked.key, Kind.SUBSCRIBE, "Mia")}, "what was said stands while nothing is heard"

        truth(True, stays, left, wronged)
        truth(False, asked)
        world.now += timedelta(days=30)
        truth(True, asked)
        truth(False, stays, left, wronged)
        assert writes() == {(one.key, Kind.UNSUBSCRIBE, None) for one in (stays, left, wronged)}
        [line] = [
            left for made in plan(world.settings, now=world.now) for left in made.plan.left if left.key == asked.key
        ]
        assert line.why == Why.FOR_THE_TRUTH


def test_a_no_of_before_a_decision_is_new_where_whoever_decided_had_not_seen_it(tmp_path: Path) -> None:
    """A truth of this morning: what was said since then is in it tomorrow, and somebody decides in the afternoon. Nor
    had they seen what was dated back later, nor does it matter when their file is taken. What they saw is decided.
    """
    world = World(tmp_path, 6, 1)
    world.all_say_yes()
    stays, back, wronged, seen, asked, late = world.people

    def planned() -> set[tuple[str, Kind]]:
        world.now += timedelta(minutes=1)
        return {(one.key, one.kind) for made in plan(world.settings, now=world.now) for one in made.plan.writes}

    def decided(*choices: tuple[Person, Choice]) -> None:
        chosen = {one.key: {"choice": choice.value} for one, choice in choices}
        world.decide("Mia", [(line, chosen[line[0]]) for line in world.differing() if line[0] in chosen])

    with in_memory(world):
        world.run()
        world.platform_says(asked, **{NEWS: "false"})
        world.now += timedelta(hours=1)
        for one in (stays, back, seen, wronged, late):
            world.truth_says(one, NEWS, False, world.now - timedelta(days=9))
        world.truth_says(asked, NEWS, True, world.now)
        world.run()
        first = world.newest
        world.now += timedelta(hours=2)
        for one in (stays, asked, wronged, late):
            world.truth_says(one, NEWS, one is asked, world.now)
        world.now += timedelta(hours=2)
        decided((late, Choice.PLATFORM))
        path, told = world.inbox.popitem()
        path = path.rename(tmp_path / path.name)
        decided((stays, Choice.PLATFORM), (back, Choice.IGNORE), (seen, Choice.PLATFORM), (asked, Choice.TRUTH))
        [withdrawn] = world.plan(only=[wronged.key], route="single")
        world.apply(withdrawn)
        world.give_back(withdrawn, wronged, wronged.key, NEWS, "Mia")
        world.now += timedelta(days=1)
        world.truth_says(back, NEWS, False, world.now - timedelta(days=5))
        world.run()
        world.inbox[path.rename(tmp_path / "decisions" / path.name)] = told
        opt_outs = {(one.key, Kind.UNSUBSCRIBE) for one in (stays, back, wronged, late)}
        assert planned() == opt_outs
        (first / "evidence.parquet").unlink()
        world.run()
        assert planned() >= opt_outs - {(late.key, Kind.UNSUBSCRIBE)}, "what is over does not come back"
        decided(*((one, Choice.PLATFORM) for one in world.people))
        world.now += timedelta(days=1)
        world.run()
        assert planned() == set(), "who has seen it has decided on it"


ON = (("a", 1, "platform", "on"), ("a", 1, "truth", "on"))
ASKED = (*ON, ("b", 2, "truth", "off"), ("c", 3, "platform", "off"))


@pytest.mark.parametrize(
    ("said", "spoken", "asked"),
    [
        (ASKED, False, True),
        (ASKED, True, False),
        ((*ASKED, ("d", 4, "truth", "on")), False, True),
        (
            (*ON, ("b", 2, "truth", "off"), ("b", 3, "platform", "off")),
            False,
            False,
        ),  # both at once, as far as is known
        ((*ON, ("b", 2, "truth", "off"), ("c", 3, "truth", "on"), ("d", 4, "platform", "off")), False, False),
        ((*ON, ("b", 2, "platform", "off"), ("c", 3, "truth", "off")), False, False),
        ((*ASKED, ("d", 4, "platform", "on"), ("e", 5, "platform", "off")), False, False),
        ((*ASKED, ("d", 4, "platform", "on")), False, False),
    ],
)
def test_what_went_off_because_the_truth_asked_for_it(
    said: Sequence[tuple[str, int, str, str]], spoken: bool, asked: bool
) -> None:
    rows = [(run, NOW + at * HOUR, side, *CELL, value) for run, at, side, value in said]
    no = pl.DataFrame([(CELL[0], NOW)] if spoken else [], schema=SAID_NO, orient="row")
    found = asked_by_the_truth(pl.DataFrame(rows, schema=HISTORY, orient="row"), {CELL}, no)
    assert found == ({CELL: (NOW + 2 * HOUR, "c")} if asked else {})


def test_who_was_withdrawn_by_a_file_for_others_is_told_to_nobody_as_an_opt_out_of_theirs(tmp_path: Path) -> None:
    world = World(tmp_path, 4, 1)
    world.all_say_yes()
    by_file, own, both = world.people[:3]
    with in_memory(world):
        world.run()
        world.now += timedelta(days=1)
        for one in (by_file, both):
            world.truth_says(one, NEWS, False, world.now)
        world.run()
        world.plan_for_others(route="bulk", only=[by_file.key])
        for one in (by_file, own, both):  # somebody imports what was planned; the others opt out
            world.platform_says(one, **{NEWS: "false"})
        world.now += timedelta(hours=1)
        world.run()
        world.now += timedelta(days=1)
        for one in (by_file, both):
            world.truth_says(one, NEWS, True, world.now)
        world.run()
        told = (world.newest / "for-the-truth.csv").read_text("utf-8").splitlines()[1:]
        assert {tuple(line.split(";")[::4]) for line in told} == {
            (by_file.key, "withdrawn_as_the_truth_said"),
            (own.key, "opted_out_on_platform"),
            (both.key, "opted_out_on_platform"),
        }
        [made] = world.settings.runs_folder.glob("*/plan-*.json")
        with pytest.raises(SettingsError, match="for somebody else to import: the record does not tell"):
            undo(world.settings, made, now=world.now, wrong=WrongOptOut(by_file.key, "Mia"))
        for here, there in ((True, True), (True, False), (False, False), (False, True)):  # once more, without a file
            world.now += timedelta(days=1)
            world.platform_says(by_file, **{NEWS: str(here).lower()})
            world.truth_says(by_file, NEWS, there, world.now)
            world.run()
        told = (world.newest / "for-the-truth.csv").read_text("utf-8").splitlines()
        assert f"{by_file.key};{NEWS};false;true;opted_out_on_platform" in told


def test_a_new_no_is_written_after_an_opt_out_that_was_given_back_and_after_a_yes_on_the_platform(
    tmp_path: Path,
) -> None:
    """The truth says no as before, of a later day: as one who never said anything has said no. Where it is of an
    earlier day than the yes, it is nothing new.
    """
    world = World(tmp_path, 5, 1)
    world.all_say_yes()
    wronged, agreed, edited, old, back = world.people

    def no(*people: Person) -> None:
        world.now += timedelta(days=1)
        for one in people:
            world.truth_says(one, NEWS, False, world.now)
        world.now += timedelta(minutes=1)

    def planned() -> dict[str, Kind]:
        world.now += timedelta(minutes=1)
        return {one.key: one.kind for made in plan(world.settings, now=world.now) for one in made.plan.writes}

    with in_memory(world):
        world.run()
        no(*world.people)
        world.run()
        for one in world.people:
            [made] = world.plan(only=[one.key], route="single")
            assert world.apply(made) == {"landed"}
            if one in (wronged, back):
                world.give_back(made, one, one.key, NEWS, "Mia")
        world.now += timedelta(minutes=1)
        world.run()
        world.now += timedelta(days=1)
        for one in (agreed, edited, old):
            world.platform_says(one, **{NEWS: "true"})
        world.run()
        assert planned() == {}, "what was given back stays so, and a yes is not overruled, while nothing is heard"
        no(wronged, agreed, edited)
        world.platform_says(edited, city="Gent")
        world.run()
        assert planned() == dict.fromkeys((wronged.key, agreed.key, edited.key), Kind.UNSUBSCRIBE)
        told = (world.newest / "for-the-truth.csv").read_text("utf-8")
        assert [line for line in told.splitlines() if "opted_in_on_platform" in line] == [
            f"{old.key};{NEWS};true;false;opted_in_on_platform"
        ]
