"""Great Expectations' custom expectation on references: values are business keys of another table.

Importing this module registers it, and takes as long as importing Great Expectations does.
"""

from __future__ import annotations

from typing import Any, ClassVar

import sqlalchemy as sa
from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metrics.map_metric_provider.column_condition_partial import (
    column_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.column_map_metric_provider import (
    ColumnMapMetricProvider,
)

from auditor.validate.value_kinds import members_of


class _KeysOfTable(ColumnMapMetricProvider):
    condition_metric_name = "column_values.keys_of_table"
    condition_value_keys = ("keys", "members")

    @column_condition_partial(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(cls, column: Any, keys: str | None, members: bool, **_: Any) -> Any:  # noqa: N805
        if keys is None:
            raise ValueError("the keys of the table are not there")
        key: Any = sa.column("key")
        there = sa.select(key).select_from(sa.table(keys)).where(key.is_not(None))
        if not members:
            return column.in_(there)
        all_keys = sa.select(sa.func.list(key)).select_from(sa.table(keys)).scalar_subquery()
        return sa.func.list_has_all(sa.func.coalesce(all_keys, sa.literal_column("[]")), members_of(column))


class ExpectColumnValuesToBeKeysOfTable(ColumnMapExpectation):
    """Each value is the business key of a row of a table that the attribute refers to, `refers_to`.

    `keys` names a table or view of the same connection whose column `key` holds these keys: a run of the auditor sets
    it. Without it the expectation cannot be evaluated. If `members`, each member of a multi-valued cell (`a,b`) is one.
    """

    refers_to: str
    keys: str | None = None
    members: bool = False

    map_metric: ClassVar[str] = _KeysOfTable.condition_metric_name
    success_keys: ClassVar[tuple[str, ...]] = ("refers_to", "keys", "members", "mostly")
