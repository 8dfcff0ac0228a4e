"""The door to Great Expectations: our own expectation types, and the evaluation of many on one DuckDB table.

Importing this module takes about five seconds, so nothing imports it at the top: `auditor.validate.preload` does it
while data are being pulled. Great Expectations gives verdicts and the SQL that selects failing rows; it sees neither
our settings nor our files, keeps nothing, sends nothing and prints nothing.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read while great_expectations is imported

import duckdb
import great_expectations as gx
from great_expectations.compatibility.pydantic import validator as pydantic_validator
from great_expectations.core.batch import Batch
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.execution_engine.sqlalchemy_batch_data import SqlAlchemyBatchData
from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.metrics.map_metric_provider.column_condition_partial import (
    column_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.column_map_metric_provider import (
    ColumnMapMetricProvider,
)
from great_expectations.expectations.registry import list_registered_expectation_implementations
from great_expectations.validator.validator import Validator

import auditor.validate.contact_expectations  # each registers its own
import auditor.validate.jump_expectation
import auditor.validate.reference_expectation  # noqa: F401
from auditor.engine.duckdb import quote
from auditor.findings.codes import Code, Notice, read_notice
from auditor.model import AttributeType
from auditor.validate.duckdb_dialect import sqlalchemy_engine
from auditor.validate.suite import JUMP
from auditor.validate.value_kinds import JUDGED, every_member, length_between, of_kind, one_of

if TYPE_CHECKING:
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult

# Its log holds SQL and, in errors, values.
logging.getLogger("great_expectations").setLevel(logging.CRITICAL + 1)

_POSITION: Final = "auditor:position"

_NOTHING_KEPT: Final = DataContextConfig(
    store_backend_defaults=InMemoryStoreBackendDefaults(), progress_bars=ProgressBarsConfig(globally=False)
)
"""A context in memory: the one that Great Expectations makes by itself has a folder for pages."""


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


@dataclass(frozen=True, slots=True)
class Question:
    """One expectation to be evaluated."""

    type: str
    kwargs: Mapping[str, Any]


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


def known_types() -> list[str]:
    """The names of all expectations that a suite may use: Great Expectations' own and ours."""
    return sorted(list_registered_expectation_implementations())


def unusable(kind: str, kwargs: Mapping[str, Any]) -> Notice | None:
    """Why an expectation cannot be made with these settings, without looking at any data; None where it can."""
    try:
        ExpectationConfiguration(type=kind, kwargs=dict(kwargs)).to_domain_obj()
    except Exception as error:  # noqa: BLE001  (whatever is wrong with a steward's expectation, it is told)
        return _unbuilt(error)
    return None


def evaluate(
    con: duckdb.DuckDBPyConnection,
    table: str,
    questions: Sequence[Question],
    *,
    row_column: str,
    beside: Sequence[str] = (),
) -> list[Answer]:
    """Evaluate all questions on a table or view of the connection; answers in the order of the questions.

    `row_column` holds a row's number; `beside` are further columns that are wanted of failing rows. Anything but a
    complete answer is a `problem`: an exception, a missing or empty result, a count that does not fit the table. Raises
    nothing that an expectation caused.
    """
    engine = sqlalchemy_engine(con)
    execution = SqlAlchemyExecutionEngine(engine=engine, create_temp_table=False)
    data: Any = SqlAlchemyBatchData(execution, table_name=table, create_temp_table=False)
    context = gx.get_context(mode="ephemeral", project_config=_NOTHING_KEPT)
    validator = Validator(execution_engine=execution, batches=[Batch(data=data)], data_context=context)
    answers: dict[int, Answer] = {}
    configurations: dict[int, ExpectationConfiguration] = {}
    scopes: dict[int, str | None] = {}
    for position, question in enumerate(questions):
        configuration = ExpectationConfiguration(
            type=question.type, kwargs=dict(question.kwargs), meta={_POSITION: position}
        )
        if question.type == _BY_QUERY and "{batch}" not in str(question.kwargs.get("unexpected_rows_query")):
            answers[position] = Answer(problem=Notice(Code.QUERY_WITHOUT_BATCH))
            continue
        try:
            scopes[position] = _scope(execution, configuration.to_domain_obj())
        except Exception as error:  # noqa: BLE001  (whatever is wrong with a steward's expectation, the others go on)
            answers[position] = Answer(problem=_unbuilt(error))
        else:
            configurations[position] = configuration
    rows = con.execute(f'SELECT count(*) FROM "{table}"').fetchall()[0][0]
    names = [row_column, *beside]
    results = dict(_results(validator, list(configurations.values()), names))
    # Great Expectations computes many metrics in one statement: one that fails takes others with it.
    for position, result in list(results.items()):
        if _raised(result):
            results.update(_results(validator, [configurations[position]], names))
    for position in configurations:
        answer = _answer(results.get(position), None if scopes[position] else rows)
        if answer.rows and questions[position].type == _TOGETHER:
            looked_at = f"({scopes[position]})" if scopes[position] else quote(table)
            answer = replace(answer, rows=_repeated(looked_at, questions[position].kwargs))
        if answer.rows and scopes[position]:
            text = f'SELECT * FROM ({answer.rows}) SEMI JOIN ({scopes[position]}) USING ("{row_column}")'
            answer = replace(answer, rows=text)
        if questions[position].type == _BY_QUERY and answer.met is False:
            answer = _rows_of_query(con, table, str(questions[position].kwargs["unexpected_rows_query"]), row_column)
        answers[position] = answer
    return [answers[position] for position in range(len(questions))]


def _repeated(scope: str, kwargs: Mapping[str, Any]) -> str:
    """SQL of the rows whose values together stand in another row as well; a missing value is like no other. Great
    Expectations' own names every column twice, which DuckDB cannot read."""
    names = [quote(str(name)) for name in kwargs["column_list"]]
    filled = " AND ".join(f"{name} IS NOT NULL" for name in names)
    return f"SELECT * FROM {scope} WHERE {filled} QUALIFY count(*) OVER (PARTITION BY {', '.join(names)}) > 1"


def _scope(execution: SqlAlchemyExecutionEngine, expectation: Any) -> str | None:
    """SQL of the rows that an expectation looks at, None where it is all of them.

    What leaves rows out (`row_condition`, and `ignore_row_if` of several columns) counts, but is not in the SQL given
    back.
    """
    condition, ignore = getattr(expectation, "row_condition", None), getattr(expectation, "ignore_row_if", None)
    names = ("column_A", "column_B", "column_list")
    several = {name: getattr(expectation, name) for name in names if getattr(expectation, name, None)}
    if condition is None and (ignore in (None, "neither", "never") or not several):
        return None
    ignored = {**several, "ignore_row_if": ignore} if several and ignore else {}
    domain: Any = execution.get_domain_records({"row_condition": condition, **ignored})
    return str(domain.compile(execution.engine))


def _rows_of_query(con: duckdb.DuckDBPyConnection, table: str, query: str, row_column: str) -> Answer:
    """The answer of a steward's own SQL that found rows: which ones, where its rows are rows of the table.

    A query that groups or counts says only that something is wrong with the table as a whole.
    """
    inner = query.strip().rstrip(";").format(batch=f'"{table}"')
    rows = f'SELECT DISTINCT "{row_column}" FROM ({inner})'
    try:
        failing = con.execute(f"SELECT count(*) FROM ({rows})").fetchall()[0][0]
    except duckdb.BinderException:
        return Answer(met=False)
    return Answer(met=False, failing=failing, rows=f'SELECT * FROM "{table}" SEMI JOIN ({rows}) USING ("{row_column}")')


def _results(
    validator: Validator, configurations: list[ExpectationConfiguration], names: list[str]
) -> Iterable[tuple[int, ExpectationValidationResult]]:
    """The results, each with the position of its question. No values come with them."""
    try:
        results = validator.graph_validate(
            configurations=configurations,
            runtime_configuration={
                "catch_exceptions": True,
                "result_format": {
                    "result_format": "BASIC",
                    "partial_unexpected_count": 0,
                    "return_unexpected_index_query": True,
                    "unexpected_index_column_names": names,
                },
            },
        )
    except Exception as error:  # noqa: BLE001  (it catches most by itself; what it does not must not pass either)
        if len(configurations) > 1:
            for configuration in configurations:
                yield from _results(validator, [configuration], names)
            return
        results = [_failed(configuration, error) for configuration in configurations]
    for result in results:
        if result.expectation_config is not None:
            yield result.expectation_config.meta[_POSITION], result


def _answer(result: ExpectationValidationResult | None, rows: int | None) -> Answer:
    """A verdict only if everything that belongs to one is there and fits; what does not is never a pass.

    `rows` is the number of rows to be judged; None if that is not known.
    """
    if result is None:
        return Answer(problem=Notice(Code.NO_RESULT))
    if _raised(result):
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


_BY_QUERY: Final = "unexpected_rows_expectation"
"""A steward's own SQL, which selects the rows that are wrong."""

_TOGETHER: Final = "expect_compound_columns_to_be_unique"

_WITHOUT_CONTENT: Final = frozenset({"expect_column_to_exist"})
"""Expectations that have nothing to tell but yes or no."""


def _raised(result: ExpectationValidationResult) -> bool:
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


MISFITS: Final = frozenset(
    {"BinderException", "CatalogException", "ConversionException", "InvalidInputException", "ParserException"}
)
"""DuckDB's exceptions that come on a table without rows too, and are no fault of any row."""


def _failed(configuration: ExpectationConfiguration, error: Exception) -> ExpectationValidationResult:
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult

    info = {"raised_exception": True, "exception_message": type(error).__name__, "exception_traceback": ""}
    return ExpectationValidationResult(success=False, exception_info=info, expectation_config=configuration)


def _unbuilt(error: Exception) -> Notice:
    """Why an expectation could not even be made. No data were read yet, so the library's words hold none."""
    details = getattr(error, "errors", None)
    if callable(details):  # pydantic's, of either version
        problems = [f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in details()]
        return Notice(Code.SETTINGS_WRONG, {"said": problems})
    return Notice(Code.NOT_MADE, {"said": str(error).strip().split("\n")[0] or type(error).__name__})
