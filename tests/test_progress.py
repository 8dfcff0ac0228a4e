"""How a transfer is told on a terminal and in a log."""

from __future__ import annotations

import re

import pytest

from auditor.cli.screen import Steps

MB = 2**20


def told(steps: Steps, clock: list[float], every: float, capsys: pytest.CaptureFixture[str]) -> str:
    """A file of 400 MB that comes with 1 MB a second."""
    for second in range(0, 401):
        clock[0] = second * every
        steps.moved("Customers\x1b.zip", second * MB, 400 * MB)
    steps("comparing")
    return capsys.readouterr().err


def test_a_log_gets_a_line_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    clock = [0.0]
    lines = told(Steps(terminal=False, clock=lambda: clock[0]), clock, 1.0, capsys).splitlines()
    assert len(lines) == 7
    assert lines[0] == "   60.0 s  Customers�.zip  60.0 of 400.0 MB, 1.0 MB/s, 6 min left"
    assert lines[-1].endswith("comparing")


def test_a_terminal_gets_one_line_that_changes(capsys: pytest.CaptureFixture[str]) -> None:
    clock = [0.0]
    text = told(Steps(terminal=True, clock=lambda: clock[0]), clock, 0.05, capsys)
    shown = [part for part in re.split(r"\r\x1b\[K", text) if part]
    assert shown[-1].endswith("comparing\n")
    assert text.count("\n") == 1
    assert 50 < len(shown) < 150
    assert "20.0 MB/s" in shown[-2]
    assert re.search(r", [01] s left$", shown[-2])
    assert all(len(line) < 80 for line in shown)


def test_where_nobody_knows_the_size_there_is_no_rest(capsys: pytest.CaptureFixture[str]) -> None:
    clock = [0.0]
    steps = Steps(terminal=True, clock=lambda: clock[0])
    steps.moved("x.csv", 0, None)
    clock[0] = 10.0
    steps.moved("x.csv", 30 * MB, None)
    assert capsys.readouterr().err.endswith("x.csv  30.0 MB, 3.0 MB/s")
