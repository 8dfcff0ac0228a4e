"""A withdrawal and grounds, carried through a real folder: written, read back, remembered, expired."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from auditor.cli.demonstration import fetch_inputs
from auditor.commands.apply import apply
from auditor.commands.known import up_to_date
from auditor.commands.plan import plan
from auditor.model import Kind, Outcome, Route
from auditor.settings.config import Settings, read_settings
from auditor.state.past_runs import find_run
from tests import given_time
from tests.driven_sandbox import Sandbox
from tests.small_folder import Made, auditor, copy
from tests.test_decided_once import audited

pytestmark = pytest.mark.usefixtures("no_pauses")


def findings(settings: Settings, after: timedelta) -> pl.DataFrame:
    audit, _ = up_to_date(settings, find_run(settings), given_time.now() + after)
    return audit.permissions


def test_a_finding_without_a_difference_is_withdrawn_and_another_is_kept_until_its_grounds_expire(
    small: Made, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copy(small.audited, tmp_path / "work", sandbox)
    monkeypatch.chdir(folder)
    settings = read_settings(folder / "auditor.toml")
    audit, _ = up_to_date(settings, find_run(settings), given_time.now())
    differing = audit.differences.select("key", "column")
    alone = audit.permissions.join(differing, on=["key", "column"], how="anti")
    assert set(alone["answer"]) == {"open"}
    one, *others = (
        alone.filter(pl.col("platform") == "on").unique(["key", "column"], keep="first").sort("key").to_dicts()
    )
    other = next(row for row in others if row["key"] != one["key"])
    assert one["profile_id"], "also of people who are the same on both sides"

    def cell(row: dict[str, str]) -> dict[str, str]:
        return {
            "key": row["key"],
            "column": row["column"],
            "platform": row["platform_text"],
            "truth": row["truth_text"],
        }

    until = (given_time.now() + timedelta(days=1)).date()
    kept = {"finding": other["finding"], "evidence": "signed form", "until": until.isoformat()}
    lines = [{**cell(one), "choice": "withdraw"}, {**cell(other), "choice": "grounds", **kept}]
    decided = folder / "decided.json"
    decided.write_text(
        json.dumps({"format": 1, "run": audit.run, "table": "Customers", "by": "Mia", "decisions": lines})
    )
    made = plan(settings, now=given_time.now(), decisions=decided, only=[one["key"], other["key"]])
    [path, chosen] = next((found.path, found.plan) for found in made if found.plan.purpose == "correct")
    [write] = [found for found in chosen.writes if found.cells[0].column == one["column"] and found.key == one["key"]]
    assert (write.kind, write.route, write.decided_by) == (Kind.UNSUBSCRIBE, Route.SINGLE, "Mia")
    assert write.profile_id == one["profile_id"]
    assert not [found for found in chosen.writes if found.key == other["key"] and found.decided_by]
    shown = auditor(capsys, "plan", "--show", chosen.sha[:12]).out
    assert '"Applied">not yet</td>' in (path.parent / "plans.html").read_text("utf-8")
    assert "may be contacted" in shown
    assert "may not be contacted" in shown

    done = apply(settings, path, confirmed=dict(chosen.counts), clock=given_time.now)
    auditor(capsys, "plan", "--show", chosen.sha[:12])
    listed = (path.parent / "plans.html").read_text("utf-8").split("<tr>")
    [row_of_it] = [row for row in listed if chosen.sha[:12] in row]
    assert f'data-heading="Applied"><time datetime="{given_time.now():%Y-%m-%d}' in row_of_it
    mine = done.outcomes.filter((pl.col("key") == one["key"]) & (pl.col("column") == one["column"]))
    assert mine["outcome"].to_list() == [Outcome.LANDED]
    again = findings(settings, timedelta(minutes=1)).filter(
        (pl.col("key") == one["key"]) & (pl.col("column") == one["column"])
    )
    assert set(again["answer"]) == {"pending"}, "sent, and no export shows it yet"
    audited(settings, timedelta(minutes=2))
    facts = json.loads((find_run(settings) / "run.json").read_text("utf-8"))
    told, _ = up_to_date(settings, find_run(settings), given_time.now() + timedelta(minutes=2))
    assert facts["findings_settled"] == again.height + 1, "the run itself knows what it withdrew"
    for number in ("against_their_will", "findings_to_decide", "findings_settled", "decisions"):
        assert facts[number] == told.facts()[number], number

    sandbox.advance(3600)
    fetch_inputs(sandbox, folder)
    later = timedelta(hours=1, seconds=1)
    audited(settings, later)
    now = findings(settings, later)
    rest = now.filter((pl.col("key") == one["key"]) & (pl.col("column") == one["column"]))
    assert rest.is_empty(), "no opt-out of the customer"
    audit, needed = up_to_date(settings, find_run(settings), given_time.now() + later)
    mine = (pl.col("key") == one["key"]) & (pl.col("column") == one["column"])
    assert audit.differences.filter(mine)["moved"].to_list() == ["ours"]
    assert needed.filter(mine)["told"].to_list() == ["withdrawn_by_us"], "the truth hears of it, and that it was us"
    place = (pl.col("key") == other["key"]) & (pl.col("column") == other["column"])
    mark = place & (pl.col("finding") == other["finding"])
    [row] = now.filter(mark).to_dicts()
    assert (row["answer"], row["decided_by"], row["until"], row["evidence"]) == ("grounds", "Mia", until, "signed form")
    assert findings(settings, timedelta(days=3)).filter(mark)["answer"].to_list() == ["expired"]
    said = " ".join(auditor(capsys, "show", other["key"]).out.split())
    assert f"Grounds recorded by Mia until {until}: signed form" in said
    assert f"may be contacted ({other['platform_text']})" in said
    again_planned = plan(settings, now=given_time.now() + later, only=[one["key"]])
    assert not [w for made in again_planned for w in made.plan.writes if w.decided_by == "Mia"], "used up"
