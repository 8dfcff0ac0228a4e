"""Audit, plan, apply by both routes, verify and undo on a licence that has switched V4's calls about profiles off,
whatever spelling it turns out to have. That nothing of V4 was called is seen by the sandbox: `switched_off`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from auditor.apply.outcomes import Applied
from auditor.commands.apply import apply
from auditor.commands.plan import plan
from auditor.commands.stored_plans import Planned
from auditor.commands.undo import undo
from auditor.errors import Exit
from auditor.model import Kind, Route
from auditor.plan import road
from auditor.sandbox.dialect import FORMS, varied
from auditor.settings.config import Settings, read_settings
from tests import given_time, small_folder
from tests.driven_sandbox import Sandbox
from tests.walk import ON, audit

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_pauses")]

SEEDS = tuple(range(24)) if os.environ.get("SOAK") else (0, 1, 3, 15, 17)
"""All that the forms are tried with, where there is time; else those that draw every choice of what matters here."""
VARIED = (
    "total",
    "v4_profiles",
    "changed",
    "created",
    "profile_items",
    "profile_page",
    "list_sections",
    "segment_nulls",
)


@pytest.fixture
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with small_folder.licence(tmp_path_factory) as running:
        yield running


@pytest.fixture
def settings(
    sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """Of the small folder before today's audit, where a few rows are enough for a file, and fewer go before it."""
    monkeypatch.setattr(road, "CANARIES", 2)
    folder = small_folder.copy(small_folder.made(tmp_path_factory).agreed, tmp_path / "folder", sandbox)
    with (folder / "auditor.toml").open("a", encoding="utf-8") as file:
        file.write("\n[fixes]\nbulk_min_rows = 5\n")
    for export in sorted((folder / "exports").iterdir())[1:]:
        export.unlink()
    return read_settings(folder / "auditor.toml")


def test_every_choice_of_what_v5_leaves_open_is_drawn() -> None:
    for name in VARIED:
        assert {getattr(varied(seed), name) for seed in SEEDS} == set(FORMS[name]), name


def held(sandbox: Sandbox) -> dict[str, dict[str, str]]:
    """Every profile by its id, without the moment of its last change."""
    return {
        one["profileId"]: {name: value for name, value in one.items() if name != "updateMoment"}
        for one in sandbox.profiles()
    }


def planted(sandbox: Sandbox, fate: str) -> dict[tuple[str, str], Any]:
    """Key and column to what the truth says, of the columns that the small contract compares."""
    return {
        (key, column): cell["truth"]
        for key, profile in sandbox.answers()["profiles"].items()
        for column, cell in profile["differences"].items()
        if cell["fate"] == fate and column in small_folder.COLUMNS
    }


def carried_out(settings: Settings, planned: Planned) -> Applied:
    confirmed = {brake.kind: brake.count for brake in planned.brakes}
    applied = apply(settings, planned.path, confirmed=confirmed, clock=given_time.now)
    assert applied.exit_code is Exit.FINE, (applied.stopped, applied.outcomes["detail"].to_list())
    assert set(applied.outcomes["outcome"]) <= {"landed"}
    return applied


@pytest.mark.breaches("body_form")  # names of files are asked for, and left out where they are refused
@pytest.mark.parametrize("seed", SEEDS)
def test_the_whole_path(sandbox: Sandbox, settings: Settings, seed: int, tmp_path: Path) -> None:
    forms = sandbox.forms(seed)
    assert forms["v4_profiles"] != "served"
    folder = tmp_path / "folder"
    sandbox.export(folder / "exports")
    before, corrected = held(sandbox), planted(sandbox, "corrected")
    assert corrected

    found = audit(settings)
    assert dict(found.differences.select("key", "column").iter_rows()).keys() >= {key for key, _ in corrected}
    plans = plan(settings, now=given_time.now())
    routes = {write.route for planned in plans for write in planned.plan.writes}
    assert routes == {Route.BULK, Route.SINGLE}
    for planned in plans:
        carried_out(settings, planned)

    after = held(sandbox)
    changed = {
        (after[number]["customerId"], column): after[number].get(column)
        for number in before
        for column in before[number].keys() | after[number].keys()
        if before[number].get(column) != after[number].get(column)
    }
    assert changed == corrected
    created = {after[number]["customerId"] for number in after.keys() - before.keys()}
    assert created == {key for key, one in sandbox.answers()["profiles"].items() if one["fate"] == "created"} != set()
    assert before.keys() <= after.keys()

    later = timedelta(seconds=2)
    sandbox.advance(later.total_seconds())  # an export's name tells its second
    sandbox.export(folder / "exports")
    verified = audit(settings, given_time.now() + later)
    left = set(verified.differences.select("key", "column").iter_rows())
    assert not left & corrected.keys()
    assert not created & set(verified.profiles.filter(status="missing")["key"])

    [corrections] = [planned for planned in plans if planned.plan.purpose == "correct"]
    back = undo(settings, corrections.path, now=given_time.now())
    assert not {write.kind for write in back.plan.writes} & {Kind.SUBSCRIBE, Kind.CREATE, Kind.DELETE}
    carried_out(settings, back)
    restored = held(sandbox)
    for number, profile in before.items():
        for column in profile.keys() | restored[number].keys():
            cell = (restored[number].get("customerId", ""), column)
            went_down = cell in corrected and column in ON
            kept = corrected[cell] if went_down else profile.get(column)
            assert restored[number].get(column) == kept, "nothing else, and no permission goes up again"
    assert {one["breach"] for one in sandbox.breaches()} <= (
        {"body_form"} if forms["file_names"] == "refused" else set()
    )
