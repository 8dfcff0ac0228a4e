"""Carries out a reviewed plan and verifies it: nothing is written that is not in the plan, and nothing twice.

The order, and who does it:

    guards                  here            a plan with a stop: refused before anything
    opt-outs, one by one    apply_single    read, write what still holds the audited value, read back
    opt-outs, by file       apply_bulk      canaries one by one, a look at some rows, the file, its end, refused rows,
                                            a sample; one by one what cannot go by file now
    a first load            load            one profile, a hundred, files: each step stands before the next
    the rest, one by one    apply_single    unique values in the plan's order, the others a few profiles at a time;
                                            permissions under a general consent last
    the rest, by file       apply_bulk      not from an export that is too old

The ledger holds an intent before each call and an outcome after it, so applying the same plan again goes on where the
last application ended, however it ended: whatever has no outcome is settled by reading first.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from types import FrameType

import polars as pl

from auditor.apply.bulk import carry_out_batch
from auditor.apply.job import FINAL, GONE, BulkFile, Job, Limits, Reads, Result, Stopped, Writes, column_of, targets
from auditor.apply.lanes import by_profile, guarded, one_by_one
from auditor.apply.load import carry_out_load
from auditor.apply.outcomes import OUTCOMES, Applied
from auditor.errors import GuardRefused, SettingsError
from auditor.findings.sentences import of_plan
from auditor.findings.since import NO_DRIFT, Drift, Place
from auditor.findings.words import Words
from auditor.model import Kind, Outcome, Route, Structure
from auditor.state.ledger import Ledger
from auditor.state.ledger.details import OVERWRITTEN
from auditor.state.ledger.records import WriteState
from auditor.writes import Plan

_INTERRUPTED = Stopped("interrupted", "interrupted: everything sent is recorded; apply the plan again to go on")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an application is, in cells of the plan."""

    done: int
    total: int


def apply_plan(
    plan: Plan,
    *,
    structure: Structure,
    reader: Reads,
    writer: Writes,
    ledger: Ledger,
    clock: Callable[[], datetime],
    same: Callable[[str, str | None, str | None], bool],
    bulk_file: Callable[[Plan, str], BulkFile],
    general: Mapping[str, Callable[[str | None], bool]] | None = None,
    limits: Limits | None = None,
    allow_stop: bool = False,
    earlier: pl.DataFrame | None = None,
    drift: Drift | None = None,
    progress: Callable[[Progress], None] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Applied:
    """Carry out what is left of `plan`. The caller holds the state folder's lock and has checked the brakes.

    `same(column, a, b)` says whether two platform texts are equal by the column's rule. `bulk_file(plan, batch)` makes
    the corrective file of a batch. `general` has the columns of general permissions and whether a text of theirs is a
    no: a profile that says so is given no other permission. `earlier` are the outcomes that the last application of
    this plan left. What is held in `drift` is not sent, and skipped for its reason. `progress` is called from the
    writing threads, one at a time. Ctrl-C and SIGTERM let the calls in flight finish, record them and return.

    Raises GuardRefused, before anything is sent, for a plan that the ledger did not record as made, one with a stop
    (unless `allow_stop`); SettingsError when the key or a name turns out wrong:
    what was sent until then is recorded.
    """
    if plan.stop is not None and not allow_stop:
        raise GuardRefused(f"the plan is stopped: {of_plan(plan.stop, Words('the platform', 'the truth'))}")
    if plan.table != structure.table:
        raise SettingsError(f'the plan is for the table "{plan.table}", not "{structure.table}"')
    if plan.repeated:
        raise GuardRefused(
            f"the files of this plan repeat {plan.repeated:,} audited values, which somebody may have edited since",
            hint="make it again: auditor plan",
        )
    sha = plan.sha
    if ledger.plan(sha) is None:
        raise GuardRefused("the ledger did not record this plan as made", hint="make it again: auditor plan")
    job = Job(
        plan=plan,
        sha=sha,
        structure=structure,
        reader=reader,
        writer=writer,
        ledger=ledger,
        clock=clock,
        same=same,
        sleep=sleep,
        general=general or {},
        limits=limits or Limits(),
        states=ledger.states(sha),
        late=ledger.latest_shown(plan.table),
        held=drift.held if drift else {},
    )
    job.results.update(_finished(job.states, earlier))
    job.hold()
    if progress is not None:
        total, report = sum(len(targets(write)) for write in plan.writes), progress
        job.progress = lambda: report(Progress(len(job.results), total))
    with _interruptible(job):
        _run(job, bulk_file)
    if job.error is not None:
        raise job.error
    frame = _frame(plan, job.states, job.results, job.stopped, ledger.overwritten(sha), job.alone)
    return Applied(sha, frame, job.stopped, drift or NO_DRIFT, tuple(job.files))


def settled(plan: Plan, ledger: Ledger, earlier: pl.DataFrame | None) -> Applied | None:
    """What became of a plan of which nothing is left to do, else None. `earlier` is as in `apply_plan`."""
    states = ledger.states(plan.sha)
    results = _finished(states, earlier)
    places = {(number, column_of(cell)) for number, write in enumerate(plan.writes) for cell in targets(write)}
    if not places or not places <= results.keys():
        return None
    return Applied(plan.sha, _frame(plan, states, results, None, ledger.overwritten(plan.sha)), None, NO_DRIFT, ())


def unfinished(plan: Plan, ledger: Ledger) -> Plan:
    """The same plan with those writes alone of which something may still be sent: what it counts is what is asked for,
    printed and confirmed.
    """
    numbers = {number for number, _ in sendable(plan, ledger)[0]}
    return replace(plan, writes=tuple(write for number, write in enumerate(plan.writes) if number in numbers))


def sendable(plan: Plan, ledger: Ledger) -> tuple[set[Place], bool]:
    """What of a plan may still be sent, and whether some of that never was: it has no outcome, and travels in no file
    that was sent, which is followed and never sent again. Who was gone then is looked for again.
    """
    states = ledger.states(plan.sha)
    left, unsent = set(), False
    for number, write in enumerate(plan.writes):
        for column in write.followed:
            state = states.get((number, column))
            ended = state is not None and state.outcome in FINAL and state.detail != GONE
            open_end = state is not None and state.sent_at is not None and state.outcome in (None, Outcome.UNKNOWN)
            if not ended and not (open_end and state is not None and state.bulk_call is not None):
                left.add((number, column))
                unsent = unsent or not open_end
    return left, unsent


def _finished(states: Mapping[Place, WriteState], earlier: pl.DataFrame | None) -> dict[Place, Result]:
    """What earlier applications finished. Who was gone then is looked for again: hidden from the key, perhaps."""
    found = {}
    if earlier is not None:
        rows = earlier.select("number", "column", "found").iter_rows()
        found = {(number, column): value for number, column, value in rows}
    return {
        place: Result(Outcome(state.outcome), state.detail, state.settled_at, found.get(place), state.profile_id)
        for place, state in states.items()
        if state.outcome in FINAL and state.detail != GONE
    }


def _batches(plan: Plan) -> list[str]:
    """The plan's corrective files: those with opt-outs first, then in the plan's order."""
    names = list(dict.fromkeys(write.batch for write in plan.writes if write.batch is not None))
    urgent = {write.batch for write in plan.writes if write.kind is Kind.UNSUBSCRIBE}
    return sorted(names, key=lambda name: name not in urgent)


def _run(job: Job, bulk_file: Callable[[Plan, str], BulkFile]) -> None:
    urgent = {write.batch for write in job.plan.writes if write.kind is Kind.UNSUBSCRIBE}
    single = [number for number, write in enumerate(job.plan.writes) if write.batch is None]
    opt_outs = [number for number in single if job.plan.writes[number].kind is Kind.UNSUBSCRIBE]
    under = [number for number in single if _under_consent(job, number)]
    apart = {*opt_outs, *under}
    others = [number for number in single if number not in apart]
    batches = _batches(job.plan)

    if job.plan.purpose == "load":
        guarded(job, partial(carry_out_load, job, batches, bulk_file))
        if job.stopped is not None or job.halted():
            return
    one_by_one(job, by_profile(job.plan, opt_outs))
    for batch in batches:
        if batch in urgent:
            guarded(job, partial(carry_out_batch, job, batch, bulk_file))
    in_order, free = _by_uniqueness(job, others)
    one_by_one(job, [in_order])
    one_by_one(job, free)
    one_by_one(job, by_profile(job.plan, under))
    for batch in batches:
        if batch not in urgent:
            guarded(job, partial(carry_out_batch, job, batch, bulk_file))


def _under_consent(job: Job, number: int) -> bool:
    """Whether a write gives permissions under a general one alone, which may be given by another write of the plan."""
    write = job.plan.writes[number]
    return write.kind is Kind.SUBSCRIBE and not any(cell.column in job.general for cell in write.cells)


def _by_uniqueness(job: Job, numbers: Sequence[int]) -> tuple[list[int], list[list[int]]]:
    """Profiles whose unique values change, in the plan's order (one may free a value for the next); all others."""
    unique = {attribute.name for attribute in job.structure.attributes if attribute.unique}
    groups = by_profile(job.plan, numbers)
    bound: list[int] = []
    free: list[list[int]] = []
    for group in groups:
        writes = [job.plan.writes[number] for number in group]
        changes_unique = any(
            cell.column in unique for write in writes if write.kind is not Kind.CREATE for cell in write.cells
        )
        if changes_unique:
            bound += group
        else:
            free.append(group)
    return sorted(bound), free


@contextlib.contextmanager
def _interruptible(job: Job) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM asks for an orderly end; the second has its ordinary effect."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in signals}

    def stop(number: int, _: FrameType | None) -> None:
        job.halt(_INTERRUPTED)
        signal.signal(number, before[signal.Signals(number)])

    for number in signals:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in signals:
            signal.signal(number, before[number])


def _frame(
    plan: Plan,
    states: Mapping[Place, WriteState],
    results: Mapping[Place, Result],
    stopped: Stopped | None,
    overwritten: Mapping[tuple[str, str], str | None],
    alone: Collection[int] = (),
) -> pl.DataFrame:
    """A row per followed cell. What has no result in this application keeps that of an earlier one, or was skipped.
    `overwritten`, by key and column: the edits that files of the plan overwrote. `alone`: what went one by one now,
    though the plan has it in a file.
    """
    reason = stopped.why if stopped else "not_sent"
    rows = []
    for number, write in enumerate(plan.writes):
        for cell in targets(write):
            place = (number, column_of(cell))
            state = states.get(place)
            result = results.get(place)
            if result is None and state is not None and state.sent_at and state.outcome in (None, Outcome.UNKNOWN):
                result = Result(Outcome.UNKNOWN, state.detail or "not_confirmed", state.settled_at)
            result = result or Result(Outcome.SKIPPED, reason, None)
            before = state is not None and state.sent_at is not None and state.route is Route.SINGLE
            single = write.batch is None or write.canary or number in alone or before
            if not single and (write.key, cell.column) in overwritten:
                result = replace(result, detail=OVERWRITTEN, found=overwritten[write.key, cell.column])
            known = result.profile_id or (state.profile_id if state else None) or write.profile_id
            rows.append(
                (
                    number,
                    write.kind.value,
                    (Route.SINGLE if single else Route.BULK).value,
                    write.key,
                    known,
                    column_of(cell),
                    cell.before,
                    cell.after,
                    result.found,
                    result.outcome.value,
                    result.detail,
                    result.at,
                )
            )
    return pl.DataFrame(rows, schema=OUTCOMES, orient="row")
