"""Landing files with other quotes, or with an escape: cells as they are meant, rejected rows as they were written."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import polars as pl
import pytest
from hypothesis import strategies as st

from auditor.engine.duckdb import DuckDB
from auditor.errors import SettingsError
from auditor.findings.sentences import of_file
from auditor.load import Form, Landed, Marks, column_names, land
from auditor.model import Side
from tests.test_load import rejects, rows


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDB]:
    engine = DuckDB(temp=tmp_path, folders=[tmp_path])
    yield engine
    engine.close()


def landed(engine: DuckDB, tmp_path: Path, content: bytes, marks: Marks | None) -> Landed:
    source, work = tmp_path / "input.csv", tmp_path / "run"
    work.mkdir(exist_ok=True)
    source.write_bytes(content)
    result = land(engine, Side.TRUTH, source, work / "truth.parquet", form=Form(marks=marks))
    assert column_names(engine, source, Form(marks=marks)) == list(result.columns)
    assert {path.name for path in work.iterdir()} <= {"truth.parquet", "truth-rejected.parquet"}
    return result


def test_another_quote(engine: DuckDB, tmp_path: Path) -> None:
    content = b"'i;d';n\"ame\n1;'a;''b'''\n2;5\" disk\n3;'say \"hi\"\nthere'\n4;''\n5;O'Neil\n"
    result = landed(engine, tmp_path, content, Marks("'"))
    assert result.columns == ("i;d", 'n"ame')
    assert [name for _, name in rows(result)] == ["a;'b'", '5" disk', 'say "hi"\nthere', "", "O'Neil"]


def test_what_is_escaped_is_no_mark(engine: DuckDB, tmp_path: Path) -> None:
    content = rb"""id;name
1;"say \"hi\""
2;a\;b
3;"ends with \\"
4;C:\temp\new
5;\"x\"
6;"two\
lines"
7;\N
8;"a""b"
"""
    result = landed(engine, tmp_path, content, Marks(escape="\\"))
    assert [name for _, name in rows(result)] == [
        'say "hi"', "a;b", "ends with \\", r"C:\temp\new", '"x"', "two\nlines", r"\N", 'a"b',
    ]  # fmt: skip
    assert result.rejected == 0


def test_rejected_rows_are_kept_as_they_were_written(engine: DuckDB, tmp_path: Path) -> None:
    bad = r"2;'it\'s';a\;b;C:\\;" + '"'
    result = landed(engine, tmp_path, f"id;name\n1;x\n{bad}\n3;y\n".encode(), Marks("'", "\\"))
    assert rejects(result) == [(3, "5 cells where the header has 2", bad)]
    assert rows(result) == [("1", "x"), ("3", "y")]


@pytest.mark.parametrize(
    ("content", "expected", "said"),
    [
        (b"'id','name'\n1,'O''Neil'\n", ("1", "O'Neil"), ["the quote ' was recognised"]),
        (b'id;name\n1;"say \\"hi\\""\n', ("1", 'say "hi"'), ["the escape \\ was recognised"]),
        (
            b"'id';'name'\n1;'it\\'s'\n",
            ("1", "it's"),
            ["the quote ' was recognised", "the escape \\ was recognised"],
        ),
        (b'id;name\n1;"C:\\"\n', ("1", "C:\\"), []),
        (b"id;'name'\n1;'x'\n", ("1", "'x'"), []),
        (b'"id";"name"\n1;"x""\\""y"\n', ("1", 'x"\\"y'), []),
    ],
)
def test_marks_are_recognised_where_only_one_reading_makes_sense(
    content: bytes, expected: tuple[str, str], said: list[str], engine: DuckDB, tmp_path: Path
) -> None:
    result = landed(engine, tmp_path, content, None)
    assert rows(result) == [expected]
    assert [note for note in map(of_file, result.notes) if note.startswith(("the quote", "the escape"))] == said


@hypothesis.given(
    table=st.lists(st.tuples(*[st.text(st.sampled_from("ab'\";,\\\n ~é"), max_size=8)] * 2), min_size=1, max_size=8),
    quote=st.sampled_from("\"'~"),
    escape=st.sampled_from([None, "\\"]),
)
@hypothesis.settings(
    max_examples=60, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
def test_what_python_writes_in_such_marks_comes_back(
    table: list[tuple[str, str]], quote: str, escape: str | None, engine: DuckDB, tmp_path: Path
) -> None:
    text = io.StringIO()
    writer = csv.writer(
        text, delimiter=";", quotechar=quote, escapechar=escape, doublequote=escape is None, quoting=csv.QUOTE_ALL,
        lineterminator="\n",
    )  # fmt: skip
    writer.writerows([("a", "b"), *table])
    assert rows(landed(engine, tmp_path, text.getvalue().encode(), Marks(quote, escape))) == table


@pytest.mark.parametrize(("quote", "escape"), [("''", None), ("x", None), ('"', '"'), ('"', "é"), (" ", None)])
def test_marks_that_make_no_sense(quote: str, escape: str | None) -> None:
    with pytest.raises(SettingsError):
        Marks(quote, escape)


def test_characters_that_stand_for_others_are_not_lost(engine: DuckDB, tmp_path: Path) -> None:
    content = "id;name\n1;\uf8d0\n".encode()
    with pytest.raises(SettingsError, match="private characters"):
        landed(engine, tmp_path, content, Marks(escape="\\"))
    assert rows(landed(engine, tmp_path, content, Marks("'"))) == [("1", "\uf8d0")]
    assert pl.read_parquet(tmp_path / "run" / "truth.parquet").height == 1
