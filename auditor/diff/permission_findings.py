"""Permissions seen from both sides and over time: the history's new entries, and the findings.

A finding concerns a profile of the platform and one permission column: whom the platform does not have, it cannot
contact, and of a key that is set apart nobody can say whose permission it is. What a plan may do about a finding is
decided in `auditor.permissions`, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import ibis
import ibis.expr.types as ir

from auditor.diff.diffed import Diffed
from auditor.diff.known import with_former_keys
from auditor.engine.functions import INSTANT
from auditor.engine.protocol import ROW_NUMBER, Engine
from auditor.equality import rules
from auditor.equality.primitives import tidy, trimmed
from auditor.match.join import Matched
from auditor.match.sides import evidence, source_name
from auditor.model import OF_ANOTHER_KEY, Permission, PermissionFinding, Side, Status
from auditor.permissions import SPELLINGS
from auditor.settings.contract import Contract, Polarity


@dataclass(frozen=True, slots=True)
class Permissions:
    """What both sides say of every permission."""

    changes: ir.Table
    """What the history lacks: run, at, side, key (canonical), profile_id, column, value, moment, source."""
    states: ir.Table
    """Every profile of the platform that is not set apart: key (canonical), column, platform, truth (null: it does not
    know the person), platform_text, truth_text, evidence (moment), source, platform_updated.
    """
    findings: ir.Table
    """`audit.PERMISSIONS` with the canonical key, and without the profileId."""


def permissions(
    engine: Engine,
    contract: Contract,
    matched: Matched,
    diffed: Diffed,
    history: ir.Table,
    run: str,
    moments: Mapping[Side, datetime],
    decided: ir.Table,
    created: ir.Table,
    withdrawn: ir.Table,
    written: ir.Table,
    seen: ir.Table | None,
) -> Permissions:
    """Hold the permissions of both sides against each other and against the history.

    `decided` are opt-ins that a person decided and we wrote: key (as the platform spells it), column, sent_at.
    `created` are profiles that we created: key, likewise, and profile_id (may be null). `withdrawn` as
    `known.withdrawn_by_us`, `written` as `known.said_by_us`, `seen` as `Known.seen`, with profile_id.
    """
    said = {side: engine.keep(_states(contract, matched, side), f"{side.value}_permissions") for side in Side}
    # No run needs to have seen what we wrote: whoever said otherwise has said so since.
    unknown = {"profile_id": ibis.null(str), "source": ibis.null(str)}
    nothing = {"run": ibis.literal(""), "moment": ibis.null(INSTANT), **unknown}
    own = written.mutate(side=ibis.literal(Side.PLATFORM.value), **nothing).select(*history.columns)
    changes = engine.keep(_changes(said, matched.rows, history, own, run, moments), "permission_changes")
    states = engine.keep(_both_states(said), "permission_states")
    engine.drop(*said.values())
    past = engine.keep(with_former_keys(history, seen, matched.rows).union(own), "permission_past")
    facts = _facts(contract, matched, diffed, states, past, moments, decided, created, withdrawn)
    findings = engine.keep(_findings(contract, diffed, facts), "permission_findings")
    engine.drop(past)
    return Permissions(changes, states, findings)


def evidence_of_differences(diffed: Diffed, permissions: Permissions) -> ir.Table:
    """What the truth says of the permission cells that differ: key as shown, column, date, source."""
    joined = diffed.cells.select("key", "key_text", "column").join(permissions.states, ["key", "column"])
    return joined.select(key=joined.key_text, column=joined["column"], date=joined.evidence, source=joined.source)


def without_consent(contract: Contract, diffed: Diffed, permissions: Permissions) -> ir.Table:
    """Profiles that differ in a permission while a general one is off, as `permissions.withheld`: key as shown."""
    on, off = Permission.ON.value, Permission.OFF.value
    general = [column.name for column in contract.permissions if column.general]
    said = permissions.states.filter(permissions.states["column"].isin([*general, ""]))
    truth = said.truth.fill_null(Permission.EMPTY.value)
    withheld = said.filter((truth == off) | ((said.platform == off) & (truth != on))).select("key").distinct()
    named = [column.name for column in contract.permissions]
    cells = diffed.cells.filter(diffed.cells["column"].isin([*named, ""])).select("key", "key_text")
    return cells.join(withheld, "key").select(key=ibis._.key_text).distinct()


def known_history(
    diffed: Diffed,
    rows: ir.Table,
    permissions: Permissions,
    run: str,
    history: ir.Table,
    seen: ir.Table | None,
    names: ir.Table,
    remembered: ir.Table | None,
    said_no: ir.Table | None,
    written: ir.Table | None,
) -> ir.Table:
    """The permission history, this run's changes included, of profiles that are not equal: keys as shown.

    A profile that had another key in an earlier run has what was said under that key as well, as `with_former_keys`
    finds it by `rows` and `seen`. What another profile withdrew under the same key bounds what may be given no less.
    Nor does what was withdrawn under any key that shares an identifier: `names` has those of this run, as `identifiers`
    gives them, and `remembered` those of earlier ones (key, name); nor a no to all messages there, as
    `state.memory.said_no` gives it, nor what we have withdrawn there ourselves, as `written` (key, column, at). The
    last of it is a row of its own, whose side is "other".
    """
    columns = ("run", "at", "side", "key", "column", "value")
    everything = history.select(*columns, "profile_id").union(permissions.changes.select(*columns, "profile_id"))
    own = diffed.profiles.select(canonical="canonical", shown="key", number="profile_id")
    followed = with_former_keys(everything, seen, rows)
    said = followed.join(own, followed.key == own.canonical)
    # An opt-out of each of two profiles is no repetition: that of the other one is among the bounds.
    another = (said.profile_id != said.number).fill_null(False) & (said["value"] == Permission.OFF.value)
    said = said.filter(~another).mutate(key=ibis._.shown).select(*columns)

    profiles = own
    if seen is not None:
        now = diffed.profiles.filter(diffed.profiles.profile_id.notnull())
        formerly = seen.filter(seen.profile_id.notnull()).join(
            now, seen.profile_id == now.profile_id, rname="now_{name}"
        )
        whose = {"shown": formerly.now_key, "number": formerly.profile_id}
        profiles = profiles.union(formerly.select(canonical=formerly.key, **whose), distinct=True)
    here = names.filter(names.side == Side.PLATFORM.value).select("name", theirs="key")
    known = here if remembered is None else here.union(remembered.select("name", theirs="key"), distinct=True)
    mine = own.join(names.select("key", "name"), own.canonical == names.key).select("canonical", "shown", "name")
    others = mine.join(known, "name").filter(ibis._.canonical != ibis._.theirs).select("shown", "theirs").distinct()
    off = everything.filter(everything.value == Permission.OFF.value)
    before = off.join(profiles, off.key == profiles.canonical).filter(ibis._.profile_id != ibis._.number)
    before = before.select("shown", "column", "at")
    off = off.select("at", "key", "column")
    if said_no is not None:
        every = permissions.states.select("column").distinct()
        off = off.union(said_no.cross_join(every).select("at", "key", "column"))
    if written is not None:
        off = off.union(written.select("at", "key", "column"))
    withdrawn = off.join(others, off.key == others.theirs).select("shown", "column", "at").union(before)
    last = withdrawn.group_by(key=withdrawn.shown, column=withdrawn["column"]).agg(at=withdrawn["at"].max())
    bounds = last.mutate(
        run=ibis.literal(run), side=ibis.literal(OF_ANOTHER_KEY), value=ibis.literal(Permission.OFF.value)
    )
    return said.union(bounds.select(*columns))


def _states(contract: Contract, matched: Matched, side: Side) -> ir.Table:
    """One row per permission column and key in the population of a side: key, column, value, text, moment, source."""
    inside, raw, zone = matched.inside(side), matched.raw[side], contract.timezone.key
    named = inside.select(**{f"{_OWN}{name}": inside[name] for name in ("key", "row", "moment")})
    joined = named.join(raw, named[f"{_OWN}row"] == raw[ROW_NUMBER])
    cells = []
    for column in contract.permissions:
        text = joined[source_name(column, side)]
        if side is Side.PLATFORM:
            said, moment, source = text, joined[f"{_OWN}moment"], ibis.null(str)
        else:
            said, (moment, source) = rules.sent(text, column, zone), evidence(joined, column, zone)
        cells.append({"column": ibis.literal(column.name), "text": said, "moment": moment, "source": source})
    nothing = dict.fromkeys(("column", "text", "source"), ibis.null(str)) | {"moment": ibis.null(INSTANT)}
    # Not a union of a query per column: each would hold the text of all columns.
    listed = ibis.array([ibis.struct(cell) for cell in cells or [nothing]])
    rows = joined.select(key=joined[f"{_OWN}key"], cell=listed.unnest()).unpack("cell")
    rows = rows if cells else rows.limit(0)
    spelt = {
        one: [c.name for c in contract.permissions if (c.permission or Polarity.OPT_IN) is one] for one in Polarity
    }
    value = ibis.cases(*((rows["column"].isin([*names, ""]), says(rows.text, one)) for one, names in spelt.items()))
    return rows.select("key", "column", "text", "moment", "source", value=value)


_OWN = "auditor:own_"
"""Prefix of what is known of a row beside the columns of its file."""


def says(text: ir.StringValue, polarity: Polarity) -> ir.StringValue:
    """Whether a text of the platform lets somebody be contacted: `permissions.state`, as an expression."""
    word = trimmed(text).lower()
    spelt = [(word.isin(words), said.value) for said, words in SPELLINGS[polarity].items()]
    return ibis.cases(*spelt, else_=Permission.EMPTY.value)


def _changes(
    said: Mapping[Side, ir.Table],
    rows: ir.Table,
    past: ir.Table,
    own: ir.Table,
    run: str,
    moments: Mapping[Side, datetime],
) -> ir.Table:
    """What each side says now and did not say when the history saw it last, or we have written otherwise since, or said
    of another profile with the same key.
    """
    holders = rows.filter(rows.platform_text.notnull()).select("key", "profile_id")

    def last(known: ir.Table, side: Side, prefix: str) -> ir.Table:
        # An input may be older than what is known already: it is told apart from what was known at its own moment.
        known = known.filter(known.side == side.value, known["at"] <= ibis.literal(moments[side], type=INSTANT))
        newest = ibis.row_number().over(group_by=["key", "column"], order_by=[ibis.desc("at"), ibis.desc("run")])
        found = known.mutate(place=newest).filter(ibis._.place == 0)
        named = {prefix: ibis._["value"], f"{prefix}_at": ibis._["at"], f"{prefix}_of": ibis._.profile_id}
        return found.select("key", "column", **named)

    pieces = []
    for side in Side:
        at = ibis.literal(moments[side], type=INSTANT)
        joined = said[side].left_join(last(past, side, "was"), ["key", "column"]).drop("key_right", "column_right")
        joined = joined.left_join(last(own, side, "wrote"), ["key", "column"]).drop("key_right", "column_right")
        joined = joined.left_join(holders, "key").drop("key_right")
        another = (joined.was_of != joined.profile_id).fill_null(False) & (joined.value != Permission.EMPTY.value)
        since = (joined.wrote_at > joined.was_at).fill_null(joined.wrote_at.notnull())
        changed = joined.filter(
            (joined.value != joined.was.fill_null(Permission.EMPTY.value))
            | (since & (joined.value != joined.wrote))
            | another
        )
        pieces.append(
            changed.select(
                run=ibis.literal(run),
                at=at,
                side=ibis.literal(side.value),
                key=changed.key,
                profile_id=changed.profile_id,
                column=changed["column"],
                value=changed.value,
                moment=changed.moment,
                source=changed.source,
            )
        )
    return pieces[0].union(pieces[1])


def _both_states(said: Mapping[Side, ir.Table]) -> ir.Table:
    truth = said[Side.TRUTH].rename(truth="value", truth_text="text", evidence="moment", evidence_source="source")
    both = said[Side.PLATFORM].left_join(truth, ["key", "column"])
    return both.select(
        key=both.key,
        column=both["column"],
        platform=both.value,
        truth=both.truth,
        platform_text=both.text,
        truth_text=both.truth_text,
        evidence=both.evidence,
        source=both.evidence_source,
        platform_updated=both.moment,
    )


def _facts(
    contract: Contract,
    matched: Matched,
    diffed: Diffed,
    states: ir.Table,
    history: ir.Table,
    moments: Mapping[Side, datetime],
    decided: ir.Table,
    created: ir.Table,
    withdrawn: ir.Table,
) -> ir.Table:
    """The states, and beside each what else a finding depends on."""
    seen = states
    ours = _created_without(diffed, states, history, created).union(_withdrawn_by_us(matched, withdrawn)).distinct()
    for known in (_seen_off(history, moments), _decided(matched, decided), ours):
        seen = seen.left_join(known, ["key", "column"]).drop("key_right", "column_right")
    seen = seen.left_join(_withdrawn(states, contract), "key").drop("key_right")
    marks = {"unreachable": without_contact(contract, matched), "on_its_way": _on_its_way(diffed)}
    for name, keys in marks.items():
        marked = keys.distinct().mutate(**{name: ibis.literal(True)})
        seen = seen.left_join(marked, "key").drop("key_right").mutate(**{name: ibis._[name].fill_null(False)})
    return seen


def _findings(contract: Contract, diffed: Diffed, facts: ir.Table) -> ir.Table:
    on, off = Permission.ON.value, Permission.OFF.value
    here, there = facts.platform == on, facts.truth.fill_null(Permission.EMPTY.value)
    general = facts["column"].isin([*(column.name for column in contract.permissions if column.general), ""])
    evidenced = facts["column"].isin([*(column.name for column in contract.permissions if column.evidence_date), ""])
    # Not to have refused is no permission to be of any use.
    given = facts["column"].isin([*(c.name for c in contract.permissions if c.permission is Polarity.OPT_IN), ""])
    # A truth that is still off has turned nothing on again.
    off_before = ibis.greatest(facts.off_platform, ibis.ifelse(there == off, ibis.null(INSTANT), facts.off_truth))
    on_again = off_before.notnull() & (facts.decided.isnull() | (facts.decided < off_before))
    never = ibis.null(INSTANT)
    conditions: dict[PermissionFinding, tuple[ir.BooleanValue, ir.TimestampValue]] = {
        PermissionFinding.OPTED_OUT_IN_TRUTH: (here & (there == off), facts.evidence),
        PermissionFinding.OPTED_OUT_ON_PLATFORM: (
            (facts.platform == off) & (there == on) & ~facts.ours.fill_null(False),
            facts.platform_updated,
        ),
        PermissionFinding.CONTACTABLE_AGAIN: (here & on_again, off_before),
        PermissionFinding.AGAINST_CONSENT: (here & facts.withdrawn.fill_null(False) & ~general, facts.withdrawn_at),
        PermissionFinding.WITHOUT_EVIDENCE: (
            ((there == on) | (here & (there != off))) & facts.evidence.isnull() & evidenced & ~facts.on_its_way,
            never,
        ),
        PermissionFinding.WITHOUT_CONTACT: (here & facts.unreachable & given, never),
    }
    # Not a union of a query per finding: each would put all facts together anew.
    listed = ibis.array(
        [
            ibis.struct({"finding": finding.value, "since": since, "fits": fits.fill_null(False)})
            for finding, (fits, since) in conditions.items()
        ]
    )
    found = facts.select(
        "key", "column", "platform_text", "truth_text", "platform", "truth",
        one=listed.filter(lambda one: one["fits"]).unnest(),
    ).unpack("one")  # fmt: skip
    found = found.select("key", "column", "platform_text", "truth_text", "finding", "platform", "truth", "since")
    sent = diffed.cells.filter(diffed.cells.pending).select("key", "column")
    return found.anti_join(sent, ["key", "column"])


def _seen_off(past: ir.Table, moments: Mapping[Side, datetime]) -> ir.Table:
    """When each side was last seen off before: key, column, off_platform, off_truth.

    What a side said after the moment that it shows now comes later, not before.
    """
    off = past.filter(past.value == Permission.OFF.value)
    last = {
        f"off_{side.value}": off["at"].max(
            where=(off.side == side.value) & (off["at"] <= ibis.literal(at, type=INSTANT))
        )
        for side, at in moments.items()
    }
    return off.group_by("key", "column").agg(**last)


def _decided(matched: Matched, opt_ins: ir.Table) -> ir.Table:
    """When a person's opt-in was last written: key (canonical), column, decided."""
    known = matched.rows.select(canonical="key", shown="platform_text")
    joined = opt_ins.join(known, opt_ins.key == known.shown)
    return joined.group_by(key=joined.canonical, column=joined["column"]).agg(decided=joined.sent_at.max())


def _created_without(diffed: Diffed, states: ir.Table, past: ir.Table, created: ir.Table) -> ir.Table:
    """Permissions that no run saw on of profiles that we created: key (canonical), column, ours (true)."""
    here = diffed.profiles.select("canonical", shown="key", now="profile_id")
    ours = here.join(created, here.shown == created.key)
    ours = ours.filter((ours.now == ours.profile_id).fill_null(True)).select(key=ours.canonical)
    seen_on = past.filter(past.side == Side.PLATFORM.value, past.value == Permission.ON.value)
    without = states.semi_join(ours, "key").anti_join(seen_on, ["key", "column"])
    return without.select("key", "column", ours=ibis.literal(True))


def _withdrawn_by_us(matched: Matched, withdrawn: ir.Table) -> ir.Table:
    """Permissions that are off because we withdrew them: key (canonical), column, ours (true)."""
    known = matched.rows.select(canonical="key", shown="platform_text")
    joined = withdrawn.join(known, withdrawn.key == known.shown)
    return joined.select(key=joined.canonical, column=joined["column"], ours=ibis.literal(True))


def _withdrawn(states: ir.Table, contract: Contract) -> ir.Table:
    """Who has a general permission that is off, on whichever side: key, withdrawn, withdrawn_at (may be null)."""
    off = Permission.OFF.value
    general = [column.name for column in contract.permissions if column.general]
    refused = states.filter(states["column"].isin([*general, ""]))
    in_truth = (refused.truth == off).fill_null(False)
    refused = refused.filter(in_truth | (refused.platform == off))
    since = ibis.ifelse((refused.truth == off).fill_null(False), refused.evidence, refused.platform_updated)
    return refused.group_by("key").agg(withdrawn=refused.count() > 0, withdrawn_at=since.min())


def without_contact(contract: Contract, matched: Matched) -> ir.Table:
    """Profiles of the platform whose every address and number is blank: key; none where none of them is mapped."""
    rows, raw = matched.rows, matched.raw[Side.PLATFORM]
    blank = [tidy(raw[column.header]).fill_null("") == "" for column in contract.contacts]
    without = raw.filter(*blank) if blank else raw.limit(0)
    return rows.semi_join(without, rows.platform_row == without[ROW_NUMBER]).select("key")


def _on_its_way(diffed: Diffed) -> ir.Table:
    """Profiles that only the platform has and that the truth may still hear of: key."""
    profiles = diffed.profiles
    return profiles.filter(profiles.status == Status.ORPHAN.value, profiles.waiting).select(key=profiles.canonical)
