"""Who only looks at the ledger leaves no trace; what a run supposes answers as what will be recorded."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from auditor.model import Kind, Outcome, Route
from auditor.state.ledger import FILE, Ledger
from auditor.state.ledger.records import Intent, Settled

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
TABLE = "Customers"

KILLED = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from auditor.model import Kind, Route
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import Intent
ledger = Ledger(Path(sys.argv[1]))
intent = Intent(0, Kind.UPDATE, Route.SINGLE, "1", None, "city", "Gent", "Ghent")
ledger.intend("p", "Customers", [intent], datetime(2026, 3, 2, 12, tzinfo=UTC))
os._exit(9)
"""


def written(folder: Path) -> None:
    with Ledger(folder) as ledger:
        ledger.intend("p", TABLE, [update("1")], NOON)


def killed(folder: Path) -> None:
    """The log of a process that died lies beside the file, and what it wrote is there alone."""
    subprocess.run([sys.executable, "-c", KILLED, str(folder)], check=False)
    assert (folder / f"{FILE}-wal").stat().st_size


def of_an_older_version(folder: Path) -> None:
    folder.mkdir()
    with closing(sqlite3.connect(folder / FILE)) as old:
        old.executescript((Path(__file__).parent / "ledger_v1.sql").read_text("utf-8"))


def update(key: str, column: str | None = "city", kind: Kind = Kind.UPDATE) -> Intent:
    return Intent(0, kind, Route.SINGLE, key, None, column, "before", "after")


def bytes_of(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


@pytest.mark.parametrize("made", [written, killed, of_an_older_version])
def test_reading_changes_no_byte_and_reads_what_writing_would(tmp_path: Path, made: Callable[[Path], None]) -> None:
    folder = tmp_path / "state"
    made(folder)
    before = bytes_of(folder)
    with Ledger(folder, reading=True) as ledger:
        found = ledger.unsettled(TABLE), ledger.head, ledger.secret, ledger.verify()
        with pytest.raises(ValueError, match="opened for reading"):
            ledger.intend("p", TABLE, [update("2")], NOON)
    assert bytes_of(folder) == before
    with Ledger(folder) as ledger:
        assert found[0].equals(ledger.unsettled(TABLE))
        assert found[1:] == (ledger.head, ledger.secret, ledger.verify())


def test_where_there_is_none_none_is_made(tmp_path: Path) -> None:
    with Ledger(tmp_path / "state", reading=True) as ledger:
        assert ledger.runs(TABLE) == ()
        secret = ledger.secret
    assert list(tmp_path.iterdir()) == []
    with Ledger(tmp_path / "state", secret=secret) as made:
        assert made.secret == secret, "what was hashed before it was there is recognised later"


def test_it_can_be_read_while_another_writes(tmp_path: Path) -> None:
    with Ledger(tmp_path) as writing, Ledger(tmp_path, reading=True) as reading:
        writing.intend("p", TABLE, [update("1")], NOON)
        assert reading.unsettled(TABLE).height == 1
        with Ledger(tmp_path, reading=True) as later:
            assert later.unsettled(TABLE).height == 1


@pytest.mark.parametrize("made", [written, killed])
def test_who_reads_to_write_later_can(tmp_path: Path, made: Callable[[Path], None]) -> None:
    """As a run and a change of keys do, after whoever was killed: what they read stays open until all is kept."""
    folder = tmp_path / "state"
    made(folder)
    with Ledger(folder, reading=True, beside_writing=True) as reading:
        assert reading.unsettled(TABLE).height == 1
        with Ledger(folder) as writing, writing.transaction():
            writing.intend("p", TABLE, [update("2")], NOON)
        assert reading.unsettled(TABLE).height == 2
        with pytest.raises(ValueError, match="opened for reading"):
            reading.intend("p", TABLE, [update("3")], NOON)


def test_what_is_supposed_answers_as_what_is_recorded(tmp_path: Path) -> None:
    """An opt-in counts once it landed; an earlier write to a cell is no longer waited for, though its file may be."""
    with Ledger(tmp_path / "state") as ledger:
        ledger.intend("p", TABLE, [update("in", "subscriptions#News", Kind.SUBSCRIBE)], NOON)
        ledger.intend_import("p", "b", TABLE, "f", [update("k"), update("other")], NOON)
        ledger.intend("p", TABLE, [update("k"), update("gone")], NOON + HOUR / 4)
        ledger.settle(ledger.intend("p", TABLE, [update("done")], NOON), Outcome.LANDED, NOON)
    shutil.copytree(tmp_path / "state", tmp_path / "recorded")
    as_of = NOON + HOUR / 2

    def answers(ledger: Ledger) -> list[list[tuple[object, ...]]]:
        frames = (ledger.pending(TABLE, as_of), ledger.pending(TABLE, NOON), ledger.unsettled(TABLE),
                  ledger.opt_ins(TABLE), ledger.permission_writes(TABLE, but=None))  # fmt: skip
        return [frame.rows() for frame in frames]

    with Ledger(tmp_path / "state", reading=True) as supposing, Ledger(tmp_path / "recorded") as recording:
        shown = {"in": True, "k": True, "gone": False}
        unsettled = supposing.unsettled(TABLE).filter(pl.col("key").is_in(list(shown)))
        told = unsettled.select("write", equal=pl.col("key").replace_strict(shown))
        settled = supposing.told_by_export(TABLE, told, as_of)
        assert settled == recording.told_by_export(TABLE, told, as_of)
        assert [len(part) for part in (settled.landed, settled.changed, settled.superseded)] == [2, 1, 1]
        before = answers(supposing)
        supposing.suppose(settled)
        recording.record_settled(settled, as_of)
        assert answers(supposing) == answers(recording) != before
        supposing.suppose(Settled((), (), (), frozenset(), ()))
        assert answers(supposing) == before
