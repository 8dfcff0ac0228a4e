"""Matching: which rows of the two sides are one profile, and which are set apart before anything is compared.

    keys        per side: row number, canonical key, in the population or not, hash of the row, update moment
    by fallback rows that lack the key are tied to others by a fallback key; see `auditor.match.fallback`
    excluded    keys that either side's population leaves out
    duplicates  keys that occur more than once on a side
    matched     all other keys of both sides, joined; perhaps without the pairs that are evidently equal

Everything is an Ibis expression on the run's DuckDB connection. The two inputs are the views `platform_raw` and
`truth_raw` over the landed snapshots.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import ibis
import ibis.expr.types as ir

from auditor.engine.duckdb import INCLUDED, STORED, Engine
from auditor.engine.functions import INSTANT
from auditor.equality import primitives, rules
from auditor.equality.derived import derived
from auditor.errors import SettingsError
from auditor.findings.audit import KEY, NORMALISED
from auditor.match import fallback
from auditor.model import Side, Structure
from auditor.settings.contract import Column, Compare, Contract

RAW = {Side.PLATFORM: "platform_raw", Side.TRUTH: "truth_raw"}
"""Views over the landed snapshots: text columns under their own names, and `file_row_number`."""


def source_name(column: Column, side: Side) -> str:
    """The column's own name on a side."""
    return column.header if side is Side.PLATFORM else column.truth


def wanted_columns(contract: Contract, side: Side, there: Sequence[str]) -> list[str]:
    """Of the columns that are `there`, and of those that must be: the contract's, what a population's expression names,
    and the profile's number if it is exported.
    """
    if side is Side.PLATFORM:
        wanted = [column.header for column in contract.columns]
        wanted += [contract.updated_platform] if contract.updated_platform else []
        expression, useful = contract.population_platform or "", {"profileId"}
    else:
        worked_out = {one.text: one.columns for one in derived(contract, there)}
        wanted = [part for name in contract.truth_columns for part in worked_out.get(name, (name,))]
        expression, useful = contract.population_truth or "", set()
    useful |= {name for name in there if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", expression)}
    return list(dict.fromkeys([*wanted, *(name for name in there if name in useful)]))


def find_keys(engine: Engine, contract: Contract, side: Side, *, kept: bool = True) -> None:
    """Create `{side}_keys`: row, key, text, included, hash, moment and, for the platform, profile_id (may be null).

    `key` is canonical and null where it is not usable; `text` is the key as the side spells it. Beside them stand the
    fallback keys, as `auditor.match.fallback` explains. Keys that are not `kept` are worked out whenever they are asked
    for: less memory, and less time where that is seldom. Raises SettingsError when the population's expression cannot
    be evaluated, of keys that are not kept only for what is no expression at all.
    """
    zone = contract.timezone.key
    raw = _population(engine, contract, side)
    updated = contract.updated_platform if side is Side.PLATFORM else contract.updated_truth
    no_moment = ibis.null(INSTANT)
    keys = raw.select(
        row=raw["file_row_number"],
        **key_columns(raw, contract, side),
        included=raw[INCLUDED],
        hash=_row_hash(raw, contract, side),
        moment=primitives.instant(raw[updated], None, zone) if updated else no_moment,
        profile_id=_profile_id(raw, side),
    )
    name = f"{side.value}_keys"
    if not kept and not contract.fallbacks:
        engine.name(name, keys)
        return
    try:
        engine.create(name, keys)
    except engine.refusals:
        expression = contract.population_platform if side is Side.PLATFORM else contract.population_truth
        if expression is None:
            raise
        raise SettingsError(
            f"{_place(contract, side)} cannot be evaluated over the rows of its file: {expression}",
            hint="every column of a file is text there; compare with texts, or cast: CAST(age AS INTEGER) > 18",
        ) from None


def key_columns(raw: ir.Table, contract: Contract, side: Side) -> dict[str, ir.StringValue]:
    """`key`, `text`, and two further columns per fallback key; of a row as it stands in its side."""

    def parts(names: Sequence[str]) -> tuple[list[ir.StringValue], list[ir.StringValue]]:
        columns = [contract.column(name) for name in names]
        return key_forms(raw, columns, side, contract.timezone.key), [raw[source_name(one, side)] for one in columns]

    forms, texts = parts(contract.key)
    found = {"key": rules.key_form(forms), "text": rules.key_form(texts)}
    if contract.fallbacks:
        # A key that looks like the text of a fallback key could be taken for one: it ties nobody to anything.
        found["key"] = ibis.ifelse(found["key"].startswith('{"'), ibis.null(str), found["key"])
        found[fallback.OWN] = found["key"]
    for names in contract.fallbacks:
        name = fallback.name_of(names)
        forms, texts = parts(names)
        form = rules.key_object(names, forms)
        found[fallback.FORM + name] = form
        found[fallback.TEXT + name] = ibis.ifelse(form.notnull(), rules.key_object(names, texts), ibis.null(str))
    return found


def key_forms(raw: ir.Table, columns: Sequence[Column], side: Side, zone: str) -> list[ir.StringValue]:
    """The canonical forms of the parts of a key; null where one ties nobody to anything."""
    return [_unless_blank(rules.canonical(raw[source_name(column, side)], column, side, zone)) for column in columns]


def match(engine: Engine, *, whole: bool = True) -> None:
    """Create `excluded`, `duplicates` and `matched`; `find_keys` has run for both sides.

    Where `matched` need not be `whole`, it lacks pairs that are equal in every cell, key and all, but for those that
    are `drawn`. Nobody asks the others anything in a comparison of two files, and there may be millions of them.
    """
    fallback.resolve(engine)
    _exclude(engine)
    if whole or not _all_once(engine):
        _set_apart(engine)
        platform = _inside(engine, Side.PLATFORM)
        [(rows,)] = engine.rows(platform.count().name("rows").as_table())
        _match(engine, rows, whole=whole)
    _show_apart(engine)


def compared(engine: Engine) -> ir.Table:
    """The landed rows of the platform whose profiles both sides have; `match` has run."""
    raw, keys, matched = (engine.table(name) for name in (RAW[Side.PLATFORM], "platform_keys", "matched"))
    orphans = matched.filter(matched.platform_row.notnull() & matched.truth_row.isnull())
    others = [
        keys.filter(~keys.included | keys.key.isnull()).select("row"),
        orphans.select(row="platform_row"),
        *(keys.semi_join(engine.table(name), "key").select("row") for name in _APART if exists(engine, name)),
    ]
    others_rows = ibis.union(*others)
    return raw.anti_join(others_rows, raw["file_row_number"] == others_rows.row)


def anchor(table: ir.Table) -> ir.StringValue:
    """What ties a profile to its agreed values: its profileId if the export has it, else its key."""
    return ibis.coalesce(table.profile_id, table.key)


def matched_by(rows: ir.Table) -> ir.StringValue:
    """Which key has matched a row of `matched`, as `audit.PROFILES` spells it; `by_fallback` is joined to the rows."""
    by_key = ibis.ifelse(rows.platform_text == rows.truth_text, KEY, KEY + NORMALISED)
    return ibis.coalesce(rows.matched_by, by_key)


def checked(engine: Engine, contract: Contract, structure: Structure, side: Side) -> str:
    """Create the table of what is validated on a side and give its name; `match` has run.

    Columns: `auditor:row`, `auditor:key` (as it is shown to people), one text column per mapped column as the platform
    would hold it, `auditor:unique:NAME` with the canonical form of each unique attribute, `auditor:read:NAME` with that
    of each free text that the contract's rule reads, and `auditor:counted:NAME` with that of each value that an export
    may spell in several ways. Rows: those with a usable key in the population, duplicates included.
    """
    zone = contract.timezone.key
    keys = engine.table(f"{side.value}_keys")
    inside = keys.filter(keys.included & keys.key.notnull())
    if exists(engine, "excluded"):
        inside = inside.anti_join(engine.table("excluded"), "key")
    matched = engine.table("matched").select("key", shown=ibis._.platform_text)
    inside = inside.left_join(matched, "key")
    shown = inside.text if side is Side.PLATFORM else ibis.coalesce(inside.shown, inside.text)
    inside = inside.select(**{"auditor:own_row": inside.row, "auditor:key": shown})
    raw = engine.table(RAW[side])
    cells: dict[str, ir.Value] = {"auditor:row": raw["file_row_number"]}
    for column in contract.columns:
        text = raw[source_name(column, side)]
        cells[column.name] = (rules.sent if side is Side.TRUTH else rules.held)(text, column, zone)
        attribute = structure.attribute(column.name)
        if attribute is not None and attribute.unique:
            cells[f"auditor:unique:{column.name}"] = rules.canonical(text, column, side, zone)
        if column.read_as is not None:
            cells[f"auditor:read:{column.name}"] = rules.canonical(text, column, side, zone)
        if column.compare in _SPELT_IN_WAYS:
            cells[f"auditor:counted:{column.name}"] = rules.canonical(text, column, side, zone)
    rows = raw.select(**cells)
    joined = rows.join(inside, rows["auditor:row"] == inside["auditor:own_row"]).drop("auditor:own_row")
    name = f"checked_{side.value}"
    engine.create(name, joined)
    return name


_SPELT_IN_WAYS = (Compare.BOOLEAN, Compare.DATE, Compare.TIMESTAMP, Compare.NUMBER)


def greatest_moment(engine: Engine, side: Side, updated: str, zone: str) -> datetime | None:
    """The greatest update moment of a side's rows, in UTC; None where no row has one."""
    raw = engine.table(RAW[side])
    greatest = primitives.instant(raw[updated], None, zone).max()
    [(moment,)] = engine.rows(greatest.epoch_seconds().name("moment").as_table())
    return None if moment is None else datetime.fromtimestamp(moment, UTC)


def evidence(raw: ir.Table, column: Column, zone: str) -> tuple[ir.TimestampValue, ir.StringValue]:
    """When and where a permission was given or withdrawn, as the truth says; null where it says nothing."""
    date = primitives.instant(raw[column.evidence_date], None, zone) if column.evidence_date else None
    source = primitives.blank_to_null(raw[column.evidence_source]) if column.evidence_source else None
    return (
        ibis.null(INSTANT) if date is None else date,
        ibis.null(str) if source is None else source,
    )


def _population(engine: Engine, contract: Contract, side: Side) -> ir.Table:
    """The raw rows and whether each belongs to the population (SQL semantics: unknown is no)."""
    raw = engine.table(RAW[side])
    if INCLUDED in raw.columns:
        return raw
    expression = contract.population_platform if side is Side.PLATFORM else contract.population_truth
    name = f"{side.value}_rows"
    try:
        engine.condition(name, RAW[side], expression)
    except engine.refusals:
        raise SettingsError(
            f"{_place(contract, side)} is not a condition over the columns of its file: {expression}",
            hint="name the side's own columns, for example: status <> 'prospect'",
        ) from None
    return engine.table(name)


def _place(contract: Contract, side: Side) -> str:
    return f"population.{side.value} in the contract of {contract.table}"


def _row_hash(raw: ir.Table, contract: Contract, side: Side) -> ir.IntegerValue:
    """A hash of what the platform would hold: its own raw cells, or the sent forms of the truth's.

    Where both sides store a column alike, it is the stored cells that are hashed. Rows with one hash are equal under
    every rule, for equal text is. A struct is hashed, never a concatenation.
    """
    zone = contract.timezone.key
    cells: dict[str, ir.Value] = {}
    for position, column in enumerate(contract.compared):
        text = raw[source_name(column, side)]
        stored = STORED + source_name(column, side)
        if stored in raw.columns:
            cells[f"c{position}"] = raw[stored]
        elif side is Side.TRUTH:
            cells[f"c{position}"] = rules.sent(text, column, zone)
        else:
            cells[f"c{position}"] = text if column.empty_is_value else primitives.blank_to_null(text)
    return ibis.struct(cells).hash() if cells else ibis.literal(0, type="int64")


def _profile_id(raw: ir.Table, side: Side) -> ir.StringValue:
    if side is Side.PLATFORM and "profileId" in raw.columns:
        return primitives.blank_to_null(raw["profileId"])
    return ibis.null(str)


def _unless_blank(form: ir.StringValue) -> ir.StringValue:
    """Blanks tie nobody to anything, even where the rule of a key compares them."""
    # What begins with a blank comes before "!"; the others need not be stripped, which takes longer than all else here.
    return ibis.ifelse(form < "!", ibis.ifelse(form.strip() == "", ibis.null(str), form), form)


_APART = ("excluded", "duplicate_keys")
"""The tables of the keys that are not compared."""


def _exclude(engine: Engine) -> None:
    """Create `excluded`: the keys out of the population of either side."""
    sides = (engine.table(f"{side.value}_keys") for side in Side)
    out = [keys.filter(~keys.included & keys.key.notnull()).select("key") for keys in sides]
    engine.create("excluded", out[0].union(out[1], distinct=True))


def _inside(engine: Engine, side: Side, apart: Iterable[str] = _APART) -> ir.Table:
    """The rows of a side that have a key, without those that are set apart."""
    keys = engine.table(f"{side.value}_keys")
    inside = keys.filter(keys.included & keys.key.notnull())
    for name in apart:
        if exists(engine, name):
            inside = inside.anti_join(engine.table(name), "key")
    return inside


def _all_once(engine: Engine) -> bool:
    """Match on the assumption that no key stands twice on a side or has to be set apart; whether that was right.

    That no key of the platform does is seen by counting them. Then each row of the truth has one partner at most: where
    some share one, more rows of the truth than of the platform have a partner. To group the truth's keys as well would
    take as long as to match them.
    """
    if exists(engine, "excluded") or exists(engine, "by_fallback"):
        return False
    platform, truth = (_inside(engine, side, ()) for side in Side)
    counts = platform.agg(rows=platform.count(), different=platform.key.hash().nunique())
    [(ours, different)] = engine.rows(counts)
    if different < ours:
        return False
    engine.create("duplicate_keys", platform.limit(0).select("key"))
    _match(engine, ours, whole=False)
    matched = engine.table("matched")
    here = matched.filter(matched.truth_row.isnull())
    there = matched.filter(matched.platform_row.isnull())
    [(orphans,)] = engine.rows(here.count().name("orphans").as_table())
    [(missing, keys)] = engine.rows(there.agg(missing=there.count(), different=there.key.nunique()))
    [(theirs,)] = engine.rows(truth.count().name("theirs").as_table())
    return bool(theirs - missing == ours - orphans and keys == missing)


def _set_apart(engine: Engine) -> None:
    """Create `duplicate_keys`: keys that stand twice on a side, and what a fallback key sets apart."""
    found = []
    for side in Side:
        inside = _inside(engine, side, ("excluded",))
        twice = inside.group_by("key").agg(rows=inside.count()).filter(lambda t: t.rows > 1)
        found.append(engine.create(f"{side.value}_twice", twice).select("key"))
    unsure = engine.table("by_fallback").filter(lambda table: table.ambiguous).select("key")
    unsure = unsure.anti_join(engine.table("excluded"), "key")
    engine.create("duplicate_keys", ibis.union(*found, unsure, distinct=True))


def _show_apart(engine: Engine) -> None:
    """Create `duplicates`: of each of the `duplicate_keys` how often it stands on each side, and its first row."""
    duplicates = engine.table("duplicate_keys")
    rows = {}
    for side in Side:
        keys = engine.table(f"{side.value}_keys")
        here = keys.filter(keys.included).semi_join(duplicates, "key")
        first = here.group_by("key").agg(
            rows=here.count(),
            text=here.text.argmin(here.row),
            profile_id=here.profile_id.argmin(here.row),
        )
        rows[side] = engine.create(f"{side.value}_duplicates", first)
    platform, truth = rows[Side.PLATFORM], rows[Side.TRUTH]
    joined = platform.outer_join(truth, "key", rname="truth_{name}")
    engine.create(
        "duplicates",
        joined.select(
            key=ibis.coalesce(joined.key, joined.truth_key),
            platform_text=joined.text,
            truth_text=joined.truth_text,
            profile_id=joined.profile_id,
            platform_rows=joined.rows.fill_null(0),
            truth_rows=joined.truth_rows.fill_null(0),
        ),
    )


DRAWN = 2_000
"""About so many keys are `drawn` in `matched`, by a digest: a sample of what is usual."""
_PARTS = 1 << 20
"""Into which all keys are divided to draw some of them."""


def _match(engine: Engine, rows: int, *, whole: bool) -> None:
    """Create `matched`: one row per key that is in the population and on no side twice. `rows`: the platform's."""
    platform, truth = (_inside(engine, side) for side in Side)
    joined = platform.outer_join(truth, "key", rname="truth_{name}")
    drawn = (joined.key.hash() & (_PARTS - 1)) < min(DRAWN * _PARTS // max(rows, 1), _PARTS)
    drawn = drawn.fill_null(False)
    if not whole:
        alike = (joined.hash == joined.truth_hash) & (joined.text == joined.truth_text)
        joined = joined.filter(~alike.fill_null(False) | drawn)
    engine.create(
        "matched",
        joined.select(
            key=ibis.coalesce(joined.key, joined.truth_key),
            platform_row=joined.row,
            truth_row=joined.truth_row,
            platform_text=joined.text,
            truth_text=joined.truth_text,
            profile_id=joined.profile_id,
            same=joined.hash == joined.truth_hash,
            drawn=drawn,
            platform_updated=joined.moment,
            truth_updated=joined.truth_moment,
        ),
    )


def exists(engine: Engine, table: str) -> bool:
    """Whether a table has any row."""
    return engine.has_rows(table)
