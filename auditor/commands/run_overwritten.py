"""Which edits our files overwrote: what exports show from between the audited one and the end of an import."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl

from auditor.commands.run_inputs import Tell, land_one, source_of
from auditor.commands.session import passing_engine
from auditor.errors import AuditorError
from auditor.model import Outcome, Side, Source
from auditor.pull import Means, Pulled
from auditor.pull.every import Unusable, pull_every
from auditor.pull.moments import Found
from auditor.settings.config import Settings
from auditor.settings.contract import Contract
from auditor.state import run_folder, settle
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import IMPORT_PATIENCE, Overwritten

FOLDER: Final = "between"
"""Of what is fetched, unpacked and landed of such exports, within the run's folder; nothing in it stays."""


@dataclass(frozen=True, slots=True)
class _File:
    """A file of ours that is not settled yet."""

    plan: str
    sent_at: datetime
    ended: datetime
    """When its import was seen to have ended; where it was not, by when it must have."""
    audited: Source
    """The export that it was made from."""
    cells: pl.DataFrame
    """As `Ledger.by_file` gives them."""

    def between(self, there: Sequence[Found], as_of: datetime) -> list[Found]:
        """The last export before the file was handed over, and every one until its import ended, of those that were
        taken after the audited one, as far as names and file times tell; none from after `as_of`.
        """
        until = min(self.ended, as_of)
        shown = [(one.newest_content, one) for one in there if self._after_audit(one)]
        before = [one for at, one in shown if at and at < self.sent_at]
        return [*before[-1:], *(one for at, one in shown if at and self.sent_at <= at < until)]

    def _after_audit(self, one: Found) -> bool:
        shown = one.named or one.modified
        same = (one.name, one.bytes) == (self.audited.file, self.audited.bytes)
        return shown is not None and shown > self.audited.as_of and not same


def overwritten(
    settings: Settings,
    contract: Contract,
    ledger: Ledger,
    work: Path,
    now: datetime,
    tell: Tell,
    *,
    landed: Collection[int],
    as_of: datetime,
) -> tuple[Overwritten, ...]:
    """What files of ours overwrote, as far as some export shows it; records nothing.

    Looked at are the files of which some cell is not confirmed yet, each with the exports at the configured place that
    were taken between the audited one and the end of its import. Without such an export nobody can know. `landed` are
    the writes that the export of this run, of the moment `as_of`, confirms: of others, which no later write of ours has
    found there, nobody knows whether what an export shows that was taken after the file was handed over was edited
    before the import or after it. What cannot be read is told, and ends no run.
    """
    files = list(_files(settings, ledger))
    if not files:
        return ()
    chosen: dict[str, list[_File]] = {}

    def between(there: Sequence[Found]) -> list[Found]:
        for file in files:
            for found in file.between(there, as_of):
                chosen.setdefault(found.name, []).append(file)
        return [found for found in there if found.name in chosen]

    try:
        pulled = pull_every(
            Side.PLATFORM,
            settings.platform.export,
            folder=work / FOLDER,
            now=now,
            timezone=contract.timezone,
            base=settings.folder,
            means=Means(settings.platform, keep=False),
            which=between,
        )
        found: dict[int, Overwritten | None] = {}
        for one in reversed(pulled):
            for write, edit in _shown_by(one, chosen, landed, settings, contract, work, now):
                found.setdefault(write, edit)
        return tuple(edit for _, edit in sorted(found.items()) if edit is not None)
    except AuditorError as error:
        tell(f"  whether files of ours overwrote edits is not known: {error}")
        return ()
    finally:
        shutil.rmtree(work / FOLDER, ignore_errors=True)


def _files(settings: Settings, ledger: Ledger) -> Iterator[_File]:
    cells = ledger.by_file(settings.table)
    for (plan, sent_at, ended), mine in cells.group_by("plan", "sent_at", "effective_at", maintain_order=True):
        record = ledger.plan(str(plan))
        try:
            audited = run_folder.read_run(settings.runs_folder / record.run).source(Side.PLATFORM) if record else None
        except AuditorError:  # the run has expired
            audited = None
        if audited is not None and isinstance(sent_at, datetime) and isinstance(ended, datetime):
            yield _File(str(plan), sent_at, min(ended, sent_at + IMPORT_PATIENCE), audited, mine)


def _shown_by(
    one: Pulled | Unusable,
    chosen: Mapping[str, Sequence[_File]],
    landed: Collection[int],
    settings: Settings,
    contract: Contract,
    work: Path,
    now: datetime,
) -> Iterator[tuple[int, Overwritten | None]]:
    """The writes that the import had not carried out yet when an export was taken, each with the edit that stood in its
    cell; None: it held what was audited.
    """
    if isinstance(one, Unusable):
        raise one.problem
    with passing_engine(settings, [one.path.parent, work / FOLDER]) as engine:
        landed_file = land_one(engine, one, None, contract, settings, work / FOLDER, None)
        raw = engine.view(landed_file.path, "between_raw")
        shown = source_of(engine, one, landed_file, raw, contract, now).as_of
        for file in chosen[one.file]:
            if not file.audited.as_of < shown < file.ended:
                continue
            arrived = pl.col("write").is_in(list(landed)) | pl.col("outcome").eq_missing(Outcome.LANDED.value)
            arrived |= pl.col("read_since")
            cells = file.cells if shown < file.sent_at else file.cells.filter(arrived)
            for write, held, edit in settle.not_yet_sent(engine, contract, raw, cells):
                yield write, Overwritten(write, file.plan, held, shown) if edit else None
