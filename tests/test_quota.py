"""Somebody else uses the day's imports up: the plan waits for midnight in Brussels and ends as if nothing had been."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from auditor.cli.demonstration import write_settings
from auditor.commands.apply import apply
from auditor.commands.plan import plan
from auditor.commands.stored_plans import store
from auditor.model import Kind
from auditor.plan import road
from auditor.state.ledger import Ledger
from auditor.writes import read_plan
from tests import given_time, small_folder
from tests.driven_sandbox import Sandbox
from tests.walk import by_id

pytestmark = [
    pytest.mark.slow,
    pytest.mark.breaches("import_running", "import_repeated"),
    pytest.mark.usefixtures("no_pauses"),
]

BRUSSELS = ZoneInfo("Europe/Brussels")


def planned(factory: pytest.TempPathFactory, folder: Path) -> Path:
    """The audited folder and a plan of corrections by file, of which two go first, not twenty: it is a small folder.

    Without opt-outs: by file they go within the hour or not at all.
    """
    made = small_folder.made(factory)
    shutil.copytree(made.audited, folder)
    shutil.copytree(made.licence, folder / "sandbox")
    settings = write_settings(folder, "http://127.0.0.1:1")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(road, "CANARIES", 2)
        plans = plan(settings, now=given_time.now(), route="bulk")
    batches = [(one, write.batch) for one in plans for write in one.plan.writes if write.kind is Kind.UPDATE]
    one, batch = next((one, batch) for one, batch in batches if batch)
    rows = tuple(write for write in one.plan.writes if write.batch == batch)
    fewer = replace(one.plan, writes=rows, export_as_of=given_time.now())
    with Ledger(settings.state_folder) as ledger:
        return store(fewer, one.path.parent, ledger, settings).path


def test_a_quota_that_others_used_up_is_said_kept_and_tried_again_after_midnight(
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "folder"
    path = planned(tmp_path_factory, folder)
    shutil.copytree(folder, tmp_path / "calm")
    confirmed = dict(read_plan(path).counts)
    now = given_time.now()
    midnight = datetime.combine(now.astimezone(BRUSSELS).date() + timedelta(days=1), time(), BRUSSELS)

    with Sandbox(tmp_path / "calm" / "sandbox", profiles=small_folder.PROFILES, seed=1) as sandbox:
        settings = write_settings(tmp_path / "calm", sandbox.url)
        calm = tmp_path / "calm" / path.relative_to(folder)
        apply(settings, calm, confirmed=confirmed, clock=given_time.now)
        expected = without_moments(by_id(sandbox))

    monkeypatch.chdir(folder)
    with Sandbox(folder / "sandbox", profiles=small_folder.PROFILES, seed=1) as sandbox:
        settings = write_settings(folder, sandbox.url)
        sandbox.fault("quota-used", 1, times=1)
        counts = [f"--confirm={kind.value}={count}" for kind, count in confirmed.items()]
        for _ in range(2):
            said = small_folder.auditor(capsys, "apply", str(path), "--yes", *counts)
            assert said.code == 75
            told = " ".join(said.err.split())
            assert "others have used them up (0 were ours)" in told
            assert f"{midnight.astimezone(UTC):%Y-%m-%d %H:%M} UTC" in told
            with Ledger(settings.state_folder) as ledger:
                assert len(ledger.imports()) == 1, "asked once, and not again on the same day"
        assert without_moments(by_id(sandbox)) != expected

        later = midnight.astimezone(UTC) + timedelta(seconds=1)
        sandbox.clock(later)
        applied = apply(settings, path, confirmed=confirmed, clock=lambda: later)
        assert applied.stopped is None
        assert without_moments(by_id(sandbox)) == expected


def without_moments(profiles: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    return {
        number: {column: value for column, value in one.items() if not column.endswith("Moment")}
        for number, one in profiles.items()
    }
