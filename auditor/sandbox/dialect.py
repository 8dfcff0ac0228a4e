"""Everything about Actito that no source states: the sandbox's own guesses, in one place, each with its reason.

The client has guesses of its own (`auditor.actito`). They are kept apart on purpose: where both guess, they may differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

TIMEZONE: Final = ZoneInfo("Europe/Brussels")
"""Moments are local times without offset, and the day of the bulk quota is a calendar day here: Actito is Belgian."""

MOMENT: Final = "%Y-%m-%d %H:%M:%S"
"""Answers and exports write moments as imports read them (D-etlf)."""

TRUE_WORDS: Final = frozenset({"TRUE", "1", "Y", "YES", "T"})
FALSE_WORDS: Final = frozenset({"FALSE", "0", "N", "NO", "F"})
"""D-etlf names TRUE, 1 and Y; the opposites and the long forms follow from them, in any case."""

COORDINATES_TYPE: Final = "COORDINATES"
"""D-etlf knows coordinates as a format; the name of the value type was not seen."""

MULTI_VALUE_SEPARATOR: Final = ","
"""Exports join several values so (D-expf); imports and JSON are taken to do the same."""

TEXT_LENGTH: Final = 255
"""Characters of a text without a restriction of its own (D-etlf)."""

SUBSCRIPTION: Final = "subscriptions#"
SEGMENTATION: Final = "segmentations#"
"""The first is how imports address a subscription (G-mhp); segmentations and exports are taken to follow it."""

SEARCH_DEFAULT: Final = 100
SEARCH_MAXIMUM: Final = 1000
"""Profiles in one answer of a list: a `number` is known (G-sdk), its bounds are not."""

IMPORT_STATUS: Final = {
    "waiting": "PENDING",
    "running": "RUNNING",
    "done": "SUCCESS",
    "with_errors": "SUCCESS_WITH_ERRORS",
    "failed": "FAILED",
}
"""Only SUCCESS was seen (D-wht)."""


class Code:
    """Error codes of fields and of refused rows: no catalogue was found."""

    MANDATORY: Final = "MANDATORY_MISSING"
    INVALID: Final = "INVALID_VALUE"
    DUPLICATE: Final = "DUPLICATE_KEY"
    UNKNOWN_PROFILE: Final = "UNKNOWN_PROFILE"
    EXISTS: Final = "ALREADY_EXISTS"
    TOO_LONG: Final = "TOO_LONG"
    TOO_SHORT: Final = "TOO_SHORT"
    UNKNOWN_FIELD: Final = "UNKNOWN_FIELD"
    READ_ONLY: Final = "READ_ONLY"


@dataclass(frozen=True, slots=True)
class Dialect:
    """The guesses that a test or a real answer may want to switch."""

    allow_update_default: bool = True
    """Published clients that mean "create or update" leave `allowUpdate` out (G-shokme, G-cherry)."""
    empty_cell_erases: bool = False
    """What an empty cell of an import does to a filled value; false: nothing. A page says, but was not readable."""
    unfilled_as_null: bool = False
    """Whether answers list attributes without a value, as null, or leave them out."""
    import_delay: float = 0.15
    """Seconds an import waits before it starts: imports are queued, and a client must poll."""
    slow_step: float = 0.02
    """Seconds by which each call beyond the calls of a minute is slower than the one before it."""
    slow_maximum: float = 2.0
    """Seconds a slowed call takes at most."""
    token_seconds: int = 900
    """Older tokens stay valid after a new one was issued: no call that revokes one was found."""
