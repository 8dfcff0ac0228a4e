"""Everything about Actito that no source states: the sandbox's own guesses, in one place, each with its reason.

The client has guesses of its own (`auditor.actito`). They are kept apart on purpose: where both guess, they may differ.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

TIMEZONE: Final = ZoneInfo("Europe/Brussels")
"""Moments are local times of here, and usually without offset; so is the day of the bulk quota: Actito is Belgian."""

DATE: Final = "%Y-%m-%d"
MOMENT: Final = "%Y-%m-%d %H:%M:%S"
"""Exports write moments as imports read them (D-etlf), and answers do usually."""

TRUE_WORDS: Final = frozenset({"TRUE", "1", "Y", "YES", "T"})
FALSE_WORDS: Final = frozenset({"FALSE", "0", "N", "NO", "F"})
"""D-etlf names TRUE, 1 and Y; the opposites and the long forms follow from them, in any case."""

COORDINATES_TYPE: Final = "COORDINATES"
"""D-etlf knows coordinates as a format; the name of the value type was not seen (see `Dialect.coordinates`)."""

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

OFF: Final = ("404", "410", "error")
"""How an operation that was switched off is answered: as an unknown address, as one that is gone, with a sentence."""

EPOCH: Final = "milliseconds since 1970"
"""A form of `Dialect.moments` that strftime does not know."""

IMPORT_STATUS: Final = {
    "waiting": "PENDING",
    "running": "RUNNING",
    "done": "SUCCESS",
    "with_errors": "SUCCESS_WITH_ERRORS",
    "failed": "FAILED",
}
"""Only SUCCESS was seen (D-wht); `Dialect.words` has other words for these five."""


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


@dataclass(slots=True)
class Dialect:
    """The guesses that a test or a real answer may want to switch. What `spelling` does with them stands there."""

    allow_update_default: bool = True
    """Published clients that mean "create or update" leave `allowUpdate` out (G-shokme, G-cherry)."""
    empty_cell_erases: bool = False
    """What an empty cell of an import does to a filled value; false: nothing. A page says, but was not readable."""
    unfilled_as_null: bool = False
    """Whether answers list attributes without a value, as null, or leave them out."""
    old_tokens_end: bool = False
    """Whether a new token ends the older ones: no call that revokes one was found."""
    numbers: Literal["text", "number"] = "text"
    """Whole numbers and booleans among the attributes of V4: the one value that was seen is a text (G-sdk)."""
    ids: Literal["as seen", "text", "number"] = "as seen"
    """Ids of profiles are seen as numbers and as texts, of executions as texts."""
    execution_id: Literal["executionId", "id"] = "executionId"
    bare_lists: bool = False
    """Whether the list of tables comes without its wrapper; that of entities was seen with it (D-quick)."""
    count: Literal["count", "total", "bare"] = "count"
    subscriptions: Literal["listed", "by name", "those on"] = "listed"
    segmentations: Literal["with belongs", "memberships"] = "with belongs"
    sections: Literal["inside", "apart"] = "inside"
    """Whether one profile is answered with its subscriptions and segmentations, or they have to be asked for."""
    section_alone: Literal["wrapped", "bare"] = "wrapped"
    """The answer of a section's own address."""
    structure_items: Literal["as seen", "objects", "names"] = "as seen"
    """Subscriptions and segments in the structure: the first are seen as objects (G-php), the second are not seen."""
    exclusive: Literal["type", "flag"] = "type"
    """How the structure says that a segmentation is exclusive."""
    predefined_types: Literal["UPPER_SNAKE", "camelCase"] = "UPPER_SNAKE"
    """Of the predefined types that were not seen."""
    created: Literal["200", "201", "201 without body"] = "200"
    """The second and third have a `Location`, which U-http knows for 201."""
    done: Literal["204", "200 with text", "200 with JSON"] = "204"
    """The answer to a deletion, and to every other change of which nothing has to be told."""
    conflict: Literal["409", "400"] = "409"
    wrong_key: Literal["400", "404"] = "400"
    """Of a profile that is addressed by an attribute that is not unique."""
    unknown_name: Literal["404", "400"] = "404"
    """Of a subscription or a segment that the table does not have."""
    errors: Literal["errors", "fieldErrors", "listed", "violations", "beside", "none", "empty", "text"] = "errors"
    """The body of a refusal beyond `status` and `message` (G-php)."""
    status: Literal["status", "state", "executionStatus", "alone"] = "status"
    """The last is a text instead of an object, where V4 answers nothing else."""
    words: tuple[str, ...] = tuple(IMPORT_STATUS.values())
    """States of an import, in the order of IMPORT_STATUS."""
    counters: Literal["in a list", "in an object", "beside"] = "in a list"
    flags: Literal["boolean", "text"] = "boolean"
    error_file: Literal["zip", "plain"] = "zip"
    error_separator: Literal["as sent", ","] = "as sent"
    """V4 hands refused rows back with commas (G-php)."""
    export_booleans: tuple[str, str] = ("true", "false")
    export_dates: str = "%Y-%m-%d"
    export_moments: str = MOMENT
    """As imports have them (D-etlf), or as ISO 8601 has them too; a form that ends with Z is UTC."""
    change_delay: float = 0.3
    """Seconds until a change of the structure is seen, where it is not seen at once."""
    import_delay: float = 0.15
    """Seconds an import waits before it starts: imports are queued, and a client must poll."""
    slow_step: float = 0.02
    """Seconds by which each call beyond the calls of a minute is slower than the one before it."""
    slow_maximum: float = 2.0
    """Seconds a slowed call takes at most."""
    token_seconds: int = 900
    dates: str = "%Y-%m-%d"
    """How answers write dates, and calls may: as files do (D-etlf), as far as anybody knows."""
    moments: str = MOMENT
    """The same of moments; a form that ends with Z is UTC."""
    enumeration: Literal["allowedValues", "acceptedValues"] = "allowedValues"
    """Where the structure lists the values of an attribute: the second was seen on custom tables (U-ctjson)."""
    profile_page: Literal["profiles", "content", "bare"] = "profiles"
    """The list of profiles in V5."""
    profile_pages: Literal["from 0", "from 1", "not known"] = "from 0"
    """How its pages are counted; the last answers everything to every page."""
    largest_page: int = SEARCH_MAXIMUM
    profile_items: Literal["flat", "as in V4"] = "flat"
    """Profiles in V5: the first is how it takes them (G-shokme)."""
    changed: Literal["200", "201", "204"] = "200"
    """The answer of V5 to a change."""
    list_pages: Literal["whole", "numbered", "linked", "in a header"] = "whole"
    """Lists of entities, tables, scenarios and stored definitions: of none a page was seen. Those that come without a
    wrapper have no place to number or to link pages."""
    scenario_list: Literal["wrapped", "bare", "names"] = "wrapped"
    definition_list: Literal["in full", "bare", "ids"] = "in full"
    """Stored ETL definitions: whether their list holds more than their ids."""
    definition_id: Literal["id", "etlId"] = "id"
    definition_inside: Literal["beside", "definition"] = "beside"
    """Whether a stored definition has its content beside its id, or in an object of its own."""
    loadings: Literal["dataLoadings", "loadings", "alone"] = "dataLoadings"
    """Where it says what it loads: the last has the parts of a single loading beside its name."""
    destination: Literal["type and id", "type and name", "tableType", "profileTableId"] = "type and id"
    mapping: Literal["attributesMapping", "mapping", "by header"] = "attributesMapping"
    """Pairs as V4 has them (G-mhp), pairs of other names, or an object."""
    activity: Literal["active", "enabled", "status"] = "active"
    """How a stored definition and a scenario say whether they are active."""
    counters_told: Literal["all", "seen", "none"] = "all"
    """Beyond `withErrors` and `rowsInError`, which were seen in V4 (G-mhp); in V5 none was."""
    codes: Literal["UPPER_SNAKE", "camelCase"] = "UPPER_SNAKE"
    """Of refused fields and rows."""
    no_file: Literal["404", "204", "header alone"] = "404"
    """Asked for the refused rows of an import that refused none."""
    row_errors: Literal["first", "each"] = "first"
    """Whether a row that is wrong in several ways is handed back once, or once for each."""
    result_columns: Literal["profileId", "none"] = "profileId"
    """What the result file has beside the columns that were sent."""
    multi_values: Literal["joined", "list"] = "joined"
    """Several values of one attribute in an answer: exports join them (D-expf)."""
    v4_types: Literal["String", "named"] = "String"
    """What V4 calls the types of which no V4 name was seen."""
    v4_ids: bool = False
    """Whether V4 tells the ids of tables beside their names."""
    coordinates: Literal["COORDINATES", "GEO_COORDINATES", "GEOLOCATION"] = "COORDINATES"
    """The name of the type."""
    empty_parts: Literal["empty lists", "left out"] = "empty lists"
    """Subscriptions and segmentations of a table that has none."""
    changes_seen: Literal["at once", "later"] = "at once"
    """When the structure shows a change that was asked for: it is called a request."""
    file_booleans: Literal["any case", "upper case"] = "any case"
    """Words of yes and no in a file: D-etlf shows capitals."""
    day_ends: Literal["Europe/Brussels", "UTC"] = "Europe/Brussels"
    """Midnight of the bulk quota."""
    refused_import_counts: bool = False
    """Whether an import that is answered with 400 is one of the day."""
    largest_answer: int = SEARCH_MAXIMUM
    total: Literal["apart", "totalElements", "total", "in a header", "nowhere"] = "apart"
    """Where V5 says how many profiles there are: at V4's address in its own list, on each page, or not at all."""
    list_sections: bool = True
    """Whether V5's list tells the subscriptions and segmentations that it is asked for, as one profile does."""
    segment_nulls: Literal["false", "null"] = "false"
    """What V5 says of a simple segmentation that somebody is not in."""
    unknown_asked: Literal["left out", "400", "404"] = "left out"
    """V5 asked for a subscription or a segmentation that the table does not have."""
    v4_profiles: Literal["404", "410", "error", "served"] = "404"
    """How V4's calls about profiles are answered: as switched off, or as before their end (change log, 2025-01)."""
    file_names: Literal["taken", "refused"] = "taken"
    """Whether the definition of an import may name the files that it makes, where the client puts it."""
    locations: Literal["listed", "bare", "names"] = "listed"
    location_test: Literal["flag", "word", "refused"] = "flag"
    """The answer about a remote location that cannot be reached: the last with 400."""
    options: Literal["told", "405", "404"] = "told"
    """Asked by OPTIONS which methods an address takes (RFC 9110)."""
    v4_ending: Literal["with its day", "without", "not said"] = "with its day"
    """Whether an operation that will end says so."""

    def become(self, other: Dialect) -> None:
        """Take over every choice of another one: routes hold on to this object."""
        for each in fields(self):
            setattr(self, each.name, getattr(other, each.name))


FORMS: Final[Mapping[str, tuple[Any, ...]]] = {
    "allow_update_default": (True, False),
    "empty_cell_erases": (False, True),
    "unfilled_as_null": (False, True),
    "old_tokens_end": (False, True),
    "numbers": ("text", "number"),
    "ids": ("as seen", "text", "number"),
    "execution_id": ("executionId", "id"),
    "bare_lists": (False, True),
    "count": ("count", "total", "bare"),
    "subscriptions": ("listed", "by name", "those on"),
    "segmentations": ("with belongs", "memberships"),
    "sections": ("inside", "apart"),
    "section_alone": ("wrapped", "bare"),
    "structure_items": ("as seen", "objects", "names"),
    "exclusive": ("type", "flag"),
    "predefined_types": ("UPPER_SNAKE", "camelCase"),
    "created": ("200", "201", "201 without body"),
    "done": ("204", "200 with text", "200 with JSON"),
    "conflict": ("409", "400"),
    "wrong_key": ("400", "404"),
    "unknown_name": ("404", "400"),
    "errors": ("errors", "fieldErrors", "listed", "violations", "beside", "none", "empty", "text"),
    "status": ("status", "state", "executionStatus", "alone"),
    "words": (
        tuple(IMPORT_STATUS.values()),
        ("WAITING", "IN_PROGRESS", "SUCCESS", "WITH_ERROR", "ERROR"),
        ("QUEUED", "STARTED", "FINISHED", "FINISHED", "FAILURE"),
        ("created", "processing", "completed", "partial_success", "cancelled"),
    ),
    "counters": ("in a list", "in an object", "beside"),
    "flags": ("boolean", "text"),
    "error_file": ("zip", "plain"),
    "error_separator": ("as sent", ","),
    "export_booleans": (("true", "false"), ("TRUE", "FALSE"), ("1", "0"), ("Y", "N")),
    "export_dates": ("%Y-%m-%d", "%Y-%m-%dT00:00:00"),
    "export_moments": (MOMENT, "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"),
    "dates": ("%Y-%m-%d", "%d/%m/%Y", "%Y-%m-%dT00:00:00"),
    "moments": (MOMENT, "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", EPOCH),
    "enumeration": ("allowedValues", "acceptedValues"),
    "profile_page": ("profiles", "content", "bare"),
    "profile_pages": ("from 0", "from 1", "not known"),
    "largest_page": (SEARCH_MAXIMUM, 10),
    "profile_items": ("flat", "as in V4"),
    "changed": ("200", "201", "204"),
    "list_pages": ("whole", "numbered", "linked", "in a header"),
    "scenario_list": ("wrapped", "bare", "names"),
    "definition_list": ("in full", "bare", "ids"),
    "definition_id": ("id", "etlId"),
    "definition_inside": ("beside", "definition"),
    "loadings": ("dataLoadings", "loadings", "alone"),
    "destination": ("type and id", "type and name", "tableType", "profileTableId"),
    "mapping": ("attributesMapping", "mapping", "by header"),
    "activity": ("active", "enabled", "status"),
    "counters_told": ("all", "seen", "none"),
    "codes": ("UPPER_SNAKE", "camelCase"),
    "no_file": ("404", "204", "header alone"),
    "row_errors": ("first", "each"),
    "result_columns": ("profileId", "none"),
    "multi_values": ("joined", "list"),
    "v4_types": ("String", "named"),
    "v4_ids": (False, True),
    "coordinates": ("COORDINATES", "GEO_COORDINATES", "GEOLOCATION"),
    "empty_parts": ("empty lists", "left out"),
    "changes_seen": ("at once", "later"),
    "file_booleans": ("any case", "upper case"),
    "day_ends": ("Europe/Brussels", "UTC"),
    "refused_import_counts": (False, True),
    "largest_answer": (SEARCH_MAXIMUM, SEARCH_DEFAULT),
    "total": ("apart", "totalElements", "total", "in a header", "nowhere"),
    "list_sections": (True, False),
    "segment_nulls": ("false", "null"),
    "unknown_asked": ("left out", "400", "404"),
    "v4_profiles": OFF,
    "file_names": ("taken", "refused"),
    "locations": ("listed", "bare", "names"),
    "location_test": ("flag", "word", "refused"),
    "options": ("told", "405", "404"),
    "v4_ending": ("with its day", "without", "not said"),
}
"""Every form that nobody has seen, with the plausible choices; the first one is the usual."""


def varied(seed: int | None, *, with_v4: bool = False, off: str = OFF[0]) -> Dialect:
    """A dialect with every choice drawn from `seed`; the usual one for None, with `off` for what is switched off.

    `with_v4`: V4's calls about profiles are still there.
    """
    rng = random.Random(seed)  # noqa: S311 -- nothing secret
    drawn = {"v4_profiles": off} if seed is None else {name: rng.choice(choices) for name, choices in FORMS.items()}
    return Dialect(**drawn | ({"v4_profiles": "served"} if with_v4 else {}))


def off_by(seed: int) -> str:
    """How a licence made from `seed` answers what is switched off."""
    return random.Random(seed).choice(OFF)  # noqa: S311 -- nothing secret
