"""A folder of Parquet files is one input: united by name, in order, with partitions as text."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from auditor.commands.compare import compare
from auditor.errors import InputUnusable, SettingsError, TryLater
from auditor.model import Side, Status
from auditor.pull import Means, Pulled, pull_file
from auditor.settings.compare_options import Question
from auditor.settings.inputs import Located
from tests import given_time

LONG_AGO = (1_500_000_000,) * 2


def pulled(folder: Path, tmp_path: Path, location: str | None = None) -> Pulled:
    target = tmp_path / "run"
    target.mkdir(exist_ok=True)
    return pull_file(
        Side.TRUTH, location or str(folder), folder=target, max_age=None, now=given_time.now(), timezone=UTC
    )


def part(path: Path, **columns: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    os.utime(path, LONG_AGO)  # nothing waits for it


def test_many_files_are_one_table(tmp_path: Path) -> None:
    folder = tmp_path / "contacts_20260501"
    part(folder / "country=BE" / "a.parquet", id=["1", "2"], points=pa.array([1, None], pa.int32()))
    part(folder / "country=BE" / "b.parquet", id=["3"], name=["x"], points=pa.array([2**40], pa.int64()))
    part(folder / "country=03%2F2" / "a.parquet", id=["0"])
    part(folder / "country=__HIVE_DEFAULT_PARTITION__" / "a.parquet", id=["4"])
    for note in ("_SUCCESS", ".a.parquet.crc", "_temporary/0/half.parquet"):
        path = folder / note
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    found = pulled(folder, tmp_path)
    frame = pl.read_parquet(found.path).select("id", "country", "points", "name")
    assert frame.rows() == [
        ("0", "03/2", None, None),
        ("1", "BE", 1, None),
        ("2", "BE", None, None),
        ("3", "BE", 2**40, "x"),
        ("4", None, None, None),
    ]
    assert found.path.stat().st_mode & 0o777 == 0o600
    assert found.file == "contacts_20260501"
    assert found.name_moment == datetime(2026, 5, 1, tzinfo=UTC)
    assert found.bytes == sum(path.stat().st_size for path in folder.glob("country=*/*.parquet"))


def test_it_compares_with_one_file_of_the_same_rows(tmp_path: Path) -> None:
    ids = [str(number) for number in range(2_000)]
    for number in range(0, 2_000, 100):
        part(tmp_path / "many" / f"part-{number:05}.parquet", id=ids[number : number + 100])
    part(tmp_path / "one.parquet", id=ids)
    compared = compare(Question(str(tmp_path / "one.parquet"), str(tmp_path / "many"), key=("id",)))
    assert compared.conclusion.counts.profiles[Status.EQUAL] == 2_000


def test_the_hash_names_the_files_and_what_they_hold(tmp_path: Path) -> None:
    seen = set()
    for name, key in (("a", "1"), ("a", "2"), ("b", "2")):
        folder = tmp_path / f"{name}{key}"
        part(folder / f"{name}.parquet", id=[key])
        seen.add(pulled(folder, tmp_path).sha256)
        assert pulled(folder, tmp_path).sha256 in seen
    assert len(seen) == 3


def test_types_that_do_not_agree_are_named(tmp_path: Path) -> None:
    part(tmp_path / "c" / "a.parquet", id=["1"], born=["1980"])
    part(tmp_path / "c" / "b.parquet", id=["2"], born=[1980])
    with pytest.raises(InputUnusable, match=r'"born" is string in a\.parquet and int64 in b\.parquet of c'):
        pulled(tmp_path / "c", tmp_path)


def test_folders_that_hold_something_else(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    folder.mkdir()
    with pytest.raises(TryLater, match="holds no Parquet file"):
        pulled(folder, tmp_path)
    (folder / "a.csv").write_text("id\n1\n")
    with pytest.raises(SettingsError, match=r"a\.csv in it is no Parquet file") as caught:
        pulled(folder, tmp_path)
    assert caught.value.hint == f"name the files that are meant: {folder}/*.csv"
    (folder / "a.csv").unlink()
    part(folder / "a.parquet", id=["1"])
    content = (folder / "a.parquet").read_bytes()
    (folder / "a.parquet").write_bytes(content[: len(content) // 2])
    os.utime(folder / "a.parquet", LONG_AGO)
    with pytest.raises(InputUnusable, match=r"Parquet file a\.parquet of c is cut off or damaged"):
        pulled(folder, tmp_path)
    assert not list((tmp_path / "run").iterdir())


def test_a_folder_that_is_still_being_written_is_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    part(folder / "a.parquet", id=["1"])
    writes = 0

    def another(_: float) -> None:
        nonlocal writes
        writes += 1
        pq.write_table(pa.table({"id": [str(writes)]}), folder / f"b{writes}.parquet")

    pq.write_table(pa.table({"id": ["0"]}), folder / "b.parquet")
    with pytest.raises(TryLater, match="still being written"):
        pull_file(Side.TRUTH, str(folder), folder=tmp_path, max_age=None, now=given_time.now(), timezone=UTC,
                  means=Means(Located(wait=timedelta(seconds=1)), sleep=another))  # fmt: skip
    assert writes >= 2
