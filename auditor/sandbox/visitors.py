"""Who may call: programs on this machine, and no page that a browser on it happens to show."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit


def unwelcome(headers: Mapping[str, str]) -> str | None:
    """Why a call is refused before anything is looked at; None where it is welcome. Names are in lower case.

    A foreign `Host` comes with a name that somebody has made to lead here, a foreign `Origin` from another site's page.
    """
    if not _is_here(urlsplit(f"//{headers.get('host', '')}").hostname):
        return "the sandbox answers under localhost and this machine's loopback addresses alone"
    origin = headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc.lower() != headers["host"].lower()
    if foreign or headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        return "the sandbox answers no page of another site"
    return None


def _is_here(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
