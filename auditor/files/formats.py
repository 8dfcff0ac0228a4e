"""Which format an input has: told by its first bytes, never by its name."""

from __future__ import annotations

import json
import re
import zipfile
from enum import StrEnum
from pathlib import Path
from typing import Final

from auditor.errors import InputUnusable
from auditor.files.given import printable

_HEAD: Final = 1024
"""Bytes by which a format is told."""
_CHUNK: Final = 2**20
_BOM: Final = b"\xef\xbb\xbf"
_BINARY: Final = rb"(?=.{0,60}[\x00-\x08\x0e-\x1f])"
"""What text does not have: a table may have a column PARENT."""
_OTHERS: Final = (
    (re.compile(rb"FEA1"), "a Feather file of version 1", "write it as version 2, or Parquet"),
    (
        re.compile(rb"\xd0\xcf\x11\xe0"),
        "an Excel file of the old kind, or one with a password",
        "save it as .xlsx without a password",
    ),
    (re.compile(rb"PARE" + _BINARY, re.DOTALL), "an encrypted Parquet file", "write it without encryption"),
    (re.compile(rb"(?:ORC|Obj\x01)" + _BINARY, re.DOTALL), "an ORC or Avro file", "write it as Parquet"),
    (re.compile(rb"SQLite format 3\0"), "a database of SQLite", "name it with its table: sqlite:FILE#TABLE"),
    (
        re.compile(rb".{8}DUCK.\x00", re.DOTALL),
        "a database of DuckDB",
        "write the table as Parquet: duckdb FILE \"COPY contacts TO 'contacts.parquet'\"",
    ),
    (
        re.compile(rb"\x00\x01\x00\x00Standard (?:Jet|ACE) DB"),
        "a database of Access",
        "export the table as CSV or .xlsx",
    ),
    (
        re.compile(rb"<stata_dta>|[\x69\x6c-\x73][\x01\x02]\x01\x00", re.DOTALL),
        "a file of Stata",
        "write it as CSV there: export delimited contacts.csv",
    ),
    (re.compile(rb"\$FL[23]@\(#\)"), "a file of SPSS", "save it as CSV or .xlsx there"),
    (
        re.compile(rb"HEADER RECORD\*{7}|\x00{12}\xc2\xea\x81\x60"),
        "a file of SAS",
        "write it as CSV there: PROC EXPORT … DBMS=CSV",
    ),
    (re.compile(rb"RD[ABX][23]\n|[ABX]\n\x00\x00\x00[\x02\x03]"), "a file of R", "write it as CSV there: write.csv"),
    (
        re.compile(rb"\x89HDF\r\n\x1a\n|\x80[\x02-\x05][\x63\x7d\x5d\x95]"),
        "a file of Python or HDF5",
        "write it as Parquet",
    ),
    (re.compile(rb"BEGIN:VCARD\b", re.IGNORECASE), "an address book (vCard)", "export the contacts as CSV"),
    (re.compile(rb"%PDF-|\{\\rtf"), "a document, not a table", "export the table as CSV or .xlsx"),
    (
        re.compile(
            rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*"
            rb"<(?:!doctype html|html|head|body|table|meta|\?mso|\w+:?workbook)\b",
            re.IGNORECASE | re.DOTALL,
        ),
        "a page of HTML or an XML spreadsheet, whatever its name says",
        "open it in a spreadsheet program and save it as .xlsx or CSV",
    ),
    (
        re.compile(rb"\s*<(?:\?xml\b|[A-Za-z][\w:.-]*(?:\s[^<>]*)?>(?:\s*\n\s*)?<)"),
        "XML, not a table",
        "export the table as CSV or .xlsx",
    ),
)
"""How relatives of these formats begin that are not read, what they are, and what to do."""
_OBJECT: Final = re.compile(rb'\s*\{\s*["}]')
_ARRAY: Final = re.compile(rb"\s*\[\s*[{\]]")


class Format(StrEnum):
    """The formats that can be loaded."""

    CSV = "CSV"
    PARQUET = "Parquet"
    ARROW = "Arrow"
    JSON_LINES = "JSON lines"
    JSON = "JSON"
    WORKBOOK = "Excel"


def format_of(path: Path) -> Format:
    """The format of a file; CSV is what is nothing else.

    Raises InputUnusable for relatives of these formats that are not read: Excel's old or locked files, OpenDocument,
    pages of HTML and others.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(b"PAR1"):
        return Format.PARQUET
    if head.startswith((b"ARROW1", b"\xff\xff\xff\xff")):  # as a file; as a stream
        return Format.ARROW
    if head.startswith(b"PK"):
        if is_workbook(path):
            return Format.WORKBOOK
        refuse_document(path)
    text = head
    while text.startswith(_BOM):
        text = text.removeprefix(_BOM)
    for begins, what, instead in _OTHERS:
        if begins.match(text):
            raise InputUnusable(f"{printable(path)} is {what}", hint=instead)
    if _OBJECT.match(text):
        return Format.JSON if _spreads(text, path, whole=len(head) < _HEAD) else Format.JSON_LINES
    return Format.JSON if _ARRAY.match(text) else Format.CSV


def _spreads(text: bytes, path: Path, *, whole: bool) -> bool:
    """Whether objects are written over several lines, several on one, or with commas between them, or are in a list in
    the only line; a first line that is merely damaged, before others that are objects, is a row that cannot be read.
    `whole`: the text is all of the file.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) == 1:
        return _has_one_line(path)
    lines = lines if whole else lines[:-1]
    if _is_json(lines[0]):
        return False
    return b"}{" in lines[0] or lines[0].endswith(b"},") or not all(line.startswith(b"{") for line in lines[1:])


def _has_one_line(path: Path) -> bool:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            if b"\n" in chunk:
                rest = chunk[chunk.index(b"\n") :]
                while rest and not rest.strip():
                    rest = file.read(_CHUNK)
                return not rest
    return True


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def is_workbook(path: Path) -> bool:
    """Whether a ZIP file is one of Excel's."""
    return {"[Content_Types].xml", "xl/workbook.xml"} <= _members(path)


def refuse_document(path: Path) -> None:
    """Raise InputUnusable for a ZIP file that is a document of an office program, but no workbook of Excel's."""
    members = _members(path)
    for marks, what, instead in _DOCUMENTS:
        if marks <= members:
            raise InputUnusable(f"{printable(path)} is {what}", hint=instead)


_DOCUMENTS: Final = (
    (
        {"mimetype", "content.xml"},
        "an OpenDocument spreadsheet or document",
        "open it in LibreOffice or Excel and save it as .xlsx or CSV",
    ),
    ({"[Content_Types].xml", "xl/workbook.bin"}, "a binary workbook of Excel (.xlsb)", "save it as .xlsx or CSV"),
    ({"Index/Document.iwa"}, "a document of Apple's iWork", "export it as .xlsx or CSV"),
    ({"[Content_Types].xml"}, "an Office document, but no workbook", "export the table as .xlsx or CSV"),
)
"""Members by which documents of office programs are known, the surest first."""


def _members(path: Path) -> set[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return set(archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return set()
