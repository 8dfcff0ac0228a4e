"""The landing of formats that are read row by row: JSON, whether lines or not, and workbooks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from auditor.engine.duckdb import DuckDB
from auditor.errors import InputUnusable
from auditor.files.disk import require_space
from auditor.files.formats import Format
from auditor.files.given import printable
from auditor.findings.codes import Code, Notice
from auditor.load.form import Form
from auditor.load.jsondocument import Document
from auditor.load.jsonlines import Lines, Read
from auditor.load.landed import SHOWN, Landed, Progress, choose
from auditor.load.parts import Parts
from auditor.load.rejects import bear, limited, not_read, write_rejects
from auditor.load.tail import Reject
from auditor.load.workbook import Sheet
from auditor.model import Side


def row_names(path: Path, kind: Format, form: Form) -> list[str]:
    """The names of the columns; those of JSON in the order in which they first stand in the file."""
    if kind is Format.WORKBOOK:
        return Sheet(path, form).header()
    rows = Lines(path) if kind is Format.JSON_LINES else Document(path)
    read = (one.row for one in rows if isinstance(one, Read))
    return list(dict.fromkeys(name for row in read for name in row))


@dataclass
class Rows:
    """The landing of one file."""

    engine: DuckDB
    side: Side
    path: Path
    target: Path
    scratch: Path
    report: Progress
    most_rejected: tuple[int, float]
    kind: Format
    form: Form

    def land(self, columns: Sequence[str] | None) -> Landed:
        """Raises as `auditor.load.land` does."""
        size = self.path.stat().st_size
        require_space(self.scratch, 2 * size)
        notes: list[Notice] = []
        place = "line" if self.kind is Format.JSON_LINES else "row"
        parts, rejects = Parts(self.path, self.scratch), list[Reject]()
        reject = limited(rejects, self.path)
        for one in self._read(parts, notes, size):
            if isinstance(one, Read):
                parts.add(one.row)
            else:
                reject(one)
        rows = parts.rows + len(rejects)
        bear(self.path, rows, rejects, self.most_rejected, place=place)
        if not parts.names:
            raise InputUnusable(f"{printable(self.path)} has no rows", hint="has it been exported completely?")
        kept = choose(self.path, parts.names, columns, notes)
        landed = parts.land(self.engine, kept, self.target)
        if landed != parts.rows:
            raise AssertionError(f"{parts.rows - landed} rows were lost between reading and landing")
        return Landed(
            side=self.side,
            path=self.target,
            columns=tuple(name for _, name in kept),
            rows=rows,
            rejected=len(rejects),
            rejects=write_rejects(self.side, self.target, rejects),
            encoding="" if self.kind is Format.WORKBOOK else "utf-8",
            separator="",
            notes=tuple(notes),
            not_checked=(not_read(self.side, self.path, rejects, place=place),) if rejects else (),
        )

    def _read(self, parts: Parts, notes: list[Notice], size: int) -> Iterator[Read | Reject]:
        """The rows, and afterwards what is to be said of the file."""
        if self.kind is Format.WORKBOOK:
            sheet = Sheet(self.path, self.form, lambda rows: self.report(0, size, rows))
            names = sheet.header()
            choose(self.path, names, None, [])  # a name that stands twice, before its values are one
            parts.name(names)
            yield from sheet
            if sheet.named:
                notes.append(Notice(Code.ROW_BEFORE_NAMES))
            if sheet.above:
                notes.append(Notice(Code.LINES_ABOVE_NAMES, {"lines": sheet.above[0], "names": sheet.above[1]}))
            if sheet.again:
                again = {"lines": sheet.again[:SHOWN], "more": len(sheet.again[SHOWN:])}
                notes.append(Notice(Code.NAMES_AGAIN, again))
            if sheet.below:
                notes.append(Notice(Code.LINES_BELOW_ROWS, {"first": sheet.below[0], "lines": sheet.below[1]}))
            if sheet.empty:
                notes.append(Notice(Code.EMPTY_ROWS, {"rows": sheet.empty}))
            if sheet.hidden:
                notes.append(Notice(Code.HIDDEN_ROWS, {"rows": sheet.hidden}))
            if sheet.merged:
                merged = {"cells": ", ".join(sheet.merged[:SHOWN]), "more": len(sheet.merged[SHOWN:])}
                notes.append(Notice(Code.MERGED_CELLS, merged))
            if sheet.long_numbers:
                notes.append(Notice(Code.LONG_NUMBERS, {"numbers": sheet.long_numbers}))
            return
        if self.kind is Format.JSON:
            document = Document(self.path, lambda done, rows: self.report(done, size, rows))
            yield from document
            if document.marked:
                notes.append(Notice(Code.BYTE_ORDER_MARK))
            if document.list_of:
                notes.append(Notice(Code.ROWS_OF_A_LIST, {"name": document.list_of}))
            return
        lines = Lines(self.path, lambda done, rows: self.report(done, size, rows))
        yield from lines
        if lines.marked:
            notes.append(Notice(Code.BYTE_ORDER_MARK))
        if lines.empty:
            notes.append(Notice(Code.EMPTY_LINES, {"lines": lines.empty}))
        if not lines.ended:
            notes.append(Notice(Code.NO_LAST_LINE_END))
