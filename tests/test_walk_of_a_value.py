"""The page that follows one value from a file to the call that corrects it tells the way that it really goes."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from cProfile import Profile
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import auditor
from auditor.commands import run as pipeline
from auditor.commands.apply import apply
from auditor.commands.plan import plan
from auditor.model import Kind, Route
from auditor.settings.config import read_settings
from auditor.writes import Cell
from tests import given_time
from tests.driven_sandbox import Sandbox
from tests.small_folder import copy, made

PROGRAM = Path(auditor.__file__).parent
PAGE = PROGRAM.parent / "docs" / "architecture.md"
MOST = 8


def steps() -> list[tuple[str, list[str]]]:
    """The modules of the page in their order, and the functions that it names in each."""
    walk = PAGE.read_text("utf-8").partition("## The way of a value")[2]
    found = []
    for path, told in re.findall(r"(?ms)^\d\. `auditor/([\w/]+\.py)`: (.*?)(?=^\d\. |^$)", walk):
        text = (PROGRAM / path).read_text("utf-8")
        words = [word.rpartition(".")[2] for word in re.findall(r"`([A-Za-z_.]+)`", told)]
        found.append((path, [word for word in words if re.search(rf"(?m)^ *def {word}\(", text)]))
    return found


@contextmanager
def watched(see: Callable[[FrameType], None]) -> Iterator[None]:
    """Calls `see` with each function of Python that begins, in whatever thread."""

    def profile(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            see(frame)

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def test_a_value_goes_the_way_of_the_page(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox
) -> None:
    """In eight modules, by the functions that it names, one after another; nobody else makes a cell that is written,
    and what Actito is sent is that cell's value.
    """
    walk = steps()
    assert 1 < len(walk) <= MOST
    assert all(functions for _, functions in walk)
    folder = copy(made(tmp_path_factory).agreed, tmp_path / "folder", sandbox)
    settings = read_settings(folder / "auditor.toml")
    began: dict[tuple[str, str], int] = {}
    makers: dict[tuple[str, str | None], set[str]] = {}
    sent: list[dict[str, str | None]] = []
    files = {str(PROGRAM / path): path for path, _ in walk}

    def see(frame: FrameType) -> None:
        code = frame.f_code
        if code.co_filename in files:
            began.setdefault((files[code.co_filename], code.co_name), len(began))
            if code.co_name == "update":
                sent.append(dict(frame.f_locals["values"]))
        elif code.co_name == "__init__" and isinstance(frame.f_locals.get("self"), Cell):
            caller = frame.f_back.f_code.co_filename if frame.f_back else ""
            makers.setdefault((frame.f_locals["column"], frame.f_locals["after"]), set()).add(caller)

    with Profile() as run:  # which costs less than to watch, and knows who was called
        pipeline.run(settings, pipeline.Request(), now=given_time.now(), tell=lambda _: None)
    run.create_stats()
    called = {(files[file], name) for file, _, name in run.stats if file in files}
    with watched(see):
        plans = plan(settings, now=given_time.now(), route="single")
        [chosen] = [one for one in plans if one.plan.purpose == "correct"]
        confirmed = {brake.kind: brake.count for brake in chosen.brakes}
        apply(settings, chosen.path, confirmed=confirmed, clock=given_time.now)

    assert [(path, name) for path, names in walk for name in names if (path, name) not in called | began.keys()] == []
    first = [min(began[path, name] for name in names) for path, names in walk if path.startswith(("plan", "ap", "act"))]
    assert len(first) == 4
    assert first == sorted(first)
    cells = [
        cell
        for write in chosen.plan.writes
        if write.kind is Kind.UPDATE and write.route is Route.SINGLE
        for cell in write.cells
    ]
    assert cells
    [maker] = [path for path, names in walk if "actions" in names]
    assert {path for cell in cells for path in makers[cell.column, cell.after] if "/plan/" in path} == {
        str(PROGRAM / maker)
    }
    values = [pair for one in sent for pair in one.items()]
    assert any((cell.column, cell.after) in values for cell in cells)
