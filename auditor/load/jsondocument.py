"""JSON that is no lines: one array of objects, a list within an answer, objects over several lines or several on one.

| written | rows |
|---|---|
| `[{…}, {…}]` | the members of the array |
| `{"total": 2, "data": [{…}, {…}]}`, `{"data": {"contacts": [{…}]}}` | those of the one list of objects in it |
| `{…}{…}`, `{…},` at the end of each line, objects over several lines | the objects |

It is read piece by piece: what is in memory is one row and what was read ahead. Cells as in `auditor.load.jsonlines`.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

from auditor.errors import InputUnusable
from auditor.files.given import printable
from auditor.findings.codes import Code, Notice
from auditor.load.jsonlines import Number, Read, WrongError, first_twice, reason, row_of, shown
from auditor.load.sift import LONGEST_RECORD
from auditor.load.tail import Reject

_CHUNK: Final = 2**20
"""Bytes that are read at once, at least."""
_BLANK: Final = re.compile(r"[ \t\r\n]*")
_OBJECTS: Final = re.compile(r"\[[ \t\r\n]*\{")
_LONGEST_WORD: Final = len("false")
_STEP: Final = 20_000
"""Rows between two words about progress."""


class _EndError(Exception):
    """The file ends where more was to come."""


@dataclass
class Document:
    """Reads a file row by row; what it passed over is known afterwards."""

    path: Path
    told: Callable[[int, int], None] = lambda done, rows: None
    marked: bool = False
    """Whether the file begins with a byte order mark."""
    list_of: str | None = None
    """The names under which the list of rows stands, with dots; None: it stands in nothing."""
    _text: str = field(default="", repr=False)
    """What was read and is not used up; the next of it stands `_at`."""
    _at: int = 0
    _lines: int = 0
    """Ends of lines in front of the text."""
    _raw: str = field(default="", repr=False)
    """The text of the last value."""
    _twice: str | None = field(default=None, repr=False)
    """A name that stands twice in it."""

    def __post_init__(self) -> None:
        self._decoder = json.JSONDecoder(object_pairs_hook=self._pairs, parse_int=Number, parse_float=Number,
                                         parse_constant=Number)  # fmt: skip

    def __iter__(self) -> Iterator[Read | Reject]:
        """Rows and what is none, numbered from 1.

        Raises InputUnusable where something is no JSON and the file goes on: nobody knows which rows follow.
        """
        number = 0
        with self.path.open("rb") as file:
            self._more = _reader(file)
            try:
                for content in self._values():
                    number += 1
                    yield self._row(number, content)
                    if number % _STEP == 0:
                        self.told(file.tell(), number)
            except _EndError:
                rest = self._text[self._at :].rstrip()
                yield Reject(number + 1, Notice(Code.NO_JSON, {"character": len(rest) + 1}), shown(_bytes(rest)))

    def _row(self, number: int, content: object) -> Read | Reject:
        twice, self._twice = self._twice, None
        try:
            if twice is not None:
                raise WrongError(Notice(Code.NAME_TWICE, {"name": twice}))
            _bytes(self._raw).decode()
            return Read(row_of(content, check=not self._raw or "\\u" in self._raw))
        except (ValueError, RecursionError) as error:
            return Reject(number, reason(error), shown(_bytes(self._raw)))

    # --- what the file says, piece by piece ---

    def _values(self) -> Iterator[Any]:
        """The rows of all values of the file, one after the other, whatever stands between them."""
        while (sign := self._sign(may_end=True)) == "\ufeff":
            self.marked, self._at = True, self._at + 1
        rows, lists = 0, 0
        while sign is not None:
            if sign == "[":
                yield from self._members()
            elif sign != "{":
                raise self._wrong(self._at)
            elif (content := (yield from self._object(()))) is None:
                lists += 1
            else:
                rows += 1
                yield content
            if lists > 1 or (lists and rows):
                raise self._unclear(self.list_of or "")
            if self._sign(may_end=True) == ",":
                self._at += 1
            sign = self._sign(may_end=True)

    def _members(self) -> Iterator[Any]:
        """Those of the array that begins here."""
        self._at += 1
        while self._sign() != "]":
            yield self._value()
            if self._sign() == ",":
                self._at += 1
            elif self._sign() != "]":
                raise self._wrong(self._at)
        self._at += 1

    def _object(self, names: tuple[str, ...]) -> Generator[Any, None, dict[str, Any] | None]:
        """The rows of the list of objects that stands in the object that begins here, or in one within it; the content
        of an object in which none does is returned.
        """
        content, listed = dict[str, Any](), False
        twice = None
        self._at += 1
        while self._sign() != "}":
            if self._sign() != '"':
                raise self._wrong(self._at)
            name = self._value()
            if self._sign() != ":":
                raise self._wrong(self._at)
            self._at += 1
            sign, inner = self._sign(), (*names, name)
            if sign == "[" and _OBJECTS.match(self._ahead(), self._at):
                if self.list_of is not None:
                    raise self._unclear(", ".join(dict.fromkeys([self.list_of, printable(".".join(inner))])))
                self.list_of, listed = printable(".".join(inner)), True
                yield from self._members()
            else:
                found = (yield from self._object(inner)) if sign == "{" else self._value()
                twice = name if name in content else twice or self._twice
                listed |= found is None and sign == "{"
                content[name] = found
            if self._sign() == ",":
                self._at += 1
            elif self._sign() != "}":
                raise self._wrong(self._at)
        self._at += 1
        self._raw, self._twice = "", twice
        return None if listed else content

    def _value(self) -> Any:
        while True:
            try:
                content, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if len(self._text) - self._at > LONGEST_RECORD:
                    raise self._wrong(error.pos) from None
                if not self._read():
                    cut_off = error.msg.startswith("Unterminated string")
                    if cut_off or len(self._text.rstrip()) - error.pos <= _LONGEST_WORD:
                        raise _EndError from None
                    raise self._wrong(error.pos) from None
            except RecursionError:
                raise self._wrong(self._at) from None
            else:
                if end < len(self._text) or not self._read():  # where a number ends, more of it may follow
                    self._raw, self._at = self._text[self._at : end], end
                    return content

    def _sign(self, *, may_end: bool = False) -> str | None:
        """The next character that is not blank. Raises _EndError where there is none, unless the file `may_end`."""
        while True:
            blank = _BLANK.match(self._text, self._at)
            self._at = blank.end() if blank else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._read():
                if may_end:
                    return None
                raise _EndError

    def _ahead(self) -> str:
        """The text, with enough of it to see what an array begins with."""
        while not self._text[self._at + 1 :].lstrip(" \t\r\n") and self._read():
            pass
        return self._text

    def _read(self) -> bool:
        """Read on, at least as much as there is already; False at the end of the file."""
        more = self._more(max(_CHUNK, len(self._text) - self._at))
        if more:
            self._lines += self._text.count("\n", 0, self._at)
            self._text, self._at = self._text[self._at :] + more, 0
        return bool(more)

    def _pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        self._twice = self._twice or first_twice(pairs)
        return dict(pairs)

    def _wrong(self, place: int) -> InputUnusable:
        line = self._lines + self._text.count("\n", 0, place) + 1
        character = place - self._text.rfind("\n", 0, place)
        return InputUnusable(
            f"{printable(self.path)} is no JSON from line {line}, character {character} on",
            hint="export it again: nobody can tell which rows follow",
        )

    def _unclear(self, lists: str) -> InputUnusable:
        return InputUnusable(
            f"{printable(self.path)} is JSON with several objects or lists of objects ({lists}): "
            "which of them are the rows is not clear",
            hint="write the ones that are meant into a file of their own: jq -c '.NAME[]' FILE",
        )


def _reader(file: BinaryIO) -> Callable[[int], str]:
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def more(size: int) -> str:
        while chunk := file.read(size):
            if text := decoder.decode(chunk):
                return text
        return decoder.decode(b"", final=True)

    return more


def _bytes(text: str) -> bytes:
    """As it stands in the file."""
    return text.encode("utf-8", "surrogateescape")
