"""What the report says that is not about single people: sentences and numbers, as plain values for the template."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from auditor.findings import figures, words
from auditor.findings.answers import OPEN, Answer
from auditor.findings.audit import Audit
from auditor.findings.planned import MAY_CONTACT
from auditor.findings.reason import Reason
from auditor.findings.words import Words
from auditor.model import Severity, Side, Status, Verdict
from auditor.permissions import state
from auditor.settings.contract import Blank, Master

HEAT_STEPS: Final = 5


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One earlier run of the same table."""

    run: str
    started: datetime
    not_agreeing: int
    differences: int
    """Those that neither wait nor were sent already."""
    permissions: int
    """Permission findings."""


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence with a number, and where the rows are that it counts."""

    sentence: str
    table: str
    facets: Mapping[str, str]
    """Column → the stored word that its rows have."""


@dataclass(frozen=True, slots=True)
class Headline:
    """The verdict in a sentence, and what matters most below it."""

    verdict: Verdict
    word: str
    """What the verdict is called."""
    sentence: str
    rows: Line | None
    """The beginning of the sentence, where it counts something."""
    grave: Line | None
    """Whether people may be contacted against their will; None: nobody."""
    details: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class SideView:
    """One input, and where its rows went: the parts add up to the rows."""

    side: Side
    name: str
    location: str
    as_of: datetime
    as_of_from: str
    sha256: str
    bytes: int
    rows: int
    parts: tuple[tuple[str, int], ...]
    """What was set apart, and how many rows, in the order in which it happens."""
    compared: int


@dataclass(frozen=True, slots=True)
class StatusView:
    counted_as: str
    """A status that is a finding or `equal`, or one of figures.APART: every key is in exactly one."""
    label: str
    meaning: str
    count: int
    share: float
    """From 0 to 1, of all keys."""


@dataclass(frozen=True, slots=True)
class FieldView:
    """One row of the picture: a field, how its differences stand, and what they are."""

    column: str
    permission: bool
    total: int
    parts: tuple[tuple[str, str, int, float, float], ...]
    """Stored word, label, count, start and width of the bar's piece in percent of the bar."""
    cells: tuple[tuple[str, int, int], ...]
    """Reason, count, and how dark it is (0 nothing … `HEAT_STEPS`)."""


@dataclass(frozen=True, slots=True)
class RuleView:
    """How one field is compared and who decides."""

    column: str
    truth: str
    compare: str
    master: str
    blank: str
    sensitivity: str
    permission: str
    differences: int
    kept: int
    formats: int


def says(audit: Audit) -> Callable[[str, str | None], str]:
    """What a text says in a column that is a permission; nothing in any other."""
    polarities = {column.name: column.permission for column in audit.columns if column.permission is not None}
    return lambda name, text: MAY_CONTACT[state(text, polarities[name])] if name in polarities else ""


def headline(audit: Audit, say: Words) -> Headline:
    counts = audit.counts
    keys, equal, differing = sum(counts.profiles.values()), counts.profiles[Status.EQUAL], counts.not_agreeing
    rows = None
    if differing:
        verb = "does" if differing == 1 else "do"
        sentence = f"{differing:,} of {_many(keys, 'profile', 'profiles')} {verb} not agree"
        rows = Line(sentence, "profiles", {"agrees": "no"})
    elif audit.verdict is Verdict.FINDINGS:
        sentence = "All profiles agree, but not everything is in order"
    elif equal < keys:
        sentence = f"{say.platform} and {say.truth} agree on {equal:,} of {_many(keys, 'profile', 'profiles')}"
    else:
        sentence = f"{say.platform} and {say.truth} agree on {_all(keys)}"
    if audit.verdict is Verdict.INCOMPLETE:
        sentence += f", as far as was checked: {_many(len(audit.not_checked), 'thing was', 'things were')} not"
    against = _many(counts.against_their_will, "person", "people")
    details = (
        (
            counts.on_grounds,
            "person may be contacted with grounds recorded",
            "people may be contacted with grounds recorded",
            "permissions",
            {"against": figures.GROUNDS},
        ),
        (counts.errors, "value is invalid", "values are invalid", "violations", {"severity": Severity.ERROR.value}),
        *(
            (getattr(counts, flag), one, more, "profiles", {"counted_as": flag})
            for flag, one, more in (
                ("waiting", "profile waits for the next synchronisation", "profiles wait for the next synchronisation"),
                (
                    "pending",
                    "profile was corrected already, and no export shows it yet",
                    "profiles were corrected already, and no export shows it yet",
                ),
                (
                    "created",
                    "profile was created by us, with permissions to be decided",
                    "profiles were created by us, with permissions to be decided",
                ),
                (
                    "undone",
                    "profile differs by what was written once and taken back",
                    "profiles differ by what was written once and taken back",
                ),
            )
        ),
    )
    return Headline(
        verdict=audit.verdict,
        word=words.VERDICT[audit.verdict],
        sentence=f"{sentence}.",
        rows=rows,
        grave=Line(f"{against} may be contacted against their will.", "permissions", {"against": "yes"})
        if counts.against_their_will
        else None,
        details=tuple(
            Line(f"{_many(number, one, more)}.", table, facets)
            for number, one, more, table, facets in details
            if number
        ),
    )


def sides(audit: Audit, say: Words) -> list[SideView]:
    views = []
    for source in audit.sources:
        rows = audit.counts.rows
        parts = tuple(
            (label, rows[f"{source.side.value}_{part}"])
            for part, label in (
                ("rejected", "could not be read"),
                ("excluded", "outside the compared population"),
                ("null_key", "without a key"),
                ("duplicate", "with a key that stands twice"),
            )
        )
        total = rows[source.side.value]
        views.append(
            SideView(
                side=source.side,
                name=say.side(source.side),
                location=source.location,
                as_of=source.as_of,
                as_of_from=words.AS_OF_FROM.get(source.as_of_from, source.as_of_from),
                sha256=source.sha256,
                bytes=source.bytes,
                rows=total,
                parts=parts,
                compared=total - sum(number for _, number in parts),
            )
        )
    return views


def statuses(audit: Audit, say: Words) -> list[StatusView]:
    keys = sum(audit.counts.profiles.values())
    numbers = figures.per_profile(audit.counts)
    told = {**words.STATUS, **words.FLAG}
    order = (Status.EQUAL, Status.CONFLICTING, Status.STALE, Status.MISSING, Status.ORPHAN, Status.DUPLICATE)
    return [
        StatusView(
            counted_as=one,
            label=say.fill(told[one][0]),
            meaning=say.fill(told[one][1]),
            count=numbers[one],
            share=numbers[one] / keys if keys else 0.0,
        )
        for one in (*(status.value for status in order), *figures.APART)
        if numbers[one] or one not in figures.APART
    ]


def findings(audit: Audit, say: Words) -> list[tuple[str, str, str, int, bool]]:
    """Stored word, label, meaning, number of each permission finding, the gravest first; and whether it means that
    somebody may be contacted against their will.
    """
    numbers = dict(audit.permissions.group_by("finding").len().iter_rows())
    return [
        (finding, say.fill(label), say.fill(meaning), numbers.get(finding, 0), finding in words.AGAINST_THEIR_WILL)
        for finding, (label, meaning) in words.FINDING.items()
        if audit.counts.unreachable is not None or finding not in words.FROM_ACTIVITIES
    ]


def needing(audit: Audit) -> Mapping[str, int] | None:
    """How many findings of each kind are to be decided, on themselves or on the difference; None where nobody asked."""
    if "answer" not in audit.permissions.columns:
        return None
    wanted = audit.permissions.filter(pl.col("answer").is_in([*OPEN, Answer.DIFFERENCE]))
    return dict(wanted["finding"].value_counts().iter_rows())


def fields(audit: Audit, say: Words) -> tuple[list[str], list[FieldView]]:
    """The picture of what is wrong where: the reasons that occur, and one row per field that differs, worst first."""
    differences = audit.differences.filter(figures.is_open())
    counted = differences.with_columns(standing=_standing(audit)).group_by("column", "reason", "standing").len()
    totals = counted.group_by("column").agg(pl.col("len").sum()).sort(["len", "column"], descending=[True, False])
    by_reason = {(column, reason): number for column, reason, number in _sums(counted, "column", "reason")}
    by_standing = {(column, standing): number for column, standing, number in _sums(counted, "column", "standing")}
    found = set(counted["reason"])
    reasons = [str(reason) for reason in Reason if reason in found]
    most = max(by_reason.values(), default=0)
    permissions = {column.name for column in audit.columns if column.permission is not None}
    labels = _standing_labels(audit, say)
    views = []
    for column, total in totals.iter_rows():
        parts, start = [], 0.0
        for standing, label in labels.items():
            number = by_standing.get((column, standing), 0)
            if number:
                width = 100 * number / total
                parts.append((standing, label.lower(), number, round(start, 3), round(width, 3)))
                start += width
        cells = tuple((reason, by_reason.get((column, reason), 0)) for reason in reasons)
        views.append(
            FieldView(
                column=column,
                permission=column in permissions,
                total=total,
                parts=tuple(parts),
                cells=tuple((reason, number, _heat(number, most)) for reason, number in cells),
            )
        )
    return reasons, views


def standings(audit: Audit, say: Words) -> list[tuple[str, str, int]]:
    """How differences stand, as a picture tells them apart: stored word, label and number of differences."""
    if audit.counts.needs is not None:
        numbers = figures.standings(audit.counts)
    else:
        numbers = dict(audit.differences.filter(figures.is_open())["status"].value_counts().iter_rows())
        numbers[figures.LATER] = audit.counts.later
    return [(word, label, numbers.get(word, 0)) for word, label in _standing_labels(audit, say).items()]


def _standing(audit: Audit) -> pl.Expr:
    """What becomes of an open difference; where nobody asked (a comparison), its status."""
    return pl.col("status" if audit.counts.needs is None else "need")


def _standing_labels(audit: Audit, say: Words) -> dict[str, str]:
    later = {figures.LATER: figures.WAITING_OR_SENT} if audit.counts.later else {}
    if audit.counts.needs is not None:
        return say.labels(words.NEED) | later
    named = say.labels(words.STATUS)
    return {status.value: named[status] for status in (Status.CONFLICTING, Status.STALE)} | later


def rules(audit: Audit, say: Words) -> list[RuleView]:
    counts = audit.counts
    open_cells = dict(audit.differences.filter(figures.is_open())["column"].value_counts().iter_rows())
    return [
        RuleView(
            column=column.name,
            truth=column.truth,
            compare=say.compare(column),
            master=say.fill(
                words.MASTER[Master.BOTH if column.permission else column.master] + words.WRITTEN[column.write]
            ),
            blank="clears the field" if column.blank is Blank.CLEAR else "changes nothing",
            sensitivity=words.SENSITIVITY[column.sensitivity],
            permission=column.permission.value if column.permission else "",
            differences=open_cells.get(column.name, 0),
            kept=counts.kept.get(column.name, 0),
            formats=counts.formats.get(column.name, 0),
        )
        for column in audit.columns
    ]


def trend_bars(earlier: Sequence[TrendPoint], audit: Audit) -> list[tuple[TrendPoint, float]]:
    """Earlier runs and this one, with the bar's height in percent of the highest; nothing where this is the first."""
    if not earlier:
        return []
    counts = audit.counts
    now = TrendPoint(
        audit.run, audit.started, counts.not_agreeing, counts.open_differences, sum(counts.permissions.values())
    )
    points = [*earlier, now]
    highest = max(point.not_agreeing for point in points)
    return [(point, round(100 * point.not_agreeing / highest, 2) if highest else 0.0) for point in points]


def _sums(counted: pl.DataFrame, *by: str) -> list[tuple[str, str, int]]:
    return [(a, b, number) for a, b, number in counted.group_by(*by).agg(pl.col("len").sum()).iter_rows()]


def _heat(number: int, most: int) -> int:
    """Steps by magnitude, so that ten differences are seen beside a thousand."""
    if number == 0:
        return 0
    return max(1, min(HEAT_STEPS, round(HEAT_STEPS * math.log1p(number) / math.log1p(most))))


def _many(number: int, one: str, more: str) -> str:
    return f"{number:,} {one if number == 1 else more}"


def _all(keys: int) -> str:
    return "the one profile there is" if keys == 1 else f"all {keys:,} profiles" if keys else "an empty table"
