"""`auditor.toml` as one frozen value. Relative paths are relative to the file; secrets are references, never values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pydantic

from auditor.model import Side
from auditor.settings.inputs import Brake, Exports, Platform, Truth
from auditor.settings.problems import Duration, Strict, read_toml
from auditor.settings.secrets import Secret, SecretReference
from auditor.settings.servers import THIS_MACHINE, secure_address


class Actito(Strict):
    """How the platform is reached, and how much of the licence's limits the auditor allows itself."""

    url: str = pydantic.Field(json_schema_extra={"pattern": f"^https://[^@]+$|{THIS_MACHINE}"})
    api_key: SecretReference
    write_api_key: SecretReference | None = None
    dialect: Literal["v5", "v4"] = "v5"
    """Generation of the API. V4's calls about profiles were announced to end by March 2026: for licences that still
    need them."""
    calls_per_minute: int = pydantic.Field(default=60, ge=1)
    concurrency: int = pydantic.Field(default=3, ge=1)
    bulk_calls_per_day: int = pydantic.Field(default=12, ge=0)
    """Of the licence, per table, by everybody who imports: 12 was the older figure and is the careful one; since
    February 2026 triggered and one-shot imports may run 24 times a day."""
    own_bulk_calls_per_day: int = pydantic.Field(default=6, ge=0)
    bulk_empty: Literal["unknown", "keep", "erase"] = "unknown"
    """Without effect, and still taken: no file that changes profiles has an empty cell any more."""

    @pydantic.field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        return secure_address(value)


class Names(Strict):
    """What the two sides are called on screens."""

    platform: str = "Actito"
    truth: str = "CRM"

    def of(self, side: Side) -> str:
        return self.platform if side is Side.PLATFORM else self.truth


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
    visible_after: Duration = timedelta(minutes=1)
    without_base: Literal["ask", "moments"] = "ask"
    refused_for: Duration = timedelta(days=90)
    """How long a write that somebody refused in a review is not proposed again."""
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
    exports: Exports = Exports()
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
    def decisions_folder(self) -> Path:
        """The inbox of decisions."""
        return self._folder / "decisions"

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
