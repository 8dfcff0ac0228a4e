"""The commands as they are typed: help, JSON, and the main case of each on a small folder after a week of drift."""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from rich.cells import cell_len

from auditor.actito import Discontinued
from auditor.cli import COMMANDS, execute
from auditor.cli.show import _columns, _history, _notes, _section
from auditor.commands.fix import Fix
from auditor.commands.show_story import Cell, Difference, Relation, Rows, Story
from auditor.commands.stored_plans import Planned
from auditor.errors import Exit, SettingsError
from auditor.findings.audit import FRAMES, SAYS
from auditor.findings.words import Words
from auditor.model import Kind, Need
from auditor.plan.brakes import Brake
from tests.driven_sandbox import Sandbox
from tests.nothing_known import a_plan
from tests.small_folder import COLUMNS, Made, Said, auditor, copy, footprint, licence

NEWS = "subscriptions#Newsletter"

OPTIONS = {
    "demo": ["FOLDER", "--profiles", "--seed"],
    "init": [
        "--table", "--api-key", "--export", "--truth", "--permissions", "--master", "--url", "--write-api-key", "--key",
        "--map", "--country", "--timezone", "--separator", "--encoding", "--names", "--yes", "--force", "--settings",
    ],
    "config": ["explain", "schemas"],
    "doctor": ["--json", "--settings"],
    "run": ["--export", "--truth", "--fail-on", "--only", "--json", "--settings"],
    "show": ["KEY", "--all", "--json", "--settings"],
    "runs": ["--json", "--settings"],
    "report": ["RUN", "--privacy", "masked|aggregate|full", "--lang", "--open", "--settings"],
    "plan": [
        "RUN", "--decisions", "--route", "auto|bulk|single", "--files", "--confirm", "--older", "--continue",
        "--create-again", "--review", "--by", "--settings",
    ],
    "apply": ["PLAN", "--yes", "--confirm", "--older", "--json", "--settings"],
    "fix": ["KEYS...", "--yes", "--confirm", "--settings"],
    "undo": ["PLAN", "--settings"],
    "rekey": ["--map", "--yes", "--settings"],
    "forget": ["KEY", "--yes", "--settings"],
    "pin": ["KEY", "COLUMN", "--by", "--reason", "--until", "--off", "--json", "--settings"],
    "permit": ["COLUMN", "--by", "--settings"],
    "settle": ["--yes", "--settings"],
    "structure": ["show", "diff", "propose", "apply"],
    "suite": ["refresh", "add", "suggest", "export"],
    "compare": [
        "PLATFORM", "TRUTH", "--key", "--fallback-key", "--map", "--names", "--ignore", "--only-columns", "--rule",
        "--tolerance", "--where", "--where-platform", "--where-truth", "--base",
        "--match", "--summary", "--engine", "--remote", "--json", "--out", "--html", "--fail-on",
    ],
    "sandbox": ["--port", "8700", "--dir", "--profiles", "--seed", "--limits", "sandbox-key"],
}  # fmt: skip
"""What is documented of each command."""

PROFILES = {"equal", "missing", "orphan", "stale", "conflicting", "duplicate"}
ROWS = {
    f"{side}{part}"
    for side in ("platform", "truth")
    for part in ("", "_rejected", "_null_key", "_duplicate", "_excluded")
}
SUMMARY = {
    "format", "run", "table", "verdict", "rows", "profiles", "waiting", "pending", "created", "undone", "standing",
    "gone", "kept", "later", "differences", "against_their_will", "on_grounds", "findings_to_decide",
    "findings_settled",
    "needs", "decisions", "formats", "matched_by", "violations", "permissions", "reachable", "same_person",
    "not_checked", "notices", "report", "seconds", "suggestions",
}  # fmt: skip
"""The members of the public document."""


# Help


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_lists_every_command(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = auditor(capsys, flag)
    assert said.code == Exit.FINE
    listed = re.findall(r"^  (\w+)  +\S", said.out, re.MULTILINE)
    assert [name for name in listed if name in OPTIONS] == list(COMMANDS)
    assert set(COMMANDS) == set(OPTIONS)


@pytest.mark.parametrize("command", OPTIONS)
def test_help_of_a_command_mentions_what_it_takes(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = auditor(capsys, command, "--help")
    assert said.code == Exit.FINE
    assert said.err == ""
    for option in OPTIONS[command]:
        assert option.casefold() in said.out.casefold(), option
    assert max(map(len, said.out.splitlines())) <= 100


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert re.fullmatch(r"auditor, version \d+\.\d+\.\d+\S*\n", auditor(capsys, "--version").out)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["rnu"], 'there is no command "rnu", did you mean "run"?'),
        (["shwo", "1"], 'there is no command "shwo", did you mean "show"?'),
        (["xyzzy"], 'there is no command "xyzzy"'),
        (["run", "--exprot", "x"], "No such option '--exprot'. Did you mean '--export'?"),
        (["show"], "Missing argument 'KEY'"),
    ],
)
def test_what_is_mistyped_is_told(typed: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = auditor(capsys, *typed)
    assert said.code == Exit.SETTINGS
    assert words.casefold() in said.err.casefold()


def test_help_has_every_exit_code_and_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    said = " ".join(auditor(capsys, "--help").out.split())
    told = said.partition("Exit codes: ")[2].partition(". ")[0]
    assert [int(one.split()[0]) for one in told.split(", ")] == list(Exit)
    said = " ".join(auditor(capsys, "compare", "--help").out.split())
    for name in ("CSV", "Parquet", "Arrow", "JSON", "Excel"):
        assert name in said


# A small folder


@pytest.fixture
def folder(small: Made, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose newest audit is of today; the current folder."""
    copied = copy(small.audited, tmp_path / "work", sandbox)
    monkeypatch.chdir(copied)
    return copied


@pytest.fixture(scope="module")
def answers(sandbox: Sandbox) -> dict[str, Any]:
    """Key → what was planted in the columns of the small contract; a profile that differs elsewhere only agrees."""
    planted = {}
    for key, profile in sandbox.answers()["profiles"].items():
        cells = {column: cell for column, cell in profile["differences"].items() if column in COLUMNS}
        if cells or profile["status"] not in ("stale", "conflicting"):
            planted[key] = profile | {"differences": cells}
    return planted


def rows_of(path: Path, separator: str, key: str) -> dict[str, list[dict[str, str]]]:
    """Key → the rows of a file, read without the program under test."""
    with path.open(encoding="utf-8", newline="") as file:
        found: dict[str, list[dict[str, str]]] = {}
        for row in csv.DictReader(file, delimiter=separator):
            found.setdefault(row[key].strip(), []).append(row)
    return found


def newest_run(folder: Path) -> Path:
    return max(path for path in (folder / "runs").iterdir() if not path.name.startswith("."))


def test_run_prints_the_public_document(
    small: Made, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], answers: dict[str, Any],
) -> None:  # fmt: skip
    """One JSON document on stdout, nothing else; talk on stderr. The numbers are those that were planted."""
    folder = copy(small.agreed, tmp_path / "work", sandbox)
    monkeypatch.chdir(folder)
    said = auditor(capsys, "run", "--json", "--fail-on", "conflicting>0")
    document = json.loads(said.out)
    assert set(document) == SUMMARY
    assert document["format"] == 1
    assert set(document["rows"]) == ROWS
    assert set(document["profiles"]) == PROFILES
    assert set(document["differences"]) == {"total", "by_column", "by_reason"}
    assert set(document["violations"]) == {"platform", "truth", "by_rule", "by_severity"}
    assert set(document["seconds"]) == {"pull", "load", "match", "validate", "diff", "explain", "report"}
    assert document["run"] == newest_run(folder).name
    assert (folder / document["report"]).is_file()
    assert "comparing" in said.err

    planted = [profile["status"] for profile in answers.values()]
    assert {name: document["profiles"][name] for name in PROFILES - {"equal"}} == {
        name: planted.count(name) for name in PROFILES - {"equal"}
    }
    incomplete = bool(document["not_checked"])
    assert (document["verdict"] == "incomplete") is incomplete
    assert said.code == (Exit.INCOMPLETE if incomplete else Exit.FINDINGS)

    stored = json.loads((newest_run(folder) / "run.json").read_text("utf-8"))
    assert {name: stored[name] for name in SUMMARY} == document
    for name, schema in FRAMES.items():
        says = SAYS if name in ("differences", "permissions") else ()
        assert pl.read_parquet(newest_run(folder) / f"{name}.parquet").columns == [*schema.names(), *says]


def test_runs_tells_the_history_newest_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = sorted((path.name for path in (folder / "runs").iterdir()), reverse=True)
    said = auditor(capsys, "runs")
    assert said.code == Exit.FINE
    assert re.findall(r"\d{8}T\d{6}Z-[0-9a-f]{4}", said.out) == there
    document = json.loads(auditor(capsys, "runs", "--json").out)
    assert set(document) == {"format", "table", "runs"}
    assert [run["run"] for run in document["runs"]] == there
    assert all(set(run["profiles"]) == PROFILES for run in document["runs"])


def test_report_is_written_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At full privacy with values, as this demo is configured; in aggregate without any person's."""
    report = newest_run(folder) / "report.html"
    report.unlink()
    said = auditor(capsys, "report")
    assert said.code == Exit.FINE
    assert Path(said.out.strip()).resolve() == report.resolve()
    with_values = report.stat().st_size
    assert auditor(capsys, "report", newest_run(folder).name, "--privacy", "aggregate").code == Exit.FINE
    assert report.stat().st_size < with_values
    earlier = min(path.name for path in (folder / "runs").iterdir())
    assert earlier in auditor(capsys, "report", earlier[:14]).out


# One profile


def told(capsys: pytest.CaptureFixture[str], key: str) -> tuple[dict[str, Any], str]:
    """What `show` says of a key: the document, and the screen, which must not be wider than a terminal."""
    document = json.loads(auditor(capsys, "show", key, "--json").out)
    screen = auditor(capsys, "show", key)
    assert screen.code == Exit.FINE
    assert max(map(cell_len, screen.out.splitlines())) <= 80
    return document, screen.out


@pytest.mark.parametrize("status", sorted(PROFILES))
def test_show_tells_both_sides_as_their_files_spell_them(
    status: str, folder: Path, answers: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    platform = rows_of(max(folder.glob("exports/*.csv")), ";", "customerId")
    truth = rows_of(max(folder.glob("crm/*.csv")), ",", "contact_id")
    if status == "equal":
        key = min(key for key in platform.keys() & truth.keys() if key not in answers and key)
    else:
        key = min(key for key, profile in answers.items() if profile["status"] == status)
    document, screen = told(capsys, key)
    assert set(document) == {
        "format", "run", "table", "key", "profile_id", "status", "matched_by", "waiting", "gone", "pending", "erased",
        "rows", "violations", "permission_findings", "before_quarantine", "activities", "reachable_again_by",
        "same_person", "permission_history",
        "writes", "decisions", "pins", "warnings",
    }  # fmt: skip
    assert (document["format"], document["status"], document["run"]) == (1, status, newest_run(folder).name)
    assert len(document["rows"]) == max(len(platform.get(key, [])), len(truth.get(key, [])))
    for place, pair in enumerate(document["rows"]):
        assert [cell["column"] for cell in pair["cells"]] == list(COLUMNS)
        for cell in pair["cells"]:
            for side, rows, name in (("platform", platform, cell["column"]), ("truth", truth, cell["truth_column"])):
                expected = rows[key][place][name] if place < len(rows.get(key, [])) else ""
                assert (cell[side] or "") == expected
                if expected and len(expected) <= 20:
                    assert expected in screen
    differing = {
        cell["column"]: cell["difference"] for pair in document["rows"] for cell in pair["cells"] if cell["difference"]
    }
    planted = answers.get(key, {"differences": {}})["differences"]
    assert differing.keys() == planted.keys()
    for column, cell in differing.items():
        fields = ("status", "moved", "reason", "waiting", "blocked")
        assert {name: cell[name] for name in fields} == {name: planted[column][name] for name in fields}


def test_show_tells_the_value_last_agreed(
    folder: Path, answers: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Where only the truth moved, both had agreed on what Actito still says; where only Actito moved, on the truth."""
    for moved, side in (("truth", "platform"), ("platform", "truth")):
        key, value = next(
            (key, profile["differences"]["lastName"][side])
            for key, profile in sorted(answers.items())
            if profile["differences"].get("lastName", {}).get("moved") == moved
        )
        document, screen = told(capsys, key)
        [cell] = [cell for cell in document["rows"][0]["cells"] if cell["column"] == "lastName"]
        assert cell["agreed"] == value
        assert "last agreed: " in screen


@pytest.mark.parametrize(
    ("here", "there", "relation"),
    [
        ("0470 12 34 56", "0470 12 34 56", "same"),
        ("+32470123456", "0470 12 34 56", "same"),
        ("0470/12.34.56", "0470 12 34 56", "format"),
    ],
)
def test_show_tells_what_the_counts_of_a_run_call_spelt_differently(
    here: str, there: str, relation: str, folder: Path, answers: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither as the truth spells it itself, nor as it would be sent."""
    run = newest_run(folder)
    key = min(key for key in rows_of(max(folder.glob("crm/*.csv")), ",", "contact_id") if key and key not in answers)
    for file, own, column, text in (
        ("platform", "customerId", "gsmNumber", here),
        ("truth", "contact_id", "mobile", there),
    ):
        snapshot = pl.read_parquet(run / f"{file}.parquet")
        changed = pl.when(pl.col(own).str.strip_chars() == key).then(pl.lit(text)).otherwise(column).alias(column)
        snapshot.with_columns(changed).write_parquet(run / f"{file}.parquet")
    document, _ = told(capsys, key)
    assert document["status"] == "equal"
    [cell] = [cell for cell in document["rows"][0]["cells"] if cell["column"] == "gsmNumber"]
    assert (cell["platform"], cell["truth"], cell["relation"]) == (here, there, relation)


def test_show_tells_who_shares_the_cause(
    folder: Path, answers: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """A field that was damaged for many at once is no story of this one person."""
    reasons = {key: profile["differences"].get("lastName", {}).get("reason") for key, profile in answers.items()}
    keys = sorted(key for key, reason in reasons.items() if reason == "case")
    document, screen = told(capsys, keys[0])
    [cell] = [cell for cell in document["rows"][0]["cells"] if cell["column"] == "lastName"]
    shared = f"{len(keys)} profiles: lastName is in upper case in Actito, CRM writes it in mixed case"
    assert cell["difference"]["cause_sentence"].startswith(shared)
    assert f"one of {shared}" in " ".join(screen.split())


def test_show_finds_a_key_however_a_side_spells_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "  C000001 ")[0]["key"] == "C000001"


def test_show_tells_who_is_outside_the_population(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    crm = rows_of(max(folder.glob("crm/*.csv")), ",", "contact_id")
    key = next(key for key, rows in sorted(crm.items()) if key and rows[0]["status"] == "prospect")
    document, screen = told(capsys, key)
    assert document["status"] == "excluded"
    assert "outside the population" in screen
    assert {cell["relation"] for cell in document["rows"][0]["cells"]} == {"apart"}


def test_show_tells_the_permission_history(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    crm = rows_of(min(folder.glob("crm/*.csv")), ",", "contact_id")
    key = next(key for key, rows in sorted(crm.items()) if key and rows[0]["optin_news"] == "yes")
    document, screen = told(capsys, key)
    first = min(path.name for path in (folder / "runs").iterdir())
    [seen] = [
        entry
        for entry in document["permission_history"]
        if (entry["column"], entry["side"], entry["run"]) == (NEWS, "truth", first)
    ]
    assert (seen["value"], seen["source"]) == ("on", crm[key][0]["optin_news_from"] or None)
    assert re.search(rf"CRM [^(]*{NEWS}[^:;]*: may be contacted", " ".join(screen.split()))


def test_show_tells_a_long_permission_history_on_one_screen() -> None:
    """What a side said at one time is one entry, and of many entries the newest are shown."""
    columns = ("subscriptions#A", "subscriptions#B", "subscriptions#C")
    began = datetime(2026, 1, 1, 12, tzinfo=UTC)
    history = [
        {
            "run": f"run-{day}", "at": began + timedelta(days=day), "side": "platform", "column": column,
            "value": "off" if column == columns[day % 3] else "on", "moment": began, "source": None,
        }
        for day in range(40)
        for column in columns
    ]  # fmt: skip
    story = SimpleNamespace(history=pl.DataFrame(history), timezone=ZoneInfo("UTC"))
    entries = list(_section("permission history", _history(cast(Story, story), Words("Actito", "CRM")), 6))
    assert entries[:3] == ["", "permission history", "  … and 34 before (--all)"]
    assert " ".join(" ".join(entries[-3:]).split()) == (
        "2026-02-09 12:00 Actito subscriptions#A: may not be contacted; subscriptions#B, subscriptions#C: may be "
        "contacted (row last changed 2026-01-01 12:00)"
    )
    assert len(entries) <= 24, "lines of a screen"


@pytest.mark.parametrize("need", Need)
def test_show_says_how_a_value_would_be_sent_only_where_it_may_be(need: Need) -> None:
    """Not of what was withdrawn, taken back, or decided to be kept."""
    found = Difference(
        "stale", "truth", "case", waiting=False, pending=False, blocked=False, cause="c-1",
        cause_sentence="1 profile: it is so", need=need.value, why=None, damage=None, swapped_with=None,
    )  # fmt: skip
    cell = Cell("city", "town", "Gent", " Ghent", "Ghent", Relation.DIFFERS, None, found, None, None, None)
    pair = Rows(True, True, (cell,), None, None)
    story = cast(Story, SimpleNamespace(says=lambda *_: None))
    notes = list(_notes(cell, pair, Words("Actito", "CRM"), story))
    may_go = need in (Need.WRITTEN, Need.PERSON, Need.CREATED)
    assert [note for note in notes if "would be sent" in note] == (["would be sent as Ghent"] if may_go else [])


def test_show_tells_invalid_values(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    violation = pl.read_parquet(newest_run(folder) / "violations.parquet").row(0, named=True)
    document, screen = told(capsys, violation["key"].strip())
    fields = ("side", "column", "value", "rule")
    assert {name: violation[name] for name in fields} in [
        {name: entry[name] for name in fields} for entry in document["violations"]
    ]
    assert "invalid values" in screen


def test_show_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = footprint(folder)
    told(capsys, "C000001")
    assert footprint(folder) == before


# From a plan to outcomes and back


@pytest.fixture
def own_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A licence that a test may change."""
    with licence(tmp_path_factory) as running:
        yield running


@pytest.fixture
def own_folder(small: Made, own_sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copied = copy(small.audited, tmp_path / "own", own_sandbox)
    monkeypatch.chdir(copied)
    return copied


def proposed(said: Said) -> list[list[str]]:
    """The commands that `plan` tells its reader to type, one per plan."""
    return [shlex.split(line) for line in re.findall(r"to carry it out: auditor (apply .+)", said.err)]


def by_key(sandbox: Sandbox) -> dict[str, dict[str, str]]:
    """Every profile with a key, without its moment of change."""
    return {
        profile["customerId"]: {name: value for name, value in profile.items() if name != "updateMoment"}
        for profile in sandbox.profiles()
        if "customerId" in profile
    }


def test_a_plan_is_applied_shown_and_undone(
    own_folder: Path, own_sandbox: Sandbox, answers: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    before = by_key(own_sandbox)
    planned = auditor(capsys, "plan")
    assert planned.code == Exit.FINE
    assert by_key(own_sandbox) == before, "a plan sends nothing"
    corrections, creations = proposed(planned)
    run = newest_run(own_folder)
    linked = re.findall('<a href="([^"]+)">', (run / "plans.html").read_text("utf-8"))
    names = [f"plan-{one[1]}.{kind}" for one in (creations, corrections) for kind in ("html", "xlsx", "txt")]
    assert linked == names, "the newest first"
    assert all((run / name).stat().st_mode & 0o777 == 0o600 for name in linked)
    [continued] = proposed(auditor(capsys, "plan", "--continue", corrections[1]))
    assert continued[2:] == corrections[2:], "the same counts, and nobody is created"

    applied = auditor(capsys, *corrections, "--yes")
    assert applied.code == Exit.FINE, applied.out + applied.err
    assert "done and read back" in applied.out
    after = by_key(own_sandbox)
    corrected = {
        (key, column): cell["truth"]
        for key, profile in answers.items()
        for column, cell in profile["differences"].items()
        if cell["fate"] == "corrected"
    }
    assert corrected
    changed = {
        (key, column): after[key].get(column)
        for key in before
        for column in before[key].keys() | after[key].keys()
        if before[key].get(column) != after[key].get(column)
    }
    assert changed == corrected

    shutil.rmtree(own_folder / "sandbox")  # nobody needs a key to hear that nothing is left to do
    for finished in (corrections[:2], [*corrections, "--yes"]):
        again = auditor(capsys, *finished)
        assert again.code == Exit.FINE
        moment = r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"
        assert re.match(rf"nothing is left to do: all of this plan was done by {moment}\n$", again.err)
        assert again.out == applied.out
    assert by_key(own_sandbox) == after, "the second time writes nothing"
    shutil.copytree(own_sandbox.directory, own_folder / "sandbox")
    [outcomes] = own_folder.glob("runs/*/outcome-*.parquet")
    had = pl.read_parquet(outcomes)
    outcomes.unlink()
    assert auditor(capsys, *corrections).code == Exit.FINE
    assert pl.read_parquet(outcomes).drop("found").equals(had.drop("found")), "the ledger knows what became of it"

    (key, column), value = next((cell, value) for cell, value in sorted(corrected.items()) if cell[1] == "lastName")
    document, screen = told(capsys, key)
    [write] = document["writes"]
    assert (write["column"], write["after"], write["outcome"]) == (column, value, "landed")
    assert "written by the auditor" in screen
    assert corrections[1] in screen

    created = auditor(capsys, *creations, "--yes")
    assert created.code == Exit.FINE
    new = by_key(own_sandbox).keys() - before.keys()
    assert new == {key for key, profile in answers.items() if profile["fate"] == "created"}
    for key in new:
        assert by_key(own_sandbox)[key].get(NEWS, "false") == "false", "nobody is created with a permission"

    pending = auditor(capsys, "plan")
    assert proposed(pending) == [], "what was sent is not proposed again, though no export shows it yet"

    # From here on there is the ledger alone, as after a kill or on another machine.
    for path in own_folder.glob(f"runs/*/*-{corrections[1]}*"):
        path.unlink()
    permissions = (NEWS, "subscriptions#Events", "marketingConsent")
    withdrawn = {cell for cell in corrected if cell[1] in permissions}
    key, column = min(cell for cell in withdrawn if before[cell[0]].get(cell[1]) == "true")
    cell = f"{key}:{column}"
    nameless = auditor(capsys, "undo", corrections[1], "--wrong-opt-out", cell)
    assert (nameless.code, "--by NAME" in nameless.err) == (Exit.SETTINGS, True)
    wrong = auditor(capsys, "undo", corrections[1], "--wrong-opt-out", cell, "--by", "An", "--into", "elsewhere")
    assert wrong.code == Exit.FINE, wrong.err
    [give_back] = proposed(wrong)
    assert Path(give_back[1]).parent == Path("elsewhere")
    assert auditor(capsys, *give_back, "--yes").code == Exit.FINE
    [allowed] = own_sandbox.breaches()
    assert (allowed["breach"], allowed["times"]) == ("undecided_opt_in", 1), "the sandbox knows of no exception"
    withdrawn.remove((key, column))
    twice = auditor(capsys, "undo", corrections[1], "--wrong-opt-out", cell, "--by", "An")
    assert (twice.code, "another plan" in twice.err) == (Exit.REFUSED, True)

    runs = (own_folder / "runs").rename(own_folder / "on another machine")
    nowhere = auditor(capsys, "undo", corrections[1])
    assert (nowhere.code, "--into DIR" in nowhere.err) == (Exit.SETTINGS, True)
    back = auditor(capsys, "undo", corrections[1], "--into", "here")
    assert back.code == Exit.FINE
    assert "permissions that the plan withdrew" in back.out
    [undo] = proposed(back)
    assert auditor(capsys, *undo, "--yes").code == Exit.FINE
    runs.rename(own_folder / "runs")
    now = by_key(own_sandbox)
    for key, column in corrected:
        kept = corrected[key, column] if (key, column) in withdrawn else before[key].get(column)
        assert now[key].get(column) == kept, "no permission goes up again but the one that somebody gave back"

    nobody = auditor(capsys, "undo", creations[1])
    assert (proposed(nobody), "--delete-created deletes" in nobody.out) == ([], True)
    [deletions] = proposed(auditor(capsys, "undo", creations[1], "--delete-created"))
    assert auditor(capsys, *deletions, "--yes").code == Exit.FINE
    assert by_key(own_sandbox).keys() == before.keys()


def test_fix_corrects_the_named_profiles_alone(
    own_folder: Path, own_sandbox: Sandbox, answers: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """However the key is typed; a profile that agrees has nothing to be fixed."""
    before = by_key(own_sandbox)
    key, cell = next(
        (key, profile["differences"]["lastName"])
        for key, profile in sorted(answers.items())
        if profile["differences"].get("lastName", {}).get("fate") == "corrected"
    )
    wrong = auditor(capsys, "fix", f" {key}", "--yes", "--confirm", "update=1", "--confirm", "clear=1")
    assert (wrong.code, "clear=1, where it has 0" in wrong.err) == (Exit.REFUSED, True)
    assert by_key(own_sandbox) == before
    said = auditor(capsys, "fix", f" {key}", "--yes", "--confirm", "update=1")
    assert said.code == Exit.FINE
    assert by_key(own_sandbox) == before | {key: before[key] | {"lastName": cell["truth"]}}
    agrees = min(key for key in before if key not in answers)
    assert "nothing differs" in auditor(capsys, "fix", agrees, "--yes").err


def test_fix_stops_at_brakes_and_creates_nobody(
    own_folder: Path,
    own_sandbox: Sandbox,
    answers: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The writes are shown with both values; without a terminal a yes given beforehand releases nothing."""
    before = by_key(own_sandbox)
    with (own_folder / "auditor.toml").open("a", encoding="utf-8") as settings:
        settings.write("\n[fixes.brakes]\nupdate = 1\n")
    corrected = [
        (key, profile["differences"]["lastName"])
        for key, profile in sorted(answers.items())
        if profile["differences"].get("lastName", {}).get("fate") == "corrected"
    ]
    cells, missing = dict(corrected[:2]), [key for key in sorted(answers) if answers[key]["fate"] == "created"]
    assert (len(cells), len(missing)) == (2, 1)
    stopped = auditor(capsys, "fix", *cells, *missing, "--yes")
    assert stopped.code == Exit.REFUSED
    assert "--confirm update=2" in stopped.err
    assert "1 of these profiles is missing on Actito; a fix creates nobody, a plan does: auditor plan\n" in stopped.err
    for key, cell in cells.items():
        assert key in stopped.out
        assert cell["platform"] in stopped.out
        assert cell["truth"] in stopped.out
    assert by_key(own_sandbox) == before

    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("click.confirm", lambda *_, **__: pytest.fail("a brake is told before a question is asked"))
    [corrections, _] = proposed(auditor(capsys, "plan"))
    refused = auditor(capsys, *corrections[:2])
    assert (refused.code, "--confirm update=" in refused.err) == (Exit.REFUSED, True)
    monkeypatch.setattr("click.confirm", lambda *_, **__: False)
    assert "nothing was sent" in auditor(capsys, "fix", *cells).err
    assert by_key(own_sandbox) == before
    monkeypatch.setattr("click.confirm", lambda *_, **__: True)
    fixed = auditor(capsys, "fix", *cells, *missing)
    assert fixed.code == Exit.FINE, fixed.err
    assert by_key(own_sandbox).keys() == before.keys()
    assert all(by_key(own_sandbox)[key]["lastName"] == cell["truth"] for key, cell in cells.items())


@pytest.mark.parametrize(("named", "somebody", "released"), [(20, True, True), (21, True, False), (20, False, False)])
def test_few_profiles_are_counted_by_whoever_names_them(named: int, *, somebody: bool, released: bool) -> None:
    brake = Brake(Kind.CLEAR, 3, limit=0)
    found = Fix(named, Planned(a_plan(), Path("plan.json"), (brake,), {}), creations=0)
    assert found.confirmed({}, somebody=somebody) == ({Kind.CLEAR: 3} if released else {})
    assert found.confirmed({Kind.CLEAR: 2}, somebody=somebody) == {Kind.CLEAR: 2}, "a wrong count releases nothing"


def test_a_contract_that_changed_after_planning_is_noticed_before_the_first_write(
    own_folder: Path, own_sandbox: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And before anybody is asked: a yes that is refused has cost somebody a look."""
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("click.confirm", lambda *_, **__: pytest.fail("somebody was asked before it was noticed"))
    before = by_key(own_sandbox)
    [corrections, _] = proposed(auditor(capsys, "plan"))
    contract = own_folder / "expectations" / "Customers" / "contract.toml"
    was = contract.read_text("utf-8")
    column = re.compile(r"(?m)^\[columns\.lastName\]\n(?:.+\n)*")
    [section] = column.findall(was)
    for changed, words in (
        (was.replace(section, ""), 'the contract does not have "lastName" any more, which this plan writes'),
        (was.replace(section, f'{section}blank = "clear"\n'), "the contract changed since this plan was made"),
    ):
        contract.write_text(changed, "utf-8")
        for asked in (["--yes"], []):
            refused = auditor(capsys, *corrections, *asked)
            assert (refused.code, words in refused.err) == (Exit.REFUSED, True), refused.err
        assert by_key(own_sandbox) == before
    contract.write_text(f"{was}\n# nothing else\n", "utf-8")
    assert auditor(capsys, *corrections, "--yes").code == Exit.FINE
    assert by_key(own_sandbox) != before


def test_decisions_of_a_steward_are_kept_and_shown(
    folder: Path, answers: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    run = newest_run(folder)
    differences = pl.read_parquet(run / "differences.parquet").filter(pl.col("status") == "conflicting")
    cell = differences.row(0, named=True)
    line = {name: cell[name] for name in ("key", "column", "platform", "truth")} | {"choice": "ignore"}
    content = {"format": 1, "run": run.name, "table": "Customers", "by": "Ann Peeters", "decisions": [line]}
    (folder / "decisions.json").write_text(json.dumps(content), "utf-8")
    assert auditor(capsys, "plan", "--decisions", "decisions.json").code == Exit.FINE
    document, screen = told(capsys, cell["key"])
    [decision] = document["decisions"]
    assert (decision["column"], decision["choice"], decision["person"]) == (cell["column"], "ignore", "Ann Peeters")
    assert decision["standing"] == "valid"
    assert "Leave both as they are, by Ann Peeters" in " ".join(screen.split())
    assert "still valid" in " ".join(screen.split())
    content |= {"by": "Bob Maes", "decisions": [line | {"choice": "platform"}]}
    (folder / "decisions.json").write_text(json.dumps(content), "utf-8")
    assert auditor(capsys, "plan", "--decisions", "decisions.json").code == Exit.FINE
    _, screen = told(capsys, cell["key"])
    assert "overruled by Bob Maes" in " ".join(screen.split())


def test_plan_writes_corrective_files_for_somebody_else(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    braked = auditor(capsys, "plan", "--route", "bulk", "--files", "out")
    assert braked.code == Exit.REFUSED
    assert "this plan needs its counts confirmed" in braked.err
    assert not (folder / "out").exists(), "what somebody else imports is written as surely as what we send"
    counts = shlex.split(" ".join(re.findall(r"its files are written with: (.+)", braked.err)))
    said = auditor(capsys, "plan", "--route", "bulk", "--files", "out", *counts)
    assert said.code == Exit.FINE
    written = re.findall(r"^wrote (.+)$", said.err, re.MULTILINE)
    assert {Path(name).name for name in written} == {path.name for path in (folder / "out").iterdir()}
    tables = sorted((folder / "out").glob("*.csv"))
    assert tables
    screen = " ".join(said.out.split())
    assert "ahead of its file" not in screen
    for path in tables:
        header, *rows = path.read_text("utf-8").splitlines()
        assert re.search(rf"{path.stem} \({len(rows)} profiles?\)", screen)
        assert header.split(";")[0] == "customerId"
        assert rows


def test_files_that_nothing_is_written_to_are_not_made(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = auditor(capsys, "plan", "--files", "out/here")
    assert said.code == Exit.FINE
    assert "nothing is to be written by file: out/here was not touched\n" in said.err
    assert not (folder / "out").exists()


@pytest.mark.parametrize("typed", ["c000012", " C000012", "0C000012"])
def test_a_key_that_is_nearly_somebodys_is_told(typed: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = auditor(capsys, "show", typed)
    if said.code == Exit.SETTINGS:
        assert 'did you mean "C000012"?' in said.err
    else:
        assert "C000012" in said.out, "the rule of the key tells them not apart"


# Two files


def test_compare_prints_and_writes_what_run_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("id;name;points;own\n1;Ann;10;x\n2;Bob;20;x\n3;Cem;30;x\n", "utf-8")
    (tmp_path / "b.csv").write_text("id,name,points\n1,Ann,10\n2,bob,20\n4,Dré,40\n", "utf-8")
    said = auditor(capsys, "compare", "a.csv", "b.csv", "--key", "id", "--json", "--out", "out", "--html", "page.html")
    assert said.code == Exit.FINE
    assert "only in a.csv, not compared: own" in said.err
    document = json.loads(said.out)
    assert set(document) == {
        "format", "verdict", "rows", "profiles", "differences", "formats", "matched_by", "same_person", "not_checked",
        "causes", "columns_on_one_side", "notices", "suggestions",
    }  # fmt: skip
    [cause] = document["causes"]
    assert (cause["column"], cause["reason"], cause["profiles"], cause["common"]) == ("name", "case", 1, None)
    assert cause["examples"] == [{"key": "2", "platform": "Bob", "truth": "bob"}]
    assert document["profiles"] == {
        "equal": 1, "missing": 1, "orphan": 1, "stale": 0, "conflicting": 1, "duplicate": 0,
    }  # fmt: skip
    assert document["differences"] == {"total": 1, "by_column": {"name": 1}, "by_reason": {"case": 1}}
    for name, schema in FRAMES.items():
        assert pl.read_parquet(tmp_path / "out" / f"{name}.parquet").columns == schema.names()
    page = (tmp_path / "page.html").read_text("utf-8")
    assert page.lower().startswith("<!doctype html")
    assert "Only in a.csv, not compared: own." in page
    unknown = ("SHA-256", 'id="permissions"', 'id="invalid"', "Who is right", "Everything in scope was checked")
    assert [text for text in unknown if text in page] == [], "what no comparison looks at is not said to be fine"
    assert (tmp_path / "page.html").stat().st_mode & 0o777 == 0o600

    by_name = auditor(capsys, "compare", "a.csv", "b.csv", "--key", "id", "--rule", "name=name")
    assert by_name.code == Exit.FINE
    assert re.search(r"Agrees\s+2\b", by_name.out)


def test_a_summary_counts_what_the_whole_comparison_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same numbers, verdict and exit code, and nothing of what was not asked."""
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text("id,name,city,own\n1,Ann,Gent,x\n2,BEN,Namur,x\n3,Cis,Liège,x\n,Dan,Mons,x\n", "utf-8")
    Path("b.csv").write_text("id,name,city\n1,Ann,Gent\n2,Ben,Mons\n4,Eve,Arlon\n4,Eva,Arlon\n", "utf-8")
    asked = ("compare", "a.csv", "b.csv", "--key", "id", "--json", "--fail-on", "conflicting>0")
    whole = auditor(capsys, *asked)
    summary = auditor(capsys, *asked, "--summary")
    assert whole.code == summary.code == Exit.INCOMPLETE
    counted, all_of_it = json.loads(summary.out), json.loads(whole.out)
    assert counted["profiles"] == {
        "equal": 1, "missing": 0, "orphan": 1, "stale": 0, "conflicting": 1, "duplicate": 1
    }  # fmt: skip
    assert counted["differences"] == {"total": 2, "by_column": {"city": 1, "name": 1}}
    assert {name: all_of_it[name] for name in set(counted) - {"differences"}} == {
        name: of_one for name, of_one in counted.items() if name != "differences"
    }
    assert set(all_of_it) - set(counted) == {"same_person", "suggestions", "causes"}
    assert summary.err == whole.err
    shown = auditor(capsys, *asked[:5], "--summary").out.splitlines()
    assert {"  Needs a decision    1", "  city  1", "  name  1"} <= set(shown)
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", "b.csv"}


@pytest.mark.parametrize("option", [("--match",), ("--suggest",), ("--out", "out"), ("--html", "page.html")])
def test_a_summary_is_refused_what_needs_rows(
    option: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    said = auditor(capsys, "compare", "a.csv", "b.csv", "--key", "id", "--summary", *option)
    assert said.code == Exit.SETTINGS
    assert said.err.splitlines()[0] == f"error: --summary has numbers alone, and {option[0]} needs the rows"
    assert not list(tmp_path.iterdir())


def test_compare_says_how_many_rows_the_condition_leaves_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing compared, nothing found: that a condition is mistyped must not look like agreement."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(f"id,land\n1,BE\n2,NL\n{'3,BE' if name == 'b.csv' else ''}\n", "utf-8")
    said = auditor(capsys, "compare", "a.csv", "b.csv", "--key", "id", "--where", "land = 'be'")
    left_out = r"rows of File 1 outside the population +2\n +rows of File 2 outside the population +3\n"
    assert re.search(left_out, said.out)
    assert "outside" not in auditor(capsys, "compare", "a.csv", "b.csv", "--key", "id").out


def test_compare_says_how_it_read_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_bytes("id\tname\n1\tRenée\n".encode("windows-1252"))
    (tmp_path / "b.csv").write_text("sep=|\nid|name\n1|Renée\n", "utf-8")
    said = auditor(capsys, "compare", "a.csv", "b.csv", "--key", "id")
    assert "a.csv: read as windows-1252, separated by tabs\n" in said.err
    assert "b.csv: read as utf-8, separated by |\n" in said.err
    pl.DataFrame({"id": ["1"], "name": ["Renée"]}).write_parquet(tmp_path / "b.parquet")
    assert "b.parquet" not in auditor(capsys, "compare", "a.csv", "b.parquet", "--key", "id").err


def test_compare_shows_the_largest_causes_with_examples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two of each, whatever is in the values: a line stays a line of 80 columns, and nothing acts on the terminal."""
    monkeypatch.chdir(tmp_path)
    cities = ("Gent", "Namur", "Oostende", "Brugge")
    rows = [(f"C{n:03}", f"Name {n}", cities[n % 4], "") for n in range(400)]
    here = [(key, name.upper() if city == "Gent" else name, city, note) for key, name, city, note in rows]
    here[1] = ("C001", "Name 1", "Namur", "\x1b[31mred " + "long " * 60)
    for file, lines in (("a.csv", here), ("b.csv", rows)):
        text = "\n".join(";".join(line) for line in [("id", "name", "city", "note"), *lines])
        (tmp_path / file).write_text(text + "\n", "utf-8")
    said = auditor(capsys, "compare", "a.csv", "b.csv", "--key", "id")
    _, causes = said.out.split("largest causes\n")
    assert causes.splitlines()[:6] == [
        "  - 100 profiles: name is in upper case in File 1, File 2 writes it in mixed",
        "    case. All of them have city Gent, none of the others",
        "      C000: “NAME 0” → “Name 0”",
        "      C004: “NAME 4” → “Name 4”",
        "  - 1 profile: note is filled in File 1, empty in File 2",
        "      C001: “\ufffd[31mred long long long long …” → empty",
    ]
    assert max(map(len, said.out.splitlines())) <= 80


def test_an_error_keeps_to_the_width_of_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an operation that is gone says, and what to try. Whoever reads it in a file gets each in one line."""
    names = ", ".join(f"attribute{number}" for number in range(33))

    def gone(**_: object) -> None:
        raise SettingsError(f"there is no column here but {names}", hint=Discontinued("a profile", "V4").hint)

    monkeypatch.setattr("auditor.cli.group.main", gone)
    assert execute([]) == Exit.SETTINGS
    whole = capsys.readouterr().err
    assert len(whole.splitlines()) == 2
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    execute([])
    told = capsys.readouterr().err
    assert max(map(len, told.splitlines())) <= 80
    assert told.split() == whole.split()


def test_show_breaks_values_between_words_and_cuts_only_a_word_that_is_longer_than_a_line() -> None:
    street, address = "Rue Saint-Martin de La Charce", "a-very-long-mailbox-of-somebody@example.com"
    shown = list(_columns("!", "addressStreet", street, f"{address} or none"))
    assert all(len(line) <= 80 for line in shown)
    left, right = zip(*((line[28:53].split(), line[55:]) for line in shown), strict=True)
    assert [word for line in left for word in line] == street.split()
    assert "".join(right).replace(" ", "") == f"{address}ornone"
