"""Whether a profile is as we left it: an undo deletes nobody, and gives back no permission, where it is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from auditor.actito import Profile
from auditor.actito.spelling import ZONE
from auditor.apply.job import Job

UPDATED: Final = "updateMoment"
_APART: Final = timedelta(minutes=2)
"""How far the platform's clock may be from ours, and how long a call may take."""


def untouched(job: Job, key: str, profile: Profile) -> bool:
    """Whether nobody has changed the profile since the plan that is undone wrote to it, or this undo did.

    Where the platform does not say when it was last changed, nobody can tell, and it counts as touched.
    """
    updated = _moment(profile.values.get(UPDATED))
    plans = [sha for sha in (job.plan.undoes, job.sha) if sha is not None]
    ours = job.ledger.last_effect(job.plan.table, key, plans)
    return updated is not None and ours is not None and updated <= ours + _APART


def _moment(text: str | None) -> datetime | None:
    """A moment as the platform tells it, in its own zone; of an hour that comes twice the later one."""
    try:
        told = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return (told if told.tzinfo else told.replace(tzinfo=ZONE, fold=1)).astimezone(UTC)
