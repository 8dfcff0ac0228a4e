"""What an audit costs beside what cannot be avoided: the first of `make bench`; options in ARGS (`--help` shows them).

The table of `auditor demo` (30 columns compared, by a contract with rules on most of them, and judged by its suite) is
audited by `auditor run` at several sizes (bench/invented.py): for the first time, both sides being the same; after a
week of real life, with what the first run remembers; and once more with one contact in a hundred changed since. Beside
each of the first two stands the yardstick (bench/yardstick.py) on the same two CSV files. Each time it is a new
process, measured from outside, in turn with the others; the medians are shown, and the seconds per stage as `run.json`
tells them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tomllib import loads

from measure import Cost, measure

HERE = Path(__file__).parent
KEY = "customerId"
PEOPLE = 10_000
"""Of the invented licence; all larger tables are these, repeated."""
YARDSTICK = "the yardstick"
CASES = {"agreed": "first run, sides alike", "drifted": "after a week", "changed": "1 % changed since"}

AIMS = {10_000: "4.5 s", 100_000: "9 s", 1_000_000: "45 s or 18 times the yardstick"}
"""Of wall time, where the yardstick takes 2.4 s at a million."""
MOST_GROWTH = 6
"""The aim: from a tenth of a million to a million."""
MOST_MEBIBYTES = 2048
"""The aim, up to a million."""
MOST_SHARE = 0.2
"""The aim, of a run of which one in a hundred contacts has changed since the last."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One process; an audit's with the seconds of its stages."""

    cost: Cost
    stages: Mapping[str, float]


def main() -> None:
    """Make the inputs, measure, print the tables."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", default="10000,100000,1000000", help="sizes (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=3, help="how often each is measured (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the people (default: %(default)s)")
    parser.add_argument("--save-audit", type=Path, help="write the numbers as JSON")
    asked, _ = parser.parse_known_args()

    sizes = [int(size) for size in asked.rows.split(",")]
    saved, found = [], {}
    print(f"audits: {os.cpu_count()} cores; medians of {asked.repeat}")
    with tempfile.TemporaryDirectory(prefix="auditor-bench-") as name:
        folder, port = Path(name), free_port()
        people = min(PEOPLE, *sizes)
        made = [str(folder), str(people), str(asked.seed), str(port), *map(str, sizes)]
        subprocess.run([sys.executable, str(HERE / "invented.py"), *made], check=True)
        with sandbox(folder / "work" / "sandbox", port):
            for size in sizes:
                found[size] = run(folder, size, asked.repeat)
                show(size, found[size])
                saved.append({"rows": size, "costs": summary(found[size])})
                if asked.save_audit:
                    asked.save_audit.write_text(json.dumps(saved, indent=1) + "\n", "utf-8")
    tell_growth(found)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def sandbox(folder: Path, port: int) -> Iterator[None]:
    """Within it, the licence answers at the port that the settings name."""
    command = [sys.executable, "-m", "auditor.sandbox", "--port", str(port), "--dir", str(folder)]
    with subprocess.Popen([*command, "--limits", "extended"], stdout=subprocess.PIPE) as process:
        if process.stdout is None or not process.stdout.readline().startswith(b"sandbox ready"):
            raise SystemExit("the sandbox did not start")
        try:
            yield
        finally:
            process.terminate()


def run(folder: Path, size: int, repeat: int) -> dict[str, list[Measured]]:
    """Every case and the yardstick of the first two, in turn, `repeat` times."""
    work = folder / "work"
    contract = loads((work / "expectations" / "Customers" / "contract.toml").read_text("utf-8"))
    names = json.dumps({own: column["truth"] for own, column in contract["columns"].items()})
    found: dict[str, list[Measured]] = {}
    for done in range(repeat):
        for name in ("state", "runs"):
            shutil.rmtree(work / name, ignore_errors=True)
        for case, title in CASES.items():
            pair = pair_of(folder, size, case)
            if case != "changed":
                least = [
                    sys.executable,
                    str(HERE / "yardstick.py"),
                    *pair,
                    KEY,
                    str(folder / "yardstick.parquet"),
                    names,
                ]
                cost = measure(least, folder / "printed")
                found.setdefault(f"{YARDSTICK}: {title}", []).append(Measured(cost, {}))
            found.setdefault(title, []).append(audited(work, pair, folder / "printed"))
        print(f"  {size:,} profiles: measured {done + 1} of {repeat}", file=sys.stderr)
    return found


def pair_of(folder: Path, size: int, case: str) -> list[str]:
    """The export and the truth's file of a case, as bench/invented.py has made them."""
    return [str(next((folder / str(size) / case).glob(f"{name}_*"))) for name in ("Customers", "contacts")]


def run_of(work: Path, pair: Sequence[str]) -> list[str]:
    """The command that audits them."""
    given = ["--settings", str(work / "auditor.toml"), "--export", pair[0], "--truth", pair[1], "--quiet"]
    return [sys.executable, "-m", "auditor", "run", *given]


def audited(work: Path, pair: Sequence[str], printed: Path) -> Measured:
    """Measure one run; what it finds does not matter here, and some of the demo's values cannot be checked."""
    before = set((work / "runs").glob("*"))
    cost = measure([*run_of(work, pair), "--json"], printed, fine=(0, 6))
    [folder] = set((work / "runs").glob("*")) - before
    return Measured(cost, json.loads((folder / "run.json").read_text("utf-8"))["seconds"])


def summary(found: Mapping[str, Sequence[Measured]]) -> dict[str, dict[str, float]]:
    """Title → medians of seconds, and greatest memory in MiB; then medians of the stages."""
    return {
        title: {
            "seconds": round(median(one.cost.seconds for one in all_of), 3),
            "processor": round(median(one.cost.processor for one in all_of), 3),
            "peak": round(max(one.cost.mebibytes for one in all_of), 1),
        }
        | {stage: round(median(one.stages[stage] for one in all_of), 2) for stage in all_of[0].stages}
        for title, all_of in found.items()
    }


def show(size: int, found: Mapping[str, Sequence[Measured]]) -> None:
    """The medians in at most 80 columns; ratios are of seconds, to the yardstick on the same two files."""
    print(f"\n{size:,} profiles\n{'':<38}{'seconds':>9}{'processor':>11}{'ratio':>8}{'peak MiB':>11}")
    numbers = summary(found)
    for title, one in numbers.items():
        least = numbers.get(f"{YARDSTICK}: {title}")
        ratio = f"{one['seconds'] / least['seconds']:.1f}" if least else ""
        print(f"{title:<38}{one['seconds']:>9.2f}{one['processor']:>11.2f}{ratio:>8}{one['peak']:>11,.0f}")
    print(f"  the aim: {AIMS.get(size, 'none')}; {MOST_MEBIBYTES:,} MiB")
    full, again = (numbers[CASES[case]]["seconds"] for case in ("drifted", "changed"))
    print(f"  {CASES['changed']}: {again / full:.2f} of the full run (the aim: {MOST_SHARE})")
    for title in CASES.values():
        stages = (f"{stage} {seconds:.1f}" for stage, seconds in numbers[title].items() if stage not in _OUTSIDE)
        print(f"  {title}: {', '.join(stages)}")


_OUTSIDE = ("seconds", "processor", "peak")


def tell_growth(found: Mapping[int, Mapping[str, Sequence[Measured]]]) -> None:
    if 100_000 in found and 1_000_000 in found:
        title = CASES["agreed"]
        less, more = (summary(found[size])[title]["seconds"] for size in (100_000, 1_000_000))
        print(f"\nfrom a tenth of a million to a million: {more / less:.1f} times (the aim: {MOST_GROWTH})")


if __name__ == "__main__":
    main()
