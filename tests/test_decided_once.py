"""A decision is used up by the write that carries it out: what the person or the platform says afterwards is news."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from auditor.cli.demonstration import fetch_inputs
from auditor.commands import run as pipeline
from auditor.commands.apply import apply
from auditor.commands.known import standing_decisions, up_to_date
from auditor.commands.plan import plan
from auditor.model import Kind, Outcome, Route
from auditor.settings.config import Settings, read_settings
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import NEWCOMER, Decision, Intent
from auditor.state.past_runs import find_run
from auditor.writes import Plan
from tests import given_time
from tests.driven_sandbox import Sandbox
from tests.sandbox_client import PROFILES_V5, client
from tests.small_folder import Made, copy

NEWS = "subscriptions#Newsletter"
pytestmark = pytest.mark.usefixtures("no_pauses")


def in_truth(folder: Path, key: str, **values: str) -> None:
    """The CRM's newest file says so of a person."""
    file = max((folder / "crm").glob("*.csv"))
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    for row in rows:
        if row["contact_id"] == key:
            row.update(values)
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def somebody_off(folder: Path) -> tuple[str, str]:
    """Key and profileId of a customer who gave the general consent and gets no newsletter, as both sides say."""
    export = max((folder / "exports").glob("*.csv"))
    with export.open(encoding="utf-8", newline="") as lines:
        here = {row["customerId"]: row for row in csv.DictReader(lines, delimiter=";")}
    with max((folder / "crm").glob("*.csv")).open(encoding="utf-8", newline="") as lines:
        there = {row["contact_id"]: row for row in csv.DictReader(lines)}
    return next(
        (key, row["profileId"])
        for key, row in sorted(here.items())
        if row[NEWS] == "false" and row["marketingConsent"] == "true"
        and key in there and there[key]["optin_news"] == "no" and there[key]["consent"] == "yes"
    )  # fmt: skip


def audited(settings: Settings, after: timedelta) -> None:
    pipeline.run(settings, pipeline.Request(), now=given_time.now() + after, tell=lambda _: None)


def corrections(
    settings: Settings, key: str, after: timedelta, decisions: Path | None = None
) -> tuple[Path, Plan] | None:
    made = plan(settings, now=given_time.now() + after, decisions=decisions, route="single", only=[key])
    return next(((one.path, one.plan) for one in made if one.plan.purpose == "correct"), None)


def test_an_opt_in_is_not_repeated_after_the_customer_has_taken_it_back(
    small: Made, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy(small.agreed, tmp_path / "work", sandbox)
    monkeypatch.chdir(folder)
    settings = read_settings(folder / "auditor.toml")
    key, profile_id = somebody_off(folder)
    yesterday = (given_time.now() - timedelta(days=1)).strftime("%Y-%m-%d %H:%M:%S")
    said = {"optin_news": "yes", "optin_news_at": yesterday, "optin_news_from": "shop"}
    in_truth(folder, key, **said)
    audited(settings, timedelta())
    line = {"key": key, "column": NEWS, "platform": "false", "truth": "true", "choice": "truth"}
    decided = folder / "decided.json"
    made = {"format": 1, "run": find_run(settings).name, "table": "Customers", "by": "Mia", "decisions": [line]}
    decided.write_text(json.dumps(made))
    found = corrections(settings, key, timedelta(), decided)
    assert found is not None
    path, first = found
    assert [(one.kind, one.decided_by) for one in first.writes if one.cells[0].column == NEWS] == [
        (Kind.SUBSCRIBE, "Mia")
    ]
    sandbox.decide([(profile_id, NEWS)])
    done = apply(settings, path, confirmed=dict(first.counts), clock=given_time.now)
    [outcome] = done.outcomes.filter(pl.col("column") == NEWS)["outcome"].to_list()
    assert outcome == Outcome.LANDED

    sandbox.advance(3600)
    with client(sandbox) as customer:  # who unsubscribes before anybody looks again
        change = {"subscriptions": {"Newsletter": False}}
        assert customer.patch(f"{PROFILES_V5}/{profile_id}", json=change).status_code < 300
    sandbox.advance(3600)
    fetch_inputs(sandbox, folder)
    in_truth(folder, key, **said)
    later = timedelta(hours=2, seconds=1)
    audited(settings, later)
    run = max(path for path in (folder / "runs").iterdir() if (path / "run.json").exists())
    _, needed = up_to_date(settings, run, given_time.now() + later)
    [cell] = needed.filter((pl.col("key") == key) & (pl.col("column") == NEWS)).to_dicts()
    assert (cell["platform"], cell["truth"], cell["by"], cell["kind"]) == ("false", "true", None, None)
    assert cell["told"] == "opted_out_on_platform"

    for file in (None, decided):  # neither the old decision nor the same one made anew: its evidence is older
        again = corrections(settings, key, later, file)
        assert again is None or not [one for one in again[1].writes if one.kind is Kind.SUBSCRIBE]


def test_a_decision_is_about_a_person_and_not_about_a_key(tmp_path: Path) -> None:
    at = given_time.now()

    def decided(key: str, of: str | None, by: str) -> None:
        ledger.decide([Decision("Customers", by, key, "city", "Gent", "Ghent", "truth", at, of, None)], at)

    def stand(holders: dict[str, str]) -> set[tuple[str, str]]:
        return {(one.key, one.person) for one in standing_decisions(ledger, "Customers", holders, but=None)}

    with Ledger(tmp_path) as ledger:
        decided("C1", "1", "Mia")
        # Of earlier versions: it stands for an address, and for no permission (tests/test_whose_decision.py).
        decided("C2", None, "Bea")
        assert stand({}) == stand({"C1": "1", "C2": "2"}) == {("C1", "Mia"), ("C2", "Bea")}
        assert stand({"C1": "9", "C2": "9"}) == {("C2", "Bea")}, "somebody else has the key"
        assert stand({"C1": "9", "C7": "1"}) == {("C7", "Mia"), ("C2", "Bea")}, "and the person another one"
        decided("C1", "9", "Cas")
        assert stand({"C1": "9", "C7": "1"}) == {("C7", "Mia"), ("C2", "Bea"), ("C1", "Cas")}
        assert stand({"C1": "1"}) == {("C1", "Mia"), ("C2", "Bea")}
        sent = Intent(0, Kind.UPDATE, Route.SINGLE, "C7", "1", "city", "Gent", "Ghent")
        ledger.settle(ledger.intend("p", "Customers", [sent], at), Outcome.LANDED, at)
        assert stand({"C1": "9", "C7": "1"}) == {("C2", "Bea"), ("C1", "Cas")}, "carried out under the new key"
        decided("C1", "9", "Dan")
        for place, number in enumerate(("5", "9")):
            sent = Intent(
                place, Kind.UPDATE, Route.SINGLE, "C1" if number == "5" else "C8", number, "city", "Gent", "Ghent"
            )
            standing = stand({"C3": "9"})
            assert standing == {("C2", "Bea"), ("C3", "Dan")}, "who had the key meanwhile is somebody else"
            ledger.settle(ledger.intend(f"p{number}", "Customers", [sent], at), Outcome.LANDED, at)
        assert stand({"C3": "9"}) == {("C2", "Bea")}, "carried out under the second of three keys"
        assert not ledger.verify().problems


def test_a_decision_on_a_newcomer_is_used_up_by_no_write_to_whoever_has_a_profile_id_like_their_key(
    tmp_path: Path,
) -> None:
    """Nor one on a key of which nobody can tell whose it was; only what is written under the key uses it up."""
    at = given_time.now()
    new = f"{NEWCOMER}abc"
    with Ledger(tmp_path) as ledger:
        for key, of in (("3", new), ("4", None)):
            ledger.decide([Decision("Customers", "Mia", key, NEWS, None, "true", "truth", at, of, None)], at)

        def wrote(key: str, number: str | None, plan: str) -> list[str]:
            sent = Intent(0, Kind.SUBSCRIBE, Route.SINGLE, key, number, NEWS, None, "true")
            ledger.settle(ledger.intend(plan, "Customers", [sent], at), Outcome.LANDED, at)
            return [one.key for one in standing_decisions(ledger, "Customers", {"3": new}, but=None)]

        assert wrote("C3", "3", "p") == wrote("C4", "4", "q") == ["3", "4"]
        assert wrote("3", "100", "r") == ["4"]
        assert wrote("4", "101", "s") == []
