"""From the tables on the connection to what an audit came to: files, counts, verdict.

Inside a run keys are canonical; outside they are spelt as the platform spells them where both sides have them. This
module is where one becomes the other. The rows go from the engine into their files and never through Python.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import ibis
import ibis.expr.types as ir
import polars as pl

from auditor.diff.cells import Diff
from auditor.engine.duckdb import Engine
from auditor.errors import InputUnusable
from auditor.files.whole import whole_file
from auditor.findings.audit import FRAMES, Counts
from auditor.findings.codes import NotChecked
from auditor.model import Side, Status, Verdict

RENUMBERED_PAIRS = 20
"""Fewer pairs of probably the same person never stop a run."""

FINDING_STATUSES = (Status.MISSING, Status.ORPHAN, Status.STALE, Status.CONFLICTING, Status.DUPLICATE)

_TABLES = {"permissions": "permission_findings"}
"""Results whose table on the connection has another name."""


def write(engine: Engine, folder: Path) -> None:
    """Write `profiles`, `differences`, `causes`, `violations`, `permissions`, `same_person` and `rejected` as Parquet.

    Each in the columns of `auditor.findings.audit` and in a deterministic order. A table that is not there has no rows.
    """
    there = _there(engine)
    for name, schema in FRAMES.items():
        path = folder / f"{name}.parquet"
        if name not in there:
            with whole_file(path) as partial:
                schema.to_frame().write_parquet(partial)
            continue
        rows = _shown(engine, name, engine.table(there[name])).select(*schema.names())
        order = [rows[column].asc(nulls_first=False) for column in _ORDER if column in rows.columns]
        with engine.in_order():
            engine.write(rows.order_by(order), path)


_ORDER = ("side", "key", "platform_key", "truth_key", "other_key", "column", "rule", "finding", "cause", "line")


def read(folder: Path) -> dict[str, pl.DataFrame]:
    """The results that `write` left in a folder, by the names that they have in an `Audit`."""
    return {name: pl.read_parquet(folder / f"{name}.parquet") for name in FRAMES}


def count(engine: Engine, diff: Diff) -> Counts:
    """The numbers of the audit. Pending differences are sent already: they count as pending, not by reason."""
    there = _there(engine)

    def tally(name: str, column: str) -> dict[str, int]:
        return _tally(engine, engine.table(there[name]), column) if name in there else {}

    profiles = engine.table("profiles")
    standing = _tally(engine, profiles.filter(~profiles.waiting & ~profiles.pending), "status")
    return Counts(
        rows=diff.rows,
        profiles=diff.profiles,
        waiting=diff.waiting,
        pending=diff.pending,
        gone=diff.gone,
        kept=diff.kept,
        differences_by_column=tally("differences", "column"),
        differences_by_reason=tally("differences", "reason"),
        formats=diff.formats,
        matched_by=diff.matched_by,
        violations_by_side={Side(side): number for side, number in tally("violations", "side").items()},
        violations_by_rule=tally("violations", "rule"),
        violations_by_severity=tally("violations", "severity"),
        permissions=tally("permissions", "finding"),
        same_person=tally("same_person", "side"),
        standing={status: standing.get(status.value, 0) for status in FINDING_STATUSES},
    )


def same_persons(engine: Engine) -> int:
    """How many missing profiles are evidently, or probably, an orphan one: `same_person` and `renumbered` are there."""
    probably = engine.table("same_person")
    pairs = probably.filter(probably.side == "both").select("truth_key")
    evidently = engine.table("renumbered").select("truth_key")
    [(number,)] = engine.rows(pairs.union(evidently).truth_key.nunique().name("pairs").as_table())
    return int(number)


def violations_per_rule(engine: Engine) -> dict[str, int]:
    """Rule → number of violations on both sides."""
    violations = engine.table("violations")
    counted = violations.group_by("rule").agg(n=violations.count())
    return {str(rule): int(number) for rule, number in sorted(engine.rows(counted))}


def stop_if_renumbered(pairs: int, found: Diff) -> None:
    """Raise InputUnusable where `pairs` says that most missing and orphan profiles are the same people, rekeyed."""
    missing, orphans = found.profiles[Status.MISSING], found.profiles[Status.ORPHAN]
    compared = sum(found.profiles.values())
    if pairs >= RENUMBERED_PAIRS and 2 * pairs >= max(missing, orphans) and 10 * pairs >= compared:
        raise InputUnusable(
            f"keys look renumbered: {pairs:,} of {missing:,} profiles that seem missing are evidently there under "
            "another key",
            hint="nothing was reported or planned; to carry over what is known: auditor rekey --map old-new.csv",
        )


def verdict(counts: Counts, not_checked: Iterable[NotChecked]) -> Verdict:
    """`incomplete` goes before everything: what could not be checked is never a pass."""
    if any(not_checked):
        return Verdict.INCOMPLETE
    return Verdict.FINDINGS if sum(counts.standing.values()) or counts.other_findings else Verdict.CLEAN


def _there(engine: Engine) -> dict[str, str]:
    """Result → its table, for those that are on the connection."""
    tables = engine.made()
    named = {name: _TABLES.get(name, name) for name in FRAMES}
    return {name: table for name, table in named.items() if table in tables}


def _shown(engine: Engine, name: str, table: ir.Table) -> ir.Table:
    """The table with its keys as people know them."""
    if name == "differences":
        return table.mutate(key=table.key_text)
    if name == "permissions":
        return _renamed(engine, table, "key")
    if name == "same_person":
        for column in ("platform_key", "truth_key", "other_key"):
            table = _renamed(engine, table, column)
    return table


def _renamed(engine: Engine, table: ir.Table, column: str) -> ir.Table:
    matched, twice = engine.table("matched"), engine.table("duplicates")
    known = matched.select(canonical=matched.key, shown=ibis.coalesce(matched.platform_text, matched.truth_text))
    doubled = twice.select(canonical=twice.key, shown=ibis.coalesce(twice.platform_text, twice.truth_text))
    names = known.union(doubled)
    joined = table.left_join(names, table[column] == names.canonical)
    return joined.mutate(**{column: ibis.coalesce(joined.shown, joined[column])}).drop("canonical", "shown")


def _tally(engine: Engine, table: ir.Table, column: str) -> dict[str, int]:
    """Value → rows, the most frequent first."""
    counted = engine.rows(table.group_by(value=table[column]).agg(n=table.count()))
    return {str(value): int(number) for value, number in sorted(counted, key=lambda row: (-row[1], str(row[0])))}
