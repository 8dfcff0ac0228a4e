"""One audit as a finished value: what the report renders, what a plan is made from, what `run.json` records.

`Conclusion` is what it came to, in numbers and sentences; `Audit` has the rows beside it.

Frames are Polars and follow the columns below exactly; text unless said otherwise. They are the Parquet files of a run
folder, whose names and columns are a public interface.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import polars as pl

from auditor.findings.codes import NotChecked, Notice
from auditor.findings.reason import Reason
from auditor.findings.sentences import sentence
from auditor.findings.suggestion import Suggestion
from auditor.findings.words import Words
from auditor.model import FORMAT, Permission, Rule, Severity, Side, Source, Status, Verdict
from auditor.settings.contract import Column

KEY: Final = "key"
"""What the key is called in `Counts.matched_by`, whatever its columns are."""
NORMALISED: Final = ", normalised"
"""Added there to a key's name: the two sides spell it differently."""
AMBIGUOUS: Final = ", ambiguous"
"""Added there to a key's name: what it could match is set apart."""

TEXT: Final = pl.String()
MOMENT: Final = pl.Datetime("us", "UTC")

PROFILES: Final = pl.Schema(
    {
        "key": TEXT,
        "platform_key": TEXT,
        "truth_key": TEXT,
        "profile_id": TEXT,
        "status": TEXT,  # model.Status; every key but the equal ones
        "moved": TEXT,  # model.Moved of the profile's differences where they agree, else null
        "waiting": pl.Boolean(),
        "gone": pl.Boolean(),
        "pending": pl.Boolean(),  # everything that makes it differ was sent after the moment the export shows
        "columns": pl.List(TEXT),  # the columns that differ
        "matched_by": TEXT,  # the key that matched it (see Counts.matched_by); null where nothing did
        "platform_rows": pl.Int64(),
        "truth_rows": pl.Int64(),
    }
)
DIFFERENCES: Final = pl.Schema(
    {
        "key": TEXT,
        "column": TEXT,
        "platform": TEXT,  # the raw text
        "truth": TEXT,  # as it would be written to the platform; null: empty
        "base": TEXT,  # canonical value on which both sides last agreed; null: empty or no base
        "status": TEXT,  # stale | conflicting
        "moved": TEXT,  # model.Moved
        "reason": TEXT,  # model.Reason
        "cause": TEXT,  # causes.cause
        "waiting": pl.Boolean(),
        "pending": pl.Boolean(),
        "blocked": pl.Boolean(),
        "platform_updated": MOMENT,
        "truth_updated": MOMENT,
    }
)
CAUSES: Final = pl.Schema(
    {
        "cause": TEXT,
        "column": TEXT,
        "reason": TEXT,
        "pattern": TEXT,
        "profiles": pl.Int64(),
        "shared": TEXT,  # what most of its profiles have in common, as JSON (codes.Shared); null: nothing that tells
        "share": pl.Float64(),  # of its profiles that have it, from 0 to 1
        "elsewhere": pl.Float64(),  # of the other profiles whose column is filled
        "lift": pl.Float64(),  # how many times as frequent the cause is there as elsewhere; null: it is nowhere else
        "examples": pl.List(pl.Struct({"key": TEXT, "platform": TEXT, "truth": TEXT})),  # as in differences
    }
)
VIOLATIONS: Final = pl.Schema(
    {
        "side": TEXT,
        "key": TEXT,  # null where the table or column as a whole is wrong
        "column": TEXT,  # several are joined by a comma; null where it is about the table
        "value": TEXT,
        "rule": TEXT,  # model.Rule, or the short name of a steward's own expectation
        "detail": TEXT,  # what is right, in words
        "severity": TEXT,  # model.Severity
        "refusal": TEXT,  # model.Refusal: how Actito would refuse a value of the truth; null where it would not
    }
)
PERMISSIONS: Final = pl.Schema(
    {
        "key": TEXT,
        "column": TEXT,
        "finding": TEXT,  # model.PermissionFinding
        "platform": TEXT,  # model.Permission: what the cell says, whichever way round its column is spelt
        "truth": TEXT,  # likewise; null: the truth does not know the person
        "since": MOMENT,
        "platform_text": TEXT,  # the raw text
        "truth_text": TEXT,  # as it would be written to the platform
        "profile_id": TEXT,
    }
)
SAYS: Final = ("platform_says", "truth_says")
"""What `differences.parquet` and `permissions.parquet` have behind their columns where the contract has permissions:
what each side's cell says, as SAID; null of what is no permission, and of a side that does not know the person."""
SAID: Final[Mapping[Permission, str]] = {
    Permission.ON: "may_be_contacted",
    Permission.OFF: "may_not_be_contacted",
    Permission.EMPTY: "says_neither",
}
"""A code that nobody misreads of a column that is spelt the other way round, as `on` would be."""
SAME_PERSON: Final = pl.Schema(
    {
        "platform_key": TEXT,  # null where side is truth
        "truth_key": TEXT,  # null where side is platform
        "other_key": TEXT,  # the second key of a pair of one side; null where side is both
        "side": TEXT,  # both: one key is missing, the other an orphan; platform, truth: twice on that side
        "score": pl.Float64(),  # the probability, from 0 to 1, that both are one person
        "evidence": TEXT,  # which columns are the same, similar and different
    }
)
ACTIVITIES: Final = pl.Schema(
    {
        "key": TEXT,
        "channel": TEXT,  # activities.Channel
        "activity": TEXT,  # activities.Activity
        "reason": TEXT,  # activities.Unsent of what was not sent, where that is told
        "times": pl.Int64(),  # at different moments
        "first": MOMENT,
        "last": MOMENT,
        "stands": pl.Boolean(),  # it bears on today: about the address that the platform has, and not too long ago
        "column": TEXT,  # the address or number that it is about; null where the contract maps none
        "permitted": pl.Boolean(),  # some permission of the profile is on in Actito
        "told": TEXT,  # findings.for_truth.ForTruth; null where the owners of the truth need not hear of it
    }
)
"""The columns of `activities.parquet`, which a run has where activities are known: a row per profile, channel, activity
and reason."""
REJECTED: Final = pl.Schema({"side": TEXT, "line": pl.Int64(), "reason": TEXT, "text": TEXT})

FRAMES: Final[Mapping[str, pl.Schema]] = {
    "profiles": PROFILES,
    "differences": DIFFERENCES,
    "causes": CAUSES,
    "violations": VIOLATIONS,
    "permissions": PERMISSIONS,
    "same_person": SAME_PERSON,
    "rejected": REJECTED,
}
"""File stem in the run folder → its columns."""
LATER: Final[Mapping[str, frozenset[str]]] = {
    "causes": frozenset({"shared", "share", "elsewhere", "lift", "examples"}),
    "violations": frozenset({"severity", "refusal"}),
    "same_person": frozenset({"side", "other_key"}),
    "permissions": frozenset({"platform_text", "truth_text", "profile_id"}),
}
"""The columns that the first run folders do not have."""


ROWS: Final = tuple(
    side.value + part for side in Side for part in ("", "_rejected", "_null_key", "_duplicate", "_excluded")
)
"""The names of `Counts.rows`: every row of a side, and those that were not compared."""


@dataclass(frozen=True)
class Counts:
    """The numbers of an audit; `Audit.summary` shows them in their public form.

    Identity, for the platform and likewise for the truth: rows = rejected + excluded + null_key + duplicate
    + equal + orphan (truth: missing) + stale + conflicting.
    """

    rows: Mapping[str, int]
    """As ROWS."""
    profiles: Mapping[Status, int]
    """Keys per status; waiting and pending ones are included."""
    waiting: int
    pending: int
    created: int
    """Profiles that differ by permissions without which we created them, and which a person decides."""
    undone: int
    """Profiles that differ by what was written once and taken back, and by nothing else."""
    gone: int
    kept: Mapping[str, int]
    differences_by_column: Mapping[str, int]
    differences_by_reason: Mapping[str, int]
    later: int
    """Differing cells that wait for the next synchronisation or were sent already."""
    needs: Mapping[str, int] | None
    """Differing cells by model.Need: what becomes of them; None: nobody asked, as in a comparison."""
    decisions: Mapping[str, int] | None
    """How many cells, pairs and findings a person was `asked` about, and how many are `decided` by what holds or
    `changed` since; None: nobody asked."""
    formats: Mapping[str, int]
    matched_by: Mapping[str, int]
    """How the profiles of both sides were matched: `key`, or the columns of a fallback key joined by ` + `, followed by
    `, normalised` where the two sides spell that key differently. Keys set apart because a fallback key could match
    several rows are counted under `, ambiguous`."""
    violations_by_side: Mapping[Side, int]
    violations_by_rule: Mapping[str, int]
    violations_by_severity: Mapping[str, int]
    permissions: Mapping[str, int]
    against_their_will: int
    """People of whom some permission finding says that they may be contacted against their will."""
    on_grounds: int
    """People of whom one says so for which grounds are recorded that hold."""
    findings_to_decide: int
    """Permission findings on which themselves a decision is needed."""
    findings_settled: int
    """Permission findings of which nothing is left to do: grounds that hold, or withdrawn and not in an export yet."""
    same_person: Mapping[str, int]
    """Pairs by `side`: both, platform, truth."""
    standing: Mapping[Status, int]
    """Keys per status that is a finding: they neither wait nor were sent already, nor do they differ by what we did."""
    reachable: int | None
    """Profiles with a permission that is on and an address or number; None where nobody asked, as in a comparison."""
    unreachable: Mapping[str, int] | None
    """Of the reachable, those whom messages probably do not reach, by activities.Activity, the first that holds; None
    where no activities are known: what is said of the reachable is said before quarantine then."""

    @property
    def differences(self) -> int:
        return sum(self.differences_by_column.values())

    @property
    def open_differences(self) -> int:
        """Those to be dealt with: they neither wait nor were sent already."""
        return self.differences - self.later

    @property
    def not_agreeing(self) -> int:
        """Profiles that do not agree: what was taken back differs as it did before it was written."""
        return sum(self.standing.values()) + self.undone

    @property
    def other_findings(self) -> int:
        """Invalid values, and permission findings of which something is left to do."""
        return self.errors + sum(self.permissions.values()) - self.findings_settled

    @property
    def errors(self) -> int:
        """Violations that are findings: all but warnings, notes and what is tolerated."""
        less = sum(number for severity, number in self.violations_by_severity.items() if severity != Severity.ERROR)
        return sum(self.violations_by_side.values()) - less


def kept_out(violations: pl.DataFrame) -> pl.DataFrame:
    """The violations for whose sake a value must not be sent: Actito would refuse it, or a steward calls it an error.

    A warning of a steward's own does not keep a value from being corrected. Nor does it ever let a value through that
    breaks the structure, whatever severity somebody gave that.
    """
    error = pl.col("severity").fill_null(Severity.ERROR.value) == Severity.ERROR.value
    return violations.filter(error | pl.col("rule").is_in([rule.value for rule in Rule]))


def swapped_with(differences: pl.DataFrame) -> dict[tuple[str, str], str]:
    """(key, column) of swapped values → key of the profile that carries the value, as far as both spell it alike.

    `differences` are in the columns of DIFFERENCES, with real values.
    """
    swapped = differences.filter(pl.col("reason") == Reason.SWAPPED.value).select(
        "key", "column", *(pl.col(name).str.strip_chars().str.to_lowercase() for name in ("platform", "truth"))
    )
    found = swapped.join(swapped, left_on=["column", "platform", "truth"], right_on=["column", "truth", "platform"])
    return {(key, column): other for key, column, other in found.select("key", "column", "key_right").iter_rows()}


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """What an audit came to, without its rows: those are in the Parquet files of `folder`."""

    run: str
    """UTC stamp and a short id: names the run folder."""
    entity: str
    table: str
    platform_name: str
    """What the platform is called on screens."""
    truth_name: str
    started: datetime
    verdict: Verdict
    counts: Counts
    not_checked: tuple[NotChecked, ...]
    sources: tuple[Source, ...]
    columns: tuple[Column, ...]
    """The compared columns, in the contract's order, with their rules and sensitivity."""
    key: tuple[str, ...]
    folder: Path
    seconds: Mapping[str, float]
    """Per stage."""
    fallbacks: tuple[tuple[str, ...], ...]
    """The columns of the fallback keys."""
    notices: tuple[Notice, ...]
    """What is new since the last run and bears on this one: changes of the structure, memory that was left aside."""
    suggestions: tuple[Suggestion, ...]
    """Rules that would make differences equal."""

    def with_rows(self, rows: Mapping[str, pl.DataFrame]) -> Audit:
        """The audit, with the rows of each of FRAMES."""
        values: dict[str, Any] = {one.name: getattr(self, one.name) for one in fields(self)}
        return Audit(**(values | dict(rows)))

    def source(self, side: Side) -> Source:
        return next(source for source in self.sources if source.side is side)

    @property
    def say(self) -> Words:
        return Words(self.platform_name, self.truth_name)

    def summary(self) -> dict[str, Any]:
        """The document that `auditor run --json` prints: facts, and beside them what they say."""
        facts = self.facts()
        told = zip(facts["not_checked"], self.not_checked, strict=True)
        return facts | {
            "not_checked": [{**content, "sentence": sentence(item, self.say)} for content, item in told],
            "notices": [sentence(notice, self.say) for notice in self.notices],
        }

    def facts(self) -> dict[str, Any]:
        """What `run.json` begins with."""
        counts = self.counts
        return {
            "format": FORMAT,
            "run": self.run,
            "table": self.table,
            "verdict": self.verdict.value,
            "rows": dict(counts.rows),
            "profiles": {status.value: counts.profiles[status] for status in Status},
            "waiting": counts.waiting,
            "pending": counts.pending,
            "created": counts.created,
            "undone": counts.undone,
            "standing": {status.value: number for status, number in counts.standing.items()},
            "gone": counts.gone,
            "kept": dict(counts.kept),
            "later": counts.later,
            "differences": {
                "total": counts.differences,
                "by_column": dict(counts.differences_by_column),
                "by_reason": dict(counts.differences_by_reason),
            },
            "needs": dict(counts.needs or {}),
            "decisions": dict(counts.decisions or {}),
            "formats": dict(counts.formats),
            "matched_by": dict(counts.matched_by),
            "violations": {
                **{side.value: counts.violations_by_side.get(side, 0) for side in Side},
                "by_rule": dict(counts.violations_by_rule),
                "by_severity": dict(counts.violations_by_severity),
            },
            "permissions": dict(counts.permissions),
            "against_their_will": counts.against_their_will,
            "on_grounds": counts.on_grounds,
            "findings_to_decide": counts.findings_to_decide,
            "findings_settled": counts.findings_settled,
            **({} if counts.reachable is None else {"reachable": _reachable(counts)}),
            "same_person": {where: counts.same_person.get(where, 0) for where in ("both", "platform", "truth")},
            "not_checked": [item.content() for item in self.not_checked],
            "notices": [notice.content() for notice in self.notices],
            "suggestions": [one.content() for one in self.suggestions],
            "report": f"runs/{self.run}/report.html",
            "seconds": {stage: round(seconds, 3) for stage, seconds in self.seconds.items()},
        }


@dataclass(frozen=True, kw_only=True)
class Audit(Conclusion):
    """A finished audit of one profile table, with its rows."""

    profiles: pl.DataFrame
    differences: pl.DataFrame
    causes: pl.DataFrame
    violations: pl.DataFrame
    permissions: pl.DataFrame
    same_person: pl.DataFrame
    """With what was decided on each pair beside it, where somebody asked."""
    rejected: pl.DataFrame
    activities: pl.DataFrame
    """As ACTIVITIES; empty as well where no activities are known."""


def _reachable(counts: Counts) -> dict[str, Any]:
    unreachable = counts.unreachable
    known = {} if unreachable is None else {"unreachable": dict(unreachable)}
    return {"profiles": counts.reachable, "before_quarantine": unreachable is None, **known}
