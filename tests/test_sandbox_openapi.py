"""The sandbox's own description, and the sandbox held against it by generated calls."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from jsonschema import Draft202012Validator, ValidationError  # type: ignore[import-untyped]
from schemathesis.checks import not_a_server_error
from schemathesis.openapi.checks import JsonSchemaError, UndefinedStatusCode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from auditor.actito import DIALECTS, Connection, Reader
from auditor.actito.bodies import flat_body
from auditor.sandbox.process import API_KEY
from auditor.writes import Collection
from tests.driven_sandbox import Sandbox
from tests.sandbox_client import PROFILES_V5, archive, client, definition, run_import

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
"""What is generated may well be refused, but never with a status, or in a form, that is not described."""

V4 = "/profiles/v4/entity/{entity}/table/{table}/profile"
V5 = "/profiles/v5/entities/{entity}/profile-tables/{table}/profiles"
EXAMPLES = settings(
    max_examples=4,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Everything that it can serve: V4's calls about profiles too."""
    folder = tmp_path_factory.mktemp("sandbox")
    with Sandbox(folder, profiles=200, seed=2, limits="extended", with_v4=True) as running:
        yield running


def described(sandbox: Sandbox) -> dict[str, dict[str, dict[str, object]]]:
    paths: dict[str, dict[str, dict[str, object]]] = httpx.get(f"{sandbox.url}/_sandbox/openapi.json").json()["paths"]
    return paths


def test_it_describes_the_calls_of_actito_and_nothing_else(sandbox: Sandbox) -> None:
    paths = described(sandbox)
    assert not any(path.startswith("/_sandbox") for path in paths)
    assert {"/auth/token", "/entities/v5/entities"} <= paths.keys()
    profile = paths["/profiles/v5/entities/{entity}/profile-tables/{table}/profiles/{profile}"]
    assert {"get", "patch", "put", "delete"} <= profile.keys()
    assert {"get", "put", "delete"} <= paths[f"{V4}/{{profile}}"].keys()
    for path, operations in paths.items():
        for method, operation in operations.items():
            assert operation.get("deprecated", False) == path.startswith("/profiles/v4/"), f"{method} {path}"
    with client(sandbox) as http:
        for path, operations in paths.items():
            if "get" in operations and "{" not in path and path != "/auth/token":
                assert http.get(path).status_code == 200, path


def test_it_does_not_describe_what_is_switched_off(sandbox: Sandbox) -> None:
    whole = described(sandbox)
    sandbox.forms(None, with_v4=False)
    left = described(sandbox)
    sandbox.forms(None, with_v4=True)
    assert left == {path: operations for path, operations in whole.items() if not path.startswith(V4)}
    assert len(left) < len(whole)


def test_every_operation_describes_its_success(sandbox: Sandbox) -> None:
    """One status each, and the form of what comes with it, unless nothing may come (204)."""
    content = httpx.get(f"{sandbox.url}/_sandbox/openapi.json").json()
    for path, operations in content["paths"].items():
        for method, operation in operations.items():
            (status,) = (status for status in operation["responses"] if status.startswith("2"))
            forms = operation["responses"][status].get("content", {})
            assert status in ("200", "201", "202", "204"), f"{method} {path}"
            assert bool(forms) == (status != "204"), f"{method} {path}"
            for form in forms.values():
                assert form["schema"]["$ref"].rpartition("/")[2] in content["components"]["schemas"], path


def test_what_the_licence_begins_with_is_answered_as_described(sandbox: Sandbox) -> None:
    """Reads of what generated calls hardly meet: a stored definition, the parts of a profile, an import of V4."""
    schema = schemathesis.openapi.from_url(f"{sandbox.url}/_sandbox/openapi.json")
    stored = "/mass-imports/v5/entities/{entity}/etls"
    one = V4 + "/{profile}"
    old = "/mass-imports/v4/entity/{entity}/import/{execution}"
    given = {"entity": "acme", "table": "Customers", "profile": "1", "etl": "501"}
    with client(sandbox) as http:
        headers = {"Authorization": http.headers["Authorization"]}
        number = run_import(sandbox, http, [["customerId", "note"], ["NOBODY", "x"]])["id"]
    asked = [stored, stored + "/{etl}", one + "/subscription", one + "/segmentation"]
    asked += [old + rest for rest in ("/status", "/result", "/errors", "/result-file")]
    asked.append("/scenarios/v4/entity/{entity}/table/{table}/scenario")
    places = "/file-transfers/v5/entities/{entity}/locations"
    asked += [V5, V5 + "/count", V5 + "/{profile}", places]
    for path in asked:
        known = {name: value for name, value in (given | {"execution": number}).items() if f"{{{name}}}" in path}
        answer = schema[path]["GET"].Case(path_parameters=known).call_and_validate(headers=headers, checks=CHECKS)
        assert answer.status_code == 200, path


def test_what_the_program_sends_of_a_profile_is_described_and_taken(sandbox: Sandbox) -> None:
    """Every kind of column, cleared ones too, with where a permission was given."""
    content = httpx.get(f"{sandbox.url}/_sandbox/openapi.json").json()
    described = {"$ref": "#/components/schemas/Flat", "components": content["components"]}
    validator = Draft202012Validator(described)
    with Connection(
        sandbox.url, lambda: API_KEY, "acme", dialect=DIALECTS["v5"], calls_per_minute=10_000
    ) as connection:
        structure = Reader(connection).structure("Customers")
    values = dict.fromkeys(("note", "segmentations#ClientTier"), None) | {
        "lastName": "Peeters", "subscriptions#Newsletter": "false", "segmentations#Vip": "true",
    }  # fmt: skip
    filled = values | {"segmentations#ClientTier": "Gold"}
    with client(sandbox) as http:
        for body in (flat_body(structure, one, Collection("2026-03-01 10:00:00", "web")) for one in (filled, values)):
            assert body.keys() == {"attributes", "subscriptions", "segmentations", "dataCollectionInformation"}
            validator.validate(body)
            assert http.patch(f"{PROFILES_V5}/1", json=body).status_code == 200
            with pytest.raises(ValidationError):
                validator.validate(body | {"key": {"profileId": "1"}})


@pytest.mark.breaches("create_update", "import_file")  # the licence's own definition creates too, and has other columns
def test_files_are_described_as_they_are_taken(sandbox: Sandbox) -> None:
    """As parts of a form, for imports of either generation and for a stored definition."""
    paths = described(sandbox)
    columns = ["customerId", "note"]
    loading = definition(columns)["dataLoadings"][0]
    old = {"mode": "UPDATE_ONLY", "attributesMapping": loading["attributesMapping"], "format": {"separator": ";"}}
    calls = {
        "/mass-imports/v5/entities/{entity}/etl-executions": definition(columns),
        "/mass-imports/v5/entities/{entity}/etls/{etl}/trigger-execution": None,
        "/mass-imports/v4/entity/{entity}/table/{table}/import": old,
    }
    with client(sandbox) as http:
        for path, parameters in calls.items():
            operation: Any = paths[path]["post"]
            [(kind, form)] = operation["requestBody"]["content"].items()
            assert kind == "multipart/form-data", path
            content = archive(f"customerId;note\nNOBODY;{path}\n".encode())
            parts = {"inputFile": ("rows.zip", content, "application/zip")}
            if parameters is not None:
                parts["parameters"] = ("parameters.json", json.dumps(parameters).encode(), "application/json")
            assert parts.keys() == set(form["schema"]["required"]), path
            place = path.format(entity="acme", table="Customers", etl="501")
            answer = http.post(place, files=parts)
            assert str(answer.status_code) in operation["responses"], path
            assert answer.is_success, (path, answer.text)
            sandbox.idle()


@pytest.mark.breaches("*")
@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
def test_generated_calls_are_answered_as_described(sandbox: Sandbox, mode: schemathesis.GenerationMode) -> None:
    """Every operation, with calls that fit its description and with calls that do not; the same ones in every run."""
    with client(sandbox) as http:
        token = http.headers["Authorization"]
    asked = set()
    schema = schemathesis.openapi.from_url(f"{sandbox.url}/_sandbox/openapi.json")
    for result in schema.get_all_operations():
        operation = result.ok()  # type: ignore[union-attr]  # an invalid one fails here

        @seed(1)
        @EXAMPLES
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case: schemathesis.Case[Any]) -> None:
            key = API_KEY if case.path == "/auth/token" else token
            case.call_and_validate(headers={"Authorization": key}, checks=CHECKS)
            asked.add(case.operation.label)

        check()
    wanted = {f"{method.upper()} {path}" for path, methods in described(sandbox).items() for method in methods}
    assert asked == wanted


@pytest.mark.breaches("*")
def test_the_description_can_be_wrong(sandbox: Sandbox) -> None:
    """The checks find an answer that is not described, and one of another form."""
    content = httpx.get(f"{sandbox.url}/_sandbox/openapi.json").json()
    count = content["paths"][V5 + "/count"]["get"]
    content["components"]["schemas"]["Count"] = {"type": "string"}
    content["paths"] = {PROFILES_V5 + "/count": {"get": count | {"parameters": []}}}
    with client(sandbox) as http:
        headers = {"Authorization": http.headers["Authorization"]}

    def answer() -> None:
        schema = schemathesis.openapi.from_dict(content)
        case = schema[PROFILES_V5 + "/count"]["GET"].Case()
        case.call_and_validate(base_url=sandbox.url, headers=headers, checks=CHECKS)

    with pytest.raises(BaseExceptionGroup) as caught:
        answer()
    assert caught.group_contains(JsonSchemaError)
    del count["responses"]["200"]
    with pytest.raises(BaseExceptionGroup) as caught:
        answer()
    assert caught.group_contains(UndefinedStatusCode)
