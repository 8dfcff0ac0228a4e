"""Applying a plan to a platform that breaks at every point: once and only once, and never more than the plan says."""

from __future__ import annotations

import copy
import json
import signal
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from auditor.actito import (
    ActitoError,
    Collection,
    Conflict,
    Discontinued,
    Execution,
    ExecutionState,
    ImportMode,
    MaybeSent,
    NotFound,
    PlatformDown,
    Profile,
    ProfileRef,
    QuotaUsed,
    Refused,
    RefusedRow,
    TokenRefused,
    WrongKey,
)
from auditor.apply import apply_plan, unfinished
from auditor.apply.job import Job, Limits
from auditor.apply.outcomes import OUTCOMES, Applied, read_outcomes, write_outcomes
from auditor.apply.undo import Audited, undo_plan
from auditor.cli.planned import print_applied
from auditor.errors import Exit, GuardRefused
from auditor.findings.since import Drift, Since
from auditor.findings.words import Words
from auditor.model import Attribute, AttributeType, Kind, Route, Structure
from auditor.plan.brakes import held
from auditor.state.commit import steady
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import IMPORT_PATIENCE, Overwritten, Settled
from auditor.writes import Cell, Plan, Write, read_plan
from tests.nothing_known import a_plan, a_write, recorded

NOON = datetime(2026, 3, 2, 11, 0, tzinfo=UTC)
NEWS = "subscriptions#News"
STRUCTURE = Structure(
    "16",
    "Customers",
    (
        Attribute("profileId", AttributeType.INTEGER, unique=True),
        Attribute("customerId", unique=True),
        Attribute("emailAddress", AttributeType.EMAIL, unique=True),
        Attribute("city"),
        Attribute("note"),
    ),
    ("News",),
)


class Crash(BaseException):
    """The process ends here, as by a power cut."""


SAY = Words("Actito", "CRM")


@dataclass
class Platform:
    """Reader and writer of a platform in memory. Every call passes two points, before and after its effect.

    A value "BAD" is refused. `faults` are called at a point, by the call's name and "before" or "after".
    """

    profiles: dict[str, dict[str, str | None]] = field(default_factory=dict)
    faults: dict[tuple[str, str], Callable[[], None]] = field(default_factory=dict)
    crash_at: int | None = None
    points: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    effects: list[tuple[str, str, str | None]] = field(default_factory=list)
    """(profileId, column, value) of every write that was carried out, in order."""
    polls: int = 2
    """So many questions after the state of an import until it ends."""
    import_at_once: bool = False
    """Carried out without being asked for."""
    executions: dict[str, tuple[int, bytes, str, ImportMode]] = field(default_factory=dict)
    refused: dict[str, list[RefusedRow]] = field(default_factory=dict)
    at_once: int = 0
    most_at_once: int = 0
    clock: Callable[[], datetime] | None = None
    """What update moments are told by; None: the platform does not tell any."""

    def point(self, name: str = "", when: str = "") -> None:
        if self.points == self.crash_at:
            self.points += 1
            raise Crash
        self.points += 1
        self.faults.get((name, when), lambda: None)()

    def profile(self, table: Structure, by: ProfileRef) -> Profile | None:
        self.point("profile", "before")
        self.calls["profile"] += 1
        found = self._find(by)
        self.point("profile", "after")
        return Profile(found, {"profileId": found, **self.profiles[found]}) if found else None

    def count(self, table: Structure) -> int:
        self.point("count", "before")
        return len(self.profiles)

    def execution(self, execution_id: str) -> Execution:
        self.point("execution", "before")
        left, archive, key, mode = self.executions[execution_id]
        self.executions[execution_id] = (left - 1, archive, key, mode)
        if left == 0 and not self.import_at_once:
            self._import(execution_id, archive, key, mode)
        self.point("execution", "after")
        if left > 0:
            return Execution(execution_id, ExecutionState.RUNNING)
        errors = len(self.refused[execution_id])
        return Execution(execution_id, ExecutionState.DONE, rows_in_error=errors, with_errors=errors > 0)

    def refused_rows(self, execution_id: str) -> list[RefusedRow]:
        self.point("refused_rows", "before")
        return self.refused[execution_id]

    def update(
        self,
        table: Structure,
        profile_id: str,
        values: Mapping[str, str | None],
        *,
        collection: Collection | None = None,
    ) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.calls["update"] += 1
        self.point("update", "before")
        if profile_id not in self.profiles:
            raise NotFound("a profile")
        self._check(profile_id, values)
        self._set(profile_id, values)
        self.point("update", "after")
        self.at_once -= 1

    def create(self, table: Structure, values: Mapping[str, str | None], collection: Collection | None = None) -> str:
        self.calls["create"] += 1
        self.point("create", "before")
        self._check(None, values)
        profile_id = self.new_id()
        self._set(profile_id, values)
        self.point("create", "after")
        return profile_id

    def delete(self, table: Structure, profile_id: str) -> None:
        self.calls["delete"] += 1
        self.point("delete", "before")
        del self.profiles[profile_id]
        self.effects.append((profile_id, "", None))
        self.point("delete", "after")

    def start_import(
        self, table: Structure, archive: bytes, *, columns: Sequence[str], key: str, mode: ImportMode, output: str = ""
    ) -> str:
        self.calls["start_import"] += 1
        self.point("start_import", "before")
        execution_id = str(900 + len(self.executions))
        self.executions[execution_id] = (self.polls, archive, key, mode)
        self.refused[execution_id] = []
        if self.import_at_once:
            self._import(execution_id, archive, key, mode)
        self.point("start_import", "after")
        return execution_id

    def new_id(self) -> str:
        """Of whoever is created."""
        return str(1000 + len(self.profiles))

    def _find(self, by: ProfileRef) -> str | None:
        if isinstance(by, str):
            return by if by in self.profiles else None
        return next((one for one, values in self.profiles.items() if values.get(by[0]) == by[1]), None)

    def _check(self, profile_id: str | None, values: Mapping[str, str | None]) -> None:
        fields = [(column, "INVALID_VALUE") for column, value in values.items() if value == "BAD"]
        for column in ("customerId", "emailAddress"):
            holder = self._find((column, values[column] or "")) if column in values else None
            if holder not in (None, profile_id):
                fields.append((column, "ALREADY_EXISTS"))
        if fields:
            raise Refused("a change", tuple(fields))

    def _set(self, profile_id: str, values: Mapping[str, str | None]) -> None:
        for column, value in values.items():
            self.profiles.setdefault(profile_id, {})[column] = value
            self.effects.append((profile_id, column, value))
        if self.clock is not None:
            here = self.clock().astimezone(ZoneInfo("Europe/Brussels"))
            self.profiles[profile_id]["updateMoment"] = here.strftime("%Y-%m-%d %H:%M:%S")

    def _import(self, execution_id: str, archive: bytes, key: str, mode: ImportMode) -> None:
        for row in json.loads(archive):
            holder = self._find((key, row[key]))
            try:
                if (holder is None) != (mode is ImportMode.CREATE_ONLY):
                    raise Refused("a row", ((key, "UNKNOWN_PROFILE" if holder is None else "ALREADY_EXISTS"),))
                self._check(holder, row)
            except Refused as error:
                column, code = error.fields[0]
                self.refused[execution_id].append(RefusedRow(column, code, row))
            else:
                self._set(holder or self.new_id(), {c: v for c, v in row.items() if c != key or not holder})


@dataclass(frozen=True)
class File:
    archive: bytes
    columns: Sequence[str]
    key: str = "customerId"


def bulk_file(plan: Plan, batch: str) -> File:
    writes = [write for write in plan.writes if write.batch == batch and not write.canary]
    rows = [{"customerId": write.key, **{cell.column: cell.after for cell in write.cells}} for write in writes]
    return File(json.dumps(rows).encode(), ["customerId", *(cell.column for cell in writes[0].cells)])


@dataclass
class World:
    """A platform, a ledger folder and a clock: what an application needs, again and again."""

    folder: Path
    platform: Platform = field(default_factory=Platform)
    now: datetime = NOON

    def clock(self) -> datetime:
        self.platform.point("clock")
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.platform.point("sleep")

    def apply(self, plan: Plan, **options: Any) -> Applied:
        limits = options.pop("limits", Limits(concurrency=1, read_before=2, sample=2))
        with Ledger(self.folder) as ledger:
            return apply_plan(
                recorded(plan, ledger),
                structure=STRUCTURE,
                reader=self.platform,
                writer=self.platform,
                ledger=ledger,
                clock=options.pop("clock", self.clock),
                same=options.pop("same", lambda column, a, b: a == b),
                bulk_file=bulk_file,
                limits=limits,
                **({"sleep": self.sleep} | options),
            )

    def undo(self, plan: Plan, permissions: Sequence[str] = (NEWS,), **options: Any) -> Plan:
        """The plan that takes back what the ledger knows of a plan."""
        with self.ledger() as ledger:
            record = ledger.plan(plan.sha)
            assert record is not None
            audited = Audited("acme", ("customerId",), (), 8, "")
            return undo_plan(record, ledger.effects(plan.sha), audited, NOON, permissions=permissions, **options)

    def ledger(self) -> Ledger:
        return Ledger(self.folder)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, Platform(people(8)))


def people(count: int) -> dict[str, dict[str, str | None]]:
    return {
        str(number): {
            "customerId": f"C{number}",
            "emailAddress": f"p{number}@example.com",
            "city": "Gent",
            "note": "old",
            NEWS: "true",
        }
        for number in range(1, count + 1)
    }


def write(number: int, *cells: tuple[str, str | None, str | None], kind: Kind = Kind.UPDATE, **more: Any) -> Write:
    changes = tuple(Cell(*cell) for cell in cells)
    return a_write(kind, more.pop("route", Route.SINGLE), f"C{number}", str(number), changes, **more)


def city(number: int, **more: Any) -> Write:
    return write(number, ("city", "Gent", "Ghent"), **more)


def opt_out(number: int, **more: Any) -> Write:
    return write(number, (NEWS, "true", "false"), kind=Kind.UNSUBSCRIBE, **more)


def creation(number: int, **values: str) -> Write:
    cells = {"customerId": f"C{number}", "emailAddress": f"p{number}@example.com", "city": "Gent"} | values
    return replace(write(number, *((c, None, v) for c, v in cells.items()), kind=Kind.CREATE), profile_id=None)


def batch(*numbers: int, canaries: int = 1, make: Callable[..., Write] = city) -> list[Write]:
    return [
        make(number, batch="b1", canary=place < canaries, route=Route.SINGLE if place < canaries else Route.BULK)
        for place, number in enumerate(numbers)
    ]


def plan_of(*writes: Write, **more: Any) -> Plan:
    return a_plan(*writes, **({"made": NOON, "export_as_of": NOON} | more))


def told(applied: Applied, *columns: str) -> list[tuple[Any, ...]]:
    return applied.outcomes.select(*(columns or ("outcome",))).rows()


def outcomes(applied: Applied) -> list[str]:
    return applied.outcomes["outcome"].to_list()


def details(applied: Applied) -> list[str | None]:
    return applied.outcomes["detail"].to_list()


def raising(error: BaseException, times: int = 1) -> Callable[[], None]:
    """Raises `error` the first `times` times it is called."""
    left = [error] * times

    def strike() -> None:
        if left:
            raise left.pop()

    return strike


@dataclass
class Late(Platform):
    """Shows what is written to it only after a while, from the time of a world."""

    world: World | None = None
    seconds: float = 50
    shown: dict[str, dict[str, str | None]] = field(default_factory=dict)
    written_at: datetime | None = None

    def point(self, name: str = "", when: str = "") -> None:
        if name in ("update", "create", "delete") and when == "before" and self.world is not None:
            self.shown, self.written_at = copy.deepcopy(self.profiles), self.world.now
        super().point(name, when)

    def profile(self, table: Structure, by: ProfileRef) -> Profile | None:
        assert self.world is not None
        if self.written_at is None or self.world.now >= self.written_at + timedelta(seconds=self.seconds):
            return super().profile(table, by)
        now, self.profiles = self.profiles, self.shown
        try:
            return super().profile(table, by)
        finally:
            self.profiles = now


def killed(world: World, plan: Plan, call: str, when: str) -> None:
    """Apply a plan, and be killed in its first call of a kind."""
    world.platform.faults[call, when] = raising(Crash())
    with pytest.raises(Crash):
        world.apply(plan)


# One by one


def test_a_cell_is_written_and_read_back(world: World) -> None:
    applied = world.apply(plan_of(city(1), opt_out(2)))
    assert world.platform.profiles["1"]["city"] == "Ghent"
    assert world.platform.profiles["2"][NEWS] == "false"
    assert outcomes(applied) == ["landed", "landed"]
    assert (applied.left, applied.exit_code, applied.stopped) == (0, Exit.FINE, None)
    assert applied.outcomes.schema == OUTCOMES
    assert applied.outcomes.row(0) == (
        0, "update", "single", "C1", "1", "city", "Gent", "Ghent", None, "landed", None, NOON,
    )  # fmt: skip


def test_applied_twice_is_applied_once(world: World) -> None:
    plan = plan_of(city(1), opt_out(2), creation(9), *batch(3, 4, 5))
    first = world.apply(plan)
    effects, calls = list(world.platform.effects), Counter(world.platform.calls)
    second = world.apply(plan)
    assert world.platform.effects == effects
    assert world.platform.calls == calls
    assert second.outcomes.drop("found").equals(first.outcomes.drop("found"))


def test_a_plan_that_nobody_recorded_is_refused_before_anything_is_read(world: World) -> None:
    with pytest.raises(GuardRefused, match="did not record this plan"), world.ledger() as ledger:
        apply_plan(
            plan_of(city(1)), structure=STRUCTURE, reader=world.platform, writer=world.platform, ledger=ledger,
            clock=world.clock, same=lambda column, a, b: a == b, bulk_file=bulk_file,
        )  # fmt: skip
    assert world.platform.points == 0


def test_an_empty_plan_is_fine(world: World) -> None:
    applied = world.apply(plan_of())
    assert (applied.exit_code, applied.outcomes.schema, len(applied.outcomes)) == (Exit.FINE, OUTCOMES, 0)


def test_opt_outs_go_first(world: World) -> None:
    world.apply(plan_of(city(1), creation(9), *batch(2, 3), opt_out(4)))
    assert world.platform.effects[0] == ("4", NEWS, "false")


def test_a_file_of_opt_outs_goes_before_other_writes(world: World) -> None:
    world.apply(plan_of(city(1), *batch(2, 3, make=opt_out)))
    assert [column for _, column, _ in world.platform.effects] == [NEWS, NEWS, "city"]


def by_name(column: str, a: str | None, b: str | None) -> bool:
    """A rule that forgives case and blanks."""
    return (a or "").strip().lower() == (b or "").strip().lower()


@pytest.mark.parametrize("edited", ["GENT", "gent", "Gent ", " Gent"])
def test_an_edit_that_the_rule_forgives_is_an_edit(world: World, edited: str) -> None:
    world.platform.profiles["1"]["city"] = edited
    applied = world.apply(plan_of(city(1)), same=by_name)
    assert told(applied, "found", "outcome") == [(edited, "changed")]
    assert world.platform.profiles["1"]["city"] == edited


def test_nobody_is_deleted_after_an_edit_that_the_rule_forgives(world: World) -> None:
    plan = plan_of(write(1, ("city", "Gent", None), kind=Kind.DELETE))
    world.platform.profiles["1"]["city"] = "GENT"
    assert outcomes(world.apply(plan, same=by_name)) == ["changed"]
    assert "1" in world.platform.profiles


def test_another_spelling_of_one_subscription_is_no_edit(world: World) -> None:
    world.platform.profiles["1"][NEWS] = "TRUE"
    assert outcomes(world.apply(plan_of(opt_out(1)), same=by_name)) == ["landed"]


def test_what_changed_meanwhile_is_left_and_both_values_are_shown(world: World) -> None:
    world.platform.profiles["1"]["city"] = "Brugge"
    applied = world.apply(plan_of(write(1, ("city", "Gent", "Ghent"), ("note", "old", "new"))))
    assert told(applied, "column", "after", "found", "outcome") == [
        ("city", "Ghent", "Brugge", "changed"),
        ("note", "new", None, "landed"),
    ]
    assert applied.exit_code is Exit.WRITES_LEFT
    assert world.platform.profiles["1"]["city"] == "Brugge"


def test_what_was_found_is_kept_when_the_plan_is_applied_again(world: World) -> None:
    world.platform.profiles["1"]["city"] = "Brugge"
    plan = plan_of(city(1))
    path = write_outcomes(world.folder, world.apply(plan))
    assert path.name == f"outcome-{plan.sha}.parquet"
    again = world.apply(plan, earlier=read_outcomes(world.folder, plan.sha))
    assert told(again, "found", "outcome") == [("Brugge", "changed")]
    with world.ledger() as ledger:
        kept = ledger.writes_of("Customers", "C1", None)
        assert "Brugge" not in str(kept.rows()), "the ledger does not keep what it found"


def test_what_is_there_already_needs_no_call(world: World) -> None:
    world.platform.profiles["1"]["city"] = "Ghent"
    applied = world.apply(plan_of(city(1)))
    assert told(applied, "outcome", "detail") == [("landed", "already")]
    assert world.platform.calls["update"] == 0
    with world.ledger() as ledger:
        assert ledger.pending("Customers", NOON - timedelta(days=1)).is_empty()


def test_a_profile_that_is_gone_is_not_resurrected(world: World) -> None:
    del world.platform.profiles["1"]
    applied = world.apply(plan_of(city(1)))
    assert told(applied, "outcome", "detail") == [("refused", "gone")]
    assert "1" not in world.platform.profiles


def test_a_subscription_that_is_gone_is_not_called_a_profile_that_is_gone(world: World) -> None:
    """Actito says 404 for either, and only one of them means that the person is not there any more."""

    def gone() -> None:
        raise NotFound('the end of a subscription to "News" in "Customers"')

    world.platform.profiles["1"][NEWS] = "true"
    world.platform.faults["update", "before"] = gone
    applied = world.apply(plan_of(opt_out(1)))
    assert told(applied, "column", "outcome", "detail") == [(NEWS, "refused", "not_in_table")]


def test_a_profile_with_another_key_by_now_is_not_touched(world: World) -> None:
    world.platform.profiles["1"]["customerId"] = "C77"
    applied = world.apply(plan_of(city(1)))
    assert told(applied, "outcome", "detail") == [("changed", "key")]
    assert world.platform.effects == []


def test_without_a_profile_id_the_key_finds_the_profile(world: World) -> None:
    applied = world.apply(plan_of(replace(city(3), profile_id=None)))
    assert told(applied, "profile_id", "outcome") == [("3", "landed")]


def test_only_the_refused_field_is_left_out(world: World) -> None:
    applied = world.apply(plan_of(write(1, ("note", "old", "BAD"), ("city", "Gent", "Ghent"))))
    assert told(applied, "column", "outcome", "detail") == [
        ("note", "refused", "INVALID_VALUE"),
        ("city", "landed", None),
    ]
    assert applied.exit_code is Exit.WRITES_LEFT


def test_a_plan_of_an_earlier_version_whose_files_repeat_audited_values_is_read_and_refused(
    world: World, tmp_path: Path
) -> None:
    """Somebody may have edited them since. Its name is made of how many there are, as it was."""
    plan = plan_of(write(1, ("note", "old", "old"), ("city", "Gent", "Ghent"), batch="b1"), city(2))
    path = tmp_path / "plan.json"
    path.write_text(plan.to_json(None), encoding="utf-8")
    assert '"carried": 1' in path.read_text("utf-8")
    assert read_plan(path) == plan
    with pytest.raises(GuardRefused, match="repeat 1 audited values") as refused:
        world.apply(plan)
    assert (refused.value.exit_code, world.platform.points) == (Exit.REFUSED, 0)


@pytest.mark.parametrize("effect", ["before", "after"])
def test_a_write_without_an_answer_is_settled_by_reading(world: World, effect: str) -> None:
    """Dropped after its effect it landed; dropped before, it stays unknown until the plan is applied again."""
    world.platform.faults["update", effect] = raising(MaybeSent("a change"))
    plan = plan_of(city(1))
    applied = world.apply(plan)
    assert outcomes(applied) == (["landed"] if effect == "after" else ["unknown"])
    assert applied.exit_code is (Exit.FINE if effect == "after" else Exit.WRITES_LEFT)
    assert outcomes(world.apply(plan)) == ["landed"]
    assert world.platform.effects == [("1", "city", "Ghent")]


def test_an_opt_in_that_may_have_landed_is_never_sent_again(world: World) -> None:
    """Between the two applications the person may have opted in by us and out again by their own hand."""
    world.platform.profiles["1"][NEWS] = "false"
    world.platform.faults["update", "after"] = raising(MaybeSent("a change"))
    plan = plan_of(write(1, (NEWS, "false", "true"), kind=Kind.SUBSCRIBE))
    original = world.platform.profile

    def opted_out_again(table: Structure, by: ProfileRef) -> Profile | None:
        if world.platform.effects:
            world.platform.profiles["1"][NEWS] = "false"
        return original(table, by)

    world.platform.profile = opted_out_again  # type: ignore[method-assign]
    assert outcomes(world.apply(plan)) == ["unknown"]
    assert outcomes(world.apply(plan)) == ["unknown"]
    assert world.platform.effects == [("1", NEWS, "true")]


def general_consent(text: str | None) -> bool:
    """Whether a general consent says no, in a column where true means that nobody may contact."""
    return text == "true"


@pytest.mark.parametrize(
    ("silent", "became"),
    [("true", ("skipped", "consent_off")), ("false", ("landed", None)), (None, ("landed", None))],
)
def test_no_permission_is_given_to_a_profile_that_reads_with_the_general_consent_off(
    world: World, silent: str | None, became: tuple[str, str | None]
) -> None:
    """Whatever it was when the plan was made; looked at again whenever the plan goes on."""
    world.platform.profiles["1"] |= {NEWS: "false", "silent": silent}
    plan = plan_of(write(1, (NEWS, "false", "true"), kind=Kind.SUBSCRIBE, decided_by="Mia"), city(2))
    applied = world.apply(plan, general={"silent": general_consent})
    assert told(applied, "outcome", "detail") == [became, ("landed", None)]
    assert (world.platform.profiles["1"][NEWS] == "true") is (became[0] == "landed")
    assert applied.exit_code is (Exit.FINE if became[0] == "landed" else Exit.WRITES_LEFT)
    world.platform.profiles["1"]["silent"] = "false"
    assert outcomes(world.apply(plan, general={"silent": general_consent})) == ["landed", "landed"]


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("landing", [True, False])
def test_the_general_consent_is_given_before_what_stands_under_it(world: World, together: bool, landing: bool) -> None:
    """In one write of the plan or in two, whatever their order; where it does not land, nothing else is given."""
    world.platform.profiles["1"] |= {NEWS: "false", "silent": "true"}
    consent = ("silent", "true", "false" if landing else "BAD")
    news = (NEWS, "false", "true")
    writes = [(news, consent)] if together else [(news,), (consent,)]
    plan = plan_of(*(write(1, *cells, kind=Kind.SUBSCRIBE) for cells in writes))
    applied = world.apply(plan, general={"silent": general_consent})
    if landing:
        assert outcomes(applied) == ["landed", "landed"]
        assert world.platform.effects == [("1", "silent", "false"), ("1", NEWS, "true")]
    else:
        assert told(applied, "outcome", "detail") == [("skipped", "consent_off"), ("refused", "INVALID_VALUE")]
        assert not world.platform.effects


def test_what_cannot_be_read_after_the_general_consent_was_sent_leaves_that_one_as_it_is(world: World) -> None:
    world.platform.profiles["1"] |= {NEWS: "false", "silent": "true"}
    plan = plan_of(write(1, ("silent", "true", "false"), (NEWS, "false", "true"), kind=Kind.SUBSCRIBE))
    looked: list[int] = []

    def third_time() -> None:
        looked.append(1)
        if len(looked) == 3:
            raise Refused("a look", ())

    world.platform.faults["profile", "before"] = third_time
    applied = world.apply(plan, general={"silent": general_consent})
    assert told(applied, "outcome", "detail") == [("landed", None), ("refused", "unreadable")]


def test_a_platform_that_goes_down_stops_the_plan_and_the_rest_goes_on_later(world: World) -> None:
    world.platform.faults["update", "before"] = raising(PlatformDown("a change", "status 503"))
    plan = plan_of(city(1), city(2))
    applied = world.apply(plan)
    assert outcomes(applied) == ["skipped", "skipped"]
    assert applied.stopped is not None
    assert applied.stopped.why == "platform"
    assert applied.exit_code is Exit.TRY_LATER
    assert outcomes(world.apply(plan)) == ["landed", "landed"]


def test_a_wrong_key_is_raised_and_nothing_is_lost(world: World) -> None:
    world.platform.faults["profile", "before"] = raising(WrongKey())
    plan = plan_of(city(1))
    with pytest.raises(WrongKey):
        world.apply(plan)
    assert outcomes(world.apply(plan)) == ["landed"]


@pytest.mark.parametrize("call", ["profile", "update"])
def test_a_token_refused_twice_stops_a_scheduled_plan_that_goes_on_later(world: World, call: str) -> None:
    """The key is right, so the job ends with 75 and its scheduler starts it again; nothing is written twice."""
    passed = iter([lambda: None, raising(TokenRefused("a profile"))])
    world.platform.faults[call, "before"] = lambda: next(passed, lambda: None)()
    plan = plan_of(city(1), city(2), city(3))
    applied = world.apply(plan)
    assert applied.stopped is not None
    assert applied.stopped.why == "platform"
    assert applied.exit_code in (Exit.TRY_LATER, Exit.WRITES_LEFT)
    assert outcomes(world.apply(plan)) == ["landed"] * 3
    assert max(Counter(world.platform.effects).values()) == 1


def test_unique_values_change_in_the_plans_order(world: World) -> None:
    """The second takes the address that the first gives up."""
    plan = plan_of(
        write(2, ("emailAddress", "p2@example.com", "new@example.com")),
        write(1, ("emailAddress", "p1@example.com", "p2@example.com")),
    )
    assert outcomes(world.apply(plan, limits=Limits(concurrency=4))) == ["landed", "landed"]


def test_profiles_are_written_a_few_at_a_time(world: World) -> None:
    meeting = threading.Barrier(3, timeout=20)
    world.platform.profiles = people(9)
    world.platform.faults["update", "before"] = lambda: [meeting.wait()].clear()
    applied = world.apply(plan_of(*(city(number) for number in range(1, 10))), limits=Limits(concurrency=3))
    assert set(outcomes(applied)) == {"landed"}
    assert world.platform.most_at_once == 3


def test_progress_counts_up_to_everything(world: World) -> None:
    seen: list[tuple[int, int]] = []
    world.apply(plan_of(city(1), city(2), *batch(3, 4)), progress=lambda step: seen.append((step.done, step.total)))
    assert seen[:3] == [(1, 4), (2, 4), (3, 4)], "with each write that goes one by one"
    assert seen[-1] == (4, 4)
    assert seen == sorted(seen)


def test_ctrl_c_finishes_the_call_in_flight(world: World) -> None:
    world.platform.faults["update", "before"] = lambda: signal.raise_signal(signal.SIGINT)
    before = signal.getsignal(signal.SIGINT)
    plan = plan_of(city(1), city(2))
    applied = world.apply(plan)
    assert outcomes(applied) == ["landed", "skipped"]
    assert applied.exit_code is Exit.INTERRUPTED
    assert signal.getsignal(signal.SIGINT) is before
    world.platform.faults.clear()
    assert outcomes(world.apply(plan)) == ["landed", "landed"]


def test_a_stopped_plan_needs_to_be_allowed(world: World) -> None:
    plan = plan_of(city(1), stop="the export shrank by a tenth")
    with pytest.raises(GuardRefused, match="shrank"):
        world.apply(plan)
    assert not world.platform.calls
    assert outcomes(world.apply(plan, allow_stop=True)) == ["landed"]


# Creations and deletions


def test_a_creation_is_looked_for_first(world: World) -> None:
    taken = creation(9, emailAddress="p1@example.com")
    applied = world.apply(plan_of(creation(1), taken, creation(10)))
    assert told(applied, "outcome", "detail") == [("refused", "exists"), ("refused", "exists"), ("landed", None)]
    assert world.platform.calls["create"] == 1
    assert applied.outcomes["profile_id"].to_list()[2] in world.platform.profiles


def test_an_erased_person_is_not_created(world: World) -> None:
    with world.ledger() as ledger:
        ledger.remember_erased([("emailAddress", "P9@example.com")], NOON)
    assert told(world.apply(plan_of(creation(9))), "outcome", "detail") == [("refused", "erased")]


def test_an_erased_person_is_not_created_by_a_file_either(world: World) -> None:
    rows = [replace(creation(n), batch="b1", canary=n == 20, route=Route.BULK) for n in (20, 21, 22)]
    with world.ledger() as ledger:
        ledger.remember_erased([("emailAddress", "P22@example.com")], NOON)
    applied = world.apply(plan_of(*rows, purpose="create"))
    assert told(applied, "outcome", "detail")[1:] == [("landed", None), ("refused", "erased")]
    assert "C22" not in {profile["customerId"] for profile in world.platform.profiles.values()}


def test_a_refused_creation_names_the_field(world: World) -> None:
    applied = world.apply(plan_of(creation(9, city="BAD")))
    assert told(applied, "outcome", "detail") == [("refused", "INVALID_VALUE city")]


@pytest.mark.parametrize("effect", ["before", "after"])
def test_a_creation_without_an_answer_makes_one_profile(world: World, effect: str) -> None:
    world.platform.faults["create", effect] = raising(MaybeSent("a creation"))
    plan = plan_of(creation(9))
    first = world.apply(plan)
    assert outcomes(first) == (["landed"] if effect == "after" else ["unknown"])
    assert outcomes(world.apply(plan)) == ["landed"]
    assert [values["customerId"] for values in world.platform.profiles.values()].count("C9") == 1


def test_a_creation_delivered_twice_is_ours_whatever_the_second_answer_says(world: World) -> None:
    """The network delivered the call twice and brought back the answer to the second: refused, and yet it is there."""
    world.platform.faults["create", "after"] = raising(Refused("a creation", (("customerId", "ALREADY_EXISTS"),)))
    applied = world.apply(plan_of(creation(9), purpose="create"))
    ((outcome, detail, profile_id),) = told(applied, "outcome", "detail", "profile_id")
    assert (outcome, detail) == ("landed", "answered_refused")
    assert world.platform.profiles[profile_id]["customerId"] == "C9"
    undo = world.undo(plan_of(creation(9), purpose="create"), delete_created=True)
    assert [write.profile_id for write in undo.writes] == [profile_id], "what we made can be taken back"


def test_somebody_who_was_quicker_stays_theirs(world: World) -> None:
    """Between our look and our call a form made the profile: refused, it is not ours to take back."""

    def a_form_makes_it() -> None:
        world.platform.profiles["77"] = {"customerId": "C9", "emailAddress": "p9@example.com", "city": "Brugge"}

    world.platform.faults["create", "before"] = a_form_makes_it
    applied = world.apply(plan_of(creation(9), purpose="create"))
    assert told(applied, "outcome", "detail") == [("refused", "exists")]
    assert world.platform.profiles["77"]["city"] == "Brugge"


@pytest.mark.parametrize("readable", [True, False])
def test_a_conflict_that_nothing_explains_is_settled_later(world: World, readable: bool) -> None:
    """The values were free just before, so somebody has them now, perhaps we: the next reading tells."""
    world.platform.faults["create", "after" if readable else "before"] = raising(Conflict("a creation"))
    original, hidden = world.platform.profile, [True]

    def not_yet(table: Structure, by: ProfileRef) -> Profile | None:
        return None if hidden[0] else original(table, by)

    world.platform.profile = not_yet  # type: ignore[method-assign]
    plan = plan_of(creation(9), purpose="create")
    assert told(world.apply(plan), "outcome", "detail") == [("unknown", "not_confirmed")]
    hidden[0] = False
    assert outcomes(world.apply(plan)) == ["landed"]
    assert [values["customerId"] for values in world.platform.profiles.values()].count("C9") == 1


def test_an_opt_in_may_follow_a_creation(world: World) -> None:
    opt_in = replace(write(9, (NEWS, None, "true"), kind=Kind.SUBSCRIBE), profile_id=None)
    assert outcomes(world.apply(plan_of(creation(9), opt_in, purpose="create"))) == ["landed", "landed"]


def test_a_deletion_spares_a_profile_that_changed(world: World) -> None:
    plan = plan_of(
        write(1, ("city", "Gent", None), kind=Kind.DELETE), write(2, ("city", "Brugge", None), kind=Kind.DELETE)
    )
    assert outcomes(world.apply(plan)) == ["landed", "changed"]
    assert "1" not in world.platform.profiles
    assert "2" in world.platform.profiles


# By file


def test_canaries_go_one_by_one_then_the_file(world: World) -> None:
    applied = world.apply(plan_of(*batch(1, 2, 3, 4, 5, canaries=2)))
    assert world.platform.calls["update"] == 2
    assert world.platform.calls["start_import"] == 1
    assert {values["city"] for number, values in world.platform.profiles.items() if number < "6"} == {"Ghent"}
    assert applied.outcomes["route"].to_list() == ["single"] * 2 + ["bulk"] * 3
    assert outcomes(applied) == ["landed", "landed", "landed", "landed", "unknown"], "two of three rows were sampled"
    assert applied.exit_code is Exit.WRITES_LEFT


def test_a_canary_that_does_not_land_stops_the_file(world: World) -> None:
    world.platform.profiles["1"]["city"] = "Brugge"
    applied = world.apply(plan_of(*batch(1, 2, 3)))
    assert outcomes(applied) == ["changed", "skipped", "skipped"]
    assert applied.stopped is not None
    assert applied.stopped.why == "canary"
    assert world.platform.calls["start_import"] == 0


def test_rows_that_changed_meanwhile_are_left_out_of_a_file(world: World) -> None:
    """What is read of it is read letter by letter; of the others nobody knows, and it is said how many they are."""
    rows = [*range(1, 31)]
    world.platform.profiles |= people(30)
    world.platform.profiles["7"]["city"] = "Brugge"
    world.platform.profiles["8"]["city"] = "Ghent"
    del world.platform.profiles["9"]
    applied = world.apply(plan_of(*batch(*rows)), limits=Limits(concurrency=1, sample=20))
    assert told(applied, "outcome", "detail", "found")[6:9] == [
        ("changed", None, "Brugge"),
        ("landed", "already", None),
        ("refused", "not_found", None),
    ]
    assert world.platform.profiles["7"]["city"] == "Brugge"
    assert [effect[0] for effect in world.platform.effects] == [str(n) for n in rows if n not in (7, 8, 9)]
    assert [(f.batch, f.rows, f.read_before, f.left_out, f.read_back) for f in applied.files] == [("b1", 26, 29, 3, 20)]


def test_a_row_of_which_one_field_changed_is_left_out_as_a_whole(world: World) -> None:
    def both(number: int, **more: Any) -> Write:
        return write(number, ("city", "Gent", "Ghent"), ("note", "old", "new"), **more)

    world.platform.profiles |= people(30)
    world.platform.profiles["2"]["note"] = "Old"
    plan = plan_of(*batch(*range(1, 31), make=both))
    applied = world.apply(plan, limits=Limits(concurrency=1), same=by_name)
    assert told(applied, "outcome", "detail", "found")[2:4] == [("skipped", "changed", None), ("changed", None, "Old")]
    assert world.platform.profiles["2"] == people(2)["2"] | {"note": "Old"}
    assert outcomes(world.apply(plan, same=by_name))[2:4] == ["skipped", "changed"], "one call carries a file"


def test_a_file_is_not_sent_where_many_of_the_rows_that_are_read_have_changed(world: World) -> None:
    """As many of those that nobody read would be overwritten."""
    world.platform.profiles |= people(30)
    for number in (7, 8):
        world.platform.profiles[str(number)]["city"] = "Brugge"
    plan = plan_of(*batch(*range(1, 31)))
    applied = world.apply(plan, limits=Limits(concurrency=1))
    assert Counter(outcomes(applied)) == {"landed": 1, "changed": 2, "skipped": 27}
    assert world.platform.calls["start_import"] == 0
    assert applied.stopped is not None
    assert "2 of 29 of its profiles that were read had changed" in applied.stopped.sentence
    assert applied.exit_code is Exit.REFUSED


def test_refused_rows_are_tied_back_by_key(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    rows = batch(1, 2, 3, 4)
    rows[2] = replace(rows[2], cells=(Cell("city", "Gent", "BAD"),))
    del world.platform.profiles["4"]
    applied = world.apply(plan_of(*rows))
    assert told(applied, "outcome", "detail")[2:] == [
        ("refused", "INVALID_VALUE city"),
        ("refused", "UNKNOWN_PROFILE customerId"),
    ]
    assert "4" not in world.platform.profiles
    print_applied(applied, SAY)
    said = capsys.readouterr().out
    assert "    refused: INVALID_VALUE city × 1: C3 (city)\n" in said, "whose it is, and which field"
    assert "    refused: UNKNOWN_PROFILE customerId × 1: C4 (city)\n" in said


def test_what_a_file_overwrote_is_told_of_the_plan(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever became of the cell itself; how much of the file nobody read is told when it is sent."""
    plan = plan_of(*batch(1, 2, 3))
    applied = world.apply(plan, limits=Limits(concurrency=1, read_before=1, sample=20))
    print_applied(applied, SAY)
    said = " ".join(capsys.readouterr().out.split())
    assert "b1: 2 rows; 1 were read right before it; 2 (100%) were read back, all others by the next export." in said
    assert "of the other 1 is overwritten; the next run finds what an export shows that was taken in between." in said
    with world.ledger() as ledger:
        edit = Overwritten(ledger.states(plan.sha)[2, "city"].write, plan.sha, "Brugge", world.now)
        ledger.record_settled(Settled((), (), (), frozenset(), (edit,)), world.now)
    applied = world.apply(plan)
    assert told(applied, "outcome", "detail", "found")[2] == ("landed", "overwritten", "Brugge")
    print_applied(applied, SAY)
    said = " ".join(capsys.readouterr().out.split())
    assert "1 edit of somebody's overwritten by file" in said
    assert f"auditor undo {plan.sha[:12]} --overwritten" in said


def test_creations_by_file_cannot_update(world: World) -> None:
    rows = [replace(creation(number), batch="b1", canary=number == 20, route=Route.BULK) for number in (20, 21, 22)]
    world.platform.profiles["99"] = {"customerId": "C22", "city": "Brugge"}
    applied = world.apply(plan_of(*rows, purpose="create"))
    assert told(applied, "outcome", "detail")[2] == ("refused", "ALREADY_EXISTS customerId")
    assert outcomes(applied)[:2] == ["landed", "landed"]
    assert world.platform.profiles["99"]["city"] == "Brugge"


def test_a_file_from_an_old_export_is_refused(world: World) -> None:
    """Newer values would be overwritten unseen; what goes one by one is read first, and goes all the same."""
    plan = plan_of(city(8), opt_out(7), *batch(1, 2, 3))
    world.now += timedelta(hours=24, seconds=1)
    applied = world.apply(plan)
    assert told(applied, "outcome", "detail") == [("landed", None)] * 2 + [("skipped", "stale")] * 3
    assert world.platform.effects == [("7", NEWS, "false"), ("8", "city", "Ghent")]
    assert applied.stopped is not None
    assert "b1 was not sent: its export is older than 24 hours" in applied.stopped.sentence
    assert f"auditor plan --continue {plan.sha[:12]}" in applied.stopped.sentence
    assert applied.exit_code is Exit.REFUSED


def used_up_by_others(world: World) -> None:
    world.platform.faults["start_import", "before"] = raising(QuotaUsed("an import"))


def refused_as_a_whole(world: World) -> None:
    world.platform.faults["start_import", "before"] = raising(Refused("an import", (("", "BAD_FILE"),)))


def running_still(world: World) -> None:
    world.platform.polls = 10**6
    world.apply(plan_of(*batch(7, 8)))


def without_a_number(world: World) -> None:
    world.platform.faults["start_import", "after"] = raising(MaybeSent("an import"))
    world.apply(plan_of(*batch(7, 8)))


def too_old_by_now(world: World) -> None:
    world.now += timedelta(hours=1, seconds=1)


def edited(*numbers: int) -> Callable[[World], None]:
    def edit(world: World) -> None:
        for number in numbers:
            world.platform.profiles[str(number)][NEWS] = "maybe"

    return edit


@pytest.mark.parametrize(
    ("happens", "left"),
    [
        (used_up_by_others, ()),
        (refused_as_a_whole, ()),
        (running_still, ()),
        (without_a_number, ()),
        (too_old_by_now, ()),
        (edited(1), (1,)),
        (edited(2, 6), (2, 6)),
    ],
    ids=["calls used up", "refused", "running", "no number", "too old", "first profile edited", "many edited"],
)
def test_opt_outs_that_cannot_go_by_file_go_one_by_one(
    world: World, happens: Callable[[World], None], left: tuple[int, ...]
) -> None:
    """They never wait. Each is read first, so that nothing is overwritten; applied again, nothing is sent twice."""
    happens(world)
    calls = world.platform.calls["start_import"]
    plan = plan_of(opt_out(7), *batch(1, 2, 3, 4, 5, 6, make=opt_out))
    applied = world.apply(plan)
    held = {number: values[NEWS] for number, values in world.platform.profiles.items() if values[NEWS] != "false"}
    assert held == {"8": "true"} | {str(number): "maybe" for number in left}
    assert Counter(outcomes(applied)) == Counter(landed=7 - len(left)) + Counter(changed=len(left))
    assert set(applied.outcomes["route"]) == {"single"} or left, "how they really travelled"
    assert applied.stopped is None, "nothing waits"
    assert applied.exit_code is (Exit.WRITES_LEFT if left else Exit.FINE)
    updates, imports = world.platform.calls["update"], world.platform.calls["start_import"]
    assert imports - calls == (happens in (used_up_by_others, refused_as_a_whole))
    assert outcomes(world.apply(plan)) == outcomes(applied)
    assert (world.platform.calls["update"], world.platform.calls["start_import"]) == (updates, imports)


def test_an_opt_out_that_an_import_may_have_carried_is_not_sent_again(world: World) -> None:
    """Those of its file that it did not carry go one by one."""
    world.platform.faults["start_import", "after"] = raising(MaybeSent("an import"))
    plan = plan_of(*batch(1, 2, 3, 4, make=opt_out))
    held = Drift("run-2", {(2, NEWS): Since.TRUTH}, (), {})
    assert told(world.apply(plan, drift=held), "outcome", "detail")[2] == ("skipped", "truth_changed_since")
    assert outcomes(world.apply(plan)) == ["landed", "unknown", "landed", "unknown"]
    assert (world.platform.calls["update"], world.platform.calls["start_import"]) == (2, 1)


def test_an_opt_out_that_went_alone_before_a_kill_is_settled_by_reading(world: World) -> None:
    """Also where a file can go by then: it carries the others."""
    without_a_number(world)
    plan, limits = plan_of(*batch(1, 2, 3, make=opt_out)), Limits(concurrency=1, permission_max_age=timedelta(days=1))
    updates = iter((None, Crash()))

    def strike() -> None:
        if (error := next(updates)) is not None:
            raise error

    world.platform.faults["update", "before"] = strike
    with pytest.raises(Crash):
        world.apply(plan)
    world.platform.faults.clear()
    world.now += IMPORT_PATIENCE
    assert outcomes(world.apply(plan, limits=limits)) == ["landed"] * 3
    assert [one[0] for one in world.platform.effects] == ["7", "1", "2", "3"]
    assert world.platform.calls["update"] == 4, "the second of them twice, which had no effect at first"


def test_a_file_that_was_sent_is_followed_however_old_its_export_is_by_then(world: World) -> None:
    world.platform.polls = 10**6
    plan = plan_of(*batch(1, 2))
    applied = world.apply(plan)
    assert told(applied, "outcome", "detail")[1] == ("unknown", "running")
    assert applied.stopped is not None
    assert applied.stopped.why == "import_running"
    (execution,) = world.platform.executions
    world.platform.executions[execution] = (0, *world.platform.executions[execution][1:])
    world.now += timedelta(days=3)
    assert outcomes(world.apply(plan)) == ["landed", "landed"]
    assert world.platform.calls["start_import"] == 1


def test_the_last_call_of_the_day_is_kept_for_undo(world: World) -> None:
    limits = Limits(concurrency=1, bulk_calls_per_day=2)
    first = plan_of(*batch(1, 2))
    assert set(outcomes(world.apply(first, limits=limits))) == {"landed"}
    second = plan_of(*batch(3, 4))
    applied = world.apply(second, limits=limits)
    assert set(outcomes(applied)) == {"skipped"}
    assert applied.stopped is not None
    assert applied.stopped.why == "quota"
    assert "goes on from 2026-03-02 23:00 UTC" in applied.stopped.sentence
    assert applied.exit_code is Exit.TRY_LATER
    taken = len(world.platform.executions)
    assert set(outcomes(world.apply(world.undo(first), limits=limits))) == {"landed"}, "one by one, on the same day"
    assert len(world.platform.executions) == taken
    world.now = datetime(2026, 3, 2, 23, 0, tzinfo=UTC)  # midnight in Brussels
    assert outcomes(world.apply(second, limits=limits)) == ["landed", "landed"]


def test_calls_that_others_used_up_put_the_plan_off(world: World) -> None:
    world.platform.faults["start_import", "before"] = raising(QuotaUsed("an import"))
    plan = plan_of(city(8), *batch(1, 2, 3))
    applied = world.apply(plan)
    assert outcomes(applied) == ["landed", "landed", "skipped", "skipped"]
    assert applied.stopped is not None
    assert applied.stopped.sentence == (
        "no more imports into this table today: others have used them up (0 were ours); "
        "the plan goes on from 2026-03-02 23:00 UTC"
    )
    again = world.apply(plan)
    assert set(outcomes(again)) == {"landed", "skipped"}
    assert again.stopped == applied.stopped
    assert world.platform.calls["start_import"] == 1, "not tried again on the same day"
    world.now = datetime(2026, 3, 2, 23, 0, tzinfo=UTC)  # midnight in Brussels
    assert set(outcomes(world.apply(plan))) == {"landed"}


@pytest.mark.parametrize(
    ("used_up", "midnight"),
    [
        (datetime(2026, 3, 28, 23, 30, tzinfo=UTC), datetime(2026, 3, 29, 22, 0, tzinfo=UTC)),
        (datetime(2026, 10, 24, 22, 30, tzinfo=UTC), datetime(2026, 10, 25, 23, 0, tzinfo=UTC)),
    ],
    ids=["a day of 23 hours", "a day of 25 hours"],
)
def test_the_day_of_calls_ends_at_midnight_in_brussels_also_when_summer_time_changes(
    world: World, used_up: datetime, midnight: datetime
) -> None:
    world.platform.faults["start_import", "before"] = raising(QuotaUsed("an import"))
    plan = plan_of(*batch(1, 2, 3), made=used_up, export_as_of=used_up)
    limits = Limits(concurrency=1, max_age=timedelta(hours=26))
    world.now = used_up
    applied = world.apply(plan, limits=limits)
    assert applied.stopped is not None
    assert f"the plan goes on from {midnight:%Y-%m-%d %H:%M} UTC" in applied.stopped.sentence
    world.now = midnight - timedelta(seconds=1)
    assert set(outcomes(world.apply(plan, limits=limits))) == {"landed", "skipped"}
    assert world.platform.calls["start_import"] == 1
    world.now = midnight
    assert set(outcomes(world.apply(plan, limits=limits))) == {"landed"}


def test_it_is_said_when_the_export_will_be_too_old_by_then(world: World) -> None:
    """Files go within a day of the export or not at all, so midnight alone does not help."""
    used_up_by_others(world)
    applied = world.apply(plan_of(*batch(1, 2), export_as_of=NOON - timedelta(hours=20)))
    assert outcomes(applied) == ["landed", "skipped"]
    assert applied.stopped is not None
    assert (
        "the export behind b1 is too old: take a fresh export, then auditor run and auditor plan --continue"
        in applied.stopped.sentence
    )


def test_an_import_refused_by_a_conflict_may_be_under_way(world: World) -> None:
    """A call that was delivered twice can be in its own way: its rows are not said to be refused, nor sent again."""
    world.platform.faults["start_import", "after"] = raising(Conflict("an import"))
    plan = plan_of(*batch(1, 2, 3))
    for _ in range(2):
        assert told(world.apply(plan), "outcome", "detail")[1:] == [("unknown", "no_id")] * 2
    assert world.platform.calls["start_import"] == 1


@pytest.mark.parametrize("effect", ["before", "after"])
def test_an_import_whose_id_never_arrived_counts_and_is_never_sent_again(world: World, effect: str) -> None:
    world.platform.faults["start_import", effect] = raising(MaybeSent("an import"))
    plan = plan_of(*batch(1, 2, 3))
    for _ in range(2):
        applied = world.apply(plan)
        assert told(applied, "outcome", "detail")[1:] == [("unknown", "no_id")] * 2
        assert applied.exit_code is Exit.WRITES_LEFT
    assert world.platform.calls["start_import"] == 1
    with world.ledger() as ledger:
        assert ledger.bulk_calls("Customers", NOON.date()).used == 1
        assert set(ledger.unsettled("Customers")["key"]) == {"C2", "C3"}


STATE, ERRORS = "the state of an import", "the refused rows of an import"


def test_an_import_whose_state_cannot_be_asked_is_read_back_and_never_sent_again(world: World) -> None:
    """It says so at once, not after an hour; a sample is read, the rest waits for an export."""
    world.platform.faults["execution", "before"] = raising(Discontinued(STATE, "V5"), 10**3)
    plan = plan_of(*batch(*range(1, 7)))
    world.platform.import_at_once = True
    applied = world.apply(plan)
    assert world.now - NOON < timedelta(minutes=1)
    assert told(applied, "outcome", "detail")[1:] == [
        *[("landed", None), ("unknown", "until_export"), ("landed", None)],
        *[("unknown", "until_export")] * 2,
    ]
    assert applied.stopped is not None
    assert applied.stopped.why == "not_followed"
    assert "does not offer the state of an import in V5 any more" in applied.stopped.sentence
    assert applied.exit_code is Exit.WRITES_LEFT
    world.apply(plan)
    other = plan_of(*batch(7, 8))
    stopped = world.apply(other).stopped
    assert stopped is not None
    assert stopped.why == "import_running", "it may still be under way"
    world.now += timedelta(hours=1)
    assert outcomes(world.apply(other))[1] != "skipped"
    assert world.platform.calls["start_import"] == 2


def test_an_import_that_is_not_known_at_once_is_followed(world: World) -> None:
    world.platform.faults["execution", "before"] = raising(Discontinued(STATE, "V5"), 2)
    assert outcomes(world.apply(plan_of(*batch(1, 2)))) == ["landed", "landed"]


@pytest.mark.parametrize("error", [Discontinued(ERRORS, "V5"), NotFound(ERRORS), PlatformDown(ERRORS, "status 503")])
def test_refused_rows_that_cannot_be_read_are_told(world: World, error: ActitoError) -> None:
    """Nobody was refused, it does not say so: these rows are unknown until an export."""
    rows = batch(1, 2, 3, 4, 5)
    rows[4] = replace(rows[4], cells=(Cell("city", "Gent", "BAD"),))
    world.platform.faults["refused_rows", "before"] = raising(error, 10**3)
    plan = plan_of(*rows)
    applied = world.apply(plan)
    assert told(applied, "outcome", "detail")[4] == ("unknown", "until_export")
    assert applied.stopped is not None
    assert applied.stopped.why == "refused_rows"
    assert "which rows were refused could not be read" in applied.stopped.sentence
    assert applied.exit_code is Exit.WRITES_LEFT
    world.apply(plan)
    assert world.platform.calls["start_import"] == 1


def test_one_import_at_a_time(world: World) -> None:
    world.platform.polls = 10**6
    world.apply(plan_of(*batch(1, 2)))
    applied = world.apply(plan_of(*batch(3, 4)))
    assert applied.stopped is not None
    assert applied.stopped.why == "import_running"
    assert world.platform.calls["start_import"] == 1


def test_no_other_import_is_started_while_one_may_run_whose_number_never_arrived(world: World) -> None:
    """Nobody can ask for it: it is waited for as long as it is taken for under way."""
    world.platform.faults["start_import", "after"] = raising(MaybeSent("an import"))
    world.apply(plan_of(*batch(1, 2)))
    stopped = world.apply(plan_of(*batch(3, 4))).stopped
    assert stopped is not None
    assert stopped.why == "import_running"
    assert "apply again from 2026-03-02 12:0" in stopped.sentence
    assert world.platform.calls["start_import"] == 1
    world.now += IMPORT_PATIENCE
    assert outcomes(world.apply(plan_of(*batch(3, 4)))) == ["landed", "landed"]


# However it breaks off


def everything() -> Plan:
    return plan_of(
        write(1, ("city", "Gent", "Ghent"), ("note", "old", None)),
        write(2, ("emailAddress", "p2@example.com", "new@example.com")),
        write(3, ("emailAddress", "p3@example.com", "p2@example.com")),
        opt_out(4),
        creation(9),
        write(8, kind=Kind.DELETE),
        *batch(5, 6, 7),
    )


@pytest.fixture
def undisturbed(tmp_path: Path) -> Platform:
    world = World(tmp_path / "undisturbed", Platform(people(8)))
    assert "refused" not in outcomes(world.apply(everything()))
    return world.platform


def test_a_clock_that_goes_back_meanwhile_ends_it_and_nothing_is_sent_twice(world: World) -> None:
    """What is recorded under moments of the past would be judged by exports that do not show it."""
    plan = plan_of(*map(city, range(1, 7)))

    def clock() -> datetime:
        return NOON - timedelta(days=2 * (len(world.platform.effects) >= 3))

    with pytest.raises(GuardRefused, match="the clock of this machine is behind"):
        world.apply(plan, clock=steady(clock))
    with world.ledger() as ledger:
        assert ledger.last_at == NOON
    assert outcomes(world.apply(plan)) == ["landed"] * 6
    assert world.platform.effects == [(str(number), "city", "Ghent") for number in range(1, 7)]


def test_after_a_crash_at_any_point_it_goes_on_as_if_nothing_had_been(tmp_path: Path, undisturbed: Platform) -> None:
    """Every call to the platform, before and after its effect, and every look at the clock is a point to crash at.

    One thing may differ: the rows of an import that died before its id arrived are unknown, and not sent again.
    """
    lost = 0
    for point in range(undisturbed.points):
        world = World(tmp_path / str(point), Platform(people(8), crash_at=point))
        with pytest.raises(Crash):
            world.apply(everything())
        applied = world.apply(everything())
        platform = world.platform
        assert max(Counter(platform.effects).values()) == 1, f"sent twice after a crash at {point}"
        assert platform.calls["start_import"] <= 1
        unknown = {row[0] for row in told(applied, "key", "outcome") if row[1] == "unknown"}
        for number, values in undisturbed.profiles.items():
            if platform.profiles[number] != values:
                assert values["customerId"] in unknown & {"C6", "C7"}
                lost += 1
        assert platform.profiles.keys() == undisturbed.profiles.keys()
        assert {row[0] for row in told(applied, "key", "outcome") if row[1] != "landed"} == unknown
        with world.ledger() as ledger:
            assert ledger.verify().problems == ()
            assert set(ledger.unsettled("Customers")["key"]) == unknown
    assert lost > 0, "no crash hit the import itself"


def test_what_is_about_to_be_sent_is_on_record_before_each_call(world: World) -> None:
    """By whoever reads the ledger at that moment; and what became of it by the time of the next call."""
    keys = {number: str(values["customerId"]) for number, values in world.platform.profiles.items()}
    seen: list[tuple[str, set[str]]] = []

    def look(call: str) -> Callable[[], None]:
        def record() -> None:
            with Ledger(world.folder, reading=True) as ledger:
                seen.append((call, set(ledger.unsettled("Customers")["key"])))

        return record

    for call in ("update", "create", "delete", "start_import"):
        world.platform.faults[call, "before"] = look(call)
    world.apply(everything())
    assert [waiting for call, waiting in seen if call == "start_import"] == [{"C6", "C7"}]
    singles = [waiting for call, waiting in seen if call != "start_import"]
    assert all(len(waiting) == 1 for waiting in singles), "what was called before has its outcome"
    written = {keys.get(number, "C9") for number, *_ in world.platform.effects}
    assert set().union(*singles) == written - {"C6", "C7"}


def test_a_crash_in_one_thread_lets_the_others_record_their_calls(world: World) -> None:
    meeting = threading.Barrier(2, timeout=20)
    strike = raising(Crash())

    def both_then_one_crashes() -> None:
        meeting.wait()
        strike()

    world.platform.faults["update", "after"] = both_then_one_crashes
    plan = plan_of(city(1), city(2))
    with pytest.raises(Crash):
        world.apply(plan, limits=Limits(concurrency=2))
    world.platform.faults.clear()
    with world.ledger() as ledger:
        assert sorted(str(state.outcome) for state in ledger.states(plan.sha).values()) == ["None", "landed"]
    assert outcomes(world.apply(plan)) == ["landed", "landed"]
    assert max(Counter(world.platform.effects).values()) == 1


def test_nothing_is_written_outside_the_plan(world: World) -> None:
    plan = everything()
    planned = {(w.key, cell.column, cell.after) for w in plan.writes for cell in w.cells}
    keys = {number: str(values["customerId"]) for number, values in world.platform.profiles.items()}
    world.apply(plan)
    keys |= {number: str(values["customerId"]) for number, values in world.platform.profiles.items()}
    written = {(keys[number], column, value) for number, column, value in world.platform.effects if column}
    assert written <= planned
    assert {number for number, column, _ in world.platform.effects if not column} == {"8"}


# Taking back


def test_undo_restores_what_stands_and_lists_what_cannot_be_undone(world: World) -> None:
    before = people(8)
    plan = everything()
    applied = world.apply(plan)
    assert "unknown" not in outcomes(applied)
    undo = world.undo(plan)
    world.platform.profiles["1"]["city"] = "Brugge"
    again = world.apply(undo)
    assert told(again, "key", "column", "outcome", "detail") == [
        ("C7", "city", "landed", None),
        ("C6", "city", "landed", None),
        ("C5", "city", "landed", None),
        ("C3", "emailAddress", "landed", None),
        ("C2", "emailAddress", "landed", None),
        ("C1", "city", "changed", None),
        ("C1", "note", "landed", None),
    ]
    assert [(left.key, left.column, left.why) for left in undo.left] == [
        ("C8", None, "deleted"),
        ("C9", None, "created"),
        ("C4", NEWS, "permission"),
    ]
    assert (undo.purpose, undo.undoes) == ("undo", plan.sha)
    for number in ("2", "3", "5", "6", "7"):
        assert world.platform.profiles[number] == before[number]
    with world.ledger() as ledger:
        assert set(ledger.undone("Customers")["key"]) == {"C1", "C2", "C3", "C5", "C6", "C7"}


def test_undo_takes_back_nothing_that_did_not_happen(world: World) -> None:
    world.platform.profiles["1"]["city"] = "Brugge"
    plan = plan_of(city(1), write(2, ("note", "old", "BAD")))
    world.apply(plan)
    assert world.undo(plan).writes == ()


def test_a_creation_is_deleted_again_only_where_that_is_allowed(world: World) -> None:
    plan = plan_of(creation(9), purpose="create")
    world.platform.clock = lambda: world.now
    world.apply(plan)
    assert world.undo(plan).writes == ()
    assert outcomes(world.apply(world.undo(plan, delete_created=True))) == ["landed"]
    assert world.platform.profiles == people(8)


def test_an_opt_in_is_taken_back_as_an_opt_out(world: World) -> None:
    world.platform.profiles["1"][NEWS] = "false"
    plan = plan_of(write(1, (NEWS, "false", "true"), kind=Kind.SUBSCRIBE))
    world.apply(plan)
    undo = world.undo(plan)
    assert [one.kind for one in undo.writes] == [Kind.UNSUBSCRIBE]
    assert outcomes(world.apply(undo)) == ["landed"]


# After a kill: what is not shown yet


@pytest.mark.parametrize(
    ("write_of", "call"),
    [
        (lambda: city(1), "update"),
        (lambda: creation(9), "create"),
        (lambda: write(2, ("city", "Gent", None), kind=Kind.DELETE), "delete"),
    ],
)
def test_what_was_sent_before_a_kill_is_not_sent_again_because_it_is_not_shown_yet(
    tmp_path: Path, write_of: Callable[[], Write], call: str
) -> None:
    platform = Late(people(8))
    platform.world = world = World(tmp_path, platform)
    plan = plan_of(write_of())
    killed(world, plan, call, "after")
    applied = world.apply(plan)
    assert told(applied, "outcome", "detail") == [("landed", "read_later")]
    assert platform.calls[call] == 1
    assert world.now - NOON <= timedelta(minutes=1)


def test_who_goes_on_after_a_kill_waits_as_long_as_a_write_was_seen_to_take(tmp_path: Path) -> None:
    """The first write that is not shown at once is looked for, and no other; the setting is the least."""
    platform = Late(people(8), seconds=75)
    platform.world = world = World(tmp_path, platform)
    applied = world.apply(plan_of(city(1), city(2)))
    assert told(applied, "outcome", "detail") == [("landed", "shown_later"), ("unknown", "not_confirmed")]
    with world.ledger() as ledger:
        seen = ledger.latest_shown("Customers")
    assert timedelta(seconds=75) <= seen <= timedelta(seconds=85)
    plan, before = plan_of(city(3)), world.now
    killed(world, plan, "update", "after")
    assert told(world.apply(plan), "outcome", "detail") == [("landed", "read_later")]
    assert platform.calls["update"] == 3, "a minute would have been too short, and it would have been sent again"
    assert world.now - before == seen


@pytest.mark.parametrize(("late", "seconds"), [(1, 60), (75, 75), (9000, 3600)])
def test_what_was_sent_is_waited_for_a_minute_at_the_least_and_an_hour_at_the_most(late: int, seconds: int) -> None:
    job: Any = SimpleNamespace(limits=Limits(), late=timedelta(seconds=late))
    waited = Job.visible_after.__get__(job)
    assert waited == timedelta(seconds=seconds)


def test_what_had_no_effect_is_sent_again_only_after_two_looks(world: World) -> None:
    plan = plan_of(city(1))
    killed(world, plan, "update", "before")
    world.platform.calls.clear()
    applied = world.apply(plan)
    assert outcomes(applied) == ["landed"]
    assert world.platform.calls == {"profile": 3, "update": 1}, "two looks before, one after"
    assert world.now - NOON == timedelta(minutes=1)


def test_nobody_waits_where_the_value_stands_or_enough_time_has_gone_by(world: World) -> None:
    plan, other = plan_of(city(1)), plan_of(city(2))
    killed(world, plan, "update", "after")
    assert outcomes(world.apply(plan)) == ["landed"]
    assert world.now == NOON
    killed(world, other, "update", "before")
    world.now += timedelta(hours=1)
    assert outcomes(world.apply(other)) == ["landed"]
    assert world.now == NOON + timedelta(hours=1)


def test_whoever_asks_for_an_end_does_not_wait(world: World) -> None:
    """What is not known stays so, and nothing is sent."""
    plan = plan_of(city(1))
    killed(world, plan, "update", "before")
    world.platform.calls.clear()
    slept: list[float] = []

    def asks(seconds: float) -> None:
        slept.append(seconds)
        signal.raise_signal(signal.SIGTERM)

    applied = world.apply(plan, sleep=asks)
    assert told(applied, "outcome", "detail") == [("unknown", "not_confirmed")]
    assert (len(slept), world.platform.calls["update"]) == (1, 0)
    assert applied.exit_code is Exit.INTERRUPTED


def test_what_is_done_of_a_plan_brakes_nothing_when_it_is_gone_on_with(world: World) -> None:
    plan = plan_of(opt_out(1), city(2), city(3))
    limits = {Kind.UNSUBSCRIBE: (0, 0.0), Kind.UPDATE: (0, 0.0)}

    def counts(confirmed: Mapping[Kind, int]) -> list[tuple[Kind, int]]:
        with world.ledger() as ledger:
            left = unfinished(plan, ledger)
        return [(brake.kind, brake.count) for brake in held(plan, limits, confirmed, left)]

    assert counts({}) == [(Kind.UNSUBSCRIBE, 1), (Kind.UPDATE, 2)]
    world.apply(plan, drift=Drift("run", {(2, "city"): Since.DECIDED}, (), {}))
    assert counts({}) == [(Kind.UPDATE, 1)]
    assert counts({Kind.UPDATE: 1}) == counts({Kind.UPDATE: 2}) == [], "what was confirmed for all of it, goes on"
    assert counts({Kind.UPDATE: 3}) == [(Kind.UPDATE, 1)]


def test_what_was_sent_by_file_and_is_not_confirmed_yet_is_not_counted_as_what_is_left(world: World) -> None:
    """It is followed and never sent again: nobody is asked for its number."""
    second = [city(number, batch="b2", route=Route.BULK) for number in (4, 5, 6)]
    plan = plan_of(*batch(1, 2, 3), *second)
    world.platform.polls = 10**6
    applied = world.apply(plan, limits=Limits(concurrency=1, bulk_calls_per_day=2))
    assert outcomes(applied) == ["landed", "unknown", "unknown", "skipped", "skipped", "skipped"]
    with world.ledger() as ledger:
        left = unfinished(plan, ledger)
    assert left.counts == {Kind.UPDATE: 3}
    limits = {Kind.UPDATE: (0, 0.0)}
    assert [brake.count for brake in held(plan, limits, {Kind.UPDATE: 5}, left)] == [3]
    assert held(plan, limits, {Kind.UPDATE: 3}, left) == ()
