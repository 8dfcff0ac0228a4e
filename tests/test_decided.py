"""Files of decisions and the inbox that they are put into: taken once, the later wins, refused with the reason."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from auditor.commands.apply import apply
from auditor.commands.decided import known_already, require_taken, take, without_effect
from auditor.commands.known import standing_decisions
from auditor.commands.plan import plan
from auditor.errors import Exit, GuardRefused
from auditor.findings.answers import Answer
from auditor.findings.decided import so_far
from auditor.model import Kind, Side, Status
from auditor.plan import decisions as plan_decisions
from auditor.plan.decisions import Choice
from auditor.plan.finding_answers import every_question
from auditor.plan.needs import questions
from auditor.plan.pairs import held, one_of_two, one_person, with_decided
from auditor.settings.config import Settings, read_settings
from auditor.settings.contract import Contract
from auditor.settings.contract_file import read_contract
from auditor.state import run_folder
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import SAME_PERSON, About, Decision
from auditor.state.past_runs import find_run
from tests import given_time
from tests.audits import audit_of, difference, needed
from tests.small_folder import Made, auditor
from tests.test_decided_once import NEWS

NOW = given_time.now()


@dataclass
class Inbox:
    """The inbox of an audited folder."""

    folder: Path
    settings: Settings
    contract: Contract

    def put(self, name: str, *lines: dict[str, Any], by: str, **changes: Any) -> Path:
        content = {"format": 1, "run": find_run(self.settings).name, "table": "Customers", "by": by}
        path = self.folder / "decisions" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content | {"decisions": list(lines)} | changes), "utf-8")
        return path

    def take(self, now: datetime | None = None) -> list[str]:
        told: list[str] = []
        take(self.settings, self.contract, now or NOW, told.append)
        return told

    @property
    def recorded(self) -> tuple[Decision, ...]:
        with Ledger(self.settings.state_folder, reading=True) as ledger:
            return ledger.every_decision("Customers")

    @property
    def names(self) -> list[str]:
        inbox = self.folder / "decisions"
        return sorted(path.relative_to(inbox).as_posix() for path in inbox.rglob("*.json"))


@pytest.fixture
def inbox(small: Made, tmp_path: Path) -> Inbox:
    global NOW
    NOW = given_time.now()  # later than the audit, which may be made long after this module is read
    folder = shutil.copytree(small.audited, tmp_path / "work")
    settings = read_settings(folder / "auditor.toml")
    structure = run_folder.read_structure(find_run(settings))
    return Inbox(folder, settings, read_contract(settings.table_folder / "contract.toml", structure))


def line(key: str, choice: str = "truth", minutes: int | None = None) -> dict[str, Any]:
    made = {} if minutes is None else {"made": (NOW - timedelta(minutes=minutes)).isoformat()}
    return {"key": key, "column": "lastName", "platform": "Maes", "truth": "Maas", "choice": choice, **made}


def test_what_is_put_into_the_inbox_is_recorded_and_moved(inbox: Inbox) -> None:
    inbox.put("a.json", line("1", minutes=5), line("2"), by="An")
    assert inbox.take() == [
        "a.json: 2 decisions of An taken",
        "  2 of them are about nobody of whom the newest run found anything: nothing comes of that now",
    ]
    assert [(one.key, one.person, one.decided_at) for one in inbox.recorded] == [
        ("1", "An", NOW - timedelta(minutes=5)),
        ("2", "An", NOW),
    ]
    assert inbox.names == ["taken/a.json"]
    taken = inbox.folder / "decisions" / "taken"
    assert (taken.stat().st_mode & 0o777, (taken / "a.json").stat().st_mode & 0o777) == (0o700, 0o600)
    inbox.put("a.json", line("3", minutes=1), by="Bob")
    inbox.take()
    assert inbox.names == ["taken/a-2.json", "taken/a.json"], "none takes the place of another"
    inbox.take(NOW + timedelta(days=15))
    assert inbox.names == [], "values of people stay no longer than the snapshots"
    assert len(inbox.recorded) == 3


@pytest.mark.parametrize("minutes", [5, None])
def test_a_file_that_is_taken_twice_changes_nothing(inbox: Inbox, minutes: int | None) -> None:
    """As after a kill between recording it and moving it away; also if somebody else has decided since."""
    now = given_time.now()  # after the run began whose worklist it is
    inbox.put("a.json", line("1", minutes=minutes), by="An")
    inbox.take(now)
    before = inbox.recorded
    inbox.put("again.json", line("1", minutes=minutes), by="An")
    assert inbox.take(now + timedelta(hours=1)) == ["again.json: 0 decisions of An taken, 1 known already"]
    assert inbox.recorded == before


@pytest.mark.parametrize("where", ["profiles.parquet", "creations.parquet", "elsewhere"])
def test_nothing_is_recorded_where_nobody_can_tell_whose_the_keys_are(inbox: Inbox, where: str) -> None:
    """Of a run in another folder that shares the state, or one that does not keep it any more: keys change hands."""
    run = find_run(inbox.settings)
    profiles = run_folder.read_rows(run, "profiles")
    missing = profiles.filter(profiles["status"] == Status.MISSING)["key"][0]
    path = inbox.put("a.json", line("1", "ignore"), line(missing), by="An")
    if where == "elsewhere":
        run.rename(inbox.folder / where)
    else:
        (run / where).unlink()
    [told] = inbox.take()
    assert told.startswith(f'not taken: {path}: the decisions are about the run "{run.name}", and whose its keys are')
    assert (inbox.recorded, inbox.names) == ((), ["a.json"])


@pytest.mark.parametrize("order", ["earlier first", "later first"])
def test_the_later_of_two_decisions_wins_and_the_other_is_told(inbox: Inbox, order: str) -> None:
    files = [("an.json", line("1", "truth", 9), "An"), ("bob.json", line("1", "platform", 3), "Bob")]
    told: list[str] = []
    for name, made, by in files if order == "earlier first" else files[::-1]:
        inbox.put(name, made, by=by)
        told += inbox.take()
    assert "  Bob overrules An, who had decided before: lastName of 1" in told
    with Ledger(inbox.settings.state_folder, reading=True) as ledger:
        [stands] = standing_decisions(ledger, "Customers", {}, but=None)
    assert (stands.person, stands.choice, stands.overrules) == ("Bob", "platform", "An")


def test_nothing_is_sent_while_a_file_waits_however_its_ending_is_spelt(inbox: Inbox) -> None:
    require_taken(inbox.settings)
    waiting = inbox.put("ANN.JSON", line("1"), by="Ann")
    (waiting.parent / ".hidden.json").touch()
    (waiting.parent / "readme.txt").touch()
    with pytest.raises(GuardRefused, match="1 file of decisions waits") as refused:
        require_taken(inbox.settings)
    assert "auditor plan" in str(refused.value.hint)
    assert inbox.take()[0] == "ANN.JSON: 1 decision of Ann taken"
    require_taken(inbox.settings)
    taken = waiting.parent / "taken" / waiting.name
    assert taken.exists()
    inbox.take(NOW + timedelta(days=15))
    assert not taken.exists()


def test_an_apply_stops_before_it_asks_and_a_fix_takes_the_inbox_itself(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(inbox.folder)
    made = next(one for one in plan(inbox.settings, now=NOW, route="single") if one.plan.purpose == "correct")
    [key, *_] = [write.key for write in made.plan.writes if write.kind is Kind.UPDATE]
    inbox.put("a.json", line("1"), by="An")
    with pytest.raises(GuardRefused, match="1 file of decisions waits"):
        apply(inbox.settings, made.path, confirmed=made.plan.counts, clock=given_time.now)
    flags = [f"--confirm={kind.value}={count}" for kind, count in made.plan.counts.items()]
    said = auditor(capsys, "apply", str(made.path), *flags)
    assert (said.code, "1 file of decisions waits" in said.err) == (Exit.REFUSED, True)
    assert inbox.names == ["a.json"], "an apply takes nothing"
    said = auditor(capsys, "fix", key)
    assert (said.code, "a.json: 1 decision of An taken" in said.err) == (Exit.REFUSED, True)
    assert (inbox.names, "waits" in said.err) == (["taken/a.json"], False)


def test_decisions_that_can_do_nothing_are_told_by_their_reason() -> None:
    def decided(key: str, column: str, choice: Choice = Choice.TRUTH, **about: Any) -> plan_decisions.Decision:
        on = About("without_evidence", "a form", about["until"]) if about else None
        return plan_decisions.Decision(key, column, "a", "b", choice, "An", about=on)

    today = NOW.date()
    told = without_effect(
        [
            decided("C1", "city"),
            decided("C1", "street"),
            decided("C2", "news", Choice.GROUNDS, until=today),
            decided("C2", "news", Choice.GROUNDS, until=today - timedelta(days=1)),
            decided("C1", "news", Choice.GROUNDS, until=today),
            decided("C3", "news"),
            decided("C8", "city"),
            decided("C9", "city"),
            decided("C9", SAME_PERSON, Choice.SAME),
            decided("C1", "zip"),
        ],
        differing={("C1", "city"): ("a", "b"), ("C1", "zip"): ("a", "c")},
        found={("C2", "news", "without_evidence"), ("C1", "news", "against_consent")},
        people={"C3"},
        today=today,
    )
    assert list(told) == [
        "  1 of them is about a cell in which the newest run found nothing: nothing comes of that now",
        "  1 of them is grounds that are over already: nothing comes of that now",
        "  1 of them is about a finding that the cell does not have in the newest run: nothing comes of that now",
        "  2 of them are about nobody of whom the newest run found anything: nothing comes of that now",
        "  1 of them is on values that are others in the newest run: nothing comes of that now",
    ]


@pytest.mark.parametrize(
    ("hours", "whose", "known"),
    [(None, "7", True), (-1, "7", True), (0, "7", True), (1, "7", False), (-1, "8", False)],
)
def test_the_same_decided_on_a_newer_run_is_decided_anew(hours: int | None, whose: str, known: bool) -> None:
    """Of a file without moments: what was heard since, such as newer evidence, made the one before lapse."""
    one = plan_decisions.Decision("C1", NEWS, "false", "true", Choice.TRUTH, "An")
    before = Decision("Customers", "An", "C1", NEWS, "false", "true", "truth", NOW, "7", None, said_at=NOW)
    began = None if hours is None else NOW + timedelta(hours=hours)
    assert known_already(one, whose, [before], began) is known
    assert known_already(replace(one, made=NOW), whose, [before], NOW + timedelta(hours=1)), "the very same, whenever"


def test_what_is_refused_stays_and_the_others_are_taken(inbox: Inbox) -> None:
    inbox.put("column.json", {**line("1"), "column": "shoeSize"}, by="An")
    inbox.put("else.json", line("1"), by="An", run="20260310T090000Z-ab12")
    inbox.put("fine.json", line("1"), by="An")
    inbox.put("table.json", line("1"), by="An", table="Others")
    (inbox.folder / "decisions" / "broken.json").write_text("{")
    elsewhere = inbox.folder / "elsewhere.json"
    inbox.put("fine.json", line("1"), by="An").rename(elsewhere)
    (inbox.folder / "decisions" / "link.json").symlink_to(elsewhere)
    inbox.put("fine.json", line("1"), by="An")
    told = "\n".join(inbox.take())
    assert inbox.names == ["broken.json", "column.json", "else.json", "link.json", "table.json", "taken/fine.json"]
    for reason in (
        '"shoeSize" is not compared',
        'about the run "20260310T090000Z-ab12", which this folder does not know',
        'about "Others", not about "Customers"',
        "not valid JSON",
        "is not followed",
    ):
        assert reason in told
    assert len(inbox.recorded) == 1


def test_plan_takes_the_inbox_and_refuses_a_file_of_another_folder(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(inbox.folder)
    inbox.put("a.json", line("1"), by="An")
    other = inbox.put("other.json", line("2"), by="An", run="20260310T090000Z-ab12").rename(inbox.folder / "o.json")
    said = auditor(capsys, "plan", "--decisions", str(other))
    assert (said.code, "which this folder does not know" in said.err) == (Exit.SETTINGS, True)
    assert "a.json: 1 decision of An taken" in said.err
    assert [one.key for one in inbox.recorded] == ["1"]


def test_a_clock_ahead_of_ours_decides_no_later_than_now(inbox: Inbox) -> None:
    inbox.put("a.json", line("1", minutes=-90), by="An")
    plan(inbox.settings, now=NOW)
    assert [one.decided_at for one in inbox.recorded] == [NOW]


def test_a_file_of_a_clock_ahead_of_ours_is_known_whenever_it_comes_again(inbox: Inbox) -> None:
    """It overrules nobody who decided after it was recorded, before its moment comes and after."""
    ahead = line("1", "platform", minutes=-90)
    inbox.put("a.json", ahead, by="Mia")
    inbox.take()
    inbox.put("b.json", line("1", "truth", minutes=-10), by="Bob")
    inbox.take(NOW + timedelta(minutes=20))
    for later in (timedelta(minutes=30), timedelta(hours=5)):
        inbox.put("a.json", ahead, by="Mia")
        assert inbox.take(NOW + later) == ["a.json: 0 decisions of Mia taken, 1 known already"]
    assert [(one.person, one.decided_at - NOW) for one in inbox.recorded] == [
        ("Mia", timedelta()),
        ("Bob", timedelta(minutes=10)),
    ]
    with Ledger(inbox.settings.state_folder, reading=True) as ledger:
        assert [one.person for one in standing_decisions(ledger, "Customers", {}, but=None)] == ["Bob"]


def test_people_who_are_one_are_left_alone_and_told_to_the_truth_and_are_not_asked_about_again() -> None:
    """Nothing is merged by itself; of two keys of one side nobody but the asker hears."""
    pairs = [
        {"platform_key": "P1", "truth_key": "T1", "side": "both", "score": 0.9},
        {"platform_key": "P2", "truth_key": "T2", "side": "both", "score": 0.9},
        {"platform_key": "P3", "other_key": "P4", "side": "platform", "score": 0.9},
        {"platform_key": "P5", "truth_key": "T5", "side": "both", "score": 0.9},
    ]
    said = [("P1", "T1", Choice.SAME), ("P2", "T2", Choice.TWO_PEOPLE), ("P3", "P4", Choice.SAME)]
    decisions = [
        plan_decisions.Decision(one, SAME_PERSON, one, two, choice, "An", made=NOW) for one, two, choice in said
    ]
    audit = audit_of(same_person=pairs)
    assert held(audit, Side.TRUTH, decisions) == {"T1", "T5"}
    assert one_of_two(audit, Side.TRUTH, decisions) == {"T1"}
    assert one_of_two(audit, Side.PLATFORM, decisions) == {"P1", "P3", "P4"}
    decided = with_decided(audit.same_person, decisions)
    assert decided["chosen"].to_list() == ["same", "two_people", "same", None]
    assert one_person(decided).rows() == [("P1", SAME_PERSON, "P1", "T1", "same_person")]
    assert questions(needed(audit), decided) == {"asked": 4, "decided": 3, "changed": 0}


def test_how_much_is_decided_is_counted_once() -> None:
    """Cells that ask a person, and those that a person's decision took from there, whatever became of them."""
    rows = [difference(str(number), "lastName", "a", "b") for number in range(6)]
    choices = [Choice.TRUTH, Choice.PLATFORM, Choice.IGNORE]
    decisions = [
        plan_decisions.Decision(str(number), "lastName", "a", "b", choice, "An", made=NOW)
        for number, choice in enumerate(choices)
    ]
    decisions.append(plan_decisions.Decision("3", "lastName", "a", "c", Choice.TRUTH, "An", made=NOW))
    audit = audit_of(differences=rows)
    counted = questions(needed(audit, decisions=decisions), audit.same_person)
    assert counted == {"asked": 6, "decided": 3, "changed": 1}
    assert so_far(counted) == "3 of 6 decided, 1 changed since"


def test_decisions_on_permission_findings_count_as_well() -> None:
    """Those that ask by themselves, and those that a decision answered; not what is decided with a difference."""
    rows = [{"key": str(at), "column": NEWS, "finding": "without_evidence"} for at in range(len(Answer))]
    rows.append({"key": "d", "column": NEWS, "finding": "opted_out_in_truth"})
    audit = audit_of(differences=[difference("d", NEWS, "true", "false")], permissions=rows)
    found = audit.permissions.with_columns(answer=pl.Series([*Answer, Answer.WITHDRAWN]))
    asked = needed(audit)
    assert every_question(asked, audit.same_person, audit.permissions) == questions(asked, audit.same_person)
    assert every_question(asked, audit.same_person, found) == {"asked": 7, "decided": 3, "changed": 1}
