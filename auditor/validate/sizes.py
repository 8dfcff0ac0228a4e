"""Columns as numbers, days and moments, for what a steward asks of sizes.

The cells of a side are texts, of which "9" is larger than "10", and Great Expectations compares what it finds. What a
column holds is known from the suite itself: the structure says of each typed column that its values are of a kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from auditor.model import AttributeType
from auditor.validate.suite import OF_KIND, Expectation, Suite

SIZE: Final = "auditor:size:"
"""Prefix of the columns that hold a value as what it is; null where it cannot be read, which is wrong by itself."""

_STORED_AS: Final[Mapping[str, str]] = {
    AttributeType.INTEGER.value: "DOUBLE",
    AttributeType.LONG.value: "DOUBLE",
    AttributeType.NUMERIC.value: "DOUBLE",
    AttributeType.DATE.value: "DATE",
    AttributeType.TIMESTAMP.value: "TIMESTAMP",
}
"""Kind of value → type of DuckDB."""

_OF_SIZES: Final = frozenset(
    {
        "expect_column_max_to_be_between",
        "expect_column_mean_to_be_between",
        "expect_column_median_to_be_between",
        "expect_column_min_to_be_between",
        "expect_column_pair_values_a_to_be_greater_than_b",
        "expect_column_quantile_values_to_be_between",
        "expect_column_stdev_to_be_between",
        "expect_column_sum_to_be_between",
        "expect_column_value_z_scores_to_be_less_than",
        "expect_column_values_to_be_between",
        "expect_multicolumn_sum_to_equal",
    }
)


def kinds(suite: Suite) -> dict[str, str]:
    """Column → type of DuckDB, of the columns whose values have a size."""
    said = ((one.kwargs.get("column"), one.kwargs) for one in suite.expectations if one.type == OF_KIND)
    return {
        name: _STORED_AS[kwargs["kind"]]
        for name, kwargs in said
        if isinstance(name, str) and kwargs.get("kind") in _STORED_AS and not kwargs.get("members")
    }


def wanted(suite: Suite) -> dict[str, str]:
    """Column → type of DuckDB, of the columns whose sizes some expectation asks for."""
    known = kinds(suite)
    return {name: known[name] for one in suite.expectations if asks(one, known) for name in one.columns}


def asks(expectation: Expectation, known: Mapping[str, str]) -> bool:
    """Whether an expectation is about sizes, and all of its columns have one."""
    return expectation.type in _OF_SIZES and all(name in known for name in expectation.columns)


def by_size(kwargs: Mapping[str, object]) -> dict[str, object]:
    """The settings of such an expectation, about the columns of sizes."""
    named = {name: SIZE + str(kwargs[name]) for name in ("column", "column_A", "column_B") if name in kwargs}
    several = kwargs.get("column_list")
    listed = {"column_list": [SIZE + str(name) for name in several]} if isinstance(several, list) else {}
    return {**kwargs, **named, **listed}
