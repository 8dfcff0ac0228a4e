"""Decisions and undos on permissions that the truth had dated anew by then, which whoever made them could not see.

What is said in the truth is in its next export, with a date of before: a no of this morning is new to whoever has
decided at noon. `auditor.plan.news` knows of what was dated after that.
"""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias

import polars as pl

from auditor.errors import SettingsError
from auditor.permissions import EVIDENCE
from auditor.state.ledger import Ledger
from auditor.state.ledger.persons import called_now, under_keys_of_now
from auditor.state.ledger.records import Decision
from auditor.state.run_files import of_snapshot, rows

_DATES: Final = ("key", "column", "date")

Made: TypeAlias = tuple[int, str, str, str, datetime]
"""Something that was decided or taken back: its number, the key of whose permission, the key of then, column, when."""


def redated(
    ledger: Ledger, table: str, evidence: pl.DataFrame, runs: Path, made: Iterable[Made], now: datetime
) -> set[int]:
    """The numbers of those before which a run had ended that had no date of what the truth says, or an earlier one than
    is in the `evidence` of now; the folder `runs` has those of the runs.

    Of those made on a run that keeps its dates no longer nobody can tell.
    """
    dated = {(key, column): date for key, column, date in evidence.select(_DATES).iter_rows() if date and date <= now}
    asked = [one for one in made if (one[1], one[3]) in dated and dated[one[1], one[3]] <= one[4]]
    ended = sorted((one.finished, one.run) for one in (ledger.runs(table) if asked else ()))
    before: dict[int, list[Made]] = {}
    for one in asked:
        before.setdefault(bisect_right(ended, one[4], key=lambda run: run[0]), []).append(one)
    found = set()
    for place, theirs in before.items():
        with contextlib.suppress(SettingsError):
            shown = of_run(runs / ended[place - 1][1]) if place else EVIDENCE.to_frame()
            shown = shown.filter(pl.col("key").is_in({name for one in theirs for name in one[1:3]}))
            seen = {(key, column): date for key, column, date in shown.select(_DATES).iter_rows()}
            for number, key, then, column, _ in theirs:
                cell = next((one for one in ((then, column), (key, column)) if one in seen), None)
                if cell is not None and (seen[cell] is None or seen[cell] < dated[key, column]):
                    found.add(number)
    return found


def decided(decisions: Iterable[Decision], whose: Mapping[str, str]) -> list[Made]:
    """Decisions as they are asked about; `whose` the keys of now are, by profileId."""
    return [
        (one.number, key, one.key, one.column, one.decided_at)
        for key, one in called_now(decisions, whose)
        if one.number is not None
    ]


def taken_back(undone: pl.DataFrame, people: pl.DataFrame) -> list[Made]:
    """The same of what was taken back, as `Ledger.undone`; `people` have the keys of now and profileIds."""
    told = under_keys_of_now(undone.with_columns(then="key"), people).filter(pl.col("column").is_not_null())
    return list(told.select("number", "key", "then", "column", "undone_at").iter_rows())


def of_run(folder: Path) -> pl.DataFrame:
    """The evidence of what differs in a run. Raises SettingsError once the run does not keep it."""
    return rows(of_snapshot(folder, "evidence.parquet"), EVIDENCE)
