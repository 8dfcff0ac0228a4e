"""Values that stand in another row of the same column.

    swapped       two profiles carry each other's value
    slipped       the values of a column are those of other rows: it slipped by some rows, or was sorted alone

Which of the two sides is wrong cannot be seen, so neither is blamed. What chance would give as well is not believed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING, Any, Final

import ibis
import polars as pl

from auditor.engine.protocol import Engine, count
from auditor.equality.primitives import fold
from auditor.explain.background import Background
from auditor.explain.in_columns import SAMPLED, digest, up_to
from auditor.findings.reason import Reason

if TYPE_CHECKING:
    import ibis.expr.types as ir

_FEWEST_ROWS: Final = 5
"""Cells of a column that must stand in other rows."""
_MOST: Final = 0.9
"""The share of a column's differing cells whose value must stand in another of them."""
_SHIFTED: Final = 0.6
"""The share whose value must stand the same number of rows away."""
_BEYOND_CHANCE: Final = 3
_ROWS_AWAY: Final = (1, -1, 2, -2, 3, -3)
_IN_ORDER: Final = 0.98
_GIVEN_OUT: Final = re.compile(r"[\d\s.,:/+tz-]+")
"""A number or a moment, in lower case."""
_THEIR_OWN: Final = 0.75
"""The share of a column's values that nobody else has, where a few that stand in other rows are believed."""
_HARDLY: Final = 0.02
"""How probable it may be that somebody else just changed the other way round."""

MARK: Final = ("key", "column", "because", "mark")
"""The columns of what is found here: a reason, and a pattern."""


def swapped(
    engine: Engine, cells: ir.Table, identifying: Sequence[str], background: Background | None
) -> ir.Table | None:
    """The cells whose values were exchanged between two profiles, in the columns of MARK; None: there are none.

    `cells` may be so: key, column, p, t (canonical forms) and the platform's text. The pair of values and the exchanged
    pair each stand in exactly one cell of the column. Where values repeat, that also happens by chance: in a column
    that does not identify people it is believed only if it happens at least twice as often as chance would have it, and
    of values that so few people have that no two of them just changed theirs.
    """
    once = cells.group_by("column", "p", "t").agg(n=cells.count(), key=cells.key.min(), text=cells.text.min())
    once = once.filter(once.n == 1)
    pairs = once.semi_join(once.select("column", p="t", t="p"), ["column", "p", "t"])
    found = pairs.group_by("column").agg(pairs=pairs.count() / 2)
    chance = _pairs_by_chance(cells.semi_join(found, "column"))
    believed = found.join(chance, "column").filter(
        lambda row: (row.pairs >= 2 * row.expected) | row.column.isin(list(identifying))
    )
    kept = engine.keep(pairs.semi_join(believed, "column"), "swapped_pairs")
    there = [column for (column,) in engine.rows(kept.select("column").distinct())]
    if not there:
        engine.drop(kept)
        return None
    few = kept
    if background is not None and (doubtful := [column for column in there if column not in identifying]):
        rare = _of_few(kept.filter(kept.column.isin(doubtful)), cells, doubtful, background)
        few = kept.filter(~kept.column.isin(doubtful)).select("key", "column").union(rare)
    marks = few.select("key", "column", because=ibis.literal(Reason.SWAPPED.value), mark=ibis.null(str))
    return engine.keep(marks, "swapped_cells")


def _pairs_by_chance(cells: ir.Table) -> ir.Table:
    """Per column the exchanged pairs that random pairs of the same values would hold: n²/2 · (Σ p(v)·t(v))²."""
    total = cells.group_by("column").agg(n=cells.count())
    platform = cells.group_by("column", value=cells.p).agg(n_p=cells.count())
    truth = cells.group_by("column", value=cells.t).agg(n_t=cells.count())
    both = platform.join(truth, ["column", "value"])
    products = both.group_by("column").agg(products=(both.n_p.cast("float64") * both.n_t).sum())
    joined = total.left_join(products, "column").select("column", "n", "products")
    n = joined.n.cast("float64")
    return joined.select("column", expected=(joined.products.fill_null(0.0) / n) ** 2 / 2)


def _of_few(pairs: ir.Table, cells: ir.Table, columns: Sequence[str], background: Background) -> ir.Table:
    """`key` and `column` of the pairs that the other differing cells of the column would hardly hold by chance, as
    often as both values stand in a sample of all profiles.
    """
    drawn = background.drawn
    texts = {column: drawn[f"p{background.place(column)}"] for column in columns}
    counts = (
        drawn.group_by(column=ibis.literal(column), text=text).agg(having=drawn.count())
        for column, text in texts.items()
    )
    held = ibis.union(*counts)
    often = pairs.left_join(held, ["column", "text"]).select("key", "column", "p", "t", "having")
    often = often.cross_join(drawn.agg(sampled=drawn.count()))
    often = often.mutate(share=ibis.greatest(often.having.fill_null(0), 1) / often.sampled)
    theirs = often.select("column", p="t", t="p", other="share")
    sizes = cells.group_by("column").agg(differing=cells.count())
    both = often.join(theirs, ["column", "p", "t"]).join(sizes, "column")
    return both.filter((both.differing - 1) * both.share * both.other <= _HARDLY).select("key", "column")


def slipped(
    engine: Engine, cells: ir.Table, identifying: Sequence[str], background: Background | None
) -> ir.Table | None:
    """The cells whose value stands in another row of the column, in the columns of MARK; None: there are none.

    `cells` are open: key, column, p, t (folded canonical forms). In an `identifying` column a few are believed, as in
    one in which nearly everybody has a value of their own; in any other nearly all.
    """
    ours = cells.group_by("column", value="p").agg(n_p=cells.count())
    theirs = cells.group_by("column", value="t").agg(n_t=cells.count())
    both = ours.join(theirs, ["column", "value"])
    matched = both.group_by("column").agg(
        matched=ibis.least(both.n_p, both.n_t).sum(),
        different=both.count(),
        alone=both.count(where=(both.n_p == 1) & (both.n_t == 1)),
    )
    sizes = cells.group_by("column").agg(n=cells.count())
    found = engine.rows(matched.join(sizes, "column").select("column", "n", "matched", "different", "alone"))
    marks: dict[str, str] = {}
    for column, number, having, different, alone in found:
        nearly_all = number >= 2 * _FEWEST_ROWS and having >= _MOST * number
        if (
            different >= _FEWEST_ROWS
            and having >= _SHIFTED * number
            and (away := _rows_away(engine, cells, column, number, background))
        ):
            marks[column] = away
        elif nearly_all and 4 * different >= number and different >= _FEWEST_ROWS:
            marks[column] = _sorted_alone(engine, cells, column, number, background)
        elif alone >= _FEWEST_ROWS and (
            column in identifying or alone >= _BEYOND_CHANCE * _met_by_chance(engine, cells, column, number, background)
        ):
            marks[column] = "in another row"
    if not marks:
        return None
    named = pl.DataFrame({"column": list(marks), "mark": list(marks.values())})
    believed = cells.join(engine.put(named, "slipped_columns"), "column")
    held, held_there = ours.select("column", t="value"), theirs.select("column", p="value")
    there = believed.semi_join(held, ["column", "t"]).union(believed.semi_join(held_there, ["column", "p"])).distinct()
    return engine.keep(
        there.select("key", "column", because=ibis.literal(Reason.SLIPPED.value), mark="mark"), "slipped_cells"
    )


def _met_by_chance(engine: Engine, cells: ir.Table, column: str, number: int, background: Background | None) -> float:
    """How many of so many differing cells would hold what another of them held by chance, at the most; without end
    where a sample of all profiles does not show that nearly everybody has their own.

    Two measures: how often two rows of the sample hold the same, and how many new values stand in rows that agree.
    """
    if background is None:
        return inf
    place = background.place(column)
    drawn = background.drawn.select("key", text=fold(background.drawn[f"p{place}"]))
    drawn = drawn.filter(drawn.text.fill_null("") != "")
    sizes = drawn.group_by("text").agg(n=drawn.count())
    asked = sizes.agg(
        sampled=sizes.n.sum(), alone=sizes.count(where=sizes.n == 1), pairs=(sizes.n * (sizes.n - 1)).sum() / 2
    )
    [(sampled, alone, pairs)] = engine.rows(asked)
    mine = cells.filter(cells.column == column)
    agreeing = drawn.anti_join(mine, "key")
    there, hits = count(engine, agreeing), count(engine, mine.semi_join(agreeing, mine.t == agreeing.text))
    if (sampled or 0) < 2 or alone < _THEIR_OWN * sampled or not there:
        return inf
    # Where none of a hundred pairs are alike, three of them may still be so.
    alike: float = number**2 * (pairs + 3) / (sampled * (sampled - 1) / 2)
    return max(alike, hits * number / there)


def _rows_away(engine: Engine, cells: ir.Table, column: str, number: int, background: Background | None) -> str | None:
    """`slipped by 1 row on platform`, where most values stand so many rows away in the order of that side's file."""
    if background is None:
        return None
    rows = cells.filter(cells.column == column).join(
        background.matched.both.select("key", "platform_row", "truth_row"), "key"
    )
    sides = []
    for side in ("platform", "truth"):
        here = rows.select("p", "t", row=rows[f"{side}_row"])
        steps = engine.put(pl.DataFrame({"step": list(_ROWS_AWAY)}, schema={"step": pl.Int64()}), "steps")
        moved = here.cross_join(steps).mutate(row=lambda one: one.row + one.step).select("row", "step", value="p")
        met = moved.join(here.select("row", "t"), "row")
        found = met.group_by("step").agg(n=met.count(where=met.value == met.t), there=met.count())
        best = max(engine.rows(found), key=lambda one: one[1], default=(0, 0, 0))
        usual = sum(sorted((n for _, n, _ in engine.rows(found)))[:-1]) / (len(_ROWS_AWAY) - 1)
        if best[1] >= max(_SHIFTED * number, _BEYOND_CHANCE * usual, _FEWEST_ROWS):
            sides.append((side, abs(best[0])))
    if not sides:
        return None
    rows_away = f"slipped by {sides[0][1]} row{'s' if sides[0][1] > 1 else ''}"
    return rows_away if len(sides) > 1 else f"{rows_away} {'on platform' if sides[0][0] == 'platform' else 'in truth'}"


def _sorted_alone(engine: Engine, cells: ir.Table, column: str, number: int, background: Background | None) -> str:
    """Which side is in order while the other is not; `in another row`, where that cannot be seen.

    Numbers and moments that rise with the keys are in the order in which they were given out, and it is the other side
    that may have been mixed up.
    """
    if background is None:
        return "in another row"
    rows = cells.filter(cells.column == column, digest(cells.key) <= up_to(number, SAMPLED))
    rows = rows.join(background.matched.both.select("key", "platform_row", "truth_row"), "key")
    found = engine.rows(rows.select("platform_row", "truth_row", "p", "t", "key"))
    ours = sorted((row, p, key) for row, _, p, _, key in found)
    theirs = sorted((row, t, key) for _, row, _, t, key in found)
    in_order = {"on platform": _alone_in_order(ours), "in truth": _alone_in_order(theirs)}
    alone = [side for side, is_so in in_order.items() if is_so]
    return f"sorted alone {alone[0]}" if len(alone) == 1 else "in another row"


def _alone_in_order(rows: Sequence[tuple[int, str, str]]) -> bool:
    """Whether the values of rows are in order, and not because they are given out in that of the keys."""
    values = [value for _, value, _ in rows]
    if not _in_order(values):
        return False
    return not (all(map(_GIVEN_OUT.fullmatch, values)) and _in_order([key for _, _, key in rows]))


def _in_order(values: Sequence[str]) -> bool:
    """Whether nearly all of them are in ascending or descending order, as texts or as numbers."""
    numbers = _as_numbers(values)
    return _rising(values) or (len(numbers) == len(values) and _rising(numbers))


def _rising(values: Sequence[Any]) -> bool:
    up = sum(one <= other for one, other in pairwise(values))
    down = sum(one >= other for one, other in pairwise(values))
    return bool(max(up, down) >= _IN_ORDER * (len(values) - 1))


def _as_numbers(values: Sequence[str]) -> list[float]:
    try:
        return [float(one) for one in values]
    except ValueError:
        return []
