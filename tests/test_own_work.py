"""What we wrote ourselves is known in the next run: who has moved since, and what nobody can know."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from auditor.commands.known import up_to_date
from auditor.commands.stored_plans import Planned
from auditor.commands.untouched_since import left_by_us
from auditor.diff.known import agreed_by_us
from auditor.engine.duckdb import DuckDB
from auditor.model import Kind
from auditor.state import run_folder
from auditor.state.past_runs import find_run
from tests.consent_law import NEWS
from tests.consent_world import World, in_memory
from tests.small_runs import Runs
from tests.test_known_under_another_key import we_withdraw

DAY = timedelta(days=1)
MONDAY = datetime(2026, 3, 2, 4, tzinfo=UTC)


@pytest.mark.parametrize("numbered", [True, False])
def test_both_sides_agreed_on_what_we_wrote_and_read_back(tmp_path: Path, numbered: bool) -> None:
    """Also where the truth goes back before any run has seen it; and as long as they differ."""
    cases = {
        # key: both sides by now; who has moved, of what was "old" on both sides and became "new"
        "went back": ("new", "old", "truth"),
        "changed again": ("new", "third", "truth"),
        "edited": ("other", "new", "platform"),
        "put back": ("old", "new", "platform"),
        "both": ("other", "old", "both"),
        "same": ("new", "new", None),
        "emptied": ("new", None, None),
        "not written": ("new", "old", "platform"),
    }

    def runs(name: str, day: int, written: bool) -> dict[tuple[str, str], str]:
        first = name == "r1"
        here = [
            {"id": key, "city": "old" if first else case[0], "profileId": str(number) if numbered else None}
            for number, (key, case) in enumerate(cases.items())
        ]
        there = [{"id": key, "city": "old" if first else case[1]} for key, case in cases.items()]
        ours = [(key, "city", "new") for key in cases if key != "not written"] if written else []
        at = MONDAY + day * DAY
        return replace(Runs(tmp_path), profile_ids=numbered).run(here, there, name, at, corrected=ours).moved

    assert runs("r1", 0, written=False) == {}
    expected = {(key, "city"): moved for key, (*_, moved) in cases.items() if moved}
    assert runs("r2", 1, written=True) == expected
    assert runs("r3", 2, written=False) == expected, "it is remembered"


def test_what_we_emptied_was_agreed_on_too(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    runs.run([{"id": "k", "city": "old"}], [{"id": "k", "city": "old"}], "r1", MONDAY)
    later = runs.run([{"id": "k"}], [{"id": "k", "city": "old"}], "r2", MONDAY + DAY, corrected=[("k", "city", None)])
    assert later.moved == {("k", "city"): "truth"}


def test_a_truth_that_goes_back_after_our_correction_has_moved(tmp_path: Path) -> None:
    """What we wrote is known from the ledger, before any run has seen it: the correction is taken back by itself."""
    world = World(tmp_path, 3, 1)
    world.all_say_yes()
    one = world.people[0]

    def truth_says(city: str) -> None:
        assert one.row is not None
        world.now += timedelta(days=1)
        one.row |= {"city": city, "modified_at": world.stamp(world.now)}
        world.run()

    with in_memory(world):
        world.run()
        truth_says("Ghent")
        [made] = world.plan(only=[one.key])
        assert world.apply(made) == {"landed"}
        truth_says("Gent")
        [cell] = run_folder.read_rows(find_run(world.settings), "differences").filter(key=one.key).to_dicts()
        assert [cell[name] for name in ("platform", "truth", "base", "moved")] == ["Ghent", "Gent", "Ghent", "truth"]
        [again] = world.plan(only=[one.key])
        assert [(cell.before, cell.after) for write in again.plan.writes for cell in write.cells] == [("Ghent", "Gent")]


@pytest.mark.parametrize("seconds", [0, 40])
def test_who_says_yes_and_no_after_we_withdrew_is_not_told_as_ours(tmp_path: Path, seconds: int) -> None:
    """No run saw either; the platform's own moment tells that somebody was there after us, however soon."""
    world = World(tmp_path, 3, 1)
    world.all_say_yes()
    one = world.people[0]
    with in_memory(world):
        we_withdraw(world, one)
        if seconds:
            world.now += timedelta(seconds=seconds) - timedelta(days=1)
            for news in ("true", "false"):
                world.platform_says(one, **{NEWS: news})
            world.now += timedelta(days=1)
        world.run()
        folder = find_run(world.settings)
        audit, needed = up_to_date(world.settings, folder, world.now)
        [moved] = audit.differences.filter(key=one.key, column=NEWS)["moved"]
        [told] = needed.filter(key=one.key, column=NEWS)["told"]
        found = audit.permissions.filter(key=one.key, column=NEWS, finding="opted_out_on_platform").height
        expected = ("platform", "withdrawn_by_us_then_changed", 1) if seconds else ("ours", "withdrawn_by_us", 0)
        assert (moved, told, found) == expected


def test_whose_profile_we_alone_have_changed() -> None:
    """Each write found it as the one before had left it; of files the clocks tell, which may be two minutes apart."""
    schema = ("key", "sent_at", "effective_at", "around", "before", "after")

    def row(key: str, minute: int, *read: str | None) -> tuple[object, ...]:
        at = MONDAY + timedelta(minutes=minute)
        return (key, at, at, 1 if read else None, *(read or (None, None)))

    def told(minute: int) -> str:
        return f"2026-03-02T{5 + minute // 60:02}:{minute % 60:02}:00"  # in Brussels

    rows = [
        row("alone", 0, None, told(0)), row("alone", 5, told(0), told(5)), row("alone", 5, told(0), told(5)),
        row("between", 0, None, told(0)), row("between", 9, told(3), told(9)),
        row("by file", 0), row("by file", 7),
        row("then one by one", 0), row("then one by one", 8, told(6), told(8)),
    ]  # fmt: skip
    left = left_by_us(pl.DataFrame(rows, schema, orient="row")).rows()
    minutes = {key: ((since - MONDAY).total_seconds() / 60, int((until - MONDAY).total_seconds() / 60))
               for key, since, until in left}  # fmt: skip
    assert minutes == {"alone": (0, 5), "between": (9, 9), "by file": (0, 9), "then one by one": (0, 8)}


@pytest.mark.parametrize("decided", [False, True])
def test_who_says_yes_after_our_opt_out_is_not_overruled(tmp_path: Path, decided: bool) -> None:
    """Both sides agreed on the opt-out that the truth asked for, before any run saw it; not on one of a finding."""
    world = World(tmp_path, 3, 1)
    world.all_say_yes()
    one = world.people[0]
    with in_memory(world):
        if decided:
            we_withdraw(world, one)
        else:
            world.run()
            world.now += DAY
            world.truth_says(one, NEWS, False, world.now)
            world.run()
            [made] = world.plan(only=[one.key])
            assert world.apply(made) == {"landed"}
            world.now += DAY
        world.platform_says(one, **{NEWS: "true"})
        world.now += DAY
        world.truth_says(one, NEWS, False, world.now - 2 * DAY)
        world.run()
        [cell] = run_folder.read_rows(find_run(world.settings), "differences").filter(column=NEWS).to_dicts()
        expected = ("true", "truth") if decided else ("false", "platform")
        assert (cell["base"], cell["moved"]) == expected
        writes = [write for made in world.plan(only=[one.key]) for write in made.plan.writes]
        planned = [write.kind for write in writes if any(cell.column == NEWS for cell in write.cells)]
        assert planned == ([Kind.UNSUBSCRIBE] if decided else [])


def test_an_opt_out_is_the_persons_again_once_an_opt_in_over_it_is_taken_back(tmp_path: Path) -> None:
    """Though we were the last to turn it off, and a run saw it on."""
    world = World(tmp_path, 3, 1)
    world.all_say_yes()
    one = world.people[0]
    with in_memory(world):
        world.run()
        world.platform_says(one, **{NEWS: "false"})
        world.now += DAY
        world.run()
        world.now += DAY
        world.truth_says(one, NEWS, True, world.now)
        world.run()
        world.now += timedelta(hours=1)
        [line] = [line for line in world.differing() if line[:2] == (one.key, NEWS)]
        world.decide("Bea", [(line, {"choice": "truth"})])
        [made] = world.plan(only=[one.key])
        assert world.apply(made) == {"landed"}
        world.now += DAY
        world.run()
        assert world.apply(world.undo(made)) == {"landed"}
        world.now += DAY
        world.run()
        audit, needed = up_to_date(world.settings, find_run(world.settings), world.now)
        [moved] = audit.differences.filter(key=one.key, column=NEWS)["moved"]
        [told] = needed.filter(key=one.key, column=NEWS)["told"]
        found = audit.permissions.filter(key=one.key, column=NEWS, finding="opted_out_on_platform").height
        assert (moved, told, found) == ("platform", "opted_out_on_platform", 1)


@pytest.mark.parametrize("first", ["given by us", "said by themselves", "never on"])
def test_who_opted_out_before_an_opt_in_that_is_taken_back_did_so_whoever_created_them(
    tmp_path: Path, first: str
) -> None:
    """Whom we created without a permission has not opted out; who was on since, and went off, has."""
    world = World(tmp_path, 3, 1)
    world.all_say_yes()
    one = world.people[0]

    def a_day_passes() -> None:
        world.now += DAY
        world.run()

    def opted_in() -> Planned:
        world.now += timedelta(hours=1)
        world.truth_says(one, NEWS, True, world.now)
        a_day_passes()
        [line] = [line for line in world.differing() if line[:2] == (one.key, NEWS)]
        world.now += timedelta(hours=1)
        world.decide("Bea", [(line, {"choice": "truth"})])
        [made] = world.plan(only=[one.key])
        assert world.apply(made) == {"landed"}
        return made

    with in_memory(world):
        world.leave(one)
        world.run()
        [made] = [each for each in world.plan(only=[one.key]) if each.plan.purpose == "create"]
        assert world.apply(made) == {"landed"}
        a_day_passes()
        if first != "never on":
            if first == "given by us":
                opted_in()
            else:
                world.platform_says(one, **{NEWS: "true"})
            a_day_passes()
            world.platform_says(one, **{NEWS: "false"})
            a_day_passes()
        again = opted_in()
        a_day_passes()
        assert world.apply(world.undo(again)) == {"landed"}
        a_day_passes()
        audit, needed = up_to_date(world.settings, find_run(world.settings), world.now)
        [told] = needed.filter(key=one.key, column=NEWS)["told"]
        [moved] = audit.differences.filter(key=one.key, column=NEWS)["moved"]
        found = audit.permissions.filter(key=one.key, column=NEWS, finding="opted_out_on_platform").height
        ours = (None, "ours", 0)
        assert (told, moved, found) == (ours if first == "never on" else ("opted_out_on_platform", "platform", 1))


def test_what_the_truth_said_when_we_withdrew_tells_whether_both_agreed(tmp_path: Path) -> None:
    """Under every key that the person had: whose word it was under a key of two, nobody knows."""

    def said(key: str, value: str, days: int, side: str = "truth") -> tuple[str, str, str, datetime, str, str]:
        return "r", side, key, MONDAY + days * DAY, NEWS, value

    history = [
        said("asked", "on", -2), said("asked", "off", -1), said("asked", "on", 1),
        said("decided", "off", -2), said("decided", "on", -1), said("decided", "off", 1),
        said("unheard of", "off", -1, "platform"), said("empty", "empty", -1),
        said("formerly", "off", -1), said("somebody's", "on", -2), said("formerly hers", "off", -1),
    ]  # fmt: skip
    keys = {"asked": "1", "decided": "2", "unheard of": "3", "empty": "4", "new": "5", "somebody's": "6", "field": "7"}
    seen = [*keys.items(), ("formerly", "5"), ("formerly hers", "6")]
    written = [(key, NEWS, "unsubscribe", "false", MONDAY) for key in keys if key != "field"]
    written.append(("field", "city", "update", "Gent", MONDAY))
    frames = {
        "rows": pl.DataFrame(
            [(key, key, number, MONDAY) for key, number in keys.items()],
            ("key", "platform_text", "profile_id", "platform_updated"), orient="row",
        ),
        "history": pl.DataFrame(history, ("run", "side", "key", "at", "column", "value"), orient="row").with_columns(
            profile_id=pl.lit(None, pl.String)
        ),
        "seen": pl.DataFrame(seen, ("key", "profile_id"), orient="row"),
        "written": pl.DataFrame(written, ("key", "column", "kind", "after", "sent_at"), orient="row"),
    }  # fmt: skip
    with closing(DuckDB(temp=tmp_path, folders=[tmp_path])) as engine:
        agreed = agreed_by_us(**{name: engine.put(frame, name) for name, frame in frames.items()})
        assert sorted(engine.rows(agreed)) == [
            ("asked", NEWS, "false"),
            ("field", "city", "Gent"),
            ("new", NEWS, "false"),
        ]
