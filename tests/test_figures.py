"""A phrase with a number says the same wherever it stands, and counts what `docs/numbers.md` says."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from auditor import report
from auditor.apply.outcomes import OUTCOMES
from auditor.cli.fail_on import parse_fail_on
from auditor.cli.summary import exit_code, print_summary
from auditor.commands.run_kept import trend_point
from auditor.errors import Exit
from auditor.findings import figures
from auditor.findings.audit import Audit
from auditor.findings.words import AGAINST_THEIR_WILL, Words
from auditor.model import Need, Status, Verdict
from auditor.permissions import EVIDENCE
from auditor.plan.decisions import Choice, Decision
from auditor.plan.knowledge import CREATED, UNDONE
from auditor.report import view
from auditor.report.redact import for_work, shown
from auditor.report.xlsx import workbook
from auditor.state.ledger.records import RunRecord
from tests.audits import audit_of, difference, needed, realistic
from tests.nothing_known import NOW
from tests.test_report import cells_of

DAY = timedelta(days=1)
NEWS = "subscriptions#Newsletter"
OURS = [str(number) for number in range(7)]
"""People whom we created without the newsletter, of whom nothing else differs."""
CREATED_BY_US = pl.DataFrame({"key": OURS, "at": [NOW] * len(OURS)}, schema=CREATED)


def of_ours(number: int) -> Audit:
    """So many people whom we created, and one whose name differs."""
    rows = [
        difference(key, "subscriptions#Newsletter", "false", "true", platform_updated=NOW - timedelta(minutes=1))
        for key in OURS[:number]
    ]
    audit = audit_of(differences=[*rows, difference("99", "lastName", "Dubois", "Vermeulen")], equal=20)
    return figures.counted(audit, needed(audit, created=CREATED_BY_US))


@pytest.fixture(scope="module")
def audit() -> Audit:
    """With everything that the words of the design have, and counted."""
    found = realistic(hostile=False)
    return figures.counted(found, needed(found))


def test_whom_we_created_is_no_new_problem() -> None:
    """What needs a decision is what did so before; a line of its own says how many wait for one because of us."""
    before, after = of_ours(0).counts, of_ours(7).counts
    assert after.profiles[Status.CONFLICTING] == before.profiles[Status.CONFLICTING] + 7, "as run.json always counted"
    assert (after.standing, after.not_agreeing) == (before.standing, before.not_agreeing)
    assert (before.created, after.created) == (0, 7)
    assert figures.standings(after)[Need.PERSON] == figures.standings(before)[Need.PERSON] == 1
    told = view.headline(of_ours(7), Words("Actito", "CRM"))
    assert told.sentence == "1 of 28 profiles does not agree."
    assert [one.sentence for one in told.details] == ["7 profiles were created by us, with permissions to be decided."]
    facts = of_ours(7).facts()
    assert (facts["created"], facts["standing"]["conflicting"]) == (7, 1)


def test_a_cause_of_people_whom_we_created_comes_last_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Seven of one cause, one of another: what is to be put right at its source is the one."""
    audit = of_ours(7)
    columns = audit.causes.select("column", "profiles", "created").rows()
    assert sorted(columns) == [("lastName", 1, 0), (NEWS, 7, 7)], "a number is its rows"
    print_summary(audit, audit.causes, audit.same_person)
    name, news = (line for line in capsys.readouterr().out.split("\n  - ")[1:3])
    assert name.startswith("lastName")
    assert "(7 of them created by us)" in " ".join(news.split())
    ranked = for_work(audit).causes
    assert ranked.select("cause", "column").rows() == [("1", "lastName"), ("2", NEWS)]
    page = report.page(audit, needed(audit, created=CREATED_BY_US), privacy="full")
    assert "7 of them created by us" in page
    assert "0 of them" not in page.partition('id="causes"')[2].partition("</section>")[0]


def test_whom_we_created_alone_makes_no_finding() -> None:
    audit = of_ours(7)
    differences, profiles = (frame.filter(pl.col("key") != "99") for frame in (audit.differences, audit.profiles))
    ours = replace(audit, differences=differences, profiles=profiles)
    ours = figures.counted(ours, needed(ours, created=CREATED_BY_US))
    assert figures.verdict(ours.counts, ()) is Verdict.CLEAN
    assert exit_code(replace(ours, verdict=Verdict.CLEAN), parse_fail_on("findings")) == Exit.FINE


def test_who_has_something_else_that_differs_is_one_that_does_not_agree() -> None:
    rows = [
        difference("0", "subscriptions#Newsletter", "false", "true", platform_updated=NOW - timedelta(minutes=1)),
        difference("0", "lastName", "Dubois", "Vermeulen"),
    ]
    audit = audit_of(differences=rows)
    counts = figures.counted(audit, needed(audit, created=CREATED_BY_US)).counts
    assert (counts.created, counts.not_agreeing) == (0, 1)


@pytest.mark.parametrize(("platform", "ours"), [(None, 1), ("Fluffy", 0)])
def test_what_a_creation_leaves_empty_is_ours_as_well(platform: str | None, ours: int) -> None:
    """A nickname, of which Actito is the master, is for the owners of the CRM; one that it has is no work of ours."""
    rows = [
        difference("0", "subscriptions#Newsletter", "false", "true", platform_updated=NOW - timedelta(minutes=1)),
        difference("0", "nickname", platform, "Fluff"),
    ]
    audit = audit_of(differences=rows)
    counts = figures.counted(audit, needed(audit, created=CREATED_BY_US)).counts
    assert (counts.created, counts.not_agreeing) == (ours, 1 - ours)


def test_what_was_taken_back_differs_as_before_and_needs_no_decision(capsys: pytest.CaptureFixture[str]) -> None:
    """Of six: one whose other field differs has its status, and one of whom the rest was sent has not."""
    pairs = dict.fromkeys("123456", ("Gent", "Ghent"))
    rows = [difference(key, "addressLocality", *pair, moved="ours") for key, pair in pairs.items()]
    rows += [difference("5", "lastName", "Dubois", "Vermeulen"), difference("6", "lastName", "a", "b", pending=True)]
    rows += [difference("9", "addressLocality", "Gent", "Ghent")]
    found = audit_of(differences=rows, equal=20)
    taken_back = [(key, "addressLocality", *pair, NOW) for key, pair in pairs.items()]
    back = pl.DataFrame(taken_back, schema=UNDONE, orient="row")
    then, audit = (figures.counted(found, needed(found, undone=undone)) for undone in (UNDONE.to_frame(), back))
    counts, facts = audit.counts, audit.facts()
    assert (counts.undone, counts.standing[Status.CONFLICTING]) == (5, 2)
    assert counts.not_agreeing == then.counts.not_agreeing == 7, (
        "the sides differ as they did before anything was written"
    )
    assert (facts["undone"], sum(facts["standing"].values())) == (5, 2)
    assert sum(figures.per_profile(counts).values()) == 27
    assert audit.profiles.filter("undone").select("key").to_series().sort().to_list() == ["1", "2", "3", "4", "6"]
    record = RunRecord(audit.run, audit.table, NOW, NOW, audit.verdict, facts)
    assert trend_point(record).not_agreeing == counts.not_agreeing

    alone = replace(counts, standing=dict.fromkeys(counts.standing, 0))
    assert figures.verdict(alone, ()) is Verdict.FINDINGS
    for rule, code in (("findings", Exit.FINDINGS), ("conflicting>0", Exit.FINE)):
        assert exit_code(replace(audit, verdict=Verdict.FINDINGS, counts=alone), parse_fail_on(rule)) == code

    print_summary(audit, audit.causes, audit.same_person)
    screen = " ".join(capsys.readouterr().out.split())
    assert "Needs a decision 2" in screen
    assert "Written once and taken back 5" in screen
    told = view.headline(audit, audit.say)
    assert told.sentence == "7 of 27 profiles do not agree."
    [line] = told.details
    assert line.sentence == "5 profiles differ by what was written once and taken back."
    page = report.page(audit, needed(audit, undone=back), privacy="full")
    assert "5 profiles differ by what was written once and taken back." in page
    assert 'class="status status-undone"' in page


@pytest.mark.parametrize(("evidence", "undone"), [(None, 2), (NOW, 1)])
def test_who_differs_by_what_was_taken_back_is_counted_so_whatever_was_decided(
    evidence: datetime | None, undone: int
) -> None:
    """Two people alike; somebody decided on one of them since, which is written where there is evidence."""
    audit = audit_of(differences=[difference(key, NEWS, "false", "true") for key in "01"])
    back = pl.DataFrame([(key, NEWS, "false", "true", NOW - DAY) for key in "01"], schema=UNDONE, orient="row")
    anew = [Decision("1", NEWS, "false", "true", Choice.TRUTH, "Bea", made=NOW)]
    given = pl.DataFrame([("1", NEWS, evidence, "shop")], schema=EVIDENCE, orient="row")
    before = needed(audit, undone=back)
    after = needed(audit, undone=back, decisions=anew, evidence=given)
    counts = [figures.counted(audit, one).counts for one in (before, after)]
    assert [one.undone for one in counts] == [2, undone]
    told = before["need", "why"].rows()
    assert told == [("truth", "for_the_truth")] * 2, "of a permission its owners hear, as the plan says"


def test_whom_we_created_is_told_as_such_beside_what_was_taken_back() -> None:
    rows = [
        difference("0", "subscriptions#Newsletter", "false", "true", platform_updated=NOW - timedelta(minutes=1)),
        difference("0", "addressLocality", "Gent", "Ghent"),
    ]
    audit = audit_of(differences=rows)
    undone = pl.DataFrame([("0", "addressLocality", "Gent", "Ghent", NOW)], schema=UNDONE, orient="row")
    counts = figures.counted(audit, needed(audit, created=CREATED_BY_US, undone=undone)).counts
    assert (counts.created, counts.undone, counts.not_agreeing) == (1, 0, 0)


def test_every_key_is_counted_once_by_its_rows(audit: Audit) -> None:
    """Against the rows, and added up."""
    told = figures.per_profile(audit.counts)
    later = audit.profiles["waiting"] | audit.profiles["pending"]
    assert sum(told.values()) == sum(audit.counts.profiles.values())
    assert told["equal"] == 9_480
    assert told["waiting"] + told["pending"] == later.sum() > 0
    assert audit.counts.not_agreeing == audit.profiles.height - later.sum()
    for status in Status:
        if status is not Status.EQUAL:
            assert told[status] == audit.profiles.filter(~later).filter(status=status.value).height


def test_whose_grounds_are_recorded_needs_nothing_and_is_told_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither does whose permission was withdrawn already; grounds that have expired are none."""
    answers = {
        "1": ["grounds"],
        "2": ["grounds", "open"],
        "3": ["pending"],
        "4": ["expired"],
        "5": ["planned"],
        "6": ["changed"],
    }
    rows = [
        {"key": key, "column": NEWS, "finding": finding, "platform": "on", "platform_text": "true", "answer": answer}
        for key, own in answers.items()
        for finding, answer in zip(("against_consent", "contactable_again"), own, strict=False)
    ]
    rows.append({"key": "7", "column": NEWS, "finding": "without_evidence", "platform": "on", "answer": "open"})
    found = audit_of(permissions=rows)
    answered = pl.Series("answer", [row["answer"] for row in rows])
    audit = figures.counted(replace(found, permissions=found.permissions.with_columns(answered)), None)
    counts, facts, told = audit.counts, audit.facts(), view.headline(audit, audit.say)
    assert (counts.against_their_will, counts.on_grounds, counts.findings_to_decide) == (4, 2, 4)
    assert told.grave is not None
    assert told.grave.sentence == "4 people may be contacted against their will."
    assert (counts.findings_settled, facts["findings_settled"], counts.other_findings) == (3, 3, 5)
    [grounds] = told.details
    assert grounds.sentence == "2 people may be contacted with grounds recorded."
    assert (facts["against_their_will"], facts["on_grounds"], facts["findings_to_decide"]) == (4, 2, 4)
    print_summary(audit, audit.causes, audit.same_person)
    said = " ".join(capsys.readouterr().out.split())
    assert "people who may be contacted against their will 4 people with grounds recorded 2" in said
    assert "permission findings 8 of these, to be decided by a person 4" in said
    shown_rows = [
        {"key": key, "against": said}
        for key, said in zip(found.permissions["key"], figures.against(audit.permissions), strict=True)
    ]
    for line in (told.grave, grounds):
        opened = {row["key"] for row in shown_rows if row["against"] == line.facets["against"]}
        assert line.sentence.startswith(f"{len(opened)} ")


def test_the_places_agree(audit: Audit, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The headline, the lines below it, the terminal, the workbook, the document and the trend."""
    counts, facts = audit.counts, audit.facts()
    grave = audit.permissions.filter(pl.col("finding").is_in([one.value for one in AGAINST_THEIR_WILL]))
    people = grave["key"].n_unique()
    to_do = audit.differences.filter(~(pl.col("waiting") | pl.col("pending")))

    print_summary(audit, audit.causes, audit.same_person)
    lines = re.findall(r"^  (.+?)  +([\d,]+)$", capsys.readouterr().out, re.M)
    terminal = {name: int(number.replace(",", "")) for name, number in lines}
    (tmp_path / "report.xlsx").write_bytes(workbook(shown(audit, "aggregate"), "aggregate"))
    book = {row[0]: row[1] for row in cells_of(tmp_path / "report.xlsx")["summary"] if len(row) > 1}
    headline = view.headline(audit, audit.say)
    record = RunRecord(audit.run, audit.table, NOW, NOW, audit.verdict, facts)

    assert headline.rows is not None
    assert headline.rows.sentence.startswith(f"{counts.not_agreeing:,} of ")
    assert sum(facts["standing"].values()) == trend_point(record).not_agreeing == counts.not_agreeing
    assert book["Profiles that do not agree"] == str(counts.not_agreeing)
    for line in view.statuses(audit, audit.say):
        assert terminal[line.label] == line.count
        assert book[f"Profiles: {line.label}"] == str(line.count)
    assert headline.grave is not None
    assert headline.grave.sentence.startswith(f"{people} people ")
    assert facts["against_their_will"] == terminal["people who may be contacted against their will"] == people
    assert book["People who may be contacted against their will"] == str(people)

    standing = {label: number for _, label, number in view.standings(audit, audit.say)}
    assert sum(standing.values()) == audit.differences.height
    for label, number in standing.items():
        assert terminal[f"differences: {label[0].lower()}{label[1:]}"] == number
        assert book[f"Differences: {label}"] == str(number)
    assert sum(rule.differences for rule in view.rules(audit, audit.say)) == to_do.height
    assert trend_point(record).differences == to_do.height == int(book["Differences"])
    assert facts["differences"]["total"] - facts["later"] == to_do.height
    assert audit.causes["profiles"].sum() == to_do.height


def test_a_run_of_an_earlier_version_is_shown_by_what_it_kept(audit: Audit) -> None:
    """Those that wait or were sent are none that do not agree; that version kept how many they are."""
    facts = audit.facts()
    kept = {name: facts[name] for name in ("rows", "profiles", "waiting", "pending", "differences", "permissions")}
    kept["differences"] = {"total": facts["differences"]["total"]}
    record = RunRecord(audit.run, audit.table, NOW, NOW, audit.verdict, kept)
    assert trend_point(record).not_agreeing == audit.counts.not_agreeing
    assert trend_point(record).differences == audit.differences.height


def test_a_write_is_done_once_each_of_its_fields_is() -> None:
    """So a plan of so many writes, whatever they change, comes to so many writes."""
    fields = {
        0: ["landed", "landed"],
        1: ["landed", "refused", "changed"],
        2: ["landed", "changed", "unknown"],
        3: ["unknown", "skipped"],
        4: ["landed", "skipped"],
        5: ["landed"],
        6: ["already", "landed"],
        7: ["already", "refused"],
        8: ["already", "already"],
    }
    fields |= {9: ["undone", "landed"], 10: ["never", "landed"]}
    stored = {"already": "landed", "undone": "skipped", "never": "skipped"}
    since = {"undone": "undone_since", "never": "undone_since"}
    rows = [
        (
            "update",
            f"C{number}",
            stored.get(one, one),
            since.get(one, one),
            None if one in ("never", "skipped") else NOW,
        )
        for number, own in fields.items()
        for one in own
    ]
    outcomes = pl.DataFrame(rows, schema=["kind", "key", "outcome", "detail", "at"], orient="row")
    told = {"landed": 3, "refused": 2, "changed": 1, "unknown": 1, "skipped": 2, "already": 1, "taken_back": 1}
    assert figures.writes(outcomes) == told, "what nobody sent is not told as done"
    assert (figures.fields(outcomes)["landed"], figures.fields(outcomes)["already"]) == (9, 4)
    assert sum(figures.writes(OUTCOMES.to_frame()).values()) == 0, "an empty plan is fine"
