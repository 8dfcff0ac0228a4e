"""What landing a file costs beside DuckDB's own COPY of it: part of `make bench`; options in ARGS.

A CSV file of contacts, 20 columns wide, is made Parquet by DuckDB, all text and nothing checked, and by the load stage,
which looks at every byte first and accounts for every line. Both are new processes, measured in turn, and the medians
are shown. Then both sides of an audit, each ten times as large, are landed by one process as a run does it, with an
engine of 2 GB.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import Cost, first_size, measure, show

MOST_TIME = 1.4
"""The aim: at most this many times the COPY."""
MOST_MEMORY = 2560
"""The aim for the large files, in MiB."""

COPY = """
import sys, duckdb
duckdb.execute("SET enable_progress_bar = false")
duckdb.execute(f"COPY (FROM read_csv('{sys.argv[1]}', all_varchar = true)) TO '{sys.argv[2]}/copy' (FORMAT parquet)")
"""

LAND = """
import sys
from pathlib import Path
from auditor.engine.duckdb import DuckDB
from auditor.load import land, looking_ahead
from auditor.load.dialect import UNDECLARED
from auditor.model import Side
folder, *sources = map(Path, sys.argv[1:])
engine = DuckDB(memory_limit="2GB", temp=folder / "spill", folders=[sources[0].parent, folder])
with looking_ahead([(source, UNDECLARED) for source in sources]) as ahead:
    for side, source, looked in zip(Side, sources, ahead):
        landed = land(engine, side, source, folder / f"{side.value}.parquet", looked=looked.result(),
                      progress=lambda done, total, rows: None)
        print(landed.rows, landed.rejected)
"""


def main() -> None:
    """Make the files, measure, print."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--rows", type=first_size, default=1_000_000, help="of the file; of a list the first (default: %(default)s)"
    )
    parser.add_argument("--repeat", type=int, default=5, help="how often each is measured (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the contacts (default: %(default)s)")
    options, _ = parser.parse_known_args()

    with tempfile.TemporaryDirectory(prefix="auditor-bench-") as name:
        folder = Path(name)
        source, target = made(folder / "in", options.rows, options.seed), folder / "out"
        target.mkdir()
        print(f"a file of {options.rows:,} rows and 20 columns, {megabytes(source):,.0f} MiB; {os.cpu_count()} cores")
        commands = {
            "DuckDB's COPY": [sys.executable, "-c", COPY, str(source), str(target)],
            "load: landed": [sys.executable, "-c", LAND, str(target), str(source)],
        }
        costs: dict[str, list[Cost]] = {title: [] for title in commands}
        for done in range(options.repeat):
            for title, command in commands.items():
                costs[title].append(measure(command, folder / "printed"))
            print(f"  measured {done + 1} of {options.repeat}", file=sys.stderr)
        show(costs, most_time=MOST_TIME)
        source = made(folder / "in", 10 * options.rows, options.seed)
        sources = [source, source.with_name("second.csv")]
        cost = measure([sys.executable, "-c", LAND, str(target), *map(str, sources)], folder / "printed")
        for file, said in zip(sources, (folder / "printed").read_text("utf-8").splitlines(), strict=True):
            rows, rejected = map(int, said.split())
            print(f"{rows:,} rows ({rejected} rejected), {megabytes(file):,.0f} MiB")
        print(
            f"both landed by one process with an engine of 2 GB: {cost.seconds:.1f} s, "
            f"{cost.processor:.1f} of processors,\n"
            f"at most {cost.mebibytes:,.0f} MiB (the aim: {MOST_MEMORY:,})"
        )


def made(folder: Path, rows: int, seed: int) -> Path:
    """A file of contacts."""
    folder.mkdir(exist_ok=True)
    contacts = Path(__file__).with_name("contacts.py")
    subprocess.run([sys.executable, contacts, folder, str(rows), str(seed)], check=True)
    return folder / "first.csv"


def megabytes(file: Path) -> float:
    """Of a file, in MiB."""
    return file.stat().st_size / 2**20


if __name__ == "__main__":
    main()
