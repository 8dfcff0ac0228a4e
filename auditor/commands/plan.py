"""The spine of planning: from a finished audit to stored plans, with nothing sent.

run folder ─► audit, with what was sent since ─┐
ledger ─► decisions, quota, what was undone ───┼─► plans ─► stored beside the audit
settings ─► policy ────────────────────────────┘
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from pathlib import Path

import polars as pl

from auditor.commands.decided import record, take
from auditor.commands.erased import of_erased, with_erased
from auditor.commands.forecast import Forecast
from auditor.commands.known import frame, knowledge, with_pending
from auditor.commands.stored_plans import Planned, store_made, stored
from auditor.errors import SettingsError
from auditor.files.disk import require_folder
from auditor.files.whole import write_whole
from auditor.findings.audit import TEXT, Audit
from auditor.findings.codes import Code, Notice
from auditor.findings.notices import shrunk
from auditor.model import Structure
from auditor.plan import Facts, make_plans
from auditor.plan.bulkfile import corrective_files
from auditor.plan.creations import TAKEN, Candidates
from auditor.plan.knowledge import Knowledge
from auditor.plan.policy import Policy
from auditor.plan.road import GATHERING, SEEN
from auditor.settings.config import Settings
from auditor.settings.contract import Contract
from auditor.settings.contract_file import read_contract
from auditor.state import run_folder
from auditor.state.commit import at_work
from auditor.state.ledger import Ledger, quota_day
from auditor.state.ledger.persons import under_keys_of_now
from auditor.state.past_runs import find_run
from auditor.writes import Plan

CHANGED = 0.1
"""A column that changed in this share of the profiles since the last run stops a plan."""

Tell = Callable[[str], None]


def silently(_: str) -> None:
    """Tells nobody."""


def plan(
    settings: Settings,
    *,
    now: datetime,
    run: str | None = None,
    decisions: Path | None = None,
    route: str | None = None,
    only: Collection[str] | None = None,
    for_others: bool = False,
    continues: str | None = None,
    tell: Tell = silently,
) -> tuple[Planned, ...]:
    """Make the plans of a finished run (None: the newest) and store them in its folder; empty ones are left out.

    `decisions` is a file from the worklist; what lies in the inbox and what was decided earlier counts as well, and
    what was recorded is told. `only` restricts the plans to these keys. `for_others`: somebody else imports the files.
    `continues` names an earlier plan: what it writes, and nothing else, is planned anew.

    Raises SettingsError, InputUnusable or GuardRefused.
    """
    with at_work(settings, "auditor plan", now):
        folder = find_run(settings, run)
        take_waiting(settings, folder, now, tell)
        with Ledger(settings.state_folder) as ledger:
            made = plans_of(
                settings,
                folder,
                ledger,
                now,
                decisions=decisions,
                route=route,
                only=only,
                for_others=for_others,
                approved=_approved(settings, continues) if continues is not None else None,
                tell=tell,
            )
            return store_made(made, folder, ledger, settings)


def take_waiting(settings: Settings, folder: Path, now: datetime, tell: Tell) -> None:
    """Record what lies in the inbox of decisions, before anything of the run in this folder is planned."""
    take(settings, _contract(settings, run_folder.read_structure(folder)), now, tell)


def plans_of(
    settings: Settings,
    folder: Path,
    ledger: Ledger,
    now: datetime,
    *,
    decisions: Path | None,
    route: str | None,
    only: Collection[str] | None,
    for_others: bool = False,
    approved: Plan | None = None,
    tell: Tell = silently,
) -> tuple[Plan, Plan]:
    """What corrects and what creates, of the run in this folder; neither is stored. As `plan` otherwise."""
    if decisions is not None:
        for line in record(settings, _contract(settings, run_folder.read_structure(folder)), ledger, decisions, now):
            tell(line)
    audit, facts = gathered(settings, folder, ledger, now)
    return make_plans(audit, policy(settings, route, for_others=for_others), facts, only=only, approved=approved)


def gathered(settings: Settings, folder: Path, ledger: Ledger, now: datetime) -> tuple[Audit, Facts]:
    """The audit of the run in this folder with what was sent since, and what plans are made of beside it."""
    structure = run_folder.read_structure(folder)
    contract = _contract(settings, structure)
    audit = with_pending(run_folder.read_audit(folder, contract), ledger)
    known = knowledge(settings, contract, structure, audit, ledger, now)
    return audit, _facts(settings, contract, audit, known, folder, ledger)


def _contract(settings: Settings, structure: Structure) -> Contract:
    return read_contract(settings.table_folder / "contract.toml", structure)


def corrective(planned: Plan, structure: Structure, folder: Path) -> list[Path]:
    """Write the corrective files of a plan and their import definitions for somebody else to import."""
    written = []
    for file in corrective_files(planned, structure, canaries=True):
        require_folder(folder)
        for name, content in ((f"{file.name}.zip", file.archive), (f"{file.name}.csv", file.csv)):
            written.append(write_whole(folder / name, content))
        definition = {
            "mode": file.mode,
            "key": file.key,
            "columns": list(file.columns),
            "encoding": "UTF-8",
            "format": {"separator": ";", "enclosing": '"', "escaping": '"', "endOfLine": "\n"},
        }
        written.append(write_whole(folder / f"{file.name}.json", json.dumps(definition, indent=1) + "\n"))
    return written


def _facts(
    settings: Settings, contract: Contract, audit: Audit, known: Knowledge, folder: Path, ledger: Ledger
) -> Facts:
    missing = candidates(contract, folder)
    used = ledger.bulk_calls(settings.table, quota_day(known.now))
    allowed = min(settings.actito.own_bulk_calls_per_day, settings.actito.bulk_calls_per_day)
    unique = {one.name for one in known.structure.attributes if one.unique}
    columns = [column.name for column in contract.columns if column.name in unique]
    cells = ((key, name, text) for name in columns for key, text in missing.rows.select("key", name).iter_rows())
    erased = with_erased(ledger, cells) | of_erased(contract, ledger, missing.rows["key"])
    return Facts(
        known=known,
        contract=contract.digest,
        file_calls_left=0 if used.exhausted or used.lost else max(0, allowed - used.used),
        file_calls_daily=allowed,
        seen=_seen(settings, ledger, known.now, audit.profiles),
        candidates=missing.rows,
        taken=missing.taken,
        erased=frozenset(erased),
        guards=_guards(audit, ledger, settings),
        calls=Forecast(settings, contract, known.structure),
    )


def _approved(settings: Settings, name: str) -> Plan:
    """A stored plan that is gone on with by another one."""
    found = stored(settings, name).plan
    if (found.entity, found.table) != (settings.entity, settings.table):
        raise SettingsError(f'the plan is for "{found.entity}/{found.table}", these settings are not')
    if found.undoes is not None:
        raise SettingsError("an undo needs no fresh audit", hint=f"go on with it: auditor apply {found.sha[:12]}")
    return found


def _seen(settings: Settings, ledger: Ledger, now: datetime, people: pl.DataFrame) -> pl.DataFrame | None:
    """What differed when a wait for a file began that ends now, under the keys that `people` (key, profile_id) have by
    now; None where that run is not kept.
    """
    before = next((one.run for one in ledger.runs(settings.table) if one.started <= now - GATHERING), None)
    if before is None:
        return SEEN.to_frame()
    folder = settings.runs_folder / before
    try:
        cells = run_folder.read_rows(folder, "differences").select(*SEEN)
        whose = run_folder.read_rows(folder, "profiles").select("key", "profile_id").unique("key", keep="first")
    except SettingsError:
        return None
    theirs = cells.join(whose, on="key", how="left", maintain_order="left")
    return under_keys_of_now(theirs, people.select("key", "profile_id")).select(*SEEN)


def candidates(contract: Contract, folder: Path) -> Candidates:
    """Who may be created, as a run left it; nobody asked yet who of them was erased."""
    texts = _texts(column.name for column in contract.columns)
    return Candidates(frame(folder, "creations", texts), frame(folder, "taken", TAKEN), frozenset())


def _texts(columns: Iterable[str]) -> pl.Schema:
    """A row per profile, and the text of each of these columns."""
    return pl.Schema({"key": TEXT} | dict.fromkeys(columns, TEXT))


def _guards(audit: Audit, ledger: Ledger, settings: Settings) -> tuple[Notice, ...]:
    """What about this audit is so unusual that a plan needs every count confirmed."""
    recorded = ledger.runs(audit.table)
    own = next((place for place, record in enumerate(recorded) if record.run == audit.run), -1)
    earlier = recorded[own + 1 :] if own >= 0 else [one for one in recorded if one.started < audit.started]
    before = earlier[0].counts["rows"] if earlier else None
    lost = shrunk(audit.counts.rows, before, settings.shrank) if before else ()
    return (*lost, *changed_much(audit))


def changed_much(audit: Audit) -> Iterator[Notice]:
    """Tells the columns that changed on a side in more than a tenth of the profiles."""
    compared = sum(audit.counts.profiles.values())
    known = audit.differences.filter(pl.col("moved").is_in(["truth", "platform", "both"]))
    for column, number in known.group_by("column").len().sort("column").iter_rows():
        if number > compared * CHANGED:
            yield Notice(Code.MUCH_CHANGED, {"column": column, "changed": number, "compared": compared})


def policy(settings: Settings, route: str | None, *, for_others: bool = False) -> Policy:
    """What the settings say of how writes travel; None: they say that too."""
    fixes = settings.fixes
    return Policy(
        route=route or fixes.route,  # type: ignore[arg-type]  # click and pydantic both checked it
        realtime=tuple(fixes.realtime),
        bulk_min_rows=fixes.bulk_min_rows,
        for_others=for_others,
        only_on_platform=fixes.only_on_platform,
        calls_per_minute=settings.actito.calls_per_minute,
        max_age=fixes.max_age,
        permission_max_age=fixes.permission_max_age,
    )
