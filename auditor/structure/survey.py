"""Looks at the inputs of one table once: what the truth's cells are like, and which columns the export has.

The truth is landed in a folder of its own that vanishes afterwards; nothing but counts, lengths and names of segments
stays.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.engine.duckdb import DuckDB
from auditor.engine.protocol import ROW_NUMBER, count
from auditor.equality import rules
from auditor.equality.primitives import FUNCTIONS
from auditor.load import column_names, column_types, form_of, land, work_out
from auditor.match.keys import find_keys
from auditor.match.sides import wanted_columns
from auditor.model import (
    SEGMENTATION_PREFIX,
    SUBSCRIPTION_PREFIX,
    Attribute,
    AttributeType,
    Segmentation,
    Side,
    Structure,
)
from auditor.pull import Means, Pulled, pull_file
from auditor.settings.config import Settings
from auditor.settings.contract import DEFAULT_COMPARE, Column, Contract
from auditor.settings.contract_file import read_contract
from auditor.structure.infer import Inferred, infer
from auditor.structure.measure import Forms, Refusal, forms, refused, segments
from auditor.structure.proposal import Addition, extended
from auditor.validate.generate import of_structure

if TYPE_CHECKING:
    import ibis.expr.types as ir

_DECLARED: Mapping[str, AttributeType] = {
    "BOOLEAN": AttributeType.BOOLEAN,
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT"), AttributeType.INTEGER),
    **dict.fromkeys(("BIGINT", "UINTEGER"), AttributeType.LONG),
    **dict.fromkeys(("DECIMAL", "DOUBLE", "FLOAT"), AttributeType.NUMERIC),
    "DATE": AttributeType.DATE,
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP WITH TIME ZONE"), AttributeType.TIMESTAMP),
}
"""DuckDB's word for the type of a Parquet column, without arguments."""


@dataclass(frozen=True)
class Wish:
    """What a person asks for beyond the contract."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """New attribute → truth column that feeds it, for columns that the contract does not map."""
    types: Mapping[str, Attribute] = field(default_factory=dict)
    """Attribute → type and length, where nothing is to be inferred."""


@dataclass(frozen=True)
class Surveyed:
    """What was found in the truth."""

    called: str
    """What the truth is called on screens."""
    contract: Contract
    """Read against the structure as it would be with everything that it lacks, and with what a person wished."""
    rows: int
    inferred: Mapping[str, Inferred | None]
    """Per attribute that the structure lacks; None where no value says what it is."""
    segmentations: Mapping[str, Segmentation | None]
    """Per segmentation column that the structure lacks; None where its values are too many for segments."""
    segments: Mapping[str, tuple[str, ...] | None]
    """Per exclusive segmentation that exists: segments that the truth uses and the structure lacks; None: too many."""
    refusals: Sequence[Refusal]
    filled: Mapping[str, int]
    """Filled cells per column that the structure lacks."""


def survey_truth(settings: Settings, live: Structure, wish: Wish, *, now: datetime) -> Surveyed:
    """Measure the truth against a structure (an empty one for a table that is to be made).

    Raises AuditorError as pulling, loading and reading the contract do.
    """
    path = settings.table_folder / "contract.toml"
    draft = read_contract(path, None)
    draft = replace(draft, columns=(*draft.columns, *(_wished(name, truth) for name, truth in wish.columns.items())))
    with tempfile.TemporaryDirectory(prefix="auditor-") as scratch:
        file = pull_input(settings, Side.TRUTH, draft.timezone, Path(scratch), now)
        with closing(_engine(settings, Path(scratch), file)) as engine:
            truth, declared = _land(engine, settings, draft, file, Path(scratch))
            return _survey(engine, settings, live, draft, wish, truth, declared)


def export_columns(settings: Settings, contract: Contract, *, now: datetime) -> Collection[str]:
    """The header of the newest export. Raises AuditorError where there is none that can be read."""
    with tempfile.TemporaryDirectory(prefix="auditor-") as scratch:
        file = pull_input(settings, Side.PLATFORM, contract.timezone, Path(scratch), now)
        with closing(_engine(settings, Path(scratch), file)) as engine:
            return column_names(engine, file.path, form_of(Side.PLATFORM, settings, contract))


def _survey(
    engine: DuckDB,
    settings: Settings,
    live: Structure,
    draft: Contract,
    wish: Wish,
    truth: _Truth,
    declared: Mapping[str, AttributeType],
) -> Surveyed:
    lacking = [column for column in draft.columns if column.name not in live.columns]
    drafted = _sent(engine, draft, truth, lacking)
    measured = forms(engine, drafted, [column.name for column in lacking])
    inferred: dict[str, Inferred | None] = {}
    new: dict[str, Segmentation | None] = {}
    for column in lacking:
        if column.name.startswith(SEGMENTATION_PREFIX):
            new[column.name] = _segmentation(engine, drafted, column.name, measured[column.name])
        elif not column.name.startswith(SUBSCRIPTION_PREFIX):
            inferred[column.name] = infer(
                column,
                measured[column.name],
                unique=draft.key == (column.name,),
                declared=declared.get(column.truth),
                given=wish.types.get(column.name),
            )
    target = _target(live, draft, inferred, new)
    contract = _contract(settings, target, wish)
    surveyed = _sent(engine, contract, truth, contract.columns)
    return Surveyed(
        called=settings.names.truth,
        contract=contract,
        rows=count(engine, surveyed),
        inferred=inferred,
        segmentations=new,
        segments=_new_segments(engine, surveyed, contract, live),
        refusals=refused(engine, surveyed, of_structure(target, contract)),
        filled={name: one.filled for name, one in measured.items()},
    )


def pull_input(
    settings: Settings, side: Side, timezone: tzinfo, scratch: Path, now: datetime, *, rows: int | None = None
) -> Pulled:
    """The newest file of a side, whatever its age, for a look that leaves nothing behind; of a database, as many rows
    as are asked for.
    """
    return pull_file(
        side,
        settings.truth.from_ if side is Side.TRUTH else settings.platform.export,
        folder=scratch,
        max_age=None,
        now=now,
        timezone=timezone,
        base=settings.folder,
        hashed=False,
        means=Means(
            settings.truth if side is Side.TRUTH else settings.platform,
            settings.state_folder / "pulled",
            settings.state.retain.snapshots,
            rows=rows,
        ),
    )


def _engine(settings: Settings, scratch: Path, file: Pulled) -> DuckDB:
    folders = [scratch, file.path.parent]
    return DuckDB(memory_limit=settings.engine.memory_limit, temp=scratch / "spill", folders=folders)


def _land(
    engine: DuckDB, settings: Settings, draft: Contract, file: Pulled, scratch: Path
) -> tuple[_Truth, Mapping[str, AttributeType]]:
    """The truth as texts with its keys; and the types that its own file declares, which Parquet and Arrow do, or its
    database.
    """
    engine.register(FUNCTIONS)
    form = form_of(Side.TRUTH, settings, draft)
    there = column_names(engine, file.path, form)
    landed = land(
        engine,
        Side.TRUTH,
        file.path,
        scratch / "landed.parquet",
        columns=wanted_columns(draft, Side.TRUTH, there),
        form=form,
        most_rejected=settings.rejected(Side.TRUTH),
    )
    work_out(engine, draft, landed, there)
    raw = engine.view(landed.path, "truth_raw")
    truth = _Truth(raw, find_keys(engine, draft, Side.TRUTH, raw))
    declared = column_types(engine, file.path)
    if declared is None:
        return truth, {}
    words = {name: kind.partition("(")[0] for name, kind in declared.items()} | dict(file.types)
    return truth, {name: _DECLARED[word] for name, word in words.items() if word in _DECLARED}


@dataclass(frozen=True, slots=True)
class _Truth:
    raw: ir.Table
    """The landed rows."""
    keys: ir.Table
    """As `find_keys` gives them."""


def _sent(engine: DuckDB, contract: Contract, truth: _Truth, columns: Sequence[Column]) -> ir.Table:
    """What the truth would send in these columns, of the rows that would be compared."""
    zone, raw = contract.timezone.key, truth.raw
    inside = truth.keys.filter(truth.keys.included & truth.keys.key.notnull()).select("row")
    cells = {"auditor:row": raw[ROW_NUMBER]}
    for column in columns:
        cells[column.name] = rules.sent(raw[column.truth], column, zone)
        cells[f"auditor:unique:{column.name}"] = rules.canonical(raw[column.truth], column, Side.TRUTH, zone)
    rows = raw.select(**cells)
    return engine.keep(rows.semi_join(inside, rows["auditor:row"] == inside.row), "sent")


def _segmentation(engine: DuckDB, drafted: ir.Table, column: str, measured: Forms) -> Segmentation | None:
    name = column.removeprefix(SEGMENTATION_PREFIX)
    if measured.words:
        return Segmentation(name)
    values = segments(engine, drafted, column)
    return Segmentation(name, exclusive=True, segments=values) if values else None


def _new_segments(
    engine: DuckDB, surveyed: ir.Table, contract: Contract, live: Structure
) -> dict[str, tuple[str, ...] | None]:
    found: dict[str, tuple[str, ...] | None] = {}
    for column in contract.columns:
        segmentation = live.segmentation(column.name)
        if segmentation is None or not segmentation.exclusive:
            continue
        values = segments(engine, surveyed, column.name)
        new = None if values is None else tuple(value for value in values if value not in segmentation.segments)
        if new is None or new:
            found[column.name] = new
    return found


def _target(
    live: Structure,
    draft: Contract,
    inferred: Mapping[str, Inferred | None],
    new: Mapping[str, Segmentation | None],
) -> Structure:
    """The structure as the contract needs it: with everything it lacks, and with a key that is unique."""
    additions = [
        Addition("", attribute=one.attribute if one is not None else Attribute(name)) for name, one in inferred.items()
    ]
    for place, segmentation in new.items():
        name = place.removeprefix(SEGMENTATION_PREFIX)
        additions.append(Addition("", segmentation=segmentation or Segmentation(name, exclusive=True)))
    additions += [
        Addition("", subscription=column.name.removeprefix(SUBSCRIPTION_PREFIX))
        for column in draft.columns
        if column.name.startswith(SUBSCRIPTION_PREFIX)
    ]
    target = extended(live, tuple(additions))
    unique = [replace(one, unique=one.unique or draft.key == (one.name,)) for one in target.attributes]
    return replace(target, attributes=tuple(unique))


def _contract(settings: Settings, target: Structure, wish: Wish) -> Contract:
    contract = read_contract(settings.table_folder / "contract.toml", target)
    extra = []
    for name, truth in wish.columns.items():
        attribute = target.attribute(name) or Attribute(name)
        extra.append(replace(_wished(name, truth), compare=DEFAULT_COMPARE[attribute.type], type=attribute.type))
    return replace(contract, columns=(*contract.columns, *extra))


def _wished(name: str, truth: str) -> Column:
    return Column(name=name, truth=truth, header=name)
