"""Keeps a licence in a folder (SQLite), so that a sandbox goes on where it stopped. Only what changed is written."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from auditor.errors import SettingsError, TryLater
from auditor.files.whole import write_whole
from auditor.sandbox.clock import Clock
from auditor.sandbox.state import Profile, State
from auditor.sandbox.structure import restored

API_KEY: Final = "sandbox-key"

_FORMAT = 2
_TABLES = """
create table if not exists meta (name text primary key, body text not null);
create table if not exists profiles (id integer primary key, body text not null);
create table if not exists other_profiles
    (place text, id integer, body text not null, primary key (place, id));
create table if not exists crm (id integer primary key, body text not null);
create table if not exists executions
    (id integer primary key, body text not null, input blob, errors blob, result blob);
"""


class Storage:
    """The folder of one sandbox: `licence.sqlite` and `api-key` (readable for its owner alone)."""

    def __init__(self, folder: Path) -> None:
        """Raises SettingsError or TryLater when the folder cannot be used."""
        self.folder = folder
        self._file = folder / "licence.sqlite"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(folder / "api-key", API_KEY + "\n")
        except OSError as error:
            raise SettingsError(f"the sandbox cannot use the folder {folder}: {error.strerror}") from None
        with self._connect() as connection:
            connection.executescript(_TABLES)

    def load(self) -> State | None:
        """The stored licence; None where the folder has none yet."""
        with self._connect() as connection:
            meta = {name: json.loads(body) for name, body in connection.execute("select name, body from meta")}
            if not meta:
                return None
            if meta["format"] != _FORMAT:
                raise SettingsError(f"{self._file} is of another version", hint="remove the folder and start again")
            clock = Clock(timedelta(seconds=meta["offset"]))
            state = State(seed=meta["seed"], people=meta["people"], clock=clock, facts=meta["facts"])
            state.definitions = meta["definitions"]
            structure, *others = (restored(body) for body in meta["tables"])
            state.restructure(structure)
            for table in others:
                state.open(table)
            for place, number, body in connection.execute("select place, id, body from other_profiles order by id"):
                state.others[place].restore(Profile(number, json.loads(body)))
            for number, body in connection.execute("select id, body from profiles order by id"):
                state.restore(Profile(number, json.loads(body)))
            for number, body in connection.execute("select id, body from crm order by id"):
                state.crm_restore(number, json.loads(body))
        return state

    def save(self, state: State) -> None:
        """Write what changed since the last time, in one transaction."""
        meta = {
            "format": _FORMAT,
            "offset": state.clock.offset.total_seconds(),
            "seed": state.seed,
            "people": state.people,
            "facts": state.facts,
            "definitions": state.definitions,
            "tables": [asdict(held.table) for held in state.tables()],
        }
        profiles = {number: profile.values for number, profile in state.profiles.items()}
        with self._connect() as connection, connection:
            connection.executemany(
                "insert or replace into meta values (?, ?)", [(name, _json(value)) for name, value in meta.items()]
            )
            for table, dirty, content in (
                ("profiles", state.dirty_profiles, profiles),
                ("crm", state.dirty_crm, state.crm),
            ):
                _replace(connection, table, dirty, content)
            for place, held in state.others.items():
                rows = [(place, number, held.profiles.get(number)) for number in sorted(held.dirty_profiles)]
                connection.executemany("delete from other_profiles where place = ? and id = ?", [r[:2] for r in rows])
                connection.executemany(
                    "insert into other_profiles values (?, ?, ?)",
                    ((place, number, _json(profile.values)) for place, number, profile in rows if profile),
                )
                held.dirty_profiles.clear()
        state.dirty_profiles.clear()
        state.dirty_crm.clear()

    def clear(self) -> None:
        """Forget the licence and its imports, for another one to be saved."""
        with self._connect() as connection, connection:
            for table in ("meta", "profiles", "other_profiles", "crm", "executions"):
                connection.execute(f"delete from {table}")

    def save_execution(
        self, number: int, body: dict[str, Any], content: bytes | None, errors: bytes | None, result: bytes | None
    ) -> None:
        with self._connect() as connection, connection:
            connection.execute(
                "insert or replace into executions values (?, ?, ?, ?, ?)",
                (number, _json(body), content, errors, result),
            )

    def load_executions(self) -> list[tuple[int, dict[str, Any], bytes | None, bytes | None, bytes | None]]:
        """Number, body, input file (while it still waits), refused rows, result file; oldest first."""
        with self._connect() as connection:
            rows = connection.execute("select id, body, input, errors, result from executions order by id").fetchall()
        return [(number, json.loads(body), *files) for number, body, *files in rows]

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._file)) as connection:
                connection.execute("pragma synchronous = normal")
                yield connection
        except sqlite3.DatabaseError as error:
            raise TryLater(f"the sandbox cannot use {self._file}: {error}") from None


def _replace(
    connection: sqlite3.Connection, table: str, dirty: Iterable[int], content: dict[int, dict[str, str]]
) -> None:
    numbers = sorted(dirty)
    connection.executemany(f"delete from {table} where id = ?", [(number,) for number in numbers])
    connection.executemany(
        f"insert into {table} values (?, ?)",
        ((number, _json(content[number])) for number in numbers if number in content),
    )


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
