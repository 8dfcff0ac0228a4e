"""Whatever can go wrong on the way to Actito, against a real server: what is asked again, how often, and what is said.

A read may be repeated as often as it takes; a write only where it certainly was not carried out; an import costs a call
of the day and is never sent twice blindly.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import trustme

from auditor.actito import (
    V5,
    ActitoError,
    Busy,
    Conflict,
    Connection,
    CutShort,
    Discontinued,
    Dropped,
    EmptyAnswer,
    ImportMode,
    MaybeSent,
    NotAcceptable,
    NotAllowed,
    NotFound,
    NotJson,
    NotTrusted,
    PlatformDown,
    PoolExhausted,
    QuotaUsed,
    Reader,
    Redirected,
    Refused,
    TimedOut,
    TokenRefused,
    TooLarge,
    UnexpectedAnswer,
    Unreachable,
    WrongKey,
)
from auditor.actito.writer import Writer
from tests.actito_wire import CUSTOMERS, KEY
from tests.raw_server import Exchange, RawServer, Step, hangs_up, in_turn, says, waits

pytestmark = pytest.mark.usefixtures("no_pauses")

EMAIL = "jan.janssens@example.be"
SUBSCRIPTIONS = dict.fromkeys(CUSTOMERS.subscriptions, False)
SEGMENTATIONS = {"Vip": False, "ClientTier": None}
FOUND = {
    "profileId": 7,
    "attributes": {"emailAddress": EMAIL},
    "subscriptions": SUBSCRIPTIONS,
    "segmentations": SEGMENTATIONS,
}
OK = json.dumps({"profiles": [FOUND], "profileId": 7, "executionId": "9"}).encode()
FINE = says(200, OK)
TIMEOUT = httpx.Timeout(30.0)
SHORT = httpx.Timeout(30.0, read=0.3)

EXIT = {
    WrongKey: 2, NotAllowed: 2, NotFound: 2, Discontinued: 2, NotAcceptable: 2, Redirected: 2, NotTrusted: 2,
    Refused: 4, Conflict: 4, MaybeSent: 4,
    QuotaUsed: 75, Busy: 75, TokenRefused: 75, PlatformDown: 75, Unreachable: 75, PoolExhausted: 75, TimedOut: 75,
    Dropped: 75, UnexpectedAnswer: 75, EmptyAnswer: 75, NotJson: 75, CutShort: 75, TooLarge: 75,
}  # fmt: skip

Ending = tuple[int, type[ActitoError] | None]
"""How many requests the server saw, and what was raised at last."""

OPERATIONS: dict[str, Callable[[Connection], object]] = {
    "read": lambda connection: [one.profile_id for one in Reader(connection).find(CUSTOMERS, "emailAddress", EMAIL, 5)],
    "update": lambda connection: Writer(connection).update(CUSTOMERS, "7", {"note": "x", "emailAddress": EMAIL}),
    "create": lambda connection: Writer(connection).create(CUSTOMERS, {"customerId": "C1", "emailAddress": EMAIL}),
    "import": lambda connection: Writer(connection).start_import(
        CUSTOMERS, b"PK" + bytes(3_000_000), columns=["customerId", "note"], key="customerId",
        mode=ImportMode.UPDATE_ONLY,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Failure:
    """A way to fail, and how each operation ends."""

    step: Step
    read: Ending
    update: Ending
    create: Ending
    imported: Ending
    sentence: str
    """In what every operation that failed says."""
    hint: str = ""
    """In the hint of reading."""
    signing_in: Step | None = None
    early: bool = False


def everywhere(
    step: Step,
    requests: int,
    error: type[ActitoError] | None,
    sentence: str = "",
    hint: str = "",
    *,
    signing_in: Step | None = None,
) -> Failure:
    """All operations end alike."""
    end = (requests, error)
    return Failure(step, end, end, end, end, sentence, hint, signing_in)


def busy(step: Step, asked: int, *, quota: int) -> Failure:
    """Nothing was carried out, so everything may be repeated; where an import is created, others used the quota."""
    end = (asked, Busy)
    sentence = "too many calls at once|no more of .* today: the bulk calls of this table are used up"
    return Failure(step, end, end, end, (quota, QuotaUsed), sentence, "lower concurrency")


def in_doubt(
    step: Step, error: type[ActitoError], sentence: str, hint: str, *, asked: int = 5, early: bool = False
) -> Failure:
    """A read is asked again; a write is not, and nobody knows what became of it."""
    doubt = (1, MaybeSent)
    return Failure(step, (asked, error), doubt, doubt, doubt, sentence, hint, early=early)


def without_content(step: Step, error: type[ActitoError], asked: int, sentence: str) -> Failure:
    """An update needs nothing of its answer; what creates needs an id."""
    return Failure(
        step, (asked, error), (1, None), (1, MaybeSent), (1, MaybeSent), sentence, "check that the url is Actito's"
    )


def gigabytes(exchange: Exchange) -> None:
    exchange.socket.sendall(b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n")
    part = b" " * 1_000_000
    for _ in range(4_000):
        exchange.socket.sendall(part)
    pytest.fail("four gigabytes were taken in")


def elsewhere(exchange: Exchange) -> None:
    exchange.answer(307, b"", f"Location: https://login.example.com/profile/emailAddress={EMAIL}")


FIELDS = json.dumps({"errors": [{"field": "emailAddress", "code": "INVALID_VALUE", "message": EMAIL}]}).encode()
TRY_LATER = "try later; if it stays so, check the url and the network"
DROPPED = r"the connection to 127\.0\.0\.1:\d+ broke"

FAILURES = {
    "401 once": everywhere(in_turn(says(401), FINE), 2, None),
    "401 twice": everywhere(says(401), 2, TokenRefused, "a token that it has just given", "a proxy takes the header"),
    "401 at sign-in": everywhere(FINE, 0, WrongKey, "does not accept the API key", "on one host", signing_in=says(401)),
    "403": everywhere(says(403), 1, NotAllowed, "not allowed to use", "give the API user the right read_profiles"),
    "404": Failure(
        says(404), (3, Discontinued), (5, Discontinued), (3, Discontinued), (3, Discontinued),
        "does not offer .* in V5 any more: that says nothing about any profile", "run `auditor doctor`",
    ),
    "405": everywhere(says(405), 1, Discontinued, "does not offer .* in V5 any more", "run `auditor doctor`"),
    "410": everywhere(says(410), 1, Discontinued, "does not offer .* in V5 any more", "run `auditor doctor`"),
    "501": everywhere(says(501), 1, Discontinued, "does not offer .* in V5 any more", "run `auditor doctor`"),
    "406": everywhere(says(406), 1, NotAcceptable, "not answer in the form", "check the dialect"),
    "409": everywhere(says(409, FIELDS), 1, Conflict, r"refused .*: emailAddress \(INVALID_VALUE\)", "not one that"),
    "400 with fields": everywhere(
        says(400, FIELDS), 1, Refused, r"refused .*: emailAddress \(INVALID_VALUE\)", "not one that"
    ),
    "400 without": everywhere(says(400), 1, Refused, "without saying which field is wrong", "not one that"),
    "429": busy(says(429), 5, quota=2),
    "429 with Retry-After": everywhere(in_turn(says(429, b"", "Retry-After: 1"), FINE), 2, None),
    "429 for an hour": busy(says(429, b"", "Retry-After: 3600"), 1, quota=1),
    "500": in_doubt(says(500), PlatformDown, "status 500", TRY_LATER),
    "503 with Retry-After": in_doubt(says(503, b"", "Retry-After: 1"), PlatformDown, "status 503", TRY_LATER),
    "408": in_doubt(says(408), PlatformDown, "status 408", TRY_LATER),
    "no answer in time": in_doubt(waits, TimedOut, r"127\.0\.0\.1:\d+ does not answer in time", TRY_LATER),
    "no answer to signing in": everywhere(FINE, 0, TimedOut, "does not answer in time", TRY_LATER, signing_in=waits),
    "dropped after it arrived": in_doubt(hangs_up, Dropped, DROPPED, TRY_LATER),
    "dropped while it was sent": in_doubt(hangs_up, Dropped, DROPPED, TRY_LATER, early=True),
    "cut short": in_doubt(
        says(200, OK[:9], length=len(OK)), CutShort, "the answer ends in the middle", "check that the url is Actito's"
    ),
    "gigabytes": in_doubt(gigabytes, TooLarge, "larger than any should be", "check that the url is Actito's", asked=1),
    "empty": without_content(says(200), EmptyAnswer, 5, "is empty|no usable answer"),
    "a page": without_content(says(200, b"<html>"), NotJson, 5, "is not JSON|no usable answer"),
    "half of the JSON": without_content(says(200, OK[:9]), NotJson, 5, "is not JSON|no usable answer"),
    "JSON without the field": without_content(
        says(200, b'{"surprise": 1}'), UnexpectedAnswer, 1, "no usable profiles|no usable answer"
    ),
    "a redirect": everywhere(elsewhere, 1, Redirected, r"\(login\.example\.com\), which is not followed", "with https"),
}  # fmt: skip


def connect(url: str, timeout: httpx.Timeout = TIMEOUT) -> Connection:
    return Connection(url, lambda: KEY, "acme", dialect=V5, calls_per_minute=10_000, concurrency=2, timeout=timeout)


def fails(connection: Connection, operation: str) -> ActitoError | None:
    with connection:
        try:
            OPERATIONS[operation](connection)
        except ActitoError as error:
            return error
    return None


@pytest.mark.parametrize("name", FAILURES)
def test_each_failure_has_a_class_an_exit_code_and_a_sentence(name: str) -> None:
    failure = FAILURES[name]
    expected = dict(zip(OPERATIONS, (failure.read, failure.update, failure.create, failure.imported), strict=True))
    endings: dict[str, Ending] = {}
    said: dict[str, ActitoError] = {}
    timeout = SHORT if waits in (failure.step, failure.signing_in) else TIMEOUT
    for operation in OPERATIONS:
        with RawServer(failure.step, failure.signing_in, failure.early) as server:
            error = fails(connect(server.url, timeout), operation)
            endings[operation] = (len(server.requests), type(error) if error else None)
        if error is not None:
            said[operation] = error
    assert endings == expected
    for operation, error in said.items():
        question = operation == "read" and isinstance(error, Refused)
        assert error.exit_code == (2 if question else EXIT[type(error)])
        assert error.hint
        _says(error, failure.sentence)
    if "read" in said:
        assert failure.hint in str(said["read"].hint)


def _says(error: ActitoError, sentence: str) -> None:
    assert re.search(sentence, str(error)), str(error)
    for secret in (KEY, "token-9c1d-secret", EMAIL, "emailAddress="):
        assert secret not in f"{error} {error.hint}"


# Where no byte arrives


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def with_certificate(certificate: trustme.LeafCert, step: Step = FINE) -> RawServer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return RawServer(step, tls=context)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_certificate_that_does_not_verify_is_never_spoken_to(operation: str, authority: trustme.CA) -> None:
    with with_certificate(authority.issue_cert("127.0.0.1")) as server:
        error = fails(connect(server.url), operation)
        assert server.seen == b"", "not even the key was sent"
        assert server.connections == 1, "it is not tried again"
    assert type(error) is NotTrusted
    assert error.exit_code == EXIT[NotTrusted]
    _says(error, rf"the certificate of {server.host} does not verify \(.*local issuer certificate\): nothing was sent")
    assert "SSL_CERT_FILE" in str(error.hint)


def test_the_hint_about_certificates_helps(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the authority's file the same server is trusted; one whose certificate has ended or names another, not."""
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    with with_certificate(authority.issue_cert("127.0.0.1")) as server:
        assert fails(connect(server.url), "read") is None
    ended = authority.issue_cert("127.0.0.1", not_after=datetime(2020, 1, 1, tzinfo=UTC))
    for certificate, why in ((ended, "has expired"), (authority.issue_cert("api3.actito.com"), "mismatch")):
        with with_certificate(certificate) as server:
            error = fails(connect(server.url), "read")
        assert type(error) is NotTrusted
        _says(error, why)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_nobody_listens(operation: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    error = fails(connect(f"http://127.0.0.1:{port}"), operation)
    assert type(error) is Unreachable
    assert error.exit_code == EXIT[Unreachable]
    _says(error, rf"not available \(no connection to 127\.0\.0\.1:{port}\), last when asked for")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_connection_that_does_not_come_about_in_time(operation: str) -> None:
    """The host takes the connection and never answers the greeting of TLS."""
    with RawServer(FINE) as silent:
        url = silent.url.replace("http:", "https:")
        error = fails(connect(url, httpx.Timeout(30.0, connect=0.1)), operation)
        tried = 2 if operation == "import" else 5
        assert silent.connections == tried, "tried again: no byte of the request had left"
    assert type(error) is Unreachable
    _says(error, rf"no connection to {silent.host} in time")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_connection_is_free(operation: str) -> None:
    """While the only connection waits for an answer, nothing else leaves, so a write is in no doubt."""
    began, end = threading.Event(), threading.Event()

    def first_waits(exchange: Exchange) -> None:
        began.set()
        end.wait(30)
        exchange.answer(200, OK)

    with (
        RawServer(first_waits) as server,
        httpx.HTTPTransport(limits=httpx.Limits(max_connections=1)) as transport,
        ThreadPoolExecutor(1) as pool,
    ):
        timeout = httpx.Timeout(30.0, pool=0.1)
        connection = Connection(
            server.url, lambda: KEY, "acme", dialect=V5, concurrency=2, timeout=timeout, transport=transport
        )
        first = pool.submit(OPERATIONS["read"], connection)
        try:
            assert began.wait(30)
            with pytest.raises(PoolExhausted) as caught:
                OPERATIONS[operation](connection)
        finally:
            end.set()
        assert first.result() == ["7"]
        assert len(server.requests) == 1
    assert caught.value.exit_code == EXIT[PoolExhausted]
    _says(caught.value, "every connection to .* stayed in use")


def test_the_host_of_a_redirect_sees_nothing() -> None:
    """Neither the key nor the token goes to another host, whatever the first one says."""
    with RawServer(FINE) as other:
        with RawServer(says(307, b"", f"Location: {other.url}/profiles")) as server:
            assert type(fails(connect(server.url), "update")) is Redirected
        with RawServer(FINE, signing_in=says(302, b"", f"Location: {other.url}/auth/token")) as server:
            assert type(fails(connect(server.url), "update")) is Redirected
        assert other.connections == 0
