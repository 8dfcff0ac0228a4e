"""The order in which unique values change hands.

A profile can take over a value only once the profile that holds it has let go, so the holder's write comes first. Where
that goes round in a circle (two profiles exchange their values) no order works, and a person must look.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence

import polars as pl

from auditor.model import Kind, Why
from auditor.writes import Write


def without_order(writes: Iterable[Write], held: pl.DataFrame, unique: Collection[str]) -> dict[tuple[str, str], Why]:
    """The unique cells that no order can write, by key and column: on a circle, or taken by somebody who keeps it.

    `held` are all differences (key, column, platform), planned or not: whoever appears there with a unique value holds
    it.
    """
    updates, clears = _parted(writes)
    waits_for, stuck = _waits(updates, clears, held, unique)
    _, unresolved = _sorted(range(len(updates)), waits_for, stuck)
    circle = _circles(waits_for)
    return {
        (updates[number].key, cell.column): Why.CIRCLE if number in circle else Why.TAKEN
        for number in sorted(unresolved)
        for cell in updates[number].cells
        if cell.column in unique
    }


def in_order(writes: Iterable[Write], held: pl.DataFrame, unique: Collection[str]) -> list[Write]:
    """The updates among the writes, in an order that works. ValueError where there is none: see `without_order`."""
    updates, clears = _parted(writes)
    order, unresolved = _sorted(range(len(updates)), *_waits(updates, clears, held, unique))
    if unresolved:
        raise ValueError(f"{len(unresolved)} updates of unique values cannot be put in order")
    return [updates[number] for number in order]


def _parted(writes: Iterable[Write]) -> tuple[list[Write], list[Write]]:
    """The updates, and what is cleared before all of them."""
    wanted = list(writes)
    return [one for one in wanted if one.kind is Kind.UPDATE], [one for one in wanted if one.kind is Kind.CLEAR]


def _waits(
    updates: Sequence[Write], clears: Iterable[Write], held: pl.DataFrame, unique: Collection[str]
) -> tuple[dict[int, set[int]], set[int]]:
    """Which updates wait for which, by their places, and which wait for nothing that will ever come.

    Values are compared without case and outer blanks: a dependency too many costs nothing.
    """
    holders: dict[tuple[str, str], set[str]] = {}
    filled = held.filter(pl.col("column").is_in(unique), pl.col("platform").fill_null("") != "")
    for key, column, platform in filled.select("key", "column", "platform").iter_rows():
        holders.setdefault((column, _folded(platform)), set()).add(key)
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
    return waits_for, stuck


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
