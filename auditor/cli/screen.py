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
    from auditor.settings.config import Settings

Function = TypeVar("Function", bound=Callable[..., Any])

WIDTH = 80
BLINK, MINUTE = 0.2, 60.0
"""Seconds between two words about a transfer, on a terminal and elsewhere."""


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
    from auditor.settings.config import read_settings

    return read_settings(path)


def say(text: str = "") -> None:
    """A line for people, on stderr."""
    click.echo(text, err=True)


class Steps:
    """Tells the stages of a run as they begin, with the seconds since the start, and how transfers go: on a terminal in
    one line that changes, elsewhere in a line a minute.
    """

    def __init__(self, *, terminal: bool | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._start = clock, clock()
        self._terminal = sys.stderr.isatty() if terminal is None else terminal
        self._moving: str | None = None
        self._begun = self._next = 0.0

    def __call__(self, text: str) -> None:
        self._clear()
        say(f"  {self._clock() - self._start:5.1f} s  {text}")

    def moved(self, name: str, done: int, total: int | None, rows: int | None = None) -> None:
        """`done` bytes of `total` have come, or been read, and rows; None: nobody knows how many there are."""
        now = self._clock()
        if self._moving != name:
            self._moving, self._begun = name, now
            self._next = now if self._terminal else now + MINUTE
        if done == total and self._terminal:
            self._clear()
        elif now >= self._next:
            self._next = now + (BLINK if self._terminal else MINUTE)
            text = _transfer(printable(name), done, total, rows, now - self._begun)
            if self._terminal:
                click.echo(f"\r\x1b[K{cut(text, WIDTH - 1)}", nl=False, err=True, color=True)
            else:
                say(f"  {now - self._start:5.1f} s  {text.strip()}")

    def _clear(self) -> None:
        if self._moving is not None and self._terminal:
            click.echo("\r\x1b[K", nl=False, err=True, color=True)
        self._moving = None


def _transfer(name: str, done: int, total: int | None, rows: int | None, seconds: float) -> str:
    """`  Customers.csv  12.0 of 96.0 MB, 80,000 rows, 4.0 MB/s, 21 s left`"""
    size = f"{done / 2**20:,.1f} MB" if total is None else f"{done / 2**20:,.1f} of {total / 2**20:,.1f} MB"
    if rows:
        size += f", {rows:,} rows"
    if seconds < 1:
        return f"  {name}  {size}"
    rate = done / seconds
    left = "" if total is None or not done else f", {_length((total - done) / rate)} left"
    return f"  {name}  {size}, {rate / 2**20:,.1f} MB/s{left}"


def _length(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


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
            text.rjust(width) if right else cut(text, width).ljust(width)
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


def somebody_there() -> bool:
    """Whether somebody sits at a terminal who sees what is printed and can answer."""
    return sys.stdin.isatty()


def confirmed_on_terminal(question: str) -> bool:
    """Ask, on a terminal only; elsewhere nobody is there to answer, and that is a no."""
    return somebody_there() and click.confirm(question, default=False, err=True)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return printable(str(value))


def cut(text: str, width: int) -> str:
    """The beginning of a text that is longer than the width."""
    return text if len(text) <= width else text[: width - 1] + "…"
