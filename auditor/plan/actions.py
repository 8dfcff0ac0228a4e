"""Cells that are to be written, and the writes that they make together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import polars as pl

from auditor import writes
from auditor.findings.audit import TEXT, Audit
from auditor.model import SEGMENTATION_PREFIX, Kind, Route, Structure
from auditor.plan.knowledge import CELL, Knowledge
from auditor.plan.uniques import without_order
from auditor.writes import Cell, Write


@dataclass(frozen=True, slots=True)
class Action:
    """One cell that is to be written."""

    key: str
    kind: Kind
    cell: Cell
    decided_by: str | None
    """None: the policy did."""
    collection: writes.Collection | None


def together(actions: Iterable[Action], audit: Audit) -> list[Write]:
    """One single write per profile, kind, person and evidence, with all its cells in the contract's order; by key."""
    profile_ids = {
        key: profile_id
        for people in (audit.permissions, audit.profiles)
        for key, profile_id in people.select("key", "profile_id").iter_rows()
    }
    places = {column.name: place for place, column in enumerate(audit.columns)}
    cells: dict[tuple[str, Kind, str | None, writes.Collection | None], list[Cell]] = {}
    for one in actions:
        cells.setdefault((one.key, one.kind, one.decided_by, one.collection), []).append(one.cell)
    return sorted(
        (
            Write(
                kind,
                Route.SINGLE,
                key,
                profile_ids.get(key),
                tuple(sorted(own, key=lambda cell: places[cell.column])),
                batch=None,
                canary=False,
                decided_by=by,
                collection=collection,
            )
            for (key, kind, by, collection), own in cells.items()
        ),
        key=by_key,
    )


def by_key(write: Write) -> tuple[str, str, str, str]:
    """The order of writes of one kind."""
    moment, source = (write.collection.moment, write.collection.source) if write.collection else ("", "")
    return write.key, write.decided_by or "", moment, source


def actions(needed: pl.DataFrame) -> Iterator[Action]:
    """The cells that are written, of rows with the columns that `needs.NEEDS` has about writes."""
    written = needed.filter(pl.col("kind").is_not_null())
    for row in written.select(*CELL, "platform", "kind", "after", "by", "moment", "source").iter_rows(named=True):
        given = None if row["moment"] is None else writes.Collection(row["moment"], row["source"])
        yield Action(
            row["key"], Kind(row["kind"]), Cell(row["column"], row["platform"], row["after"]), row["by"], given
        )


def with_writes(rows: pl.DataFrame, structure: Structure) -> pl.DataFrame:
    """The rows with the `kind` of write and the value `after` it, where there is one."""
    written = pl.col("why").is_null()
    filled = pl.col("truth").fill_null("") != ""
    simple = [SEGMENTATION_PREFIX + one.name for one in structure.segmentations if not one.exclusive]
    # Null clears a column, but who leaves a simple segmentation is simply no member.
    nothing = pl.when(pl.col("column").is_in(simple)).then(pl.lit("false"))
    update = pl.when(filled).then(pl.lit(Kind.UPDATE.value)).otherwise(pl.lit(Kind.CLEAR.value))
    after = pl.when(filled).then("truth").otherwise(nothing)
    permission = pl.col("polarity").is_not_null()
    return rows.with_columns(
        kind=pl.when(written).then(pl.when(permission).then("opts").otherwise(update)),
        after=pl.when(written).then(pl.when(permission).then("to").otherwise(after)),
        by=pl.when(written).then("by"),
        **{name: pl.when(written).then(name) for name in ("moment", "source")},
    )


def arranged(rows: pl.DataFrame, audit: Audit, known: Knowledge) -> pl.DataFrame:
    """The rows without the writes of unique values that no order helps: those are left, and say why."""
    unique = [attribute.name for attribute in known.structure.attributes if attribute.unique]
    moves = together(actions(rows.filter(pl.col("column").is_in(unique))), audit)
    no_order = without_order(moves, audit.differences, unique, known.of_others)
    stuck = [(*cell, why.value) for cell, why in no_order.items()]
    schema = {"key": TEXT, "column": TEXT, "stuck": TEXT}
    marked = rows.join(pl.DataFrame(stuck, schema=schema, orient="row"), on=CELL, how="left", maintain_order="left")
    free = pl.col("stuck").is_null()
    return marked.with_columns(
        why=pl.coalesce("why", "stuck"),
        **{name: pl.when(free).then(name) for name in ("kind", "after", "by", "moment", "source")},
    )
