"""Everything that the sandbox can do wrong, seen from the other end of the wire."""

from __future__ import annotations

import csv
import io
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from pathlib import Path

import httpx
import pytest

from auditor.cli import execute
from auditor.errors import SettingsError, TryLater
from auditor.sandbox.faults import FAULTS, Faults, parse
from tests.driven_sandbox import Sandbox
from tests.sandbox_client import (
    EXECUTIONS,
    PROFILES_V5,
    TABLES_V5,
    archive,
    attributes,
    client,
    definition,
    run_import,
    send,
    unpacked,
    values_of,
)

ONE = f"{PROFILES_V5}/1"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox"), profiles=40, seed=5, limits="extended") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """Fresh, without faults."""
    running.reset()
    return running


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with client(sandbox) as ready:
        yield ready


def held(sandbox: Sandbox, number: int = 1) -> dict[str, str]:
    """The profile as the licence holds it, whatever its answers say."""
    return next((one for one in sandbox.profiles() if one["profileId"] == str(number)), {})


def by_key(http: httpx.Client, number: int) -> str:
    return values_of(http.get(f"{PROFILES_V5}/{number}"))["customerId"]


# The registry


def test_unknown_faults_and_rates_are_settings_errors(capsys: pytest.CaptureFixture[str]) -> None:
    for option, said in (("drop_after", '"drop-after"'), ("slow=2", "0 to 1"), ("slow=often", "not a number")):
        assert execute(["sandbox", "--fault", option]) == 2
        assert said in capsys.readouterr().err
    with pytest.raises(SettingsError):
        parse(["slow=nan"])


def test_every_fault_is_explained_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["sandbox", "--list-faults"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(FAULTS)
    assert all(len(line) < 120 for line in lines)


def test_the_same_calls_meet_the_same_fate_in_any_order() -> None:
    calls = [f"PUT /profile/{number}" for number in range(200)]
    one, other, third = (Faults(seed, {"500": 0.3, "slow": 0.3}) for seed in (4, 4, 5))
    first = {call: one.happens("500", call) for call in calls}
    assert {call: other.happens("500", call) for call in reversed(calls)} == first
    assert {call: third.happens("500", call) for call in calls} != first
    assert 30 < sum(first.values()) < 90
    again = {call: one.happens("500", call) for call in calls}
    assert again != first, "a repeated call is another opportunity"


def test_faults_are_set_counted_limited_and_cleared(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fault("503", 1, times=2, on="PATCH ")
    assert [http.get(ONE).status_code for _ in range(3)] == [200] * 3
    assert [http.patch(ONE, json={}).status_code for _ in range(3)] == [503, 503, 200]
    assert sandbox.faults() == {"503": 2}
    sandbox.fault("503", 1)
    sandbox.clear_faults()
    assert http.get(ONE).status_code == 200
    assert sandbox.faults() == {"503": 2}, "the counts stay until the licence is reset"
    with pytest.raises(TryLater, match='the nearest is "duplicate"'):
        sandbox.fault("duplicates", 1)


def test_faults_can_be_on_from_the_start(tmp_path: Path) -> None:
    with Sandbox(tmp_path, profiles=3, faults=["503=1"]) as cruel:
        assert httpx.get(f"{cruel.url}/auth/token", trust_env=False).status_code == 503
        cruel.clear_faults()
        cruel.reset()
        assert httpx.get(f"{cruel.url}/auth/token", trust_env=False).status_code == 503


# The network and the edge


@pytest.mark.parametrize(
    ("fault", "status", "wait"),
    [
        ("429", 429, None),
        ("429-retry-after", 429, "1"),
        ("503", 503, None),
        ("503-retry-after", 503, "1"),
        ("other-clients", 429, None),
        ("expired-token", 401, None),
        ("redirect", 307, None),
    ],
)
def test_refused_without_being_carried_out(
    sandbox: Sandbox, http: httpx.Client, fault: str, status: int, wait: str | None
) -> None:
    before = held(sandbox)
    sandbox.fault(fault, 1)
    answer = http.patch(ONE, json=attributes(note="x"))
    assert (answer.status_code, answer.headers.get("retry-after")) == (status, wait)
    assert held(sandbox) == before
    assert sandbox.faults() == {fault: 1}


@pytest.mark.parametrize(("fault", "note"), [("drop-before", None), ("drop-after", "x")])
def test_the_connection_is_really_dropped(sandbox: Sandbox, http: httpx.Client, fault: str, note: str | None) -> None:
    http.patch(ONE, json=attributes(note=None))
    sandbox.fault(fault, 1, times=2)
    with pytest.raises(httpx.RemoteProtocolError):
        http.patch(ONE, json=attributes(note="x"))
    assert held(sandbox).get("note") == note
    host, port = sandbox.url.removeprefix("http://").split(":")
    head = f"GET {ONE} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {http.headers['Authorization']}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100) == b""


def test_a_500_may_come_before_or_after_the_effect(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fault("500", 1)
    done = set()
    for number in range(1, 20):
        assert http.patch(f"{PROFILES_V5}/{number}", json=attributes(note="x")).status_code == 500
        done.add(held(sandbox, number).get("note") == "x")
    assert done == {True, False}


def test_a_call_is_delivered_twice(sandbox: Sandbox, http: httpx.Client) -> None:
    """Carried out the first time; the second answer, which comes back, says that it was too late."""
    sandbox.fault("duplicate", 1)
    body = attributes(emailAddress="twice@example.com", lastName="Twee")
    assert http.post(PROFILES_V5, json=body).status_code == 409
    assert [one["lastName"] for one in sandbox.profiles() if one["emailAddress"] == "twice@example.com"] == ["Twee"]
    answer = send(http, archive(b"customerId;note\nC1;x\n"), definition(["customerId", "note"]))
    sandbox.idle()
    assert answer.status_code == 202
    assert sum(sandbox.state()["imports"].values()) == 2


def test_an_answer_ends_in_the_middle(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fault("truncated", 1)
    ends = set()
    for number in range(1, 20):
        try:
            http.get(f"{PROFILES_V5}/{number}").json()
        except httpx.RemoteProtocolError:
            ends.add("dropped")
        except ValueError:
            ends.add("cut")
    assert ends == {"dropped", "cut"}


@pytest.mark.parametrize(("fault", "seconds"), [("slow", 1), ("throttle", 2)])
def test_a_slow_answer_comes_when_the_clock_says_so(
    sandbox: Sandbox, http: httpx.Client, fault: str, seconds: int
) -> None:
    sandbox.fault(fault, 1)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(http.get, ONE)
        while not asked.done():
            sandbox.advance(seconds)
    assert asked.result().status_code == 200
    assert sandbox.faults() == {fault: 1}


# Meanwhile


def test_a_write_can_be_read_after_a_while_only(sandbox: Sandbox, http: httpx.Client) -> None:
    http.patch(ONE, json=attributes(note="old"))
    sandbox.fault("eventual", 1)
    number = http.post(PROFILES_V5, json=attributes(emailAddress="late@example.com", lastName="Laat")).json()[
        "profileId"
    ]
    new, found = f"{PROFILES_V5}/{number}", f"{PROFILES_V5}/emailAddress=late@example.com"
    http.patch(ONE, json=attributes(note="new"))
    http.delete(f"{PROFILES_V5}/2")
    assert values_of(http.get(ONE))["note"] == "old"
    assert [http.get(path).status_code for path in (new, found, f"{PROFILES_V5}/2")] == [404, 404, 200]
    assert held(sandbox)["note"] == "new"
    sandbox.clear_faults()
    assert http.get(new).status_code == 404, "what is late stays late"
    sandbox.advance(2)
    assert values_of(http.get(ONE))["note"] == "new"
    assert [http.get(path).status_code for path in (new, found, f"{PROFILES_V5}/2")] == [200, 200, 404]


def test_marketers_work_too(sandbox: Sandbox, http: httpx.Client) -> None:
    """They edit, and end subscriptions, but permit nothing."""
    before = {one["profileId"]: one for one in sandbox.profiles()}
    sandbox.fault("marketers", 1)
    for number in range(1, 20):
        http.get(f"{PROFILES_V5}/{number}")
    changed = {
        (column, value)
        for one in sandbox.profiles()
        for column, value in one.items()
        if before[one["profileId"]].get(column) != value and column != "updateMoment"
    }
    assert ("note", "edited by marketing") in changed
    assert {value for column, value in changed if column != "note"} == {"false"}


def test_a_profile_is_deleted_between_export_and_write(sandbox: Sandbox, http: httpx.Client) -> None:
    key = by_key(http, 2)
    sandbox.fault("profile-deleted", 1)
    assert http.get(ONE).status_code == 404
    execution = run_import(sandbox, http, [["customerId", "note"], [key, "x"]])
    refused = unpacked(http.get(f"{EXECUTIONS}/{execution['id']}/error-file"))
    assert refused[1][-2] == "UNKNOWN_PROFILE"
    assert not held(sandbox, 1)
    assert not held(sandbox, 2)


def test_the_structure_changes_between_two_calls(sandbox: Sandbox, http: httpx.Client) -> None:
    names = {item["name"] for item in http.get(f"{TABLES_V5}/16").json()["attributes"]}
    sandbox.fault("structure-changed", 1, times=1)
    for _ in range(2):
        found = {item["name"] for item in http.get(f"{TABLES_V5}/16").json()["attributes"]}
        assert found - names == {"addedMeanwhile"}
    old = http.get("/profile-table-structure/v4/entity/acme/table/Customers").json()["attributes"]
    assert old.keys() - names == {"addedMeanwhile"}


# Imports


def test_others_use_the_quota_up_until_midnight(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fault("quota-used", 1, times=1)
    content, described = archive(b"customerId;note\nC1;x\n"), definition(["customerId", "note"])
    assert send(http, content, described).status_code == 429
    assert send(http, content, described).status_code == 429
    sandbox.advance(24 * 3600)
    with client(sandbox) as tomorrow:
        assert send(tomorrow, content, described).status_code == 202
    sandbox.idle()


def test_rows_are_refused_with_every_code(sandbox: Sandbox, http: httpx.Client) -> None:
    before = sandbox.profiles()
    rows = [[by_key(http, number), "x"] for number in range(1, 12)]
    sandbox.fault("rows-refused", 1)
    execution = run_import(sandbox, http, [["customerId", "note"], *rows])
    refused = unpacked(http.get(f"{EXECUTIONS}/{execution['id']}/error-file"))
    assert [row[:2] for row in refused[1:]] == rows
    assert {row[2] for row in refused[1:]} == {
        "MANDATORY_MISSING", "INVALID_VALUE", "DUPLICATE_KEY", "UNKNOWN_PROFILE", "ALREADY_EXISTS", "TOO_LONG",
        "TOO_SHORT", "UNKNOWN_FIELD", "READ_ONLY",
    }  # fmt: skip
    assert sandbox.profiles() == before


def test_an_import_stays_pending(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fault("import-pending", 1)
    rows = [["customerId", "note"], [by_key(http, 1), "x"]]
    execution = run_import(sandbox, http, rows)
    assert execution["status"] == "PENDING"
    sandbox.advance(7 * 24 * 3600)
    sandbox.idle()
    assert held(sandbox).get("note") != "x"
    sandbox.clear_faults()
    sandbox.idle()
    assert held(sandbox)["note"] == "x"


def test_an_import_waits_an_hour(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.fault("import-slow", 1)
    text = f"customerId;note\n{by_key(http, 1)};x\n"
    number = send(http, archive(text.encode()), definition(["customerId", "note"])).json()["executionId"]
    sandbox.advance(3590)
    assert held(sandbox).get("note") != "x"
    sandbox.advance(11)
    sandbox.idle()
    assert held(sandbox)["note"] == "x"
    with client(sandbox) as later:  # the token has ended since
        assert later.get(f"{EXECUTIONS}/{number}").json()["status"] == "SUCCESS"


def test_an_import_fails_with_or_without_some_rows(sandbox: Sandbox, http: httpx.Client) -> None:
    keys = [by_key(http, number) for number in range(1, 5)]
    sandbox.fault("import-fails", 1)
    written = set()
    for attempt in count():
        note = f"attempt {attempt}"
        execution = run_import(sandbox, http, [["customerId", "note"], *[[key, note] for key in keys]])
        assert execution["status"] == "FAILED"
        assert http.get(f"{EXECUTIONS}/{execution['id']}/error-file").status_code == 404
        written.add(sum(one.get("note") == note for one in sandbox.profiles()))
        if len(written) == 2 or attempt > 20:
            break
    assert written == {0, 2}


# Exports


def _rows(content: bytes, separator: str = ";") -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline=""), delimiter=separator, strict=True))


def _without(rows: list[list[str]], column: str) -> list[list[str]]:
    place = rows[0].index(column)
    return [row[:place] + row[place + 1 :] for row in rows]


EXPORTS: dict[str, Callable[[bytes, bytes], bool]] = {
    "export-half": lambda was, now: now == was[: len(was) // 2],
    "export-bom": lambda was, now: now == b"\xef\xbb\xbf" + was,
    "export-separator": lambda was, now: _rows(now, ",") == _rows(was),
    "export-unknown-column": lambda was, now: _without(_rows(now), "legacySegment") == _rows(was),
    "export-reordered": lambda was, now: (
        _rows(now) != _rows(was)
        and [dict(zip(_rows(now)[0], row, strict=True)) for row in _rows(now)]
        == [dict(zip(_rows(was)[0], row, strict=True)) for row in _rows(was)]
    ),
    "export-duplicates": lambda was, now: (
        len(_rows(now)) > len(_rows(was)) and {*map(tuple, _rows(now))} == {*map(tuple, _rows(was))}
    ),
    "export-crlf": lambda was, now: now.count(b"\r\n") == len(_rows(was)) and _rows(now) == _rows(was),
    "export-quotes": lambda was, now: _without(_rows(now), "note") == _without(_rows(was), "note") and b'""call' in now,
}


@pytest.mark.parametrize("fault", EXPORTS)
def test_an_export_comes_as_exports_do(sandbox: Sandbox, tmp_path: Path, fault: str) -> None:
    usual = sandbox.export(tmp_path / "usual").read_bytes()
    sandbox.fault(fault, 1 if FAULTS[fault].rate == 1 else 0.5)
    export = sandbox.export(tmp_path / "now").read_bytes()
    assert EXPORTS[fault](usual, export)
    with suppress(UnicodeDecodeError):  # half a file may end within a character
        notes = {one["profileId"]: one.get("note", "") for one in sandbox.profiles()}
        if fault == "export-quotes":
            rows = _rows(export)
            place = rows[0].index("note")
            assert {row[0]: row[place] for row in rows[1:]} == notes, "the profiles hold what the export says"


# Time


def test_fifteen_minutes_a_minute_and_a_day_pass_at_once(tmp_path: Path) -> None:
    with Sandbox(tmp_path, profiles=3) as sold, client(sold) as http:
        sold.advance(899)
        assert http.get("/entities/v5/entities").status_code == 200
        sold.advance(1)
        assert http.get("/entities/v5/entities").status_code == 401
        with client(sold) as fresh:
            for _ in range(3):
                for _ in range(99):
                    fresh.get("/entities/v5/entities")
                sold.advance(60)
        assert sold.state()["calls"]["slowed"] == 0
        day = sold.state()["now"][:10]
        sold.advance(86_400)
        assert sold.state()["now"][:10] > day
        with pytest.raises(TryLater, match="400"):
            sold.advance(-1)
