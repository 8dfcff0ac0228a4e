"""Histories of a world of people as a state machine: hypothesis chooses what happens in it, and in which order.

What happens to whom between two commands follows from the seed of the world. A failure tells the commands that led to
it, and the story of the person.
"""

from __future__ import annotations

import functools
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from auditor.errors import AuditorError
from tests.consent_law import CONSENT, NEWS, SILENT, TRUTH_NAMES
from tests.consent_world import World, in_memory

NAMES = st.sampled_from(("Mia", "Bea", "Cas"))
HOURS = st.sampled_from((1, 5, 30))
FEW = 20
"""So many live in the simplest world, which hypothesis always begins with, and in which next to nothing happens."""
CRASHES = st.one_of(st.none(), st.integers(0, 200))


def daily(
    times: int, when: Callable[[World], object] = lambda world: True
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A command that is carried out so often a day, and where there is something for it. Beyond that it does nothing:
    hypothesis switches rules off, and some must be left then. That a command refuses is told in the counts.
    """

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        name = command.__name__

        @precondition(lambda machine: bool(when(machine.world)))
        @functools.wraps(command)
        def carried_out(machine: Histories, **drawn: Any) -> None:
            machine.today[name] += 1
            if machine.today[name] > times:
                return
            try:
                command(machine, **drawn)
            except AuditorError as refusal:
                machine.world.refused(name, refusal)

        return carried_out

    return decorated


class Histories(RuleBasedStateMachine):
    """One world, from its first run on."""

    PEOPLE: ClassVar = 850
    DAYS: ClassVar = 2
    """After the first."""
    happened: ClassVar[Counter[str]] = Counter()
    """In all worlds."""

    def __init__(self) -> None:
        super().__init__()
        self.today: Counter[str] = Counter()
        self.days = 0
        self.stack = ExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="histories-"))

    @initialize(seed=st.integers(0, 2**32 - 1), by=NAMES)
    def begin(self, seed: int, by: str) -> None:
        people = self.PEOPLE if seed else FEW
        self.world = World(self.folder / "world", people, seed)
        self.stack.enter_context(in_memory(self.world))
        self._morning(by, 0, at_once=False)

    def teardown(self) -> None:
        self.stack.close()
        shutil.rmtree(self.folder)
        if hasattr(self, "world"):
            told = Counter(people=len(self.world.people), worlds=1, files=self.world.platform.calls["import"])
            self.happened.update(self.world.happened + told)

    # What goes on without the auditor

    @rule(hours=HOURS, late=st.integers(0, 90), by=NAMES, at_once=st.booleans())
    def day(self, hours: int, late: int, by: str, at_once: bool) -> None:
        """People live, and on the next morning the usual is done; every world has so many days at most."""
        if self.days == self.DAYS:
            return
        world = self.world
        world.now += timedelta(hours=hours)
        world.live()
        if world.chance.random() < 0.5:
            self._ask_newcomers()
        for one in world.people:
            if one.erased and one.row is None and world.chance.random() < 0.5:
                world.return_to_truth(one)
        self.days += 1
        self.today.clear()
        try:
            self._morning(by, late, at_once)
        except AuditorError as refusal:
            world.refused("a morning", refusal)

    def _morning(self, by: str, late: int, at_once: bool) -> None:
        """A run, decisions on its worklist, and a plan; which is perhaps carried out before anything else happens."""
        self.world.run(timedelta(minutes=late))
        self._decide(by, 0.4)
        for one in self.world.plan():
            if at_once and one.plan.purpose == "correct":
                self.world.apply(one)

    def _ask_newcomers(self) -> None:
        """The shop asks those whom the platform does not have: the truth knows when and where they said yes."""
        for one in self.world.people:
            if one.profile_id is None and one.row is not None:
                for column in TRUTH_NAMES:
                    self.world.truth_says(one, column, True, self.world.now)

    @rule(share=st.sampled_from((0.02, 0.1)))
    @daily(3)
    def meanwhile(self, share: float) -> None:
        """Something happens that no run has seen yet."""
        self.world.now += timedelta(minutes=7)
        self.world.live(share)

    @rule()
    @daily(1, lambda world: world.files)
    def somebody_imports_a_file(self) -> None:
        self.world.import_file(self.world.files.pop(self.world.chance.randrange(len(self.world.files))))

    # What people decide

    @rule(by=NAMES, share=st.sampled_from((0.4, 0.1)))
    @daily(2)
    def decide(self, by: str, share: float) -> None:
        """The file waits in the inbox for the next command that takes it."""
        self._decide(by, share)

    def _decide(self, by: str, share: float) -> None:
        """For the truth, mostly."""
        chance, choices = self.world.chance, ("truth", "truth", "truth", "platform", "ignore")
        chosen = [line for line in self.world.differing() if chance.random() < share]
        self.world.decide(by, [(line, {"choice": chance.choice(choices)}) for line in chosen])

    @rule(by=NAMES)
    @daily(1)
    def answer_findings(self, by: str) -> None:
        chance, until = self.world.chance, str((self.world.now + timedelta(days=2)).date())
        lines = []
        taken: set[tuple[str, str]] = set()
        for line, finding in self.world.findings():
            if chance.random() < 0.3 and line[:2] not in taken:
                taken.add(line[:2])
                answers = (
                    {"choice": "withdraw"},
                    {"choice": "owners", "finding": finding},
                    {"choice": "grounds", "finding": finding, "evidence": "a letter", "until": until},
                )
                lines.append((line, chance.choice(answers)))
        self.world.decide(by, lines)

    @rule(by=NAMES, column=st.sampled_from((CONSENT, CONSENT, NEWS, SILENT)))
    @daily(1)
    def permit(self, by: str, column: str) -> None:
        self.world.permit(column, by)

    @rule(by=NAMES)
    @daily(1)
    def pin(self, by: str) -> None:
        one = self.world.chance.choice([one for one in self.world.people if one.profile_id is not None])
        column = next((column for side, column in sorted(one.off) if side == "platform"), "city")
        self.world.pin(one, column, by)

    @rule()
    @daily(1)
    def forget(self) -> None:
        self.world.forget(self.world.chance.choice([one for one in self.world.people if one.row is not None]))

    @rule()
    @daily(1, lambda world: world.renamed)
    def rekey(self) -> None:
        pairs = {old: new for old, new in self.world.renamed.items() if self.world.chance.random() < 0.6}
        if pairs:
            self.world.rekey(pairs)

    # What is planned and written

    @rule(route=st.sampled_from((None, "single", "bulk")))
    @daily(2)
    def plan(self, route: str | None) -> None:
        self.world.plan(route=route)

    @rule(at_once=st.booleans())
    @daily(1)
    def plan_for_others(self, at_once: bool) -> None:
        """Files for somebody else to import; whoever does it soon need not have imported the others."""
        self.world.plan_for_others()
        if at_once and self.world.files:
            self.world.import_file(self.world.files.pop())

    @rule(by=NAMES)
    @daily(1)
    def review(self, by: str) -> None:
        self.world.review(by, lambda: self.world.chance.random() < 0.2)

    @rule(back=st.integers(0, 3))
    @daily(1, lambda world: world.plans)
    def go_on_with(self, back: int) -> None:
        chosen = self.world.plans[-1 - back % len(self.world.plans)]
        if self.world.plan(continues=chosen.plan.sha):
            self.world.happened["continued"] += 1

    @rule(crash=CRASHES)
    @daily(3, lambda world: world.plans)
    def apply(self, crash: int | None) -> None:
        """The last plan that corrects, else the last."""
        plans = self.world.plans
        chosen = next((one for one in reversed(plans[-3:]) if one.plan.purpose == "correct"), plans[-1])
        self.world.apply(chosen, crash=crash)

    @rule(back=st.integers(0, 5), older=st.booleans(), crash=CRASHES)
    @daily(2, lambda world: world.plans)
    def apply_another(self, back: int, older: bool, crash: int | None) -> None:
        """Perhaps one of before, or one that creates or takes back."""
        self.world.apply(self.world.plans[-1 - back % len(self.world.plans)], older=older, crash=crash)

    @rule(back=st.integers(0, 3), delete_created=st.booleans())
    @daily(1, lambda world: world.begun)
    def undo(self, back: int, delete_created: bool) -> None:
        chosen = self.world.begun[-1 - back % len(self.world.begun)]
        undone = self.world.undo(chosen, delete_created=delete_created)
        self.world.apply(undone)
        self.world.happened["undone"] += 1

    @rule(by=NAMES)
    @daily(2, lambda world: world.withdrawn)
    def wrong_opt_out(self, by: str) -> None:
        """Of somebody against whom nothing speaks, if there is one; who has opted out otherwise is refused."""
        fit = [each for each in self.world.withdrawn if self.world.may_be_given_back(each[1], each[3])]
        self.world.give_back(*self.world.chance.choice(fit or self.world.withdrawn), by)

    @rule()
    @daily(2)
    def fix(self) -> None:
        """A few who differ in a permission."""
        keys = sorted({line[0] for line in self.world.differing() if line[1] in TRUTH_NAMES and line[2] is not None})
        if keys:
            self.world.fix(self.world.chance.sample(keys, min(5, len(keys))))

    @rule()
    @daily(1)
    def clock_goes_back(self) -> None:
        self.world.clock_back()
