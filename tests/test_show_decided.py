"""What `show` says has become of a decision: each of its states by its own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from auditor.commands.show_decided import Made, Now, made
from auditor.findings.answers import Answer
from auditor.findings.decided import STANDING, Standing
from auditor.model import Kind, Status
from auditor.permissions import HISTORY
from auditor.state.ledger.records import PROFILE, SAME_PERSON, About, Decision, GivesBack
from tests import given_time

AT = given_time.now()
NOW = Now(
    whose="1",
    here=True,
    status=Status.CONFLICTING,
    cells={},
    findings={},
    pairs=frozenset(),
    refusals_since=AT - timedelta(days=90),
)
CITY = Decision("Customers", "Ann", "C1", "city", "Gent", "Ghent", "truth", AT, "1", None)
NEWS = replace(CITY, column="subscriptions#News", platform="true", truth="true", choice="withdraw")
GROUNDS = replace(NEWS, choice="grounds", about=About("without_evidence", "paper form", date(2027, 1, 31)))
REFUSED = replace(CITY, column=PROFILE, platform=None, truth=None, choice="refused")
WRONG = replace(NEWS, truth="false", choice="platform", gives_back=GivesBack("p1", begun=False))
PAIR = Decision("Customers", "Ann", "C1", SAME_PERSON, "C1", "C2", "two_people", AT, "1", None)


def written(
    column: str = "city",
    after: str | None = "Ghent",
    outcome: str | None = "landed",
    at: datetime = AT,
    kind: Kind = Kind.UPDATE,
) -> pl.DataFrame:
    """As `Ledger.writes_of`."""
    texts = dict.fromkeys(("plan", "kind", "route", "column", "before", "after", "outcome", "detail"), pl.String())
    moments = dict.fromkeys(("sent_at", "settled_at"), pl.Datetime("us", "UTC"))
    row: Mapping[str, Any] = {"plan": "p1", "column": column, "after": after, "outcome": outcome, "sent_at": at}
    return pl.DataFrame([{**row, "kind": kind.value}], schema={**texts, **moments})


NOTHING = written().clear()


def became(decisions: Sequence[Decision], writes: pl.DataFrame, now: Now) -> tuple[Made, ...]:
    return made(decisions, writes, HISTORY.to_frame(), now)


@pytest.mark.parametrize(
    ("one", "now", "expected"),
    [
        (CITY, {"cells": {"city": True}}, Standing.VALID),
        (CITY, {"cells": {"city": False}}, Standing.CHANGED),
        (CITY, {"cells": {"city": None}}, Standing.CHANGED),
        (CITY, {"status": Status.EQUAL}, Standing.AGREED),
        (CITY, {"status": Status.ORPHAN}, Standing.UNFOUND),
        (CITY, {"here": False, "status": None, "whose": None}, Standing.NOBODY),
        (CITY, {"whose": "9", "cells": {"city": True}}, Standing.NOBODY),
        (CITY, {"whose": None, "status": Status.MISSING}, Standing.NOBODY),
        (replace(CITY, profile_id=None), {"cells": {"city": True}}, Standing.VALID),
        (replace(CITY, profile_id="new:a"), {"whose": "new:a", "status": Status.MISSING}, Standing.VALID),
        (replace(CITY, profile_id="new:a"), {"whose": "new:b", "status": Status.MISSING}, Standing.NOBODY),
        (replace(CITY, profile_id=None), {"whose": "new:a", "status": Status.MISSING}, Standing.NOBODY),
        (replace(CITY, choice="refused"), {"cells": {"city": True}}, Standing.VALID),
        (replace(CITY, choice="refused"), {"cells": {"city": None}, "refusals_since": AT}, Standing.EXPIRED),
        (REFUSED, {"status": Status.ORPHAN}, Standing.VALID),
        (REFUSED, {"status": Status.ORPHAN, "refusals_since": AT}, Standing.EXPIRED),
        (REFUSED, {"status": Status.STALE}, Standing.UNFOUND),
        (PAIR, {"pairs": frozenset({frozenset({"C2", "C1"})})}, Standing.VALID),
        (PAIR, {}, Standing.UNFOUND),
        (NEWS, {"findings": {(NEWS.column, "without_evidence"): Answer.WITHDRAWN}}, Standing.VALID),
        (NEWS, {"findings": {(NEWS.column, "without_evidence"): Answer.CHANGED}}, Standing.CHANGED),
        (NEWS, {}, Standing.AGREED),
        (WRONG, {"cells": {NEWS.column: False}}, Standing.WAITING),
        (replace(WRONG, gives_back=GivesBack("p1", begun=True)), {}, Standing.FAILED),
        (GROUNDS, {"findings": {(NEWS.column, "without_evidence"): Answer.GROUNDS}}, Standing.VALID),
        (GROUNDS, {"findings": {(NEWS.column, "without_evidence"): Answer.CHANGED}}, Standing.CHANGED),
        (GROUNDS, {"findings": {(NEWS.column, "without_evidence"): Answer.EXPIRED}}, Standing.EXPIRED),
        (GROUNDS, {"findings": {(NEWS.column, "without_contact"): Answer.OPEN}}, Standing.UNFOUND),
    ],
)
def test_a_decision_that_nobody_carried_out(one: Decision, now: dict[str, Any], expected: Standing) -> None:
    [told] = became([one], NOTHING, replace(NOW, **now))
    assert (told.standing, told.by, told.plan) == (expected, None, one.gives_back and one.gives_back.plan)


@pytest.mark.parametrize(
    ("one", "write", "done"),
    [
        (CITY, {}, True),
        (CITY, {"outcome": "unknown"}, True),
        (CITY, {"outcome": None}, True),
        (CITY, {"outcome": "changed"}, False),
        (CITY, {"after": "Gand"}, False),
        (CITY, {"column": "country"}, False),
        (CITY, {"at": AT - timedelta(seconds=1)}, False),
        (replace(CITY, choice="ignore"), {}, False),
        (replace(CITY, truth=None), {"after": ""}, True),
        (NEWS, {"column": NEWS.column, "after": "false"}, True),
        (WRONG, {"column": NEWS.column, "after": "true", "kind": Kind.SUBSCRIBE}, True),
        (replace(WRONG, gives_back=None), {"column": NEWS.column, "after": "true", "kind": Kind.SUBSCRIBE}, False),
    ],
)
def test_a_decision_is_carried_out_by_the_write_that_does_what_it_says(
    one: Decision, write: dict[str, Any], *, done: bool
) -> None:
    sent = written(**write)
    [told] = became([one], sent, replace(NOW, cells={one.column: None}))
    assert told.standing is (Standing.DONE if done else Standing.CHANGED)
    assert (told.plan, told.at) == (("p1", sent["sent_at"][0]) if done else (None, None))


def test_what_the_truth_said_of_a_wrong_opt_out_is_what_it_said_last_before_somebody_called_it_one() -> None:
    rows = [("truth", -2, "on"), ("platform", -1, "on"), ("truth", -1, "off"), ("truth", 1, "on")]
    history = pl.DataFrame(
        [
            {"side": side, "at": AT + timedelta(days=day), "column": NEWS.column, "value": said}
            for side, day, said in rows
        ],
        schema=HISTORY,
    )
    assert [made([one], NOTHING, history, NOW)[0].truth_said for one in (WRONG, NEWS)] == ["off", None]


def test_of_two_decisions_on_the_same_the_later_counts_and_says_who() -> None:
    later = replace(CITY, person="Bob", choice="platform", decided_at=AT + timedelta(hours=2))
    now = replace(NOW, cells={"city": True})
    assert [(one.standing, one.by) for one in became([CITY, later], NOTHING, now)] == [
        (Standing.OVERRULED, "Bob"),
        (Standing.VALID, None),
    ]
    again = replace(later, person="Ann")
    assert became([CITY, again], NOTHING, now)[0].by is None, "they themselves"
    before, after = (written(at=later.decided_at + timedelta(hours=shift)) for shift in (-1, 1))
    assert became([CITY, later], before, now)[0].standing is Standing.DONE, "carried out before anybody decided again"
    assert became([CITY, later], after, now)[0].standing is Standing.OVERRULED
    other = replace(CITY, column="country")
    assert became([CITY, other], NOTHING, now)[0].standing is Standing.VALID
    of_the_finding = replace(GROUNDS, decided_at=AT + timedelta(hours=1), person="Bob")
    assert became([NEWS, of_the_finding], NOTHING, now)[0].by == "Bob", (
        "of the finding and of its cell the later counts"
    )


def test_each_state_has_words_of_its_own() -> None:
    assert set(STANDING) == set(Standing)
    assert len(set(STANDING.values())) == len(Standing)
