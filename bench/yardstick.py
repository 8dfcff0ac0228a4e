"""The least that a comparison costs in DuckDB: `python yardstick.py FIRST SECOND KEY TARGET [NAMES | --phases]`.

As one statement, a full outer join by the key, every other column compared with IS DISTINCT FROM, and of what differs
or is on one side alone the names of the changed columns and both rows, written as Parquet. Nothing is normalised,
explained or checked. NAMES is a JSON object that names, for each column of the first file to be compared, that of the
second; without it all are compared, and have one name.

In two `--phases` keys are joined with a hash of their rows, and then only rows whose hashes differ are fetched: the
fastest way known here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

import duckdb


def quote(name: str) -> str:
    """A name as a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def reading(path: str) -> str:
    """The file as DuckDB reads it; a CSV file as text, for to guess types is another task."""
    return f"read_csv('{path}', all_varchar = true)" if path.endswith(".csv") else f"read_parquet('{path}')"


def names_of(con: duckdb.DuckDBPyConnection, first: str) -> dict[str, str]:
    """Every column of the file, by the same name."""
    return {row[0]: row[0] for row in con.execute(f"DESCRIBE FROM {reading(first)}").fetchall()}


def statement(first: str, second: str, key: str, target: str, names: Mapping[str, str]) -> str:
    """The one statement."""
    pairs = {a: f"p.{quote(a)} IS DISTINCT FROM t.{quote(b)}" for a, b in names.items() if a != key}
    named = ", ".join(f"CASE WHEN {differs} THEN '{name}' END" for name, differs in pairs.items())
    ours, theirs = f"p.{quote(key)}", f"t.{quote(names[key])}"
    return f"""
        COPY (
            SELECT coalesce({ours}, {theirs}) AS key,
                list_filter([{named}], lambda name: name IS NOT NULL) AS changed, p, t
            FROM {reading(first)} AS p FULL OUTER JOIN {reading(second)} AS t ON {ours} = {theirs}
            WHERE {ours} IS NULL OR {theirs} IS NULL OR {" OR ".join(pairs.values())}
        ) TO '{target}' (FORMAT parquet)
    """


def in_phases(con: duckdb.DuckDBPyConnection, first: str, second: str, key: str, target: str) -> None:
    """The same rows in two statements; two rows with one hash count as equal."""
    names = names_of(con, first)
    rows = [f"SELECT {quote(key)} AS k, hash({', '.join(map(quote, names))}) AS h FROM {reading(path)}"
            for path in (first, second)]  # fmt: skip
    con.execute(f"""
        CREATE TEMP TABLE apart AS SELECT coalesce(p.k, t.k) AS k FROM ({rows[0]}) AS p FULL OUTER JOIN ({rows[1]}) AS t
        ON p.k = t.k WHERE p.h IS DISTINCT FROM t.h
    """)
    differs = [f"CASE WHEN p.{quote(name)} IS DISTINCT FROM t.{quote(name)} THEN '{name}' END"
               for name in names if name != key]  # fmt: skip
    wanted = [f"(FROM {reading(path)} SEMI JOIN apart ON {quote(key)} = k)" for path in (first, second)]
    con.execute(f"""
        COPY (
            SELECT coalesce(p.{quote(key)}, t.{quote(key)}) AS key,
                list_filter([{", ".join(differs)}], lambda name: name IS NOT NULL) AS changed, p, t
            FROM {wanted[0]} AS p FULL OUTER JOIN {wanted[1]} AS t ON p.{quote(key)} = t.{quote(key)}
        ) TO '{target}' (FORMAT parquet)
    """)


def main() -> None:
    """Run it, and print how many keys are in the first alone, in the second alone, and differ."""
    first, second, key, target, *said = sys.argv[1:]
    con = duckdb.connect()
    con.execute("SET enable_progress_bar = false")
    con.execute("SET preserve_insertion_order = false")
    phases = said == ["--phases"]
    names: dict[str, str] = json.loads(said[0]) if said and not phases else names_of(con, first)
    if phases:
        in_phases(con, first, second, key, target)
    else:
        con.execute(statement(first, second, key, target, names))
    ours, theirs = f"p.{quote(key)}", f"t.{quote(names[key])}"
    conditions = (f"{theirs} IS NULL", f"{ours} IS NULL", f"{ours} = {theirs}")
    counted = ", ".join(f"count(*) FILTER ({condition})" for condition in conditions)
    print(*con.execute(f"SELECT {counted} FROM read_parquet('{target}')").fetchall()[0])


if __name__ == "__main__":
    main()
