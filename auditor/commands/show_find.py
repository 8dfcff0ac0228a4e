"""Finding one profile in the snapshots of a run, however its key is typed, and matching its rows as the run did."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import ibis
import ibis.expr.types as ir
import polars as pl

from auditor.engine.protocol import ROW_NUMBER, Engine, filled
from auditor.equality import primitives, rules
from auditor.errors import SettingsError
from auditor.explain import evidence_columns
from auditor.files.given import printable
from auditor.findings.words import Words
from auditor.match import fallback
from auditor.match.join import Matched, match_sides
from auditor.match.keys import key_forms
from auditor.match.sides import source_name
from auditor.model import Side
from auditor.report.redact import shape
from auditor.settings.contract import Contract
from auditor.state import run_folder
from auditor.state.run_files import of_snapshot, snapshot
from auditor.writes import by_fallback, key_parts

_NAMED_KEYS = 20
"""Keys that are named where several profiles have one address."""
_SAMPLED_KEYS = 1000
"""Keys looked at to tell somebody who mistyped one what keys look like."""


@dataclass(frozen=True, slots=True)
class Found:
    """The rows of one key on both sides, matched as the run matched them."""

    key: str | None
    """Canonical; None for an empty one."""
    matched: Matched
    snapshots: Mapping[Side, ir.Table]
    """Both sides of the run as they were landed."""


def find(engine: Engine, contract: Contract, folder: Path, key: str) -> Found:
    """Find the rows of one key in the snapshots of a run.

    A key is read as the platform spells it, and where nobody has that, as the truth does.
    """
    snapshots = {side: _snapshot(engine, contract, folder, side) for side in Side}
    if contract.fallbacks:
        return _find_among_all(engine, contract, snapshots, key)
    parts = _parts(contract, key)
    first = None
    # Nothing is found yet: matching empty tables is right for a key that nobody has.
    rows = {side: engine.keep(raw.limit(0), "rows_of_key") for side, raw in snapshots.items()}
    for spelling in Side:
        forms = [
            rules.canonical(ibis.literal(part, type=str), column, spelling, contract.timezone.key)
            for part, column in zip(parts, contract.keys, strict=True)
        ]
        [(wanted,)] = engine.rows(rules.key_form(forms).name("key").as_table())
        first = first or wanted
        if wanted is None:
            continue
        for side, raw in snapshots.items():
            own = rules.key_form(key_forms(raw, contract.keys, side, contract.timezone.key))
            rows[side] = engine.keep(raw.filter(own == wanted), "rows_of_key")
        if any(filled(engine, found) for found in rows.values()):
            first = wanted
            break
    return Found(first, match_sides(engine, contract, rows), snapshots)


def key_of(
    engine: Engine, contract: Contract, folder: Path, profile_id: str, columns: Sequence[str] | None = None
) -> str | None:
    """The key, as the platform spells it, of the profile with this profileId in a run; None: nobody knows one.

    `columns` had the key at some time, where they are not those of the contract.
    """
    raw = _snapshot(engine, contract, folder, Side.PLATFORM)
    spelt = {one.name: one.header for one in contract.columns}
    headers = [spelt.get(name, name) for name in columns or contract.key]
    if not {"profileId", *headers} <= set(raw.columns):
        return None
    own = raw.filter(raw["profileId"] == profile_id).select(*headers).limit(2)
    found = engine.rows(own)
    if len(found) != 1 or not all(found[0]):
        return None
    return _spelt(found[0])


def there(
    engine: Engine, contract: Contract, folder: Path, profile_ids: Iterable[str], keys: Iterable[str]
) -> list[tuple[str, str]] | None:
    """The profileId and the key, as the platform spells it, of whoever has one of these in a run; an empty key where a
    part of it is. None where nobody knows: the export has no profileIds, or a key may be one of several.
    """
    raw = _snapshot(engine, contract, folder, Side.PLATFORM)
    if "profileId" not in raw.columns or contract.fallbacks:
        return None
    headers = [column.header for column in contract.keys]
    numbers = engine.put(pl.DataFrame({"number": list(profile_ids)}, {"number": pl.String}), "numbers")
    first = engine.put(pl.DataFrame({"part": [_parts(contract, key)[0] for key in keys]}, {"part": pl.String}), "parts")
    own = raw.semi_join(numbers, raw["profileId"] == numbers.number)
    own = own.union(raw.semi_join(first, raw[headers[0]] == first.part), distinct=True)
    rows = engine.rows(own.select("profileId", *headers).filter(own["profileId"].notnull()).distinct())
    return [(number, _spelt(texts) if all(texts) else "") for number, *texts in rows]


def _spelt(texts: Sequence[str]) -> str:
    return str(texts[0]) if len(texts) == 1 else json.dumps(texts, ensure_ascii=False)


def with_contact(engine: Engine, contract: Contract, folder: Path, typed: str) -> list[str]:
    """The keys, as a side spells them, of all profiles that have an e-mail address or a phone number on either side.

    Upper and lower case of an address are alike, and a number may be spelt as either side could spell it.
    """
    typed, zone = typed.strip(), contract.timezone.key
    kinds = ("email",) if "@" in typed else ("phone",) if any(map(str.isdigit, typed)) else ()
    known = evidence_columns(contract.columns)
    columns = [contract.column(known[kind]) for kind in kinds if kind in known]
    found: dict[str, str] = {}
    for side in Side:
        raw = _snapshot(engine, contract, folder, side)
        own = rules.key_form(key_forms(raw, contract.keys, side, zone))
        parts = {f"part_{at}": raw[source_name(column, side)] for at, column in enumerate(contract.keys)}
        for column in columns:
            text = raw[source_name(column, side)]
            forms = [rules.canonical(ibis.literal(typed, type=str), column, one, zone) for one in Side]
            spelt = {form for one in forms for (form,) in engine.rows(one.name("form").as_table()) if form is not None}
            same = (text.strip().lower() == typed.lower()) | rules.canonical(text, column, side, zone).isin(list(spelt))
            rows = raw.filter(same & own.notnull()).select(key=own, **parts)
            for key, *texts in engine.rows(rows.order_by("key")):
                found.setdefault(key, _spelt(texts))
    return list(found.values())


def _find_among_all(engine: Engine, contract: Contract, snapshots: Mapping[Side, ir.Table], key: str) -> Found:
    """The same where there are fallback keys: whom a row is matched with depends on all others.

    A key may be the one that a profile has on either side, or a fallback key as a JSON object or, of one column, alone.
    """
    everybody = match_sides(engine, contract, snapshots)
    first = None
    for form in _typed(engine, contract, key):
        first = first or form
        rows = [
            table.filter(ibis.or_(*(table[name] == form for name in fallback.levels(table)))).select("key", "text")
            for table in everybody.keys.values()
        ]
        found = sorted(engine.rows(rows[0].union(rows[1])))
        if len({one for one, _ in found}) > 1:
            shown = ", ".join(dict.fromkeys(printable(text) for _, text in found))
            raise SettingsError(f'"{printable(key)}" is not one profile\'s alone', hint=f"name one of them: {shown}")
        if found:
            first = found[0][0]
            break
    return Found(first, _of_one(engine, everybody, first), snapshots)


def _of_one(engine: Engine, everybody: Matched, key: str | None) -> Matched:
    """What was matched, of one canonical key."""

    def own(table: ir.Table) -> ir.Table:
        return engine.keep(table.filter(table.key == ibis.literal(key, type=str)), "of_key")

    def own_if_any(table: ir.Table | None) -> ir.Table | None:
        kept = None if table is None else own(table)
        return kept if kept is not None and filled(engine, kept) else None

    keys = {side: own(table) for side, table in everybody.keys.items()}
    raw = {
        side: engine.keep(rows.semi_join(keys[side], rows[ROW_NUMBER] == keys[side].row), "rows_of_key")
        for side, rows in everybody.raw.items()
    }
    return replace(
        everybody,
        raw=raw,
        keys=keys,
        rows=own(everybody.rows),
        excluded=own_if_any(everybody.excluded),
        apart=own_if_any(everybody.apart),
        duplicates=own_if_any(everybody.duplicates),
    )


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
    path = of_snapshot(folder, f"{side.value}.parquet")
    raw = snapshot(engine, path, f"{side.value}_snapshot")
    named = [source_name(column, side) for column in contract.columns]
    absent = [one for one in named if one not in raw.columns]
    if absent:
        raise SettingsError(
            f'{path} has no column "{absent[0]}": the contract has changed since that run, or the file is damaged',
            hint="make a new run: auditor run",
        )
    return raw


def near(engine: Engine, contract: Contract, found: Found, typed: str) -> str:
    """A key that differs by nothing but blanks, case, Unicode form or leading zeros; empty where nobody has one."""
    if contract.fallbacks or len(contract.key) > 1:
        return ""
    [key] = contract.keys
    wanted = primitives.bare_code(ibis.literal(typed, type=str))
    for side, raw in found.snapshots.items():
        text = raw[source_name(key, side)]
        alike = raw.filter(primitives.bare_code(text) == wanted).select(text=text).distinct()
        if rows := engine.rows(alike.order_by("text").limit(1)):
            return f'did you mean "{printable(rows[0][0])}"?'
    return ""


def usual_shape(engine: Engine, contract: Contract, found: Found) -> str:
    """The most frequent shape of a key, letters as x and digits as 9: how to spell one, and nobody's key."""
    raw = found.snapshots[Side.PLATFORM]
    headers = [column.header for column in contract.keys]
    sample = engine.rows(raw.select(*headers).limit(_SAMPLED_KEYS))
    shapes = Counter(tuple(shape(part or "") for part in row) for row in sample)
    if not shapes:
        return ""
    [(usual, _)] = shapes.most_common(1)
    return usual[0] if len(usual) == 1 else json.dumps(usual, ensure_ascii=False)


def several(keys: Sequence[str]) -> SettingsError:
    """That several profiles have an address or a number, and what their keys are."""
    named = ", ".join(printable(key) for key in keys[:_NAMED_KEYS])
    rest = f" and {len(keys) - _NAMED_KEYS:,} more" if len(keys) > _NAMED_KEYS else ""
    return SettingsError(f"{len(keys):,} profiles have that address or number", hint=f"name one of them: {named}{rest}")


def unknown(
    engine: Engine, contract: Contract, folder: Path, found: Found, say: Words, typed: str, *, by_contact: bool
) -> SettingsError:
    """That nothing is known of a key: how many there are, and what most of them look like."""
    rows = run_folder.read_run(folder).rows
    counts = f"{rows['platform']:,} rows in {say.platform}, {rows['truth']:,} in {say.truth}"
    looks = usual_shape(engine, contract, found)
    also = ", nor that e-mail address or number," if by_contact else ""
    return SettingsError(
        f'no profile has the key "{printable(typed)}"{also} in the run {folder.name} ({counts})',
        hint=near(engine, contract, found, typed)
        or f"the key is {' and '.join(contract.key)}, spelt as either side spells it"
        + (f"; most look like {looks}" if looks else ""),
    )
