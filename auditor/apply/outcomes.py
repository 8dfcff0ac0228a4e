"""What became of a plan, as a table: `outcome-SHA.parquet` in the run folder."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl

from auditor.apply.job import SentFile, Stopped
from auditor.errors import Exit
from auditor.files.whole import whole_file
from auditor.findings.since import Drift, Place, Since
from auditor.model import Outcome
from auditor.state.ledger.records import Effect
from auditor.state.run_files import rows

OUTCOMES: Final = pl.Schema(
    {
        "number": pl.Int64(),  # position of the write in the plan, from 0
        "kind": pl.String(),
        "route": pl.String(),  # how it really travelled: canaries go one by one
        "key": pl.String(),
        "profile_id": pl.String(),
        "column": pl.String(),  # null: the profile itself, created or deleted
        "before": pl.String(),  # as audited
        "after": pl.String(),
        "found": pl.String(),  # what the platform held instead, where a reading showed it; of the touched, since when
        "outcome": pl.String(),  # model.Outcome
        "detail": pl.String(),  # stable code, or the platform's own code for a refused value
        "at": pl.Datetime("us", "UTC"),  # when that became known; null: not sent
    }
)


@dataclass(frozen=True)
class Applied:
    """What an application of a plan came to, earlier applications of the same plan included."""

    sha: str
    outcomes: pl.DataFrame
    """One row per cell, and one per created or deleted profile, in the plan's order; columns as in `OUTCOMES`."""
    stopped: Stopped | None
    """Why something was not sent; None: everything was tried."""
    drift: Drift
    """What is not written any more, because of what is known since the plan was made."""
    files: tuple[SentFile, ...]
    """What this application sent by file."""

    @property
    def counts(self) -> Mapping[Outcome, int]:
        """Rows per outcome."""
        counts = dict(self.outcomes.group_by("outcome").len().iter_rows())
        return {outcome: counts.get(outcome.value, 0) for outcome in Outcome}

    @property
    def left(self) -> int:
        """Rows that were not done and need a look: refused, changed meanwhile or since planned, or not confirmed."""
        counts = self.counts
        return self._since + counts[Outcome.REFUSED] + counts[Outcome.CHANGED] + counts[Outcome.UNKNOWN]

    @property
    def _since(self) -> int:
        skipped = self.outcomes.filter(pl.col("outcome") == Outcome.SKIPPED.value)
        return skipped.filter(pl.col("detail").is_in([since.value for since in Since])).height

    def but(self, back: Mapping[Place, str]) -> Applied:
        """The same, where what landed of these cells, each with the key of its person by now, has been taken back
        since: that is not written any more, whatever the plan had done.
        """
        rows, done = self.outcomes, Outcome.LANDED.value
        gone = [
            outcome == done and (number, column) in back
            for outcome, number, column in rows["outcome", "number", "column"].iter_rows()
        ]
        if not any(gone):
            return self
        taken = pl.Series(gone, dtype=pl.Boolean)
        told = {"outcome": Outcome.SKIPPED.value, "detail": Since.UNDONE.value}
        marked = rows.with_columns(
            pl.when(taken).then(pl.lit(said)).otherwise(name).alias(name) for name, said in told.items()
        )
        places = rows.filter(taken).select("number", "column").rows()
        held = {**self.drift.held, **dict.fromkeys(places, Since.UNDONE)}
        keys = {**self.drift.keys, **{place[0]: back[place] for place in places}}
        return replace(self, outcomes=marked, drift=replace(self.drift, held=held, keys=keys))

    @property
    def exit_code(self) -> Exit:
        why = self.stopped.why if self.stopped else None
        if why == "interrupted":
            return Exit.INTERRUPTED
        if why in ("stale", "changed"):
            return Exit.REFUSED
        if self.left:
            return Exit.WRITES_LEFT
        return Exit.TRY_LATER if why else Exit.FINE


def taken_back(
    effects: Iterable[Effect], back: Collection[tuple[str | None, str | None]], now: Mapping[str, str]
) -> dict[Place, str]:
    """Which of a plan's effects an undo has taken back (`back`: key and column, as the ledger calls people), each with
    the key that its person has `now`, by profileId; who is not in it is called as in the ledger.
    """
    theirs = [one for one in effects if (one.key, one.column) in back]
    return {(one.number, one.column): now.get(one.profile_id or "", one.key or "") for one in theirs}


def outcome_path(folder: Path, sha: str) -> Path:
    return folder / f"outcome-{sha}.parquet"


def write_outcomes(folder: Path, applied: Applied) -> Path:
    """Write the outcome file, whole or not at all, readable for its owner alone."""
    path = outcome_path(folder, applied.sha)
    with whole_file(path) as partial:
        applied.outcomes.write_parquet(partial)
    return path


def read_outcomes(folder: Path, sha: str) -> pl.DataFrame | None:
    """The outcomes of a plan so far; None where there is no such file. Raises SettingsError for a damaged one."""
    path = outcome_path(folder, sha)
    hint = f"make it anew: remove it, then auditor apply {sha[:12]}, which writes nothing twice"
    return rows(path, OUTCOMES, hint=hint) if path.is_symlink() or path.exists() else None
