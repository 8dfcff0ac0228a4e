"""The V5 calls about entities and profiles (§3, §6.4): flat objects; and the token, which has no version."""

from __future__ import annotations

import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from auditor.sandbox.dialect import SEARCH_DEFAULT, SEARCH_MAXIMUM, Dialect
from auditor.sandbox.gateway import Tokens
from auditor.sandbox.routes_v4 import entities, find_profile, read_json, table_of
from auditor.sandbox.state import Profile, Profiles, State
from auditor.sandbox.storage import API_KEY
from auditor.sandbox.writes import Refusal, changes_v5, sections, store


class CallsV5:
    """The V5 calls of one licence."""

    def __init__(self, state: State, tokens: Tokens, dialect: Dialect) -> None:
        self.state = state
        self._tokens = tokens
        self._dialect = dialect

    def routes(self) -> list[Route]:
        profiles = "/profiles/v5/entities/{entity}/profile-tables/{table}/profiles"
        return [
            Route("/auth/token", self.token),
            Route("/entities/v5/entities", self.entities),
            Route(profiles, self.list_profiles),
            Route(profiles, self.upsert, methods=["PUT"]),
            Route(profiles + "/{profile}", self.get_profile),
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
        return JSONResponse(entities())

    async def list_profiles(self, request: Request) -> Response:
        held = table_of(self.state, request)
        page, size = request.query_params.get("page", "0"), request.query_params.get("size", str(SEARCH_DEFAULT))
        if not (page.isdecimal() and size.isdecimal() and 0 < int(size) <= SEARCH_MAXIMUM):
            raise Refusal(400, f"page counts from 0, size from 1 to {SEARCH_MAXIMUM}")
        found = list(held.profiles.values())
        length = min(int(size), self._dialect.largest_page)
        place = int(page) if self._dialect.profile_pages == "from 0" else max(int(page) - 1, 0)
        shown = found[place * length : (place + 1) * length]
        if self._dialect.profile_pages == "not known":
            shown, length = found, len(found)
        profiles = [_body(held, profile) for profile in shown]
        return JSONResponse({"profiles": profiles, "page": int(page), "size": length, "totalElements": len(found)})

    async def get_profile(self, request: Request) -> Response:
        held = table_of(self.state, request)
        return JSONResponse(_body(held, find_profile(held, request.path_params["profile"], self._dialect)))

    async def upsert(self, request: Request) -> Response:
        """Update the profile that `key` names, or create one."""
        held = table_of(self.state, request)
        body = await read_json(request)
        key = body.get("key") if isinstance(body, dict) else None
        if not isinstance(key, dict) or len(key) != 1:
            raise Refusal(400, "key names one unique attribute and its value")
        ((name, value),) = key.items()
        attribute = held.table.by_name.get(name)
        if attribute is None or not attribute.unique or not value:
            raise Refusal(400, "key names one unique attribute and its value")
        number = held.find(name, str(value))
        changes = changes_v5(held.table, body)
        if number is None and name != "profileId":
            changes = changes_v5(held.table, {"attributes": {name: value}}) | changes
        elif number is None:
            raise Refusal(404, "there is no such profile")
        profile = None if number is None else held.profiles[number]
        return JSONResponse({"profileId": store(held, profile, changes).id})


def _body(held: Profiles, profile: Profile) -> dict[str, Any]:
    body: dict[str, Any] = {"profileId": profile.id, "attributes": {}, "subscriptions": {}, "segmentations": {}}
    for section, name, value in sections(profile):
        attribute = held.table.by_name.get(name) if section == "attributes" else None
        is_text = attribute is not None and attribute.value_type != "BOOLEAN"
        body[section][name] = value if is_text or value not in ("true", "false") else value == "true"
    return body
