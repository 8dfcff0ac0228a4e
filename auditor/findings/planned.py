"""What a plan does, in the words of screens and pages: kinds of writes, routes, and what each write risks.

A text that holds `{platform}` or `{truth}` is completed by `Words`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from auditor.findings.english.numbers import counted
from auditor.model import Kind, Permission

KIND: Final[Mapping[Kind, str]] = {
    Kind.UNSUBSCRIBE: "with permissions withdrawn",
    Kind.UPDATE: "corrected",
    Kind.CLEAR: "with values cleared",
    Kind.SUBSCRIBE: "given permissions",
    Kind.CREATE: "created",
    Kind.DELETE: "deleted",
}
"""What becomes of profiles: what brakes count and a confirmation repeats."""


def in_words(counts: Mapping[Kind, int] | Mapping[str, int]) -> str:
    """`2 profiles corrected, 1 created`: how many a plan touches in which way."""
    told = [(number, KIND[Kind(kind)]) for kind, number in counts.items() if number]
    first = [f"{counted(number, 'profile')} {what}" for number, what in told[:1]]
    return ", ".join([*first, *(f"{number:,} {what}" for number, what in told[1:])]) or "nothing to write"


def against(given: Mapping[str, int]) -> str:
    """`1 opt-in of news against {truth}, which says no`: how many of each permission; empty where there is none."""
    told = [f"{counted(number, 'opt-in')} of {column}" for column, number in sorted(given.items()) if number]
    return f"{' and '.join(told)} against {{truth}}, which says no" if told else ""


ONE: Final[Mapping[Kind, str]] = {
    Kind.UNSUBSCRIBE: "permission withdrawn",
    Kind.UPDATE: "correction",
    Kind.CLEAR: "value cleared",
    Kind.SUBSCRIBE: "permission given",
    Kind.CREATE: "creation",
    Kind.DELETE: "deletion",
}
"""What a write is."""

PURPOSE: Final[Mapping[str, str]] = {
    "correct": "corrections",
    "create": "creations",
    "load": "first load",
    "undo": "undo",
}

MAY_CONTACT: Final[Mapping[str, str]] = {
    Permission.ON: "may be contacted",
    Permission.OFF: "may not be contacted",
    Permission.EMPTY: "says neither yes nor no",
}
"""What a permission says, whichever way round its column is spelt."""


def may_contact(said: str | None, text: str | None) -> str:
    """What a permission cell says in words, with its raw text beside it; empty where there is neither."""
    words = MAY_CONTACT.get(said, said) if said else ""
    return " ".join(part for part in (words, f"({text})" if text else "") if part)


class Risk(StrEnum):
    """What to know of a write before it is made."""

    CONTACTABLE = "contactable"
    DELETED = "deleted"
    WITHDRAWN = "withdrawn"
    EMPTIED = "emptied"
    NEW = "new"
    ADDRESS = "address"
    IDENTITY = "identity"
    UNSEEN = "unseen"
    STARTS = "starts"
    TRUTH_SAYS_NO = "truth_says_no"
    SENT_BEFORE = "sent_before"


RISK: Final[Mapping[Risk, str]] = {
    Risk.CONTACTABLE: "the person may be contacted from then on",
    Risk.DELETED: "cannot be undone: a deleted profile does not come back",
    Risk.WITHDRAWN: "cannot be undone: a permission is given back one by one, where it was withdrawn in error",
    Risk.EMPTIED: "leaves the field empty",
    Risk.NEW: "adds a person; an undo leaves them there unless --delete-created is asked for",
    Risk.ADDRESS: "messages go to another address or number from then on",
    Risk.IDENTITY: "the profile is known by this value: others may look for the old one",
    Risk.UNSEEN: "goes by file: what somebody changes in {platform} after the export is overwritten, and shown only by "
    "an export that is taken in between",
    Risk.STARTS: "may start a scenario, which cannot be undone",
    Risk.TRUTH_SAYS_NO: "{truth} says no: only whoever says that the opt-out was an error speaks for it",
    Risk.SENT_BEFORE: "went by file before, and a newer export says yes: whether the file changed it, and somebody has "
    "said yes since, nobody knows",
}


def may_start(realtime: Sequence[str]) -> str:
    """What is known of the scenarios that writes start, by the globs of the fields that the settings name."""
    if realtime:
        named = ", ".join(realtime)
        return f"May start scenarios: writes of {named} (fixes.realtime), marked; of others it is not known."
    return (
        "May start scenarios: not known. {platform} does not say which write starts one, and the settings name no "
        "field that does (fixes.realtime)."
    )


LASTING: Final = frozenset({Risk.DELETED, Risk.WITHDRAWN, Risk.STARTS})
"""What no undo takes back."""
