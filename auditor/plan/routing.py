"""How writes travel: one by one, or in corrective files.

A file costs a call of a small daily quota and tells late what became of its rows; a single write is checked before and
after, but takes its time. `auto` weighs how many profiles there are, what must not travel by file, the calls left today
and the time that single calls would take, and says so in a sentence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

import polars as pl

from auditor.errors import GuardRefused, SettingsError
from auditor.findings.codes import Code, Notice
from auditor.model import Kind, Route, Why
from auditor.plan.road import FIRST_STEPS, SEEN, Road
from auditor.settings.contract import Master
from auditor.writes import Cell, LeftAlone, Write

KEPT_FOR_UNDO: Final = 1
"""File calls of a day that no plan but an undo uses."""

DAYS: Final = 7
"""The calls of so many days are planned at once: what waits for longer is approved when it is nearer."""

FILE_BYTES: Final = 90_000_000
"""Most bytes of the rows of one file, before compression: safely below Actito's limit of 100 MB (D-limits)."""


@dataclass(frozen=True, slots=True)
class Routed:
    """Writes with their routes, in the order in which they go."""

    writes: tuple[Write, ...]
    left: tuple[LeftAlone, ...]
    files: int
    """That are sent today."""
    reason: Notice


@dataclass(slots=True)
class _Files:
    """The files of one plan while they are filled."""

    road: Road
    batches: dict[Kind, list[list[Write]]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(len(batches) for batches in self.batches.values())

    @property
    def later(self) -> tuple[int, int]:
        """How many of the files are another day's, and how many days that takes beside today."""
        left = self.count - self._today
        daily = max(1, self.road.daily_calls - KEPT_FOR_UNDO)
        return (0, 0) if left <= 0 or self.road.policy.for_others else (left, -(-left // daily))

    @property
    def today(self) -> int:
        """How many of the files are today's."""
        return self.count - self.later[0]

    @property
    def _today(self) -> int:
        return max(0, self.road.file_calls - KEPT_FOR_UNDO)

    def take(self, kind: Kind, writes: Sequence[Write], *, any_day: bool = False) -> bool:
        """Put `writes` into as many files as their size needs; False, and none is taken, if there is no room.

        There is room for the calls of today, or, on `any_day`, of as many days as are planned.
        """
        files = list(_by_size(writes))
        others = (DAYS - 1) * max(0, self.road.daily_calls - KEPT_FOR_UNDO) if any_day else 0
        if self.count + len(files) > self._today + others and not self.road.policy.for_others:
            return False
        if len(files) > 1 and len(files[-1]) <= self.road.canaries:
            both = files[-2] + files[-1]
            files[-2:] = [both[: len(both) // 2], both[len(both) // 2 :]]
        self.batches.setdefault(kind, []).extend(files)
        return True

    def keys(self, kind: Kind) -> set[str]:
        return {write.key for batch in self.batches.get(kind, ()) for write in batch}

    def sent(self, kind: Kind) -> Iterator[Write]:
        """The writes of all files of a kind: of each file the canaries, then the rest."""
        for number, batch in enumerate(self.batches.get(kind, ()), start=1):
            name = f"{self.road.table}-{kind.value}-{number}"
            canaries = self._canaries(number)
            for place, write in enumerate(batch):
                canary = place < canaries
                yield replace(write, route=Route.SINGLE if canary else Route.BULK, batch=name, canary=canary)

    def _canaries(self, number: int) -> int:
        """Before the first file of a first load go its first steps, and then it is known how rows fare."""
        if not self.road.first_load:
            return self.road.canaries
        return sum(FIRST_STEPS) if number == 1 else 0


def route_corrections(writes: Sequence[Write], road: Road) -> Routed:
    """Route everything but creations. `writes` are single, in an order per kind that single writes keep.

    Opt-outs go first. By file go opt-outs of one permission that are enough for a file of key and that permission, and
    updates of columns whose master is the truth: a file per exact set of changed columns, since whatever else stood in
    it could be somebody's edit by then. What is not enough for a file, unique attributes, real-time columns, clears,
    opt-ins, deletions and what several people decided go one by one.

    Raises GuardRefused or SettingsError when files are asked for and cannot be made.
    """
    _require_files(road, writes)
    kinds: dict[Kind, list[Write]] = {kind: [] for kind in Kind}
    for write in writes:
        kinds[write.kind].append(write)
    updates = kinds[Kind.UPDATE]
    files = _Files(road)
    opt_outs = _file_opt_outs(kinds[Kind.UNSUBSCRIBE], files)
    groups = _groups(updates, road)
    late = [group for group in groups if len(group) >= road.smallest_file and not files.take(Kind.UPDATE, group)]
    others = road.cost([*opt_outs, *kinds[Kind.CLEAR], *kinds[Kind.SUBSCRIBE], *kinds[Kind.DELETE]])

    def one_by_one(elsewhere: Collection[str]) -> int:
        return others + road.cost(write for write in updates if write.key not in elsewhere)

    waiting: set[str] = set()
    if late and _must_wait(one_by_one(files.keys(Kind.UPDATE)), road):
        beyond = [group for group in late if not files.take(Kind.UPDATE, group, any_day=True)]
        waiting = {write.key for group in beyond for write in group}
    few = [group for group in groups if len(group) < road.smallest_file]
    gathering = _gathering(few, one_by_one(files.keys(Kind.UPDATE) | waiting), road)
    travels = files.keys(Kind.UPDATE) | waiting | gathering
    ordered = (
        *opt_outs,
        *files.sent(Kind.UNSUBSCRIBE),
        *kinds[Kind.CLEAR],
        *(write for write in updates if write.key not in travels),
        *files.sent(Kind.UPDATE),
        *kinds[Kind.SUBSCRIBE],
        *kinds[Kind.DELETE],
    )
    left = tuple(
        LeftAlone(write.key, cell.column, (Why.QUOTA if write.key in waiting else Why.GATHERING).value, refusal=None)
        for write in updates
        if write.key in waiting | gathering
        for cell in write.cells
    )
    return Routed(ordered, left, files.today, _reason(ordered, len(waiting), files, len(gathering)))


def route_creations(writes: Sequence[Write], road: Road) -> Routed:
    """Route creations and the opt-ins that follow some of them; a profile with such an opt-in is created by itself.

    All others share one file, if they are enough for one: an empty cell of a creation erases nothing. Into an empty
    table the first of them go in FIRST_STEPS, one by one, whether a file follows or not; opt-ins and the profiles that
    have one come last.

    Raises GuardRefused or SettingsError when files are asked for and cannot be made.
    """
    _require_files(road, writes)
    creations = [write for write in writes if write.kind is Kind.CREATE]
    opt_ins = [write for write in writes if write.kind is Kind.SUBSCRIBE]
    opted_in = {write.key for write in opt_ins}
    files = _Files(road)
    fit = [
        write
        for write in creations
        if road.open(road.policy.max_age)
        and write.key not in opted_in | road.alone
        and not any(road.policy.in_real_time(cell.column) for cell in write.cells)
    ]
    steps = sum(FIRST_STEPS) if road.first_load else 0
    enough = len(fit) >= road.smallest_file
    late = enough and not files.take(Kind.CREATE, fit)
    waiting: set[str] = set()
    if late and _must_wait(road.cost([*creations, *opt_ins]), road) and not files.take(Kind.CREATE, fit, any_day=True):
        waiting = {write.key for write in fit}
    in_files = files.keys(Kind.CREATE)
    alone = [write for write in creations if write.key not in in_files | waiting]
    trial = [write for write in alone if write.key not in opted_in][: 0 if files.count else steps]
    tried = {write.key for write in trial}
    batch = f"{road.table}-{Kind.CREATE.value}-1"
    ordered = (
        *(replace(write, batch=batch, canary=True) for write in trial),
        *(write for write in alone if write.key not in tried),
        *files.sent(Kind.CREATE),
        *opt_ins,
    )
    left = tuple(LeftAlone(key, None, Why.QUOTA.value, refusal=None) for key in sorted(waiting))
    return Routed(ordered, left, files.today, _reason(ordered, len(waiting), files))


def _require_files(road: Road, writes: Sequence[Write]) -> None:
    if road.policy.route != "bulk" or not writes:
        return
    if not road.single_key:
        raise SettingsError("files need a key of one column, and this contract has several", hint="use --route single")
    if road.export_age > road.policy.max_age:
        age, limit = (int(span / timedelta(hours=1)) for span in (road.export_age, road.policy.max_age))
        raise GuardRefused(
            f"the export is {age} hours old, and files are made from one of at most {limit} hours (fixes.max_age)",
            hint="take a fresh export and audit it, or use --route single",
        )


def _file_opt_outs(writes: Sequence[Write], files: _Files) -> list[Write]:
    """Fill files of key and one permission; what stays goes one by one, since opt-outs never wait."""
    road = files.road
    if not road.open(road.policy.permission_max_age):
        return list(writes)
    named = [write for write in writes if write.key not in road.alone]
    counts = Counter(cell.column for write in named for cell in write.cells)
    filed: set[str] = set()
    for column, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if count < road.smallest_file or road.policy.in_real_time(column):
            continue
        rows = [replace(write, cells=_only(write, {column})) for write in named if _only(write, {column})]
        if files.take(Kind.UNSUBSCRIBE, rows):
            filed.add(column)
    single = (
        write if write.key in road.alone else replace(write, cells=_only(write, counts.keys() - filed))
        for write in writes
    )
    return [write for write in single if write.cells]


def _groups(updates: Sequence[Write], road: Road) -> list[list[Write]]:
    """The updates that may travel by file, by exact set of changed columns: largest first."""
    if not road.open(road.policy.max_age):
        return []
    by_file = {
        name
        for name, column in road.columns.items()
        if column.master is Master.TRUTH and column.permission is None
        if name not in road.unique and not road.policy.in_real_time(name)
    }
    writes_per_key = Counter(write.key for write in updates)
    groups: dict[tuple[str, ...], list[Write]] = {}
    for write in updates:
        columns = tuple(cell.column for cell in write.cells)
        if writes_per_key[write.key] == 1 and by_file.issuperset(columns) and write.key not in road.alone:
            groups.setdefault(columns, []).append(write)
    return [sorted(group, key=lambda write: write.key) for _, group in sorted(groups.items(), key=_largest_first)]


def _largest_first(group: tuple[tuple[str, ...], list[Write]]) -> tuple[int, tuple[str, ...]]:
    columns, writes = group
    return -len(writes), columns


def _must_wait(calls: int, road: Road) -> bool:
    """Whether what is enough for a file waits for one: files are asked for, or so many single calls take too long."""
    return road.policy.route == "bulk" or road.too_long(calls)


def _gathering(groups: Iterable[Sequence[Write]], calls: int, road: Road) -> set[str]:
    """Whose corrections wait for more of the same columns: whole groups, until single calls are quick enough.

    `groups` are too small for a file, the largest first; `calls` are those of all that would go one by one. What
    differed already when GATHERING began does not wait any longer.
    """
    if road.policy.route != "auto" or road.policy.for_others or road.seen is None:
        return set()
    gathering: set[str] = set()
    for group in groups:
        if not road.too_long(calls):
            break
        rows = [(write.key, cell.column) for write in group for cell in write.cells]
        cells = pl.DataFrame(rows, schema=SEEN, orient="row")
        waited = set(cells.join(road.seen, on=[*SEEN], how="semi")["key"])
        waits = [write for write in group if write.key not in waited]
        gathering |= {write.key for write in waits}
        calls -= road.cost(waits)
    return gathering


def _by_size(writes: Iterable[Write]) -> Iterator[list[Write]]:
    """`writes` in portions that fit into a file, in their order."""
    portion: list[Write] = []
    size = 0
    for write in writes:
        texts = (write.key, *(cell.after or "" for cell in write.cells))
        row = sum(len(text.encode()) + text.count('"') + 3 for text in texts)
        if portion and size + row > FILE_BYTES:
            yield portion
            portion, size = [], 0
        portion.append(write)
        size += row
    if portion:
        yield portion


def _only(write: Write, columns: Iterable[str]) -> tuple[Cell, ...]:
    wanted = set(columns)
    return tuple(cell for cell in write.cells if cell.column in wanted)


def _reason(writes: Sequence[Write], waiting: int, files: _Files, gathering: int = 0) -> Notice:
    """Why the writes travel as they do."""
    road = files.road
    bulk = sum(write.route is Route.BULK for write in writes)
    canaries = sum(write.canary for write in writes) if files.count else 0
    first = bool(files.count)  # who goes before a file, and not a first load in steps of its own
    alone = (write for write in writes if write.route is Route.SINGLE and not (first and write.canary))
    before = 0 if road.policy.for_others else canaries  # whoever else imports a file has all its rows in it
    calls = road.cost(write for write in writes if write.route is Route.SINGLE and (not write.canary or before))
    if not road.policy.for_others:
        calls += sum(road.calls.of_file(len(batch)) for batches in files.batches.values() for batch in batches)
    told = {
        "steps": list(FIRST_STEPS) if road.first_load and writes else [],
        "by_file": bulk + canaries - before,
        "files": files.count,
        "before": before,
        "single": len({(write.kind, write.key) for write in alone}),
        "minutes": max(1, round(road.minutes(calls))),
        "calls": calls,
        "pace": road.policy.calls_per_minute,
        "waiting": waiting,
        "because": _because(road),
    }
    policy = road.policy
    at_once = sum(
        write.route is Route.SINGLE and any(policy.in_real_time(cell.column) for cell in write.cells)
        for write in writes
    )
    later, days = files.later
    at_times = {"realtime": at_once, "later": later, "days": days, "gathering": gathering}
    weighed = {"kept_single": list(policy.realtime)} if policy.route == "auto" and bulk else {}
    return Notice(Code.ROUTE, told | {name: number for name, number in at_times.items() if number} | weighed)


def _because(road: Road) -> dict[str, Any]:
    policy = road.policy
    if policy.route != "auto":
        return {"asked": policy.route}
    if not road.single_key:
        return {"several_key_columns": True}
    if road.export_age > policy.max_age:
        return {"too_old": policy.max_age / timedelta(hours=1)}
    return {"least": policy.bulk_min_rows, "calls": max(0, road.file_calls), "kept": KEPT_FOR_UNDO}
