"""Every form an answer may have, seen or plausible, becomes the same result; any other names what is missing."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace

import httpx
import pytest

from auditor.actito import (
    V4,
    V5,
    Dialect,
    Execution,
    ExecutionState,
    NotFound,
    Profile,
    Reader,
    Refused,
    RefusedRow,
    Table,
    UnexpectedAnswer,
)
from auditor.model import Attribute, AttributeType, Segmentation, Structure
from tests.actito_wire import CUSTOMERS, PROFILE, PROFILE_V4, Wire, ok

pytestmark = pytest.mark.usefixtures("no_pauses")

TABLES = "/profile-table-structure/v5/entities/acme/profile-tables"
TABLES_V4 = "/profile-table-structure/v4/entity/acme/table"
BOTH = pytest.mark.parametrize(("dialect", "place"), [(V5, PROFILE), (V4, PROFILE_V4)], ids=["v5", "v4"])
EXECUTION = "/mass-imports/v5/entities/acme/etl-executions/123654987"


# Entities and tables


@pytest.mark.parametrize("content", [{"entities": [{"id": 1, "name": "acme", "new": []}]}, [{"name": "acme"}]])
def test_entities(content: object) -> None:
    wire = Wire()
    wire.on("GET", "/entities/v5/entities", ok(content))
    wire.on("GET", "/entities/v4/entity", ok(content))
    assert [Reader(wire.connect(dialect)).entities() for dialect in (V5, V4)] == [["acme"], ["acme"]]


@pytest.mark.parametrize(
    "content",
    [
        {"profileTables": [{"id": "16", "name": "Customers"}]},
        {"profileTables": [{"id": 16, "name": "Customers"}]},
        [{"id": "16", "name": "Customers", "attributes": []}],
    ],
)
def test_tables(content: object) -> None:
    wire = Wire()
    wire.on("GET", TABLES, ok(content))
    assert Reader(wire.connect()).tables() == [Table("16", "Customers")]


@pytest.mark.parametrize(
    ("content", "part"),
    [({}, "profileTables"), ({"profileTables": {}}, "profileTables"), ([{"id": "16"}], "name"), ("x", "profileTables")],
)
def test_an_answer_of_another_form_is_named_by_what_it_lacks(content: object, part: str) -> None:
    wire = Wire()
    wire.on("GET", TABLES, ok(content))
    with pytest.raises(UnexpectedAnswer, match=rf"no usable {part}\b") as caught:
        Reader(wire.connect()).tables()
    assert caught.value.exit_code == 75


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe", b"[" * 100_000, b"{"])
def test_what_is_not_json_is_said_to_be_none(body: bytes) -> None:
    wire = Wire()
    wire.on("GET", TABLES, httpx.Response(200, content=body))
    with pytest.raises(UnexpectedAnswer, match="JSON"):
        Reader(wire.connect()).tables()


# Structure

V5_STRUCTURE = {
    "id": "16",
    "name": "Customers",
    "attributes": [
        {
            "type": "CUSTOM",
            "name": "profileId",
            "unique": True,
            "mandatory": True,
            "valueType": "INTEGER",
            "multiValued": False,
        },
        {"type": "EMAIL_ADDRESS", "name": "emailAddress", "unique": True, "mandatory": True},
        {"type": "BIRTHDATE", "name": "birthDate", "unique": False, "mandatory": False},
        {"type": "SOMETHING_NEW", "name": "novelty", "unique": False, "mandatory": False},
        {
            "type": "CUSTOM",
            "name": "nickname",
            "unique": False,
            "mandatory": False,
            "valueType": "STRING",
            "multiValued": False,
            "valueRestriction": {"maxLength": 30, "minLength": 2},
        },
        {
            "type": "CUSTOM",
            "name": "interests",
            "unique": False,
            "mandatory": False,
            "valueType": "STRING",
            "multiValued": True,
            "valueRestriction": {"allowedValues": ["golf", "tea"]},
        },
    ],
    "displayOptions": {"forAttributes": [{"name": "emailAddress", "displayName": "E-mail"}]},
    "subscriptions": [{"name": "Newsletter"}],
    "segmentations": [
        {"name": "Vip", "type": "SIMPLE"},
        {"name": "ClientTier", "type": "EXCLUSIVE", "mandatory": False, "segments": ["Gold", "Silver"]},
    ],
    "references": [{"attributeName": "novelty", "customTableId": "7f1c-shops"}],
}
V5_READ = Structure(
    table_id="16",
    table="Customers",
    attributes=(
        Attribute("profileId", AttributeType.INTEGER, unique=True, mandatory=True),
        Attribute("emailAddress", AttributeType.EMAIL, unique=True, mandatory=True),
        Attribute("birthDate", AttributeType.DATE),
        Attribute("novelty", AttributeType.STRING),
        Attribute("nickname", AttributeType.STRING, max_length=30, min_length=2),
        Attribute("interests", AttributeType.STRING, multi_valued=True, allowed=("golf", "tea")),
    ),
    subscriptions=("Newsletter",),
    segmentations=(Segmentation("Vip"), Segmentation("ClientTier", exclusive=True, segments=("Gold", "Silver"))),
    references={"novelty": "7f1c-shops"},
)


@pytest.mark.parametrize("asked", ["Customers", "16"])
def test_a_structure_is_found_by_name_or_id(asked: str) -> None:
    wire = Wire()
    wire.on("GET", TABLES, ok({"profileTables": [{"id": "3", "name": "Prospects"}, {"id": "16", "name": "Customers"}]}))
    wire.on("GET", f"{TABLES}/16", ok(V5_STRUCTURE))
    assert Reader(wire.connect()).structure(asked) == V5_READ


def test_a_structure_in_the_form_of_v4() -> None:
    """A map keyed by attribute name, other type names, no id."""
    wire = Wire()
    wire.on("GET", TABLES_V4, ok({"profileTableNames": [{"name": "Customers"}]}))
    spec = {
        "attributes": {
            "emailAddress": {"valueType": "EmailAddress", "mandatory": True, "unique": True},
            "gsmNumber": {"valueType": "PhoneNumber", "mandatory": False},
            "birthDate": {"valueType": "Datum", "mandatory": False},
            "updateMoment": {"valueType": "Moment", "mandatory": True},
            "optInSms": {"valueType": "Boolean", "mandatory": False},
            "lastName": {"valueType": "String", "mandatory": False},
        },
        "subscriptions": [{"name": "Newsletter"}],
    }
    wire.on("GET", f"{TABLES_V4}/Customers", ok(spec))
    assert Reader(wire.connect(V4)).structure("Customers") == Structure(
        table_id="Customers",
        table="Customers",
        attributes=(
            Attribute("emailAddress", AttributeType.EMAIL, unique=True, mandatory=True),
            Attribute("gsmNumber", AttributeType.PHONE),
            Attribute("birthDate", AttributeType.DATE),
            Attribute("updateMoment", AttributeType.TIMESTAMP, mandatory=True),
            Attribute("optInSms", AttributeType.BOOLEAN),
            Attribute("lastName"),
        ),
        subscriptions=("Newsletter",),
    )


def test_a_structure_that_says_of_no_attribute_whether_it_is_unique_is_not_understood() -> None:
    """The answer of V4 was seen without (G-php). That nothing is unique would be a guess, and a wrong one."""
    wire = Wire()
    wire.on("GET", TABLES_V4, ok({"profileTableNames": [{"name": "Customers"}]}))
    spec = {"attributes": {"emailAddress": {"valueType": "EmailAddress", "mandatory": True}}, "subscriptions": []}
    wire.on("GET", f"{TABLES_V4}/Customers", ok(spec))
    with pytest.raises(UnexpectedAnswer, match=r"no usable attributes\.unique in it") as caught:
        Reader(wire.connect(V4)).structure("Customers")
    assert "dialect" in str(caught.value.hint)


def test_an_unknown_table_says_which_there_are() -> None:
    wire = Wire()
    wire.on("GET", TABLES, ok([{"id": "16", "name": "Customers"}]))
    with pytest.raises(NotFound, match=r'"Customer" .*"Customers"') as caught:
        Reader(wire.connect()).structure("Customer")
    assert "hidden" in str(caught.value.hint)


# Profiles

EXPECTED = {
    "profileId": "7",
    "customerId": None,
    "emailAddress": "jan@example.be",
    "lastName": "Ødegård",
    "note": None,
    "interests": "golf,tea",
    "subscriptions#Newsletter": "true",
    "subscriptions#Promotions": "false",
    "segmentations#Vip": "false",
    "segmentations#ClientTier": "Gold",
}
ATTRIBUTES = [
    {"name": "profileId", "value": "7"},
    {"name": "emailAddress", "value": "jan@example.be"},
    {"name": "lastName", "value": "Ødegård"},
    {"name": "note", "value": None},
    {"name": "interests", "value": ["golf", "tea"]},
]
FLAT = {"profileId": 7, "emailAddress": "jan@example.be", "lastName": "Ødegård", "interests": "golf,tea"}
NEWSLETTER = [
    [{"name": "Newsletter", "subscribe": True}],
    [{"name": "Newsletter", "subscribe": "true"}, {"name": "Promotions", "subscribe": False}],
    [{"name": "Newsletter", "subscription": True}],
    {"Newsletter": True, "Promotions": False},
    ["Newsletter"],
]
GOLD = [
    [{"belongs": True, "segmentation": {"category": "ClientTier", "name": "Gold"}}],
    [
        {"category": "ClientTier", "name": "Gold"},
        {"belongs": False, "segmentation": {"name": "Vip"}},
    ],
    {"ClientTier": "Gold", "Vip": False},
]


@pytest.mark.parametrize("subscriptions", NEWSLETTER)
@pytest.mark.parametrize("segmentations", GOLD)
@pytest.mark.parametrize("attributes", [ATTRIBUTES, FLAT], ids=["listed", "flat"])
@BOTH
def test_every_form_of_a_profile_reads_the_same(
    dialect: Dialect, place: str, attributes: object, segmentations: object, subscriptions: object
) -> None:
    """In one call."""
    wire = Wire()
    content = {"attributes": attributes, "subscriptions": subscriptions, "segmentations": segmentations}
    wire.on("GET", f"{place}/7", ok(content))
    assert Reader(wire.connect(dialect)).profile(CUSTOMERS, "7") == Profile("7", EXPECTED)
    assert len(wire.calls) == 1


def test_everything_that_a_profile_has_is_asked_for_by_name() -> None:
    """V5 tells only what is named, and segmentations without a value only where they are asked for."""
    wire = Wire()
    wire.on("GET", f"{PROFILE}/7", ok({"attributes": FLAT, "subscriptions": [], "segmentations": []}))
    reader = Reader(wire.connect())
    reader.profile(CUSTOMERS, "7")
    assert dict(wire.requests[-1].url.params) == {
        "subscriptions": "Newsletter,Promotions",
        "segmentations": "Vip,ClientTier",
        "includeNulls": "true",
    }
    bare = replace(CUSTOMERS, subscriptions=(), segmentations=())
    reader.profile(bare, "7")
    assert dict(wire.requests[-1].url.params) == {}


def test_whom_nothing_lists_is_subscribed_to_nothing() -> None:
    wire = Wire()
    content = {"attributes": FLAT, "subscriptions": [], "segmentations": []}
    wire.on("GET", f"{PROFILE}/7", ok(content))
    profile = Reader(wire.connect()).profile(CUSTOMERS, "7")
    assert profile is not None
    assert [profile.values[column] for column in CUSTOMERS.columns if "#" in column] == ["false"] * 3 + [None]


@pytest.mark.parametrize("wrapped", [True, False])
def test_sections_that_a_profile_of_v4_leaves_out_are_asked_for(wrapped: bool) -> None:
    """Their absence proves nothing: somebody could pass for unsubscribed."""
    wire = Wire()
    wire.on("GET", f"{PROFILE_V4}/7", ok({"attributes": ATTRIBUTES}))
    subscriptions, segment = NEWSLETTER[0], GOLD[0]
    wire.on("GET", f"{PROFILE_V4}/7/subscription", ok({"subscriptions": subscriptions} if wrapped else subscriptions))
    wire.on("GET", f"{PROFILE_V4}/7/segmentation", ok({"segmentation": segment} if wrapped else segment))
    assert Reader(wire.connect(V4)).profile(CUSTOMERS, "7") == Profile("7", EXPECTED)


def test_a_section_of_v4_that_cannot_be_had_is_an_error_and_not_a_no() -> None:
    wire = Wire()
    wire.on("GET", f"{PROFILE_V4}/7", ok({"attributes": ATTRIBUTES}))
    wire.on("GET", f"{PROFILE_V4}/7/subscription", ok({"subscriptions": "many"}))
    wire.on("GET", f"{PROFILE_V4}/7/segmentation", ok([]))
    with pytest.raises(UnexpectedAnswer, match="subscriptions"):
        Reader(wire.connect(V4)).profile(CUSTOMERS, "7")


@pytest.mark.parametrize(
    ("told", "part"),
    [
        ({"segmentations": GOLD[0]}, "subscriptions"),
        ({"subscriptions": NEWSLETTER[0]}, "segmentations"),
        ({"subscriptions": NEWSLETTER[0], "segmentations": None}, "segmentations"),
        ({"subscriptions": "many", "segmentations": GOLD[0]}, "subscriptions"),
        ({"subscriptions": {"Newsletter": True}, "segmentations": GOLD[0]}, r"subscriptions\.Promotions"),
        ({"subscriptions": {}, "segmentations": GOLD[0]}, r"subscriptions\.Newsletter"),
        ({"subscriptions": NEWSLETTER[0], "segmentations": {"ClientTier": "Gold"}}, r"segmentations\.Vip"),
        ({"subscriptions": NEWSLETTER[0], "segmentations": {"Vip": False}}, r"segmentations\.ClientTier"),
    ],
)
def test_what_was_asked_for_by_name_and_is_not_told_is_an_error_and_not_a_no(told: object, part: str) -> None:
    """V5 has no other address to ask at: whoever believed it would take people for unsubscribed."""
    wire = Wire()
    assert isinstance(told, dict)
    wire.on("GET", f"{PROFILE}/7", ok({"attributes": ATTRIBUTES, **told}))
    with pytest.raises(UnexpectedAnswer, match=rf"no usable {part} in it"):
        Reader(wire.connect()).profile(CUSTOMERS, "7")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0470", "0470"),
        (12345678901234567890, "12345678901234567890"),
        (1.10, "1.1"),
        (True, "true"),
        (False, "false"),
        ("", ""),
        (None, None),
        ([], None),
        (["a", 1, True], "a,1,true"),
    ],
)
def test_values_of_every_json_type_become_text(value: object, text: str | None) -> None:
    wire = Wire()
    content = {"attributes": [{"name": "profileId", "value": 7}, {"name": "note", "value": value}]}
    wire.on("GET", f"{PROFILE}/7", ok({**content, "subscriptions": [], "segmentations": []}))
    profile = Reader(wire.connect()).profile(CUSTOMERS, "7")
    assert profile is not None
    assert profile.values["note"] == text


def test_a_number_keeps_its_own_digits() -> None:
    """Neither rounded nor rewritten: 19.90 is not 19.9, and no binary float comes between."""
    body = '{"attributes":{"profileId":7,"note":19.90,"lastName":1234567890.12345678901234567890},'
    wire = Wire()
    wire.on("GET", f"{PROFILE}/7", httpx.Response(200, text=body + '"subscriptions":[],"segmentations":[]}'))
    profile = Reader(wire.connect()).profile(CUSTOMERS, "7")
    assert profile is not None
    assert (profile.values["note"], profile.values["lastName"]) == ("19.90", "1234567890.12345678901234567890")


@BOTH
def test_a_profile_that_is_not_there_is_none(dialect: Dialect, place: str) -> None:
    """Where the table is empty, or somebody else can be asked for in the same way: see `test_actito_endings`."""
    wire = Wire()
    wire.on("GET", PROFILE, ok([]))
    assert Reader(wire.connect(dialect)).profile(CUSTOMERS, "7") is None
    wire.on("GET", PROFILE, ok([{"attributes": FLAT}]))
    wire.on("GET", f"{place}/7", ok({"attributes": FLAT, "subscriptions": [], "segmentations": []}))
    assert Reader(wire.connect(dialect)).profile(CUSTOMERS, "8") is None


def test_an_answer_about_somebody_else_is_refused() -> None:
    wire = Wire()
    wire.on("GET", f"{PROFILE}/8", ok({"attributes": FLAT, "subscriptions": [], "segmentations": []}))
    with pytest.raises(UnexpectedAnswer, match="profileId"):
        Reader(wire.connect()).profile(CUSTOMERS, "8")


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("jan+a@example.be", "jan%2Ba%40example.be"),
        ("a/../b;c=d?e#f %é", "a%2F..%2Fb%3Bc%3Dd%3Fe%23f%20%25%C3%A9"),
        ("..", ".."),
    ],
)
@BOTH
def test_values_in_addresses_are_encoded(dialect: Dialect, place: str, value: str, encoded: str) -> None:
    wire = Wire()
    wire.on("GET", PROFILE, ok([]))
    Reader(wire.connect(dialect)).profile(CUSTOMERS, ("customerId", value))
    method, address = wire.calls[0]
    assert (method, address.partition("?")[0]) == ("GET", f"{place}/customerId={encoded}")


@pytest.mark.parametrize("profile_id", ["", "..", "emailAddress=jan@example.be", "7/subscription", "٧"])
@BOTH
def test_only_digits_are_a_profile_id(dialect: Dialect, place: str, profile_id: str) -> None:
    """An export is not to be trusted with addresses: `..` would name the whole table."""
    wire = Wire()
    with pytest.raises(Refused):
        Reader(wire.connect(dialect)).profile(CUSTOMERS, profile_id)
    assert not wire.calls


def test_values_of_profiles_stay_out_of_their_repr() -> None:
    assert "jan@" not in repr(Profile("7", EXPECTED))
    assert "jan@" not in repr(RefusedRow("emailAddress", "INVALID_VALUE", {"emailAddress": "jan@example.be"}))


WRAPPERS = pytest.mark.parametrize("wrapper", ["profiles", "content", "items", None])


@WRAPPERS
@BOTH
def test_found_profiles_really_carry_the_value(dialect: Dialect, place: str, wrapper: str | None) -> None:
    """The search grammar is not documented: a platform that ignores it would name anybody."""
    others = {
        "attributes": {"profileId": 8, "emailAddress": "piet@example.be"},
        "subscriptions": [],
        "segmentations": [],
    }
    wanted = {"attributes": ATTRIBUTES, "subscriptions": NEWSLETTER[0], "segmentations": GOLD[0]}
    wire = Wire()
    wire.on("GET", place, ok([others, wanted] if wrapper is None else {wrapper: [others, wanted]}))
    found = Reader(wire.connect(dialect)).find(CUSTOMERS, "emailAddress", "JAN@example.be", 5)
    assert found == [Profile("7", EXPECTED)]
    asked = dict(wire.requests[-1].url.params)
    assert asked.pop("search") == "emailAddress=JAN@example.be"
    of_page = {"page": "0", "size": "5", "subscriptions": "Newsletter,Promotions", "segmentations": "Vip,ClientTier"}
    assert asked == ({"number": "5"} if dialect is V4 else of_page | {"includeNulls": "true"})


@BOTH
def test_found_profiles_without_sections_are_read_one_by_one(dialect: Dialect, place: str) -> None:
    wire = Wire()
    wire.on("GET", place, ok({"profiles": [{"attributes": ATTRIBUTES}]}))
    whole = {"attributes": ATTRIBUTES, "subscriptions": NEWSLETTER[0], "segmentations": GOLD[0]}
    wire.on("GET", f"{place}/7", ok(whole))
    found = Reader(wire.connect(dialect)).find(CUSTOMERS, "emailAddress", "jan@example.be", 5)
    assert found == [Profile("7", EXPECTED)]


@pytest.mark.parametrize("told", [{"Newsletter": True}, {}], ids=["one", "none"])
@pytest.mark.parametrize("listing", ["find", "profiles"])
def test_a_list_that_leaves_out_what_was_named_does_not_say_no(listing: str, told: object) -> None:
    """Somebody with both subscriptions, of which the list tells one or none."""
    wire = Wire()
    partly = {"attributes": ATTRIBUTES, "subscriptions": told, "segmentations": GOLD[0]}
    wire.on("GET", PROFILE, ok({"profiles": [partly]}))
    wire.on("GET", f"{PROFILE}/7", ok({**partly, "subscriptions": {"Newsletter": True, "Promotions": True}}))
    reader = Reader(wire.connect())
    if listing == "find":
        (profile,) = reader.find(CUSTOMERS, "emailAddress", "jan@example.be", 5)
    else:
        (profile,) = reader.profiles(CUSTOMERS, 5)
    assert profile == Profile("7", {**EXPECTED, "subscriptions#Promotions": "true"})


@pytest.mark.parametrize("content", [{"count": 12}, {"total": 12}, {"totalElements": "12"}, 12])
@BOTH
def test_count(dialect: Dialect, place: str, content: object) -> None:
    wire = Wire()
    wire.on("GET", f"{place}/count", ok(content))
    assert Reader(wire.connect(dialect)).count(CUSTOMERS) == 12
    assert wire.calls == [("GET", f"{place}/count")]


NO_COUNT = [{}, {"count": None}, {"count": "many"}, -1, True, 1.5]


@pytest.mark.parametrize("content", NO_COUNT)
def test_what_is_no_count_is_not_taken_for_nobody(content: object) -> None:
    wire = Wire()
    wire.on("GET", f"{PROFILE_V4}/count", ok(content))
    with pytest.raises(UnexpectedAnswer, match="count"):
        Reader(wire.connect(V4)).count(CUSTOMERS)


@pytest.mark.parametrize(
    "apart",
    [httpx.Response(404), httpx.Response(400), httpx.Response(405), httpx.Response(410), httpx.Response(200, text="")]
    + [ok(content) for content in NO_COUNT],
    ids=str,
)
@pytest.mark.parametrize(
    ("page", "number"),
    [
        (ok({"profiles": [], "totalElements": 12}), 12),
        (ok({"content": [{}], "total": "12"}), 12),
        (ok({"profiles": [], "totalCount": 12, "size": 1}), 12),
        (httpx.Response(200, json=[], headers={"X-Total-Count": "12"}), 12),
        (ok({"profiles": [{"profileId": 7}], "page": 0, "size": 1}), None),
        (ok({"profiles": [], "totalElements": "many"}), None),
        (httpx.Response(200, json=[], headers={"X-Total-Count": "-1"}), None),
        (ok([{}]), None),
    ],
    ids=str,
)
def test_where_nothing_is_counted_apart_a_page_of_the_list_may_tell(
    apart: httpx.Response, page: httpx.Response, number: int | None
) -> None:
    """None where nobody tells: neither nobody nor the few on the page."""
    wire = Wire()
    wire.on("GET", f"{PROFILE}/count", apart)
    wire.on("GET", PROFILE, page)
    assert Reader(wire.connect()).count(CUSTOMERS) == number


# Imports


@pytest.mark.parametrize(
    ("content", "state", "finished"),
    [
        ({"status": "PENDING"}, ExecutionState.WAITING, False),
        ({"executionStatus": "RUNNING"}, ExecutionState.RUNNING, False),
        ({"state": "success"}, ExecutionState.DONE, True),
        ({"status": "FAILED"}, ExecutionState.FAILED, True),
        ({"status": "HALF_BAKED"}, ExecutionState.UNKNOWN, False),
    ],
)
def test_states_of_an_import(content: object, state: ExecutionState, finished: bool) -> None:
    """A word nobody knows is not finished: the caller's own time limit ends the waiting."""
    wire = Wire()
    wire.on("GET", EXECUTION, ok(content))
    execution = Reader(wire.connect()).execution("123654987")
    assert (execution.state, execution.finished) == (state, finished)


def test_the_counters_of_an_import() -> None:
    result = {"table": "Customers", "rowsRead": 9, "rowsCreated": 0, "rowsUpdated": 6, "rowsInError": "2"}
    wire = Wire()
    wire.on(
        "GET",
        EXECUTION,
        ok({"id": "123654987", "status": "SUCCESS", "results": [result, {"rowsInError": 1}, {"rowsRead": 1}]}),
    )
    assert Reader(wire.connect()).execution("123654987") == Execution(
        "123654987", ExecutionState.DONE, rows_in_error=3, with_errors=True
    )


def test_an_import_without_counters_does_not_pass_for_one_without_errors() -> None:
    wire = Wire()
    wire.on("GET", EXECUTION, ok({"status": "SUCCESS"}))
    assert Reader(wire.connect()).execution("123654987").rows_in_error is None
    wire.on("GET", EXECUTION, ok({"status": "WITH_ERROR"}))
    assert Reader(wire.connect()).execution("123654987").with_errors


def test_an_import_of_v4_has_its_state_and_its_result_apart() -> None:
    wire = Wire()
    path = "/mass-imports/v4/entity/acme/import/1000130"
    wire.on("GET", f"{path}/status", ok({"status": "RUNNING"}), ok("FINISHED"))
    wire.on("GET", f"{path}/result", ok({"withErrors": True, "rowsInError": 2}))
    reader = Reader(wire.connect(V4))
    assert not reader.execution("1000130").finished
    assert reader.execution("1000130") == Execution("1000130", ExecutionState.DONE, rows_in_error=2, with_errors=True)


def _zip(**files: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text.encode("utf-8"))
    return held.getvalue()


@pytest.mark.parametrize(
    ("dialect", "path"),
    [(V5, f"{EXECUTION}/error-file"), (V4, "/mass-imports/v4/entity/acme/import/123654987/errors")],
    ids=["v5", "v4"],
)
@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("packed", [True, False])
def test_refused_rows(dialect: Dialect, path: str, separator: str, packed: bool) -> None:
    lines = [
        ["customerId", "note", "errorCode", "errorColumn"],
        ["C1", '"two\nlines, ""quoted""; é"', "TOO_LONG", "note"],
        ["C2", "", "UNKNOWN_PROFILE", ""],
    ]
    text = "".join(separator.join(line) + "\n" for line in lines)
    wire = Wire()
    wire.on("GET", path, httpx.Response(200, content=_zip(rows=text) if packed else text.encode()))
    assert Reader(wire.connect(dialect)).refused_rows("123654987") == [
        RefusedRow("note", "TOO_LONG", {"customerId": "C1", "note": 'two\nlines, "quoted"; é'}),
        RefusedRow("", "UNKNOWN_PROFILE", {"customerId": "C2", "note": ""}),
    ]


@pytest.mark.parametrize(
    ("body", "trouble"),
    [
        (b"PK\x03\x04 broken", "zipped CSV"),
        (_zip(a="x", b="y"), "2 files"),
        (_zip(a="customerId,errorCode\nC1,X\n"), "errorColumn"),
        (_zip(a="customerId,errorCode,errorColumn\nC1,X\n"), "line 2"),
        (b"\xff\xfe", "zipped CSV"),
        (b"", "errorCode"),
    ],
)
def test_refused_rows_that_cannot_be_read_are_never_none(body: bytes, trouble: str) -> None:
    """An empty list would mean that every row was taken over."""
    wire = Wire()
    wire.on("GET", f"{EXECUTION}/error-file", httpx.Response(200, content=body))
    with pytest.raises(UnexpectedAnswer, match=trouble):
        Reader(wire.connect()).refused_rows("123654987")
    wire.on("GET", f"{EXECUTION}/error-file", httpx.Response(404))
    with pytest.raises(NotFound):
        Reader(wire.connect()).refused_rows("123654987")
