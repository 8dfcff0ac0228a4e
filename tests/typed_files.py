"""Typed tables as files of every form, and what a comparison of them must say, from the values themselves."""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from tests.table_strategies import TYPED_KEY, TYPES, TypedRow


def expected(platform: Sequence[TypedRow], truth: Sequence[TypedRow]) -> tuple[dict[str, int], set[tuple[str, str]]]:
    """The same of the values themselves."""
    sides = []
    for rows in (platform, truth):
        by_key: dict[tuple[Any, ...], list[TypedRow]] = {}
        for row in rows:
            by_key.setdefault(tuple(row[name] for name in TYPED_KEY), []).append(row)
        sides.append({key: found for key, found in by_key.items() if None not in key})
    counts: Counter[str] = Counter()
    cells: set[tuple[str, str]] = set()
    for key in sides[0].keys() | sides[1].keys():
        here, there = (side.get(key, []) for side in sides)
        if len(here) > 1 or len(there) > 1:
            counts["duplicate"] += 1
        elif not here or not there:
            counts["orphan" if here else "missing"] += 1
        else:
            shown = json.dumps([key[0], str(key[1])], ensure_ascii=False, separators=(",", ":"))
            differing = {(shown, name) for name in TYPES if not same(here[0][name], there[0][name])}
            counts["conflicting" if differing else "equal"] += 1
            cells |= differing
    return dict(counts), cells


def same(one: Any, other: Any) -> bool:
    """Empty is empty, whatever the type; a member has no place; a float is itself but for noise, of which whole numbers
    have none; NaN is NaN.
    """
    one, other = (None if value in ("", ()) else value for value in (one, other))
    if isinstance(one, tuple) and isinstance(other, tuple):
        return set(one) == set(other)
    if isinstance(one, float) and isinstance(other, float):
        whole = one.is_integer() and other.is_integer()
        near = not whole and math.isclose(one, other, rel_tol=1e-12)
        return one == other or (math.isnan(one) and math.isnan(other)) or near
    return bool(one == other)


def frame_of(rows: Sequence[TypedRow]) -> pl.DataFrame:
    schema = {"code": pl.String(), "number": pl.Int64(), **{name: kind for name, (kind, _) in TYPES.items()}}
    return pl.DataFrame({name: pl.Series([row[name] for row in rows], dtype=kind) for name, kind in schema.items()})


def whole(folder: Path, name: str, rows: Sequence[TypedRow]) -> Path:
    frame_of(rows).write_parquet(folder / f"{name}.parquet")
    return folder / f"{name}.parquet"


def groups(folder: Path, name: str, rows: Sequence[TypedRow]) -> Path:
    frame_of(rows).write_parquet(folder / f"{name}.parquet", row_group_size=2)
    return folder / f"{name}.parquet"


def pieces(folder: Path, name: str, rows: Sequence[TypedRow]) -> Path:
    """A folder of files of two rows, two by two in folders of their own."""
    for number in range(0, len(rows), 2):
        part = folder / name / f"part={number // 4}"
        part.mkdir(parents=True, exist_ok=True)
        frame_of(rows[number : number + 2]).write_parquet(part / f"{number}.parquet")
    return folder / name


def texts(folder: Path, name: str, rows: Sequence[TypedRow]) -> Path:
    """As Python spells the values."""

    def spelt(value: Any) -> str:
        if value is None:
            return ""
        return ",".join(value) if isinstance(value, tuple) else str(value)

    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(rows[0])
        writer.writerows([spelt(value) for value in row.values()] for row in rows)
    return folder / f"{name}.csv"


FORMS: Mapping[str, Callable[[Path, str, Sequence[TypedRow]], Path]] = {
    "whole": whole,
    "groups": groups,
    "folder": pieces,
    "texts": texts,
}
