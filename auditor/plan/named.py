"""What a plan leaves alone that is told one by one: what somebody answered, and whatever an undo does not take back.

All else that a plan leaves alone is counted, and its rows are those of the report.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from auditor.findings.left_alone import reasons
from auditor.findings.moments import moment
from auditor.findings.planned import MAY_CONTACT
from auditor.model import Why
from auditor.permissions import state
from auditor.plan.review import Beside, Review
from auditor.writes import LeftAlone


@dataclass(frozen=True, slots=True)
class Named:
    """A cell or a profile that is left alone, as a person reads it."""

    key: str
    """Empty where it was erased from the record."""
    column: str | None
    """None: the profile itself."""
    why: str
    """As model.Why."""
    told: str
    """Why, and who says so, in a sentence without a capital letter or a full stop of its own. It may hold a value."""
    beyond: str
    """What of that is not said of everything that is left alone for the same reason."""
    refusal: str | None
    """How the platform would refuse it, as model.Refusal."""
    by: str | None
    """Who decided that it is written, or keeps it from that."""
    at: datetime | None
    """When they decided that it is written."""
    until: str | None
    """As long as they keep it from being written, as people read it."""
    now: tuple[str | None] | None
    """What the platform has by now instead of what was written; None: nobody has seen it."""

    def document(self) -> dict[str, Any]:
        """The public form."""
        return {
            "key": self.key or None,
            "column": self.column,
            "why": self.why,
            "told": self.told,
            "refusal": self.refusal,
            "by": self.by,
            "decided_at": self.at.isoformat() if self.at else None,
            "until": self.until,
            **({"now": self.now[0]} if self.now else {}),
        }


def named(review: Review) -> Iterator[Named]:
    """Tells each cell or profile that an undo does not take back; of any other plan each cell of which somebody decided
    in vain that it is written, then each that somebody keeps from being written.
    """
    plan, beside, why = review.plan, review.beside, reasons(review.plan.purpose, review.say)
    if plan.purpose == "undo":
        for one in plan.left:
            kept = one.why == Why.PINNED and (one.key, one.column) in beside.kept
            yield from _kept(one, beside) if kept else [_not_restored(one, beside, why)]
        return
    answered = [one for one in plan.left if (one.key, one.column) in beside.decided_on and one.why != Why.PENDING]
    yield from (_in_vain(one, beside, why) for one in answered)
    for one in plan.left:
        if one.why in (Why.PINNED, Why.REFUSED) and (one.key, one.column) not in beside.decided_on:
            yield from _kept(one, beside)


def _in_vain(one: LeftAlone, beside: Beside, why: Mapping[str, str]) -> Named:
    by, at, holds = beside.decided_on[one.key, one.column]
    # Of a permission the last two are never said while a decision for it counts: something was heard of it since.
    lapsed = one.column in beside.permissions and one.why in (Why.FOR_THE_TRUTH, Why.DECISION)
    code = one.why if holds and not lapsed else Why.CHANGED.value
    told = f"decided by {by} on {moment(at)}, and not written: {why[code]}"
    return Named(one.key, one.column, code, told, told, one.refusal, by, at, until=None, now=None)


def _kept(one: LeftAlone, beside: Beside) -> Iterator[Named]:
    found = beside.kept.get((one.key, one.column))
    if found is not None:
        told = f"{'pinned' if one.why == Why.PINNED else 'refused'} by {found.by} until {found.until}"
        told += f": {found.reason}" if found.reason else ""
        told += "; changed since" if found.changed else ""
        yield Named(one.key, one.column, one.why, told, told, one.refusal, found.by, None, found.until, now=None)


def _not_restored(one: LeftAlone, beside: Beside, why: Mapping[str, str]) -> Named:
    beyond = one.refusal or ""
    now = None
    if one.why == Why.TOUCHED and (one.key, one.column) in beside.now:
        text = beside.now[one.key, one.column]
        now = (text,)
        polarity = beside.permissions.get(one.column or "")
        beyond = f'"{text}"' if text else "empty"
        beyond += f" ({MAY_CONTACT[state(text, polarity)]})" if polarity is not None else ""
    told = why[one.why] + (f": {beyond}" if now else f" ({beyond})" if beyond else "")
    return Named(one.key, one.column, one.why, told, beyond, one.refusal, None, None, None, now)
