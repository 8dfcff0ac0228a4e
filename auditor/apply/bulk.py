"""Many profiles in one file: canaries first, one import at a time, followed to its end, never sent again blindly."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from auditor.actito import (
    ActitoError,
    Conflict,
    Discontinued,
    Execution,
    ExecutionState,
    ImportMode,
    MaybeSent,
    NotFound,
    QuotaUsed,
    Refused,
)
from auditor.apply.job import FINAL, PROFILE, BulkFile, Job, SentFile, Stopped, column_of, targets
from auditor.apply.lanes import by_profile, one_by_one
from auditor.apply.obstacle import obstacle, used_up
from auditor.apply.single import as_audited, carry_out, created, find, give_up, values_stand
from auditor.model import Kind, Outcome, Route
from auditor.state.ledger.records import UNCOUNTED, ImportRecord, ImportState
from auditor.writes import Plan

_ASKED_FOR: Final = 3
"""So often, where an import is answered as if it could not be asked for: it may not be known at once."""
_NEXT: Final = "the next export"

MOST_CHANGED: Final = 0.05
"""Of the rows that are read before a file is sent. Beyond that share it is not sent: as many of the others would be
overwritten.
"""

MakeFile = Callable[[Plan, str], BulkFile]
"""Makes the corrective file of a batch of a plan; called only when it is about to be sent."""

Numbered = Mapping[tuple[int, str | None], int]
"""Numbers in the ledger by position of the write in the plan and column."""


def carry_out_batch(job: Job, batch: str, make_file: MakeFile) -> None:
    """Carry out what is left of one batch: its canaries one by one, then all its other rows by file.

    Opt-outs never wait: those that no file carries now go one by one.
    """
    numbers = [number for number, write in enumerate(job.plan.writes) if write.batch == batch]
    sent = sent_call(job, batch)
    if sent is None:
        numbers = _without_held(job, batch, numbers)
    rows = [number for number in numbers if not job.plan.writes[number].canary]
    if job.halted() or not any(job.remaining(number) for number in numbers):
        return
    if sent is not None:
        _resume(job, sent, rows)
        _one_by_one(job, [number for number in _opt_outs(job, numbers) if not _carried(job, number, sent)])
        return
    # What an earlier application sent one by one is settled by reading, and travels by no file.
    begun = {number for number in rows if any(job.attempt(number, cell) for cell in job.remaining(number))}
    _one_by_one(job, sorted(begun))
    numbers, rows = ([number for number in some if number not in begun] for some in (numbers, rows))
    stopped = obstacle(job, batch) if rows else None
    if stopped is not None:
        _put_off(job, numbers, stopped)
        return
    canaries = [number for number in numbers if job.plan.writes[number].canary]
    alone = 1 if job.plan.purpose == "load" else len(canaries)
    for step in (canaries[:alone], canaries[alone:]):
        for number in step:
            carry_out(job, number)
        if job.halted():
            return
        if not all(_landed(job, number) for number in step):
            first = f"not all of its {len(step)} first profiles landed" if len(step) > 1 else "its first did not land"
            later = [number for number in numbers if number > step[-1]]
            _put_off(job, later, Stopped("canary", f"the file {batch} was not sent: {first}"))
            return
    due = [number for number in rows if job.remaining(number) == targets(job.plan.writes[number])]
    if due:
        _look_and_start(job, batch, due, make_file)


def _look_and_start(job: Job, batch: str, rows: Sequence[int], make_file: MakeFile) -> None:
    """Send the rows by file, without those of which a look at some, spread over the file, shows that they changed.

    Who is created was not there, and an import that creates changes nobody; whoever asked to be erased is left out.
    """
    creating = job.plan.writes[rows[0]].kind is Kind.CREATE
    looked = [] if creating else _spread(rows, job.limits.read_before)
    astray = _erased(job, rows) if creating else set()
    for number in astray:
        job.conclude(number, job.remaining(number), Outcome.REFUSED, "erased")
    for number in looked:
        if not as_audited(job, number):
            astray.add(number)
        if job.halted():
            return
    due = [number for number in rows if number not in astray]
    changed = sum(_became(job, number, Outcome.CHANGED) for number in astray)
    if changed > len(looked) * MOST_CHANGED:
        told = f"{changed:,} of {len(looked):,} of its profiles that were read had changed since the export"
        _put_off(job, due, Stopped("changed", f"the file {batch} was not sent: {told}; audit a fresh one"))
    elif due:
        file = make_file(replace(job.plan, writes=tuple(job.plan.writes[number] for number in due)), batch)
        since = None if creating else job.plan.export_as_of
        _start(job, SentFile(batch, len(due), len(looked), len(astray), since, job.clock(), read_back=0), due, file)


def _erased(job: Job, rows: Sequence[int]) -> set[int]:
    """The creations of people who asked to be erased."""
    by_value: dict[str, dict[str, set[int]]] = {}
    for number in rows:
        write = job.plan.writes[number]
        own = {cell.column: cell.after or "" for cell in created(write)} | job.plan.key_identifiers(write.key)
        for column, value in own.items():
            by_value.setdefault(column, {}).setdefault(value, set()).add(number)
    found: set[int] = set()
    for column, numbers in by_value.items():
        found.update(*(numbers[value] for value in job.ledger.erased_among(column, numbers)))
    return found


def _spread(rows: Sequence[int], most: int) -> list[int]:
    """At most so many of `rows`, evenly from all of them."""
    count = min(most, len(rows))
    return [rows[place * len(rows) // count] for place in range(count)]


def _without_held(job: Job, batch: str, numbers: Sequence[int]) -> list[int]:
    """The writes of a batch without those that are not to be sent any more; no file goes without a first profile."""
    held = {number for number, _ in job.held}
    left = [number for number in numbers if number not in held]
    for number in held.intersection(numbers):
        carry_out(job, number)  # settles by reading what was sent of it, and sends nothing
    firsts = [number for number in numbers if job.plan.writes[number].canary]
    if firsts and left and not any(job.plan.writes[number].canary for number in left):
        told = f"the file {batch} was not sent: none of its first profiles is to be written still"
        _put_off(job, left, Stopped("canary", told))
        return []
    return left


def sent_call(job: Job, batch: str) -> ImportRecord | None:
    """The bulk call that carried this batch, or may have; a batch has one at most."""
    calls = job.ledger.imports(plan=job.sha)
    return next((call for call in calls if call.batch == batch and call.state not in UNCOUNTED), None)


def _became(job: Job, number: int, outcome: Outcome) -> bool:
    """Whether this became of any cell of a write."""
    results = (job.results.get((number, column_of(cell))) for cell in targets(job.plan.writes[number]))
    return any(result is not None and result.outcome is outcome for result in results)


def _landed(job: Job, number: int) -> bool:
    outcomes = [job.results.get((number, column_of(cell))) for cell in targets(job.plan.writes[number])]
    return all(result is not None and result.outcome is Outcome.LANDED for result in outcomes)


def _start(job: Job, sent: SentFile, rows: Sequence[int], file: BulkFile) -> None:
    """Record the call and every cell in it, then make it."""
    batch = sent.batch
    intents = [job.intent(number, cell, Route.BULK, None) for number in rows for cell in job.remaining(number)]
    digest = hashlib.sha256(file.archive).hexdigest()
    call, writes = job.ledger.intend_import(job.sha, batch, job.plan.table, digest, intents, job.clock())
    cells = {(intent.number, intent.column): write for intent, write in zip(intents, writes, strict=True)}
    creating = job.plan.writes[rows[0]].kind is Kind.CREATE
    mode = ImportMode.CREATE_ONLY if creating else ImportMode.UPDATE_ONLY
    try:
        execution = job.writer.start_import(
            job.structure,
            file.archive,
            columns=file.columns,
            key=file.key,
            mode=mode,
            output=f"auditor-{job.sha[:8]}-{batch}",
        )
    except (MaybeSent, Conflict):
        # A conflict may be with our own call, delivered twice: the rows may be on their way.
        job.record(cells, Outcome.UNKNOWN, "no_id")
    except QuotaUsed:
        _not_started(job, call, ImportState.QUOTA, cells, Outcome.SKIPPED, "quota")
        _put_off(job, rows, used_up(job, batch, job.clock()))
    except Refused as error:
        codes = " ".join(code for _, code in error.fields if code) or "import_refused"
        opt_outs = _opt_outs(job, rows)
        outcome = Outcome.SKIPPED if opt_outs else Outcome.REFUSED
        _not_started(job, call, ImportState.REFUSED, cells, outcome, codes)
        _one_by_one(job, opt_outs)
    except ActitoError as error:
        _not_started(job, call, ImportState.REFUSED, cells, Outcome.SKIPPED, "platform")
        give_up(job, error)
    else:
        job.ledger.import_event(call, ImportState.STARTED, job.clock(), execution)
        read_back = _follow(job, execution, call, rows, cells)
        job.files.append(replace(sent, read_back=read_back, until=job.clock()))


def _not_started(job: Job, call: int, state: ImportState, cells: Numbered, outcome: Outcome, detail: str) -> None:
    """The call was answered with an error: it carried nothing out and does not count."""
    with job.ledger.transaction():
        job.ledger.import_event(call, state, job.clock())
        job.record(cells, outcome, detail)


def _resume(job: Job, call: ImportRecord, rows: Sequence[int]) -> None:
    """Go on with a call of an earlier application: it is followed if its id arrived, and never made again."""
    cells = {
        place: state.write
        for place, state in job.states.items()
        if state.bulk_call == call.number and state.outcome not in FINAL
    }
    told = all(job.states[place].outcome is not None for place in cells)
    if call.execution is None:
        job.record(
            {place: write for place, write in cells.items() if not job.states[place].outcome}, Outcome.UNKNOWN, "no_id"
        )
    elif cells and not (call.state is ImportState.FINISHED and told):
        _follow(job, call.execution, call.number, rows, cells)


def _follow(job: Job, execution_id: str, call: int, rows: Sequence[int], cells: Numbered) -> int:
    """Wait for the end of an import and record what can be known of its rows at once; how many were read back."""
    by_number: dict[int, dict[tuple[int, str | None], int]] = {}
    for place, write in cells.items():
        by_number.setdefault(place[0], {})[place] = write
    try:
        execution = _end_of(job, execution_id)
    except Discontinued as error:
        job.record(cells, Outcome.UNKNOWN, "until_export")
        job.note(Stopped("not_followed", f"what became of the import is not known until {_NEXT}: {error}"))
        return _sample(job, by_number)
    if execution is None:
        job.record(cells, Outcome.UNKNOWN, "running")
        job.note(Stopped("import_running", "the import is still being carried out: apply again to follow it"))
        return 0
    refused = _refused(job, execution, rows)
    fate = "until_export" if execution.state is ExecutionState.DONE else "import_failed"
    with job.ledger.transaction():
        job.ledger.import_event(call, ImportState.FINISHED, job.clock())
        for number, detail in refused.items():
            job.record(by_number.pop(number, {}), Outcome.REFUSED, detail)
        job.record({place: write for row in by_number.values() for place, write in row.items()}, Outcome.UNKNOWN, fate)
    return _sample(job, by_number)


def _end_of(job: Job, execution_id: str) -> Execution | None:
    """The finished execution; None when it has not ended in time, or Ctrl-C says to wait no longer.

    Raises Discontinued where it cannot be asked for, which one that has just begun may not be either.
    """
    deadline = job.clock() + job.limits.import_wait
    unknown = 0
    while True:
        execution = None
        try:
            execution = job.reader.execution(execution_id)
        except Discontinued:
            unknown += 1
            if unknown == _ASKED_FOR:
                raise
        except ActitoError:
            pass  # a hiccup while waiting; the deadline bounds it
        if execution is not None and execution.finished:
            return execution
        if job.halted() or job.clock() >= deadline:
            return None
        job.sleep(job.limits.poll_seconds)


def _refused(job: Job, execution: Execution, rows: Iterable[int]) -> dict[int, str]:
    """Writes whose row the platform refused, tied back by the key: detail code by number."""
    if not execution.with_errors and execution.rows_in_error == 0:
        return {}
    try:
        refused = job.reader.refused_rows(execution.id)
    except ActitoError as error:
        if execution.with_errors or not isinstance(error, NotFound):
            # Such rows stay unknown, as any row whose end nobody told.
            job.note(
                Stopped("refused_rows", f"which rows were refused could not be read, so {_NEXT} has to tell: {error}")
            )
        return {}
    numbers = {job.plan.writes[number].key: number for number in rows}
    header = job.plan.key[0]
    tied = ((numbers.get(row.cells.get(header, "")), row) for row in refused)
    return {number: f"{row.code} {row.column}".strip() or "refused" for number, row in tied if number is not None}


def _sample(job: Job, rows: Mapping[int, Numbered]) -> int:
    """Read some rows back at once, spread over the file: what they show is proof for them alone. How many they were."""
    some = _spread(list(rows), job.limits.sample)
    for read, number in enumerate(some):
        write = job.plan.writes[number]
        try:
            profile = find(job, write)
        except ActitoError:
            return read
        profile_id = profile.profile_id if profile else None
        for cell in targets(write):
            sent = {place: row for place, row in rows[number].items() if place[1] == column_of(cell)}
            if values_stand(job, profile, created(write) if cell is PROFILE else [cell]):
                job.record(sent, Outcome.LANDED, None, profile_id=profile_id)
            else:
                found = profile.values.get(cell.column) if profile else None
                job.record(sent, Outcome.UNKNOWN, "not_confirmed", found=found, profile_id=profile_id)
    return len(some)


def _put_off(job: Job, numbers: Iterable[int], stopped: Stopped) -> None:
    """Leave rows that no file carries now, and say why; but opt-outs go one by one."""
    left = list(numbers)
    opt_outs = _opt_outs(job, left)
    _one_by_one(job, opt_outs)
    others = set(left).difference(opt_outs)
    if others:
        job.note(stopped)
    for number in others:
        job.skip(number, job.remaining(number), stopped.why)


def _opt_outs(job: Job, numbers: Iterable[int]) -> list[int]:
    return [number for number in numbers if job.plan.writes[number].kind is Kind.UNSUBSCRIBE]


def _one_by_one(job: Job, numbers: Sequence[int]) -> None:
    """Carry out rows of a file without it, each read before it is written."""
    job.alone.update(numbers)
    one_by_one(job, by_profile(job.plan, numbers))


def _carried(job: Job, number: int, call: ImportRecord) -> bool:
    """Whether an import may have carried a row: what became of it is known from an export, and it is not sent again."""
    states = (job.states.get((number, column_of(cell))) for cell in targets(job.plan.writes[number]))
    return any(state is not None and state.bulk_call == call.number for state in states)
