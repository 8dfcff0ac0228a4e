"""The sandbox as a server: Actito's calls over HTTP, against a real process. The forms of V5: `test_sandbox_v5`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from auditor.errors import TryLater
from auditor.sandbox.process import API_KEY
from tests.driven_sandbox import Sandbox
from tests.sandbox_client import (
    EXECUTIONS,
    PROFILES_V4,
    PROFILES_V5,
    TABLES_V5,
    client,
    errors,
    in_v4,
    values_of,
)

pytestmark = pytest.mark.breaches("*")  # the client is rude on purpose: what the sandbox refuses is tested here


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Extended limits, so that tests do not slow each other down."""
    folder = tmp_path_factory.mktemp("sandbox")
    with Sandbox(folder, profiles=50, seed=2, limits="extended", with_v4=True) as running:
        yield running


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """A client with a token, on a fresh licence."""
    sandbox.reset(profiles=50, seed=2)
    with client(sandbox) as ready:
        yield ready


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
        f"{PROFILES_V5}/999999",
        f"{PROFILES_V5}/emailAddress=nobody@example.com",
        "/profiles/v5/entities/acme/profile-tables/Others/profiles/1",
        f"{EXECUTIONS}/1",
    ):
        answer = http.get(path)
        assert answer.status_code == 404, path
        assert answer.json()["status"] == 404
    assert http.post("/entities/v5/entities").status_code == 405


# Profiles one by one

EVERY = {"subscriptions": "Newsletter,Promotions,Events", "segmentations": "Vip,ClientTier", "includeNulls": "true"}


def test_create_get_change_delete_in_v5(http: httpx.Client, sandbox: Sandbox) -> None:
    """Flat objects; what a change does not name stays."""
    sandbox.clock(datetime(2026, 7, 1, 10, 0, tzinfo=UTC))
    body: dict[str, Any] = {
        "attributes": {
            "emailAddress": "new@example.com",
            "lastName": "Nieuw",
            "loyaltyPoints": 12,
            "marketingConsent": True,
        },
        "subscriptions": {"Newsletter": True},
        "segmentations": {"ClientTier": "Gold"},
    }
    created = http.post(PROFILES_V5, json=body)
    assert created.status_code == 200
    profile = f"{PROFILES_V5}/{created.json()['profileId']}"
    new = http.get(profile, params=EVERY).json()
    assert new["profileId"] == created.json()["profileId"]
    values = new["attributes"]
    assert (values["loyaltyPoints"], values["marketingConsent"]) == ("12", True)
    assert values["updateMoment"].startswith("2026-07-01 12:00")  # local: Brussels in summer
    assert new["subscriptions"] == {"Newsletter": True, "Promotions": False, "Events": False}
    assert new["segmentations"] == {"Vip": False, "ClientTier": "Gold"}
    assert http.get(f"{PROFILES_V5}/emailAddress=NEW@example.com", params=EVERY).json() == new

    sandbox.clock(datetime(2026, 7, 2, 10, 0, tzinfo=UTC))
    change = {"attributes": {"firstName": "Noor", "loyaltyPoints": None}, "segmentations": {"Vip": True}}
    assert http.patch(profile, json=change).status_code == 200
    changed = http.get(profile, params=EVERY).json()
    assert changed["attributes"].pop("updateMoment").startswith("2026-07-02")
    kept = {name: value for name, value in values.items() if name not in ("updateMoment", "loyaltyPoints")}
    assert changed["attributes"] == kept | {"firstName": "Noor"}
    assert changed["subscriptions"] == new["subscriptions"]
    assert changed["segmentations"] == {"Vip": True, "ClientTier": "Gold"}

    assert http.delete(profile).status_code == 204
    assert [call(profile).status_code for call in (http.get, http.delete)] == [404, 404]
    assert http.patch(profile, json=change).status_code == 404


def test_a_change_touches_nobody_else(http: httpx.Client, sandbox: Sandbox) -> None:
    before = {one["profileId"]: one for one in sandbox.profiles()}
    http.patch(f"{PROFILES_V5}/3", json={"attributes": {"note": "x"}, "subscriptions": {"Events": True}})
    after = {one["profileId"]: one for one in sandbox.profiles()}
    changed = {"note": "x", "subscriptions#Events": "true", "updateMoment": after["3"]["updateMoment"]}
    assert after == before | {"3": before["3"] | changed}


@pytest.mark.parametrize(
    "body",
    [
        {"attributes": {"emailAddress": "NEW2@example.com", "lastName": "Nieuw"}},
        {"attributes": {"customerId": "C-NEW2", "emailAddress": "other2@example.com", "lastName": "Nieuw"}},
    ],
    ids=["by address", "by number"],
)
def test_a_creation_refuses_whoever_exists(http: httpx.Client, sandbox: Sandbox, body: dict[str, Any]) -> None:
    """By any unique value, and nobody is changed."""
    known = {"customerId": "C-NEW2", "emailAddress": "new2@example.com", "lastName": "Eerst"}
    assert http.post(PROFILES_V5, json={"attributes": known}).status_code == 200
    before = sandbox.profiles()
    assert http.post(PROFILES_V5, json=body).status_code == 409
    assert sandbox.profiles() == before


def test_a_creation_of_two_people_at_once_is_refused(http: httpx.Client, sandbox: Sandbox) -> None:
    before = sandbox.profiles()
    named = [{name: one[name] for name in ("customerId", "emailAddress") if name in one} for one in before]
    first, second = [one for one in named if len(one) == 2][:2]
    mixed = {"customerId": first["customerId"], "emailAddress": second["emailAddress"], "lastName": "Beiden"}
    assert http.post(PROFILES_V5, json={"attributes": mixed}).status_code == 409
    taken = http.patch(f"{PROFILES_V5}/emailAddress={first['emailAddress']}", json={"attributes": second})
    assert taken.status_code == 409
    assert ("emailAddress", "DUPLICATE_KEY") in errors(taken)
    assert sandbox.profiles() == before


def test_a_replacement_clears_what_it_does_not_name(http: httpx.Client) -> None:
    """So that whoever sends one for a correction is found out; it is a breach too: see `test_sandbox_breaches`."""
    body = {"attributes": {"emailAddress": "whole@example.com", "lastName": "Heel", "note": "stays?"}}
    whole = body | {"subscriptions": {"Events": True}, "segmentations": {"ClientTier": "Gold", "Vip": True}}
    number = http.post(PROFILES_V5, json=whole).json()["profileId"]
    lacking = http.put(f"{PROFILES_V5}/{number}", json={"attributes": {"lastName": "Anders"}})
    assert (lacking.status_code, errors(lacking)) == (400, {("emailAddress", "MANDATORY_MISSING")})
    named = {"attributes": {"emailAddress": "whole@example.com", "lastName": "Anders"}}
    assert http.put(f"{PROFILES_V5}/{number}", json=named).json() == {"profileId": number}
    left = http.get(f"{PROFILES_V5}/{number}", params=EVERY).json()
    technical = {name: left["attributes"].pop(name) for name in ("profileId", "creationMoment", "updateMoment")}
    assert all(technical.values())
    assert left["attributes"] == named["attributes"]
    assert left["subscriptions"] == {"Newsletter": False, "Promotions": False, "Events": False}
    assert left["segmentations"] == {"Vip": False, "ClientTier": None}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ([], "JSON object"),
        ("x", "JSON object"),
        ({"attributes": [{"name": "note", "value": "x"}]}, "attributes is not an object"),
        ({"subscriptions": [{"name": "Events", "subscribe": True}]}, "subscriptions is not an object"),
        ({"attributes": {"note": {"value": "x"}}}, "a value is neither"),
    ],
)
def test_v5_takes_flat_objects_alone(http: httpx.Client, sandbox: Sandbox, body: object, sentence: str) -> None:
    before = sandbox.profiles()
    for answer in (http.patch(f"{PROFILES_V5}/3", json=body), http.post(PROFILES_V5, json=body)):
        assert answer.status_code == 400
        assert sentence in answer.json()["message"]
    assert sandbox.profiles() == before


def test_create_get_change_delete(http: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.clock(datetime(2026, 7, 1, 10, 0, tzinfo=UTC))
    body = in_v4(emailAddress="new@example.com", lastName="Nieuw", loyaltyPoints=12, marketingConsent=True)
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
    assert http.put(profile, json=in_v4(firstName="Noor", loyaltyPoints=None)).status_code == 200
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
    same = in_v4(customerId=known["customerId"], lastName="Anders")
    assert http.post(PROFILES_V4, params={"allowUpdate": "false"}, json=same).status_code == 409
    assert http.post(PROFILES_V4, params={"allowUpdate": "true"}, json=same).json() == {"profileId": 1}
    assert values_of(http.get(f"{PROFILES_V4}/1"))["lastName"] == "Anders"
    mixed = in_v4(customerId=known["customerId"], emailAddress=other["emailAddress"])
    assert http.post(PROFILES_V4, params={"allowUpdate": "true"}, json=mixed).status_code == 409
    taken = http.put(f"{PROFILES_V4}/1", json=in_v4(emailAddress=other["emailAddress"]))
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
    change = {"firstName": "Fine", name: value}
    for answer in (
        http.put(f"{PROFILES_V4}/1", json=in_v4(**change)),
        http.patch(f"{PROFILES_V5}/1", json={"attributes": change}),
    ):
        assert answer.status_code == 400
        assert (name, code) in errors(answer)
    assert http.get(f"{PROFILES_V4}/1").json() == before


def test_creating_needs_mandatory_values(http: httpx.Client) -> None:
    for answer in (
        http.post(PROFILES_V4, json=in_v4(firstName="Noor")),
        http.post(PROFILES_V5, json={"attributes": {"firstName": "Noor"}}),
    ):
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


def test_search_and_count(http: httpx.Client, sandbox: Sandbox) -> None:
    total = http.get(f"{PROFILES_V4}/count").json()["count"]
    assert total == len(http.get(PROFILES_V4).json()["profiles"])
    assert len(http.get(PROFILES_V4, params={"number": 5}).json()["profiles"]) == 5
    found = http.get(PROFILES_V4, params={"search": "profileId=7"}).json()["profiles"]
    assert [item["attributes"][0]["value"] for item in found] == ["7"]
    assert http.get(PROFILES_V4, params={"search": "nonsense"}).status_code == 400
    assert http.get(f"{PROFILES_V5}/count").json() == {"count": total}
    pages = [http.get(PROFILES_V5, params={"page": page, "size": 20}).json()["profiles"] for page in range(4)]
    assert [len(page) for page in pages] == [20, 20, total - 40, 0]
    assert sorted(one["profileId"] for page in pages for one in page) == list(range(1, total + 1))
    assert all(one.keys() == {"profileId", "attributes"} for page in pages for one in page)
    (found_in_v5,) = http.get(PROFILES_V5, params={"search": "profileId=7", **EVERY}).json()["profiles"]
    assert found_in_v5 == http.get(f"{PROFILES_V5}/7", params=EVERY).json()
    belgians = {one["profileId"] for one in sandbox.profiles() if one.get("addressCountry") == "BE"}
    asked = http.get(PROFILES_V5, params={"search": "addressCountry=BE", "size": 100}).json()["profiles"]
    assert {str(one["profileId"]) for one in asked} == belgians != set()
    for wrong in ({"search": "nonsense"}, {"search": "shoeSize=44"}, {"size": 0}, {"page": -1}, {"size": 1001}):
        assert http.get(PROFILES_V5, params=wrong).status_code == 400


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
    found = http.get(f"{PROFILES_V5}/{number}", params=EVERY).json()
    assert found["attributes"]["firstName"] == "Fien"
    assert found["subscriptions"] == {"Newsletter": True, "Promotions": False, "Events": False}
    assert found["segmentations"] == {"Vip": True, "ClientTier": "Gold"}
    assert http.put(PROFILES_V5, json={"key": {"lastName": "Vijf"}}).status_code == 400
    assert http.put(PROFILES_V5, json={"attributes": {}}).status_code == 400


# Files and drift


def test_export_has_the_form_of_actitos(sandbox: Sandbox, http: httpx.Client, tmp_path: Path) -> None:
    """`;`, UTF-8 without BOM, line feeds, moments in local time, the licence's time in the name."""
    sandbox.clock(datetime(2026, 7, 1, 10, 0, tzinfo=UTC))
    http.patch(f"{PROFILES_V5}/1", json={"attributes": {"note": 'two lines;\n"and quotes"'}})
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
