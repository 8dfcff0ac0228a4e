"""The spine of changing a table structure: what does not fit, what should be added, and adding it.

    structure, contract, truth ─► diff ─► propose ─► (hand-over sheet, review) ─► apply ─► read back

Beside `auditor.commands.apply` the only module that is handed something that can write to Actito, and only the two
methods of it that change a structure: see `StructureWriter`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from auditor.actito import DIALECTS, ActitoError, Discontinued, MaybeSent, NotAllowed, NotFound, Reader, Table
from auditor.commands.session import connect, tell_ends
from auditor.errors import AuditorError, Exit, GuardRefused, SettingsError
from auditor.files.disk import require_folder
from auditor.files.whole import write_whole
from auditor.findings.sentences import sentence
from auditor.findings.words import Words
from auditor.model import Attribute, Outcome, Segmentation, Structure
from auditor.settings.config import Settings
from auditor.settings.contract_file import read_contract
from auditor.state.commit import at_work
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import PlanRecord, StructureState
from auditor.state.past_runs import last_structure
from auditor.structure.changes import changes
from auditor.structure.fit import Facts, Finding, findings
from auditor.structure.proposal import Addition, Proposal, read_proposal, without
from auditor.structure.propose import propose_changes
from auditor.structure.sheet import sheet
from auditor.structure.since import read_synchronisations, reliance, structure_lost
from auditor.structure.survey import Surveyed, Wish, export_columns, survey_truth

FOLDER = "structure"
"""Where plans of structures and their hand-over sheets lie, beside the settings file."""

PAUSES = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each reading back: Actito may carry a change request out a little later."""


class StructureWriter(Protocol):
    """All that this module may do to Actito: `actito.Writer` without anything that touches a profile."""

    def create_table(self, table: Structure) -> Table: ...

    def change_table(
        self,
        table: Structure,
        *,
        attributes: Sequence[Attribute] = (),
        subscriptions: Sequence[str] = (),
        segments: Mapping[str, Sequence[str]] | None = None,
        segmentations: Sequence[Segmentation] = (),
    ) -> None: ...


@dataclass(frozen=True)
class Proposed:
    """A stored proposal and its sheet."""

    proposal: Proposal
    path: Path
    sheet: Path


@dataclass(frozen=True)
class Applied:
    """What became of a proposal."""

    outcomes: tuple[tuple[str, Outcome], ...]
    """Per addition, by its name: `landed` (read back), `skipped` (it was there already), `unknown` (not seen yet)."""
    left: int
    """How many things need a person, because the API cannot do them."""

    @property
    def exit_code(self) -> Exit:
        unsure = any(outcome is Outcome.UNKNOWN for _, outcome in self.outcomes)
        return Exit.WRITES_LEFT if unsure or self.left else Exit.FINE


def live_structure(settings: Settings) -> Structure:
    """The structure as Actito has it now."""
    with connect(settings) as connection:
        return Reader(connection).structure(settings.table)


def not_told(settings: Settings) -> str:
    """What the configured addresses leave out of every structure, in words; empty where they tell all (§4.2, G-php)."""
    if DIALECTS[settings.actito.dialect].structures == "v4":
        return "the older API tells neither lengths nor allowed values"
    return ""


def diff(settings: Settings, *, now: datetime) -> tuple[Structure, tuple[Finding, ...]]:
    """Compare the live structure with contract, truth, export, synchronisations and the last run; changes nothing.

    Raises AuditorError where Actito or the contract cannot be read; what else cannot be is a finding.
    """
    draft = read_contract(settings.table_folder / "contract.toml", None)
    with connect(settings) as connection:
        reader = Reader(connection)
        live = reader.structure(settings.table)
        synchronisations, unread = read_synchronisations(reader, live)
    trouble = [("synchronisations", unread)] if unread else []
    if silence := not_told(settings):
        trouble.append(("lengths", f"{silence}: they were not compared"))
    surveyed: Surveyed | None = None
    try:
        surveyed = survey_truth(settings, live, Wish(), now=now)
    except AuditorError as error:
        trouble.append(("truth", f"{settings.names.truth} could not be read: {error}"))
    header = None
    try:
        header = export_columns(settings, draft, now=now)
    except AuditorError as error:
        trouble.append(("export", f"the export could not be read: {error}"))
    run, before = last_structure(settings) or ("", None)
    if run and before is None:
        trouble.append(("last_run", sentence(structure_lost(run), Words.of(settings.names))))
    facts = Facts(
        live=live,
        contract=surveyed.contract if surveyed is not None else draft,
        refusals=surveyed.refusals if surveyed is not None else None,
        say=Words.of(settings.names),
        rows=surveyed.rows if surveyed is not None else 0,
        unknown_segments={name: found or () for name, found in surveyed.segments.items()} if surveyed else {},
        header=header,
        changes=changes(before, live) if before else (),
        last_run=run,
        reliance=reliance(draft, synchronisations),
        unread=tuple(trouble),
    )
    return live, findings(facts)


def propose(
    settings: Settings, *, now: datetime, wish: Wish, new_table: bool = False, anew: Sequence[str] = ()
) -> Proposed | None:
    """Make a plan of what the structure lacks, and store it with its sheet; None where nothing is lacking.

    `new_table`: the table does not exist and is to be made for a first load. `anew`: columns to be added although one
    of nearly the same name exists. Raises SettingsError when the table does not exist and nobody asked for a new one.
    """
    with connect(settings) as connection:
        live = _live(Reader(connection), settings.table)
    if live is None and not new_table:
        raise SettingsError(
            f'the entity "{settings.entity}" has no profile table "{settings.table}", or the key may not see it',
            hint="correct the name; to propose it as a new table: auditor structure propose --new-table",
        )
    if live is not None and new_table:
        raise SettingsError(f'the profile table "{settings.table}" exists', hint="leave out --new-table")
    surveyed = survey_truth(settings, live or _nothing(settings.table), wish, now=now)
    proposal = propose_changes(settings.entity, settings.table, live, surveyed, made=now, anew=anew)
    if not proposal.additions and not proposal.by_hand:
        return None
    return _store(settings, proposal)


def apply(
    settings: Settings,
    path: Path,
    *,
    clock: Callable[[], datetime],
    tell: Callable[[str], None] = lambda _: None,
    pause: Callable[[float], None] = time.sleep,
) -> Applied:
    """Carry out a stored proposal, or go on with it, and read it back. `tell` receives what Actito will end.

    Raises GuardRefused when the structure is not what the proposal was made on, or when nothing of it can be done
    through the API; ActitoError when Actito refuses it.
    """
    from auditor.actito.writer import Writer  # not at the top, where others could have it from here

    proposal = _ours(settings, path)
    if not proposal.additions:
        raise GuardRefused(
            "nothing of this plan can be done through Actito's API: it renames, narrows, widens and deletes nothing",
            hint=f"give the hand-over sheet to whoever looks after Actito: {path.with_suffix('.txt')}",
        )
    with (
        at_work(settings, "auditor structure apply", clock()),
        Ledger(settings.state_folder) as ledger,
        connect(settings) as reading,
        connect(settings, writing=True) as writing,
    ):
        if ledger.plan(proposal.sha) is None:
            raise GuardRefused(f"{path.name} is not known to the ledger: it was not made here, or was changed")
        reader = Reader(reading)
        live = _live(reader, settings.table)
        _require_unchanged(proposal, live, Words.of(settings.names))
        todo = proposal.additions if live is None else proposal.missing(live)
        if todo:
            names = [addition.name for addition in todo]
            ledger.record_structure(proposal.sha, settings.table, names, StructureState.SENT, clock())
            try:
                _write(Writer(writing), proposal, live, todo)
            except MaybeSent:
                pass  # reading back tells
            except ActitoError as error:
                ledger.record_structure(proposal.sha, settings.table, names, StructureState.REFUSED, clock())
                _explain(error, path)
                raise
        seen = _read_back(reader, settings.table, proposal, pause) if todo else live
        outcomes = []
        for addition in proposal.additions:
            there = seen is not None and addition.there(seen)
            outcome = Outcome.LANDED if there else Outcome.UNKNOWN
            outcomes.append((addition.name, outcome if addition in todo else Outcome.SKIPPED))
        for outcome, state in ((Outcome.LANDED, StructureState.LANDED), (Outcome.UNKNOWN, StructureState.UNKNOWN)):
            names = [name for name, found in outcomes if found is outcome]
            ledger.record_structure(proposal.sha, settings.table, names, state, clock())
        tell_ends(settings, tell, reading, writing)
    return Applied(tuple(outcomes), left=len(proposal.by_hand))


def find_proposal(settings: Settings, name: str) -> Path:
    """A stored proposal by its path or the beginning of its SHA."""
    path = Path(name)
    if path.is_file():
        return path
    folder = settings.folder / FOLDER
    fitting = sorted(folder.glob(f"plan-{name.removeprefix('plan-').removesuffix('.json')}*.json"))
    if len(fitting) == 1:
        return fitting[0]
    what = "there is no plan" if not fitting else f"{len(fitting)} plans begin with"
    raise SettingsError(f'{what} "{name}" in {folder}', hint="make one with `auditor structure propose`")


def _live(reader: Reader, table: str) -> Structure | None:
    """The structure, None where the entity has no such table; a list that is refused is an error, not an absence."""
    if not any(table in (known.name, known.id) for known in reader.tables()):
        return None
    return reader.structure(table)


def _nothing(table: str) -> Structure:
    return Structure(table_id="", table=table, attributes=())


def _ours(settings: Settings, path: Path) -> Proposal:
    proposal = read_proposal(path)
    if (proposal.entity, proposal.table) != (settings.entity, settings.table):
        raise SettingsError(f'the plan is for "{proposal.entity}/{proposal.table}", these settings are not')
    return proposal


def _require_unchanged(proposal: Proposal, live: Structure | None, say: Words) -> None:
    """Nothing but this very plan may have changed the structure, whether we began to apply it or a person did."""
    before = proposal.before
    if live is None:
        if before is None:
            return
        raise GuardRefused(f'the profile table "{proposal.table}" is gone since the plan was made', hint=_AGAIN)
    if before is None:
        own = {addition.column for addition in proposal.additions}
        others = [one.name for one in live.attributes if not one.technical and one.name not in own]
        if others or any(not addition.there(live) for addition in proposal.additions):
            raise GuardRefused(
                f'there is a profile table "{proposal.table}" by now, and it is not the one of this plan', hint=_AGAIN
            )
        return
    different = changes(before, without(live, proposal.additions, before))
    if different:
        told = "; ".join(sentence(one.notice, say) for one in different)
        raise GuardRefused(f"the table structure changed since the plan was made: {told}", hint=_AGAIN)


_AGAIN = "make the plan again: auditor structure propose"


def _write(writer: StructureWriter, proposal: Proposal, live: Structure | None, todo: Sequence[Addition]) -> None:
    if live is None:
        writer.create_table(proposal.after)
        return
    segments: dict[str, list[str]] = {}
    for addition in todo:
        if addition.segment is not None:
            segments.setdefault(addition.segment[0], []).append(addition.segment[1])
    writer.change_table(
        live,
        attributes=[one.attribute for one in todo if one.attribute is not None],
        subscriptions=[one.subscription for one in todo if one.subscription is not None],
        segments=segments,
        segmentations=[one.segmentation for one in todo if one.segmentation is not None],
    )


def _explain(error: ActitoError, path: Path) -> None:
    """A licence may not offer the call at all: the sheet is the other way."""
    if isinstance(error, NotFound | Discontinued | NotAllowed):
        error.hint = (
            f"{error.hint}; or give the hand-over sheet to whoever looks after Actito: {path.with_suffix('.txt')}"
        )


def _read_back(reader: Reader, table: str, proposal: Proposal, pause: Callable[[float], None]) -> Structure | None:
    """The structure once everything is there, else as it is at the end of our patience."""
    live = None
    for seconds in PAUSES:
        if seconds:
            pause(seconds)
        live = _live(reader, table)
        if live is not None and not proposal.missing(live):
            break
    return live


def _store(settings: Settings, proposal: Proposal) -> Proposed:
    folder = settings.folder / FOLDER
    path = folder / f"plan-{proposal.sha}.json"
    with (
        at_work(settings, "auditor structure propose", proposal.made),
        Ledger(settings.state_folder) as ledger,
    ):
        require_folder(folder)
        for target, content in ((path, proposal.to_json()), (path.with_suffix(".txt"), sheet(proposal))):
            if not target.exists():  # the same proposal, made again, is the same plan
                write_whole(target, content)
        kept = read_proposal(path)
        counts = dict(kept.counts)
        ledger.record_plan(PlanRecord(kept.sha, "", kept.table, "structure", kept.made, str(path), counts, None))
    return Proposed(kept, path, path.with_suffix(".txt"))
