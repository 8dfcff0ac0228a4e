"""This machine: versions, disk, memory, files that others could read, the ledger, and what runs and ran."""

from __future__ import annotations

import os
import platform as system
import shutil
import stat
from datetime import timedelta
from importlib.metadata import requires, version
from pathlib import Path
from zoneinfo import ZoneInfo

from packaging.requirements import Requirement

from auditor import __version__
from auditor.commands import settle
from auditor.commands.doctor.subject import Finding, State, Subject
from auditor.errors import SettingsError
from auditor.files.disk import MARGIN, megabytes
from auditor.findings.english.numbers import counted
from auditor.findings.english.structure_words import listed
from auditor.state import personal, run_folder
from auditor.state.ledger import quota_day
from auditor.state.past_runs import NoRun, find_run

DISTRIBUTION = "profile-auditor"
TOLD = ("duckdb", "polars", "great-expectations", "httpx")
"""Packages whose versions explain a behaviour."""
NEWER_BULK_CALLS = 24
"""Triggered and one-shot imports of a day since February 2026 (change log); 12 before."""
COPIES = 3
"""A run holds each input about so many times: unpacked, landed, and what is spilled while comparing."""
_UNITS = {"K": 1, "M": 2, "G": 3, "T": 4}


def versions(subject: Subject) -> Finding:
    """What runs here, and is it what the auditor was made for?"""
    wanted = [Requirement(text) for text in requires(DISTRIBUTION) or ()]
    unfit = [
        f"{one.name} {version(one.name)} is installed, and {one.specifier} is needed"
        for one in wanted
        if (one.marker is None or one.marker.evaluate({"extra": ""}))
        and not one.specifier.contains(version(one.name), prereleases=True)
    ]
    if unfit:
        return Finding(State.TROUBLE, "; ".join(unfit), f"pip install --upgrade {DISTRIBUTION}")
    packages = ", ".join(f"{name} {version(name)}" for name in TOLD)
    return Finding(State.OK, f"auditor {__version__}, Python {system.python_version()}, {packages}")


def time_zones(subject: Subject) -> Finding:
    """Is the data about time zones there, and which does the contract name?"""
    try:
        ZoneInfo("Europe/Brussels")
    except KeyError:  # ZoneInfoNotFoundError is one
        return Finding(State.TROUBLE, "this machine has no data about time zones", "pip install tzdata")
    return Finding(State.OK, f"moments without a zone are read as those of {subject.draft.need().timezone.key}")


def disk(subject: Subject) -> Finding:
    """Is there room for a run?"""
    sides = [found.need().pulled for found in (subject.platform, subject.truth)]
    needed = COPIES * sum(pulled.path.stat().st_size for pulled in sides) + MARGIN
    place = _existing(subject.settings.runs_folder)
    free = shutil.disk_usage(place).free
    if free < needed:
        return Finding(
            State.TROUBLE,
            f"{megabytes(free)} are free for runs, and a run needs about {megabytes(needed)}",
            "free some space, or shorten [state.retain]",
        )
    return Finding(State.OK, f"{megabytes(free)} are free for runs; one needs about {megabytes(needed)}")


def memory(subject: Subject) -> Finding:
    """Does the memory limit fit this machine?"""
    limit = subject.settings.engine.memory_limit
    number = limit.rstrip("iBKMGT ")
    unit = limit[len(number) :].strip()
    asked = float(number) * (1024 if "i" in unit else 1000) ** _UNITS[unit[0]]
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if asked > 0.8 * there:
        return Finding(
            State.WARNING,
            f"memory_limit is {limit}, and this machine has {megabytes(there)}: the system may end a run",
            "lower memory_limit below [engine]: what does not fit is written to disk",
        )
    return Finding(State.OK, f"memory_limit is {limit} of {megabytes(there)}")


def permissions(subject: Subject) -> Finding:
    """Can others read what should be read by its owner alone?"""
    settings = subject.settings
    keys = [key for key in (settings.actito.api_key, settings.actito.write_api_key) if key is not None]
    files = [settings.folder / key.reference.removeprefix("file:") for key in keys if key.reference.startswith("file:")]
    open_ones = [
        path
        for path in (*files, *personal.folders(settings))
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    if open_ones:
        names = [str(path.relative_to(settings.folder)) if path.is_relative_to(settings.folder) else str(path)
                 for path in open_ones]  # fmt: skip
        return Finding(
            State.WARNING,
            f"others on this machine can read {listed(names)}",
            f"chmod go= {' '.join(names)}",
        )
    return Finding(State.OK, "keys, runs and state are readable for their owner alone")


def ledger(subject: Subject) -> Finding:
    """Is the record of everything written unbroken?"""
    record = subject.ledger.get()
    if record is None:
        return Finding(State.OK, "there is no ledger yet: the first run makes it")
    wrong = settle.trouble_of(record, subject.settings, subject.now)
    if wrong:
        return Finding(State.TROUBLE, listed(list(wrong)), settle.HINT)
    found = record.verify()
    if found.problems:
        return Finding(
            State.TROUBLE,
            f"the ledger is not as it was written: {listed(list(found.problems))}",
            "restore ledger.sqlite from a backup; write nothing until then",
        )
    return Finding(State.OK, f"the ledger is unbroken: {counted(found.entries, 'entry', 'entries')}")


def quota(subject: Subject) -> Finding:
    """How many bulk calls has the table left today?"""
    record, settings = subject.ledger.need(), subject.settings
    own = min(settings.actito.own_bulk_calls_per_day, settings.actito.bulk_calls_per_day)
    licence = _of_licence(settings.actito.bulk_calls_per_day)
    if record is None:
        return Finding(State.OK, f"none of the {own} bulk calls that the auditor may make today was made; {licence}")
    calls = record.bulk_calls(settings.table, quota_day(subject.now))
    if calls.exhausted:
        return Finding(
            State.WARNING,
            "Actito said today that the bulk calls of this table are used up",
            "go on after midnight in Brussels, or ask who else imports into this table",
        )
    if calls.lost:
        return Finding(
            State.WARNING,
            "a part of the record of today's bulk calls is lost: none is made any more",
            "go on after midnight in Brussels",
        )
    if calls.used >= own:
        return Finding(
            State.WARNING,
            f"all {own} bulk calls that the auditor may make today were made",
            "go on after midnight in Brussels",
        )
    made = f"{calls.used} of the {own} bulk calls that the auditor may make today were made"
    return Finding(State.OK, f"{made}; {licence}")


def _of_licence(calls: int) -> str:
    """What is known of the licence's own limit (D-limits; change log, 2026-02)."""
    told = f"the licence is taken to have {calls} a day for this table"
    if calls < NEWER_BULK_CALLS:
        return f"{told} (bulk_calls_per_day): Actito allows {NEWER_BULK_CALLS} since February 2026"
    return told


def other_runs(subject: Subject) -> Finding:
    """Is another auditor at work on this folder?"""
    if subject.busy:
        return Finding(State.WARNING, "another auditor is at work here", "wait until it has ended")
    return Finding(State.OK, "no other auditor is at work here")


def schedule(subject: Subject) -> Finding:
    """Do audits still happen?"""
    settings = subject.settings
    try:
        last = find_run(settings)
    except NoRun:
        return Finding(State.OK, "there is no run yet; make the first: auditor run")
    except SettingsError as error:
        return Finding(State.WARNING, str(error), "make a new run: auditor run")
    began = run_folder.started(last.name)
    age = subject.now - began if began else timedelta()
    if age > max(settings.platform.max_age, timedelta(days=1)):
        return Finding(
            State.WARNING,
            f"the last run was {age.days} days ago ({last.name})" if age.days > 1 else f"the last run was {last.name}",
            "if audits are scheduled, look whether the schedule still works",
        )
    return Finding(State.OK, f"the last run was {last.name}")


def _existing(path: Path) -> Path:
    """The nearest folder that exists."""
    return next(place for place in (path, *path.parents) if place.exists())
