"""Writes that nobody could confirm are settled by the first export that is newer than they are."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from auditor.engine.protocol import ROW_NUMBER, Engine
from auditor.equality import rules
from auditor.match import fallback
from auditor.match.join import Matched
from auditor.match.sides import source_name
from auditor.model import Kind, Side
from auditor.settings.contract import Contract
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import Settled


def from_export(
    engine: Engine, contract: Contract, matched: Matched, ledger: Ledger, table: str, as_of: datetime
) -> Settled:
    """Compares unconfirmed writes with what the export shows; records nothing.

    A cell has landed when the export holds the value that was sent, by the column's own rule; a
    created profile when it is there, a deleted one when it is not. A profile that the export does not show, or shows
    twice, is passed over: it may be outside of it, and nobody knows which row is meant.
    """
    unsettled = ledger.unsettled(table)
    if unsettled.is_empty():
        return Settled((), (), ())
    waiting = engine.put(unsettled.select("key", "column", "kind", "after").unique(), "unsettled")
    raw = matched.raw[Side.PLATFORM]
    there = fallback.spellings(matched.keys[Side.PLATFORM])
    once = there.group_by("key").agg(row=there.row.min(), rows=there.count()).filter(lambda t: t.rows == 1)
    whole = waiting.filter(waiting["column"].isnull()).left_join(there.select("key", shown="key").distinct(), "key")
    present = whole.shown.notnull()
    seen = [
        engine.frame(
            whole.select(
                key=whole.key,
                column=whole["column"],
                equal=(present & (whole.kind == Kind.CREATE.value)) | (~present & (whole.kind == Kind.DELETE.value)),
            )
        )
    ]
    zone = contract.timezone.key
    for column in contract.columns:
        mine = waiting.filter(waiting["column"] == column.name)
        placed = mine.join(once, "key")
        now_held = raw.select(held=raw[source_name(column, Side.PLATFORM)], own_row=raw[ROW_NUMBER])
        joined = placed.join(now_held, placed.row == now_held.own_row)
        held = rules.canonical(joined.held, column, Side.PLATFORM, zone)
        sent = rules.canonical(joined.after, column, Side.PLATFORM, zone)
        equal = rules.equal(held, sent, column)
        seen.append(engine.frame(joined.select(key=joined.key, column=joined["column"], equal=equal)))
    told = pl.concat([frame.cast({"key": pl.String, "column": pl.String, "equal": pl.Boolean}) for frame in seen])
    return ledger.told_by_export(table, told, as_of)
