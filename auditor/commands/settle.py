"""Going on with a ledger that came from a copy, or whose last entry has a moment that is yet to come."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from auditor.findings.moments import moment
from auditor.settings.config import Settings
from auditor.state import heads
from auditor.state.commit import TOLERANCE, at_work
from auditor.state.ledger import Ledger

HINT: Final = "put the newest ledger.sqlite back, or set the clock right; where neither can be done: auditor settle"


def trouble(settings: Settings, now: datetime) -> tuple[str, ...]:
    """A sentence for each thing that there is to settle."""
    with Ledger(settings.state_folder, reading=True) as ledger:
        return trouble_of(ledger, settings, now)


def settle(settings: Settings, *, now: datetime) -> None:
    """Record that nobody will find what the ledger lacks, and that the clock is right now.

    From then on plans are carried out again whose export shows a later moment; see `commands.apply`.
    """
    with at_work(settings, "auditor settle", None), Ledger(settings.state_folder) as ledger:
        if trouble_of(ledger, settings, now):
            lost = [one.head for one in heads.lacking(settings, ledger)]
            ledger.settle_losses(dict.fromkeys([*lost, ledger.head]), now)


def trouble_of(ledger: Ledger, settings: Settings, now: datetime) -> tuple[str, ...]:
    """The same of a ledger that is open."""
    lacks, last = heads.lacking(settings, ledger), ledger.last_at
    told = [heads.sentence(lacks, ledger)] if lacks else []
    if last is not None and now < last - TOLERANCE:
        told.append(f"the clock says {moment(now)}, and the ledger's last entry is of {moment(last)}")
    return tuple(told)
