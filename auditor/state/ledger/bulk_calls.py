"""Bulk calls and the cells in them, and what they use of the quota of a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Final

from auditor.model import Outcome
from auditor.state.ledger.chain import stamp
from auditor.state.ledger.details import OVERWRITTEN
from auditor.state.ledger.persons import last_of_each
from auditor.state.ledger.recorded import moment
from auditor.state.ledger.records import (
    IMPORT_PATIENCE,
    QUOTA_ZONE,
    UNCOUNTED,
    BulkCalls,
    Effect,
    ImportRecord,
    ImportState,
    Intent,
    Settled,
)
from auditor.state.ledger.written import STANDING, UNCONFIRMED, Written, effect

if TYPE_CHECKING:
    import polars as pl

_FOUND: Final = f"number IS NULL AND detail = '{OVERWRITTEN}'"
"""Tells what somebody had edited from what we wrote."""


class Imported(Written):
    """The ledger's part on writes that travel by file."""

    def intend_import(
        self, plan: str, batch: str, table: str, file_sha: str, intents: Sequence[Intent], at: datetime
    ) -> tuple[int, range]:
        """Record a bulk call and every cell in it before it is made: number of the call, numbers of the writes."""
        row = (plan, batch, table, file_sha, quota_day(at).isoformat(), stamp(at), stamp(at + IMPORT_PATIENCE))
        with self.transaction():
            number = self._chain.append("imports", [row], at)[0]
            return number, self.intend(plan, table, intents, at, bulk_call=number)

    def import_event(self, number: int, state: ImportState, at: datetime, execution: str | None = None) -> None:
        self._chain.append("import_events", [(number, state.value, execution, stamp(at))], at)

    def imports(self, *, plan: str | None = None) -> tuple[ImportRecord, ...]:
        """Bulk calls of one plan or of all, oldest first."""
        rows = self._chain.query(
            "SELECT id, plan, batch, tab, file_sha, sent_at, state, execution FROM imports_now"
            " WHERE plan = coalesce(?, plan) ORDER BY id",
            (plan,),
        )
        return tuple(
            ImportRecord(number, sha, batch, tab, file_sha, moment(sent), ImportState(state or "sent"), execution)
            for number, sha, batch, tab, file_sha, sent, state, execution in rows
        )

    def bulk_calls(self, table: str, day: date) -> BulkCalls:
        """What the quota of `day` (see `quota_day`) has seen of us, over all runs and processes."""
        rows = self._chain.query("SELECT state FROM imports_now WHERE tab = ? AND day = ?", (table, day.isoformat()))
        states = [state for (state,) in rows]
        lost = self.lost_at
        return BulkCalls(
            used=sum(state not in UNCOUNTED for state in states),
            exhausted=ImportState.QUOTA in states,
            lost=lost is not None and quota_day(lost) == day,
        )

    def record_settled(self, settled: Settled, at: datetime) -> None:
        """The same, with the edits that files overwrote."""
        with self.transaction():
            super().record_settled(settled, at)
            self._record_overwritten({one.write: one.found for one in settled.overwritten}, at)

    def by_file(self, table: str) -> pl.DataFrame:
        """The cells of files of which some cell was never confirmed, that landed or may have, and of which it is not
        known yet that they overwrote an edit.

        Columns: write, plan, key, profile_id, column, before, after, sent_at, effective_at (the import has ended by
        then), outcome, read_since (a later write of ours found there what the file had sent: it had arrived by then).
        """
        import polars as pl  # not every command that opens the ledger needs frames

        cells = self._frame(
            ("write", "plan", "key", "profile_id", "column", "before", "after", "sent_at", "effective_at", "outcome"),
            "SELECT id, plan, key, address, col, before, after, sent_at, effective, outcome FROM writes_now WHERE"
            f' tab = ? AND col IS NOT NULL AND {STANDING} AND "import" IN'
            f' (SELECT "import" FROM writes_now WHERE {UNCONFIRMED}) ORDER BY id',
            (table, table),
        )
        later = self._frame(
            ("number", "key", "column", "after"),
            'SELECT id, key, col, before FROM writes_now WHERE tab = ? AND id > ? AND "import" IS NULL'
            " AND col IS NOT NULL AND sent_at IS NOT NULL AND outcome = 'landed'",
            (table, min(cells["write"].to_list(), default=0)),
        )
        read = cells.join(later, on=["key", "column", "after"]).filter(pl.col("number") > pl.col("write"))["write"]
        cells = cells.with_columns(read_since=pl.col("write").is_in(read.to_list()))
        found = f"SELECT plan, key, col FROM writes_now WHERE tab = ? AND {_FOUND}"
        return cells.join(
            self._frame(("plan", "key", "column"), found, (table,)), on=["plan", "key", "column"], how="anti"
        )

    def opt_outs_not_shown(self, table: str, *, but: str) -> pl.DataFrame:
        """Opt-outs that went by file and that a newer export did not show, where nothing was written since, but for
        what the plan `but` wrote.

        Columns: key, profile_id, column.
        """
        sent = "tab = ? AND sent_at IS NOT NULL AND key IS NOT NULL AND col IS NOT NULL AND plan IS NOT ?"
        return self._frame(
            ("key", "profile_id", "column"),
            f"SELECT key, address, col FROM writes_now WHERE id IN ({last_of_each(sent)}) AND kind = 'unsubscribe'"
            " AND \"import\" IS NOT NULL AND outcome = 'changed' AND detail = 'export' ORDER BY id",
            (table, but),
        )

    def in_files(self, table: str, *, plan: str | None = None, key: str | None = None) -> pl.DataFrame:
        """The cells that files carried, of one plan or to one key, whatever became of them.

        Columns: plan, key, profile_id, column, after, sent_at, effective_at (the import has ended by then).
        """
        return self._frame(
            ("plan", "key", "profile_id", "column", "after", "sent_at", "effective_at"),
            "SELECT plan, key, address, col, after, sent_at, effective FROM writes_now WHERE tab = ?"
            " AND plan = coalesce(?, plan) AND key = coalesce(?, key) AND number IS NOT NULL"
            ' AND "import" IS NOT NULL AND col IS NOT NULL AND sent_at IS NOT NULL ORDER BY id',
            (table, plan, key),
        )

    def overwritten(self, plan: str) -> dict[tuple[str, str], str | None]:
        """What files of a plan overwrote, by key and column: what somebody had made of the cell since the audit."""
        sql = f"SELECT key, col, after FROM writes_now WHERE plan = ? AND key IS NOT NULL AND {_FOUND} ORDER BY id"
        return {(key, column): found for key, column, found in self._chain.query(sql, (plan,))}

    def edits(self, table: str, plan: str) -> tuple[Effect, ...]:
        """What files of a plan overwrote and can be put back: the edit is `before`, and `after` what we wrote last.

        Those are cells that the plan or an undo of it was the last to write, and not with the edit itself. What an undo
        restored before anybody knew of the edit is among them, whatever became of the plan's own write since.
        """
        own = "(plan = :plan OR plan IN (SELECT sha FROM plans WHERE undoes = :plan))"
        rows = self._chain.query(
            "WITH last AS (SELECT * FROM writes_now WHERE"
            f" {own} AND id IN ({last_of_each(f'tab = :tab AND {STANDING}')})),"
            " ours AS (SELECT * FROM writes_now WHERE id IN"
            " (SELECT max(id) FROM writes WHERE plan = :plan AND number IS NOT NULL GROUP BY number, col)),"
            f" found AS (SELECT * FROM writes_now WHERE plan = :plan AND key IS NOT NULL AND {_FOUND})"
            " SELECT o.number, o.kind, o.key, o.address, o.col, f.after, l.after, coalesce(l.outcome, 'unknown'),"
            " l.sent_at, l.effective FROM found f JOIN ours o ON o.key = f.key AND o.col = f.col"
            " JOIN last l ON l.key = f.key AND l.col = f.col"
            " WHERE l.after IS NOT f.after ORDER BY o.number, o.id",
            {"tab": table, "plan": plan},
        )
        return tuple(map(effect, rows))

    def _record_overwritten(self, found: Mapping[int, str | None], at: datetime) -> None:
        rows = [
            (plan, None, tab, kind, route, key, address, column, before, found[write], None, call)
            for write in found
            for plan, tab, kind, route, key, address, column, before, call in self._chain.query(
                'SELECT plan, tab, kind, route, key, address, col, before, "import" FROM writes_now WHERE id = ?',
                (write,),
            )
        ]
        self.settle(self._chain.append("writes", rows, at), Outcome.CHANGED, at, detail=OVERWRITTEN)


def quota_day(moment: datetime) -> date:
    """The day whose bulk calls a call at `moment` uses."""
    return moment.astimezone(QUOTA_ZONE).date()
