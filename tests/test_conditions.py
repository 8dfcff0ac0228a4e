"""A condition of the user's is one expression over the columns of a row: it reads nothing else, and ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.engine import duckdb as engines
from auditor.engine.condition import NoCondition, TooSlow, require_condition
from auditor.engine.duckdb import DuckDB

PEOPLE = "(VALUES ('1', 'Anna', NULL), ('2', 'Bea', 'x')) AS people(id, name, status)"


@pytest.mark.parametrize(
    ("condition", "fitting"),
    [
        ("name = 'Anna'", 1),
        ("name = 'Anna' -- who is she?", 1),
        ("status <> 'y'", 1),
        ("CAST(id AS INTEGER) BETWEEN 1 AND 2", 2),
        ("list_contains(['Anna', 'Bea'], name) AND NOT (id = '2')", 1),
        ("len(list_filter([name], one -> one = 'Bea')) = 1", 1),
        ("name LIKE 'A%' OR status IS NULL", 1),
        ("name IN ('Anna', '(SELECT 1)')", 1),
    ],
)
def test_a_condition_says_which_rows_fit(condition: str, fitting: int, tmp_path: Path) -> None:
    engine = DuckDB(temp=tmp_path)
    fits = engine.fitting(condition, PEOPLE)
    assert engine.execute(f"SELECT count(*) FILTER ({fits}) FROM {PEOPLE}") == [(fitting,)]
    engine.close()


@pytest.mark.parametrize(
    "condition",
    [
        "EXISTS (SELECT 1 FROM glob('/etc/*'))",
        "(SELECT count(*) FROM 'other.csv') > 0",
        "name IN (SELECT name FROM read_csv('other.csv'))",
        "coalesce(name, (FROM 'other.csv')) = 'x'",
        "(SELECT sum(range) FROM range(100000000000)) > 0",
        "name = 'Anna') UNION SELECT (true",
        "true) FROM read_csv('other.csv') WHERE (true",
        "true; DROP TABLE people",
        "",
        "-- nothing",
        "name =",
    ],
)
def test_nothing_but_one_expression_is_a_condition(condition: str) -> None:
    with pytest.raises(NoCondition):
        require_condition(condition)


@pytest.mark.parametrize(
    "condition", ["1", "name", "true, true", "id + 1 > 3", "statut = 'x'", "count(*) > 1", "error('no') = 'x'"]
)
def test_what_is_not_yes_or_no_of_a_row_is_refused(condition: str, tmp_path: Path) -> None:
    engine = DuckDB(temp=tmp_path)
    with pytest.raises(engine.refusals):
        engine.fitting(condition, PEOPLE)
    engine.close()


def test_a_condition_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "PATIENCE", 0.1)
    engine = DuckDB(temp=tmp_path)
    with pytest.raises(TooSlow, match="longer than"):
        engine.fitting("list_sum(range(CAST(range AS BIGINT) % 10000)) > 1", "range(1000000000)")
    assert engine.execute("SELECT 1") == [(1,)], "and nothing else"
    engine.close()
