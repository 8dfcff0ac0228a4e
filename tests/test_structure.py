"""`auditor structure` as it is typed, against a licence in a process of its own and a truth written by hand."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import auditor as package
from auditor.errors import Exit
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import StructureState
from auditor.structure.proposal import read_proposal
from tests.driven_sandbox import Sandbox
from tests.small_folder import auditor
from tests.structure_folder import change_table, column, make, plan_of, raw_table, structure_events, write_truth


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("licence") / "sandbox", profiles=20, limits="extended") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """As it was made: what a test before did to the table is gone."""
    running.reset(profiles=20)
    return running


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the folder of a test is made; the current folder will be there."""
    folder = tmp_path / "work"
    monkeypatch.chdir(tmp_path)
    return folder


def names(table: dict[str, Any]) -> set[str]:
    return {attribute["name"] for attribute in table["attributes"]}


def narrow(text: str) -> None:
    assert max(map(len, text.splitlines())) <= 80, text


# Show


def test_show_names_everything_readably(
    sandbox: Sandbox, work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(make(work, sandbox))
    said = auditor(capsys, "structure", "show")
    assert said.code == Exit.FINE
    narrow(said.out)
    listed = {match[1]: match[2] for match in re.finditer(r"(?m)^  (\w+)  +(\S.*)$", said.out)}
    table = raw_table(sandbox)
    assert names(table) <= listed.keys()
    assert listed["nickname"] == "text, 2 to 30 characters"
    assert listed["customerId"] == "text, at most 20 characters, unique"
    assert listed["emailAddress"] == "e-mail address, unique, mandatory"
    assert listed["profileId"].endswith("made by Actito")
    assert listed["ClientTier"] == "exclusive: Gold, Silver, Bronze"
    assert listed["Vip"].startswith("simple")
    assert all(re.search(rf"(?m)^  {name}$", said.out) for name in ("Newsletter", "Promotions", "Events"))

    document = json.loads(auditor(capsys, "structure", "show", "--json").out)
    assert [attribute["name"] for attribute in document["attributes"]] == [one["name"] for one in table["attributes"]]
    nickname = next(one for one in document["attributes"] if one["name"] == "nickname")
    assert (nickname["type"], nickname["min_length"], nickname["max_length"]) == ("string", 2, 30)
    assert document["subscriptions"] == ["Newsletter", "Promotions", "Events"]
    assert document["not_told"] == []


# Propose: types

TYPED = {
    "points": (["0", "5", "120", "99999"], "integer", None),
    "card": (["3000000000", "12", "", "7"], "long", None),
    "price": (["1.50", "12.25", "0.00", "3.10"], "numeric", None),
    "born": (["1980-05-31", "2000-02-29", "", "1999-12-31"], "date", None),
    "seen": (["2026-01-02 03:04:05", "2026-01-02 23:59:59", "", ""], "timestamp", None),
    "agreed": (["yes", "no", "yes", ""], "boolean", None),
    # What a narrower type would lose, or what only looks like one:
    "postcode": (["1000", "2000", "9000", "8400"], "string", 10),
    "dossier": (["0470", "12", "7", "7"], "string", 10),
    "mobile": (["+32470", "32470123456789", "", ""], "string", 30),
    "release": (["1.1", "1.10", "2.0", ""], "string", 10),
    "huge": (["99999999999999999999", "1", "", ""], "string", 30),
    "told_on": (["1/2/2026", "3/4/2026", "", ""], "string", 20),
    "code": (["no", "no", "no", "no"], "string", 10),
    "invalid_day": (["2026-02-30", "2026-02-28", "", ""], "string", 20),
    "mixed": (["12", "twelve", "", ""], "string", 10),
    "children": (["0", "1", "1", "0"], "integer", None),
    "amount": (["1,5", "2,25", "", ""], "string", 10),
}
"""Attribute → its values in the truth, and by hand the type and length that hold all of them, and the next ones too."""

RULED = {
    "bornOn": (["31/05/1980", "29/02/2000", "", ""], 'compare = "date"\nformat = "%d/%m/%Y"', "date"),
    "turnover": (["1,5", "2", "12,25", ""], 'compare = "number"\ndecimal = ","', "numeric"),
    "partner": (["1", "0", "", ""], 'permission = "opt-in"', "boolean"),
    "grade": (["1", "12", "", ""], 'compare = "text"', "string"),
    "language2": (["fr", "nl", "", ""], 'compare = "code"', "string"),
}
"""Attribute → values, what the contract says of it, and the type that follows from that."""


def test_types_are_inferred_and_nothing_is_lost(
    sandbox: Sandbox, work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = {name: values for name, (values, *_) in (*TYPED.items(), *RULED.items())}
    truth |= {"hobbies": ["a,b", "c", "", ""], "nothing": ["", "", "", ""], "motherTongue": ["FR", "NL", "", ""]}
    contract = "".join(column(name) for name in TYPED)
    contract += "".join(column(name, more=more) for name, (_, more, _) in RULED.items())
    contract += column("hobbies", more='compare = "set"') + column("nothing")
    monkeypatch.chdir(make(work, sandbox, columns=truth, extra=contract))
    said = auditor(capsys, "structure", "propose")
    assert said.code == Exit.FINE, said.err
    narrow(said.out)
    plan = plan_of(work)
    proposed = {item["attribute"]["name"]: item["attribute"] for item in plan["additions"]}
    assert {name: (one["type"], one["max_length"]) for name, one in proposed.items() if name in TYPED} == {
        name: (kind, length) for name, (_, kind, length) in TYPED.items()
    }
    assert {name: one["type"] for name, one in proposed.items() if name in RULED} == {
        name: kind for name, (_, _, kind) in RULED.items()
    }
    assert (proposed["hobbies"]["type"], proposed["hobbies"]["multi_valued"]) == ("string", True)
    assert not any(one["mandatory"] or one["unique"] for one in proposed.values())
    assert "nothing" not in proposed
    assert [item["column"] for item in plan["by_hand"]] == ["nothing"]

    # The hand-over sheet stands alone: every attribute with its type and why, and nobody's values.
    assert said.out == (work / "structure" / f"plan-{plan['sha']}.txt").read_text("utf-8")
    for name in proposed:
        assert f"New attribute: {name}\n" in said.out
    assert said.out.count("   reason ") == len(proposed)
    assert "zero" in said.out
    for value in ("99999999999999999999", "1980-05-31", "an@example.com", "twelve"):
        assert value not in said.out + said.err + json.dumps(plan)
    assert not names(raw_table(sandbox)) & proposed.keys()


def test_a_person_may_know_better(
    sandbox: Sandbox, work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--type` decides, `--attribute` adds what the contract does not map, and a near name is asked about first."""
    truth = {"shoe": ["41", "42", "", ""], "blank": ["", "", "", ""], "nick": ["a", "b", "c", "d"]}
    extra = column("blank") + column("nick_name", "nick")
    monkeypatch.chdir(make(work, sandbox, columns=truth, extra=extra))
    said = auditor(
        capsys, "structure", "propose", "--attribute", "shoeSize=shoe", "--type", "blank=string:40",
        "--type", "shoeSize=integer",
    )  # fmt: skip
    assert said.code == Exit.FINE, said.err
    plan = plan_of(work)
    proposed = {item["attribute"]["name"]: item["attribute"] for item in plan["additions"]}
    assert (proposed["shoeSize"]["type"], proposed["blank"]["max_length"]) == ("integer", 40)
    assert [item["column"] for item in plan["by_hand"]] == ["nick_name"]
    assert 'looks like the attribute "nickname"' in " ".join(said.out.split())
    (work / "structure" / f"plan-{plan['sha']}.json").unlink()
    assert auditor(capsys, "structure", "propose", "--anew", "nick_name", "--type", "blank=boolean").code == Exit.FINE
    assert {item["attribute"]["name"] for item in plan_of(work)["additions"]} == {"nick_name", "blank"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--type", "x=strng"], 'did you mean "string"?'),
        (["--type", "x=integer:5"], "only string has a length"),
        (["--type", "x=string:900"], "from 1 to 255"),
        (["--attribute", "x"], "NAME=COLUMN is expected"),
        (["--attribute", "x=nowhere"], 'has no column "nowhere"'),
        (["--new-table"], 'the profile table "Customers" exists'),
    ],
)
def test_what_is_mistyped_is_told(
    arguments: list[str],
    words: str,
    sandbox: Sandbox,
    work: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(make(work, sandbox))
    said = auditor(capsys, "structure", "propose", *arguments)
    assert said.code == Exit.SETTINGS
    assert words in said.err
    assert not (work / "structure").exists()


# Apply

WANTED = {"points": ["1", "20", "300", "4000"], "news": ["yes", "no", "", "yes"], "tier": ["Gold", "Iron", "Iron", ""],
          "league": ["A", "B", "A", ""], "vip2": ["yes", "no", "no", "no"]}  # fmt: skip
WANTING = (
    column("points")
    + column("subscriptions#Trends", "news")
    + column("segmentations#ClientTier", "tier")
    + column("segmentations#League", "league")
    + column("segmentations#Friends", "vip2")
)


def test_a_plan_is_applied_once_and_read_back(
    sandbox: Sandbox, work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(make(work, sandbox, columns=WANTED, extra=WANTING))
    before = raw_table(sandbox)
    assert auditor(capsys, "structure", "propose").code == Exit.FINE
    plan = plan_of(work)
    said = auditor(capsys, "structure", "apply", plan["sha"][:10])
    assert said.code == Exit.REFUSED
    assert "nobody is there to answer" in said.err
    assert raw_table(sandbox) == before

    said = auditor(capsys, "structure", "apply", plan["sha"][:10], "--yes")
    assert said.code == Exit.FINE, said.err
    assert said.out.index("Please add the following") < said.out.index("added and read back")
    narrow(said.out)
    after = raw_table(sandbox)
    assert names(after) - names(before) == {"points"}
    assert next(one for one in after["attributes"] if one["name"] == "points")["valueType"] == "INTEGER"
    assert [one["name"] for one in after["subscriptions"]] == ["Newsletter", "Promotions", "Events", "Trends"]
    segmentations = {one["name"]: one for one in after["segmentations"]}
    assert set(segmentations["ClientTier"]["segments"]) == {"Gold", "Silver", "Bronze", "Iron"}
    assert set(segmentations["League"]["segments"]) == {"A", "B"}
    assert segmentations["Friends"]["type"] == "SIMPLE"

    events = structure_events(work / "state", plan["sha"])
    assert [state for _, state in events] == [StructureState.SENT] * 5 + [StructureState.LANDED] * 5
    with Ledger(work / "state") as ledger:
        recorded = ledger.plan(plan["sha"])
        assert recorded is not None
        assert recorded.purpose == "structure"
        assert not ledger.verify().problems

    again = auditor(capsys, "structure", "apply", plan["sha"][:10], "--yes")
    assert again.code == Exit.FINE
    assert again.out.count("was there already") == 5
    assert raw_table(sandbox) == after
    assert structure_events(work / "state", plan["sha"]) == events


@pytest.mark.parametrize(
    ("fault", "arrived"),
    [("drop-after", True), ("truncated", True), ("drop-before", False)],
)
def test_a_change_whose_answer_is_lost_is_read_back_and_never_sent_twice(
    fault: str,
    arrived: bool,
    sandbox: Sandbox,
    work: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The table itself tells what became of it; where the change did not arrive, the plan is applied again."""
    monkeypatch.chdir(make(work, sandbox, columns=WANTED, extra=WANTING))
    monkeypatch.setattr("auditor.commands.structure.PAUSES", (0.0, 0.1, 0.1))
    auditor(capsys, "structure", "propose")
    sha = plan_of(work)["sha"]
    sandbox.fault(fault, 1.0, times=1, on="POST /profile-table-structure")
    said = auditor(capsys, "structure", "apply", sha, "--yes")
    assert sandbox.faults()[fault] == 1
    sandbox.clear_faults()
    seen = "points" in names(raw_table(sandbox))
    assert seen is arrived
    last = dict(structure_events(work / "state", sha))
    assert len(last) == 5
    expected = (Exit.FINE, StructureState.LANDED) if arrived else (Exit.WRITES_LEFT, StructureState.UNKNOWN)
    assert (said.code, *set(last.values())) == expected
    again = auditor(capsys, "structure", "apply", sha, "--yes")
    assert again.code == Exit.FINE, again.err
    assert again.out.count("was there already" if arrived else "added and read back") == 5


def test_nothing_is_sent_when_the_structure_changed(
    sandbox: Sandbox, work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever else changed stops the plan; a part of the plan that somebody else has made does not."""
    monkeypatch.chdir(make(work, sandbox, columns=WANTED, extra=WANTING))
    auditor(capsys, "structure", "propose")
    sha = plan_of(work)["sha"]
    change_table(sandbox, {"addSubscriptions": [{"name": "Trends"}]})
    change_table(sandbox, {"addSubscriptions": [{"name": "Elsewhere"}]})
    between = raw_table(sandbox)
    said = auditor(capsys, "structure", "apply", sha, "--yes")
    assert said.code == Exit.REFUSED
    assert 'the subscription "Elsewhere" is new' in said.err
    assert "Trends" not in said.err
    assert "auditor structure propose" in said.err
    assert raw_table(sandbox) == between


def test_what_somebody_else_has_made_is_not_made_again(
    sandbox: Sandbox, work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The hand-over sheet was carried out in part, by hand; the plan does the rest."""
    monkeypatch.chdir(make(work, sandbox, columns=WANTED, extra=WANTING))
    auditor(capsys, "structure", "propose")
    change_table(sandbox, {"addSubscriptions": [{"name": "Trends"}]})
    change_table(sandbox, {"addSegments": [{"segmentation": "ClientTier", "segments": ["Iron"]}]})
    said = auditor(capsys, "structure", "apply", plan_of(work)["sha"], "--yes")
    assert said.code == Exit.FINE, said.err
    assert "subscription Trends: was there already" in said.out
    assert "segment ClientTier/Iron: was there already" in said.out
    assert "attribute points: added and read back" in said.out


def test_an_attribute_of_the_same_name_and_another_type_stops_the_plan(
    sandbox: Sandbox, work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(make(work, sandbox, columns=WANTED, extra=WANTING))
    auditor(capsys, "structure", "propose")
    other = {"type": "CUSTOM", "name": "points", "unique": False, "mandatory": False, "valueType": "STRING",
             "multiValued": False}  # fmt: skip
    change_table(sandbox, {"addAttributes": [other]})
    said = auditor(capsys, "structure", "apply", plan_of(work)["sha"], "--yes")
    assert said.code == Exit.REFUSED
    assert 'the attribute "points" is new' in said.err


def test_what_the_api_cannot_do_is_left_to_a_person(
    sandbox: Sandbox, work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A longer attribute, another type, a mandatory one without a source: a sheet, and no call."""
    truth = {"nick": ["x" * 45, "abc", "de", "fg"], "points": ["many", "few", "1", "2"]}
    extra = column("nickname", "nick") + column("loyaltyPoints", "points")
    extra = extra.replace('truth = "name"', "")
    monkeypatch.chdir(make(work, sandbox, columns=truth, extra=extra))
    contract = work / "expectations" / "Customers" / "contract.toml"
    contract.write_text(contract.read_text("utf-8").replace('[columns.lastName]\ntruth = "name"\n', ""), "utf-8")
    said = auditor(capsys, "structure", "propose")
    assert said.code == Exit.FINE, said.err
    plan = plan_of(work)
    assert plan["additions"] == []
    assert {item["column"] for item in plan["by_hand"]} == {"nickname", "loyaltyPoints", "lastName"}
    assert "45 characters instead of 30, or shorter values in CRM" in " ".join(said.out.split())
    assert "the truth" not in " ".join(said.out.split())
    assert "apply" not in said.err
    before = raw_table(sandbox)
    applied = auditor(capsys, "structure", "apply", plan["sha"], "--yes")
    assert applied.code == Exit.REFUSED
    assert "renames, narrows, widens and deletes nothing" in applied.err
    assert "hand-over sheet" in applied.err
    assert raw_table(sandbox) == before


def test_a_changed_plan_is_no_plan(
    sandbox: Sandbox, work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(make(work, sandbox, columns=WANTED, extra=WANTING))
    auditor(capsys, "structure", "propose")
    sha = plan_of(work)["sha"]
    assert auditor(capsys, "structure", "propose").code == Exit.FINE
    assert plan_of(work)["sha"] == sha, "the same wish is the same plan"
    path = work / "structure" / f"plan-{sha}.json"
    assert path.stat().st_mode & 0o777 == 0o600
    made = read_proposal(path)
    path.write_text(path.read_text("utf-8").replace('"Trends"', '"Offers"'), "utf-8")
    said = auditor(capsys, "structure", "apply", sha, "--yes")
    assert said.code == Exit.SETTINGS
    assert "was changed after it was made" in said.err
    path.write_text(replace(made, additions=made.additions[:1]).to_json(), "utf-8")
    said = auditor(capsys, "structure", "apply", sha, "--yes")
    assert (said.code, "is not known to the ledger" in said.err) == (Exit.REFUSED, True)
    assert auditor(capsys, "structure", "apply", "ffff", "--yes").code == Exit.SETTINGS


def test_a_new_table_for_a_first_load(
    sandbox: Sandbox, work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = {"since": ["2020-01-01", "2021-01-01", "", ""], "news": ["yes", "no", "no", "no"]}
    extra = column("memberSince", "since") + column("subscriptions#Newsletter", "news")
    monkeypatch.chdir(make(work, sandbox, columns=truth, extra=extra))
    settings = work / "auditor.toml"
    settings.write_text(settings.read_text("utf-8").replace('table  = "Customers"', 'table = "Members"'), "utf-8")
    (work / "expectations" / "Customers").rename(work / "expectations" / "Members")
    said = auditor(capsys, "structure", "propose")
    assert said.code == Exit.SETTINGS
    assert "--new-table" in said.err
    said = auditor(capsys, "structure", "propose", "--new-table")
    assert said.code == Exit.FINE, said.err
    assert 'There is no profile table "Members" yet' in said.out
    assert "motherLanguage, marketingConsent" in " ".join(said.out.split())
    sha = plan_of(work)["sha"]
    assert auditor(capsys, "structure", "apply", sha, "--yes").code == Exit.FINE
    shown = json.loads(auditor(capsys, "structure", "show", "--json").out)
    table = raw_table(sandbox, shown["table_id"])
    made = {one["name"]: one for one in table["attributes"]}
    assert {"customerId", "emailAddress", "lastName", "memberSince"} <= made.keys()
    assert (made["emailAddress"]["type"], made["memberSince"]["valueType"]) == ("EMAIL_ADDRESS", "DATE")
    assert made["customerId"]["unique"]
    assert [one["name"] for one in table["subscriptions"]] == ["Newsletter"]
    assert auditor(capsys, "structure", "apply", sha, "--yes").out.count("was there already") == 5


# Diff


def test_diff_finds_what_does_not_fit(
    sandbox: Sandbox, work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each kind of misfit once, counted by hand over four people."""
    truth = {
        "nick": ["x" * 31, "x" * 45, "de", "f"],
        "points": ["12", "twelve", "3", "4"],
        "shop": ["Gent Veldstraat", "Moon", "", ""],
        "tier": ["Gold", "Iron", "Iron", ""],
        "news": ["yes", "no", "", ""],
    }
    extra = (
        column("nickname", "nick")
        + column("loyaltyPoints", "points")
        + column("favouriteShop", "shop")
        + column("segmentations#ClientTier", "tier")
        + column("subscriptions#Newsletters", "news")
        + column("segmentations#Vips", "news")
        + column("shoeSize", "points")
    )
    monkeypatch.chdir(make(work, sandbox, columns=truth, extra=extra))
    contract = work / "expectations" / "Customers" / "contract.toml"
    contract.write_text(contract.read_text("utf-8").replace('[columns.lastName]\ntruth = "name"\n', ""), "utf-8")
    said = auditor(capsys, "structure", "diff", "--json")
    document = json.loads(said.out)
    found = {(item["code"], item["column"]): item["cells"] for item in document["findings"]}
    assert found == {
        ("attribute_missing", "shoeSize"): 0,
        ("subscription_unknown", "subscriptions#Newsletters"): 0,
        ("segmentation_unknown", "segmentations#Vips"): 0,
        ("segment_unknown", "segmentations#ClientTier"): 2,
        ("value_too_long", "nickname"): 2,
        ("value_too_short", "nickname"): 1,
        ("type_too_narrow", "loyaltyPoints"): 1,
        ("value_not_allowed", "favouriteShop"): 1,
        ("mandatory_without_source", "lastName"): 0,
    }
    sentences = " ".join(item["sentence"] for item in document["findings"])
    assert 'did you mean "subscriptions#Newsletter"?' in sentences
    assert "the longest has 45" in sentences
    assert said.code == Exit.FINE
    assert auditor(capsys, "structure", "diff", "--fail-on", "findings").code == Exit.FINDINGS
    shown = auditor(capsys, "structure", "diff")
    narrow(shown.out)
    assert "Customers: 9 findings" in shown.out
    assert "auditor structure propose" in shown.err
    for secret in ("twelve", "Moon", "x" * 31):
        assert secret not in shown.out + shown.err


def test_what_the_older_api_does_not_tell_is_not_checked(
    sandbox: Sandbox, work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nicks = {"nick": ["x" * 45, "abc", "de", "fg"]}
    monkeypatch.chdir(make(work, sandbox, columns=nicks, extra=column("nickname", "nick")))
    assert "nickname" in auditor(capsys, "structure", "diff").out
    settings = work / "auditor.toml"
    settings.write_text(settings.read_text("utf-8").replace("[actito]", '[actito]\ndialect = "v4"'), "utf-8")
    said = auditor(capsys, "structure", "diff", "--json")
    document = json.loads(said.out)
    assert not [item for item in document["findings"] if item["code"] == "value_too_long"]
    [told] = [item for item in document["not_checked"] if item["code"] == "lengths_unread"]
    assert "neither lengths nor allowed values" in told["sentence"]
    assert said.code == Exit.INCOMPLETE

    said = auditor(capsys, "structure", "show")
    narrow(said.out)
    assert "not told: the older API tells neither lengths nor allowed values" in said.out
    shown = json.loads(auditor(capsys, "structure", "show", "--json").out)
    assert shown["not_told"] == ["min_length", "max_length", "allowed"]


def test_what_cannot_be_looked_at_is_named_and_no_pass(
    sandbox: Sandbox, work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(
        make(work, sandbox, columns={"points": ["1", "2", "3", "4"]}, extra=column("loyaltyPoints", "points"))
    )
    [export] = (work / "exports").iterdir()
    lines = [line.split(";") for line in export.read_text("utf-8").splitlines()]
    gone = {lines[0].index("loyaltyPoints"), lines[0].index("note")}
    kept = [";".join(cell for place, cell in enumerate(line) if place not in gone) for line in lines[:1]]
    export.write_text("\n".join(kept) + "\n", "utf-8")
    change_table(sandbox, {"addSubscriptions": [{"name": "Unfed"}]})
    said = auditor(capsys, "structure", "diff", "--json")
    assert said.code == Exit.INCOMPLETE
    unchecked = {(item["code"], item["column"]): item["in_scope"] for item in json.loads(said.out)["not_checked"]}
    assert unchecked["not_in_export", "loyaltyPoints"] is True
    assert unchecked["not_in_export", "note"] is False
    assert unchecked["not_synchronised", "subscriptions#Unfed"] is False
    assert ("not_in_export", "profileId") not in unchecked

    export.unlink()
    write_truth(work, {})
    said = auditor(capsys, "structure", "diff", "--json")
    assert said.code == Exit.INCOMPLETE
    document = json.loads(said.out)
    assert {"truth_unread", "export_unread"} <= {item["code"] for item in document["not_checked"]}


# Doors


def test_who_is_given_the_power_to_write() -> None:
    """`Writer` is named by the two spines that write, and by the stage that one of them hands it to."""
    root = Path(package.__file__).parent
    importers = set()
    for path in root.rglob("*.py"):
        place = path.relative_to(root).as_posix()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("auditor.actito"):
                importers |= {place for alias in node.names if alias.name == "Writer"}
    outside = {place for place in importers if not place.startswith(("actito/", "apply/"))}
    assert outside == {"commands/apply.py", "commands/structure.py"}
