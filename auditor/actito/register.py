"""The calls of all processes that share a folder: who is calling now, and when the last calls ended.

Which folder that is for those of one state folder, `auditor.files.running` says.

    calls     when calls ended, oldest first: eight bytes each, seconds of the machine's monotonic clock
    place-N   one file per call that may be under way; its lock is the place, its one byte says that a call is in it

Locks are those of the operating system (flock): whoever dies gives them back, and the call counts as ended when the
next caller finds the place. The monotonic clock is one for all processes and knows no summer time and no correction;
where it began anew (the machine was started again), what is noted counts as if it had just ended: at worst one wait too
many. `calls` is locked for some microseconds at a time, and nobody waits for anything else meanwhile.

For processes of one machine, in a folder on a local disk (see `auditor.state.ledger.lock`).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import threading
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

_MOMENT: Final = struct.Struct("=d")
_LARGEST: Final = 1 << 20
"""Bytes after which `calls` is cut down to what still counts."""
_USED, _EMPTY = b"1", b"0"


class FileRegister:
    """Implements `auditor.actito.limits.Register`. Two of them in one process are like two processes."""

    def __init__(self, folder: Path, places: int, clock: Callable[[], float]) -> None:
        """Raises OSError when the folder or its files cannot be made."""
        for one in (folder.parent, folder):  # parents=True gives them the usual mode
            one.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._clock = clock
        self._thread = threading.Lock()  # flock does not keep threads with one descriptor apart
        self._mine: set[int] = set()
        with contextlib.ExitStack() as opened:
            self._calls = _open(folder / "calls", opened)
            self._places = [_open(folder / f"place-{number}", opened) for number in range(1, places + 1)]
            self._opened = opened.pop_all()

    def close(self) -> None:
        """Gives back every place."""
        with self._thread:
            self._opened.close()

    def begin(self, calls: int, window: float) -> int | float:
        free: list[int] = []
        with self._locked() as now:
            try:
                size = self._tidy(now, window)
                under_way = len(self._mine)
                for number in range(len(self._places)):
                    if number in self._mine:
                        continue
                    if self._take(number):
                        free.append(number)
                        size = self._bury(number, size, now)
                    else:
                        under_way += 1
                if not free or under_way >= calls:
                    return 0.0
                wait = self._wait(size, now, calls - under_way, window)
                if wait > 0:
                    return wait
                number = free[0]
                os.pwrite(self._places[number], _USED, 0)
                self._mine.add(free.pop(0))
                return number
            finally:
                for number in free:
                    fcntl.flock(self._places[number], fcntl.LOCK_UN)

    def end(self, place: int) -> None:
        # What cannot be noted now (a full disk) is noted by the next caller, as if this one had died.
        with contextlib.suppress(OSError), self._locked() as now:
            self._mine.discard(place)
            try:
                self._bury(place, os.fstat(self._calls).st_size, now)
            finally:
                fcntl.flock(self._places[place], fcntl.LOCK_UN)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[float]:
        """Gives the moment: read with the lock held, so that moments are noted in their order."""
        with self._thread:
            fcntl.flock(self._calls, fcntl.LOCK_EX)
            try:
                yield self._clock()
            finally:
                fcntl.flock(self._calls, fcntl.LOCK_UN)

    def _take(self, number: int) -> bool:
        try:
            fcntl.flock(self._places[number], fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _bury(self, number: int, size: int, now: float) -> int:
        """Note the end of the call in a place whose lock is ours, if there is one; the size of `calls` then.

        Killed in between, it is noted twice, never not at all.
        """
        if os.pread(self._places[number], 1, 0) != _USED:
            return size
        size -= size % _MOMENT.size
        os.pwrite(self._calls, _MOMENT.pack(now), size)
        os.pwrite(self._places[number], _EMPTY, 0)
        return size + _MOMENT.size

    def _wait(self, size: int, now: float, calls: int, window: float) -> float:
        """Seconds until fewer than `calls` have ended within the window."""
        position = size - calls * _MOMENT.size
        if position < 0:
            return 0.0
        (moment,) = _MOMENT.unpack(os.pread(self._calls, _MOMENT.size, position))
        return max(float(moment) + window - now, 0.0)

    def _tidy(self, now: float, window: float) -> int:
        """Drop what does not count any more, set right what cannot be; the size of `calls` then."""
        size = os.fstat(self._calls).st_size // _MOMENT.size * _MOMENT.size
        if not size:
            return 0
        (last,) = _MOMENT.unpack(os.pread(self._calls, _MOMENT.size, size - _MOMENT.size))
        if last > now:
            os.pwrite(self._calls, array("d", [min(moment, now) for moment in self._read(size)]).tobytes(), 0)
        elif last + window <= now:
            os.ftruncate(self._calls, 0)
            return 0
        if size > _LARGEST:
            moments = self._read(size)
            kept = moments[bisect_right(moments, now - window) :].tobytes()
            if 2 * len(kept) <= size:  # then the old end stays until the new one is complete, whenever we are killed
                os.pwrite(self._calls, kept, 0)
                os.ftruncate(self._calls, len(kept))
                return len(kept)
        return size

    def _read(self, size: int) -> array[float]:
        return array("d", os.pread(self._calls, size, 0))


def _open(path: Path, opened: contextlib.ExitStack) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    opened.callback(os.close, descriptor)
    return descriptor
