"""The V5 calls (§3, §4.3, §6.4, §8): flat objects, table by id; and the token, which has no version."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from auditor.sandbox.dialect import SEARCH_DEFAULT, SEARCH_MAXIMUM, Dialect
from auditor.sandbox.gateway import Tokens
from auditor.sandbox.imports import Execution, Queue, parse_definition, read_definition
from auditor.sandbox.limits import Limits
from auditor.sandbox.routes_v4 import check_entity, check_table, find_profile, read_json
from auditor.sandbox.state import Profile, State
from auditor.sandbox.storage import API_KEY
from auditor.sandbox.structure import BY_NAME, ENTITY, ENTITY_ID, TABLE, TABLE_ID, as_v5
from auditor.sandbox.writes import Refusal, changes_v5, sections, store

_DEFINITION_BYTES = 1_000_000


class CallsV5:
    """The V5 calls of one licence."""

    def __init__(self, state: State, queue: Queue, limits: Limits, tokens: Tokens, dialect: Dialect) -> None:
        self.state = state
        self._queue = queue
        self._limits = limits
        self._tokens = tokens
        self._dialect = dialect

    def routes(self) -> list[Route]:
        profiles = "/profiles/v5/entities/{entity}/profile-tables/{table}/profiles"
        executions = "/mass-imports/v5/entities/{entity}/etl-executions"
        return [
            Route("/auth/token", self.token),
            Route("/entities/v5/entities", self.entities),
            Route("/profile-table-structure/v5/entities/{entity}/profile-tables", self.structures),
            Route("/profile-table-structure/v5/entities/{entity}/profile-tables/{table}", self.structure),
            Route(profiles, self.list_profiles),
            Route(profiles, self.upsert, methods=["PUT"]),
            Route(profiles + "/{profile}", self.get_profile),
            Route(executions, self.create_execution, methods=["POST"]),
            Route(executions + "/{execution}", self.get_execution),
            Route(executions + "/{execution}/error-file", self.error_file),
            Route(executions + "/{execution}/result-file", self.result_file),
        ]

    async def token(self, request: Request) -> Response:
        if request.headers.get("authorization") != API_KEY:
            raise Refusal(401, "the API key is wrong or was revoked")
        return JSONResponse(
            {
                "accessToken": self._tokens.issue(),
                "tokenType": "bearer",
                "expiresIn": f"{self._dialect.token_seconds}s",
                "scope": "read write",
                "jti": str(uuid.uuid4()),
            }
        )

    async def entities(self, request: Request) -> Response:
        return JSONResponse({"entities": [{"id": ENTITY_ID, "name": ENTITY, "comment": None}]})

    async def structures(self, request: Request) -> Response:
        check_entity(request)
        return JSONResponse({"profileTables": [as_v5()]})

    async def structure(self, request: Request) -> Response:
        check_entity(request)
        if request.path_params["table"] != TABLE_ID:
            raise Refusal(404, "there is no profile table with this id")
        return JSONResponse(as_v5())

    async def list_profiles(self, request: Request) -> Response:
        check_table(request)
        page, size = request.query_params.get("page", "0"), request.query_params.get("size", str(SEARCH_DEFAULT))
        if not (page.isdecimal() and size.isdecimal() and 0 < int(size) <= SEARCH_MAXIMUM):
            raise Refusal(400, f"page counts from 0, size from 1 to {SEARCH_MAXIMUM}")
        start = int(page) * int(size)
        found = list(self.state.profiles.values())
        return JSONResponse(
            {
                "profiles": [_body(profile) for profile in found[start : start + int(size)]],
                "page": int(page),
                "size": int(size),
                "totalElements": len(found),
            }
        )

    async def get_profile(self, request: Request) -> Response:
        check_table(request)
        return JSONResponse(_body(find_profile(self.state, request.path_params["profile"])))

    async def upsert(self, request: Request) -> Response:
        """Update the profile that `key` names, or create one."""
        check_table(request)
        body = await read_json(request)
        key = body.get("key") if isinstance(body, dict) else None
        if not isinstance(key, dict) or len(key) != 1:
            raise Refusal(400, "key names one unique attribute and its value")
        ((name, value),) = key.items()
        if name not in BY_NAME or not BY_NAME[name].unique or not value:
            raise Refusal(400, "key names one unique attribute and its value")
        number = self.state.find(name, str(value))
        changes = changes_v5(body)
        if number is None and name != "profileId":
            changes = changes_v5({"attributes": {name: value}}) | changes
        elif number is None:
            raise Refusal(404, "there is no such profile")
        profile = None if number is None else self.state.profiles[number]
        return JSONResponse({"profileId": store(self.state, profile, changes).id})

    async def create_execution(self, request: Request) -> Response:
        """Accept an import. One that is refused does not count against the calls of the day."""
        check_entity(request)
        content, definition = await self._parts(request)
        if len(content) > self._limits.zip_bytes:
            raise Refusal(400, f"the archive is larger than {self._limits.zip_bytes // 1_000_000} MB")
        if not content.startswith(b"PK"):
            raise Refusal(400, "inputFile is not a ZIP archive")
        read_definition(definition)
        self._count_bulk_call()
        execution = self._queue.add(definition, content)
        return JSONResponse({"executionId": str(execution.id)}, status_code=202)

    async def get_execution(self, request: Request) -> Response:
        return JSONResponse(self._execution(request).answer())

    async def error_file(self, request: Request) -> Response:
        return _zip(self._execution(request).errors)

    async def result_file(self, request: Request) -> Response:
        return _zip(self._execution(request).result)

    async def _parts(self, request: Request) -> tuple[bytes, dict[str, Any]]:
        if not request.headers.get("content-type", "").startswith("multipart/form-data"):
            raise Refusal(400, "multipart/form-data is expected")
        async with request.form(max_files=2, max_fields=2, max_part_size=_DEFINITION_BYTES) as form:
            data = form.get("inputFile")
            given = form.get("parameters") or form.get("definition")
            if not isinstance(data, UploadFile) or given is None:
                raise Refusal(400, "the parts inputFile and parameters are expected")
            raw = await given.read() if isinstance(given, UploadFile) else given.encode()
            return await data.read(), parse_definition(raw)

    def _count_bulk_call(self) -> None:
        """Calendar day in Actito's zone (assumed)."""
        calls: dict[str, int] = self.state.facts["bulk_calls"]
        day = f"{TABLE} {_day(self.state.clock.local())}"
        if calls.get(day, 0) >= self._limits.bulk_per_day:
            raise Refusal(429, "the bulk calls of this table for today are used up")
        calls[day] = calls.get(day, 0) + 1

    def _execution(self, request: Request) -> Execution:
        check_entity(request)
        number = request.path_params["execution"]
        execution = self._queue.executions.get(int(number)) if number.isdecimal() else None
        if execution is None:
            raise Refusal(404, "there is no such execution")
        return execution


def _body(profile: Profile) -> dict[str, Any]:
    body: dict[str, Any] = {"profileId": profile.id, "attributes": {}, "subscriptions": {}, "segmentations": {}}
    for section, name, value in sections(profile):
        attribute = BY_NAME.get(name) if section == "attributes" else None
        is_text = attribute is not None and attribute.value_type != "BOOLEAN"
        body[section][name] = value if is_text or value not in ("true", "false") else value == "true"
    return body


def _zip(content: bytes | None) -> Response:
    if content is None:
        raise Refusal(404, "the execution has no such file")
    return Response(content, media_type="application/zip")


def _day(moment: datetime) -> str:
    return moment.date().isoformat()
