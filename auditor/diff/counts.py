"""The numbers of a diff: every row of an input, and every key, is counted exactly once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ibis.expr.types as ir

from auditor.engine.protocol import Engine
from auditor.findings.audit import KEY
from auditor.match.join import Matched, matched_by
from auditor.model import Side, Status
from auditor.settings.contract import Contract


@dataclass(frozen=True)
class DiffCounts:
    """What a diff came to, in numbers; `rows` by the names of `audit.Counts`."""

    rows: Mapping[str, int]
    profiles: Mapping[Status, int]
    waiting: int
    pending: int
    gone: int
    kept: Mapping[str, int]
    formats: Mapping[str, int]
    matched_by: Mapping[str, int]
    """As in `audit.PROFILES`, of all keys that both sides have and of those that are set apart as ambiguous."""


def counted(
    engine: Engine,
    contract: Contract,
    matched: Matched,
    unlike: ir.Table,
    profiles: ir.Table,
    rejected: Mapping[Side, int],
) -> DiffCounts:
    """Count what was matched and compared; `rejected` counts unreadable rows per side."""
    rows: dict[str, int] = {}
    for side in Side:
        rows |= _rows(engine, matched, side, rejected.get(side, 0))
    how = _how_matched(engine, matched, rows)
    unsure = profiles.filter(profiles.status == Status.DUPLICATE.value, profiles.matched_by.notnull())
    set_apart = dict(engine.rows(unsure.group_by("matched_by").agg(n=unsure.count())))
    per_status = dict(engine.rows(profiles.group_by("status").agg(n=profiles.count())))
    counts = {status: int(per_status.get(status.value, 0)) for status in Status}
    counts[Status.EQUAL] = sum(how.values()) - counts[Status.STALE] - counts[Status.CONFLICTING]
    flags = profiles.agg(
        waiting=profiles.waiting.sum().fill_null(0),
        pending=(profiles.pending & ~profiles.waiting).sum().fill_null(0),
        gone=profiles.gone.sum().fill_null(0),
    )
    [(waiting, pending, gone)] = engine.rows(flags)
    kept, formats = _kept_and_formats(engine, contract, unlike)
    matched_by_key = dict(sorted((how | set_apart).items()))
    return DiffCounts(rows, counts, int(waiting), int(pending), int(gone), kept, formats, matched_by_key)


def _rows(engine: Engine, matched: Matched, side: Side, rejected: int) -> dict[str, int]:
    """The rows of a side, and those of them that were not compared, by why."""
    keys = matched.keys[side]
    out = ~keys.included
    if matched.excluded is not None:
        apart = matched.excluded.select(apart="key")
        keys = keys.left_join(apart, keys.key == apart.apart)
        out = ~keys.included | keys.apart.notnull()
    counted = keys.agg(
        total=keys.count(),
        excluded=out.fill_null(False).sum().fill_null(0),
        null_key=(keys.key.isnull() & keys.included).sum().fill_null(0),
    )
    [(total, excluded, null_key)] = engine.rows(counted)
    twice = 0
    if matched.duplicates is not None:
        rows = matched.duplicates[f"{side.value}_rows"].sum().fill_null(0)
        [(twice,)] = engine.rows(rows.name("rows").as_table())
    return {
        side.value: int(total) + rejected,
        f"{side.value}_rejected": rejected,
        f"{side.value}_null_key": int(null_key),
        f"{side.value}_duplicate": int(twice),
        f"{side.value}_excluded": int(excluded),
    }


def _how_matched(engine: Engine, matched: Matched, rows: Mapping[str, int]) -> dict[str, int]:
    """By which key the profiles that both sides have were matched; what the matched rows lack was by the key."""
    [(found,)] = engine.rows(matched.rows.platform_row.count().name("found").as_table())
    set_apart = ("rejected", "null_key", "duplicate", "excluded")
    left_out = rows["platform"] - sum(rows[f"platform_{name}"] for name in set_apart) - found
    both = matched.with_label(matched.both).mutate(matched_by=matched_by)
    how = {str(name): int(number) for name, number in engine.rows(both.group_by("matched_by").agg(n=both.count()))}
    if left_out:
        how[KEY] = how.get(KEY, 0) + left_out
    return how


def _kept_and_formats(engine: Engine, contract: Contract, unlike: ir.Table) -> tuple[dict[str, int], dict[str, int]]:
    """Per column: cells left as they are for the truth is empty, and cells equal by rule but not letter by letter."""
    counted = unlike.group_by("column").agg(kept=unlike.kept.sum(), formats=unlike.respelt.sum())
    found = {column: (int(kept), int(formats)) for column, kept, formats in engine.rows(counted)}
    numbers = [(column.name, *found.get(column.name, (0, 0))) for column in contract.compared]
    kept = {name: number for name, number, _ in numbers if number}
    return kept, {name: number for name, _, number in numbers if number}
