"""Decisions that a change of values has outlived: they do not come back with the values that they were made on."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from auditor.findings.audit import Audit
from auditor.model import Status
from auditor.plan.decisions import Choice
from auditor.state.ledger.records import Decision

_ON_ONE_SIDE = (Status.MISSING, Status.ORPHAN, Status.DUPLICATE)
_ON_A_DIFFERENCE = (Choice.TRUTH, Choice.PLATFORM, Choice.IGNORE, Choice.REFUSED)


def outlived(standing: Iterable[Decision], audit: Audit) -> list[int]:
    """The ledger's numbers of decisions on differences that this audit has with other values, or not any more.

    Of somebody who is not compared, or a column that is not, nobody can tell.
    """
    asked = {
        one.number: one
        for one in standing
        if one.number is not None and one.about is None and one.choice in _ON_A_DIFFERENCE and not one.lapsed
    }
    columns = {column.name for column in audit.columns}
    mine = pl.col("key").is_in({one.key for one in asked.values()})
    rows = audit.differences.filter(mine).select("key", "column", "platform", "truth").iter_rows()
    texts = {(key, column): values for key, column, *values in rows}
    apart = set(audit.profiles.filter(mine & pl.col("status").is_in(_ON_ONE_SIDE))["key"])

    def changed(one: Decision) -> bool:
        now = texts.get((one.key, one.column))
        if now is None:
            return one.key not in apart
        return [one.platform or None, one.truth or None] != [text or None for text in now]

    return sorted(number for number, one in asked.items() if one.column in columns and changed(one))
