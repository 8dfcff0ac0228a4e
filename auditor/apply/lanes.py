"""Single writes, a few profiles at a time; of one profile in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from auditor.apply.job import Job
from auditor.apply.single import carry_out
from auditor.writes import Plan


def by_profile(plan: Plan, numbers: Sequence[int]) -> list[list[int]]:
    """The writes of each profile together, in the plan's order."""
    groups: dict[str, list[int]] = {}
    for number in numbers:
        groups.setdefault(plan.writes[number].key, []).append(number)
    return list(groups.values())


def one_by_one(job: Job, groups: Sequence[Sequence[int]]) -> None:
    """Carry out groups of single writes, a few at a time; the writes of one group in order."""
    due = [group for group in groups if any(job.remaining(number) for number in group)]

    def carry_out_group(group: Sequence[int]) -> None:
        for number in group:
            guarded(job, partial(carry_out, job, number))

    if len(due) <= 1 or job.limits.concurrency == 1:
        for group in due:
            carry_out_group(group)
        return
    with ThreadPoolExecutor(job.limits.concurrency, thread_name_prefix="write") as pool:
        try:
            for future in [pool.submit(carry_out_group, group) for group in due]:
                future.result()
        except BaseException as error:
            # A second Ctrl-C while waiting: the threads end after the call they are in.
            job.halt(None, error)
            raise


def guarded(job: Job, step: Callable[[], None]) -> None:
    """Run one step; whatever it raises ends the job, but lets the other threads record what they have under way."""
    if job.halted():
        return
    try:
        step()
    except BaseException as error:  # noqa: BLE001 # raised again by apply_plan
        job.halt(None, error)
