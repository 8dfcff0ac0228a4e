"""One row per key that is not equal, with its one status."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from auditor.diff.cells import flagged, younger
from auditor.diff.known import Known, Moments
from auditor.engine.functions import hashed
from auditor.engine.protocol import Engine, count
from auditor.match.join import Matched, matched_by
from auditor.model import Side, Status
from auditor.settings.contract import Contract

CELLS_AT_ONCE = 2_000_000
"""Of so many differing cells their profiles are told at once: lists that grow cannot be laid aside on disk."""


def not_equal(
    engine: Engine, contract: Contract, matched: Matched, cells: ir.Table, known: Known, moments: Moments
) -> ir.Table:
    """A row per key that is not equal, in the columns of `audit.PROFILES`, and the canonical key as `canonical`."""
    missing, orphans = matched.alone(Side.TRUTH), matched.alone(Side.PLATFORM)
    late = younger(missing.truth_updated, moments.platform, contract)
    early = younger(orphans.platform_updated, moments.truth, contract)
    found = [
        _changed(engine, matched, cells),
        _alone(missing, Status.MISSING, waiting=late),
        _alone(orphans, Status.ORPHAN, waiting=early),
    ]
    if matched.duplicates is not None:
        found.append(_twice(matched, matched.duplicates))
    profiles = engine.keep(ibis.union(*found), "profiles")
    if known.seen is not None:
        seen = known.seen.select("key").distinct()
        missing_now = profiles.status == Status.MISSING.value
        profiles = flagged(profiles, seen, "gone", [profiles.canonical == seen.key], among=missing_now)
        profiles = engine.keep(profiles, "profiles")
    if known.sent is not None:
        whole = known.sent.filter(known.sent.column.isnull()).select("key").distinct()
        absent_now = profiles.status.isin([Status.MISSING.value, Status.ORPHAN.value])
        profiles = flagged(profiles, whole, "pending", [profiles.key == whole.key], among=absent_now)
        profiles = engine.keep(profiles, "profiles")
    return profiles


def _changed(engine: Engine, matched: Matched, cells: ir.Table) -> ir.Table:
    """The profiles that both sides have and that have a differing cell."""
    joined = matched.with_label(_per_profile(engine, cells).join(matched.rows, "key"))
    return joined.select(
        canonical=joined.key,
        key=joined.platform_text,
        platform_key=joined.platform_text,
        truth_key=joined.truth_text,
        profile_id=joined.profile_id,
        status=ibis.ifelse(joined.any_conflict, Status.CONFLICTING.value, Status.STALE.value),
        moved=ibis.ifelse(joined.moved == joined.last_moved, joined.moved, ibis.null(str)),
        waiting=joined.waiting & ~joined.any_conflict,
        gone=ibis.literal(False),
        pending=joined.pending,
        columns=joined["columns"].sort(),  # the attribute would be the names of the table
        matched_by=matched_by(joined),
        platform_rows=_rows(1),
        truth_rows=_rows(1),
    )


def _twice(matched: Matched, duplicates: ir.Table) -> ir.Table:
    """The keys that are set apart."""
    labelled = matched.with_label(duplicates)
    return labelled.select(
        canonical=labelled.key,
        key=ibis.coalesce(labelled.platform_text, labelled.truth_text),
        platform_key=labelled.platform_text,
        truth_key=labelled.truth_text,
        profile_id=labelled.profile_id,
        status=ibis.literal(Status.DUPLICATE.value),
        moved=ibis.null(str),
        waiting=ibis.literal(False),
        gone=ibis.literal(False),
        pending=ibis.literal(False),
        columns=_no_columns(),
        matched_by=ibis.ifelse(labelled.ambiguous.fill_null(False), labelled.matched_by, ibis.null(str)),
        platform_rows=labelled.platform_rows.cast("int64"),
        truth_rows=labelled.truth_rows.cast("int64"),
    )


def _per_profile(engine: Engine, cells: ir.Table) -> ir.Table:
    """What the differing cells of each key come to."""
    parts = count(engine, cells) // CELLS_AT_ONCE + 1
    found = []
    for part in range(parts):
        some = cells if parts == 1 else cells.filter((hashed(cells.key) & 0xFFFF) % parts == part)
        differing = some.group_by("key").agg(
            any_conflict=(some.status == Status.CONFLICTING.value).any(),
            moved=some.moved.min(),
            last_moved=some.moved.max(),
            waiting=(some.waiting | some.pending).all() & some.waiting.any(),
            pending=some.pending.all(),
            columns=some.column.collect(),
        )
        found.append(differing if parts == 1 else engine.keep(differing, "differing_profiles"))
    return ibis.union(*found) if parts > 1 else found[0]


def _alone(rows: ir.Table, status: Status, *, waiting: ir.BooleanValue) -> ir.Table:
    """The profiles that one side alone has."""
    on_platform = status is Status.ORPHAN
    return rows.select(
        canonical=rows.key,
        key=ibis.coalesce(rows.platform_text, rows.truth_text),
        platform_key=rows.platform_text,
        truth_key=rows.truth_text,
        profile_id=rows.profile_id,
        status=ibis.literal(status.value),
        moved=ibis.null(str),
        waiting=waiting,
        gone=ibis.literal(False),
        pending=ibis.literal(False),
        columns=_no_columns(),
        matched_by=ibis.null(str),
        platform_rows=_rows(int(on_platform)),
        truth_rows=_rows(int(not on_platform)),
    )


def _no_columns() -> ir.ArrayValue:
    return ibis.null("array<string>")


def _rows(number: int) -> ir.IntegerValue:
    """A number of rows, with its type said as well: DuckDB takes `1` for 32 bits, whatever Ibis takes it for."""
    return ibis.literal(number).cast("int64")
