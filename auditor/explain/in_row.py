"""Values that stand in another field of the same row.

    exchanged     both sides of a row hold a value, in different fields: two of them exchanged, or cells pushed aside
    beside        one side alone holds it in another field as well: a copy, or two values in one cell

Which of the two sides is wrong cannot be seen where cells were moved, so neither is blamed; whoever has a copy, or two
values in one cell, is named. What chance would give as well is not believed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import ibis
import polars as pl

from auditor.engine.functions import declared
from auditor.engine.protocol import Engine, count, filled
from auditor.explain.background import Background
from auditor.explain.in_columns import digest, up_to
from auditor.findings.reason import Reason

if TYPE_CHECKING:
    import ibis.expr.types as ir

FEWEST: Final = 3
"""Rows, with different values, of which one field must hold another's, where the other does not hold its own."""
_BEYOND_CHANCE: Final = 3
_SELDOM: Final = 0.02
"""The share of all rows that may have one value in both fields, where a copy is believed."""
_SHORTEST: Final = 3
_TELLS: Final = r"\pL{2}|[0-9]{4}.*[0-9]{2}"
"""What a value has that does not stand in two fields of a row by chance."""
_OPENS: Final = "\x1e"
_CLOSES: Final = "\x1f"
"""Stand around each value of a row that is one text, and behind such a text."""
_AND: Final = "\x1d"
_MOST_PARTS: Final = 3
_LOOKED_AT: Final = 200_000
"""Cells of which some must stand beside another one, where there are more, for all of them to be looked at."""

_place = declared("auditor_place", ("string", "string"))
_parts = declared("auditor_parts", ("string", "string"))


def exchanged(engine: Engine, cells: ir.Table) -> ir.Table | None:
    """The cells whose value stands in another field of the row, in the columns of MARK; None: there are none.

    `cells` are key, column, p, t (folded canonical forms; null for an empty one). Where one of two is empty, cells were
    pushed aside.
    """
    other = cells.select(row="key", other="column", other_p="p", other_t="t")
    met = cells.join(other, [cells.key == other.row, cells.p == other.other_t]).drop("row")
    met = engine.keep(met.filter(met.column != met.other).mutate(mutual=met.t == met.other_p), "met_cells")
    counted = met.group_by("column", "other").agg(
        n=met.count(), different=met.p.nunique(), mutual=met.count(where=met.mutual & ~met.p.re_search(r"^\W*\d?\W*$"))
    )
    found = engine.rows(counted)
    if not found:
        engine.drop(met)
        return None
    chance = _by_chance(engine, cells, met)
    believed = [
        (column, one)
        for column, one, number, different, mutual in found
        if mutual or (different >= FEWEST and number >= _BEYOND_CHANCE * chance.get((column, one), 0.0))
    ]
    if not believed:
        engine.drop(met)
        return None
    frame = pl.DataFrame(believed, schema={"column": pl.String(), "other": pl.String()}, orient="row")
    kept = met.semi_join(engine.put(frame, "exchanged_columns"), ["column", "other"])
    mine = kept.select(
        "key", "column", mark=ibis.ifelse(kept.mutual, "exchanged with ", "holds ").concat(kept.other),
        rank=ibis.ifelse(kept.mutual, 0, 1),
    )  # fmt: skip
    theirs = kept.select("key", column="other", mark=ibis.literal("stands in ").concat(kept.column), rank=2)
    both = mine.union(theirs)
    place = ibis.row_number().over(group_by=["key", "column"], order_by=["rank", "mark"])
    first = both.mutate(place=place).filter(lambda row: row.place == 0)
    marks = first.select("key", "column", because=ibis.literal(Reason.EXCHANGED.value), mark="mark")
    return engine.keep(marks, "exchanged_cells")


def _by_chance(engine: Engine, cells: ir.Table, met: ir.Table) -> dict[tuple[str, str], float]:
    """How many rows would hold another field's value if the values were dealt out anew."""
    total = dict(engine.rows(cells.group_by("column").agg(n=cells.count())))
    ours = cells.semi_join(met, "column").group_by("column", value="p").agg(n_p=ibis._.count())
    theirs = cells.filter(cells.column.isin(met.other)).group_by(other="column", value="t").agg(n_t=ibis._.count())
    joined = ours.join(theirs, "value")
    products = joined.group_by("column", "other").agg(products=(joined.n_p.cast("float64") * joined.n_t).sum())
    return {(column, other): number / max(total[column], 1) for column, other, number in engine.rows(products)}


def beside(engine: Engine, cells: ir.Table, background: Background) -> ir.Table | None:
    """The cells whose value one side holds in another field of its row as well, in the columns of MARK; None: there are
    none.

    `cells` are open: key, column, and the texts of both sides, platform and truth.
    """
    if len(background.contract.compared) < 2:
        return None
    engine.register(FUNCTIONS)
    number = count(engine, cells)
    if number > _LOOKED_AT:
        few = cells.filter(digest(cells.key) <= up_to(number, _LOOKED_AT))
        if (found := _beside(engine, few, background)) is None:
            return None
        engine.drop(found)
    return _beside(engine, cells, background)


def _beside(engine: Engine, cells: ir.Table, background: Background) -> ir.Table | None:
    names = [column.name for column in background.contract.compared]
    table = {"column": names, "own": [str(place) for place in range(len(names))]}
    known = engine.put(pl.DataFrame(table, schema={"column": pl.String(), "own": pl.String()}), "places_of_columns")
    rows = background.fetched.semi_join(cells, "key")
    texts = rows.select("key", ours=_as_text(rows, "p", len(names)), theirs=_as_text(rows, "t", len(names)))
    joined = cells.join(texts, "key").mutate(p=_plain(cells.platform), t=_plain(cells.truth))
    joined = joined.filter(joined.p != joined.t)
    pieces = []
    for side, own, row, other, other_row in (
        (" on platform", "p", "ours", "t", "theirs"),
        (" in truth", "t", "theirs", "p", "ours"),
    ):
        value = joined[own]
        tells = (value.length() >= _SHORTEST) & value.re_search(_TELLS)
        twice = joined[row].length() - joined[row].replace(_wrapped(value), "").length() >= 2 * (value.length() + 2)
        longer = value.startswith(joined[other]) | value.endswith(joined[other])
        at_a_word = longer & (joined[other] != "") & (value.length() > joined[other].length() + 1)
        pieces.append(
            joined.filter((tells & twice) | at_a_word).select(
                "key", "column", value=joined[own], short=joined[other], row=joined[row], short_row=joined[other_row],
                side=ibis.literal(side), is_copy=tells & twice,
            )
        )  # fmt: skip
    found = engine.keep(ibis.union(*pieces), "cells_beside")
    if not filled(engine, found):
        engine.drop(found)
        return None
    placed = found.join(known, "column")
    copies = placed.filter(placed.is_copy)
    places = _place(copies.value, copies.own.concat(_AND, copies.row))
    copies = copies.mutate(first=places).select("key", "column", "side", "first", "value")
    split = placed.filter(~placed.is_copy)
    parts = _parts(split.value, ibis.literal(_AND).join([split.own, split.short, split.short_row, split.row]))
    split = split.mutate(parts=parts).filter(lambda one: one.parts.notnull()).select("key", "column", "side", "parts")
    others = known.select(first="own", other="column")
    copied = engine.keep(copies.join(others, "first").drop("first"), "copied_cells")
    copied = _believed(
        engine, copied.anti_join(cells.select("key", other="column"), ["key", "other"]), cells, background
    )
    mine = copied.select("key", "column", mark=ibis.literal("a copy of ").concat(copied.other, copied.side), rank=0)
    for number in range(_MOST_PARTS):
        piece = split.mutate(first=split.parts.re_extract(rf"^(?:\d+,){{{number}}}(\d+)", 1)).join(others, "first")
        if not number:
            whole = piece.select("key", "column", mark=piece.other.concat(" as well", piece.side), rank=1)
            mine = mine.union(whole)
        within = ibis.literal("within ").concat(piece.column, piece.side)
        mine = mine.union(piece.select("key", column="other", mark=within, rank=2))
    place = ibis.row_number().over(group_by=["key", "column"], order_by=["rank", "mark"])
    first = mine.mutate(place=place).filter(lambda row: row.place == 0)
    marks = first.select("key", "column", because=ibis.literal(Reason.EXCHANGED.value), mark="mark")
    kept = engine.keep(marks, "marked_beside")
    engine.drop(found)
    return kept if filled(engine, kept) else None


def _believed(engine: Engine, copied: ir.Table, cells: ir.Table, background: Background) -> ir.Table:
    """The copies in pairs of fields that hardly ever hold the same, in a sample of all profiles."""
    each = copied.group_by("column", "other", "side").agg(n=copied.count(), different=copied.value.nunique())
    counted = engine.rows(each.filter(each.different >= ibis.least(each.n, FEWEST)).drop("different"))
    sizes = dict(engine.rows(cells.group_by("column").agg(n=cells.count())))
    drawn = background.drawn
    believed = []
    for column, other, side, number in counted:
        prefix = "p" if side == " on platform" else "t"
        one, another = (_plain(drawn[f"{prefix}{background.place(name)}"]) for name in (column, other))
        asked = drawn.agg(same=drawn.count(where=(one == another) & (one != "")), filled=drawn.count(where=one != ""))
        [(same, there)] = engine.rows(asked)
        share = max(same - number, 0) / max(there, 1)
        if share <= _SELDOM and number >= _BEYOND_CHANCE * share * sizes[column]:
            believed.append((column, other, side))
    schema = {"column": pl.String(), "other": pl.String(), "side": pl.String()}
    return copied.semi_join(
        engine.put(pl.DataFrame(believed, schema=schema, orient="row"), "copied_columns"), [*schema]
    )


def _plain(text: ir.StringValue) -> ir.StringValue:
    return text.fill_null("").strip().lower()


def _wrapped(text: ir.StringValue) -> ir.StringValue:
    return ibis.literal(_OPENS).concat(text, _CLOSES)


def _as_text(rows: ir.Table, prefix: str, number: int) -> ir.StringValue:
    """All values of one side of a row as one text, in lower case."""
    values = [rows[f"{prefix}{place}"].fill_null("").strip() for place in range(number)]
    joined: ir.StringValue = ibis.literal(_CLOSES + _OPENS).join(values)
    return _wrapped(joined).lower()


# --- of texts ---


def place(value: str | None, own_and_row: str | None) -> str | None:
    """The first place in a row, but its own, at which a value stands."""
    if value is None or own_and_row is None:
        return None
    own, _, row = own_and_row.partition(_AND)
    there = (str(number) for number, text in enumerate(_values(row)) if text == value)
    return next((one for one in there if one != own), None)


def parts(value: str | None, rest: str | None) -> str | None:
    """The places of the fields that make up what a cell holds beside its own value, with commas between; None: they do
    not.

    `rest` is the cell's own place, its own value, the row that holds each in its field, and the row of the cell.
    """
    if value is None or rest is None:
        return None
    own, short, row, here = rest.split(_AND)
    left = value[len(short) :] if value.startswith(short) else value[: -len(short)]
    if not left or (left[0] if value.startswith(short) else left[-1]).isalnum():
        return None
    beside_it = list(zip(_values(row), _values(here), strict=True))
    fitting = [
        (number, text)
        for number, (text, there) in enumerate(beside_it)
        if str(number) != own and text and (not there or (there == text and sum(map(str.isalpha, text)) >= _SHORTEST))
    ]
    used: list[int] = []
    while left := left.strip(_BETWEEN_WORDS):
        found = [one for one in fitting if one[0] not in used and _begins(left, one[1])]
        if not found or len(used) == _MOST_PARTS:
            return None
        number, text = max(found, key=lambda one: len(one[1]))
        used.append(number)
        left = left[len(text) :]
    return ",".join(map(str, used)) or None


_BETWEEN_WORDS: Final = " \t,;/|()-–·."


def _begins(text: str, word: str) -> bool:
    return text.startswith(word) and (len(text) == len(word) or text[len(word)] in _BETWEEN_WORDS)


def _values(row: str) -> list[str]:
    return row[1:-1].split(_CLOSES + _OPENS)


FUNCTIONS: Final[Sequence[tuple[str, Callable[..., Any], int, str]]] = (
    ("auditor_place", place, 2, "string"),
    ("auditor_parts", parts, 2, "string"),
)
"""What `Engine.register` puts before these expressions: name, function, parameters, result."""
