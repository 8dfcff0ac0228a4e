"""The finished runs of a table among those that lie in the folder of runs, which several tables may share."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

from auditor.errors import SettingsError
from auditor.model import Side, Structure
from auditor.settings.config import Settings
from auditor.state.run_folder import all_runs, read_run, read_structure, read_validation

_NAMED = 3
"""Runs that a hint names."""


def find_run(settings: Settings, name: str | None = None) -> Path:
    """The folder of a run of the settings' table by its name or the beginning of it; None: the newest.

    Raises SettingsError where there is none, or several, and for a run of another table.
    """
    if name is None:
        for newest in _newest(settings, 1):
            return newest
        raise SettingsError(
            f'there is no finished run of "{settings.table}" in {settings.runs_folder}', hint="make one: auditor run"
        )
    fitting = [folder for folder in _finished(settings.runs_folder) if folder.name.startswith(Path(name).name)]
    own = [folder for folder in fitting if _is_of(folder, settings)]
    if len(own) == 1:
        return own[0]
    known = ", ".join(sorted(folder.name for folder in _newest(settings, _NAMED)))
    hint = f"the newest: {known}; `auditor runs` lists them all" if known else "make one: auditor run"
    if fitting and not own:
        told = read_run(fitting[0])
        raise SettingsError(
            f'"{name}" is a run of {told["entity"]}/{told["table"]}, and the settings are for '
            f"{settings.entity}/{settings.table}",
            hint=hint,
        )
    what = f"fits {len(own)} runs" if own else "is no run"
    raise SettingsError(f'"{name}" {what} in {settings.runs_folder}', hint=hint)


def last_structure(settings: Settings) -> tuple[str, Structure] | None:
    """The newest finished run of the settings' table and the structure that it saw; None where there is none."""
    try:
        folder = find_run(settings)
        return folder.name, read_structure(folder)
    except (SettingsError, OSError):
        return None


def last_validations(settings: Settings, side: Side, now: str, most: int) -> list[dict[str, Any]]:
    """What validation found in the newest finished runs of the settings' table, the newest first, at most so many.

    Each input of a side counts once, by its SHA-256, and the one that is looked at `now` not at all: a run that is
    repeated on the same export has the same past.
    """
    known: set[str] = {now}
    found: list[dict[str, Any]] = []
    for folder in _newest(settings, 4 * most):
        try:
            [sha] = [source["sha256"] for source in read_run(folder)["inputs"] if source["side"] == side.value]
            if sha not in known and len(found) < most:
                known.add(sha)
                found.append(read_validation(folder))
        except (SettingsError, OSError, ValueError, KeyError):
            continue  # of an older version, or damaged: nothing to compare with
    return found


def _finished(runs: Path) -> list[Path]:
    """Every run of any table, the newest first."""
    return [folder for folder in all_runs(runs) if (folder / "run.json").is_file()]


def _newest(settings: Settings, most: int) -> list[Path]:
    """The newest runs of the settings' table, no more than so many; older ones are not read."""
    return list(islice((folder for folder in _finished(settings.runs_folder) if _is_of(folder, settings)), most))


def _is_of(folder: Path, settings: Settings) -> bool:
    told = read_run(folder)
    return (told["entity"], told["table"]) == (settings.entity, settings.table)
