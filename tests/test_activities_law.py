"""Whatever files of activities say, in known words or any others: nobody is permitted anything for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.findings.activities import Activity
from auditor.findings.audit import ACTIVITIES
from auditor.findings.unreachable import said_no
from auditor.load import activity_words
from auditor.model import Kind, Moved, Permission
from auditor.permissions import HISTORY, Case, Evidence, Opt, decide, last_opt_outs
from auditor.settings.contract import Polarity

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
BRUSSELS = ZoneInfo("Europe/Brussels")
NEWS = "subscriptions#News"
CELL = ("1", NEWS)

moments = st.integers(0, 400).map(lambda hours: NOW - timedelta(hours=hours))
words = st.sampled_from(
    ["Unsubscribe", "Resubscribed", "Opt-in", "Subscribe", "complaint", "hard bounce", "Sent", "Unsubscribe failed"]
) | st.text(max_size=12)  # fmt: skip
cells = st.sampled_from(["true", "false", "1", "", None])


@settings(max_examples=300, deadline=None)
@given(
    rows=st.lists(st.tuples(words, moments), max_size=6),
    history=st.lists(st.tuples(moments, st.sampled_from(Permission)), max_size=4),
    platform=cells,
    truth=cells,
    polarity=st.sampled_from(Polarity),
    moved=st.sampled_from(Moved),
    evidence=st.none() | moments,
    updated=st.none() | moments,
    by=st.none() | st.just("an"),
)
def test_no_row_of_any_file_raises_a_permission(
    rows: list[tuple[str, datetime]],
    history: list[tuple[datetime, Permission]],
    platform: str | None,
    truth: str | None,
    polarity: Polarity,
    moved: Moved,
    evidence: datetime | None,
    updated: datetime | None,
    by: str | None,
) -> None:
    """What is written with them is written without them, or is left undone; and evidence is never judged by less."""
    known = [
        ("1", "email", happened, None, 1, moment, moment, True, None, True, None)
        for word, moment in rows
        if (happened := activity_words.happened(word, {})) in tuple(Activity)
    ]
    seen = [("r", at, "platform", "1", NEWS, value.value) for at, value in history]
    seen_by_runs = pl.DataFrame(seen, HISTORY, orient="row")
    states = {CELL: (Permission.OFF if platform == "false" else Permission.ON, updated)}

    def outcome(activities: Sequence[tuple[object, ...]]) -> tuple[object, datetime | None]:
        said = said_no(pl.DataFrame(activities, ACTIVITIES, orient="row"))
        last = last_opt_outs(seen_by_runs, states, said, BRUSSELS).get(CELL)
        case = Case(polarity, platform, truth, moved, Evidence(evidence, "web"), updated, last, None, barred=None)
        return decide(case, by=by, now=NOW, timezone=BRUSSELS), last

    (without, last), (with_them, later) = outcome([]), outcome(known)
    assert last is None or (later is not None and later >= last)
    assert with_them == without or not isinstance(with_them, Opt)
    if isinstance(with_them, Opt) and with_them.kind is Kind.SUBSCRIBE:
        assert by is not None
        noes = [last for _, _, what, *_, last, _, _, _, _ in known if what in ("unsubscribed", "complained")]
        assert all(evidence is not None and no < evidence for no in noes)
