"""The one permission that goes up without evidence: never against what is known of the person, whoever says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from auditor.apply.outcomes import Applied
from auditor.cli.applying import question
from auditor.cli.planned import print_applied
from auditor.cli.show import lines
from auditor.commands.apply import against_truth, apply, counts_left
from auditor.commands.known import up_to_date
from auditor.commands.plan import plan
from auditor.commands.review import review_of
from auditor.commands.show import tell
from auditor.commands.stored_plans import Planned
from auditor.commands.undo import undo
from auditor.commands.wrong_opt_out import WrongOptOut, off_by_now
from auditor.errors import GuardRefused, SettingsError
from auditor.findings.moments import moment
from auditor.findings.words import Words
from auditor.model import Kind
from auditor.permissions import HISTORY
from auditor.report.rows import with_decision
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import Decision, Pin
from tests.consent_law import CONSENT, NEWS, SILENT, Person
from tests.consent_world import World, in_memory
from tests.test_apply import NOON

HOUR = timedelta(hours=1)


class Watching(World):
    """A world of which nobody judges what is given."""

    def _broken(self, *_: object) -> None:
        return None


def carried_out(world: World, planned: Planned) -> Applied:
    world.now += timedelta(minutes=1)
    return apply(
        world.settings, planned.path, confirmed=planned.plan.counts, clock=lambda: world.now, sleep=lambda _: None
    )


def applied(world: World, planned: Planned) -> list[tuple[str, str]]:
    return carried_out(world, planned).outcomes.select("key", "outcome").rows()


def withdrawn(world: World, *people: Person) -> Planned:
    """The truth says no of these people, after a run, and their opt-outs are carried out."""
    world.run()
    world.now += 5 * HOUR
    for one in people:
        world.truth_says(one, NEWS, False, world.now)
    world.run()
    [made] = world.plan()
    assert [outcome for _, outcome in applied(world, made)] == ["landed"] * len(people)
    return made


def test_a_wrong_opt_out_is_given_back_only_where_nothing_known_of_the_person_speaks_against_it(tmp_path: Path) -> None:
    world = Watching(tmp_path, 4, 1)
    given, without_consent, renamed, forgotten = world.people
    profiles = world.platform.profiles
    world.all_say_yes()
    with in_memory(world):
        profiles["3"][NEWS] = "false"
        world.run()
        world.now += timedelta(hours=5)
        profiles["3"] |= {NEWS: "true", "customerId": "X9"}
        assert renamed.row is not None
        renamed.key = renamed.row["id"] = "X9"
        world.run()
        world.now += timedelta(hours=5)
        for one in world.people:
            world.truth_says(one, NEWS, False, world.now)
        world.truth_says(without_consent, CONSENT, False, world.now)
        world.run()
        world.now += timedelta(minutes=2)
        [made] = plan(world.settings, now=world.now)
        assert {outcome for _, outcome in applied(world, made)} == {"landed"}
        world.now += timedelta(hours=1)

        def back(key: str) -> Planned:
            return undo(world.settings, made.path, now=world.now, wrong=WrongOptOut(f"{key}:{NEWS}", "Bea"))

        for key, why in {without_consent.key: "general consent", renamed.key: "another opt-out"}.items():
            with pytest.raises(GuardRefused, match=why):
                back(key)
        with pytest.raises(SettingsError, match="name of the person who says so"):
            undo(world.settings, made.path, now=world.now, wrong=WrongOptOut(f"{given.key}:{NEWS}", " "))
        pin = Pin("Customers", "Cas", given.key, given.profile_id, NEWS, "false", "asked for", NOON, NOON)
        with Ledger(world.settings.state_folder) as ledger:
            ledger.pin(replace(pin, until=world.now + timedelta(days=9)), world.now)
        with pytest.raises(GuardRefused, match="is pinned by Cas until"):
            back(given.key)
        with Ledger(world.settings.state_folder) as ledger:
            assert not ledger.decisions("Customers"), "nobody has decided what nothing came of"
            ledger.pin(replace(pin, until=None), world.now)
        first = back(given.key)
        with Ledger(world.settings.state_folder, reading=True) as ledger:
            review = review_of(world.settings, first.plan, first.path.parent, ledger)
        assert review.beside.says_no == {(given.key, NEWS)}
        [[change]] = [write.changes for write in review.writes()]
        assert "says no" in " ".join(change.to_know(review.say).values()), "whoever reads the plan knows it"
        told = question(
            world.settings, counts_left(world.settings, first.path), against_truth(world.settings, first.path)
        )
        assert told.startswith("write to Actito (")
        assert told.endswith(f"): 1 profile given permissions, 1 opt-in of {NEWS} against CRM, which says no?")
        assert applied(world, first) == [(given.key, "landed")]
        assert against_truth(world.settings, first.path) == {}, "what is done is asked about no more"
        planned = back(forgotten.key)
        for part in world.settings.state_folder.glob("*/permissions-*.parquet"):
            part.unlink()
        with pytest.raises(GuardRefused, match="is lost"):
            back(forgotten.key)
        with pytest.raises(GuardRefused, match="is lost"):
            applied(world, planned)
    assert [profiles[number][NEWS] for number in "1234"] == ["true", "false", "false", "false"]


@pytest.mark.parametrize("seen", [False, True])
def test_what_was_said_before_a_profile_was_made_again_speaks_against_it_too(tmp_path: Path, seen: bool) -> None:
    """Whether a run has seen the wrong opt-out or not."""
    world = World(tmp_path, 4, 1)
    one = world.people[0]
    world.all_say_yes()
    with in_memory(world):
        world.platform_says(one, **{NEWS: "false"})
        world.run()
        world.now += timedelta(hours=5)
        world.leave(one)
        world.make_again(one, **{column: world.text(column, True) for column in (NEWS, CONSENT, SILENT)})
        world.run()
        world.now += timedelta(hours=5)
        world.truth_says(one, NEWS, False, world.now)
        world.run()
        [made] = world.plan()
        assert world.apply(made) == {"landed"}
        if seen:
            world.run()
        with pytest.raises(GuardRefused, match="another opt-out"):
            world.give_back(made, one, one.key, NEWS, "Bea")


@pytest.mark.parametrize(
    ("said", "written", "off"),
    [
        ([], [], False),
        ([("platform", 1, "off")], [], True),
        ([("truth", 1, "off")], [], True),
        ([("platform", 1, "off"), ("platform", 2, "on")], [], False),
        ([("truth", 1, "off"), ("platform", 2, "on")], [], True),
        ([("platform", 1, "on")], [(2, Kind.UNSUBSCRIBE)], True),
        ([("platform", 3, "on")], [(2, Kind.UNSUBSCRIBE)], False),
        ([("platform", 1, "on")], [(2, Kind.UNSUBSCRIBE), (3, Kind.SUBSCRIBE)], False),
        ([("truth", 1, "off")], [(2, Kind.UNSUBSCRIBE), (3, Kind.SUBSCRIBE)], True),
        ([("platform", 2, "on")], [(2, Kind.UNSUBSCRIBE)], True),
    ],
)
def test_what_a_side_said_last_counts_and_what_was_written_since(
    said: list[tuple[str, int, str]], written: list[tuple[int, Kind]], off: bool
) -> None:
    rows = [{"side": side, "at": NOON + at * HOUR, "column": CONSENT, "value": value} for side, at, value in said]
    own = [(CONSENT, kind.value, NOON + at * HOUR) for at, kind in written]
    sent = pl.DataFrame(own, schema={"column": pl.String, "kind": pl.String, "sent_at": HISTORY["at"]}, orient="row")
    assert (CONSENT in off_by_now(pl.DataFrame(rows, schema=HISTORY), sent)) is off


def test_who_has_another_key_because_we_wrote_it_is_given_back_what_is_theirs(tmp_path: Path) -> None:
    """By the profileId: the platform's own moments tell that nobody but us has been there since."""
    world = Watching(tmp_path, 4, 1)
    world.all_say_yes()
    one = world.people[0]
    contract = tmp_path / "expectations/Customers/contract.toml"
    key = 'key = ["customerId"]'
    contract.write_text(contract.read_text().replace(key, 'key = [["customerId"], ["emailAddress"]]'))
    profile = world.platform.profiles["1"]
    profile["customerId"] = ""
    with in_memory(world):
        made = withdrawn(world, one)
        then = '{"emailAddress":"p0@example.com"}'
        assert [write.key for write in made.plan.writes] == [then]
        world.now += HOUR
        with Ledger(world.settings.state_folder) as ledger:
            of = "Customers", "Mia", then, "customerId", None, "C0", "truth", world.now, "1", None
            ledger.decide([Decision(*of)], world.now)
        world.run()
        [keyed] = plan(world.settings, now=world.now)
        assert [outcome for _, outcome in applied(world, keyed)] == ["landed"]
        assert profile["customerId"] == "C0"
        world.now += 5 * HOUR
        world.run()
        back = undo(world.settings, made.path, now=world.now, wrong=WrongOptOut("C0", "Bea"))
        assert [outcome for _, outcome in applied(world, back)] == ["landed"]
        assert profile[NEWS] == "true"


def test_who_has_another_key_by_now_is_named_by_either_and_nobody_else_is_asked_about(tmp_path: Path) -> None:
    """A profile with another key was changed since: that is the reason, not what is known of whoever has the key."""
    world = Watching(tmp_path, 4, 1)
    given, other, *_ = world.people
    world.all_say_yes()
    with in_memory(world):
        made = withdrawn(world, given)
        then = given.key
        world.rename(given, "X1")
        world.rename(other, then)
        world.run()
        for named in (then, "X1", f"X1:{NEWS}"):
            with pytest.raises(GuardRefused, match=f'"{then}" is by now of "X1"'):
                undo(world.settings, made.path, now=world.now, wrong=WrongOptOut(named, "Bea"))
        with pytest.raises(SettingsError, match="withdrew no permission"):
            undo(world.settings, made.path, now=world.now, wrong=WrongOptOut("C2", "Bea"))


def test_a_wrong_opt_out_is_told_as_one_before_and_after_it_is_given_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the values of when it was decided, and by whom: whoever asks later why somebody is contacted finds this."""
    world = Watching(tmp_path, 4, 1)
    one, refused, *_ = world.people
    world.all_say_yes()
    with in_memory(world):
        made = withdrawn(world, one, refused)
        world.now += HOUR
        world.truth_says(one, NEWS, True, world.now)
        world.run()

        def back(key: str) -> Planned:
            world.now += timedelta(minutes=1)
            return undo(world.settings, made.path, now=world.now, wrong=WrongOptOut(f"{key}:{NEWS}", "Bea"))

        def told(key: str) -> tuple[str, list[str]]:
            story = tell(world.settings, key, now=world.now)
            shown = " ".join(" ".join(lines(story)).split())
            decision = story.document()["decisions"][-1]
            told = [decision[name] for name in ("choice", "platform", "truth_says", "standing")]
            return shown.partition(" decided ")[2], told

        first, second = back(one.key), back(refused.key)
        who = "The opt-out was an error, give it back, by Bea (may not be contacted (false) in Actito, may"
        waits = f"waiting to be applied (plan {first.plan.sha[:12]})"
        shown, stored = told(one.key)
        assert shown.endswith(f"{who} be contacted in CRM): {waits}")
        assert stored == ["give_back", "false", "on", "waiting"]
        cells = up_to_date(world.settings, world.newest, world.now)[1].filter(pl.col("key") == one.key)
        [said] = with_decision(cells, Words("Actito", "CRM"))["decision"]
        assert said == f"The opt-out was an error, give it back (Bea, {world.now:%Y-%m-%d}): waiting to be applied"
        with Ledger(world.settings.state_folder, reading=True) as ledger:
            review = review_of(world.settings, made.plan, made.path.parent, ledger)
        notes = [change.to_know(review.say) for write in review.writes() for change in write.changes]
        assert {one["decided_otherwise"] for one in notes} == {
            f"decided otherwise later: The opt-out was an error, give it back (Bea, {world.now:%Y-%m-%d})"
        }
        world.platform_says(refused, city="Brugge")
        touched = world.now
        assert applied(world, first) == [(one.key, "landed")]
        print_applied(carried_out(world, second), Words("Actito", "CRM"))
        said = " ".join(capsys.readouterr().out.split())
        assert f"{refused.key} last changed at {moment(touched)}, as Actito says" in said
        assert "the profile was changed in Actito since we wrote to it × 1" in said
        assert "when audited" not in said, "both values are the same, and prove nothing"
        assert f"be contacted in CRM): carried out by plan {first.plan.sha[:12]} at " in told(one.key)[0]
        shown, stored = told(refused.key)
        assert shown.endswith(f"not be contacted in CRM): not carried out (plan {second.plan.sha[:12]})")
        assert stored == ["given_back", "false", "off", "failed"]
        world.run()
        with pytest.raises(
            GuardRefused, match=f"Actito says that it was changed at {moment(touched)}, after our write"
        ):
            back(refused.key)


def test_who_was_erased_since_is_told_so_when_the_plan_is_made_and_when_it_is_applied(tmp_path: Path) -> None:
    """The auditor did withdraw the permission: what it wrote is what was erased."""
    world = Watching(tmp_path, 4, 1)
    one = world.people[0]
    world.all_say_yes()
    with in_memory(world):
        made = withdrawn(world, one)
        world.now += HOUR

        def back() -> Planned:
            return undo(world.settings, made.path, now=world.now, wrong=WrongOptOut(f"{one.key}:{NEWS}", "Bea"))

        planned = back()
        world.forget(one)
        for late in (lambda: applied(world, planned), back):
            with pytest.raises(GuardRefused, match=f'"{one.key}" was erased from the record since'):
                late()


@pytest.mark.parametrize("renamed", [False, True])
def test_who_has_another_key_by_the_mapping_is_not_said_to_have_been_given_one(tmp_path: Path, renamed: bool) -> None:
    world = Watching(tmp_path, 4, 1)
    one = world.people[0]
    world.all_say_yes()
    with in_memory(world):
        made = withdrawn(world, one)
        then = one.key
        contract = tmp_path / "expectations/Customers/contract.toml"
        contract.write_text(contract.read_text().replace('key = ["customerId"]', 'key = ["emailAddress"]'))
        if renamed:
            world.rename(one, "X1")
        world.run()
        why = "whoever gave the profile that key has changed it" if renamed else "the mapping has another key since"
        for named in (then, "p0@example.com"):
            with pytest.raises(GuardRefused, match=f'"{then}" is by now of "p0@example.com": {why}'):
                undo(world.settings, made.path, now=world.now, wrong=WrongOptOut(named, "Bea"))
