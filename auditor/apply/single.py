"""One profile at a time: read, write what still holds the audited value, read back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from auditor.actito import ActitoError, Conflict, MaybeSent, NotFound, Profile, ProfileRef, Refused
from auditor.apply.job import GONE, PROFILE, Cells, Job, Stopped
from auditor.apply.late import read_back
from auditor.apply.untouched import UPDATED, around, touched
from auditor.errors import TryLater
from auditor.findings.figures import ALREADY
from auditor.findings.since import Since
from auditor.model import Kind, Outcome
from auditor.state.ledger.details import SHOWN_LATER
from auditor.writes import Cell, Write


def carry_out(job: Job, number: int) -> None:
    """Carry out what is left of one write of the plan, whatever an earlier application began of it.

    Records everything it learns. When the platform cannot be used, the job is halted; nothing is raised for that.
    """
    steps = {Kind.CREATE: _create, Kind.DELETE: _delete}
    for cells in _in_turn(job, number):
        if job.halted():
            return
        try:
            steps.get(job.plan.writes[number].kind, _correct)(job, number, cells)
        except Refused:
            # Only reading before a write gets here: nothing of these cells is under way.
            for cell in cells:
                tried = job.attempt(number, cell) is not None
                job.conclude(number, (cell,), Outcome.UNKNOWN if tried else Outcome.REFUSED, "unreadable")
        except ActitoError as error:
            give_up(job, error)


def _in_turn(job: Job, number: int) -> list[Cells]:
    """What is due of a write: of an opt-in the general consent first, under which the rest is given once it stands."""
    due = job.due(number)
    if job.plan.writes[number].kind is not Kind.SUBSCRIBE:
        return [due] if due else []
    general = tuple(cell for cell in due if cell.column in job.general)
    return [cells for cells in (general, tuple(cell for cell in due if cell not in general)) if cells]


def values_stand(job: Job, profile: Profile | None, cells: Iterable[Cell]) -> bool:
    """Whether the profile is there and holds what these cells wanted."""
    return profile is not None and all(
        job.equal(cell.column, cell.after, profile.values.get(cell.column)) for cell in cells
    )


def find(job: Job, write: Write) -> Profile | None:
    """The profile a write is about, by its profileId or else by its key."""
    if write.profile_id is not None:
        return job.reader.profile(job.structure, write.profile_id)
    return next((profile for profile in _look_up(job, job.plan.key_parts(write.key))), None)


def _correct(job: Job, number: int, cells: Cells) -> None:
    write = job.plan.writes[number]
    profile = find(job, write)
    standing = [cell for cell in cells if values_stand(job, profile, (cell,))]
    open_ends = [end for cell in cells if cell not in standing and (end := job.attempt(number, cell))]
    if open_ends:
        # What was sent may have taken effect and not be shown yet: once that must be over, it is read again.
        if not job.wait_until_visible(open_ends):
            return
        profile = find(job, write)
    if profile is None:
        job.conclude(number, cells, Outcome.REFUSED, GONE)
        return
    if not _is_the_one(job, write, profile):
        job.conclude(number, cells, Outcome.CHANGED, "key")
        return
    due = tuple(cell for cell in cells if _is_due(job, number, cell, profile))
    if due and job.plan.purpose == "undo" and write.kind is Kind.SUBSCRIBE and (why := touched(job, write, profile)):
        job.conclude(number, due, Outcome.CHANGED, why, found=profile.values.get(UPDATED))
        return
    if write.kind is Kind.SUBSCRIBE and _withheld(job, profile):
        job.skip(number, [cell for cell in due if cell.column not in job.general], Since.CONSENT)
        due = tuple(cell for cell in due if cell.column in job.general)
    if not due:
        return
    writes = job.intend(number, due, profile.profile_id)
    sent = _send(job, number, profile.profile_id, due, writes)
    _read_back(job, number, profile, sent, writes)


def as_audited(job: Job, number: int) -> bool:
    """Whether the profile of a row of a file still is as it was audited, in all that the file changes of it.

    Else what it is now is recorded, and the rest of the row is not sent. Halts the job where Actito cannot be read.
    """
    write = job.plan.writes[number]
    cells = job.remaining(number)
    try:
        profile = find(job, write)
    except Refused:
        job.conclude(number, cells, Outcome.REFUSED, "unreadable")
        return False
    except ActitoError as error:
        give_up(job, error)
        return False
    if profile is None:
        job.conclude(number, cells, Outcome.REFUSED, "not_found")
        return False
    if not _is_the_one(job, write, profile):
        job.conclude(number, cells, Outcome.CHANGED, "key")
        return False
    due = tuple(cell for cell in cells if _is_due(job, number, cell, profile))
    if due != cells:
        job.skip(number, due, "changed")
    return due == cells


def _withheld(job: Job, profile: Profile) -> bool:
    """Whether the profile has a general consent that is off, whatever was known of it when the plan was made."""
    return any(off(profile.values.get(column)) for column, off in job.general.items())


def _is_the_one(job: Job, write: Write, profile: Profile) -> bool:
    """A profileId that carries another key by now is not the profile that was audited."""
    changing = {cell.column for cell in write.cells}
    return all(
        job.equal(column, value, profile.values.get(column))
        for column, value in job.plan.key_parts(write.key).items()
        if column in profile.values and column not in changing
    )


def _is_due(job: Job, number: int, cell: Cell, profile: Profile) -> bool:
    """Judge a cell by what the platform holds now; True if it is to be sent, else its outcome is recorded."""
    current = profile.values.get(cell.column)
    earlier = job.attempt(number, cell)
    if job.equal(cell.column, cell.after, current):
        job.conclude(number, (cell,), Outcome.LANDED, ALREADY if earlier is None else "read_later")
        return False
    if not job.unchanged(cell.column, cell.before, current):
        job.conclude(number, (cell,), Outcome.CHANGED, found=current)
        return False
    if earlier is not None and job.plan.writes[number].kind is Kind.SUBSCRIBE:
        # It may have landed and the person have opted out again since: that must not be overwritten.
        job.conclude(number, (cell,), Outcome.UNKNOWN, "not_confirmed", found=current)
        return False
    return job.without_effect(number, cell)


@dataclass(slots=True)
class _Sent:
    """What one write's calls came to; refused and unsent cells are recorded already."""

    accepted: list[Cell] = field(default_factory=list)
    doubtful: list[Cell] = field(default_factory=list)
    """Sent, without an answer."""


def _send(job: Job, number: int, profile_id: str, due: Cells, writes: Mapping[str, int]) -> _Sent:
    """Send cells of one profile. A field the platform refuses is left out, and the others go again without it."""
    write = job.plan.writes[number]
    left = {cell.column: cell for cell in due}
    sent = _Sent()
    while left:
        try:
            values = {column: cell.after for column, cell in left.items()}
            job.writer.update(job.structure, profile_id, values, collection=write.collection)
        except ActitoError as error:
            sent.accepted += [left.pop(column) for column in error.columns_sent if column in left]
            failed = [left.pop(column) for column in error.columns_failed if column in left]
            if not failed:
                failed, left = list(left.values()), {}
            if isinstance(error, MaybeSent):
                sent.doubtful += failed
            elif isinstance(error, Refused | NotFound):
                left |= _refuse(job, number, profile_id, failed, writes, error)
            else:
                job.settle(number, (*failed, *left.values()), writes, Outcome.SKIPPED, "platform")
                left = {}
                give_up(job, error)
        else:
            sent.accepted += left.values()
            left = {}
    return sent


def _refuse(
    job: Job,
    number: int,
    profile_id: str,
    failed: list[Cell],
    writes: Mapping[str, int],
    error: Refused | NotFound,
) -> dict[str, Cell]:
    """Record refused cells; returns those of the refused request that were not at fault."""
    reason = "refused" if isinstance(error, Refused) else _not_found(job, profile_id)
    codes = dict(error.fields) if isinstance(error, Refused) else {}
    named = [cell for cell in failed if cell.column in codes or cell.column.rpartition("#")[2] in codes]
    for cell in named or failed:
        code = codes.get(cell.column) or codes.get(cell.column.rpartition("#")[2])
        job.settle(number, (cell,), writes, Outcome.REFUSED, code or reason)
    return {cell.column: cell for cell in failed if cell not in named} if named else {}


def _not_found(job: Job, profile_id: str) -> str:
    """A 404 does not say what is not there: the profile, or the subscription or segment that the plan knew."""
    try:
        there = job.reader.profile(job.structure, profile_id) is not None
    except ActitoError:
        return "not_found"
    return "not_in_table" if there else GONE


def _read_back(job: Job, number: int, before: Profile, sent: _Sent, writes: Mapping[str, int]) -> None:
    profile_id = before.profile_id
    if not (sent.accepted or sent.doubtful):
        return
    try:
        at_once, profile = read_back(job, profile_id, lambda one: values_stand(job, one, sent.accepted))
    except ActitoError as error:
        job.settle(number, (*sent.accepted, *sent.doubtful), writes, Outcome.UNKNOWN, "not_read_back")
        give_up(job, error)
        return
    for cells, detail in ((sent.accepted, "not_confirmed"), (sent.doubtful, "no_answer")):
        for cell in cells:
            current = profile.values.get(cell.column) if profile else None
            if values_stand(job, profile, (cell,)):
                seen = around(before, profile)
                late = None if values_stand(job, at_once, (cell,)) else SHOWN_LATER
                job.settle(number, (cell,), writes, Outcome.LANDED, late, profile_id=profile_id, around=seen)
            else:
                job.settle(number, (cell,), writes, Outcome.UNKNOWN, detail, found=current, profile_id=profile_id)


def _create(job: Job, number: int, _: Cells) -> None:
    write = job.plan.writes[number]
    values = {cell.column: cell.after or "" for cell in created(write)}
    identifiers = {**values, **job.plan.key_parts(write.key)}
    existing = _look_up(job, identifiers)
    earlier = job.attempt(number, PROFILE)
    if earlier is not None and not (existing and values_stand(job, existing[0], created(write))):
        if not job.wait_until_visible([earlier]):
            return
        existing = _look_up(job, identifiers)
    if existing:
        _judge_existing(job, number, existing[0])
        return
    person = {**values, **job.plan.key_identifiers(write.key)}
    if any(job.ledger.erased_among(column, [value]) for column, value in person.items()):
        job.conclude(number, (PROFILE,), Outcome.REFUSED, "erased")
        return
    if not job.without_effect(number, PROFILE):
        return
    writes = job.intend(number, (PROFILE,), None)
    try:
        profile_id = job.writer.create(job.structure, values, write.collection)
    except MaybeSent:
        _confirm_creation(job, number, None, writes)
        return
    except Refused as error:
        _judge_refusal(job, number, identifiers, error, writes)
        return
    except ActitoError as error:
        job.settle(number, (PROFILE,), writes, Outcome.SKIPPED, "platform")
        give_up(job, error)
        return
    _confirm_creation(job, number, profile_id, writes)


def _judge_existing(job: Job, number: int, profile: Profile) -> None:
    """Ours if an earlier attempt of this plan may have made it; else somebody else was first."""
    key = job.plan.key_parts(job.plan.writes[number].key)
    same_key = all(job.equal(column, value, profile.values.get(column)) for column, value in key.items())
    if job.attempt(number, PROFILE) is None or not same_key:
        job.conclude(number, (PROFILE,), Outcome.REFUSED, "exists")
    elif values_stand(job, profile, created(job.plan.writes[number])):
        job.conclude(number, (PROFILE,), Outcome.LANDED, "read_later", profile_id=profile.profile_id)
    else:
        job.conclude(number, (PROFILE,), Outcome.UNKNOWN, "not_confirmed", profile_id=profile.profile_id)


def _judge_refusal(
    job: Job, number: int, identifiers: Mapping[str, str], error: Refused, writes: Mapping[str, int]
) -> None:
    """Ours if all we sent stands where nothing was just before: the call arrived twice, the second time refused."""
    try:
        profile = next(iter(_look_up(job, identifiers)), None)
    except ActitoError as trouble:
        job.settle(number, (PROFILE,), writes, Outcome.UNKNOWN, "not_read_back")
        give_up(job, trouble)
        return
    if profile is not None and values_stand(job, profile, created(job.plan.writes[number])):
        job.settle(number, (PROFILE,), writes, Outcome.LANDED, "answered_refused", profile_id=profile.profile_id)
    elif profile is not None:
        job.settle(number, (PROFILE,), writes, Outcome.REFUSED, "exists")
    elif isinstance(error, Conflict):
        job.settle(number, (PROFILE,), writes, Outcome.UNKNOWN, "not_confirmed")
    else:
        detail = " ".join(f"{code or 'refused'} {field}" for field, code in error.fields) or "refused"
        job.settle(number, (PROFILE,), writes, Outcome.REFUSED, detail)


def _confirm_creation(job: Job, number: int, profile_id: str | None, writes: Mapping[str, int]) -> None:
    write = job.plan.writes[number]
    try:
        if profile_id is None:
            profile = next(iter(_look_up(job, job.plan.key_parts(write.key))), None)
        else:
            profile = job.reader.profile(job.structure, profile_id)
    except ActitoError as error:
        job.settle(number, (PROFILE,), writes, Outcome.UNKNOWN, "not_read_back", profile_id=profile_id)
        give_up(job, error)
        return
    known = profile.profile_id if profile else profile_id
    if values_stand(job, profile, created(write)):
        seen = around(None, profile)
        job.settle(number, (PROFILE,), writes, Outcome.LANDED, profile_id=known, around=seen)
    else:
        detail = "not_confirmed" if profile else "no_answer"
        job.settle(number, (PROFILE,), writes, Outcome.UNKNOWN, detail, profile_id=known)


def created(write: Write) -> list[Cell]:
    """The cells that a creation really sends: empty ones are left out."""
    return [cell for cell in write.cells if cell.after is not None]


def _delete(job: Job, number: int, _: Cells) -> None:
    write = job.plan.writes[number]
    profile = find(job, write)
    earlier = job.attempt(number, PROFILE)
    if earlier is not None and profile is not None:
        if not job.wait_until_visible([earlier]):
            return
        profile = find(job, write)
    if profile is None:
        detail = ALREADY if earlier is None else "read_later"
        job.conclude(number, (PROFILE,), Outcome.LANDED, detail)
        return
    if not _is_the_one(job, write, profile):
        job.conclude(number, (PROFILE,), Outcome.CHANGED, "key")
        return
    if not all(job.unchanged(cell.column, cell.before, profile.values.get(cell.column)) for cell in write.cells):
        job.conclude(number, (PROFILE,), Outcome.CHANGED, "value")
        return
    if job.plan.purpose == "undo" and (why := touched(job, write, profile)):
        job.conclude(number, (PROFILE,), Outcome.CHANGED, why, found=profile.values.get(UPDATED))
        return
    if not job.without_effect(number, PROFILE):
        return
    writes = job.intend(number, (PROFILE,), profile.profile_id)
    try:
        job.writer.delete(job.structure, profile.profile_id)
    except (MaybeSent, NotFound):
        pass  # reading tells
    except Refused:
        job.settle(number, (PROFILE,), writes, Outcome.REFUSED, "refused")
        return
    except ActitoError as error:
        job.settle(number, (PROFILE,), writes, Outcome.SKIPPED, "platform")
        give_up(job, error)
        return
    try:
        left = job.reader.profile(job.structure, profile.profile_id)
    except ActitoError as error:
        job.settle(number, (PROFILE,), writes, Outcome.UNKNOWN, "not_read_back")
        give_up(job, error)
        return
    if left is None:
        job.settle(number, (PROFILE,), writes, Outcome.LANDED)
    else:
        job.settle(number, (PROFILE,), writes, Outcome.UNKNOWN, "not_confirmed")


def _look_up(job: Job, values: Mapping[str, str]) -> list[Profile]:
    """Profiles that hold one of these values in a unique attribute, the key's first."""
    order = sorted(values, key=lambda column: column not in job.plan.key)
    found: list[Profile] = []
    for column in order:
        attribute = job.structure.attribute(column)
        if attribute is not None and attribute.unique and not attribute.technical and values[column]:
            ref: ProfileRef = (column, values[column])
            profile = job.reader.profile(job.structure, ref)
            found += [profile] if profile is not None else []
    return found


def give_up(job: Job, error: ActitoError) -> None:
    """Nothing more can be sent: later if the platform is the trouble, never if the key or a name is."""
    if isinstance(error, TryLater | MaybeSent):
        job.halt(Stopped("platform", str(error)))
    else:
        job.halt(None, error)
