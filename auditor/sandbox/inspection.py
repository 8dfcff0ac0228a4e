"""Routes under `/_sandbox/`: looking into the licence, moving its clock, taking files (see `controls` for the rest).

They are no part of Actito, and the auditor's client never uses them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from auditor.sandbox import activities, files
from auditor.sandbox.dialect import Dialect
from auditor.sandbox.drift import drift
from auditor.sandbox.faults import Faults
from auditor.sandbox.gateway import Tokens
from auditor.sandbox.imports import Queue
from auditor.sandbox.licence import build
from auditor.sandbox.limits import Counters
from auditor.sandbox.routes_v4 import read_json
from auditor.sandbox.state import State
from auditor.sandbox.storage import Storage
from auditor.sandbox.structure import TABLE
from auditor.sandbox.writes import Refusal


class Inspection:
    """What tests and the demo ask of the sandbox. Every route that changes something saves it."""

    def __init__(
        self,
        state: State,
        storage: Storage,
        queue: Queue,
        counters: Counters,
        tokens: Tokens,
        faults: Faults,
        dialect: Dialect,
    ) -> None:
        self._faults = faults
        self._dialect = dialect
        self._state = state
        self._storage = storage
        self._queue = queue
        self._counters = counters
        self._tokens = tokens

    def routes(self) -> list[Route]:
        def get(name: str, call: Callable[[Request], Any]) -> Route:
            return Route(f"/_sandbox/{name}", call)

        def post(name: str, call: Callable[[Request], Any]) -> Route:
            return Route(f"/_sandbox/{name}", call, methods=["POST"])

        return [
            get("state", self.state),
            get("profiles", self.profiles),
            get("export", self.export),
            get("crm", self.crm),
            get("activities", self.activities),
            get("answers", self.answers),
            post("drift", self.drift),
            post("clock", self.clock),
            post("reset", self.reset),
            post("idle", self.idle),
            post("end-tokens", self.end_tokens),
        ]

    async def state(self, request: Request) -> Response:
        """Counts, seed, clock (ISO, UTC), bulk calls per table and day, imports by status, calls."""
        state = self._state
        statuses: dict[str, int] = {}
        for execution in self._queue.executions.values():
            statuses[execution.status] = statuses.get(execution.status, 0) + 1
        return JSONResponse(
            {
                "seed": state.seed,
                "people": state.people,
                "profiles": len(state.profiles),
                "crm": len(state.crm),
                "now": state.clock.now().isoformat(),
                "drifted": state.facts["answers"] is not None,
                "bulk_calls": state.facts["bulk_calls"],
                "imports": statuses,
                "calls": {
                    "total": self._counters.calls,
                    "rejected": self._counters.rejected,
                    "slowed": self._counters.slowed,
                    "in_flight": self._counters.in_flight,
                },
            }
        )

    async def profiles(self, request: Request) -> Response:
        """JSON lines: `profileId` as text and every filled column, named and written as in an export."""
        lines = (
            json.dumps({"profileId": str(profile.id), **profile.values}, ensure_ascii=False)
            for profile in self._state.profiles.values()
        )
        return Response("\n".join(lines), media_type="application/x-ndjson")

    async def export(self, request: Request) -> Response:
        """The export of `Customers`, or of the table that `?table=` names, of this moment, as the faults leave it."""
        held = self._state.at(request.query_params.get("table", TABLE))
        if held is None:
            raise Refusal(404, "there is no such profile table")
        content = files.export(held, self._dialect, self._faults)
        return _file(content, files.export_name(self._state.clock.local(), held.table.name))

    async def crm(self, request: Request) -> Response:
        return _file(files.crm(self._state), files.crm_name(self._state.clock.local()))

    async def activities(self, request: Request) -> Response:
        """What became of messages in the week of the drift; of one kind with `?kind=`, else all in one file."""
        kind = request.query_params.get("kind")
        try:
            content = activities.export(self._state, kind)
        except KeyError:
            raise Refusal(400, f"kinds are {', '.join(activities.OF_KIND)}") from None
        return _file(content, activities.export_name(self._state.clock.local(), kind))

    async def answers(self, request: Request) -> Response:
        answers = self._state.facts["answers"]
        if answers is None:
            raise Refusal(404, "nothing was planted yet: POST /_sandbox/drift")
        return JSONResponse(answers)

    async def drift(self, request: Request) -> Response:
        """Let a week pass for both sides. Answers what is wrong now, profile for profile. Once per licence."""
        if self._state.facts["answers"] is not None:
            raise Refusal(409, "both sides have drifted already: POST /_sandbox/reset first")
        drift(self._state)
        self._storage.save(self._state)
        return JSONResponse(self._state.facts["answers"])

    async def clock(self, request: Request) -> Response:
        """`{"now": ISO moment with zone}` sets the calendar; `{"advance": seconds}` lets time pass for everything."""
        body = await read_json(request)
        clock = self._state.clock
        try:
            if "advance" in body:
                clock.advance(_seconds(body["advance"]))
            else:
                clock.set(_moment(body["now"]))
        except (KeyError, TypeError, ValueError):
            raise Refusal(400, "now is an ISO moment with zone, advance a number of seconds from 0") from None
        self._storage.save(self._state)
        return JSONResponse({"now": clock.now().isoformat()})

    async def reset(self, request: Request) -> Response:
        """`{"profiles": N, "seed": S}`, each optional: a fresh agreed state and the faults of the start, same clock."""
        body = await read_json(request) if await request.body() else {}
        people, seed = body.get("profiles", self._state.people), body.get("seed", self._state.seed)
        if not (isinstance(people, int) and isinstance(seed, int) and people >= 0):
            raise Refusal(400, "profiles and seed are whole numbers")
        self._faults.restart()
        self._queue.look_again()
        await self._queue.idle()
        self._queue.executions.clear()
        self._storage.clear()
        self._state.clear()
        build(self._state, people, seed)
        self._storage.save(self._state)
        return await self.state(request)

    async def idle(self, request: Request) -> Response:
        """Answers when no import waits or runs."""
        await self._queue.idle()
        return Response(status_code=204)

    async def end_tokens(self, request: Request) -> Response:
        """Let every token end at once, as if 15 minutes had passed."""
        self._tokens.end_all()
        return Response(status_code=204)


def _seconds(value: Any) -> float:
    seconds = float(value)
    if not 0 <= seconds < 1e9:
        raise ValueError
    return seconds


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError
    return moment


def _file(content: bytes, name: str) -> Response:
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type="text/csv; charset=utf-8", headers=disposition)
