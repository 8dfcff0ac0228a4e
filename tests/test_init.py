"""`auditor init` in an empty folder: what it writes is what the auditor reads, and a steward has little to correct."""

from __future__ import annotations

import fnmatch
import io
import json
import os
import re
import shutil
import tomllib
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from auditor.actito import Reader
from auditor.cli import execute
from auditor.cli.demonstration import fetch_inputs
from auditor.commands.init.propose import Proposal
from auditor.commands.init.sheet import sheet
from auditor.commands.init.written import Answers
from auditor.commands.session import connect
from auditor.errors import Exit
from auditor.files.data import data_folder
from auditor.model import Attribute, Structure
from auditor.pull.moments import moment_in_name
from auditor.settings.config import read_settings
from auditor.settings.contract import Column, Contract
from auditor.settings.contract_file import read_contract
from tests.driven_sandbox import Sandbox

PROFILES = 150


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("licence") / "sandbox"
    with Sandbox(folder, profiles=PROFILES, seed=1, limits="extended") as running:
        running.drift()
        yield running


@pytest.fixture(scope="module")
def inputs(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    for name in ("exports", "crm"):
        (folder / name).mkdir()
    fetch_inputs(sandbox, folder)
    return folder


@pytest.fixture
def folder(inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with both inputs and nothing else; nobody sits at a terminal."""
    working = tmp_path / "work"
    shutil.copytree(inputs, working)
    monkeypatch.chdir(working)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    return working


def init(sandbox: Sandbox, *more: str) -> int:
    usual = {"--table": "acme/Customers", "--url": sandbox.url, "--api-key": f"file:{sandbox.directory / 'api-key'}"}
    given = [text for name, value in usual.items() if name not in more for text in (name, value)]
    return execute(["init", *given, *more])


def right(sandbox: Sandbox) -> Contract:
    """The contract of the sandbox's licence, as a person wrote it."""
    return read_contract(data_folder("expectations") / "Customers" / "contract.toml", None)


@pytest.fixture(scope="module")
def made(inputs: Path, sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that `init --yes` has filled."""
    working = tmp_path_factory.mktemp("made") / "work"
    shutil.copytree(inputs, working)
    before = Path.cwd()
    os.chdir(working)
    try:
        assert init(sandbox, "--yes") == Exit.FINE
    finally:
        os.chdir(before)
    return working


def test_the_mapping_is_the_one_that_a_person_wrote(made: Path, sandbox: Sandbox) -> None:
    known = right(sandbox)
    found = read_contract(made / "expectations" / "Customers" / "contract.toml", None)
    truths = {column.name: column.truth for column in known.columns}
    proposed = {column.name: column.truth for column in found.columns}
    share = sum(proposed.get(name) == truth for name, truth in truths.items()) / len(truths)
    assert (share, proposed) == (1.0, truths)
    assert (found.key, found.timezone, found.updated_platform, found.updated_truth, found.grace) == (
        known.key, known.timezone, known.updated_platform, known.updated_truth, known.grace,
    )  # fmt: skip


def test_how_values_are_read_and_who_decides_is_what_a_person_wrote(made: Path, sandbox: Sandbox) -> None:
    def told(column: Column) -> tuple[object, ...]:
        return (column.format, column.decimal, column.values, column.permission, column.general, column.evidence_date,
                column.evidence_source)  # fmt: skip

    known = {column.name: told(column) for column in right(sandbox).columns}
    found = read_contract(made / "expectations" / "Customers" / "contract.toml", None)
    assert {column.name: told(column) for column in found.columns} == known
    assert 'country  = "BE"' in (made / "expectations" / "Customers" / "contract.toml").read_text("utf-8")


def test_what_was_written_runs(made: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch,
                               capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    monkeypatch.chdir(made)
    code = execute(["run", "--json"])
    summary = json.loads(capsys.readouterr().out)
    assert code in (Exit.FINE, Exit.INCOMPLETE)
    assert {item["code"] for item in summary["not_checked"]} <= {"null_key"}
    assert summary["profiles"]["equal"] > PROFILES / 3
    answers = sandbox.answers()
    assert answers  # the licence has drifted: there is something to find
    assert summary["differences"]["total"] > 0


def test_the_files_fit_the_schemas_that_they_name(made: Path) -> None:
    for path in (made / "auditor.toml", made / "expectations" / "Customers" / "contract.toml"):
        text = path.read_text("utf-8")
        named = text.partition("\n")[0].removeprefix("#:schema ")
        validator: Any = Draft202012Validator(json.loads((path.parent / named).read_text("utf-8")))
        assert [error.message for error in validator.iter_errors(tomllib.loads(text))] == []


def test_the_suite_is_the_one_that_a_run_would_make(made: Path) -> None:
    suite = (made / "expectations" / "Customers" / "suite.json").read_text("utf-8")
    assert {item["meta"]["source"] for item in json.loads(suite)["expectations"]} == {"structure", "contract"}


def test_the_sheet_asks_for_what_a_run_needs(made: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    text = (made / "request-sheet.md").read_text("utf-8")
    contract = read_contract(made / "expectations" / "Customers" / "contract.toml", None)
    for column in contract.columns:
        assert f"  - `{column.name}`\n" in text
    for words in ("`profileId`", "`updateMoment`", "`exports/`", "`Customers_$yyyyMMdd.csv`", "`read_profiles`",
                  "`write_imports`", "UTF-8", "address"):  # fmt: skip
        assert words in text
    key = (sandbox.directory / "api-key").read_text("utf-8").strip()
    for path in made.rglob("*"):
        if path.is_file():
            assert key.encode() not in path.read_bytes(), path


def named_in_the_sheet(location: str) -> str:
    """What the sheet says of the export to activate, on one line."""
    structure = Structure("1", "Customers", (Attribute("customerId"),))
    proposal = Proposal("Customers", ("customerId",), (), (), (), (), None, None, "Europe/Brussels", "BE")
    answers = Answers("acme", "Customers", "https://api3.actito.com", "env:KEY", location, "crm.csv")
    text = sheet(answers, proposal, structure)
    assert max(map(len, text.splitlines())) <= 80
    return " ".join(text.partition("## 2.")[0].split())


@pytest.mark.parametrize(
    "location",
    [
        "exports/Customers_*.csv",
        "sftp://auditor@files.acme.example/out/acme_*.zip",
        "ftps://files.acme.example/*.csv.gz",
        "s3://bucket/out/*_full_*.csv",
        "s3://bucket/out/Customers*",
        "sftp://files.acme.example/out/Customers.csv",
    ],
)
def test_the_name_that_the_sheet_asks_for_is_one_that_is_found(location: str) -> None:
    said = named_in_the_sheet(location)
    [name] = re.findall(r"- Name: `([^`]+)`", said)
    day = name.replace("$yyyyMMdd", "20260503")
    assert fnmatch.fnmatchcase(day, location.rpartition("/")[2])
    assert (moment_in_name(day, UTC) is not None) == ("*" in location), "the date in its name tells the newest"
    packed = {".zip": "packed as ZIP", ".gz": "packed as GZIP", ".csv": "not packed"}.get(Path(name).suffix, "at will")
    assert packed in said


def test_the_sheet_sends_the_export_to_where_actito_can_deliver_it() -> None:
    assert "To: `sftp://files.acme.example/out/`" in named_in_the_sheet("sftp://files.acme.example/out/C_*.csv")
    said = named_in_the_sheet("exports/Customers_*.csv")
    assert "To: a file server of yours" in said
    assert "`exports/` on the auditor's machine" in said


def test_a_steward_reads_the_contract_on_a_small_screen(made: Path, sandbox: Sandbox) -> None:
    text = (made / "expectations" / "Customers" / "contract.toml").read_text("utf-8")
    assert max(map(len, text.splitlines())) <= 80
    columns = tomllib.loads(text)["columns"]
    with connect(read_settings(made / "auditor.toml")) as reading:
        found = read_contract(made / "contract.toml", Reader(reading).structure("Customers"), text=text)
    assert (
        max(map(len, (made / "auditor.toml").read_text("utf-8").replace(str(sandbox.directory), "").splitlines())) <= 80
    )
    assert {name: column["compare"] for name, column in columns.items()} == {
        column.name: column.compare for column in found.columns
    }
    for word in ("who is right", "An empty cell", 'sensitivity = "personal"', "# sure 0.98: both names mean"):
        assert word in text


def test_the_sheet_is_the_result(folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    assert init(sandbox, "--yes") == Exit.FINE
    said = capsys.readouterr()
    assert said.out == (folder / "request-sheet.md").read_text("utf-8")
    assert (
        max(map(len, (said.out + said.err).replace(str(folder), "").replace(str(sandbox.directory), "").splitlines()))
        <= 80
    )


def test_all_answers_as_options(folder: Path, sandbox: Sandbox) -> None:
    code = init(
        sandbox, "--export", "exports/*.csv", "--truth", "crm/*.csv", "--names", "Actito,the warehouse",
        "--permissions", "doNotContact=opt-out:consent_at:consent_from", "--master", "both,nickname=platform",
        "--country", "NL", "--timezone", "Europe/Amsterdam", "--map", "note=", "--write-api-key", "env:WRITING",
    )  # fmt: skip
    assert code == Exit.FINE
    settings = read_settings(folder / "auditor.toml")
    assert (settings.platform.export, settings.names.truth) == ("exports/*.csv", "the warehouse")
    assert settings.actito.write_api_key is not None
    contract = read_contract(folder / "expectations" / "Customers" / "contract.toml", None)
    columns = {column.name: column for column in contract.columns}
    assert "note" not in columns
    assert columns["doNotContact"].evidence_date == "consent_at"
    assert columns["marketingConsent"].permission is None
    assert columns["nickname"].master == "platform"
    assert columns["lastName"].master == "both"
    assert columns["gsmNumber"].argument in ("", "NL")
    assert contract.timezone.key == "Europe/Amsterdam"


def test_nobody_there_and_something_missing(folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    assert init(sandbox, "--export", "exports/*.csv") == Exit.SETTINGS
    said = capsys.readouterr().err
    for option in ("--truth", "--permissions", "--master"):
        assert option in said
    assert execute(["init", "--yes"]) == Exit.SETTINGS
    assert "--table" in capsys.readouterr().err
    assert not (folder / "auditor.toml").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--key", "custmerId"], 'did you mean "customerId"?'),
        (["--map", "lastName=last_nam"], 'did you mean "last_name"?'),
        (["--names", "Mailing,SAP", "--map", "lastName=last_nam"], 'SAP has no column "last_nam"'),
        (["--map", "lastName"], "COLUMN=TRUTH"),
        (["--permissions", "doNotContact=yes"], "opt-in or COLUMN=opt-out"),
        (["--permissions", "doNotContct=opt-out"], 'did you mean "doNotContact"?'),
        (["--master", "crm"], "truth, platform or both"),
        (["--timezone", "Europe/Brussel"], 'did you mean "Europe/Brussels"?'),
        (["--api-key", "sandbox-key"], "a secret must not stand in this file"),
        (["--table", "Customers"], "ENTITY/TABLE"),
        (["--table", "acme/../x"], "ENTITY/TABLE"),
        (["--truth", "nowhere/*.csv"], "nowhere/*.csv"),
    ],
)
def test_a_wrong_answer_writes_nothing(
    options: list[str], words: str, folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init(sandbox, "--yes", *options) in (Exit.SETTINGS, Exit.TRY_LATER)
    said = capsys.readouterr().err
    assert words in said
    assert "sandbox-key" not in said
    assert not (folder / "auditor.toml").exists()
    assert not (folder / "expectations").exists()


@pytest.mark.parametrize("there", ["auditor.toml", "expectations/Customers/contract.toml", "request-sheet.md"])
def test_nothing_is_replaced_unasked(
    there: str, folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / there).parent.mkdir(parents=True, exist_ok=True)
    (folder / there).write_text("mine", "utf-8")
    assert init(sandbox, "--yes") == Exit.SETTINGS
    assert "--force" in capsys.readouterr().err
    assert (folder / there).read_text("utf-8") == "mine"
    assert init(sandbox, "--yes", "--force") == Exit.FINE
    assert (folder / there).read_text("utf-8") != "mine"


def test_without_an_export_names_propose(folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(folder / "exports")
    assert init(sandbox, "--yes") == Exit.FINE
    assert "from names and types alone" in " ".join(capsys.readouterr().err.split())
    found = read_contract(folder / "expectations" / "Customers" / "contract.toml", None)
    known = right(sandbox)
    wrong = {column.name for column in found.columns if known.column(column.name).truth != column.truth}
    assert wrong == set()
    assert len(found.columns) / len(known.columns) >= 0.9


def test_hostile_names_of_columns_stay_names(folder: Path, sandbox: Sandbox) -> None:
    [path] = (folder / "crm").glob("*.csv")
    header, _, rest = path.read_text("utf-8").partition("\n")
    header = header.replace("account_manager", '"x""]\\ny = [[""\u202e"').replace("source_system", "\t")
    path.write_text(header + "\n" + rest, "utf-8")
    assert init(sandbox, "--yes") == Exit.FINE
    text = (folder / "expectations" / "Customers" / "contract.toml").read_text("utf-8")
    assert tomllib.loads(text)["columns"]["lastName"]["truth"] == "last_name"
    assert "\u202e" not in text


def test_at_most_six_questions_each_with_a_default(
    folder: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[str, object]] = []

    def answer(question: str, default: object = None, err: bool = False) -> object:
        asked.append((question, default))
        known = {"--table": "acme/Customers", "--api-key": f"file:{sandbox.directory / 'api-key'}"}
        return next((value for option, value in known.items() if option in question), default)

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("click.prompt", answer)
    assert execute(["init", "--url", sandbox.url]) == Exit.FINE
    assert len(asked) == 6
    assert [question for question, default in asked if default is None and "--table" not in question] == []
    assert read_settings(folder / "auditor.toml").table == "Customers"
