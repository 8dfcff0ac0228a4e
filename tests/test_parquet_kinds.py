"""Parquet columns of every kind, damaged pages, and relatives of the formats that are read."""

from __future__ import annotations

import io
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
import pytest
from pyarrow import parquet

from auditor.commands.compare import compare
from auditor.errors import InputUnusable
from auditor.files.formats import Format, format_of
from auditor.settings.compare_options import Question


def rows_of_itself(path: Path) -> Any:
    return compare(Question(str(path), str(path), key=("id",))).summary["profiles"]


@pytest.mark.parametrize("value", ["'{\"a\":1}'::JSON", "['{\"a\":1}'::JSON]", "{'a': '1'::JSON}", "INTERVAL 3 DAY"])
def test_types_of_parquet_that_are_no_plain_texts_are_compared_as_texts(value: str, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    duckdb.sql(f"COPY (SELECT '1' AS id, {value} AS v UNION ALL SELECT '2', NULL) TO '{path}'")
    assert rows_of_itself(path)["equal"] == 2


def test_types_without_a_rule_that_both_sides_store_are_compared_cell_by_cell(tmp_path: Path) -> None:
    """One row is the same, in one all cells differ, and in one null stands beside a value."""
    paths = tmp_path / "a.parquet", tmp_path / "b.parquet"
    same = "('1', '6f9619ff-8b86-d011-b42d-00cf4fc964ff'::UUID, TIME '10:00:00.5', '\\xFF'::BLOB)"
    rows = (
        f"{same}, ('2', '6f9619ff-8b86-d011-b42d-00cf4fc964fe'::UUID, TIME '10:00:00', 'a'::BLOB), "
        "('3', NULL, NULL, NULL)",
        f"{same}, ('2', '6f9619ff-8b86-d011-b42d-00cf4fc964fd'::UUID, TIME '11:00:00', 'b'::BLOB), "
        "('3', NULL, TIME '00:00:01', NULL)",
    )
    for path, values in zip(paths, rows, strict=True):
        duckdb.sql(f"COPY (FROM (VALUES {values}) AS v(id, u, t, b)) TO '{path}'")
    comparison = compare(Question(str(paths[0]), str(paths[1]), key=("id",)))
    assert comparison.summary["profiles"]["equal"] == 1
    told = comparison.differences.sort("key", "column").select("key", "column", "platform", "truth").rows()
    assert told == [
        ("2", "b", "a", "b"),
        ("2", "t", "10:00:00", "11:00:00"),
        ("2", "u", "6f9619ff-8b86-d011-b42d-00cf4fc964fe", "6f9619ff-8b86-d011-b42d-00cf4fc964fd"),
        ("3", "t", None, "00:00:01"),
    ]


def _written(path: Path, **columns: Any) -> bytearray:
    parquet.write_table(pyarrow.table(columns), path, compression="snappy", use_dictionary=False)
    return bytearray(path.read_bytes())


def test_a_parquet_file_whose_pages_are_damaged_is_said_to_be(tmp_path: Path) -> None:
    """Its footer is whole; and a codec that nobody knows is found in it."""
    path, names = tmp_path / "a.parquet", [str(number) for number in range(3000)]
    content = _written(path, id=names, v=[f"value {number * 7919 % 3000}" for number in range(3000)])
    unknown = content.replace(b"\x18\x01v\x15\x02", b"\x18\x01v\x15\x06")
    assert unknown != content
    for place in range(200, 260):
        content[place] ^= 0xFF
    half = content[: len(content) // 2]
    for broken in (content, unknown, half, b"PAR1PAR1", b"PAR1"):
        path.write_bytes(broken)
        with pytest.raises(InputUnusable, match=r"a\.parquet is cut off or damaged"):
            rows_of_itself(path)


def test_decimals_that_are_too_long_to_be_read_are_not_read_as_other_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    _written(path, id=["1"], v=pyarrow.array([Decimal("1.50")], pyarrow.decimal256(60, 2)))
    with pytest.raises(InputUnusable, match=r'column "v" of .*a\.parquet has decimals of 60 digits'):
        rows_of_itself(path)


def _zip(*members: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for member in members:
            archive.writestr(member, "<x/>")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (_zip("mimetype", "content.xml", "styles.xml"), "OpenDocument"),
        (_zip("[Content_Types].xml", "xl/workbook.bin"), "binary workbook"),
        (_zip("[Content_Types].xml", "word/document.xml"), "no workbook"),
        (_zip("Index/Document.iwa", "preview.jpg"), "iWork"),
        (b"PARE" + bytes(20), "encrypted Parquet"),
        (b"SQLite format 3\0" + bytes(20), "database of SQLite"),
        (bytes(range(8)) + b"DUCK\x40" + bytes(20), "database of DuckDB"),
        (b"\0\1\0\0Standard Jet DB\0", "database of Access"),
        (b"<stata_dta><header><release>118", "file of Stata"),
        (b"\x72\2\1\0\2\0", "file of Stata"),
        (b"$FL2@(#) SPSS DATA FILE", "file of SPSS"),
        (b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!", "file of SAS"),
        (bytes(12) + b"\xc2\xea\x81\x60\xb3\x14", "file of SAS"),
        (b"RDX3\nX\n\0\0\0\3", "file of R"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann\r\n", "vCard"),
        (b"<?xml version='1.0'?>\n<contacts><contact id='1'/></contacts>", "XML"),
        (b"<contacts>\n  <contact>", "XML"),
        (b"%PDF-1.7\n", "not a table"),
        (b"\xef\xbb\xbf<html xmlns:x='urn:x'><body><table><tr><td>id</td></tr></table>", "HTML"),
        (b"<?xml version='1.0'?>\n<?mso-application progid='Excel.Sheet'?>\n<Workbook/>", "XML spreadsheet"),
    ],
)
def test_relatives_of_the_formats_are_named_with_what_to_do(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "contacts.csv"
    path.write_bytes(content)
    with pytest.raises(InputUnusable, match=said) as caught:
        compare(Question(str(path), str(path), key=("id",)))
    assert "contacts.csv" in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("header", ["PARENT_ID,v", "ORCID,v", "customer,DUCK", "v,HDF", "<id>\t<v>", "BEGIN:X,v"])
def test_names_that_begin_as_other_formats_do_are_names(header: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{header}\n1,a\n")
    assert format_of(path) is Format.CSV
