"""A process that is killed while it applies a plan to a platform that misbehaves: somebody goes on, and it is as if
nothing had been.

Where it can be killed is listed by running: every statement of the ledger, every change of a file and every call,
before and after its effect. Moments in between are drawn. `make soak SOAK=N` kills 7,500 times N. How the
rest of 10,000 is killed over HTTP: test_under_attack.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import pickle
import random
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from auditor.actito import (
    ActitoError,
    Collection,
    Conflict,
    ImportMode,
    MaybeSent,
    PlatformDown,
    Profile,
    ProfileRef,
    QuotaUsed,
    TokenRefused,
)
from auditor.apply.outcomes import Applied
from auditor.apply.undo import require_ended
from auditor.errors import TryLater
from auditor.model import Outcome, Structure
from auditor.state.ledger.records import Effect
from auditor.writes import Plan
from tests.steps import counted, only, read_noted, step, unkept
from tests.test_apply import NEWS, NOON, Platform, World, everything, people, told

KILLS: Final = 32
SOAKED: Final = 7_500
BY_FILE: Final = {"C6", "C7"}
"""Whom the plan sends by file, without those that go before it."""
FAULTS: Final = ("none", "drop", "500", "twice", "token", "pending", "quota", "late")
"""Of the platform: the answer is lost after the effect, no effect and an error, a call that arrives twice, a token that
ends, an import that takes long, calls of a day that others used up, and effects that are shown seconds later only."""


@dataclass
class Faulty(Platform):
    """A platform on which a fault happens now and then, and whose calls are steps. It outlives whoever calls it."""

    fault: str = "none"
    chance: random.Random = field(default_factory=random.Random)
    left: int = 3
    """So many faults are still to come."""
    now: datetime = NOON
    past: dict[str, list[tuple[datetime, dict[str, str | None] | None]]] = field(default_factory=dict)
    """What was shown of each profile until when."""
    memory: mmap.mmap | None = None
    lost: bool = False
    """The number of an import was on its way in an answer that was lost."""

    def keep(self) -> None:
        """Whatever happens to the process, this has happened to the platform."""
        if self.memory is not None:
            memory, self.memory = self.memory, None
            told = pickle.dumps(self)
            self.memory = memory
            memory[:8] = len(told).to_bytes(8)
            memory[8 : 8 + len(told)] = told

    @staticmethod
    def kept(memory: mmap.mmap) -> Faulty:
        platform: Faulty = pickle.loads(memory[8 : 8 + int.from_bytes(memory[:8])])  # noqa: S301 - our own
        platform.memory = memory
        return platform

    def point(self, name: str = "", when: str = "") -> None:
        self.points += 1
        self.keep()
        step(f"HTTP {name} {when}" if when else name or "clock")
        if when and self.left and self.chance.random() < 0.25:
            error = self._error(name, when)
            if error is not None:
                self.left -= 1
                self.keep()
                raise error

    def _error(self, name: str, when: str) -> ActitoError | None:
        writing = name in ("update", "create", "delete", "start_import")
        if self.fault == "drop" and when == "after":
            self.lost |= name == "start_import"
            return MaybeSent("a change") if writing else PlatformDown("an answer", "it was lost")
        if self.fault == "500" and when == "before":
            return PlatformDown("a call", "status 500")
        if self.fault == "token" and when == "before":
            return TokenRefused("a call")
        if self.fault == "quota" and name == "start_import" and when == "before":
            return QuotaUsed("an import")
        if self.fault == "twice" and name == "create" and when == "after":
            return Conflict("a creation", (("customerId", "ALREADY_EXISTS"),))
        return None

    def profile(self, table: Structure, by: ProfileRef) -> Profile | None:
        found = super().profile(table, by)
        shown = self.past.get(found.profile_id if found else by if isinstance(by, str) else "", [])
        then = next((values for until, values in shown if self.now < until), ...)
        if then is ...:
            return found
        return None if then is None else Profile(found.profile_id if found else str(by), dict(then))

    def update(
        self,
        table: Structure,
        profile_id: str,
        values: Mapping[str, str | None],
        *,
        collection: Collection | None = None,
    ) -> None:
        self._behind(profile_id)
        super().update(table, profile_id, values, collection=collection)
        if self.fault == "twice":  # what is said twice is no other thing
            self.profiles[profile_id].update(values)

    def start_import(
        self, table: Structure, archive: bytes, *, columns: Sequence[str], key: str, mode: ImportMode, output: str = ""
    ) -> str:
        self.polls = 60 if self.fault == "pending" else 2
        return super().start_import(table, archive, columns=columns, key=key, mode=mode, output=output)

    def _behind(self, profile_id: str) -> None:
        if self.fault == "late":
            before = dict(self.profiles[profile_id])
            shown: dict[str, str | None] = {"profileId": profile_id, **before}
            self.past.setdefault(profile_id, []).append((self.now + timedelta(seconds=20), shown))


class Worked(World):
    """A folder in which a plan is applied by one process after the other, the first of which is killed."""

    def __init__(self, folder: Path, fault: str, seed: int) -> None:
        super().__init__(folder, Faulty(people(8), fault=fault, chance=random.Random(seed)))  # noqa: S311
        self.platform.clock = None
        self.memory = mmap.mmap(-1, 1 << 18)
        self.faulty.memory = self.memory

    @property
    def faulty(self) -> Faulty:
        assert isinstance(self.platform, Faulty)
        return self.platform

    def clock(self) -> datetime:
        self.now = self.faulty.now
        return super().clock()

    def sleep(self, seconds: float) -> None:
        self.faulty.now += timedelta(seconds=seconds)
        self.platform.point("sleep")

    def killed(self, work: Callable[[], object], end: Callable[[], Any], at: int | None) -> tuple[str, list[str]]:
        """Do the work in a process of its own that ends at a step, or, where `end` arranges it, at any moment.

        Gives how it ended, and its steps: of the last one of who was killed nobody knows whether it was done.
        """
        self.faulty.keep()
        noted = os.memfd_create("steps")
        child = os.fork()
        if child == 0:
            try:
                end()
                act = only(at, lambda: os.kill(os.getpid(), signal.SIGKILL)) if at else lambda _: None
                with counted(act, noted):
                    work()
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        self.platform = Faulty.kept(self.memory)
        return "killed" if os.WIFSIGNALED(status) else "ended", read_noted(noted)

    def to_the_end(self, plan: Plan) -> Applied:
        """Go on, some minutes later each time, until nothing is left that could go on."""
        for _ in range(12):
            self.faulty.now += timedelta(minutes=5)
            try:
                applied = self.apply(plan)
            except TryLater:
                continue
            if applied.stopped is None and applied.left == 0:
                return applied
            if applied.stopped is not None and applied.stopped.why == "quota":
                self.faulty.now += timedelta(hours=12)
        return applied


@dataclass(frozen=True)
class Quiet:
    """What becomes of the plan where nobody is killed."""

    profiles: dict[str, dict[str, str | None]]
    outcomes: list[tuple[str, str | None, str]]
    """By key and column."""
    effects: list[tuple[object, ...]]
    """As the ledger has them, without moments."""


def steps_of(folder: Path, fault: str, seed: int) -> tuple[list[str], Quiet]:
    """All steps of an application to a platform with this fault, and what becomes of it."""
    world = Worked(folder, fault, seed)
    with counted(lambda _: None) as steps:
        with contextlib.suppress(TryLater):
            world.apply(everything())
        found = list(steps)
    applied = world.to_the_end(everything())
    return found, Quiet(world.faulty.profiles, told(applied, "key", "column", "outcome"), _known(_effects(world)))


def _effects(world: World) -> tuple[Effect, ...]:
    with world.ledger() as ledger:
        assert ledger.verify().problems == ()
        return ledger.effects(everything().sha)


def _known(effects: Iterable[Effect]) -> list[tuple[object, ...]]:
    return [(one.kind, one.key, one.profile_id, one.column, one.before, one.after, one.outcome) for one in effects]


def kill_and_go_on(folder: Path, fault: str, seed: int, at: int | None, quiet: Quiet) -> str:
    """Kill an application at a step, or at any moment, let others finish it, and take it back; gives how it ended."""
    world = Worked(folder, fault, seed)
    chance = random.Random(seed)  # noqa: S311
    moment = chance.uniform(0.001, 0.06)
    alarm: Callable[[], Any] = lambda: signal.setitimer(signal.ITIMER_REAL, moment) if at is None else None  # noqa: E731
    ended, steps = world.killed(lambda: world.apply(everything()), alarm, at)
    may_be_lost = unkept(steps, "HTTP start_import")
    if chance.random() < 0.3:  # and the one who goes on, too
        _, steps = world.killed(lambda: world.apply(everything()), lambda: None, chance.randrange(1, 80))
        may_be_lost |= unkept(steps, "HTTP start_import")
    applied = world.to_the_end(everything())
    place = f"{fault}, seed {seed}, killed at {at}"
    platform = world.faulty
    assert max(Counter(platform.effects).values()) == 1, f"sent twice: {place}"
    assert platform.calls["start_import"] <= 1 + (fault in ("500", "token", "quota")) * 3, place
    effects = _effects(world)
    rows = told(applied, "key", "column", "outcome")
    unknown = {row[0] for row in rows if row[2] == Outcome.UNKNOWN}
    assert unknown == set() or (unknown == BY_FILE and (may_be_lost or platform.lost)), (place, rows)
    assert rows == [(*row[:2], "unknown" if row[0] in unknown else row[2]) for row in quiet.outcomes], place
    in_doubt = [(*one[:-1], Outcome.UNKNOWN if one[1] in unknown else one[-1]) for one in quiet.effects]
    assert _known(effects) == in_doubt, place
    assert platform.profiles.keys() == quiet.profiles.keys(), place
    for number, values in quiet.profiles.items():
        assert platform.profiles[number] == values or values["customerId"] in unknown, (place, number)
    with world.ledger() as ledger:
        assert set(ledger.unsettled("Customers")["key"]) == unknown
    _taken_back(world, place, effects)
    return ended


def _taken_back(world: Worked, place: str, effects: Iterable[Effect]) -> None:
    platform = world.faulty
    platform.fault = "none"
    for execution_id, (left, *_) in list(platform.executions.items()):
        for _ in range(left + 1):
            platform.execution(execution_id)
    platform.now += timedelta(hours=2)
    require_ended(effects, platform.now)
    platform.clock = lambda: platform.now
    undo = world.undo(everything())
    platform.clock = None
    applied = world.to_the_end(undo)
    assert applied.left == 0, (place, told(applied, "key", "column", "outcome", "detail"))
    before = people(8)
    del before["8"]
    before["4"][NEWS] = "false"
    created = {number: values for number, values in platform.profiles.items() if number not in before}
    assert [values["customerId"] for values in created.values()] == ["C9"], place
    assert {number: values for number, values in platform.profiles.items() if number in before} == before, place


def test_whoever_is_killed_and_whenever_it_ends_as_if_nothing_had_been(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soak = float(os.environ.get("SOAK", 0))
    number = int(SOAKED * soak) if soak else KILLS
    quiet = steps_of(tmp_path / "quiet", "none", 0)[1]
    assert {row[2] for row in quiet.outcomes} == {"landed"}
    steps = {fault: steps_of(tmp_path / fault, fault, 1)[0] for fault in FAULTS}
    kinds = {kind.split(" ")[0] for each in steps.values() for kind in each}
    assert {"BEGIN", "INSERT", "COMMIT", "after", "open", "HTTP"} <= kinds
    ended: Counter[str] = Counter()
    for turn in range(number):
        fault = FAULTS[turn % len(FAULTS)]
        seed = 1 + turn // (len(FAULTS) * max(map(len, steps.values())))
        place, last = turn // len(FAULTS), len(steps[fault])
        at = None if turn % 10 == 9 else 1 + (place * (1 if soak else 37)) % last
        folder = tmp_path / f"kill{turn}"
        ended[kill_and_go_on(folder, fault, seed if at else turn, at, quiet)] += 1
        if soak:
            shutil.rmtree(folder)
    for turn, after in enumerate((0, 4, 12)):  # while an import is waited for whose number has just been kept
        started = steps["pending"].index("HTTP start_import after")
        at = 1 + steps["pending"].index("after COMMIT", started) + after
        ended[kill_and_go_on(tmp_path / f"waiting{turn}", "pending", 1, at, quiet)] += 1
    with capsys.disabled():
        if soak:
            boundaries = {fault: len(each) for fault, each in steps.items()}
            told_of = f"{number:,} kills ({dict(ended)}) over {boundaries} steps, seeds 1 to {seed}"
            sys.stdout.write(f"\n{told_of}\n")
    assert ended["killed"] > number * 0.8
