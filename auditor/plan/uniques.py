"""The order in which unique values change hands.

A profile can take over a value only once the profile that holds it has let go, so the holder's write comes first. Where
that goes round in a circle (two profiles exchange their values) no order works, and a person must look. Where the last
holder of a chain keeps hers, Actito refuses the write before it, and so each that waits for that one.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

import polars as pl

from auditor.model import Kind, Why
from auditor.writes import Write


def without_order(
    writes: Iterable[Write], held: pl.DataFrame, unique: Collection[str], holders: pl.DataFrame
) -> dict[tuple[str, str], Why]:
    """The unique cells that no order can write, by key and column: on a circle, or taken by somebody who keeps it.

    `held` are all differences (key, column, platform), planned or not: whoever appears there with a unique value holds
    it. `holders` are further ones, as `plan.knowledge.OF_OTHERS`: whoever has no difference there keeps what she has.
    """
    updates, clears = _parted(writes)
    waits_for, stuck = _waits(updates, clears, held, unique, holders)
    _, unresolved = _sorted(range(len(updates)), waits_for, stuck)
    circle = _circles(waits_for)
    return {
        (updates[number].key, cell.column): Why.CIRCLE if number in circle else Why.TAKEN
        for number in sorted(unresolved)
        for cell in updates[number].cells
        if cell.column in unique
    }


def in_order(
    writes: Iterable[Write], held: pl.DataFrame, unique: Collection[str], holders: pl.DataFrame
) -> list[Write]:
    """The updates among the writes, in an order that works. ValueError where there is none: see `without_order`."""
    updates, clears = _parted(writes)
    order, unresolved = _sorted(range(len(updates)), *_waits(updates, clears, held, unique, holders))
    if unresolved:
        raise ValueError(f"{len(unresolved)} updates of unique values cannot be put in order")
    return [updates[number] for number in order]


def _parted(writes: Iterable[Write]) -> tuple[list[Write], list[Write]]:
    """The updates, and what is cleared before all of them."""
    wanted = list(writes)
    return [one for one in wanted if one.kind is Kind.UPDATE], [one for one in wanted if one.kind is Kind.CLEAR]


def _waits(
    updates: Sequence[Write],
    clears: Iterable[Write],
    held: pl.DataFrame,
    unique: Collection[str],
    holders: pl.DataFrame,
) -> tuple[dict[int, set[int]], set[int]]:
    """Which updates wait for which, by their places, and which wait for nothing that will ever come.

    Values are compared without case and outer blanks: a dependency too many costs nothing.
    """
    having: dict[tuple[str, str], set[str]] = {}
    filled = held.filter(pl.col("column").is_in(unique), pl.col("platform").fill_null("") != "")
    for key, column, platform in filled.select("key", "column", "platform").iter_rows():
        having.setdefault((column, _folded(platform)), set()).add(key)
    others: dict[tuple[str, str], set[str]] = {}
    for key, column, holder in holders.drop_nulls("holder").select("key", "column", "holder").iter_rows():
        others.setdefault((key, column), set()).add(holder)
    free = {(write.key, cell.column) for write in clears for cell in write.cells}
    wanted = {
        (write.key, cell.column): (number, _folded(cell.after or ""))
        for number, write in enumerate(updates)
        for cell in write.cells
        if cell.column in unique
    }
    takers = Counter((column, value) for (_, column), (_, value) in wanted.items())
    waits_for: dict[int, set[int]] = {}
    stuck: set[int] = set()
    for (key, column), (number, value) in wanted.items():
        if takers[column, value] > 1:
            stuck.add(number)  # whoever came first would have it, and nobody says who that should be
        for holder in (having.get((column, value), set()) | others.get((key, column), set())) - {key}:
            if (holder, column) in free:
                continue
            if (holder, column) in wanted:
                waits_for.setdefault(number, set()).add(wanted[holder, column][0])
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
