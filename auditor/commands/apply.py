"""The spine of applying: from a reviewed plan to outcomes, verified.

Beside `auditor.commands.structure` the only module that is handed something that can write to Actito.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from auditor import permissions
from auditor.actito import ActitoError, Reader, learned
from auditor.apply import Progress, apply_plan, settled, unfinished
from auditor.apply.job import FINAL, GONE, Limits
from auditor.apply.outcomes import Applied, read_outcomes, taken_back, write_outcomes
from auditor.commands.decided import require_taken
from auditor.commands.known import grounds, holders
from auditor.commands.review import where_to_read
from auditor.commands.seen_since import truth_says_no
from auditor.commands.session import connect, tell_ends
from auditor.commands.since import drift
from auditor.commands.stored_plans import brakes, check_made_here
from auditor.commands.wrong_opt_out import require_restorable
from auditor.equality.single_value import Sameness
from auditor.errors import GuardRefused, SettingsError, TryLater
from auditor.files.disk import require_writable
from auditor.findings.codes import Code
from auditor.findings.moments import moment
from auditor.findings.sentences import of_plan
from auditor.findings.since import Drift, Place
from auditor.findings.words import Words
from auditor.model import Kind, Structure
from auditor.plan.brakes import held, misjudged
from auditor.plan.bulkfile import corrective_file
from auditor.settings.config import Settings
from auditor.settings.contract import Contract
from auditor.settings.contract_file import read_contract
from auditor.state import heads, run_folder
from auditor.state.commit import at_work, steady
from auditor.state.ledger import Ledger
from auditor.state.ledger.records import IMPORT_PATIENCE, Head
from auditor.state.past_runs import find_run
from auditor.structure.changes import changes
from auditor.writes import Plan, read_plan, read_sealed

NAMED = 5
"""Scenarios that are told by their names."""


def apply(
    settings: Settings,
    path: Path,
    *,
    confirmed: Mapping[Kind, int],
    clock: Callable[[], datetime],
    progress: Callable[[Progress], None] | None = None,
    tell: Callable[[str], None] = lambda _: None,
    older: bool = False,
    known: Known | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Applied:
    """Carry out a stored plan, or go on with it; the outcome file lies beside it.

    `tell` receives a line for each thing that the licence spells otherwise than usual, and for what Actito will end.
    `older` allows a plan of a run that is not the newest: what that one sees otherwise is not written. `known` is what
    `since` gave somebody who was asked: where nothing was recorded meanwhile, it is not worked out once more.

    Raises GuardRefused when files wait in the inbox of decisions or a brake is not confirmed with its exact count, and
    whatever applying raises.
    """
    from auditor.actito.writer import Writer  # not at the top, where others could have it from here

    clock = steady(clock)
    ready = released(settings, path, confirmed)
    chosen, audited, contract = ready.plan, ready.audited, ready.contract
    folder = path.resolve().parent
    require_writable(folder)
    same = Sameness(contract.columns, contract.timezone.key)
    fixes, actito = settings.fixes, settings.actito
    limits = Limits(
        concurrency=actito.concurrency,
        bulk_calls_per_day=min(actito.own_bulk_calls_per_day, actito.bulk_calls_per_day),
        max_age=fixes.max_age,
        permission_max_age=fixes.permission_max_age,
        visible_after=max(fixes.visible_after, Limits().visible_after),
    )
    with (
        at_work(settings, "auditor apply", clock()),
        Ledger(settings.state_folder) as ledger,
        connect(settings) as reading,
        # One token where there is one key: a new one may end the other (§2.2).
        connect(settings, writing=True) if actito.write_api_key else nullcontext(reading) as writing,
    ):
        drifted = held_against(settings, ready, ledger, clock(), older=older, known=known)
        live = Reader(reading).structure(settings.table)
        _check_structure(audited, live)
        spelling, to_keep = learned(Reader(reading), live, settings.state_folder)
        if to_keep is not None:
            to_keep.carry_out()
        for sentence in spelling.unusual:
            tell(sentence)
        applied = apply_plan(
            chosen,
            structure=live,
            reader=Reader(reading, spelling),
            writer=Writer(writing, spelling),
            ledger=ledger,
            clock=clock,
            same=same,
            bulk_file=lambda one, batch: corrective_file(one, batch, live),
            general=permissions.general(contract.columns),
            limits=limits,
            allow_stop=True,
            earlier=read_outcomes(folder, chosen.sha),
            drift=drifted,
            progress=progress,
            sleep=sleep,
        )
        try:
            write_outcomes(folder, applied)
        except TryLater as error:
            raise TryLater(
                f"what was sent is recorded in the ledger, but not beside the plan: {error}",
                hint=f"then go on: auditor apply {chosen.sha[:12]}, which writes nothing twice",
            ) from None
        tell_ends(settings, tell, reading, writing)
        return applied.but(_taken_back(settings, chosen, ledger))


@dataclass(frozen=True, slots=True)
class Released:
    """A stored plan that was made here, whose brakes are confirmed, under the contract that it was made under."""

    plan: Plan
    audited: Structure
    contract: Contract


def released(settings: Settings, path: Path, confirmed: Mapping[Kind, int]) -> Released:
    """Reads a stored plan of which something is to leave this machine, whoever carries it on.

    Raises GuardRefused where it was not made here, files wait in the inbox of decisions, a brake is not confirmed with
    its exact count, the contract changed since, or it would raise a permission.
    """
    with Ledger(settings.state_folder, reading=True) as ledger:
        chosen = _ours(settings, path, ledger)
        require_taken(settings)
        _require_confirmed(settings, chosen, unfinished(chosen, ledger), path, confirmed)
    return _under_its_contract(settings, chosen, path)


def _under_its_contract(settings: Settings, chosen: Plan, path: Path) -> Released:
    audited = run_folder.read_structure(path.resolve().parent)
    contract = read_contract(settings.table_folder / "contract.toml", audited)
    _check_contract(chosen, contract)
    permissions.guard(chosen.writes, contract.columns, restores=chosen.purpose == "undo")
    return Released(chosen, audited, contract)


def held_against(
    settings: Settings, ready: Released, ledger: Ledger, now: datetime, *, older: bool, known: Known | None = None
) -> Drift:
    """Holds what is left of a plan against the ledger and the newest run: what of it must not leave this machine.

    `older` and `known` are as in `apply`. Raises GuardRefused where the ledger lacks something, the plan's run is not
    the newest, or an opt-in has no grounds any more.
    """
    check_ledger(settings, ready.plan, ledger)
    if ready.plan.purpose == "undo":
        require_restorable(settings, ready.contract, ready.plan, ledger)
    still = known is not None and known.head == ledger.head
    drifted = known.drift if known and still else drift(settings, ready.plan, ledger, now, older=older)
    _check_opt_ins(settings, ready.contract, ready.plan, drifted, ledger, now)
    return drifted


def require_confirmed(settings: Settings, path: Path, confirmed: Mapping[Kind, int]) -> None:
    """Raises GuardRefused when a brake of a stored plan is not confirmed with its exact count, or a count is confirmed
    that the plan does not have; what is done of it already brakes nothing.
    """
    chosen = read_plan(path)
    with Ledger(settings.state_folder, reading=True) as ledger:
        left = unfinished(chosen, ledger)
    _require_confirmed(settings, chosen, left, path, confirmed)


def counts_left(settings: Settings, path: Path) -> Mapping[Kind, int]:
    """How many profiles what is left of a stored plan touches, by kind."""
    with Ledger(settings.state_folder, reading=True) as ledger:
        return unfinished(read_plan(path), ledger).counts


def against_truth(settings: Settings, path: Path) -> Mapping[str, int]:
    """How many opt-ins of each permission what is left of a stored plan gives back although the truth says no."""
    chosen = read_plan(path)
    with Ledger(settings.state_folder, reading=True) as ledger:
        left = unfinished(chosen, ledger)
    contract = read_contract(settings.table_folder / "contract.toml", run_folder.read_structure(path.resolve().parent))
    return Counter(column for _, column in truth_says_no(settings, contract, left))


def _require_confirmed(settings: Settings, chosen: Plan, left: Plan, path: Path, confirmed: Mapping[Kind, int]) -> None:
    waiting = held(chosen, brakes(settings), confirmed, left)
    if waiting:
        flags = " ".join(brake.confirmation for brake in waiting)
        counts = ", ".join(f"{brake.count:,} × {brake.kind.value}" for brake in waiting)
        reason = f": {of_plan(chosen.stop, Words.of(settings.names))}" if chosen.stop else ""
        look = f"after a look ({reading})" if (reading := where_to_read(path)) else "after a look"
        raise GuardRefused(f"this plan needs its counts confirmed ({counts}){reason}", hint=f"{look}, add: {flags}")
    require_true([chosen.counts, left.counts], confirmed)


def require_true(counts: Sequence[Mapping[Kind, int]], confirmed: Mapping[Kind, int]) -> None:
    """Raises GuardRefused where a count is confirmed that none of `counts` has, of a kind that needs none as well."""
    wrong = misjudged(counts, confirmed)
    if wrong:
        told = ", ".join(f"{kind.value}={confirmed[kind]}, where it has {count:,}" for kind, count in wrong.items())
        raise GuardRefused(
            f"what is confirmed is not what this plan has: {told}",
            hint="was another plan looked at? auditor plan --show PLAN tells this one",
        )


def _check_structure(audited: Structure, live: Structure) -> None:
    """Raises GuardRefused where the table is another one than was audited, or than the last run saw before an undo."""
    if live != audited and [change.code for change in changes(audited, live)] != [Code.API_CHANGED]:
        raise GuardRefused(
            "the table structure changed since the audit behind this plan",
            hint="run the audit again, then plan again, or undo again",
        )


def _check_contract(chosen: Plan, contract: Contract) -> None:
    """Raises GuardRefused where the contract says something else than when the plan was made."""
    again = f"plan again: auditor {'undo' if chosen.purpose == 'undo' else 'plan'}"
    known = {column.name for column in contract.columns}
    gone = sorted({cell.column for write in chosen.writes for cell in write.cells} - known)
    if gone:
        raise GuardRefused(f'the contract does not have "{gone[0]}" any more, which this plan writes', hint=again)
    if chosen.contract not in (None, contract.digest):
        raise GuardRefused("the contract changed since this plan was made", hint=again)


def done(settings: Settings, path: Path) -> tuple[Applied, datetime] | None:
    """What became of a stored plan that is carried out to its end, and when the last of it was; None: some is left.

    Nothing of it is sent again, what was taken back since least of all, so there is nothing to confirm either. Raises
    GuardRefused for a plan that was not made here, and SettingsError, as `apply` does.
    """
    with Ledger(settings.state_folder, reading=True) as ledger:
        chosen, folder = _ours(settings, path, ledger), path.resolve().parent
        earlier = read_outcomes(folder, chosen.sha)
        applied, back = settled(chosen, ledger, earlier), _taken_back(settings, chosen, ledger)
    if applied is None:
        return None
    if earlier is None or not earlier.equals(applied.outcomes):  # that of an application before a killed one
        write_outcomes(folder, applied)
    return applied.but(back), max(applied.outcomes["at"].drop_nulls())


def _taken_back(settings: Settings, chosen: Plan, ledger: Ledger) -> dict[Place, str]:
    """The cells of a plan that an undo has taken back, each with the key that its person has by now, as far as the
    newest run shows it.
    """
    back = ledger.taken_back(settings.table, chosen.sha)
    if not back:
        return {}
    try:
        whose = holders(run_folder.read_rows(find_run(settings), "profiles"))
    except SettingsError:  # the plan may lie where no run does
        whose = {}
    return taken_back(ledger.effects(chosen.sha), back, {number: key for key, number in whose.items()})


@dataclass(frozen=True, slots=True)
class Known:
    """What was known of a plan when somebody was asked about it."""

    drift: Drift
    head: Head
    """How far the ledger had come: runs, decisions, pins and writes are in it."""


def since(settings: Settings, path: Path, now: datetime, *, older: bool) -> Known:
    """What of a stored plan is not written any more, by what is known `now`.

    Raises whatever `apply` would before it sends anything, so that nobody is asked for a yes that is then refused.
    """
    with Ledger(settings.state_folder, reading=True) as ledger:
        ready = _under_its_contract(settings, _ours(settings, path, ledger), path)
        require_writable(path.resolve().parent)
        known = Known(held_against(settings, ready, ledger, now, older=older), ledger.head)
    with connect(settings) as connection:
        _check_structure(ready.audited, Reader(connection).structure(settings.table))
    return known


def may_start(settings: Settings, path: Path) -> str:
    """A sentence about the scenarios that what is left of a stored plan may start (§14b); empty where it starts none.

    Which write starts which cannot be asked, and what was started cannot be undone. Scenarios that cannot be read stop
    nobody: the sentence says so.
    """
    chosen, folder = read_plan(path), path.resolve().parent
    earlier = read_outcomes(folder, chosen.sha)
    if not chosen.writes or (
        earlier is not None and set(earlier["outcome"]) <= set(FINAL) and GONE not in earlier["detail"]
    ):
        return ""
    begin = f"what is written may start scenarios of {chosen.table}"
    try:
        with connect(settings) as connection:
            found = Reader(connection).scenarios(run_folder.read_structure(folder))
    except ActitoError as error:
        return f"{begin}, and which are active could not be read: {error}"
    active = [one.name for one in found if one.active is not False]
    named = ", ".join(active[:NAMED]) + (f" and {len(active) - NAMED:,} more" if len(active) > NAMED else "")
    return (
        f"{begin}. Active: {named}; which write starts which, {settings.names.platform} does not say." if active else ""
    )


def check_ledger(settings: Settings, chosen: Plan, ledger: Ledger) -> None:
    """Send nothing on the word of a ledger that was changed, or that lacks what was sent after a copy of it was made.

    What lost entries hold, nobody knows: an import may have been made, an opt-in been sent and withdrawn since. It is
    settled by reading: only plans on an export that shows everything that may have been sent are carried out.
    """
    heads.require_whole(settings, ledger)
    lost_at = ledger.lost_at
    # What undoing reads is the ledger, and each profile before it is written.
    shown = None if lost_at is None else lost_at + (timedelta() if chosen.purpose == "undo" else IMPORT_PATIENCE)
    if shown is not None and chosen.export_as_of < shown:
        raise GuardRefused(
            "a part of the ledger is lost, and the export behind this plan does not show everything that may have been "
            "sent",
            hint=f"take an export of {moment(shown)} or later, run the audit and plan again",
        )
    found = ledger.verify(heads.last_noted(settings.state_folder))
    if found.problems:
        raise GuardRefused(
            f"the ledger is not as it was written: {found.problems[0]}",
            hint="restore ledger.sqlite from a backup; `auditor doctor` names every broken place",
        )


def _check_opt_ins(
    settings: Settings, contract: Contract, chosen: Plan, drifted: Drift, ledger: Ledger, now: datetime
) -> None:
    """Hold the opt-ins that a plan may still send against what is known by now, whenever the plan was made."""
    states = ledger.states(chosen.sha)
    done = {place for place, state in states.items() if state.outcome in FINAL} | drifted.held.keys()
    left = [
        replace(write, cells=cells)
        for number, write in enumerate(chosen.writes)
        if write.kind is Kind.SUBSCRIBE
        and (cells := tuple(cell for cell in write.cells if (number, cell.column) not in done))
    ]
    if left and chosen.purpose != "undo":
        permissions.check_grounds(left, contract.columns, grounds(settings, contract, left, chosen.sha, ledger, now))


def _ours(settings: Settings, path: Path, ledger: Ledger) -> Plan:
    chosen, seal = read_sealed(path)
    if (chosen.entity, chosen.table) != (settings.entity, settings.table):
        raise SettingsError(f'the plan is for "{chosen.entity}/{chosen.table}", these settings are not')
    check_made_here(chosen, seal, ledger)
    return chosen
