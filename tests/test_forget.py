"""`auditor forget`: whoever asked to be erased is known by hashes alone."""

from __future__ import annotations

import errno
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from auditor.commands.decided import take_all
from auditor.commands.erased import of_erased
from auditor.commands.forget import forget
from auditor.commands.show import tell
from auditor.errors import GuardRefused, SettingsError, TryLater
from auditor.model import Kind, Outcome, Route, Side
from auditor.state import run_folder
from auditor.state.ledger import FILE, Ledger, chain
from auditor.state.ledger.records import SAME_PERSON, Decision, Intent
from auditor.state.past_runs import find_run
from tests.consent_law import NEWS, Person
from tests.consent_world import World, in_memory, mail
from tests.small_folder import auditor
from tests.test_rekey import FIRST, NEXT, STRUCTURE, TABLE, Folder, agree

PLATFORM = [("P1", "first@example.com"), ("P2", "second@example.com"), ("P3", "both@example.com")]
TRUTH = [("p1 ", "new@example.com"), ("P4", "both@example.com")]

HERS, OTHER = '["s","1"]', '["s","2"]'


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Whose `note` is an address that nobody shares; both sides as they were in the newest run."""
    made = Folder(tmp_path)
    [run] = (tmp_path / "runs").iterdir()
    attributes = [replace(one, unique=one.name != "city") for one in STRUCTURE.attributes]
    run_folder.write_structure(replace(STRUCTURE, attributes=tuple(attributes)), run)
    for side, rows in ((Side.PLATFORM, PLATFORM), (Side.TRUTH, TRUTH)):
        names = {"id": 0, "note": 1, "city": None, "subscriptions#News" if side is Side.PLATFORM else "news": None}
        table = {name: [None if at is None else row[at] for row in rows] for name, at in names.items()}
        pl.DataFrame(table, schema=dict.fromkeys(names, pl.String)).write_parquet(run / f"{side.value}.parquet")
    with made.ledger() as ledger:
        for key in ("P1", "P2"):
            intent = Intent(0, Kind.UPDATE, Route.SINGLE, key, f"id-{key}", "city", "Aalst", f"town-{key}")
            ledger.settle(ledger.intend("plan", TABLE, [intent], FIRST), Outcome.LANDED, FIRST, profile_id=f"id-{key}")
            ledger.decide(
                [Decision(TABLE, "An", key, "city", f"here-{key}", "Aalst", "truth", FIRST, f"id-{key}", None)], FIRST
            )
        ledger.decide([Decision(TABLE, "An", "P2", SAME_PERSON, "P2", "P1", "two_people", FIRST, None, None)], FIRST)
    return made


@pytest.mark.parametrize("who", ["P1", " p1", "First@Example.com", "new@example.com"])
def test_who_is_forgotten_is_known_by_hashes_alone(folder: Folder, who: str) -> None:
    """Whichever of their values is given, on whichever side; of everybody else nothing is lost."""
    looked = forget(folder.settings, who, now=NEXT, dry=True)
    done = forget(folder.settings, who, now=NEXT, dry=False)
    assert (done, done.rows, done.there) == (looked, 5, (Side.PLATFORM, Side.TRUTH))
    with folder.ledger() as ledger:
        assert ledger.keys(TABLE) == {"P2"}
        assert len(ledger.decisions(TABLE)) == 1
        assert ledger.erased_among("id", ["P1", "P2"]) == {"P1"}
        addresses = ["first@example.com", "new@example.com", "second@example.com"]
        assert ledger.erased_among("note", addresses) == {"first@example.com", "new@example.com"}
        found = ledger.verify()
        assert (found.problems, found.erased) == ((), 5)
    kept = b"".join(path.read_bytes() for path in folder.settings.state_folder.glob(f"{FILE}*"))
    assert b"town-P2" in kept
    assert not [word for word in (b"town-P1", b"here-P1", b"id-P1", b"first@", b"new@") if word in kept]


def test_who_reads_the_ledger_meanwhile_keeps_them_from_being_forgotten_and_that_is_told(
    folder: Folder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was emptied stands in the log beside the ledger as long as somebody reads what was before."""
    monkeypatch.chdir(folder.path)
    monkeypatch.setattr(chain, "PATIENCE", 0)
    state = folder.settings.state_folder

    def still_there() -> bool:
        return any(b"town-P1" in path.read_bytes() for path in state.glob(f"{FILE}*"))

    with closing(sqlite3.connect(state / FILE, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM writes").fetchone() == (2,)
        said = auditor(capsys, "forget", "P1", "--yes")
        assert (still_there(), said.code) == (True, 75)
        assert "forgotten:" not in said.out
        assert f"{FILE}-wal" in said.err
        assert "call the same command again" in said.err
    assert auditor(capsys, "forget", "P1", "--yes").code == 0
    assert not still_there()


def inbox(folder: Folder) -> dict[str, str]:
    found = folder.settings.decisions_folder.rglob("*.json")
    return {path.relative_to(folder.settings.decisions_folder).as_posix(): path.read_text("utf-8") for path in found}


def test_who_is_forgotten_stands_in_no_file_of_decisions_and_none_brings_them_back(folder: Folder) -> None:
    """What waits is taken first; what was taken is removed; and a file that comes later leaves them out."""
    both = ("P1", "here-P1", "waits-P1"), ("P2", "here-P2", "waits-P2")
    folder.decided("hers.json", *both)
    folder.decided("others.json", both[1])
    forget(folder.settings, "P1", now=NEXT, dry=True)
    assert set(inbox(folder)) == {"hers.json", "others.json"}, "looking changes nothing"
    told: list[str] = []
    forget(folder.settings, "P1", now=NEXT, dry=False, tell=told.append)
    assert "hers.json: 2 decisions of Mia taken" in told
    assert set(inbox(folder)) == {"taken/others.json"}
    with folder.ledger() as ledger:
        assert {one.key for one in ledger.every_decision(TABLE)} == {"P2"}

    folder.decided("again.json", *both)
    take_all(folder.settings, NEXT, told.append)
    assert "  1 left out, about somebody who was erased" in told
    assert set(inbox(folder)) == {"taken/others.json"}
    kept = b"".join(path.read_bytes() for path in folder.settings.state_folder.glob(f"{FILE}*"))
    assert b"waits-P2" in kept
    assert b"waits-P1" not in kept


@pytest.mark.parametrize("fault", ["unlink", "read_bytes", "iterdir"])
def test_a_file_that_cannot_be_removed_is_named_and_nothing_is_lost_by_which_they_are_found(
    folder: Folder, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is anybody created meanwhile; once it can be removed, the same command does it."""
    folder.decided("hers.json", ("P1", "here-P1", "waits-P1"))
    take_all(folder.settings, NEXT, lambda _: None)
    taken = folder.settings.decisions_folder / "taken"
    original = getattr(Path, fault)

    def refused(path: Path, *given: Any, **named: Any) -> Any:
        if taken in (path, path.parent):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return original(path, *given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Path, fault, refused)
        with pytest.raises(TryLater, match="not forgotten yet") as error:
            forget(folder.settings, "first@example.com", now=NEXT, dry=False)
    named = taken if fault == "iterdir" else taken / "hers.json"
    assert f"{named} (Permission denied)" in str(error.value)
    assert "forget them again" in str(error.value.hint)
    assert not [word for word in ("P1", "first@") if word in str(error.value) + str(error.value.hint)]
    with folder.ledger() as ledger:
        assert ledger.erased_among("id", ["P1"]) == {"P1"}
        assert ledger.keys(TABLE) == {"P1", "P2"}
    done = forget(folder.settings, "first@example.com", now=NEXT, dry=False)
    assert done.rows == 6
    assert inbox(folder) == {}
    with folder.ledger() as ledger:
        assert ledger.keys(TABLE) == {"P2"}


@pytest.mark.parametrize(
    ("who", "unique", "numbered"),
    [
        ("a@example.com", True, True),
        (HERS, True, False),
        ('["S ", "1"]', True, False),
        (HERS, False, False),
    ],
)
def test_who_has_a_key_of_several_columns_is_forgotten_by_all_of_it(
    tmp_path: Path, who: str, unique: bool, numbered: bool
) -> None:
    """Others have parts of it; nobody needs another unique value, or a profileId."""
    made = Folder(tmp_path, key='["note", "id"]', profile_ids=numbered)
    [run] = (tmp_path / "runs").iterdir()
    attributes = [replace(one, unique=unique and one.name == "city") for one in STRUCTURE.attributes]
    run_folder.write_structure(replace(STRUCTURE, attributes=tuple(attributes)), run)
    people = {"id": ["1", "2"], "note": ["s", "s"], "city": ["a@example.com", "b@example.com"]}
    here = people | ({"profileId": ["11", "12"]} if numbered else {}) | {"subscriptions#News": [None, None]}
    pl.DataFrame(here).write_parquet(run / "platform.parquet")
    pl.DataFrame(people | {"news": [None, None]}).write_parquet(run / "truth.parquet")
    numbers = {HERS: "11", OTHER: "12"} if numbered else {}
    with made.ledger() as ledger:
        before = [(key, f"here-{key[-3]}", numbers.get(key)) for key in (HERS, OTHER)]
        ledger.decide(
            [Decision(TABLE, "An", key, "city", text, "b", "truth", FIRST, of, None) for key, text, of in before], FIRST
        )

    def decided(name: str, now: datetime) -> list[str]:
        made.decided(name, (HERS, "secret", "b"), (OTHER, "known", "b"))
        told: list[str] = []
        take_all(made.settings, now, told.append)
        return told

    decided("hers.json", NEXT)
    done = forget(made.settings, who, now=NEXT, dry=False)
    assert (done.rows, done.there) == (2 + numbered, (Side.PLATFORM, Side.TRUTH)), "whose a decision is is a row, too"
    assert not inbox(made)
    assert "  1 left out, about somebody who was erased" in decided("again.json", NEXT)
    assert not inbox(made)
    with made.ledger() as ledger:
        assert ledger.keys(TABLE) == {OTHER}
        assert of_erased(made.runs.contract, ledger, [HERS, OTHER, '["S", "1 "]']) == {HERS, '["S", "1 "]'}
    kept = b"".join(path.read_bytes() for path in made.settings.state_folder.glob(f"{FILE}*"))
    assert (b"known" in kept, b"secret" in kept, b"here-1" in kept) == (True, False, False)


def test_nobody_is_forgotten_while_a_file_of_decisions_cannot_be_taken(folder: Folder) -> None:
    path = folder.decided("of-another.json", ("P1", "a", "b"))
    path.write_text(path.read_text("utf-8").replace(TABLE, "Others"), "utf-8")
    with pytest.raises(GuardRefused, match="1 file of decisions stays"):
        forget(folder.settings, "P1", now=NEXT, dry=False)
    with folder.ledger() as ledger:
        assert "P1" in ledger.keys(TABLE)


def test_a_file_that_somebody_else_put_among_those_that_were_taken_keeps_none_from_being_removed(
    folder: Folder,
) -> None:
    taken = folder.settings.decisions_folder / "taken"
    taken.mkdir(parents=True)
    strange: list[object] = [
        {"decisions": [{"key": 5, "platform": ["a"], "truth": {"b": 1}}]},
        {"decisions": [None, 7, {"key": {}}]},
        {"decisions": 3},
        ["decisions"],
    ]
    for number, content in enumerate(strange):
        (taken / f"{number}.json").write_text(json.dumps(content), "utf-8")
    (taken / "hers.json").write_text(json.dumps({"decisions": [7, {"key": "P1", "truth": 5}]}), "utf-8")
    forget(folder.settings, "P1", now=NEXT, dry=False)
    assert set(inbox(folder)) == {f"taken/{number}.json" for number in range(len(strange))}


def test_who_is_not_known_here_is_remembered_all_the_same(folder: Folder) -> None:
    done = forget(folder.settings, "gone@example.com", now=NEXT, dry=False)
    assert (done.identifiers, done.rows, done.there) == (1, 0, ())
    with folder.ledger() as ledger:
        assert ledger.erased_among("note", ["gone@example.com"]) == {"gone@example.com"}


def test_a_value_that_several_have_forgets_nobody(folder: Folder) -> None:
    with pytest.raises(SettingsError, match="2 profiles have this value"):
        forget(folder.settings, "both@example.com", now=NEXT, dry=False)
    with folder.ledger() as ledger:
        assert ledger.keys(TABLE) == {"P1", "P2"}


def test_nothing_is_forgotten_unasked(
    folder: Folder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.path)
    said = auditor(capsys, "forget", "P1")
    assert said.code == 0
    assert "3 values by which they are known; entries of the ledger about them: 5" in said.out
    assert "they were still in CRM in the newest run" in said.err
    assert "nothing was changed" in said.err
    assert auditor(capsys, "forget", "P1", "--yes").code == 0
    with folder.ledger() as ledger:
        assert ledger.keys(TABLE) == {"P2"}


def test_who_is_forgotten_is_so_under_every_key_and_address_that_they_had(tmp_path: Path) -> None:
    """Known by their profileId, whichever of their keys is given; whoever has their former key by now keeps what is
    recorded of them.
    """
    world = World(tmp_path, 4, 1)
    world.all_say_yes()
    one, other = world.people[:2]
    with in_memory(world):
        world.run()
        world.now += timedelta(days=1)
        for each in (one, other):
            assert each.row is not None
            each.row["city"] = f"town-{each.number}"
            each.row["modified_at"] = world.stamp(world.now)
        world.run()
        [made] = world.plan()
        assert world.apply(made) == {"landed"}
        world.now += timedelta(days=1)
        world.rename(one, "X0")
        world.platform_says(one, emailAddress="new@example.com")
        assert one.row is not None
        one.row["mail"] = "new@example.com"
        world.run()
        looked = forget(world.settings, "C0", now=world.now, dry=True)
        assert (looked.rows, looked.there) == (2, (Side.PLATFORM, Side.TRUTH)), "nobody else has been C0"
        world.rename(other, "C0")
        world.run()
        done = forget(world.settings, "X0", now=world.now, dry=False)
        assert (done.rows, done.there) == (2, (Side.PLATFORM, Side.TRUTH))
        with Ledger(world.settings.state_folder) as ledger:
            assert {number for _, number in ledger.whose("Customers")} == {other.profile_id}
            mails = ledger.erased_among("emailAddress", [mail(0), mail(1), "new@example.com"])
            assert mails == {mail(0), "new@example.com"}
            assert ledger.erased_among("customerId", ["X0", "C0", "C1"]) == {"X0"}, "C0 is somebody else by now"
        world.leave(one)
        one.row |= {"id": "N1", "mail": mail(0)}
        world.now += timedelta(days=1)
        world.run()
        assert {line.why for each in world.plan() for line in each.plan.left if line.key == "N1"} == {"erased"}
        assert [tell(world.settings, key, now=world.now).erased for key in ("N1", "C0")] == [True, False]


def agreed_on(state: Path) -> pl.DataFrame:
    """What lies in the state folder of agreed values, whether it counts or not."""
    return pl.concat([pl.read_parquet(path) for path in state.glob("*/base-*")])


@pytest.mark.parametrize(("key", "keys"), [('["id"]', ["1", "2"]), ('["note", "id"]', [HERS, OTHER])])
def test_what_was_agreed_on_with_who_is_forgotten_is_kept_no_longer(tmp_path: Path, key: str, keys: list[str]) -> None:
    """Also of a table without profileIds, and of who is on no side any more."""
    made = Folder(tmp_path, key=key)
    agree(made, *keys)
    forget(made.settings, keys[0], now=NEXT, dry=True)
    assert agreed_on(made.settings.state_folder)["auditor:anchor"].to_list() == keys
    forget(made.settings, keys[0], now=NEXT, dry=False)
    assert agreed_on(made.settings.state_folder)["auditor:anchor"].to_list() == keys[1:]


def test_agreed_values_that_cannot_be_removed_are_named_and_the_same_command_does_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Folder(tmp_path)
    agree(made, "1", "2")
    [before] = made.settings.state_folder.glob("*/base-*")
    unlink = Path.unlink

    def refused(path: Path, *given: Any, **named: Any) -> None:
        if path == before:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        unlink(path, *given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refused)
        with pytest.raises(TryLater, match="not forgotten yet") as error:
            forget(made.settings, "1", now=NEXT, dry=False)
    assert f"{before} (Permission denied)" in str(error.value)
    forget(made.settings, "1", now=NEXT, dry=False)
    assert agreed_on(made.settings.state_folder)["auditor:anchor"].to_list() == ["2"]
    with made.ledger() as ledger:
        assert ledger.keys(TABLE) == {"2"}


def test_nobody_is_forgotten_while_agreed_values_cannot_be_read(tmp_path: Path) -> None:
    made = Folder(tmp_path)
    agree(made, "1", "2")
    [base] = made.settings.state_folder.glob("*/base-*")
    base.write_bytes(base.read_bytes()[:-1])
    with pytest.raises(TryLater, match="the next run replaces it"):
        forget(made.settings, "1", now=NEXT, dry=False)


def test_once_somebody_is_forgotten_nobody_is_said_to_have_changed_what_we_took_back(tmp_path: Path) -> None:
    """What is emptied cannot tell that we wrote it, and nothing else may tell that Actito did."""
    world = World(tmp_path, 3, 1)
    world.all_say_yes()
    one = world.people[0]
    with in_memory(world):

        def told() -> tuple[str | None, ...]:
            world.now += timedelta(days=1)
            world.run()
            [cell] = run_folder.read_rows(find_run(world.settings), "differences").filter(column="city").to_dicts()
            return cell["base"], cell["moved"]

        world.run()
        assert one.row is not None
        one.row |= {"city": "Ghent", "modified_at": world.stamp(world.now)}
        world.now += timedelta(days=1)
        world.run()
        [made] = world.plan(only=[one.key])
        assert world.apply(made) == {"landed"}
        world.run()
        assert world.apply(world.undo(made)) == {"landed"}
        assert told() == ("Ghent", "ours")
        one.row["city"] = "Gand"
        assert told() == ("Ghent", "ours")
        forget(world.settings, one.key, now=world.now, dry=False)
        assert told() == (None, "unknown")


def test_an_erasure_keeps_nobody_from_saying_no_and_is_of_a_person_and_not_of_a_key(tmp_path: Path) -> None:
    """Of who is still there nothing but the opt-out is written; somebody else who got a key is written to as anybody,
    and what was decided on them counts; and what identified who was erased is given to nobody.
    """
    world = World(tmp_path, 6, 1)
    world.all_say_yes()
    still, left, other, third = world.people[:4]

    def says_no_and_moves(*people: Person) -> None:
        world.now += timedelta(days=1)
        for one in people:
            world.truth_says(one, NEWS, permitted=False, evidence=world.now)
            assert one.row is not None
            one.row["city"] = "Ghent"

    with in_memory(world):
        world.run()
        world.now += timedelta(days=1)
        for one in (still, left):
            forget(world.settings, one.key, now=world.now, dry=False)
        world.leave(left)
        left.row, key = None, left.key
        world.rename(other, key)
        world.run()
        says_no_and_moves(still, other)
        assert third.row is not None
        third.row["mail"] = mail(left.number)
        world.run()
        [made] = world.plan()
        writes = {(one.key, cell.column) for one in made.plan.writes for cell in one.cells}
        assert writes == {(still.key, NEWS), (key, NEWS), (key, "city")}
        alone = {(one.key, one.column) for one in made.plan.left if one.why == "erased"}
        assert alone == {(still.key, "city"), (third.key, "emailAddress")}
        assert world.apply(made) == {"landed"}
        assert [world.platform.profiles[one.profile_id or ""][NEWS] for one in (still, other)] == ["false", "false"]
        world.platform_says(other, **{NEWS: "true"})
        world.platform_says(still, **{NEWS: "true"})
        world.run()
        world.decide("An", [((one.key, NEWS, "true", "false"), {"choice": "truth"}) for one in (other, still)])
        again = world.plan()
        assert {(one.key, one.decided_by) for each in again for one in each.plan.writes} == {(key, "An")}
