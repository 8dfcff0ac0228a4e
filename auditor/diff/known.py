"""What a diff is told beside the two sides: what earlier runs and the ledger know, and the moments of the inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import ibis

from auditor.engine.functions import INSTANT
from auditor.equality import rules
from auditor.model import Kind, Permission, Side
from auditor.settings.contract import Column

if TYPE_CHECKING:
    import ibis.expr.types as ir


@dataclass(frozen=True, slots=True)
class Known:
    """What earlier runs and the ledger know; None where there is nothing, or nobody was asked."""

    base: ir.Table | None
    """`anchor`, and `marks`: a struct of the agreed value's mark per compared column, `b0`, `b1` … (null: none)."""
    base_by_key: bool
    """True where the anchors of `base` are canonical keys, whatever profileIds the platform has."""
    sent: ir.Table | None
    """`key` (as the platform spells it), `column` (null: the whole profile): written after the export's moment."""
    seen: ir.Table | None
    """`key` (canonical): was on the platform in an earlier run."""
    blocked: ir.Table | None
    """`key` (as shown), `column`: a truth cell that must not be sent."""
    ours: ir.Table | None
    """`key` (as the platform spells it), `column`, `platform`, `agreed`: what we left there last that both sides had
    not agreed on, and the mark of what they had then (null: whatever that was)."""


@dataclass(frozen=True, slots=True)
class Moments:
    """The moments that the two inputs show; None where nobody can tell."""

    platform: datetime | None
    truth: datetime | None


def withdrawn_by_us(
    rows: ir.Table, history: ir.Table, seen: ir.Table | None, written: ir.Table, left: ir.Table
) -> ir.Table:
    """Permissions that we were the last to withdraw: key (as the platform spells it), column, platform (what we wrote).

    Not those that a run has seen on since: who turned them off again, we did not. Nor those of profiles that somebody
    has touched since, for a yes and a no may lie between that no run saw. `history` is that of earlier runs, by
    canonical keys, `seen` as `Known.seen`, with profile_id; `written` has our opt-outs and opt-ins: key (as the
    platform spells it), column, kind, after, sent_at; and `left` is as plan.knowledge.LEFT, with such keys. An opt-in
    that an undo took back, and the undo, are in neither: what was before is again.
    """
    newest = ibis.row_number().over(group_by=["key", "column"], order_by=[ibis.desc("sent_at")])
    last = written.mutate(place=newest).filter(ibis._.place == 0, ibis._.kind == Kind.UNSUBSCRIBE.value)
    known = rows.select(canonical="key", shown="platform_text", updated="platform_updated")
    ours = last.join(known, last.key == known.shown)
    as_left = left.select(whose="key", since="since", until="until")
    whole = [ours.key == as_left.whose, ours.sent_at >= as_left.since, ours.updated <= as_left.until]
    ours = ours.semi_join(as_left, whole).select("canonical", "key", "column", "after", "sent_at")
    history = with_former_keys(history, seen, rows)
    on = history.filter(history.side == Side.PLATFORM.value, history.value == Permission.ON.value)
    since = on.select(their="key", theirs="column", seen_at="at")
    again = [ours.canonical == since.their, ours["column"] == since.theirs, since.seen_at > ours.sent_at]
    return ours.anti_join(since, again).select("key", "column", platform="after")


def before_our_opt_ins(rows: ir.Table, history: ir.Table, taken_back: ir.Table) -> ir.Table:
    """The permission history without what runs saw on because of an opt-in that an undo took back. `taken_back` has key
    (as the platform spells it), column, given_at and taken_at.
    """
    known = rows.select(canonical="key", shown="platform_text")
    ours = taken_back.join(known, taken_back.key == known.shown)
    ours = ours.select("given_at", "taken_at", their="canonical", theirs=ours["column"])
    on = (history.side == Side.PLATFORM.value) & (history.value == Permission.ON.value)
    between = history["at"].between(ours.given_at, ours.taken_at)
    return history.anti_join(ours, [history.key == ours.their, history["column"] == ours.theirs, on, between])


def seen_on(rows: ir.Table, history: ir.Table, seen: ir.Table | None, people: ir.Table) -> ir.Table:
    """When runs saw permissions of these `people` on on the platform: key (as the platform spells it), column, at.

    `history` and `seen` as in `withdrawn_by_us`; `people` have `key`, as the platform spells it.
    """
    theirs = rows.semi_join(people, rows.platform_text == people.key).select(canonical="key", shown="platform_text")
    on = with_former_keys(history, seen, rows)
    on = on.filter(on.side == Side.PLATFORM.value, on.value == Permission.ON.value)
    joined = on.join(theirs, on.key == theirs.canonical)
    return joined.select(key=joined.shown, column=joined["column"], at=joined["at"])


def said_by_us(rows: ir.Table, written: ir.Table, as_of: datetime) -> ir.Table:
    """What we made the platform say of permissions, as far as an export of `as_of` can show it: key (canonical),
    column, value, at. `written` as `withdrawn_by_us` takes it, with `effective_at`.
    """
    held = written.filter(written.effective_at <= ibis.literal(as_of, type=INSTANT))
    known = rows.select(canonical="key", shown="platform_text")
    joined = held.join(known, held.key == known.shown)
    taken = ibis.ifelse(joined.after.fill_null("") == "", Permission.EMPTY.value, Permission.OFF.value)
    value = ibis.ifelse(joined.kind == Kind.UNSUBSCRIBE.value, taken, Permission.ON.value)
    return joined.select(key=joined.canonical, column=joined["column"], value=value, at=joined.sent_at)


def agreed_by_us(rows: ir.Table, history: ir.Table, seen: ir.Table | None, written: ir.Table) -> ir.Table:
    """What we wrote and the truth said, so that both sides agreed on it: not the opt-outs that somebody decided on
    while it was on there. `history` and `seen` as in `withdrawn_by_us`; `written` has key (as the platform spells it),
    column, kind, after and sent_at, a row per cell.

    A profile that had other keys has said off under each of them, or nobody knows who said it.
    """
    opt_out = written.kind == Kind.UNSUBSCRIBE.value
    known = rows.select(canonical="key", shown="platform_text")
    ours = written.filter(opt_out)
    ours = ours.join(known, ours.key == known.shown).select("key", "column", "canonical", "sent_at")
    truth = with_former_keys(history.filter(history.side == Side.TRUTH.value).mutate(under="key"), seen, rows)
    truth = truth.select("under", "run", "at", "value", their="key", theirs="column")
    before = [ours.canonical == truth.their, ours["column"] == truth.theirs, truth["at"] <= ours.sent_at]
    newest = ibis.row_number().over(group_by=["key", "column", "under"], order_by=[ibis.desc("at"), ibis.desc("run")])
    last = ours.join(truth, before).mutate(place=newest).filter(ibis._.place == 0)
    said = last.group_by("key", "column").agg(off=(ibis._["value"] == Permission.OFF.value).all())
    said = said.filter(said.off)
    agreed = written.filter(opt_out).semi_join(said, ["key", "column"])
    return written.filter(~opt_out).union(agreed).select("key", "column", "after")


def left_by_us(withdrawn: ir.Table, undone: ir.Table, columns: Sequence[Column], zone: str) -> ir.Table:
    """`Known.ours`: what we withdrew, and what else we took back (key, column, kind, restored, withdrawn) after both
    sides had agreed on it: else the cell is whose it was before. `columns` are those that were taken back.
    """
    undone = undone.filter(undone.column.isin([column.name for column in columns]))
    undone = undone.filter(undone.kind != Kind.UNSUBSCRIBE.value)
    marks = [
        (undone.column == column.name, rules.marked(rules.canonical(undone.withdrawn, column, Side.PLATFORM, zone)))
        for column in columns
    ]
    agreed = ibis.cases(*marks) if marks else ibis.null(str)
    taken_back = undone.select("key", "column", platform="restored", agreed=agreed)
    return withdrawn.mutate(agreed=ibis.null(str)).union(taken_back)


def with_former_keys(history: ir.Table, seen: ir.Table | None, rows: ir.Table) -> ir.Table:
    """The permission history under the keys of now: what runs saw of a profile under another key is found under that of
    now, and no more under the other one.

    Of a profile that is here no more, its key keeps it: it may have been made again. So does what is of nobody known.
    Keys are canonical; `seen` as `Known.seen`, with profile_id, and `rows` those of Matched.
    """
    here = rows.filter(rows.profile_id.notnull(), rows.platform_text.notnull())
    now = here.select(number="profile_id", now="key")
    held = history.filter(history.profile_id.notnull()).select(formerly="key", number="profile_id").distinct()
    moved = held.anti_join(now, [held.formerly == now.now, "number"]).join(now, "number")
    moved = moved.select("formerly", "now", whose="number")
    left = [history.key == moved.formerly, history.profile_id == moved.whose]
    followed = history.join(moved, left).mutate(key=ibis._.now).select(*history.columns)
    stays = history.anti_join(moved, left)
    if seen is None:
        return stays.union(followed)
    before = seen.filter(seen.profile_id.notnull()).select(formerly="key", number="profile_id")
    renamed = now.join(before, "number").filter(ibis._.now != ibis._.formerly).select("now", "formerly")
    theirs = history.join(renamed, history.key == renamed.formerly)
    theirs = theirs.anti_join(now, theirs.profile_id == now.number).mutate(key=ibis._.now)
    return ibis.union(stays, followed, theirs.select(*history.columns))
