"""Who may be contacted, by books that know nothing of how the auditor finds out.

Whoever makes a person say something, shows it to a run or decides on it enters it here; every permission that the
auditor changes on the platform is held against these entries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from auditor.actito import Collection

BRUSSELS: Final = ZoneInfo("Europe/Brussels")
NEWS, CONSENT, SILENT = "subscriptions#News", "marketingConsent", "doNotContact"
TRUTH_NAMES: Final = {NEWS: "news", CONSENT: "consent", SILENT: "silent"}
SOURCE: Final = "shop"


class BrokenLaw(AssertionError):
    """Somebody may be contacted who may not be, or is there again who was erased."""


def on(column: str, text: str | None) -> bool:
    """Whether somebody may be contacted, as the platform reads the cell."""
    return (text or "").lower() == ("false" if column == SILENT else "true")


def off(column: str, text: str | None) -> bool:
    return (text or "").lower() == ("true" if column == SILENT else "false")


@dataclass(frozen=True, slots=True)
class Decided:
    """For the truth's value, by whom, and on what they saw on the platform."""

    by: str
    here: str | None
    gives: bool


@dataclass
class Person:
    """Somebody, whatever keys they have had."""

    number: int
    key: str
    profile_id: str | None
    row: dict[str, str] | None
    """What the truth says of them; None: nothing."""
    off: set[tuple[str, str]] = field(default_factory=set)
    """Side and column of what was off when it was last seen: by a run, or by our own write."""
    known: dict[str, datetime] = field(default_factory=dict)
    """Column → the last opt-out known of theirs, on either side: when a run first saw it, or when we wrote it."""
    times: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often that was: side and column."""
    ours: dict[str, datetime] = field(default_factory=dict)
    """Column → when we withdrew it last."""
    decided: dict[str, Decided] = field(default_factory=dict)
    """Column → the last decision, where it was for the truth's value and neither an opt-out was seen since, nor have
    we written the cell."""
    shown: dict[str, str] | None = None
    """Their row of the truth as the newest run saw it."""
    touched: datetime | None = None
    """When somebody else than the auditor changed their profile last."""
    erased: bool = False
    story: list[str] = field(default_factory=list)

    def seen(self, side: str, states: Mapping[str, str | None], at: datetime) -> None:
        """A run shows what a side says at a moment, as the platform would spell it."""
        for column, text in states.items():
            if not off(column, text):
                self.off.discard((side, column))
            elif (side, column) not in self.off:
                self._is_known_off(side, column, at)

    def says(self, column: str) -> str | None:
        """What the truth says there, as the platform would spell it."""
        return None if self.row is None else {"yes": "true", "no": "false"}[self.row[TRUTH_NAMES[column]]]

    def withdrawn(self, column: str, at: datetime) -> None:
        """By the auditor."""
        self.ours[column] = at
        self._is_known_off("platform", column, at)

    def given(self, column: str) -> None:
        """By the auditor."""
        self.off.discard(("platform", column))

    def _is_known_off(self, side: str, column: str, at: datetime) -> None:
        self.off.add((side, column))
        self.decided.pop(column, None)
        self.times[side, column] += 1
        self.known[column] = max(at, self.known.get(column, at))


@dataclass(frozen=True, slots=True)
class Write:
    """What the auditor does to a profile."""

    before: Mapping[str, str | None]
    single: bool
    given: Collection | None
    now: datetime
    restored: str | None = None
    """The column that a named person has just called withdrawn in error."""


def unlawful(one: Person, column: str, write: Write) -> str | None:
    """What is wrong with giving somebody a permission, or clearing an opt-out of theirs; None: nothing."""
    if not write.single:
        return "by a file or a creation"
    if column != CONSENT and (off(CONSENT, write.before.get(CONSENT)) or ("truth", CONSENT) in one.off):
        return "while the general consent was off"
    if write.given is None and column == write.restored:
        return _not_wrong(one, column)
    if write.given is None:
        return "without evidence"
    decided = one.decided.get(column)
    if decided is None:
        return "and nobody has decided so of this person"
    if not decided.gives or (decided.here or None) != (write.before.get(column) or None):
        return f"and {decided.by} has decided so on other values"
    return _evidence(one, column, write.given, write.now)


def _evidence(one: Person, column: str, given: Collection, now: datetime) -> str | None:
    told = datetime.strptime(given.moment, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BRUSSELS)
    last = one.known.get(column)
    if last is not None and told <= last.replace(microsecond=0):
        return f"on evidence of {told.astimezone(UTC)}, and an opt-out of {last} is known"
    own = one.shown or {}
    if (given.moment, given.source) != (own.get(f"{TRUTH_NAMES[column]}_at"), SOURCE) or told > now:
        return f"on evidence of {told.astimezone(UTC)} that is not theirs"
    return None


def _not_wrong(one: Person, column: str) -> str | None:
    """Why an opt-out is not given back as written in error."""
    ours = one.ours.get(column)
    if ours is None:
        return "back, and the auditor never withdrew it"
    if one.times["platform", column] > 1 or one.times["truth", column] > 1:
        return "back, and another opt-out is known"
    if one.touched is not None and one.touched > ours:
        return "back, and the profile was touched since"
    return None
