"""Bad inputs: one clear sentence each, the right exit code, and nothing half-written left behind."""

from __future__ import annotations

import contextlib
import errno
import gzip
import os
import resource
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

import polars as pl
import pytest

from auditor.engine.duckdb import DuckDB
from auditor.errors import AuditorError, Exit, InputUnusable, SettingsError, TryLater
from auditor.files.disk import require_space
from auditor.files.given import unchanged
from auditor.files.whole import whole_file
from auditor.findings.codes import Code
from auditor.findings.sentences import of_file
from auditor.load import Form, column_names, land
from auditor.model import Side
from auditor.pull import pull_file
from tests import given_time
from tests.audits import in_words


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDB]:
    engine = DuckDB(temp=tmp_path, folders=[tmp_path])
    yield engine
    engine.close()


def refused(
    error: type[AuditorError],
    engine: DuckDB,
    work: Path,
    content: bytes,
    *,
    columns: Sequence[str] | None = None,
    separator: str | None = None,
    encoding: str | None = None,
    name: str = "Customers_20260501.csv",
) -> str:
    """Everything that a user would read, after looking that nothing was left behind."""
    source = work.parent / name
    source.write_bytes(content)
    with pytest.raises(error) as caught:
        land(
            engine,
            Side.PLATFORM,
            source,
            work / "platform.parquet",
            columns=columns,
            form=Form(separator=separator, encoding=encoding),
        )
    assert list(work.iterdir()) == []
    assert source.read_bytes() == content, "inputs are never touched"
    assert name in str(caught.value) or error is SettingsError
    return f"{caught.value}\n{caught.value.hint}"


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n", b"  \n"])
def test_an_empty_file_cannot_be_used(engine: DuckDB, work: Path, content: bytes) -> None:
    assert "is empty" in refused(InputUnusable, engine, work, content)


def test_a_header_without_rows_is_an_empty_table(engine: DuckDB, work: Path) -> None:
    """A table without profiles is legitimate: the whole path runs with it."""
    source = work.parent / "a.csv"
    source.write_bytes(b"id;name\n")
    landed = land(engine, Side.PLATFORM, source, work / "p.parquet", columns=["id"])
    assert (landed.rows, landed.columns, landed.not_checked) == (0, ("id",), ())
    assert pl.read_parquet(landed.path).shape == (0, 1)


WHOLE = b'id;name;note\n1;Ann;x\n2;Bob;"a;b"\n3;Cleo;"two\nlines"\n4;Dan;y\n'


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"id;name;note\n1;Ann;x\n2;Bo", 3),
        (b"id;name;note\n1;Ann;x\n2;Bob", 3),
        (b"id;name;note\n1;Ann;x\n2", 3),
        (b"id;name;note\n1;Ann;x\n2;Bob\n", 3),
        (b"id;name;note\n1;Ann;x\r\n2;Bob\r\n\r\n", 3),
        (b'id;name;note\n1;Ann;x\n2;Bob;"a', 3),
        (b'id;name;note\n1;Ann;x\n2;"Bo', 3),
        (b'id;name;note\n1;Ann;x\n2;Bob;"a\n', 3),
        (b'id;name;note\n1;Ann;x\n2;Bob;"two\nlines and', 3),
        (b'id;name;note\n1;Ann;x\n2;Bob;"two\nlines\nand more\n', 3),
        (b'id;name;note\n1;Ann;x\nbad\n3;"C"', 4),
    ],
)
def test_of_a_file_cut_off_in_a_row_the_rest_is_read(engine: DuckDB, work: Path, content: bytes, line: int) -> None:
    """The row is rejected, and nothing is planned on what may be half of a table."""
    source = work.parent / "cut.csv"
    source.write_bytes(content)
    landed = land(engine, Side.PLATFORM, source, work / "p.parquet")
    told = {one.code: one for one in landed.not_checked}
    assert told[Code.CUT_OFF].blocks_plan
    assert f"cut off in line {line}" in in_words(told[Code.CUT_OFF])
    assert pl.read_parquet(landed.path).rows() == [("1", "Ann", "x")]
    assert landed.rows == 1 + landed.rejected


def test_wherever_a_file_is_cut_no_row_is_invented(engine: DuckDB, work: Path) -> None:
    """Cut at every byte: refused, or what is loaded is a beginning of the table (its last cell may be shorter)."""
    source = work.parent / "cut.csv"
    full = [("1", "Ann", "x"), ("2", "Bob", "a;b"), ("3", "Cleo", "two\nlines"), ("4", "Dan", "y")]
    for length in range(len(b"id;name;note\n"), len(WHOLE)):
        source.write_bytes(WHOLE[:length])
        try:
            landed = land(engine, Side.PLATFORM, source, work / "p.parquet")
        except InputUnusable as error:
            said = str(error)
        else:
            said = ""
            got = pl.read_parquet(landed.path).rows()
            assert got[:-1] == full[: max(len(got) - 1, 0)]
            assert [row[:2] for row in got] == [row[:2] for row in full[: len(got)]]
            torn = Code.CUT_OFF in {one.code for one in landed.not_checked}
            assert torn or WHOLE[:length].endswith(b"\n") or "no line end" in " ".join(map(of_file, landed.notes))
        assert said == "" or "no row of" in said


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("prénom\nx\n".encode("latin-1"), 1),
        (b"id;name\n" + "1;Zoë\n".encode("latin-1") * 11 + b"2;Ann\n" * 2000, 2),
        (b"id;name\n1;Ann\n" + "2;Zoë\n".encode("cp1252") * 30 + "3;Zoë\n".encode() * 29, 3),
        (b"id;name\n" + b"1;Ann\n" * 300_000 + b"2;Zo\xeb\n" * 11 + b"3;Bob\n" * 300_000, 300_002),
    ],
)
def test_another_encoding_names_the_first_line(engine: DuckDB, work: Path, content: bytes, line: int) -> None:
    """More rows that are not UTF-8 than rows that are, beyond ASCII: the whole file is in another encoding."""
    said = refused(InputUnusable, engine, work, content, encoding="utf-8")
    assert "not UTF-8" in said
    assert f"line {line} " in said


def test_a_letter_cut_in_two_at_the_end(engine: DuckDB, work: Path) -> None:
    assert "no row of" in refused(InputUnusable, engine, work, b"id;name\n1;Zo\xc3")


@pytest.mark.parametrize(("bad", "stops"), [(10, False), (11, True)])
def test_more_rejected_rows_than_an_audit_can_bear_stop_it(engine: DuckDB, work: Path, bad: int, stops: bool) -> None:
    content = b"id;name\n" + b"1;Ann\n" * 500 + b"2;Bob;x\n" * bad + b"1;Ann\n"
    if stops:
        said = refused(InputUnusable, engine, work, content)
        assert "11 of 512 rows" in said
        assert "line 502: 3 cells where the header has 2" in said
    source = work.parent / "many.csv"
    source.write_bytes(content)
    landed = land(engine, Side.PLATFORM, source, work / "p.parquet", most_rejected=(0, 0.03))
    assert (landed.rows, landed.rejected) == (501 + bad, bad)


def test_utf16_is_not_taken_for_the_utf8_that_was_declared(engine: DuckDB, work: Path) -> None:
    content = "id;name\n1;Ann\n".encode("utf-16")
    assert "UTF-16" in refused(InputUnusable, engine, work, content, encoding="utf-8")


def test_an_encoding_that_does_not_fit_or_exist(engine: DuckDB, work: Path) -> None:
    said = refused(InputUnusable, engine, work, b"id;name\n1;\x81\n", encoding="cp1252")
    assert "line 2: byte 3, 0x81, is not cp1252" in said
    assert "not utf-16" in refused(InputUnusable, engine, work, "id\nx\n".encode("utf-16") + b"x", encoding="utf-16")
    assert "utf-99" in refused(SettingsError, engine, work, b"id\n1\n", encoding="utf-99")


def test_a_missing_column_names_the_nearest_and_what_there_is(engine: DuckDB, work: Path) -> None:
    content = b"customerID;emailAddres;name\n1;x;y\n"
    said = refused(SettingsError, engine, work, content, columns=["customerId", "emailAddress", "zzz"])
    assert "Customers_20260501.csv" in said
    assert '"customerId", did you mean "customerID"?' in said
    assert '"emailAddress", did you mean "emailAddres"?' in said
    assert '"zzz"' in said
    assert "it has: customerID, emailAddres, name" in said


def test_of_many_missing_columns_some_are_named(engine: DuckDB, work: Path) -> None:
    """None at length; a name is taken for a misspelt one only where it comes near."""
    there = [f"there{number}" for number in range(40)]
    wanted = ["gender", "born_on", *(f"absent_{number}" for number in range(9)), "ther3"]
    said = refused(SettingsError, engine, work, f"{';'.join(there)}\n".encode(), columns=wanted)
    first, near, *rest, _ = said.splitlines()
    assert first.endswith('has no columns "gender", "born_on", "absent_0", "absent_1", "absent_2" and 7 more')
    assert near == '  "ther3", did you mean "there3"?'
    assert rest[0].startswith("it has: there0, there1, ")
    assert rest[-1].endswith(" and 10 more")
    assert max(map(len, rest)) <= 100


def test_a_wrong_separator_is_suspected(engine: DuckDB, work: Path) -> None:
    said = refused(SettingsError, engine, work, b"id,name\n1,x\n", columns=["id"], separator=";")
    assert "another separator" in said


@pytest.mark.parametrize("columns", [None, ["id"], ["name"]])
def test_duplicate_headers_are_named_with_both_places(engine: DuckDB, work: Path, columns: list[str] | None) -> None:
    said = refused(SettingsError, engine, work, b"id;name;x;name\n1;2;3;4\n", columns=columns)
    assert '"name" twice, as columns 2 and 4' in said


def test_names_that_differ_in_case_only_cannot_both_be_kept(engine: DuckDB, work: Path) -> None:
    for columns in (None, ["Mail", "mail"]):
        said = refused(SettingsError, engine, work, b"id;Mail;mail\n1;2;3\n", columns=columns)
        assert '"Mail" and "mail"' in said
    pl.DataFrame({"Mail": ["a"], "mail": ["b"]}).write_parquet(work.parent / "x.parquet")
    content = (work.parent / "x.parquet").read_bytes()
    assert '"Mail" and "mail"' in refused(SettingsError, engine, work, content, name="x.parquet")


def test_a_reserved_name(engine: DuckDB, work: Path) -> None:
    assert "reserved" in refused(SettingsError, engine, work, b"id;File_Row_Number\n1;2\n")


def test_a_header_that_cannot_be_read(engine: DuckDB, work: Path) -> None:
    assert "header line" in refused(InputUnusable, engine, work, b'"id"x;name\n1;2\n')
    assert "header line" in refused(InputUnusable, engine, work, b'id;"name\n1;2\n')
    assert "no end" in refused(InputUnusable, engine, work, b"x" * 5 * 2**20)


def test_no_readable_row_at_all(engine: DuckDB, work: Path) -> None:
    said = refused(InputUnusable, engine, work, b"id;name\n" + b"1;2;3\n" * 10)
    assert "no row" in said
    said = refused(InputUnusable, engine, work, b"id;name\n1;2\n" + (b"x" * 1000 + b"\n") * 80_000 + b"1;2\n")
    assert "too many rows" in said


@pytest.mark.parametrize("harm", ["cut", "footer", "body"])
def test_a_damaged_parquet_file(engine: DuckDB, work: Path, harm: str) -> None:
    pl.DataFrame({"id": [str(i) for i in range(50_000)]}).write_parquet(work.parent / "x.parquet")
    raw = bytearray((work.parent / "x.parquet").read_bytes())
    if harm == "cut":
        raw = raw[: len(raw) // 2]
    elif harm == "footer":
        raw[-8:-4] = b"\xff\xff\xff\x7f"
    else:
        raw[100:2000] = os.urandom(1900)
    said = refused(InputUnusable, engine, work, bytes(raw), name="x.parquet")
    assert "cut off or damaged" in said


def test_a_file_that_changes_while_it_is_loaded(engine: DuckDB, work: Path) -> None:
    source = work.parent / "a.csv"
    source.write_bytes(b"id;name\n1;2\n")

    def append(done: int, total: int, rows: int | None) -> None:
        with source.open("ab") as file:
            file.write(b"2;x")

    with pytest.raises(TryLater, match="still being written"):
        land(engine, Side.PLATFORM, source, work / "p.parquet", progress=append)


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    """Root may read everything, so the operating system's answer is given here."""
    with pytest.raises(SettingsError, match="permission denied"), unchanged(tmp_path / "a.csv"):
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "a.csv"))


def test_column_names_refuse_alike(engine: DuckDB, work: Path) -> None:
    source = work.parent / "a.csv"
    source.write_bytes(b"")
    with pytest.raises(InputUnusable):
        column_names(engine, source)
    source.write_bytes("a;é\n".encode("latin-1"))
    with pytest.raises(InputUnusable):
        column_names(engine, source, Form(encoding="utf-8"))
    assert column_names(engine, source) == column_names(engine, source, Form(encoding="latin-1")) == ["a", "é"]


def test_a_disk_that_is_too_small_is_seen_before(tmp_path: Path) -> None:
    with pytest.raises(TryLater, match="are needed") as caught:
        require_space(tmp_path, 2**62)
    assert caught.value.exit_code is Exit.TRY_LATER


@dataclass(frozen=True)
class SmallDisk:
    """A folder on a disk that can be filled up."""

    folder: Path
    fill: Callable[[], None]
    """Leaves room for about a megabyte."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A real file system of 48 MB; where this user may not mount one, the operating system's limit on a file's size."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode == 0:

        def fill() -> None:
            status = os.statvfs(folder)
            with contextlib.suppress(FileExistsError), (tmp_path / "small" / "ballast").open("xb") as file:
                file.write(bytes(status.f_bavail * status.f_frsize - 2**20))

        yield SmallDisk(folder, fill)
        subprocess.run(["umount", "-l", str(folder)], check=True)
    else:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        yield SmallDisk(folder, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, before[1])))
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("careful", [False, True], ids=["plainly", "line by line"])
def test_a_disk_that_fills_up_meanwhile(small_disk: SmallDisk, tmp_path: Path, *, careful: bool) -> None:
    """Somebody else fills the disk after there was room enough: TryLater, and no half-written file."""
    source = tmp_path / "a.csv"
    noise = [os.urandom(30).hex() for _ in range(100_000)]
    source.write_text("id;name\n" + ('"x\ny";z\n' if careful else "") + "".join(f"{each};x\n" for each in noise))
    engine = DuckDB(temp=small_disk.folder, folders=[tmp_path])
    with pytest.raises(TryLater, match="disk"):
        land(
            engine,
            Side.TRUTH,
            source,
            small_disk.folder / "truth.parquet",
            progress=lambda done, total, rows: small_disk.fill(),
        )
    engine.close()
    assert {path.name for path in small_disk.folder.iterdir()} <= {"ballast"}


def test_an_archive_that_does_not_fit_on_the_disk(small_disk: SmallDisk, tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"id;name\n" + os.urandom(50 * 2**20), compresslevel=0))
    small_disk.fill()
    with pytest.raises(TryLater, match="disk"):
        pull_file(
            Side.TRUTH,
            str(tmp_path / "a.csv.gz"),
            folder=small_disk.folder,
            max_age=None,
            now=given_time.now(),
            timezone=UTC,
        )
    assert {path.name for path in small_disk.folder.iterdir()} <= {"ballast"}


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "x") as partial:
        partial.write_bytes((tmp_path / "absent").read_bytes())
    assert list(tmp_path.iterdir()) == []
    with whole_file(tmp_path / "x") as partial:
        partial.write_text("whole")
        assert not (tmp_path / "x").exists()
    assert (tmp_path / "x").read_text() == "whole"
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600
