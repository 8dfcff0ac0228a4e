"""The calls about imports: one-shot ETL executions, stored definitions (§8), and the table imports of V4 (§7)."""

from __future__ import annotations

from typing import Any, Final

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from auditor.sandbox.checks import Problem
from auditor.sandbox.dialect import Dialect
from auditor.sandbox.import_files import parse_definition, read_definition
from auditor.sandbox.imports import Execution, Queue
from auditor.sandbox.limits import Limits
from auditor.sandbox.routes_v4 import check_entity, read_json, table_of
from auditor.sandbox.state import State
from auditor.sandbox.structure import TABLE
from auditor.sandbox.writes import Refusal

_DEFINITION_BYTES = 1_000_000
LOCATIONS: Final = {"1": "crm-sftp", "2": "exports-sftp"}
"""Remote places of files by id: where the CRM's files come from, and where exports go."""


class ImportCalls:
    """What can be asked and started about the imports of one licence."""

    def __init__(self, state: State, queue: Queue, limits: Limits, dialect: Dialect) -> None:
        self.state = state
        self._queue = queue
        self._limits = limits
        self._dialect = dialect

    def routes(self) -> list[Route]:
        v5, v4 = "/mass-imports/v5/entities/{entity}", "/mass-imports/v4/entity/{entity}"
        one = v5 + "/etl-executions/{execution}"
        stored = v5 + "/etls/{etl}"
        old = v4 + "/import/{execution}"
        places = "/file-transfers/v5/entities/{entity}/locations"
        return [
            Route(v5 + "/etl-executions", self.execute, methods=["POST"]),
            Route(one, self.execution),
            Route(one + "/error-file", self.error_file),
            Route(one + "/result-file", self.result_file),
            Route(v5 + "/etls", self.definitions),
            Route(v5 + "/etls", self.create_definition, methods=["POST"]),
            Route(stored, self.definition),
            Route(stored, self.change_definition, methods=["PUT"]),
            Route(stored, self.delete_definition, methods=["DELETE"]),
            Route(stored + "/trigger-execution", self.trigger, methods=["POST"]),
            Route(places, self.locations),
            Route(places + "/{location}/test", self.test_location, methods=["POST"]),
            Route(v4 + "/table/{table}/import", self.import_v4, methods=["POST"]),
            Route(old + "/status", self.status_v4),
            Route(old + "/result", self.result_v4),
            Route(old + "/errors", self.error_file),
            Route(old + "/result-file", self.result_file),
        ]

    async def execute(self, request: Request) -> Response:
        """Accept a one-shot execution."""
        check_entity(request)
        content, given = await self._parts(request)
        definition = parse_definition(given)
        if self._dialect.file_names == "refused" and b"fileNamePattern" in given:
            raise Refusal(400, "a part of the definition is not known")
        execution = self._accept(content, definition)
        return JSONResponse({"executionId": str(execution.id)}, status_code=202)

    async def execution(self, request: Request) -> Response:
        return JSONResponse(self._execution(request).answer())

    async def error_file(self, request: Request) -> Response:
        return self._file(self._execution(request).errors)

    async def result_file(self, request: Request) -> Response:
        return self._file(self._execution(request).result)

    async def definitions(self, request: Request) -> Response:
        """Lists them in full: whether the list holds more than names is not known."""
        stored = self.state.definitions if check_entity(request) else {}
        return JSONResponse({"etls": [{"id": number, **body} for number, body in stored.items()]})

    async def create_definition(self, request: Request) -> Response:
        check_entity(request)
        body = self._judged(await read_json(request), besides=None)
        number = str(1 + max(map(int, self.state.definitions), default=500))
        self.state.definitions[number] = body
        location = f"{request.url.path}/{number}"
        return JSONResponse({"id": number}, status_code=201, headers={"Location": location})

    async def definition(self, request: Request) -> Response:
        number = self._stored(request)
        return JSONResponse({"id": number, **self.state.definitions[number]})

    async def change_definition(self, request: Request) -> Response:
        """Replaces it as a whole."""
        number = self._stored(request)
        self.state.definitions[number] = self._judged(await read_json(request), besides=number)
        return Response(status_code=204)

    async def delete_definition(self, request: Request) -> Response:
        del self.state.definitions[self._stored(request)]
        return Response(status_code=204)

    async def trigger(self, request: Request) -> Response:
        """Carry out a stored definition with the file in the body (§8.2)."""
        number = self._stored(request)
        content, _ = await self._parts(request, stored=True)
        definition = self.state.definitions[number]
        if not definition.get("active", True):
            raise Refusal(409, "the definition is not active")
        execution = self._accept(content, definition, number)
        return JSONResponse({"executionId": str(execution.id)}, status_code=202)

    async def locations(self, request: Request) -> Response:
        """The remote places that files come from and go to (§9, assumed)."""
        listed = [{"id": number, "name": name} for number, name in LOCATIONS.items()] if check_entity(request) else []
        names: list[Any] = [one["name"] for one in listed]
        told: dict[str, Any] = {"listed": {"locations": listed}, "bare": listed, "names": {"locations": names}}
        return JSONResponse(told[self._dialect.locations])

    async def test_location(self, request: Request) -> Response:
        """Whether a remote place can be reached now (change log, 2025-02; its form is assumed)."""
        asked = request.path_params["location"]
        number = next((one for one, name in LOCATIONS.items() if asked in (one, name)), None)
        if not check_entity(request) or number is None:
            raise Refusal(404, "there is no such location")
        reached = number not in self.state.facts.get("unreachable", ())
        if self._dialect.location_test == "refused" and not reached:
            problem = Problem("host", "UNREACHABLE", "no answer")
            raise Refusal(400, "the location cannot be reached", (problem,))
        word = {"status": "SUCCESS" if reached else "FAILED"}
        return JSONResponse(word if self._dialect.location_test == "word" else {"success": reached})

    async def import_v4(self, request: Request) -> Response:
        """The definition of V4 says neither table nor enclosing (G-mhp)."""
        table = table_of(self.state, request).table
        content, given = await self._parts(request)
        old = parse_definition(given)
        form = old.get("format") or {}
        if not isinstance(form, dict):
            raise Refusal(400, "format is not an object")
        loading = {
            "destination": {"type": "PROFILE_TABLE", "id": table.id},
            "mode": old.get("mode"),
            "csvFormat": {"separator": form.get("separator", ";"), "encoding": old.get("encoding", "UTF-8")},
            "attributesMapping": old.get("attributesMapping"),
            "generateErrorFile": True,
            "generateResultFile": old.get("generateResultFile", False),
        }
        execution = self._accept(content, {"dataLoadings": [loading]})
        return JSONResponse({"id": execution.id})

    async def status_v4(self, request: Request) -> Response:
        """The body was not seen (G-php)."""
        return JSONResponse({"status": self._execution(request).status})

    async def result_v4(self, request: Request) -> Response:
        """`withErrors` and `rowsInError` were seen (G-mhp), the other counters not."""
        (result,) = self._execution(request).answer()["results"]
        return JSONResponse({name: value for name, value in result.items() if name != "table"})

    def _accept(self, content: bytes, definition: dict[str, Any], etl: str | None = None) -> Execution:
        try:
            if len(content) > self._limits.zip_bytes:
                raise Refusal(400, f"the archive is larger than {self._limits.zip_bytes // 1_000_000} MB")
            if not content.startswith(b"PK"):
                raise Refusal(400, "inputFile is not a ZIP archive")
            table = read_definition(self.state, definition).held.table.name
        except Refusal:
            if self._dialect.refused_import_counts:
                self._count_bulk_call(TABLE)
            raise
        self._count_bulk_call(table)
        return self._queue.add(definition, content, etl)

    async def _parts(self, request: Request, *, stored: bool = False) -> tuple[bytes, bytes]:
        """The file and the definition of a multipart body; of a stored definition the file alone."""
        if not request.headers.get("content-type", "").startswith("multipart/form-data"):
            raise Refusal(400, "multipart/form-data is expected")
        async with request.form(max_files=2, max_fields=2, max_part_size=_DEFINITION_BYTES) as form:
            data = form.get("inputFile")
            given = form.get("parameters") or form.get("definition")
            if not isinstance(data, UploadFile) or (given is None) != stored:
                expected = "the part inputFile alone is" if stored else "the parts inputFile and parameters are"
                raise Refusal(400, f"{expected} expected")
            raw = await given.read() if isinstance(given, UploadFile) else (given or "").encode()
            return await data.read(), raw

    def _judged(self, body: Any, besides: str | None) -> dict[str, Any]:
        """A definition that may be stored: with a name that no other has."""
        name = body.get("name") if isinstance(body, dict) else None
        if not isinstance(name, str) or not name.strip():
            raise Refusal(400, "a stored definition has a name")
        read_definition(self.state, body)
        if any(kept["name"] == name for number, kept in self.state.definitions.items() if number != besides):
            raise Refusal(409, "there is a definition of this name")
        return {"active": True, **{part: value for part, value in body.items() if part != "id"}}

    def _stored(self, request: Request) -> str:
        number: str = request.path_params["etl"]
        if not check_entity(request) or number not in self.state.definitions:
            raise Refusal(404, "there is no such definition")
        return number

    def _count_bulk_call(self, table: str) -> None:
        calls: dict[str, int] = self.state.facts["bulk_calls"]
        day = f"{table} {self.state.clock.day(self._dialect.day_ends)}"
        if calls.get(day, 0) >= self._limits.bulk_per_day:
            raise Refusal(429, "the bulk calls of this table for today are used up")
        calls[day] = calls.get(day, 0) + 1

    def _execution(self, request: Request) -> Execution:
        number = request.path_params["execution"] if check_entity(request) else ""
        execution = self._queue.executions.get(int(number)) if number.isdecimal() else None
        if execution is None:
            raise Refusal(404, "there is no such execution")
        return execution

    def _file(self, content: bytes | None) -> Response:
        if content is None and self._dialect.no_file == "204":
            return Response(status_code=204)
        if content is None:
            raise Refusal(404, "the execution has no such file")
        return Response(content, media_type="application/zip")
