"""The stage that judges both sides by the suite: every cell that Actito would not accept, with its key.

The verdicts are Great Expectations'; the failing rows go from table to table inside DuckDB, all of them, and never
through Python. What could not be evaluated is a result of its own and never a pass.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import duckdb

from auditor.engine.duckdb import DuckDB, literal, name_of, quote, translated
from auditor.equality.primitives import FUNCTIONS
from auditor.findings.codes import Code, NotChecked, Notice
from auditor.model import REFUSED_AS, SEGMENTATION_PREFIX, ContractRule, Rule, Severity, Side
from auditor.validate.jumps import Past, subject
from auditor.validate.references import Keys, keys_of
from auditor.validate.sizes import SIZE, asks, by_size, kinds, wanted
from auditor.validate.suite import BORN, JUMP, REFERENCE, Expectation, Suite

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from auditor.validate.answers import Answer

os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read while great_expectations is imported

KEY: Final = "auditor:key"
ROW: Final = "auditor:row"
UNIQUE: Final = "auditor:unique:"
"""Prefix of the columns that hold the canonical form of a unique attribute."""
READ: Final = "auditor:read:"
"""Prefix of the columns that hold the form in which the contract's rule reads a free text."""
COUNTED: Final = "auditor:counted:"
"""Prefix of the columns that hold the canonical form of a value that an export may spell in several ways."""

_RAW: Final = "auditor:raw:"
"""Prefix of the columns that hold the cells as they are, where some are blank."""

_UNIQUE_TYPE: Final = "expect_column_values_to_be_unique"
_BLANK: Final = r"[\s\x{000B}\x{0085}\x{00A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}]*"
"""A text without anything to see in it is an empty cell (RE2)."""


@dataclass(frozen=True, slots=True)
class Checked:
    """An expectation that was evaluated."""

    column: str | None
    """None where it is about the table; several columns are joined by a comma."""
    rule: str
    failing: int
    """Failing rows, all of them in the violations; 1 for a table or column as a whole that fails."""
    severity: Severity = Severity.ERROR
    """What the failing rows mean; TOLERATED where the expectation is met although some fail."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one expectation of the suite: not evaluated where `problem` says why."""

    expectation: Expectation
    met: bool = False
    failing: int | None = None
    """Failing rows; None where it judges no single rows or was not evaluated."""
    problem: Notice | None = None
    not_yet: bool = False
    """It was not evaluated because there is nothing to compare with yet, which is no gap in what can be checked."""
    figures: Mapping[str, Any] | None = None
    """Of the column, for later runs to compare with."""


@dataclass(frozen=True, slots=True)
class Validation:
    """What the suite says of one side."""

    side: Side
    found: ir.Table
    """Every violation of the side, in the columns of `audit.VIOLATIONS`."""
    evaluated: tuple[Checked, ...]
    not_evaluated: tuple[NotChecked, ...]
    results: tuple[Result, ...]
    """One for each expectation of the suite, in its order."""
    rows: int
    """Rows that were judged."""

    @property
    def violations(self) -> int:
        """Number of rows that this side has in the violations."""
        return sum(checked.failing for checked in self.evaluated)

    @property
    def not_yet(self) -> tuple[Notice, ...]:
        """Why there is nothing to compare with yet, each reason once."""
        return tuple(dict.fromkeys(one.problem for one in self.results if one.not_yet and one.problem))


def preload() -> None:
    """Import Great Expectations, which takes some seconds: to be called in a thread while data are pulled.

    Where pyspark is installed it would import that too, which takes twice as long and prints warnings. Of scipy it
    imports 490 modules for two expectations about distributions: these load when one of them is asked.
    """
    hidden = "pyspark" not in sys.modules
    if hidden:
        sys.modules["pyspark"] = None  # type: ignore[assignment]
    try:
        _postpone("scipy.stats")
        import auditor.validate.evaluation  # noqa: F401
    finally:
        if hidden:
            del sys.modules["pyspark"]


def _postpone(name: str) -> None:
    """Let a module of another package be imported without being loaded, until something of it is used."""
    if name in sys.modules or (spec := importlib.util.find_spec(name)) is None or spec.loader is None:
        return
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    package, _, own = name.rpartition(".")
    setattr(sys.modules[package], own, module)


def validate(
    engine: DuckDB,
    side: Side,
    checked: ir.Table,
    suite: Suite,
    *,
    today: date,
    key: str = KEY,
    row: str = ROW,
    past: Past = Past(),  # noqa: B008  (frozen)
    keys: Mapping[str, Keys] = MappingProxyType({}),
) -> Validation:
    """Judge one side.

    `checked` is a table with the columns `key` (text), `row` (a different whole number in each row), one text
    column per mapped column in the form that would be sent, `auditor:unique:NAME` with the canonical form of each
    unique attribute, `auditor:read:NAME` with that of each free text that the contract reads, and
    `auditor:counted:NAME` with that of each value that an export may spell in several ways. `today` is the day of
    the audit in the contract's zone, `past` what earlier runs saw of this side, `keys` the keys of other tables by the
    column that refers to one.

    A cell that is empty, or blank, violates nothing but that it is mandatory.
    """
    preload()
    from auditor.validate.answers import Answer
    from auditor.validate.evaluation import Question, evaluate

    with translated():
        engine.register(FUNCTIONS)
        violations = _Violations(engine, side)
        columns, view = list(checked.columns), name_of(checked)
        blank = _blank_columns(engine, view, [name for name in columns if name not in (key, row)])
        sizes = {name: kind for name, kind in wanted(suite).items() if name in columns}
        judged = _judged_view(engine, view, columns, blank, sizes).get_name()
        shown = {name: _RAW + name if name in blank else name for name in columns}
        apart = {name for name in columns if UNIQUE + name in columns or READ + name in columns or name in sizes}
        beside = [key, *(shown[name] for name in columns if name in blank | apart)]
        lacking = [_lacking(expectation, columns, keys) for expectation in suite.expectations]
        asked = [one for one, lack in zip(suite.expectations, lacking, strict=True) if lack is None]
        known = kinds(suite)
        questions = [
            Question(
                item.type,
                by_size(item.kwargs) if asks(item, known) else _kwargs(item, columns, today, past, keys),
            )
            for item in asked
        ]
        answers = iter(evaluate(engine.borrowed(), judged, questions, row_column=row, beside=beside))
        results: list[Result] = []
        not_evaluated: list[NotChecked] = []
        evaluated: list[Checked] = []
        for expectation, lack in zip(suite.expectations, lacking, strict=True):
            answer = Answer(problem=lack) if lack else next(answers)
            problem = answer.problem or violations.record(expectation, answer, key, shown)
            if problem:
                results.append(Result(expectation, problem=problem, not_yet=answer.not_yet, figures=answer.figures))
                if not answer.not_yet:
                    not_evaluated.append(_not_evaluated(side, expectation, problem))
            else:
                results.append(Result(expectation, bool(answer.met), answer.failing, figures=answer.figures))
                failing = (answer.failing or 0) if answer.met else answer.failing or 1
                about = ", ".join(expectation.columns) or None
                evaluated.append(Checked(about, expectation.rule, failing, _severity(expectation, answer)))
        [(rows,)] = engine.execute(f"SELECT count(*) FROM {view}")
        found = violations.table()
    return Validation(side, found, tuple(evaluated), tuple(not_evaluated), tuple(results), rows)


def _blank_columns(engine: DuckDB, view: str, columns: list[str]) -> set[str]:
    """The columns that have a blank cell somewhere: in most nobody has to look for one again."""
    if not columns:
        return set()
    [found] = engine.execute(f"SELECT {', '.join(f'bool_or({is_blank(name)})' for name in columns)} FROM {view}")
    return {name for name, some in zip(columns, found, strict=True) if some}


def is_blank(column: str) -> str:
    """Whether a cell is blank, as an SQL condition. Most begin with a printable character of ASCII, and a comparison
    takes a fraction of what the pattern takes."""
    cell = quote(column)
    return (
        f"CASE WHEN {cell} >= '!' AND {cell} < chr(127) THEN FALSE "
        f"ELSE regexp_full_match({cell}, {literal(_BLANK)}) END"
    )


def _judged_view(engine: DuckDB, view: str, columns: list[str], blank: set[str], sizes: Mapping[str, str]) -> ir.Table:
    """The side with every blank cell null: then Great Expectations' own expectations mean what ours mean.

    `sizes` are the columns whose sizes are asked for, with their types.
    """
    cells = [
        f"CASE WHEN NOT {is_blank(column)} THEN {quote(column)} END AS {quote(column)}, "
        f"{quote(column)} AS {quote(_RAW + column)}"
        if column in blank
        else quote(column)
        for column in columns
    ]
    cells += [f"TRY_CAST({quote(column)} AS {kind}) AS {quote(SIZE + column)}" for column, kind in sizes.items()]
    return engine.over(f"(SELECT {', '.join(cells)} FROM {view})", "judged")


def _lacking(expectation: Expectation, columns: list[str], keys: Mapping[str, Keys]) -> Notice | None:
    """Why an expectation need not even be asked; None where everything it needs is there."""
    if unmapped := [name for name in expectation.columns if name not in columns]:
        return Notice(Code.COLUMNS_UNMAPPED, {"columns": unmapped})
    if expectation.type == REFERENCE:
        return keys_of(keys, expectation.columns[0], str(expectation.kwargs.get("refers_to"))).problem
    return None


def _kwargs(
    expectation: Expectation, columns: list[str], today: date, past: Past, keys: Mapping[str, Keys]
) -> dict[str, object]:
    """The expectation's settings, with what only a run knows.

    Uniqueness, and whether a value can be read, is judged by the canonical form, where there is one.
    """
    kwargs = dict(expectation.kwargs)
    if expectation.type == _UNIQUE_TYPE and UNIQUE + str(kwargs["column"]) in columns:
        kwargs["column"] = UNIQUE + str(kwargs["column"])
    elif expectation.rule == ContractRule.UNREADABLE and READ + str(kwargs["column"]) in columns:
        kwargs["column"] = READ + str(kwargs["column"])
    elif expectation.type == JUMP:
        kwargs |= {"before": list(past.figures.get(subject(kwargs), ())), "key": past.key}
        if COUNTED + str(kwargs["column"]) in columns:  # an export in other forms is not one of other values
            kwargs["column"] = COUNTED + str(kwargs["column"])
    elif expectation.type == REFERENCE:
        kwargs["keys"] = keys[str(kwargs["column"])].table
    elif expectation.type == BORN and kwargs.get("today") is None:
        kwargs["today"] = today.isoformat()
    return kwargs


class _Violations:
    """The violations of one side while it is judged.

    Of each failing row its key, its value and the number of the expectation that it breaks; what is the same for every
    row that breaks one is kept once.
    """

    def __init__(self, engine: DuckDB, side: Side) -> None:
        self._engine, self._side = engine, side
        self._failing = name_of(
            engine.keep_sql(
                'SELECT NULL::INTEGER AS number, NULL::VARCHAR AS "key", NULL::VARCHAR AS "value" WHERE FALSE',
                "failing_rows",
            )
        )
        texts = ", ".join(f'NULL::VARCHAR AS "{name}"' for name in ("column", "rule", "detail", "severity", "refusal"))
        self._broken = name_of(
            engine.keep_sql(
                f"SELECT NULL::INTEGER AS number, NULL::BOOLEAN AS measured, {texts} WHERE FALSE",
                "broken_expectations",
            )
        )
        self._numbers = itertools.count(1)

    def table(self) -> ir.Table:
        """All violations, in the columns of `audit.VIOLATIONS`."""
        return self._engine.over(
            f"""(SELECT {literal(self._side.value)} AS side, "key", "column", "value", rule,
                CASE WHEN measured THEN concat(detail, '; this one has ', length("value")) ELSE detail END AS detail,
                severity, refusal
            FROM {self._failing} JOIN {self._broken} USING (number))""",
            "violations",
        )

    def record(self, expectation: Expectation, answer: Answer, key: str, shown: Mapping[str, str]) -> Notice | None:
        """Keep every failing row; why that was not possible, or None.

        `shown` names, per column, the one that holds its cells as they are.
        """
        if answer.met and answer.rows is None:
            return None
        columns, told = expectation.columns, expectation.sentence
        if answer.rows is None and answer.observed:
            told = f"{told}; here {answer.observed}"
        number = next(self._numbers)
        try:
            with self._engine.transaction():
                self._engine.execute(
                    f"""INSERT INTO {self._broken} (number, measured, "column", rule, detail, severity, refusal)
                    VALUES (?, ?, ?, ?, ?, ?, ?)""",
                    [
                        number,
                        _measured(expectation),
                        ", ".join(columns) or None,
                        expectation.rule,
                        told,
                        _severity(expectation, answer).value,
                        _refusal(self._side, expectation),
                    ],
                )
                if answer.rows is None:
                    self._engine.execute(f"INSERT INTO {self._failing} VALUES (?, NULL, ?)", [number, answer.value])
                    return None
                value = quote(shown[columns[0]]) if len(columns) == 1 else "NULL"
                selected = f"SELECT ?, {quote(key)}, {value} FROM ({answer.rows})"
                [(stored,)] = self._engine.execute(f"INSERT INTO {self._failing} {selected}", [number])
                if stored != answer.failing:
                    raise _OthersError
        except duckdb.BinderException:
            return Notice(Code.NOT_SELECTED, {"failing": answer.failing})
        except _OthersError:
            return Notice(Code.OTHERS_SELECTED)
        return None


class _OthersError(Exception):
    """Other rows were selected than were counted: nothing of them is kept."""


def _refusal(side: Side, expectation: Expectation) -> str | None:
    """How Actito would refuse a value that fails, None where it would take it.

    A new profile without a segment of a mandatory segmentation gets the default one (U-seg).
    """
    filled_in = expectation.rule == Rule.MANDATORY and expectation.columns[0].startswith(SEGMENTATION_PREFIX)
    if side is Side.PLATFORM or expectation.rule not in REFUSED_AS or filled_in:
        return None
    return REFUSED_AS[Rule(expectation.rule)].value


def _severity(expectation: Expectation, answer: Answer) -> Severity:
    return Severity.TOLERATED if answer.met and answer.failing else expectation.severity


def _measured(expectation: Expectation) -> bool:
    """Whether the violations say of each value which length it has."""
    lengths = (Rule.MAX_LENGTH, Rule.MIN_LENGTH)
    return expectation.type == "expect_column_value_lengths_to_be_between" and expectation.rule in lengths


def _not_evaluated(side: Side, expectation: Expectation, problem: Notice) -> NotChecked:
    what = {"expectation": expectation.type, "columns": list(expectation.columns), "problem": problem.content()}
    return NotChecked(Code.NOT_EVALUATED, side, parameters=what)
