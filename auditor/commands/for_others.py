"""The spine of files that somebody else imports: what is left of a plan, held to all that `apply` holds it to.

What others write is written as surely as what we send, and nobody reads a profile before it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from auditor.commands.apply import held_against, released
from auditor.commands.plan import corrective
from auditor.commands.since import left
from auditor.commands.stored_plans import Planned
from auditor.findings.since import Drift, Place
from auditor.model import Kind
from auditor.settings.config import Settings
from auditor.state.commit import at_work
from auditor.state.ledger import Ledger
from auditor.writes import Plan


@dataclass(frozen=True, slots=True)
class Written:
    """The files of some plans."""

    paths: tuple[Path, ...]
    drifts: tuple[Drift, ...]
    """By plan, what its files leave out."""


def write_files(
    settings: Settings,
    made: Sequence[Planned],
    folder: Path,
    *,
    confirmed: Mapping[Kind, int],
    older: bool,
    now: datetime,
) -> Written:
    """Write the corrective files of stored plans into a folder: all that may be written, or none where one is refused.

    `older` allows plans of a run that is not the newest: what that one sees otherwise is in no file.

    Raises GuardRefused, SettingsError or InputUnusable as `commands.apply.apply` does before it sends anything.
    """
    ready = [released(settings, planned.path, planned.own(confirmed)) for planned in made]
    with at_work(settings, "auditor plan", now), Ledger(settings.state_folder) as ledger:
        drifts, files = [], []
        for one in ready:
            found = held_against(settings, one, ledger, now, older=older)
            drifts.append(_of_files(one.plan, found))
            files.append((_without(one.plan, left(one.plan, ledger) - found.held.keys()), one.audited))
        paths = [path for plan, structure in files for path in corrective(plan, structure, folder)]
    return Written(tuple(paths), tuple(drifts))


def _of_files(plan: Plan, found: Drift) -> Drift:
    """What is held of what travels by file; all the rest is told when the plan is applied."""
    held = {place: since for place, since in found.held.items() if plan.writes[place[0]].batch is not None}
    return replace(found, held=held)


def _without(plan: Plan, going: Collection[Place]) -> Plan:
    """The plan with those writes alone that go whole: a row of a file has all its columns."""
    kept = (
        write for number, write in enumerate(plan.writes) if all((number, column) in going for column in write.followed)
    )
    return replace(plan, writes=tuple(kept))
