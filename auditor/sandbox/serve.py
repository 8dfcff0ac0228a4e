"""Listens on loopback until the process is told to end. Saying where, once it listens, is all that it prints."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal
import socket
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

import uvicorn

from auditor.errors import SettingsError, TryLater
from auditor.sandbox.app import make_app, open_licence
from auditor.sandbox.dialect import off_by, varied
from auditor.sandbox.faults import Faults, parse
from auditor.sandbox.limits import limits_named
from auditor.sandbox.network import Protocol


def serve(
    host: str = "127.0.0.1",
    port: int = 8700,
    directory: Path = Path("sandbox"),
    profiles: int = 10_000,
    seed: int = 1,
    limits: str = "standard",
    faults: Iterable[str] = (),
    forms: int | None = None,
    with_v4: bool = False,
    now: datetime | None = None,
) -> None:
    """Serve the licence kept in `directory` (made anew with `profiles` and `seed` where there is none).

    `faults` are `NAME` or `NAME=RATE`, drawn from `seed`; `forms` is the seed of everything that nobody has seen,
    `now` what the clock of a new licence says (with zone; None: as this machine's). V4's calls about profiles are
    answered as switched off, in a way drawn from `seed`, unless `with_v4`.

    Prints `sandbox ready on http://HOST:PORT` when it listens; port 0 picks a free one. Returns, with the state saved,
    after SIGTERM or SIGINT.

    Raises SettingsError for a host that is not loopback, unknown limits or faults, or an unusable folder; TryLater for
    a port that is in use.
    """
    if not _is_loopback(host):
        raise SettingsError(f"the sandbox listens on this machine only, not on {host}", hint="use 127.0.0.1")
    chosen = limits_named(limits)
    cruel = Faults(seed, parse(faults))
    listener = _listen(host, port)
    with contextlib.closing(listener):
        dialect = varied(forms, with_v4=with_v4, off=off_by(seed))
        app = make_app(open_licence(directory, profiles, seed, now), chosen, dialect, cruel)
        config = uvicorn.Config(
            app, http=Protocol, log_level="warning", access_log=False, timeout_graceful_shutdown=5, lifespan="on"
        )
        asyncio.run(_serve(_Server(config), listener))


class _Server(uvicorn.Server):
    """Ends the process with success after a signal; uvicorn would raise the signal a second time."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve(server: _Server, listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, setattr, server, "should_exit", True)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    if server.started:
        host, port = listener.getsockname()[:2]
        sys.stdout.write(f"sandbox ready on http://{f'[{host}]' if ':' in host else host}:{port}\n")
        sys.stdout.flush()
    await serving


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise TryLater(
            f"the sandbox cannot listen on {host}:{port}: {error.strerror}", hint="choose another --port, or 0"
        ) from None
    return listener


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
