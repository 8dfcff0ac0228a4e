"""A server on loopback that can break off at any byte, for failures that no HTTP server would make on purpose."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

Step = Callable[["Exchange"], None]
"""What becomes of one request."""

TOKEN = b'{"accessToken": "token-9c1d-secret", "expiresIn": "900s"}'


@dataclass(frozen=True)
class Exchange:
    """One request as it came in, and the way back."""

    method: str
    path: str
    headers: str
    body: bytes
    socket: socket.socket
    number: int
    """Of this request on this server, from 1; signing in left out."""
    over: threading.Event
    """Set when the test is over: what waits for nothing waits for this."""

    def answer(
        self, status: int, body: bytes = b"", *headers: str, length: int | None = None, kind: str = "application/json"
    ) -> None:
        """Answer and close; `length` announces another length than the body has."""
        announced = len(body) if length is None else length
        lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {announced}", "Connection: close"]
        self.socket.sendall("\r\n".join([*lines, *headers, "", ""]).encode() + body)


@dataclass
class RawServer:
    """Signs callers in by itself; every other request goes to `step`. A connection carries one request."""

    step: Step
    signing_in: Step | None = None
    early: bool = False
    """Whether `step` comes as soon as the head of a request is there, while its body is still being sent."""
    tls: ssl.SSLContext | None = None
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of what came in, signing in left out."""
    seen: bytes = b""
    """Every byte that came in."""
    connections: int = 0

    def __enter__(self) -> Self:
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.url = f"{'https' if self.tls else 'http'}://{self.host}"
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._socket.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, plain: socket.socket) -> None:
        with plain, contextlib.suppress(OSError):  # the client may hang up whenever it likes
            connection = self.tls.wrap_socket(plain, server_side=True) if self.tls else plain
            with connection:
                exchange = self._read(connection)
                if exchange.path == "/auth/token":
                    (self.signing_in or _sign_in)(exchange)
                else:
                    self.step(exchange)

    def _read(self, connection: socket.socket) -> Exchange:
        raw = b""
        while b"\r\n\r\n" not in raw:
            raw += self._received(connection)
        head, _, body = raw.partition(b"\r\n\r\n")
        request, _, headers = head.decode("latin-1").partition("\r\n")
        lengths = [line.partition(":")[2] for line in headers.splitlines() if line.lower().startswith("content-length")]
        method, path, _ = request.split(" ")
        while len(body) < int(lengths[0] if lengths and not self.early else 0):
            body += self._received(connection)
        with self._lock:
            if path != "/auth/token":
                self.requests.append((method, path))
            number = len(self.requests)
        return Exchange(method, path, headers, body, connection, number, self._over)

    def _received(self, connection: socket.socket) -> bytes:
        part = connection.recv(65536)
        if not part:
            raise ConnectionResetError
        with self._lock:
            self.seen += part
        return part


def _sign_in(exchange: Exchange) -> None:
    exchange.answer(200, TOKEN)


def says(status: int, body: bytes = b"", *headers: str, length: int | None = None) -> Step:
    return lambda exchange: exchange.answer(status, body, *headers, length=length)


def hangs_up(exchange: Exchange) -> None:
    """The connection is reset before an answer begins."""
    exchange.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def waits(exchange: Exchange) -> None:
    """No answer ever."""
    exchange.over.wait()


def in_turn(*steps: Step) -> Step:
    """One for each request of a server, the last one for ever."""
    return lambda exchange: steps[min(exchange.number, len(steps)) - 1](exchange)
