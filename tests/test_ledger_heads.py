"""A ledger that was put back from a copy is recognised by what is noted outside it, and a clock that was set back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from auditor.commands import stored_plans
from auditor.commands.apply import check_ledger
from auditor.commands.known import standing_decisions
from auditor.commands.settle import settle, trouble
from auditor.errors import GuardRefused
from auditor.model import Kind, Outcome, Route
from auditor.settings.config import Settings, read_settings
from auditor.state import heads
from auditor.state.commit import at_work
from auditor.state.ledger import FILE, Ledger, quota_day
from auditor.state.ledger.records import Decision, Head, Intent
from auditor.writes import Plan, read_sealed
from tests import given_time
from tests.nothing_known import a_plan
from tests.small_folder import auditor

NOON = datetime(2026, 3, 2, 11, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
RUN = "20260302T100000Z-aaaa"
SETTINGS = """
entity = "acme"
table = "Customers"
actito = { url = "http://127.0.0.1:1", api_key = "env:KEY" }
platform = { export = "e.csv" }
truth = { from = "t.csv" }
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "auditor.toml").write_text(SETTINGS, "utf-8")
    return read_settings(tmp_path / "auditor.toml")


@pytest.fixture
def run(settings: Settings) -> Path:
    """The folder of a run that noted where the ledger stood: at its beginning."""
    folder = settings.runs_folder / RUN
    folder.mkdir(parents=True)
    noted(folder, Head(0, "0" * 64))
    return folder


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    with Ledger(settings.state_folder) as ledger:
        yield ledger


def noted(folder: Path, head: Head, table: str = "Customers") -> None:
    content = {"entity": "acme", "table": table, "ledger": {"entry": head.entry, "link": head.link}}
    (folder / "run.json").write_text(json.dumps(content), "utf-8")


def sent(ledger: Ledger, at: datetime) -> None:
    intent = Intent(0, Kind.UPDATE, Route.SINGLE, "C1", "1", "city", "Gent", "Ghent")
    ledger.settle(ledger.intend("p", "Customers", [intent], at), Outcome.LANDED, at)


def a_plan_of(export: datetime, **more: object) -> Plan:
    return a_plan(made=export, export_as_of=export, **more)


def copied(settings: Settings) -> Path:
    """The ledger as it is, to be put back later."""
    return Path(shutil.copy(settings.state_folder / FILE, settings.state_folder / "copy"))


def put_back(settings: Settings) -> None:
    for end in ("", "-wal", "-shm"):
        (settings.state_folder / f"{FILE}{end}").unlink(missing_ok=True)
    shutil.copy(settings.state_folder / "copy", settings.state_folder / FILE)


def from_a_copy(settings: Settings, *, note: str, run: Path) -> None:
    """The ledger lacks what was sent after the copy, which is noted in one place."""
    with Ledger(settings.state_folder) as ledger:
        sent(ledger, NOON)
    copied(settings)
    with at_work(settings, "test", NOON), Ledger(settings.state_folder) as ledger:
        sent(ledger, NOON)
        if note == "plan":
            stored_plans.store(a_plan_of(NOON), run, ledger, settings)
        if note == "run":
            noted(run, ledger.head)
    if note != "state":
        (settings.state_folder / heads.FILE).unlink()
    put_back(settings)


@pytest.mark.parametrize(
    ("note", "where"),
    [("run", f"{RUN}/run.json notes its entry 4"), ("plan", f"{RUN}/plan-"), ("state", "state/ledger-head.json")],
)
def test_a_ledger_from_a_copy_is_recognised_wherever_it_was_noted(
    settings: Settings, run: Path, note: str, where: str
) -> None:
    from_a_copy(settings, note=note, run=run)
    with Ledger(settings.state_folder) as ledger:
        with pytest.raises(GuardRefused, match="comes from a copy") as refused:
            check_ledger(settings, a_plan_of(NOON + 9 * HOUR), ledger)
        assert where in str(refused.value)
        sent(ledger, NOON)  # it goes on, and beyond: what is noted is another entry by then
        sent(ledger, NOON)
        with pytest.raises(GuardRefused, match="another one in its place"):
            check_ledger(settings, a_plan_of(NOON + 9 * HOUR), ledger)


def test_what_is_noted_and_there_is_no_trouble(settings: Settings, run: Path, ledger: Ledger) -> None:
    for _ in range(3):
        with at_work(settings, "test", NOON):
            sent(ledger, NOON)
            noted(run, ledger.head)
        stored_plans.store(a_plan_of(NOON), run, ledger, settings)
        check_ledger(settings, a_plan_of(NOON), ledger)
    assert trouble(settings, NOON) == ()


def test_runs_of_other_tables_and_damaged_ones_say_nothing(settings: Settings, run: Path, ledger: Ledger) -> None:
    noted(run, Head(99, "f" * 64), table="Others")
    check_ledger(settings, a_plan_of(NOON), ledger)
    for text in ("{", "[]", '{"entity": "acme", "table": "Customers", "ledger": [1]}'):
        (run / "run.json").write_text(text, "utf-8")
        (run / "plan-1.json").write_text('{\n"sha": "x",\n"seal": {', "utf-8")
        check_ledger(settings, a_plan_of(NOON), ledger)


def test_once_settled_only_plans_on_a_newer_export_are_carried_out_and_no_file_that_day(
    settings: Settings, run: Path
) -> None:
    from_a_copy(settings, note="plan", run=run)
    now = NOON + 2 * HOUR
    assert "comes from a copy" in trouble(settings, now)[0]
    settle(settings, now=now)
    assert trouble(settings, now) == ()
    with Ledger(settings.state_folder) as ledger:
        for export in (NOON, now, now + 0.9 * HOUR):
            with pytest.raises(GuardRefused, match="a part of the ledger is lost"):
                check_ledger(settings, a_plan_of(export), ledger)
        check_ledger(settings, a_plan_of(now + HOUR), ledger)
        check_ledger(settings, a_plan_of(now, purpose="undo"), ledger)
        assert ledger.bulk_calls("Customers", quota_day(now)).lost
        assert not ledger.bulk_calls("Customers", quota_day(now) + timedelta(days=1)).lost
        with pytest.raises(GuardRefused, match="not known to the ledger"):
            stored_plans.check_made_here(*read_sealed(next(run.glob("plan-*.json"))), ledger)


def test_the_command_asks_before_it_settles(settings: Settings, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from_a_copy(settings, note="state", run=run)
    command = ("settle", "--settings", str(settings.folder / "auditor.toml"))
    said = auditor(capsys, *command)
    assert (said.code, "comes from a copy" in said.out, "nothing was changed" in said.err) == (0, True, True)
    assert trouble(settings, given_time.now())
    assert "settled: in an hour" in auditor(capsys, *command, "--yes").out
    assert "nothing to settle" in auditor(capsys, *command).err


def test_who_decided_to_write_before_entries_were_lost_decides_again(settings: Settings, ledger: Ledger) -> None:
    def decided(key: str, choice: str, at: datetime) -> None:
        ledger.decide([Decision("Customers", "Ann", key, "news", "false", "true", choice, at, None, None)], at)

    decided("C1", "truth", NOON)
    decided("C2", "ignore", NOON)
    assert [one.key for one in standing_decisions(ledger, "Customers", {}, but=None)] == ["C1", "C2"]
    ledger.settle_losses([Head(99, "f" * 64)], NOON + HOUR)
    assert [one.key for one in standing_decisions(ledger, "Customers", {}, but=None)] == ["C2"]
    decided("C1", "truth", NOON + 2 * HOUR)
    assert [one.key for one in standing_decisions(ledger, "Customers", {}, but=None)] == ["C2", "C1"]


@pytest.mark.parametrize("back", [timedelta(minutes=6), timedelta(days=2)])
def test_a_clock_behind_the_ledger_stops_whoever_is_at_work(
    settings: Settings, ledger: Ledger, back: timedelta
) -> None:
    sent(ledger, NOON)
    with at_work(settings, "test", NOON - timedelta(minutes=4)):
        pass
    before = (settings.state_folder / FILE).read_bytes()
    behind = pytest.raises(GuardRefused, match="the clock of this machine is behind")
    with behind, at_work(settings, "test", NOON - back):
        pytest.fail("somebody went on")
    assert (settings.state_folder / FILE).read_bytes() == before


def test_a_clock_that_was_ahead_is_settled(settings: Settings, ledger: Ledger) -> None:
    sent(ledger, NOON + timedelta(days=900))
    assert "the clock says 2026-03-02 11:00 UTC" in trouble(settings, NOON)[0]
    settle(settings, now=NOON)
    assert trouble(settings, NOON) == ()
    with at_work(settings, "test", NOON):
        pass


def test_the_chain_is_verified_from_what_was_noted_last(settings: Settings, ledger: Ledger) -> None:
    for _ in range(3):
        sent(ledger, NOON)
    half = ledger.head
    for _ in range(2):
        sent(ledger, NOON)
    assert (ledger.verify(half).rows, ledger.verify(half).problems) == (4, ())
    assert (ledger.verify().rows, ledger.verify(ledger.head).rows) == (10, 0)
    ledger._chain._connection.execute("UPDATE writes SET after = ? WHERE id = 5", ("Luik",))
    assert ledger.verify(half).problems == ("row 5 of writes was changed",)
    with pytest.raises(GuardRefused, match="is not as it was written: row 5"):
        check_ledger(settings, a_plan_of(NOON), ledger)
