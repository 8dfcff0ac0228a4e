"""Whatever plausible form an answer has, the same comes out of it; any other is an error that names the missing part,
and never what the answer holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
import pytest
import stamina
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.actito import Execution, ExecutionState, Reader, Table, UnexpectedAnswer, definitions, forms, sections
from auditor.actito.answers import Answer, Unfit
from auditor.actito.definitions import changed_body
from auditor.actito.results import Definition, Loading
from tests.actito_wire import CUSTOMERS, PROFILE, Wire, ok

TRUE = (True, "true", "TRUE", 1, "1", "Y", "yes", "T")
FALSE = (False, "false", "FALSE", 0, "0", "N", "no", "F")
SOME = settings(max_examples=80, deadline=None)
SECRET = "jan.peeters@example.be"


@pytest.fixture(autouse=True, scope="module")
def asked_once() -> Iterator[None]:
    with stamina.set_testing(True, attempts=1):
        yield


# Plausible forms of one profile


def test_what_a_structure_tells_of_layout_is_passed_over() -> None:
    """Since 2025-08 it may; wherever it stands, what we know of is read as before."""
    layout = {"sections": [{"name": "Identity", "attributes": ["customerId"]}], "version": 2}
    attribute = {"name": "customerId", "type": "STRING", "unique": True}
    bare = {"id": "16", "name": "Customers", "attributes": [attribute], "subscriptions": [{"name": "News"}]}
    with_layout = bare | {
        "layout": layout,
        "attributes": [attribute | {"layout": {"section": "Identity", "order": 1}}],
        "subscriptions": [{"name": "News", "layout": layout}],
    }
    table = Table("16", "Customers")
    assert forms.structure(with_layout, table) == forms.structure(bare, table)


values = st.fixed_dictionaries(
    {
        "profileId": st.integers(1, 10**9).map(str),
        "customerId": st.none() | st.text(min_size=1, max_size=8),
        "emailAddress": st.just(SECRET),
        "lastName": st.text(min_size=1, max_size=8),
        "note": st.none() | st.text(min_size=1, max_size=8),
        "interests": st.none() | st.sampled_from(["music", "music,sport"]),
        "subscriptions#Newsletter": st.sampled_from(["true", "false"]),
        "subscriptions#Promotions": st.sampled_from(["true", "false"]),
        "segmentations#Vip": st.sampled_from(["true", "false"]),
        "segmentations#ClientTier": st.sampled_from([None, "Gold", "Silver"]),
    }
)


def word(draw: st.DrawFn, text: str | None) -> object:
    return draw(st.sampled_from(TRUE if text == "true" else FALSE))


@st.composite
def spelt(draw: st.DrawFn) -> tuple[Mapping[str, str | None], dict[str, Any]]:
    """A profile and an answer that says it, in any of the plausible forms."""
    held = draw(values)
    attributes: dict[str, object] = {}
    for name in (attribute.name for attribute in CUSTOMERS.attributes):
        text = held[name]
        if text is None and draw(st.booleans()):
            continue
        split = name == "interests" and text is not None and draw(st.booleans())
        number = name == "profileId" and draw(st.booleans())
        attributes[name] = text.split(",") if split and text else int(str(text)) if number else text
    beside: dict[str, object] = {}
    if draw(st.booleans()):
        beside[draw(st.sampled_from(["profileId", "id"]))] = attributes.pop("profileId")
    listed = [{"name": name, "value": value} for name, value in draw(st.permutations(list(attributes.items())))]
    answer: dict[str, Any] = {"attributes": draw(st.sampled_from([attributes, listed])), "new": SECRET, **beside}
    answer["subscriptions"] = draw(subscriptions(held))
    answer["segmentations"] = draw(segmentations(held))
    return held, answer


@st.composite
def subscriptions(draw: st.DrawFn, held: Mapping[str, str | None]) -> object:
    states = {name: held[f"subscriptions#{name}"] for name in CUSTOMERS.subscriptions}
    form = draw(st.sampled_from(["listed", "by name", "those on", "names"]))
    on = [name for name, state in states.items() if state == "true"]
    if form == "names":
        return on
    if form == "by name":
        return {name: word(draw, state) for name, state in states.items()}
    naming = draw(st.sampled_from(["name", "subscriptionName", "id"]))
    holding = draw(st.sampled_from(["subscribe", "subscription", "subscribed"]))
    told = on if form == "those on" else list(states)
    return [{naming: name, holding: word(draw, states[name])} for name in told]


@st.composite
def segmentations(draw: st.DrawFn, held: Mapping[str, str | None]) -> object:
    vip, tier = held["segmentations#Vip"], held["segmentations#ClientTier"]
    form = draw(st.sampled_from(["belongs", "plain", "by name"]))
    if form == "by name":
        return {"Vip": word(draw, vip), "ClientTier": tier}
    items: list[dict[str, object]] = [{"category": "ClientTier", "name": tier}] if tier else []
    items += [{"name": "Vip"}] if vip == "true" else []
    if form == "plain":
        return items
    told = [{"belongs": word(draw, "true"), "segmentation": item} for item in items]
    left = [{"belongs": word(draw, "false"), "segmentation": {"name": "Vip"}}] if vip == "false" else []
    return told + (left if draw(st.booleans()) else [])


@SOME
@given(spelt())
def test_every_plausible_spelling_of_a_profile_says_the_same(case: tuple[Mapping[str, str | None], Any]) -> None:
    held, answer = case
    read = forms.profile(json.loads(json.dumps(answer)), CUSTOMERS)
    assert (read.profile_id, dict(read.values)) == (held["profileId"], held)
    apart = {name: answer.pop(name) for name in ("subscriptions", "segmentations")}
    assert sections.sections_missing(answer, CUSTOMERS) == ("subscriptions", "segmentations")
    assert dict(forms.profile(answer, CUSTOMERS, held["profileId"], apart).values) == held


@SOME
@given(spelt(), st.data())
def test_a_profile_with_a_part_of_no_known_form_is_refused_by_that_part(
    case: tuple[Mapping[str, str | None], Any], data: st.DataObject
) -> None:
    """Each case breaks one part; the error names it, and nothing that the answer holds."""
    _, answer = case
    part = data.draw(st.sampled_from(["attributes", "subscriptions", "segmentations"]))
    wrong: dict[str, list[object]] = {
        "attributes": [None, SECRET, 7, [SECRET], [{"value": SECRET}], [{"name": "note", "value": {"x": SECRET}}]],
        "subscriptions": [
            *(None, SECRET, 7, {SECRET: SECRET}, [[SECRET]]),
            *([one] for one in ({"subscribe": True}, {"id": 12, "subscribe": True}, {"name": "Newsletter"})),
            [{"name": "Newsletter", "subscribe": SECRET}],
        ],
        "segmentations": [None, SECRET, 7, [{"belongs": True}], [{"belongs": SECRET}], {"Vip": SECRET}, {SECRET: [{}]}],
    }
    answer[part] = data.draw(st.sampled_from(wrong[part]))
    with pytest.raises(Unfit) as caught:
        forms.profile(answer, CUSTOMERS)
    assert part in str(caught.value)
    assert SECRET not in str(caught.value)
    assert "peeters" not in str(caught.value)


# Any JSON at all

names = st.sampled_from(
    [
        *("id", "name", "value", "type", "active", "status", "state", "mode", "count", "profileId", "executionId"),
        *("attributes", "subscriptions", "subscription", "segmentations", "segmentation", "belongs", "category"),
        *("subscribe", "entities", "profiles", "profileTables", "profileTableNames", "scenarios", "etls", "results"),
        *("dataLoadings", "destination", "attributesMapping", "headerColumn", "attributeName", "rowsInError"),
        *("withErrors", "valueRestriction", "allowedValues", "segments", "mandatory", "unique", "definition"),
    ]
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from([SECRET, "true", "7", "SUCCESS", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5),
    max_leaves=12,
)
BEGUN = Execution("7", ExecutionState.DONE)
FORMS: dict[str, Callable[[object], object]] = {
    "entities": forms.entities,
    "tables": forms.tables,
    "structure": lambda content: forms.structure(content, Table("16", "Customers")),
    "scenarios": forms.scenarios,
    "definitions": definitions.definitions,
    "definition": lambda content: definitions.definition(content, "7"),
    "changed_body": lambda content: changed_body(content, Definition("7", "n", False, (Loading("16", "", {}),))),
    "count": forms.count,
    "total": lambda content: forms.total(content, {}),
    "parts_missing": lambda content: sections.parts_missing(content, CUSTOMERS),
    "profile": lambda content: forms.profile(content, CUSTOMERS),
    "page": forms.page,
    "found": lambda content: forms.found(content, "emailAddress", "x"),
    "created_id": lambda content: forms.created_id(content, "profileId", "id"),
    "execution": lambda content: forms.execution(content, "7"),
    "with_counters": lambda content: forms.with_counters(content, BEGUN),
}


@pytest.mark.parametrize("form", FORMS)
@SOME
@given(content=anything)
def test_any_json_is_understood_or_refused_without_its_content(form: str, content: object) -> None:
    said = _complaint(lambda: Answer("something", 200, json.dumps(content).encode(), {}).read_as(FORMS[form]))
    assert said is None or "there is no usable" in said
    assert SECRET not in (said or "")


def _complaint(ask: Callable[[], object]) -> str | None:
    """All that can be read of the error; None where there is none."""
    try:
        ask()
    except UnexpectedAnswer as error:
        return f"{error} {error.hint} {error!r} {error.__cause__!r} {error.__context__!r}"
    return None


@SOME
@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_what_is_no_json_is_refused(body: bytes) -> None:
    wire = Wire()
    wire.on("GET", f"{PROFILE}/7", httpx.Response(200, content=body))
    with pytest.raises(UnexpectedAnswer) as caught:
        Reader(wire.connect()).profile(CUSTOMERS, "7")
    assert "cannot be understood" in str(caught.value)


# Stored definitions


@pytest.mark.parametrize("place", ["dataLoadings", "loadings", "dataLoading"])
@pytest.mark.parametrize("mapping", ["attributesMapping", "mapping"])
@pytest.mark.parametrize("listed", [None, ("headerColumn", "attributeName"), ("header", "attribute")])
@pytest.mark.parametrize("inner", [True, False])
def test_a_changed_definition_keeps_its_form_and_everything_else(
    place: str, mapping: str, listed: tuple[str, str] | None, inner: bool
) -> None:
    pairs: object = {"no": "customerId", "old": "note"}
    if listed:
        header, column = listed
        pairs = [{header: "no", column: "customerId", "transformation": "TRIM"}, {header: "old", column: "note"}]
    custom = {"destination": {"type": "CUSTOM_TABLE", "id": "9"}, mapping: "left alone"}
    stored: dict[str, Any] = {
        "name": "nightly",
        "active": True,
        "schedule": {"at": "02:00"},
        place: [custom, {"destination": {"type": "PROFILE_TABLE", "id": 16}, "mode": "CREATE_UPDATE", mapping: pairs}],
    }
    whole = {"id": 501, "definition": stored} if inner else {"id": 501, **stored}
    wanted = Definition("501", "hourly", False, (Loading("16", "", {"no": "customerId", "new": "note", "b": "badge"}),))
    body: Any = changed_body(whole, wanted)
    assert definitions.definition(body, "501") == Definition(
        "501", "hourly", False, (Loading("16", "CREATE_UPDATE", {"no": "customerId", "new": "note", "b": "badge"}),)
    )
    changed = body["definition"] if inner else body
    assert (changed["schedule"], changed[place][0]) == ({"at": "02:00"}, custom)
    if listed:
        assert changed[place][1][mapping] == [
            {header: "no", column: "customerId", "transformation": "TRIM"},
            {header: "new", column: "note"},
            {header: "b", column: "badge"},
        ]
    assert body["id"] == 501


def test_a_definition_of_other_tables_is_not_changed() -> None:
    stored = {"name": "n", "dataLoadings": [{"destination": {"type": "PROFILE_TABLE", "id": "17"}, "mode": "X"}]}
    with pytest.raises(Unfit, match="same tables"):
        changed_body(stored, Definition("501", "n", None, (Loading("16", "", {}),)))


def test_a_definition_without_a_place_for_its_state_is_not_changed() -> None:
    stored = {"name": "n", "status": "SCHEDULED", "profileTableId": "16", "attributesMapping": {"no": "customerId"}}
    (loading,) = definitions.definition(stored, "501").loadings
    with pytest.raises(Unfit, match="active"):
        changed_body(stored, Definition("501", "n", False, (loading,)))
    assert changed_body(stored, Definition("501", "m", True, (loading,))) == {**stored, "name": "m"}


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("active", True, False),
        ("enabled", False, True),
        ("status", "ACTIVE", "INACTIVE"),
        ("state", "DISABLED", "ENABLED"),
    ],
)
def test_a_definition_is_switched_in_the_words_that_it_has(name: str, before: object, after: object) -> None:
    stored = {"name": "n", name: before, "profileTableId": "16", "attributesMapping": {"no": "customerId"}}
    read = definitions.definition(stored, "501")
    assert read.active is (before in (True, "ACTIVE"))
    assert changed_body(stored, Definition("501", "n", not read.active, read.loadings)) == {**stored, name: after}


def test_pages_end_where_nobody_new_comes() -> None:
    """A platform that does not know pages answers the same profiles for each; one that counts them from 1 does once."""
    wire = Wire()
    page = [{"profileId": n, "attributes": {}, "subscriptions": [], "segmentations": []} for n in range(1, 101)]
    wire.on("GET", PROFILE, ok({"profiles": page}))
    found = [profile.profile_id for profile in Reader(wire.connect()).profiles(CUSTOMERS, 1000)]
    assert found == [str(n) for n in range(1, 101)]
    assert len(wire.calls) == 3
