"""Differing cells whose truth the platform has in another profile: a column slipped, somebody was mistaken, or a unique
value is not free.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from auditor.diff.diffed import Diffed
from auditor.engine.protocol import ROW_NUMBER, Engine
from auditor.equality import rules
from auditor.match.join import Matched
from auditor.match.sides import source_name
from auditor.model import AttributeType, Side, Structure
from auditor.settings.contract import Column, Compare, Contract

_TAIL = 6
"""Digits at the end of telephone numbers that are one, however the beginning is spelt."""


def of_others(engine: Engine, contract: Contract, structure: Structure, matched: Matched, diffed: Diffed) -> ir.Table:
    """The cells of such profiles, of the columns whose values are one person's own: key as shown, column, and `holder`,
    the other profile's key as the platform spells it (empty: it has none).

    Of values that are not unique those that one profile has, and no other; of unique ones whoever has them.
    """
    cells = diffed.cells.select("column", key="key_text", text="truth", value="truth_canonical")
    cells = cells.filter(cells.value.notnull())
    differing = {name for (name,) in engine.rows(cells.select("column").distinct())}
    nothing = cells.limit(0).select("key", "column", holder="key")
    pieces = [
        _of_column(contract, matched, cells, column, unique=_is_unique(column, structure))
        for column in contract.compared
        if column.name in differing and column.permission is None and _identifies(column, structure)
    ]
    return ibis.union(nothing, *pieces) if pieces else nothing


def _of_column(contract: Contract, matched: Matched, cells: ir.Table, column: Column, *, unique: bool) -> ir.Table:
    mine = cells.filter(cells["column"] == column.name)
    mine = mine.mutate(rough=_rough(mine.text, column))
    raw, keys = matched.raw[Side.PLATFORM], matched.keys[Side.PLATFORM]
    keys = keys.select(number="row", holder=keys.text.fill_null(""))
    there = raw.select(number=raw[ROW_NUMBER], text=raw[source_name(column, Side.PLATFORM)])
    # Only what may be one of them is brought into its form.
    there = there.mutate(rough=_rough(there.text, column)).semi_join(mine, "rough")
    held = there.select("number", value=rules.canonical(there.text, column, Side.PLATFORM, contract.timezone.key))
    if not unique:
        alone = held.group_by("value").agg(rows=held.count(), number=held.number.min())
        held = alone.filter(alone.rows == 1)
    named = keys.join(held, "number").select("value", "holder")
    return mine.join(named, "value").select("key", "column", "holder").filter(lambda one: one.key != one.holder)


def _rough(text: ir.StringValue, column: Column) -> ir.StringValue:
    if column.compare is Compare.PHONE or column.type is AttributeType.PHONE:
        return text.re_replace("[^0-9]", "").right(_TAIL)
    return text.strip().lower()


def _is_unique(column: Column, structure: Structure) -> bool:
    attribute = structure.attribute(column.name)
    return attribute is not None and attribute.unique


def _identifies(column: Column, structure: Structure) -> bool:
    return (
        column.compare in (Compare.EMAIL, Compare.PHONE)
        or column.type in (AttributeType.EMAIL, AttributeType.PHONE)
        or _is_unique(column, structure)
    )
