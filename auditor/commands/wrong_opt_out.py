"""The one exception to "permission only goes down by itself": an opt-out that the auditor wrote in error.

One cell, by a named person, on a profile that nobody has touched since, and only where no other opt-out of theirs is
known under whichever key, none can be lost, and their general consent is not off. It is looked at when the undo is made
and again when it is applied; reading the profile tells whether it is untouched (see `auditor.apply.untouched`), and
once more whether the general consent is off.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import ibis
import polars as pl

from auditor import permissions
from auditor.apply.undo import Audited, single, undoing
from auditor.apply.untouched import TOLD_APART, moment_told
from auditor.commands.erased import of_erased
from auditor.commands.session import passing_engine
from auditor.commands.show_find import find, key_of
from auditor.diff.identifiers import identifiers
from auditor.engine.protocol import filled
from auditor.errors import GuardRefused, SettingsError
from auditor.findings.activities import SAID_NO
from auditor.findings.moments import last_day, moment
from auditor.findings.notices import NO_OPT_OUTS, NOBODY_SEEN
from auditor.model import Kind, Outcome, Permission, Side
from auditor.plan.decisions import Choice
from auditor.settings.config import Settings
from auditor.settings.contract import Contract
from auditor.settings.contract_file import read_contract
from auditor.state import run_folder
from auditor.state.agreed import Store
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import Decision, Effect, Pin, PlanRecord
from auditor.state.past_runs import find_run
from auditor.state.run_files import columns_of
from auditor.writes import Cell, Plan


@dataclass(frozen=True, slots=True)
class WrongOptOut:
    """Who says that which opt-out was an error."""

    cell: str
    """`KEY`, or `KEY:COLUMN` where the plan withdrew several permissions of the profile: the key that the plan has, or
    the one that the profile has in the newest run.
    """
    by: str


def take_back(
    settings: Settings,
    contract: Contract,
    of: PlanRecord,
    effects: Sequence[Effect],
    wrong: WrongOptOut,
    pins: Iterable[Pin],
    ledger: Ledger,
    audited: Audited,
    now: datetime,
) -> Plan:
    """The plan that gives one permission back; who said so is recorded as a decision for the platform's value.

    Raises GuardRefused where that must not be, or somebody has pinned it, and SettingsError where the plan wrote no
    such opt-out.
    """
    if not wrong.by.strip():
        raise SettingsError("--wrong-opt-out needs the name of the person who says so", hint="add: --by NAME")
    effect = _named(settings, contract, effects, wrong.cell, ledger)
    _require_restorable(settings, contract, effect, of.sha, ledger, audited.key)
    _require_untouched(settings, contract, effect, of.sha, ledger)
    for pin in pins:
        if (pin.key, pin.column) == (effect.key, effect.column):
            until = last_day(pin.until or now, contract.timezone)
            raise GuardRefused(
                f'the permission "{pin.column}" of profile "{pin.key}" is pinned by {pin.person} until {until}',
                hint="take the pin off first: auditor pin KEY COLUMN --off --by NAME",
            )
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


def require_restorable(settings: Settings, contract: Contract, undo: Plan, ledger: Ledger) -> None:
    """The last look at the permissions that a plan gives back: it holds none but by the exception.

    Raises GuardRefused.
    """
    for write in undo.writes:
        if write.kind is Kind.SUBSCRIBE:
            written = [one for one in ledger.effects(undo.undoes or "") if one.kind is Kind.UNSUBSCRIBE]
            effects = [
                one
                for one in written
                if one.key == write.key and [Cell(one.column or "", one.after, one.before)] == list(write.cells)
            ]
            if not effects and _emptied(contract, written, write.key, ledger):
                raise _erased(write.key)
            if not effects or len(undo.writes) > 1:
                raise GuardRefused("this undo gives back a permission that the auditor did not withdraw")
            _require_restorable(settings, contract, effects[0], undo.undoes or "", ledger, undo.key, undo=undo.sha)


def opted_out_otherwise(history: pl.DataFrame, written: datetime) -> bool:
    """Whether an opt-out of a cell is known beside the one that the auditor wrote at the moment `written`.

    `history` has the rows of the cell alone, in the columns of HISTORY but for key and column. Two of them are that
    one: what the truth said last before, which was carried out, and the first that the platform said afterwards.
    """
    said = history.sort("at", "value").select("side", "at", "value").rows()
    before = [one for one in said if one[0] == Side.TRUTH and one[1] <= written][-1:]
    after = [one for one in said if one[0] == Side.PLATFORM and one[1] > written][:1]
    return any(one[2] == Permission.OFF and one not in (*before, *after) for one in said)


def off_by_now(history: pl.DataFrame, written: pl.DataFrame) -> set[str]:
    """The columns that a side said no in last, as the runs saw it or as the auditor has written since.

    `history` and `written` are one person's: in columns of HISTORY, and of `Ledger.permission_writes`.
    """
    last: dict[tuple[str, str], tuple[datetime, bool]] = {}
    said = list(history.select("side", "column", "at", "value").iter_rows())
    for column, kind, sent in written.select("column", "kind", "sent_at").iter_rows():
        said.append((Side.PLATFORM, column, sent, Permission.OFF if kind == Kind.UNSUBSCRIBE else Permission.ON))
    for side, column, at, value in said:
        told = at, value == Permission.OFF
        last[side, column] = max(told, last.get((side, column), told))
    return {column for (_, column), (_, off) in last.items() if off}


def _named(settings: Settings, contract: Contract, effects: Sequence[Effect], cell: str, ledger: Ledger) -> Effect:
    """The one opt-out that is meant: by the key of the plan, or where it has no such key, by that of the newest run."""
    withdrawn = [one for one in effects if one.kind is Kind.UNSUBSCRIBE]
    own = [one for one in withdrawn if cell in (one.key, f"{one.key}:{one.column}")]
    column = next((one.column for one in withdrawn if cell.endswith(f":{one.column}")), None)
    key = cell if column is None else cell.removesuffix(f":{column}")
    if not own:
        whose = _numbers(settings, key)
        own = [one for one in withdrawn if one.profile_id in whose and column in (None, one.column)]
    if len(own) == 1:
        return own[0]
    if not own and _emptied(contract, withdrawn, key, ledger):
        raise _erased(key)
    if own:
        named = ", ".join(f"{one.key}:{one.column}" for one in own)
        raise SettingsError(f"the plan withdrew {len(own)} permissions of this profile", hint=f"name one: {named}")
    raise SettingsError(
        f'the plan withdrew no permission of "{cell}"',
        hint="name it by the key of the plan, or after auditor rekey by the new one: KEY or KEY:COLUMN",
    )


def _emptied(contract: Contract, withdrawn: Iterable[Effect], key: str, ledger: Ledger) -> bool:
    """Whether an opt-out may have been written to whoever has this key and was erased since: the record of it is."""
    return any(one.key is None for one in withdrawn) and bool(of_erased(contract, ledger, [key]))


def _erased(key: str) -> GuardRefused:
    return GuardRefused(
        f'"{key}" was erased from the record since the opt-out was written: nothing is given back',
        hint="nobody who asked to be erased is given a permission",
    )


def _numbers(settings: Settings, key: str) -> set[str]:
    """The profileId of whoever has this key in the newest run."""
    folder = find_run(settings)
    contract = read_contract(settings.table_folder / "contract.toml", run_folder.read_structure(folder))
    with passing_engine(settings, [folder]) as engine:
        rows = find(engine, contract, folder, key).matched.rows
        return {number for (number,) in engine.rows(rows.select("profile_id")) if number}


def _require_restorable(
    settings: Settings,
    contract: Contract,
    effect: Effect,
    plan: str,
    ledger: Ledger,
    key_then: Sequence[str],
    *,
    undo: str | None = None,
) -> None:
    column, key = effect.column or "", effect.key or ""
    polarity = next((one.permission for one in contract.permissions if one.name == column), None)
    if polarity is None:
        raise _refused(key, column, "is no permission of the mapping any more")
    if effect.outcome is not Outcome.LANDED:
        raise _refused(key, column, "was sent and is not confirmed: it may have been the person's own doing")
    if permissions.state(effect.before, polarity) is not Permission.ON:
        raise _refused(key, column, "was not on before")
    past = _past(settings, effect, ledger, key_then)
    if past.renamed is not None:
        another = "the mapping has another key since"
        why = another if past.by_mapping else "whoever gave the profile that key has changed it"
        raise _refused(key, column, f'is by now of "{past.renamed}": {why}')
    if not past.whole:
        raise _refused(key, column, "may have been withdrawn before: a part of what earlier runs remembered is lost")
    own = ledger.permission_writes(settings.table, but=None).filter(
        ((pl.col("profile_id") == effect.profile_id) | (pl.col("profile_id").is_null() & (pl.col("key") == key)))
        if effect.profile_id
        else pl.col("key") == key
    )
    if own.filter(pl.col("column") == column, ~pl.col("plan").is_in([plan, *([undo] if undo else [])])).height:
        raise _refused(key, column, "was written by another plan as well")
    if past.said_no:
        raise _refused(key, column, "is not given back to somebody who opted out in a campaign or complained")
    if opted_out_otherwise(past.history.filter(pl.col("column") == column), effect.sent_at):
        raise _refused(key, column, "was off at another time too: another opt-out is known")
    general = [one.name for one in contract.permissions if one.general]
    if column not in general and off_by_now(past.history, own).intersection(general):
        raise _refused(key, column, "stands under a general consent that is off")


def _require_untouched(settings: Settings, contract: Contract, effect: Effect, plan: str, ledger: Ledger) -> None:
    """Raises GuardRefused where the newest run shows that somebody has changed the profile since we wrote to it last:
    applying, which reads it, would find the same.
    """
    read = ledger.around_since(settings.table, effect.profile_id, plan) if effect.profile_id else []
    left = moment_told(read[-1].after) if read and read[-1] is not None else None
    folder, header = find_run(settings), contract.updated_platform
    path = folder / f"{Side.PLATFORM.value}.parquet"
    if left is None or header is None or not path.is_file() or not {"profileId", header} <= set(columns_of(path)):
        return
    rows = pl.scan_parquet(path).filter(pl.col("profileId") == effect.profile_id).select(header).collect()
    shown = max((told for text in rows[header] if (told := moment_told(text, contract.timezone))), default=left)
    if shown > left + TOLD_APART:
        name = settings.names.platform
        when = f"{name} says that it was changed at {moment(shown)}, after our write, and not by the auditor"
        raise _refused(effect.key or "", effect.column or "", f"is of a profile that somebody has touched: {when}")


@dataclass(frozen=True, slots=True)
class _Past:
    """What runs know of the permissions of one person, under whichever key they had."""

    renamed: str | None
    """The key that their profile has in the newest run, where it had another one when the auditor wrote."""
    by_mapping: bool
    """Whether it is another one because the contract names other columns, in whose old ones nothing has changed."""
    history: pl.DataFrame
    """`side`, `at`, `column`, `value` of every change that a run saw."""
    said_no: bool
    """Whether they opted out in a campaign or complained."""
    whole: bool
    """Whether nothing is lost that could tell of an opt-out of theirs."""


def _past(settings: Settings, effect: Effect, ledger: Ledger, key_then: Sequence[str]) -> _Past:
    folder = find_run(settings)
    structure = run_folder.read_structure(folder)
    contract = read_contract(settings.table_folder / "contract.toml", structure)
    store = Store(settings.state_folder, settings.entity, settings.table, structure.number)
    no = [one.value for one in SAID_NO]
    with passing_engine(settings, [folder, store.folder]) as engine:
        found = find(engine, contract, folder, effect.key or "")
        memory = store.load(engine, contract, found.matched.keys, expected=True)
        holders = {number for (number,) in engine.rows(found.matched.rows.select("profile_id"))}
        renamed, by_mapping = None, False
        if effect.profile_id and effect.profile_id not in holders:
            now = key_of(engine, contract, folder, effect.profile_id)
            renamed = None if now == effect.key else now
            if renamed is not None and list(contract.key) != list(key_then):
                by_mapping = key_of(engine, contract, folder, effect.profile_id, key_then) == effect.key
        person = ibis.literal(effect.profile_id, type=str)
        keys = [found.key] if found.key is not None else []
        if memory.seen is not None:
            keys += [key for (key,) in engine.rows(memory.seen.filter(memory.seen.profile_id == person).select("key"))]
        if memory.names is not None:  # of whoever said no: they may have been deleted, and made again since
            own = identifiers(engine, contract, structure, found.matched, ledger.secret).select("name")
            own = own.union(memory.names.filter(memory.names.key.isin(keys)).select("name"))
            keys += [key for (key,) in engine.rows(memory.names.semi_join(own, "name").select("key").distinct())]
        history = memory.history.filter(memory.history.key.isin(keys)).select("side", "at", "column", "value")
        told = run_folder.read_activities(folder).filter(pl.col("key") == effect.key, pl.col("activity").is_in(no))
        said_no = told.height > 0
        if memory.activities is not None:
            theirs = memory.activities.key.isin(keys) | (memory.activities.profile_id == person)
            said_no = said_no or filled(engine, memory.activities.filter(theirs & memory.activities.activity.isin(no)))
        missing, _ = run_folder.read_run(folder).told()
        lost = {*(one.code for one in missing), *(one.code for one in memory.warnings)} & (NO_OPT_OUTS | NOBODY_SEEN)
        return _Past(renamed, by_mapping, engine.frame(history), said_no, not lost)


def _refused(key: str, column: str, why: str) -> GuardRefused:
    return GuardRefused(
        f'the permission "{column}" of profile "{key}" {why}',
        hint="a new opt-in needs a named person's decision with evidence newer than the last opt-out",
    )
