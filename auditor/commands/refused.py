"""What the refusal of a creation or a deletion is bound to: the person's row, as a run read it."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import polars as pl

from auditor.findings.audit import TEXT
from auditor.match.sides import source_name
from auditor.model import Side
from auditor.plan.decisions import Choice, Decision
from auditor.settings.contract import Contract
from auditor.state.ledger.records import PROFILE
from auditor.state.run_files import columns_of, rows_with

Seen: TypeAlias = tuple[str | None, str | None]
"""Digests of somebody's row on the platform and of their row in the truth; None: nobody knows of one."""

NOT_SEEN: Seen = (None, None)


def seen(folder: Path, contract: Contract, people: Mapping[str, str | None], secret: str) -> dict[str, Seen]:
    """The rows of people who are on one side alone, by key, as the run in this folder has them: keyed digests of what
    the contract compares. `people` tells the profileId of each, None where nobody knows it.
    """
    keys = pl.DataFrame({"sought": list(people), "key": list(people)}, schema_overrides={"sought": TEXT, "key": TEXT})
    numbers = pl.DataFrame({"sought": list(people.values()), "key": list(people)}, schema_overrides={"sought": TEXT})
    names = [one.name for one in contract.columns]
    headers = [source_name(one, Side.PLATFORM) for one in contract.columns]
    platform = folder / f"{Side.PLATFORM.value}.parquet"
    here = _digests(platform, "profileId", numbers.drop_nulls("sought"), headers, secret)
    if len(contract.key) == 1:
        by_key = keys.filter(~pl.col("key").is_in(list(here)))
        [column] = [one for one in contract.columns if one.name == contract.key[0]]
        here |= _digests(platform, source_name(column, Side.PLATFORM), by_key, headers, secret)
    there = _digests(folder / "creations.parquet", "key", keys, names, secret)
    return {key: (here.get(key), there.get(key)) for key in people}


def still_refused(
    decisions: Iterable[Decision], folder: Path, contract: Contract, whose: Mapping[str, str], secret: str
) -> Iterator[Decision]:
    """The decisions without refusals to create or delete somebody whose row has changed since: they are asked again.

    One of a version that noted no row ends by time alone.
    """
    decisions = list(decisions)
    bound = [one for one in decisions if _of_a_profile(one) and (one.platform, one.truth) != NOT_SEEN]
    now = seen(folder, contract, {one.key: whose.get(one.key) for one in bound}, secret) if bound else {}
    gone = [one for one in bound if not one.holds(*now.get(one.key, NOT_SEEN))]
    return (one for one in decisions if one not in gone)


def _of_a_profile(one: Decision) -> bool:
    return one.column == PROFILE and one.choice is Choice.REFUSED


def _digests(path: Path, by: str, wanted: pl.DataFrame, columns: Sequence[str], secret: str) -> dict[str, str]:
    """Of the rows of a Parquet file whose column `by` is as `sought`, by `key`; of several with one key together."""
    if not path.exists() or by not in (there := columns_of(path)):
        return {}
    found = rows_with(path, [by], wanted, [name for name in columns if name in there])
    told: dict[str, list[list[str]]] = {}
    for *texts, key in found.iter_rows():
        told.setdefault(key, []).append([text or "" for text in texts])
    return {key: _digest(sorted(rows), secret) for key, rows in told.items()}


def _digest(rows: Sequence[Sequence[str]], secret: str) -> str:
    return hmac.new(bytes.fromhex(secret), json.dumps(rows, ensure_ascii=False).encode(), hashlib.sha256).hexdigest()
