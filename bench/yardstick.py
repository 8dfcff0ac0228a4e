"""The least that a comparison costs, as one DuckDB statement: `python yardstick.py FIRST SECOND KEY TARGET`.

A full outer join by the key, every other column compared with IS DISTINCT FROM, and of what differs or is on one side
alone the names of the changed columns and both rows, written as Parquet. Nothing is normalised, explained or checked.
"""

from __future__ import annotations

import sys

import duckdb


def quote(name: str) -> str:
    """A name as a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def reading(path: str) -> str:
    """The file as DuckDB reads it; a CSV file as text, for to guess types is another task."""
    return f"read_csv('{path}', all_varchar = true)" if path.endswith(".csv") else f"read_parquet('{path}')"


def statement(con: duckdb.DuckDBPyConnection, first: str, second: str, key: str, target: str) -> str:
    """The one statement."""
    described = con.execute(f"DESCRIBE FROM {reading(first)}").fetchall()
    pairs = {row[0]: f"p.{quote(row[0])} IS DISTINCT FROM t.{quote(row[0])}" for row in described if row[0] != key}
    named = ", ".join(f"CASE WHEN {differs} THEN '{name}' END" for name, differs in pairs.items())
    ours, theirs = f"p.{quote(key)}", f"t.{quote(key)}"
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
    first, second, key, target = sys.argv[1:]
    con = duckdb.connect()
    con.execute("SET enable_progress_bar = false")
    con.execute("SET preserve_insertion_order = false")
    con.execute(statement(con, first, second, key, target))
    ours, theirs = f"p.{quote(key)}", f"t.{quote(key)}"
    conditions = (f"{theirs} IS NULL", f"{ours} IS NULL", f"{ours} = {theirs}")
    counted = ", ".join(f"count(*) FILTER ({condition})" for condition in conditions)
    print(*con.execute(f"SELECT {counted} FROM read_parquet('{target}')").fetchall()[0])


if __name__ == "__main__":
    main()
