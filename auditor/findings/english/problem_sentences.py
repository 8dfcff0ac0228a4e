"""Why an expectation of the suite could not be evaluated, in English."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from auditor.findings.codes import Code
from auditor.findings.words import Words

_MEANS: Final = {
    "BinderException": "its SQL does not fit the columns or their types",
    "CatalogException": "its SQL names a table or function that is not there",
    "ConversionException": "a value cannot be read as what it asks for",
    "InvalidInputException": "one of its settings, such as a pattern, is not valid",
    "ParserException": "its SQL cannot be read",
}
"""What DuckDB's exceptions mean for whoever wrote the expectation."""


def _columns_unmapped(say: Words, *, columns: Sequence[str]) -> str:
    return f"{', '.join(columns)} is not mapped"


def _keys_unknown(say: Words, *, table: str, column: str) -> str:
    example = f'[columns.{column}] reference = {{ file = "{table}.csv" }}'
    return f"the keys of the table {table} are not known; name a file with them in the contract: {example}"


def _settings_wrong(say: Words, *, said: Sequence[str]) -> str:
    return f"its settings are wrong ({'; '.join(said)})"


def _ended_with(say: Words, *, exceptions: Sequence[str]) -> str:
    told = (f"{name} ({_MEANS[name]})" if name in _MEANS else name for name in exceptions)
    return f"it ended with {', '.join(told) or 'an exception'}"


def _not_selected(say: Words, *, failing: int) -> str:
    return f"it counts {failing} failing rows, but its SQL cannot select them"


def _too_few_rows(say: Words, *, least: int) -> str:
    return f"fewer than {least:,} rows are too few to tell a jump from chance"


def _always(text: str) -> Callable[..., str]:
    return lambda say: text


def _of_file(text: str) -> Callable[..., str]:
    return lambda say, **parameters: text.format(**parameters)


PROBLEMS: Final[Mapping[Code, Callable[..., str]]] = {
    Code.COLUMNS_UNMAPPED: _columns_unmapped,
    Code.KEYS_UNKNOWN: _keys_unknown,
    Code.KEYS_WITHOUT_COLUMN: _of_file('{file} has no column "{column}"'),
    Code.KEYS_NOT_THERE: _of_file("the file {file} with the keys is not there"),
    Code.KEYS_UNREADABLE: _of_file("the file {file} with the keys cannot be read ({error})"),
    Code.KEYS_EMPTY: _of_file("the file {file} holds no keys"),
    Code.QUERY_WITHOUT_BATCH: _always("its query does not select from {batch}"),
    Code.SETTINGS_WRONG: _settings_wrong,
    Code.NOT_MADE: _of_file("{said}"),
    Code.ENDED_WITH: _ended_with,
    Code.NO_RESULT: _always("it gave no result"),
    Code.EMPTY_RESULT: _always("it gave an empty result"),
    Code.NOTHING_OBSERVED: _always("there was nothing to observe"),
    Code.NOT_ALL_JUDGED: _always("it did not judge all rows"),
    Code.NO_FAILING_COUNTED: _always("it counted no failing rows"),
    Code.FAILED_NOWHERE: _always("it failed without saying where"),
    Code.NOT_SELECTED: _not_selected,
    Code.OTHERS_SELECTED: _always("the rows it selects are not the rows it counted"),
    Code.TOO_FEW_ROWS: _too_few_rows,
    Code.NO_EARLIER_RUN: _always("there is no earlier run on other data to compare with"),
}
