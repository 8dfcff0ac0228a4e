"""What is known since a plan was made: which of its cells are not written any more, why, and what goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from auditor.apply.job import column_of, targets
from auditor.errors import Exit, InputUnusable
from auditor.findings.audit import PERMISSIONS, Audit
from auditor.findings.codes import Code, NotChecked
from auditor.findings.english.since_sentences import SINCE, drift_report, whose
from auditor.findings.since import NO_DRIFT, Drift, Since
from auditor.findings.words import Words
from auditor.model import Kind, Route
from auditor.permissions import EVIDENCE, HISTORY
from auditor.plan.creations import Candidates
from auditor.plan.decisions import Choice, Decision
from auditor.plan.drift import Later, There, identifiers, of_ledger, of_run, today
from auditor.plan.knowledge import UNDONE
from auditor.plan.needs import needs
from auditor.state.ledger.records import Pin
from auditor.writes import Cell, LeftAlone, Plan
from tests.nothing_known import a_policy
from tests.test_apply import World, batch, city, creation, killed, opt_out, outcomes, plan_of, told, world, write
from tests.test_plan import COLUMNS, DAY, HOUR, NEWS, NOW, an_audit, differs, frame, plans, some_facts

__all__ = ["world"]

CITY = differs("C1", "city", "Gent", "Ghent")
OPT_IN = differs("C1", NEWS, "false", "true", moved="unknown")
EVIDENT = frame(EVIDENCE, [{"key": "C1", "column": NEWS, "date": NOW - DAY, "source": "shop"}])
BEA = Decision("C1", NEWS, "false", "true", Choice.TRUTH, "Bea")

PIN = Pin("Customers", "Mia", "C1", None, "city", "Gent", "moved", NOW + DAY, NOW - DAY)


def profile(key: str, status: str, profile_id: str | None) -> dict[str, Any]:
    return {"key": key, "status": status, "profile_id": profile_id}


def spots(drift: Drift, plan: Plan) -> dict[tuple[str, str | None], Since]:
    return {(plan.writes[number].key, column): since for (number, column), since in drift.held.items()}


def everything(plan: Plan) -> set[tuple[int, str | None]]:
    return {(number, column) for number, write in enumerate(plan.writes) for column in write.followed}


def since(
    plan: Plan,
    audit: Audit,
    *,
    erased: Any = (),
    candidates: pl.DataFrame | None = None,
    there: There | None = None,
    **known: Any,
) -> Drift:
    """What has become of a plan, by a newer audit and what is known now."""
    facts = some_facts(**known)
    missing = None if candidates is None else Candidates(candidates, facts.taken, ())
    now = today(audit, a_policy(), facts.known, {write.key for write in plan.writes}, missing, there)
    return of_run(plan, now, erased, everything(plan))


def corrected(*differences: Mapping[str, Any], **known: Any) -> Plan:
    return plans(an_audit(differences), facts=some_facts(**known))[0]


OF_A_CELL: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, Any], Since | None]] = {
    "nothing happened": ([CITY], [], {}, None),
    "the truth changed again": ([CITY | {"truth": "Gand"}], [], {}, Since.TRUTH),
    "the truth went back": ([CITY | {"truth": "Brugge", "platform": "Gent", "waiting": True}], [], {}, Since.TRUTH),
    "somebody pinned it": ([CITY], [], {"pins": [PIN]}, Since.PINNED),
    "somebody refused it": (
        [CITY], [], {"decisions": [Decision("C1", "city", "Gent", "Ghent", Choice.REFUSED, "Cas")]}, Since.DECIDED,
    ),
    "somebody pinned another cell": ([CITY], [], {"pins": [replace(PIN, column="street")]}, None),
    "a marketer edited it": ([CITY | {"platform": "Brugge"}], [], {}, Since.PLATFORM),
    "by case alone": ([CITY | {"platform": "GENT"}], [], {}, Since.PLATFORM),
    "both sides agree": ([], [], {}, Since.AGREES),
    "another cell differs still": ([differs("C1", "street", "a", "b")], [], {}, Since.AGREES),
    "the person was deleted": ([], [profile("C1", "missing", None)], {}, Since.GONE),
    "the truth has let the person go": ([], [profile("C1", "orphan", "id-C1")], {}, Since.TRUTH),
    "the key was given to somebody else": ([CITY], [profile("C1", "stale", "id-9")], {}, Since.OTHER_PERSON),
    "somebody decided for the platform": (
        [CITY], [], {"decisions": [Decision("C1", "city", "Gent", "Ghent", Choice.PLATFORM, "Cas")]}, Since.DECIDED,
    ),
    "somebody decided to leave it": (
        [CITY], [], {"decisions": [Decision("C1", "city", "Gent", "Ghent", Choice.IGNORE, "Cas")]}, Since.DECIDED,
    ),
    "somebody decided for the same": (
        [CITY], [], {"decisions": [Decision("C1", "city", "Gent", "Ghent", Choice.TRUTH, "Cas")]}, None,
    ),
    "it was taken back": (
        [CITY], [], {"undone": frame(UNDONE, [{"key": "C1", "column": "city", "platform": "Gent", "truth": "Ghent"}])},
        Since.UNDONE,
    ),
    "another plan wrote it": ([CITY | {"pending": True}], [], {}, Since.WRITTEN),
    "the truth's value looks damaged": ([CITY | {"truth": "GhÃ¨nt", "reason": "encoding"}], [], {}, Since.TRUTH),
    "nobody knows who moved": ([CITY | {"moved": "unknown", "status": "conflicting"}], [], {}, Since.UNPLANNED),
}  # fmt: skip
"""What the newest run sees, and what is known beside it: the reason for which the correction is not written."""


@pytest.mark.parametrize("case", OF_A_CELL)
def test_a_planned_correction_is_held_against_what_is_known_now(case: str) -> None:
    differences, profiles, known, expected = OF_A_CELL[case]
    plan = corrected(CITY)
    found = since(plan, an_audit(differences, profiles, run="run-2"), **known)
    assert spots(found, plan) == ({("C1", "city"): expected} if expected else {})


@pytest.mark.parametrize(
    ("there", "profiles", "expected"),
    [
        ([("id-C1", "C1")], [], Since.AGREES),
        ([("id-C1", "X1")], [], Since.RENAMED),
        ([("id-C1", "X1"), ("id-9", "C1")], [], Since.RENAMED),
        ([("id-C1", "X1"), ("id-9", "C1")], [profile("C1", "stale", "id-9")], Since.RENAMED),
        ([("id-C1", "X1")], [profile("C1", "missing", None)], Since.RENAMED),
        ([("id-9", "C1")], [], Since.OTHER_PERSON),
        ([], [], Since.GONE),
        (None, [], Since.AGREES),
    ],
)
def test_nobody_who_has_another_key_or_is_gone_is_said_to_agree(
    there: There | None, profiles: list[dict[str, Any]], expected: Since
) -> None:
    plan = corrected(CITY)
    found = since(plan, an_audit(profiles=profiles, run="run-2"), there=there)
    assert spots(found, plan) == {("C1", "city"): expected}
    if expected is Since.RENAMED:
        assert (found.gone, found.changed) == (0, 1), "what was to be written of them may still be to be written"
        assert "C1 → X1 (city)" in " ".join(line for _, line in drift_report(found, Words("Actito", "CRM")))


def test_whom_neither_side_has_any_more_is_not_created_and_not_said_to_be_there() -> None:
    _, plan = plans(an_audit(profiles=[profile("C7", "missing", None)]), facts=some_facts(candidates=MISSING))
    for there, expected in (([], Since.TRUTH), ([("id-7", "C7")], Since.AGREES)):
        found = since(plan, an_audit(run="run-2"), candidates=MISSING.clear(), there=there)
        assert spots(found, plan) == {("C7", None): expected}


def test_who_was_erased_is_known_by_their_profile_and_what_was_theirs_is_written_to_nobody() -> None:
    """C2 got the key, and C4 loses the address, of somebody who was erased."""
    rows = [
        CITY,
        differs("C1", NEWS, "true", "false"),
        differs("C2", "city", "Gent", "Ghent"),
        differs("C3", "email", "a@x.be", "b@x.be"),
        differs("C4", "email", "b@x.be", "c@x.be"),
    ]
    plan = corrected(*rows)
    found = since(plan, an_audit(rows), erased={("profileId", "id-C1"), ("customerId", "C2"), ("email", "b@x.be")})
    assert spots(found, plan) == {("C1", "city"): Since.ERASED, ("C3", "email"): Since.ERASED}


def test_who_is_to_be_created_was_erased_by_any_identifier() -> None:
    _, plan = plans(an_audit(profiles=[profile("C7", "missing", None)]), facts=some_facts(candidates=MISSING))
    assert ("customerId", "C7") in set(identifiers(plan, plan.writes[0]))


OF_AN_OPT_IN: dict[str, tuple[dict[str, Any], dict[str, Any], Since | None]] = {
    "nothing happened": ({}, {}, None),
    "the decision is another person's now": ({}, {"decisions": [replace(BEA, by="Cas")]}, Since.DECIDED),
    "somebody decided against it": ({}, {"decisions": [BEA, replace(BEA, choice=Choice.PLATFORM)]}, Since.DECIDED),
    "somebody leaves it": ({}, {"decisions": [BEA, replace(BEA, choice=Choice.IGNORE, by="Cas")]}, Since.DECIDED),
    "the decision is used up": ({}, {"decisions": []}, Since.DECIDED),
    "a run saw the opt-out": (
        {},
        {"history": frame(HISTORY, [
            {"run": "run-1", "at": NOW - 9 * DAY, "side": "platform", "key": "C1", "column": NEWS, "value": "on"},
            {"run": "run-2", "at": NOW - HOUR, "side": "platform", "key": "C1", "column": NEWS, "value": "off"},
        ])},
        Since.OPTED_OUT,
    ),
    "the general consent was withdrawn": ({}, {"consent_off": {"C1"}}, Since.CONSENT),
    "that of somebody else": ({}, {"consent_off": {"C2"}}, None),
    "the permission history is lost": ({}, {"opt_outs_known": False}, Since.OPTED_OUT),
    "the evidence is another one": (
        {}, {"evidence": EVIDENT.with_columns(source=pl.lit("stand"))}, Since.TRUTH,
    ),
    "the truth opted out": ({"truth": None}, {}, Since.TRUTH),
}  # fmt: skip


@pytest.mark.parametrize("case", OF_AN_OPT_IN)
def test_a_decided_opt_in_is_held_against_what_is_known_now(case: str) -> None:
    change, known, expected = OF_AN_OPT_IN[case]
    decided: dict[str, Any] = {"decisions": [BEA], "evidence": EVIDENT}
    plan = corrected(OPT_IN, **decided)
    assert [(one.kind, one.decided_by) for one in plan.writes] == [(Kind.SUBSCRIBE, "Bea")]
    found = since(plan, an_audit([OPT_IN | change], run="run-2"), **(decided | known))
    assert spots(found, plan) == ({("C1", NEWS): expected} if expected else {})


@pytest.mark.parametrize(
    ("change", "decisions", "expected"),
    [
        ({}, 1, None),
        ({}, 0, Since.DECIDED),
        ({"platform_text": "false"}, 1, Since.PLATFORM),
        ({"pending": True}, 0, Since.WRITTEN),
        ({"pending": True, "platform_text": "false"}, 1, Since.WRITTEN),
    ],
)
def test_a_withdrawal_of_a_finding_is_held_against_what_is_known_now(
    change: dict[str, Any], decisions: int, expected: Since | None
) -> None:
    row = {"key": "C1", "column": NEWS, "finding": "against_consent", "platform_text": "true"}
    row |= {"truth_text": "true", "profile_id": "id-C1"}

    def audit(**more: Any) -> Audit:
        return an_audit(
            permissions=frame(pl.Schema({**PERMISSIONS, "pending": pl.Boolean()}), [row | {"pending": False} | more])
        )

    known = [Decision("C1", NEWS, "true", "true", Choice.WITHDRAW, "Bea")]
    plan = plans(audit(), facts=some_facts(decisions=known))[0]
    assert [write.kind for write in plan.writes] == [Kind.UNSUBSCRIBE]
    found = since(plan, audit(**change), decisions=known[:decisions])
    assert spots(found, plan) == ({("C1", NEWS): expected} if expected else {})


MISSING = pl.DataFrame(
    [{"key": "C7", "email": "c7@x.be", "lastName": "Peeters", "city": "Gent"}],
    schema={name: pl.String() for name in ("key", "customerId", "email", "card", "lastName", "city", "street",
            "nickname", "points", "note", "silent", NEWS, "subscriptions#Promo", "segmentations#Vip",
            "segmentations#Tier")},
).with_columns(customerId="key")  # fmt: skip


@pytest.mark.parametrize(
    ("profiles", "values", "expected"),
    [
        ([profile("C7", "missing", None)], {}, None),
        ([profile("C7", "missing", None) | {"gone": True}], {}, Since.GONE),
        ([profile("C7", "missing", None) | {"pending": True}], {}, Since.WRITTEN),
        ([profile("C7", "stale", "id-7")], {}, Since.THERE),
        ([], {}, Since.AGREES),
        ([profile("C7", "missing", None)], {"city": "Brugge"}, Since.TRUTH),
        ([profile("C7", "missing", None)], {"lastName": None}, Since.TRUTH),
    ],
)
def test_a_creation_resurrects_nobody(
    profiles: list[dict[str, Any]], values: dict[str, str | None], expected: Since | None
) -> None:
    _, plan = plans(an_audit(profiles=[profile("C7", "missing", None)]), facts=some_facts(candidates=MISSING))
    assert [write.kind for write in plan.writes] == [Kind.CREATE]
    now = MISSING.with_columns(**{name: pl.lit(value, pl.String()) for name, value in values.items()})
    found = since(plan, an_audit(profiles=profiles, run="run-2"), candidates=now)
    assert spots(found, plan) == ({("C7", None): expected} if expected else {})


GENERAL = tuple(replace(one, general=one.name == "silent") for one in COLUMNS)


def test_nobody_is_given_a_permission_under_a_general_consent_that_is_off() -> None:
    """Of somebody who is there, and of somebody who is created; a general permission itself may be given."""
    decided: dict[str, Any] = {"decisions": [BEA], "evidence": EVIDENT, "consent_off": {"C1"}}
    plan = corrected(OPT_IN, **decided)
    assert (plan.writes, [one.why for one in plan.left]) == ((), ["consent"])
    needed = needs(an_audit([OPT_IN]), some_facts(consent_off={"C1"}).known)
    assert needed.select("need", "refused", "answers").row(0) == ("truth", "consent", "platform")
    freed = differs("C1", "silent", "true", "false", moved="unknown")
    given = {
        "decisions": [Decision("C1", "silent", "true", "false", Choice.TRUTH, "Bea")],
        "evidence": EVIDENT.with_columns(column=pl.lit("silent")),
        "consent_off": {"C1"},
    }
    [write] = plans(an_audit([freed], columns=GENERAL), facts=some_facts(**given))[0].writes
    assert (write.kind, write.cells[0].column) == (Kind.SUBSCRIBE, "silent")

    audit = an_audit(profiles=[profile("C7", "missing", None)], columns=GENERAL)
    bea = [Decision("C7", NEWS, None, "true", Choice.TRUTH, "Bea")]
    for silent, kinds in ((None, ["create", "subscribe"]), ("true", ["create"])):
        row = MISSING.with_columns(
            **{NEWS: pl.lit("true"), "silent": pl.lit(silent, pl.String())},
            **{f"evidence_date:{NEWS}": pl.lit(NOW - DAY), f"evidence_source:{NEWS}": pl.lit("shop")},
        )
        _, plan = plans(audit, facts=some_facts(candidates=row, decisions=bea))
        assert sorted(one.kind for one in plan.writes) == kinds
        assert [one.why for one in plan.left] == ([] if silent is None else ["consent"])


def test_what_is_new_of_the_same_people_is_told_and_what_waits_for_a_file_is_not_new() -> None:
    plan = replace(corrected(CITY), left=(LeftAlone("C1", "note", "quota", None),))
    seen = [CITY, differs("C1", "street", "a", "b"), differs("C1", "note", "a", "b"), differs("C2", "city", "a", "b")]
    found = since(plan, an_audit(seen, run="run-2"))
    assert (found.new, dict(found.held)) == ((("C1", "street"),), {})


def test_a_unique_value_is_not_taken_over_from_somebody_who_keeps_it() -> None:
    hands = [differs("C1", "email", "a@x.be", "b@x.be"), differs("C2", "email", "b@x.be", "c@x.be")]
    plan = corrected(*hands)
    kept = Decision("C2", "email", "b@x.be", "c@x.be", Choice.PLATFORM, "Cas")
    found = since(plan, an_audit(hands), decisions=[kept])
    assert spots(found, plan) == {("C1", "email"): Since.THERE, ("C2", "email"): Since.DECIDED}


def test_a_run_that_could_not_be_checked_is_held_against_nothing() -> None:
    holes = (NotChecked(Code.LINES_DO_NOT_CLOSE, blocks_plan=True, parameters={"file": "a.csv", "line": 12}),)
    audit = an_audit([CITY], not_checked=holes)
    with pytest.raises(InputUnusable):
        since(corrected(CITY), audit)


def test_a_row_of_a_file_goes_whole_or_not_at_all() -> None:
    cells = (Cell("city", "Gent", "Ghent"), Cell("street", "a", "b"))
    row = replace(corrected(CITY).writes[0], cells=cells, batch="b1", route=Route.BULK)
    plan = replace(corrected(CITY), writes=(row,))
    audit = an_audit([CITY, differs("C1", "street", "x", "b")])
    assert spots(since(plan, audit), plan) == {("C1", "city"): Since.WITH_ANOTHER, ("C1", "street"): Since.PLATFORM}
    assert not since(plan, an_audit([CITY, differs("C1", "street", "a", "b")])).held


def test_an_undo_is_held_against_the_ledger_alone() -> None:
    undo = replace(corrected(CITY, differs("C2", "city", "a", "b"), differs("C3", "city", "a", "b")), purpose="undo")
    later = Later({("C1", "city")}, {("C2", "city"), ("C2", "note")}, {("C3", "city"), ("C2", "city")})
    found = of_ledger(undo, later, set(), everything(undo))
    assert spots(found, undo) == {
        ("C1", "city"): Since.WRITTEN,
        ("C2", "city"): Since.DECIDED,
        ("C3", "city"): Since.PINNED,
    }
    assert found.run is None


# Applying


def held(**places: Since) -> Drift:
    return Drift("run-2", {(int(name[1:]), "city"): since for name, since in places.items()}, (), {})


def test_what_is_held_is_skipped_with_its_reason_and_all_others_go_on(world: World) -> None:
    applied = world.apply(plan_of(city(1), opt_out(2), city(3)), drift=held(w0=Since.DECIDED))
    assert told(applied, "outcome", "detail") == [("skipped", "decided_since"), ("landed", None), ("landed", None)]
    assert (applied.exit_code, world.platform.profiles["1"]["city"]) == (Exit.WRITES_LEFT, "Gent")
    assert world.platform.profiles["3"]["city"] == "Ghent"
    again = world.apply(plan_of(city(1), opt_out(2), city(3)))
    assert outcomes(again) == ["landed"] * 3, "what was skipped is judged anew each time"


@pytest.mark.parametrize("effect", ["before", "after"])
def test_an_open_intent_is_settled_by_reading_and_not_sent_again(world: World, effect: str) -> None:
    plan = plan_of(city(1))
    killed(world, plan, "update", effect)
    applied = world.apply(plan, drift=held(w0=Since.DECIDED))
    assert told(applied, "outcome", "detail") == [
        ("skipped", "decided_since") if effect == "before" else ("landed", "read_later")
    ]
    assert world.platform.calls["update"] == 1
    assert applied.exit_code is (Exit.WRITES_LEFT if effect == "before" else Exit.FINE)


@pytest.mark.parametrize("effect", ["before", "after"])
def test_a_creation_whose_end_is_not_known_is_not_tried_again(world: World, effect: str) -> None:
    plan = plan_of(creation(9))
    killed(world, plan, "create", effect)
    applied = world.apply(plan, drift=Drift("run-2", {(0, None): Since.GONE}, (), {}))
    assert outcomes(applied) == ["skipped" if effect == "before" else "landed"]
    assert world.platform.calls["create"] == 1


def test_a_file_leaves_out_the_rows_that_are_held(world: World) -> None:
    applied = world.apply(plan_of(*batch(1, 2, 3, 4, 5, canaries=2)), drift=held(w0=Since.TRUTH, w3=Since.ERASED))
    assert [(detail if outcome == "skipped" else None) for outcome, detail in told(applied, "outcome", "detail")] == [
        "truth_changed_since", None, None, "erased_since", None,
    ]  # fmt: skip
    assert {one for one, values in world.platform.profiles.items() if values["city"] == "Ghent"} == {"2", "3", "5"}
    assert world.platform.calls["start_import"] == 1


def test_no_file_goes_without_a_first_profile(world: World) -> None:
    applied = world.apply(plan_of(*batch(1, 2, 3)), drift=held(w0=Since.TRUTH))
    assert told(applied, "detail") == [("truth_changed_since",), ("canary",), ("canary",)]
    assert (world.platform.calls["start_import"], world.platform.effects) == (0, [])


def test_the_report_fits_a_terminal_and_counts_by_reason() -> None:
    say = Words("Actito", "CRM")
    drift = Drift("20261123T060000Z-7f3a", {(0, "a"): Since.TRUTH, (1, "a"): Since.GONE, (2, "a"): Since.GONE},
                  (("C1", "b"),), {0: "C7", 1: "C8", 2: "C9"})  # fmt: skip
    lines = [" " * indent + line for indent, line in drift_report(drift, say)]
    told = "2 no longer planned, 1 planned otherwise by now, 1 new"
    assert any(told in line for line in lines), "nobody is gone whose cell is not planned any more"
    assert "      2 × deleted in Actito since: C8 (a), C9 (a)" in lines
    assert "      1 × CRM says something else than what was planned: C7 (a)" in lines
    [line] = [line for _, line in drift_report(replace(drift, run=None, new=()), say) if "since this plan" in line]
    assert "as the ledger tells it: 2 no longer planned" in line
    assert "as the run 20261123T060000Z-7f3a and the ledger tell it" in " ".join(lines)
    assert list(drift_report(NO_DRIFT, say)) == []
    assert set(SINCE) == set(Since)
    assert whose((f"C{number}", column) for number in range(12) for column in ("a", "b")).endswith(
        "C9 (a, b) and 2 more"
    )
    assert whose([("C1", None)]) == "C1", "of a profile that is created or deleted"


def test_write_and_applied_agree_on_what_is_followed() -> None:
    """The columns that a plan is judged by are the rows of its outcomes."""
    for one in (city(1), creation(9), write(1, ("city", "a", "b"), ("note", "same", "same"))):
        assert list(one.followed) == [column_of(cell) for cell in targets(one)]
