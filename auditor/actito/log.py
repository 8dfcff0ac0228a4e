"""What is logged of the way to Actito: every exchange, every wait, every repetition, every token.

An address is logged as its template, `/mass-imports/v5/entities/{entity}/etl-executions/{execution}`: whatever is not a
fixed word of Actito's addresses is left out, so what was put into one (a name, an id, an e-mail address) never shows.
"""

from __future__ import annotations

import logging
from typing import Final

import httpx
import stamina.instrumentation

from auditor.logs import silence

LOGGER = logging.getLogger("auditor.actito")
ATTEMPT: Final = "auditor.attempt"
"""The extension of a request that says which try it is, from 1."""

_NAMES: Final = {
    "entity": "{entity}",
    "entities": "{entity}",
    "table": "{table}",
    "profile-tables": "{table}",
    "profile": "{profile}",
    "profiles": "{profile}",
    "subscription": "{subscription}",
    "segmentation": "{segment}",
    "import": "{execution}",
    "etl-executions": "{execution}",
    "etls": "{definition}",
}
"""What follows these words in an address (§1.1) names something of the licence, or a person."""
_FIXED: Final = frozenset(_NAMES) | {
    *("auth", "token", "v4", "v5", "profile-table-structure", "mass-imports", "scenarios", "scenario"),
    *("count", "change-requests", "trigger-execution", "status", "result", "errors", "error-file", "result-file"),
}

# httpx logs addresses and what servers say, httpcore whole header blocks; what is needed of it is logged here.
silence(["httpx", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks"))])


def template(path: str) -> str:
    """A path, percent-encoded, with a name in braces in the place of everything that was put into it.

    >>> template("/entities/v5/entities/acme")
    '/entities/v5/entities/{entity}'
    """
    shown: list[str] = []
    for word in path.partition("?")[0].split("/")[1:]:
        named = _NAMES.get(shown[-1]) if shown else None
        fixed = word in ("v4", "v5", "count") or (named is None and word in _FIXED)
        shown.append(word if fixed else named or "{…}")
    return "/" + "/".join(shown)


def answered(request: httpx.Request, status: int, size: int, seconds: float) -> None:
    LOGGER.info("%s: %d, %.0f ms, %d bytes, try %d", _name(request), status, 1000 * seconds, size, _attempt(request))


def broke(request: httpx.Request, error: Exception, seconds: float) -> None:
    """An exchange that ended without an answer: its class says how."""
    LOGGER.info("%s: %s, %.0f ms, try %d", _name(request), type(error).__name__, 1000 * seconds, _attempt(request))


def _name(request: httpx.Request) -> str:
    return f"{request.method} {template(request.url.raw_path.decode('ascii'))}"


def _attempt(request: httpx.Request) -> int:
    return int(request.extensions.get(ATTEMPT, 1))


def _repeated(details: stamina.instrumentation.RetryDetails) -> None:
    failure = type(details.caused_by).__name__
    LOGGER.info("%s: try %d comes in %.1f s", failure, details.retry_num + 1, details.wait_for)


# stamina's own hook would log, as a warning, whatever the failure says.
stamina.instrumentation.set_on_retry_hooks([_repeated])
