"""Fallback keys: which rows of the two sides are one profile though one of them lacks the key.

Two rows are compared by the first key that both of them have. A fallback key matches where it stands in exactly one row
of each side, whatever other keys these have; where it stands in more, nobody guesses: all rows that it could tie to one
another are set apart as ambiguous, also those whose own key nobody else has. What an earlier key has matched stays so.

    form:NAME   a fallback key in canonical form, as a JSON object of its columns; `text:NAME` as the side spells it
    settled     rows that a key has matched or set apart, with the key that they go by from now on: of two rows that
                a fallback key matches, the earliest key that either of them has
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ibis
import ibis.expr.types as ir

from auditor.engine.protocol import Engine
from auditor.findings.audit import AMBIGUOUS, NORMALISED
from auditor.model import Side

FORM, TEXT = "form:", "text:"
OWN = "own_key"
"""The key itself, null where a row lacks it; `key` is what the row goes by."""


def name_of(columns: Sequence[str]) -> str:
    """What a fallback key is called in `matched_by`."""
    return " + ".join(columns)


def names(keys: ir.Table) -> list[str]:
    """The fallback keys that a side's keys have, in their order."""
    return [name.removeprefix(FORM) for name in keys.columns if name.startswith(FORM)]


def levels(keys: ir.Table) -> list[str]:
    """The columns that hold a side's keys, as the rows have them: the key's and those of the fallback keys."""
    found = names(keys)
    return [OWN if found else "key", *(FORM + name for name in found)]


def resolve(engine: Engine, found: Mapping[Side, ir.Table]) -> tuple[Mapping[Side, ir.Table], ir.Table | None]:
    """Gives the keys of both sides with the key that each row goes by, and the text that it is shown by; and what a
    fallback key has tied: `key` as the rows have it then, `matched_by`, and whether it is `ambiguous`, once per key;
    None where there are no fallback keys.
    """
    levels = names(found[Side.PLATFORM])
    if not levels:
        return found, None
    settled = _settle_by_key(engine, found)
    earlier = ["key"]
    tied = []
    for level, name in enumerate(levels, start=1):
        labels, settled = _settle_by_fallback(engine, found, settled, level, name, earlier)
        tied.append(labels)
        earlier.append(FORM + name)
    labels = ibis.union(*tied)
    labels = labels.group_by("key").agg(matched_by=labels.matched_by.min(), ambiguous=labels.ambiguous.any())
    keys = {side: _renamed(engine, side, rows, settled[side], levels) for side, rows in found.items()}
    return keys, engine.keep(labels, "by_fallback")


def aliases(sides: Mapping[Side, ir.Table], known: ir.Table) -> ir.Table:
    """What profiles of the `sides` went by while they lacked a key that they have now: `formerly`, `key`.

    `known` has a `key` per profile that is remembered; those among them that are fallback keys are looked for. One that
    fits several profiles, or that somebody still goes by, is left out.
    """
    pieces = []
    wanted = known.filter(known.key.startswith('{"')).select("key").distinct()
    for keys in sides.values():
        wanted = wanted.anti_join(keys, "key")
        pieces += [
            keys.filter(keys[FORM + name] != keys.key).select(formerly=keys[FORM + name], key=keys.key)
            for name in names(keys)
        ]
    if not pieces:
        return known.limit(0).select(formerly="key", key="key")
    both = ibis.union(*pieces).semi_join(wanted, [("formerly", "key")])
    once = both.group_by("formerly").agg(keys=both.key.nunique(), key=both.key.min())
    return once.filter(once["keys"] == 1).select("formerly", "key")


def lacking(keys: ir.Table) -> ir.Table:
    """The fallback keys of the rows that lack the key: `key`."""
    if not names(keys):
        return keys.limit(0).select("key")
    shown = keys.filter(keys[OWN].isnull())
    pieces = [shown.select(key=FORM + name).filter(lambda table: table.key.notnull()) for name in names(keys)]
    return ibis.union(*pieces) if len(pieces) > 1 else pieces[0]


def spellings(keys: ir.Table) -> ir.Table:
    """Every text by which a row with these keys may have been shown: `key`, `row`."""
    texts = [keys.text, *(keys[TEXT + name] for name in names(keys))]
    pieces = [keys.select(key=text, row=keys.row).filter(lambda table: table.key.notnull()) for text in texts]
    return ibis.union(*pieces, distinct=True) if len(pieces) > 1 else pieces[0]


def _settle_by_key(engine: Engine, sides: Mapping[Side, ir.Table]) -> dict[Side, ir.Table]:
    """Rows whose key the other side has as well: row, key, level, ambiguous."""
    level = ibis.literal(0, type="int32")
    return {
        side: engine.keep(
            keys.semi_join(sides[side.other], "key").select("row", "key", level=level, ambiguous=ibis.literal(False)),
            f"{side.value}_settled",
        )
        for side, keys in sides.items()
    }


def _settle_by_fallback(
    engine: Engine,
    sides: Mapping[Side, ir.Table],
    settled: Mapping[Side, ir.Table],
    level: int,
    name: str,
    earlier: Sequence[str],
) -> tuple[ir.Table, dict[Side, ir.Table]]:
    """Match by one fallback key what the `earlier` ones leave, and set apart what is ambiguous.

    Gives what is tied by it, as `resolve` does, and the rows that are settled by now.
    """
    platform, truth = (_candidates(engine, side, sides[side], settled[side], name, earlier) for side in Side)
    here, there = (rows.group_by("form", "has").agg(rows=rows.count()) for rows in (platform, truth))
    # Patterns of earlier keys, not rows, are paired: many rows may share one fallback key.
    paired = here.join(there, "form", rname="truth_{name}")
    paired = paired.filter((paired.has & paired.truth_has) == 0)
    possible = engine.keep(paired.select("form", "has", "truth_has"), "possible")
    open_ = {
        Side.PLATFORM: platform.filter(platform.open).semi_join(possible, ["form", "has"]),
        Side.TRUTH: truth.filter(truth.open).semi_join(possible, ["form", ("has", "truth_has")]),
    }
    once = [rows.group_by("form").agg(rows=rows.count()).filter(lambda t: t.rows == 1) for rows in (platform, truth)]
    left, right = (rows.semi_join(once[0], "form").semi_join(once[1], "form") for rows in open_.values())
    joined = left.join(right, "form", rname="truth_{name}")
    own = [joined[f"{side}key{place}"] for place in range(len(earlier)) for side in ("", "truth_")]
    spelt = ibis.ifelse(joined.text == joined.truth_text, name, name + NORMALISED)
    pairs = engine.keep(
        joined.select("row", "truth_row", "form", key=ibis.coalesce(*own, joined.form), matched_by=spelt),
        "fallback_pairs",
    )
    number = ibis.literal(level, type="int32")
    by_now = {}
    for side, rows in open_.items():
        row = "row" if side is Side.PLATFORM else "truth_row"
        matched = pairs.select(row=row, key="key", level=number, ambiguous=ibis.literal(False))
        apart = rows.anti_join(pairs, "form").select("row", key="form", level=number, ambiguous=ibis.literal(True))
        by_now[side] = engine.keep(settled[side].union(matched).union(apart), f"{side.value}_settled")
    unsure = [rows.anti_join(pairs, "form").select(key="form") for rows in open_.values()]
    tied = pairs.select("key", "matched_by", ambiguous=ibis.literal(False)).union(
        unsure[0]
        .union(unsure[1], distinct=True)
        .select("key", matched_by=ibis.literal(name + AMBIGUOUS), ambiguous=ibis.literal(True))
    )
    return engine.keep(tied, "tied"), by_now


def _candidates(
    engine: Engine, side: Side, keys: ir.Table, settled: ir.Table, name: str, earlier: Sequence[str]
) -> ir.Table:
    """The rows of a side that have a fallback key: row, form, text, the earlier keys as `key0` …, `has` with a bit for
    each of these that the row has, and `open` where no key has settled the row.
    """
    rows = keys.filter(keys[FORM + name].notnull())
    bits = [rows[column].notnull().cast("int64") * 2**place for place, column in enumerate(earlier)]
    has = bits[0]
    for bit in bits[1:]:
        has = has + bit
    own = {f"key{place}": rows[column] for place, column in enumerate(earlier)}
    rows = rows.select("row", form=FORM + name, text=TEXT + name, has=has, **own)
    done = settled.select("row", done=ibis.literal(True))
    rows = rows.left_join(done, "row").drop("row_right")
    return engine.keep(rows.mutate(open=rows.done.isnull()).drop("done"), f"{side.value}_candidates")


def _renamed(engine: Engine, side: Side, keys: ir.Table, settled: ir.Table, levels: Sequence[str]) -> ir.Table:
    joined = keys.left_join(settled, "row", rname="new_{name}")
    own = [(joined.key.notnull(), joined.text)]
    own += [(joined[FORM + name].notnull(), joined[TEXT + name]) for name in levels]
    set_apart = [
        (joined.ambiguous.fill_null(False) & (joined.level == level), joined[TEXT + name])
        for level, name in enumerate(levels, start=1)
    ]
    key = ibis.coalesce(joined.new_key, joined.key, *(joined[FORM + name] for name in levels))
    renamed = joined.mutate(key=key, text=ibis.cases(*set_apart, *own, else_=joined.text))
    return engine.keep(renamed.select(*keys.columns), f"{side.value}_keys")
