"""Files that were fetched, kept in the state folder so that none is fetched twice.

Each is named by what it was on its server and by its own SHA-256: `IDENTITY-SHA256`, mode 0600.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from auditor.files.whole import whole_file

MOST_FILES = 8
MOST_BYTES = 20 * 2**30
"""The two newest are kept whatever their size: they may be in use."""

_NAME = re.compile(r"[0-9a-f]{32}-[0-9a-f]{64}")


def hash_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(2**20):
            digest.update(chunk)
    return digest.hexdigest()


class Kept:
    """The folder of fetched files; `longest` is how long one is kept after its last use.

    With another folder `instead`, a file that has to be fetched goes there, and nothing in the first one changes.
    """

    def __init__(self, folder: Path, longest: timedelta, *, instead: Path | None = None) -> None:
        self._folder, self._longest, self._instead = folder, longest, instead

    def find(self, identity: str) -> tuple[Path, str] | None:
        """The file that was fetched as `identity`, and its SHA-256; None: not there, or not what it was."""
        self._sweep(MOST_FILES)
        for path in self._folder.glob(f"{_short(identity)}-*"):
            digest = hash_of(path)
            if path.name.endswith(f"-{digest}"):
                if self._instead is None:
                    os.utime(path)
                return path, digest
            if self._instead is None:
                path.unlink(missing_ok=True)
        return None

    def fetch(self, identity: str, copy: Callable[[Path], None]) -> tuple[Path, str]:
        """The file that `copy` writes into the path it is given, and its SHA-256; nothing stays where it fails."""
        folder = self._instead or self._folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sweep(MOST_FILES - 1)
        whole = folder / f"{_short(identity)}-{os.getpid()}"
        with whole_file(whole, durable=False) as partial:
            copy(partial)
        digest = hash_of(whole)
        return whole.replace(folder / f"{_short(identity)}-{digest}"), digest

    def _sweep(self, most: int) -> None:
        """Remove what was not used for long, what is too much, and what a killed process left behind."""
        if self._instead is not None:
            return
        now, size = time.time(), 0
        there = [(path.stat(), path) for path in self._folder.glob("*")]
        for number, (status, path) in enumerate(sorted(there, key=lambda each: -each[0].st_mtime)):
            size += status.st_size
            age = timedelta(seconds=now - status.st_mtime)
            surplus = number >= most or (number >= 2 and size > MOST_BYTES)
            if age > self._longest or (surplus if _NAME.fullmatch(path.name) else age > timedelta(days=1)):
                path.unlink(missing_ok=True)


def _short(identity: str) -> str:
    return hashlib.sha256(identity.encode()).hexdigest()[:32]
