"""Pins: a person says of one cell that it is right on the platform, whatever the truth says, until a day.

A pin is remembered in the ledger and asked by `auditor.plan.needs`, as decisions are. None keeps an opt-out from being
written, so that a permission that is on cannot be pinned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

import polars as pl

from auditor import permissions
from auditor.commands.known import holders, standing_pins
from auditor.commands.show import tell
from auditor.errors import SettingsError
from auditor.findings.answers import LAST_DAY
from auditor.findings.moments import last_day
from auditor.match.sides import source_name
from auditor.model import Permission, Side
from auditor.settings.config import Settings
from auditor.settings.contract import Contract
from auditor.settings.contract_file import read_contract
from auditor.settings.problems import nearest_or_all
from auditor.state import run_folder
from auditor.state.commit import at_work
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import Pin
from auditor.state.past_runs import find_run
from auditor.state.run_files import rows


@dataclass(frozen=True, slots=True)
class Pinned:
    """A pin that holds."""

    pin: Pin
    changed: bool
    """The newest run saw another value on the platform than the one that was pinned."""
    last_day: date
    """In the contract's time zone."""
    says: Permission | None
    """What a permission says that is pinned; None: the column is none."""


def pin(settings: Settings, key: str, column: str, *, by: str, reason: str, until: date, now: datetime) -> Pinned:
    """Pin one cell through the end of the day `until`; `key` is spelt as either side spells it.

    Raises SettingsError for nobody's name, no reason, a day that is over or never comes, a column that is not compared
    or is the key's, somebody who is not there once, and a permission that is on.
    """
    contract = _contract(settings)
    problems = [f"--{name}: say {what}" for name, given, what in (("by", by, "who says so"), ("reason", reason, "why"))
                if not given.strip()]  # fmt: skip
    end = now if until > LAST_DAY else datetime.combine(until + timedelta(days=1), time(), contract.timezone)
    if until > LAST_DAY:
        problems.append(
            f"--until {until}: a pin ends: say {LAST_DAY} at the latest, and the sooner somebody looks again"
        )
    elif end <= now:
        problems.append(f"--until {until}: this day is over")
    if problems:
        raise SettingsError("; ".join(problems))
    _require_compared(contract, column)
    if column in contract.key:
        raise SettingsError(f'"{column}" says who somebody is, and is never written: there is nothing to pin')
    with at_work(settings, "auditor pin", now):
        story = tell(settings, key, now=now)
        here = [one for one in story.rows if one.on_platform]
        if len(here) != 1:
            raise SettingsError(f"{settings.names.platform} has {len(here)} profiles with this key: one is expected")
        text = next(cell.platform for cell in here[0].cells if cell.column == column)
        polarity = contract.column(column).permission
        if polarity is not None and permissions.state(text, polarity) is Permission.ON:
            raise SettingsError(
                f'"{column}" says that this person may be contacted: a pin must not keep an opt-out from being written',
                hint="a permission can be pinned where it says no",
            )
        made = Pin(
            settings.table, by.strip(), story.key, story.profile_id, column, text, reason.strip(), end, now
        )  # fmt: skip
        with Ledger(settings.state_folder) as ledger:
            ledger.pin(made, now)
    return Pinned(made, changed=False, last_day=until, says=_says(contract, made))


def unpin(settings: Settings, key: str, column: str, *, by: str, now: datetime) -> Pin:
    """Take the pin of one cell off. Raises SettingsError where there is none, and for nobody's name."""
    if not by.strip():
        raise SettingsError("--by: say who takes it off")
    _require_compared(_contract(settings), column)
    with at_work(settings, "auditor pin", now), Ledger(settings.state_folder) as ledger:
        standing = _standing(settings, ledger, now)
        found = [one for one in standing if one.column == column and one.key == key]
        if not found and any(one.column == column for one in standing):
            own = tell(settings, key, now=now).key
            found = [one for one in standing if one.column == column and one.key == own]
        if not found:
            raise SettingsError("nobody has pinned this cell", hint="auditor pin lists what is pinned")
        for one in found:
            ledger.pin(replace(one, person=by.strip(), platform=None, reason=None, until=None, pinned_at=now), now)
    return found[-1]


def pinned(settings: Settings, *, now: datetime) -> list[Pinned]:
    """The pins that hold, by key and column."""
    contract, folder = _contract(settings), find_run(settings)
    with Ledger(settings.state_folder, reading=True) as ledger:
        standing = _standing(settings, ledger, now)
    moved = changed(folder, contract, standing)
    return [
        Pinned(
            one,
            changed=(one.key, one.column) in moved,
            last_day=last_day(one.until or now, contract.timezone),
            says=_says(contract, one),
        )
        for one in sorted(standing, key=lambda one: (one.key, one.column))
    ]


def changed(folder: Path, contract: Contract, standing: Sequence[Pin]) -> set[tuple[str, str]]:
    """Selects the cells of pins, by key and column, in which the run in this folder saw another value than was
    pinned.
    """
    there = _platform(folder, contract, standing)
    cells = {(one.key, one.column): one.platform for one in standing}
    return {cell for cell, text in cells.items() if cell in there and (there[cell] or None) != (text or None)}


def _says(contract: Contract, one: Pin) -> Permission | None:
    polarity = {column.name: column.permission for column in contract.columns}.get(one.column)
    return None if polarity is None else permissions.state(one.platform, polarity)


def _standing(settings: Settings, ledger: Ledger, now: datetime) -> list[Pin]:
    profiles = run_folder.read_rows(find_run(settings), "profiles")
    return standing_pins(ledger, settings.table, holders(profiles), now)


def _contract(settings: Settings) -> Contract:
    structure = run_folder.read_structure(find_run(settings))
    return read_contract(settings.table_folder / "contract.toml", structure)


def _require_compared(contract: Contract, column: str) -> None:
    names = [one.name for one in contract.columns]
    if column not in names:
        raise SettingsError(f'"{column}" is not compared{nearest_or_all(column, names)}')


def _platform(folder: Path, contract: Contract, pins: Sequence[Pin]) -> Mapping[tuple[str, str], str | None]:
    """What the export of the run has in pinned cells, as long as it is kept; those of a key of several columns, whose
    profileId nobody knows, are left out.
    """
    path = folder / f"{Side.PLATFORM.value}.parquet"
    if not pins or not path.is_file():
        return {}
    headers = {one.name: source_name(one, Side.PLATFORM) for one in contract.columns}
    known = contract.key[0] if len(contract.key) == 1 else None
    wanted = {headers[one.column] for one in pins} | ({headers[known]} if known else set())
    export = rows(path, pl.Schema(dict.fromkeys(sorted(wanted), pl.String())))
    if known is None:
        return {}
    mine = export.filter(pl.col(headers[known]).is_in([one.key for one in pins]))
    by_key = {row[headers[known]]: row for row in mine.iter_rows(named=True)}
    return {(one.key, one.column): by_key[one.key][headers[one.column]] for one in pins if one.key in by_key}
