"""Routes under `/_sandbox/` that make the sandbox cruel and say how its client behaved: faults, forms, breaches."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from auditor.errors import SettingsError
from auditor.sandbox.breaches import Breaches, Call, judged
from auditor.sandbox.dialect import FORMS, OFF, Dialect, varied
from auditor.sandbox.faults import Faults
from auditor.sandbox.imports import Queue
from auditor.sandbox.routes_v4 import read_json
from auditor.sandbox.state import State
from auditor.sandbox.wire import ELSEWHERE
from auditor.sandbox.writes import Refusal


class Controls:
    """What a test sets before it lets a client loose, and asks afterwards."""

    def __init__(self, faults: Faults, breaches: Breaches, dialect: Dialect, queue: Queue, state: State) -> None:
        self._state = state
        self._faults = faults
        self._breaches = breaches
        self._dialect = dialect
        self._queue = queue

    def routes(self) -> list[Route]:
        return [
            Route("/_sandbox/faults", self.faults),
            Route("/_sandbox/faults", self.set_faults, methods=["POST"]),
            Route("/_sandbox/faults", self.clear_faults, methods=["DELETE"]),
            Route("/_sandbox/breaches", self.breaches),
            Route("/_sandbox/breaches", self.take_breaches, methods=["DELETE"]),
            Route("/_sandbox/decisions", self.decide, methods=["POST"]),
            Route("/_sandbox/unreachable", self.unreachable, methods=["POST"]),
            Route("/_sandbox/forms", self.forms),
            Route("/_sandbox/forms", self.set_forms, methods=["POST"]),
            Route(ELSEWHERE, self.elsewhere, methods=["GET", "POST", "PUT", "DELETE"]),
        ]

    async def faults(self, request: Request) -> Response:
        """Which faults are on, how often each happened, and which there are."""
        return JSONResponse(self._faults.answer())

    async def set_faults(self, request: Request) -> Response:
        """`{"NAME": RATE}`, `{"NAME": null}` for its usual rate, or `{"NAME": {"rate", "times", "on"}}`; 0: off."""
        body = await read_json(request)
        if not isinstance(body, dict):
            raise Refusal(400, "names of faults and their rates are expected")
        try:
            self._faults.set(body)
        except SettingsError as error:
            raise Refusal(400, f"{error}; {error.hint}" if error.hint else str(error)) from None
        self._queue.look_again()
        return await self.faults(request)

    async def clear_faults(self, request: Request) -> Response:
        """Switch every fault off; the counts stay."""
        self._faults.clear()
        self._queue.look_again()
        return await self.faults(request)

    async def breaches(self, request: Request) -> Response:
        """What clients did that they must not, by kind and place, without values."""
        return JSONResponse({"breaches": self._breaches.answer()})

    async def take_breaches(self, request: Request) -> Response:
        """The same, forgotten with the answer."""
        return JSONResponse({"breaches": self._breaches.taken()})

    async def decide(self, request: Request) -> Response:
        """`{"opt_ins": [[profileId, column], …]}`: from now on only these were decided. null: evidence is enough."""
        body = await read_json(request)
        given: Any = body.get("opt_ins", ()) if isinstance(body, dict) else ()
        try:
            decided = None if given is None else {(str(number), str(column)) for number, column in given}
        except (TypeError, ValueError):
            raise Refusal(400, "opt_ins is a list of pairs of profileId and column, or null") from None
        self._breaches.decided = decided
        return Response(status_code=204)

    async def unreachable(self, request: Request) -> Response:
        """`{"locations": ["2"]}`: the remote places of files that cannot be reached from now on."""
        body = await read_json(request)
        given = body.get("locations") if isinstance(body, dict) else None
        if not isinstance(given, list):
            raise Refusal(400, "locations is a list of ids")
        self._state.facts["unreachable"] = [str(one) for one in given]
        return Response(status_code=204)

    async def forms(self, request: Request) -> Response:
        """How everything is spelled that nobody has seen."""
        return JSONResponse(asdict(self._dialect))

    async def set_forms(self, request: Request) -> Response:
        """`{"seed": S}`: draw every such form anew; null: the usual forms. `with_v4`, beside it, brings V4 back or ends
        it; without it, that stays. `chosen` are forms, by name, that are not drawn.
        """
        body = await read_json(request)
        seed = body.get("seed") if isinstance(body, dict) else ""
        if not (seed is None or isinstance(seed, int)):
            raise Refusal(400, "seed is a whole number or null")
        served = self._dialect.v4_profiles == "served"
        off = OFF[0] if served else self._dialect.v4_profiles
        drawn = varied(seed, with_v4=bool(body.get("with_v4", served)), off=off)
        for name, choice in body.get("chosen", {}).items():
            if choice not in FORMS.get(name, ()):
                raise Refusal(400, f"{name} is no form, or {choice} is none of its choices")
            setattr(drawn, name, choice)
        self._dialect.become(drawn)
        return await self.forms(request)

    async def elsewhere(self, request: Request) -> Response:
        """Nobody should come here: the fault `redirect` sent a client away from https."""
        with judged(Call(f"{request.method} {ELSEWHERE}")):
            self._breaches.record("redirect_followed")
        return Response(status_code=204)
