"""Inputs that are no CSV: the same rows in every format, cells by type, rows and files that cannot be read."""

# ruff: noqa: DTZ001, E501 -- a workbook knows no zones; the rows of a table are read better than they are wide

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from auditor.commands.compare import compare
from auditor.engine.duckdb import DuckDB
from auditor.errors import AuditorError, InputUnusable, SettingsError
from auditor.findings.codes import Code, Notice, read_told
from auditor.findings.sentences import of_file
from auditor.load import Form, Landed, column_names, land
from auditor.model import Side, Status
from auditor.settings.compare_options import Question

Row = Mapping[str, str | None]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDB]:
    engine = DuckDB(memory_limit="500MB", temp=tmp_path, folders=[tmp_path])
    yield engine
    engine.close()


@pytest.fixture
def landing(engine: DuckDB, tmp_path: Path) -> Callable[..., tuple[Landed, pl.DataFrame]]:
    def land_it(path: Path, **more: Any) -> tuple[Landed, pl.DataFrame]:
        landed = land(engine, Side.TRUTH, path, tmp_path / "landed.parquet", **more)
        return landed, pl.read_parquet(landed.path)

    return land_it


def as_csv(path: Path, names: Sequence[str], rows: Sequence[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join('"' + name.replace('"', '""') + '"' for name in names) + "\n")
        for row in rows:
            cells = [row.get(name) for name in names]
            file.write(",".join("" if one is None else '"' + one.replace('"', '""') + '"' for one in cells) + "\n")


def as_json_lines(path: Path, names: Sequence[str], rows: Sequence[Row]) -> None:
    path.write_text("".join(json.dumps({name: row.get(name) for name in names}) + "\n" for row in rows), "utf-8")


def as_arrow(path: Path, names: Sequence[str], rows: Sequence[Row]) -> None:
    table = pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in names})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        for batch in table.to_batches(max_chunksize=max(2, len(rows) // 300)):  # each costs DuckDB two milliseconds
            writer.write_batch(batch)


def as_stream(path: Path, names: Sequence[str], rows: Sequence[Row]) -> None:
    table = pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in names})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)


def as_feather(path: Path, names: Sequence[str], rows: Sequence[Row]) -> None:
    pl.DataFrame({name: [row.get(name) for row in rows] for name in names}, dict.fromkeys(names, pl.String)).write_ipc(
        path, compression="lz4"
    )


def as_parquet(path: Path, names: Sequence[str], rows: Sequence[Row]) -> None:
    frame = pl.DataFrame({name: [row.get(name) for row in rows] for name in names}, dict.fromkeys(names, pl.String))
    frame.write_parquet(path)


def as_workbook(path: Path, names: Sequence[str], rows: Sequence[Row]) -> None:
    book = xlsxwriter.Workbook(path, {"strings_to_numbers": False})
    sheet = book.add_worksheet("Kunden")
    for place, name in enumerate(names):
        sheet.write_string(0, place, name)
    for line, row in enumerate(rows, 1):
        for place, name in enumerate(names):
            if (text := row.get(name)) is not None:
                sheet.write_string(line, place, text)
    book.close()


WRITERS: dict[str, Callable[[Path, Sequence[str], Sequence[Row]], None]] = {
    "csv": as_csv,
    "jsonl": as_json_lines,
    "arrow": as_arrow,
    "arrows": as_stream,
    "feather": as_feather,
    "parquet": as_parquet,
    "xlsx": as_workbook,
}
NAMES = ("id", "Naam", 'quo"te', "e-mail")
CELLS = st.none() | st.sampled_from(
    ["a", "0470123456", "1e5", "1.10", "TRUE", "NULL", "N/A", "two\nlines", 'say "x"', "a;b", "é", "e\u0301", " a ",
     "=1+1", "+32", "12345678901234567890", "👩‍👧", "a,b", "\\N", "2024-02-30"])  # fmt: skip
TABLES = st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=30)


@pytest.mark.parametrize("kind", [kind for kind in WRITERS if kind != "csv"])
@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(TABLES)
def test_the_same_rows_are_equal_in_every_format(
    kind: str, tmp_path: Path, cells: list[tuple[str | None, str | None, str | None]]
) -> None:
    rows = [dict(zip(NAMES, (f"k{n}", *row), strict=True)) for n, row in enumerate(cells)]
    rows.append(dict.fromkeys(NAMES, "last"))
    files = [tmp_path / f"rows.{suffix}" for suffix in ("csv", kind)]
    for file in files:
        WRITERS[file.suffix[1:]](file, NAMES, rows)
    compared = compare(Question(str(files[0]), str(files[1]), key=("id",)))
    assert compared.only_platform == compared.only_truth == ()
    assert {status: number for status, number in compared.conclusion.counts.profiles.items() if number} == {
        Status.EQUAL: len(rows)
    }
    assert compared.conclusion.not_checked == ()


@pytest.mark.parametrize("kind", WRITERS)
def test_a_format_is_known_by_its_content_and_not_by_its_name(
    kind: str, tmp_path: Path, landing: Callable[..., tuple[Landed, pl.DataFrame]], engine: DuckDB
) -> None:
    file = tmp_path / "contacts.dat"
    WRITERS[kind](file, NAMES, [{"id": "1", "Naam": "Ann"}, {"id": "2", "e-mail": "b@x.be"}])
    landed, frame = landing(file)
    assert landed.columns == tuple(frame.columns) == NAMES == tuple(column_names(engine, file))
    assert frame.rows() == [("1", "Ann", None, None), ("2", None, None, "b@x.be")]
    assert (landed.rows, landed.rejected) == (2, 0)
    with pytest.raises(SettingsError, match='no column "naam"'):
        landing(file, columns=["id", "naam"])


@pytest.mark.parametrize("kind", WRITERS)
def test_order_is_kept_over_many_parts(kind: str, tmp_path: Path, landing: Any) -> None:
    rows = [{"id": str(number), "Naam": "x" * (number % 7)} for number in range(45_000 if kind != "xlsx" else 3_000)]
    file = tmp_path / f"many.{kind}"
    WRITERS[kind](file, ("id", "Naam"), rows)
    _, frame = landing(file)
    assert frame["id"].to_list() == [row["id"] for row in rows]


# --- JSON lines ---


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ('"a"', "a"), ('""', ""), ("null", None), ("true", "true"), ("false", "false"), ("1", "1"), ("1.10", "1.10"),
        ("1e5", "1e5"), ("-0.0", "-0.0"), ("12345678901234567890123", "12345678901234567890123"), ("NaN", "NaN"),
        ('"0470"', "0470"), ('"\\u00e9"', "é"), ('"\\ud83d\\ude00"', "😀"), ('"two\\nlines"', "two\nlines"),
        ('["a","b"]', "a,b"), ('["a,b","c"]', '"a,b",c'), ("[1.10,null,true]", "1.10,true"), ("[]", ""),
        ('{"b":1.10,"a":["é"]}', '{"b":1.10,"a":["é"]}'), ("[[1.0]]", "[[1.0]]"),
    ],
)  # fmt: skip
def test_values_of_json_lines(written: str, text: str | None, tmp_path: Path, landing: Any) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(f'{{"id":"1","value":{written}}}\n', "utf-8")
    _, frame = landing(file)
    assert frame["value"].to_list() == [text]


BAD_LINES = {
    b"{": "no JSON from character",
    b'{"id":"2"} {"id":"3"}': "no JSON from character",
    b'{"id":"2",}': "no JSON from character",
    b"[1]": "no JSON object",
    b"nothing": "no JSON from character",
    b'"2"': "no JSON object",
    b'{"id":"2","id":"3"}': 'the name "id" stands twice',
    b'{"id":"Ren\xe9"}': "bytes that are no text in UTF-8",
    b'{"id":"\\ud800"}': "half of a surrogate pair",
    b'{"id":' + b"[" * 100_000: "nested too deeply",
    b'{"id":"' + b"x" * (17 * 2**20) + b'"}': "the line is longer than",
    b'{"id":"a\tb"}': "no JSON from character",
}


def test_lines_that_cannot_be_read_are_rejected_alone(tmp_path: Path, landing: Any) -> None:
    good = [f'{{"id":"{number}"}}'.encode() for number in range(len(BAD_LINES) + 1)]
    lines = [b"\xef\xbb\xbf" + good[0]]
    for bad, fine in zip(BAD_LINES, good[1:], strict=True):
        lines += [bad, fine + b"\r", b"", b" "]
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"\n".join(lines))
    landed, frame = landing(file, most_rejected=(len(BAD_LINES), 0.0))
    assert frame["id"].to_list() == [str(number) for number in range(len(good))]
    assert (landed.rows, landed.rejected) == (len(good) + len(BAD_LINES), len(BAD_LINES))
    rejected = pl.read_parquet(landed.rejects).sort("line")
    assert rejected["line"].to_list() == [2 + 4 * number for number in range(len(BAD_LINES))]
    for (bad, reason), row in zip(BAD_LINES.items(), rejected.to_dicts(), strict=True):
        assert of_file(read_told(row["reason"])).startswith(reason)
        assert row["text"][:50] == bad.decode("utf-8", "backslashreplace")[:50]
    assert [one.code for one in landed.not_checked] == ["rejected_rows"]
    assert any("empty lines" in note for note in map(of_file, landed.notes))
    with pytest.raises(InputUnusable, match="too many"):
        landing(file, most_rejected=(len(BAD_LINES) - 1, 0.0))


def test_names_that_come_late_are_columns_from_the_beginning(tmp_path: Path, landing: Any, engine: DuckDB) -> None:
    file = tmp_path / "a.jsonl"
    lines = [
        json.dumps({"id": str(number)} | ({"late": "x", "Id": "y"} if number == 44_000 else {}))
        for number in range(45_000)
    ]
    file.write_text("\n".join(lines), "utf-8")
    assert column_names(engine, file) == ["id", "late", "Id"]
    landed, frame = landing(file, columns=["id", "late"])
    assert frame.filter(pl.col("late").is_not_null()).rows() == [("44000", "x")]
    assert landed.rows == 45_000
    assert Notice(Code.NO_LAST_LINE_END) in landed.notes


def test_json_lines_without_a_row_or_with_too_many_names_are_refused(tmp_path: Path, landing: Any) -> None:
    file = tmp_path / "a.json"
    file.write_text('{"id": "1"')
    with pytest.raises(InputUnusable, match=r"no row of .* can be read"):
        landing(file)
    file.write_text("\n".join(json.dumps({f"k{number}": "1"}) for number in range(10_001)))
    with pytest.raises(InputUnusable, match="more than 10,000 columns"):
        landing(file)


def test_a_damaged_first_line_is_one_row_of_many(tmp_path: Path, landing: Any) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": "1", "name\n{"id": "2"}\n')
    assert landing(tmp_path / "a.jsonl")[1].rows() == [("2",)]
    (tmp_path / "a.jsonl").write_text('\ufeff\ufeff{"id": "1"}\n{"id": "2"}\n')
    assert landing(tmp_path / "a.jsonl")[1].rows() == [("1",), ("2",)]


# --- JSON that is no lines ---

DOCUMENTS = {
    "an array": '[\n {"id": "1", "name": "An"},\n {"id": "2", "name": null, "late": 1.10}\n]\n',
    "an array on one line": '[{"id":"1","name":"An"},{"id":"2","late":1.10}]',
    "over several lines": '{\n  "id": "1",\n  "name": "An"\n}\n{\n  "id": "2",\n "late": 1.10\n}\n',
    "in a list": '{\n "total": 2,\n "data": [\n  {"id": "1", "name": "An"}, {"id": "2", "late": 1.10}\n ],\n "next": null}\n',
    "in a list on one line": '{"meta":{"n":[1,2]},"value":[{"id":"1","name":"An"},{"id":"2","late":1.10}]}',
    "in a list within": '{"data": {"contacts": [{"id": "1", "name": "An"},\n{"id": "2", "late": 1.10}]}}',
    "commas between": '{"id": "1", "name": "An"},\n{"id": "2", "late": 1.10},\n',
    "on one line": '{"id": "1", "name": "An"}{"id": "2", "late": 1.10}',
    "behind marks": '\ufeff\ufeff[{"id": "1", "name": "An"},\r\n\t{"id": "2", "late": 1.10}]',
}


@pytest.mark.parametrize("content", DOCUMENTS.values(), ids=DOCUMENTS)
def test_json_however_it_is_written(content: str, tmp_path: Path, landing: Any, engine: DuckDB) -> None:
    (tmp_path / "a.json").write_text(content, "utf-8", newline="")
    assert column_names(engine, tmp_path / "a.json") == ["id", "name", "late"]
    landed, frame = landing(tmp_path / "a.json")
    assert frame.sort("id").rows() == [("1", "An", None), ("2", None, "1.10")]
    assert (landed.rows, landed.rejected) == (2, 0)
    of_a_list = [note.parameters["name"] for note in landed.notes if note.code == Code.ROWS_OF_A_LIST]
    assert of_a_list == ([name] if (name := next((one for one in ("data.contacts", "data", "value")
                                                  if f'"{one.split(".")[-1]}"' in content), None)) else [])  # fmt: skip


@pytest.mark.parametrize("size", [1, 7, 2**20])
def test_an_array_is_read_in_pieces_as_in_one(
    size: int, tmp_path: Path, landing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against Python's own reading of the whole."""
    monkeypatch.setattr("auditor.load.jsondocument._CHUNK", size)
    rows = [
        {"id": str(number), "text": 'é\n{["😀\\' * (number % 5), "list": ["a", "b,c"], "number": number * 3}
        for number in range(300)
    ]
    for indent in (None, 2):
        (tmp_path / "a.json").write_text(json.dumps({"n": 12345, "data": rows}, ensure_ascii=False, indent=indent))
        _, frame = landing(tmp_path / "a.json")
        found = frame.select("id", "text", "list", "number").sort(pl.col("id").cast(pl.Int64)).rows()
        assert found == [(row["id"], row["text"], 'a,"b,c"', str(row["number"])) for row in rows]


def test_members_that_are_no_rows_are_rejected_alone(tmp_path: Path, landing: Any) -> None:
    bad = {b"[1]": "no JSON object", b"null": "no JSON object", b'{"id":"2","id":"3"}': 'the name "id" stands twice',
           b'{"id":"Ren\xe9"}': "bytes that are no text in UTF-8", b'{"id":"\\ud800"}': "half of a surrogate pair"}  # fmt: skip
    members = [one for bad_one in bad for one in (b'{"id":"1"}', bad_one)]
    (tmp_path / "a.json").write_bytes(b"[" + b",\n".join(members) + b"]")
    landed, frame = landing(tmp_path / "a.json", most_rejected=(len(bad), 0.0))
    assert (frame.height, landed.rows, landed.rejected) == (len(bad), 2 * len(bad), len(bad))
    rejected = pl.read_parquet(landed.rejects).sort("line")
    assert rejected["line"].to_list() == [2, 4, 6, 8, 10], "the number of the row"
    for (text, reason), row in zip(bad.items(), rejected.to_dicts(), strict=True):
        assert of_file(read_told(row["reason"])).startswith(reason)
        assert row["text"] == text.decode("utf-8", "backslashreplace")
    assert [one.code for one in landed.not_checked] == ["rejected_rows"]


@pytest.mark.parametrize(
    "end", ['[{"id": "1"}', '[{"id": "1"},', '[{"id": "1"}, {"id": "2', '{"d": [{"id": "1"}], "n": tr']
)
def test_json_that_ends_too_early_is_read_as_far_as_it_goes_and_not_complete(
    end: str, tmp_path: Path, landing: Any
) -> None:
    (tmp_path / "a.json").write_text(end)
    landed, frame = landing(tmp_path / "a.json")
    assert frame.rows() == [("1",)]
    assert [one.code for one in landed.not_checked] == ["rejected_rows"]


def test_damage_within_json_and_lists_among_which_nobody_chose_are_refused(tmp_path: Path, landing: Any) -> None:
    file = tmp_path / "a.json"
    file.write_text('[{"id": "1"},\n {"id": 2 "name": "An"},\n {"id": "3"}]')
    with pytest.raises(InputUnusable, match=r"a\.json is no JSON from line 2, character 11 on"):
        landing(file)
    for several in (
        '{"a": [{"id": 1}], "b": {"c": [{"id": 2}]}}',
        '{\n"id": 1, "a": [{"x": 1}]}\n{\n"id": 2, "a": [{"x": 2}]}',
        '{\n"id": 1, "a": [{"x": 1}]}\n{\n"id": 2}',
    ):
        file.write_text(several)
        with pytest.raises(InputUnusable, match="which of them are the rows is not clear") as caught:
            landing(file)
        assert "jq" in (caught.value.hint or "")


def test_packed_json_lines(tmp_path: Path) -> None:
    as_json_lines(tmp_path / "a.jsonl", NAMES, [{"id": "1"}])
    packed = tmp_path / "b.jsonl.gz"
    packed.write_bytes(gzip.compress((tmp_path / "a.jsonl").read_bytes()))
    compared = compare(Question(str(tmp_path / "a.jsonl"), str(packed), key=("id",)))
    assert compared.conclusion.counts.profiles[Status.EQUAL] == 1


# --- Arrow ---


def test_types_of_arrow_are_spelt_as_those_of_parquet(tmp_path: Path, landing: Any) -> None:
    frame = pl.DataFrame(
        {
            "day": [date(2024, 2, 29), None],
            "moment": [datetime(2024, 2, 29, 10, 30, tzinfo=UTC), None],
            "number": [Decimal("1.10"), None],
            "share": [0.1, float("nan")],
            "many": [["a,b", "c"], []],
            "flag": [True, None],
            "whole": [2**53 + 1, None],
        }
    ).with_columns(kind=pl.Series(["x", "y"], dtype=pl.Categorical))
    frame.write_parquet(tmp_path / "a.parquet")
    frame.write_ipc(tmp_path / "a.arrow")
    spelt = [landing(tmp_path / f"a.{kind}")[1].rows() for kind in ("parquet", "arrow")]
    assert spelt[0] == spelt[1]
    assert spelt[1][0][:3] == ("2024-02-29", "2024-02-29 10:30:00Z", "1.10")


def test_arrow_files_that_are_cut_off_are_said_to_be(tmp_path: Path, landing: Any) -> None:
    rows = [{"id": str(number), "Naam": "x" * 50} for number in range(5_000)]
    for kind in ("arrow", "arrows", "feather"):
        file = tmp_path / f"a.{kind}"
        WRITERS[kind](file, ("id", "Naam"), rows)
        content = file.read_bytes()
        file.write_bytes(content[: len(content) // 2])
        with pytest.raises(InputUnusable, match=r"Arrow file .* is cut off or damaged"):
            landing(file)
    (tmp_path / "old.feather").write_bytes(b"FEA1" + bytes(20))
    with pytest.raises(InputUnusable, match="Feather file of version 1"):
        landing(tmp_path / "old.feather")


# --- Excel ---


def workbook(path: Path, write: Callable[[Any, Any], None]) -> Path:
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["id", "value"])
    write(book, sheet)
    book.close()
    return path


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (1, "", "1"), (1.0, "", "1"), (1.5, "", "1.5"), (0.1, "", "0.1"), (-7, "", "-7"), (1e21, "", "1" + "0" * 21),
        (7, "00000", "00007"), (7, "#,##0.00", "7"), (True, "", "true"), (datetime(2024, 2, 29), "dd/mm/yyyy", "2024-02-29"),
        (datetime(2024, 2, 29), "dd/mm/yyyy hh:mm", "2024-02-29 00:00:00"),
        (datetime(2024, 2, 29, 10, 30), "dd/mm/yyyy", "2024-02-29 10:30:00"), ("0470", "", "0470"), ("=1", "", "=1"),
    ],
)  # fmt: skip
def test_cells_of_a_workbook(value: object, form: str, text: str, tmp_path: Path, landing: Any) -> None:
    def write(book: Any, sheet: Any) -> None:
        shape = book.add_format({"num_format": form} if form else {})
        sheet.write_string(1, 0, "1")
        if isinstance(value, str):
            sheet.write_string(1, 1, value)
        elif isinstance(value, datetime):
            sheet.write_datetime(1, 1, value, shape)
        else:
            sheet.write(1, 1, value, shape)

    _, frame = landing(workbook(tmp_path / "a.xlsx", write))
    assert frame.rows() == [("1", text)]


def test_a_row_that_names_a_separator_is_no_row_of_a_workbook(tmp_path: Path, landing: Any) -> None:
    """What is left where a CSV file that begins with `sep=;` was opened and saved."""

    book = Workbook()
    assert isinstance(book.active, Worksheet)
    for row in (["sep=;"], ["id", "value"], ["1", "fine"], ["2", "fine", "too many"]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    landed, frame = landing(tmp_path / "a.xlsx")
    assert frame.columns == ["id", "value"]
    assert frame.rows() == [("1", "fine")]
    assert (landed.rows, landed.rejected) == (2, 1)
    assert pl.read_parquet(landed.rejects)["line"].to_list() == [4]
    assert any("names a separator" in note for note in map(of_file, landed.notes))


def test_rows_of_a_workbook_that_cannot_be_believed_are_rejected(tmp_path: Path, landing: Any) -> None:
    def write(_: Any, sheet: Any) -> None:
        sheet.write_row(1, 0, ["1", "fine"])
        sheet.write_formula(2, 0, "=NA()", None, "#N/A")
        sheet.write_row(4, 0, ["2", "fine", "too many"])
        sheet.write_formula(5, 0, '="3"', None, "3")

    landed, frame = landing(workbook(tmp_path / "a.xlsx", write))
    assert frame.rows() == [("1", "fine"), ("3", None)]
    assert (landed.rows, landed.rejected) == (4, 2)
    rejected = pl.read_parquet(landed.rejects).select("line", "reason").rows()
    assert [(line, of_file(read_told(reason))) for line, reason in rejected] == [
        (3, "column 1 holds the error #N/A"),
        (5, "the row has more cells than the 2 names of the first row"),
    ]
    assert Notice(Code.EMPTY_ROWS, {"rows": 1}) in landed.notes


def test_a_formula_that_was_never_worked_out_is_no_empty_cell(tmp_path: Path, landing: Any) -> None:
    book = Workbook()  # writes formulas without their values
    assert book.active is not None
    for row in (["id", "value"], ["1", "x"], ["2", "=1+1"], ["=A2", None]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    landed, frame = landing(tmp_path / "a.xlsx")
    assert frame.rows() == [("1", "x")]
    assert [row["line"] for row in pl.read_parquet(landed.rejects).to_dicts()] == [3, 4]


def test_which_sheet_is_meant(tmp_path: Path, landing: Any, engine: DuckDB) -> None:
    path = tmp_path / "a.xlsx"
    book = xlsxwriter.Workbook(path)
    for name, key in (("Kunden", "1"), ("Oud", "2")):
        book.add_worksheet(name).write_column(0, 0, ["id", key])
    hidden = book.add_worksheet("Verborgen")
    hidden.write_column(0, 0, ["id", "3"])
    hidden.hide()
    book.add_worksheet("Leeg")
    book.close()
    with pytest.raises(SettingsError, match='several sheets: "Kunden", "Oud"') as caught:
        landing(path)
    assert caught.value.declare == "sheet=Kunden"
    assert landing(path, form=Form(sheet="Oud"))[1].rows() == [("2",)]
    assert landing(path, form=Form(sheet="Verborgen"))[1].rows() == [("3",)]
    assert column_names(engine, path, Form(sheet="Kunden")) == ["id"]
    with pytest.raises(SettingsError, match='no sheet "Nieuw"'):
        landing(path, form=Form(sheet="Nieuw"))


def test_digits_that_excel_lost_are_told(tmp_path: Path, landing: Any) -> None:
    path = workbook(tmp_path / "a.xlsx", lambda _, sheet: sheet.write_row(1, 0, [12345678901234567, "x"]))
    landed, _ = landing(path)
    assert [of_file(note) for note in landed.notes] == ["1 number has more than the 15 digits that Excel keeps"]


@pytest.mark.parametrize("names", [["id", "id"], [None, None]])
def test_first_rows_that_name_nothing(names: list[str | None], tmp_path: Path, landing: Any) -> None:
    book = Workbook()
    assert book.active is not None
    book.active.append(names)
    book.active.append(["1", "2"])
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(AuditorError, match=r"twice|first row|nothing|empty"):
        landing(tmp_path / "a.xlsx")


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_workbooks_that_are_cut_off_or_locked(share: float, tmp_path: Path, landing: Any) -> None:
    path = workbook(tmp_path / "a.xlsx", lambda _, sheet: sheet.write_row(1, 0, ["1", "x"]))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(AuditorError):
        compare(Question(str(path), str(path), key=("id",)))
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500))
    with pytest.raises(InputUnusable, match="old kind, or one with a password"):
        landing(path)


def test_a_csv_file_that_begins_with_a_brace_is_one(tmp_path: Path, landing: Any) -> None:
    file = tmp_path / "a.csv"
    with file.open("w", newline="") as handle:
        csv.writer(handle).writerows([["{id}", "name"], ["1", "x"]])
    assert landing(file)[1].rows() == [("1", "x")]
