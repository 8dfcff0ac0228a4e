"""A plan that takes back what a plan wrote, to be reviewed and applied like any other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from auditor.errors import TryLater
from auditor.findings.codes import Code, Notice
from auditor.findings.moments import moment
from auditor.model import Kind, Outcome, Refusal, Route, Why
from auditor.state.ledger.records import Effect, PlanRecord
from auditor.writes import Cell, LeftAlone, Plan, Write


@dataclass(frozen=True, slots=True)
class Audited:
    """What an undo says of the table as the plan before it did."""

    entity: str
    key: tuple[str, ...]
    fallbacks: tuple[tuple[str, ...], ...]
    population: int
    """Profiles on the platform."""
    contract: str
    """Digest of the contract that holds now."""


def undo_plan(
    of: PlanRecord,
    effects: Iterable[Effect],
    audited: Audited,
    now: datetime,
    *,
    permissions: Collection[str],
    delete_created: bool = False,
    made: Plan | None = None,
    again: Collection[tuple[str | None, str | None]] = (),
    touched: Collection[tuple[str | None, str | None]] = (),
    unmapped: Collection[str | None] = (),
    pinned: Collection[tuple[str | None, str | None]] = (),
    taken: Collection[tuple[str | None, str | None]] = (),
    refused: Mapping[tuple[str, str | None], Refusal] = MappingProxyType({}),
    away: Mapping[str, Why] = MappingProxyType({}),
) -> Plan:
    """The plan that restores what the audit saw before the plan `of`, of which the ledger knows these `effects`.

    Everything goes one by one, in reverse order: applying writes a value back only where the profile still holds the
    one we wrote. What may have taken effect is taken back as well: applying reads first, so what did nothing is found
    restored already. Listed instead: opt-outs and anything else in a permission column that would make somebody
    contactable (`permission`), creations unless `delete_created` (`created`), deletions (`deleted`), and what was
    erased from the record (`erased`).

    `again` are the cells, by key and column, that an undo of this plan has restored already: they are left (`undone`),
    as are those that hold another value by now, as a run has seen (`touched`), those of columns that the contract does
    not have any more (`unmapped`), those that somebody has `pinned`, but for opt-ins, which are taken back, those
    whose value another profile has by now (`taken`), and what the platform would refuse (`blocked`): `refused` says
    how, by column and value. Nobody with a pinned cell is deleted. Who is not there any more, or not under their key,
    is left for that reason: `away`, by profileId.
    `made` is the plan itself, where it is at hand: it says what profiles were created with.
    """
    by_write: dict[int, list[Effect]] = {}
    kept = {key for key, _ in pinned}
    for effect in effects:
        by_write.setdefault(effect.number, []).append(effect)
    writes: list[Write] = []
    left: list[LeftAlone] = []
    for number, cells in sorted(by_write.items(), reverse=True):
        groups: dict[Kind, list[Effect]] = {}
        for one in cells:
            # Whose creation nobody confirmed may be somebody else's; only what it was created with tells.
            ours = one.outcome is Outcome.LANDED or made is not None
            spot = one.key, one.column
            back = _way_back(one, permissions, delete_created and ours)
            if spot in again:
                back = Why.UNDONE
            elif one.profile_id in away and (isinstance(back, Kind) or back is Why.CREATED):
                back = away[one.profile_id or ""]
            elif isinstance(back, Kind) and spot in touched:
                back = Why.TOUCHED
            elif isinstance(back, Kind) and one.column in unmapped:
                back = Why.UNMAPPED
            elif one.key in kept if back is Kind.DELETE else spot in pinned and back in (Kind.UPDATE, Kind.CLEAR):
                back = Why.PINNED
            elif back is Kind.UPDATE and spot in taken:
                back = Why.TAKEN
            how = refused.get((one.column or "", one.before)) if back in (Kind.UPDATE, Kind.CLEAR) else None
            if how is not None:
                left.append(LeftAlone(one.key or "", one.column, Why.BLOCKED.value, refusal=how.value))
            elif isinstance(back, Kind):
                groups.setdefault(back, []).append(one)
            else:
                left.append(LeftAlone(one.key or "", one.column, back.value, refusal=None))
        # Clearing first, as ever: what is stored of a plan depends on it.
        for kind, group in sorted(groups.items(), key=lambda each: each[0] is not Kind.CLEAR):
            held = made.writes[number].cells if made and kind is Kind.DELETE else ()
            restored = [Cell(one.column or "", one.after, one.before) for one in group]
            gone = [Cell(cell.column, cell.after, None) for cell in held if cell.after]
            writes.append(single(group[0], kind, gone if kind is Kind.DELETE else restored))
    return undoing(of, audited, now, writes, left)


def require_ended(effects: Iterable[Effect], now: datetime) -> None:
    """Raises TryLater while a file of the plan may still be carried out: what it does after the undo would stand."""
    running = [one.until for one in effects if one.outcome is Outcome.UNKNOWN and one.until > now]
    if running:
        raise TryLater(
            f"a file of this plan may still be carried out until {moment(max(running))}",
            hint="apply the plan again, which follows the file to its end, or wait; then undo",
        )


def undoing(
    of: PlanRecord, audited: Audited, now: datetime, writes: Iterable[Write], left: Iterable[LeftAlone]
) -> Plan:
    """The plan that takes `of` back with these writes."""
    return Plan(
        run=of.run,
        entity=audited.entity,
        table=of.table,
        purpose="undo",
        made=now,
        export_as_of=now,
        key=audited.key,
        fallbacks=audited.fallbacks,
        writes=tuple(writes),
        left=tuple(left),
        population=audited.population,
        contract=audited.contract,
        route_reason=Notice(Code.ROUTE_OF_UNDO).content(),
        undoes=of.sha,
        stop=None,
    )


def single(effect: Effect, kind: Kind, cells: Iterable[Cell], *, by: str | None = None) -> Write:
    """A write that goes to the profile of an effect, `by` whose decision; None: it follows from the undo itself."""
    key = effect.key or ""
    return Write(
        kind,
        Route.SINGLE,
        key,
        effect.profile_id,
        tuple(cells),
        batch=None,
        canary=False,
        decided_by=by,
        collection=None,
    )


def irrevocable(plan: Plan) -> Notice | None:
    """What no undo brings back once the plan is applied; None where it writes nothing."""
    counts = plan.counts
    opt_outs = sum(len(write.cells) for write in plan.writes if write.kind is Kind.UNSUBSCRIBE)
    lost = {"deleted": counts.get(Kind.DELETE, 0), "withdrawn": opt_outs, "created": counts.get(Kind.CREATE, 0)}
    return Notice(Code.IRREVOCABLE, lost) if counts else None


def _way_back(one: Effect, permissions: Collection[str], delete_created: bool) -> Kind | Why:
    """The kind of write that takes an effect back, or why it stays."""
    if one.key is None:
        return Why.ERASED
    if one.kind is Kind.DELETE:
        return Why.DELETED
    if one.kind is Kind.CREATE:
        return Kind.DELETE if delete_created else Why.CREATED
    if one.kind is Kind.SUBSCRIBE:
        return Kind.UNSUBSCRIBE
    if one.kind is Kind.UNSUBSCRIBE or one.column in permissions:
        return Why.PERMISSION
    return Kind.CLEAR if one.before is None else Kind.UPDATE
