"""Everything that can go wrong in a foreseeable way, and the exit code each way has.

    AuditorError
    ├── SettingsError      2   usage, settings, contract, wrong key, missing column
    ├── GuardRefused       5   permission, volume or a stale plan stops a write
    ├── InputUnusable      6   an input that came but cannot be trusted: nothing is planned on it
    └── TryLater          75   a source, the platform, the quota, the disk or a lock is not available now

Anything else that is raised is a bug and ends with exit code 1. Messages say what happened, to which row, file
or setting, what exists instead, and what to do next. They never hold values of profiles or secrets.
"""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command. They are a public interface."""

    FINE = 0
    BUG = 1
    SETTINGS = 2
    FINDINGS = 3
    WRITES_LEFT = 4
    REFUSED = 5
    INCOMPLETE = 6
    TRY_LATER = 75
    INTERRUPTED = 130


class AuditorError(Exception):
    """Base of every foreseeable failure: `str(error)` is the sentence that a user reads.

    `hint` says what to do next; it is printed on a line of its own. `declare` is what can be declared of a file,
    `NAME=VALUE`: the command that reads it says where.
    """

    exit_code: Exit = Exit.BUG

    def __init__(self, message: str, *, hint: str | None = None, declare: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.declare = declare


class SettingsError(AuditorError):
    """The command line, a setting, a contract, a key or a column is wrong; running again changes nothing."""

    exit_code = Exit.SETTINGS


class GuardRefused(AuditorError):
    """A guard stopped a write: permission, volume, or a plan that no longer fits."""

    exit_code = Exit.REFUSED


class InputUnusable(AuditorError):
    """An input is there but cannot be trusted (empty, truncated, wrong encoding, below Actito's own count)."""

    exit_code = Exit.INCOMPLETE


class TryLater(AuditorError):
    """Something outside is not available now: source, platform, quota, disk or lock."""

    exit_code = Exit.TRY_LATER
