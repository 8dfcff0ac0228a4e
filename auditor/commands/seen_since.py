"""What the newest run saw in cells that we had written: whether they still hold what we wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from auditor.commands.known import holders
from auditor.commands.session import passing_engine
from auditor.commands.show_find import there
from auditor.equality.single_value import Sameness
from auditor.errors import SettingsError
from auditor.model import SUBSCRIPTION_PREFIX, Kind, Permission, Side, Status, Why
from auditor.permissions import state
from auditor.settings.config import Settings
from auditor.settings.contract import Contract
from auditor.state import run_folder
from auditor.state.ledger.persons import called_now
from auditor.state.ledger.records import Effect
from auditor.state.past_runs import find_run
from auditor.writes import Plan, Write, key_parts

Spot: TypeAlias = tuple[str | None, str | None]
"""Key and column; None: erased from the record, and the profile itself."""


@dataclass(frozen=True, slots=True)
class _Who:
    """Somebody as a plan or the ledger names them."""

    key: str
    profile_id: str | None


def platform_texts(settings: Settings, people: Iterable[Effect | Write]) -> Mapping[Spot, str | None]:
    """What the platform has in each cell of these people that differs in the newest run, by the keys that they come
    with; nothing where no run can be read.
    """
    try:
        folder = find_run(settings)
        rows = run_folder.read_rows(folder, "differences").select("key", "column", "platform").iter_rows()
        names = {now: key for key, now in _keys_of_now(folder, people).items()}
    except SettingsError:
        return {}
    return {(names[key], column): text for key, column, text in rows if key in names}


def _keys_of_now(folder: Path, people: Iterable[Effect | Write]) -> dict[str, str]:
    """The keys that people have in a run, by those that they come with; not of those whose key somebody else has."""
    named = [_Who(one.key, one.profile_id) for one in people if one.key is not None]
    return {one.key: now for now, one in called_now(named, holders(run_folder.read_rows(folder, "profiles")))}


def truth_says_no(settings: Settings, contract: Contract, plan: Plan) -> set[tuple[str, str]]:
    """Selects the permissions, by key and column, that an undo gives back although the truth of the newest run says no.

    Where nothing differs of somebody whom both sides have, the truth says what we wrote.
    """
    given = {(write.key, cell.column) for write in plan.writes if write.kind is Kind.SUBSCRIBE for cell in write.cells}
    if plan.purpose != "undo" or not given:
        return set()
    try:
        folder = find_run(settings)
        rows = run_folder.read_rows(folder, "differences").select("key", "column", "truth").iter_rows()
        people = run_folder.read_rows(folder, "profiles").select("key", "status").iter_rows()
        now = _keys_of_now(folder, plan.writes)
    except SettingsError:
        return set()
    polarities = {column.name: column.permission for column in contract.columns if column.permission is not None}
    on = {
        (key, column)
        for key, column, text in rows
        if column in polarities and state(text, polarities[column]) is not Permission.OFF
    }
    apart = {key for key, status in people if status in (Status.MISSING, Status.ORPHAN, Status.DUPLICATE)}
    return {(key, column) for key, column in given if (now.get(key), column) not in on and now.get(key) not in apart}


def touched(settings: Settings, contract: Contract, effects: Iterable[Effect]) -> set[Spot]:
    """Selects the cells that somebody has changed since these effects, as far as the newest run saw it."""
    try:
        inputs = run_folder.read_run(find_run(settings)).inputs
    except SettingsError:
        return set()
    shown = max(one.as_of for one in inputs if one.side is Side.PLATFORM)
    same = Sameness(contract.columns, contract.timezone.key)
    known = {column.name for column in contract.columns}
    asked = [one for one in effects if one.column in known]
    return holding_another(asked, platform_texts(settings, asked), shown, same)


def out_of_reach(settings: Settings, contract: Contract, effects: Iterable[Effect]) -> dict[str, Why]:
    """Why nothing can be put back to some of those whom these effects are of, by profileId, as the newest run saw it
    after them: they are not there any more, or not under the key that the ledger knows. Nothing where nobody knows.
    """
    try:
        folder = find_run(settings)
        shown = run_folder.read_run(folder).source(Side.PLATFORM).as_of
        asked = {one.profile_id: one.key for one in effects if one.profile_id and one.key and one.until <= shown}
        with passing_engine(settings, [folder]) as engine:
            found = there(engine, contract, folder, asked, asked.values()) if asked else None
    except (SettingsError, ValueError):  # the key of an earlier mapping
        return {}
    if found is None:
        return {}
    keys, held = dict(found), {key for _, key in found}
    same = Sameness(contract.columns, contract.timezone.key)

    def why(number: str, key: str) -> Why | None:
        if number not in keys:
            return Why.MADE_ANEW if key in held else Why.GONE
        now = keys[number]
        if now and now != key:  # which may be spelt otherwise
            then, by_now = (key_parts(text, contract.key, ()) for text in (key, now))
            return None if all(same(name, then[name], by_now[name]) for name in then) else Why.ANOTHER_KEY
        return None if now else Why.ANOTHER_KEY

    told = {number: why(number, key) for number, key in asked.items()}
    return {number: reason for number, reason in told.items() if reason is not None}


def holding_another(
    effects: Iterable[Effect],
    texts: Mapping[Spot, str | None],
    shown: datetime,
    same: Callable[[str, str | None, str | None], bool],
) -> set[Spot]:
    """Selects the cells that hold another value than effects left there before the moment that an export has `shown`.

    `texts` are those of differing cells: in all others the platform has what the truth says, and that is most often
    what we wrote. `same(column, a, b)` says whether two texts of the platform are equal by the column's rule.
    """
    found = set[Spot]()
    for one in effects:
        spot = one.key, one.column
        if one.column is None or one.until > shown or spot not in texts:
            continue
        now, then = texts[spot], one.after
        if one.column.startswith(SUBSCRIPTION_PREFIX):  # being absent from its list and being off it are one thing
            now, then = now or "false", then or "false"
        if not same(one.column, now, then):
            found.add(spot)
    return found
