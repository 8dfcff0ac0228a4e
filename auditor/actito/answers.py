"""One call and one answer as values, what an HTTP status means, and the few ways to look into a JSON answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Concatenate, ParamSpec, TypeVar
from urllib.parse import urlsplit

import httpx

from auditor.actito.errors import (
    ActitoError,
    Busy,
    Conflict,
    EmptyAnswer,
    NotAcceptable,
    NotAllowed,
    NotFound,
    NotJson,
    PlatformDown,
    Redirected,
    Refused,
    TokenRefused,
    UnexpectedAnswer,
)
from auditor.model import FALSE_SPELLINGS, TRUE_SPELLINGS

T = TypeVar("T")
P = ParamSpec("P")

_REFUSALS = (400, 413, 422)
_TIMEOUT = 408
_NAME = re.compile(r"[A-Za-z][\w.#-]{0,99}")
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,63}|[a-z]{1,31}([A-Z][a-z0-9]{1,31}){1,5}")
"""One word in capitals, or several as in `invalidValue`: a single small word could be somebody's name."""
_REFUSALS_IN = ("errors", "fieldErrors", "violations")
FIELDS = ("field", "attribute", "errorColumn", "property", "propertyPath")
_CODES = ("code", "errorCode")


@dataclass(frozen=True, slots=True)
class Call:
    """One operation of the API: where it is, and how to name it to people."""

    method: str
    path: str = field(repr=False)
    """Below the host, percent-encoded. Holds profile references: never shown or logged."""
    what: str
    """What is asked for or changed, for messages: without references and values."""
    right: str
    """The access right it needs (D-rights)."""
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    accept: str = "application/json"
    """A wrong one is answered with 406 (D-quick)."""
    operation: str = ""
    """What is asked for or changed, whatever table or name it is about; empty where `what` says it so."""

    @property
    def generation(self) -> str:
        """`V5` or `V4`."""
        return next((part.upper() for part in self.path.split("/") if part in ("v4", "v5")), "")

    @property
    def name(self) -> tuple[str, str, str]:
        """The operation whatever it is about: what stays when a route is there, or is gone, for one profile and all."""
        return self.generation, self.method, self.operation or self.what


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer. Nothing of its content is ever shown."""

    what: str
    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case."""

    @classmethod
    def of(cls, response: httpx.Response, call: Call) -> Answer:
        headers = {name.lower(): value for name, value in response.headers.items()}
        return cls(what=call.what, status=response.status_code, body=response.content, headers=headers)

    @property
    def without_content(self) -> bool:
        return self.status == httpx.codes.NO_CONTENT

    def json(self) -> object:
        """The content, numbers with a fraction as their own text. Raises Unfit when it is not JSON."""
        try:
            content: object = json.loads(self.body, parse_float=str, parse_constant=str)
        except (ValueError, RecursionError):
            raise Unfit("JSON") from None
        return content

    def read_as(self, form: Callable[Concatenate[object, P], T], *arguments: P.args, **options: P.kwargs) -> T:
        """What `form` makes of its JSON. Raises UnexpectedAnswer, naming the missing part, if the form is unknown."""
        return self.part(lambda: form(self.json(), *arguments, **options))

    def part(self, form: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
        """Like `read_as`, for a part that was taken out of it before."""
        try:
            return form(*arguments, **options)
        except Unfit as unfit:
            raise UnexpectedAnswer(self.what, str(unfit)) from None


class Unfit(Exception):
    """An answer lacks a part, or the part has no known form. Holds the part's name only."""

    def __init__(self, part: str) -> None:
        super().__init__(f"there is no usable {part} in it")


def record(value: object, part: str) -> Mapping[str, object]:
    """`value`, which must be a JSON object."""
    if not isinstance(value, dict):
        raise Unfit(part)
    return value


def array(value: object, part: str) -> list[object]:
    """`value`, which must be a JSON array."""
    if not isinstance(value, list):
        raise Unfit(part)
    return value


def first(content: Mapping[str, object], *names: str) -> object:
    """The value of the first of `names` that is there and not null; Unfit names the first of them."""
    for name in names:
        if content.get(name) is not None:
            return content[name]
    raise Unfit(names[0])


def name_of(content: Mapping[str, object], *names: str) -> str:
    """Like `first`, for names and ids: text, or a whole number as its digits."""
    value = first(content, *names)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value:
        return value
    raise Unfit(names[0])


def text(value: object, part: str) -> str | None:
    """A value as Actito's own text. Clients have seen strings, numbers, booleans and null (§5.2)."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return ",".join(text(member, part) or "" for member in value) or None
    raise Unfit(part)


def truth(value: object, part: str) -> bool:
    word = str(value).lower() if isinstance(value, bool | int | str) else ""
    if word not in TRUE_SPELLINGS + FALSE_SPELLINGS:
        raise Unfit(part)
    return word in TRUE_SPELLINGS


def has(content: Mapping[str, object], *names: str) -> bool:
    return any(content.get(name) is not None for name in names)


def name_in(section: str, item: Mapping[str, object], *names: str) -> str:
    """Like `name_of`; what is missing is named with the section that it is missing in."""
    try:
        return name_of(item, *names)
    except Unfit:
        raise Unfit(f"{section}.{names[0]}") from None


def require_json(answer: Answer) -> None:
    """Raise EmptyAnswer or NotJson for a success without JSON, before anybody looks into it."""
    if not answer.body.strip():
        raise EmptyAnswer(answer.what, "it is empty instead of JSON")
    try:
        answer.json()
    except Unfit:
        raise NotJson(answer.what, "it is not JSON") from None


def check(answer: Answer, call: Call, *, writing: bool) -> None:
    """Raise what the status of an answer means; return for a success.

    A write that is answered with 5xx or 408 is not judged here: whether it was carried out is for the caller to say.
    """
    status = answer.status
    if httpx.codes.is_success(status):
        return
    error = _meaning(status, answer, call, writing=writing)
    error.wait = _wait(answer.headers)
    if isinstance(error, NotFound):
        error.name = call.name
    raise error


def _meaning(status: int, answer: Answer, call: Call, *, writing: bool) -> ActitoError:
    if httpx.codes.is_redirect(status):
        return Redirected(_host(answer.headers.get("location", "")))
    if status == httpx.codes.UNAUTHORIZED:
        return TokenRefused(call.what)
    if status == httpx.codes.FORBIDDEN:
        return NotAllowed(call.what, call.right)
    if status == httpx.codes.NOT_FOUND:
        return NotFound(call.what)
    if status == httpx.codes.NOT_ACCEPTABLE:
        return NotAcceptable(call.what)
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return Busy(call.what)
    if status == httpx.codes.CONFLICT:
        return Conflict(call.what, _fields(answer), writing=writing)
    if status in _REFUSALS:
        return Refused(call.what, _fields(answer), writing=writing)
    if httpx.codes.is_server_error(status) or status == _TIMEOUT:
        return PlatformDown(call.what, f"status {status}")
    return UnexpectedAnswer(call.what, f"status {status} is not one it should have")


def _host(location: str) -> str | None:
    """The host alone: the rest of an address may name a person."""
    try:
        return urlsplit(location).hostname
    except ValueError:
        return None


def _wait(headers: Mapping[str, str]) -> float | None:
    """Seconds asked for by `Retry-After`, as a number or as a moment; None where absent or not readable."""
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,6}", text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
        now = parsedate_to_datetime(headers["date"]) if "date" in headers else datetime.now(UTC)
        return max((moment - now).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None


def _fields(answer: Answer) -> tuple[tuple[str, str], ...]:
    """(field, code) pairs of a refusal; empty when the body is empty, not JSON, or of an unknown form.

    The error body is documented to hold `status` and `message` (G-php); the rest is assumed. Messages may quote
    values and are not read; a field or code that does not look like one is left out for the same reason.
    """
    try:
        content = record(answer.json(), "errors")
    except Unfit:
        return ()
    errors = next((content[name] for name in _REFUSALS_IN if content.get(name)), [content])
    if isinstance(errors, dict):
        pairs = list(errors.items())
    else:
        items = [item for item in errors if isinstance(item, dict)] if isinstance(errors, list) else []
        pairs = [(_any(item, *FIELDS), _any(item, *_CODES)) for item in items]
    named = ((_clean(_NAME, name), _clean(_CODE, code)) for name, code in pairs)
    return tuple((name, code) for name, code in named if name)


def _any(item: Mapping[str, object], *names: str) -> object:
    return next((item[name] for name in names if name in item), "")


def _clean(pattern: re.Pattern[str], text: object) -> str:
    return text if isinstance(text, str) and pattern.fullmatch(text) else ""
