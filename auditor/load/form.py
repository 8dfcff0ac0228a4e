"""How a file is written, as far as somebody declares it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from auditor.errors import SettingsError
from auditor.files.formats import Format
from auditor.files.given import printable

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
    said: tuple[str, ...] = ()
    """What somebody declared, by the names of the settings."""

    def require_used(self, kind: Format, path: Path) -> None:
        """Raise SettingsError for what is declared of a file and means nothing in its format: it would be ignored."""
        what, used = _USED[kind]
        if unused := [name for name in self.said if name not in used]:
            raise SettingsError(
                f"{', '.join(unused)} {'say' if len(unused) > 1 else 'says'} nothing of {printable(path)}, {what}",
                hint=f"leave it out; what can be declared of it: {', '.join(used)}",
            )


_CELLS: Final = ("null", "decimal")
_TYPED: Final = "whose cells have types, as those of a {} file or of a database have"
_USED: Final = {
    Format.CSV: ("a CSV file", ("encoding", "separator", "quote", "escape", "header", "footer", *_CELLS)),
    Format.WORKBOOK: ("an Excel workbook", ("sheet", "header", "footer", *_CELLS)),
    Format.JSON_LINES: ("a file of JSON lines", _CELLS),
    Format.JSON: ("a JSON file", _CELLS),
    Format.PARQUET: (_TYPED.format("Parquet"), _CELLS),
    Format.ARROW: (_TYPED.format("Arrow"), _CELLS),
}
"""What a file of a format is, and what can be declared of one."""
