"""Pinned cells: left alone by every plan, bound to the person, and never in the way of an opt-out."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from auditor.commands.known import standing_pins
from auditor.errors import Exit
from auditor.model import Kind
from auditor.plan.decisions import Choice, Decision
from auditor.plan.needs import needs
from auditor.settings.contract import Writing
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import Pin
from tests import given_time
from tests.driven_sandbox import Sandbox
from tests.small_folder import Made, auditor, copy
from tests.test_plan import COLUMNS, NEWS, NOW, an_audit, differs, plans, some_facts

DAY = timedelta(days=1)


def pin(key: str, column: str, **more: object) -> Pin:
    made = Pin("Customers", "Mia", key, None, column, "Gent", "moved", NOW + DAY, NOW - DAY)
    return replace(made, **more)  # type: ignore[arg-type]


def test_a_pinned_cell_is_left_alone_whoever_decides_but_an_opt_out_is_written() -> None:
    cells = [
        differs("1", "city", "Gent", "Ghent"),
        differs("1", "street", "a", "b"),
        differs("2", "city", "Gent", "Ghent", moved="both"),
        differs("3", NEWS, "true", "false"),
        differs("4", NEWS, "false", "true"),
        differs("5", "nickname", "a", "b"),
        differs("6", "city", "Gent", "#REF!"),
    ]
    pins = [pin(one["key"], one["column"]) for one in cells if one["column"] != "street"]
    decided = [Decision("2", "city", "Gent", "Ghent", Choice.TRUTH, "Bea")]
    facts = some_facts(pins=pins, decisions=decided)
    told = needs(an_audit(cells), facts.known).select("key", "column", "need", "why", "answers", "told")
    assert told.rows() == [
        ("1", "city", "left", "pinned", "platform", None),
        ("1", "street", "written", None, "truth platform", None),
        ("2", "city", "left", "pinned", "platform", None),
        ("3", NEWS, "written", None, "truth platform", None),
        ("4", NEWS, "truth", "for_the_truth", "platform", "opted_out_on_platform"),
        ("5", "nickname", "truth", "for_the_truth", "platform", "platform_is_master"),
        ("6", "city", "truth", "pinned", "platform", "damaged_spreadsheet"),
    ]
    plan, _ = plans(an_audit(cells), facts=facts)
    assert [(one.kind, one.key) for one in plan.writes] == [(Kind.UNSUBSCRIBE, "3"), (Kind.UPDATE, "1")]


@pytest.mark.parametrize(("write", "why"), [("only-if-empty", "filled"), ("never", "never")])
def test_damage_is_told_of_what_is_not_written_as_well(write: str, why: str) -> None:
    columns = tuple(replace(one, write=Writing(write)) for one in COLUMNS)
    audit = an_audit([differs("1", "city", "Gent", "#REF!"), differs("2", "city", "Gent", "Ghent")], columns=columns)
    told = needs(audit, some_facts().known).select("key", "need", "why", "told")
    assert told.rows() == [("1", "truth", why, "damaged_spreadsheet"), ("2", "left", why, None)]


def test_a_pin_belongs_to_a_person_until_it_expires_is_taken_off_or_forgotten(tmp_path: Path) -> None:
    def stand(holders: dict[str, str], after: timedelta = timedelta()) -> list[str]:
        return [one.key for one in standing_pins(ledger, "Customers", holders, NOW + after)]

    with Ledger(tmp_path) as ledger:
        ledger.pin(pin("C1", "city", profile_id="1"), NOW)
        assert stand({}) == stand({"C1": "1"}) == ["C1"]
        assert stand({"C1": "9"}) == [], "somebody else has the key"
        assert stand({"C1": "9", "C7": "1"}) == ["C7"], "and the person another one"
        assert stand({"C1": "1"}, after=DAY) == []
        ledger.rekey("Customers", {"C1": "D1"}, "map", NOW)
        assert stand({}) == ["D1"]
        ledger.pin(pin("D1", "city", profile_id="1", until=None), NOW)
        assert stand({}) == []
        ledger.pin(pin("D1", "street"), NOW)
        assert "D1" in ledger.keys("Customers")
        ledger.empty("Customers", ["D1"])
        ledger.compact()
        assert ledger.pins("Customers") == ()
        assert not ledger.verify().problems
    assert b"moved" not in (tmp_path / "ledger.sqlite").read_bytes()


def test_a_cell_is_pinned_listed_told_left_alone_and_taken_off(
    small: Made,
    sandbox: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = copy(small.audited, tmp_path / "work", sandbox)
    monkeypatch.chdir(folder)
    plans = json.loads(auditor(capsys, "plan", "--json").out)["plans"]
    writes = next(one["writes"] for one in plans if one["purpose"] == "correct")
    key, change = next((one["key"], one["changes"][0]) for one in writes if one["kind"] == "update")
    on = next((one["key"], one["changes"][0]["column"]) for one in writes if one["kind"] == "unsubscribe")
    day = str((given_time.now() + 30 * DAY).date())
    said = ("--by", "Mia", "--reason", "by telephone", "--until", day)

    for wrong, about in {
        (key, change["column"], "--by", "Mia", "--until", day): "--reason",
        (key, change["column"], "--reason", "x", "--until", day): "--by",
        (key, change["column"], *said[:4]): "--until",
        (key, change["column"], *said[:4], "--until", "2020-01-01"): "is over",
        (key, change["column"], *said[:4], "--until", "0001-01-01"): "is over",
        (key, change["column"], *said[:4], "--until", "9999-12-31"): "a pin ends",
        (key, "nonsense", *said): "not compared",
        (key, "customerId", *said): "who somebody is",
        (key, change["column"], *said, "--off"): "--off",
        (*on, *said): "opt-out",
    }.items():
        refused = auditor(capsys, "pin", *wrong)
        assert refused.code == Exit.SETTINGS
        assert about in refused.err

    assert auditor(capsys, "pin", key, change["column"], *said[:4], "--until", "9998-12-31").code == Exit.FINE
    made = auditor(capsys, "pin", key, change["column"], *said)
    assert made.code == Exit.FINE
    [listed] = json.loads(auditor(capsys, "pin", "--json").out)["pins"]
    assert (listed["key"], listed["column"], listed["platform"]) == (key, change["column"], change["before"])
    assert (listed["by"], listed["reason"], listed["until"], listed["changed"]) == ("Mia", "by telephone", day, False)
    assert "by telephone" in auditor(capsys, "show", key).out
    left = auditor(capsys, "fix", key, "--yes")
    assert "pinned" in left.out
    assert f"{change['column']}\n" not in left.out

    assert auditor(capsys, "pin", key, change["column"], "--off", "--by", "Mia").code == Exit.FINE
    assert json.loads(auditor(capsys, "pin", "--json").out)["pins"] == []
    assert auditor(capsys, "pin", key, change["column"], "--off", "--by", "Mia").code == Exit.SETTINGS
