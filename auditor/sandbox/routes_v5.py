"""The V5 calls about entities and profiles (§3, §6.4): flat objects; and the token, which has no version."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from auditor.sandbox.dialect import SEARCH_DEFAULT, SEARCH_MAXIMUM, SEGMENTATION, SUBSCRIPTION, Code, Dialect
from auditor.sandbox.gateway import Tokens
from auditor.sandbox.routes_v4 import entities, find_profile, found, read_json, table_of
from auditor.sandbox.state import Profile, Profiles, State
from auditor.sandbox.storage import API_KEY
from auditor.sandbox.structure import TECHNICAL, Table
from auditor.sandbox.writes import Changes, Refusal, changes_v5, matching, missing, sections, store

_NAMED: Final = (("subscriptions", SUBSCRIPTION), ("segmentations", SEGMENTATION))


@dataclass(frozen=True, slots=True)
class Asked:
    """The names that a question about profiles names; None: it names none of the kind, and is told none."""

    subscriptions: list[str] | None
    segmentations: list[str] | None
    nulls: bool
    """Whether segmentations without a value are told."""


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
            Route(profiles, self.create, methods=["POST"]),
            Route(profiles, self.upsert, methods=["PUT"]),
            Route(profiles + "/count", self.count),
            Route(profiles + "/{profile}", self.get),
            Route(profiles + "/{profile}", self.patch, methods=["PATCH"]),
            Route(profiles + "/{profile}", self.replace, methods=["PUT"]),
            Route(profiles + "/{profile}", self.delete, methods=["DELETE"]),
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
        """A page of all profiles, or of those that a `search` finds."""
        held = table_of(self.state, request)
        page, size = request.query_params.get("page", "0"), request.query_params.get("size", str(SEARCH_DEFAULT))
        if not (page.isdecimal() and size.isdecimal() and 0 < int(size) <= SEARCH_MAXIMUM):
            raise Refusal(400, f"page counts from 0, size from 1 to {SEARCH_MAXIMUM}")
        every = found(held, request)
        length = min(int(size), self._dialect.largest_page)
        place = int(page) if self._dialect.profile_pages == "from 0" else max(int(page) - 1, 0)
        shown = every[place * length : (place + 1) * length]
        if self._dialect.profile_pages == "not known":
            shown, length = every, len(every)
        asked = self._asked(held, request) if self._dialect.list_sections else Asked(None, None, nulls=False)
        profiles = [self._body(held, profile, asked) for profile in shown]
        rest = {"page": int(page), "size": length, "totalElements": len(every)}
        return JSONResponse({"profiles": profiles, **rest})

    async def count(self, request: Request) -> Response:
        """How many profiles there are, where it is told at an address of its own."""
        held = table_of(self.state, request)
        if self._dialect.total != "apart":
            raise Refusal(404, "there is no such profile")
        return JSONResponse({"count": len(held.profiles)})

    async def get(self, request: Request) -> Response:
        """One profile: of subscriptions and segmentations, those that are asked for."""
        held, profile = self._profile(request)
        return JSONResponse(self._body(held, profile, self._asked(held, request)))

    async def create(self, request: Request) -> Response:
        """Creates, and never changes somebody who is there."""
        held = table_of(self.state, request)
        changes = changes_v5(held.table, await read_json(request))
        if matching(held, changes) is not None:
            raise Refusal(409, "the profile exists")
        return JSONResponse({"profileId": store(held, None, changes).id})

    async def patch(self, request: Request) -> Response:
        """Changes what the body names, and nothing else."""
        held, profile = self._profile(request)
        return JSONResponse({"profileId": store(held, profile, await self._changes(held.table, request)).id})

    async def replace(self, request: Request) -> Response:
        """Changes what the body names, and clears what it does not."""
        held, profile = self._profile(request)
        changes = await self._changes(held.table, request)
        lacking = missing(held.table, changes)
        if lacking:
            raise Refusal(400, "mandatory values are missing", lacking)
        columns = [column for column in profile.values if column not in TECHNICAL]
        emptied: Changes = {column: held.table.defaults.get(column) for column in columns}
        return JSONResponse({"profileId": store(held, profile, emptied | changes).id})

    async def delete(self, request: Request) -> Response:
        """Deletes for good."""
        held, profile = self._profile(request)
        held.delete(profile)
        return Response(status_code=204)

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
        changes = changes_v5(held.table, body, besides=("key",))
        if number is None and name != "profileId":
            changes = changes_v5(held.table, {"attributes": {name: value}}) | changes
        elif number is None:
            raise Refusal(404, "there is no such profile")
        profile = None if number is None else held.profiles[number]
        return JSONResponse({"profileId": store(held, profile, changes).id})

    def _profile(self, request: Request) -> tuple[Profiles, Profile]:
        held = table_of(self.state, request)
        return held, find_profile(held, request.path_params["profile"], self._dialect)

    async def _changes(self, table: Table, request: Request) -> Changes:
        """What the body asks for. Raises Refusal, with 404 perhaps for a subscription that the table does not have."""
        try:
            return changes_v5(table, await read_json(request))
        except Refusal as refused:
            unknown = [one for one in refused.problems if one.code == Code.UNKNOWN_FIELD and "#" in one.field]
            if unknown and self._dialect.unknown_name == "404":
                raise Refusal(404, refused.message, refused.problems) from None
            raise

    def _asked(self, held: Profiles, request: Request) -> Asked:
        """What is asked for of what the table has."""
        columns = held.table.columns
        asked: dict[str, list[str]] = {}
        for section, prefix in _NAMED:
            names = [name for name in request.query_params.get(section, "").split(",") if name]
            unknown = [name for name in names if prefix + name not in columns]
            if unknown and self._dialect.unknown_asked != "left out":
                raise Refusal(int(self._dialect.unknown_asked), f"the table has no such {section[:-1]}")
            if section in request.query_params:
                asked[section] = [name for name in names if name not in unknown]
        nulls = request.query_params.get("includeNulls") == "true"
        return Asked(asked.get("subscriptions"), asked.get("segmentations"), nulls=nulls)

    def _body(self, held: Profiles, profile: Profile, asked: Asked) -> dict[str, Any]:
        body: dict[str, Any] = {"profileId": profile.id, "attributes": {}}
        told: dict[str, dict[str, str]] = {"subscriptions": {}, "segmentations": {}}
        for section, name, value in sections(profile):
            if section != "attributes":
                told[section][name] = value
                continue
            attribute = held.table.by_name.get(name)
            is_text = attribute is not None and attribute.value_type != "BOOLEAN"
            body[section][name] = value if is_text or value not in ("true", "false") else value == "true"
        if self._dialect.unfilled_as_null:
            body["attributes"] |= dict.fromkeys(name for name in held.table.by_name if name not in body["attributes"])
        if asked.subscriptions is not None:
            body["subscriptions"] = {name: told["subscriptions"].get(name) == "true" for name in asked.subscriptions}
        if asked.segmentations is not None:
            held_now = told["segmentations"]
            body["segmentations"] = {
                name: held_now.get(name) if name in held.table.exclusive else self._simple(held_now.get(name))
                for name in asked.segmentations
                if name in held_now or asked.nulls
            }
        return body

    def _simple(self, value: str | None) -> bool | None:
        """Whether a profile is in a simple segmentation: what `includeNulls` says of one that it is not in."""
        return True if value == "true" else None if self._dialect.segment_nulls == "null" else False
