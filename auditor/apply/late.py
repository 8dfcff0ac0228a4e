"""What was accepted and is not shown yet: looked for once in an application, so that the delay is known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from auditor.actito import Profile
from auditor.apply.job import Job

_PAUSE, _LONGEST_PAUSE = timedelta(seconds=1), timedelta(seconds=10)

AS_LONG: Final = 2
"""It is looked for so many times as long as a write is known to take until it is shown."""


def read_back(
    job: Job, profile_id: str, stands: Callable[[Profile | None], bool]
) -> tuple[Profile | None, Profile | None]:
    """A profile as it reads at once, and as it reads when what was accepted `stands`, or else at the end.

    The first write that is not shown at once is looked for: how long it took is recorded with it, and is what whoever
    goes on after a crash waits. Others would take as long, and are left to the next application or export. Raises what
    reading raises.
    """
    at_once = profile = job.reader.profile(job.structure, profile_id)
    if stands(profile) or not job.looks_for_late():
        return at_once, profile
    pause, waited = _PAUSE, timedelta()
    while not stands(profile) and waited < job.visible_after * AS_LONG and not job.halted():
        job.sleep(pause.total_seconds())
        waited += pause
        pause = min(pause * 2, _LONGEST_PAUSE)
        profile = job.reader.profile(job.structure, profile_id)
    return at_once, profile
