"""The optional third input of a run: activities, pulled, understood, and held against the profiles."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from auditor.commands.results import write_activities
from auditor.commands.run_inputs import Tell
from auditor.diff.activities import Activities, activities, reachable
from auditor.diff.diffed import Diffed
from auditor.diff.permission_findings import Permissions
from auditor.engine.duckdb import DuckDB
from auditor.findings.audit import Audit, Counts
from auditor.findings.codes import NotChecked, Notice
from auditor.findings.unreachable import corrected, for_truth, left_aside, nothing_new, of_another_table, told, unread
from auditor.load.activities import File, Told, land_activities
from auditor.match.join import Matched
from auditor.model import Side
from auditor.plan.finding_answers import for_owners
from auditor.plan.needs import for_the_truth
from auditor.plan.pairs import one_person
from auditor.pull import Means
from auditor.pull.every import Unusable, pull_every
from auditor.pull.locations import NothingCame
from auditor.settings.config import Settings
from auditor.settings.contract import Contract
from auditor.state.ledger import Ledger
from auditor.state.memory import Memory, bearing

if TYPE_CHECKING:
    import ibis.expr.types as ir

FOLDER: Final = "activities"
"""Of what is fetched, unpacked and landed of them, within the run's folder; nothing in it stays."""


@dataclass(frozen=True, slots=True)
class Pulls:
    """The files of activities that there are."""

    files: tuple[File, ...]
    problems: tuple[NotChecked, ...]
    quiet: tuple[NotChecked, ...]
    """Places that can be looked into, and where nothing lies: not checked, unless there was nothing to tell."""

    @property
    def folders(self) -> set[Path]:
        return {file.path.parent for file in self.files}


@dataclass(frozen=True, slots=True)
class Reached:
    """What is known of activities; all of it is None where nobody asked, in this run or any before."""

    rejected: pl.DataFrame | None
    not_checked: tuple[NotChecked, ...]
    nothing_new: tuple[Notice, ...]
    """Where no files have come."""
    found: Activities | None
    keep: ir.Table | None
    """What is to be remembered."""

    def with_findings(self, allowed: Permissions) -> Permissions:
        """The permissions with what profiles do not show of opt-outs in campaigns and complaints."""
        if self.found is None:
            return allowed
        return replace(allowed, findings=allowed.findings.union(self.found.findings))

    def count(
        self, engine: DuckDB, contract: Contract, matched: Matched, allowed: Permissions, counts: Counts
    ) -> Counts:
        """The counts with those of the reachable."""
        found = None if self.found is None else self.found.found
        number, unreachable = reachable(engine, contract, matched, allowed, found)
        return replace(counts, reachable=number, unreachable=unreachable)

    def tell(self, audit: Audit) -> Audit:
        """The audit with what is to be told of activities before all else."""
        if self.found is None:
            return audit
        notices = told(audit.activities, corrected(audit.differences, audit.activities))
        if (named := self.found.named) is not None:
            notices += left_aside(named.of_nobody, named.of_others, named.taken_back)
        return replace(audit, notices=(*notices, *self.nothing_new, *audit.notices))

    def write(self, engine: DuckDB, matched: Matched, work: Path) -> None:
        """Write what was found into the run's folder; nothing where nothing is known."""
        if self.found is not None:
            write_activities(engine, matched, self.found.found, work)


def pull_activities(
    settings: Settings, contract: Contract, work: Path, now: datetime, *, keep: bool, tell: Tell
) -> Pulls:
    """Every file of activities that is configured; what cannot be had is told, and keeps no audit from being made."""
    exports = settings.exports
    means = Means(exports, None, settings.state.retain.snapshots, keep=keep, tell=tell)
    files: list[File] = []
    problems: list[tuple[str, str]] = []
    quiet: list[tuple[str, str]] = []
    places = [*((place, False) for place in exports.activities), *((place, True) for place in exports.taken_back)]
    for number, (location, taken_back) in enumerate(places):
        for one in pull_every(
            Side.PLATFORM,
            location,
            folder=work / FOLDER / str(number),
            now=now,
            timezone=contract.timezone,
            base=settings.folder,
            means=means,
        ):
            if isinstance(one, Unusable):
                nothing_new = isinstance(one.problem, NothingCame) and not taken_back
                (quiet if nothing_new else problems).append((one.name, str(one.problem)))
            else:
                files.append(File(one.path, one.file, location, taken_back))
    return Pulls(tuple(files), unread(problems), unread(quiet))


def understand(
    engine: DuckDB, pulls: Pulls, contract: Contract, settings: Settings, work: Path, now: datetime
) -> Told | None:
    """What the files say; None where none are configured. What they were made of is removed again."""
    if not (settings.exports.activities or settings.exports.taken_back):
        return None
    folder = work / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    keys = [list(dict.fromkeys((one.header, one.name, one.truth))) for one in contract.keys]
    try:
        found = land_activities(engine, pulls.files, settings.exports, keys, contract.timezone.key, now, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return replace(found, not_checked=(*pulls.problems, *found.not_checked))


def hold(
    engine: DuckDB,
    settings: Settings,
    contract: Contract,
    matched: Matched,
    diffed: Diffed,
    allowed: Permissions,
    said: Told | None,
    quiet: Sequence[NotChecked],
    memory: Memory,
    ledger: Ledger,
    now: datetime,
) -> Reached:
    """Hold what activities say, in this run and those before, against the profiles.

    What was remembered counts also where no files are configured any more: nobody's own no is forgotten with them. A
    `quiet` place had nothing to tell where something was told before, and not long ago.
    """
    if said is None and memory.activities is None:
        return Reached(None, (), (), None, None)
    rows = None if said is None else said.rows
    found = activities(
        engine, contract, matched, diffed, allowed, rows, memory.activities, memory.base, ledger.secret, now
    )
    keep = bearing(found.known, now - settings.state.retain.runs)
    if said is None:
        return Reached(None, (), (), found, keep)
    others = () if found.named is None else of_another_table(found.named.files)
    last = engine.frame(found.known.agg(moment=found.known.moment.max()))["moment"][0]
    if memory.activities is not None and last is not None and last >= now - settings.exports.max_silence:
        told_so, not_checked = nothing_new(quiet, last), said.not_checked
    else:
        told_so, not_checked = (), (*said.not_checked, *quiet)
    return Reached(said.rejected, (*not_checked, *others), told_so, found, keep)


def told_to_the_truth(audit: Audit, needed: pl.DataFrame) -> pl.DataFrame:
    """The content of `for-the-truth.csv`; where activities are known with a column `moment`, UTC, of what they say."""
    told = (for_the_truth(needed), for_owners(audit.permissions), one_person(audit.same_person))
    rows = pl.concat(told).sort("key", "column", maintain_order=True)
    if audit.counts.unreachable is None:
        return rows
    more = for_truth(audit).with_columns(pl.col("moment").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    return pl.concat([rows.with_columns(moment=pl.lit(None, pl.String)), more])


def rejected_too(rejected: pl.DataFrame, more: Sequence[pl.DataFrame | None]) -> pl.DataFrame:
    """The rows that could not be read, those of activities last."""
    return pl.concat([rejected, *(one for one in more if one is not None)])
