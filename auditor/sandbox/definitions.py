"""The stored ETL definitions of the licence: what it begins with, and the forms that one may have (§8.3, all assumed).

Inside the sandbox a definition has the usual form: `dataLoadings` with `destination`, `attributesMapping` and so on.
"""

from __future__ import annotations

from typing import Any, Final

from auditor.sandbox.crm import MAPPING
from auditor.sandbox.dialect import Dialect
from auditor.sandbox.structure import CUSTOMERS

_TYPE: Final = "PROFILE_TABLE"
_NAMED: Final = {CUSTOMERS.id: CUSTOMERS.name}
_STATES: Final = {True: "ACTIVE", False: "INACTIVE"}
_SINGLE: Final = ("destination", "profileTableId", "mode", "file", "csvFormat", "attributesMapping", "mapping")
"""Parts of a loading, where a definition has them itself."""


def nightly() -> dict[str, dict[str, Any]]:
    """The one definition that the licence begins with: the CRM's own nightly load of everything that it knows."""
    return {
        "501": {
            "name": "crm-nightly",
            "active": True,
            "dataLoadings": [
                {
                    "destination": {"type": _TYPE, "id": CUSTOMERS.id},
                    "mode": "CREATE_UPDATE",
                    "file": {"namePattern": "contacts_$yyyyMMdd.csv", "optional": False},
                    "csvFormat": {"separator": ",", "enclosing": '"', "encoding": "UTF-8"},
                    "attributesMapping": [
                        {"headerColumn": header, "attributeName": column} for column, header in MAPPING.items()
                    ],
                }
            ],
        }
    }


def spelled(definition: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
    """One with its `id`, in the dialect's form."""
    body = {name: value for name, value in definition.items() if name not in ("id", "dataLoadings")}
    loadings = [_loading(one, dialect) for one in definition["dataLoadings"]]
    body |= loadings[0] if dialect.loadings == "alone" else {dialect.loadings: loadings}
    body = told_active(body, dialect)
    number = {dialect.definition_id: stored_id(definition["id"], dialect)}
    return number | ({"definition": body} if dialect.definition_inside == "definition" else body)


def stored_id(number: str, dialect: Dialect) -> str | int:
    return int(number) if dialect.ids == "number" else number


def usual(given: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
    """What a call hands over, in the usual form: the dialect's own is understood as well.

    Raises KeyError, TypeError, AttributeError or ValueError for what is neither.
    """
    body = {name: value for name, value in given.items() if name not in ("id", "etlId")}
    if dialect.definition_inside == "definition" and "definition" in body:
        body = {**body.pop("definition"), **body}
    if dialect.loadings == "loadings" and "loadings" in body:
        body["dataLoadings"] = body.pop("loadings")
    elif dialect.loadings == "alone" and "dataLoadings" not in body:
        body["dataLoadings"] = [{name: body.pop(name) for name in _SINGLE if name in body}]
    body["dataLoadings"] = [_usual_loading(one, dialect) for one in body["dataLoadings"]]
    if dialect.activity != "active" and dialect.activity in body:
        told = body.pop(dialect.activity)
        body["active"] = told if dialect.activity == "enabled" else {"ACTIVE": True, "INACTIVE": False}[told]
    return body


def told_active(item: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
    """A definition or a scenario, with its state as the dialect tells it."""
    if dialect.activity == "active":
        return item
    flag, rest = item["active"], {name: value for name, value in item.items() if name != "active"}
    return rest | {dialect.activity: flag if dialect.activity == "enabled" else _STATES[flag]}


def _loading(loading: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
    body = dict(loading)
    number = body["destination"]["id"]
    if dialect.destination == "profileTableId":
        del body["destination"]
        body["profileTableId"] = number
    elif dialect.destination == "tableType":
        body["destination"] = {"tableType": _TYPE, "tableId": number}
    elif dialect.destination == "type and name" and number in _NAMED:
        body["destination"] = {"type": _TYPE, "name": _NAMED[number]}
    if dialect.mapping != "attributesMapping":
        pairs = [(one["headerColumn"], one["attributeName"]) for one in body.pop("attributesMapping")]
        listed = [{"header": header, "attribute": column} for header, column in pairs]
        body["mapping"] = dict(pairs) if dialect.mapping == "by header" else listed
    return body


def _usual_loading(given: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
    body = dict(given)
    if dialect.destination == "profileTableId" and "profileTableId" in body:
        body["destination"] = {"type": _TYPE, "id": body.pop("profileTableId")}
    elif dialect.destination == "tableType" and "tableType" in body["destination"]:
        body["destination"] = {"type": body["destination"]["tableType"], "id": body["destination"]["tableId"]}
    elif dialect.destination == "type and name" and "name" in body["destination"]:
        numbers = {name: number for number, name in _NAMED.items()}
        body["destination"] = {"type": body["destination"]["type"], "id": numbers[body["destination"]["name"]]}
    if dialect.mapping != "attributesMapping" and "mapping" in body:
        mapping = body.pop("mapping")
        pairs = mapping.items() if isinstance(mapping, dict) else [(one["header"], one["attribute"]) for one in mapping]
        body["attributesMapping"] = [{"headerColumn": header, "attributeName": column} for header, column in pairs]
    return body
