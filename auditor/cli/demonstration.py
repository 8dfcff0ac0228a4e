"""The main job from beginning to end on an invented licence, leaving a working folder behind.

Both sides agree; they are audited once, a week ago, which sets the agreed values. A week of real life passes. They are
audited, corrected by both routes, and audited again.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import textwrap
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

import click

from auditor.cli import clock
from auditor.cli.planned import print_applied
from auditor.cli.screen import WIDTH, Steps, say, table
from auditor.commands import run as pipeline
from auditor.commands.apply import apply
from auditor.commands.init.schema import put_beside
from auditor.commands.plan import plan
from auditor.commands.review import tell as told
from auditor.errors import SettingsError
from auditor.files.data import data_folder
from auditor.files.whole import write_whole
from auditor.findings import figures
from auditor.findings.audit import Audit
from auditor.findings.planned import in_words
from auditor.findings.sentences import of_plan
from auditor.findings.words import FLAG, STATUS, Words
from auditor.model import Status
from auditor.sandbox.process import Sandbox
from auditor.settings.config import Settings, read_settings

MARK = ".auditor-demo"
"""A folder with this file is a demo and may be replaced by the next."""

PORT = 8700
WEEK = timedelta(days=7)
LIMITS: Final = "extended"
"""Of the invented licence; the settings below rely on them."""

SETTINGS = """\
#:schema ./schemas/auditor.schema.json
# Made by `auditor demo`: everything here is invented, and runs on this machine alone.
entity = "acme"
table  = "Customers"

[actito]
url     = "{url}"
api_key = "file:sandbox/api-key"
# This licence has bought extended limits. An ordinary one has 100 calls a minute and 5 at a time.
calls_per_minute = 12000
concurrency      = 8

[platform]
export = "exports/Customers_*.csv"

[truth]
from = "crm/contacts_*.csv"

[report]
privacy = "full"                         # the people are invented
"""


def demo(folder: Path, *, profiles: int, seed: int) -> None:
    """Run the demo in `folder`. Raises SettingsError when the folder holds anything but an earlier demo."""
    prepare(folder)
    tell = Steps()
    say(f"a demo in {folder}/: an invented licence with {profiles:,} profiles and extended limits")
    sandbox = Sandbox(folder / "sandbox", profiles=profiles, seed=seed, limits=LIMITS, port=_port())
    with sandbox:
        settings = write_settings(folder, sandbox.url)
        _agreed(sandbox, folder, settings, tell)
        before = _drifted(sandbox, folder, settings, tell)
        put_right(settings, tell)
        after = _again(sandbox, folder, settings, tell)
    _tell_result(folder, sandbox.url, settings, before, after)


def prepare(folder: Path) -> None:
    """An empty working folder with the contract of the invented licence; an earlier demo is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()) and not (folder / MARK).exists():
        raise SettingsError(f"{folder} is not empty and no earlier demo", hint="name another folder: auditor demo DIR")
    (folder / MARK).touch()
    for old in folder.iterdir():  # emptied, not removed: it may be the folder that the user stands in
        if old.name != MARK:
            shutil.rmtree(old) if old.is_dir() and not old.is_symlink() else old.unlink()
    shutil.copytree(data_folder("expectations") / "Customers", folder / "expectations" / "Customers")
    put_beside(folder)
    for name in ("exports", "crm"):
        (folder / name).mkdir()


def write_settings(folder: Path, url: str) -> Settings:
    """The settings file of a demo whose sandbox listens at `url`."""
    write_whole(folder / "auditor.toml", SETTINGS.format(url=url))
    return read_settings(folder / "auditor.toml")


def fetch_inputs(sandbox: Sandbox, folder: Path) -> None:
    """What a person does in the portal and a job does in the CRM: put fresh files where the settings look."""
    sandbox.export(folder / "exports")
    sandbox.crm(folder / "crm")


def _port() -> int:
    """The sandbox's usual port if it is free, so that `auditor sandbox` fits the settings later; else any."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", PORT))
        except OSError:
            return 0
    return PORT


def _agreed(sandbox: Sandbox, folder: Path, settings: Settings, tell: Callable[[str], None]) -> None:
    tell("a week ago: both sides agree; a first audit sets the agreed values")
    then = clock.now() - WEEK
    sandbox.clock(then)
    fetch_inputs(sandbox, folder)
    audit = pipeline.run(settings, pipeline.Request(), now=then + timedelta(seconds=1), tell=_quiet)
    _aside(f"{audit.counts.profiles[Status.EQUAL]:,} profiles agree")


def _drifted(sandbox: Sandbox, folder: Path, settings: Settings, tell: Callable[[str], None]) -> Audit:
    tell("a week of real life passes: imports, forms, corrections, mistakes, opt-outs")
    sandbox.clock(clock.now())
    answers = sandbox.drift()
    write_whole(folder / "answers.json", json.dumps(answers, ensure_ascii=False, indent=1) + "\n")
    fetch_inputs(sandbox, folder)
    return pipeline.run(settings, pipeline.Request(), now=clock.now(), tell=tell)


def put_right(settings: Settings, tell: Callable[[str], None]) -> None:
    tell("making a plan of what may be corrected without asking anybody")
    words = Words.of(settings.names)
    for planned in plan(settings, now=clock.now()):
        if not planned.plan.writes:
            continue
        told(settings, planned)  # beside its run, where the worklist leads to it
        tell("applying a plan:")
        _aside(in_words(planned.plan.counts))
        if planned.plan.stop:
            _aside(f"stopped for a look: {of_plan(planned.plan.stop, words)}")
        for brake in planned.brakes:
            _aside(f"more than {brake.limit:,}, so the demo confirms: {brake.confirmation}")
        _aside(of_plan(planned.plan.route_reason, words))
        confirmed = {brake.kind: brake.count for brake in planned.brakes}
        applied = apply(settings, planned.path, confirmed=confirmed, clock=clock.now)
        print_applied(applied, words)


def _again(sandbox: Sandbox, folder: Path, settings: Settings, tell: Callable[[str], None]) -> Audit:
    tell("a fresh export, and a last audit")
    sandbox.idle()
    # An export's name tells its second: that of the next one begins after everything that was written.
    later = clock.now() + timedelta(seconds=1)
    sandbox.clock(later)
    fetch_inputs(sandbox, folder)
    return pipeline.run(settings, pipeline.Request(), now=later, tell=tell)


def _tell_result(folder: Path, url: str, settings: Settings, before: Audit, after: Audit) -> None:
    say = Words.of(settings.names)
    words = say.labels(STATUS) | say.labels(FLAG)
    click.echo()
    then, now = figures.per_profile(before.counts), figures.per_profile(after.counts)
    shown = (one for one in now if then[one] or now[one] or one not in figures.APART)
    rows: list[tuple[str, int, int]] = [(words[one], then[one], now[one]) for one in shown]
    rows += [
        ("Differences", before.counts.open_differences, after.counts.open_differences),
        ("Permission findings", before.permissions.height, after.permissions.height),
        ("Invalid values", before.counts.errors, after.counts.errors),
    ]
    table(rows, header=("", "before", "after"))
    click.echo()
    click.echo(f"  report before  {_shown(before.folder / 'report.html')}")
    click.echo(f"  report after   {_shown(after.folder / 'report.html')}")
    click.echo("\n  What is left needs a person: decisions, duplicates, people on one side only.")
    click.echo("  New people were created without permission to contact them; that is a decision, too.")
    click.echo("\n  To go on:\n")
    for line in to_go_on(folder, url, next(iter(after.profiles["key"]), "KEY")):
        click.echo(f"    {line}")


def to_go_on(folder: Path, url: str, key: str) -> tuple[str, ...]:
    """What a user types to go on in a demo: a sandbox with the limits and the port that its settings count on, an
    export of what it has by then, a run, and a profile.
    """
    program = _program(folder)
    port = "" if url.endswith(f":{PORT}") else f" --port {url.rpartition(':')[2]}"
    return (
        f"cd {folder}",
        f"{program} sandbox --limits {LIMITS}{port} &",
        f"(cd exports && curl -sOJ {url}/_sandbox/export)",
        f"{program} run",
        f"{program} show {key}",
    )


def _program(folder: Path) -> str:
    """How `auditor` is called from inside the folder, as this process was called."""
    called = Path(sys.argv[0])
    if shutil.which("auditor") and Path(str(shutil.which("auditor"))).resolve() == called.resolve():
        return "auditor"
    return os.path.relpath(called, folder) if called.name == "auditor" else f"{sys.executable} -m auditor"


def _shown(path: Path) -> str:
    return os.path.relpath(path)


def _aside(text: str) -> None:
    """A remark on the step that is going on."""
    say(textwrap.fill(text, WIDTH, initial_indent=" " * 11, subsequent_indent=" " * 11))


def _quiet(_: str) -> None:
    pass
