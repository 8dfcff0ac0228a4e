"""An OpenAPI description of what the sandbox serves, made from its own routes: `/_sandbox/openapi.json`.

It describes the usual forms; every operation has its success in the table below.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from auditor.sandbox.dialect import IMPORT_STATUS, SEARCH_MAXIMUM, Dialect
from auditor.sandbox.import_files import MODES
from auditor.sandbox.structure import CUSTOMERS, ENTITY, TECHNICAL
from auditor.sandbox.switched_off import PREFIX, switched_off

Schema = Mapping[str, Any]


def _object(required: Mapping[str, Schema], **optional: Schema) -> Schema:
    return {"type": "object", "properties": {**required, **optional}, "required": list(required)}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_TEXT: Final[Schema] = {"type": "string"}
_FLAG: Final[Schema] = {"type": "boolean"}
_NUMBER: Final[Schema] = {"type": "integer", "minimum": 0}
_VALUE: Final[Schema] = {"type": ["string", "boolean", "integer", "null"]}
_WRITABLE: Final = [name for name in CUSTOMERS.by_name if name not in TECHNICAL]
_SEGMENT: Final = _object({"name": _TEXT}, category=_TEXT)

_COLLECTED: Final = _object({"date": _TEXT, "source": _TEXT}, way=_TEXT)


def _members(of: Mapping[str, Schema], *required: str) -> Schema:
    return {"type": "object", "properties": of, "additionalProperties": False, "required": list(required)}


_FLAT: Final[Schema] = {
    "attributes": _members(dict.fromkeys(_WRITABLE, _VALUE)),
    "subscriptions": _members(dict.fromkeys(CUSTOMERS.subscriptions, _FLAG)),
    "segmentations": _members(
        dict.fromkeys(CUSTOMERS.simple, _FLAG)
        | {of: {"enum": [*names, None]} for of, names in CUSTOMERS.exclusive.items()}
    ),
    "dataCollectionInformation": _COLLECTED,
}

_MAPPED: Final = _object({"headerColumn": _TEXT, "attributeName": _TEXT})
_SCHEMAS: Final[Mapping[str, Schema]] = {
    "Problem": _object(
        {"status": {"type": "integer"}, "message": _TEXT},
        errors=_list(_object({"field": _TEXT, "code": _TEXT, "message": _TEXT})),
    ),
    "Token": _object({"accessToken": _TEXT, "tokenType": _TEXT, "expiresIn": _TEXT}, scope=_TEXT, jti=_TEXT),
    "Entities": _object({"entities": _list(_object({"name": _TEXT}, id=_NUMBER))}),
    "TableNames": _object({"profileTableNames": _list(_object({"name": _TEXT}))}),
    "StructureV4": _object(
        {
            "attributes": {
                "type": "object",
                "additionalProperties": _object({"valueType": _TEXT, "mandatory": _FLAG}, unique=_FLAG),
            },
            "subscriptions": _list(_object({"name": _TEXT})),
            "segmentations": _list(_object({"name": _TEXT})),
        }
    ),
    "StructureV5": _object(
        {
            "id": _TEXT,
            "name": _TEXT,
            "attributes": _list(_object({"type": _TEXT, "name": _TEXT, "unique": _FLAG, "mandatory": _FLAG})),
            "subscriptions": _list(_object({"name": _TEXT})),
            "segmentations": _list(_object({"name": _TEXT, "type": {"enum": ["SIMPLE", "EXCLUSIVE"]}})),
        }
    ),
    "Structures": _object({"profileTables": _list(_ref("StructureV5"))}),
    "Subscription": _object({"name": _TEXT, "subscribe": _FLAG}),
    "Membership": _object({"belongs": _FLAG, "segmentation": _SEGMENT}),
    "Profile": _object(
        {
            "attributes": _list(_object({"name": _TEXT, "value": {"type": ["string", "null"]}})),
            "subscriptions": _list(_ref("Subscription")),
            "segmentations": _list(_ref("Membership")),
        }
    ),
    "Profiles": _object({"profiles": _list(_ref("Profile"))}),
    "Count": _object({"count": _NUMBER}),
    "ProfileId": _object({"profileId": _NUMBER}),
    "ProfileV5": _object(
        {"profileId": _NUMBER, "attributes": {"type": "object"}},
        subscriptions={"type": "object", "additionalProperties": _FLAG},
        segmentations={"type": "object", "additionalProperties": {"type": ["string", "boolean", "null"]}},
    ),
    "PageV5": _object({"profiles": _list(_ref("ProfileV5")), "page": _NUMBER, "size": _NUMBER}),
    "Execution": _object(
        {
            "id": _TEXT,
            "status": {"enum": list(IMPORT_STATUS.values())},
            "results": _list(_object({"rowsRead": _NUMBER, "rowsInError": _NUMBER, "withErrors": _FLAG})),
        }
    ),
    "ExecutionId": _object({"executionId": _TEXT}),
    "ImportId": _object({"id": _NUMBER}),
    "ImportStatus": _object({"status": {"enum": list(IMPORT_STATUS.values())}}),
    "ImportResult": _object({"rowsRead": _NUMBER, "rowsInError": _NUMBER, "withErrors": _FLAG}),
    "Subscriptions": _object({"subscriptions": _list(_ref("Subscription"))}),
    "Memberships": _object({"segmentation": _list(_ref("Membership"))}),
    "Scenarios": _object({"scenarios": _list(_object({"id": _NUMBER, "name": _TEXT, "active": _FLAG}))}),
    "Created": _object({"id": _TEXT}, name=_TEXT),
    "StoredDefinition": _object(
        {"id": _TEXT, "name": _TEXT, "active": _FLAG, "dataLoadings": _list({"type": "object"})},
    ),
    "StoredDefinitions": _object({"etls": _list(_ref("StoredDefinition"))}),
    "Locations": _object({"locations": _list(_object({"id": _TEXT, "name": _TEXT}))}),
    "Reached": _object({"success": _FLAG}),
    "File": {"type": "string", "contentMediaType": "application/zip"},
    "Changes": _object(
        {},
        attributes=_list(_object({"name": {"enum": _WRITABLE}, "value": _VALUE})),
        subscriptions=_list(_object({"name": {"enum": list(CUSTOMERS.subscriptions)}, "subscribe": _FLAG})),
        segmentations=_list(
            _object({"belongs": _FLAG, "segmentation": _object({"name": {"enum": list(CUSTOMERS.simple)}})}),
        ),
        dataCollectionInformation=_COLLECTED,
    ),
    "Flat": _members(_FLAT),
    "Upsert": _members({"key": {"type": "object", "minProperties": 1, "maxProperties": 1}, **_FLAT}, "key"),
    "DefinitionV4": _object({"mode": {"enum": list(MODES)}, "attributesMapping": _list(_MAPPED)}, format=_object({})),
    "Definition": _object(
        {
            "dataLoadings": _list(
                _object(
                    {
                        "destination": _object(
                            {"type": {"const": "PROFILE_TABLE"}, "id": {"enum": [CUSTOMERS.id, CUSTOMERS.name]}}
                        ),
                        "mode": {"enum": list(MODES)},
                        "attributesMapping": _list(_MAPPED),
                    }
                )
            )
        }
    ),
}

_JSON: Final = "application/json"
_ZIP: Final = "application/zip"
_UPLOAD: Final = "multipart/form-data"
_BYTES: Final[Schema] = {"type": "string", "format": "binary"}
_IMPORT: Final = _object({"inputFile": _BYTES, "parameters": _ref("Definition")})

_ANSWERS: Final[Mapping[str, tuple[int, str | None]]] = {
    "CallsV5.token": (200, "Token"),
    "CallsV5.entities": (200, "Entities"),
    "CallsV4.entities": (200, "Entities"),
    "StructureCalls.list_v5": (200, "Structures"),
    "StructureCalls.get_v5": (200, "StructureV5"),
    "StructureCalls.list_v4": (200, "TableNames"),
    "StructureCalls.get_v4": (200, "StructureV4"),
    "CallsV4.search": (200, "Profiles"),
    "CallsV4.create": (200, "ProfileId"),
    "CallsV4.count": (200, "Count"),
    "CallsV4.get": (200, "Profile"),
    "CallsV4.update": (200, "ProfileId"),
    "CallsV4.delete": (204, None),
    "CallsV4.subscribe": (204, None),
    "CallsV4.segment": (204, None),
    "CallsV5.list_profiles": (200, "PageV5"),
    "CallsV5.get": (200, "ProfileV5"),
    "CallsV5.count": (200, "Count"),
    "CallsV5.create": (200, "ProfileId"),
    "CallsV5.patch": (200, "ProfileId"),
    "CallsV5.replace": (200, "ProfileId"),
    "CallsV5.delete": (204, None),
    "CallsV5.upsert": (200, "ProfileId"),
    "ImportCalls.execute": (202, "ExecutionId"),
    "ImportCalls.execution": (200, "Execution"),
    "CallsV4.subscriptions": (200, "Subscriptions"),
    "CallsV4.segmentations": (200, "Memberships"),
    "StructureCalls.create": (200, "Created"),
    "StructureCalls.change": (204, None),
    "StructureCalls.scenarios": (200, "Scenarios"),
    "ImportCalls.error_file": (200, "File"),
    "ImportCalls.result_file": (200, "File"),
    "ImportCalls.definitions": (200, "StoredDefinitions"),
    "ImportCalls.create_definition": (200, "Created"),
    "ImportCalls.definition": (200, "StoredDefinition"),
    "ImportCalls.change_definition": (204, None),
    "ImportCalls.delete_definition": (204, None),
    "ImportCalls.trigger": (202, "ExecutionId"),
    "ImportCalls.locations": (200, "Locations"),
    "ImportCalls.test_location": (200, "Reached"),
    "ImportCalls.import_v4": (200, "ImportId"),
    "ImportCalls.status_v4": (200, "ImportStatus"),
    "ImportCalls.result_v4": (200, "ImportResult"),
}
"""Status and schema of a success; None: without a body."""

_BODIES: Final[Mapping[str, tuple[str, Schema]]] = {
    "CallsV4.create": (_JSON, _ref("Changes")),
    "CallsV4.update": (_JSON, _ref("Changes")),
    "CallsV5.create": (_JSON, _ref("Flat")),
    "CallsV5.patch": (_JSON, _ref("Flat")),
    "CallsV5.replace": (_JSON, _ref("Flat")),
    "CallsV5.upsert": (_JSON, _ref("Upsert")),
    "ImportCalls.execute": (_UPLOAD, _IMPORT),
    "ImportCalls.trigger": (_UPLOAD, _members({"inputFile": _BYTES}, "inputFile")),
    "ImportCalls.import_v4": (_UPLOAD, _object({"inputFile": _BYTES, "parameters": _ref("DefinitionV4")})),
}
_TOLD: Final[Mapping[str, Schema]] = {
    "subscriptions": {"enum": [",".join(CUSTOMERS.subscriptions), CUSTOMERS.subscriptions[0]]},
    "segmentations": {"enum": [",".join((*CUSTOMERS.simple, *CUSTOMERS.exclusive))]},
    "includeNulls": _FLAG,
}
_OPEN_BODIES: Final = (
    "StructureCalls.create",
    "StructureCalls.change",
    "ImportCalls.create_definition",
    "ImportCalls.change_definition",
)
"""Operations whose body is left open: any JSON object, or none."""
_QUERIES: Final[Mapping[str, Mapping[str, Schema]]] = {
    "CallsV4.create": {"allowUpdate": _FLAG},
    "CallsV4.search": {"search": {"enum": ["profileId=1", "addressCountry=BE"]}, "number": {**_NUMBER, "maximum": 20}},
    "CallsV4.count": {"search": {"enum": ["profileId=1", "addressCountry=BE"]}},
    "CallsV5.list_profiles": {
        "page": _NUMBER,
        "size": {**_NUMBER, "minimum": 1, "maximum": SEARCH_MAXIMUM},
        "search": {"enum": ["profileId=1", "addressCountry=BE"]},
        **_TOLD,
    },
    "CallsV5.get": _TOLD,
}
_SEGMENTS: Final = [
    *CUSTOMERS.simple,
    *(f"{name};category={of}" for of, names in CUSTOMERS.exclusive.items() for name in names),
]
_PARAMETERS: Final[Mapping[str, Schema]] = {
    "entity": {"enum": [ENTITY]},
    "table": {"enum": [CUSTOMERS.name, CUSTOMERS.id]},
    "profile": {"type": "string", "pattern": "^[1-9][0-9]{0,2}$"},
    "execution": {"type": "string", "pattern": "^100000[0-9]$"},
    "location": {"enum": ["1", "2"]},
}
_NO_TOKEN: Final = ("CallsV5.token",)
_FAILURES: Final = (400, 401, 403, 404, 405, 406, 409, 429)


class Description:
    """Serves the description of these routes."""

    def __init__(self, described: Sequence[Route], dialect: Dialect) -> None:
        self._described = described
        self._dialect = dialect

    def routes(self) -> list[Route]:
        return [Route("/_sandbox/openapi.json", self.openapi)]

    async def openapi(self, request: Request) -> Response:
        """What the sandbox serves, as OpenAPI 3.1: without what is switched off."""
        return JSONResponse(
            describe([route for route in self._described if switched_off(self._dialect, route.path) is None])
        )


def describe(described: Sequence[Route]) -> dict[str, Any]:
    """An OpenAPI 3.1 document of these routes."""
    paths: dict[str, dict[str, Any]] = {}
    for route in described:
        name = route.endpoint.__qualname__
        for method in sorted((route.methods or set()) - {"HEAD"}):
            path = re.sub(r"{(\w+):\w+}", r"{\1}", route.path)
            paths.setdefault(path, {})[method.lower()] = _operation(name, method, path, route.endpoint.__doc__ or "")
    return {
        "openapi": "3.1.0",
        "info": {"title": "Actito, as the sandbox stands in for it", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": _SCHEMAS,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "Authorization"},
            },
        },
        "security": [{"token": []}],
    }


def _operation(name: str, method: str, path: str, text: str) -> dict[str, Any]:
    status, schema = _ANSWERS[name]
    kind = _ZIP if schema == "File" else _JSON
    content = {} if schema is None else {"content": {kind: {"schema": _ref(schema)}}}
    problem = {"description": "refused", "content": {_JSON: {"schema": _ref("Problem")}}}
    operation: dict[str, Any] = {
        "operationId": f"{name}.{method.lower()}",
        "summary": " ".join(text.split("\n\n")[0].split()) or name.partition(".")[2].replace("_", " "),
        "parameters": [_parameter("path", each, _path_schema(each, path)) for each in re.findall(r"{(\w+)}", path)]
        + [_parameter("query", each, schema) for each, schema in _QUERIES.get(name, {}).items()],
        "responses": {str(status): {"description": "carried out", **content}}
        | {str(failure): problem for failure in _FAILURES},
    }
    if name in _BODIES:
        sent, body = _BODIES[name]
        operation["requestBody"] = {"required": True, "content": {sent: {"schema": body}}}
    elif name in _OPEN_BODIES:
        operation["requestBody"] = {"required": False, "content": {_JSON: {"schema": {"type": "object"}}}}
    if path.startswith(PREFIX):
        operation["deprecated"] = True
    return operation | ({"security": [{"key": []}]} if name in _NO_TOKEN else {})


def _path_schema(name: str, path: str) -> Schema:
    if name == "name":
        return {"enum": list(CUSTOMERS.subscriptions) if "/subscription/" in path else _SEGMENTS}
    return _PARAMETERS.get(name, _TEXT)


def _parameter(place: str, name: str, schema: Schema) -> dict[str, Any]:
    return {"in": place, "name": name, "required": place == "path", "schema": schema}
