"""How a transfer is told on a terminal and in a log."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from auditor.cli.screen import Steps
from auditor.engine.duckdb import DuckDB

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


def test_what_is_read_is_counted_in_rows_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    clock = [0.0]
    steps = Steps(terminal=True, clock=lambda: clock[0])
    steps.moved("reading x.csv", 0, 90 * MB, 0)
    clock[0] = 10.0
    steps.moved("reading x.csv", 30 * MB, 90 * MB, 1_234_567)
    last = capsys.readouterr().err
    assert last.endswith("reading x.csv  30.0 of 90.0 MB, 1,234,567 rows, 3.0 MB/s, 20 s left")


def test_a_query_tells_how_far_it_is_and_ends_when_nobody_wants_it_any_more(tmp_path: Path) -> None:
    """Ctrl-C during a landing of minutes does not wait for its end."""
    engine, told = DuckDB(temp=tmp_path, folders=[tmp_path]), list[float]()

    class StoppedError(Exception):
        pass

    def tell(share: float) -> None:
        told.append(share)
        if len(told) == 2:
            raise StoppedError

    with pytest.raises(StoppedError), engine.watched(tell):
        engine.execute("SELECT max(hash(range)) FROM range(1000000000000)")
    assert 0 <= told[0] <= told[1] < 1
    assert engine.execute("SELECT 1") == [(1,)], "the connection goes on"
    engine.close()


def test_where_nobody_knows_the_size_there_is_no_rest(capsys: pytest.CaptureFixture[str]) -> None:
    clock = [0.0]
    steps = Steps(terminal=True, clock=lambda: clock[0])
    steps.moved("x.csv", 0, None)
    clock[0] = 10.0
    steps.moved("x.csv", 30 * MB, None)
    assert capsys.readouterr().err.endswith("x.csv  30.0 MB, 3.0 MB/s")
