"""What a condition of the user's may be: one expression over the columns of a row, that ends."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import duckdb

from auditor.errors import SettingsError

PATIENCE: Final = 120.0
"""Seconds that a condition may take for all rows of an input, of which millions are looked at in a few."""


class NoCondition(ValueError):
    """Is told like what an engine says of a condition that does not fit the table."""


class TooSlow(SettingsError):
    """A condition that has not come to an end."""

    def __init__(self, condition: str) -> None:
        super().__init__(
            f"the condition takes longer than {PATIENCE:g} seconds: {condition}",
            hint="compare columns with values, and leave out what makes long texts or lists",
        )


def in_brackets(condition: str) -> str:
    """The condition as a part of a statement: a comment at its end takes nothing else with it."""
    return f"({condition}\n)"


def require_condition(condition: str) -> None:
    """Raises NoCondition for what is more than one expression, or asks other tables, files or statements."""
    with duckdb.connect() as parser:
        query = "SELECT json_serialize_sql(?)"
        [(text,)] = parser.execute(query, [f"SELECT {in_brackets(condition)}"]).fetchall()
    parsed = json.loads(text)
    if parsed["error"] or len(parsed["statements"]) != 1:
        raise NoCondition
    node = parsed["statements"][0]["node"]
    alone = node["type"] == "SELECT_NODE" and node["from_table"]["type"] == "EMPTY" and len(node["select_list"]) == 1
    if not alone or any(part.get("class") == "SUBQUERY" for part in _parts(node)):
        raise NoCondition


def _parts(tree: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for part in tree:
            yield from _parts(part)
