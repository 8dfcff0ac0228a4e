"""A plan as one self-contained page, in the style of the report: nothing on it runs, and nothing is fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from markupsafe import Markup

from auditor import __version__
from auditor.files.data import data_folder
from auditor.findings.planned import MAY_CONTACT, ONE, PURPOSE, in_words
from auditor.plan.named import named
from auditor.plan.review import Review
from auditor.report.plan_text import counted, left_alone, of_the_whole, way
from auditor.report.templates import csp_hash, templates

ON_A_PAGE: Final = 1000
"""Writes that a page has, and cells that it leaves by name: a browser scrolls through no more, and the text beside it
has all of them.
"""


@dataclass(frozen=True, slots=True)
class Listed:
    """A plan of a run, as its folder names it."""

    sha: str
    purpose: str
    made: datetime
    counts: Mapping[str, int]
    """Profiles per kind of write."""
    files: Sequence[str]
    """The names of what tells it write by write: a page, a workbook, a text."""
    applied: datetime | None
    """When the last of it was sent; None: nothing was."""


def plans_page(table: str, run: str, plans: Sequence[Listed]) -> str:
    """What a run's pages lead to: every plan made of it, the newest first, with counts alone."""
    listed = [(one, PURPOSE[one.purpose], in_words(one.counts)) for one in plans]
    return _still("plans.html", table=table, run=run, plans=listed)


def plan_page(review: Review, lasting: str, text: str) -> str:
    """`lasting` says what no undo brings back; `text` is the name of the file with all of it."""
    plan, by_name = review.plan, list(named(review))
    return _still(
        "plan.html",
        plan=plan,
        say=review.say,
        purpose=PURPOSE[plan.purpose],
        headline=counted(review),
        sentences=of_the_whole(review, lasting),
        to_apply=review.beside.carried_out is None and not plan.for_others,
        by_file=any(write.batch is not None for write in plan.writes),
        writes=list(islice(review.writes(), ON_A_PAGE)),
        more=max(0, len(plan.writes) - ON_A_PAGE),
        left=[(number, why) for number, why, _ in left_alone(review)],
        named=by_name[:ON_A_PAGE],
        more_named=max(0, len(by_name) - ON_A_PAGE),
        text=text,
        one=ONE,
        way=way,
        may_contact=MAY_CONTACT,
    )


def _still(template: str, **values: object) -> str:
    """A page on which nothing runs: its policy allows its own style, and nothing else."""
    folder = data_folder("reports")
    style = (folder / "page.css").read_text(encoding="utf-8")
    return (
        templates(folder)
        .get_template(template)
        .render(
            **values,
            style=Markup(style),  # noqa: S704 - our own file
            style_hash=csp_hash(style),
            version=__version__,
        )
    )
