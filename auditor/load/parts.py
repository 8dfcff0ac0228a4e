"""Rows that a reader gives one by one, collected as Parquet parts, whatever columns turn up on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from auditor.engine.duckdb import DuckDB, literal, quote
from auditor.errors import InputUnusable
from auditor.files.given import printable
from auditor.load.landed import write_texts

MOST_COLUMNS: Final = 10_000
"""More names than that are no columns, but keys that stand where names should."""

_ROWS, _CHARACTERS = 20_000, 32 * 2**20
"""What a part holds at most, and a row more."""


class Parts:
    """Collects rows of texts in a folder; memory holds one part."""

    def __init__(self, path: Path, folder: Path) -> None:
        """`path` is the input that is spoken of."""
        self._path, self._folder = path, folder
        self._places: dict[str, int] = {}
        self._files: list[Path] = []
        self._cells: dict[int, list[str | None]] = {}
        self._held = self._characters = 0
        self.rows = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Every column, in the order in which they came."""
        return tuple(self._places)

    def name(self, names: Sequence[str]) -> None:
        """Columns that are there even if no row has a value in them."""
        for name in names:
            self._place(name)

    def add(self, row: Mapping[str, str | None]) -> None:
        """A row; what it does not name is null."""
        for name, text in row.items():
            column = self._cells.setdefault(self._place(name), [])
            column.extend([None] * (self._held - len(column)))
            column.append(text)
            self._characters += len(text) if text else 1
        self._held += 1
        self.rows += 1
        if self._held >= _ROWS or self._characters >= _CHARACTERS:
            self._write()

    def land(self, engine: DuckDB, kept: Sequence[tuple[int, str]], target: Path) -> int:
        """Write the columns at the given places, under the given names, as `target`; gives the number of rows."""
        self._write(always=not self._files)
        listed = ", ".join(literal(file) for file in self._files)
        picked = ", ".join(f"c{place} AS {quote(name)}" for place, name in kept)
        query = f"SELECT {picked} FROM read_parquet([{listed}], union_by_name = true)"
        return write_texts(engine, query, target, len(kept))

    def _place(self, name: str) -> int:
        place = self._places.setdefault(name, len(self._places))
        if place >= MOST_COLUMNS:
            raise InputUnusable(
                f"{printable(self._path)} has more than {MOST_COLUMNS:,} columns",
                hint="do values stand where names should?",
            )
        return place

    def _write(self, *, always: bool = False) -> None:
        """The rows that are held, as a file; the first one has every column, so that none is unknown."""
        if not (self._held or always):
            return
        import pyarrow as pa
        import pyarrow.parquet as pq

        for column in self._cells.values():
            column.extend([None] * (self._held - len(column)))
        arrays = {f"c{place}": pa.array(column, pa.string()) for place, column in self._cells.items()}
        arrays |= {
            f"c{place}": pa.nulls(self._held, pa.string())
            for place in range(len(self._places))
            if f"c{place}" not in arrays
        }
        file = self._folder / f"part-{len(self._files)}.parquet"
        pq.write_table(pa.table({"row": pa.nulls(self._held, pa.bool_()), **arrays}), file, compression="lz4")
        self._files.append(file)
        self._cells, self._held, self._characters = {}, 0, 0
