"""The least that a comparison costs, as one DuckDB statement: `python yardstick.py FIRST SECOND KEY TARGET [NAMES]`.

A full outer join by the key, every other column compared with IS DISTINCT FROM, and of what differs or is on one side
alone the names of the changed columns and both rows, written as Parquet. Nothing is normalised, explained or checked.
NAMES is a JSON object that names, for each column of the first file to be compared, that of the second; without it all
are compared, and have one name.
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


def main() -> None:
    """Run it, and print how many keys are in the first alone, in the second alone, and differ."""
    first, second, key, target, *said = sys.argv[1:]
    con = duckdb.connect()
    con.execute("SET enable_progress_bar = false")
    con.execute("SET preserve_insertion_order = false")
    names: dict[str, str] = json.loads(said[0]) if said else names_of(con, first)
    con.execute(statement(first, second, key, target, names))
    ours, theirs = f"p.{quote(key)}", f"t.{quote(names[key])}"
    conditions = (f"{theirs} IS NULL", f"{ours} IS NULL", f"{ours} = {theirs}")
    counted = ", ".join(f"count(*) FILTER ({condition})" for condition in conditions)
    print(*con.execute(f"SELECT {counted} FROM read_parquet('{target}')").fetchall()[0])


if __name__ == "__main__":
    main()
