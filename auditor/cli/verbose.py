"""`--verbose`: the auditor's own log on stderr, one line each, with the seconds since the command began."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

import click

from auditor.logs import OURS

Function = TypeVar("Function", bound=Callable[..., Any])


def verbose_option(function: Function) -> Function:
    """`--verbose`, which the command itself need not know of."""
    option = click.option(
        "--verbose",
        is_flag=True,
        is_eager=True,  # before other options complain
        expose_value=False,
        callback=_listen,
        help="Tell on stderr of every request, wait, retry and stage. Holds no values of profiles.",
    )
    return option(function)


def _listen(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Until the command ends."""
    if not wanted:
        return
    logger, handler = logging.getLogger(OURS), _Lines()
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)

    def end() -> None:
        logger.removeHandler(handler)
        logger.setLevel(before)

    context.call_on_close(end)


class _Lines(logging.Handler):
    """Writes to stderr; on a terminal over the line that tells how a transfer goes."""

    def __init__(self) -> None:
        super().__init__()
        self._start = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            clear = "\r\x1b[K" if sys.stderr.isatty() else ""
            click.echo(f"{clear}  {time.monotonic() - self._start:7.2f} s  {record.getMessage()}", err=True, color=True)
        except Exception:  # noqa: BLE001 -- a log that cannot be written must not end what it tells of
            self.handleError(record)
