"""Whatever spelling a licence turns out to have, the client reads the same values from it and writes the same to it.

Each seed draws every form that no page shows, so that a wrong assumption cannot pass everywhere.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from auditor.actito import (
    DIALECTS,
    Connection,
    Definition,
    Discontinued,
    ExecutionState,
    ImportMode,
    Loading,
    NotFound,
    Profile,
    Reader,
    Refused,
    learned,
)
from auditor.actito.writer import Writer
from auditor.model import Attribute, Kind, Route, Segmentation, Structure
from auditor.plan.bulkfile import corrective_file
from auditor.sandbox.dialect import FORMS, varied
from auditor.sandbox.process import API_KEY
from auditor.writes import Cell, Collection, Plan
from tests.driven_sandbox import Sandbox
from tests.nothing_known import a_plan, a_write

pytestmark = pytest.mark.usefixtures("no_pauses")

SEEDS = range(24)
NO = ("marketingConsent", "subscriptions#Newsletter", "segmentations#Vip")
"""What holds yes or no: an attribute, a subscription and a simple segmentation."""
EVIDENCE = Collection("2026-03-01 09:30:00", "shop form")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox"), profiles=12, seed=7, limits="extended") as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def usual(running: Sandbox) -> dict[str, Structure]:
    """The table as it reads in the usual forms, by dialect."""
    running.forms(None, with_v4=True)
    structures = {}
    for name, dialect in DIALECTS.items():
        with Connection(running.url, lambda: API_KEY, "acme", dialect=dialect, calls_per_minute=10_000) as connection:
            structures[name] = Reader(connection).structure("Customers")
    return structures


def held(sandbox: Sandbox) -> dict[str, dict[str, str]]:
    return {one["profileId"]: one for one in sandbox.profiles()}


def _plan(key: str, now: Mapping[str, str]) -> Plan:
    """A file that ends all of them, and says when somebody bought last."""
    cells = [Cell(column, now.get(column), "false") for column in NO]
    cells.append(Cell("lastPurchaseMoment", now.get("lastPurchaseMoment"), "2026-02-03 04:05:06"))
    write = a_write(Kind.UPDATE, Route.BULK, key, None, tuple(cells), batch="batch")
    made = datetime(2026, 3, 1, tzinfo=UTC)
    return a_plan(write, made=made, export_as_of=made)


def packed(rows: list[list[str]]) -> bytes:
    text, archive = io.StringIO(), io.BytesIO()
    csv.writer(text, delimiter=";", lineterminator="\n").writerows(rows)
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("corrections.csv", text.getvalue())
    return archive.getvalue()


def test_every_choice_of_every_form_is_drawn() -> None:
    drawn: dict[str, set[Any]] = defaultdict(set)
    for seed in SEEDS:
        for name, choice in vars_of(varied(seed)).items():
            drawn[name].add(choice)
    fixed = {"change_delay", "import_delay", "slow_step", "slow_maximum", "token_seconds"}
    assert {name: choices for name, choices in drawn.items() if name not in fixed} == {
        name: set(choices) for name, choices in FORMS.items()
    }
    assert all(len(choices) > 1 for choices in FORMS.values())
    assert vars_of(varied(3)) == vars_of(varied(3))
    assert vars_of(varied(None)).items() >= {name: choices[0] for name, choices in FORMS.items()}.items()


def vars_of(dialect: Any) -> Mapping[str, Any]:
    return {name: getattr(dialect, name) for name in dialect.__slots__}


@pytest.mark.breaches("value_format", "import_file")
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", DIALECTS)
def test_the_client_reads_and_writes_the_same(
    running: Sandbox, usual: dict[str, Structure], name: str, seed: int, tmp_path: Path
) -> None:
    """V5 on a licence that has switched V4's calls about profiles off: `switched_off` would be a breach."""
    running.reset()
    forms = running.forms(seed, with_v4=name == "v4")
    with Connection(
        running.url, lambda: API_KEY, "acme", dialect=DIALECTS[name], calls_per_minute=10_000
    ) as connection:
        table = Reader(connection).structure("Customers")
        spelling, _ = learned(Reader(connection), table, tmp_path)
        reader, writer = Reader(connection, spelling), Writer(connection, spelling)
        assert reader.entities() == ["acme", "acme-stores"]
        assert table == expected(usual[name], usual["v5"], forms)
        before = held(running)
        on_no_page = forms["profile_page"] == "bare" and forms["total"] in ("totalElements", "total")
        uncounted = name == "v5" and (forms["total"] == "nowhere" or on_no_page)
        assert reader.count(table) == (None if uncounted else len(before))
        for number, values in before.items():
            profile = reader.profile(table, number)
            assert profile is not None
            assert told(profile) == {column: values.get(column) for column in table.columns}
        listed = {profile.profile_id: told(profile) for profile in reader.profiles(table, 1000)}
        assert listed == {
            number: {column: values.get(column) for column in table.columns} for number, values in before.items()
        }
        scenarios = {one.name: one.active for one in reader.scenarios(table)}
        states = (None, None, None) if forms["scenario_list"] == "names" else (True, True, False)
        assert scenarios == dict(zip(("Welcome", "Birthday wishes", "Win back 2024"), states, strict=True))
        ((stored,), (nightly,)) = reader.definitions(), reader.synchronisations(table)
        assert (stored.id, stored.name, stored.active) == (nightly.id, nightly.name, nightly.active)
        assert (nightly.name, nightly.active) == ("crm-nightly", True)
        assert {"customerId", "emailAddress", "subscriptions#Newsletter"} <= set(nightly.columns or ())
        found = {one.profile_id for one in reader.find(table, "addressCountry", "BE", 1000)}
        belgians = {number for number, values in before.items() if values.get("addressCountry") == "BE"}
        assert found <= belgians
        paged = name == "v5" and forms["profile_pages"] != "not known"
        assert len(found) == (min(len(belgians), forms["largest_page"]) if paged else len(belgians))

        _single(running, reader, writer, table)
        _refusals(running, reader, writer, table, forms)
        _by_file(running, reader, writer, table, forms, name)
        _definitions(running, reader, writer, table)
        _structures(reader, writer, table, None if uncounted else 0)
    running.forms(None)


def expected(usual: Structure, v5: Structure, forms: Mapping[str, Any]) -> Structure:
    """V4 may tell more than it usually does: ids, and the types of which no V4 name was seen."""
    if usual == v5:
        return usual
    types = {one.name: one.type for one in v5.attributes} if forms["v4_types"] == "named" else {}
    attributes = tuple(replace(one, type=types.get(one.name, one.type)) for one in usual.attributes)
    return replace(usual, attributes=attributes, table_id="16" if forms["v4_ids"] else "Customers")


def told(profile: Profile) -> dict[str, str | None]:
    """Its values; a number with a fraction to the places that the sandbox keeps: JSON drops a last zero."""
    held = dict(profile.values)
    number = held["lifetimeValue"]
    return held | {"lifetimeValue": None if number is None else f"{Decimal(number):.2f}"}


def _single(sandbox: Sandbox, reader: Reader, writer: Writer, table: Structure) -> None:
    before = held(sandbox)
    number = next(one for one, values in before.items() if "customerId" in values)
    changes = {
        "note": "first\nsecond",
        "loyaltyPoints": "41",
        "marketingConsent": "false",
        "subscriptions#Newsletter": "false",
        "subscriptions#Events": "true",
        "segmentations#Vip": "true",
        "segmentations#ClientTier": "Silver",
    }
    writer.update(table, number, changes, collection=EVIDENCE)
    writer.update(table, number, {"segmentations#ClientTier": None, "nickname": None})
    after = before[number] | changes
    for column in ("segmentations#ClientTier", "nickname"):
        after.pop(column, None)
    after["updateMoment"] = held(sandbox)[number]["updateMoment"]
    assert held(sandbox) == before | {number: after}

    values = {"customerId": "NEW", "emailAddress": "new@example.com", "lastName": "Nieuw"}
    created = writer.create(table, values)
    assert held(sandbox)[created]["customerId"] == "NEW"
    with pytest.raises(Refused):
        writer.create(table, values)
    writer.delete(table, created)
    with pytest.raises(NotFound):
        writer.delete(table, created)
    assert reader.profile(table, created) is None


FIELDS_TOLD = ("errors", "fieldErrors", "listed", "violations", "beside")


def _refusals(sandbox: Sandbox, reader: Reader, writer: Writer, table: Structure, forms: Mapping[str, Any]) -> None:
    """Whatever a refusal looks like, it is an error that names the field or the part, and nothing was changed."""
    before = held(sandbox)
    number, one = next((number, values) for number, values in before.items() if "customerId" in values)
    with pytest.raises(Refused) as caught:
        writer.update(table, number, {"birthDate": "31-12-1980"})
    code = "INVALID_VALUE" if forms["codes"] == "UPPER_SNAKE" else "invalidValue"
    assert caught.value.fields == ((("birthDate", code),) if forms["errors"] in FIELDS_TOLD else ())
    assert "1980" not in str(caught.value)

    stale = replace(
        table,
        attributes=tuple(replace(each, unique=each.unique or each.name == "note") for each in table.attributes),
        subscriptions=(*table.subscriptions, "Abolished"),
        segmentations=(*table.segmentations, Segmentation("Closed")),
    )
    for column in ("subscriptions#Abolished", "segmentations#Closed"):
        with pytest.raises(Refused) as unknown:
            writer.update(stale, number, {column: "true"})
        assert unknown.value.columns_failed == (column,)
        if forms["unknown_name"] == "404":
            assert unknown.value.fields == ((column, "not_in_table"),)
        elif forms["errors"] in FIELDS_TOLD:
            assert column.partition("#")[2] in str(unknown.value)
    with pytest.raises(Refused, match=r"note \(NOT_UNIQUE\)"):
        reader.profile(table, ("note", "x"))
    if forms["wrong_key"] == "404":
        with pytest.raises(Discontinued, match="a profile by note"):
            reader.profile(stale, ("note", "x"))
    else:
        with pytest.raises(Refused, match="a profile"):
            reader.profile(stale, ("note", "x"))
    found = reader.profile(table, ("customerId", one["customerId"]))
    assert found is not None
    assert found.profile_id == number
    assert held(sandbox) == before
    assert {one["breach"] for one in sandbox.breaches()} <= {"value_format", "unknown_field", "body_form"}


def _definitions(sandbox: Sandbox, reader: Reader, writer: Writer, table: Structure) -> None:
    """A stored definition is made, read, changed, carried out and deleted; the CRM's own keeps what it says beyond."""
    wanted = Definition("", "remarks", True, (Loading("16", "UPDATE_ONLY", {"no": "customerId", "remark": "note"}),))
    made = writer.create_definition(wanted)
    stored = reader.definition(made)
    (loading,) = stored.loadings
    assert (stored.name, stored.active, loading.mode, loading.mapping) == (
        *("remarks", True, "UPDATE_ONLY"),
        {"no": "customerId", "remark": "note"},
    )
    assert loading.table in ("16", "Customers")
    assert [one.id for one in reader.definitions()] == ["501", made]
    assert {one.name for one in reader.synchronisations(table)} == {"crm-nightly", "remarks"}

    number, key = next((n, values["customerId"]) for n, values in held(sandbox).items() if "customerId" in values)
    execution = writer.trigger(made, packed([["no", "remark"], [key, "triggered"]]))
    sandbox.idle()
    assert reader.execution(execution).state is ExecutionState.DONE
    assert held(sandbox)[number]["note"] == "triggered"

    narrower = replace(loading, mode="CREATE_ONLY", mapping={"number": "customerId"})
    writer.change_definition(replace(stored, name="numbers", active=False, loadings=(narrower,)))
    assert reader.definition(made) == replace(stored, name="numbers", active=False, loadings=(narrower,))
    with pytest.raises(Refused):
        writer.trigger(made, packed([["number"], [key]]))
    writer.delete_definition(made)
    with pytest.raises(NotFound):
        reader.definition(made)


def _structures(reader: Reader, writer: Writer, table: Structure, nobody: int | None) -> None:
    """A table is made, and one is added to; both are read back until the change is seen."""
    made = writer.create_table(Structure("", "Suppliers", (Attribute("supplierNo", unique=True),)))
    assert made.name == "Suppliers"
    suppliers = reader.structure("Suppliers")
    assert [one.name for one in suppliers.attributes if not one.technical] == ["supplierNo"]
    assert (suppliers.subscriptions, suppliers.segmentations) == ((), ())
    assert reader.scenarios(suppliers) == []
    assert reader.count(suppliers) == nobody
    writer.change_table(table, subscriptions=["Surveys"], segments={"ClientTier": ["Platinum"]})
    seen = next(now for _ in range(2000) if (now := reader.structure("Customers")) != table)
    (tier,) = (one for one in seen.segmentations if one.exclusive)
    assert (seen.subscriptions[-1], tier.segments[-1]) == ("Surveys", "Platinum")


def _by_file(
    sandbox: Sandbox, reader: Reader, writer: Writer, table: Structure, forms: Mapping[str, Any], dialect: str
) -> None:
    before = held(sandbox)
    one, other = [values for values in before.values() if "customerId" in values and "firstName" in values][:2]
    columns = ["customerId", "note", "firstName"]
    rows = [[one["customerId"], 'a;"b"\nc', "Noor"], [other["customerId"], "x", ""], ["NOBODY", "x", "x"]]
    execution = writer.start_import(
        table, packed([columns, *rows]), columns=columns, key="customerId", mode=ImportMode.UPDATE_ONLY
    )
    sandbox.idle()
    told = reader.execution(execution)
    assert told.state is ExecutionState.DONE
    untold = forms["counters_told"] == "none" and dialect == "v5"
    assert (told.rows_in_error, told.with_errors) in ([(None, False), (None, True)] if untold else [(1, True)])
    (refused,) = reader.refused_rows(execution)
    assert (refused.column, refused.cells["customerId"]) == ("customerId", "NOBODY")
    assert refused.code == ("UNKNOWN_PROFILE" if forms["codes"] == "UPPER_SNAKE" else "unknownProfile")
    after = held(sandbox)
    assert (after[one["profileId"]]["note"], after[one["profileId"]]["firstName"]) == ('a;"b"\nc', "Noor")
    assert after[other["profileId"]].get("firstName") == (None if forms["empty_cell_erases"] else other["firstName"])

    file = corrective_file(_plan(one["customerId"], after[one["profileId"]]), "batch", table)
    clean = writer.start_import(table, file.archive, columns=file.columns, key=file.key, mode=ImportMode.UPDATE_ONLY)
    sandbox.idle()
    told = reader.execution(clean)
    assert (told.finished, told.state, told.with_errors) == (True, ExecutionState.DONE, False)
    if forms["no_file"] == "header alone":
        assert reader.refused_rows(clean) == []
    else:
        with pytest.raises(NotFound):
            reader.refused_rows(clean)
    (taken,) = reader.result_rows(clean)
    assert taken.cells["customerId"] == one["customerId"]
    assert taken.profile_id == (one["profileId"] if forms["result_columns"] == "profileId" else None)
    landed = held(sandbox)[one["profileId"]]
    assert {column: landed[column] for column in NO} == dict.fromkeys(NO, "false")
    wrong = packed([["customerId", "birthDate", "lastPurchaseMoment"], [one["customerId"], "soon", "later"]])
    twice = writer.start_import(
        *(table, wrong),
        columns=["customerId", "birthDate", "lastPurchaseMoment"],
        key="customerId",
        mode=ImportMode.UPDATE_ONLY,
    )
    sandbox.idle()
    columns_wrong = [row.column for row in reader.refused_rows(twice)]
    assert columns_wrong == ["birthDate", "lastPurchaseMoment"][: 1 if forms["row_errors"] == "first" else 2]
    broken = writer.start_import(
        table, packed([["customerId"]]), columns=columns, key="customerId", mode=ImportMode.UPDATE_ONLY
    )
    sandbox.idle()
    assert reader.execution(broken).state is ExecutionState.FAILED
