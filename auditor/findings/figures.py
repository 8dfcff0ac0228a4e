"""What each phrase with a number counts: said here once, asked by pages, workbook, terminal, trend and `run.json`.

`docs/numbers.md` lists them. A profile is counted exactly once, a differing cell too, and whatever was sent already,
waits for the next synchronisation or is our own work is no new problem: it has a line of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final

import polars as pl

from auditor.findings.answers import OPEN, SETTLED, Answer
from auditor.findings.audit import Audit, Counts
from auditor.findings.codes import NotChecked
from auditor.findings.since import Since
from auditor.findings.words import AGAINST_THEIR_WILL
from auditor.model import Need, Outcome, Status, Verdict, Why

LATER: Final = "later"
"""What is said of a differing cell that waits or was sent already, beside the words of Need."""
WAITING_OR_SENT: Final = "Waiting or sent already"
"""What that is called on screens."""
GROUNDS: Final = "grounds"
"""What is said of a permission finding for which grounds are recorded; see `against`."""
ALREADY: Final = "already"
"""The detail of what landed without a call: the platform held what was wanted, whoever did that."""
TAKEN_BACK: Final = "taken_back"
"""What is said of what was done and an undo has taken back since."""
_WORST: Final = (
    *(Outcome.REFUSED, Outcome.CHANGED, Outcome.UNKNOWN, Outcome.SKIPPED, TAKEN_BACK, Outcome.LANDED, ALREADY),
)
"""What became of fields, the worst first."""
NO_PROBLEM: Final = ("waiting", "pending", "created")
"""What a profile may be counted as that is no finding."""
APART: Final = (*NO_PROBLEM, "undone")
"""What a profile is counted as instead of its status, the first that holds."""


def is_open() -> pl.Expr:
    """Whether a differing cell is one to be dealt with: it neither waits nor was sent already."""
    return ~(pl.col("waiting") | pl.col("pending"))


def counted_as() -> pl.Expr:
    """What a profile of `counted` is counted as: one of APART, else its status."""
    expression = pl.col("status")
    for flag in reversed(APART):
        expression = pl.when(flag).then(pl.lit(flag)).otherwise(expression)
    return expression


def does_not_agree() -> pl.Expr:
    """Whether a profile of `counted` is one of those that do not agree."""
    return ~pl.any_horizontal(*NO_PROBLEM)


def against(permissions: pl.DataFrame) -> pl.Series:
    """What each permission finding says of somebody being contacted against their will.

    `yes`: they may be; GROUNDS: grounds for that are recorded, and hold; null: it says nothing of it, or the permission
    was withdrawn already. Where nobody asked what becomes of the findings, nothing is known of either.
    """
    grave = pl.col("finding").is_in([finding.value for finding in AGAINST_THEIR_WILL])
    answer = pl.col("answer") if "answer" in permissions.columns else pl.lit(None, pl.String)
    said = pl.when(answer == Answer.GROUNDS).then(pl.lit(GROUNDS)).when(answer == Answer.PENDING).then(None)
    return permissions.select(against=pl.when(grave).then(said.otherwise(pl.lit("yes"))))["against"]


def undecided(permissions: pl.DataFrame) -> pl.DataFrame:
    """The permission findings on which themselves a decision is needed; none where nobody asked."""
    if "answer" not in permissions.columns:
        return permissions.clear()
    return permissions.filter(pl.col("answer").is_in(list(OPEN)))


def settled(permissions: pl.DataFrame) -> int:
    """How many permission findings are none any more, by their answers; none where nobody asked."""
    if "answer" not in permissions.columns:
        return 0
    return permissions.filter(pl.col("answer").is_in(list(SETTLED))).height


def verdict(counts: Counts, not_checked: Iterable[NotChecked]) -> Verdict:
    """`incomplete` goes before everything: what could not be checked is never a pass.

    What a finding is, is the same for `--fail-on findings` and its exit code.
    """
    if any(not_checked):
        return Verdict.INCOMPLETE
    return Verdict.FINDINGS if counts.not_agreeing or counts.other_findings else Verdict.CLEAN


def by_need(needed: pl.DataFrame) -> Mapping[str, int]:
    """The cells of each need, those of none included; `needed` has the columns of `plan.needs.NEEDS`."""
    found = dict(needed["need"].value_counts().iter_rows())
    return {need.value: found.get(need.value, 0) for need in Need}


def standings(counts: Counts) -> dict[str, int]:
    """How the differing cells stand: those of each need as far as they are open, and those that are for LATER."""
    needs = dict(counts.needs or {})
    return needs | {Need.LEFT.value: needs.get(Need.LEFT, 0) - counts.later, LATER: counts.later}


def per_profile(counts: Counts) -> dict[str, int]:
    """What all profiles are counted as, each once: as `counted_as`, and those that agree."""
    apart = {flag: getattr(counts, flag) for flag in APART}
    equal = {Status.EQUAL.value: counts.profiles[Status.EQUAL]}
    return equal | {status.value: number for status, number in counts.standing.items()} | apart


def counted(audit: Audit, needed: pl.DataFrame | None) -> Audit:
    """The audit with its phrases counted by its rows. `needed`: as `plan.needs` gives it, None where nobody asked.

    Its profiles have `created` and `undone` beside their columns: what makes them differ are permissions without which
    we created them, or what was written once and taken back. The profiles of a cause are those whose difference is
    open; `created` of them are so by our own work.
    """
    ours = _ours(needed)
    differs = pl.col("status").is_in([Status.STALE.value, Status.CONFLICTING.value])
    flags = {flag: differs & pl.col("key").is_in(keys) for flag, keys in ours.items()}
    profiles = audit.profiles.with_columns(**flags)
    numbers = dict(profiles.group_by(counted_as().alias("as")).len().iter_rows())
    open_cells = audit.differences.filter(is_open())
    of_cause = dict(open_cells.group_by("cause").len().iter_rows())
    by_us = dict(_made_by_us(open_cells, needed, ours["created"]).group_by("cause").len().iter_rows())
    shown, created = ([found.get(cause, 0) for cause in audit.causes["cause"]] for found in (of_cause, by_us))
    people = audit.permissions.select("key", against=against(audit.permissions)).group_by("against").n_unique()
    grave = dict(people.iter_rows())
    return replace(
        audit,
        profiles=profiles,
        causes=audit.causes.with_columns(
            pl.Series("profiles", shown, dtype=pl.Int64), pl.Series("created", created, dtype=pl.Int64)
        ),
        counts=replace(
            audit.counts,
            needs=None if needed is None else by_need(needed),
            standing={status: numbers.get(status.value, 0) for status in Status if status is not Status.EQUAL},
            **{flag: numbers.get(flag, 0) for flag in APART},
            later=audit.differences.height - open_cells.height,
            against_their_will=grave.get("yes", 0),
            on_grounds=grave.get(GROUNDS, 0),
            findings_to_decide=undecided(audit.permissions).height,
            findings_settled=settled(audit.permissions),
        ),
    )


def by_size(causes: pl.DataFrame) -> pl.DataFrame:
    """Causes, the largest first; what differs by our own work has no cause to be put right, and does not count."""
    ours = pl.col("created") if "created" in causes.columns else pl.lit(0)
    order = (pl.col("profiles") - ours, "profiles", "column", "reason", "pattern", "cause")
    return causes.sort(order, descending=[True, True, False, False, False, False])


def _made_by_us(open_cells: pl.DataFrame, needed: pl.DataFrame | None, ours: Collection[str]) -> pl.DataFrame:
    """The cells without which we created somebody, and whatever else differs of people who differ by our work alone."""
    if needed is None:
        return open_cells.clear()
    without = needed.filter(pl.col("need") == Need.CREATED).select("key", "column", made=pl.lit(True))
    cells = open_cells.join(without, on=["key", "column"], how="left")
    return cells.filter(pl.col("made").fill_null(False) | pl.col("key").is_in(list(ours)))


def became() -> pl.Expr:
    """What became of a field with `outcome`, `detail` and `at`: a model.Outcome, ALREADY, or TAKEN_BACK, which was sent
    once, and is not sent any more.
    """
    back = (pl.col("detail") == Since.UNDONE.value) & pl.col("at").is_not_null()
    found = pl.when(pl.col("detail") == ALREADY).then(pl.lit(ALREADY)).when(back).then(pl.lit(TAKEN_BACK))
    return found.otherwise("outcome")


def fields(outcomes: pl.DataFrame) -> Mapping[str, int]:
    """How many fields came to what; see `became`."""
    found = dict(outcomes.group_by(became()).len().iter_rows())
    return {outcome: found.get(outcome, 0) for outcome in (*map(str, Outcome), ALREADY, TAKEN_BACK)}


def writes(outcomes: pl.DataFrame) -> Mapping[str, int]:
    """How many writes of a plan came to what (see `became`), by a row per field with `kind`, `key`, `outcome`,
    `detail` and `at`.

    A write is one kind of change to one profile, with all its fields, whoever decided each: what a plan counts. It is
    done once each field is, and counts as the field that fared worst before.
    """
    rank = became().replace_strict({str(outcome): place for place, outcome in enumerate(_WORST)})
    worst = outcomes.group_by("kind", "key").agg(worst=rank.min())["worst"]
    found = dict(worst.value_counts().iter_rows())
    return {outcome: found.get(_WORST.index(outcome), 0) for outcome in (*Outcome, ALREADY, TAKEN_BACK)}


def _ours(needed: pl.DataFrame | None) -> Mapping[str, Collection[str]]:
    """The keys of those who differ, in what is not sent already, by our own work alone: none where nobody asked.

    `created`: by permissions without which we created them, and beside them by no more than what a creation leaves
    empty and no plan of ours fills, or was taken back. `undone`: by nothing but what was taken back.
    """
    if needed is None:
        return {"created": (), "undone": ()}
    why = pl.col("why").fill_null("")
    no_question = pl.col("need").is_in([Need.TRUTH.value, Need.LEFT.value])
    without, back = pl.col("need") == Need.CREATED.value, no_question & pl.col("undone")
    unfilled = no_question & (pl.col("platform").fill_null("") == "")
    open_cells = needed.filter(~why.is_in([Why.PENDING.value, Why.WAITING.value]))
    ours = open_cells.group_by("key").agg(created=without.any() & (without | unfilled | back).all(), undone=back.all())
    return {flag: ours.filter(flag)["key"].to_list() for flag in ("created", "undone")}
