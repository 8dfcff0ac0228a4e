"""The careful way through a CSV file: every line is looked at, good records are passed on, the others are named.

It is used only where a plain reading does not close. One stray quote costs its own line and not all that follow it:
a line whose quote swallows lines that look like rows is rejected alone, and reading goes on with the next line.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, NoReturn

from auditor.errors import InputUnusable
from auditor.files.given import printable
from auditor.findings.codes import Code, Notice
from auditor.load.csvfile import LINES_IN_CELL, NOT_CLOSED, Dialect, Torn

LONGEST_RECORD: Final = 16 * 2**20
"""Bytes; longer records are rejected."""

_FEW = 20
"""Columns up to which as many lines are read ahead for one record, before its end is given up."""
_ROWS_LOOK_LIKE_ROWS = 4
"""Columns from which a row swallowed by a quote is told from a note that happens to hold separators."""
_NEAR = 8
"""Lines within which every quote is tried as the end of a record."""
_SHOWN = 10_000
"""Bytes that are kept of a row longer than the longest."""
_CHUNK = 2**20
_TOO_LONG: Final = Notice(Code.ROW_TOO_LONG, {"bytes": LONGEST_RECORD})
_MANY_LINES: Final = Notice(Code.CELL_OF_MANY_LINES, {"lines": LINES_IN_CELL})


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


class Sieve:
    """One pass over one file."""

    def __init__(self, path: Path, dialect: Dialect, reject: Callable[[Reject], None], encoding: str = "UTF-8") -> None:
        self._path = path
        self._dialect = dialect
        self._grammar = dialect.grammar
        self._report = reject
        self._encoding = encoding
        self._waiting: deque[bytes] = deque()
        self._line = dialect.header_lines
        """Number of the line handed out last."""
        self.result = Sifted()

    def run(self, out: BinaryIO, progress: Callable[[int, int], None] | None = None) -> Sifted:
        """Write the good records to `out`, one way of writing for all, without a header.

        Raises InputUnusable when the file is cut off in the middle of a row.
        """
        result, separator, columns = self.result, self._grammar.separator, self._grammar.columns
        with self._path.open("rb") as file:
            file.seek(self._dialect.data_from)
            self._lines = self._read(file)
            while (line := self._next()) is not None:
                body = _body(line)
                if len(line) > LONGEST_RECORD:
                    record = self._reject([line[:_SHOWN]], _TOO_LONG)
                elif b'"' in line:
                    record = self._quoted(line, body)
                elif body.count(separator) == columns - 1 and (columns > 1 or body):
                    record = self._grammar.text(self._grammar.cells(body)) if b"\r" in body else body
                else:
                    record = self._unfit(line, body)
                if record is not None and (wrong := self._not_text(record)):
                    record = self._foreign([line], wrong)
                if record is not None:
                    result.beyond_ascii += not record.isascii()
                    result.records += 1
                    result.longest = max(result.longest, len(record))
                    out.write(record + b"\n")
                if progress is not None and self._line % 50_000 == 0:
                    progress(file.tell(), result.records)
        return result

    def _read(self, file: BinaryIO) -> Iterator[bytes]:
        if self._dialect.line_end != b"\r":
            while line := file.readline(LONGEST_RECORD + 1):
                if len(line) > LONGEST_RECORD:
                    line = line.rstrip(b"\n") + b"\n"
                    _skip_line(file)
                yield line
            return
        rest, given_up = b"", False
        while chunk := file.read(_CHUNK):
            *lines, rest = (rest + chunk).split(b"\r")
            for line in lines:
                if not given_up:
                    yield line + b"\r"
                given_up = False
            if given_up:
                rest = b""
            elif len(rest) > LONGEST_RECORD:
                yield rest + b"\r"
                rest, given_up = b"", True
        if rest:
            yield rest

    def _next(self) -> bytes | None:
        line = self._waiting.popleft() if self._waiting else next(self._lines, None)
        if line is not None:
            self._line += 1
        return line

    def _put_back(self, lines: list[bytes]) -> None:
        self._waiting.extendleft(reversed(lines))
        self._line -= len(lines)

    def _at_end(self) -> bool:
        line = self._next()
        if line is None:
            return True
        self._put_back([line])
        return False

    def _unfit(self, line: bytes, body: bytes) -> bytes | None:
        """A line without quotes that has the wrong number of cells."""
        separator, columns = self._grammar.separator, self._grammar.columns
        # Some systems end a file with the character that once ended files on DOS.
        if not body.strip(b" \t\x1a" if separator != b"\t" else b" \x1a"):
            self.result.empty_lines += 1
            return None
        cells = body.count(separator) + 1
        if cells < columns and self._only_blank_lines_follow():
            self._cut_off()
        return self._reject([line], _other_cells(cells, columns))

    def _quoted(self, line: bytes, body: bytes) -> bytes | None:
        """The record that begins with a line that has quotes; None when it was rejected."""
        if self._grammar.strict(body):
            return body
        try:
            cells = self._grammar.cells(body)
        except Torn as torn:
            if torn.open:
                return self._over_several_lines(line)
            return self._reject([line], torn.reason)
        if len(cells) == self._grammar.columns:
            return self._grammar.text(cells)
        if len(cells) < self._grammar.columns and self._only_blank_lines_follow():
            self._cut_off()
        return self._reject([line], _other_cells(len(cells), self._grammar.columns))

    def _over_several_lines(self, first: bytes) -> bytes | None:
        lines, cells, reason = self._gather(first)
        if cells is not None and reason == "":
            if wrong := self._not_text(b"".join(lines)):
                return self._foreign(lines, wrong)
            if self._swallows_rows(lines):
                self.result.doubtful.append(self._line - len(lines) + 1)
            self.result.line_ends_in_cells = True
            return self._grammar.text(cells)
        if self._stray(lines):
            # The quote is the accident, not the rows below it: they are read again, each for itself.
            if any(line.count(b'"') % 2 for line in lines[1:]):
                self.result.doubtful.append(self._line - len(lines) + 1)
            self._put_back(lines[1:])
            return self._reject([first], NOT_CLOSED)
        if reason == "end":
            self._cut_off(len(lines))
        if isinstance(reason, str):  # endless
            self._put_back(lines[1:])
            self.result.doubtful.append(self._line)
            return self._reject([first], NOT_CLOSED)
        if any(map(self._looks_like_row, lines[1:])):
            self.result.doubtful.append(self._line - len(lines) + 1)
        return self._reject(lines, reason)

    def _gather(self, first: bytes) -> tuple[list[bytes], list[bytes | None] | None, Notice | str]:
        """Lines up to the end of the record, its cells, and why it cannot be used (empty: it can).

        `end`: the file ends before it; `endless`: no end within what is read ahead.
        """
        lines, size, since_even, quotes = [first], len(first), 0, first.count(b'"')
        while True:
            line = self._next()
            if line is None:
                return lines, None, "end"
            lines.append(line)
            size += len(line)
            since_even += 1
            quotes += line.count(b'"')
            if len(lines) > LINES_IN_CELL * max(self._grammar.columns, _FEW) or size > LONGEST_RECORD:
                return lines, None, "endless"
            if since_even == LINES_IN_CELL and self._stray(lines):
                return lines, None, NOT_CLOSED
            # Quotes come in pairs, unless one stands inside an unquoted cell: that is looked for near by only.
            if b'"' not in line or (quotes % 2 and len(lines) > _NEAR):
                continue
            since_even = 0
            try:
                cells = self._grammar.cells(_body(b"".join(lines)))
            except Torn as torn:
                if torn.open:
                    continue
                return lines, None, torn.reason
            if len(cells) != self._grammar.columns:
                return lines, cells, _other_cells(len(cells), self._grammar.columns)
            if any(cell is not None and _line_ends(cell) >= LINES_IN_CELL for cell in cells):
                return lines, cells, _MANY_LINES
            return lines, cells, ""

    def _stray(self, lines: list[bytes]) -> bool:
        """Whether the quote that the first line leaves open seems to be one too many: rows follow, not a text."""
        first, rest = lines[0], lines[1:]
        if not rest or self._grammar.columns == 1:
            return False
        if sum(map(self._looks_like_row, rest)) * 2 >= len(rest):
            return True
        return self._width(first) and sum(map(self._width, rest)) * 2 >= len(rest)

    def _width(self, line: bytes) -> bool:
        """Whether a line has as many separators as a row, quotes or not."""
        return line.count(self._grammar.separator) == self._grammar.columns - 1

    def _looks_like_row(self, line: bytes) -> bool:
        """Whether a line could be a row of its own; in a file of one column nobody can tell."""
        if self._grammar.columns == 1:
            return False
        quotes = line.count(b'"')
        if self._width(line):
            return quotes % 2 == 0
        try:
            return quotes > 0 and len(self._grammar.cells(_body(line))) == self._grammar.columns
        except Torn:
            return False

    def _swallows_rows(self, lines: list[bytes]) -> bool:
        """Whether every line of a legal record could be a row, had not a quote been opened and another closed."""
        return self._grammar.columns >= _ROWS_LOOK_LIKE_ROWS and all(map(self._width, lines))

    def _only_blank_lines_follow(self) -> bool:
        ahead: list[bytes] = []
        while len(ahead) < LINES_IN_CELL and (line := self._next()) is not None:
            ahead.append(line)
            if line.strip():
                break
        self._put_back(ahead)
        return not any(line.strip() for line in ahead)

    def _reject(self, lines: list[bytes], reason: Notice) -> bytes | None:
        other = b"\n" if self._dialect.line_end == b"\r" else b"\r"
        if any(other in _body(line) for line in lines):  # rows that end otherwise may hide in it
            self.result.doubtful.append(self._line - len(lines) + 1)
        text = _body(b"".join(lines)).decode("utf-8", "backslashreplace")
        self.result.rejected += 1
        self._report(Reject(self._line - len(lines) + 1, reason, text))
        return None

    def _not_text(self, record: bytes) -> Notice | None:
        """What is wrong with the bytes of a record; None: nothing."""
        if record.isascii():
            return None
        try:
            record.decode()
        except UnicodeDecodeError as error:
            wrong = {"byte": error.start + 1, "value": record[error.start], "encoding": self._encoding}
            return Notice(Code.NOT_IN_ENCODING, wrong)
        return None

    def _foreign(self, lines: list[bytes], wrong: Notice) -> bytes | None:
        if lines[-1][-1] >= 0x80 and self._at_end():
            self._cut_off(len(lines))
        self.result.foreign += 1
        self.result.first_foreign = self.result.first_foreign or self._line - len(lines) + 1
        return self._reject(lines, wrong)

    def _cut_off(self, lines: int = 1) -> NoReturn:
        row = self.result.records + self.result.rejected + 1
        raise InputUnusable(
            f"{printable(self._path)} is cut off in the middle of row {row:,} (line {self._line - lines + 1:,})",
            hint="export or transfer it again",
        )


def _skip_line(file: BinaryIO) -> None:
    while (more := file.readline(_CHUNK)) and not more.endswith(b"\n"):
        pass


def _body(record: bytes) -> bytes:
    """Without its line end."""
    if record.endswith(b"\r\n"):
        return record[:-2]
    return record[:-1] if record.endswith((b"\n", b"\r")) else record


def _line_ends(cell: bytes) -> int:
    return cell.count(b"\n") or cell.count(b"\r")


def _other_cells(cells: int, columns: int) -> Notice:
    return Notice(Code.OTHER_CELLS, {"cells": cells, "columns": columns})
