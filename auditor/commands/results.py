"""What an audit came to, of the tables that its stages hold: files, counts, verdict.

Inside a run keys are canonical; outside they are spelt as the platform spells them where both sides have them. This
module is where one becomes the other. The rows go from the engine into their files and never through Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import ibis
import ibis.expr.types as ir
import polars as pl

from auditor.diff.counts import DiffCounts
from auditor.diff.diffed import Diffed
from auditor.diff.permission_findings import says
from auditor.engine.protocol import Engine, count
from auditor.errors import InputUnusable
from auditor.explain import Explained
from auditor.files.whole import whole_file
from auditor.findings.audit import ACTIVITIES, FRAMES, SAID, SAYS, Counts
from auditor.match.join import Matched
from auditor.model import Side, Status
from auditor.settings.contract import Contract, Polarity
from auditor.state.run_files import rows

RENUMBERED_PAIRS = 20
"""Fewer pairs of probably the same person never stop a run."""

FINDING_STATUSES = (Status.MISSING, Status.ORPHAN, Status.STALE, Status.CONFLICTING, Status.DUPLICATE)


Rows: TypeAlias = ir.Table | pl.DataFrame
"""Of an engine, or those that are here already."""


@dataclass(frozen=True, slots=True)
class Results:
    """The rows of an audit by the names of their files, with keys as people know them."""

    profiles: ir.Table
    differences: ir.Table
    causes: Rows
    rejected: pl.DataFrame
    violations: Rows
    permissions: Rows
    same_person: Rows

    @classmethod
    def uncaused(cls, diffed: Diffed, rejected: pl.DataFrame) -> Results:
        """What was compared and not explained: nobody asked for reasons, or for anything else."""
        nobody_asked = {name: _or_none(name, None) for name in ("causes", "violations", "permissions", "same_person")}
        return cls(profiles=diffed.profiles, differences=diffed.cells, rejected=rejected, **nobody_asked)

    @classmethod
    def of(
        cls,
        matched: Matched,
        diffed: Diffed,
        explained: Explained,
        rejected: pl.DataFrame,
        contract: Contract,
        *,
        violations: ir.Table | None,
        permissions: ir.Table | None,
        same_person: ir.Table | None,
    ) -> Results:
        """What the stages came to. None: nobody asked; the audit has no such rows then."""
        if permissions is not None:
            whose = matched.rows.select("key", "profile_id")
            permissions = permissions.left_join(whose, "key").drop("key_right")
            permissions = _renamed(matched, permissions, "key")
            permissions = permissions.mutate(
                **{name: _as_said(permissions[side.value]) for name, side in zip(SAYS, Side, strict=True)}
            )
        if same_person is not None:
            for column in ("platform_key", "truth_key", "other_key"):
                same_person = _renamed(matched, same_person, column)
        differences = explained.differences.mutate(key=explained.differences.key_text)
        if contract.permissions:
            differences = differences.mutate(**_says(differences, contract))
        return cls(
            profiles=diffed.profiles,
            differences=differences,
            causes=explained.causes,
            rejected=rejected,
            violations=_or_none("violations", violations),
            permissions=_or_none("permissions", permissions),
            same_person=_or_none("same_person", same_person),
        )


def _says(cells: ir.Table, contract: Contract) -> dict[str, ir.StringValue]:
    """What the permissions among the differing cells say on each side, by SAYS."""
    columns = {
        polarity: [one.name for one in contract.permissions if one.permission is polarity] for polarity in Polarity
    }
    return {
        name: ibis.cases(
            *(
                (cells["column"].isin([*names, ""]), _as_said(says(cells[side.value], polarity)))
                for polarity, names in columns.items()
            ),
            else_=ibis.null(str),
        )
        for name, side in zip(SAYS, Side, strict=True)
    }


def _as_said(said: ir.StringValue) -> ir.StringValue:
    return said.cases(*SAID.items(), else_=ibis.null(str))


def _or_none(name: str, rows: ir.Table | None) -> Rows:
    """What nobody asked for has no rows, and the columns that its file has. This is the one place that says so."""
    return FRAMES[name].to_frame() if rows is None else rows


def write_results(engine: Engine, results: Results, folder: Path) -> None:
    """Write each of the results as Parquet, in the columns of `auditor.findings.audit` and a deterministic order.

    Differences and permission findings have those of SAYS behind them, where the contract has permissions.
    """
    for name, schema in FRAMES.items():
        path = folder / f"{name}.parquet"
        rows: Rows = getattr(results, name)
        if isinstance(rows, ir.Table):
            rows = rows.select(*schema.names(), *(one for one in SAYS if one in rows.columns))
            order = [rows[column].asc(nulls_first=False) for column in _ORDER if column in rows.columns]
            engine.write(rows.order_by(order), path, in_order=True)
        else:
            frame = rows.select(schema.names())
            ordered = frame.sort([column for column in _ORDER if column in frame.columns], nulls_last=True)
            with whole_file(path) as partial:
                ordered.write_parquet(partial)


_ORDER = ("side", "key", "platform_key", "truth_key", "other_key", "column", "rule", "finding", "cause", "line")


def write_activities(engine: Engine, matched: Matched, found: ir.Table, folder: Path) -> None:
    """Write `activities.parquet`, with keys as people know them, in a deterministic order."""
    rows = _renamed(matched, found, "key").select(*ACTIVITIES.names())
    order = [rows[column].asc(nulls_first=False) for column in ("key", "channel", "activity", "reason")]
    engine.write(rows.order_by(order), folder / "activities.parquet", in_order=True)


def read_results(folder: Path) -> dict[str, pl.DataFrame]:
    """The results that `write_results` left in a folder, by the names that they have in an `Audit`."""
    known = (folder / "activities.parquet").exists()
    activities = read_result(folder, "activities") if known else ACTIVITIES.to_frame()
    return {name: read_result(folder, name) for name in FRAMES} | {"activities": activities}


def read_result(folder: Path, name: str) -> pl.DataFrame:
    """One of them. Raises SettingsError, naming the file, where it has been damaged since."""
    return rows(folder / f"{name}.parquet", FRAMES.get(name, ACTIVITIES), hint="compare again")


def counted(engine: Engine, results: Results, diff: DiffCounts) -> Counts:
    """The numbers of the audit, but for those of needs, of the reachable, and those that `figures.counted` adds."""

    def tally(rows: Rows, column: str) -> dict[str, int]:
        return _tally(engine, rows, column)

    profiles = results.profiles
    standing = tally(profiles.filter(~profiles.waiting & ~profiles.pending), "status")
    return Counts(
        rows=diff.rows,
        profiles=diff.profiles,
        waiting=diff.waiting,
        pending=diff.pending,
        created=0,
        undone=0,
        gone=diff.gone,
        kept=diff.kept,
        differences_by_column=tally(results.differences, "column"),
        differences_by_reason=tally(results.differences, "reason") if "reason" in results.differences.columns else {},
        later=count(engine, results.differences.filter(results.differences.waiting | results.differences.pending)),
        formats=diff.formats,
        matched_by=diff.matched_by,
        violations_by_side={Side(side): number for side, number in tally(results.violations, "side").items()},
        violations_by_rule=tally(results.violations, "rule"),
        violations_by_severity=tally(results.violations, "severity"),
        permissions=tally(results.permissions, "finding"),
        against_their_will=0,
        on_grounds=0,
        findings_to_decide=0,
        findings_settled=0,
        same_person=tally(results.same_person, "side"),
        needs=None,
        decisions=None,
        reachable=None,
        unreachable=None,
        standing={status: standing.get(status.value, 0) for status in FINDING_STATUSES},
    )


def matches(engine: Engine, matched: Matched) -> dict[str, int]:
    """How the rows of both sides found each other, in keys."""
    apart = 0 if matched.apart is None else count(engine, matched.apart)
    alone = {side.value: count(engine, matched.alone(side)) for side in Side}
    return {
        "on_both_sides": count(engine, matched.both),
        "only_platform": alone["platform"],
        "only_truth": alone["truth"],
        "duplicate": apart,
    }


def same_persons(engine: Engine, probably: ir.Table, evidently: ir.Table) -> int:
    """How many missing profiles are evidently, or probably, an orphan one, of the pairs that are either."""
    pairs = probably.filter(probably.side == "both").select("truth_key")
    return count(engine, pairs.union(evidently.select("truth_key"), distinct=True))


def violations_per_rule(engine: Engine, violations: ir.Table) -> dict[str, int]:
    """Rule → number of violations on both sides."""
    counted = violations.group_by("rule").agg(n=violations.count())
    return {str(rule): int(number) for rule, number in sorted(engine.rows(counted))}


def stop_if_renumbered(pairs: int, found: DiffCounts) -> None:
    """Raise InputUnusable where `pairs` says that most missing and orphan profiles are the same people, rekeyed."""
    missing, orphans = found.profiles[Status.MISSING], found.profiles[Status.ORPHAN]
    compared = sum(found.profiles.values())
    if pairs >= RENUMBERED_PAIRS and 2 * pairs >= max(missing, orphans) and 10 * pairs >= compared:
        raise InputUnusable(
            f"keys look renumbered: {pairs:,} of {missing:,} profiles that seem missing are evidently there under "
            "another key",
            hint="nothing was reported or planned; to carry over what is known: auditor rekey --map old-new.csv",
        )


def _renamed(matched: Matched, table: ir.Table, column: str) -> ir.Table:
    """The table with the canonical keys of a column as people know them."""
    joined = table.left_join(matched.shown, table[column] == matched.shown.canonical)
    return joined.mutate(**{column: ibis.coalesce(joined.shown, joined[column])}).drop("canonical", "shown")


def _tally(engine: Engine, rows: Rows, column: str) -> dict[str, int]:
    """Value → rows, the most frequent first."""
    if isinstance(rows, ir.Table):
        counted = engine.rows(rows.group_by(value=rows[column]).agg(n=rows.count()))
    else:
        counted = list(rows[column].value_counts().iter_rows())
    return {str(value): int(number) for value, number in sorted(counted, key=lambda row: (-row[1], str(row[0])))}
