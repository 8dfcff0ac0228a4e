"""What bounds the traffic of one plan: what the settings allow, the calls that are left, and the time they take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

import polars as pl

from auditor.findings.audit import TEXT
from auditor.plan.policy import Policy
from auditor.settings.contract import Column
from auditor.writes import Write

CANARIES: Final = 20
"""So many profiles of every file go one by one, before it."""

FIRST_STEPS: Final = (1, 100)
"""Into an empty table, so many profiles go one by one before all others: one, and when it stands a hundred."""

PATIENCE: Final = timedelta(hours=4)
"""What is enough for a file, and would take longer one by one, waits for one where none can be sent today."""

GATHERING: Final = timedelta(days=2)
"""So long may what is too little for a file, and too much for single calls, wait for more of the same columns."""

SEEN: Final = pl.Schema({"key": TEXT, "column": TEXT})
"""Cells that differed in an earlier run, whatever the truth said then: a value may change every day."""


class Calls(Protocol):
    """How many calls of the platform writes take."""

    def of_write(self, write: Write) -> int:
        """The calls of a write that goes one by one, what is read before and after included."""

    def of_file(self, rows: int) -> int:
        """The calls of a file, without the writes that go one by one before it."""


@dataclass(frozen=True, slots=True)
class Road:
    """What bounds the traffic of one plan."""

    policy: Policy
    table: str
    columns: Mapping[str, Column]
    """By name, in the order of the contract."""
    unique: frozenset[str]
    file_calls: int
    """Left today, the one kept for undo included."""
    export_age: timedelta
    calls: Calls
    single_key: bool
    """False for a key of several columns: Actito finds the profile of a row by one unique attribute (U-bulk)."""
    alone: frozenset[str] = frozenset()
    """Keys of profiles that a file cannot name, for they lack the key, and of those whose permission a person
    withdraws, which waits for no file."""
    first_load: bool = False
    """True while the table is empty."""
    daily_calls: int = 0
    """Of every other day, the one kept for undo included."""
    seen: pl.DataFrame | None = None
    """As SEEN: what differed when a GATHERING began that ends now. None: nobody knows, so nothing waits."""

    @property
    def canaries(self) -> int:
        """Profiles of every file that go one by one before it."""
        return CANARIES

    @property
    def smallest_file(self) -> int:
        """Profiles that are enough for a file: some are left for it after those that go before it."""
        least = 1 if self.policy.route == "bulk" else self.policy.bulk_min_rows
        if self.policy.for_others:
            return least
        return sum(FIRST_STEPS) + least if self.first_load else max(self.canaries + 1, least)

    def open(self, limit: timedelta) -> bool:
        """True where files may be made at all, from an export of at most that age."""
        return self.policy.route != "single" and self.single_key and self.export_age <= limit

    def cost(self, singles: Iterable[Write]) -> int:
        """How many calls these take, one by one."""
        return sum(map(self.calls.of_write, singles))

    def minutes(self, calls: int) -> float:
        return calls / self.policy.calls_per_minute

    def too_long(self, calls: int) -> bool:
        return timedelta(minutes=self.minutes(calls)) > PATIENCE
