"""Excel workbooks as text: one row has the names, those below it are rows.

| cell | text |
|---|---|
| text | itself; `_x000D_` and the like is the character that it stands for |
| number | its digits, whole numbers without a point; with the zeros in front that a format of zeros shows, and without
what computing leaves behind the fifteen digits that Excel shows |
| date, moment, length of time | `YYYY-MM-DD`, `YYYY-MM-DD HH:MM:SS`, `HH:MM:SS` |
| boolean | `true`, `false` |
| error, formula that was never worked out | the row is rejected |
"""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import repeat
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import ParseError

from auditor.errors import InputUnusable, SettingsError
from auditor.files.given import printable
from auditor.findings.codes import Code, Notice
from auditor.load.around import SAMPLE, Line, filled, names_in, names_of
from auditor.load.below import TAIL, Last, Look, below, look, require_so_many
from auditor.load.dialect import UNDECLARED
from auditor.load.form import Form
from auditor.load.jsonlines import Read
from auditor.load.sheet_marks import Marks, marks, require_usual
from auditor.load.tail import Reject

_DIGITS: Final = 15
"""Excel keeps and shows so many of a number."""
_PRECISE: Final = 10**_DIGITS
_LARGEST: Final = 8 * 2**30
"""Bytes that a workbook may hold unpacked."""
_STEP: Final = 5_000
_BROKEN: Final = (zipfile.BadZipFile, zlib.error, ParseError, KeyError, ValueError, TypeError, AttributeError, EOFError)
_ESCAPED: Final = re.compile("_x([0-9A-Fa-f]{4})_")
_ZEROS: Final = re.compile("0+")
_SEPARATOR: Final = re.compile("sep=.", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SheetRow(Read):
    """A row with its cells by their places, for names may be lacking."""

    cells: list[str | None]


@dataclass
class Sheet:
    """Reads the rows of one sheet; what it passed over is known afterwards."""

    path: Path
    form: Form = UNDECLARED
    told: Callable[[int], None] = lambda rows: None
    empty: int = 0
    long_numbers: int = 0
    named: bool = False
    """The first row is the line `sep=;` of a CSV file, and the names stand in a later one."""
    above: tuple[int, int] | None = None
    """How many rows above the names are none, and the row of the names; None: there are none."""
    below: tuple[int, int] | None = None
    """The first row below the table, and how many there are; None: there are none."""
    again: list[int] = field(default_factory=list)
    """Rows in which the names stand once more."""
    hidden: int = 0
    """Rows that nobody sees, and that are read as others are."""
    merged: list[str] = field(default_factory=list)
    """Cells below the names that are one over several rows, of which the first row alone has the value."""

    def header(self) -> list[str]:
        """The names. Raises InputUnusable and SettingsError as reading does."""
        with self._opened() as (sheet, _, _):
            return self._found(sheet)[1]

    def __iter__(self) -> Iterator[Read | Reject]:
        with self._opened() as (sheet, formulas, said):
            place, names = self._found(sheet)
            self.hidden = sum(number > place for number in said.hidden)
            self.merged = [cells for first, cells in said.merged if first > place]
            self.long_numbers = 0
            shown = sheet.iter_rows()
            meant = formulas.iter_rows() if formulas is not None else repeat(None)
            waiting: deque[tuple[Last, Read | Reject | None]] = deque()
            looks = set[Look]()
            for number, (row, origin) in enumerate(zip(shown, meant, strict=False), 1):
                if number > place:
                    waiting.append(self._seen(number, names, row, _unworked(row, origin, said)))
                    if len(waiting) > max(TAIL, self.form.footer or 0):
                        looks |= {look(one.first) for one in [waiting[0][0]] if one.row and one.first}
                        yield from self._kept([waiting.popleft()])
                if number % _STEP == 0:
                    self.told(number)
            yield from self._kept(self._table(list(waiting), len(_named(names, names)), looks))

    def _found(self, sheet: Any) -> tuple[int, list[str]]:
        """The row of the names, and what stands in it."""
        rows = list(sheet.iter_rows(max_row=max(SAMPLE, self.form.header or 0)))
        if self.form.header is not None:
            number = self.form.header
            return number, self._names(rows[number - 1] if number <= len(rows) else (), number)
        self.named = bool(rows) and _names_separator(rows[0])
        sample = [self._line(number, row) for number, row in enumerate(rows, 1)][self.named :]
        if not any(map(filled, (line.cells("") for line in sample))):
            return 1, self._names(rows[0] if rows else (), 1)
        chosen = sample[names_in(sample, [""], self.form.names)[0]]
        place = chosen.number
        above = sum(any(cell.value is not None for cell in row) for row in rows[self.named : place - 1])
        self.above = (above, place) if above else None
        if place > 1 + self.named and not above and names_of(chosen.cells("")) is None:
            place = 1  # an empty row, and behind it none that names anything
        return place, self._names(rows[place - 1], place)

    def _line(self, number: int, row: Sequence[Any]) -> Line:
        """A row without the empty cells at both ends."""
        cells = [self._text(cell) or "" for cell in row]
        while cells and not cells[-1].strip():
            cells.pop()
        while cells and not cells[0].strip():
            cells.pop(0)
        return Line(number, lambda mark: cells)

    def _seen(
        self, number: int, names: Sequence[str], row: Sequence[Any], unworked: int
    ) -> tuple[Last, Read | Reject | None]:
        """A row as it may end the sheet, and what becomes of it; None: nothing, for it is empty."""
        empty = all(cell.value is None or cell.value == "" for cell in row) and not unworked
        one = None if empty else self._row(number, names, row, unworked)
        if not isinstance(one, SheetRow):
            return Last(number, [] if empty else None, row=False), one
        cells = _named(names, one.cells)
        if cells == _named(names, names):
            self.again.append(number)
            return Last(number, None, row=False), None
        return Last(number, cells, row=True), one

    def _table(
        self, last: list[tuple[Last, Read | Reject | None]], columns: int, looks: set[Look]
    ) -> list[tuple[Last, Read | Reject | None]]:
        """The last rows without those below the table."""
        count = below([one for one, _ in last], columns, looks) if self.form.footer is None else self.form.footer
        if self.form.footer:
            require_so_many(len(last), self.form.footer, self.path, "row")
        closing = last[len(last) - count :]
        if texts := [one for one, row in closing if row is not None]:
            self.below = texts[0].line, len(texts)
        return last[: len(last) - count]

    def _kept(self, seen: Sequence[tuple[Last, Read | Reject | None]]) -> Iterator[Read | Reject]:
        for last, one in seen:
            if one is not None:
                yield one
            else:
                self.empty += last.cells is not None

    def _row(self, number: int, names: Sequence[str], row: Sequence[Any], unworked: int) -> Read | Reject:
        wrong: Notice | None = None
        if unworked:
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
        return SheetRow(dict(zip(names, cells, strict=False)), cells)

    def _text(self, cell: Any) -> str | None:
        value = cell.value
        if value is None:
            return None
        if isinstance(value, str):
            return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value) if "_x" in value else value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (int, float)):
            if abs(value) >= _PRECISE:
                self.long_numbers += 1
            digits = format(_without_noise(Decimal(repr(value))).normalize(), "f")
            shown = cell.number_format or ""
            return digits.zfill(len(shown)) if _ZEROS.fullmatch(shown) and digits.isdecimal() else digits
        if isinstance(value, datetime):
            timed = value.time() != time(0) or "h" in (cell.number_format or "").lower()
            return _short(value.isoformat(" ")) if timed else value.date().isoformat()
        if isinstance(value, (date, time)):
            return _short(value.isoformat())
        if isinstance(value, timedelta):
            return _in_hours(value)
        return str(value)

    def _names(self, row: Sequence[Any], number: int) -> list[str]:
        names = [self._text(cell) or "" for cell in row]
        while names and not names[-1].strip():
            names.pop()
        if not names:
            raise InputUnusable(
                f"{'the first row' if number == 1 else f'row {number}'} of {printable(self.path)} is empty",
                hint="the names of the columns belong there",
            )
        return names

    @contextmanager
    def _opened(self) -> Iterator[tuple[Any, Any, Marks]]:
        """The sheet with the values that it shows; where there are formulas, that with those; what is said of it."""
        import openpyxl

        _bounded(self.path)
        # Opened here, for openpyxl refuses names that it does not like.
        with ExitStack() as files, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and extensions, which nobody asked for
            books = []
            try:
                require_usual(self.path)
                books = [
                    openpyxl.load_workbook(
                        files.enter_context(self.path.open("rb")), read_only=True, data_only=True, keep_links=False
                    )
                ]
                sheets = [self._chosen(books[0])]
                said = marks(self.path, sheets[0]._worksheet_path)
                if said.formulas:
                    books.append(
                        openpyxl.load_workbook(
                            files.enter_context(self.path.open("rb")), read_only=True, keep_links=False
                        )
                    )
                    sheets.append(books[1][sheets[0].title])
                strings = _escaped_strings(self.path)
                for sheet in sheets:
                    if strings is not None:
                        sheet._shared_strings = strings
                    sheet.reset_dimensions()  # they may be wrong, and rows beyond them would be lost
                yield sheets[0], sheets[1] if len(sheets) > 1 else None, said
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
        if self.form.sheet is not None:
            for sheet in book.worksheets:
                if sheet.title == self.form.sheet:
                    return sheet
            raise SettingsError(f'{printable(self.path)} has no sheet "{self.form.sheet}"; it has: {titles}')
        holding = [sheet for sheet in visible if next(iter(sheet.iter_rows(max_row=1)), ())]
        if len(holding) == 1:
            return holding[0]
        if not holding:
            raise InputUnusable(f"{printable(self.path)} has no sheet with anything in it")
        likely = next(filter(self._has_names, holding), holding[0])
        raise SettingsError(
            f"{printable(self.path)} has several sheets: {titles}",
            hint="name the sheet that is meant, or save it as a file of its own",
            declare=f"sheet={printable(likely.title)}",
        )

    def _has_names(self, sheet: Any) -> bool:
        """Whether one of the first rows of a sheet has the columns that the file must have."""
        rows = sheet.iter_rows(max_row=SAMPLE)
        return any({*self.form.names} <= {self._text(cell) for cell in row} for row in rows)


def _named(names: Sequence[str], cells: Sequence[str | None]) -> list[str]:
    """A row's cells below names, as many as there are names: a sheet leaves out the empty ones at the end."""
    filled_up = (*cells, *repeat(None, len(names) - len(cells)))
    return [cell or "" for name, cell in zip(names, filled_up, strict=False) if name.strip()]


def _names_separator(row: Sequence[Any]) -> bool:
    texts = [str(cell.value) for cell in row if cell.value is not None]
    return len(texts) == 1 and _SEPARATOR.fullmatch(texts[0]) is not None


def _unworked(row: Sequence[Any], origin: Sequence[Any] | None, said: Marks) -> int:
    """The place of the first formula that nobody has worked out; 0 where there is none."""
    pairs = enumerate(zip(row, origin or (), strict=False), 1)
    return next((place for place, (cell, own) in pairs if own.data_type == "f" and _is_open(cell, said)), 0)


def _is_open(cell: Any, said: Marks) -> bool:
    """Whether a formula has come to nothing; a text of no letters is something."""
    if cell.value is None:
        return cell.data_type != "str" or said.without_value
    return said.all_nought and cell.value == 0 and cell.data_type == "n"


def _without_noise(number: Decimal) -> Decimal:
    """A number without what computing leaves of it: fifteen digits, where the last of these are noughts."""
    if len(number.as_tuple().digits) <= _DIGITS or number == number.to_integral_value():
        return number
    shown = Decimal(f"{number:.{_DIGITS}g}").normalize()
    return shown if len(shown.as_tuple().digits) < _DIGITS else number


def _short(moment: str) -> str:
    """Without noughts at the end of a part of a second."""
    return moment.rstrip("0") if "." in moment else moment


def _in_hours(length: timedelta) -> str:
    """As a sheet shows it: `60:00:00`."""
    whole, parts = divmod(abs(length), timedelta(seconds=1))
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    part = f".{parts.microseconds:06}" if parts else ""
    return ("-" if length < timedelta(0) else "") + _short(f"{hours:02}:{minutes:02}:{seconds:02}{part}")


def _escaped_strings(path: Path) -> list[str] | None:
    """The texts of a workbook as they are stored, for openpyxl takes the escape of an underscore away, and with it what
    told `_x000D_` that somebody typed from a carriage return. None: nobody did.
    """
    from openpyxl.cell.text import Text
    from openpyxl.xml.constants import ARC_SHARED_STRINGS, SHEET_MAIN_NS
    from openpyxl.xml.functions import iterparse

    with zipfile.ZipFile(path) as archive:
        found = next((name for name in archive.namelist() if name.lower() == ARC_SHARED_STRINGS.lower()), None)
        if found is None or b"_x005F_" not in archive.read(found):
            return None
        with archive.open(found) as file:
            texts = []
            for _, node in iterparse(file):
                if node.tag == f"{{{SHEET_MAIN_NS}}}si":
                    text = Text.from_tree(node)
                    texts.append(text.content if text is not None else "")
                    node.clear()
            return texts


def _bounded(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(one.file_size for one in archive.infolist())
    except zipfile.BadZipFile:
        size = 0  # what is wrong is said when it is read
    if size > _LARGEST:
        raise InputUnusable(f"{printable(path)} holds more than {_LARGEST // 2**30} GiB unpacked")
