"""What changed in a structure, what it means, and that a run says so by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from auditor.errors import Exit
from auditor.findings.codes import Code
from auditor.model import Attribute, AttributeType, Segmentation, Structure
from auditor.structure.changes import Change, Reliance, changes, meaning
from tests.audits import in_words
from tests.driven_sandbox import Sandbox
from tests.small_folder import auditor
from tests.structure_folder import change_table, column, make

NAME = Attribute("lastName", max_length=30)
SHOE = Attribute("shoeSize", AttributeType.INTEGER)
SHOP = Attribute("shop", allowed=("Gent", "Luik"))
TIER = Segmentation("Tier", exclusive=True, segments=("Gold", "Silver"))
VIP = Segmentation("Vip")
BEFORE = Structure(
    "16", "Customers", (Attribute("customerId", unique=True), NAME, SHOE, SHOP), ("News", "Events"), (TIER, VIP)
)


def with_attribute(was: Attribute, **new: Any) -> Structure:
    return replace(BEFORE, attributes=tuple(replace(one, **new) if one == was else one for one in BEFORE.attributes))


def without_attribute(gone: Attribute) -> Structure:
    return replace(BEFORE, attributes=tuple(one for one in BEFORE.attributes if one != gone))


def with_tier(**new: Any) -> Structure:
    return replace(BEFORE, segmentations=(replace(TIER, **new), VIP))


CHANGES: list[tuple[Structure, str, str, bool]] = [
    (replace(BEFORE, table_id="17"), "table_replaced", "", True),
    (replace(BEFORE, attributes=(*BEFORE.attributes, Attribute("new"))), "attribute_added", "new", False),
    (
        replace(BEFORE, attributes=(*BEFORE.attributes, Attribute("new", mandatory=True))),
        "attribute_added", "new", True,
    ),
    (without_attribute(SHOE), "attribute_gone", "shoeSize", True),
    (with_attribute(SHOE, type=AttributeType.LONG), "type_changed", "shoeSize", True),
    (with_attribute(NAME, max_length=20), "length_changed", "lastName", True),
    (with_attribute(NAME, max_length=40), "length_changed", "lastName", False),
    (with_attribute(NAME, max_length=None), "length_changed", "lastName", False),
    (with_attribute(NAME, min_length=2), "length_changed", "lastName", True),
    (with_attribute(SHOE, max_length=9), "length_changed", "shoeSize", True),
    (with_attribute(SHOP, allowed=("Gent",)), "allowed_values_changed", "shop", True),
    (with_attribute(SHOP, allowed=("Gent", "Luik", "Brugge")), "allowed_values_changed", "shop", False),
    (with_attribute(SHOP, allowed=()), "allowed_values_changed", "shop", False),
    (with_attribute(NAME, allowed=("A",)), "allowed_values_changed", "lastName", True),
    (with_attribute(NAME, mandatory=True), "mandatory_changed", "lastName", True),
    (with_attribute(NAME, unique=True), "unique_changed", "lastName", True),
    (with_attribute(NAME, multi_valued=True), "multi_valued_changed", "lastName", False),
    (replace(BEFORE, subscriptions=("News", "Events", "Fax")), "subscription_added", "subscriptions#Fax", False),
    (replace(BEFORE, subscriptions=("Events",)), "subscription_gone", "subscriptions#News", True),
    (
        replace(BEFORE, segmentations=(TIER, VIP, Segmentation("Club"))),
        "segmentation_added", "segmentations#Club", False,
    ),
    (replace(BEFORE, segmentations=(TIER,)), "segmentation_gone", "segmentations#Vip", True),
    (with_tier(mandatory=True), "segmentation_changed", "segmentations#Tier", True),
    (with_tier(segments=("Gold", "Silver", "Iron")), "segments_changed", "segmentations#Tier", False),
    (with_tier(segments=("Gold",)), "segments_changed", "segmentations#Tier", True),
]  # fmt: skip
"""Each kind of change once: the structure after it, its code and column, and whether less is accepted than before."""

NAMES = [f"{code}-{narrower}" for _, code, _, narrower in CHANGES]


@pytest.mark.parametrize(("after", "code", "column", "narrower"), CHANGES, ids=NAMES)
def test_each_change_is_found_and_nothing_else(after: Structure, code: str, column: str, narrower: bool) -> None:
    [found] = changes(BEFORE, after)
    assert (found.code, found.column, found.narrower) == (code, column, narrower)
    assert (column.rpartition("#")[2] or "17") in in_words(found.notice)


@pytest.mark.parametrize("after", [one[0] for one in CHANGES], ids=NAMES)
def test_the_way_back_is_a_change_of_the_same_place(after: Structure) -> None:
    [there], [back] = changes(BEFORE, after), changes(after, BEFORE)
    assert there.column == back.column
    opposite = {"added": "gone", "gone": "added"}
    kind, _, what = there.code.rpartition("_")
    assert back.code == f"{kind}_{opposite.get(what, what)}"


def test_what_is_the_same_or_merely_not_known_is_no_change() -> None:
    assert changes(BEFORE, replace(BEFORE)) == ()
    assert changes(BEFORE, replace(BEFORE, attributes=BEFORE.attributes[::-1])) == (), "order says nothing"


def test_what_the_older_api_leaves_out_did_not_change() -> None:
    """It knows a table by its name alone, and tells no lengths, no allowed values and fewer types."""
    bare = tuple(Attribute(one.name, unique=one.unique) for one in BEFORE.attributes)
    older = replace(BEFORE, table_id="Customers", attributes=bare, subscriptions=("News", "Fax"))
    for there, back in ((BEFORE, older), (older, BEFORE)):
        assert {(one.code, one.column) for one in changes(there, back)} == {
            ("api_changed", ""),
            ("subscription_gone", "subscriptions#Events" if back is older else "subscriptions#Fax"),
            ("subscription_added", "subscriptions#Fax" if back is older else "subscriptions#Events"),
        }
    [said] = meaning(changes(BEFORE, older)[0], FEEDS)
    assert "less is checked" in in_words(said)
    assert changes(older, replace(older)) == ()


FEEDS = Reliance(
    mapped={"customerId": "id", "lastName": "name", "subscriptions#News": "news"},
    key=("customerId",),
    synchronisations={"nightly": ("customerId", "lastName"), "forms": ("customerId",)},
)


@pytest.mark.parametrize(
    ("change", "reliance", "expected"),
    [
        (Change(Code.TABLE_REPLACED, ""), FEEDS, ["agreed and written before does not hold"]),
        (Change(Code.ATTRIBUTE_GONE, "lastName", narrower=True), FEEDS,
         ["no audit is possible until [columns.lastName]", '"nightly" fills it and will fail']),
        (Change(Code.SUBSCRIPTION_GONE, "subscriptions#News", narrower=True), FEEDS,
         ['no audit is possible until [columns."subscriptions#News"]']),
        (Change(Code.ATTRIBUTE_ADDED, "shoe"), FEEDS, ["it is not compared", "no synchronisation fills it"]),
        (Change(Code.ATTRIBUTE_ADDED, "shoe", narrower=True), FEEDS,
         ["Actito refuses every creation without it", '"nightly" does not fill it', '"forms" does not fill it']),
        (Change(Code.ATTRIBUTE_ADDED, "lastName", narrower=False), FEEDS,
         ['feeds it from "name"', '"nightly" fills it and goes on']),
        (Change(Code.LENGTH_CHANGED, "lastName", narrower=True), FEEDS,
         ["still fits", "may be invalid values from this run on", '"nightly" fills it: rows that do not fit']),
        (Change(Code.LENGTH_CHANGED, "lastName", narrower=False), FEEDS,
         ["still fits", "may be fine from this run on", '"nightly" fills it and goes on']),
        (Change(Code.TYPE_CHANGED, "lastName", narrower=True), FEEDS,
         ["what was agreed by another rule is no base", "may be invalid", '"nightly" fills it']),
        (Change(Code.TYPE_CHANGED, "lastName", narrower=True), replace(FEEDS, own_rule=["lastName"]),
         ["still fits", "may be invalid", '"nightly" fills it']),
        (Change(Code.MANDATORY_CHANGED, "lastName", narrower=True), FEEDS,
         ['only where "name" is filled', "may be invalid", '"nightly" fills it']),
        (Change(Code.UNIQUE_CHANGED, "customerId", narrower=False), FEEDS,
         ["an audit needs a key that is unique", "may be fine", '"nightly"', '"forms"']),
        (Change(Code.LENGTH_CHANGED, "shoe", narrower=True), FEEDS, ["the audit is not concerned"]),
        (Change(Code.LENGTH_CHANGED, "lastName", narrower=True), replace(FEEDS, synchronisations=None),
         ["still fits", "may be invalid", "could not be read"]),
        (Change(Code.ATTRIBUTE_ADDED, "shoe"), replace(FEEDS, synchronisations={"nightly": None}),
         ["it is not compared", '"nightly" does not say whether it fills it']),
    ],
)  # fmt: skip
def test_what_a_change_means_is_said_for_contract_suite_and_each_synchronisation(
    change: Change, reliance: Reliance, expected: list[str]
) -> None:
    said = [in_words(notice) for notice in meaning(change, reliance)]
    assert len(said) == len(expected), said
    for sentence, part in zip(said, expected, strict=True):
        assert part in sentence


# A run notices by itself


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("licence") / "sandbox", profiles=20, limits="extended") as sandbox:
        yield sandbox


def changes_in(document: dict[str, Any]) -> list[str]:
    """The notices of a run, less the one that so small a table has in every run."""
    return [notice for notice in document["notices"] if "sudden jumps were not looked for" not in notice]


def test_a_run_says_what_changed_since_the_last_and_the_next_says_nothing(
    running: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    running.reset(profiles=20)
    monkeypatch.chdir(make(tmp_path / "work", running))
    first = json.loads(auditor(capsys, "run", "--json").out)
    assert changes_in(first) == []

    new = {"addAttributes": [{"name": "shoeSize", "valueType": "INTEGER"}], "addSubscriptions": [{"name": "Fax"}]}
    change_table(running, new)
    said = auditor(capsys, "run")
    shown = " ".join(said.out.split())
    assert f'note: Since the run {first["run"]}: The attribute "shoeSize" is new' in shown
    assert 'The subscription "Fax" is new' in shown
    assert shown.count("The contract does not map it: it is not compared.") == 2
    newest = max(Path("runs").glob("*/run.json"))
    stored = [notice["code"] for notice in json.loads(newest.read_text())["notices"]]
    assert len([code for code in stored if code != Code.NO_JUMPS_SOUGHT]) == 2
    assert "The attribute &#34;shoeSize&#34; is new" in (newest.parent / "report.html").read_text()

    assert changes_in(json.loads(auditor(capsys, "run", "--json").out)) == []


@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_a_run_says_where_nobody_can_tell_what_changed(
    damage: str,
    running: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    running.reset(profiles=20)
    monkeypatch.chdir(make(tmp_path / "work", running))
    first = json.loads(auditor(capsys, "run", "--json").out)["run"]
    structure = Path("runs", first, "structure.json")
    if damage == "gone":
        structure.unlink()
    else:
        structure.write_text(structure.read_text()[:-20])
    lost = f"{first}/structure.json is missing or damaged and was left aside: what changed"
    [unread] = json.loads(auditor(capsys, "structure", "diff", "--json").out)["not_checked"]
    assert unread["code"] == "last_run_unread"
    assert lost in unread["sentence"]
    [said] = changes_in(json.loads(auditor(capsys, "run", "--json").out))
    assert said.startswith(lost)


def test_a_column_that_went_away_is_named_when_the_contract_needs_it(
    running: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody can take an attribute away through the API, so the last run is made to have seen one more."""
    running.reset(profiles=20)
    monkeypatch.chdir(make(tmp_path / "work", running))
    assert auditor(capsys, "run").code != Exit.BUG
    [last] = Path("runs").glob("*/structure.json")
    seen = json.loads(last.read_text())
    seen["attributes"].append({**seen["attributes"][0], "name": "shoeSize", "unique": False, "mandatory": False})
    last.write_text(json.dumps(seen))
    contract = Path("expectations/Customers/contract.toml")
    contract.write_text(contract.read_text() + column("shoeSize", "name"))
    said = auditor(capsys, "run")
    assert said.code == Exit.SETTINGS
    told = " ".join(said.err.split())
    assert 'The attribute "shoeSize" is gone. The contract maps it: no audit is possible' in told
    assert len(list(Path("runs").glob("*/run.json"))) == 1
