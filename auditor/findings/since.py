"""Why a planned cell is not written any more when its plan is carried out: what is known since it was made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

Place: TypeAlias = tuple[int, str | None]
"""Number of a write in its plan, and the column of its cell; None: the profile itself."""

Spot: TypeAlias = tuple[str, str | None]
"""Key and column; None: the profile itself."""


class Since(StrEnum):
    """`detail` of a cell that is `skipped`, in the outcome file and in `apply --json`."""

    ERASED = "erased_since"
    """The person was erased on request."""
    OTHER_PERSON = "other_person"
    """The key belongs to somebody else by now."""
    RENAMED = "renamed_since"
    """The person has another key: what is to be written of them now is planned under that one."""
    GONE = "gone_since"
    """The platform does not have the person any more: a creation would bring somebody back."""
    DECIDED = "decided_since"
    """A person decided otherwise, or somebody else decided."""
    UNDONE = "undone_since"
    """It was written and taken back, and nothing has changed since."""
    PINNED = "pinned_since"
    """A person says that the platform is right, until a day."""
    WRITTEN = "written_since"
    """Another plan has written the cell."""
    OPTED_OUT = "opted_out_since"
    """An opt-in whose evidence is not later than the last opt-out known by now."""
    CONSENT = "consent_off"
    """An opt-in of somebody whose general consent is off on both sides, or on the profile as it is read."""
    PLATFORM = "platform_changed_since"
    """The newest run saw another value on the platform than the plan was made on."""
    TRUTH = "truth_changed_since"
    """The truth says something else than what was planned."""
    AGREES = "agrees_now"
    """The newest run saw no difference any more."""
    THERE = "there_now"
    """Somebody who was to be created is on the platform, or another profile has a value of theirs."""
    UNPLANNED = "unplanned_now"
    """A plan that is made now would not write it, for another reason."""
    WITH_ANOTHER = "with_another"
    """Nothing speaks against the cell itself, but it only goes together with one that is not written."""


OTHERWISE: Final = (Since.PLATFORM, Since.TRUTH, Since.RENAMED)
"""The cell still differs, but otherwise, or may; for any other reason there is nothing to write any more."""


@dataclass(frozen=True)
class Drift:
    """What of a plan is not written any more, by what it was held against."""

    run: str | None
    """The newest run; None: the ledger alone, as an undo is."""
    held: Mapping[Place, Since]
    new: tuple[Spot, ...]
    """What a plan of the same people would write now beside it."""
    keys: Mapping[int, str]
    """By the number of its write, whose cells are held; of who has another key by now both."""

    def spots(self, why: Since) -> list[Spot]:
        """What is held for this reason, in the plan's order, as far as it is known whose it is."""
        held = sorted((number, column or "") for (number, column), since in self.held.items() if since is why)
        return [(self.keys[number], column or None) for number, column in held if number in self.keys]

    @property
    def counts(self) -> Mapping[Since, int]:
        """Cells that are not written, by reason, in the order of `Since`."""
        found = Counter(self.held.values())
        return {since: found[since] for since in Since if found[since]}

    @property
    def changed(self) -> int:
        """Cells that still differ, but otherwise."""
        return sum(since in OTHERWISE for since in self.held.values())

    @property
    def gone(self) -> int:
        """Cells of which nothing is to be written any more."""
        return len(self.held) - self.changed


NO_DRIFT: Final = Drift(None, {}, (), {})
"""Of a plan of which nothing is left to be sent."""
