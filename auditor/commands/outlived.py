"""Decisions that a change of values has outlived: they do not come back with the values that they were made on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from auditor.diff.cells import texts
from auditor.engine.duckdb import DuckDB
from auditor.findings.audit import Audit
from auditor.match.join import Matched
from auditor.plan.decisions import Choice
from auditor.settings.contract import Contract
from auditor.state.ledger.records import Decision

_ON_A_DIFFERENCE = (Choice.TRUTH, Choice.PLATFORM, Choice.IGNORE, Choice.REFUSED)


@dataclass(frozen=True, slots=True)
class Held:
    """What both sides hold of somebody whom both have, whether it differs or not."""

    key: str
    profile_id: str | None
    texts: Mapping[str, tuple[str | None, str | None]]
    """The platform's and the truth's, by column, as a difference tells them."""


def held_now(engine: DuckDB, contract: Contract, matched: Matched) -> Callable[[Collection[Decision]], list[Held]]:
    """How to look up those whom decisions are about, as far as both sides have them and nothing leaves them out."""

    def look(decisions: Collection[Decision]) -> list[Held]:
        asked = [(one.key, one.profile_id) for one in decisions]
        schema = {"key": pl.String(), "profile_id": pl.String()}
        who = engine.put(pl.DataFrame(asked, schema=schema, orient="row").unique(), "decided_on")
        names = [column.name for column in contract.compared]
        return [
            Held(key, number, dict(zip(names, zip(found[::2], found[1::2], strict=True), strict=True)))
            for key, number, *found in engine.rows(texts(engine, contract, matched, who))
        ]

    return look


def outlived(
    standing: Iterable[Decision], audit: Audit, look: Callable[[Collection[Decision]], Iterable[Held]]
) -> list[int]:
    """The ledger's numbers of decisions on differences that this run has found other values of.

    Of somebody who is not compared, or a column that is not, nobody can tell.
    """
    asked = [
        one
        for one in standing
        if one.number is not None and one.about is None and one.choice in _ON_A_DIFFERENCE and not one.lapsed
    ]
    mine = pl.col("key").is_in({one.key for one in asked})
    rows = audit.differences.filter(mine).select("key", "column", "platform", "truth").iter_rows()
    differing = {(key, column): values for key, column, *values in rows}
    columns = {column.name for column in audit.columns}
    alike = [one for one in asked if (one.key, one.column) not in differing and one.column in columns]
    found = list(look(alike)) if alike else []
    by_number: dict[str | None, Held] = {one.profile_id: one for one in found if one.profile_id is not None}
    by_key = {one.key: one for one in found}

    def now(one: Decision) -> Iterable[str | None] | None:
        if (values := differing.get((one.key, one.column))) is not None:
            return values
        holder = by_number.get(one.profile_id) or by_key.get(one.key)
        if holder is None or (None not in (one.profile_id, holder.profile_id) and holder.profile_id != one.profile_id):
            return None
        return holder.texts.get(one.column)

    def changed(one: Decision) -> bool:
        values = now(one)
        return values is not None and [one.platform or None, one.truth or None] != [text or None for text in values]

    return sorted(one.number for one in asked if one.number is not None and changed(one))
