"""The door to Great Expectations: every expectation type that a suite may use, our own included.

Importing this module takes about five seconds, so nothing imports it at the top: `auditor.validate.preload` does it
while data are being pulled. Great Expectations gives verdicts and the SQL that selects failing rows; it sees neither
our settings nor our files, keeps nothing, sends nothing and prints nothing.

    member_expectations, contact_expectations, jump_expectation, reference_expectation     our own types
    evaluation                                                                             many of them on one table
    answers                                                                                what came of each
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.registry import list_registered_expectation_implementations

import auditor.validate.contact_expectations  # each registers its own
import auditor.validate.jump_expectation
import auditor.validate.member_expectations
import auditor.validate.reference_expectation  # noqa: F401
from auditor.findings.codes import Code, Notice

# Its log holds SQL and, in errors, values.
logging.getLogger("great_expectations").setLevel(logging.CRITICAL + 1)

MISFITS: Final = frozenset(
    {"BinderException", "CatalogException", "ConversionException", "InvalidInputException", "ParserException"}
)
"""DuckDB's exceptions that come on a table without rows too, and are no fault of any row."""


def known_types() -> list[str]:
    """The names of all expectations that a suite may use: Great Expectations' own and ours."""
    return sorted(list_registered_expectation_implementations())


def unusable(kind: str, kwargs: Mapping[str, Any]) -> Notice | None:
    """Why an expectation cannot be made with these settings, without looking at any data; None where it can."""
    try:
        ExpectationConfiguration(type=kind, kwargs=dict(kwargs)).to_domain_obj()
    except Exception as error:  # noqa: BLE001  (whatever is wrong with a steward's expectation, it is told)
        return unbuilt(error)
    return None


def unbuilt(error: Exception) -> Notice:
    """Why an expectation could not even be made. No data were read yet, so the library's words hold none."""
    details = getattr(error, "errors", None)
    if callable(details):  # pydantic's, of either version
        problems = [f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in details()]
        return Notice(Code.SETTINGS_WRONG, {"said": problems})
    return Notice(Code.NOT_MADE, {"said": str(error).strip().split("\n")[0] or type(error).__name__})
