"""The table that is validated: every row of a side with a usable key, as the platform would hold it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

from auditor.engine.protocol import ROW_NUMBER, Engine
from auditor.equality import rules
from auditor.match.join import Matched
from auditor.match.sides import source_name
from auditor.model import Side, Structure
from auditor.settings.contract import Compare, Contract

if TYPE_CHECKING:
    import ibis.expr.types as ir

_SPELT_IN_WAYS = (Compare.BOOLEAN, Compare.DATE, Compare.TIMESTAMP, Compare.NUMBER)


def checked(engine: Engine, contract: Contract, structure: Structure, matched: Matched, side: Side) -> ir.Table:
    """What is validated on a side.

    Columns: `auditor:row`, `auditor:key` (as it is shown to people), one text column per mapped column as the platform
    would hold it, `auditor:unique:NAME` with the canonical form of each unique attribute, `auditor:read:NAME` with that
    of each free text that the contract's rule reads, and `auditor:counted:NAME` with that of each value that an export
    may spell in several ways. Rows: those with a usable key in the population, duplicates included.
    """
    zone, raw, keys = contract.timezone.key, matched.raw[side], matched.keys[side]
    inside = keys.filter(keys.included & keys.key.notnull())
    if matched.excluded is not None:
        inside = inside.anti_join(matched.excluded, "key")
    inside = inside.left_join(matched.rows.select("key", shown=ibis._.platform_text), "key")
    shown = inside.text if side is Side.PLATFORM else ibis.coalesce(inside.shown, inside.text)
    inside = inside.select(**{"auditor:own_row": inside.row, "auditor:key": shown})
    cells: dict[str, ir.Value] = {"auditor:row": raw[ROW_NUMBER]}
    for column in contract.columns:
        text = raw[source_name(column, side)]
        cells[column.name] = (rules.sent if side is Side.TRUTH else rules.held)(text, column, zone)
        attribute = structure.attribute(column.name)
        if attribute is not None and attribute.unique:
            cells[f"auditor:unique:{column.name}"] = rules.canonical(text, column, side, zone)
        if column.read_as is not None:
            cells[f"auditor:read:{column.name}"] = rules.canonical(text, column, side, zone)
        if column.compare in _SPELT_IN_WAYS:
            cells[f"auditor:counted:{column.name}"] = rules.canonical(text, column, side, zone)
    rows = raw.select(**cells)
    joined = rows.join(inside, rows["auditor:row"] == inside["auditor:own_row"]).drop("auditor:own_row")
    return engine.keep(joined, f"checked_{side.value}")
