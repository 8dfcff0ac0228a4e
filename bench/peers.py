"""Other tools that compare two tables, each in an environment of its own: they lower each other's dependencies.

Versions and calls are those that were tried; a tool that does not install here is left out and said to be.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Command = Callable[[Path, str, str, str, Path], list[str]]
"""From its environment's `bin`, the two files, the key, and a folder for what it writes."""

PYVERSUS = """
import sys, duckdb
from versus import compare
con = duckdb.connect()
read = lambda path: f"read_csv('{path}', all_varchar = true)" if path.endswith(".csv") else f"'{path}'"
first, second = (con.sql(f"FROM {read(path)}") for path in sys.argv[1:3])
print(compare(first, second, by=[sys.argv[3]], con=con))
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """One of them."""

    name: str
    requirement: str
    command: Command
    formats: tuple[str, ...] = ("parquet", "csv")
    lists_rows: bool = True
    """Whether it lists the rows that differ; some give numbers alone."""


def _of(path: str) -> str:
    return f"{path.rpartition('.')[2]}:{path}"


PEERS = (
    Peer(
        "datacompy (Polars)",
        "datacompy==1.1.0",
        lambda place, first, second, key, out: [
            str(place / "datacompy"), "compare", "--left", first, "--right", second, "--on", key,
            "--report-format", "json", "--output", str(out / "report.json"),
        ],
    ),
    Peer(
        "fastrecon",
        "fastrecon==0.9.3",
        lambda place, first, second, key, out: [
            str(place / "fastrecon"), "compare", "--left", _of(first), "--right", _of(second), "--keys", key,
            "--report", f"json:{out / 'report.json'}",
        ],
        lists_rows=False,
    ),
    Peer(
        "datadiffer",
        "datadiffer==0.1.0",
        lambda place, first, second, key, out: [
            str(place / "datadiffer"), "diff", first, second, "--key", key, "--format", "json",
        ],
        lists_rows=False,
    ),
    Peer(
        "diffly",
        "diffly[typer]==1.6.0",
        lambda place, first, second, key, out: [str(place / "diffly"), first, second, "--primary-key", key],
        formats=("parquet",),
        lists_rows=False,
    ),
    Peer(
        "duckdiff",
        "duckdiff==0.2.0",
        lambda place, first, second, key, out: [
            str(place / "duckdiff"), "compare", f"l={first}", f"r={second}", "--key", key,
        ],
        lists_rows=False,
    ),
    Peer(
        "pyversus",
        "pyversus==0.1.3 duckdb<1.5",
        lambda place, first, second, key, out: [str(place / "python"), "-c", PYVERSUS, first, second, key],
        lists_rows=False,
    ),
)  # fmt: skip


def installed(peer: Peer, cache: Path) -> Path | None:
    """The `bin` of its environment, made now if there is none; None where it does not install."""
    return environment(peer.requirement, cache)


def environment(requirements: str, cache: Path) -> Path | None:
    """The `bin` of an environment that has these requirements, with blanks between; see `installed`."""
    place = cache / "".join(letter if letter.isalnum() or letter in "=.-" else "-" for letter in requirements)
    done = place / "installed"
    if not done.exists():
        print(f"  installing {requirements}", file=sys.stderr)
        place.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
        pip = [str(place / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "-qq", "install"]
        if subprocess.run([*pip, *requirements.split()], capture_output=True).returncode != 0:
            return None
        done.touch()
    return place / "bin"
