"""What the product itself recognises as damage in a value of the truth: that is never written by itself.

A pair of values tells some of it (the cause's pattern says which side was garbled or cut off), the value alone more,
and its place the rest: what stands in another column of the row, or in another profile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Final

import polars as pl

from auditor.findings.audit import Audit
from auditor.findings.codes import Code, Notice
from auditor.findings.damage import ContactCheck, Damage
from auditor.findings.reason import Reason
from auditor.model import Side, Why
from auditor.plan.damaged_text import OF_A_TEXT, looks_damaged, worded
from auditor.plan.knowledge import CELL, Knowledge
from auditor.settings.contract import Column, Compare
from auditor.settings.letters import LETTERS
from auditor.writes import LeftAlone, Write

PATTERN: Final = 5
"""So many cells of one column that look damaged are no accident: what was not recognised may stand beside them."""

_IN_TRUTH: Final = " in truth"
"""How the pattern of a cause names the side that suffered."""
_OF_PLATFORM: Final = r"^(a copy of|within) .* on platform$| as well on platform$"
"""Patterns of a copy, or of two values in one cell, that the platform has: they do not speak against the truth."""
_PERHAPS: Final = ("garbled", "codes on both sides")
"""Patterns that leave open which side did."""
_COMPUTED: Final = ("rounding noise in truth", "32 bits in truth")
_BY_PATTERN: Final = {
    Reason.ENCODING: Damage.ENCODING,
    Reason.LEADING_ZERO: Damage.LEADING_ZERO,
    Reason.MARKUP: Damage.MARKUP,
    Reason.SPREADSHEET: Damage.SPREADSHEET,
    Reason.SEVERAL: Damage.SEVERAL,
    Reason.TRUNCATED: Damage.TRUNCATED,
}
_BY_PLACE: Final = {
    Reason.EXCHANGED: Damage.EXCHANGED,
    Reason.SWAPPED: Damage.OF_ANOTHER,
    Reason.SLIPPED: Damage.OF_ANOTHER,
}
"""What stands at another place: which of the two sides is wrong cannot be seen, so that nothing is written."""


def with_damage(rows: pl.DataFrame, audit: Audit, known: Knowledge) -> pl.DataFrame:
    """The rows, in the columns of `Audit.differences`, with `damage`: a findings.damage.Damage, or null."""
    columns = {column.name: column for column in audit.columns}
    patterns = audit.causes.select("cause", "pattern").unique("cause")
    rows = rows.join(patterns, on="cause", how="left", maintain_order="left")
    of_others = _of_others(known).with_columns(is_of_another=True)
    rows = rows.join(of_others, on=CELL, how="left", maintain_order="left")
    for name, cells in (("is_exchanged", _exchanged(rows, columns.values())), ("is_doubted", doubted(audit))):
        rows = rows.join(cells.with_columns(pl.lit(True).alias(name)), on=CELL, how="left", maintain_order="left")
    judged = pl.col("truth").fill_null("") != ""
    judged &= pl.col("column").is_in([name for name, column in columns.items() if column.permission is None])
    before = pl.col("platform").fill_null("")
    rules = [
        *((_suffered(reason), damage) for reason, damage in _BY_PATTERN.items()),
        ((pl.col("reason") == Reason.NOTATION.value) & pl.col("pattern").is_in(_COMPUTED), Damage.COMPUTED),
        *((_stands_elsewhere(reason), damage) for reason, damage in _BY_PLACE.items()),
        *((looks_damaged(pl.col("truth"), before, one, pl.col("column"), audit.columns), one) for one in OF_A_TEXT),
        (pl.col("is_exchanged"), Damage.EXCHANGED),
        (pl.col("is_of_another"), Damage.OF_ANOTHER),
        (pl.col("is_doubted"), Damage.DOUBTED),
    ]
    damage = pl.when(judged.fill_null(False)).then(_first(rules))
    return rows.with_columns(damage=damage).drop("pattern", "is_of_another", "is_exchanged", "is_doubted")


def damaged_candidates(rows: pl.DataFrame, columns: Sequence[Column]) -> set[tuple[str, str]]:
    """The cells of profiles to be created, in the columns of `creations.Candidates.rows`, whose text looks damaged."""
    found: set[tuple[str, str]] = set()
    for column in columns:
        if column.permission is None and column.name in rows.columns:
            text, name = pl.col(column.name), pl.lit(column.name)
            any_of = [looks_damaged(text, pl.lit(""), one, name, [column]) for one in OF_A_TEXT]
            damaged = rows.filter(reduce(lambda one, other: one | other, any_of).fill_null(False))
            found |= {(key, column.name) for key in damaged["key"]}
    return found


def doubted(audit: Audit) -> pl.DataFrame:
    """The cells of the truth that a contact check doubts: key, column."""
    found = audit.violations.filter(
        (pl.col("side") == Side.TRUTH.value)
        & pl.col("rule").is_in([check.value for check in ContactCheck])
        & pl.col("key").is_not_null()
    )
    return found.select("key", pl.col("column").str.split(",")).explode("column").with_columns(
        pl.col("column").str.strip_chars()
    ).drop_nulls().unique()  # fmt: skip


def guards(needed: pl.DataFrame, everybody: pl.DataFrame) -> list[Notice]:
    """The columns in which damage is a pattern, and into which values are written nevertheless.

    `needed` is what a plan needs, and `everybody` the same of all profiles: whose cells look damaged is no matter of
    whom a plan is about.
    """
    damaged = everybody.filter(pl.col("why") == Why.DAMAGED)
    written = needed.filter(pl.col("kind").is_not_null() & pl.col("by").is_null())
    return _pattern(Counter(damaged["column"]), Counter(written["column"]))


def guards_of_creations(needed: pl.DataFrame, created: Iterable[Write], left: Iterable[LeftAlone]) -> list[Notice]:
    """The same of who is created: a side that is damaged in a column is so in everybody's row, whoever is missing."""
    damaged = needed.filter(pl.col("why") == Why.DAMAGED)
    cells = Counter(damaged["column"]) + Counter(one.column for one in left if one.why == Why.DAMAGED)
    return _pattern(cells, Counter(cell.column for write in created for cell in write.cells))


def _pattern(damaged: Mapping[str | None, int], written: Mapping[str, int]) -> list[Notice]:
    return [
        Notice(Code.MUCH_DAMAGED, {"column": column, "cells": cells, "written": written[column]})
        for column, cells in sorted((column, cells) for column, cells in damaged.items() if column is not None)
        if cells >= PATTERN and column in written
    ]


# --- of a pair and of its place ---


def _suffered(reason: Reason) -> pl.Expr:
    pattern = pl.col("pattern")
    return (pl.col("reason") == reason.value) & (
        pattern.str.contains(_IN_TRUTH, literal=True) | pattern.is_in(_PERHAPS)
    )


def _stands_elsewhere(reason: Reason) -> pl.Expr:
    return (pl.col("reason") == reason.value) & ~pl.col("pattern").fill_null("").str.contains(_OF_PLATFORM)


def _exchanged(rows: pl.DataFrame, columns: Iterable[Column]) -> pl.DataFrame:
    """The cells of a row that hold, in the truth, each other's value on the platform: key, column.

    Of names and words also where one had none: numbers and addresses move to an empty field for good reasons. And where
    two cells of the row were moved on, whatever the third holds now.
    """
    known = list(columns)
    texts = [column.name for column in known if column.compare in (Compare.NAME, Compare.TEXT, Compare.EXACT)]
    cells = rows.filter(pl.col("column").is_in(worded(known))).select(
        *CELL, p=folded(pl.col("platform")), t=folded(pl.col("truth")), text=pl.col("column").is_in(texts)
    )
    cells = cells.filter(pl.col("p") != pl.col("t"))
    other = cells.rename({"column": "other", "p": "other_p", "text": "other_text"})
    met = cells.filter(pl.col("p") != "").join(other, left_on=["key", "p"], right_on=["key", "t"], how="inner")
    words = pl.col("text") & pl.col("other_text") & pl.col("p").str.contains(r"\pL")
    one_is_empty = words & ((pl.col("other_p") == "") | (pl.col("t") == ""))
    moved_on = (pl.col("p").str.len_chars() > 1) & (pl.col("p").n_unique().over("key") > 1)
    met = met.filter((pl.col("t") == pl.col("other_p")) | one_is_empty | moved_on)
    return pl.concat([met.select(CELL), met.select("key", column="other")]).unique()


def folded(text: pl.Expr) -> pl.Expr:
    """Folds as names are compared: an accent that was lost on the way makes no other value."""
    plain = text.fill_null("").str.replace_all(r"\s+", " ").str.strip_chars().str.to_lowercase()
    return plain.str.normalize("NFD").str.replace_all(r"\p{M}", "").str.replace_many(dict(LETTERS))


def _of_others(known: Knowledge) -> pl.DataFrame:
    """The cells that hold another profile's value. Unique values change hands, so that a few of them say nothing."""
    cells = known.of_others.filter(pl.len().over(CELL) == 1).select(CELL)
    unique = [attribute.name for attribute in known.structure.attributes if attribute.unique]
    return cells.filter(~pl.col("column").is_in(unique) | (pl.len().over("column") >= PATTERN))


def _first(rules: Sequence[tuple[pl.Expr, Damage]]) -> pl.Expr:
    found = [pl.when(holds.fill_null(False)).then(pl.lit(damage.value)) for holds, damage in rules]
    return pl.coalesce(*found)
