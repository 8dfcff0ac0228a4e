"""An operation that the platform does not offer any more is its own error: never somebody who is not there, never a
value that was refused, and never a write in doubt. What it announces to end is noted once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from auditor.actito import V4, V5, Connection, Dialect, ImportMode, NotFound, Reader, Refused
from auditor.actito.errors import (
    ActitoError,
    Busy,
    Conflict,
    Discontinued,
    MaybeSent,
    NotAllowed,
    PlatformDown,
    Redirected,
    TokenRefused,
)
from auditor.actito.writer import Writer
from auditor.model import Attribute
from tests.actito_wire import CUSTOMERS, PROFILE, PROFILE_V4, URL, Wire, ok

pytestmark = pytest.mark.usefixtures("no_pauses")

PLACES = {"v5": PROFILE, "v4": PROFILE_V4}
DIALECTS = {"v5": V5, "v4": V4}
BOTH = pytest.mark.parametrize("dialect", DIALECTS)


# Operations, and the ways in which one is gone


@dataclass(frozen=True)
class Operation:
    """Something that is asked of a platform, and where it is in each dialect: method and address below the profiles."""

    ask: Callable[[Connection], object]
    v5: tuple[str, str]
    v4: tuple[str, str]
    what: str

    def place(self, dialect: str) -> tuple[str, str]:
        method, rest = self.v5 if dialect == "v5" else self.v4
        return method, rest if rest.startswith("/mass") else PLACES[dialect] + rest


OPERATIONS = {
    "read": Operation(
        lambda connection: Reader(connection).profile(CUSTOMERS, "7"), ("GET", "/7"), ("GET", "/7"), "a profile"
    ),
    "change": Operation(
        lambda connection: Writer(connection).update(CUSTOMERS, "7", {"note": "x"}),
        *(("PATCH", "/7"), ("PUT", "/7"), "the change of a profile"),
    ),
    "create": Operation(
        lambda connection: Writer(connection).create(CUSTOMERS, {"emailAddress": "a@example.be", "lastName": "A"}),
        *(("POST", ""), ("POST", ""), "the creation of a profile"),
    ),
    "delete": Operation(
        lambda connection: Writer(connection).delete(CUSTOMERS, "7"),
        *(("DELETE", "/7"), ("DELETE", "/7"), "the deletion of a profile"),
    ),
    "count": Operation(
        lambda connection: Reader(connection).count(CUSTOMERS), ("GET", ""), ("GET", "/count"), "profiles"
    ),
    "search": Operation(
        lambda connection: Reader(connection).find(CUSTOMERS, "emailAddress", "a@example.be", 5),
        *(("GET", ""), ("GET", ""), ""),
    ),
    "import": Operation(
        lambda connection: Writer(connection).start_import(
            CUSTOMERS, b"PK", columns=["customerId"], key="customerId", mode=ImportMode.UPDATE_ONLY
        ),
        ("POST", "/mass-imports/v5/entities/acme/etl-executions"),
        ("POST", "/mass-imports/v4/entity/acme/table/Customers/import"),
        "an import",
    ),
}

Way = Callable[[httpx.Request], httpx.Response]


def answers(status: int, content: object = None, **headers: str) -> Way:
    """A JSON object, or a page."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if content is None or isinstance(content, str):
        return lambda _: httpx.Response(status, text=content or "", headers=named)
    return lambda _: httpx.Response(status, json=content, headers=named)


def moved(status: int, place: str | None) -> Way:
    return lambda _: httpx.Response(status, headers={} if place is None else {"Location": place})


def spring(request: httpx.Request) -> httpx.Response:
    body = {"timestamp": "2026-04-01T00:00:00.000+00:00", "status": 404, "error": "Not Found"}
    return httpx.Response(404, json=body | {"path": request.url.path})


def spring_3(request: httpx.Request) -> httpx.Response:
    detail = f"No static resource {request.url.path.lstrip('/')}."
    return httpx.Response(404, json={"type": "about:blank", "title": "Not Found", "status": 404, "detail": detail})


def express(request: httpx.Request) -> httpx.Response:
    path = request.url.raw_path.decode()
    return httpx.Response(404, text=f"<html><body><pre>Cannot {request.method} {path}</pre></body></html>")


PLAIN: dict[str, Way] = {
    "404": answers(404),
    "404 page": answers(404, "<html><head><title>404 Not Found</title></head><body>nginx</body></html>"),
    "404 Spring": spring,
    "404 like a person": answers(404, {"status": 404, "message": "there is no such profile"}),
}
"""Nothing in these tells an operation from a person."""
WAYS: dict[str, Way] = {
    **PLAIN,
    "404 Spring 3": spring_3,
    "404 Spring 3 elsewhere": answers(404, {"title": "Not Found", "detail": "No static resource v4/profile."}),
    "400 in a list": answers(
        400, {"errors": [{"code": "GONE", "message": "This API version is not supported anymore"}]}
    ),
    "404 Kong": answers(404, {"message": "no Route matched with those values"}),
    "404 Express": express,
    "404 in words": answers(404, {"status": 404, "message": "This API version has been switched off"}),
    "405": answers(405, allow="GET"),
    "405 page": answers(405, "<h1>405 Method Not Allowed</h1>"),
    "410": answers(410),
    "410 page": answers(410, "<h1>Gone</h1>"),
    "501": answers(501, {"message": "not implemented"}),
    "301": moved(301, "https://developers.actito.com/changes/v5"),
    "301 below": moved(301, "/profiles/v6/entities/acme/profile-tables/16/profiles"),
    "301 nowhere": moved(301, None),
    "308": moved(308, f"{URL}/gone"),
    "400 in words": answers(400, {"status": 400, "message": "This operation is no longer available, use version 5"}),
    "400 in a fault": answers(400, {"fault": {"faultstring": "The endpoint was decommissioned", "code": 7}}),
    "403 in words": answers(403, {"error": "API v4 has been retired"}),
    "422 as a text": answers(422, "Deprecated API"),
    "400 after its day": answers(400, {"message": "no"}, sunset="Tue, 31 Mar 2026 22:00:00 GMT"),
    "403 after its day": answers(403, sunset="Tue, 31 Mar 2026 22:00:00 GMT"),
    "404 after its day": answers(404, sunset="Tue, 31 Mar 2026 22:00:00 GMT"),
}

SOMEBODY = {"profileId": 8, "attributes": {"emailAddress": "b@example.be"}, "subscriptions": [], "segmentations": []}
MYSELF = SOMEBODY | {"profileId": 7}


def licence(dialect: str) -> Wire:
    """A platform that offers everything; 7 and 8 are there."""
    wire, place = Wire(), PLACES[dialect]
    wire.on("GET", PROFILE, ok({"profiles": [SOMEBODY]}))
    if dialect == "v4":
        wire.on("GET", place, ok({"profiles": [SOMEBODY]}))
    wire.on("GET", f"{PROFILE_V4}/count", ok({"count": 2}))
    wire.on("GET", f"{place}/7", ok(MYSELF))
    wire.on("GET", f"{place}/8", ok(SOMEBODY))
    wire.on("GET", f"{place}/emailAddress=b%40example.be", ok(SOMEBODY))
    wire.on("PATCH" if dialect == "v5" else "PUT", f"{place}/7", ok({"profileId": 7}))
    wire.on("DELETE", f"{place}/7", httpx.Response(204))
    wire.on("POST", place, ok({"profileId": 9}))
    for kind in ("subscription", "segmentation"):
        wire.on("GET", f"{PROFILE_V4}/7/{kind}", ok([]))
    tables = "/profile-table-structure/v5/entities/acme/profile-tables"
    structure = {
        "attributes": {one.name: {"valueType": "String", "unique": one.unique} for one in CUSTOMERS.attributes},
        "subscriptions": list(CUSTOMERS.subscriptions),
        "segmentations": [{"name": "Vip", "type": "SIMPLE"}, {"name": "ClientTier", "type": "EXCLUSIVE"}],
    }
    wire.on("GET", tables, ok([{"id": "16", "name": "Customers"}]))
    wire.on("GET", f"{tables}/16", ok(structure))
    tables_v4 = "/profile-table-structure/v4/entity/acme/table"
    wire.on("GET", tables_v4, ok([{"name": "Customers"}]))
    wire.on("GET", f"{tables_v4}/Customers", ok(structure))
    return wire


def end(wire: Wire, dialect: str, operation: Operation, way: Way) -> None:
    """Switch the operation off, for everybody."""
    method, path = operation.place(dialect)
    wire.on(method, path, way)
    if path.endswith("/7"):
        wire.on(method, path.removesuffix("7") + "8", way)


def raised(ask: Callable[[], object]) -> ActitoError | None:
    try:
        ask()
    except ActitoError as error:
        return error
    return None


# What is gone


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", OPERATIONS)
@BOTH
def test_an_operation_that_is_gone_is_its_own_error(dialect: str, name: str, way: str) -> None:
    """It names itself and its generation, is asked for once, and nothing is written."""
    operation, wire = OPERATIONS[name], licence(dialect)
    end(wire, dialect, operation, WAYS[way])
    error = raised(lambda: operation.ask(wire.connect(DIALECTS[dialect])))
    assert type(error) is Discontinued
    assert error.exit_code == 2
    assert operation.what in str(error)
    generation = "V5" if dialect == "v5" else "V4"
    assert f"in {generation} any more: that says nothing about any profile" in str(error)
    assert "auditor doctor" in str(error.hint)
    method, path = operation.place(dialect)
    asked = [(method, path.partition("?")[0]) for method, path in wire.calls]
    assert asked.count((method, path)) == 1
    assert [call for call in asked if call[0] != "GET"] == ([(method, path)] if method != "GET" else [])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", OPERATIONS)
@BOTH
def test_an_operation_that_ends_while_it_is_used(dialect: str, name: str, way: str) -> None:
    """That it has answered before says nothing: somebody who is there is asked for again."""
    operation, wire = OPERATIONS[name], licence(dialect)
    wire.on(*operation.place(dialect), ok({"count": 2, "profileId": 7, "executionId": 9, "profiles": [], **MYSELF}))
    with wire.connect(DIALECTS[dialect]) as connection:
        operation.ask(connection)
        end(wire, dialect, operation, WAYS[way])
        error = raised(lambda: operation.ask(connection))
    assert type(error) is Discontinued


@pytest.mark.parametrize("way", PLAIN)
@pytest.mark.parametrize("name", ["read", "change", "delete", "create", "count", "search"])
@BOTH
def test_nothing_that_is_answered_404_throughout_is_about_a_person(dialect: str, name: str, way: str) -> None:
    """Not even the table can be reached: nobody is gone for that."""
    wire = Wire()
    for method in ("GET", "POST", "PATCH", "PUT", "DELETE"):
        for place in PLACES.values():
            for rest in ("", "/7", "/8", "/count", "/7/subscription"):
                wire.on(method, place + rest, WAYS[way])
    error = raised(lambda: OPERATIONS[name].ask(wire.connect(DIALECTS[dialect])))
    assert type(error) is Discontinued


@pytest.mark.parametrize("section", ["subscription", "segmentation"])
def test_a_section_of_v4_that_is_gone_is_no_person_that_is_gone(section: str) -> None:
    wire = licence("v4")
    wire.on("GET", f"{PROFILE_V4}/7", ok({"profileId": 7, "attributes": {}}))
    wire.on("GET", f"{PROFILE_V4}/8", ok({"profileId": 8, "attributes": {}}))
    for number in (7, 8):
        for other in ("subscription", "segmentation"):
            wire.on("GET", f"{PROFILE_V4}/{number}/{other}", httpx.Response(404) if other == section else ok([]))
    error = raised(lambda: Reader(wire.connect(V4)).profile(CUSTOMERS, "7"))
    assert type(error) is Discontinued
    assert section in str(error)


ENTITIES = {"v5": "/entities/v5/entities", "v4": "/entities/v4/entity"}
TABLES = {
    "v5": "/profile-table-structure/v5/entities/acme/profile-tables",
    "v4": "/profile-table-structure/v4/entity/acme/table",
}
ETLS = "/mass-imports/v5/entities/acme/etls"
BADGE = Attribute("badge")


@dataclass(frozen=True)
class Beside:
    """Something asked about the entity, a table or an import; `places` are method and address in each dialect."""

    ask: Callable[[Connection], object]
    places: Mapping[str, str]
    what: str
    method: str = "GET"


BESIDE = {
    "entities": Beside(lambda of: Reader(of).entities(), ENTITIES, "the list of entities"),
    "tables": Beside(lambda of: Reader(of).tables(), TABLES, "the profile tables of the entity"),
    "structure": Beside(
        lambda of: Reader(of).structure("Customers"),
        {"v5": f"{TABLES['v5']}/16", "v4": f"{TABLES['v4']}/Customers"},
        "the structure of the profile table",
    ),
    "scenarios": Beside(
        lambda of: Reader(of).scenarios(CUSTOMERS),
        dict.fromkeys(DIALECTS, "/scenarios/v4/entity/acme/table/Customers/scenario"),
        "the scenarios",
    ),
    "definitions": Beside(
        lambda of: Reader(of).definitions(), dict.fromkeys(DIALECTS, ETLS), "the stored import definitions"
    ),
    "definition": Beside(
        lambda of: Reader(of).definitions(), dict.fromkeys(DIALECTS, f"{ETLS}/5"), "a stored import definition"
    ),
    "locations": Beside(
        lambda of: Reader(of).locations(),
        dict.fromkeys(DIALECTS, "/file-transfers/v5/entities/acme/locations"),
        "the remote file locations",
    ),
    "execution": Beside(
        lambda of: Reader(of).execution("9"),
        {
            "v5": "/mass-imports/v5/entities/acme/etl-executions/9",
            "v4": "/mass-imports/v4/entity/acme/import/9/status",
        },
        "the state of an import",
    ),
    "change_table": Beside(
        lambda of: Writer(of).change_table(CUSTOMERS, attributes=[BADGE]),
        dict.fromkeys(DIALECTS, f"{TABLES['v5']}/16/change-requests"),
        *("a change of the profile table", "POST"),
    ),
    "create_table": Beside(
        lambda of: Writer(of).create_table(CUSTOMERS),
        dict.fromkeys(DIALECTS, TABLES["v5"]),
        *("the creation of a profile table", "POST"),
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", BESIDE)
@BOTH
def test_what_is_asked_about_no_profile_is_its_own_error_too(dialect: str, name: str, way: str) -> None:
    """The entity is listed, the table has a structure, the import was begun: it is the operation that is not there."""
    beside, wire = BESIDE[name], licence(dialect)
    wire.on("GET", ENTITIES[dialect], ok([{"name": "acme"}]))
    wire.on("GET", ETLS, ok([{"id": 5}]))
    wire.on(beside.method, beside.places[dialect], WAYS[way])
    error = raised(lambda: beside.ask(wire.connect(DIALECTS[dialect])))
    assert type(error) is Discontinued
    assert beside.what in str(error)


@pytest.mark.parametrize("way", PLAIN)
@BOTH
def test_an_entity_or_a_table_that_is_not_there_is_told_as_such(dialect: str, way: str) -> None:
    wire = licence(dialect)
    wire.on("GET", ENTITIES[dialect], ok([{"name": "other"}]))
    wire.on("GET", TABLES[dialect], WAYS[way])
    error = raised(lambda: Reader(wire.connect(DIALECTS[dialect])).structure("Customers"))
    assert type(error) is NotFound
    assert 'the profile tables of the entity "acme"' in str(error)
    wire = licence(dialect)
    wire.on("GET", TABLES[dialect], ok([{"id": "17", "name": "Others"}]))
    wire.on("POST", f"{TABLES['v5']}/16/change-requests", WAYS[way])
    asked: list[Callable[[Connection], object]] = [
        lambda connection: Reader(connection).count(CUSTOMERS),
        lambda connection: Writer(connection).change_table(CUSTOMERS, attributes=[BADGE]),
        lambda connection: Writer(connection).create(CUSTOMERS, {"lastName": "A"}),
    ]
    for ask in asked:
        for place in ("/count", ""):
            wire.on("GET" if place else "POST", PLACES[dialect] + place, WAYS[way])
        wire.on("GET", PROFILE, WAYS[way])
        error = raised(partial(ask, wire.connect(DIALECTS[dialect])))
        assert type(error) is NotFound
        assert 'the profile table "Customers"' in str(error)


@BOTH
def test_an_import_whose_counters_cannot_be_asked_has_ended_all_the_same(dialect: str) -> None:
    wire = licence(dialect)
    wire.on("GET", BESIDE["execution"].places[dialect], ok({"status": "DONE"}))
    told = Reader(wire.connect(DIALECTS[dialect])).execution("9")
    assert told.finished
    assert told.rows_in_error is None


# Who is gone


@pytest.mark.parametrize("way", PLAIN)
@BOTH
def test_a_person_who_is_gone_is_gone(dialect: str, way: str) -> None:
    """Somebody else can be asked for in the same way, or the operation has answered before."""
    place = PLACES[dialect]
    wire = licence(dialect)
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        wire.on(method, f"{place}/7", PLAIN[way])
    for answered_before in (False, True):
        with wire.connect(DIALECTS[dialect]) as connection:
            reader, writer = Reader(connection), Writer(connection)
            if answered_before:
                assert reader.profile(CUSTOMERS, "8") is not None
            assert reader.profile(CUSTOMERS, "7") is None
            assert reader.spelling(CUSTOMERS, "7") is None
            assert reader.profile(CUSTOMERS, ("emailAddress", "removed@example.be")) is None
            for change in (
                lambda writer=writer: writer.update(CUSTOMERS, "7", {"note": "x"}),
                lambda writer=writer: writer.delete(CUSTOMERS, "7"),
            ):
                error = raised(change)
                assert type(error) is NotFound
                assert "Customers" in str(error)
    asked = [path.partition("?")[0] for _, path in wire.calls]
    assert asked.count(PROFILE) == 2 + 1, "somebody is looked for once by each address, where it has not answered yet"


@pytest.mark.parametrize("way", PLAIN)
@BOTH
def test_an_empty_table_has_nobody(dialect: str, way: str) -> None:
    wire = Wire()
    wire.on("GET", PROFILE, ok({"profiles": []}))
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        wire.on(method, f"{PLACES[dialect]}/7", PLAIN[way])
    connection = wire.connect(DIALECTS[dialect])
    assert Reader(connection).profile(CUSTOMERS, "7") is None
    assert type(raised(lambda: Writer(connection).update(CUSTOMERS, "7", {"note": "x"}))) is NotFound
    assert type(raised(lambda: Writer(connection).delete(CUSTOMERS, "7"))) is NotFound


@BOTH
def test_somebody_who_is_deleted_before_being_asked_for_ends_nothing(dialect: str) -> None:
    """The list is read once more: the profile is not in it any more, and the next one answers."""
    wire, place = licence(dialect), PLACES[dialect]
    wire.on("GET", PROFILE, ok([SOMEBODY | {"profileId": 6}]), ok([SOMEBODY]))
    wire.on("GET", f"{place}/7", httpx.Response(404))
    assert Reader(wire.connect(DIALECTS[dialect])).profile(CUSTOMERS, "7") is None
    assert [path.partition("?")[0] for _, path in wire.calls] == [
        *(f"{place}/7", PROFILE, f"{place}/6", PROFILE, f"{place}/8"),
    ]


def test_a_licence_without_lists_counts_instead() -> None:
    """V4's calls end together: while it counts, it reads."""
    wire = Wire()
    wire.on("GET", f"{PROFILE_V4}/count", ok({"count": 0}))
    assert Reader(wire.connect(V4)).profile(CUSTOMERS, "7") is None


WORDS = ["removed@example.be", "disabled", "no-longer-supported-api", "the API was removed", "V4 retired", "sunset"]


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(
    "body",
    [
        lambda path, word: {"status": 404, "error": "Not Found", "path": path},
        lambda path, word: {"status": 404, "message": f"the resource {word} was not found"},
        lambda path, word: {"status": 404, "message": "the requested resource no longer exists"},
        lambda path, word: {"status": 404, "message": f"GET {path}: nobody"},
        lambda path, word: {"status": 404, "detail": f"nobody at {URL}{path}"},
        lambda path, word: {"status": 404, "message": f"there is no profile with customerId={word}"},
    ],
)
@BOTH
def test_a_person_whose_value_sounds_like_an_end_is_gone(
    dialect: str, body: Callable[[str, str], object], word: str
) -> None:
    """Platforms repeat what they were asked for."""
    wire = licence(dialect)
    address = f"{PLACES[dialect]}/customerId={quote(word, safe='')}"
    wire.on("GET", address, lambda request: httpx.Response(404, json=body(request.url.path, word)))
    assert Reader(wire.connect(DIALECTS[dialect])).profile(CUSTOMERS, ("customerId", word)) is None


REFUSALS = [
    {"errors": [{"field": "note", "code": "REMOVED", "message": "the API value was removed"}]},
    {"errors": {"note": "DEPRECATED"}},
    {"field": "note", "message": "the operation is no longer available for it"},
    {"field": "note", "code": "DISABLED"},
    {"violations": [{"propertyPath": "note", "code": "NO_LONGER_SUPPORTED"}]},
    {"message": "the segment was removed"},
    {"message": "the value 'this operation is no longer available' is too long"},
    {"message": 'the value "service disabled" is too long'},
    {"message": "the value Service removed by API v4 is too long"},
    {"message": "the shop is discontinued", "path": "/profiles/v4/7"},
    {"message": "the subscription is disabled for this profile"},
    {"message": "Service removed by API v4"},
    "Service removed by API v4",
]  # fmt: skip


@pytest.mark.parametrize("body", REFUSALS, ids=str)
@pytest.mark.parametrize("status", [400, 409, 422])
@BOTH
def test_a_refusal_about_a_value_stays_one(dialect: str, status: int, body: object) -> None:
    wire, place = licence(dialect), PLACES[dialect]
    answer = answers(status, body)
    wire.on("PATCH" if dialect == "v5" else "PUT", f"{place}/7", answer)
    wire.on("POST", place, answer)
    with wire.connect(DIALECTS[dialect]) as connection:
        writer = Writer(connection)
        values: dict[str, str | None] = {"note": "Service removed by API v4", "lastName": "A"}
        assert isinstance(raised(lambda: writer.update(CUSTOMERS, "7", values)), Refused)
        assert isinstance(raised(lambda: writer.create(CUSTOMERS, values)), Refused)


ABOUT_SOMETHING_ELSE: list[tuple[int, str]] = [
    (429, "API rate limit exceeded, service temporarily disabled"),
    (429, "This API version is no longer supported"),
    (403, "This API user has been disabled"),
    (403, "Permission for this operation was removed from the API user"),
    (403, "The API user is no longer allowed to use this operation"),
    (401, "API access is disabled for this user"),
    (401, "This API version is deprecated"),
    (400, "The API says: the segment of this profile was removed"),
    (400, "The subscription cannot be removed by this method"),
    (400, "This service is disabled for the profile"),
    (400, "The operation was removed from the queue"),
    (400, "The version of the profile is obsolete"),
    (400, "Deprecated value: use the new one in this API"),
    (409, "Another operation has removed this profile"),
    (409, "The operation is disabled while another one runs"),
    (422, "The method of payment is no longer available"),
]


@pytest.mark.parametrize(("status", "message"), ABOUT_SOMETHING_ELSE, ids=str)
@BOTH
def test_what_is_said_about_something_else_ends_nothing(dialect: str, status: int, message: str) -> None:
    wire, place = licence(dialect), PLACES[dialect]
    answer = httpx.Response(status, json={"message": message}, headers={"Retry-After": "1"} if status == 429 else {})
    for method in ("GET", "PATCH", "PUT"):
        wire.on(method, f"{place}/7", answer)
    kind = {429: Busy, 403: NotAllowed, 401: TokenRefused, 409: Conflict}.get(status, Refused)
    with wire.connect(DIALECTS[dialect]) as connection:
        assert type(raised(lambda: Reader(connection).profile(CUSTOMERS, "7"))) is kind
        assert type(raised(lambda: Writer(connection).update(CUSTOMERS, "7", {"note": "x"}))) is kind


@pytest.mark.parametrize(
    "message",
    [
        "The profile was removed through the API",
        "Profile removed by operation 12",
        "This operation found no profile: it is no longer available",
        "The profile is not available in this API version",
        "Through this API the profile does not exist",
        "The service found that the person was disabled",
    ],
)
@BOTH
def test_what_a_404_says_about_the_profile_ends_nothing(dialect: str, message: str) -> None:
    wire = licence(dialect)
    wire.on("GET", f"{PLACES[dialect]}/7", httpx.Response(404, json={"message": message}))
    assert Reader(wire.connect(DIALECTS[dialect])).profile(CUSTOMERS, "7") is None


@pytest.mark.parametrize("status", [404, 400])
@pytest.mark.parametrize(
    ("message", "only_404"),
    [
        ("API V4 has reached its end of life", False),
        ("API V4 has reached its end", True),
        ("This version is deprecated, use V5", False),
        ("Use V5 instead", True),
        ("Please use version 5 of the API", True),
        ("This API is not available", True),
        ("Endpoint does not exist", True),
        ("Endpoint not available", True),
        ("The V4 API is no longer supported", False),
        ("The V4 profile operations are no longer available", False),
        ("This operation has been removed", True),
        ("Service disabled", True),
        ("Unsupported API version", True),
        ("API version not supported", True),
    ],
)
@BOTH
def test_what_is_said_of_an_operation_ends_it(dialect: str, message: str, only_404: bool, status: int) -> None:
    """Where it is asked no further: by what is said alone. A refusal ends an operation only where nothing else fits."""
    wire = licence(dialect)
    wire.on("GET", f"{PLACES[dialect]}/7", httpx.Response(status, json={"message": message}))
    error = raised(lambda: Reader(wire.connect(DIALECTS[dialect])).profile(CUSTOMERS, "7"))
    assert type(error) is (Refused if only_404 and status == 400 else Discontinued)
    assert len(wire.calls) == 1


def test_another_host_with_the_same_path_is_still_the_same_operation() -> None:
    wire = licence("v5")
    for status in (301, 302, 307, 308):
        for prefix in ("https://api4.actito.test", "https://api4.actito.test/gateway"):
            wire.on("GET", f"{PROFILE}/7", moved(status, f"{prefix}{PROFILE}/7"))
            error = raised(lambda: Reader(wire.connect()).profile(CUSTOMERS, "7"))
            assert type(error) is Redirected
            assert "api4.actito.test" in str(error)
    wire.on("GET", f"{PROFILE}/7", moved(302, "https://login.example.com/"))
    assert type(raised(lambda: Reader(wire.connect()).profile(CUSTOMERS, "7"))) is Redirected


@pytest.mark.parametrize(("status", "kind"), [(500, PlatformDown), (503, PlatformDown)])
def test_a_platform_in_trouble_has_ended_nothing(status: int, kind: type[ActitoError]) -> None:
    """Whatever its page of the moment says."""
    wire = licence("v5")
    page = answers(status, "<h1>This service is disabled for maintenance</h1>")
    wire.on("GET", f"{PROFILE}/7", page)
    wire.on("PATCH", f"{PROFILE}/7", page)
    assert type(raised(lambda: Reader(wire.connect()).profile(CUSTOMERS, "7"))) is kind
    assert type(raised(lambda: Writer(wire.connect()).update(CUSTOMERS, "7", {"note": "x"}))) is MaybeSent


def test_a_day_that_has_not_come_is_no_end() -> None:
    wire = licence("v5")
    wire.on("PATCH", f"{PROFILE}/7", answers(400, {"message": "no"}, sunset="Tue, 31 Mar 2099 22:00:00 GMT"))
    assert type(raised(lambda: Writer(wire.connect()).update(CUSTOMERS, "7", {"note": "x"}))) is Refused


ABOLISHED = replace(CUSTOMERS, subscriptions=(*CUSTOMERS.subscriptions, "Abolished"))


def test_a_subscription_that_the_table_does_not_have_any_more_is_no_operation_that_is_gone() -> None:
    """The structure is read again and says whose 404 it was; of one request with others, the column is named. So it is
    where the operation has answered before.
    """
    wire = licence("v5")
    changes: dict[str, str | None] = {"note": "x", "subscriptions#Abolished": "true"}
    for answered in (False, True):
        wire.on("PATCH", f"{PROFILE}/7", *([ok({})] if answered else []), httpx.Response(404))
        writer = Writer(wire.connect())
        if answered:
            writer.update(CUSTOMERS, "7", {"note": "w"})
        with pytest.raises(Refused) as caught:
            writer.update(ABOLISHED, "7", changes)
        error = caught.value
        assert error.fields == (("subscriptions#Abolished", "not_in_table"),)
        assert error.columns_failed == tuple(changes)
    wire = licence("v4")
    wire.on("POST", f"{PROFILE_V4}/7/subscription/Abolished", httpx.Response(404))
    with pytest.raises(Refused) as caught:
        Writer(wire.connect(V4)).update(ABOLISHED, "7", changes)
    assert caught.value.fields == (("subscriptions#Abolished", "not_in_table"),)
    assert (caught.value.columns_sent, caught.value.columns_failed) == (("note",), ("subscriptions#Abolished",))


# What will end

DAY = datetime(2099, 3, 31, 22, tzinfo=UTC)
ANNOUNCED: list[tuple[dict[str, str], datetime | None]] = [
    ({"Deprecation": "@1735689600"}, None),
    ({"Deprecation": "true"}, None),
    ({"Deprecation": "Wed, 01 Jan 2025 00:00:00 GMT"}, None),
    ({"Sunset": "Tue, 31 Mar 2099 22:00:00 GMT"}, DAY),
    ({"Deprecation": "@1735689600", "Sunset": "Tue, 31 Mar 2099 22:00:00 GMT"}, DAY),
    ({"Sunset": "next spring"}, None),
    ({"Warning": '299 - "This API version is deprecated"'}, None),
    ({"Link": '<https://developers.actito.com/changes>; rel="deprecation"; type="text/html"'}, None),
    ({"Link": "<https://developers.actito.com/changes>; rel=sunset"}, None),
]
SILENT: list[dict[str, str]] = [
    {},
    {"Deprecation": ""},
    {"Deprecation": "false"},
    {"Deprecation": "?0"},
    {"Warning": '110 - "Response is stale"'},
    {"Link": '</profiles?page=2>; rel="next"'},
    {"Sunset": ""},
]


def answered(wire: Wire, dialect: Dialect, place: str, headers: dict[str, str]) -> Connection:
    """Two reads, a count and a change of a licence whose answers have these headers."""
    for method in ("GET", "PATCH", "PUT"):
        wire.on(method, f"{place}/7", httpx.Response(200, json=MYSELF, headers=headers))
    wire.on("GET", f"{place}/count", httpx.Response(200, json={"count": 2}, headers=headers))
    connection = wire.connect(dialect)
    reader = Reader(connection)
    reader.profile(CUSTOMERS, "7")
    reader.profile(CUSTOMERS, "7")
    reader.count(CUSTOMERS)
    Writer(connection).update(CUSTOMERS, "7", {"note": "x"})
    return connection


@pytest.mark.parametrize(("headers", "ends"), ANNOUNCED, ids=str)
@BOTH
def test_what_a_success_announces_is_noted_once_per_operation(
    dialect: str, headers: dict[str, str], ends: datetime | None
) -> None:
    connection = answered(licence(dialect), DIALECTS[dialect], PLACES[dialect], headers)
    found = list(connection.announced.values())
    generation = dialect.upper()
    assert [(one.generation, one.what, one.ends) for one in found] == [
        (generation, "a profile", ends),
        (generation, "the number of profiles", ends),
        (generation, "the change of a profile", ends),
    ]


@pytest.mark.parametrize("headers", SILENT, ids=str)
def test_other_headers_announce_nothing(headers: dict[str, str]) -> None:
    assert not answered(licence("v5"), V5, PROFILE, headers).announced


def test_a_failure_announces_nothing() -> None:
    wire = licence("v5")
    wire.on("PATCH", f"{PROFILE}/7", answers(400, {"message": "no"}, deprecation="@1735689600"))
    connection = wire.connect()
    assert type(raised(lambda: Writer(connection).update(CUSTOMERS, "7", {"note": "x"}))) is Refused
    assert not connection.announced


def test_nothing_that_is_said_of_an_end_holds_a_value() -> None:
    wire: Any = licence("v5")
    secret = "jan.removed@example.be"
    wire.on("GET", f"{PROFILE}/emailAddress=jan.removed%40example.be", answers(410, {"message": f"{secret} is gone"}))
    error = raised(lambda: Reader(wire.connect()).profile(CUSTOMERS, ("emailAddress", secret)))
    assert type(error) is Discontinued
    assert secret not in f"{error} {error.hint}"


@BOTH
def test_an_address_by_an_attribute_that_is_gone_is_nobody_who_is_gone(dialect: str) -> None:
    """A licence may know people by profileId alone: nobody is created again for that."""
    wire = licence(dialect)
    wire.on("GET", f"{PLACES[dialect]}/emailAddress=b%40example.be", httpx.Response(404))
    with wire.connect(DIALECTS[dialect]) as connection:
        assert Reader(connection).profile(CUSTOMERS, "7") is not None
        error = raised(lambda: Reader(connection).profile(CUSTOMERS, ("emailAddress", "a@example.be")))
    assert type(error) is Discontinued
    assert "a profile by emailAddress" in str(error)


@pytest.mark.parametrize("status", [400, 404])
def test_a_name_that_the_table_does_not_have_any_more_makes_nobody_gone(status: int) -> None:
    """V5 is asked for subscriptions by name, and may answer so of one that was abolished meanwhile."""

    def answer(request: httpx.Request) -> httpx.Response:
        named = request.url.params.get("subscriptions", "")
        return httpx.Response(status) if named else ok(SOMEBODY)

    wire = licence("v5")
    wire.on("GET", f"{PROFILE}/7", answer)
    wire.on("GET", f"{PROFILE}/8", answer)
    error = raised(lambda: Reader(wire.connect()).profile(CUSTOMERS, "7"))
    assert isinstance(error, NotFound if status == 404 else Refused)
    assert error is not None
    assert error.exit_code == 2


def test_a_table_whose_name_sounds_like_an_end_has_ended_nothing() -> None:
    retired = replace(CUSTOMERS, table="Retired", table_id="Retired")
    place = PROFILE_V4.replace("Customers", "Retired")
    wire = Wire()
    wire.on("GET", PROFILE.replace("/16/", "/Retired/"), ok([SOMEBODY]))
    wire.on("GET", f"{place}/8", ok(SOMEBODY))
    wire.on("GET", f"{place}/7", spring)
    assert Reader(wire.connect(V4)).profile(retired, "7") is None
