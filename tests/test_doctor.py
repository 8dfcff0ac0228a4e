"""`auditor doctor`: each thing that can be wrong is found by its own check, and looking changes nothing."""

from __future__ import annotations

import csv
import fcntl
import json
import os
import re
import shutil
import sqlite3
import threading
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from auditor.actito import environments
from auditor.commands.doctor import CHECKS
from auditor.errors import Exit
from tests.driven_sandbox import Sandbox
from tests.small_folder import Made, auditor, copy, footprint

Break = Callable[[Path, pytest.MonkeyPatch], None]


@pytest.fixture
def folder(small: Made, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Audited a week ago, when both sides agreed; nothing came since."""
    place = copy(small.agreed, tmp_path / "work", sandbox)
    (place / "sandbox" / "api-key").chmod(0o600)
    settings = place / "auditor.toml"
    text = settings.read_text("utf-8")
    text = re.sub(r"calls_per_minute = \d+", "calls_per_minute = 60", text)
    text = re.sub(r"concurrency      = \d+", 'concurrency = 3\nwrite_api_key = "file:sandbox/api-key"', text)
    text = text.replace("[truth]", 'max_age = "30d"\n\n[truth]')
    settings.write_text(text, "utf-8")
    for side in ("exports", "crm"):
        max((place / side).iterdir()).unlink()
    monkeypatch.chdir(place)
    return place


def diagnosis(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, dict[str, dict[str, str]]]:
    said = auditor(capsys, "doctor", "--json", *options)
    return said.code, {item["check"]: item for item in json.loads(said.out)["checks"]}


def states(found: dict[str, dict[str, str]], *, besides: str = "ok") -> dict[str, str]:
    return {name: item["state"] for name, item in found.items() if item["state"] != besides}


def test_where_all_is_well_every_check_says_so_and_nothing_is_touched(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = footprint(folder)
    code, found = diagnosis(capsys)
    assert list(found) == list(CHECKS)
    assert len(found) >= 20
    assert states(found) == {"export rows": "warning"}, "people came since the export"
    assert code == Exit.FINE
    assert footprint(folder) == before

    said = auditor(capsys, "doctor")
    assert max(map(len, said.out.splitlines())) <= 80
    assert "32 checks: 31 fine, 1 to look at" in said.err
    assert (folder / "sandbox" / "api-key").read_text().strip() not in said.out + said.err
    assert "@" not in said.out


def test_before_the_first_run_it_makes_no_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(folder / "state")
    shutil.rmtree(folder / "runs")
    code, found = diagnosis(capsys)
    assert (code, states(found)) == (Exit.FINE, {"export rows": "warning"})
    assert not (folder / "state").exists()
    assert not (folder / "runs").exists()


def test_the_sides_are_called_as_the_settings_call_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (folder / "auditor.toml").open("a", encoding="utf-8") as settings:
        settings.write('\n[names]\nplatform = "Mailing"\ntruth = "SAP"\n')
    _, found = diagnosis(capsys)
    whose = {
        "truth": "SAP",
        "truth columns": "SAP",
        "truth keys": "SAP",
        "profiles": "Mailing",
        "export rows": "Mailing",
    }
    assert {name: called for name, called in whose.items() if called not in found[name]["reason"]} == {}
    said = " ".join(item["reason"] + (item["repair"] or "") for item in found.values())
    assert re.search(r"\bthe truth\b|\bCRM\b|Actito counts", said) is None


# One thing wrong at a time


def setting(pattern: str, new: str) -> Break:
    def change(folder: Path, _: pytest.MonkeyPatch) -> None:
        text, times = re.subn(pattern, new, (folder / "auditor.toml").read_text("utf-8"))
        assert times == 1
        (folder / "auditor.toml").write_text(text, "utf-8")

    return change


def contract(addition: str) -> Break:
    def change(folder: Path, _: pytest.MonkeyPatch) -> None:
        path = folder / "expectations" / "Customers" / "contract.toml"
        path.write_text(path.read_text("utf-8") + addition, "utf-8")

    return change


def newest(side: str, change: Callable[[list[str]], list[str]]) -> Break:
    def changed(folder: Path, _: pytest.MonkeyPatch) -> None:
        path = max((folder / side).iterdir())
        path.write_text("\n".join(change(path.read_text("utf-8").splitlines())) + "\n", "utf-8")

    return changed


def wrong_key(folder: Path, _: pytest.MonkeyPatch) -> None:
    (folder / "sandbox" / "api-key").write_text("no-such-key")


def no_export(folder: Path, _: pytest.MonkeyPatch) -> None:
    shutil.rmtree(folder / "exports")


def suite(folder: Path, _: pytest.MonkeyPatch) -> None:
    (folder / "expectations" / "Customers" / "suite.json").write_text("{")


def readable_key(folder: Path, _: pytest.MonkeyPatch) -> None:
    (folder / "sandbox" / "api-key").chmod(0o644)


def changed_ledger(folder: Path, _: pytest.MonkeyPatch) -> None:
    with sqlite3.connect(folder / "state" / "ledger.sqlite") as ledger:
        for (trigger,) in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            ledger.execute(f"DROP TRIGGER {trigger}")
        ledger.execute("UPDATE runs SET finished = started")
    ledger.close()


def ledger_from_a_copy(folder: Path, _: pytest.MonkeyPatch) -> None:
    (folder / "state" / "ledger-head.json").write_text(json.dumps({"entry": 9999, "link": "0" * 64}), "utf-8")


def long_ago(folder: Path, _: pytest.MonkeyPatch) -> None:
    for run in sorted((folder / "runs").iterdir()):
        run.rename(run.with_name(f"20200101T000000Z-{run.name[-4:]}"))


def full_disk(_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")  # as shutil has it
    monkeypatch.setattr("auditor.commands.doctor.machine.shutil", SimpleNamespace(disk_usage=lambda _: usage(10, 9, 1)))


def seen_more(folder: Path, _: pytest.MonkeyPatch) -> None:
    path = max((folder / "runs").glob("*/structure.json"))
    content = json.loads(path.read_text())
    content["subscriptions"].append("Fax")
    path.write_text(json.dumps(content))


def newer_package(_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "auditor.commands.doctor.machine.version", lambda name: "2.0.1" if name == "duckdb" else metadata.version(name)
    )


NEEDS_KEY = dict.fromkeys(
    ("entity", "table", "profiles", "operations", "write operations", "clock", "contract", "structure",
     "file locations"), "not checked"
)  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "expected", "words"),
    [
        (wrong_key,
         {"key": "trouble", "host": "not checked", "write key": "trouble", **NEEDS_KEY,
          "synchronisations": "not checked", "export rows": "not checked"},
         {"key": "does not accept the API key", "host": "none of Actito's hosts"}),
        (setting('api_key = "file:sandbox/api-key"\n#', 'api_key = "env:NO_SUCH_KEY"\n#'),
         {"key": "trouble", "host": "trouble", **NEEDS_KEY, "synchronisations": "not checked",
          "export rows": "not checked"},
         {"key": "NO_SUCH_KEY"}),
        (setting("write_api_key.*\n", "\n"), {"write key": "warning"}, {"write key": "no key of its own"}),
        (setting('entity = "acme"', 'entity = "acmee"'), None, {"entity": 'but "acme"'}),
        (setting("concurrency = 3", "concurrency = 5"), {"limits": "warning"}, {"limits": "5 at once"}),
        (contract('\n[columns.shoeSize]\ntruth = "contact_id"\n'),
         {"contract": "trouble", "synchronisations": "warning", "export columns": "trouble",
          "export rows": "not checked", "export keys": "not checked"},
         {"contract": "shoeSize", "export columns": "shoeSize", "synchronisations": "shoeSize"}),
        (contract("\n["),
         {"time zones": "not checked", "contract": "trouble", "structure": "not checked",
          "synchronisations": "not checked", "disk": "not checked",
          **dict.fromkeys(("export", "truth", "export columns", "truth columns", "export rows", "export keys",
                           "truth keys"), "not checked")},
         {"contract": "contract.toml"}),
        (seen_more, {"structure": "warning"}, {"structure": 'The subscription "Fax" is gone'}),
        (suite, {"suite": "trouble"}, {"suite": "suite.json"}),
        (no_export,
         {"export": "trouble", "disk": "not checked",
          **dict.fromkeys(("export columns", "export rows", "export keys"), "not checked")},
         {"export": "exports/"}),
        (newest("exports", lambda lines: [lines[0].replace("lastName", "surname"), *lines[1:]]),
         {"export columns": "trouble", "export rows": "not checked", "export keys": "not checked"},
         {"export columns": "lastName"}),
        (newest("crm", lambda lines: [lines[0].replace("contact_id", "number"), *lines[1:]]),
         {"truth columns": "trouble", "truth keys": "not checked"}, {"truth columns": "contact_id"}),
        (newest("crm", lambda lines: [*lines, lines[1], lines[2], lines[2]]),
         {"truth keys": "warning"}, {"truth keys": "2 keys on several rows"}),
        (newest("exports", lambda lines: [*lines, lines[1]]),
         {"export keys": "warning"}, {"export keys": "1 key on several rows"}),
        (newest("crm", lambda lines: [*lines, lines[1] + ",more"]),
         {"truth": "warning"}, {"truth": "1 row cannot be read"}),
        (readable_key, {"permissions": "warning"}, {"permissions": "sandbox/api-key"}),
        (changed_ledger, {"ledger": "trouble"}, {"ledger": "entry 1 does not hold the rows it was written with"}),
        (ledger_from_a_copy, {"ledger": "trouble"}, {"ledger": "ledger-head.json notes its entry 9,999"}),
        (long_ago, {"schedule": "warning"}, {"schedule": "days ago"}),
        (newer_package, {"versions": "trouble"}, {"versions": "duckdb 2.0.1 is installed, and <2,>=1.5 is needed"}),
        (full_disk, {"disk": "trouble"}, {"disk": "a run needs about"}),
        (setting(r"\[platform\]", '[engine]\nmemory_limit = "900TB"\n[platform]'),
         {"memory": "warning"}, {"memory": "900TB"}),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found_where_it_is(
    wrong: Break,
    expected: dict[str, str] | None,
    words: dict[str, str],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And by no other check, but for those that need it."""
    wrong(folder, monkeypatch)
    code, found = diagnosis(capsys)
    if expected is not None:
        others = {name: state for name, state in states(found).items() if (name, state) != ("export rows", "warning")}
        assert others == expected
    for name, part in words.items():
        assert part in found[name]["reason"], found[name]
    seen = set(states(found).values())
    assert code == (Exit.SETTINGS if "trouble" in seen else Exit.INCOMPLETE if "not checked" in seen else Exit.FINE)
    for item in found.values():
        assert item["reason"]
        assert item["repair"] or item["state"] != "warning"


def test_rows_of_the_export_that_cannot_be_read_count_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = max((folder / "exports").iterdir())
    with path.open(encoding="utf-8", newline="") as file:
        there = len(list(csv.reader(file, delimiter=";"))) - 1
    spoil = newest("exports", lambda lines: [lines[0], *(line + ";more" for line in lines[1:6]), *lines[6:]])
    spoil(folder, monkeypatch)
    _, found = diagnosis(capsys)
    assert found["export rows"]["reason"].startswith(f"the export has {there} rows, Actito counts")
    assert "5 rows cannot be read" in found["export"]["reason"]


def test_what_a_file_of_activities_says_in_no_known_word_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the file is called: a run would not take it for an opt-out either."""
    (folder / "exports" / "news").mkdir()
    rows = "profileId;activity;moment\n1;Unsubscribe failed;2026-11-20\n2;Resubscribed;2026-11-20\n"
    (folder / "exports" / "news" / "unsubscribes.csv").write_text(rows, "utf-8")
    with (folder / "auditor.toml").open("a", encoding="utf-8") as settings:
        settings.write('\n[exports]\nactivities = ["exports/news/*.csv", "exports/news/complaint_*.csv"]\n')
    _, found = diagnosis(capsys)
    assert found["activities"]["state"] == "warning"
    assert "nothing matches exports/news/complaint_*.csv" in found["activities"]["reason"]
    assert "what happened is not understood: [exports] values can say it" in found["activities"]["reason"]


def test_a_call_to_actito_makes_no_folder_of_state(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is noted of calls lies elsewhere: a run makes the folder, for its owner alone."""
    shutil.rmtree(folder / "state")
    shutil.rmtree(folder / "runs")
    assert auditor(capsys, "structure", "show").code == Exit.FINE
    assert not (folder / "state").exists()
    _, found = diagnosis(capsys)
    assert found["permissions"]["state"] == "ok"


def test_while_another_auditor_works_its_ledger_is_left_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    descriptor = os.open(folder / "state" / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        code, found = diagnosis(capsys)
    finally:
        os.close(descriptor)
    assert states(found) == {
        "export rows": "warning", "other runs": "warning", "ledger": "not checked", "quota": "not checked",
    }  # fmt: skip
    assert code == Exit.INCOMPLETE


# Which environment a key belongs to


@contextmanager
def host(accepted: str | None) -> Iterator[str]:
    """A host that gives a token for one key, and to others says what Actito says; its url."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            good = self.headers.get("Authorization") == accepted
            self.send_response(200 if good else 401)
            self.end_headers()
            if good:
                self.wfile.write(b'{"accessToken": "t"}')

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_the_environments_are_those_of_the_manual() -> None:
    hosts = {url.removeprefix("https://") for url in environments.ENVIRONMENTS.values()}
    assert hosts == {"api.actito.com", "api1.actito.com", "api3.actito.com", "api-pre1.actito.com"}
    assert environments.environment_of("https://api3.actito.com/") == "production, environment 3"
    assert environments.environment_of("https://api3.actito.com.example.org") is None


@pytest.mark.parametrize(
    ("accepting", "state", "words", "repair"),
    [
        ("sandbox", "trouble", "belongs to second, and the url is that of first", 'set url = "'),
        ("none", "trouble", "no environment of Actito accepts the key", "Manage API users"),
        ("silent", "not checked", "second could not be asked", ""),
    ],
)
def test_a_key_of_another_environment_is_told_where_it_belongs(
    accepting: str,
    state: str,
    words: str,
    repair: str,
    folder: Path,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with ExitStack() as stack:
        first, other = stack.enter_context(host(None)), stack.enter_context(host("another-key"))
        second = {"sandbox": sandbox.url, "none": other, "silent": "http://127.0.0.1:9"}[accepting]
        monkeypatch.setattr(environments, "ENVIRONMENTS", {"first": first, "second": second})
        monkeypatch.setattr("auditor.commands.doctor.platform.ENVIRONMENTS", {"first": first, "second": second})
        setting(f'"{re.escape(sandbox.url)}"', f'"{first}"')(folder, monkeypatch)
        _, alone = diagnosis(capsys)
        code, found = diagnosis(capsys, "--find-host")
    assert (alone["host"]["state"], alone["host"]["repair"]) == ("not checked", "auditor doctor --find-host")
    assert (found["host"]["state"], found["key"]["state"]) == (state, "trouble")
    assert words in found["host"]["reason"]
    assert repair in found["host"]["repair"]
    assert code == Exit.SETTINGS


def test_a_key_that_fits_is_told_its_environment(
    folder: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environments, "ENVIRONMENTS", {"first": sandbox.url})
    _, found = diagnosis(capsys)
    assert found["host"] == {
        "check": "host", "state": "ok", "reason": f"the key belongs to first ({sandbox.url})", "repair": "",
    }  # fmt: skip


# What the licence answers


def test_each_operation_is_told_with_the_generation_that_answers_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And V4 is asked for nothing that V5 answers: the sandbox would call that a breach."""
    _, found = diagnosis(capsys)
    assert found["operations"]["reason"] == (
        "V5 answers one profile by its profileId, one profile by a unique attribute, the number of profiles, a page of "
        "profiles, stored import definitions; V4 answers scenarios"
    )
    assert found["write operations"]["reason"] == (
        "V5 answers the change of a profile, the creation of a profile, the deletion of a profile, an import, "
        "the state of an import, the refused rows of an import, a change of the structure, a new profile table"
    )


@pytest.mark.breaches("switched_off")
@pytest.mark.parametrize("off", ["404", "410", "error"])
def test_what_would_fail_is_told_where_a_generation_is_switched_off(
    off: str, folder: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    setting('api_key = "file:sandbox/api-key"\n#', 'dialect = "v4"\napi_key = "file:sandbox/api-key"\n#')(
        folder, monkeypatch
    )
    sandbox.forms(None, v4_profiles=off)
    before = sandbox.profiles()
    code, found = diagnosis(capsys)
    assert sandbox.profiles() == before
    for name, lost in (("operations", "one profile by its profileId"), ("write operations", "the change of a profile")):
        assert found[name]["state"] == "trouble"
        assert f"V4 does not answer {lost}" in found[name]["reason"]
        assert "V5 answers what is needed" in found[name]["reason"]
        assert found[name]["repair"] == 'set dialect = "v5" below [actito]'
    assert "cannot compare before a write" in found["operations"]["reason"]
    assert code == Exit.SETTINGS


def test_an_announced_end_is_told_while_it_still_works(
    folder: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    setting('api_key = "file:sandbox/api-key"\n#', 'dialect = "v4"\napi_key = "file:sandbox/api-key"\n#')(
        folder, monkeypatch
    )
    sandbox.forms(None, with_v4=True)
    try:
        code, found = diagnosis(capsys)
    finally:
        sandbox.forms(None, with_v4=False)
    assert "the change of a profile" in found["write operations"]["reason"]
    for name in ("operations", "write operations"):
        assert found[name]["state"] == "warning"
        assert "in V4 on 2099-03-31" in found[name]["reason"]
        assert found[name]["repair"] == 'V5 answers them: set dialect = "v5" below [actito]'
    assert code == Exit.FINE


@pytest.mark.parametrize("answer", ["404", "405"])
def test_what_only_a_write_would_show_is_not_checked(
    answer: str, folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox.forms(None, options=answer)
    try:
        code, found = diagnosis(capsys)
    finally:
        sandbox.forms(None)
    assert (found["operations"]["state"], found["write operations"]["state"]) == ("ok", "not checked")
    assert "it is not told without doing it" in found["write operations"]["reason"]
    assert code == Exit.INCOMPLETE


@pytest.mark.parametrize("answer", ["flag", "word", "refused"])
@pytest.mark.parametrize("listed", ["listed", "bare", "names"])
def test_a_place_of_files_that_actito_does_not_reach_is_named(
    answer: str, listed: str, folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox.forms(None, location_test=answer, locations=listed)
    sandbox.unreachable(["2"])
    try:
        code, found = diagnosis(capsys)
    finally:
        sandbox.unreachable([])
        sandbox.forms(None)
    assert found["file locations"]["state"] == "trouble"
    assert "Actito does not reach exports-sftp:" in found["file locations"]["reason"]
    assert code == Exit.SETTINGS


def test_both_figures_of_imports_a_day_are_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, found = diagnosis(capsys)
    assert "12 a day for this table (bulk_calls_per_day): Actito allows 24" in found["quota"]["reason"]
    setting("concurrency = 3", "concurrency = 3\nbulk_calls_per_day = 24")(folder, monkeypatch)
    _, found = diagnosis(capsys)
    assert found["quota"]["reason"].endswith("the licence is taken to have 24 a day for this table")
