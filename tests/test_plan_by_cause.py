"""`auditor plan --review`: what is asked, what a refusal does, and that nothing is made of half an answer."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from auditor.cli.by_cause import walk
from auditor.commands.plan_by_cause import Proposed, make, propose
from auditor.commands.refused import seen, still_refused
from auditor.errors import Exit
from auditor.model import Kind, Route, Why
from auditor.plan.decisions import Choice, Decision
from auditor.plan.needs import needs
from auditor.report.plan_questions import Asked, questions
from auditor.settings.config import read_settings
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import PROFILE
from auditor.writes import Cell
from tests import given_time
from tests.driven_sandbox import Sandbox
from tests.nothing_known import a_plan, a_policy, a_write
from tests.small_folder import Made, Said, auditor, copy, footprint
from tests.small_runs import CONTRACT
from tests.test_plan import NEWS, NOW, an_audit, candidates, differs, left, missing, plans, some_facts
from tests.test_plan_read import REVIEW

DAY = timedelta(days=1)


def refusal(key: str, column: str, platform: str | None, truth: str | None, days: int = 0) -> Decision:
    return Decision(key, column, platform, truth, Choice.REFUSED, "Mia", made=NOW - days * DAY)


def test_a_refusal_holds_while_both_values_do_and_never_keeps_an_opt_out() -> None:
    cells = [
        differs("1", "city", "Gent", "Ghent"),
        differs("2", "city", "Gent", "Ghent"),
        differs("3", NEWS, "true", "false"),
        differs("4", "points", "1", "2", moved="platform"),
        differs("5", NEWS, "true", "false", moved="platform"),
        differs("6", NEWS, "false", "true", moved="platform"),
    ]
    made = [refusal("1", "city", "Gent", "Ghent"), refusal("2", "city", "Gent", "Brugge")]
    made += [refusal(key, NEWS, "true", "false") for key in ("3", "5")] + [refusal("4", "points", "1", "2")]
    made.append(refusal("6", NEWS, "false", "true"))
    told = needs(an_audit(cells), some_facts(decisions=made).known).select("key", "need", "why", "answers", "told")
    assert told.rows() == [
        ("1", "left", "refused", "truth platform", None),
        ("2", "written", None, "truth platform", None),
        ("3", "written", None, "truth platform", None),
        ("4", "truth", "for_the_truth", "truth platform", "platform_moved"),
        ("5", "person", "decision", "truth platform", "opted_in_on_platform"),
        ("6", "truth", "refused", "truth platform", "opted_out_on_platform"),
    ]
    later = Decision("1", "city", "Gent", "Ghent", Choice.TRUTH, "Bea")
    assert needs(an_audit(cells[:1]), some_facts(decisions=[*made, later]).known)["by"].to_list() == ["Bea"]
    assert refusal("1", "city", "a", "b", days=90).over(NOW - 90 * DAY)
    assert not refusal("1", "city", "a", "b", days=89).over(NOW - 90 * DAY)
    assert not later.over(NOW)


def test_who_is_refused_is_neither_created_nor_deleted() -> None:
    made = [refusal(key, PROFILE, None, None) for key in ("1", "3")]
    only_there = [{"key": key, "profile_id": key, "status": "orphan"} for key in ("3", "4")]
    audit = an_audit((), [missing("1"), missing("2"), *only_there])
    facts = some_facts(decisions=made, candidates=candidates({"key": "1"}, {"key": "2"}))
    correct, creations = plans(audit, a_policy(only_on_platform="delete"), facts)
    assert [(one.kind, one.key) for one in correct.writes] == [(Kind.DELETE, "4")]
    assert [(one.kind, one.key) for one in creations.writes] == [(Kind.CREATE, "2")]
    assert ("3", None, Why.REFUSED) in left(correct)
    assert ("1", None, Why.REFUSED) in left(creations)


def answered(monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
    """Somebody sits at a terminal and types these."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal("".join(f"{one}\n" for one in answers)))


@pytest.mark.parametrize(
    ("answers", "refused"),
    [
        ("yyyyyy", []),
        ("y?eynyyy", ["lastName"]),
        ("nyd", ["emailAddress", "lastName", "news", None, None]),
        ("yd", ["emailAddress", "lastName", "news", None, None]),
        ("ynna", ["emailAddress", "lastName"]),
        ("q", None),
    ],
)
def test_the_walk(
    answers: str,
    refused: list[str | None] | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of an opt-out, two corrections of different causes, an opt-in, a creation and a deletion."""
    asked = questions(REVIEW)
    assert [one.kind for one in asked] == [
        Kind.UNSUBSCRIBE, Kind.UPDATE, Kind.UPDATE, Kind.SUBSCRIBE, Kind.CREATE, Kind.DELETE,
    ]  # fmt: skip
    answered(monkeypatch, *answers)
    found = walk(Proposed(Path("run"), None, for_others=False, plan=REVIEW.plan, review=REVIEW, questions=tuple(asked)))
    told = capsys.readouterr()
    if answers.startswith("n"):
        assert "an opt-out is not refused here" in told.err
    assert (None if found is None else [one.column for one in found]) == refused
    assert max(map(len, told.out.splitlines())) <= 80


def test_what_somebody_decided_singly_is_asked_about_by_itself() -> None:
    """Who refuses a cause leaves it."""
    alone, also = (a_write(Kind.UPDATE, Route.SINGLE, key, key, (Cell("city", "a", "b"),)) for key in ("C8", "C9"))
    asked = questions(replace(REVIEW, plan=a_plan(alone, replace(also, decided_by="Bob"))))
    assert {one.about.partition(",")[2]: [each.write.key for each in one.asked] for one in asked} == {
        "": ["C8"],
        " decided by Bob": ["C9"],
    }


def reviewed(capsys: pytest.CaptureFixture[str], *options: str) -> Said:
    return auditor(capsys, "plan", "--review", *options)


def test_what_is_refused_is_remembered_only_with_the_plan(
    small: Made,
    sandbox: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = copy(small.audited, tmp_path / "work", sandbox)
    monkeypatch.chdir(folder)
    for wrong in (("--json",), ("--show", "abc"), ("--continue", "abc")):
        assert reviewed(capsys, *wrong).code == Exit.SETTINGS
    assert auditor(capsys, "plan", "--by", "Mia").code == Exit.SETTINGS
    assert reviewed(capsys).code == Exit.REFUSED, "nobody is there"
    settings = read_settings(folder / "auditor.toml")
    proposed = propose(
        settings, now=given_time.now(), run=None, decisions=None, route=None, for_others=False, tell=lambda _: None
    )
    opt_outs = [one.kind for one in proposed.questions].count(Kind.UNSUBSCRIBE)
    first = next(one for one in proposed.questions if one.refusable)

    before = footprint(folder)
    for answers in (("q",), ("y",) * opt_outs + ("n", "a", "Mia", "n"), ()):
        answered(monkeypatch, *answers)
        assert reviewed(capsys).code == (Exit.FINE if answers else Exit.INTERRUPTED)
    assert {path for path in footprint(folder) if "plan" in path} == {path for path in before if "plan" in path}
    with Ledger(settings.state_folder, reading=True) as ledger:
        assert ledger.decisions(settings.table) == ()

    answered(monkeypatch, *("y",) * opt_outs, "n", "a", "Mia", "y")
    assert reviewed(capsys).code == Exit.FINE
    refused = {(one.write.key, one.column) for one in first.asked}
    with Ledger(settings.state_folder, reading=True) as ledger:
        decided = {(one.key, one.column): one.person for one in ledger.decisions(settings.table)}
    assert decided == dict.fromkeys(refused, "Mia")
    told = auditor(capsys, "plan")
    assert f"{len(refused)}  refused in a review" in told.out.replace("   ", "  ")
    assert "refused by Mia until" in told.out
    document = json.loads(auditor(capsys, "plan", "--json").out)
    written = {
        (write["key"], one["column"])
        for plan in document["plans"]
        for write in plan["writes"]
        for one in write["changes"]
    }
    assert not written & refused
    assert len(written) > 0


def test_a_refusal_of_a_profile_ends_when_its_row_changes(tmp_path: Path) -> None:
    """Of who is to be created the row of the truth, of who is to be deleted that of the platform."""

    def written(city: str) -> None:
        rows = {"key": ["new", "also new"], "city": ["Gent", city], "points": [None, "1"]}
        pl.DataFrame(rows).write_parquet(tmp_path / "creations.parquet")
        there = {"id": ["old", "older", None], "profileId": ["1", "2", "3"], "city": ["Gent", city, city]}
        pl.DataFrame(there).write_parquet(tmp_path / "platform.parquet")

    def still() -> set[str]:
        kept = still_refused(made, tmp_path, CONTRACT, people, secret)
        return {one.key for one in kept}

    people, secret = {"older": "2", "unknown to the key": "3"}, "00" * 32
    named = ("new", "also new", "old", "older", "unknown to the key")
    written("Luik")
    rows = seen(tmp_path, CONTRACT, {key: people.get(key) for key in named}, secret)
    made = [Decision(key, PROFILE, *rows[key], Choice.REFUSED, "Mia") for key in named]
    made += [refusal("also new", "city", None, "Luik"), refusal("before", PROFILE, None, None)]
    assert still() == {*named, "before"}
    assert not any("Luik" in str(rows[key]) for key in named), "digests"
    written("Li\u00e8ge")
    assert still() == {"new", "old", "also new", "before"}
    assert [one.column for one in still_refused(made, tmp_path, CONTRACT, people, secret) if one.key == "also new"] == [
        "city"
    ]


def test_who_is_refused_is_proposed_again_once_the_truth_says_something_else(
    small: Made, sandbox: Sandbox, tmp_path: Path
) -> None:
    folder = copy(small.audited, tmp_path / "work", sandbox)
    settings, now = read_settings(folder / "auditor.toml"), given_time.now()

    def asked() -> tuple[Proposed, list[Asked]]:
        found = propose(settings, now=now, run=None, decisions=None, route=None, for_others=False, tell=lambda _: None)
        return found, [one for question in found.questions for one in question.asked if one.column is None]

    proposed, people = asked()
    assert [one.write.kind for one in people] == [Kind.CREATE]
    make(settings, proposed, people, by="Mia", now=now)
    assert asked()[1] == []
    path = proposed.folder / "creations.parquet"
    pl.read_parquet(path).with_columns(lastName=pl.lit("Janssens-Peeters")).write_parquet(path)
    assert [one.write.key for one in asked()[1]] == [one.write.key for one in people]
