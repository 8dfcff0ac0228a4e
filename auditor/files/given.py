"""Files that others write: how their names are shown, and whether one changes while it is read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from auditor.errors import AuditorError, SettingsError, TryLater


def printable(text: str | Path) -> str:
    """A name with every character that steers a terminal, or is not seen at all, spelt: `\\ufeffid`."""
    return "".join(letter if letter.isprintable() else _spelt(letter) for letter in str(text))


def _spelt(letter: str) -> str:
    return f"\\u{ord(letter):04x}" if ord(letter) < 2**16 else f"\\U{ord(letter):08x}"


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
