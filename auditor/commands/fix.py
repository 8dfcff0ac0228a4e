"""Putting named profiles right from the newest run: a plan like any other, made for them alone, that creates nobody."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from auditor.commands.plan import Tell, plans_of, silently, take_waiting
from auditor.commands.show import shown_keys
from auditor.commands.stored_plans import Planned, store
from auditor.model import Kind
from auditor.settings.config import Settings
from auditor.state.commit import at_work
from auditor.state.ledger import Ledger
from auditor.state.past_runs import find_run

FEW: Final = 20
"""So many profiles a person has counted who names them; beyond it brakes are released as those of any plan."""


@dataclass(frozen=True)
class Fix:
    """What becomes of the named profiles."""

    named: int
    planned: Planned | None
    """None: nothing of them differs that a correction could put right."""
    creations: int
    """Named people who are missing and could be created, which a fix never does."""

    def confirmed(self, given: Mapping[Kind, int], *, somebody: bool) -> Mapping[Kind, int]:
        """The counts that are confirmed: those `given`, and of few profiles every one where somebody is there to see
        the writes, on a terminal.
        """
        if self.planned is None or self.named > FEW or not somebody:
            return given
        return {brake.kind: brake.count for brake in self.planned.brakes} | dict(given)


def fix(
    settings: Settings,
    keys: Collection[str],
    *,
    now: datetime,
    decisions: Path | None = None,
    tell: Tell = silently,
) -> Fix:
    """Make and store the plan that corrects these profiles: the writes of few go one by one, those of many as ever.

    `keys` are spelt as either side spells them. Decisions count, and are told as they are recorded, as in `plan`.
    Raises SettingsError for one that nobody has, and as `plan` does.
    """
    named = shown_keys(settings, keys, now=now)
    with at_work(settings, "auditor fix", now):
        folder = find_run(settings)
        take_waiting(settings, folder, now, tell)
        with Ledger(settings.state_folder) as ledger:
            route = "single" if len(named) <= FEW else None
            correct, creations = plans_of(
                settings, folder, ledger, now, decisions=decisions, route=route, only=named, tell=tell
            )
            planned = store(correct, folder, ledger, settings) if correct.writes or correct.left else None
    return Fix(len(named), planned, creations.counts.get(Kind.CREATE, 0))
