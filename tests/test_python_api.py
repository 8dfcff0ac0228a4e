"""`auditor.compare` in Python: every kind of table gives the same answer, and none of them is touched."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import ibis
import polars as pl
import pytest

import auditor
from auditor.errors import SettingsError
from auditor.findings.audit import CAUSES, DIFFERENCES, PROFILES

PLATFORM = pl.DataFrame({"id": [1, 2, 3], "name": ["a", "b", None], "points": [1.5, 2.0, None]})
TRUTH = pl.DataFrame({"id": [1, 2, 4], "name": ["a", "B", "d"], "points": [1.5, 2.5, None]})

Form = Callable[[pl.DataFrame], Any]

FORMS: dict[str, Form] = {
    "polars": lambda frame: frame,
    "lazy polars": lambda frame: frame.lazy(),
    "categories": lambda frame: frame.with_columns(pl.col("name").cast(pl.Categorical)),
    "arrow": lambda frame: frame.to_arrow(),
    "arrow reader": lambda frame: frame.to_arrow().to_reader(),
    "pandas": lambda frame: frame.to_pandas(),
    "pandas, the key its index": lambda frame: frame.to_pandas().set_index("id"),
    "pandas, rows picked": lambda frame: frame.to_pandas().sort_values("id", ascending=False),
    "duckdb": lambda frame: duckdb.from_arrow(frame.to_arrow()),
    "ibis": lambda frame: ibis.memtable(frame.to_arrow()),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_kind_of_table_gives_the_same_answer(form: Form) -> None:
    found = auditor.compare(form(PLATFORM), form(TRUTH), key="id")
    assert found.summary["profiles"] == {
        "equal": 1, "missing": 1, "orphan": 1, "stale": 0, "conflicting": 1, "duplicate": 0
    }  # fmt: skip
    assert found.differences.select("key", "column", "platform", "truth").rows() == [
        ("2", "name", "b", "B"),
        ("2", "points", "2.0", "2.5"),
    ]
    assert found.profiles.select("key", "status").rows() == [("2", "conflicting"), ("3", "orphan"), ("4", "missing")]
    assert found.causes.height == 2


def test_its_tables_have_the_public_columns() -> None:
    found = auditor.compare(PLATFORM, TRUTH, key="id")
    assert (found.profiles.schema, found.differences.schema) == (PROFILES, DIFFERENCES)
    assert found.causes.schema == {**CAUSES, "sentence": pl.String(), "common": pl.String()}


def test_the_given_tables_stay_as_they_are() -> None:
    pandas = PLATFORM.to_pandas().set_index("id")
    before, truth = pandas.copy(deep=True), TRUTH.clone()
    auditor.compare(pandas, TRUTH, key="id")
    assert before.equals(pandas)
    assert before.index.equals(pandas.index)
    assert truth.equals(TRUTH)


def test_paths_and_tables_may_be_mixed(tmp_path: Path) -> None:
    path = tmp_path / "platform.csv"
    PLATFORM.write_csv(path)
    assert auditor.compare(path, TRUTH, key="id").summary["profiles"]["equal"] == 1


def test_every_option_of_the_command_has_its_argument() -> None:
    truth = TRUTH.rename({"name": "called"}).with_columns(noise=pl.lit("x"))
    platform = PLATFORM.with_columns(noise=pl.lit("y"))
    found = auditor.compare(
        platform, truth, key=["id"], mapped={"name": "called"}, ignore=["noise"], rules={"name": "name"},
        tolerances={"points": Decimal("0.5")}, where="id <> '4'",
    )  # fmt: skip
    assert found.summary["profiles"] == {
        "equal": 2, "missing": 0, "orphan": 1, "stale": 0, "conflicting": 0, "duplicate": 0
    }  # fmt: skip


def test_agreed_values_may_be_a_table() -> None:
    found = auditor.compare(PLATFORM, TRUTH, key="id", base=PLATFORM)
    assert set(found.differences["moved"]) == {"truth"}


def test_a_file_of_the_results_that_was_damaged_since_is_named(tmp_path: Path) -> None:
    found = auditor.compare(PLATFORM, TRUTH, key="id", out=tmp_path / "out")
    (tmp_path / "out" / "differences.parquet").write_bytes(b"PAR1")
    with pytest.raises(SettingsError, match=r"differences\.parquet is damaged"):
        found.differences  # noqa: B018 -- reads it


def test_columns_of_one_table_are_named() -> None:
    found = auditor.compare(PLATFORM.with_columns(more=pl.lit(1)), TRUTH, key="id")
    assert found.summary["columns_on_one_side"] == {"platform": ["more"], "truth": []}


def test_a_slip_names_the_table_it_is_in() -> None:
    with pytest.raises(SettingsError, match=r'^"identity" is no column of platform'):
        auditor.compare(PLATFORM, TRUTH, key="identity")
    with pytest.raises(SettingsError, match=r"^truth is of type int: a path or a table"):
        auditor.compare(PLATFORM, 3, key="id")  # type: ignore[arg-type]


def test_its_files_stay_where_they_are_asked_for_and_go_with_it_elsewhere(tmp_path: Path) -> None:
    kept = auditor.compare(PLATFORM, TRUTH, key="id", out=tmp_path / "out")
    assert pl.read_parquet(tmp_path / "out" / "differences.parquet").equals(kept.differences)
    passing = auditor.compare(PLATFORM, TRUTH, key="id")
    folder = passing.conclusion.folder
    assert folder.is_dir()
    del passing
    gc.collect()
    assert not folder.exists()


def test_a_notebook_shows_verdict_counts_and_causes_and_no_value() -> None:
    secret = "<b>Vandenbroucke</b>"
    page = auditor.compare(PLATFORM.with_columns(name=pl.lit(secret)), TRUTH, key="id")._repr_html_()
    for text in ("platform and truth", "Findings", "Needs a decision", "name is not the same"):
        assert text in page
    assert "Vandenbroucke" not in page


def test_a_name_of_a_column_is_text_in_a_notebook() -> None:
    platform, truth = (pl.DataFrame({"id": [1], "<i>": [value]}) for value in ("one", "two"))
    page = auditor.compare(platform, truth, key="id")._repr_html_()
    assert "<i>" not in page
    assert "&lt;i&gt;" in page


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import auditor, sys; print(sorted({'ibis', 'polars', 'pandas', 'duckdb', 'pyarrow'} & set(sys.modules)))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


def test_the_notebook_runs_from_top_to_bottom() -> None:
    notebook = json.loads((Path(__file__).parent.parent / "notebooks" / "compare_two_tables.ipynb").read_text("utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    names: dict[str, Any] = {}
    for cell in cells:
        exec(compile(cell, "cell", "exec"), names)  # noqa: S102 # our own file
    assert set(names["found"].differences["reason"]) == {"case", "different"}


def test_a_condition_sees_the_types_of_a_table() -> None:
    profiles = auditor.compare(PLATFORM, TRUTH, key="id", where="id < 3").summary["profiles"]
    assert (profiles["equal"], profiles["missing"], profiles["orphan"], profiles["conflicting"]) == (1, 0, 0, 1)
    with pytest.raises(SettingsError, match=r"nobody > 3: no condition over the columns of"):
        auditor.compare(PLATFORM, TRUTH, key="id", where="nobody > 3")
