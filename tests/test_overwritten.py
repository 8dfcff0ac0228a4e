"""What a file of ours overwrote: found by the next run in an export from before its import was carried out, told, and
put back.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from auditor.commands import run as pipeline
from auditor.commands.apply import apply
from auditor.commands.plan import plan
from auditor.commands.undo import undo
from auditor.findings.codes import Code
from auditor.model import Kind, Outcome, Route, Side
from auditor.settings.config import read_settings
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import ImportState, Intent
from auditor.writes import Cell
from tests import given_time
from tests.driven_sandbox import Sandbox
from tests.small_folder import Made, auditor, copy

EDIT = "edited in between"
NAMES = "mine", "theirs", "early", "waiting", "after", "again", "late"


def test_an_edit_that_a_file_overwrote_is_found_told_and_put_back(
    small: Made, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The export of ten past shows an edit, the file goes at twenty past and waits until two minutes later, its end is
    seen at twenty-four past, and the next run takes the export of half past. What an undo found
    there as it was sent, and restored, had arrived.
    """
    folder = copy(small.audited, tmp_path / "work", sandbox)
    monkeypatch.chdir(folder)
    settings, start = read_settings(folder / "auditor.toml"), given_time.now()
    made = plan(settings, now=start)[0].plan
    updates = [(number, write) for number, write in enumerate(made.writes) if write.kind is Kind.UPDATE]
    numbered = [
        (number, write) for number, write in updates if write.cells[0].column in ("lastName", "addressStreet", "note")
    ][:7]
    (_, mine), _, (_, early), (_, waiting), (_, after), (_, again), (_, late) = numbered
    cell, restored_early, restored_late = mine.cells[0], early.cells[0], late.cells[0]
    audited = max((folder / "exports").glob("Customers_*.csv"))
    rows = pl.read_csv(audited, separator=";", infer_schema=False)

    def export(minutes: int, **values: str | None) -> None:
        """What the profiles held then; everybody else is as audited."""
        at = start + timedelta(minutes=minutes)
        shown = rows
        for (_, write), name in zip(numbered, NAMES, strict=True):
            here = pl.col("customerId") == write.key
            column = write.cells[0].column
            value = values.get(name, write.cells[0].before if minutes < 22 else write.cells[0].after)
            shown = shown.with_columns(pl.when(here).then(pl.lit(value)).otherwise(column).alias(column))
        shown.write_csv(audited.with_name(f"Customers_{at:%Y%m%dT%H%M%SZ}.csv"), separator=";", line_terminator="\n")

    audited_early, audited_late = restored_early.before, restored_late.before
    export(-600, mine="long before")
    export(10, mine=EDIT, early=EDIT, again="taken back")
    export(21, mine=EDIT, early=EDIT, waiting=EDIT, late=EDIT, after=after.cells[0].before, again=again.cells[0].before)
    export(23, after="after the import")
    export(25, mine="after the file", theirs="after the file", early=audited_early, late=audited_late)
    export(30, early=audited_early, after="after the import", late=audited_late)
    sent, ended, now = (start + timedelta(minutes=minutes) for minutes in (20, 24, 40))
    with Ledger(settings.state_folder) as ledger:
        intents = [
            Intent(number, write.kind, Route.BULK, write.key, write.profile_id, text.column, text.before, text.after)
            for number, write in numbered
            for text in write.cells[:1]
        ]
        call, writes = ledger.intend_import(made.sha, "b", settings.table, "0" * 64, intents, sent)
        ledger.import_event(call, ImportState.FINISHED, ended, "1")
        ledger.settle(writes, Outcome.UNKNOWN, ended, detail="until_export")
    undone = undo(settings, made.sha, now=start + timedelta(minutes=25)).plan
    with Ledger(settings.state_folder) as ledger:
        intents = [
            Intent(place, Kind.UPDATE, Route.SINGLE, one.key, one.profile_id, text.column, text.before, text.after)
            for place, one in enumerate(undone.writes)
            for text in one.cells
            if one.key in (early.key, late.key)
        ]
        at = start + timedelta(minutes=26)
        ledger.settle(ledger.intend(undone.sha, settings.table, intents, at), Outcome.LANDED, at)

    audit = pipeline.run(settings, pipeline.Request(), now=now, tell=lambda _: None)
    assert audit.source(Side.PLATFORM).as_of == (start + timedelta(minutes=30)).replace(microsecond=0)
    told = [notice.parameters for notice in audit.notices if notice.code is Code.OVERWRITTEN]
    taken = (start + timedelta(minutes=21)).replace(microsecond=0).isoformat()
    assert [(one["plan"], one["shown"], one["cells"]) for one in told] == [(made.sha, taken, 4)], "as it was shown last"
    assert not list(audit.folder.glob("between*")), "nothing of that export stays"
    with Ledger(settings.state_folder, reading=True) as ledger:
        found = dict.fromkeys(((write.key, write.cells[0].column) for write in (mine, early, waiting, late)), EDIT)
        assert ledger.overwritten(made.sha) == found, "what was edited after the import or taken back is not among it"
        outcomes = [state.outcome for state in ledger.states(made.sha).values()]
        landed, changed = Outcome.LANDED, Outcome.CHANGED
        assert outcomes == [landed, landed, changed, landed, changed, landed, changed]
    shown = " ".join(auditor(capsys, "show", mine.key).out.split())
    assert f"{EDIT}, somebody's edit, overwritten by a file (plan {made.sha[:12]})" in shown

    now += timedelta(minutes=1)
    back = undo(settings, made.sha, now=now, overwritten=True)
    restored = {write.key: (write.route, *write.cells) for write in back.plan.writes}
    assert restored == {
        mine.key: (Route.SINGLE, Cell(cell.column, cell.after, EDIT)),
        early.key: (Route.SINGLE, Cell(restored_early.column, audited_early, EDIT)),
        waiting.key: (Route.SINGLE, Cell(waiting.cells[0].column, waiting.cells[0].after, EDIT)),
        late.key: (Route.SINGLE, Cell(restored_late.column, audited_late, EDIT)),
    }
    done = apply(settings, back.path, confirmed=dict(back.plan.counts), clock=lambda: now, sleep=lambda _: None)
    ends = dict(done.outcomes.select("key", "outcome").iter_rows())
    expected = {mine.key: "changed", early.key: "landed", waiting.key: "changed", late.key: "landed"}
    assert ends == expected, "the sandbox holds what was audited, as the undo left it"
    left = undo(settings, made.sha, now=now + timedelta(minutes=1), overwritten=True).plan.writes
    assert {write.key for write in left} == {mine.key, waiting.key}, "what was put back is not put back again"
