"""How a file is written, as far as somebody declares it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditor.load.marks import Marks


@dataclass(frozen=True, slots=True)
class Form:
    """What is declared of a file; what is not is recognised where only one reading makes sense."""

    separator: str | None = None
    encoding: str | None = None
    marks: Marks | None = None
    """Quote and escape."""
    sheet: str | None = None
    """Of a workbook."""
    header: int | None = None
    """The line, or the row of a sheet, in which the names stand; from 1."""
    footer: int | None = None
    """How many lines, or rows of a sheet, stand below the last row."""
    nulls: tuple[str, ...] = ()
    """Texts that say that there is no value."""
    decimal: str | None = None
    """What stands before the decimals of a number."""
    numbers: tuple[str, ...] = ()
    """Columns that are compared as numbers: `decimal` is of their cells."""
    texts: tuple[str, ...] = ()
    """Columns that are compared as they are: `decimal` is of those alone in which nothing but numbers stands."""
    names: tuple[str, ...] = ()
    """Columns that the file must have: the line with its names is known by them."""
