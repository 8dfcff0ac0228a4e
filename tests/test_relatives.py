"""Pairs that agree in all but the first name are twins where the table has twins, and one person where it has none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from auditor.engine.duckdb import DuckDB
from tests.people import SYLLABLES, People, Row
from tests.person_trials import tried

FIRST = ("Marie", "Koen", "Thomas", "Greta", "Julie", "Arthur", "Chantal", "Wim")
"""None like the next."""
OTHERS = 300
"""People who stand on both sides under two keys, with all that is known of them."""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDB]:
    engine = DuckDB(temp=tmp_path_factory.mktemp("spill"))
    yield engine
    engine.close()


def row(n: int, person: int, key: str, *, twin: bool = False) -> Row:
    """Of the household `n`."""
    a, b, c = (SYLLABLES[n // len(SYLLABLES) ** place % len(SYLLABLES)] for place in range(3))
    born = f"{1940 + n % 60}-{1 + n % 12:02}-{1 + n % 28:02}"
    name = FIRST[(n + twin) % len(FIRST)]
    return Row(person, key, None, f"{a}{b}{c}mans", name, born, None, f"{1000 + n}", f"{c}{b}straat {n}")


def files(*, renamed: int = 0, apart: int = 0, together: int = 0) -> People:
    """Of `renamed` people the truth has another first name; of twins, `apart` stand one on each side, and `together`
    both on one, by turns.
    """
    platform: list[Row] = []
    truth: list[Row] = []
    for n in range(OTHERS + renamed):
        platform.append(row(n, n, f"P{7 * n + 10_000}"))
        truth.append(row(n, n, f"T{3 * n + 50_000}", twin=n >= OTHERS))
    for n in range(len(platform), len(platform) + apart + together):
        one, other = row(n, 2 * n, f"P{7 * n + 10_000}"), row(n, 2 * n + 1, f"T{3 * n + 50_000}", twin=True)
        sides = (platform, truth) if n < OTHERS + renamed + apart else ((platform,) * 2, (truth,) * 2)[n % 2]
        for side, twin in zip(sides, (one, other), strict=True):
            side.append(twin)
    return People(tuple(platform), tuple(truth))


def test_where_nobody_has_a_twin_on_their_own_side_another_first_name_is_the_same_person(engine: DuckDB) -> None:
    trial = tried(engine, files(renamed=100))["both"]
    assert trial.there == OTHERS + 100
    assert trial.recall > 0.95
    assert trial.precision > 0.99


@pytest.mark.parametrize(
    "twins",
    [files(apart=100, together=100), files(renamed=60, together=80), files(apart=12), files(renamed=8)],
    ids=["twins", "as many twins as renamed", "one child per household", "few"],
)
def test_where_they_may_be_twins_they_stay_apart(engine: DuckDB, twins: People) -> None:
    trials = tried(engine, twins)
    assert len(trials["both"].right) == OTHERS
    assert all(trials["both"].right)
    assert not trials["platform"].right
    assert not trials["truth"].right
