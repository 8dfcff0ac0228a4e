"""Archives: which file in them is meant, and what is refused before it does harm."""

from __future__ import annotations

import gzip
import os
import shutil
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest

from auditor.errors import AuditorError, InputUnusable, SettingsError, TryLater
from auditor.files.disk import MARGIN
from auditor.pull.archives import unpack

ROWS = b"id;name\n1;Zo\xc3\xab\n"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


def zipped(path: Path, *members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def zstd(content: bytes) -> bytes:
    packed: bytes = pyarrow.Codec("zstd").compress(content, asbytes=True)
    return packed


def refused(error: type[AuditorError], path: Path, work: Path, member: str | None = None) -> str:
    with pytest.raises(error) as caught:
        unpack(path, work, name="x", member=member)
    assert list(work.iterdir()) == []
    return f"{caught.value} / {caught.value.hint}"


@pytest.mark.parametrize("packed", ["plain", "gz", "two gz", "zst", "two zst", "zip", "stored zip"])
def test_what_is_packed_comes_out_for_its_owner_alone(tmp_path: Path, work: Path, packed: str) -> None:
    path = tmp_path / "Customers.csv"
    if "zip" in packed:
        zipped(path, ("x.csv", ROWS), method=zipfile.ZIP_STORED if "stored" in packed else zipfile.ZIP_DEFLATED)
    else:
        packs: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "zst": zstd, "plain": bytes}
        pack = packs[packed.rpartition(" ")[2]]
        path.write_bytes(pack(ROWS) if "two" not in packed else pack(ROWS[:9]) + pack(ROWS[9:]))
    ready = unpack(path, work, name="x")
    assert ready.read_bytes() == ROWS
    assert ready == (path if packed == "plain" else work / "x")
    assert packed == "plain" or ready.stat().st_mode & 0o777 == 0o600


def test_the_one_data_file_among_others_is_taken(tmp_path: Path, work: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("readme.txt", b"hello"), ("out/Customers.CSV", ROWS), ("data.xml", b"<x/>"))
    assert unpack(path, work, name="x").read_bytes() == ROWS


def test_several_data_files_are_named_and_one_can_be_chosen(tmp_path: Path, work: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("readme.txt", b""), ("out/Customers_1.csv", ROWS), ("out/Orders_1.csv", b"no"))
    said = refused(SettingsError, path, work)
    assert "2 files" in said
    assert "out/Customers_1.csv, out/Orders_1.csv" in said
    assert "name the one that is meant" in said
    assert "readme" not in said
    for member in ("out/Customers_1.csv", "Customers_*.csv", "Customers_1.csv"):
        assert unpack(path, work, name="x", member=member).read_bytes() == ROWS
    (work / "x").unlink()
    said = refused(SettingsError, path, work, member="Clients*.csv")
    assert "0 files" in said
    assert "out/Customers_1.csv" in said


@pytest.mark.parametrize("inner", ["gz", "zst", "zip", "tar"])
@pytest.mark.parametrize("outer", ["gz", "zst", "zip"])
def test_archives_within_archives_are_not_opened(tmp_path: Path, work: Path, inner: str, outer: str) -> None:
    within = tmp_path / "within"
    if inner == "zip":
        zipped(within, ("a.csv", ROWS))
    elif inner == "tar":
        with tarfile.open(within, "w") as tar:
            tar.add(__file__)
    else:
        within.write_bytes(gzip.compress(ROWS) if inner == "gz" else zstd(ROWS))
    path, content = tmp_path / f"a.{outer}", within.read_bytes()
    if outer == "zip":
        zipped(path, ("a.csv", content))
    else:
        path.write_bytes(gzip.compress(content) if outer == "gz" else zstd(content))
    assert "archives within archives" in refused(InputUnusable, path, work)


def test_other_kinds_of_archives_are_named(tmp_path: Path, work: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(100))
    assert "send it plain, or as .zip, .gz or .zst" in refused(SettingsError, path, work)


@pytest.mark.parametrize("name", ["../x.csv", "a/../../x.csv", "/etc/x.csv", "..\\x.csv", "C:\\x.csv"])
def test_paths_that_climb_are_refused(tmp_path: Path, work: Path, name: str) -> None:
    path = zipped(tmp_path / "a.zip", (name, ROWS))
    said = refused(InputUnusable, path, work)
    assert "leave their folder" in said
    assert name in said


def test_a_password_and_unusual_methods_are_refused(tmp_path: Path, work: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("x.csv", ROWS))
    raw = bytearray(path.read_bytes())
    central = raw.index(b"PK\x01\x02")
    raw[central + 8] |= 1
    path.write_bytes(raw)
    assert "password" in refused(SettingsError, path, work)
    lzma = zipped(tmp_path / "b.zip", ("x.csv", ROWS), method=zipfile.ZIP_LZMA)
    assert "method LZMA" in refused(SettingsError, lzma, work)
    raw[central + 8] &= ~1
    struct.pack_into("<H", raw, central + 10, 9)
    path.write_bytes(raw)
    assert "method Deflate64" in refused(SettingsError, path, work)


def test_too_many_members_are_not_even_read(tmp_path: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = zipped(tmp_path / "few.zip", *((f"{number}.txt", b"") for number in range(1001)), ("x.csv", ROWS))
    assert "more than 1,000 files" in refused(InputUnusable, few, work)
    many = zipped(tmp_path / "many.zip", *((f"{number:0200}.txt", b"") for number in range(5000)))
    monkeypatch.setattr(zipfile, "ZipFile", None)  # whoever asks it has read the whole directory
    assert "more than 1,000 files" in refused(InputUnusable, many, work)


@pytest.mark.parametrize("packed", ["zip", "gz", "zst"])
def test_what_explodes_is_not_opened_any_further(tmp_path: Path, work: Path, packed: str) -> None:
    zeros, path = bytes(100 * 2**20), tmp_path / "bomb"
    if packed == "zip":
        zipped(path, ("a.csv", zeros))
    else:
        path.write_bytes(gzip.compress(zeros) if packed == "gz" else zstd(zeros))
    assert "any further" in refused(InputUnusable, path, work)


def test_a_size_that_a_zip_hides_is_found_out(tmp_path: Path, work: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("a.csv", bytes(100 * 2**20)))
    raw = bytearray(path.read_bytes())
    struct.pack_into("<L", raw, raw.index(b"PK\x01\x02") + 24, 1000)
    path.write_bytes(raw)
    said = refused(InputUnusable, path, work)
    assert "archive" in said


def test_a_cut_zstandard_file(tmp_path: Path, work: Path) -> None:
    path = tmp_path / "a.zst"
    path.write_bytes(zstd(os.urandom(300_000))[:200_000])
    assert "is cut off or damaged" in refused(InputUnusable, path, work)


def test_the_disk_is_looked_at_before(tmp_path: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(tmp_path / "a.zip", ("a.csv", os.urandom(2**20)))
    free = shutil.disk_usage(work)._replace(free=MARGIN + 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: free)
    assert "are needed" in refused(TryLater, path, work)
