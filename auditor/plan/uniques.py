"""The order in which unique values change hands.

A profile can take over a value only once the profile that holds it has let go, so the holder's write comes first. Where
that goes round in a circle (two profiles exchange their values) no order works, and a person must look.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from auditor.model import Why
from auditor.plan.policy import Difference
from auditor.writes import LeftAlone, Write


@dataclass(frozen=True, slots=True)
class Arranged:
    """Updates in an order that works, and the unique cells that no order can write."""

    writes: tuple[Write, ...]
    left: tuple[LeftAlone, ...]


def arrange(
    updates: Sequence[Write], clears: Iterable[Write], held: Iterable[Difference], unique: Collection[str]
) -> Arranged:
    """Put `updates` in order; those that no order helps lose their unique cells, not their others.

    `clears` are written before all updates, so what they clear is free. `held` are all differences, planned or not:
    whoever appears there with a unique value holds it. Values are compared without case and outer blanks: a dependency
    too many costs nothing.
    """
    holders: dict[tuple[str, str], set[str]] = {}
    for row in held:
        if row.column in unique and row.platform:
            holders.setdefault((row.column, _folded(row.platform)), set()).add(row.key)
    free = {(write.key, cell.column) for write in clears for cell in write.cells}
    mover = {
        (write.key, cell.column): number
        for number, write in enumerate(updates)
        for cell in write.cells
        if cell.column in unique
    }
    waits_for: dict[int, set[int]] = {}
    stuck: set[int] = set()
    for (key, column), number in mover.items():
        cell = next(cell for cell in updates[number].cells if cell.column == column)
        for holder in holders.get((column, _folded(cell.after or "")), set()) - {key}:
            if (holder, column) in free:
                continue
            if (holder, column) in mover:
                waits_for.setdefault(number, set()).add(mover[holder, column])
            else:
                stuck.add(number)
    order, unresolved = _sorted(range(len(updates)), waits_for, stuck)
    circle = _circles(waits_for)
    left = [
        LeftAlone(updates[number].key, cell.column, (Why.CIRCLE if number in circle else Why.TAKEN).value)
        for number in sorted(unresolved)
        for cell in updates[number].cells
        if cell.column in unique
    ]
    arranged = [updates[number] for number in order]
    for number in sorted(unresolved):
        rest = tuple(cell for cell in updates[number].cells if cell.column not in unique)
        if rest:
            arranged.append(replace(updates[number], cells=rest))
    return Arranged(tuple(arranged), tuple(left))


def _sorted(
    numbers: Collection[int], waits_for: Mapping[int, set[int]], stuck: Collection[int] = ()
) -> tuple[list[int], set[int]]:
    """`numbers` in an order in which each follows what it waits for, smallest first; and those that never come."""
    missing = {number: len(waits_for.get(number, ())) for number in numbers}
    ready = [number for number in sorted(numbers) if missing[number] == 0 and number not in stuck]
    followers = _turned(waits_for)
    order: list[int] = []
    while ready:
        number = heapq.heappop(ready)
        order.append(number)
        for follower in followers.get(number, ()):
            missing[follower] -= 1
            if missing[follower] == 0 and follower not in stuck:
                heapq.heappush(ready, follower)
    return order, set(numbers).difference(order)


def _circles(waits_for: Mapping[int, set[int]]) -> set[int]:
    """The numbers on a circle: all but those that can come first, and those that can come last."""
    _, never_first = _sorted(set(waits_for).union(*waits_for.values()), waits_for)
    among = {number: waits_for.get(number, set()) & never_first for number in never_first}
    _, never_last = _sorted(never_first, _turned(among))
    return never_last


def _turned(waits_for: Mapping[int, set[int]]) -> dict[int, set[int]]:
    """Who is awaited by whom."""
    turned: dict[int, set[int]] = {}
    for number, others in waits_for.items():
        for other in others:
            turned.setdefault(other, set()).add(number)
    return turned


def _folded(text: str) -> str:
    return text.strip().casefold()
