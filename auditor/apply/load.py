"""An empty table is loaded in steps: one profile, a hundred, then files; each is read back, a difference ends it."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.actito import ActitoError
from auditor.apply.bulk import MakeFile, carry_out_batch
from auditor.apply.job import Job, Stopped
from auditor.apply.single import give_up
from auditor.model import Kind, Outcome


def carry_out_load(job: Job, batches: Sequence[str], make_file: MakeFile) -> None:
    """Carry out the batches of a first load in their order; `job.stopped` says why one of them ended it.

    The rows of a file are read back in three ways: those that Actito refused are told, a sample is compared value by
    value, and the profiles are counted, where the licence counts them: the table was empty before.
    """
    for batch in batches:
        carry_out_batch(job, batch, make_file)
        if job.stopped is None and not job.halted():
            _read_back(job, batch)
        if job.stopped is not None or job.halted():
            return


def _read_back(job: Job, batch: str) -> None:
    numbers = [number for number, write in enumerate(job.plan.writes) if write.batch == batch]
    unsure = [number for number in numbers if _became(job, number)[0] is Outcome.UNKNOWN]
    astray = sum(_became(job, number)[1] != "until_export" for number in unsure)
    if astray:
        job.note(Stopped("read_back", f"{astray:,} of the profiles of {batch} did not read back as they were sent"))
        return
    creations = [number for number, write in enumerate(job.plan.writes) if write.kind is Kind.CREATE]
    made = sum(_became(job, number)[0] in (Outcome.LANDED, Outcome.UNKNOWN) for number in creations)
    try:
        count = job.reader.count(job.structure)
    except ActitoError as error:
        give_up(job, error)
        return
    if count is not None and count < made:
        job.note(Stopped("read_back", f"there are {count:,} profiles after {batch}, where {made:,} were created"))


def _became(job: Job, number: int) -> tuple[Outcome | None, str | None]:
    """Outcome and detail of a profile, by this application or an earlier one."""
    result = job.results.get((number, None))
    if result is not None:
        return result.outcome, result.detail
    state = job.states.get((number, None))
    return (None, None) if state is None or state.outcome is None else (Outcome(state.outcome), state.detail)
