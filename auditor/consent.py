"""Permissions seen from both sides and over time: the history's new entries, and the findings.

A finding concerns a profile that both sides have, and one permission column. What a plan may do about it is decided in
`auditor.permissions`, and nowhere else.
"""

from __future__ import annotations

from datetime import datetime

import ibis
import ibis.expr.types as ir

from auditor import primitives, rules
from auditor.contract import Column, Contract, Polarity
from auditor.engine import Engine
from auditor.match import RAW, source_name
from auditor.model import Permission, PermissionFinding, Side


def permissions(engine: Engine, contract: Contract, history: str, run: str, moments: dict[Side, datetime]) -> None:
    """Create `permission_changes`, `permission_states` and `permission_findings`; `match` has run.

    permission_changes: run, at, side, key (canonical), column, value, moment, source: what the history lacks.
    permission_states: key (canonical), column, platform, truth, evidence (moment), source: matched profiles.
    permission_findings: audit.PERMISSIONS with the canonical key.
    """
    for side in Side:
        engine.create(f"{side.value}_permissions", _states(engine, contract, side))
    _changes(engine, history, run, moments)
    _matched_states(engine)
    _findings(engine, contract, history)


def _states(engine: Engine, contract: Contract, side: Side) -> ir.Table:
    """One row per key in the population and permission column of a side, with what it says."""
    keys = engine.table(f"{side.value}_keys")
    inside = keys.filter(keys.included & keys.key.notnull())
    inside = inside.anti_join(engine.table("duplicate_keys"), "key").anti_join(engine.table("excluded"), "key")
    raw = engine.table(RAW[side])
    joined = inside.join(raw, inside.row == raw["file_row_number"], rname="raw_{name}")
    pieces = [_state(joined, raw, column, contract, side) for column in contract.permissions]
    if not pieces:
        nobody = Column("", raw.columns[0], raw.columns[0], permission=Polarity.OPT_IN)
        pieces = [_state(joined.limit(0), raw, nobody, contract, side)]
    return ibis.union(pieces[0], *pieces[1:]) if len(pieces) > 1 else pieces[0]


def _state(joined: ir.Table, raw: ir.Table, column: Column, contract: Contract, side: Side) -> ir.Table:
    zone = contract.timezone.key

    def cell(name: str) -> ir.StringValue:
        return joined[f"raw_{name}" if f"raw_{name}" in joined.columns and name in raw.columns else name]

    says = rules.canonical(cell(source_name(column, side)), column, side, zone)
    on = "true" if column.permission is Polarity.OPT_IN else "false"
    off = "false" if column.permission is Polarity.OPT_IN else "true"
    value = ibis.cases(
        (says == on, Permission.ON.value), (says == off, Permission.OFF.value), else_=Permission.EMPTY.value
    )
    moment, source = joined.moment, ibis.null(str)
    if side is Side.TRUTH:
        moment = ibis.null("timestamp('UTC')")
        if column.evidence_date:
            moment = primitives.instant(cell(column.evidence_date), None, zone)
        if column.evidence_source:
            source = primitives.blank_to_null(cell(column.evidence_source))
    return joined.select(key=joined.key, column=ibis.literal(column.name), value=value, moment=moment, source=source)


def _changes(engine: Engine, history: str, run: str, moments: dict[Side, datetime]) -> None:
    past = engine.table(history)
    last = past.group_by("side", "key", "column").agg(value=past.value.argmax(past["at"]))
    pieces = []
    for side in Side:
        now = engine.table(f"{side.value}_permissions")
        before = last.filter(last.side == side.value).select("key", "column", was=last.value)
        joined = now.left_join(before, ["key", "column"])
        was = joined.was.fill_null(Permission.EMPTY.value)
        changed = joined.filter(joined.value != was)
        at = ibis.literal(moments[side], type="timestamp('UTC')")
        pieces.append(
            changed.select(
                run=ibis.literal(run),
                at=at,
                side=ibis.literal(side.value),
                key=changed.key,
                column=changed["column"],
                value=changed.value,
                moment=changed.moment,
                source=changed.source,
            )
        )
    engine.create("permission_changes", pieces[0].union(pieces[1]))


def _matched_states(engine: Engine) -> None:
    platform = engine.table("platform_permissions")
    truth = engine.table("truth_permissions").rename(truth="value", evidence="moment", evidence_source="source")
    both = platform.join(truth, ["key", "column"])
    engine.create(
        "permission_states",
        both.select(
            key=both.key,
            column=both["column"],
            platform=both.value,
            truth=both.truth,
            evidence=both.evidence,
            source=both.evidence_source,
            platform_updated=both.moment,
        ),
    )


def _findings(engine: Engine, contract: Contract, history: str) -> None:
    states, past = engine.table("permission_states"), engine.table(history)
    off_before = past.filter(past.value == Permission.OFF.value)
    off_before = off_before.group_by("key", "column").agg(since=off_before["at"].max())
    joined = engine.create(
        "permission_past", states.left_join(off_before, ["key", "column"]).drop("key_right", "column_right")
    )
    on, off = Permission.ON.value, Permission.OFF.value
    with_evidence = [column.name for column in contract.permissions if column.evidence_date]
    given_again = (joined.evidence > joined.since).fill_null(False)
    conditions = {
        PermissionFinding.OPTED_OUT_IN_TRUTH: (joined.platform == on) & (joined.truth == off),
        PermissionFinding.OPTED_OUT_ON_PLATFORM: (joined.platform == off) & (joined.truth == on),
        PermissionFinding.CONTACTABLE_AGAIN: (joined.platform == on) & joined.since.notnull() & ~given_again,
        PermissionFinding.WITHOUT_EVIDENCE: (
            (joined.truth == on) & joined.evidence.isnull() & joined["column"].isin([*with_evidence, ""])
        ),
    }
    since = {
        PermissionFinding.CONTACTABLE_AGAIN: joined.since,
        PermissionFinding.OPTED_OUT_IN_TRUTH: joined.evidence,
        PermissionFinding.OPTED_OUT_ON_PLATFORM: joined.platform_updated,
        PermissionFinding.WITHOUT_EVIDENCE: ibis.null("timestamp('UTC')"),
    }
    pieces = [
        joined.filter(condition).select(
            "key",
            "column",
            finding=ibis.literal(finding.value),
            platform="platform",
            truth="truth",
            since=since[finding],
        )
        for finding, condition in conditions.items()
    ]
    engine.create("permission_findings", ibis.union(*pieces))
