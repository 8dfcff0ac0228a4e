"""`auditor suite suggest`: what the newest run's data propose, counted against rows that a test has put there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import polars as pl
import pytest

from auditor.engine.duckdb import DuckDB
from auditor.errors import Exit
from auditor.model import Attribute, AttributeType, Structure
from auditor.validate.proposals import Proposal, of_look
from tests.driven_sandbox import Sandbox
from tests.last_found import last
from tests.small_folder import auditor, copy, made
from tests.test_validate import Cell, fill


@pytest.fixture
def folder(
    sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A folder in whose newest snapshot three people of the CRM are called test, and one is an address."""
    copied = copy(made(tmp_path_factory).audited, tmp_path / "work", sandbox)
    truth = newest(copied) / "truth.parquet"
    rows = pl.read_parquet(truth)
    names = ["test", "Test ", "N/A", "jan@acme.be", *rows["last_name"].to_list()[4:]]
    rows.with_columns(last_name=pl.Series(names)).write_parquet(truth)
    monkeypatch.chdir(copied)
    return copied


def newest(folder: Path) -> Path:
    return max(path for path in (folder / "runs").iterdir() if not path.name.startswith("."))


def read(folder: Path) -> list[dict[str, object]]:
    content = json.loads((folder / "expectations" / "Customers" / "suite.json").read_text("utf-8"))
    expectations: list[dict[str, object]] = content["expectations"]
    return expectations


def test_each_proposal_has_its_evidence_and_none_is_in_the_suite(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = read(folder)
    said = auditor(capsys, "suite", "suggest")
    assert said.code == Exit.FINE
    assert max(map(len, said.out.splitlines())) <= 80
    told = {
        match[2]: (match[1], match[3])
        for match in re.finditer(r"([0-9a-f]{6}) (lastName: .*?) (rows that would .*?)(?= [0-9a-f]{6} |$)",
                                 " ".join(said.out.split()))
    }  # fmt: skip
    crm = pl.read_parquet(newest(folder) / "truth.parquet").height
    for sentence, failing in (("a filler such as test or n/a", 3), ("not an e-mail address", 1)):
        [(_, evidence)] = [two for text, two in told.items() if sentence in text]
        assert evidence.endswith(f"{failing} of {crm:,} in CRM")
    assert "jan@acme.be" not in said.out + said.err, "evidence holds no values"
    assert "emailAddress: an address of somebody" not in said.out, "all of example.com would fail: it does not suit"
    assert read(folder) == before


def test_one_is_accepted_by_its_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = read(folder)
    listed = " ".join(auditor(capsys, "suite", "suggest").out.split())
    found = re.search(r"([0-9a-f]{6}) lastName: a name, not an e-mail address", listed)
    assert found
    said = auditor(capsys, "suite", "suggest", "--accept", found[1])
    assert (said.code, said.out) == (Exit.FINE, "added: lastName: a name, not an e-mail address\n")
    assert read(folder)[:-1] == before
    new = read(folder)[-1]
    assert (new["type"], new["kwargs"]) == ("expect_column_values_to_not_be_emails", {"column": "lastName"})
    meta = new["meta"]
    assert isinstance(meta, dict)
    assert (meta["source"], meta["severity"]) == ("steward", "warning")
    assert "1 of" in meta["evidence"]
    again = auditor(capsys, "suite", "suggest")
    assert found[1] not in again.out, "what is in the suite is not proposed again"
    assert auditor(capsys, "suite", "suggest", "--accept", found[1]).code == Exit.SETTINGS
    assert read(folder)[:-1] == before


def test_without_a_snapshot_nothing_is_proposed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (newest(folder) / "truth.parquet").unlink()
    said = auditor(capsys, "suite", "suggest")
    assert said.code == Exit.SETTINGS
    assert "has no truth.parquet any more" in said.err
    assert "auditor run" in said.err


def looked(tmp_path: Path, *sides: dict[str, list[Cell]], mandatory: bool = False) -> list[Proposal]:
    """What columns of text propose that look so on the two sides."""
    engine = DuckDB(temp=tmp_path)
    for place, columns in enumerate(sides):
        fill(engine, columns, f"side{place}")
    attributes = tuple(Attribute(name, AttributeType.STRING, mandatory=mandatory) for name in sides[0])
    views = {f"side {place}": last(engine, f"side{place}") for place in range(len(sides))}
    found = list(of_look(engine, views, Structure("1", "Customers", attributes), list(sides[0])))
    engine.close()
    return found


def test_what_all_rows_have_in_common_is_proposed(tmp_path: Path) -> None:
    rows: dict[str, list[Cell]] = {
        "code": [f"C{place:06}" for place in range(250)],
        "colour": [("red", "blue", None)[place % 3] for place in range(750)][:250],
        "name": [f"{'x' * (place % 7)} {place}" for place in range(250)],
    }
    rows["colour"] = ["red", "blue"] * 120 + [None] * 10
    other = {**rows, "colour": ["red", "green"] * 120 + [None] * 10}
    found = {(one.expectation.type, one.expectation.columns[0]): one for one in looked(tmp_path, rows, other)}
    assert set(found) == {
        ("expect_column_values_to_not_be_null", "code"),
        ("expect_column_values_to_match_regex", "code"),
        ("expect_column_values_to_be_in_set", "colour"),
        ("expect_column_values_to_not_be_null", "name"),
    }
    assert found["expect_column_values_to_match_regex", "code"].expectation.kwargs["regex"] == "^[A-Z][0-9]{6}$"
    words = found["expect_column_values_to_be_in_set", "colour"]
    assert words.expectation.kwargs["value_set"] == ["blue", "green", "red"]
    assert words.evidence == "only 3 different values in 240 of side 0 and 240 of side 1 filled rows"


def test_one_row_that_is_other_or_too_few_rows_propose_nothing(tmp_path: Path) -> None:
    codes: list[Cell] = [f"C{place:06}" for place in range(250)]
    other: list[Cell] = [*codes[:-1], "c000001"]
    assert [one.expectation.type for one in looked(tmp_path, {"code": codes}, {"code": other})] == [
        "expect_column_values_to_not_be_null"
    ]
    assert looked(tmp_path, {"code": codes}, {"code": codes[:199]}) == []
    assert looked(tmp_path, {"code": codes}, {"code": other}, mandatory=True) == [], "that stands in the suite already"
