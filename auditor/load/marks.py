"""CSV files with other quotes than `"`, or with a character that escapes the next one, put into the usual marks.

Bytes of the same meaning change places: another quote with `"`, and what is escaped becomes a character of a private
area, so that no reader takes it for a mark. After landing both are put back: in the cells as what is meant, in the text
of rejected rows as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from auditor.engine.duckdb import literal
from auditor.errors import SettingsError
from auditor.files.given import printable
from auditor.files.whole import whole_file
from auditor.findings.codes import Code, Notice
from auditor.load.csvfile import SEPARATORS

QUOTE: Final = '"'
_PRIVATE = 0xF8D0
"""Of Unicode's private area: no name is written there."""
_CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class Marks:
    """Which character encloses cells, and which takes its meaning from the next one; a quote is doubled in any case."""

    quote: str = QUOTE
    escape: str | None = None

    def __post_init__(self) -> None:
        for name, mark in (("quote", self.quote), ("escape", self.escape)):
            if mark is not None and (len(mark) != 1 or not mark.isascii() or mark.isalnum() or mark.isspace()):
                raise SettingsError(f"{name} is one ASCII character that is no letter, digit or blank")
        if self.escape == self.quote:
            raise SettingsError("a quote that is escaped by doubling it needs no escape: leave the setting out")

    @property
    def usual(self) -> bool:
        """Nothing has to change places."""
        return self.quote == QUOTE and self.escape is None

    def notes(self) -> Iterator[Notice]:
        """What is not usual."""
        if self.quote != QUOTE:
            yield Notice(Code.QUOTE_RECOGNISED, {"mark": self.quote})
        if self.escape is not None:
            yield Notice(Code.ESCAPE_RECOGNISED, {"mark": self.escape})

    def respell(self, source: Path, target: Path) -> None:
        """Write a UTF-8 file again in the usual marks, line by line the same. Raises SettingsError where it cannot."""
        with whole_file(target, durable=False) as partial, source.open("rb") as file, partial.open("wb") as out:
            while chunk := file.read(_CHUNK):
                # To the end of a line, so that no escape stands apart from what it escapes.
                out.write(self.usually(chunk + file.readline(), source))

    def usually(self, text: bytes, source: Path) -> bytes:
        """Bytes of a file in the usual marks; they end with a line, or the file does."""
        if self.escape is not None:
            private = {mark.encode(): stand_in.encode() for mark, stand_in in self._private.items()}
            if any(stand_in in text for stand_in in private.values()):
                raise SettingsError(f"{printable(source)} has private characters, and cannot be read with an escape")
            text = self._escaped.sub(lambda found: private[found[1]], text)
            text = text.replace(self.escape.encode() + b"\n", b"\n")
        return text.translate(bytes.maketrans(f'{self.quote}"'.encode(), f'"{self.quote}'.encode()))

    def meant(self, cell: str) -> str:
        """SQL for a cell as it is meant, from SQL for a landed one."""
        places = self._meanings
        return f"translate({cell}, {literal(''.join(places))}, {literal(''.join(places.values()))})"

    def read(self, text: str) -> str:
        """The text of a cell, such as the name of a column, as it is meant."""
        return "".join(self._meanings.get(character, character) for character in text)

    def written(self, text: str) -> str:
        """The text of a row as it was written."""
        text = text.translate(str.maketrans(f'{self.quote}"', f'"{self.quote}'))
        if self.escape is not None:
            for mark, private in self._private.items():
                text = text.replace(private, self.escape + mark)
        return text

    @property
    def _meanings(self) -> dict[str, str]:
        places = {QUOTE: self.quote, self.quote: QUOTE} if self.quote != QUOTE else {}
        return places if self.escape is None else places | {private: mark for mark, private in self._private.items()}

    @property
    def _private(self) -> dict[str, str]:
        """What can be escaped → the character that stands for it meanwhile."""
        marks = dict.fromkeys([self.escape or "", self.quote, QUOTE, *(mark.decode() for mark in SEPARATORS)])
        return {mark: chr(_PRIVATE + place) for place, mark in enumerate(marks)}

    @property
    def _escaped(self) -> re.Pattern[bytes]:
        marks = "".join(self._private).encode()
        return re.compile(re.escape((self.escape or "").encode()) + b"([" + re.escape(marks) + b"])")


USUAL: Final = Marks()
_HEAD = 2**20
_APOSTROPHES = re.compile(rb"(?:\xef\xbb\xbf)?(?:sep=.\r?\n)?'[^'\r\n]*'(?:[;,\t|]'[^'\r\n]*')*\r?\n")
"""A header line whose every name stands between apostrophes."""
_BACKSLASHES = re.compile(rb'[^\\"]\\"(?![;,\t|"\r\n]|\Z)')
"""A quote behind a backslash and before more text, which no file has where a quote is doubled."""


def at_first_sight(path: Path) -> Marks:
    """The marks as the beginning of a file shows them, where they are none of the usual ones."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    quote = "'" if _APOSTROPHES.match(head) else QUOTE
    return Marks(quote, "\\" if _BACKSLASHES.search(head.replace(quote.encode(), b'"')) else None)
