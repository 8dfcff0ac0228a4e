"""Corrective files, byte for byte."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.model import Attribute, AttributeType, Kind, Route, Segmentation, Structure
from auditor.plan.bulkfile import corrective_file, corrective_files, csv_bytes
from auditor.writes import Cell, Plan, Write
from tests.nothing_known import a_plan, a_write

STRUCTURE = Structure(
    "16",
    "Customers",
    (Attribute("customerId"), Attribute("lastName"), Attribute("addressStreet"), Attribute("note")),
    subscriptions=("Newsletter",),
)
MADE = datetime(2026, 3, 10, 9, tzinfo=UTC)


def plan_of(*writes: Write) -> Plan:
    return a_plan(*writes, made=MADE, export_as_of=MADE)


def bulk(key: str, *cells: Cell, kind: Kind = Kind.UPDATE, batch: str = "Customers-update-1") -> Write:
    return a_write(kind, Route.BULK, key, "7", cells, batch=batch)


def canary(key: str, *cells: Cell) -> Write:
    return a_write(Kind.UPDATE, Route.SINGLE, key, "7", cells, batch="Customers-update-1", canary=True)


def test_golden_file() -> None:
    """Key first, then changed columns in the structure's order; quotes only where RFC 4180 needs them."""
    plan = plan_of(
        bulk("0042", Cell("addressStreet", None, 'Rue "Haute"; 5'), Cell("lastName", "Mueller", "Müller")),
        bulk("A,1", Cell("lastName", " x", "d'Ours, 李"), Cell("addressStreet", "=1+1", "two\nlines")),
        bulk(" 7 ", Cell("lastName", "A", "A")),
    )
    (file,) = corrective_files(plan, STRUCTURE)
    assert file.csv == (
        b"customerId;lastName;addressStreet\n"
        b'0042;M\xc3\xbcller;"Rue ""Haute""; 5"\n'
        b'A,1;d\'Ours, \xe6\x9d\x8e;"two\nlines"\n'
        b" 7 ;A;\n"
    )
    assert (file.name, file.mode, file.key, file.rows) == ("Customers-update-1", "UPDATE_ONLY", "customerId", 3)
    assert file.columns == ("customerId", "lastName", "addressStreet")


def test_the_archive_holds_the_csv_and_is_the_same_whenever_it_is_made() -> None:
    plan = plan_of(bulk("1", Cell("note", None, "x")))
    first, second = corrective_files(plan, STRUCTURE)[0], corrective_file(plan, "Customers-update-1", STRUCTURE)
    assert first.archive == second.archive
    with zipfile.ZipFile(io.BytesIO(first.archive)) as archive:
        assert archive.namelist() == ["Customers-update-1.csv"]
        assert archive.read("Customers-update-1.csv") == first.csv
        assert archive.infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)


def test_canaries_are_not_in_the_file_unless_somebody_else_imports_it() -> None:
    plan = plan_of(canary("1", Cell("note", None, "x")), bulk("2", Cell("note", None, "y")))
    assert corrective_files(plan, STRUCTURE)[0].csv == b"customerId;note\n2;y\n"
    assert corrective_files(plan, STRUCTURE, canaries=True)[0].csv == b"customerId;note\n1;x\n2;y\n"
    assert corrective_files(plan_of(canary("1", Cell("note", None, "x"))), STRUCTURE) == ()


def test_a_file_per_batch_and_creations_only_create() -> None:
    created = bulk("9", Cell("customerId", None, "9"), Cell("note", None, "n"), kind=Kind.CREATE, batch="b-create-1")
    opt_out = bulk(
        "8", Cell("subscriptions#Newsletter", "true", "false"), kind=Kind.UNSUBSCRIBE, batch="b-unsubscribe-1"
    )
    first, second = corrective_files(plan_of(opt_out, created), STRUCTURE)
    assert (first.mode, first.csv) == ("UPDATE_ONLY", b"customerId;subscriptions#Newsletter\n8;FALSE\n")
    assert (second.mode, second.csv) == ("CREATE_ONLY", b"customerId;note\n9;n\n")


def test_yes_and_no_are_written_in_the_capitals_that_a_page_shows() -> None:
    """D-etlf shows `TRUE`; that small letters are taken as well is nowhere said. A text that says so is a text."""
    structure = Structure(
        "16",
        "Customers",
        (Attribute("customerId"), Attribute("note"), Attribute("vegan", AttributeType.BOOLEAN)),
        subscriptions=("News",),
        segmentations=(Segmentation("Vip"), Segmentation("Tier", exclusive=True, segments=("true", "b"))),
    )
    columns = ("note", "vegan", "subscriptions#News", "segmentations#Vip", "segmentations#Tier")
    same = [Cell(column, None, "true") for column in columns]
    other = [Cell(column, None, "Y") for column in columns[1:2]] + [Cell("segmentations#Vip", None, "false")]
    (file,) = corrective_files(plan_of(bulk("true", *same), bulk("8", *other)), structure)
    assert file.csv.decode().splitlines()[1:] == ["true;true;TRUE;TRUE;TRUE;true", "8;;Y;;FALSE;"]


def test_nothing_is_cleared_by_file() -> None:
    with pytest.raises(ValueError, match="cleared one by one"):
        corrective_files(plan_of(bulk("1", Cell("note", "x", None))), STRUCTURE)


HOSTILE = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.tuples(HOSTILE, HOSTILE, HOSTILE), max_size=8))
def test_hostile_values_round_trip(rows: list[tuple[str, str, str]]) -> None:
    """Read by Python's own parser, an independent reading of RFC 4180."""
    schema = dict.fromkeys(("customerId", "lastName", "note"), pl.String())
    content = csv_bytes(pl.DataFrame(rows, schema=schema, orient="row"))
    assert not content.startswith(b"\xef\xbb\xbf")
    read = csv.reader(io.StringIO(content.decode("utf-8"), newline=""), delimiter=";", strict=True)
    assert list(read) == [["customerId", "lastName", "note"], *map(list, rows)]
