"""What a run reads: the structure and Actito's own count, the contract, the suite, and both inputs, landed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from glob import has_magic
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from auditor.actito import Discontinued, Reader, learned
from auditor.commands.compare_inputs import said_of, source_showing
from auditor.commands.session import connect, ends
from auditor.engine.duckdb import DuckDB
from auditor.errors import SettingsError
from auditor.files.rewrite import Rewrite
from auditor.findings import notices
from auditor.findings.codes import NotChecked, Notice
from auditor.load import Landed, Looked, column_names, form_of, land, looking_ahead, work_out
from auditor.match.sides import greatest_moment, updated_column, wanted_columns
from auditor.model import Side, Source, Structure
from auditor.pull import Means, Pulled, pull_file, spoken_of
from auditor.pull.locations import Absent
from auditor.settings.config import Settings
from auditor.settings.contract import Contract
from auditor.settings.inputs import Located
from auditor.state import past_runs
from auditor.structure.since import since
from auditor.validate.changes import changes
from auditor.validate.generate import refresh
from auditor.validate.suite import Suite, read_suite, rewritten

if TYPE_CHECKING:
    import ibis.expr.types as ir

Tell = Callable[[str], None]
"""Receives one line per stage for whoever watches; nothing of it is personal."""


@dataclass(frozen=True)
class Request:
    """What one audit is asked to do beyond the settings."""

    export: str | None = None
    """A file downloaded by hand instead of the configured location; relative to the working folder."""
    truth: str | None = None
    only: str | None = None
    """The stage after which enough was done: one of STAGES. Every file stays as it is then."""
    baseline: bool = False
    """Enough was done when the agreed values are set; nothing else is kept."""


class Moved(Protocol):
    """Told how a transfer goes, and how reading goes on: bytes done and in all, and rows, where they are known."""

    def __call__(self, name: str, done: int, total: int | None, rows: int | None = None) -> None: ...


@dataclass(frozen=True, slots=True)
class Landings:
    """Both inputs as tables of texts."""

    landed: tuple[Landed, ...]
    """The platform's first."""
    raw: Mapping[Side, ir.Table]
    """The rows of each."""
    sources: tuple[Source, ...]
    """What the inputs were, and the moments that they show."""

    @property
    def rejected(self) -> dict[Side, int]:
        return {one.side: one.rejected for one in self.landed}

    @property
    def moments(self) -> dict[Side, datetime]:
        return {source.side: source.as_of for source in self.sources}


@dataclass(frozen=True, slots=True)
class Asked:
    """What Actito says before anything is fetched."""

    structure: Structure
    count: int | None
    """Its own number of profiles; None where it does not tell."""
    changed: tuple[Notice, ...]
    """In the structure, since the last run."""
    told: tuple[Notice, ...]
    """Of the platform itself: what it will end, what it does not tell."""
    not_checked: tuple[NotChecked, ...]
    """For it was not told any more."""
    spelt: Rewrite | None
    """What is to be kept of the licence's spelling."""


def ask(settings: Settings, tell: Tell) -> Asked:
    """The live structure and what goes with it. An audit needs no more of Actito: a number that it does not offer any
    more is not checked."""
    with connect(settings) as connection:
        reader = Reader(connection)
        structure = reader.structure(settings.table)
        last = past_runs.last_structure(settings)
        contract = settings.table_folder / "contract.toml"
        changed = since(*last, structure, reader, contract) if last is not None else ()
        how, to_keep = learned(reader, structure, settings.state_folder, anew=True)
        for unusual in how.unusual:
            tell(unusual)
        ended: tuple[NotChecked, ...] = ()
        try:
            count = reader.count(structure)
        except Discontinued as problem:
            count, ended = None, notices.count_ended(str(problem))
        told = (*(() if ended else notices.not_counted(count)), *ends(connection))
        return Asked(structure, count, changed, told, ended, to_keep)


def current_suite(
    settings: Settings, structure: Structure, contract: Contract, tell: Tell
) -> tuple[Suite, Rewrite | None]:
    """The stored suite, brought up to the live structure, and what is to be stored of it; a steward's own expectations
    stay. What changed is told.
    """
    path = settings.table_folder / "suite.json"
    stored = read_suite(path) if path.exists() else None
    suite = refresh(stored, structure, contract)
    for change in changes(stored, suite):
        tell(f"  suite: {change}")
    return suite, None if suite == stored else rewritten(suite, path)


def pull_both(
    settings: Settings,
    request: Request,
    contract: Contract,
    work: Path,
    now: datetime,
    tell: Tell,
    moved: Moved | None,
) -> list[Pulled]:
    """Both inputs; a file named by hand is taken as it is named, from the working folder.

    Raises SettingsError for one that is not there: unlike what a pattern or the settings name, it will not come.
    """
    wanted = (
        (Side.PLATFORM, request.export, settings.platform.export, settings.platform, settings.platform.max_age),
        (Side.TRUTH, request.truth, settings.truth.from_, settings.truth.beside(request.truth), None),
    )
    kept, longest = settings.state_folder / "pulled", settings.state.retain.snapshots

    def pulled(side: Side, given: str | None, configured: str, access: Located, max_age: timedelta | None) -> Pulled:
        means = Means(
            access,
            kept,
            longest,
            keep=request.only is None,
            wanted=partial(wanted_columns, contract, side),
            tell=tell,
            progress=moved or (lambda name, done, total: None),
        )
        try:
            return pull_file(
                side,
                given or configured,
                folder=work,
                max_age=max_age,
                now=now,
                timezone=contract.timezone,
                base=None if given else settings.folder,
                means=means,
            )
        except Absent as nothing:
            if given is None or has_magic(given):
                raise
            raise SettingsError(str(nothing), hint="check the name") from None

    return [pulled(*one) for one in wanted]


def land_both(
    engine: DuckDB,
    pulled: Sequence[Pulled],
    contract: Contract,
    settings: Settings,
    work: Path,
    now: datetime,
    moved: Moved | None,
) -> Landings:
    """Land both inputs in the folder `work`, while the second is looked at already."""
    landed, raw = [], {}
    looks = [(one.path, form_of(one.side, settings, contract)) for one in pulled]
    with spoken_of(pulled), looking_ahead(looks) as ahead:
        for source, looked in zip(pulled, ahead, strict=True):
            one = land_one(engine, source, looked.result(), contract, settings, work, moved)
            raw[one.side] = engine.view(one.path, f"{one.side.value}_raw")
            landed.append(one)
    sources = [
        source_of(engine, given, one, raw[one.side], contract, now) for given, one in zip(pulled, landed, strict=True)
    ]
    return Landings(tuple(landed), raw, tuple(sources))


def land_one(
    engine: DuckDB,
    source: Pulled,
    looked: Looked | None,
    contract: Contract,
    settings: Settings,
    work: Path,
    moved: Moved | None,
) -> Landed:
    """One side as a snapshot, with the columns that anything refers to and no others."""
    side = source.side
    form = form_of(side, settings, contract)
    there = column_names(engine, source.path, form)
    landed = land(
        engine,
        side,
        source.path,
        work / f"{side.value}.parquet",
        columns=wanted_columns(contract, side, there),
        form=form,
        looked=looked,
        most_rejected=settings.rejected(side),
        progress=None if moved is None else partial(moved, f"reading {source.path.name}"),
    )
    work_out(engine, contract, landed, there)
    return said_of(source, landed, landed.path, settings.rejected(side))


def source_of(
    engine: DuckDB, pulled: Pulled, landed: Landed, raw: ir.Table, contract: Contract, now: datetime
) -> Source:
    """What the input was, and the moment that it shows."""
    updated = updated_column(contract, pulled.side)
    greatest = greatest_moment(engine, raw, updated, contract.timezone.key) if updated else None
    return source_showing(pulled, landed, updated=greatest, written=min(pulled.mtime, now))
