"""What writing costs: part of `make bench`; options in ARGS.

Single fixes go to a platform in memory, with a ledger on this machine's disk: what is measured is our own work, and how
many calls a fix takes, from which follows the time at a given number of calls a minute. A large plan is made of an
audit in memory, stored, and its files are written, each in a process of its own; the files are held against what
DuckDB's COPY takes for the same rows.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measure import measure

ROOT = Path(__file__).parent.parent
MOST_MILLISECONDS = 5
"""The aim: own work per fix."""
MOST_RATIO = 1.3
"""The aim: files, beside COPY."""
MOST_SECONDS, MOST_MEBIBYTES = 60, 2048
"""The aims for a plan of a million writes."""


def main() -> None:
    """Measure in processes of their own, print."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--fixes", type=int, default=10_000, help="one by one (default: %(default)s)")
    parser.add_argument("--writes", type=int, default=1_000_000, help="of the large plan (default: %(default)s)")
    parser.add_argument("--part", choices=[*PARTS], help=argparse.SUPPRESS)
    options, _ = parser.parse_known_args()
    sys.path.insert(0, str(ROOT))
    if options.part:
        from auditor.cli import collect_rarely

        collect_rarely()
        PARTS[options.part](options)
        return
    with tempfile.TemporaryDirectory(prefix="auditor-bench-") as name:
        for part in PARTS:
            command = [sys.executable, __file__, "--part", part]
            command += ["--fixes", str(options.fixes), "--writes", str(options.writes)]
            cost = measure(command, Path(name) / "out")
            print((Path(name) / "out").read_text().rstrip())
            print(
                f"    in all {cost.seconds:,.1f} s, {cost.processor:,.1f} of processors, "
                f"at most {cost.mebibytes:,.0f} MiB, imports and set-up included"
            )
    print(f"  (the aims: {MOST_MILLISECONDS} ms per fix; a plan of a million writes in {MOST_SECONDS} s and")
    print(f"  {MOST_MEBIBYTES:,} MiB; files at most {MOST_RATIO} times COPY)")


def fixes(options: argparse.Namespace) -> None:
    """One by one, as `auditor apply` does it."""
    from auditor.apply.job import Limits
    from tests.test_apply import Platform, World, city, people, plan_of

    number = options.fixes
    with tempfile.TemporaryDirectory(prefix="auditor-bench-") as name:
        world = World(Path(name), Platform(people(number)))
        plan = plan_of(*map(city, range(1, number + 1)))
        began = time.process_time()
        applied = world.apply(plan, limits=Limits(concurrency=1))
        own = time.process_time() - began
    if applied.left:
        raise SystemExit(f"{applied.left} fixes did not land")
    calls = sum(world.platform.calls.values())
    print(f"{number:,} single fixes: {own / number * 1000:.2f} ms of own work each, {calls / number:.2f} calls each")
    print(f"    at 60 calls a minute {calls / 60:,.0f} minutes, at 100 {calls / 100:,.0f} minutes")


def large_audit(number: int) -> Any:
    """An audit in which each of so many profiles differs in one cell."""
    from dataclasses import replace

    import polars as pl

    from auditor.model import Status
    from tests.audits import audit_of, difference, frame, profile

    one = audit_of(differences=[difference("k", "lastName", "a", "b", moved="truth", status="stale")])
    keys = pl.int_range(number, eager=True).cast(pl.String).str.zfill(9)
    differences = frame("differences", [difference("k", "lastName", "a", "b", moved="truth", status="stale")])
    profiles = frame("profiles", [profile("k", Status.STALE, columns=["lastName"])])
    repeated = pl.int_range(number, eager=True) * 0
    return replace(
        one,
        differences=differences[repeated].with_columns(key=keys, truth=pl.concat_str(pl.lit("Name "), keys)),
        profiles=profiles[repeated].with_columns(key=keys, profile_id=keys, platform_key=keys, truth_key=keys),
        counts=replace(one.counts, rows=dict(one.counts.rows) | {"platform": number}),
    )


def plans(options: argparse.Namespace) -> Any:
    """Planned and stored."""
    from auditor.model import Attribute, Structure
    from auditor.plan import make_plans
    from tests.nothing_known import a_policy, facts, knowledge

    audit = large_audit(options.writes)
    structure = Structure("16", audit.table, (Attribute("customerId", unique=True), Attribute("lastName")))
    began = time.process_time()
    plan, _ = make_plans(audit, a_policy(route="bulk", bulk_min_rows=1), facts(knowledge(structure)))
    made = time.process_time()
    with tempfile.TemporaryDirectory(prefix="auditor-bench-") as name:
        (Path(name) / "plan.json").write_text(plan.to_json(None), "utf-8")
        print(
            f"a plan of {len(plan.writes):,} writes: {made - began:.1f} s of CPU to make, "
            f"{time.process_time() - made:.1f} s to store"
        )
    return plan, structure, audit


def files(options: argparse.Namespace) -> None:
    """The files of the plan, and the same rows by COPY, both as a CSV in a folder."""
    import duckdb

    from auditor.plan.bulkfile import corrective_files

    plan, structure, audit = plans(options)
    with tempfile.TemporaryDirectory(prefix="auditor-bench-") as name:
        began = time.process_time()
        made = corrective_files(plan, structure)
        for one in made:
            (Path(name) / f"{one.name}.csv").write_bytes(one.csv)
        own = time.process_time() - began
        rows = audit.differences.select("key", "truth")  # noqa: F841 - DuckDB finds it by its name
        began = time.process_time()
        duckdb.sql("SELECT * FROM rows").write_csv(f"{name}/copy.csv", sep=";")
        copied = time.process_time() - began
    print(f"its {len(made)} files, packed too: {own:.1f} s of CPU; COPY of the same rows: {copied:.1f} s")


PARTS: dict[str, Callable[[argparse.Namespace], Any]] = {"fixes": fixes, "plan": plans, "files": files}

if __name__ == "__main__":
    main()
