"""What a run leaves is kept in one step at its end: all of it, or nothing.

Until then everything lies there under names that nothing refers to: the new files of agreed values, and the run's
folder, whose name begins with a dot. The step is one transaction of the ledger, which is its point of no return:

    commit.json      says what is about to be done, and what the files say that are to be written anew
    BEGIN            outcomes that the export confirmed, the run
    files, folder    `state.json`, the suite, the licence's spelling are replaced; the run folder gets its name
    COMMIT           from here on it is kept
    commit.json      goes, and so do files that count no longer

Whoever is stopped before COMMIT, by an error or by kill -9, has changed nothing: SQLite forgets the transaction, and
what `commit.json` tells is taken back, at once or by the next one who is at work in the state folder. Whether COMMIT
was reached, the ledger says: it knows the run. `run --baseline` records none: it is over when `commit.json` is gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from auditor.errors import AuditorError, GuardRefused, SettingsError
from auditor.files.rewrite import Rewrite, content
from auditor.files.whole import name_whole, write_whole
from auditor.findings.moments import moment
from auditor.settings.config import Settings
from auditor.state import heads
from auditor.state.ledger import FILE, Ledger, lock
from auditor.state.ledger.records import Head

JOURNAL: Final = "commit.json"

TOLERANCE: Final = timedelta(minutes=5)
"""So much a clock may be set back: those that are kept right by others are, now and then, a little."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Everything that is to be kept, or not."""

    name: str
    """Of the run, or of the change of keys, by which the ledger knows it."""
    rewrites: tuple[Rewrite, ...]
    """Small files that are to say something else, or to be there."""
    written: tuple[Path, ...]
    """New files, complete; the rewritten ones refer to them."""
    superseded: tuple[Path, ...]
    """Files that count no longer then."""
    folder: tuple[Path, Path] | None
    """The run folder, complete, and the name that it gets; None: no run is kept."""
    record: Callable[[Ledger], None] | None
    """Records it in the ledger, under its name; None: the ledger hears nothing of it."""
    secret: str | None
    """That of the ledger, should it be made now; None: it has one, or is not needed."""


@contextlib.contextmanager
def at_work(settings: Settings, command: str, now: datetime | None) -> Iterator[None]:
    """Be the only one who changes anything in the state folder; what a killed one left is set right first.

    How far the ledger has come by the end is noted beside it. Raises TryLater while another process is at work, and
    GuardRefused where `now` is before the ledger's last entry, for what is judged by moments would be judged wrongly,
    and where the ledger comes from a copy. `now` is None for whoever settles that.
    """
    state = settings.state_folder
    with lock.hold(state / "lock", command):
        set_right(state)
        before, last = _reached(state)
        if now is not None:
            if last is not None:
                _require_forward(now, last)
            with Ledger(state, reading=True) as ledger:
                heads.require_whole(settings, ledger)
        try:
            yield
        finally:
            with contextlib.suppress(AuditorError, OSError):  # then the next one notes it
                after, _ = _reached(state)
                if after != before and _knows_noted(state):
                    heads.note(state, after)


def steady(clock: Callable[[], datetime]) -> Callable[[], datetime]:
    """The same clock, as long as it does not go back: what it says then raises GuardRefused, as in `at_work`."""
    latest = clock()

    def read() -> datetime:
        nonlocal latest
        now = clock()
        _require_forward(now, latest)
        latest = max(latest, now)
        return now

    return read


def _require_forward(now: datetime, last: datetime) -> None:
    if now < last - TOLERANCE:
        raise GuardRefused(
            f"the clock of this machine is behind: it says {moment(now)}, and the "
            f"ledger's last entry is of {moment(last)}",
            hint="set the clock right; if it was ahead when that was written: auditor settle",
        )


def _knows_noted(state: Path) -> bool:
    """Whether the ledger has what was noted last: that of a copy does not, and the note stays until that is settled."""
    noted = heads.last_noted(state)
    if noted is None:
        return True
    with Ledger(state, reading=True) as ledger:
        return noted in ledger.among({noted})


def _reached(state: Path) -> tuple[Head, datetime | None]:
    with Ledger(state, reading=True) as ledger:
        return ledger.head, ledger.last_at


def commit(state: Path, kept: Kept) -> None:
    """Keep it, all or nothing; `at_work` holds the state folder."""
    journal = state / JOURNAL
    try:
        _note(journal, state, kept)
    except BaseException:
        _remove((journal, *kept.written))
        raise
    try:
        if kept.record is None:
            _carry_out(kept)
            journal.unlink()
        else:
            with Ledger(state, secret=kept.secret) as ledger, ledger.transaction():
                kept.record(ledger)
                _carry_out(kept)
    except BaseException:
        with contextlib.suppress(AuditorError, OSError):  # then the next one does it
            set_right(state)
        raise
    _remove((journal, *kept.superseded))


def set_right(state: Path) -> None:
    """Take back what was begun and not kept; nothing where nobody was stopped."""
    begun = _begun(state)
    if begun is None:
        return
    if not _was_kept(state, begun.name):
        for rewrite in begun.rewrites:
            rewrite.take_back()
        for folder in begun.folders:
            shutil.rmtree(folder, ignore_errors=True)
        _remove([*begun.written, *(one.path.with_name(one.path.name + ".partial") for one in begun.rewrites)])
        if not begun.had_ledger:
            _remove([state / f"{FILE}{end}" for end in ("", "-wal", "-shm")])
    (state / JOURNAL).unlink()


@dataclass(frozen=True, slots=True)
class Standing:
    """What `set_right` would take back: for whoever reads, and sets nothing right, it is as if it had."""

    folders: tuple[Path, ...] = ()
    """Run folders that are none."""
    rewrites: tuple[Rewrite, ...] = ()

    def content(self, path: Path) -> bytes | None:
        """What a file says; None: it is not there."""
        mine = (one for one in self.rewrites if one.path.resolve() == path.resolve())
        rewrite = next(mine, None)
        return content(path) if rewrite is None else rewrite.taken_back()


def standing(state: Path) -> Standing:
    """How matters stand in a state folder, whoever was stopped there. Writes nothing."""
    begun = _begun(state)
    if begun is None or _was_kept(state, begun.name):
        return Standing()
    return Standing(begun.folders, begun.rewrites)


@dataclass(frozen=True, slots=True)
class _Begun:
    """What `commit.json` tells."""

    name: str
    had_ledger: bool
    rewrites: tuple[Rewrite, ...]
    folders: tuple[Path, ...]
    written: tuple[Path, ...]


def _begun(state: Path) -> _Begun | None:
    """What somebody has begun to keep; None: nobody was stopped, or is at it. Raises SettingsError."""
    noted = content(state / JOURNAL)
    if noted is None:
        return None
    try:
        begun: dict[str, Any] = json.loads(noted)
        rewrites = tuple(
            Rewrite(state / path, None if before is None else before.encode("latin-1"), after.encode("latin-1"), mode)
            for path, before, after, mode in begun["rewrites"]
        )
        folders, written = (tuple(state / path for path in begun[these]) for these in ("folders", "written"))
        return _Begun(str(begun["name"]), bool(begun["ledger"]), rewrites, folders, written)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SettingsError(f"{state / JOURNAL} is damaged", hint="restore the state folder from a copy") from None


def _was_kept(state: Path, name: str) -> bool:
    with Ledger(state, reading=True) as ledger:
        return ledger.knows(name) or ledger.rekeyed(name)


def _note(journal: Path, state: Path, kept: Kept) -> None:
    """Paths from the state folder, so that a working folder may be moved; bytes as Latin-1, which has all of them."""
    noted = {
        "name": kept.name,
        "ledger": (state / FILE).exists(),
        "rewrites": [
            (_from(state, one.path), None if one.before is None else one.before.decode("latin-1"),
             one.after.decode("latin-1"), one.mode)
            for one in kept.rewrites
        ],
        "folders": [_from(state, folder) for folder in kept.folder or ()],
        "written": [_from(state, path) for path in kept.written],
    }  # fmt: skip
    write_whole(journal, json.dumps(noted))


def _carry_out(kept: Kept) -> None:
    for rewrite in kept.rewrites:
        rewrite.carry_out()
    if kept.folder is not None:
        name_whole(*kept.folder)


def _from(state: Path, path: Path) -> str:
    return os.path.relpath(path, state)


def _remove(paths: list[Path] | tuple[Path, ...]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()
