"""The audit as a workbook for people who filter and sort in a spreadsheet.

Every cell is text, so that nothing in it is ever a formula, a link or a number that lost its leading zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from auditor.findings import figures, words
from auditor.findings.audit import Audit
from auditor.findings.decided import so_far
from auditor.findings.left_alone import worth_saying
from auditor.findings.planned import MAY_CONTACT, may_contact
from auditor.findings.sentences import ENGLISH, sentence
from auditor.findings.unreachable import reachable
from auditor.findings.words import Words
from auditor.model import Side
from auditor.permissions import state
from auditor.plan.finding_answers import polarities
from auditor.report.redact import Privacy, visible
from auditor.report.rows import decided_so, labels, with_decision

if TYPE_CHECKING:
    import polars as pl

    from auditor.settings.contract import Polarity

LAST_ROW: Final = 1_048_575
"""Index of the last row that a sheet has."""
LONGEST_CELL: Final = 32_767
"""Characters that a cell holds."""

Row = Sequence[str]


def workbook(audit: Audit, privacy: Privacy) -> bytes:
    """`audit`, which is shown as it is (mask it before), with `need` and `why` beside its differences, as an XLSX file.

    Sheets: summary, profiles, differences, violations, permissions, same person, causes, and activities where they are
    known. The sheets about people have their header line only where the privacy leaves no person in the audit.
    """
    return book(_sheets(audit, privacy))


def for_review(told: pl.DataFrame, permissions: Mapping[str, Polarity]) -> bytes:
    """The content of `for-the-truth.csv` as an XLSX file: whatever a customer typed, nothing in it is a formula.

    What `permissions` say stands in words behind it.
    """

    def says(row: Mapping[str, Any]) -> Row:
        polarity = permissions.get(row["column"])
        return ["" if polarity is None else MAY_CONTACT[state(row[side.value], polarity)] for side in Side]

    rows = ([*map(_text, row.values()), *says(row)] for row in told.iter_rows(named=True))
    header = (*told.columns, *(f"{side.value} says" for side in Side if permissions))
    return book([("for the truth", header, rows)])


def book(sheets: Iterable[Sheet]) -> bytes:
    """The sheets, each with its header line, as an XLSX file."""
    import xlsxwriter  # slow to import, and not needed by `compare`

    content = BytesIO()
    settings = {
        "in_memory": True,
        "constant_memory": False,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(content, settings) as made:
        text = made.add_format({"num_format": "@", "valign": "top"})
        bold = made.add_format({"num_format": "@", "bold": True, "bottom": 1})
        for name, header, rows in sheets:
            sheet = made.add_worksheet(name)
            sheet.freeze_panes(1, 0)
            sheet.set_column(0, len(header) - 1, 24, text)
            last = 0
            for number, row in enumerate([header, *rows]):
                if number >= LAST_ROW:
                    sheet.write_string(LAST_ROW, 0, "… more rows than a sheet holds; all are in the run folder", text)
                    last = LAST_ROW
                    break
                style = bold if number == 0 else text
                for column, value in enumerate(row):
                    if value:
                        sheet.write_string(number, column, _cell(value), style)
                last = number
            sheet.autofilter(0, 0, last, len(header) - 1)
    return content.getvalue()


def _cell(value: str) -> str:
    shown = visible(value)
    return shown if len(shown) <= LONGEST_CELL else shown[: LONGEST_CELL - 1] + "…"


Sheet = tuple[str, Row, Iterable[Row]]
"""Its name, its header and its rows."""


def _sheets(audit: Audit, privacy: Privacy) -> Iterable[Sheet]:
    told = _Told(Words(audit.platform_name, audit.truth_name), polarities(audit))
    yield "summary", ("What", "Value"), _summary(audit, told.say, privacy)
    known = [_activities] if audit.counts.unreachable is not None else []
    for sheet in (_profiles, _differences, _violations, _permissions, *known, _same_person, _causes):
        yield sheet(audit, told)


class _Told:
    """The words for the codes of an audit."""

    def __init__(self, say: Words, permissions: Mapping[str, Polarity]) -> None:
        self.say = say
        self._permissions = permissions
        self._named = labels(say)

    def name(self, kind: str, code: str | None) -> str:
        return self._named[kind].get(code or "", code or "")

    def values(self, row: Mapping[str, Any]) -> Row:
        """The values of both sides; of a permission in words, with the raw text beside them."""
        polarity = self._permissions.get(row["column"])
        values = [row[side.value] for side in Side]
        return [_text(text) if polarity is None else may_contact(state(text, polarity), text) for text in values]

    def note(self, row: Mapping[str, Any], *names: str) -> str:
        """The flags of a differing cell, and why it is not corrected."""
        flags = [flag for flag in names if row[flag]]
        why = worth_saying(row["why"], flags, row["damage"])
        return ", ".join([self.flags(row, *names)] * bool(flags) + [self.name("why", why)] * bool(why))

    def flags(self, row: Mapping[str, Any], *names: str) -> str:
        return ", ".join(self._named["flags"][flag] for flag in names if row[flag])


def _profiles(audit: Audit, told: _Told) -> Sheet:
    say = told.say
    rows_in = (f"Rows in {say.platform}", f"Rows in {say.truth}")
    header = ("Profile", "Status", "Note", "Who moved", "Fields that differ", *rows_in)
    rows = (
        (
            _text(row["key"]),
            told.name("status", row["status"]),
            told.flags(row, "pending", "waiting", "created", "undone", "gone"),
            told.name("moved", row["moved"]),
            ", ".join(row["columns"] or ()),
            _text(row["platform_rows"]),
            _text(row["truth_rows"]),
        )
        for row in audit.profiles.iter_rows(named=True)
    )
    return "profiles", header, rows


def _differences(audit: Audit, told: _Told) -> Sheet:
    say = told.say
    values = (f"In {say.platform}", f"In {say.truth}", "Last agreed")
    changed = (f"{say.platform} row changed", f"{say.truth} row changed")
    header = ("Profile", "Field", *values, "Why", "What happens", "Who moved", "Note", "Cause", *changed, "Decided")
    rows = (
        (
            *(_text(row[column]) for column in ("key", "column")),
            *told.values(row),
            _text(row["base"]),
            told.name("reason", row["reason"]),
            told.name("need", row["need"]),
            told.name("moved", row["moved"]),
            told.note(row, "again", "pending", "waiting", "blocked"),
            *(_text(row[column]) for column in ("cause", "platform_updated", "truth_updated", "decision")),
        )
        for row in with_decision(audit.differences, say).iter_rows(named=True)
    )
    return "differences", header, rows


def _violations(audit: Audit, told: _Told) -> Sheet:
    header = ("Side", "Profile", "Field", "Value", "What is wrong", "Correct is", "Severity", "Refused as")
    rows = (
        (
            told.say.side(row["side"]),
            *(_text(row[column]) for column in ("key", "column", "value")),
            told.name("rule", row["rule"]),
            _text(row["detail"]),
            told.name("severity", row["severity"]),
            _text(row["refusal"]),
        )
        for row in audit.violations.iter_rows(named=True)
    )
    return "violations", header, rows


def _permissions(audit: Audit, told: _Told) -> Sheet:
    say = told.say
    sides = (f"In {say.platform}", f"In {say.truth}")
    header = ("Profile", "Permission", "Finding", *sides, "Since", "What happens", "Decided")
    rows = (
        (
            _text(row["key"]),
            _text(row["column"]),
            told.name("finding", row["finding"]),
            *(may_contact(row[side.value], row[f"{side.value}_text"]) for side in Side),
            _text(row["since"]),
            told.name("answer", row.get("answer")),
            decided_so(*(_day(row.get(name)) for name in ("decided_by", "decided_at", "until", "evidence"))) or "",
        )
        for row in audit.permissions.iter_rows(named=True)
    )
    return "permissions", header, rows


def _activities(audit: Audit, told: _Told) -> Sheet:
    header = ("Profile", "Channel", "What happened", "Why", "Times", "First", "Last", "What it means today")
    rows = (
        (
            _text(row["key"]),
            told.name("channel", row["channel"]),
            told.name("activity", row["activity"]),
            told.name("unsent", row["reason"]),
            *(_text(row[column]) for column in ("times", "first", "last")),
            told.name("bearing", row["activity"]) if row["stands"] else "",
        )
        for row in audit.activities.sort(~audit.activities["stands"], maintain_order=True).iter_rows(named=True)
    )
    return "activities", header, rows


def _same_person(audit: Audit, told: _Told) -> Sheet:
    say = told.say
    pairs = audit.same_person
    header = (
        f"Key in {say.platform}",
        f"Key in {say.truth}",
        "Second key",
        "Where",
        "How sure",
        "Because of",
        "Decided",
    )
    rows = (
        (
            *(_text(row[column]) for column in ("platform_key", "truth_key", "other_key")),
            told.name("where", row["side"]),
            words.percent(row["score"]),
            _text(row["evidence"]),
            _text(row["decision"]),
        )
        for row in with_decision(pairs, say).sort("score", descending=True, maintain_order=True).iter_rows(named=True)
    )
    return "same person", header, rows


def _causes(audit: Audit, told: _Told) -> Sheet:
    shared = ("In common", "Of these", "Of the others", "Times as frequent there")
    header = ("Cause", "Field", "Why", "Pattern", "Profiles", "In words", *shared)
    rows = (
        (
            _text(row["cause"]),
            _text(row["column"]),
            told.name("reason", row["reason"]),
            ENGLISH.pattern(row["pattern"]),
            *(_text(row[column]) for column in ("profiles", "sentence", "common")),
            *_frequency(row),
        )
        for row in audit.causes.iter_rows(named=True)
    )
    return "causes", header, rows


def _frequency(row: Mapping[str, Any]) -> Row:
    """How many profiles of a cause have what they have in common, how many others, and what that makes."""
    if row["common"] is None:
        return "", "", ""
    lift = "nowhere else" if row["lift"] is None else f"{row['lift']:.1f}"
    return words.share(row["share"]), words.share(row["elsewhere"]), lift


def _summary(audit: Audit, say: Words, privacy: Privacy) -> Iterable[Row]:
    counts = audit.counts
    yield "Verdict", words.VERDICT[audit.verdict]
    yield "Table", f"{audit.entity} / {audit.table}"
    yield "Run", audit.run
    yield "Started", _text(audit.started)
    yield "Privacy", privacy
    for source in audit.sources:
        yield f"{say.side(source.side)} shows", f"{_text(source.as_of)} ({words.AS_OF_FROM.get(source.as_of_from, '')})"
        yield f"{say.side(source.side)} from", source.location
    for name, number in counts.rows.items():
        side, _, part = name.partition("_")
        yield f"Rows: {say.side(Side(side))} {part.replace('_', ' ')}".strip(), str(number)
    named = say.labels(words.STATUS) | say.labels(words.FLAG)
    yield "Profiles that do not agree", str(counts.not_agreeing)
    for one, number in figures.per_profile(counts).items():
        yield f"Profiles: {named[one]}", str(number)
    yield named["gone"], str(counts.gone)
    yield "People who may be contacted against their will", str(counts.against_their_will)
    yield "People with grounds recorded", str(counts.on_grounds)
    yield "Permission findings to be decided by a person", str(counts.findings_to_decide)
    for line, number in reachable(counts):
        yield f"{line[:1].upper()}{line[1:]}", str(number)
    yield "Differences", str(counts.open_differences)
    if counts.needs is not None:
        for need, number in figures.standings(counts).items():
            yield f"Differences: {say.labels(words.NEED).get(need, figures.WAITING_OR_SENT)}", str(number)
    if counts.decisions is not None:
        yield "For people to decide", so_far(counts.decisions)
    for item in audit.not_checked:
        yield "Not checked", sentence(item, say)


def _day(value: object) -> str | None:
    """A moment as its day alone."""
    isoformat = getattr(value, "isoformat", None)
    return str(isoformat())[:10] if isoformat else None if value is None else str(value)


def _text(value: object) -> str:
    """A cell's text; moments in UTC, so that the sheet reads the same everywhere."""
    if value is None:
        return ""
    isoformat = getattr(value, "strftime", None)
    return str(isoformat("%Y-%m-%d %H:%M:%S UTC")) if isoformat else str(value)
