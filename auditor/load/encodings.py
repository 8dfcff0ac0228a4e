"""The encoding of a CSV file that nobody declared, recognised where only one reading makes sense.

| the bytes | taken for |
|---|---|
| a byte order mark | what it says: UTF-8 or UTF-16 |
| every other one is zero | UTF-16 |
| UTF-8, or at least as many rows that are (beyond ASCII) as rows that are not | UTF-8; the others are rejected |
| UTF-8 but for characters that are written as two surrogates | UTF-8; their rows are rejected |
| else, and every letter stands where it may in a Western name | Windows-1252, of which ISO-8859-1 is a part |

Anything else is not guessed, since a name that is read in the wrong encoding would be written to a person: ISO-8859-15
and the encodings of other languages have letters where Windows-1252 has signs, and letters of the wrong case.
"""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Final

from auditor.errors import SettingsError
from auditor.files.given import printable
from auditor.load.csvfile import valid_utf8

WESTERN: Final = "windows-1252"
UTF8: Final = "utf-8"

_HEAD = 2**20
_CHUNK = 2**20
_UTF16 = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_SIGN = "¢-¨¬¯±-´¶-¹¼-¾‚„†‡ˆ‰˜×÷"
_ODD = re.compile(
    # A sign where a word begins or ends, or any sign within it: a letter of another encoding stands there.
    rf"(?<!\d)[{_SIGN}](?=[^\W\d_])|[^\W\d_][{_SIGN}‘](?!\d)|[^\W\d_][¡-©«-±³-¶¸-»¿€‹›•™“”](?=[^\W\d_])"
    # A capital after a small letter, three accented letters in a row, letters that Turkish names have elsewhere.
    r"|[a-zß-öø-ÿ][À-ÖØ-ÞŠŽŒŸ]|[À-ÖØ-öø-ÿ]{3}|[ÐðÞþÝý]"
    # What nobody writes, and what is no character of Windows-1252.
    r"|¤|[\x81\x8d\x8f\x90\x9d]"
)
"""What makes a text doubtful when it is read as Windows-1252."""
_NEARLY_UTF8 = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]|\xc0\x80")
"""Surrogates and NULs as Oracle (CESU-8) and Java write them: their rows cannot be read, and the file is UTF-8."""


def at_first_sight(path: Path) -> str:
    """The encoding as far as the beginning of a file shows it. Raises SettingsError as `recognise` does."""
    with path.open("rb") as file:
        head = file.read(_HEAD) + file.readline(_HEAD)
    if head.isascii() and b"\0" not in head[:4096]:
        return UTF8
    return _wide(head) or (UTF8 if valid_utf8(head) else recognise(path))


def recognise(path: Path) -> str:
    """The encoding by all bytes of a file. Raises SettingsError, with a line, where several readings are possible."""
    foreign = native = number = 0
    doubtful: int | None = None
    with path.open("rb") as file:
        if wide := _wide(file.read(4096)):
            return wide
        file.seek(0)
        for number, line in enumerate(iter(lambda: file.readline(_CHUNK), b""), 1):
            if line.isascii():
                continue
            try:
                _NEARLY_UTF8.sub(b"", line).decode()
                native += 1
            except UnicodeDecodeError as error:
                if error.end == len(line) and error.reason == "unexpected end of data":
                    continue  # the file is cut off within a letter
                foreign += 1
                if doubtful is None and _ODD.search(line.decode("cp1252", "replace").replace("\ufffd", "\x81")):
                    doubtful = number
    if foreign <= native:
        return UTF8
    if doubtful is not None:
        raise SettingsError(
            f"the encoding of {printable(path)} cannot be recognised: it is not UTF-8, and line {doubtful:,} makes no "
            "sense as Windows-1252",
            hint="export it as UTF-8, or set the encoding that it was written in: cp1250 is Central European, cp1253 "
            "Greek, cp1251 Cyrillic",
            declare="encoding=NAME",
        )
    return WESTERN


def _wide(head: bytes) -> str | None:
    """UTF-16, by its mark or by the zeros beside ASCII letters; None: it is not."""
    for mark, name in _UTF16.items():
        if head.startswith(mark):
            return name
    # A header line begins with some ASCII letters or quotes; a NUL that stands in a cell does not make it so.
    for name, zeros, letters in (("utf-16-le", head[1:8:2], head[:8:2]), ("utf-16-be", head[:8:2], head[1:8:2])):
        if len(zeros) >= 2 and not any(zeros) and all(letters):
            return name
    return None
