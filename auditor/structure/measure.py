"""What the truth's cells look like: counts and lengths per column, asked of DuckDB; no value leaves it but segments.

Two questions. Of a column that the table structure lacks: which forms do its values have (`forms`)? Of one that it
has: how many values would Actito refuse, by which rule of the suite (`refused`)?
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from auditor.engine.duckdb import DuckDB, name_of, quote
from auditor.model import FALSE_SPELLINGS, TRUE_SPELLINGS
from auditor.validate.conditions import ask, met
from auditor.validate.suite import REFERENCE, Expectation

if TYPE_CHECKING:
    import ibis.expr.types as ir

MOST_SEGMENTS: Final = 50
"""A column with more different values than this is no segmentation."""

_WHOLE: Final = r"(0|-?[1-9][0-9]*)"
_DECIMALS: Final = r"-?(0|[1-9][0-9]*)\.[0-9]+"


@dataclass(frozen=True, slots=True)
class Forms:
    """The forms of one column's filled cells. Every number counts cells but for the lengths, in characters."""

    words: tuple[str, ...]
    """The spellings of yes and no that occur, in lower case; empty where other values occur, too."""
    rows: int
    filled: int
    longest: int
    shortest: int
    whole: int
    """Whole numbers without a leading zero or a plus."""
    whole_32: int
    """Those of them that fit into 32 bits."""
    whole_64: int
    decimals: int
    """Numbers with a dot and decimals, without a leading zero."""
    decimal_places: int
    """How many different numbers of decimals there are."""
    digits: int
    """Digits of the longest number, whole or with decimals."""
    leading_zero: int
    """Digits only, beginning with a zero that a number would lose; or with a plus."""
    dates: int
    timestamps: int
    commas: int
    """Numbers with a comma before the decimals."""
    slashed: int
    """`1/2/2026` and its like, whose day and month nobody can tell apart."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """How many cells of a column break one rule of the suite."""

    column: str
    rule: str
    sentence: str
    """What is right."""
    cells: int
    filled: int
    """Filled cells of the column, those included."""
    longest: int
    """Characters of the longest of them."""


_YES_NO: Final = tuple(word for word in TRUE_SPELLINGS + FALSE_SPELLINGS if word.isalpha())
"""A column of nothing but 1 and 0 may as well hold numbers."""


def forms(engine: DuckDB, view: ir.Table, columns: Sequence[str]) -> dict[str, Forms]:
    """The forms of text columns of a table or view; blank cells are empty."""
    return {column: _forms(engine, view, column) for column in columns}


def _forms(engine: DuckDB, view: ir.Table, column: str) -> Forms:
    def count(condition: str) -> str:
        return f"count(*) FILTER (WHERE {condition})"

    def matches(pattern: str) -> str:
        return f"regexp_full_match(cell, '{pattern}')"

    whole, decimals = matches(_WHOLE), matches(_DECIMALS)
    words = ", ".join(f"'{word}'" for word in _YES_NO)
    day = "try_strptime(cell[1:10], '%Y-%m-%d') IS NOT NULL"
    query = f"""
        SELECT (SELECT count(*) FROM {name_of(view)}), count(*),
          coalesce(max(length(cell)), 0), coalesce(min(length(cell)), 0),
          {count(whole)}, {count(f"{whole} AND TRY_CAST(cell AS INTEGER) IS NOT NULL")},
          {count(f"{whole} AND TRY_CAST(cell AS BIGINT) IS NOT NULL")},
          {count(decimals)}, count(DISTINCT length(split_part(cell, '.', 2))) FILTER (WHERE {decimals}),
          coalesce(max(length(regexp_replace(cell, '[^0-9]', '', 'g'))) FILTER (WHERE {whole} OR {decimals}), 0),
          {count(matches("[+-]?0[0-9]+|[+][0-9]+|-0"))},
          {count(f"{matches('[0-9]{4}-[0-9]{2}-[0-9]{2}')} AND {day}")},
          {count(f"{matches('[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}')} AND {day}")},
          {count(matches("-?[0-9]+,[0-9]+"))},
          {count(matches("[0-9]{1,2}[/.-][0-9]{1,2}[/.-]([0-9]{4}|[0-9]{2})"))},
          CASE WHEN count(*) = {count(f"lower(cell) IN ({words})")}
            THEN list_sort(list(DISTINCT lower(cell)) FILTER (WHERE lower(cell) IN ({words}))) END
        FROM (SELECT trim({quote(column)}) AS cell FROM {name_of(view)}) WHERE cell <> ''"""
    [(*numbers, spelt)] = engine.execute(query)
    return Forms(tuple(spelt or ()), *map(int, numbers))


def refused(engine: DuckDB, view: ir.Table, expectations: Iterable[Expectation]) -> list[Refusal]:
    """The rules of the structure that cells of a view break, but for keys of other tables, which are not looked
    up; `auditor_phone` is registered. Uniqueness is judged by
    the column `auditor:unique:NAME`, which the view has.
    """
    asked = [item for item in expectations if item.generated and item.type != REFERENCE]
    if not asked:
        return []
    table = sa.table(view.get_name())
    counts = [_breaks(item).label(f"n{place}") for place, item in enumerate(asked)]
    filled = [sa.func.count(_cell(item.columns[0])).label(f"f{place}") for place, item in enumerate(asked)]
    lengths = [
        sa.func.coalesce(sa.func.max(sa.func.length(_cell(item.columns[0]))), 0).label(f"l{place}")
        for place, item in enumerate(asked)
    ]
    [row] = ask(engine, sa.select(*counts, *filled, *lengths).select_from(table))
    many = len(asked)
    found = zip(asked, row[:many], row[many : 2 * many], row[2 * many :], strict=True)
    return [
        Refusal(item.columns[0], item.rule, item.sentence, int(cells), int(some), int(longest))
        for item, cells, some, longest in found
        if cells
    ]


def segments(engine: DuckDB, view: ir.Table, column: str) -> tuple[str, ...] | None:
    """The different values of a column, the commonest first; None where they are too many to be segments."""
    rows = engine.execute(
        f"SELECT cell FROM (SELECT trim({quote(column)}) AS cell FROM {name_of(view)}) WHERE cell <> ''"
        f" GROUP BY cell ORDER BY count(*) DESC, cell LIMIT {MOST_SEGMENTS + 1}"
    )
    return None if len(rows) > MOST_SEGMENTS else tuple(str(cell) for (cell,) in rows)


def _cell(column: str) -> sa.ColumnElement[Any]:
    return sa.func.nullif(sa.func.trim(sa.literal_column(quote(column), sa.String())), "")


def _breaks(item: Expectation) -> sa.ColumnElement[int]:
    """How many cells break an expectation that `validate.generate` made of the structure."""
    column = str(item.kwargs["column"])
    cell = _cell(column)
    if item.type == "expect_column_values_to_not_be_null":
        return sa.func.count().filter(cell.is_(None))
    if item.type == "expect_column_values_to_be_unique":
        form = sa.literal_column(quote(f"auditor:unique:{column}"), sa.String())
        return sa.func.count(form) - sa.func.count(form.distinct())
    return sa.func.count().filter(sa.and_(cell.is_not(None), sa.not_(met(cell, item))))
