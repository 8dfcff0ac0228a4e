"""The laws that every comparison obeys, whatever the tables: with itself, from the other side, repaired, in any order
and in any pieces, and against an implementation that is slow and obvious. The tables come from `table_strategies`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.commands.compare import compare
from auditor.diff import one_sided
from auditor.engine.duckdb import DuckDB
from auditor.match.join import match_sides
from auditor.model import Side, Status
from auditor.settings.compare_options import Question
from auditor.settings.contract import Contract
from tests.diff_runs import CELLS, PROFILES, SHOWN, Landing, assert_identity, compared, engine_in, found, run, tables
from tests.slow_diff import Row, slow_diff
from tests.table_strategies import INSIDE, TYPED_KEY, Case, TypedRow, cases, typed_tables
from tests.typed_files import FORMS, expected

SHOWN_BACK = {Side.PLATFORM: SHOWN[Side.TRUTH], Side.TRUTH: SHOWN[Side.PLATFORM]}
BOTH = (Status.EQUAL, Status.STALE, Status.CONFLICTING)


def some(number: int) -> settings:
    """Each example compiles and runs a dozen statements, so there are few, with many rows each."""
    return settings(max_examples=number, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDB]:
    with engine_in(tmp_path_factory.mktemp("laws")) as engine:
        yield engine


@pytest.fixture(scope="module")
def landing(engine: DuckDB) -> Landing:
    return Landing.beside(engine)


@some(20)
@given(case=cases(), unread=st.integers(0, 2))
def test_the_answer_is_what_dictionaries_and_loops_say(
    engine: DuckDB, landing: Landing, case: Case, unread: int
) -> None:
    """Cell by cell and profile by profile, with every flag and every count."""
    rejected = {Side.PLATFORM: unread, Side.TRUTH: 0}
    known = tables(engine, case.contract, case.known)
    result = run(engine, landing, case.contract, case.platform, case.truth, known, rejected)
    slow = slow_diff(case.contract, case.platform, case.truth, case.known, SHOWN, INSIDE, rejected)
    assert found(engine, "cells", CELLS) == sorted(slow.cells, key=repr)
    assert found(engine, "profiles", PROFILES) == sorted(slow.found, key=repr)
    assert dict(result.rows) == slow.rows
    assert {status.value: number for status, number in result.profiles.items()} == slow.profiles
    counts = (result.waiting, result.pending, result.gone, dict(result.kept), dict(result.formats))
    assert counts == (slow.waiting, slow.pending, slow.gone, slow.kept, slow.formats)
    assert result.matched_by == slow.matched_by


@some(4)
@given(case=cases())
def test_partition(engine: DuckDB, landing: Landing, case: Case) -> None:
    """Every key has one status, every row is counted once, and only profiles of both sides have differences."""
    known = tables(engine, case.contract, case.known)
    result = run(engine, landing, case.contract, case.platform, case.truth, known)
    assert_identity(result)
    statuses = found(engine, "profiles", ("canonical", "status"))
    assert len({key for key, _ in statuses}) == len(statuses)
    sides = [set(found(engine, f"{side.value}_keys", ("key", "included"))) for side in Side]
    out = {key for side in sides for key, included in side if not included}
    keys = {key for side in sides for key, _ in side} - out - {None}
    assert len(keys) == sum(result.profiles.values())
    assert {key for key, _ in statuses} <= keys
    differing = {key for key, status in statuses if status in (Status.STALE, Status.CONFLICTING)}
    assert {key for (key,) in found(engine, "cells", ("key",))} == differing
    assert len(statuses) + result.profiles[Status.EQUAL] == len(keys)


MIRRORED = {
    "truth": {"platform"},
    "platform": {"truth"},
    "both": {"both"},
    "unknown": {"unknown", "truth_by_moment"},
    "truth_by_moment": {"unknown"},
}
"""Who moved, seen from the other side. Without an agreed value only a later truth suggests anything."""


@some(4)
@given(case=cases(symmetric=True))
def test_mirror(engine: DuckDB, landing: Landing, case: Case) -> None:
    """Where the sides change places, so does everything that is said of them."""
    columns = ("key", "column", "platform_canonical", "truth_canonical", "base", "moved")
    there = run(engine, landing, case.contract, case.platform, case.truth, tables(engine, case.contract, case.known))
    cells = {(key, name): rest for key, name, *rest in found(engine, "cells", columns)}
    other = mirrored(case.contract)
    known = tables(engine, other, case.known)
    back = run(engine, landing, other, case.truth, case.platform, known, shown=SHOWN_BACK)
    again = {(key, name): rest for key, name, *rest in found(engine, "cells", columns)}
    assert again.keys() == cells.keys()
    for cell, (platform, truth, base, moved) in cells.items():
        assert again[cell][:3] == [truth, platform, base]
        assert again[cell][3] in MIRRORED[moved]
    counts, turned = there.profiles, back.profiles
    assert (counts[Status.MISSING], counts[Status.ORPHAN]) == (turned[Status.ORPHAN], turned[Status.MISSING])
    assert (counts[Status.EQUAL], counts[Status.DUPLICATE]) == (turned[Status.EQUAL], turned[Status.DUPLICATE])
    assert sum(counts.values()) == sum(turned.values())


def mirrored(contract: Contract) -> Contract:
    """The contract of the same tables with the sides exchanged."""
    return replace(
        contract,
        columns=tuple(replace(column, header=column.truth, truth=column.header) for column in contract.columns),
        updated_platform=contract.updated_truth,
        updated_truth=contract.updated_platform,
        population_platform=contract.population_truth,
        population_truth=contract.population_platform,
    )


@some(4)
@given(case=cases(symmetric=True))
def test_identity(engine: DuckDB, landing: Landing, case: Case) -> None:
    """Whatever is compared with itself agrees with itself."""
    own = replace(
        case.contract,
        columns=tuple(replace(column, truth=column.header) for column in case.contract.columns),
        updated_truth=case.contract.updated_platform,
        population_truth=case.contract.population_platform,
    )
    result = run(engine, landing, own, case.platform, case.platform, tables(engine, own, case.known))
    assert found(engine, "cells", ("key",)) == []
    assert {status for status, number in result.profiles.items() if number} <= {Status.EQUAL, Status.DUPLICATE}
    assert not result.kept


@some(6)
@given(case=cases())
def test_repair(engine: DuckDB, landing: Landing, case: Case) -> None:
    """The platform with every difference applied, the missing created and the orphans deleted is the truth."""
    contract = case.contract
    before = run(engine, landing, contract, case.platform, case.truth)
    matched = found(engine, "matched", ("key", "platform_row", "truth_row"))
    repaired = {number: dict(row) for number, row in enumerate(case.platform)}
    for _, row, other in matched:
        if other is None:
            del repaired[row]
    places = {key: row for key, row, _ in matched}
    headers = {column.name: column.header for column in contract.columns}
    for key, name, value in found(engine, "cells", ("key", "column", "truth")):
        repaired[places[key]][headers[name]] = value
    created: list[Row] = []
    for row in engine.frame(one_sided.creations(contract, compared(engine)[0])).to_dicts():
        new = {column.header: row[column.name] for column in contract.columns}
        created.append({**new, "kind": "in", "updateMoment": None, "profileId": None})
    after = run(engine, landing, contract, [*repaired.values(), *created], case.truth)
    assert found(engine, "cells", ("key", "column")) == []
    agreed = sum(before.profiles[status] for status in (*BOTH, Status.MISSING))
    expected = {Status.EQUAL: agreed, Status.DUPLICATE: before.profiles[Status.DUPLICATE]}
    assert after.profiles == {status: expected.get(status, 0) for status in Status}


@some(4)
@given(case=cases(), chance=st.randoms(use_true_random=False))
def test_order_of_rows_and_columns_means_nothing(engine: DuckDB, landing: Landing, case: Case, chance: Any) -> None:
    """Only which spelling of a key that occurs twice is shown may depend on the order of the rows."""

    def told(contract: Contract, platform: Sequence[Row], truth: Sequence[Row]) -> tuple[object, ...]:
        result = run(engine, landing, contract, platform, truth, tables(engine, contract, case.known))
        return result, found(engine, "cells", CELLS), found(engine, "profiles", ("canonical", *PROFILES[4:]))

    first = told(case.contract, case.platform, case.truth)
    columns, platform, truth = list(case.contract.columns), list(case.platform), list(case.truth)
    for shuffled in (columns, platform, truth):
        chance.shuffle(shuffled)
    assert told(replace(case.contract, columns=tuple(columns)), platform, truth) == first


@some(2)
@given(case=cases())
def test_inputs_are_left_as_they_are(engine: DuckDB, landing: Landing, case: Case) -> None:
    run(engine, landing, case.contract, case.platform, case.truth, tables(engine, case.contract, case.known))
    files = {path: path.read_bytes() for path in landing.folder.glob("*.parquet")}
    raw = compared(engine)[0].raw
    rows = {side: sorted(engine.rows(table), key=repr) for side, table in raw.items()}
    for side, given_rows in ((Side.PLATFORM, case.platform), (Side.TRUTH, case.truth)):
        assert len(rows[side]) == len(given_rows)
    match_sides(engine, case.contract, raw)
    assert {path: path.read_bytes() for path in landing.folder.glob("*.parquet")} == files
    assert {side: sorted(engine.rows(table), key=repr) for side, table in raw.items()} == rows


# --- files ---


def test_types_and_pieces_mean_nothing(tmp_path: Path) -> None:
    """One Parquet file or several, small groups of rows, a CSV file of texts: the answer is that of the values."""

    @some(3)
    @given(sides=typed_tables())
    def law(sides: tuple[list[TypedRow], list[TypedRow]]) -> None:
        platform, truth = sides
        with TemporaryDirectory(dir=tmp_path) as name:
            here = {kind: write(Path(name), kind, platform) for kind, write in FORMS.items()}
            there = {kind: write(Path(name), kind + "-truth", truth) for kind, write in FORMS.items()}
            before = {path: path.read_bytes() for path in Path(name).rglob("*") if path.is_file()}
            for one, other in (("whole", "whole"), ("groups", "texts"), ("texts", "folder"), ("folder", "groups")):
                assert told(here[one], there[other]) == expected(platform, truth), (one, other)
            for kind in FORMS:
                assert told(here["whole"], here[kind]) == expected(platform, platform), kind
            assert {path: path.read_bytes() for path in Path(name).rglob("*") if path.is_file()} == before

    law()


def told(platform: Path, truth: Path) -> tuple[dict[str, int], set[tuple[str, str]]]:
    """Keys per status, and the cells that differ."""
    audit = compare(Question(str(platform), str(truth), TYPED_KEY)).audit
    cells = set(audit.differences.select("key", "column").iter_rows())
    return {status.value: number for status, number in audit.counts.profiles.items() if number}, cells
