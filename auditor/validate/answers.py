"""What came of an expectation: a verdict only where everything that belongs to one is there and fits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from auditor.findings.codes import Code, Notice, read_notice
from auditor.validate.suite import JUMP

if TYPE_CHECKING:
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a question. Exactly one of `met` and `problem` is None."""

    met: bool | None = None
    problem: Notice | None = None
    """Why it could not be evaluated, without any value of the table."""
    failing: int | None = None
    """Number of failing rows, also where it is met because so few fail (`mostly`); None for an expectation that judges
    no single rows."""
    rows: str | None = None
    """SQL that selects the number of every failing row (`row_column`), once, with the columns `beside` it; None as
    above, or where none fails."""
    not_yet: bool = False
    """It could not be evaluated because there is nothing to compare with: no fault of anybody's."""
    observed: str | None = None
    """What was found of a column as a whole, in words and without values."""
    value: str | None = None
    """The value that is at fault in a column as a whole. It may be personal."""
    figures: Mapping[str, Any] | None = None
    """What later runs compare with: `jumps.Figures` in its stored form."""


_WITHOUT_CONTENT: Final = frozenset({"expect_column_to_exist"})
"""Expectations that have nothing to tell but yes or no."""


def answer_of(result: ExpectationValidationResult | None, rows: int | None) -> Answer:
    """A verdict only if everything that belongs to one is there and fits; what does not is never a pass.

    `rows` is the number of rows to be judged; None if that is not known.
    """
    if result is None:
        return Answer(problem=Notice(Code.NO_RESULT))
    if raised(result):
        return Answer(problem=Notice(Code.ENDED_WITH, {"exceptions": _causes(result)}))
    content = result.result
    if result.expectation_config and result.expectation_config.type == JUMP:
        return _jump_answer(result.success, content)
    # Not every yes or no is a bool: of quantiles numpy says it.
    if result.success not in (True, False) or content is None:
        return Answer(problem=Notice(Code.NO_RESULT))
    if "element_count" in content:
        return _map_answer(bool(result.success), content, rows)
    kind = result.expectation_config.type if result.expectation_config else ""
    if not content and kind not in _WITHOUT_CONTENT:
        return Answer(problem=Notice(Code.EMPTY_RESULT))
    # Of the distinct values of a column only their number comes back, for we want none of them.
    counted = any(isinstance(content.get(name), int) for name in ("unexpected_count", "missing_count"))
    if "observed_value" in content and content["observed_value"] is None and not counted:
        return Answer(problem=Notice(Code.NOTHING_OBSERVED))
    return Answer(met=bool(result.success))


def _jump_answer(success: bool | None, content: Mapping[str, Any]) -> Answer:
    """The answer of the expectation on sudden jumps, which says more than others do."""
    details = content["details"]
    figures = details["figures"]
    if "not_yet" in details:
        return Answer(problem=read_notice(details["not_yet"]), not_yet=True, figures=figures)
    return Answer(met=success, observed=content["observed_value"], value=details.get("value"), figures=figures)


def _map_answer(success: bool, content: Mapping[str, Any], rows: int | None) -> Answer:
    """The answer of an expectation that judges row by row."""
    judged, failing = content.get("element_count"), content.get("unexpected_count")
    query = content.get("unexpected_index_query")
    if not isinstance(judged, int) or rows not in (None, judged):
        return Answer(problem=Notice(Code.NOT_ALL_JUDGED))
    if failing is None and judged == 0:
        failing = 0  # the sum over no rows
    if not isinstance(failing, int) or not 0 <= failing <= judged:
        return Answer(problem=Notice(Code.NO_FAILING_COUNTED))
    if success and failing == 0:
        return Answer(met=True, failing=0)
    if failing == 0 or not isinstance(query, str):
        return Answer(problem=Notice(Code.FAILED_NOWHERE))
    return Answer(met=success, failing=failing, rows=query.rstrip().removesuffix(";"))


def raised(result: ExpectationValidationResult) -> bool:
    return any(info.get("raised_exception") for info in _exceptions(result))


def _exceptions(result: ExpectationValidationResult) -> list[Mapping[str, Any]]:
    """What was raised: Great Expectations gives one, or one per metric."""
    info = result.exception_info or {}
    if "raised_exception" in info:
        return [info]
    return [one for one in info.values() if isinstance(one, Mapping)]


def _causes(result: ExpectationValidationResult) -> list[str]:
    """The names of the exceptions; their texts may hold values."""
    texts = [f"{info.get('exception_message')}\n{info.get('exception_traceback')}" for info in _exceptions(result)]
    names = [name for text in texts for name in re.findall(r"\b[A-Z]\w+(?:Error|Exception)\b", text)[:1]]
    return list(dict.fromkeys(names))
