"""Only plans that were made here are applied: a hash anybody can make anew, a seal takes the ledger's secret."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from auditor.commands import stored_plans
from auditor.commands.apply import apply
from auditor.errors import GuardRefused, SettingsError
from auditor.model import Kind, Route
from auditor.settings.config import Settings, read_settings
from auditor.state.ledger import Ledger
from auditor.state.past_runs import find_run
from auditor.writes import Cell, Plan, read_plan, read_sealed
from tests import given_time
from tests.nothing_known import a_plan, a_write
from tests.small_folder import made

PLAN = a_plan(a_write(Kind.UPDATE, Route.SINGLE, "C1", "1", (Cell("city", "Gent", "Ghent"),)))
EDITED = replace(PLAN, writes=(replace(PLAN.writes[0], cells=(Cell("city", "Gent", "Luik"),)),))
"""By hand, and with a SHA that fits again."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "plan.json"


def put(plan: Plan, seal: Mapping[str, Any] | None, path: Path) -> Path:
    path.write_text(plan.to_json(seal), "utf-8")
    return path


def recorded(path: Path, ledger: Ledger) -> Plan:
    plan, seal = read_sealed(path)
    stored_plans.check_made_here(plan, seal, ledger)
    return plan


def test_a_plan_that_was_made_here_is_one(tmp_path: Path, path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        put(PLAN, stored_plans.record(PLAN, path, ledger), path)
        assert recorded(path, ledger) == PLAN
        again = replace(PLAN, made=PLAN.made + timedelta(hours=1))  # the same content, so the same name
        put(again, stored_plans.record(again, path, ledger), path)
        assert recorded(path, ledger) == again


def test_a_plan_of_an_earlier_version_is_one_if_it_was_recorded(tmp_path: Path, path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        put(PLAN, None, path)
        assert PLAN.sha == read_plan(path).sha, "the seal is no part of the name"
        with pytest.raises(GuardRefused, match="not known to the ledger"):
            recorded(path, ledger)
        stored_plans.record(PLAN, path, ledger)
        assert recorded(path, ledger) == PLAN


@pytest.mark.parametrize(
    ("plan", "change"),
    [
        (EDITED, lambda seal: seal),
        (EDITED, lambda seal: None),
        (replace(PLAN, made=PLAN.made + timedelta(hours=1)), lambda seal: seal),
        (PLAN, lambda seal: seal | {"entry": seal["entry"] - 1}),
        (PLAN, lambda seal: seal | {"mac": "0" * 64}),
        (PLAN, lambda seal: seal | {"mac": "\u00e9"}),
        (PLAN, lambda seal: seal | {"mac": 1}),
        (PLAN, lambda seal: {}),
        (PLAN, lambda seal: "seal"),
    ],
)
def test_whatever_was_edited_is_refused(
    plan: Plan, change: Callable[[Mapping[str, Any]], Any], tmp_path: Path, path: Path
) -> None:
    with Ledger(tmp_path) as ledger:
        put(plan, change(stored_plans.record(PLAN, path, ledger)), path)
        with pytest.raises(GuardRefused, match="only plans that `auditor` made"):
            recorded(path, ledger)


def test_what_would_raise_a_permission_is_refused_though_it_was_recorded(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Finished writes are looked at once more before anything is read or sent, whoever made them."""
    folder = tmp_path / "folder"
    shutil.copytree(made(tmp_path_factory).audited, folder)
    settings = read_settings(folder / "auditor.toml")
    run = find_run(settings)
    news = Cell("subscriptions#Newsletter", "false", "true")
    for kind in (Kind.UPDATE, Kind.SUBSCRIBE):
        plan = replace(a_plan(a_write(kind, Route.SINGLE, "C1", "1", (news,))), run=run.name, made=given_time.now())
        path = run / f"plan-{plan.sha}.json"
        with Ledger(settings.state_folder) as ledger:
            put(plan, stored_plans.record(plan, path, ledger), path)
        with pytest.raises(GuardRefused, match="permission"):
            apply(settings, path, confirmed={kind: 1}, clock=given_time.now)


def test_another_ledgers_seal_is_none(tmp_path: Path, path: Path) -> None:
    with Ledger(tmp_path / "here") as here, Ledger(tmp_path / "there") as there:
        stored_plans.record(PLAN, path, here)
        put(PLAN, stored_plans.record(PLAN, path, there), path)
        assert asdict(here.seal(PLAN.sha, PLAN.made)) != asdict(there.seal(PLAN.sha, PLAN.made))
        with pytest.raises(GuardRefused, match="made elsewhere"):
            recorded(path, here)


def test_a_plan_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    run = tmp_path / "20261123T060000Z-7f3a"
    run.mkdir()
    settings = cast(Settings, SimpleNamespace(runs_folder=tmp_path))
    with pytest.raises(SettingsError) as raised:
        stored_plans.find_plan(settings, "1b6c761d42e1")
    assert raised.value.hint == "make one: auditor plan"
    for sha in ("1b6c761c42e135fd", "1b2c7c4fcae5c9f0"):
        (run / f"plan-{sha}.json").touch()
    for name, said, hint in (
        ("1b6c761d42e1", 'there is no plan "1b6c761d42e1"', "the newest: "),
        ("plan-1b", '2 plans begin with "plan-1b"', "these: 1b2c7c4fcae5, 1b6c761c42e1"),
    ):
        with pytest.raises(SettingsError, match=said) as raised:
            stored_plans.find_plan(settings, name)
        assert (raised.value.hint or "").startswith(hint)
        assert ('did you mean "1b6c761c42e1"?' in str(raised.value)) is (name == "1b6c761d42e1")
