"""How writes may travel, and whether profiles are deleted: what the settings say, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Literal


@dataclass(frozen=True, slots=True)
class Policy:
    """What `[fixes]` and `[actito]` of the settings say about writes, as plain values."""

    route: Literal["auto", "bulk", "single"]
    realtime: tuple[str, ...]
    """Columns, as globs, that must go one by one because they start scenarios."""
    bulk_min_rows: int
    """Fewer profiles never make a file."""
    for_others: bool
    """Files are imported by somebody else: none goes one by one before, and they cost no call of ours."""
    only_on_platform: Literal["list", "delete"]
    calls_per_minute: int
    max_age: timedelta
    """Of the export behind a file."""
    permission_max_age: timedelta
    """Of the export behind a file of opt-outs."""

    def in_real_time(self, column: str) -> bool:
        return any(fnmatchcase(column, glob) for glob in self.realtime)
