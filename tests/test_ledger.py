"""The ledger: what it remembers, what it can prove, and that one process at a time holds it."""

from __future__ import annotations

import errno
import hmac
import json
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from auditor.errors import Exit, SettingsError, TryLater
from auditor.model import Kind, Outcome, Route, Verdict
from auditor.state.ledger import FILE, Ledger, quota_day
from auditor.state.ledger.chain import in_our_words
from auditor.state.ledger.lock import hold
from auditor.state.ledger.records import (
    IMPORT_PATIENCE,
    SAME_PERSON,
    BulkCalls,
    Decision,
    ImportState,
    Intent,
    PlanRecord,
    RunRecord,
    Settled,
    StructureState,
)

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
TABLE = "Customers"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "state") as opened:
        yield opened


def update(key: str, column: str | None = "city", *, number: int = 0, kind: Kind = Kind.UPDATE) -> Intent:
    return Intent(number, kind, Route.SINGLE, key, f"id-{key}", column, "Gent", "Ghent")


def keys(frame: pl.DataFrame) -> list[str]:
    return frame["key"].to_list()


def test_only_the_owner_can_read_it(ledger: Ledger, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "state").iterdir()} == {0o600}


def test_it_is_still_there_after_it_was_closed(tmp_path: Path) -> None:
    run = RunRecord("r1", TABLE, NOON, NOON + HOUR, Verdict.FINDINGS, {"rows": {"platform": 7}})
    with Ledger(tmp_path) as ledger:
        ledger.record_run(run)
    with Ledger(tmp_path) as ledger:
        assert ledger.last_run(TABLE) == run
        assert ledger.last_run("Others") is None


def test_runs_come_newest_first(ledger: Ledger) -> None:
    for name in ("r1", "r2", "r3"):
        ledger.record_run(RunRecord(name, TABLE, NOON, NOON, Verdict.CLEAN, {}))
    assert [run.run for run in ledger.runs(TABLE, 2)] == ["r3", "r2"]


def test_a_plan_is_recorded_once(ledger: Ledger) -> None:
    plan = PlanRecord("a" * 64, "r1", TABLE, "correct", NOON, "runs/r1/plan.json", {"update": 3}, None)
    ledger.record_plan(plan)
    ledger.record_plan(plan)
    assert ledger.plan(plan.sha) == plan


def test_what_is_recorded_is_on_the_disk_before_anything_goes_on(ledger: Ledger) -> None:
    """An intent that the operating system still held would be lost with its power, and its call be made again."""
    ask = ledger._chain._connection.execute
    assert ask("PRAGMA journal_mode").fetchone() == ("wal",)
    assert ask("PRAGMA synchronous").fetchone() == (2,), "FULL"


def test_an_intent_without_an_outcome_is_pending_and_unsettled(ledger: Ledger) -> None:
    """It may have been carried out: a crash between the call and its outcome leaves exactly this."""
    ledger.intend("p", TABLE, [update("1")], NOON)
    assert keys(ledger.pending(TABLE, NOON - HOUR)) == ["1"]
    assert keys(ledger.unsettled(TABLE)) == ["1"]
    assert ledger.states("p")[0, "city"].outcome is None


@pytest.mark.parametrize(
    ("outcome", "pending", "unsettled"),
    [
        (Outcome.LANDED, ["1"], []),
        (Outcome.UNKNOWN, ["1"], ["1"]),
        (Outcome.REFUSED, [], []),
        (Outcome.CHANGED, [], []),
        (Outcome.SKIPPED, [], []),
    ],
)
def test_pending_is_what_took_effect_or_may_have(
    ledger: Ledger, outcome: Outcome, pending: list[str], unsettled: list[str]
) -> None:
    ledger.settle(ledger.intend("p", TABLE, [update("1")], NOON), outcome, NOON)
    assert keys(ledger.pending(TABLE, NOON - HOUR)) == pending
    assert keys(ledger.unsettled(TABLE)) == unsettled
    assert keys(ledger.pending(TABLE, NOON)) == []


def test_pending_has_the_form_that_an_audit_reads(ledger: Ledger) -> None:
    writes = ledger.intend("p", TABLE, [update("1"), update("2", None, kind=Kind.CREATE)], NOON)
    ledger.settle([writes[1]], Outcome.LANDED, NOON, profile_id="77")
    frame = ledger.pending(TABLE, NOON - HOUR)
    assert frame.schema == {
        "key": pl.String(),
        "profile_id": pl.String(),
        "column": pl.String(),
        "kind": pl.String(),
        "before": pl.String(),
        "after": pl.String(),
        "sent_at": pl.Datetime("us", "UTC"),
    }
    assert frame.rows() == [
        ("1", "id-1", "city", "update", "Gent", "Ghent", NOON),
        ("2", "77", None, "create", "Gent", "Ghent", NOON),
    ]
    assert ledger.pending("Others", NOON - HOUR).schema == frame.schema


def test_what_needed_no_call_is_not_pending(ledger: Ledger) -> None:
    ledger.settle(ledger.intend("p", TABLE, [update("1")], NOON, sent=False), Outcome.LANDED, NOON)
    assert ledger.pending(TABLE, NOON - HOUR).is_empty()
    assert ledger.states("p")[0, "city"].outcome is Outcome.LANDED


def test_the_last_write_of_a_cell_is_the_one_pending(ledger: Ledger) -> None:
    for hours, after in ((1, "Ghent"), (2, "Gand")):
        intent = Intent(0, Kind.UPDATE, Route.SINGLE, "1", None, "city", "Gent", after)
        ledger.settle(ledger.intend(after, TABLE, [intent], NOON + hours * HOUR), Outcome.LANDED, NOON + hours * HOUR)
    assert ledger.pending(TABLE, NOON)["after"].to_list() == ["Gand"]


def seen(*cells: tuple[int, bool]) -> pl.DataFrame:
    return pl.DataFrame(list(cells), schema={"write": pl.Int64(), "equal": pl.Boolean()}, orient="row")


def test_a_newer_export_settles_what_was_unknown(ledger: Ledger) -> None:
    writes = ledger.intend("p", TABLE, [update(key, number=number) for number, key in enumerate("123")], NOON)
    ledger.settle(writes, Outcome.UNKNOWN, NOON)
    told = ledger.told_by_export(TABLE, seen((writes[0], True), (writes[1], False)), NOON + HOUR)
    assert told == Settled((writes[0],), (writes[1],), (), frozenset(), ())
    assert [state.outcome for state in ledger.states("p").values()] == [Outcome.UNKNOWN] * 3, "nobody recorded it"
    ledger.record_settled(told, NOON + HOUR)
    assert [state.outcome for state in ledger.states("p").values()] == [
        Outcome.LANDED,
        Outcome.CHANGED,
        Outcome.UNKNOWN,
    ]


def test_an_export_from_before_the_write_settles_nothing(ledger: Ledger) -> None:
    [write] = ledger.intend("p", TABLE, [update("1")], NOON)
    assert ledger.told_by_export(TABLE, seen((write, True)), NOON - HOUR) == Settled((), (), (), frozenset(), ())


def test_an_import_that_nobody_saw_end_is_denied_only_after_a_while(ledger: Ledger) -> None:
    """It may still be waiting in the platform's queue when a slightly newer export is taken."""
    _, writes = ledger.intend_import("p", "b", TABLE, "f", [update("1"), update("2", number=1)], NOON)
    early = NOON + IMPORT_PATIENCE / 2
    told = seen((writes[0], True), (writes[1], False))
    at_first = ledger.told_by_export(TABLE, told, early)
    assert at_first == Settled((writes[0],), (), (), frozenset(), ())
    ledger.record_settled(at_first, early)
    assert keys(ledger.pending(TABLE, early)) == ["1", "2"]
    late = NOON + IMPORT_PATIENCE
    at_last = ledger.told_by_export(TABLE, told, late)
    assert at_last == Settled((), (writes[1],), (), frozenset(), ())
    ledger.record_settled(at_last, late)
    assert ledger.pending(TABLE, late).is_empty()


def test_an_import_shows_in_exports_from_the_moment_it_ended(ledger: Ledger) -> None:
    number, writes = ledger.intend_import("p", "b", TABLE, "f", [update("1")], NOON)
    ledger.import_event(number, ImportState.STARTED, NOON, "900")
    ledger.import_event(number, ImportState.FINISHED, NOON + HOUR / 2)
    ledger.settle(writes, Outcome.LANDED, NOON + HOUR)
    assert keys(ledger.pending(TABLE, NOON + HOUR / 4)) == ["1"]
    assert keys(ledger.pending(TABLE, NOON + HOUR / 2)) == []
    assert [(one.state, one.execution) for one in ledger.imports()] == [(ImportState.FINISHED, "900")]


def test_calls_count_against_the_quota_whether_their_id_arrived_or_not(ledger: Ledger) -> None:
    for state in (None, ImportState.STARTED, ImportState.FINISHED, ImportState.REFUSED):
        number, _ = ledger.intend_import("p", "b", TABLE, "f", [], NOON)
        if state:
            ledger.import_event(number, state, NOON)
    assert ledger.bulk_calls(TABLE, date(2026, 3, 2)) == BulkCalls(used=3, exhausted=False, lost=False)
    ledger.import_event(number, ImportState.QUOTA, NOON)
    assert ledger.bulk_calls(TABLE, date(2026, 3, 2)) == BulkCalls(used=3, exhausted=True, lost=False)
    assert ledger.bulk_calls(TABLE, date(2026, 3, 3)) == BulkCalls(used=0, exhausted=False, lost=False)
    assert ledger.bulk_calls("Others", date(2026, 3, 2)) == BulkCalls(used=0, exhausted=False, lost=False)


def test_the_day_of_the_quota_is_that_of_brussels() -> None:
    assert quota_day(datetime(2026, 3, 2, 23, 30, tzinfo=UTC)) == date(2026, 3, 3)


def test_opt_outs_and_undone_cells_are_remembered(ledger: Ledger) -> None:
    for sha, purpose in (("p", "correct"), ("u", "undo")):
        ledger.record_plan(PlanRecord(sha, "r", TABLE, "undo" if purpose == "undo" else "correct", NOON, "", {}, None))
    out = Intent(0, Kind.UNSUBSCRIBE, Route.SINGLE, "1", "id-1", "subscriptions#News", "true", "false")
    back = Intent(0, Kind.UPDATE, Route.SINGLE, "1", "id-1", "city", "Ghent", "Gent")
    ledger.settle(ledger.intend("p", TABLE, [out, update("1", number=1)], NOON), Outcome.LANDED, NOON)
    ledger.settle(ledger.intend("u", TABLE, [back], NOON + HOUR), Outcome.LANDED, NOON + HOUR)
    assert ledger.permission_writes(TABLE, but=None).rows() == [
        ("p", "1", "id-1", "subscriptions#News", "unsubscribe", "false", NOON, NOON)
    ]
    undone = ledger.undone(TABLE).drop("number").rows()
    assert undone == [("1", "id-1", "city", "update", "Ghent", "Gent", NOON + HOUR, NOON + HOUR)]
    assert ledger.writes_of(TABLE, "1", None)["plan"].to_list() == ["p", "p", "u"]


def test_opt_ins_count_only_once_they_are_read_back(ledger: Ledger) -> None:
    """What may have gone wrong answers nobody's question; of two opt-ins of one permission the later one counts."""
    for hour, (key, outcome) in enumerate([("1", Outcome.LANDED), ("1", Outcome.LANDED), ("2", Outcome.UNKNOWN)]):
        opt_in = Intent(0, Kind.SUBSCRIBE, Route.SINGLE, key, f"id-{key}", "subscriptions#News", "false", "true")
        at = NOON + hour * HOUR
        ledger.settle(ledger.intend(f"p{hour}", TABLE, [opt_in], at), outcome, at)
    assert ledger.opt_ins(TABLE).rows() == [("1", "id-1", "subscriptions#News", NOON + HOUR)]
    assert ledger.opt_ins("Others").is_empty()


def test_whom_we_created_is_known_while_they_are_there(ledger: Ledger) -> None:
    """With the last that we wrote to each; neither who was refused nor whom we deleted again."""

    def sent(plan: str, hour: int, outcome: Outcome, kind: Kind, *people: str, column: str | None = None) -> None:
        intents = [Intent(0, kind, Route.SINGLE, key, None, column, None, None) for key in people]
        at = NOON + hour * HOUR
        for key, write in zip(people, ledger.intend(plan, TABLE, intents, at), strict=True):
            ledger.settle([write], outcome, at, profile_id=f"id-{key}")

    sent("p", 0, Outcome.LANDED, Kind.CREATE, "1", "2", "3")
    sent("q", 0, Outcome.REFUSED, Kind.CREATE, "4")
    sent("q", 1, Outcome.LANDED, Kind.UPDATE, "1", "5", column="city")
    sent("u", 1, Outcome.LANDED, Kind.DELETE, "2")
    assert sorted(ledger.created(TABLE).rows()) == [("1", "id-1", NOON + HOUR), ("3", "id-3", NOON)]
    assert ledger.created("Others").is_empty()


def test_the_last_decision_on_a_cell_counts(ledger: Ledger) -> None:
    first = Decision(TABLE, "An", "1", "city", "Gent", "Ghent", "truth", NOON, None, None)
    second = Decision(TABLE, "Jan", "1", "city", "Gent", "Ghent", "platform", NOON + HOUR, None, None)
    ledger.decide([first], NOON)
    ledger.decide([second], NOON + HOUR)
    assert ledger.decisions(TABLE) == (second,)


def test_pairs_of_one_key_are_decided_each_by_itself(ledger: Ledger) -> None:
    pairs = [
        Decision(TABLE, "An", "1", SAME_PERSON, "1", other, "two_people", NOON, None, None) for other in ("2", "3")
    ]
    ledger.decide(pairs, NOON)
    assert ledger.decisions(TABLE) == tuple(pairs)


def test_erased_people_are_recognised_and_not_readable(ledger: Ledger, tmp_path: Path) -> None:
    ledger.remember_erased([("emailAddress", "An.Peeters@example.com")], NOON)
    assert ledger.erased_among("emailAddress", ["an.peeters@example.com ", "x@example.com"]) == {
        "an.peeters@example.com "
    }
    assert ledger.erased_among("nickname", ["an.peeters@example.com"]) == frozenset()
    name = 'Zoë "An"\tD\\e\x7f'
    ledger.remember_erased([("naam ë", f" {name} ")], NOON)
    with sqlite3.connect(tmp_path / "state" / FILE) as database:
        [(salt,)] = database.execute("SELECT value FROM facts WHERE name = 'salt'").fetchall()
        *_, (kept,) = database.execute("SELECT hash FROM erased ORDER BY id").fetchall()
    text = json.dumps(["naam ë", name.casefold()], ensure_ascii=False)
    assert kept == hmac.new(salt, text.encode(), "sha256").hexdigest(), "who was erased once is known for ever"
    assert all(b"eeters" not in file.read_bytes() for file in (tmp_path / "state").iterdir())


def full(ledger: Ledger) -> None:
    """Something in every table."""
    ledger.record_run(RunRecord("r1", TABLE, NOON, NOON, Verdict.CLEAN, {}))
    ledger.record_plan(PlanRecord("p", "r1", TABLE, "correct", NOON, "", {}, None))
    ledger.settle(ledger.intend("p", TABLE, [update("1"), update("2", number=1)], NOON), Outcome.LANDED, NOON)
    number, _ = ledger.intend_import("p", "b", TABLE, "f", [update("3", number=2)], NOON)
    ledger.import_event(number, ImportState.STARTED, NOON, "900")
    ledger.decide([Decision(TABLE, "An", "1", "city", "Gent", "Ghent", "truth", NOON, "91", None)], NOON)
    ledger.remember_erased([("customerId", "9")], NOON)


def test_values_can_be_erased_without_breaking_the_chain(ledger: Ledger, tmp_path: Path) -> None:
    full(ledger)
    before, head = ledger.verify(), ledger.head
    assert (before.problems, before.erased) == ((), 0)
    with closing(sqlite3.connect(tmp_path / "state" / FILE)) as other, other:
        other.execute("UPDATE outcomes SET salt = NULL, profile_id = NULL WHERE id = 1")
    after = ledger.verify()
    assert (after.problems, after.erased, after.rows, ledger.head) == ((), 1, before.rows, head)
    assert ledger.states("p")[0, "city"].outcome is Outcome.LANDED, "what happened stays, to whom does not"


TAMPERING = [
    "UPDATE outcomes SET outcome = 'refused' WHERE id = 1",
    "UPDATE writes SET after = 'Gand' WHERE id = 2",
    "UPDATE writes SET seal = zeroblob(32) WHERE id = 1",
    "DELETE FROM outcomes WHERE id = 2",
    "DELETE FROM chain WHERE entry = 3",
    "UPDATE chain SET at = '2020-01-01T00:00:00.000000+00:00' WHERE entry = 2",
    "INSERT INTO erased SELECT id + 1, entry, salt, seal, hash FROM erased",
    "UPDATE imports SET salt = NULL, day = '2020-01-01'",
    "UPDATE writes SET salt = NULL, after = 'Gand' WHERE id = 2",
    "UPDATE outcomes SET salt = NULL, profile_id = NULL, outcome = 'refused' WHERE id = 1",
]


@pytest.mark.parametrize("statement", TAMPERING)
def test_tampering_shows(ledger: Ledger, tmp_path: Path, statement: str) -> None:
    """The last three pretend that values were erased."""
    full(ledger)
    with sqlite3.connect(tmp_path / "state" / FILE) as other:
        other.execute("PRAGMA foreign_keys = OFF")
        assert other.execute(statement).rowcount == 1
    other.close()
    assert ledger.verify().problems


def test_what_is_recorded_together_stands_together(ledger: Ledger) -> None:
    class Crash(BaseException):
        pass

    def crash() -> None:
        with ledger.transaction():
            ledger.intend("p", TABLE, [update("1")], NOON)
            raise Crash

    with pytest.raises(Crash):
        crash()
    assert ledger.states("p") == {}
    assert ledger.verify().entries == 0


def test_a_moment_without_a_zone_is_a_bug(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="zone"):
        ledger.intend("p", TABLE, [update("1")], NOON.replace(tzinfo=None))


def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"customerId;emailAddress\n" * 100)
    with pytest.raises(SettingsError, match="no ledger"):
        Ledger(tmp_path)


def test_an_older_ledger_gets_what_it_lacks_and_keeps_everything(tmp_path: Path) -> None:
    """The file was written by the program as it was when the ledger had version 1; see `full` for what is in it."""
    state = tmp_path / "state"
    state.mkdir()
    with closing(sqlite3.connect(state / FILE)) as file:
        file.executescript((Path(__file__).parent / "ledger_v1.sql").read_text("utf-8"))
    with Ledger(state) as ledger:
        before = ledger.verify()
        assert (before.problems, before.entries) == ((), 9)
        assert [run.run for run in ledger.runs(TABLE)] == ["r1"]
        assert ledger.states("p")[0, "city"].outcome is Outcome.LANDED
        assert keys(ledger.pending(TABLE, NOON - HOUR)) == ["1", "2", "3"]
        assert [one.execution for one in ledger.imports()] == ["900"]
        assert [one.person for one in ledger.decisions(TABLE)] == ["An"]
        assert ledger.erased_among("customerId", ["9"]) == {"9"}
        ledger.record_structure("s", TABLE, ["attribute shoeSize"], StructureState.SENT, NOON)
    with Ledger(state) as ledger:
        assert ledger.verify().problems == ()
        assert ledger.verify().entries == before.entries + 1


def test_a_newer_ledger_is_refused(tmp_path: Path) -> None:
    Ledger(tmp_path).close()
    other = sqlite3.connect(tmp_path / FILE)
    other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(SettingsError, match="version 99"):
        Ledger(tmp_path)


def test_a_state_folder_that_cannot_be_written_means_try_later(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file in the way")
    with pytest.raises(TryLater, match="state"):
        Ledger(tmp_path / "state")


def test_a_full_disk_is_told_in_our_words_with_what_to_do(tmp_path: Path) -> None:
    """Of the database itself, which takes no page more, and what is recorded stands."""
    with Ledger(tmp_path) as ledger:
        ledger.intend("plan", TABLE, [update("C1")], NOON)
        ledger._chain.query("PRAGMA max_page_count = 1")
        with pytest.raises(TryLater) as error:
            ledger.intend("plan", TABLE, [update(f"C{number}") for number in range(2000)], NOON)
    assert str(error.value) == f"the disk of {tmp_path} is full: {tmp_path / FILE} takes nothing more"
    assert error.value.hint == "free some space, then call the same command again: what is recorded stands"
    with Ledger(tmp_path) as ledger:
        assert ledger.keys(TABLE) == {"C1"}
        ledger.intend("plan", TABLE, [update("C2")], NOON)


@pytest.mark.parametrize(
    ("code", "said", "to_do"),
    [
        (sqlite3.SQLITE_IOERR | 3 << 8, "does not let", "full or failing"),
        (sqlite3.SQLITE_READONLY | 1 << 8, "cannot be opened or written", "who may read and write in"),
        (sqlite3.SQLITE_CANTOPEN, "cannot be opened or written", "who may read and write in"),
        (sqlite3.SQLITE_BUSY, "is in use by another process", "wait until"),
    ],
)
def test_what_sqlite_complains_of_is_told_with_the_place_and_what_to_do(code: int, said: str, to_do: str) -> None:
    error = sqlite3.OperationalError("its own words")
    error.sqlite_errorcode, error.sqlite_errorname = code, "SQLITE_X"
    told = in_our_words(Path("state") / FILE, error)
    assert said in str(told)
    assert str(Path("state") / FILE) in str(told)
    assert to_do in str(told.hint)
    assert "its own words" not in str(told)


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_state_folder_in_which_nobody_can_be_at_work_means_try_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Root may write anywhere: what a read-only disk answers is put into its mouth."""

    def refuses(path: object, flags: int, mode: int = 0o777) -> int:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(os, "open", refuses)
    with pytest.raises(TryLater, match=f"cannot be written: {os.strerror(number)}"), hold(tmp_path / "lock", "a"):
        pytest.fail("somebody is at work")


def test_who_cannot_say_what_they_do_on_a_full_disk_holds_the_lock_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(descriptor: int, text: bytes, offset: int) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", refuses)
    with (
        hold(tmp_path / "lock", "auditor apply"),
        pytest.raises(TryLater, match="another auditor is at work"),
        hold(tmp_path / "lock", "auditor apply"),
    ):
        pytest.fail("two are at work")


HOLDER = """
import sys
from pathlib import Path
from auditor.state.ledger.chain import in_our_words
from auditor.state.ledger.lock import hold
with hold(Path(sys.argv[1]), "auditor run"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other_process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock until its input is closed."""
    arguments = [sys.executable, "-c", HOLDER, str(tmp_path / "lock")]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_lock_names_who_holds_it(tmp_path: Path, other_process: subprocess.Popen[str]) -> None:
    with pytest.raises(TryLater, match=rf"process {other_process.pid} \(auditor run\)") as caught:  # noqa: SIM117
        with hold(tmp_path / "lock", "auditor apply"):
            pytest.fail("two hold the lock")
    assert caught.value.exit_code is Exit.TRY_LATER


def test_the_lock_dies_with_its_holder(tmp_path: Path, other_process: subprocess.Popen[str]) -> None:
    other_process.kill()
    other_process.wait()
    with hold(tmp_path / "lock", "auditor apply"):
        pass
    with hold(tmp_path / "lock", "auditor apply"):
        pass


def test_looking_up_outcomes_uses_an_index(ledger: Ledger, tmp_path: Path) -> None:
    """Otherwise every question takes time with the square of the writes ever made."""
    other = sqlite3.connect(tmp_path / "state" / FILE)
    steps = [row[3] for row in other.execute("EXPLAIN QUERY PLAN SELECT * FROM writes_now WHERE plan = ''")]
    other.close()
    assert any("outcomes_write (write=?)" in step for step in steps)
    assert any("writes_plan (plan=?)" in step for step in steps)
    assert any("import_events_import (import=?)" in step for step in steps)
