"""Landing files in other encodings: the text that was written comes back, or the file is refused; no wrong name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.engine.duckdb import DuckDB
from auditor.errors import InputUnusable, SettingsError
from auditor.findings.sentences import of_file
from auditor.load import column_names
from tests.test_load import landed, rejects, rows

WESTERN = ["Zoë", "René", "François", "Åse Øyvind", "O’Neil", "n° 3 (½)", "ÉMILE", "Weiß", "Cœur", "12 €", "l’Été"]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDB]:
    engine = DuckDB(temp=tmp_path, folders=[tmp_path])
    yield engine
    engine.close()


def table(names: list[str], header: str = "id;name") -> str:
    return f"{header}\n" + "".join(f"{number};{name}\n" for number, name in enumerate(names))


def expected(names: list[str]) -> list[tuple[str, str]]:
    return [(str(number), name) for number, name in enumerate(names)]


@pytest.mark.parametrize("header", ["id;name", "clé;prénom"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be"])
def test_an_encoding_that_is_certain_is_recognised(encoding: str, header: str, engine: DuckDB, tmp_path: Path) -> None:
    content = table(WESTERN, header).encode(encoding)
    result = landed(engine, tmp_path, content)
    assert rows(result) == expected(WESTERN)
    assert list(result.columns) == header.split(";") == column_names(engine, tmp_path / "input.csv")
    told = [note for note in map(of_file, result.notes) if note.startswith("the encoding")]
    assert len(told) == (not encoding.startswith("utf-8"))
    assert not told or encoding.replace("cp", "windows-") in told[0]


def test_nuls_in_cells_are_no_utf16(engine: DuckDB, tmp_path: Path) -> None:
    assert rows(landed(engine, tmp_path, b"a;b\n" + b"\0;\0\n" * 9)) == [("\0", "\0")] * 9


def test_a_letter_far_behind_the_beginning_is_recognised(engine: DuckDB, tmp_path: Path) -> None:
    names = ["Ann"] * 300_000 + ["Zoë"] * 20 + ["Bob"]
    assert rows(landed(engine, tmp_path, table(names).encode("cp1252"))) == expected(names)


@pytest.mark.parametrize("encoding", ["latin-1", "iso-8859-15"])
def test_letters_that_western_encodings_share_are_read_alike(encoding: str, engine: DuckDB, tmp_path: Path) -> None:
    names = ["Zoë", "René", "François", "Übel"]
    assert rows(landed(engine, tmp_path, table(names).encode(encoding))) == expected(names)


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("iso-8859-15", "Cœur"),
        ("iso-8859-15", "Šárka"),
        ("iso-8859-15", "10 €"),
        ("cp1250", "Paweł"),
        ("iso-8859-2", "Łukasz"),
        ("cp1251", "Иван"),
        ("iso-8859-7", "Γιώργος"),
        ("cp1254", "Yılmaz"),
        ("mac_roman", "René"),
        ("cp850", "François"),
        ("cp850", "Müller"),
    ],
)
def test_what_could_be_read_wrongly_is_not_guessed(encoding: str, name: str, engine: DuckDB, tmp_path: Path) -> None:
    content = table(["Ann", name]).encode(encoding)
    with pytest.raises(SettingsError) as caught:
        landed(engine, tmp_path, content)
    assert "line 3 makes no sense as Windows-1252" in str(caught.value)
    assert "set the encoding" in (caught.value.hint or "")
    assert name not in str(caught.value)
    assert rows(landed(engine, tmp_path, content, encoding=encoding)) == expected(["Ann", name])


def test_a_file_that_is_utf8_but_for_a_few_rows_stays_utf8(engine: DuckDB, tmp_path: Path) -> None:
    content = table(["Zoë", "René"]).encode() + b"2;Fran\xe7ois\n3;Ann\n"
    result = landed(engine, tmp_path, content)
    assert rows(result) == [("0", "Zoë"), ("1", "René"), ("3", "Ann")]
    assert rejects(result) == [(4, "byte 7, 0xE7, is not UTF-8", r"2;Fran\xe7ois")]


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("cp1252", b"id;name\n0;Zo\xeb\n1;\x81\n2;Ann\n"),
        ("utf-16-le", "id;name\n0;Zoë\n1;\ud800\n2;Ann\n".encode("utf-16-le", "surrogatepass")),
    ],
)
def test_what_a_declared_encoding_does_not_have_costs_its_own_row_only(
    encoding: str, content: bytes, engine: DuckDB, tmp_path: Path
) -> None:
    result = landed(engine, tmp_path, content, encoding=encoding)
    assert rows(result) == [("0", "Zoë"), ("2", "Ann")]
    [(line, reason, _)] = rejects(result)
    assert line == 3
    assert reason.endswith(f"is not {encoding}")


def test_half_a_character_at_the_end_is_a_file_cut_off(engine: DuckDB, tmp_path: Path) -> None:
    with pytest.raises(InputUnusable, match="not utf-16"):
        landed(engine, tmp_path, table(WESTERN).encode("utf-16")[:-1])
