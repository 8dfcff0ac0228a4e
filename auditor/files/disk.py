"""A disk that is not filled unawares, and one that is full said in our own words."""

from __future__ import annotations

import contextlib
import errno
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from auditor.errors import AuditorError, TryLater

MARGIN = 16 * 2**20
"""Bytes that must stay free beside what a file needs."""

READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)
"""Error numbers of a folder that takes no file from us."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Error numbers of a disk that takes no more."""
_FULL_IN_WORDS = re.compile(r"no space left|not enough space|file too large|quota exceeded|disk is full", re.IGNORECASE)
"""What the libraries below have no error number for."""
_LIBRARIES = ("_duckdb", "duckdb", "polars", "sqlite3")


@contextlib.contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """Turns "no space left", whoever says it, into an error that names the folder."""
    try:
        yield
    except AuditorError:
        raise
    except Exception as error:
        known = getattr(error, "errno", None)  # Polars raises an OSError without one
        theirs = isinstance(error, OSError) or type(error).__module__.partition(".")[0] in _LIBRARIES
        if known in FULL or (known is None and theirs and _FULL_IN_WORDS.search(str(error))):
            raise TryLater(f"the disk of {folder} is full: nothing was kept there", hint="free some space") from None
        raise


def require_space(folder: Path, needed: int) -> None:
    """Raises TryLater unless `needed` bytes, and a margin, are free on the disk of `folder`."""
    free = shutil.disk_usage(folder).free
    if free < needed + MARGIN:
        raise TryLater(
            f"the disk of {folder} has {megabytes(free)} free, and about {megabytes(needed + MARGIN)} are needed",
            hint="free some space",
        )


def require_writable(folder: Path) -> None:
    """Raises TryLater unless files can be made in the folder. Leaves no trace."""
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise unwritable(folder, error) from None


def require_folder(folder: Path) -> None:
    """Makes a folder for its owner alone where there is none. Raises TryLater where nobody may."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from None


def unwritable(folder: Path, error: OSError) -> TryLater:
    """What to say of a folder that takes no file."""
    return TryLater(f"{folder} cannot be written: {error.strerror}", hint="see who may write there, or free space")


def megabytes(size: int) -> str:
    """A size for people, in binary megabytes."""
    return f"{size / 2**20:,.1f} MB"
