"""What a workbook says beside the cells of a sheet, as no library tells it: looked for in the XML itself."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from auditor.errors import InputUnusable
from auditor.files.given import printable

_CHUNK: Final = 2**20
_OVERLAP: Final = 2**10
"""Bytes that are looked at again, so that nothing is torn: longer than a tag is."""
_ROW: Final = re.compile(rb"<(?:\w+:)?row\b([^>]*)>")
_NUMBER: Final = re.compile(rb"""\br=["'](\d+)["']""")
_HIDDEN: Final = re.compile(rb"""\bhidden=["'](?:1|true)["']""")
_MERGED: Final = re.compile(rb"""<(?:\w+:)?mergeCell\b[^>]*\bref=["']([A-Z]+)(\d+):([A-Z]+)(\d+)["']""")
_FORMULA: Final = re.compile(rb"<(?:\w+:)?f[ />]")
_WITHOUT_VALUE: Final = re.compile(rb"(?:</(?:\w+:)?f>|<(?:\w+:)?f(?: [^>]*)?/>)\s*</(?:\w+:)?c>")
_COME_TO: Final = re.compile(rb"(?:</(?:\w+:)?f>|<(?:\w+:)?f(?: [^>]*)?/>)\s*<(?:\w+:)?v>(?!0<)")
_WORKED_OUT_LATER: Final = re.compile(rb"""<(?:\w+:)?calcPr\b[^>]*\bfullCalcOnLoad=["'](?:1|true)["']""")
_STRICT: Final = b"http://purl.oclc.org/ooxml/"


@dataclass
class Marks:
    """What is said of one sheet."""

    formulas: bool = False
    """Whether there are any."""
    without_value: bool = False
    """Some formula has no element for what it came to: who wrote the sheet does not work them out."""
    all_nought: bool = False
    """Each formula came to 0, and the workbook asks to have them worked out when it is opened: nobody has."""
    hidden: list[int] = field(default_factory=list)
    """The rows that nobody sees, such as those that a filter leaves out."""
    merged: list[tuple[int, str]] = field(default_factory=list)
    """Cells that are one over several rows: the first row, and both ends, `B3:B4`."""


def marks(path: Path, part: str) -> Marks:
    """What is said of the sheet that is this part of a workbook.

    Raises InputUnusable where its rows do not follow each other: whoever reads them in their order would lose some.
    """
    found = Marks()
    come_to = False
    before, last = b"", 0
    with zipfile.ZipFile(path) as book:
        later = _WORKED_OUT_LATER.search(book.read("xl/workbook.xml")) is not None
        with book.open(part) as file:
            while chunk := file.read(_CHUNK):
                text, known = before + chunk, len(before)
                found.formulas |= _FORMULA.search(text) is not None
                found.without_value |= _WITHOUT_VALUE.search(text) is not None
                come_to |= _COME_TO.search(text) is not None
                for row in _ROW.finditer(text):
                    if row.end() <= known:
                        continue
                    given = _NUMBER.search(row[1])
                    number = int(given[1]) if given else last + 1
                    if number <= last:
                        raise InputUnusable(
                            f"the rows of {printable(path)} are out of order: row {number} stands behind row {last}",
                            hint="open it in a spreadsheet program and save it again",
                        )
                    last = number
                    if _HIDDEN.search(row[1]):
                        found.hidden.append(number)
                for one in _MERGED.finditer(text):
                    if one.end() > known and one[2] != one[4]:
                        found.merged.append((int(one[2]), b"".join((one[1], one[2], b":", one[3], one[4])).decode()))
                before = text[-_OVERLAP:]
    found.all_nought = found.formulas and later and not come_to
    return found


def require_usual(path: Path) -> None:
    """Raise InputUnusable for a workbook of ISO's strict kind, in which the library finds no sheet."""
    with zipfile.ZipFile(path) as book:
        if _STRICT in book.read("xl/workbook.xml"):
            raise InputUnusable(
                f'{printable(path)} is a workbook of the kind "Strict Open XML", which is not read',
                hint='save it as "Excel Workbook (.xlsx)", or as CSV',
            )
