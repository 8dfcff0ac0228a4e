"""Workbooks as other programs write them: formulas, rows that nobody sees, durations, what computing leaves."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from xml.sax.saxutils import escape

import polars as pl
import pytest
import xlsxwriter
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from auditor.engine.duckdb import DuckDB
from auditor.errors import InputUnusable
from auditor.findings.codes import Code, Notice
from auditor.load import Landed, land
from auditor.model import Side

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_NAMES = "".join(f'<c t="inlineStr"><is><t>{name}</t></is></c>' for name in ("id", "value"))

Landing = Callable[[Path], tuple[Landed, pl.DataFrame]]


@pytest.fixture
def landing(tmp_path: Path) -> Iterator[Landing]:
    engine = DuckDB(memory_limit="500MB", temp=tmp_path, folders=[tmp_path])

    def land_it(path: Path) -> tuple[Landed, pl.DataFrame]:
        landed = land(engine, Side.TRUTH, path, tmp_path / "landed.parquet")
        return landed, pl.read_parquet(landed.path)

    yield land_it
    engine.close()


def written(
    path: Path, rows: Sequence[str], *, prefix: str = "", place: str = "worksheets/sheet1.xml", calculated: str = ""
) -> Path:
    """A workbook with these rows below the names, as XML; `prefix` of its elements, as .NET writes them."""
    body = f"<row r='1'>{_NAMES}</row>" + "".join(rows)
    if prefix:
        body = body.replace("</", "\0").replace("<", f"<{prefix}:").replace("\0", f"</{prefix}:")
    name, space = (f"{prefix}:", f"xmlns:{prefix}") if prefix else ("", "xmlns")
    types = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    with zipfile.ZipFile(path, "w") as book:
        book.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{types}.sheet.main+xml"/>'
            f'<Override PartName="/xl/{place}" ContentType="{types}.worksheet+xml"/></Types>',
        )
        book.writestr("_rels/.rels", _link("xl/workbook.xml", "officeDocument"))
        book.writestr("xl/_rels/workbook.xml.rels", _link(place, "worksheet"))
        book.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_LINKS}"><sheets><sheet name="A" sheetId="1" r:id="rId1"/></sheets>'
            f"{calculated}</workbook>",
        )
        book.writestr(
            f"xl/{place}",
            f'<{name}worksheet {space}="{_MAIN}"><{name}sheetData>{body}</{name}sheetData></{name}worksheet>',
        )
    return path


def _link(target: str, kind: str) -> str:
    return (
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_LINKS}/{kind}" Target="{target}"/></Relationships>'
    )


def row(number: int, cell: str, more: str = "") -> str:
    return f'<row r="{number}"{more}><c><v>{number - 1}</v></c>{cell}</row>'


_UNWORKED = "<c><f>A2*10</f></c>"


@pytest.mark.parametrize(
    ("prefix", "place"), [("", "worksheets/sheet1.xml"), ("x", "worksheets/sheet1.xml"), ("", "sheet1.xml")]
)
def test_a_formula_without_a_value_is_seen_however_the_sheet_is_written(
    prefix: str, place: str, tmp_path: Path, landing: Landing
) -> None:
    rows = [row(2, _UNWORKED), row(3, "<c><v>7</v></c>")]
    landed, frame = landing(written(tmp_path / "a.xlsx", rows, prefix=prefix, place=place))
    assert frame.rows() == [("2", "7")]
    assert landed.rejected == 1


def test_a_formula_that_came_to_an_empty_text_is_an_empty_cell(tmp_path: Path, landing: Landing) -> None:
    """As Excel and LibreOffice store `=IF(A2=1,"","x")`."""
    rows = [
        row(2, '<c t="str"><f>IF(A2=1,"","x")</f><v></v></c>'),
        row(3, '<c t="str"><f>IF(A3=1,"","x")</f><v>x</v></c>'),
    ]
    landed, frame = landing(written(tmp_path / "a.xlsx", rows))
    assert (landed.rejected, frame.rows()) == (0, [("1", None), ("2", "x")])
    # Other programs say of a formula that they did not work out that it is a text.
    landed, frame = landing(written(tmp_path / "a.xlsx", [*rows, row(4, '<c t="str"><f>B2</f></c>')]))
    assert (landed.rejected, frame.rows()) == (2, [("2", "x")])


@pytest.mark.parametrize(
    ("values", "flag", "rejected"),
    [((0, 0), ' fullCalcOnLoad="1"', 2), ((0, 5), ' fullCalcOnLoad="1"', 0), ((0, 0), "", 0)],
    ids=["all nought, to be worked out when opened", "worked out", "worked out to nought"],
)
def test_noughts_that_stand_for_formulas_that_nobody_worked_out(
    values: tuple[int, int], flag: str, rejected: int, tmp_path: Path, landing: Landing
) -> None:
    """What programs write that cannot calculate: each formula is 0, and Excel shall work it out."""
    rows = [row(number, f"<c><f>A{number}</f><v>{value}</v></c>") for number, value in enumerate(values, 2)]
    rows.append(row(4, "<c><v>7</v></c>"))
    landed, _ = landing(written(tmp_path / "a.xlsx", rows, calculated=f'<calcPr calcId="1"{flag}/>'))
    assert landed.rejected == rejected


def test_a_library_that_cannot_calculate_writes_noughts(tmp_path: Path, landing: Landing) -> None:
    book = xlsxwriter.Workbook(tmp_path / "a.xlsx")
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["id", "value"])
    sheet.write_row(1, 0, ["1", "=2*3"])
    sheet.write_row(2, 0, ["2", "x"])
    book.close()
    landed, frame = landing(tmp_path / "a.xlsx")
    assert (landed.rejected, frame.rows()) == (1, [("2", "x")])


def test_rows_that_are_out_of_order_are_not_lost_without_a_word(tmp_path: Path, landing: Landing) -> None:
    rows = [row(3, "<c><v>2</v></c>"), row(2, "<c><v>1</v></c>")]
    with pytest.raises(InputUnusable, match=r"a\.xlsx .* row 2 .* row 3"):
        landing(written(tmp_path / "a.xlsx", rows))


def test_a_workbook_of_the_strict_kind_is_called_so(tmp_path: Path, landing: Landing) -> None:
    path = written(tmp_path / "a.xlsx", [row(2, "<c><v>2</v></c>")])
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    with zipfile.ZipFile(path, "w") as book:
        for name, part in parts.items():
            strict = part.replace(_MAIN.encode(), b"http://purl.oclc.org/ooxml/spreadsheetml/main")
            book.writestr(
                name, strict.replace(_LINKS.encode(), b"http://purl.oclc.org/ooxml/officeDocument/relationships")
            )
    with pytest.raises(InputUnusable, match="Strict") as caught:
        landing(path)
    assert "Excel Workbook" in (caught.value.hint or "")


def test_rows_that_nobody_sees_and_cells_that_are_merged_are_told(tmp_path: Path, landing: Landing) -> None:
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    for cells in (["Contacts"], ["id", "value"], ["1", "Gent"], ["2", None], ["3", "Brugge"], ["4", "Aalst"]):
        sheet.append(cells)
    sheet.merge_cells("A1:B1")  # a title, as everywhere
    sheet.merge_cells("B3:B4")
    for number in (5, 6):
        sheet.row_dimensions[number].hidden = True
    book.save(tmp_path / "a.xlsx")
    landed, frame = landing(tmp_path / "a.xlsx")
    assert frame.rows() == [("1", "Gent"), ("2", None), ("3", "Brugge"), ("4", "Aalst")]
    assert Notice(Code.HIDDEN_ROWS, {"rows": 2}) in landed.notes
    assert Notice(Code.MERGED_CELLS, {"cells": "B3:B4", "more": 0}) in landed.notes


@pytest.mark.parametrize(
    ("length", "form", "text"),
    [
        (timedelta(hours=60), "[h]:mm:ss", "60:00:00"),
        (timedelta(hours=1, minutes=2, seconds=3), "[h]:mm:ss", "01:02:03"),
        (timedelta(days=45, seconds=1), "[hh]:mm", "1080:00:01"),
        (timedelta(seconds=90, milliseconds=500), "[mm]:ss.0", "00:01:30.5"),
    ],
)
def test_a_length_of_time_is_told_in_hours(
    length: timedelta, form: str, text: str, tmp_path: Path, landing: Landing
) -> None:
    book = xlsxwriter.Workbook(tmp_path / "a.xlsx")
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["id", "value"])
    sheet.write_string(1, 0, "1")
    sheet.write_number(1, 1, length / timedelta(days=1), book.add_format({"num_format": form}))
    book.close()
    assert landing(tmp_path / "a.xlsx")[1].rows() == [("1", text)]


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        ("0.30000000000000004", "0.3"),
        ("12.340000000000002", "12.34"),
        ("1234.5599999999999", "1234.56"),
        ("0.1234567890123456", "0.1234567890123456"),
        ("12345678901234567", "12345678901234567"),
        ("1.0000000000000002E-3", "0.001"),
    ],
)
def test_what_computing_leaves_behind_the_digits_that_excel_shows(
    stored: str, text: str, tmp_path: Path, landing: Landing
) -> None:
    path = written(tmp_path / "a.xlsx", [row(2, f"<c><v>{escape(stored)}</v></c>")])
    assert landing(path)[1].rows() == [("1", text)]


def test_a_moment_has_no_more_digits_than_it_needs(tmp_path: Path, landing: Landing) -> None:
    book = xlsxwriter.Workbook(tmp_path / "a.xlsx")
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["id", "value"])
    sheet.write_string(1, 0, "1")
    sheet.write_number(1, 1, 45352.4376794, book.add_format({"num_format": "dd/mm/yyyy hh:mm:ss.000"}))
    book.close()
    [(_, text)] = landing(tmp_path / "a.xlsx")[1].rows()
    assert text == "2024-03-01 10:30:15.500"[: len(text)]
    assert text.startswith("2024-03-01 10:30:15.5")
