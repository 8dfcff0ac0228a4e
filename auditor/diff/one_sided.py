"""Profiles that one side alone has: what they hold, what creating them would send, and who they are on the other side.

    absent rows   the missing and the orphan profiles, with the canonical form of every cell
    creations     what Actito would be sent for each missing profile, and which of their values it has already
    near keys     those that another rule of the key would match
    renumbered    those that are one profile under two keys, as a unique attribute or an earlier run shows
    people        everybody of a side, for the search for the same person

Everything is an Ibis expression on the run's DuckDB connection; `match` has run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import ibis
import ibis.expr.types as ir

from auditor.engine.duckdb import Engine
from auditor.engine.functions import INSTANT
from auditor.equality import primitives, rules
from auditor.match import fallback
from auditor.match.join import RAW, evidence, source_name
from auditor.model import Side, Structure
from auditor.settings.contract import Column, Contract


def rows(engine: Engine, contract: Contract) -> None:
    """Create `missing_rows` and `orphan_rows`: key and one canonical text per mapped column, for keys of one side."""
    matched = engine.table("matched")
    for side, name in ((Side.TRUTH, "missing_rows"), (Side.PLATFORM, "orphan_rows")):
        other = Side.PLATFORM if side is Side.TRUTH else Side.TRUTH
        alone = matched.filter(matched[f"{other.value}_row"].isnull())
        alone = alone.select("key", **{"auditor:own_row": f"{side.value}_row"})
        engine.create(name, _with_forms(engine, contract, side, alone, contract.columns))


def creations(engine: Engine, contract: Contract) -> ir.Table:
    """What a creation of each missing profile would send: key as the truth spells it, and one sent form per column.

    Beside them `auditor:updated`, the moment of the truth's own row (null where it has none), and of every permission
    column `evidence_date:COLUMN` (a moment) and `evidence_source:COLUMN`.
    """
    matched, zone = engine.table("matched"), contract.timezone.key
    missing = matched.filter(matched.platform_row.isnull())
    missing = missing.select(**{"key": missing.truth_text, "auditor:own_row": missing.truth_row})
    raw = engine.table(RAW[Side.TRUTH])
    own = primitives.instant(raw[contract.updated_truth], None, zone) if contract.updated_truth else None
    cells: dict[str, ir.Value] = {"auditor:row": raw["file_row_number"]}
    cells["auditor:updated"] = ibis.null(INSTANT) if own is None else own
    for column in contract.columns:
        cells[column.name] = rules.sent(raw[column.truth], column, zone)
    for column in contract.permissions:
        date, source = evidence(raw, column, zone)
        cells[f"evidence_date:{column.name}"] = date
        cells[f"evidence_source:{column.name}"] = source
    forms = raw.select(**cells)
    joined = missing.join(forms, missing["auditor:own_row"] == forms["auditor:row"])
    return joined.drop("auditor:own_row", "auditor:row")


def taken(engine: Engine, contract: Contract, structure: Structure) -> ir.Table:
    """Missing keys, and the unique column whose value a profile on the platform already has: key, column."""
    zone = contract.timezone.key
    raw, matched, missing = engine.table(RAW[Side.PLATFORM]), engine.table("matched"), engine.table("missing_rows")
    shown = matched.select(key=matched.key, shown=matched.truth_text)
    pieces = []
    for column in contract.columns:
        attribute = structure.attribute(column.name)
        if attribute is None or not attribute.unique:
            continue
        there = rules.canonical(raw[source_name(column, Side.PLATFORM)], column, Side.PLATFORM, zone)
        held = raw.select(value=there).filter(lambda t: t.value.notnull()).distinct()
        hit = missing.semi_join(held, missing[column.name] == held.value)
        pieces.append(hit.select(key=hit.key, column=ibis.literal(column.name)))
    if not pieces:
        pieces = [missing.limit(0).select(key=missing.key, column=ibis.literal(""))]
    hits = ibis.union(pieces[0], *pieces[1:]) if len(pieces) > 1 else pieces[0]
    return hits.join(shown, "key").select(key="shown", column="column")


def near_keys(engine: Engine) -> int:
    """How many profiles of one side alone are one of the other, but for case, blanks, Unicode form and leading zeros.

    They are not matched, for the rule of the first key that both have tells these apart. Who has several such partners
    is not counted.
    """
    matched = engine.table("matched")
    lonely = {}
    for side, other in zip(Side, reversed(Side), strict=True):
        alone = matched.filter(matched[f"{other.value}_row"].isnull())
        keys = engine.table(f"{side.value}_keys")
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
        [(found,)] = engine.rows(pairs.count().name("near").as_table())
        near += int(found)
    return near


def renumbered(engine: Engine, contract: Contract, structure: Structure, seen: str | None) -> None:
    """Create `renumbered`: platform_key, truth_key (canonical) of missing and orphan profiles that are the same people.

    They have the same value of a unique attribute that no other of them has, or the profileId under which an earlier
    run saw the key that is missing now. `rows` has run; `seen` is the table of who was seen, None: nobody.
    """
    missing, orphans, matched = (engine.table(name) for name in ("missing_rows", "orphan_rows", "matched"))
    pieces = [missing.limit(0).select(platform_key="key", truth_key="key")]
    for column in contract.columns:
        attribute = structure.attribute(column.name)
        if attribute is not None and attribute.unique and column.name not in contract.key:
            sides = [
                rows.filter(rows[column.name].notnull()).select("key", value=column.name) for rows in (orphans, missing)
            ]
            once = [rows.group_by("value").agg(key=rows.key.min(), n=rows.count()) for rows in sides]
            here, there = (rows.filter(rows.n == 1) for rows in once)
            joined = here.join(there, "value", rname="truth_{name}")
            pieces.append(joined.select(platform_key="key", truth_key="truth_key"))
    if seen is not None:
        before = engine.table(seen)
        now = matched.filter(matched.truth_row.isnull() & matched.profile_id.notnull()).select("profile_id", own="key")
        joined = now.join(before, "profile_id").semi_join(missing, "key")
        pieces.append(joined.select(platform_key="own", truth_key="key"))
    engine.create("renumbered", ibis.union(*pieces, distinct=True))


def other_keys(engine: Engine, seen: str | None) -> int:
    """How many profiles of both sides an earlier run saw under another key, by their profileId, that nobody has now."""
    if seen is None:
        return 0
    keys, matched, before = engine.table("platform_keys"), engine.table("matched"), engine.table(seen)
    both = matched.filter(matched.truth_row.notnull() & matched.profile_id.notnull()).select("profile_id", own="key")
    was = before.filter(before.profile_id.notnull()).anti_join(keys, "key").join(both, "profile_id")
    [(number,)] = engine.rows(was.own.nunique().name("n").as_table())
    return int(number)


def people(engine: Engine, contract: Contract, side: Side, names: Collection[str]) -> ir.Table:
    """The keys of a side as `auditor:key`, whether the other side lacks them as `auditor:alone`, and the canonical
    forms of the columns that are named.
    """
    matched = engine.table("matched")
    other = Side.PLATFORM if side is Side.TRUTH else Side.TRUTH
    here = matched.filter(matched[f"{side.value}_row"].notnull())
    here = here.select(
        **{
            "auditor:key": here.key,
            "auditor:alone": here[f"{other.value}_row"].isnull(),
            "auditor:own_row": here[f"{side.value}_row"],
        }
    )
    named = [column for column in contract.columns if column.name in names]
    return _with_forms(engine, contract, side, here, named)


def _with_forms(engine: Engine, contract: Contract, side: Side, keys: ir.Table, columns: Iterable[Column]) -> ir.Table:
    """`keys`, whose `auditor:own_row` is a row of the side, with the canonical forms of that row in its place."""
    raw, zone = engine.table(RAW[side]), contract.timezone.key
    cells = {column.name: rules.canonical(raw[source_name(column, side)], column, side, zone) for column in columns}
    forms = raw.select(raw["file_row_number"].name("auditor:row"), **cells)
    joined = keys.join(forms, keys["auditor:own_row"] == forms["auditor:row"])
    return joined.drop("auditor:own_row", "auditor:row")
