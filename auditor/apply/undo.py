"""A plan that takes back what a plan wrote, to be reviewed and applied like any other."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

import polars as pl

from auditor.findings.codes import Code, Notice
from auditor.model import Kind, Outcome, Route, Why
from auditor.writes import Cell, LeftAlone, Plan, Write

_STANDING = (Outcome.LANDED.value, Outcome.UNKNOWN.value)
"""What took effect or may have: applying reads first, so an unknown that did nothing is found restored already."""


_WHY = {Kind.CREATE: Why.CREATED.value, Kind.DELETE: Why.DELETED.value}


def undo_plan(
    plan: Plan, outcomes: pl.DataFrame, now: datetime, *, permissions: Collection[str], allow_delete: bool = False
) -> Plan:
    """The plan that restores what the audit saw before `plan`, where `outcomes` (columns of outcomes.OUTCOMES) say
    that it landed or may have.

    Everything goes one by one, in reverse order: applying writes a value back only where the profile still holds the
    one we wrote. Listed instead of undone: opt-outs and anything else in a permission column that would make somebody
    contactable (`permission`), creations unless `allow_delete` (`created`), deletions (`deleted`).
    """
    standing = {
        (number, column): profile_id
        for number, column, profile_id in outcomes.filter(pl.col("outcome").is_in(_STANDING))
        .select("number", "column", "profile_id")
        .iter_rows()
    }
    writes: list[Write] = []
    left: list[LeftAlone] = []
    for number, write in reversed(list(enumerate(plan.writes))):
        if write.kind in (Kind.CREATE, Kind.DELETE):
            if (number, None) not in standing:
                continue
            if write.kind is Kind.CREATE and allow_delete:
                created = replace(write, cells=tuple(Cell(c.column, c.after, None) for c in write.cells if c.after))
                writes.append(_single(created, Kind.DELETE, created.cells, standing[number, None]))
            else:
                left.append(LeftAlone(write.key, None, _WHY[write.kind], refusal=None))
            continue
        cells = [cell for cell in write.cells if not cell.carried and (number, cell.column) in standing]
        if not cells:
            continue
        profile_id = standing[number, cells[0].column]
        back = [Cell(cell.column, cell.after, cell.before) for cell in cells]
        if write.kind is Kind.SUBSCRIBE:
            writes.append(_single(write, Kind.UNSUBSCRIBE, back, profile_id))
            continue
        barred = [cell for cell in back if write.kind is Kind.UNSUBSCRIBE or cell.column in permissions]
        left += [LeftAlone(write.key, cell.column, Why.PERMISSION.value, refusal=None) for cell in barred]
        free = [cell for cell in back if cell not in barred]
        for kind, group in (
            (Kind.CLEAR, [cell for cell in free if cell.after is None]),
            (Kind.UPDATE, [cell for cell in free if cell.after is not None]),
        ):
            if group:
                writes.append(_single(write, kind, group, profile_id))
    return Plan(
        run=plan.run,
        entity=plan.entity,
        table=plan.table,
        purpose="undo",
        made=now,
        export_as_of=now,
        key=plan.key,
        fallbacks=plan.fallbacks,
        writes=tuple(writes),
        left=tuple(left),
        population=plan.population,
        route_reason=Notice(Code.ROUTE_OF_UNDO).content(),
        carried=0,
        undoes=plan.sha,
        stop=None,
    )


def _single(write: Write, kind: Kind, cells: Collection[Cell], profile_id: str | None) -> Write:
    return Write(
        kind,
        Route.SINGLE,
        write.key,
        profile_id,
        tuple(cells),
        batch=None,
        canary=False,
        decided_by=None,
        collection=None,
    )
