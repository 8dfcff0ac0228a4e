"""Evaluates many expectations on one DuckDB table, and finds the rows that fail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import duckdb
import great_expectations as gx
from great_expectations.core.batch import Batch
from great_expectations.core.id_dict import IDDict
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.execution_engine.sqlalchemy_batch_data import SqlAlchemyBatchData
from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.validator.validator import Validator

from auditor.engine.duckdb import quote
from auditor.findings.codes import Code, Notice
from auditor.validate.answers import Answer, answer_of, raised
from auditor.validate.duckdb_dialect import sqlalchemy_engine
from auditor.validate.expectations import unbuilt

if TYPE_CHECKING:
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult

_POSITION: Final = "auditor:position"

_NOTHING_KEPT: Final = DataContextConfig(
    store_backend_defaults=InMemoryStoreBackendDefaults(), progress_bars=ProgressBarsConfig(globally=False)
)
"""A context in memory: the one that Great Expectations makes by itself has a folder for pages."""

_BY_QUERY: Final = "unexpected_rows_expectation"
"""A steward's own SQL, which selects the rows that are wrong."""

_TOGETHER: Final = "expect_compound_columns_to_be_unique"


@dataclass(frozen=True, slots=True)
class Question:
    """One expectation to be evaluated."""

    type: str
    kwargs: Mapping[str, Any]


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
            answers[position] = Answer(problem=unbuilt(error))
        else:
            configurations[position] = configuration
    rows = con.execute(f'SELECT count(*) FROM "{table}"').fetchall()[0][0]
    names = [row_column, *beside]
    with _made_once():
        results = dict(_results(validator, list(configurations.values()), names))
        # Great Expectations computes many metrics in one statement: one that fails takes others with it.
        for position, result in list(results.items()):
            if raised(result):
                results.update(_results(validator, [configurations[position]], names))
    for position in configurations:
        answer = answer_of(results.get(position), None if scopes[position] else rows)
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


_PLAIN: Final = frozenset({str, int, float, bool, type(None)})


@contextmanager
def _made_once() -> Iterator[None]:
    """Within it, Great Expectations makes the configuration of an expectation once, and the name of a metric.

    It makes either anew whenever it asks for them, a hundred times for every expectation: half of its time.
    """
    configuration, to_id = Expectation.configuration, IDDict.to_id
    made: dict[int, tuple[Expectation, ExpectationConfiguration]] = {}
    names: dict[tuple[Any, ...], Any] = {}

    def once(self: Expectation) -> ExpectationConfiguration:
        if id(self) not in made:
            made[id(self)] = self, configuration.fget(self)  # type: ignore[attr-defined]
        return made[id(self)][1]

    def named(self: IDDict, id_keys: Any = None, id_ignore_keys: Any = None) -> Any:
        if id_keys is not None or id_ignore_keys is not None or not _PLAIN.issuperset(map(type, self.values())):
            return to_id(self, id_keys, id_ignore_keys)
        content = (type(self), *((key, type(value), value) for key, value in sorted(self.items())))
        if content not in names:
            names[content] = to_id(self)
        return names[content]

    Expectation.configuration, IDDict.to_id = property(once), named  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        Expectation.configuration, IDDict.to_id = configuration, to_id  # type: ignore[method-assign]


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


def _failed(configuration: ExpectationConfiguration, error: Exception) -> ExpectationValidationResult:
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult

    info = {"raised_exception": True, "exception_message": type(error).__name__, "exception_traceback": ""}
    return ExpectationValidationResult(success=False, exception_info=info, expectation_config=configuration)
