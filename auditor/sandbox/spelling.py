"""Says the same in another form: answers as the dialect spells what nobody has seen, and calls that are spelled so.

Works on whole answers and bodies, by the names in them, so that the routes need to know one form only.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

from auditor.sandbox.dialect import EPOCH, IMPORT_STATUS, MOMENT, TIMEZONE, Dialect
from auditor.sandbox.exchange import Answer
from auditor.sandbox.structure import BY_NAME

_SEEN_TYPES = frozenset({"CUSTOM", "LASTNAME", "FIRSTNAME", "BIRTHDATE", "SEX", "MOTHER_LANGUAGE", "EMAIL_ADDRESS"})
"""Types of attributes that a page shows (D-struct)."""


_DATE: Final = "%Y-%m-%d"
_SEEN_COUNTERS: Final = ("table", "withErrors", "rowsInError")


def understood(body: bytes, dialect: Dialect, path: str) -> bytes:
    """The body of a call about a profile with its dates and moments in the usual form, which is taken as well."""
    if not path.startswith("/profiles/") or not body.startswith(b"{"):
        return body
    try:
        content = json.loads(body)
        attributes = content["attributes"]
        if isinstance(attributes, dict):
            content["attributes"] = {name: _usual(name, value, dialect) for name, value in attributes.items()}
        else:
            for item in attributes:
                item["value"] = _usual(item["name"], item["value"], dialect)
    except (ValueError, TypeError, KeyError):
        return body
    return json.dumps(content).encode()


def _usual(name: str, value: Any, dialect: Dialect) -> Any:
    kind = BY_NAME[name].value_type if name in BY_NAME else ""
    form, usual = {"DATE": (dialect.dates, _DATE), "TIMESTAMP": (dialect.moments, MOMENT)}.get(kind, ("", ""))
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


def _timed(text: str, usual: str, form: str) -> Any:
    moment = datetime.strptime(text, usual).replace(tzinfo=TIMEZONE)
    if form == EPOCH:
        return int(moment.timestamp()) * 1000
    return (moment.astimezone(UTC) if form.endswith("Z") else moment).strftime(form)


def code_in(code: str, dialect: Dialect) -> str:
    """The code of a refused field or row."""
    return code if dialect.codes == "UPPER_SNAKE" else _camel_case(code)


def respell(answer: Answer, dialect: Dialect, method: str, path: str) -> None:
    """Change an answer of the usual form into the dialect's."""
    content = answer.json()
    if method == "DELETE" and answer.status == 204 and dialect.deleted == "200 with text":
        answer.status = 200
        answer.write_text("OK")
    elif answer.status >= 400:
        _refusal(answer, dialect, content)
    elif content is not None:
        answer.write(_content(content, dialect, path))
        if method == "POST" and isinstance(content, dict) and ("profileId" in content or "executionId" in content):
            _created(answer, dialect, path, str(content.get("profileId") or content.get("executionId")))


def _content(content: Any, dialect: Dialect, path: str) -> Any:
    if not isinstance(content, dict):
        return content
    if content.keys() == {"profileTables"}:
        tables = [_structure(table, dialect) for table in content["profileTables"]]
        return tables if dialect.bare_lists else {"profileTables": tables}
    if content.keys() == {"profileTableNames"}:
        return content["profileTableNames"] if dialect.bare_lists else content
    if content.keys() == {"count"}:
        return content["count"] if dialect.count == "bare" else {dialect.count: content["count"]}
    if content.keys() in ({"profileId"}, {"executionId"}):
        ((name, number),) = content.items()
        return {dialect.execution_id if name == "executionId" else name: _id(number, dialect)}
    if content.keys() in ({"subscriptions"}, {"segmentation"}):
        return _alone(content, dialect)
    if path.startswith("/profiles/v5/") and "attributes" in content:
        return _flat(content, dialect)
    if path.startswith("/profiles/v5/") and "profiles" in content:
        page = [_flat(profile, dialect) for profile in content["profiles"]]
        rest = {name: value for name, value in content.items() if name != "profiles"}
        return page if dialect.profile_page == "bare" else {**rest, dialect.profile_page: page}
    if content.keys() == {"scenarios"}:
        return _scenarios(content["scenarios"], dialect)
    if content.keys() == {"etls"}:
        return _definitions(content["etls"], dialect)
    if path.startswith("/profiles/v4/") and "profiles" in content:
        return content | {"profiles": [_profile(profile, dialect, apart=False) for profile in content["profiles"]]}
    if path.startswith("/profiles/v4/") and "attributes" in content:
        return _profile(content, dialect, apart=dialect.sections == "apart")
    if path.startswith("/profile-table-structure/") and "attributes" in content:
        return _structure(content, dialect)
    if "etlId" in content and "results" in content:
        return _execution(content, dialect)
    if content.keys() == {"status"}:
        return {dialect.status: _word(content["status"], dialect)}
    if "withErrors" in content:
        return _counters(content, dialect)
    return content


def _profile(profile: dict[str, Any], dialect: Dialect, *, apart: bool) -> dict[str, Any]:
    attributes = [{**item, "value": _value(item["name"], item["value"], dialect)} for item in profile["attributes"]]
    if apart:
        return {"attributes": attributes}
    return {
        "attributes": attributes,
        "subscriptions": _subscriptions(profile["subscriptions"], dialect),
        "segmentations": _segmentations(profile["segmentations"], dialect),
    }


def _flat(profile: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
    """One of V5, where booleans are always those of JSON."""
    attributes = {
        name: value if isinstance(value, bool) else _value(name, value, dialect)
        for name, value in profile["attributes"].items()
    }
    return profile | {"profileId": _id(profile["profileId"], dialect), "attributes": attributes}


def _scenarios(items: list[dict[str, Any]], dialect: Dialect) -> Any:
    if dialect.scenario_list == "names":
        return {"scenarios": [item["name"] for item in items]}
    return items if dialect.scenario_list == "bare" else {"scenarios": items}


def _definitions(items: list[dict[str, Any]], dialect: Dialect) -> Any:
    if dialect.definition_list == "ids":
        return {"etls": [{"id": item["id"], "name": item["name"]} for item in items]}
    return items if dialect.definition_list == "bare" else {"etls": items}


def _value(name: str, text: str | None, dialect: Dialect) -> Any:
    if text is None or name not in BY_NAME:
        return text
    if name == "profileId":
        return _id(text, dialect)
    kind = BY_NAME[name].value_type
    if kind == "DATE":
        return _timed(text, _DATE, dialect.dates)
    if kind == "TIMESTAMP":
        return _timed(text, MOMENT, dialect.moments)
    if dialect.numbers == "number" and kind == "BOOLEAN":
        return text == "true"
    return int(text) if dialect.numbers == "number" and kind in ("INTEGER", "LONG") else text


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
    return table | {
        "attributes": attributes,
        "subscriptions": _named(table["subscriptions"], dialect),
        "segmentations": [_segmentation(item, dialect) for item in table["segmentations"]],
    }


def _attribute(item: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
    item = {**item, "type": _type(item["type"], dialect)}
    limits = item.get("valueRestriction", {})
    if "allowedValues" in limits:
        rest = {name: limit for name, limit in limits.items() if name != "allowedValues"}
        item["valueRestriction"] = rest | {dialect.enumeration: limits["allowedValues"]}
    return item


def _type(name: str, dialect: Dialect) -> str:
    return name if name in _SEEN_TYPES or dialect.predefined_types == "UPPER_SNAKE" else _camel_case(name)


def _camel_case(name: str) -> str:
    first, *rest = name.lower().split("_")
    return first + "".join(word.capitalize() for word in rest)


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
    rest |= {"id": _id(content["id"], dialect), dialect.status: _word(content["status"], dialect)}
    results = [_counters(one, dialect) for one in content["results"]]
    if dialect.counters == "beside":
        return {**rest, **results[0]}
    return rest | {"results": results if dialect.counters == "in a list" else results[0]}


def _word(usual: str, dialect: Dialect) -> str:
    return dialect.words[list(IMPORT_STATUS.values()).index(usual)]


def _counters(content: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
    if dialect.counters_told == "seen":
        content = {name: value for name, value in content.items() if name in _SEEN_COUNTERS}
    return content | {"withErrors": str(content["withErrors"]).lower()} if dialect.flags == "text" else content


def _created(answer: Answer, dialect: Dialect, path: str, number: str) -> None:
    if dialect.created != "200":
        answer.status = 201
        answer.headers["location"] = f"{path}/{number}"
    if dialect.created == "201 without body":
        answer.empty()


def _refusal(answer: Answer, dialect: Dialect, content: Any) -> None:
    if answer.status == 409 and dialect.conflict == "400":
        answer.status = 400
        content["status"] = 400
    problems = [problem | {"code": code_in(problem["code"], dialect)} for problem in content.pop("errors")]
    if dialect.errors == "empty":
        answer.empty()
    elif dialect.errors == "text":
        answer.write_text("refused")
    elif dialect.errors == "fieldErrors":
        answer.write(content | {"fieldErrors": {problem["field"]: problem["code"] for problem in problems}})
    else:
        answer.write(content | ({"errors": problems} if dialect.errors == "errors" else {}))
