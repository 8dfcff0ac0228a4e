"""`auditor suite`: what follows from the structure is renewed and told, what a steward adds is judged and stays."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from auditor.errors import Exit
from auditor.validate.changes import changes
from auditor.validate.suite import Expectation, Suite
from tests.driven_sandbox import Sandbox
from tests.small_folder import auditor, copy, made


@pytest.fixture
def folder(
    sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    copied = copy(made(tmp_path_factory).agreed, tmp_path / "work", sandbox)
    monkeypatch.chdir(copied)
    return copied


def suite_of(folder: Path) -> Path:
    return folder / "expectations" / "Customers" / "suite.json"


def read(folder: Path) -> list[dict[str, Any]]:
    expectations: list[dict[str, Any]] = json.loads(suite_of(folder).read_text("utf-8"))["expectations"]
    return expectations


def test_a_refresh_without_a_change_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = suite_of(folder).read_bytes()
    said = auditor(capsys, "suite", "refresh")
    assert (said.code, said.out) == (Exit.FINE, "nothing has changed\n")
    assert f"{len(read(folder))} from structure and contract, 0 of your own" in said.err
    assert suite_of(folder).read_bytes() == before


def test_a_refresh_makes_a_suite_where_there_is_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = suite_of(folder).read_bytes()
    suite_of(folder).unlink()
    said = auditor(capsys, "suite", "refresh")
    assert (said.code, said.out) == (Exit.FINE, "the suite is made\n")
    assert suite_of(folder).read_bytes() == before


def test_a_refresh_tells_what_changed_and_keeps_what_is_the_stewards(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = json.loads(suite_of(folder).read_text("utf-8"))
    longest = next(one for one in content["expectations"] if one["kwargs"] == {"column": "note", "max_value": 255})
    longest["kwargs"]["max_value"] = 9
    longest["meta"]["sentence"] = "at most 9 characters"
    unique = next(one for one in content["expectations"] if one["meta"]["rule"] == "unique")
    content["expectations"].remove(unique)
    own = {
        "type": "expect_column_values_to_match_regex",
        "kwargs": {"column": "note", "regex": "."},
        "meta": {"sentence": "whatever", "team": "shops"},
        "notes": "ours",
    }
    content["expectations"].insert(0, own)
    suite_of(folder).write_text(json.dumps(content), "utf-8")
    said = auditor(capsys, "suite", "refresh")
    assert said.code == Exit.FINE
    assert said.out.splitlines() == [
        f"  - new: {unique['kwargs']['column']}: a value that no other profile has",
        "  - changed: note: at most 255 characters; it was: at most 9 characters",
    ]
    assert "1 of your own" in said.err
    assert read(folder)[-1] == own


def test_a_refresh_follows_the_contract_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A free text that is compared as a date must be one; the threshold that a steward gave it goes with it."""
    contract = folder / "expectations" / "Customers" / "contract.toml"
    before = contract.read_text("utf-8")
    head, section, rest = before.partition("[columns.nickname]\n")
    assert section
    contract.write_text(f'{head}{section}compare = "date"\n{rest}', "utf-8")
    said = " ".join(auditor(capsys, "suite", "refresh").out.split())
    assert said == "- new: nickname: a date, however it is spelt: the contract compares this column as such"
    [new] = [one for one in read(folder) if one["meta"]["rule"] == "unreadable"]
    assert (new["meta"]["source"], new["kwargs"]) == ("contract", {"column": "nickname", "kind": "date"})
    assert auditor(capsys, "run").code == Exit.FINE
    run = max(path for path in (folder / "runs").iterdir() if not path.name.startswith("."))
    found = pl.read_parquet(run / "violations.parquet").filter(pl.col("rule") == "unreadable")
    snapshot = pl.read_parquet(run / "platform.parquet")
    filled = snapshot.filter(pl.col("nickname").str.strip_chars() != "")
    assert set(found.filter(pl.col("side") == "platform")["value"]) <= set(filled["nickname"])
    assert found.filter(pl.col("side") == "platform").height > filled.height / 2, "no nickname is a date"
    assert set(found["severity"]) == {"warning"}
    contract.write_text(before, "utf-8")
    said = " ".join(auditor(capsys, "suite", "refresh").out.split())
    assert said.startswith("- gone: nickname: a date")
    assert not [one for one in read(folder) if one["meta"]["rule"] == "unreadable"]


@pytest.mark.parametrize(("text", "place"), [("{\n nope", "line 2, column 2"), ('{"name": "x"}', "expectations")])
def test_a_suite_that_does_not_parse_is_told_with_file_and_place(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str, place: str
) -> None:
    suite_of(folder).write_text(text, "utf-8")
    commands = (["run"], ["suite", "refresh"], ["suite", "add", "expect_column_to_exist", "column=note"])
    for command in commands:
        said = auditor(capsys, *command)
        assert said.code == Exit.SETTINGS, command
        assert place in said.err, command
        assert "suite.json" in said.err, command
        assert suite_of(folder).read_text("utf-8") == text, "nothing is written over it"


def test_an_expectation_of_ones_own_is_added_as_great_expectations_reads_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = read(folder)
    said = auditor(
        capsys, "suite", "add", "expect_column_values_to_be_in_set", "column=note", 'value_set=["a", "b"]',
        "--severity", "warning", "--mostly", "0.9", "--sentence", "a or b", "--who-cares", "shops",
    )  # fmt: skip
    assert (said.code, said.out) == (Exit.FINE, "added: note: a or b\n")
    assert read(folder)[:-1] == before
    assert read(folder)[-1] == {
        "type": "expect_column_values_to_be_in_set",
        "kwargs": {"column": "note", "value_set": ["a", "b"], "mostly": 0.9},
        "meta": {"source": "steward", "severity": "warning", "sentence": "a or b", "who_cares": "shops"},
        "severity": "warning",
    }
    import great_expectations as gx

    loaded = gx.ExpectationSuite(**json.loads(suite_of(folder).read_text("utf-8")))
    assert loaded.expectations[-1].severity == "warning"
    assert len(loaded.expectations) == len(before) + 1
    assert auditor(capsys, "suite", "refresh").out == "nothing has changed\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["expect_column_values_to_match_rexeg", "column=note"], 'did you mean "expect_column_values_to_match_regex"'),
        (["expect_column_to_exist", "column=noet"], 'maps no column "noet", did you mean "note"'),
        (["expect_column_values_to_be_of_kind", "column=note", "kind=soup"], "kind: one of"),
        (["expect_column_value_lengths_to_be_between", "column=note", "max_value=0", "nope=1"], "nope"),
        (["expect_column_to_exist", "note"], "SETTING=VALUE is expected"),
        (["expect_column_values_to_match_regex", "column=note", "regex=^C("], "a pattern, is not valid"),
        (["expect_column_mean_to_be_between", "column=note", "min_value=1"], "its SQL does not fit the columns"),
        (["unexpected_rows_expectation", "unexpected_rows_query=select * from {batch} where nope"], "does not fit"),
        (["unexpected_rows_expectation", "unexpected_rows_query=select * frm {batch}"], "cannot be read"),
    ],
)  # fmt: skip
def test_what_could_not_be_evaluated_is_not_added(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    before = suite_of(folder).read_bytes()
    told = auditor(capsys, "suite", "add", *arguments)
    assert told.code == Exit.SETTINGS
    assert said in " ".join(told.err.split())
    assert suite_of(folder).read_bytes() == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["expect_column_values_to_be_between", "column=nickname", "min_value=0", "max_value=100000"],
        ["expect_column_mean_to_be_between", "column=nickname", "min_value=1"],
        ["expect_column_median_to_be_between", "column=nickname", "min_value=1"],
        ["expect_column_distinct_values_to_be_in_set", "column=note", 'value_set=["a"]'],
        ["expect_table_row_count_to_be_between", "min_value=1"],
        ["unexpected_rows_expectation", "unexpected_rows_query=select note from {batch} group by note"],
    ],
)  # fmt: skip
def test_what_rows_are_needed_for_is_added_without_any(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    suite = json.loads(suite_of(folder).read_text("utf-8"))
    kind = {"type": "expect_column_values_to_be_of_kind", "kwargs": {"column": "nickname", "kind": "integer"}}
    suite["expectations"].append(kind)
    suite_of(folder).write_text(json.dumps(suite), "utf-8")
    assert auditor(capsys, "suite", "add", *arguments).code == Exit.FINE
    assert read(folder)[-1]["type"] == arguments[0]


def test_the_same_is_not_added_twice(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A text that looks like a number is a text where a pattern is asked for."""
    command = ("suite", "add", "expect_column_values_to_match_regex", "column=note", "regex=12")
    assert auditor(capsys, *command).code == Exit.FINE
    assert read(folder)[-1]["kwargs"] == {"column": "note", "regex": "12"}
    assert "already" in auditor(capsys, *command).err
    assert len([one for one in read(folder) if one["kwargs"].get("regex") == "12"]) == 1


def test_changes_are_told_of_settings_and_not_of_words() -> None:
    def suite(*expectations: Expectation) -> Suite:
        return Suite("Customers", expectations)

    long = Expectation("expect_column_value_lengths_to_be_between", {"column": "a", "max_value": 5}, {"sentence": "5"})
    other = Expectation("expect_column_to_exist", {"column": "b"}, {"sentence": "there"})
    assert changes(None, suite(long)) == ()
    assert changes(suite(long), suite(long)) == ()
    assert changes(suite(long), suite(replace(long, meta={"sentence": "five"}))) == ()
    assert changes(suite(long), suite(long, other)) == ("new: b: there",)
    assert changes(suite(long, other), suite(long)) == ("gone: b: there",)
    shorter = replace(long, kwargs={"column": "a", "max_value": 4}, meta={"sentence": "4"})
    assert changes(suite(long), suite(shorter)) == ("changed: a: 4; it was: 5",)
