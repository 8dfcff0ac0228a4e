"""Lists that may come in pages: entities, tables, stored definitions and scenarios (§3, §4, §8.3, §14b).

No page of any of them was seen, so they are taken to come whole [assumed]. An answer that says that there is more is
believed and asked for the rest, in whichever plausible way it says so: a half list would hide a table, or a definition
that a change breaks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, TypeVar
from urllib.parse import parse_qsl, urlsplit

import httpx

from auditor.actito.answers import Answer, Call, Unfit
from auditor.actito.connection import Connection
from auditor.actito.errors import UnexpectedAnswer

T = TypeVar("T")

_LINKS: Final = ("_links", "links")
"""The first is how Actito links elsewhere (D-wht)."""
_TOTALS: Final = ("totalElements", "total", "totalCount")
_NUMBERS: Final = ("page", "number")


def whole_list(connection: Connection, call: Call, form: Callable[[object], list[T]]) -> list[T]:
    """Every item of a list, which `form` reads from one answer, in Actito's order.

    Raises ActitoError; UnexpectedAnswer too where an answer promises more than comes.
    """
    answer = connection.read(call)
    items = answer.read_as(form)
    while (query := answer.part(_following, answer, len(items))) is not None:
        answer = connection.read(replace(call, query={**call.query, **query}))
        new = [item for item in answer.read_as(form) if item not in items]
        if not new:
            raise UnexpectedAnswer(call.what, "it promises another page, which brings nothing new")
        items += new
    return items


def _following(answer: Answer, so_far: int) -> Mapping[str, str] | None:
    """The query of the next page; None where the answer speaks of none. Raises Unfit for a page without an address."""
    content = answer.json()
    whole = content if isinstance(content, dict) else {}
    links: Mapping[str, object] = next((whole[name] for name in _LINKS if isinstance(whole.get(name), dict)), {})
    following = links.get("next") or whole.get("next") or _linked(answer)
    if following:
        return _query(following)
    told = whole["page"] if isinstance(whole.get("page"), dict) else whole
    total = next((told[name] for name in _TOTALS if isinstance(told.get(name), int)), None)
    if not (told.get("last") is False or told.get("hasNext") is True or (total is not None and total > so_far)):
        return None
    number = next((told[name] for name in _NUMBERS if isinstance(told.get(name), int)), None)
    if number is None:
        raise Unfit("page")
    size = told.get("size")
    return {"page": str(number + 1)} | ({"size": str(size)} if isinstance(size, int) else {})


def _query(following: object) -> Mapping[str, str]:
    """Its query alone is followed: an address could lead to another host, and the token with it."""
    address = following.get("href") if isinstance(following, dict) else following
    try:
        query = dict(parse_qsl(urlsplit(address).query)) if isinstance(address, str) else {}
    except ValueError:
        query = {}
    if not query:
        raise Unfit("next")
    return query


def _linked(answer: Answer) -> object:
    """The `Link` header of RFC 8288."""
    headers = {"link": answer.headers["link"]} if "link" in answer.headers else {}
    return httpx.Response(answer.status, headers=headers).links.get("next", {}).get("url")
