"""The calls about the structure of tables (§4), in both generations, and about their scenarios (§14b)."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from auditor.sandbox.checks import Problem
from auditor.sandbox.dialect import Code, Dialect
from auditor.sandbox.routes_v4 import check_entity, read_json, table_of
from auditor.sandbox.state import Profiles, State
from auditor.sandbox.structure import Impossible, Table, as_v4, as_v5, changed, created
from auditor.sandbox.writes import Refusal

SCENARIOS: Final = (
    {"id": 31, "name": "Welcome", "active": True},
    {"id": 32, "name": "Birthday wishes", "active": True},
    {"id": 33, "name": "Win back 2024", "active": False},
)
"""Those of `Customers`: scenarios are made in the portal, so a table that the API created has none (shape assumed)."""


class StructureCalls:
    """What can be asked and changed about the tables of one licence."""

    def __init__(self, state: State, dialect: Dialect) -> None:
        self.state = state
        self._dialect = dialect
        self._begun: set[asyncio.Task[None]] = set()

    def routes(self) -> list[Route]:
        v5 = "/profile-table-structure/v5/entities/{entity}/profile-tables"
        v4 = "/profile-table-structure/v4/entity/{entity}/table"
        return [
            Route(v5, self.list_v5),
            Route(v5, self.create, methods=["POST"]),
            Route(v5 + "/{table}", self.get_v5),
            Route(v5 + "/{table}/change-requests", self.change, methods=["POST"]),
            Route(v4, self.list_v4),
            Route(v4 + "/{table}", self.get_v4),
            Route("/scenarios/v4/entity/{entity}/table/{table}/scenario", self.scenarios),
        ]

    async def list_v5(self, request: Request) -> Response:
        return JSONResponse({"profileTables": [as_v5(held.table) for held in self._tables(request)]})

    async def get_v5(self, request: Request) -> Response:
        return JSONResponse(as_v5(self._by_id(request).table))

    async def list_v4(self, request: Request) -> Response:
        """`name` was seen (G-lep)."""
        tables = [{"id": held.table.id, "name": held.table.name} for held in self._tables(request)]
        return JSONResponse({"profileTableNames": tables})

    async def get_v4(self, request: Request) -> Response:
        return JSONResponse(as_v4(table_of(self.state, request).table))

    async def create(self, request: Request) -> Response:
        """Create an empty table."""
        check_entity(request)
        number = str(1 + max(int(held.table.id) for held in self.state.tables()))
        body = await read_json(request)
        try:
            table = created(number, body)
        except Impossible as impossible:
            raise _refusal(impossible) from None
        if self.state.at(table.name):
            raise Refusal(409, "there is a profile table of this name", (_problem("name", Code.EXISTS),))
        self.state.open(table)
        location = f"{request.url.path}/{number}"
        return JSONResponse({"id": number, "name": table.name}, status_code=201, headers={"Location": location})

    async def change(self, request: Request) -> Response:
        """Add to a table, at once. A mandatory attribute would break the profiles that it has (assumed)."""
        held = self._by_id(request)
        body = await read_json(request)
        try:
            table = changed(held.table, body)
        except Impossible as impossible:
            raise _refusal(impossible) from None
        mandatory = set(table.mandatory) - set(held.table.mandatory)
        if mandatory and held.profiles:
            problems = tuple(_problem(name, Code.MANDATORY) for name in sorted(mandatory))
            raise Refusal(400, "the profiles of the table have no value for a mandatory attribute", problems)
        if self._dialect.changes_seen == "later":
            change = asyncio.create_task(self._later(held, table))
            self._begun.add(change)
            change.add_done_callback(self._begun.discard)
        else:
            held.restructure(table)
        return Response(status_code=204)

    async def _later(self, held: Profiles, table: Table) -> None:
        await self.state.clock.sleep(self._dialect.change_delay)
        held.restructure(table)

    async def scenarios(self, request: Request) -> Response:
        held = table_of(self.state, request)
        return JSONResponse({"scenarios": list(SCENARIOS) if held is self.state else []})

    def _tables(self, request: Request) -> list[Profiles]:
        return self.state.tables() if check_entity(request) else []

    def _by_id(self, request: Request) -> Profiles:
        held = table_of(self.state, request)
        if held.table.id != request.path_params["table"]:
            raise Refusal(404, "there is no profile table with this id")
        return held


def _refusal(impossible: Impossible) -> Refusal:
    problem = Problem(impossible.field, Code.INVALID, str(impossible))
    return Refusal(400, "the structure is not possible", (problem,))


def _problem(field: str, code: str) -> Problem:
    messages: dict[str, Any] = {Code.EXISTS: "exists already", Code.MANDATORY: "cannot be mandatory"}
    return Problem(field, code, f"{field} {messages[code]}")
