"""Speaks to a running sandbox as a careful client would: what the tests of the sandbox share."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from auditor.sandbox.process import API_KEY
from tests.driven_sandbox import Sandbox

PROFILES_V4 = "/profiles/v4/entity/acme/table/Customers/profile"
PROFILES_V5 = "/profiles/v5/entities/acme/profile-tables/Customers/profiles"
TABLES_V5 = "/profile-table-structure/v5/entities/acme/profile-tables"
EXECUTIONS = "/mass-imports/v5/entities/acme/etl-executions"


def client(sandbox: Sandbox) -> httpx.Client:
    token = httpx.get(f"{sandbox.url}/auth/token", headers={"Authorization": API_KEY}, trust_env=False).json()
    headers = {"Authorization": f"Bearer {token['accessToken']}", "Accept": "application/json"}
    return httpx.Client(base_url=sandbox.url, headers=headers, trust_env=False, timeout=60)


def attributes(**values: object) -> dict[str, Any]:
    return {"attributes": values}


def in_v4(**values: object) -> dict[str, Any]:
    """The same in V4."""
    return {"attributes": [{"name": name, "value": value} for name, value in values.items()]}


def errors(answer: httpx.Response) -> set[tuple[str, str]]:
    """Field and code of what an answer complains about; the body repeats the status."""
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["message"]
    return {(error["field"], error["code"]) for error in body["errors"]}


def values_of(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 200
    told = answer.json()["attributes"]
    return told if isinstance(told, dict) else {item["name"]: item["value"] for item in told}


def definition(mapping: Sequence[str], mode: str = "UPDATE_ONLY", **csv_format: str) -> dict[str, Any]:
    loading = {
        "destination": {"type": "PROFILE_TABLE", "id": "16"},
        "mode": mode,
        "csvFormat": {"separator": ";", "enclosing": '"', "encoding": "UTF-8", **csv_format},
        "attributesMapping": [{"headerColumn": name, "attributeName": name} for name in mapping],
        "generateErrorFile": True,
        "generateResultFile": True,
    }
    return {"name": "test", "dataLoadings": [loading]}


def archive(content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("rows.csv", content)
    return target.getvalue()


def send(http: httpx.Client, content: bytes, described: Mapping[str, Any]) -> httpx.Response:
    parts = {
        "inputFile": ("rows.zip", content, "application/zip"),
        "parameters": ("parameters.json", json.dumps(described).encode(), "application/json"),
    }
    return http.post(EXECUTIONS, files=parts)


def run_import(
    sandbox: Sandbox, http: httpx.Client, rows: Sequence[Sequence[str]], mode: str = "UPDATE_ONLY"
) -> dict[str, Any]:
    """Import rows, the first of which is the header; returns the finished execution."""
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\n").writerows(rows)
    answer = send(http, archive(text.getvalue().encode()), definition(rows[0], mode))
    assert answer.status_code == 202, answer.text
    sandbox.idle()
    execution: dict[str, Any] = http.get(f"{EXECUTIONS}/{answer.json()['executionId']}").json()
    return execution


def unpacked(answer: httpx.Response) -> list[list[str]]:
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        (name,) = packed.namelist()
        return list(csv.reader(io.StringIO(packed.read(name).decode(), newline=""), delimiter=";"))


def counts(execution: Mapping[str, Any]) -> tuple[int, int, int, int]:
    (result,) = execution["results"]
    assert result["withErrors"] == (result["rowsInError"] > 0)
    return result["rowsRead"], result["rowsCreated"], result["rowsUpdated"], result["rowsInError"]
