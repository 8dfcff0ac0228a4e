"""Unique values that an undo cannot give back, because another profile has them by now."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, TypeAlias

import polars as pl

from auditor.commands.session import passing_engine
from auditor.commands.stored_plans import find_plan
from auditor.engine.protocol import Engine
from auditor.errors import SettingsError
from auditor.match.sides import source_name
from auditor.model import Kind, Side, Structure
from auditor.settings.config import Settings
from auditor.settings.contract import Contract
from auditor.state import run_folder
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import Effect
from auditor.state.past_runs import find_run
from auditor.state.run_files import of_snapshot, snapshot
from auditor.writes import read_plan

if TYPE_CHECKING:
    import ibis.expr.types as ir

Value: TypeAlias = tuple[str, str]
"""Column and text."""
Spot: TypeAlias = tuple[str | None, str | None]
"""Key and column; None: erased from the record, and the profile itself."""
Holders: TypeAlias = dict[Value, set[str]]
"""Who has each of some values: profileIds, and keys of whom we created where nobody has read one yet."""


def taken(
    settings: Settings,
    contract: Contract,
    structure: Structure,
    effects: Collection[Effect],
    ledger: Ledger,
    *,
    stays: Collection[Spot],
    deleted: Collection[str],
) -> set[Spot]:
    """Selects the cells, by key and column, whose value of before another profile has by now: as the newest run saw it,
    and by what we have written since. What the undo itself sets free is free: it takes back the last write first, but
    not in the cells where something `stays` for another reason, nor in those that it selects here. Whom it would delete
    are `deleted`, by profileId, or by key where nobody has read one.
    """
    unique = {one.name for one in structure.attributes if one.unique} & {one.name for one in contract.columns}
    given = [one for one in effects if one.kind in (Kind.UPDATE, Kind.CLEAR) and one.column in unique]
    wanted = {(one.column or "", one.before) for one in given if one.before}
    if not wanted:
        return set()
    held = _holders(settings, contract, {(column, text) for column, text in wanted if text}, ledger)
    found: set[Spot] = set()
    while True:
        kept = {*stays, *found}
        freed = {(one.column, one.after, who(one)) for one in given if (one.key, one.column) not in kept}
        stuck = {
            (one.key, one.column)
            for one in given
            for other in held.get((one.column or "", one.before or ""), ())
            if other != who(one) and other not in deleted and (one.column, one.before, other) not in freed
        }
        if stuck <= found:
            return found
        found |= stuck


def who(one: Effect) -> str:
    """Whose an effect is: by profileId, or by key where nobody has read one."""
    return one.profile_id or one.key or ""


def _holders(settings: Settings, contract: Contract, wanted: Collection[Value], ledger: Ledger) -> Holders:
    """Who has these values, as far as it is known; nobody once the newest run does not keep what it saw."""
    try:
        folder = find_run(settings)
        shown = run_folder.read_run(folder).source(Side.PLATFORM).as_of
        path = of_snapshot(folder, f"{Side.PLATFORM.value}.parquet")
        with passing_engine(settings, [folder]) as engine:
            held = _seen(engine, contract, snapshot(engine, path, "platform_snapshot"), wanted)
    except SettingsError:
        return {}
    later = ledger.pending(settings.table, shown).select("key", "profile_id", "column", "kind", "after")
    created: dict[str, str] = {}
    for key, number, column, kind, after in later.iter_rows():
        whose = number or key
        if kind == Kind.CREATE:
            created[key] = whose
        for (name, _), holders in held.items():
            if column == name or kind == Kind.DELETE:
                holders.discard(whose)
        if (column, after) in wanted:
            held.setdefault((column, after), set()).add(whose)
    for key, value in _made_with(settings, ledger, created.keys()):
        if value in wanted:
            held.setdefault(value, set()).add(created[key])
    return held


def _seen(engine: Engine, contract: Contract, raw: ir.Table, wanted: Collection[Value]) -> Holders:
    """Who has these values in an export."""
    key = contract.key[0]
    held: Holders = {}
    for column in {column for column, _ in wanted}:
        text = raw[source_name(contract.column(column), Side.PLATFORM)]
        who = raw[source_name(contract.column(key), Side.PLATFORM)]
        if "profileId" in raw.columns:
            who = raw["profileId"].coalesce(who)
        texts = engine.put(pl.DataFrame({"wanted": [value for name, value in wanted if name == column]}), "wanted")
        rows = raw.select(text=text, who=who).semi_join(texts, [("text", "wanted")])
        for value, holder in engine.rows(rows):
            held.setdefault((column, value), set()).add(holder)
    return held


def _made_with(settings: Settings, ledger: Ledger, keys: Collection[str]) -> Iterator[tuple[str, Value]]:
    """What we created these people with, by their keys, as the files of those plans say that are there."""
    if not keys:
        return
    plans = ledger.last_plans(settings.table).filter(pl.col("key").is_in(list(keys)), pl.col("column").is_null())
    for sha in plans["plan"].unique():
        try:
            plan = read_plan(find_plan(settings, sha))
        except SettingsError:
            continue
        for write in plan.writes:
            if write.kind is Kind.CREATE and write.key in keys:
                yield from ((write.key, (cell.column, cell.after)) for cell in write.cells if cell.after)
