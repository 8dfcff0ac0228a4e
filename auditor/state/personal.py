"""Where personal data lies: all that the auditor keeps of people, and nothing else that it keeps holds their values.

The inputs themselves, and corrective files that somebody has written elsewhere (`auditor plan --files`), are the
user's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from auditor.settings.config import Settings

IN_A_RUN: Final[Mapping[str, str]] = {
    "platform.parquet": "the export, as it was landed; goes first",
    "truth.parquet": "the truth, as it was landed; goes first",
    "audited.parquet": "what the export says of the profiles that differ, in runs of earlier versions; goes first",
    "creations.parquet": "what creating each missing profile would send; goes first",
    "profiles.parquet": "who is not equal: keys",
    "differences.parquet": "the values that differ",
    "violations.parquet": "the values that are wrong",
    "permissions.parquet": "who may not be contacted any more",
    "same_person.parquet": "who is probably whom: keys",
    "causes.parquet": "keys and values of examples",
    "activities.parquet": "which messages of whom bounced, and who opted out",
    "rejected.parquet": "the text of rows that cannot be read",
    "taken.parquet": "unique values that others have",
    "of_others.parquet": "whose values others have: keys",
    "consent_off.parquet": "who has not given the general consent: keys",
    "evidence.parquet": "when and where permissions were given",
    "history.parquet": "what was known of permissions before",
    "audit.duckdb": "the tables above, in one file",
    "for-the-truth.csv": "values for the owners of the truth",
    "for-the-truth.xlsx": "the same, for a spreadsheet",
    "report.html": "as much as `report.privacy` allows",
    "worklist.html": "the values that a person decides on",
    "report.xlsx": "as much as `report.privacy` allows",
    "plan-*.json": "the values that are written",
    "plan-*.txt": "the same, with names and addresses; goes first",
    "plan-*.html": "the same; goes first",
    "plan-*.xlsx": "the same; goes first",
    "outcome-*.parquet": "what became of each value",
}
"""File of a run folder → what it holds of people."""

IN_THE_STATE: Final[Mapping[str, str]] = {
    "*/base-*.parquet": "the values that both sides agreed on",
    "*/seen-*.parquet": "who was there: keys and profileIds",
    "*/names-*.parquet": "who was off, under keys: digests of identifiers",
    "*/permissions-*.parquet": "the history of permissions",
    "*/activities-*.parquet": "what runs knew of bounces and opt-outs, under keys",
    "ledger.sqlite": "what was written, sent and decided, under seals that can be emptied",
    "ledger.sqlite-wal": "the newest of it, while somebody writes",
    "pulled/*": "files from servers, as long as snapshots are kept",
}
"""File of the state folder → what it holds of people."""

IN_THE_INBOX: Final[Mapping[str, str]] = {
    "*.json": "what somebody decided, with the values as they saw them, until it is taken",
    "taken/*.json": "the same once the ledger has it, as long as snapshots are kept",
}
"""File of the inbox of decisions → what it holds of people."""


def folders(settings: Settings) -> tuple[Path, ...]:
    """The folders that are to be readable for their owner alone: all of it lies there."""
    return settings.runs_folder, settings.state_folder, settings.decisions_folder


def files(settings: Settings) -> Iterator[Path]:
    """Every file that is there."""
    for pattern in IN_A_RUN:
        yield from settings.runs_folder.glob(f"*/{pattern}")
    for pattern in IN_THE_STATE:
        yield from settings.state_folder.glob(pattern)
    for pattern in IN_THE_INBOX:
        yield from settings.decisions_folder.glob(pattern)
