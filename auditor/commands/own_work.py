"""What the ledger has of our own work, as a run has to know it: under the keys that the export spells."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from auditor.commands import untouched_since
from auditor.diff.known import (
    agreed_by_us,
    before_our_opt_ins,
    left_by_us,
    said_by_us,
    seen_on,
    withdrawn_by_us,
)
from auditor.engine.duckdb import DuckDB
from auditor.match.join import Matched
from auditor.model import Kind
from auditor.plan.knowledge import on_before, without_taken_back
from auditor.settings.contract import Contract
from auditor.state.ledger import Ledger
from auditor.state.ledger.persons import under_keys_of_export
from auditor.state.memory import Memory

if TYPE_CHECKING:
    import ibis.expr.types as ir


@dataclass(frozen=True, slots=True)
class OwnWork:
    """What we wrote to the platform; keys are as the platform spells them."""

    sent: ir.Table
    """As `Known.sent`."""
    created_since: int
    """How many profiles we created after the export's moment."""
    left: ir.Table
    """As `Known.ours`."""
    opt_ins: ir.Table
    """key, column and sent_at of opt-ins that somebody decided and that landed."""
    created: ir.Table
    """key and profile_id (may be null) of profiles that we created."""
    withdrawn: ir.Table
    """As `diff.known.withdrawn_by_us`."""
    permissions: ir.Table
    """As `diff.known.said_by_us`."""
    corrected: ir.Table
    """As `state.memory.with_corrected`, since the export that the agreed values are from."""
    opt_outs: ir.Table
    """profile_id, column and `at` of every opt-out that we sent, also of people who are here no more."""


def own_work(
    engine: DuckDB, ledger: Ledger, contract: Contract, matched: Matched, memory: Memory, as_of: datetime
) -> OwnWork:
    """Selects what the ledger has of a table; `as_of` is the moment that the export shows."""
    table, zone = contract.table, contract.timezone.key
    rows = matched.rows.filter(matched.rows.platform_text.notnull()).select("profile_id", key="platform_text")
    written = ledger.permission_writes(table, but=None)
    pending = ledger.pending(table, after=as_of)
    records = {
        "sent": pending.select("key", "profile_id", "column").unique(maintain_order=True),
        "opt_ins": ledger.opt_ins(table),
        "created": ledger.created(table),
        "written": written,
        "undone": ledger.undone(table, sent=True),
        "taken_back": ledger.opt_ins_taken_back(table),
        "around": ledger.around_opt_outs(table),
        "corrected": ledger.corrected(table, memory.as_of or as_of, as_of),
    }
    now = {name: under_keys_of_export(engine, recorded, rows, name) for name, recorded in records.items()}
    left = engine.put(untouched_since.left_by_us(now.pop("around")), "left")
    given = now["written"].filter(pl.col("kind") == Kind.SUBSCRIBE.value).select("key", "column", at="sent_at")
    theirs = engine.put(now["taken_back"].select("key").unique(), "taken_back_keys")
    seen = engine.frame(seen_on(matched.rows, memory.history, memory.seen, theirs))
    now["taken_back"] = on_before(now["taken_back"], pl.concat([given, seen], how="vertical_relaxed"))
    own = {name: engine.put(recorded, name) for name, recorded in now.items()}
    history = before_our_opt_ins(matched.rows, memory.history, own["taken_back"])
    rest = engine.put(without_taken_back(now["written"], now["taken_back"]), "written_without_taken_back")
    withdrawn = withdrawn_by_us(matched.rows, history, memory.seen, rest, left)
    withdrawn = engine.keep(withdrawn, "withdrawn_by_us")
    agreed = agreed_by_us(matched.rows, memory.history, memory.seen, own["corrected"])
    taken_back = [column for column in contract.compared if column.name in set(now["undone"]["column"])]
    off = written.filter(pl.col("kind") == Kind.UNSUBSCRIBE.value)
    return OwnWork(
        sent=engine.keep(own["sent"].select("key", "column").distinct(), "sent"),
        created_since=pending.filter(pl.col("kind") == Kind.CREATE.value).height,
        left=engine.keep(left_by_us(withdrawn, own["undone"], taken_back, zone), "left_by_us"),
        opt_ins=own["opt_ins"],
        created=own["created"],
        withdrawn=withdrawn,
        permissions=engine.keep(said_by_us(matched.rows, own["written"], as_of), "said_by_us"),
        corrected=engine.keep(agreed, "agreed_by_us"),
        opt_outs=engine.put(off.select("profile_id", "column", at="sent_at"), "opt_outs"),
    )
