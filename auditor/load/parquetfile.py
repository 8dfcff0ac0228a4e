"""Parquet inputs as text: typed columns are spelt by one rule, and nothing is lost.

| type | text |
|---|---|
| date | `YYYY-MM-DD` |
| timestamp | `YYYY-MM-DD HH:MM:SS`, with six (or nine) decimals where there are any |
| timestamp with zone | the same in UTC, with `Z` |
| boolean | `true`, `false` |
| decimal, integer | plain digits, the scale kept |
| float | the shortest text that reads back as the same number |
| list | its members joined with `,`; a member that holds a comma or a quote is quoted as in CSV |
| binary | its UTF-8 text, else `\\x` and hexadecimal digits |
| struct, map | JSON |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from auditor.engine.duckdb import INCLUDED, STORED, Engine, literal, quote, translated
from auditor.errors import InputUnusable
from auditor.files.whole import printable

if TYPE_CHECKING:
    from duckdb import DuckDBPyRelation
    from duckdb.sqltypes import DuckDBPyType


def names(engine: Engine, path: Path) -> list[str]:
    """The names of the top-level columns exactly as stored. Raises InputUnusable for a damaged file."""
    try:
        with translated():
            # Not a bound value: for those DuckDB imports pandas.
            rows = engine.con.execute(f"SELECT name, num_children FROM parquet_schema({literal(path)})").fetchall()
    except duckdb.Error:
        raise damaged(path) from None
    found: list[str] = []
    place = 1  # the first row is the file itself
    while place < len(rows):
        found.append(str(rows[place][0]))
        place = _after(rows, place)
    return found


def as_texts(engine: Engine, path: Path, kept: Sequence[tuple[int, str]]) -> str:
    """A query that gives the columns at the given places, as text, under the given names."""
    reading = f"read_parquet({literal(path)})"
    return f"SELECT {texts(engine.con.sql(f'SELECT * FROM {reading}'), kept)} FROM {reading}"


def lay(
    engine: Engine,
    path: Path,
    kept: Sequence[tuple[int, str]],
    view: str,
    alike: Mapping[str, str],
    condition: str | None,
) -> int:
    """Make `view` over the file as it lies, with what a landing would have, and give the number of its rows.

    Beside the texts of the columns at the given places, under the given names, it has the stored cells of those that
    `alike` names, in the types it names, and whether the row fits the condition. Raises duckdb.Error for a condition
    that is none.
    """
    reading = f"read_parquet({literal(path)}, file_row_number = true)"
    described = engine.con.sql(f"SELECT * FROM {reading}")
    stored = {name: described.columns[place] for place, name in kept}
    kinds = {name: described.types[place] for place, name in kept}
    fits = f"COALESCE(({condition}), FALSE)" if condition else "TRUE"
    columns = ", ".join(map(quote, dict.fromkeys(stored.values())))
    source = f'(SELECT {columns}, file_row_number, {fits} AS "{INCLUDED}" FROM {reading})'
    spelt: dict[str, tuple[str, Callable[[str], str]]] = {
        name: (column, partial(_text, kind=kinds[name])) for name, column in stored.items()
    }
    spelt |= {STORED + name: (stored[name], f"{{}}::{kind}".format) for name, kind in alike.items()}
    engine.lay_over(view, source, spelt)
    [(rows,)] = engine.con.execute(f"SELECT num_rows FROM parquet_file_metadata({literal(path)})").fetchall()
    return int(rows)


def require_whole(engine: Engine, path: Path) -> None:
    """Raise InputUnusable unless every cell of the file can be read."""
    described = engine.con.sql(f"SELECT * FROM read_parquet({literal(path)})")
    read = ", ".join(f"count({quote(name)}::VARCHAR)" for name in described.columns)
    try:
        with translated():
            engine.con.execute(f"SELECT {read} FROM read_parquet({literal(path)})")
    except duckdb.Error:
        raise damaged(path) from None


def types(engine: Engine, path: Path) -> dict[str, str]:
    """Column → DuckDB's type."""
    described = engine.con.sql(f"SELECT * FROM read_parquet({literal(path)})")
    return dict(zip(names(engine, path), map(str, described.types), strict=True))


def never_empty(engine: Engine, path: Path) -> set[str]:
    """The columns of which the file itself says that they hold no empty text: their least text is another."""
    empty = "stats_min_value IS NULL AND stats_null_count IS DISTINCT FROM num_values OR stats_min_value = ''"
    query = f"SELECT path_in_schema FROM parquet_metadata({literal(path)}) GROUP BY 1 HAVING NOT bool_or({empty})"
    return {name for (name,) in engine.con.execute(query).fetchall()}


def texts(described: DuckDBPyRelation, kept: Sequence[tuple[int, str]]) -> str:
    """What to select of a relation to have the columns at the given places, as text, under the given names."""
    # Addressed by DuckDB's own name for the place: it renames what differs in case only.
    return ", ".join(
        f"{_text(quote(described.columns[place]), described.types[place])} AS {quote(name)}" for place, name in kept
    )


def damaged(path: Path) -> InputUnusable:
    return InputUnusable(
        f"the Parquet file {printable(path)} is cut off or damaged", hint="export or transfer it again"
    )


def _after(rows: Sequence[tuple[object, ...]], place: int) -> int:
    """The row after a column and everything nested in it."""
    children = rows[place][1]
    place += 1
    for _ in range(children if isinstance(children, int) else 0):
        place = _after(rows, place)
    return place


def _text(value: str, kind: DuckDBPyType, depth: int = 0) -> str:
    """SQL for one value of a type as text."""
    name = kind.id
    if name == "varchar":
        return value
    if name in ("timestamp", "timestamp_s", "timestamp_ms", "timestamp with time zone"):
        zone = "Z" if name.endswith("zone") else ""
        plain = f"{value}::TIMESTAMP" if not zone else f"({value} AT TIME ZONE 'UTC')"
        whole = f"date_trunc('second', {plain}) = {plain} OR isinf({plain})"
        decimals = f"strftime({plain}, '%Y-%m-%d %H:%M:%S.%f')"
        return f"(CASE WHEN {whole} THEN {plain}::VARCHAR ELSE {decimals} END || '{zone}')"
    if name == "timestamp_ns":
        whole = f"epoch_ns({value}) % 1000000000 = 0"
        return f"CASE WHEN {whole} THEN {value}::VARCHAR ELSE strftime({value}, '%Y-%m-%d %H:%M:%S.%n') END"
    if name == "blob":
        return f"coalesce(TRY(decode({value})), '\\x' || hex({value}))"
    if name in ("list", "array"):
        member, inner = f"m{depth}", kind.child
        text = _text(member, inner, depth + 1)
        marked = f"""'"' || replace({text}, '"', '""') || '"'"""
        quoted = f"""CASE WHEN regexp_matches({text}, '[,"]') THEN {marked} ELSE {text} END"""
        listed = f"list_transform({value}::{inner}[], lambda {member}: {quoted})"
        return f"CASE WHEN {value} IS NULL THEN NULL ELSE array_to_string({listed}, ',') END"
    if name in ("struct", "map", "union"):
        return f"CASE WHEN {value} IS NULL THEN NULL ELSE to_json({value})::VARCHAR END"
    return f"{value}::VARCHAR"
