"""A condition reads texts as what it compares them with, where every cell is that; and follows the names of a side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from auditor.commands.compare import compare
from auditor.engine.condition import NoCondition
from auditor.engine.condition_texts import NotAll, renamed
from auditor.engine.duckdb import DuckDB
from auditor.errors import SettingsError
from auditor.model import Side
from auditor.settings.compare_options import Question

ROWS = """(VALUES
    ('1', '9', 'true', '2001-01-01', '1968-07-16T10:00', 12, 0),
    ('2', ' 10 ', 'No', '1999-05-05', '', 3, 1),
    ('3', '100', 'Y', '2010-01-01 10:00:00', NULL, 7, 2),
    ('4', '-2.5', '', '', '2024-05-01 08:30:00.5', NULL, 3),
    ('5', '', NULL, NULL, NULL, 1, 4)
) AS people("id", "age", "active", "born", "last seen", "n", "file_row_number")"""


def fitting(condition: str, folder: Path, rows: str = ROWS) -> str:
    engine = DuckDB(temp=folder)
    try:
        found = engine.execute(f"SELECT id FROM {rows} WHERE {engine.fitting(condition, rows)} ORDER BY 1")
        return "".join(one for (one,) in found)
    finally:
        engine.close()


@pytest.mark.parametrize(
    ("condition", "fits"),
    [
        ("age > 9", "23"),
        ("9 < AGE", "23"),
        ("age = 9", "1"),
        ("age = 10.0", "2"),
        ("age BETWEEN 9 AND 10", "12"),
        ("age IN (9, 100)", "13"),
        ("age NOT IN (9, 100)", "24"),
        ("age > n", "23"),
        ("age > length(id) + 8", "23"),
        ("age + 1 > 10", "23"),
        ("-age > 0", "4"),
        ("abs(age) < 5", "4"),
        ("age < 0 OR age = 9", "14"),
        ("coalesce(age, 0) > 9", "23"),
        ("coalesce(age, '') = ''", "5"),
        ("active", "13"),
        ("age IS NULL", ""),
        ("age = ''", "5"),
        ("age > '9'", ""),  # a text is compared with a text
        ("age LIKE '1%'", "3"),
        ("active = true", "13"),
        ("NOT active", "2"),
        ("active AND age > 9", "3"),
        ("active IS NULL", "5"),
        ("born > DATE '2000-01-01'", "13"),
        ("born <= '2001-01-01'::DATE", "12"),
        ("year(born) > 2000", "13"),
        ("born < now() AND \"last seen\" > TIMESTAMP '2024-01-01'", ""),
        ('"last seen" < current_date - INTERVAL 3 DAYS', "14"),
        ("CASE WHEN age > 9 THEN true ELSE false END -- who?", "23"),
        ("len(list_filter([age], one -> one = '9')) = 1", "1"),
        ("people.age > 99", "3"),
    ],
)
def test_texts_are_read_as_what_they_are_compared_with(condition: str, fits: str, tmp_path: Path) -> None:
    assert fitting(condition, tmp_path) == fits


@pytest.mark.parametrize(
    ("cells", "condition", "said"),
    [
        (["9", "abc", "10"], "v > 9", "for a number, and 1 of its cells is none, in row 2: v > 9"),
        (["1,5", "9", "1.000,5"], "v > 9", "for a number, and 2 of its cells are none, the first in row 1: v > 9"),
        (["9", "10", "1_0"], "v + 1 > 9", "1 of its cells is none, in row 3"),
        (["9", "nan", "0x1"], "v BETWEEN 1 AND 2", "2 of its cells are none, the first in row 2"),
        (["2024-05-01", "01/05/2024", "x"], "v > DATE '2024-01-01'", "a day or moment, and 2 of its cells are none"),
        (["2024-02-30", "2024-05-01", ""], "year(v) = 2024", "a day or moment, and 1 of its cells is none, in row 1"),
        (["true", "perhaps", "x"], "v = true", "for a yes or no, and 2 of its cells"),
    ],
)
def test_cells_that_are_not_are_told_by_count_and_place(
    cells: list[str], condition: str, said: str, tmp_path: Path
) -> None:
    values = ", ".join(f"('{number}', '{cell}', {number})" for number, cell in enumerate(cells))
    with pytest.raises(NotAll) as raised:
        fitting(condition, tmp_path, f"(VALUES {values}) AS t(id, v, file_row_number)")
    assert said in str(raised.value)
    assert "perhaps" not in str(raised.value)
    assert "abc" not in str(raised.value)


@pytest.mark.parametrize(
    ("condition", "hint"),
    [
        ("agee > 3", 'did you mean "age"'),
        ('id = "Anna"', "a text stands in single quotes"),
        ("nobody = 'x'", '"nobody" is no column'),
        ("len(list_filter([age], one -> two = '9')) = 1", '"two" is no column'),
    ],
)
def test_a_column_that_is_not_there_is_named(condition: str, hint: str, tmp_path: Path) -> None:
    with pytest.raises(NoCondition) as raised:
        fitting(condition, tmp_path)
    assert hint in str(raised.value)


@pytest.mark.parametrize(
    ("condition", "own"),
    [
        ("country = 'BE'", "\"land\" = 'BE'"),
        ("Country = 'country' AND \"country\" <> city", '"land" = \'country\' AND "land" <> "the city"'),
        ("é = 1 AND t.country IN ('a')", "é = 1 AND \"land\" IN ('a')"),
        ("contains(country, 'a') -- country", "contains(\"land\", 'a') -- country"),
        ("nonsense =", "nonsense ="),
    ],
)
def test_names_follow_the_columns(condition: str, own: str) -> None:
    assert renamed(condition, {"country": "land", "city": "the city"}) == own


def ask(folder: Path, **more: Any) -> dict[str, int]:
    (folder / "a.csv").write_text("id,age,country,v\n1,9,BE,a\n2,10,FR,b\n3,100,BE,c\n", "utf-8")
    (folder / "b.csv").write_text("id,age,land,v\n1,9,BE,a\n2,10,FR,x\n3,100,BE,c\n", "utf-8")
    compared = compare(Question(str(folder / "a.csv"), str(folder / "b.csv"), key=("id",), **more))
    counts = compared.conclusion.counts
    excluded = {side.value: counts.rows[f"{side.value}_excluded"] for side in Side}
    return {status.value: number for status, number in counts.profiles.items() if number} | excluded


def test_conditions_of_a_comparison(tmp_path: Path) -> None:
    mapped = {"country": "land"}
    assert ask(tmp_path, where="age > 9") == {"equal": 1, "conflicting": 1, "platform": 1, "truth": 1}
    assert ask(tmp_path, where="country = 'BE'", mapped=mapped) == {"equal": 2, "platform": 1, "truth": 1}
    one = {Side.TRUTH: "land = 'BE' -- or not"}
    assert ask(tmp_path, where="age > 9", where_one=one) == {"equal": 1, "platform": 2, "truth": 2}
    assert ask(tmp_path, where_one={Side.PLATFORM: "country = 'BE'"}) == {"equal": 2, "platform": 1, "truth": 1}


def test_what_is_wrong_with_a_condition_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"--where .*no condition over the columns of .*b\.csv") as raised:
        ask(tmp_path, where="country = 'BE'")
    assert raised.value.hint is not None
    assert '"country" is no column there' in raised.value.hint
    with pytest.raises(SettingsError, match=r'a\.csv: the condition takes "v" for a number, and 3 of its cells are'):
        ask(tmp_path, where="v > 9")


@pytest.mark.parametrize(
    ("asked", "option", "hint"),
    [
        ({"where_one": {Side.TRUTH: "country = 'BE'"}}, "--where-truth country", '"country" is called "land" there'),
        ({"where": "land = 'BE'"}, "--where land", '"land" is called "country" there'),
        ({"where_one": {Side.PLATFORM: "zz > 1"}}, "--where-platform zz", '"zz" is no column there'),
        ({"where": "age > 9", "where_one": {Side.TRUTH: "v > 9"}}, "--where-truth, .*b.csv", "TRY_CAST(v AS DOUBLE)"),
        ({"where": "v"}, "--where, .*a.csv", "v = 'true'"),
        ({"where": "length(v)"}, "--where length", '"v" is text there: TRY_CAST(v AS DOUBLE)'),
    ],
)
def test_what_is_wrong_with_a_condition_names_its_option(
    asked: dict[str, Any], option: str, hint: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=option) as raised:
        ask(tmp_path, mapped={"country": "land"}, **asked)
    assert raised.value.hint is not None
    assert hint in raised.value.hint
