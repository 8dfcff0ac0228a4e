"""Probably the same person: one who is missing under one key and on the platform under another, or twice on one side.

    people       the rows of both sides in the forms in which people are compared
    candidates   pairs that agree in a block; never more than a bounded number
    model        levels of evidence and their weights
    weighing     what the evidence of every pair says and weighs
    prior        how many of a table's candidates are one person, as far as their weights tell
    relatives    whether pairs that look like twins are any, as far as the table tells
    pairs        whom a pair is believed of: across the sides one to one, within a side no pair that follows from others

No value ever leaves the tables: the evidence names columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from auditor.engine.duckdb import DuckDB, translated
from auditor.explain.persons import candidates, pairs, people, weighing
from auditor.explain.persons.people import evidence_columns
from auditor.explain.spelling import FUNCTIONS
from auditor.model import Side

if TYPE_CHECKING:
    import ibis.expr.types as ir


__all__ = ["evidence_columns", "same_person"]


def same_person(engine: DuckDB, rows: Mapping[Side, ir.Table], evidence: Mapping[str, str]) -> ir.Table:
    """The pairs of rows that are probably one person (columns of `audit.SAME_PERSON`), the best first.

    `rows` has per side a row per key with `auditor:key`, `auditor:alone` (the other side does not have it) and the
    canonical forms of the columns that `evidence` names per kind (null: empty). Pairs of the two sides are of rows that
    are alone, and each of these is in one at most.
    """
    with translated():
        engine.register(FUNCTIONS)
        persons = people.collect(engine, rows, evidence)
        found = candidates.find(engine, persons)
        weighed = weighing.weigh(engine, persons, found, least=pairs.LEAST_WEIGHT)
        chosen = pairs.choose(engine, persons, found, weighed, evidence)
        engine.drop(persons, found, weighed)
        return chosen
