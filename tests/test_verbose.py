"""`--verbose`: what it tells, where, and that nothing is told without it."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
import stamina

from auditor.actito import PlatformDown, Reader
from auditor.actito.log import template
from tests import small_folder
from tests.actito_wire import CUSTOMERS, PROFILE, Wire, ok
from tests.driven_sandbox import Sandbox

LINE = re.compile(r"  +\d+\.\d\d s  (.+)")


@pytest.fixture
def folder(
    sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    folder = small_folder.copy(small_folder.made(tmp_path_factory).agreed, tmp_path / "folder", sandbox)
    monkeypatch.chdir(folder)
    return folder


def test_a_run_tells_of_tokens_requests_retries_and_stages(
    folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox.fault("503", 1, times=1, on="GET /profile-table-structure")
    with stamina.set_testing(True, attempts=5, cap=True):
        said = small_folder.auditor(capsys, "run", "--quiet", "--json", "--verbose")
    lines = [found[1] for line in said.err.splitlines() if (found := LINE.fullmatch(line))]
    told = [re.sub(r"\d+ ms, \d+ bytes", "N ms, N bytes", line) for line in lines]
    tables = "GET /profile-table-structure/v5/entities/{entity}/profile-tables"
    assert told[:5] == [
        "a new token: there is none yet",
        "GET /auth/token: 200, N ms, N bytes, try 1",
        f"{tables}: 503, N ms, N bytes, try 1",
        "PlatformDown: try 2 comes in 0.0 s",
        f"{tables}: 200, N ms, N bytes, try 2",
    ]
    assert any(line.startswith(f"{tables}/{{table}}: 200") for line in told)
    stages = [line.split()[1] for line in told if line.startswith("stage ")]
    assert stages == ["pull:", "load:", "match:", "validate:", "diff:", "explain:", "report:"]
    assert said.out.startswith("{")  # the result alone


def test_nothing_is_told_without_it_nor_after_a_command_that_had_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert small_folder.auditor(capsys, "structure", "show", "--verbose").err.count("GET /auth/token: 200") == 1
    assert small_folder.auditor(capsys, "structure", "show").err == ""


def test_a_wait_for_the_limits_says_why_and_how_long(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="auditor")
    wire = Wire()
    wire.on("GET", f"{PROFILE}/count", ok({"count": 3}))
    reader = Reader(wire.connect(calls_per_minute=2))
    reader.count(CUSTOMERS)
    reader.count(CUSTOMERS)
    assert "waiting 60.0 s: 2 calls within 60 s are used up" in caplog.messages


def test_a_token_that_was_refused_or_is_about_to_end_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="auditor")
    wire = Wire()
    wire.on("GET", f"{PROFILE}/count", ok({"count": 3}), httpx.Response(401), ok({"count": 3}))
    reader = Reader(wire.connect())
    reader.count(CUSTOMERS)
    reader.count(CUSTOMERS)
    wire.time.now += 900
    reader.count(CUSTOMERS)
    assert [line for line in caplog.messages if line.startswith("a new token")] == [
        "a new token: there is none yet",
        "a new token: the last one was refused",
        "a new token: the last one is about to end",
    ]


def test_an_exchange_that_breaks_is_told_by_its_class(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="auditor")
    wire = Wire()
    wire.on("GET", f"{PROFILE}/count", httpx.ReadTimeout("zoë@example.com"))
    with stamina.set_testing(True, attempts=2, cap=True), pytest.raises(PlatformDown):
        Reader(wire.connect()).count(CUSTOMERS)
    address = "GET /profiles/v5/entities/{entity}/profile-tables/{table}/profiles/count"
    assert caplog.messages[2:] == [
        f"{address}: ReadTimeout, 0 ms, try 1",
        "TimedOut: try 2 comes in 0.0 s",
        f"{address}: ReadTimeout, 0 ms, try 2",
    ]


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/auth/token", "/auth/token"),
        ("/entities/v5/entities", "/entities/v5/entities"),
        (
            "/profile-table-structure/v5/entities/acme/profile-tables/16",
            "/profile-table-structure/v5/entities/{entity}/profile-tables/{table}",
        ),
        (
            "/profiles/v5/entities/acme/profile-tables/16/profiles/emailAddress=zo%C3%AB%40example.com",
            "/profiles/v5/entities/{entity}/profile-tables/{table}/profiles/{profile}",
        ),
        (
            "/profiles/v5/entities/a/profile-tables/16/profiles?search=emailAddress%3Dzoe%40example.com",
            "/profiles/v5/entities/{entity}/profile-tables/{table}/profiles",
        ),
        (
            "/profiles/v5/entities/profiles/profile-tables/16/profiles/count",
            "/profiles/v5/entities/{entity}/profile-tables/{table}/profiles/count",
        ),
        (
            "/profiles/v4/entity/acme/table/Customers/profile/emailAddress=zo%C3%AB%40example.com/subscription/News",
            "/profiles/v4/entity/{entity}/table/{table}/profile/{profile}/subscription/{subscription}",
        ),
        (
            "/profiles/v4/entity/a/table/b/profile?search=emailAddress%3Dzoe%40example.com",
            "/profiles/v4/entity/{entity}/table/{table}/profile",
        ),
        ("/some-gateway/secret/auth/token", "/{…}/{…}/auth/token"),
    ],
)
def test_an_address_is_told_without_what_was_put_into_it(path: str, shown: str) -> None:
    assert template(path) == shown
