"""Text first, types after: through a whole run, what is written in a file is what is shown, judged and compared."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from auditor.cli import execute
from auditor.errors import Exit
from tests.driven_sandbox import Sandbox
from tests.structure_folder import make

CONTRACT = """
[population]
truth = "status <> 'prospect'"

[columns.birthDate]
truth = "born"

[columns.firstPurchaseDate]
truth = "first"
format = "%d/%m/%Y"

[columns.loyaltyPoints]
truth = "points"

[columns.lifetimeValue]
truth = "spent"
decimal = ","

[columns.marketingConsent]
truth = "consent"
values = { ja = "true" }

[columns.sex]
truth = "gender"
values = { H = "M", V = "F" }

[columns.gsmNumber]
truth = "mobile"
compare = "phone:BE"

[columns.addressPostalCode]
truth = "zip"
compare = "text"

[columns.cardNumber]
truth = "card"

[columns.note]
truth = "remark"
header = "Remark of the customer"
"""
TRUTH = {
    "born": ["0000-00-00", "01/02/1980", "1980-02-30", "1980-02-01"],
    "first": ["01/02/2020", "2020-02-01", "31/12/1999", "32/12/1999"],
    "points": ["007", "NULL", "12", "x"],
    "spent": ["1234,50", "1.5.2", "0,1", "N/A"],
    "consent": ["TRUE", "N/A", "ja", "maybe"],
    "gender": ["H", "V", "M", "Q"],
    "mobile": ["+32470123456", "0470 12 34 57", "0470/12.34.58", "none"],
    "zip": ["0470", "1e5", "NULL", "00"],
    "card": ["97000000002038229", "97000000002038231", "1e5", "-"],
    "remark": ["TRUE", "N/A", "0000-00-00", "#N/A"],
    "status": ["customer", "customer", "customer", "prospect"],
}
EXPORT = {
    "customerId": ["C1", "C2", "C3", "C4"],
    "emailAddress": ["an@example.com", "bo@example.com", "cy@example.com", "di@example.com"],
    "lastName": ["Ann", "Bo", "Cy", "Di"],
    "birthDate": ["", "1980-02-01", "", ""],
    "firstPurchaseDate": ["2020-02-01", "2020-02-01", "1999-12-31", ""],
    "loyaltyPoints": ["7", "", "12", ""],
    "lifetimeValue": ["1234.5", "", "0.1", ""],
    "marketingConsent": ["true", "", "true", ""],
    "sex": ["M", "F", "M", ""],
    "gsmNumber": ["0470123456", "0032470123457", "+32470123458", ""],
    "addressPostalCode": ["470", "100000", "", ""],
    "cardNumber": ["97000000002038229", "97000000002038230", "100000", ""],
    "Remark of the customer": ["true", "N/A", "", ""],
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of one run over both files."""
    base = tmp_path_factory.mktemp("text")
    with Sandbox(base / "licence", profiles=5, limits="extended") as sandbox:
        folder = make(base / "work", sandbox, columns=TRUTH, extra=CONTRACT)
        export = base / "export.csv"
        with export.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter=";", lineterminator="\n").writerows(
                [EXPORT, *zip(*EXPORT.values(), strict=True)]
            )
        settings = str(folder / "auditor.toml")
        code = execute(["run", "--quiet", "--settings", settings, "--export", str(export)])
        assert code == Exit.INCOMPLETE, "the export has fewer rows than the licence has profiles"
        yield next((folder / "runs").iterdir())


def test_every_cell_is_landed_as_it_is_written(run: Path) -> None:
    landed = pl.read_parquet(run / "truth.parquet")
    assert {name: landed[name].to_list() for name in TRUTH} == TRUTH


def test_a_value_that_does_not_fit_is_a_violation_with_its_key_and_its_text(run: Path) -> None:
    found = pl.read_parquet(run / "violations.parquet").filter(pl.col("side") == "truth")
    assert sorted(found.select("key", "column", "value").rows()) == [
        ("C1", "birthDate", "0000-00-00"),
        ("C2", "birthDate", "01/02/1980"),
        ("C2", "lifetimeValue", "1.5.2"),
        ("C2", "loyaltyPoints", "NULL"),
        ("C2", "marketingConsent", "N/A"),
        ("C3", "birthDate", "1980-02-30"),
        ("C3", "cardNumber", "1e5"),
    ]


def test_what_the_contract_declares_makes_equal_and_nothing_else_does(run: Path) -> None:
    """Formats, decimal comma, value maps, another name in the export, who is compared; no guess at anything else."""
    found = pl.read_parquet(run / "differences.parquet")
    assert sorted(found.select("key", "column", "platform", "truth").rows()) == [
        ("C1", "addressPostalCode", "470", "0470"),
        ("C1", "birthDate", None, "0000-00-00"),
        ("C1", "note", "true", "TRUE"),
        ("C2", "addressPostalCode", "100000", "1e5"),
        ("C2", "birthDate", "1980-02-01", "01/02/1980"),
        ("C2", "cardNumber", "97000000002038230", "97000000002038231"),
        ("C2", "lifetimeValue", None, "1.5.2"),
        ("C2", "loyaltyPoints", None, "NULL"),
        ("C2", "marketingConsent", None, "N/A"),
        ("C3", "addressPostalCode", None, "NULL"),
        ("C3", "birthDate", None, "1980-02-30"),
        ("C3", "cardNumber", "100000", "1e5"),
        ("C3", "note", None, "0000-00-00"),
    ]
    postal = found.filter((pl.col("key") == "C1") & (pl.col("column") == "addressPostalCode"))
    assert postal["reason"].to_list() == ["leading_zero"]
