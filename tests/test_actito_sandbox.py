"""The client against the sandbox, which is a process of its own and has its own idea of what is not documented."""

from __future__ import annotations

import io
import logging
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

from auditor.actito import (
    DIALECTS,
    V4,
    V5,
    Connection,
    Dialect,
    ExecutionState,
    ImportMode,
    NotFound,
    PlatformDown,
    QuotaUsed,
    Reader,
    Refused,
    RefusedRow,
    Table,
    WrongKey,
)
from auditor.actito.writer import Writer
from auditor.model import Structure
from auditor.sandbox.process import API_KEY
from auditor.writes import Collection
from tests.driven_sandbox import Sandbox

pytestmark = pytest.mark.usefixtures("no_pauses")

PEOPLE = 40
UNIQUE = {"profileId", "customerId", "emailAddress"}
MANDATORY = {"profileId", "creationMoment", "updateMoment", "emailAddress", "lastName"}
TYPES = {
    "customerId": "string",
    "emailAddress": "email",
    "birthDate": "date",
    "sex": "sex",
    "personTitle": "title",
    "motherLanguage": "language",
    "gsmNumber": "phone",
    "addressPostalCode": "string",
    "addressCountry": "country",
    "loyaltyPoints": "integer",
    "lifetimeValue": "numeric",
    "cardNumber": "long",
    "lastPurchaseMoment": "timestamp",
    "shopLocation": "coordinates",
    "marketingConsent": "boolean",
    "doNotContact": "boolean",
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox"), profiles=PEOPLE, seed=7, limits="extended") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """The running sandbox in a fresh state."""
    running.reset()
    running.forms(None, with_v4=False)
    return running


def connect(sandbox: Sandbox, dialect: Dialect = V5, key: str = API_KEY) -> Connection:
    return Connection(sandbox.url, lambda: key, "acme", dialect=dialect, calls_per_minute=10_000, concurrency=3)


@pytest.fixture(params=["v5", "v4"])
def connection(sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[Connection]:
    sandbox.forms(None, with_v4=request.param == "v4")
    with connect(sandbox, DIALECTS[request.param]) as connection:
        yield connection


@pytest.fixture
def reader(connection: Connection) -> Reader:
    return Reader(connection)


@pytest.fixture
def table(reader: Reader) -> Structure:
    return reader.structure("Customers")


def _held(sandbox: Sandbox) -> dict[str, dict[str, str]]:
    """Every profile by profileId, as the sandbox itself says."""
    return {profile["profileId"]: profile for profile in sandbox.profiles()}


# Questions


def test_entities_and_tables(sandbox: Sandbox) -> None:
    with connect(sandbox) as connection:
        assert Reader(connection).entities() == ["acme", "acme-stores"]
        assert Reader(connection).tables() == [Table("16", "Customers")]
    with connect(sandbox, V4) as connection:
        assert Reader(connection).entities() == ["acme", "acme-stores"]
        assert Reader(connection).tables() == [Table("Customers", "Customers")]


def test_the_structure_says_types_and_restrictions(sandbox: Sandbox) -> None:
    with connect(sandbox) as connection:
        structure = Reader(connection).structure("16")
    assert (structure.table_id, structure.table) == ("16", "Customers")
    assert {a.name for a in structure.attributes if a.unique} == UNIQUE
    assert {a.name for a in structure.attributes if a.mandatory} == MANDATORY
    assert {a.name for a in structure.attributes if a.multi_valued} == {"interests"}
    assert {a.name: a.type.value for a in structure.attributes if a.name in TYPES} == TYPES
    nickname = structure.attribute("nickname")
    assert nickname is not None
    assert (nickname.min_length, nickname.max_length) == (2, 30)
    shop = structure.attribute("favouriteShop")
    assert shop is not None
    assert "Gent Veldstraat" in shop.allowed
    assert structure.subscriptions == ("Newsletter", "Promotions", "Events")
    tier = structure.segmentation("segmentations#ClientTier")
    assert tier is not None
    assert tier.segments == ("Gold", "Silver", "Bronze")
    vip = structure.segmentation("segmentations#Vip")
    assert vip is not None
    assert not vip.exclusive


def test_both_dialects_see_the_same_columns(table: Structure, sandbox: Sandbox) -> None:
    header = sandbox.export(sandbox.directory / "exports").read_text(encoding="utf-8").partition("\n")[0]
    assert table.columns == tuple(header.split(";"))


def test_every_profile_reads_as_the_sandbox_holds_it(reader: Reader, table: Structure, sandbox: Sandbox) -> None:
    held = _held(sandbox)
    assert reader.count(table) == len(held)
    for profile_id, values in held.items():
        profile = reader.profile(table, profile_id)
        assert profile is not None
        assert dict(profile.values) == {column: values.get(column) for column in table.columns}


@pytest.mark.breaches("body_form")
def test_a_profile_is_found_by_any_unique_attribute(reader: Reader, table: Structure, sandbox: Sandbox) -> None:
    values = next(values for values in _held(sandbox).values() if "customerId" in values)
    for attribute in UNIQUE:
        profile = reader.profile(table, (attribute, values[attribute]))
        assert profile is not None
        assert profile.profile_id == values["profileId"]
    assert reader.profile(table, ("emailAddress", "nobody@example.com")) is None
    assert reader.profile(table, "999999999") is None
    with pytest.raises(Refused) as caught:
        reader.profile(table, ("lastName", values["lastName"]))
    assert caught.value.exit_code == 2


def test_find(reader: Reader, table: Structure, sandbox: Sandbox) -> None:
    held = _held(sandbox)
    country = sorted(profile_id for profile_id, values in held.items() if values.get("addressCountry") == "BE")
    found = reader.find(table, "addressCountry", "BE", 1000)
    assert sorted(profile.profile_id for profile in found) == country
    assert len(reader.find(table, "addressCountry", "BE", 2)) == 2
    assert reader.find(table, "emailAddress", "nobody@example.com", 5) == []


# Changes


def _somebody(sandbox: Sandbox) -> dict[str, str]:
    """Somebody with a note, a customer number, and subscribed to something."""
    return next(
        values
        for values in _held(sandbox).values()
        if "customerId" in values and values["subscriptions#Newsletter"] == "true"
    )


def test_every_kind_of_cell_is_written_and_nothing_else(
    connection: Connection, table: Structure, sandbox: Sandbox
) -> None:
    before = _held(sandbox)
    profile_id = _somebody(sandbox)["profileId"]
    changes = {
        "lastName": 'D\'Hondt-Ødegård ; "é"',
        "note": "first\nsecond",
        "interests": "golf,tea",
        "lifetimeValue": "12.50",
        "marketingConsent": "false",
        "subscriptions#Newsletter": "false",
        "subscriptions#Events": "true",
        "segmentations#Vip": "true",
        "segmentations#ClientTier": "Silver",
    }
    Writer(connection).update(table, profile_id, changes)
    after = _held(sandbox)
    stamp = {"updateMoment": after[profile_id]["updateMoment"]}
    assert after == {**before, profile_id: {**before[profile_id], **changes, **stamp}}


def test_values_are_cleared_and_segments_left(connection: Connection, table: Structure, sandbox: Sandbox) -> None:
    profile_id = _somebody(sandbox)["profileId"]
    writer, reader = Writer(connection), Reader(connection)
    writer.update(table, profile_id, {"note": "x", "segmentations#ClientTier": "Gold", "segmentations#Vip": "true"})
    writer.update(table, profile_id, {"note": None, "segmentations#ClientTier": None, "segmentations#Vip": "false"})
    profile = reader.profile(table, profile_id)
    assert profile is not None
    columns = ("note", "segmentations#ClientTier", "segmentations#Vip")
    assert [profile.values[column] for column in columns] == [None, None, "false"]
    writer.update(table, profile_id, {"segmentations#ClientTier": None})


def test_a_subscription_may_begin_with_its_evidence(connection: Connection, table: Structure, sandbox: Sandbox) -> None:
    profile_id = _somebody(sandbox)["profileId"]
    evidence = Collection("2026-03-01 09:30:00", "shop form")
    Writer(connection).update(table, profile_id, {"subscriptions#Events": "true"}, collection=evidence)
    assert _held(sandbox)[profile_id]["subscriptions#Events"] == "true"


@pytest.mark.breaches("value_format", "mandatory_missing")
def test_a_refused_value_is_named_by_its_field(connection: Connection, table: Structure, sandbox: Sandbox) -> None:
    before = _held(sandbox)
    profile_id = _somebody(sandbox)["profileId"]
    with pytest.raises(Refused) as caught:
        Writer(connection).update(table, profile_id, {"emailAddress": "nobody", "nickname": "x", "lastName": None})
    assert dict(caught.value.fields) == {
        "emailAddress": "INVALID_VALUE",
        "nickname": "TOO_SHORT",
        "lastName": "MANDATORY_MISSING",
    }
    assert "nobody" not in str(caught.value)
    assert _held(sandbox) == before


def test_created_refused_as_a_double_and_deleted(connection: Connection, table: Structure, sandbox: Sandbox) -> None:
    before = _held(sandbox)
    writer, reader = Writer(connection), Reader(connection)
    values = {
        "customerId": "C/9 9;=",
        "emailAddress": "new.person@example.com",
        "lastName": "Nieuw",
        "note": None,
        "subscriptions#Newsletter": "false",
        "segmentations#ClientTier": "Bronze",
    }
    profile_id = writer.create(table, values)
    assert profile_id not in before
    profile = reader.profile(table, profile_id)
    assert profile is not None
    assert {column: profile.values[column] for column in values} == values
    with pytest.raises(Refused):
        writer.create(table, {**values, "lastName": "Anders"})
    assert _held(sandbox)[profile_id]["lastName"] == "Nieuw"

    writer.delete(table, profile_id)
    assert _held(sandbox) == before
    with pytest.raises(NotFound):
        writer.delete(table, profile_id)
    with pytest.raises(NotFound):
        writer.update(table, profile_id, {"note": "x"})
    assert _held(sandbox) == before


# Imports


def _zip(text: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("corrections.csv", text)
    return held.getvalue()


@pytest.mark.breaches("value_format")
def test_an_import_updates_and_hands_back_what_it_refused(sandbox: Sandbox) -> None:
    person = _somebody(sandbox)
    before = _held(sandbox)
    text = (
        "emailAddress;customerId;note;subscriptions#Newsletter\n"
        f'{person["emailAddress"]};{person["customerId"]};"a ""b"";\nc";false\n'
        "x@example.com;C-NOBODY;x;false\n"
        f"{person['emailAddress']};{person['customerId']};x;perhaps\n"
    )
    columns = ["emailAddress", "customerId", "note", "subscriptions#Newsletter"]
    with connect(sandbox) as connection:
        writer, reader = Writer(connection), Reader(connection)
        table = reader.structure("Customers")
        number = writer.start_import(table, _zip(text), columns=columns, key="customerId", mode=ImportMode.UPDATE_ONLY)
        sandbox.idle()
        execution = reader.execution(number)
        refused = reader.refused_rows(number)
    assert execution.finished
    assert execution.state is ExecutionState.DONE
    assert (execution.rows_in_error, execution.with_errors) == (2, True)
    assert refused == [
        RefusedRow(
            "customerId",
            "UNKNOWN_PROFILE",
            dict(zip(columns, ["x@example.com", "C-NOBODY", "x", "false"], strict=True)),
        ),
        RefusedRow(
            "subscriptions#Newsletter",
            "INVALID_VALUE",
            dict(zip(columns, [person["emailAddress"], person["customerId"], "x", "perhaps"], strict=True)),
        ),
    ]
    after = _held(sandbox)
    changed = {"note": 'a "b";\nc', "subscriptions#Newsletter": "false"}
    stamp = {"updateMoment": after[person["profileId"]]["updateMoment"]}
    assert after == {**before, person["profileId"]: {**person, **changed, **stamp}}


def test_an_import_that_may_only_create_touches_nobody(sandbox: Sandbox) -> None:
    person = _somebody(sandbox)
    before = _held(sandbox)
    columns = ["customerId", "emailAddress", "lastName"]
    text = f"{';'.join(columns)}\n{person['customerId']};{person['emailAddress']};Anders\n"
    with connect(sandbox) as connection:
        writer, reader = Writer(connection), Reader(connection)
        table = reader.structure("Customers")
        number = writer.start_import(table, _zip(text), columns=columns, key="customerId", mode=ImportMode.CREATE_ONLY)
        sandbox.idle()
        assert reader.execution(number).rows_in_error == 1
        assert [row.code for row in reader.refused_rows(number)] == ["ALREADY_EXISTS"]
    assert _held(sandbox) == before


@pytest.mark.breaches("import_file")
def test_a_file_that_is_refused_as_a_whole_has_failed(sandbox: Sandbox) -> None:
    with connect(sandbox) as connection:
        writer, reader = Writer(connection), Reader(connection)
        table = reader.structure("Customers")
        number = writer.start_import(
            table, _zip("customerId\n"), columns=["customerId", "note"], key="customerId", mode=ImportMode.UPDATE_ONLY
        )
        sandbox.idle()
        assert reader.execution(number).state is ExecutionState.FAILED
        with pytest.raises(NotFound):
            reader.refused_rows(number)


# Keys, limits, faults


def test_a_wrong_key(sandbox: Sandbox) -> None:
    with connect(sandbox, key="another-key") as connection, pytest.raises(WrongKey):
        Reader(connection).entities()


def test_ended_tokens_are_renewed_without_anybody_noticing(
    connection: Connection, table: Structure, sandbox: Sandbox
) -> None:
    profile_id = _somebody(sandbox)["profileId"]
    sandbox.end_tokens()
    Writer(connection).update(table, profile_id, {"note": "after"})
    assert _held(sandbox)[profile_id]["note"] == "after"


def test_nothing_personal_reaches_the_log(
    connection: Connection, table: Structure, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """On a real network, at the level of detail that somebody looking for a fault would choose."""
    for name in ("", "httpx", "httpcore"):
        caplog.set_level(logging.DEBUG, logger=name)
    person = _somebody(sandbox)
    Reader(connection).profile(table, ("emailAddress", person["emailAddress"]))
    Writer(connection).update(table, person["profileId"], {"lastName": "Zulema"})
    said = caplog.text + "".join(repr(record.args) for record in caplog.records)
    word = "profiles" if connection.dialect is V5 else "profile"
    assert f"/{word}/{{profile}}: 200" in said
    for secret in (API_KEY, "Bearer", "emailAddress", person["emailAddress"].partition("@")[0], "Zulema"):
        assert secret not in said


@pytest.mark.breaches("import_running", "import_repeated")
def test_within_the_limits_of_a_licence(tmp_path: Path) -> None:
    """Many threads and two connections, and the platform turns nobody away; only the quota of imports ends."""
    with Sandbox(tmp_path, profiles=20, seed=3) as sandbox:
        # Noon of a winter's day: the quota's day does not end while the test runs.
        sandbox.clock(datetime.fromisoformat("2026-01-15T12:00:00+01:00"))
        with connect(sandbox) as one, connect(sandbox) as other:
            readers = [Reader(one), Reader(other)]
            table = readers[0].structure("Customers")
            with ThreadPoolExecutor(12) as pool:
                counts = list(pool.map(lambda number: readers[number % 2].count(table), range(40)))
            assert counts == [sandbox.state()["profiles"]] * 40
            assert sandbox.state()["calls"]["rejected"] == 0

            def start() -> str:
                columns = ["customerId", "note"]
                archive = _zip("customerId;note\n")
                return Writer(one).start_import(
                    table, archive, columns=columns, key="customerId", mode=ImportMode.UPDATE_ONLY
                )

            assert len({start() for _ in range(12)}) == 12
            with pytest.raises(QuotaUsed):
                start()
            sandbox.idle()


def test_a_platform_that_is_gone_carried_out_nothing(tmp_path: Path) -> None:
    with Sandbox(tmp_path, profiles=3, seed=3) as sandbox:
        connection = connect(sandbox)
        table = Reader(connection).structure("Customers")
    with connection:
        with pytest.raises(PlatformDown):
            Reader(connection).count(table)
        with pytest.raises(PlatformDown):
            Writer(connection).update(table, "1", {"note": "x"})
