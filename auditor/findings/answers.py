"""What becomes of a finding about a permission."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Final


class Answer(StrEnum):
    """What becomes of a finding, by what is known and decided."""

    OPEN = "open"
    """A person withdraws the permission, records the grounds for it, or tells the owners of the truth."""
    CHANGED = "changed"
    """The same again: the cell has changed since somebody decided, or the finding is of a later moment."""
    EXPIRED = "expired"
    """The same again: the grounds were recorded until a day that is over."""
    DIFFERENCE = "difference"
    """The two sides differ in this cell, and a person decides on the difference."""
    PLANNED = "planned"
    """Withdrawn by the next plan, by the default policy."""
    WITHDRAWN = "withdrawn"
    """Withdrawn by the next plan, as a person decided."""
    GIVEN = "given"
    """Given by the next plan, as a person decided: the two sides differ in this cell."""
    GROUNDS = "grounds"
    """A person has recorded grounds, which hold."""
    PENDING = "pending"
    """Withdrawn already, which no export shows yet."""
    OWNERS = "owners"
    """A person decided that the owners of the truth hear of it."""
    TOLD = "told"
    """The owners of the truth hear of the difference anyway."""
    LEFT = "left"
    """The difference is left alone, for a reason that stands beside it."""


OPEN: Final = (Answer.OPEN, Answer.CHANGED, Answer.EXPIRED)
"""What is to be decided on the finding itself."""

DECIDED_SO: Final = (Answer.GROUNDS, Answer.OWNERS, Answer.WITHDRAWN)
"""What a person decided of the finding itself, and holds."""

SETTLED: Final = (Answer.GROUNDS, Answer.PENDING)
"""After which a finding is none any more: nothing is left to do as long as it stays so."""

LAST_DAY: Final = date(9998, 12, 31)
"""Until when grounds and pins can be said to hold: everything ends in a year of which every day has a date in every
zone."""

ANSWER: Final[Mapping[str, str]] = {
    Answer.OPEN: "To be decided by a person",
    Answer.CHANGED: "To be decided again: changed since the last time",
    Answer.EXPIRED: "To be decided again: the grounds have expired",
    Answer.DIFFERENCE: "To be decided with the difference",
    Answer.PLANNED: "Withdrawn by the next plan",
    Answer.WITHDRAWN: "Withdrawn by the next plan, as decided",
    Answer.GIVEN: "Permission given by the next plan, as decided",
    Answer.PENDING: "Withdrawn, not yet in an export",
    Answer.GROUNDS: "Grounds recorded",
    Answer.OWNERS: "For the owners of {truth}, as decided",
    Answer.TOLD: "For the owners of {truth}",
    Answer.LEFT: "Left alone, as the difference says",
}
"""What they are called on screens; see `findings.words`."""
