"""What the structure says of values, as SQL conditions on one cell: asked without the suite of a run, and without Great
Expectations, which asks the same of whole tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import polars as pl
import sqlalchemy as sa

from auditor.engine.duckdb import DuckDB, name_of, translated
from auditor.equality import rules
from auditor.findings.audit import TEXT
from auditor.model import REFUSED_AS, SUBSCRIPTION_PREFIX, AttributeType, Refusal, Rule, Structure
from auditor.settings.contract import Contract
from auditor.validate import is_blank
from auditor.validate.duckdb_dialect import sqlalchemy_engine
from auditor.validate.generate import of_structure
from auditor.validate.suite import OF_KIND, Expectation
from auditor.validate.value_kinds import Condition, Text, every_member, length_between, of_kind, one_of

if TYPE_CHECKING:
    import ibis.expr.types as ir


def met(cell: Text, expectation: Expectation) -> Condition:
    """Whether a cell, not null, meets an expectation that `validate.generate` made of the structure; not asked of one
    about other rows or tables.
    """
    kind, kwargs = expectation.type, expectation.kwargs
    if kind == OF_KIND:

        def fits(text: Text) -> Condition:
            return of_kind(text, AttributeType(kwargs["kind"]), kwargs.get("region"))

        return every_member(cell, fits) if kwargs.get("members") else fits(cell)
    if kind == "expect_column_values_to_be_in_set":
        return one_of(cell, kwargs["value_set"])
    if kind == "expect_column_members_to_be_in_set":
        return every_member(cell, lambda member: one_of(member, kwargs["value_set"]))
    bounds = (kwargs.get("min_value"), kwargs.get("max_value"))
    if kind == "expect_column_value_lengths_to_be_between":
        return length_between(cell, *bounds)
    if kind == "expect_column_member_lengths_to_be_between":
        return every_member(cell, lambda member: length_between(member, *bounds))
    raise AssertionError(f"the suite makes no {kind}")


def ask(engine: DuckDB, query: sa.Executable) -> list[Any]:
    """The rows that a question to the engine finds; `auditor_phone` is registered."""
    with translated(), sqlalchemy_engine(engine.borrowed()).connect() as connection:
        return list(connection.execute(query))


def refusals(
    engine: DuckDB, structure: Structure, contract: Contract, values: Iterable[tuple[str, str | None]]
) -> dict[tuple[str, str | None], Refusal]:
    """How the platform would refuse these values, each with its column and spelt as exports spell it; what it takes is
    not among them.

    What other profiles and other tables have, nobody asks here. A column that the structure lacks takes nothing.
    """
    texts: dict[str, dict[str | None, None]] = {}
    for name, text in values:
        texts.setdefault(name, {})[text] = None
    expectations: dict[str, list[Expectation]] = {}
    for one in of_structure(structure, contract):
        if one.rule not in (Rule.UNIQUE, Rule.REFERENCE):
            expectations.setdefault(str(one.kwargs["column"]), []).append(one)
    found: dict[tuple[str, str | None], Refusal] = {}
    for column in contract.columns:
        own = list(texts.get(column.name, ()))
        if not _there(column.name, structure):
            found |= {(column.name, text): Refusal.INVALID for text in own}
        elif own and column.name in expectations:
            rows = engine.put(pl.DataFrame({"text": own}, schema={"text": TEXT}), "values")
            held = engine.keep(rows.select("text", held=rules.held(rows.text, column, contract.timezone.key)), "held")
            cells = f"(SELECT text, CASE WHEN NOT {is_blank('held')} THEN held END AS held FROM {name_of(held)})"
            for text, rule in ask(engine, _broken(engine.over(cells, "cells"), expectations[column.name])):
                found[column.name, text] = REFUSED_AS[Rule(rule)]
    return found


def _there(name: str, structure: Structure) -> bool:
    known = structure.attribute(name) or structure.segmentation(name)
    return known is not None or name.startswith(SUBSCRIPTION_PREFIX)


def _broken(cells: ir.Table, expectations: Iterable[Expectation]) -> sa.Executable:
    """Selects each text that breaks one of these, and the rule that it breaks first."""
    cell: Text = sa.column("held", sa.String())
    breaks = [
        (
            cell.is_(None) if one.rule == Rule.MANDATORY else sa.and_(cell.is_not(None), sa.not_(met(cell, one))),
            one.rule,
        )
        for one in expectations
    ]
    rule = sa.case(*((broken, sa.literal(name)) for broken, name in breaks))
    query = sa.select(sa.column("text", sa.String()), rule).select_from(sa.table(cells.get_name()))
    return query.where(sa.or_(*(broken for broken, _ in breaks)))
