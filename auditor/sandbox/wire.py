"""What happens to a call between the client and the licence: the faults of the network and of the platform's edge, and
the judgement of the call as it was sent.

A call is taken in whole, carried out, and its answer held until it is whole: so a write that was carried out can still
lose its answer, and a call can be carried out twice.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from auditor.sandbox import network
from auditor.sandbox.allowed import allowed
from auditor.sandbox.breaches import Breaches, Call, judged, place_of
from auditor.sandbox.dialect import Dialect
from auditor.sandbox.exchange import Answer, replayed, whole_body
from auditor.sandbox.faults import Faults
from auditor.sandbox.limits import Limits
from auditor.sandbox.meanwhile import Meanwhile
from auditor.sandbox.spelling import respell, understood
from auditor.sandbox.state import State
from auditor.sandbox.storage import API_KEY
from auditor.sandbox.structure import TABLE
from auditor.sandbox.switched_off import announce, switched_off

ELSEWHERE: Final = "/_sandbox/elsewhere"
"""Where the fault `redirect` sends callers."""

_REFUSED: Final = {"429": 429, "429-retry-after": 429, "503": 503, "503-retry-after": 503}
_STARTS_IMPORT: Final = ("/etl-executions", "/trigger-execution", "/import")
_BY_ID: Final = re.compile(r"/profiles?/(\d+)(?:/|$)")
_MOMENT: Final = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}")


@dataclass(slots=True)
class Withheld:
    """Writes that may have been carried out and whose answer never arrived: to be read before they are repeated."""

    _open: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def keep(self, method: str, path: str, body: bytes) -> None:
        self._open[method, path] = hashlib.sha256(body).digest()

    def read(self, path: str) -> None:
        """The client looked: at one profile by its id, or at others in one of the many ways to find out."""
        self._open = {key: digest for key, digest in self._open.items() if _other_profile(key[1], path)}

    def repeated(self, method: str, path: str, body: bytes) -> bool:
        return self._open.get((method, path)) == hashlib.sha256(body).digest()


class Wire:
    """ASGI middleware behind the gateway. Signing in is a call like any other here."""

    def __init__(
        self, app: ASGIApp, *, state: State, faults: Faults, breaches: Breaches, dialect: Dialect, limits: Limits
    ) -> None:
        self._app = app
        self._state = state
        self._faults = faults
        self._breaches = breaches
        self._dialect = dialect
        self._limits = limits
        self._meanwhile = Meanwhile(state, faults)
        self._withheld = Withheld()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/_sandbox"):
            await self._app(scope, receive, send)
            return
        body = await whole_body(receive)
        if body is None:
            return
        method, path, query = scope["method"], scope["path"], scope["query_string"].decode("latin-1")
        subject, happens = f"{method} {path}?{query}", self._faults.happens
        call = Call(place_of(method, path), evidence=_has_evidence(body))
        with judged(call):
            self._judge(method, path, query, body)
        await self._delay(method, path, subject)
        refusal = self._refusal(scope, subject)
        if refusal is not None:
            await refusal.give(send)
            return

        dropped = happens("drop-before", subject)
        broken = not dropped and happens("500", subject)
        carried_out = not dropped and not (broken and self._half("500", subject))
        answer = _trouble(500)
        if carried_out:
            answer = await self._carry_out(scope, subject, body, call)
            if happens("duplicate", subject):
                answer = await self._carry_out(scope, subject, body, Call(call.place, call.evidence, repeated=True))
        lost = dropped or happens("drop-after", subject)
        cut = not lost and not broken and happens("truncated", subject)
        if method == "GET" and not (lost or cut or broken):
            self._withheld.read(path)
        elif method != "GET" and (lost or cut or broken):
            self._withheld.keep(method, path, body)
        if lost:
            await _hang_up(scope, receive)
        elif broken:
            await _trouble(500).give(send)
        elif cut:
            await self._cut(answer, scope, subject, receive, send)
        else:
            await answer.give(send)

    async def _carry_out(self, scope: Scope, subject: str, body: bytes, call: Call) -> Answer:
        answer, path = Answer(500), scope["path"]
        over = switched_off(self._dialect, path)
        if over is not None:
            return over
        if scope["method"] == "OPTIONS":
            answer = allowed(scope, self._dialect)
            announce(answer, self._dialect, path)
            return answer
        with self._meanwhile.around(scope["method"], path, subject), judged(call):
            await self._app(dict(scope), replayed(understood(body, self._dialect, path)), answer.take)
        content = answer.json()
        if content is not None and path.startswith("/profile-table-structure/"):
            self._meanwhile.amend(subject, content)
            answer.write(content)
        respell(answer, self._dialect, scope["method"], path, scope["query_string"].decode("latin-1"))
        announce(answer, self._dialect, path)
        return answer

    def _judge(self, method: str, path: str, query: str, body: bytes) -> None:
        """By the call alone. What its content does is judged where it is carried out."""
        if API_KEY in path or API_KEY in query or "Bearer" in query:
            self._breaches.record("secret_in_url")
        if method == "PUT" and path.startswith("/profiles/v5/") and path.endswith("/profiles"):
            self._breaches.record("upsert")
        if method == "PUT" and path.startswith("/profiles/v5/") and not path.endswith("/profiles"):
            self._breaches.record("replace")
        if switched_off(self._dialect, path) is not None:
            self._breaches.record("switched_off")
        creates = method == "POST" and path.startswith("/profiles/v4/") and path.endswith("/profile")
        if creates and "allowUpdate=false" not in query.split("&"):
            self._breaches.record("allow_update")
        if method != "GET" and self._withheld.repeated(method, path, body):
            self._breaches.record("blind_repeat")

    async def _delay(self, method: str, path: str, subject: str) -> None:
        """What others do to the licence's limits, and a slow network."""
        clock = self._state.clock
        if self._faults.happens("slow", subject):
            await clock.sleep(self._faults.draw("slow", f"how {subject}"))
        if self._faults.happens("throttle", subject):
            await clock.sleep(self._dialect.slow_maximum)
        if method == "POST" and path.endswith(_STARTS_IMPORT) and self._faults.happens("quota-used", subject):
            today = f"{TABLE} {clock.day(self._dialect.day_ends)}"
            self._state.facts["bulk_calls"][today] = self._limits.bulk_per_day

    def _refusal(self, scope: Scope, subject: str) -> Answer | None:
        """An answer of the platform's edge, instead of carrying the call out."""
        for name, status in _REFUSED.items():
            if self._faults.happens(name, subject):
                answer = _trouble(status)
                if name.endswith("retry-after"):
                    answer.headers["retry-after"] = "1"
                return answer
        if self._faults.happens("redirect", subject):
            host = next((text for name, text in scope["headers"] if name == b"host"), b"").decode("latin-1")
            return Answer(307, {"location": f"http://{host}{ELSEWHERE}"})
        return None

    async def _cut(self, answer: Answer, scope: Scope, subject: str, receive: Receive, send: Send) -> None:
        announced = len(answer.body) if self._half("truncated", subject) and len(answer.body) > 1 else None
        answer.body = answer.body[: len(answer.body) // 2]
        await answer.give(send, announced=announced)
        if announced is not None:
            await _hang_up(scope, receive)

    def _half(self, name: str, subject: str) -> bool:
        return self._faults.draw(name, f"how {subject}") < 0.5


def _other_profile(one: str, other: str) -> bool:
    found = [_BY_ID.search(path) for path in (one, other)]
    return all(found) and len({match[1] for match in found if match}) == 2


async def _hang_up(scope: Scope, receive: Receive) -> None:
    network.drop(scope["client"])
    while (await receive())["type"] != "http.disconnect":
        pass


def _trouble(status: int) -> Answer:
    """How a web server in front of the platform answers: no JSON."""
    return Answer(status, {"content-type": "text/html"}, f"<h1>{status}</h1>".encode())


def _has_evidence(body: bytes) -> bool:
    """Whether the call says when and where a permission was given (§6.1)."""
    if b"dataCollectionInformation" not in body or not body.startswith(b"{"):
        return False
    try:
        given = json.loads(body)["dataCollectionInformation"]
        return bool(_MOMENT.fullmatch(given["date"]) and given["source"])
    except (ValueError, TypeError, KeyError):
        return False
