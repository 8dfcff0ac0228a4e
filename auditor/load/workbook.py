"""Excel workbooks as text: the first row has the names, every other one is a row.

| cell | text |
|---|---|
| text | itself |
| number | its digits, whole numbers without a point; with the zeros in front that a format of zeros shows |
| date, moment | `YYYY-MM-DD`, `YYYY-MM-DD HH:MM:SS` |
| boolean | `true`, `false` |
| error, formula that was never worked out | the row is rejected |
"""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import repeat
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import ParseError

from auditor.errors import InputUnusable, SettingsError
from auditor.files.given import printable
from auditor.findings.codes import Code, Notice
from auditor.load.jsonlines import Read
from auditor.load.sift import Reject

_PRECISE: Final = 10**15
"""Excel keeps fifteen digits of a number."""
_LARGEST: Final = 8 * 2**30
"""Bytes that a workbook may hold unpacked."""
_STEP: Final = 5_000
_BROKEN: Final = (zipfile.BadZipFile, zlib.error, ParseError, KeyError, ValueError, TypeError, AttributeError, EOFError)
_ZEROS: Final = re.compile("0+")
_SEPARATOR: Final = re.compile("sep=.", re.IGNORECASE)


@dataclass
class Sheet:
    """Reads the rows of one sheet; what it passed over is known afterwards."""

    path: Path
    name: str | None = None
    """None: the only one that holds something."""
    told: Callable[[int], None] = lambda rows: None
    empty: int = 0
    long_numbers: int = 0
    named: bool = False
    """The first row is the line `sep=;` of a CSV file, and the names stand in the second."""

    def header(self) -> list[str]:
        """The names of the first row. Raises InputUnusable and SettingsError as reading does."""
        with self._opened() as (sheet, _):
            rows = sheet.iter_rows(max_row=2)
            row = next(rows, ())
            return self._names(next(rows, ()) if _names_separator(row) else row)

    def __iter__(self) -> Iterator[Read | Reject]:
        with self._opened() as (sheet, formulas):
            shown = sheet.iter_rows()
            meant = formulas.iter_rows() if formulas is not None else repeat(None)
            names: list[str] = []
            for number, (row, origin) in enumerate(zip(shown, meant, strict=False), 1):
                if number == 1 and _names_separator(row):
                    self.named = True
                elif not names:
                    names = self._names(row)
                elif all(cell.value is None for cell in row) and not _unworked(row, origin):
                    self.empty += 1
                else:
                    yield self._row(number, names, row, origin)
                if number % _STEP == 0:
                    self.told(number)

    def _row(
        self, number: int, names: Sequence[str], row: Sequence[Any], origin: Sequence[Any] | None
    ) -> Read | Reject:
        wrong: Notice | None = None
        if unworked := _unworked(row, origin):
            wrong = Notice(Code.FORMULA_NOT_WORKED_OUT, {"column": unworked})
        cells: list[str | None] = []
        for place, cell in enumerate(row, 1):
            if cell.data_type == "e" and not wrong:
                wrong = Notice(Code.CELL_ERROR, {"column": place, "error": str(cell.value)})
            cells.append(self._text(cell))
        if not wrong and any(cell is not None for cell in cells[len(names) :]):
            wrong = Notice(Code.MORE_CELLS_THAN_NAMES, {"names": len(names)})
        if wrong:
            return Reject(number, wrong, "\t".join(cell or "" for cell in cells))
        return Read(dict(zip(names, cells, strict=False)))

    def _text(self, cell: Any) -> str | None:
        value = cell.value
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (int, float)):
            if abs(value) >= _PRECISE:
                self.long_numbers += 1
            digits = format(Decimal(repr(value)).normalize(), "f")
            shown = cell.number_format or ""
            return digits.zfill(len(shown)) if _ZEROS.fullmatch(shown) and digits.isdecimal() else digits
        if isinstance(value, datetime):
            timed = value.time() != time(0) or "h" in (cell.number_format or "").lower()
            return value.isoformat(" ") if timed else value.date().isoformat()
        if isinstance(value, (date, time)):
            return value.isoformat()
        if isinstance(value, timedelta):
            return str(value)
        return str(value)

    def _names(self, row: Sequence[Any]) -> list[str]:
        names = [self._text(cell) or "" for cell in row]
        while names and not names[-1].strip():
            names.pop()
        if not names:
            raise InputUnusable(
                f"the first row of {printable(self.path)} is empty", hint="the names of the columns belong there"
            )
        return names

    @contextmanager
    def _opened(self) -> Iterator[tuple[Any, Any]]:
        """The sheet with the values that it shows, and, where there are formulas, the sheet with those."""
        import openpyxl

        _bounded(self.path)
        # Opened here, for openpyxl refuses names that it does not like.
        with ExitStack() as files, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and extensions, which nobody asked for
            books = []
            try:
                books = [
                    openpyxl.load_workbook(
                        files.enter_context(self.path.open("rb")), read_only=True, data_only=True, keep_links=False
                    )
                ]
                sheets = [self._chosen(books[0])]
                if _has_formulas(self.path):
                    books.append(
                        openpyxl.load_workbook(
                            files.enter_context(self.path.open("rb")), read_only=True, keep_links=False
                        )
                    )
                    sheets.append(books[1][sheets[0].title])
                for sheet in sheets:
                    sheet.reset_dimensions()  # they may be wrong, and rows beyond them would be lost
                yield sheets[0], sheets[1] if len(sheets) > 1 else None
            except _BROKEN:
                raise InputUnusable(
                    f"the Excel file {printable(self.path)} is cut off or damaged", hint="save or transfer it again"
                ) from None
            finally:
                for book in books:
                    book.close()

    def _chosen(self, book: Any) -> Any:
        visible = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        titles = ", ".join(f'"{printable(sheet.title)}"' for sheet in visible)
        if self.name is not None:
            for sheet in book.worksheets:
                if sheet.title == self.name:
                    return sheet
            raise SettingsError(f'{printable(self.path)} has no sheet "{self.name}"; it has: {titles}')
        filled = [sheet for sheet in visible if next(iter(sheet.iter_rows(max_row=1)), ())]
        if len(filled) == 1:
            return filled[0]
        if not filled:
            raise InputUnusable(f"{printable(self.path)} has no sheet with anything in it")
        raise SettingsError(
            f"{printable(self.path)} has several sheets: {titles}",
            hint="name the one that is meant in [truth] sheet, or save it as a file of its own",
        )


def _names_separator(row: Sequence[Any]) -> bool:
    texts = [str(cell.value) for cell in row if cell.value is not None]
    return len(texts) == 1 and _SEPARATOR.fullmatch(texts[0]) is not None


def _unworked(row: Sequence[Any], origin: Sequence[Any] | None) -> int:
    """The place of the first formula without a value; 0 where there is none."""
    pairs = zip(row, origin or (), strict=False)
    return next((place for place, (cell, own) in enumerate(pairs, 1) if own.data_type == "f" and cell.value is None), 0)


def _has_formulas(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                with archive.open(name) as file:
                    before = b""
                    while chunk := file.read(2**20):
                        if re.search(rb"<f[ />]", before + chunk):
                            return True
                        before = chunk[-3:]
    return False


def _bounded(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(one.file_size for one in archive.infolist())
    except zipfile.BadZipFile:
        size = 0  # what is wrong is said when it is read
    if size > _LARGEST:
        raise InputUnusable(f"{printable(path)} holds more than {_LARGEST // 2**30} GiB unpacked")
