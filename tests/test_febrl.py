"""The search for same persons, put to people whom nobody of this project made up: FEBRL's data sets 3 and 4.

What cannot be found there are people of whom the other row has another birth date, as a son has of his father's name,
or several things at once; and within one file those with another first name, whom nobody can tell from twins there.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from auditor.engine.duckdb import DuckDB
from tests.febrl import set_4, within
from tests.person_trials import tried


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDB]:
    engine = DuckDB(temp=tmp_path_factory.mktemp("spill"))
    yield engine
    engine.close()


def test_of_two_files_of_five_thousand_people(engine: DuckDB) -> None:
    trials = tried(engine, set_4())
    assert trials["both"].there == 5000
    assert trials["both"].precision >= 0.995
    assert trials["both"].recall >= 0.915
    assert len(trials["platform"].right) + len(trials["truth"].right) < 10


def test_of_one_file_in_which_people_stand_several_times(engine: DuckDB) -> None:
    trial = tried(engine, within(3))["platform"]
    assert trial.there == 3000
    assert trial.precision >= 0.995
    assert trial.recall >= 0.85
