"""A condition of the user's is one expression over the columns of a row: it reads nothing else, and ends."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from auditor.engine import duckdb as engines
from auditor.engine.condition import FUNCTIONS, NoCondition, TooSlow, UnknownFunction, require_condition
from auditor.engine.condition_texts import NotAll
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


@pytest.mark.parametrize("condition", ["1", "name", "true, true", "id + 1", "statut = 'x'", "row_number() OVER () = 1"])
def test_what_is_not_yes_or_no_of_a_row_is_refused(condition: str, tmp_path: Path) -> None:
    engine = DuckDB(temp=tmp_path)
    with pytest.raises((*engine.refusals, NotAll)):
        engine.fitting(condition, PEOPLE)
    engine.close()


@pytest.mark.parametrize(
    ("condition", "function"),
    [
        ("length(repeat(id, 2000000000)) > 1", "repeat"),
        ("levenshtein(lpad(id, 40000, 'x'), rpad(id, 40000, 'y')) > 1", "levenshtein"),
        ("list_sum(range(1000000000000)) > 1", "list_sum"),
        ("replace(replace(name, 'a', 'aaaaaaaaaa'), 'a', 'aaaaaaaaaa') = 'x'", "replace"),
        ("read_text('other.csv') = 'x'", "read_text"),
        ("error('no') = 'x'", "error"),
        ("count(*) > 1", "count_star"),
    ],
)
def test_what_takes_long_for_a_single_cell_is_not_begun(condition: str, function: str, tmp_path: Path) -> None:
    """An engine hears between cells only that it is to stop."""
    engine = DuckDB(temp=tmp_path)
    with pytest.raises(UnknownFunction, match=f"the function {function}, which none may"):
        engine.fitting(condition, PEOPLE)
    engine.close()


@pytest.mark.parametrize(
    "condition",
    [
        "id || name = 'x' AND name ILIKE '%b' AND name SIMILAR TO 'x' AND name !~~ 'y' AND name LIKE 'x!' ESCAPE '!'",
        "extract(year FROM try_cast(name AS DATE)) > 2000 AND try_cast(name AS DATE) - INTERVAL 3 DAYS < current_date",
        "try_cast(id AS INTEGER) % 3 ** 2 // 4 <> -1 AND coalesce(name, nullif(id, '')) IS DISTINCT FROM status",
        "trim(BOTH 'x' FROM name) = 'q' AND position('x' IN name) > 0 AND substring(name FROM 2 FOR 3) = 'x'",
        "CASE WHEN name GLOB 'A*' THEN id <> '1' ELSE starts_with(lower(strip_accents(name)), 'b') END",
        "now() > try_cast(name AS TIMESTAMPTZ) AT TIME ZONE 'UTC' OR date_diff('day', current_date, today()) = 0",
    ],
)
def test_what_people_write_in_conditions_is_a_condition(condition: str, tmp_path: Path) -> None:
    engine = DuckDB(temp=tmp_path)
    engine.execute(f"SELECT {engine.fitting(condition, PEOPLE)} FROM {PEOPLE}")
    engine.close()


def test_every_function_that_may_be_used_is_one() -> None:
    with duckdb.connect() as connection:
        known = {name for (name,) in connection.execute("SELECT function_name FROM duckdb_functions()").fetchall()}
    syntax = {"if", "coalesce", "ifnull", "nullif", "list_apply", "filter"}
    assert FUNCTIONS - known - syntax == set()


def test_a_condition_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "PATIENCE", 0.1)
    engine = DuckDB(temp=tmp_path)
    with pytest.raises(TooSlow, match="longer than"):
        engine.fitting("sha256(CAST(range AS VARCHAR)) = 'x'", "range(1000000000)")
    assert engine.execute("SELECT 1") == [(1,)], "and nothing else"
    engine.close()
