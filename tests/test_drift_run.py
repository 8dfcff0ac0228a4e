"""A plan that is applied after its moment: a newer run, a newer decision, and what is told of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auditor.commands import run as pipeline
from auditor.commands.apply import since
from auditor.commands.plan import plan as make_plans
from auditor.errors import Exit
from auditor.model import Kind
from auditor.settings.config import read_settings
from auditor.state.ledger import Ledger
from tests import given_time
from tests.driven_sandbox import Sandbox
from tests.small_folder import Made, auditor, copy
from tests.test_decided_once import in_truth

pytestmark = pytest.mark.usefixtures("no_pauses")


def test_an_older_plan_writes_what_the_newest_run_and_the_ledger_leave_of_it(
    small: Made, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copy(small.audited, tmp_path / "work", sandbox)
    monkeypatch.chdir(folder)
    settings = read_settings(folder / "auditor.toml")
    first = next(
        one for one in make_plans(settings, now=given_time.now(), route="single") if one.plan.purpose == "correct"
    )
    updates = [
        write
        for write in first.plan.writes
        if write.kind is Kind.UPDATE and write.cells[0].column == "lastName" and len(write.cells) == 1
    ]
    ignored, moved = updates[0], updates[1]
    cell = ignored.cells[0]
    in_truth(folder, moved.key, last_name="Vanderelst")
    line = {"key": ignored.key, "column": "lastName", "platform": cell.before, "truth": cell.after, "choice": "ignore"}
    decided = folder / "decisions" / "cas.json"
    decided.parent.mkdir()
    decided.write_text(
        json.dumps({"format": 1, "run": first.plan.run, "table": "Customers", "by": "Cas", "decisions": [line]})
    )
    told: list[str] = []
    audit = pipeline.run(settings, pipeline.Request(), now=given_time.now(), tell=told.append)
    assert "cas.json: 1 decision of Cas taken" in told
    assert audit.summary()["decisions"]["decided"] == 1
    make_plans(settings, now=given_time.now())

    counts = [f"--confirm={kind.value}={count}" for kind, count in first.plan.counts.items()]
    refused = auditor(capsys, "apply", str(first.path), "--yes", *counts)
    assert (refused.code, "--older" in refused.err) == (Exit.REFUSED, True)
    assert not list(first.path.parent.glob("outcome-*"))

    asked = since(settings, first.path, given_time.now(), older=True)
    with Ledger(settings.state_folder, reading=True) as ledger:
        assert asked.head == ledger.head, "somebody who is asked changes nothing, so that it counts when they answer"
    said = auditor(capsys, "apply", str(first.path), "--yes", "--older", "--json", *counts)
    done = json.loads(said.out)
    reasons = {(one["key"], one["column"]): one["reason"] for one in done["drift"]["cells"]}
    assert reasons == {
        (ignored.key, "lastName"): "decided_since",
        (moved.key, "lastName"): "truth_changed_since",
    }
    assert done["outcomes"]["skipped"] == 2
    assert {(first.plan.writes[number].key, column) for number, column in asked.drift.held} == reasons.keys()
    assert done["outcomes"]["landed"] == sum(len(write.followed) for write in first.plan.writes) - 2
    assert said.code == Exit.WRITES_LEFT
    screen = " ".join(said.err.split())
    assert "1 no longer planned, 1 planned otherwise by now" in screen
    assert f"somebody decided otherwise: {ignored.key} (lastName)" in screen
    assert max(map(len, said.err.splitlines())) <= 80
