"""What Actito answers, as frozen values. Whatever holds values of profiles keeps them out of its `repr`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

ProfileRef = str | tuple[str, str]
"""One profile: its `profileId` (digits), or (unique attribute, value)."""


@dataclass(frozen=True, slots=True)
class Table:
    """A profile table as the list of tables names it."""

    id: str
    """Equals the name where the dialect's list holds no ids (V4)."""
    name: str


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile as Actito holds it now."""

    profile_id: str
    values: Mapping[str, str | None] = field(repr=False)
    """Every column of the structure, by its audit name, and attributes beyond it where the answer has more.

    Attributes: Actito's own text, list values joined by `,`, None where absent or null. `subscriptions#NAME`:
    `true` or `false`. `segmentations#NAME`: `true` or `false` for a simple one, the segment or None for an
    exclusive one. What the answer does not list counts as not subscribed and not a member.
    """


class ExecutionState(StrEnum):
    """How far an import has come, whatever word the dialect has for it."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    """Carried out; rows may have been refused."""
    FAILED = "failed"
    """Ended without being carried out as a whole; single rows may have been written."""
    UNKNOWN = "unknown"
    """A word this version does not know: not finished, until the caller's own time limit."""


@dataclass(frozen=True, slots=True)
class Execution:
    """One import on the platform. Counters are None where the answer does not hold them."""

    id: str
    state: ExecutionState
    rows_in_error: int | None = None
    with_errors: bool = False
    """True where Actito says that rows were refused, by a flag, a counter or the state."""

    @property
    def finished(self) -> bool:
        return self.state in (ExecutionState.DONE, ExecutionState.FAILED)


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """One row of a corrective file that Actito did not take over."""

    column: str
    """The column that was wrong, as Actito names it; may be empty."""
    code: str
    cells: Mapping[str, str] = field(repr=False)
    """The row as it was sent, header to cell, without Actito's two added columns."""


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One row of a corrective file that Actito took over, as the result file has it (§7.3, §8.4)."""

    profile_id: str | None
    """None where the file has no such column: which ones Actito adds was not seen."""
    cells: Mapping[str, str] = field(repr=False)
    """Header to cell, with the columns that Actito added."""


@dataclass(frozen=True, slots=True)
class Loading:
    """What a stored definition writes into one profile table."""

    table: str
    """The table's id or name, as the definition has it."""
    mode: str
    """Actito's word, such as `CREATE_UPDATE`; empty where the definition does not say."""
    mapping: Mapping[str, str] | None
    """Header of the file to audit column; None where the definition does not say."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A stored ETL definition: what others, or the auditor, load again and again in the same way (D-etlp)."""

    id: str
    """Of one that is to be stored: not used, Actito gives it."""
    name: str
    active: bool | None
    """None where Actito does not say."""
    loadings: tuple[Loading, ...]
    """Into profile tables alone; what a definition loads into custom tables is left out."""


@dataclass(frozen=True, slots=True)
class Synchronisation:
    """A stored ETL definition as one profile table sees it. Changing the table can break it (U-wsprof)."""

    id: str
    name: str
    active: bool | None
    """None where Actito does not say."""
    columns: tuple[str, ...] | None
    """The audit columns that it writes, in the order of the definition; None where Actito does not say."""


@dataclass(frozen=True, slots=True)
class Location:
    """A remote place that stored imports read from or exports write to (D-ft)."""

    id: str
    """Equals the name where the list holds no ids."""
    name: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario of a profile table. Which writes start it cannot be read from the API (§14b)."""

    id: str
    """Equals the name where the list holds no ids."""
    name: str
    active: bool | None
    """None where Actito does not say."""


class ImportMode(StrEnum):
    """What a corrective file may do. Actito's CREATE_UPDATE is left out: it would resurrect deleted people."""

    UPDATE_ONLY = "UPDATE_ONLY"
    CREATE_ONLY = "CREATE_ONLY"


class Collection(Protocol):
    """Where and when a permission was given; sent as `dataCollectionInformation`."""

    @property
    def moment(self) -> str:
        """`YYYY-MM-DD HH:MM:SS`."""

    @property
    def source(self) -> str: ...
