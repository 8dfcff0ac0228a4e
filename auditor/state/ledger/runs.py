"""Runs, the plans that were made of them, and what was added to the structure of a table."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from auditor.model import Verdict
from auditor.state.ledger.chain import stamp
from auditor.state.ledger.recorded import Recorded, json_text, moment
from auditor.state.ledger.records import PlanRecord, RunRecord, Seal, StructureState

_PLAN: Final = "sha, run, tab, purpose, made, path, counts, undoes"


class Runs(Recorded):
    """The ledger's part on runs and plans."""

    def record_run(self, run: RunRecord) -> None:
        row = (run.run, run.table, stamp(run.started), stamp(run.finished), run.verdict.value, json_text(run.counts))
        self._chain.append("runs", [row], run.finished)

    def runs(self, table: str, limit: int | None = None) -> tuple[RunRecord, ...]:
        """The completed runs, newest first."""
        rows = self._chain.query(
            "SELECT run, tab, started, finished, verdict, counts FROM runs WHERE tab = ? ORDER BY id DESC LIMIT ?",
            (table, -1 if limit is None else limit),
        )
        return tuple(
            RunRecord(run, name, moment(started), moment(finished), Verdict(verdict), json.loads(counts))
            for run, name, started, finished, verdict, counts in rows
        )

    def last_run(self, table: str) -> RunRecord | None:
        return next(iter(self.runs(table, 1)), None)

    def run_names(self) -> list[str]:
        """Every run of any table that was completed, in the order in which they were recorded."""
        return [name for (name,) in self._chain.query("SELECT run FROM runs ORDER BY id")]

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
                    json_text(plan.counts),
                    plan.undoes,
                )
                self._chain.append("plans", [row], plan.made)

    def plan(self, sha: str) -> PlanRecord | None:
        """The plan of this SHA-256; None where no such plan was recorded."""
        rows = self._chain.query(f"SELECT {_PLAN} FROM plans WHERE sha = ?", (sha,))
        return _plan(rows[0]) if rows else None

    def plans(self, table: str, begins: str) -> tuple[PlanRecord, ...]:
        """The plans of a table whose SHA-256 begins so, the newest first."""
        rows = self._chain.query(
            f"SELECT {_PLAN} FROM plans WHERE tab = ? AND substr(sha, 1, ?) = ? ORDER BY id DESC",
            (table, len(begins), begins),
        )
        return tuple(_plan(row) for row in rows)

    def plans_of(self, table: str, run: str) -> tuple[PlanRecord, ...]:
        """The plans that were made of a run, the newest first."""
        rows = self._chain.query(f"SELECT {_PLAN} FROM plans WHERE tab = ? AND run = ? ORDER BY id DESC", (table, run))
        return tuple(_plan(row) for row in rows)

    def applied(self, table: str, run: str) -> Mapping[str, datetime]:
        """The plans of a run that were applied, wholly or in part: when the last of each was sent, by its SHA-256."""
        rows = self._chain.query(
            "SELECT plan, max(sent_at) FROM writes_now WHERE plan IN (SELECT sha FROM plans WHERE tab = ? AND run = ?)"
            " AND sent_at IS NOT NULL GROUP BY plan",
            (table, run),
        )
        return {sha: moment(sent) for sha, sent in rows}

    def seal(self, sha: str, made: datetime) -> Seal:
        """The seal of a plan that is recorded by now."""
        with self.transaction():
            entry, link = self._chain.head
        return Seal(self._mac(sha, made, entry, link), entry, link)

    def sealed(self, seal: Mapping[str, Any], sha: str, made: datetime) -> bool:
        """Whether this is the seal that this ledger gave a plan."""
        try:
            given = Seal(**seal)
            return hmac.compare_digest(given.mac, self._mac(sha, made, given.entry, given.link))
        except (TypeError, ValueError):  # no seal at all, or one of other characters
            return False

    def _mac(self, *sealed: object) -> str:
        return hmac.new(self._chain.salt, json.dumps(["plan", *map(str, sealed)]).encode(), hashlib.sha256).hexdigest()

    def record_structure(
        self, plan: str, table: str, items: Iterable[str], state: StructureState, at: datetime
    ) -> None:
        """Record what became of additions to the table structure; before a call they are SENT."""
        self._chain.append("structure_events", ((plan, table, item, state.value, stamp(at)) for item in items), at)


def _plan(row: Sequence[Any]) -> PlanRecord:
    sha, run, table, purpose, made, path, counts, undoes = row
    return PlanRecord(sha, run, table, purpose, moment(made), path, json.loads(counts), undoes)
