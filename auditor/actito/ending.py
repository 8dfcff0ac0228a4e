"""How a platform says that an operation is over, or is going to be.

None of Actito's own ways to say it is public: what is looked for is what RFC 9110, 9745 and 8594 have for it, and what
web servers, gateways and frameworks answer about an address that they do not know. A plain 404 says nothing: see
`routes`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import unquote, urlsplit

from auditor.actito.answers import FIELDS, Answer, Call, Unfit

GONE: Final = (405, 410, 501)
"""Not this method here, not here any more, not implemented: whatever the body says, nothing was carried out."""
MOVED: Final = (301, 308)
_LONGEST: Final = 10_000
"""Bytes of a page, or characters of a text, that are looked through."""
_DEEPEST: Final = 4
"""Levels of a JSON answer that are."""

_NEVER: Final = (401, 408, 425, 429)
"""These are about who asks, how often, and when: whatever the text says beside."""
_THING = r"(operation|endpoint|api|version|v\d|route)s?"
_BETWEEN = (
    r"(\W+(version|v?\d[\w.]*|apis?|endpoints?|operations?|calls?|is|are|was|were|has|have|had|will|be|been|now|its|the"
    r"|reached|come|to|permanently))*\W+"
)
"""Nothing else may stand between the operation and its end: "the API says that the segment was removed" is no end."""
_ENDED = (
    r"(deprecated|discontinued|sunset|retired|decommissioned|obsolete|no longer (available|supported|offered)"
    r"|not (supported|available) any ?(more|longer)|end[- ]of[- ](life|service|support))"
)
_MAYBE = (
    r"(switched off|turned off|shut ?down|disabled|removed|end(ed)?|gone|unavailable|no longer exists?"
    r"|not (available|supported|found)|do(es)? not exist)"
)
_OF_NOTHING = r"\b(?!\W+(of|for|from|by|on|while)\b)"
"""What is gone for somebody, or from something, is there for others."""
_UNMISTAKABLE: Final = re.compile(
    rf"\b{_THING}{_BETWEEN}{_ENDED}{_OF_NOTHING}"
    rf"|\b(deprecated|discontinued|obsolete|retired|decommissioned)\W+((rest|v\d)\W+)?{_THING}{_OF_NOTHING}",
    re.IGNORECASE,
)
_SAID: Final = re.compile(
    rf"{_UNMISTAKABLE.pattern}|\b({_THING}|services?|methods?){_BETWEEN}({_ENDED}|{_MAYBE}){_OF_NOTHING}"
    rf"|\bunsupported\W+{_THING}{_OF_NOTHING}|\b(use|call|(migrate|switch|upgrade) to)\W+((the|api)\W+)*(v|version )\d"
    r"|\bno (matching )?(route|handler|static resource|mapping)\b|\b(no such|unknown) (route|path|operation|endpoint)\b"
    r"|\bcannot (get|post|put|patch|delete) /|\bmethod not allowed\b|\bpath not found\b",
    re.IGNORECASE,
)
"""Beside a 404, which is about a person or an operation in any case; of no resource, which may be a person."""
_QUOTED: Final = re.compile(r"""(?<!\w)'[^']*'(?!\w)|"[^"]*"|«[^»]*»|“[^”]*”|‘[^’]*’""")


@dataclass(frozen=True, slots=True)
class Announcement:
    """The platform says that something that was asked for will end."""

    generation: str
    what: str
    """The operation, whatever profile it was about."""
    ends: datetime | None
    """With zone; None where the platform does not say when."""


def is_over(answer: Answer, call: Call, sent: object = None, now: datetime | None = None) -> bool:
    """Whether a failure says by itself that the operation is not there any more; `sent` is the body of the call."""
    if answer.status in GONE:
        return True
    if answer.status in MOVED:
        return not _same_path(answer.headers.get("location", ""), call)
    if answer.status in _NEVER or answer.status >= 500:
        return False
    ends = _moment(answer.headers.get("sunset", ""))
    if ends is not None and ends <= (now or datetime.now(UTC)):
        return True
    said = _SAID if answer.status == 404 else _UNMISTAKABLE
    return any(map(said.search, _sentences(answer, call, sent)))


def announcement(headers: Mapping[str, str], call: Call) -> Announcement | None:
    """What the headers of a success announce: `Deprecation` (RFC 9745), `Sunset` (RFC 8594), or a `Warning` of it."""
    deprecated = headers.get("deprecation", "").strip().lower() not in ("", "false", "?0")
    warned = bool(_SAID.search(headers.get("warning", "")))
    linked = bool(re.search(r'rel="?[^";]*\b(deprecation|sunset)\b', headers.get("link", ""), re.IGNORECASE))
    ends = headers.get("sunset", "")
    if not (deprecated or warned or linked or ends):
        return None
    generation, _, what = call.name
    return Announcement(generation, what, _moment(ends))


def _sentences(answer: Answer, call: Call, sent: object) -> Iterator[str]:
    """What an answer says of no field, without what it quotes or repeats of the call: that may be anybody's words."""
    try:
        texts = [*_texts(answer.json(), but=FIELDS)]
    except Unfit:
        texts = [answer.body[:_LONGEST].decode("utf-8", "replace")]
    asked = [part for part in (*call.path.split("/"), *call.query.values()) if "=" in part]
    words = _either([*_texts(sent), *asked, *(part.partition("=")[2] for part in asked)])
    paths = "|".join(re.escape(path.lstrip("/")) for path in _either([call.path]))
    for text in texts:
        said = re.sub(f"/?({paths})", "/", text[:_LONGEST])
        for word in words:
            said = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", " ", said, flags=re.IGNORECASE)
        yield _QUOTED.sub(" ", said)


def _either(parts: Iterable[str]) -> list[str]:
    """As they are sent, and read; the longest first."""
    return sorted({text for part in parts for text in (part, unquote(part)) if text}, key=len, reverse=True)


def _texts(content: object, *, but: Collection[str] = (), depth: int = _DEEPEST) -> Iterator[str]:
    """Every text in it, save those of objects with one of the names `but`."""
    if isinstance(content, str):
        yield content
    elif depth and isinstance(content, dict | list) and not any(name in content for name in but):
        for inner in content.values() if isinstance(content, dict) else content:
            yield from _texts(inner, but=but, depth=depth - 1)


def _same_path(location: str, call: Call) -> bool:
    """Whether it is the host that moved, and not the operation."""
    try:
        there = unquote(urlsplit(location).path).rstrip("/")
    except ValueError:
        return False
    return there.endswith(unquote(call.path).rstrip("/"))


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
