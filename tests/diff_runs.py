"""Small tables through matching and the diff, on one engine for many: what the tests of the diff and the laws share."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import polars as pl

from auditor.diff.counts import DiffCounts
from auditor.diff.diffed import Diffed, diff
from auditor.diff.known import Known, Moments
from auditor.engine.duckdb import DuckDB
from auditor.equality.primitives import FUNCTIONS
from auditor.match.join import Matched, match_sides
from auditor.match.sides import source_name
from auditor.model import Side, Status
from auditor.settings.contract import Contract
from tests.last_found import last, remember
from tests.nothing_known import knowing
from tests.slow_diff import Row, SlowKnown

if TYPE_CHECKING:
    import ibis.expr.types as ir

SHOWN = {Side.PLATFORM: datetime(2026, 3, 10, 12, tzinfo=UTC), Side.TRUTH: datetime(2026, 3, 10, 6, tzinfo=UTC)}
"""The moments that the two tables show, unless a test says otherwise."""


@contextmanager
def engine_in(folder: Path) -> Iterator[DuckDB]:
    with closing(DuckDB(temp=folder)) as engine:
        engine.register(FUNCTIONS)
        yield engine


@dataclass(frozen=True)
class Landing:
    """Where the tables of an example are written, each under a name of its own."""

    folder: Path
    numbers: Iterator[int]

    def land(self, engine: DuckDB, side: Side, rows: Sequence[Row], names: Sequence[str]) -> ir.Table:
        frame = pl.DataFrame([dict(row) for row in rows], schema=dict.fromkeys(names, pl.String), orient="row")
        path = self.folder / f"{side.value}-{next(self.numbers)}.parquet"
        frame.write_parquet(path)
        return engine.view(path, f"{side.value}_raw")

    @classmethod
    def beside(cls, engine: DuckDB) -> Landing:
        """Where the engine may read."""
        [(folder,)] = engine.execute("SELECT current_setting('temp_directory')")
        return cls(Path(folder), itertools.count())


def names_of(contract: Contract, side: Side) -> list[str]:
    """The columns of a side's table: the contract's, its moments, and what the populations of the tests look at."""
    names = [source_name(column, side) for column in contract.columns]
    updated = contract.updated_platform if side is Side.PLATFORM else contract.updated_truth
    numbered = ["profileId"] if side is Side.PLATFORM else []
    return list(dict.fromkeys([*names, *numbered, "kind", "state", *([updated] if updated else [])]))


def tables(engine: DuckDB, contract: Contract, known: SlowKnown) -> Known:
    """What is known, as tables on the connection."""
    texts = {"key": pl.String, "column": pl.String}
    compared = [column.name for column in contract.compared]
    fields = [f"b{place}" for place in range(len(compared))] or ["none"]
    rows = [
        {
            "anchor": anchor,
            "marks": {
                f"b{place}": ("n" if forms[name] is None else f"v{forms[name]}") if name in forms else None
                for place, name in enumerate(compared)
            },
        }
        for anchor, forms in known.base.items()
    ]
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "anchor": pl.String,
        "marks": pl.Struct(dict.fromkeys(fields, pl.String)),
    }
    return knowing(
        base=engine.put(pl.DataFrame(rows, schema=schema), "base"),
        sent=engine.put(pl.DataFrame(sorted(known.sent, key=str), schema=texts, orient="row"), "sent"),
        seen=engine.put(pl.DataFrame({"key": sorted(known.seen)}, schema={"key": pl.String}), "seen"),
        blocked=engine.put(pl.DataFrame(sorted(known.blocked), schema=texts, orient="row"), "blocked"),
    )


def run(
    engine: DuckDB,
    landing: Landing,
    contract: Contract,
    platform: Sequence[Row],
    truth: Sequence[Row],
    known: Known | None = None,
    rejected: Mapping[Side, int] | None = None,
    shown: Mapping[Side, datetime | None] = SHOWN,
) -> DiffCounts:
    """The counts; `compared` gives the rest of what was found last on an engine."""
    given = {Side.PLATFORM: platform, Side.TRUTH: truth}
    raw = {side: landing.land(engine, side, rows, names_of(contract, side)) for side, rows in given.items()}
    matched = match_sides(engine, contract, raw)
    moments = Moments(shown[Side.PLATFORM], shown[Side.TRUTH])
    diffed = diff(engine, contract, matched, known or knowing(), moments, rejected or {})
    _COMPARED[engine] = matched, diffed
    keys = {f"{side.value}_keys": table for side, table in matched.keys.items()}
    remember(engine, cells=diffed.cells, profiles=diffed.profiles, matched=matched.rows, **keys)
    return diffed.counts


_COMPARED: WeakKeyDictionary[DuckDB, tuple[Matched, Diffed]] = WeakKeyDictionary()


def compared(engine: DuckDB) -> tuple[Matched, Diffed]:
    return _COMPARED[engine]


CELLS = ("key_text", "column", "platform", "truth", "base", "status", "moved", "waiting", "pending", "blocked")
PROFILES = ("key", "platform_key", "truth_key", "profile_id", "status", "moved", "waiting", "gone", "pending",
            "columns", "platform_rows", "truth_rows", "matched_by")  # fmt: skip


def found(engine: DuckDB, table: str, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    return sorted(engine.rows(last(engine, table).select(*columns)), key=repr)


def assert_identity(result: DiffCounts) -> None:
    """Every row of an input is counted exactly once (design §7)."""
    for side, alone in ((Side.PLATFORM, Status.ORPHAN), (Side.TRUTH, Status.MISSING)):
        apart = sum(result.rows[f"{side.value}_{what}"] for what in ("rejected", "excluded", "null_key", "duplicate"))
        statuses = (Status.EQUAL, alone, Status.STALE, Status.CONFLICTING)
        assert result.rows[side.value] == apart + sum(result.profiles[status] for status in statuses)
