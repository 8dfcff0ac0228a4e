"""What a comparison costs beside what cannot be avoided: `make bench`, options in ARGS (`--help` shows them).

Two CSV files of the same contacts, 20 columns wide, are landed as Parquet by DuckDB, and compared by `auditor compare`,
each time by a new process that is measured from outside: seconds from start to end, and the most memory it held. All
are measured in turn, so that whatever else the machine does hits them alike, and the medians are shown.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

KEY = "customer_id"
MOST_TIME = 2.0
"""The aim: at most this many times the landing."""
MOST_MEMORY = 1024
"""The aim, in MiB."""

LANDING = """
import sys, duckdb
duckdb.execute("SET enable_progress_bar = false")
for source in sys.argv[2:]:
    duckdb.execute(f"COPY (FROM read_csv('{source}'{sys.argv[1]})) TO '{source}.parquet'")
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one process."""

    seconds: float
    mebibytes: float
    """The most that was resident at once."""


def measure(command: Sequence[str], output: Path) -> Cost:
    """Run the command to its end, with its stdout in `output`. Raises SystemExit with what it said if it fails.

    A child counts what its parent held at the fork as its own, so this process must stay small: it imports no library.
    """
    with output.open("wb") as out, tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=said)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            said.seek(0)
            raise SystemExit(f"{command[0]} ended with {child.returncode}:\n{said.read().decode(errors='replace')}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(seconds, usage.ru_maxrss * unit / 2**20)


def main() -> None:
    """Make the files, measure, print the table."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="of each file (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=5, help="how often each is measured (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the contacts (default: %(default)s)")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="auditor-bench-") as name:
        folder = Path(name)
        contacts = Path(__file__).with_name("contacts.py")
        subprocess.run([sys.executable, contacts, folder, str(options.rows), str(options.seed)], check=True)
        files = [str(folder / "first.csv"), str(folder / "second.csv")]
        size = sum(Path(file).stat().st_size for file in files) / 2**20
        print(f"two files of {options.rows:,} rows and 20 columns, together {size:,.0f} MiB; {os.cpu_count()} cores")

        results = folder / "results"
        compare = [sys.executable, "-m", "auditor", "compare", *files, "--key", KEY, "--out", str(results), "--json"]
        commands = {
            "landing, types found": [sys.executable, "-c", LANDING, "", *files],
            "landing, all text": [sys.executable, "-c", LANDING, ", all_varchar = true", *files],
            "auditor compare": compare,
        }
        costs: dict[str, list[Cost]] = {title: [] for title in commands}
        for done in range(options.repeat):
            for title, command in commands.items():
                shutil.rmtree(results, ignore_errors=True)
                costs[title].append(measure(command, folder / "printed"))
            print(f"  measured {done + 1} of {options.repeat}", file=sys.stderr)
        found = json.loads((folder / "printed").read_text("utf-8"))
    show(costs, MOST_TIME, MOST_MEMORY)
    print(f"found: {', '.join(f'{number:,} {status}' for status, number in found['profiles'].items() if number)}")


def show(costs: dict[str, list[Cost]], most_time: float, most_memory: int | None = None) -> None:
    """The medians, beside those of the first, and the aims, in at most 80 columns."""
    print(f"\n{'median':<22}{'seconds':>9}{'from':>8}{'to':>8}{'ratio':>8}{'peak MiB':>11}")
    first = median(cost.seconds for cost in next(iter(costs.values())))
    for title, measured in costs.items():
        seconds = [cost.seconds for cost in measured]
        peak = max(cost.mebibytes for cost in measured)
        print(
            f"{title:<22}{median(seconds):>9.2f}{min(seconds):>8.2f}{max(seconds):>8.2f}"
            f"{median(seconds) / first:>8.2f}{peak:>11,.0f}"
        )
    memory = "" if most_memory is None else f"{most_memory:,}"
    print(f"{'the aim':<22}{'':>9}{'':>8}{'':>8}{most_time:>8.2f}{memory:>11}\n")


if __name__ == "__main__":
    main()
