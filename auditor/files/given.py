"""Files that others write: how their names are shown, and whether one changes while it is read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from auditor.errors import AuditorError, SettingsError, TryLater


def printable(text: str | Path) -> str:
    """A file name without the characters that steer a terminal."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in str(text))


def fingerprint(path: Path) -> tuple[int, int, int] | None:
    """Changes when the file is replaced or written to: inode, size, modification time in nanoseconds; None: no file."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


@contextlib.contextmanager
def unchanged(path: Path) -> Iterator[None]:
    """Raises TryLater when the file was written to, replaced or removed meanwhile, whatever else went wrong with it."""
    before = fingerprint(path)
    problem: Exception | None = None
    try:
        yield
    except PermissionError as error:
        if error.filename != str(path):
            raise
        raise SettingsError(
            f"{printable(path)} cannot be read: permission denied", hint="give this user the right to read it"
        ) from None
    except (AuditorError, FileNotFoundError) as error:
        problem = error
    if before is None or fingerprint(path) != before:
        raise TryLater(
            f"{printable(path)} changed while it was read: it is still being written",
            hint="run again when the upload is complete",
        ) from problem
    if problem is not None:
        raise problem
