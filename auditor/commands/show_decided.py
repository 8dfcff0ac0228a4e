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
from auditor.model import Kind, Outcome, Permission, Side, Status
from auditor.plan.decisions import Choice, told
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
    """The plan that carried it out, or that was made with it for that; None where there is none."""
    at: datetime | None
    """When it was carried out; None: it was not."""
    truth_said: Permission | None
    """What the truth said of an opt-out when somebody called it an error; None: it was none, or nobody knows."""

    @property
    def choice(self) -> str:
        """The choice as people are told it: one of findings.decided.CHOICE."""
        return told(self.decision.choice, self.decision.gives_back)

    @property
    def platform(self) -> str | None:
        """What the platform had when it was decided, as far as we know; of an opt-out, what we had written."""
        return self.decision.truth if self.decision.gives_back else self.decision.platform

    @property
    def truth(self) -> str | None:
        """What the truth had; of an opt-out in error `truth_said` tells that."""
        return None if self.decision.gives_back else self.decision.truth


def made(decisions: Sequence[Decision], writes: pl.DataFrame, history: pl.DataFrame, now: Now) -> tuple[Made, ...]:
    """What has become of each decision about a profile; they are in the order in which they were made.

    `writes`: as `Ledger.writes_of`, what was ever written to it; `history`: of its permissions.
    """
    sent = writes.filter(pl.col("sent_at").is_not_null()).sort("sent_at", maintain_order=True).to_dicts()
    return tuple(
        _made(one, decisions[place + 1 :], sent, _truth_said(one, history), now) for place, one in enumerate(decisions)
    )


def _made(
    one: Decision,
    later: Sequence[Decision],
    sent: Sequence[Mapping[str, Any]],
    truth_said: Permission | None,
    now: Now,
) -> Made:
    overruling = [other for other in later if on_the_same(one, other)]
    until = overruling[0].decided_at if overruling else None
    for write in sent:
        if _carries_out(write, one) and (until is None or write["sent_at"] < until):
            return Made(one, Standing.DONE, None, write["plan"], write["sent_at"], truth_said)
    if overruling:
        last = overruling[-1].person
        return Made(one, Standing.OVERRULED, last if last != one.person else None, None, None, truth_said)
    return Made(one, _standing(one, now), None, one.gives_back.plan if one.gives_back else None, None, truth_said)


def _truth_said(one: Decision, history: pl.DataFrame) -> Permission | None:
    """What the truth said last before an opt-out was called an error, as the runs saw it."""
    if one.gives_back is None:
        return None
    side, column = pl.col("side") == Side.TRUTH.value, pl.col("column") == one.column
    said = history.filter(side, column, pl.col("at") <= one.decided_at).sort("at", maintain_order=True)["value"]
    return Permission(said[-1]) if len(said) else None


def _carries_out(write: Mapping[str, Any], one: Decision) -> bool:
    """Whether a write did, or may have done, what was decided."""
    whole = one.column == PROFILE and write["column"] is None and write["kind"] == Kind.CREATE
    if not (whole or write["column"] == one.column) or write["sent_at"] < one.decided_at:
        return False
    if write["outcome"] not in (Outcome.LANDED, Outcome.UNKNOWN, None):
        return False
    wanted = one.choice == Choice.TRUTH and (write["after"] or None) == (one.truth or None)
    gives_back = one.gives_back is not None and one.gives_back.plan == write["plan"]
    return wanted or one.choice == Choice.WITHDRAW or gives_back


def _standing(one: Decision, now: Now) -> Standing:
    if not now.here or (one.profile_id is not None and one.profile_id != now.whose):
        return Standing.NOBODY
    if one.gives_back is not None:
        return Standing.FAILED if one.gives_back.begun else Standing.WAITING
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
