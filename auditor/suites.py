"""The suite of the table from the command line: brought up to the structure, and added to.

refreshed   the live structure ─► the generated expectations, with what a steward wrote kept
added       an expectation of a steward's own, judged usable before it stands in the file
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor.config import Settings
from auditor.contract import read_contract
from auditor.errors import SettingsError
from auditor.model import Severity
from auditor.problems import nearest
from auditor.restructure import live_structure
from auditor.validate import preload
from auditor.validate.changes import changes
from auditor.validate.suite import Expectation, Suite, read_suite, refresh, steward_s, store_suite


@dataclass(frozen=True, slots=True)
class Refreshed:
    path: Path
    generated: int
    """Expectations that follow from the structure."""
    own: int
    """Expectations of a steward's, kept as they are."""
    changes: tuple[str, ...]
    """What is new, gone or other than before; nothing where there was no suite."""
    made: bool
    """There was no suite before."""


def suite_file(settings: Settings) -> Path:
    return settings.table_folder / "suite.json"


def refreshed(settings: Settings) -> Refreshed:
    """Bring the suite up to the structure as Actito has it now.

    Raises SettingsError, with file and place, for a suite or contract that cannot be read; nothing is written then.
    """
    path = suite_file(settings)
    stored = read_suite(path) if path.exists() else None
    structure = live_structure(settings)
    suite = refresh(stored, structure, read_contract(settings.table_folder / "contract.toml", structure))
    store_suite(suite, path)
    generated = sum(one.generated for one in suite.expectations)
    return Refreshed(path, generated, len(suite.expectations) - generated, changes(stored, suite), stored is None)


def added(
    settings: Settings,
    kind: str,
    kwargs: Mapping[str, Any],
    *,
    severity: Severity,
    sentence: str | None = None,
    who_cares: str | None = None,
) -> Expectation:
    """Put an expectation of a steward's own at the end of the suite, and give it.

    Raises SettingsError, with nothing written, where Great Expectations cannot make it, where it is about a column that
    the contract does not map, or where the suite has it already.
    """
    path = suite_file(settings)
    suite = read_suite(path)
    one = steward_s(kind, kwargs, severity=severity, sentence=sentence, who_cares=who_cares)
    mapped = [column.name for column in read_contract(settings.table_folder / "contract.toml", None).columns]
    for name in one.columns:
        if name not in mapped:
            raise SettingsError(f'the contract maps no column "{name}"{nearest(name, mapped)}')
    if any((other.type, dict(other.kwargs)) == (one.type, dict(one.kwargs)) for other in suite.expectations):
        raise SettingsError(f"{path} has this expectation already")
    _check(one)
    store_suite(Suite(suite.name, (*suite.expectations, one), suite.extra), path)
    return one


def _check(one: Expectation) -> None:
    preload()
    from auditor.validate.expectations import known_types, unusable

    problem = unusable(one.type, one.kwargs)
    if problem is None:
        return
    known = known_types()
    if one.type not in known:
        raise SettingsError(f'there is no expectation "{one.type}"{nearest(one.type, known)}')
    raise SettingsError(f"{one.type} cannot be used so: {problem}")
