"""Every permission finding has an answer: withdrawn, kept on grounds that expire, or told to the truth's owners."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from auditor.errors import SettingsError
from auditor.findings.audit import PERMISSIONS, Audit
from auditor.model import Kind, PermissionFinding, Route
from auditor.permissions import EVIDENCE
from auditor.plan import corrected_by
from auditor.plan.decisions import Choice, Decision, read_decisions
from auditor.plan.finding_answers import answered, for_owners
from auditor.plan.needs import needs
from auditor.state.ledger.records import About
from auditor.writes import Cell, LeftAlone
from tests.nothing_known import a_policy
from tests.test_plan import DAY, HOUR, NEWS, NOW, an_audit, differs, frame, plans, some_facts

RAW = {"silent": ("false", "true"), NEWS: ("true", "false")}
"""How an opt-out column and an opt-in column say that somebody may be contacted, and that nobody may."""
TODAY = date(2026, 3, 10)
FINDINGS = [one for one in PermissionFinding if one is not PermissionFinding.OPTED_OUT_ON_PLATFORM]


def found(column: str, finding: str = "against_consent", **more: Any) -> dict[str, Any]:
    """A finding whose cell does not differ: somebody may be contacted, as both sides say."""
    on = RAW[column][0]
    texts = {"platform_text": on, "truth_text": "true" if column == NEWS else "false"}
    said = {"platform": "on", "truth": "on", **texts, "profile_id": "id-C1"}
    return {"key": "C1", "column": column, "finding": finding, **said, **more}


def audited(*findings: dict[str, Any], differences: tuple[dict[str, Any], ...] = ()) -> Audit:
    return an_audit(differences, permissions=frame(PERMISSIONS, findings))


def decided(choice: str, column: str = NEWS, finding: str = "against_consent", **more: Any) -> Decision:
    on = RAW[column][0]
    about = None
    if choice != "withdraw":
        grounds = choice == "grounds"
        until = more.pop("until", TODAY) if grounds else None
        about = About(finding, "form of 3 March, scan 17" if grounds else None, until)
    values: dict[str, Any] = {"platform": on, "truth": on, "by": "Ann", "made": NOW - DAY, **more}
    return Decision("C1", column, choice=Choice(choice), about=about, **values)


def told(audit: Audit, *decisions: Decision, **known: Any) -> list[dict[str, Any]]:
    knows = some_facts(decisions=decisions, **known).known
    return answered(audit, needs(audit, knows), knows).to_dicts()


@pytest.mark.parametrize("column", RAW)
@pytest.mark.parametrize("finding", FINDINGS)
@pytest.mark.parametrize("choice", ["", "withdraw", "grounds", "owners"])
def test_each_finding_and_each_choice(finding: PermissionFinding, choice: str, column: str) -> None:
    """What is written, told and remembered; nothing of it makes anybody contactable, whichever way it is spelt."""
    audit = audited(found(column, finding))
    decisions = [decided(choice, column, finding)] if choice else []
    [row] = told(audit, *decisions)
    answers = {"": "open", "withdraw": "withdrawn", "grounds": "grounds", "owners": "owners"}
    assert (row["answer"], row["decided_by"]) == (answers[choice], "Ann" if choice else None)
    assert (row["evidence"], row["until"]) == (
        ("form of 3 March, scan 17", TODAY) if choice == "grounds" else (None, None)
    )
    on, off = RAW[column]
    correct, creations = plans(audit, facts=some_facts(decisions=decisions))
    written = [(one.kind, one.route, one.profile_id, one.cells, one.decided_by) for one in correct.writes]
    opt_out = (Kind.UNSUBSCRIBE, Route.SINGLE, "id-C1", (Cell(column, on, off),), "Ann")
    assert written == ([opt_out] if choice == "withdraw" else [])
    assert creations.writes == ()
    knows = some_facts(decisions=decisions).known
    lines = for_owners(answered(audit, needs(audit, knows), knows)).rows()
    assert lines == ([("C1", column, on, on, finding)] if choice == "owners" else [])


@pytest.mark.parametrize(
    ("more", "answer"),
    [
        ({}, "grounds"),
        ({"until": TODAY - DAY}, "expired"),
        ({"until": TODAY + DAY}, "grounds"),
        ({"platform": "1"}, "changed"),
        ({"truth": None}, "changed"),
        ({"finding": "without_evidence"}, "open"),
        ({"made": NOW - 3 * DAY}, "changed"),
    ],
)
def test_grounds_hold_until_they_expire_or_the_cell_or_the_finding_is_another(
    more: dict[str, Any], answer: str
) -> None:
    since = NOW - 2 * DAY
    [row] = told(audited(found(NEWS, since=since)), decided("grounds", **more))
    assert row["answer"] == answer


def test_of_two_decisions_the_later_counts() -> None:
    audit = audited(found(NEWS), found(NEWS, "without_evidence"))
    withdraw, keep = decided("withdraw"), decided("grounds")
    assert [row["answer"] for row in told(audit, keep, withdraw)] == ["withdrawn", "withdrawn"]
    assert [row["answer"] for row in told(audit, withdraw, keep)] == ["grounds", "changed"]
    for decisions, number in (([keep, withdraw], 1), ([withdraw, keep], 0)):
        correct, _ = plans(audit, facts=some_facts(decisions=decisions))
        assert len(correct.writes) == number


@pytest.mark.parametrize("column", RAW)
@pytest.mark.parametrize("later", ["grounds", "owners"])
def test_who_says_something_of_the_finding_later_overrules_an_opt_in(later: str, column: str) -> None:
    """Ann decides for it, Bob tells the owners of the truth: nobody is given a permission by what Ann said before."""
    on, off = RAW[column]
    finding = PermissionFinding.OPTED_OUT_ON_PLATFORM
    evidence = frame(EVIDENCE, [{"key": "C1", "column": column, "date": NOW - DAY, "source": "form"}])
    row = found(column, finding, platform="off", platform_text=off, truth_text=on)
    audit = audited(row, differences=(differs("C1", column, off, on, moved="unknown"),))
    given = Decision("C1", column, off, on, Choice.TRUTH, "Ann", made=NOW - 2 * HOUR)
    about = replace(decided(later, column, finding), platform=off, truth=on, by="Bob", made=NOW - HOUR)
    for decisions, answer, kinds in (
        ([given], "given", [Kind.SUBSCRIBE]),
        ([given, about], "told", []),
        ([about, replace(given, made=NOW)], "given", [Kind.SUBSCRIBE]),
    ):
        known = some_facts(decisions=decisions, evidence=evidence)
        assert [row["answer"] for row in answered(audit, needs(audit, known.known), known.known).to_dicts()] == [answer]
        assert [one.kind for one in plans(audit, facts=known)[0].writes] == kinds


def test_a_withdrawal_of_other_values_writes_nothing_and_asks_again() -> None:
    audit = audited(found(NEWS))
    old = decided("withdraw", truth=None)
    assert [row["answer"] for row in told(audit, old)] == ["changed"]
    assert plans(audit, facts=some_facts(decisions=[old]))[0].writes == ()


def test_who_cannot_be_addressed_is_left_with_the_reason() -> None:
    key = '{"email":"a@x.be"}'
    nameless = frame(PERMISSIONS, [found(NEWS, key=key, profile_id=None)])
    audit = an_audit(permissions=nameless, fallbacks=(("email",),))
    one = decided("withdraw")
    known = some_facts(decisions=[Decision(key, NEWS, one.platform, one.truth, one.choice, "Ann")]).known
    _, written, left = corrected_by(audit, a_policy(), known)
    assert (written, left) == ([], [LeftAlone(key, NEWS, "unaddressed", refusal=None)])


@pytest.mark.parametrize("column", RAW)
@pytest.mark.parametrize(
    ("moved", "choice", "answer", "by"),
    [
        ("truth", None, "planned", None),
        ("unknown", None, "difference", None),
        ("unknown", "withdraw", "withdrawn", "Ann"),
        ("unknown", "platform", "told", None),
    ],
)
def test_a_finding_whose_cell_differs_is_answered_with_the_difference(
    moved: str, choice: str | None, answer: str, by: str | None, column: str
) -> None:
    on, off = RAW[column]
    audit = audited(
        found(column, "opted_out_in_truth", truth="off", truth_text=off),
        differences=(differs("C1", column, on, off, moved=moved),),
    )
    decisions = () if choice is None else (Decision("C1", column, on, off, Choice(choice), "Ann", made=NOW - DAY),)
    [row] = told(audit, *decisions)
    assert (row["answer"], row["decided_by"]) == (answer, by)
    correct, _ = plans(audit, facts=some_facts(decisions=decisions))
    cells = [(one.kind, one.cells) for one in correct.writes]
    written = answer in ("planned", "withdrawn")
    assert cells == ([(Kind.UNSUBSCRIBE, (Cell(column, on, off),))] if written else [])


def test_what_somebody_decided_on_a_finding_is_no_decision_on_a_difference() -> None:
    """Grounds recorded for one thing hold off no opt-out that the truth has carried out."""
    audit = audited(found(NEWS), differences=(differs("C1", NEWS, "true", "false"),))
    keep = decided("grounds", platform="true", truth="false")
    assert [one.kind for one in plans(audit, facts=some_facts(decisions=[keep]))[0].writes] == [Kind.UNSUBSCRIBE]


LINE = {"key": "C1", "column": NEWS, "platform": "true", "truth": "true"}
GROUNDS = {"choice": "grounds", "finding": "without_evidence", "evidence": "a form", "until": "2027-03-01"}


def a_file(folder: Path, *lines: dict[str, Any]) -> Path:
    content = {"format": 1, "run": "r", "table": "T", "by": "Ann", "decisions": [{**LINE, **line} for line in lines]}
    path = folder / "decisions.json"
    path.write_text(json.dumps(content), "utf-8")
    return path


def test_decisions_on_findings_are_read(tmp_path: Path) -> None:
    path = a_file(
        tmp_path,
        {"choice": "withdraw"},
        GROUNDS,
        {"choice": "owners", "finding": "against_consent"},
    )
    read = read_decisions(path, table="T", columns=[NEWS], permissions=[NEWS])
    assert [(one.choice, one.about) for one in read] == [
        ("withdraw", None),
        ("grounds", About("without_evidence", "a form", date(2027, 3, 1))),
        ("owners", About("against_consent", None, None)),
    ]


@pytest.mark.parametrize(
    "line",
    [
        {**GROUNDS, "evidence": " "},
        {**GROUNDS, "until": None},
        {**GROUNDS, "finding": None},
        {**GROUNDS, "until": "soon"},
        {**GROUNDS, "until": "9999-01-01"},
        {**GROUNDS, "finding": "a_hunch"},
        {"choice": "withdraw", "finding": "without_evidence"},
        {"choice": "owners"},
        {"choice": "truth", "evidence": "a form"},
        {"choice": "withdraw", "column": "city"},
    ],
)
def test_what_is_no_decision_on_a_finding_is_refused(line: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        read_decisions(a_file(tmp_path, line), table="T", columns=[NEWS, "city"], permissions=[NEWS])


def test_nothing_that_a_person_decides_of_findings_raises_a_permission() -> None:
    """Not even where somebody withdraws what is off already, or says neither."""
    for text in (None, "", "false", "0", "maybe"):
        audit = audited(found(NEWS, platform_text=text))
        one = decided("withdraw", platform=text)
        assert plans(audit, facts=some_facts(decisions=[one]))[0].writes == ()


def test_a_finding_does_not_need_a_decision_while_grounds_hold() -> None:
    later = {"now": NOW + timedelta(days=2)}
    audit = audited(found(NEWS))
    one = decided("grounds", until=TODAY + timedelta(days=1))
    assert [row["answer"] for row in told(audit, one)] == ["grounds"]
    assert [row["answer"] for row in told(audit, one, **later)] == ["expired"]
