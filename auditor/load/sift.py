"""The careful way through a CSV file: every line is looked at, good records are passed on, the others are named.

It is used only where a plain reading does not close. One stray quote costs its own line and not all that follow it:
a line whose quote swallows lines that look like rows is rejected alone, and reading goes on with the next line.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from auditor.findings.codes import Code, Notice
from auditor.load.around import ruled
from auditor.load.csvfile import LINES_IN_CELL, NOT_CLOSED, Dialect, Torn
from auditor.load.tail import Reject, Seen, Sifted, Tail, spellings

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


class Sieve:
    """One pass over one file."""

    def __init__(
        self,
        path: Path,
        dialect: Dialect,
        reject: Callable[[Reject], None],
        encoding: str = "UTF-8",
        footer: int | None = None,
    ) -> None:
        """`footer` is how many lines stand below the last row; None: nobody has said so."""
        self._path = path
        self._dialect = dialect
        self._footer = footer
        self._grammar = dialect.grammar
        self._report = reject
        self._encoding = encoding
        self._waiting: deque[bytes] = deque()
        self._line = dialect.header_lines
        """Number of the line handed out last."""
        self.result = Sifted()
        self._torn: int | None = None
        """Line number of the last row that lacks something, as one that is cut off does."""

    def run(self, out: BinaryIO, progress: Callable[[int, int], None] | None = None) -> Sifted:
        """Write the good records to `out`, one way of writing for all, without a header."""
        result, separator, columns = self.result, self._grammar.separator, self._grammar.columns
        names, closed = spellings(self._dialect), self._dialect.closed
        self._tail = tail = Tail(self._grammar, result, out, self._report, self._dialect.above)
        with self._path.open("rb") as file:
            file.seek(self._dialect.data_from)
            self._lines = self._read(file) if not self._footer else self._before_footer(file, self._footer)
            while (line := self._next()) is not None:
                body, number, rejected = _body(line), self._line, result.rejected
                if body in names:
                    result.again.append(number)
                    tail.begin_again()
                    self._pass_over_rule()
                    continue
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
                if record is not None and closed:
                    record = self._without_last(line, record)
                if record is None:
                    tail.add(Seen(number, body, rejected=result.rejected > rejected, written=0))
                else:
                    tail.add(Seen(number, record, rejected=False, written=len(record) + 1))
                    result.beyond_ascii += not record.isascii()
                    result.records += 1
                    result.longest = max(result.longest, len(record))
                    out.write(record + b"\n")
                if progress is not None and self._line % 50_000 == 0:
                    progress(file.tell(), result.records)
        self._ended()
        tail.tell()
        return result

    def _before_footer(self, file: BinaryIO, footer: int) -> Iterator[bytes]:
        """All lines but the last ones."""
        held: deque[bytes] = deque()
        for line in self._read(file):
            held.append(line)
            if len(held) > footer:
                yield held.popleft()
        self.result.below = (self._line + 1, len(held))

    def _ended(self) -> None:
        """Tells lines below the table from rows, and whether the last row is cut off."""
        result = self.result
        if self._footer is None:
            result.below = self._tail.set_below_aside()
        if result.below is None and self._torn is not None and self._tail.ends_with(self._torn):
            result.damaged, result.left = self._torn, self._line - self._torn + 1

    def _without_last(self, line: bytes, record: bytes) -> bytes | None:
        """A row of a file whose lines end in a separator; what stands behind that belongs to no column."""
        if record.endswith(self._grammar.separator):
            return record
        columns = self._grammar.columns
        return self._reject([line], _other_cells(columns, columns - 1))

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

    def _pass_over_rule(self) -> None:
        """The line of dashes below the names that stand once more is no row, as the one below the first is none."""
        if self._dialect.ruled and (line := self._next()) is not None:
            if ruled([cell.decode("utf-8", "replace") for cell in _body(line).split(self._grammar.separator)]):
                self.result.again.append(self._line)
            else:
                self._put_back([line])

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
        if cells < columns:
            if cells == columns - 1 and self._whole_without(body):
                return self._grammar.text([*self._grammar.cells(body), None])
            self._torn = self._line
        return self._reject([line], _other_cells(cells, columns))

    def _whole_without(self, body: bytes) -> bool:
        """Whether a line has all cells but that of a last column without a name, in which other lines end."""
        return not self._dialect.header[-1] and not body.endswith(self._grammar.separator)

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
        if len(cells) < self._grammar.columns:
            if len(cells) == self._grammar.columns - 1 and self._whole_without(body):
                return self._grammar.text([*cells, None])
            self._torn = self._line
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
            self._torn = self._line - len(lines) + 1
            return self._reject(lines, NOT_CLOSED)
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

    def _reject(self, lines: list[bytes], reason: Notice) -> bytes | None:
        other = b"\n" if self._dialect.line_end == b"\r" else b"\r"
        if any(other in _body(line) for line in lines):  # rows that end otherwise may hide in it
            self.result.doubtful.append(self._line - len(lines) + 1)
        text = _body(b"".join(lines)).decode("utf-8", "backslashreplace")
        self.result.rejected += 1
        self._tail.reject(Reject(self._line - len(lines) + 1, reason, text))
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
            self._torn = self._line - len(lines) + 1
        self.result.foreign += 1
        self.result.first_foreign = self.result.first_foreign or self._line - len(lines) + 1
        return self._reject(lines, wrong)


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
