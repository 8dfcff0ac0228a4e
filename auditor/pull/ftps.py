"""FTP over TLS as an fsspec file system whose certificates are checked.

fsspec's own class takes Python's default for FTP, which trusts every certificate, and reads a file block by block, with
a new connection for each.
"""

from __future__ import annotations

import contextlib
import ftplib
import socket
import ssl
from datetime import UTC, datetime
from typing import Any

from fsspec.implementations.ftp import FTPFileSystem

TIMEOUT = 30.0
"""Seconds of silence after which a connection is given up."""


class FtpsFiles(FTPFileSystem):  # type: ignore[misc]  # fsspec has no types
    """The files of one server. Entries have their `mtime`, in UTC, where the server tells it."""

    protocol = "ftps"

    def __init__(
        self, host: str, port: int, user: str, password: str, *, context: ssl.SSLContext, implicit: bool
    ) -> None:
        self._context, self._implicit = context, implicit
        super().__init__(
            host, port, user, password, timeout=TIMEOUT, skip_instance_cache=True, use_listings_cache=False
        )

    def _connect(self) -> None:
        self.ftp = (_Implicit if self._implicit else _Explicit)(
            timeout=TIMEOUT, encoding="utf-8", context=self._context
        )
        try:
            self.ftp.connect(self.host, self.port)
            self.ftp.login(*self.cred)
            self.ftp.prot_p()
        except BaseException:
            self.ftp.close()
            raise

    def ls(self, path: str, detail: bool = True, **options: Any) -> list[Any]:
        entries = super().ls(path, detail=True, **options)
        for entry in entries:
            entry["mtime"] = self._moment(entry)
        return entries if detail else sorted(entry["name"] for entry in entries)

    def _moment(self, entry: dict[str, Any]) -> datetime | None:
        written = str(entry.get("modify", ""))
        if not written[:14].isdigit():  # a listing for people, from a server without MLSD
            try:
                written = self.ftp.sendcmd(f"MDTM {entry['name']}").partition(" ")[2]
            except ftplib.error_perm:
                return None
        try:
            return datetime.strptime(written[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        except ValueError:
            return None

    def _open(self, path: str, mode: str = "rb", **options: Any) -> _Stream:
        return _Stream(self.ftp, path)


class _Stream:
    """One file, read from its beginning to its end over one connection."""

    def __init__(self, ftp: ftplib.FTP, path: str) -> None:
        self._ftp = ftp
        ftp.voidcmd("TYPE I")
        self._socket = ftp.transfercmd(f"RETR {path}")
        self._ended = False

    def read(self, size: int) -> bytes:
        data = self._socket.recv(size)
        if not data and not self._ended:
            self._ended = True
            if isinstance(self._socket, ssl.SSLSocket):
                with contextlib.suppress(OSError):  # some servers just hang up; the answer below tells whether all came
                    self._socket.unwrap()
            self._ftp.voidresp()  # "226 complete", or what went wrong
        return data

    def __enter__(self) -> _Stream:
        return self

    def __exit__(self, *exception: object) -> None:
        self._socket.close()
        if not self._ended:
            self._ftp.close()  # in the middle of a transfer: the server's answers are out of step


class _Explicit(ftplib.FTP_TLS):
    """TLS begins with AUTH, before anybody logs in."""

    sock: socket.socket

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        """A data connection that continues the TLS session, without which many servers refuse it."""
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)  # noqa: S321 - it is wrapped in TLS in the next line
        session = self.sock.session if isinstance(self.sock, ssl.SSLSocket) else None
        return self.context.wrap_socket(connection, server_hostname=self.host, session=session), size


class _Implicit(_Explicit):
    """TLS begins with the connection."""

    def connect(self, host: str = "", port: int = 0, timeout: float = -999, source_address: Any = None) -> str:
        self.host, self.port = host, port
        plain = socket.create_connection((host, port), TIMEOUT)
        self.af = plain.family
        try:
            self.sock = self.context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
        return self.welcome
