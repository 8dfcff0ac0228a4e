"""The one way to Actito: signs in, keeps to the limits, repeats what may be repeated, and names what went wrong.

Reader, Writer ─► Connection.read, .write ─► stamina ─► httpx.Client ─► TokenAuth ─► LimitedTransport ─► network
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx
import stamina

from auditor.actito.answers import Answer, Call, check, require_json
from auditor.actito.auth import TokenAuth
from auditor.actito.dialect import Dialect
from auditor.actito.ending import Announcement, announcement, is_over
from auditor.actito.errors import (
    ActitoError,
    Busy,
    CutShort,
    Discontinued,
    Dropped,
    EmptyAnswer,
    MaybeSent,
    NotJson,
    NotTrusted,
    PlatformDown,
    PoolExhausted,
    TimedOut,
    TooLarge,
    UnexpectedAnswer,
    Unreachable,
)
from auditor.actito.limits import Clock, Sleep, limits_for
from auditor.actito.log import ATTEMPT
from auditor.actito.results import ProfileRef
from auditor.actito.transport import LimitedTransport, Oversized, Severed, Unacceptable

ATTEMPTS = 5
"""Of one call, the first included."""
TOTAL_SECONDS = 120.0
"""No further attempt begins after this long."""
LONGEST_WAIT = 60.0
"""A platform that asks (`Retry-After`) to be left alone for longer is reported instead of waited for."""
TIMEOUT = httpx.Timeout(60.0, connect=10.0)
"""Seconds. Long between bytes, because Actito slows callers down instead of refusing them (D-limits)."""
_IDLE_SECONDS = 3.0
"""Idle connections are closed before a server closes them, or a write could go into a dying one."""

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
"""No byte of the request had left: a write that ends so was certainly not carried out."""
_BROKEN: Final = (
    (httpx.PoolTimeout, PoolExhausted, "every connection to {host} stayed in use"),
    (httpx.ConnectTimeout, Unreachable, "no connection to {host} in time"),
    (httpx.TimeoutException, TimedOut, "{host} does not answer in time"),
    (httpx.ConnectError, Unreachable, "no connection to {host}"),
    (Severed, CutShort, "the answer ends in the middle"),
    (Oversized, TooLarge, "the answer is larger than any should be"),
    (Unacceptable, UnexpectedAnswer, "the answer is compressed, which was not asked for"),
    (httpx.RequestError, Dropped, "the connection to {host} broke"),
)
"""What an exchange that broke is called: the first that fits."""
_JSON = "application/json"
_TIMEOUT = httpx.codes.REQUEST_TIMEOUT
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

Files = Mapping[str, tuple[str, bytes, str]]
"""Multipart parts: part name to (file name, content, MIME type)."""


class Connection:
    """One entity of one licence, reached with one API key. May be used by several threads; close it at the end.

    `key` is called whenever a new token is needed. `calls_per_minute` and `concurrency` hold for all connections, of
    any process, that name the same folder `shared`; without one, for all connections of this process to the same host.
    In tests, `transport` replaces the network, `sleep` and `clock` (both in seconds) the passing of time while waiting
    for the limits and for the end of a token; pauses before repeating are stamina's own.

    Raises TryLater when `shared` cannot be written to.
    """

    def __init__(
        self,
        url: str,
        key: Callable[[], str],
        entity: str,
        *,
        dialect: Dialect,
        calls_per_minute: int = 60,
        concurrency: int = 3,
        shared: Path | None = None,
        timeout: httpx.Timeout = TIMEOUT,
        transport: httpx.BaseTransport | None = None,
        sleep: Sleep = time.sleep,
        clock: Clock = time.monotonic,
    ) -> None:
        self.entity = entity
        self.dialect = dialect
        self.witnesses: dict[tuple[str, str], ProfileRef] = {}
        """Somebody of a table who was there, by the table's name and the attribute asked by (empty: profileId)."""
        self.announced: dict[tuple[str, str, str], Announcement] = {}
        """Operations that answered, and said that they will end."""
        self._url = url.rstrip("/")
        limits = limits_for(self._url, calls_per_minute, concurrency, sleep=sleep, clock=clock, folder=shared)
        inner = transport if transport is not None else _network(self._url, concurrency)
        self._client = httpx.Client(
            auth=TokenAuth(self._url, key, clock=clock),
            transport=LimitedTransport(inner, limits, clock=clock),
            # Not compressed: the size that is limited is then the size that has to be held.
            headers={"Accept-Encoding": "identity", "User-Agent": "profile-auditor"},
            timeout=timeout,
            follow_redirects=False,
        )

    def __repr__(self) -> str:
        return f"Connection({_host(self._url)}, {self.entity})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def read(self, call: Call) -> Answer:
        """Ask, and ask again after timeouts, broken connections, 408, 429, 5xx and answers without their content.

        Raises ActitoError.
        """
        return self._repeated(lambda attempt: self._once(call, attempt, writing=False), ATTEMPTS)

    def write(
        self,
        call: Call,
        *,
        body: Mapping[str, object] | None = None,
        files: Files | None = None,
        attempts: int = ATTEMPTS,
    ) -> Answer:
        """Change something. Repeated only when Actito cannot have carried it out: no connection, 429, or an old token.

        Raises MaybeSent when the effect is unknown, any other ActitoError when nothing was changed.
        """
        return self._repeated(lambda attempt: self._once(call, attempt, writing=True, body=body, files=files), attempts)

    def methods(self, call: Call) -> frozenset[str] | None:
        """The methods that the address of `call` takes, asked by OPTIONS: nothing is carried out. None: not told.

        Raises ActitoError where the platform cannot be asked at all.
        """
        asked = replace(call, method="OPTIONS", accept="*/*", query={}, operation="what an address takes")
        answer = self._repeated(lambda attempt: self._exchange(asked, attempt, writing=False), ATTEMPTS)
        if httpx.codes.is_success(answer.status):
            self._note(answer, call)
        if answer.status == httpx.codes.GONE:
            return frozenset()
        allowed = answer.headers.get("allow", "")
        return frozenset(word.strip().upper() for word in allowed.split(",")) if allowed.strip() else None

    def _repeated(self, once: Callable[[int], Answer], attempts: int) -> Answer:
        for attempt in stamina.retry_context(
            on=_again, attempts=attempts, timeout=TOTAL_SECONDS, wait_initial=0.5, wait_max=20.0
        ):
            with attempt:
                return once(attempt.num)
        raise AssertionError("the last attempt returns or raises")

    def _once(
        self,
        call: Call,
        attempt: int,
        *,
        writing: bool,
        body: Mapping[str, object] | None = None,
        files: Files | None = None,
    ) -> Answer:
        answer = self._exchange(call, attempt, writing=writing, body=body, files=files)
        if not httpx.codes.is_success(answer.status) and is_over(answer, call, body):
            generation, _, what = call.name
            raise Discontinued(what, generation)
        if writing and (answer.status >= httpx.codes.INTERNAL_SERVER_ERROR or answer.status == _TIMEOUT):
            raise MaybeSent(call.what, f"it answered with status {answer.status}")
        check(answer, call, writing=writing)
        if not writing and call.accept == _JSON:
            require_json(answer)
        self._note(answer, call)
        return answer

    def _note(self, answer: Answer, call: Call) -> None:
        ending = announcement(answer.headers, call)
        if ending is not None:
            self.announced.setdefault(call.name, ending)

    def _exchange(
        self,
        call: Call,
        attempt: int,
        *,
        writing: bool,
        body: Mapping[str, object] | None = None,
        files: Files | None = None,
    ) -> Answer:
        """One request and its whole answer, whatever that says."""
        request = self._client.build_request(
            call.method,
            self._url + call.path,
            params=dict(call.query) or None,
            headers={"Accept": call.accept},
            json=body,
            files=files,
            extensions={ATTEMPT: attempt},
        )
        try:
            response = self._client.send(request)
        except httpx.RequestError as error:
            # The exchange that broke may have been the sign-in before the write.
            in_doubt = writing and error.request is request and not isinstance(error, _NOT_SENT)
            failure = _failure(error, call, _host(self._url), in_doubt=in_doubt)
        else:
            return Answer.of(response, call)
        # Outside the handler: an exception of httpx carries the request, and with it the address of a profile.
        raise failure


def _host(url: str) -> str:
    """Host and port of an address, without a name and a password that somebody may have written into it."""
    return urlsplit(url).netloc.rpartition("@")[2]


def _failure(error: httpx.RequestError, call: Call, host: str, *, in_doubt: bool) -> ActitoError:
    """What a broken exchange is called; `in_doubt`: a write had left."""
    distrust = _distrust(error)
    if distrust is not None:
        return NotTrusted(host, distrust)
    kind, why = next((kind, why.format(host=host)) for broken, kind, why in _BROKEN if isinstance(error, broken))
    return MaybeSent(call.what, why) if in_doubt else kind(call.what, why)


def _distrust(error: BaseException | None) -> str | None:
    """Why the host's certificate did not verify, where that is the trouble."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message.rstrip(".")
        error = error.__cause__ or error.__context__
    return None


def _again(error: Exception) -> bool | float:
    """Whether to repeat, and after how many seconds if the platform said so. A write in doubt is a MaybeSent: never."""
    if not isinstance(error, Busy | PlatformDown | EmptyAnswer | NotJson | CutShort):
        return False
    if error.wait is None:
        return True
    return error.wait if error.wait <= LONGEST_WAIT else False


def _network(url: str, concurrency: int) -> httpx.BaseTransport:
    limits = httpx.Limits(max_connections=concurrency, keepalive_expiry=_IDLE_SECONDS)
    return httpx.HTTPTransport(http2=False, limits=limits, proxy=_proxy(url), retries=0)


def _proxy(url: str) -> str | None:
    """The proxy of this machine's settings for the host; none for this machine itself.

    httpx looks for proxies only where it makes the transport, which is wrapped here.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in _LOOPBACK or proxy_bypass(host):
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy
