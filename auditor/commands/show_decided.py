"""What has become of each decision about one profile, by all that is known now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import polars as pl

from auditor.commands.decided import on_the_same
from auditor.findings.answers import OPEN, Answer
from auditor.findings.decided import Standing
from auditor.model import Kind, Outcome, Status
from auditor.plan.decisions import Choice
from auditor.state.ledger.records import PROFILE, SAME_PERSON, Decision

_ON_BOTH: Final = (Status.EQUAL, Status.STALE, Status.CONFLICTING)


@dataclass(frozen=True, slots=True)
class Now:
    """What one profile is now."""

    whose: str | None
    """Its profileId, or who is to be created, as decisions know them; None: nobody can tell."""
    here: bool
    """Somebody has the key on either side."""
    status: Status | None
    """None: on neither side, or outside the population."""
    cells: Mapping[str, bool | None]
    """What differs; whether what was decided last on it holds, None where nothing that was decided counts any more."""
    findings: Mapping[tuple[str, str], Answer]
    """What becomes of each permission finding, by column and finding."""
    pairs: frozenset[frozenset[str]]
    """The pairs of keys that are probably one person."""
    refusals_since: datetime
    """Refusals that were made before are over."""


@dataclass(frozen=True, slots=True)
class Made:
    """What somebody decided, and what has become of it."""

    decision: Decision
    standing: Standing
    by: str | None
    """Who overruled it; None: nobody, or they themselves."""
    plan: str | None
    """The plan that carried it out; None, like `at`, where none did."""
    at: datetime | None

    @property
    def given_back(self) -> bool:
        """Whether an opt-out that was written in error was taken back by it."""
        return self.decision.choice == Choice.PLATFORM and self.standing is Standing.DONE


def made(decisions: Sequence[Decision], writes: pl.DataFrame, now: Now) -> tuple[Made, ...]:
    """What has become of each decision about a profile; they are in the order in which they were made.

    `writes`: as `Ledger.writes_of`, what was ever written to it.
    """
    sent = writes.filter(pl.col("sent_at").is_not_null()).sort("sent_at", maintain_order=True).to_dicts()
    return tuple(_made(one, decisions[place + 1 :], sent, now) for place, one in enumerate(decisions))


def _made(one: Decision, later: Sequence[Decision], sent: Sequence[Mapping[str, Any]], now: Now) -> Made:
    overruling = [other for other in later if on_the_same(one, other)]
    until = overruling[0].decided_at if overruling else None
    for write in sent:
        if _carries_out(write, one) and (until is None or write["sent_at"] < until):
            return Made(one, Standing.DONE, None, write["plan"], write["sent_at"])
    if overruling:
        last = overruling[-1].person
        return Made(one, Standing.OVERRULED, last if last != one.person else None, None, None)
    return Made(one, _standing(one, now), None, None, None)


def _carries_out(write: Mapping[str, Any], one: Decision) -> bool:
    """Whether a write did, or may have done, what was decided."""
    whole = one.column == PROFILE and write["column"] is None and write["kind"] == Kind.CREATE
    if not (whole or write["column"] == one.column) or write["sent_at"] < one.decided_at:
        return False
    if write["outcome"] not in (Outcome.LANDED, Outcome.UNKNOWN, None):
        return False
    wanted = one.choice == Choice.TRUTH and (write["after"] or None) == (one.truth or None)
    return wanted or one.choice == Choice.WITHDRAW or _gives_back(write, one)


def _gives_back(write: Mapping[str, Any], one: Decision) -> bool:
    """Whether a write took back an opt-out that somebody says was written in error: the one way in which keeping the
    platform's value is written.
    """
    return one.choice == Choice.PLATFORM and write["kind"] == Kind.SUBSCRIBE and write["after"] == one.platform


def _standing(one: Decision, now: Now) -> Standing:
    if not now.here or (one.profile_id is not None and one.profile_id != now.whose):
        return Standing.NOBODY
    if one.choice == Choice.REFUSED and one.decided_at <= now.refusals_since:
        return Standing.EXPIRED
    if one.column == SAME_PERSON:
        return Standing.VALID if frozenset((one.platform or "", one.truth or "")) in now.pairs else Standing.UNFOUND
    if one.about is not None:
        return _of_a_finding(now.findings.get((one.column, one.about.finding)))
    if one.column == PROFILE:  # its creation or its deletion
        return Standing.VALID if now.status in (Status.MISSING, Status.ORPHAN) else Standing.UNFOUND
    if now.status is Status.MISSING:  # what it is created with
        return Standing.VALID if one.profile_id else Standing.NOBODY
    if one.column in now.cells:
        return Standing.VALID if now.cells[one.column] else Standing.CHANGED
    answers = [answer for (column, _), answer in now.findings.items() if column == one.column]
    if one.choice == Choice.WITHDRAW and answers:
        return Standing.VALID if Answer.WITHDRAWN in answers else Standing.CHANGED
    return Standing.AGREED if now.status in _ON_BOTH else Standing.UNFOUND


def _of_a_finding(answer: Answer | None) -> Standing:
    if answer is None:
        return Standing.UNFOUND
    if answer is Answer.EXPIRED:
        return Standing.EXPIRED
    return Standing.CHANGED if answer in OPEN else Standing.VALID
