"""Files on a web server as an fsspec file system that knows when they were written, which fsspec's own does not."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
from fsspec.spec import AbstractFileSystem

from auditor.errors import SettingsError

TIMEOUT = 30.0
"""Seconds of silence after which a connection is given up."""

_CHUNK = 2**20


class HttpsFiles(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Single files by their whole address; nothing can be listed.

    Raises httpx's errors, and SettingsError where the way leads over http:. No password goes along to another server.
    """

    protocol = "https"
    cachable = False

    def __init__(self, *, context: ssl.SSLContext, auth: tuple[str, str] | None, token: str | None) -> None:
        super().__init__()
        headers = {"Accept-Encoding": "identity", **({"Authorization": f"Bearer {token}"} if token else {})}
        self.client = httpx.Client(
            auth=auth,
            headers=headers,
            verify=context,
            timeout=TIMEOUT,
            follow_redirects=True,
            event_hooks={"request": [_only_https]},
        )

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        response = self.client.head(path)
        if response.status_code in (403, 405, 501):  # some servers, and addresses signed for GET, know no HEAD
            with self.client.stream("GET", path) as response:
                pass
        response.raise_for_status()
        headers = response.headers
        length = headers.get("content-length", "")
        return {
            "name": unquote(urlsplit(path).path),
            "type": "file",
            "size": int(length) if length.isdigit() and not headers.get("content-encoding") else None,
            "mtime": _moment(headers.get("last-modified")),
            "version": headers.get("etag", ""),
        }

    def _open(self, path: str, mode: str = "rb", **options: Any) -> _Stream:
        return _Stream(self.client, path)


class _Stream:
    """One file, read from its beginning to its end."""

    def __init__(self, client: httpx.Client, address: str) -> None:
        self._response = client.send(client.build_request("GET", address), stream=True)
        try:
            self._response.raise_for_status()
        except BaseException:
            self._response.close()
            raise
        self._chunks: Iterator[bytes] = self._response.iter_bytes(_CHUNK)

    def read(self, size: int) -> bytes:
        """The next bytes; never more than a megabyte."""
        return next(self._chunks, b"")

    def __enter__(self) -> _Stream:
        return self

    def __exit__(self, *exception: object) -> None:
        self._response.close()


def _only_https(request: httpx.Request) -> None:
    if request.url.scheme != "https":
        raise SettingsError(
            f"we were sent on to {request.url.host} over {request.url.scheme}:, which anybody on the way can read",
            hint="name the https: address of the file itself",
        )


def _moment(written: str | None) -> Any:
    try:
        return parsedate_to_datetime(written).astimezone(UTC) if written else None
    except ValueError:
        return None
