"""Differing cells whose truth the platform has in another profile: a column slipped, somebody was mistaken, or a unique
value is not free.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from auditor.diff.diffed import Diffed
from auditor.engine.protocol import ROW_NUMBER, Engine, count
from auditor.equality import rules
from auditor.match.join import Matched
from auditor.match.sides import source_name
from auditor.model import AttributeType, Side, Structure
from auditor.settings.contract import Column, Compare, Contract

_FEW_VALUES = (Compare.BOOLEAN, Compare.CODE, Compare.SET)
_TAIL = 6
"""Digits at the end of telephone numbers that are one, however the beginning is spelt."""
_SAMPLED = 2_000
"""Rows of the platform of which it is asked how many values of a column stand in several."""
_SHARED = 0.25
"""The share of a column's values that several profiles may have, for it to be one of people's own."""
_BY_CHANCE = 2
"""Where chance gives no more cells with somebody else's value, each is one; else twice as many as chance gives are."""


def of_others(engine: Engine, contract: Contract, structure: Structure, matched: Matched, diffed: Diffed) -> ir.Table:
    """The cells of such profiles, of the columns whose values are one person's own, by what they are or because nearly
    everybody has another one: key as shown, column, and `holder`, the other profile's key as the platform spells it
    (empty: it has none).

    Of addresses and numbers those that one profile has, and no other; of unique values whoever has them; of any other
    the first who has it.
    """
    cells = diffed.cells.select("column", key="key_text", text="truth", value="truth_canonical")
    cells = cells.filter(cells.value.notnull())
    differing = {name for (name,) in engine.rows(cells.select("column").distinct())}
    nothing = cells.limit(0).select("key", "column", holder="key")
    named = [column for column in contract.compared if column.name in differing and column.permission is None]
    pieces = []
    for column in named:
        if _identifies(column, structure):
            unique = _is_unique(column, structure)
            pieces.append(_of_column(contract, matched, cells, column, unique=unique))
        elif not (column.is_choice or column.compare in _FEW_VALUES):
            found = engine.keep(_of_own(contract, matched, cells, column), "of_others")
            if _is_believed(engine, matched, cells, column, count(engine, found)):
                pieces.append(found)
    return ibis.union(nothing, *pieces) if pieces else nothing


def _of_own(contract: Contract, matched: Matched, cells: ir.Table, column: Column) -> ir.Table:
    """The same of a column that nothing but its values tells to be one of people's own."""
    everybody = _of_column(contract, matched, cells, column, unique=True)
    return everybody.group_by("key", "column").agg(holder=everybody.holder.min())


def _is_believed(engine: Engine, matched: Matched, cells: ir.Table, column: Column, found: int) -> bool:
    """Whether so many cells with somebody else's value are more than people who happen to have the same."""
    if not found:
        return False
    texts = _held(matched, column)
    step = max(count(engine, texts) // _SAMPLED, 1)
    sampled = texts.filter(texts.number % step == 0)
    sizes = texts.semi_join(sampled, "rough").group_by("rough").agg(n=ibis._.count())
    asked = sampled.join(sizes, "rough")
    [(of_several, number)] = engine.rows(asked.agg(of_several=asked.count(where=asked.n > 1), number=asked.count()))
    by_chance = count(engine, cells.filter(cells["column"] == column.name)) * of_several / number
    return bool(of_several <= _SHARED * number and (by_chance <= _BY_CHANCE or found >= 2 * by_chance))


def _held(matched: Matched, column: Column) -> ir.Table:
    """What the platform has in a column: the number of the row, the text and its rough form. Nothing of empty cells."""
    raw = matched.raw[Side.PLATFORM]
    there = raw.select(number=raw[ROW_NUMBER], text=raw[source_name(column, Side.PLATFORM)])
    return there.mutate(rough=_rough(there.text, column)).filter(lambda one: one.rough.fill_null("") != "")


def _of_column(contract: Contract, matched: Matched, cells: ir.Table, column: Column, *, unique: bool) -> ir.Table:
    mine = cells.filter(cells["column"] == column.name)
    mine = mine.mutate(rough=_rough(mine.text, column))
    keys = matched.keys[Side.PLATFORM]
    keys = keys.select(number="row", holder=keys.text.fill_null(""))
    # Only what may be one of them is brought into its form.
    there = _held(matched, column).semi_join(mine, "rough")
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
