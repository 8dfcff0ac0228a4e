"""A small working folder as the demo makes it, for tests of commands: made once, copied for each test."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest

from auditor.cli import execute
from auditor.cli.demonstration import fetch_inputs, prepare, write_settings
from auditor.commands import run as pipeline
from tests import given_time
from tests.driven_sandbox import Sandbox

PROFILES = 60

COLUMNS = (
    "customerId", "emailAddress", "lastName", "gsmNumber", "addressStreet", "nickname", "note",
    "marketingConsent", "subscriptions#Newsletter", "subscriptions#Events",
)  # fmt: skip
"""What the small contract compares: an audit takes as long as it has columns, however few the profiles."""


@dataclass(frozen=True)
class Made:
    """Two states of one folder, and the licence behind it after a week of drift."""

    agreed: Path
    """Audited a week ago, when both sides agreed; the inputs of today lie there and nobody has audited them."""
    audited: Path
    """The same after today's audit."""
    licence: Path


def made(factory: pytest.TempPathFactory) -> Made:
    """The same for every module and every process of a session: whoever comes first makes it, the others wait."""
    base = factory.getbasetemp()
    return _made((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "small")


@cache
def _made(base: Path) -> Made:
    base.mkdir(exist_ok=True)
    there = Made(base / "agreed", base / "folder", base / "sandbox")
    with (base / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not there.licence.exists():
            _make(base)
    return there


def _make(base: Path) -> None:
    folder = base / "folder"
    prepare(folder)
    shorten(folder / "expectations" / "Customers" / "contract.toml")
    with Sandbox(folder / "sandbox", profiles=PROFILES, seed=1, limits="extended") as sandbox:
        settings = write_settings(folder, sandbox.url)
        then = given_time.now() - timedelta(days=7)
        sandbox.clock(then)
        fetch_inputs(sandbox, folder)
        pipeline.run(settings, pipeline.Request(), now=then + timedelta(seconds=1), tell=lambda _: None)
        sandbox.clock(given_time.now())
        sandbox.drift()
        fetch_inputs(sandbox, folder)
        shutil.copytree(folder, base / "agreed", ignore=shutil.ignore_patterns("sandbox"))
        pipeline.run(settings, pipeline.Request(), now=given_time.now(), tell=lambda _: None)
    (folder / "sandbox").rename(base / "sandbox")


def shorten(contract: Path) -> None:
    """Leave in a contract what an audit of a small folder compares."""
    head, *columns = re.split(r"(?m)^(?=\[columns\.)", contract.read_text("utf-8"))
    kept = [text for text in columns if text[len("[columns.") : text.index("]")].strip('"') in COLUMNS]
    assert len(kept) == len(COLUMNS)
    contract.write_text(head + "".join(kept), "utf-8")


@contextmanager
def licence(factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox of its own with the licence of the folder."""
    directory = factory.mktemp("licence") / "sandbox"
    shutil.copytree(made(factory).licence, directory)
    with Sandbox(directory, profiles=PROFILES, limits="extended") as sandbox:
        yield sandbox


def copy(template: Path, target: Path, sandbox: Sandbox) -> Path:
    """A working folder that may be changed, with the settings of this sandbox."""
    shutil.copytree(template, target)
    shutil.copytree(sandbox.directory, target / "sandbox")
    write_settings(target, sandbox.url)
    return target


@dataclass(frozen=True)
class Said:
    """What one command did on a terminal."""

    code: int
    out: str
    err: str


def auditor(capsys: pytest.CaptureFixture[str], *arguments: str) -> Said:
    """Run a command in this process, in the current folder. Nothing that is tested this way may be a bug."""
    capsys.readouterr()
    code = execute(arguments)
    told = capsys.readouterr()
    assert "Traceback" not in told.err, told.err
    assert "bug" not in told.err, told.err
    return Said(code, told.out, told.err)


def footprint(folder: Path) -> dict[str, str]:
    """`runs/`, `state/` and `expectations/`, and every file and folder in them, hidden ones too, with its hash."""
    tops = [folder / name for name in ("runs", "state", "expectations") if (folder / name).exists()]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for top in tops
        for path in (top, *sorted(top.rglob("*")))
    }
