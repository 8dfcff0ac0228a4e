"""Whatever spelling a licence turns out to have, the client reads the same values from it and writes the same to it.

Each seed draws every form that no page shows, so that a wrong assumption cannot pass everywhere.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import stamina

from auditor.actito import DIALECTS, Connection, ExecutionState, ImportMode, NotFound, Reader, Refused, Writer, learned
from auditor.model import Kind, Route, Structure
from auditor.plan.bulkfile import corrective_file
from auditor.sandbox.dialect import FORMS, varied
from auditor.sandbox.process import API_KEY, Sandbox
from auditor.writes import Cell, Collection, Plan, Write

SEEDS = range(24)
NO = ("marketingConsent", "subscriptions#Newsletter", "segmentations#Vip")
"""What holds yes or no: an attribute, a subscription and a simple segmentation."""
EVIDENCE = Collection("2026-03-01 09:30:00", "shop form")


@pytest.fixture(autouse=True)
def no_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=5, cap=True):
        yield


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox"), profiles=12, seed=7, limits="extended") as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def usual(running: Sandbox) -> dict[str, Structure]:
    """The table as it reads in the usual forms, by dialect."""
    running.forms(None, older_addresses=True)
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
    write = Write(Kind.UPDATE, Route.BULK, key, None, tuple(cells), batch="batch")
    made = datetime(2026, 3, 1, tzinfo=UTC)
    return Plan("run", "acme", "Customers", "correct", made, made, ("customerId",), (write,))


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
    fixed = {"import_delay", "slow_step", "slow_maximum", "token_seconds"}
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
def test_the_client_reads_and_writes_the_same(
    running: Sandbox, usual: dict[str, Structure], seed: int, tmp_path: Path
) -> None:
    running.reset()
    name = list(DIALECTS)[seed % len(DIALECTS)]
    forms = running.forms(seed, older_addresses=DIALECTS[name].version_first)
    with Connection(
        running.url, lambda: API_KEY, "acme", dialect=DIALECTS[name], calls_per_minute=10_000
    ) as connection:
        table = Reader(connection).structure("Customers")
        spelling = learned(Reader(connection), table, tmp_path)
        reader, writer = Reader(connection, spelling), Writer(connection, spelling)
        assert reader.entities() == ["acme"]
        assert table == usual[name]
        before = held(running)
        assert reader.count(table) == len(before)
        for number, values in before.items():
            profile = reader.profile(table, number)
            assert profile is not None
            assert dict(profile.values) == {column: values.get(column) for column in table.columns}
        listed = {profile.profile_id: dict(profile.values) for profile in reader.profiles(table, 1000)}
        assert listed == {
            number: {column: values.get(column) for column in table.columns} for number, values in before.items()
        }
        assert [one.name for one in reader.scenarios(table)] == ["Welcome", "Birthday wishes", "Win back 2024"]
        ((stored,), (nightly,)) = reader.definitions(), reader.synchronisations(table)
        assert (stored.id, stored.name, stored.active) == (nightly.id, nightly.name, nightly.active)
        assert (nightly.name, nightly.active) == ("crm-nightly", True)
        assert {"customerId", "emailAddress", "subscriptions#Newsletter"} <= set(nightly.columns or ())
        found = reader.find(table, "addressCountry", "BE", 1000)
        belgians = {number for number, values in before.items() if values.get("addressCountry") == "BE"}
        assert {one.profile_id for one in found} == belgians

        _single(running, reader, writer, table)
        _by_file(running, reader, writer, table, forms)
    running.forms(None)


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
    with pytest.raises(Refused):
        writer.update(table, created, {"birthDate": "31-12-1980"})
    writer.delete(table, created)
    with pytest.raises(NotFound):
        writer.delete(table, created)
    assert reader.profile(table, created) is None


def _by_file(sandbox: Sandbox, reader: Reader, writer: Writer, table: Structure, forms: Mapping[str, Any]) -> None:
    before = held(sandbox)
    one, other = [values for values in before.values() if "customerId" in values and "firstName" in values][:2]
    columns = ["customerId", "note", "firstName"]
    rows = [[one["customerId"], 'a;"b"\nc', "Noor"], [other["customerId"], "x", ""], ["NOBODY", "x", "x"]]
    execution = writer.start_import(
        table, packed([columns, *rows]), columns=columns, key="customerId", mode=ImportMode.UPDATE_ONLY
    )
    sandbox.idle()
    told = reader.execution(execution)
    assert (told.state, told.with_errors, told.rows_in_error) == (ExecutionState.DONE, True, 1)
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
    landed = held(sandbox)[one["profileId"]]
    assert {column: landed[column] for column in NO} == dict.fromkeys(NO, "false")
    broken = writer.start_import(
        table, packed([["customerId"]]), columns=columns, key="customerId", mode=ImportMode.UPDATE_ONLY
    )
    sandbox.idle()
    assert reader.execution(broken).state is ExecutionState.FAILED
