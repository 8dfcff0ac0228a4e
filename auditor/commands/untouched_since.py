"""Whose profile nobody but us has changed since we wrote to it: what became of it otherwise, nobody can know."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from auditor.apply.untouched import APART, TOLD_APART, moment_told
from auditor.plan.knowledge import LEFT


def left_by_us(written: pl.DataFrame) -> pl.DataFrame:
    """Since when a profile has been changed by us alone, and when we left it, as plan.knowledge.LEFT.

    `written` are our writes to each, in order, as `Ledger.around_opt_outs` gives them, under the keys of now. Where the
    platform's moment was not read around a write – of a file – clocks are compared, which may be apart.
    """
    found: dict[str, tuple[datetime, datetime]] = {}
    last: dict[str, tuple[str | None, str | None] | None] = {}
    columns = "key", "sent_at", "effective_at", "around", "before", "after"
    for key, sent, effective, around, before, after in written.select(columns).iter_rows():
        read = None if around is None else (before, after)
        left = moment_told(after) if read else None
        at = effective + APART if left is None else left + TOLD_APART
        known = last.get(key)
        another = read is not None and known is not None and read != known and before != known[1]
        since, until = found.get(key, (sent, at))
        found[key] = (sent if another else since), max(until, at)
        last[key] = read
    return pl.DataFrame([(key, *moments) for key, moments in found.items()], LEFT, orient="row")
