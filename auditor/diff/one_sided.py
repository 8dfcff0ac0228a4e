"""Profiles that one side alone has: what they hold, what creating them would send, and who they are on the other side.

    absent rows   the missing and the orphan profiles, with the canonical forms of unique attributes
    creations     what Actito would be sent for each missing profile, and which of their values it has already
    near keys     those that another rule of the key would match
    renumbered    those that are one profile under two keys, as a unique attribute or an earlier run shows
    people        everybody of a side, for the search for the same person

Everything is an Ibis expression over matched sides.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from auditor.engine.functions import INSTANT
from auditor.engine.protocol import ROW_NUMBER, Engine, count
from auditor.equality import primitives, rules
from auditor.match import fallback
from auditor.match.join import Matched
from auditor.match.sides import evidence, source_name
from auditor.model import Side, Structure
from auditor.settings.contract import Column, Contract


@dataclass(frozen=True, slots=True)
class OneSided:
    """The profiles that one side alone has: `key`, and one canonical text per mapped column that is unique."""

    missing: ir.Table
    orphans: ir.Table


def one_sided(engine: Engine, contract: Contract, structure: Structure, matched: Matched) -> OneSided:
    """Bring what is unique of the profiles that one side alone has into its form."""
    columns, found = _unique(contract, structure), {}
    for side in Side:
        alone = matched.alone(side).select("key", **{"auditor:own_row": f"{side.value}_row"})
        found[side] = engine.keep(_with_forms(contract, matched, side, alone, columns), f"{side.value}_alone")
    return OneSided(missing=found[Side.TRUTH], orphans=found[Side.PLATFORM])


def creations(contract: Contract, matched: Matched) -> ir.Table:
    """What a creation of each missing profile would send: key as the truth spells it, and one sent form per column.

    Beside them `auditor:updated`, the moment of the truth's own row (null where it has none), and of every permission
    column `evidence_date:COLUMN` (a moment) and `evidence_source:COLUMN`.
    """
    missing, zone = matched.alone(Side.TRUTH), contract.timezone.key
    missing = missing.select(**{"auditor:shown": missing.truth_text, "auditor:own_row": missing.truth_row})
    raw = matched.raw[Side.TRUTH]
    rows = missing.join(raw, missing["auditor:own_row"] == raw[ROW_NUMBER])
    own = primitives.instant(rows[contract.updated_truth], None, zone) if contract.updated_truth else None
    cells: dict[str, ir.Value] = {"auditor:updated": ibis.null(INSTANT) if own is None else own}
    for column in contract.columns:
        cells[column.name] = rules.sent(rows[column.truth], column, zone)
    for column in contract.permissions:
        date, source = evidence(rows, column, zone)
        cells[f"evidence_date:{column.name}"] = date
        cells[f"evidence_source:{column.name}"] = source
    return rows.select(rows["auditor:shown"].name("key"), **cells)


def taken(contract: Contract, structure: Structure, matched: Matched, missing: ir.Table) -> ir.Table:
    """Missing keys, and the unique column whose value a profile on the platform already has: key, column."""
    zone = contract.timezone.key
    raw = matched.raw[Side.PLATFORM]
    shown = matched.rows.select(key=matched.rows.key, shown=matched.rows.truth_text)
    pieces = []
    for column in _unique(contract, structure):
        there = rules.canonical(raw[source_name(column, Side.PLATFORM)], column, Side.PLATFORM, zone)
        held = raw.select(value=there).filter(lambda t: t.value.notnull()).distinct()
        hit = missing.semi_join(held, missing[column.name] == held.value)
        pieces.append(hit.select(key=hit.key, column=ibis.literal(column.name)))
    if not pieces:
        pieces = [missing.limit(0).select(key=missing.key, column=ibis.literal(""))]
    hits = ibis.union(pieces[0], *pieces[1:]) if len(pieces) > 1 else pieces[0]
    return hits.join(shown, "key").select(key="shown", column="column")


def near_keys(engine: Engine, matched: Matched) -> int:
    """How many profiles of one side alone are one of the other, but for case, blanks, Unicode form and leading zeros.

    They are not matched, for the rule of the first key that both have tells these apart. Who has several such partners
    is not counted.
    """
    lonely = {}
    for side in Side:
        alone, keys = matched.alone(side), matched.keys[side]
        levels = fallback.levels(keys)
        # Without fallback keys `matched` holds all that is asked for, and no file need be read again.
        lonely[side] = alone if len(levels) == 1 else keys.semi_join(alone, [("row", f"{side.value}_row")])
    near = 0
    for place, name in enumerate(levels):
        sides = []
        for rows in lonely.values():
            named = rows.filter(rows[name].notnull())
            earlier = {f"earlier{number}": named[one].notnull() for number, one in enumerate(levels[:place])}
            bare = named.select(bare=primitives.bare_code(named[name]), **earlier)
            number = bare.count().over(group_by="bare")
            sides.append(bare.mutate(number=number).filter(ibis._.number == 1))
        here, there = sides
        pairs = here.join(there, "bare", rname="truth_{name}")
        for number in range(place):
            pairs = pairs.filter(~(pairs[f"earlier{number}"] & pairs[f"truth_earlier{number}"]))
        near += count(engine, pairs)
    return near


def renumbered(
    engine: Engine,
    contract: Contract,
    structure: Structure,
    matched: Matched,
    alone: OneSided,
    seen: ir.Table | None,
) -> ir.Table:
    """Missing and orphan profiles that are the same people: platform_key, truth_key (canonical).

    They have the same value of a unique attribute that no other of them has, or the profileId under which an earlier
    run saw the key that is missing now. `seen` is who was seen by earlier runs, None: nobody.
    """
    missing, orphans = alone.missing, alone.orphans
    pieces = [missing.limit(0).select(platform_key="key", truth_key="key")]
    for column in _unique(contract, structure):
        if column.name not in contract.key:
            sides = [
                rows.filter(rows[column.name].notnull()).select("key", value=column.name) for rows in (orphans, missing)
            ]
            once = [rows.group_by("value").agg(key=rows.key.min(), n=rows.count()) for rows in sides]
            here, there = (rows.filter(rows.n == 1) for rows in once)
            joined = here.join(there, "value", rname="truth_{name}")
            pieces.append(joined.select(platform_key="key", truth_key="truth_key"))
    if seen is not None:
        there = matched.alone(Side.PLATFORM)
        now = there.filter(there.profile_id.notnull()).select("profile_id", own="key")
        joined = now.join(seen, "profile_id").semi_join(missing, "key")
        pieces.append(joined.select(platform_key="own", truth_key="key"))
    return engine.keep(ibis.union(*pieces, distinct=True), "renumbered")


def other_keys(engine: Engine, matched: Matched, seen: ir.Table | None) -> int:
    """How many profiles of both sides an earlier run saw under another key, by their profileId, that nobody has now."""
    if seen is None:
        return 0
    keys, rows = matched.keys[Side.PLATFORM], matched.rows
    both = rows.filter(rows.truth_row.notnull() & rows.profile_id.notnull()).select("profile_id", own="key")
    was = seen.filter(seen.profile_id.notnull()).anti_join(keys, "key").join(both, "profile_id")
    [(number,)] = engine.rows(was.own.nunique().name("n").as_table())
    return int(number)


def people(contract: Contract, matched: Matched, side: Side, names: Collection[str]) -> ir.Table:
    """The keys of a side as `auditor:key`, whether the other side lacks them as `auditor:alone`, and the canonical
    forms of the columns that are named.
    """
    here = matched.rows.filter(matched.rows[f"{side.value}_row"].notnull())
    here = here.select(
        **{
            "auditor:key": here.key,
            "auditor:alone": here[f"{side.other.value}_row"].isnull(),
            "auditor:own_row": here[f"{side.value}_row"],
        }
    )
    named = [column for column in contract.columns if column.name in names]
    return _with_forms(contract, matched, side, here, named)


def _with_forms(
    contract: Contract, matched: Matched, side: Side, keys: ir.Table, columns: Sequence[Column]
) -> ir.Table:
    """`keys`, whose `auditor:own_row` is a row of the side, with the canonical forms of that row in its place."""
    raw, zone = matched.raw[side], contract.timezone.key
    cells = {f"auditor:cell{place}": raw[source_name(column, side)] for place, column in enumerate(columns)}
    own = raw.select(raw[ROW_NUMBER].name("auditor:row"), **cells)
    # The forms are found of the rows that are asked for: below the join they would be of all.
    rows = keys.join(own, keys["auditor:own_row"] == own["auditor:row"])
    forms = {
        column.name: rules.canonical(rows[f"auditor:cell{place}"], column, side, zone)
        for place, column in enumerate(columns)
    }
    return rows.select(*(name for name in keys.columns if name != "auditor:own_row"), **forms)


def _unique(contract: Contract, structure: Structure) -> list[Column]:
    attributes = ((column, structure.attribute(column.name)) for column in contract.columns)
    return [column for column, attribute in attributes if attribute is not None and attribute.unique]
