"""`auditor.toml` as one frozen value. Relative paths are relative to the file; secrets are references, never values."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic

from auditor.errors import SettingsError
from auditor.model import Side
from auditor.settings.problems import Duration, Strict, read_toml


class Secret:
    """A secret by reference: `env:NAME`, `file:PATH` or `keyring:SERVICE/USER`. Printing it shows the reference."""

    def __init__(self, reference: str, folder: Path | None = None) -> None:
        self.reference = reference
        self._folder = folder or Path()

    def __repr__(self) -> str:
        return f"Secret({self.reference})"

    def reveal(self) -> str:
        """The secret itself. Raises SettingsError, naming the reference only, when there is none."""
        scheme, _, place = self.reference.partition(":")
        if scheme == "env":
            value = os.environ.get(place, "")
            hint = f"set it, for example: export {place}=…"
        elif scheme == "file":
            path = self._folder / place
            try:
                value = path.read_text(encoding="utf-8").strip()
            except OSError:
                value = ""
            hint = f"write the secret into {path} (and make it readable for you alone)"
        else:
            try:
                import keyring  # slow to import, and needed by few
            except ImportError:
                raise SettingsError(
                    f"the secret {self.reference} needs the package keyring, which is not installed",
                    hint="pip install 'profile-auditor[keyring]', or use env:NAME or file:PATH",
                ) from None

            service, _, user = place.partition("/")
            value = keyring.get_password(service, user) or ""
            hint = f"store it: keyring set {service} {user}"
        if not value:
            raise SettingsError(f"the secret {self.reference} is not there or is empty", hint=hint)
        return value


def _secret(value: object, info: pydantic.ValidationInfo) -> Secret:
    return secret(value, (info.context or {}).get("folder") if info.context else None)


def secret(value: object, folder: Path | None = None) -> Secret:
    """The secret behind a reference; a file's path starts at `folder`. Raises ValueError for what is no reference."""
    scheme, _, place = value.partition(":") if isinstance(value, str) else ("", "", "")
    if scheme not in ("env", "file", "keyring") or not place:
        raise ValueError(
            "a secret must not stand in this file: name where it is, as env:NAME, file:PATH or keyring:SERVICE/USER"
        )
    return Secret(str(value), folder)


SecretReference = Annotated[
    Secret,
    pydantic.PlainValidator(_secret, json_schema_input_type=str),
    pydantic.WithJsonSchema({"type": "string", "pattern": "^(env|file|keyring):.+"}),
]


def _secure(url: str) -> str:
    """The address of a server that is spoken to in secret, without a slash at its end."""
    local = url.startswith(("http://127.0.0.1", "http://localhost", "http://[::1]"))
    if not (url.startswith("https://") or local):
        raise ValueError("must start with https:// (http:// is accepted for this machine only)")
    return url.rstrip("/")


class Actito(Strict):
    """How the platform is reached, and how much of the licence's limits the auditor allows itself."""

    url: str = pydantic.Field(json_schema_extra={"pattern": r"^https://|^http://(127\.0\.0\.1|localhost|\[::1\])"})
    api_key: SecretReference
    write_api_key: SecretReference | None = None
    dialect: Literal["v5", "v4", "v5-version-first", "v4-version-first"] = "v5"
    """Generation of the API; `version-first`: in the older addresses, announced to end in June 2025."""
    calls_per_minute: int = pydantic.Field(default=60, ge=1)
    concurrency: int = pydantic.Field(default=3, ge=1)
    bulk_calls_per_day: int = pydantic.Field(default=12, ge=0)
    own_bulk_calls_per_day: int = pydantic.Field(default=6, ge=0)
    bulk_empty: Literal["unknown", "keep", "erase"] = "unknown"
    """What an empty cell of a bulk file does to a filled value on update."""

    @pydantic.field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        return _secure(value)


class Names(Strict):
    """What the two sides are called on screens."""

    platform: str = "Actito"
    truth: str = "CRM"

    def of(self, side: Side) -> str:
        return self.platform if side is Side.PLATFORM else self.truth


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
        return None if value is None else _secure(value)

    @pydantic.model_validator(mode="after")
    def _pair(self) -> S3:
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError("access_key and secret_key go together")
        return self


def _share(value: object) -> float:
    if isinstance(value, str) and value.endswith("%") and value[:-1].replace(".", "", 1).isdigit():
        return float(value[:-1]) / 100
    raise ValueError('a share such as "10%" is expected')


Share = Annotated[float, pydantic.BeforeValidator(_share)]
"""A part of the whole, written as `"10%"`."""


_PART: dict[str, Any] = {
    "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^[0-9]+(\\.[0-9]*)?%$"}]
}
Brake = Annotated[
    tuple[int, float],
    pydantic.BeforeValidator(lambda value: _brake(value)),
    pydantic.WithJsonSchema({"anyOf": [*_PART["anyOf"], {"type": "array", "items": _PART}]}),
]
"""A count and a share of the profiles; the larger of the two is the limit."""


def _brake(value: Any) -> tuple[int, float]:
    parts = value if isinstance(value, list) else [value]
    count, share = 0, 0.0
    for part in parts:
        if isinstance(part, int) and not isinstance(part, bool) and part >= 0:
            count = part
        elif isinstance(part, str) and part.endswith("%") and part[:-1].replace(".", "", 1).isdigit():
            share = float(part[:-1]) / 100
        else:
            raise ValueError('a count such as 500, a share such as "5%", or both in a list are expected')
    return count, share


class Located(Strict):
    """What an input's location may need besides its address; one section for each kind of server."""

    wait: Duration = timedelta(minutes=5)
    """How long a file that is still being written is waited for."""
    shrank: Share = 0.1
    """A side that lost this share of its rows since the last run is told, and stops a plan until it is confirmed."""
    rejected: Brake = (10, 0.01)
    """While no more rows than this (a count, a share; the larger is the limit) cannot be read, the run goes on."""
    member: str | None = None
    """Name or pattern of the file in a ZIP archive that holds several."""
    sftp: Sftp = Sftp()
    ftps: Ftps = Ftps()
    https: Https = Https()
    s3: S3 = S3()


def password_in(location: str) -> bool:
    """Whether an address holds a password between its user and its host."""
    scheme, _, rest = location.partition("://")
    # Of a database all is looked at, for a password may hold any character; on other servers a path may hold these.
    where = rest.partition("/")[0] if scheme.lower() in ("sftp", "ftps", "https", "s3") else rest
    return ":" in where.rpartition("@")[0]


class Database(Strict):
    """How a database lets us in."""

    user: str | None = None
    """Unless the address has it."""
    password: SecretReference | None = None
    ca: NamedFile | None = None
    """A PEM file with the authorities of the server's certificate, which is then checked."""


class Platform(Located):
    """Where the profile export lies."""

    export: str
    max_age: Duration = timedelta(hours=36)


class Truth(Located):
    """Where the source of truth is."""

    from_: str = pydantic.Field(alias="from")
    """Path or pattern, the address of files on a server, or of a database such as postgresql://db.acme.example/crm."""
    table: str | None = None
    """Of a database, as contacts or sales.contacts."""
    query: str | None = None
    """Of a database, instead of a table: a SELECT. Of its columns, those of the contract are read."""
    database: Database = Database()
    separator: str | None = pydantic.Field(default=None, min_length=1, max_length=1)
    """Of a CSV file; None: recognised from the header line, and reported."""
    quote: str | None = pydantic.Field(default=None, min_length=1, max_length=1)
    """What encloses cells of a CSV file; None: the usual one."""
    escape: str | None = pydantic.Field(default=None, min_length=1, max_length=1)
    """What takes its meaning from the next quote, separator or line end, such as a backslash; None: nothing does."""
    encoding: str | None = None
    """Of a CSV file; None: UTF-8, or recognised where only one reading makes sense, and reported."""
    sheet: str | None = None
    """Of an Excel workbook; None: the only one that holds something."""

    @pydantic.field_validator("from_")
    @classmethod
    def _from(cls, value: str) -> str:
        if password_in(value):
            raise ValueError(
                "an address must not hold a password: name where it is, for a database as [truth.database] "
                'password = "env:NAME"'
            )
        return value

    @pydantic.model_validator(mode="after")
    def _one(self) -> Truth:
        if self.query is not None and self.table is not None:
            raise ValueError("table and query exclude each other: name one of them")
        return self

    def beside(self, given: str | None) -> Truth:
        """The same for a location that is given instead of `from`: what is read of a database goes with its address."""
        return self if given is None else self.model_copy(update={"table": None, "query": None})


class EngineSettings(Strict):
    name: Literal["duckdb"] = "duckdb"
    memory_limit: str = pydantic.Field(default="4GB", pattern=r"^\d+(\.\d+)?\s?([KMGT]i?B)$")

    @pydantic.model_validator(mode="before")
    @classmethod
    def _runs_here(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("name") == "spark":
            raise ValueError(
                "audits run on DuckDB so far: what they validate, remember and plan is on this machine "
                "(auditor compare --engine spark compares on a cluster)"
            )
        return given


class Brakes(Strict):
    """Per kind of write: beyond this a plan stops until its exact count is confirmed."""

    update: Brake = (500, 0.05)
    create: Brake = (100, 0.01)
    unsubscribe: Brake = (100, 0.01)
    subscribe: Brake = (0, 0.0)
    clear: Brake = (0, 0.0)
    delete: Brake = (0, 0.0)


class Fixes(Strict):
    """What plans may do and how writes travel."""

    route: Literal["auto", "bulk", "single"] = "auto"
    realtime: list[str] = []
    bulk_min_rows: int = pydantic.Field(default=1000, ge=1)
    max_age: Duration = timedelta(hours=24)
    permission_max_age: Duration = timedelta(hours=1)
    without_base: Literal["ask", "moments"] = "ask"
    only_on_platform: Literal["list", "delete"] = "list"
    brakes: Brakes = Brakes()


class ReportSettings(Strict):
    privacy: Literal["masked", "aggregate", "full"] = "masked"
    lang: Literal["auto", "en"] = "auto"


class Notify(Strict):
    urls: list[SecretReference] = []
    on: Literal["always", "change", "findings", "failure"] = "change"

    @pydantic.field_validator("urls")
    @classmethod
    def _urls(cls, value: list[Secret]) -> list[Secret]:
        if value:
            raise ValueError("notices are not sent yet: act on the exit code of `auditor run` instead")
        return value


class Retain(Strict):
    snapshots: Duration = timedelta(days=14)
    runs: Duration = timedelta(days=400)


class State(Strict):
    dir: str = "state"
    retain: Retain = Retain()


class Settings(Strict):
    """The whole of `auditor.toml`."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    entity: str
    table: str
    actito: Actito
    names: Names = Names()
    platform: Platform
    truth: Truth
    engine: EngineSettings = EngineSettings()
    fixes: Fixes = Fixes()
    report: ReportSettings = ReportSettings()
    notify: Notify = Notify()
    state: State = State()

    _folder: Path = pydantic.PrivateAttr(default=Path())

    def rejected(self, side: Side) -> tuple[int, float]:
        """Count and share of a side's rows that may be unreadable; the larger is the limit."""
        return (self.platform if side is Side.PLATFORM else self.truth).rejected

    @property
    def shrank(self) -> Mapping[Side, float]:
        """The share of its rows that each side may not lose unnoticed."""
        return {Side.PLATFORM: self.platform.shrank, Side.TRUTH: self.truth.shrank}

    @property
    def folder(self) -> Path:
        """The folder of the settings file; every relative path starts here."""
        return self._folder

    @property
    def table_folder(self) -> Path:
        """`expectations/TABLE`: the contract and the suite."""
        return self._folder / "expectations" / self.table

    @property
    def runs_folder(self) -> Path:
        return self._folder / "runs"

    @property
    def state_folder(self) -> Path:
        return self._folder / self.state.dir


def read_settings(path: Path, *, text: str | None = None) -> Settings:
    """Read and check the settings file, or the `text` that is about to be written there. Raises SettingsError with
    every problem in it."""
    folder = path.resolve().parent
    settings = read_toml(path, Settings, what="settings file", context={"folder": folder}, text=text)
    settings._folder = folder
    return settings


def describe(settings: Settings) -> Mapping[str, Any]:
    """The settings as plain values for run.json; secrets appear as their references."""
    plain: dict[str, Any] = settings.model_dump(mode="json", by_alias=True, fallback=repr)
    return plain
