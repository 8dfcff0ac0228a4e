"""Why a cell or a profile is left alone, in the words of pages and plans. The side names are completed by `Words`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from auditor.findings.words import DAMAGE, Words
from auditor.model import Why

WHY: Final[dict[str, str]] = {
    Why.PENDING: "sent, not yet in an export",
    Why.NOT_TAKEN: "in none of what was approved: auditor plan has it",
    Why.WAITING: "waiting for the next synchronisation",
    Why.BLOCKED: "{platform} would refuse it",
    Why.DECISION: "for a person to decide",
    Why.CHANGED: "changed since somebody decided",
    Why.DAMAGED: "looks damaged in {truth}: for a person to decide",
    Why.IGNORED: "as somebody decided",
    Why.PINNED: "pinned: right in {platform}, as somebody says until a day",
    Why.REFUSED: "refused in a review, for some days",
    Why.NEVER: "never written, as the mapping says",
    Why.FILLED: "filled in {platform}: written only where empty, as the mapping says",
    Why.UNDONE: "written once and taken back",
    Why.FOR_THE_TRUTH: "for the owners of {truth} (for-the-truth.csv)",
    Why.MASTER: "kept by the people themselves, in {platform}",
    Why.UNKNOWN_PERMISSION: "{truth} says neither yes nor no",
    Why.PERMISSION: "a permission, which is given by a person's decision only",
    Why.CREATED_WITHOUT: "created by us without this permission: for a person to decide",
    Why.EVIDENCE: "no evidence newer than the last opt-out",
    Why.FUTURE: "its evidence is dated in the future",
    Why.CONSENT: "the general consent is off",
    Why.FORGOTTEN: "who opted out or was deleted before is not known",
    Why.CIRCLE: "profiles exchange this unique value",
    Why.TAKEN: "another profile has this unique value",
    Why.QUOTA: "too many for the calls of a week",
    Why.GATHERING: "too few for a file: waits up to two days for more",
    Why.GONE: "deleted in {platform} since an earlier run",
    Why.ERASED: "erased on request",
    Why.SAME_PERSON: "probably one person under two keys: for a person to decide",
    Why.ONE_PERSON: "one person under two keys, as somebody decided",
    Why.UNADDRESSED: "{platform} cannot be told which profile it is",
    Why.LISTED: "only in {platform}: listed, not deleted",
    Why.DUPLICATE: "same key twice",
    Why.NOT_CHECKED: "may be in rows that could not be read",
    Why.TOUCHED: "changed since we wrote it",
    Why.CREATED: "created, and stays",
    Why.DELETED: "deleted, and cannot come back",
    Why.UNMAPPED: "no longer in the mapping",
    Why.ANOTHER_KEY: "has another key in {platform} by now: carry it over first (auditor rekey --map old-new.csv)",
    Why.MADE_ANEW: "deleted in {platform}: another profile has the key by now, and keeps what it has",
    Why.ASTRAY: "written by file to another profile, which had this key by then: correct that one in {platform}",
}
"""Why a cell or a profile is left alone."""

OF_A_CELL: Final[Mapping[str, str]] = {
    **WHY,
    **{f"{Why.DAMAGED}:{damage}": f"looks damaged in {{truth}}: {said}" for damage, said in DAMAGE.items()},
}
"""The same, and of damage what it is."""

OF_AN_UNDO: Final[dict[str, str]] = {
    Why.PERMISSION: "permissions that the plan withdrew: nobody gets one back by itself",
    Why.CREATED: "created, and stays: --delete-created deletes who is untouched",
    Why.ERASED: "erased from the record since: nobody knows any more what was there before",
    Why.GONE: "deleted in {platform} since: nobody is there to whom it could be given back",
}
"""What is said otherwise where a plan is taken back."""


def create_again(key: str) -> str:
    """The command by which a person decides anew on somebody whom we created and an undo deleted; `key` as a shell
    takes it.
    """
    return f"auditor plan --create-again {key} --by NAME"


OF_CREATIONS: Final[dict[str, str]] = {
    Why.UNDONE: f"taken back; to decide anew: {create_again('KEY')}",
}
"""What is said otherwise of who is to be created, on a line of a terminal."""


def reasons(purpose: str, say: Words) -> Mapping[str, str]:
    """Why a plan of this purpose leaves something alone, by its code."""
    own = {"undo": OF_AN_UNDO, "create": OF_CREATIONS}.get(purpose, {})
    return {why: say.fill(told) for why, told in (WHY | own).items()}


def worth_saying(why: str | None, flags: Collection[str], damage: str | None) -> str | None:
    """Why a differing cell is not corrected, as OF_A_CELL has it, beside what becomes of it and its flags; None: they
    say it already.
    """
    if why == Why.DAMAGED and damage:
        return f"{why}:{damage}"
    return None if why in (Why.DECISION, Why.FOR_THE_TRUTH, Why.CREATED_WITHOUT) or why in flags else why
