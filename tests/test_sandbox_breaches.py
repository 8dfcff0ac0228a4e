"""The sandbox judges its client: one rude call for each kind of breach, and nothing of it is a value."""

from __future__ import annotations

import io
import json
import os
import re
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from auditor.sandbox.breaches import BREACHES
from auditor.sandbox.process import API_KEY
from tests.driven_sandbox import Sandbox
from tests.sandbox_client import (
    EXECUTIONS,
    PROFILES_V4,
    PROFILES_V5,
    archive,
    attributes,
    client,
    definition,
    in_v4,
    run_import,
    send,
    values_of,
)

ONE = f"{PROFILES_V5}/1"
EVIDENCE = {"dataCollectionInformation": {"date": "2026-01-02 03:04:05", "source": "shop", "way": "api_push"}}
SECRET = "hush-hush"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox"), profiles=30, seed=5) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.decide(None)
    running.advance(60)
    running.forms(None, with_v4=False)
    running.reset()
    return running


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with client(sandbox) as ready:
        yield ready


def _import(sandbox: Sandbox, http: httpx.Client, content: bytes, mode: str = "UPDATE_ONLY") -> None:
    assert send(http, archive(content), definition(["customerId", "note"], mode)).status_code == 202
    sandbox.idle()


def _six(sandbox: Sandbox, http: httpx.Client) -> None:
    """Five requests whose bodies never come keep the licence busy."""
    host, port = sandbox.url.removeprefix("http://").split(":")
    token = http.headers["Authorization"]
    head = f"PUT {ONE} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}\r\nContent-Length: 2\r\n\r\n"
    held = [socket.create_connection((host, int(port))) for _ in range(5)]
    for connection in held:
        connection.sendall(head.encode())
    while sandbox.state()["calls"]["in_flight"] < 5:
        pass
    assert http.get("/entities/v5/entities").status_code == 429
    for connection in held:
        connection.close()


def _minute(sandbox: Sandbox, http: httpx.Client) -> None:
    for _ in range(101):
        http.get("/entities/v5/entities")


def _blindly(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fault("drop-after", 1, times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        http.patch(ONE, json=attributes(note=SECRET))
    http.get(f"{PROFILES_V5}/2")
    http.patch(ONE, json=attributes(note=SECRET))


def _redirected(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fault("redirect", 1, times=1)
    http.get(ONE, follow_redirects=True)


def _two_imports(sandbox: Sandbox, http: httpx.Client) -> None:
    for note in ("a", "b"):
        send(http, archive(f"customerId;note\nC;{note}\n".encode()), definition(["customerId", "note"]))
    sandbox.idle()


def _same_import(sandbox: Sandbox, http: httpx.Client) -> None:
    """The same rows, packed at different moments."""
    for second in (2, 4):
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as packed:
            packed.writestr(zipfile.ZipInfo("rows.csv", (2026, 3, 1, 12, 0, second)), b"customerId;note\nC;x\n")
        send(http, target.getvalue(), definition(["customerId", "note"]))
        sandbox.idle()


def _updating(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.forms(None, with_v4=True)
    assert http.post(PROFILES_V4, json=in_v4(emailAddress="a@b.be", lastName="B")).status_code == 200


def _replaced(sandbox: Sandbox, http: httpx.Client) -> None:
    whole = values_of(http.get(ONE))
    kept = {name: value for name, value in whole.items() if name not in ("profileId", "creationMoment", "updateMoment")}
    assert http.put(ONE, json=attributes(**kept)).status_code == 200


RUDE: dict[str, Callable[[Sandbox, httpx.Client], object]] = {
    "concurrency": _six,
    "calls_per_minute": _minute,
    "technical_attribute": lambda _, http: http.patch(ONE, json=attributes(profileId="7")),
    "value_format": lambda _, http: http.patch(ONE, json=attributes(birthDate=SECRET)),
    "mandatory_missing": lambda _, http: http.patch(ONE, json=attributes(lastName=None)),
    "unknown_field": lambda _, http: http.patch(ONE, json=attributes(adressCountry=SECRET)),
    "unknown_operation": lambda _, http: http.get("/v5/entities"),
    "body_form": lambda _, http: http.patch(ONE, content=SECRET.encode()),
    "not_acceptable": lambda _, http: http.get(ONE, headers={"Accept": "text/html"}),
    "secret_in_url": lambda _, http: http.get(f"/entities/v5/entities?key={API_KEY}"),
    "redirect_followed": _redirected,
    "upsert": lambda _, http: http.put(PROFILES_V5, json={"key": {"profileId": "1"}}),
    "replace": _replaced,
    "switched_off": lambda _, http: http.get(f"{PROFILES_V4}/1"),
    "allow_update": _updating,
    "create_update": lambda sandbox, http: _import(sandbox, http, b"customerId;note\nC;x\n", "CREATE_UPDATE"),
    "import_running": _two_imports,
    "import_repeated": _same_import,
    "import_file": lambda sandbox, http: _import(sandbox, http, b"customerId;note\nhush-hush\n"),
    "byte_order_mark": lambda sandbox, http: _import(sandbox, http, b"\xef\xbb\xbfcustomerId;note\nC;x\n"),
    "blind_repeat": _blindly,
    "undecided_opt_in": lambda _, http: [
        http.patch(f"{PROFILES_V5}/{number}", json={"subscriptions": {"Events": True}}) for number in range(1, 30)
    ],
}


@pytest.mark.parametrize("kind", RUDE)
def test_each_breach_is_recorded_once_and_without_values(sandbox: Sandbox, http: httpx.Client, kind: str) -> None:
    RUDE[kind](sandbox, http)
    found = sandbox.breaches()
    assert {one["breach"] for one in found} == {kind}
    assert SECRET not in json.dumps(found)
    assert not re.search(r"profiles?/\d", json.dumps(found))
    assert sandbox.breaches() == [], "what was told is forgotten"


@pytest.mark.breaches("body_form", "upsert", "replace")
@pytest.mark.parametrize("method", ["PATCH", "PUT", "POST"])
def test_a_part_that_no_body_has_is_refused(sandbox: Sandbox, http: httpx.Client, method: str) -> None:
    """Also the `key` of the upsert in the body of a call that names the profile in its address."""
    place = PROFILES_V5 if method == "POST" else ONE
    before = http.get(ONE).json()
    for part in ({"key": {"profileId": "1"}}, {"foo": 1}):
        assert http.request(method, place, json=attributes(note="x") | part).status_code == 400
        assert {one["breach"] for one in sandbox.breaches()} - {"replace"} == {"body_form"}
    assert http.get(ONE).json() == before
    assert http.put(PROFILES_V5, json=attributes(note="x") | {"key": {"profileId": "1"}}).status_code == 200


def test_every_kind_of_breach_is_shown_here() -> None:
    assert RUDE.keys() == BREACHES.keys()


TESTS = """
import pytest
from tests.conftest import no_breach
from tests.sandbox_client import PROFILES_V5, attributes, client
from tests.driven_sandbox import Sandbox

@pytest.fixture
def http(tmp_path):
    with Sandbox(tmp_path, profiles=3) as sandbox, client(sandbox) as http:
        yield http

def rude(http):
    http.patch(f"{PROFILES_V5}/1", json=attributes(profileId="7"))

def test_rude(http):
    rude(http)

def test_polite(http):
    http.get(f"{PROFILES_V5}/1")

@pytest.mark.breaches("technical_attribute")
def test_rude_on_purpose(http):
    rude(http)

@pytest.mark.breaches("upsert")
def test_rude_in_another_way_than_it_says(http):
    rude(http)
"""


def test_a_breach_fails_the_test_that_caused_it_and_no_other(tmp_path: Path) -> None:
    """The fixture of `conftest` in a session of its own."""
    (tmp_path / "test_own.py").write_text(TESTS, "utf-8")
    root = Path(__file__).parents[1]
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider"]
    command += ["-c", str(root / "pyproject.toml"), "--rootdir", str(tmp_path), str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(root)}
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=120)
    failed = set(re.findall(r"^ERROR test_own.py::(\w+) - .*AssertionError", ended.stdout, re.MULTILINE))
    assert failed == {"test_rude", "test_rude_in_another_way_than_it_says"}, ended.stdout
    assert "4 passed, 2 errors" in ended.stdout


def test_a_careful_client_breaches_nothing(sandbox: Sandbox, http: httpx.Client) -> None:
    number = next(one for one in sandbox.profiles() if one["subscriptions#Events"] == "false")["profileId"]
    profile = f"{PROFILES_V5}/{number}"
    http.patch(profile, json=attributes(note="x") | {"subscriptions": {"Events": True}} | EVIDENCE)
    http.patch(profile, json={"subscriptions": {"Events": False}})
    http.post(PROFILES_V5, json=attributes(emailAddress="a@b.be", lastName="B"))
    key = values_of(http.get(profile)).get("customerId", "C")
    run_import(sandbox, http, [["customerId", "note"], [key, "y"]])
    sandbox.fault("drop-after", 1, times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        http.patch(profile, json=attributes(note="z"))
    http.get(profile)
    http.patch(profile, json=attributes(note="z"))
    assert sandbox.breaches() == []


@pytest.mark.parametrize("faults", [("duplicate",), ("other-clients",), ("throttle",), ("429",)])
def test_the_platforms_own_trouble_is_nobodys_breach(
    sandbox: Sandbox, http: httpx.Client, faults: tuple[str, ...]
) -> None:
    for fault in faults:
        sandbox.fault(fault, 1, times=1)
    http.delete(ONE)
    http.post(PROFILES_V5, json=attributes(emailAddress="a@b.be", lastName="B"))
    run = send(http, archive(b"customerId;note\nC;x\n"), definition(["customerId", "note"]))
    sandbox.idle()
    http.get(f"{EXECUTIONS}/{run.json().get('executionId')}")
    assert sandbox.breaches() == []


def test_an_opt_in_is_decided_where_somebody_said_so(sandbox: Sandbox, http: httpx.Client) -> None:
    """Evidence is enough until decisions are told; then both are needed."""
    silent = [one["profileId"] for one in sandbox.profiles() if one["subscriptions#Events"] == "false"]
    body = {"subscriptions": {"Events": True}}
    sandbox.decide([(silent[0], "subscriptions#Events")])
    http.patch(f"{PROFILES_V5}/{silent[0]}", json=body | EVIDENCE)
    assert sandbox.breaches() == []
    http.patch(f"{PROFILES_V5}/{silent[1]}", json=body | EVIDENCE)
    sandbox.decide(None)
    for number, evidence in ((2, {}), (3, {"dataCollectionInformation": {"date": "today", "source": "shop"}})):
        http.patch(f"{PROFILES_V5}/{silent[number]}", json=body | evidence)
    assert [(one["breach"], one["times"]) for one in sandbox.breaches()] == [("undecided_opt_in", 3)]


def test_permission_attributes_and_files_count_as_well(sandbox: Sandbox, http: httpx.Client) -> None:
    http.patch(ONE, json=attributes(marketingConsent=False, doNotContact=True))
    assert sandbox.breaches() == []
    http.patch(ONE, json=attributes(marketingConsent=True))
    http.patch(ONE, json=attributes(doNotContact=None))
    one = next(one for one in sandbox.profiles() if one["subscriptions#Events"] == "false" and "customerId" in one)
    run_import(sandbox, http, [["customerId", "subscriptions#Events"], [one["customerId"], "Y"]])
    assert sorted(breach["where"].rpartition(" ")[2] for breach in sandbox.breaches()) == [
        "doNotContact",
        "marketingConsent",
        "subscriptions#Events",
    ]
