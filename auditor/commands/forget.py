"""The spine of `auditor forget`: somebody asked to be erased, and is never created again by any route.

What identifies them, and did in the runs that are kept and in what was written to them, stays as keyed hashes. What the
ledger recorded of them, under whichever key, is emptied, under seals that stay; what was agreed on with them is kept no
longer; what runs keep expires with them.
Nothing is deleted in Actito: that is for whoever answers the request.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import unicodedata
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import polars as pl

from auditor.commands.decided import remove_taken, take_all
from auditor.commands.erased import NUMBER
from auditor.commands.plan import Tell, silently
from auditor.commands.rekey import canonical_keys
from auditor.commands.session import passing_engine
from auditor.errors import SettingsError, TryLater
from auditor.match.sides import source_name
from auditor.model import Side, Structure
from auditor.settings.config import Settings
from auditor.settings.contract import Contract
from auditor.settings.contract_file import read_contract
from auditor.state import run_folder
from auditor.state.agreed import Store
from auditor.state.commit import Kept, at_work, commit
from auditor.state.ledger import Ledger
from auditor.state.past_runs import find_run, readable
from auditor.state.run_files import columns_of
from auditor.writes import key_parts, whole_key

_NUMBER: Final = "auditor:number"
_AGAIN: Final = "delete it, or see who may write there, and forget them again"
_Sides = Mapping[Side, Sequence[Mapping[str, str | None]]]
"""Rows of a person by side: what identifies them, and on the platform their profileId as `_NUMBER`."""


@dataclass(frozen=True)
class Forgotten:
    """What is known of somebody who is to be forgotten, or was."""

    identifiers: int
    """Keys, addresses and numbers, the one that was given among them."""
    rows: int
    """Of the ledger."""
    there: tuple[Side, ...]
    """Who still had them in the newest run."""


@dataclass(frozen=True)
class _Person:
    identifiers: Set[tuple[str, str]]
    """Column and value: those of the newest run, and former ones that no other profile has by now."""
    keys: Set[str]
    """That the ledger has, as they are called by now."""
    numbers: Set[str]
    """Their profileId; empty where nobody knows it."""
    others: Set[str]
    """The profileIds of people who had one of these keys before and have another one now."""
    there: tuple[Side, ...]
    """Who still had them in the newest run."""


def forget(settings: Settings, who: str, *, now: datetime, dry: bool, tell: Tell = silently) -> Forgotten:
    """Forget the person with this key, or another unique value such as an e-mail address; `dry` only looks.

    Nobody needs to have it any more: then it is remembered alone. What waits in `decisions/` is taken first, so that it
    is emptied as well, and what was taken and is about them is removed.

    Raises SettingsError where it is no value, several profiles have it, or the table has nothing by which somebody
    could be recognised, GuardRefused where a file of decisions cannot be taken, and TryLater where one that was taken
    cannot be removed: they are remembered, and the ledger is emptied once the file is gone, for by what it knows of
    them they are found in files. So it does while another process reads what the ledger had of them.
    """
    with at_work(settings, "auditor forget", now), contextlib.ExitStack() as stack:
        if not dry:
            take_all(settings, now, tell)
        ledger = stack.enter_context(Ledger(settings.state_folder, reading=dry))
        one = _person(settings, ledger, who)
        about = settings.table, one.keys, one.numbers, one.others
        told = len({_plain(value) for _, value in one.identifiers})
        if dry:
            return Forgotten(told, ledger.recorded_of(*about), one.there)
        kept = remove_taken(settings, {*one.keys, *(value for _, value in one.identifiers)})
        kept |= _without_agreed(settings, one, now)
        with ledger.transaction():
            ledger.remember_erased(sorted({*one.identifiers, *((NUMBER, number) for number in one.numbers)}), now)
            rows = 0 if kept else ledger.empty(*about)
        ledger.compact()
        if kept:
            raise TryLater(_not_yet(kept), hint=_AGAIN)
        return Forgotten(told, rows, one.there)


def _not_yet(kept: Mapping[Path, str]) -> str:
    files = ", ".join(f"{path} ({why})" for path, why in kept.items())
    return (
        f"they are not forgotten yet: what is kept of them may be in {files}, which could not be read or removed. "
        "Nobody creates them any more, and all other files of decisions about them are removed; what the ledger "
        "recorded of them it keeps until this is done: by that they are found"
    )


def _without_agreed(settings: Settings, one: _Person, now: datetime) -> dict[Path, str]:
    """Empty what both sides had agreed on with them: without the ledger's record, nobody can tell who wrote it.

    Gives the files that cannot be read or removed, and why.
    """
    structure = run_folder.read_structure(find_run(settings))
    contract = read_contract(settings.table_folder / "contract.toml", structure)
    store = Store(settings.state_folder, settings.entity, settings.table, structure.number)
    if store.agreed:
        called = {json.dumps(list(contract.key)), *(contract.key if len(contract.key) == 1 else ())}
        texts = {*one.keys, *(value for name, value in one.identifiers if name in called)}
        with passing_engine(settings, [store.folder]) as engine:
            memory = store.load(engine, contract, expected=True)
            if memory.stored is None:
                return dict.fromkeys(store.folder.glob("base-*"), "damaged; the next run replaces it")
            forms = {form for _, form in canonical_keys(engine, contract, texts) if form}
            name = f"forget-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
            new = store.without(engine, memory, {_plain(text) for text in (*one.numbers, *forms)}, name)
        if new is not None:
            kept = Kept(name, (new.rewrite,), new.written, new.superseded, folder=None, record=None, secret=None)
            commit(settings.state_folder, kept)
    stays = {}
    for path in store.leftovers():
        try:
            path.unlink()
        except OSError as error:
            stays[path] = error.strerror or "cannot be removed"
    return stays


def _person(settings: Settings, ledger: Ledger, who: str) -> _Person:
    """The person with this key or value, by the newest run, by what the ledger has and by the runs that are kept."""
    folder = find_run(settings)
    structure = run_folder.read_structure(folder)
    contract = read_contract(settings.table_folder / "contract.toml", structure)
    names = _identifying(contract, structure)
    if not who.strip():
        raise SettingsError("nobody can be recognised by that")
    newest = {side: _rows(folder, contract, names, side) for side in Side}
    own = _of_one(newest, contract, names, who)
    identifiers = {(name, who) for name in names} | set(_values(own, names)) | set(_wholes(own, contract))
    identifiers.update(_whole(who, contract) if who.startswith("[") else ())
    if not identifiers:
        raise SettingsError("the table has no unique attribute: name a key, as the reports spell it")
    whose = ledger.whose(settings.table)
    known = {(name, _plain(value)) for name, value in identifiers}
    keys = {
        key for key, _ in whose if known.issuperset(_parts(key, contract)) or known.intersection(_whole(key, contract))
    }
    numbers = {number for row in own[Side.PLATFORM] if (number := row[_NUMBER])}
    recorded = {number for key, number in whose if number and key in keys} - numbers
    others = recorded.intersection(newest[Side.PLATFORM][_NUMBER]) if any(own.values()) else set()
    if not numbers and len(recorded - others) == 1:
        numbers = recorded - others
        there = newest[Side.PLATFORM].filter(pl.col(_NUMBER).is_in(numbers))
        own = own if any(own.values()) else _with_truth(there, newest[Side.TRUTH], contract)
        identifiers.update((*_values(own, names), *_wholes(own, contract)))
    texts = ledger.texts(settings.table, () if numbers else keys, numbers)
    former = {(name, text) for name, text in texts if name in names}
    former.update(part for name, key in texts if name is None for part in _parts(key, contract) if part[0] in names)
    former.update(one for name, key in texts if name is None for one in _whole(key, contract))
    former.update(_formerly(settings, contract, structure, names, numbers))
    somebody = newest[Side.PLATFORM].filter(~pl.col(_NUMBER).is_in(numbers).fill_null(False))
    rest = {name: set(somebody.select(_written(name)).to_series()) for name in names} if former else {}
    identifiers |= {(name, value) for name, value in former if name in rest and _plain(value) not in rest[name]}
    wholes = (one for one in former if one[0] not in names)
    identifiers |= {(name, key) for name, key in wholes if not _is_somebodys(key, newest, own, contract)}
    keys |= {key for key, number in whose if number in numbers and not _is_somebodys(key, newest, own, contract)}
    return _Person(identifiers, keys, numbers, others, tuple(side for side, rows in own.items() if rows))


def _identifying(contract: Contract, structure: Structure) -> tuple[str, ...]:
    """The columns each of which tells somebody alone."""
    unique = {one.name for one in structure.attributes if one.unique and not one.technical}
    alone = {*unique, *(contract.key if len(contract.key) == 1 else ())}
    return tuple(column.name for column in contract.columns if column.name in alone)


def _rows(folder: Path, contract: Contract, names: Sequence[str], side: Side) -> pl.DataFrame:
    """Key, identifying columns and number of a side of a run as it was landed; empty once that has expired."""
    wanted = {name: source_name(contract.column(name), side) for name in dict.fromkeys((*contract.key, *names))}
    wanted |= {_NUMBER: "profileId"} if side is Side.PLATFORM else {}
    path = folder / f"{side.value}.parquet"
    if not path.is_file():
        return pl.DataFrame(schema=dict.fromkeys(wanted, pl.String))
    there = columns_of(path)
    cells = {name: pl.col(own) if own in there else pl.lit(None, pl.String) for name, own in wanted.items()}
    return pl.scan_parquet(path).select(**cells).collect()


def _formerly(
    settings: Settings, contract: Contract, structure: Structure, names: Sequence[str], numbers: Set[str]
) -> Iterator[tuple[str, str]]:
    """What identified the profiles with these numbers, on either side, in the runs of this table that are kept."""
    for folder in readable(settings) if numbers else ():
        try:
            if run_folder.read_structure(folder).number != structure.number:
                continue
            profiles, differences = (run_folder.read_rows(folder, name) for name in ("profiles", "differences"))
            rows = {side: _rows(folder, contract, names, side) for side in Side}
        except SettingsError:
            continue  # damaged, or of an older version: nobody can know
        there = rows[Side.PLATFORM].filter(pl.col(_NUMBER).is_in(numbers))
        theirs = _with_truth(there, rows[Side.TRUTH], contract)
        yield from (*_values(theirs, names), *_wholes(theirs, contract))
        keys = profiles.filter(pl.col("profile_id").is_in(numbers)).select("key")
        own = differences.join(keys, on="key", how="semi").filter(pl.col("column").is_in(names))
        for column, *texts in own.select("column", "platform", "truth").iter_rows():
            yield from ((column, text) for text in texts if text)


def _of_one(found: Mapping[Side, pl.DataFrame], contract: Contract, names: Sequence[str], who: str) -> _Sides:
    """The rows of one person: by what was given, and by the key that they have then."""
    asked = dict(_parts(who, contract)) if len(contract.key) > 1 and who.startswith("[") else {}
    by_any = pl.any_horizontal(False, *(_written(name) == _plain(who) for name in names))
    hits = {side: rows.filter(_with(asked) if asked else by_any) for side, rows in found.items()}
    keys = set().union(*(_keys(rows, contract) for rows in hits.values()))
    if len(keys) > 1:
        raise SettingsError(f"{len(keys):,} profiles have this value: forget one of them by its key")
    for key in keys:
        own = dict(zip(contract.key, key, strict=True))
        hits = {side: pl.concat([hits[side], rows.filter(_with(own))]) for side, rows in found.items()}
    return {side: rows.to_dicts() for side, rows in hits.items()}


def _with_truth(platform: pl.DataFrame, truth: pl.DataFrame, contract: Contract) -> _Sides:
    """These rows of the platform, and those of the truth with the keys that they have."""
    keys = [_with(dict(zip(contract.key, key, strict=True))) for key in _keys(platform, contract)]
    return {Side.PLATFORM: platform.to_dicts(), Side.TRUTH: truth.filter(pl.any_horizontal(False, *keys)).to_dicts()}


def _keys(rows: pl.DataFrame, contract: Contract) -> set[tuple[str, ...]]:
    parts = (key for key in rows.select(contract.key).iter_rows() if all(key))
    return {tuple(_plain(part) for part in key) for key in parts}


def _values(own: _Sides, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    return ((name, value) for rows in own.values() for row in rows for name in names if (value := row[name]))


def _whole(key: str, contract: Contract) -> Iterator[tuple[str, str]]:
    """What a key of several columns is called as one, and its plain text."""
    return iter(whole_key(dict(_parts(key, contract)), contract.key).items())


def _wholes(own: _Sides, contract: Contract) -> Iterator[tuple[str, str]]:
    """The same of the keys that rows have."""
    for row in (row for rows in own.values() for row in rows):
        parts = {name: _plain(row[name] or "") for name in contract.key}
        if all(parts.values()):
            yield from whole_key(parts, contract.key).items()


def _is_somebodys(key: str, found: Mapping[Side, pl.DataFrame], own: _Sides, contract: Contract) -> bool:
    """Whether a key is by now that of others than whose these rows are."""
    parts = dict(_parts(key, contract))
    if set(parts) != set(contract.key):
        return True  # of a fallback, which is no unique value
    return any(rows.filter(_with(parts)).height > len(_having(own[side], parts)) for side, rows in found.items())


def _having(rows: Sequence[Mapping[str, str | None]], parts: Mapping[str, str]) -> list[Mapping[str, str | None]]:
    return [row for row in rows if all(_plain(row[name] or "") == part for name, part in parts.items())]


def _with(key: Mapping[str, str]) -> pl.Expr:
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
