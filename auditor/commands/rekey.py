"""The spine of `auditor rekey`: profiles got other keys, and what is known of them goes on under these.

Agreed values, everybody seen, permission history, decisions, writes and the knowledge of who was erased: all or
nothing. The last three lie in the ledger, the others in the state folder. An earlier version could be stopped between
the two: then the same map completes what it began, and no other is taken before.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from auditor.commands.decided import take_all
from auditor.commands.plan import Tell, silently
from auditor.commands.session import open_engine
from auditor.engine.duckdb import DuckDB
from auditor.equality import rules
from auditor.errors import SettingsError
from auditor.files.disk import full_disk
from auditor.findings.sentences import sentence
from auditor.findings.words import Words
from auditor.load import column_names, land
from auditor.match.keys import key_forms
from auditor.model import Side
from auditor.settings.config import Settings
from auditor.settings.contract import Contract
from auditor.settings.contract_file import read_contract
from auditor.state import run_folder
from auditor.state.agreed import Store
from auditor.state.commit import Kept, at_work, commit
from auditor.state.ledger import Ledger
from auditor.state.memory import Memory
from auditor.state.past_runs import find_run
from auditor.writes import key_identifiers, key_parts

HEADERS = ("old", "new")


@dataclass(frozen=True)
class Rekeyed:
    """What a map of keys changes, or has changed."""

    pairs: int
    """Of the map; those with two equal keys are left out."""
    known: int
    """Of them, those whose old key is known here."""
    counts: Mapping[str, int]
    """`base`, `seen`, `ledger` (profiles), `permissions` (entries of the history), `erased` (identifiers)."""
    done: bool = False


@dataclass(frozen=True)
class _Pair:
    old: str
    new: str
    old_form: str
    """Canonical."""
    new_form: str


def rekey(settings: Settings, path: Path, *, now: datetime, dry: bool, tell: Tell = silently) -> Rekeyed:
    """Carry over what is known under the old keys of a map to the new ones; `dry` only counts.

    The map is a file with the columns `old` and `new`; a key of several columns is a JSON array. What waits in
    `decisions/` speaks of the old keys and is taken first.

    Raises SettingsError for a map that is not one to one, that names a key twice or gives somebody's key to somebody
    else, for no run so far and for a damaged state folder, and GuardRefused where a file of decisions cannot be taken.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(at_work(settings, "auditor rekey", now))
        if not dry:
            take_all(settings, now, tell)
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="auditor-"))
        ledger = stack.enter_context(Ledger(settings.state_folder, reading=True, beside_writing=not dry))
        structure = run_folder.read_structure(find_run(settings))
        contract = read_contract(settings.table_folder / "contract.toml", structure)
        store = Store(settings.state_folder, settings.entity, settings.table, structure.number)
        folders = [store.folder, path.resolve().parent]
        with closing(open_engine(settings, Path(scratch), folders)) as engine:
            memory = store.load(engine, contract, expected=True)  # under the keys that are stored
            if memory.warnings:
                say = Words.of(settings.names)
                lost = "; ".join(sentence(one, say) for one in memory.warnings)
                raise SettingsError(f"nothing was carried over: {lost}")
            pairs = _read(engine, contract, path, Path(scratch))
            content = hashlib.sha256(json.dumps(sorted((one.old, one.new) for one in pairs)).encode()).hexdigest()
            unfinished = store.rekeyed.get("name") if not ledger.rekeyed(store.rekeyed.get("name", "")) else None
            if unfinished and store.rekeyed["map"] != content:
                raise SettingsError("an earlier change of keys was interrupted: repeat that one first, with its map")
            return _carry(settings, engine, contract, store, memory, ledger, pairs, now, content, unfinished, dry=dry)


def _carry(
    settings: Settings,
    engine: DuckDB,
    contract: Contract,
    store: Store,
    memory: Memory,
    ledger: Ledger,
    pairs: Sequence[_Pair],
    now: datetime,
    content: str,
    unfinished: str | None,
    *,
    dry: bool,
) -> Rekeyed:
    table = contract.table
    known = store.known_keys(engine, memory)
    called = dict(canonical_keys(engine, contract, ledger.keys(table)))
    told = {form for form in called.values() if form is not None}
    forms = [(one.old_form, one.new_form) for one in pairs]
    renamed = engine.put(pl.DataFrame(forms, schema={"old": pl.String, "new": pl.String}, orient="row"), "renamed")
    if unfinished is None:
        _require_free(pairs, known | told, store.same_people(engine, memory, renamed))
    by_old = {one.old_form: one for one in pairs}
    moving = [one for one in pairs if one.old_form in known | told]
    in_ledger = {text: by_old[form].new for text, form in called.items() if form in by_old}
    erased = list(_erased(contract, ledger, pairs))
    counts = {**store.counted(engine, memory, renamed), "ledger": len(in_ledger), "erased": len(erased)}
    nothing = not (moving or erased or unfinished)
    if dry or nothing:
        return Rekeyed(len(pairs), len(moving), counts)
    name = unfinished or f"rekey-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"

    def record(kept: Ledger) -> None:
        kept.rekey(table, in_ledger, name, now)
        kept.remember_erased(erased, now)

    with full_disk(store.folder):
        new = None if unfinished else store.rekey(engine, memory, renamed, name, content)
        kept = Kept(
            name,
            rewrites=(new.rewrite,) if new else (),
            written=new.written if new else (),
            superseded=new.superseded if new else (),
            folder=None,
            record=record,
            secret=None,
        )
        commit(settings.state_folder, kept)
    return Rekeyed(len(pairs), len(moving), counts, done=True)


def _read(engine: DuckDB, contract: Contract, path: Path, scratch: Path) -> list[_Pair]:
    """The pairs of the map. All problems of it at once."""
    if not path.is_file():
        raise SettingsError(f"there is no file {path}")
    there = column_names(engine, path)
    if missing := [name for name in HEADERS if name not in there]:
        raise SettingsError(
            f'{path.name} has no column "{missing[0]}"', hint="a map of keys has the columns old and new"
        )
    landed = land(engine, Side.TRUTH, path, scratch / "map.parquet", columns=HEADERS)
    rows = pl.read_parquet(landed.path, columns=list(HEADERS)).rows()
    problems = [f"{landed.rejected:,} rows cannot be read"] if landed.rejected else []
    forms = dict(canonical_keys(engine, contract, {text for row in rows for text in row if text}))
    empty = sum(not (old and new and forms[old] and forms[new]) for old, new in rows)
    problems += [f"{empty:,} rows have an empty key, or one that has other columns"] if empty else []
    found = [_Pair(old, new, forms[old], forms[new]) for old, new in rows if old and new and forms[old] and forms[new]]  # type: ignore[arg-type]
    for which, texts in (
        ("an old key", [one.old_form for one in found]),
        ("a new key", [one.new_form for one in found]),
    ):
        if twice := sum(number > 1 for number in Counter(texts).values()):
            problems.append(f"{twice:,} times {which} stands there more than once")
    if problems:
        raise SettingsError(f"{path.name} is no map of keys: {'; '.join(problems)}")
    return [one for one in found if one.old != one.new]


def _require_free(pairs: Sequence[_Pair], known: set[str], same: set[str]) -> None:
    """Raise SettingsError where a new key is somebody else's, who is not given another one by the same map.

    It is nobody else's where the old key is among the `same`: people who were seen under both with one profileId.
    """
    taken_now = known - {one.old_form for one in pairs}
    taken = sum(one.old_form in known - same and one.new_form in taken_now for one in pairs)
    if taken:
        raise SettingsError(
            f"new keys that are known here already, as somebody else's: {taken:,}; two profiles would become one",
            hint="carry keys over before the first run that sees the new ones; leave these pairs out of the map",
        )


def _erased(contract: Contract, ledger: Ledger, pairs: Iterable[_Pair]) -> Iterable[tuple[str, str]]:
    """New identifiers of people who were erased under the old ones, as far as that is not known already."""
    values: dict[str, dict[str, str]] = {}
    for one in pairs:
        old, new = (key_identifiers(text, contract.key, contract.fallbacks) for text in (one.old, one.new))
        for column, value in new.items():
            if column in old and old[column] != value:
                values.setdefault(column, {})[old[column]] = value
    for column, renamed in values.items():
        gone = [renamed[value] for value in ledger.erased_among(column, renamed)]
        yield from sorted((column, value) for value in set(gone) - ledger.erased_among(column, gone))


def canonical_keys(engine: DuckDB, contract: Contract, texts: Iterable[str]) -> list[tuple[str, str | None]]:
    """Key texts, as the platform spells them, with their canonical forms; None for what is no key."""
    groups: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    found: list[tuple[str, str | None]] = []
    for text in texts:
        try:
            parts = key_parts(text, contract.key, contract.fallbacks)
        except ValueError:
            found.append((text, None))
        else:
            groups.setdefault(tuple(parts), []).append((text, *parts.values()))
    for names, rows in groups.items():
        columns = [contract.column(name) for name in names]
        schema = dict.fromkeys(("auditor:text", *(column.header for column in columns)), pl.String)
        table = engine.put(pl.DataFrame(rows, schema=schema, orient="row"), "key_texts")
        forms = key_forms(table, columns, Side.PLATFORM, contract.timezone.key)
        form = rules.key_form(forms) if names == contract.key else rules.key_object(names, forms)
        found += [(str(text), key) for text, key in engine.rows(table.select(text="auditor:text", key=form))]
    return found
