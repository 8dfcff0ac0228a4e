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
from auditor.problems import Duration, Strict, read_toml

DEFAULT_FILE = "auditor.toml"


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
    folder = (info.context or {}).get("folder") if info.context else None
    scheme, _, place = value.partition(":") if isinstance(value, str) else ("", "", "")
    if scheme not in ("env", "file", "keyring") or not place:
        raise ValueError(
            "a secret must not stand in this file: name where it is, as env:NAME, file:PATH or keyring:SERVICE/USER"
        )
    return Secret(str(value), folder)


SecretReference = Annotated[Secret, pydantic.PlainValidator(_secret)]


class Actito(Strict):
    """How the platform is reached, and how much of the licence's limits the auditor allows itself."""

    url: str
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
        secure = value.startswith("https://")
        local = value.startswith(("http://127.0.0.1", "http://localhost", "http://[::1]"))
        if not (secure or local):
            raise ValueError("must start with https:// (http:// is accepted for this machine only)")
        return value.rstrip("/")


class Names(Strict):
    """What the two sides are called on screens."""

    platform: str = "Actito"
    truth: str = "CRM"

    def of(self, side: Side) -> str:
        return self.platform if side is Side.PLATFORM else self.truth


class Platform(Strict):
    """Where the profile export lies."""

    export: str
    max_age: Duration = timedelta(hours=36)


class Truth(Strict):
    """Where the source of truth is."""

    from_: str = pydantic.Field(alias="from")
    query: str | None = None
    separator: str | None = pydantic.Field(default=None, min_length=1, max_length=1)
    """Of a CSV file; None: recognised from the header line, and reported."""
    encoding: str = "utf-8"

    @pydantic.field_validator("query")
    @classmethod
    def _query(cls, value: str | None) -> str | None:
        if value is not None:
            raise ValueError("databases cannot be read yet: export a CSV or Parquet file and name it in `from`")
        return value


class EngineSettings(Strict):
    name: Literal["duckdb"] = "duckdb"
    memory_limit: str = pydantic.Field(default="4GB", pattern=r"^\d+(\.\d+)?\s?([KMGT]i?B)$")


Brake = Annotated[tuple[int, float], pydantic.BeforeValidator(lambda value: _brake(value))]
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


def read_settings(path: Path) -> Settings:
    """Read and check the settings file. Raises SettingsError with every problem in it."""
    folder = path.resolve().parent
    settings = read_toml(path, Settings, what="settings file", context={"folder": folder})
    settings._folder = folder
    return settings


def describe(settings: Settings) -> Mapping[str, Any]:
    """The settings as plain values for run.json; secrets appear as their references."""
    plain: dict[str, Any] = settings.model_dump(mode="json", by_alias=True, fallback=repr)
    return plain
