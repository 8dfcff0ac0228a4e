"""What the auditor logs: the loggers below `auditor`, shown by `--verbose`; and that nothing else is.

The messages here hold methods, address templates, counts, durations and names of classes, never a value of a profile, a
token or a key. Libraries make no such promise: what they log is left out, whoever listens.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

OURS = "auditor"
"""The logger above all of ours."""

_stages = logging.getLogger(f"{OURS}.stages")


@contextmanager
def stage(name: str, seconds: dict[str, float]) -> Iterator[None]:
    """Log a stage of the pipeline at its end, and add its seconds to those that it has in `seconds` already."""
    started = time.monotonic()
    ended = "failed"
    try:
        yield
        ended = "done"
    finally:
        took = time.monotonic() - started
        if ended == "done":
            seconds[name] = seconds.get(name, 0.0) + took
        stage_ended(name, took, ended)


def stage_ended(name: str, seconds: float, how: str = "done") -> None:
    _stages.info("stage %s: %s after %.2f s", name, how, seconds)


def silence(loggers: Iterable[str]) -> None:
    """Let nothing of these loggers reach any handler, whatever level anybody sets."""
    for name in loggers:
        logging.getLogger(name).addFilter(_nothing)


def _nothing(_: logging.LogRecord) -> bool:
    return False


@contextmanager
def only_ours() -> Iterator[None]:
    """Within the block, what loggers of libraries say is replaced by the bare fact, before any handler sees it: they
    log statements with their values, headers with their keys, and addresses with what was asked for.
    """
    make = logging.getLogRecordFactory()

    def bare(
        name: str, level: int, file: str, line: int, message: object, *rest: object, **more: object
    ) -> logging.LogRecord:
        if name == OURS or name.startswith(f"{OURS}."):
            return make(name, level, file, line, message, *rest, **more)
        return make(name, level, file, line, _LEFT_OUT, (), None)

    logging.setLogRecordFactory(bare)
    try:
        yield
    finally:
        logging.setLogRecordFactory(make)


_LEFT_OUT = "what this library says may hold values of profiles and is not shown"
