"""What a comparison costs beside what cannot be avoided: `make bench`, options in ARGS (`--help` shows them).

Two files of the same contacts are compared by `auditor compare`, read by DuckDB, compared by one DuckDB statement that
normalises, explains and checks nothing (the yardstick), and compared by other tools. Each time it is a new process,
measured from outside: seconds from start to end, seconds of processors, and the most memory it held. All are measured
in turn, so that whatever else the machine does hits them alike, and the medians are shown. Counts are held against the
yardstick's.
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

from matrix import CELLS, MOST, USUAL, Cell
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
SUMMARY, PHASES = "… --summary", "… in two phases"
PLAIN_ROWS = 1_000_000
"""Of the cases that are held against the usual one."""
WIDE_ROWS = 100_000
MATRIX_ROWS = 200_000


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
    parser.add_argument(
        "--cases", default="usual,wide,different,disjoint,one-key,matrix", help="(default: %(default)s)"
    )
    parser.add_argument(
        "--matrix-rows", type=int, default=MATRIX_ROWS, help="of the matrix's usual cell (default: %(default)s)"
    )
    parser.add_argument("--cells", help="of the matrix those with one of these words in their name (default: all)")
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
                keep(asked.save, saved)
    if "matrix" in asked.cases.split(","):
        words = asked.cells.split(",") if asked.cells else [""]
        chosen = [cell for cell in CELLS if cell is USUAL or any(word in cell.name for word in words)]
        saved += matrix(chosen, asked.matrix_rows, asked.seed, min(asked.repeat, 2))
        keep(asked.save, saved)


def keep(target: Path | None, saved: Sequence[Mapping[str, object]]) -> None:
    """Write the numbers down, if somebody wants them."""
    if target:
        target.write_text(json.dumps(saved, indent=1) + "\n", "utf-8")


def matrix(cells: Sequence[Cell], usual: int, seed: int, repeat: int) -> list[dict[str, object]]:
    """What each cell of the matrix costs, by its own and beside the usual one, per cell of data; marks what costs more
    than `MOST` times as much.
    """
    print(
        f"\nthe matrix: processor time per million cells of data, beside the usual case; more than {MOST:g} is marked"
    )
    print(f"{'':<32}{'rows':>9}{'seconds':>9}{'CPU s':>8}{'per M':>8}{'times':>7}{'peak MiB':>10}")
    saved: list[dict[str, object]] = []
    beside = None
    for cell in cells:
        with tempfile.TemporaryDirectory(prefix="auditor-bench-") as name:
            folder = Path(name)
            made = [name, cell.name, str(usual), str(seed)]
            subprocess.run([sys.executable, str(HERE / "matrix.py"), *made], check=True)
            files = [str(folder / f"{side}.{cell.extension}") for side in ("first", "second")]
            command = [sys.executable, "-m", "auditor", "compare", *files, *cell.options(), "--json"]
            costs = [
                measure([*command, "--out", str(folder / f"results{done}")], folder / "printed")
                for done in range(repeat)
            ]
            found = json.loads((folder / "printed").read_text("utf-8"))["profiles"]
            if (found["orphan"], found["missing"]) != cell.alone(usual):
                raise SystemExit(f"{cell.name}: on one side alone are {cell.alone(usual)}, and it counts {found}")
        rows = cell.rows(usual)
        processor = median(cost.processor for cost in costs)
        per_million = processor / (rows * cell.width / 1e6)
        beside = beside or per_million
        seconds, peak = median(cost.seconds for cost in costs), max(cost.mebibytes for cost in costs)
        mark = "  <" if per_million > MOST * beside else ""
        print(
            f"{cell.name:<32}{rows:>9,}{seconds:>9.2f}{processor:>8.2f}{per_million:>8.2f}{per_million / beside:>7.2f}"
            f"{peak:>10,.0f}{mark}",
            flush=True,
        )
        own = {"case": f"matrix: {cell.name}", "rows": rows, "format": cell.extension, "times": per_million / beside}
        saved.append({**own, "costs": summary({AUDITOR: costs})})
    return saved


def run(one: Round, folder: Path, repeat: int) -> dict[str, list[Cost]]:
    """Every tool on the files of a round, which are in the folder, in turn, `repeat` times."""
    first, second = (str(folder / f"{name}.{one.format}") for name in ("first", "second"))
    results = folder / "results"
    compared = [sys.executable, "-m", "auditor", "compare", first, second, "--key", KEY, "--json"]
    yardstick = [sys.executable, str(HERE / "yardstick.py"), first, second, KEY, str(folder / "yardstick.parquet")]
    commands = {
        READ: [sys.executable, "-c", READING, first, second],
        YARDSTICK: yardstick,
        PHASES: [*yardstick, "--phases"],
        AUDITOR: [*compared, "--out", str(results)],
        SUMMARY: [*compared, "--summary"],
    }  # fmt: skip
    if one.case == "one-key":  # 400,000,000 pairs
        del commands[YARDSTICK], commands[PHASES]
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
    """Stop unless the auditor, both ways, and the yardstick, both ways, count the same keys."""
    wanted = [int(number) for number in (folder / f"{YARDSTICK}.printed").read_text("utf-8").split()]
    counted = {PHASES: [int(number) for number in (folder / f"{PHASES}.printed").read_text("utf-8").split()]}
    for title in (AUDITOR, SUMMARY):
        found = json.loads((folder / f"{title}.printed").read_text("utf-8"))["profiles"]
        counted[title] = [found["orphan"], found["missing"], found["stale"] + found["conflicting"]]
    for title, numbers in counted.items():
        if numbers != wanted:
            raise SystemExit(f"{title} counts {numbers}, the yardstick {wanted}")


def summary(costs: Mapping[str, Sequence[Cost]]) -> dict[str, dict[str, float]]:
    """Title → median seconds, from start to end and of processors, and greatest memory, in MiB."""
    return {
        title: {
            "seconds": round(median(cost.seconds for cost in measured), 3),
            "processor": round(median(cost.processor for cost in measured), 3),
            "peak": round(max(cost.mebibytes for cost in measured), 1),
        }
        for title, measured in costs.items()
    }


def show(one: Round, costs: Mapping[str, Sequence[Cost]]) -> None:
    """The medians in at most 80 columns; ratios are to the yardstick."""
    print(f"\n{one.title}\n{'':<22}{'seconds':>9}{'from':>8}{'to':>8}{'ratio':>8}{'CPU s':>8}{'peak MiB':>9}")
    yardstick = median(cost.seconds for cost in costs[YARDSTICK]) if YARDSTICK in costs else None
    for title, measured in costs.items():
        seconds = [cost.seconds for cost in measured]
        ratio = f"{median(seconds) / yardstick:.2f}" if yardstick else ""
        peak = max(cost.mebibytes for cost in measured)
        print(
            f"{title:<22}{median(seconds):>9.2f}{min(seconds):>8.2f}{max(seconds):>8.2f}{ratio:>8}"
            f"{median(cost.processor for cost in measured):>8.2f}{peak:>9,.0f}"
        )


if __name__ == "__main__":
    main()
