"""The diff: every key gets exactly one status, every differing cell a status of its own and who moved it.

Values are looked at only where matched rows have different hashes:

    fetched   full rows of matched keys whose hashes differ
    unlike    their cells that are not evidently equal, with canonical forms and agreed values
    cells     one row per differing cell, three-way status, flags
    profiles  one row per key that is not equal

Everything is an Ibis expression on the run's DuckDB connection. Tables are addressed by position-coded column names
(`p0`, `t0` …), so no name in an input can collide with one of ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import ibis
import ibis.expr.types as ir

from auditor.engine.duckdb import Engine
from auditor.engine.functions import INSTANT
from auditor.equality import primitives, rules
from auditor.findings.audit import KEY
from auditor.match.join import RAW, anchor, exists, matched_by, source_name
from auditor.model import Moved, Side, Status
from auditor.settings.contract import Blank, Column, Contract


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

    Creates `fetched`, `cells` and `profiles`, and gives the counts.
    """
    _fetch(engine, contract, known)
    _unlike(engine, contract, known)
    _cells(engine, known, contract, moments)
    _profiles(engine, contract, known, moments)
    return _count(engine, contract, rejected)


def pairs(engine: Engine, contract: Contract, known: Known) -> ir.Table:
    """The pairs that may differ; `diff` has run.

    Per compared column n: `pc{n}` the platform's canonical form, `same{n}` whether the truth's equals it by rule, and
    `b{n}` the agreed mark. To write them all down takes several times longer than to find them out again.
    """
    fetched = engine.table("fetched")
    columns: dict[str, ir.Value] = {}
    for position, column in enumerate(contract.compared):
        forms = _forms(fetched[f"p{position}"], fetched[f"t{position}"], column, contract.timezone.key)
        columns |= {f"pc{position}": forms["pc"], f"tc{position}": forms["tc"]}
        columns[f"b{position}"] = _mark(fetched, known, position)
    found = fetched.select("key", "profile_id", **columns)
    same = {
        f"same{position}": rules.equal(found[f"pc{position}"], found[f"tc{position}"], column)
        for position, column in enumerate(contract.compared)
    }
    return found.mutate(**same)


def _fetch(engine: Engine, contract: Contract, known: Known) -> None:
    """Create `fetched`: the rows of matched keys whose hashes differ; and `drawn`: those of a sample of all that match.

    Per compared column n: `p{n}` and `t{n}`, the texts of both sides, and `b{n}`, the agreed mark if there is a base.
    """
    matched = engine.table("matched")
    both = matched.platform_row.notnull() & matched.truth_row.notnull()
    engine.create("wanted", matched.filter(both & (~matched.same | matched.drawn)))
    columns = {side: [source_name(column, side) for column in contract.compared] for side in Side}
    platform, truth = columns[Side.PLATFORM], columns[Side.TRUTH]
    engine.beside("half_fetched", "wanted", "platform_row", RAW[Side.PLATFORM], platform, "p")
    rows = engine.beside("fetched_rows", "half_fetched", "truth_row", RAW[Side.TRUTH], truth, "t")
    if known.base is not None:
        base = engine.table(known.base)
        own = rows.key if known.base_by_key else anchor(rows)
        marks = {f"b{position}": base.marks[f"b{position}"] for position in range(len(platform))}
        rows = engine.create("fetched_rows", rows.left_join(base, own == base.anchor).select(*rows.columns, **marks))
    engine.drop("wanted", "half_fetched")
    engine.name("fetched", rows.filter(~rows.same).drop("same", "drawn"))
    engine.name("drawn", rows.filter(rows.drawn).drop("same", "drawn"))


def _mark(fetched: ir.Table, known: Known, position: int) -> ir.StringValue:
    return ibis.null(str) if known.base is None else fetched[f"b{position}"]


def _forms(platform: ir.StringValue, truth: ir.StringValue, column: Column, zone: str) -> dict[str, ir.StringValue]:
    """Of the texts of both sides: `p` as the platform holds its own, `t` as it would hold the truth's, and `pc` and
    `tc` in canonical form.
    """
    held = _held(platform, column)
    return {
        "p": held,
        "t": rules.sent(truth, column, zone),
        "pc": rules.canonical(held, column, Side.PLATFORM, zone),
        "tc": rules.canonical(truth, column, Side.TRUTH, zone),
    }


def audited_values(engine: Engine, contract: Contract) -> ir.Table:
    """The raw texts of the platform for every profile that may differ: `key` as shown, and a column per column."""
    fetched = engine.table("fetched")
    texts: dict[str, ir.Value] = {"key": fetched.platform_text}
    if len(contract.key) == 1:
        texts[contract.key[0]] = fetched.platform_text
    for position, column in enumerate(contract.compared):
        texts[column.name] = _held(fetched[f"p{position}"], column)
    return fetched.select(**texts)


def _held(text: ir.StringValue, column: Column) -> ir.StringValue:
    """What the platform holds in a cell; null where it is empty."""
    return text if column.empty_is_value else primitives.blank_to_null(text)


def _unlike(engine: Engine, contract: Contract, known: Known) -> None:
    """Create `unlike`: one row per cell of `fetched` that is not evidently equal, with its forms.

    Beside them whether it is the `same` by rule, `respelt` (the same, but not letter by letter: neither as the truth
    spells it itself, nor as it would be sent), and `kept` because it is empty in the truth. Columns that are compared
    alike are looked at together, in long form: what is asked of a hundred columns is then planned once.
    """
    cells = engine.create("unlike_texts", _long(engine.table("fetched"), contract, known))
    groups: list[list[Column]] = []
    for column in contract.compared:
        group = next((group for group in groups if _alike(group[0], column)), None)
        if group is None:
            groups.append([column])
        else:
            group.append(column)
    judged = [_judged(cells, group, contract.timezone.key) for group in groups] or [_judged(cells, [_NO_COLUMN], "UTC")]
    engine.create("unlike", ibis.union(*judged))
    engine.drop("unlike_texts")


_NO_COLUMN = Column("", "", "")


def _alike(one: Column, other: Column) -> bool:
    """Whether two columns are compared in the same way."""
    return replace(one, name="", truth="", header="") == replace(other, name="", truth="", header="")


def _long(fetched: ir.Table, contract: Contract, known: Known) -> ir.Table:
    """The cells that are not evidently equal, as texts, each in a row of its own."""
    cells = [
        {
            "column": ibis.literal(column.name),
            "p_text": fetched[f"p{position}"],
            "t_text": fetched[f"t{position}"],
            "base": _mark(fetched, known, position),
        }
        for position, column in enumerate(contract.compared)
    ]
    none = dict.fromkeys(("column", "p_text", "t_text", "base"), ibis.null(str))
    # Not a union of a query per column, whose text alone takes half a minute to make of 300 columns.
    listed = ibis.array([ibis.struct(cell) for cell in cells or [none]])
    # Most cells are spelt alike, and no form of those has to be found.
    spelt_otherwise = [column.name for column in contract.compared if not rules.read_alike(column)]

    def unlike(cell: ir.StructValue) -> ir.BooleanValue:
        differs: ir.BooleanValue = ~cell["p_text"].identical_to(cell["t_text"])
        return differs | cell["column"].isin(spelt_otherwise) if spelt_otherwise else differs

    return fetched.select(*_OF_A_PAIR, cell=listed.filter(unlike).unnest()).unpack("cell")


def _cells(engine: Engine, known: Known, contract: Contract, moments: Moments) -> None:
    """Name `cells`: one row per differing cell of a profile that both sides have."""
    cells = engine.table("unlike")
    cells = cells.filter(~cells.same & ~cells.kept).drop("same", "respelt", "kept")
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
    if known.sent is not None or known.blocked is not None:
        cells = engine.create("cells_flagged", cells)
    engine.name("cells", cells)


_OF_A_PAIR = ("key", "platform_text", "profile_id", "platform_updated", "truth_updated")


def _judged(cells: ir.Table, columns: Sequence[Column], zone: str) -> ir.Table:
    """Of the cells in long form those of columns that are compared alike, with their forms and what comes of them."""
    column = columns[0]
    cells = cells.filter(cells.column.isin([one.name for one in columns]))
    cells = cells.mutate(**_forms(cells.p_text, cells.t_text, column, zone))
    agreed = rules.unmarked(cells.base)
    same = rules.equal(cells.pc, cells.tc, column)
    keeps = column.blank is Blank.KEEP or column.permission is not None
    return cells.select(
        key="key",
        key_text="platform_text",
        profile_id="profile_id",
        column="column",
        compare=ibis.literal(column.compare.value),
        platform="p",
        truth="t",
        platform_canonical="pc",
        truth_canonical="tc",
        base="base",
        platform_moved=~rules.equal(cells.pc, agreed, column),
        truth_moved=~rules.equal(cells.tc, agreed, column),
        platform_updated="platform_updated",
        truth_updated="truth_updated",
        same=same,
        respelt=same & ~cells.p.identical_to(cells.t) & ~cells.p_text.identical_to(cells.t_text),
        kept=(cells.tc.isnull() & cells.pc.notnull()) if keeps else ibis.literal(False),
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
    return (moment > ibis.literal(shown - contract.grace, type=INSTANT)).fill_null(False)


def _profiles(engine: Engine, contract: Contract, known: Known, moments: Moments) -> None:
    """Create `profiles`, in the columns of audit.PROFILES and the canonical key as `canonical`."""
    matched, cells = engine.table("matched"), engine.table("cells")
    missing = matched.filter(matched.platform_row.isnull())
    orphans = matched.filter(matched.truth_row.isnull())
    late = _younger(missing.truth_updated, moments.platform, contract)
    early = _younger(orphans.platform_updated, moments.truth, contract)
    absent = (_profile(missing, Status.MISSING, waiting=late), _profile(orphans, Status.ORPHAN, waiting=early))
    differing = _per_profile(engine, cells)
    by_fallback = engine.table("by_fallback")
    joined = differing.join(matched, "key").left_join(by_fallback, "key").drop("key_right")
    changed = joined.select(
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
        profiles = engine.create("profiles_pending", profiles)
    engine.name("profiles", profiles)


CELLS_AT_ONCE = 2_000_000
"""Of so many differing cells their profiles are told at once: lists that grow cannot be laid aside on disk."""


def _per_profile(engine: Engine, cells: ir.Table) -> ir.Table:
    """What the differing cells of each key come to."""
    [(number,)] = engine.rows(cells.count().name("cells").as_table())
    parts = int(number) // CELLS_AT_ONCE + 1
    found = []
    for part in range(parts):
        some = cells if parts == 1 else cells.filter((cells.key.hash() & 0xFFFF) % parts == part)
        differing = some.group_by("key").agg(
            any_conflict=(some.status == Status.CONFLICTING.value).any(),
            moved=some.moved.min(),
            last_moved=some.moved.max(),
            waiting=(some.waiting | some.pending).all() & some.waiting.any(),
            pending=some.pending.all(),
            columns=some.column.collect(),
        )
        found.append(differing if parts == 1 else engine.create(f"differing_profiles{part}", differing))
    return ibis.union(*found) if parts > 1 else found[0]


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


def _count(engine: Engine, contract: Contract, rejected: Mapping[Side, int]) -> Diff:
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
    [(found,)] = engine.rows(matched.platform_row.count().name("found").as_table())
    set_apart = ("rejected", "null_key", "duplicate", "excluded")
    left_out = rows["platform"] - sum(rows[f"platform_{name}"] for name in set_apart) - found
    both = matched.filter(matched.platform_row.notnull() & matched.truth_row.notnull())
    by_fallback = engine.table("by_fallback")
    both = both.left_join(by_fallback, "key").mutate(matched_by=matched_by)
    how = {str(name): int(number) for name, number in engine.rows(both.group_by("matched_by").agg(n=both.count()))}
    if left_out:
        how[KEY] = how.get(KEY, 0) + left_out
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
    kept, formats = _kept_and_formats(engine, contract)
    return Diff(rows, counts, int(waiting), int(pending), int(gone), kept, formats, dict(sorted(how.items())))


def _kept_and_formats(engine: Engine, contract: Contract) -> tuple[dict[str, int], dict[str, int]]:
    """Per column: cells left as they are for the truth is empty, and cells equal by rule but not letter by letter."""
    unlike = engine.table("unlike")
    counted = unlike.group_by("column").agg(kept=unlike.kept.sum(), formats=unlike.respelt.sum())
    found = {column: (int(kept), int(formats)) for column, kept, formats in engine.rows(counted)}
    numbers = [(column.name, *found.get(column.name, (0, 0))) for column in contract.compared]
    kept = {name: number for name, number, _ in numbers if number}
    return kept, {name: number for name, _, number in numbers if number}


def _no_columns() -> ir.ArrayValue:
    return ibis.null("array<string>")
