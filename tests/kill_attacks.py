"""What else happens to whoever applies a plan: others at work at the same time, copies, and disks that refuse."""

from __future__ import annotations

import errno
import os
import resource
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from auditor.commands import plan as planning
from auditor.commands import run as pipeline
from auditor.commands import undo as undoing
from auditor.errors import AuditorError
from auditor.settings.config import read_settings
from auditor.state import run_folder
from auditor.writes import read_plan
from tests.kill_turns import Case, Ready, apply_once, as_undisturbed, cells_of, go_on, to_the_end
from tests.kill_world import World, a_copy


def two_at_once(case: Case, ready: Ready, base: Path) -> list[str]:
    """While one applies, in the middle of a change, others apply the same plan, make one, and take one back."""
    with _world(case, ready, base) as world:
        with world.standing_still(lambda: apply_once(world, case.path), _after_a_change(case)):
            others = [
                world.work(lambda: _refused(lambda: apply_once(world, case.path))),
                world.work(lambda: _refused(lambda: planning.plan(world.settings, now=world.clock()))),
                world.work(lambda: _refused(lambda: _undo(world, case.path))),
            ]
        _holds(world, case, "two at once")
    return others


def a_second_folder(case: Case, ready: Ready, base: Path) -> tuple[list[str], tuple[str | None, int]]:
    """It shares the state: while the first one applies, it is told to wait; then it has nothing left to send, and can
    take all of it back.
    """
    with _world(case, ready, base) as world:
        other = base / "other"
        shutil.copytree(world.folder, other, ignore=shutil.ignore_patterns("state"))
        settings = other / "auditor.toml"
        settings.write_text(f'{settings.read_text("utf-8")}\n[state]\ndir = "{world.folder / "state"}"\n', "utf-8")
        second = replace_folder(world, other)
        with world.standing_still(lambda: apply_once(world, case.path), _after_a_change(case)):
            told = [world.work(lambda: _refused(lambda: apply_once(second, case.path)))]
        ended = world.work(lambda: go_on(second, case.path))
        _holds(world, case, "a second folder")
        world.pass_time(2 * 3600)
        undo = second.work(lambda: _undo(second, case.path))
        assert to_the_end(second, undo) == (None, 0)
        shutil.rmtree(other)
    return told, ended


def replace_folder(world: World, folder: Path) -> World:
    """The same world seen from another working folder."""
    second = World(folder, world.licence, world.begins)
    second.url, second._ahead, second._http = world.url, world._ahead, world._http
    settings = read_settings(folder / "auditor.toml")
    actito = settings.actito.model_copy(update={"concurrency": 1})
    second.settings = settings.model_copy(update={"actito": actito})
    return second


def a_copied_run(case: Case, ready: Ready, base: Path) -> tuple[str | None, int]:
    """The plan is applied from a copy of its run elsewhere, killed, gone on with from the run itself, and once more
    from the copy: what was sent is known by the ledger, wherever the file lies.
    """
    with _world(case, ready, base) as world:
        copied = Path("elsewhere") / case.path.parent.name
        shutil.copytree(world.folder / case.path.parent, world.folder / copied)
        assert world.killed(lambda: apply_once(world, copied / case.path.name), _after_a_change(case))
        world.pass_time(300)
        to_the_end(world, case.path)
        again = world.work(lambda: go_on(world, copied / case.path.name))
        _holds(world, case, "a copied run")
        return again


def a_full_disk(case: Case, ready: Ready, base: Path, kilobytes: int) -> str:
    """No file takes more than so much: the disk is full while a plan is applied."""

    def limited() -> str:
        resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1024, kilobytes * 1024))
        return _refused(lambda: apply_once(world, case.path))

    with _world(case, ready, base) as world:
        told = world.work(limited)
        to_the_end(world, case.path)
        _holds(world, case, "a full disk")
    return told


def a_read_only_folder(case: Case, ready: Ready, base: Path, name: str, does: str) -> str:
    """Nothing in this folder can be written. What is refused then is refused before anything is sent."""
    with _world(case, ready, base) as world:
        works: dict[str, Callable[[], object]] = {
            "apply": lambda: apply_once(world, case.path),
            "plan": lambda: planning.plan(world.settings, now=world.clock(), route="single"),
            "undo": lambda: _undo(world, case.path),
            "run": lambda: pipeline.run(world.settings, pipeline.Request(), now=world.clock(), tell=lambda _: None),
            "files": lambda: _for_others(world, case.path),
        }
        if does == "undo":
            to_the_end(world, case.path)
        before = world.seen()
        told = world.work(lambda: _read_only(world.folder / name, works[does]))
        assert world.seen() == before
        if does == "apply":
            to_the_end(world, case.path)
            _holds(world, case, "a read-only folder")
    return told


def _after_a_change(case: Case) -> int:
    """The step in which the first answer to one has come: nothing of it is on record."""
    return case.steps.index("HTTP PATCH after") + 1


def _read_only(folder: Path, does: Callable[[], object]) -> str:
    """Root may write anywhere: what a read-only disk answers is put into its mouth."""
    real, make = os.open, os.mkdir

    def refusing(path: Any, flags: int, *more: Any, **named: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR) and Path(os.fsdecode(path)).resolve().is_relative_to(folder):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return real(path, flags, *more, **named)

    def making(path: Any, *more: Any, **named: Any) -> None:
        if Path(path).resolve().is_relative_to(folder):
            refusing(path, os.O_WRONLY)
        make(path, *more, **named)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "open", refusing)
        patched.setattr(os, "mkdir", making)
        return _refused(does)


def _undo(world: World, path: Path) -> Path:
    made = undoing.undo(world.settings, world.folder / path, now=world.clock(), delete_created=True)
    return made.path.relative_to(world.folder)


def _for_others(world: World, path: Path) -> None:
    structure = run_folder.read_structure(world.folder / path.parent)
    planning.corrective(read_plan(world.folder / path), structure, world.folder / "files")


def _refused(does: Callable[[], object]) -> str:
    """Why; empty: it was not."""
    try:
        does()
    except AuditorError as error:
        return f"{error.exit_code.name}: {error}"
    return ""


def _holds(world: World, case: Case, place: str) -> None:
    plan = world.work(lambda: read_plan(world.folder / case.path))
    as_undisturbed(case, plan, (None, 0), world.seen(), world.work(lambda: cells_of(world, case.path)), place)


def _world(case: Case, ready: Ready, base: Path) -> AbstractContextManager[World]:
    return a_copy(case.folder, base / "work", ready.licence, ready.begins)
