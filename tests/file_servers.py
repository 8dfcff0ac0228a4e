"""Real servers on loopback that hand out the files of a folder: SFTP, FTP over TLS, HTTPS and S3."""

from __future__ import annotations

import asyncio
import base64
import functools
import http.server
import os
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import aioftp
import asyncssh
import trustme

USER, PASSWORD = "auditor", "corréct horse"
Result = TypeVar("Result")


@dataclass
class FileServer:
    """One server; `put` delivers a file, `access` is its section of the settings."""

    kind: str
    address: str
    """What comes before the name of a file."""
    folder: Path
    access: dict[str, Any]
    reads: Callable[[], int]
    """How many files were asked for so far."""
    put_hook: Callable[[Path], None] | None = None
    served: Any = None
    """The server itself, where a test needs it."""

    def location(self, name: str) -> str:
        return f"{self.address}/{name}"

    def put(self, name: str, content: bytes, modified: datetime) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (modified.timestamp(), modified.timestamp()))
        if self.put_hook is not None:
            self.put_hook(path)


@contextmanager
def event_loop() -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    """A loop in a thread of its own; gives a function that runs a coroutine there and waits for it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="servers", daemon=True)
    thread.start()

    def run(coroutine: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(30)

    try:
        yield run
    finally:
        run(_end_tasks())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


async def _end_tasks() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def closed(listening: asyncssh.SSHAcceptor) -> None:
    """Stop listening."""
    listening.close()
    await listening.wait_closed()


@dataclass
class Sftp:
    """An SFTP server whose host key and clients' key are its own."""

    folder: Path
    reads: int = 0
    breaks_after: int | None = None
    """Bytes after which it cuts the connection, once."""
    host_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    client_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))

    async def start(self) -> asyncssh.SSHAcceptor:
        here = self

        class Login(asyncssh.SSHServer):
            def password_auth_supported(self) -> bool:
                return True

            def validate_password(self, username: str, password: str) -> bool:
                return (username, password) == (USER, PASSWORD)

            def public_key_auth_supported(self) -> bool:
                return True

            def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
                return username == USER and key == here.client_key.convert_to_public()

        class Files(asyncssh.SFTPServer):
            def __init__(self, channel: asyncssh.SSHServerChannel[bytes]) -> None:
                super().__init__(channel, chroot=os.fsencode(here.folder))

            def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
                here.reads += 1
                return super().open(path, pflags, attrs)

            async def read(self, file_obj: object, offset: int, size: int) -> bytes:
                if here.breaks_after is not None and offset >= here.breaks_after:
                    here.breaks_after = None
                    self.channel.get_connection().abort()
                return super().read(file_obj, offset, size)  # type: ignore[return-value]

        return await asyncssh.listen(
            "127.0.0.1", 0, server_host_keys=[self.host_key], server_factory=Login, sftp_factory=Files
        )

    def known_hosts(self, path: Path, port: int, key: asyncssh.SSHKey | None = None) -> Path:
        public = (key or self.host_key).export_public_key().decode()
        path.write_text(f"[127.0.0.1]:{port} {public}")
        return path


class Ftps(aioftp.Server):
    """aioftp speaks TLS from the beginning or not at all: here it learns AUTH as well."""

    def __init__(self, folder: Path, context: ssl.SSLContext, *, implicit: bool) -> None:
        user = aioftp.User(USER, PASSWORD, base_path=folder, home_path="/")
        super().__init__([user], ssl=context if implicit else None)
        self.reads = 0
        self._tls = context
        self.commands_mapping["auth"] = self.auth
        self.commands_mapping["retr"] = self.counted_retr

    async def counted_retr(self, connection: aioftp.Connection, rest: Any) -> bool:
        self.reads += 1
        return await self.retr(connection, rest)

    async def auth(self, connection: aioftp.Connection, rest: Any) -> bool:
        stream = connection.command_connection
        await self.write_response(stream, "234", "go on in TLS")
        await stream.writer.start_tls(self._tls)
        self.ssl = self._tls  # data connections are secret from now on
        return True


class _WebHandler(http.server.SimpleHTTPRequestHandler):
    reads = 0
    wanted = ("Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode(), "Bearer a-token")

    def do_GET(self) -> None:
        type(self).reads += 1
        if self._allowed():
            super().do_GET()

    def do_HEAD(self) -> None:
        if self._allowed():
            super().do_HEAD()

    def _allowed(self) -> bool:
        if self.path.startswith("/elsewhere"):
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:9/x.csv")
            self.end_headers()
            return False
        if self.headers.get("Authorization") not in self.wanted:
            self.send_error(401)
            return False
        return True

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the name is http.server's
        pass


class _WebServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that trust nobody hang up: that is what is tested."""


@contextmanager
def https_server(folder: Path, context: ssl.SSLContext) -> Iterator[tuple[int, type[_WebHandler]]]:
    handler = type("Handler", (_WebHandler,), {})
    server = _WebServer(("127.0.0.1", 0), functools.partial(handler, directory=str(folder)))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1], handler
    finally:
        server.shutdown()
        server.server_close()
        thread.join(30)


@contextmanager
def s3_server() -> Iterator[str]:
    """moto's own server; gives its address."""
    from moto.server import ThreadedMotoServer  # slow to import

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def certificates(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """The context of a server named 127.0.0.1 and localhost, and the file of the authority that vouches for it."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    path = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return context, path
