"""Ctrl-C, remembered.

DuckDB turns it into an error of its own, and a library that expects errors of its database goes on as if nothing had
happened. So whoever runs a command asks here whether somebody wanted it to end.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_asked = threading.Event()


@contextmanager
def remembered() -> Iterator[None]:
    """Inside the block Ctrl-C is remembered and raises KeyboardInterrupt. Where it is ignored, it stays ignored."""
    _asked.clear()
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, _remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def asked_to_end() -> bool:
    return _asked.is_set()


def end_if_asked() -> None:
    """Raises KeyboardInterrupt once more where the first one was lost."""
    if _asked.is_set():
        raise KeyboardInterrupt


def _remember(number: int, frame: FrameType | None) -> None:
    _asked.set()
    raise KeyboardInterrupt
