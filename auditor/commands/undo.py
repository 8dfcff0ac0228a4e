"""The spine of undoing: from what the ledger knows of a plan to a plan that takes it back.

No outcome file is read, and the plan's own file only where it is there: a killed apply leaves the ledger alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl

from auditor.actito import Reader
from auditor.apply.undo import Audited, require_ended, undo_plan
from auditor.commands.astray import astray
from auditor.commands.forecast import Forecast
from auditor.commands.known import holders, standing_pins
from auditor.commands.seen_since import out_of_reach, touched
from auditor.commands.session import connect, passing_engine
from auditor.commands.stored_plans import Planned, find_plan, store
from auditor.commands.undo_taken import taken, who
from auditor.commands.wrong_opt_out import WrongOptOut, take_back
from auditor.errors import SettingsError, TryLater
from auditor.findings.codes import Code, Notice
from auditor.model import Kind, Refusal, Structure, Why
from auditor.settings.config import Settings
from auditor.settings.contract import Contract
from auditor.settings.contract_file import read_contract
from auditor.state import run_folder
from auditor.state.commit import at_work
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import Effect, PlanRecord
from auditor.state.past_runs import last_structure
from auditor.validate.conditions import refusals
from auditor.writes import LeftAlone, Plan, read_plan


@dataclass(frozen=True, slots=True)
class Chosen:
    """The plan that is to be undone."""

    record: PlanRecord
    made: Plan | None
    """What its file says; None where it is not there or cannot be read: the ledger suffices."""
    folder: Path | None
    """Where its file lies."""


def undo(
    settings: Settings,
    name: Path | str,
    *,
    now: datetime,
    delete_created: bool = False,
    overwritten: bool = False,
    wrong: WrongOptOut | None = None,
    into: Path | None = None,
) -> Planned:
    """A plan that restores what a plan changed, all of it or as far as it came; it is applied like any other.

    Of a cell whose edit a file overwrote, the edit is restored, and not what was audited before, also where an undo has
    restored that already; `overwritten`: these cells alone. `name` is the plan's file or the beginning of its SHA.
    `wrong`: the plan gives back that one permission, and nothing else. It is stored in the folder of the undone plan,
    else in that of its run or of the newest one; `into` names another folder.

    Raises SettingsError, GuardRefused for a permission that must not be given back, and TryLater while a file of the
    plan may still be carried out.
    """
    with at_work(settings, "auditor undo", now), Ledger(settings.state_folder) as ledger:
        chosen = _chosen(settings, str(name), ledger)
        of = chosen.record
        effects = ledger.effects(of.sha)
        if not effects and chosen.made is not None and chosen.made.for_others:
            raise SettingsError(
                f"the files of plan {of.sha[:12]} were for somebody else to import: the record does not tell what they "
                "did",
                hint=f"put back in {settings.names.platform} by hand what should not have been written",
            )
        if not effects and not ledger.states(of.sha):
            raise SettingsError(f"{Path(name).name} was never applied: there is nothing to undo")
        edits = {(one.key, one.column): one for one in ledger.edits(settings.table, of.sha)}
        effects = (() if overwritten else _but(effects, edits)) + tuple(edits.values())
        require_ended(effects, now)
        again = ledger.taken_back(settings.table, of.sha) - edits.keys()
        newest = last_structure(settings)
        runs = _runs(settings, chosen, newest)
        if into is None and not runs:
            raise SettingsError(f"{_NOWHERE}: no run in {settings.runs_folder} can be read", hint=_INTO)
        structure = runs[0][1] if runs else _beside(into) if into is not None else None
        structure = structure or _live(settings)
        places = runs if into is None else [_place(into, structure)]
        contract = read_contract(settings.table_folder / "contract.toml", structure)
        strays = astray(settings, contract, ledger, ledger.in_files(settings.table, plan=of.sha))
        if overwritten and not edits and not strays:
            raise _no_edits(of, known=bool(ledger.overwritten(of.sha)))
        like = chosen.made or contract
        audited = Audited(settings.entity, like.key, like.fallbacks, _population(chosen, ledger), contract.digest)
        people = pl.DataFrame([(one.key, one.profile_id) for one in effects if one.key], _WHO, orient="row")
        pins = standing_pins(ledger, settings.table, holders(people), now)
        if wrong is not None:
            back = take_back(settings, contract, of, effects, wrong, pins, ledger, audited, now)
        else:
            edited, pinned = touched(settings, contract, effects), {(one.key, one.column) for one in pins}
            away = out_of_reach(settings, contract, effects)
            refused = _refused(settings, contract, structure, effects)
            stays = {*again, *edited, *pinned, *((one.key, one.column) for one in effects if one.profile_id in away)}
            stays |= {(one.key, one.column) for one in effects if (one.column or "", one.before) in refused}
            kept = {key for key, _ in pinned}
            created = [one for one in effects if delete_created and one.kind is Kind.CREATE and one.key not in kept]
            back = undo_plan(
                of,
                effects,
                audited,
                now,
                permissions=[column.name for column in contract.permissions],
                delete_created=delete_created,
                made=chosen.made,
                again=again,
                touched=edited,
                unmapped={one.column for one in effects if one.column} - {one.name for one in contract.columns},
                pinned=pinned,
                taken=taken(
                    settings, contract, structure, effects, ledger, stays=stays, deleted=set(map(who, created))
                ),
                refused=refused,
                away=away,
            )
            if not back.writes and again and not away and not strays:
                raise SettingsError(
                    f"nothing to undo: what plan {of.sha[:12]} did was taken back and read back, but for what no undo "
                    "takes back"
                )
            named = [LeftAlone(key, column, Why.ASTRAY.value, refusal=None) for _, key, column in strays]
            spots = {(one.key, one.column) for one in named}
            left = (one for one in back.left if one.why != Why.MADE_ANEW or (one.key, one.column) not in spots)
            back = replace(back, left=(*left, *named))
        calls = sum(map(Forecast(settings, contract, structure).of_write, back.writes))
        pace = settings.actito.calls_per_minute
        took = {"calls": calls, "minutes": max(1, round(calls / pace)), "pace": pace} if calls else {}
        back = replace(back, route_reason=Notice(Code.ROUTE_OF_UNDO, took).content())
        return _stored(back, places, structure, ledger, settings)


def _chosen(settings: Settings, name: str, ledger: Ledger) -> Chosen:
    """The plan of this name, whether its file is there or not."""
    if Path(name).is_file():
        plan = read_plan(Path(name))
        record = ledger.plan(plan.sha)
        if record is None or record.table != settings.table:
            raise SettingsError(f"{Path(name).name} was never applied: there is nothing to undo")
        return Chosen(record, plan, Path(name).resolve().parent)
    known = [one for one in ledger.plans(settings.table, name.removeprefix("plan-")) if one.purpose != "structure"]
    if len(known) != 1 or not name:
        path = find_plan(settings, name)  # which says what is wrong with the name
        return _chosen(settings, str(path), ledger)
    [record] = known
    try:
        path = find_plan(settings, record.sha)
        return Chosen(record, read_plan(path), path.resolve().parent)
    except SettingsError:
        return Chosen(record, None, None)


def _refused(
    settings: Settings, contract: Contract, structure: Structure, effects: Iterable[Effect]
) -> dict[tuple[str, str | None], Refusal]:
    """How the platform would refuse by now what stood there before these effects, by column and value."""
    before = {(one.column, one.before) for one in effects if one.column and one.kind in (Kind.UPDATE, Kind.CLEAR)}
    if not before:
        return {}
    with passing_engine(settings) as engine:
        return refusals(engine, structure, contract, before)


def _but(effects: Iterable[Effect], edits: Collection[tuple[str | None, str | None]]) -> tuple[Effect, ...]:
    return tuple(one for one in effects if (one.key, one.column) not in edits)


def _no_edits(of: PlanRecord, *, known: bool) -> SettingsError:
    if known:
        return SettingsError(
            f"what files of plan {of.sha[:12]} overwrote was put back already, or the cells do not hold any more what "
            "the plan, or an undo of it, wrote"
        )
    return SettingsError(
        f"no export shows that a file of plan {of.sha[:12]} overwrote an edit",
        hint="to take back all of it: auditor undo, without --overwritten",
    )


def _population(chosen: Chosen, ledger: Ledger) -> int:
    if chosen.made is not None:
        return chosen.made.population
    runs = ledger.runs(chosen.record.table)
    [counts] = [one.counts for one in runs if one.run == chosen.record.run] or [{}]
    return int(counts.get("rows", {}).get("platform", 0))


def _runs(
    settings: Settings, chosen: Chosen, newest: tuple[str, Structure | None] | None
) -> list[tuple[Path, Structure | None]]:
    """The folders where the undo may lie, the best first, and the structure that lies there.

    Applying asks for the structure of today: what lies beside that of `newest`, the run of this name, comes first.
    """
    run = settings.runs_folder / chosen.record.run
    folders = [chosen.folder, run if run_folder.started(run.name) else None]
    folders += [settings.runs_folder / newest[0]] if newest else []
    named = dict.fromkeys(folder for folder in folders if folder is not None)
    found = [(folder, _beside(folder)) for folder in named]
    today = newest[1] if newest else None
    return sorted((one for one in found if one[1] is not None), key=lambda one: today not in (None, one[1]))


def _place(folder: Path, structure: Structure) -> tuple[Path, Structure | None]:
    """A folder that somebody named, and what lies there of the structure; None: it is to be written.

    Raises SettingsError for that of a run that saw another one, which it keeps.
    """
    own = _beside(folder)
    if own in (None, structure) or not (folder / "run.json").exists():
        return folder, own if own == structure else None
    raise SettingsError(f"{folder} is of a run that saw another structure of the table", hint=_INTO)


def _beside(folder: Path) -> Structure | None:
    try:
        return run_folder.read_structure(folder)
    except SettingsError:
        return None


def _live(settings: Settings) -> Structure:
    """No run lies here: the platform says what the table looks like."""
    with connect(settings) as connection:
        return Reader(connection).structure(settings.table)


def _stored(
    back: Plan,
    places: Sequence[tuple[Path, Structure | None]],
    structure: Structure,
    ledger: Ledger,
    settings: Settings,
) -> Planned:
    """Keeps the undo in the first place that takes it, with a structure beside it: applying asks for that."""
    for folder, own in places:
        try:
            if own is None:
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                run_folder.write_structure(structure, folder)
            return store(back, folder, ledger, settings)
        except (OSError, TryLater):
            continue
    tried = ", ".join(str(folder) for folder, _ in places)
    raise TryLater(f"{_NOWHERE}: tried {tried}", hint=_INTO)


_WHO: Final = {"key": pl.String(), "profile_id": pl.String()}
_NOWHERE: Final = "the undo can be written nowhere"
_INTO: Final = "name a folder for it: auditor undo … --into DIR"
