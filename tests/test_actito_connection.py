"""Signing in, limits, repeating, and what each failure is called: against a platform made of plain functions."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import stamina
from hypothesis import given
from hypothesis import strategies as st

from auditor.actito import (
    ActitoError,
    Busy,
    Connection,
    ImportMode,
    MaybeSent,
    NotAllowed,
    PlatformDown,
    QuotaUsed,
    Reader,
    Redirected,
    Refused,
    TokenRefused,
    UnexpectedAnswer,
    WrongKey,
)
from auditor.actito.connection import ATTEMPTS
from auditor.actito.limits import Limits
from auditor.actito.transport import MAX_ANSWER_BYTES
from auditor.actito.writer import Writer
from auditor.errors import AuditorError, TryLater
from tests.actito_wire import CUSTOMERS, KEY, PROFILE, URL, Time, Wire, ok

ENTITIES = "/entities/v5/entities"
SOME = ok({"entities": [{"id": 1, "name": "acme", "comment": None}]})
EMAIL = "jan.janssens@example.be"
NAME = "Zulema"
PROFILE_ID = "471100998877665544332211"


@pytest.fixture(autouse=True)
def no_pauses() -> Iterator[None]:
    """Repeats happen at once, as many as in earnest."""
    with stamina.set_testing(True, attempts=ATTEMPTS, cap=True):
        yield


# Signing in


def test_the_bare_key_buys_a_token_that_goes_with_every_call() -> None:
    wire = Wire()
    wire.on("GET", ENTITIES, SOME)
    reader = Reader(wire.connect())
    reader.entities()
    reader.entities()
    assert [(str(request.url), request.headers["Authorization"]) for request in wire.requests] == [
        (f"{URL}/auth/token", KEY),
        (f"{URL}{ENTITIES}", "Bearer token-1-secret"),
        (f"{URL}{ENTITIES}", "Bearer token-1-secret"),
    ]


@pytest.mark.parametrize(
    ("life", "kept"), [("900s", 840), (900, 840), ("15m", 840), ("soon", 840), (None, 840), ("80s", 40)]
)
def test_a_token_is_renewed_a_minute_before_its_end(life: object, kept: int) -> None:
    """`expiresIn` is a text with a unit; other forms are understood, and a missing one means the usual 15 minutes."""
    wire = Wire()
    wire.on("GET", ENTITIES, SOME)
    wire.on("GET", "/auth/token", ok({"accessToken": "first", "expiresIn": life}), ok({"accessToken": "second"}))
    reader = Reader(wire.connect())
    reader.entities()
    wire.time.now += kept - 1
    reader.entities()
    wire.time.now += 1
    reader.entities()
    bearers = [request.headers["Authorization"] for request in wire.requests if request.url.path == ENTITIES]
    assert bearers == ["Bearer first", "Bearer first", "Bearer second"]


def test_a_refused_token_is_renewed_once_and_the_call_repeated() -> None:
    wire = Wire()
    wire.on("PATCH", f"{PROFILE}/7", httpx.Response(401), ok({"profileId": 7}))
    Writer(wire.connect()).update(CUSTOMERS, "7", {"note": "x"})
    changes = [request for request in wire.requests if request.method == "PATCH"]
    assert [change.headers["Authorization"] for change in changes] == ["Bearer token-1-secret", "Bearer token-2-secret"]
    assert changes[0].content == changes[1].content


def test_a_token_refused_twice_is_trouble_that_may_pass() -> None:
    """The key has just bought it, so the key is right: a scheduled job goes on later."""
    wire = Wire()
    wire.on("GET", ENTITIES, httpx.Response(401))
    with pytest.raises(TokenRefused) as caught:
        Reader(wire.connect()).entities()
    assert caught.value.exit_code == 75
    assert wire.calls == [("GET", ENTITIES)] * 2


def test_a_wrong_key_is_not_tried_again() -> None:
    wire = Wire()
    wire.on("GET", "/auth/token", httpx.Response(401))
    with pytest.raises(WrongKey):
        Reader(wire.connect()).entities()
    assert len(wire.requests) == 1


@pytest.mark.parametrize("key", ["", "half a key", "key\r\nX-Other: 1", "clé"])
def test_a_key_that_cannot_be_one_is_never_sent(key: str) -> None:
    """A line end or an accent would make the HTTP library quote the key in its own exception."""
    wire = Wire()
    connection = Connection(
        URL, lambda: key, "acme", dialect=wire.connect().dialect, transport=httpx.MockTransport(wire)
    )
    with pytest.raises(WrongKey) as caught:
        Reader(connection).entities()
    assert not wire.requests
    assert not key or key not in _everything_said(caught.value)


def test_threads_sign_in_once_between_them() -> None:
    wire = Wire()
    wire.on("GET", ENTITIES, SOME)
    reader = Reader(wire.connect())
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: reader.entities(), range(16))) == [["acme"]] * 16
    assert wire.tokens == 1


# Limits


def test_calls_beyond_those_of_a_minute_wait_for_the_next() -> None:
    """Signing in counts: the licence counts it too."""
    wire = Wire()
    wire.on("GET", ENTITIES, SOME)
    reader = Reader(wire.connect(calls_per_minute=3))
    for _ in range(5):
        reader.entities()
    assert wire.time.slept == [60.0]
    Reader(wire.connect(calls_per_minute=3)).entities()
    assert len(wire.time.slept) == 2, "another connection to the same host shares the limit"


@given(gaps=st.lists(st.floats(0, 40), min_size=1, max_size=60), calls=st.integers(1, 5))
def test_no_window_of_a_minute_ever_holds_more_calls(gaps: list[float], calls: int) -> None:
    passing = Time()
    limits = Limits(calls, 1, sleep=passing.sleep, clock=passing.clock)
    begun = []
    for gap in gaps:
        passing.now += gap
        with limits.turn():
            begun.append(passing.now)
    assert all(later - earlier >= 59.999 for earlier, later in zip(begun, begun[calls:], strict=False))


def test_never_more_calls_at_once_than_allowed() -> None:
    """Each call waits for a second one, so two are under way at a time; a third would be seen."""
    pair = threading.Barrier(2)
    lock = threading.Lock()
    under_way, most = 0, 0

    def slow(request: httpx.Request) -> httpx.Response:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        pair.wait(timeout=10)
        with lock:
            under_way -= 1
        return ok({"entities": []})

    wire = Wire()
    wire.on("GET", ENTITIES, slow)
    reader = Reader(wire.connect(concurrency=2))
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: reader.entities(), range(6)))
    assert most == 2


def test_an_answer_without_end_is_given_up() -> None:
    part = b" " * (MAX_ANSWER_BYTES // 4)
    wire = Wire()
    wire.on("GET", ENTITIES, lambda request: httpx.Response(200, content=iter([part] * 1000)))
    with pytest.raises(UnexpectedAnswer, match="larger"):
        Reader(wire.connect()).entities()


def test_an_answer_that_drips_is_given_up() -> None:
    wire = Wire()

    def drip() -> Iterator[bytes]:
        while True:
            wire.time.now += 10
            yield b" "

    wire.on("GET", ENTITIES, lambda request: httpx.Response(200, content=drip()))
    with pytest.raises(PlatformDown, match="in time"):
        Reader(wire.connect()).entities()


# Repeating


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.Response(429),
        httpx.Response(408),
        httpx.Response(500),
        httpx.Response(503),
        httpx.ReadTimeout(""),
        httpx.ConnectTimeout(""),
        httpx.ConnectError(""),
        httpx.ReadError(""),
        httpx.RemoteProtocolError(""),
    ],
    ids=str,
)
def test_a_question_is_asked_again(trouble: httpx.Response | Exception) -> None:
    wire = Wire()
    wire.on("GET", ENTITIES, trouble, trouble, SOME)
    assert Reader(wire.connect()).entities() == ["acme"]
    assert len(wire.calls) == 3


@pytest.mark.parametrize(
    ("trouble", "error"),
    [(httpx.Response(429), Busy), (httpx.Response(502), PlatformDown), (httpx.ConnectError(""), PlatformDown)],
    ids=str,
)
def test_a_question_is_given_up_after_some_attempts(
    trouble: httpx.Response | Exception, error: type[ActitoError]
) -> None:
    wire = Wire()
    wire.on("GET", ENTITIES, trouble)
    with pytest.raises(error) as caught:
        Reader(wire.connect()).entities()
    assert caught.value.exit_code == 75
    assert len(wire.calls) == ATTEMPTS


@pytest.mark.parametrize(
    ("headers", "waits"),
    [
        ({"Retry-After": "7"}, [7.0]),
        ({"Retry-After": "Mon, 02 Mar 2026 10:00:30 GMT", "Date": "Mon, 02 Mar 2026 10:00:00 GMT"}, [30.0]),
    ],
)
def test_retry_after_is_honoured(headers: dict[str, str], waits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    wire = Wire()
    wire.on("GET", ENTITIES, httpx.Response(503, headers=headers), SOME)
    with stamina.set_testing(False):
        Reader(wire.connect()).entities()
    assert slept == waits


def test_a_platform_that_wants_an_hour_is_reported_instead_of_waited_for() -> None:
    wire = Wire()
    wire.on("GET", ENTITIES, httpx.Response(429, headers={"Retry-After": "3600"}))
    with pytest.raises(Busy) as caught:
        Reader(wire.connect()).entities()
    assert len(wire.calls) == 1
    assert caught.value.wait == 3600


@pytest.mark.parametrize("trouble", [httpx.Response(429), httpx.ConnectError(""), httpx.ConnectTimeout("")], ids=str)
def test_a_write_that_was_certainly_not_carried_out_is_repeated(trouble: httpx.Response | Exception) -> None:
    wire = Wire()
    wire.on("DELETE", f"{PROFILE}/7", trouble, httpx.Response(204))
    Writer(wire.connect()).delete(CUSTOMERS, "7")
    assert len(wire.calls) == 2


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ReadTimeout(""),
        httpx.WriteTimeout(""),
        httpx.ReadError(""),
        httpx.WriteError(""),
        httpx.RemoteProtocolError(""),
        httpx.Response(500),
        httpx.Response(503),
        httpx.Response(408),
    ],
    ids=str,
)
def test_a_write_in_doubt_is_sent_once_and_said_to_be_in_doubt(trouble: httpx.Response | Exception) -> None:
    wire = Wire()
    wire.on("DELETE", f"{PROFILE}/7", trouble)
    with pytest.raises(MaybeSent) as caught:
        Writer(wire.connect()).delete(CUSTOMERS, "7")
    assert len(wire.calls) == 1
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("trouble", [httpx.ReadTimeout(""), httpx.Response(500)], ids=str)
def test_trouble_while_signing_in_leaves_no_doubt_about_the_write(trouble: httpx.Response | Exception) -> None:
    """The write itself had not left, so it is repeated, and at the end the platform is down, not the write unknown."""
    wire = Wire()
    wire.on("GET", "/auth/token", trouble, ok({"accessToken": "late"}))
    wire.on("DELETE", f"{PROFILE}/7", httpx.Response(204))
    Writer(wire.connect()).delete(CUSTOMERS, "7")
    assert len(wire.calls) == 1

    down = Wire()
    down.on("GET", "/auth/token", trouble)
    with pytest.raises(PlatformDown):
        Writer(down.connect()).delete(CUSTOMERS, "7")
    assert not down.calls


# What failures are called


def test_a_missing_right_is_named() -> None:
    wire = Wire()
    wire.on("GET", f"{PROFILE}/count", httpx.Response(403))
    with pytest.raises(NotAllowed) as caught:
        Reader(wire.connect()).count(CUSTOMERS)
    assert "read_profiles" in str(caught.value.hint)


@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_is_not_followed_and_only_its_host_is_named(status: int) -> None:
    wire = Wire()
    elsewhere = f"https://login.example.com/profile/emailAddress={EMAIL}"
    wire.on("GET", ENTITIES, httpx.Response(status, headers={"Location": elsewhere}))
    with pytest.raises(Redirected, match=r"login\.example\.com") as caught:
        Reader(wire.connect()).entities()
    assert EMAIL not in _everything_said(caught.value)
    assert len(wire.calls) == 1


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (
            {"status": 400, "errors": [{"field": "emailAddress", "code": "INVALID_VALUE", "message": EMAIL}]},
            (("emailAddress", "INVALID_VALUE"),),
        ),
        ({"errors": {"emailAddress": "INVALID_VALUE"}}, (("emailAddress", "INVALID_VALUE"),)),
        ({"status": 400, "field": "lastName", "errorCode": "TOO_LONG"}, (("lastName", "TOO_LONG"),)),
        ({"status": 400, "message": f"{EMAIL} is not valid"}, ()),
        ({"errors": [{"field": EMAIL, "code": EMAIL}]}, ()),
        ({"errors": [{"field": "emailAddress", "code": EMAIL}]}, (("emailAddress", ""),)),
        ({"errors": "many"}, ()),
        ([1], ()),
        (None, ()),
    ],
)
@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_refusal_says_fields_and_codes_and_never_values(
    body: object, fields: tuple[tuple[str, str], ...], status: int
) -> None:
    wire = Wire()
    wire.on("PATCH", f"{PROFILE}/7", ok(body, status))
    with pytest.raises(Refused) as caught:
        Writer(wire.connect()).update(CUSTOMERS, "7", {"emailAddress": EMAIL})
    assert caught.value.fields == fields
    assert all(name in str(caught.value) for name, _ in fields)
    assert EMAIL not in _everything_said(caught.value)
    assert caught.value.exit_code == 4
    assert len(wire.calls) == 1


def test_a_refusal_without_a_readable_body_is_still_a_refusal() -> None:
    wire = Wire()
    wire.on("PATCH", f"{PROFILE}/7", httpx.Response(400, text="<html>"))
    with pytest.raises(Refused) as caught:
        Writer(wire.connect()).update(CUSTOMERS, "7", {"note": "x"})
    assert caught.value.fields == ()


@pytest.mark.parametrize(
    "step",
    [
        httpx.Response(400, json={"message": f"{EMAIL} {NAME}"}),
        httpx.Response(401),
        httpx.Response(403),
        httpx.Response(409, text=EMAIL),
        httpx.Response(429),
        httpx.Response(500, text=EMAIL),
        httpx.Response(200, json={"attributes": [{"name": "emailAddress", "value": {"was": EMAIL}}]}),
        httpx.Response(200, json=[EMAIL]),
        httpx.Response(200, text=EMAIL),
        httpx.ReadTimeout(EMAIL),
        httpx.ConnectError(EMAIL),
    ],
    ids=str,
)
def test_nothing_secret_or_personal_is_said_or_logged(
    step: httpx.Response | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in messages, hints, tracebacks or logs, at any level: neither key, token, address of a profile nor value."""
    for name in ("", "httpx", "httpcore", "stamina"):
        caplog.set_level(logging.DEBUG, logger=name)
    wire = Wire()
    escaped = EMAIL.replace("@", "%40")
    wire.on("GET", f"{PROFILE}/emailAddress={escaped}", step)
    wire.on("PATCH", f"{PROFILE}/{PROFILE_ID}", step)
    said = ""
    try:
        Reader(wire.connect()).profile(CUSTOMERS, ("emailAddress", EMAIL))
    except ActitoError as error:
        said += _everything_said(error)
    try:
        Writer(wire.connect()).update(CUSTOMERS, PROFILE_ID, {"emailAddress": EMAIL, "lastName": NAME})
    except ActitoError as error:
        said += _everything_said(error)
    said += caplog.text + "".join(repr(vars(record)) for record in caplog.records)
    for secret in (KEY, "token-1-secret", EMAIL, escaped, NAME, PROFILE_ID):
        assert secret not in said


def test_a_connection_shows_no_key() -> None:
    connection = Wire().connect()
    Reader(connection)
    assert KEY not in repr(connection)
    assert KEY not in repr(vars(connection))


def test_a_full_quota_is_told_from_a_crowded_moment() -> None:
    wire = Wire()
    wire.on("POST", "/mass-imports/v5/entities/acme/etl-executions", httpx.Response(429), ok({"executionId": "9"}, 202))
    assert _import(wire) == "9"
    wire.on("POST", "/mass-imports/v5/entities/acme/etl-executions", httpx.Response(429))
    with pytest.raises(QuotaUsed) as caught:
        _import(wire)
    assert caught.value.exit_code == 75
    assert isinstance(caught.value, TryLater)


def _import(wire: Wire) -> str:
    return Writer(wire.connect()).start_import(
        CUSTOMERS, b"PK", columns=["customerId", "note"], key="customerId", mode=ImportMode.UPDATE_ONLY
    )


def _everything_said(error: AuditorError) -> str:
    return "".join([repr(error), str(error), str(error.hint), *traceback.format_exception(error)])
