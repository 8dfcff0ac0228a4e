"""Landing: the corpus of nasty files in all its forms, and a stray quote at every place of rows in a large file.

The independent answer is Python's csv module; a form that changes what the module reads is a file of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from auditor.engine import Engine
from auditor.errors import InputUnusable
from tests.test_load import WELL_FORMED, answer, landed, lines, rejects, rows

BOM = b"\xef\xbb\xbf"
_SWAPPED = bytes.maketrans(b";,", b",;")
_MORE = 3_000
"""Rows that are put before and behind those of a file, so that they are not all in the first block."""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine(temp=tmp_path, folders=[tmp_path])
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
def test_rows_of_the_file_are_loaded_or_rejected(name: str, engine: Engine, tmp_path: Path) -> None:
    content = CORPUS[name]
    result = landed(engine, tmp_path, content, separator="," if name.endswith(", comma") else None)
    header, *expected = answer(content, result.separator)
    fitting = [tuple(row) for row in expected if len(row) == len(header)]
    assert result.columns == tuple(header)
    assert [tuple(cell or "" for cell in row) for row in rows(result)] == fitting
    assert result.rows == len(expected)
    assert result.rejected == len(expected) - len(fitting) == len(rejects(result))


LARGE = [f"{i};name {i};{'' if i % 7 else 'a note'};BE" for i in range(20_000)]


@pytest.mark.parametrize("row", [0, 1, 6_001, 9_999, 13_337, 19_998])
def test_a_stray_quote_at_every_place_of_a_row_costs_that_row_only(row: int, engine: Engine, tmp_path: Path) -> None:
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


def test_a_stray_quote_in_the_last_row_loses_nothing(engine: Engine, tmp_path: Path) -> None:
    """Open to the end it looks as if the file were cut off there: then all of it is refused."""
    whole = lines("a;b;c;d", *LARGE)
    others = [tuple(cell or None for cell in one.split(";")) for one in LARGE[:-1]]

    def refused(content: bytes) -> bool:
        try:
            result = landed(engine, tmp_path, content)
        except InputUnusable as error:
            return "cut off in the middle of row 20,000 (line 20,001)" in str(error)
        assert result.rows == 20_000
        assert rows(result)[:19_999] == others
        return False

    places = range(len(whole) - len(LARGE[-1]) - 1, len(whole))
    assert {refused(whole[:place] + b'"' + whole[place:]) for place in places} == {True, False}
