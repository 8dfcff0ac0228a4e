"""`auditor rekey`: what is known of profiles goes on under their new keys, all of it or nothing."""

from __future__ import annotations

import csv
import errno
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from auditor.cli import execute
from auditor.commands.rekey import Rekeyed, rekey
from auditor.errors import SettingsError, TryLater
from auditor.findings.audit import FRAMES
from auditor.model import Attribute, AttributeType, Kind, Route, Structure
from auditor.settings.config import Settings, read_settings
from auditor.settings.contract_file import read_contract
from auditor.state import heads, run_folder
from auditor.state.ledger import FILE, Ledger
from auditor.state.ledger.records import Decision, Head, Intent
from tests.audits import audit_of
from tests.small_folder import auditor, footprint
from tests.small_runs import Row, Runs

TABLE = "Customers"
FIRST = datetime(2026, 3, 2, 6, tzinfo=UTC)
NEXT = FIRST + timedelta(days=1)
CONTRACT = """\
key = KEY
timezone = "Europe/Brussels"
updated = { platform = "updateMoment", truth = "modified_at" }
[columns.id]
truth = "id"
compare = "text"
[columns.city]
truth = "city"
[columns.note]
truth = "note"
[columns."subscriptions#News"]
truth = "news"
"""
SETTINGS = """\
entity = "acme"
table = "Customers"
[actito]
url = "http://127.0.0.1:1"
api_key = "env:NOBODY"
[platform]
export = "exports/*.csv"
[truth]
from = "crm/*.csv"
"""
STRUCTURE = Structure(
    "1",
    TABLE,
    (Attribute("id", unique=True), Attribute("city"), Attribute("note", AttributeType.STRING)),
    subscriptions=("News",),
)


class Folder:
    """A working folder whose runs are made by hand, with what they leave."""

    def __init__(self, path: Path, key: str = '["id"]', *, profile_ids: bool = False) -> None:
        self.path = path
        (path / "auditor.toml").write_text(SETTINGS, "utf-8")
        expectations = path / "expectations" / TABLE
        expectations.mkdir(parents=True)
        (expectations / "contract.toml").write_text(CONTRACT.replace("KEY", key), "utf-8")
        run = path / "runs" / "20260302T060000Z-0000"
        run.mkdir(parents=True)
        run_folder.write_structure(STRUCTURE, run)
        run_folder.write_run(replace(audit_of(entity="acme", table=TABLE), folder=run), {}, (), Head(0, "0" * 64))
        contract = read_contract(expectations / "contract.toml", STRUCTURE)
        self.runs = Runs(path, contract=contract, profile_ids=profile_ids, number="1")
        self.settings: Settings = read_settings(path / "auditor.toml")

    def decided(self, name: str, *lines: tuple[str, str, str]) -> Path:
        """A file of decisions in the inbox, about the newest run; lines are key, platform and truth."""
        [run] = (self.path / "runs").iterdir()
        for kept in ("profiles", "permissions"):
            FRAMES[kept].to_frame().write_parquet(run / f"{kept}.parquet")
        line = {"column": "city", "choice": "truth"}
        made = [{"key": key, "platform": here, "truth": there, **line} for key, here, there in lines]
        path = self.settings.decisions_folder / name
        path.parent.mkdir(exist_ok=True)
        whole = {"format": 1, "run": run.name, "table": TABLE, "by": "Mia", "decisions": made}
        path.write_text(json.dumps(whole), "utf-8")
        return path

    def ledger(self) -> Ledger:
        return Ledger(self.settings.state_folder)

    def map(self, *pairs: tuple[str, str], header: Sequence[str] = ("old", "new")) -> Path:
        path = self.path / "old-new.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter=";").writerows([header, *pairs])
        return path

    def rekey(self, *pairs: tuple[str, str], dry: bool = False) -> Rekeyed:
        return rekey(self.settings, self.map(*pairs), now=NEXT, dry=dry)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path)
    agree(made, "1", "2")
    return made


def agree(folder: Folder, *keys: str, run: str = "r1") -> None:
    """A run in which both sides agree, all have opted out, and there is a write and a decision of each."""
    rows = [{**parts(key), "city": "Gent", "subscriptions#News": "false", "news": "false"} for key in keys]
    folder.runs.run(rows, rows, run, FIRST)
    with folder.ledger() as ledger:
        for number, key in enumerate(keys):
            intent = Intent(number, Kind.UPDATE, Route.SINGLE, key, None, "city", "Aalst", "Gent")
            ledger.intend("plan", TABLE, [intent], FIRST)
        ledger.decide(
            [Decision(TABLE, "An", key, "city", "Gent", "Aalst", "truth", FIRST, None, None) for key in keys], FIRST
        )
        ledger.remember_erased([("id", "9")], FIRST)


def parts(key: str) -> dict[str, str | None]:
    """The key columns of a row."""
    if key.startswith("{"):
        return {"id": None, "note": json.loads(key)["note"]}
    if key.startswith("["):
        shop, number = json.loads(key)
        return {"note": shop, "id": number}
    return {"id": key, "note": "a" + key}


def state(folder: Folder) -> dict[str, str]:
    """What a folder remembers, by the hashes of its files; the ledger by its last entry."""
    files = {name: digest for name, digest in footprint(folder.path).items() if FILE not in name}
    with folder.ledger() as ledger:
        return {**files, "ledger": ledger.head.link}


KEYS = {
    "one column": ('["id"]', ("1", "2"), ("X1", "X2"), "1"),
    "spelt otherwise in the map": ('["id"]', ("1", "2"), ("X1", "X2"), " 1 "),
    "several columns": ('["note", "id"]', ('["BE","1"]', '["BE","2"]'), ('["NL","7"]', '["NL","8"]'), None),
    "a fallback key": ('[["id"], ["note"]]', ('{"note":"n1"}', '{"note":"n2"}'), ("X1", "X2"), None),
}


@pytest.mark.parametrize("case", KEYS)
def test_everything_goes_on_under_the_new_key(tmp_path: Path, case: str) -> None:
    """Who moved, who is contactable again, who is gone, what was written and decided."""
    key, old, new, spelt = KEYS[case]
    folder = Folder(tmp_path, key)
    agree(folder, *old)
    found = folder.rekey((spelt or old[0], new[0]), (old[1], new[1]))
    assert (found.pairs, found.known, found.done) == (2, 2, True)
    assert dict(found.counts) == {
        "base": 2, "seen": 2, "permissions": 4, "activities": 0, "ledger": 2, "erased": 0,
    }  # fmt: skip
    with folder.ledger() as ledger:
        assert ledger.verify().problems == ()
        assert ledger.keys(TABLE) == set(new)
        assert ledger.pending(TABLE, FIRST - timedelta(hours=1))["key"].to_list() == list(new)
        assert [one.key for one in ledger.decisions(TABLE)] == list(new)
        assert [ledger.writes_of(TABLE, name, None).height for name in (*new, *old)] == [1, 1, 0, 0]
    platform = {**parts(new[0]), "city": "Gent", "subscriptions#News": "true"}
    truth = {**parts(new[0]), "city": "Aalst", "news": "true"}
    seen = folder.runs.run([platform], [truth, {**parts(new[1]), "city": "Gent"}], "r2", NEXT)
    assert seen.memory.warnings == ()
    assert seen.moved[new[0], "city"] == "truth"
    assert (new[0], "subscriptions#News", "contactable_again") in seen.findings
    assert seen.gone == {new[1]}


def test_agreed_values_of_profiles_with_a_number_stay_where_they_are(tmp_path: Path) -> None:
    """A profileId may look like somebody's key."""
    folder = Folder(tmp_path, profile_ids=True)
    rows: list[Row] = [{"id": "1", "profileId": "2", "city": "Gent"}, {"id": "2", "profileId": "1", "city": "Luik"}]
    folder.runs.run(rows, rows, "r1", FIRST)
    assert folder.rekey(("1", "X1"), ("2", "X2")).counts["base"] == 0
    renamed: list[Row] = [{**row, "id": f"X{row['id']}"} for row in rows]
    changed: list[Row] = [{**row, "city": "Aalst"} for row in renamed]
    seen = folder.runs.run(renamed, changed, "r2", NEXT)
    assert seen.moved == {("X1", "city"): "truth", ("X2", "city"): "truth"}


def test_who_was_erased_is_so_under_the_new_key_too(folder: Folder) -> None:
    assert folder.rekey(("9", "X9")).counts["erased"] == 1
    with folder.ledger() as ledger:
        assert ledger.erased_among("id", ["9", "X9", "1"]) == {"9", "X9"}


def test_keys_may_be_exchanged_and_handed_on(folder: Folder) -> None:
    agree(folder, "3", run="r2")
    folder.rekey(("1", "2"), ("2", "1"), ("3", "4"))
    folder.rekey(("4", "5"))
    with folder.ledger() as ledger:
        assert ledger.keys(TABLE) == {"1", "2", "5"}
        assert ledger.writes_of(TABLE, "5", None).height == 1
        assert [one.key for one in ledger.decisions(TABLE)] == ["2", "1", "5"]
        assert ledger.verify().problems == ()


def test_a_key_that_somebody_else_has_had_since_is_theirs(folder: Folder) -> None:
    """What is written under the old key afterwards is about another person, also when that one is renamed in turn."""
    folder.rekey(("1", "X1"))
    with folder.ledger() as ledger:
        ledger.intend("later", TABLE, [Intent(0, Kind.UPDATE, Route.SINGLE, "1", None, "city", "a", "b")], NEXT)
    folder.rekey(("1", "Y1"))
    folder.rekey(("X1", "Z1"))
    with folder.ledger() as ledger:
        assert {key: ledger.writes_of(TABLE, key, None)["plan"].to_list() for key in ("1", "X1", "Y1", "Z1")} == {
            "1": [],
            "X1": [],
            "Y1": ["later"],
            "Z1": ["plan"],
        }
        assert ledger.verify().problems == ()


def test_repeating_it_changes_nothing(folder: Folder) -> None:
    pairs = (("1", "X1"), ("never seen", "nor this"))
    assert folder.rekey(*pairs).done
    before = state(folder)
    again = folder.rekey(*pairs)
    assert (again.known, again.done, set(again.counts.values())) == (0, False, {0})
    assert state(folder) == before


def test_counting_changes_nothing(folder: Folder) -> None:
    before = state(folder)
    found = folder.rekey(("1", "X1"), dry=True)
    assert (found.pairs, found.known, found.done, found.counts["permissions"]) == (1, 1, False, 2)
    assert state(folder) == before


REFUSED: Mapping[str, tuple[list[tuple[str, str]], str]] = {
    "an old key twice": ([("1", "X1"), ("1 ", "X2")], "1 times an old key stands there more than once"),
    "a new key twice": ([("1", "X1"), ("2", "X1")], "1 times a new key stands there more than once"),
    "an empty key": ([("1", ""), (" ", "X")], "2 rows have an empty key"),
    "somebody else's key": ([("1", "2")], "known here already, as somebody else's: 1; two profiles"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_map_that_could_mix_people_up_is_refused(folder: Folder, case: str) -> None:
    pairs, words = REFUSED[case]
    before = state(folder)
    for dry in (True, False):
        with pytest.raises(SettingsError, match=words):
            folder.rekey(*pairs, dry=dry)
    assert state(folder) == before


def test_a_file_without_the_two_columns_is_refused(folder: Folder) -> None:
    with pytest.raises(SettingsError, match='has no column "new"'):
        rekey(folder.settings, folder.map(("1", "2"), header=("old", "fresh")), now=NEXT, dry=True)


def test_keys_of_several_columns_must_have_them(tmp_path: Path) -> None:
    folder = Folder(tmp_path, '["note", "id"]')
    agree(folder, '["BE","1"]')
    with pytest.raises(SettingsError, match="3 rows have an empty key, or one that has other columns"):
        folder.rekey(("1", "2"), ('["BE"]', '["NL"]'), ('["BE","1"]', '["", "2"]'))


def test_what_fails_halfway_changes_nothing(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk does not take the last file: the new ones go, and the ledger's part is taken back."""
    before = state(folder)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(TryLater, match="is full: nothing was kept"):
            folder.rekey(("1", "X1"))
    assert state(folder) == before
    assert folder.rekey(("1", "X1")).done


def test_what_dies_between_state_and_ledger_is_completed_by_the_same_map(folder: Folder, tmp_path: Path) -> None:
    state = folder.settings.state_folder
    told = [path.name for path in (state / FILE, state / heads.FILE) if path.exists()]
    for name in told:
        shutil.copy(state / name, tmp_path / name)
    folder.rekey(("1", "X1"))
    for path in (*state.glob(f"{FILE}*"), state / heads.FILE):
        path.unlink()
    for name in told:  # who dies there has not noted how far the ledger has come
        shutil.copy(tmp_path / name, state / name)
    with pytest.raises(SettingsError, match="interrupted: repeat that one first"):
        folder.rekey(("2", "X2"))
    assert folder.rekey(("1", "X1")).done
    with folder.ledger() as ledger:
        assert ledger.keys(TABLE) == {"2", "X1"}
    assert folder.rekey(("2", "X2")).done


def test_a_damaged_memory_is_not_carried_over(folder: Folder) -> None:
    seen = next(folder.runs.state.glob("seen-*.parquet"))
    seen.write_bytes(seen.read_bytes()[:-10])
    with pytest.raises(SettingsError, match="nothing was carried over: seen-r1"):
        folder.rekey(("1", "X1"))


def test_the_command_says_how_much_and_asks(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder.path)
    path = folder.map(("1", "X1"), ("unknown", "X2"))
    before = state(folder)
    said = auditor(capsys, "rekey", "--map", path.name)
    assert said.code == 0
    assert said.out.splitlines() == [
        "old-new.csv: 2 pairs; old keys that are known here: 1",
        "  profiles with agreed values        1",
        "  profiles seen in earlier runs      1",
        "  profiles with writes or decisions  1",
        "  entries of the permission history  2",
    ]
    assert "--yes" in said.err
    assert state(folder) == before
    said = auditor(capsys, "rekey", "--map", path.name, "--yes")
    assert "carried over" in said.out
    assert state(folder) != before
    assert "nothing to carry over" in auditor(capsys, "rekey", "--map", path.name, "--yes").err
    assert execute(["rekey", "--map", "nowhere.csv", "--yes"]) == 2


def test_what_waits_for_the_inbox_is_taken_before_keys_change(folder: Folder) -> None:
    """It speaks of the old keys, and counts under the new ones."""
    waits = folder.decided("waits.json", ("1", "Gent", "Gand"))
    folder.rekey(("1", "X1"), dry=True)
    assert waits.exists()
    folder.rekey(("1", "X1"))
    assert not waits.exists()
    with folder.ledger() as ledger:
        assert {one.key for one in ledger.every_decision(TABLE) if one.person == "Mia"} == {"X1"}
