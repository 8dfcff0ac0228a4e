"""A plan on a platform that ends an operation while the plan is carried out, with a plain 404 from then on: nobody
passes for gone, nothing for deleted, and applying again when it is back does what was left.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
import pytest
import stamina

from auditor.actito import V5, Connection, Discontinued, NotFound, Reader
from auditor.actito.writer import Writer
from auditor.apply import apply_plan, settled
from auditor.apply.job import Limits
from auditor.apply.outcomes import Applied
from auditor.model import Kind, Route, Structure
from auditor.plan.bulkfile import corrective_file
from auditor.sandbox.process import API_KEY
from auditor.state.ledger import Ledger
from auditor.writes import Cell, Plan
from tests import given_time
from tests.driven_sandbox import Sandbox
from tests.nothing_known import a_plan, a_write, recorded

ONE = r"/profiles/v5/.*/profiles/[^/]+$"
BELOW = r"/profiles/v5/"


@pytest.fixture(autouse=True)
def no_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox"), profiles=60, seed=11, limits="extended") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.reset()
    return running


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "state") as ledger:
        yield ledger


@dataclass
class Ending(httpx.BaseTransport):
    """The network, on which what fits is answered with a bare 404 once it has been answered so often."""

    method: str
    path: str
    after: int
    over: bool = True
    asked: list[tuple[str, bool]] = field(default_factory=list)
    """Method, and whether it was answered 404 by us."""
    _network: httpx.HTTPTransport = field(default_factory=httpx.HTTPTransport)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        fits = re.search(self.method, request.method) and re.search(self.path, request.url.path)
        with self._lock:
            gone = bool(fits) and self.over and self.after <= 0
            self.after -= bool(fits)
            self.asked.append((request.method, gone))
        return httpx.Response(404) if gone else self._network.handle_request(request)

    def close(self) -> None:
        self._network.close()


def connect(sandbox: Sandbox, wire: Ending) -> Connection:
    return Connection(sandbox.url, lambda: API_KEY, "acme", dialect=V5, calls_per_minute=10_000, transport=wire)


def carry_out(
    plan: Plan, connection: Connection, structure: Structure, ledger: Ledger, concurrency: int = 1
) -> Applied:
    return apply_plan(
        recorded(plan, ledger),
        structure=structure,
        reader=Reader(connection),
        writer=Writer(connection),
        ledger=ledger,
        clock=given_time.now,
        same=lambda column, a, b: a == b,
        bulk_file=partial(corrective_file, structure=structure),
        limits=Limits(concurrency=concurrency),
        sleep=lambda _: None,
    )


def corrections(sandbox: Sandbox) -> Plan:
    """A note for everybody with a key."""
    people = [one for one in sandbox.profiles() if "customerId" in one]
    return a_plan(
        *(
            a_write(
                Kind.UPDATE,
                Route.SINGLE,
                one["customerId"],
                one["profileId"],
                (Cell("note", one.get("note"), "put right"),),
            )
            for one in people
        ),
        made=given_time.now(),
        export_as_of=given_time.now(),
    )


def deletions(sandbox: Sandbox) -> Plan:
    people = [one for one in sandbox.profiles() if "customerId" in one]
    return a_plan(
        *(a_write(Kind.DELETE, Route.SINGLE, one["customerId"], one["profileId"], ()) for one in people[:20]),
        made=given_time.now(),
        export_as_of=given_time.now(),
    )


def judged(ledger: Ledger, plan: Plan) -> set[tuple[str, str | None]]:
    """Outcomes of what was finally judged."""
    states = ledger.states(plan.sha).values()
    return {(state.outcome.value, state.detail) for state in states if state.outcome is not None}


@pytest.mark.parametrize("concurrency", [1, 3])
@pytest.mark.parametrize(
    ("method", "path", "after"),
    [("GET", ONE, 3), ("GET", ONE, 30), ("", BELOW, 40), ("PATCH", ONE, 12), ("GET", ONE, 0)],
    ids=["reads early", "reads late", "everything", "changes", "reads from the beginning"],
)
def test_nobody_is_gone_where_an_operation_ended_meanwhile(
    sandbox: Sandbox, ledger: Ledger, method: str, path: str, after: int, concurrency: int
) -> None:
    """It stops, says which operation it is, and judges nobody; applied again when it is back, all of it lands."""
    wire, plan = Ending(method, path, after), corrections(sandbox)
    with connect(sandbox, wire) as connection:
        structure = Reader(connection).structure("Customers")
        with pytest.raises(Discontinued, match="does not offer"):
            carry_out(plan, connection, structure, ledger, concurrency)
        assert not {outcome for outcome, _ in judged(ledger, plan)} & {"refused", "changed"}
        sent = sum(gone for method, gone in wire.asked if method == "PATCH")
        assert sent <= concurrency, "what is gone is not tried again and again"
        wire.over = False
        applied = carry_out(plan, connection, structure, ledger, concurrency)
    assert set(applied.outcomes["outcome"]) == {"landed"}
    assert {one["note"] for one in sandbox.profiles() if "customerId" in one} == {"put right"}


@pytest.mark.parametrize("after", [0, 3, 12, 13])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_nothing_is_deleted_that_was_not(sandbox: Sandbox, ledger: Ledger, method: str, after: int) -> None:
    """Whoever counts as deleted is not there."""
    wire, plan = Ending(method, ONE, after), deletions(sandbox)
    with connect(sandbox, wire) as connection:
        structure = Reader(connection).structure("Customers")
        with pytest.raises(Discontinued):
            carry_out(plan, connection, structure, ledger)
        there = {one["profileId"] for one in sandbox.profiles()}
        states = ledger.states(plan.sha)
        done = {plan.writes[number].profile_id for (number, _), one in states.items() if one.outcome == "landed"}
        assert not done & there
        wire.over = False
        applied = carry_out(plan, connection, structure, ledger)
    assert set(applied.outcomes["outcome"]) == {"landed"}
    left = {one["profileId"] for one in sandbox.profiles()}
    assert not left & {write.profile_id for write in plan.writes}


def test_who_was_recorded_as_gone_is_looked_for_again(sandbox: Sandbox, ledger: Ledger) -> None:
    """Once: hidden from the key, or the work of an earlier version that believed every 404."""
    plan = corrections(sandbox)

    class Nobody(Reader):
        def profile(self, *_: object) -> None:
            return None

    with connect(sandbox, Ending("", "nowhere", 1)) as connection:
        structure = Reader(connection).structure("Customers")
        applied = apply_plan(
            recorded(plan, ledger),
            structure=structure,
            reader=Nobody(connection),
            writer=Writer(connection),
            ledger=ledger,
            clock=given_time.now,
            same=lambda column, a, b: a == b,
            bulk_file=partial(corrective_file, structure=structure),
        )
        assert set(applied.outcomes["detail"]) == {"gone"}
        assert settled(plan, ledger, applied.outcomes) is None
        applied = carry_out(plan, connection, structure, ledger)
    assert set(applied.outcomes["outcome"]) == {"landed"}


def test_one_call_more_for_somebody_who_is_gone(sandbox: Sandbox) -> None:
    """Somebody who is there is remembered and asked for again each time; nobody is listed again."""
    wire = Ending("", "nowhere", 1)
    people = [one["profileId"] for one in sandbox.profiles()]
    with connect(sandbox, wire) as connection:
        reader = Reader(connection)
        structure = reader.structure("Customers")
        assert reader.profile(structure, people[0]) is not None
        begun = len(wire.asked)
        for number in range(5):
            assert reader.profile(structure, str(900_000 + number)) is None
        assert len(wire.asked) - begun == 2 * 5
        with pytest.raises(NotFound):
            Writer(connection).delete(structure, "900000")
