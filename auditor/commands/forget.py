"""The spine of `auditor forget`: somebody asked to be erased, and is never created again by any route.

What identifies them stays as keyed hashes. What the ledger recorded of them is emptied, under seals that stay; what
runs keep expires with them. Nothing is deleted in Actito: that is for whoever answers the request.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from auditor.errors import SettingsError
from auditor.match.sides import source_name
from auditor.model import Side, Structure
from auditor.settings.config import Settings
from auditor.settings.contract import Contract
from auditor.settings.contract_file import read_contract
from auditor.state import run_folder
from auditor.state.commit import at_work
from auditor.state.ledger import Ledger
from auditor.state.past_runs import find_run
from auditor.writes import key_parts


@dataclass(frozen=True)
class Forgotten:
    """What is known of somebody who is to be forgotten, or was."""

    identifiers: int
    """Keys, addresses and numbers, the one that was given among them."""
    rows: int
    """Of the ledger."""
    there: tuple[Side, ...]
    """Who still had them in the newest run."""


def forget(settings: Settings, who: str, *, now: datetime, dry: bool) -> Forgotten:
    """Forget the person with this key, or another unique value such as an e-mail address; `dry` only looks.

    Nobody needs to have it any more: then it is remembered alone. Raises SettingsError where it is no value, several
    profiles have it, or the table has nothing by which somebody could be recognised.
    """
    with (
        at_work(settings.state_folder, "auditor forget", now),
        Ledger(settings.state_folder, reading=dry) as ledger,
    ):
        folder = find_run(settings)
        structure = run_folder.read_structure(folder)
        contract = read_contract(settings.table_folder / "contract.toml", structure)
        names = _identifying(contract, structure)
        if not who.strip() or not names:
            raise SettingsError("nobody can be recognised by that" if names else "the table has no unique attribute")
        found = {side: _rows(folder, contract, side) for side in Side}
        own = _of_one(found, contract, names, who)
        identifiers = {(name, who) for name in names} | {
            (name, value) for rows in own.values() for row in rows for name in names if (value := row[name])
        }
        known = {(name, _plain(value)) for name, value in identifiers}
        keys = [key for key in ledger.keys(settings.table) if known.issuperset(_parts(key, contract))]
        there = tuple(side for side, rows in own.items() if rows)
        told = len({value for _, value in known})
        if dry:
            return Forgotten(told, ledger.recorded_of(settings.table, keys), there)
        with ledger.transaction():
            ledger.remember_erased(sorted(identifiers), now)
            rows = ledger.empty(settings.table, keys)
        ledger.compact()
        return Forgotten(told, rows, there)


def _identifying(contract: Contract, structure: Structure) -> tuple[str, ...]:
    """The columns each of which tells somebody alone."""
    unique = {one.name for one in structure.attributes if one.unique and not one.technical}
    alone = {*unique, *(contract.key if len(contract.key) == 1 else ())}
    return tuple(column.name for column in contract.columns if column.name in alone)


def _rows(folder: Path, contract: Contract, side: Side) -> pl.DataFrame:
    """A side of a run as it was landed, under the names of the contract; empty once that has expired."""
    names = {column.name: source_name(column, side) for column in contract.columns}
    path = folder / f"{side.value}.parquet"
    if not path.is_file():
        return pl.DataFrame(schema=dict.fromkeys(names, pl.String))
    return pl.scan_parquet(path).select(**{name: pl.col(own) for name, own in names.items()}).collect()


def _of_one(
    found: dict[Side, pl.DataFrame], contract: Contract, names: Sequence[str], who: str
) -> dict[Side, list[dict[str, str | None]]]:
    """The rows of one person: by what was given, and by the key that they have then."""
    asked = dict(_parts(who, contract)) if len(contract.key) > 1 and who.startswith("[") else {}
    by_any = pl.any_horizontal(_written(name) == _plain(who) for name in names)
    hits = {side: rows.filter(_with(asked) if asked else by_any) for side, rows in found.items()}
    keys = {
        tuple(_plain(part or "") for part in key)
        for rows in hits.values()
        for key in rows.select(contract.key).iter_rows()
        if all(key)
    }
    if len(keys) > 1:
        raise SettingsError(f"{len(keys):,} profiles have this value: forget one of them by its key")
    for key in keys:
        own = dict(zip(contract.key, key, strict=True))
        hits = {side: pl.concat([hits[side], rows.filter(_with(own))]) for side, rows in found.items()}
    return {side: rows.to_dicts() for side, rows in hits.items()}


def _with(key: dict[str, str]) -> pl.Expr:
    return pl.all_horizontal(_written(name) == part for name, part in key.items())


def _written(name: str) -> pl.Expr:
    """A column as `_plain` has a text, but for letters without two cases."""
    return pl.col(name).str.normalize("NFC").str.strip_chars().str.to_lowercase()


def _plain(text: str) -> str:
    """As the hashes of identifiers have it: case and outer blanks aside."""
    return unicodedata.normalize("NFC", text).strip().lower()


def _parts(key: str, contract: Contract) -> Iterator[tuple[str, str]]:
    """Column and plain text of each part of a key; nothing equals what is none."""
    try:
        parts = key_parts(key, contract.key, contract.fallbacks)
    except ValueError:
        parts = {"": key}
    return ((name, _plain(part)) for name, part in parts.items())
