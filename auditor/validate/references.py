"""The keys of other tables, for columns that refer to one: read from the files that the contract names.

Actito's answer to "which rows has this table" is not known well enough to rely on, so the keys come from an export of
that table, a CSV file beside the contract.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from auditor.engine.protocol import Engine
from auditor.findings.codes import Code, Notice
from auditor.settings.contract import Column

_SEPARATORS = ";,\t|"


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys that a column may refer to; exactly one of the two is not None."""

    table: str | None = None
    """The name of the engine's table that holds them in its column `key`: settings of an expectation hold no table."""
    problem: Notice | None = None
    """Why they are not there, without any key."""


def known_keys(engine: Engine, folder: Path, columns: Iterable[Column]) -> dict[str, Keys]:
    """Reads the keys of every column whose contract names a file; `folder` is the contract's."""
    return {
        column.name: _read(engine, folder / column.reference_file, column.reference_column)
        for column in columns
        if column.reference_file is not None
    }


def keys_of(known: Mapping[str, Keys], column: str, table: str) -> Keys:
    """The keys for a column; where there are none, what to do about it."""
    return known.get(column, Keys(problem=Notice(Code.KEYS_UNKNOWN, {"table": table, "column": column})))


def _read(engine: Engine, path: Path, name: str | None) -> Keys:
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            first = lines.readline()
            lines.seek(0)
            rows = csv.reader(lines, delimiter=max(_SEPARATORS, key=first.count))
            header = next(rows, [])
            if name is not None and name not in header:
                return Keys(problem=Notice(Code.KEYS_WITHOUT_COLUMN, {"file": path.name, "column": name}))
            at = header.index(name) if name is not None else 0
            keys = [row[at].strip() for row in rows if len(row) > at and row[at].strip()]
    except FileNotFoundError:
        return Keys(problem=Notice(Code.KEYS_NOT_THERE, {"file": path.name}))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        return Keys(problem=Notice(Code.KEYS_UNREADABLE, {"file": path.name, "error": type(error).__name__}))
    if not keys:
        return Keys(problem=Notice(Code.KEYS_EMPTY, {"file": path.name}))
    return Keys(table=engine.put(pl.DataFrame({"key": keys}), "referred_keys").get_name())
