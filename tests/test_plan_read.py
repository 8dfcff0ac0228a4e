"""What a person reads of a plan before they say yes: of whom, from what to what, why, and at which risk."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from auditor.apply.undo import irrevocable
from auditor.cli.planned import print_plan
from auditor.commands.review import Told, people_of, sent_before, when_decided
from auditor.commands.stored_plans import Planned
from auditor.commands.who import naming
from auditor.findings import figures
from auditor.findings.audit import CAUSES, DIFFERENCES
from auditor.findings.codes import Code, Notice
from auditor.findings.left_alone import WHY
from auditor.findings.moments import last_day, moment
from auditor.findings.planned import KIND, MAY_CONTACT, ONE, RISK, Risk, in_words
from auditor.findings.words import Words
from auditor.model import Kind, Outcome, Permission, Route, Why
from auditor.plan.review import PEOPLE, Beside, Kept, Review
from auditor.report.plan_book import plan_book
from auditor.report.plan_page import ON_A_PAGE, plan_page
from auditor.report.plan_text import on_screen, text, way
from auditor.settings.contract import Polarity
from auditor.settings.contract_file import read_contract
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import Decision, Intent, Settled
from auditor.writes import Cell, Collection, LeftAlone
from tests.nothing_known import a_plan, a_policy, a_write
from tests.test_plan import an_audit, many, plans
from tests.test_report import cells_of

ANN = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
DIFFERING: list[dict[str, Any]] = [
    {"key": "C1", "column": "lastName", "moved": "truth", "cause": "c-1", "status": "stale"},
    {"key": "C2", "column": "emailAddress", "moved": "unknown", "cause": "c-2", "status": "conflicting"},
    {"key": "C3", "column": "doNotContact", "moved": "truth", "cause": None, "status": "stale"},
]
KNOWN = Beside(
    differences=pl.DataFrame(DIFFERING, schema={name: DIFFERENCES[name] for name in DIFFERING[0]}),
    causes=pl.DataFrame(
        [{"cause": "c-1", "column": "lastName", "reason": "case", "pattern": "", "profiles": 1}], schema=dict(CAUSES)
    ),
    people=pl.DataFrame(
        [("1", "C1", "Ann Peeters", "ann@example.org"), (None, "C2", "Bob", None)], PEOPLE, orient="row"
    ),
    findings={},
    decided={("C2", "emailAddress", "Ann"): ANN},
    permissions={"news": Polarity.OPT_IN, "doNotContact": Polarity.OPT_OUT},
    contacts={"emailAddress"},
    identity={"customerId"},
    realtime=("news*",),
    names=("firstName", "lastName", "emailAddress"),
    doubts={},
    kept={},
    decided_on={},
    otherwise={},
    now={},
    says_no=(),
    carried_out=None,
    sent_before=(),
)
ROUTE_OF_NOTHING: dict[str, Any] = {
    "steps": [], "by_file": 0, "files": 0, "before": 0, "single": 0, "minutes": 1, "pace": 60, "waiting": 0,
    "because": {"asked": "single"},
}  # fmt: skip
PLAN = a_plan(
    a_write(Kind.UNSUBSCRIBE, Route.SINGLE, "C3", "3", (Cell("doNotContact", "false", "true"),)),
    a_write(
        Kind.UPDATE, Route.BULK, "C1", "1", (Cell("lastName", "peeters ", "Peeters"), Cell("city", "Gent", "Gent")),
        batch="Customers-update-1",
    ),
    a_write(Kind.UPDATE, Route.SINGLE, "C2", None, (Cell("emailAddress", None, "bob@example.org"),), decided_by="Ann"),
    a_write(
        Kind.SUBSCRIBE, Route.SINGLE, "C4", "4", (Cell("news", "false", "true"),), decided_by="Ann",
        collection=Collection("2026-11-19 12:00:00", "web form"),
    ),
    a_write(Kind.CREATE, Route.SINGLE, "C5", None, (Cell("firstName", None, "Cem"), Cell("lastName", None, "Öz"))),
    a_write(Kind.DELETE, Route.SINGLE, "C6", "6", ()),
    left=(LeftAlone("C7", "city", Why.DECISION.value, refusal=None),),
)  # fmt: skip
REVIEW = Review(PLAN, KNOWN, Words("Actito", "CRM"))


def test_two_opt_outs_of_one_person_are_counted_alike_before_and_after(capsys: pytest.CaptureFixture[str]) -> None:
    """One that somebody decided goes apart from one that the policy found: to a reader that is one profile."""
    news, sms = Cell("news", "true", "false"), Cell("sms", "true", "false")
    plan = a_plan(
        a_write(Kind.UNSUBSCRIBE, Route.SINGLE, "C3", "3", (news,)),
        a_write(Kind.UNSUBSCRIBE, Route.SINGLE, "C3", "3", (sms,), decided_by="Ann"),
        a_write(Kind.UPDATE, Route.SINGLE, "C3", "3", (Cell("city", "Gent", "Gand"),)),
    )
    assert in_words(plan.counts) == "1 profile with permissions withdrawn, 1 corrected"
    told = irrevocable(plan)
    assert told is not None
    assert told.parameters["withdrawn"] == 2, "each of them is one that no undo gives back"
    rows = [(write.kind.value, write.key, "landed", None, None) for write in plan.writes for _ in write.cells]
    outcomes = pl.DataFrame(rows, schema=["kind", "key", "outcome", "detail", "at"], orient="row")
    assert figures.writes(outcomes)[Outcome.LANDED] == sum(plan.counts.values()) == 2
    print_plan(Planned(plan, Path("plan.json"), (), plan.counts), REVIEW.say)
    told_on_screen = " ".join(capsys.readouterr().out.split())
    assert "(corrections): 1 profile with permissions withdrawn, 1 corrected Cannot" in told_on_screen


def test_an_opt_out_that_a_file_carried_before_is_told_as_one_that_the_person_may_have_answered(tmp_path: Path) -> None:
    """Until something is written there since. What an export shows as edited is told otherwise."""
    written = [("C3", "3", "doNotContact"), ("C1", "1", "lastName"), ("C8", "8", "news")]
    intents = [Intent(at, Kind.UNSUBSCRIBE, Route.BULK, *of, "false", "true") for at, of in enumerate(written)]
    with Ledger(tmp_path) as ledger:
        _, numbers = ledger.intend_import("file", "b", PLAN.table, "0" * 64, intents, ANN)
        ledger.record_settled(Settled((), (numbers[0], numbers[2]), (), frozenset(numbers[2:]), ()), ANN)
        found = sent_before(PLAN, ledger)
        assert found == {("C3", "doNotContact")}
        ledger.intend(PLAN.sha, PLAN.table, intents[:1], ANN)
        assert sent_before(PLAN, ledger) == found, "by the plan itself"
        ledger.intend("another", PLAN.table, intents[:1], ANN)
        assert sent_before(PLAN, ledger) == set()
    told = Review(PLAN, replace(KNOWN, sent_before=found), REVIEW.say)
    [[change]] = [write.changes for write in told.writes() if write.kind is Kind.UNSUBSCRIBE]
    assert "somebody has said yes since, nobody knows" in " ".join(change.to_know(told.say).values())


def test_a_moment_is_one_of_utc_and_a_day_one_of_the_contract() -> None:
    brussels = ZoneInfo("Europe/Brussels")
    evening = datetime(2026, 11, 21, 0, 30, tzinfo=brussels)
    assert moment(evening) == moment(evening.astimezone(UTC)) == "2026-11-20 23:30 UTC"
    assert last_day(datetime(2027, 2, 1, tzinfo=brussels).astimezone(UTC), brussels) == date(2027, 1, 31)
    page = plan_page(Review(replace(PLAN, made=evening, export_as_of=evening), KNOWN, REVIEW.say), "", "plan.txt")
    lines = "".join(text(Review(replace(PLAN, made=evening, export_as_of=evening), KNOWN, REVIEW.say), ""))
    assert page.count("2026-11-20 23:30 UTC") == lines.count("2026-11-20 23:30 UTC") == 2


def test_a_decision_that_comes_to_nothing_is_named_with_the_reason() -> None:
    """And not the one that is carried out already, or what nobody decided on."""
    left = tuple(
        LeftAlone("C7", column, why.value, refusal=None)
        for column, why in (
            ("zip", Why.REFUSED), ("news", Why.EVIDENCE), ("sms", Why.PENDING), ("city", Why.DECISION),
            ("street", Why.FOR_THE_TRUTH), ("doNotContact", Why.FOR_THE_TRUTH), ("fax", Why.FUTURE),
        )
    )  # fmt: skip
    decided: dict[tuple[str, str | None], tuple[str, datetime, bool]] = {
        ("C7", column): ("Ann", ANN, column != "street") for column in ("news", "sms", "street", "doNotContact", "fax")
    }
    kept: dict[tuple[str, str | None], Kept] = {("C7", "zip"): Kept("Bea", "2026-12-01", None, changed=False)}
    beside = replace(KNOWN, decided_on=decided, kept=kept)
    told = "\n".join(text(Review(replace(PLAN, left=left), beside, REVIEW.say), ""))
    words = " ".join(told.split())
    by_ann = "decided by Ann on 2026-11-20 09:30 UTC, and not written:"
    for said in (
        f"C7 news: {by_ann} no evidence newer than",
        f"C7 street, doNotContact: {by_ann} changed since somebody decided",
        f"C7 fax: {by_ann} its evidence is dated in the future",
    ):
        assert said in words
    assert words.count("and not written") == 3
    assert words.index("C7 zip: refused by Bea") > words.index("C7 fax"), "one's own refusals come last"


@pytest.mark.parametrize("purpose", ["correct", "undo"])
def test_what_is_left_by_name_is_told_in_full_where_the_screen_says_so(
    purpose: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Decisions in vain, and what an undo does not take back: the first on the screen, all where it points to."""
    keys = [f"C{number}" for number in range(10, 20)]
    left = tuple(LeftAlone(key, "city", Why.TOUCHED.value, refusal=None) for key in keys)
    plan = replace(PLAN, left=left, purpose=purpose, undoes="f" * 64 if purpose == "undo" else None)
    beside = replace(
        KNOWN,
        decided_on={(key, "city"): ("Ann", ANN, True) for key in keys},
        now={(key, "city"): "<b>Brugge" for key in keys},
    )
    review = Review(plan, beside, REVIEW.say)
    path = tmp_path / "plan.xlsx"
    path.write_bytes(plan_book(review, "", "plan-1.txt"))
    shown = Told(review, "", tmp_path / "plan-1.txt", path, path, ())
    said = {
        "correct": "decided by Ann on 2026-11-20 09:30 UTC, and not written: changed since we wrote it",
        "undo": 'changed since we wrote it: "<b>Brugge"',
    }[purpose]
    print_plan(Planned(plan, Path("2026-11-20T093000-x/plan.json"), (), plan.counts), REVIEW.say, shown)
    screen = " ".join(capsys.readouterr().out.split())
    once = {"correct": f"{said}: ", "undo": '10 changed since we wrote it "<b>Brugge": '}[purpose]
    assert f"{once}city: C10, C11, C12, C13, C14 and 5 more every one of them: auditor plan --show" in screen
    assert "--show 2026-11-20T093000-x/plan.json --json, or plan-1.txt" in screen
    document = shown.document()["left_by_name"]
    assert [(one["key"], one["column"], one["why"], one["told"]) for one in document] == [
        (key, "city", "touched", said) for key in keys
    ]
    assert [one["by"] for one in document] == ["Ann" if purpose == "correct" else None] * 10
    assert [one.get("now") for one in document] == [None if purpose == "correct" else "<b>Brugge"] * 10
    words = " ".join("\n".join(text(review, "")).split())
    assert words.endswith(f"{once}city: {', '.join(keys)}"), "said once, and every one of them listed"
    rows = cells_of(path)["left by name"][1:]
    assert [row[:4] for row in rows] == [[key, "city", f"{said[0].upper()}{said[1:]}.", "touched"] for key in keys]
    monkeypatch.setattr("auditor.report.plan_page.ON_A_PAGE", 8)
    page = plan_page(review, "", "plan-1.txt")
    assert unescape(page).count(f"{said[0].upper()}{said[1:]}.") == 8
    assert "And 2 more: <code>plan-1.txt</code> beside this page has every one." in page
    assert "<b>" not in page


@pytest.mark.parametrize(
    ("realtime", "known"),
    [
        (("news*",), "May start scenarios: writes of news* (fixes.realtime), marked; of others it is not known."),
        ((), "May start scenarios: not known. Actito does not say which write starts one"),
    ],
)
def test_what_may_start_is_said_as_far_as_it_is_known(
    realtime: tuple[str, ...], known: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the plan, and beside each write that the settings know of: in text, page, workbook and JSON."""
    review = replace(REVIEW, beside=replace(KNOWN, realtime=realtime))
    assert known in " ".join("\n".join(text(review, "")).split())
    assert known in unescape(plan_page(review, "", "plan.txt"))
    path = tmp_path / "plan.xlsx"
    path.write_bytes(plan_book(review, "", "plan.txt"))
    assert any(known in value for _, value in cells_of(path)["plan"][1:])
    marked = [write.key for write in review.writes() for one in write.changes if Risk.STARTS in one.risks]
    assert marked == (["C4"] if realtime else [])
    told = Told(review, "", path, path, path, ())
    assert told.document()["starts"].startswith(known)
    print_plan(Planned(PLAN, Path("plan.json"), (), PLAN.counts), REVIEW.say, told)
    assert known in " ".join(capsys.readouterr().out.split())


def test_who_decided_otherwise_on_other_values_is_named_with_the_write() -> None:
    """Not where a person has decided again."""
    said = {("C7", "city"): ("platform", "Mia", ANN)}
    updates = [
        a_write(Kind.UPDATE, Route.SINGLE, "C7", "7", (Cell("city", "Gent", "Gand"),), decided_by=by)
        for by in (None, "Ann")
    ]
    shown = Review(replace(PLAN, writes=tuple(updates)), replace(KNOWN, otherwise=said), REVIEW.say)
    words = " ".join("\n".join(text(shown, "")).split())
    told = "decided otherwise before: Keep Actito value (Mia, 2026-11-20): changed since it was decided"
    assert words.count(told) == 1
    first, second = (write.document(REVIEW.say)["changes"][0]["risks"] for write in shown.writes())
    assert first["decided_otherwise"] == told
    assert "decided_otherwise" not in second
    assert told.capitalize()[:9] + told[9:] in plan_page(shown, "", "plan.txt")
    earlier = replace(shown, plan=replace(shown.plan, made=ANN - timedelta(days=1)))
    words = " ".join("\n".join(text(earlier, "")).split())
    assert "decided otherwise later: Keep Actito value (Mia, 2026-11-20)" in words, "the plan knew nothing of it"
    assert "otherwise before" not in words
    assert "changed since it was decided" not in words


def test_a_plan_that_is_carried_out_says_so_and_not_how_to_do_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stop = (Notice(Code.MUCH_CHANGED, {"column": "city", "changed": 1, "compared": 8}).content(),)
    plan, path = replace(PLAN, stop=stop), tmp_path / "plan.json"
    for done in (None, ANN):
        review = Review(plan, replace(KNOWN, carried_out=done), REVIEW.say)
        told = Told(review, "", path, path, path, ("--confirm update=1",))
        print_plan(Planned(plan, path, (), plan.counts), REVIEW.say, told)
        printed = capsys.readouterr()
        screen, written = (" ".join(one.split()) for one in (printed.out + printed.err, "\n".join(text(review, ""))))
        assert ("to carry it out: auditor apply" in screen) is (done is None)
        for one in (screen, written):
            assert ("stopped until every count is confirmed" in one.lower()) is (done is None)
            assert ("carried out by 2026-11-20 09:30 utc" in one.lower()) is (done is not None)
        page = plan_page(review, "", "plan.txt")
        assert ("All of this is as of then. To carry it out" in page) is (done is None)
        assert (f"auditor plan --show {plan.sha[:12]}" in page) is (done is None), "which tells what became of it"
        document = told.document()
        assert (document["carried_out"], document["confirm"]) == (
            (ANN.isoformat(), []) if done else (None, ["--confirm update=1"])
        )


def test_what_is_in_files_for_somebody_else_is_told_as_in_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody goes ahead of such a file, nobody is read before it, and nothing of it is for `apply` to send."""
    policy = a_policy(bulk_min_rows=8, for_others=True)
    plan = plans(an_audit(many(150, "city")), policy)[0]
    ours = plans(an_audit(many(150, "city")), a_policy(bulk_min_rows=8))[0]
    assert (plan.for_others, ours.for_others) == (True, False)
    files = Counter(write.batch for write in plan.writes)
    assert files == {"Customers-update-1": 150}
    review = Review(plan, KNOWN, REVIEW.say)
    ways = Counter(way(write) for write in review.writes())
    assert ways == {"in the file Customers-update-1, for somebody else to import": 150}
    assert {write.document(REVIEW.say)["file"] for write in review.writes()} == {"Customers-update-1"}
    path = tmp_path / "plan.json"
    print_plan(Planned(plan, path, (), plan.counts), REVIEW.say, Told(review, "", path, path, path, ()))
    printed = capsys.readouterr()
    screen = " ".join((printed.out + printed.err).split())
    for told in (screen, " ".join("\n".join(text(review, "")).split())):
        assert "or somebody else to import: Customers-update-1 (150 profiles)" in told
        assert "nobody is read before it" in told
        assert "ahead of its file" not in told
    assert "auditor apply" not in screen
    assert "read right before" not in screen
    assert "import the files, then auditor run" in screen
    page = plan_page(review, "", "plan.txt")
    assert "auditor apply" not in page


def test_everything_has_words() -> None:
    assert set(RISK) == set(Risk)
    assert set(KIND) == set(ONE) == set(Kind)
    assert set(MAY_CONTACT) == set(Permission)
    assert not [told for told in WHY.values() if told.startswith("left")], "each stands behind: left alone"


def test_a_write_is_told_with_who_both_values_why_and_its_risks() -> None:
    told = "\n".join(text(REVIEW, "Cannot be undone: 1 deletion."))
    writes = [block.splitlines() for block in told.split("\n\n")[1:-1]]
    assert writes == [
        [
            "C3",
            "  permission withdrawn, one by one",
            "  doNotContact",
            '  - "false" (may be contacted)',
            '  + "true" (may not be contacted)',
            "    CRM changed",
            "  ! cannot be undone: a permission is given back one by one, where it was",
            "    withdrawn in error",
        ],
        [
            "C1  Ann Peeters <ann@example.org>",
            "  correction, by file",
            "  lastName",
            '  - "peeters "',
            '  + "Peeters"',
            "    lastName differs in upper and lower case only; CRM changed",
            "  ! goes by file: what somebody changes in Actito after the export is",
            "    overwritten, and shown only by an export that is taken in between",
        ],
        [
            "C2  Bob",
            "  correction, one by one",
            "  emailAddress",
            '  + "bob@example.org"',
            "    as CRM says",
            "    decided by Ann on 2026-11-20 09:30 UTC",
            "  ! messages go to another address or number from then on",
        ],
        [
            "C4",
            "  permission given, one by one",
            "  news",
            '  - "false" (may not be contacted)',
            '  + "true" (may be contacted)',
            "    CRM has it since 2026-11-19 12:00:00, from web form",
            "    decided by Ann",
            "  ! may start a scenario, which cannot be undone",
            "  ! the person may be contacted from then on",
        ],
        [
            "C5  Cem Öz",
            "  creation, one by one",
            "  firstName",
            '  + "Cem"',
            "    only CRM knows this person",
            "  lastName",
            '  + "Öz"',
            "  ! adds a person; an undo leaves them there unless --delete-created is asked",
            "    for",
        ],
        ["C6", "  deletion, one by one", "  ! cannot be undone: a deleted profile does not come back"],
    ]
    assert f"plan {PLAN.sha}\n" in told
    assert "Cannot be undone: 1 deletion.\n" in told
    assert told.endswith("\nleft alone:\n  1  for a person to decide")


def test_no_line_is_wider_than_a_terminal_and_no_character_of_a_value_is_lost() -> None:
    values = "é" * 200, "漢字" * 60, "a\x1b[2Jb\u202e"
    plan = a_plan(*(a_write(Kind.UPDATE, Route.SINGLE, "C1", "1", (Cell("note", None, value),)) for value in values))
    lines = list(on_screen(Review(plan, KNOWN, REVIEW.say), "plan.txt", everything=True))
    assert all(len(line) + sum(character in "漢字" for character in line) <= 80 for line in lines)
    told = "".join(line.strip().removeprefix("+ ") for line in lines)
    assert f'"{values[0]}"' in told
    assert f'"{values[1]}"' in told
    assert '"a⟨U+001B⟩[2Jb⟨U+202E⟩"' in told


def test_a_plan_that_writes_nothing_says_so_once_and_not_how_to_carry_it_out() -> None:
    left = (LeftAlone("C1", "city", "decision", refusal=None),)
    nothing = Notice(Code.ROUTE, ROUTE_OF_NOTHING).content()
    review = Review(replace(a_plan(), left=left, route_reason=nothing), KNOWN, REVIEW.say)
    told = "\n".join(text(review, ""))
    page = plan_page(review, "", "plan-1.txt")
    assert [one.lower().count("nothing to write") for one in (told, page)] == [1, 1]
    assert "auditor apply" not in page
    assert "for a person to decide" in told
    waiting = replace(review.plan, route_reason=Notice(Code.ROUTE, ROUTE_OF_NOTHING | {"waiting": 9}).content())
    waiting = replace(waiting, left=(LeftAlone("C1", "city", "quota", refusal=None),))
    assert "must wait for another day's file" in " ".join("\n".join(text(replace(review, plan=waiting), "")).split())


def test_a_creation_says_once_why_on_the_page() -> None:
    assert plan_page(REVIEW, "", "plan-1.txt").count("only CRM knows this person") == 1


def test_who_is_deleted_is_named_by_what_they_were_created_with_where_the_run_did_not_have_them() -> None:
    was = Cell("firstName", "Zoë", None), Cell("emailAddress", "zoe@example.org", None)
    plan = a_plan(
        *(a_write(Kind.DELETE, Route.SINGLE, key, number, was) for key, number in (("N3", "77"), ("C1", "1")))
    )
    told = [(one.key, one.name, one.email) for one in Review(plan, KNOWN, REVIEW.say).writes()]
    assert told == [("N3", "Zoë", "zoe@example.org"), ("C1", "Ann Peeters", "ann@example.org")]


def test_a_screen_has_the_first_writes_and_says_where_the_others_are() -> None:
    writes = [a_write(Kind.UPDATE, Route.SINGLE, f"C{n}", str(n), (Cell("city", "a", "b"),)) for n in range(1200)]
    review = Review(a_plan(*writes), KNOWN, REVIEW.say)
    *lines, last = on_screen(review, "plan-1.txt", everything=False)
    shown = sum(line.startswith("  C") for line in lines)
    assert 1 < shown < 20
    assert last == f"  and {1200 - shown:,} more: see plan-1.txt"
    assert sum(line.startswith("C") for line in text(review, "")) == 1200
    page = plan_page(review, "", "plan-1.txt")
    assert page.count("<tr>") == ON_A_PAGE + 1
    assert "And 200 more: <code>plan-1.txt</code> beside this page has every one." in page


def test_a_workbook_has_a_line_per_value_and_says_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "plan.xlsx"
    path.write_bytes(plan_book(REVIEW, "Cannot be undone: 1 deletion.", "plan.txt"))
    sheets = cells_of(path)
    assert ["Plan", PLAN.sha] in sheets["plan"]
    assert ["To know", "Cannot be undone: 1 deletion."] in sheets["plan"]
    rows = sheets["writes"][1:]
    assert [row[0] for row in rows] == ["C3", "C1", "C2", "C4", "C5", "C5", "C6"]
    assert rows[0] == [
        *("C3", "permission withdrawn", "one by one", "doNotContact", "false", "true"),
        *("may be contacted", "may not be contacted", "CRM changed", RISK[Risk.WITHDRAWN]),
    ], "empty cells are none"
    assert rows[2] == [
        *("C2", "Bob", "correction", "one by one", "emailAddress", "bob@example.org", "as CRM says"),
        *("Ann", "2026-11-20 09:30 UTC", RISK[Risk.ADDRESS]),
    ]
    assert rows[-1][-1] == RISK[Risk.DELETED]
    assert sheets["left alone"] == [["How many", "Why"], ["1", "For a person to decide."]]
    monkeypatch.setattr("auditor.report.plan_book.IN_A_BOOK", 2)
    path.write_bytes(plan_book(REVIEW, "", "plan.txt"))
    sheets = cells_of(path)
    assert [line[0] for line in sheets["writes"]] == ["Profile", "C3", "C1"]
    assert ["Not in this file", "4 more writes: plan.txt has every one"] in sheets["plan"]


def test_the_public_form_has_facts_and_what_they_say() -> None:
    [_, by_file, decided, *_] = [write.document(REVIEW.say) for write in REVIEW.writes()]
    assert (by_file["route"], by_file["name"], by_file["email"]) == ("bulk", "Ann Peeters", "ann@example.org")
    assert [one["column"] for one in by_file["changes"]] == ["lastName"], "what is carried along is no change"
    assert set(by_file["risks"]) == {"unseen"}
    [change] = decided["changes"]
    assert (change["before"], change["after"], change["decided_by"]) == (None, "bob@example.org", "Ann")
    assert change["decided_at"] == "2026-11-20T09:30:00+00:00"
    assert change["risks"] == {"address": RISK[Risk.ADDRESS]}


@pytest.mark.parametrize(
    ("key", "whose", "told"),
    [
        ("C2", "2", True),
        ("C1", "2", True),  # who has another key by now, which was somebody else's
        ("C2", "9", False),  # who had the key then
        ("C2", None, True),  # nobody can tell
        ("C5", "2", True),
    ],
)
def test_a_decision_keeps_its_moment_under_another_key(key: str, whose: str | None, told: bool) -> None:
    cell = (Cell("emailAddress", None, "bob@example.org"),)
    writes = [a_write(Kind.UPDATE, Route.SINGLE, name, number, cell) for name, number in (("C1", "1"), ("C2", "2"))]
    one = Decision("T", "Ann", key, "emailAddress", None, "bob@example.org", "truth", ANN, whose, None)
    assert when_decided(writes, [one]).get(("C2", "emailAddress", "Ann")) == (ANN if told else None)


def test_what_speaks_against_a_value_stands_beside_it_where_a_person_decided_for_it(tmp_path: Path) -> None:
    """In the text, in the workbook, on the page and in the public form; nobody decided on C1, and it is not told."""
    doubts = {("C2", "emailAddress"): "of_another", ("C1", "lastName"): "encoding"}
    review = replace(REVIEW, beside=replace(KNOWN, doubts=doubts))
    said = "looks damaged in CRM: in Actito it is somebody else's"
    assert " ".join("\n".join(text(review, "")).split()).count(f"! {said}") == 1
    path = tmp_path / "plan.xlsx"
    path.write_bytes(plan_book(review, "", "plan.txt"))
    assert [row[0] for row in cells_of(path)["writes"] if said in row[-1]] == ["C2"]
    page = unescape(plan_page(review, "", "plan.txt"))
    assert page.count("ooks damaged in CRM: in Actito it is somebody else's") == 1
    assert "ooks damaged" not in plan_page(REVIEW, "", "plan.txt")
    risks = [list(one["risks"]) for write in review.writes() for one in write.document(review.say)["changes"]]
    assert [found for found in risks if "damaged:of_another" in found] == [["damaged:of_another", "address"]]


@pytest.mark.parametrize("value", ["<script>alert(1)</script>", '"><img src=x>'])
def test_a_page_runs_nothing_and_fetches_nothing(value: str) -> None:
    plan = a_plan(a_write(Kind.UPDATE, Route.SINGLE, value, "1", (Cell("note", value, value + "!"),), decided_by=value))
    page = plan_page(Review(plan, KNOWN, REVIEW.say), "", "plan.txt")
    assert value not in page
    assert "default-src 'none'; style-src 'sha256-" in page
    assert "<script" not in page
    assert "http:" not in page.replace("http-equiv", "")


def test_people_are_named_whatever_the_columns_of_name_and_address_are_called(tmp_path: Path) -> None:
    """By the columns by which the same persons are looked for; what the contract does not map is not shown."""
    columns = {"nr": "nr", "prenom": "p", "achternaam": "a", "e_mail": "m"}
    lines = ['key = ["nr"]', *(f'[columns.{name}]\ntruth = "{truth}"' for name, truth in columns.items())]
    (tmp_path / "contract.toml").write_text("\n".join([*lines, 'compare = "email"']), "utf-8")
    contract = read_contract(tmp_path / "contract.toml", None)
    row = {"profileId": "1", "nr": "C1", "prenom": "Ann", "achternaam": "Peeters", "e_mail": "ann@example.org"}
    pl.DataFrame([row, row | {"profileId": "2", "nr": "C2"}]).write_parquet(tmp_path / "platform.parquet")
    plan = a_plan(a_write(Kind.UPDATE, Route.SINGLE, "C1", None, (Cell("prenom", "Ann", "Anna"),)))
    assert people_of(tmp_path, contract, plan).rows() == [("1", "C1", "Ann Peeters", "ann@example.org")]
    assert naming(contract) == ("prenom", "achternaam", "e_mail")
