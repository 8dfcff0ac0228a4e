"""What a column is called on a side, which columns of a side are needed, and what one cell of a side says.

The landed rows of a side are text columns under the side's own names, and the row's number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import ibis

from auditor.engine.functions import INSTANT
from auditor.engine.protocol import Engine
from auditor.equality import primitives
from auditor.equality.derived import derived
from auditor.model import Side
from auditor.settings.contract import Column, Contract

if TYPE_CHECKING:
    import ibis.expr.types as ir


def source_name(column: Column, side: Side) -> str:
    """The column's own name on a side."""
    return column.header if side is Side.PLATFORM else column.truth


def wanted_columns(contract: Contract, side: Side, there: Sequence[str]) -> list[str]:
    """Names the columns that are needed, of those that are `there` and of those that must be: the contract's, what a
    population's expression names, and the profile's number if it is exported.
    """
    if side is Side.PLATFORM:
        wanted = [column.header for column in contract.columns]
        wanted += [contract.updated_platform] if contract.updated_platform else []
        expression, useful = contract.population_platform or "", {"profileId"}
    else:
        worked_out = {one.text: one.columns for one in derived(contract, there)}
        wanted = [part for name in contract.truth_columns for part in worked_out.get(name, (name,))]
        expression, useful = contract.population_truth or "", set()
    useful |= {name for name in there if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", expression)}
    return list(dict.fromkeys([*wanted, *(name for name in there if name in useful)]))


def updated_column(contract: Contract, side: Side) -> str | None:
    """The column that holds the moment when a row of the side was last updated; None where there is none."""
    return contract.updated_platform if side is Side.PLATFORM else contract.updated_truth


def evidence(raw: ir.Table, column: Column, zone: str) -> tuple[ir.TimestampValue, ir.StringValue]:
    """When and where a permission was given or withdrawn, as the truth says; null where it says nothing."""
    date = primitives.instant(raw[column.evidence_date], None, zone) if column.evidence_date else None
    source = primitives.blank_to_null(raw[column.evidence_source]) if column.evidence_source else None
    return (
        ibis.null(INSTANT) if date is None else date,
        ibis.null(str) if source is None else source,
    )


def greatest_moment(engine: Engine, raw: ir.Table, updated: str, zone: str) -> datetime | None:
    """The greatest moment in the column `updated` of a side's landed rows, in UTC; None where no row has one."""
    greatest = primitives.instant(raw[updated], None, zone).max()
    [(moment,)] = engine.rows(greatest.epoch_seconds().name("moment").as_table())
    return None if moment is None else datetime.fromtimestamp(moment, UTC)
