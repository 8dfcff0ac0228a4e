"""Cells that were written to the platform: an intent before each call, an outcome after it, and what follows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from auditor.model import Kind, Outcome, Route
from auditor.state.ledger.chain import Value, stamp
from auditor.state.ledger.details import SHOWN_LATER
from auditor.state.ledger.persons import last_among, last_of_each
from auditor.state.ledger.recorded import Recorded, moment
from auditor.state.ledger.records import (
    IMPORT_PATIENCE,
    Around,
    Effect,
    Intent,
    Settled,
    WriteState,
)

if TYPE_CHECKING:
    import polars as pl

STANDING: Final = "sent_at IS NOT NULL AND key IS NOT NULL AND coalesce(outcome, 'unknown') IN ('landed', 'unknown')"
"""Writes that took effect or may have."""

_EVER_CALLED: Final = "key_then IN (SELECT ? UNION SELECT old FROM rekeys WHERE tab = ? AND new = ?)"
"""Narrows `writes_now` by an index, which a key that is found out for each row is not."""

UNCONFIRMED: Final = "tab = ? AND sent_at IS NOT NULL AND key IS NOT NULL AND coalesce(outcome, 'unknown') = 'unknown'"

SUPPOSED: Final = """
DROP VIEW IF EXISTS temp.writes_now;
DROP TABLE IF EXISTS temp.supposed;
CREATE TEMP TABLE supposed ("write" INTEGER PRIMARY KEY, outcome TEXT NOT NULL);
CREATE TEMP VIEW writes_now AS
  SELECT w.id, w.plan, w.number, w.tab, w.kind, w.route, w.key, w.key_then, w.col, w.before, w.after, w.sent_at,
         w."import", coalesce(s.outcome, w.outcome) AS outcome, w.detail, w.settled_at, w.address, w.effective
  FROM main.writes_now w LEFT JOIN supposed s ON s."write" = w.id;
"""
"""Puts a view before that of the file, in which writes have the outcomes of the table `supposed`."""


class Written(Recorded):
    """The ledger's part on writes."""

    def intend(
        self,
        plan: str,
        table: str,
        intents: Sequence[Intent],
        at: datetime,
        *,
        sent: bool = True,
        bulk_call: int | None = None,
    ) -> range:
        """Record cells about to be sent, before the call. `sent=False`: cells whose outcome is clear without one.

        Returns the numbers by which `settle` knows them, in the same order.
        """
        sent_at = stamp(at) if sent else None
        rows = (
            (
                plan,
                intent.number,
                table,
                intent.kind.value,
                intent.route.value,
                intent.key,
                intent.profile_id,
                intent.column,
                intent.before,
                intent.after,
                sent_at,
                bulk_call,
            )
            for intent in intents
        )
        return self._chain.append("writes", rows, at)

    def settle(
        self,
        writes: Iterable[int],
        outcome: Outcome,
        at: datetime,
        *,
        detail: str | None = None,
        profile_id: str | None = None,
        around: Around | None = None,
    ) -> None:
        """Record what became of writes. `profile_id` is that of a created profile."""
        told, numbers = stamp(at), list(writes)
        with self.transaction():
            self._chain.append("outcomes", ((write, outcome.value, detail, told, profile_id) for write in numbers), at)
            if around is not None:
                self._chain.append("around", ((write, around.before, around.after) for write in numbers), at)

    def states(self, plan: str) -> dict[tuple[int, str | None], WriteState]:
        """The latest attempt at each cell of a plan, by (number of the write, column)."""
        rows = self._chain.query(
            'SELECT id, number, col, route, outcome, detail, sent_at, settled_at, address, "import" FROM writes_now'
            " WHERE plan = ? AND number IS NOT NULL ORDER BY id",
            (plan,),
        )
        return {
            (number, column): WriteState(
                write=write,
                number=number,
                column=column,
                route=Route(route),
                outcome=Outcome(outcome) if outcome else None,
                detail=detail,
                sent_at=moment(sent) if sent else None,
                settled_at=moment(settled) if settled else None,
                profile_id=address,
                bulk_call=bulk_call,
            )
            for write, number, column, route, outcome, detail, sent, settled, address, bulk_call in rows
        }

    def effects(self, plan: str) -> tuple[Effect, ...]:
        """What a plan did or may have done, by the number of the write; cells of one write in the order of the record.

        Whatever became of it, this is known: after a kill, for half a plan, and on any machine that has the ledger.
        """
        rows = self._chain.query(
            "SELECT number, kind, key, address, col, before, after, coalesce(outcome, 'unknown'), sent_at, effective"
            " FROM writes_now WHERE id IN (SELECT max(id) FROM writes WHERE plan = ? GROUP BY number, col)"
            " AND sent_at IS NOT NULL AND coalesce(outcome, 'unknown') IN ('landed', 'unknown') ORDER BY number, id",
            (plan,),
        )
        return tuple(map(effect, rows))

    def taken_back(self, table: str, plan: str) -> set[tuple[str, str | None]]:
        """The cells that an undo of a plan was the last to write, or to find restored, and has read back.

        By key and column (None: the profile itself).
        """
        own = "plan IN (SELECT sha FROM plans WHERE undoes = ?)"
        last = last_of_each(f"tab = ? AND ({STANDING} OR key IS NOT NULL AND outcome = 'landed' AND {own})")
        rows = self._chain.query(
            f"SELECT key, col FROM writes_now WHERE {own} AND outcome = 'landed' AND id IN ({last})",
            (plan, table, plan),
        )
        return {(key, column) for key, column in rows}

    def last_effect(self, table: str, key: str, plans: Sequence[str]) -> datetime | None:
        """The moment when the last thing these plans did to a profile was carried out; None: they did nothing to it."""
        marks = ", ".join("?" * len(plans))
        rows = self._chain.query(
            f"SELECT sent_at, effective FROM writes_now WHERE tab = ? AND key = ? AND {_EVER_CALLED}"
            f" AND plan IN ({marks}) AND {STANDING}",
            (table, key, key, table, key, *plans),
        )
        return max((_until(*row) for row in rows), default=None)

    def around(self, table: str, key: str, plans: Sequence[str]) -> list[Around | None]:
        """What was read around each thing these plans did to a profile, in order; None: it was not read back."""
        marks = ", ".join("?" * len(plans))
        return self._around(
            f"SELECT id FROM writes_now WHERE tab = ? AND key = ? AND {_EVER_CALLED}"
            f" AND plan IN ({marks}) AND {STANDING} AND kind <> 'delete'",
            (table, key, key, table, key, *plans),
        )

    def around_since(self, table: str, profile_id: str, plan: str) -> list[Around | None]:
        """The same of everything that was written to a profile, under whichever key, since a plan was carried out."""
        theirs = "SELECT min(id) FROM writes WHERE plan = ? AND profile_id = ?"
        return self._around(
            f"SELECT id FROM writes_now WHERE tab = ? AND address = ? AND {STANDING} AND kind <> 'delete'"
            f" AND id >= ({theirs})",
            (table, profile_id, plan, profile_id),
        )

    def _around(self, writes: str, values: Sequence[Value]) -> list[Around | None]:
        rows = self._chain.query(
            "SELECT w.outcome, a.id, a.before, a.after FROM writes_now w LEFT JOIN around a"
            ' ON a.id = (SELECT max(id) FROM around WHERE "write" = w.id)'
            f" WHERE w.id IN ({writes}) ORDER BY w.id",
            values,
        )
        read = (number is not None and outcome == Outcome.LANDED for outcome, number, *_ in rows)
        return [Around(*row[2:]) if known else None for row, known in zip(rows, read, strict=True)]

    def writes_of(self, table: str, key: str, profile_id: str | None) -> pl.DataFrame:
        """Everything ever written to one profile, under whichever key, oldest first; without the profileId, to all that
        have had the key.

        Columns: plan, number (null: an edit that a file overwrote), kind, route, column, before, after, sent_at,
        outcome (null: never settled), detail, settled_at.
        """
        return self._frame(
            (
                "plan",
                "number",
                "kind",
                "route",
                "column",
                "before",
                "after",
                "sent_at",
                "outcome",
                "detail",
                "settled_at",
            ),
            "SELECT plan, number, kind, route, col, before, after, sent_at, outcome, detail, settled_at"
            f" FROM writes_now WHERE tab = ? AND id IN (SELECT id FROM writes_now WHERE tab = ? AND key = ?"
            f" AND {_EVER_CALLED} AND coalesce(address = ?, true) UNION SELECT id FROM writes WHERE profile_id = ?"
            ' UNION SELECT "write" FROM outcomes WHERE profile_id = ?) ORDER BY id',
            (table, table, key, key, table, key, profile_id, profile_id, profile_id),
        )

    def pending(self, table: str, after: datetime, *, but: str | None = None) -> pl.DataFrame:
        """Cells that an export showing the moment `after` cannot hold yet: the latest write of each, landed or unknown.

        Those of the plan `but` are left out.

        Columns: key, profile_id, column (null: the profile itself was created or deleted), kind, before, after,
        sent_at.
        """
        return self._frame(
            ("key", "profile_id", "column", "kind", "before", "after", "sent_at"),
            "SELECT key, address, col, kind, before, after, sent_at FROM writes_now WHERE id IN"
            f" ({last_of_each(f'tab = ? AND effective > ? AND plan IS NOT ? AND {STANDING}')}) ORDER BY id",
            (table, stamp(after), but),
        )

    def unsettled(self, table: str) -> pl.DataFrame:
        """Cells that were sent and never confirmed: the latest write of each.

        Columns: write, key, profile_id, column, kind, before, after, sent_at.
        """
        return self._frame(
            ("write", "key", "profile_id", "column", "kind", "before", "after", "sent_at"),
            "SELECT id, key, address, col, kind, before, after, sent_at FROM writes_now"
            f" WHERE id IN ({last_of_each(UNCONFIRMED)}) ORDER BY id",
            (table,),
        )

    def told_by_export(self, table: str, seen: pl.DataFrame, as_of: datetime) -> Settled:
        """What an export that shows the moment `as_of` confirms or denies of what is unsettled.

        `seen` has a row per cell of `unsettled` that the export speaks of: its `write`, and `equal`, true where the
        export holds the value sent (for a creation: where the profile is there). Equal cells landed. Others have
        `changed` once the export is newer than anything the write could still do; until then they stay as they are, as
        do cells that `seen` does not mention.
        """
        told = dict(seen.select("write", "equal").iter_rows())
        rows = self._chain.query(
            f"SELECT id, key, address, col, effective, sent_at FROM writes_now WHERE {UNCONFIRMED} ORDER BY id DESC",
            (table,),
        )
        shown = stamp(as_of)
        landed: list[int] = []
        changed: list[int] = []
        superseded: list[int] = []
        latest: set[int] = set()
        last = last_among(row[:4] for row in rows)
        for write, *_, effective, sent in rows:
            cell = last[write]
            if cell not in told or sent > shown:
                continue
            if cell in latest:
                superseded.append(write)
            elif told[cell]:
                landed.append(write)
            elif effective <= shown:
                changed.append(write)
            else:
                continue
            latest.add(cell)
        return Settled(tuple(landed), tuple(changed), tuple(superseded), frozenset(), ())

    def suppose(self, settled: Settled) -> None:
        """Answer from now on as if this were recorded; nobody else sees it, and nothing keeps it."""
        rows = [(write, Outcome.LANDED.value) for write in settled.landed]
        rows += [(write, Outcome.CHANGED.value) for write in (*settled.changed, *settled.superseded)]
        self._chain.suppose(SUPPOSED, "INSERT INTO supposed VALUES (?, ?)", rows)

    def record_settled(self, settled: Settled, at: datetime) -> None:
        with self.transaction():
            self.settle(settled.landed, Outcome.LANDED, at, detail="export")
            for edited in (False, True):
                some = [write for write in settled.changed if (write in settled.edited) is edited]
                self.settle(some, Outcome.CHANGED, at, detail="edited" if edited else "export")
            self.settle(settled.superseded, Outcome.CHANGED, at, detail="superseded")

    def latest_shown(self, table: str) -> timedelta:
        """The longest that a write was seen to take until it was shown; nothing where all were shown at once."""
        rows = self._chain.query(
            "SELECT sent_at, settled_at FROM writes_now WHERE tab = ? AND detail = ? AND sent_at IS NOT NULL",
            (table, SHOWN_LATER),
        )
        return max((moment(settled) - moment(sent) for sent, settled in rows), default=timedelta())


def effect(row: tuple[Any, ...]) -> Effect:
    """An effect from number, kind, key, profileId, column, before, after, outcome, when it was sent and carried out."""
    number, kind, key, address, column, before, after, outcome, sent, effective = row
    return Effect(
        number=number,
        kind=Kind(kind),
        key=key,
        profile_id=address,
        column=column,
        before=before,
        after=after,
        outcome=Outcome.LANDED if outcome == Outcome.LANDED else Outcome.UNKNOWN,
        sent_at=moment(sent),
        until=_until(sent, effective),
    )


def _until(sent: str, effective: str) -> datetime:
    """By when a write was carried out: the end of an import may have been seen days later."""
    return min(moment(effective), moment(sent) + IMPORT_PATIENCE)
