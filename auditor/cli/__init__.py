"""The commands, one module each; this module knows their names and turns errors into sentences and exit codes.

Results go to stdout, talk and progress to stderr. A command's module is imported when the command is used, so help
costs nothing that only work needs.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import sys
import threading
import traceback
from collections.abc import Sequence
from typing import NoReturn

import click

from auditor import __version__
from auditor.cli import interrupts
from auditor.errors import AuditorError, Exit
from auditor.logs import only_ours

COMMANDS = {
    "demo": "Make a complete working folder and run everything in it, offline.",
    "init": "Write settings, contract and suite for a licence, with a request sheet.",
    "config": "Explain every setting: its value and where it comes from.",
    "doctor": "Check everything that a run needs, and say how to repair what is wrong.",
    "run": "Audit the profile table: pull, load, validate, compare, explain, report.",
    "show": "Everything known of one profile.",
    "runs": "The history of audits.",
    "report": "Write the report of a run again.",
    "plan": "Make a plan of what would be written.",
    "apply": "Carry out a plan, and verify it.",
    "fix": "Plan and apply for named profiles.",
    "undo": "Make a plan that takes an applied plan back.",
    "rekey": "Carry over what is known of profiles that got other keys.",
    "forget": "Record that somebody asked to be erased.",
    "pin": "Say that a cell is right on the platform, until a day.",
    "permit": "Decide that all who are to be created are given a permission.",
    "settle": "Go on with a ledger that came from a copy.",
    "structure": "Show, compare and extend the structure of the profile table.",
    "suite": "Keep the suite of the table: what a correct value is.",
    "compare": "Compare any two files, without Actito and without settings.",
    "sandbox": "Run the stand-in Actito server.",
}


class Commands(click.Group):
    """Finds the commands in modules of their own names."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"auditor.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from auditor.settings.problems import nearest

            raise click.UsageError(f'there is no command "{args[0]}"{nearest(args[0], COMMANDS)}', ctx)
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None:
            _require_once(command, click.Context(command, ctx, name), rest)
        return name, command, rest


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="auditor")
def group() -> None:
    """Audits an Actito profile table against a source of truth, explains every difference and puts it right.

    Begin with `auditor demo`. Exit codes: 0 fine, 1 a bug, 2 usage or settings, 3 findings beyond --fail-on,
    4 writes left, 5 refused by a guard, 6 not fully checked, 75 try later, 130 interrupted.
    """


def _require_once(command: click.Command, ctx: click.Context, args: list[str]) -> None:
    """Raise UsageError for an option with one value that is given twice: the first would be ignored."""
    _, _, given = command.make_parser(ctx).parse_args(args=[*args])
    for one in given:
        if isinstance(one, click.Option) and not (one.multiple or one.is_flag or one.count) and given.count(one) > 1:
            raise click.UsageError(f"{one.opts[0]} is given twice", ctx)


def collect_rarely() -> None:
    """Looks for garbage in circles seldom: there is next to none, and among a plan's millions of values each look takes
    as long as making a good part of them.
    """
    gc.set_threshold(100_000, 50, 50)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and end the process with its exit code."""
    collect_rarely()
    with interrupts.remembered():
        code = execute(arguments)
    _leave(code)


def execute(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives its exit code. Every foreseeable failure is a sentence, anything else a bug that shows."""
    try:
        with only_ours():
            result = group.main(args=arguments, prog_name="auditor", standalone_mode=False)
    except AuditorError as error:
        _say(_shown("error: ", str(error)))
        if error.hint:
            _say(_shown("  try: ", error.hint))
        if error.declare:
            _say(_shown("  or: ", _declared(error.declare)))
        return int(error.exit_code)
    except click.ClickException as error:
        error.show()
        return int(Exit.SETTINGS)
    except (KeyboardInterrupt, click.Abort):
        _say("interrupted")
        return int(Exit.INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        return int(Exit.FINE)
    except Exception as error:  # noqa: BLE001 -- the edge of the program
        if interrupts.asked_to_end():
            _say("interrupted")
            return int(Exit.INTERRUPTED)
        _show_bug(error)
        return int(Exit.BUG)
    return int(result) if isinstance(result, int) else int(Exit.FINE)


def _shown(first: str, text: str) -> str:
    """A sentence within the width of a terminal; whole where a program or a file takes it."""
    if not sys.stderr.isatty():
        return first + text
    from auditor.cli.screen import wrapped

    return "\n".join(wrapped("" if number else first, line) for number, line in enumerate(text.split("\n")))


def _declared(said: str) -> str:
    """Where the command that was given reads what is said of a file."""
    context = click.get_current_context(silent=True)
    compares = "compare" in sys.argv[1:2] if context is None else context.info_name == "compare"
    if compares:
        return f'--platform-options "{said}", or --truth-options for the second file'
    name, _, value = said.partition("=")
    return f'in auditor.toml, under [platform] or [truth]: {name} = "{value}"'


def _leave(code: int) -> NoReturn:
    """End the process without waiting for a library that is still being imported ahead of its use.

    Python would end that thread when it ends itself, and a thread ended inside C++ aborts the whole process: another
    exit code, and a core dump. After Ctrl-C Python may prefer to die of the signal, whatever code was given.
    """
    if interrupts.asked_to_end() or any(thread.daemon for thread in threading.enumerate()):
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _show_bug(error: Exception) -> None:
    """Where it happened, but not the message: libraries put values of profiles into theirs."""
    _say("this is a bug in the auditor; please report these lines, they hold no values of profiles:")
    for frame in traceback.extract_tb(error.__traceback__):
        _say(f"  {frame.filename}:{frame.lineno} in {frame.name}")
    _say(f"  {type(error).__module__}.{type(error).__qualname__}")


def _say(text: str) -> None:
    click.echo(text, err=True)
