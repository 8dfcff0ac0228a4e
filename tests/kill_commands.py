"""Commands that send nothing, killed in the middle and called once more: all that is kept is as undisturbed."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from auditor.commands import forget as forgetting
from auditor.commands import pin as pinning
from auditor.commands import plan as planning
from auditor.commands import rekey as rekeying
from auditor.commands import run as pipeline
from auditor.commands import settle as settling
from auditor.commands import undo as undoing
from auditor.errors import SettingsError
from auditor.model import Kind
from auditor.state import heads
from auditor.state.ledger import FILE, Ledger
from auditor.state.ledger.records import TABLES
from auditor.state.past_runs import find_run
from auditor.writes import read_plan
from tests.kill_turns import Case, Ready, apply_once
from tests.kill_world import World, a_copy

_OF_NOW: Final = re.compile(r"(\d{8}T\d{6}Z)-[0-9a-f]{4}")
_TOOK: Final = re.compile(r'"seconds": ?\{[^}]*\}|"finished": ?"[^"]*"|127\.0\.0\.1:\d+')


@dataclass(frozen=True)
class Known:
    """What the commands are about: a plan that was applied, and somebody of whom a good deal is known."""

    ready: Ready
    case: Case
    key: str
    column: str
    platform: str | None
    truth: str | None


def make_known(ready: Ready, case: Case, base: Path) -> Known:
    applied = base / "applied"
    with a_copy(case.folder, base / "work", ready.licence, ready.begins) as world:
        plan = world.work(lambda: read_plan(world.folder / case.path))
        world.work(lambda: apply_once(world, case.path))
        world.folder.rename(applied)
        world.folder.mkdir()
    write = next(one for one in plan.writes if one.kind is Kind.UPDATE and (one.batch is None or one.canary))
    cell = write.cells[0]
    return Known(ready, replace(case, folder=applied), write.key, cell.column, cell.before, cell.after)


def _plan(world: World, known: Known) -> None:
    """With a file of decisions in the inbox, which is taken on the way."""
    planning.plan(world.settings, now=world.clock(), route="single")


def _inbox(world: World, known: Known) -> None:
    line: dict[str, str | None] = {"key": known.key, "column": known.column, "choice": "ignore"}
    line |= {"platform": known.platform, "truth": known.truth}
    made = {"format": 1, "run": find_run(world.settings).name, "table": "Customers", "by": "Bea", "decisions": [line]}
    world.settings.decisions_folder.mkdir(exist_ok=True)
    (world.settings.decisions_folder / "of-bea.json").write_text(json.dumps(made))


def _undo(world: World, known: Known) -> None:
    undoing.undo(world.settings, world.folder / known.case.path, now=world.clock(), delete_created=True)


def _rekey(world: World, known: Known) -> None:
    keys = world.folder / "keys.csv"
    rekeying.rekey(world.settings, keys, now=world.clock(), dry=False)


def _keys(world: World, known: Known) -> None:
    (world.folder / "keys.csv").write_text(f"old,new\n{known.key},C000777\n")


def _forget(world: World, known: Known) -> None:
    forgetting.forget(world.settings, known.key, now=world.clock(), dry=False)


def _settle(world: World, known: Known) -> None:
    """The clock was set back by an hour."""
    settling.settle(world.settings, now=world.clock() - timedelta(hours=1))


def _pin(world: World, known: Known) -> None:
    until = (world.clock() + timedelta(days=30)).date()
    pinning.pin(world.settings, known.key, known.column, by="Mia", reason="she said so", until=until, now=world.clock())


def _run(world: World, known: Known) -> None:
    pipeline.run(world.settings, pipeline.Request(), now=world.clock() + timedelta(minutes=1), tell=lambda _: None)


Work = Callable[[World, Known], None]
COMMANDS: Final[Mapping[str, tuple[Work, Work | None]]] = {
    "plan": (_plan, _inbox),
    "undo": (_undo, None),
    "rekey": (_rekey, _keys),
    "forget": (_forget, None),
    "settle": (_settle, None),
    "pin": (_pin, None),
    "run": (_run, None),
}
"""Each with what lies ready for it."""


def undisturbed(name: str, known: Known, base: Path) -> tuple[list[str], Any]:
    """The steps of a command, and what it leaves."""
    with _world(known, base) as world:
        does = _ready(name, world, known)
        return world.steps(does), world.work(lambda: kept(world))


def killed(name: str, known: Known, base: Path, at: int) -> tuple[bool, Any]:
    """Whether it was killed there; and what there is when it was called once more."""
    with _world(known, base) as world:
        does = _ready(name, world, known)
        was = world.killed(does, at)
        world.work(lambda: _again(name, does))
        return was, world.work(lambda: kept(world))


def _again(name: str, does: Callable[[], None]) -> None:
    try:
        does()
    except SettingsError:
        # The map was carried out before the kill, and its old keys are nobody's any more.
        if name != "rekey":
            raise


def _world(known: Known, base: Path) -> AbstractContextManager[World]:
    return a_copy(known.case.folder, base / "work", known.ready.licence, known.ready.begins)


def _ready(name: str, world: World, known: Known) -> Callable[[], None]:
    does, before = COMMANDS[name]
    if before is not None:
        world.work(lambda: before(world, known))
    return lambda: does(world, known)


def kept(world: World) -> dict[str, Any]:
    """Everything in the ledger, and every file that counts; names that are drawn anew have none in it."""
    with Ledger(world.settings.state_folder, reading=True) as ledger:
        found = ledger.verify(heads.last_noted(world.settings.state_folder))
        assert found.problems == (), found.problems
        assert not heads.lacking(world.settings, ledger)
        trouble = settling.trouble_of(ledger, world.settings, world.clock() - timedelta(hours=1))
    counts = (world.settings.state_folder / world.settings.table / "state.json").read_text("utf-8")
    files = [
        path
        for top in ("runs", "state", "decisions", "expectations")
        for path in (world.folder / top).rglob("*")
        if path.is_file() and not path.name.endswith((".partial", "-wal", "-shm", "lock"))
        and not any(part.startswith(".") for part in path.relative_to(world.folder).parts)
        and path.name not in (FILE, heads.FILE)
        and (path.suffix != ".parquet" or top != "state" or path.name in counts)
    ]  # fmt: skip
    return {
        "ledger": _rows(world.settings.state_folder / FILE),
        "to settle": bool(trouble),
        "files": {_named(str(path.relative_to(world.folder))): _content(path) for path in files},
    }


def _rows(file: Path) -> dict[str, set[tuple[Any, ...]]]:
    """What is recorded twice is recorded."""
    with closing(sqlite3.connect(file)) as connection:
        told: dict[str, set[tuple[Any, ...]]] = {}
        for name, table in TABLES.items():
            columns = ", ".join(f'"{column}"' for column in table.columns if column != "finished")
            rows = connection.execute(f"SELECT {columns} FROM {name}").fetchall()
            told[name] = {tuple(_named(str(value)) for value in row) for row in rows}
        return told


def _content(path: Path) -> str:
    if path.suffix == ".parquet" and _OF_NOW.search(path.name):
        return ""  # what is drawn stands in it, too
    content = path.read_bytes()
    if path.suffix in (".json", ".csv"):
        text = _named(content.decode("utf-8"))
        content = re.sub(r'"(sha256|link|mac|seal|entry|ledger)": ?("[^"]*"|\d+|\{[^}]*\})', "", text).encode()
    return hashlib.sha256(content).hexdigest()[:12] if path.suffix in (".json", ".csv", ".parquet") else ""


def _named(text: str) -> str:
    """Without what is drawn, how long a run took, and where the sandbox listens."""
    return _TOOK.sub("", _OF_NOW.sub(r"\1", text))
