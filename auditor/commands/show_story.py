"""What is told of one profile, as finished values: `auditor.commands.show` makes them, the screen shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from auditor.commands.show_decided import Made
from auditor.model import FORMAT, Permission, Status
from auditor.permissions import state
from auditor.settings.contract import Polarity
from auditor.state.ledger.records import Pin


class Relation(StrEnum):
    """How the two cells of one column stand to each other."""

    SAME = "same"
    FORMAT = "format"
    """Equal by the column's rule, but spelt differently."""
    KEPT = "kept"
    """Empty in the truth, and left as it is."""
    DIFFERS = "differs"
    APART = "apart"
    """Not compared: the profile is on one side only, set apart or outside the population."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What the run found out about a differing cell, in the words of `auditor.model`."""

    status: str
    moved: str
    reason: str
    waiting: bool
    pending: bool
    blocked: bool
    cause: str
    """Its id."""
    cause_sentence: str
    """What the profiles that share the cause have in common; begins with their number."""
    need: str
    """What becomes of it now: model.Need."""
    why: str | None
    """model.Why it is not corrected; None: it is."""
    damage: str | None
    """findings.damage.Damage of the truth's value; None: nothing speaks against it."""
    swapped_with: str | None
    """Key of the profile that carries this one's value, and whose value this one carries."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One column of one pair of rows."""

    column: str
    truth_column: str
    """The truth's own name for it."""
    platform: str | None
    """As it stands in the file; None: empty, or no row."""
    truth: str | None
    sent: str | None
    """The truth's value as it would be written to the platform."""
    relation: Relation
    agreed: str | None
    """Canonical form of the last agreed value; empty: agreed to be empty; None: nothing is known."""
    difference: Difference | None
    evidence_date: str | None
    """Of a permission column: when it was given or withdrawn, as the truth's file says."""
    evidence_source: str | None
    says: tuple[Permission, Permission] | None
    """What a permission says on each side; None: it is none."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A row of each side, beside each other. A duplicate has several of them, in file order."""

    on_platform: bool
    in_truth: bool
    cells: tuple[Cell, ...]
    platform_updated: str | None
    """The row's update moment, as its file says."""
    truth_updated: str | None


@dataclass(frozen=True)
class Story:
    """Everything known of one profile."""

    run: str
    table: str
    platform_name: str
    truth_name: str
    timezone: ZoneInfo
    key: str
    """As the platform spells it where it has the profile."""
    profile_id: str | None
    status: Status | None
    """None: outside the population, or on neither side in this run."""
    excluded: bool
    matched_by: str | None
    """As in `audit.PROFILES`; None where nothing was matched or set apart by a fallback key."""
    flags: tuple[str, ...]
    """waiting, gone, pending: of the whole profile."""
    erased: bool
    """Somebody who has one of the identifiers asked to be erased."""
    rows: tuple[Rows, ...]
    violations: pl.DataFrame
    findings: pl.DataFrame
    """Permission findings, in the columns of `audit.PERMISSIONS` and of `finding_answers.ANSWERS`."""
    same_person: pl.DataFrame
    """key, side, score, evidence: under which other keys, on which side, this person probably is as well."""
    history: pl.DataFrame
    """run, at, side, column, value, moment, source: every change of a permission that any run saw, oldest first."""
    writes: pl.DataFrame
    """In the columns of `Ledger.writes_of`."""
    decisions: tuple[Made, ...]
    pins: tuple[Pin, ...]
    """Those that hold."""
    activities: pl.DataFrame | None
    """In the columns of `audit.ACTIVITIES`; None where no activities are known: nothing is said of quarantine then."""
    again: tuple[str, ...]
    """The columns whose correction makes the person reachable again: what the platform has bounced for good."""
    permissions: Mapping[str, Polarity]
    """How each permission of the contract is spelt."""
    warnings: tuple[str, ...]
    """What could not be read of the state folder."""

    def says(self, column: str, text: str | None) -> Permission | None:
        """What a text says in a column; None: the column is no permission."""
        return state(text, self.permissions[column]) if column in self.permissions else None

    def document(self) -> dict[str, Any]:
        """The document that `auditor show --json` prints."""
        return {
            "format": FORMAT,
            "run": self.run,
            "table": self.table,
            "key": self.key,
            "profile_id": self.profile_id,
            "status": "excluded" if self.excluded else self.status,
            "matched_by": self.matched_by,
            **{flag: flag in self.flags for flag in ("waiting", "gone", "pending")},
            "erased": self.erased,
            "rows": [asdict(pair) for pair in self.rows],
            "violations": _plain(self.violations.drop("key")),
            "permission_findings": _plain(self.findings.drop("key")),
            "before_quarantine": self.activities is None,
            "activities": [] if self.activities is None else _plain(self.activities.drop("key")),
            "reachable_again_by": list(self.again),
            "same_person": _plain(self.same_person),
            "permission_history": _plain(self.history),
            "writes": _plain(self.writes),
            "decisions": [
                {
                    **{name: value for name, value in _plain_row(asdict(one.decision)).items() if name not in _UNTOLD},
                    "choice": one.choice,
                    "platform": one.platform,
                    "truth": one.truth,
                    "truth_says": one.truth_said,
                    "standing": one.standing.value,
                    "overruled_by": one.by,
                    "plan": one.plan,
                    "carried_out_at": one.at.isoformat() if one.at else None,
                }
                for one in self.decisions
            ],
            "pins": [
                {name: value for name, value in _plain_row(asdict(one)).items() if name not in ("table", "key")}
                for one in self.pins
            ],
            "warnings": list(self.warnings),
        }


_UNTOLD = ("table", "key", "overrules", "gives_back")


def _plain(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return [_plain_row(row) for row in frame.to_dicts()]


def _plain_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with its moments as ISO 8601."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
