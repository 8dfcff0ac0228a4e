"""What the checks look at: each thing is asked for or read once, whoever needs it, and released at the end."""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Generic, TypeVar

import ibis

from auditor.actito import Connection, Reader
from auditor.commands.run_activities import pull_activities, understand
from auditor.commands.session import connect_with, open_engine
from auditor.engine.protocol import count
from auditor.errors import AuditorError
from auditor.findings.codes import NotChecked
from auditor.load import Landed, column_names, form_of, land, work_out
from auditor.match import fallback
from auditor.match.keys import find_keys_of_a_contract
from auditor.match.sides import wanted_columns
from auditor.model import Side, Structure
from auditor.pull import Means, Pulled, pull_file
from auditor.settings.config import Settings
from auditor.settings.contract import Contract
from auditor.settings.contract_file import read_contract
from auditor.settings.secrets import Secret
from auditor.state.ledger import FILE, Ledger

T = TypeVar("T")


class State(StrEnum):
    """How something stands."""

    OK = "ok"
    WARNING = "warning"
    """A run works, but not as well as it could, or not for long."""
    TROUBLE = "trouble"
    """A run fails, or its result is worth nothing."""
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. Sentences for people; no values of profiles, no secrets."""

    state: State
    reason: str
    repair: str = ""
    """What to do about it; empty where nothing is wrong."""


class Lacking(Exception):  # no error: a reason why something could not be looked at
    """What a check needs is not there; another check says why."""


class Once(Generic[T]):
    """Something that is looked for once: what was found, or why not."""

    def __init__(self, name: str, find: Callable[[], T]) -> None:
        self._name, self._find = name, find
        self._found: T | None = None
        self._error: AuditorError | Lacking | None = None
        self._done = False

    def get(self) -> T:
        """What was found. Raises AuditorError, again and again, where it was not; Lacking where it could not be."""
        if not self._done:
            try:
                self._found = self._find()
            except (AuditorError, Lacking) as error:
                self._error = error
            self._done = True
        if self._error is not None:
            raise self._error
        return self._found  # type: ignore[return-value] # T may be None itself

    def need(self) -> T:
        """The same for whoever is not the one to tell: raises Lacking."""
        try:
            return self.get()
        except AuditorError:
            raise Lacking(self._name) from None


@dataclass(frozen=True, slots=True)
class Input:
    """One side, landed in a scratch folder."""

    pulled: Pulled
    missing: tuple[str, ...]
    """Columns that the contract names and the file has not."""
    landed: Landed | None
    """None where columns are missing."""
    no_key: int
    """Rows; 0 too where nothing was landed."""
    repeated: int
    """Keys that stand on several rows."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the files of activities say."""

    not_checked: tuple[NotChecked, ...]
    number: int
    """Of activities that were understood."""


class Subject:
    """Everything that a run of these settings would touch. Close it at the end."""

    def __init__(self, settings: Settings, now: datetime, *, find_host: bool = False) -> None:
        self.settings, self.now, self.find_host = settings, now, find_host
        self._stack = ExitStack()
        self.connection = Once("the platform", self._connection)
        self.entities = Once("a key that is accepted", lambda: Reader(self.connection.need()).entities())
        self.structure = Once("the table structure", self._structure)
        self.draft = Once("the contract", lambda: read_contract(self.contract_file, None))
        self.contract = Once("a contract that fits", self._contract)
        self.platform = Once("an export that can be read", lambda: self._input(Side.PLATFORM))
        self.ledger = Once("a ledger that can be read", self._ledger)
        self.truth = Once("a truth that can be read", lambda: self._input(Side.TRUTH))
        self.activities = Once("activities that can be read", self._activities)

    def close(self) -> None:
        self._stack.close()

    @property
    def contract_file(self) -> Path:
        return self.settings.table_folder / "contract.toml"

    @cached_property
    def scratch(self) -> Path:
        return Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="auditor-doctor-")))

    @cached_property
    def busy(self) -> bool:
        """Whether another auditor holds the lock of the state folder."""
        path = self.settings.state_folder / "lock"
        if not path.exists():
            return False
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def _ledger(self) -> Ledger | None:
        """The ledger, for reading alone; None where there is none yet."""
        if self.busy:
            raise Lacking("a ledger at rest")
        if not (self.settings.state_folder / FILE).exists():
            return None
        return self._stack.enter_context(Ledger(self.settings.state_folder, reading=True))

    def connect(self, key: Secret) -> Connection:
        """Within the limits that all processes with this state folder share."""
        return self._stack.enter_context(connect_with(self.settings, key))

    def _connection(self) -> Connection:
        return self.connect(self.settings.actito.api_key)

    def _structure(self) -> Structure:
        self.entities.need()
        return Reader(self.connection.need()).structure(self.settings.table)

    def _contract(self) -> Contract:
        self.draft.need()
        return read_contract(self.contract_file, self.structure.need())

    def _activities(self) -> Said:
        contract = self.draft.need()
        folder = self.scratch / "activities"
        folder.mkdir()
        pulls = pull_activities(self.settings, contract, folder, self.now, keep=False, tell=lambda _: None)
        engine = open_engine(self.settings, folder / "spill", [folder, *pulls.folders])
        self._stack.callback(engine.close)
        said = understand(engine, pulls, contract, self.settings, folder, self.now)
        if said is None:
            return Said((), 0)
        return Said((*said.not_checked, *pulls.quiet), count(engine, said.rows))

    def _input(self, side: Side) -> Input:
        contract = self.draft.need()
        settings = self.settings
        folder = self.scratch / side.value
        folder.mkdir()
        pulled = pull_file(
            side,
            settings.platform.export if side is Side.PLATFORM else settings.truth.from_,
            folder=folder,
            max_age=settings.platform.max_age if side is Side.PLATFORM else None,
            now=self.now,
            timezone=contract.timezone,
            base=settings.folder,
            hashed=False,
            means=Means(
                settings.platform if side is Side.PLATFORM else settings.truth,
                self.scratch / "pulled",
                settings.state.retain.snapshots,
                wanted=lambda there: [name for name in wanted_columns(contract, side, there) if name in there],
                rights=True,
            ),
        )
        form = form_of(side, settings, contract)
        engine = open_engine(settings, folder / "spill", [folder, pulled.path.parent])
        self._stack.callback(engine.close)
        header = column_names(engine, pulled.path, form)
        columns = wanted_columns(contract, side, header)
        missing = tuple(name for name in columns if name not in header)
        if missing:
            return Input(pulled, missing, None, 0, 0)
        target = folder / "landed.parquet"
        landed = land(
            engine,
            side,
            pulled.path,
            target,
            columns=columns,
            form=form,
            most_rejected=settings.rejected(side),
        )
        work_out(engine, contract, landed, header)
        keys = find_keys_of_a_contract(engine, contract, side, engine.view(landed.path, f"{side.value}_raw"))
        keys = keys.filter(keys.included)
        first = ibis.coalesce(keys.key, *(keys[fallback.FORM + name] for name in fallback.names(keys)))
        per_key = keys.group_by(own=first).agg(n=keys.count())
        lacking, several = per_key.own.isnull(), per_key.own.notnull() & (per_key.n > 1)
        [(no_key, repeated)] = engine.rows(
            per_key.agg(no_key=per_key.n.sum(where=lacking).fill_null(0), repeated=per_key.count(where=several))
        )
        return Input(pulled, (), landed, int(no_key), int(repeated))
