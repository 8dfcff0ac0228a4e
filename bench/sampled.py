"""Where a command spends its time: `make profile`, the command in ARGS (`compare a.csv b.csv --key id`).

py-spy looks a hundred times a second at the threads that work, and says in which function of ours they are: in it, or
in what it has called, down to the libraries. Without a command it is an audit of ten thousand invented people after a
week of real life, as in bench/audit.py. All stacks are kept in `.cache/profile.txt`, as flame graph tools read them.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from audit import CASES, free_port, pair_of, run_of, sandbox
from measure import measure
from peers import environment

HERE = Path(__file__).parent
KEPT = HERE.parent / ".cache" / "profile.txt"
SAMPLER = "py-spy==0.4.2"
RATE = 100
PEOPLE = 10_000
SHOWN = 25


def main() -> None:
    """Run the command under the sampler, and print where it was."""
    place = environment(SAMPLER, HERE.parent / ".cache" / "bench")
    if place is None:
        raise SystemExit(f"{SAMPLER} does not install here")
    KEPT.parent.mkdir(exist_ok=True)
    if sys.argv[1:]:
        sample(place, [sys.executable, "-m", "auditor", *sys.argv[1:]])
    else:
        with tempfile.TemporaryDirectory(prefix="auditor-bench-") as name:
            folder, port = Path(name), free_port()
            made = [name, str(PEOPLE), "1", str(port), str(PEOPLE)]
            subprocess.run([sys.executable, str(HERE / "invented.py"), *made], check=True)
            work = folder / "work"
            with sandbox(work / "sandbox", port):
                first, later = (run_of(work, pair_of(folder, PEOPLE, case)) for case in list(CASES)[:2])
                measure(first, folder / "printed", fine=(0, 6))
                sample(place, later)
    tell()


def sample(place: Path, command: Sequence[str]) -> None:
    """Raises SystemExit where the sampler cannot look into a process; how the command itself ends does not matter."""
    KEPT.unlink(missing_ok=True)
    watch = [str(place / "py-spy"), "record", "--format", "raw", "--rate", str(RATE), "--output", str(KEPT)]
    ended = subprocess.run([*watch, "--", *command], stdout=subprocess.DEVNULL)
    if not KEPT.exists():
        raise SystemExit(f"py-spy recorded nothing, and ended with {ended.returncode}")


def tell() -> None:
    """Print the functions of ours that most samples were in, the most first, in at most 80 columns."""
    within: Counter[str] = Counter()
    below: dict[str, Counter[str]] = {}
    total = 0
    for line in KEPT.read_text("utf-8").splitlines():
        stack, _, samples = line.rpartition(" ")
        frames = [frame.rpartition(":")[0] for frame in stack.split(";")]
        ours = [place for place, frame in enumerate(frames) if "(auditor/" in frame or "/auditor/" in frame]
        innermost = frames[ours[-1]] if ours else "outside"
        called = frames[ours[-1] + 1] if ours and ours[-1] + 1 < len(frames) else ""
        total += int(samples)
        within[innermost] += int(samples)
        below.setdefault(innermost, Counter())[called.rpartition("(")[2].partition("/")[0]] += int(samples)
    print(f"{total / RATE:.1f} s of threads that worked, by the innermost function of ours; stacks: {KEPT.name}")
    print(f"{'s':>6} {'%':>5}  {'function':<48} mostly in")
    for function, number in within.most_common(SHOWN):
        name, _, file = function.partition(" (")
        named = f"{file.rpartition('auditor/')[2]}:{name}"
        [(mostly, _)] = below[function].most_common(1)
        print(f"{number / RATE:>6.2f} {100 * number / total:>5.1f}  {named[:48]:<48} {mostly[:17]}")


if __name__ == "__main__":
    main()
