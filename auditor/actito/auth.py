"""Signs in: an API key is exchanged for a token of 15 minutes, which then goes with every call (D-auth)."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Generator

import httpx

from auditor.actito.answers import Answer, Call, Unfit, check, first, record, require_json
from auditor.actito.errors import UnexpectedAnswer, WrongKey
from auditor.actito.limits import Clock
from auditor.actito.log import LOGGER

TOKEN = Call("GET", "/auth/token", what="a token", right="of an API user")
USUAL_LIFE = 900.0
"""Seconds a token lives where `expiresIn` is absent or has another form: 15 minutes (D-auth)."""
MARGIN = 60.0
"""A token is not used in the last seconds of its life."""

_UNITS = {"ms": 0.001, "": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


class TokenAuth(httpx.Auth):
    """Adds the token, gets one when there is none or it is about to expire, and renews it once after a 401.

    Threads share one token: while one of them signs in, the others wait for its token. The key is asked for at each
    sign-in and not kept.
    """

    requires_response_body = True

    def __init__(self, url: str, key: Callable[[], str], *, clock: Clock) -> None:
        self._url = url + TOKEN.path
        self._key = key
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._until = 0.0

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        token = yield from self._current(request, refused=None)
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            token = yield from self._current(request, refused=token)
            request.headers["Authorization"] = f"Bearer {token}"
            yield request

    def _current(self, request: httpx.Request, *, refused: str | None) -> Generator[httpx.Request, httpx.Response, str]:
        """The token to use; a new one if there is none, it is too old, or it is the one that was `refused`."""
        with self._lock:
            if not self._token or self._token == refused or self._clock() >= self._until:
                LOGGER.info("a new token: %s", self._why(refused))
                self._token = ""
                asked = self._clock()
                response = yield self._sign_in(request)
                token, life = _read(Answer.of(response, TOKEN))
                self._token, self._until = token, asked + max(life - MARGIN, life / 2)
            return self._token

    def _why(self, refused: str | None) -> str:
        if not self._token:
            return "there is none yet"
        return "the last one was refused" if self._token == refused else "the last one is about to end"

    def _sign_in(self, request: httpx.Request) -> httpx.Request:
        key = self._key()
        # Anything else would end in an exception of the HTTP library that quotes the header, and so the key.
        if not re.fullmatch(r"[\x21-\x7e]+", key):
            raise WrongKey("the API key is empty or holds characters that no key has, such as blanks or line ends")
        headers = {"Authorization": key, "Accept": "application/json", "Accept-Encoding": "identity"}
        # Without the timeouts of the request behind it, it would wait for ever.
        timeouts = {name: value for name, value in request.extensions.items() if name == "timeout"}
        return httpx.Request("GET", self._url, headers=headers, extensions=timeouts)


def _read(answer: Answer) -> tuple[str, float]:
    if answer.status == httpx.codes.UNAUTHORIZED:
        raise WrongKey
    check(answer, TOKEN, writing=False)
    require_json(answer)
    try:
        content = record(answer.json(), "accessToken")
        token = first(content, "accessToken", "access_token")
    except Unfit as unfit:
        raise UnexpectedAnswer(TOKEN.what, str(unfit)) from None
    # The same reason as for the key: a token goes into a header.
    if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
        raise UnexpectedAnswer(TOKEN.what, "accessToken is not a text that can be sent")
    return token, _seconds(content.get("expiresIn", content.get("expires_in")))


def _seconds(life: object) -> float:
    """`"900s"` (the documented form), `900`, `"900"`, `"15m"` as seconds."""
    match = re.fullmatch(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*(ms|s|m|h|)\s*", str(life))
    return float(match[1]) * _UNITS[match[2]] if match else USUAL_LIFE
