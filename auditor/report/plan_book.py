"""A plan as a workbook, for people who filter and sort before they say yes. Every cell is text, as in the report's."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from auditor.findings.moments import moment
from auditor.findings.planned import MAY_CONTACT, ONE, PURPOSE
from auditor.findings.sentences import spelt_out
from auditor.plan.named import Named, named
from auditor.plan.review import Change, Review, Reviewed
from auditor.report.plan_text import counted, left_alone, of_the_whole, way
from auditor.report.xlsx import Row, book

IN_A_BOOK: Final = 20_000
"""Writes that a workbook has: more of them nobody sorts by eye, and the text beside it has all of them."""

_HEADER: Final = (
    *("Profile", "Name", "E-mail", "What", "How", "Field", "Before", "Afterwards", "Said before", "Says afterwards"),
    *("Why", "Decided by", "Decided", "To know"),
)

_NAMED: Final = ("Profile", "Field", "Why", "Reason", "By", "Decided", "Until")


def plan_book(review: Review, lasting: str, text: str) -> bytes:
    """`lasting` says what no undo brings back; `text` is the name of the file with every write.

    Sheets: plan, writes, left alone, left by name. A write has a line per value that changes.
    """
    plan = review.plan
    facts = [
        ("Plan", plan.sha),
        ("Purpose", PURPOSE[plan.purpose]),
        ("Table", f"{plan.table} ({plan.entity})"),
        ("Run", plan.run),
        ("Made", moment(plan.made)),
        ("Export of", moment(plan.export_as_of)),
        *(("To know", spelt_out(told)) for told in (counted(review), *of_the_whole(review, lasting))),
    ]
    if len(plan.writes) > IN_A_BOOK:
        facts.append(("Not in this file", f"{len(plan.writes) - IN_A_BOOK:,} more writes: {text} has every one"))
    left = [(f"{number}", spelt_out(why)) for number, why, _ in left_alone(review)]
    return book(
        (
            ("plan", ("What", "Value"), facts),
            ("writes", _HEADER, _rows(review)),
            ("left alone", ("How many", "Why"), left),
            ("left by name", _NAMED, map(_left, named(review))),
        )
    )


def _left(one: Named) -> Row:
    decided = moment(one.at) if one.at else ""
    return one.key, one.column or "", spelt_out(one.told), one.why, one.by or "", decided, one.until or ""


def _rows(review: Review) -> Iterator[Row]:
    for write in islice(review.writes(), IN_A_BOOK):
        for change in write.changes or (None,):
            yield _row(write, change, review)


def _row(write: Reviewed, change: Change | None, review: Review) -> Row:
    of_the_change = change.to_know(review.say) if change else {}
    risks = "; ".join((*of_the_change.values(), *write.to_know(review.say).values()))
    who = (write.key, write.name, write.email, ONE[write.kind], way(write))
    if change is None:
        return (*who, *[""] * 8, risks)
    said = [MAY_CONTACT[one] for one in change.says or ()] or ["", ""]
    decided = moment(change.at) if change.at else ""
    return (
        *(*who, change.column, change.before or "", change.after or "", *said),
        *(change.because, change.by or "", decided, risks),
    )
