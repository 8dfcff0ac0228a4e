"""Writes that nobody could confirm are settled by the first export that is newer than they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

import ibis
import polars as pl

from auditor.engine.protocol import ROW_NUMBER, Engine
from auditor.equality import rules
from auditor.match import fallback, keys
from auditor.match.join import Matched
from auditor.match.sides import source_name
from auditor.model import SEGMENTATION_PREFIX, SUBSCRIPTION_PREFIX, TEXTS, Kind, Side
from auditor.settings.contract import Column, Contract
from auditor.state.ledger import Ledger
from auditor.state.ledger.persons import under_keys_of_export
from auditor.state.ledger.records import Settled

if TYPE_CHECKING:
    import ibis.expr.types as ir

_MARKED: Final = (SUBSCRIPTION_PREFIX, SEGMENTATION_PREFIX)
_SEEN: Final = pl.Schema({"write": pl.Int64(), "equal": pl.Boolean(), "audited": pl.Boolean()})


def from_export(
    engine: Engine, contract: Contract, matched: Matched, ledger: Ledger, table: str, as_of: datetime
) -> Settled:
    """Compares unconfirmed writes with what the export shows; records nothing.

    A cell has landed when the export holds the value that was sent, by the column's own rule; a
    created profile when it is there, a deleted one when it is not. A profile that the export does not show, or shows
    twice, is passed over: it may be outside of it, and nobody knows which row is meant. Whose key somebody else has by
    now is not there, unless the profileId says otherwise.
    """
    unsettled = ledger.unsettled(table)
    if unsettled.is_empty():
        return Settled((), (), (), frozenset(), ())
    raw, own = matched.raw[Side.PLATFORM], matched.keys[Side.PLATFORM]
    there = fallback.spellings(own)
    once = there.group_by("key").agg(row=there.row.min(), rows=there.count()).filter(lambda t: t.rows == 1)
    people = own.filter(own.text.notnull()).select("profile_id", key="text")
    theirs = under_keys_of_export(engine, unsettled, people, "unsettled")
    waiting = engine.put(theirs.select("write", "key", "column", "before", "after"), "unsettled")
    alone = engine.put(unsettled.filter(pl.col("column").is_null()).select("write", "kind"), "unsettled_profiles")
    shown = waiting.semi_join(there, "key").select(shown="write")
    whole = alone.left_join(shown, alone.write == shown.shown)
    present = whole.shown.notnull()
    seen = [
        engine.frame(
            whole.select(
                write=whole.write,
                equal=(present & (whole.kind == Kind.CREATE.value)) | (~present & (whole.kind == Kind.DELETE.value)),
                audited=ibis.literal(value=True),
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
        audited = _unchanged(joined.held, joined.before, column, zone)
        seen.append(engine.frame(joined.select(write=joined.write, equal=equal, audited=audited)))
    told = pl.concat([_SEEN.to_frame(), *seen], how="vertical_relaxed")
    settled = ledger.told_by_export(table, told, as_of)
    edited = told.filter(~pl.col("audited"))["write"]
    return replace(settled, edited=frozenset(edited).intersection(settled.changed))


def not_yet_sent(
    engine: Engine, contract: Contract, raw: ir.Table, sent: pl.DataFrame
) -> Iterator[tuple[int, str | None, bool]]:
    """What an export that was taken between the audited one and the end of an import shows of the cells of its file:
    the numbers of those writes whose cell did not hold what was sent, what it held, and whether that is an edit, which
    it is where it is not what was audited either.

    `raw` are the rows of the export, `sent` is as `Ledger.by_file` gives it. A key that stands there twice is passed
    over: nobody knows which row is meant. So is one that was another profile's then: what that held is no edit of this.
    """
    zone = contract.timezone.key
    headers = {column.name: source_name(column, Side.PLATFORM) for column in contract.columns}
    own = headers[contract.key[0]]
    once = raw.group_by(raw[own]).having(raw.count() == 1).agg()
    rows = raw.semi_join(once, own)
    for column in contract.columns:
        mine = sent.filter(pl.col("column") == column.name).select("write", "key", "profile_id", "before", "after")
        if mine.is_empty() or headers[column.name] not in raw.columns:
            continue
        shown = rows.select(own_key=rows[own], who=keys.profile_id(rows), held=rows[headers[column.name]])
        cells = engine.put(mine, "by_file").join(shown, [("key", "own_key")])
        cells = cells.filter((cells.profile_id == cells.who).fill_null(True))
        audited, there = (_unchanged(cells.held, text, column, zone) for text in (cells.before, cells.after))
        told = cells.mutate(edit=~audited).filter(~there)
        yield from engine.frame(told.select("write", "held", "edit")).sort("write").iter_rows()


def _unchanged(held: ir.StringValue, text: ir.StringValue, column: Column, zone: str) -> ir.BooleanValue:
    """Whether a cell holds a text as it was: letter by letter, or by the rule where one value has several spellings."""
    if column.type in TEXTS and not column.multi_valued and not column.name.startswith(_MARKED):
        return held.fill_null("") == text.fill_null("")
    here, there = (rules.canonical(one, column, Side.PLATFORM, zone) for one in (held, text))
    return rules.equal(here, there, column)
