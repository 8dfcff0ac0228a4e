"""Which edits our files overwrote: what the last export from before a file shows that the audited one does not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl

from auditor.commands.run_inputs import Tell, land_one, source_of
from auditor.commands.session import passing_engine
from auditor.errors import AuditorError
from auditor.model import Side, Source
from auditor.pull import Means, Pulled
from auditor.pull.every import Unusable, pull_every
from auditor.pull.moments import Found
from auditor.settings.config import Settings
from auditor.settings.contract import Contract
from auditor.state import run_folder, settle
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import Overwritten

FOLDER: Final = "between"
"""Of what is fetched, unpacked and landed of such exports, within the run's folder; nothing in it stays."""


@dataclass(frozen=True, slots=True)
class _File:
    """A file of ours that is not settled yet."""

    plan: str
    sent_at: datetime
    audited: Source
    """The export that it was made from."""
    cells: pl.DataFrame
    """As `Ledger.by_file` gives them."""

    def last_before(self, there: Sequence[Found]) -> Found | None:
        """The last export that was taken between the audited one and the file, as far as names and file times tell."""
        between = [
            one for one in there if self._after_audit(one) and one.newest_content and one.newest_content < self.sent_at
        ]
        return between[-1] if between else None

    def _after_audit(self, one: Found) -> bool:
        shown = one.named or one.modified
        same = (one.name, one.bytes) == (self.audited.file, self.audited.bytes)
        return shown is not None and shown > self.audited.as_of and not same


def overwritten(
    settings: Settings, contract: Contract, ledger: Ledger, work: Path, now: datetime, tell: Tell
) -> tuple[Overwritten, ...]:
    """What files of ours overwrote, as far as some export shows it; records nothing.

    Looked at are the files of which some cell is not confirmed yet, each with the last export at the configured place
    that was taken between the audited one and the file. Without such an export nobody can know. What cannot be read is
    told, and ends no run.
    """
    files = list(_files(settings, ledger))
    if not files:
        return ()
    chosen: dict[str, list[_File]] = {}

    def between(there: Sequence[Found]) -> list[Found]:
        last = [(found, one) for one in files if (found := one.last_before(there)) is not None]
        for found, one in last:
            chosen.setdefault(found.name, []).append(one)
        return list(dict.fromkeys(found for found, _ in last))

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
        return tuple(found for one in pulled for found in _shown_by(one, chosen, settings, contract, work, now, tell))
    except AuditorError as error:
        tell(f"  whether files of ours overwrote edits is not known: {error}")
        return ()
    finally:
        shutil.rmtree(work / FOLDER, ignore_errors=True)


def _files(settings: Settings, ledger: Ledger) -> Iterator[_File]:
    cells = ledger.by_file(settings.table)
    for (plan, sent_at), mine in cells.group_by("plan", "sent_at", maintain_order=True):
        record = ledger.plan(str(plan))
        try:
            audited = run_folder.read_run(settings.runs_folder / record.run).source(Side.PLATFORM) if record else None
        except AuditorError:  # the run has expired
            audited = None
        if audited is not None and isinstance(sent_at, datetime):
            yield _File(str(plan), sent_at, audited, mine)


def _shown_by(
    one: Pulled | Unusable,
    chosen: Mapping[str, Sequence[_File]],
    settings: Settings,
    contract: Contract,
    work: Path,
    now: datetime,
    tell: Tell,
) -> Iterator[Overwritten]:
    if isinstance(one, Unusable):
        raise one.problem
    with passing_engine(settings, [one.path.parent, work / FOLDER]) as engine:
        landed = land_one(engine, one, None, contract, settings, work / FOLDER, None)
        raw = engine.view(landed.path, "between_raw")
        shown = source_of(engine, one, landed, raw, contract, now).as_of
        for file in chosen[one.file]:
            if file.audited.as_of < shown < file.sent_at:
                for write, found in settle.overwritten(engine, contract, raw, file.cells):
                    yield Overwritten(write, file.plan, found, shown)
