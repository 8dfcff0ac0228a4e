"""What creating and changing a table sends, and what is read of the synchronisations and scenarios behind it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from auditor.actito import (
    V4,
    V5,
    Dialect,
    MaybeSent,
    Reader,
    Refused,
    Scenario,
    Synchronisation,
    Table,
    UnexpectedAnswer,
)
from auditor.actito.writer import Writer
from auditor.errors import SettingsError
from auditor.model import Attribute, AttributeType, Segmentation, Structure
from tests.actito_wire import CUSTOMERS, Wire, ok

TABLES = "/profile-table-structure/v5/entities/acme/profile-tables"
ETLS = "/mass-imports/v5/entities/acme/etls"
SCENARIOS = "/scenarios/v4/entity/acme/table/Customers/scenario"
BOTH = pytest.mark.parametrize("dialect", [V5, V4], ids=["v5", "v4"])

SUPPLIERS = Structure(
    table_id="",
    table="Suppliers",
    attributes=(
        Attribute("profileId", AttributeType.INTEGER, unique=True, mandatory=True),
        Attribute("emailAddress", AttributeType.EMAIL, unique=True, mandatory=True),
        Attribute("supplierNo", unique=True, max_length=12, min_length=3),
        Attribute("since", AttributeType.DATE),
        Attribute("tags", multi_valued=True, allowed=("new", "key")),
        Attribute("desk", AttributeType.PHONE),
    ),
    subscriptions=("Tenders",),
    segmentations=(Segmentation("Local"), Segmentation("Grade", exclusive=True, mandatory=True, segments=("A", "B"))),
)


def _body(wire: Wire) -> Any:
    return json.loads(wire.requests[-1].content)


@BOTH
def test_a_table_is_created_as_v5_describes_tables(dialect: Dialect) -> None:
    wire = Wire()
    wire.on("POST", TABLES, ok({"id": "17", "name": "Suppliers"}, 201))
    assert Writer(wire.connect(dialect)).create_table(SUPPLIERS) == Table("17", "Suppliers")
    custom = {"type": "CUSTOM", "unique": False, "mandatory": False, "multiValued": False}
    assert _body(wire) == {
        "name": "Suppliers",
        "attributes": [
            {"type": "EMAIL_ADDRESS", "name": "emailAddress", "unique": True, "mandatory": True},
            {
                **custom,
                "name": "supplierNo",
                "unique": True,
                "valueType": "STRING",
                "valueRestriction": {"maxLength": 12, "minLength": 3},
            },
            {**custom, "name": "since", "valueType": "DATE"},
            {
                **custom,
                "name": "tags",
                "valueType": "STRING",
                "multiValued": True,
                "valueRestriction": {"allowedValues": ["new", "key"]},
            },
            {**custom, "name": "desk", "valueType": "STRING"},
        ],
        "subscriptions": [{"name": "Tenders"}],
        "segmentations": [
            {"name": "Local", "type": "SIMPLE"},
            {"name": "Grade", "type": "EXCLUSIVE", "mandatory": True, "segments": ["A", "B"]},
        ],
    }


@pytest.mark.parametrize(
    "answer",
    [
        ok({"id": 17}),
        ok({"profileTableId": "17"}, 201),
        httpx.Response(201, headers={"Location": f"https://api3.actito.test{TABLES}/17"}),
    ],
)
def test_the_id_of_a_new_table_is_read_wherever_it_stands(answer: httpx.Response) -> None:
    wire = Wire()
    wire.on("POST", TABLES, answer)
    assert Writer(wire.connect()).create_table(SUPPLIERS).id == "17"


@pytest.mark.parametrize("answer", [ok({}), httpx.Response(204), httpx.ReadTimeout("")], ids=str)
def test_a_table_without_an_id_may_have_been_created(answer: httpx.Response | Exception) -> None:
    wire = Wire()
    wire.on("POST", TABLES, answer)
    with pytest.raises(MaybeSent):
        Writer(wire.connect()).create_table(SUPPLIERS)
    assert len(wire.calls) == 1


@pytest.mark.parametrize(
    "table",
    [
        Structure("", "Our suppliers", ()),
        Structure("", "Fournisseurs%", ()),
        Structure("", "Suppliers", (Attribute("x" * 51),)),
        Structure("", "Suppliers", (Attribute("first name"),)),
    ],
)
def test_names_that_actito_cannot_have_are_refused_before_anything_is_sent(table: Structure) -> None:
    wire = Wire()
    with pytest.raises(SettingsError):
        Writer(wire.connect()).create_table(table)
    assert not wire.requests


@BOTH
def test_a_change_request_holds_everything_that_is_added(dialect: Dialect) -> None:
    wire = Wire()
    wire.on("POST", f"{TABLES}/16/change-requests", httpx.Response(202))
    Writer(wire.connect(dialect)).change_table(
        CUSTOMERS,
        attributes=[Attribute("shoeSize", AttributeType.NUMERIC), Attribute("gsmNumber", AttributeType.PHONE)],
        subscriptions=["Events"],
        segments={"ClientTier": ["Bronze"]},
        segmentations=[Segmentation("Lapsed")],
    )
    assert _body(wire) == {
        "addAttributes": [
            {
                "type": "CUSTOM",
                "name": "shoeSize",
                "unique": False,
                "mandatory": False,
                "valueType": "NUMERIC",
                "multiValued": False,
            },
            {"type": "GSM_NUMBER", "name": "gsmNumber", "unique": False, "mandatory": False},
        ],
        "addSubscriptions": [{"name": "Events"}],
        "addSegments": [{"segmentation": "ClientTier", "segments": ["Bronze"]}],
        "addSegmentations": [{"name": "Lapsed", "type": "SIMPLE"}],
    }


def test_only_what_is_added_is_sent_and_nothing_for_nothing() -> None:
    wire = Wire()
    wire.on("POST", f"{TABLES}/16/change-requests", ok({"id": 1}, 201))
    writer = Writer(wire.connect())
    writer.change_table(CUSTOMERS)
    assert not wire.requests
    writer.change_table(CUSTOMERS, subscriptions=["Events"])
    assert _body(wire) == {"addSubscriptions": [{"name": "Events"}]}


@pytest.mark.parametrize(
    "added",
    [
        {"attributes": [Attribute("note")]},
        {"attributes": [Attribute("size"), Attribute("size")]},
        {"attributes": [Attribute("updateMoment")]},
        {"attributes": [Attribute("shoe size")]},
        {"subscriptions": ["Newsletter"]},
        {"segmentations": [Segmentation("Vip")]},
        {"segments": {"ClientTier": ["Gold"]}},
        {"segments": {"ClientTier": []}},
        {"segments": {"Vip": ["Gold"]}},
        {"segments": {"Nowhere": ["Gold"]}},
    ],
)
def test_what_the_table_has_already_is_refused_before_anything_is_sent(added: dict[str, Any]) -> None:
    wire = Wire()
    with pytest.raises(SettingsError):
        Writer(wire.connect()).change_table(CUSTOMERS, **added)
    assert not wire.requests


def test_a_change_that_the_platform_refuses_names_the_field() -> None:
    wire = Wire()
    refusal = {"status": 400, "errors": [{"field": "shoeSize", "code": "INVALID_VALUE"}]}
    wire.on("POST", f"{TABLES}/16/change-requests", ok(refusal, 400))
    with pytest.raises(Refused) as caught:
        Writer(wire.connect()).change_table(CUSTOMERS, attributes=[Attribute("shoeSize")])
    assert caught.value.fields == (("shoeSize", "INVALID_VALUE"),)


# Synchronisations

MAPPED = [
    {"headerColumn": "no", "attributeName": "customerId"},
    {"headerColumn": "nl", "attributeName": "subscriptions#Newsletter"},
]
MAP = {"no": "customerId", "nl": "subscriptions#Newsletter"}
LOADING = {
    "destination": {"type": "PROFILE_TABLE", "id": "16"},
    "mode": "CREATE_UPDATE",
    "attributesMapping": MAPPED,
}
CRM = {"id": "5", "name": "crm-profiles", "active": True, "dataLoadings": [LOADING]}
ELSEWHERE = {
    "id": "6",
    "name": "orders",
    "dataLoadings": [{**LOADING, "destination": {"type": "CUSTOM_TABLE", "id": "16"}}],
}
NIGHTLY = Synchronisation("5", "crm-profiles", active=True, columns=("customerId", "subscriptions#Newsletter"))


@BOTH
@pytest.mark.parametrize(
    "content",
    [
        {"etls": [CRM, ELSEWHERE]},
        [CRM, ELSEWHERE],
        [{**CRM, "id": 5}],
        [{**CRM, "active": None, "status": "ACTIVE"}],
        [{**CRM, "dataLoadings": [{**LOADING, "destination": {"tableType": "PROFILE_TABLE", "name": "Customers"}}]}],
        [{**CRM, "dataLoadings": [{**LOADING, "destination": 16}]}],
        [{**CRM, "dataLoadings": [{**LOADING, "attributesMapping": MAP}]}],
        [{**CRM, "dataLoadings": None, **LOADING}],
        [CRM, {**CRM, "id": "7", "dataLoadings": [{**LOADING, "destination": {"id": "99"}}]}],
    ],
)
def test_the_synchronisations_of_a_table(content: object, dialect: Dialect) -> None:
    wire = Wire()
    wire.on("GET", ETLS, ok(content))
    assert Reader(wire.connect(dialect)).synchronisations(CUSTOMERS) == [NIGHTLY]


def test_a_list_of_mere_names_is_followed_up() -> None:
    wire = Wire()
    wire.on("GET", ETLS, ok({"etls": [{"id": "5", "name": "crm-profiles"}]}))
    wire.on("GET", f"{ETLS}/5", ok(CRM))
    assert Reader(wire.connect()).synchronisations(CUSTOMERS) == [NIGHTLY]


def test_what_actito_does_not_say_about_a_synchronisation_is_not_known() -> None:
    bare = {"id": "5", "name": "crm-profiles", "dataLoadings": [{"destination": {"id": "16"}}]}
    wire = Wire()
    wire.on("GET", ETLS, ok([bare]))
    known = Synchronisation("5", "crm-profiles", active=None, columns=None)
    assert Reader(wire.connect()).synchronisations(CUSTOMERS) == [known]


def test_a_definition_without_a_destination_is_not_understood() -> None:
    """It might write into this very table: saying nothing would be a pass."""
    wire = Wire()
    wire.on("GET", ETLS, ok([{"id": "5", "name": "crm-profiles"}]))
    wire.on("GET", f"{ETLS}/5", ok({"id": "5", "name": "crm-profiles"}))
    with pytest.raises(UnexpectedAnswer, match="dataLoadings"):
        Reader(wire.connect()).synchronisations(CUSTOMERS)


def test_v4_does_not_know_ids_so_v5_is_asked_for_the_one_of_the_table() -> None:
    """Otherwise a definition that names the table by its id would be taken for another table's."""
    wire = Wire()
    wire.on("GET", ETLS, ok([CRM]))
    wire.on("GET", TABLES, ok([{"id": "3", "name": "Prospects"}, {"id": "16", "name": "Customers"}]))
    wire.on("POST", f"{TABLES}/16/change-requests", httpx.Response(204))
    nameless = replace(CUSTOMERS, table_id="Customers")
    assert Reader(wire.connect(V4)).synchronisations(nameless) == [NIGHTLY]
    Writer(wire.connect(V4)).change_table(nameless, subscriptions=["Events"])
    assert wire.calls[-1] == ("POST", f"{TABLES}/16/change-requests")


# Scenarios

WELCOME = Scenario("3", "Welcome", active=True)


@BOTH
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"scenarios": [{"id": "3", "name": "Welcome", "active": True}]}, WELCOME),
        ([{"id": 3, "name": "Welcome", "isActive": "true"}], WELCOME),
        ([{"id": 3, "name": "Welcome", "status": "STARTED"}], WELCOME),
        ([{"id": 3, "name": "Welcome", "state": "stopped"}], Scenario("3", "Welcome", active=False)),
        ([{"id": 3, "name": "Welcome", "state": "SOMETHING"}], Scenario("3", "Welcome", active=None)),
        ([{"name": "Welcome"}], Scenario("Welcome", "Welcome", active=None)),
        (["Welcome"], Scenario("Welcome", "Welcome", active=None)),
    ],
)
def test_the_scenarios_of_a_table(content: object, expected: Scenario, dialect: Dialect) -> None:
    wire = Wire()
    wire.on("GET", SCENARIOS, ok(content))
    assert Reader(wire.connect(dialect)).scenarios(CUSTOMERS) == [expected]


def test_scenarios_of_another_form_are_named_by_what_they_lack() -> None:
    wire = Wire()
    wire.on("GET", SCENARIOS, ok({"scenarios": [{"id": 3}]}))
    with pytest.raises(UnexpectedAnswer, match="no usable name"):
        Reader(wire.connect()).scenarios(CUSTOMERS)
