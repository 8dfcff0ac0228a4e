"""Asking, applying and telling: shared by `apply` and `fix`."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from auditor.apply import Progress as Done
from auditor.cli import clock
from auditor.cli.planned import irrevocably, print_applied, print_applied_json, say_drift
from auditor.cli.screen import WIDTH, confirmed_on_terminal, say, somebody_there, wrapped
from auditor.commands.apply import against_truth, apply, counts_left, done, may_start, require_confirmed, since
from auditor.commands.decided import require_taken
from auditor.commands.review import where_to_read
from auditor.commands.stored_plans import irrevocable_of
from auditor.errors import GuardRefused
from auditor.findings.moments import moment
from auditor.findings.planned import against, in_words
from auditor.findings.words import Words
from auditor.model import Kind
from auditor.settings.config import Settings


def carry_out(
    settings: Settings,
    path: Path,
    *,
    confirmed: Mapping[Kind, int],
    ask: bool,
    older: bool = False,
    as_json: bool = False,
    shown: bool = False,
) -> int | None:
    """Apply a stored plan and print what became of it; gives the exit code, None when somebody said no.

    Whatever brakes it is told before anybody is asked. `older` is as in `commands.apply`; `as_json` prints one JSON
    document instead. `shown`: the plan was just printed, and what that says is not said again.
    """
    words = Words.of(settings.names)
    show = print_applied_json if as_json else partial(print_applied, words=words)
    already = done(settings, path)
    if already is not None:
        applied, last = already
        back = "" if not applied.drift.held else ", and some of it was taken back since"
        say(f"nothing is left to do: all of this plan was done by {moment(last)}{back}")
        say_drift(applied.drift, words)
        show(applied)
        return int(applied.exit_code)
    left = require_released(settings, path, confirmed)
    started = may_start(settings, path)
    if started:
        say(textwrap.fill(f"note: {started}", WIDTH, initial_indent="  ", subsequent_indent="    "))
    if not shown and (lost := irrevocably(irrevocable_of(path), words)):
        say(lost)
    known = since(settings, path, clock.now(), older=older) if ask else None
    if known is not None:
        say_drift(known.drift, words)
        if not shown and (reading := where_to_read(path)):
            say(wrapped("  ", reading))
        if any(left.values()) and not confirmed_on_terminal(question(settings, left, against_truth(settings, path))):
            if somebody_there():
                return None
            raise GuardRefused("nobody is there to answer", hint="add --yes to apply without being asked")
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("  writing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task("writing", total=None)

        def tell(done: Done) -> None:
            bar.update(task, completed=done.done, total=done.total)

        applied = apply(
            settings,
            path,
            confirmed=confirmed,
            clock=clock.now,
            progress=tell,
            tell=say,
            older=older,
            known=known,
            sleep=clock.sleep,
        )
    if not ask:
        say_drift(applied.drift, words)
    show(applied)
    return int(applied.exit_code)


def question(settings: Settings, left: Mapping[Kind, int], given: Mapping[str, int]) -> str:
    """What somebody says yes to: where it is written, how many profiles it touches in which way, and what of it is
    written against the truth: `given`, opt-ins by permission.
    """
    told = f"write to {settings.names.platform} ({settings.actito.url}): {in_words(left)}"
    exception = Words.of(settings.names).fill(against(given))
    return f"{told}, {exception}?" if exception else f"{told}?"


def require_released(settings: Settings, path: Path, confirmed: Mapping[Kind, int]) -> Mapping[Kind, int]:
    """How many profiles what is left of a stored plan touches; raises GuardRefused where it must not leave here yet:
    files wait in the inbox of decisions, a brake is not released, or nobody has looked at creations.
    """
    require_taken(settings)
    require_confirmed(settings, path, confirmed)
    left = counts_left(settings, path)
    _require_somebody(left, confirmed)
    return left


def _require_somebody(counts: Mapping[Kind, int], confirmed: Mapping[Kind, int]) -> None:
    """Raise GuardRefused for creations at which nobody has looked: no terminal, and nobody who typed their number,
    which is the right one by then.
    """
    number = counts.get(Kind.CREATE, 0)
    if number and Kind.CREATE not in confirmed and not somebody_there():
        raise GuardRefused(
            f"creations never run unattended, and this plan has {number:,}",
            hint=f"after a look, at a terminal, or add: --confirm create={number}",
        )
