"""What a comparison costs beside what cannot be avoided: `make bench`, options in ARGS (`--help` shows them).

Two files of the same contacts are compared by `auditor compare`, read by DuckDB, compared by one DuckDB statement that
normalises, explains and checks nothing (the yardstick), and compared by other tools. Each time it is a new process,
measured from outside: seconds from start to end, and the most memory it held. All are measured in turn, so that
whatever else the machine does hits them alike, and the medians are shown. Counts are held against the yardstick's.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import median

from measure import Cost, measure
from peers import PEERS, Peer, installed

KEY = "customer_id"
HERE = Path(__file__).parent
CACHE = HERE.parent / ".cache" / "bench"

READING = """
import sys, duckdb
duckdb.execute("SET enable_progress_bar = false")
for path in sys.argv[1:]:
    reading = f"read_csv('{path}', all_varchar = true)" if path.endswith(".csv") else f"read_parquet('{path}')"
    duckdb.execute(f"SELECT bit_xor(hash(COLUMNS(*))) FROM {reading}").fetchall()
"""

AUDITOR, YARDSTICK, READ = "auditor compare", "the yardstick", "DuckDB reading"
PLAIN_ROWS = 1_000_000
"""Of the cases that are held against the usual one."""
WIDE_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class Round:
    """Two files, and what is run on them."""

    case: str
    rows: int
    format: str
    peers: bool = False

    @property
    def title(self) -> str:
        return f"{self.case}, {self.rows:,} rows, {self.format}"


def rounds(sizes: Sequence[int], formats: Sequence[str], cases: Sequence[str], *, peers: bool) -> Iterator[Round]:
    """What is measured, in order."""
    for rows in sizes if "usual" in cases else ():
        for format in formats:  # noqa: A001
            yield Round("usual", rows, format, peers)
    if "wide" in cases:
        yield Round("wide", WIDE_ROWS, "parquet", peers)
    for case in ("different", "disjoint", "one-key"):
        if case in cases:
            yield Round(case, PLAIN_ROWS, "parquet")


def main() -> None:
    """Make the files, measure, print the tables."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", default="1000000,5000000,10000000", help="sizes (default: %(default)s)")
    parser.add_argument("--formats", default="parquet,csv", help="(default: %(default)s)")
    parser.add_argument("--cases", default="usual,wide,different,disjoint,one-key", help="(default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=3, help="how often each is measured (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the contacts (default: %(default)s)")
    parser.add_argument("--no-peers", action="store_true", help="leave the other tools out")
    parser.add_argument("--save", type=Path, help="write the numbers as JSON, for bench/plot.py")
    asked, _ = parser.parse_known_args()

    sizes = [int(size) for size in asked.rows.split(",")]
    saved = []
    print(f"{os.cpu_count()} cores; medians of {asked.repeat}")
    asked_rounds = rounds(sizes, asked.formats.split(","), asked.cases.split(","), peers=not asked.no_peers)
    for (case, rows), same_files in groupby(asked_rounds, lambda one: (one.case, one.rows)):
        with tempfile.TemporaryDirectory(prefix="auditor-bench-") as name:
            made = [name, str(rows), str(asked.seed), case, "--parquet"]
            subprocess.run([sys.executable, str(HERE / "contacts.py"), *made], check=True)
            for one in same_files:
                costs = run(one, Path(name), asked.repeat)
                show(one, costs)
                saved.append({"case": case, "rows": rows, "format": one.format, "costs": summary(costs)})
                if asked.save:
                    asked.save.write_text(json.dumps(saved, indent=1) + "\n", "utf-8")


def run(one: Round, folder: Path, repeat: int) -> dict[str, list[Cost]]:
    """Every tool on the files of a round, which are in the folder, in turn, `repeat` times."""
    first, second = (str(folder / f"{name}.{one.format}") for name in ("first", "second"))
    results = folder / "results"
    commands = {
        READ: [sys.executable, "-c", READING, first, second],
        YARDSTICK: [sys.executable, str(HERE / "yardstick.py"), first, second, KEY, str(folder / "yardstick.parquet")],
        AUDITOR: [
            sys.executable, "-m", "auditor", "compare", first, second, "--key", KEY, "--out", str(results), "--json",
        ],
    }  # fmt: skip
    if one.case == "one-key":  # 400,000,000 pairs
        del commands[YARDSTICK]
    there: Mapping[str, Peer] = {peer.name: peer for peer in PEERS if one.peers and one.format in peer.formats}
    for name, peer in there.items():
        place = installed(peer, CACHE)
        if place is None:
            print(f"  {name} does not install here", file=sys.stderr)
            continue
        commands[name] = peer.command(place, first, second, KEY, results)
    costs: dict[str, list[Cost]] = {title: [] for title in commands}
    for done in range(repeat):
        for title in list(costs):
            command = commands[title]
            shutil.rmtree(results, ignore_errors=True)
            if title in there:
                results.mkdir()
            try:
                cost = measure(command, folder / f"{title}.printed", fine=(0, 1) if title in there else (0,))
            except SystemExit as failed:
                if title not in there:
                    raise
                print(f"  {title} fails: {str(failed).strip().splitlines()[-1][:200]}", file=sys.stderr)
                del costs[title]
                continue
            costs[title].append(cost)
        print(f"  {one.title}: measured {done + 1} of {repeat}", file=sys.stderr)
    if YARDSTICK in commands:
        agree(folder)
    return costs


def agree(folder: Path) -> None:
    """Stop unless the auditor and the yardstick count the same keys."""
    found = json.loads((folder / f"{AUDITOR}.printed").read_text("utf-8"))["profiles"]
    counted = [found["orphan"], found["missing"], found["stale"] + found["conflicting"]]
    wanted = [int(number) for number in (folder / f"{YARDSTICK}.printed").read_text("utf-8").split()]
    if counted != wanted:
        raise SystemExit(f"the auditor counts {counted}, the yardstick {wanted}")


def summary(costs: Mapping[str, Sequence[Cost]]) -> dict[str, dict[str, float]]:
    """Title → median seconds and greatest memory, in MiB."""
    return {
        title: {
            "seconds": round(median(cost.seconds for cost in measured), 3),
            "peak": round(max(cost.mebibytes for cost in measured), 1),
        }
        for title, measured in costs.items()
    }


def show(one: Round, costs: Mapping[str, Sequence[Cost]]) -> None:
    """The medians in at most 80 columns; ratios are to the yardstick."""
    print(f"\n{one.title}\n{'':<22}{'seconds':>9}{'from':>8}{'to':>8}{'ratio':>8}{'peak MiB':>11}")
    yardstick = median(cost.seconds for cost in costs[YARDSTICK]) if YARDSTICK in costs else None
    for title, measured in costs.items():
        seconds = [cost.seconds for cost in measured]
        ratio = f"{median(seconds) / yardstick:.2f}" if yardstick else ""
        peak = max(cost.mebibytes for cost in measured)
        print(f"{title:<22}{median(seconds):>9.2f}{min(seconds):>8.2f}{max(seconds):>8.2f}{ratio:>8}{peak:>11,.0f}")


if __name__ == "__main__":
    main()
