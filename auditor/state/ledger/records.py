"""What the ledger holds: its tables, and the values by which the rest of the program speaks to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from auditor.model import Kind, Outcome, Route, Status, Verdict
from auditor.state.ledger.chain import Table

VERSION: Final = 8
"""2 knows changes of structures, 3 keys that were given anew, 4 entries that were lost, 5 whose
decisions are, 6 pins, 7 which finding a decision is about, 8 when profiles were last changed around
our writes; older files get what they lack when they are opened."""

QUOTA_ZONE: Final = ZoneInfo("Europe/Brussels")
"""Where the platform's day of bulk calls begins and ends [assumed]."""

IMPORT_PATIENCE: Final = timedelta(hours=1)
"""How long an import whose end nobody saw may still be carried out: until then no export speaks against it."""

TABLES: Final = {
    "runs": Table(("run", "tab", "started", "finished", "verdict", "counts")),
    "plans": Table(("sha", "run", "tab", "purpose", "made", "path", "counts", "undoes")),
    "imports": Table(("plan", "batch", "tab", "file_sha", "day", "sent_at", "patience")),
    "import_events": Table(("import", "state", "execution", "at"), integers=("import",)),
    "writes": Table(
        ("plan", "number", "tab", "kind", "route", "key", "profile_id", "col", "before", "after", "sent_at", "import"),
        personal=("key", "profile_id", "before", "after"),
        integers=("number", "import"),
    ),
    "outcomes": Table(
        ("write", "outcome", "detail", "settled_at", "profile_id"), personal=("profile_id",), integers=("write",)
    ),
    "around": Table(("write", "before", "after"), integers=("write",)),
    "decisions": Table(
        ("tab", "person", "key", "col", "platform", "truth", "choice", "decided_at"),
        personal=("key", "platform", "truth"),
    ),
    "decided_of": Table(("decision", "profile_id"), personal=("profile_id",), integers=("decision",)),
    "pins": Table(
        ("tab", "person", "key", "profile_id", "col", "platform", "reason", "until", "pinned_at"),
        personal=("key", "profile_id", "platform", "reason"),
    ),
    "decided_about": Table(
        ("decision", "finding", "evidence", "until"), personal=("evidence",), integers=("decision",)
    ),
    "erased": Table(("hash",)),
    "structure_events": Table(("plan", "tab", "item", "state", "at")),
    "losses": Table(("upto", "link", "settled_at"), integers=("upto",)),
    "rekeys": Table(("tab", "old", "new", "upto", "rekey"), personal=("old", "new"), integers=("upto",)),
}
"""`losses`: heads that the ledger lacks although they were noted elsewhere, which somebody settled, and where it went
on. `decided_of`: whose key it was that somebody decided on. `decided_about`: the finding that a decision is about, and
its grounds. `around`: see Around. `rekeys`: what was recorded under `old` up to the entry
`upto` is about the profile `new`."""

_KEY_NOW: Final = """coalesce((SELECT r.new FROM rekeys r WHERE r.tab = o.tab AND r.old = o.key AND r.upto >= o.entry
                ORDER BY r.upto, r.id DESC LIMIT 1), o.key)"""
"""The key that a profile has by now. Somebody else may have had the key before, or have it since."""

INDEXES: Final = f"""
CREATE UNIQUE INDEX IF NOT EXISTS plans_sha ON plans (sha);
CREATE INDEX IF NOT EXISTS imports_day ON imports (tab, day);
CREATE INDEX IF NOT EXISTS import_events_import ON import_events ("import");
CREATE INDEX IF NOT EXISTS writes_plan ON writes (plan, number);
CREATE INDEX IF NOT EXISTS writes_sent ON writes (tab, sent_at);
CREATE INDEX IF NOT EXISTS writes_key ON writes (tab, key);
CREATE INDEX IF NOT EXISTS outcomes_write ON outcomes ("write");
CREATE INDEX IF NOT EXISTS around_write ON around ("write");
CREATE INDEX IF NOT EXISTS decided_of_decision ON decided_of (decision);
CREATE INDEX IF NOT EXISTS decided_about_decision ON decided_about (decision);
CREATE INDEX IF NOT EXISTS erased_hash ON erased (hash);
CREATE INDEX IF NOT EXISTS rekeys_old ON rekeys (tab, old);
DROP VIEW IF EXISTS pins_now;
DROP VIEW IF EXISTS decisions_now;
DROP VIEW IF EXISTS writes_now;
DROP VIEW IF EXISTS imports_now;
CREATE VIEW imports_now AS
  SELECT i.*, e.state, e.at AS state_at,
         (SELECT max(execution) FROM import_events WHERE "import" = i.id) AS execution
  FROM imports i LEFT JOIN import_events e ON e.id = (SELECT max(id) FROM import_events WHERE "import" = i.id);
CREATE VIEW writes_now AS
  SELECT o.id, o.plan, o.number, o.tab, o.kind, o.route, {_KEY_NOW} AS key, o.key AS key_then, o.col, o.before,
         o.after, o.sent_at, o."import", e.outcome, e.detail, e.settled_at,
         coalesce(e.profile_id, o.profile_id) AS address,
         CASE WHEN i.id IS NULL THEN o.sent_at WHEN i.state = 'finished' THEN i.state_at ELSE i.patience END
           AS effective
  FROM writes o
  LEFT JOIN outcomes e ON e.id = (SELECT max(id) FROM outcomes WHERE "write" = o.id)
  LEFT JOIN imports_now i ON i.id = o."import";
CREATE VIEW decisions_now AS
  SELECT o.id, o.tab, o.person, {_KEY_NOW} AS key, o.col, o.platform, o.truth, o.choice, o.decided_at, d.profile_id,
         a.finding, a.evidence, a.until
  FROM decisions o LEFT JOIN decided_of d ON d.decision = o.id LEFT JOIN decided_about a ON a.decision = o.id;
CREATE VIEW pins_now AS
  SELECT o.id, o.tab, o.person, {_KEY_NOW} AS key, o.profile_id, o.col, o.platform, o.reason, o.until, o.pinned_at
  FROM pins o;
"""
"""What finds and shows the rows; made anew with every version."""


class ImportState(StrEnum):
    """What became of a bulk call. All but the two refusals count against the quota."""

    SENT = "sent"
    """Intent recorded; nothing else is known. Where it stays so, the call's id never arrived."""
    STARTED = "started"
    """The platform answered with an execution id."""
    FINISHED = "finished"
    REFUSED = "refused"
    """The call itself was answered with an error: nothing was started."""
    QUOTA = "quota"
    """Refused because the day's calls are used up, by us or by others."""


class StructureState(StrEnum):
    """What became of one addition to a table structure."""

    SENT = "sent"
    """Intent recorded, before the call; where it stays so, reading the structure tells."""
    LANDED = "landed"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """Sent, and not seen in the structure yet."""


UNCOUNTED: Final = (ImportState.REFUSED, ImportState.QUOTA)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A completed audit run."""

    run: str
    table: str
    started: datetime
    finished: datetime
    verdict: Verdict
    counts: Mapping[str, Any]
    """Plain JSON values without values of profiles: rows per side, profiles per status, differences per column."""

    @property
    def standing(self) -> Mapping[str, int]:
        """Profiles by each status that is a finding. Earlier versions kept no more than all that have the status."""
        everybody = {status: number for status, number in self.counts["profiles"].items() if status != Status.EQUAL}
        standing: Mapping[str, int] = self.counts.get("standing", everybody)
        return standing

    @property
    def not_agreeing(self) -> int:
        """Profiles that do not agree: of an earlier version too, those that wait or were sent are none."""
        later = 0 if "standing" in self.counts else self.counts["waiting"] + self.counts.get("pending", 0)
        undone: int = self.counts.get("undone", 0)
        return sum(self.standing.values()) + undone - later


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """A plan that was made."""

    sha: str
    run: str
    table: str
    purpose: Literal["correct", "create", "load", "undo", "structure"]
    made: datetime
    path: str
    """Where it is stored, relative to the folder of the settings file; empty where it was not stored."""
    counts: Mapping[str, int]
    """Profiles per kind of write; of a structure, additions per kind."""
    undoes: str | None


@dataclass(frozen=True, slots=True)
class Head:
    """How far a ledger has come: whoever notes it can prove later that nothing up to there was changed or lost."""

    entry: int
    """The number of its last entry."""
    link: str
    """The link of that entry, 64 hex digits."""


@dataclass(frozen=True, slots=True)
class Seal:
    """What shows that a plan was made with this ledger, and how far the ledger had come by then."""

    mac: str
    """Keyed with the ledger's secret, of the plan's SHA and moment and of the rest of the seal."""
    entry: int
    link: str
    """Of the head."""


@dataclass(frozen=True, slots=True)
class Intent:
    """One cell (or the creation or deletion of one profile: `column` None) about to be written."""

    number: int
    """Position of its write in the plan, from 0."""
    kind: Kind
    route: Route
    """How it really travels: canaries of a file go one by one."""
    key: str
    profile_id: str | None
    column: str | None
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class WriteState:
    """The latest attempt at one cell of a plan."""

    write: int
    """Number of the attempt in the ledger."""
    number: int
    column: str | None
    route: Route
    outcome: Outcome | None
    """None: an intent whose end is not recorded; it must be settled by reading."""
    detail: str | None
    sent_at: datetime | None
    """None where the outcome was clear without a call."""
    settled_at: datetime | None
    profile_id: str | None
    """Also that of a profile this write created."""
    bulk_call: int | None


@dataclass(frozen=True, slots=True)
class Effect:
    """What a plan did to one cell, or may have done: the last attempt was sent, and nothing says that it failed."""

    number: int
    """Position of its write in the plan, from 0."""
    kind: Kind
    key: str | None
    """By now, whatever it was then. None: the personal values of the record were erased."""
    profile_id: str | None
    """Also that of a profile that was created."""
    column: str | None
    """None: the profile itself was created or deleted."""
    before: str | None
    after: str | None
    outcome: Literal[Outcome.LANDED, Outcome.UNKNOWN]
    """An intent whose end is not recorded is unknown as well."""
    sent_at: datetime
    until: datetime
    """By when it was carried out, if it was."""


@dataclass(frozen=True, slots=True)
class Around:
    """When the platform said that a profile was last changed, as it spells it, on both sides of a write of ours.

    Who finds the later one again knows that nobody has touched the profile since.
    """

    before: str | None
    """As it was read before the write was sent; None too where there was no profile yet."""
    after: str | None
    """As it was read back with what was written."""


@dataclass(frozen=True, slots=True)
class Overwritten:
    """An edit of somebody's that a file of ours overwrote, as an export shows it that was taken before its end."""

    write: int
    """Ours, by its number."""
    plan: str
    found: str | None
    """What the cell held, which is neither what was audited nor what we sent."""
    shown: datetime
    """The moment that the export shows."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What an export says of writes that nobody had confirmed, by their numbers; nothing of it is recorded yet."""

    landed: tuple[int, ...]
    changed: tuple[int, ...]
    superseded: tuple[int, ...]
    """Earlier writes to a cell whose last one is among the others."""
    edited: frozenset[int]
    """Those of `changed` whose cell holds neither what was sent nor what was audited."""
    overwritten: tuple[Overwritten, ...]


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """One bulk call."""

    number: int
    plan: str
    batch: str
    table: str
    file_sha: str
    sent_at: datetime
    state: ImportState
    execution: str | None


@dataclass(frozen=True, slots=True)
class BulkCalls:
    """The bulk calls of one table and one day."""

    used: int
    """Own calls that count, those whose id never arrived included."""
    exhausted: bool
    """True where the platform said that the day's calls are used up."""
    lost: bool
    """True where a part of the day's record is lost: nobody knows how many calls there were, and none is left."""


SAME_PERSON: Final = "auditor:same_person"
"""Stands for the column in a decision on two keys that are probably one person: `key` and `platform` are the first of
them, `truth` is the second, whichever sides they are of."""


PROFILE: Final = "auditor:profile"
"""Stands for the column in a decision on a whole profile: that it is not created or deleted now, or created again."""


NEWCOMER: Final = "new:"
"""Begins what stands for the profileId of somebody who has none yet; a keyed digest follows."""


@dataclass(frozen=True, slots=True)
class About:
    """The finding about a permission that somebody decided on."""

    finding: str
    """One of model.PermissionFinding."""
    evidence: str | None
    """The grounds for the permission, in the person's words; None: the decision names none, or it was erased."""
    until: date | None
    """The last day on which the grounds hold."""


@dataclass(frozen=True, slots=True)
class GivesBack:
    """The plan that gives an opt-out back which a person called an error."""

    plan: str
    begun: bool
    """It was applied, as far as it came."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a steward chose for one cell, given both values as seen, or for a pair of keys (SAME_PERSON)."""

    table: str
    person: str
    key: str
    column: str
    platform: str | None
    truth: str | None
    choice: str
    decided_at: datetime
    """When it was chosen, or else recorded. The ledger takes any moment, and tells none later than the recording."""
    profile_id: str | None
    """Whose key it was when the decision was made; as `Ledger.newcomer` for a NEWCOMER; None: nobody can tell."""
    about: About | None
    """None: the decision is about the cell or the pair itself."""
    overrules: str | None = None
    """Who had decided otherwise on the same values before; None: nobody, or nobody asked."""
    said_at: datetime | None = field(default=None, compare=False)
    """The moment that was given to the ledger, by whatever clock; None: it does not come from there."""
    number: int | None = field(default=None, compare=False)  # of the ledger
    lapsed: bool = field(default=False, compare=False)  # a run has found a value to be another one since
    gives_back: GivesBack | None = field(default=None, compare=False)
    """It says that an opt-out of ours was an error: `platform` is what is given back, `truth` what we wrote."""


@dataclass(frozen=True, slots=True)
class Pin:
    """What somebody said of one cell: that it is right on the platform, whatever the truth says."""

    table: str
    person: str
    """Who says so; of a pin that is taken off, who took it off."""
    key: str
    profile_id: str | None
    """Whose key it was then; None: nobody can tell."""
    column: str
    platform: str | None
    """The platform's text when it was pinned."""
    reason: str | None
    until: datetime | None
    """When it expires; None: taken off."""
    pinned_at: datetime
