"""What is carried from run to run beside the ledger: agreed values, permission history, who was ever on the platform.

One folder per profile table, `state/TABLE/`. `state.json` names the files that count; it is replaced when a completed
run is committed (see `auditor.state.commit`), so a run that stops halfway changes nothing.

    base-RUN.parquet         `anchor` and one column per compared column: the mark of the last agreed value
    seen-RUN.parquet         `key` (canonical) of everybody who was on the platform in any run, `profile_id` that they
                             had, `run` that saw them last
    names-RUN.parquet        `key` (canonical) and `name`, a keyed digest per identifier, of everybody who was off
    activities-RUN.parquet   bounces, complaints, opt-outs in campaigns and messages not sent that any run saw: key,
                             profile_id, channel, activity, reason, moment, and a keyed digest of the address
    permissions-RUN.parquet  the changes that one run saw: run, at, side, key, profile_id, column, value, moment, source
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import duckdb
import ibis
import ibis.expr.types as ir
import pydantic

from auditor.engine.duckdb import DuckDB, literal
from auditor.engine.protocol import count, filled
from auditor.files.rewrite import Rewrite, content
from auditor.findings.codes import Code, Notice
from auditor.match.join import Matched
from auditor.model import Side
from auditor.settings.contract import Contract
from auditor.state.commit import standing
from auditor.state.memory import (
    Learnt,
    Memory,
    agreed_now,
    aliases_of,
    everybody,
    followed,
    joined_history,
    marks_of,
    renamed_keys,
    withdrawn_names,
)

STATE_FORMAT = 1


_LOST: Final = {
    "base": Code.BASE_LOST,
    "permissions": Code.PERMISSIONS_LOST,
    "seen": Code.SEEN_LOST,
    "names": Code.NAMES_LOST,
    "activities": Code.ACTIVITIES_LOST,
}
"""Beginning of a file's name → that it is lost."""


@dataclass(frozen=True, slots=True)
class NewState:
    """What is to count from now on, and nothing refers to yet."""

    rewrite: Rewrite
    """Of `state.json`."""
    written: tuple[Path, ...]
    """The new files that it names."""
    superseded: tuple[Path, ...]
    """The files that it does not name any more."""


class _Entry(pydantic.BaseModel):
    file: str = pydantic.Field(pattern=r"^[^/\\]+$")
    sha256: str


class _State(pydantic.BaseModel):
    """The content of `state.json`, as far as it is read."""

    run: str
    as_of: pydantic.AwareDatetime
    base: _Entry | None = None
    seen: _Entry | None = None
    names: _Entry | None = None
    activities: _Entry | None = None
    columns: dict[str, str] | None = None
    number: str | None = None
    permissions: list[_Entry] = []


class Store:
    """The state folder of one profile table.

    `number` is the table's own id where it is known: a table that was made anew under the same name gives its profiles
    the ids that others had, so what was agreed for those does not hold for these.
    """

    def __init__(self, folder: Path, entity: str, table: str, number: str | None = None) -> None:
        self.folder = folder / table
        self._number = number
        self._who = {"entity": entity, "table": table}

    def load(
        self,
        engine: DuckDB,
        contract: Contract,
        keys: Mapping[Side, ir.Table] | None = None,
        *,
        expected: bool = False,
    ) -> Memory:
        """What earlier runs left; `expected` says that there were some.

        Who is remembered by a fallback key, and has a better key by now, is found under that: `keys` are those of both
        sides as they were matched; None leaves everybody under the key that is stored.
        A file that is damaged, missing or of another table is left aside with a warning, never trusted.
        """
        state, warnings = self._state()
        if expected and not state and not warnings:
            warnings.append(Notice(Code.STATE_DAMAGED, {"file": "state.json"}))
        anew = bool(self._number) and state.get("number", self._number) not in (None, self._number)
        if state.get("base") and anew:
            warnings.append(Notice(Code.TABLE_ANEW))
            state = {**state, "base": None}
        stored = self._table(engine, state.get("base"), warnings)
        seen = self._table(engine, state.get("seen"), warnings)
        if seen is not None:
            # The numbers of another table are other people's; the first files had none.
            number = ibis.null(str) if anew or "profile_id" not in seen.columns else seen.profile_id
            seen = engine.define(seen.select("key", "run", profile_id=number), "seen")
        activities = self._table(engine, state.get("activities"), warnings)
        if activities is not None and anew:
            activities = engine.define(activities.mutate(profile_id=ibis.null(str)), "activities")
        names = self._table(engine, state.get("names"), warnings)
        parts = [self._of_permissions(engine, part, warnings) for part in state.get("permissions", [])]
        history = joined_history(engine, [part for part in parts if part is not None])
        aliases = None
        if keys is not None and contract.fallbacks:
            aliases = engine.keep(aliases_of(keys, history, stored, seen, activities), "aliases")
            history, seen = followed(engine, aliases, history, seen)
            activities = None if activities is None else renamed_keys(engine, aliases, activities, "activities")
            names = None if names is None else renamed_keys(engine, aliases, names, "names")
        base = None if stored is None else marks_of(engine, contract, stored, state.get("columns") or {}, aliases)
        as_of = datetime.fromisoformat(state["as_of"]) if state.get("as_of") else None
        run = state.get("run")
        return Memory(history, base, stored, seen, names, activities, run, as_of, tuple(warnings), state)

    def write(
        self, engine: DuckDB, contract: Contract, memory: Memory, learnt: Learnt, run: str, as_of: datetime
    ) -> NewState:
        """What a completed run has to teach: agreed values, everybody seen, permission changes. It counts when it is
        committed.

        An export older than the one the base was made from teaches nothing new about agreement: it only adds to the
        permission history.
        """
        with self._whole(run):
            return self._new_state(self._learnt(engine, contract, memory, learnt, run, as_of))

    def _learnt(
        self, engine: DuckDB, contract: Contract, memory: Memory, learnt: Learnt, run: str, as_of: datetime
    ) -> Mapping[str, Any]:
        """Write the new files; gives what `state.json` is to say."""
        files: dict[str, Any] = {"format": STATE_FORMAT, **self._who, "run": run, "as_of": as_of.isoformat()}
        files["number"] = self._number or memory.files.get("number")
        older = memory.as_of is not None and as_of < memory.as_of
        if older:
            files |= {
                name: memory.files.get(name) for name in ("run", "as_of", "base", "seen", "columns", "anchored_by")
            }
        else:
            files["base"] = self._write(engine, agreed_now(engine, contract, memory, learnt), f"base-{run}.parquet")
            if any(one.code is Code.SEEN_LOST for one in memory.warnings):  # until it is back, nobody knows who it had
                files["seen"] = memory.files["seen"]
            else:
                seen = everybody(contract, memory, learnt.matched.keys[Side.PLATFORM], run)
                files["seen"] = self._write(engine, seen, f"seen-{run}.parquet")
            files["columns"] = {column.name: contract.signature(column) for column in contract.compared}
            files["anchored_by"] = "profile_id" if _numbered(engine, learnt.matched) else "key"
        files["rekey"] = memory.files.get("rekey")
        files["names"] = memory.files.get("names")
        names = withdrawn_names(memory, learnt)
        if names is not None and not any(one.code is Code.NAMES_LOST for one in memory.warnings):
            files["names"] = self._write(engine, names, f"names-{run}.parquet")
        files["activities"] = memory.files.get("activities")
        if learnt.activities is not None:
            files["activities"] = self._write(engine, learnt.activities, f"activities-{run}.parquet")
        parts = list(memory.files.get("permissions", []))
        if filled(engine, learnt.permissions.changes):
            entry = self._write(engine, learnt.permissions.changes, f"permissions-{run}.parquet")
            parts.append({**entry, "number": files["number"]})
        files["permissions"] = parts
        return files

    def known_keys(self, engine: DuckDB, memory: Memory) -> set[str]:
        """The canonical keys of everybody that anything is remembered of.

        Where the export has profileIds, agreed values lie under these, which stay what they are.
        """
        return {
            str(key)
            for table, column in self._remembered(memory).values()
            for (key,) in engine.rows(table.select(column).distinct())
        }

    @property
    def rekeyed(self) -> Mapping[str, str]:
        """The last change of keys that was carried out here: `name` and `map`, the hash of its pairs; empty: none."""
        return self._state()[0].get("rekey") or {}

    @property
    def agreed(self) -> bool:
        """Whether there are agreed values."""
        return bool(self._state()[0].get("base"))

    def without(self, engine: DuckDB, memory: Memory, profiles: Collection[str], name: str) -> NewState | None:
        """Leave out what was agreed with these profiles, by profileId or canonical key, case and outer blanks aside.

        It counts when committed; None where nothing was.
        """
        if memory.stored is None:
            return None
        theirs = memory.stored["auditor:anchor"].strip().lower().isin(sorted(profiles))
        if not filled(engine, memory.stored.filter(theirs)):
            return None
        with self._whole(name):
            rest = self._write(engine, memory.stored.filter(~theirs), f"base-{name}.parquet")
            return self._new_state({**self._state()[0], "base": rest})

    def leftovers(self) -> list[Path]:
        """Files of agreed values that count no longer, and could not be removed."""
        return sorted(path for path in self.folder.glob("base-*") if path.name not in _named(self._state()[0]))

    def _remembered(self, memory: Memory) -> dict[str, tuple[ir.Table, str]]:
        """What `state.json` names → its table, and the column of that which holds a canonical key."""
        state, _ = self._state()
        tables = {
            "seen": (memory.seen, "key"),
            "permissions": (memory.history, "key"),
            "names": (memory.names, "key"),
            "activities": (memory.activities, "key"),
        }
        tables |= {"base": (memory.stored, "auditor:anchor")} if state.get("anchored_by") == "key" else {}
        return {
            what: (table, column) for what, (table, column) in tables.items() if state.get(what) and table is not None
        }

    def same_people(self, engine: DuckDB, memory: Memory, pairs: ir.Table) -> set[str]:
        """The `old` keys of `pairs` whose `new` ones an earlier run saw with the same profileId."""
        seen = memory.seen
        if seen is None:
            return set()
        numbered = seen.filter(seen.profile_id.notnull()).select("key", "profile_id")
        before = pairs.join(numbered, [("old", "key")]).select("old", "new", "profile_id")
        found = before.semi_join(numbered, [("new", "key"), "profile_id"])
        return {str(old) for (old,) in engine.rows(found.select("old"))}

    def counted(self, engine: DuckDB, memory: Memory, pairs: ir.Table) -> dict[str, int]:
        """How much of what is remembered lies under the `old` keys of `pairs`."""
        counts = {"base": 0, "seen": 0, "permissions": 0, "activities": 0}
        for what, (table, column) in self._remembered(memory).items():
            if what in counts:
                counts[what] = count(engine, table.semi_join(pairs, [(column, "old")]))
        return counts

    def rekey(self, engine: DuckDB, memory: Memory, renamed: ir.Table, name: str, content: str) -> NewState:
        """Carry everything over from the `old` to the `new` keys (canonical) of `renamed`; it counts when committed.

        Loading has warned of nothing. `name` and `content` are what `rekeyed` says from then on.
        """
        files = dict(self._state()[0])
        with self._whole(name):
            for what, (table, column) in self._remembered(memory).items():
                if what == "seen":  # somebody who was seen under both
                    twice = renamed.semi_join(table, [("new", column)]).anti_join(renamed, [("new", "old")])
                    table = table.anti_join(twice, [(column, "old")])
                joined = table.left_join(renamed, [(column, "old")])
                now = joined.mutate(**{column: ibis.coalesce(joined.new, joined[column])}).select(*table.columns)
                entry = self._write(engine, now, f"{what}-{name}.parquet")
                number = self._number or files.get("number")
                files[what] = [{**entry, "number": number}] if what == "permissions" else entry
            files["rekey"] = {"name": name, "map": content}
            return self._new_state(files)

    def _state(self) -> tuple[dict[str, Any], list[Notice]]:
        path = self.folder / "state.json"
        try:
            text = standing(self.folder.parent).content(path)
            if text is None:
                return {}, []
            state: dict[str, Any] = json.loads(text)
            own = {name: state[name] for name in self._who}
            if own == self._who and state.get("format") == STATE_FORMAT:
                _State.model_validate(state)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return {}, [Notice(Code.STATE_DAMAGED, {"file": path.name})]
        if own != self._who or state.get("format") != STATE_FORMAT:
            return {}, [Notice(Code.STATE_OF_ANOTHER, {"file": path.name})]
        return state, []

    def _table(self, engine: DuckDB, entry: Any, warnings: list[Notice]) -> ir.Table | None:
        """A stored file as a table, None where there is none; a file that is not what was written is left aside."""
        if not entry:
            return None
        path = self.folder / entry["file"]
        try:
            if _digest(path) != entry["sha256"]:
                raise OSError("changed")
            return engine.over(f"read_parquet({literal(path.resolve())})", path.name.split("-")[0])
        except (OSError, duckdb.Error):
            warnings.append(Notice(_LOST[path.name.split("-")[0]], {"file": path.name}))
            return None

    def _of_permissions(self, engine: DuckDB, entry: Any, warnings: list[Notice]) -> ir.Table | None:
        """A part of the permission history; profileIds of a table that stood under this name before are nobody's."""
        part = self._table(engine, entry, warnings)
        anew = bool(self._number) and entry.get("number", self._number) not in (None, self._number)
        return part.mutate(profile_id=ibis.null(str)) if part is not None and anew else part

    def _write(self, engine: DuckDB, expression: ir.Table, name: str) -> dict[str, str]:
        path = self.folder / name
        engine.write(expression, path)
        return {"file": name, "sha256": _digest(path)}

    @contextlib.contextmanager
    def _whole(self, name: str) -> Iterator[None]:
        """Where the block fails, no file of this name stays."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            yield
        except BaseException:
            for path in self.folder.glob(f"*-{name}.parquet*"):
                path.unlink(missing_ok=True)
            raise

    def _new_state(self, files: Mapping[str, Any]) -> NewState:
        """Leftovers of a run that was stopped are superseded as well."""
        path = self.folder / "state.json"
        rewrite = Rewrite(path, content(path), json.dumps(files, indent=1).encode())
        counted, known = _named(files), _named(self._state()[0])
        there = {one.name for one in self.folder.iterdir() if one.is_file()}
        written, superseded = counted - known, there - counted - {path.name}
        return NewState(
            rewrite,
            tuple(self.folder / name for name in sorted(written)),
            tuple(self.folder / name for name in sorted(superseded)),
        )


def _named(files: Mapping[str, Any]) -> set[str]:
    """The names of the files that count."""
    entries = [*(files.get(name) for name in ("base", "seen", "names", "activities")), *files.get("permissions", [])]
    return {entry["file"] for entry in entries if entry}


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _numbered(engine: DuckDB, matched: Matched) -> bool:
    keys = matched.keys[Side.PLATFORM]
    return filled(engine, keys.filter(keys.profile_id.notnull()).select("row"))
