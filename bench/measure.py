"""How a process is measured from outside: seconds from start to end, of processors, and the most memory it held."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one process."""

    seconds: float
    """From start to end; other work on the machine makes them more."""
    processor: float
    """Seconds that processors spent on it, in the program and for it in the system."""
    mebibytes: float
    """The most that was resident at once."""


def first_size(text: str) -> int:
    """The number of rows of a measurement that takes one size: ARGS go to all, and bench/compare.py takes a list."""
    return int(text.partition(",")[0])


def measure(command: Sequence[str], output: Path, fine: Sequence[int] = (0,)) -> Cost:
    """Run the command to its end, with its stdout in `output`. Raises SystemExit with what it said if it ends otherwise
    than with a code of `fine`, or broke off in Python.

    A child counts what its parent held at the fork as its own, so this process must stay small: it imports no library.
    """
    with output.open("wb") as out, tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=said)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read().decode(errors="replace")
        # What ends so has not found differences, even where 1 is the code for them.
        if child.returncode not in fine or "Traceback (most recent call last)" in text:
            raise SystemExit(f"{command[0]} ended with {child.returncode}:\n{text}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 2**20)


def show(costs: Mapping[str, Sequence[Cost]], most_time: float, most_memory: int | None = None) -> None:
    """The medians, beside those of the first, and the aims, in at most 80 columns."""
    print(f"\n{'median':<22}{'seconds':>9}{'from':>8}{'to':>8}{'ratio':>8}{'CPU s':>8}{'peak MiB':>9}")
    first = median(cost.seconds for cost in next(iter(costs.values())))
    for title, measured in costs.items():
        seconds = [cost.seconds for cost in measured]
        peak = max(cost.mebibytes for cost in measured)
        print(
            f"{title:<22}{median(seconds):>9.2f}{min(seconds):>8.2f}{max(seconds):>8.2f}"
            f"{median(seconds) / first:>8.2f}{median(cost.processor for cost in measured):>8.2f}{peak:>9,.0f}"
        )
    memory = "" if most_memory is None else f"{most_memory:,}"
    print(f"{'the aim':<22}{'':>9}{'':>8}{'':>8}{most_time:>8.2f}{'':>8}{memory:>9}\n")
