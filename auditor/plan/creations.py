"""Who is created on the platform, and with what: somebody who is missing there, and nobody who was there before."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import polars as pl

from auditor import permissions, writes
from auditor.findings.audit import TEXT, Audit, kept_out
from auditor.model import TECHNICAL_ATTRIBUTES, Kind, Moved, Permission, Refusal, Side, Status, Why
from auditor.permissions import Case, Cell, Evidence
from auditor.plan.actions import Action
from auditor.plan.damage import damaged_candidates
from auditor.plan.decisions import Choice, Standing, refused_profiles, standing
from auditor.plan.knowledge import Knowledge
from auditor.plan.pairs import held, one_of_two
from auditor.settings.contract import Column, Master, Polarity, Writing
from auditor.state.ledger.records import PROFILE

TAKEN: Final = pl.Schema({"key": TEXT, "column": TEXT})
"""Missing keys whose value of a unique column some profile of the platform has."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """What is known about the missing, beyond the audit itself."""

    rows: pl.DataFrame
    """One row per missing key: `key`, a text column per column of the contract with the value as it would be sent
    (null: empty), `auditor:updated` (UTC, of the truth's own row), and `evidence_date:COLUMN` (UTC) and
    `evidence_source:COLUMN` per permission column whose contract names evidence."""
    taken: pl.DataFrame
    """As TAKEN."""
    erased: Collection[str]
    """Keys of people who were erased on request, whichever of their identifiers said so."""


def create(audit: Audit, candidates: Candidates, known: Knowledge) -> Iterator[Action | writes.LeftAlone]:
    """What is created per missing key, by key: cells to create it with, opt-ins to follow, and what is left out.

    Rows of the platform that could not be read may be the very people that seem to be missing: then nobody is created.
    """
    missing = audit.profiles.filter(pl.col("status") == Status.MISSING).sort("key")
    unreadable = audit.counts.rows["platform_rejected"] > 0
    same_person = held(audit, Side.TRUTH, known.decisions)
    one_person = one_of_two(audit, Side.TRUTH, known.decisions)
    anew, refused = _decided_anew(known), refused_profiles(known.decisions)
    undone = _undone(candidates.rows, known) - anew
    taken = set(candidates.taken.select("key", "column").iter_rows())
    taken_keys = {key for key, _ in taken}
    wanted = []
    for key, pending, waiting, gone in missing.select("key", "pending", "waiting", "gone").iter_rows():
        reasons = {
            Why.ERASED: key in candidates.erased,  # ahead of what else is known: that is theirs no longer
            Why.PENDING: pending,
            Why.WAITING: waiting,
            Why.UNDONE: key in undone,
            Why.REFUSED: key in refused,
            Why.GONE: gone and key not in anew,  # the undo deleted them
            Why.FORGOTTEN: not known.seen_known,
            Why.NOT_CHECKED: unreadable,
            Why.ONE_PERSON: key in one_person,
            Why.SAME_PERSON: key in same_person,
            Why.TAKEN: key in taken_keys,
        }
        why = next((why for why, holds in reasons.items() if holds), None)
        if why is None:
            wanted.append(key)
        else:
            yield writes.LeftAlone(key, None, why.value, refusal=None)
    rows = candidates.rows.filter(pl.col("key").is_in(wanted)).sort("key")
    if rows["key"].to_list() != wanted:
        raise ValueError("the candidates do not hold every missing key exactly once")
    yield from _profiles(audit, rows.to_dicts(), known, damaged_candidates(rows, audit.columns))


def _undone(rows: pl.DataFrame, known: Knowledge) -> set[str]:
    """The keys that we created and an undo deleted, of whom the truth has said nothing new since."""
    again = rows.join(known.deleted_again, on="key")
    if "auditor:updated" in rows.columns:
        again = again.filter(~(pl.col("auditor:updated") > pl.col("at")).fill_null(False))
    return set(again["key"])


def _decided_anew(known: Knowledge) -> set[str]:
    """The keys of those whom an undo deleted and somebody wants to be created once more, as they said afterwards."""
    deleted = dict(known.deleted_again.sort("at").select("key", "at").iter_rows())
    wanted = (one for one in known.decisions if one.column == PROFILE and one.choice is Choice.TRUTH and not one.lapsed)
    return {one.key for one in wanted if one.made and one.key in deleted and one.made > deleted[one.key]}


def _profiles(
    audit: Audit, rows: Sequence[Mapping[str, Any]], known: Knowledge, damaged: Collection[Cell]
) -> Iterator[Action | writes.LeftAlone]:
    violated: dict[str, set[str]] = {}
    on_truth = kept_out(audit.violations).filter(pl.col("side") == Side.TRUTH)
    for key, column in on_truth.select("key", "column").iter_rows():
        violated.setdefault(key, set()).add(column)
    demands = _demands(audit, known)
    permission_columns = [column.name for column in audit.columns if column.permission is not None]
    cells = ((row["key"], name, None, row[name]) for row in rows for name in permission_columns)
    standings = standing(known.decisions, cells)
    opt_outs = permissions.last_opt_outs(
        known.history, dict.fromkeys(standings.holding, (Permission.EMPTY, None)), known.said_no, known.timezone
    )
    for row in rows:
        key, bad = row["key"], violated.get(row["key"], set())
        blocking = demands.blocking(row, bad)
        if blocking:
            for column in blocking:
                lacks = column in demands.required and not row.get(column)
                yield writes.LeftAlone(key, column, Why.BLOCKED.value, Refusal.MANDATORY.value if lacks else None)
            continue
        if unsaid := [name for name in sorted(demands.unsaid) if _withdrawn(row[name])]:
            yield from (writes.LeftAlone(key, column, Why.NEVER.value, refusal=None) for column in unsaid)
            continue
        hurt = {name for name in row if (key, name) in damaged} - demands.left_out.keys()
        if critical := sorted(hurt & demands.critical):
            yield from (writes.LeftAlone(key, column, Why.DAMAGED.value, refusal=None) for column in critical)
            continue
        # The truth's own moment, never the audit's clock; where the row has none that can be, nothing is said.
        updated = row.get("auditor:updated")
        told = updated is not None and updated <= known.now
        own = permissions.collected(updated, audit.truth_name, known.timezone) if updated and told else None
        off = any(
            permissions.withheld(Permission.EMPTY, permissions.state(row[column.name], column.permission))
            for column in audit.columns
            if column.permission is not None and column.general
        )
        for column in audit.columns:
            if column.name in hurt and column.name not in bad:
                yield writes.LeftAlone(key, column.name, Why.DAMAGED.value, refusal=None)
                continue
            yield from _cell(row, column, column.name in bad, demands, standings, opt_outs, known, own, off)


def _withdrawn(text: str | None) -> bool:
    return permissions.state(text, Polarity.OPT_OUT) is Permission.OFF


@dataclass(frozen=True, slots=True)
class _Demands:
    """What a profile must bring to be created."""

    required: frozenset[str]
    """Columns that must have a value: the key's and the mandatory ones, mapped or not."""
    critical: frozenset[str]
    """Columns whose bad value keeps the whole profile out: the required and the unique ones."""
    required_permissions: Mapping[str, Polarity]
    left_out: Mapping[str, Why]
    """Columns that the platform masters or that are never written: they are sent only where Actito insists."""
    unsaid: frozenset[str]
    """Permissions among them that are on where nothing is said: who withdrew one is not created without saying so."""

    def blocking(self, row: Mapping[str, Any], violated: Collection[str]) -> list[str]:
        """The columns for which the profile cannot be created, by name."""
        empty = {name for name in self.required if not row.get(name)}
        bad = self.critical.intersection(violated) - self.left_out.keys()
        opted_in = {
            name
            for name, polarity in self.required_permissions.items()
            if permissions.state(row[name], polarity) is not Permission.OFF
        }
        return sorted(empty | bad | opted_in)


def _demands(audit: Audit, known: Knowledge) -> _Demands:
    attributes = [attribute for attribute in known.structure.attributes if not attribute.technical]
    required = frozenset(attribute.name for attribute in attributes if attribute.mandatory)
    required |= frozenset(audit.key) - frozenset(TECHNICAL_ATTRIBUTES)
    optional = [column for column in audit.columns if column.name not in required]
    never = {column.name: Why.NEVER for column in optional if column.write is Writing.NEVER}
    return _Demands(
        required=required,
        critical=required | frozenset(attribute.name for attribute in attributes if attribute.unique),
        required_permissions={
            column.name: column.permission for column in audit.columns if column.permission and column.name in required
        },
        left_out={**never, **{column.name: Why.MASTER for column in optional if column.master is Master.PLATFORM}},
        unsaid=frozenset(
            column.name for column in optional if column.permission is Polarity.OPT_OUT and column.name in never
        ),
    )


def _cell(
    row: Mapping[str, Any],
    column: Column,
    violated: bool,
    demands: _Demands,
    standings: Standing,
    opt_outs: Mapping[Cell, datetime],
    known: Knowledge,
    own: writes.Collection | None,
    consent_off: bool,
) -> Iterator[Action | writes.LeftAlone]:
    """`own` is when and where the row itself was collected; `consent_off`: a general permission of it is off."""
    key, text = row["key"], row[column.name]
    if not text or column.name in TECHNICAL_ATTRIBUTES:
        return
    if column.name in demands.left_out:
        yield writes.LeftAlone(key, column.name, demands.left_out[column.name].value, refusal=None)
    elif violated:
        yield writes.LeftAlone(key, column.name, Why.BLOCKED.value, refusal=None)
    elif column.permission is None:
        yield Action(key, Kind.CREATE, writes.Cell(column.name, None, text), None, own)
    else:
        decision = standings.holding.get((key, column.name))
        by = decision.by if decision and decision.choice is Choice.TRUTH else None
        case = Case(
            column.permission,
            platform=None,
            truth=text,
            moved=Moved.UNKNOWN,
            platform_updated=None,
            evidence=Evidence(row.get(f"evidence_date:{column.name}"), row.get(f"evidence_source:{column.name}")),
            last_opt_out=opt_outs.get((key, column.name)),
            last_opt_in=None,
            barred=known.barred(consent_off=consent_off and not column.general),
        )
        verdict = permissions.decide_creation(case, by=by, now=known.now, timezone=known.timezone)
        if isinstance(verdict, Why):
            yield writes.LeftAlone(key, column.name, verdict.value, refusal=None)
        elif verdict.kind is Kind.UNSUBSCRIBE:
            yield Action(key, Kind.CREATE, writes.Cell(column.name, None, verdict.after), None, own)
        else:
            yield Action(key, verdict.kind, writes.Cell(column.name, None, verdict.after), by, verdict.collection)
