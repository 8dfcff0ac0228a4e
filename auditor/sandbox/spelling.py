"""Says the same in another form: answers as the dialect spells what nobody has seen, and calls that are spelled so.

Works on whole answers and bodies, by the names in them, so that the routes need to know one form only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from auditor.sandbox.definitions import spelled, stored_id, told_active, usual
from auditor.sandbox.dialect import (
    COORDINATES_TYPE,
    DATE,
    EPOCH,
    IMPORT_STATUS,
    MOMENT,
    MULTI_VALUE_SEPARATOR,
    TIMEZONE,
    Dialect,
)
from auditor.sandbox.envelopes import camel_case, changed, created, done, is_list, paged, refusal
from auditor.sandbox.exchange import Answer
from auditor.sandbox.structure import BY_NAME, V4_TYPES

_SEEN_TYPES = frozenset({"CUSTOM", "LASTNAME", "FIRSTNAME", "BIRTHDATE", "SEX", "MOTHER_LANGUAGE", "EMAIL_ADDRESS"})
"""Types of attributes that a page shows (D-struct)."""


_NUMBERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "BOOLEAN": "true".__eq__,
    "INTEGER": int,
    "LONG": int,
    "NUMERIC": float,
}
_SEEN_COUNTERS: Final = ("table", "withErrors", "rowsInError")


def understood(body: bytes, dialect: Dialect, path: str) -> bytes:
    """The body of a call in the usual form, which is taken as well: moments of a profile, stored definitions."""
    if not body.startswith(b"{"):
        return body
    try:
        content = json.loads(body)
        if re.search(r"/etls(/[^/]+)?$", path):
            return json.dumps(usual(content, dialect)).encode()
        if not path.startswith("/profiles/"):
            return body
        attributes = content["attributes"]
        if isinstance(attributes, dict):
            content["attributes"] = {name: _usual(name, value, dialect) for name, value in attributes.items()}
        else:
            for item in attributes:
                item["value"] = _usual(item["name"], item["value"], dialect)
    except (ValueError, TypeError, KeyError, AttributeError):
        return body
    return json.dumps(content).encode()


def _usual(name: str, value: Any, dialect: Dialect) -> Any:
    kind = BY_NAME[name].value_type if name in BY_NAME else ""
    form, usual = {"DATE": (dialect.dates, DATE), "TIMESTAMP": (dialect.moments, MOMENT)}.get(kind, ("", ""))
    if not form or value is None:
        return value
    try:
        if form == EPOCH:
            moment = datetime.fromtimestamp(int(value) / 1000, UTC)
        else:
            moment = datetime.strptime(str(value), form)  # noqa: DTZ007 -- local, unless the form says otherwise
            moment = moment.replace(tzinfo=UTC if form.endswith("Z") else TIMEZONE)
    except ValueError:
        return value
    return moment.astimezone(TIMEZONE).strftime(usual)


def timed(text: str, usual: str, form: str) -> Any:
    """A date or moment of the usual form in another one: a text, or milliseconds. What is none stays as it is."""
    try:
        moment = datetime.strptime(text, usual).replace(tzinfo=TIMEZONE)
    except ValueError:
        return text
    if form == EPOCH:
        return int(moment.timestamp()) * 1000
    return (moment.astimezone(UTC) if form.endswith("Z") else moment).strftime(form)


def respell(answer: Answer, dialect: Dialect, method: str, path: str, query: str) -> None:
    """Change an answer of the usual form into the dialect's."""
    content = answer.json()
    if method != "GET" and answer.status == 204:
        done(answer, dialect)
    elif answer.status >= 400:
        refusal(answer, dialect, content)
    elif content is not None:
        spelled_so = _content(content, dialect, path)
        if method == "GET" and is_list(content):
            spelled_so = paged(answer, spelled_so, dialect, path, query)
        answer.write(spelled_so)
        number = next((content[name] for name in ("profileId", "executionId") if name in content), None)
        if dialect.total == "in a header" and "totalElements" in content:
            answer.headers["x-total-count"] = str(content["totalElements"])
        if method in ("PUT", "PATCH") and path.startswith("/profiles/v5/"):
            changed(answer, dialect)
        elif method == "POST" and (number is not None or answer.status == 201):
            created(answer, dialect, path, str(content["id"] if number is None else number))


def _content(content: Any, dialect: Dialect, path: str) -> Any:
    if not isinstance(content, dict):
        return content
    if content.keys() == {"profileTables"}:
        tables = [_structure(table, dialect) for table in content["profileTables"]]
        return tables if dialect.bare_lists else {"profileTables": tables}
    if content.keys() == {"profileTableNames"}:
        named = [item if dialect.v4_ids else {"name": item["name"]} for item in content["profileTableNames"]]
        return named if dialect.bare_lists else {"profileTableNames": named}
    if content.keys() == {"count"}:
        return content["count"] if dialect.count == "bare" else {dialect.count: content["count"]}
    if content.keys() in ({"profileId"}, {"executionId"}):
        ((name, number),) = content.items()
        return {dialect.execution_id if name == "executionId" else name: _id(number, dialect)}
    if content.keys() in ({"subscriptions"}, {"segmentation"}):
        return _alone(content, dialect)
    if path.startswith("/profiles/v5/") and "attributes" in content:
        return _profile_v5(content, dialect)
    if path.startswith("/profiles/v5/") and "profiles" in content:
        page = [_profile_v5(profile, dialect) for profile in content["profiles"]]
        rest = {name: value for name, value in content.items() if name not in ("profiles", "totalElements")}
        if dialect.total in ("totalElements", "total"):
            rest[dialect.total] = content["totalElements"]
        return page if dialect.profile_page == "bare" else {**rest, dialect.profile_page: page}
    if content.keys() == {"scenarios"}:
        return _scenarios(content["scenarios"], dialect)
    if content.keys() == {"etls"}:
        return _definitions(content["etls"], dialect)
    if "dataLoadings" in content:
        return spelled(content, dialect)
    if content.keys() == {"id"} and path.endswith("/etls"):
        return {dialect.definition_id: stored_id(content["id"], dialect)}
    if path.startswith("/profiles/v4/") and "profiles" in content:
        return content | {"profiles": [_profile(profile, dialect) for profile in content["profiles"]]}
    if path.startswith("/profiles/v4/") and "attributes" in content:
        return _profile(content, dialect)
    if path.startswith("/profile-table-structure/") and "attributes" in content:
        return _structure(content, dialect)
    if "etlId" in content and "results" in content:
        return _execution(content, dialect)
    if content.keys() == {"status"}:
        word = _word(content["status"], dialect)
        return word if dialect.status == "alone" else {dialect.status: word}
    if "withErrors" in content:
        return _counters(content, dialect)
    return content


def _profile(profile: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
    attributes = [{**item, "value": _value(item["name"], item["value"], dialect)} for item in profile["attributes"]]
    if dialect.sections == "apart" and "profileId" not in profile:
        return {"attributes": attributes}
    told = {"attributes": attributes}
    if "subscriptions" in profile:
        told["subscriptions"] = _subscriptions(profile["subscriptions"], dialect)
    if "segmentations" in profile:
        told["segmentations"] = _segmentations(profile["segmentations"], dialect)
    return told


def _profile_v5(profile: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
    """Flat, where booleans are always those of JSON; or as V4 has it."""
    if dialect.profile_items == "as in V4":
        return _profile(_listed(profile), dialect)
    attributes = {
        name: value if value is None or isinstance(value, bool) else _value(name, value, dialect)
        for name, value in profile["attributes"].items()
    }
    return profile | {"profileId": _id(profile["profileId"], dialect), "attributes": attributes}


def _listed(profile: dict[str, Any]) -> dict[str, Any]:
    def text(value: Any) -> Any:
        return str(value).lower() if isinstance(value, bool) else value

    listed: dict[str, Any] = {
        "profileId": profile["profileId"],
        "attributes": [{"name": name, "value": text(value)} for name, value in profile["attributes"].items()],
    }
    if "subscriptions" in profile:
        listed["subscriptions"] = [{"name": name, "subscribe": on} for name, on in profile["subscriptions"].items()]
    if "segmentations" in profile:
        listed["segmentations"] = [
            {"belongs": held, "segmentation": {"name": name}}
            if isinstance(held, bool)
            else {"belongs": True, "segmentation": {"category": name, "name": held}}
            for name, held in profile["segmentations"].items()
            if held is not None
        ]
    return listed


def _scenarios(items: list[dict[str, Any]], dialect: Dialect) -> Any:
    if dialect.scenario_list == "names":
        return {"scenarios": [item["name"] for item in items]}
    told = [told_active(item, dialect) for item in items]
    return told if dialect.scenario_list == "bare" else {"scenarios": told}


def _definitions(items: list[dict[str, Any]], dialect: Dialect) -> Any:
    if dialect.definition_list == "ids":
        return {
            "etls": [{dialect.definition_id: stored_id(item["id"], dialect), "name": item["name"]} for item in items]
        }
    told = [spelled(item, dialect) for item in items]
    return told if dialect.definition_list == "bare" else {"etls": told}


def _value(name: str, text: str | None, dialect: Dialect) -> Any:
    if text is None or name not in BY_NAME:
        return text
    if name == "profileId":
        return _id(text, dialect)
    kind = BY_NAME[name].value_type
    if kind == "DATE":
        return timed(text, DATE, dialect.dates)
    if kind == "TIMESTAMP":
        return timed(text, MOMENT, dialect.moments)
    if BY_NAME[name].multi_valued and dialect.multi_values == "list":
        return text.split(MULTI_VALUE_SEPARATOR)
    if dialect.numbers == "number" and kind in _NUMBERS:
        return _NUMBERS[kind](text)
    return text


def _id(number: Any, dialect: Dialect) -> Any:
    if dialect.ids == "as seen":
        return number
    return str(number) if dialect.ids == "text" else int(number)


def _subscriptions(items: list[dict[str, Any]], dialect: Dialect) -> Any:
    if dialect.subscriptions == "by name":
        return {item["name"]: item["subscribe"] for item in items}
    return [item for item in items if item["subscribe"]] if dialect.subscriptions == "those on" else items


def _segmentations(items: list[dict[str, Any]], dialect: Dialect) -> list[dict[str, Any]]:
    if dialect.segmentations == "memberships":
        return [item["segmentation"] for item in items if item["belongs"]]
    return items


def _alone(content: dict[str, Any], dialect: Dialect) -> Any:
    ((name, items),) = content.items()
    spelled = (_subscriptions if name == "subscriptions" else _segmentations)(items, dialect)
    return spelled if dialect.section_alone == "bare" else {name: spelled}


def _structure(table: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
    attributes = table["attributes"]
    if isinstance(attributes, list):
        attributes = [_attribute(item, dialect) for item in attributes]
    else:
        attributes = {
            name: {**item, "valueType": _v4_type(item["valueType"], dialect)} for name, item in attributes.items()
        }
        table = {name: part for name, part in table.items() if name != "id" or dialect.v4_ids}
    told = table | {
        "attributes": attributes,
        "subscriptions": _named(table["subscriptions"], dialect),
        "segmentations": [_segmentation(item, dialect) for item in table["segmentations"]],
    }
    return {name: part for name, part in told.items() if part != [] or dialect.empty_parts == "empty lists"}


def _attribute(item: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
    item = {**item, "type": _type(item["type"], dialect)}
    if item.get("valueType") == COORDINATES_TYPE:
        item["valueType"] = dialect.coordinates
    limits = item.get("valueRestriction", {})
    if "allowedValues" in limits:
        rest = {name: limit for name, limit in limits.items() if name != "allowedValues"}
        item["valueRestriction"] = rest | {dialect.enumeration: limits["allowedValues"]}
    return item


def _type(name: str, dialect: Dialect) -> str:
    return name if name in _SEEN_TYPES or dialect.predefined_types == "UPPER_SNAKE" else camel_case(name)


def _v4_type(name: str, dialect: Dialect) -> str:
    if name in V4_TYPES.values():
        return name
    if dialect.v4_types == "String":
        return "String"
    long = {"TITLE": "PERSON_TITLE", COORDINATES_TYPE: dialect.coordinates}.get(name, name)
    camel = camel_case(long)
    return camel[0].upper() + camel[1:]


def _named(items: list[Any], dialect: Dialect) -> list[Any]:
    if dialect.structure_items == "as seen":
        return items
    names = [item["name"] if isinstance(item, dict) else item for item in items]
    return names if dialect.structure_items == "names" else [{"name": name} for name in names]


def _segmentation(item: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
    if "segments" in item:
        item = item | {"segments": _named(item["segments"], dialect)}
    if dialect.exclusive == "flag":
        kind = item["type"]
        return {name: value for name, value in item.items() if name != "type"} | {"exclusive": kind == "EXCLUSIVE"}
    return item


def _execution(content: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
    rest = {name: value for name, value in content.items() if name not in ("status", "results")}
    word = "status" if dialect.status == "alone" else dialect.status
    rest |= {"id": _id(content["id"], dialect), word: _word(content["status"], dialect)}
    if dialect.counters_told == "none":
        return rest
    results = [_counters(one, dialect) for one in content["results"]]
    if dialect.counters == "beside":
        return {**rest, **results[0]}
    return rest | {"results": results if dialect.counters == "in a list" else results[0]}


def _word(usual: str, dialect: Dialect) -> str:
    return dialect.words[list(IMPORT_STATUS.values()).index(usual)]


def _counters(content: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
    if dialect.counters_told != "all":
        content = {name: value for name, value in content.items() if name in _SEEN_COUNTERS}
    return content | {"withErrors": str(content["withErrors"]).lower()} if dialect.flags == "text" else content
