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
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import duckdb

from auditor.engine.duckdb import DuckDB, literal, quote
from auditor.engine.protocol import INCLUDED, ROW_NUMBER, STORED
from auditor.errors import InputUnusable
from auditor.files.given import printable

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from duckdb.sqltypes import DuckDBPyType

_MOST_DIGITS: Final = 38


def names(engine: DuckDB, path: Path) -> list[str]:
    """The names of the top-level columns exactly as stored. Raises InputUnusable for a damaged file."""
    try:
        # Not a bound value: for those DuckDB imports pandas.
        rows = engine.execute(f"SELECT name, num_children FROM parquet_schema({literal(path)})")
    except duckdb.Error:
        raise damaged(path) from None
    found: list[str] = []
    place = 1  # the first row is the file itself
    while place < len(rows):
        found.append(str(rows[place][0]))
        place = _after(rows, place)
    return found


def as_texts(engine: DuckDB, path: Path, kept: Sequence[tuple[int, str]]) -> str:
    """A query that gives the columns at the given places, as text, under the given names."""
    _require_read(engine, path, kept)
    reading = f"read_parquet({literal(path)})"
    return f"SELECT {texts(*engine.shape(reading), kept)} FROM {reading}"


def lay(
    engine: DuckDB,
    path: Path,
    kept: Sequence[tuple[int, str]],
    name: str,
    alike: Mapping[str, str],
    condition: str | None,
) -> tuple[ir.Table, int]:
    """Define a table over the file as it lies, with what a landing would have; gives the number of its rows as well.

    Beside the texts of the columns at the given places, under the given names, it has the stored cells of those that
    `alike` names, in the types it names, and whether the row fits the condition. Raises one of the engine's refusals
    for a condition that is none.
    """
    _require_read(engine, path, kept)
    reading = f"read_parquet({literal(path)}, {ROW_NUMBER} = true)"
    columns_there, types_there = engine.shape(reading)
    stored = {name: columns_there[place] for place, name in kept}
    kinds = {name: types_there[place] for place, name in kept}
    fits = engine.fitting(condition, reading)
    columns = ", ".join(map(quote, dict.fromkeys(stored.values())))
    source = f'(SELECT {columns}, {ROW_NUMBER}, {fits} AS "{INCLUDED}" FROM {reading})'
    spelt: dict[str, tuple[str, Callable[[str], str]]] = {
        own: (column, partial(_text, kind=kinds[own])) for own, column in stored.items()
    }
    spelt |= {STORED + own: (stored[own], f"{{}}::{kind}".format) for own, kind in alike.items()}
    laid = engine.lay_over(source, spelt, name)
    [(rows,)] = engine.execute(f"SELECT num_rows FROM parquet_file_metadata({literal(path)})")
    return laid, int(rows)


def require_whole(path: Path) -> None:
    """Raise InputUnusable unless every cell of the file can be read."""
    # By an engine of its own: some damage is such that the connection that met it is lost.
    with closing(DuckDB(folders=[path.parent])) as engine:
        try:
            columns, _ = engine.shape(f"read_parquet({literal(path)})")
            read = ", ".join(f"max(length({quote(name)}::VARCHAR))" for name in columns)
            engine.execute(f"SELECT {read} FROM read_parquet({literal(path)})")
        except duckdb.Error:
            raise damaged(path) from None


def types(engine: DuckDB, path: Path) -> dict[str, str]:
    """Column → DuckDB's type. Raises InputUnusable for a damaged file."""
    own = names(engine, path)
    try:
        _, kinds = engine.shape(f"read_parquet({literal(path)})")
    except duckdb.Error:
        raise damaged(path) from None
    return dict(zip(own, map(str, kinds), strict=True))


def never_empty(engine: DuckDB, path: Path) -> set[str]:
    """The columns of which the file itself says that they hold no empty text: their least text is another."""
    empty = "stats_min_value IS NULL AND stats_null_count IS DISTINCT FROM num_values OR stats_min_value = ''"
    query = f"SELECT path_in_schema FROM parquet_metadata({literal(path)}) GROUP BY 1 HAVING NOT bool_or({empty})"
    return {name for (name,) in engine.execute(query)}


def texts(columns: Sequence[str], kinds: Sequence[DuckDBPyType], kept: Sequence[tuple[int, str]]) -> str:
    """What to select of a source to have the columns at the given places, as text, under the given names."""
    # Addressed by DuckDB's own name for the place: it renames what differs in case only.
    return ", ".join(f"{_text(quote(columns[place]), kinds[place])} AS {quote(name)}" for place, name in kept)


def damaged(path: Path) -> InputUnusable:
    return InputUnusable(
        f"the Parquet file {printable(path)} is cut off or damaged", hint="export or transfer it again"
    )


def _require_read(engine: DuckDB, path: Path, kept: Sequence[tuple[int, str]]) -> None:
    """Raise InputUnusable for decimals of more digits than DuckDB has room for: it makes other numbers of them."""
    query = f"SELECT name, precision FROM parquet_schema({literal(path)}) WHERE precision > {_MOST_DIGITS}"
    named, unused = {name for _, name in kept}, set(names(engine, path))
    for name, digits in engine.execute(query):
        if name in named or name not in unused:
            raise InputUnusable(
                f'the column "{printable(name)}" of {printable(path)} has decimals of {digits} digits, '
                f"of which {_MOST_DIGITS} can be read",
                hint="write it as text",
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
        return value if str(kind) == "VARCHAR" else f"{value}::VARCHAR"  # DuckDB reads JSON as a kind of its own
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
