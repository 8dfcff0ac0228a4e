"""The V4 calls (§3, §4, §6): names and values in lists, table by name."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from auditor.sandbox.checks import known
from auditor.sandbox.dialect import SEARCH_DEFAULT, SEARCH_MAXIMUM, SEGMENTATION, SUBSCRIPTION, Dialect
from auditor.sandbox.state import Profile, State
from auditor.sandbox.structure import BY_NAME, ENTITY, ENTITY_ID, EXCLUSIVE, SIMPLE, TABLE, TABLE_ID, as_v4
from auditor.sandbox.writes import Refusal, changes_v4, checked, matching, sections, store


class CallsV4:
    """The V4 calls of one licence."""

    def __init__(self, state: State, dialect: Dialect) -> None:
        self.state = state
        self._dialect = dialect

    def routes(self) -> list[Route]:
        return [
            Route("/entities/v4/entity", self.entities),
            Route("/profile-table-structure/v4/entity/{entity}/table", self.tables),
            Route("/profile-table-structure/v4/entity/{entity}/table/{table}", self.structure),
            Route("/profiles/v4/entity/{entity}/table/{table}/profile", self.search),
            Route("/profiles/v4/entity/{entity}/table/{table}/profile", self.create, methods=["POST"]),
            Route("/profiles/v4/entity/{entity}/table/{table}/profile/count", self.count),
            Route(_path(""), self.get),
            Route(_path(""), self.update, methods=["PUT"]),
            Route(_path(""), self.delete, methods=["DELETE"]),
            Route(_path("/subscription"), self.subscriptions),
            Route(_path("/subscription/{name}"), self.subscribe, methods=["POST", "DELETE"]),
            Route(_path("/segmentation"), self.segmentations),
            Route(_path("/segmentation/{name}"), self.segment, methods=["PUT", "DELETE"]),
        ]

    async def entities(self, request: Request) -> Response:
        return JSONResponse({"entities": [{"id": ENTITY_ID, "name": ENTITY, "comment": None}]})

    async def tables(self, request: Request) -> Response:
        check_entity(request)
        return JSONResponse({"profileTableNames": [{"name": TABLE}]})

    async def structure(self, request: Request) -> Response:
        check_table(request)
        return JSONResponse(as_v4())

    async def create(self, request: Request) -> Response:
        check_table(request)
        changes = changes_v4(await read_json(request))
        profile = matching(self.state, changes)
        if profile is not None and not self._allows_update(request):
            raise Refusal(409, "the profile exists and allowUpdate is false")
        return JSONResponse({"profileId": store(self.state, profile, changes).id})

    async def search(self, request: Request) -> Response:
        """`search` is `name=value`; nothing else of its grammar is known, nor anything of `dateFilter`'s."""
        check_table(request)
        if "dateFilter" in request.query_params:
            raise Refusal(400, "dateFilter is not supported by the sandbox: its grammar is not known")
        number = request.query_params.get("number", str(SEARCH_DEFAULT))
        if not number.isdecimal():
            raise Refusal(400, "number is not a whole number")
        found = self._found(request)[: min(int(number), SEARCH_MAXIMUM)]
        return JSONResponse({"profiles": [self._body(profile) for profile in found]})

    async def count(self, request: Request) -> Response:
        check_table(request)
        return JSONResponse({"count": len(self._found(request))})

    async def get(self, request: Request) -> Response:
        return JSONResponse(self._body(self._profile(request)))

    async def update(self, request: Request) -> Response:
        profile = self._profile(request)
        return JSONResponse({"profileId": store(self.state, profile, changes_v4(await read_json(request))).id})

    async def delete(self, request: Request) -> Response:
        self.state.delete(self._profile(request))
        return Response(status_code=204)

    async def subscriptions(self, request: Request) -> Response:
        body = self._body(self._profile(request))
        return JSONResponse({"subscriptions": body["subscriptions"]})

    async def subscribe(self, request: Request) -> Response:
        column = SUBSCRIPTION + request.path_params["name"]
        profile = self._profile(request)
        if known(column) is not None:
            raise Refusal(404, "the table has no such subscription")
        store(self.state, profile, {column: "true" if request.method == "POST" else "false"})
        return Response(status_code=204)

    async def segmentations(self, request: Request) -> Response:
        body = self._body(self._profile(request))
        return JSONResponse({"segmentation": body["segmentations"]})

    async def segment(self, request: Request) -> Response:
        """`{name}` enters or leaves a simple segmentation, `{segment};category={name}` one of an exclusive."""
        profile = self._profile(request)
        name, _, matrix = request.path_params["name"].partition(";category=")
        if name in SIMPLE and not matrix:
            changes: dict[str, Any] = {SEGMENTATION + name: request.method == "PUT"}
        elif name in EXCLUSIVE.get(matrix, ()):
            column = SEGMENTATION + matrix
            if request.method == "DELETE" and profile.values.get(column) != name:
                return Response(status_code=204)
            changes = {column: name if request.method == "PUT" else None}
        else:
            raise Refusal(404, "the table has no such segment")
        store(self.state, profile, checked(changes.items()))
        return Response(status_code=204)

    def _allows_update(self, request: Request) -> bool:
        given = request.query_params.get("allowUpdate")
        if given is None:
            return self._dialect.allow_update_default
        if given not in ("true", "false"):
            raise Refusal(400, "allowUpdate is neither true nor false")
        return given == "true"

    def _found(self, request: Request) -> list[Profile]:
        search = request.query_params.get("search")
        if search is None:
            return list(self.state.profiles.values())
        name, equals, value = search.partition("=")
        if not equals or name not in BY_NAME:
            raise Refusal(400, "search is not attribute=value")
        if BY_NAME[name].unique:
            number = self.state.find(name, value)
            return [] if number is None else [self.state.profiles[number]]
        return [profile for profile in self.state.profiles.values() if profile.values.get(name) == value]

    def _profile(self, request: Request) -> Profile:
        check_table(request)
        return find_profile(self.state, request.path_params["profile"])

    def _body(self, profile: Profile) -> dict[str, list[dict[str, Any]]]:
        body: dict[str, list[dict[str, Any]]] = {"attributes": [], "subscriptions": [], "segmentations": []}
        for section, name, value in sections(profile):
            if section == "attributes":
                body[section].append({"name": name, "value": value})
            elif section == "subscriptions":
                body[section].append({"name": name, "subscribe": value == "true"})
            elif name in EXCLUSIVE:
                body[section].append({"belongs": True, "segmentation": {"category": name, "name": value}})
            else:
                body[section].append({"belongs": value == "true", "segmentation": {"name": name}})
        if self._dialect.unfilled_as_null:
            empty = [name for name in BY_NAME if name not in profile.values and name != "profileId"]
            body["attributes"] += [{"name": name, "value": None} for name in empty]
        return body


def find_profile(state: State, reference: str) -> Profile:
    """By `profileId` or `attribute=value` of a unique attribute. Raises Refusal: 400, or 404 where there is none."""
    name, equals, value = reference.partition("=")
    if not equals:
        name, value = "profileId", reference
    elif name not in BY_NAME or not BY_NAME[name].unique:
        raise Refusal(400, "a profile is addressed by its id or a unique attribute")
    number = state.find(name, value)
    if number is None:
        raise Refusal(404, "there is no such profile")
    return state.profiles[number]


def check_entity(request: Request) -> None:
    if request.path_params["entity"] != ENTITY:
        raise Refusal(404, "there is no such entity")


def check_table(request: Request) -> None:
    """By name, or by id: clients use both (G-prod)."""
    check_entity(request)
    if request.path_params["table"] not in (TABLE, TABLE_ID):
        raise Refusal(404, "there is no such profile table")


async def read_json(request: Request) -> Any:
    try:
        return await request.json()
    except ValueError:
        raise Refusal(400, "the body is not JSON") from None


def _path(rest: str) -> str:
    return "/profiles/v4/entity/{entity}/table/{table}/profile/{profile}" + rest
