"""Our own expectations on single values: what Actito accepts for a type, and the members of multi-valued cells."""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.compatibility.pydantic import validator as pydantic_validator
from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metrics.map_metric_provider.column_condition_partial import (
    column_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.column_map_metric_provider import (
    ColumnMapMetricProvider,
)

from auditor.model import AttributeType
from auditor.validate.value_kinds import JUDGED, every_member, length_between, of_kind, one_of


class ColumnValuesOfKind(ColumnMapMetricProvider):
    condition_metric_name = "column_values.of_kind"
    condition_value_keys = ("kind", "members", "region")

    @column_condition_partial(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(cls, column: Any, kind: str, members: bool, region: str | None, **_: Any) -> Any:  # noqa: N805
        def condition(text: Any) -> Any:
            return of_kind(text, AttributeType(kind), region)

        return every_member(column, condition) if members else condition(column)


class ExpectColumnValuesToBeOfKind(ColumnMapExpectation):
    """Values are what Actito accepts for a type, a `model.AttributeType` such as `email`.

    If `members`, each member of a multi-valued cell (`a,b`) is.
    """

    kind: str
    members: bool = False
    region: str | None = None
    """Of `phone`: the country of most numbers. It makes the answer faster, never another one."""

    map_metric: ClassVar[str] = ColumnValuesOfKind.condition_metric_name
    success_keys: ClassVar[tuple[str, ...]] = ("kind", "members", "region", "mostly")

    @pydantic_validator("kind")
    def _known(cls, kind: str) -> str:  # noqa: N805
        if kind not in JUDGED:
            raise ValueError(f"one of {', '.join(sorted(JUDGED))} is expected")
        return kind


class ColumnMembersInSet(ColumnMapMetricProvider):
    condition_metric_name = "column_values.members.in_set"
    condition_value_keys = ("value_set",)

    @column_condition_partial(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(cls, column: Any, value_set: list[Any], **_: Any) -> Any:  # noqa: N805
        return every_member(column, lambda member: one_of(member, value_set))


class ExpectColumnMembersToBeInSet(ColumnMapExpectation):
    """Each member of a multi-valued cell (`a,b`) is one of `value_set`."""

    value_set: list[Any]

    map_metric: ClassVar[str] = ColumnMembersInSet.condition_metric_name
    success_keys: ClassVar[tuple[str, ...]] = ("value_set", "mostly")


class ColumnMemberLengths(ColumnMapMetricProvider):
    condition_metric_name = "column_values.members.length"
    condition_value_keys = ("min_value", "max_value")

    @column_condition_partial(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(cls, column: Any, min_value: int | None, max_value: int | None, **_: Any) -> Any:  # noqa: N805
        return every_member(column, lambda member: length_between(member, min_value, max_value))


class ExpectColumnMemberLengthsToBeBetween(ColumnMapExpectation):
    """Each member of a multi-valued cell (`a,b`) has at least `min_value` and at most `max_value` characters."""

    min_value: int | None = None
    max_value: int | None = None

    map_metric: ClassVar[str] = ColumnMemberLengths.condition_metric_name
    success_keys: ClassVar[tuple[str, ...]] = ("min_value", "max_value", "mostly")
