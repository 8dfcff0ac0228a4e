"""What is to happen to each difference: a kind of write, or the reason why there is none.

The default policy (design §8), the masters of the contract and the decisions of people meet here, cell by cell. What
concerns a permission is left to `auditor.permissions`. How writes travel is `auditor.plan.routing`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

import polars as pl

from auditor import permissions, writes
from auditor.findings.audit import DIFFERENCES, TEXT
from auditor.model import FALSE_SPELLINGS, Kind, Moved, Status, Structure, Why
from auditor.permissions import Case, Cell, Evidence, Opt
from auditor.plan.decisions import Choice, Decision, Standing, standing
from auditor.settings.contract import Column, Master, Polarity

FOR_THE_TRUTH: Final = pl.Schema({"key": TEXT, "column": TEXT, "platform": TEXT, "truth": TEXT, "why": TEXT})
"""The columns of `for-the-truth.csv`."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The `[fixes]` of the settings, and what of `[actito]` bears on a plan, as plain values."""

    route: Literal["auto", "bulk", "single"] = "auto"
    realtime: tuple[str, ...] = ()
    """Columns, as globs, that must go one by one because they start scenarios."""
    bulk_min_rows: int = 1000
    """Fewer profiles never make a file."""
    without_base: Literal["ask", "moments"] = "ask"
    only_on_platform: Literal["list", "delete"] = "list"
    bulk_empty: Literal["unknown", "keep", "erase"] = "unknown"
    """What an empty cell of a file does to a filled value on update."""
    calls_per_minute: int = 60
    max_age: timedelta = timedelta(hours=24)
    """Of the export behind a file."""
    permission_max_age: timedelta = timedelta(hours=1)
    """Of the export behind a file of opt-outs."""

    def in_real_time(self, column: str) -> bool:
        return any(fnmatchcase(column, glob) for glob in self.realtime)


class Difference(NamedTuple):
    """One row of `Audit.differences`, as far as a plan looks at it."""

    key: str
    column: str
    platform: str | None
    truth: str | None
    status: str
    moved: str
    waiting: bool
    pending: bool
    blocked: bool
    platform_updated: datetime | None

    @property
    def cell(self) -> Cell:
        return self.key, self.column


@dataclass(frozen=True, slots=True)
class Action:
    """One cell that is to be written."""

    key: str
    kind: Kind
    cell: writes.Cell
    decided_by: str | None = None
    collection: writes.Collection | None = None


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known about cells beyond the differences themselves; looked up by key and column."""

    columns: Mapping[str, Column]
    structure: Structure
    timezone: ZoneInfo
    now: datetime
    evidence: Mapping[Cell, Evidence] = field(default_factory=dict)
    history: pl.DataFrame = field(default_factory=permissions.HISTORY.to_frame)
    undone: Collection[tuple[str, str, str | None, str | None]] = frozenset()
    """Key, column, platform and truth text of writes that were taken back."""
    key: frozenset[str] = frozenset()
    """The key columns, where a profile may lack them: a fallback key is no proof that it should have this key."""
    unaddressed: frozenset[str] = frozenset()
    """Keys of profiles that the platform can neither find by the key nor by a profileId."""


def differences(frame: pl.DataFrame) -> list[Difference]:
    """The rows of `Audit.differences`, by key and column, whatever their order was."""
    rows = frame.select([name for name in DIFFERENCES if name in Difference._fields])
    return [Difference._make(row) for row in rows.select(Difference._fields).sort("key", "column").iter_rows()]


def judge(
    rows: Iterable[Difference], decisions: Iterable[Decision], policy: Policy, known: Knowledge
) -> Iterator[Action | writes.LeftAlone]:
    """What happens to every difference, one answer each, in the order of `rows`."""
    rows = list(rows)
    standings = standing(decisions, ((row.key, row.column, row.platform, row.truth) for row in rows))
    opt_outs = _last_opt_outs(rows, standings, known)
    for row in rows:
        decision = standings.holding.get(row.cell)
        verdict = _verdict(row, decision, policy, known, opt_outs)
        if verdict is Why.DECISION and row.cell in standings.changed:
            verdict = Why.CHANGED
        if isinstance(verdict, Why):
            yield writes.LeftAlone(row.key, row.column, verdict.value)
            continue
        by = decision.by if decision else None
        if isinstance(verdict, Opt):
            cell = writes.Cell(row.column, row.platform, verdict.after)
            yield Action(row.key, verdict.kind, cell, by, verdict.collection)
        else:
            after = _nothing(row.column, known.structure) if verdict is Kind.CLEAR else row.truth
            yield Action(row.key, verdict, writes.Cell(row.column, row.platform, after), by)


def for_the_truth(frame: pl.DataFrame, columns: Iterable[Column], decisions: Iterable[Decision] = ()) -> pl.DataFrame:
    """The content of `for-the-truth.csv`: what the owners of the truth should correct on their side.

    `frame` is `Audit.differences`; the answer has the columns of FOR_THE_TRUTH, a row per cell, by key and column.
    `why` is `opted_out_on_platform`, `opted_in_on_platform`, `platform_is_master`, `platform_moved` or `decided`. What
    is pending, waiting or ignored by decision is left out.
    """
    by_name = {column.name: column for column in columns}
    rows = differences(frame)
    standings = standing(decisions, ((row.key, row.column, row.platform, row.truth) for row in rows))
    lines = []
    for row in rows:
        why = _word(row, by_name[row.column], standings.holding.get(row.cell))
        if why is not None and not (row.pending or row.waiting):
            lines.append((row.key, row.column, row.platform, row.truth, why))
    return pl.DataFrame(lines, schema=FOR_THE_TRUTH, orient="row")


def _verdict(
    row: Difference,
    decision: Decision | None,
    policy: Policy,
    known: Knowledge,
    opt_outs: Mapping[Cell, datetime],
) -> Kind | Opt | Why:
    column = known.columns[row.column]
    if row.pending:
        return Why.PENDING
    if row.waiting:
        return Why.WAITING
    if (row.key, row.column, row.platform, row.truth) in known.undone:
        return Why.UNDONE
    if decision and decision.choice is Choice.IGNORE:
        return Why.IGNORED
    if column.master is Master.PLATFORM or (decision and decision.choice is Choice.PLATFORM):
        return Why.FOR_THE_TRUTH
    if row.blocked or _refused(row, known.structure):
        return Why.BLOCKED
    if row.key in known.unaddressed:
        return Why.UNADDRESSED
    if column.permission is not None:
        case = _case(row, column.permission, known, opt_outs)
        by = decision.by if decision else None
        return permissions.decide(case, by=by, now=known.now, timezone=known.timezone)
    kind = Kind.UPDATE if row.truth else Kind.CLEAR
    if decision:
        return kind
    return Why.DECISION if row.column in known.key else _by_default(row, column, policy, kind)


def _by_default(row: Difference, column: Column, policy: Policy, kind: Kind) -> Kind | Why:
    """The default for a cell that is no permission and that nobody decided: correct it if only the truth moved."""
    if row.moved == Moved.PLATFORM and column.master is Master.BOTH:
        return Why.FOR_THE_TRUTH
    if column.master is Master.TRUTH and column.conflicts == "master" and row.status == Status.CONFLICTING:
        return kind
    if row.moved == Moved.TRUTH or (row.moved == Moved.TRUTH_BY_MOMENT and policy.without_base == "moments"):
        return kind
    return Why.DECISION


def _nothing(column: str, structure: Structure) -> str | None:
    """The value that clears a column: null, but who leaves a simple segmentation is simply no member."""
    segmentation = structure.segmentation(column)
    return "false" if segmentation is not None and not segmentation.exclusive else None


def _refused(row: Difference, structure: Structure) -> bool:
    """What cannot be written whatever the value: Actito's own attributes, and clearing what is never empty."""
    attribute = structure.attribute(row.column)
    if attribute is not None:
        return attribute.technical or (attribute.mandatory and not row.truth)
    segmentation = structure.segmentation(row.column)
    if segmentation is None or row.truth:
        return False
    outside = (row.platform or "").strip().lower() in FALSE_SPELLINGS
    return segmentation.mandatory or (outside and not segmentation.exclusive)


def _case(row: Difference, polarity: Polarity, known: Knowledge, opt_outs: Mapping[Cell, datetime]) -> Case:
    return Case(
        polarity=polarity,
        platform=row.platform,
        truth=row.truth,
        moved=Moved(row.moved),
        evidence=known.evidence.get(row.cell, Evidence()),
        platform_updated=row.platform_updated,
        last_opt_out=opt_outs.get(row.cell),
    )


def _last_opt_outs(rows: Iterable[Difference], standings: Standing, known: Knowledge) -> Mapping[Cell, datetime]:
    """The last opt-out known of every permission that a person wants to go up."""
    cells = {}
    for row in rows:
        polarity = known.columns[row.column].permission
        if polarity is not None and row.cell in standings.holding:
            cells[row.cell] = (permissions.state(row.platform, polarity), row.platform_updated)
    return permissions.last_opt_outs(known.history, cells)


def _word(row: Difference, column: Column, decision: Decision | None) -> str | None:
    if decision is not None and decision.choice is Choice.IGNORE:
        return None
    if column.master is Master.PLATFORM:
        return "platform_is_master"
    if decision is not None:
        return "decided" if decision.choice is Choice.PLATFORM else None
    if column.permission is not None:
        return permissions.word_for_the_truth(Case(column.permission, row.platform, row.truth, Moved(row.moved)))
    return "platform_moved" if column.master is Master.BOTH and row.moved == Moved.PLATFORM else None
