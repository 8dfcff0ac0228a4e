"""A small file that is to say something else: decided here and now, carried out when everything else is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from auditor.files.whole import OWNER_ONLY, write_whole


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What one file says, and what it is to say."""

    path: Path
    before: bytes | None
    """None: there is no such file."""
    after: bytes
    mode: int = OWNER_ONLY

    @classmethod
    def to(cls, path: Path, text: str, *, mode: int = OWNER_ONLY) -> Rewrite | None:
        """None where the file says the same already."""
        before, after = content(path), text.encode()
        return None if before == after else cls(path, before, after, mode)

    def carry_out(self) -> None:
        """Write the file, whole. What somebody else has written meanwhile stays."""
        if content(self.path) == self.before:
            _write(self.path, self.after, self.mode)

    def taken_back(self) -> bytes | None:
        """What the file says once it is taken back; None: it is not there then."""
        now = content(self.path)
        return self.before if now == self.after else now

    def take_back(self) -> None:
        """The file says again what it said, unless somebody else has written it since."""
        if content(self.path) != self.after:
            return
        if self.before is None:
            self.path.unlink()
        else:
            _write(self.path, self.before, self.mode)


def content(path: Path) -> bytes | None:
    """None where there is no such file."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _write(path: Path, text: bytes, mode: int) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(path, text, mode=mode)
