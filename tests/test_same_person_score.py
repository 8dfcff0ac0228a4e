"""What the score of a pair is worth, on people that the weights were not fitted to."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import polars as pl
import pytest
from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler

from auditor import explain
from auditor.engine.duckdb import DuckDB, name_of
from auditor.findings import audit
from tests.people import VARIED, People, Rates, Row, generate, same_pairs
from tests.person_trials import COLUMNS, Trial, load, together, tried

HELD_OUT = range(1000, 1000 + len(VARIED))
"""Seeds that `make calibration` fits nothing to, one of each company."""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDB]:
    engine = DuckDB(temp=tmp_path_factory.mktemp("spill"))
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def trials(engine: DuckDB) -> dict[str, Trial]:
    each = [tried(engine, generate(seed, 4000)) for seed in HELD_OUT]
    return {
        "across": together(trial["both"] for trial in each),
        "within": together(trial[side] for trial in each for side in ("platform", "truth")),
    }


@pytest.mark.parametrize(("pairs", "precision", "recall"), [("across", 0.95, 0.75), ("within", 0.88, 0.5)])
def test_most_of_what_is_reported_is_right_and_most_pairs_are_reported(
    trials: dict[str, Trial], pairs: str, precision: float, recall: float
) -> None:
    """Recall counts everybody, those too of whom nothing in the rows tells that they are one person."""
    trial = trials[pairs]
    assert trial.there > 300
    assert trial.precision >= precision
    assert trial.recall >= recall


@pytest.mark.parametrize(("pairs", "off"), [("across", 0.08), ("within", 0.12)])
def test_of_the_pairs_of_a_score_that_share_is_one_person(trials: dict[str, Trial], pairs: str, off: float) -> None:
    """Somewhat more may be right than the score says: of several candidates the best has been chosen already."""
    bins = trials[pairs].bins((0.6, 0.8, 0.9, 0.97))
    assert len(bins) == 4
    for number, score, share in bins:
        assert number >= 30
        assert score - off <= share <= score + 0.25, (number, score, share)


def test_a_trial_tells_right_from_wrong() -> None:
    """The judge above: two rows of one person, and a stranger."""
    row = Row(1, "a", None, "Maes", "An", None, None, None, None)
    people = People(
        platform=(row,),
        truth=(replace(row, key="b"), replace(row, person=2, key="c")),
    )
    assert same_pairs(people.platform, people.truth) == {("a", "b")}
    trial = Trial((0.7, 0.9), (False, True), there=4)
    assert (trial.precision, trial.recall) == (0.5, 0.25)
    assert trial.bins((0.6, 0.8)) == [(1, 0.7, 0.0), (1, 0.9, 1.0)]


def test_the_search_leaves_nothing_behind(engine: DuckDB) -> None:
    people = load(engine, generate(1, 200))
    before = engine.execute("SELECT table_name FROM duckdb_tables()")
    found = explain.same_person(engine, people, COLUMNS)
    after = engine.execute("SELECT table_name FROM duckdb_tables()")
    assert set(after) - set(before) == {(found.get_name(),)}
    assert engine.frame(found).schema == audit.SAME_PERSON
    assert engine.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal") == []


def test_the_engine_measures_likeness_as_rapidfuzz_does(engine: DuckDB) -> None:
    dice = random.Random(5)  # noqa: S311 (test data)
    words = ["".join(dice.choices("abcde", k=dice.randint(1, 9))) for _ in range(300)]
    pairs = list(pairwise(words))
    words_of = engine.put(pl.DataFrame(pairs, schema={"a": pl.String(), "b": pl.String()}, orient="row"), "word_pairs")
    measured = engine.execute(
        f"SELECT a, b, jaro_winkler_similarity(a, b), damerau_levenshtein(a, b) FROM {name_of(words_of)}"
    )
    assert len(measured) == len(pairs)
    for a, b, alike, edits in measured:
        assert alike == pytest.approx(JaroWinkler.similarity(a, b)), (a, b)
        assert edits == DamerauLevenshtein.distance(a, b), (a, b)


def test_everybody_with_one_telephone_and_one_birth_date_does_not_explode(engine: DuckDB) -> None:
    """And two thousand people of one name are no candidates for each other."""
    people = generate(0, 3000, Rates(matched=0.0, rekeyed=0.3, empty=(0.0,) * 7))
    alike = People(
        *(
            tuple(
                Row(row.person, row.key, row.email, "Maes", "An", "1980-01-01", "+32400000000", "1000", "Kerkstraat 1")
                for row in side
            )
            for side in (people.platform, people.truth)
        )
    )
    trial = tried(engine, alike)["both"]
    assert trial.precision > 0.8  # by their e-mail addresses alone, some of which a household shares
    assert trial.recall > 0.2
