"""The files of a server, through fsspec: what an address names there, and how one file comes over.

    sftp:    sshfs (asyncssh), an extra; host keys are checked      https:  auditor.pull.https
    ftps:    auditor.pull.ftps                                      s3:     Arrow's own client

Whatever goes wrong becomes an error that names the server, never what was sent to it.
"""

from __future__ import annotations

import contextlib
import fnmatch
import ftplib
import re
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, tzinfo
from glob import has_magic
from pathlib import Path
from typing import Any

from auditor.errors import AuditorError, InputUnusable, SettingsError, TryLater
from auditor.files.disk import FULL, megabytes
from auditor.files.given import printable
from auditor.pull.archives import LARGEST_UNPACKED
from auditor.pull.locations import Absent, Address, Listing, listing, nothing
from auditor.pull.moments import Found, found
from auditor.settings.inputs import Located
from auditor.settings.secrets import Secret
from auditor.settings.servers import S3, Ftps, Https, Sftp

PATIENCE = 30
"""Seconds until a server that does not answer counts as absent."""

_CHUNK = 4 * 2**20
_DENIED = re.compile(r"ACCESS_DENIED|HTTP status 403|INVALID_ACCESS_KEY|SIGNATURE_DOES_NOT_MATCH|INVALID_CLIENT_TOKEN")
_ABSENT = re.compile(r"NO_SUCH_BUCKET|NO_SUCH_KEY|RESOURCE_NOT_FOUND|HTTP status 404")
_UNTRUSTED = re.compile(r"curlCode: (51|60)\b|SSL peer certificate")

Moved = Callable[[int, int | None], None]
"""Called with the bytes that have come, and those in all where they are known."""


class Server:
    """One server, connected to, and what an address names on it."""

    def __init__(self, address: Address, files: Any, timezone: tzinfo, close: Callable[[], object]) -> None:
        self._address, self._files, self._timezone = address, files, timezone
        self.close = close

    def listing(self) -> Listing:
        """What the address names now."""
        with _told(self._address):
            there = [self._found(entry) for entry in self._matching() if entry["type"] == "file"]
            return listing(there) if there else Listing(None, absent=self._nothing())

    def look(self, place: str) -> Found | None:
        """One file as it is now; None: it is gone."""
        with _told(self._address):
            try:
                return self._found(self._info(place))
            except FileNotFoundError:
                return None

    def fetch(self, file: Found, target: Path, moved: Moved) -> None:
        """Copy a file to `target`, which exists. Raises TryLater where it does not come whole."""
        size = 0
        with _told(self._address), self._open(file.place) as stream, target.open("wb") as out:
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                if size > LARGEST_UNPACKED:
                    raise InputUnusable(f"{printable(file.name)} is larger than {megabytes(LARGEST_UNPACKED)}")
                out.write(chunk)
                moved(size, file.bytes)
        if file.bytes is not None and size != file.bytes:
            raise TryLater(
                f"{printable(file.name)} of {self._address.server} came with {size:,} of {file.bytes:,} bytes",
                hint="run again when the upload is complete",
            )

    def _open(self, place: str) -> Any:
        options = {"seekable": False} if self._address.scheme == "s3" else {}
        return self._files.open(place, "rb", **options)

    def _info(self, place: str) -> dict[str, Any]:
        return {**self._files.info(place), "place": place}

    def _found(self, entry: dict[str, Any]) -> Found:
        written = entry.get("mtime")
        return found(
            entry["place"],
            entry["size"],
            written.astimezone(UTC) if written else None,
            self._timezone,
            version=entry.get("version", ""),
            name=entry["name"].rstrip("/").rpartition("/")[2],
        )

    def _matching(self) -> list[dict[str, Any]]:
        place = _place(self._address)
        if self._address.scheme == "https" or not has_magic(place):
            try:
                return [self._info(place)]
            except FileNotFoundError:
                return []
        beginning = self._address.host if self._address.scheme == "s3" else "/" if place.startswith("/") else ""
        return list(self._expand(beginning, place.removeprefix(beginning).strip("/").split("/")))

    def _expand(self, folder: str, parts: list[str]) -> Iterator[dict[str, Any]]:
        """fsspec's own patterns pass over what cannot be listed, as if it were not there."""
        wanted, *rest = parts
        if rest and not has_magic(wanted):
            yield from self._expand(_joined(folder, wanted), rest)
            return
        for entry in self._entries(folder):
            name = entry["name"].rstrip("/").rpartition("/")[2]
            if not name or "\n" in name or "\r" in name or (name.startswith(".") and not wanted.startswith(".")):
                continue
            if name != wanted and not fnmatch.fnmatchcase(name, wanted):
                continue
            place = _joined(folder, name)
            if entry["type"] not in ("file", "directory"):  # a link: what it leads to counts
                try:
                    entry = self._files.info(place)
                except FileNotFoundError:
                    continue
            if rest and entry["type"] == "directory":
                yield from self._expand(place, rest)
            elif not rest:
                yield {**entry, "place": place}

    def _entries(self, folder: str) -> list[dict[str, Any]]:
        try:
            entries: list[dict[str, Any]] = self._files.ls(folder or ".", detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return entries

    def _nothing(self) -> Absent:
        folder = _place(self._address).rpartition("/")[0] or "/"
        if self._address.scheme == "https" or has_magic(folder):
            return Absent(
                f"nothing matches {printable(self._address.shown)}",
                hint="check the address, and whether the file was delivered",
            )
        names = [entry["name"].rstrip("/").rpartition("/")[2] for entry in self._entries(folder)]
        return nothing(self._address.shown, f"{folder} of {self._address.server}", names)


@contextlib.contextmanager
def connected(address: Address, access: Located, timezone: tzinfo) -> Iterator[Server]:
    """The server of an address.

    Raises SettingsError where it is not trusted or does not let us in, TryLater where it does not answer.
    """
    with _told(address):
        if address.scheme == "sftp":
            files, close = _sftp(address, access.sftp)
        elif address.scheme == "ftps":
            files, close = _ftps(address, access.ftps)
        elif address.scheme == "https":
            files, close = _https(access.https)
        else:
            files, close = _s3(address, access.s3), lambda: None
    server = Server(address, files, timezone, close)
    try:
        yield server
    finally:
        with contextlib.suppress(Exception):  # nothing is lost with a connection that is at its end
            server.close()


def _joined(folder: str, name: str) -> str:
    return f"{folder}{name}" if folder in ("", "/") else f"{folder}/{name}"


def _place(address: Address) -> str:
    """The path as the server's file system takes it."""
    if address.scheme == "s3":
        return f"{address.host}{address.path}"
    if address.scheme == "https":
        return address.shown
    return address.path[3:] if address.path.startswith("/~/") else address.path


def _sftp(address: Address, access: Sftp) -> tuple[Any, Callable[[], object]]:
    try:
        import asyncssh
        from sshfs import SSHFileSystem
    except ImportError:
        raise SettingsError(
            "sftp: needs the packages sshfs and asyncssh, which are not installed",
            hint="pip install 'profile-auditor[sftp]'",
        ) from None
    trusted = access.known_hosts.expanduser()
    port = address.port or 22
    if not trusted.is_file():
        raise _unknown_host(address, port, trusted)
    options: dict[str, Any] = {"known_hosts": [str(trusted)], "config": None, "port": port}
    if user := access.user or address.user:
        options["username"] = user
    if access.password or access.key:
        options |= {"password": _reveal(access.password), "client_keys": None, "agent_path": None}
    if access.key:
        try:
            options["client_keys"] = [
                asyncssh.import_private_key(access.key.reveal() + "\n", _reveal(access.passphrase))
            ]
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
            raise _bad_key(access.key, encrypted="passphrase" in str(error).lower()) from None
    try:
        files = SSHFileSystem(
            address.host, skip_instance_cache=True, connect_timeout=PATIENCE,
            login_timeout=PATIENCE, keepalive_interval=10, **options,
        )  # fmt: skip
    except asyncssh.HostKeyNotVerifiable:
        keys, authorities, *_ = asyncssh.read_known_hosts([str(trusted)]).match(address.host, "", port)
        if not keys and not authorities:
            raise _unknown_host(address, port, trusted) from None
        raise SettingsError(
            f"the host key of {address.server} is not the one in {trusted}: it was changed, or another machine answers",
            hint="ask whoever runs it; only if the change is theirs, replace the line in that file",
        ) from None
    return files, lambda: files.loop.call_soon_threadsafe(files.client.close)


def _bad_key(key: Secret, *, encrypted: bool) -> SettingsError:
    if encrypted:
        return SettingsError(
            f"the key {key.reference} does not open with the passphrase that is given, or without one",
            hint='name where its passphrase is: passphrase = "env:NAME"',
        )
    return SettingsError(
        f"the secret {key.reference} is no private key",
        hint="an OpenSSH or PEM private key is expected, as ssh-keygen makes it",
    )


def _unknown_host(address: Address, port: int, trusted: Path) -> SettingsError:
    return SettingsError(
        f"the host key of {address.server} is not in {trusted}: nobody vouches for that machine",
        hint=f"ssh-keyscan -p {port} {address.host} >> {trusted}, after comparing the key with what its owner says",
    )


def _ftps(address: Address, access: Ftps) -> tuple[Any, Callable[[], object]]:
    from auditor.pull.ftps import FtpsFiles

    implicit = access.tls == "implicit" or (access.tls is None and address.port == 990)
    port = address.port or (990 if implicit else 21)
    user, password = access.user or address.user or "anonymous", _reveal(access.password) or ""
    files = FtpsFiles(address.host, port, user, password, context=_context(access.ca), implicit=implicit)
    return files, files.ftp.quit


def _https(access: Https) -> tuple[Any, Callable[[], object]]:
    from auditor.pull.https import HttpsFiles

    password = _reveal(access.password)
    auth = (access.user or "", password) if password is not None else None
    files = HttpsFiles(context=_context(access.ca), auth=auth, token=_reveal(access.token))
    return files, files.client.close


def _s3(address: Address, access: S3) -> Any:
    from fsspec.implementations.arrow import ArrowFSWrapper
    from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem, resolve_s3_region

    options: dict[str, Any] = {
        "access_key": _reveal(access.access_key),
        "secret_key": _reveal(access.secret_key),
        "session_token": _reveal(access.session_token),
    }
    if access.endpoint:
        scheme, _, host = access.endpoint.partition("://")
        options |= {"endpoint_override": host, "scheme": scheme}
    region = access.region or ("us-east-1" if access.endpoint else resolve_s3_region(address.host))
    if access.ca:
        options["tls_ca_file_path"] = str(_ca(access.ca))
    return ArrowFSWrapper(
        S3FileSystem(
            **options, region=region, anonymous=access.anonymous, connect_timeout=PATIENCE, request_timeout=PATIENCE,
            retry_strategy=AwsStandardS3RetryStrategy(max_attempts=3),
        ),
        skip_instance_cache=True,
    )  # fmt: skip


def _reveal(secret: Secret | None) -> str | None:
    return None if secret is None else secret.reveal()


def _ca(file: Path) -> Path:
    if not file.is_file():
        raise SettingsError(f"there is no file {file} with certificates", hint="ca names a PEM file")
    return file


def _context(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if ca is None else str(_ca(ca)))
    except ssl.SSLError:
        raise SettingsError(f"the file {ca} holds no certificate", hint="ca names a PEM file") from None


@contextlib.contextmanager
def _told(address: Address) -> Iterator[None]:
    """Turns what the libraries below raise about a server into one sentence without anything that was sent."""
    try:
        yield
    except AuditorError:
        raise
    except Exception as error:
        told = _sentence(address, error)
        if told is None:
            raise
        raise told from None  # the libraries' own texts may repeat what was sent


def _sentence(address: Address, error: Exception) -> AuditorError | None:
    """None for what is no failure of the server."""
    library = type(error).__module__.partition(".")[0]
    kinds = (OSError, EOFError, UnicodeError, ftplib.Error)  # UnicodeError: of a host's name
    if not isinstance(error, kinds) and library not in ("asyncssh", "httpx", "fsspec"):
        return None
    if isinstance(error, OSError) and ((error.filename and error.errno) or error.errno in FULL):
        return None  # it is about this machine's disk
    if untrusted := _certificate(error):
        return SettingsError(
            f"the certificate of {address.server} is not trusted: {untrusted}",
            hint=f'if it is your own authority\'s, name its PEM file: [platform.{address.scheme}] ca = "FILE"',
        )
    text, status = str(error), _status(error)
    if (
        isinstance(error, PermissionError)
        or status in (401, 403)
        or _DENIED.search(text)
        or "Permission" in type(error).__name__
    ):
        return SettingsError(
            f"{address.server} does not let us in, or not read {printable(address.path)}",
            hint="check user, password or key, and the right to read and list that folder",
        )
    if (
        isinstance(error, FileNotFoundError)
        or status in (404, 410)
        or (address.scheme == "s3" and _ABSENT.search(text))
    ):
        return TryLater(
            f"nothing matches {printable(address.shown)}", hint="check the address, and whether the file was delivered"
        )
    what = f"answered with {status}" if status else f"cannot be reached or broke off ({type(error).__name__})"
    return TryLater(f"{address.server} {what}", hint="check its name and port, and that it is up; then run again")


def _status(error: Exception) -> int | None:
    """Of an HTTP answer, or what an answer of FTP means in its terms."""
    if isinstance(error, ftplib.error_perm):
        return {"530": 401, "532": 401, "550": 403, "553": 403}.get(str(error)[:3])
    return getattr(getattr(error, "response", None), "status_code", None)


def _certificate(error: BaseException | None) -> str | None:
    """Why a certificate was refused, in OpenSSL's words; None: it is about something else."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        if _UNTRUSTED.search(str(error)):
            return "it is not signed by an authority that this machine knows"
        error = error.__cause__ or error.__context__
    return None
