"""What a client of Actito must not do, and who did: recorded by kind and place, without a single value.

The sandbox judges by what it sees on the wire and in its own licence; it knows nothing of the audit.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

from auditor.sandbox.dialect import SUBSCRIPTION, Code
from auditor.sandbox.state import Profile

BREACHES: Final[Mapping[str, str]] = {
    "concurrency": "more requests at a time than the licence allows (D-limits)",
    "calls_per_minute": "more calls in a minute than the licence allows (D-limits)",
    "technical_attribute": "a technical attribute was sent (D-struct)",
    "value_format": "a value that the attribute does not accept was sent (D-etlf)",
    "mandatory_missing": "a mandatory attribute was cleared or left out (U-single)",
    "unknown_field": "a column that the table does not have was sent",
    "unknown_operation": "an address or a method that the API does not have was called",
    "body_form": "a body or a parameter without the expected form was sent",
    "not_acceptable": "an answer was asked for in a form that is not offered (D-quick)",
    "secret_in_url": "the API key or a token stood in an address",
    "redirect_followed": "a redirect was followed, to an address without https",
    "upsert": "the V5 upsert was used: it would bring deleted people back",
    "replace": "a whole profile was replaced: what a correction does not name must stay",
    "switched_off": "an operation that the platform has switched off was called",
    "allow_update": "a creation was sent that may update somebody else",
    "create_update": "an import with CREATE_UPDATE was sent: it would bring deleted people back",
    "import_running": "an import was sent while another one was waiting or running",
    "import_repeated": "an import was sent a second time",
    "import_file": "the file of an import was refused as a whole (D-etlf)",
    "byte_order_mark": "the file of an import began with a byte order mark (D-etlf)",
    "blind_repeat": "a write whose answer had been lost was sent again without reading first",
    "undecided_opt_in": "somebody became contactable whom nobody had decided to contact",
}

_OF_CODE: Final = {
    Code.READ_ONLY: "technical_attribute",
    Code.INVALID: "value_format",
    Code.TOO_LONG: "value_format",
    Code.TOO_SHORT: "value_format",
    Code.MANDATORY: "mandatory_missing",
    Code.UNKNOWN_FIELD: "unknown_field",
}
"""Codes of refusals that a careful client never meets. The others depend on what the licence holds by now."""

_PROFILE = re.compile(r"(/profiles?)/(?!v\d/)(?!count$)[^/]+")


@dataclass(frozen=True, slots=True)
class Call:
    """The call, or the import, that is being carried out."""

    place: str
    """Method and path without the profile."""
    evidence: bool = False
    """Whether it says when and where a permission was given."""
    repeated: bool = False
    """The network's doing, not the client's: nothing of it is judged."""


CURRENT: Final[ContextVar[Call | None]] = ContextVar("call", default=None)
"""None while the licence changes by itself, which is judged by nobody."""


@dataclass(slots=True)
class Breaches:
    """The breaches so far, and who may be contacted by decision."""

    decided: set[tuple[str, str]] | None = None
    """`profileId` and column of the opt-ins that were decided; None: nobody told, and evidence is enough."""
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def record(self, breach: str, where: str | None = None) -> None:
        """Notes a breach of the call that is being carried out; `where` is a column."""
        assert breach in BREACHES  # noqa: S101 -- a slip of ours
        call = CURRENT.get()
        if call is not None and not call.repeated:
            self._counts[breach, " ".join(filter(None, (call.place, where)))] += 1

    def refused(self, code: str, column: str) -> None:
        """A value, in a call or a row, was refused with this code."""
        if code in _OF_CODE:
            self.record(_OF_CODE[code], column)

    def written(self, profile: Profile, changes: Mapping[str, str | None] | None) -> None:
        """`profile` is about to get these values; None: it is about to be deleted."""
        call = CURRENT.get()
        if call is None or changes is None:
            return
        for column, value in changes.items():
            if _contactable(column, profile.values.get(column)) or not _contactable(column, value):
                continue
            listed = self.decided is None or (str(profile.id), column) in self.decided
            if not (call.evidence and listed):
                self.record("undecided_opt_in", column)

    def taken(self) -> list[dict[str, Any]]:
        """Every breach, and none afterwards."""
        found = self.answer()
        self._counts.clear()
        return found

    def answer(self) -> list[dict[str, Any]]:
        return [
            {"breach": breach, "where": where, "times": times, "sentence": BREACHES[breach]}
            for (breach, where), times in sorted(self._counts.items())
        ]


@contextlib.contextmanager
def judged(call: Call) -> Iterator[None]:
    """Everything within is the doing of this call."""
    token = CURRENT.set(call)
    try:
        yield
    finally:
        CURRENT.reset(token)


def place_of(method: str, path: str) -> str:
    """A call without the person it is about."""
    return method + " " + _PROFILE.sub(r"\1/{profile}", path)


def _contactable(column: str, value: str | None) -> bool:
    """Whether this value of this column lets somebody be contacted."""
    if column.startswith(SUBSCRIPTION) or column == "marketingConsent":
        return value == "true"
    return column == "doNotContact" and value != "true"
