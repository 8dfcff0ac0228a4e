"""Differing cells whose truth the platform has in one other profile: a column slipped, or somebody was mistaken."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from auditor.diff.diffed import Diffed
from auditor.engine.protocol import Engine
from auditor.equality import rules
from auditor.match.join import Matched
from auditor.match.sides import source_name
from auditor.model import AttributeType, Side, Structure
from auditor.settings.contract import Column, Compare, Contract

_TAIL = 6
"""Digits at the end of telephone numbers that are one, however the beginning is spelt."""


def of_others(engine: Engine, contract: Contract, structure: Structure, matched: Matched, diffed: Diffed) -> ir.Table:
    """The cells of such profiles, of the columns whose values are one person's own: key as shown, column."""
    cells = diffed.cells.select("column", key="key_text", text="truth", value="truth_canonical")
    cells = cells.filter(cells.value.notnull())
    differing = {name for (name,) in engine.rows(cells.select("column").distinct())}
    nothing = cells.limit(0).select("key", "column")
    pieces = [
        _of_column(contract, matched, cells, column)
        for column in contract.compared
        if column.name in differing and column.permission is None and _identifies(column, structure)
    ]
    return ibis.union(nothing, *pieces) if pieces else nothing


def _of_column(contract: Contract, matched: Matched, cells: ir.Table, column: Column) -> ir.Table:
    mine = cells.filter(cells["column"] == column.name)
    mine = mine.mutate(rough=_rough(mine.text, column))
    text = matched.raw[Side.PLATFORM][source_name(column, Side.PLATFORM)]
    there = matched.raw[Side.PLATFORM].select(text=text)
    # Only what may be one of them is brought into its form.
    there = there.mutate(rough=_rough(there.text, column)).semi_join(mine, "rough")
    held = there.select(value=rules.canonical(there.text, column, Side.PLATFORM, contract.timezone.key))
    alone = held.group_by("value").agg(rows=held.count()).filter(lambda one: one.rows == 1)
    return mine.semi_join(alone, "value").select("key", "column")


def _rough(text: ir.StringValue, column: Column) -> ir.StringValue:
    if column.compare is Compare.PHONE or column.type is AttributeType.PHONE:
        return text.re_replace("[^0-9]", "").right(_TAIL)
    return text.strip().lower()


def _identifies(column: Column, structure: Structure) -> bool:
    attribute = structure.attribute(column.name)
    return (
        column.compare in (Compare.EMAIL, Compare.PHONE)
        or column.type in (AttributeType.EMAIL, AttributeType.PHONE)
        or (attribute is not None and attribute.unique)
    )
