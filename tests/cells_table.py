"""A `cells` table as the diff leaves it, from a few pairs of values."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

from auditor.engine.duckdb import DuckDB
from auditor.model import AttributeType
from auditor.settings.contract import Column, Compare

if TYPE_CHECKING:
    import ibis.expr.types as ir

MOMENT = datetime(2026, 11, 20, 12, tzinfo=UTC)

SCHEMA = {
    "key": pl.String(),
    "column": pl.String(),
    "compare": pl.String(),
    "platform": pl.String(),
    "truth": pl.String(),
    "platform_canonical": pl.String(),
    "truth_canonical": pl.String(),
    "base": pl.String(),
    "status": pl.String(),
    "moved": pl.String(),
    "waiting": pl.Boolean(),
    "pending": pl.Boolean(),
    "blocked": pl.Boolean(),
    "platform_updated": pl.Datetime("us", "UTC"),
    "truth_updated": pl.Datetime("us", "UTC"),
    "profile_id": pl.String(),
}


@dataclass(frozen=True)
class Cell:
    """One differing cell. The canonical forms are made from the values by a simple reading of the rule."""

    platform: str | None
    truth: str | None
    key: str = "k"
    column: str = "lastName"
    compare: str = "text"
    platform_updated: datetime | None = MOMENT
    truth_updated: datetime | None = MOMENT

    def exchanged(self) -> Cell:
        return replace(self, platform=self.truth, truth=self.platform)


def column(name: str, compare: str = "text", **more: object) -> Column:
    """A compared column whose type fits its rule."""
    types = {"number": AttributeType.NUMERIC, "boolean": AttributeType.BOOLEAN, "date": AttributeType.DATE}
    kind = types.get(compare, AttributeType.STRING)
    return replace(Column(name, name, name, Compare(compare), type=kind), **more)  # type: ignore[arg-type]


def canonical(text: str | None, compare: str) -> str | None:
    """The canonical form for the simple values of these tests."""
    if not text:
        return None
    if compare == "name":
        letters = unicodedata.normalize("NFD", " ".join(text.split())).lower()
        return "".join(char for char in letters if not unicodedata.combining(char))
    if compare == "email":
        return text.strip().lower()
    return text


def make_cells(engine: DuckDB, cells: Sequence[Cell]) -> ir.Table:
    rows = [
        (
            cell.key,
            cell.column,
            cell.compare,
            cell.platform,
            cell.truth,
            canonical(cell.platform, cell.compare),
            canonical(cell.truth, cell.compare),
            None,
            "stale",
            "truth",
            False,
            False,
            False,
            cell.platform_updated,
            cell.truth_updated,
            "p-" + cell.key,
        )
        for cell in cells
    ]
    return engine.put(pl.DataFrame(rows, schema=SCHEMA, orient="row"), "cells")
