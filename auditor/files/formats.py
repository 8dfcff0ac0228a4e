"""Which format an input has: told by its first bytes, never by its name."""

from __future__ import annotations

import re
import zipfile
from enum import StrEnum
from pathlib import Path
from typing import Final

from auditor.errors import InputUnusable
from auditor.files.given import printable

_BOM: Final = b"\xef\xbb\xbf"
_OBJECT: Final = re.compile(rb'\s*\{\s*["}]')
_ARRAY: Final = re.compile(rb"\s*\[\s*[{\]]")


class Format(StrEnum):
    """The formats that can be loaded."""

    CSV = "CSV"
    PARQUET = "Parquet"
    ARROW = "Arrow"
    JSON_LINES = "JSON lines"
    WORKBOOK = "Excel"


def format_of(path: Path) -> Format:
    """The format of a file; CSV is what is nothing else.

    Raises InputUnusable for relatives of these formats that are not read: Feather 1, JSON that is one array, Excel's
    old or locked files.
    """
    with path.open("rb") as file:
        head = file.read(1024)
    if head.startswith(b"PAR1"):
        return Format.PARQUET
    if head.startswith((b"ARROW1", b"\xff\xff\xff\xff")):  # as a file; as a stream
        return Format.ARROW
    if head.startswith(b"FEA1"):
        raise InputUnusable(
            f"{printable(path)} is a Feather file of version 1", hint="write it as version 2, or Parquet"
        )
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise InputUnusable(
            f"{printable(path)} is an Excel file of the old kind, or one with a password",
            hint="save it as .xlsx without a password",
        )
    if head.startswith(b"PK") and is_workbook(path):
        return Format.WORKBOOK
    text = head.removeprefix(_BOM)
    if _OBJECT.match(text):
        return Format.JSON_LINES
    if _ARRAY.match(text):
        raise InputUnusable(
            f"{printable(path)} is one JSON array", hint="write one object on each line: jq -c '.[]' FILE"
        )
    return Format.CSV


def is_workbook(path: Path) -> bool:
    """Whether a ZIP file is one of Excel's."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {"[Content_Types].xml", "xl/workbook.xml"} <= set(archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return False
