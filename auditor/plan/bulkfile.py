"""Corrective bulk files: the bytes that carry the writes of a plan's batches into Actito.

`;`, UTF-8 without BOM, a header line, `\\n`, quoted as RFC 4180 says and only where needed (D-etlf, D-expf). Machine
files are byte-exact and never made "safe" for a spreadsheet. The same plan gives the same bytes.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import polars as pl

from auditor.errors import GuardRefused
from auditor.model import SEGMENTATION_PREFIX, SUBSCRIPTION_PREFIX, AttributeType, Kind, Route, Structure
from auditor.writes import Plan, Write

MAX_BYTES: Final = 100_000_000
"""Actito refuses larger files (D-limits: 100 MB, read as decimal to be on the safe side)."""

_WORDS: Final = {"true": "TRUE", "false": "FALSE"}
"""Capitals are what a page shows of a file (D-etlf); that small letters are taken as well is nowhere said."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first moment a ZIP can tell: a file's content must not depend on when it was made."""


@dataclass(frozen=True, slots=True)
class CorrectiveFile:
    """One batch of a plan as Actito takes it. The import definition that goes with it is the dialect's."""

    name: str
    """The batch's name, without an extension."""
    mode: Literal["UPDATE_ONLY", "CREATE_ONLY"]
    """A correction never creates anybody, a creation never changes anybody."""
    key: str
    """The column by which Actito finds the profile of a row."""
    columns: tuple[str, ...]
    """The headers, `key` first."""
    rows: int
    csv: bytes
    archive: bytes
    """A ZIP of `NAME.csv`."""


def corrective_files(plan: Plan, structure: Structure, *, canaries: bool = False) -> tuple[CorrectiveFile, ...]:
    """The files of `plan`, in its order; a batch of canaries only gives none, nor does a key of several columns.

    `canaries=True` puts those in that otherwise go one by one before the file: for files that somebody else imports.

    Raises GuardRefused for a file beyond Actito's limit.
    """
    if len(plan.key) > 1:
        return ()
    names = dict.fromkeys(write.batch for write in _in_files(plan, canaries) if write.batch is not None)
    return tuple(corrective_file(plan, name, structure, canaries=canaries) for name in names)


def corrective_file(plan: Plan, batch: str, structure: Structure, *, canaries: bool = False) -> CorrectiveFile:
    """The file of one batch of `plan`; arguments and errors as in `corrective_files`."""
    writes = [write for write in _in_files(plan, canaries) if write.batch == batch]
    return _file(batch, writes, plan.key, structure)


def csv_bytes(table: pl.DataFrame) -> bytes:
    """A table of text as Actito's CSV; null is an empty cell."""
    content = io.BytesIO()
    table.write_csv(content, separator=";", quote_style="necessary")
    return content.getvalue()


def _in_files(plan: Plan, canaries: bool) -> list[Write]:
    return [write for write in plan.writes if write.route is Route.BULK or (canaries and write.canary)]


def _file(name: str, writes: Sequence[Write], key: Sequence[str], structure: Structure) -> CorrectiveFile:
    if len(key) != 1:
        raise ValueError("a file needs a key of one column")
    kinds = {write.kind for write in writes}
    if len(kinds) != 1:
        raise ValueError("a file holds one kind of write")
    changed = {cell.column for write in writes for cell in write.cells} - set(key)
    columns = (*key, *(column for column in structure.columns if column in changed))
    if changed.difference(columns):
        raise ValueError("a file holds columns of the structure only")
    content = csv_bytes(_table(writes, columns, _flags(structure)))
    archive = _zipped(f"{name}.csv", content)
    if len(content) > MAX_BYTES:
        raise GuardRefused(f"the file {name} has {len(content):,} bytes; Actito takes {MAX_BYTES:,}")
    mode: Literal["UPDATE_ONLY", "CREATE_ONLY"] = "CREATE_ONLY" if kinds == {Kind.CREATE} else "UPDATE_ONLY"
    return CorrectiveFile(name, mode, key[0], columns, len(writes), content, archive)


def _flags(structure: Structure) -> frozenset[str]:
    """The columns that hold yes or no."""
    simple = (SEGMENTATION_PREFIX + one.name for one in structure.segmentations if not one.exclusive)
    subscriptions = (SUBSCRIPTION_PREFIX + name for name in structure.subscriptions)
    booleans = (one.name for one in structure.attributes if one.type is AttributeType.BOOLEAN)
    return frozenset((*booleans, *subscriptions, *simple))


def _table(writes: Sequence[Write], columns: Sequence[str], flags: Collection[str]) -> pl.DataFrame:
    values: dict[str, list[str | None]] = {column: [None] * len(writes) for column in columns}
    for place, write in enumerate(writes):
        for cell in write.cells:
            if not cell.after:
                raise ValueError("values are cleared one by one, never by file")
            values[cell.column][place] = cell.after
    values[columns[0]] = [write.key for write in writes]
    table = pl.DataFrame(values, schema=dict.fromkeys(columns, pl.String()))
    said = pl.col([column for column in columns if column in flags])
    return table.with_columns(said.replace(list(_WORDS), list(_WORDS.values())))


def _zipped(name: str, content: bytes) -> bytes:
    entry = zipfile.ZipInfo(name, date_time=_EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3  # the same on every system
    entry.external_attr = 0o600 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry, content, compresslevel=6)
    return buffer.getvalue()
