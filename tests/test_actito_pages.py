"""A list that comes in pages is read to its end, however the pages are told; a promise that is not kept is an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import stamina

from auditor.actito import Reader, Scenario, UnexpectedAnswer
from tests.actito_wire import CUSTOMERS, KEY, Wire, ok

ENTITIES = "/entities/v5/entities"
NAMES = ["acme", "acme-stores", "brussels"]
SECRET = "jan.peeters@example.be"


@pytest.fixture(autouse=True)
def asked_once() -> Iterator[None]:
    with stamina.set_testing(True, attempts=1):
        yield


def items(number: int) -> list[dict[str, str]]:
    return [{"name": NAMES[number]}]


def numbered(number: int) -> httpx.Response:
    return ok({"entities": items(number), "page": number, "size": 1, "totalElements": 3})


def numbered_from_one(number: int) -> httpx.Response:
    """Asked for nothing it gives the first, and calls it 1."""
    number = max(number, 1)
    return ok({"entities": items(number - 1), "number": number, "last": number == 3})


def nested(number: int) -> httpx.Response:
    return ok({"entities": items(number), "page": {"number": number, "size": 1, "totalElements": 3}})


def linked(number: int) -> httpx.Response:
    """Its link leads to another host, which is not followed: only the question in it is asked again."""
    links = {"next": {"href": f"https://elsewhere.test{ENTITIES}?page={number + 1}"}} if number < 2 else {}
    return ok({"entities": items(number), "_links": links})


def named_next(number: int) -> httpx.Response:
    return ok({"entities": items(number), "next": f"{ENTITIES}?page={number + 1}" if number < 2 else None})


def in_a_header(number: int) -> httpx.Response:
    answer = ok(items(number))
    if number < 2:
        answer.headers["link"] = f'<{ENTITIES}?page=0>; rel="first", <{ENTITIES}?page={number + 1}>; rel="next"'
    return answer


@pytest.mark.parametrize("page", [numbered, numbered_from_one, nested, linked, named_next, in_a_header])
def test_a_list_in_pages_is_read_to_its_end(page: Callable[[int], httpx.Response]) -> None:
    wire = Wire()
    wire.on("GET", ENTITIES, lambda request: page(int(request.url.params.get("page", "0"))))
    assert Reader(wire.connect()).entities() == NAMES
    assert [path.partition("?")[0] for _, path in wire.calls] == [ENTITIES] * 3
    assert {request.url.host for request in wire.requests} == {"api3.actito.test"}


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        ({"entities": items(0), "page": 0, "totalElements": 3}, "nothing new"),
        ({"entities": items(0), "totalElements": 3}, "page"),
        ({"entities": items(0), "_links": {"next": {"href": f"/entities/{SECRET}"}}}, "next"),
        ({"entities": items(0), "_links": {"next": {"href": f"https://[{SECRET}"}}}, "next"),
        ({"entities": items(0), "next": [SECRET]}, "next"),
    ],
)
def test_a_page_that_does_not_come_is_named_and_not_left_out(answer: dict[str, Any], part: str) -> None:
    wire = Wire()
    wire.on("GET", ENTITIES, ok(answer))
    with pytest.raises(UnexpectedAnswer, match=part) as caught:
        Reader(wire.connect()).entities()
    assert SECRET not in f"{caught.value}{caught.value.hint}{caught.value.__context__!r}"
    assert KEY not in str(caught.value)


def test_an_answer_that_speaks_of_no_page_is_whole() -> None:
    wire = Wire()
    whole = {"scenarios": [{"name": "Welcome"}], "page": 0, "size": 20, "totalElements": 1, "_links": {"self": "x"}}
    wire.on("GET", "/scenarios/v4/entity/acme/table/Customers/scenario", ok(whole))
    assert Reader(wire.connect()).scenarios(CUSTOMERS) == [Scenario("Welcome", "Welcome", active=None)]
    assert len(wire.calls) == 1
