"""Tables made and added to through the client, on a running sandbox: what was changed is there for every later call."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from auditor.actito import DIALECTS, V5, Connection, Dialect, ImportMode, Reader, Refused, Scenario
from auditor.actito.writer import Writer
from auditor.model import Attribute, AttributeType, Segmentation, Structure
from auditor.sandbox.process import API_KEY
from tests.driven_sandbox import Sandbox

pytestmark = pytest.mark.usefixtures("no_pauses")

SUPPLIERS = Structure(
    table_id="",
    table="Suppliers",
    attributes=(
        Attribute("emailAddress", AttributeType.EMAIL, unique=True, mandatory=True),
        Attribute("supplierNo", unique=True, max_length=12, min_length=3),
        Attribute("since", AttributeType.DATE),
        Attribute("tags", multi_valued=True, allowed=("new", "key")),
    ),
    subscriptions=("Tenders",),
    segmentations=(Segmentation("Local"), Segmentation("Grade", exclusive=True, mandatory=True, segments=("A", "B"))),
)
TECHNICAL = ("profileId", "creationMoment", "updateMoment")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox"), profiles=12, seed=5, limits="extended") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.reset()
    running.forms(None, with_v4=False)
    return running


def connect(sandbox: Sandbox, dialect: Dialect = V5) -> Connection:
    return Connection(sandbox.url, lambda: API_KEY, "acme", dialect=dialect, calls_per_minute=10_000, concurrency=3)


@pytest.fixture(params=["v5", "v4"])
def connection(sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[Connection]:
    sandbox.forms(None, with_v4=request.param == "v4")
    with connect(sandbox, DIALECTS[request.param]) as connection:
        yield connection


def _export(sandbox: Sandbox, table: str) -> list[list[str]]:
    text = httpx.get(f"{sandbox.url}/_sandbox/export", params={"table": table}, trust_env=False).text
    return [line.split(";") for line in text.splitlines()]


def test_a_new_table_reads_back_as_it_was_asked_for(sandbox: Sandbox) -> None:
    with connect(sandbox) as connection:
        made = Writer(connection).create_table(SUPPLIERS)
        read = Reader(connection).structure("Suppliers")
    assert (read.table_id, read.table) == (made.id, "Suppliers")
    assert tuple(a.name for a in read.attributes[:3]) == TECHNICAL
    assert read.attributes[3:] == SUPPLIERS.attributes
    assert (read.subscriptions, read.segmentations) == (SUPPLIERS.subscriptions, SUPPLIERS.segmentations)
    assert _export(sandbox, "Suppliers") == [list(read.columns)]


@pytest.mark.breaches("undecided_opt_in")
def test_a_new_table_is_a_table_like_any_other(connection: Connection, sandbox: Sandbox) -> None:
    """Profiles are created, imported, changed, found and counted in it, and stay out of the other table."""
    customers = sandbox.state()["profiles"]
    writer, reader = Writer(connection), Reader(connection)
    writer.create_table(SUPPLIERS)
    table = reader.structure("Suppliers")
    number = writer.create(table, {"emailAddress": "first@example.com", "supplierNo": "S-1", "tags": "new,key"})
    columns = ["supplierNo", "emailAddress", "subscriptions#Tenders"]
    rows = "supplierNo;emailAddress;subscriptions#Tenders\nS-2;second@example.com;true\nS-1;first@example.com;true\n"
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as packed:
        packed.writestr("rows.csv", rows)
    execution = writer.start_import(
        table, target.getvalue(), columns=columns, key="supplierNo", mode=ImportMode.CREATE_ONLY
    )
    sandbox.idle()
    assert reader.execution(execution).finished
    assert [row.code for row in reader.refused_rows(execution)] == ["ALREADY_EXISTS"]
    assert reader.count(table) == 2
    writer.update(table, number, {"segmentations#Grade": "B", "segmentations#Local": "true"})
    profile = reader.profile(table, ("supplierNo", "S-1"))
    assert profile is not None
    assert {column: profile.values[column] for column in table.columns if column not in TECHNICAL} == {
        "emailAddress": "first@example.com",
        "supplierNo": "S-1",
        "since": None,
        "tags": "new,key",
        "subscriptions#Tenders": "false",
        "segmentations#Local": "true",
        "segmentations#Grade": "B",
    }
    assert sandbox.state()["profiles"] == customers
    assert len(_export(sandbox, "Suppliers")) == 1 + 2


def test_a_mandatory_segmentation_has_a_default_and_cannot_be_left(connection: Connection) -> None:
    writer, reader = Writer(connection), Reader(connection)
    writer.create_table(SUPPLIERS)
    table = reader.structure("Suppliers")
    number = writer.create(table, {"emailAddress": "first@example.com"})
    profile = reader.profile(table, number)
    assert profile is not None
    assert profile.values["segmentations#Grade"] == "A"
    with pytest.raises(Refused) as caught:
        writer.update(table, number, {"segmentations#Grade": None})
    assert caught.value.fields == (("segmentations#Grade", "MANDATORY_MISSING"),)


@pytest.mark.breaches("undecided_opt_in")
def test_what_is_added_is_there_for_reads_writes_and_exports(connection: Connection, sandbox: Sandbox) -> None:
    writer, reader = Writer(connection), Reader(connection)
    before = reader.structure("Customers")
    writer.change_table(
        before,
        attributes=[Attribute("shoeSize", AttributeType.NUMERIC), Attribute("badge", unique=True, max_length=8)],
        subscriptions=["Surveys"],
        segments={"ClientTier": ["Platinum"]},
        segmentations=[Segmentation("Lapsed"), Segmentation("Mood", exclusive=True, segments=("Up", "Down"))],
    )
    table = reader.structure("Customers")
    new = {"shoeSize", "badge", "subscriptions#Surveys", "segmentations#Lapsed", "segmentations#Mood"}
    assert set(table.columns) - set(before.columns) == new
    tier = table.segmentation("segmentations#ClientTier")
    assert tier is not None
    assert tier.segments == ("Gold", "Silver", "Bronze", "Platinum")
    profile_id = sandbox.profiles()[0]["profileId"]
    values: dict[str, str | None] = {
        "shoeSize": "42.5",
        "badge": "B-7",
        "subscriptions#Surveys": "true",
        "segmentations#Lapsed": "true",
        "segmentations#Mood": "Down",
        "segmentations#ClientTier": "Platinum",
    }
    writer.update(table, profile_id, values)
    profile = reader.profile(table, ("badge", "B-7"))
    assert profile is not None
    assert {column: profile.values[column] for column in values} == values
    header, *rows = _export(sandbox, "Customers")
    assert header == list(table.columns)
    exported = {row[0]: dict(zip(header, row, strict=True)) for row in rows}
    assert {column: exported[profile_id][column] for column in values} == values
    others = [row for number, row in exported.items() if number != profile_id]
    assert {row["subscriptions#Surveys"] for row in others} == {"false"}, "nobody was subscribed by the change itself"
    assert {row["segmentations#Lapsed"] for row in others} == {"false"}


@pytest.mark.parametrize(
    "attribute",
    [Attribute("badge", mandatory=True), Attribute("profileid2", AttributeType.STRING, mandatory=True, unique=True)],
)
@pytest.mark.breaches("mandatory_missing")
def test_a_mandatory_attribute_cannot_be_added_to_a_table_with_profiles(sandbox: Sandbox, attribute: Attribute) -> None:
    with connect(sandbox) as connection:
        table = Reader(connection).structure("Customers")
        with pytest.raises(Refused) as caught:
            Writer(connection).change_table(table, attributes=[attribute])
        assert caught.value.fields == ((attribute.name, "MANDATORY_MISSING"),)
        assert Reader(connection).structure("Customers") == table


def test_a_table_that_exists_is_not_created_again(sandbox: Sandbox) -> None:
    with connect(sandbox) as connection:
        writer = Writer(connection)
        writer.create_table(SUPPLIERS)
        with pytest.raises(Refused) as caught:
            writer.create_table(SUPPLIERS)
        assert caught.value.fields == (("name", "ALREADY_EXISTS"),)
        assert [table.name for table in Reader(connection).tables()] == ["Customers", "Suppliers"]


def test_tables_and_their_profiles_survive_a_restart(tmp_path: Path) -> None:
    with Sandbox(tmp_path, profiles=3, seed=5) as sandbox, connect(sandbox) as connection:
        writer, reader = Writer(connection), Reader(connection)
        writer.create_table(SUPPLIERS)
        suppliers = reader.structure("Suppliers")
        number = writer.create(suppliers, {"emailAddress": "first@example.com"})
        writer.change_table(reader.structure("Customers"), attributes=[Attribute("badge", unique=True)])
        customers = reader.structure("Customers")
    with Sandbox(tmp_path, profiles=3, seed=5) as sandbox, connect(sandbox) as connection:
        reader = Reader(connection)
        assert reader.structure("Customers") == customers
        assert reader.structure("Suppliers") == suppliers
        profile = reader.profile(suppliers, ("emailAddress", "first@example.com"))
        assert profile is not None
        assert profile.profile_id == number


def test_what_feeds_and_watches_a_table(connection: Connection) -> None:
    reader, writer = Reader(connection), Writer(connection)
    customers = reader.structure("Customers")
    (nightly,) = reader.synchronisations(customers)
    assert (nightly.name, nightly.active) == ("crm-nightly", True)
    assert nightly.columns is not None
    assert set(nightly.columns) == set(customers.columns) - set(TECHNICAL)
    assert reader.scenarios(customers) == [
        Scenario("31", "Welcome", active=True),
        Scenario("32", "Birthday wishes", active=True),
        Scenario("33", "Win back 2024", active=False),
    ]
    writer.create_table(SUPPLIERS)
    suppliers = reader.structure("Suppliers")
    assert reader.synchronisations(suppliers) == []
    assert reader.scenarios(suppliers) == []
