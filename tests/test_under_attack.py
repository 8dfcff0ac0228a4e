"""What is kept of the promise on writing back while commands work with the sandbox over HTTP, which misbehaves: they
are killed, others are at work at the same time, disks refuse. Somebody goes on, and it is as if nothing had been.

Where a process can be killed is listed by running: every statement of the ledger, every change of a file, every request
before it leaves and after its answer has come. Moments in between are drawn. `make soak SOAK=N` kills 2,500 times N
while a plan is applied, and everything else at each of its steps.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import pytest

from auditor.cli.demonstration import write_settings
from tests import given_time, small_folder
from tests.driven_sandbox import Sandbox
from tests.kill_attacks import a_copied_run, a_full_disk, a_read_only_folder, a_second_folder, two_at_once
from tests.kill_commands import COMMANDS, Known, killed, make_known, undisturbed
from tests.kill_turns import FAULTS, Case, Ready, kill, make_case, make_ready
from tests.small_folder import Made

KILLS: Final = 16
SOAKED: Final = 2_500
PER_CASE: Final = 200
"""So many kills of the soak are of one plan."""
CORRECTIONS: Final = 2
"""The seed of a plan with opt-outs, an opt-in and a file; of those that follow in the soak, some are of creations."""


@pytest.fixture(scope="module")
def ready(small: Made, sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Ready:
    base = tmp_path_factory.mktemp("ready")
    folder = small_folder.copy(small.agreed, base / "folder", sandbox)
    settings = write_settings(folder, sandbox.url)
    return make_ready(folder, settings, small.licence, given_time.now())


@pytest.fixture(scope="module")
def forked() -> Iterator[ProcessPoolExecutor]:
    """A process that has never worked: all that is killed, and the sandboxes, are forked from it."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        yield pool


@pytest.fixture(scope="module")
def corrections(ready: Ready, forked: ProcessPoolExecutor, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return forked.submit(make_case, ready, CORRECTIONS, tmp_path_factory.mktemp("corrections")).result()


@pytest.fixture(scope="module")
def known(
    ready: Ready, corrections: Case, forked: ProcessPoolExecutor, tmp_path_factory: pytest.TempPathFactory
) -> Known:
    return forked.submit(make_known, ready, corrections, tmp_path_factory.mktemp("known")).result()


def test_whoever_is_killed_and_whenever_it_ends_as_if_nothing_had_been(
    ready: Ready,
    corrections: Case,
    forked: ProcessPoolExecutor,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    soak = float(os.environ.get("SOAK", 0))
    number = int(SOAKED * soak) if soak else KILLS
    dead: Counter[str] = Counter()
    happened: Counter[str] = Counter()
    cases = {CORRECTIONS: corrections}
    for turn in range(number):
        wanted = CORRECTIONS + turn // PER_CASE
        if wanted not in cases:
            cases[wanted] = forked.submit(make_case, ready, wanted, tmp_path).result()
        case = cases[wanted]
        fault = list(FAULTS)[turn % len(FAULTS)]
        at = None if turn % 10 == 9 else 1 + (turn * 37) % len(case.steps)
        told = forked.submit(kill, case, ready, tmp_path, fault, turn, at).result()
        dead[fault] += told["killed"] > 0
        happened[fault] += told["happened"]
    asked = len(corrections.steps) - corrections.steps[::-1].index("HTTP POST after")
    kept = 1 + corrections.steps.index("after COMMIT", asked)  # the number of an import, and nothing else of it
    assert forked.submit(kill, corrections, ready, tmp_path, "none", number, kept).result()["killed"]
    assert all(happened[fault] for fault in FAULTS if fault != "none"), happened
    if soak:
        with capsys.disabled():
            told_of = f"{dead.total():,} of {number:,} killed over HTTP: {dict(dead)}, faults {dict(happened)}"
            boundaries = {one: len(case.steps) for one, case in cases.items()}
            sys.stdout.write(f"\n{told_of}, boundaries of plans {boundaries}, seeds 0 to {number - 1:,}\n")
    assert dead.total() > number * 0.7


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "run" or os.environ.get("SOAK")])
def test_a_command_that_is_killed_is_called_once_more_and_has_done_it_once(
    known: Known, forked: ProcessPoolExecutor, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run takes long, and its end is killed in test_commit: here only with all that there is to try."""
    soak = bool(os.environ.get("SOAK"))
    steps, quiet = forked.submit(undisturbed, name, known, tmp_path).result()
    tried = range(1, len(steps) + 1, 9 if name == "run" else 1) if soak else (len(steps) // 3, len(steps) * 3 // 4)
    for at in tried:
        was, found = forked.submit(killed, name, known, tmp_path, at).result()
        assert was, (at, steps[at - 1])
        assert found == quiet, (at, steps[at - 1])
    if soak:
        with capsys.disabled():
            sys.stdout.write(f"\n{name}: {len(tried)} kills at {len(steps)} boundaries\n")


def test_of_two_processes_at_once_one_is_told_to_wait(
    ready: Ready, corrections: Case, forked: ProcessPoolExecutor, tmp_path: Path
) -> None:
    for told in forked.submit(two_at_once, corrections, ready, tmp_path).result():
        assert told.startswith("TRY_LATER")
        assert "auditor apply" in told, "who is at work"


def test_a_second_folder_that_shares_the_state_sends_nothing_twice_and_takes_all_of_it_back(
    ready: Ready, corrections: Case, forked: ProcessPoolExecutor, tmp_path: Path
) -> None:
    [told], ended = forked.submit(a_second_folder, corrections, ready, tmp_path).result()
    assert told.startswith("TRY_LATER")
    assert ended == (None, 0)


def test_a_run_that_was_copied_elsewhere_is_no_second_plan(
    ready: Ready, corrections: Case, forked: ProcessPoolExecutor, tmp_path: Path
) -> None:
    assert forked.submit(a_copied_run, corrections, ready, tmp_path).result() == (None, 0)


@pytest.mark.parametrize("kilobytes", [4, 60, 150])
def test_a_full_disk_ends_an_application_that_goes_on_when_there_is_space(
    ready: Ready, corrections: Case, forked: ProcessPoolExecutor, tmp_path: Path, kilobytes: int
) -> None:
    told = forked.submit(a_full_disk, corrections, ready, tmp_path, kilobytes).result()
    assert told.startswith("TRY_LATER")


@pytest.mark.parametrize(
    ("name", "does"),
    [("runs", "apply"), ("state", "apply"), ("runs", "plan"), ("runs", "undo"), ("runs", "run"), ("files", "files")],
)
def test_a_read_only_folder_is_told_before_anything_is_sent(
    ready: Ready, corrections: Case, forked: ProcessPoolExecutor, tmp_path: Path, name: str, does: str
) -> None:
    told = forked.submit(a_read_only_folder, corrections, ready, tmp_path, name, does).result()
    assert ("the undo can be written nowhere" if does == "undo" else "cannot be written: Read-only file system") in told
