"""Comparing two files: laws on real CSV and Parquet files, types that are not guessed, and every option."""

# ruff: noqa: E501, DTZ001 -- the rows of a table are read better than they are wide; typed moments have no zone

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.commands.compare import Comparison, compare
from auditor.errors import SettingsError
from auditor.findings.audit import FRAMES
from auditor.model import Status, Verdict
from auditor.settings.compare_options import Question

Row = Mapping[str, str | None]


def csv_file(path: Path, rows: Sequence[Row], names: Sequence[str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([row.get(name) or "" for name in names] for row in rows)
    return path


def parquet_file(path: Path, frame: Mapping[str, Any], **schema: Any) -> Path:
    pl.DataFrame(frame, schema_overrides=schema).write_parquet(path)
    return path


def ask(platform: Path, truth: Path, **more: Any) -> Comparison:
    key = more.pop("key", ("id",))
    return compare(Question(str(platform), str(truth), key, **more))


def statuses(compared: Comparison) -> dict[str, int]:
    return {status.value: number for status, number in compared.conclusion.counts.profiles.items() if number}


def differing(compared: Comparison) -> dict[tuple[str, str], tuple[str | None, str | None]]:
    rows = compared.differences.select("key", "column", "platform", "truth").iter_rows()
    return {(key, column): (platform, truth) for key, column, platform, truth in rows}


# --- laws ---

NAMES = ("id", "name", "note")
CELL = st.sampled_from(
    ["", "a", "A", "é", "e\u0301", "0470", "470", " a", 'say "x"', "a,b", "a;b", "two\nlines", "null", "n"]
)
KEYED = st.dictionaries(
    st.sampled_from(["1", "01", "k", "K", "k ", "é", '"', "a,b", "x\ny"]), st.tuples(CELL, CELL), min_size=1, max_size=7
)


def rows_of(table: Mapping[str, tuple[str, str]]) -> list[Row]:
    return [{"id": key, "name": name, "note": note} for key, (name, note) in table.items()]


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(platform=KEYED, truth=KEYED)
def test_laws(platform: dict[str, tuple[str, str]], truth: dict[str, tuple[str, str]]) -> None:
    """Identity, mirror, repair and the sum, on one CSV and one Parquet file; and the files stay as they are."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        first = csv_file(folder / "first.csv", rows_of(platform), NAMES)
        texts = {column: [row[column] or None for row in rows_of(truth)] for column in NAMES}
        second = parquet_file(folder / "second.parquet", texts, **dict.fromkeys(NAMES, pl.String))
        before = (first.read_bytes(), second.read_bytes())

        itself = ask(first, first)
        assert statuses(itself) == {"equal": len(platform)}
        assert itself.conclusion.verdict is Verdict.CLEAN
        assert itself.differences.is_empty()

        there, back = ask(first, second), ask(second, first)
        counts, mirrored = there.conclusion.counts.profiles, back.conclusion.counts.profiles
        assert (counts[Status.MISSING], counts[Status.ORPHAN]) == (mirrored[Status.ORPHAN], mirrored[Status.MISSING])
        assert differing(back) == {cell: (b, a) for cell, (a, b) in differing(there).items()}
        expected = {
            (key, column): (platform[key][place] or None, truth[key][place] or None)
            for key in platform.keys() & truth.keys()
            for place, column in enumerate(("name", "note"))
            if platform[key][place] != truth[key][place]
        }
        assert differing(there) == expected
        assert counts[Status.MISSING] == len(truth.keys() - platform.keys())
        assert sum(counts.values()) == len(platform.keys() | truth.keys())

        repaired = {row["id"]: dict(row) for row in rows_of(platform)}
        for (key, column), (_, value) in differing(there).items():
            repaired[key][column] = value
        for key, status in there.profiles.select("key", "status").iter_rows():
            if status == "missing":
                repaired[key] = {"id": key, "name": truth[key][0], "note": truth[key][1]}
            if status == "orphan":
                del repaired[key]
        mended = csv_file(folder / "mended.csv", list(repaired.values()), NAMES)
        assert statuses(ask(mended, second)) == {"equal": len(truth)}
        assert (first.read_bytes(), second.read_bytes()) == before


# --- types ---


def test_nothing_is_guessed_from_a_text(tmp_path: Path) -> None:
    """What looks like a number, a date or a yes is text on both sides, and equal to nothing but itself."""
    texts = {"1": ("0470123456", "470123456"), "2": ("1.0", "1"), "3": ("2024-01-05", "2024-01-05 00:00:00"),
             "4": ("true", "TRUE"), "5": ("NULL", "null"), "6": ("x ", "x"), "7": ("same", "same")}  # fmt: skip
    first = csv_file(tmp_path / "a.csv", [{"id": key, "v": a} for key, (a, _) in texts.items()], ("id", "v"))
    second = csv_file(tmp_path / "b.csv", [{"id": key, "v": b} for key, (_, b) in texts.items()], ("id", "v"))
    assert differing(ask(first, second)) == {(key, "v"): pair for key, pair in texts.items() if key != "7"}


TYPED: dict[str, tuple[Any, Any, list[tuple[str, Any, bool]]]] = {
    # column: Polars type, and text on the other side, typed value, equal?
    "whole": (pl.Int64, None, [("5", 5, True), ("005", 5, True), ("5.0", 5, True), ("6", 5, False), ("", None, True), ("x", 5, False)]),
    "money": (pl.Decimal(10, 2), None, [("1.5", Decimal("1.50"), True), ("1.50", Decimal("1.50"), True), ("1.500000000000001", Decimal("1.50"), False), ("2", Decimal("2.00"), True), ("", Decimal(0), False), ("0", Decimal(0), True)]),
    "float": (pl.Float64, None, [("0.3", 0.1 + 0.2, True), ("0.30000000000000004", 0.3, True), ("0.3001", 0.3, False), ("1e20", 1e20, True), ("nan", float("nan"), True), ("5", float("inf"), False)]),
    "day": (pl.Date, None, [("2024-02-29", date(2024, 2, 29), True), ("2024-02-29 00:00:00", date(2024, 2, 29), True), ("29/02/2024", date(2024, 2, 29), False), ("", None, True), ("2024-03-01", date(2024, 2, 29), False), ("x", None, False)]),
    "moment": (pl.Datetime("us"), None, [("2024-02-29T10:00", datetime(2024, 2, 29, 10), True), ("2024-02-29 10:00:00.000", datetime(2024, 2, 29, 10), True), ("2024-02-29 10:00:01", datetime(2024, 2, 29, 10), False), ("2024-02-29T11:00:00+01:00", datetime(2024, 2, 29, 10), True), ("2024-02-29", datetime(2024, 2, 29), True), ("", None, True)]),
    "fine": (pl.Datetime("ns"), None, [("2024-02-29T10:00", datetime(2024, 2, 29, 10), True), ("2024-02-29 10:00:00", datetime(2024, 2, 29, 10), True), ("2024-02-29 10:00:01", datetime(2024, 2, 29, 10), False), ("x", datetime(2024, 2, 29, 10), False), ("2024-02-29", datetime(2024, 2, 29), True), ("", None, True)]),
    "zoned": (pl.Datetime("us", "UTC"), None, [("2024-02-29T10:00:00Z", datetime(2024, 2, 29, 10, tzinfo=UTC), True), ("2024-02-29T11:00:00+01:00", datetime(2024, 2, 29, 10, tzinfo=UTC), True), ("2024-02-29 10:00:00", datetime(2024, 2, 29, 10, tzinfo=UTC), True), ("2024-02-29 11:00:00", datetime(2024, 2, 29, 10, tzinfo=UTC), False), ("", None, True), ("x", None, False)]),
    "yes": (pl.Boolean, None, [("true", True, True), ("Y", True, True), ("0", False, True), ("", False, False), ("no", True, False), ("", None, True)]),
    "several": (pl.List(pl.String), None, [("b,a", ["a", "b"], True), ("a, b", ["a", "b"], True), ("a", ["a", "b"], False), ("", [], True), ("", None, True), ("a,a", ["a"], True)]),
    "text": (pl.String, None, [("0470", "0470", True), ("0470", "470", False), ("a", "A", False), ("", None, True), ("", "", True), (" a", "a", False)]),
}  # fmt: skip


def test_a_text_is_read_as_the_type_that_the_other_side_has(tmp_path: Path) -> None:
    keys = [str(number) for number in range(6)]
    rows = [{"id": key, **{name: TYPED[name][2][int(key)][0] for name in TYPED}} for key in keys]
    frame = {"id": keys} | {
        name: pl.Series([case[1] for case in cases], dtype=kind) for name, (kind, _, cases) in TYPED.items()
    }
    first = csv_file(tmp_path / "texts.csv", rows, ("id", *TYPED))
    second = parquet_file(tmp_path / "typed.parquet", frame)
    wrong = {(str(n), name) for name, (_, _, cases) in TYPED.items() for n, case in enumerate(cases) if not case[2]}
    assert set(differing(ask(first, second))) == wrong
    assert set(differing(ask(second, first))) == wrong


def test_typed_columns_of_both_sides(tmp_path: Path) -> None:
    """Decimals are exact whatever their scale; noise is forgiven only where a float takes part."""
    exact = {"id": [1, 2], "n": [Decimal("0.3"), Decimal("0.1")]}
    narrow = parquet_file(tmp_path / "narrow.parquet", exact, n=pl.Decimal(10, 1))
    wide = parquet_file(
        tmp_path / "wide.parquet",
        {"id": [1, 2], "n": [Decimal("0.3000000000000000"), Decimal("0.1000000000000001")]},
        n=pl.Decimal(38, 16),
    )
    floats = parquet_file(tmp_path / "floats.parquet", {"id": [1, 2], "n": [0.1 + 0.2, 0.1000000000000001]})
    assert set(differing(ask(narrow, wide))) == {("2", "n")}
    assert set(differing(ask(narrow, floats))) == set()


def test_a_key_of_another_type_is_the_same_key(tmp_path: Path) -> None:
    """The text side is read by the type of the other; between two texts a leading zero counts."""
    numbers = parquet_file(tmp_path / "numbers.parquet", {"id": [1, 2], "v": ["a", "b"]})
    texts = csv_file(tmp_path / "texts.csv", [{"id": "01", "v": "a"}, {"id": "2", "v": "c"}], ("id", "v"))
    compared = ask(texts, numbers)
    assert statuses(compared) == {"equal": 1, "conflicting": 1}
    assert compared.profiles["key"].to_list() == ["2"]


# --- options ---


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    first = csv_file(
        tmp_path / "first.csv",
        [
            {"id": "1", "phone": "0470 12 34 56", "points": "10", "country": "BE", "only": "x"},
            {"id": "2", "phone": "0470 99 88 77", "points": "20.5", "country": "BE", "only": "x"},
            {"id": "3", "phone": "", "points": "30", "country": "NL", "only": "x"},
        ],
        ("id", "phone", "points", "country", "only"),
    )
    second = csv_file(
        tmp_path / "second.csv",
        [
            {"id": "1", "mobile": "+32470123456", "points": "10.5", "country": "BE", "extra": "y"},
            {"id": "2", "mobile": "0471998877", "points": "22", "country": "BE", "extra": "y"},
            {"id": "4", "mobile": "", "points": "1", "country": "NL", "extra": "y"},
        ],
        ("id", "mobile", "points", "country", "extra"),
    )
    return first, second


def test_columns_that_only_one_file_has_are_named_and_not_compared(pair: tuple[Path, Path]) -> None:
    compared = ask(*pair)
    assert (compared.only_platform, compared.only_truth) == (("phone", "only"), ("mobile", "extra"))
    assert {column.name for column in compared.conclusion.columns} == {"id", "points", "country"}


@pytest.mark.parametrize(
    ("rule", "first", "second", "told"),
    [
        ("number", ("Gent", "Aalst"), ("Gent", "Brugge"), {"platform": 2, "truth": 2}),
        ("date:%d/%m/%Y", ("12.03.1980", ""), ("12.03.1980", "13.03.1980"), {"platform": 1, "truth": 2}),
        ("timestamp", ("noon", "night"), ("2024-01-01 10:00:00", "night"), {"platform": 2}),
        ("boolean", ("1", "no"), ("maybe", "perhaps"), {"truth": 2}),
        ("phone:BE", ("Gent", "x"), ("Gent", "y"), {"platform": 2, "truth": 2}),
        ("date:%d/%m/%Y", ("12/03/1980", "1980-03-13"), ("1980-03-12", "13/03/1980"), None),
        ("number", ("", ""), ("", ""), None),
        ("number", ("1", "Gent"), ("one", "2"), None),
        ("name", ("1", "2"), ("3", "4"), None),
    ],
)
def test_a_rule_that_reads_no_cell_is_told(
    rule: str, first: tuple[str, str], second: tuple[str, str], told: dict[str, int] | None, tmp_path: Path
) -> None:
    sides = [[{"id": "1", "v": cells[0]}, {"id": "2", "v": cells[1]}] for cells in (first, second)]
    files = [csv_file(tmp_path / f"{n}.csv", rows, ("id", "v")) for n, rows in enumerate(sides)]
    found = ask(*files, rules={"v": rule}).summary["notices"]
    expected = [] if told is None else [{"column": "v", "rule": rule, "cells": told}]
    assert [one["parameters"] for one in found if one["code"] == "rule_reads_nothing"] == expected


def test_map_rule_tolerance_and_ignore(pair: tuple[Path, Path]) -> None:
    more: dict[str, Any] = {
        "mapped": {"phone": "mobile"},
        "rules": {"phone": "phone:BE"},
        "tolerances": {"points": Decimal("0.5")},
    }
    compared = ask(*pair, ignored=("only", "extra", "country"), **more)
    assert differing(compared) == {("2", "phone"): ("0470 99 88 77", "+32471998877"), ("2", "points"): ("20.5", "22")}
    assert (compared.only_platform, compared.only_truth) == ((), ())
    assert dict(compared.conclusion.counts.formats) == {"phone": 1, "points": 1}


def test_where_holds_on_both_sides(pair: tuple[Path, Path]) -> None:
    compared = ask(*pair, where="country = 'BE'")
    assert statuses(compared) == {"conflicting": 2}
    rows = compared.conclusion.counts.rows
    assert (rows["platform_excluded"], rows["truth_excluded"]) == (1, 1)


def test_base_tells_who_moved_and_profile_numbers_do_not_matter(tmp_path: Path) -> None:
    """Two exports of one table have profileIds; the agreed values are found by the key all the same."""
    names = ("id", "profileId", "a", "b", "c", "d")
    base = csv_file(tmp_path / "base.csv", [{"id": "1", "a": "old", "b": "old", "c": "old"}], ("id", "a", "b", "c"))
    first = csv_file(
        tmp_path / "a.csv", [{"id": "1", "profileId": "77", "a": "old", "b": "new", "c": "p", "d": "p"}], names
    )
    second = csv_file(
        tmp_path / "b.csv", [{"id": "1", "profileId": "77", "a": "new", "b": "old", "c": "t", "d": "t"}], names
    )
    compared = ask(first, second, base=str(base))
    moved = dict(compared.differences.select("column", "moved").iter_rows())
    assert moved == {"a": "truth", "b": "platform", "c": "both", "d": "unknown"}
    assert statuses(compared) == {"conflicting": 1}


def test_dates_in_a_declared_format_are_read_on_either_side(tmp_path: Path) -> None:
    names = ("id", "born", "seen")
    here = [("1", "29/02/1980", "2024-03-31 03:30:00"), ("2", "1980-02-29", "31/03/2024 03:30"), ("3", "1/3/1980", "")]
    there = [("1", "1980-02-29", "31/03/2024 03:30"), ("2", "29/02/1980", "31/03/2024 03:30"), ("3", "03/01/1980", "")]
    first, second = (
        csv_file(tmp_path / name, [dict(zip(names, row, strict=True)) for row in rows], names)
        for name, rows in (("a.csv", here), ("b.csv", there))
    )
    found = ask(first, second, rules={"born": "date:%d/%m/%Y", "seen": "timestamp:%d/%m/%Y %H:%M"})
    assert found.differences.select("key", "column", "reason").rows() == [("3", "born", "date_swapped")]
    assert set(differing(ask(first, second, rules={"born": "date"}))) >= {("1", "born"), ("2", "born")}


def test_match_finds_the_same_person_under_another_key(tmp_path: Path) -> None:
    names = ("id", "emailAddress", "lastName", "firstName", "birthDate")
    person = {
        "emailAddress": "an.peeters@example.com",
        "lastName": "Peeters",
        "firstName": "An",
        "birthDate": "1980-01-02",
    }
    first = csv_file(tmp_path / "a.csv", [{"id": "1", **person}], names)
    second = csv_file(tmp_path / "b.csv", [{"id": "9", **person}], names)
    found = ask(first, second, same_person=True).same_person
    assert found.select("platform_key", "truth_key").rows() == [("1", "9")]
    assert ask(first, second).same_person.is_empty()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"key": ()}, ["a key is needed"]),
        ({"key": ("nr",)}, ['"nr" is no column']),
        ({"ignored": ("id",)}, ['the key column "id" cannot be left out']),
        ({"mapped": {"phone": "moblie"}}, ['"moblie" is no column', "mobile"]),
        ({"mapped": {"id": "nothing"}}, ['"nothing" is no column']),
        ({"rules": {"points": "numbr"}}, ["numbr", "number"]),
        ({"rules": {"points": "phone"}}, ["--rule points", "phone:BE"]),
        ({"rules": {"points": "phone:Belgium"}}, ["--rule points", '"Belgium" is no country', "BE"]),
        ({"rules": {"points": "phone:UK"}}, ['"UK" is no country', "GB"]),
        ({"rules": {"points": "number:5"}}, ["--rule points", '"5" is no decimal sign']),
        ({"rules": {"points": "number:,€||EUR"}}, ["--rule points", "no unit"]),
        ({"rules": {"points": "number:EUR/10x"}}, ["--rule points", "no unit"]),
        ({"rules": {"points": "date:dd/mm/yyyy"}}, ["--rule points", '"dd/mm/yyyy" is no format', "%d/%m/%Y"]),
        ({"rules": {"pints": "number"}, "ignored": ("nope",)}, ['"pints"', "points", '"nope"']),
        ({"tolerances": {"nope": Decimal(1)}}, ['"nope"']),
        ({"where": "nonsense ="}, ["nonsense ="]),
    ],
)
def test_what_cannot_be_compared_is_said_at_once(
    pair: tuple[Path, Path], more: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(SettingsError) as raised:
        ask(*pair, **more)
    assert all(word in str(raised.value) for word in words), str(raised.value)


def test_a_folder_that_cannot_be_made_is_no_bug(pair: tuple[Path, Path]) -> None:
    with pytest.raises(SettingsError, match="for the results cannot be made"):
        compare(Question(str(pair[0]), str(pair[1]), ("id",)), folder=pair[0] / "out")


def test_a_key_of_several_columns_is_shown_as_json(tmp_path: Path) -> None:
    names = ("a", "b", "v")
    first = csv_file(tmp_path / "a.csv", [{"a": 'x"', "b": "tab\there", "v": "1"}, {"a": "x", "v": "1"}], names)
    second = csv_file(tmp_path / "b.csv", [{"a": 'x"', "b": "tab\there", "v": "2"}], names)
    compared = ask(first, second, key=("a", "b"))
    assert [json.loads(key) for key in compared.differences["key"]] == [['x"', "tab\there"]]
    assert compared.conclusion.verdict is Verdict.INCOMPLETE
    assert [item.code for item in compared.conclusion.not_checked] == ["null_key"]


def test_keys_twice_are_set_apart(tmp_path: Path) -> None:
    first = csv_file(tmp_path / "a.csv", [{"id": "1", "v": "a"}, {"id": "1", "v": "a"}], ("id", "v"))
    second = csv_file(tmp_path / "b.csv", [{"id": "1", "v": "a"}], ("id", "v"))
    compared = ask(first, second)
    assert statuses(compared) == {"duplicate": 1}
    assert compared.conclusion.counts.rows["platform_duplicate"] == 2
    assert compared.conclusion.verdict is Verdict.FINDINGS


@pytest.mark.parametrize("name", ["key", "status", "row", "file", 'a"b', "two\nlines", "p0"])
def test_hostile_column_names(tmp_path: Path, name: str) -> None:
    first = csv_file(tmp_path / "a.csv", [{"id": "1", name: "a"}, {"id": "2", name: "x"}], ("id", name))
    second = csv_file(tmp_path / "b.csv", [{"id": "1", name: "b"}, {"id": "3", name: "x"}], ("id", name))
    compared = ask(first, second, same_person=True)
    assert differing(compared) == {("1", name): ("a", "b")}


def test_files_of_results_have_the_public_types_whatever_was_found(pair: tuple[Path, Path], tmp_path: Path) -> None:
    """Also where nothing stands twice and one side lacks nobody: a number of another width is another interface."""
    for number, (platform, truth) in enumerate([pair, (pair[0], pair[0])]):
        folder = tmp_path / f"r{number}"
        compare(Question(str(platform), str(truth), ("id",)), folder=folder)
        assert {name: pl.read_parquet_schema(folder / f"{name}.parquet") for name in FRAMES} == dict(FRAMES)


def test_results_are_left_in_the_folder_and_nowhere_else(pair: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    compared = compare(Question(str(pair[0]), str(pair[1]), ("id",)), folder=out)
    assert {path.name for path in out.iterdir()} >= {"profiles.parquet", "differences.parquet", "causes.parquet"}
    assert pl.read_parquet(out / "differences.parquet").equals(compared.differences)
    assert {path.name for path in tmp_path.iterdir()} == {"out", *(path.name for path in pair)}


@pytest.mark.parametrize("points", ["10", "0", "-0.00"])
def test_a_plain_comparison_loads_neither_pandas_nor_great_expectations(tmp_path: Path, points: str) -> None:
    """They take seconds to import, and nobody who compares two files needs them."""
    pair = (tmp_path / "first.parquet", tmp_path / "second.parquet")
    for path, number in zip(pair, (points, "7.5"), strict=True):
        pl.DataFrame({"id": ["1"], "points": [number]}).with_columns(pl.col("points").cast(pl.Float64)).write_parquet(
            path
        )
    script = (
        "import json, sys\n"
        "from auditor.commands.compare import compare\n"
        "from auditor.settings.compare_options import Question\n"
        "compare(Question(sys.argv[1], sys.argv[2], ('id',)))\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, *map(str, pair)], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert not loaded & {"pandas", "great_expectations", "sqlalchemy", "httpx", "starlette"}
