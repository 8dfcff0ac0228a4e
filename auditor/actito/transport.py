"""Carries each exchange out whole, within the limits and within bounds of size and time."""

from __future__ import annotations

from collections.abc import Iterator

import httpx

from auditor.actito import log
from auditor.actito.limits import Clock, Limits

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""Larger answers are refused: none of the calls used here has a reason to be larger."""
MAX_ANSWER_SECONDS = 300.0
"""An answer that has not arrived as a whole by then counts as a timeout, however steadily it drips."""


class Unacceptable(httpx.TransportError):
    """An answer that is not taken in: compressed, so that its size says nothing."""


class Oversized(httpx.TransportError):
    """An answer whose end was not waited for."""


class Severed(httpx.TransportError):
    """The connection ended in the middle of an answer."""


class LimitedTransport(httpx.BaseTransport):
    """Carries out each exchange, sign-in included, whole and within the limits: an answer is read to its end here."""

    def __init__(self, inner: httpx.BaseTransport, limits: Limits, *, clock: Clock) -> None:
        self._inner = inner
        self._limits = limits
        self._clock = clock

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with self._limits.turn():
            started = self._clock()
            try:
                response = self._whole(request, started)
            except httpx.TransportError as error:
                log.broke(request, error, self._clock() - started)
                raise
            log.answered(request, response.status_code, len(response.content), self._clock() - started)
        return response

    def _whole(self, request: httpx.Request, started: float) -> httpx.Response:
        response = self._inner.handle_request(request)
        try:
            body = b"".join(self._parts(response, started))
        except (httpx.RemoteProtocolError, httpx.ReadError):
            raise Severed("the answer ends in the middle") from None
        finally:
            response.close()
        return httpx.Response(response.status_code, headers=response.headers, content=body)

    def _parts(self, response: httpx.Response, started: float) -> Iterator[bytes]:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise Unacceptable("the answer is compressed")
        size = 0
        stream = response.stream
        if not isinstance(stream, httpx.SyncByteStream):
            raise TypeError("the transport below must be a synchronous one")
        for part in stream:
            size += len(part)
            if size > MAX_ANSWER_BYTES:
                raise Oversized("the answer is too large")
            if self._clock() - started > MAX_ANSWER_SECONDS:
                raise httpx.ReadTimeout("the answer takes too long")
            yield part

    def close(self) -> None:
        self._inner.close()
        self._limits.close()
