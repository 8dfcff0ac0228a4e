"""Nobody becomes contactable against their will, whatever happens in whatever order: see `tests.consent_world`.

`make soak SOAK=N` lets N million people live, each world with a seed of its own.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.consent_world import BrokenLaw, live_through

PEOPLE, STEPS = 5_000, 3
SOAKED = 1_000_000


@pytest.mark.slow
def test_no_permission_goes_up_but_by_a_person_on_newer_evidence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By nobody's file, creation or undo, after no kill, and under no other key of theirs."""
    soak = float(os.environ.get("SOAK", 0))
    seeds = range(1, 1 + int(SOAKED * soak / PEOPLE)) if soak else range(2, 3)
    happened: Counter[str] = Counter()
    for seed in seeds:
        happened += live_through(tmp_path / "world", PEOPLE, STEPS, seed)
        shutil.rmtree(tmp_path / "world")
    with capsys.disabled():
        if soak:
            sys.stdout.write(f"\n{len(seeds) * PEOPLE:,} histories, seeds {seeds}: {dict(happened)}\n")
    wanted = {"run", "plan", "applied", "opt-in", "opt-out"} | ({"killed"} if soak else set())  # which comes by chance
    assert wanted <= (+happened).keys(), dict(happened)


@pytest.mark.parametrize(
    ("broken", "noticed"),
    [
        ("auditor.permissions.last_opt_outs", "a run has seen an opt-out"),
        ("auditor.permissions.general", "while the general consent was off"),
    ],
)
def test_the_law_is_noticed_when_it_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str, noticed: str
) -> None:
    """Else the test before would show nothing. Some worlds see no such thing happen."""
    monkeypatch.setattr(broken, lambda *_: {})
    with pytest.raises(BrokenLaw, match=noticed):
        _worlds(tmp_path, range(2, 12))


def _worlds(folder: Path, seeds: Iterable[int]) -> None:
    for seed in seeds:
        live_through(folder / str(seed), 600, 2, seed)
