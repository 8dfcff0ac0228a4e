"""How a CSV file is written, read off its first lines: where its names stand, its separator, how its lines end."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from auditor.errors import InputUnusable, SettingsError
from auditor.files.given import printable
from auditor.files.whole import whole_file
from auditor.findings.sentences import of_file
from auditor.load import around
from auditor.load.csvfile import BOM, SEPARATORS, Dialect, Grammar, Torn, decoded, decoder_of, is_utf8, not_utf8
from auditor.load.form import Form

UNDECLARED: Final = Form()

_LONGEST_HEADER = 4 * 2**20
_CHUNK = 2**20
_SINGLE: Final = {b"\r\r\n": b"\r\n", b"\n\r": b"\n"}
_RARE: Final = ("^", "~", "\x01", "\x1f")
"""Separators that are recognised by the key's column alone, which no other separator finds."""
_NAMED: Final = re.compile(rb'("?)sep=([^"\r\n])\1(?:\r\n|\r|\n)', re.IGNORECASE)


def read_dialect(
    path: Path,
    form: Form = UNDECLARED,
    encoding: str = "utf-8",
    usually: Callable[[bytes, Path], bytes] = lambda text, path: text,
) -> Dialect:
    """Read the line with the names of a file. `usually` puts its marks into the usual ones.

    Raises InputUnusable for a file without a header line or with one that cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_LONGEST_HEADER)
    whole = len(head) < _LONGEST_HEADER
    if not is_utf8(encoding):
        head = decoded(decoder_of(encoding), head, path, encoding, 1, final=False).encode()
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputUnusable(
            f"{printable(path)} is UTF-16, not UTF-8", hint="export it as UTF-8", declare="encoding=utf-16"
        )
    if (doubled := _ends_doubled(head)) is not None:
        head = head.replace(doubled, _SINGLE[doubled])
    head = usually(head, path)
    bom = head.startswith(BOM)
    start = 0
    while head.startswith(BOM, start):
        start += len(BOM)
    line_end = b"\n" if b"\n" in head or b"\r" not in head else b"\r"
    lines = 0
    while head.startswith((b"\r\n", b"\n", b"\r"), start):
        start += 2 if head.startswith(b"\r\n", start) else 1
        lines += 1
    named = _NAMED.match(head, start)
    if named is not None:
        start = named.end()
        lines += 1
    table = head[start:].rpartition(line_end)[0] + line_end if not whole and line_end in head[start:] else head[start:]
    found = list(around.records(table, 0, line_end))
    if not whole and not found:
        found = [(0, len(table), 1)]
    if not table.strip(b" \t\r\n"):
        raise InputUnusable(f"{printable(path)} is empty: it has no header line", hint="export it again")
    if not whole and line_end not in table:
        raise InputUnusable(f"the first line of {printable(path)} has no end: it is not a CSV file with a header line")
    mark = form.separator.encode() if form.separator else named[2] if named else None
    if mark is not None and len(mark) != 1:
        raise SettingsError("a separator is one ASCII character, such as ; or ,")
    sample = _sampled(table, found, lines)
    place, mark = _header(path, sample, mark, form, found, table)
    begin, end, height = found[place]
    lines = sample[place].number + height - 1
    record = table[begin:end].rstrip(b"\r\n")
    try:
        cells = Grammar(mark, 1).cells(record)
        header = tuple((cell or b"").decode() for cell in cells)
    except UnicodeDecodeError:
        raise not_utf8(path, lines) from None
    except Torn as torn:
        raise InputUnusable(f"the header line of {printable(path)} cannot be read: {of_file(torn.reason)}") from None
    if table.endswith(b"\r\n", begin, end):
        line_end = b"\r\n"
    body = [line.cells(mark.decode()) for line in sample[place + 1 :]]
    ruled = bool(body) and around.ruled(body[0])
    if ruled:
        end, lines, body = found[place + 1][1], lines + found[place + 1][2], body[1:]
    header, closed = _closed(header, body)
    above = sum(any(line.cells(mark.decode())) for line in sample[:place])
    return Dialect(
        Grammar(mark, len(header)),
        header,
        lines,
        start + end,
        line_end,
        bom,
        named is not None,
        above,
        ruled,
        closed,
        record,
    )


def _sampled(text: bytes, records: Sequence[tuple[int, int, int]], before: int) -> list[around.Line]:
    """The first records of a file, `before` so many lines of which they begin."""

    def read(record: bytes) -> Callable[[str], around.Cells]:
        def cells(mark: str) -> around.Cells:
            try:
                return [(cell or b"").decode("utf-8", "replace") for cell in Grammar(mark.encode(), 1).cells(record)]
            except Torn:
                return [record.decode("utf-8", "replace")]

        return cells

    sample, number = [], before + 1
    for begin, end, lines in records:
        record = text[begin:end].rstrip(b"\r\n")
        sample.append(
            around.Line(number, read(record) if record.strip() else lambda mark: [], _recognised(record).decode())
        )
        number += lines
    return sample


def _header(
    path: Path,
    sample: Sequence[around.Line],
    mark: bytes | None,
    form: Form,
    found: Sequence[tuple[int, int, int]],
    text: bytes,
) -> tuple[int, bytes]:
    """The place of the record with the names in the sample, and the separator."""
    if form.header is None:
        marks = [mark.decode()] if mark else [one.decode() for one in SEPARATORS]
        place, recognised = around.names_in(sample, marks, form.names)
        if mark is None and form.names and not set(form.names) <= set(sample[place].cells(recognised)):
            recognised = next((one for one in _RARE if _separates(sample[place], one, form.names)), recognised)
        return place, mark or recognised.encode()
    for place, line in enumerate(sample):
        if line.number == form.header:
            begin, end, _ = found[place]
            if not text[begin:end].strip():
                break
            return place, mark or line.usual.encode()
    raise SettingsError(
        f"no names stand in line {form.header} of {printable(path)}", hint="give the number of the line with the names"
    )


def _separates(line: around.Line, mark: str, wanted: Sequence[str]) -> bool:
    """Whether a line has the wanted columns, and others, with a separator that few use."""
    cells = line.cells(mark)
    return len(cells) > 1 and set(wanted) <= set(cells) and all(cells)


def _closed(header: tuple[str, ...], body: Sequence[around.Cells]) -> tuple[tuple[str, ...], bool]:
    """The names, as many as a row has cells, where each row, or the header line alone, ends in a separator."""
    if header[-1]:
        closed = around.extra_cell(len(header), body)
        return ((*header, "") if closed else header), closed
    rows = [cells for cells in body if around.filled(cells)]
    if len(header) > 2 and rows and all(len(cells) == len(header) - 1 and cells[-1] for cells in rows):
        return header[:-1], False
    return header, False


def _ends_doubled(text: bytes) -> bytes | None:
    """`\\r\\r\\n` or `\\n\\r`, if more than half of the lines end so; None: they do not."""
    lines = text.count(b"\n")
    if lines and text.count(b"\r\r\n") * 2 > lines:
        return b"\r\r\n"
    return b"\n\r" if lines and b"\r\n" not in text and text.count(b"\n\r") * 2 > lines else None


def doubled_at_first_sight(path: Path) -> bytes | None:
    """How most lines end at the beginning of a file, where they end in something unusual: see `single_line_ends`."""
    with path.open("rb") as file:
        return _ends_doubled(file.read(_CHUNK))


def single_line_ends(source: Path, target: Path, doubled: bytes) -> Path:
    """Writes a file again, line by line the same, with `\\r\\n` for `\\r\\r\\n`, or `\\n` for `\\n\\r`."""
    with whole_file(target, durable=False) as partial, source.open("rb") as file, partial.open("wb") as out:
        rest = b""
        while chunk := file.read(_CHUNK):
            chunk = rest + chunk
            keep = len(chunk) - len(chunk.rstrip(b"\r\n"))
            rest, chunk = chunk[len(chunk) - keep :], chunk[: len(chunk) - keep]
            out.write(chunk.replace(doubled, _SINGLE[doubled]))
        out.write(rest.replace(doubled, _SINGLE[doubled]))
    return target


def _recognised(record: bytes) -> bytes:
    outside = re.sub(rb'"[^"]*"', b"", record)
    best = max(SEPARATORS, key=outside.count)
    return best if best in outside else b","
