"""Which of Actito's environments a key belongs to.

A licence lives on exactly one of them, a key works there alone, and nothing in the key says where that is: one has to
try (§1.2; D-env for the hosts, G-lep for trying them in turn). Only the key travels, and only to Actito's own hosts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import httpx

from auditor.actito import log
from auditor.actito.auth import TokenAuth

ENVIRONMENTS: Final = {
    "production, environment 0": "https://api.actito.com",
    "production, environment 1": "https://api1.actito.com",
    "production, environment 3": "https://api3.actito.com",
    "pre-production": "https://api-pre1.actito.com",
}
"""Name and url of each. The former test hosts (`apitest.actito.com`, `test.actito.be`) are not among them."""

PATIENCE: Final = 10.0
"""Seconds for each host."""


def environment_of(url: str) -> str | None:
    """The name of the environment at a url; None where it is not one of Actito's."""
    asked = urlsplit(url)
    return next((name for name, own in ENVIRONMENTS.items() if urlsplit(own).netloc == asked.netloc), None)


def accepts(url: str, key: Callable[[], str]) -> bool | None:
    """Whether a host accepts a key. None: it could not be asked, or gave another answer than yes or no.

    One attempt. Raises SettingsError when the key is not there, WrongKey when it is none by its form.
    """
    sign_in = next(TokenAuth(url.rstrip("/"), key, clock=time.monotonic).auth_flow(httpx.Request("GET", url)))
    began = time.monotonic()
    try:
        with httpx.Client(timeout=PATIENCE, follow_redirects=False) as client:
            answer = client.send(sign_in, auth=None)
    except httpx.HTTPError as error:
        log.broke(sign_in, error, time.monotonic() - began)
        return None
    status = answer.status_code
    log.answered(sign_in, status, len(answer.content), time.monotonic() - began)
    return True if status == httpx.codes.OK else False if status in (401, 403) else None


def find(key: Callable[[], str], *, besides: str) -> tuple[str | None, list[str]]:
    """The name of the environment that accepts a key, if one does, and the names of those that could not be asked.

    `besides` is the url that was tried already. Raises as `accepts` does.
    """
    silent: list[str] = []
    for name, url in ENVIRONMENTS.items():
        if name == environment_of(besides):
            continue
        answer = accepts(url, key)
        if answer:
            return name, silent
        if answer is None:
            silent.append(name)
    return None, silent
