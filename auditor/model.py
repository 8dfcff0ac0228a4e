"""The vocabulary: the two sides, the structure of a profile table, statuses, writes and their outcomes.

Only words and small values live here, no behaviour and no input or output. The stored forms (`.value` of the
enums, names of columns) are a public, versioned interface.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

FORMAT: Final = 1
"""Version of run.json, of the Parquet files of a run and of `--json`."""


class Side(StrEnum):
    PLATFORM = "platform"
    TRUTH = "truth"

    @property
    def other(self) -> Side:
        return Side.TRUTH if self is Side.PLATFORM else Side.PLATFORM


OF_ANOTHER_KEY: Final = "other"
"""The side, in a permission history, of what is known under another key of somebody, or of who had their key before."""


class Status(StrEnum):
    """Exactly one per key."""

    EQUAL = "equal"
    MISSING = "missing"
    ORPHAN = "orphan"
    STALE = "stale"
    CONFLICTING = "conflicting"
    DUPLICATE = "duplicate"


class Moved(StrEnum):
    """Which side changed since the last agreement."""

    TRUTH = "truth"
    TRUTH_BY_MOMENT = "truth_by_moment"
    PLATFORM = "platform"
    OURS = "ours"  # the platform, by what we wrote there
    BOTH = "both"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    CLEAN = "clean"
    FINDINGS = "findings"
    INCOMPLETE = "incomplete"


class Rule(StrEnum):
    """A violated rule, as it stands in `violations.parquet`."""

    MANDATORY = "mandatory"
    UNIQUE = "unique"
    MAX_LENGTH = "max_length"
    MIN_LENGTH = "min_length"
    ALLOWED_VALUES = "allowed_values"
    SEGMENT = "segment"
    EMAIL = "email"
    PHONE = "phone"
    LANGUAGE = "language"
    COUNTRY = "country"
    SEX = "sex"
    TITLE = "title"
    DATE = "date"
    TIMESTAMP = "timestamp"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    COORDINATES = "coordinates"
    REFERENCE = "reference"


class ContractRule(StrEnum):
    """What the contract says beyond the structure, as it stands in `violations.parquet`. Actito takes such values."""

    UNREADABLE = "unreadable"
    """The comparison rule cannot read it: it is compared as mere text."""
    UNTRANSLATED = "untranslated"
    """Not one of the values that the contract's spellings are translated to."""
    JUMP = "jump"
    """More empty cells, or more of one value, than in the last runs."""


class Refusal(StrEnum):
    """How Actito refuses a value, as it stands in `violations.refusal`: the code of a row that comes back (G-php).

    No catalogue of the codes was found: these are assumed (§7.3). Where a value is wrong in several ways, the first of
    them is told: what can be seen of the value itself comes before what others have.
    """

    MANDATORY = "MANDATORY_MISSING"
    TOO_LONG = "TOO_LONG"
    TOO_SHORT = "TOO_SHORT"
    INVALID = "INVALID_VALUE"
    DUPLICATE = "DUPLICATE_KEY"


REFUSED_AS: Final[Mapping[Rule, Refusal]] = dict.fromkeys(Rule, Refusal.INVALID) | {
    Rule.MANDATORY: Refusal.MANDATORY,
    Rule.UNIQUE: Refusal.DUPLICATE,
    Rule.MAX_LENGTH: Refusal.TOO_LONG,
    Rule.MIN_LENGTH: Refusal.TOO_SHORT,
}


class Severity(StrEnum):
    """What a violation means, as it stands in `violations.parquet`. Only errors are findings."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    TOLERATED = "tolerated"
    """Of whatever severity, but so few rows fail that the expectation is met (`mostly`)."""


class PermissionFinding(StrEnum):
    """A finding about a permission column, as it stands in `permissions.parquet`."""

    OPTED_OUT_IN_TRUTH = "opted_out_in_truth"
    """On in Actito, off in the truth: somebody may be contacted against their will."""
    OPTED_OUT_ON_PLATFORM = "opted_out_on_platform"
    """Off in Actito, on in the truth: the truth has not heard of an opt-out."""
    CONTACTABLE_AGAIN = "contactable_again"
    """On in Actito although an earlier run saw it off, on either side, and nobody decided so."""
    AGAINST_CONSENT = "against_consent"
    """On in Actito, while a general permission of the same profile is off on a side."""
    WITHOUT_EVIDENCE = "without_evidence"
    """On, while the contract names an evidence column that is empty, or the truth does not know the person."""
    WITHOUT_CONTACT = "without_contact"
    """On in Actito, where the profile has neither an e-mail address nor a phone number."""
    UNSUBSCRIBED_IN_CAMPAIGN = "unsubscribed_in_campaign"
    """On in Actito, though the person opted out in a campaign since, which the profile does not show."""
    COMPLAINED = "complained"
    """On in Actito, though the person has complained about a message since it was given."""


TRUE_SPELLINGS: Final = ("true", "1", "y", "yes", "t")
FALSE_SPELLINGS: Final = ("false", "0", "n", "no", "f")
"""The booleans that Actito accepts, in any case (D-etlf; the full set is assumed)."""


class Permission(StrEnum):
    """What a permission column says about contacting somebody, whichever way round the column is spelt."""

    ON = "on"
    OFF = "off"
    EMPTY = "empty"


class Route(StrEnum):
    BULK = "bulk"
    SINGLE = "single"


class Kind(StrEnum):
    """What a write does to a profile. Brakes are set per kind."""

    UNSUBSCRIBE = "unsubscribe"
    UPDATE = "update"
    CLEAR = "clear"
    SUBSCRIBE = "subscribe"
    CREATE = "create"
    DELETE = "delete"


class Outcome(StrEnum):
    LANDED = "landed"
    REFUSED = "refused"
    CHANGED = "changed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


class Need(StrEnum):
    """What becomes of a differing cell."""

    WRITTEN = "written"
    """A plan writes the truth's value to the platform, by itself or because somebody decided so."""
    PERSON = "person"
    """A person decides first."""
    TRUTH = "truth"
    """The owners of the truth are to correct their side; nothing is written."""
    CREATED = "created"
    """We created the profile without this permission: somebody is to decide, and nothing is wrong."""
    LEFT = "left"
    """Neither, for now or for good."""


class Why(StrEnum):
    """Why a plan leaves a cell or a profile alone: `why` of writes.LeftAlone."""

    PENDING = "pending"  # sent already, not yet in an export
    NOT_TAKEN = "not_taken"
    """It is in none of what was approved: in a review, or in the plan that is gone on with."""
    WAITING = "waiting"
    """The ordinary synchronisation may still bring it."""
    BLOCKED = "blocked"  # Actito would refuse it
    DECISION = "decision"
    """A person must decide."""
    CHANGED = "changed"
    """A person decided, but one of the two values is another one now."""
    DAMAGED = "damaged"
    """The truth's value looks damaged: a person decides, and the owners of the truth hear of it."""
    IGNORED = "ignored"
    """A person decided to leave it as it is."""
    PINNED = "pinned"
    """A person says that it is right on the platform, until a day."""
    REFUSED = "refused"  # by a person, in a review, for some days
    NEVER = "never"
    """The contract lets nobody write the column."""
    FILLED = "filled"
    """The contract lets the column be written only where the platform's cell is empty, and it is not."""
    UNDONE = "undone"
    """It was written once and taken back, and nothing has changed since."""
    FOR_THE_TRUTH = "for_the_truth"
    """The owners of the truth are to correct their side."""
    MASTER = "master"
    """Left out of a creation: the platform is the master of this column."""
    UNKNOWN_PERMISSION = "unknown_permission"
    """The truth does not say whether somebody may be contacted."""
    PERMISSION = "permission"
    """One that is on is left out of a creation until a person decides; an undo gives back none that was withdrawn."""
    CREATED_WITHOUT = "created_without"
    """We created the profile without this permission, and no run has seen it on: no opt-out, and not given yet."""
    EVIDENCE = "evidence"
    """An opt-in was decided, but no evidence newer than the last opt-out known stands behind it."""
    CIRCLE = "circle"
    """Profiles that exchange unique values: no order of writes works."""
    ASTRAY = "astray"
    """A file wrote it to another profile, which had the key by the time it was imported."""
    TAKEN = "taken"
    """Another profile of the platform holds the unique value, and keeps it."""
    QUOTA = "quota"
    """Too much to go one by one, and no file call is left in all the days that are planned."""
    GATHERING = "gathering"
    """Too much to go one by one and too little for a file: waits up to two days for more of the same columns."""
    GONE = "gone"
    """Deleted on the platform since an earlier run."""
    FUTURE = "future"
    """The same, where the evidence is dated later than now."""
    CONSENT = "consent"
    """An opt-in of somebody whose general consent is off: it would change nothing, or be against their will."""
    FORGOTTEN = "forgotten"
    """What earlier runs knew is lost: who opted out, for an opt-in, or who was there before, for a creation."""
    ERASED = "erased"  # on request: never created again
    SAME_PERSON = "same_person"
    ONE_PERSON = "one_person"
    """Probably somebody who is there under another key, unless a steward says that they are two people."""
    UNADDRESSED = "unaddressed"
    """Has no key on the platform, and the export does not hold the profileId to address it by."""
    LISTED = "listed"  # only on the platform: shown, not deleted
    DUPLICATE = "duplicate"
    """Its key occurs more than once on a side."""
    NOT_CHECKED = "not_checked"
    """Rows that could not be read may hold this very person."""
    TOUCHED = "touched"
    """An undo leaves a cell that held another value than we wrote when a run saw it last."""
    CREATED = "created"
    """An undo leaves a profile that was created in place: deleting it is a choice of its own."""
    DELETED = "deleted"
    """A deleted profile cannot be brought back."""
    ANOTHER_KEY = "another_key"
    """An undo leaves a profile that has another key by now than the ledger knows."""
    MADE_ANEW = "made_anew"
    """An undo leaves a profile that was deleted: another one has its key by now."""
    UNMAPPED = "unmapped"  # the contract does not have the column any more


class AttributeType(StrEnum):
    """What kind of value an attribute holds, whatever name the platform's dialect has for it."""

    STRING = "string"
    INTEGER = "integer"
    LONG = "long"
    NUMERIC = "numeric"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    EMAIL = "email"
    PHONE = "phone"
    LANGUAGE = "language"
    COUNTRY = "country"
    SEX = "sex"
    TITLE = "title"
    COORDINATES = "coordinates"


TEXTS: Final = (AttributeType.STRING, AttributeType.EMAIL, AttributeType.PHONE)
"""What people write as they like: whether such a value was edited is judged letter by letter, and no rule is asked."""

TECHNICAL_ATTRIBUTES: Final = ("profileId", "creationMoment", "updateMoment")
"""Generated by Actito; never sent (D-struct, U-single)."""

SUBSCRIPTION_PREFIX: Final = "subscriptions#"
SEGMENTATION_PREFIX: Final = "segmentations#"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a profile table, as the structure describes it."""

    name: str
    type: AttributeType = AttributeType.STRING
    unique: bool = False
    mandatory: bool = False
    multi_valued: bool = False
    max_length: int | None = None
    """In characters."""
    min_length: int | None = None
    """In characters."""
    allowed: tuple[str, ...] = ()
    """The only values that are accepted; empty means any."""

    @property
    def technical(self) -> bool:
        return self.name in TECHNICAL_ATTRIBUTES


@dataclass(frozen=True, slots=True)
class Segmentation:
    """Simple: a profile is a member or not. Exclusive: a profile is in at most one of `segments`."""

    name: str
    exclusive: bool = False
    mandatory: bool = False
    segments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Structure:
    """The table structure that Actito reports for one profile table."""

    table_id: str
    table: str
    attributes: tuple[Attribute, ...]
    subscriptions: tuple[str, ...] = ()
    segmentations: tuple[Segmentation, ...] = ()
    references: Mapping[str, str] = field(default_factory=dict)
    """Attribute → id or name of the custom table whose business keys are its values."""

    @property
    def number(self) -> str | None:
        """The id that tells this table from others that ever had its name; None where only the name is known (V4)."""
        return None if self.table_id in ("", self.table) else self.table_id

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column name an export can hold: attributes, `subscriptions#NAME`, `segmentations#NAME`."""
        return (
            *(attribute.name for attribute in self.attributes),
            *(SUBSCRIPTION_PREFIX + name for name in self.subscriptions),
            *(SEGMENTATION_PREFIX + segmentation.name for segmentation in self.segmentations),
        )

    def attribute(self, name: str) -> Attribute | None:
        return next((attribute for attribute in self.attributes if attribute.name == name), None)

    def segmentation(self, column: str) -> Segmentation | None:
        """The segmentation behind a `segmentations#NAME` column, None for any other column."""
        name = column.removeprefix(SEGMENTATION_PREFIX)
        if name == column:
            return None
        return next((segmentation for segmentation in self.segmentations if segmentation.name == name), None)


@dataclass(frozen=True, slots=True)
class Source:
    """One input of an audit as it was pulled: recorded in run.json, never with values."""

    side: Side
    location: str
    """As configured, without secrets."""
    bytes: int
    sha256: str
    as_of: datetime
    """The moment the content shows, with zone."""
    as_of_from: str
    """How that is known: `snapshot`, `name`, `update_moment` or `file_time`."""
    file: str
    """Name of the file that was found."""
    encoding: str
    """As read, like the separator; empty for Parquet and for what a cluster reads itself."""
    separator: str
