"""Why no file of a plan may be sent now, and when one may."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from auditor.actito import ActitoError, Discontinued
from auditor.apply.job import Job, Stopped
from auditor.findings.moments import moment
from auditor.model import Kind
from auditor.state.ledger import quota_day
from auditor.state.ledger.records import IMPORT_PATIENCE, QUOTA_ZONE, BulkCalls, ImportRecord, ImportState


def obstacle(job: Job, batch: str) -> Stopped | None:
    """Why no import of a batch may be started now."""
    now = job.clock()
    allowed = _allowed_age(job, batch)
    if now - job.plan.export_as_of > allowed:
        old = f"its export is older than {_hours(allowed)}, and newer values would be overwritten unseen"
        return Stopped("stale", f"the file {batch} was not sent: {old}; {_go_on(job)}")
    calls = job.ledger.bulk_calls(job.plan.table, quota_day(now))
    reserve = 0 if job.plan.purpose == "undo" else 1
    if calls.exhausted or calls.lost or calls.used + reserve >= job.limits.bulk_calls_per_day:
        return _used_up(job, batch, now, calls)
    for call in job.ledger.imports():
        if call.state is ImportState.STARTED and call.execution is not None and not _finished(job, call):
            return Stopped("import_running", "an import of ours is still being carried out: apply again later")
        over = call.sent_at + IMPORT_PATIENCE
        if call.state is ImportState.SENT and now < over:
            told = "an import of ours whose number never arrived may still be carried out"
            return Stopped("import_running", f"{told}: apply again from {moment(over)}")
    return None


def _go_on(job: Job) -> str:
    """How to go on with what was approved, where a file needs a fresh export."""
    return f"take a fresh export, then auditor run and auditor plan --continue {job.sha[:12]}"


def used_up(job: Job, batch: str, now: datetime) -> Stopped:
    """That no imports are left today, and when a batch goes on."""
    return _used_up(job, batch, now, job.ledger.bulk_calls(job.plan.table, quota_day(now)))


def _used_up(job: Job, batch: str, now: datetime, calls: BulkCalls) -> Stopped:
    midnight = datetime.combine(quota_day(now) + timedelta(days=1), time(), QUOTA_ZONE)
    whose = "others have used them up" if calls.exhausted else "as many as we allow ourselves, one kept for undo"
    whose = "a part of their record is lost" if calls.lost else whose
    sentence = f"no more imports into this table today: {whose} ({calls.used} were ours)"
    if midnight - job.plan.export_as_of > _allowed_age(job, batch):
        again = f"from {moment(midnight)} there are new ones, but by then"
        return Stopped("quota", f"{sentence}; {again} the export behind {batch} is too old: {_go_on(job)}")
    return Stopped("quota", f"{sentence}; the plan goes on from {moment(midnight)}")


def _finished(job: Job, call: ImportRecord) -> bool:
    """Whether a call of an earlier day or plan has ended; noted, so that it is asked once.

    One that cannot be asked for has, once it would not be waited for any longer either.
    """
    try:
        execution = job.reader.execution(call.execution or "")
    except Discontinued:
        return job.clock() - call.sent_at >= job.limits.import_wait
    except ActitoError:
        return False
    if execution.finished:
        job.ledger.import_event(call.number, ImportState.FINISHED, job.clock())
    return execution.finished


def _allowed_age(job: Job, batch: str) -> timedelta:
    opt_outs = any(write.batch == batch and write.kind is Kind.UNSUBSCRIBE for write in job.plan.writes)
    return job.limits.permission_max_age if opt_outs else job.limits.max_age


def _hours(span: timedelta) -> str:
    hours = span / timedelta(hours=1)
    return f"{hours:g} hour{'' if hours == 1 else 's'}"
