"""Who somebody is, as either side says it: a name and an e-mail address beside a key, for the owner of a run folder."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import polars as pl

from auditor.errors import SettingsError
from auditor.explain import evidence_columns
from auditor.findings.audit import Audit
from auditor.match.sides import source_name
from auditor.model import Side, Status
from auditor.report import Who
from auditor.settings.contract import Contract
from auditor.state.run_files import columns_of, rows_with
from auditor.writes import key_parts


def naming(contract: Contract) -> tuple[str | None, str | None, str | None]:
    """The columns of first name, last name and e-mail address, by which the same persons are looked for too."""
    kinds = evidence_columns(contract.columns)
    return kinds.get("first_name"), kinds.get("last_name"), kinds.get("email")


def who(folder: Path, contract: Contract, audit: Audit) -> Who:
    """Says who they are whom a side has alone, who are probably one person, or whose permission is a finding.

    What the snapshots of the run do not say, or no longer, is left out.
    """
    wanted = _keys(audit)
    return {
        (side.value, key): told
        for side in Side
        for key, told in _told(folder / f"{side.value}.parquet", contract, side, wanted)
    }


def _keys(audit: Audit) -> set[str]:
    alone = audit.profiles.filter(pl.col("status").is_in([Status.MISSING.value, Status.ORPHAN.value]))
    pairs = [audit.same_person[name] for name in ("platform_key", "truth_key", "other_key")]
    return {key for column in (alone["key"], audit.permissions["key"], *pairs) for key in column if key is not None}


def _told(path: Path, contract: Contract, side: Side, keys: Collection[str]) -> Iterator[tuple[str, str]]:
    shown = {name: source_name(contract.column(name), side) for name in naming(contract) if name is not None}
    try:
        there = set(columns_of(path)) if path.exists() else set()
    except SettingsError:
        return
    names = [name for name in shown.values() if name in there]
    email = shown.get(naming(contract)[-1] or "")
    for parts, wanted in _by_columns(contract, keys):
        headers = [source_name(contract.column(part), side) for part in parts]
        if not names or not there.issuperset(headers):
            continue
        sought = pl.DataFrame(wanted, schema=[*(f"part {at}" for at in range(len(parts))), "key"], orient="row")
        for *said, key in rows_with(path, headers, sought, names).iter_rows():
            values = dict(zip(names, said, strict=True))
            name = " ".join(text for at, text in values.items() if at != email and text)
            told = ", ".join(text for text in (name, values.get(email or "")) if text)
            if told:
                yield key, told


def _by_columns(contract: Contract, keys: Iterable[str]) -> Iterator[tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    """The keys by the columns of which they are made, each as its parts and itself."""
    found: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for key in sorted(keys):
        try:
            parts = key_parts(key, contract.key, contract.fallbacks)
        except ValueError:
            continue
        found.setdefault(tuple(parts), []).append((*map(str, parts.values()), key))
    yield from found.items()
