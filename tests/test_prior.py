"""How many candidates of a table are one person, estimated from their weights."""

from __future__ import annotations

import random
from collections.abc import Iterator

import polars as pl
import pytest

from auditor.engine.duckdb import DuckDB
from auditor.explain.persons.model import PRIOR, USUAL_SHARE, Link
from auditor.explain.persons.prior import MOST_SHIFT, priors


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDB]:
    engine = DuckDB(temp=tmp_path_factory.mktemp("spill"))
    yield engine
    engine.close()


def of(engine: DuckDB, link: Link, pairs: int, share: float) -> float:
    """What the prior moves by where `share` of so many pairs are one person, and their weights tell it well."""
    dice = random.Random(3)  # noqa: S311 (test data)
    weights = [round(dice.gauss(9 if n < pairs * share else -3, 1), 1) - PRIOR[link] for n in range(pairs)]
    sides = ("platform", "truth") if link is Link.ACROSS else ("truth", "truth")
    persons = engine.put(
        pl.DataFrame({"id": range(2 * pairs), "side": [sides[n % 2] for n in range(2 * pairs)]}), "some_persons"
    )
    rows = pl.DataFrame({"l": range(0, 2 * pairs, 2), "r": range(1, 2 * pairs, 2), "weight": weights})
    found = engine.put(rows.select("l", "r"), "some_found")
    weighed = engine.put(rows.filter(pl.col("weight") > -1).select("l", "r", "weight"), "some_weighed")
    return priors(engine, persons, found, weighed)[link] - PRIOR[link]


@pytest.mark.parametrize("link", Link)
def test_a_table_as_usual_leaves_the_prior(engine: DuckDB, link: Link) -> None:
    assert abs(of(engine, link, 4000, USUAL_SHARE[link])) < 0.1


@pytest.mark.parametrize("link", Link)
def test_where_nearly_all_are_one_person_it_rises_to_its_bound(engine: DuckDB, link: Link) -> None:
    assert of(engine, link, 4000, 0.95) == pytest.approx(MOST_SHIFT[link])


@pytest.mark.parametrize("link", Link)
def test_where_hardly_any_is_it_falls(engine: DuckDB, link: Link) -> None:
    assert -MOST_SHIFT[link] <= of(engine, link, 4000, 0.001) < -0.5


@pytest.mark.parametrize("pairs", [0, 1, 3])
def test_a_few_pairs_do_not_speak_for_each_other(engine: DuckDB, pairs: int) -> None:
    assert abs(of(engine, Link.ACROSS, pairs, 1.0)) < 0.2
