"""Matching: which rows of the two sides are one profile, and which are set apart before anything is compared.

    landed rows ─► keys ─► by fallback ─► excluded, duplicates ─► joined

Everything is an Ibis expression; what comes of it is one value, `Matched`, that holds its tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from auditor.engine.functions import hashed
from auditor.engine.protocol import ROW_NUMBER, Engine, count, filled
from auditor.findings.audit import KEY, NORMALISED
from auditor.match import fallback
from auditor.match.keys import find_keys_of_a_contract
from auditor.model import Side
from auditor.settings.contract import Contract

DRAWN = 2_000
"""About so many keys are `drawn`, by a digest: a sample of what is usual."""
_PARTS = 1 << 20
"""Into which all keys are divided to draw some of them."""


@dataclass(frozen=True, slots=True)
class Matched:
    """Two landed sides whose rows have found each other."""

    raw: Mapping[Side, ir.Table]
    """The landed rows of each side: text columns under its own names, and the row's number."""
    keys: Mapping[Side, ir.Table]
    """A row per landed row, as `find_keys` gives them, with the key that it goes by."""
    rows: ir.Table
    """A row per key that is in the population and on no side twice: key, platform_row, truth_row, platform_text,
    truth_text, profile_id, same (the hashes of both sides), drawn, platform_updated, truth_updated. Perhaps without
    the pairs that are equal in every cell.
    """
    excluded: ir.Table | None
    """`key` of those that either side's population leaves out; None: nobody."""
    apart: ir.Table | None
    """`key` of those that stand twice on a side, or that a fallback key sets apart; None: nobody."""
    duplicates: ir.Table | None
    """The keys that are set apart: key, platform_text, truth_text, profile_id of their first rows, platform_rows,
    truth_rows; None: nobody.
    """
    by_fallback: ir.Table | None
    """`key`, `matched_by`, `ambiguous` of what a fallback key has matched or set apart; None without fallback keys."""

    def inside(self, side: Side) -> ir.Table:
        """The keys of a side that are in the population and usable, without those that are set apart."""
        return _inside(self.keys[side], self.excluded, self.apart)

    @property
    def both(self) -> ir.Table:
        """Those of `rows` that both sides have."""
        return self.rows.filter(self.rows.platform_row.notnull() & self.rows.truth_row.notnull())

    @property
    def shown(self) -> ir.Table:
        """Canonical keys as people know them: `canonical`, `shown`."""
        known = _as_shown(self.rows)
        return known if self.duplicates is None else known.union(_as_shown(self.duplicates))

    def alone(self, side: Side) -> ir.Table:
        """Those of `rows` that this side alone has."""
        return self.rows.filter(self.rows[f"{side.other.value}_row"].isnull())

    def with_label(self, rows: ir.Table) -> ir.Table:
        """Rows with a `key`, and beside them `matched_by` and `ambiguous`: null where no fallback key had a say."""
        if self.by_fallback is None:
            return rows.mutate(matched_by=ibis.null(str), ambiguous=ibis.null(bool))
        return rows.left_join(self.by_fallback, "key").drop("key_right")


def match_sides(
    engine: Engine, contract: Contract, raw: Mapping[Side, ir.Table], *, kept: bool = True, whole: bool = True
) -> Matched:
    """Match the landed rows of both sides by the contract's key. Raises as `find_keys` does, which explains `kept`.

    Where the rows need not be `whole`, they lack pairs that are equal in every cell, key and all, but for those that
    are `drawn`. Nobody asks the others anything in a comparison of two files, and there may be millions of them.
    """
    keys = {side: find_keys_of_a_contract(engine, contract, side, raw[side], kept=kept) for side in Side}
    return match(engine, raw, keys, whole)


def match(engine: Engine, raw: Mapping[Side, ir.Table], found: Mapping[Side, ir.Table], whole: bool = True) -> Matched:
    """Match both sides by the keys that were `found`."""
    keys, by_fallback = fallback.resolve(engine, found)
    excluded = _excluded(engine, keys)
    if not whole and excluded is None and by_fallback is None:
        rows = _all_once(engine, keys)
        if rows is not None:
            return Matched(raw, keys, rows, excluded=None, apart=None, duplicates=None, by_fallback=None)
    apart = _apart(engine, keys, excluded, by_fallback)
    inside = {side: _inside(keys[side], excluded, apart) for side in Side}
    rows = _joined(engine, inside, count(engine, inside[Side.PLATFORM]), whole=whole)
    duplicates = None if apart is None else _duplicates(engine, keys, apart)
    return Matched(raw, keys, rows, excluded, apart, duplicates, by_fallback)


def compared(matched: Matched) -> ir.Table:
    """The landed rows of the platform whose profiles both sides have."""
    raw, keys, rows = matched.raw[Side.PLATFORM], matched.keys[Side.PLATFORM], matched.rows
    orphans = rows.filter(rows.platform_row.notnull() & rows.truth_row.isnull())
    others = [
        keys.filter(~keys.included | keys.key.isnull()).select("row"),
        orphans.select(row="platform_row"),
        *(keys.semi_join(one, "key").select("row") for one in (matched.excluded, matched.apart) if one is not None),
    ]
    others_rows = ibis.union(*others)
    return raw.anti_join(others_rows, raw[ROW_NUMBER] == others_rows.row)


def anchor(table: ir.Table) -> ir.StringValue:
    """What ties a profile to its agreed values: its profileId if the export has it, else its key."""
    return ibis.coalesce(table.profile_id, table.key)


def matched_by(rows: ir.Table) -> ir.StringValue:
    """Which key has matched a row, as `audit.PROFILES` spells it; `rows` are of `Matched.rows`, with their label."""
    by_key = ibis.ifelse(rows.platform_text == rows.truth_text, KEY, KEY + NORMALISED)
    return ibis.coalesce(rows.matched_by, by_key)


def _as_shown(rows: ir.Table) -> ir.Table:
    return rows.select(canonical=rows.key, shown=ibis.coalesce(rows.platform_text, rows.truth_text))


def _excluded(engine: Engine, keys: Mapping[Side, ir.Table]) -> ir.Table | None:
    """The keys out of the population of either side."""
    out = [rows.filter(~rows.included & rows.key.notnull()).select("key") for rows in keys.values()]
    excluded = engine.keep(out[0].union(out[1], distinct=True), "excluded")
    return excluded if filled(engine, excluded) else None


def _inside(keys: ir.Table, *apart: ir.Table | None) -> ir.Table:
    """The rows of a side that have a key, without those that are set apart."""
    inside = keys.filter(keys.included & keys.key.notnull())
    for rows in apart:
        if rows is not None:
            inside = inside.anti_join(rows, "key")
    return inside


def _all_once(engine: Engine, keys: Mapping[Side, ir.Table]) -> ir.Table | None:
    """Match on the assumption that no key stands twice on a side or has to be set apart; None where that was wrong.

    That no key of the platform does is seen by counting them. Then each row of the truth has one partner at most: where
    some share one, more rows of the truth than of the platform have a partner. To group the truth's keys as well would
    take as long as to match them.
    """
    inside = {side: _inside(rows) for side, rows in keys.items()}
    platform, truth = inside[Side.PLATFORM], inside[Side.TRUTH]
    [(ours, different)] = engine.rows(platform.agg(rows=platform.count(), different=hashed(platform.key).nunique()))
    if different < ours:
        return None
    rows = _joined(engine, inside, ours, whole=False)
    missing_rows = rows.filter(rows.platform_row.isnull())
    orphans = count(engine, rows.filter(rows.truth_row.isnull()))
    [(missing, unlike)] = engine.rows(missing_rows.agg(rows=missing_rows.count(), keys=missing_rows.key.nunique()))
    theirs = count(engine, truth)
    return rows if theirs - missing == ours - orphans and unlike == missing else None


def _apart(
    engine: Engine, keys: Mapping[Side, ir.Table], excluded: ir.Table | None, by_fallback: ir.Table | None
) -> ir.Table | None:
    """The keys that stand twice on a side, and what a fallback key sets apart."""
    found = []
    for rows in keys.values():
        inside = _inside(rows, excluded)
        found.append(inside.group_by("key").agg(rows=inside.count()).filter(lambda t: t.rows > 1).select("key"))
    if by_fallback is not None:
        unsure = by_fallback.filter(by_fallback.ambiguous).select("key")
        found.append(unsure if excluded is None else unsure.anti_join(excluded, "key"))
    apart = engine.keep(ibis.union(*found, distinct=True), "apart")
    return apart if filled(engine, apart) else None


def _duplicates(engine: Engine, keys: Mapping[Side, ir.Table], apart: ir.Table) -> ir.Table:
    """Of each key that is set apart how often it stands on each side, and its first row."""
    rows = {}
    for side, own in keys.items():
        here = own.filter(own.included).semi_join(apart, "key")
        first = here.group_by("key").agg(
            rows=here.count(),
            text=here.text.argmin(here.row),
            profile_id=here.profile_id.argmin(here.row),
        )
        rows[side] = engine.keep(first, f"{side.value}_duplicates")
    joined = rows[Side.PLATFORM].outer_join(rows[Side.TRUTH], "key", rname="truth_{name}")
    return engine.keep(
        joined.select(
            key=ibis.coalesce(joined.key, joined.truth_key),
            platform_text=joined.text,
            truth_text=joined.truth_text,
            profile_id=joined.profile_id,
            platform_rows=joined.rows.fill_null(0),
            truth_rows=joined.truth_rows.fill_null(0),
        ),
        "duplicates",
    )


def _joined(engine: Engine, inside: Mapping[Side, ir.Table], ours: int, *, whole: bool) -> ir.Table:
    """One row per key of either side; `ours` is the number of the platform's rows."""
    joined = inside[Side.PLATFORM].outer_join(inside[Side.TRUTH], "key", rname="truth_{name}")
    drawn = (hashed(joined.key) & (_PARTS - 1)) < min(DRAWN * _PARTS // max(ours, 1), _PARTS)
    drawn = drawn.fill_null(False)
    if not whole:
        alike = (joined.hash == joined.truth_hash) & (joined.text == joined.truth_text)
        joined = joined.filter(~alike.fill_null(False) | drawn)
    return engine.keep(
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
        "matched",
    )
