"""Decisions and undos that a change of values has outlived: they do not come back with the values of then."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC

import polars as pl

from auditor.diff.cells import texts
from auditor.engine.duckdb import DuckDB
from auditor.findings.audit import Audit
from auditor.match.join import Matched
from auditor.model import Side
from auditor.plan.decisions import Choice
from auditor.plan.knowledge import meant
from auditor.settings.contract import Contract
from auditor.state.ledger.records import PROFILE, Decision

_ON_A_DIFFERENCE = (Choice.TRUTH, Choice.PLATFORM, Choice.IGNORE, Choice.REFUSED)
_BOTH, _PLATFORM = slice(2), slice(1)


@dataclass(frozen=True, slots=True)
class Then:
    """A cell with both values that it had when something was decided or taken back."""

    number: int
    """The ledger's, of the decision or the write."""
    key: str
    profile_id: str | None
    column: str
    platform: str | None
    truth: str | None


@dataclass(frozen=True, slots=True)
class Held:
    """What both sides hold of somebody whom both have, whether it differs or not."""

    key: str
    profile_id: str | None
    texts: Mapping[str, tuple[str | None, str | None]]
    """The platform's and the truth's, by column, as a difference tells them."""


def held_now(engine: DuckDB, contract: Contract, matched: Matched) -> Callable[[Collection[Then]], list[Held]]:
    """How to look up those whom cells are of, as far as both sides have them and nothing leaves them out."""

    def look(cells: Collection[Then]) -> list[Held]:
        asked = [(one.key, one.profile_id) for one in cells]
        schema = {"key": pl.String(), "profile_id": pl.String()}
        who = engine.put(pl.DataFrame(asked, schema=schema, orient="row").unique(), "held_then")
        names = [column.name for column in contract.compared]
        return [
            Held(key, number, dict(zip(names, zip(found[::2], found[1::2], strict=True), strict=True)))
            for key, number, *found in engine.rows(texts(engine, contract, matched, who))
        ]

    return look


def outlived(
    standing: Iterable[Decision], audit: Audit, look: Callable[[Collection[Then]], Iterable[Held]]
) -> list[int]:
    """The ledger's numbers of decisions on differences that this run has found other values of, and of those to create
    somebody who is on both sides by now.

    Of somebody who is not compared, or a column that is not, nobody can tell.
    """
    asked = [
        Then(one.number, one.key, one.profile_id, one.column, one.platform, one.truth)
        for one in standing
        if one.number is not None
        and one.about is None
        and one.choice in _ON_A_DIFFERENCE
        and not one.lapsed
        and (one.column != PROFILE or one.choice == Choice.TRUTH)
    ]
    return _with_others(asked, audit, look, lambda _, text: text or None)


def moved_on(undone: pl.DataFrame, audit: Audit, look: Callable[[Collection[Then]], Iterable[Held]]) -> list[int]:
    """The ledger's numbers of what was taken back and this run has found other values of, as far as its export shows
    that it was; of whom an undo deleted, that both sides have them again. `undone` as `Ledger.undone`; of permissions
    their history tells.
    """
    asked = [*_fields(undone, audit), *_deleted(undone, audit)]
    return _with_others(asked, audit, look, lambda column, text: meant(column, text, None))


def touched(put_back: pl.DataFrame, audit: Audit, look: Callable[[Collection[Then]], Iterable[Held]]) -> list[int]:
    """The same of which the platform itself says something else: from then on its value there is not ours, whatever the
    truth says. `put_back` as `Ledger.undone` tells what was sent.
    """
    asked = _fields(put_back, audit)
    return _with_others(asked, audit, look, lambda column, text: meant(column, text, None), _PLATFORM)


def _fields(undone: pl.DataFrame, audit: Audit) -> list[Then]:
    """What was taken back of fields, as far as the export shows that it was."""
    permissions = [column.name for column in audit.columns if column.permission is not None]
    fields = undone.filter(_shown(audit), pl.col("column").is_not_null() & ~pl.col("column").is_in(permissions))
    asked = fields.select("number", "key", "profile_id", "column", "restored", "withdrawn").iter_rows()
    return [Then(*row) for row in asked]


def _deleted(undone: pl.DataFrame, audit: Audit) -> list[Then]:
    """Whom an undo deleted, as far as the export shows that it did."""
    gone = undone.filter(_shown(audit), pl.col("column").is_null()).select("number", "key", "profile_id")
    return [Then(number, key, whose, PROFILE, None, None) for number, key, whose in gone.iter_rows()]


def _shown(audit: Audit) -> pl.Expr:
    return pl.col("effective_at") <= audit.source(Side.PLATFORM).as_of.astimezone(UTC)


def _with_others(
    asked: Sequence[Then],
    audit: Audit,
    look: Callable[[Collection[Then]], Iterable[Held]],
    means: Callable[[str, str | None], str | None],
    sides: slice = _BOTH,
) -> list[int]:
    """The numbers of those of which one of these sides says something else by now than then."""
    mine = pl.col("key").is_in({one.key for one in asked})
    rows = audit.differences.filter(mine).select("key", "column", "platform", "truth").iter_rows()
    differing = {(key, column): values for key, column, *values in rows}
    columns = {column.name for column in audit.columns}
    alike = [one for one in asked if (one.key, one.column) not in differing and one.column in {*columns, PROFILE}]
    found = list(look(alike)) if alike else []
    by_number: dict[str | None, Held] = {one.profile_id: one for one in found if one.profile_id is not None}
    by_key = {one.key: one for one in found}

    def now(one: Then) -> Iterable[str | None] | None:
        if (values := differing.get((one.key, one.column))) is not None:
            return values
        holder = by_number.get(one.profile_id) or by_key.get(one.key)
        if holder is None or (None not in (one.profile_id, holder.profile_id) and holder.profile_id != one.profile_id):
            return None
        return holder.texts.get(one.column)

    def changed(one: Then) -> bool:
        if one.column == PROFILE:  # who is to be created has no profileId
            return one.key in by_key
        values = now(one)
        then = [means(one.column, text) for text in (one.platform, one.truth)]
        return values is not None and then[sides] != [means(one.column, text) for text in values][sides]

    return sorted(one.number for one in asked if changed(one))
