"""Words that say that there is no value: they differ from what the other side has, empty or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.engine.protocol import Engine
from auditor.findings.damage import NO_VALUE
from auditor.model import Side

if TYPE_CHECKING:
    import ibis.expr.types as ir


def words_for_nothing(engine: Engine, differences: ir.Table) -> dict[Side, list[tuple[str, str, int]]]:
    """Finds, of each side, column, word and number of the differing cells that hold nothing but such a word."""
    found: dict[Side, list[tuple[str, str, int]]] = {}
    for side in Side:
        held = differences.filter(differences[side.value].lower().isin(sorted(NO_VALUE)))
        counted = held.group_by("column", word=held[side.value]).agg(cells=held.count())
        if rows := sorted(engine.rows(counted.select("column", "word", "cells"))):
            found[side] = [(str(column), str(word), int(cells)) for column, word, cells in rows]
    return found
