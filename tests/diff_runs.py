"""Small tables through matching and the diff, on one engine for many: what the tests of the diff and the laws share."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from auditor.diff.cells import Diff, Known, Moments, diff
from auditor.engine.duckdb import Engine
from auditor.equality.primitives import FUNCTIONS
from auditor.match import join as match
from auditor.model import Side, Status
from auditor.settings.contract import Contract
from tests.slow_diff import Row, SlowKnown

SHOWN = {Side.PLATFORM: datetime(2026, 3, 10, 12, tzinfo=UTC), Side.TRUTH: datetime(2026, 3, 10, 6, tzinfo=UTC)}
"""The moments that the two tables show, unless a test says otherwise."""


@contextmanager
def engine_in(folder: Path) -> Iterator[Engine]:
    with closing(Engine(temp=folder)) as engine:
        engine.register(FUNCTIONS)
        yield engine


@dataclass(frozen=True)
class Landing:
    """Where the tables of an example are written, each under a name of its own."""

    folder: Path
    numbers: Iterator[int]

    def land(self, engine: Engine, side: Side, rows: Sequence[Row], names: Sequence[str]) -> None:
        frame = pl.DataFrame([dict(row) for row in rows], schema=dict.fromkeys(names, pl.String), orient="row")
        path = self.folder / f"{side.value}-{next(self.numbers)}.parquet"
        frame.write_parquet(path)
        engine.view(match.RAW[side], path)

    @classmethod
    def beside(cls, engine: Engine) -> Landing:
        """Where the engine may read."""
        [(folder,)] = engine.rows("SELECT current_setting('temp_directory')")
        return cls(Path(folder), itertools.count())


def names_of(contract: Contract, side: Side) -> list[str]:
    """The columns of a side's table: the contract's, its moments, and what the populations of the tests look at."""
    names = [match.source_name(column, side) for column in contract.columns]
    updated = contract.updated_platform if side is Side.PLATFORM else contract.updated_truth
    numbered = ["profileId"] if side is Side.PLATFORM else []
    return list(dict.fromkeys([*names, *numbered, "kind", "state", *([updated] if updated else [])]))


def tables(engine: Engine, contract: Contract, known: SlowKnown) -> Known:
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
    return Known(
        base=engine.put("base", pl.DataFrame(rows, schema=schema)),
        sent=engine.put("sent", pl.DataFrame(sorted(known.sent, key=str), schema=texts, orient="row")),
        seen=engine.put("seen", pl.DataFrame({"key": sorted(known.seen)}, schema={"key": pl.String})),
        blocked=engine.put("blocked", pl.DataFrame(sorted(known.blocked), schema=texts, orient="row")),
    )


def run(
    engine: Engine,
    landing: Landing,
    contract: Contract,
    platform: Sequence[Row],
    truth: Sequence[Row],
    known: Known | None = None,
    rejected: Mapping[Side, int] | None = None,
    shown: Mapping[Side, datetime | None] = SHOWN,
) -> Diff:
    for side, rows in ((Side.PLATFORM, platform), (Side.TRUTH, truth)):
        landing.land(engine, side, rows, names_of(contract, side))
        match.find_keys(engine, contract, side)
    match.match(engine)
    moments = Moments(shown[Side.PLATFORM], shown[Side.TRUTH])
    return diff(engine, contract, known or Known(), moments, rejected or {})


CELLS = ("key_text", "column", "platform", "truth", "base", "status", "moved", "waiting", "pending", "blocked")
PROFILES = ("key", "platform_key", "truth_key", "profile_id", "status", "moved", "waiting", "gone", "pending",
            "columns", "platform_rows", "truth_rows", "matched_by")  # fmt: skip


def found(engine: Engine, table: str, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    return sorted(engine.rows(engine.table(table).select(*columns)), key=repr)


def assert_identity(result: Diff) -> None:
    """Every row of an input is counted exactly once (design §7)."""
    for side, alone in ((Side.PLATFORM, Status.ORPHAN), (Side.TRUTH, Status.MISSING)):
        apart = sum(result.rows[f"{side.value}_{what}"] for what in ("rejected", "excluded", "null_key", "duplicate"))
        statuses = (Status.EQUAL, alone, Status.STALE, Status.CONFLICTING)
        assert result.rows[side.value] == apart + sum(result.profiles[status] for status in statuses)
