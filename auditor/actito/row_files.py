"""Reads the files that an import leaves: refused rows (`errorCode`, `errorColumn` added, G-php) and the result file.

A file is a ZIP with one CSV (G-php, G-mhp); a CSV that is not packed is read too. V4's separator was seen to be a
comma, V5's is not known: it is recognised from the header line.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from typing import Final

from auditor.actito.answers import Answer
from auditor.actito.errors import UnexpectedAnswer
from auditor.actito.results import RefusedRow, ResultRow

CODE: Final = "errorCode"
COLUMN: Final = "errorColumn"
PROFILE_ID: Final = "profileId"
"""Of the profile that a row became: [assumed]."""
MAX_BYTES = 512 * 1024 * 1024
"""Of the unpacked CSV: five times the largest import, so that a small archive cannot fill the memory."""


def read_refused_rows(answer: Answer) -> list[RefusedRow]:
    """One per row, in the file's order. Raises UnexpectedAnswer when the file has another form."""
    rows = _read(answer, needed=(CODE, COLUMN))
    return [RefusedRow(row.pop(COLUMN), row.pop(CODE), row) for row in rows]


def read_result_rows(answer: Answer) -> list[ResultRow]:
    """One per row, in the file's order. Raises UnexpectedAnswer when the file has another form."""
    return [ResultRow(row.get(PROFILE_ID) or None, row) for row in _read(answer, needed=())]


def _read(answer: Answer, needed: Sequence[str]) -> list[dict[str, str]]:
    try:
        return list(_rows(_text(answer.body), needed))
    except _Unreadable as unreadable:
        raise UnexpectedAnswer(answer.what, str(unreadable)) from None
    except (zipfile.BadZipFile, UnicodeDecodeError, csv.Error, NotImplementedError, RuntimeError, EOFError):
        raise UnexpectedAnswer(answer.what, "it is not a zipped CSV in UTF-8") from None


class _Unreadable(Exception):
    """What is wrong with the file, without its content."""


def _text(body: bytes) -> str:
    if not body.startswith(b"PK"):
        return body.decode("utf-8-sig")
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        if len(members) != 1:
            raise _Unreadable(f"its archive holds {len(members)} files instead of one")
        with archive.open(members[0]) as stream:
            content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise _Unreadable("its file is larger than any import")
    return content.decode("utf-8-sig")


def _rows(text: str, needed: Sequence[str]) -> Iterator[dict[str, str]]:
    header_line = text.partition("\n")[0]
    separator = max(";,\t", key=header_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    headers = next(reader, [])
    for name in needed:
        if name not in headers:
            raise _Unreadable(f"its file has no column {name}")
    for cells in reader:
        if not cells:
            continue
        if len(cells) != len(headers):
            raise _Unreadable(f"line {reader.line_num} of its file has another number of cells")
        yield dict(zip(headers, cells, strict=True))
