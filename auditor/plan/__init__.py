"""Makes the plans of an audit: what is corrected, and, apart from it, who is created. Pure: values in, values out.

differences ─► needs (permissions, decisions) ─┐
only on the platform ──────────────────────────┼─► one write per profile and kind ─► uniques ─► routing ─► Plan
missing ─► creations ──────────────────────────┘
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import polars as pl

from auditor import permissions
from auditor.errors import InputUnusable
from auditor.findings.audit import Audit
from auditor.findings.codes import Code, Notice
from auditor.findings.sentences import sentence
from auditor.findings.unreachable import corrected
from auditor.model import Kind, Refusal, Route, Side, Status, Why
from auditor.plan import damage
from auditor.plan.actions import Action, actions, by_key, together
from auditor.plan.creations import Candidates, create
from auditor.plan.decisions import Choice, refused_profiles
from auditor.plan.finding_answers import withdrawals
from auditor.plan.knowledge import Knowledge
from auditor.plan.needs import needs
from auditor.plan.pairs import held, one_of_two
from auditor.plan.policy import Policy
from auditor.plan.road import Calls, Road
from auditor.plan.routing import Routed, route_corrections, route_creations
from auditor.plan.uniques import in_order, without_order
from auditor.writes import Cell, LeftAlone, Plan, Write, by_fallback


@dataclass(frozen=True)
class Facts:
    """What a plan must know beyond the audit. Frames may be in any order."""

    known: Knowledge
    contract: str
    """Its digest."""
    file_calls_left: int
    """Of today, for this table, as the auditor may use them."""
    file_calls_daily: int
    """The same of any other day."""
    seen: pl.DataFrame | None
    """As routing.SEEN, of an earlier run; None: there is none any more that could say."""
    candidates: pl.DataFrame
    """The missing, as creations.Candidates.rows."""
    taken: pl.DataFrame
    """As creations.TAKEN."""
    erased: frozenset[str]
    """Missing keys of people who were erased on request."""
    calls: Calls
    """What writes take, one by one and by file."""
    guards: tuple[Notice, ...]
    """What keeps a plan from being applied without a look, for example about a side that shrank."""


def make_plans(
    audit: Audit, policy: Policy, facts: Facts, *, only: Collection[str] | None = None, approved: Plan | None = None
) -> tuple[Plan, Plan]:
    """The plan that corrects and deletes, and the plan that creates; either may be empty.

    Everything that differs is in a plan or in its `left`, with the reason. The order of rows in any input does not
    matter: equal content gives an equal SHA. `only` restricts both plans to these keys, and `approved` to what this
    earlier plan writes.

    Raises InputUnusable when the audit could not check something that a plan depends on, GuardRefused or SettingsError
    when files are asked for and cannot be made.
    """
    require_checked(audit)
    known = facts.known
    road = Road(
        policy=policy,
        table=audit.table,
        columns={column.name: column for column in audit.columns},
        unique=frozenset(attribute.name for attribute in known.structure.attributes if attribute.unique),
        file_calls=facts.file_calls_left,
        export_age=known.now - audit.source(Side.PLATFORM).as_of,
        calls=facts.calls,
        single_key=len(audit.key) == 1,
        alone=frozenset(key for key in audit.profiles["key"] if by_fallback(key, audit.fallbacks))
        | {one.key for one in known.decisions if one.choice is Choice.WITHDRAW},
        first_load=audit.counts.rows["platform"] == 0,
        daily_calls=facts.file_calls_daily,
        seen=facts.seen,
    )
    needed, corrections, alone = corrected_by(audit, policy, known, only=only)
    corrections, untaken = _continued(corrections, approved)
    alone += untaken
    if approved is not None:  # somebody whom it does not write any more may hold what another waits for
        stuck = without_order(corrections, audit.differences, road.unique, known.of_others)
        alone += [LeftAlone(key, column, why.value, refusal=None) for (key, column), why in stuck.items()]
        corrections = _without(corrections, stuck)
    again = set(corrected(_restricted(audit, only).differences, audit.activities).iter_rows())
    # Who bounced for good is reachable again with another address: that goes first.
    corrections.sort(key=lambda write: all((write.key, cell.column) not in again for cell in write.cells))
    others = sorted((write for write in corrections if write.kind is not Kind.UPDATE), key=by_key)
    updates = in_order(corrections, audit.differences, road.unique, known.of_others)
    routed = route_corrections([*others, *updates], road)
    if first := sum(any((write.key, cell.column) in again for cell in write.cells) for write in routed.writes):
        routed = replace(routed, reason=Notice(Code.ROUTE, {**routed.reason.parameters, "first": first}))
    everybody = needed if only is None else needs(audit, known)
    correct = _plan(audit, facts, "correct", routed, alone, damage.guards(needed, everybody))

    candidates = Candidates(facts.candidates, facts.taken, facts.erased)
    created, alone = created_by(audit, candidates, known, only=only)
    created, untaken = _continued(created, approved)
    alone += untaken
    road = replace(road, file_calls=road.file_calls - routed.files)
    purpose: Literal["create", "load"] = "load" if road.first_load else "create"
    stop = damage.guards_of_creations(needed, created, alone)
    creations = _plan(audit, facts, purpose, route_creations(created, road), alone, stop)

    for plan in (correct, creations):
        permissions.guard(plan.writes, audit.columns)
    return correct, creations


def corrected_by(
    audit: Audit, policy: Policy, known: Knowledge, *, only: Collection[str] | None = None
) -> tuple[pl.DataFrame, list[Write], list[LeftAlone]]:
    """What becomes of the differing cells, the writes that correct and delete, by key, and what is left alone.

    How they travel is not said yet: all of them go one by one.
    """
    needed = needs(audit, known, only=only)
    audit = _restricted(audit, only)
    unmatched = list(_unmatched(audit, policy, known))
    withdrawn = list(withdrawals(audit, known))
    own = [*actions(needed), *(one for one in withdrawn if isinstance(one, Action))]
    found = together(own, audit) + [one for one in unmatched if isinstance(one, Write)]
    alone = needed.drop_nulls("why").select("key", "column", "why")
    left = [LeftAlone(key, column, why, refusal=None) for key, column, why in alone.iter_rows()]
    return needed, found, left + [one for one in (*unmatched, *withdrawn) if isinstance(one, LeftAlone)]


def created_by(
    audit: Audit, candidates: Candidates, known: Knowledge, *, only: Collection[str] | None = None
) -> tuple[list[Write], list[LeftAlone]]:
    """The same of who is created."""
    audit = _restricted(audit, only)
    created = list(create(audit, candidates, known))
    found = together((one for one in created if isinstance(one, Action)), audit)
    return found, [one for one in created if isinstance(one, LeftAlone)]


def require_checked(audit: Audit) -> None:
    """Raises InputUnusable where the audit could not check something that a plan depends on."""
    blocking = [sentence(item, audit.say) for item in audit.not_checked if item.blocks_plan]
    if blocking:
        raise InputUnusable(
            f"nothing is planned on this audit: {'; '.join(blocking)}", hint="repair the input and run the audit again"
        )


def _continued(found: Sequence[Write], approved: Plan | None) -> tuple[list[Write], list[LeftAlone]]:
    """Of the writes those cells that an approved plan writes to the same person as well, from and to the same value,
    and the others.

    A person is who has the profile, whatever key they have by now; where it had none yet, who has the key. Nobody is
    created with less than was approved.
    """
    if approved is None:
        return list(found), []
    cells_of: dict[tuple[Kind, str | None, str | None], set[Cell]] = {}
    for write in approved.writes:
        who = write.profile_id, None if write.profile_id else write.key
        cells_of.setdefault((write.kind, *who), set()).update(write.cells)
    continued, others = list[Write](), list[LeftAlone]()
    for write in found:
        by_key = cells_of.get((write.kind, None, write.key))
        same = cells_of.get((write.kind, write.profile_id, None), by_key) if write.profile_id else by_key
        cells = tuple(cell for cell in write.cells if same is not None and cell in same)
        whole = write.kind in (Kind.CREATE, Kind.DELETE)
        taken = bool(same is not None and (cells == write.cells if whole else cells))
        if taken:
            continued.append(replace(write, cells=cells))
        kept = {cell.column for cell in cells} if taken else set()
        rest = [column for column in write.followed if column not in kept and not (whole and taken)]
        others += [LeftAlone(write.key, column, Why.NOT_TAKEN.value, refusal=None) for column in rest]
    return continued, others


def _without(found: Iterable[Write], cells: Collection[tuple[str, str]]) -> list[Write]:
    left = (
        replace(write, cells=tuple(cell for cell in write.cells if (write.key, cell.column) not in cells))
        if write.kind is Kind.UPDATE
        else write
        for write in found
    )
    return [write for write in left if write.cells or write.kind is not Kind.UPDATE]


def _restricted(audit: Audit, only: Collection[str] | None) -> Audit:
    if only is None:
        return audit
    named = pl.col("key").is_in(list(only))
    return replace(
        audit,
        profiles=audit.profiles.filter(named),
        differences=audit.differences.filter(named),
        permissions=audit.permissions.filter(named),
    )


def _unmatched(audit: Audit, policy: Policy, known: Knowledge) -> Iterator[Write | LeftAlone]:
    """Profiles that are on the platform only, and keys that occur twice. Deleting is asked for, or not done.

    A row of the truth that could not be read, or has no key, may be the very person: then nobody is deleted.
    """
    rows = audit.counts.rows
    missing = audit.profiles.filter(pl.col("status") == Status.MISSING.value)["key"]
    unsure = rows["truth_rejected"] + rows["truth_null_key"] > 0
    unsure = unsure or any(by_fallback(key, audit.fallbacks) for key in missing)
    same_person = held(audit, Side.PLATFORM, known.decisions)
    one_person = one_of_two(audit, Side.PLATFORM, known.decisions)
    pinned, refused = {one.key for one in known.pins}, refused_profiles(known.decisions)
    wanted = audit.profiles.filter(pl.col("status").is_in([Status.ORPHAN.value, Status.DUPLICATE.value])).sort("key")
    for key, status, profile_id, pending, waiting in wanted.select(
        "key", "status", "profile_id", "pending", "waiting"
    ).iter_rows():
        reasons = {
            Why.DUPLICATE: status == Status.DUPLICATE,
            Why.PENDING: pending,
            Why.WAITING: waiting,
            Why.ONE_PERSON: key in one_person,
            Why.SAME_PERSON: key in same_person,
            Why.PINNED: key in pinned,
            Why.REFUSED: key in refused,
            Why.UNADDRESSED: profile_id is None and by_fallback(key, audit.fallbacks),
            Why.LISTED: policy.only_on_platform == "list",
            Why.NOT_CHECKED: unsure,
        }
        why = next((why for why, holds in reasons.items() if holds), None)
        if why is None:
            how = Kind.DELETE, Route.SINGLE
            yield Write(*how, key, profile_id, (), batch=None, canary=False, decided_by=None, collection=None)
        else:
            yield LeftAlone(key, None, why.value, refusal=None)


def _told(audit: Audit, left: Sequence[LeftAlone]) -> Iterator[LeftAlone]:
    """The same, with how Actito would refuse a value of the truth: what comes first, where several things are wrong."""
    keys = {item.key for item in left if item.why == Why.BLOCKED}
    wrong = audit.violations.filter(pl.col("refusal").is_not_null() & pl.col("key").is_in(keys))
    refusals: dict[tuple[str, str], set[Refusal]] = {}
    for key, column, refusal in wrong.select("key", "column", "refusal").iter_rows():
        refusals.setdefault((key, column), set()).add(Refusal(refusal))
    for item in left:
        codes = refusals.get((item.key, item.column or ""), ())
        first = next((code.value for code in Refusal if code in codes), item.refusal)
        yield replace(item, refusal=first) if item.why == Why.BLOCKED else item


def _plan(
    audit: Audit,
    facts: Facts,
    purpose: Literal["correct", "create", "load"],
    routed: Routed,
    left: Iterable[LeftAlone],
    guards: Iterable[Notice] = (),
) -> Plan:
    told = _told(audit, [*left, *routed.left])
    stop = [*facts.guards, *guards] if routed.writes else []
    return Plan(
        run=audit.run,
        entity=audit.entity,
        table=audit.table,
        purpose=purpose,
        made=facts.known.now,
        export_as_of=audit.source(Side.PLATFORM).as_of,
        key=audit.key,
        fallbacks=audit.fallbacks,
        writes=routed.writes,
        left=tuple(sorted(told, key=lambda item: (item.key, item.column or "", item.why))),
        population=audit.counts.rows["platform"],
        route_reason=routed.reason.content(),
        undoes=None,
        stop=tuple(one.content() for one in stop) or None,
        contract=facts.contract,
    )
