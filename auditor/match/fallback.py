"""Fallback keys: which rows of the two sides are one profile though one of them lacks the key.

Two rows are compared by the first key that both of them have. A fallback key matches where it stands in exactly one row
of each side, whatever other keys these have; where it stands in more, nobody guesses: all rows that it could tie to one
another are set apart as ambiguous, also those whose own key nobody else has. What an earlier key has matched stays so.

    form:NAME   a fallback key in canonical form, as a JSON object of its columns; `text:NAME` as the side spells it
    settled     rows that a key has matched or set apart, with the key that they go by from now on: of two rows that
                a fallback key matches, the earliest key that either of them has
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from auditor.engine.duckdb import Engine
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


def resolve(engine: Engine) -> None:
    """Give every row of `platform_keys` and `truth_keys` the key that it goes by, and the text that it is shown by.

    Creates `by_fallback`: `key` as the rows have it then, `matched_by`, and whether it is `ambiguous`; once per key.
    """
    keys = engine.table("platform_keys")
    levels = names(keys)
    if not levels:
        nothing = keys.limit(0).select(key="key", matched_by="key", ambiguous=ibis.literal(True))
        engine.create("by_fallback", nothing)
        return
    _settle_by_key(engine)
    earlier = ["key"]
    found = []
    for level, name in enumerate(levels, start=1):
        found.append(_settle_by_fallback(engine, level, name, earlier))
        earlier.append(FORM + name)
    labels = ibis.union(*found)
    labels = labels.group_by("key").agg(matched_by=labels.matched_by.min(), ambiguous=labels.ambiguous.any())
    engine.create("by_fallback", labels)
    for side in Side:
        _rename(engine, side, levels)


def aliases(engine: Engine, known: ir.Table) -> ir.Table:
    """What profiles went by while they lacked a key that they have now: `formerly`, `key`.

    `known` has a `key` per profile that is remembered; those among them that are fallback keys are looked for. One that
    fits several profiles, or that somebody still goes by, is left out.
    """
    pieces = []
    wanted = known.filter(known.key.startswith('{"')).select("key").distinct()
    for side in Side:
        keys = engine.table(f"{side.value}_keys")
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


def spellings(engine: Engine) -> ir.Table:
    """Every text by which a row of the platform may have been shown: `key`, `row`."""
    keys = engine.table("platform_keys")
    texts = [keys.text, *(keys[TEXT + name] for name in names(keys))]
    pieces = [keys.select(key=text, row=keys.row).filter(lambda table: table.key.notnull()) for text in texts]
    return ibis.union(*pieces, distinct=True) if len(pieces) > 1 else pieces[0]


def _settle_by_key(engine: Engine) -> None:
    """Rows whose key the other side has as well."""
    sides = {side: engine.table(f"{side.value}_keys") for side in Side}
    for side, keys in sides.items():
        other = sides[Side.TRUTH if side is Side.PLATFORM else Side.PLATFORM]
        matched = keys.semi_join(other, "key")
        level = ibis.literal(0, type="int32")
        engine.create(_settled(side, 0), matched.select("row", "key", level=level, ambiguous=ibis.literal(False)))


def _settle_by_fallback(engine: Engine, level: int, name: str, earlier: Sequence[str]) -> ir.Table:
    """Match by one fallback key what the `earlier` ones leave, and set apart what is ambiguous; gives `by_fallback`."""
    platform, truth = (_candidates(engine, side, level, name, earlier) for side in Side)
    here, there = (rows.group_by("form", "has").agg(rows=rows.count()) for rows in (platform, truth))
    # Patterns of earlier keys, not rows, are paired: many rows may share one fallback key.
    paired = here.join(there, "form", rname="truth_{name}")
    paired = paired.filter((paired.has & paired.truth_has) == 0)
    possible = engine.create("possible", paired.select("form", "has", "truth_has"))
    open_ = {
        Side.PLATFORM: platform.filter(platform.open).semi_join(possible, ["form", "has"]),
        Side.TRUTH: truth.filter(truth.open).semi_join(possible, ["form", ("has", "truth_has")]),
    }
    once = [rows.group_by("form").agg(rows=rows.count()).filter(lambda t: t.rows == 1) for rows in (platform, truth)]
    left, right = (rows.semi_join(once[0], "form").semi_join(once[1], "form") for rows in open_.values())
    joined = left.join(right, "form", rname="truth_{name}")
    own = [joined[f"{side}key{place}"] for place in range(len(earlier)) for side in ("", "truth_")]
    spelt = ibis.ifelse(joined.text == joined.truth_text, name, name + NORMALISED)
    pairs = engine.create(
        f"fallback_pairs{level}",
        joined.select("row", "truth_row", "form", key=ibis.coalesce(*own, joined.form), matched_by=spelt),
    )
    for side, rows in open_.items():
        row = "row" if side is Side.PLATFORM else "truth_row"
        number = ibis.literal(level, type="int32")
        matched = pairs.select(row=row, key="key", level=number, ambiguous=ibis.literal(False))
        apart = rows.anti_join(pairs, "form").select("row", key="form", level=number, ambiguous=ibis.literal(True))
        settled = engine.table(_settled(side, level - 1)).union(matched).union(apart)
        engine.create(_settled(side, level), settled)
    apart = [rows.anti_join(pairs, "form").select(key="form") for rows in open_.values()]
    unsure = apart[0].union(apart[1], distinct=True)
    labels = pairs.select("key", "matched_by", ambiguous=ibis.literal(False)).union(
        unsure.select("key", matched_by=ibis.literal(name + AMBIGUOUS), ambiguous=ibis.literal(True))
    )
    return engine.create(f"by_fallback{level}", labels)


def _candidates(engine: Engine, side: Side, level: int, name: str, earlier: Sequence[str]) -> ir.Table:
    """The rows of a side that have a fallback key: row, form, text, the earlier keys as `key0` …, `has` with a bit for
    each of these that the row has, and `open` where no key has settled the row.
    """
    keys, settled = engine.table(f"{side.value}_keys"), engine.table(_settled(side, level - 1))
    rows = keys.filter(keys[FORM + name].notnull())
    bits = [rows[column].notnull().cast("int64") * 2**place for place, column in enumerate(earlier)]
    has = bits[0]
    for bit in bits[1:]:
        has = has + bit
    own = {f"key{place}": rows[column] for place, column in enumerate(earlier)}
    rows = rows.select("row", form=FORM + name, text=TEXT + name, has=has, **own)
    done = settled.select("row", done=ibis.literal(True))
    rows = rows.left_join(done, "row").drop("row_right")
    return engine.create(f"{side.value}_candidates", rows.mutate(open=rows.done.isnull()).drop("done"))


def _rename(engine: Engine, side: Side, levels: Sequence[str]) -> None:
    keys, settled = engine.table(f"{side.value}_keys"), engine.table(_settled(side, len(levels)))
    joined = keys.left_join(settled, "row", rname="new_{name}")
    own = [(joined.key.notnull(), joined.text)]
    own += [(joined[FORM + name].notnull(), joined[TEXT + name]) for name in levels]
    set_apart = [
        (joined.ambiguous.fill_null(False) & (joined.level == level), joined[TEXT + name])
        for level, name in enumerate(levels, start=1)
    ]
    key = ibis.coalesce(joined.new_key, joined.key, *(joined[FORM + name] for name in levels))
    renamed = joined.mutate(key=key, text=ibis.cases(*set_apart, *own, else_=joined.text))
    engine.create(f"{side.value}_keys", renamed.select(*keys.columns))


def _settled(side: Side, level: int) -> str:
    return f"{side.value}_settled{level}"
