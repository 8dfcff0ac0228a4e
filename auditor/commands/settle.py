"""Going on with a ledger that came from a copy, or whose last entry has a moment that is yet to come."""

from __future__ import annotations

from datetime import datetime, timedelta

from auditor.settings.config import Settings
from auditor.state import heads
from auditor.state.commit import TOLERANCE, at_work
from auditor.state.ledger import Ledger


def trouble(settings: Settings, now: datetime) -> tuple[str, ...]:
    """A sentence for each thing that there is to settle."""
    with Ledger(settings.state_folder, reading=True) as ledger:
        return _trouble(settings, ledger, now)


def settle(settings: Settings, *, now: datetime) -> None:
    """Record that nobody will find what the ledger lacks, and that the clock is right now.

    From then on plans are carried out again whose export shows a later moment; see `commands.apply`.
    """
    with at_work(settings.state_folder, "auditor settle", None), Ledger(settings.state_folder) as ledger:
        if _trouble(settings, ledger, now):
            lost = [one.head for one in heads.lacking(settings, ledger)]
            ledger.settle_losses(dict.fromkeys([*lost, ledger.head]), now)


def _trouble(settings: Settings, ledger: Ledger, now: datetime) -> tuple[str, ...]:
    lacks, last = heads.lacking(settings, ledger), ledger.last_at
    told = [heads.sentence(lacks, ledger)] if lacks else []
    if last is not None and now < last - TOLERANCE:
        told.append(f"the clock says {_utc(now)}, and the ledger's last entry is of {_utc(last)}")
    return tuple(told)


def _utc(moment: datetime) -> str:
    return f"{moment - (moment.utcoffset() or timedelta()):%Y-%m-%d %H:%M} (UTC)"
