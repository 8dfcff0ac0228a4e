"""Whom activities are about, what of them bears on today, and what profiles do not show of them.

    rows that were understood ─► named, by profileId, key or address ─┐
    what earlier runs saw ────────────────────────────────────────────┴─► known ─► found, findings

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

from auditor.diff.activity_people import Named, contact, named, people, with_keys_of_now
from auditor.diff.diffed import Diffed
from auditor.diff.permission_findings import Permissions, without_contact
from auditor.engine.functions import INSTANT
from auditor.engine.protocol import Engine, count
from auditor.findings.activities import LONGEST_QUARANTINE, SAID_NO, Activity, Channel, Unsent
from auditor.findings.for_truth import ForTruth
from auditor.match.join import Matched
from auditor.model import Permission, PermissionFinding
from auditor.settings.contract import Contract, Polarity

KNOWN: Final = ("key", "profile_id", "channel", "activity", "reason", "moment", "address")
"""What is remembered of an activity: `key` is canonical, `address` a keyed digest of the address it was about."""

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
    """`Permissions.findings`: what profiles do not show."""
    named: Named | None
    """Whom the files of this run are about; None: there were none."""


def activities(
    engine: Engine,
    contract: Contract,
    matched: Matched,
    diffed: Diffed,
    permissions: Permissions,
    told: ir.Table | None,
    remembered: ir.Table | None,
    base: ir.Table | None,
    secret: str,
    now: datetime,
) -> Activities:
    """Find whom activities are about, and hold them against the permissions of both sides.

    `told` are rows as `load.activities` understood them, `remembered` those of earlier runs, in the columns of KNOWN;
    `base` is that of `diff.known`. `secret` keys the digests of addresses.
    """
    everybody = engine.keep(people(contract, matched, secret), "reached_people")
    remembered = None if remembered is None else engine.define(with_keys_of_now(everybody, remembered), "activities")
    about = None
    if told is not None:
        about = named(engine, contract, matched, everybody, told, base, remembered, secret)
        remembered = about.remembered
    known = engine.keep(_known(None if about is None else about.rows, remembered), "known_activities")
    found = engine.keep(_found(contract, matched, permissions, everybody, known, now), "found_activities")
    findings = engine.keep(_findings(contract, diffed, permissions, found), "activity_findings")
    return Activities(known, found, findings, about)


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


def _known(fresh: ir.Table | None, remembered: ir.Table | None) -> ir.Table:
    """Every activity once. What was remembered of its address counts: it was nearer to it."""
    pieces = []
    if remembered is not None:
        pieces.append(remembered.select(*KNOWN, sure=ibis.literal(0)))
    if fresh is not None:
        pieces.append(fresh.select(*KNOWN, "sure"))
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
    everybody: ir.Table,
    known: ir.Table,
    now: datetime,
) -> ir.Table:
    present = everybody.group_by("key").agg(**{channel.value: everybody[channel.value].max() for channel in Channel})
    shown = matched.shown.select(canonical="canonical").distinct()
    here = known.semi_join(shown, known.key == shown.canonical)
    here = here.left_join(present, "key").drop("key_right")
    columns = {channel: contact(contract, channel) for channel in Channel}
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
                "key", "column", "platform_text", "truth_text", finding=ibis.literal(finding.value),
                platform="platform", truth="truth", since="moment",
            )
        )  # fmt: skip
    sent = diffed.cells.filter(diffed.cells.pending).select("key", "column")
    return ibis.union(*pieces).anti_join(sent, ["key", "column"])
