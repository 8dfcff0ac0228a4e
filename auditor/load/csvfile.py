"""CSV files before a parser loads them: records, encoding, and what the raw bytes say about lines and quotes.

`auditor.load.dialect` reads how a file is written. `survey` counts independently of the parser, so that a row which the
parser loses or invents shows in the sum.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from auditor.errors import InputUnusable, SettingsError
from auditor.files.given import printable
from auditor.files.whole import whole_file
from auditor.findings.codes import Code, Notice
from auditor.load.below import suspicious

SEPARATORS: Final = (b";", b",", b"\t", b"|")
"""What is recognised in a header line; of equally frequent ones the first."""
LINES_IN_CELL: Final = 100
"""A cell spanning more lines than this rejects its record: no contact's note is that long, but a stray quote is."""

NOT_CLOSED: Final = Notice(Code.QUOTE_NOT_CLOSED)
_TEXT_AFTER: Final = Notice(Code.TEXT_AFTER_QUOTE)

_CHUNK = 2**20
_TAIL = 2**13
BOM: Final = codecs.BOM_UTF8
_KEEPING = "surrogateescape"


class Torn(Exception):
    """A record that does not end where its text ends; `open` when a quoted cell is not closed."""

    def __init__(self, reason: Notice, *, unclosed: bool = False) -> None:
        super().__init__(reason.code)
        self.reason = reason
        self.open = unclosed


class Grammar:
    """RFC 4180 records of one separator, as bytes and without their line end.

    A quote inside an unquoted cell is a character like any other; blanks after a closing quote belong to the cell.
    """

    def __init__(self, separator: bytes, columns: int) -> None:
        self.separator = separator
        self.columns = columns
        cell = rb'(?:"(?:[^"]++|"")*+"|[^"\r\n%b]*+)' % re.escape(separator)
        self._strict = re.compile(cell + rb"(?:%b%b){%d}" % (re.escape(separator), cell, columns - 1))
        self._quoted = re.compile(rb'"((?:[^"]++|"")*+)"( *+)')
        self._inside_cells = bytes(set(range(256)) - {*b"\n", *separator})
        beside = re.escape(separator) + rb"\r\n"
        self._bare = re.compile(rb'"(?<![^%b]")(?:[^"\n]++|"")*+"(?![^%b])' % (beside, beside))

    def strict(self, record: bytes) -> bool:
        """Whether any parser of RFC 4180 reads it the same way, with the right number of cells."""
        return self._strict.fullmatch(record) is not None

    def cells(self, record: bytes) -> list[bytes | None]:
        """The cells; None for an empty one without quotes. Raises Torn."""
        cells: list[bytes | None] = []
        position, separator = 0, self.separator
        while True:
            if record[position : position + 1] == b'"':
                match = self._quoted.match(record, position)
                if match is None:
                    raise Torn(NOT_CLOSED, unclosed=True)
                position = match.end()
                if record[position : position + 1] not in (separator, b""):
                    raise Torn(_TEXT_AFTER)
                cells.append(match[1].replace(b'""', b'"') + match[2])
            else:
                end = record.find(separator, position)
                end = len(record) if end < 0 else end
                cells.append(record[position:end] or None)
                position = end
            if position >= len(record):
                return cells
            position += 1

    def without_quoted(self, lines: bytes) -> bytes:
        """The lines without their quoted cells. A quote is left where one is not as every parser reads it."""
        return self._bare.sub(b"", lines) if b'"' in lines else lines

    def too_many(self, lines: bytes) -> bool:
        """Whether one of the lines, without quotes, has more cells than there are columns."""
        return self.separator * self.columns in lines.translate(None, self._inside_cells)

    def text(self, cells: list[bytes | None]) -> bytes:
        """The cells as a record that every parser reads the same way."""
        special = (b'"', b"\n", b"\r", self.separator)
        return self.separator.join(
            b""
            if cell is None
            else b'"' + cell.replace(b'"', b'""') + b'"'
            if not cell or any(character in cell for character in special)
            else cell
            for cell in cells
        )


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV file is written, read off its header line."""

    grammar: Grammar
    header: tuple[str, ...]
    header_lines: int
    """Lines of the file up to and including the header."""
    data_from: int
    """Offset of the first byte after the header line."""
    line_end: bytes
    """Of the header line: `\\n`, `\\r\\n` or `\\r`. What ends in a line feed may end otherwise further down."""
    bom: bool
    named: bool = False
    """A line before the header names the separator: `sep=;`, as Excel reads it."""
    above: int = 0
    """Lines above the names that are no rows."""
    ruled: bool = False
    """Whether the line below the names, which is the last of the header lines then, is nothing but a line."""
    closed: bool = False
    """Whether each row ends in a separator that the names do not have: the last name is empty, and was not there."""
    record: bytes = b""
    """The header line as it is written, without its end."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What the raw bytes say."""

    lines: int
    """Line feeds, and one more where the last line has none."""
    plain: bool
    """Every line is a record for any parser: it ends as the header line does, no cell holds a line end, every byte is
    UTF-8, nothing is written in an unusual way."""
    final_line_end: bool
    foreign: bool
    """Some bytes are not UTF-8."""


def survey(path: Path, dialect: Dialect) -> Survey:
    """Read all bytes once."""
    lines = returns = windows_ends = 0
    foreign = False
    simple = dialect.header_lines == 1 + dialect.named and not (dialect.closed or dialect.ruled)
    plain, last, tail = dialect.line_end != b"\r" and simple, b"", b""
    grammar = dialect.grammar
    again = _again(dialect)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            # To the end of a line, so that no test below has to look across two chunks.
            chunk += file.readline(_CHUNK)
            if not chunk.endswith(b"\n"):
                # The last line, or one too long for the plain way: then to the end of a character at least.
                while chunk[-1] >= 0x80 and (more := file.read(1)):
                    chunk += more
            plain = plain and last in (b"", b"\n")
            foreign = foreign or not (chunk.isascii() or valid_utf8(chunk))
            lines += chunk.count(b"\n")
            if b"\r" in chunk:
                returns += chunk.count(b"\r")
                windows_ends += chunk.count(b"\r\n")
            plain = plain and _plain(chunk, grammar)
            if plain:
                begin = 0 if last else dialect.data_from - 1
                plain = not any(
                    mark in chunk and (chunk.find(line, begin) >= 0 or (last and chunk.startswith(line[1:])))
                    for mark, line in again
                )
            if grammar.columns == 1 and plain:
                plain = b"\n\n" not in chunk and b"\n\r" not in chunk and not chunk.startswith((b"\n", b"\r"))
            tail = chunk if len(chunk) >= _TAIL else tail[-_TAIL:] + chunk
            last = chunk[-1:]
    consistent = returns == windows_ends == (lines if dialect.line_end == b"\r\n" else 0)
    final = last == b"\n"
    if plain and lines > dialect.header_lines:
        plain = not suspicious(tail[-_TAIL:], grammar.separator)
    return Survey(lines + (not final), plain and consistent and not foreign, final, foreign)


def _again(dialect: Dialect) -> tuple[tuple[bytes, bytes], ...]:
    """How a line begins that may be the names once more, so that all are looked at one by one; and, before each, a byte
    of it that is quick to find and seldom there.
    """
    if not dialect.header[0]:
        return ()
    first = dialect.header[0].encode()
    behind = dialect.grammar.separator if dialect.grammar.columns > 1 else dialect.line_end
    return (b"\n", b"\n" + first + behind), (b'"', b'\n"' + first + b'"' + behind), (BOM[:1], b"\n" + BOM)


def to_utf8(path: Path, encoding: str, target: Path) -> None:
    """Write the file again as UTF-8, in a stream. Bytes that do not exist in the encoding stay, as no UTF-8.

    Raises SettingsError for an unknown encoding, InputUnusable for a file that cannot be in it, TryLater for a full
    disk.
    """
    # Wide encodings may hold half a pair, the others bytes without a meaning: neither becomes UTF-8.
    keeping = "surrogatepass" if codecs.lookup(_known(encoding)).name.startswith(("utf-16", "utf-32")) else _KEEPING
    decoder = decoder_of(encoding, keeping)
    lines = 1
    with whole_file(target, durable=False) as partial, path.open("rb") as source, partial.open("wb") as out:
        while True:
            chunk = source.read(_CHUNK)
            text = decoded(decoder, chunk, path, encoding, lines, final=not chunk)
            out.write(text.encode(errors=keeping))
            lines += text.count("\n")
            if not chunk:
                return


def not_utf8(path: Path, line: int) -> InputUnusable:
    return InputUnusable(
        f"{printable(path)} is not UTF-8: line {line} is the first that is not",
        hint="export it as UTF-8, or declare the encoding that it was written in",
        declare="encoding=windows-1252",
    )


def is_utf8(encoding: str) -> bool:
    """Whether an encoding is UTF-8, by whatever name."""
    try:
        return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")
    except LookupError:
        return False


def valid_utf8(text: bytes) -> bool:
    """Whether bytes are UTF-8."""
    import polars as pl  # checks a text twenty times faster than Python, which makes one of it

    try:
        pl.Series([text]).cast(pl.String)
    except pl.exceptions.PolarsError:
        return False
    return True


def _plain(chunk: bytes, grammar: Grammar) -> bool:
    """Whether every parser reads these lines alike."""
    bare = grammar.without_quoted(chunk)
    if b'"' in bare:
        return _plain_quotes(chunk, grammar.separator) and _plain_ends(chunk, grammar)
    return not _ends_empty(chunk, grammar.separator) or not grammar.too_many(bare)


def _plain_quotes(chunk: bytes, separator: bytes) -> bool:
    """Whether each line closes what it opens, and no blanks stand between a quote and a separator."""
    if any(line.count(b'"') & 1 for line in chunk.split(b"\n")):
        return False
    if re.search(rb'" +(?:[%b\r\n]|\Z)' % re.escape(separator), chunk):
        return False
    position = chunk.find(b' "')
    while position >= 0:
        before = position
        while before and chunk[before - 1] == ord(" "):
            before -= 1
        if not before or chunk[before - 1] in (ord(separator), ord("\n")):
            return False
        position = chunk.find(b' "', position + 1)
    return True


def _plain_ends(chunk: bytes, grammar: Grammar) -> bool:
    """Whether no line that ends with a separator has a cell too many: DuckDB passes over such a cell."""
    separator = grammar.separator
    if not _ends_empty(chunk, separator):
        return True
    for line in chunk.split(b"\n"):
        record = line.removesuffix(b"\r")
        suspicious = record.endswith(separator) and record.count(separator) != grammar.columns - 1
        if suspicious and (b'"' not in record or not grammar.strict(record)):
            return False
    return True


def _ends_empty(chunk: bytes, separator: bytes) -> bool:
    """Whether a line ends with a separator."""
    return separator + b"\n" in chunk or separator + b"\r" in chunk or chunk.endswith(separator)


def decoder_of(encoding: str, errors: str = "strict") -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder(_known(encoding))(errors)


def _known(encoding: str) -> str:
    try:
        codecs.getincrementaldecoder(encoding)
        b"aa".decode(encoding)  # base64 and the like are no encodings of text
    except UnicodeError:
        return encoding
    except LookupError:
        raise SettingsError(
            f'"{encoding}" is not an encoding',
            hint="known are for example utf-8, utf-16, iso-8859-15, and windows-1252, which Windows calls ANSI",
        ) from None
    return encoding


def decoded(
    decoder: codecs.IncrementalDecoder, chunk: bytes, path: Path, encoding: str, line: int, *, final: bool
) -> str:
    """The text of a chunk that begins in line `line`."""
    try:
        return decoder.decode(chunk, final=final)
    except UnicodeError as error:
        before = error.object.count(b"\n", 0, error.start) if isinstance(error, UnicodeDecodeError) else 0
        raise InputUnusable(
            f"{printable(path)} is not {encoding}: line {line + before} is the first that is not",
            hint="set the encoding in which the file was written",
        ) from None
