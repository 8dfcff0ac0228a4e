"""What was heard of a permission, and when: neither a decision nor an undo stands against what came after it.

The same two values on another day are another matter: who withdrew a permission, gave it and withdraws it again has
said no anew, and who said yes again did so on evidence that nobody has seen. Pure: values in, values out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

import polars as pl

from auditor.model import Permission, Side
from auditor.permissions import Cell
from auditor.plan.decisions import Decision


def last_news(
    history: pl.DataFrame, began: Mapping[str, datetime], evidence: pl.DataFrame, now: datetime
) -> dict[Cell, datetime]:
    """When a side was last found to say something else than before, or the truth last dated what it says, by cell.

    `history` and `evidence` as permissions.HISTORY and EVIDENCE. That a side says what we have written there is no
    news. Nobody knew of a change before the run that saw it `began`; evidence of later than `now` is none.
    """
    found: dict[Cell, datetime] = {}

    def heard(cell: Cell, at: datetime) -> None:
        found[cell] = max(at, found.get(cell, at))

    before: dict[tuple[str, Cell], str] = {}
    sides = history.filter(pl.col("side").is_in([side.value for side in Side])).sort("at", maintain_order=True)
    for run, at, side, key, column, value in sides.select("run", "at", "side", "key", "column", "value").iter_rows():
        cell = (key, column)
        if run is not None and before.get((side, cell), value) != value:
            heard(cell, max(at, began.get(run, at)))
        before[side, cell] = value
    for key, column, date in evidence.filter(pl.col("date") <= now).select("key", "column", "date").iter_rows():
        heard((key, column), date)
    return found


def last_opt_ins(history: pl.DataFrame, cells: Collection[Cell]) -> dict[Cell, datetime]:
    """When the platform was first seen to say yes again, or we wrote it, of those of these cells that it said no or
    nothing in before; the yes itself is no later. `history` as HISTORY.

    Those that a run saw on and nothing else are left out: they may have said so anew since, as nobody knows.
    """
    here = history.filter((pl.col("side") == Side.PLATFORM) & pl.col("key").is_in({key for key, _ in cells}))
    found: dict[Cell, datetime] = {}
    before: dict[Cell, str] = {}
    for at, key, column, value in here.sort("at", "value").select("at", "key", "column", "value").iter_rows():
        cell = (key, column)
        if value != Permission.ON:
            found.pop(cell, None)
        elif before.get(cell, value) != value:
            found[cell] = at
        before[cell] = value
    return {cell: at for cell, at in found.items() if cell in cells}


def asked_by_the_truth(
    history: pl.DataFrame, cells: Collection[Cell], said_no: pl.DataFrame
) -> dict[Cell, tuple[datetime, str]]:
    """When the truth asked for it and which run saw it done, of those of these cells that went off on the
    platform, as runs saw it, after one saw that the truth had withdrawn what was on there: what nobody else has said
    no to, as far as anybody knows.

    Not where the platform said yes again in between, nor of whoever said no to messages. `history` as HISTORY,
    `said_no` as SAID_NO.
    """
    spoken = set(said_no["key"])
    seen = history.filter(pl.col("key").is_in({key for key, _ in cells} - spoken)).sort("at", maintain_order=True)
    last: dict[tuple[str, Cell], str] = {}
    asked: dict[Cell, tuple[datetime, str | None]] = {}
    done: dict[Cell, tuple[datetime, str]] = {}
    for run, at, side, key, column, value in seen.select("run", "at", "side", "key", "column", "value").iter_rows():
        cell, off = (key, column), value == Permission.OFF
        if last.get((side, cell)) == value:
            continue
        last[side, cell] = value
        if side == Side.TRUTH and off and last.get((Side.PLATFORM, cell)) == Permission.ON:
            asked[cell] = at, run
        elif side == Side.TRUTH:
            asked.pop(cell, None)
        elif side == Side.PLATFORM:
            since, by = asked.pop(cell, (at, run)) if off else (at, run)
            done.pop(cell, None)
            if by != run and run is not None:
                done[cell] = since, run
    return {cell: one for cell, one in done.items() if cell in cells}


def with_lapsed(decisions: Iterable[Decision], news: Mapping[Cell, datetime]) -> list[Decision]:
    """The decisions; those have lapsed that were made before something was heard of their cell."""

    def late(one: Decision) -> bool:
        heard = news.get((one.key, one.column))
        return heard is not None and one.made is not None and heard > one.made

    return [replace(one, lapsed=one.lapsed or late(one)) for one in decisions]


def still_undone(undone: pl.DataFrame, news: Mapping[Cell, datetime]) -> pl.DataFrame:
    """The rows (`key`, `column`, `undone_at`) of whose cells nothing was heard since they were taken back."""
    schema = {"key": pl.String(), "column": pl.String(), "heard": pl.Datetime("us", "UTC")}
    heard = pl.DataFrame([(*cell, at) for cell, at in news.items()], schema=schema, orient="row")
    both = undone.join(heard, on=["key", "column"], how="left", maintain_order="left")
    return both.filter((pl.col("heard") <= pl.col("undone_at")).fill_null(True)).drop("heard")
