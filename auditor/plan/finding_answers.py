"""What becomes of the findings about permissions: withdrawn, kept on recorded grounds, or told to the truth's owners.

A finding whose cell differs is answered by what becomes of the difference (`auditor.plan.needs`). Most cells of
findings do not differ: there a person decides, and a withdrawal is the one write that may come of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

import polars as pl

from auditor import permissions
from auditor.findings.answers import DECIDED_SO, OPEN, Answer
from auditor.findings.audit import TEXT, Audit
from auditor.model import Kind, Need, Why
from auditor.permissions import Cell as Place
from auditor.plan.actions import Action
from auditor.plan.decisions import Choice, Decision
from auditor.plan.knowledge import CELL, Knowledge
from auditor.plan.needs import questions
from auditor.settings.contract import Polarity
from auditor.writes import Cell, LeftAlone, by_fallback

ANSWERS: Final = pl.Schema(
    {
        "answer": TEXT,  # findings.answers.Answer
        "decided_by": TEXT,  # of what a person decided; null, like the following, where nobody did
        "decided_at": pl.Datetime("us", "UTC"),
        "evidence": TEXT,  # of grounds
        "until": pl.Date(),  # the last day on which grounds hold
    }
)

_BY_NEED: Final[Mapping[str, Answer]] = {
    Need.PERSON: Answer.DIFFERENCE,
    Need.CREATED: Answer.DIFFERENCE,
    Need.TRUTH: Answer.TOLD,
    Need.LEFT: Answer.LEFT,
}


def answered(audit: Audit, needed: pl.DataFrame, known: Knowledge) -> pl.DataFrame:
    """The permission findings of an audit, in its order, with the columns of ANSWERS behind their own.

    `needed` is what `needs.needs` gave for the differing cells.
    """
    rows = audit.permissions.select(*CELL, "finding", "platform_text", "truth_text", "since")
    sent = audit.permissions["pending"] if "pending" in audit.permissions.columns else [None] * rows.height
    differing = {(row[0], row[1]): row[2:] for row in needed.select(*CELL, "need", "kind", "by").iter_rows()}
    decided = _by_cell(known)
    told: list[_Told] = [
        (Answer.PENDING, None, None, None, None)
        if pending
        else _answer(row, differing, decided.get((row[0], row[1]), []), known)
        for row, pending in zip(rows.iter_rows(), sent, strict=True)
    ]
    return audit.permissions.hstack(pl.DataFrame(told, schema=ANSWERS, orient="row"))


def withdrawals(audit: Audit, known: Knowledge) -> Iterator[Action | LeftAlone]:
    """The opt-outs that people decided on for cells that do not differ, and what of them cannot be written."""
    differing = set(audit.differences.select(CELL).iter_rows())
    decided = _by_cell(known)
    polarity = {column.name: column.permission for column in audit.columns if column.permission is not None}
    found = audit.permissions.select(*CELL, "platform_text", "truth_text", "profile_id").unique(CELL).sort(CELL)
    for key, column, platform, truth, profile_id in found.iter_rows():
        last = decided.get((key, column), [])[-1:]
        if (key, column) in differing or column not in polarity or not last or last[0].choice is not Choice.WITHDRAW:
            continue
        opt_out = permissions.withdrawal(platform, polarity[column]) if last[0].holds(platform, truth) else None
        if opt_out is None:
            continue
        if profile_id is None and by_fallback(key, audit.fallbacks):
            yield LeftAlone(key, column, Why.UNADDRESSED.value, refusal=None)
        else:
            yield Action(key, opt_out.kind, Cell(column, platform, opt_out.after), last[0].by, None)


def every_question(needed: pl.DataFrame, pairs: pl.DataFrame, findings: pl.DataFrame) -> Mapping[str, int]:
    """Adds to `needs.questions` the findings that ask by themselves or that a decision answered.

    A finding whose cell differs is decided with the difference. `findings` as `answered` gives them; without its
    columns nobody is asked about any.
    """
    cells = questions(needed, pairs)
    if "answer" not in findings.columns:
        return cells
    told = Counter(findings.join(needed, on=CELL, how="anti")["answer"])
    decided = sum(told[answer] for answer in DECIDED_SO)
    return {
        "asked": cells["asked"] + decided + sum(told[answer] for answer in OPEN),
        "decided": cells["decided"] + decided,
        "changed": cells["changed"] + told[Answer.CHANGED],
    }


def for_owners(findings: pl.DataFrame) -> pl.DataFrame:
    """What the owners of the truth hear of findings, as needs.FOR_THE_TRUTH; `findings` as `answered` gives them."""
    wanted = findings.filter(pl.col("answer") == Answer.OWNERS)
    return wanted.select(*CELL, platform="platform_text", truth="truth_text", why="finding")


def polarities(audit: Audit) -> dict[str, Polarity]:
    """How each permission of the contract is spelt."""
    return {column.name: column.permission for column in audit.columns if column.permission is not None}


def _by_cell(known: Knowledge) -> dict[Place, list[Decision]]:
    """What people decided about findings, and withdrawals, in their order."""
    found: dict[Place, list[Decision]] = {}
    for one in known.decisions:
        if one.about is not None or one.choice is Choice.WITHDRAW:
            found.setdefault((one.key, one.column), []).append(one)
    return found


_Row = tuple[str, str, str, str | None, str | None, datetime | None]
_Told = tuple[Answer, str | None, datetime | None, str | None, object]


def _answer(
    row: tuple[object, ...],
    differing: Mapping[Place, tuple[str, str | None, str | None]],
    decided: list[Decision],
    known: Knowledge,
) -> _Told:
    key, column, finding, platform, truth, since = row
    own = [one for one in decided if one.about is None or one.about.finding == finding]
    place = (str(key), str(column))
    if place in differing:
        need, kind, by = differing[place]
        if need == Need.WRITTEN:
            given = kind == Kind.SUBSCRIBE
            written = Answer.GIVEN if given else Answer.PLANNED if by is None else Answer.WITHDRAWN
            return written, by, None, None, None
        return _BY_NEED[need], None, None, None, None
    if not own:
        return Answer.OPEN, None, None, None, None
    last = own[-1]
    if last.choice is Choice.WITHDRAW and decided[-1] is not last:
        return Answer.CHANGED, last.by, last.made, None, None
    evidence, until = (last.about.evidence, last.about.until) if last.about else (None, None)
    who = last.by, last.made, evidence, until
    moved = isinstance(since, datetime) and last.made is not None and since > last.made
    if moved or not last.holds(*(None if text is None else str(text) for text in (platform, truth))):
        return Answer.CHANGED, *who
    if until is not None and until < known.now.astimezone(known.timezone).date():
        return Answer.EXPIRED, *who
    answers = {Choice.WITHDRAW: Answer.WITHDRAWN, Choice.GROUNDS: Answer.GROUNDS, Choice.OWNERS: Answer.OWNERS}
    return answers[last.choice], *who
