"""The auditor breaking the law of `tests.consent_law` is noticed: else the histories of people would show nothing.

One small world comes to a point at which every person is in a place of their own, and there each thing that keeps a
permission from being given is broken in turn.
"""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from auditor.commands.stored_plans import Planned
from auditor.errors import AuditorError
from auditor.findings.since import NO_DRIFT
from auditor.model import Kind
from auditor.permissions import Opt
from auditor.state.ledger import Ledger
from tests.consent_law import CONSENT, NEWS, BrokenLaw, Person
from tests.consent_world import World, in_memory

NOT_YET, WITHHELD, HEIR, GIVER, AGAIN, UNDER_NO, OTHERWISE, TWICE, NO_CONSENT, TOUCHED, RETURNED, WITHDRAWN = range(12)
"""Who is where, by number:

NOT_YET has evidence older than their opt-out; WITHHELD lives until their plan is applied; HEIR was given the key of
GIVER, of whom a decision stands; AGAIN said no after an opt-in; UNDER_NO takes back the general consent in the truth
after planning; of OTHERWISE somebody else decides after planning. The auditor withdrew a permission of TWICE, who had
opted out before; of NO_CONSENT, who takes back the general consent in the truth; of TOUCHED, whom a marketer edits.
RETURNED was deleted after an opt-out, and made again under another key. WITHDRAWN, of whom it was decided, took the
permission back in the truth, and gave it again.
"""


@dataclass
class Point:
    """Where the story has come to."""

    world: World
    plans: dict[str, Planned]
    """Made before the newest run, by what they are for."""
    withdrawal: Planned
    """What withdrew three permissions."""

    def person(self, number: int) -> Person:
        return self.world.people[number]

    def gives(self, number: int) -> None:
        """A plan of now is made for this person and carried out."""
        for planned in self.world.plan(only=[self.person(number).key], route="single"):
            self.world.apply(planned)

    def gives_while_consent_goes(self) -> None:
        """The general consent goes on the platform, after the plan was made."""
        planned = self.world.plan(only=[self.person(WITHHELD).key], route="single")
        self.world.platform_says(self.person(WITHHELD), **{CONSENT: "false"})
        for one in planned:
            self.world.apply(one)

    def goes_on(self, name: str) -> None:
        self.world.apply(self.plans[name], older=True)

    def gives_back(self, number: int) -> None:
        one = self.person(number)
        self.world.give_back(self.withdrawal, one, one.key, NEWS, "Bea")


def _decided(world: World, by: str, choice: str, *people: Person) -> None:
    lines = [line for line in world.differing() if line[1] == NEWS and line[0] in {one.key for one in people}]
    assert len(lines) == len(people)
    world.decide(by, [(line, {"choice": choice}) for line in lines])


def _told(world: World) -> Point:
    people = world.people
    before = (NOT_YET, WITHHELD, HEIR, GIVER, AGAIN, UNDER_NO, OTHERWISE, TWICE, WITHDRAWN)

    def say_yes(*numbers: int) -> None:
        world.now += timedelta(hours=5)
        for number in numbers:
            world.truth_says(people[number], NEWS, True, world.now)

    world.all_say_yes()
    for number in before:
        world.platform_says(people[number], **{NEWS: "false"})
    world.run()
    say_yes(WITHHELD, GIVER, AGAIN, UNDER_NO, OTHERWISE, WITHDRAWN)
    world.platform_says(people[TWICE], **{NEWS: "true"})
    world.platform_says(people[RETURNED], **{NEWS: "false"})
    world.run()
    asked = (NOT_YET, WITHHELD, GIVER, AGAIN, UNDER_NO, OTHERWISE, WITHDRAWN)
    _decided(world, "Mia", "truth", *(people[one] for one in asked))
    world.fix([people[AGAIN].key])
    assert world.happened["opt-in"] == 1
    names = {"under no": UNDER_NO, "otherwise": OTHERWISE}
    plans = {name: world.plan(only=[people[one].key], route="single")[0] for name, one in names.items()}
    world.now += timedelta(hours=1)
    for number in (TWICE, NO_CONSENT, TOUCHED, WITHDRAWN):
        world.truth_says(people[number], NEWS, False, world.now)
    world.platform_says(people[AGAIN], **{NEWS: "false"})
    world.exchange(people[HEIR], people[GIVER])
    world.leave(people[RETURNED])
    world.run()
    world.fix([people[number].key for number in (TWICE, NO_CONSENT, TOUCHED)])
    assert world.happened["opt-out"] == 3
    withdrawal = world.withdrawn[-1][0]
    say_yes(AGAIN, HEIR, WITHDRAWN)
    world.platform_says(people[TOUCHED], city="Ghent")
    for number in (UNDER_NO, NO_CONSENT):
        world.truth_says(people[number], CONSENT, False, world.now)
    world.make_again(people[RETURNED], **{CONSENT: "true"})
    world.run()
    _decided(world, "Bea", "platform", people[OTHERWISE])
    _decided(world, "Bea", "truth", people[RETURNED])
    world.plan()
    return Point(world, plans, withdrawal)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Point, Path]]:
    """The point, and a copy of its folder."""
    folder = tmp_path_factory.mktemp("story") / "world"
    world = World(folder, 12, 1)
    with in_memory(world):
        point = _told(world)
        kept = folder.with_name("kept")
        shutil.copytree(folder, kept)
        yield point, kept


@pytest.fixture
def point(told: tuple[Point, Path]) -> Iterator[Point]:
    """The same point, whatever was done at it before."""
    given, kept = told
    world = given.world
    shutil.rmtree(world.folder)
    shutil.copytree(kept, world.folder)
    fresh = copy.deepcopy(given)
    with in_memory(fresh.world):
        yield fresh


Broken = dict[str, Any]
"""What is broken: its place, and what stands there instead."""


def _as_nobody_asks(case: Any, **_: object) -> Opt:
    return Opt(Kind.SUBSCRIBE, "true", None)


def _nothing_written(self: Ledger, table: str, **_: object) -> Any:
    return _last_written(self, table, but=None).clear()


def _as_no_run_found_it(self: Ledger, table: str) -> Any:
    return tuple(replace(one, lapsed=False) for one in _every_decision(self, table))


_last_written, _every_decision = Ledger.last_written, Ledger.every_decision

HISTORY: Broken = {"auditor.permissions.last_opt_outs": lambda *_: {}}
CONSENT_LIVE: Broken = {"auditor.commands.apply.permissions.general": lambda *_: {}}
HOLDERS: Broken = {"auditor.commands.known.holders": lambda *_: {}}
USED_UP: Broken = {"auditor.state.ledger.Ledger.last_written": _nothing_written}
NEWS_SINCE: Broken = {
    "auditor.commands.known.with_lapsed": lambda decisions, _: list(decisions),
    "auditor.state.ledger.Ledger.every_decision": _as_no_run_found_it,
}
DRIFT: Broken = {"auditor.commands.apply.drift": lambda *_, **__: NO_DRIFT}
GROUNDS: Broken = {"auditor.commands.apply._check_opt_ins": lambda *_: None}
DECIDE: Broken = {"auditor.permissions.decide": _as_nobody_asks}
GUARD: Broken = {"auditor.permissions.guard": lambda *_, **__: None}
RESTORABLE: Broken = {"auditor.commands.wrong_opt_out._require_restorable": lambda *_, **__: None}
OPTED_OUT: Broken = {"auditor.commands.wrong_opt_out.opted_out_otherwise": lambda *_: False}
OFF_BY_NOW: Broken = {"auditor.commands.wrong_opt_out.off_by_now": lambda *_: set()}
UNTOUCHED: Broken = {
    "auditor.apply.single.touched": lambda *_: None,
    "auditor.commands.wrong_opt_out._require_untouched": lambda *_: None,
}


DEEDS: Final[Mapping[str, Callable[[Point], None]]] = {
    "older evidence": lambda point: point.gives(NOT_YET),
    "older evidence, another key": lambda point: point.gives(RETURNED),
    "somebody else's key": lambda point: point.gives(HEIR),
    "decided before an opt-out": lambda point: point.gives(WITHDRAWN),
    "decided once": lambda point: point.gives(AGAIN),
    "no consent since the plan": lambda point: point.goes_on("under no"),
    "decided otherwise since the plan": lambda point: point.goes_on("otherwise"),
    "opted out before": lambda point: point.gives_back(TWICE),
    "no consent": lambda point: point.gives_back(NO_CONSENT),
    "touched": lambda point: point.gives_back(TOUCHED),
    "no consent since the question": lambda point: point.gives_while_consent_goes(),
}


@pytest.mark.parametrize(
    ("deed", "broken", "noticed"),
    [
        ("older evidence", HISTORY, "an opt-out of"),
        ("older evidence, another key", HISTORY, "an opt-out of"),
        ("no consent since the question", CONSENT_LIVE, "while the general consent was off"),
        ("somebody else's key", HOLDERS | NEWS_SINCE, "nobody has decided so of this person"),
        ("decided before an opt-out", NEWS_SINCE, "nobody has decided so of this person"),
        ("decided once", USED_UP | NEWS_SINCE, "nobody has decided so of this person"),
        ("no consent since the plan", DRIFT, "while the general consent was off"),
        ("decided otherwise since the plan", DRIFT | GROUNDS, "nobody has decided so of this person"),
        ("somebody else's key", DECIDE | GUARD | GROUNDS, "without evidence"),
        ("opted out before", RESTORABLE, "another opt-out is known"),
        ("opted out before", OPTED_OUT, "another opt-out is known"),
        ("no consent", OFF_BY_NOW, "while the general consent was off"),
        ("touched", UNTOUCHED, "the profile was touched since"),
    ],
)
def test_what_is_broken_is_noticed(point: Point, deed: str, broken: Broken, noticed: str) -> None:
    with breaking(broken), pytest.raises(BrokenLaw, match=noticed):
        DEEDS[deed](point)


def test_what_is_not_broken_gives_nobody_a_permission(point: Point) -> None:
    """Nor what is broken where something else still looks."""
    given = point.world.happened["opt-in"]
    nothing: Broken = {}
    for deed, broken in (
        ("decided otherwise since the plan", DRIFT),
        ("decided otherwise since the plan", GROUNDS),
        ("somebody else's key", HOLDERS),
        ("somebody else's key", NEWS_SINCE),
        ("decided once", USED_UP),
        ("decided once", NEWS_SINCE),
        ("somebody else's key", DECIDE | GUARD),
        ("somebody else's key", DECIDE | GROUNDS),
        *(("touched", {place: instead}) for place, instead in UNTOUCHED.items()),
        *((deed, nothing) for deed in DEEDS),
    ):
        with breaking(broken), suppress(AuditorError):
            DEEDS[deed](point)
    assert (point.world.happened["opt-in"], point.world.happened["given back"]) == (given, 0)


@contextmanager
def breaking(broken: Broken) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        for place, instead in broken.items():
            patched.setattr(place, instead)
        yield
