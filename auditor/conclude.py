"""From the tables on the connection to one finished value: counts, verdict and frames with the keys people know.

Inside a run keys are canonical; outside they are spelt as the platform spells them where both sides have them. This
module is where one becomes the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import polars as pl

from auditor.audit import FRAMES, Counts
from auditor.diff import Diff
from auditor.engine import Engine
from auditor.errors import InputUnusable
from auditor.model import NotChecked, Side, Status, Verdict

RENUMBERED_PAIRS = 20
"""Fewer pairs of probably the same person never stop a run."""

FINDING_STATUSES = (Status.MISSING, Status.ORPHAN, Status.STALE, Status.CONFLICTING, Status.DUPLICATE)


@dataclass(frozen=True)
class Results:
    """The result tables of a run as frames, in the columns of `auditor.audit`."""

    profiles: pl.DataFrame
    differences: pl.DataFrame
    causes: pl.DataFrame
    violations: pl.DataFrame
    permissions: pl.DataFrame
    same_person: pl.DataFrame
    rejected: pl.DataFrame


def collect(engine: Engine) -> Results:
    """Read the result tables: `profiles`, `differences`, `causes`, `violations`, `permission_findings`,
    `same_person` and `rejected`, each in a deterministic order. A table that is not there has no rows.
    """
    _name_keys(engine)
    there = {name for (name,) in engine.rows("SELECT table_name FROM duckdb_tables()")}
    frames: dict[str, pl.DataFrame] = {}
    for name, schema in FRAMES.items():
        source = {"permissions": "permission_findings"}.get(name, name)
        if source not in there:
            frames[name] = schema.to_frame()
            continue
        table = engine.table(source)
        table = _shown(engine, name, table)
        frame = engine.frame(table.select(*schema.names()))
        order = [column for column in schema.names() if column in _ORDER]
        frames[name] = frame.cast(dict(schema)).sort(order, nulls_last=True)  # type: ignore[arg-type]
    return Results(**frames)


_ORDER = ("side", "key", "platform_key", "truth_key", "column", "rule", "finding", "cause", "line")


def count(diff: Diff, results: Results) -> Counts:
    """The numbers of the audit. Pending differences are sent already: they count as pending, not by reason."""
    differences = results.differences
    return Counts(
        rows=diff.rows,
        profiles=diff.profiles,
        waiting=diff.waiting,
        pending=diff.pending,
        gone=diff.gone,
        kept=diff.kept,
        differences_by_column=_tally(differences, "column"),
        differences_by_reason=_tally(differences, "reason"),
        formats=diff.formats,
        violations_by_side={Side(side): number for side, number in _tally(results.violations, "side").items()},
        violations_by_rule=_tally(results.violations, "rule"),
        permissions=_tally(results.permissions, "finding"),
    )


def violations_per_rule(engine: Engine) -> dict[str, int]:
    """Rule → number of violations on both sides."""
    violations = engine.table("violations")
    counted = violations.group_by("rule").agg(n=violations.count())
    return {str(rule): int(number) for rule, number in sorted(engine.rows(counted))}


def without_key(found: Diff, names: Mapping[Side, str] | None = None) -> list[NotChecked]:
    """Rows that no key ties to anybody: they could not be compared."""
    result = []
    for side in Side:
        if rows := found.rows[f"{side.value}_null_key"]:
            where = names[side] if names else side.value
            what = "1 row has" if rows == 1 else f"{rows:,} rows have"
            result.append(NotChecked("null_key", f"{what} no key in {where} and could not be compared", side, rows))
    return result


def below_count(found: Diff, count: int, created: int, platform_name: str) -> list[NotChecked]:
    """An export with fewer profiles than Actito counts: whoever is not in it would look missing.

    `count` is Actito's own number of profiles now, `created` how many of them we made after the export's moment.
    """
    exported = found.rows[Side.PLATFORM.value]
    if exported >= count - created:
        return []
    sentence = (
        f"the export holds {exported:,} profiles, {platform_name} counts {count:,}: it is cut off, filtered or old, "
        "and whoever is not in it would look missing"
    )
    return [NotChecked("below_count", sentence, Side.PLATFORM, count - exported, blocks_plan=True)]


def shrunk(
    rows: Mapping[str, int], before: Mapping[str, int], limits: Mapping[Side, float], names: Mapping[Side, str]
) -> tuple[str, ...]:
    """A sentence for each side that lost as large a share of its rows since the last run as its limit, or a larger one.

    `rows` and `before` count them by the name of the side.
    """
    return tuple(
        f"{names[side]} shrank from {before[side.value]:,} to {rows[side.value]:,} rows since the last run"
        for side in Side
        if before[side.value] and rows[side.value] <= before[side.value] * (1 - limits[side])
    )


def nearly_matched(near: int, names: Mapping[Side, str], key: Sequence[str]) -> tuple[str, ...]:
    """Says of `near` keys that they would be matched by another rule; nothing where there are none."""
    if not near:
        return ()
    ones, are = ("1 profile", "is") if near == 1 else (f"{near:,} profiles", "are")
    return (
        f"{ones} that only {names[Side.TRUTH]} has {are} in {names[Side.PLATFORM]} under a key that differs by nothing "
        f"but case, blanks or leading zeros: another comparison rule for {' and '.join(key)} would match them",
    )


def stop_if_renumbered(results: Results, found: Diff) -> None:
    """Raise InputUnusable where most of the missing and orphan profiles are evidently the same people, rekeyed."""
    pairs = results.same_person.height
    missing, orphans = found.profiles[Status.MISSING], found.profiles[Status.ORPHAN]
    compared = sum(found.profiles.values())
    if pairs >= RENUMBERED_PAIRS and 2 * pairs >= max(missing, orphans) and 10 * pairs >= compared:
        raise InputUnusable(
            f"keys look renumbered: {pairs:,} of {missing:,} profiles that seem missing are evidently there under "
            "another key",
            hint="check the key of the contract and that column in both inputs; nothing was reported or planned",
        )


def standing(profiles: pl.DataFrame) -> Mapping[Status, int]:
    """Keys per status that are findings: neither waiting for the ordinary synchronisation nor sent already."""
    tally = _tally(profiles.filter(~pl.col("waiting") & ~pl.col("pending")), "status")
    return {status: tally.get(status.value, 0) for status in FINDING_STATUSES}


def verdict(results: Results, not_checked: Iterable[NotChecked]) -> Verdict:
    """`incomplete` goes before everything: what could not be checked is never a pass."""
    if any(not_checked):
        return Verdict.INCOMPLETE
    if sum(standing(results.profiles).values()) or results.violations.height or results.permissions.height:
        return Verdict.FINDINGS
    return Verdict.CLEAN


def _name_keys(engine: Engine) -> None:
    """Create `key_names`: canonical key, and the key as it is shown."""
    matched, twice = engine.table("matched"), engine.table("duplicates")
    known = matched.select(canonical=matched.key, shown=ibis.coalesce(matched.platform_text, matched.truth_text))
    doubled = twice.select(canonical=twice.key, shown=ibis.coalesce(twice.platform_text, twice.truth_text))
    engine.create("key_names", known.union(doubled))


def _shown(engine: Engine, name: str, table: ir.Table) -> ir.Table:
    """The table with its keys as people know them."""
    names = engine.table("key_names")
    if name in ("permissions", "differences"):
        return _renamed(table, names, "key")
    if name == "same_person":
        return _renamed(_renamed(table, names, "platform_key"), names, "truth_key")
    return table


def _renamed(table: ir.Table, names: ir.Table, column: str) -> ir.Table:
    joined = table.left_join(names, table[column] == names.canonical)
    return joined.mutate(**{column: ibis.coalesce(joined.shown, joined[column])}).drop("canonical", "shown")


def _tally(frame: pl.DataFrame, column: str) -> dict[str, int]:
    counted = frame.group_by(column).len().sort(["len", column], descending=[True, False])
    return {str(value): int(number) for value, number in counted.iter_rows()}
