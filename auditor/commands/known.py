"""What is known now about a finished audit: what was sent and decided since, and what its folder keeps for plans."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl

from auditor import permissions
from auditor.commands import redated
from auditor.commands.erased import erased_cells
from auditor.commands.refused import still_refused
from auditor.commands.untouched_since import left_by_us
from auditor.errors import SettingsError
from auditor.findings import figures
from auditor.findings.audit import Audit
from auditor.findings.notices import NO_OPT_OUTS, NOBODY_SEEN
from auditor.findings.unreachable import said_no
from auditor.model import OF_ANOTHER_KEY, Kind, Permission, Side, Structure
from auditor.permissions import EVIDENCE, HISTORY
from auditor.plan import decisions as plan_decisions
from auditor.plan.decisions import Choice, remembered
from auditor.plan.finding_answers import answered, every_question
from auditor.plan.knowledge import CREATED, OF_OTHERS, Knowledge, on_before
from auditor.plan.needs import needs
from auditor.plan.news import asked_by_the_truth, last_news, still_undone, with_lapsed
from auditor.plan.pairs import with_decided
from auditor.settings.config import Settings
from auditor.settings.contract import Contract
from auditor.settings.contract_file import read_contract
from auditor.state import run_folder
from auditor.state.ledger import Ledger
from auditor.state.ledger.persons import called_now, under_keys_of_now, with_keys_of_now
from auditor.state.ledger.records import NEWCOMER, SAME_PERSON, Decision, Pin
from auditor.state.past_runs import find_run
from auditor.state.run_files import of_snapshot, rows
from auditor.writes import Write, read_plan


def up_to_date(settings: Settings, folder: Path, now: datetime) -> tuple[Audit, pl.DataFrame]:
    """The audit of a run with what was sent since, and what becomes of its differences by what is known `now`.

    What becomes of its permission findings stands beside them.
    """
    structure = run_folder.read_structure(folder)
    contract = read_contract(settings.table_folder / "contract.toml", structure)
    with Ledger(settings.state_folder, reading=True) as ledger:
        audit = with_pending(run_folder.read_audit(folder, contract), ledger)
        return judged(audit, knowledge(settings, contract, structure, audit, ledger, now))


def judged(audit: Audit, known: Knowledge) -> tuple[Audit, pl.DataFrame]:
    """The audit with what was decided on its pairs and findings and how much is decided, its verdict by that, and what
    becomes of its differences.
    """
    needed, pairs = needs(audit, known), with_decided(audit.same_person, known.decisions)
    deleted = pl.col("key").is_in(known.deleted_again["key"].to_list())
    audit = replace(audit, profiles=audit.profiles.with_columns(deleted_by_undo=deleted))
    audit = figures.counted(replace(audit, permissions=answered(audit, needed, known)), needed)
    counts = replace(audit.counts, decisions=every_question(needed, pairs, audit.permissions))
    verdict = figures.verdict(counts, audit.not_checked)
    return replace(audit, same_person=pairs, counts=counts, verdict=verdict), needed


def with_pending(audit: Audit, ledger: Ledger, *, but: str | None = None) -> Audit:
    """Marks as pending what was sent since the export's moment, also what was sent after the audit.

    What the plan `but` sent since the audit does not count.
    """
    pending = ledger.pending(audit.table, after=audit.source(Side.PLATFORM).as_of, but=but)
    sent = under_keys_of_now(pending, concerned(audit)).select("key", "column").unique()
    cells = sent.filter(pl.col("column").is_not_null()).with_columns(sent=True)
    whole = sent.filter(pl.col("column").is_null()).select("key", sent=True)
    marked = pl.col("pending") | pl.col("sent").fill_null(False)
    differences = audit.differences.join(cells, on=["key", "column"], how="left", maintain_order="left")
    profiles = audit.profiles.join(whole, on="key", how="left", maintain_order="left")
    return replace(
        audit,
        differences=differences.with_columns(pending=marked).drop("sent"),
        profiles=profiles.with_columns(pending=marked).drop("sent"),
        permissions=audit.permissions.join(
            cells.rename({"sent": "pending"}), on=["key", "column"], how="left", maintain_order="left"
        ),
    )


def knowledge(
    settings: Settings,
    contract: Contract,
    structure: Structure,
    audit: Audit,
    ledger: Ledger,
    now: datetime,
    *,
    but: str | None = None,
) -> Knowledge:
    """What bears on the differing cells of an audit, beside its differences. What the plan `but` sent does not count.

    Raises SettingsError for a run that does not keep it any more.
    """
    everybody = concerned(audit)
    whose = holders(everybody)
    history = _history(audit.profiles, audit.folder, settings.table, ledger, but=but)
    news = _news(audit.folder, history, now)
    folder, missing = audit.folder, {item.code for item in audit.not_checked}
    taken, person = ledger.undone(settings.table), pl.col("column").is_null()
    dates = frame(folder, "evidence", EVIDENCE)
    over = redated.redated(
        ledger, settings.table, dates, settings.runs_folder, redated.taken_back(taken, everybody), now
    )
    undone = under_keys_of_now(taken.filter(~pl.col("number").is_in(list(over))), everybody)
    standing = _standing(settings, contract, ledger, folder, whose, news, now, but=but)
    decided = [one for one in standing if not one.over(now - settings.fixes.refused_for)]
    return Knowledge(
        structure=structure,
        timezone=contract.timezone,
        now=now,
        without_base=settings.fixes.without_base,
        opt_outs_known=not missing & NO_OPT_OUTS,
        seen_known=not missing & NOBODY_SEEN,
        decisions=list(still_refused(decided, folder, contract, whose, ledger.secret)),
        pins=standing_pins(ledger, settings.table, whose, now),
        evidence=dates,
        history=history,
        said_no=said_no(run_folder.read_activities(folder)),
        undone=still_undone(undone.filter(~person), news).select(
            "key", "column", platform="restored", truth="withdrawn", at="undone_at"
        ),
        deleted_again=undone.filter(person).select("key", at="undone_at"),
        created=_created(audit, ledger),
        left=left_by_us(under_keys_of_now(ledger.around_opt_outs(settings.table), everybody)),
        taken_back=on_before(under_keys_of_now(ledger.opt_ins_taken_back(settings.table), everybody), _on(history)),
        of_others=_looked_for(folder, "of_others", OF_OTHERS, later=("holder",)),
        consent_off=_consent_off(folder),
        filed=_filed(settings, audit, ledger, history, said_no(run_folder.read_activities(folder)), now),
        of_erased=erased_cells(contract, structure, audit, ledger),
    )


def _filed(
    settings: Settings, audit: Audit, ledger: Ledger, history: pl.DataFrame, no: pl.DataFrame, now: datetime
) -> frozenset[permissions.Cell]:
    """The permissions that went off because the truth had said no, of which plans whose files somebody else imports had
    the opt-out in between, as far as those plans are kept.
    """
    off = audit.differences.filter(pl.col("column").is_in([one.name for one in audit.columns if one.permission]))
    asked = asked_by_the_truth(history, set(off.select("key", "column").iter_rows()), no)
    between = {cell: (since, run_folder.started(run) or now) for cell, (since, run) in asked.items()}
    first, last = (
        (min(at for at, _ in between.values()), max(at for _, at in between.values())) if between else (now, now)
    )
    told = []
    for plan in ledger.plans(audit.table, "") if asked else ():
        if first < plan.made < last and plan.purpose == "correct" and Kind.UNSUBSCRIBE.value in plan.counts:
            with contextlib.suppress(SettingsError):
                made = read_plan(settings.runs_folder / plan.run / f"plan-{plan.sha}.json")
                own = [one for one in made.writes if made.for_others and one.batch and one.kind is Kind.UNSUBSCRIBE]
                told += [(one.key, one.profile_id, cell.column, plan.made) for one in own for cell in one.cells]
    schema = {**dict.fromkeys(("key", "profile_id", "column"), pl.String()), "at": HISTORY["at"]}
    named = under_keys_of_now(pl.DataFrame(told, schema=schema, orient="row"), concerned(audit))
    rows = named.select("key", "column", "at").iter_rows()
    return frozenset(
        (key, column)
        for key, column, at in rows
        if (key, column) in between and between[key, column][0] < at < between[key, column][1]
    )


def _created(audit: Audit, ledger: Ledger) -> pl.DataFrame:
    """Whom we created, as far as they are not the same on both sides."""
    known = under_keys_of_now(ledger.created(audit.table), concerned(audit)).join(audit.profiles, on="key", how="semi")
    return known.select("key", at="written_at").cast(dict(CREATED))  # type: ignore[arg-type]


def _consent_off(folder: Path) -> frozenset[str]:
    return frozenset(_looked_for(folder, "consent_off", pl.Schema({"key": pl.String()}))["key"])


def _looked_for(folder: Path, name: str, schema: pl.Schema, *, later: Collection[str] = ()) -> pl.DataFrame:
    """No row of runs that were made before anybody looked."""
    path = folder / f"{name}.parquet"
    return frame(folder, name, schema, later=later) if path.is_symlink() or path.exists() else schema.to_frame()


def grounds(
    settings: Settings, contract: Contract, planned: Iterable[Write], sha: str, ledger: Ledger, now: datetime
) -> permissions.Grounds:
    """What is known `now` of the opt-ins among these writes, by the ledger and the newest run.

    What the plan `sha`, whose writes they are, has done of them already speaks against none.

    Raises SettingsError where that run cannot be read.
    """
    polarity = {column.name: column.permission for column in contract.columns if column.permission is not None}
    newest = find_run(settings)
    shown = run_folder.read_rows(newest, "differences").select("key", "column", "platform_updated").iter_rows()
    updated = {(key, column): moment for key, column, moment in shown}
    cells = {
        (write.key, cell.column): (
            permissions.state(cell.before, polarity[cell.column]),
            updated.get((write.key, cell.column)),
        )
        for write in planned
        if write.kind is Kind.SUBSCRIBE
        for cell in write.cells
    }
    not_checked, _ = run_folder.read_run(newest).told()
    spoken = said_no(run_folder.read_activities(newest))
    profiles = run_folder.read_rows(newest, "profiles")
    history = _history(profiles, newest, settings.table, ledger, but=sha)
    return permissions.Grounds(
        chosen={
            (one.key, one.column): permissions.Chosen(one.by, one.platform, one.truth)
            for one in _standing(
                settings, contract, ledger, newest, holders(profiles), _news(newest, history, now), now, but=sha
            )
            if one.choice is Choice.TRUTH and not one.lapsed and (one.key, one.column) in cells
        },
        opt_outs=permissions.last_opt_outs(history, cells, spoken, contract.timezone),
        opt_outs_known=not {item.code for item in not_checked} & NO_OPT_OUTS,
        now=now,
        timezone=contract.timezone,
    )


def concerned(audit: Audit) -> pl.DataFrame:
    """Key and profile_id of those who are not the same on both sides, or have a permission finding."""
    return pl.concat([rows.select("key", "profile_id") for rows in (audit.profiles, audit.permissions)])


def holders(*people: pl.DataFrame) -> dict[str, str]:
    """Whose each key is, by profileId, of those who are not the same on both sides, or have a permission finding."""
    known = [rows.drop_nulls("profile_id").select("key", "profile_id") for rows in people]
    return dict(pl.concat(known).iter_rows())


def newcomers(folder: Path, contract: Contract, ledger: Ledger, keys: Collection[str]) -> dict[str, str]:
    """Who those with these keys are that may be created, as the run in this folder left them: a digest of each, by key.

    It is made of the texts that are a person's own, the unique attributes and the addresses; where all of those are
    empty, of everything that is no permission. The key is none of them: it is what is given to somebody else.

    Raises SettingsError once the run does not keep them any more.
    """
    if not keys:
        return {}
    found = frame(folder, "creations", pl.Schema({"key": pl.String()}))
    unique = {one.name for one in run_folder.read_structure(folder).attributes if one.unique}
    told = [one for one in contract.columns if one.name not in contract.key and one.name in found.columns]
    own = [one.name for one in told if one.name in unique or one in contract.contacts]
    rest = [one.name for one in told if one.permission is None]
    return {
        row["key"]: ledger.newcomer([(name, row[name]) for name in (own if any(map(row.get, own)) else rest)])
        for row in found.filter(pl.col("key").is_in(list(keys))).iter_rows(named=True)
    }


def _standing(
    settings: Settings,
    contract: Contract,
    ledger: Ledger,
    folder: Path,
    whose: Mapping[str, str],
    news: Mapping[permissions.Cell, datetime],
    now: datetime,
    *,
    but: str | None,
) -> list[plan_decisions.Decision]:
    """As `standing_decisions`, of people on the platform and of those whom the run in this folder would create.

    Nobody is given a permission by a decision of which nobody can tell whom it was about, and none stands against the
    `news` of its permission.
    """
    awaited = {one.key for one in ledger.every_decision(settings.table) if (one.profile_id or "").startswith(NEWCOMER)}
    new = newcomers(folder, contract, ledger, awaited) if (folder / "creations.parquet").exists() else {}
    kept = standing_decisions(ledger, settings.table, {**new, **whose}, but=but)
    polarity = {one.name: one.permission for one in contract.columns if one.permission is not None}

    def gives(one: Decision) -> bool:
        said = permissions.state(one.truth, polarity[one.column]) if one.column in polarity else Permission.OFF
        return one.choice == Choice.TRUTH and said is not Permission.OFF

    mine = redated.decided((one for one in kept if one.column in polarity), whose)
    over = redated.redated(ledger, settings.table, redated.of_run(folder), settings.runs_folder, mine, now)

    def lapsed(one: Decision) -> bool:
        return one.number in over or (one.profile_id is None and gives(one))

    claimed = zip(kept, remembered(kept), strict=True)
    return with_lapsed((replace(one, lapsed=one.lapsed or lapsed(was)) for was, one in claimed), news)


def standing_decisions(ledger: Ledger, table: str, holders: Mapping[str, str], *, but: str | None) -> list[Decision]:
    """What people decided and nobody has carried out yet; what the plan `but` sent does not count.

    A decision is about a person, not about a key: it goes with whoever has another key by now, and does not pass to
    somebody else who has theirs. `holders` tells whose the keys are; one about somebody who is to be created stands for
    nobody else, and for nobody where they do not tell.

    A write uses the decision up: what the person or the platform says of the cell afterwards is news, on which nobody
    has decided. Nor do decisions to write stand that may have been carried out and taken back in lost entries.
    """
    lost_at = ledger.lost_at
    by_key: dict[tuple[str | None, str], list[tuple[str | None, datetime]]] = {}
    by_number: dict[tuple[str | None, str], list[tuple[str | None, datetime]]] = {}  # which may read like a key
    for name, number, column, sent in ledger.last_written(table, but=but).iter_rows():
        by_key.setdefault((name, column), []).append((number, sent))
        by_number.setdefault((number, column), []).append((number, sent))

    def used_up(one: Decision, key: str) -> bool:
        who = None if (one.profile_id or "").startswith(NEWCOMER) else one.profile_id
        written = [each for name in {one.key, key} for each in by_key.get((name, one.column), ())]
        written += by_number.get((who, one.column), ()) if who else ()
        sent = [at for number, at in written if None in (who, number) or number == who]
        later = [at for at in (*sent, lost_at) if at is not None and at >= one.decided_at]
        return one.choice in (Choice.TRUTH, Choice.WITHDRAW) and bool(later)

    keys = {who: key for key, who in holders.items() if not who.startswith(NEWCOMER)}
    last: dict[tuple[str, str, str | None], Decision | None] = {}
    for one in ledger.every_decision(table):
        key = keys.get(one.profile_id or "", one.key)
        unknown = None if (one.profile_id or "").startswith(NEWCOMER) else one.profile_id
        if one.profile_id in (None, holders.get(key, unknown)):
            about = one.about.finding if one.about else None
            cell = key, one.column, one.truth if one.column == SAME_PERSON else about
            before = last.pop(cell, None)
            stands = None if used_up(one, key) else replace(one, key=key, overrules=_overruled(one, before))
            last[cell] = stands
    return [one for one in last.values() if one is not None]


def _overruled(one: Decision, before: Decision | None) -> str | None:
    """Whom a decision overrules: who chose something else of the same values."""
    if before is None or (one.platform, one.truth) != (before.platform, before.truth):
        return None
    if one.person == before.person:
        return before.overrules if one.choice == before.choice else None
    return before.person if one.choice != before.choice else None


def standing_pins(ledger: Ledger, table: str, holders: Mapping[str, str], now: datetime) -> list[Pin]:
    """The pins that have not expired, each under the key that its person has by now; `holders` as above."""
    return [
        replace(one, key=key)
        for key, one in called_now(ledger.pins(table), holders)
        if one.until is not None and one.until > now
    ]


def _history(profiles: pl.DataFrame, folder: Path, table: str, ledger: Ledger, *, but: str | None) -> pl.DataFrame:
    """The permission history as a run knows it, and what we wrote to permissions ourselves, but for one plan.

    Our own is told under the keys that the run's profiles have, and is of no run. What we wrote to somebody else who
    had the key is of no side, as in `diff.permission_findings.known_history`: it bounds what may be given.
    """
    history = frame(folder, "history", HISTORY)
    written = with_keys_of_now(ledger.permission_writes(table, but=but), profiles.select("key", "profile_id"))
    off = pl.col("kind") == Kind.UNSUBSCRIBE
    own = written.select(
        run=pl.lit(None),
        at="sent_at",
        side=pl.when("of_another").then(pl.lit(OF_ANOTHER_KEY)).otherwise(pl.lit(Side.PLATFORM.value)),
        key="key",
        column="column",
        value=pl.when(off).then(pl.lit(Permission.OFF.value)).otherwise(pl.lit(Permission.ON.value)),
    )
    return pl.concat([history, own.cast(dict(history.schema))]) if own.height else history  # type: ignore[arg-type]


def _on(history: pl.DataFrame) -> pl.DataFrame:
    """When permissions were on on the platform: key, column, at."""
    on = (pl.col("side") == Side.PLATFORM.value) & (pl.col("value") == Permission.ON.value)
    return history.filter(on).select("key", "column", "at")


def _news(folder: Path, history: pl.DataFrame, now: datetime) -> dict[permissions.Cell, datetime]:
    runs = {run: run_folder.started(run) for run in history["run"].drop_nulls().unique()}
    began = {run: at for run, at in runs.items() if at is not None}
    return last_news(history, began, frame(folder, "evidence", EVIDENCE), now)


def frame(folder: Path, name: str, schema: pl.Schema, *, later: Collection[str] = ()) -> pl.DataFrame:
    """A file of a run that is kept for what comes after it, in these columns and further ones; those that came `later`
    may be empty.

    Raises SettingsError once it has expired.
    """
    return rows(of_snapshot(folder, f"{name}.parquet"), schema, later=later)
