"""The order in which unique values change hands.

A profile can take over a value only once the profile that holds it has let go, so the holder's write comes first. Where
that goes round in a circle (two profiles exchange their values) no order works, and a person must look. Where the last
holder of a chain keeps hers, Actito refuses the write before it, and so each that waits for that one. All of this is
about single cells: what else a profile is to have, unique or not, does not wait for a value that cannot be had.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import polars as pl

from auditor.model import Kind, Why
from auditor.writes import Write

Cell = tuple[str, str]
"""Key and column."""
Node = TypeVar("Node", bound=Hashable)


def without_order(
    writes: Iterable[Write], held: pl.DataFrame, unique: Collection[str], holders: pl.DataFrame
) -> dict[Cell, Why]:
    """The unique cells that no order can write: on a circle, or taken by somebody who keeps it.

    `held` are all differences (key, column, platform), planned or not: whoever appears there with a unique value holds
    it. `holders` are further ones, as `plan.knowledge.OF_OTHERS`: whoever has no difference there keeps what she has.
    """
    updates, clears = _parted(writes)
    wanted = _wanted(updates, unique)
    waits_for, stuck = _waits(wanted, clears, held, holders)
    _, unresolved = _sorted(list(wanted), waits_for, stuck)
    circle = _circles(waits_for)
    return {cell: Why.CIRCLE if cell in circle else Why.TAKEN for cell in wanted if cell in unresolved}


def in_order(
    writes: Iterable[Write], held: pl.DataFrame, unique: Collection[str], holders: pl.DataFrame
) -> list[Write]:
    """The updates among the writes, in an order that works. ValueError where there is none: see `without_order`.

    Of profiles that wait for each other, each for another cell, every unique cell is a write of its own.
    """
    updates, clears = _parted(writes)
    waits_for, stuck = _waits(_wanted(updates, unique), clears, held, holders)
    among = _circles(_between(updates, waits_for))
    pieces = [
        piece for number, one in enumerate(updates) for piece in (_apart(one, unique) if number in among else [one])
    ]
    waiting = {place for place, one in enumerate(pieces) for cell in one.cells if (one.key, cell.column) in stuck}
    order, unresolved = _sorted(range(len(pieces)), _between(pieces, waits_for), waiting)
    if unresolved:
        raise ValueError(f"{len(unresolved)} updates of unique values cannot be put in order")
    return [pieces[place] for place in order]


def _parted(writes: Iterable[Write]) -> tuple[list[Write], list[Write]]:
    """The updates, and what is cleared before all of them."""
    given = list(writes)
    return [one for one in given if one.kind is Kind.UPDATE], [one for one in given if one.kind is Kind.CLEAR]


def _wanted(updates: Iterable[Write], unique: Collection[str]) -> dict[Cell, str]:
    """The unique cells, by key and column, with the value that each is to have."""
    return {
        (write.key, cell.column): _folded(cell.after or "")
        for write in updates
        for cell in write.cells
        if cell.column in unique
    }


def _apart(write: Write, unique: Collection[str]) -> list[Write]:
    """A write for each unique cell, behind one of all others."""
    others = tuple(cell for cell in write.cells if cell.column not in unique)
    alone = [(cell,) for cell in write.cells if cell.column in unique]
    return [replace(write, cells=cells) for cells in (others, *alone) if cells]


def _between(writes: Sequence[Write], waits_for: Mapping[Cell, Collection[Cell]]) -> dict[int, set[int]]:
    """Which writes wait for which, by their places."""
    place = {(write.key, cell.column): number for number, write in enumerate(writes) for cell in write.cells}
    between: dict[int, set[int]] = {}
    for cell, others in waits_for.items():
        if awaited := {place[other] for other in others} - {place[cell]}:
            between.setdefault(place[cell], set()).update(awaited)
    return between


def _waits(
    wanted: Mapping[Cell, str], clears: Iterable[Write], held: pl.DataFrame, holders: pl.DataFrame
) -> tuple[dict[Cell, set[Cell]], set[Cell]]:
    """Which cells wait for which, and which wait for nothing that will ever come.

    Values are compared without case and outer blanks: a dependency too many costs nothing.
    """
    columns = sorted({column for _, column in wanted})
    having: dict[tuple[str, str], set[str]] = {}
    filled = held.filter(pl.col("column").is_in(columns), pl.col("platform").fill_null("") != "")
    for key, column, platform in filled.select("key", "column", "platform").iter_rows():
        having.setdefault((column, _folded(platform)), set()).add(key)
    others: dict[Cell, set[str]] = {}
    for key, column, holder in holders.drop_nulls("holder").select("key", "column", "holder").iter_rows():
        others.setdefault((key, column), set()).add(holder)
    free = {(write.key, cell.column) for write in clears for cell in write.cells}
    takers = Counter((column, value) for (_, column), value in wanted.items())
    waits_for: dict[Cell, set[Cell]] = {}
    stuck: set[Cell] = set()
    for (key, column), value in wanted.items():
        if takers[column, value] > 1:
            stuck.add((key, column))  # whoever came first would have it, and nobody says who that should be
        for holder in (having.get((column, value), set()) | others.get((key, column), set())) - {key}:
            if (holder, column) in free:
                continue
            if (holder, column) in wanted:
                waits_for.setdefault((key, column), set()).add((holder, column))
            else:
                stuck.add((key, column))
    return waits_for, stuck


def _sorted(
    nodes: Collection[Node], waits_for: Mapping[Node, set[Node]], stuck: Collection[Node] = ()
) -> tuple[list[Node], set[Node]]:
    """`nodes` in an order in which each follows what it waits for, the first given first; and those that never come."""
    given = list(nodes)
    place = {node: number for number, node in enumerate(given)}
    missing = {node: len(waits_for.get(node, ())) for node in given}
    ready = [place[node] for node in given if missing[node] == 0 and node not in stuck]
    followers = _turned(waits_for)
    order: list[Node] = []
    while ready:
        node = given[heapq.heappop(ready)]
        order.append(node)
        for follower in followers.get(node, ()):
            missing[follower] -= 1
            if missing[follower] == 0 and follower not in stuck:
                heapq.heappush(ready, place[follower])
    return order, set(given).difference(order)


def _circles(waits_for: Mapping[Node, set[Node]]) -> set[Node]:
    """Those on a circle: all but those that can come first, and those that can come last."""
    _, never_first = _sorted(set(waits_for).union(*waits_for.values()), waits_for)
    among = {node: waits_for.get(node, set()) & never_first for node in never_first}
    _, never_last = _sorted(never_first, _turned(among))
    return never_last


def _turned(waits_for: Mapping[Node, set[Node]]) -> dict[Node, set[Node]]:
    """Who is awaited by whom."""
    turned: dict[Node, set[Node]] = {}
    for node, others in waits_for.items():
        for other in others:
            turned.setdefault(other, set()).add(node)
    return turned


def _folded(text: str) -> str:
    return text.strip().casefold()
