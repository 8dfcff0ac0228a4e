"""The permission table, enumerated against one written by hand, and everything that may or may not go up."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from auditor import permissions
from auditor.diff.permission_findings import says
from auditor.engine.duckdb import DuckDB
from auditor.equality.primitives import FUNCTIONS
from auditor.errors import GuardRefused
from auditor.findings.for_truth import ForTruth
from auditor.model import Kind, Moved, Permission, Route, Why
from auditor.permissions import Case, Evidence, Opt
from auditor.settings.contract import Column, Polarity
from auditor.writes import Cell, Collection, Write
from tests.nothing_known import a_write

BRUSSELS = ZoneInfo("Europe/Brussels")
NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
DAY = timedelta(days=1)
OPT_OUT = "opt out"

# platform, truth: what happens if the truth moved / the platform / both / nobody knows / the moment suggests the truth
# / we wrote it. The evidence is not newer than the platform's row; see BY_EVIDENCE for when it is.
BY_HAND = {
    ("on", "off"): (OPT_OUT, "decision", "decision", "decision", "decision", "decision"),
    ("empty", "off"): (OPT_OUT, "decision", "decision", "decision", "decision", "decision"),
    ("off", "on"): ("for_the_truth",) * 6,
    ("empty", "on"): ("decision",) * 6,
    ("on", "empty"): ("unknown_permission",) * 6,
    ("off", "empty"): ("unknown_permission",) * 6,
    ("empty", "empty"): ("unknown_permission",) * 6,
    ("on", "on"): ("unknown_permission",) * 6,
    ("off", "off"): ("unknown_permission",) * 6,
}
BY_EVIDENCE = {
    ("on", "off"): (OPT_OUT,) * 6,
    ("empty", "off"): (OPT_OUT,) * 6,
}
MOVED = (Moved.TRUTH, Moved.PLATFORM, Moved.BOTH, Moved.UNKNOWN, Moved.TRUTH_BY_MOMENT, Moved.OURS)
TOLD_TO_THE_TRUTH = {("off", "on", moved): "opted_out_on_platform" for moved in MOVED} | {
    ("on", "off", Moved.PLATFORM): "opted_in_on_platform"
}
SPELLING = {
    (Polarity.OPT_IN, "on"): "true",
    (Polarity.OPT_IN, "off"): "false",
    (Polarity.OPT_OUT, "on"): "false",
    (Polarity.OPT_OUT, "off"): "true",
    (Polarity.OPT_IN, "empty"): None,
    (Polarity.OPT_OUT, "empty"): None,
}
COMBINATIONS = [
    (polarity, platform, truth, moved)
    for polarity, (platform, truth), moved in itertools.product(Polarity, BY_HAND, MOVED)
]


def case_of(polarity: Polarity, platform: str, truth: str, moved: Moved, evidence: datetime | None) -> Case:
    return Case(
        polarity,
        SPELLING[polarity, platform],
        SPELLING[polarity, truth],
        moved,
        Evidence(evidence, "web form"),
        platform_updated=NOW - 5 * DAY,
        last_opt_out=None,
        last_opt_in=None,
        barred=None,
    )


def decide(case: Case, by: str | None = None) -> Opt | Why:
    return permissions.decide(case, by=by, now=NOW, timezone=BRUSSELS)


@pytest.mark.parametrize(("polarity", "platform", "truth", "moved"), COMBINATIONS)
def test_every_line_of_the_table(polarity: Polarity, platform: str, truth: str, moved: Moved) -> None:
    place = MOVED.index(moved)
    old, new = NOW - 6 * DAY, NOW - 4 * DAY
    newer = BY_EVIDENCE.get((platform, truth), BY_HAND[platform, truth])
    for evidence, expected in (
        (None, BY_HAND[platform, truth]),
        (old, BY_HAND[platform, truth]),
        (NOW - 5 * DAY, BY_HAND[platform, truth]),
        (new, newer),
    ):
        answer = decide(case_of(polarity, platform, truth, moved, evidence))
        if expected[place] == OPT_OUT:
            assert answer == Opt(Kind.UNSUBSCRIBE, str(SPELLING[polarity, "off"]), None)
        else:
            assert answer == Why(expected[place])


def test_evidence_is_newer_than_no_row_whose_moment_nobody_knows() -> None:
    """A platform that does not say when a profile was updated last: whether the evidence is newer is for a person."""
    case = case_of(Polarity.OPT_IN, "on", "off", Moved.UNKNOWN, NOW - DAY)
    assert decide(replace(case, platform_updated=None)) is Why.DECISION


@pytest.mark.parametrize(("given", "newer"), [(NOW - 2 * DAY, True), (NOW - DAY, False), (NOW, False)])
def test_a_no_of_after_the_last_yes_known_is_a_new_one_whoever_touched_the_profile_since(
    given: datetime, newer: bool
) -> None:
    case = case_of(Polarity.OPT_IN, "on", "off", Moved.PLATFORM, NOW - DAY)
    case = replace(case, platform_updated=NOW, last_opt_in=given)
    assert decide(case) == (Opt(Kind.UNSUBSCRIBE, "false", None) if newer else Why.DECISION)
    assert permissions.word_for_the_truth(case) == (None if newer else ForTruth.OPTED_IN_ON_PLATFORM)


@pytest.mark.parametrize("polarity", Polarity)
@pytest.mark.parametrize("said", ["on", "off", "empty"])
def test_only_what_lets_somebody_contact_is_withdrawn(polarity: Polarity, said: str) -> None:
    withdrawn = Opt(Kind.UNSUBSCRIBE, str(SPELLING[polarity, "off"]), None) if said == "on" else None
    assert permissions.withdrawal(SPELLING[polarity, said], polarity) == withdrawn


@pytest.mark.parametrize(("polarity", "platform", "truth", "moved"), COMBINATIONS)
def test_nothing_goes_up_without_a_person(polarity: Polarity, platform: str, truth: str, moved: Moved) -> None:
    """Whatever the evidence says, and however new it is."""
    for evidence in (None, NOW - 6 * DAY, NOW - DAY):
        answer = decide(case_of(polarity, platform, truth, moved, evidence))
        assert isinstance(answer, Why) or answer.kind is Kind.UNSUBSCRIBE


@pytest.mark.parametrize(("polarity", "platform", "truth", "moved"), COMBINATIONS)
def test_what_a_persons_decision_can_do(polarity: Polarity, platform: str, truth: str, moved: Moved) -> None:
    """An opt-out needs no more; an opt-in needs the evidence; what the truth does not say nobody can decide for it."""
    answer = decide(case_of(polarity, platform, truth, moved, NOW - DAY), by="Ann")
    if (platform, truth) in (("on", "off"), ("empty", "off")):
        assert answer == Opt(Kind.UNSUBSCRIBE, str(SPELLING[polarity, "off"]), None)
        assert decide(case_of(polarity, platform, truth, moved, None), by="Ann") == answer
    elif (platform, truth) in (("off", "on"), ("empty", "on")):
        collection = Collection("2026-03-09 10:00:00", "web form")
        assert answer == Opt(Kind.SUBSCRIBE, str(SPELLING[polarity, "on"]), collection)
    else:
        assert answer is Why.UNKNOWN_PERMISSION


@pytest.mark.parametrize(("polarity", "platform", "truth", "moved"), COMBINATIONS)
def test_what_the_truth_hears_of(polarity: Polarity, platform: str, truth: str, moved: Moved) -> None:
    case = case_of(polarity, platform, truth, moved, None)
    assert permissions.word_for_the_truth(case) == TOLD_TO_THE_TRUTH.get((platform, truth, moved))


@pytest.mark.parametrize(("polarity", "platform", "truth", "moved"), COMBINATIONS)
@pytest.mark.parametrize("barred", [None, Why.CONSENT, Why.FORGOTTEN])
def test_what_nobody_can_decide(
    polarity: Polarity, platform: str, truth: str, moved: Moved, barred: Why | None
) -> None:
    case = replace(case_of(polarity, platform, truth, moved, NOW - DAY), barred=barred)
    if (platform, truth) in (("on", "off"), ("empty", "off")):
        assert permissions.silent(case) is None, "an opt-out needs no consent"
    elif (platform, truth) in (("off", "on"), ("empty", "on")):
        assert permissions.silent(case) is barred
        decided = decide(case, by="Ann")
        assert isinstance(decided, Opt) if barred is None else decided is barred
    else:
        assert permissions.silent(case) is Why.UNKNOWN_PERMISSION


def test_a_general_no_bars_whatever_the_other_side_says_unless_the_truth_says_yes() -> None:
    said = list(itertools.product(("on", "off", "empty"), repeat=2))
    barring = [one for one in said if permissions.withheld(*map(Permission, one))]
    assert barring == [("on", "off"), ("off", "off"), ("off", "empty"), ("empty", "off")]


def test_a_general_permission_bars_by_itself_where_the_platform_says_no_there() -> None:
    columns = (
        Column("consent", "c", "c", permission=Polarity.OPT_IN, general=True),
        Column("nothing", "n", "n", permission=Polarity.OPT_OUT, general=True),
        Column("no permission", "o", "o", general=True),
        Column("news", "s", "s", permission=Polarity.OPT_IN),
    )
    barred = {
        name: [text for text in ("true", "false", "", None) if bars(text)]
        for name, bars in permissions.general(columns).items()
    }
    assert barred == {"consent": ["false"], "nothing": ["true"]}


def test_evidence_is_looked_up_by_person_and_column() -> None:
    rows = [("k", "news", NOW, "shop"), ("k", "silent", None, None), ("l", "news", NOW - DAY, "web")]
    assert permissions.evidence_by_cell(pl.DataFrame(rows, permissions.EVIDENCE, orient="row")) == {
        ("k", "news"): Evidence(NOW, "shop"),
        ("k", "silent"): Evidence(None, None),
        ("l", "news"): Evidence(NOW - DAY, "web"),
    }


@pytest.mark.parametrize(
    ("evidence", "last_opt_out", "why_not"),
    [
        (Evidence(NOW - DAY, "shop"), None, None),
        (Evidence(NOW, "shop"), None, None),
        (Evidence(NOW - DAY, "shop"), NOW - 2 * DAY, None),
        (Evidence(NOW - DAY, "shop"), NOW - DAY, Why.EVIDENCE),
        (Evidence(NOW - 2 * DAY, "shop"), NOW - DAY, Why.EVIDENCE),
        (Evidence(NOW - DAY, None), None, Why.EVIDENCE),
        (Evidence(NOW - DAY, ""), None, Why.EVIDENCE),
        (Evidence(None, "shop"), None, Why.EVIDENCE),
        (Evidence(NOW + DAY, "shop"), None, Why.FUTURE),
        (Evidence(NOW + DAY, ""), None, Why.EVIDENCE),
        (Evidence(NOW - DAY, "shop"), permissions.END_OF_TIME, Why.EVIDENCE),
    ],
)
def test_an_opt_in_needs_date_and_source_newer_than_the_last_opt_out(
    evidence: Evidence, last_opt_out: datetime | None, why_not: Why | None
) -> None:
    case = Case(Polarity.OPT_IN, "false", "true", Moved.TRUTH, evidence, NOW - 9 * DAY, last_opt_out, None, None)
    decided = decide(case, by="Ann")
    assert isinstance(decided, Opt) if why_not is None else decided is why_not


def test_nobodys_name_is_nobody() -> None:
    case = Case(Polarity.OPT_IN, "false", "true", Moved.TRUTH, Evidence(NOW - DAY, "shop"), None, None, None, None)
    assert decide(case, by="") is Why.FOR_THE_TRUTH


@pytest.mark.parametrize("spelling", ["TRUE", "true", "1", "Y", "yes", "T", " Yes "])
def test_accepted_spellings_of_yes(spelling: str) -> None:
    assert permissions.state(spelling, Polarity.OPT_IN) is Permission.ON
    assert permissions.state(spelling, Polarity.OPT_OUT) is Permission.OFF


@pytest.mark.parametrize("spelling", ["FALSE", "False", "0", "n", "NO", "f"])
def test_accepted_spellings_of_no(spelling: str) -> None:
    assert permissions.state(spelling, Polarity.OPT_IN) is Permission.OFF
    assert permissions.state(spelling, Polarity.OPT_OUT) is Permission.ON


@pytest.mark.parametrize("spelling", [None, "", "  ", "maybe", "oui", "2", "Gold", "-1"])
def test_everything_else_is_unknown(spelling: str | None) -> None:
    for polarity in Polarity:
        assert permissions.state(spelling, polarity) is Permission.EMPTY


@pytest.mark.parametrize("polarity", list(Polarity))
def test_who_is_created_is_created_without_permissions_that_are_on(polarity: Polarity) -> None:
    def created(truth: str, evidence: Evidence, by: str | None) -> Opt | Why:
        case = Case(polarity, None, SPELLING[polarity, truth], Moved.UNKNOWN, evidence, None, None, None, None)
        return permissions.decide_creation(case, by=by, now=NOW, timezone=BRUSSELS)

    given = Evidence(NOW - DAY, "shop")
    assert created("on", given, None) is Why.PERMISSION
    assert created("on", Evidence(None, None), "Ann") is Why.EVIDENCE
    assert created("off", Evidence(None, None), None) == Opt(Kind.UNSUBSCRIBE, str(SPELLING[polarity, "off"]), None)
    assert created("empty", given, "Ann") is Why.UNKNOWN_PERMISSION
    opted_in = created("on", given, "Ann")
    assert isinstance(opted_in, Opt)
    assert opted_in.kind is Kind.SUBSCRIBE
    assert opted_in.collection == Collection("2026-03-09 10:00:00", "shop")


def history(*rows: tuple[int, str, str]) -> pl.DataFrame:
    """Days before now, side, value; all about one cell."""
    return pl.DataFrame(
        [("run", NOW - days * DAY, side, "k", "news", value) for days, side, value in rows],
        schema=permissions.HISTORY,
        orient="row",
    )


@pytest.mark.parametrize(
    ("rows", "platform", "updated", "days"),
    [
        ([], Permission.ON, 3, None),
        ([], Permission.OFF, 3, 3),
        ([(9, "platform", "off")], Permission.OFF, 3, 9),
        ([(9, "platform", "off"), (7, "platform", "off")], Permission.OFF, 3, 9),
        ([(9, "platform", "off"), (8, "platform", "on"), (6, "platform", "off")], Permission.OFF, 3, 6),
        ([(9, "platform", "off"), (8, "platform", "on")], Permission.ON, 3, 9),
        ([(9, "platform", "off"), (8, "platform", "on")], Permission.OFF, 3, 3),
        ([(9, "platform", "off"), (4, "truth", "off"), (2, "truth", "on")], Permission.OFF, 3, 4),
        ([(9, "truth", "off"), (8, "platform", "empty"), (7, "truth", "off")], Permission.EMPTY, 3, 9),
    ],
)
def test_the_last_opt_out_known(
    rows: list[tuple[int, str, str]], platform: Permission, updated: int, days: int | None
) -> None:
    """In any order of the history, and untouched by other people's."""
    others = history((1, "platform", "off")).with_columns(key=pl.lit("other"))
    for order in (rows, rows[::-1]):
        frame = pl.concat([history(*order), others])
        found = permissions.last_opt_outs(frame, {("k", "news"): (platform, NOW - updated * DAY)}, SILENT, BRUSSELS)
        assert found == ({} if days is None else {("k", "news"): NOW - days * DAY})


def test_another_permission_of_the_same_person_bounds_nothing() -> None:
    rows = history((9, "platform", "off")).with_columns(column=pl.lit("silent"))
    cells = {("k", "news"): (Permission.ON, NOW)}
    assert permissions.last_opt_outs(rows, cells, SILENT, BRUSSELS) == {}


@pytest.mark.parametrize(("said", "days"), [(None, 6), (9, 6), (2, 2)])
def test_what_somebody_says_to_all_messages_bounds_each_of_their_permissions(said: int | None, days: int) -> None:
    spoken = [] if said is None else [("k", NOW - said * DAY)]
    said_no = pl.DataFrame([*spoken, ("l", NOW)], permissions.SAID_NO, orient="row")
    cells = {("k", column): (Permission.ON, NOW) for column in ("news", "silent")}
    found = permissions.last_opt_outs(history((6, "truth", "off")), cells, said_no, BRUSSELS)
    assert found["k", "news"] == NOW - days * DAY
    assert found.get(("k", "silent")) == (None if said is None else NOW - said * DAY)


def test_an_opt_out_of_a_day_may_be_of_any_time_until_its_end() -> None:
    """Of an export that is named by the date alone nobody knows when it was made: summer time changes that day."""
    midnight = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)
    rows = history((1, "platform", "off")).with_columns(at=pl.lit(midnight))
    cells = {("k", "news"): (Permission.OFF, None)}
    [found] = permissions.last_opt_outs(rows, cells, SILENT, BRUSSELS).values()
    assert found == datetime(2026, 10, 25, 22, 59, 59, 999999, tzinfo=UTC)
    later = rows.with_columns(at=pl.lit(midnight + timedelta(seconds=1)))
    assert list(permissions.last_opt_outs(later, cells, SILENT, BRUSSELS).values()) == [midnight + timedelta(seconds=1)]


def test_an_opt_out_of_unknown_age_is_newer_than_any_evidence() -> None:
    found = permissions.last_opt_outs(history(), {("k", "news"): (Permission.OFF, None)}, SILENT, BRUSSELS)
    assert found["k", "news"] > NOW + 1000 * DAY


COLUMNS = (
    Column("news", "n", "n", permission=Polarity.OPT_IN),
    Column("silent", "s", "s", permission=Polarity.OPT_OUT),
    Column("name", "m", "m"),
)
SILENT = permissions.SAID_NO.to_frame()
"""Nobody said no but by the permissions themselves."""
FROM_SHOP = Collection("2026-03-09 10:00:00", "shop")


def write(kind: Kind, *cells: Cell, by: str | None = None, collection: Collection | None = None) -> Write:
    return a_write(kind, Route.SINGLE, "k", "1", cells, decided_by=by, collection=collection)


def in_file(kind: Kind, *cells: Cell) -> Write:
    return a_write(kind, Route.BULK, "k", "1", cells, batch="b")


@pytest.mark.parametrize(
    "lawful",
    [
        write(Kind.UNSUBSCRIBE, Cell("news", "true", "false"), Cell("silent", "false", "true")),
        write(Kind.CREATE, Cell("news", None, "no"), Cell("name", None, "x")),
        write(Kind.UPDATE, Cell("name", "a", "b")),
        write(Kind.SUBSCRIBE, Cell("news", "false", "true"), by="Ann", collection=FROM_SHOP),
        write(Kind.DELETE, Cell("news", "true", None)),
        in_file(Kind.UNSUBSCRIBE, Cell("news", "true", "false")),
        in_file(Kind.CREATE, Cell("news", None, "false"), Cell("silent", None, "true")),
    ],
)
def test_the_guard_lets_pass(lawful: Write) -> None:
    permissions.guard([lawful], COLUMNS)


@pytest.mark.parametrize(
    "unlawful",
    [
        write(Kind.UNSUBSCRIBE, Cell("news", "false", "true")),
        write(Kind.UNSUBSCRIBE, Cell("silent", "true", "false")),
        write(Kind.UNSUBSCRIBE, Cell("silent", "true", None)),
        write(Kind.UPDATE, Cell("news", "true", "true")),
        write(Kind.UPDATE, Cell("news", "true", "false")),
        write(Kind.CLEAR, Cell("silent", "true", None)),
        write(Kind.CREATE, Cell("news", None, "true")),
        write(Kind.CREATE, Cell("silent", None, "false")),
        write(Kind.SUBSCRIBE, Cell("news", "false", "true"), collection=FROM_SHOP),
        write(Kind.SUBSCRIBE, Cell("news", "false", "true"), by="Ann"),
        write(Kind.SUBSCRIBE, Cell("news", "true", "false"), by="Ann", collection=FROM_SHOP),
        Write(Kind.SUBSCRIBE, Route.BULK, "k", "1", (Cell("news", "false", "true"),), "b", False, "Ann", FROM_SHOP),
        in_file(Kind.UNSUBSCRIBE, Cell("news", "true", "false"), Cell("silent", "false", "true")),
    ],
)
def test_the_guard_refuses(unlawful: Write) -> None:
    with pytest.raises(GuardRefused, match="permission"):
        permissions.guard([unlawful], COLUMNS)


def test_taking_back_needs_a_person_for_what_goes_up() -> None:
    up = Cell("news", "false", "true")
    permissions.guard([write(Kind.SUBSCRIBE, up, by="Ann")], COLUMNS, restores=True)
    permissions.guard([write(Kind.UNSUBSCRIBE, Cell("silent", "false", None))], COLUMNS, restores=True)
    with pytest.raises(GuardRefused):
        permissions.guard([write(Kind.SUBSCRIBE, up)], COLUMNS, restores=True)
    with pytest.raises(GuardRefused):
        permissions.guard([write(Kind.UNSUBSCRIBE, up)], COLUMNS, restores=True)


def grounds(**given: Any) -> permissions.Grounds:
    known: dict[str, Any] = {
        "chosen": {("k", "news"): permissions.Chosen("Ann", "false", "yes")},
        "opt_outs": {("k", "news"): NOW - 3 * DAY},
        "opt_outs_known": True,
        "now": NOW,
        "timezone": BRUSSELS,
    }
    return permissions.Grounds(**(known | given))


def opt_in(**given: Any) -> Write:
    usual: dict[str, Any] = {"by": "Ann", "collection": FROM_SHOP}
    return write(Kind.SUBSCRIBE, Cell("news", "false", "true"), **(usual | given))


def test_an_opt_in_goes_out_on_grounds_that_hold() -> None:
    permissions.check_grounds([opt_in()], COLUMNS, grounds())
    permissions.check_grounds([opt_in()], COLUMNS, grounds(opt_outs={}))
    permissions.check_grounds([opt_in()], COLUMNS, grounds(now=NOW - DAY))  # of this very moment
    permissions.check_grounds([write(Kind.UNSUBSCRIBE, Cell("news", "true", "false"))], COLUMNS, grounds(chosen={}))


@pytest.mark.parametrize(
    ("given", "known", "lacks"),
    [
        ({"by": "Bob"}, {}, "decision"),
        ({"by": None}, {}, "decision"),
        ({}, {"chosen": {}}, "decision"),
        ({}, {"chosen": {("other", "news"): permissions.Chosen("Ann", "false", "yes")}}, "decision"),
        ({}, {"chosen": {("k", "news"): permissions.Chosen("Ann", None, "yes")}}, "other values"),
        ({}, {"chosen": {("k", "news"): permissions.Chosen("Ann", "false", "no")}}, "other values"),
        ({"collection": Collection("2099-01-01 10:00:00", "shop")}, {}, "in the future"),
        ({"collection": Collection("2026-03-09 10:00:00", "")}, {}, "no moment"),
        ({"collection": Collection("soon", "shop")}, {}, "no moment"),
        ({"collection": None}, {}, "no moment"),
        ({}, {"opt_outs_known": False}, "lost"),
        ({}, {"opt_outs": {("k", "news"): datetime(2026, 3, 9, 9, 0, tzinfo=UTC)}}, "last opt-out"),
    ],
)
def test_an_opt_in_without_grounds_is_refused_when_it_is_sent(
    given: dict[str, Any], known: dict[str, Any], lacks: str
) -> None:
    with pytest.raises(GuardRefused, match=lacks):
        permissions.check_grounds([opt_in(**given)], COLUMNS, grounds(**known))


def test_tables_and_single_cells_say_the_same(tmp_path: Path) -> None:
    """`permissions.state` and the expression over whole tables, for every spelling between every character."""
    engine = DuckDB(memory_limit="500MB", temp=tmp_path)
    engine.register(FUNCTIONS)
    words = [spelt for word in ("true", "1", "y", "yes", "t", "false", "0", "n", "no", "f") for spelt in cases(word)]
    words += ["", " ", "maybe", "ja", "2", "truefalse", "tr ue", "ſo", "ye\u017f", "ｙｅｓ", "ﬀ", "\u212a"]
    texts = [None, *words, *(f"{chr(code)}{word}{chr(code)}" for code in range(1, 0x3001) for word in ("Yes", "0"))]
    table = engine.put(pl.DataFrame({"n": range(len(texts)), "text": texts}), "texts")
    for polarity in Polarity:
        told = engine.rows(table.order_by("n").select(said=says(table.text, polarity)))
        expected = [permissions.state(text, polarity) for text in texts]
        assert [said for (said,) in told] == expected
        assert {said.value for said in expected} == {"on", "off", "empty"}


def cases(word: str) -> tuple[str, ...]:
    return word, word.upper(), word.title(), f" {word}", f"{word}\u00a0", f"\t{word.upper()}\n"
