"""Whom activities are about, what of them bears on today, and what profiles do not show of them.

    rows that were understood ─► people, by profileId, key or address ─┐
    what earlier runs saw ─────────────────────────────────────────────┴─► known ─► found, findings

The same activity counts once, in however many files and runs it was seen: an activity is a person, a channel, what
happened and its moment. Nothing here gives a permission or takes one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import ibis
import ibis.expr.types as ir

from auditor.diff.diffed import Diffed
from auditor.diff.permission_findings import Permissions, without_contact
from auditor.engine.functions import INSTANT, declared
from auditor.engine.protocol import ROW_NUMBER, Engine, count, filled
from auditor.equality import primitives, rules
from auditor.findings.activities import LONGEST_QUARANTINE, SAID_NO, Activity, Channel, Unsent
from auditor.findings.for_truth import ForTruth
from auditor.match.join import Matched
from auditor.model import Permission, PermissionFinding, Side
from auditor.settings.contract import Column, Compare, Contract, Polarity

_digest = declared("sha256", ("string",))

KNOWN: Final = ("key", "profile_id", "channel", "activity", "reason", "moment", "address")
"""What is remembered of an activity: `key` is canonical, `address` a keyed digest of the address it was about."""

_WAYS: Final[Mapping[Channel, Compare]] = {Channel.EMAIL: Compare.EMAIL, Channel.SMS: Compare.PHONE}
_UNREACHABLE: Final = (Activity.COMPLAINED, Activity.HARD_BOUNCE, Activity.NOT_SENT, Activity.SOFT_BOUNCE)
"""Why somebody is probably not reached: the first that stands counts."""


@dataclass(frozen=True, slots=True)
class Activities:
    """Activities of people who are known."""

    known: ir.Table
    """All of them, in the columns of KNOWN: what is to be remembered."""
    found: ir.Table
    """`audit.ACTIVITIES` with the canonical key: of everybody who is on a side and in the population."""
    findings: ir.Table
    """`audit.PERMISSIONS` with the canonical key: what profiles do not show."""
    of_nobody: int
    """Rows of people who are not in the export."""


def activities(
    engine: Engine,
    contract: Contract,
    matched: Matched,
    diffed: Diffed,
    permissions: Permissions,
    told: ir.Table | None,
    remembered: ir.Table | None,
    secret: str,
    now: datetime,
) -> Activities:
    """Find whom activities are about, and hold them against the permissions of both sides.

    `told` are rows as `load.activities` understood them, `remembered` those of earlier runs, in the columns of KNOWN.
    `secret` keys the digests of addresses.
    """
    people = engine.keep(_people(contract, matched, secret), "reached_people")
    fresh, of_nobody = _fresh(engine, contract, people, told, secret)
    known = engine.keep(_known(people, fresh, remembered), "known_activities")
    found = engine.keep(_found(contract, matched, permissions, people, known, now), "found_activities")
    findings = engine.keep(_findings(contract, diffed, permissions, found), "activity_findings")
    return Activities(known, found, findings, of_nobody)


def reachable(
    engine: Engine, contract: Contract, matched: Matched, permissions: Permissions, found: ir.Table | None
) -> tuple[int, Mapping[str, int] | None]:
    """How many profiles have a permission that is on and an address or number; and of them, by the first activity that
    stands in the way, whom messages of its channel probably do not reach. None where no activities are known.
    """
    given = _permitted(contract, permissions).anti_join(without_contact(contract, matched), "key")
    number = count(engine, given)
    if found is None:
        return number, None
    bearing = found.reason.isin([one.value for one in Unsent]) | (found.activity != Activity.NOT_SENT.value)
    rank = ibis.cases(
        *((found.activity == one.value, place) for place, one in enumerate(_UNREACHABLE)), else_=len(_UNREACHABLE)
    )
    ranked = found.filter(found.stands, bearing).mutate(rank=rank).filter(ibis._.rank < len(_UNREACHABLE))
    first = ranked.semi_join(given, "key").group_by("key").agg(rank=ibis._.rank.min())
    counts = dict(engine.rows(first.group_by("rank").agg(profiles=first.count())))
    return number, {one.value: int(counts.get(place, 0)) for place, one in enumerate(_UNREACHABLE)}


def _contact(contract: Contract, channel: Channel) -> Column | None:
    """The column with the address or number by which a channel reaches people: the first of its kind."""
    way = _WAYS[channel]
    return next((one for one in contract.contacts if way in (one.compare, one.type)), None)


def _address(text: ir.StringValue, channel: Channel) -> ir.StringValue:
    form = primitives.email(text) if channel is Channel.EMAIL else text.re_replace(r"[^0-9]", "")
    return primitives.blank_to_null(form)


def _keyed(address: ir.StringValue, secret: str) -> ir.StringValue:
    return _digest(ibis.literal(f"{secret}:") + address)


def _people(contract: Contract, matched: Matched, secret: str) -> ir.Table:
    """Everybody in the export: key, profile_id, address, and per channel the digest of what it goes to."""
    keys, raw = matched.keys[Side.PLATFORM], matched.raw[Side.PLATFORM]
    cells: dict[str, ir.Value] = {"own_row": raw[ROW_NUMBER], "address": ibis.null(str)}
    for channel in Channel:
        column = _contact(contract, channel)
        address = ibis.null(str) if column is None else _address(raw[column.header], channel)
        cells[channel.value] = _keyed(address, secret)
        if channel is Channel.EMAIL:
            cells["address"] = address
    own = raw.select(**cells)
    known = keys.filter(keys.key.notnull()).select("key", "profile_id", "row")
    return known.join(own, known.row == own.own_row).drop("row", "own_row")


def _fresh(
    engine: Engine, contract: Contract, people: ir.Table, told: ir.Table | None, secret: str
) -> tuple[ir.Table | None, int]:
    """The rows that are about people of the export, in the columns of KNOWN, with how sure the address is as `sure`;
    and how many are about nobody there.

    A row's first identifier that is filled decides: profileId, where the export has it, then the key, then the address,
    which may be that of several profiles.
    """
    if told is None:
        return None, 0
    zone, columns = contract.timezone.key, contract.keys
    parts = [rules.canonical(told[f"key{place}"], column, Side.PLATFORM, zone) for place, column in enumerate(columns)]
    parts = [ibis.ifelse(part.strip() == "", ibis.null(str), part) for part in parts]
    numbered = filled(engine, people.filter(people.profile_id.notnull()))
    number = primitives.blank_to_null(told.profile_id.strip()) if numbered else ibis.null(str)
    rows = told.select(
        "channel", "activity", "reason", "moment",
        place=ibis.row_number(), number=number, own=rules.key_form(parts), mail=_address(told.email, Channel.EMAIL),
    )  # fmt: skip
    rows = engine.keep(rows, "told_activities")
    by_number = rows.filter(rows.number.notnull()).join(people, [("number", "profile_id")])
    by_key = rows.filter(rows.number.isnull(), rows.own.notnull()).join(people, [("own", "key")])
    by_mail = rows.filter(rows.number.isnull(), rows.own.isnull()).join(people, [("mail", "address")])
    pieces = [
        one.select(
            "key", "profile_id", "channel", "activity", "reason", "moment", "place",
            address=ibis.ifelse(
                one.channel == Channel.SMS.value, one[Channel.SMS.value],
                ibis.coalesce(_keyed(one.mail, secret), one[Channel.EMAIL.value]),
            ),
            sure=ibis.ifelse(one.mail.notnull(), 1, 2),
        )
        for one in (_with(by_number, "profile_id", "number"), _with(by_key, "key", "own"), by_mail)
    ]  # fmt: skip
    found = engine.keep(ibis.union(*pieces), "fresh_activities")
    return found.drop("place"), count(engine, rows) - count(engine, found.select("place").distinct())


def _with(joined: ir.Table, column: str, same: str) -> ir.Table:
    """A join has one column of two that are equal by its condition, whichever name is kept."""
    return joined if column in joined.columns else joined.mutate(**{column: joined[same]})


def _known(people: ir.Table, fresh: ir.Table | None, remembered: ir.Table | None) -> ir.Table:
    """Every activity once. What was remembered of its address counts: it was nearer to it."""
    pieces = []
    if remembered is not None:
        numbers = people.filter(people.profile_id.notnull()).select(number="profile_id", now="key")
        joined = remembered.left_join(numbers, remembered.profile_id == numbers.number)
        key = ibis.coalesce(joined.now, joined.key)
        pieces.append(joined.mutate(key=key).select(*KNOWN, sure=ibis.literal(0)))
    if fresh is not None:
        pieces.append(fresh.select(*KNOWN, sure=fresh.sure.cast("int8")))
    every = ibis.union(*(one.mutate(sure=one.sure.cast("int8")) for one in pieces)) if len(pieces) > 1 else pieces[0]
    once = every.group_by("key", "channel", "activity", "moment").agg(
        profile_id=every.profile_id.max(),
        reason=every.reason.max(),
        address=every.address.argmin(every.sure),
    )
    return once.select(*KNOWN)


def _found(
    contract: Contract,
    matched: Matched,
    permissions: Permissions,
    people: ir.Table,
    known: ir.Table,
    now: datetime,
) -> ir.Table:
    present = people.group_by("key").agg(**{channel.value: people[channel.value].max() for channel in Channel})
    shown = matched.shown.select(canonical="canonical").distinct()
    here = known.semi_join(shown, known.key == shown.canonical)
    here = here.left_join(present, "key").drop("key_right")
    columns = {channel: _contact(contract, channel) for channel in Channel}
    unmapped = [channel.value for channel, column in columns.items() if column is None]
    goes_to = ibis.ifelse(here.channel == Channel.SMS.value, here[Channel.SMS.value], here[Channel.EMAIL.value])
    about = (here.address == goes_to).fill_null(False) | here.channel.isin([*unmapped, ""])
    recent = here.moment > ibis.literal(now - LONGEST_QUARANTINE, type=INSTANT)
    bears = ibis.cases(
        (here.activity.isin([one.value for one in SAID_NO]), ibis.literal(True)),
        (here.activity == Activity.HARD_BOUNCE.value, about),
        else_=about & recent,
    )
    here = here.mutate(bears=bears)
    found = here.group_by("key", "channel", "activity", "reason").agg(
        times=here.moment.nunique(), first=here.moment.min(), last=here.moment.max(), stands=here.bears.any()
    )
    names = {channel.value: column.name for channel, column in columns.items() if column is not None}
    named = [(found.channel == channel, ibis.literal(name)) for channel, name in names.items()]
    found = found.mutate(column=ibis.cases(*named, else_=ibis.null(str)) if named else ibis.null(str))
    found = _marked(found, _permitted(contract, permissions), "permitted")
    in_truth = matched.rows.filter(matched.rows.truth_row.notnull()).select("key")
    found = _marked(found, in_truth, "in_truth")
    found = _marked(found, _open_in_truth(contract, permissions, found), "open_in_truth")
    known_to = found.in_truth
    told = ibis.cases(
        ((found.activity == Activity.HARD_BOUNCE.value) & found.stands & known_to, ForTruth.BOUNCED.value),
        ((found.activity == Activity.COMPLAINED.value) & known_to & found.open_in_truth, ForTruth.COMPLAINED.value),
        (
            (found.activity == Activity.UNSUBSCRIBED.value) & known_to & found.open_in_truth,
            ForTruth.UNSUBSCRIBED_IN_CAMPAIGN.value,
        ),
        else_=ibis.null(str),
    )
    return found.mutate(told=told).drop("in_truth", "open_in_truth")


def _marked(rows: ir.Table, keys: ir.Table, name: str) -> ir.Table:
    marked = keys.distinct().mutate(**{name: ibis.literal(True)})
    joined = rows.left_join(marked, "key").drop("key_right")
    return joined.mutate(**{name: ibis._[name].fill_null(False)})


def _given(contract: Contract) -> list[str]:
    """Not to have refused is no permission to be of any use."""
    return [*(one.name for one in contract.permissions if one.permission is Polarity.OPT_IN), ""]


def _permitted(contract: Contract, permissions: Permissions) -> ir.Table:
    """`key` of every profile that has a permission that is on in Actito."""
    states = permissions.states
    on = states.filter(states.platform == Permission.ON.value, states["column"].isin(_given(contract)))
    return on.select("key").distinct()


def _last_no(found: ir.Table) -> ir.Table:
    """`key` and the last `moment` at which somebody said no."""
    no = found.filter(found.activity.isin([one.value for one in SAID_NO]))
    return no.group_by("key").agg(moment=no.last.max())


def _open_in_truth(contract: Contract, permissions: Permissions, found: ir.Table) -> ir.Table:
    """`key` of everybody whose no the truth does not show: something is on there, and not given since."""
    no = _last_no(found)
    if not contract.permissions:
        return no.select("key")
    states = permissions.states
    joined = states.filter(states.truth == Permission.ON.value).join(no, "key")
    return joined.filter(joined.evidence.isnull() | (joined.evidence <= joined.moment)).select("key").distinct()


def _findings(contract: Contract, diffed: Diffed, permissions: Permissions, found: ir.Table) -> ir.Table:
    """What is on in Actito, although somebody said no since it was given.

    Of an opt-out in a campaign nobody knows which permission was meant: the profile shows it where any was off when its
    row last changed, not before the opt-out.
    """
    states = permissions.states
    off = states.filter(states.platform == Permission.OFF.value)
    shown = off.group_by("key").agg(shown_at=off.platform_updated.max(), unsaid=off.platform_updated.isnull().any())
    kinds = {
        Activity.UNSUBSCRIBED: PermissionFinding.UNSUBSCRIBED_IN_CAMPAIGN,
        Activity.COMPLAINED: PermissionFinding.COMPLAINED,
    }
    on = states.filter(states.platform == Permission.ON.value, states["column"].isin(_given(contract)))
    pieces = []
    for activity, finding in kinds.items():
        no = found.filter(found.activity == activity.value)
        no = no.group_by("key").agg(moment=no["last"].max())
        rows = on.join(no, "key")
        rows = rows.filter(rows.evidence.isnull() | (rows.evidence <= rows.moment))
        if activity is Activity.UNSUBSCRIBED:
            rows = rows.left_join(shown, "key").drop("key_right")
            rows = rows.filter(~(rows.unsaid.fill_null(False) | (rows.shown_at >= rows.moment).fill_null(False)))
        pieces.append(
            rows.select(
                "key", "column", finding=ibis.literal(finding.value), platform="platform", truth="truth",
                since="moment",
            )
        )  # fmt: skip
    sent = diffed.cells.filter(diffed.cells.pending).select("key", "column")
    return ibis.union(*pieces).anti_join(sent, ["key", "column"])
