"""What we wrote, as runs and plans after it have to know it: of whom, whether it stands, and what it carried out."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from auditor.state.ledger.chain import stamp
from auditor.state.ledger.persons import last_of_each
from auditor.state.ledger.recorded import Recorded
from auditor.state.ledger.written import STANDING

if TYPE_CHECKING:
    import polars as pl


class OwnWork(Recorded):
    """The ledger's part on what stands of all writes."""

    def permission_writes(self, table: str, *, but: str | None) -> pl.DataFrame:
        """Opt-outs and opt-ins we sent that landed or may have, but for those of one plan.

        Columns: plan, key, profile_id, column, kind, after, sent_at, effective_at (the platform shows it by then).
        """
        return self._frame(
            ("plan", "key", "profile_id", "column", "kind", "after", "sent_at", "effective_at"),
            "SELECT plan, key, address, col, kind, after, sent_at, effective FROM writes_now WHERE tab = ?"
            f" AND kind IN ('unsubscribe', 'subscribe') AND plan IS NOT ? AND {STANDING} ORDER BY id",
            (table, but),
        )

    def around_opt_outs(self, table: str) -> pl.DataFrame:
        """What we wrote to everybody whom we sent an opt-out, in order, and what was read around it (see Around).

        Columns: key, profile_id, sent_at, effective_at, around (null: nothing was read), before, after.
        """
        theirs = "FROM writes WHERE tab = :tab AND kind = 'unsubscribe'"
        return self._frame(
            ("key", "profile_id", "sent_at", "effective_at", "around", "before", "after"),
            "SELECT w.key, w.address, w.sent_at, w.effective, a.id, a.before, a.after FROM writes_now w"
            ' LEFT JOIN around a ON a.id = (SELECT max(id) FROM around WHERE "write" = w.id)'
            f" WHERE w.id IN (SELECT id FROM writes_now WHERE tab = :tab AND {STANDING}"
            f" AND (key_then IN (SELECT key {theirs}) OR address IN (SELECT profile_id {theirs}))) ORDER BY w.id",
            {"tab": table},
        )

    def last_written(self, table: str, *, but: str | None) -> pl.DataFrame:
        """The cells we sent that landed or may have, but for those of one plan.

        Columns: key, profile_id, column, sent_at (the latest of each).
        """
        return self._frame(
            ("key", "profile_id", "column", "sent_at"),
            "SELECT key, address, col, max(sent_at) FROM writes_now WHERE tab = ? AND col IS NOT NULL AND plan IS NOT ?"
            f" AND {STANDING} GROUP BY key, address, col ORDER BY id",
            (table, but),
        )

    def last_plans(self, table: str) -> pl.DataFrame:
        """Which plan was the last to write each cell, or may have been.

        Columns: key, profile_id, column (null: the profile itself), plan.
        """
        return self._frame(
            ("key", "profile_id", "column", "plan"),
            "SELECT key, address, col, plan FROM writes_now WHERE id IN"
            f" ({last_of_each(f'tab = ? AND {STANDING}')}) ORDER BY id",
            (table,),
        )

    def corrected(self, table: str, after: datetime, upto: datetime) -> pl.DataFrame:
        """Cells that got a value from us and were read back, and that nothing of ours was written to since; as far as
        exports of `upto` show it and those of `after` did not. What an undo put back is none.

        Columns: key, profile_id, column, kind, after, sent_at.
        """
        between = f"tab = ? AND col IS NOT NULL AND effective > ? AND effective <= ? AND {STANDING}"
        return self._frame(
            ("key", "profile_id", "column", "kind", "after", "sent_at"),
            f"SELECT key, address, col, kind, after, sent_at FROM writes_now WHERE id IN ({last_of_each(between)})"
            " AND outcome = 'landed' AND kind IN ('update', 'clear', 'subscribe', 'unsubscribe')"
            " AND plan NOT IN (SELECT sha FROM plans WHERE purpose = 'undo') ORDER BY id",
            (table, stamp(after), stamp(upto)),
        )

    def opt_ins(self, table: str) -> pl.DataFrame:
        """Opt-ins that landed, each decided by a named person.

        Columns: key, profile_id, column, sent_at (the latest of each).
        """
        return self._frame(
            ("key", "profile_id", "column", "sent_at"),
            "SELECT key, address, col, max(sent_at) FROM writes_now WHERE tab = ? AND kind = 'subscribe'"
            " AND outcome = 'landed' GROUP BY key, address, col ORDER BY id",
            (table,),
        )

    def opt_ins_taken_back(self, table: str) -> pl.DataFrame:
        """Opt-ins that were taken back by an undo of their plan: from then on the permission is what it was before.

        Columns: key, profile_id, column, given_at, taken_at, created_at (null: not by us).
        """
        undoing = "FROM plans WHERE undoes IS NOT NULL"
        mine = f"SELECT * FROM writes_now WHERE tab = :tab AND {STANDING} AND kind ="
        return self._frame(
            ("key", "profile_id", "column", "given_at", "taken_at", "created_at"),
            f"WITH given AS MATERIALIZED ({mine} 'subscribe' AND plan IN (SELECT undoes {undoing})),"
            f" taken AS MATERIALIZED ({mine} 'unsubscribe' AND plan IN (SELECT sha {undoing}))"
            ", made AS MATERIALIZED (SELECT address, min(sent_at) AS at FROM writes_now WHERE tab = :tab"
            " AND kind = 'create' AND address IS NOT NULL GROUP BY address)"
            " SELECT t.key, t.address, t.col, max(g.sent_at), t.sent_at, m.at FROM taken t"
            " JOIN plans p ON p.sha = t.plan LEFT JOIN made m ON m.address = t.address"
            " JOIN given g ON g.plan = p.undoes AND g.col = t.col"
            " AND (g.address = t.address OR g.key_then = t.key_then) GROUP BY t.id ORDER BY t.id",
            {"tab": table},
        )

    def created(self, table: str) -> pl.DataFrame:
        """Profiles that we created and that, as far as we know, are there.

        Columns: key, profile_id, written_at (the last that we wrote to each).
        """
        return self._frame(
            ("key", "profile_id", "written_at"),
            "WITH made AS MATERIALIZED (SELECT id, key, address FROM writes_now WHERE kind = 'create' AND id IN"
            f" ({last_of_each(f'tab = :tab AND col IS NULL AND {STANDING}')})),"
            f" standing AS MATERIALIZED (SELECT key, address, effective FROM writes_now WHERE tab = :tab AND {STANDING}"
            " AND EXISTS (SELECT 1 FROM made)),"
            " theirs AS (SELECT m.id, w.effective FROM made m JOIN standing w ON w.address = m.address UNION ALL"
            " SELECT m.id, w.effective FROM made m JOIN standing w ON w.key = m.key"
            " WHERE m.address IS NULL OR w.address IS NULL)"
            " SELECT m.key, m.address, (SELECT max(effective) FROM theirs t WHERE t.id = m.id) FROM made m ORDER BY id",
            {"tab": table},
        )

    def undone(self, table: str, *, sent: bool = False) -> pl.DataFrame:
        """Cells whose last write took an earlier one back, or found it taken back already; `sent`: only those that we
        sent something to, for what was found is somebody else's doing. Of no cell a run has found other values since;
        with `sent`, on the platform: there it is over, but ours.

        Columns: key, profile_id, column (null: the profile itself, which we had created), kind (of the write that took
        it back), withdrawn, restored, undone_at, effective_at (the platform shows it by then), number (of the write).
        """
        undo = "plan IN (SELECT sha FROM plans WHERE purpose = 'undo')"
        over = "touched" if sent else "moved_on"
        found = "0" if sent else f"key IS NOT NULL AND outcome = 'landed' AND {undo}"
        return self._frame(
            ("key", "profile_id", "column", "kind", "withdrawn", "restored", "undone_at", "effective_at", "number"),
            "SELECT key, address, col, kind, before, after, coalesce(sent_at, settled_at),"
            " coalesce(effective, settled_at), id FROM writes_now"
            f" WHERE {undo} AND id IN ({last_of_each(f'tab = ? AND ({STANDING} OR {found})')})"
            f" AND id NOT IN (SELECT value FROM runs, json_each(runs.counts, '$.{over}')"
            " WHERE runs.tab = ?) ORDER BY id",
            (table, table),
        )
