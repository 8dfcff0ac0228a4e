"""The V4 calls about entities and profiles (§3, §6): names and values in lists, table by name."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from auditor.sandbox.checks import Problem, known
from auditor.sandbox.dialect import SEARCH_DEFAULT, SEGMENTATION, SUBSCRIPTION, Code, Dialect
from auditor.sandbox.state import Profile, Profiles, State
from auditor.sandbox.structure import ENTITIES, ENTITY
from auditor.sandbox.writes import Refusal, changes_v4, checked, matching, sections, store


class CallsV4:
    """The V4 calls of one licence."""

    def __init__(self, state: State, dialect: Dialect) -> None:
        self.state = state
        self._dialect = dialect

    def routes(self) -> list[Route]:
        return [
            Route("/entities/v4/entity", self.entities),
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
        return JSONResponse(entities())

    async def create(self, request: Request) -> Response:
        held = table_of(self.state, request)
        changes = changes_v4(held.table, await read_json(request))
        profile = matching(held, changes)
        if profile is not None and not self._allows_update(request):
            raise Refusal(409, "the profile exists and allowUpdate is false")
        return JSONResponse({"profileId": store(held, profile, changes).id})

    async def search(self, request: Request) -> Response:
        """`search` is `name=value`; nothing else of its grammar is known, nor anything of `dateFilter`'s."""
        held = table_of(self.state, request)
        if "dateFilter" in request.query_params:
            raise Refusal(400, "dateFilter is not supported by the sandbox: its grammar is not known")
        number = request.query_params.get("number", str(SEARCH_DEFAULT))
        if not number.isdecimal():
            raise Refusal(400, "number is not a whole number")
        told = found(held, request)[: min(int(number), self._dialect.largest_answer)]
        return JSONResponse({"profiles": [self._body(held, profile) for profile in told]})

    async def count(self, request: Request) -> Response:
        return JSONResponse({"count": len(found(table_of(self.state, request), request))})

    async def get(self, request: Request) -> Response:
        return JSONResponse(self._body(*self._profile(request)))

    async def update(self, request: Request) -> Response:
        held, profile = self._profile(request)
        changes = changes_v4(held.table, await read_json(request))
        return JSONResponse({"profileId": store(held, profile, changes).id})

    async def delete(self, request: Request) -> Response:
        held, profile = self._profile(request)
        held.delete(profile)
        return Response(status_code=204)

    async def subscriptions(self, request: Request) -> Response:
        return JSONResponse({"subscriptions": self._body(*self._profile(request))["subscriptions"]})

    async def subscribe(self, request: Request) -> Response:
        column = SUBSCRIPTION + request.path_params["name"]
        held, profile = self._profile(request)
        if known(held.table, column) is not None:
            raise self._unknown("subscription", request.path_params["name"])
        store(held, profile, {column: "true" if request.method == "POST" else "false"})
        return Response(status_code=204)

    async def segmentations(self, request: Request) -> Response:
        return JSONResponse({"segmentation": self._body(*self._profile(request))["segmentations"]})

    async def segment(self, request: Request) -> Response:
        """`{name}` enters or leaves a simple segmentation, `{segment};category={name}` one of an exclusive."""
        held, profile = self._profile(request)
        name, _, matrix = request.path_params["name"].partition(";category=")
        if name in held.table.simple and not matrix:
            changes: dict[str, Any] = {SEGMENTATION + name: request.method == "PUT"}
        elif name in held.table.exclusive.get(matrix, ()):
            column = SEGMENTATION + matrix
            if request.method == "DELETE" and profile.values.get(column) != name:
                return Response(status_code=204)
            changes = {column: name if request.method == "PUT" else None}
        else:
            raise self._unknown("segment", name)
        store(held, profile, checked(held.table, changes.items()))
        return Response(status_code=204)

    def _unknown(self, what: str, name: str) -> Refusal:
        """What the table does not have (§6.7): the status is assumed."""
        problem = Problem(name, Code.UNKNOWN_FIELD, f"the table has no such {what}")
        return Refusal(int(self._dialect.unknown_name), f"the table has no such {what}", (problem,))

    def _allows_update(self, request: Request) -> bool:
        given = request.query_params.get("allowUpdate")
        if given is None:
            return self._dialect.allow_update_default
        if given not in ("true", "false"):
            raise Refusal(400, "allowUpdate is neither true nor false")
        return given == "true"

    def _profile(self, request: Request) -> tuple[Profiles, Profile]:
        held = table_of(self.state, request)
        return held, find_profile(held, request.path_params["profile"], self._dialect)

    def _body(self, held: Profiles, profile: Profile) -> dict[str, list[dict[str, Any]]]:
        body: dict[str, list[dict[str, Any]]] = {"attributes": [], "subscriptions": [], "segmentations": []}
        for section, name, value in sections(profile):
            if section == "attributes":
                body[section].append({"name": name, "value": value})
            elif section == "subscriptions":
                body[section].append({"name": name, "subscribe": value == "true"})
            elif name in held.table.exclusive:
                body[section].append({"belongs": True, "segmentation": {"category": name, "name": value}})
            else:
                body[section].append({"belongs": value == "true", "segmentation": {"name": name}})
        if self._dialect.unfilled_as_null:
            empty = [name for name in held.table.by_name if name not in profile.values and name != "profileId"]
            body["attributes"] += [{"name": name, "value": None} for name in empty]
        return body


def find_profile(held: Profiles, reference: str, dialect: Dialect) -> Profile:
    """Finds by `profileId` or `attribute=value` of a unique attribute. Raises Refusal: 404 where there is none."""
    name, equals, value = reference.partition("=")
    if not equals:
        name, value = "profileId", reference
    elif name not in held.table.by_name or not held.table.by_name[name].unique:
        raise Refusal(int(dialect.wrong_key), "a profile is addressed by its id or a unique attribute")
    number = held.find(name, value)
    if number is None:
        raise Refusal(404, "there is no such profile")
    return held.profiles[number]


def check_entity(request: Request) -> bool:
    """Whether it is the one with tables. Raises Refusal: 404 for one that is not there, 403 for a write elsewhere."""
    entity = request.path_params["entity"]
    if entity not in ENTITIES:
        raise Refusal(404, "there is no such entity")
    if entity != ENTITY and request.method != "GET":
        raise Refusal(403, "the key may only read in this entity")
    return bool(entity == ENTITY)


def table_of(state: State, request: Request) -> Profiles:
    """Finds by name, or by id: clients use both (G-prod). Raises Refusal (404)."""
    held = state.at(request.path_params["table"]) if check_entity(request) else None
    if held is None:
        raise Refusal(404, "there is no such profile table")
    return held


def found(held: Profiles, request: Request) -> list[Profile]:
    search = request.query_params.get("search")
    if search is None:
        return list(held.profiles.values())
    name, equals, value = search.partition("=")
    attribute = held.table.by_name.get(name)
    if not equals or attribute is None:
        raise Refusal(400, "search is not attribute=value")
    if attribute.unique:
        number = held.find(name, value)
        return [] if number is None else [held.profiles[number]]
    return [profile for profile in held.profiles.values() if profile.values.get(name) == value]


def entities() -> dict[str, Any]:
    """What both versions answer (D-quick; of V4 the names alone were seen)."""
    return {"entities": [{"id": number, "name": name, "comment": None} for number, name in enumerate(ENTITIES, 1)]}


async def read_json(request: Request) -> Any:
    try:
        return await request.json()
    except ValueError:
        raise Refusal(400, "the body is not JSON") from None


def _path(rest: str) -> str:
    return "/profiles/v4/entity/{entity}/table/{table}/profile/{profile}" + rest
