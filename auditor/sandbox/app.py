"""Puts the sandbox together: one licence, the routes of both versions, the gateway before them, imports beside."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from auditor.sandbox.breaches import Breaches
from auditor.sandbox.controls import Controls
from auditor.sandbox.dialect import Dialect
from auditor.sandbox.faults import Faults
from auditor.sandbox.gateway import Gateway, Tokens, problem
from auditor.sandbox.imports import Queue
from auditor.sandbox.inspection import Inspection
from auditor.sandbox.licence import build
from auditor.sandbox.limits import Counters, Limits
from auditor.sandbox.openapi import Description
from auditor.sandbox.routes_imports import ImportCalls
from auditor.sandbox.routes_structure import StructureCalls
from auditor.sandbox.routes_v4 import CallsV4
from auditor.sandbox.routes_v5 import CallsV5
from auditor.sandbox.state import State
from auditor.sandbox.storage import Storage
from auditor.sandbox.wire import Wire
from auditor.sandbox.writes import Refusal


@dataclass(frozen=True, slots=True)
class Licence:
    """The state of one licence and where it is kept."""

    state: State
    storage: Storage


def open_licence(folder: Path, people: int, seed: int, now: datetime | None = None) -> Licence:
    """The licence kept in `folder`; a new agreed state of `people` customers where there is none yet.

    `now` is what the clock of a new one says, with zone; None: as this machine's.
    """
    storage = Storage(folder)
    state = storage.load()
    if state is None:
        state = State()
        if now is not None:
            state.clock.set(now)
        build(state, people, seed)
        storage.save(state)
    return Licence(state, storage)


def make_app(licence: Licence, limits: Limits, dialect: Dialect, faults: Faults) -> Starlette:
    """The whole server. The licence is saved when it ends."""
    state, storage = licence.state, licence.storage
    tokens = Tokens(dialect, state.clock)
    counters = Counters(limits)
    breaches = Breaches()
    state.watchers.append(breaches.written)
    queue = Queue(state, storage, dialect, faults, breaches)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        worker = asyncio.create_task(queue.work())
        try:
            yield
        finally:
            queue.stop()
            state.clock.end()
            await worker
            storage.save(state)

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)  # noqa: S101 -- the handler is registered for nothing else
        for one in error.problems:
            breaches.refused(one.code, one.field)
        if error.status == 400 and not error.problems:
            breaches.record("body_form")
        return problem(error)

    async def unknown(request: Request, error: Exception) -> Response:
        """Starlette's own refusals: no such path, no such method, a broken multipart body."""
        assert isinstance(error, HTTPException)  # noqa: S101 -- the handler is registered for nothing else
        breaches.record("unknown_operation" if error.status_code in (404, 405) else "body_form")
        return problem(Refusal(error.status_code, error.detail))

    actito = [
        *CallsV5(state, tokens, dialect).routes(),
        *CallsV4(state, dialect).routes(),
        *StructureCalls(state, dialect).routes(),
        *ImportCalls(state, queue, limits, dialect).routes(),
    ]
    return Starlette(
        routes=[
            *actito,
            *Inspection(state, storage, queue, counters, tokens, faults, dialect).routes(),
            *Controls(faults, breaches, dialect, queue, state).routes(),
            *Description(actito, dialect).routes(),
        ],
        middleware=[
            Middleware(Gateway, tokens=tokens, counters=counters, dialect=dialect, faults=faults, breaches=breaches),
            Middleware(Wire, state=state, faults=faults, breaches=breaches, dialect=dialect, limits=limits),
        ],
        exception_handlers={Refusal: refused, HTTPException: unknown},
        lifespan=lifespan,
    )
