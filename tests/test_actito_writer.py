"""What each change sends, in which order, and what is known when it breaks off."""

from __future__ import annotations

import json
from collections.abc import Callable
from email.parser import BytesParser
from email.policy import default
from typing import Any

import httpx
import pytest

from auditor.actito import V4, V5, Dialect, ImportMode, MaybeSent, NotFound, Reader, Refused
from auditor.actito.dialect import MAX_IMPORT_BYTES
from auditor.actito.writer import Writer
from auditor.errors import SettingsError
from auditor.writes import Collection
from tests.actito_wire import CUSTOMERS, PROFILE, PROFILE_V4, Wire, ok

IMPORTS = "/mass-imports/v5/entities/acme/etl-executions"
EVIDENCE = Collection("2026-03-01 09:30:00", "shop form")
EVERYTHING = {
    "subscriptions#Newsletter": "true",
    "lastName": "Peeters",
    "note": None,
    "segmentations#Vip": "true",
    "segmentations#ClientTier": "Silver",
    "subscriptions#Promotions": "false",
}


TOLD = {"date": "2026-03-01 09:30:00", "source": "shop form", "way": "api_push"}


def _willing() -> Wire:
    wire = Wire()
    wire.on("PATCH", f"{PROFILE}/7", ok({"profileId": 7}))
    wire.on("POST", PROFILE, ok({"profileId": 7}))
    wire.on("PUT", f"{PROFILE_V4}/7", ok({"profileId": 7}))
    wire.on("POST", PROFILE_V4, ok({"profileId": 7}))
    for method in ("POST", "DELETE"):
        for name in CUSTOMERS.subscriptions:
            wire.on(method, f"{PROFILE_V4}/7/subscription/{name}", httpx.Response(204))
    for method in ("PUT", "DELETE"):
        for segment in ("Vip", "Gold;category=ClientTier", "Silver;category=ClientTier"):
            wire.on(method, f"{PROFILE_V4}/7/segmentation/{segment}", httpx.Response(204))
    return wire


def _body(wire: Wire, index: int = -1) -> Any:
    return json.loads(wire.requests[index].content)


# Changes in V5


@pytest.mark.parametrize("columns", [[one] for one in EVERYTHING] + [list(EVERYTHING)], ids=str)
def test_a_change_is_one_request_that_names_its_columns_and_nothing_else(columns: list[str]) -> None:
    """Whatever is changed, so that nothing can be half sent; what is not named stays as it is."""
    wire = _willing()
    Writer(wire.connect()).update(CUSTOMERS, "7", {column: EVERYTHING[column] for column in columns})
    assert wire.calls == [("PATCH", f"{PROFILE}/7")]
    whole: dict[str, dict[str, object]] = {
        "attributes": {"lastName": "Peeters", "note": None},
        "subscriptions": {"Newsletter": True, "Promotions": False},
        "segmentations": {"Vip": True, "ClientTier": "Silver"},
    }
    named = [column.partition("#") for column in columns]
    names = {(section if mark else "attributes", name if mark else section) for section, mark, name in named}
    kept = {
        section: {name: value for name, value in part.items() if (section, name) in names}
        for section, part in whole.items()
    }
    assert _body(wire) == {section: part for section, part in kept.items() if part}


@pytest.mark.parametrize(
    ("column", "value", "body"),
    [
        ("note", None, {"attributes": {"note": None}}),
        ("segmentations#Vip", "false", {"segmentations": {"Vip": False}}),
        ("segmentations#ClientTier", None, {"segmentations": {"ClientTier": None}}),
    ],
)
def test_nothing_clears_and_leaves_without_a_question(column: str, value: str | None, body: object) -> None:
    wire = _willing()
    Writer(wire.connect()).update(CUSTOMERS, "7", {column: value})
    assert wire.calls == [("PATCH", f"{PROFILE}/7")]
    assert _body(wire) == body


def test_read_write_read_takes_three_calls() -> None:
    """Two reads and one write, subscriptions and segmentations among what is read and written."""
    wire = _willing()
    held = {
        "profileId": 7,
        "attributes": {"lastName": "Peeters"},
        "subscriptions": {"Newsletter": True, "Promotions": False},
        "segmentations": {"Vip": False, "ClientTier": None},
    }
    wire.on("GET", f"{PROFILE}/7", ok(held))
    with wire.connect() as connection:
        reader = Reader(connection)
        reader.profile(CUSTOMERS, "7")
        Writer(connection).update(CUSTOMERS, "7", EVERYTHING, collection=EVIDENCE)
        reader.profile(CUSTOMERS, "7")
    asked = "subscriptions=Newsletter%2CPromotions&segmentations=Vip%2CClientTier&includeNulls=true"
    read = ("GET", f"{PROFILE}/7?{asked}")
    assert wire.calls == [read, ("PATCH", f"{PROFILE}/7"), read]


# Changes in V4


def test_ends_of_subscriptions_go_first_and_beginnings_last() -> None:
    wire = _willing()
    Writer(wire.connect(V4)).update(CUSTOMERS, "7", EVERYTHING)
    assert wire.calls == [
        ("DELETE", f"{PROFILE_V4}/7/subscription/Promotions"),
        ("PUT", f"{PROFILE_V4}/7"),
        ("PUT", f"{PROFILE_V4}/7/segmentation/Vip"),
        ("PUT", f"{PROFILE_V4}/7/segmentation/Silver;category=ClientTier"),
        ("POST", f"{PROFILE_V4}/7/subscription/Newsletter"),
    ]


def test_attributes_go_together_and_none_clears() -> None:
    wire = _willing()
    Writer(wire.connect(V4)).update(CUSTOMERS, "7", {"lastName": "Peeters", "note": None})
    assert _body(wire) == {"attributes": [{"name": "lastName", "value": "Peeters"}, {"name": "note", "value": None}]}


def test_a_permission_given_carries_its_own_date_and_source() -> None:
    """A subscription's own address takes no body in V4, so the beginning travels with the profile."""
    values = {"subscriptions#Newsletter": "true", "subscriptions#Promotions": "false"}
    wire = _willing()
    Writer(wire.connect(V4)).update(CUSTOMERS, "7", values, collection=EVIDENCE)
    assert wire.calls == [("DELETE", f"{PROFILE_V4}/7/subscription/Promotions"), ("PUT", f"{PROFILE_V4}/7")]
    assert _body(wire) == {
        "subscriptions": [{"name": "Newsletter", "subscribe": True}],
        "dataCollectionInformation": TOLD,
    }
    Writer(wire.connect()).update(CUSTOMERS, "7", values, collection=EVIDENCE)
    assert _body(wire) == {
        "subscriptions": {"Newsletter": True, "Promotions": False},
        "dataCollectionInformation": TOLD,
    }


@pytest.mark.parametrize("dialect", [V5, V4], ids=["v5", "v4"])
def test_every_route_says_when_and_where_data_were_collected(dialect: Dialect) -> None:
    """Creation, opt-in and update: the truth's own moment and source, and never any other."""
    wire = _willing()
    writer = Writer(wire.connect(dialect))
    values = {"emailAddress": "jan@example.be", "subscriptions#Newsletter": "true"}
    routes: list[Callable[[Collection | None], object]] = [
        lambda collection: writer.create(CUSTOMERS, values, collection),
        lambda collection: writer.update(CUSTOMERS, "7", {"subscriptions#Newsletter": "true"}, collection=collection),
        lambda collection: writer.update(CUSTOMERS, "7", {"note": "x"}, collection=collection),
    ]
    for send in routes:
        send(EVIDENCE)
        assert _body(wire)["dataCollectionInformation"] == TOLD
        send(None)
        assert b"dataCollectionInformation" not in wire.requests[-1].content


def test_leaving_a_simple_segmentation() -> None:
    wire = _willing()
    Writer(wire.connect(V4)).update(CUSTOMERS, "7", {"segmentations#Vip": "false"})
    assert wire.calls == [("DELETE", f"{PROFILE_V4}/7/segmentation/Vip")]


@pytest.mark.parametrize("current", ["Gold", None])
def test_leaving_an_exclusive_segmentation_asks_for_the_segment_first(current: str | None) -> None:
    wire = _willing()
    held = [{"belongs": True, "segmentation": {"category": "ClientTier", "name": current}}] if current else []
    wire.on("GET", f"{PROFILE_V4}/7/segmentation", ok({"segmentation": held}))
    Writer(wire.connect(V4)).update(CUSTOMERS, "7", {"segmentations#ClientTier": None})
    left = [("DELETE", f"{PROFILE_V4}/7/segmentation/Gold;category=ClientTier")] if current else []
    assert wire.calls == [("GET", f"{PROFILE_V4}/7/segmentation"), *left]


BREAKS = pytest.mark.parametrize(
    ("answer", "error"), [(httpx.Response(400), Refused), (httpx.ReadTimeout(""), MaybeSent)], ids=str
)


@BREAKS
def test_a_write_that_breaks_off_says_how_far_it_came(
    answer: httpx.Response | Exception, error: type[Refused | MaybeSent]
) -> None:
    wire = _willing()
    wire.on("PUT", f"{PROFILE_V4}/7/segmentation/Vip", answer)
    with pytest.raises(error) as caught:
        Writer(wire.connect(V4)).update(CUSTOMERS, "7", EVERYTHING)
    assert caught.value.columns_sent == ("subscriptions#Promotions", "lastName", "note")
    assert caught.value.columns_failed == ("segmentations#Vip",)
    assert len(wire.calls) == 3, "nothing after it was sent"


@BREAKS
def test_a_write_of_one_request_is_never_half_sent(
    answer: httpx.Response | Exception, error: type[Refused | MaybeSent]
) -> None:
    wire = _willing()
    wire.on("PATCH", f"{PROFILE}/7", answer)
    with pytest.raises(error) as caught:
        Writer(wire.connect()).update(CUSTOMERS, "7", EVERYTHING)
    assert caught.value.columns_sent == ()
    assert caught.value.columns_failed == tuple(EVERYTHING)
    assert len(wire.calls) == 1


@pytest.mark.parametrize(("dialect", "method", "place"), [(V5, "PATCH", PROFILE), (V4, "PUT", PROFILE_V4)])
def test_a_profile_that_is_gone_is_not_created(dialect: Dialect, method: str, place: str) -> None:
    """Somebody else is there to be asked for, so it is this profile that is not; nothing but the change was sent."""
    wire = Wire()
    other = {"profileId": 8, "attributes": {}, "subscriptions": [], "segmentations": []}
    wire.on("GET", PROFILE, ok([other]))
    wire.on("GET", f"{place}/8", ok(other))
    with pytest.raises(NotFound) as caught:
        Writer(wire.connect(dialect)).update(CUSTOMERS, "7", {"lastName": "Peeters"})
    assert caught.value.columns_failed == ("lastName",)
    assert [call for call in wire.calls if call[0] != "GET"] == [(method, f"{place}/7")]


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"lastName": "x", "shoeSize": "44"}, SettingsError),
        ({"lastName": "x", "updateMoment": "2026-01-01 00:00:00"}, ValueError),
        ({"lastName": "x", "subscriptions#Newsletter": None}, ValueError),
        ({"lastName": "x", "segmentations#Vip": "maybe"}, ValueError),
    ],
)
def test_what_can_be_known_to_be_wrong_is_said_before_anything_is_sent(
    values: dict[str, str | None], error: type[Exception]
) -> None:
    wire = _willing()
    with pytest.raises(error):
        Writer(wire.connect()).update(CUSTOMERS, "7", values)
    with pytest.raises(error):
        Writer(wire.connect()).create(CUSTOMERS, values)
    assert not wire.requests


@pytest.mark.parametrize("dialect", [V5, V4], ids=["v5", "v4"])
@pytest.mark.parametrize("profile_id", ["", "..", "emailAddress=jan@example.be"])
def test_changes_and_deletions_address_a_profile_id_and_nothing_else(profile_id: str, dialect: Dialect) -> None:
    wire = _willing()
    writer = Writer(wire.connect(dialect))
    with pytest.raises(Refused):
        writer.delete(CUSTOMERS, profile_id)
    with pytest.raises(Refused):
        writer.update(CUSTOMERS, profile_id, {"note": "x"})
    assert not wire.requests


# Creations


CREATED = pytest.mark.parametrize(
    "answer",
    [
        ok({"profileId": 8}),
        ok({"profileId": "8"}, 201),
        ok({"id": 8}),
        httpx.Response(201, headers={"Location": f"https://api3.actito.test{PROFILE}/8"}),
    ],
)


@CREATED
def test_a_creation_returns_the_profile_id(answer: httpx.Response) -> None:
    """By the call that creates alone: a segmentation that is not held is said too."""
    wire = Wire()
    wire.on("POST", PROFILE, answer)
    assert Writer(wire.connect()).create(CUSTOMERS, {**EVERYTHING, "segmentations#Vip": "false"}, EVIDENCE) == "8"
    assert wire.calls == [("POST", PROFILE)]
    assert _body(wire) == {
        "attributes": {"lastName": "Peeters"},
        "subscriptions": {"Newsletter": True, "Promotions": False},
        "segmentations": {"Vip": False, "ClientTier": "Silver"},
        "dataCollectionInformation": TOLD,
    }


@CREATED
def test_a_creation_of_v4_never_updates_and_returns_the_profile_id(answer: httpx.Response) -> None:
    wire = Wire()
    wire.on("POST", PROFILE_V4, answer)
    assert Writer(wire.connect(V4)).create(CUSTOMERS, {**EVERYTHING, "segmentations#Vip": "false"}, EVIDENCE) == "8"
    assert wire.calls == [("POST", f"{PROFILE_V4}?allowUpdate=false")]
    assert _body(wire) == {
        "attributes": [{"name": "lastName", "value": "Peeters"}],
        "subscriptions": [{"name": "Newsletter", "subscribe": True}, {"name": "Promotions", "subscribe": False}],
        "segmentations": [{"belongs": True, "segmentation": {"category": "ClientTier", "name": "Silver"}}],
        "dataCollectionInformation": TOLD,
    }


def test_a_creation_that_does_not_say_its_profile_id_may_have_happened() -> None:
    wire = Wire()
    wire.on("POST", PROFILE, ok({}, 201))
    with pytest.raises(MaybeSent):
        Writer(wire.connect()).create(CUSTOMERS, {"lastName": "Peeters"})


def test_a_creation_that_would_be_an_update_is_refused() -> None:
    wire = Wire()
    wire.on("POST", PROFILE, ok({"status": 409, "errors": [{"field": "customerId", "code": "ALREADY_EXISTS"}]}, 409))
    with pytest.raises(Refused) as caught:
        Writer(wire.connect()).create(CUSTOMERS, {"customerId": "C1", "lastName": "Peeters"})
    assert caught.value.fields == (("customerId", "ALREADY_EXISTS"),)


# Imports


def _parts(request: httpx.Request) -> dict[str, tuple[str, bytes]]:
    """Part name to MIME type and content, read by the standard library's own parser."""
    head = b"Content-Type: " + request.headers["Content-Type"].encode() + b"\r\n\r\n"
    message = BytesParser(policy=default).parsebytes(head + request.content)
    parts: dict[str, tuple[str, bytes]] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        assert isinstance(name, str)
        assert isinstance(content, bytes)
        parts[name] = (part.get_content_type(), content)
    return parts


def test_an_import_names_the_files_that_are_made_of_it_and_does_without_where_that_is_refused() -> None:
    """Names are [seen] in the change log of 2024-12; V4 has none."""
    wire = Wire()
    wire.on("POST", IMPORTS, ok({"executionId": "1"}, 202), httpx.Response(400, json={"message": "unknown field"}),
            ok({"executionId": "2"}, 202))  # fmt: skip
    writer = Writer(wire.connect(V5))

    def loading(place: int) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(_parts(wire.requests[place])["parameters"][1])["dataLoadings"][0]
        return found

    def start(name: str) -> str:
        return writer.start_import(CUSTOMERS, b"PK", columns=["customerId", "note"], key="customerId",
                                   mode=ImportMode.UPDATE_ONLY, output=name)  # fmt: skip

    before = len(wire.requests)
    assert start("auditor-0a1b2c3d-update-1") == "1"
    assert loading(-1)["errorFile"] == {"fileNamePattern": "auditor-0a1b2c3d-update-1-errors_$yyyyMMdd.csv"}
    assert loading(-1)["resultFile"] == {"fileNamePattern": "auditor-0a1b2c3d-update-1-results_$yyyyMMdd.csv"}
    assert start("auditor-0a1b2c3d-update-2") == "2"
    assert len(wire.requests) > before + 2
    assert "errorFile" in loading(-2)
    assert not {"errorFile", "resultFile"} & loading(-1).keys()
    v4 = writer_of_v4().definition(CUSTOMERS, ["customerId"], "customerId", ImportMode.UPDATE_ONLY, "auditor-1-2")
    assert "fileNamePattern" not in v4


def writer_of_v4() -> Writer:
    return Writer(Wire().connect(V4))


@pytest.mark.parametrize(
    ("dialect", "path", "answer"),
    [
        (V5, IMPORTS, {"executionId": "123654987"}),
        (V5, IMPORTS, {"id": 123654987}),
        (V4, "/mass-imports/v4/entity/acme/table/Customers/import", {"id": 123654987}),
    ],
    ids=["v5", "v5-id", "v4"],
)
def test_an_import_sends_file_and_definition(dialect: Dialect, path: str, answer: dict[str, object]) -> None:
    wire = Wire()
    wire.on("POST", path, ok(answer, 202))
    writer = Writer(wire.connect(dialect))
    columns = ["customerId", "subscriptions#Newsletter"]
    archive = b"PK\x03\x04 anything \r\n-- \x00"
    execution = writer.start_import(CUSTOMERS, archive, columns=columns, key="customerId", mode=ImportMode.UPDATE_ONLY)
    assert execution == "123654987"
    parts = _parts(wire.requests[-1])
    assert parts["inputFile"] == ("application/zip", archive)
    kind, definition = parts["parameters"]
    assert kind == "application/json"
    assert definition.decode() == writer.definition(CUSTOMERS, columns, "customerId", ImportMode.UPDATE_ONLY)
    content = json.loads(definition)
    loading = content["dataLoadings"][0] if dialect is V5 else content
    assert loading["mode"] == "UPDATE_ONLY"
    assert loading["headerKeyColumn"] == "customerId"
    assert [(item["headerColumn"], item["attributeName"]) for item in loading["attributesMapping"]] == [
        ("customerId", "customerId"),
        ("subscriptions#Newsletter", "subscriptions#Newsletter"),
    ]


@pytest.mark.parametrize("answer", [ok({}), httpx.Response(202), httpx.ReadTimeout(""), httpx.Response(502)], ids=str)
def test_an_import_whose_id_does_not_arrive_is_never_sent_again(answer: httpx.Response | Exception) -> None:
    wire = Wire()
    wire.on("POST", IMPORTS, answer)
    with pytest.raises(MaybeSent):
        Writer(wire.connect()).start_import(
            CUSTOMERS, b"PK", columns=["customerId"], key="customerId", mode=ImportMode.CREATE_ONLY
        )
    assert len(wire.calls) == 1


def test_a_file_beyond_the_limit_is_not_sent() -> None:
    wire = Wire()
    with pytest.raises(Refused):
        Writer(wire.connect()).start_import(
            CUSTOMERS,
            bytes(MAX_IMPORT_BYTES + 1),
            columns=["customerId"],
            key="customerId",
            mode=ImportMode.UPDATE_ONLY,
        )
    assert not wire.requests


def test_no_import_can_create_and_update() -> None:
    """CREATE_UPDATE would bring people back who were deleted meanwhile."""
    assert {mode.value for mode in ImportMode} == {"UPDATE_ONLY", "CREATE_ONLY"}
