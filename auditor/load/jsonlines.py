"""JSON lines as text: an object per line, numbers with the digits that were written.

| value | text |
|---|---|
| text | itself |
| number | as it is written: `1.10`, `1e5`, `12345678901234567890` |
| `true`, `false` | the word |
| `null`, or a name that is missing | nothing |
| list of the above | its members joined with `,`; a member that holds a comma or a quote is quoted as in CSV |
| object, list of lists or objects | JSON |
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from auditor.findings.codes import Code, Notice
from auditor.load.sift import LONGEST_RECORD
from auditor.load.tail import Reject

_SHOWN = 10_000
"""Bytes that are kept of a line that cannot be read."""
_STEP = 20_000
"""Lines between two words about progress."""


class Number(str):
    """A number as it is written."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Read:
    """A line that was read."""

    row: dict[str, str | None]


@dataclass
class Lines:
    """Reads a file line by line; what it passed over is known afterwards."""

    path: Path
    told: Callable[[int, int], None] = lambda done, lines: None
    empty: int = 0
    marked: bool = False
    """Whether the file begins with a byte order mark."""
    ended: bool = True
    """Whether the last line has an end."""

    def __iter__(self) -> Iterator[Read | Reject]:
        with self.path.open("rb") as file:
            number = 0
            while line := file.readline(LONGEST_RECORD):
                number += 1
                self.ended = line.endswith(b"\n")
                while number == 1 and line.startswith(b"\xef\xbb\xbf"):
                    self.marked, line = True, line[3:]
                if len(line) >= LONGEST_RECORD and not self.ended:
                    while (rest := file.readline(LONGEST_RECORD)) and not rest.endswith(b"\n"):
                        pass
                    yield Reject(number, Notice(Code.LINE_TOO_LONG, {"bytes": LONGEST_RECORD}), shown(line))
                elif not line.strip():
                    self.empty += 1
                else:
                    try:
                        yield Read(_row(line))
                    except (ValueError, RecursionError) as error:
                        yield Reject(number, reason(error), shown(line.rstrip(b"\r\n")))
                if number % _STEP == 0:
                    self.told(file.tell(), number)


def _row(line: bytes) -> dict[str, str | None]:
    """Raises ValueError with what is wrong, and RecursionError."""
    content = json.loads(
        line.decode(), object_pairs_hook=_object, parse_int=Number, parse_float=Number, parse_constant=Number
    )
    return row_of(content, check=b"\\u" in line)


def row_of(content: object, *, check: bool) -> dict[str, str | None]:
    """The cells of an object whose numbers are Number; `check` that they are characters, which spelt ones may not be.

    Raises ValueError with what is wrong, and RecursionError.
    """
    if not isinstance(content, dict):
        raise WrongError(Notice(Code.NO_JSON_OBJECT))
    row = {name: _text(value) for name, value in content.items()}
    if check:
        for text in (*row, *row.values()):
            (text or "").encode()  # half of a pair of surrogates is no character
    return row


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if twice := first_twice(pairs):
        raise WrongError(Notice(Code.NAME_TWICE, {"name": twice}))
    return dict(pairs)


def first_twice(pairs: list[tuple[str, Any]]) -> str | None:
    """The first name that stands twice in an object."""
    if len(dict(pairs)) == len(pairs):
        return None
    names = [name for name, _ in pairs]
    return next(name for n, name in enumerate(names) if name in names[:n])


class WrongError(ValueError):
    """JSON that is no row."""

    def __init__(self, told: Notice) -> None:
        super().__init__(told.code)
        self.told = told


def reason(error: ValueError | RecursionError) -> Notice:
    """Why something is no row."""
    if isinstance(error, WrongError):
        return error.told
    if isinstance(error, UnicodeDecodeError):
        return Notice(Code.NO_UTF8)
    if isinstance(error, UnicodeEncodeError):
        return Notice(Code.HALF_A_PAIR)
    if isinstance(error, RecursionError):
        return Notice(Code.NESTED_TOO_DEEPLY)
    return Notice(Code.NO_JSON, {"character": getattr(error, "pos", 0) + 1})


def shown(line: bytes) -> str:
    """A text that cannot be read, as it is told."""
    return line[:_SHOWN].decode("utf-8", "backslashreplace")


_PLAIN: Final = (str, bool, type(None))


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return str(value)
    if value is None:
        return None
    if isinstance(value, list) and all(isinstance(member, _PLAIN) for member in value):
        return ",".join(_member(text) for member in value if (text := _text(member)) is not None)
    return _json(value)


def _member(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if "," in text or '"' in text else text


def _json(value: Any) -> str:
    """JSON again, with the digits that were written."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, list):
        return "[" + ",".join(map(_json, value)) + "]"
    if isinstance(value, dict):
        return (
            "{" + ",".join(f"{json.dumps(name, ensure_ascii=False)}:{_json(one)}" for name, one in value.items()) + "}"
        )
    return json.dumps(value, ensure_ascii=False)
