"""Finding one profile in the snapshots of a run, however its key is typed, and matching its rows as the run did."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import ibis
import ibis.expr.types as ir

from auditor.engine.duckdb import Engine, quote
from auditor.equality import rules
from auditor.errors import SettingsError
from auditor.files.whole import printable
from auditor.match import fallback
from auditor.match import join as match
from auditor.model import Side
from auditor.settings.contract import Contract
from auditor.writes import by_fallback, key_parts


def find(engine: Engine, contract: Contract, folder: Path, key: str) -> str | None:
    """Reduce the two snapshots to the rows of one key and match them; gives the canonical key, None for an empty one.

    A key is read as the platform spells it, and where nobody has that, as the truth does.
    """
    snapshots = {side: _snapshot(engine, contract, folder, side) for side in Side}
    if contract.fallbacks:
        return _find_among_all(engine, contract, snapshots, key)
    parts = _parts(contract, key)
    first = None
    for spelling in Side:
        forms = [
            rules.canonical(ibis.literal(part, type=str), column, spelling, contract.timezone.key)
            for part, column in zip(parts, contract.keys, strict=True)
        ]
        [(wanted,)] = engine.rows(rules.key_form(forms).name("key").as_table())
        first = first or wanted
        if wanted is None:
            continue
        found = 0
        for side, raw in snapshots.items():
            own = rules.key_form(match.key_forms(raw, contract.keys, side, contract.timezone.key))
            rows = engine.create(match.RAW[side], raw.filter(own == wanted))
            found += len(engine.rows(rows.select("file_row_number")))
        if found:
            first = wanted
            break
    for side in Side:
        match.find_keys(engine, contract, side)
    match.match(engine)
    return first


def _find_among_all(engine: Engine, contract: Contract, snapshots: Mapping[Side, ir.Table], key: str) -> str | None:
    """The same where there are fallback keys: whom a row is matched with depends on all others.

    A key may be the one that a profile has on either side, or a fallback key as a JSON object or, of one column, alone.
    """
    for side, raw in snapshots.items():
        engine.con.execute(f"DROP TABLE {quote(match.RAW[side])}")
        engine.name(match.RAW[side], raw)
        match.find_keys(engine, contract, side)
    match.match(engine)
    first = None
    keys = [engine.table(f"{side.value}_keys") for side in Side]
    for form in _typed(engine, contract, key):
        first = first or form
        rows = [
            table.filter(ibis.or_(*(table[name] == form for name in fallback.levels(table)))).select("key", "text")
            for table in keys
        ]
        found = sorted(engine.rows(rows[0].union(rows[1])))
        if len({one for one, _ in found}) > 1:
            shown = ", ".join(dict.fromkeys(printable(text) for _, text in found))
            raise SettingsError(f'"{printable(key)}" is not one profile\'s alone', hint=f"name one of them: {shown}")
        if found:
            first = found[0][0]
            break
    for side, table in zip(Side, keys, strict=True):
        own = engine.create(f"{side.value}_keys", table.filter(table.key == ibis.literal(first, type=str)))
        raw = snapshots[side]
        engine.con.execute(f"DROP VIEW {quote(match.RAW[side])} CASCADE")
        engine.create(match.RAW[side], raw.semi_join(own, raw["file_row_number"] == own.row))
    for name in ("matched", "duplicates", "excluded"):
        table = engine.table(name)
        engine.create(name, table.filter(table.key == ibis.literal(first, type=str)))
    return first


def _parts(contract: Contract, key: str) -> list[str]:
    """The parts of a key as it was typed."""
    try:
        return list(key_parts(key, contract.key, ()).values())
    except ValueError:
        example = json.dumps([name.upper() for name in contract.key])
        raise SettingsError(
            f"a key has {len(contract.key)} parts: {', '.join(contract.key)}", hint=f"auditor show '{example}'"
        ) from None


def _typed(engine: Engine, contract: Contract, key: str) -> list[str]:
    """Every canonical form that a typed key may stand for, the likeliest first."""
    readings: list[tuple[Sequence[str], Mapping[str, str]]] = []
    if by_fallback(key, contract.fallbacks):
        with contextlib.suppress(ValueError):
            given = key_parts(key, contract.key, contract.fallbacks)
            readings.append((tuple(given), given))
    else:
        alone = [names for names in contract.fallbacks if len(names) == 1]
        if len(contract.key) == 1 or not alone or key.startswith("["):
            readings.append((contract.key, dict(zip(contract.key, _parts(contract, key), strict=True))))
        readings += [(names, {names[0]: key}) for names in alone]
    found = []
    for names, parts in readings:
        for side in Side:
            texts = [(ibis.literal(str(parts[name]), type=str), contract.column(name)) for name in names]
            forms = [rules.canonical(text, column, side, contract.timezone.key) for text, column in texts]
            form = rules.key_form(forms) if names == contract.key else rules.key_object(names, forms)
            found += [one for (one,) in engine.rows(form.name("key").as_table()) if one is not None]
    return list(dict.fromkeys(found))


def _snapshot(engine: Engine, contract: Contract, folder: Path, side: Side) -> ir.Table:
    """A side of the run as it was landed."""
    path = folder / f"{side.value}.parquet"
    if not path.exists():
        raise SettingsError(
            f"{folder.name} has no {path.name} any more: snapshots are kept for a limited time",
            hint="run the audit again",
        )
    name = f"{side.value}_snapshot"
    engine.view(name, path)
    raw = engine.table(name)
    named = [match.source_name(column, side) for column in contract.columns]
    absent = [one for one in named if one not in raw.columns]
    if absent:
        raise SettingsError(
            f'the contract changed since the run {folder.name}: that run did not load "{absent[0]}"',
            hint="run the audit again",
        )
    # Nothing is found yet: matching an empty table is right for a key that nobody has.
    engine.create(match.RAW[side], raw.limit(0))
    return raw
