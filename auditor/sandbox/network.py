"""The connections that are open, so that one can be dropped in the middle of a call: no answer, a closed socket."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

Address = tuple[str, int]

_OPEN: Final[dict[Address, asyncio.Transport]] = {}


class Protocol(H11Protocol):
    """uvicorn's own, known by the client's address."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        _OPEN[_peer(transport)] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        _OPEN.pop(_peer(self.transport), None)
        super().connection_lost(exc)


def drop(client: Any) -> None:
    """Close the connection of this client (`scope["client"]`) at once; bytes that have left are not called back."""
    transport = _OPEN.get((client[0], client[1]))
    if transport is not None:
        transport.close()


def _peer(transport: asyncio.Transport) -> Address:
    address = transport.get_extra_info("peername") or ("", 0)
    return address[0], address[1]
