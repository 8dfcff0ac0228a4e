"""What validating a side costs beside merely counting: part of `make bench`; options in ARGS.

Sixty expectations, three for each of 20 columns of contacts in a Parquet file, are counted by one hand-written pass of
DuckDB, judged by the validate stage, which stores every failing row, and by other tools (bench/validators.py). Each is
a new process, measured in turn, and the medians are shown. What importing Great Expectations takes stands apart: a run
imports it while it pulls. At the end, what half a million failing rows of one rule add, beside writing as many rows.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from measure import Cost, first_size, measure, show
from peers import environment
from validators import GX, LONGEST, PATTERN, POINTBLANK, VALIDATORS

CACHE = Path(__file__).parent.parent / ".cache" / "bench"

MOST_TIME = 6.0
"""The aim: at most this many times the counting, Great Expectations' import taken off."""
MOST_MEMORY = 1024
"""The aim, in MiB."""
LEAST_OF_PANDAS = 5.0
"""The aim: Great Expectations on pandas takes so many times the time and the memory, both without its import."""
LEAST_OF_POINTBLANK = 1.0
"""The aim, of time, Great Expectations' import taken off ours."""

PREPARE = """
import sys, duckdb
con = duckdb.connect()
con.execute("SET enable_progress_bar = false")
con.execute("SET preserve_insertion_order = true")
con.execute(f'''COPY (SELECT row_number() OVER () AS "auditor:row", customer_id AS "auditor:key", *
    FROM read_csv('{sys.argv[1]}', all_varchar = true)) TO '{sys.argv[2]}' (FORMAT parquet)''')
"""

RULES = f"""
import duckdb, sys
PATTERN, LONGEST = {PATTERN!r}, {LONGEST}
def columns(path):
    names = duckdb.sql(f"SELECT * FROM read_parquet('{{path}}') LIMIT 0").columns
    return [name for name in names if not name.startswith("auditor:")][:20]
def rules(path):
    for name in columns(path):
        yield "expect_column_values_to_not_be_null", dict(column=name)
        yield "expect_column_value_lengths_to_be_between", dict(column=name, max_value=LONGEST)
        yield "expect_column_values_to_match_regex", dict(column=name, regex=PATTERN)
"""

COUNT = (
    RULES
    + """
path = sys.argv[1]
duckdb.execute("SET enable_progress_bar = false")
parts = []
for name in columns(path):
    cell = '"' + name + '"'
    parts += [f"count(*) FILTER ({cell} IS NULL)", f"count(*) FILTER (length({cell}) > {LONGEST})",
              f"count(*) FILTER (NOT regexp_matches({cell}, '{PATTERN}'))"]
print(sum(duckdb.execute(f"SELECT {', '.join(parts)} FROM read_parquet('{path}')").fetchone()))
"""
)

IMPORT = "from auditor.validate import preload; preload()"

JUDGE = (
    RULES
    + """
from datetime import date
from pathlib import Path
from auditor.engine.duckdb import DuckDB
from auditor.model import Side
from auditor.validate import validate
from auditor.validate.suite import Expectation, Suite
path = Path(sys.argv[1])
engine = DuckDB(memory_limit="200MB", temp=path.parent / "spill", folders=[path.parent])
side = engine.view(path, "side").drop("file_row_number")
suite = Suite("bench", tuple(Expectation(kind, kwargs) for kind, kwargs in rules(path)))
result = validate(engine, Side.TRUTH, engine.define(side, "side"), suite, today=date(2026, 11, 25))
assert not result.not_evaluated, result.not_evaluated
engine.write(result.found, path.parent / "violations.parquet")
print(result.violations)
"""
)

HALF = """
import sys, time
from datetime import date
from pathlib import Path
from auditor.engine.duckdb import DuckDB, name_of
from auditor.model import Side
from auditor.validate import preload, validate
from auditor.validate.suite import Expectation, Suite
path = Path(sys.argv[1])
engine = DuckDB(memory_limit="500MB", temp=path.parent / "spill", folders=[path.parent])
rows = name_of(engine.view(path, "rows"))
side = engine.keep_sql(
    f'SELECT * EXCLUDE file_row_number, ("auditor:row" % 2)::VARCHAR AS half FROM {rows}', "side"
)
preload()
def judged(*right):
    kwargs = {"column": "half", "value_set": right}
    suite = Suite("bench", (Expectation("expect_column_values_to_be_in_set", kwargs, {"sentence": "1"}),))
    started = time.perf_counter()
    found = validate(engine, Side.TRUTH, side, suite, today=date(2026, 11, 25))
    return found.violations, time.perf_counter() - started
none = min(judged("0", "1")[1] for _ in range(3))
failing, half = min(judged("1") for _ in range(3))
def write():
    started = time.perf_counter()
    engine.keep_sql(f'''SELECT 'truth' AS side, "auditor:key",
        'half' AS "column", half, 'be_in_set' AS rule, '1' AS detail, 'error' AS severity
        FROM {name_of(side)} WHERE half <> '1' ''', "again")
    return time.perf_counter() - started
written = min(write() for _ in range(3))
print(failing, none, half, written)
"""


COUNTED, IMPORTED, JUDGED = "counted by DuckDB", "GX's import", "validate: judged"
OURS = {COUNTED: COUNT, IMPORTED: IMPORT, JUDGED: JUDGE}


def main() -> None:
    """Make the file, measure, print."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=first_size, default=1_000_000, help="of a list the first (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=3, help="how often each is measured (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the contacts (default: %(default)s)")
    parser.add_argument("--no-peers", action="store_true", help="leave the other tools out")
    options, _ = parser.parse_known_args()

    with tempfile.TemporaryDirectory(prefix="auditor-bench-") as name:
        folder = Path(name)
        contacts = Path(__file__).with_name("contacts.py")
        subprocess.run([sys.executable, contacts, folder, str(options.rows), str(options.seed)], check=True)
        side = folder / "side.parquet"
        subprocess.run([sys.executable, "-c", PREPARE, str(folder / "first.csv"), str(side)], check=True)
        print(f"60 expectations over {options.rows:,} rows and 20 columns; {os.cpu_count()} cores")
        commands = {title: [sys.executable, "-c", text, str(side)] for title, text in OURS.items()}
        for one in () if options.no_peers else VALIDATORS:
            place = environment(one.requirements, CACHE)
            if place is None:
                print(f"  {one.name} does not install here", file=sys.stderr)
                continue
            commands[one.name] = [str(place / "python"), "-c", one.program, str(side), str(folder / "failed.parquet")]
        costs: dict[str, list[Cost]] = {title: [] for title in commands}
        said = {}
        for done in range(options.repeat):
            for title, command in commands.items():
                costs[title].append(measure(command, folder / "printed"))
                said[title] = (folder / "printed").read_text("utf-8").strip()
            print(f"  measured {done + 1} of {options.repeat}", file=sys.stderr)
        if len({text for title, text in said.items() if title != IMPORTED}) != 1:
            raise SystemExit(f"they do not agree: {said}")
        show(costs, most_time=MOST_TIME, most_memory=MOST_MEMORY)
        print(f"failing rows: {said[COUNTED]}, all of them stored by all but the counting")
        tell(costs)
        measure([sys.executable, "-c", HALF, str(side)], folder / "printed")
        failing, none, half, written = map(float, (folder / "printed").read_text("utf-8").split())
        print(f"one rule that no row breaks: {none:.2f} s; that {failing:,.0f} break: {half - none:.2f} s more")
        print(f"as many rows written by DuckDB alone: {written:.2f} s")


def tell(costs: Mapping[str, Sequence[Cost]]) -> None:
    """The aims, where importing Great Expectations is taken off whoever imports it."""
    seconds = {title: median(cost.seconds for cost in measured) for title, measured in costs.items()}
    memory = {title: max(cost.mebibytes for cost in measured) for title, measured in costs.items()}
    alone = seconds[JUDGED] - seconds[IMPORTED]
    times = alone / seconds[COUNTED]
    print(f"without GX's import: {alone:.2f} s, {times:.2f} times the counting (aim: at most {MOST_TIME:g})")
    if GX.name in costs:
        times = (seconds[GX.name] - seconds[IMPORTED]) / alone
        held = (memory[GX.name] - memory[IMPORTED]) / (memory[JUDGED] - memory[IMPORTED])
        print(f"{GX.name}, so too: {times:.1f} times the time, {held:.1f} the memory (aims: {LEAST_OF_PANDAS:g})")
    if POINTBLANK.name in costs:
        times = seconds[POINTBLANK.name] / alone
        print(f"{POINTBLANK.name}: {times:.2f} times the time (aim: at least {LEAST_OF_POINTBLANK:g})")


if __name__ == "__main__":
    main()
