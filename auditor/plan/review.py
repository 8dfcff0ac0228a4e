"""What a plan will do, as a person reads it: write by write, of whom, from what to what, why, and at which risk.

Pure: the plan itself and what is known beside it go in, values for pages and screens come out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, Final

import polars as pl

from auditor.findings.audit import TEXT
from auditor.findings.decided import otherwise
from auditor.findings.left_alone import OF_A_CELL
from auditor.findings.planned import MAY_CONTACT, RISK, Risk
from auditor.findings.sentences import with_sentences
from auditor.findings.words import FINDING, MOVED, Words
from auditor.model import Kind, Moved, Permission, Route, Why
from auditor.permissions import state
from auditor.settings.contract import Polarity
from auditor.writes import Cell, Plan, Write

PEOPLE: Final = pl.Schema({"profile_id": TEXT, "key": TEXT, "name": TEXT, "email": TEXT})
"""Who somebody is, as the export says it; null where it says nothing."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Who keeps a cell from being written, and until when."""

    by: str
    until: str
    """As people read it: the last day of a pin, the moment when a refusal ends."""
    reason: str | None
    """Of a pin."""
    changed: bool
    """The platform has another value by now."""


@dataclass(frozen=True)
class Beside:
    """What is known beside a plan. Frames may be in any order, and lack rows."""

    differences: pl.DataFrame
    """As audit.DIFFERENCES, of the run that the plan was made of."""
    causes: pl.DataFrame
    people: pl.DataFrame
    """As PEOPLE."""
    findings: Mapping[tuple[str, str], str]
    """The permission finding of a cell, as model.PermissionFinding; of several the last."""
    decided: Mapping[tuple[str, str, str], datetime]
    """When a cell was decided, by key, column and person."""
    permissions: Mapping[str, Polarity]
    contacts: Collection[str]
    """Columns with addresses and numbers, by which people are contacted."""
    identity: Collection[str]
    """Columns by which a profile is known: those of the key, and unique ones."""
    realtime: Sequence[str]
    """Globs of the columns that start scenarios."""
    names: tuple[str | None, str | None, str | None]
    """The columns of the first name, the last name and the e-mail address, for who is created; None: there is none."""
    doubts: Mapping[tuple[str, str], str]
    """findings.damage.Damage of the values on which a person decided, by key and column."""
    kept: Mapping[tuple[str, str | None], Kept]
    """By key and column (None: the profile), what somebody keeps from being written."""
    decided_on: Mapping[tuple[str, str | None], tuple[str, datetime, bool]]
    """By the same, who decided that it is written, or withdrawn, when, and whether both sides still say what they said
    then."""
    otherwise: Mapping[tuple[str, str], tuple[str, str, datetime]]
    """Choice, person and moment of the last decision on a cell that was not to be written, by key and column."""
    now: Mapping[tuple[str | None, str | None], str | None]
    """For an undo, by the same: what the newest run saw on the platform, in cells that differ."""
    says_no: Collection[tuple[str, str]]
    """For an undo, by key and column: the permissions that it gives back and to which the truth says no."""
    carried_out: datetime | None
    """When the last of the plan was done, of which nothing is left to do; None: some is."""
    sent_before: Collection[tuple[str, str]]
    """By key and column: opt-outs that went by file before, and that a newer export did not show."""


@dataclass(frozen=True, slots=True)
class Change:
    """One cell of a write."""

    column: str
    before: str | None
    after: str | None
    says: tuple[Permission, Permission] | None
    """What a permission says before and afterwards; None: the column is none."""
    because: str
    """In a sentence, without a capital letter or a full stop of its own."""
    by: str | None
    """The person who decided; None: the policy did."""
    at: datetime | None
    """When they did, as far as the ledger knows."""
    doubt: str | None
    """findings.damage.Damage of the value that they decided for; None: nothing speaks against it."""
    otherwise: tuple[str, str, datetime] | None
    """Choice, person and moment of a decision against the write that does not hold any more, or is `later`; None: there
    is none.
    """
    later: bool
    """Whether it was made after the plan, which knows nothing of it."""
    risks: tuple[Risk, ...]

    def to_know(self, say: Words) -> dict[str, str]:
        """What to know of the write before it is made, by its code; what speaks against the value comes first."""
        doubt = f"{Why.DAMAGED}:{self.doubt}"
        doubts = {doubt: say.fill(OF_A_CELL[doubt])} if self.doubt else {}
        if self.otherwise is not None:
            choice, by, at = self.otherwise
            doubts["decided_otherwise"] = otherwise(say, choice, by, at.date(), later=self.later)
        return doubts | {risk.value: say.fill(RISK[risk]) for risk in self.risks}


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One write, as a person reads it."""

    kind: Kind
    by_file: bool
    canary: bool
    """Of a file, and goes one by one before it."""
    file: str | None
    """The file with which somebody else imports it; None: it goes from here."""
    key: str
    name: str
    """Empty where nobody knows it, like the next."""
    email: str
    changes: tuple[Change, ...]
    """What is carried along unchanged is left out."""
    risks: tuple[Risk, ...]
    """Of the write as a whole."""

    def to_know(self, say: Words) -> dict[str, str]:
        """What to know of the write as a whole before it is made, by its code."""
        return {risk.value: say.fill(RISK[risk]) for risk in self.risks}

    def document(self, say: Words) -> dict[str, Any]:
        """The public form: facts, and beside codes what they say."""
        return {
            "kind": self.kind.value,
            "route": (Route.BULK if self.by_file else Route.SINGLE).value,
            "canary": self.canary,
            "file": self.file,
            "key": self.key,
            "name": self.name or None,
            "email": self.email or None,
            "changes": [
                {
                    "column": one.column,
                    "before": one.before,
                    "after": one.after,
                    **({"says": [MAY_CONTACT[said] for said in one.says]} if one.says else {}),
                    "because": one.because,
                    "decided_by": one.by,
                    "decided_at": one.at.isoformat() if one.at else None,
                    "risks": one.to_know(say),
                }
                for one in self.changes
            ],
            "risks": self.to_know(say),
        }


@dataclass(frozen=True)
class Review:
    """A plan with everything that a person wants to know of its writes."""

    plan: Plan
    beside: Beside
    say: Words

    def writes(self) -> Iterator[Reviewed]:
        """Every write, in the order in which they go."""
        known = self._known.iter_rows()
        others = self.plan.for_others
        for write in self.plan.writes:
            cells = [cell for cell in write.cells if cell.before != cell.after]
            facts = [next(known) for _ in cells or (None,)]
            name, email = facts[0][3:]
            if write.kind is Kind.CREATE or (write.kind is Kind.DELETE and not (name or email)):
                name, email = self._by_cells(write)
            yield Reviewed(
                write.kind,
                write.batch is not None and (others or not write.canary),
                write.canary and not others,
                write.batch if others else None,
                write.key,
                name or "",
                email or "",
                tuple(self._change(write, cell, *row[:3]) for cell, row in zip(cells, facts, strict=False)),
                tuple(self._of_write(write)),
            )

    @cached_property
    def _known(self) -> pl.DataFrame:
        """A row per cell that changes, and one per write without: moved, cause, status, name, email."""
        asked = [
            (write.key, write.profile_id, column)
            for write in self.plan.writes
            for column in ([cell.column for cell in write.cells if cell.before != cell.after] or (None,))
        ]
        schema = {"key": TEXT, "profile_id": TEXT, "column": TEXT}
        cells = pl.DataFrame(asked, schema=schema, orient="row")
        differing = self.beside.differences.select("key", "column", "moved", "cause", "status")
        people = self.beside.people
        numbered = people.drop_nulls("profile_id").unique("profile_id").select("profile_id", "name", "email")
        keyed = people.drop_nulls("key").unique("key").select("key", "name", "email")
        return (
            cells.join(differing, on=["key", "column"], how="left", maintain_order="left")
            .join(numbered, on="profile_id", how="left", maintain_order="left")
            .join(keyed, on="key", how="left", maintain_order="left", suffix="_keyed")
            .select(
                "moved",
                "cause",
                "status",
                name=pl.coalesce("name", "name_keyed"),
                email=pl.coalesce("email", "email_keyed"),
            )
        )

    @cached_property
    def causes(self) -> Mapping[str, str]:
        told = with_sentences(self.beside.causes, self.say, with_count=False)
        return dict(told.select("cause", "sentence").iter_rows())

    def _by_cells(self, write: Write) -> tuple[str, str]:
        """Who is created, or deleted after being created by us: the run of the plan did not have them."""
        values = {cell.column: text for cell in write.cells if (text := cell.after or cell.before)}
        first, last, email = (values.get(column or "", "") for column in self.beside.names)
        return f"{first} {last}".strip(), email

    def _change(self, write: Write, cell: Cell, moved: str | None, cause: str | None, status: str | None) -> Change:
        beside, by = self.beside, write.decided_by
        polarity = beside.permissions.get(cell.column)
        against = None if by is not None else beside.otherwise.get((write.key, cell.column))
        return Change(
            cell.column,
            cell.before,
            cell.after,
            None if polarity is None else (state(cell.before, polarity), state(cell.after, polarity)),
            self._because(write, cell, moved, cause, status),
            by,
            None if by is None else beside.decided.get((write.key, cell.column, by)),
            None if by is None else beside.doubts.get((write.key, cell.column)),
            against,
            against is not None and against[2] > self.plan.made,
            tuple(self._of_cell(write, cell)),
        )

    def _because(self, write: Write, cell: Cell, moved: str | None, cause: str | None, status: str | None) -> str:
        if self.plan.undoes:
            return f"takes back plan {self.plan.undoes[:12]}"
        if write.kind is Kind.CREATE:
            return self.say.fill("only {truth} knows this person")
        if write.collection is not None:
            return self.say.fill(f"{{truth}} has it since {write.collection.moment}, from {write.collection.source}")
        finding = self.beside.findings.get((write.key, cell.column))
        if status is None and finding is not None and write.kind is Kind.UNSUBSCRIBE:
            return self.say.fill(FINDING[finding][0])
        parts = [self.causes[cause]] if cause is not None and cause in self.causes else []
        if moved is not None and moved != Moved.UNKNOWN:
            parts.append(self.say.fill(MOVED[moved]))
        elif status is not None and write.decided_by is None:
            parts.append(self.say.fill("{truth} is the master of this field"))
        return "; ".join(parts) or self.say.fill("as {truth} says")

    def _of_cell(self, write: Write, cell: Cell) -> Iterator[Risk]:
        if write.kind is Kind.UPDATE and cell.column in self.beside.contacts:
            yield Risk.ADDRESS
        if write.kind in (Kind.UPDATE, Kind.CLEAR) and cell.column in self.beside.identity:
            yield Risk.IDENTITY
        if (write.key, cell.column) in self.beside.says_no:
            yield Risk.TRUTH_SAYS_NO
        if (write.key, cell.column) in self.beside.sent_before:
            yield Risk.SENT_BEFORE
        if any(fnmatchcase(cell.column, glob) for glob in self.beside.realtime):
            yield Risk.STARTS

    def _of_write(self, write: Write) -> Iterator[Risk]:
        if write.kind in _OF_KIND:
            yield _OF_KIND[write.kind]
        alone = write.batch is None or (write.canary and not self.plan.for_others)
        if not alone and write.kind is not Kind.CREATE:
            yield Risk.UNSEEN


_OF_KIND: Final[Mapping[Kind, Risk]] = {
    Kind.SUBSCRIBE: Risk.CONTACTABLE,
    Kind.DELETE: Risk.DELETED,
    Kind.UNSUBSCRIBE: Risk.WITHDRAWN,
    Kind.CLEAR: Risk.EMPTIED,
    Kind.CREATE: Risk.NEW,
}
