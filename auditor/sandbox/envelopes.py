"""What an answer is besides its content, as the dialect has it: status, pages of a list, body of a refusal."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qs

from auditor.sandbox.dialect import Dialect
from auditor.sandbox.exchange import Answer

_LISTS: Final = ("entities", "profileTables", "profileTableNames", "scenarios", "etls")


def code_in(code: str, dialect: Dialect) -> str:
    """The code of a refused field or row."""
    return code if dialect.codes == "UPPER_SNAKE" else camel_case(code)


def camel_case(name: str) -> str:
    first, *rest = name.lower().split("_")
    return first + "".join(word.capitalize() for word in rest)


def is_list(content: Any) -> bool:
    """Has the usual form: one of those of which nobody has seen whether they come in pages."""
    return isinstance(content, dict) and tuple(content) in [(name,) for name in _LISTS]


def paged(answer: Answer, content: Any, dialect: Dialect, path: str, query: str) -> Any:
    """What the call is answered of the list `content`, which is spelled already: pages have one item each."""
    bare = isinstance(content, list)
    if dialect.list_pages == "whole" or (bare and dialect.list_pages != "in a header"):
        return content
    ((name, items),) = [("", content)] if bare else content.items()
    asked = parse_qs(query).get("page", ["0"])[0]
    number = int(asked) if asked.isdecimal() else 0
    page = items[number : number + 1]
    following = f"{path}?page={number + 1}" if number + 1 < len(items) else None
    if dialect.list_pages == "numbered":
        return {name: page, "page": number, "size": 1, "totalElements": len(items)}
    if dialect.list_pages == "linked":
        return {name: page, "_links": {"next": {"href": following}} if following else {}}
    if following:
        answer.headers["link"] = f'<{following}>; rel="next"'
    return page if bare else {name: page}


def done(answer: Answer, dialect: Dialect) -> None:
    """A success of which there is nothing to tell."""
    if dialect.done != "204":
        answer.status = 200
        answer.write({"status": "OK"})
    if dialect.done == "200 with text":
        answer.write_text("OK")


def changed(answer: Answer, dialect: Dialect) -> None:
    """Answers the V5 calls that change."""
    answer.status = int(dialect.changed)
    if answer.status == 204:
        answer.empty()


def created(answer: Answer, dialect: Dialect, path: str, number: str) -> None:
    """Answers a creation at `path` of what is now `number`."""
    if dialect.created == "200":
        answer.status = 202 if answer.status == 202 else 200
        answer.headers.pop("location", None)
    else:
        answer.status = 201
        answer.headers["location"] = f"{path}/{number}"
    if dialect.created == "201 without body":
        answer.empty()


def refusal(answer: Answer, dialect: Dialect, content: Any) -> None:
    """A failure, whose `content` has the usual form (§11)."""
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
    elif dialect.errors == "listed":
        listed = [{"attribute": one["field"], "errorCode": one["code"]} for one in problems]
        answer.write(content | {"fieldErrors": listed})
    elif dialect.errors == "violations":
        answer.write(
            content | {"violations": [{"propertyPath": one["field"], "code": one["code"]} for one in problems]}
        )
    elif dialect.errors == "beside":
        answer.write(content | (problems[0] if problems else {}))
    else:
        answer.write(content | ({"errors": problems} if dialect.errors == "errors" else {}))
