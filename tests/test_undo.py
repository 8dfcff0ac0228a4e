"""Taking back what a plan wrote, from the ledger alone: after a kill, by halves, and never a permission too many."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from auditor.actito import MaybeSent
from auditor.apply.outcomes import taken_back
from auditor.apply.undo import Audited, irrevocable, require_ended, single, undo_plan, undoing
from auditor.apply.untouched import as_left
from auditor.cli.planned import print_applied
from auditor.cli.show import _writes
from auditor.commands.seen_since import Spot, holding_another
from auditor.commands.wrong_opt_out import opted_out_otherwise, require_restorable
from auditor.engine.duckdb import DuckDB
from auditor.equality.primitives import FUNCTIONS
from auditor.errors import Exit, GuardRefused, TryLater
from auditor.findings.english.since_sentences import drift_report
from auditor.findings.since import Place, Since
from auditor.model import Attribute, AttributeType, Kind, Refusal, Segmentation, Structure
from auditor.permissions import HISTORY
from auditor.plan.drift import Later, of_ledger
from auditor.plan.review import Kept, Review
from auditor.report.plan_text import left_by_reason
from auditor.settings.contract import Column, Compare, Contract, Polarity
from auditor.state.ledger.records import Around
from auditor.validate.conditions import refusals
from auditor.writes import Cell, Plan
from tests.test_apply import (
    NEWS,
    NOON,
    Crash,
    Platform,
    World,
    batch,
    city,
    creation,
    everything,
    opt_out,
    outcomes,
    people,
    plan_of,
    raising,
    told,
)
from tests.test_plan_read import REVIEW

AUDITED = Audited("acme", ("customerId",), (), 8, "")


def settle_imports(world: World) -> None:
    """What the platform has begun it ends, whoever asks or not."""
    world.platform.crash_at = None
    for execution_id, (left, *_) in list(world.platform.executions.items()):
        for _ in range(left + 1):
            world.platform.execution(execution_id)


def lines_by_name(review: Review) -> list[str]:
    """What the text of a plan says of what it leaves alone by name."""
    return list(left_by_reason(review, ""))


def without_moments(platform: Platform) -> dict[str, dict[str, str | None]]:
    return {
        number: {name: value for name, value in values.items() if name != "updateMoment"}
        for number, values in platform.profiles.items()
    }


def at(world: World) -> Platform:
    """The platform tells when a profile was last changed, by the clock of this world."""
    world.platform.clock = lambda: world.now
    return world.platform


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, Platform(people(8)))


def test_after_a_kill_at_any_point_everything_is_taken_back(tmp_path: Path) -> None:
    """Every call to the platform and every look at the clock is a point to be killed at; no outcome file is there.

    What stays is listed: one opt-out and one deletion, where they had happened.
    """
    killed, waited = 0, 0
    whole = World(tmp_path / "whole", Platform(people(8)))
    whole.apply(everything())
    for point in range(whole.platform.points):
        world = World(tmp_path / str(point), Platform(people(8), crash_at=point))
        at(world)
        with pytest.raises(Crash):
            world.apply(everything())
        with world.ledger() as ledger:
            effects = ledger.effects(everything().sha)
            if any(left >= 0 for left, *_ in world.platform.executions.values()):
                with pytest.raises(TryLater, match="may still be carried out"):
                    require_ended(effects, world.now)
                waited += 1
        settle_imports(world)
        world.now += timedelta(hours=2)
        require_ended(effects, world.now)
        undo = world.undo(everything(), delete_created=True, made=everything())
        applied = world.apply(undo)
        assert applied.left == 0, f"killed at {point}: {told(applied, 'key', 'column', 'outcome', 'detail')}"
        now = without_moments(world.platform)
        before = people(8)
        left = {(one.key, one.column, one.why) for one in undo.left}
        if now.get("4", {}).get(NEWS) == "false":
            assert ("C4", NEWS, "permission") in left
            before["4"][NEWS] = "false"
        if "8" not in now:
            assert ("C8", None, "deleted") in left
            del before["8"]
        assert now == before, f"killed at {point}"
        killed += 1
    assert killed > 30
    assert waited > 0, "no kill left an import under way"


def test_what_was_edited_meanwhile_stays_and_is_told(world: World) -> None:
    plan = plan_of(city(1), city(2), city(3))
    world.apply(plan)
    world.platform.profiles["1"]["city"] = "Brugge"
    world.platform.profiles["2"]["city"] = "GHENT"
    applied = world.apply(world.undo(plan))
    assert told(applied, "key", "outcome", "found") == [
        ("C3", "landed", None),
        ("C2", "changed", "GHENT"),
        ("C1", "changed", "Brugge"),
    ]
    assert [world.platform.profiles[number]["city"] for number in "123"] == ["Brugge", "GHENT", "Gent"]


def test_what_is_erased_from_the_record_is_listed_cell_by_cell(world: World) -> None:
    plan = plan_of(city(1), city(2))
    world.apply(plan)
    with world.ledger() as ledger:
        record, effects = ledger.plan(plan.sha), ledger.effects(plan.sha)
    assert record is not None
    gone = replace(effects[0], key=None, profile_id=None, before=None, after=None)
    undo = undo_plan(record, (gone, effects[1]), AUDITED, NOON, permissions=[NEWS])
    assert [write.key for write in undo.writes] == ["C2"]
    assert [(one.column, one.why) for one in undo.left] == [("city", "erased")]


def test_who_has_another_key_by_now_is_found_under_it(world: World) -> None:
    plan = plan_of(city(1), city(2))
    world.apply(plan)
    world.platform.profiles["1"]["customerId"] = "X1"
    with world.ledger() as ledger:
        ledger.rekey("Customers", {"C1": "X1"}, "rekey", NOON)
    assert told(world.apply(world.undo(plan)), "key", "outcome") == [("C2", "landed"), ("X1", "landed")]


def test_a_creation_is_deleted_only_where_nobody_has_touched_it(world: World) -> None:
    plan = plan_of(creation(9), creation(10), creation(11), purpose="create")
    platform = at(world)
    world.apply(plan)
    world.now += timedelta(hours=1)
    touched, silent = "1008", "1010"
    platform._set(touched, {"note": "a friend of the house"})
    platform.profiles[silent].pop("updateMoment")
    undo = world.undo(plan, delete_created=True)
    assert told(world.apply(undo), "key", "outcome", "detail") == [
        ("C11", "changed", "untold"),
        ("C10", "landed", None),
        ("C9", "changed", "touched"),
    ], "of whom the platform does not say when they were changed, nobody can tell"
    assert platform.profiles.keys() == {*people(8), touched, silent}


def test_without_the_plan_nobody_is_deleted_whose_creation_is_not_confirmed(world: World) -> None:
    world.platform.faults["create", "before"] = raising(MaybeSent("a creation"))
    plan = plan_of(creation(9), creation(10), purpose="create")
    assert outcomes(world.apply(plan)) == ["unknown", "landed"]
    assert [write.key for write in world.undo(plan, delete_created=True).writes] == ["C10"]
    assert [write.key for write in world.undo(plan, delete_created=True, made=plan).writes] == ["C10", "C9"]


def test_what_was_found_restored_counts_as_undone(world: World) -> None:
    """By a write that did nothing, or by somebody who was quicker."""
    world.platform.faults["update", "before"] = raising(MaybeSent("a change"))
    plan = plan_of(city(1), city(2))
    assert outcomes(world.apply(plan)) == ["unknown", "landed"]
    world.platform.profiles["2"]["city"] = "Gent"
    assert told(world.apply(world.undo(plan)), "outcome", "detail") == [("landed", "already")] * 2
    with world.ledger() as ledger:
        undone = ledger.undone("Customers").select("key", "column", "withdrawn", "restored").rows()
        ours = ledger.undone("Customers", sent=True)
    assert undone == [("C2", "city", "Ghent", "Gent"), ("C1", "city", "Ghent", "Gent")]
    assert ours.is_empty(), "and what is there is none of our work"
    world.apply(plan_of(city(1), run="another"))
    with world.ledger() as ledger:
        assert ledger.undone("Customers")["key"].to_list() == ["C2"], "written again since"


def test_what_was_taken_back_is_not_taken_back_again_until_it_stands_again(world: World) -> None:
    def undo(of: Plan) -> Plan:
        with world.ledger() as ledger:
            again = ledger.taken_back("Customers", of.sha)
        return world.undo(of, again=again)

    plan = plan_of(city(1), city(2), city(3))
    world.apply(plan)
    world.platform.profiles["1"]["city"] = "Gent"
    world.platform.profiles["2"]["city"] = "Brugge"
    first = undo(plan)
    assert told(world.apply(first), "key", "outcome", "detail") == [
        ("C3", "landed", None),
        ("C2", "changed", None),
        ("C1", "landed", "already"),
    ]
    again = undo(plan)
    assert [write.key for write in again.writes] == ["C2"], "which nothing has read as it was"
    assert {(one.key, one.why) for one in again.left} == {("C3", "undone"), ("C1", "undone")}
    world.apply(undo(first))
    assert {write.key for write in undo(plan).writes} == {"C2", "C3"}, "the undo of one was undone"


def test_what_nobody_had_to_send_is_not_told_as_ours(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    plan = plan_of(city(1), city(2))
    world.apply(plan)
    world.platform.profiles["2"]["city"] = "Gent"
    applied = world.apply(world.undo(plan))
    print_applied(applied, REVIEW.say)
    assert [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()] == [
        "done and read back 1",
        "was so already: nothing was sent 1",
    ]
    with world.ledger() as ledger:
        story: Any = SimpleNamespace(writes=ledger.writes_of("Customers", "C2", None), says=lambda column, text: None)
    first, second = _writes(story)
    assert "city Gent → Ghent: done and read back" in first
    assert "city Ghent → Gent: was so already: nothing was sent" in second


def test_what_changed_meanwhile_is_told_with_both_values(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.platform.profiles["1"]["city"] = "Brugge"
    world.platform.profiles["2"]["city"] = None
    world.platform.profiles["3"]["customerId"] = "C33"
    print_applied(world.apply(plan_of(city(1), city(2), city(3))), REVIEW.say)
    told = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert [line for line in told if "when audited" in line] == [
        'C1 city: "Gent" when audited, "Brugge" now',
        'C2 city: "Gent" when audited, empty now',
    ], "of whom the key changed nothing else is known"


def test_a_plan_that_was_taken_back_says_so_when_it_is_applied_again(world: World) -> None:
    """As a plan of the same cells does that was never applied: they are skipped with the reason, and it exits 4."""
    plan = plan_of(city(1), city(2))
    done = world.apply(plan)
    world.platform.profiles["2"]["city"] = "Brugge"
    world.apply(world.undo(plan))

    def back(**now: str) -> dict[Place, str]:
        with world.ledger() as ledger:
            return taken_back(ledger.effects(plan.sha), ledger.taken_back("Customers", plan.sha), now)

    again = done.but(back())
    assert told(again, "key", "outcome", "detail") == [("C1", "skipped", "undone_since"), ("C2", "landed", None)]
    assert (done.exit_code, again.exit_code, again.left) == (Exit.FINE, Exit.WRITES_LEFT, 1)
    assert [line for _, line in drift_report(again.drift, REVIEW.say)][
        -1
    ] == "1 × written once and taken back: C1 (city)"
    assert done.but({}) is done
    [one] = [write for write in plan.writes if write.key == "C1"]
    assert back(**{one.profile_id or "": "C9"}) == {(0, "city"): "C9"}, "as the newest run calls them"
    with world.ledger() as ledger:
        ledger.rekey("Customers", {"C1": "C8"}, "renamed", NOON)
    again = done.but(back())
    assert told(again, "key", "outcome", "detail") == [("C1", "skipped", "undone_since"), ("C2", "landed", None)]
    assert again.drift.spots(Since.UNDONE) == [("C8", "city")], "who has the key C1 by now may be somebody else"


def test_what_a_run_saw_changed_since_is_left_and_named_with_what_it_is(world: World) -> None:
    """A customer who switched off what we had switched on, a marketer's edit; not what is spelt otherwise alone."""
    edit = city(2)
    given = replace(opt_out(1), kind=Kind.SUBSCRIBE, cells=(Cell(NEWS, "false", "true"),))
    world.platform.profiles["1"][NEWS] = "false"
    plan = plan_of(given, edit, city(3), city(4))
    world.apply(plan)
    with world.ledger() as ledger:
        effects = ledger.effects(plan.sha)
    seen: dict[Spot, str | None] = {
        ("C1", NEWS): "false",
        ("C2", "city"): "Brugge",
        ("C3", "city"): "GHENT",
        ("C4", "note"): "new",
    }

    def same(_: str, a: str | None, b: str | None) -> bool:
        return (a or "").lower() == (b or "").lower()

    assert holding_another(effects, seen, NOON - timedelta(hours=1), same) == set(), "an export from before we wrote"
    touched = holding_another(effects, seen, world.now, same)
    assert touched == {("C1", NEWS), ("C2", "city")}
    back = world.undo(plan, touched=touched)
    assert [write.key for write in back.writes] == ["C4", "C3"]
    polarities = {NEWS: Polarity.OPT_IN}
    beside = replace(REVIEW.beside, now=seen, permissions=polarities)
    told = " ".join(" ".join(lines_by_name(replace(REVIEW, plan=back, beside=beside))).split())
    assert told.count("changed since we wrote it") == 1, "once, and under it what is there"
    assert "2 changed since we wrote it" in told
    assert 'C2 city: "Brugge"' in told
    assert f'C1 {NEWS}: "false" (may not be contacted)' in told


# The one permission that goes up


def given_back(world: World, plan: Plan, by: str = "An") -> Plan:
    with world.ledger() as ledger:
        [effect] = ledger.effects(plan.sha)
        record = ledger.plan(plan.sha)
    assert record is not None
    write = single(effect, Kind.SUBSCRIBE, [Cell(NEWS, effect.after, effect.before)], by=by)
    return undoing(record, AUDITED, NOON, [write], [])


@pytest.mark.parametrize(
    ("minutes", "edit", "outcome"),
    [
        (60, {}, ("landed", None)),
        (60, {"city": "Brugge"}, ("changed", "touched")),
        (1, {"city": "Brugge"}, ("changed", "touched")),
        (1, {NEWS: "false"}, ("changed", "touched")),
        (60, {NEWS: "false"}, ("changed", "touched")),
    ],
    ids=["untouched", "edited", "edited at once", "said no at once", "said no again"],
)
def test_a_wrong_opt_out_is_given_back_on_an_untouched_profile(
    world: World, minutes: int, edit: dict[str, str | None], outcome: tuple[str, str | None]
) -> None:
    """However soon somebody has edited it: no clock is asked, but the platform's moment that was read back."""
    platform, plan = at(world), plan_of(opt_out(4))
    world.apply(plan)
    assert world.undo(plan).writes == (), "never by itself"
    world.now += timedelta(minutes=minutes)
    if edit:
        platform._set("4", edit)
    assert told(world.apply(given_back(world, plan)), "outcome", "detail") == [outcome]
    assert platform.profiles["4"][NEWS] == ("true" if outcome[0] == "landed" else "false")


def test_a_wrong_opt_out_whose_moment_was_not_read_back_is_not_given_back(world: World) -> None:
    """Of a file nobody read it, and who said no a minute later looks the same."""
    platform = at(world)
    plan = plan_of(*batch(2, 3, 4, make=opt_out))
    world.apply(plan)
    with world.ledger() as ledger:
        record, effects = ledger.plan(plan.sha), ledger.effects(plan.sha)
    assert record is not None
    undos = [
        undoing(record, AUDITED, NOON, [single(one, Kind.SUBSCRIBE, [Cell(NEWS, one.after, one.before)], by="An")], [])
        for one in effects
    ]
    assert [told(world.apply(undo), "key", "outcome", "detail") for undo in undos] == [
        [("C2", "landed", None)],  # the canary went alone
        [("C3", "changed", "untold")],
        [("C4", "changed", "untold")],
    ]
    assert [platform.profiles[number][NEWS] for number in "234"] == ["true", "false", "false"]


@pytest.mark.parametrize(
    ("read", "untouched"),
    [
        ([("08", "09")], True),
        ([(None, "09")], True),
        ([("08", "09")] * 2, True),
        ([("07", "08"), ("08", "09")], True),
        ([("06", "07"), ("06", "07"), ("07", "09")], True),
        ([("06", "07"), ("08", "09")], False),
        ([("08", "10")], False),
        ([("08", "09"), ("09", "10")], False),
        ([("08", None), (None, "09")], False),
    ],
)
def test_nobody_has_come_between_two_writes(read: list[tuple[str | None, str | None]], untouched: bool) -> None:
    assert as_left([Around(*one) for one in read], "09") is untouched


@pytest.mark.parametrize("what", ["never sent", "another value", "an update beside it"])
def test_an_undo_gives_back_nothing_but_what_was_withdrawn(world: World, what: str) -> None:
    """Whoever made it: a plan that says undo is believed no more than any other."""
    plan = plan_of(opt_out(4))
    world.apply(plan)
    undo = given_back(world, plan)
    [write] = undo.writes
    others = {
        "never sent": (replace(write, key="C5", profile_id="5"),),
        "another value": (replace(write, cells=(Cell(NEWS, "false", "TRUE"),)),),
        "an update beside it": (write, city(1)),
    }
    unasked: Any = None
    with world.ledger() as ledger, pytest.raises(GuardRefused, match="did not withdraw"):
        require_restorable(unasked, unasked, replace(undo, writes=others[what]), ledger)


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("rows", "known"),
    [
        ([], False),
        ([("truth", -1, "off")], False),
        ([("truth", -1, "off"), ("platform", 1, "off")], False),
        ([("truth", -1, "off"), ("platform", 1, "off"), ("truth", 2, "on")], False),
        ([("truth", -3, "off"), ("truth", -2, "on"), ("truth", -1, "off")], True),
        ([("truth", -1, "off"), ("truth", 1, "on"), ("truth", 2, "off")], True),
        ([("platform", -3, "off"), ("platform", -2, "on"), ("truth", -1, "off")], True),
        ([("truth", -1, "off"), ("platform", 1, "on"), ("platform", 2, "off")], True),
        ([("platform", 1, "off"), ("platform", 2, "on"), ("platform", 3, "off")], True),
    ],
)
def test_another_opt_out_of_either_side_at_any_time_is_known(rows: list[tuple[str, int, str]], known: bool) -> None:
    said = [{"side": side, "at": NOON + days * DAY, "value": value} for side, days, value in rows]
    assert opted_out_otherwise(pl.DataFrame(said, schema=HISTORY), NOON) is known


# What is said before


def test_a_plan_says_what_no_undo_brings_back() -> None:
    told = irrevocable(everything())
    assert told is not None
    assert told.parameters == {"deleted": 1, "withdrawn": 1, "created": 1}
    assert irrevocable(plan_of()) is None


def test_what_the_platform_would_refuse_to_take_back(tmp_path: Path) -> None:
    """By the rules by which a plan knows it: lists, lengths, types, addresses and numbers, and what must be there."""
    structure = Structure(
        "1",
        "Customers",
        (
            Attribute("city", mandatory=True, allowed=("Gent", "Ghent")),
            Attribute("note", min_length=2, max_length=4),
            Attribute("long"),
            Attribute("points", AttributeType.INTEGER),
            Attribute("tags", multi_valued=True, allowed=("a",)),
            Attribute("emailAddress", AttributeType.EMAIL, unique=True),
            Attribute("phone", AttributeType.PHONE),
            Attribute("birthDate", AttributeType.DATE),
            Attribute("country", AttributeType.COUNTRY),
        ),
        segmentations=(Segmentation("Tier", exclusive=True, segments=("Gold",)), Segmentation("VIP")),
        references={"country": "Countries"},
    )
    said: dict[tuple[str, str | None], str | None] = {
        ("city", "Gent"): None, ("city", "Gand"): "INVALID_VALUE", ("city", None): "MANDATORY_MISSING",
        ("city", " "): "MANDATORY_MISSING",
        ("note", None): None, ("note", " "): None, ("note", "a note"): "TOO_LONG", ("note", "x"): "TOO_SHORT",
        ("long", "x" * 255): None, ("long", "x" * 256): "TOO_LONG",
        ("points", "1234567"): None, ("points", "many"): "INVALID_VALUE", ("points", None): None,
        ("tags", "a"): None, ("tags", "a,other"): "INVALID_VALUE",
        ("emailAddress", "an@example.org"): None, ("emailAddress", "an@@example.org"): "INVALID_VALUE",
        ("phone", "+32470123456"): None, ("phone", "0470/12.34.56"): "INVALID_VALUE",
        ("birthDate", "1980-02-29"): None, ("birthDate", "29/02/1981"): "INVALID_VALUE",
        ("country", "BE"): None, ("country", "Belgium"): "INVALID_VALUE",
        ("gone", "a"): "INVALID_VALUE",
        ("segmentations#Tier", "Gold"): None, ("segmentations#Tier", "Silver"): "INVALID_VALUE",
        ("segmentations#Tier", None): None, ("segmentations#VIP", "true"): None, (NEWS, "true"): None,
    }  # fmt: skip
    kinds = {"points": Compare.NUMBER, "tags": Compare.SET, "birthDate": Compare.DATE}
    columns = tuple(
        Column(name, name, name, kinds.get(name, Compare.EXACT)) for name in dict.fromkeys(name for name, _ in said)
    )
    contract = Contract("Customers", ("customerId",), columns, ZoneInfo("Europe/Brussels"))
    with closing(DuckDB(temp=tmp_path)) as engine:
        engine.register(FUNCTIONS)
        found = refusals(engine, structure, contract, [*said, ("unmapped", "a")])
    assert {place: refusal.value for place, refusal in found.items()} == {
        place: code for place, code in said.items() if code is not None
    }


def test_an_undo_names_what_the_platform_would_refuse_and_restores_the_rest(world: World) -> None:
    """A value that was allowed when it was overwritten, and is not any more."""
    plan = plan_of(city(1), city(2))
    world.apply(plan)
    back = world.undo(plan, refused={("city", "Gent"): Refusal.INVALID})
    assert back.writes == ()
    assert [(one.key, one.column, one.why, one.refusal) for one in back.left] == [
        ("C2", "city", "blocked", "INVALID_VALUE"),
        ("C1", "city", "blocked", "INVALID_VALUE"),
    ]
    assert lines_by_name(replace(REVIEW, plan=back)) == [
        "2  Actito would refuse it",
        "  INVALID_VALUE:",
        "    city: C2, C1",
    ]


def test_an_undo_leaves_what_the_mapping_does_not_have_any_more(world: World) -> None:
    """Applying would refuse the whole of it, and say to make it again."""
    plan = plan_of(city(1), opt_out(2), replace(opt_out(3), kind=Kind.SUBSCRIBE, cells=(Cell(NEWS, "false", "true"),)))
    world.platform.profiles["3"][NEWS] = "false"
    world.apply(plan)
    back = world.undo(plan, unmapped={NEWS})
    assert [write.key for write in back.writes] == ["C1"]
    assert [(one.key, one.column, one.why) for one in back.left] == [
        ("C3", NEWS, "unmapped"),
        ("C2", NEWS, "permission"),
    ]


def test_an_undo_leaves_what_is_pinned_with_the_reason_and_takes_an_opt_in_back(world: World) -> None:
    given = replace(opt_out(3), kind=Kind.SUBSCRIBE, cells=(Cell(NEWS, "false", "true"),))
    world.platform.profiles["3"][NEWS] = "false"
    plan = plan_of(city(1), city(2), given, creation(9))
    world.apply(plan)
    pinned = {("C1", "city"), ("C2", "note"), ("C3", NEWS), ("C9", "city")}
    back = world.undo(plan, pinned=pinned, delete_created=True)
    assert [(write.kind, write.key) for write in back.writes] == [(Kind.UNSUBSCRIBE, "C3"), (Kind.UPDATE, "C2")]
    assert [(one.key, one.column, one.why) for one in back.left] == [("C9", None, "pinned"), ("C1", "city", "pinned")]
    kept: dict[tuple[str, str | None], Kept] = {("C1", "city"): Kept("Cas", "2026-12-31", "asked for", changed=False)}
    told = lines_by_name(replace(REVIEW, plan=back, beside=replace(REVIEW.beside, kept=kept)))
    assert "  C1  city: pinned by Cas until 2026-12-31: asked for" in told
    before = world.undo(plan, delete_created=True)
    left = {(number, column) for number, write in enumerate(before.writes) for column in write.followed}
    held = of_ledger(before, Later((), (), pinned), (), left).held
    assert {before.writes[number].key: since for (number, _), since in held.items()} == dict.fromkeys(
        ("C9", "C1"), Since.PINNED
    ), "a plan that was made before the pin leaves the same"
