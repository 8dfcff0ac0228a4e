"""Whether a profile is as we left it: an undo deletes nobody, and gives back no permission, where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from auditor.actito import Profile
from auditor.actito.spelling import ZONE
from auditor.apply.job import Job
from auditor.model import Kind
from auditor.state.ledger.details import TOUCHED, UNTOLD
from auditor.state.ledger.records import Around
from auditor.writes import Write

UPDATED: Final = "updateMoment"
TOLD_APART: Final = timedelta(seconds=1)
"""An export may tell a moment more exactly than the interface does."""
APART: Final = timedelta(minutes=2)
"""How far the platform's clock may be from ours, and how long a call may take."""


def around(before: Profile | None, after: Profile | None) -> Around:
    """What the platform said before and after a write of when the profile was last changed."""
    return Around(*(None if one is None else one.values.get(UPDATED) for one in (before, after)))


def touched(job: Job, write: Write, profile: Profile) -> str | None:
    """None where nobody has changed the profile since the plan that is undone wrote to it, or this undo did; where a
    permission is given back, nobody but the auditor, whatever it wrote there since. Else TOUCHED, or UNTOLD.

    The platform's own moment tells, which was read back with what we wrote. Where it was not – of a file – a deletion
    compares clocks; an opt-in is not sent, for within what clocks may be apart the person may have said no themselves.
    """
    updated, table, key = profile.values.get(UPDATED), job.plan.table, write.key
    plans = [sha for sha in (job.plan.undoes, job.sha) if sha is not None]
    if write.kind is Kind.SUBSCRIBE and write.profile_id and job.plan.undoes:
        read = job.ledger.around_since(table, write.profile_id, job.plan.undoes)
    else:
        read = job.ledger.around(table, key, plans)
    whole = [one for one in read if one is not None]
    if updated is None or not read:
        return UNTOLD
    if len(whole) == len(read):
        return None if as_left(whole, updated) else TOUCHED
    told, ours = moment_told(updated), job.ledger.last_effect(table, key, plans)
    if write.kind is not Kind.DELETE or told is None or ours is None:
        return UNTOLD
    return None if told <= ours + APART else TOUCHED


def as_left(read: Sequence[Around], updated: str) -> bool:
    """Whether each write found the profile as the one before had left it, and the last one left it as it is `updated`.

    `read` around every write, in order. Cells that were sent together were read together.
    """
    own = [one for place, one in enumerate(read) if place == 0 or one != read[place - 1]]
    left = [one.after for one in own]
    return None not in left and left[-1] == updated and [one.before for one in own[1:]] == left[:-1]


def moment_told(text: str | None, zone: tzinfo = ZONE) -> datetime | None:
    """A moment as the platform tells it, in its own zone; an export in the contract's. Of an hour that comes twice the
    later one.
    """
    try:
        told = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return (told if told.tzinfo else told.replace(tzinfo=zone, fold=1)).astimezone(UTC)
