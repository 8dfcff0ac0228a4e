"""The diff: every key gets exactly one status, every differing cell a status of its own and who moved it.

Values are looked at only where matched rows have different hashes:

    pairs     full rows of matched keys whose hashes differ, with canonical forms and agreed values
    cells     one row per differing cell, three-way status, flags
    profiles  one row per key that is not equal

Everything is an Ibis expression on the run's DuckDB connection. Tables are addressed by position-coded column names
(`p0`, `t0` …), so no name in an input can collide with one of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import ibis
import ibis.expr.types as ir

from auditor import primitives, rules
from auditor.contract import Blank, Column, Contract
from auditor.engine import Engine
from auditor.match import RAW, anchor, exists, matched_by, source_name
from auditor.model import Moved, Side, Status


@dataclass(frozen=True, slots=True)
class Known:
    """What earlier runs and the ledger know, as names of tables on the connection; None where there is nothing."""

    base: str | None = None
    """`anchor`, and `marks`: a struct of the agreed value's mark per compared column, `b0`, `b1` … (null: none)."""
    base_by_key: bool = False
    """True where the anchors of `base` are canonical keys, whatever profileIds the platform has."""
    sent: str | None = None
    """`key` (as the platform spells it), `column` (null: the whole profile): written after the export's moment."""
    seen: str | None = None
    """`key` (canonical): was on the platform in an earlier run."""
    blocked: str | None = None
    """`key` (as shown), `column`: a truth cell that must not be sent."""


@dataclass(frozen=True, slots=True)
class Moments:
    """The moments that the two inputs show; None where nobody can tell."""

    platform: datetime | None = None
    truth: datetime | None = None


@dataclass(frozen=True)
class Diff:
    """Counts of a diff; its tables `matched`, `pairs`, `cells` and `profiles` are on the connection."""

    rows: Mapping[str, int]
    profiles: Mapping[Status, int]
    waiting: int
    pending: int
    gone: int
    kept: Mapping[str, int] = field(default_factory=dict)
    formats: Mapping[str, int] = field(default_factory=dict)
    matched_by: Mapping[str, int] = field(default_factory=dict)
    """As in `audit.PROFILES`, of all keys that both sides have and of those that are set apart as ambiguous."""


def diff(engine: Engine, contract: Contract, known: Known, moments: Moments, rejected: Mapping[Side, int]) -> Diff:
    """Compare the two landed sides; `match` has run. `rejected` counts unreadable rows per side.

    Creates `pairs`, `cells` and `profiles`, and gives the counts.
    """
    _fetch(engine, contract, known)
    _cells(engine, contract, known, moments)
    _profiles(engine, contract, known, moments)
    return _count(engine, contract, known, rejected)


def _fetch(engine: Engine, contract: Contract, known: Known) -> None:
    """Create the view `pairs`: the full rows of matched keys whose hashes differ.

    Per compared column n: `p{n}` raw, `t{n}` sent form, `pc{n}` and `tc{n}` canonical, `b{n}` the agreed mark,
    `same{n}` equal by rule, `kept{n}` empty in the truth and left as it is. Only the raw cells are kept, in the table
    `fetched`; to write down the others as well takes several times longer than to find them out again.
    """
    matched = engine.table("matched")
    pairs = engine.create("differing", matched.filter(~matched.same).drop("same"))
    for side in Side:
        pairs = pairs.join(_rows(engine, contract, side), f"{side.value}_row")
    if known.base is not None:
        base = engine.table(known.base)
        own = pairs.key if known.base_by_key else anchor(pairs)
        pairs = pairs.left_join(base, own == base.anchor).drop("anchor")
    pairs = engine.create("fetched", pairs)
    packed = [name for name in ("platform", "truth", "marks") if name in pairs.columns]
    forms = {
        f"{name}{position}": value
        for position, column in enumerate(contract.compared)
        for name, value in _forms(pairs, contract, known, position, column).items()
    }
    engine.name("forms", pairs.mutate(**forms).drop(*packed))
    pairs = engine.table("forms")
    judged: dict[str, ir.Value] = {}
    for position, column in enumerate(contract.compared):
        platform, truth = pairs[f"pc{position}"], pairs[f"tc{position}"]
        judged |= {f"{name}{position}": value for name, value in _judged(platform, truth, column).items()}
    engine.name("pairs", pairs.mutate(**judged))


def _forms(fetched: ir.Table, contract: Contract, known: Known, position: int, column: Column) -> dict[str, ir.Value]:
    """The values of one compared column of a pair, by the names that `_fetch` explains."""
    zone = contract.timezone.key
    platform_text, truth_text = fetched.platform[f"r{position}"], fetched.truth[f"r{position}"]
    raw = platform_text if column.empty_is_value else primitives.blank_to_null(platform_text)
    platform = rules.canonical(raw, column, Side.PLATFORM, zone)
    truth = rules.canonical(truth_text, column, Side.TRUTH, zone)
    return {
        "p": raw,
        "t": rules.sent(truth_text, column, zone),
        "pc": platform,
        "tc": truth,
        "b": ibis.null(str) if known.base is None else fetched.marks[f"b{position}"],
    }


def _judged(platform: ir.StringValue, truth: ir.StringValue, column: Column) -> dict[str, ir.Value]:
    """What a column's rule and contract make of two canonical forms."""
    keeps = column.blank is Blank.KEEP or column.permission is not None
    return {
        "kept": (truth.isnull() & platform.notnull()) if keeps else ibis.literal(False),
        "same": rules.equal(platform, truth, column),
    }


def _rows(engine: Engine, contract: Contract, side: Side) -> ir.Table:
    """The rows of one side that `differing` names, fetched by row number.

    The cells travel in one struct: DuckDB joins two columns several times faster than forty.
    """
    row = f"{side.value}_row"
    found = engine.picked(RAW[side], "differing", row)
    cells = {f"r{position}": found[source_name(column, side)] for position, column in enumerate(contract.compared)}
    packed = ibis.struct(cells or {"none": ibis.null(str)})
    return engine.create(
        f"{side.value}_fetched", found.select(found["file_row_number"].name(row), packed.name(side.value))
    )


def audited_values(engine: Engine, contract: Contract) -> ir.Table:
    """The raw texts of the platform for every profile that may differ: `key` as shown, and a column per column."""
    pairs = engine.table("pairs")
    texts: dict[str, ir.Value] = {"key": pairs.platform_text}
    if len(contract.key) == 1:
        texts[contract.key[0]] = pairs.platform_text
    texts |= {column.name: pairs[f"p{position}"] for position, column in enumerate(contract.compared)}
    return pairs.select(**texts)


def _cells(engine: Engine, contract: Contract, known: Known, moments: Moments) -> None:
    """Create `cells`: one row per differing cell of a profile that both sides have."""
    fetched = engine.table("fetched")
    selects = [
        _cell(rows, column, _forms(rows, contract, known, position, column))
        for position, column in enumerate(contract.compared)
        for rows in (_unlike(fetched, position, column),)
    ] or [_cell(fetched, Column("", "", ""), dict.fromkeys(("p", "t", "pc", "tc", "b"), ibis.null(str)))]
    cells = ibis.union(selects[0], *selects[1:]) if len(selects) > 1 else selects[0]
    cells = engine.create("differing_cells", cells)
    platform_moved, truth_moved = cells.platform_moved, cells.truth_moved
    by_moment = (cells.truth_updated > cells.platform_updated).fill_null(False)
    moved = ibis.cases(
        (cells.base.isnull() & by_moment, Moved.TRUTH_BY_MOMENT.value),
        (cells.base.isnull(), Moved.UNKNOWN.value),
        (platform_moved & truth_moved, Moved.BOTH.value),
        (platform_moved, Moved.PLATFORM.value),
        (truth_moved, Moved.TRUTH.value),
        else_=Moved.UNKNOWN.value,
    )
    stale = moved.isin([Moved.TRUTH.value, Moved.TRUTH_BY_MOMENT.value])
    cells = cells.mutate(
        moved=moved,
        status=ibis.ifelse(stale, Status.STALE.value, Status.CONFLICTING.value),
        waiting=stale & _younger(cells.truth_updated, moments.platform, contract),
        pending=ibis.literal(False),
        blocked=ibis.literal(False),
        base=rules.unmarked(cells.base),
    ).drop("platform_moved", "truth_moved")
    if known.sent is not None:
        sent = engine.table(known.sent)
        sent = sent.filter(sent.column.notnull()).distinct()
        cells = _flag(cells, sent, "pending", [cells.key_text == sent.key, cells.column == sent.column])
    if known.blocked is not None:
        blocked = engine.table(known.blocked).distinct()
        cells = _flag(cells, blocked, "blocked", [cells.key_text == blocked.key, cells.column == blocked.column])
    engine.create("cells", cells)


def _unlike(fetched: ir.Table, position: int, column: Column) -> ir.Table:
    """The rows whose raw cells are not evidently equal: most cells are, and no form of those has to be found."""
    return fetched.filter(~_evident(fetched, position)) if rules.read_alike(column) else fetched


def _evident(fetched: ir.Table, position: int) -> ir.BooleanValue:
    return fetched.platform[f"r{position}"].identical_to(fetched.truth[f"r{position}"])


_OF_A_PAIR = ("key", "platform_text", "profile_id", "platform_updated", "truth_updated")


def _cell(fetched: ir.Table, column: Column, forms: Mapping[str, ir.Value]) -> ir.Table:
    """The pairs that differ in one column, in long form.

    From `fetched` and not from `pairs`: DuckDB plans all columns of a view anew for each select that uses it.
    """
    pairs = fetched.select(*_OF_A_PAIR, **forms)
    judged = _judged(pairs.pc, pairs.tc, column)
    differs = pairs.filter(~judged["same"] & ~judged["kept"])
    agreed = rules.unmarked(differs.b)
    return differs.select(
        key=differs.key,
        key_text=differs.platform_text,
        profile_id=differs.profile_id,
        column=ibis.literal(column.name),
        compare=ibis.literal(column.compare.value),
        platform=differs.p,
        truth=differs.t,
        platform_canonical=differs.pc,
        truth_canonical=differs.tc,
        base=differs.b,
        platform_moved=~rules.equal(differs.pc, agreed, column),
        truth_moved=~rules.equal(differs.tc, agreed, column),
        platform_updated=differs.platform_updated,
        truth_updated=differs.truth_updated,
    )


def _flag(table: ir.Table, marks: ir.Table, name: str, predicates: list[ir.BooleanValue]) -> ir.Table:
    """`table` with its column `name` true where a row of `marks` fits."""
    inside = table.semi_join(marks, predicates).mutate(**{name: ibis.literal(True)})
    outside = table.anti_join(marks, predicates)
    return inside.union(outside)


def _younger(moment: ir.TimestampValue, shown: datetime | None, contract: Contract) -> ir.BooleanValue:
    """Changed so shortly before the moment that the other side shows that the change may still be on its way."""
    if shown is None or not contract.grace:
        return ibis.literal(False)
    return (moment > ibis.literal(shown - contract.grace, type=primitives.INSTANT)).fill_null(False)


def _profiles(engine: Engine, contract: Contract, known: Known, moments: Moments) -> None:
    """Create `profiles`, in the columns of audit.PROFILES and the canonical key as `canonical`."""
    matched, cells = engine.table("matched"), engine.table("cells")
    missing = matched.filter(matched.platform_row.isnull())
    orphans = matched.filter(matched.truth_row.isnull())
    late = _younger(missing.truth_updated, moments.platform, contract)
    early = _younger(orphans.platform_updated, moments.truth, contract)
    absent = (_profile(missing, Status.MISSING, waiting=late), _profile(orphans, Status.ORPHAN, waiting=early))
    differing = cells.group_by("key").agg(
        any_conflict=(cells.status == Status.CONFLICTING.value).any(),
        moves=cells.moved.nunique(),
        moved=cells.moved.min(),
        waiting=(cells.waiting | cells.pending).all() & cells.waiting.any(),
        pending=cells.pending.all(),
        columns=cells.column.collect(order_by=cells.column),
    )
    by_fallback = engine.table("by_fallback")
    joined = differing.join(matched, "key").left_join(by_fallback, "key").drop("key_right")
    changed = joined.select(
        canonical=joined.key,
        key=joined.platform_text,
        platform_key=joined.platform_text,
        truth_key=joined.truth_text,
        profile_id=joined.profile_id,
        status=ibis.ifelse(joined.any_conflict, Status.CONFLICTING.value, Status.STALE.value),
        moved=ibis.ifelse(joined.moves == 1, joined.moved, ibis.null(str)),
        waiting=joined.waiting & ~joined.any_conflict,
        gone=ibis.literal(False),
        pending=joined.pending,
        columns=joined["columns"],  # the attribute would be the names of the table
        matched_by=matched_by(joined),
        platform_rows=ibis.literal(1, type="int64"),
        truth_rows=ibis.literal(1, type="int64"),
    )
    unsure = by_fallback.filter(by_fallback.ambiguous)
    duplicates = engine.table("duplicates").left_join(unsure, "key").drop("key_right")
    twice = duplicates.select(
        canonical=duplicates.key,
        key=ibis.coalesce(duplicates.platform_text, duplicates.truth_text),
        platform_key=duplicates.platform_text,
        truth_key=duplicates.truth_text,
        profile_id=duplicates.profile_id,
        status=ibis.literal(Status.DUPLICATE.value),
        moved=ibis.null(str),
        waiting=ibis.literal(False),
        gone=ibis.literal(False),
        pending=ibis.literal(False),
        columns=_no_columns(),
        matched_by=duplicates.matched_by,
        platform_rows=duplicates.platform_rows.cast("int64"),
        truth_rows=duplicates.truth_rows.cast("int64"),
    )
    profiles = engine.create("profiles_found", ibis.union(changed, *absent, twice))
    if known.seen is not None:
        seen = engine.table(known.seen).select("key").distinct()
        is_gone = [profiles.canonical == seen.key, profiles.status == Status.MISSING.value]
        profiles = engine.create("profiles_gone", _flag(profiles, seen, "gone", is_gone))
    if known.sent is not None:
        sent = engine.table(known.sent)
        whole = sent.filter(sent.column.isnull()).select("key").distinct()
        absent_now = profiles.status.isin([Status.MISSING.value, Status.ORPHAN.value])
        profiles = _flag(profiles, whole, "pending", [profiles.key == whole.key, absent_now])
    engine.create("profiles", profiles)


def _profile(rows: ir.Table, status: Status, *, waiting: ir.BooleanValue) -> ir.Table:
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
        platform_rows=ibis.literal(int(on_platform), type="int64"),
        truth_rows=ibis.literal(int(not on_platform), type="int64"),
    )


def _count(engine: Engine, contract: Contract, known: Known, rejected: Mapping[Side, int]) -> Diff:
    rows: dict[str, int] = {}
    for side in Side:
        keys = engine.table(f"{side.value}_keys")
        out = ~keys.included
        if exists(engine, "excluded"):
            apart = engine.table("excluded").select(apart="key")
            keys = keys.left_join(apart, keys.key == apart.apart)
            out = ~keys.included | keys.apart.notnull()
        counted = keys.agg(
            total=keys.count(),
            excluded=out.fill_null(False).sum().fill_null(0),
            null_key=(keys.key.isnull() & keys.included).sum().fill_null(0),
        )
        [(total, excluded, null_key)] = engine.rows(counted)
        duplicates = engine.table("duplicates")[f"{side.value}_rows"].sum().fill_null(0)
        [(duplicate,)] = engine.rows(duplicates.name("duplicate").as_table())
        unread = rejected.get(side, 0)
        rows[side.value] = total + unread
        rows[f"{side.value}_rejected"] = unread
        rows[f"{side.value}_null_key"] = null_key
        rows[f"{side.value}_duplicate"] = int(duplicate)
        rows[f"{side.value}_excluded"] = int(excluded)
    profiles = engine.table("profiles")
    per_status = dict(engine.rows(profiles.group_by("status").agg(n=profiles.count())))
    matched = engine.table("matched")
    both = matched.filter(matched.platform_row.notnull() & matched.truth_row.notnull())
    by_fallback = engine.table("by_fallback")
    both = both.left_join(by_fallback, "key").mutate(matched_by=matched_by)
    how = {str(name): int(number) for name, number in engine.rows(both.group_by("matched_by").agg(n=both.count()))}
    joined = sum(how.values())
    unsure = profiles.filter(profiles.status == Status.DUPLICATE.value, profiles.matched_by.notnull())
    how |= dict(engine.rows(unsure.group_by("matched_by").agg(n=unsure.count())))
    counts = {status: int(per_status.get(status.value, 0)) for status in Status}
    counts[Status.EQUAL] = joined - counts[Status.STALE] - counts[Status.CONFLICTING]
    flags = profiles.agg(
        waiting=profiles.waiting.sum().fill_null(0),
        pending=(profiles.pending & ~profiles.waiting).sum().fill_null(0),
        gone=profiles.gone.sum().fill_null(0),
    )
    [(waiting, pending, gone)] = engine.rows(flags)
    kept, formats = _kept_and_formats(engine, contract, known)
    return Diff(rows, counts, int(waiting), int(pending), int(gone), kept, formats, dict(sorted(how.items())))


def _kept_and_formats(engine: Engine, contract: Contract, known: Known) -> tuple[dict[str, int], dict[str, int]]:
    """Per column: cells left as they are for the truth is empty, and cells equal by rule but not letter by letter.

    Letter by letter: neither as the truth spells it itself, nor as it would be sent.
    """
    columns = contract.compared
    if not columns:
        return {}, {}
    fetched = engine.table("fetched")
    flags: dict[str, ir.Value] = {}
    for position, column in enumerate(columns):
        forms = _forms(fetched, contract, known, position, column)
        judged = _judged(forms["pc"], forms["tc"], column)
        spelt_otherwise = judged["same"] & ~forms["p"].identical_to(forms["t"])
        evident = _evident(fetched, position)
        kept = ibis.ifelse(evident, ibis.literal(False), judged["kept"]) if rules.read_alike(column) else judged["kept"]
        flags |= {f"k{position}": kept, f"f{position}": ibis.ifelse(evident, ibis.literal(False), spelt_otherwise)}
    flagged = fetched.select(**flags)
    [counted] = engine.rows(flagged.agg(**{name: flagged[name].sum().fill_null(0) for name in flags}))
    kept = {column.name: int(counted[2 * n]) for n, column in enumerate(columns) if counted[2 * n]}
    formats = {column.name: int(counted[2 * n + 1]) for n, column in enumerate(columns) if counted[2 * n + 1]}
    return kept, formats


def _no_columns() -> ir.ArrayValue:
    return ibis.null("array<string>")
