"""What validation says that Actito would refuse, against what it refuses: each value imported, both answers compared.

The stand-in Actito judges by code of its own. One row each, so that a refusal names its value.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from auditor.commands.structure import live_structure
from auditor.engine.duckdb import DuckDB
from auditor.model import Rule, Side, Structure
from auditor.settings.config import read_settings
from auditor.settings.contract import Column, Contract
from auditor.validate import preload, validate
from auditor.validate.generate import refresh
from tests.driven_sandbox import Sandbox
from tests.last_found import last
from tests.sandbox_client import EXECUTIONS, client, counts, run_import, unpacked
from tests.sandbox_oracle import TRUTH
from tests.small_folder import Made, copy
from tests.test_validate import SEEDS, fill

pytestmark = pytest.mark.breaches("*")  # values that are refused are sent on purpose

MORE = [
    "", "x", "M", "F", "m", "Mr", "Mrs", "Ms", "Miss", "a,b", "TRUE", "ja", "Gold", "gold", "Platinum", "0", "-1", "12",
    "1,5", *("x" * length for length in (20, 21, 30, 31, 255, 256)), "é" * 255, "é" * 256,
]  # fmt: skip
"""Beside the values of each type: lengths around the limits, and words that one or another column takes."""


NUMBERS_OF_NOBODY = ("+99912345678", "+320470123456")
"""In international form, which is all that Actito's pages ask for (D-etlf), but no such number exists."""

PLANTED = 400
"""Profiles of the licence whose week plants one of every kind of violation."""


@pytest.fixture(scope="module")
def structure(small: Made, sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Structure:
    folder = copy(small.audited, tmp_path_factory.mktemp("predicted") / "work", sandbox)
    return live_structure(read_settings(folder / "auditor.toml"))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDB]:
    preload()
    engine = DuckDB(temp=tmp_path)
    yield engine
    engine.close()


def values(structure: Structure, column: str) -> list[str]:
    """What is tried in a column: good, bad and nearly good, with nothing that a file would change on its way."""
    attribute = structure.attribute(column)
    segmentation = structure.segmentation(column)
    tried = [*MORE]
    if attribute is not None:
        tried += [*SEEDS.get(attribute.type, []), *attribute.allowed]
        if attribute.unique:  # each address once, in whatever case
            tried = list({value.lower(): value for value in tried}.values())
        if attribute.multi_valued:
            tried += [",".join(attribute.allowed[:2]), ",".join([*attribute.allowed[:1], "nope"])]
    if segmentation is not None:
        tried += segmentation.segments
    return [value for value in dict.fromkeys(tried) if value == value.strip() and value not in NUMBERS_OF_NOBODY]


def predicted(engine: DuckDB, structure: Structure, rows: pl.DataFrame) -> set[tuple[str, str]]:
    """Key and column of each cell that validation says Actito would refuse."""
    columns = tuple(Column(name, name, name) for name in rows.columns)
    contract = Contract("Customers", ("customerId",), columns, ZoneInfo("UTC"))
    fill(engine, {name: rows[name].to_list() for name in rows.columns})
    result = validate(
        engine, Side.TRUTH, last(engine, "checked_truth"), refresh(None, structure, contract), today=date(2026, 5, 1)
    )
    assert result.not_evaluated == ()
    keys = rows["customerId"].to_list()
    found = engine.rows(result.found.select("key", "column", "rule"))
    assert {rule for *_, rule in found} <= {rule.value for rule in Rule}
    return {(keys[int(key.removeprefix("k"))], column) for key, column, _ in found}


def refused(sandbox: Sandbox, rows: pl.DataFrame) -> set[tuple[str, str]]:
    """Key and column of each row that the stand-in Actito hands back."""
    with client(sandbox) as http:
        execution = run_import(sandbox, http, [rows.columns, *map(list, rows.iter_rows())], "CREATE_ONLY")
        read, created, updated, wrong = counts(execution)
        assert (read, updated) == (rows.height, 0)
        assert created + wrong == read
        if not wrong:
            return set()
        header, *back = unpacked(http.get(f"{EXECUTIONS}/{execution['id']}/error-file"))
    place = header.index("customerId")
    return {(row[place], row[header.index("errorColumn")]) for row in back}


def test_every_value_that_is_refused_was_predicted_and_no_other(
    engine: DuckDB, sandbox: Sandbox, structure: Structure
) -> None:
    tried, wrong = 0, set[tuple[str, str, str]]()
    for number, column in enumerate(structure.columns):
        attribute = structure.attribute(column)
        if column == "customerId" or (attribute is not None and attribute.technical):
            continue
        cells = values(structure, column)
        filled = {
            "customerId": [f"N{number}x{place}" for place in range(len(cells))],
            "emailAddress": [f"n{number}x{place}@acme.be" for place in range(len(cells))],
            "lastName": ["Peeters"] * len(cells),
        }
        rows = pl.DataFrame(filled | {column: cells})
        said, did = predicted(engine, structure, rows), refused(sandbox, rows)
        shown = dict(zip(rows["customerId"].to_list(), cells, strict=True))
        wrong |= {(column, shown[key], "predicted" if (key, name) in said else "refused") for key, name in said ^ did}
        tried += len(cells)
        assert len(said) < len(cells), column
    assert wrong == set()
    assert tried > 900


def test_a_number_that_does_not_exist_is_kept_back_though_its_form_is_right(
    engine: DuckDB, sandbox: Sandbox, structure: Structure
) -> None:
    """The one place where validation is stricter than the stand-in: nobody can be reached there."""
    rows = pl.DataFrame(
        {
            "customerId": ["T1", "T2"],
            "emailAddress": ["t1@acme.be", "t2@acme.be"],
            "lastName": ["Peeters"] * 2,
            "gsmNumber": NUMBERS_OF_NOBODY,
        }
    )
    assert predicted(engine, structure, rows) == {("T1", "gsmNumber"), ("T2", "gsmNumber")}
    assert refused(sandbox, rows) == set()


def test_a_value_that_two_rows_share_is_predicted_for_both(
    engine: DuckDB, sandbox: Sandbox, structure: Structure
) -> None:
    """Actito takes whichever comes first: which one that is, is not for a file to decide."""
    rows = pl.DataFrame(
        {
            "customerId": ["U1", "U2", "U3"],
            "emailAddress": ["twice@acme.be", "Twice@acme.be", "once@acme.be"],
            "lastName": ["Peeters"] * 3,
        }
    )
    rows = rows.with_columns(emailAddress=pl.col("emailAddress").str.to_lowercase())
    assert predicted(engine, structure, rows) == {("U1", "emailAddress"), ("U2", "emailAddress")}
    assert refused(sandbox, rows) == {("U2", "emailAddress")}


def test_every_planted_violation_of_the_truth_is_refused(
    engine: DuckDB, sandbox: Sandbox, structure: Structure, tmp_path: Path
) -> None:
    """A week of drift plants values that Actito would refuse; each is imported for somebody new, as the CRM has it."""
    with Sandbox(tmp_path / "planted", profiles=PLANTED, seed=3, limits="extended") as week:
        week.drift()
        week.crm(tmp_path / "crm")
        found = [one for one in week.answers()["violations"] if one["side"] == "truth" and one["rule"] != "unique"]
    with max((tmp_path / "crm").iterdir()).open(encoding="utf-8", newline="") as file:
        people = {row["contact_id"]: row for row in csv.DictReader(file)}
    assert {one["rule"] for one in found} == {*(rule.value for rule in Rule)} - {"unique", "reference"}
    for number, one in enumerate(found):
        column = one["column"]
        value = people[one["key"]][TRUTH[column]]
        cells = {"customerId": f"P{number}", "emailAddress": f"p{number}@acme.be", "lastName": "Peeters"}
        rows = pl.DataFrame({name: [cell] for name, cell in (cells | {column: value}).items()})
        assert refused(sandbox, rows) == {(f"P{number}", column)} == predicted(engine, structure, rows), one["rule"]


def test_the_columns_of_a_structure_that_is_stricter_are_judged_by_it(engine: DuckDB, structure: Structure) -> None:
    """The prediction is the live structure's, not a list of its own."""
    shorter = replace(
        structure,
        attributes=tuple(replace(one, max_length=3) if one.name == "lastName" else one for one in structure.attributes),
    )
    rows = pl.DataFrame({"customerId": ["S1"], "emailAddress": ["s1@acme.be"], "lastName": ["Peeters"]})
    assert predicted(engine, structure, rows) == set()
    assert predicted(engine, shorter, rows) == {("S1", "lastName")}
