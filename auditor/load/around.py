"""What stands above the names of a table: titles, comments, and a line of dashes below them.

Nothing is guessed. A line is set aside only where it cannot be a row, and whoever reads a file says which ones were:
single cells, and whatever stands above the first line that has the wanted columns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

Cells = Sequence[str]
"""Of one line, as text; none of them where it is blank."""

SAMPLE: Final = 60
"""Records at the beginning of a file among which its names are looked for."""

_MEASURED: Final = 30
"""Rows that are looked at to see how many cells a row has."""
_HIGHEST: Final = 40
"""Lines within which a quote that one of them opens is closed."""
_RULED: Final = re.compile(r"[-=_+|\s]*[-=_][-=_+|\s]*")
_NO_NAME: Final = re.compile(r"[-+]?[\d.,:/\s-]*\d[\d.,:/\s-]*|.*@.*")
"""Numbers, days, addresses: data, and no names of columns."""


@dataclass(frozen=True, slots=True)
class Line:
    """A record at the beginning of a file."""

    number: int
    """Of the line where it begins, from 1."""
    cells: Callable[[str], Cells]
    """How it reads with a separator; none where it cannot be read."""
    usual: str = ""
    """The separator that it seems to have, if it has the names."""


def filled(cells: Cells) -> int:
    return sum(bool(cell.strip()) for cell in cells)


def names_in(lines: Sequence[Line], separators: Sequence[str], wanted: Sequence[str]) -> tuple[int, str]:
    """Finds the record with the names, by its place among `lines`, and the separator; the first where none is surer.

    `wanted` are columns that the file must have, as far as somebody knows. `separators` are those that are possible.
    """
    first = next((place for place, line in enumerate(lines) if any(filled(line.cells(mark)) for mark in separators)), 0)
    usual = lines[first].usual if lines[first].usual in separators else separators[0]
    for place in range(first, len(lines)) if wanted else ():
        own = lines[place].usual
        for mark in dict.fromkeys((*((own,) if own in separators else ()), *separators)):
            found = set(wanted) <= set(lines[place].cells(mark))
            if found and (place == first or _apart(lines[first:place], lines[place], mark)):
                return place, mark
    if _heads(lines[first:], usual):
        return first, usual
    hashes = _hashes(lines[first], usual)
    for place in range(first + 1, len(lines)):
        for mark in separators:
            if (
                _titled(lines[first:place], mark)
                and _heads(lines[place:], mark)
                and not (hashes and hashes == _hashes(lines[place], mark))
            ):
                return place, mark
    return first, usual


def _titled(above: Sequence[Line], mark: str) -> bool:
    """Whether no record can be a header: single cells, and comments.

    What the first one has of another separator may be names, unless an empty line stands below it.
    """
    hashes = _hashes(above[0], mark)
    apart = any(not filled(line.cells(mark)) for line in above)
    if not (apart or hashes) and filled(above[0].cells(above[0].usual or mark)) > 1:
        return False
    return all(filled(line.cells(mark)) <= 1 or (hashes and _hashes(line, mark) == hashes) for line in above)


def _hashes(line: Line, mark: str) -> str:
    """The marks of a comment with which a line begins."""
    text = "".join(line.cells(mark)[:1]).lstrip()
    return text[: len(text) - len(text.lstrip("#"))]


def _apart(above: Sequence[Line], line: Line, mark: str) -> bool:
    """Whether a record with the wanted names, and names alone, is no row of a table that began above it."""
    names = line.cells(mark)
    narrower = all(filled(one.cells(mark)) < filled(names) for one in above)
    return names_of(names) is not None and (narrower or not filled(above[-1].cells(mark)))


def names_of(cells: Cells) -> Cells | None:
    """The cells where they may be names, without the empty one behind a last separator; None: they are none."""
    names = [name.strip() for name in cells]
    named = names[:-1] if len(names) > 2 and not names[-1] else names
    data = not all(named) or len(set(named)) < len(named) or any(map(_NO_NAME.fullmatch, named))
    return None if data else named


def _heads(lines: Sequence[Line], mark: str) -> bool:
    """Whether the first record names the columns of what follows it."""
    names = lines[0].cells(mark)
    named = names_of(names)
    if named is None or len(named) < 2:
        return False
    body = [cells for line in lines[1:] if filled(cells := line.cells(mark))][:_MEASURED]
    fitting = sum(len(cells) in (len(names), len(named)) for cells in body)
    return bool(body) and len(body[0]) in (len(names), len(named)) and fitting * 2 >= len(body)


def ruled(cells: Cells) -> bool:
    """Whether a line below the names is nothing but a line: `---,-----`, `----+-----`."""
    return bool(cells) and all(_RULED.fullmatch(cell) for cell in cells) and sum(map(len, cells)) > len(cells)


def extra_cell(columns: int, body: Sequence[Cells]) -> bool:
    """Whether every row has one cell more than there are names, and nothing in it: a separator ends each line."""
    rows = [cells for cells in body if filled(cells)]
    return bool(rows) and all(len(cells) == columns + 1 and not cells[-1] for cells in rows)


def records(text: bytes, start: int, end: bytes, most: int = SAMPLE) -> Iterator[tuple[int, int, int]]:
    """Yields where records begin and end, without quoted line ends taken for theirs, and how many lines each has."""
    for _ in range(most):
        if start >= len(text):
            return
        stop, lines = start, 0
        while True:
            found = text.find(end, stop)
            stop = len(text) if found < 0 else found + len(end)
            lines += 1
            if found < 0 or lines > _HIGHEST or text.count(b'"', start, stop) % 2 == 0:
                break
        yield start, stop, lines
        start = stop
