"""The durable record of runs, plans, writes, bulk calls, decisions and erased people.

What is asked of it:

    runs, last_run                     `auditor runs`, the trend, the guard against a side that shrank
    plan, writes_of                    what was planned; everything that was written to one profile
    states                             how far a plan has come: what `apply` resumes from
    intend, settle                     an intent before each call, an outcome after it
    intend_import, import_event        the same for a bulk call; `bulk_calls` is what the day's quota has left
    pending, unsettled                 what was sent and no export shows yet; what nobody has confirmed
    told_by_export                     what a newer export confirms or denies; to `suppose` it, and to `record_settled`
    record_structure                   what was added to the table structure, an intent before each call
    opt_outs, undone                   what a plan must respect: opt-outs we sent, changes somebody took back
    decide, decisions                  what stewards chose
    remember_erased, erased_among      people who must not come back, as keyed hashes
    keys, rekey, rekeyed               keys that were given anew: everything recorded goes by the new ones
    verify, head                       prove that nothing was changed

Nothing is ever updated: an outcome is a row of its own and the last one counts (see `auditor.state.ledger.chain`).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from auditor.model import Outcome, Route, Verdict
from auditor.state.ledger.chain import Chain, Value, Verified, stamp
from auditor.state.ledger.records import (
    IMPORT_PATIENCE,
    INDEXES,
    QUOTA_ZONE,
    SAME_PERSON,
    SUPPOSED,
    TABLES,
    UNCOUNTED,
    VERSION,
    BulkCalls,
    Decision,
    ImportRecord,
    ImportState,
    Intent,
    PlanRecord,
    RunRecord,
    Settled,
    StructureState,
    WriteState,
)

if TYPE_CHECKING:
    import polars as pl

FILE: Final = "ledger.sqlite"

_STANDING: Final = "sent_at IS NOT NULL AND key IS NOT NULL AND coalesce(outcome, 'unknown') IN ('landed', 'unknown')"
"""Writes that took effect or may have."""

_EVER_CALLED: Final = "key_then IN (SELECT ? UNION SELECT old FROM rekeys WHERE tab = ? AND new = ?)"
"""Narrows `writes_now` by an index, which a key that is found out for each row is not."""

_UNCONFIRMED: Final = "tab = ? AND sent_at IS NOT NULL AND key IS NOT NULL AND coalesce(outcome, 'unknown') = 'unknown'"


class Ledger:
    """The ledger of one licence. Open it with `with Ledger(state_folder) as ledger:`; threads may share it.

    Methods raise TryLater when the file cannot be read or written now.
    """

    def __init__(self, folder: Path, *, secret: str | None = None, reading: bool = False) -> None:
        """Open `folder/ledger.sqlite`, or make it (0600, folder 0700) with this secret, or one of its own.

        `reading`: no file is made or changed, and nothing can be recorded. Raises SettingsError when it is not ours.
        """
        salt = bytes.fromhex(secret) if secret else None
        self._chain = Chain(folder / FILE, TABLES, version=VERSION, indexes=INDEXES, salt=salt, reading=reading)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._chain.close()

    def transaction(self) -> AbstractContextManager[None]:
        """Everything recorded inside the block stands together or not at all."""
        return self._chain.transaction()

    # Runs and plans

    def record_run(self, run: RunRecord) -> None:
        row = (run.run, run.table, stamp(run.started), stamp(run.finished), run.verdict.value, _json(run.counts))
        self._chain.append("runs", [row], run.finished)

    def runs(self, table: str, limit: int | None = None) -> tuple[RunRecord, ...]:
        """The completed runs, newest first."""
        rows = self._chain.query(
            "SELECT run, tab, started, finished, verdict, counts FROM runs WHERE tab = ? ORDER BY id DESC LIMIT ?",
            (table, -1 if limit is None else limit),
        )
        return tuple(
            RunRecord(run, name, _moment(started), _moment(finished), Verdict(verdict), json.loads(counts))
            for run, name, started, finished, verdict, counts in rows
        )

    def last_run(self, table: str) -> RunRecord | None:
        return next(iter(self.runs(table, 1)), None)

    def knows(self, run: str) -> bool:
        """Whether a run of that name is recorded."""
        return bool(self._chain.query("SELECT 1 FROM runs WHERE run = ? LIMIT 1", (run,)))

    def record_plan(self, plan: PlanRecord) -> None:
        """Record a plan once; a plan that is known already stays as it was recorded."""
        with self.transaction():
            if self.plan(plan.sha) is None:
                row = (
                    plan.sha,
                    plan.run,
                    plan.table,
                    plan.purpose,
                    stamp(plan.made),
                    plan.path,
                    _json(plan.counts),
                    plan.undoes,
                )
                self._chain.append("plans", [row], plan.made)

    def plan(self, sha: str) -> PlanRecord | None:
        """The plan of this SHA-256; None where no such plan was recorded."""
        rows = self._chain.query(
            "SELECT run, tab, purpose, made, path, counts, undoes FROM plans WHERE sha = ?", (sha,)
        )
        for run, table, purpose, made, path, counts, undoes in rows:
            return PlanRecord(sha, run, table, purpose, _moment(made), path, json.loads(counts), undoes)
        return None

    # Writes

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
        moment = stamp(at) if sent else None
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
                moment,
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
    ) -> None:
        """Record what became of writes. `profile_id` is that of a created profile."""
        moment = stamp(at)
        self._chain.append("outcomes", ((write, outcome.value, detail, moment, profile_id) for write in writes), at)

    def states(self, plan: str) -> dict[tuple[int, str | None], WriteState]:
        """The latest attempt at each cell of a plan, by (number of the write, column)."""
        rows = self._chain.query(
            'SELECT id, number, col, route, outcome, detail, sent_at, settled_at, address, "import" FROM writes_now'
            " WHERE plan = ? ORDER BY id",
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
                sent_at=_moment(sent) if sent else None,
                settled_at=_moment(settled) if settled else None,
                profile_id=address,
                bulk_call=bulk_call,
            )
            for write, number, column, route, outcome, detail, sent, settled, address, bulk_call in rows
        }

    def writes_of(self, table: str, key: str) -> pl.DataFrame:
        """Everything ever written to one profile, oldest first.

        Columns: plan, number, kind, route, column, before, after, sent_at, outcome (null: never settled), detail,
        settled_at.
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
            f" FROM writes_now WHERE tab = ? AND key = ? AND {_EVER_CALLED} ORDER BY id",
            (table, key, key, table, key),
        )

    def pending(self, table: str, after: datetime) -> pl.DataFrame:
        """Cells that an export showing the moment `after` cannot hold yet: the latest write of each, landed or unknown.

        Columns: key, profile_id, column (null: the profile itself was created or deleted), kind, before, after,
        sent_at.
        """
        return self._frame(
            ("key", "profile_id", "column", "kind", "before", "after", "sent_at"),
            "SELECT key, address, col, kind, before, after, sent_at FROM writes_now"
            f" WHERE id IN (SELECT max(id) FROM writes_now WHERE tab = ? AND effective > ? AND {_STANDING}"
            " GROUP BY key, col) ORDER BY id",
            (table, stamp(after)),
        )

    def unsettled(self, table: str) -> pl.DataFrame:
        """Cells that were sent and never confirmed: the latest write of each.

        Columns: write, key, profile_id, column, kind, before, after, sent_at.
        """
        return self._frame(
            ("write", "key", "profile_id", "column", "kind", "before", "after", "sent_at"),
            "SELECT id, key, address, col, kind, before, after, sent_at FROM writes_now"
            f" WHERE id IN (SELECT max(id) FROM writes_now WHERE {_UNCONFIRMED} GROUP BY key, col) ORDER BY id",
            (table,),
        )

    def told_by_export(self, table: str, seen: pl.DataFrame, as_of: datetime) -> Settled:
        """What an export that shows the moment `as_of` confirms or denies of what is unsettled.

        `seen` has a row per cell of `unsettled` that the export speaks of: `key`, `column` (null: the profile itself)
        and `equal`, true where the export holds the value sent (for a creation: where the profile is there). Equal
        cells landed. Others have `changed` once the export is newer than anything the write could still do; until
        then they stay as they are, as do cells that `seen` does not mention.
        """
        told = {(key, column): equal for key, column, equal in seen.select("key", "column", "equal").iter_rows()}
        rows = self._chain.query(
            f"SELECT id, key, col, effective, sent_at FROM writes_now WHERE {_UNCONFIRMED} ORDER BY id DESC", (table,)
        )
        moment = stamp(as_of)
        landed: list[int] = []
        changed: list[int] = []
        superseded: list[int] = []
        latest: set[tuple[str, str | None]] = set()
        for write, key, column, effective, sent in rows:
            cell = (key, column)
            if cell not in told or sent > moment:
                continue
            if cell in latest:
                superseded.append(write)
            elif told[cell]:
                landed.append(write)
            elif effective <= moment:
                changed.append(write)
            else:
                continue
            latest.add(cell)
        return Settled(tuple(landed), tuple(changed), tuple(superseded))

    def suppose(self, settled: Settled) -> None:
        """Answer from now on as if this were recorded; nobody else sees it, and nothing keeps it."""
        rows = [(write, Outcome.LANDED.value) for write in settled.landed]
        rows += [(write, Outcome.CHANGED.value) for write in (*settled.changed, *settled.superseded)]
        self._chain.suppose(SUPPOSED, "INSERT INTO supposed VALUES (?, ?)", rows)

    def record_settled(self, settled: Settled, at: datetime) -> None:
        with self.transaction():
            self.settle(settled.landed, Outcome.LANDED, at, detail="export")
            self.settle(settled.changed, Outcome.CHANGED, at, detail="export")
            self.settle(settled.superseded, Outcome.CHANGED, at, detail="superseded")

    def opt_outs(self, table: str) -> pl.DataFrame:
        """Opt-outs we sent that landed or may have. Columns: key, profile_id, column, sent_at (the latest of each)."""
        return self._frame(
            ("key", "profile_id", "column", "sent_at"),
            "SELECT key, address, col, max(sent_at) FROM writes_now WHERE tab = ? AND kind = 'unsubscribe'"
            f" AND {_STANDING} GROUP BY key, col ORDER BY id",
            (table,),
        )

    def opt_ins(self, table: str) -> pl.DataFrame:
        """Opt-ins that landed, each decided by a named person. Columns: key, column, sent_at (the latest of each)."""
        return self._frame(
            ("key", "column", "sent_at"),
            "SELECT key, col, max(sent_at) FROM writes_now WHERE tab = ? AND kind = 'subscribe' AND outcome = 'landed'"
            " GROUP BY key, col ORDER BY id",
            (table,),
        )

    def undone(self, table: str) -> pl.DataFrame:
        """Cells whose last write took an earlier one back.

        Columns: key, profile_id, column, withdrawn, restored, sent_at.
        """
        return self._frame(
            ("key", "profile_id", "column", "withdrawn", "restored", "sent_at"),
            "SELECT w.key, w.address, w.col, w.before, w.after, w.sent_at"
            " FROM writes_now w JOIN plans p ON p.sha = w.plan WHERE p.purpose = 'undo'"
            f" AND w.id IN (SELECT max(id) FROM writes_now WHERE tab = ? AND {_STANDING} GROUP BY key, col)"
            " ORDER BY w.id",
            (table,),
        )

    # Bulk calls

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
            ImportRecord(number, sha, batch, tab, file_sha, _moment(sent), ImportState(state or "sent"), execution)
            for number, sha, batch, tab, file_sha, sent, state, execution in rows
        )

    def bulk_calls(self, table: str, day: date) -> BulkCalls:
        """What the quota of `day` (see `quota_day`) has seen of us, over all runs and processes."""
        rows = self._chain.query("SELECT state FROM imports_now WHERE tab = ? AND day = ?", (table, day.isoformat()))
        states = [state for (state,) in rows]
        return BulkCalls(used=sum(state not in UNCOUNTED for state in states), exhausted=ImportState.QUOTA in states)

    # Structure

    def record_structure(
        self, plan: str, table: str, items: Iterable[str], state: StructureState, at: datetime
    ) -> None:
        """Record what became of additions to the table structure; before a call they are SENT."""
        self._chain.append("structure_events", ((plan, table, item, state.value, stamp(at)) for item in items), at)

    # Decisions and erased people

    def decide(self, decisions: Sequence[Decision], at: datetime) -> None:
        rows = (
            (one.table, one.person, one.key, one.column, one.platform, one.truth, one.choice, stamp(one.decided_at))
            for one in decisions
        )
        self._chain.append("decisions", rows, at)

    def decisions(self, table: str) -> tuple[Decision, ...]:
        """The last decision on each cell, and on each pair of keys."""
        rows = self._chain.query(
            "SELECT tab, person, key, col, platform, truth, choice, decided_at FROM decisions_now WHERE id IN"
            " (SELECT max(id) FROM decisions_now WHERE tab = ? AND key IS NOT NULL"
            "  GROUP BY key, col, CASE col WHEN ? THEN truth END) ORDER BY id",
            (table, SAME_PERSON),
        )
        return tuple(
            Decision(tab, person, key, column, platform, truth, choice, _moment(decided))
            for tab, person, key, column, platform, truth, choice, decided in rows
        )

    def remember_erased(self, identifiers: Iterable[tuple[str, str]], at: datetime) -> None:
        """Remember (column, value) pairs of somebody who was erased, as keyed hashes only."""
        self._chain.append("erased", ((self._hash(column, value),) for column, value in identifiers), at)

    def erased_among(self, column: str, values: Collection[str]) -> frozenset[str]:
        """Those of `values` of an identifying column that belong to erased people; case and outer blanks aside."""
        known = {digest for (digest,) in self._chain.query("SELECT hash FROM erased")}
        return frozenset(value for value in values if self._hash(column, value) in known) if known else frozenset()

    @property
    def secret(self) -> str:
        """What keyed hashes of this state folder are keyed with; another folder has another one."""
        return self._chain.salt.hex()

    def _hash(self, column: str, value: str) -> str:
        text = json.dumps([column, unicodedata.normalize("NFC", value).strip().casefold()], ensure_ascii=False)
        return hmac.new(self._chain.salt, text.encode(), hashlib.sha256).hexdigest()

    # Keys that were given anew

    def keys(self, table: str) -> frozenset[str]:
        """The keys of all profiles with writes or decisions, as they are called by now."""
        rows = self._chain.query(
            "SELECT key FROM writes_now WHERE tab = ? UNION SELECT key FROM decisions_now WHERE tab = ?", (table, table)
        )
        return frozenset(key for (key,) in rows if key is not None)

    def rekey(self, table: str, pairs: Mapping[str, str], name: str, at: datetime) -> None:
        """What is recorded under the old keys of `pairs` is about profiles with the new ones; under a `name`, once."""
        with self.transaction():
            upto = self._chain.entries
            rows: list[tuple[Value, ...]] = [(table, old, new, upto, name) for old, new in pairs.items()]
            for old, new, until in self._chain.query(
                "SELECT old, new, upto FROM rekeys WHERE id IN"
                " (SELECT max(id) FROM rekeys WHERE tab = ? AND old IS NOT NULL GROUP BY old, upto)",
                (table,),
            ):
                if new in pairs:
                    rows.append((table, old, pairs[new], until, name))
            rows.append((table, None, None, upto, name))  # also where there is nothing to carry over
            self._chain.append("rekeys", rows, at)

    def rekeyed(self, name: str) -> bool:
        """Whether a rekey of that name is recorded."""
        return bool(self._chain.query("SELECT 1 FROM rekeys WHERE rekey = ? LIMIT 1", (name,)))

    # Proving

    def verify(self) -> Verified:
        """Check the whole record against its hash chain."""
        return self._chain.verify()

    @property
    def head(self) -> str:
        """The chain's last link; note it in `run.json`, so that cutting off the end shows as well."""
        return self._chain.head

    def _frame(self, columns: Sequence[str], sql: str, values: Sequence[Value]) -> pl.DataFrame:
        import polars as pl  # not every command that opens the ledger needs frames

        moments = [name for name in columns if name.endswith("_at")]
        integers = ("write", "number")
        schema = {name: pl.Int64() if name in integers else pl.String() for name in columns}
        frame = pl.DataFrame(self._chain.query(sql, values), schema=schema, orient="row")
        return frame.with_columns(
            pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S%.6f%:z", time_unit="us", time_zone="UTC")
            for name in moments
        )


def quota_day(moment: datetime) -> date:
    """The day whose bulk calls a call at `moment` uses."""
    return moment.astimezone(QUOTA_ZONE).date()


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, sort_keys=True)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
