"""What has become of a plan since it was made: which of its cells must not be written any more, and why.

A plan is held against the one that would be made now, of the same people: of the newest run, with what the ledger knows
by now. An undo, which no run was asked for, is held against the ledger alone. Pure: values in, values out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

import polars as pl

from auditor.findings.audit import Audit
from auditor.findings.for_truth import ForTruth
from auditor.findings.since import Drift, Place, Since, Spot
from auditor.model import Kind, Status, Why
from auditor.plan import corrected_by, created_by, require_checked
from auditor.plan.creations import Candidates
from auditor.plan.knowledge import Knowledge, meant
from auditor.plan.policy import Policy
from auditor.settings.contract import Polarity
from auditor.writes import Cell, LeftAlone, Plan, Write
from auditor.writes import Collection as Given

Identifier: TypeAlias = tuple[str, str]
"""Column and value."""

There: TypeAlias = Collection[tuple[str, str]]
"""The profileId and the key of each of some profiles that are on the platform."""

_SAID: Final[Mapping[str, Since]] = {
    Why.PENDING: Since.WRITTEN,
    Why.UNDONE: Since.UNDONE,
    Why.IGNORED: Since.DECIDED,
    Why.PINNED: Since.PINNED,
    Why.REFUSED: Since.DECIDED,
    Why.GONE: Since.GONE,
    Why.ERASED: Since.ERASED,
    Why.TAKEN: Since.THERE,
    Why.CONSENT: Since.CONSENT,
}
"""Where the reason for which a plan would leave a cell alone says what happened."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A cell that differs in the newest run, as both sides have it."""

    platform: str | None
    truth: str | None
    told: str | None
    """What the owners of the truth are told of it, one of findings.for_truth.ForTruth."""


@dataclass(frozen=True, slots=True)
class Person:
    """What the newest run says of somebody who is not the same on both sides."""

    status: Status
    profile_id: str | None


@dataclass(frozen=True)
class Today:
    """What would be planned now of the people of a plan, and what it would be based on."""

    run: str
    """The newest run."""
    writes: tuple[Write, ...]
    left: tuple[LeftAlone, ...]
    cells: Mapping[Spot, Seen]
    people: Mapping[str, Person]
    """By key. Who is the same on both sides is not in it."""
    permissions: Mapping[str, Polarity]
    """By column."""
    found: Mapping[Spot, str | None]
    """What the platform holds in the cells of permission findings."""
    sent: Collection[Spot]
    """Of these what another plan has written since the export."""
    keys: Mapping[str, str] | None
    """By profileId, of those people of the plan who are on the platform, and of whoever has a key of theirs; None: of
    the run that the plan was made from, where nobody has another one.
    """

    @cached_property
    def holders(self) -> Mapping[str, str]:
        """Whose a key is."""
        return {key: profile_id for profile_id, key in (self.keys or {}).items()}


@dataclass(frozen=True)
class Later:
    """What the ledger knows by now of the cells of an undo."""

    written: Collection[Spot]
    """What was last written by another plan than the one that is taken back and what undoes it."""
    decided: Collection[Spot]
    """What somebody has decided on since the undo was made."""
    pinned: Collection[Spot]


def today(
    audit: Audit,
    policy: Policy,
    known: Knowledge,
    keys: Collection[str],
    missing: Candidates | None,
    there: There | None,
) -> Today:
    """What would be planned now of the people with these keys, by the newest audit and all that is known.

    `missing` is for a plan that creates; what identifies erased people is looked for apart. `there` are the plan's
    people who are on the platform, and whoever has a key of theirs; None where nobody has looked.

    Raises InputUnusable where the audit could not check something that a plan depends on.
    """
    require_checked(audit)
    needed, writes, left = corrected_by(audit, policy, known, only=keys)
    if missing is not None:
        created, alone = created_by(audit, missing, known, only=keys)
        writes, left = writes + created, left + alone
    people = audit.profiles.filter(pl.col("key").is_in(list(keys))).select("key", "status", "profile_id").iter_rows()
    cells = needed.select("key", "column", "platform", "truth", "told").iter_rows()
    found = audit.permissions.filter(pl.col("key").is_in(list(keys)))
    sent = found.filter("pending") if "pending" in found.columns else found.clear()
    return Today(
        run=audit.run,
        writes=tuple(writes),
        left=tuple(left),
        cells={(key, column): Seen(platform, truth, told) for key, column, platform, truth, told in cells},
        people={key: Person(Status(status), profile_id) for key, status, profile_id in people},
        permissions={column.name: column.permission for column in audit.columns if column.permission is not None},
        found={(key, column): text for key, column, text in found.select("key", "column", "platform_text").iter_rows()},
        sent=set(sent.select("key", "column").iter_rows()),
        keys=None if there is None else dict(there),
    )


def of_run(plan: Plan, today: Today, erased: Collection[Identifier], left: Collection[Place]) -> Drift:
    """Holds what is `left` of a plan against the one that would be made now.

    `erased` are those of `identifiers` that belong to erased people.
    """
    planned = {(write.key, column): write for write in today.writes for column in write.followed}
    because = {(one.key, one.column): one.why for one in today.left}
    held: dict[Place, Since] = {}
    for place in _in_order(plan, left):
        number, column = place
        write = plan.writes[number]
        since = _about_person(plan, write, today, erased)
        if since is None and column is None:
            since = _of_profile(write, planned.get((write.key, None)), because, today)
        elif since is None:
            since = _of_cell(write, _cell(write, column), planned.get((write.key, column)), because, today)
        if since is not None:
            held[place] = since
    own = {(write.key, column) for write in plan.writes for column in write.followed}
    own |= {(one.key, one.column) for one in plan.left if one.why in (Why.QUOTA, Why.GATHERING)}
    new = [spot for spot in planned if spot not in own and (planned[spot].kind is Kind.CREATE) == _creates(plan)]
    new.sort(key=lambda spot: (spot[0], spot[1] or ""))
    return _drift(plan, today.run, _together(plan, held, left), new, today.keys)


def of_ledger(plan: Plan, later: Later, erased: Collection[Identifier], left: Collection[Place]) -> Drift:
    """Holds what is `left` of an undo against what the ledger knows by now.

    What the platform holds by now needs no run: each profile is read before anything of it is restored.
    """
    held: dict[Place, Since] = {}
    kept = {key for key, _ in later.pinned}
    for number, column in _in_order(plan, left):
        write = plan.writes[number]
        spot = write.key, column
        since = Since.ERASED if _is_erased(plan, write, erased) else None
        if since is None and spot in later.written:
            since = Since.WRITTEN
        elif since is None and spot in later.decided:
            since = Since.DECIDED
        elif since is None and (write.key in kept if write.kind is Kind.DELETE else spot in later.pinned):
            since = Since.PINNED if write.kind is not Kind.UNSUBSCRIBE else None
        if since is not None:
            held[number, column] = since
    return _drift(plan, None, _together(plan, held, left), ())


def _drift(
    plan: Plan,
    run: str | None,
    held: Mapping[Place, Since],
    new: Iterable[Spot],
    keys: Mapping[str, str] | None = None,
) -> Drift:
    named = {}
    for (number, _), since in held.items():
        write = plan.writes[number]
        now = (keys or {}).get(write.profile_id or "", "") or "no key"
        named[number] = f"{write.key} → {now}" if since is Since.RENAMED else write.key
    return Drift(run, held, tuple(new), named)


def identifiers(plan: Plan, write: Write) -> Iterable[Identifier]:
    """What of a write must not be of somebody who was erased: whoever it is about, and what it writes to them.

    Whoever has a profile is known by its number, for their key may be somebody else's by now, or theirs again. Nobody
    is kept from saying no by it, nor from being deleted.
    """
    if write.kind in (Kind.UNSUBSCRIBE, Kind.DELETE):
        return
    yield from {"profileId": write.profile_id}.items() if write.profile_id else plan.key_identifiers(write.key).items()
    yield from ((cell.column, cell.after) for cell in write.cells if cell.after)


def _in_order(plan: Plan, left: Collection[Place]) -> Iterable[Place]:
    for number, write in enumerate(plan.writes):
        yield from ((number, column) for column in write.followed if (number, column) in left)


def _creates(plan: Plan) -> bool:
    return plan.purpose in ("create", "load")


def _cell(write: Write, column: str | None) -> Cell:
    return next(cell for cell in write.cells if cell.column == column)


def _is_erased(plan: Plan, write: Write, erased: Collection[Identifier]) -> bool:
    return bool(erased) and any(one in erased for one in identifiers(plan, write))


def _about_person(plan: Plan, write: Write, today: Today, erased: Collection[Identifier]) -> Since | None:
    if _is_erased(plan, write, erased):
        return Since.ERASED
    if today.keys is not None and today.keys.get(write.profile_id or "", write.key) != write.key:
        return Since.RENAMED
    person = today.people.get(write.key)
    ids = {write.profile_id, person.profile_id if person else None, today.holders.get(write.key)} - {None}
    return Since.OTHER_PERSON if write.profile_id is not None and len(ids) > 1 else None


def _of_profile(write: Write, now: Write | None, because: Mapping[Spot, str], today: Today) -> Since | None:
    """Of somebody who is to be created or deleted."""
    if now is not None and now.kind is write.kind:
        return None if _values(now) == _values(write) else Since.TRUTH
    why = because.get((write.key, None))
    if why is not None and why in _SAID:
        return _SAID[why]
    person = today.people.get(write.key)
    if write.kind is Kind.CREATE:
        if person is None or person.status is not Status.MISSING:
            return Since.THERE if person else _agreeing(write, person, today)
        return Since.UNPLANNED if why else Since.TRUTH
    if person is not None and person.status is Status.MISSING:
        return Since.GONE
    return Since.UNPLANNED if person and person.status in (Status.ORPHAN, Status.DUPLICATE) else Since.TRUTH


def _values(write: Write) -> dict[str, str]:
    """What somebody is created with; nobody is deleted with anything."""
    return {cell.column: cell.after for cell in write.cells if cell.after} if write.kind is Kind.CREATE else {}


def _of_cell(write: Write, cell: Cell, now: Write | None, because: Mapping[Spot, str], today: Today) -> Since | None:
    column, polarity = cell.column, today.permissions.get(cell.column)
    spot = write.key, column

    def same(a: str | None, b: str | None) -> bool:
        return meant(column, a, polarity) == meant(column, b, polarity)

    if now is not None:
        would = _cell(now, column)
        if not same(would.before, cell.before):
            return Since.PLATFORM
        if now.kind is not write.kind or not same(would.after, cell.after) or _given(now) != _given(write):
            return Since.TRUTH
        return Since.DECIDED if write.decided_by not in (None, now.decided_by) else None
    why, seen = because.get(spot, because.get((write.key, None))), today.cells.get(spot)
    if why is not None and why in _SAID:
        return _SAID[why]
    if write.kind is Kind.SUBSCRIBE and why in (Why.EVIDENCE, Why.FORGOTTEN):
        return Since.OPTED_OUT
    if seen is None and spot in today.sent:
        return Since.WRITTEN
    if seen is None and spot in today.found and write.decided_by:
        return Since.DECIDED if same(today.found[spot], cell.before) else Since.PLATFORM
    if seen is None:
        person = today.people.get(write.key)
        gone = person is not None and person.status is Status.MISSING and why is None
        return Since.GONE if gone else Since.DECIDED if why == Why.PERMISSION else _agreeing(write, person, today)
    if seen.told == ForTruth.DECIDED:
        return Since.DECIDED
    if not same(seen.platform, cell.before):
        return Since.PLATFORM
    if not same(seen.truth, cell.after):
        return Since.TRUTH
    return Since.DECIDED if write.decided_by else Since.UNPLANNED


def _agreeing(write: Write, person: Person | None, today: Today) -> Since:
    """What has become of somebody of whom the run sees no difference in a cell."""
    if person is None and today.keys is not None and write.key not in today.holders:
        # The platform does not have them, and the truth has let them go.
        return Since.TRUTH if write.kind is Kind.CREATE else Since.GONE
    if person is None or person.status in (Status.EQUAL, Status.STALE, Status.CONFLICTING):
        return Since.AGREES
    return Since.TRUTH if person.status is Status.ORPHAN else Since.UNPLANNED


def _given(write: Write) -> Given | None:
    """When and where an opt-in was given."""
    return write.collection if write.kind is Kind.SUBSCRIBE else None


def _together(plan: Plan, held: Mapping[Place, Since], left: Collection[Place]) -> Mapping[Place, Since]:
    """The same, with what cannot go without a cell that is not written: the rest of its row in a file, and whatever
    was to follow a creation.
    """
    rows = {number for number, _ in held if plan.writes[number].batch is not None}
    unmade = {plan.writes[number].key for number, _ in held if plan.writes[number].kind is Kind.CREATE}
    if not rows and not unmade:
        return held
    return {
        place: held.get(place, Since.WITH_ANOTHER)
        for place in _in_order(plan, left)
        if place in held or place[0] in rows or plan.writes[place[0]].key in unmade
    }
