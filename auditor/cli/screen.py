"""What the commands share: the settings option, lines on stderr, tables of at most 80 columns on stdout."""

from __future__ import annotations

import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from auditor.config import Settings

Function = TypeVar("Function", bound=Callable[..., Any])

WIDTH = 80


def settings_option(function: Function) -> Function:
    """`--settings FILE`, handed over as `settings_file`."""
    option = click.option(
        "--settings",
        "settings_file",
        type=click.Path(path_type=Path),
        default=Path("auditor.toml"),
        show_default=True,
        help="The settings file.",
    )
    return option(function)


def load_settings(path: Path) -> Settings:
    """The settings, read when they are needed."""
    from auditor.config import read_settings

    return read_settings(path)


def say(text: str = "") -> None:
    """A line for people, on stderr."""
    click.echo(text, err=True)


class Steps:
    """Tells the stages of a run as they begin, with the seconds since the start."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __call__(self, text: str) -> None:
        stamp = f"  {time.monotonic() - self._start:5.1f} s  "
        say(wrapped(stamp, text, indent=len(stamp)))


def table(rows: Sequence[Sequence[object]], *, header: Sequence[str] | None = None, indent: int = 2) -> None:
    """Rows on stdout: texts to the left, numbers to the right; the last text is cut to fit the width."""
    shown = [[_cell(value) for value in row] for row in rows]
    lines = [list(header), *shown] if header else shown
    if not lines:
        return
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    numeric = [all(isinstance(row[place], int) for row in rows) and bool(rows) for place in range(len(widths))]
    if not numeric[-1]:
        others = sum(widths[:-1]) + 2 * (len(widths) - 1) + indent
        widths[-1] = max(10, min(widths[-1], WIDTH - others))
    for line in lines:
        cells = [
            text.rjust(width) if right else _cut(text, width).ljust(width)
            for text, width, right in zip(line, widths, numeric, strict=True)
        ]
        click.echo((" " * indent + "  ".join(cells)).rstrip())


def wrapped(first: str, text: str, *, indent: int = 4) -> str:
    """A text that begins with `first`, its further lines indented; paths and names stay whole."""
    further = " " * indent
    return textwrap.fill(
        printable(text),
        WIDTH,
        initial_indent=first,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )


def printable(text: str) -> str:
    """The text without anything that could move the cursor of a terminal."""
    return "".join(character if character.isprintable() else "�" for character in text)


def confirmed_on_terminal(question: str) -> bool:
    """Ask, on a terminal only; elsewhere nobody is there to answer, and that is a no."""
    return sys.stdin.isatty() and click.confirm(question, default=False, err=True)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return printable(str(value))


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
