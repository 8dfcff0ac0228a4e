"""Bulk calls and the cells in them, and what they use of the quota of a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from auditor.state.ledger.chain import stamp
from auditor.state.ledger.recorded import moment
from auditor.state.ledger.records import (
    IMPORT_PATIENCE,
    QUOTA_ZONE,
    UNCOUNTED,
    BulkCalls,
    ImportRecord,
    ImportState,
    Intent,
)
from auditor.state.ledger.written import Written


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


def quota_day(moment: datetime) -> date:
    """The day whose bulk calls a call at `moment` uses."""
    return moment.astimezone(QUOTA_ZONE).date()
