"""How servers and databases let us in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import pydantic

from auditor.settings.problems import Strict
from auditor.settings.secrets import SecretReference

THIS_MACHINE: Final = r"^http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/.*)?$"
"""The addresses to which a key may go in clear text, as a pattern for editors too."""


def secure_address(url: str) -> str:
    """The address of a server that is spoken to in secret, without a slash at its end.

    It is the host that counts, never how the text begins: `http://localhost@elsewhere` leads elsewhere.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is not the address of a server") from None
    if "@" in parts.netloc:
        raise ValueError("must not name a user: what comes before an @ is not the host")
    if not host or not url.isascii() or re.search(r"[\s\\\x00-\x1f\x7f]", url):
        raise ValueError("is not the address of a server")
    if not (parts.scheme == "https" or re.match(THIS_MACHINE, url)):
        raise ValueError("must start with https:// (http:// is accepted for this machine only)")
    return url.rstrip("/")


def _file(value: object, info: pydantic.ValidationInfo) -> Path:
    if not isinstance(value, str) or not value:
        raise ValueError("the path of a file is expected")
    return ((info.context or {}).get("folder") or Path()) / Path(value).expanduser()


NamedFile = Annotated[Path, pydantic.BeforeValidator(_file)]
"""The path of a file, from the settings file's folder."""


class Sftp(Strict):
    """How an `sftp:` server lets us in. Without password and key: the keys of ~/.ssh and of the user's agent."""

    user: str | None = None
    """Unless the address has it."""
    password: SecretReference | None = None
    key: SecretReference | None = None
    """A private key in OpenSSH or PEM form, for example file:/etc/auditor/id_ed25519."""
    passphrase: SecretReference | None = None
    known_hosts: NamedFile = Path("~/.ssh/known_hosts")
    """The host keys that are trusted, as ssh keeps them; no other server is spoken to."""


class Ftps(Strict):
    """How an `ftps:` server lets us in."""

    user: str | None = None
    password: SecretReference | None = None
    tls: Literal["explicit", "implicit"] | None = None
    """None: implicit on port 990, explicit on every other."""
    ca: NamedFile | None = None
    """A PEM file with the only authorities that are trusted; None: those of the machine."""


class Https(Strict):
    """How an `https:` server lets us in: a user and password, a token, or neither."""

    user: str | None = None
    password: SecretReference | None = None
    token: SecretReference | None = None
    ca: NamedFile | None = None


class S3(Strict):
    """How an S3 store is reached. Without keys: those of the environment, of ~/.aws or of the machine's role."""

    endpoint: str | None = None
    """Of a store that is not Amazon's, for example https://minio.acme.example."""
    region: str | None = None
    access_key: SecretReference | None = None
    secret_key: SecretReference | None = None
    session_token: SecretReference | None = None
    anonymous: bool = False
    ca: NamedFile | None = None

    @pydantic.field_validator("endpoint")
    @classmethod
    def _endpoint(cls, value: str | None) -> str | None:
        return None if value is None else secure_address(value)

    @pydantic.model_validator(mode="after")
    def _pair(self) -> S3:
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError("access_key and secret_key go together")
        return self


class Database(Strict):
    """How a database lets us in."""

    user: str | None = None
    """Unless the address has it."""
    password: SecretReference | None = None
    ca: NamedFile | None = None
    """A PEM file with the authorities of the server's certificate, which is then checked."""


def password_in(location: str) -> bool:
    """Whether an address holds a password between its user and its host."""
    scheme, _, rest = location.partition("://")
    # Of a database all is looked at, for a password may hold any character; on other servers a path may hold these.
    where = rest.partition("/")[0] if scheme.lower() in ("sftp", "ftps", "https", "s3") else rest
    return ":" in where.rpartition("@")[0]
