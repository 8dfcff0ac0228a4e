"""What does not work yet with the newest DuckDB and Ibis: a plugin of `make canary`, which runs tests with both.

Each of these has to fail there. One that passes is taken off the list; once the list is empty, the pins can be lifted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pytest

_CONDITIONS: Final = "tests/test_conditions.py::"
_TEXTS: Final = "tests/test_condition_texts.py::"
_READ: Final = f"{_TEXTS}test_texts_are_read_as_what_they_are_compared_with"
_TOLD: Final = f"{_TEXTS}test_cells_that_are_not_are_told_by_count_and_place"

NOT_YET: Final[Mapping[str, Sequence[str]]] = {
    "one -> … is no lambda any more": (
        f"{_CONDITIONS}test_a_condition_says_which_rows_fit[len(list_filter([name], one -> one = 'Bea')) = 1-1]",
        f"{_READ}[len(list_filter([age], one -> one = '9')) = 1-1]",
    ),
    "nothing in brackets is a row": (
        f"{_CONDITIONS}test_nothing_but_one_expression_is_a_condition[]",
        f"{_CONDITIONS}test_nothing_but_one_expression_is_a_condition[-- nothing]",
    ),
    "a parsed function has arguments, and no children": (
        f"{_CONDITIONS}test_what_is_not_yes_or_no_of_a_row_is_refused[id + 1]",
        f"{_CONDITIONS}test_what_people_write_in_conditions_is_a_condition[condition1]",
        f"{_CONDITIONS}test_what_people_write_in_conditions_is_a_condition[condition2]",
        f"{_READ}[age > length(id) + 8-23]",
        f"{_READ}[age + 1 > 10-23]",
        f"{_READ}[-age > 0-4]",
        f"{_READ}[abs(age) < 5-4]",
        f"{_READ}[year(born) > 2000-13]",
        f'{_READ}["last seen" < current_date - INTERVAL 3 DAYS-14]',
        f"{_TOLD}[cells2-v + 1 > 9-1 of its cells is none, in row 3]",
        f"{_TOLD}[cells5-year(v) = 2024-a day or moment, and 1 of its cells is none, in row 1]",
    ),
}
"""Why → tests."""


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    reasons = {test: why for why, tests in NOT_YET.items() for test in tests}
    for item in items:
        if item.nodeid in reasons:
            item.add_marker(pytest.mark.xfail(strict=True, reason=reasons[item.nodeid]))
