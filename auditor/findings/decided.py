"""What people decided, in the words of pages, workbooks and screens. The side names are completed by `Words`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Final

from auditor.findings.words import Words

GIVE_BACK: Final = "give_back"
"""Somebody says that an opt-out of ours was an error, and nobody has applied the plan yet that gives it back."""
GIVEN_BACK: Final = "given_back"
"""The same once it was applied, whatever came of it."""

CHOICE: Final[Mapping[str, str]] = {
    "truth": "Use {truth} value",
    "platform": "Keep {platform} value",
    "ignore": "Leave both as they are",
    "later": "Left for now",
    "refused": "Refused for some days",
    "two_people": "Two people",
    "same": "The same person",
    "withdraw": "Withdraw now",
    "grounds": "Grounds recorded",
    "owners": "Tell the owners of {truth}",
    GIVE_BACK: "The opt-out was an error, give it back",
    GIVEN_BACK: "The opt-out was an error, give it back",
}
"""What is chosen for a cell or a pair; `later` is no decision."""


class Standing(StrEnum):
    """What has become of a decision."""

    VALID = "valid"
    WAITING = "waiting"
    """The plan that was made with it has not been applied yet."""
    FAILED = "failed"
    """The plan that was made with it was applied, and did not do it."""
    CHANGED = "changed"
    """One of the two values is another one now."""
    OVERRULED = "overruled"
    """Somebody decided on the same later."""
    DONE = "done"
    """A plan carried it out, or may have."""
    AGREED = "agreed"
    """Nothing differs any more."""
    UNFOUND = "unfound"
    """What it was about, a finding or a pair, is not found any more."""
    EXPIRED = "expired"
    """It held for some time, which is over."""
    NOBODY = "nobody"
    """The person is not here any more, and whoever has the key now is somebody else."""


STANDING: Final[Mapping[str, str]] = {
    Standing.VALID: "still valid",
    Standing.WAITING: "waiting to be applied",
    Standing.FAILED: "not carried out",
    Standing.CHANGED: "changed since it was decided",
    Standing.OVERRULED: "decided again later",
    Standing.DONE: "carried out",
    Standing.AGREED: "nothing differs any more",
    Standing.UNFOUND: "not found any more",
    Standing.EXPIRED: "its time is over",
    Standing.NOBODY: "about nobody here any more",
}


def decided(
    say: Words, choice: str, by: str, on: date | None, standing: Standing, *, overrules: str | None = None
) -> str:
    """`Use CRM value (An Smet, 2026-11-20): still valid; overrules Bob Maes`"""
    standing = Standing.WAITING if choice == GIVE_BACK else standing
    who = f"{by}, {on:%Y-%m-%d}" if on else by
    over = f"; overrules {overrules}" if overrules else ""
    return f"{say.fill(CHOICE[choice])} ({who}): {STANDING[standing]}{over}"


def otherwise(say: Words, choice: str, by: str, on: date, *, later: bool) -> str:
    """`decided otherwise before: Keep Actito value (An Smet, 2026-11-20): changed since it was decided`; `later` than
    the plan that tells it: `decided otherwise later: Keep Actito value (An Smet, 2026-11-20)`.
    """
    if later:
        return f"decided otherwise later: {say.fill(CHOICE[choice])} ({by}, {on:%Y-%m-%d})"
    return f"decided otherwise before: {decided(say, choice, by, on, Standing.CHANGED)}"


def so_far(decisions: Mapping[str, int]) -> str:
    """`50 of 341 decided`, of `Counts.decisions`."""
    changed = f", {decisions['changed']:,} changed since" if decisions["changed"] else ""
    return f"{decisions['decided']:,} of {decisions['asked']:,} decided{changed}"
