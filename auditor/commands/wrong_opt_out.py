"""The one exception to "permission only goes down by itself": an opt-out that the auditor wrote in error.

One cell, by a named person, on a profile that nobody has touched since, and only where no other opt-out of theirs is
known. It is looked at when the undo is made and again when it is applied; whether the profile is untouched only
reading it tells (see `auditor.apply.untouched`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from auditor import permissions
from auditor.apply.undo import Audited, single, undoing
from auditor.commands.show import tell
from auditor.errors import GuardRefused, SettingsError
from auditor.findings.activities import SAID_NO
from auditor.model import Kind, Outcome, Permission
from auditor.plan.decisions import Choice
from auditor.settings.config import Settings
from auditor.settings.contract import Contract
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import Decision, Effect, PlanRecord
from auditor.writes import Cell, Plan


@dataclass(frozen=True, slots=True)
class WrongOptOut:
    """Who says that which opt-out was an error."""

    cell: str
    """`KEY`, or `KEY:COLUMN` where the plan withdrew several permissions of the profile."""
    by: str


def take_back(
    settings: Settings,
    contract: Contract,
    of: PlanRecord,
    effects: Sequence[Effect],
    wrong: WrongOptOut,
    ledger: Ledger,
    audited: Audited,
    now: datetime,
) -> Plan:
    """The plan that gives one permission back; who said so is recorded as a decision for the platform's value.

    Raises GuardRefused where that must not be, SettingsError where the plan wrote no such opt-out.
    """
    if not wrong.by.strip():
        raise SettingsError("--wrong-opt-out needs the name of the person who says so", hint="add: --by NAME")
    [effect] = _named(effects, wrong.cell)
    _require_restorable(settings, contract, effect, of.sha, now)
    cell = Cell(effect.column or "", effect.after, effect.before)
    write = single(effect, Kind.SUBSCRIBE, [cell], by=wrong.by.strip())
    choice = Choice.PLATFORM.value
    who = Decision(
        of.table,
        wrong.by.strip(),
        write.key,
        cell.column,
        effect.before,
        effect.after,
        choice,
        now,
        effect.profile_id,
        about=None,
    )
    ledger.decide([who], now)
    return undoing(of, audited, now, [write], [])


def require_restorable(settings: Settings, contract: Contract, undo: Plan, ledger: Ledger, now: datetime) -> None:
    """The last look at the permissions that a plan gives back: it holds none but by the exception.

    Raises GuardRefused.
    """
    for write in undo.writes:
        if write.kind is Kind.SUBSCRIBE:
            effects = [
                one
                for one in ledger.effects(undo.undoes or "")
                if one.kind is Kind.UNSUBSCRIBE and one.key == write.key
                and [Cell(one.column or "", one.after, one.before)] == list(write.cells)
            ]  # fmt: skip
            if not effects or len(undo.writes) > 1:
                raise GuardRefused("this undo gives back a permission that the auditor did not withdraw")
            _require_restorable(settings, contract, effects[0], undo.undoes or "", now, undo=undo.sha)


def _named(effects: Sequence[Effect], cell: str) -> list[Effect]:
    """The one opt-out that is meant."""
    own = [one for one in effects if one.kind is Kind.UNSUBSCRIBE and cell in (one.key, f"{one.key}:{one.column}")]
    if len(own) == 1:
        return own
    if own:
        named = ", ".join(f"{one.key}:{one.column}" for one in own)
        raise SettingsError(f"the plan withdrew {len(own)} permissions of this profile", hint=f"name one: {named}")
    raise SettingsError(f'the plan withdrew no permission of "{cell}"', hint="as the plan spells it: KEY or KEY:COLUMN")


def _require_restorable(
    settings: Settings, contract: Contract, effect: Effect, plan: str, now: datetime, *, undo: str | None = None
) -> None:
    column, key = effect.column or "", effect.key or ""
    polarity = next((one.permission for one in contract.permissions if one.name == column), None)
    if polarity is None:
        raise _refused(key, column, "is no permission of the mapping any more")
    if effect.outcome is not Outcome.LANDED:
        raise _refused(key, column, "was sent and is not confirmed: it may have been the person's own doing")
    if permissions.state(effect.before, polarity) is not Permission.ON:
        raise _refused(key, column, "was not on before")
    story = tell(settings, key, now=now)
    others = story.writes.filter(
        pl.col("column") == column,
        pl.col("plan").is_in([plan, *([undo] if undo else [])]).not_(),
        pl.col("sent_at").is_not_null(),
        pl.col("outcome").fill_null("unknown").is_in([Outcome.LANDED.value, Outcome.UNKNOWN.value]),
    )
    if others.height:
        raise _refused(key, column, "was written by another plan as well")
    said = story.activities
    if said is not None and said["activity"].is_in([one.value for one in SAID_NO]).any():
        raise _refused(key, column, "is not given back to somebody who opted out in a campaign or complained")
    if permissions.opted_out_otherwise(story.history.filter(pl.col("column") == column), effect.sent_at):
        raise _refused(key, column, "was off at another time too: another opt-out is known")


def _refused(key: str, column: str, why: str) -> GuardRefused:
    return GuardRefused(
        f'the permission "{column}" of profile "{key}" {why}',
        hint="a new opt-in needs a named person's decision with evidence newer than the last opt-out",
    )
