"""What one application of a plan works with: the platform, the ledger, the clock, and the results so far.

`Reads` and `Writes` say what is asked of the platform's client; `auditor.actito` has both. A `Job` is shared by the
threads that write: every method may be called from any of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from auditor.actito import Collection, Execution, ImportMode, Profile, ProfileRef, RefusedRow
from auditor.findings.since import Since
from auditor.model import SUBSCRIPTION_PREFIX, TEXTS, Kind, Outcome, Route, Structure
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import Around, Intent, WriteState
from auditor.writes import Cell, Plan, Write

FINAL: Final = (Outcome.LANDED, Outcome.REFUSED, Outcome.CHANGED)
"""Outcomes that stand: such a cell is never sent again by the same plan."""
GONE: Final = "gone"
"""Why a write was refused whose profile was not there: this alone is looked at again when the plan is."""


class Reads(Protocol):
    """The questions that applying a plan asks; see auditor.actito.Reader."""

    def profile(self, table: Structure, by: ProfileRef) -> Profile | None: ...

    def count(self, table: Structure) -> int | None: ...

    def execution(self, execution_id: str) -> Execution: ...

    def refused_rows(self, execution_id: str) -> Sequence[RefusedRow]: ...


class Writes(Protocol):
    """The changes that applying a plan makes; see auditor.actito.Writer."""

    def update(
        self,
        table: Structure,
        profile_id: str,
        values: Mapping[str, str | None],
        *,
        collection: Collection | None = None,
    ) -> None: ...

    def create(
        self, table: Structure, values: Mapping[str, str | None], collection: Collection | None = None
    ) -> str: ...

    def delete(self, table: Structure, profile_id: str) -> None: ...

    def start_import(
        self, table: Structure, archive: bytes, *, columns: Sequence[str], key: str, mode: ImportMode, output: str
    ) -> str: ...


class BulkFile(Protocol):
    """A corrective file, ready to be sent."""

    @property
    def archive(self) -> bytes:
        """The zipped CSV."""

    @property
    def columns(self) -> Sequence[str]:
        """The CSV's headers, the key's among them."""

    @property
    def key(self) -> str:
        """The header that identifies a row."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What applying a plan allows itself."""

    concurrency: int = 3
    """Profiles written at the same time."""
    bulk_calls_per_day: int = 6
    """Of this table; the last one is kept for undo."""
    max_age: timedelta = timedelta(hours=24)
    """Of the export behind a corrective file."""
    permission_max_age: timedelta = timedelta(hours=1)
    """Of the export behind a corrective file that carries opt-outs."""
    import_wait: timedelta = timedelta(hours=1)
    """How long an import is followed; what it does afterwards shows in the next export."""
    visible_after: timedelta = timedelta(minutes=1)
    """By then what was written can be read, unless it has been seen to take longer."""
    poll_seconds: float = 2.0
    read_before: int = 100
    """Rows of an import that are read before it is sent."""
    sample: int = 20
    """Rows of an import that are read back at once."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """Why some of the plan was not sent."""

    why: str
    """Stable code: interrupted, platform, quota, import_running, not_followed, refused_rows, stale, canary, changed,
    read_back.
    """
    sentence: str
    """For people, without values."""


@dataclass(frozen=True, slots=True)
class SentFile:
    """How much of a file was looked at: what was edited in the others meanwhile is overwritten."""

    batch: str
    rows: int
    read_before: int
    """Profiles that were read right before it was sent, of which those that had changed were left out."""
    left_out: int
    since: datetime | None
    """The moment that the export shows; None for creations, which change nobody."""
    until: datetime
    """When it had ended; where it had not yet, when it was left alone."""
    read_back: int


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one cell, or of one profile that is created or deleted."""

    outcome: Outcome
    detail: str | None
    at: datetime | None
    found: str | None = None
    """What the platform held instead, where a reading showed it."""
    profile_id: str | None = None


_STEP: Final = timedelta(seconds=5)
"""While waiting, how long it may take to notice that somebody asks for an end."""

Cells = tuple[Cell, ...]
MOST_VISIBLE_AFTER: Final = timedelta(hours=1)
"""Nothing is waited for longer than that, whatever was seen."""
PROFILE: Final = Cell("", None, None)
"""Stands for the profile itself, in creations and deletions: `column` None in the ledger and in outcomes."""


def column_of(cell: Cell) -> str | None:
    return cell.column or None


def targets(write: Write) -> Cells:
    """What of a write is followed: its cells, or the profile itself."""
    if write.kind in (Kind.CREATE, Kind.DELETE):
        return (PROFILE,)
    return write.cells


@dataclass(slots=True)
class Job:
    """One application of one plan."""

    plan: Plan
    sha: str
    structure: Structure
    reader: Reads
    writer: Writes
    ledger: Ledger
    clock: Callable[[], datetime]
    same: Callable[[str, str | None, str | None], bool]
    sleep: Callable[[float], None]
    limits: Limits
    results: dict[tuple[int, str | None], Result] = field(default_factory=dict)
    states: dict[tuple[int, str | None], WriteState] = field(default_factory=dict)
    """The ledger's record of earlier applications, as it was at the beginning."""
    held: Mapping[tuple[int, str | None], Since] = field(default_factory=dict)
    """What must not be sent any more, and why. What an earlier application sent of it is settled by reading."""
    general: Mapping[str, Callable[[str | None], bool]] = field(default_factory=dict)
    """By column of a general permission, whether what the platform says there is a no."""
    alone: set[int] = field(default_factory=set)
    """What the plan has in a file, and went one by one because no file could go."""
    files: list[SentFile] = field(default_factory=list)
    """What was sent by file."""
    stopped: Stopped | None = None
    error: BaseException | None = None
    """What ended the job for good; raised once everything in flight is recorded."""
    late: timedelta = timedelta()
    """The longest that a write has been seen to take until it was shown."""
    progress: Callable[[], None] = lambda: None
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _halted: bool = False
    _looked_for_late: bool = False

    def equal(self, column: str, a: str | None, b: str | None) -> bool:
        """Equal by the column's rule; being absent from a subscription's list and being off it are one thing."""
        if column.startswith(SUBSCRIPTION_PREFIX):
            a, b = a or "false", b or "false"
        return self.same(column, a, b)

    def unchanged(self, column: str, audited: str | None, current: str | None) -> bool:
        """Whether the platform still has what was audited: a text letter by letter, for what a rule calls equal may be
        somebody's edit; what has several spellings for one value by its rule.
        """
        attribute = self.structure.attribute(column)
        if attribute is None or attribute.multi_valued or attribute.type not in TEXTS:
            return self.equal(column, audited, current)
        return (audited or "") == (current or "")

    def halted(self) -> bool:
        """True once nothing more may be sent."""
        return self._halted

    def halt(self, stopped: Stopped | None, error: BaseException | None = None) -> None:
        """Send nothing more. The first reason is the one that is told."""
        with self._lock:
            self._halted = True
            self.stopped = self.stopped or stopped
            self.error = self.error or error

    def note(self, stopped: Stopped) -> None:
        """Part of the plan cannot go now; the rest goes on."""
        with self._lock:
            self.stopped = self.stopped or stopped

    def remaining(self, number: int) -> Cells:
        """What of a write has no final outcome yet."""
        with self._lock:
            return tuple(
                cell
                for cell in targets(self.plan.writes[number])
                if (number, column_of(cell)) not in self.results
                or self.results[number, column_of(cell)].outcome not in FINAL
            )

    def due(self, number: int) -> Cells:
        """What of a write is to be sent, or to be settled by reading."""
        return tuple(cell for cell in self.remaining(number) if self._held(number, cell) is None)

    def hold(self) -> None:
        """Note what is not to be sent any more, and never was."""
        for number in {number for number, _ in self.held}:
            for cell in self.remaining(number):
                since = self._held(number, cell)
                if since is not None:
                    self.skip(number, [cell], since)

    def _held(self, number: int, cell: Cell) -> Since | None:
        return self.held.get((number, column_of(cell))) if self.attempt(number, cell) is None else None

    def attempt(self, number: int, cell: Cell) -> WriteState | None:
        """An earlier attempt whose end is not known: it is settled by reading before anything is sent."""
        state = self.states.get((number, column_of(cell)))
        open_end = state is not None and state.outcome in (None, Outcome.UNKNOWN) and state.sent_at is not None
        return state if open_end else None

    def intend(self, number: int, cells: Cells, profile_id: str | None, *, sent: bool = True) -> dict[str, int]:
        """Record single writes about to be sent; their numbers in the ledger by column ("" for the profile)."""
        intents = [self.intent(number, cell, Route.SINGLE, profile_id) for cell in cells]
        writes = self.ledger.intend(self.sha, self.plan.table, intents, self.clock(), sent=sent)
        return {cell.column: write for cell, write in zip(cells, writes, strict=True)}

    def intent(self, number: int, cell: Cell, route: Route, profile_id: str | None) -> Intent:
        write = self.plan.writes[number]
        return Intent(
            number,
            write.kind,
            route,
            write.key,
            profile_id or write.profile_id,
            column_of(cell),
            cell.before,
            cell.after,
        )

    def settle(
        self,
        number: int,
        cells: Cells,
        writes: Mapping[str, int],
        outcome: Outcome,
        detail: str | None = None,
        *,
        found: str | None = None,
        profile_id: str | None = None,
        around: Around | None = None,
    ) -> None:
        """Record what became of cells of one write."""
        places = {(number, column_of(cell)): writes[cell.column] for cell in cells}
        self.record(places, outcome, detail, found=found, profile_id=profile_id, around=around)

    def record(
        self,
        writes: Mapping[tuple[int, str | None], int],
        outcome: Outcome,
        detail: str | None,
        *,
        found: str | None = None,
        profile_id: str | None = None,
        around: Around | None = None,
    ) -> None:
        """Record what became of cells, given by (position in the plan, column), with their numbers in the ledger."""
        if not writes:
            return
        now = self.clock()
        self.ledger.settle(writes.values(), outcome, now, detail=detail, profile_id=profile_id, around=around)
        self._keep(writes, Result(outcome, detail, now, found, profile_id))

    def conclude(
        self,
        number: int,
        cells: Cells,
        outcome: Outcome,
        detail: str | None = None,
        *,
        found: str | None = None,
        profile_id: str | None = None,
    ) -> None:
        """Record an outcome that needed no call now, on the earlier attempt where there is one."""
        for cell in cells:
            earlier = self.attempt(number, cell)
            with self.ledger.transaction():
                if earlier is not None:
                    writes = {cell.column: earlier.write}
                else:
                    writes = self.intend(number, (cell,), profile_id, sent=False)
                self.settle(number, (cell,), writes, outcome, detail, found=found, profile_id=profile_id)

    @property
    def visible_after(self) -> timedelta:
        """The time by which what was sent is shown: what the settings say, or the delay that was seen if longer."""
        return max(self.limits.visible_after, min(self.late, MOST_VISIBLE_AFTER))

    def looks_for_late(self) -> bool:
        """True for the first that asks."""
        with self._lock:
            first, self._looked_for_late = not self._looked_for_late, True
        return first

    def wait_until_visible(self, attempts: Iterable[WriteState]) -> bool:
        """Wait until what these attempts may have done can be read; False where nothing more is to be sent before."""
        sent = [attempt.sent_at for attempt in attempts if attempt.sent_at is not None]
        left = min(max(sent) - self.clock(), timedelta()) + self.visible_after
        while left > timedelta() and not self.halted():
            step = min(left, _STEP)
            self.sleep(step.total_seconds())
            left -= step
        return not self.halted()

    def without_effect(self, number: int, cell: Cell) -> bool:
        """An earlier attempt was looked for and did nothing: whether the way is free for a new one."""
        earlier = self.attempt(number, cell)
        if earlier is not None:
            self.ledger.settle([earlier.write], Outcome.SKIPPED, self.clock(), detail="no_effect")
        since = self.held.get((number, column_of(cell)))
        if since is not None:
            self.skip(number, [cell], since)
        return since is None

    def skip(self, number: int, cells: Iterable[Cell], detail: str) -> None:
        """Note cells that are not sent this time. The ledger has nothing to remember of them."""
        self._keep([(number, column_of(cell)) for cell in cells], Result(Outcome.SKIPPED, detail, None))

    def _keep(self, places: Iterable[tuple[int, str | None]], result: Result) -> None:
        with self._lock:
            self.results.update(dict.fromkeys(places, result))
            self.progress()
