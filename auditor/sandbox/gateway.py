"""What stands before every call: token, `Accept`, concurrent requests, calls per minute.

Plain ASGI, so that a request counts from its first byte to the last of its answer.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from auditor.sandbox import envelopes
from auditor.sandbox.breaches import Breaches, Call, judged, place_of
from auditor.sandbox.clock import Clock
from auditor.sandbox.dialect import Dialect
from auditor.sandbox.exchange import Answer
from auditor.sandbox.faults import Faults
from auditor.sandbox.limits import Counters
from auditor.sandbox.visitors import unwelcome
from auditor.sandbox.writes import Refusal

OPEN_PATHS: Final = ("/_sandbox", "/auth/token")
"""Neither counted nor behind a token: the first is not part of Actito, the second hands tokens out."""

_ACCEPTED: Final = ("*/*", "application/json", "application/*", "application/zip", "application/octet-stream")


@dataclass(slots=True)
class Tokens:
    """Access tokens and when they end, in seconds of the sandbox's clock."""

    dialect: Dialect
    clock: Clock
    _ends: dict[str, float] = field(default_factory=dict)

    def issue(self) -> str:
        token = secrets.token_urlsafe(24)
        if self.dialect.old_tokens_end:
            self._ends.clear()
        self._ends[token] = self.clock.monotonic() + self.dialect.token_seconds
        return token

    def valid(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        return scheme.lower() == "bearer" and self._ends.get(token, 0.0) > self.clock.monotonic()

    def end_all(self) -> None:
        self._ends.clear()


class Gateway:
    """Refuses or slows down a call before the application sees it."""

    def __init__(
        self, app: ASGIApp, *, tokens: Tokens, counters: Counters, dialect: Dialect, faults: Faults, breaches: Breaches
    ) -> None:
        self._app = app
        self._tokens = tokens
        self._counters = counters
        self._dialect = dialect
        self._faults = faults
        self._breaches = breaches

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        why = unwelcome(_headers(scope))
        if why is not None:
            await problem(Refusal(403, why))(scope, receive, send)
            return
        # Clients of V4 write a trailing slash (G-php, G-lep).
        scope["path"] = scope["path"].rstrip("/") or "/"
        if scope["path"].startswith(OPEN_PATHS):
            await self._app(scope, receive, send)
            return
        with judged(Call(place_of(scope["method"], scope["path"]))):
            refusal = self._refusal(scope)
        if refusal is not None:
            usual = problem(refusal)
            answer = Answer(usual.status_code, dict(usual.headers), bytes(usual.body))
            envelopes.refusal(answer, self._dialect, answer.json())
            await answer.give(send)
            return
        clock = self._tokens.clock
        try:
            beyond = self._counters.beyond(clock.monotonic())
            if beyond:
                with judged(Call(place_of(scope["method"], scope["path"]))):
                    self._breaches.record("calls_per_minute")
                await clock.sleep(min(self._dialect.slow_maximum, beyond * self._dialect.slow_step))
            await self._app(scope, receive, send)
        finally:
            self._counters.leave()

    def _refusal(self, scope: Scope) -> Refusal | None:
        """Why the call is not let in. None counts it in."""
        headers = _headers(scope)
        subject = f"{scope['method']} {scope['path']}"
        if self._faults.happens("expired-token", subject):
            self._tokens.end_all()
        if not self._tokens.valid(headers.get("authorization", "")):
            return Refusal(401, "the token is missing, unknown or has ended")
        if not _acceptable(headers.get("accept", "*/*")):
            self._breaches.record("not_acceptable")
            return Refusal(406, "only application/json is answered")
        if self._faults.happens("other-clients", subject):
            return Refusal(429, "too many concurrent requests")
        if not self._counters.enter():
            self._breaches.record("concurrency")
            return Refusal(429, "too many concurrent requests")
        return None


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def problem(refusal: Refusal) -> JSONResponse:
    """The body of a failed call (§11, assumed beyond `status` and `message`)."""
    errors: list[dict[str, Any]] = [
        {"field": item.field, "code": item.code, "message": item.message} for item in refusal.problems
    ]
    body = {"status": refusal.status, "message": refusal.message, "errors": errors}
    return JSONResponse(body, status_code=refusal.status)


def _acceptable(accept: str) -> bool:
    return any(part.split(";")[0].strip().lower() in _ACCEPTED for part in accept.split(","))
