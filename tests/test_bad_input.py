"""Whatever is wrong with what a user gives: one clear sentence, the right exit code, and nothing half-written."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from auditor.cli.fail_on import exceeded, parse_fail_on
from auditor.commands import run as pipeline
from auditor.errors import Exit, SettingsError, TryLater
from auditor.model import Status
from auditor.settings.config import read_settings
from auditor.settings.contract_file import read_contract
from auditor.writes import read_sealed
from tests import given_time
from tests.driven_sandbox import Sandbox
from tests.small_folder import Made, Said, auditor, copy, footprint

pytestmark = pytest.mark.usefixtures("no_pauses")


@pytest.fixture
def folder(small: Made, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose inputs of today wait to be audited; the current folder."""
    copied = copy(small.agreed, tmp_path / "work", sandbox)
    monkeypatch.chdir(copied)
    return copied


@pytest.fixture
def audited(small: Made, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose newest audit found differences; the current folder."""
    copied = copy(small.audited, tmp_path / "work", sandbox)
    monkeypatch.chdir(copied)
    return copied


Refused = Callable[..., Said]


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refused:
    """Runs a command that must end with the code, say the words, and leave runs/ and state/ as they were."""

    def command(code: Exit, *words: str, command: tuple[str, ...] = ("run", "--quiet")) -> Said:
        before = footprint(Path.cwd())
        said = auditor(capsys, *command)
        assert said.code == code, said.err
        told = re.search(r"^\S", said.err, re.MULTILINE)  # notes before it are indented
        assert told, said.err
        assert re.match(r"(error|Usage): ", said.err[told.start() :]), "the first word says that it is an error"
        for word in words:
            assert word in said.err
        assert said.out == ""
        assert footprint(Path.cwd()) == before
        return said

    return command


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text, "the test would change nothing"
    path.write_text(text.replace(old, new, 1), "utf-8")


def newest(folder: Path, pattern: str) -> Path:
    return max(folder.glob(pattern))


def export(folder: Path) -> Path:
    return newest(folder, "exports/*.csv")


def contract(folder: Path) -> Path:
    return folder / "expectations" / "Customers" / "contract.toml"


# Settings


def test_no_settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused) -> None:
    monkeypatch.chdir(tmp_path)
    refused(Exit.SETTINGS, "there is no settings file auditor.toml", "auditor demo")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [("runs",), ("report",), ("plan",), ("apply", "x"), ("show", "x"), ("undo", "x")])
def test_no_settings_file_for_the_other_commands(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(Exit.SETTINGS, "there is no settings file auditor.toml", command=command)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("calls_per_minute", "calls_per_minut", ["actito.calls_per_minut", 'did you mean "calls_per_minute"?']),
        ("[platform]", "[plattform]", ["unknown setting plattform", 'did you mean "platform"?', "platform is missing"]),
        ("[report]", "[fixes.brakes]\nupdat = 3\n[report]", ["fixes.brakes.updat", 'did you mean "update"?']),
        ("entity = ", "entity = [", ["auditor.toml is not valid TOML", "line 4"]),
        ('privacy = "full"', 'privacy = "masket"', ["report.privacy", "'masked', 'aggregate' or 'full'"]),
        ("concurrency      = 8", "concurrency = 0", ["actito.concurrency", "greater than or equal to 1"]),
        ('export = "exports', 'max_age = "1 week"\nexport = "exports', ["platform.max_age", '"36h"']),
        ('export = "exports', 'max_age = "999999999999d"\nexport = "exports', ["platform.max_age", "36500d at most"]),
        ("http://127", "http://actito.example.com/127", ["actito.url", "https://"]),
        (
            "[report]",
            '[engine]\nname = "spark"\nremote = "sc://host"\n[report]',
            ["engine", "audits run on DuckDB so far"],
        ),
    ],
)
def test_settings_that_are_wrong(old: str, new: str, words: list[str], folder: Path, refused: Refused) -> None:
    change(folder / "auditor.toml", old, new)
    refused(Exit.SETTINGS, "auditor.toml", *words)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("platform = 5", "platform: a table is expected"),
        ("truth = [1]", "truth: a table is expected"),
        ("[fixes]\nbrakes = 1", "fixes.brakes: a table is expected"),
        ('[state]\nretain = "x"', "state.retain: a table is expected"),
        ("[actito]\nurl = 1", "actito.url: input should be a valid string"),
    ],
)
def test_a_setting_of_another_shape(text: str, said: str, tmp_path: Path) -> None:
    """What is expected is told in the words of the file, not by the names of classes."""
    (tmp_path / "auditor.toml").write_text(text)
    with pytest.raises(SettingsError) as raised:
        read_settings(tmp_path / "auditor.toml")
    assert f"- {said}\n" in f"{raised.value}\n"
    assert "instance of" not in str(raised.value)


def test_a_key_of_another_shape(tmp_path: Path) -> None:
    (tmp_path / "contract.toml").write_text("key = 5\n[columns]\nid = 3\n")
    with pytest.raises(SettingsError) as raised:
        read_contract(tmp_path / "contract.toml", None)
    assert str(raised.value).splitlines()[1:] == [
        "  - key: input should be a valid list",
        "  - columns.id: a table is expected",
    ]


def test_every_problem_of_the_settings_is_told_at_once(folder: Path, refused: Refused) -> None:
    change(folder / "auditor.toml", "calls_per_minute", "calls_per_minut")
    change(folder / "auditor.toml", "[truth]", "[trooth]")
    refused(Exit.SETTINGS, "auditor.toml has 3 problems", "actito.calls_per_minut", "trooth", "truth is missing")


@pytest.mark.parametrize("secret", ["s3cr3t-k3y-0123456789", "env:", "vault:s3cr3t-k3y-0123456789", ""])
def test_a_key_in_the_settings_is_refused_and_not_repeated(secret: str, folder: Path, refused: Refused) -> None:
    change(folder / "auditor.toml", "file:sandbox/api-key", secret)
    said = refused(Exit.SETTINGS, "actito.api_key", "a secret must not stand in this file", "env:NAME")
    assert "s3cr3t" not in said.err


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_or_empty_variable_of_a_secret(
    value: str | None, folder: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACTITO_TEST_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("ACTITO_TEST_KEY", value)
    change(folder / "auditor.toml", "file:sandbox/api-key", "env:ACTITO_TEST_KEY")
    refused(Exit.SETTINGS, "env:ACTITO_TEST_KEY is not there or is empty", "export ACTITO_TEST_KEY=")


def test_a_missing_secret_file(folder: Path, refused: Refused) -> None:
    (folder / "sandbox" / "api-key").unlink()
    refused(Exit.SETTINGS, "file:sandbox/api-key is not there or is empty", "write the secret into")


def test_a_key_that_actito_refuses_is_not_repeated(
    folder: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTITO_TEST_KEY", "no-such-key-1234")
    change(folder / "auditor.toml", "file:sandbox/api-key", "env:ACTITO_TEST_KEY")
    said = refused(Exit.SETTINGS, "key")
    assert "no-such-key" not in said.err


def test_another_table_and_another_entity(folder: Path, refused: Refused) -> None:
    change(folder / "auditor.toml", '"Customers"', '"Custommers"')
    refused(Exit.SETTINGS, "Custommers", "Customers")
    change(folder / "auditor.toml", '"Custommers"', '"Customers"')
    change(folder / "auditor.toml", '"acme"', '"acne"')
    refused(Exit.SETTINGS, "acne")


def test_actito_is_down(folder: Path, sandbox: Sandbox, refused: Refused) -> None:
    """Nobody listens on the discard port."""
    change(folder / "auditor.toml", sandbox.url, "http://127.0.0.1:9")
    refused(Exit.TRY_LATER, "Actito is not available (no connection to 127.0.0.1:9)", "try later")


# The contract and the suite


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[columns.nickname]", "[columns.nicknam]", ["columns.nicknam", 'did you mean "nickname"?']),
        ("subscriptions#Events", "subscriptions#Event", ["no such column", 'did you mean "subscriptions#Events"?']),
        ('compare = "phone:BE"', 'compare = "fone:BE"', ["columns.gsmNumber.compare", "fone", 'did you mean "phone"?']),
        ('compare = "name"', 'compair = "name"', ["columns.addressStreet.compair", 'did you mean "compare"?']),
        ('"Europe/Brussels"', '"Europe/Brussel"', ["timezone", 'did you mean "Europe/Brussels"?']),
        ('key      = ["customerId"]', 'key = ["customerID"]', ["customerID", 'did you mean "customerId"?']),
        ('key      = ["customerId"]', 'key = ["lastName"]', ['"lastName" is not a unique attribute']),
        ('master = "platform"', 'master = "actito"', ["columns.nickname.master", "'truth', 'platform' or 'both'"]),
        ('grace = "24h"', 'grace = "a day"', ["sync.grace", '"36h"']),
        ("[columns.note]", "[columns.note", ["not valid TOML"]),
    ],
)
def test_contracts_that_are_wrong(old: str, new: str, words: list[str], folder: Path, refused: Refused) -> None:
    change(contract(folder), old, new)
    refused(Exit.SETTINGS, "contract.toml", *words)


def test_no_contract(folder: Path, refused: Refused) -> None:
    contract(folder).unlink()
    refused(Exit.SETTINGS, "there is no contract", "contract.toml")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("status <> 'prospect'", "status <>", ["population.truth", "status <>"]),
        ("status <> 'prospect'", "statut <> 'prospect'", ["population.truth", "statut"]),
        ("status <> 'prospect'", "1; drop table x", ["population.truth"]),
        ("customerId is not null", "customerId + 1 > 3", ["population.platform"]),
        ("customerId is not null", "customerId", ["population.platform"]),
        ("customerId is not null", "1", ["population.platform"]),
        ("customerId is not null", "exists (from 'other.csv')", ["population.platform"]),
    ],
)
def test_a_population_that_makes_no_sense(old: str, new: str, words: list[str], folder: Path, refused: Refused) -> None:
    change(contract(folder), old, new)
    refused(Exit.SETTINGS, *words)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"name": "x", "expectations": [}', ["not valid JSON", "line 1"]),
        ('{"name": "x"}', ["expectations"]),
        ("[]", ["suite.json"]),
    ],
)
def test_a_suite_that_cannot_be_read(content: str, words: list[str], folder: Path, refused: Refused) -> None:
    path = folder / "expectations" / "Customers" / "suite.json"
    path.write_text(content, "utf-8")
    refused(Exit.SETTINGS, "suite.json", *words)
    assert path.read_text("utf-8") == content, "a steward's file is never overwritten"


# The two inputs


def test_the_export_is_not_there(folder: Path, refused: Refused) -> None:
    for path in folder.glob("exports/*.csv"):
        path.unlink()
    refused(Exit.TRY_LATER, "nothing matches exports/Customers_*.csv", "it is empty")
    by_hand = ("run", "--quiet", "--export")
    refused(Exit.SETTINGS, "nothing matches /nowhere/x.csv", "check the name", command=(*by_hand, "/nowhere/x.csv"))
    refused(Exit.TRY_LATER, "nothing matches exports/*.csv", command=(*by_hand, "exports/*.csv"))


def test_the_export_is_empty(folder: Path, refused: Refused) -> None:
    export(folder).write_bytes(b"")
    refused(Exit.INCOMPLETE, export(folder).name, "is empty", "export it again")


def test_the_export_ends_in_the_middle_of_a_row(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = export(folder).read_bytes()
    export(folder).write_bytes(content[: content.rindex(b";") - 40])
    """What is whole is audited, and nothing planned on it."""
    said = auditor(capsys, "run", "--quiet", "--json")
    assert said.code == Exit.INCOMPLETE
    assert "cut_off" in {one["code"] for one in json.loads(said.out)["not_checked"]}
    planned = auditor(capsys, "plan")
    assert planned.code == Exit.INCOMPLETE
    assert "is cut off in line" in planned.out + planned.err


def test_the_export_is_too_old(folder: Path, refused: Refused) -> None:
    """Its name tells its moment, whatever the file time says."""
    old = given_time.now() - timedelta(hours=40)
    for path in folder.glob("exports/*.csv"):
        path.rename(path.with_name(f"Customers_{old:%Y%m%dT%H%M%S}.csv"))
    refused(Exit.TRY_LATER, f"Customers_{old:%Y%m%dT%H%M%S}.csv", "the limit is 36.0 hours", "max_age")


def test_the_export_is_in_another_encoding(folder: Path, refused: Refused) -> None:
    text = export(folder).read_text("utf-8")
    export(folder).write_bytes(text.encode("cp1252", "replace"))
    refused(Exit.INCOMPLETE, export(folder).name, "is not UTF-8: line ", "export it as UTF-8")


def test_the_rows_that_may_be_unreadable_are_settable(
    folder: Path, refused: Refused, capsys: pytest.CaptureFixture[str]
) -> None:
    with export(folder).open("a") as file:
        file.write("one;row;too short\n" * 11)
        file.write(export(folder).read_text("utf-8").splitlines(keepends=True)[-12])
    refused(Exit.INCOMPLETE, "11 of ", "which is too many", "line ", "3 cells where the header has")
    change(folder / "auditor.toml", "[platform]", '[platform]\nrejected = ["50%"]')
    said = auditor(capsys, "run", "--quiet")
    assert said.code == Exit.INCOMPLETE
    assert "11 rows of" in " ".join(said.out.split())


def test_a_byte_order_mark_belongs_to_no_column(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Actito writes none; a person's editor may. The first column is the key's anchor: it must not be misread."""
    plain = export(folder).read_text("utf-8")
    assert plain.startswith("profileId;")
    export(folder).write_bytes(plain.encode("utf-8-sig"))
    said = auditor(capsys, "run")
    assert said.code in (Exit.FINE, Exit.INCOMPLETE)
    assert "Actito: the file begins with a byte order mark, which was passed over" in " ".join(said.err.split())
    first = json.loads(auditor(capsys, "show", "C000001", "--json").out)
    assert first["profile_id"] == "1"


def test_the_export_has_no_key(folder: Path, refused: Refused) -> None:
    change(export(folder), "customerId", "customerNumber")
    refused(Exit.SETTINGS, export(folder).name, 'has no column "customerId"', "customerNumber", "it has: profileId")


def test_the_export_has_a_column_twice(folder: Path, refused: Refused) -> None:
    change(export(folder), "firstName", "lastName")
    refused(Exit.SETTINGS, export(folder).name, 'the column "lastName" twice')


def test_the_truth_lacks_a_column(folder: Path, refused: Refused) -> None:
    path = newest(folder, "crm/*.csv")
    change(path, "mobile", "mobil")
    refused(Exit.SETTINGS, path.name, 'has no column "mobile", did you mean "mobil"?')


def test_an_export_below_actitos_own_count_is_audited_and_never_planned(
    folder: Path, capsys: pytest.CaptureFixture[str], refused: Refused
) -> None:
    """Cut at the end of a line it looks like a whole file: only Actito's own count tells."""
    with export(folder).open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter=";"))
    text = export(folder).read_text("utf-8")
    lost = 20
    assert all("\n" not in cell for row in rows[-lost:] for cell in row)
    export(folder).write_text("\n".join(text.split("\n")[: -lost - 1]) + "\n", "utf-8")
    count = len(rows) - 1
    said = auditor(capsys, "run", "--json", "--fail-on", "findings")
    assert said.code == Exit.INCOMPLETE, "6 goes before 3"
    audit = json.loads(said.out)
    assert audit["verdict"] == "incomplete"
    [cut] = [item for item in audit["not_checked"] if item["code"] == "below_count"]
    assert f"holds {count - lost} profiles, Actito counts {count}" in cut["sentence"]
    refused(Exit.INCOMPLETE, "profiles, Actito counts", command=("plan",))


# The machine


def test_another_run_is_going_on(folder: Path, refused: Refused) -> None:
    """The lock is held by another process, as it would be."""
    script = (
        "import sys; from pathlib import Path; from auditor.state.ledger import lock\n"
        "with lock.hold(Path('state/lock'), 'auditor apply'): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        refused(Exit.TRY_LATER, f"process {holder.pid} (auditor apply) is at work", "wait until it has ended")
        holder.communicate("")


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Callable[[], None]]:
    """A real, small file system; where this user may not mount one, the operating system's limit on a file's size.

    Gives a function that fills it up.
    """
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if shutil.which("mount") and subprocess.run(mount, capture_output=True, check=False).returncode == 0:

        def fill() -> None:
            status = os.statvfs(folder)
            (folder / "ballast").write_bytes(bytes(status.f_bavail * status.f_frsize))

        try:
            yield fill
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)
    else:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        try:
            yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("runs", "loading both sides"),
        ("runs", "writing the report"),
        ("state", "writing the report"),
    ],
)
def test_the_disk_fills_up(where: str, line: str, folder: Path) -> None:
    """Somebody else fills the disk up when a stage begins."""
    before = footprint(folder)
    earlier = (folder / where).rename(folder / "earlier")
    (folder / where).mkdir(mode=0o700)
    with small_disk(folder / where, 48) as fill:
        shutil.copytree(earlier, folder / where, dirs_exist_ok=True)

        def tell(text: str) -> None:
            if line in text:
                fill()

        settings = read_settings(folder / "auditor.toml")
        with pytest.raises(TryLater, match="disk") as caught:
            pipeline.run(settings, pipeline.Request(), now=given_time.now(), tell=tell)
        assert caught.value.hint == "free some space"
        (folder / where / "ballast").unlink(missing_ok=True)
        assert footprint(folder) == before


@pytest.mark.parametrize("moment", ["loading both sides", "validating both sides"])
def test_an_interrupted_run_leaves_nothing(moment: str, folder: Path) -> None:
    """Ctrl-C in a terminal is a SIGINT to the process.

    A process started in the background of a shell ignores it, and so do its children: that is undone for this one.
    """
    before = footprint(folder)
    with subprocess.Popen(
        given_time.script("from auditor.cli import main; main(['run'])"),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as running:
        assert running.stderr is not None
        said = ""
        for line in running.stderr:
            said += line
            if moment in line:
                running.send_signal(signal.SIGINT)
    assert running.returncode == Exit.INTERRUPTED, said
    assert said.endswith("interrupted\n")
    assert "Traceback" not in said
    assert footprint(folder) == before


def test_a_refusal_does_not_wait_for_what_is_imported_ahead(folder: Path) -> None:
    """Great Expectations is still being imported in a thread when the process ends: its exit code must not suffer."""
    export(folder).write_bytes(b"")
    done = subprocess.run(
        given_time.script("from auditor.cli import main; main(['run', '--quiet'])"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == Exit.INCOMPLETE
    assert [line[:7] for line in done.stderr.splitlines()] == ["error: ", "  try: "]


def test_what_a_killed_run_left_goes_with_the_next(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing can tidy up after SIGKILL or a power cut, and what lies there is personal."""
    left = folder / "runs" / ".20260101T000000Z-abcd"
    left.mkdir()
    (left / "platform.parquet").write_bytes(b"PAR1")
    export(folder).write_bytes(b"")
    assert auditor(capsys, "run").code == Exit.INCOMPLETE
    assert not left.exists()


# Plans, and what would be written


@pytest.fixture
def planned(audited: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The plan of corrections of the newest run."""
    said = auditor(capsys, "plan")
    assert said.code == Exit.FINE
    sha = re.search(r"^plan ([0-9a-f]{12}) \(corrections\)", said.out, re.MULTILINE)
    assert sha is not None
    [path] = audited.glob(f"runs/*/plan-{sha[1]}*.json")
    return path


@pytest.fixture
def nothing_sent(sandbox: Sandbox) -> Iterator[None]:
    """Whatever the test does, the platform is afterwards as it was."""
    before = sandbox.profiles()
    yield
    assert sandbox.profiles() == before


def counts(plan: Path) -> dict[str, int]:
    keys: dict[str, set[str]] = {}
    for write in json.loads(plan.read_text("utf-8"))["writes"]:
        keys.setdefault(write["kind"], set()).add(write["key"])
    return {kind: len(people) for kind, people in keys.items()}


@pytest.mark.usefixtures("nothing_sent")
def test_nothing_is_sent_unless_somebody_says_yes(planned: Path, refused: Refused) -> None:
    """No terminal, no --yes: nobody is there to answer."""
    confirmed = [part for kind, count in counts(planned).items() for part in ("--confirm", f"{kind}={count}")]
    refused(Exit.REFUSED, "nobody is there to answer", "--yes", command=("apply", str(planned), *confirmed))


@pytest.mark.usefixtures("nothing_sent")
def test_a_brake_is_released_by_its_exact_count_only(planned: Path, refused: Refused) -> None:
    """A tenth of the last names changed within a week, so every kind needs its count."""
    apply = ("apply", str(planned), "--yes")
    count = counts(planned)["update"]
    said = refused(Exit.REFUSED, f"{count} × update", f"--confirm update={count}", "lastName changed", command=apply)
    assert "after a look" in said.err
    for wrong in (f"update={count - 1}", f"update={count + 1}", f"create={count}"):
        refused(Exit.REFUSED, f"{count} × update", command=(*apply, "--confirm", wrong))


@pytest.mark.usefixtures("nothing_sent")
@pytest.mark.parametrize(
    ("confirm", "words"),
    [
        ("updat=3", ['"updat" is no kind of write', 'did you mean "update"?']),
        ("update", ["--confirm update: the exact count is expected"]),
        ("update=many", ["the exact count is expected"]),
        ("update=-1", ["the exact count is expected"]),
    ],
)
def test_confirmations_that_make_no_sense(confirm: str, words: list[str], audited: Path, refused: Refused) -> None:
    refused(Exit.SETTINGS, *words, command=("apply", "x", "--yes", "--confirm", confirm))


@pytest.mark.usefixtures("nothing_sent")
def test_a_plan_that_somebody_edited(planned: Path, refused: Refused) -> None:
    text = planned.read_text("utf-8")
    planned.write_text(text.replace('"after": "', '"after": "x', 1), "utf-8")
    refused(
        Exit.SETTINGS, planned.name, "was changed after it was made", command=("apply", planned.name[5:20], "--yes")
    )
    planned.write_text(text, "utf-8")
    made, seal_of_it = read_sealed(planned)
    edited = replace(made, population=1)
    for seal in (None, seal_of_it):
        planned.write_text(edited.to_json(seal), "utf-8")
        refused(Exit.REFUSED, "only plans that `auditor` made", command=("apply", str(planned), "--yes"))
    planned.write_text(text[: len(text) // 2], "utf-8")
    refused(Exit.SETTINGS, planned.name, "is not a plan of this version", command=("apply", str(planned), "--yes"))


@pytest.mark.usefixtures("nothing_sent")
def test_applying_while_actito_is_down(planned: Path, sandbox: Sandbox, refused: Refused) -> None:
    change(Path("auditor.toml"), sandbox.url, "http://127.0.0.1:9")
    confirmed = [part for kind, count in counts(planned).items() for part in ("--confirm", f"{kind}={count}")]
    before = footprint(Path.cwd())
    refused(Exit.TRY_LATER, "no connection", command=("apply", str(planned), "--yes", *confirmed))
    assert footprint(Path.cwd()) == before


PIN = ("--by", "Ann", "--reason", "said so", "--until", "2099-01-01")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("apply", "abcdef", "--yes"), ['there is no plan "abcdef"', "auditor plan"]),
        (("undo", "abcdef"), ['there is no plan "abcdef"']),
        (("pin", "C1", "lastNam", *PIN), ['"lastNam" is not compared, did you mean "lastName"?']),
        (("pin", "C1", "qqq", *PIN), ['"qqq" is not compared (', "lastName"]),
        (("permit", "qqq", "--by", "Ann"), ['"qqq" is no permission of the contract (', "subscriptions#"]),
        (("plan", "2020"), ['"2020" is no run', "the newest:"]),
        (("plan", "2"), ['"2" fits 2 runs', "the newest:"]),
        (("report", "2020"), ['"2020" is no run']),
        (
            ("show", "c000001x"),
            [
                'no profile has the key "c000001x", nor that e-mail address or number,',
                "rows in Actito",
                "most look like X999999",
            ],
        ),
        (("fix", "c000001x", "--yes"), ['no profile has the key "c000001x"']),
        (("run", "--fail-on", "stael>2%"), ['"stael" is not a status', 'did you mean "stale"?']),
        (("run", "--fail-on", "stale>-1"), ['--fail-on "stale>-1" is not understood', "missing>0"]),
        (("run", "--fail-on", "equal>1"), ['"equal" is not a status']),
    ],
)
def test_names_that_do_not_exist(command: tuple[str, ...], words: list[str], audited: Path, refused: Refused) -> None:
    refused(Exit.SETTINGS, *words, command=command)


def test_an_undo_of_what_was_never_applied(planned: Path, refused: Refused) -> None:
    refused(Exit.SETTINGS, planned.name, "was never applied", command=("undo", str(planned)))


def test_decisions_that_are_none(audited: Path, refused: Refused) -> None:
    path = audited / "decisions.json"
    path.write_text("{", "utf-8")
    refused(Exit.SETTINGS, "decisions.json is not valid JSON", command=("plan", "--decisions", "decisions.json"))
    path.write_text('{"format": 1, "run": "x", "table": "Other", "by": " ", "decisions": []}', "utf-8")
    refused(Exit.SETTINGS, "decisions.json", "name of the person", command=("plan", "--decisions", "decisions.json"))


# Comparing two files


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two files that agree on one of four keys; the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("id;name;points\n1;Ann;10\n2;Bob;20\n3;Cem;30\n", "utf-8")
    (tmp_path / "b.csv").write_text("id,name,points\n1,Ann,10\n2,Bop,20\n4,Dré,40\n", "utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("a.csv", "c.csv", "--key", "id"), Exit.SETTINGS, ["nothing matches c.csv", "b.csv, a.csv"]),
        (("a.csv", ".", "--key", "id"), Exit.SETTINGS, [". is a folder"]),
        (("a.csv", "b.csv"), Exit.SETTINGS, ["--key"]),
        (("a.csv", "b.csv", "--key", "nam"), Exit.SETTINGS, ['"nam" is no column of a.csv', 'did you mean "name"?']),
        (("a.csv", "b.csv", "--key", "id", "--ignore", "x"), Exit.SETTINGS, ['"x" is no column of a.csv']),
        (("a.csv", "b.csv", "--key", "id", "--map", "id"), Exit.SETTINGS, ["--map id: NAME=VALUE is expected"]),
        (("a.csv", "b.csv", "--key", "id", "--map", "name=nom"), Exit.SETTINGS, ['"nom" is no column of b.csv']),
        (
            ("a.csv", "b.csv", "--key", "id", "--rule", "name=nam"),
            Exit.SETTINGS,
            ["--rule name", 'did you mean "name"?'],
        ),
        (("a.csv", "b.csv", "--key", "id", "--rule", "name=phone"), Exit.SETTINGS, ["--rule name", "phone:BE"]),
        (("a.csv", "b.csv", "--key", "id", "--tolerance", "points=some"), Exit.SETTINGS, ["--tolerance points=some"]),
        (("a.csv", "b.csv", "--key", "id", "--where", "points >"), Exit.SETTINGS, ["--where", "points >"]),
        (("a.csv", "b.csv", "--key", "id", "--where", "age > 3"), Exit.SETTINGS, ["--where", "age > 3"]),
        (("a.csv", "b.csv", "--key", "id", "--base", "c.csv"), Exit.SETTINGS, ["nothing matches c.csv"]),
        (("a.csv", "sqlite:none.db#t", "--key", "id"), Exit.SETTINGS, ["there is no database", "none.db"]),
        (("a.csv", "b.csv", "--key", "id", "--html", "no/x.html"), Exit.SETTINGS, ["--html no/x.html", "no folder no"]),
        (("x.csv", "y.csv", "--key", "id", "--fail-on", "all"), Exit.SETTINGS, ['--fail-on "all" is not understood']),
    ],
)
def test_comparisons_that_cannot_be_made(
    arguments: tuple[str, ...], code: Exit, words: list[str], two: Path, refused: Refused
) -> None:
    there = sorted(two.rglob("*"))
    refused(code, *words, command=("compare", *arguments, "--out", "results"))
    assert sorted(two.rglob("*")) == there


@pytest.mark.parametrize(
    ("rule", "beyond"),
    [
        ("none", False),
        ("findings", True),
        ("missing>0", True),
        ("missing>1", False),
        ("missing > 0.5", True),
        ("conflicting>0", True),
        ("stale>0", False),
        ("orphan>28.9%", True),
        ("orphan>29%", False),
    ],
)
def test_fail_on(rule: str, *, beyond: bool) -> None:
    """29 of 100 are orphans: exactly 29 %, whatever binary floats make of it."""
    found = {Status.MISSING: 1, Status.ORPHAN: 29, Status.CONFLICTING: 1, Status.STALE: 0}
    assert exceeded(parse_fail_on(rule), found, compared=100, other_findings=0) is beyond


def test_findings_beyond_the_rule_exit_with_3(two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of four keys one agrees, one conflicts, one is missing and one an orphan."""
    compare = ("compare", "a.csv", "b.csv", "--key", "id", "--fail-on")
    assert auditor(capsys, *compare, "missing>25%").code == Exit.FINE
    assert auditor(capsys, *compare, "missing>24.9%").code == Exit.FINDINGS


def test_what_could_not_be_checked_goes_before_findings(two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (two / "a.csv").open("a", encoding="utf-8") as file:
        file.write(";Nobody;1\n")
    said = auditor(capsys, "compare", "a.csv", "b.csv", "--key", "id", "--fail-on", "findings")
    assert said.code == Exit.INCOMPLETE
    assert "not checked: 1 row has no key" in said.out
