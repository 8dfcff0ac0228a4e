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
    only_on_platform: Literal["list", "delete"]
    bulk_empty: Literal["unknown", "keep", "erase"]
    """What an empty cell of a file does to a filled value on update."""
    calls_per_minute: int
    max_age: timedelta
    """Of the export behind a file."""
    permission_max_age: timedelta
    """Of the export behind a file of opt-outs."""

    def in_real_time(self, column: str) -> bool:
        return any(fnmatchcase(column, glob) for glob in self.realtime)
