"""Everything that a piece of work changes outside its memory, step by step, and an end by force at any of them.

The list is made by running: files as Python tells of them, what SQLite is asked, each request before it leaves and
after its answer has begun, and whatever else calls `step`.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

_steps: list[str] | None = None
"""What was done to the disk since it began to be counted; None: nobody counts."""
_act: Callable[[int], None] = lambda number: None  # noqa: E731
_noted: int | None = None
"""The file in which each step is noted before anything acts: who is killed leaves their steps there."""


def step(what: str) -> None:
    if _steps is not None:
        _steps.append(what)
        if _noted is not None:
            os.write(_noted, f"{what}\n".encode())
        _act(len(_steps))


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Called by Python before it does something: whatever changes names or contents is a step."""
    if _steps is None:
        return
    if event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "os.chmod"):
        step(event)
    elif event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR):
        step("open")


sys.addaudithook(_watch)


class _Watched(sqlite3.Connection):
    """SQLite does not ask Python before it writes: its statements are steps, and so is the moment after COMMIT."""

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        _statement(sql)
        done = super().execute(sql, *values)
        if sql == "COMMIT":
            step("after COMMIT")
        return done

    def executemany(self, sql: str, rows: Any) -> sqlite3.Cursor:
        _statement(sql)
        return super().executemany(sql, rows)

    def executescript(self, script: str) -> sqlite3.Cursor:
        _statement(script)
        return super().executescript(script)


def _statement(sql: str) -> None:
    if sql.split(" ")[0] in ("BEGIN", "INSERT", "UPDATE", "COMMIT", "PRAGMA"):
        step(sql[:20])


def _send(self: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
    step(f"HTTP {request.method} before")
    answer = _sent(self, request)
    step(f"HTTP {request.method} after")
    return answer


_sent = httpx.HTTPTransport.handle_request


@contextmanager
def counted(act: Callable[[int], None], noted: int | None = None) -> Iterator[list[str]]:
    """Counts the steps of the block, notes each in the open file `noted`, and acts before each of them."""
    global _steps, _act, _noted
    connect = sqlite3.connect
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sqlite3, "connect", lambda *a, **more: connect(*a, factory=_Watched, **more))
        patched.setattr(httpx.HTTPTransport, "handle_request", _send)
        _steps, _act, _noted = [], act, noted
        try:
            yield _steps
        finally:
            _steps = _noted = None


def only(number: int, act: Callable[[], None]) -> Callable[[int], None]:
    return lambda now: act() if now == number else None


def unkept(steps: Sequence[str], call: str) -> bool:
    """Whether a process that was killed at the last of these steps may not have kept the answer to such a call."""
    calls = [place for place, step in enumerate(steps) if step == f"{call} before"]
    rest = list(steps[calls[-1] :]) if calls else []
    return bool(calls) and (f"{call} after" not in rest or "after COMMIT" not in rest[rest.index(f"{call} after") :])


def read_noted(file: int) -> list[str]:
    """Of who is dead; closes the file."""
    os.lseek(file, 0, os.SEEK_SET)
    with os.fdopen(file, encoding="utf-8") as lines:
        return lines.read().split("\n")[:-1]


def in_a_process_that_dies(work: Callable[[], None], number: int) -> None:
    child = os.fork()
    if child == 0:
        try:
            with counted(only(number, lambda: os.kill(os.getpid(), signal.SIGKILL))):
                work()
        finally:
            os._exit(0)  # never back into pytest
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"step {number} was not reached"
