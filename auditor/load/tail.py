"""What becomes of the lines of a CSV file, and what of its last ones turns out to be no rows."""

from __future__ import annotations

import codecs
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO

from auditor.findings.codes import Code, Notice
from auditor.load.below import TAIL, Last, Look, below, look
from auditor.load.csvfile import Dialect, Grammar, Torn

_BLANK = b" \t\r\x1a"
"""Some systems end a file with the character that once ended files on DOS."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that cannot be read."""

    line: int
    """Of the file, from 1; the first one of several."""
    reason: Notice
    text: str
    """Raw, without the last line end; bytes that are not UTF-8 are spelt, as in `Ren\\xe9`."""


@dataclass
class Sifted:
    """What became of all lines after the header."""

    records: int = 0
    """Passed on."""
    rejected: int = 0
    foreign: int = 0
    """Of the rejected, those with bytes that are no text in the encoding of the file."""
    first_foreign: int = 0
    """Line number of the first of them."""
    beyond_ascii: int = 0
    """Passed on with letters that have more than one byte."""
    empty_lines: int = 0
    """Lines without anything, which are no rows."""
    doubtful: list[int] = field(default_factory=list)
    """Line numbers where it is not certain which lines belong together, so that rows may hide."""
    longest: int = 0
    """Bytes of the longest record passed on."""
    line_ends_in_cells: bool = False
    """Of a record passed on."""
    below: tuple[int, int] | None = None
    """Line number and number of the lines below the last row, which are no rows; None: there are none."""
    again: list[int] = field(default_factory=list)
    """Line numbers where the names stand once more, and lines around them that are no rows."""
    damaged: int | None = None
    """Line number of the last row, if it is cut off; it is one of the rejected."""
    left: int = 0
    """How many lines there are from it to the end of the file."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of one of the last lines."""

    line: int
    text: bytes
    rejected: bool
    written: int
    """Bytes that were passed on for it."""

    @property
    def blank(self) -> bool:
        return not self.text.strip(_BLANK)


class Tail:
    """The last lines that were read, whose rejection is told once it is sure that they are rows."""

    def __init__(
        self, grammar: Grammar, result: Sifted, out: BinaryIO, report: Callable[[Reject], None], titles: int
    ) -> None:
        """`titles` is how many lines stand above the names."""
        self._grammar, self._result, self._out, self._report, self._titles = grammar, result, out, report, titles
        self._seen: deque[Seen] = deque()
        self._looks: set[Look] = set()
        """Of the first cells of rows before those in `_seen`."""
        self._rejected: deque[Reject] = deque()

    def add(self, one: Seen) -> None:
        self._seen.append(one)
        if len(self._seen) > TAIL:
            self._leave(self._seen.popleft())

    def _leave(self, one: Seen) -> None:
        if one.written:
            first = one.text.partition(self._grammar.separator)[0].strip(b' "')
            self._looks.add(look(first.decode("utf-8", "replace")))

    def reject(self, one: Reject) -> None:
        """A row that cannot be read."""
        self._rejected.append(one)
        while len(self._rejected) > 2 * TAIL:
            self._report(self._rejected.popleft())

    def tell(self) -> None:
        """Report what is rejected for good."""
        while self._rejected:
            self._report(self._rejected.popleft())

    def begin_again(self) -> None:
        """The names stand once more: titles above them, and lines below the rows before, are no rows either."""
        titles = list[Seen]()
        while self._seen and (self._seen[-1].rejected or self._seen[-1].blank):
            if not self._seen[-1].blank and sum(not one.blank for one in titles) == self._titles:
                break
            titles.append(self._seen.pop())
        self._set_aside(titles)
        self.set_below_aside()
        self._result.again += [one.line for one in titles if not one.blank]
        while self._seen:
            self._leave(self._seen.popleft())

    def set_below_aside(self) -> tuple[int, int] | None:
        """Takes back what stands below the last row; gives the line number of the first and how many there are."""
        seen = list(self._seen)
        count = below([self._read(one) for one in seen], self._grammar.columns, self._looks)
        closing = seen[len(seen) - count :]
        self._set_aside(closing)
        for _ in closing:
            self._seen.pop()
        texts = [one for one in closing if one.text.strip(_BLANK + b'"' + self._grammar.separator)]
        self._result.empty_lines += sum(one.written > 0 or not one.blank for one in closing if one not in texts)
        return (texts[0].line, len(texts)) if texts else None

    def ends_with(self, line: int) -> bool:
        """Whether nothing stands below a line."""
        return next((one.line for one in reversed(self._seen) if not one.blank), None) == line

    def _set_aside(self, closing: list[Seen]) -> None:
        """Lets the last lines be no rows."""
        result, lines = self._result, {one.line for one in closing}
        if written := sum(one.written for one in closing):
            result.records -= sum(one.written > 0 for one in closing)
            self._out.seek(-written, os.SEEK_CUR)
            self._out.truncate()
        taken = [one for one in self._rejected if one.line in lines]
        self._rejected = deque(one for one in self._rejected if one.line not in lines)
        result.rejected -= len(taken)
        result.foreign -= sum(one.reason.code is Code.NOT_IN_ENCODING for one in taken)
        result.doubtful[:] = [line for line in result.doubtful if line not in lines]

    def _read(self, one: Seen) -> Last:
        try:
            cells = [(cell or b"").decode("utf-8", "replace") for cell in self._grammar.cells(one.text)]
        except Torn:
            return Last(one.line, None, row=False)
        return Last(one.line, [] if one.blank else cells, row=one.written > 0)


def spellings(dialect: Dialect) -> frozenset[bytes]:
    """The line with the names, as it is written and in the usual ways."""
    names, mark = [name.encode() for name in dialect.header], dialect.grammar.separator
    quoted = mark.join(b'"' + name.replace(b'"', b'""') + b'"' for name in names)
    plain = {dialect.record, dialect.grammar.text([name or None for name in names]), quoted} - {b""}
    return frozenset(plain | {codecs.BOM_UTF8 + one for one in plain})
