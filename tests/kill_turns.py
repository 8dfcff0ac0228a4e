"""One kill after the other over HTTP: what is made ready once, what is done, and what must hold after it."""

from __future__ import annotations

import csv
import json
import random
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from auditor.commands import apply as applying
from auditor.commands import plan as planning
from auditor.commands import run as pipeline
from auditor.commands import undo as undoing
from auditor.commands.stored_plans import store
from auditor.errors import TryLater
from auditor.model import Kind
from auditor.plan import road
from auditor.settings.config import Settings
from auditor.state.ledger import Ledger
from auditor.state.past_runs import find_run
from auditor.writes import Plan, Write, read_plan
from tests.kill_world import Seen, World, a_copy
from tests.steps import unkept
from tests.test_decided_once import NEWS, in_truth, somebody_off

FAULTS: Final[Mapping[str, Mapping[str, Mapping[str, object]]]] = {
    "none": {},
    "drop after effect": {"drop_after": {"rate": 0.3, "times": 4}},
    "500": {"500": {"rate": 0.3, "times": 4}},
    "duplicate delivery": {"duplicate": {"rate": 0.5, "times": 8}},
    "token expiry": {"expired_token": {"rate": 0.3, "times": 6}},
    "pending import": {"import_pending": {"rate": 1}},
    "quota midnight": {"quota_used": {"rate": 1, "times": 1}},
    "eventual consistency": {"eventual": {"rate": 0.6}},
}
"""What the sandbox does, as it is switched on. An import is held until somebody has waited for it in vain."""

LOSING: Final = ("drop after effect", "500", "duplicate delivery")
"""Faults by which the answer to a call is lost, or is that to another."""

Cells = dict[tuple[str, str | None], str]


@dataclass(frozen=True)
class Ready:
    """An audited folder with plans of everything that can be planned, which nobody has applied."""

    folder: Path
    licence: Path
    begins: datetime


@dataclass(frozen=True)
class Case:
    """Some of what was planned, as a plan of its own, and what becomes of it undisturbed."""

    folder: Path
    path: Path
    """Of the plan, from the folder."""
    before: Seen
    after: Seen
    cells: Cells
    """Outcome by key and column."""
    steps: tuple[str, ...]
    seconds: float


def make_ready(folder: Path, settings: Settings, licence: Path, begins: datetime) -> Ready:
    """Hand unique values over, let somebody opt in and two people be missing; audit it, decide, and plan."""
    key, _ = somebody_off(folder)
    _change_truth(folder, key, begins)
    pipeline.run(settings, pipeline.Request(), now=begins, tell=lambda _: None)
    line = {"key": key, "column": NEWS, "platform": "false", "truth": "true", "choice": "truth"}
    run = find_run(settings).name
    decided = folder / "decided.json"
    decided.write_text(json.dumps({"format": 1, "run": run, "table": "Customers", "by": "Mia", "decisions": [line]}))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(road, "CANARIES", 2)
        planning.plan(settings, now=begins, decisions=decided, route="bulk")
    return Ready(folder, licence, begins)


def _change_truth(folder: Path, key: str, begins: datetime) -> None:
    yesterday = (begins - timedelta(days=1)).strftime("%Y-%m-%d %H:%M:%S")
    in_truth(folder, key, optin_news="yes", optin_news_at=yesterday, optin_news_from="shop")
    file = max((folder / "crm").glob("*.csv"))
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    known = {row["contact_id"]: row for row in rows if row["email"] and row["status"] == "customer"}
    first, second, third = [one for number, one in sorted(known.items()) if number != key][-3:]
    third["email"], second["email"], first["email"] = second["email"], first["email"], "somebody.new@example.org"
    for number, name in (("C000901", "Adelheid"), ("C000902", "Zenobius")):
        new = dict.fromkeys(rows[0], "") | {"contact_id": number, "status": "customer", "last_name": f"{name}son"}
        rows.append(new | {"first_name": name, "email": f"{name.lower()}@example.net", "modified_at": yesterday})
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def make_case(ready: Ready, seed: int, base: Path) -> Case:
    """Draw a plan from what was planned; apply it, and see what it holds and in which steps."""
    folder = base / f"case{seed}"
    with a_copy(ready.folder, base / "making", ready.licence, ready.begins) as world:
        path = world.work(lambda: _drawn(world, random.Random(seed)))  # noqa: S311
        world.folder.rename(folder)
        world.folder.mkdir()
    path = path.relative_to(world.folder)
    with a_copy(folder, base / "quiet", ready.licence, ready.begins) as world:
        before = world.seen()
        steps = world.steps(lambda: apply_once(world, path))
        cells, after = world.work(lambda: cells_of(world, path)), world.seen()
    with a_copy(folder, base / "quiet", ready.licence, ready.begins) as world:
        seconds = world.work(lambda: _timed(world, path))
    return Case(folder, path, before, after, cells, tuple(steps), seconds)


def _timed(world: World, path: Path) -> float:
    began = time.perf_counter()
    apply_once(world, path)
    return time.perf_counter() - began


def _drawn(world: World, chance: random.Random) -> Path:
    planned = [read_plan(path) for path in sorted(world.folder.glob("runs/*/plan-*.json"))]
    of = {one.purpose: one for one in planned}
    full = of["create"] if chance.random() < 0.2 else of["correct"]
    always = (Kind.CREATE, Kind.SUBSCRIBE)
    kept = [write for write in full.writes if chance.random() < 0.3 or write.kind in always]
    for batch in {write.batch for write in kept if write.batch}:
        rows = [write for write in full.writes if write.batch == batch]
        canaries = [write for write in rows if write.canary][:1]
        others = [write for write in rows if not write.canary][: chance.randint(2, 4)]
        kept = [write for write in kept if write.batch != batch] + canaries + others
    kept.sort(key=full.writes.index)
    with Ledger(world.settings.state_folder) as ledger:
        return store(replace(full, writes=tuple(kept)), find_run(world.settings), ledger, world.settings).path


def apply_once(world: World, path: Path) -> tuple[str | None, int]:
    """Why it stopped, and how much is left."""
    settings, path = world.settings, world.folder / path
    left = applying.counts_left(settings, path)
    done = applying.apply(settings, path, confirmed=left, clock=world.clock, sleep=world.sleep)
    return done.stopped.why if done.stopped else None, done.left


def cells_of(world: World, path: Path) -> Cells:
    """What the ledger holds of a plan; it is whole."""
    plan = read_plan(world.folder / path)
    with Ledger(world.settings.state_folder, reading=True) as ledger:
        found = ledger.verify()
        assert found.problems == (), found.problems
        states = ledger.states(plan.sha)
    return {
        (plan.writes[number].key, column): str(state.outcome.value if state.outcome else None)
        for (number, column), state in states.items()
    }


def go_on(world: World, path: Path) -> tuple[str | None, int]:
    """The same, or why not now."""
    try:
        return apply_once(world, path)
    except TryLater as error:
        return str(error), 1


def to_the_end(world: World, path: Path) -> tuple[str | None, int]:
    """Go on, some minutes later each time, until nothing is left that could go on."""
    ended: tuple[str | None, int] = ("not begun", 1)
    for _ in range(12):
        world.pass_time(300)
        before, ended = ended, world.work(lambda: go_on(world, path))
        if ended[0] is None and (ended[1] == 0 or ended == before):
            break
        if ended[0] == "quota":
            world.pass_time(14 * 3600)
    return ended


def kill(case: Case, ready: Ready, base: Path, fault: str, seed: int, at: int | None) -> dict[str, Any]:
    """Kill an application at a step, or at any moment; let others finish it, and take it back."""
    chance = random.Random(seed)  # noqa: S311
    place = f"{case.path.stem[5:13]} under {fault}, seed {seed}, killed at {at}"
    concurrency = 1 if at else 3
    more = {"seed": seed, "concurrency": concurrency}
    with a_copy(case.folder, base / f"kill{seed}", ready.licence, ready.begins, **more) as world:
        if FAULTS[fault]:
            world.fault(**FAULTS[fault])
        killed = [world.killed(lambda: apply_once(world, case.path), at, chance.uniform(0.02, case.seconds))]
        if chance.random() < 0.3:  # and the one who goes on, too
            killed.append(world.killed(lambda: apply_once(world, case.path), chance.randrange(1, len(case.steps))))
        if fault == "pending import":
            world.work(lambda: go_on(world, case.path))
            world.fault()
        ended = to_the_end(world, case.path)
        seen, cells = world.seen(), world.work(lambda: cells_of(world, case.path))
        plan = world.work(lambda: read_plan(world.folder / case.path))
        lost = (killed[0] and at is None) or fault in LOSING
        may_be_lost = {
            call for call in ("POST", "PATCH") if lost or any(unkept(one, f"HTTP {call}") for one in world.died)
        }
        as_undisturbed(case, plan, ended, seen, cells, place, may_be_lost)
        _taken_back(world, case, plan, place, chance)
    return {"killed": sum(killed), "happened": sum(seen.faults.values())}


def as_undisturbed(
    case: Case,
    plan: Plan,
    ended: tuple[str | None, int],
    seen: Seen,
    cells: Cells,
    place: str,
    may_be_lost: Collection[str] = (),
) -> None:
    """What became of everything is known, but of that which calls of these methods may have done whose answers nobody
    kept: what may have landed is not sent again blindly.
    """
    assert not seen.breaches, (place, seen.breaches)
    assert max(seen.effects.values(), default=0) <= 1, (place, "sent twice", seen.effects)
    unknown = {key for (key, _), outcome in cells.items() if outcome == "unknown"}
    by_file = {write.key for write in plan.writes if write.batch and not write.canary and "POST" in may_be_lost}
    opt_ins = {write.key for write in plan.writes if write.kind is Kind.SUBSCRIBE and may_be_lost}
    assert unknown <= by_file | opt_ins, (place, ended, cells)
    assert ended[1] == 0 or unknown, (place, ended)
    assert cells == case.cells | {where: "unknown" for where in cells if where[0] in unknown}, (place, ended, cells)
    assert seen.imports == case.after.imports or unknown or seen.faults.get("duplicate"), place
    found, wanted = _by_name(seen, case.before), _by_name(case.after, case.before)
    assert found.keys() == wanted.keys(), place
    for name, values in found.items():
        either = values.get("customerId") in unknown and values == case.before.profiles[name]
        assert values == wanted[name] or either, (place, name)


def _by_name(seen: Seen, before: Seen) -> Mapping[str, Mapping[str, str]]:
    """Profiles by profileId; those that were created by key, for in which order they are made is not said."""
    return {
        number if number in before.profiles else values["customerId"]: (
            values if number in before.profiles else {**values, "profileId": ""}
        )
        for number, values in seen.profiles.items()
    }


def _taken_back(world: World, case: Case, plan: Plan, place: str, chance: random.Random) -> None:
    """By an undo that may itself be killed, while it is made and while it is applied."""
    world.fault()
    world.pass_time(2 * 3600)

    def undo() -> Path:
        made = undoing.undo(world.settings, world.folder / case.path, now=world.clock(), delete_created=True)
        return made.path.relative_to(world.folder)

    if chance.random() < 0.3:
        world.killed(undo, chance.randrange(1, 40))
    path = world.work(undo)
    if chance.random() < 0.5:
        world.killed(lambda: apply_once(world, path), chance.randrange(1, len(case.steps)))
    ended = to_the_end(world, path)
    seen = world.seen()
    assert ended == (None, 0), (place, "undo", ended, world.work(lambda: cells_of(world, path)))
    assert max(seen.effects.values(), default=0) <= 1, (place, "undone twice", seen.effects)
    assert seen.profiles == restored(case.before.profiles, plan.writes), place


def restored(before: Mapping[str, Mapping[str, str]], writes: Sequence[Write]) -> dict[str, dict[str, str]]:
    """What was, but for permissions: they only go down."""
    lowered = {
        write.profile_id: {cell.column: cell.after or "" for cell in write.cells}
        for write in writes
        if write.kind is Kind.UNSUBSCRIBE
    }
    return {number: {**values, **lowered.get(number, {})} for number, values in before.items()}
