"""Great Expectations' custom expectation on sudden jumps: `jumps`, asked of one column.

Importing this module registers it, and takes as long as importing Great Expectations does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import sqlalchemy as sa
from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import ColumnAggregateExpectation
from great_expectations.expectations.metrics.column_aggregate_metric_provider import ColumnAggregateMetricProvider
from great_expectations.expectations.metrics.metric_provider import metric_value

from auditor.findings.sentences import sentence
from auditor.findings.words import Words
from auditor.model import Side
from auditor.validate.jumps import (
    COMMONEST,
    EFFECT,
    LEAST_ROWS,
    RUNS,
    Figures,
    figures,
    jumps,
    mark,
    nothing_to_compare,
)


class _Commonest(ColumnAggregateMetricProvider):
    """Rows, filled cells, and the commonest values with their rows (none where `values` is false)."""

    metric_name = "column.commonest"
    value_keys = ("values",)

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(
        cls,  # noqa: N805
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> tuple[int, int, list[tuple[str, int]]]:
        table, _, domain = execution_engine.get_compute_domain(metric_domain_kwargs, domain_type="column")
        if isinstance(table, sa.Select):  # of the rows that fit a condition
            table = table.subquery()
        column: Any = sa.column(domain["column"])
        [(rows, filled)] = execution_engine.execute_query(
            sa.select(sa.func.count(), sa.func.count(column)).select_from(table)
        ).fetchall()
        if not metric_value_kwargs.get("values", True):
            return rows, filled, []
        number = sa.func.count().label("n")
        commonest = sa.select(column, number).select_from(table).where(column.is_not(None)).group_by(column)
        # Values whose number is the same are in the order of the values, so that two runs count the same ones.
        found = execution_engine.execute_query(commonest.order_by(number.desc(), column).limit(COMMONEST))
        return rows, filled, [(str(value), int(many)) for value, many in found.fetchall()]


class ExpectColumnSharesToNotJump(ColumnAggregateExpectation):
    """No more cells are empty, and no more have one and the same value, than in the last runs, but for chance.

    `effect` is the least step that counts, as Cohen's h: 0.2 is from 0 to 1 %, or from 50 to 60 %. `values` false: only
    empty cells are looked at. `before` are the figures of the last `runs` runs and `key` the secret of the marks in
    them: a run of the auditor sets both, elsewhere there is nothing to compare with. Fewer than `least_rows` rows are
    not judged. What is not judged neither passes nor fails.
    """

    effect: float = EFFECT
    runs: int = RUNS
    least_rows: int = LEAST_ROWS
    values: bool = True
    before: list[dict[str, Any]] = []
    key: str = ""

    metric_dependencies: ClassVar[tuple[str, ...]] = (_Commonest.metric_name,)
    success_keys: ClassVar[tuple[str, ...]] = ("effect", "runs", "least_rows", "values", "before", "key")

    def _validate(
        self,
        metrics: Mapping[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        rows, filled, commonest = metrics[_Commonest.metric_name]
        values = {mark(value, self.key): (value, many) for value, many in commonest}
        now = Figures(rows, filled, {name: many for name, (_, many) in values.items()})
        before = [figures(one) for one in self.before[: self.runs]]
        details: dict[str, Any] = {"figures": now.content()}
        reason = nothing_to_compare(now, before, self.least_rows)
        if reason:
            details["not_yet"] = reason.content()
            return {"success": None, "result": {"observed_value": sentence(reason, Words(*Side)), "details": details}}
        found = list(jumps(now, before, self.effect))
        details["value"] = next((values[jump.mark][0] for jump in found if jump.mark is not None), None)
        told = "; ".join(jump.sentence for jump in found) or "as in the last runs"
        return {"success": not found, "result": {"observed_value": told, "details": details}}
