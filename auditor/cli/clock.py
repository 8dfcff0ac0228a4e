"""The moment at which a command works. Commands ask here and hand it on: nothing below them asks what time it is."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The time, with zone."""
    return datetime.now(UTC)


def sleep(seconds: float) -> None:
    """Let time pass."""
    time.sleep(seconds)
