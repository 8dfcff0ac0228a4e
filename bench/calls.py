"""How many calls a minute the client reaches, and that it never makes more: part of `make bench`; options in ARGS.

Several processes that share a state folder ask a sandbox with the limits of an ordinary licence for its number of
profiles, as fast as they may, for some minutes of real time: one group where answers come at once, and at the same
time another where each takes up to a second longer. Every request is noted as it leaves, signing in included. Reached
is what left in all that time; the least share is that of the worst stretch from the beginning, of all longer than a
minute.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

LEAST_SHARE = 0.95
"""The aim: of the calls that are allowed."""
PLATFORMS = {"answers at once": [], "answers up to 1 s later": ["slow=1"]}
"""Faults of each."""

CALLER = """
import os, sys, threading, time
from pathlib import Path
import httpx
from auditor.actito import V5, Connection, Reader

url, folder, seconds, calls, concurrency = sys.argv[1:]
noted = []

class Noting(httpx.BaseTransport):
    network = httpx.HTTPTransport()

    def handle_request(self, request):
        sent = time.monotonic()
        answer = self.network.handle_request(request)
        body = answer.read()
        answer.close()
        noted.append((sent, time.monotonic()))
        return httpx.Response(answer.status_code, headers=answer.headers, content=body)

reader = Reader(Connection(
    url, lambda: "sandbox-key", "acme", dialect=V5, calls_per_minute=int(calls), concurrency=int(concurrency),
    shared=Path(folder), transport=Noting(),
))

def ask():
    table = reader.structure("Customers")
    while True:
        reader.count(table)

for _ in range(int(concurrency)):
    threading.Thread(target=ask, daemon=True).start()
time.sleep(float(seconds))
print("\\n".join(f"{sent} {ended}" for sent, ended in noted), flush=True)
os._exit(0)
"""


@dataclass(frozen=True, slots=True)
class Reached:
    """What all processes of one group did together."""

    calls: int
    per_minute: float
    least_share: float
    most_in_a_minute: int
    """In any 60 seconds."""
    most_at_once: int
    breaches: list[str]
    """What the sandbox complained about."""


def main() -> None:
    """Call for some minutes, print; an exit code of 1 when a limit was not kept."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=int, default=3, help="at least 2 (default: %(default)s)")
    parser.add_argument("--calls-per-minute", type=int, default=60, help="as in the settings (default: %(default)s)")
    parser.add_argument("--concurrency", type=int, default=3, help="as in the settings (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=3, help="that share them (default: %(default)s)")
    options, _ = parser.parse_known_args()
    rate, at_once = options.calls_per_minute, options.concurrency
    print(
        f"{options.processes} processes, {options.minutes} minutes; "
        f"{rate} calls a minute and {at_once} at once are allowed to all together"
    )
    with tempfile.TemporaryDirectory(prefix="auditor-bench-") as name, ThreadPoolExecutor() as pool:
        groups = {
            title: pool.submit(reached, Path(name) / str(place), faults, options)
            for place, (title, faults) in enumerate(PLATFORMS.items())
        }
        found = {title: group.result() for title, group in groups.items()}
    for title, one in found.items():
        print(
            f"  {title:<24} {one.per_minute:.1f} calls a minute, at least {one.least_share:.1%} of what is allowed; "
            f"at most {one.most_in_a_minute} in 60 s\n{'':<26} and {one.most_at_once} at once; "
            f"{', '.join(one.breaches) or 'the sandbox saw no breach'}"
        )
    print(f"  (the aim: at least {LEAST_SHARE:.0%})")
    if any(one.most_in_a_minute > rate or one.most_at_once > at_once or one.breaches for one in found.values()):
        raise SystemExit("a limit was not kept")


def reached(folder: Path, faults: list[str], options: argparse.Namespace) -> Reached:
    """Let the processes of one group call a sandbox of their own."""
    sys.path.insert(0, str(Path(__file__).parent.parent))
    from tests.driven_sandbox import Sandbox

    seconds = 60.0 * options.minutes
    given = [str(seconds + 1), str(options.calls_per_minute), str(options.concurrency)]
    with Sandbox(folder / "licence", profiles=20, faults=faults) as sandbox:
        command = [sys.executable, "-c", CALLER, sandbox.url, str(folder / "limits"), *given]
        callers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(options.processes)]
        told = [caller.communicate()[0] for caller in callers]
        breaches = [str(one["breach"]) for one in sandbox.breaches()]
    noted = sorted((float(sent), float(ended)) for lines in told for sent, ended in map(str.split, lines.splitlines()))
    start = noted[0][0]
    sent = [moment - start for moment, _ in noted if moment - start < seconds]
    allowed = options.calls_per_minute / 60
    return Reached(
        calls=len(sent),
        per_minute=len(sent) / options.minutes,
        least_share=min(count / (allowed * end) for count, end in enumerate([*sent[1:], seconds], start=1) if end > 61),
        most_in_a_minute=most_within(sent, 60.0),
        most_at_once=overlapping(noted),
        breaches=breaches,
    )


def most_within(moments: list[float], window: float) -> int:
    """How many of the sorted moments lie in the fullest window of this length."""
    first = most = 0
    for place, moment in enumerate(moments):
        while moment - moments[first] >= window:
            first += 1
        most = max(most, place - first + 1)
    return most


def overlapping(spans: list[tuple[float, float]]) -> int:
    """How many of them there are at once at most."""
    steps = sorted([(start, 1) for start, _ in spans] + [(end, -1) for _, end in spans])
    there = most = 0
    for _, step in steps:
        there += step
        most = max(most, there)
    return most


if __name__ == "__main__":
    main()
