"""A look at both sides before there is a contract: a sample of the truth, and the same people in the newest export.

Both files are landed in a folder of their own that vanishes afterwards.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from auditor.commands.init.propose import Looked, find_key
from auditor.commands.init.values import Cells
from auditor.commands.session import open_engine
from auditor.engine.duckdb import DuckDB, name_of, quote
from auditor.engine.protocol import ROW_NUMBER
from auditor.errors import AuditorError, SettingsError
from auditor.findings.sentences import of_file
from auditor.load import Landed, form_of, land
from auditor.model import Side, Structure
from auditor.settings.config import Settings
from auditor.structure.survey import pull_input

if TYPE_CHECKING:
    import ibis.expr.types as ir

ROWS: Final = 2000
"""Of the truth that are looked at; the same in every look at the same file."""
DATABASE_ROWS: Final = 200_000
"""Of a database that are read for it: its first, for to sort them is the owner's business."""
PAIRS: Final = 600
"""People of both sides whose values are compared."""


def look(settings: Settings, structure: Structure, *, now: datetime, key: str | None = None, fed: str = "") -> Looked:
    """Sample the truth, and find the same people in the export. `key` and `fed`, the truth column behind it, are what
    a person has said already.

    Raises AuditorError where the truth cannot be read; an export that cannot is a note.
    """
    with tempfile.TemporaryDirectory(prefix="auditor-") as scratch:
        folder, zone, notes = Path(scratch), ZoneInfo("UTC"), []
        truth = pull_input(settings, Side.TRUTH, zone, folder, now, rows=DATABASE_ROWS)
        folders = [folder, truth.path.parent]
        try:
            export = pull_input(settings, Side.PLATFORM, zone, folder, now)
            folders.append(export.path.parent)
        except SettingsError:
            raise
        except AuditorError as error:
            export = None
            notes.append(f"the mapping is proposed from names and types alone: {error}")
        with closing(open_engine(settings, folder / "spill", folders)) as engine:
            landed = land(engine, Side.TRUTH, truth.path, folder / "t.parquet", form=form_of(Side.TRUTH, settings))
            notes += [f"{settings.names.truth}: {of_file(note)}" for note in landed.notes]
            sample = name_of(_sample(engine, landed))
            cells = _columns(engine, f"SELECT * FROM {sample}", landed.columns)
            if export is None:
                return Looked(structure, cells, notes=tuple(notes))
            there = land(
                engine, Side.PLATFORM, export.path, folder / "p.parquet", form=form_of(Side.PLATFORM, settings)
            )
            export_rows = name_of(engine.view(there.path, "look_platform"))
            shares = _shares(engine, structure, export_rows, there, sample, landed)
            found = (key, fed) if key and fed else find_key(structure, cells, shares)
            pairs: tuple[Mapping[str, Cells], Mapping[str, Cells]] = ({}, {})
            if found is not None and found[0] in there.columns and found[1] in landed.columns:
                pairs = _pairs(engine, export_rows, sample, *found, there.columns, landed.columns)
            return Looked(structure, cells, there.columns, shares, pairs, tuple(notes))


def _sample(engine: DuckDB, landed: Landed) -> ir.Table:
    """The rows with the smallest hashes of their numbers: from everywhere in the file, and always the same."""
    names = ", ".join(quote(name) for name in landed.columns)
    rows = name_of(engine.view(landed.path, "look_truth"))
    return engine.keep_sql(
        f"SELECT {names} FROM {rows} ORDER BY hash({ROW_NUMBER}), {ROW_NUMBER} LIMIT {ROWS}", "look_sample"
    )


def _shares(
    engine: DuckDB, structure: Structure, export: str, there: Landed, sample: str, landed: Landed
) -> dict[tuple[str, str], float]:
    """The share of a truth column's cells in the sample that stand in a unique attribute of the export."""
    shares = {}
    for attribute in structure.attributes:
        if not attribute.unique or attribute.technical or attribute.name not in there.columns:
            continue
        held = _plain(attribute.name)
        values = engine.keep_sql(
            f"SELECT DISTINCT {held} AS value FROM {export} WHERE {held} IS NOT NULL", "look_values"
        )
        counts = ", ".join(
            f"count(*) FILTER (WHERE {_plain(name)} IN (SELECT value FROM {name_of(values)})), count({_plain(name)})"
            for name in landed.columns
        )
        [row] = engine.execute(f"SELECT {counts} FROM {sample}")
        engine.drop(values)
        for place, name in enumerate(landed.columns):
            common, filled = row[2 * place], row[2 * place + 1]
            shares[attribute.name, name] = common / filled if filled else 0.0
    return shares


def _pairs(
    engine: DuckDB, export: str, sample: str, key: str, column: str, platform: Sequence[str], truth: Sequence[str]
) -> tuple[dict[str, Cells], dict[str, Cells]]:
    ours = [f"p.{quote(name)}" for name in platform]
    theirs = [f"t.{quote(name)}" for name in truth]
    rows = engine.execute(
        f"SELECT {', '.join(ours + theirs)} FROM {sample} t JOIN {export} p"
        f" ON {_plain(column, 't.')} = {_plain(key, 'p.')}"
        f" ORDER BY {', '.join(theirs)}, {', '.join(ours)} LIMIT {PAIRS}"
    )
    cells = list(zip(*rows, strict=True)) if rows else [()] * (len(ours) + len(theirs))
    return dict(zip(platform, cells[: len(ours)], strict=True)), dict(zip(truth, cells[len(ours) :], strict=True))


def _columns(engine: DuckDB, query: str, columns: Sequence[str]) -> dict[str, Cells]:
    rows = engine.execute(query)
    return dict(zip(columns, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(columns, ())


def _plain(name: str, of: str = "") -> str:
    return f"nullif(lower(trim({of}{quote(name)})), '')"
