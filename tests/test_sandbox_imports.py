"""Imports by file: accepted at once, carried out in order, refused rows handed back."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.driven_sandbox import Sandbox
from tests.sandbox_client import (
    EXECUTIONS,
    PROFILES_V5,
    archive,
    client,
    counts,
    definition,
    run_import,
    send,
    unpacked,
    values_of,
)

pytestmark = pytest.mark.breaches("*")  # the client is rude on purpose: what the sandbox refuses is tested here


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
    before = values_of(http.get(f"{PROFILES_V5}/customerId=C000002"))
    execution = run_import(sandbox, http, rows)
    assert execution["status"] == "SUCCESS_WITH_ERRORS"
    assert counts(execution) == (6, 0, 2, 4)
    first = values_of(http.get(f"{PROFILES_V5}/customerId=C000001"))
    assert (first["lastName"], first["loyaltyPoints"]) == ('Met ; en "quotes"', "7")
    second = values_of(http.get(f"{PROFILES_V5}/customerId=C000002"))
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
    known = values_of(http.get(f"{PROFILES_V5}/1"))
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
    assert values_of(http.get(f"{PROFILES_V5}/customerId=C000001"))["loyaltyPoints"] == "3"
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
    assert values_of(http.get(f"{PROFILES_V5}/customerId=C000001"))["lastName"] == "Thérèse"


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


def test_a_large_import_is_loaded_whole_and_lets_other_calls_in(sandbox: Sandbox, http: httpx.Client) -> None:
    columns = ["customerId", "emailAddress", "lastName"]
    lines = (f"L{number};l{number}@example.com;Groot\n" for number in range(20_000))
    content = archive(f"{';'.join(columns)}\n{''.join(lines)}".encode())
    number = send(http, content, definition(columns, "CREATE_ONLY")).json()["executionId"]

    told = ["PENDING"]
    while told[-1] in ("PENDING", "RUNNING"):
        told.append(http.get(f"{EXECUTIONS}/{number}").json()["status"])
    assert "RUNNING" in told
    assert counts(http.get(f"{EXECUTIONS}/{number}").json()) == (20_000, 20_000, 0, 0)
