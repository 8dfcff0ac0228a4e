"""Decisions on people whom an earlier run saw on the platform and who are not there any more.

Why somebody was deleted nobody here knows: they may have asked for it. So no file of decisions brings them back, and
nothing else can be decided of who is not there. Whom an undo of ours deleted, a named person creates again.
"""

from __future__ import annotations

import contextlib
import textwrap
from collections.abc import Collection, Iterator
from pathlib import Path

import polars as pl

from auditor.errors import SettingsError
from auditor.findings.english.since_sentences import whose
from auditor.findings.left_alone import create_again
from auditor.model import Status
from auditor.plan.decisions import Choice, Decision
from auditor.settings.config import Settings
from auditor.state import run_folder
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import PROFILE, SAME_PERSON
from auditor.state.past_runs import find_run


def of_gone(settings: Settings, ledger: Ledger, made: Collection[Decision]) -> list[Decision]:
    """Those of these decisions that are about somebody who is gone, in the run that they were made on or in the newest
    one, and whom nobody wants to be created again.
    """
    anew = {
        one.key
        for one in ledger.every_decision(settings.table)
        if one.column == PROFILE and one.choice == Choice.TRUTH and not one.lapsed
    }
    runs = {one.run: settings.runs_folder / one.run for one in made}
    with contextlib.suppress(SettingsError):
        runs[""] = find_run(settings)
    gone = {run: _gone(folder) for run, folder in runs.items()}
    newest = gone.get("", set())
    return [one for one in made if one.column != SAME_PERSON and one.key in (gone[one.run] | newest) - anew]


def _gone(folder: Path) -> set[str]:
    rows = run_folder.read_rows(folder, "profiles")
    return set(rows.filter(pl.col("gone"), pl.col("status") == Status.MISSING.value)["key"])


def told(left: Collection[Decision], platform: str) -> Iterator[str]:
    """Lines that say of whom they are, that they are not taken, and what can be done instead."""
    if left:
        spots = ((one.key, one.column) for one in left)
        yield f"  {len(left):,} not taken, about somebody deleted in {platform} since an earlier run:"
        yield from textwrap.wrap(
            whose(spots), 80, initial_indent=" " * 4, subsequent_indent=" " * 4, break_long_words=False
        )
        yield "    no file brings anybody back; whom an undo of ours deleted, a named person does:"
        yield f"    {create_again('KEY')}"
