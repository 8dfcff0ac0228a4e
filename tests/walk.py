"""One walk over the main path, and what must hold after it: shared by the tests that walk."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from auditor.apply.outcomes import Applied
from auditor.cli.demonstration import fetch_inputs, prepare, write_settings
from auditor.commands import run as pipeline
from auditor.commands.apply import apply
from auditor.commands.plan import plan
from auditor.findings.audit import Audit
from auditor.findings.sentences import with_sentences
from auditor.model import Kind, Outcome, Side, Status, Verdict
from auditor.settings.config import Settings
from auditor.writes import Plan
from tests import given_time
from tests.driven_sandbox import Sandbox

ON = {
    "marketingConsent": ("consent", "yes"),
    "doNotContact": ("do_not_contact", "no"),
    "subscriptions#Newsletter": ("optin_news", "yes"),
    "subscriptions#Promotions": ("optin_promo", "yes"),
    "subscriptions#Events": ("optin_events", "yes"),
}
"""Permission column → the CRM's column, and what it says there when the person may be contacted."""


@dataclass
class Walk:
    """Everything one walk over the main path left behind."""

    profiles: int
    folder: Path
    settings: Settings
    agreed: Audit
    answers: dict[str, Any]
    before: Audit
    state_before: dict[str, dict[str, str]]
    plans: list[Plan]
    applied: list[Applied]
    state_after: dict[str, dict[str, str]]
    again: tuple[Audit, list[Plan]] | None
    """What was found and planned on the old export after it had been put right, if that was asked for."""
    after: Audit


def walk(folder: Path, *, profiles: int, seed: int, again: bool = False) -> Walk:
    """Baseline a week ago, drift, audit, plan, apply, audit of the old export `again`, fresh export, audit."""
    prepare(folder)
    with Sandbox(folder / "sandbox", profiles=profiles, seed=seed, limits="extended") as sandbox:
        settings = write_settings(folder, sandbox.url)
        then = given_time.now() - timedelta(days=7)
        sandbox.clock(then)
        fetch_inputs(sandbox, folder)
        agreed = audit(settings, then + timedelta(seconds=1))

        sandbox.clock(given_time.now())
        answers = sandbox.drift()
        fetch_inputs(sandbox, folder)
        before = audit(settings)
        state_before = by_id(sandbox)

        plans, applied = [], []
        for planned in plan(settings, now=given_time.now()):
            plans.append(planned.plan)
            confirmed = {brake.kind: brake.count for brake in planned.brakes}
            applied.append(apply(settings, planned.path, confirmed=confirmed, clock=given_time.now))
        sandbox.idle()
        state_after = by_id(sandbox)

        on_old_export = (audit(settings), planned_now(settings)) if again else None

        later = timedelta(seconds=2)
        sandbox.advance(later.total_seconds())  # an export's name tells its second
        fetch_inputs(sandbox, folder)
        after = audit(settings, given_time.now() + later)
    return Walk(
        profiles, folder, settings, agreed, answers, before, state_before, plans, applied, state_after,
        on_old_export, after,
    )  # fmt: skip


def audit(settings: Settings, now: datetime | None = None) -> Audit:
    return pipeline.run(settings, pipeline.Request(), now=now or given_time.now(), tell=lambda _: None)


def planned_now(settings: Settings) -> list[Plan]:
    return [planned.plan for planned in plan(settings, now=given_time.now())]


def by_id(sandbox: Sandbox) -> dict[str, dict[str, str]]:
    return {profile["profileId"]: profile for profile in sandbox.profiles()}


def assert_found_and_put_right(walked: Walk, profiles: int) -> None:
    """What holds for a licence of any size."""
    assert walked.agreed.verdict is Verdict.CLEAN
    assert walked.agreed.counts.profiles[Status.EQUAL] == profiles
    assert_statuses(walked)
    assert_differences(walked)
    assert_violations(walked)
    assert_counts(walked)
    assert_nothing_is_left_but_decisions(walked)
    assert_no_permission_went_up(walked)


def assert_statuses(walked: Walk) -> None:
    found = {
        row["key"]: (row["status"], row["waiting"], row["gone"]) for row in walked.before.profiles.iter_rows(named=True)
    }
    planted = {
        key: (profile["status"], profile["waiting"], profile["gone"])
        for key, profile in walked.answers["profiles"].items()
    }
    assert found == planted


def assert_differences(walked: Walk) -> None:
    fields = ("status", "moved", "reason", "platform", "truth", "waiting", "blocked")
    found = {
        (row["key"], row["column"]): tuple(row[name] for name in fields)
        for row in walked.before.differences.iter_rows(named=True)
    }
    planted = {
        (key, column): tuple(cell[name] for name in fields)
        for key, profile in walked.answers["profiles"].items()
        for column, cell in profile["differences"].items()
    }
    assert found == planted


def assert_causes(walked: Walk) -> None:
    """What many differences have in common because one event made them is said as it was planted, and nothing else."""
    causes = with_sentences(walked.before.causes, walked.before.say)
    planted = walked.answers["causes"]
    assert planted
    assert causes["common"].drop_nulls().sort().to_list() == sorted(one["common"] for one in planted)
    for one in planted:
        [found] = causes.filter(common=one["common"]).to_dicts()
        assert (found["column"], found["reason"]) == (one["column"], one["reason"])
        assert round(found["share"] * found["profiles"]) == len(one["keys"])
        cells = {
            (key, cell["platform"], cell["truth"])
            for key, profile in walked.answers["profiles"].items()
            for column, cell in profile["differences"].items()
            if column == one["column"]
        }
        assert len(found["examples"]) == 3
        assert {tuple(example.values()) for example in found["examples"]} <= cells


def assert_violations(walked: Walk) -> None:
    names = ("side", "key", "column", "rule")
    assert set(walked.before.violations.select(names).iter_rows()) == {
        tuple(violation[name] for name in names) for violation in walked.answers["violations"]
    }


def assert_counts(walked: Walk) -> None:
    summary = walked.before.summary()
    assert summary["rows"] == walked.answers["rows"]
    assert summary["kept"] == walked.answers["kept"]
    assert {item["code"] for item in summary["not_checked"]} == set(walked.answers["not_checked"])
    for one in (walked.agreed, walked.before, walked.after):
        rows, profiles = one.counts.rows, one.counts.profiles
        matched = profiles[Status.EQUAL] + profiles[Status.STALE] + profiles[Status.CONFLICTING]
        for side, alone in ((Side.PLATFORM, Status.ORPHAN), (Side.TRUTH, Status.MISSING)):
            apart = sum(rows[f"{side.value}_{name}"] for name in ("rejected", "excluded", "null_key", "duplicate"))
            assert rows[side.value] == apart + matched + profiles[alone]


def assert_no_permission_went_up(walked: Walk) -> None:
    for profile_id, after in walked.state_after.items():
        before = walked.state_before.get(profile_id, {})
        for column in ON:
            on = "false" if column == "doNotContact" else "true"
            if after.get(column) == on and column != "doNotContact":
                assert before.get(column) == on, (profile_id, column)
            if column == "doNotContact" and before.get(column) == "true":
                assert after.get(column) == "true", (profile_id, column)
    assert all(write.kind is not Kind.SUBSCRIBE for plan in walked.plans for write in plan.writes)


def assert_nothing_is_left_but_decisions(walked: Walk) -> None:
    keys, cells = expected_after(walked)
    found = dict(walked.after.profiles.select("key", "status").iter_rows())
    assert found == keys
    assert set(walked.after.differences.select("key", "column").iter_rows()) == cells
    assert all(applied.counts[Outcome.REFUSED] == 0 for applied in walked.applied)


def expected_after(walked: Walk) -> tuple[dict[str, str], set[tuple[str, str]]]:
    """Status per key and differing cells after the repairs, from the answers and the CRM's own file.

    A created person has no permission that is on, nothing that Actito would refuse and nothing that customers keep in
    Actito's forms: those cells still differ.
    """
    newest = sorted((walked.folder / "crm").iterdir())[-1]
    with newest.open(encoding="utf-8", newline="") as file:
        crm = {row["contact_id"]: row for row in csv.DictReader(file) if row["contact_id"]}
    invalid = {(entry["key"], entry["column"]) for entry in walked.answers["violations"] if entry["side"] == "truth"}
    keys: dict[str, str] = {}
    cells: set[tuple[str, str]] = set()
    for key, profile in walked.answers["profiles"].items():
        if profile["fate"] == "created":
            left = {column for column, (name, on) in ON.items() if crm[key][name] == on}
            left |= {column for of, column in invalid if of == key}
            left |= {"nickname"} if crm[key]["nickname"] else set()
            status = "conflicting"
        else:
            left = {column for column, cell in profile["differences"].items() if cell["fate"] == "left"}
            conflict = any(profile["differences"][column]["status"] == "conflicting" for column in left)
            status = "conflicting" if conflict else "stale"
            if not profile["differences"] and profile["fate"] == "left":
                keys[key] = profile["status"]
        if left:
            keys[key] = status
            cells |= {(key, column) for column in left}
    return keys, cells
