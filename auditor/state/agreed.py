"""What is carried from run to run beside the ledger: agreed values, permission history, who was ever on the platform.

One folder per profile table, `state/TABLE/`. `state.json` names the files that count; it is replaced when a completed
run is committed (see `auditor.state.commit`), so a run that stops halfway changes nothing.

    base-RUN.parquet         `anchor` and one column per compared column: the mark of the last agreed value
    seen-RUN.parquet         `key` (canonical) of everybody who was on the platform in any run, `profile_id` that they
                             had, `run` that saw them last
    permissions-RUN.parquet  the changes that one run saw: run, at, side, key, column, value, moment, source
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import duckdb
import ibis
import ibis.expr.types as ir
import pydantic

from auditor.diff import cells as diff
from auditor.engine.duckdb import Engine, literal, quote
from auditor.equality import rules
from auditor.files.rewrite import Rewrite, content
from auditor.findings.codes import Code, Notice
from auditor.match import fallback
from auditor.match.join import RAW, anchor, source_name
from auditor.model import Side
from auditor.settings.contract import Contract

STATE_FORMAT = 1

HISTORY = "permission_history"
"""Name of the history table on the connection."""

_LOST: Final = {"base": Code.BASE_LOST, "permissions": Code.PERMISSIONS_LOST, "seen": Code.SEEN_LOST}
"""Beginning of a file's name → that it is lost."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What earlier runs left, by the names of tables on the connection; None where there is nothing."""

    base: str | None = None
    seen: str | None = None
    run: str | None = None
    """The run that wrote it."""
    as_of: datetime | None = None
    """The moment that run's export showed."""
    warnings: tuple[Notice, ...] = ()
    files: Mapping[str, Any] = field(default_factory=dict)


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

    def load(self, engine: Engine, contract: Contract) -> Memory:
        """Put what earlier runs left on the connection: `base`, `seen` and `permission_history`; `match` has run.

        Who is remembered by a fallback key, and has a better key by now, is found under that.
        A file that is damaged, missing or of another table is left aside with a warning, never trusted.
        """
        state, warnings = self._state()
        anew = bool(self._number) and state.get("number", self._number) not in (None, self._number)
        if state.get("base") and anew:
            warnings.append(Notice(Code.TABLE_ANEW))
            state = {**state, "base": None}
        base = self._table(engine, "base_stored", state.get("base"), warnings)
        seen = self._table(engine, "seen_stored", state.get("seen"), warnings)
        if seen is not None:
            stored = engine.table(seen)
            # The numbers of another table are other people's; the first files had none.
            number = ibis.null(str) if anew or "profile_id" not in stored.columns else stored.profile_id
            engine.name("seen", stored.select("key", "run", profile_id=number))
            seen = "seen"
        parts = [
            self._table(engine, f"history_{n}", part, warnings) for n, part in enumerate(state.get("permissions", []))
        ]
        self._history(engine, [part for part in parts if part])
        if contract.fallbacks:
            seen = self._follow(engine, base, seen)
        if base is not None:
            base = self._marks(engine, contract, state.get("columns") or {})
        as_of = datetime.fromisoformat(state["as_of"]) if state.get("as_of") else None
        return Memory(base, seen, state.get("run"), as_of, tuple(warnings), state)

    def write(
        self, engine: Engine, contract: Contract, memory: Memory, run: str, as_of: datetime, sent: str | None = None
    ) -> NewState:
        """What a completed run has to teach: agreed values, everybody seen, permission changes. It counts when it is
        committed.

        `sent` names the table of what we wrote after the export's moment, as in `diff.Known`: what the export shows in
        those cells is past, so their agreed values stay. An export older than the one the base was made from teaches
        nothing new about agreement: it only adds to the permission history.
        """
        with self._whole(run):
            return self._new_state(self._learnt(engine, contract, memory, run, as_of, sent))

    def _learnt(
        self, engine: Engine, contract: Contract, memory: Memory, run: str, as_of: datetime, sent: str | None
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
            files["base"] = self._write(engine, self._agreed(engine, contract, memory, sent), f"base-{run}.parquet")
            files["seen"] = self._write(engine, self._everybody(engine, contract, memory, run), f"seen-{run}.parquet")
            files["columns"] = {column.name: contract.signature(column) for column in contract.compared}
            files["anchored_by"] = "profile_id" if self._numbered(engine) else "key"
        files["rekey"] = memory.files.get("rekey")
        parts = list(memory.files.get("permissions", []))
        if engine.rows("SELECT 1 FROM permission_changes LIMIT 1"):
            parts.append(self._write(engine, engine.table("permission_changes"), f"permissions-{run}.parquet"))
        files["permissions"] = parts
        return files

    def _numbered(self, engine: Engine) -> bool:
        keys = engine.table("platform_keys")
        return bool(engine.rows(keys.filter(keys.profile_id.notnull()).select("row").limit(1)))

    def known_keys(self, engine: Engine) -> set[str]:
        """The canonical keys of everybody that anything is remembered of; `load` has run.

        Where the export has profileIds, agreed values lie under these, which stay what they are.
        """
        return {
            str(key)
            for table, column in self._remembered(engine).values()
            for (key,) in engine.rows(table.select(column).distinct())
        }

    @property
    def rekeyed(self) -> Mapping[str, str]:
        """The last change of keys that was carried out here: `name` and `map`, the hash of its pairs; empty: none."""
        return self._state()[0].get("rekey") or {}

    def _remembered(self, engine: Engine) -> dict[str, tuple[ir.Table, str]]:
        """What `state.json` names → the table on the connection, and its column that holds a canonical key."""
        state, _ = self._state()
        tables = {"seen": ("seen", "key"), "permissions": (HISTORY, "key")}
        tables |= {"base": ("base_stored", "auditor:anchor")} if state.get("anchored_by") == "key" else {}
        return {what: (engine.table(name), column) for what, (name, column) in tables.items() if state.get(what)}

    def same_people(self, engine: Engine, pairs: str) -> set[str]:
        """The `old` keys of the table `pairs` whose `new` ones an earlier run saw with the same profileId."""
        if "seen" not in self._remembered(engine):
            return set()
        seen = self._remembered(engine)["seen"][0]
        numbered = seen.filter(seen.profile_id.notnull()).select("key", "profile_id")
        before = engine.table(pairs).join(numbered, [("old", "key")]).select("old", "new", "profile_id")
        found = before.semi_join(numbered, [("new", "key"), "profile_id"])
        return {str(old) for (old,) in engine.rows(found.select("old"))}

    def counted(self, engine: Engine, pairs: str) -> dict[str, int]:
        """How much of what is remembered lies under the `old` keys of the table `pairs`; `load` has run."""
        renamed, counts = engine.table(pairs), {"base": 0, "seen": 0, "permissions": 0}
        for what, (table, column) in self._remembered(engine).items():
            found = table.semi_join(renamed, [(column, "old")])
            [(counts[what],)] = engine.rows(found.count().name("n").as_table())
        return counts

    def rekey(self, engine: Engine, pairs: str, name: str, content: str) -> NewState:
        """Carry everything over from `old` to `new` keys (canonical) of the table `pairs`; it counts when committed.

        `load` has run and has warned of nothing. `name` and `content` are what `rekeyed` says from then on.
        """
        files, renamed = dict(self._state()[0]), engine.table(pairs)
        with self._whole(name):
            for what, (table, column) in self._remembered(engine).items():
                if what == "seen":  # somebody who was seen under both
                    twice = renamed.semi_join(table, [("new", column)]).anti_join(renamed, [("new", "old")])
                    table = table.anti_join(twice, [(column, "old")])
                joined = table.left_join(renamed, [(column, "old")])
                now = joined.mutate(**{column: ibis.coalesce(joined.new, joined[column])}).select(*table.columns)
                entry = self._write(engine, now, f"{what}-{name}.parquet")
                files[what] = [entry] if what == "permissions" else entry
            files["rekey"] = {"name": name, "map": content}
            return self._new_state(files)

    def _state(self) -> tuple[dict[str, Any], list[Notice]]:
        path = self.folder / "state.json"
        try:
            state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            own = {name: state[name] for name in self._who}
            if own == self._who and state.get("format") == STATE_FORMAT:
                _State.model_validate(state)
        except FileNotFoundError:
            return {}, []
        except (ValueError, KeyError, TypeError):
            return {}, [Notice(Code.STATE_DAMAGED, {"file": path.name})]
        if own != self._who or state.get("format") != STATE_FORMAT:
            return {}, [Notice(Code.STATE_OF_ANOTHER, {"file": path.name})]
        return state, []

    def _table(self, engine: Engine, name: str, entry: Any, warnings: list[Notice]) -> str | None:
        """A stored file as a view, None where there is none; a file that is not what was written is left aside."""
        if not entry:
            return None
        path = self.folder / entry["file"]
        try:
            if _digest(path) != entry["sha256"]:
                raise OSError("changed")
            engine.con.execute(
                f"CREATE OR REPLACE TEMP VIEW {quote(name)} AS FROM read_parquet({literal(path.resolve())})"
            )
        except (OSError, duckdb.Error):
            warnings.append(Notice(_LOST[path.name.split("-")[0]], {"file": path.name}))
            return None
        return name

    def _marks(self, engine: Engine, contract: Contract, signatures: Mapping[str, str]) -> str:
        """The stored base in the positions of this contract; a column whose rule changed has no base."""
        stored = engine.table("base_stored")
        marks: dict[str, ir.Value] = {"none": ibis.null(str)}
        for position, column in enumerate(contract.compared):
            known = signatures.get(column.name) == contract.signature(column) and column.name in stored.columns
            marks[f"b{position}"] = stored[column.name] if known else ibis.null(str)
        base = stored.select(anchor=stored["auditor:anchor"], marks=ibis.struct(marks))
        if contract.fallbacks:
            aliases = engine.table("aliases")
            followed = base.join(aliases, base.anchor == aliases.formerly)
            followed = followed.select(anchor="key", marks="marks").anti_join(base, "anchor")
            base = base.union(followed)
        engine.create("base", base)
        return "base"

    def _follow(self, engine: Engine, base: str | None, seen: str | None) -> str | None:
        """Create `aliases`, and take history and `seen` over to the keys that profiles have by now; gives `seen`."""
        history = engine.table(HISTORY)
        known = [history.select("key")]
        known += [engine.table(seen).select("key")] if seen else []
        known += [engine.table(base).select(key="auditor:anchor")] if base else []
        found = fallback.aliases(engine, ibis.union(*known) if len(known) > 1 else known[0])
        found = engine.create("aliases", found)
        names = found.select("formerly", now="key")
        joined = history.left_join(names, history.key == names.formerly)
        engine.create(HISTORY, joined.mutate(key=ibis.coalesce(joined.now, joined.key)).select(*history.columns))
        if seen is None:
            return None
        table = engine.table(seen)
        followed = table.join(names, table.key == names.formerly).select("run", "profile_id", key="now")
        followed = followed.anti_join(table, "key").select(*table.columns)
        engine.create("seen_by_alias", table.union(followed))
        return "seen_by_alias"

    def _agreed(self, engine: Engine, contract: Contract, memory: Memory, sent: str | None) -> ir.Table:
        """The new base: agreed cells get their value, all others keep what they had, absent profiles too."""
        zone = contract.timezone.key
        matched, raw = engine.table("matched"), engine.table(RAW[Side.PLATFORM])
        pairs = diff.pairs(engine, contract, diff.Known(base=memory.base))
        alike = matched.filter(matched.same)
        alike = alike.select(anchor=anchor(alike), row=alike.platform_row)
        joined = alike.join(raw, alike.row == raw["file_row_number"])
        same: dict[str, ir.Value] = {"auditor:anchor": joined.anchor}
        mixed: dict[str, ir.Value] = {"auditor:anchor": anchor(pairs)}
        for position, column in enumerate(contract.compared):
            text = joined[source_name(column, Side.PLATFORM)]
            same[column.name] = rules.marked(rules.canonical(text, column, Side.PLATFORM, zone))
            agreed = rules.marked(pairs[f"pc{position}"])
            mixed[column.name] = ibis.ifelse(pairs[f"same{position}"], agreed, pairs[f"b{position}"])
        now = engine.create("base_now", joined.select(**same).union(pairs.select(**mixed)))
        # A profileId on two rows ties no profile to its values: it has no base until that is mended.
        twice = now.group_by("auditor:anchor").agg(rows=now.count()).filter(lambda t: t.rows > 1)
        now = now.anti_join(twice, "auditor:anchor")
        if sent is not None:
            now = self._with_pending(engine, contract, memory, now, sent)
        if memory.base is None:
            return now
        stored = engine.table("base_stored")
        current = dict(memory.files.get("columns") or {})
        older = stored.anti_join(engine.table("base_now"), "auditor:anchor")
        kept = {
            column.name: older[column.name]
            if current.get(column.name) == contract.signature(column) and column.name in stored.columns
            else ibis.null(str)
            for column in contract.compared
        }
        return now.union(older.select(older["auditor:anchor"], **kept))

    def _with_pending(self, engine: Engine, contract: Contract, memory: Memory, now: ir.Table, sent: str) -> ir.Table:
        """The new base, but for pending cells: they keep what they had."""
        marks, matched = engine.table(sent), engine.table("matched")
        named = matched.filter(matched.platform_text.notnull()).select(key="platform_text", own=anchor(matched))
        cells = engine.create("pending_cells", named.join(marks.filter(marks.column.notnull()), "key").drop("key"))
        written = {name for (name,) in engine.rows(cells.select("column").distinct())}
        places = {n: column.name for n, column in enumerate(contract.compared) if column.name in written}
        if not places:
            return now
        flags = cells.group_by("own").agg(**{f"pending{n}": (cells.column == name).any() for n, name in places.items()})
        joined = now.left_join(flags, now["auditor:anchor"] == flags.own)
        if memory.base is not None:
            base = engine.table(memory.base)
            joined = joined.left_join(base, joined["auditor:anchor"] == base.anchor)
        had = {n: ibis.null(str) if memory.base is None else joined.marks[f"b{n}"] for n in places}
        kept = {
            name: ibis.ifelse(joined[f"pending{n}"].fill_null(False), had[n], joined[name])
            for n, name in places.items()
        }
        return joined.mutate(**kept).select(now.columns)

    def _everybody(self, engine: Engine, contract: Contract, memory: Memory, run: str) -> ir.Table:
        keys = engine.table("platform_keys")
        there = keys.filter(keys.key.notnull())
        now = there.group_by("key").agg(run=ibis.literal(run), profile_id=there.profile_id.min())
        if contract.fallbacks:
            lacking = fallback.lacking(keys).distinct().anti_join(now, "key")
            now = now.union(lacking.mutate(run=ibis.literal(run), profile_id=ibis.null(str)))
        if memory.seen is None:
            return now
        seen = engine.table(memory.seen)
        return now.union(seen.anti_join(now, "key").select(*now.columns))

    def _history(self, engine: Engine, parts: Sequence[str]) -> None:
        types = {"at": "TIMESTAMPTZ", "moment": "TIMESTAMPTZ"}
        names = ("run", "at", "side", "key", "column", "value", "moment", "source")
        columns = ", ".join(f"{quote(name)} {types.get(name, 'VARCHAR')}" for name in names)
        engine.con.execute(f"CREATE OR REPLACE TEMP TABLE {HISTORY} ({columns})")
        for part in parts:
            engine.con.execute(f"INSERT INTO {HISTORY} FROM {quote(part)}")

    def _write(self, engine: Engine, expression: ir.Table, name: str) -> dict[str, str]:
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
    entries = [files.get("base"), files.get("seen"), *files.get("permissions", [])]
    return {entry["file"] for entry in entries if entry}


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
