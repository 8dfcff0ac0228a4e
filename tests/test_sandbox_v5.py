"""The V5 calls about profiles in each form that nobody has seen, and V4's on a platform that has switched them off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from auditor.sandbox.app import make_app, open_licence
from auditor.sandbox.dialect import OFF, Dialect
from auditor.sandbox.faults import Faults, parse
from auditor.sandbox.limits import limits_named
from auditor.sandbox.process import API_KEY
from tests.sandbox_client import PROFILES_V4, PROFILES_V5, errors

PEOPLE = 12
ONE = f"{PROFILES_V5}/1"


@dataclass
class Client:
    """Calls an application of this process, one call at a time."""

    app: Starlette
    headers: dict[str, str] = field(default_factory=lambda: {"Authorization": API_KEY})

    def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        async def call() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://localhost", headers=self.headers
            ) as http:
                return await http.request(method, url, **options)

        return asyncio.run(call())

    def get(self, url: str, **options: Any) -> httpx.Response:
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> httpx.Response:
        return self.request("POST", url, **options)

    def patch(self, url: str, **options: Any) -> httpx.Response:
        return self.request("PATCH", url, **options)

    def delete(self, url: str, **options: Any) -> httpx.Response:
        return self.request("DELETE", url, **options)


Make = Callable[..., Client]


@pytest.fixture
def sandbox(tmp_path: Path) -> Make:
    """A client of a small licence in these forms."""

    def made(**forms: Any) -> Client:
        licence = open_licence(tmp_path, PEOPLE, 2)
        http = Client(make_app(licence, limits_named("extended"), Dialect(**forms), Faults(1, parse(()))))
        token = http.get("/auth/token").json()["accessToken"]
        http.headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        return http

    return made


def breaches(http: Client) -> set[str]:
    return {one["breach"] for one in http.get("/_sandbox/breaches").json()["breaches"]}


# Only what is named is told


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, {}),
        ({"includeNulls": "true"}, {}),
        ({"subscriptions": "Events"}, {"subscriptions": {"Events": False}}),
        ({"subscriptions": ""}, {"subscriptions": {}}),
        (
            {"subscriptions": "Events,Newsletter"},
            {"subscriptions": {"Events": False, "Newsletter": True}},
        ),
        ({"segmentations": "Vip"}, {"segmentations": {"Vip": True}}),
        ({"segmentations": "ClientTier"}, {"segmentations": {}}),
        ({"segmentations": "ClientTier", "includeNulls": "true"}, {"segmentations": {"ClientTier": None}}),
        ({"segmentations": "ClientTier", "includeNulls": "false"}, {"segmentations": {}}),
        (
            {"subscriptions": "Newsletter", "segmentations": "Vip,ClientTier", "includeNulls": "true"},
            {"subscriptions": {"Newsletter": True}, "segmentations": {"Vip": True, "ClientTier": None}},
        ),
    ],
    ids=str,
)
def test_only_what_is_named_is_told(sandbox: Make, asked: dict[str, str], told: dict[str, Any]) -> None:
    http = sandbox()
    state = {
        "subscriptions": {"Newsletter": True, "Promotions": True, "Events": False},
        "segmentations": {"Vip": True, "ClientTier": None},
    }
    assert http.patch(ONE, json=state).status_code == 200
    answer = http.get(ONE, params=asked).json()
    assert answer.keys() == {"profileId", "attributes", *told}
    assert {section: answer[section] for section in told} == told
    (listed,) = http.get(PROFILES_V5, params={**asked, "search": "profileId=1"}).json()["profiles"]
    assert listed == answer


@pytest.mark.parametrize(("form", "left"), [("false", False), ("null", None)])
def test_a_simple_segmentation_that_somebody_is_not_in(sandbox: Make, form: str, left: bool | None) -> None:
    http = sandbox(segment_nulls=form)
    http.patch(ONE, json={"segmentations": {"Vip": False}})
    asked = {"segmentations": "Vip", "includeNulls": "true"}
    assert http.get(ONE, params=asked).json()["segmentations"] == {"Vip": left}


@pytest.mark.parametrize(("form", "status"), [("left out", 200), ("400", 400), ("404", 404)])
@pytest.mark.parametrize("section", ["subscriptions", "segmentations"])
@pytest.mark.parametrize("place", [ONE, PROFILES_V5])
def test_a_name_that_the_table_does_not_have(sandbox: Make, form: str, status: int, section: str, place: str) -> None:
    known = {"subscriptions": "Newsletter", "segmentations": "ClientTier"}[section]
    answer = sandbox(unknown_asked=form).get(place, params={section: f"{known},Nothing", "includeNulls": "true"})
    assert answer.status_code == status
    if status == 200:
        profile = answer.json() if place == ONE else answer.json()["profiles"][0]
        assert profile[section].keys() == {known}


def test_a_list_may_leave_out_the_sections_that_it_is_asked_for(sandbox: Make) -> None:
    http = sandbox(list_sections=False)
    asked = {"subscriptions": "Newsletter", "segmentations": "Vip"}
    listed = http.get(PROFILES_V5, params=asked).json()["profiles"]
    assert {tuple(one) for one in listed} == {("profileId", "attributes")}
    assert http.get(ONE, params=asked).json().keys() == {"profileId", "attributes", *asked}


def test_attributes_without_a_value_may_be_null(sandbox: Make) -> None:
    without = sandbox().get(ONE).json()["attributes"]
    filled = sandbox(unfilled_as_null=True).get(ONE).json()["attributes"]
    assert {name: value for name, value in filled.items() if value is not None} == without
    assert set(filled) - set(without) != set()


# How many there are


@pytest.mark.parametrize(
    ("total", "apart", "in_page", "in_header"),
    [
        ("apart", {"count": PEOPLE}, None, None),
        ("totalElements", None, ("totalElements", PEOPLE), None),
        ("total", None, ("total", PEOPLE), None),
        ("in a header", None, None, str(PEOPLE)),
        ("nowhere", None, None, None),
    ],
)
def test_where_the_number_of_profiles_is_told(
    sandbox: Make, total: str, apart: object, in_page: tuple[str, int] | None, in_header: str | None
) -> None:
    """In one place or in none: whoever counts must look in each, and go on where none tells."""
    http = sandbox(total=total)
    counted = http.get(f"{PROFILES_V5}/count")
    assert (counted.status_code, counted.json() if counted.is_success else None) == (200 if apart else 404, apart)
    page = http.get(PROFILES_V5, params={"size": 2})
    assert len(page.json()["profiles"]) == 2
    numbers = {name: value for name, value in page.json().items() if name not in ("profiles", "page", "size")}
    assert numbers == dict([in_page] if in_page else [])
    assert page.headers.get("x-total-count") == in_header


@pytest.mark.parametrize("wrapper", ["profiles", "content", "bare"])
@pytest.mark.parametrize("total", ["totalElements", "in a header"])
def test_a_search_is_a_page_of_the_list(sandbox: Make, wrapper: str, total: str) -> None:
    http = sandbox(profile_page=wrapper, total=total, largest_page=3)
    address = sandbox().get(ONE).json()["attributes"]["emailAddress"]
    answer = http.get(PROFILES_V5, params={"search": f"emailAddress={address}"})
    content = answer.json()
    (found,) = content if wrapper == "bare" else content[wrapper]
    assert found["attributes"]["emailAddress"] == address
    if total == "in a header":
        assert answer.headers["x-total-count"] == "1"
    everybody = http.get(PROFILES_V5, params={"size": 100}).json()
    assert len(everybody if wrapper == "bare" else everybody[wrapper]) == 3


# What changes answer


@pytest.mark.parametrize("changed", ["200", "201", "204"])
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_the_answer_to_a_change(sandbox: Make, changed: str, method: str) -> None:
    http = sandbox(changed=changed)
    whole = http.get(ONE).json()["attributes"]
    body = {name: whole[name] for name in ("emailAddress", "lastName")} | {"note": "changed"}
    answer = http.request(method, ONE, json={"attributes": body})
    assert answer.status_code == int(changed)
    assert answer.content == b"" if changed == "204" else answer.json() == {"profileId": 1}
    assert http.get(ONE).json()["attributes"]["note"] == "changed"


@pytest.mark.parametrize("created", ["200", "201", "201 without body"])
def test_the_answer_to_a_creation(sandbox: Make, created: str) -> None:
    http = sandbox(created=created)
    answer = http.post(PROFILES_V5, json={"attributes": {"emailAddress": "new@example.com", "lastName": "Nieuw"}})
    assert answer.status_code == int(created[:3])
    number = http.get(f"{PROFILES_V5}/emailAddress=new@example.com").json()["profileId"]
    assert (answer.json()["profileId"] if answer.content else None) == (None if "without" in created else number)
    location = None if created == "200" else f"{PROFILES_V5}/{number}"
    assert answer.headers.get("location") == location


@pytest.mark.parametrize("done", ["204", "200 with text", "200 with JSON"])
def test_the_answer_to_a_deletion(sandbox: Make, done: str) -> None:
    http = sandbox(done=done)
    answer = http.delete(ONE)
    assert answer.status_code == int(done[:3])
    assert http.get(ONE).status_code == 404
    assert http.get(f"{PROFILES_V5}/count").json() == {"count": PEOPLE - 1}


@pytest.mark.parametrize("form", ["404", "400"])
@pytest.mark.parametrize("body", [{"subscriptions": {"Nothing": True}}, {"segmentations": {"Nothing": True}}])
def test_a_change_of_what_the_table_does_not_have(sandbox: Make, form: str, body: dict[str, Any]) -> None:
    http = sandbox(unknown_name=form)
    before = http.get(ONE).json()
    answer = http.patch(ONE, json=body | {"attributes": {"note": "x"}})
    assert answer.status_code == int(form)
    (section,) = body
    assert errors(answer) == {(f"{section}#Nothing", "UNKNOWN_FIELD")}
    assert http.get(ONE).json() == before


@pytest.mark.parametrize(("form", "status"), [("400", 400), ("404", 404)])
def test_a_key_that_is_not_unique(sandbox: Make, form: str, status: int) -> None:
    http = sandbox(wrong_key=form)
    for method in ("GET", "DELETE"):
        assert http.request(method, f"{PROFILES_V5}/lastName=Peeters").status_code == status
    assert http.patch(f"{PROFILES_V5}/lastName=Peeters", json={"attributes": {"note": "x"}}).status_code == status


@pytest.mark.parametrize("form", ["409", "400"])
def test_the_answer_to_a_creation_of_somebody_who_exists(sandbox: Make, form: str) -> None:
    http = sandbox(conflict=form)
    known = http.get(ONE).json()["attributes"]["emailAddress"]
    answer = http.post(PROFILES_V5, json={"attributes": {"emailAddress": known, "lastName": "Nieuw"}})
    assert answer.status_code == int(form)
    assert http.get(f"{PROFILES_V5}/count").json() == {"count": PEOPLE}


# V4

V4_CALLS = [
    ("GET", ""), ("POST", "?allowUpdate=false"), ("GET", "/count"), ("GET", "/1"), ("PUT", "/1"), ("DELETE", "/1"),
    ("GET", "/1/subscription"), ("POST", "/1/subscription/Events"), ("DELETE", "/1/subscription/Events"),
    ("GET", "/1/segmentation"), ("PUT", "/1/segmentation/Vip"), ("DELETE", "/1/segmentation/Vip"),
]  # fmt: skip


@pytest.mark.parametrize("form", OFF)
def test_every_call_of_v4_about_profiles_is_switched_off(sandbox: Make, form: str) -> None:
    """Nothing is carried out, and each call is a breach; whatever else V4 has is still there."""
    http = sandbox(v4_profiles=form)
    before = http.get("/_sandbox/profiles").text
    for method, rest in V4_CALLS:
        http.request("DELETE", "/_sandbox/breaches")
        answer = http.request(method, PROFILES_V4 + rest, json={"attributes": [{"name": "note", "value": "x"}]})
        assert answer.status_code == {"404": 404, "410": 410, "error": 400}[form]
        if form == "error":
            assert answer.json() == {"status": 400, "message": "This operation is no longer available, use version 5"}
        assert not {"deprecation", "sunset"} & set(answer.headers)
        assert breaches(http) == {"switched_off"}
    assert http.get("/_sandbox/profiles").text == before
    http.request("DELETE", "/_sandbox/breaches")
    for path in ("/entities/v4/entity", "/profile-table-structure/v4/entity/acme/table"):
        assert http.get(path).status_code == 200
    assert http.get("/scenarios/v4/entity/acme/table/Customers/scenario").status_code == 200
    assert breaches(http) == set()


@pytest.mark.parametrize("ending", ["with its day", "without", "not said"])
def test_v4_that_is_still_there_says_that_it_will_end(sandbox: Make, ending: str) -> None:
    http = sandbox(v4_profiles="served", v4_ending=ending)
    for method, path in (("GET", f"{PROFILES_V4}/1"), ("GET", f"{PROFILES_V4}/count"), ("DELETE", f"{PROFILES_V4}/2")):
        answer = http.request(method, path)
        assert answer.is_success
        assert ("deprecation" in answer.headers) == (ending != "not said")
        assert ("sunset" in answer.headers) == (ending == "with its day")
    for path in (ONE, PROFILES_V5, "/entities/v4/entity"):
        assert not {"deprecation", "sunset"} & set(http.get(path).headers)
    assert "switched_off" not in breaches(http)
