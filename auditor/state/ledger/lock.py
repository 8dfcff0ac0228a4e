"""One writer at a time: a lock file whose lock the operating system releases, however the holder ends.

The state folder must be on a local disk: network shares do not keep this promise.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path

from auditor.errors import TryLater


@contextlib.contextmanager
def hold(path: Path, command: str) -> Iterator[None]:
    """Hold the lock file `path` for the length of the block; `command` ("auditor apply") tells others what goes on.

    The file stays behind afterwards, unlocked: removing it would let two processes lock two different files.

    Raises TryLater, naming the process and the command that hold it, when another process does.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TryLater(
                f"{_holder(descriptor)} is at work in {path.parent}",
                hint="wait until it has ended; its lock is released by itself, there is nothing to delete",
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "command": command}).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    """Who holds the lock, as its file says; the file is empty for an instant while the lock changes hands."""
    try:
        content = json.loads(os.pread(descriptor, 4096, 0))
        return f"process {int(content['pid'])} ({content['command']})"
    except (ValueError, KeyError, TypeError):
        return "another auditor"
