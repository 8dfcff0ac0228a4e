"""An audited folder put right while the platform misbehaves: when the trouble is over and the plan is resumed, the
licence holds what it would have held without trouble, nothing was sent twice, and nobody became contactable.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import stamina

from auditor.cli.demonstration import write_settings
from auditor.commands.apply import apply
from auditor.commands.plan import plan
from auditor.errors import AuditorError
from auditor.model import Outcome
from auditor.writes import read_plan
from tests import given_time, small_folder
from tests.driven_sandbox import Sandbox
from tests.walk import ON, by_id

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_pauses")]

Profiles = dict[str, dict[str, str]]

COMBINATIONS: dict[str, dict[str, float]] = {
    "a bad network": {"drop-before": 0.08, "drop-after": 0.08, "truncated": 0.08, "duplicate": 0.08},
    "a busy platform": {"429": 0.15, "429-retry-after": 0.1, "503": 0.1, "other-clients": 0.1, "expired-token": 0.1},
    "a broken platform": {"500": 0.15, "503-retry-after": 0.1, "eventual": 0.3},
    "everything": {
        "500": 0.05, "503": 0.05, "drop-before": 0.05, "drop-after": 0.05, "truncated": 0.05, "duplicate": 0.05,
        "eventual": 0.2, "expired-token": 0.05, "other-clients": 0.05,
    },
}  # fmt: skip


@dataclass
class Case:
    """A copy of the audited folder and of its licence, and the plans made from it."""

    folder: Path
    sandbox: Sandbox
    before: Profiles

    def apply(self, *, troubled: bool = False) -> list[Mapping[Outcome, int]]:
        """Apply every plan; in trouble three times, as a schedule would, since trouble that lasts stops a plan."""
        settings = write_settings(self.folder, self.sandbox.url)
        counts = []
        for path in sorted(self.folder.glob("runs/*/plan-*.json")):
            confirmed = dict(read_plan(path).counts)
            for _ in range(3 if troubled else 1):
                with contextlib.suppress(*([AuditorError] if troubled else [])):
                    applied = apply(settings, path, confirmed=confirmed, clock=given_time.now, sleep=self.sandbox.sleep)
                    counts.append(applied.counts)
        return counts


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The audited folder with its plans; `sandbox/` is the licence."""
    made = small_folder.made(tmp_path_factory)
    folder = tmp_path_factory.mktemp("planned") / "folder"
    shutil.copytree(made.audited, folder)
    shutil.copytree(made.licence, folder / "sandbox")
    settings = write_settings(folder, "http://127.0.0.1:1")
    assert len(plan(settings, now=given_time.now(), route="single")) > 1
    return folder


def run(
    planned: Path, target: Path, faults: dict[str, float]
) -> tuple[Profiles, Profiles, list[Mapping[Outcome, int]]]:
    """The licence before and after: applied under faults, then resumed without."""
    shutil.copytree(planned, target)
    with Sandbox(target / "sandbox", profiles=small_folder.PROFILES, seed=3, limits="extended") as sandbox:
        case = Case(target, sandbox, by_id(sandbox))
        for name, rate in faults.items():
            sandbox.fault(name, rate)
        if faults:
            case.apply(troubled=True)
            assert set(sandbox.faults()) == set(faults), "each of them happened"
            sandbox.clear_faults()
            sandbox.advance(5)
        counts = case.apply()
        calls = sandbox.state()["calls"]["total"]
        case.apply()
        assert sandbox.state()["calls"]["total"] - calls <= 4 * len(counts), "only the structure is asked for again"
        return case.before, by_id(sandbox), counts


def values(profiles: Profiles) -> set[tuple[tuple[str, str], ...]]:
    """Who holds what, without the moments and the numbers that depend on the order of creation."""
    left_out = ("updateMoment", "creationMoment")
    return {
        tuple(
            sorted((column, value) for column, value in one.items() if column not in left_out and column != "profileId")
        )
        for one in profiles.values()
    }


@pytest.fixture(scope="module")
def untroubled(planned: Path, tmp_path_factory: pytest.TempPathFactory) -> Profiles:
    with stamina.set_testing(True, attempts=5, cap=True):
        before, after, counts = run(planned, tmp_path_factory.mktemp("calm") / "folder", {})
    assert values(before) != values(after)
    assert all(one[Outcome.LANDED] for one in counts)
    return after


@pytest.mark.parametrize("name", COMBINATIONS)
def test_after_the_trouble_everything_is_as_without_it(
    planned: Path, untroubled: Profiles, tmp_path: Path, name: str
) -> None:
    before, after, _ = run(planned, tmp_path / "folder", COMBINATIONS[name])
    assert values(after) == values(untroubled)
    for number, one in after.items():
        was = before.get(number, {})
        for column in ON:
            if column == "doNotContact":
                assert one.get(column) == "true" or was.get(column) != "true"
            elif one.get(column) == "true":
                assert was.get(column) == "true"
