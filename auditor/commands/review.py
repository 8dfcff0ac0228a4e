"""What a stored plan will do, for people: gathered from its run and the ledger, and written beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

import polars as pl

from auditor.apply import settled
from auditor.apply.undo import irrevocable
from auditor.commands.known import holders, knowledge, standing_decisions, standing_pins
from auditor.commands.pin import changed
from auditor.commands.seen_since import platform_texts, truth_says_no
from auditor.commands.stored_plans import Planned
from auditor.commands.who import naming
from auditor.errors import SettingsError
from auditor.files.whole import OWNER_ONLY, whole_files, write_whole
from auditor.findings.audit import FRAMES, TEXT
from auditor.findings.moments import last_day, moment
from auditor.findings.planned import may_start
from auditor.findings.sentences import of_plan, sentence
from auditor.findings.words import Words
from auditor.match.sides import source_name
from auditor.model import FORMAT, Kind, Side, Structure
from auditor.plan.damage import with_damage
from auditor.plan.decisions import Choice, remembered
from auditor.plan.decisions import told as said_as
from auditor.plan.named import Named, named
from auditor.plan.review import PEOPLE, Beside, Kept, Review
from auditor.report import PLANS, plan_text
from auditor.report.plan_book import plan_book
from auditor.report.plan_page import Listed, plan_page, plans_page
from auditor.settings.config import Settings
from auditor.settings.contract import Contract
from auditor.settings.contract_file import read_contract
from auditor.state import run_folder
from auditor.state.ledger import Ledger
from auditor.state.ledger.persons import called_now
from auditor.state.ledger.records import PROFILE, Decision, PlanRecord
from auditor.state.past_runs import find_run
from auditor.state.run_files import columns_of, rows
from auditor.writes import Plan, Write


@dataclass(frozen=True)
class Told:
    """A plan for people, and where it lies."""

    review: Review
    lasting: str
    """What no undo brings back, in a sentence; empty where nothing is written."""
    text: Path
    page: Path
    book: Path
    confirmations: tuple[str, ...]
    """What must be added to `auditor apply`."""

    def on_screen(self, *, everything: bool) -> Iterator[str]:
        """Lines for a terminal."""
        return plan_text.on_screen(self.review, self.text.name, everything=everything)

    @property
    def named(self) -> Iterator[Named]:
        """What the plan leaves alone that is told one by one."""
        return named(self.review)

    def document(self) -> dict[str, Any]:
        """The public form: what `--json` prints of a plan."""
        plan, say = self.review.plan, self.review.say
        return {
            "format": FORMAT,
            "plan": plan.sha,
            "purpose": plan.purpose,
            "run": plan.run,
            "table": plan.table,
            "made": plan.made.isoformat(),
            "export_as_of": plan.export_as_of.isoformat(),
            "undoes": plan.undoes,
            "counts": {kind.value: number for kind, number in plan.counts.items()},
            "route": of_plan(plan.route_reason, say),
            "stop": of_plan(plan.stop, say) if plan.stop else None,
            "lasting": self.lasting or None,
            "starts": say.fill(may_start(self.review.beside.realtime)) if plan.writes else None,
            "carried_out": done.isoformat() if (done := self.review.beside.carried_out) else None,
            "confirm": [] if done else list(self.confirmations),
            "left": Counter(one.why for one in plan.left),
            "left_by_name": [one.document() for one in self.named],
            "text": str(self.text),
            "page": str(self.page),
            "workbook": str(self.book),
            "writes": [write.document(say) for write in self.review.writes()],
        }


def files_of(path: Path) -> tuple[Path, Path, Path]:
    """Where the text, the page and the workbook of a stored plan lie, whether they do or not: under the name that
    people type.
    """
    name = path.stem[: len("plan-") + 12]
    return path.with_name(f"{name}.txt"), path.with_name(f"{name}.html"), path.with_name(f"{name}.xlsx")


def where_to_read(path: Path) -> str:
    """Where a person reads what a stored plan will do; empty where that is not written."""
    text, page, book = files_of(path)
    there = [one for one in (page, text, book) if one.exists()]
    return f"every write, with both values: {there[0].name} in {path.resolve().parent.name}" if there else ""


def tell(settings: Settings, planned: Planned) -> Told:
    """Tell a stored plan, and write text, page and workbook of it beside it, for their owner only.

    The folder's list of plans, which the worklist leads to, is written again. Raises SettingsError where what the plan
    was made of cannot be read.
    """
    plan, path, say = planned.plan, planned.path, Words.of(settings.names)
    folder = path.parent
    with Ledger(settings.state_folder, reading=True) as ledger:
        review = review_of(settings, plan, folder, ledger)
    lasting = irrevocable(plan)
    confirmations = tuple(brake.confirmation for brake in planned.brakes)
    told = Told(review, sentence(lasting, say) if lasting else "", *files_of(path), confirmations)
    with whole_files(dict.fromkeys((told.text, told.page, told.book), OWNER_ONLY), durable=False) as (text, page, book):
        with text.open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in plan_text.text(review, told.lasting))
        page.write_text(plan_page(review, told.lasting, told.text.name), "utf-8")
        book.write_bytes(plan_book(review, told.lasting, told.text.name))
    if run_folder.started(folder.name):
        list_plans(settings, plan.run, folder)
    return told


def list_plans(settings: Settings, run: str, folder: Path) -> None:
    """Write the list of the plans that were made of a run into this folder, with which of them were applied."""
    with Ledger(settings.state_folder, reading=True) as ledger:
        made, applied = ledger.plans_of(settings.table, run), ledger.applied(settings.table, run)
    listed = [_listed(one, folder, applied.get(one.sha)) for one in made]
    write_whole(folder / PLANS, plans_page(settings.table, run, listed))


def review_of(settings: Settings, plan: Plan, folder: Path, ledger: Ledger) -> Review:
    """Gathers what a person wants to know of a plan, stored or not, of the run in this folder.

    Raises SettingsError where what the plan was made of cannot be read.
    """
    structure = run_folder.read_structure(folder)
    contract = read_contract(settings.table_folder / "contract.toml", structure)
    kept, decided_on, otherwise = _answered(settings, contract, plan, folder, ledger)
    found = _rows(folder, "permissions").select("key", "column", "finding")
    beside = Beside(
        differences=_rows(folder, "differences"),
        causes=_rows(folder, "causes"),
        people=people_of(folder, contract, plan),
        findings={(key, column): finding for key, column, finding in found.iter_rows()},
        decided=when_decided(
            plan.writes, [one for one in ledger.every_decision(settings.table) if one.decided_at <= plan.made]
        ),
        permissions={one.name: one.permission for one in contract.columns if one.permission is not None},
        contacts={one.name for one in contract.contacts},
        identity={*contract.key, *(one.name for one in structure.attributes if one.unique)},
        realtime=tuple(settings.fixes.realtime),
        names=naming(contract),
        doubts=_doubts(settings, contract, structure, plan, folder, ledger),
        kept=kept,
        decided_on=decided_on,
        otherwise=otherwise,
        now=platform_texts(settings, plan.writes) if plan.purpose == "undo" else {},
        says_no=truth_says_no(settings, contract, plan),
        carried_out=_carried_out(plan, ledger),
        sent_before=sent_before(plan, ledger),
    )
    return Review(plan, beside, Words.of(settings.names))


def _carried_out(plan: Plan, ledger: Ledger) -> datetime | None:
    """When the last of a plan was done, where nothing of it is left to do."""
    done = settled(plan, ledger, None) if ledger.states(plan.sha) else None
    return None if done is None else max(done.outcomes["at"].drop_nulls(), default=None)


def sent_before(plan: Plan, ledger: Ledger) -> set[tuple[str, str]]:
    """The opt-outs of a plan that `Beside.sent_before` is about."""
    opt_outs = [write for write in plan.writes if write.kind is Kind.UNSUBSCRIBE]
    not_shown = set(ledger.opt_outs_not_shown(plan.table, but=plan.sha).iter_rows()) if opt_outs else set()
    by_number = {(number, column) for _, number, column in not_shown if number is not None}
    by_key = {(key, column) for key, number, column in not_shown if number is None}
    return {
        (write.key, cell.column)
        for write in opt_outs
        for cell in write.cells
        if (write.profile_id, cell.column) in by_number or (write.key, cell.column) in by_key
    }


def when_decided(writes: Iterable[Write], decisions: Iterable[Decision]) -> dict[tuple[str, str, str], datetime]:
    """When each person last decided on a cell of these writes, by the key that it has there, column and person.

    A decision on whoever had the key before is none on the write.
    """
    whose = {write.key: write.profile_id for write in writes if write.profile_id is not None}
    return {(key, one.column, one.person): one.decided_at for key, one in called_now(decisions, whose)}


def _doubts(
    settings: Settings, contract: Contract, structure: Structure, plan: Plan, folder: Path, ledger: Ledger
) -> dict[tuple[str, str], str]:
    """What we recognised in the values that people decided for; nothing once the run keeps no details any more."""
    keys = {write.key for write in plan.writes if write.decided_by is not None}
    if not keys or not (folder / "differences.parquet").exists():
        return {}
    try:
        audit = run_folder.read_audit(folder, contract)
        known = knowledge(settings, contract, structure, audit, ledger, plan.made)
    except SettingsError:
        return {}
    rows = with_damage(audit.differences.filter(pl.col("key").is_in(keys)), audit, known).drop_nulls("damage")
    return {(key, column): damage for key, column, damage in rows.select("key", "column", "damage").iter_rows()}


_Spot: TypeAlias = tuple[str, str | None]
"""Key and column; None: the profile itself."""


def _answered(
    settings: Settings, contract: Contract, plan: Plan, folder: Path, ledger: Ledger
) -> tuple[
    dict[_Spot, Kept], dict[_Spot, tuple[str, datetime, bool]], dict[tuple[str, str], tuple[str, str, datetime]]
]:
    """Who keeps cells from being written, who decided that some are, and who that some are not and how."""
    whose = holders(_rows(folder, "profiles"))
    differing = _rows(folder, "differences")["key", "column", "platform", "truth"].rows()
    texts = {(key, column): (platform, truth) for key, column, platform, truth in differing}
    found, decided = dict[_Spot, Kept](), dict[_Spot, tuple[str, datetime, bool]]()
    otherwise: dict[tuple[str, str], tuple[str, str, datetime]] = {}
    for decision in standing_decisions(ledger, settings.table, whose, but=None):
        if decision.choice == Choice.REFUSED:
            spot = decision.key, None if decision.column == PROFILE else decision.column
            until = moment(decision.decided_at + settings.fixes.refused_for)
            found[spot] = Kept(decision.person, until, None, changed=False)
        elif decision.choice in (Choice.TRUTH, Choice.WITHDRAW) and decision.decided_at <= plan.made:
            seen = texts.get((decision.key, decision.column))
            holds = seen is None or remembered([decision])[0].holds(*seen)
            decided[decision.key, decision.column] = decision.person, decision.decided_at, holds
        over = decision.choice == Choice.REFUSED and decision.decided_at + settings.fixes.refused_for <= plan.made
        if decision.choice in (Choice.PLATFORM, Choice.IGNORE, Choice.REFUSED) and not over:
            chosen = said_as(decision.choice, decision.gives_back)
            against = chosen, decision.person, decision.decided_at
            otherwise[decision.key, decision.column] = against
    pins = standing_pins(ledger, settings.table, whose, plan.made)
    moved = changed(_newest(settings, folder), contract, pins) if pins else ()
    for pin in pins:
        until = str(last_day(pin.until or plan.made, contract.timezone))
        found[pin.key, pin.column] = Kept(pin.person, until, pin.reason, changed=(pin.key, pin.column) in moved)
        found.setdefault((pin.key, None), found[pin.key, pin.column])
    return found, decided, otherwise


def _newest(settings: Settings, folder: Path) -> Path:
    """The newest run, which tells what stands on the platform; where there is none, that of the plan."""
    try:
        return find_run(settings)
    except SettingsError:
        return folder


def _listed(one: PlanRecord, folder: Path, applied: datetime | None) -> Listed:
    text, page, book = files_of(folder / f"plan-{one.sha}.json")
    there = [path.name for path in (page, book, text) if path.exists()]
    return Listed(one.sha, one.purpose, one.made, one.counts, there, applied)


def _rows(folder: Path, name: str) -> pl.DataFrame:
    """No row where the plan does not lie beside its run, as an undo may."""
    return run_folder.read_rows(folder, name) if (folder / f"{name}.parquet").exists() else FRAMES[name].to_frame()


def people_of(folder: Path, contract: Contract, plan: Plan) -> pl.DataFrame:
    """Who is who by the export of the run, as long as that is kept: the plan can be read without."""
    path = folder / f"{Side.PLATFORM.value}.parquet"
    if not path.exists():
        return PEOPLE.to_frame()
    headers = {"profileId": "profileId"} | {one.name: source_name(one, Side.PLATFORM) for one in contract.columns}
    first, last, email = naming(contract)
    key = contract.key[0] if len(contract.key) == 1 else None
    try:
        there = set(columns_of(path)) & {headers[name] for name in ("profileId", key, first, last, email) if name}
        export = rows(path, pl.Schema(dict.fromkeys(sorted(there), TEXT)))
    except SettingsError:
        return PEOPLE.to_frame()

    def text(name: str | None) -> pl.Expr:
        header = headers.get(name or "")
        return pl.col(header) if header in there else pl.lit(None, TEXT)

    people = export.select(
        profile_id=text("profileId"),
        key=text(key),
        name=pl.concat_str(text(first), text(last), separator=" ", ignore_nulls=True),
        email=text(email),
    )
    ids = {write.profile_id for write in plan.writes if write.profile_id is not None}
    keys = {write.key for write in plan.writes}
    return people.filter(pl.col("profile_id").is_in(ids) | pl.col("key").is_in(keys))
