"""An empty table is loaded in steps of 1, 100 and files, each of which must stand before the next is sent."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from auditor.actito import Reader
from auditor.actito.writer import Writer
from auditor.apply import apply_plan
from auditor.cli import execute
from auditor.findings.sentences import of_plan
from auditor.findings.words import Words
from auditor.model import Kind, Route
from auditor.plan import routing
from auditor.plan.bulkfile import corrective_file
from auditor.plan.decisions import Decision
from auditor.plan.policy import Policy
from auditor.state.ledger import Ledger
from auditor.writes import Cell, Plan
from tests import structure_folder
from tests.driven_sandbox import Sandbox
from tests.nothing_known import a_policy, a_write, recorded, some_counts
from tests.small_folder import auditor
from tests.test_apply_sandbox import connect, now, plan_of
from tests.test_plan import NEWS, NOW, an_audit, candidates, decision, missing, plans, some_facts

pytestmark = pytest.mark.usefixtures("no_pauses")

PEOPLE = 2500


def load(
    count: int,
    policy: Policy | None = None,
    *,
    first: Mapping[str, Any] | None = None,
    decisions: Sequence[Decision] = (),
    **facts: Any,
) -> Plan:
    """The plan that fills an empty table with so many people; `first` is more about the first one."""
    keys = [f"{n:05}" for n in range(count)]
    audit = an_audit((), map(missing, keys), counts=some_counts({"platform": 0, "truth": count}, {}))
    rows = candidates(*({"key": key, **((first or {}) if key == "00000" else {})} for key in keys))
    return plans(audit, policy, some_facts(candidates=rows, decisions=decisions, **facts))[1]


def journey(plan: Plan) -> list[tuple[Route, str | None, bool, int]]:
    """How many writes in a row travel the same way."""
    ways = [(write.route, write.batch, write.canary) for write in plan.writes]
    changes = [place for place in range(len(ways)) if place == 0 or ways[place] != ways[place - 1]]
    return [(*ways[start], end - start) for start, end in zip(changes, [*changes[1:], len(ways)], strict=True)]


def test_a_hundred_and_one_go_one_by_one_before_the_file() -> None:
    plan = load(1500)
    batch = "Customers-create-1"
    assert journey(plan) == [(Route.SINGLE, batch, True, 101), (Route.BULK, batch, False, 1399)]
    assert plan.purpose == "load"
    assert of_plan(plan.route_reason, Words("Actito", "CRM")).startswith(
        "an empty table is loaded in steps of 1, 100 and the rest; 1,399 writes in 1 file"
    )


def test_later_files_follow_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "FILE_BYTES", 20_000)
    first, *files = journey(load(3000))
    assert first == (Route.SINGLE, "Customers-create-1", True, 101)
    assert [(route, batch, canary) for route, batch, canary, _ in files] == [
        (Route.BULK, f"Customers-create-{number}", False) for number in range(1, len(files) + 1)
    ]
    assert sum(count for *_, count in files) == 3000 - 101
    assert len(files) > 2


@pytest.mark.parametrize(
    ("count", "policy", "facts"),
    [(40, None, {}), (1100, None, {}), (1500, a_policy(route="single"), {}), (1500, None, {"file_calls_left": 0})],
)
def test_steps_are_made_where_no_file_is(count: int, policy: Policy | None, facts: dict[str, Any]) -> None:
    tried = min(count, 101)
    rest = [(Route.SINGLE, None, False, count - tried)] if count > tried else []
    assert journey(load(count, policy, **facts)) == [(Route.SINGLE, "Customers-create-1", True, tried), *rest]


def test_opt_ins_come_last() -> None:
    """A permission somebody decided follows the creation of its profile, when all steps stand."""
    evidence = {f"evidence_date:{NEWS}": NOW, f"evidence_source:{NEWS}": "shop", NEWS: "true"}
    plan = load(3, decisions=[decision("00000", NEWS, None, "true")], first=evidence)
    assert [(write.kind, write.key, write.canary) for write in plan.writes] == [
        (Kind.CREATE, "00001", True),
        (Kind.CREATE, "00002", True),
        (Kind.CREATE, "00000", False),
        (Kind.SUBSCRIBE, "00000", False),
    ]


def test_a_table_with_one_profile_is_no_first_load() -> None:
    keys = [f"{n:05}" for n in range(1500)]
    audit = an_audit((), map(missing, keys))
    rows = candidates(*({"key": key} for key in keys))
    few = replace(audit, counts=some_counts({"platform": 1, "truth": 1500}, {}))
    assert plans(few, None, some_facts(candidates=rows))[1].purpose == "create"


# On the sandbox, by the commands


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox"), profiles=0, seed=3, limits="extended") as sandbox:
        yield sandbox


def people(count: int) -> dict[str, tuple[str, str]]:
    return {f"C{n:05}": (f"p{n}@example.com", f'N"{n % 97};é') for n in range(count)}


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.clear_faults()
    running.reset()
    return running


@pytest.fixture(scope="module")
def template(running: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder whose truth has PEOPLE, audited and planned while the table is empty: two files."""
    folder = tmp_path_factory.mktemp("template") / "w"
    structure_folder.make(folder, running)
    quoted = [f'{key};{mail};"{name.replace(chr(34), chr(34) * 2)}"' for key, (mail, name) in people(PEOPLE).items()]
    truth = folder / "crm" / "contacts_20260101T000000.csv"
    truth.write_text("\n".join(["id;mail;name", *quoted]) + "\n", "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(routing, "FILE_BYTES", 80_000)
        assert execute(["run"]) == 0
        assert execute(["plan"]) == 0
    return folder


@pytest.fixture
def folder(sandbox: Sandbox, template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, and an empty table."""
    shutil.copytree(template, tmp_path / "w")
    monkeypatch.chdir(tmp_path / "w")
    return tmp_path / "w"


def planned(folder: Path, count: int = PEOPLE) -> tuple[Path, list[str]]:
    """The plan of a folder, and the arguments that carry it out."""
    [path] = folder.glob("runs/*/plan-*.json")
    return path, ["apply", str(path), "--yes", "--confirm", f"create={count}"]


def held(sandbox: Sandbox) -> dict[str, tuple[str, str]]:
    return {one["customerId"]: (one["emailAddress"], one["lastName"]) for one in sandbox.profiles()}


def outcomes(path: Path) -> Counter[tuple[str, str, str | None]]:
    frame = pl.read_parquet(path.with_name(path.name.replace("plan-", "outcome-").replace(".json", ".parquet")))
    return Counter(frame.select("route", "outcome", "detail").iter_rows())


def test_an_empty_table_holds_the_truth_afterwards(
    sandbox: Sandbox, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, apply = planned(folder)
    batches = Counter(write["batch"] for write in json.loads(path.read_text("utf-8"))["writes"])
    assert len(batches) == 2
    assert auditor(capsys, *apply).code == 4, "rows of a file are certain with the next export"
    assert held(sandbox) == people(PEOPLE)
    assert outcomes(path) == {
        ("single", "landed", None): 101,
        ("bulk", "landed", None): 2 * 20,
        ("bulk", "unknown", "until_export"): PEOPLE - 101 - 40,
    }
    for export in (folder / "exports").iterdir():
        export.unlink()
    sandbox.advance(3600)
    sandbox.export(folder / "exports")
    assert auditor(capsys, "run", "--fail-on", "findings").code == 0
    assert auditor(capsys, *apply).code == 0, "nothing is left, and nothing is sent twice"
    assert held(sandbox) == people(PEOPLE)


@pytest.mark.parametrize(
    ("on", "there"),
    [
        ("GET /profiles/v5/entities/acme/profile-tables/16/profiles/1?", 0),
        ("GET /profiles/v5/entities/acme/profile-tables/16/profiles/50?", 100),
        ("GET /profiles/v5/entities/acme/profile-tables/16/profiles/customerId=C00101?", None),
    ],
    ids=["the first", "one of the hundred", "one of the first file"],
)
def test_a_difference_ends_it(
    sandbox: Sandbox, folder: Path, capsys: pytest.CaptureFixture[str], on: str, there: int | None
) -> None:
    """Somebody deletes a profile before it is read back: the steps after it are not sent."""
    path, apply = planned(folder)
    sandbox.fault("profile-deleted", 1.0, times=1, on=on)
    told = auditor(capsys, *apply)
    assert told.code == 4
    batches = Counter(write["batch"] for write in json.loads(path.read_text("utf-8"))["writes"])
    assert len(held(sandbox)) == (there if there is not None else batches["Customers-create-1"] - 1)
    assert sandbox.state()["profiles"] == len(held(sandbox))


def test_fewer_profiles_than_were_created_end_it(sandbox: Sandbox, tmp_path: Path) -> None:
    """Somebody deletes a profile while the first file is loaded: no sample shows it, the count does."""
    cells = {key: {"customerId": key, "emailAddress": mail, "lastName": "N"} for key, (mail, _) in people(60).items()}
    writes = [
        a_write(
            Kind.CREATE,
            Route.SINGLE if place < 10 else Route.BULK,
            key,
            None,
            tuple(Cell(column, None, value) for column, value in values.items()),
            batch="b1" if place < 40 else "b2",
            canary=place < 10,
        )
        for place, (key, values) in enumerate(cells.items())
    ]

    def waits(_: float) -> None:
        for one in sandbox.profiles():
            if one["customerId"] == "C00003":
                writer.delete(structure, one["profileId"])
        sandbox.idle()

    with connect(sandbox) as connection, Ledger(tmp_path / "state") as ledger:
        structure, writer = Reader(connection).structure("Customers"), Writer(connection)
        applied = apply_plan(
            recorded(plan_of(*writes, purpose="load"), ledger),
            structure=structure,
            reader=Reader(connection),
            writer=writer,
            ledger=ledger,
            clock=now,
            same=lambda column, a, b: a == b,
            bulk_file=partial(corrective_file, structure=structure),
            sleep=waits,
        )
    assert applied.stopped is not None
    assert applied.stopped.why == "read_back"
    assert applied.stopped.sentence == "there are 39 profiles after b1, where 40 were created"
    assert len(held(sandbox)) == 39


def test_creations_carry_the_truths_own_moment_and_source(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = structure_folder.make(tmp_path / "w", sandbox, columns={"at": ["2026-07-01 09:30:00"] * 3 + [""]})
    contract = folder / "expectations" / "Customers" / "contract.toml"
    contract.write_text('updated = { truth = "at" }\n' + contract.read_text("utf-8"), "utf-8")
    monkeypatch.chdir(folder)
    assert auditor(capsys, "run").code == 0
    assert "(first load): 4 profiles created" in auditor(capsys, "plan").out
    path, apply = planned(folder, count=4)
    told = {write["key"]: write["collection"] for write in json.loads(path.read_text("utf-8"))["writes"]}
    own = {"moment": "2026-07-01 09:30:00", "source": "CRM"}
    assert told == {"C1": own, "C2": own, "C3": own, "C4": None}
    assert auditor(capsys, *apply).code == 0
    assert held(sandbox).keys() == {"C1", "C2", "C3", "C4"}
