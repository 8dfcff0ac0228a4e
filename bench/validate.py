"""What validating a side costs beside merely counting: part of `make bench`; options in ARGS.

Sixty expectations, three for each of 20 columns of contacts, are counted by one hand-written pass of DuckDB, judged by
the validate stage, which stores every failing row, and with --pandas by Great Expectations on pandas. Each is a new
process, measured in turn, and the medians are shown. What importing Great Expectations takes stands apart: a run
imports it while it pulls. At the end, one rule that half of the rows break, beside writing as many rows.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from measure import Cost, first_size, measure, show

MOST_TIME = 6.0
"""The aim: at most this many times the counting, Great Expectations' import taken off."""
MOST_MEMORY = 1024
"""The aim, in MiB."""

PREPARE = """
import sys, duckdb
con = duckdb.connect()
con.execute("SET preserve_insertion_order = true")
con.execute(f'''COPY (SELECT row_number() OVER () AS "auditor:row", customer_id AS "auditor:key", *
    FROM read_csv('{sys.argv[1]}', all_varchar = true)) TO '{sys.argv[2]}' (FORMAT parquet)''')
"""

RULES = """
import duckdb, sys
def columns(path):
    names = duckdb.sql(f"SELECT * FROM read_parquet('{path}') LIMIT 0").columns
    return [name for name in names if not name.startswith("auditor:")][:20]
def rules(path):
    for name in columns(path):
        yield "expect_column_values_to_not_be_null", dict(column=name)
        yield "expect_column_value_lengths_to_be_between", dict(column=name, max_value=24)
        yield "expect_column_values_to_match_regex", dict(column=name, regex="^[^@]*(@example|@mail)?[^@]*$")
"""

COUNT = (
    RULES
    + r"""
path = sys.argv[1]
duckdb.execute("SET enable_progress_bar = false")
parts = []
for name in columns(path):
    cell = '"' + name + '"'
    parts += [f"count(*) FILTER ({cell} IS NULL)", f"count(*) FILTER (length({cell}) > 24)",
              f"count(*) FILTER (NOT regexp_matches({cell}, '^[^@]*(@example|@mail)?[^@]*$'))"]
print(sum(duckdb.execute(f"SELECT {', '.join(parts)} FROM read_parquet('{path}')").fetchone()))
"""
)

IMPORT = "from auditor.validate import preload; preload()"

JUDGE = (
    RULES
    + """
from pathlib import Path
from auditor.engine import Engine
from auditor.model import Side
from auditor.validate import validate
from auditor.validate.suite import Expectation, Suite
path = Path(sys.argv[1])
engine = Engine(memory_limit="700MB", temp=path.parent / "spill", folders=[path.parent])
engine.view("rows_", path)
engine.con.execute("CREATE TEMP TABLE side AS SELECT * EXCLUDE file_row_number FROM rows_")
suite = Suite("bench", tuple(Expectation(kind, kwargs) for kind, kwargs in rules(path)))
result = validate(engine, Side.TRUTH, "side", suite)
assert not result.not_evaluated, result.not_evaluated
engine.con.execute("COPY violations TO '" + str(path.parent / "violations.parquet") + "' (FORMAT parquet)")
print(result.violations)
"""
)

PANDAS = (
    RULES
    + """
import os
os.environ["GX_ANALYTICS_ENABLED"] = "false"
sys.modules["pyspark"] = None  # where it is installed for tests, importing it would be measured too
import great_expectations as gx, pandas
from great_expectations.data_context.types.base import ProgressBarsConfig
context = gx.get_context(mode="ephemeral")
context.variables.progress_bars = ProgressBarsConfig(globally=False)
batch = context.data_sources.add_pandas("p").add_dataframe_asset("a").add_batch_definition_whole_dataframe("b")
suite = gx.ExpectationSuite(name="s", expectations=[dict(type=t, kwargs=k) for t, k in rules(sys.argv[1])])
frame = pandas.read_parquet(sys.argv[1])
result = batch.get_batch(batch_parameters={"dataframe": frame}).validate(suite, result_format={
    "result_format": "COMPLETE", "unexpected_index_column_names": ["auditor:key"]})
print(sum(one.result["unexpected_count"] for one in result.results))
"""
)

HALF = """
import sys, time
from pathlib import Path
from auditor.engine import Engine
from auditor.model import Side
from auditor.validate import preload, validate
from auditor.validate.suite import Expectation, Suite
path = Path(sys.argv[1])
engine = Engine(memory_limit="700MB", temp=path.parent / "spill", folders=[path.parent])
engine.view("rows_", path)
engine.con.execute('''CREATE TEMP TABLE side AS
    SELECT * EXCLUDE file_row_number, ("auditor:row" % 2)::VARCHAR AS half FROM rows_''')
preload()
started = time.perf_counter()
one = Expectation("expect_column_values_to_be_in_set", {"column": "half", "value_set": ["1"]}, {"sentence": "1"})
found = validate(engine, Side.TRUTH, "side", Suite("bench", (one,)))
judged = time.perf_counter()
engine.con.execute('''CREATE TEMP TABLE again AS SELECT 'truth' AS side, "auditor:key", 'half' AS "column", half,
    'be_in_set' AS rule, '1' AS detail, 'error' AS severity FROM side WHERE half <> '1' ''')
print(found.violations, f"{judged - started:.2f}", f"{time.perf_counter() - judged:.2f}")
"""


def main() -> None:
    """Make the file, measure, print."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=first_size, default=1_000_000, help="of a list the first (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=3, help="how often each is measured (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the contacts (default: %(default)s)")
    parser.add_argument("--pandas", action="store_true", help="measure Great Expectations on pandas too: it takes long")
    options, _ = parser.parse_known_args()

    with tempfile.TemporaryDirectory(prefix="auditor-bench-") as name:
        folder = Path(name)
        contacts = Path(__file__).with_name("contacts.py")
        subprocess.run([sys.executable, contacts, folder, str(options.rows), str(options.seed)], check=True)
        side = folder / "side.parquet"
        subprocess.run([sys.executable, "-c", PREPARE, str(folder / "first.csv"), str(side)], check=True)
        print(f"60 expectations over {options.rows:,} rows and 20 columns; {os.cpu_count()} cores")
        programs = {"counted by DuckDB": COUNT, "GX's import": IMPORT, "validate: judged": JUDGE}
        programs |= {"GX on pandas": PANDAS} if options.pandas else {}
        costs: dict[str, list[Cost]] = {title: [] for title in programs}
        said = {}
        for done in range(options.repeat):
            for title, program in programs.items():
                costs[title].append(measure([sys.executable, "-c", program, str(side)], folder / "printed"))
                said[title] = (folder / "printed").read_text("utf-8").strip()
            print(f"  measured {done + 1} of {options.repeat}", file=sys.stderr)
        if len({text for title, text in said.items() if title != "GX's import"}) != 1:
            raise SystemExit(f"they do not agree: {said}")
        show(costs, most_time=MOST_TIME, most_memory=MOST_MEMORY)
        middle = {title: median(cost.seconds for cost in measured) for title, measured in costs.items()}
        alone = middle["validate: judged"] - middle["GX's import"]
        print(f"without GX's import: {alone:.2f} s, {alone / middle['counted by DuckDB']:.2f} times the counting")
        print(f"failing rows: {said['counted by DuckDB']}, all of them stored by validate")
        measure([sys.executable, "-c", HALF, str(side)], folder / "printed")
        failing, judged, written = (folder / "printed").read_text("utf-8").split()
        print(f"{int(failing):,} failing rows of one rule: {judged} s, written by DuckDB alone in {written} s")


if __name__ == "__main__":
    main()
