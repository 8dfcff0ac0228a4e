"""What became of the messages of the week, as incremental exports tell it; and the answers to it.

Planted last, among people to whom nothing else happened or whose defect it explains, with a dice of its own: what else
happens in a week stays what it is. How Actito spells these files is not public ([assumed], docs/unknown.md).
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from auditor.sandbox.answers import given
from auditor.sandbox.dialect import MOMENT
from auditor.sandbox.state import State
from auditor.sandbox.week import Person, Week

COLUMNS: Final = ("profileId", "activity", "moment", "bounceType", "smtpCode", "reason")
OF_KIND: Final = {
    "bounces": ("Hard bounce", "Soft bounce"),
    "unsubscribes": ("Unsubscribe",),
    "complaints": ("Complaint",),
    "not-sent": ("Not sent",),
}
"""A file per kind, and what stands in the file of all kinds."""
NOBODY: Final = "999999999"
"""A profileId that nobody has."""


class _Written:
    """The activities of the week, and what an audit must know of them."""

    def __init__(self, week: Week) -> None:
        self.rng = random.Random(f"activities {week.state.seed}")  # noqa: S311 -- invented people, no secrets
        self.rows: list[dict[str, str]] = []
        self.people: list[dict[str, Any]] = []
        self.permissions: list[dict[str, str]] = []
        self.for_the_truth: list[dict[str, str]] = []
        self._now = week.now

    def ago(self) -> datetime:
        return self._now - timedelta(seconds=self.rng.randrange(30 * 3600, 5 * 24 * 3600))

    def happened(
        self,
        person: Person,
        activity: str,
        cells: dict[str, str],
        moments: Sequence[datetime],
        *,
        code: str,
        reason: str | None = None,
        tell: str | None = None,
    ) -> None:
        """Write an activity, which is `code` to the auditor, at each of the moments."""
        for moment in moments:
            self.rows.append(
                {"profileId": str(person[1].id), "activity": activity, "moment": moment.strftime(MOMENT), **cells}
            )
        self.people.append({"key": person[0], "activity": code, "reason": reason, "times": len(moments)})
        if tell is not None:
            self.for_the_truth.append({"key": person[0], "why": tell, "moment": max(moments).strftime(MOMENT)})


def happen(week: Week) -> dict[str, Any]:
    """Let messages bounce and people answer; gives what an audit must find, and leaves the rows in the facts."""
    written = _Written(week)
    hard = {"bounceType": "Hard", "smtpCode": "550 5.1.1"}

    def subscribed(person: Person) -> bool:
        return person[1].values.get("subscriptions#Newsletter") == "true" and "emailAddress" in person[1].values

    def one(times: int = 1) -> tuple[Person | None, list[datetime]]:
        return week.take(subscribed), sorted(written.ago() for _ in range(times))

    for _ in range(max(1, week.state.people // 2000)):
        person, when = one()
        if person is not None:
            written.happened(person, "Hard bounce", hard, when, code="hard_bounce", tell="bounced")
        person, when = one(2)
        if person is not None:
            written.happened(
                person, "Soft bounce", {"bounceType": "Soft", "smtpCode": "452 4.2.2"}, when, code="soft_bounce"
            )
        person, when = one()
        if person is not None:
            cells = {"reason": "Address in quarantine"}
            written.happened(person, "Not sent", cells, when, code="not_sent", reason="quarantined")
        for activity, code, tell in (
            ("Unsubscribe", "unsubscribed", "unsubscribed_in_campaign"),
            ("Complaint", "complained", "complained"),
        ):
            person, when = one()
            if person is not None:
                written.happened(person, activity, {}, when, code=code, tell=tell)
                written.permissions += [
                    {"key": person[0], "column": column, "finding": tell} for column in given(person[1])
                ]
    again = [key for key, found in week.answers.profiles.items() if _will_be_corrected(found)]
    for key in again:
        written.happened(week.person(key), "Hard bounce", hard, [written.ago()], code="hard_bounce", tell="bounced")
    rows = written.rows
    rows += [{**rows[0], "profileId": NOBODY}] if rows else []
    rows += [{"profileId": row["profileId"], "activity": "Sent", "moment": row["moment"]} for row in rows[:2]]
    written.rng.shuffle(rows)
    week.state.facts["activities"] = rows
    return {
        "people": sorted(written.people, key=lambda row: (row["key"], row["activity"])),
        "permissions": written.permissions,
        "for_the_truth": written.for_the_truth,
        "of_nobody": min(1, len(written.people)),
        "reachable_again": len(again),
    }


def export(state: State, kind: str | None) -> bytes:
    """The activities of one kind, or all in one file; `;`, UTF-8, header line. KeyError for a kind that is none."""
    wanted = None if kind is None else OF_KIND[kind]
    columns = [name for name in COLUMNS if wanted is None or name != "activity"]
    rows = [row for row in state.facts.get("activities") or () if wanted is None or row["activity"] in wanted]
    return _csv(columns, ([row.get(name, "") for name in columns] for row in rows))


def export_name(moment: datetime, kind: str | None) -> str:
    """`moment` is local."""
    return f"{(kind or 'activities').replace('-', '_')}_{moment:%Y%m%dT%H%M%S}.csv"


def _will_be_corrected(found: dict[str, Any]) -> bool:
    cell = found["differences"].get("emailAddress")
    return bool(cell) and cell["fate"] == "corrected" and bool(cell["platform"])


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";", lineterminator="\n").writerows([columns, *rows])
    return text.getvalue().encode("utf-8")
