"""What `show` says has become of a decision: each of its states by its own words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from auditor.commands.show_decided import Now, made
from auditor.findings.answers import Answer
from auditor.findings.decided import STANDING, Standing
from auditor.model import Kind, Status
from auditor.state.ledger.records import PROFILE, SAME_PERSON, About, Decision
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
WRONG = replace(NEWS, truth="false", choice="platform")
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
        (GROUNDS, {"findings": {(NEWS.column, "without_evidence"): Answer.GROUNDS}}, Standing.VALID),
        (GROUNDS, {"findings": {(NEWS.column, "without_evidence"): Answer.CHANGED}}, Standing.CHANGED),
        (GROUNDS, {"findings": {(NEWS.column, "without_evidence"): Answer.EXPIRED}}, Standing.EXPIRED),
        (GROUNDS, {"findings": {(NEWS.column, "without_contact"): Answer.OPEN}}, Standing.UNFOUND),
    ],
)
def test_a_decision_that_nobody_carried_out(one: Decision, now: dict[str, Any], expected: Standing) -> None:
    [told] = made([one], NOTHING, replace(NOW, **now))
    assert (told.standing, told.by, told.plan) == (expected, None, None)


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
        (WRONG, {"column": NEWS.column, "after": "true"}, False),
        (WRONG, {"column": NEWS.column, "after": "false", "kind": Kind.UNSUBSCRIBE}, False),
    ],
)
def test_a_decision_is_carried_out_by_the_write_that_does_what_it_says(
    one: Decision, write: dict[str, Any], *, done: bool
) -> None:
    sent = written(**write)
    [told] = made([one], sent, replace(NOW, cells={one.column: None}))
    assert told.standing is (Standing.DONE if done else Standing.CHANGED)
    assert (told.plan, told.at) == (("p1", sent["sent_at"][0]) if done else (None, None))


def test_an_opt_out_that_was_given_back_is_told_as_such_and_not_as_a_value_that_was_kept() -> None:
    sent = written(column=NEWS.column, after="true", kind=Kind.SUBSCRIBE)
    assert [made([WRONG], writes, NOW)[0].given_back for writes in (sent, NOTHING)] == [True, False]


def test_of_two_decisions_on_the_same_the_later_counts_and_says_who() -> None:
    later = replace(CITY, person="Bob", choice="platform", decided_at=AT + timedelta(hours=2))
    now = replace(NOW, cells={"city": True})
    assert [(one.standing, one.by) for one in made([CITY, later], NOTHING, now)] == [
        (Standing.OVERRULED, "Bob"),
        (Standing.VALID, None),
    ]
    again = replace(later, person="Ann")
    assert made([CITY, again], NOTHING, now)[0].by is None, "they themselves"
    before, after = (written(at=later.decided_at + timedelta(hours=shift)) for shift in (-1, 1))
    assert made([CITY, later], before, now)[0].standing is Standing.DONE, "carried out before anybody decided again"
    assert made([CITY, later], after, now)[0].standing is Standing.OVERRULED
    other = replace(CITY, column="country")
    assert made([CITY, other], NOTHING, now)[0].standing is Standing.VALID
    of_the_finding = replace(GROUNDS, decided_at=AT + timedelta(hours=1), person="Bob")
    assert made([NEWS, of_the_finding], NOTHING, now)[0].by == "Bob", "of the finding and of its cell the later counts"


def test_each_state_has_words_of_its_own() -> None:
    assert set(STANDING) == set(Standing)
    assert len(set(STANDING.values())) == len(Standing)
