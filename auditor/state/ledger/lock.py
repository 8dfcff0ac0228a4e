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
from auditor.files.disk import unwritable


@contextlib.contextmanager
def hold(path: Path, command: str) -> Iterator[None]:
    """Hold the lock file `path` for the length of the block; `command` ("auditor apply") tells others what goes on.

    Who lets go leaves everything as it was found: a file, and its folder, that was not there is there no longer.

    Raises TryLater, naming the process and the command that hold it, when another process does, and where the folder
    takes no file.
    """
    try:
        descriptor, made = _taken(path)
    except OSError as error:
        raise unwritable(path.parent, error) from None
    found = os.pread(descriptor, 4096, 0)
    try:
        _say(descriptor, json.dumps({"pid": os.getpid(), "command": command}).encode())
        yield
    finally:
        if made:
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # by now there is something in it
                path.parent.rmdir()
        else:
            _say(descriptor, found)
        os.close(descriptor)


def _taken(path: Path) -> tuple[int, bool]:
    """A descriptor that holds the lock, and whether the file was made for it."""
    while True:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            descriptor, made = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), True
        except FileExistsError:
            try:
                descriptor, made = os.open(path, os.O_RDWR), False
            except FileNotFoundError:
                continue
        except FileNotFoundError:  # the folder went with somebody's lock
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = _holder(descriptor)
            os.close(descriptor)
            raise TryLater(
                f"{who} is at work in {path.parent}",
                hint="wait until it has ended; its lock is released by itself, there is nothing to delete",
            ) from None
        if os.fstat(descriptor).st_nlink:
            return descriptor, made
        os.close(descriptor)  # it was removed before it was ours: a lock on it would keep nobody out


def _say(descriptor: int, text: bytes) -> None:
    """The lock is held whether its file says so or not: on a full disk it does not."""
    os.ftruncate(descriptor, 0)
    with contextlib.suppress(OSError):
        os.pwrite(descriptor, text, 0)


def _holder(descriptor: int) -> str:
    """Who holds the lock, as its file says; the file is empty for an instant while the lock changes hands."""
    try:
        content = json.loads(os.pread(descriptor, 4096, 0))
        return f"process {int(content['pid'])} ({content['command']})"
    except (ValueError, KeyError, TypeError):
        return "another auditor"
