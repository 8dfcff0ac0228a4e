"""Files that appear whole or not at all, readable by their owner only, on a disk that is not filled unawares."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from auditor.errors import AuditorError, SettingsError, TryLater

MARGIN = 16 * 2**20
"""Bytes that must stay free beside what a file needs."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Error numbers of a disk that takes no more."""
_FULL_IN_WORDS = re.compile(r"no space left|not enough space|file too large|quota exceeded|disk is full", re.IGNORECASE)
"""What the libraries below have no error number for."""
_LIBRARIES = ("_duckdb", "duckdb", "polars", "sqlite3")


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives an empty file of mode 0600 to write into; it becomes `path` at the end, or vanishes after an error.

    Raises TryLater when the disk is full.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        with full_disk(path.parent):
            partial.unlink(missing_ok=True)
            os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            yield partial
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """Turns "no space left", whoever says it, into an error that names the folder."""
    try:
        yield
    except AuditorError:
        raise
    except Exception as error:
        if isinstance(error, OSError):
            full = error.errno in FULL
        else:
            library = type(error).__module__.partition(".")[0]
            full = library in _LIBRARIES and _FULL_IN_WORDS.search(str(error)) is not None
        if full:
            raise TryLater(f"the disk of {folder} is full: nothing was kept", hint="free some space") from None
        raise


def require_space(folder: Path, needed: int) -> None:
    """Raises TryLater unless `needed` bytes, and a margin, are free on the disk of `folder`."""
    free = shutil.disk_usage(folder).free
    if free < needed + MARGIN:
        raise TryLater(
            f"the disk of {folder} has {megabytes(free)} free, and about {megabytes(needed + MARGIN)} are needed",
            hint="free some space",
        )


def megabytes(size: int) -> str:
    """A size for people, in binary megabytes."""
    return f"{size / 2**20:,.1f} MB"


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
