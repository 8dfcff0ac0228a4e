"""A plan carried out on the sandbox, over HTTP: what it holds afterwards is what the plan said, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from auditor.actito import DIALECTS, V5, Connection, Dialect, ImportMode, QuotaUsed, Reader
from auditor.actito.costs import Costs
from auditor.actito.writer import Writer
from auditor.apply import apply_plan
from auditor.apply.job import Limits
from auditor.apply.outcomes import Applied
from auditor.apply.undo import Audited, undo_plan
from auditor.errors import Exit
from auditor.model import Kind, Outcome, Route, Structure
from auditor.plan.bulkfile import corrective_file
from auditor.sandbox.process import API_KEY
from auditor.state.ledger import Ledger
from auditor.writes import Cell, Collection, Plan, Write
from tests import given_time
from tests.driven_sandbox import Sandbox
from tests.nothing_known import a_plan, a_write, recorded

pytestmark = pytest.mark.usefixtures("no_pauses")

NEWS = "subscriptions#Newsletter"
VIP = "segmentations#Vip"
TIER = "segmentations#ClientTier"
STAMPS = ("updateMoment",)

Profiles = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox"), profiles=80, seed=11, limits="extended") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.reset()
    return running


def connect(sandbox: Sandbox, dialect: Dialect = V5) -> Connection:
    return Connection(sandbox.url, lambda: API_KEY, "acme", dialect=dialect, calls_per_minute=10_000, concurrency=3)


@pytest.fixture(params=DIALECTS)
def connection(sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[Connection]:
    """V5 on a licence that has switched V4's calls about profiles off."""
    sandbox.forms(None, with_v4=request.param == "v4")
    with connect(sandbox, DIALECTS[request.param]) as connection:
        yield connection


@pytest.fixture
def structure(connection: Connection) -> Structure:
    return Reader(connection).structure("Customers")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "state") as ledger:
        yield ledger


def held(sandbox: Sandbox) -> Profiles:
    """Every profile by key, as the sandbox itself says, without the moments of change."""
    return {
        profile["customerId"]: {name: value for name, value in profile.items() if name not in STAMPS}
        for profile in sandbox.profiles()
        if "customerId" in profile
    }


def now() -> datetime:
    return given_time.now()


def plan_of(*writes: Write, **more: Any) -> Plan:
    return a_plan(*writes, **({"made": now(), "export_as_of": now()} | more))


def carry_out(
    plan: Plan, connection: Connection, structure: Structure, ledger: Ledger, sandbox: Sandbox, **limits: Any
) -> Applied:
    """Waiting for an import is done in the sandbox, which says when its queue is empty."""
    return apply_plan(
        recorded(plan, ledger),
        structure=structure,
        reader=Reader(connection),
        writer=Writer(connection),
        ledger=ledger,
        clock=now,
        same=lambda column, a, b: a == b,
        bulk_file=partial(corrective_file, structure=structure),
        limits=Limits(**limits),
        sleep=lambda _: sandbox.idle(),
    )


def write(profile: dict[str, str], kind: Kind, *cells: tuple[str, str | None], **more: Any) -> Write:
    changes = tuple(Cell(column, profile.get(column), after) for column, after in cells)
    return a_write(kind, more.pop("route", Route.SINGLE), profile["customerId"], profile["profileId"], changes, **more)


def with_value(profiles: Profiles, column: str, value: str | None = None) -> dict[str, str]:
    """A profile that has any (or this) value in a column."""
    fit = (one for one in profiles.values() if one.get(column) and value in (None, one[column]))
    return next(fit)


def outcomes(applied: Applied) -> list[tuple[Any, ...]]:
    return applied.outcomes.select("column", "outcome", "detail").rows()


def test_every_kind_of_single_write(
    sandbox: Sandbox, connection: Connection, structure: Structure, ledger: Ledger
) -> None:
    before = held(sandbox)
    reader = with_value(before, NEWS, "true")
    silent = with_value(before, NEWS, "false")
    graded = with_value(before, TIER)
    mobile = with_value(before, "gsmNumber")
    spare = [one for one in before.values() if one not in (reader, silent, graded, mobile)]
    text, moved = spare[:2]
    tier = "Gold" if graded[TIER] != "Gold" else "Silver"
    vip = "false" if text.get(VIP) == "true" else "true"
    plan = plan_of(
        write(reader, Kind.UNSUBSCRIBE, (NEWS, "false")),
        write(mobile, Kind.CLEAR, ("gsmNumber", None)),
        write(text, Kind.UPDATE, ("note", 'a "b"; c'), ("lastName", "Ðorđević-Łuczak"), (VIP, vip)),
        write(graded, Kind.UPDATE, (TIER, tier)),
        write(moved, Kind.UPDATE, ("emailAddress", "brand.new@example.com")),
        write(silent, Kind.SUBSCRIBE, (NEWS, "true"), collection=Collection("2026-01-01 10:00:00", "shop")),
    )
    applied = carry_out(plan, connection, structure, ledger, sandbox)
    assert {outcome for _, outcome, _ in outcomes(applied)} == {"landed"}
    expected = {key: dict(profile) for key, profile in before.items()}
    for planned in plan.writes:
        for cell in planned.cells:
            expected[planned.key].pop(cell.column, None)
            if cell.after is not None:
                expected[planned.key][cell.column] = cell.after
    assert held(sandbox) == expected

    calls = sandbox.state()["calls"]
    again = carry_out(plan, connection, structure, ledger, sandbox)
    assert again.outcomes.equals(applied.outcomes)
    assert sandbox.state()["calls"] == calls, "the second time, not even a question was asked"

    undo = undo_of(plan, ledger)
    undone = carry_out(undo, connection, structure, ledger, sandbox)
    assert undone.left == 0
    assert [(left.key, left.why) for left in undo.left] == [(reader["customerId"], "permission")]
    assert held(sandbox) == before | {reader["customerId"]: reader | {NEWS: "false"}}


def undo_of(plan: Plan, ledger: Ledger, *, delete_created: bool = False) -> Plan:
    record = ledger.plan(plan.sha)
    assert record is not None
    audited = Audited(plan.entity, plan.key, plan.fallbacks, plan.population, "")
    effects = ledger.effects(plan.sha)
    return undo_plan(record, effects, audited, now(), permissions=[NEWS], delete_created=delete_created)


def test_each_kind_of_write_takes_the_calls_that_are_forecast(
    sandbox: Sandbox, connection: Connection, structure: Structure, ledger: Ledger
) -> None:
    """The sandbox counts: of V5 two reads and a write, whatever is changed; of V4 more, where it tells things apart."""
    before = held(sandbox)
    reader, silent = with_value(before, NEWS, "true"), with_value(before, NEWS, "false")
    graded, mobile = with_value(before, TIER), with_value(before, "gsmNumber")
    text, unknown, deleted = [one for one in before.values() if one not in (reader, silent, graded, mobile)][:3]
    vip = "false" if text.get(VIP) == "true" else "true"
    news = Collection("2026-01-01 10:00:00", "shop")
    made = {"customerId": "NEW-1", "emailAddress": "new.one@example.com", "lastName": "Peeters", NEWS: "false"}
    note = ("note", "counted")
    writes = {
        "opt-out": write(reader, Kind.UNSUBSCRIBE, (NEWS, "false")),
        "clear": write(mobile, Kind.CLEAR, ("gsmNumber", None)),
        "attributes": write(graded, Kind.UPDATE, note, ("lastName", "X")),
        "all sorts": write(text, Kind.UPDATE, note, (VIP, vip)),
        "a segment that is left": write(graded, Kind.UPDATE, (TIER, None)),
        "opt-in": write(silent, Kind.SUBSCRIBE, (NEWS, "true"), collection=news),
        "without a profileId": replace(write(unknown, Kind.UPDATE, note), profile_id=None),
        "creation": a_write(Kind.CREATE, Route.SINGLE, "NEW-1", None, tuple(Cell(c, None, v) for c, v in made.items())),
        "deletion": write(deleted, Kind.DELETE),
    }
    costs = Costs(connection.dialect.profiles, structure, (), read_before=100, sample=20)
    sandbox.forms(None, with_v4=connection.dialect.profiles is not V5.profiles, sections="apart")
    for nobody in (("customerId", "nobody"), ("emailAddress", "nobody@example.com"), "999999"):
        assert Reader(connection).profile(structure, nobody) is None, "from now on it is known whom to ask for beside"
    really, forecast = {}, {}
    for name, planned in writes.items():
        calls = sandbox.state()["calls"]["total"]
        applied = carry_out(plan_of(planned), connection, structure, ledger, sandbox)
        assert {outcome for _, outcome, _ in outcomes(applied)} == {"landed"}, name
        really[name] = sandbox.state()["calls"]["total"] - calls
        forecast[name] = costs.of_write(
            planned.kind,
            {cell.column: cell.after for cell in planned.cells},
            {"customerId": planned.key},
            known=planned.profile_id is not None,
            collected=planned.collection is not None,
        )
    assert forecast == really


def test_creating_and_deleting(sandbox: Sandbox, connection: Connection, structure: Structure, ledger: Ledger) -> None:
    before = held(sandbox)
    taken = next(iter(before.values()))
    values = {"customerId": "NEW-1", "emailAddress": "new.one@example.com", "lastName": "Peeters", NEWS: "false"}
    cells = tuple(Cell(column, None, value) for column, value in values.items())
    other = tuple(Cell(c.column, None, taken["emailAddress"] if c.column == "emailAddress" else c.after) for c in cells)
    plan = plan_of(
        a_write(Kind.CREATE, Route.SINGLE, "NEW-1", None, cells),
        a_write(Kind.CREATE, Route.SINGLE, "NEW-2", None, other),
        purpose="create",
    )
    applied = carry_out(plan, connection, structure, ledger, sandbox)
    assert outcomes(applied) == [(None, "landed", None), (None, "refused", "exists")]
    assert held(sandbox).keys() - before.keys() == {"NEW-1"}
    undo = undo_of(plan, ledger, delete_created=True)
    assert carry_out(undo, connection, structure, ledger, sandbox).exit_code is Exit.FINE
    assert held(sandbox) == before


@pytest.mark.breaches("value_format")
def test_by_file(
    sandbox: Sandbox,
    connection: Connection,
    structure: Structure,
    ledger: Ledger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    named: list[str] = []
    start = Writer.start_import

    def noted(self: Writer, *given: Any, output: str = "", **more: Any) -> str:
        named.append(output)
        return start(self, *given, output=output, **more)

    monkeypatch.setattr(Writer, "start_import", noted)
    before = held(sandbox)
    people = sorted(before.values(), key=lambda one: int(one["profileId"]))[:30]
    gone, bad = people[28], people[29]
    Writer(connection).delete(structure, gone["profileId"])
    notes = {one["customerId"]: f'note; "{place}"\nline' for place, one in enumerate(people)}
    notes[bad["customerId"]] = "x" * 256
    writes = [
        write(
            one,
            Kind.UPDATE,
            ("note", notes[one["customerId"]]),
            batch="Customers-update-1",
            canary=place < 5,
            route=Route.SINGLE if place < 5 else Route.BULK,
        )
        for place, one in enumerate(people)
    ]
    plan = plan_of(*writes)
    applied = carry_out(plan, connection, structure, ledger, sandbox, sample=10, read_before=1)
    assert named == [f"auditor-{plan.sha[:8]}-Customers-update-1"], "whose files Actito's files are"
    counts = applied.counts
    assert (counts[Outcome.LANDED], counts[Outcome.UNKNOWN], counts[Outcome.REFUSED]) == (15, 13, 2)
    refused = applied.outcomes.filter(pl.col("outcome") == "refused").select("key", "detail").rows()
    assert [key for key, _ in refused] == [gone["customerId"], bad["customerId"]]
    assert [detail.split()[0] for _, detail in refused] == ["UNKNOWN_PROFILE", "TOO_LONG"]
    expected = {
        key: profile | ({"note": notes[key]} if key in notes and key != bad["customerId"] else {})
        for key, profile in before.items()
        if key != gone["customerId"]
    }
    assert held(sandbox) == expected

    # The next export tells about all the others.
    unsettled = ledger.unsettled("Customers")
    after = held(sandbox)
    equal = [after[key].get("note") == sent for key, sent in unsettled.select("key", "after").iter_rows()]
    later = now() + timedelta(seconds=1)
    seen = unsettled.select("write").with_columns(pl.Series("equal", equal))
    told = ledger.told_by_export("Customers", seen, later)
    assert (len(told.landed), told.changed) == (13, ())
    ledger.record_settled(told, later)
    settled = carry_out(plan, connection, structure, ledger, sandbox)
    assert settled.counts[Outcome.LANDED] == 28
    assert ledger.pending("Customers", later).is_empty()


def test_opt_outs_by_file(sandbox: Sandbox, connection: Connection, structure: Structure, ledger: Ledger) -> None:
    before = held(sandbox)
    readers = [one for one in before.values() if one.get(NEWS) == "true"][:8]
    writes = [
        write(
            one,
            Kind.UNSUBSCRIBE,
            (NEWS, "false"),
            batch="Customers-unsubscribe-1",
            canary=place < 2,
            route=Route.SINGLE if place < 2 else Route.BULK,
        )
        for place, one in enumerate(readers)
    ]
    applied = carry_out(plan_of(*writes), connection, structure, ledger, sandbox)
    assert applied.exit_code is Exit.FINE, "six rows are all in the sample of twenty"
    out = {one["customerId"]: one | {NEWS: "false"} for one in readers}
    assert held(sandbox) == before | out


@pytest.mark.breaches("import_running", "import_repeated")
def test_the_quota_of_the_licence_puts_the_file_off(tmp_path: Path) -> None:
    """Somebody else has used the day's calls up; the platform says so, and the plan waits for the next day."""
    with Sandbox(tmp_path / "sandbox", profiles=20, seed=3) as sandbox:
        noon = datetime(2026, 1, 15, 11, 0, tzinfo=UTC)
        sandbox.clock(noon)
        with (
            connect(sandbox) as connection,
            Ledger(tmp_path / "state") as ledger,
        ):
            structure = Reader(connection).structure("Customers")
            one = next(iter(held(sandbox).values()))
            plan = plan_of(write(one, Kind.UPDATE, ("note", "x"), batch="b", route=Route.BULK))
            file = corrective_file(plan, "b", structure)
            while True:
                try:
                    Writer(connection).start_import(
                        structure, file.archive, columns=file.columns, key=file.key, mode=ImportMode(file.mode)
                    )
                except QuotaUsed:
                    break
            applied = carry_out(plan, connection, structure, ledger, sandbox, read_before=0)
    assert applied.stopped is not None
    assert applied.stopped.why == "quota"
    assert applied.exit_code is Exit.TRY_LATER
