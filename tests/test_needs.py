"""What becomes of a differing cell: every combination against a slow table by hand, and everybody who tells it."""

from __future__ import annotations

import csv
import itertools
import json
import xml.etree.ElementTree as ET
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from auditor.commands.plan import plan as make_plan
from auditor.commands.show import tell
from auditor.findings.audit import Audit
from auditor.findings.figures import by_need
from auditor.model import Attribute, Kind, Segmentation, Status, Structure
from auditor.permissions import EVIDENCE, HISTORY
from auditor.plan import make_plans
from auditor.plan.decisions import Choice, Decision
from auditor.plan.knowledge import LEFT, UNDONE, Knowledge
from auditor.plan.needs import for_the_truth, needs, questions
from auditor.report import render
from auditor.settings.config import read_settings
from auditor.settings.contract import Blank, Column, Compare, Master, Polarity, Writing
from auditor.state.ledger.records import Pin
from auditor.writes import Plan
from tests import given_time
from tests.audits import audit_of, difference, profile
from tests.driven_sandbox import Sandbox
from tests.nothing_known import NOW, a_policy, facts, knowledge
from tests.small_folder import auditor, copy, made
from tests.test_report import rows_of

DAY = timedelta(days=1)
ROW_CHANGED = NOW - 5 * DAY
NEEDED = {"written", "person", "truth", "left"}
LABEL = {
    "written": "Corrected by a plan",
    "person": "To be decided by a person",
    "truth": "For the owners of CRM",
    "left": "Left alone",
}

MOVED = ("truth", "truth_by_moment", "platform", "both", "unknown")
STANDS = ("", "waiting", "pending", "blocked", "undone")
DECIDED = ("", "truth", "platform", "ignore", "changed since")
SAYS = {"on": True, "off": False}
STATES = (("on", "off"), ("off", "on"), ("empty", "off"), ("empty", "on"), ("on", "empty"), ("off", "empty"))
EVIDENT = {"none": None, "older": NOW - 9 * DAY, "newer": NOW - DAY}
"""Evidence that a permission was given or withdrawn, beside the last change of the platform's row."""


@dataclass(frozen=True)
class Combination:
    master: str
    conflicts: str
    blank: str
    polarity: str
    """Empty: no permission."""
    platform: str
    """What the cell says: on, off or empty of a permission, else filled or empty."""
    truth: str
    moved: str
    stands: str
    decided: str
    evidence: str
    write: str = "always"
    mandatory: bool = False
    """Actito lets nobody clear it."""

    @property
    def column(self) -> str:
        mandatory = ("mandatory",) if self.mandatory else ()
        return "/".join((self.master, self.conflicts, self.blank, self.polarity, self.write, *mandatory))

    @property
    def closed(self) -> bool:
        """The contract lets nobody write the cell."""
        return self.write == "never" or (self.write == "only-if-empty" and self.platform != "empty")

    @cached_property
    def values(self) -> tuple[str | None, str | None]:
        return self._text(self.platform, "Gent"), self._text(self.truth, "Gand")

    def _text(self, said: str, filled: str) -> str | None:
        if said == "empty":
            return None
        if said == "filled":
            return filled
        return str(SAYS[said] is (self.polarity == "opt-in")).lower()


def combinations() -> Iterator[Combination]:
    """All that can be: a cell that the truth leaves empty differs only where blank = "clear"."""
    for master, conflicts, blank, polarity in itertools.product(
        Master, ("ask", "master"), Blank, ("", "opt-in", "opt-out")
    ):
        pairs = STATES if polarity else (("filled", "filled"), ("empty", "filled"), ("filled", "empty"))
        for (platform, truth), moved, stands, decided in itertools.product(pairs, MOVED, STANDS, DECIDED):
            if truth == "empty" and blank is Blank.KEEP:
                continue
            for evidence in EVIDENT if polarity else ("none",):
                one = Combination(master, conflicts, blank, polarity, platform, truth, moved, stands, decided, evidence)
                yield one
                if truth == "empty" and not polarity:
                    yield replace(one, mandatory=True)
                usual = (conflicts, blank, evidence) == ("ask", Blank.CLEAR, "newer" if polarity else "none")
                if usual and master is not Master.PLATFORM and stands in ("", "waiting", "undone"):
                    yield from (replace(one, write=write.value) for write in Writing if write is not Writing.ALWAYS)


def by_hand(one: Combination, without_base: str) -> tuple[str, str | None]:
    """What becomes of the cell, and the word for the owners of the truth: design §7 and §8, a sentence at a time."""
    if one.stands in ("waiting", "pending"):  # "waiting, pending → left alone"
        return "left", None
    if one.decided == "ignore":  # "leave both as they are"
        return "left", None
    if one.master == "platform":  # "differences go to for-the-truth.csv, never to Actito"
        return "truth", "platform_is_master"
    if one.decided == "platform":  # the platform is right
        return "truth", "decided"
    if one.polarity:
        return permission_by_hand(one)
    if one.master == "both" and one.moved == "platform" and one.decided != "truth":
        return "truth", "platform_moved"  # "only the platform moved → for-the-truth.csv"
    if one.closed:  # "never", or "only-if-empty" and it is not, whoever decides
        return "left", None
    if one.stands == "blocked" or one.mandatory:  # "blocked → never"
        return "left", None
    if one.stands == "undone" and one.decided != "truth":  # "what was undone is not proposed again until it changes"
        return "left", None
    if one.decided == "truth":
        return "written", None
    if one.moved == "truth":  # "stale with a base → corrected", "only the truth moved → corrected on the platform"
        return "written", None
    if one.moved == "truth_by_moment":  # "planned only with without_base = moments"
        return ("written" if without_base == "moments" else "person"), None
    if one.master == "truth" and one.conflicts == "master":  # "conflicting ones wait unless conflicts = master"
        return "written", None
    return "person", None


def answers_by_hand(one: Combination) -> str:
    """Which decisions of a person change anything."""
    if one.stands in ("waiting", "pending"):
        return ""
    silent = one.polarity and one.truth == "empty"
    refused = one.stands == "blocked" or one.mandatory
    refused = refused or (one.closed and not (one.polarity and one.truth == "off"))
    return "platform" if one.master == "platform" or silent or refused else "truth platform"


def permission_by_hand(one: Combination) -> tuple[str, str | None]:
    """The table of §8.2. What it has no line for, an empty cell of the platform, is neither yes nor no."""
    free = one.stands == "" or (one.stands, one.decided) == ("undone", "truth")  # a person may decide anew
    if one.truth == "empty":  # any | empty | any: "no write"
        return "left", None
    if (one.platform, one.truth) == ("off", "on"):
        # "an opt-in only by a named person's decision with evidence newer than the last opt-out known"
        if free and one.decided == "truth" and one.evidence == "newer" and not one.closed:
            return "written", None
        return "truth", "opted_out_on_platform"  # "never automatic; the opt-out goes to for-the-truth.csv"
    if one.truth == "on" and one.closed:
        return "left", None
    if (one.platform, one.truth) == ("empty", "on"):  # never seen off: any evidence suffices, and a person it needs
        if one.decided == "truth":
            return ("written" if free and one.evidence != "none" else "left"), None
        return ("person" if free else "left"), None
    word = None
    if one.platform == "on" and one.moved == "platform" and one.decided != "truth" and one.evidence != "newer":
        word = "opted_in_on_platform"  # "a decision, and a line in for-the-truth.csv"
    if not free:
        return ("truth" if word else "left"), word
    if one.decided == "truth":
        return "written", None
    if one.closed:  # nobody who said no is passed over: a person decides
        return "person", word
    if one.moved == "truth":  # "opt-out, automatic, first of all"
        return "written", None
    if one.evidence == "newer":  # a new no, whatever was said before it
        return "written", None  # "only if the column's own evidence is later than the platform row's update"
    return "person", word


@pytest.fixture(scope="module")
def every() -> dict[tuple[str, str], Combination]:
    """By key and column; every combination is a profile of its own."""
    return {(f"{place:06}", one.column): one for place, one in enumerate(combinations())}


@pytest.fixture(scope="module")
def audit(every: dict[tuple[str, str], Combination]) -> Audit:
    rows = [
        difference(
            key,
            column,
            platform=one.values[0],
            truth=one.values[1],
            moved=one.moved,
            status="stale" if one.moved in ("truth", "truth_by_moment") else "conflicting",
            cause=column,
            platform_updated=ROW_CHANGED,
            waiting=one.stands == "waiting",
            pending=one.stands == "pending",
            blocked=one.stands == "blocked",
        )
        for (key, column), one in every.items()
    ]
    columns = tuple(
        Column(
            one.column,
            one.column,
            one.column,
            Compare.BOOLEAN if one.polarity else Compare.EXACT,
            master=Master(one.master),
            conflicts="master" if one.conflicts == "master" else "ask",
            blank=Blank(one.blank),
            write=Writing(one.write),
            permission=Polarity(one.polarity) if one.polarity else None,
        )
        for one in {one.column: one for one in every.values()}.values()
    )
    return audit_of(differences=rows, columns=columns)


def known(every: dict[tuple[str, str], Combination], without_base: str) -> Knowledge:
    def cells(stands: str) -> pl.DataFrame:
        rows = [(*cell, *one.values, NOW - 2 * DAY) for cell, one in every.items() if one.stands == stands]
        return pl.DataFrame(rows, schema=UNDONE, orient="row")

    def made(cell: tuple[str, str], one: Combination) -> Decision:
        platform, truth = one.values
        if one.decided == "changed since":
            return Decision(*cell, platform, "earlier", Choice.TRUTH, "Ann", made=NOW - DAY)
        return Decision(*cell, platform, truth, Choice(one.decided), "Ann", made=NOW - DAY)

    evidence = [(*cell, EVIDENT[one.evidence], "shop") for cell, one in every.items() if one.polarity]
    return knowledge(
        Structure("16", "Customers", tuple(Attribute(one.column, mandatory=one.mandatory) for one in every.values())),
        without_base="moments" if without_base == "moments" else "ask",
        decisions=[made(cell, one) for cell, one in every.items() if one.decided],
        evidence=pl.DataFrame(evidence, schema=EVIDENCE, orient="row"),
        undone=cells("undone"),
    )


def test_of_some_profiles_the_same_is_said_as_of_all() -> None:
    audit = audit_of(differences=[difference(key, "lastName", "a", "b") for key in ("k", "l", "m")])
    known = knowledge(Structure("16", audit.table, ()))
    everybody = needs(audit, known)
    assert needs(audit, known, only=["l"]).equals(everybody.filter(key="l"))
    assert everybody["key"].to_list() == ["k", "l", "m"]


def test_what_was_decided_on_other_values_is_said_to_have_changed_where_somebody_is_to_decide() -> None:
    audit = audit_of(
        differences=[
            difference("k", "lastName", "a", "b"),
            difference("l", "lastName", "Rémy", "RÃ©my", moved="truth", status="stale", reason="encoding"),
            difference("m", "nickname", "a", "b"),
        ]
    )
    made = [Decision(key, column, "c", "d", Choice.TRUTH, "An") for key, column in audit.differences[:, :2].rows()]
    why = [
        needs(audit, knowledge(Structure("16", audit.table, ()), decisions=decisions))["why"].to_list()
        for decisions in ((), made)
    ]
    assert why == [["decision", "damaged", "for_the_truth"], ["changed", "changed", "for_the_truth"]]


NEWS = Column("news", "news", "news", Compare.BOOLEAN, master=Master.BOTH, permission=Polarity.OPT_IN)


def permission(key: str, platform: str | None, truth: str, moved: str = "unknown") -> dict[str, Any]:
    return difference(key, NEWS.name, platform, truth, moved=moved, platform_updated=ROW_CHANGED)


def test_nothing_of_who_was_erased_is_written_but_their_no() -> None:
    city = Column("city", "city", "city", master=Master.TRUTH)
    rows = [permission("off", "true", "false", "truth"), permission("on", None, "true")]
    rows += [difference("on", "city", "a", "b", moved="truth"), difference("other", "city", "a", "b", moved="truth")]
    audit = audit_of(differences=rows, columns=(NEWS, city))
    said = Decision("on", "news", None, "true", Choice.TRUTH, "Ann", made=NOW - DAY)
    proof = pl.DataFrame([("on", "news", NOW - 2 * DAY, "shop")], schema=EVIDENCE, orient="row")
    structure = Structure("16", audit.table, ())

    def why(*erased: tuple[str, str | None]) -> dict[tuple[str, str], str | None]:
        known = knowledge(structure, decisions=[said], evidence=proof, of_erased=frozenset(erased))
        return {(key, column): why for key, column, why in select(needs(audit, known), "why")}

    assert set(why().values()) == {None}
    assert why(("off", None), ("on", None)) == why() | {("on", "news"): "erased", ("on", "city"): "erased"}
    assert why(("on", "city")) == why() | {("on", "city"): "erased"}


@pytest.mark.parametrize("choice", [None, Choice.TRUTH])
@pytest.mark.parametrize(
    "word",
    [
        "opted_out_on_platform",
        "withdrawn_by_us",
        "withdrawn_by_us_then_changed",
        "withdrawn_as_the_truth_said",
        "opted_out_under_another_key",
    ],
)
def test_an_opt_out_is_told_while_it_stands_whoever_decided_otherwise(word: str, choice: Choice | None) -> None:
    """Who decided for an opt-in of which there is no evidence has not made the opt-out undone."""
    apart, ours = word == "opted_out_under_another_key", word.startswith("withdrawn_by_us")
    said: list[tuple[object, ...]] = [(None, NOW - 9 * DAY, "platform", "k", "news", "off")] if ours else []
    said += [("run", NOW - 9 * DAY, "other", "k", "news", "off")] if apart else []
    left = [("k", NOW - 10 * DAY, ROW_CHANGED)] if word == "withdrawn_by_us" else []
    audit = audit_of(differences=[permission("k", None if apart else "false", "true")], columns=(NEWS,))
    made = [Decision("k", "news", audit.differences["platform"][0], "true", choice, "Ann")] if choice else []
    known = knowledge(
        Structure("16", audit.table, ()),
        decisions=made,
        history=pl.DataFrame(said, schema=HISTORY, orient="row"),
        left=pl.DataFrame(left, schema=LEFT, orient="row"),
        filed={("k", "news")} if word == "withdrawn_as_the_truth_said" else frozenset(),
    )
    needed = needs(audit, known)
    assert (needed["told"].to_list(), needed["kind"].to_list()) == ([word], [None])


@pytest.mark.parametrize(
    ("segmentation", "platform", "truth", "why"),
    [
        (Segmentation("Tier", exclusive=True, mandatory=True, segments=("Gold", "Silver")), "Gold", None, "blocked"),
        (Segmentation("Tier", exclusive=True, mandatory=True, segments=("Gold", "Silver")), "Gold", "Silver", None),
        (Segmentation("Tier", exclusive=True, segments=("Gold", "Silver")), "Gold", None, None),
        (Segmentation("Tier", mandatory=True), "true", None, "blocked"),
        (Segmentation("Tier"), "true", None, None),
        (Segmentation("Tier"), " False", None, "blocked"),
        (Segmentation("Tier", exclusive=True, segments=("No", "Yes")), "No", None, None),
    ],
)
def test_nobody_leaves_a_segmentation_that_everybody_is_in_nor_one_that_they_are_not_in(
    segmentation: Segmentation, platform: str, truth: str | None, why: str | None
) -> None:
    name = "segmentations#Tier"
    audit = audit_of(
        differences=[difference("C1", name, platform, truth, status="stale", moved="truth", base=platform)],
        columns=(Column(name, "tier", name, Compare.CODE, blank=Blank.CLEAR),),
    )
    [row] = needs(audit, knowledge(Structure("16", "Customers", (), (), (segmentation,)))).to_dicts()
    assert row["why"] == why


@pytest.mark.parametrize(("key", "why"), [("C1", None), ('{"email":"a@x.be"}', "unaddressed")])
def test_whoever_has_no_profile_id_is_addressed_by_their_key_unless_it_is_a_fallback(key: str, why: str | None) -> None:
    audit = audit_of(
        profiles=[profile(key, Status.STALE, profile_id=None)],
        differences=[difference(key, "city", "Gent", "Gand", status="stale", moved="truth", base="Gent")],
        columns=(Column("city", "city", "city"),),
    )
    audit = replace(audit, fallbacks=(("email",),))
    [row] = needs(audit, knowledge(Structure("16", "Customers", ()))).to_dicts()
    assert row["why"] == why


def test_what_is_left_alone_is_no_question() -> None:
    audit = audit_of(differences=[difference("k", "lastName", "a", "b"), difference("l", "lastName", "a", "b")])
    kept = Decision("l", "lastName", "a", "b", Choice.REFUSED, "Ann", made=NOW)
    pinned = Pin("Customers", "Ann", "k", None, "lastName", "a", "right", NOW + DAY, NOW)
    needed = needs(audit, knowledge(Structure("16", audit.table, ()), decisions=[kept], pins=[pinned]))
    assert dict(questions(needed, audit.same_person)) == {"asked": 1, "decided": 1, "changed": 0}


@pytest.mark.parametrize("without_base", ["ask", "moments"])
def test_a_plan_does_with_every_combination_what_the_design_says(
    every: dict[tuple[str, str], Combination], audit: Audit, without_base: str
) -> None:
    expected = {cell: by_hand(one, without_base) for cell, one in every.items()}
    need = {cell: one for cell, (one, _) in expected.items()}
    told = {cell: word for cell, (_, word) in expected.items() if word}
    assert set(need.values()) == NEEDED
    asked = known(every, without_base)

    needed = needs(audit, asked)
    found = {(key, column): (one, word) for key, column, one, word in select(needed, "need", "told")}
    assert {every[cell]: found[cell] for cell in every if found[cell] != expected[cell]} == {}
    assert {(key, column): why for key, column, why in select(for_the_truth(needed), "why")} == told
    assert by_need(needed) == {"created": 0, **Counter(need.values())}
    answers = {(key, column): (given, why is None) for key, column, given, why in select(needed, "answers", "refused")}
    assert {cell: given for cell, (given, _) in answers.items()} == {
        cell: answers_by_hand(every[cell]) for cell in every
    }
    for cell, (given, lets) in answers.items():
        assert lets is ("truth" in given.split())
        one = every[cell]
        if one.decided == "truth" and (one.truth != "on" or one.evidence == "newer"):
            assert (need[cell] == "written") is lets, one

    plan, _ = make_plans(audit, a_policy(route="single"), facts(asked))
    assert by_plan(plan, told) == need
    opt_ins = {key for (key, column), one in every.items() if one.truth == "on" and need[key, column] == "written"}
    assert {write.key for write in plan.writes if write.kind is Kind.SUBSCRIBE} == opt_ins


def test_pages_and_workbook_tell_the_same(
    every: dict[tuple[str, str], Combination], audit: Audit, tmp_path: Path
) -> None:
    """Opt-outs by opt-outs are left away, and older evidence: a sheet of 50,000 rows takes its time."""
    every = {cell: one for cell, one in every.items() if one.polarity != "opt-out" and one.evidence != "older"}
    audit = replace(audit, differences=audit.differences.filter(pl.col("key").is_in([key for key, _ in every])))
    need = {cell: by_hand(one, "ask")[0] for cell, one in every.items()}
    written = render(audit, needs(audit, known(every, "ask")), tmp_path, privacy="full")
    assert on_page(written.report) == need
    to_do = {cell: one for cell, one in need.items() if every[cell].stands not in ("waiting", "pending")}
    assert on_page(written.worklist) == to_do
    for row in rows_of(written.worklist.read_text("utf-8"))["differences"]:
        one = every[str(row["key"]), str(row["column"])]
        assert row["answers"] == answers_by_hand(one)
        assert (row["refused"] is None) is ("truth" in answers_by_hand(one))
        assert row["need"] != "left" or row["why"] or row["flags"], "who is left alone hears why"
    sheet = workbook(written.workbook)
    assert sheet == {cell: LABEL[one] for cell, one in need.items()}


def on_page(path: Path) -> dict[tuple[str, str], str]:
    rows = rows_of(path.read_text("utf-8"))["differences"]
    return {(str(row["key"]), str(row["column"])): str(row["need"]) for row in rows}


def select(rows: pl.DataFrame, *columns: str) -> Iterator[tuple[Any, ...]]:
    return rows.select("key", "column", *columns).iter_rows()


def by_plan(plan: Plan, told: dict[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    """What a plan does with each cell, in the words of needs."""
    cells = {(write.key, cell.column): "written" for write in plan.writes for cell in write.cells}
    for item in plan.left:
        if item.column is None:
            continue  # a profile that is on one side only, or twice
        cell = item.key, item.column
        assert cell not in cells
        asks = item.why in ("decision", "damaged", "changed", "circle")
        cells[cell] = "person" if asks else "truth" if cell in told else "left"
        assert cell in told or item.why != "for_the_truth"
    return cells


def workbook(path: Path) -> dict[tuple[str, str], str]:
    """Profile and field → what the sheet of the differences says that happens."""
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    with zipfile.ZipFile(path) as archive:
        texts = ["".join(item.itertext()) for item in ET.fromstring(archive.read("xl/sharedStrings.xml"))]  # noqa: S314
        rows = [
            {cell.attrib["r"].rstrip("0123456789"): texts[int(cell.findtext(f"{space}v") or 0)] for cell in row}
            for row in ET.fromstring(archive.read("xl/worksheets/sheet3.xml")).iter(f"{space}row")  # noqa: S314
        ]
    header, *lines = rows
    place = {name: letter for letter, name in header.items()}
    return {(row[place["Profile"]], row[place["Field"]]): row[place["What happens"]] for row in lines}


def test_whoever_exchanges_a_unique_value_asks_a_person_and_who_keeps_one_asks_nobody() -> None:
    swap = [difference("1", "card", "a", "b", moved="truth", status="stale")]
    swap += [difference("2", "card", "b", "a", moved="truth", status="stale")]
    wants = [difference("3", "card", "x", "y", moved="truth", status="stale")]
    holds = [difference("4", "card", "y", "z")]
    audit = audit_of(differences=[*swap, *wants, *holds], columns=(Column("card", "card", "card"),))
    structure = Structure("16", "Customers", (Attribute("card", unique=True),))
    asked = knowledge(structure)
    needed = needs(audit, asked)
    assert list(select(needed, "need", "why")) == [
        ("1", "card", "person", "circle"),
        ("2", "card", "person", "circle"),
        ("3", "card", "left", "taken"),
        ("4", "card", "person", "decision"),
    ]
    plan, _ = make_plans(audit, a_policy(), facts(asked))
    assert [(item.key, item.why) for item in plan.left] == [(key, why) for key, _, why in select(needed, "why")]


@pytest.mark.parametrize("choice", [None, Choice.PLATFORM])
def test_a_column_that_is_no_longer_mapped_is_left_alone(choice: Choice | None) -> None:
    """The run is older than the contract of today; what the permission of the column was, nobody says any more."""
    audit = audit_of(differences=[difference("1", "gone", "true", "false", moved="truth", status="stale")])
    made = [Decision("1", "gone", "true", "false", choice, "Ann")] if choice else []
    asked = knowledge(Structure("16", "Customers", ()), decisions=made)
    told = select(needs(audit, asked), "need", "why", "answers", "told")
    assert list(told) == [("1", "gone", "left", "unmapped", "", None)], "and nobody is asked about it"
    plan, _ = make_plans(audit, a_policy(), facts(asked))
    assert (plan.writes, [item.why for item in plan.left]) == ((), ["unmapped"])


# --- a real run ---


def change_both_sides(folder: Path) -> None:
    """Some streets on the platform or on both sides, some addresses and opt-outs on the platform."""
    export, crm = (max((folder / name).glob("*.csv")) for name in ("exports", "crm"))
    here, there = read(export, ";"), read(crm, ",")
    in_truth = {row["contact_id"]: row for row in there}
    for place, row in enumerate(one for one in here if one["customerId"] in in_truth):
        if place % 5 == 0:
            row["addressStreet"] += " bis"
        if place % 10 == 0:
            in_truth[row["customerId"]]["street"] += " ter"
        if place % 5 == 1:
            row["emailAddress"] = f"new.{row['emailAddress']}"
        if place % 5 == 2:
            row["lastName"] = f"x{row['lastName']}"
        if place % 5 == 3:
            row["subscriptions#Newsletter"] = "false"
    for path, rows, separator in ((export, here, ";"), (crm, there, ",")):
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0], delimiter=separator, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def read(path: Path, separator: str) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=separator))


def test_run_page_show_and_plan_of_a_real_folder_agree(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Conflicts yield to the master in one column, both sides are master of another."""
    folder = copy(made(tmp_path_factory).agreed, tmp_path / "folder", sandbox)
    contract = folder / "expectations" / "Customers" / "contract.toml"
    text = contract.read_text("utf-8")
    for column, setting in (("lastName", 'conflicts = "master"'), ("addressStreet", 'master = "both"')):
        assert f"[columns.{column}]\n" in text
        text = text.replace(f"[columns.{column}]\n", f"[columns.{column}]\n{setting}\n")
    contract.write_text(text, "utf-8")
    change_both_sides(folder)
    monkeypatch.chdir(folder)
    document = json.loads(auditor(capsys, "run", "--json", "--quiet").out)
    run = folder / "runs" / document["run"]

    work = on_page(run / "worklist.html")
    settings = read_settings(folder / "auditor.toml")
    told = pl.read_csv(run / "for-the-truth.csv", separator=";", infer_schema=False)
    plan = make_plan(settings, now=given_time.now())[0].plan
    planned = by_plan(plan, {(key, column): why for key, column, why in select(told, "why")})
    assert work == {cell: planned[cell] for cell in work}
    assert set(work.values()) >= {"written", "person", "truth"}
    assert document["needs"] == {need: list(planned.values()).count(need) for need in {*NEEDED, "created"}}
    assert sum(document["needs"].values()) == document["differences"]["total"]

    some = {key for need in NEEDED for key, _ in [cell for cell in planned if planned[cell] == need][:3]}
    for key in some:
        for pair in tell(settings, key, now=given_time.now()).rows:
            shown = {(key, cell.column): cell.difference.need for cell in pair.cells if cell.difference}
            assert shown == {cell: need for cell, need in planned.items() if cell[0] == key}

    told_again = auditor(capsys, "report")
    assert told_again.code == 0
    assert on_page(run / "worklist.html") == work
