"""The sandbox as a server: Actito's contract over HTTP, against a real process."""

from __future__ import annotations

import csv
import io
import json
import signal
import socket
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from auditor.errors import SettingsError, TryLater
from auditor.sandbox.process import API_KEY, Sandbox
from auditor.sandbox.serve import serve

PROFILES_V4 = "/profiles/v4/entity/acme/table/Customers/profile"
PROFILES_V5 = "/profiles/v5/entities/acme/profile-tables/Customers/profiles"
TABLES_V5 = "/profile-table-structure/v5/entities/acme/profile-tables"
EXECUTIONS = "/mass-imports/v5/entities/acme/etl-executions"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Extended limits, so that tests do not slow each other down."""
    with Sandbox(tmp_path_factory.mktemp("sandbox"), profiles=50, seed=2, limits="extended") as running:
        yield running


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """A client with a token, on a fresh licence."""
    sandbox.reset(profiles=50, seed=2)
    with client(sandbox) as ready:
        yield ready


def client(sandbox: Sandbox) -> httpx.Client:
    token = httpx.get(f"{sandbox.url}/auth/token", headers={"Authorization": API_KEY}, trust_env=False).json()
    headers = {"Authorization": f"Bearer {token['accessToken']}", "Accept": "application/json"}
    return httpx.Client(base_url=sandbox.url, headers=headers, trust_env=False, timeout=60)


def attributes(**values: object) -> dict[str, Any]:
    return {"attributes": [{"name": name, "value": value} for name, value in values.items()]}


def errors(answer: httpx.Response) -> set[tuple[str, str]]:
    """Field and code of what an answer complains about; the body repeats the status."""
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["message"]
    return {(error["field"], error["code"]) for error in body["errors"]}


def values_of(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 200
    return {item["name"]: item["value"] for item in answer.json()["attributes"]}


# Token, entities, structure


def test_token_needs_the_bare_key(sandbox: Sandbox) -> None:
    url = f"{sandbox.url}/auth/token"
    answer = httpx.get(url, headers={"Authorization": API_KEY}, trust_env=False)
    assert answer.status_code == 200
    assert answer.json()["expiresIn"] == "900s"
    assert answer.json()["tokenType"] == "bearer"
    for wrong in (f"Bearer {API_KEY}", "other"):
        assert httpx.get(url, headers={"Authorization": wrong}, trust_env=False).status_code == 401
    assert httpx.get(url, trust_env=False).status_code == 401


def test_calls_need_a_living_token(sandbox: Sandbox, http: httpx.Client) -> None:
    assert http.get("/entities/v5/entities").status_code == 200
    assert http.get("/entities/v5/entities", headers={"Authorization": "Bearer none"}).status_code == 401
    sandbox.end_tokens()
    assert http.get("/entities/v5/entities").status_code == 401


def test_entities_in_both_versions(http: httpx.Client) -> None:
    for path in ("/entities/v5/entities", "/entities/v4/entity", "/entities/v4/entity/"):
        assert http.get(path).json()["entities"][0]["name"] == "acme"
    assert http.get("/entities/v5/entities", headers={"Accept": "text/html"}).status_code == 406


def test_structure(http: httpx.Client) -> None:
    """The list and one by id show the same table; predefined attributes have no valueType, free ones do."""
    listed = http.get(TABLES_V5).json()["profileTables"]
    assert listed == [http.get(f"{TABLES_V5}/16").json()]
    found = {attribute["name"]: attribute for attribute in listed[0]["attributes"]}
    assert found["emailAddress"] == {
        "type": "EMAIL_ADDRESS",
        "name": "emailAddress",
        "unique": True,
        "mandatory": True,
    }
    assert found["customerId"]["valueRestriction"] == {"maxLength": 20}
    assert found["nickname"]["valueRestriction"] == {"maxLength": 30, "minLength": 2}
    assert found["interests"]["multiValued"] is True
    assert "Gent Veldstraat" in found["favouriteShop"]["valueRestriction"]["allowedValues"]
    assert [item["name"] for item in listed[0]["subscriptions"]] == ["Newsletter", "Promotions", "Events"]
    tier = {"name": "ClientTier", "type": "EXCLUSIVE", "mandatory": False, "segments": ["Gold", "Silver", "Bronze"]}
    assert tier in listed[0]["segmentations"]
    old = http.get("/profile-table-structure/v4/entity/acme/table/Customers").json()
    assert old["attributes"]["birthDate"] == {"valueType": "Datum", "mandatory": False, "unique": False}
    assert set(old["attributes"]) == set(found)
    names = http.get("/profile-table-structure/v4/entity/acme/table/").json()["profileTableNames"]
    assert names == [{"name": "Customers"}]


def test_unknown_places_are_404(http: httpx.Client) -> None:
    for path in (
        "/v5/entities/acme/profile-tables",
        f"{TABLES_V5}/17",
        "/profile-table-structure/v5/entities/other/profile-tables",
        "/profiles/v4/entity/acme/table/Others/profile/1",
        f"{PROFILES_V4}/999999",
        f"{PROFILES_V4}/emailAddress=nobody@example.com",
        f"{EXECUTIONS}/1",
    ):
        answer = http.get(path)
        assert answer.status_code == 404, path
        assert answer.json()["status"] == 404
    assert http.post("/entities/v5/entities").status_code == 405


# Profiles one by one


def test_create_get_change_delete(http: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.clock(datetime(2026, 7, 1, 10, 0, tzinfo=UTC))
    body = attributes(emailAddress="new@example.com", lastName="Nieuw", loyaltyPoints=12, marketingConsent=True)
    body["subscriptions"] = [{"name": "Newsletter", "subscribe": True}]
    body["segmentations"] = [{"belongs": True, "segmentation": {"category": "ClientTier", "name": "Gold"}}]
    created = http.post(PROFILES_V4, params={"allowUpdate": "false"}, json=body)
    assert created.status_code == 200
    profile = f"{PROFILES_V4}/{created.json()['profileId']}"
    values = values_of(http.get(profile))
    assert values["loyaltyPoints"] == "12"
    assert values["marketingConsent"] == "true"
    assert values["updateMoment"].startswith("2026-07-01 12:00")  # local: Brussels in summer
    assert http.get(f"{PROFILES_V4}/emailAddress=NEW@example.com").json() == http.get(profile).json()
    assert http.get(profile).json()["segmentations"] == [
        {"belongs": False, "segmentation": {"name": "Vip"}},
        {"belongs": True, "segmentation": {"category": "ClientTier", "name": "Gold"}},
    ]

    sandbox.clock(datetime(2026, 7, 2, 10, 0, tzinfo=UTC))
    assert http.put(profile, json=attributes(firstName="Noor", loyaltyPoints=None)).status_code == 200
    changed = values_of(http.get(profile))
    assert changed["updateMoment"].startswith("2026-07-02")
    assert changed["creationMoment"] == values["creationMoment"]
    assert (changed["firstName"], changed["lastName"]) == ("Noor", "Nieuw")
    assert "loyaltyPoints" not in changed

    assert http.delete(profile).status_code == 204
    assert http.get(profile).status_code == 404


def test_create_matches_by_unique_attribute(http: httpx.Client) -> None:
    """`allowUpdate=false` refuses somebody who exists; two unique values of two profiles are a conflict."""
    known = values_of(http.get(f"{PROFILES_V4}/1"))
    other = values_of(http.get(f"{PROFILES_V4}/2"))
    same = attributes(customerId=known["customerId"], lastName="Anders")
    assert http.post(PROFILES_V4, params={"allowUpdate": "false"}, json=same).status_code == 409
    assert http.post(PROFILES_V4, params={"allowUpdate": "true"}, json=same).json() == {"profileId": 1}
    assert values_of(http.get(f"{PROFILES_V4}/1"))["lastName"] == "Anders"
    mixed = attributes(customerId=known["customerId"], emailAddress=other["emailAddress"])
    assert http.post(PROFILES_V4, params={"allowUpdate": "true"}, json=mixed).status_code == 409
    taken = http.put(f"{PROFILES_V4}/1", json=attributes(emailAddress=other["emailAddress"]))
    assert taken.status_code == 409
    assert errors(taken) == {("emailAddress", "DUPLICATE_KEY")}


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("emailAddress", "no address", "INVALID_VALUE"),
        ("emailAddress", "andré@example.com", "INVALID_VALUE"),
        ("emailAddress", "a..b@example.com", "INVALID_VALUE"),
        ("emailAddress", "a@example.c", "INVALID_VALUE"),
        ("emailAddress", "a@-example.com", "INVALID_VALUE"),
        ("emailAddress", None, "MANDATORY_MISSING"),
        ("lastName", "", "MANDATORY_MISSING"),
        ("gsmNumber", "0470 12 34 56", "INVALID_VALUE"),
        ("birthDate", "31/12/1980", "INVALID_VALUE"),
        ("birthDate", "1980-02-31", "INVALID_VALUE"),
        ("lastPurchaseMoment", "2026-01-01T10:00:00", "INVALID_VALUE"),
        ("sex", "X", "INVALID_VALUE"),
        ("personTitle", "Dr", "INVALID_VALUE"),
        ("motherLanguage", "XX", "INVALID_VALUE"),
        ("addressCountry", "UK", "INVALID_VALUE"),
        ("loyaltyPoints", "12.5", "INVALID_VALUE"),
        ("loyaltyPoints", str(2**31), "INVALID_VALUE"),
        ("cardNumber", str(2**63), "INVALID_VALUE"),
        ("lifetimeValue", "12,5", "INVALID_VALUE"),
        ("shopLocation", "50.1", "INVALID_VALUE"),
        ("favouriteShop", "Nowhere", "INVALID_VALUE"),
        ("nickname", "x", "TOO_SHORT"),
        ("nickname", "x" * 31, "TOO_LONG"),
        ("firstName", "x" * 256, "TOO_LONG"),
        ("doNotContact", "perhaps", "INVALID_VALUE"),
        ("profileId", "7", "READ_ONLY"),
        ("updateMoment", "2026-01-01 00:00:00", "READ_ONLY"),
        ("adressCountry", "BE", "UNKNOWN_FIELD"),
    ],
)
def test_values_are_refused(http: httpx.Client, name: str, value: str | None, code: str) -> None:
    before = http.get(f"{PROFILES_V4}/1").json()
    answer = http.put(f"{PROFILES_V4}/1", json=attributes(**{"firstName": "Fine", name: value}))
    assert answer.status_code == 400
    assert (name, code) in errors(answer)
    assert http.get(f"{PROFILES_V4}/1").json() == before


def test_creating_needs_mandatory_values(http: httpx.Client) -> None:
    answer = http.post(PROFILES_V4, json=attributes(firstName="Noor"))
    assert answer.status_code == 400
    assert errors(answer) == {("emailAddress", "MANDATORY_MISSING"), ("lastName", "MANDATORY_MISSING")}


def test_subscriptions_and_segments(http: httpx.Client) -> None:
    profile = f"{PROFILES_V4}/3"
    for method, expected in ((http.post, True), (http.delete, False)):
        assert method(f"{profile}/subscription/Events").status_code == 204
        listed = http.get(f"{profile}/subscription").json()["subscriptions"]
        assert {"name": "Events", "subscribe": expected} in listed
    assert http.post(f"{profile}/subscription/Other").status_code == 404
    assert http.put(f"{profile}/segmentation/Vip").status_code == 204
    assert http.put(f"{profile}/segmentation/Silver;category=ClientTier").status_code == 204
    listed = http.get(f"{profile}/segmentation").json()["segmentation"]
    assert {"belongs": True, "segmentation": {"name": "Vip"}} in listed
    assert {"belongs": True, "segmentation": {"category": "ClientTier", "name": "Silver"}} in listed
    assert http.delete(f"{profile}/segmentation/Silver;category=ClientTier").status_code == 204
    left = http.get(f"{profile}/segmentation").json()["segmentation"]
    assert not any("category" in item["segmentation"] for item in left)
    assert http.put(f"{profile}/segmentation/Platinum;category=ClientTier").status_code == 404


def test_search_and_count(http: httpx.Client) -> None:
    total = http.get(f"{PROFILES_V4}/count").json()["count"]
    assert total == len(http.get(PROFILES_V4).json()["profiles"])
    assert len(http.get(PROFILES_V4, params={"number": 5}).json()["profiles"]) == 5
    found = http.get(PROFILES_V4, params={"search": "profileId=7"}).json()["profiles"]
    assert [item["attributes"][0]["value"] for item in found] == ["7"]
    assert http.get(PROFILES_V4, params={"search": "nonsense"}).status_code == 400
    page = http.get(PROFILES_V5, params={"page": 1, "size": 20}).json()
    assert (len(page["profiles"]), page["totalElements"]) == (20, total)


def test_v5_upsert(http: httpx.Client) -> None:
    """Creates, then updates what `key` names; sections left out stay as they are."""
    body: dict[str, Any] = {
        "key": {"emailAddress": "v5@example.com"},
        "attributes": {"emailAddress": "v5@example.com", "lastName": "Vijf"},
        "subscriptions": {"Newsletter": True, "Promotions": False},
        "segmentations": {"Vip": True, "ClientTier": "Gold"},
    }
    number = http.put(PROFILES_V5, json=body).json()["profileId"]
    again = http.put(PROFILES_V5, json={"key": body["key"], "attributes": {"firstName": "Fien"}})
    assert again.json() == {"profileId": number}
    found = http.get(f"{PROFILES_V5}/{number}").json()
    assert found["attributes"]["firstName"] == "Fien"
    assert found["subscriptions"] == {"Newsletter": True, "Promotions": False, "Events": False}
    assert found["segmentations"] == {"Vip": True, "ClientTier": "Gold"}
    assert http.put(PROFILES_V5, json={"key": {"lastName": "Vijf"}}).status_code == 400
    assert http.put(PROFILES_V5, json={"attributes": {}}).status_code == 400


# Imports


def definition(mapping: Sequence[str], mode: str = "UPDATE_ONLY", **csv_format: str) -> dict[str, Any]:
    loading = {
        "destination": {"type": "PROFILE_TABLE", "id": "16"},
        "mode": mode,
        "csvFormat": {"separator": ";", "enclosing": '"', "encoding": "UTF-8", **csv_format},
        "attributesMapping": [{"headerColumn": name, "attributeName": name} for name in mapping],
        "generateErrorFile": True,
        "generateResultFile": True,
    }
    return {"name": "test", "dataLoadings": [loading]}


def archive(content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("rows.csv", content)
    return target.getvalue()


def send(http: httpx.Client, content: bytes, described: Mapping[str, Any]) -> httpx.Response:
    parts = {
        "inputFile": ("rows.zip", content, "application/zip"),
        "parameters": ("parameters.json", json.dumps(described).encode(), "application/json"),
    }
    return http.post(EXECUTIONS, files=parts)


def run_import(
    sandbox: Sandbox, http: httpx.Client, rows: Sequence[Sequence[str]], mode: str = "UPDATE_ONLY"
) -> dict[str, Any]:
    """Import rows, the first of which is the header; returns the finished execution."""
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\n").writerows(rows)
    answer = send(http, archive(text.getvalue().encode()), definition(rows[0], mode))
    assert answer.status_code == 202, answer.text
    sandbox.idle()
    execution: dict[str, Any] = http.get(f"{EXECUTIONS}/{answer.json()['executionId']}").json()
    return execution


def unpacked(answer: httpx.Response) -> list[list[str]]:
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        (name,) = packed.namelist()
        return list(csv.reader(io.StringIO(packed.read(name).decode(), newline=""), delimiter=";"))


def counts(execution: Mapping[str, Any]) -> tuple[int, int, int, int]:
    (result,) = execution["results"]
    assert result["withErrors"] == (result["rowsInError"] > 0)
    return result["rowsRead"], result["rowsCreated"], result["rowsUpdated"], result["rowsInError"]


def test_import_updates_and_returns_refused_rows(sandbox: Sandbox, http: httpx.Client) -> None:
    rows = [
        ["customerId", "lastName", "subscriptions#Newsletter", "segmentations#ClientTier", "loyaltyPoints"],
        ["C000001", 'Met ; en "quotes"', "N", "Silver", "7"],
        ["C000002", "", "", "", "8"],
        ["C000003", "Fout", "N", "Platinum", "9"],
        ["C999999", "Niemand", "N", "Gold", "9"],
        ["C000004", "Fout", "N", "Gold", "veel"],
        ["", "Fout", "N", "Gold", "9"],
    ]
    before = values_of(http.get(f"{PROFILES_V4}/customerId=C000002"))
    execution = run_import(sandbox, http, rows)
    assert execution["status"] == "SUCCESS_WITH_ERRORS"
    assert counts(execution) == (6, 0, 2, 4)
    first = values_of(http.get(f"{PROFILES_V4}/customerId=C000001"))
    assert (first["lastName"], first["loyaltyPoints"]) == ('Met ; en "quotes"', "7")
    second = values_of(http.get(f"{PROFILES_V4}/customerId=C000002"))
    assert second["loyaltyPoints"] == "8"
    assert second["lastName"] == before["lastName"], "an empty cell leaves a value as it is"
    refused = unpacked(http.get(f"{EXECUTIONS}/{execution['id']}/error-file"))
    assert refused == [
        [*rows[0], "errorCode", "errorColumn"],
        [*rows[3], "INVALID_VALUE", "segmentations#ClientTier"],
        [*rows[4], "UNKNOWN_PROFILE", "customerId"],
        [*rows[5], "INVALID_VALUE", "loyaltyPoints"],
        [*rows[6], "MANDATORY_MISSING", "customerId"],
    ]
    result = unpacked(http.get(f"{EXECUTIONS}/{execution['id']}/result-file"))
    assert [row[-1] for row in result] == ["result", "UPDATED", "UPDATED"]


def test_import_modes(sandbox: Sandbox, http: httpx.Client) -> None:
    header = ["customerId", "emailAddress", "lastName"]
    known = values_of(http.get(f"{PROFILES_V4}/1"))
    rows = [header, ["N1", "n1@example.com", "Eén"], [known["customerId"], known["emailAddress"], "Anders"]]
    assert counts(run_import(sandbox, http, rows, "UPDATE_ONLY")) == (2, 0, 1, 1)
    assert counts(run_import(sandbox, http, rows, "CREATE_ONLY")) == (2, 1, 0, 1)
    assert counts(run_import(sandbox, http, rows, "CREATE_UPDATE")) == (2, 0, 2, 0)
    taken = [header, ["N2", known["emailAddress"], "Twee"], ["N3", "n3@example.com", ""]]
    execution = run_import(sandbox, http, taken, "CREATE_ONLY")
    refused = unpacked(http.get(f"{EXECUTIONS}/{execution['id']}/error-file"))[1:]
    assert [row[-2:] for row in refused] == [["DUPLICATE_KEY", "emailAddress"], ["MANDATORY_MISSING", "lastName"]]


def test_imports_run_in_order(sandbox: Sandbox, http: httpx.Client) -> None:
    """Three imports of one cell, sent at once: the last one sent is the last one written."""
    for points in ("1", "2", "3"):
        content = archive(f"customerId;loyaltyPoints\nC000001;{points}\n".encode())
        assert send(http, content, definition(["customerId", "loyaltyPoints"])).status_code == 202
    sandbox.idle()
    assert values_of(http.get(f"{PROFILES_V4}/customerId=C000001"))["loyaltyPoints"] == "3"
    assert sandbox.state()["imports"] == {"SUCCESS": 3}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xef\xbb\xbfcustomerId;lastName\nC000001;X\n", id="byte order mark"),
        pytest.param("customerId;lastName\nC000001;é\n".encode("latin-1"), id="wrong encoding"),
        pytest.param(b"customerId;name\nC000001;X\n", id="mapped column missing"),
        pytest.param(b"customerId;lastName\nC000001;X;Y\n", id="too many columns"),
        pytest.param(b"customerId;lastName;lastName\nC000001;X;Y\n", id="header twice"),
        pytest.param(b'customerId;lastName\nC000001;"X\n', id="quote left open"),
        pytest.param(b"", id="empty"),
    ],
)
def test_a_file_that_breaks_the_rules_is_refused_whole(sandbox: Sandbox, http: httpx.Client, content: bytes) -> None:
    before = sandbox.profiles()
    answer = send(http, archive(content), definition(["customerId", "lastName"]))
    sandbox.idle()
    execution = http.get(f"{EXECUTIONS}/{answer.json()['executionId']}").json()
    assert execution["status"] == "FAILED"
    assert execution["message"]
    assert sandbox.profiles() == before


def test_declared_encoding_is_honoured(sandbox: Sandbox, http: httpx.Client) -> None:
    content = archive("customerId;lastName\nC000001;Thérèse\n".encode("latin-1"))
    assert send(http, content, definition(["customerId", "lastName"], encoding="ISO-8859-1")).status_code == 202
    sandbox.idle()
    assert values_of(http.get(f"{PROFILES_V4}/customerId=C000001"))["lastName"] == "Thérèse"


def test_definitions_are_judged_at_once(sandbox: Sandbox, http: httpx.Client) -> None:
    """A refused call does not count against the calls of the day."""
    content = archive(b"customerId;lastName\nC000001;X\n")
    good = definition(["customerId", "lastName"])
    for wrong in (
        {},
        definition(["customerId", "lastName"], mode="MERGE"),
        definition(["customerId", "profileId"]),
        definition(["customerId", "subscriptions#Other"]),
        definition(["lastName"]),
        definition(["customerId", "lastName"], encoding="UTF-16"),
        definition(["customerId", "customerId"]),
    ):
        assert send(http, content, wrong).status_code == 400
    assert send(http, b"customerId;lastName\n", good).status_code == 400
    assert http.post(EXECUTIONS, json=good).status_code == 400
    assert http.post(EXECUTIONS, files={"inputFile": ("rows.zip", content)}).status_code == 400
    assert sandbox.state()["bulk_calls"] == {}


def test_a_large_import_is_quick(sandbox: Sandbox, http: httpx.Client) -> None:
    """20,000 rows, in seconds; single calls are answered meanwhile."""
    rows = [["customerId", "emailAddress", "lastName"]]
    rows += [[f"L{number}", f"l{number}@example.com", "Groot"] for number in range(20_000)]
    started = time.monotonic()
    assert counts(run_import(sandbox, http, rows, "CREATE_ONLY")) == (20_000, 20_000, 0, 0)
    assert time.monotonic() - started < 30  # a couple of seconds on a quiet machine


# Limits


@pytest.fixture
def sold(tmp_path: Path) -> Iterator[Sandbox]:
    """A licence with the limits it is sold with."""
    with Sandbox(tmp_path / "sold", profiles=5) as running:
        yield running


def test_a_sixth_concurrent_request_is_refused(sold: Sandbox) -> None:
    """Five requests whose bodies have not come in yet keep the licence busy; when one ends, there is room again."""
    with client(sold) as http:
        token = http.headers["Authorization"]
        host, port = sold.url.removeprefix("http://").split(":")
        head = f"PUT {PROFILES_V4}/1 HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}\r\nContent-Length: 2\r\n\r\n"
        held = [socket.create_connection((host, int(port))) for _ in range(5)]
        try:
            for connection in held:
                connection.sendall(head.encode())
            wait_for(sold, in_flight=5)
            answer = http.get("/entities/v5/entities")
            assert answer.status_code == 429
            assert answer.json()["status"] == 429
            held[0].sendall(b"{}")
            assert b"200 OK" in held[0].recv(100)
            wait_for(sold, in_flight=4)
            assert http.get("/entities/v5/entities").status_code == 200
        finally:
            for connection in held:
                connection.close()


def wait_for(sandbox: Sandbox, *, in_flight: int) -> None:
    end = time.monotonic() + 20
    while sandbox.state()["calls"]["in_flight"] != in_flight:
        assert time.monotonic() < end


def test_calls_beyond_those_of_a_minute_are_slower(sold: Sandbox) -> None:
    """Not refused: each takes longer than the one before."""
    with client(sold) as http:
        for _ in range(100):
            assert http.get("/entities/v5/entities").status_code == 200
        assert sold.state()["calls"]["slowed"] == 0
        started = time.monotonic()
        for _ in range(5):
            assert http.get("/entities/v5/entities").status_code == 200
        assert sold.state()["calls"] == {"total": 105, "rejected": 0, "slowed": 5, "in_flight": 0}
        assert time.monotonic() - started >= 0.02 * (1 + 2 + 3 + 4 + 5)


def test_twelve_bulk_calls_a_day(sold: Sandbox) -> None:
    """The thirteenth is refused until the next day in Brussels, which begins at 22:00 UTC in summer."""
    content, described = archive(b"customerId;lastName\nC000001;X\n"), definition(["customerId", "lastName"])
    sold.clock(datetime(2026, 7, 1, 12, 0, tzinfo=UTC))
    with client(sold) as http:
        for _ in range(12):
            assert send(http, content, described).status_code == 202
        assert send(http, content, described).status_code == 429
        assert sold.state()["bulk_calls"] == {"Customers 2026-07-01": 12}
        sold.clock(datetime(2026, 7, 1, 22, 1, tzinfo=UTC))
        assert send(http, content, described).status_code == 202


def test_an_archive_beyond_100_mb_is_refused(sold: Sandbox) -> None:
    with client(sold) as http:
        answer = send(http, b"PK" + bytes(100_000_000), definition(["customerId", "lastName"]))
    assert answer.status_code == 400
    assert sold.state()["bulk_calls"] == {}


# The process


def test_everything_survives_a_restart(tmp_path: Path) -> None:
    """Profiles, CRM, clock, quota, answers and results of imports are kept; the key is readable for its owner only."""
    folder = tmp_path / "kept"
    sandbox = Sandbox(folder, profiles=300, seed=9)
    with sandbox, client(sandbox) as http:
        sandbox.clock(datetime(2026, 3, 1, tzinfo=UTC))
        answers = sandbox.drift()
        http.put(f"{PROFILES_V4}/1", json=attributes(firstName="Blijft"))
        execution = run_import(sandbox, http, [["customerId", "lastName"], ["nobody", "X"]])
        state, profiles, extract = sandbox.state(), sandbox.profiles(), sandbox.crm(tmp_path / "one").read_bytes()
    assert stat.S_IMODE((folder / "api-key").stat().st_mode) == 0o600
    assert (folder / "api-key").read_text(encoding="utf-8").strip() == API_KEY
    again = Sandbox(folder, profiles=7, seed=1)
    with again, client(again) as http:
        assert again.profiles() == profiles
        assert again.answers() == answers
        assert again.crm(tmp_path / "two").read_bytes() == extract
        now = again.state()
        assert now["now"][:10] == "2026-03-01"
        assert {**now, "now": "", "calls": ""} == {**state, "now": "", "calls": ""}
        assert http.get(f"{EXECUTIONS}/{execution['id']}").json() == execution
        assert unpacked(http.get(f"{EXECUTIONS}/{execution['id']}/error-file"))[1][-2] == "UNKNOWN_PROFILE"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "auditor.sandbox", "--port", "0", "--dir", str(tmp_path / "s"), "--profiles", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("sandbox ready on http://127.0.0.1:")
        process.send_signal(number)
        out, said = process.communicate(timeout=30)
    assert (process.returncode, out, said) == (0, "", "")


def test_it_listens_on_this_machine_only(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "192.0.2.1", "example.com"):  # noqa: S104 -- refused is the point
        with pytest.raises(SettingsError, match="this machine only"):
            serve(host, 0, tmp_path, 1, 1)


def test_a_port_in_use_is_one_sentence(sold: Sandbox, tmp_path: Path) -> None:
    port = int(sold.url.rsplit(":", 1)[1])
    with pytest.raises(TryLater, match="cannot listen"):
        Sandbox(tmp_path / "other", profiles=1, port=port).start()


def test_export_has_the_form_of_actitos(sandbox: Sandbox, http: httpx.Client, tmp_path: Path) -> None:
    """`;`, UTF-8 without BOM, line feeds, moments in local time, the licence's time in the name."""
    sandbox.clock(datetime(2026, 7, 1, 10, 0, tzinfo=UTC))
    http.put(f"{PROFILES_V4}/1", json=attributes(note='two lines;\n"and quotes"'))
    path = sandbox.export(tmp_path)
    assert path.name.startswith("Customers_20260701T1200")
    raw = path.read_bytes()
    assert raw.startswith(b"profileId;creationMoment;updateMoment;customerId;")
    assert b"\r" not in raw
    rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8"), newline=""), delimiter=";", strict=True))
    assert [{name: cell for name, cell in row.items() if cell} for row in rows] == sandbox.profiles()
    assert rows[0]["note"] == 'two lines;\n"and quotes"'
    assert sandbox.crm(tmp_path).name.startswith("contacts_20260701T1200")


def test_drift_happens_once(sandbox: Sandbox, http: httpx.Client) -> None:
    answers = sandbox.drift()
    assert sandbox.answers() == answers
    with pytest.raises(TryLater, match="409"):
        sandbox.drift()
