"""Nobody becomes contactable against their will, whatever happens in whatever order: see `tests.consent_machine`.

`make soak SOAK=N` lets N million people live, in larger worlds that last longer.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from typing import ClassVar, Final

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis.stateful import run_state_machine_as_test

from tests.consent_machine import Histories

SEED, WORLDS, STEPS = 1, 4, 40
"""The first seed, how many worlds live by each, and how much may happen in one."""
LEAST, SEEDS = 5_000, 4
SOAKED, LARGE, LONG = 1_000_000, 2_500, 100

WANTED: Final = {
    *("run", "plan", "applied", "killed", "created", "opt-in", "opt-out", "undone", "given back"),
    *("decided", "decided by two", "decided otherwise", "the inbox waits", "permitted", "pinned", "refused"),
    *("chosen: truth", "chosen: platform", "chosen: withdraw", "chosen: grounds", "chosen: owners"),
    *("fixed", "continued", "files", "files of others", "rekeyed", "clock back"),
    *("exchanged", "made again", "forgotten", "erased and in the truth again"),
}
"""What must have succeeded somewhere."""


class Long(Histories):
    """A world of soak."""

    PEOPLE = LARGE
    DAYS = 5
    happened: ClassVar[Counter[str]] = Counter()


@pytest.mark.slow
def test_no_permission_goes_up_but_by_a_person_on_newer_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    """By nobody's file, creation or undo, after no kill, and under no other key of theirs."""
    soak = float(os.environ.get("SOAK", 0))
    machine, steps, least = (Long, LONG, SOAKED * soak) if soak else (Histories, STEPS, LEAST)
    seed = SEED
    while machine.happened["people"] < least or (not machine.happened.keys() >= WANTED and seed < SEED + SEEDS):
        run_state_machine_as_test(
            hypothesis.seed(seed)(machine),
            settings=hypothesis.settings(
                max_examples=WORLDS,
                stateful_step_count=steps,
                deadline=None,
                database=None,
                phases=(
                    Phase.generate,
                ),  # what shrinking tries takes seconds a time; the commands and a story are told
                suppress_health_check=list(HealthCheck),
                print_blob=False,
            ),
        )
        seed += 1
        if soak:
            with capsys.disabled():
                sys.stdout.write(f"\n{machine.happened['people']:,} histories, seeds {SEED} to {seed - 1}\n")
    told = dict(sorted(machine.happened.items()))
    if soak:
        with capsys.disabled():
            sys.stdout.write(f"{told}\n")
    assert machine.happened.keys() >= WANTED, (WANTED - machine.happened.keys(), told)
