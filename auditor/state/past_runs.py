"""The finished runs of a table among those that lie in the folder of runs, which several tables may share.

A run that was begun to be kept and never was is none: the next command at work takes it back (see `state.commit`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from auditor.errors import SettingsError
from auditor.model import Side, Structure
from auditor.settings.config import Settings
from auditor.state.commit import standing
from auditor.state.ledger import Ledger
from auditor.state.run_folder import Told, all_runs, read_run, read_structure, read_validation, started

_NAMED = 3
"""Runs that a hint names."""


class NoRun(SettingsError):
    """The table has not been audited yet."""


def find_run(settings: Settings, name: str | None = None) -> Path:
    """The folder of a run of the settings' table by its name or the beginning of it; None: the newest.

    Raises SettingsError where there is none (NoRun: none at all), or several, for a run of another table, and for one
    whose `run.json` is damaged.
    """
    if name is None:
        for folder in _finished(settings):
            if _is_of(read_run(folder), settings):
                return folder
        raise NoRun(
            f'there is no finished run of "{settings.table}" in {settings.runs_folder}', hint="make one: auditor run"
        )
    fitting = [folder for folder in _finished(settings) if folder.name.startswith(Path(name).name)]
    told = [(folder, read_run(folder)) for folder in fitting]
    own = [folder for folder, one in told if _is_of(one, settings)]
    if len(own) == 1:
        return own[0]
    known = ", ".join(sorted(folder.name for folder in islice(readable(settings), _NAMED)))
    hint = f"the newest: {known}; `auditor runs` lists them all" if known else "make one: auditor run"
    if told and not own:
        _, other = told[0]
        raise SettingsError(
            f'"{name}" is a run of {other.entity}/{other.table}, and the settings are for '
            f"{settings.entity}/{settings.table}",
            hint=hint,
        )
    what = f"fits {len(own)} runs" if own else "is no run"
    raise SettingsError(f'"{name}" {what} in {settings.runs_folder}', hint=hint)


def last_structure(settings: Settings) -> tuple[str, Structure | None] | None:
    """The newest readable run of the settings' table that keeps the structure that it saw, and that structure.

    Where no such run keeps one that can be read: the newest of them, and None. None where there is no run.
    """
    newest = None
    for folder in readable(settings):
        try:
            return folder.name, read_structure(folder)
        except SettingsError:
            newest = newest or folder.name
    return None if newest is None else (newest, None)


def last_validations(settings: Settings, side: Side, now: str, most: int) -> list[dict[str, Any]]:
    """What validation found in the newest readable runs of the settings' table, the newest first, at most so many.

    Each input of a side counts once, by its SHA-256, and the one that is looked at `now` not at all: a run that is
    repeated on the same export has the same past.
    """
    known: set[str] = {now}
    found: list[dict[str, Any]] = []
    for folder in islice(readable(settings), 4 * most):
        try:
            sha = read_run(folder).source(side).sha256
            if sha not in known and len(found) < most:
                known.add(sha)
                found.append(read_validation(folder))
        except SettingsError:
            continue  # of an older version, or damaged: nothing to compare with
    return found


def _finished(settings: Settings) -> list[Path]:
    """Every run of any table, the newest first."""
    taken_back = {folder.resolve() for folder in standing(settings.state_folder).folders}
    with Ledger(settings.state_folder, reading=True) as ledger:
        recorded = ledger.run_names()
    folders = [folder for folder in all_runs(settings.runs_folder) if folder.resolve() not in taken_back]
    return newest_first(folders, recorded)


def newest_first(folders: Iterable[Path], recorded: Iterable[str]) -> list[Path]:
    """The folders of runs in the order in which the ledger recorded them, `recorded` from the first to the last.

    Their names follow a clock, and a clock may have gone back. A run that is not recorded, which somebody copied, has
    the place of its name: after those recorded earlier, and before whatever was recorded at that moment or since.
    """
    places: dict[str, tuple[datetime, int]] = {}
    latest = datetime.min.replace(tzinfo=UTC)
    for number, name in enumerate(recorded):
        latest = max(latest, started(name) or latest)
        places[name] = latest, number

    def place(folder: Path) -> tuple[datetime, int, str]:
        return *(places.get(folder.name) or (started(folder.name) or latest, -1)), folder.name

    return sorted(folders, key=place, reverse=True)


def readable(settings: Settings) -> Iterator[Path]:
    """The runs of the settings' table that can be read, the newest first: where one cannot, an older one serves."""
    for folder in _finished(settings):
        try:
            if _is_of(read_run(folder), settings):
                yield folder
        except SettingsError:
            continue


def _is_of(told: Told, settings: Settings) -> bool:
    return (told.entity, told.table) == (settings.entity, settings.table)
