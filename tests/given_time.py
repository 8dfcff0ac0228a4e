"""The time of the tests: it begins on a Wednesday morning in November, on whatever day and at whatever hour they run.

`AUDITOR_TESTS_FROM=2026-12-31T23:59:50+01:00 pytest …` lets it begin at another moment. What commands and
sandboxes take for now is taken from here (see `conftest`, `driven_sandbox`): what the ones write, the others compare.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime, timedelta

FIRST = datetime.fromisoformat(os.environ.get("AUDITOR_TESTS_FROM", "2026-11-25T10:00:00+01:00")).astimezone(UTC)
_BEGUN = float(os.environ.setdefault("AUDITOR_TESTS_BEGUN", str(time.monotonic())))
"""One for all processes of a session: they inherit it."""


def now() -> datetime:
    """With zone (UTC). It goes on as fast as any other clock, since sandboxes are processes of their own."""
    return FIRST + timedelta(seconds=time.monotonic() - _BEGUN)


def sleep(seconds: float) -> None:
    """A twentieth of what a command would wait for what Actito may show late: a sandbox shows it after two seconds."""
    time.sleep(seconds if seconds <= 2 else seconds / 20)


def script(code: str) -> list[str]:
    """What starts a process of its own that runs this Python code, with a command's now of here."""
    given = f"lambda: datetime.fromisoformat({now().isoformat()!r})"
    return [
        sys.executable,
        "-c",
        f"from datetime import datetime; from auditor.cli import clock; clock.now = {given}\n{code}",
    ]
