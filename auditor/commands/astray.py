"""What a file of ours wrote to somebody else: to whoever had the key of a row by the time it was imported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import polars as pl

from auditor.apply.untouched import TOLD_APART, moment_told
from auditor.equality.single_value import Sameness
from auditor.errors import SettingsError
from auditor.findings.english.since_sentences import whose
from auditor.match.sides import source_name
from auditor.model import Side
from auditor.settings.config import Settings
from auditor.settings.contract import Contract
from auditor.state.ledger import Ledger
from auditor.state.ledger.details import ASTRAY
from auditor.state.past_runs import find_run
from auditor.state.run_files import columns_of

Stray: TypeAlias = tuple[str, str, str]
"""Plan, key and column of a cell that another profile has got."""


def astray(
    settings: Settings, contract: Contract, ledger: Ledger, cells: pl.DataFrame, folder: Path | None = None
) -> list[Stray]:
    """The cells, of these that files carried, that another profile has got, as the run in this folder sees it: it has
    the key, and the value that was sent, which it did not have in the run that the plan was made of. Whoever was not
    there then has got it where the platform says that they were last changed while the file was imported: they were
    made anew, with the key, before. Without a folder: the newest run. Nothing where a run does not keep what it saw,
    or the exports tell no profileId.

    `cells` have plan, key, profile_id, column, after, sent_at and effective_at.
    """
    if cells.is_empty():
        return []
    try:
        now = (folder or find_run(settings)) / f"{Side.PLATFORM.value}.parquet"
        found = [one for each in cells.partition_by("plan") for one in _of_plan(settings, contract, ledger, each, now)]
    except SettingsError:
        return []
    return found


def here(
    settings: Settings, contract: Contract, ledger: Ledger, key: str, profile_id: str | None, folder: Path
) -> pl.DataFrame:
    """What files wrote to this profile although it was meant for another one, which had the key before, in the columns
    of `Ledger.writes_of`; ASTRAY is its detail.
    """
    meant = ledger.in_files(settings.table, key=key).filter(pl.col("profile_id") != (profile_id or ""))
    found = {(plan, column) for plan, _, column in astray(settings, contract, ledger, meant, folder)}
    sent = ledger.writes_of(settings.table, key, None).filter(pl.col("number").is_not_null())
    mine = [(plan, column) in found for plan, column in sent.select("plan", "column").iter_rows()]
    return sent.filter(pl.Series(mine, dtype=pl.Boolean)).with_columns(detail=pl.lit(ASTRAY))


def named(strays: list[Stray], tell: Callable[[str], None]) -> list[Stray]:
    """The same, after whoever sees the run was told whose rows they were: a report says how many, and names no key."""
    spots: dict[str, list[tuple[str, str | None]]] = {}
    for plan, key, column in strays:
        spots.setdefault(plan, []).append((key, column))
    for plan, theirs in spots.items():
        tell(f"  written by a file of plan {plan[:12]} to whoever had the key by then: {whose(theirs)}")
    return strays


def _of_plan(settings: Settings, contract: Contract, ledger: Ledger, cells: pl.DataFrame, now: Path) -> Iterator[Stray]:
    plan = cells["plan"][0]
    record = ledger.plan(plan)
    then = settings.runs_folder / (record.run if record else "") / now.name
    if not then.is_file() or not now.is_file() or then == now or len(contract.key) > 1:
        return
    same = Sameness(contract.columns, contract.timezone.key)
    key, updated = contract.key[0], contract.updated_platform
    changed = pl.col(updated) if updated in columns_of(now) else pl.lit(None, pl.String)
    for (column,), mine in cells.drop_nulls(["profile_id", "after"]).group_by("column", maintain_order=True):
        known = [one for one in contract.columns if one.name in (key, column)]
        names = {one.name: source_name(one, Side.PLATFORM) for one in known}
        if column not in names or not {"profileId", *names.values()} <= set(columns_of(now)) & set(columns_of(then)):
            continue
        own, cell = names[key], names[str(column)]
        held = pl.scan_parquet(now).filter(pl.col(own).is_in(mine["key"].to_list()))
        held = held.select(key=own, holder="profileId", held=cell, changed=changed)
        others = mine.join(held.collect(), on="key").filter(pl.col("holder") != pl.col("profile_id"))
        before = pl.scan_parquet(then).filter(pl.col("profileId").is_in(others["holder"].to_list()))
        before = before.select(holder="profileId", was=cell, there=pl.lit(True))
        joined = others.join(before.collect(), on="holder", how="left").sort("key")
        for row in joined.iter_rows(named=True):
            got = not same(str(column), row["was"], row["after"]) if row["there"] else _meanwhile(row, contract)
            if same(str(column), row["held"], row["after"]) and got:
                yield plan, row["key"], str(column)


def _meanwhile(row: Mapping[str, Any], contract: Contract) -> bool:
    """Whether a profile was last changed while a file was imported."""
    told = moment_told(row["changed"], contract.timezone)
    return told is not None and row["sent_at"] - TOLD_APART <= told <= row["effective_at"] + TOLD_APART
