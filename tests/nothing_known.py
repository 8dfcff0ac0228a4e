"""What stages hand on to each other, for tests of one thing: nothing is known and nothing was found, but what is said.

The program has no such defaults: who hands a value on says every part of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from auditor.commands import stored_plans
from auditor.diff.known import Known
from auditor.findings.audit import ROWS, TEXT, Counts
from auditor.model import Kind, Route, Status, Structure
from auditor.permissions import EVIDENCE, HISTORY, SAID_NO
from auditor.plan import Facts
from auditor.plan.creations import TAKEN
from auditor.plan.knowledge import CREATED, DELETED_AGAIN, LEFT, OF_OTHERS, TAKEN_BACK, UNDONE, Knowledge
from auditor.plan.policy import Policy
from auditor.plan.road import SEEN
from auditor.state.ledger import Ledger
from auditor.writes import Cell, Plan, Write

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


def some_counts(rows: Mapping[str, int], profiles: Mapping[Status, int], **given: Any) -> Counts:
    """The numbers that are given, and zero of everything else."""
    nothing: dict[str, Any] = {
        "waiting": 0,
        "pending": 0,
        "gone": 0,
        "kept": {},
        "differences_by_column": {},
        "differences_by_reason": {},
        "created": 0,
        "undone": 0,
        "later": 0,
        "against_their_will": 0,
        "on_grounds": 0,
        "findings_to_decide": 0,
        "findings_settled": 0,
        "needs": None,
        "decisions": None,
        "reachable": None,
        "unreachable": None,
        "formats": {},
        "matched_by": {},
        "violations_by_side": {},
        "violations_by_rule": {},
        "violations_by_severity": {},
        "permissions": {},
        "same_person": {},
    }
    given["standing"] = {one: 0 for one in Status if one is not Status.EQUAL} | given.get("standing", {})
    every = {"rows": dict.fromkeys(ROWS, 0) | dict(rows), "profiles": dict.fromkeys(Status, 0) | dict(profiles)}
    return Counts(**(nothing | every | given))


def knowing(**given: Any) -> Known:
    """What a diff is told."""
    nothing: dict[str, Any] = {
        "base": None,
        "base_by_key": False,
        "sent": None,
        "seen": None,
        "blocked": None,
        "ours": None,
    }
    return Known(**(nothing | given))


def knowledge(structure: Structure, **given: Any) -> Knowledge:
    """What bears on the cells of an audit."""
    nothing: dict[str, Any] = {
        "timezone": ZoneInfo("Europe/Brussels"),
        "now": NOW,
        "without_base": "ask",
        "decisions": (),
        "pins": (),
        "evidence": EVIDENCE.to_frame(),
        "history": HISTORY.to_frame(),
        "said_no": SAID_NO.to_frame(),
        "opt_outs_known": True,
        "seen_known": True,
        "undone": UNDONE.to_frame(),
        "deleted_again": DELETED_AGAIN.to_frame(),
        "created": CREATED.to_frame(),
        "left": LEFT.to_frame(),
        "taken_back": TAKEN_BACK.to_frame(),
        "of_others": OF_OTHERS.to_frame(),
        "consent_off": frozenset(),
        "filed": frozenset(),
        "of_erased": frozenset(),
    }
    return Knowledge(structure=structure, **(nothing | given))


def facts(known: Knowledge, **given: Any) -> Facts:
    """What a plan must know, with the file calls of a day."""
    nothing: dict[str, Any] = {
        "contract": "",
        "file_calls_left": 6,
        "file_calls_daily": 6,
        "seen": SEEN.to_frame(),
        "candidates": pl.DataFrame(schema={"key": TEXT}),
        "taken": TAKEN.to_frame(),
        "erased": frozenset(),
        "guards": (),
        "calls": ThreeEach(),
    }
    return Facts(known=known, **(nothing | given))


class ThreeEach:
    """Every write reads, changes and reads again, and a file is sent without a look."""

    def of_write(self, write: Write) -> int:
        return 3

    def of_file(self, rows: int) -> int:
        return 1


def a_policy(**given: Any) -> Policy:
    """What the settings say where nobody changed them."""
    usual: dict[str, Any] = {
        "route": "auto",
        "realtime": (),
        "bulk_min_rows": 1000,
        "for_others": False,
        "only_on_platform": "list",
        "calls_per_minute": 60,
        "max_age": timedelta(hours=24),
        "permission_max_age": timedelta(hours=1),
    }
    return Policy(**(usual | given))


def a_write(kind: Kind, route: Route, key: str, profile_id: str | None, cells: tuple[Cell, ...], **given: Any) -> Write:
    """A write by the default policy that travels alone."""
    nothing: dict[str, Any] = {"batch": None, "canary": False, "decided_by": None, "collection": None}
    return Write(kind, route, key, profile_id, cells, **(nothing | given))


def recorded(plan: Plan, ledger: Ledger) -> Plan:
    """The plan, which the ledger takes for one that was made here."""
    stored_plans.record(plan, Path(f"plan-{plan.sha}.json"), ledger)
    return plan


def a_plan(*writes: Write, **given: Any) -> Plan:
    """A plan that corrects, and leaves nothing alone."""
    nothing: dict[str, Any] = {
        "run": "run",
        "entity": "acme",
        "table": "Customers",
        "purpose": "correct",
        "made": NOW,
        "export_as_of": NOW,
        "key": ("customerId",),
        "left": (),
        "population": 0,
        "route_reason": "",
        "undoes": None,
        "stop": None,
        "fallbacks": (),
        "contract": None,
    }
    return Plan(writes=writes, **(nothing | given))
