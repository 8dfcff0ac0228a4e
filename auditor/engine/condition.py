"""What a condition of the user's may be: one expression over the columns of a row, that ends.

An engine can be stopped between two portions of rows, not while a function works on one cell. So only functions count
whose work grows with their arguments and not faster: none that makes a longer text or a list of what it is given.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import duckdb

from auditor.errors import SettingsError

PATIENCE: Final = 120.0
"""Seconds that a condition may take for all rows of an input, of which millions are looked at in a few."""


FUNCTIONS: Final = frozenset(
    """
    + - * / // % ** ^ & | ~ << >> || ~~ !~~ ~~* !~~* ~~~ ^@ @
    abs ceil ceiling cos exp floor greatest isfinite isinf isnan least ln log log10 log2 mod pow power round sign sin
    sqrt tan trunc
    ascii base64 bit_length chr concat concat_ws contains ends_with hash hex ilike_escape instr lcase left length
    like_escape lower ltrim md5 nfc_normalize not_ilike_escape not_like_escape ord position prefix regexp_extract
    regexp_full_match regexp_matches reverse right rtrim sha1 sha256 split_part starts_with strip_accents strlen strpos
    substr substring suffix to_base64 translate trim ucase unicode upper
    age century current_date date_add date_diff date_part date_sub date_trunc datediff datepart
    datesub datetrunc day dayname dayofmonth dayofweek dayofyear decade epoch epoch_ms get_current_timestamp hour
    isodow isoyear julian last_day make_date make_time make_timestamp minute month monthname now quarter second
    strftime strptime timezone to_days to_hours to_milliseconds to_minutes to_months to_seconds to_timestamp to_weeks
    to_years today transaction_timestamp try_strptime week weekday weekofyear year yearweek
    coalesce constant_or_null if ifnull nullif row struct_extract array_extract list_value list_contains list_has
    array_contains array_has array_length cardinality filter len list_apply list_filter list_transform map_extract
    split str_split string_split string_to_array typeof
    """.split()  # noqa: SIM905 - one name a line would be two pages
)
"""By the names that DuckDB's parser gives them; AND, IN, BETWEEN, CASE, CAST and comparisons are no functions to it."""


class Unfit(SettingsError):
    """A condition that is one, and is not asked all the same."""


class NoCondition(ValueError):
    """Is told like what an engine says of a condition that does not fit the table; its text may say what to do."""


class UnknownFunction(Unfit):
    """A condition that uses a function which is none of FUNCTIONS."""

    def __init__(self, name: str, condition: str) -> None:
        super().__init__(
            f"the condition uses the function {name}, which none may: {condition}",
            hint="compare columns with values, with lower, trim, substr, length, year and the like; a view or a query "
            "of a database can use any function",
        )


class TooSlow(Unfit):
    """A condition that has not come to an end."""

    def __init__(self, condition: str) -> None:
        super().__init__(
            f"the condition takes longer than {PATIENCE:g} seconds: {condition}",
            hint="compare columns with values, and leave out what makes long texts or lists",
        )


def hint_of(refusal: Exception, otherwise: str) -> str:
    """What to do about a condition that was refused."""
    return str(refusal) if isinstance(refusal, NoCondition) and str(refusal) else otherwise


def in_brackets(condition: str) -> str:
    """The condition as a part of a statement: a comment at its end takes nothing else with it."""
    return f"({condition}\n)"


def require_condition(condition: str) -> None:
    """Raises NoCondition for what is more than one expression, or asks other tables, files or statements, and
    UnknownFunction for what uses functions that are not of FUNCTIONS.
    """
    with duckdb.connect() as parser:
        query = "SELECT json_serialize_sql(?)"
        [(text,)] = parser.execute(query, [f"SELECT {in_brackets(condition)}"]).fetchall()
    parsed = json.loads(text)
    if parsed["error"] or len(parsed["statements"]) != 1:
        raise NoCondition
    node = parsed["statements"][0]["node"]
    alone = node["type"] == "SELECT_NODE" and node["from_table"]["type"] == "EMPTY" and len(node["select_list"]) == 1
    parts = list(_parts(node))
    if not alone or any(part.get("class") in ("SUBQUERY", "WINDOW") for part in parts):
        raise NoCondition
    for part in parts:
        name = part.get("function_name", "").lower()
        if name and name not in FUNCTIONS:
            raise UnknownFunction(name, condition)


def _parts(tree: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for part in tree:
            yield from _parts(part)
