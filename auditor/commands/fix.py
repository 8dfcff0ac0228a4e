"""Putting named profiles right from the newest run: plans like any other, made for them alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path

from auditor.commands.plan import plan
from auditor.commands.show import shown_keys
from auditor.commands.stored_plans import Planned
from auditor.model import Kind
from auditor.settings.config import Settings


def fix(
    settings: Settings, keys: Collection[str], *, now: datetime, decisions: Path | None = None
) -> tuple[Planned, ...]:
    """Make the plans of these profiles, whose writes all go one by one; empty ones are left out.

    `keys` are spelt as either side spells them. Raises SettingsError for one that nobody has, and as `plan` does.
    """
    return plan(settings, now=now, decisions=decisions, route="single", only=shown_keys(settings, keys, now=now))


def confirmed(planned: Planned) -> Mapping[Kind, int]:
    """Releases every brake with its own count: whoever names the profiles has counted them."""
    return {brake.kind: brake.count for brake in planned.brakes}
