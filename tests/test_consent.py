"""Permissions over time: the history gets changes and nothing else, and findings say what design §8 needs to know."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from auditor.model import Permission, PermissionFinding
from tests.small_runs import CONTRACT, Row, Runs

DAY = timedelta(days=1)
MONDAY = datetime(2026, 3, 2, 4, tzinfo=UTC)
NEWS, CALLS = "subscriptions#News", "doNotCall"
ON, OFF, EMPTY = "on", "off", "empty"


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


def here(news: str | None = None, silent: str | None = None, key: str = "k", **more: str | None) -> Row:
    return {"id": key, NEWS: news, CALLS: silent, **more}


def there(news: str | None = None, silent: str | None = None, key: str = "k", **more: str | None) -> Row:
    return {"id": key, "news": news, "silent": silent, **more}


# --- the history ---


def test_only_changes_are_appended(runs: Runs) -> None:
    """What was never known and is empty is no change; to fall silent is one."""
    first = runs.run([here("true")], [there("no", None)], "r1", MONDAY)
    assert first.changes == [("platform", "k", NEWS, ON), ("truth", "k", NEWS, OFF)]
    assert runs.run([here("1")], [there("FALSE", "")], "r2", MONDAY + DAY).changes == []
    assert runs.run([here("true")], [there(None)], "r3", MONDAY + 2 * DAY).changes == [("truth", "k", NEWS, EMPTY)]
    assert runs.run([here("true")], [there("yes")], "r4", MONDAY + 3 * DAY).changes == [("truth", "k", NEWS, ON)]
    assert runs.run([here("true")], [there("yes")], "r5", MONDAY + 4 * DAY).changes == []


def test_an_opt_out_column_is_read_the_other_way_round(runs: Runs) -> None:
    assert runs.run([here(None, "true")], [there(None, "no")], "r1", MONDAY).changes == [
        ("platform", "k", CALLS, OFF),
        ("truth", "k", CALLS, ON),
    ]


def test_what_cannot_be_read_says_nothing(runs: Runs) -> None:
    assert runs.run([here("maybe")], [there("?")], "r1", MONDAY).changes == []


def test_who_is_set_apart_has_no_history_and_who_is_alone_has(runs: Runs) -> None:
    """Nobody can say whose permission it is that stands on two rows."""
    platform = [
        here("true", key="twice"),
        here("false", key="twice"),
        here("true", key="alone"),
        here("true", key="out"),
    ]
    outside = runs.with_contract(replace(CONTRACT, population_platform="id <> 'out'"))
    assert outside.run(platform, [there("no", key="twice")], "r1", MONDAY).changes == [("platform", "alone", NEWS, ON)]


def test_the_same_export_again_tells_nothing_new(runs: Runs) -> None:
    """Even where the truth went back and forth meanwhile: of two runs on one moment the later one counts."""
    runs.run([here()], [there("yes")], "20260302T05", MONDAY)
    assert runs.run([here()], [there("no")], "20260302T06", MONDAY).changes == [("truth", "k", NEWS, OFF)]
    assert runs.run([here()], [there("no")], "20260302T07", MONDAY).changes == []
    assert runs.run([here()], [there("yes")], "20260302T08", MONDAY).changes == [("truth", "k", NEWS, ON)]
    assert runs.run([here()], [there("yes")], "20260302T09", MONDAY).changes == []


def test_an_older_export_fills_in_what_was_before(runs: Runs) -> None:
    """Once, and without being told apart from what came later."""
    runs.run([here("true")], [there()], "r1", MONDAY)
    assert runs.run([here("false")], [there()], "r2", MONDAY - DAY).changes == [("platform", "k", NEWS, OFF)]
    assert runs.run([here("false")], [there()], "r3", MONDAY - DAY).changes == []
    assert runs.run([here("true")], [there()], "r4", MONDAY + DAY).changes == []


def test_a_damaged_part_of_the_history_is_left_aside_and_the_rest_stays(runs: Runs) -> None:
    runs.run([here("false")], [there()], "r1", MONDAY)
    runs.run([here("true")], [there()], "r2", MONDAY + DAY)
    (runs.state / "permissions-r2.parquet").write_bytes(b"PAR1")
    seen = runs.run([here("true")], [there()], "r3", MONDAY + 2 * DAY)
    assert len(seen.memory.warnings) == 1
    assert seen.changes == [("platform", "k", NEWS, ON)]
    assert seen.findings == {("k", NEWS, "contactable_again"): MONDAY}


# --- findings ---

STATES: dict[str, str | None] = {ON: "true", OFF: "false", EMPTY: None}
BY_HAND = {
    (ON, OFF): {"opted_out_in_truth"},
    (OFF, ON): {"opted_out_on_platform"},
}


def test_findings_of_a_first_run(runs: Runs) -> None:
    """Both columns, each spelt its own way round; the evidence is there, and nothing was known before."""
    opposite = {"true": "false", "false": "true", None: None}
    pairs = list(itertools.product(STATES, STATES))
    named = {f"{platform}-{truth}": (STATES[platform], STATES[truth]) for platform, truth in pairs}
    seen = runs.run(
        [here(platform, opposite[platform], key) for key, (platform, _) in named.items()],
        [there(truth, opposite[truth], key, news_at="2026-01-01") for key, (_, truth) in named.items()],
        "r1",
        MONDAY,
    )
    expected = {
        (f"{platform}-{truth}", column, finding)
        for (platform, truth), findings in BY_HAND.items()
        for column in (NEWS, CALLS)
        for finding in findings
    }
    assert set(seen.findings) == expected
    assert {finding for _, _, finding in seen.findings} <= set(PermissionFinding)
    assert set(STATES) == set(Permission)


def test_a_permission_without_evidence(runs: Runs) -> None:
    """Where the contract names evidence, and only where the truth is on; what is no moment is no evidence."""
    dates = {"none": None, "empty": "", "word": "soon", "moment": "2026-01-01 10:00:00"}
    cases = list(itertools.product(STATES, STATES, dates))
    seen = runs.run(
        [here(STATES[p], key=f"{p} {t} {date}") for p, t, date in cases],
        [there(STATES[t], "no", f"{p} {t} {date}", news_at=dates[date]) for p, t, date in cases],
        "r1",
        MONDAY,
    )
    assert {(key, column) for key, column, finding in seen.findings if finding == "without_evidence"} == {
        (f"{p} {t} {date}", NEWS) for p, t, date in cases if t == ON and date != "moment"
    }


@pytest.mark.parametrize("side", ["platform", "truth"])
def test_contactable_again_after_an_opt_out_that_any_run_saw(runs: Runs, side: str) -> None:
    """On either side, even when both agree now; since the last opt-out that is known."""
    off = ([here("false")], [there("yes")]) if side == "platform" else ([here("true")], [there("no")])
    on = ([here("true")], [there("yes", news_at="2026-01-01")])
    assert ("k", NEWS, "contactable_again") not in runs.run(*off, "r1", MONDAY).findings
    assert runs.run(*on, "r2", MONDAY + DAY).findings == {("k", NEWS, "contactable_again"): MONDAY}
    runs.run(*off, "r3", MONDAY + 2 * DAY)
    assert runs.run(*on, "r4", MONDAY + 3 * DAY).findings == {("k", NEWS, "contactable_again"): MONDAY + 2 * DAY}
    assert runs.run([here("false")], [there("no")], "r5", MONDAY + 4 * DAY).findings == {}


def test_since_when(runs: Runs) -> None:
    """The moment of the evidence, or of the platform's row, in the contract's time zone."""
    opted_out = runs.run([here("true")], [there("no", news_at="2026-03-29 03:30:00")], "r1", MONDAY).findings
    assert opted_out == {("k", NEWS, "opted_out_in_truth"): datetime(2026, 3, 29, 1, 30, tzinfo=UTC)}
    later = runs.run(
        [here("false", key="b", updateMoment="2026-01-05 10:00:00")],
        [there("yes", key="b", news_at="2026-01-01")],
        "r2",
        MONDAY + DAY,
    ).findings
    assert later == {("b", NEWS, "opted_out_on_platform"): datetime(2026, 1, 5, 9, tzinfo=UTC)}


def test_who_is_on_one_side_only_has_no_finding(runs: Runs) -> None:
    assert runs.run([here("true", key="a")], [there("no", key="b")], "r1", MONDAY).findings == {}


def test_a_contract_without_permissions(runs: Runs) -> None:
    plain = runs.with_contract(replace(CONTRACT, columns=CONTRACT.columns[:3]))
    seen = plain.run([here("true")], [there("no")], "r1", MONDAY)
    assert (seen.changes, seen.findings) == ([], {})
