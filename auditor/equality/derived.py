"""Columns of the truth that are worked out from others: `truth = "first || ' ' || last"` in the contract.

A name of the truth's own wins, however much it looks like an expression. An expression may use the truth's columns, a
short list of functions on texts, numbers and dates, and nothing else: what is run is written anew from what was
understood, so it can reach no file, no network, no setting and no other table.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from auditor.engine.duckdb import DuckDB, literal, quote
from auditor.errors import SettingsError
from auditor.settings.contract import Contract
from auditor.settings.problems import nearest

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

_NODES = (
    "Column Identifier Literal Null Boolean Paren DPipe Concat ConcatWs Coalesce Nullif Case If And Or Not EQ NEQ GT "
    "GTE LT LTE Is In Between Like ILike RegexpLike Add Sub Mul Div Mod Neg Abs Round Upper Lower Trim Left Right "
    "Substring Replace RegexpReplace SplitPart Length Pad Cast TryCast DataType DataTypeParam "
    "StrToTime TimeToStr Year Month Day"
)
"""What an expression may be made of, by sqlglot's names."""
_FUNCTIONS = {"strip_accents", "nfc_normalize", "try_strptime", "contains", "starts_with", "ends_with"}
"""Functions that sqlglot has no name of its own for."""
_TYPES = {"TEXT", "VARCHAR", "INT", "BIGINT", "DOUBLE", "DECIMAL", "DATE", "TIMESTAMP", "BOOLEAN"}
_HINT = (
    "columns, texts in single quotes, || + - * / = < > and or not in like case, coalesce, nullif, concat, upper, "
    "lower, trim, left, right, substring, replace, regexp_replace, split_part, length, lpad, round, "
    "try_cast, strptime, strftime"
)


_CELL, _LONGEST, _WIDEST = 1_000, 1_000_000, 1_000
"""Characters: of a cell, as is assumed; that a value made of such cells may have; that a value may be padded to."""
_OTHER = 40
"""Characters that a number, a date or a truth value becomes at most, but for decimals of hundreds of digits."""

_EXPRESSION = re.compile(r"[|()'+*<>=;]| [-/%] ")
"""What no ordinary name holds: a text without it is a name, and one that is not there is a missing column."""


@dataclass(frozen=True, slots=True)
class Derived:
    """One derived column, understood."""

    text: str
    """As it stands in the contract; the column's name from here on."""
    sql: str
    """What is run: a text."""
    columns: tuple[str, ...]
    """The truth's own columns that it reads."""


def derived(contract: Contract, there: Sequence[str]) -> list[Derived]:
    """The derived columns of a contract whose truth has the columns `there`.

    Raises SettingsError for an expression that is not allowed, or that names a column the truth does not have.
    """
    found = {}
    for column in contract.columns:
        if column.truth not in there and _EXPRESSION.search(column.truth):
            found[column.truth] = _understood(column.name, column.truth, tuple(there))
    return list(found.values())


def add_derived(engine: DuckDB, found: Sequence[Derived], landed: Path) -> str | None:
    """The query that has the landed columns and the derived ones; None where nothing is derived.

    Raises SettingsError for an expression whose types do not fit, or that fails on a row.
    """
    if not found:
        return None
    columns = ", ".join(f"{one.sql} AS {quote(one.text)}" for one in found)
    source = f"read_parquet({literal(landed.resolve())})"
    for one in found:
        try:
            engine.execute(f"SELECT count({one.sql}) FROM {source}")
        except (duckdb.BinderException, duckdb.CatalogException) as error:
            raise SettingsError(f'truth = "{one.text}" cannot be worked out: {_first(error)}', hint=_CAST) from None
        except (duckdb.ConversionException, duckdb.InvalidInputException, duckdb.OutOfRangeException):
            # Its message holds values of profiles.
            raise SettingsError(f'truth = "{one.text}" cannot be worked out for every row', hint=_CAST) from None
    return f"SELECT *, {columns} FROM {source}"


_CAST = (
    "every column of a file is text: try_cast(points as integer) and try_strptime give nothing where it does not fit"
)


def _understood(name: str, text: str, there: tuple[str, ...]) -> Derived:
    import sqlglot  # slow to import, and needed by few
    from sqlglot import exp

    place = f'columns.{name}: truth = "{text}"'
    try:
        parsed = [tree for tree in sqlglot.parse(text, dialect="duckdb") if tree is not None]
    except sqlglot.errors.SqlglotError:
        parsed = []
    if len(parsed) != 1:
        raise SettingsError(f"{place} is neither a column of the truth nor an expression", hint=_HINT)
    tree = parsed[0]
    columns: dict[str, None] = {}
    for node in list(tree.walk()):
        if isinstance(node, exp.Anonymous):
            if str(node.this).lower() not in _FUNCTIONS:
                raise SettingsError(f"{place}: {str(node.this).lower()}() is not allowed", hint=_HINT)
        elif isinstance(node, exp.DataType):
            if getattr(node.this, "value", "") not in _TYPES or any(
                isinstance(part, exp.DataType) for part in node.expressions
            ):
                raise SettingsError(f"{place}: the type {node.sql()} is not allowed", hint=_HINT)
        elif type(node) not in _allowed():
            raise SettingsError(f"{place}: {type(node).__name__} is not allowed", hint=_HINT)
        if isinstance(node, exp.In) and (node.args.get("query") or node.args.get("unnest") or node.args.get("field")):
            raise SettingsError(f"{place}: in takes a list of values", hint=_HINT)
        if isinstance(node, exp.Column):
            if node.name not in there or len(node.parts) != 1:
                raise SettingsError(f'{place}: the truth has no column "{node.sql()}"{nearest(node.name, there)}')
            columns[node.name] = None
            node.this.set("quoted", True)
    if (most := _longest(tree, place)) > _LONGEST:
        raise SettingsError(
            f"{place}: a value could become {most:,} characters long where cells have {_CELL:,}",
            hint=f"at most {_LONGEST:,} are allowed: put less in place of what is replaced",
        )
    return Derived(text, f"CAST({tree.sql(dialect='duckdb')} AS VARCHAR)", tuple(columns))


def _longest(node: Expr, place: str) -> int:
    """Characters that a value may have at most, where every cell has `_CELL`. Raises SettingsError for padding that is
    not bounded."""
    from sqlglot import exp

    if isinstance(node, exp.Column):
        return _CELL
    if isinstance(node, exp.Literal):
        return len(node.this)
    inner = sum(_longest(part, place) for part in node.iter_expressions())
    if isinstance(node, exp.Pad):
        width = node.expression
        if not (isinstance(width, exp.Literal) and width.this.isdecimal() and int(width.this) <= _WIDEST):
            raise SettingsError(f"{place}: the width of lpad and rpad is a whole number up to {_WIDEST:,}", hint=_HINT)
        return max(inner, int(width.this))
    if isinstance(node, exp.Replace | exp.RegexpReplace):
        text, found, put = _longest(node.this, place), node.expression, node.args.get("replacement")
        most = _longest(put, place) if put is not None else 0
        if isinstance(node, exp.Replace) and isinstance(found, exp.Literal) and found.this:
            return text * max(1, -(-most // len(found.this)))
        # At worst every character is replaced, each place between them too, and what was found is put back.
        return text * (1 + str(put).count("\\")) + (text + 1) * most
    if isinstance(node, exp.TimeToStr):
        return inner * 10  # `%A` is `Wednesday`
    return inner + _OTHER


@cache
def _allowed() -> frozenset[type]:
    from sqlglot import exp

    return frozenset(getattr(exp, name) for name in _NODES.split())


def _first(error: Exception) -> str:
    """DuckDB's own words about types and names: of the expression, not of any value."""
    return str(error).splitlines()[0].partition(": ")[2]
