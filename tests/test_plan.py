"""What a plan holds, leaves alone, and in which order and by which route it goes."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor import permissions
from auditor.cli.planned import print_plan
from auditor.commands.stored_plans import Planned
from auditor.errors import GuardRefused, InputUnusable, SettingsError
from auditor.findings import audit as audits
from auditor.findings.audit import Audit
from auditor.findings.codes import Code, NotChecked, Notice
from auditor.findings.sentences import of_plan
from auditor.findings.words import Words
from auditor.model import Attribute, Kind, Route, Segmentation, Side, Source, Structure, Verdict
from auditor.plan import Facts, make_plans
from auditor.plan.brakes import brakes, held, misjudged
from auditor.plan.bulkfile import corrective_files
from auditor.plan.creations import TAKEN
from auditor.plan.decisions import Choice, Decision
from auditor.plan.knowledge import CREATED, DELETED_AGAIN, LEFT, TAKEN_BACK, UNDONE, Knowledge
from auditor.plan.needs import for_the_truth, needs
from auditor.plan.policy import Policy
from auditor.plan.road import SEEN
from auditor.settings.contract import Blank, Column, Master, Polarity, Writing
from auditor.state.ledger.records import SAME_PERSON
from auditor.writes import Cell, Collection, Plan, read_plan, read_sealed
from tests.nothing_known import a_policy, a_write, facts, knowledge, some_counts

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NEWS = "subscriptions#News"

STRUCTURE = Structure(
    "16",
    "Customers",
    (
        Attribute("profileId", unique=True, mandatory=True),
        Attribute("customerId", unique=True),
        Attribute("email", unique=True, mandatory=True),
        Attribute("card", unique=True),
        Attribute("lastName", mandatory=True),
        Attribute("city"),
        Attribute("street"),
        Attribute("nickname"),
        Attribute("points"),
        Attribute("note"),
        Attribute("silent"),
    ),
    subscriptions=("News", "Promo"),
    segmentations=(Segmentation("Vip"), Segmentation("Tier", exclusive=True, segments=("Gold", "Silver"))),
)


def column(name: str, **more: Any) -> Column:
    return Column(name, name, name, **more)


COLUMNS = (
    column("customerId"),
    column("email"),
    column("card"),
    column("lastName"),
    column("city"),
    column("street"),
    column("nickname", master=Master.PLATFORM),
    column("points", master=Master.BOTH),
    column("note", blank=Blank.CLEAR, conflicts="master"),
    column("silent", permission=Polarity.OPT_OUT, master=Master.BOTH),
    column(NEWS, permission=Polarity.OPT_IN, master=Master.BOTH),
    column("subscriptions#Promo", permission=Polarity.OPT_IN, master=Master.BOTH),
    column("segmentations#Vip", blank=Blank.CLEAR),
    column("segmentations#Tier"),
)


def frame(schema: pl.Schema, rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """`rows` with nulls for what they do not say, and false for flags."""
    empty = {name: False if dtype == pl.Boolean() else None for name, dtype in schema.items()}
    return pl.DataFrame([{**empty, **row} for row in rows], schema=schema)


def differs(key: str, name: str, platform: str | None, truth: str | None, **more: Any) -> dict[str, Any]:
    """A difference that the default policy corrects, unless `more` says otherwise."""
    moved = more.get("moved", "truth")
    status = "stale" if moved in ("truth", "truth_by_moment") else "conflicting"
    return {
        "key": key,
        "column": name,
        "platform": platform,
        "truth": truth,
        "status": status,
        "moved": moved,
        "platform_updated": NOW - 5 * DAY,
        **more,
    }


def an_audit(
    differences: Iterable[Mapping[str, Any]] = (), profiles: Iterable[Mapping[str, Any]] = (), **more: Any
) -> Audit:
    differences = list(differences)
    known = list(profiles)
    keys = sorted({row["key"] for row in differences} - {row["key"] for row in known})
    stale = [{"key": key, "profile_id": f"id-{key}", "status": "stale"} for key in keys]
    frames = {name: more.pop(name, schema.to_frame()) for name, schema in audits.FRAMES.items()}
    frames["profiles"] = frame(audits.PROFILES, [*known, *stale])
    frames["differences"] = frame(audits.DIFFERENCES, differences)
    values: dict[str, Any] = {
        "run": "run-1",
        "entity": "acme",
        "table": "Customers",
        "platform_name": "Actito",
        "truth_name": "CRM",
        "started": NOW,
        "verdict": Verdict.FINDINGS,
        "counts": some_counts({"platform": 10_000, "truth": 10_000}, {}),
        "not_checked": (),
        "sources": tuple(Source(side, "x", 1, "0", NOW - HOUR, "name", "x", "utf-8", ";") for side in Side),
        "columns": COLUMNS,
        "key": ("customerId",),
        "fallbacks": (),
        "notices": (),
        "suggestions": (),
        "activities": audits.ACTIVITIES.to_frame(),
        "folder": Path(),
        "seconds": {},
        **frames,
        **more,
    }
    return Audit(**values)


def some_facts(**more: Any) -> Facts:
    """Facts of a plan, and what is known of the cells, by the names of either."""
    known: dict[str, Any] = {"structure": STRUCTURE, "timezone": ZoneInfo("Europe/Brussels"), "now": NOW}
    known |= {name: more.pop(name) for name in list(more) if name in Knowledge.__dataclass_fields__}
    return facts(knowledge(**known), **more)


def plans(audit: Audit, policy: Policy | None = None, facts: Facts | None = None, **more: Any) -> tuple[Plan, Plan]:
    return make_plans(audit, policy or a_policy(), facts or some_facts(), **more)


def correction(
    *differences: Mapping[str, Any], policy: Policy | None = None, only: set[str] | None = None, **more: Any
) -> Plan:
    return plans(an_audit(differences), policy, some_facts(**more), only=only)[0]


def cells(plan: Plan) -> list[tuple[Kind, str, str, str | None]]:
    return [(write.kind, write.key, cell.column, cell.after) for write in plan.writes for cell in write.cells]


def left(plan: Plan) -> list[tuple[str, str | None, str]]:
    return [(item.key, item.column, item.why) for item in plan.left]


def decision(key: str, name: str, platform: str | None, truth: str | None, choice: str = "truth") -> Decision:
    return Decision(key, name, platform, truth, Choice(choice), "Ann")


def test_an_empty_audit_gives_empty_plans() -> None:
    for plan in plans(an_audit()):
        assert (plan.writes, plan.left, plan.counts) == ((), (), {})
        assert of_plan(plan.route_reason, SAY) == "Nothing to write."
        assert brakes(plan, {}) == ()


UPDATE = Kind.UPDATE


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        # master truth
        (differs("1", "city", "Gent", "Gand"), UPDATE),
        (differs("1", "city", "Gent", "Gand", moved="platform"), "decision"),
        (differs("1", "city", "Gent", "Gand", moved="both"), "decision"),
        (differs("1", "city", "Gent", "Gand", moved="unknown"), "decision"),
        (differs("1", "city", "Gent", "Gand", moved="truth_by_moment"), "decision"),
        (differs("1", "city", "Gent", "Gand", blocked=True), "blocked"),
        (differs("1", "city", "Gent", "Gand", waiting=True), "waiting"),
        (differs("1", "city", "Gent", "Gand", pending=True), "pending"),
        (differs("1", "city", "Gent", "Gand", pending=True, blocked=True, waiting=True), "pending"),
        # conflicts = "master", blank = "clear"
        (differs("1", "note", "a", "b", moved="platform"), UPDATE),
        (differs("1", "note", "a", "b", moved="unknown"), UPDATE),
        (differs("1", "note", "a", None), Kind.CLEAR),
        (differs("1", "segmentations#Vip", "true", None), Kind.CLEAR),
        (differs("1", "segmentations#Vip", "false", None), "blocked"),
        (differs("1", "lastName", "a", None), "blocked"),
        (differs("1", "profileId", "1", "2"), "blocked"),
        # master platform, master both
        (differs("1", "nickname", "a", "b"), "for_the_truth"),
        (differs("1", "nickname", "a", "b", moved="unknown"), "for_the_truth"),
        (differs("1", "points", "1", "2"), UPDATE),
        (differs("1", "points", "1", "2", moved="platform"), "for_the_truth"),
        (differs("1", "points", "1", "2", moved="both"), "decision"),
        (differs("1", "points", "1", "2", moved="unknown"), "decision"),
        # permissions
        (differs("1", NEWS, "true", "false"), Kind.UNSUBSCRIBE),
        (differs("1", NEWS, "true", "false", waiting=True), "waiting"),
        (differs("1", NEWS, "true", "false", moved="platform"), "decision"),
        (differs("1", NEWS, "true", "false", moved="unknown"), "decision"),
        (differs("1", NEWS, "false", "true"), "for_the_truth"),
        (differs("1", NEWS, "true", None), "unknown_permission"),
        (differs("1", "silent", "false", "true"), Kind.UNSUBSCRIBE),
        (differs("1", "silent", "true", "false"), "for_the_truth"),
    ],
)
def test_the_default_policy(row: Mapping[str, Any], expected: Kind | str) -> None:
    audit = an_audit([row], columns=(*COLUMNS, column("profileId")))
    plan, creations = plans(audit)
    if isinstance(expected, Kind):
        assert [write.kind for write in plan.writes] == [expected]
        assert plan.left == ()
    else:
        assert plan.writes == ()
        assert left(plan) == [("1", row["column"], expected)]
    assert creations.writes == ()


def test_a_write_has_all_cells_of_its_kind_in_the_contracts_order() -> None:
    plan = correction(
        differs("1", "street", "a", "b"),
        differs("1", NEWS, "true", "false"),
        differs("1", "note", "x", None),
        differs("1", "city", "c", "d"),
    )
    assert plan.writes == (
        a_write(Kind.UNSUBSCRIBE, Route.SINGLE, "1", "id-1", (Cell(NEWS, "true", "false"),)),
        a_write(Kind.CLEAR, Route.SINGLE, "1", "id-1", (Cell("note", "x", None),)),
        a_write(Kind.UPDATE, Route.SINGLE, "1", "id-1", (Cell("city", "c", "d"), Cell("street", "a", "b"))),
    )


def test_leaving_a_simple_segmentation_is_a_clear() -> None:
    plan = correction(differs("1", "segmentations#Vip", "true", None))
    assert cells(plan) == [(Kind.CLEAR, "1", "segmentations#Vip", "false")]


def test_moments_suffice_where_the_settings_say_so() -> None:
    plan = correction(
        differs("1", "city", "a", "b", moved="truth_by_moment"),
        differs("2", NEWS, "true", "false", moved="truth_by_moment"),
        without_base="moments",
    )
    assert cells(plan) == [(UPDATE, "1", "city", "b")]
    assert left(plan) == [("2", NEWS, "decision")], "the moment of a row is no evidence about a permission"


def test_an_opt_out_without_base_needs_newer_evidence() -> None:
    def evidence(days: int) -> pl.DataFrame:
        return frame(permissions.EVIDENCE, [{"key": "1", "column": NEWS, "date": NOW - days * DAY, "source": "web"}])

    row = differs("1", NEWS, "true", "false", moved="unknown")
    assert correction(row, evidence=evidence(4)).counts == {Kind.UNSUBSCRIBE: 1}
    assert correction(row, evidence=evidence(6)).counts == {}


def test_opt_outs_go_ahead_of_everything() -> None:
    rows = [differs(str(number), "city", "a", "b") for number in range(5)]
    rows += [differs(str(number), NEWS, "true", "false") for number in (3, 9)]
    plan = correction(*rows, differs("0", "note", "x", None))
    assert [write.kind for write in plan.writes] == [Kind.UNSUBSCRIBE] * 2 + [Kind.CLEAR] + [UPDATE] * 5


def test_decisions_count_while_both_values_hold() -> None:
    rows = [
        differs("1", "city", "a", "b", moved="unknown"),
        differs("2", "city", "a", "b", moved="unknown"),
        differs("3", "city", "a", "b", moved="unknown"),
        differs("4", "city", "a", "now", moved="unknown"),
        differs("5", "city", "a", "b"),
        differs("6", "city", "a", "b", moved="unknown", blocked=True),
        differs("7", "note", "a", None, moved="platform"),
        differs("8", "nickname", "a", "b"),
        differs("9", NEWS, "true", "false", moved="platform"),
    ]
    made = [
        decision("1", "city", "a", "b"),
        decision("2", "city", "a", "b", "platform"),
        decision("3", "city", "a", "b", "ignore"),
        decision("4", "city", "a", "b"),
        decision("5", "city", "a", "b", "ignore"),
        decision("6", "city", "a", "b"),
        decision("7", "note", "a", None),
        decision("8", "nickname", "a", "b"),
        decision("9", NEWS, "true", "false"),
        decision("10", "city", "a", "b"),
    ]
    plan = correction(*rows, decisions=made)
    assert cells(plan) == [
        (Kind.UNSUBSCRIBE, "9", NEWS, "false"),
        (Kind.CLEAR, "7", "note", None),
        (UPDATE, "1", "city", "b"),
    ]
    assert {write.decided_by for write in plan.writes} == {"Ann"}
    assert left(plan) == [
        ("2", "city", "for_the_truth"),
        ("3", "city", "ignored"),
        ("4", "city", "changed"),
        ("5", "city", "ignored"),
        ("6", "city", "blocked"),
        ("8", "nickname", "for_the_truth"),
    ]


def test_an_opt_in_is_decided_by_a_person_with_newer_evidence_and_carries_it() -> None:
    row = differs("1", NEWS, "false", "true", moved="unknown")
    made = [decision("1", NEWS, "false", "true")]

    def opted_in(days: int, history: pl.DataFrame) -> Plan:
        given = [{"key": "1", "column": NEWS, "date": NOW - days * DAY, "source": "shop"}]
        return correction(row, decisions=made, evidence=frame(permissions.EVIDENCE, given), history=history)

    nothing = permissions.HISTORY.to_frame()
    seen_off = frame(
        permissions.HISTORY, [{"key": "1", "column": NEWS, "side": "truth", "value": "off", "at": NOW - 3 * DAY}]
    )
    (write,) = opted_in(4, nothing).writes
    assert write == a_write(
        Kind.SUBSCRIBE,
        Route.SINGLE,
        "1",
        "id-1",
        (Cell(NEWS, "false", "true"),),
        decided_by="Ann",
        collection=Collection("2026-03-06 10:00:00", "shop"),
    )
    assert left(opted_in(6, nothing)) == [("1", NEWS, "evidence")], "older than the platform's row"
    assert left(opted_in(4, seen_off)) == [("1", NEWS, "evidence")], "older than an opt-out that a run saw"
    assert left(correction(row, decisions=made)) == [("1", NEWS, "evidence")]


def test_nobody_is_opted_in_while_the_permission_history_is_not_whole() -> None:
    given = frame(permissions.EVIDENCE, [{"key": "1", "column": NEWS, "date": NOW - DAY, "source": "shop"}])
    facts: dict[str, Any] = {"decisions": [decision("1", NEWS, "false", "true")], "evidence": given}
    row = differs("1", NEWS, "false", "true", moved="unknown")
    assert correction(row, **facts).counts == {Kind.SUBSCRIBE: 1}
    plan = correction(row, differs("2", NEWS, "true", "false", moved="truth"), **facts, opt_outs_known=False)
    assert plan.counts == {Kind.UNSUBSCRIBE: 1}, "an opt-out needs no history"
    assert left(plan) == [("1", NEWS, "forgotten")]


def test_what_was_undone_is_not_proposed_until_it_changes() -> None:
    undone = frame(UNDONE, [{"key": key, "column": "city", "platform": "a", "truth": "b"} for key in "12"])
    plan = correction(differs("1", "city", "a", "b"), differs("2", "city", "a", "c"), undone=undone)
    assert cells(plan) == [(UPDATE, "2", "city", "c")]
    assert left(plan) == [("1", "city", "undone")]


@pytest.mark.parametrize(
    ("row", "restored", "withdrawn"),
    [
        (differs("1", "note", "a", ""), "a", None),
        (differs("1", "note", None, "b"), "", "b"),
        (differs("1", "segmentations#Vip", "1", None), "true", "false"),
        (differs("1", "segmentations#Vip", None, "Yes"), "false", "Yes"),
        (differs("1", NEWS, "1", "N"), "true", "false"),
        (differs("1", NEWS, None, "Y"), "false", "true"),
        (differs("1", "silent", "F", "1"), "false", "true"),
    ],
)
def test_what_was_undone_is_known_however_it_is_spelt(
    row: dict[str, Any], restored: str | None, withdrawn: str | None
) -> None:
    """What is written is not always the truth's text, nor is what the next export says always what was written."""
    undone = frame(UNDONE, [{"key": "1", "column": row["column"], "platform": restored, "truth": withdrawn}])
    facts: dict[str, Any] = {"decisions": [decision("1", row["column"], row["platform"], row["truth"])]}
    facts["evidence"] = frame(
        permissions.EVIDENCE, [{"key": "1", "column": NEWS, "date": NOW - HOUR, "source": "shop"}]
    )
    assert correction(row, **facts).writes != ()
    plan = correction(row, **facts, undone=undone)
    assert (plan.writes, left(plan)) == ((), [("1", row["column"], "undone")])


@pytest.mark.parametrize(
    ("made", "written"), [(None, False), (NOW - 3 * HOUR, False), (NOW - 2 * HOUR, False), (NOW - HOUR, True)]
)
@pytest.mark.parametrize("row", [differs("1", "city", "a", "b"), differs("1", NEWS, "true", "false", moved="unknown")])
def test_what_was_undone_is_written_where_a_person_decides_so_anew(
    row: dict[str, Any], made: datetime | None, written: bool
) -> None:
    then = {name: row[name] for name in ("key", "column", "platform", "truth")}
    undone = frame(UNDONE, [then | {"at": NOW - 2 * HOUR}])
    choices = (Choice.TRUTH, Choice.WITHDRAW) if row["column"] == NEWS else (Choice.TRUTH,)
    for choice in choices:
        one = Decision(**then, choice=choice, by="Bea", made=made)
        plan = correction(row, decisions=[one], undone=undone)
        assert ([write.decided_by for write in plan.writes], left(plan)) == (
            (["Bea"], []) if written else ([], [("1", row["column"], "undone")])
        )
    assert left(correction(row, decisions=[replace(one, choice=Choice.REFUSED)], undone=undone)) != []


@pytest.mark.parametrize(("date", "why"), [(NOW - 3 * HOUR, "evidence"), (NOW - HOUR, None)])
def test_an_opt_in_that_was_undone_needs_evidence_later_than_the_undo(date: datetime, why: str | None) -> None:
    """Whoever decides for it anew: taking it back was the last opt-out known."""
    row = differs("1", NEWS, "false", "true", moved="unknown", platform_updated=NOW - 9 * DAY)
    undone = frame(UNDONE, [{"key": "1", "column": NEWS, "platform": "false", "truth": "true", "at": NOW - 2 * HOUR}])
    ours = [(4, "on"), (2, "off")]
    wrote = [
        {"at": NOW - ago * HOUR, "side": "platform", "key": "1", "column": NEWS, "value": value} for ago, value in ours
    ]
    plan = correction(
        row,
        undone=undone,
        history=frame(permissions.HISTORY, wrote),
        decisions=[Decision("1", NEWS, "false", "true", Choice.TRUTH, "Bea", made=NOW - HOUR)],
        evidence=frame(permissions.EVIDENCE, [{"key": "1", "column": NEWS, "date": date, "source": "shop"}]),
    )
    assert [(write.kind, write.decided_by) for write in plan.writes] == ([] if why else [(Kind.SUBSCRIBE, "Bea")])
    assert left(plan) == ([("1", NEWS, why)] if why else [])


def test_unique_values_change_hands_in_order() -> None:
    """C takes B's, B takes A's, A gets a new one; D takes what E lets go by a clear."""
    plan = correction(
        differs("C", "card", "3", "2"),
        differs("B", "card", "2", "1"),
        differs("A", "card", "1", "9"),
        differs("D", "card", "4", "5"),
        differs("E", "card", "5", None),
        differs("0", "city", "a", "b"),
    )
    assert [write.key for write in plan.writes if write.kind is UPDATE] == ["0", "A", "B", "C", "D"]
    assert plan.writes[0].kind is Kind.CLEAR


def test_circles_are_set_aside_but_not_the_rest_of_the_profile() -> None:
    plan = correction(
        differs("A", "email", "a@x.be", "b@x.be"),
        differs("B", "email", "B@x.be", "a@x.be"),
        differs("B", "city", "g", "h"),
        differs("F", "email", "f@x.be", "A@X.be"),
        differs("G", "email", "g@x.be", "h@x.be"),
    )
    assert sorted(cells(plan)) == [(UPDATE, "B", "city", "h"), (UPDATE, "G", "email", "h@x.be")]
    assert left(plan) == [("A", "email", "circle"), ("B", "email", "circle"), ("F", "email", "taken")]


def test_a_value_that_its_holder_keeps_is_not_asked_for() -> None:
    """Z keeps card 2 (a decision), so A cannot have it, nor B what A therefore keeps. Nor in a plan for A alone."""
    rows = [
        differs("A", "card", "1", "2"),
        differs("B", "card", "7", "1"),
        differs("Z", "card", "2", "3", moved="unknown"),
    ]
    plan = correction(*rows)
    assert plan.writes == ()
    assert left(plan) == [("A", "card", "taken"), ("B", "card", "taken"), ("Z", "card", "decision")]
    assert left(correction(*rows, only={"A"})) == [("A", "card", "taken")]


class Tracer(Protocol):
    def __call__(self, frame: FrameType, event: str, arg: object, /) -> Tracer | None: ...


def effort(work: Callable[[], object]) -> int:
    """The lines of the auditor that are run, repeated ones each time: the same on every machine, however busy."""
    lines = 0

    def trace(frame: FrameType, event: str, _: object, /) -> Tracer | None:
        nonlocal lines
        if "auditor" not in frame.f_globals.get("__name__", ""):
            return None
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return lines


def test_a_long_chain_of_unique_values_takes_no_more_work_per_profile_than_a_short_one() -> None:
    """Cards shifted by one through so many profiles, once with a free end and once with one that nobody frees."""

    def shifted(count: int) -> None:
        rows = [differs(f"{n:05}", "card", str(n), str(n + 1)) for n in range(count)]
        plan = correction(*rows)
        assert [write.key for write in plan.writes] == [f"{n:05}" for n in reversed(range(count))]
        blocked = correction(*rows, differs("x", "card", str(count), "y", moved="unknown"))
        assert blocked.writes == ()

    few = effort(lambda: shifted(2_000))
    assert few > 2_000
    assert effort(lambda: shifted(8_000)) < 5 * few, "four times as much, not sixteen"


def many(count: int, *names: str, start: int = 0) -> list[dict[str, Any]]:
    return [differs(f"{n:06}", name, "a", "b") for n in range(start, start + count) for name in names]


def routes(plan: Plan) -> dict[tuple[Route, str | None], int]:
    found: dict[tuple[Route, str | None], int] = {}
    for write in plan.writes:
        found[write.route, write.batch] = found.get((write.route, write.batch), 0) + 1
    return found


SAY = Words("Actito", "CRM")
SMALL = a_policy(bulk_min_rows=100)


def test_large_groups_with_the_same_columns_go_by_file_with_canaries_first() -> None:
    plan = correction(
        *many(150, "city"), *many(120, "city", "street", start=200), *many(99, "street", start=400), policy=SMALL
    )
    assert routes(plan) == {
        (Route.SINGLE, None): 99,
        (Route.SINGLE, "Customers-update-1"): 20,
        (Route.BULK, "Customers-update-1"): 130,
        (Route.SINGLE, "Customers-update-2"): 20,
        (Route.BULK, "Customers-update-2"): 100,
    }
    first = [write for write in plan.writes if write.batch == "Customers-update-1"]
    assert [write.canary for write in first] == [True] * 20 + [False] * 130
    assert of_plan(plan.route_reason, SAY) == (
        "230 writes in 2 files, after 40 of them one by one; 99 writes one by one; 419 calls, reading before and after "
        "included, about 7 minutes at 60 calls a minute: a file needs 100 profiles, and 6 file calls of today were "
        "left, 1 kept for undo. Kept from files because they start scenarios (fixes.realtime): no field; Actito "
        "does not say which do."
    )


@pytest.mark.parametrize(
    ("policy", "more"),
    [
        (a_policy(bulk_min_rows=151), {}),
        (a_policy(bulk_min_rows=100, route="single"), {}),
        (a_policy(bulk_min_rows=100, realtime=("ci*",)), {}),
        (a_policy(bulk_min_rows=100, max_age=timedelta(minutes=59)), {}),
        (SMALL, {"file_calls_left": 1}),
        (SMALL, {"file_calls_left": 0}),
    ],
)
def test_what_keeps_updates_from_a_file(policy: Policy, more: dict[str, Any]) -> None:
    plan = correction(*many(150, "city"), policy=policy, **more)
    assert routes(plan) == {(Route.SINGLE, None): 150}
    assert ("150 in fields that start scenarios" in of_plan(plan.route_reason, SAY)) is bool(policy.realtime)


@pytest.mark.parametrize("name", ["card", "points"])
def test_unique_values_and_columns_of_two_masters_never_go_by_file(name: str) -> None:
    rows = [differs(f"{n:06}", name, f"a{n}", f"b{n}") for n in range(150)]
    assert routes(correction(*rows, policy=SMALL)) == {(Route.SINGLE, None): 150}


def test_a_key_of_several_columns_never_goes_by_file() -> None:
    audit = an_audit(many(150, "city"), key=("customerId", "card"))
    assert routes(plans(audit, SMALL)[0]) == {(Route.SINGLE, None): 150}
    with pytest.raises(SettingsError, match="key of one column"):
        plans(audit, replace(SMALL, route="bulk"))


def test_files_that_are_asked_for_need_a_fresh_export() -> None:
    with pytest.raises(GuardRefused, match=r"fixes\.max_age"):
        correction(*many(1, "city"), policy=a_policy(route="bulk", max_age=timedelta(minutes=59)))


def test_the_largest_groups_get_the_file_calls() -> None:
    plan = correction(*many(110, "street"), *many(150, "city", start=200), policy=SMALL, file_calls_left=2)
    assert {write.cells[0].column for write in plan.writes if write.batch} == {"city"}
    assert routes(plan)[Route.SINGLE, None] == 110


SLOW = a_policy(bulk_min_rows=100, calls_per_minute=1)


@pytest.mark.parametrize("policy", [SLOW, replace(SLOW, route="bulk")])
def test_a_file_holds_the_profiles_that_change_all_its_columns_and_no_other_value(policy: Policy) -> None:
    """Also where single calls take hours: what else stood in a file would overwrite what somebody edited since."""
    rows = [*many(130, "city"), *many(120, "street", start=200), *many(20, "city", "street", start=400)]
    plan = correction(*rows, policy=policy)
    assert routes(plan) == {
        (Route.SINGLE, None): 20,
        (Route.SINGLE, "Customers-update-1"): 20,
        (Route.BULK, "Customers-update-1"): 110,
        (Route.SINGLE, "Customers-update-2"): 20,
        (Route.BULK, "Customers-update-2"): 100,
    }
    assert all(cell.before != cell.after for write in plan.writes for cell in write.cells)
    assert [file.columns for file in corrective_files(plan, STRUCTURE)] == [
        ("customerId", "city"),
        ("customerId", "street"),
    ]


def test_what_belongs_into_a_file_waits_for_a_call_when_single_calls_take_too_long() -> None:
    rows = [*many(130, "city"), *(differs(f"x{n:03}", NEWS, "true", "false") for n in range(50))]
    plan = correction(*rows, policy=SLOW, file_calls_left=1, file_calls_daily=1)
    assert plan.counts == {Kind.UNSUBSCRIBE: 50}, "opt-outs never wait"
    assert {why for _, _, why in left(plan)} == {"quota"}
    assert "130 profiles must wait for another day's file" in of_plan(plan.route_reason, SAY)


def test_the_calls_of_several_days_are_planned_at_once_and_said() -> None:
    """Two calls a day beside the one kept for undo, of which one is left today: three files go on two further days."""
    columns = ("city", "street", "note", "lastName")
    rows = [row for start, name in enumerate(columns) for row in many(130 - start, name, start=200 * start)]
    plan = correction(*rows, policy=SLOW, file_calls_left=2, file_calls_daily=3)
    by_batch = {batch: number for (route, batch), number in routes(plan).items() if route is Route.BULK}
    assert by_batch == {f"Customers-update-{place}": 111 - place for place in (1, 2, 3, 4)}, "the largest today"
    assert not left(plan)
    assert "3 of the files on 2 further days, each time from a fresh audit" in of_plan(plan.route_reason, SAY)
    few = correction(*rows, policy=SLOW, file_calls_left=0, file_calls_daily=0)
    assert {why for _, _, why in left(few)} == {"quota"}


def test_what_is_too_little_for_a_file_and_too_much_for_single_calls_waits_for_two_days() -> None:
    """At three calls a minute four hours are enough for 240 writes; 99 and 90 wait then, and the rest goes."""
    rows = [*many(99, "city"), *many(90, "street", start=200), *many(80, "lastName", start=400)]
    rows += [differs(f"x{n:03}", name, "true", "false") for n in range(75) for name in (NEWS, "subscriptions#Promo")]
    slow = replace(SLOW, calls_per_minute=3)
    plan = correction(*rows, policy=slow)
    assert plan.counts == {Kind.UNSUBSCRIBE: 75, UPDATE: 80}, "the largest group waits first, opt-outs never"
    assert {(column, why) for _, column, why in left(plan)} == {("city", "gathering"), ("street", "gathering")}
    assert "189 profiles wait up to two days for more of the same fields" in of_plan(plan.route_reason, SAY)

    waited = [(row["key"], row["column"]) for row in rows]
    seen = pl.DataFrame(waited, schema=SEEN, orient="row")
    assert correction(*rows, policy=slow, seen=seen).counts == {Kind.UNSUBSCRIBE: 75, UPDATE: 269}, "two days are over"
    changed = [row | {"truth": f"points of today, {row['key']}"} if row["column"] == "city" else row for row in rows]
    assert correction(*changed, policy=slow, seen=seen).counts == {Kind.UNSUBSCRIBE: 75, UPDATE: 269}, "of any value"
    others = seen.with_columns(column=pl.lit("note"))
    assert correction(*rows, policy=slow, seen=others).counts == plan.counts, "another field has its own two days"
    assert correction(*rows, policy=slow, seen=None).counts == {Kind.UNSUBSCRIBE: 75, UPDATE: 269}, "nobody knows"

    more = correction(*rows, *many(1, "city", start=900), policy=slow)
    assert (Route.BULK, "Customers-update-1") in routes(more), "one more of them, and it is a file"


def test_a_plan_goes_on_with_what_was_approved_and_nothing_else() -> None:
    before = correction(differs("1", "city", "a", "b"), differs("2", "city", "a", "b"), differs("3", "city", "a", "b"))
    fresh = [
        differs("1", "city", "a", "b"),
        differs("2", "city", "a", "another value"),
        differs("3", "city", "edited since", "b"),
        differs("3", "street", "a", "b"),
        differs("4", "city", "a", "b"),
        differs("5", "nickname", "a", "b"),
    ]
    correct, create = make_plans(an_audit(fresh), a_policy(), some_facts(), approved=before)
    assert [(write.key, write.cells) for write in correct.writes] == [("1", (Cell("city", "a", "b"),))]
    others = [("2", "city"), ("3", "city"), ("3", "street"), ("4", "city"), ("5", "nickname")]
    told = [(one.key, one.column) for one in correct.left]
    assert told == others, "everything that differs is told, whoever it is of"
    assert [one.why for one in correct.left] == ["not_taken"] * 4 + ["for_the_truth"]
    assert not create.writes


def test_a_plan_goes_on_with_what_was_approved_for_a_person_whatever_their_key_is() -> None:
    """Not for whoever has the key by now."""
    before = correction(differs("C1", "city", "a", "b"))
    fresh = [differs("X1", "city", "a", "b"), differs("C1", "city", "a", "b")]
    who = [
        {"key": "X1", "status": "stale", "profile_id": before.writes[0].profile_id or ""},
        {"key": "C1", "status": "stale", "profile_id": "9"},
    ]
    correct, _ = make_plans(an_audit(fresh, who), a_policy(), some_facts(), approved=before)
    assert [(write.key, write.cells) for write in correct.writes] == [("X1", (Cell("city", "a", "b"),))]
    assert [(one.key, one.why) for one in correct.left] == [("C1", "not_taken")]


def test_enough_opt_outs_of_one_permission_share_a_file_of_key_and_that_permission() -> None:
    rows = [differs(f"{n:06}", NEWS, "true", "false") for n in range(120)]
    rows += [differs(f"{n:06}", "subscriptions#Promo", "true", "false") for n in range(90)]
    rows += many(150, "city")
    plan = correction(*rows, policy=SMALL)
    assert plan.counts == {Kind.UNSUBSCRIBE: 120, UPDATE: 150}, "profiles, not writes"
    opt_outs = [write for write in plan.writes if write.kind is Kind.UNSUBSCRIBE]
    assert opt_outs == list(plan.writes[:210])
    assert all(len(write.cells) == 1 for write in opt_outs)
    file = corrective_files(plan, STRUCTURE)[0]
    assert (file.name, file.columns, file.rows) == ("Customers-unsubscribe-1", ("customerId", NEWS), 100)
    old = replace(SMALL, permission_max_age=timedelta(minutes=59))
    assert routes(correction(*rows[:120], policy=old)) == {(Route.SINGLE, None): 120}


def test_what_several_people_decided_for_one_profile_goes_one_by_one() -> None:
    """Two rows of one profile in a file could undo each other."""
    rows = [*many(150, "city"), differs("000003", "street", "x", "y", moved="unknown")]
    plan = correction(*rows, policy=SMALL, decisions=[decision("000003", "street", "x", "y")])
    assert [(w.key, w.decided_by) for w in plan.writes if w.batch is None] == [("000003", None), ("000003", "Ann")]
    assert plan.counts == {UPDATE: 150}


def test_files_can_be_asked_for_whatever_their_size() -> None:
    rows = [
        *many(30, "city"),
        *many(3, "street", start=50),
        differs("9", "card", "1", "2"),
        differs("9", "note", "x", ""),
    ]
    plan = correction(*rows, policy=a_policy(route="bulk"))
    assert routes(plan) == {
        (Route.SINGLE, None): 5,
        (Route.SINGLE, "Customers-update-1"): 20,
        (Route.BULK, "Customers-update-1"): 10,
    }


@pytest.mark.parametrize("column", ["city", NEWS])
def test_a_file_needs_rows_beyond_those_that_go_before_it(column: str) -> None:
    """Twenty go one by one before it: a file for them alone would be a call of the day for nothing."""
    for policy in (a_policy(route="bulk"), a_policy(bulk_min_rows=1)):
        for count, files in ((20, 0), (21, 1)):
            rows = [differs(f"{n:06}", column, "true", "false") for n in range(count)]
            new = [missing(str(n)) for n in range(count)]
            some = some_facts(candidates=candidates(*({"key": one["key"]} for one in new)))
            for plan in plans(an_audit(rows, new), policy, some):
                assert len(corrective_files(plan, STRUCTURE)) == files
            for plan in plans(an_audit(rows, new), replace(policy, for_others=True), replace(some, file_calls_left=0)):
                assert [one.rows for one in corrective_files(plan, STRUCTURE, canaries=True)] == [count]
                assert f" {count} writes in 1 file: " in f" {of_plan(plan.route_reason, Words('Actito', 'CRM'))}"


def missing(key: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "truth_key": key, "status": "missing", **more}


def candidates(*rows: Mapping[str, Any]) -> pl.DataFrame:
    schema: dict[str, Any] = dict.fromkeys(["key", *(column.name for column in COLUMNS)], pl.String())
    schema |= {f"evidence_date:{NEWS}": audits.MOMENT, f"evidence_source:{NEWS}": pl.String()}
    schema["auditor:updated"] = audits.MOMENT
    filled = ({"customerId": row["key"], "email": f"{row['key']}@x.be", "lastName": "L", **row} for row in rows)
    return pl.DataFrame([{**dict.fromkeys(schema), **row} for row in filled], schema=schema)


def creation(profiles: Iterable[Mapping[str, Any]], facts: dict[str, Any], **more: Any) -> Plan:
    audit_parts = {name: more.pop(name) for name in list(more) if name in Audit.__dataclass_fields__}
    return plans(an_audit((), profiles, **audit_parts), facts=some_facts(**facts, **more))[1]


def test_who_is_missing_is_created_without_permissions_that_are_on() -> None:
    row = {"key": "1", "city": "Gent", "nickname": "N", NEWS: "true", "subscriptions#Promo": "false", "silent": "false"}
    plan = creation([missing("1")], {"candidates": candidates(row)})
    (write,) = plan.writes
    assert (write.kind, write.route, write.profile_id) == (Kind.CREATE, Route.SINGLE, None)
    assert {cell.column: cell.after for cell in write.cells} == {
        "customerId": "1",
        "email": "1@x.be",
        "lastName": "L",
        "city": "Gent",
        "subscriptions#Promo": "false",
    }
    assert left(plan) == [("1", "nickname", "master"), ("1", "silent", "permission"), ("1", NEWS, "permission")]
    assert plan.purpose == "create"


def test_what_is_never_written_is_no_part_of_a_creation_and_nobody_is_created_without_their_opt_out() -> None:
    rules = {"city": Writing.NEVER, "street": Writing.ONLY_IF_EMPTY, "lastName": Writing.NEVER}
    rules |= dict.fromkeys(("silent", "subscriptions#Promo"), Writing.NEVER)
    columns = tuple(replace(one, write=rules.get(one.name, one.write)) for one in COLUMNS)
    row = {"city": "Gent", "street": "Dorp", "subscriptions#Promo": "false"}
    rows = candidates({"key": "1", **row, "silent": "false"}, {"key": "2", **row, "silent": "true"})
    plan = creation([missing("1"), missing("2")], {"candidates": rows}, columns=columns)
    (write,) = plan.writes
    assert (write.key, {cell.column for cell in write.cells}) == ("1", {"customerId", "email", "lastName", "street"})
    assert left(plan) == [
        ("1", "city", "never"),
        ("1", "silent", "never"),
        ("1", "subscriptions#Promo", "never"),
        ("2", "silent", "never"),
    ]


@pytest.mark.parametrize(
    ("updated", "told"),
    [
        (datetime(2026, 3, 1, 8, 30, tzinfo=UTC), Collection("2026-03-01 09:30:00", "CRM")),
        (None, None),
        (NOW + DAY, None),
    ],
)
def test_a_creation_says_when_and_where_its_data_were_collected(
    updated: datetime | None, told: Collection | None
) -> None:
    """The moment is that of the truth's own row, in the contract's time zone; one to come is none."""
    row = {"key": "1", "auditor:updated": updated, "subscriptions#Promo": "false"}
    (write,) = creation([missing("1")], {"candidates": candidates(row)}).writes
    assert write.collection == told
    assert "subscriptions#Promo" in {cell.column for cell in write.cells}


def test_who_is_never_created() -> None:
    profiles = [
        missing("created"),
        missing("waiting", waiting=True),
        missing("pending", pending=True),
        missing("gone", gone=True),
        missing("erased"),
        missing("same"),
        missing("taken"),
        missing("no-email"),
        missing("bad-name"),
        missing("twice"),
        missing("bad-city"),
        missing("gone-and-erased", gone=True, pending=True),
    ]
    rows = [{"key": profile["key"]} for profile in profiles]
    rows[7]["email"] = ""
    rows[10]["city"] = "x" * 999
    violations = [
        {"side": "truth", "key": "bad-name", "column": "lastName", "rule": "max_length"},
        {"side": "truth", "key": "twice", "column": "card", "rule": "unique"},
        {"side": "truth", "key": "bad-city", "column": "city", "rule": "max_length", "severity": "info"},
        {"side": "truth", "key": "created", "column": "lastName", "rule": "match_regex", "severity": "warning"},
        {"side": "truth", "key": "twice", "column": "email", "rule": "match_regex", "severity": "error"},
        {"side": "platform", "key": "created", "column": "email", "rule": "email"},
    ]
    plan = creation(
        profiles,
        {
            "candidates": candidates(*rows),
            "erased": frozenset({"erased", "gone-and-erased"}),
            "taken": frame(TAKEN, [{"key": "taken", "column": "email"}]),
        },
        violations=frame(audits.VIOLATIONS, violations),
        same_person=frame(audits.SAME_PERSON, [{"platform_key": "p", "truth_key": "same", "score": 1.0}]),
    )
    assert [write.key for write in plan.writes] == ["bad-city", "created"]
    assert left(plan) == [
        ("bad-city", "city", "blocked"),
        ("bad-name", "lastName", "blocked"),
        ("erased", None, "erased"),
        ("gone", None, "gone"),
        ("gone-and-erased", None, "erased"),
        ("no-email", "email", "blocked"),
        ("pending", None, "pending"),
        ("same", None, "same_person"),
        ("taken", None, "taken"),
        ("twice", "card", "blocked"),
        ("twice", "email", "blocked"),
        ("waiting", None, "waiting"),
    ]
    assert all(cell.column != "city" for cell in plan.writes[0].cells)


def test_whom_an_undo_deleted_is_not_created_again_until_the_truth_says_something_new() -> None:
    rows: list[dict[str, Any]] = [
        {"key": "silent"},
        {"key": "old", "auditor:updated": NOW - DAY},
        {"key": "new", "auditor:updated": NOW},
    ]
    again = frame(DELETED_AGAIN, [{"key": row["key"], "at": NOW - HOUR} for row in rows])
    profiles = [missing(row["key"]) for row in rows]
    plan = creation(profiles, {"candidates": candidates(*rows), "deleted_again": again})
    assert [write.key for write in plan.writes] == ["new"]
    assert left(plan) == [("old", None, "undone"), ("silent", None, "undone")]


def test_nobody_is_created_while_rows_of_the_platform_could_not_be_read() -> None:
    counts = some_counts({"platform": 10, "platform_rejected": 1}, {})
    plan = creation([missing("1")], {"candidates": candidates({"key": "1"})}, counts=counts)
    assert (plan.writes, left(plan)) == ((), [("1", None, "not_checked")])


@pytest.mark.parametrize("name", ["platform", "platform_rejected", "truth_rejected", "truth_null_key"])
def test_a_number_that_guards_a_plan_and_is_not_there_is_never_zero(name: str) -> None:
    """Somebody would be deleted, created or written to because nobody counted."""
    counts = some_counts({"platform": 9}, {})
    counts = replace(counts, rows={one: number for one, number in counts.rows.items() if one != name})
    with pytest.raises(KeyError, match=name):
        plans(an_audit(many(1, "city"), counts=counts), a_policy(only_on_platform="delete"))


TWICE = [
    {"platform_key": "a", "truth_key": "1", "side": "both", "score": 0.9},
    {"truth_key": "2", "other_key": "3", "side": "truth", "score": 0.9},
    {"truth_key": "2", "other_key": "4", "side": "truth", "score": 0.8},
    {"platform_key": "1", "other_key": "5", "side": "platform", "score": 0.8},
]
"""Probably the same persons. A key of one side says nothing about the same key of the other."""


def two_people(first: str, second: str) -> Decision:
    return Decision(first, SAME_PERSON, first, second, Choice.TWO_PEOPLE, "An")


@pytest.mark.parametrize(
    ("decided", "created"),
    [
        ([], ["5"]),
        ([two_people("a", "1")], ["1", "5"]),
        ([two_people("2", "3")], ["3", "5"]),
        ([two_people("2", "3"), two_people("2", "4")], ["2", "3", "4", "5"]),
        ([two_people("3", "2"), decision("2", "city", "2", "3")], ["5"]),
    ],
    ids=["nothing", "across", "one of two pairs", "both pairs", "of other cells"],
)
def test_probably_the_same_persons_are_created_only_where_a_steward_says_so(
    decided: list[Decision], created: list[str]
) -> None:
    keys = [str(number) for number in range(1, 6)]
    plan = creation(
        [missing(key) for key in keys],
        {"candidates": candidates(*({"key": key} for key in keys))},
        decisions=decided,
        same_person=frame(audits.SAME_PERSON, TWICE),
    )
    assert [write.key for write in plan.writes] == created
    assert left(plan) == [(key, None, "same_person") for key in keys if key not in created]


@pytest.mark.parametrize(
    ("decided", "deleted"),
    [([], ["3"]), ([two_people("a", "1")], ["3", "a"]), ([two_people("1", "5")], ["1", "3", "5"])],
)
def test_probably_the_same_persons_are_deleted_only_where_a_steward_says_so(
    decided: list[Decision], deleted: list[str]
) -> None:
    orphans = [{"key": key, "platform_key": key, "profile_id": f"1{key}", "status": "orphan"} for key in "135a"]
    audit = an_audit((), orphans, same_person=frame(audits.SAME_PERSON, TWICE))
    plan = plans(audit, a_policy(only_on_platform="delete"), some_facts(decisions=decided))[0]
    assert [write.key for write in plan.writes] == deleted
    assert {why for _, _, why in left(plan)} <= {"same_person"}


def test_an_opt_in_can_be_decided_together_with_a_creation() -> None:
    """It follows as a write of its own, with its evidence; without evidence it stays out."""
    given = {f"evidence_date:{NEWS}": NOW - DAY, f"evidence_source:{NEWS}": "shop"}
    rows = candidates({"key": "1", NEWS: "true", **given}, {"key": "2", NEWS: "true"})
    made = [decision("1", NEWS, None, "true"), decision("2", NEWS, None, "true")]
    plan = creation([missing("1"), missing("2")], {"candidates": rows}, decisions=made)
    assert [(write.kind, write.key) for write in plan.writes] == [
        (Kind.CREATE, "1"),
        (Kind.CREATE, "2"),
        (Kind.SUBSCRIBE, "1"),
    ]
    assert plan.writes[2].collection == Collection("2026-03-09 10:00:00", "shop")
    assert left(plan) == [("2", NEWS, "evidence")]


def test_nobody_is_created_while_it_is_not_known_who_was_there_before() -> None:
    rows = candidates({"key": "1"})
    plan = creation([missing("1")], {"candidates": rows}, seen_known=False)
    assert (plan.writes, left(plan)) == ((), [("1", None, "forgotten")])
    given = {f"evidence_date:{NEWS}": NOW - DAY, f"evidence_source:{NEWS}": "shop"}
    decided = {"candidates": candidates({"key": "1", NEWS: "true", **given})}
    plan = creation([missing("1")], decided, decisions=[decision("1", NEWS, None, "true")], opt_outs_known=False)
    assert plan.counts == {Kind.CREATE: 1}
    assert left(plan) == [("1", NEWS, "forgotten")]


def test_many_creations_share_one_file_that_only_creates() -> None:
    rows = candidates(*({"key": f"{n:03}", **({"city": "Gent"} if n % 2 else {})} for n in range(130)))
    profiles = [missing(f"{n:03}") for n in range(130)]
    plan = plans(an_audit((), profiles), SMALL, some_facts(candidates=rows))[1]
    (file,) = corrective_files(plan, STRUCTURE)
    assert (file.name, file.mode, file.rows) == ("Customers-create-1", "CREATE_ONLY", 110)
    assert file.csv.splitlines()[:3] == [b"customerId;email;lastName;city", b"020;020@x.be;L;", b"021;021@x.be;L;Gent"]


def test_both_plans_together_keep_a_file_call_for_undo() -> None:
    rows = candidates(*({"key": f"{n:03}"} for n in range(130)))
    audit = an_audit(many(150, "city"), [missing(f"{n:03}") for n in range(130)])
    correct, create = plans(audit, SMALL, some_facts(candidates=rows, file_calls_left=2))
    assert any(write.batch for write in correct.writes)
    assert not any(write.batch for write in create.writes)


ONLY_ON_PLATFORM: list[dict[str, Any]] = [
    {"key": "1", "platform_key": "1", "profile_id": "11", "status": "orphan"},
    {"key": "2", "status": "orphan", "waiting": True},
    {"key": "3", "status": "orphan"},
    {"key": "4", "status": "duplicate"},
]


def test_nobody_is_deleted_unless_asked_for() -> None:
    same = frame(audits.SAME_PERSON, [{"platform_key": "3", "truth_key": "x", "score": 0.9}])
    audit = an_audit((), ONLY_ON_PLATFORM, same_person=same)
    listed = plans(audit)[0]
    assert (listed.writes, left(listed)) == (
        (),
        [("1", None, "listed"), ("2", None, "waiting"), ("3", None, "same_person"), ("4", None, "duplicate")],
    )
    deleted = plans(audit, a_policy(only_on_platform="delete"))[0]
    assert deleted.writes == (a_write(Kind.DELETE, Route.SINGLE, "1", "11", ()),)
    unsure = replace(audit, counts=some_counts({"platform": 9, "truth_null_key": 1}, {}))
    assert left(plans(unsure, a_policy(only_on_platform="delete"))[0])[0] == ("1", None, "not_checked")


def test_an_audit_that_could_not_check_something_plans_nothing() -> None:
    holes = (NotChecked(Code.LINES_DO_NOT_CLOSE, blocks_plan=True, parameters={"file": "a.csv", "line": 12}),)
    with pytest.raises(
        InputUnusable, match=r"which lines of a\.csv belong together, first at line 12: rows may hide there"
    ) as raised:
        plans(an_audit(many(1, "city"), not_checked=holes))
    assert raised.value.exit_code == 6
    harmless = (NotChecked(Code.NULL_KEY, Side.TRUTH, rows=3),)
    assert plans(an_audit(many(1, "city"), not_checked=harmless))[0].counts == {UPDATE: 1}


def test_named_profiles_only() -> None:
    plan = correction(*many(5, "city"), only={"000002", "none"})
    assert [write.key for write in plan.writes] == ["000002"]


def test_why_a_plan_is_stopped_fits_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    guard = "motherLanguage changed in 2,958 of 10,388 profiles since the last run"
    changed = Notice(Code.MUCH_CHANGED, {"column": "motherLanguage", "changed": 2958, "compared": 10_388})
    stopped = plans(an_audit(many(3, "city")), facts=some_facts(guards=(changed,)))[0]
    print_plan(Planned(stopped, Path(), brakes=(), left=stopped.counts), SAY)
    screen = capsys.readouterr().out
    assert f"stopped until every count is confirmed: {guard}" in " ".join(screen.split())
    assert max(len(line) for line in screen.splitlines()) <= 80
    waits = [one | {"waiting": True} for one in many(3, "city")]
    empty = plans(an_audit(waits), facts=some_facts(guards=(changed,)))[0]
    assert (empty.writes, empty.stop) == ((), None), "where nothing is written, nothing is stopped"


def test_since_when_a_file_overwrites_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    plan = correction(*many(150, "city"), policy=SMALL)
    print_plan(Planned(plan, Path(), brakes=(), left=plan.counts), SAY)
    told = " ".join(capsys.readouterr().out.split())
    assert f"what is edited in Actito from {plan.export_as_of:%Y-%m-%d %H:%M} UTC, which the export shows" in told


def test_why_something_is_left_alone_is_told_in_the_names_of_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [differs("1", "nickname", "a", "b"), differs("2", "city", "a", "b", blocked=True)]
    orphan = {"key": "3", "profile_id": "13", "status": "orphan", "pending": False, "waiting": False}
    plan = plans(an_audit(rows, [orphan]))[0]
    print_plan(Planned(plan, Path(), brakes=(), left=plan.counts), Words("Mailer", "ERP"))
    screen = capsys.readouterr().out
    assert "for the owners of ERP (for-the-truth.csv)" in screen
    assert "Mailer would refuse it" in screen
    assert "only in Mailer: listed, not deleted" in screen
    assert "Actito" not in screen


def test_guards_stop_both_plans_and_every_kind_then_needs_its_count() -> None:
    limits = dict.fromkeys(Kind, (1000, 0.5))
    guards = tuple(Notice(Code.MUCH_CHANGED, {"column": c, "changed": 2, "compared": 3}) for c in "ab")
    correct, create = plans(
        an_audit([*many(3, "city"), differs("9", NEWS, "true", "false")], [missing("N1")]),
        facts=some_facts(guards=guards, candidates=candidates({"key": "N1"})),
    )
    assert correct.stop == create.stop == tuple(one.content() for one in guards)
    assert [brake.confirmation for brake in brakes(correct, limits)] == [
        "--confirm unsubscribe=1",
        "--confirm update=3",
    ]
    assert [brake.kind for brake in held(correct, limits, {UPDATE: 3, Kind.UNSUBSCRIBE: 2})] == [Kind.UNSUBSCRIBE]
    assert held(correct, limits, {UPDATE: 3, Kind.UNSUBSCRIBE: 1}) == ()


@pytest.mark.parametrize(
    ("count", "limit", "population", "stops"),
    [
        (500, (500, 0.05), 100, False),
        (501, (500, 0.05), 100, True),
        (501, (500, 0.05), 10_020, False),
        (502, (500, 0.05), 10_020, True),
        (29, (0, 0.29), 100, False),
        (30, (0, 0.29), 100, True),
        (7, (0, 0.07), 100, False),
        (1, (0, 0.0), 1000, True),
        (1, (0, 0.01), 99, True),
        (1, (0, 0.01), 100, False),
    ],
)
def test_the_larger_of_count_and_share_is_the_limit(
    count: int, limit: tuple[int, float], population: int, stops: bool
) -> None:
    plan = replace(correction(*many(count, "city")), population=population)
    found = brakes(plan, {UPDATE: limit})
    assert [(brake.kind, brake.count) for brake in found] == ([(UPDATE, count)] if stops else [])
    assert held(plan, {UPDATE: limit}, {UPDATE: count}) == ()
    assert held(plan, {UPDATE: limit}, {UPDATE: count + 1, Kind.CLEAR: count}) == found


def test_a_count_that_a_plan_does_not_have_is_refused_whether_its_kind_brakes_or_not() -> None:
    """Whoever goes on with a plan types the count of all of it, or of what is left."""
    whole, left = {UPDATE: 3, Kind.CLEAR: 1}, {UPDATE: 2}
    assert misjudged([whole, left], {UPDATE: 4, Kind.CREATE: 1}) == {UPDATE: 2, Kind.CREATE: 0}
    for confirmed in ({UPDATE: 3, Kind.CLEAR: 1}, {UPDATE: 2}, {}):
        assert misjudged([whole, left], confirmed) == {}


def test_a_kind_without_a_limit_always_stops() -> None:
    assert brakes(correction(*many(1, "city")), {}) != ()


def test_for_the_truth() -> None:
    rows = [
        differs("1", "nickname", "N", "O"),
        differs("2", "points", "1", "2", moved="platform"),
        differs("3", "points", "1", "2", moved="both"),
        differs("4", NEWS, "false", "true"),
        differs("5", NEWS, "true", "false", moved="platform"),
        differs("6", NEWS, "true", "false"),
        differs("7", "city", "a", "b", moved="unknown"),
        differs("8", "nickname", "N", "O", pending=True),
        differs("9", "nickname", "N", None, moved="platform"),
    ]
    audit = an_audit(rows[::-1])
    made = [decision("7", "city", "a", "b", "platform"), decision("4", "city", "x", "y")]
    assert for_the_truth(needs(audit, some_facts(decisions=made).known)).rows() == [
        ("1", "nickname", "N", "O", "platform_is_master"),
        ("2", "points", "1", "2", "platform_moved"),
        ("4", NEWS, "false", "true", "opted_out_on_platform"),
        ("5", NEWS, "true", "false", "opted_in_on_platform"),
        ("7", "city", "a", "b", "decided"),
        ("9", "nickname", "N", None, "platform_is_master"),
    ]


def test_whom_we_created_without_a_permission_nobody_is_told_to_have_opted_out() -> None:
    """It is to be decided, which is nothing new; not so where a run saw it on, or the person said no since."""
    ours = [differs(key, NEWS, "false", "true", moved="unknown") for key in ("1", "2", "3", "4", "5")]
    ours[1]["platform_updated"] = NOW - DAY
    rows = [
        *ours,
        differs("1", "silent", None, "false", moved="unknown"),
        differs("1", "city", "a", "b", moved="unknown"),
    ]
    created = NOW - 5 * DAY
    known = some_facts(
        created=frame(CREATED, [{"key": key, "at": created} for key in ("1", "2", "3", "4")]),
        history=frame(permissions.HISTORY, [
            {"run": "r", "at": NOW - 2 * DAY, "side": "platform", "key": "3", "column": NEWS, "value": "on"},
        ]),
        said_no=frame(permissions.SAID_NO, [{"key": "4", "moment": NOW - DAY}]),
    ).known  # fmt: skip
    needed = needs(an_audit(rows), known)
    assert needed.filter(pl.col("need") == "created").select("key", "column", "why", "told").rows() == [
        ("1", "silent", "created_without", None),
        ("1", NEWS, "created_without", None),
        ("2", NEWS, "created_without", "created_without_permission"),
    ]
    assert {(key, why) for key, *_, why in for_the_truth(needed).rows() if key != "2"} == {
        (key, "opted_out_on_platform") for key in ("3", "4", "5")
    }


def test_what_we_withdrew_nobody_is_told_as_an_opt_out_of_the_customer() -> None:
    """Not where a run saw it on since, or the person said no since: then it is theirs. Where the profile was changed
    after us, nobody knows.
    """
    rows = [differs(str(key), NEWS, "false", "true", moved="ours") for key in range(1, 9)]
    rows[5]["platform_updated"], rows[6]["platform_updated"] = NOW - 4 * DAY, None

    def said(key: str, value: str, days: int, run: str | None = None) -> dict[str, object]:
        return {"run": run, "at": NOW - days * DAY, "side": "platform", "key": key, "column": NEWS, "value": value}

    known = some_facts(
        decisions=[decision("5", NEWS, "false", "true")],
        history=frame(permissions.HISTORY, [
            said("1", "on", 9, "r"), said("1", "off", 5), said("1", "off", 4, "s"),
            said("2", "off", 5), said("2", "on", 4, "s"), said("2", "off", 3, "t"),
            said("3", "off", 5),
            said("4", "on", 9, "r"), said("4", "off", 5, "s"),
            said("5", "off", 5), said("6", "off", 5), said("7", "off", 5), said("8", "off", 5),
        ]),
        left=frame(LEFT, [
            {"key": key, "since": NOW - (4 if key == "8" else 5) * DAY, "until": NOW - 5 * DAY} for key in "1234578"
        ] + [{"key": "6", "since": NOW - 5 * DAY, "until": NOW - 5 * DAY}]),
        said_no=frame(permissions.SAID_NO, [{"key": "1", "moment": NOW - 6 * DAY}, {"key": "3", "moment": NOW - DAY}]),
    ).known  # fmt: skip
    assert [(key, why) for key, *_, why in for_the_truth(needs(an_audit(rows), known)).rows()] == [
        ("1", "withdrawn_by_us"),
        ("2", "opted_out_on_platform"),
        ("3", "opted_out_on_platform"),
        ("4", "opted_out_on_platform"),
        ("5", "withdrawn_by_us"),
        ("6", "withdrawn_by_us_then_changed"),
        ("7", "withdrawn_by_us_then_changed"),
        ("8", "withdrawn_by_us_then_changed"),
    ], "whoever decided in vain for the opt-in, too"


def test_an_opt_in_that_was_taken_back_leaves_what_was_before() -> None:
    """The person's opt-out is told again as theirs, and what we had withdrawn as ours, whatever a run saw between."""
    rows = [differs(key, NEWS, "false", "true", moved="platform") for key in ("theirs", "ours", "withdrawn")]

    def said(key: str, value: str, days: int, run: str | None = None) -> dict[str, object]:
        return {"run": run, "at": NOW - days * DAY, "side": "platform", "key": key, "column": NEWS, "value": value}

    known = some_facts(
        history=frame(permissions.HISTORY, [
            said("theirs", "off", 9, "r"), said("theirs", "on", 7), said("theirs", "on", 6, "s"),
            said("theirs", "off", 5),
            said("ours", "off", 9), said("ours", "on", 7), said("ours", "on", 6, "s"), said("ours", "off", 5),
            said("withdrawn", "off", 9, "r"), said("withdrawn", "on", 7), said("withdrawn", "off", 5),
        ]),
        left=frame(LEFT, [{"key": row["key"], "since": NOW - 9 * DAY, "until": NOW - 5 * DAY} for row in rows]),
        taken_back=frame(TAKEN_BACK, [
            {"key": key, "column": NEWS, "given_at": NOW - 7 * DAY, "taken_at": NOW - 5 * DAY}
            for key in ("theirs", "ours")
        ]),
    ).known  # fmt: skip
    assert [(key, why) for key, *_, why in for_the_truth(needs(an_audit(rows), known)).rows()] == [
        ("ours", "withdrawn_by_us"),
        ("theirs", "opted_out_on_platform"),
        ("withdrawn", "withdrawn_by_us"),
    ]


CELL = st.sampled_from(["true", "false", "yes", "NO", "1", "0", "maybe", "", "Gold", None])


@st.composite
def audits_of_anything(draw: st.DrawFn) -> tuple[Audit, Facts, Policy]:
    """Any differences, candidates, evidence and settings, over few profiles and all columns."""
    names = [column.name for column in COLUMNS[1:]]
    places = draw(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(names)), unique=True, max_size=25))
    moved = st.sampled_from(["truth", "truth_by_moment", "platform", "both", "unknown"])
    values = st.tuples(CELL, CELL).filter(lambda pair: (pair[0] or None) != (pair[1] or None))
    rows = [differs(key, name, *draw(values), moved=draw(moved), blocked=draw(st.booleans())) for key, name in places]
    dates = st.sampled_from([None, NOW - 9 * DAY, NOW - HOUR])
    evidence = [{"key": key, "column": name, "date": draw(dates), "source": "s"} for key, name in places]
    new: list[dict[str, Any]] = [
        {"key": key, **{name: draw(CELL) for name in names[2:]}} for key in draw(st.sets(st.sampled_from("xyz")))
    ]
    facts = some_facts(
        evidence=frame(permissions.EVIDENCE, evidence),
        candidates=candidates(*new),
        file_calls_left=draw(st.integers(0, 4)),
        without_base=draw(st.sampled_from(["ask", "moments"])),
    )
    policy = a_policy(
        route=draw(st.sampled_from(["auto", "bulk", "single"])),
        bulk_min_rows=draw(st.integers(1, 3)),
        calls_per_minute=1,
    )
    return an_audit(rows, [missing(row["key"]) for row in new]), facts, policy


def turns_on(cell: Cell) -> bool:
    """An independent reading: who could be contacted after this write because of it."""
    text = (cell.after or "").lower()
    if cell.column == "silent":
        return text not in ("true", "yes", "1", "y", "t")
    return cell.column.startswith("subscriptions#") and text not in ("false", "no", "0", "n", "f")


@given(audits_of_anything())
@settings(max_examples=150, deadline=None)
def test_law_no_permission_goes_up_without_a_decision(given_: tuple[Audit, Facts, Policy]) -> None:
    audit, facts, policy = given_
    for plan in plans(audit, policy, facts):
        assert not [cell for write in plan.writes for cell in write.cells if turns_on(cell)]
        assert Kind.SUBSCRIBE not in plan.counts


@given(audits_of_anything())
@settings(max_examples=100, deadline=None)
def test_law_every_difference_is_planned_or_left_once(given_: tuple[Audit, Facts, Policy]) -> None:
    audit, facts, policy = given_
    plan = plans(audit, policy, facts)[0]
    answered = [(write.key, cell.column) for write in plan.writes for cell in write.cells]
    answered += [(key, str(name)) for key, name, _ in left(plan)]
    assert sorted(answered) == sorted(audit.differences.select("key", "column").rows())


@given(audits_of_anything(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_law_the_order_of_rows_does_not_change_the_plan(
    given_: tuple[Audit, Facts, Policy], randomness: random.Random
) -> None:
    audit, facts, policy = given_

    def shuffled(table: pl.DataFrame) -> pl.DataFrame:
        order = list(range(table.height))
        randomness.shuffle(order)
        return table[order]

    other = replace(audit, differences=shuffled(audit.differences), profiles=shuffled(audit.profiles))
    known = replace(facts.known, evidence=shuffled(facts.known.evidence))
    moved = replace(facts, known=known, candidates=shuffled(facts.candidates))
    assert [plan.sha for plan in plans(audit, policy, facts)] == [plan.sha for plan in plans(other, policy, moved)]


def test_a_plan_is_stored_and_read_back(tmp_path: Path) -> None:
    plan = correction(*many(150, "city"), differs("9", NEWS, "true", "false", moved="unknown"), policy=SMALL)
    path = tmp_path / f"plan-{plan.sha}.json"
    path.write_text(plan.to_json({"mac": "m"}), encoding="utf-8")
    assert read_plan(path) == plan
    assert read_sealed(path) == (plan, {"mac": "m"})


@pytest.mark.slow
def test_a_hundred_thousand_differences_take_no_more_work_each_than_a_few() -> None:
    def planned(profiles: int) -> None:
        plan = plans(an_audit(many(profiles, "city", "street")))[0]
        assert plan.counts == {UPDATE: profiles}
        assert len(plan.sha) == 64

    assert effort(lambda: planned(50_000)) < 8 * effort(lambda: planned(12_500)), "four times as much, not sixteen"
