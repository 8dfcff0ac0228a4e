"""Every operation of the client, in every generation of the addresses, against a running sandbox; and the document that
lists them, which is made of what these tests saw: `AUDITOR_WRITE_DOCS=1 pytest tests/test_operations.py -n 0`.
"""

from __future__ import annotations

import inspect
import io
import os
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from auditor.actito import (
    DIALECTS,
    Connection,
    Definition,
    Dialect,
    ExecutionState,
    ImportMode,
    Loading,
    NotFound,
    ProfileRef,
    Reader,
    Refused,
)
from auditor.actito.writer import Writer
from auditor.model import Attribute, AttributeType, Segmentation, Structure
from auditor.sandbox.process import API_KEY
from auditor.sandbox.routes_imports import LOCATIONS
from auditor.writes import Collection
from tests.driven_sandbox import Sandbox

pytestmark = pytest.mark.usefixtures("no_pauses")

DOCUMENT = Path(__file__).parents[1] / "docs" / "operations.md"
EVIDENCE = Collection("2026-03-01 09:30:00", "shop form")
SUPPLIERS = Structure(
    table_id="",
    table="Suppliers",
    attributes=(
        Attribute("emailAddress", AttributeType.EMAIL, unique=True, mandatory=True),
        Attribute("supplierNo", unique=True),
    ),
    subscriptions=("Tenders",),
    segmentations=(Segmentation("Grade", exclusive=True, mandatory=True, segments=("A", "B")),),
)


class Recording(httpx.BaseTransport):
    """The network, and which addresses were called."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._network = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode("ascii")
        if path != "/auth/token":
            self.calls.append(f"{request.method} {path}")
        return self._network.handle_request(request)

    def close(self) -> None:
        self._network.close()


@dataclass
class Scene:
    """A sandbox in its first state, a client whose calls are recorded, and one that prepares and looks."""

    sandbox: Sandbox
    reader: Reader
    writer: Writer
    beside: Connection
    recorded: Recording
    table: Structure = field(init=False)
    profiles: list[dict[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        self.table = Reader(self.beside).structure("Customers")
        self.profiles = self.sandbox.profiles()

    @property
    def held(self) -> dict[str, dict[str, str]]:
        return {one["profileId"]: one for one in self.sandbox.profiles()}

    @property
    def number(self) -> str:
        """Somebody with a customerId who is a member of nothing exclusive yet or is: the first."""
        return next(one["profileId"] for one in self.profiles if "customerId" in one)

    def imported(self) -> str:
        """An import of two rows, one of them refused, that has ended."""
        return self.ended(
            Writer(self.beside).start_import(
                self.table,
                packed("customerId;note", f"{self.held[self.number]['customerId']};new", "NOBODY;new"),
                columns=["customerId", "note"],
                key="customerId",
                mode=ImportMode.UPDATE_ONLY,
            )
        )

    def ended(self, execution: str) -> str:
        self.sandbox.idle()
        return execution

    def stored(self) -> Definition:
        mapping = {"no": "customerId", "remark": "note"}
        wanted = Definition("", "remarks", active=True, loadings=(Loading("16", "UPDATE_ONLY", mapping),))
        return Definition(Writer(self.beside).create_definition(wanted), "remarks", True, wanted.loadings)


def packed(*lines: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("rows.csv", "".join(f"{line}\n" for line in lines))
    return archive.getvalue()


# What each operation must do. Named for its class and method.


def reader_entities(at: Scene) -> None:
    assert at.reader.entities() == ["acme", "acme-stores"]


def reader_tables(at: Scene) -> None:
    assert [table.name for table in at.reader.tables()] == ["Customers"]


def reader_structure(at: Scene) -> None:
    structure = at.reader.structure("Customers")
    assert {"emailAddress", "subscriptions#Newsletter", "segmentations#ClientTier"} <= set(structure.columns)


def reader_synchronisations(at: Scene) -> None:
    assert [one.name for one in at.reader.synchronisations(at.table)] == ["crm-nightly"]


def reader_definitions(at: Scene) -> None:
    stored = at.stored()
    assert [(one.id, one.name) for one in at.reader.definitions()] == [("501", "crm-nightly"), (stored.id, "remarks")]


def reader_definition(at: Scene) -> None:
    stored = at.stored()
    assert at.reader.definition(stored.id) == stored


def reader_scenarios(at: Scene) -> None:
    assert [one.name for one in at.reader.scenarios(at.table)] == ["Welcome", "Birthday wishes", "Win back 2024"]


def reader_locations(at: Scene) -> None:
    assert [(one.id, one.name) for one in at.reader.locations()] == list(LOCATIONS.items())


def reader_reaches(at: Scene) -> None:
    assert [at.reader.reaches(one) for one in Reader(at.beside).locations()] == [True] * len(LOCATIONS)
    at.sandbox.unreachable(["2"])
    assert [at.reader.reaches(one) for one in Reader(at.beside).locations()] == [True, False]
    at.sandbox.unreachable([])


def reader_count(at: Scene) -> None:
    assert at.reader.count(at.table) == len(at.profiles)


def reader_profile(at: Scene) -> None:
    """By its id and by every unique attribute."""
    expected = at.held[at.number]
    references: list[ProfileRef] = [at.number, *((name, expected[name]) for name in ("customerId", "emailAddress"))]
    for by in references:
        found = at.reader.profile(at.table, by)
        assert found is not None
        assert dict(found.values) == {column: expected.get(column) for column in at.table.columns}
    assert at.reader.profile(at.table, ("customerId", "NOBODY")) is None


def reader_profiles(at: Scene) -> None:
    found = list(at.reader.profiles(at.table, 1000))
    assert {one.profile_id: dict(one.values) for one in found} == {
        number: {column: values.get(column) for column in at.table.columns} for number, values in at.held.items()
    }
    assert [one.profile_id for one in at.reader.profiles(at.table, 3)] == [one.profile_id for one in found[:3]]


def reader_find(at: Scene) -> None:
    """Several results, and no more than asked for."""
    french = {one["profileId"] for one in at.profiles if one.get("motherLanguage") == "FR"}
    assert {one.profile_id for one in at.reader.find(at.table, "motherLanguage", "FR", 1000)} == french
    assert len(french) > 2
    assert len(at.reader.find(at.table, "motherLanguage", "FR", 2)) == 2


def reader_spelling(at: Scene) -> None:
    """The sandbox spells as usual."""
    spelling = at.reader.spelling(at.table, at.number)
    assert spelling is not None
    assert spelling.unusual == ()
    assert at.reader.spelling(at.table, "999999") is None


def reader_execution(at: Scene) -> None:
    told = at.reader.execution(at.imported())
    assert (told.state, told.rows_in_error) == (ExecutionState.DONE, 1)


def reader_refused_rows(at: Scene) -> None:
    (row,) = at.reader.refused_rows(at.imported())
    assert (row.code, row.column, row.cells) == (
        "UNKNOWN_PROFILE",
        "customerId",
        {"customerId": "NOBODY", "note": "new"},
    )


def reader_result_rows(at: Scene) -> None:
    (row,) = at.reader.result_rows(at.imported())
    assert (row.profile_id, row.cells["customerId"]) == (at.number, at.held[at.number]["customerId"])


def writer_create_table(at: Scene) -> None:
    made = at.writer.create_table(SUPPLIERS)
    assert Reader(at.beside).structure("Suppliers").attributes[3:] == SUPPLIERS.attributes
    assert made.name == "Suppliers"


def writer_change_table(at: Scene) -> None:
    at.writer.change_table(at.table, attributes=[Attribute("badge", max_length=8)], subscriptions=["Surveys"])
    new = set(Reader(at.beside).structure("Customers").columns) - set(at.table.columns)
    assert new == {"badge", "subscriptions#Surveys"}


def writer_update(at: Scene) -> None:
    """Attributes, both kinds of segmentations, and permissions with their evidence; an attribute is cleared. Joining an
    exclusive segment leaves the one before; a mandatory segmentation is not left, and the platform is not asked to.
    """
    values = {"note": "first\nsecond", "nickname": None, "subscriptions#Events": "true", "segmentations#Vip": "true"}
    at.writer.update(at.table, at.number, values, collection=EVIDENCE)
    for segment in ("Gold", "Silver"):
        at.writer.update(at.table, at.number, {"segmentations#ClientTier": segment})
    after = at.held[at.number]
    expected = values | {"segmentations#ClientTier": "Silver"}
    assert {column: after.get(column) for column in expected} == expected
    ends: dict[str, str | None] = {"subscriptions#Events": "false", "segmentations#Vip": "false"}
    at.writer.update(at.table, at.number, ends | {"segmentations#ClientTier": None})
    after = at.held[at.number]
    assert {column: after.get(column) for column in ends} == ends
    assert "segmentations#ClientTier" not in after
    prepare = Writer(at.beside)
    prepare.create_table(SUPPLIERS)
    suppliers = Reader(at.beside).structure("Suppliers")
    number = prepare.create(suppliers, {"emailAddress": "first@example.com"})
    asked = len(at.recorded.calls)
    with pytest.raises(Refused) as caught:
        at.writer.update(suppliers, number, {"segmentations#Grade": None})
    assert caught.value.fields == (("segmentations#Grade", "MANDATORY_MISSING"),)
    assert len(at.recorded.calls) == asked


def writer_create(at: Scene) -> None:
    values = {"emailAddress": "new@example.com", "lastName": "Nieuw", "subscriptions#Events": "true"}
    number = at.writer.create(at.table, values, EVIDENCE)
    assert {column: at.held[number][column] for column in values} == values
    with pytest.raises(Refused):
        at.writer.create(at.table, values)


def writer_delete(at: Scene) -> None:
    at.writer.delete(at.table, at.number)
    assert at.number not in at.held
    with pytest.raises(NotFound):
        at.writer.delete(at.table, at.number)


def writer_definition(at: Scene) -> None:
    """Asks nobody: it is what `start_import` sends."""
    assert '"customerId"' in at.writer.definition(at.table, ["note"], "customerId", ImportMode.UPDATE_ONLY)


def writer_start_import(at: Scene) -> None:
    key = at.held[at.number]["customerId"]
    columns = ["customerId", "note"]
    at.ended(
        at.writer.start_import(
            at.table,
            packed("customerId;note", f"{key};by file"),
            columns=columns,
            key="customerId",
            mode=ImportMode.UPDATE_ONLY,
        )
    )
    assert at.held[at.number]["note"] == "by file"


def writer_create_definition(at: Scene) -> None:
    wanted = Definition("", "remarks", active=True, loadings=(Loading("16", "UPDATE_ONLY", {"no": "customerId"}),))
    made = at.writer.create_definition(wanted)
    assert Reader(at.beside).definition(made) == Definition(made, "remarks", True, wanted.loadings)
    with pytest.raises(Refused):
        at.writer.create_definition(wanted)


def writer_change_definition(at: Scene) -> None:
    """A column that the table got since, another header for one; what it says beyond that is still there."""
    Writer(at.beside).change_table(at.table, attributes=[Attribute("badge")])
    (loading,) = Reader(at.beside).definition("501").loadings
    headers = {column: header for header, column in (loading.mapping or {}).items()} | {"note": "remark", "badge": "b"}
    wider = Loading(loading.table, "UPDATE_ONLY", {header: column for column, header in headers.items()})
    at.writer.change_definition(Definition("501", "crm-hourly", False, (wider,)))
    assert Reader(at.beside).definition("501") == Definition("501", "crm-hourly", False, (wider,))
    answer = at.beside.read(at.beside.dialect.definitions("GET", "acme", "501")).json()
    assert isinstance(answer, dict)
    assert answer["dataLoadings"][0]["file"] == {"namePattern": "contacts_$yyyyMMdd.csv", "optional": False}
    assert answer["dataLoadings"][0]["csvFormat"]["separator"] == ","


def writer_delete_definition(at: Scene) -> None:
    at.writer.delete_definition("501")
    assert Reader(at.beside).definitions() == []
    with pytest.raises(NotFound):
        at.writer.delete_definition("501")


def writer_trigger(at: Scene) -> None:
    stored = at.stored()
    key = at.held[at.number]["customerId"]
    execution = at.ended(at.writer.trigger(stored.id, packed("no;remark", f"{key};triggered")))
    assert Reader(at.beside).execution(execution).state is ExecutionState.DONE
    assert at.held[at.number]["note"] == "triggered"
    with pytest.raises(NotFound):
        at.writer.trigger("999", packed("no;remark"))


def operations() -> Iterator[tuple[str, type, str]]:
    """Every public method: name as the document has it, class, name of its function here."""
    for owner in (Reader, Writer):
        for name, _ in inspect.getmembers(owner, inspect.isfunction):
            if not name.startswith("_"):
                yield f"{owner.__name__}.{name}", owner, f"{owner.__name__.lower()}_{name}"


OPERATIONS: dict[str, Callable[[Scene], None]] = {name: globals()[function] for name, _, function in operations()}

_seen: dict[tuple[str, str], list[str]] = {}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox"), profiles=25, seed=7, limits="extended") as sandbox:
        yield sandbox


def _connect(sandbox: Sandbox, dialect: Dialect, transport: httpx.BaseTransport | None = None) -> Connection:
    url = sandbox.url
    return Connection(url, lambda: API_KEY, "acme", dialect=dialect, calls_per_minute=10_000, transport=transport)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_operation(running: Sandbox, name: str, dialect: str) -> None:
    observe(running, name, dialect)


def observe(running: Sandbox, name: str, dialect: str) -> None:
    """V5 on a licence that has switched V4's calls about profiles off."""
    running.reset()
    running.forms(None, with_v4=dialect == "v4")
    recorded = Recording()
    with (
        _connect(running, DIALECTS[dialect], recorded) as connection,
        _connect(running, DIALECTS[dialect]) as beside,
    ):
        scene = Scene(running, Reader(connection), Writer(connection), beside, recorded)
        OPERATIONS[name](scene)
    _seen[name, dialect] = list(dict.fromkeys(map(_template, recorded.calls)))


def _template(call: str) -> str:
    """A call without what is particular to this licence."""
    call = call.partition("?")[0].replace("/acme", "/{entity}")
    call = re.sub(r"/(Customers|Suppliers)(?=/|$)|(?<=/profile-tables)/\d+", "/{table}", call)
    call = re.sub(r"(?<=/profile)/(?!count$)[^/]+|(?<=/profiles)/(?!count$|v\d/)[^/]+", "/{profile}", call)
    call = re.sub(r"(?<=/etl-executions)/\d+|(?<=/import)/\d+", "/{execution}", call)
    call = re.sub(r"(?<=/etls)/\d+", "/{definition}", call)
    call = re.sub(r"(?<=/locations)/[^/]+", "/{location}", call)
    call = re.sub(r"(?<=/subscription)/[^/]+", "/{subscription}", call)
    call = re.sub(r"(?<=/segmentation)/[^/;]+;category=.+", "/{segment};category={segmentation}", call)
    return re.sub(r"(?<=/segmentation)/[^/;{]+$", "/{segmentation}", call)


@pytest.mark.parametrize("owner", [Reader, Writer, Dialect], ids=lambda owner: owner.__name__)
def test_every_public_method_says_where_it_comes_from(owner: type) -> None:
    source = re.compile(r"§\d|\b[DUG]-[a-z]")
    for name, method in inspect.getmembers(owner, inspect.isfunction):
        if not name.startswith("_"):
            assert source.search(inspect.getdoc(method) or ""), f"{owner.__name__}.{name}"


@pytest.fixture(scope="module")
def seen(running: Sandbox) -> dict[tuple[str, str], list[str]]:
    """What every operation called; those whose test did not run in this process are carried out here."""
    for name in OPERATIONS:
        for dialect in DIALECTS:
            if (name, dialect) not in _seen:
                observe(running, name, dialect)
    return _seen


def test_v5_asks_v4_for_nothing_but_what_it_does_not_have(seen: dict[tuple[str, str], list[str]]) -> None:
    """Everything else would end with V4."""
    of_v4 = {name for name in OPERATIONS for call in seen[name, "v5"] if "/v4/" in call}
    assert of_v4 == {"Reader.scenarios"}


def test_the_document_lists_every_operation(seen: dict[tuple[str, str], list[str]]) -> None:
    document = _document(seen)
    if os.environ.get("AUDITOR_WRITE_DOCS"):
        DOCUMENT.write_text(document, encoding="utf-8")
    assert DOCUMENT.read_text(encoding="utf-8") == document


def _document(seen: dict[tuple[str, str], list[str]]) -> str:
    rows = []
    for name, owner, function in operations():
        does = inspect.getdoc(getattr(owner, function.partition("_")[2])) or ""
        sentence = re.split(r"(?<=[.)])\s+(?=[A-Z])|\n\n", does)[0].replace("\n", " ").replace("|", "\\|").rstrip(".")
        v5, v4 = (_calls(seen[name, dialect]) for dialect in DIALECTS)
        rows.append(f"| `{name}` | {sentence} | {v5} | {'the same' if v4 == v5 else v4} | `{function}` |")
    return "\n".join([_HEAD, *rows, ""])


def _calls(calls: list[str]) -> str:
    return "<br>".join(f"`{call}`" for call in calls) or "none"


_HEAD = """# Operations

Everything that the client (`auditor.actito`) can ask of Actito and change there, and the addresses that it calls for
it, in each dialect (`actito.dialect`). `v5` is the usual one. `v4` is for licences that still need it: the end of its
calls about profiles was announced for the end of March 2026 (see [platform-changes.md](platform-changes.md)).

Each operation is shown against the sandbox, in both dialects, by `test_operation` in `tests/test_operations.py`, in the
function that the last column names: in `v5` against a licence that has switched V4's calls about profiles off. That an
operation which is gone is told from a person who is gone is shown by `tests/test_actito_endings.py`. This document is
written by the same module, so it cannot fall behind. Keys such as D-feed and §6.1 name the page or the public client
that a fact comes from, and [sources.md](sources.md) says which and when it was read; what of it was seen and what is
assumed stands in `auditor/actito/dialect.py`, `profiles_v5.py`, `profiles_v4.py`, `bodies.py` and `definitions.py`.

| Operation | Does | `v5` | `v4` | Test |
|---|---|---|---|---|"""
