"""Landing: the corpus of nasty files in all its forms, and a stray quote at every place of rows in a large file.

The independent answer is Python's csv module; a form that changes what the module reads is a file of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from auditor.engine.duckdb import DuckDB
from auditor.errors import SettingsError
from auditor.findings.codes import Code
from auditor.findings.sentences import of_file
from tests.test_load import WELL_FORMED, answer, landed, lines, rejects, rows

BOM = b"\xef\xbb\xbf"
_SWAPPED = bytes.maketrans(b";,", b",;")
_MORE = 3_000
"""Rows that are put before and behind those of a file, so that they are not all in the first block."""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDB]:
    engine = DuckDB(temp=tmp_path, folders=[tmp_path])
    yield engine
    engine.close()


def _among_many(content: bytes) -> bytes:
    header, _, rest = content.lstrip(b"\n").partition(b"\n")
    plain = b";".join([b"x"] * (header.count(b";") + 1)) + b"\n"
    return header + b"\n" + plain * _MORE + rest + plain * _MORE


def _simple(content: bytes) -> bool:
    """Whether lines can be put before and behind the rows: a header of one plain line, and an end."""
    header, _, rest = content.partition(b"\n")
    return b"," not in header and b'"' not in header and b"\r" not in content and rest.endswith(b"\n")


FORMS: dict[str, tuple[Callable[[bytes], bool], Callable[[bytes], bytes]]] = {
    "windows": (lambda it: b"\r" not in it, lambda it: it.replace(b"\n", b"\r\n")),
    "byte order mark": (lambda it: not it.startswith((BOM, b"\n")), lambda it: BOM + it),
    "no final line end": (lambda it: it.endswith(b"\n") and not it.endswith(b"\n\n"), lambda it: it[:-1]),
    "comma": (lambda it: b";" in it, lambda it: it.translate(_SWAPPED)),
    "among many rows": (lambda it: b";" in it and len(it) < 10_000 and _simple(it), _among_many),
}
CORPUS = {
    f"{name}, {form}": change(content)
    for name, content in WELL_FORMED.items()
    for form, (possible, change) in FORMS.items()
    if possible(content)
}


def test_the_corpus_is_large_enough() -> None:
    assert len(set(WELL_FORMED.values()) | set(CORPUS.values())) >= 200


@pytest.mark.parametrize("name", CORPUS)
def test_rows_of_the_file_are_loaded_or_rejected(name: str, engine: DuckDB, tmp_path: Path) -> None:
    content = CORPUS[name]
    result = landed(engine, tmp_path, content, separator="," if name.endswith(", comma") else None)
    header, *expected = answer(content, result.separator)
    fitting = [tuple(row) for row in expected if len(row) == len(header)]
    assert result.columns == tuple(header)
    assert [tuple(cell or "" for cell in row) for row in rows(result)] == fitting
    assert result.rows == len(expected)
    assert result.rejected == len(expected) - len(fitting) == len(rejects(result))


# What the csv module does not read: the answers are written by hand, as rows and as lines that are rejected.
HOSTILE: dict[str, tuple[bytes, list[tuple[str, str]], list[int]]] = {
    "half of a surrogate pair": (b"a;b\n1;\xed\xa0\x80\n2;x\n", [("2", "x")], [2]),
    "surrogate pairs as Oracle and Java write them": (
        b"a;b\n1;\xed\xa0\xbd\xed\xb8\x80\n2;x\n3;\xed\xa0\xbd\xed\xb8\x81\n", [("2", "x")], [2, 4],
    ),
    "surrogates beside letters": (b"a;b\n1;Zo\xc3\xab\n2;\xc3\xa9\xed\xbf\xbf\n", [("1", "Zoë")], [3]),
    "a NUL in two bytes": (b"a;b\n1;x\xc0\x80y\n2;x\n", [("2", "x")], [2]),
    "beyond Unicode": (b"a;b\n1;\xc3\xab\n2;\xf4\x90\x80\x80\n3;x\n", [("1", "ë"), ("3", "x")], [3]),
    "mixed encodings": (
        "a;b\n1;Zoë\n2;Łódź\n".encode() + "3;Zoë\n".encode("latin-1") + "4;Łódź\n".encode("cp1250") + b"5;x\n",
        [("1", "Zoë"), ("2", "Łódź"), ("5", "x")],
        [4, 5],
    ),
    "mixed encodings in cells of several lines": (
        'a;b\n1;"Zoë\nZoë"\n'.encode() + '2;"x\nZoë"\n'.encode("latin-1") + "3;é\n".encode(),
        [("1", "Zoë\nZoë"), ("3", "é")],
        [4],
    ),
    "quotes and bytes of no character": (
        b'a;b\n1;\xc3\xab\n2;"x\xff"\n"3;\xfe\n4;\xc3\xab\n', [("1", "ë"), ("4", "ë")], [3, 4],
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", ["as it is", "windows", "among many rows"])
@pytest.mark.parametrize("name", HOSTILE)
def test_bytes_that_are_no_text_cost_their_own_rows_only(name: str, form: str, engine: DuckDB, tmp_path: Path) -> None:
    content, loaded, rejected = HOSTILE[name]
    plain, before = [("x", "x")] * _MORE, 0
    if form == "windows":
        content = content.replace(b"\n", b"\r\n")
        loaded = [(a, b.replace("\n", "\r\n")) for a, b in loaded]
    elif form == "among many rows":
        content, loaded, before = _among_many(content), [*plain, *loaded, *plain], _MORE
    result = landed(engine, tmp_path, content)
    assert rows(result) == loaded
    assert [line - before for line, _, _ in rejects(result)] == rejected
    assert result.rows == len(loaded) + len(rejected)


def test_names_of_columns_that_only_just_differ(engine: DuckDB, tmp_path: Path) -> None:
    """Upper and lower case, a name that stands twice, a NUL: one of them may be meant, and is then read alone."""
    content = b"Mail;mail;MAIL;x\x00y;\x00;m\xc3\xa0il\n1;2;3;4;5;6\n"
    result = landed(engine, tmp_path, content, columns=["mail", "màil"])
    assert rows(result) == [("2", "6")]
    with pytest.raises(SettingsError, match="differ in upper and lower case only"):
        landed(engine, tmp_path, content)
    with pytest.raises(SettingsError, match='has the column "mail" twice, as columns 1 and 3'):
        landed(engine, tmp_path, b"mail;x;mail\n1;2;3\n", columns=["x"])
    whole = landed(engine, tmp_path, b"a;x\x00y;b\n1;2;3\n")
    assert (rows(whole), of_file(whole.notes[-1])) == ([("1", "3")], "column 2 has a NUL in its name and was left out")


LARGE = [f"{i};name {i};{'' if i % 7 else 'a note'};BE" for i in range(20_000)]


@pytest.mark.parametrize("row", [0, 1, 6_001, 9_999, 13_337, 19_998])
def test_a_stray_quote_at_every_place_of_a_row_costs_that_row_only(row: int, engine: DuckDB, tmp_path: Path) -> None:
    """Of 20,000 rows, 19,999 are loaded as they were; the last one is loaded with its quote or named with its line."""
    whole = lines("a;b;c;d", *LARGE)
    begin = whole.index(f"\n{LARGE[row]}\n".encode()) + 1
    others = [tuple(cell or None for cell in one.split(";")) for one in LARGE]
    del others[row]
    for place in range(begin, begin + len(LARGE[row]) + 1):
        result = landed(engine, tmp_path, whole[:place] + b'"' + whole[place:])
        got = rows(result)
        assert result.rows == 20_000
        if result.rejected:
            assert [line for line, _, _ in rejects(result)] == [row + 2]
        else:
            assert '"' in "".join(cell or "" for cell in got.pop(row))
        assert got == others


def test_a_stray_quote_where_the_reading_of_a_file_is_divided(engine: DuckDB, tmp_path: Path) -> None:
    """A file is looked at a MiB at a time: a quote on either side of the seam costs its own row only, too."""
    table = [f"{i:05};{'n' * 60};{i % 7};{'m' * 40}" for i in range(20_000)]
    whole = lines("a;b;c;d", *table)
    expected = [tuple(one.split(";")) for one in table]
    seam = whole.index(b"\n", 2**20) + 1
    for place in [*range(2**20 - 3, 2**20 + 4), *range(seam - 3, seam + 9), *range(seam + 60, seam + 70)]:
        result = landed(engine, tmp_path, whole[:place] + b'"' + whole[place:])
        row = whole.count(b"\n", 0, place) - 1
        got = rows(result)
        assert result.rows == 20_000
        if result.rejected:
            assert [line for line, _, _ in rejects(result)] == [row + 2]
        else:
            assert '"' in "".join(cell or "" for cell in got.pop(row))
        assert got == expected[:row] + expected[row + 1 :]


def test_a_stray_quote_in_the_last_row_loses_nothing(engine: DuckDB, tmp_path: Path) -> None:
    """Open to the end it looks as if the file were cut off there: then its row is rejected, and nothing planned."""
    whole = lines("a;b;c;d", *LARGE)
    others = [tuple(cell or None for cell in one.split(";")) for one in LARGE[:-1]]

    def torn(content: bytes) -> bool:
        result = landed(engine, tmp_path, content)
        assert result.rows == 20_000
        assert rows(result)[:19_999] == others
        return any(one.code is Code.CUT_OFF and one.parameters["line"] == 20_001 for one in result.not_checked)

    places = range(len(whole) - len(LARGE[-1]) - 1, len(whole))
    assert {torn(whole[:place] + b'"' + whole[place:]) for place in places} == {True, False}
