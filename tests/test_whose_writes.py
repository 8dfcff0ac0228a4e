"""What was written is a person's: whoever has their key since has none of it, and who got another key keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import polars as pl
import pytest

from auditor.commands.since import _later
from auditor.model import Kind, Outcome, Route, Verdict
from auditor.plan.knowledge import on_before
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import Decision, Intent, Pin, PlanRecord, RunRecord
from auditor.writes import Cell, Write
from tests.test_apply import plan_of

TABLE = "Customers"
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
OLD, NEW = "C1", "C9"
ANN, BOB = "1", "2"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "state") as opened:
        yield opened


def wrote(
    ledger: Ledger,
    plan: str,
    hour: int,
    key: str,
    who: str | None,
    *,
    column: str | None = "city",
    kind: Kind = Kind.UPDATE,
    undoes: str | None = None,
    outcome: Outcome = Outcome.LANDED,
) -> int:
    """A plan writes one cell; gives its number."""
    purpose: Literal["undo", "correct"] = "undo" if undoes else "correct"
    at = NOON + hour * HOUR
    ledger.record_plan(PlanRecord(plan, "r", TABLE, purpose, at, "", {}, undoes))
    [number] = ledger.intend(plan, TABLE, [Intent(0, kind, Route.SINGLE, key, who, column, "old", "new")], at)
    ledger.settle([number], outcome, at)
    return number


def told(frame: pl.DataFrame, *columns: str) -> list[tuple[object, ...]]:
    return frame.select(columns).rows()


def test_what_was_taken_back_stays_so_when_the_key_goes_to_somebody_else(ledger: Ledger) -> None:
    wrote(ledger, "p", 0, OLD, ANN)
    wrote(ledger, "u", 1, OLD, ANN, undoes="p")
    wrote(ledger, "q", 2, OLD, BOB)
    assert told(ledger.undone(TABLE), "key", "profile_id") == [(OLD, ANN)]
    assert ledger.taken_back(TABLE, "p") == {(OLD, "city")}
    assert told(ledger.last_plans(TABLE), "profile_id", "plan") == [(ANN, "u"), (BOB, "q")]
    assert told(ledger.pending(TABLE, NOON - HOUR), "profile_id", "sent_at") == [
        (ANN, NOON + HOUR),
        (BOB, NOON + 2 * HOUR),
    ]


def test_what_was_put_back_is_ours_until_the_platform_says_something_else(ledger: Ledger) -> None:
    """Also once the undo is over, because the truth has said something else since."""

    def runs(name: str, **over: list[int]) -> list[bool]:
        ledger.record_run(RunRecord(name, TABLE, NOON, NOON, Verdict.FINDINGS, over))
        return [ledger.undone(TABLE, sent=sent).is_empty() for sent in (False, True)]

    wrote(ledger, "p", 0, OLD, ANN)
    number = wrote(ledger, "u", 1, OLD, ANN, undoes="p")
    assert runs("r1", moved_on=[], touched=[]) == [False, False]
    assert runs("r2", moved_on=[number]) == [True, False]
    assert runs("r3", touched=[number]) == [True, True]


def test_an_opt_in_is_taken_back_by_the_undo_of_its_plan(ledger: Ledger) -> None:
    """Of whom it was, under any key; not by a later opt-out. Whom we created has said nothing before the first."""
    for place, key, who in ((0, OLD, ANN), (1, "C3", BOB), (2, "C5", "5")):
        if place == 2:
            wrote(ledger, "made", 0, key, who, column=None, kind=Kind.CREATE)
        wrote(ledger, f"p{place}", place, key, who, kind=Kind.SUBSCRIBE)
    wrote(ledger, "u0", 4, NEW, ANN, kind=Kind.UNSUBSCRIBE, undoes="p0")
    wrote(ledger, "q", 5, "C3", BOB, kind=Kind.UNSUBSCRIBE)
    wrote(ledger, "u2", 6, "C5", "5", kind=Kind.UNSUBSCRIBE, undoes="p2")
    back = ledger.opt_ins_taken_back(TABLE)
    assert back.rows() == [
        (NEW, ANN, "city", NOON, NOON + 4 * HOUR, None),
        ("C5", "5", "city", NOON + 2 * HOUR, NOON + 6 * HOUR, NOON),
    ]
    first = [(NEW, "city", NOON, NOON + 4 * HOUR)]
    for hour, known in ((-1, 1), (1, 2), (2, 1), (3, 1)):  # before they were created, since, by us, and after it
        on = pl.DataFrame({"key": ["C5"], "column": ["city"], "at": [NOON + hour * HOUR]})
        assert (on_before(back, on).rows()[:1], on_before(back, on).height) == (first, known)


def test_what_was_written_again_is_known_of_who_has_another_key(ledger: Ledger) -> None:
    wrote(ledger, "p", 0, OLD, ANN)
    wrote(ledger, "u", 1, OLD, ANN, undoes="p")
    wrote(ledger, "q", 2, NEW, ANN)
    assert ledger.undone(TABLE).is_empty()
    assert ledger.taken_back(TABLE, "p") == set()
    assert told(ledger.last_plans(TABLE), "key", "plan") == [(NEW, "q")]
    assert told(ledger.pending(TABLE, NOON - HOUR), "key", "sent_at") == [(NEW, NOON + 2 * HOUR)]


def test_a_write_without_a_profile_id_is_of_whoever_has_the_key(ledger: Ledger) -> None:
    wrote(ledger, "p", 0, OLD, None)
    wrote(ledger, "q", 1, OLD, ANN)
    assert told(ledger.last_plans(TABLE), "profile_id", "plan") == [(ANN, "q")]
    wrote(ledger, "r", 2, OLD, None)
    assert told(ledger.last_plans(TABLE), "profile_id", "plan") == [(None, "r")]


def test_whom_we_created_is_there_though_their_key_is_somebody_elses(ledger: Ledger) -> None:
    """The last that we wrote to a person is theirs under any key, and of nobody else who has had it."""
    wrote(ledger, "p", 0, OLD, ANN, column=None, kind=Kind.CREATE)
    wrote(ledger, "q", 1, NEW, ANN)
    wrote(ledger, "r", 2, OLD, BOB, column=None, kind=Kind.CREATE)
    wrote(ledger, "s", 3, OLD, BOB)
    wrote(ledger, "t", 4, "C5", None, column=None, kind=Kind.CREATE)
    wrote(ledger, "v", 5, "C5", "5")
    wrote(ledger, "w", 6, "C6", None, column=None, kind=Kind.CREATE)
    wrote(ledger, "x", 7, "C6", "6", column=None, kind=Kind.DELETE)
    assert sorted(ledger.created(TABLE).rows(), key=str) == [
        (OLD, ANN, NOON + HOUR),
        (OLD, BOB, NOON + 3 * HOUR),
        ("C5", None, NOON + 5 * HOUR),
    ]


def test_an_export_settles_what_was_sent_to_a_person(ledger: Ledger) -> None:
    """The later of two unconfirmed writes to one person supersedes the other, whatever key they had; nobody else's."""
    first = wrote(ledger, "p", 0, OLD, ANN, outcome=Outcome.UNKNOWN)
    hers = wrote(ledger, "q", 1, NEW, ANN, outcome=Outcome.UNKNOWN)
    his = wrote(ledger, "r", 2, OLD, BOB, outcome=Outcome.UNKNOWN)
    assert told(ledger.unsettled(TABLE), "write") == [(hers,), (his,)]
    seen = pl.DataFrame({"write": [hers, his], "equal": [True, False]})
    settled = ledger.told_by_export(TABLE, seen, NOON + 9 * HOUR)
    assert (settled.landed, settled.changed, settled.superseded) == ((hers,), (his,), (first,))


def test_all_that_was_written_to_a_person_is_told_of_them(ledger: Ledger) -> None:
    wrote(ledger, "p", 0, OLD, ANN)
    wrote(ledger, "q", 1, NEW, ANN)
    wrote(ledger, "r", 2, OLD, BOB)
    wrote(ledger, "s", 3, NEW, None)
    assert told(ledger.writes_of(TABLE, NEW, ANN), "plan") == [("p",), ("q",), ("s",)]
    assert told(ledger.writes_of(TABLE, OLD, BOB), "plan") == [("r",)]
    assert told(ledger.writes_of(TABLE, OLD, None), "plan") == [("p",), ("r",)]


def test_an_undo_is_held_against_what_was_written_and_said_of_its_people(ledger: Ledger) -> None:
    """Bob has had Ann's key since, and she another one: what was written, decided and pinned of him stops no undo of
    hers, and what was of her does.
    """
    wrote(ledger, "p", 0, OLD, ANN)
    undo = plan_of(
        Write(Kind.UPDATE, Route.SINGLE, OLD, ANN, (Cell("city", "new", "old"),), None, False, None, None),
        purpose="undo", undoes="p", made=NOON,
    )  # fmt: skip
    at = NOON + HOUR
    wrote(ledger, "q", 2, OLD, BOB)
    ledger.decide([Decision(TABLE, "Mia", OLD, "city", "new", "old", "platform", at, BOB, None)], at)
    ledger.pin(Pin(TABLE, "Mia", OLD, BOB, "city", "new", "seen", at + 9 * HOUR, at), at)
    later = _later(undo, ledger, at)
    assert [*later.written, *later.decided, *later.pinned] == []
    wrote(ledger, "s", 3, NEW, ANN)
    ledger.decide([Decision(TABLE, "Mia", NEW, "city", "new", "old", "platform", at, ANN, None)], at)
    ledger.pin(Pin(TABLE, "Mia", NEW, ANN, "city", "new", "seen", at + 9 * HOUR, at), at)
    later = _later(undo, ledger, at)
    assert [set(some) for some in (later.written, later.decided, later.pinned)] == [{(OLD, "city")}] * 3
