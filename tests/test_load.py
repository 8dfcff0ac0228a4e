"""Landing: every row of a file is loaded as written or named as rejected, on a corpus of nasty files.

The independent answer is Python's csv module wherever a file is one that it reads without complaint.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import hypothesis
import polars as pl
import pytest
from hypothesis import strategies as st

from auditor.engine.duckdb import DuckDB
from auditor.errors import InputUnusable
from auditor.findings.audit import REJECTED
from auditor.findings.codes import Code, read_told
from auditor.findings.sentences import of_file
from auditor.load import Form, Landed, column_names, land
from auditor.model import Side
from tests.audits import in_words

Row = tuple[str | None, ...]

MANY = 2000


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDB]:
    engine = DuckDB(temp=tmp_path, folders=[tmp_path])
    yield engine
    engine.close()


def landed(
    engine: DuckDB,
    tmp_path: Path,
    content: bytes,
    *,
    columns: Sequence[str] | None = None,
    separator: str | None = None,
    encoding: str | None = None,
) -> Landed:
    source = tmp_path / "input.csv"
    source.write_bytes(content)
    work = tmp_path / "run"
    work.mkdir(exist_ok=True)
    result = land(
        engine,
        Side.TRUTH,
        source,
        work / "truth.parquet",
        columns=columns,
        form=Form(separator=separator, encoding=encoding),
    )
    left = {path.name for path in work.iterdir()}
    assert left == {"truth.parquet", *([result.rejects.name] if result.rejects else [])}
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in work.iterdir())
    return result


def rows(result: Landed) -> list[Row]:
    """The landed rows, read by another program than the one that wrote them."""
    frame = pl.read_parquet(result.path)
    assert tuple(frame.columns) == result.columns
    assert set(frame.dtypes) <= {pl.String()}
    return frame.rows()


def rejects(result: Landed) -> list[tuple[int, str, str]]:
    if result.rejects is None:
        return []
    frame = pl.read_parquet(result.rejects, schema=REJECTED)
    assert set(frame["side"]) == {"truth"}
    told = [(line, read_told(reason), text) for _, line, reason, text in frame.rows()]
    assert Code.AS_TOLD not in {reason.code for _, reason, _ in told}, "no sentence is stored"
    return [(line, of_file(reason), text) for line, reason, text in told]


def answer(content: bytes, separator: str) -> list[list[str]]:
    """All records by Python's csv module, header first, without empty lines."""
    csv.field_size_limit(10**9)
    text = content.decode("utf-8-sig")
    return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if row]


def lines(*records: str, end: str = "\n") -> bytes:
    return "".join(record + end for record in records).encode()


WELL_FORMED: dict[str, bytes] = {
    "plain": lines("a;b;c", "1;2;3", "4;5;6"),
    "separator comma": lines("a,b", "1,2"),
    "separator tab": lines("a\tb", "1\t2", "\t"),
    "separator bar": lines("a|b", "1|2"),
    "separators of other kinds in the header": lines("a;b,c;d", "1;2;3"),
    "one column": lines("a", "1", "2"),
    "one quoted column": lines('"a"', '"1;2"', '""'),
    "one row": lines("a;b", "1;2"),
    "no row": lines("a;b"),
    "no row and no line end": b"a;b",
    "no final line end": b"a;b\n1;2\n3;4",
    "no final line end after a quote": b'a;b\n1;2\n3;"4"',
    "no final line end after a separator": b"a;b\n1;2\n3;",
    "windows": lines("a;b", "1;2", "3;4", end="\r\n"),
    "windows without a final line end": b"a;b\r\n1;2\r\n3;4",
    "windows with quotes": lines('"a";"b"', '"1";"2"', end="\r\n"),
    "windows with line feeds in cells": b'a;b\r\n1;"x\ny"\r\n2;z\r\n',
    "windows with windows line ends in cells": b'a;b\r\n1;"x\r\ny"\r\n2;z\r\n',
    "line feeds, with windows line ends in cells": b'a;b\n1;"x\r\ny"\n2;z\n',
    "line feeds, with a return in the first cell": b'a;b\n"\r";x\n2;z\n',
    "windows line ends here and there": b"a;b\n1;2\r\n3;4\n",
    "mac": lines("a;b", "1;2", "3;4", end="\r"),
    "mac without a final line end": b"a;b\r1;2\r3;4",
    "mac with quotes": b'a;b\r1;"x;y"\r3;"p\rq"\r',
    "separators in cells": lines("a;b", '"1;2;3";4', '5;";"'),
    "line feeds in cells": lines("a;b", '"x\ny\n\nz";4', '5;"\n"'),
    "line feeds in the last cell": lines("a;b", '1;"x\n"', '2;"\n\n"'),
    "quotes in cells": lines("a;b", '"say ""hi""";1', '"""";""""""'),
    "quotes in unquoted cells": lines("a;b", '5" disk;1', 'x"y"z;2"'),
    "quotes, separators and line feeds together": lines("a;b", '"a"";\n""b";"\n"";"""', "1;2"),
    "everything quoted": lines('"a";"b"', '"1";"2"', '"";"3"'),
    "empty cells": lines("a;b;c", ";;", "1;;", ";;3", ";2;"),
    "empty quoted cells": lines("a;b", '"";""', '"";'),
    "blanks kept": lines("a;b", "  1 ; 2  ", "\t;\u00a0", " ; "),
    "blanks before a quote": lines("a;b", '1; "x"', '  "y";2'),
    "blanks after a quote": lines("a;b", '"x" ;1', '2;"y"  '),
    "empty lines between": b"a;b\n1;2\n\n3;4\n\n\n5;6\n",
    "empty lines at the end": b"a;b\n1;2\n\n\n",
    "empty lines before the header": b"\n\na;b\n1;2\n",
    "empty lines in one column": b"a\n1\n\n2\n\n",
    "empty windows lines": b"a;b\r\n1;2\r\n\r\n3;4\r\n",
    "byte order mark": b"\xef\xbb\xbfa;b\n1;2\n",
    "byte order mark and quotes": b'\xef\xbb\xbf"a";"b"\n"1";"2"\n',
    "nul": b'a;b\nx\x00y;z\n"\x00";q\n',
    "control characters": b"a;b\n\x01\x02\x0b;\x0c\x1b[31m\n\x7f;\x1c\x1d\x1e\x1f\n",
    "unicode line ends are no line ends": lines("a;b", "x\u2028y;\u2029", "\x85;z"),
    "accents, scripts, emoji": lines("prénom;名", "Zoë;Ωδός", "🙂;👩‍👩‍👧", "e\u0301;\u200b"),
    "spreadsheet formulas": lines("a;b", "=1+1;@x", "+3247;-1", "'x;\"=cmd|' /C calc'!A0\""),
    "numbers stay text": lines("a;b", "0470123456;1e5", "00;1.50", "0x1F;-0", "1,5;NaN"),
    "words for nothing stay text": lines("a;b", "NULL;null", "\\N;None", "N/A;nan"),
    "dates and booleans stay text": lines("a;b", "2026-05-01;TRUE", "01/05/2026;f"),
    "comment signs": lines("a;b", "#1;2", "# x;y", "--;//"),
    "backslashes": lines("a;b", '\\;"x\\"', '\\";\\\\', '"\\""";1'),
    "apostrophes": lines("a;b", "'1;2'", "O'Neil;''"),
    "header in quotes with separators": lines('"a;x";"b ""q"""', "1;2"),
    "header with a line feed": b'"a\nx";b\n1;2\n',
    "header with blanks around": lines(" a ;b ;  c", "1;2;3"),
    "header of SQL words": lines('select;from;"drop table";file;column;"row number"', "1;2;3;4;5;6"),
    "header of hostile names": lines("a'b;c--d;e/*;%s;{x};$1", "1;2;3;4;5;6"),
    "header in emoji": lines("🙂;é;é".replace("é", "e\u0301", 1), "1;2;3"),
    "header of numbers": lines("1;2;3", "4;5;6"),
    "header named like internals": lines("c0;c1;c2", "1;2;3"),
    "many columns": lines(";".join(f"c{i}" for i in range(MANY)), *(";".join([str(r)] * MANY) for r in range(3))),
    "many quoted columns": lines(";".join(f"c{i}" for i in range(MANY)), ";".join(['"x;\n"'] * MANY)),
    "a cell of one megabyte": lines("a;b", "x" * 10**6 + ";1", "2;3"),
    "a quoted cell of one megabyte": lines("a;b", '"' + 'x;""\r' * 200_000 + '";1', "2;3"),
    "a cell of five megabytes": lines("a;b", "x" * 5 * 10**6 + ";1", "2;3"),
    "a cell of a hundred lines": lines("a;b;c;d", '1;2;3;"' + "line\n" * 99 + '"', "5;6;7;8"),
    "cells of ninety lines in one record": lines("a;b", '"{0}";"{0}"'.format("line\n" * 89), "5;6"),
    "too few cells": lines("a;b;c", "1;2;3", "1;2", "4;5;6"),
    "too many cells": lines("a;b", "1;2", "1;2;3", "4;5"),
    "one empty cell too many": lines("a;b", "1;2;", "4;5"),
    "one empty cell too many behind quotes": lines("a;b", '"1";2;', '"x;y";', "4;5"),
    "two empty cells too many": lines("a;b", "1;2;;", "4;5"),
    "too many quoted cells": lines("a;b", '"1";"2";"3"', "4;5"),
    "a record of two lines with too many cells": lines("a;b;c", '1;"x\ny";3;4', "4;5;6"),
    "only one cell": lines("a;b", "total", "4;5"),
}


@pytest.mark.parametrize("name", WELL_FORMED)
def test_every_row_is_there_as_written(name: str, engine: DuckDB, tmp_path: Path) -> None:
    content = WELL_FORMED[name]
    result = landed(engine, tmp_path, content)
    header, *expected = answer(content, result.separator)
    fitting = [tuple(row) for row in expected if len(row) == len(header)]
    assert result.columns == tuple(header)
    assert [tuple(cell or "" for cell in row) for row in rows(result)] == fitting
    assert result.rows == len(expected)
    assert result.rejected == len(expected) - len(fitting) == len(rejects(result))
    assert [item.code for item in result.not_checked] == (["rejected_rows"] if result.rejected else [])


def test_the_corpus_is_large_enough() -> None:
    assert len(WELL_FORMED) >= 60


def test_an_empty_cell_is_null_and_an_empty_quoted_cell_is_text(engine: DuckDB, tmp_path: Path) -> None:
    assert rows(landed(engine, tmp_path, b'a;b\n;""\n"";\n')) == [(None, ""), ("", None)]
    assert rows(landed(engine, tmp_path, b'a;b\n;""\n"x\ny";\n')) == [(None, ""), ("x\ny", None)], "the careful way"


def test_only_wanted_columns_are_kept_and_the_order_of_the_file(engine: DuckDB, tmp_path: Path) -> None:
    for content in (lines("a;b;c;d", "1;2;3;4"), lines("a;b;c;d", '"x\ny";2;3;4')):
        result = landed(engine, tmp_path, content, columns=["d", "b"])
        assert result.columns == ("b", "d")
        assert rows(result) == [("2", "4")]


def test_names_that_differ_in_case_only_are_fine_while_one_of_them_is_kept(engine: DuckDB, tmp_path: Path) -> None:
    assert rows(landed(engine, tmp_path, lines("mail;Mail;MAIL", "1;2;3"), columns=["Mail"])) == [("2",)]


def test_a_column_without_a_name_is_left_out_with_a_word(engine: DuckDB, tmp_path: Path) -> None:
    result = landed(engine, tmp_path, lines("a;;b; ", "1;2;3;4"))
    assert rows(result) == [("1", "3")]
    assert [note for note in map(of_file, result.notes) if "no name" in note] == [
        "column 2 has no name and was left out",
        "column 4 has no name and was left out",
    ]


def test_what_was_recognised_is_said(engine: DuckDB, tmp_path: Path) -> None:
    result = landed(engine, tmp_path, b"\xef\xbb\xbfa\tb\n1\t2\n\n3\t4")
    assert (result.separator, result.encoding) == ("\t", "utf-8")
    said = " ".join(map(of_file, result.notes))
    for word in ("tab", "byte order mark", "no line end", "1 empty line"):
        assert word in said
    assert landed(engine, tmp_path, lines("a;b", "1;2"), separator=";").notes == ()


@pytest.mark.parametrize("mark", [";", ",", "\t", "^"])
@pytest.mark.parametrize("spelt", ["sep={}", '"sep={}"', "SEP={}", "\ufeffsep={}"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_line_for_excel_names_the_separator_and_is_no_row(
    mark: str, spelt: str, end: str, engine: DuckDB, tmp_path: Path
) -> None:
    """Lines are counted all the same: a rejected row is named by its own."""
    content = end.join([spelt.format(mark), f"a{mark}b", f"1{mark}2", f"3{mark}4{mark}5", f"6{mark}7", ""])
    result = landed(engine, tmp_path, content.encode())
    assert result.columns == ("a", "b")
    assert rows(result) == [("1", "2"), ("6", "7")]
    assert (result.rows, result.rejected) == (3, 1)
    assert result.rejects is not None
    assert pl.read_parquet(result.rejects)["line"].to_list() == [4]
    assert any("separator" in note and "no row" in note for note in map(of_file, result.notes))
    assert column_names(engine, tmp_path / "input.csv") == list(result.columns)
    declared = landed(engine, tmp_path, content.encode(), separator=mark)
    assert (declared.columns, declared.rows) == (result.columns, 3)
    assert any("names a separator" in note for note in map(of_file, declared.notes))


def test_a_large_file_for_excel_is_read_the_plain_way(engine: DuckDB, tmp_path: Path) -> None:
    result = landed(engine, tmp_path, b"sep=;\na;b\n" + b"1;2\n" * 100_000)
    assert (result.rows, result.rejected, result.not_checked) == (100_000, 0, ())


@pytest.mark.parametrize("header", ["sep=;;x", "separator;x", "sep;x", "sep=ab;x"])
def test_names_that_only_look_like_a_line_for_excel_are_names(header: str, engine: DuckDB, tmp_path: Path) -> None:
    result = landed(engine, tmp_path, lines(header, header.replace("x", "y")))
    assert result.rows == 1


def test_a_separator_that_was_set_is_used(engine: DuckDB, tmp_path: Path) -> None:
    assert landed(engine, tmp_path, lines("a,b;c,d", "1,2;3,4"), separator=";").columns == ("a,b", "c,d")
    assert rows(landed(engine, tmp_path, lines("a^b", "1^2"), separator="^")) == [("1", "2")]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "iso-8859-15", "utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
def test_other_encodings_are_read_when_they_are_named(encoding: str, engine: DuckDB, tmp_path: Path) -> None:
    text = "nom;ville\n" + 'Zoë;Liège\n"Ünal\nx";Gent\n' * 75_000  # larger than what is read at once
    text = text if encoding in ("latin-1", "utf-8-sig") else text.replace("Gent", "€uro")
    result = landed(engine, tmp_path, text.encode(encoding), encoding=encoding)
    assert rows(result) == [tuple(row) for row in csv.reader(io.StringIO(text), delimiter=";")][1:]
    assert result.encoding == encoding
    assert column_names(engine, tmp_path / "input.csv", Form(encoding=encoding)) == ["nom", "ville"]


TABLE = [f"{i};name {i};street {i};{'' if i % 7 else 'note'};BE" for i in range(300)]


@pytest.mark.parametrize("offset", range(5))
def test_a_stray_quote_costs_its_own_row_only(offset: int, engine: DuckDB, tmp_path: Path) -> None:
    """Wherever a single quote slips in, every other row is loaded as it was, and the lost one is named."""
    whole = lines("a;b;c;d;e", *TABLE)
    first = whole.index(b"\n") + 1
    expected = [tuple(cell or None for cell in row.split(";")) for row in TABLE]
    for position in range(first + offset, len(whole) - 40, 61):
        result = landed(engine, tmp_path, whole[:position] + b'"' + whole[position:])
        row = whole.count(b"\n", first, position)
        got = rows(result)
        assert result.rows == len(TABLE)
        if result.rejected:
            assert [reject[0] for reject in rejects(result)] == [row + 2]
            assert got == expected[:row] + expected[row + 1 :]
        else:
            assert got[:row] + got[row + 1 :] == expected[:row] + expected[row + 1 :]
            assert '"' in "".join(cell or "" for cell in got[row]), "an inner quote is a character of its cell"


def test_two_stray_quotes_never_lose_rows_without_a_word(engine: DuckDB, tmp_path: Path) -> None:
    """A quote that opens in one row and closes in a later one is a legal cell: that is said, and nothing is planned."""
    for first, last in ((0, 1), (10, 12), (10, 90), (10, 250), (200, 299)):
        table = list(TABLE)
        table[first] = table[first].replace(";", ';"', 1)
        table[last] = table[last].replace(f"street {last}", f'street {last}"')
        result = landed(engine, tmp_path, lines("a;b;c;d;e", *table))
        lost = len(TABLE) - len(rows(result)) - result.rejected
        assert lost == 0 or any(item.blocks_plan for item in result.not_checked)
        if last - first >= 100:
            assert (result.rejected, len(rows(result))) == (1, len(TABLE) - 1)


def test_a_stray_quote_in_a_file_that_is_read_in_parts(engine: DuckDB, tmp_path: Path) -> None:
    """A file so large that the parser splits it among threads: still one row."""
    table = [f"{i};{'x' * 900};y;z;{i}" for i in range(80_000)]
    table[30_000] = table[30_000].replace("x", '"x', 1)
    result = landed(engine, tmp_path, lines("a;b;c;d;e", *table))
    assert (result.rows, result.rejected) == (80_000, 1)
    assert rejects(result)[0][:2] == (30_002, "a quote is not closed")
    keys = [row[0] for row in rows(result)]
    assert keys == [str(i) for i in range(80_000) if i != 30_000]


def test_cells_of_several_lines_in_a_file_that_is_read_in_parts(engine: DuckDB, tmp_path: Path) -> None:
    table = [f'{i};"note; {i}\nx;y;z;w;v\n{"t" * 900}""{i}""";end' for i in range(80_000)]
    result = landed(engine, tmp_path, lines("a;b;c", *table))
    assert (result.rows, result.rejected, result.not_checked) == (80_000, 0, ())
    assert rows(result)[79_999] == ("79999", f'note; 79999\nx;y;z;w;v\n{"t" * 900}"79999"', "end")
    assert [row[0] for row in rows(result)] == [str(i) for i in range(80_000)]


def test_a_cell_of_more_than_a_hundred_lines_rejects_its_record(engine: DuckDB, tmp_path: Path) -> None:
    long = '2;"' + "and so on\n" * 150 + '";3;4'
    result = landed(engine, tmp_path, lines("a;b;c;d", "1;2;3;4", long, "5;6;7;8"))
    assert rows(result) == [("1", "2", "3", "4"), ("5", "6", "7", "8")]
    assert rejects(result) == [(3, "a cell spans more than 100 lines", long)]


def test_a_torn_cell_whose_lines_look_like_rows_stops_the_plan(engine: DuckDB, tmp_path: Path) -> None:
    result = landed(engine, tmp_path, lines("a;b;c;d;e", "1;2;3;4;5", '2;"x;3;4;5', "6;7;8;9;0", '7;y";3;4;5', "8;;;;"))
    assert [(item.code, item.blocks_plan) for item in result.not_checked] == [("lines_do_not_close", True)]


def test_rejected_rows_are_named_with_line_reason_and_text(engine: DuckDB, tmp_path: Path) -> None:
    content = lines("a;b", "1;2", "x;y;z", "", '"p"q;1', '"m\nn";2', "one", "3;4", end="\r\n")
    result = landed(engine, tmp_path, content)
    assert rejects(result) == [
        (3, "3 cells where the header has 2", "x;y;z"),
        (5, "text follows a closing quote", '"p"q;1'),
        (8, "1 cell where the header has 2", "one"),
    ]
    assert rows(result) == [("1", "2"), ("m\nn", "2"), ("3", "4")]
    assert result.rows == 6
    [item] = result.not_checked
    assert (item.code, item.side, item.rows, item.blocks_plan) == ("rejected_rows", Side.TRUTH, 3, False)
    assert "p" not in in_words(item).split(": ")[1].replace("input.csv", ""), "no values in what is said"


def test_bytes_that_are_not_utf8_cost_their_own_row_only(engine: DuckDB, tmp_path: Path) -> None:
    """One line of a mixed file, one inside a cell of several lines, one between them that is as it should be."""
    content = "a;b\n1;Zoë\n2;".encode() + b'Zo\xeb\n3;"x\n\xff"\n' + "4;é\n5;🙂\n".encode()
    result = landed(engine, tmp_path, content)
    assert rows(result) == [("1", "Zoë"), ("4", "é"), ("5", "🙂")]
    assert rejects(result) == [
        (3, "byte 5, 0xEB, is not UTF-8", r"2;Zo\xeb"),
        (4, "byte 6, 0xFF, is not UTF-8", '3;"x\n\\xff"'),
    ]
    assert (result.rows, [item.code for item in result.not_checked]) == (5, ["rejected_rows"])


def test_a_row_beyond_all_bounds_is_rejected(engine: DuckDB, tmp_path: Path) -> None:
    result = landed(engine, tmp_path, b"a;b\n1;2\n3;" + b"x" * (17 * 2**20) + b"\n5;6\n")
    assert rows(result) == [("1", "2"), ("5", "6")]
    assert [reject[0] for reject in rejects(result)] == [3]


def test_rows_with_other_line_ends_that_hide_in_a_rejected_one_stop_the_plan(engine: DuckDB, tmp_path: Path) -> None:
    mac = "1;2\r" * (5 * 2**18)  # the header and all that is looked at for its line end
    for content, loaded, text in (
        (f"a;b\r{mac}3;4\n5;6\n7;8\r9;0\r", 5 * 2**18 + 1, "3;4\n5;6\n7;8"),
        ("a;b\n1;2\n3;4\r5;6\r7;8\n9;0\n", 2, "3;4\r5;6\r7;8"),
        ('a;b\n1;2\n"3";"4"\r"5";"6"\n9;0\n', 2, '"3";"4"\r"5";"6"'),
    ):
        result = landed(engine, tmp_path, content.encode())
        assert (len(rows(result)), [one[2] for one in rejects(result)]) == (loaded, [text])
        assert any(item.blocks_plan for item in result.not_checked)


def test_a_row_of_a_mac_file_beyond_all_bounds_is_rejected(engine: DuckDB, tmp_path: Path) -> None:
    long = b"3;" + b"x" * (17 * 2**20)
    result = landed(engine, tmp_path, b"a;b\r" + b"1;2\r" * (5 * 2**18) + long + b"\r5;6\r" + long + b"\r7;8")
    assert rows(result)[5 * 2**18 - 1 :] == [("1", "2"), ("5", "6"), ("7", "8")]
    assert {reason for _, reason, _ in rejects(result)} == {"the row is longer than 16,777,216 bytes"}
    assert (result.rejected, result.rows) == (2, 5 * 2**18 + 4)


def test_progress_ends_at_the_end(engine: DuckDB, tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_bytes(lines("a;b", "1;2"))
    seen: list[tuple[int, int, int | None]] = []
    land(engine, Side.TRUTH, source, tmp_path / "t.parquet", progress=lambda *step: seen.append(step))
    assert seen[0] == (0, 8, None)
    assert seen[-1] == (8, 8, 1)


CELL = st.lists(st.sampled_from(["a", "é", ";", '"', "\n", "\r\n", " ", "\t", "0", "\x00", "'", "\\"]), max_size=6).map(
    "".join
)


@hypothesis.settings(
    max_examples=150, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(
    table=st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width), max_size=5)),
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_whatever_is_written_by_the_rules_comes_back(
    table: list[list[str]], end: str, quoting: int, engine: DuckDB, tmp_path: Path
) -> None:
    width = len(table[0]) if table else 1
    # Behind an empty row, words that stand alone may be no row: test_files_as_they_come holds which.
    alone = [" " in row[0].strip() and not any(row[1:]) for row in table]
    hypothesis.assume(width < 3 or not any(alone))
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator=end, quoting=quoting)  # type: ignore[arg-type]
    writer.writerows([[f"c{i}" for i in range(width)], *table])
    result = landed(engine, tmp_path, out.getvalue().encode(), separator=";")
    assert [[cell or "" for cell in row] for row in rows(result)] == table
    assert (result.rejected, [item for item in result.not_checked if item.code != "lines_do_not_close"]) == (0, [])


@hypothesis.settings(
    max_examples=300, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(
    parts=st.lists(st.sampled_from(["a", ";", ";", '"', "\n", "\n", "1;2;3\n", '"x";y;z\n', " "]), max_size=25)
)
def test_no_line_disappears_whatever_the_file(parts: list[str], engine: DuckDB, tmp_path: Path) -> None:
    """Lines of the file = records + line feeds in loaded cells + lines of rejected text + empty lines + those below."""
    content = ("p;q;r\n" + "".join(parts)).encode()
    try:
        result = landed(engine, tmp_path, content, separator=";")
    except InputUnusable:
        return
    table = rows(result)
    inside = sum((cell or "").count("\n") for row in table for cell in row)
    lost = sum(text.count("\n") + 1 for _, _, text in rejects(result))
    empty = sum(int(note.split()[0].replace(",", "")) for note in map(of_file, result.notes) if "empty line" in note)
    below = sum(note.parameters["lines"] for note in result.notes if note.code is Code.LINES_BELOW_ROWS)
    total = content.count(b"\n") + (not content.endswith(b"\n"))
    assert total == 1 + len(table) + inside + lost + empty + below
    assert result.rows == len(table) + result.rejected


PARQUET = """
SELECT 1::INTEGER AS i, 12345678901234567890123456789012345678::DECIMAL(38, 0) AS h, 1.50::DECIMAL(9, 2) AS d,
       0.1::DOUBLE AS f, 0.1::FLOAT AS g, 1e300::DOUBLE AS big, 0.1::DOUBLE + 0.2::DOUBLE AS noise, true AS b,
       DATE '0987-01-02' AS day, TIMESTAMP '2026-05-01 06:30:00' AS t, TIMESTAMP '2026-05-01 06:30:00.5' AS tf,
       TIMESTAMP_NS '2026-05-01 06:30:00.000000001' AS tn, TIMESTAMPTZ '2026-05-01 06:30:00+02' AS z,
       ['a', NULL, 'b c'] AS l, ['x,y', 'p"q'] AS lq, []::VARCHAR[] AS le, NULL::VARCHAR[] AS ln,
       [1.50::DECIMAL(9, 2)] AS ld, TIMESTAMP 'infinity' AS ti,
       [DATE '2026-05-01'] AS lt, {'k': 'v', 'n': NULL} AS s, 'x'::BLOB AS bl, '\\xFF'::BLOB AS bx, '' AS e,
       NULL::INTEGER AS n,
       'a;"b"' || chr(10) AS text, [[1, 2], [3]] AS ll, TIME '06:30:00' AS tm
"""
SPELT = {
    "i": "1",
    "h": "12345678901234567890123456789012345678",
    "d": "1.50",
    "f": "0.1",
    "g": "0.1",
    "big": "1e+300",
    "noise": "0.30000000000000004",
    "b": "true",
    "day": "0987-01-02",
    "t": "2026-05-01 06:30:00",
    "tf": "2026-05-01 06:30:00.500000",
    "tn": "2026-05-01 06:30:00.000000001",
    "z": "2026-05-01 04:30:00Z",
    "l": "a,b c",
    "lq": '"x,y","p""q"',
    "le": "",
    "ln": None,
    "ld": "1.50",
    "ti": "infinity",
    "lt": "2026-05-01",
    "s": '{"k":"v","n":null}',
    "bl": "x",
    "bx": "\\xFF",
    "e": "",
    "n": None,
    "text": 'a;"b"\n',
    "ll": '"1,2",3',
    "tm": "06:30:00",
}


def test_parquet_is_spelt_by_one_rule(engine: DuckDB, tmp_path: Path) -> None:
    source = tmp_path / "typed.parquet"
    duckdb.connect().execute("SET TimeZone = 'America/New_York'").execute(f"COPY ({PARQUET}) TO '{source}'")
    result = land(engine, Side.TRUTH, source, tmp_path / "truth.parquet")
    assert dict(zip(result.columns, rows(result)[0], strict=True)) == SPELT
    assert (result.rows, result.rejected, result.encoding, result.separator) == (1, 0, "", "")
    assert column_names(engine, source) == list(SPELT)


def test_floats_in_parquet_read_back_as_the_same_number(engine: DuckDB, tmp_path: Path) -> None:
    numbers = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -0.0, 123456789.123456789, 1e16, 2.0**53 + 2]
    pl.DataFrame({"x": numbers}).write_parquet(tmp_path / "f.parquet")
    got = rows(land(engine, Side.TRUTH, tmp_path / "f.parquet", tmp_path / "truth.parquet"))
    assert [float(text or "nan").hex() for (text,) in got] == [number.hex() for number in numbers]


def test_parquet_with_nested_and_odd_names(engine: DuckDB, tmp_path: Path) -> None:
    frame = pl.DataFrame({"a.b": [1], 'q"x': ["y"], "Mail": ["1"], "mail": ["2"], "n": [{"a": {"mail": 1}}]})
    frame.write_parquet(tmp_path / "o.parquet")
    result = land(engine, Side.TRUTH, tmp_path / "o.parquet", tmp_path / "t.parquet", columns=["mail", "a.b", 'q"x'])
    assert rows(result) == [("1", "y", "2")]
