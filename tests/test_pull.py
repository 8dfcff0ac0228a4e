"""Finding inputs: which file is taken, when it is refused, and archives."""

from __future__ import annotations

import gzip
import hashlib
import os
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from auditor.errors import AuditorError, InputUnusable, SettingsError, TryLater
from auditor.model import Side
from auditor.pull import Means, Pulled, pull_file
from auditor.pull.moments import moment_in_name
from auditor.settings.inputs import Located

BRUSSELS = ZoneInfo("Europe/Brussels")
NOW = datetime(2026, 5, 3, 6, 0, tzinfo=UTC)
ROWS = b"id;name\n1;Zo\xc3\xab\n"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


def deliver(path: Path, content: bytes = ROWS, *, written: datetime = NOW - timedelta(hours=1)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (written.timestamp(), written.timestamp()))
    return path


def pull(
    location: str | Path,
    work: Path,
    *,
    max_age: timedelta | None = None,
    base: Path | None = None,
    sleep: Callable[[float], None] = lambda seconds: None,
) -> Pulled:
    return pull_file(
        Side.PLATFORM,
        str(location),
        folder=work,
        max_age=max_age,
        now=NOW,
        timezone=BRUSSELS,
        base=base,
        means=Means(Located(wait=timedelta(0)), sleep=sleep),
    )


@pytest.mark.parametrize(
    ("name", "moment", "has_time"),
    [
        ("Customers_20260501T063000.csv", datetime(2026, 5, 1, 6, 30, tzinfo=BRUSSELS), True),
        ("Customers_20260501T063000Z.csv", datetime(2026, 5, 1, 6, 30, tzinfo=UTC), True),
        ("Customers_20260501T063000+0200.csv", datetime(2026, 5, 1, 4, 30, tzinfo=UTC), True),
        ("Customers_20260501_0630.csv.gz", datetime(2026, 5, 1, 6, 30, tzinfo=BRUSSELS), True),
        ("contacts-2026-05-01 06-30-15.zip", datetime(2026, 5, 1, 6, 30, 15, tzinfo=BRUSSELS), True),
        ("contacts-2026-05-01.parquet", datetime(2026, 5, 1, tzinfo=BRUSSELS), False),
        ("20260501.csv", datetime(2026, 5, 1, tzinfo=BRUSSELS), False),
        ("run_20260430_of_20260501.csv", datetime(2026, 5, 1, tzinfo=BRUSSELS), False),
    ],
)
def test_the_moment_in_a_name(name: str, moment: datetime, *, has_time: bool) -> None:
    assert moment_in_name(name, BRUSSELS) == (moment, has_time)


@pytest.mark.parametrize("name", ["contacts.csv", "export_20261399.csv", "customer_120260501.csv", "v2026.csv"])
def test_numbers_that_are_no_date_are_no_moment(name: str) -> None:
    assert moment_in_name(name, BRUSSELS) is None


def test_a_local_time_before_the_clock_changes_is_read_in_the_contracts_zone() -> None:
    winter, summer = moment_in_name("a_20260329T013000", BRUSSELS), moment_in_name("a_20260329T033000", BRUSSELS)
    assert winter is not None
    assert summer is not None
    assert summer[0].astimezone(UTC) - winter[0].astimezone(UTC) == timedelta(hours=1)


def test_the_newest_is_taken_by_the_moment_in_its_name_whatever_the_file_time_says(tmp_path: Path, work: Path) -> None:
    deliver(tmp_path / "exports/Customers_20260502T060000.csv", b"id\n2\n", written=NOW - timedelta(days=9))
    deliver(tmp_path / "exports/Customers_20260501T060000.csv", b"id\n1\n", written=NOW)
    pulled = pull("exports/Customers_*.csv", work, base=tmp_path)
    assert pulled.file == "Customers_20260502T060000.csv"
    assert pulled.path == (tmp_path / "exports/Customers_20260502T060000.csv").resolve()
    assert pulled.name_moment == datetime(2026, 5, 2, 6, 0, tzinfo=BRUSSELS)
    assert pulled.name_has_time
    assert pulled.sha256 == hashlib.sha256(b"id\n2\n").hexdigest()
    assert pulled.bytes == 5
    assert pulled.location == "exports/Customers_*.csv"


def test_without_a_date_in_the_name_the_file_time_decides(tmp_path: Path, work: Path) -> None:
    deliver(tmp_path / "b.csv", written=NOW - timedelta(hours=3))
    newer = deliver(tmp_path / "a.csv", written=NOW - timedelta(hours=2))
    pulled = pull(tmp_path / "*.csv", work)
    assert pulled.path == newer.resolve()
    assert pulled.name_moment is None
    assert not pulled.name_has_time
    assert pulled.mtime == NOW - timedelta(hours=2)


def test_a_file_address_and_a_name_with_pattern_characters_are_paths(tmp_path: Path, work: Path) -> None:
    odd = deliver(tmp_path / "export [1] 100%.csv")
    assert pull(odd, work).path == odd.resolve()
    address = odd.as_uri()
    assert pull(address, work).path == odd.resolve()
    deliver(tmp_path / "x.csv")
    assert pull("file:x.csv", work, base=tmp_path).file == "x.csv"


@pytest.mark.parametrize("packed", ["gz", "zip"])
def test_archives_are_opened_whatever_their_name(tmp_path: Path, work: Path, packed: str) -> None:
    path = tmp_path / "Customers_20260502.csv"
    if packed == "gz":
        path.write_bytes(gzip.compress(ROWS))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("__MACOSX/._x.csv", b"junk")
            archive.writestr("inner/x.csv", ROWS)
    pulled = pull(path, work)
    assert pulled.path.read_bytes() == ROWS
    assert pulled.path.parent == work.resolve()
    assert pulled.path.stat().st_mode & 0o777 == 0o600
    assert pulled.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert pulled.bytes == path.stat().st_size
    assert [each.name for each in work.iterdir()] == [pulled.path.name]


def refused(error: type[AuditorError], location: str | Path, work: Path, **options: timedelta | Path) -> str:
    """The sentence of the refusal, after looking that nothing was left behind."""
    with pytest.raises(error) as caught:
        pull(location, work, **options)  # type: ignore[arg-type]
    assert list(work.iterdir()) == []
    return f"{caught.value} / {caught.value.hint}"


def test_nothing_that_matches_names_pattern_folder_and_what_is_there(tmp_path: Path, work: Path) -> None:
    deliver(tmp_path / "exports/Clients_20260502.csv")
    said = refused(TryLater, "exports/Customers_*.csv", work, base=tmp_path)
    assert "exports/Customers_*.csv" in said
    assert str(tmp_path / "exports") in said
    assert "Clients_20260502.csv" in said
    assert "no folder" in refused(TryLater, "nowhere/*.csv", work, base=tmp_path)
    (tmp_path / "none").mkdir()
    assert "it is empty" in refused(TryLater, "none/*.csv", work, base=tmp_path)


def test_too_old_says_how_old(tmp_path: Path, work: Path) -> None:
    deliver(tmp_path / "Customers_20260501T060000.csv")
    said = refused(TryLater, tmp_path / "*.csv", work, max_age=timedelta(hours=36))
    assert "50.0 hours old" in said
    assert "36.0 hours" in said
    assert pull(tmp_path / "*.csv", work, max_age=timedelta(hours=51)).bytes


def test_a_date_without_a_time_is_not_too_old_before_its_day_is(tmp_path: Path, work: Path) -> None:
    """A file named for 2 May and written at 22:00 that day is eight hours old at six in the morning, not thirty."""
    evening = datetime(2026, 5, 2, 22, 0, tzinfo=BRUSSELS)
    path = deliver(tmp_path / "Customers_20260502.csv", written=evening)
    assert pull(path, work, max_age=timedelta(hours=12)).name_moment == datetime(2026, 5, 2, tzinfo=BRUSSELS)
    os.utime(path, (NOW.timestamp(), NOW.timestamp()))  # copied later: its content is still of 2 May
    assert "old" in refused(TryLater, path, work, max_age=timedelta(hours=6))


@pytest.mark.parametrize("ending", [".part", ".tmp", ".filepart", ".crdownload", ".PARTIAL"])
def test_unfinished_uploads_are_not_taken(tmp_path: Path, work: Path, ending: str) -> None:
    deliver(tmp_path / f"in/Customers_20260502.csv{ending}")
    assert "unfinished" in refused(TryLater, "in/Customers_*", work, base=tmp_path)
    assert ending in refused(TryLater, "in/Customers_*.csv", work, base=tmp_path)
    deliver(tmp_path / "in/Customers_20260501.csv")
    assert pull("in/Customers_*", work, base=tmp_path).file == "Customers_20260501.csv"


@pytest.mark.parametrize("how", ["grows", "is replaced", "is removed"])
def test_a_file_that_is_still_written_is_for_later(tmp_path: Path, work: Path, how: str) -> None:
    path = deliver(tmp_path / "Customers.csv", written=datetime(2200, 1, 1, tzinfo=UTC))  # not long ago

    def meanwhile(seconds: float) -> None:
        if how == "grows":
            with path.open("ab") as file:
                file.write(b"2;more\n")
        elif how == "is replaced":
            deliver(tmp_path / "new", written=NOW).replace(path)
        else:
            path.unlink()

    with pytest.raises(TryLater, match="still being written"):
        pull(path, work, sleep=meanwhile)


def test_a_file_at_rest_is_not_waited_for(tmp_path: Path, work: Path) -> None:
    waits: list[float] = []
    pull(deliver(tmp_path / "a.csv"), work, sleep=waits.append)
    assert waits == []


def test_empty_files_cannot_be_used(tmp_path: Path, work: Path) -> None:
    assert "is empty" in refused(InputUnusable, deliver(tmp_path / "a.csv", b""), work)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b""))
    with pytest.raises(InputUnusable, match="is empty"):
        pull(tmp_path / "a.csv.gz", work)


def zipped(path: Path, *members: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def test_archives_that_hold_no_single_file_are_named(tmp_path: Path, work: Path) -> None:
    two = zipped(tmp_path / "two.zip", ("a.csv", ROWS), ("b.csv", ROWS))
    said = refused(SettingsError, two, work)
    assert "2 files" in said
    assert "a.csv, b.csv" in said
    assert "0 files" in refused(SettingsError, zipped(tmp_path / "none.zip"), work)
    letter = zipped(tmp_path / "letter.docx", ("[Content_Types].xml", b"<x/>"), ("word/document.xml", b"<x/>"))
    assert "Office" in refused(InputUnusable, letter, work)


def test_a_workbook_is_no_archive(tmp_path: Path, work: Path) -> None:
    excel = zipped(tmp_path / "book.xlsx", ("[Content_Types].xml", b"<x/>"), ("xl/workbook.xml", b"<x/>"))
    assert pull(excel, work).path == excel


@pytest.mark.parametrize("packed", ["gz", "zip"])
@pytest.mark.parametrize("harm", ["cut", "flipped"])
def test_damaged_archives_cannot_be_used(tmp_path: Path, work: Path, packed: str, harm: str) -> None:
    content = os.urandom(300_000)
    path = tmp_path / f"a.{packed}"
    if packed == "gz":
        path.write_bytes(gzip.compress(content))
    else:
        zipped(path, ("a.csv", content))
    raw = bytearray(path.read_bytes())
    if harm == "cut":
        raw = raw[: len(raw) // 2]
    else:
        raw[len(raw) // 2] ^= 0xFF
    path.write_bytes(raw)
    assert "archive" in refused(InputUnusable, path, work)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("sftp://me:s3cret@host/x.csv", "[platform.sftp]"),
        ("ftps://me:s3cret@host/x.csv", "[platform.ftps]"),
        ("https://me:s3cret@host/x.csv", "[platform.https]"),
        ("https://host/x.csv?X-Amz-Signature=s3cret", "[platform.https]"),
        ("s3://AKIA:s3cret@bucket/x.csv", "[platform.s3]"),
        ("postgresql://me:s3cret@db/crm", "holds a password"),
        ("ftp://me:s3cret@host/x.csv", "not supported yet"),
    ],
)
def test_secrets_in_an_address_and_unknown_kinds_are_refused_without_being_repeated(
    work: Path, address: str, why: str
) -> None:
    said = refused(SettingsError, address, work)
    assert why in said
    assert address.partition(":")[0] in said
    assert "s3cret" not in said


def test_a_folder_without_data_and_another_machine_are_no_files(tmp_path: Path, work: Path) -> None:
    (tmp_path / "nothing").mkdir()
    assert "folder" in refused(TryLater, tmp_path / "nothing", work)
    assert "another machine" in refused(SettingsError, "file://server/share/x.csv", work)


def test_names_cannot_steer_the_terminal(tmp_path: Path, work: Path) -> None:
    deliver(tmp_path / "in/\x1b[31mred.txt")
    assert "\x1b" not in refused(TryLater, "in/*.csv", work, base=tmp_path)
