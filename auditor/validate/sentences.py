"""What is right, in plain words, for an expectation that nobody has put into words: from its type and settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

_LONGEST: Final = 120
"""Characters of settings in a sentence."""
_SHOWN: Final = 10
"""Values of a list in a sentence."""

_ABOUT: Final = ("column", "column_A", "column_B", "column_list", "mostly", "row_condition", "ignore_row_if")
"""Settings that say where an expectation looks, not what is right."""


def in_words(kind: str, kwargs: Mapping[str, Any]) -> str:
    """A phrase that completes "correct is …"."""
    try:
        words = _WORDS[kind](kwargs)
    except (KeyError, TypeError):
        words = None
    if words is None:
        settings = ", ".join(f"{name} {value}" for name, value in kwargs.items() if name not in _ABOUT)
        words = f"what {kind} of the suite asks for" + (f": {settings}" if settings else "")
    return words if len(words) <= 2 * _LONGEST else words[: 2 * _LONGEST] + "…"


def listed(values: Any) -> str:
    """The first of some values, and how many there are where these are not all."""
    texts = [str(value) for value in values]
    return ", ".join(texts[:_SHOWN]) + (f" … ({len(texts)} values)" if len(texts) > _SHOWN else "")


def between(low: Any, high: Any, what: str = "") -> str:
    """`at least 2`, `at most 30 characters`, `2 to 30 characters`."""
    unit = f" {what}" if what else ""
    if low is None and high is None:
        return f"any number of {what}" if what else "any value"
    if high is None:
        return f"at least {low}{unit}"
    if low is None:
        return f"at most {high}{unit}"
    return f"{low}{unit}" if low == high else f"{low} to {high}{unit}"


def _range(kwargs: Mapping[str, Any], what: str = "") -> str:
    return between(kwargs.get("min_value"), kwargs.get("max_value"), what)


def _form(kwargs: Mapping[str, Any]) -> str:
    return f"a text of the form {kwargs['regex']}"


_WORDS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "expect_column_values_to_not_be_null": lambda kwargs: "any value, but not an empty cell",
    "expect_column_values_to_be_null": lambda kwargs: "an empty cell",
    "expect_column_values_to_be_unique": lambda kwargs: "a value that no other row has",
    "expect_compound_columns_to_be_unique": lambda kwargs: "values that no other row has together",
    "expect_column_values_to_be_in_set": lambda kwargs: f"one of {listed(kwargs['value_set'])}",
    "expect_column_members_to_be_in_set": lambda kwargs: f"one or more of {listed(kwargs['value_set'])}",
    "expect_column_values_to_not_be_in_set": lambda kwargs: f"none of {listed(kwargs['value_set'])}",
    "expect_column_values_to_match_regex": _form,
    "expect_column_values_to_not_match_regex": lambda kwargs: f"no text of the form {kwargs['regex']}",
    "expect_column_values_to_match_like_pattern": lambda kwargs: f"a text like {kwargs['like_pattern']}",
    "expect_column_values_to_not_match_like_pattern": lambda kwargs: f"no text like {kwargs['like_pattern']}",
    "expect_column_values_to_be_between": _range,
    "expect_column_value_lengths_to_be_between": lambda kwargs: _range(kwargs, "characters"),
    "expect_column_member_lengths_to_be_between": lambda kwargs: _range(kwargs, "characters"),
    "expect_column_value_lengths_to_equal": lambda kwargs: f"{kwargs['value']} characters",
    "expect_column_pair_values_to_be_equal": lambda kwargs: (
        f"the same value in {kwargs['column_A']} and {kwargs['column_B']}"
    ),
    "expect_column_pair_values_a_to_be_greater_than_b": lambda kwargs: (
        f"a larger value in {kwargs['column_A']} than in {kwargs['column_B']}"
        + (", or the same" if kwargs.get("or_equal") else "")
    ),
    "expect_select_column_values_to_be_unique_within_record": lambda kwargs: (
        f"different values in {listed(kwargs['column_list'])}"
    ),
    "expect_multicolumn_sum_to_equal": lambda kwargs: (
        f"{kwargs['sum_total']} as the sum of {listed(kwargs['column_list'])}"
    ),
    "expect_column_distinct_values_to_be_in_set": lambda kwargs: f"no other value than {listed(kwargs['value_set'])}",
    "expect_column_distinct_values_to_contain_set": lambda kwargs: f"each of {listed(kwargs['value_set'])} somewhere",
    "expect_column_distinct_values_to_equal_set": lambda kwargs: (
        f"each of {listed(kwargs['value_set'])} somewhere, and no other value"
    ),
    "expect_column_most_common_value_to_be_in_set": lambda kwargs: (
        f"one of {listed(kwargs['value_set'])} as the commonest value"
    ),
    "expect_column_min_to_be_between": lambda kwargs: f"{_range(kwargs)} as the smallest value",
    "expect_column_max_to_be_between": lambda kwargs: f"{_range(kwargs)} as the largest value",
    "expect_column_mean_to_be_between": lambda kwargs: f"{_range(kwargs)} as the mean of all values",
    "expect_column_median_to_be_between": lambda kwargs: f"{_range(kwargs)} as the median of all values",
    "expect_column_sum_to_be_between": lambda kwargs: f"{_range(kwargs)} as the sum of all values",
    "expect_column_stdev_to_be_between": lambda kwargs: f"{_range(kwargs)} as the standard deviation of all values",
    "expect_column_proportion_of_unique_values_to_be_between": lambda kwargs: (
        f"{_range(kwargs)} as the share of different values, from 0 to 1"
    ),
    "expect_column_proportion_of_non_null_values_to_be_between": lambda kwargs: (
        f"{_range(kwargs)} as the share of filled cells, from 0 to 1"
    ),
    "expect_table_row_count_to_be_between": lambda kwargs: _range(kwargs, "rows"),
    "expect_table_row_count_to_equal": lambda kwargs: f"{kwargs['value']} rows",
    "expect_column_unique_value_count_to_be_between": lambda kwargs: _range(kwargs, "different values"),
    "unexpected_rows_expectation": lambda kwargs: (
        f"a row that this query of the suite does not find: {kwargs['unexpected_rows_query']}"
    ),
    "expect_column_emails_to_not_be_role_addresses": lambda kwargs: (
        "the address of a person, not of a function as info@"
    ),
    "expect_column_emails_to_not_be_disposable": lambda kwargs: "an address that is there longer than for minutes",
    "expect_column_emails_to_not_have_mistyped_domains": lambda kwargs: "a domain without a typing error, as gmail.com",
    "expect_column_values_to_not_be_placeholders": lambda kwargs: "a real value, not a filler such as test or n/a",
    "expect_column_values_to_be_possible_birth_dates": lambda kwargs: (
        f"a day that is past, and not longer ago than {kwargs.get('oldest', 120)} years"
    ),
    "expect_column_values_to_not_be_emails": lambda kwargs: "a name, not an e-mail address",
    "expect_column_values_to_not_be_garbled": lambda kwargs: "a text whose accents survived, as José",
    "expect_column_pair_phone_to_be_of_country": lambda kwargs: "a number of the address's country",
    "expect_column_pair_gender_to_fit_title": lambda kwargs: "M for Mr, F for Mrs and Ms",
    "expect_multicolumn_values_to_be_shared_by_few": lambda kwargs: (
        f"values that at most {kwargs.get('most', 50)} profiles share"
    ),
    "expect_column_pair_permission_to_have_consent": lambda kwargs: (
        f"may not be contacted while {kwargs['column_B']} does not allow it"
    ),
    "expect_multicolumn_permission_to_be_reachable": lambda kwargs: (
        f"may not be contacted, or a value in one of {listed(kwargs['column_list'][1:])}"
    ),
    "expect_column_shares_to_not_jump": lambda kwargs: (
        "about as many empty cells as in the last runs"
        + (", and as much of each value" if kwargs.get("values", True) else "")
    ),
    "expect_column_values_to_be_keys_of_table": lambda kwargs: (
        f"the key of a row that the table {kwargs['refers_to']} has"
    ),
    "expect_column_values_to_be_of_kind": lambda kwargs: f"a value of the kind {kwargs['kind']}",
}
"""Type → what is right, in words."""
