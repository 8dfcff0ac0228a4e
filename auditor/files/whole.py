"""Files that appear whole or not at all, readable by their owner only: every file that is to last is written here."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from auditor.files.disk import READ_ONLY, full_disk, unwritable

OWNER_ONLY = 0o600
FOR_OTHERS = 0o644
"""Of a file without personal data."""


@contextlib.contextmanager
def whole_file(path: Path, *, mode: int = OWNER_ONLY, durable: bool = True) -> Iterator[Path]:
    """Gives an empty file to write into, of its mode from the first byte; it becomes `path`, or vanishes on an error.

    Who writes into it may truncate it, but must not put another file into its place. What was at `path` stays until the
    new file is complete, and, where it is to be `durable`, on the disk. Two who write the same file do so in turn.
    Raises TryLater when the disk is full or the folder takes no file.
    """
    with whole_files({path: mode}, durable=durable) as (partial,):
        yield partial


@contextlib.contextmanager
def whole_files(modes: Mapping[Path, int], *, durable: bool = True) -> Iterator[tuple[Path, ...]]:
    """The same for several files and their modes: none is put into place before all of them are complete."""
    with contextlib.ExitStack() as begun:
        partials = {}
        for path, mode in modes.items():
            begun.enter_context(full_disk(path.parent))
            partials[path] = begun.enter_context(_partial(path, mode))
        yield tuple(partial for partial, _ in partials.values())
        if durable:
            for _, descriptor in partials.values():
                os.fsync(descriptor)
        for path, (partial, _) in partials.items():
            partial.replace(path)
        if durable:
            for folder in {path.parent for path in modes}:
                _sync_names(folder)


def write_whole(path: Path, content: str | bytes, *, mode: int = OWNER_ONLY) -> Path:
    """Writes a whole file of bytes, or of text in UTF-8; gives its path."""
    with whole_file(path, mode=mode) as partial:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def name_whole(folder: Path, name: Path) -> None:
    """Gives a complete folder its name, once everything in it is on the disk."""
    with full_disk(folder):
        for path in (*folder.rglob("*"), folder):
            if path.is_dir():
                _sync_names(path)
            else:
                with path.open("rb") as file:
                    os.fsync(file.fileno())
        folder.rename(name)
    _sync_names(name.parent)


@contextlib.contextmanager
def _partial(path: Path, mode: int) -> Iterator[tuple[Path, int]]:
    """A new file beside `path` that is locked as long as it is written, and a descriptor of it."""
    partial = path.with_name(path.name + ".partial")
    descriptor = _begun(partial, mode)
    try:
        yield partial, descriptor
    except BaseException:
        if _is(partial, descriptor):
            partial.unlink()
        raise
    finally:
        os.close(descriptor)


def _begun(partial: Path, mode: int) -> int:
    """The descriptor of a new and locked file; waits for whoever writes one of this name, and removes a dead one's."""
    while True:
        try:
            descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
        except FileExistsError:
            _remove_dead(partial)
            continue
        except OSError as error:
            if error.errno in READ_ONLY:
                raise unwritable(partial.parent, error) from None
            raise
        _lock(descriptor)
        if _is(partial, descriptor):  # else somebody took it for a dead one's before it was locked
            return descriptor
        os.close(descriptor)


def _remove_dead(partial: Path) -> None:
    """Removes what a killed process left, and a link; waits where somebody is at it still."""
    if partial.is_symlink():
        partial.unlink(missing_ok=True)
        return
    try:
        descriptor = os.open(partial, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return
    try:
        _lock(descriptor)
        if _is(partial, descriptor):
            partial.unlink()
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    with contextlib.suppress(OSError):  # some file systems of networks have no locks
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _is(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(follow_symlinks=False), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _sync_names(folder: Path) -> None:
    """Puts on the disk which files a folder has, where that is supported: what was to be written stands already."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
