"""What is known of how a licence spells, kept in the state folder: not a record, so any run may learn it anew."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from urllib.parse import quote

from auditor.actito.answers import Unfit
from auditor.actito.errors import ActitoError
from auditor.actito.reader import Reader
from auditor.actito.spelling import USUAL, Spelling
from auditor.files.rewrite import Rewrite
from auditor.model import Structure

SAMPLE = 20
"""Profiles among which the fullest is taken: a profile shows nothing of what it does not have."""


def learned(reader: Reader, table: Structure, folder: Path, *, anew: bool = False) -> tuple[Spelling, Rewrite | None]:
    """How the licence of `table` spells: as kept in `folder`, or else as one profile shows it; and what to keep of it.

    `anew` reads a profile in any case: what it shows replaces what was kept, and what it does not show stays. Where no
    profile can be read, as in an empty table, nothing is learned, which is no failure.
    """
    file = folder / f"spelling-{quote(table.table, safe='')}.json"
    kept = _kept(file)
    if kept is not None and not anew:
        return kept, None
    shown = _shown(reader, table)
    if shown is None:
        return kept or USUAL, None
    together = {one.name: getattr(shown, one.name) or getattr(kept, one.name, None) for one in fields(Spelling)}
    now = Spelling(**together)
    return now, Rewrite.to(file, json.dumps(now.to_json(), indent=1) + "\n")


def _kept(file: Path) -> Spelling | None:
    """None too for a file that no version of ours wrote: it is learned anew."""
    try:
        return Spelling.from_json(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, Unfit):
        return None


def _shown(reader: Reader, table: Structure) -> Spelling | None:
    try:
        sample = list(reader.profiles(table, SAMPLE))
        fullest = max(sample, key=lambda profile: sum(map(bool, profile.values.values())), default=None)
        return None if fullest is None else reader.spelling(table, fullest.profile_id)
    except ActitoError:
        return None
