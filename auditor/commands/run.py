"""The spine of an audit: every stage in its order, and what travels from one to the next.

    pull ─► load ─► match ─► validate ─► diff ─► explain ─► report

Stages get values and tables on one connection; they do not know each other. Nothing here can write to Actito.
"""

from __future__ import annotations

import secrets
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

import polars as pl

from auditor import explain, report
from auditor.actito import DIALECTS, Connection, Reader, learned
from auditor.commands import conclude
from auditor.diff import cells as diff
from auditor.diff import one_sided, permission_findings
from auditor.engine.duckdb import Engine
from auditor.equality.primitives import FUNCTIONS
from auditor.errors import SettingsError
from auditor.files.rewrite import Rewrite
from auditor.files.running import running_folder
from auditor.files.whole import full_disk
from auditor.findings import notices
from auditor.findings.as_of import shown_moment
from auditor.findings.audit import Audit
from auditor.findings.codes import Notice
from auditor.findings.sentences import sentence
from auditor.findings.words import Words
from auditor.load import Landed, Looked, column_names, land, looking_ahead, rejected_rows, spelling, work_out
from auditor.logs import stage
from auditor.match import join as match
from auditor.model import Kind, Rule, Severity, Side, Source, Status, Structure
from auditor.plan.decisions import Decision, remembered
from auditor.plan.policy import for_the_truth
from auditor.pull import Means, Pulled, pull_file
from auditor.settings.config import Settings, describe
from auditor.settings.contract import Contract, read_contract
from auditor.state import past_runs, run_folder, settle
from auditor.state.agreed import HISTORY, Memory, NewState, Store
from auditor.state.commit import Kept, at_work, commit
from auditor.state.ledger import Ledger, lock
from auditor.state.ledger.records import RunRecord, Settled
from auditor.structure.since import since
from auditor.validate import Validation, jumps, preload, record, validate
from auditor.validate.changes import changes
from auditor.validate.generate import refresh
from auditor.validate.references import known_keys
from auditor.validate.suite import Suite, read_suite, rewritten

STAGES = ("pull", "load", "match", "validate", "diff", "explain", "report")

TREND_RUNS = 30
"""Earlier runs shown in the report."""

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


class EnoughError(Exception):
    """Not a failure: the request asked for no more than this."""

    def __init__(self, facts: Mapping[str, Mapping[str, int]]) -> None:
        super().__init__("enough")
        self.facts = facts
        """Stage → what it found, as names and numbers."""


@dataclass
class _Watch:
    """Seconds and findings per stage, and a line for whoever watches."""

    tell: Tell
    only: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    facts: dict[str, dict[str, int]] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str, what: str) -> Iterator[None]:
        self.tell(what)
        with stage(name, self.seconds):
            yield
        if name == self.only:
            raise EnoughError(self.facts)


def connect(settings: Settings, *, writing: bool = False) -> Connection:
    """A connection to the configured licence, within limits that all processes with this state folder share.

    The key for writing is asked for by apply and undo alone.
    """
    actito = settings.actito
    key = (actito.write_api_key or actito.api_key) if writing else actito.api_key
    return Connection(
        actito.url,
        key.reveal,
        settings.entity,
        dialect=DIALECTS[actito.dialect],
        calls_per_minute=actito.calls_per_minute,
        concurrency=actito.concurrency,
        shared=running_folder(settings.state_folder),
    )


def run(settings: Settings, request: Request, *, now: datetime, tell: Tell, moved: Moved | None = None) -> Audit:
    """Audit the profile table and leave a complete run folder behind; a run that fails leaves none.

    `now` is the moment of the audit, with zone. `moved` is told how transfers go. Raises AuditorError for everything
    foreseeable.
    """
    with _here(settings, request):
        name = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
        first = not settings.runs_folder.exists()
        settings.runs_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if request.only is None:
            _sweep(settings.runs_folder)
        work = settings.runs_folder / f".{name}"
        work.mkdir(mode=0o700)
        try:
            with full_disk(settings.runs_folder):
                audit = _audit(settings, request, name, work, now, tell, moved)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            if first:
                with suppress(OSError):  # by now there is something in it
                    settings.runs_folder.rmdir()
            raise
        _expire(settings, now)
        return audit


def _here(settings: Settings, request: Request) -> AbstractContextManager[None]:
    """Nobody else is at work in the state folder; who keeps nothing sets nothing right either."""
    if request.only is not None:
        return lock.hold(settings.state_folder / "lock", "auditor run")
    return at_work(settings.state_folder, "auditor run")


def _audit(
    settings: Settings, request: Request, name: str, work: Path, now: datetime, tell: Tell, moved: Moved | None
) -> Audit:
    """All stages in their order; the last one gives the run folder its name."""
    watch = _Watch(tell, request.only)
    names, table = settings.names, settings.table
    warm = threading.Thread(target=preload, name="preload", daemon=True)
    warm.start()
    with watch.stage("pull", f"asking {names.platform} for the table structure, fetching both inputs"):
        structure, count, changed, spelt = _ask(settings, tell)
        try:
            contract = read_contract(settings.table_folder / "contract.toml", structure)
        except SettingsError:
            for notice in changed:  # probably why
                tell(sentence(notice, Words.of(names)))
            raise
        suite, refreshed = _suite(settings, structure, contract, tell)
        pulled = _pull(settings, request, contract, work, now, tell, moved)
        watch.facts["pull"] = {"counted_by_platform": count, **{f"{one.side.value}_bytes": one.bytes for one in pulled}}
    folders = [work, settings.state_folder, *(source.path.parent for source in pulled)]
    engine = Engine(memory_limit=settings.engine.memory_limit, temp=work / "spill", folders=folders)
    with closing(engine), Ledger(settings.state_folder, reading=True) as ledger:
        engine.register(FUNCTIONS)
        with watch.stage("load", "loading both sides"):
            with looking_ahead(_looks(pulled, settings)) as ahead:
                landed = [
                    _land(engine, source, looked.result(), contract, settings, work, moved)
                    for source, looked in zip(pulled, ahead, strict=True)
                ]
            for one in landed:
                for note in one.notes:
                    tell(f"  {names.of(one.side)}: {note}")
            sources = [_source(engine, *pair, contract, now) for pair in zip(pulled, landed, strict=True)]
            moments = {source.side: source.as_of for source in sources}
            for one in landed:
                watch.facts.setdefault("load", {}).update({f"{one.side.value}_rows": one.rows})
                watch.facts["load"][f"{one.side.value}_rejected"] = one.rejected
        with watch.stage("match", "matching profiles by their key"):
            for side in Side:
                match.find_keys(engine, contract, side)
            match.match(engine)
        warm.join()
        with watch.stage("validate", "validating both sides against the table structure"):
            validations = _validate(engine, settings, contract, structure, suite, sources, ledger.secret)
            unevaluated = [item for one in validations for item in one.not_evaluated]
            run_folder.write_validation(record.document(suite.name, validations, ledger.secret), work)
            watch.facts["validate"] = conclude.violations_per_rule(engine)
        with watch.stage("diff", "comparing"):
            store = Store(settings.state_folder, settings.entity, table, structure.number)
            memory = store.load(engine, contract)
            settled = settle.from_export(engine, contract, ledger, table, moments[Side.PLATFORM])
            ledger.suppose(settled)
            known, created = _known(engine, ledger, memory, table, moments[Side.PLATFORM])
            shown = diff.Moments(moments[Side.PLATFORM], moments[Side.TRUTH])
            found = diff.diff(engine, contract, known, shown, {side.side: side.rejected for side in landed})
            decided = engine.put("opt_ins", ledger.opt_ins(table))
            permission_findings.permissions(engine, contract, HISTORY, name, moments, decided)
            watch.facts["diff"] = {status.value: number for status, number in found.profiles.items()}
        if request.baseline:
            agreed = store.write(engine, contract, memory, name, moments[Side.PLATFORM], known.sent)
            commit(settings.state_folder, Kept(name, (agreed.rewrite,), agreed.written, agreed.superseded))
            raise EnoughError(watch.facts)
        with watch.stage("explain", "explaining every difference"):
            explain.explain(engine, contract.compared, contract=contract)
            one_sided.rows(engine, contract)
            evidence = explain.evidence_columns(contract.columns)
            everybody = {side: one_sided.people(engine, contract, side, evidence.values()) for side in Side}
            explain.same_person(engine, everybody, evidence)
            one_sided.renumbered(engine, contract, structure, memory.seen)
            rejected_rows(engine, landed)
            counts = conclude.count(engine, found)
            conclude.stop_if_renumbered(conclude.same_persons(engine), found)
            conclude.write(engine, work)
        known_gaps = [item for side in landed for item in side.not_checked] + unevaluated
        last = ledger.last_run(table)
        shrunk = notices.shrunk(found.rows, last.counts["rows"], settings.shrank) if last else ()
        not_yet = notices.not_yet({one.side: one.not_yet for one in validations})
        near = notices.under_other_keys(one_sided.other_keys(engine, memory.seen))
        near += notices.how_matched(found.matched_by, contract.key)
        near += notices.nearly_matched(one_sided.near_keys(engine), (contract.key, *contract.fallbacks))
        not_checked = [
            *known_gaps,
            *notices.without_key(found.rows),
            *notices.below_count(found.rows[Side.PLATFORM.value], count, created),
        ]
        audit = Audit(
            run=name,
            entity=settings.entity,
            table=table,
            platform_name=names.platform,
            truth_name=names.truth,
            started=now,
            verdict=conclude.verdict(counts, not_checked),
            counts=counts,
            not_checked=tuple(not_checked),
            sources=tuple(sources),
            columns=contract.columns,
            key=contract.key,
            fallbacks=contract.fallbacks,
            folder=work,
            seconds=watch.seconds,
            notices=(*changed, *shrunk, *near, *not_yet, *memory.warnings),
            **conclude.read(work),
        )
        with watch.stage("report", "writing the report"):
            _write(engine, audit, contract, structure, remembered(ledger.decisions(table)))
            trend = [trend_point(record) for record in reversed(ledger.runs(table, TREND_RUNS))]
            report.render(audit, work, privacy=settings.report.privacy, trend=trend)
        notes = [f"{names.of(one.side)}: {note}" for one in landed for note in one.notes]
        run_folder.write_run(audit, describe(settings), tuple(notes))
        final = settings.runs_folder / name
        with full_disk(settings.state_folder):
            agreed = store.write(engine, contract, memory, name, moments[Side.PLATFORM], known.sent)
            run_folder.complete(engine, work)
            commit(settings.state_folder, _to_keep(audit, final, agreed, (refreshed, spelt), settled, ledger.secret))
        return replace(audit, folder=final)


def _ask(settings: Settings, tell: Tell) -> tuple[Structure, int, tuple[Notice, ...], Rewrite | None]:
    """The live structure, Actito's own count of the profiles, what changed in the structure since the last run, and
    what is to be kept of the licence's spelling.
    """
    with connect(settings) as connection:
        reader = Reader(connection)
        structure = reader.structure(settings.table)
        last = past_runs.last_structure(settings)
        contract = settings.table_folder / "contract.toml"
        changed = since(*last, structure, reader, contract) if last is not None else ()
        how, to_keep = learned(reader, structure, settings.state_folder, anew=True)
        for unusual in how.unusual:
            tell(unusual)
        return structure, reader.count(structure), changed, to_keep


def _suite(settings: Settings, structure: Structure, contract: Contract, tell: Tell) -> tuple[Suite, Rewrite | None]:
    """The stored suite, brought up to the live structure, and what is to be stored of it; a steward's own expectations
    stay. What changed is told.
    """
    path = settings.table_folder / "suite.json"
    stored = read_suite(path) if path.exists() else None
    suite = refresh(stored, structure, contract)
    for change in changes(stored, suite):
        tell(f"  suite: {change}")
    return suite, None if suite == stored else rewritten(suite, path)


def _pull(
    settings: Settings,
    request: Request,
    contract: Contract,
    work: Path,
    now: datetime,
    tell: Tell,
    moved: Moved | None,
) -> list[Pulled]:
    """Both inputs; a file named by hand is taken as it is named, from the working folder."""
    wanted = (
        (Side.PLATFORM, request.export, settings.platform.export, settings.platform, settings.platform.max_age),
        (Side.TRUTH, request.truth, settings.truth.from_, settings.truth.beside(request.truth), None),
    )
    kept, longest = settings.state_folder / "pulled", settings.state.retain.snapshots
    return [
        pull_file(
            side,
            given or configured,
            folder=work,
            max_age=max_age,
            now=now,
            timezone=contract.timezone,
            base=None if given else settings.folder,
            means=Means(
                access,
                kept,
                longest,
                keep=request.only is None,
                wanted=partial(match.wanted_columns, contract, side),
                tell=tell,
                progress=moved or (lambda name, done, total: None),
            ),
        )
        for side, given, configured, access, max_age in wanted
    ]


def _looks(pulled: Sequence[Pulled], settings: Settings) -> Iterator[tuple[Path, str | None, str | None]]:
    for one in pulled:
        spelt = spelling(one.side, settings)
        yield one.path, spelt["separator"], spelt["encoding"]


def _land(
    engine: Engine,
    source: Pulled,
    looked: Looked | None,
    contract: Contract,
    settings: Settings,
    work: Path,
    moved: Moved | None,
) -> Landed:
    """One side as a snapshot, with the columns that anything refers to and no others."""
    side = source.side
    spelt = spelling(side, settings)
    there = column_names(engine, source.path, **spelt)
    landed = land(
        engine,
        side,
        source.path,
        work / f"{side.value}.parquet",
        columns=match.wanted_columns(contract, side, there),
        **spelt,
        looked=looked,
        most_rejected=settings.rejected(side),
        progress=None if moved is None else partial(moved, f"reading {source.path.name}"),
    )
    work_out(engine, contract, landed, there)
    engine.view(match.RAW[side], landed.path)
    return landed


def _source(engine: Engine, pulled: Pulled, landed: Landed, contract: Contract, now: datetime) -> Source:
    """What the input was, and the moment that it shows."""
    updated = contract.updated_platform if pulled.side is Side.PLATFORM else contract.updated_truth
    greatest = match.greatest_moment(engine, pulled.side, updated, contract.timezone.key) if updated else None
    shown = shown_moment(
        pulled.name_moment,
        has_time=pulled.name_has_time,
        updated=greatest,
        written=min(pulled.mtime, now),
        snapshot=pulled.snapshot,
    )
    return Source(
        side=pulled.side,
        location=pulled.location,
        bytes=pulled.bytes,
        sha256=pulled.sha256,
        as_of=shown.at,
        as_of_from=shown.known_from,
        file=pulled.file,
        encoding=landed.encoding,
        separator=landed.separator,
    )


def _validate(
    engine: Engine,
    settings: Settings,
    contract: Contract,
    structure: Structure,
    suite: Suite,
    sources: Sequence[Source],
    secret: str,
) -> list[Validation]:
    """Both sides, judged by the suite, by the keys of other tables and by what the last runs saw."""
    keys, most = known_keys(engine, settings.table_folder, contract.columns), jumps.wanted_runs(suite)
    results = []
    for source in sources:
        side = source.side
        documents = past_runs.last_validations(settings, side, source.sha256, most)
        past = record.past(documents, side.value, secret)
        view = match.checked(engine, contract, structure, side)
        results.append(validate(engine, side, view, suite, past=past, keys=keys))
    return results


def _known(engine: Engine, ledger: Ledger, memory: Memory, table: str, as_of: datetime) -> tuple[diff.Known, int]:
    """What earlier runs and the ledger know, as tables; and how many profiles we created after the export's moment."""
    pending = ledger.pending(table, after=as_of)
    sent = engine.put("sent", pending.select("key", "column").unique())
    violations = engine.table("violations")
    refused = violations.rule.isin([rule.value for rule in Rule]) | (violations.severity == Severity.ERROR.value)
    on_truth = violations.filter(refused & (violations.side == Side.TRUTH.value))
    engine.create("blocked", on_truth.select("key", "column").distinct())
    created = pending.filter(pl.col("kind") == Kind.CREATE.value).height
    return diff.Known(base=memory.base, sent=sent, seen=memory.seen, blocked="blocked"), created


def _write(engine: Engine, audit: Audit, contract: Contract, structure: Structure, decided: Sequence[Decision]) -> None:
    """The results of the audit, and what a plan made on it will need."""
    folder = audit.folder
    run_folder.write_structure(structure, folder)
    engine.write(one_sided.creations(engine, contract), folder / "creations.parquet")
    engine.write(one_sided.taken(engine, contract, structure), folder / "taken.parquet")
    engine.write(diff.audited_values(engine, contract), folder / "audited.parquet")
    engine.write(permission_findings.evidence_of_differences(engine), folder / "evidence.parquet")
    engine.write(permission_findings.known_history(engine, HISTORY), folder / "history.parquet")
    run_folder.write_csv(for_the_truth(audit.differences, contract.columns, decided), folder / "for-the-truth.csv")


def _to_keep(
    audit: Audit,
    final: Path,
    agreed: NewState,
    others: Sequence[Rewrite | None],
    settled: Settled,
    secret: str,
) -> Kept:
    """Everything that outlives the run."""

    def record(ledger: Ledger) -> None:
        ledger.record_settled(settled, audit.started)
        ledger.record_run(_record(audit))

    rewrites = (agreed.rewrite, *(one for one in others if one is not None))
    return Kept(audit.run, rewrites, agreed.written, agreed.superseded, (audit.folder, final), record, secret)


def _record(audit: Audit) -> RunRecord:
    """What the ledger keeps of a run: counts alone."""
    summary = audit.summary()
    kept = ("rows", "profiles", "waiting", "pending", "gone", "differences", "violations", "permissions")
    finished = audit.started + timedelta(seconds=sum(audit.seconds.values()))
    return RunRecord(
        audit.run, audit.table, audit.started, finished, audit.verdict, {name: summary[name] for name in kept}
    )


def trend_point(record: RunRecord) -> report.TrendPoint:
    counts = record.counts
    return report.TrendPoint(
        run=record.run,
        started=record.started,
        profiles={Status(status): number for status, number in counts["profiles"].items()},
        differences=counts["differences"]["total"],
        permissions=sum(counts["permissions"].values()),
    )


def _sweep(runs: Path) -> None:
    """Remove what a killed run left behind; the lock is held, so nobody works in there."""
    for folder in runs.glob(".[0-9]*Z-*"):
        shutil.rmtree(folder)


def _expire(settings: Settings, now: datetime) -> None:
    """Personal data does not stay longer than the settings say: first the snapshots go, then whole runs."""
    for folder in settings.runs_folder.glob("[0-9]*"):
        age = now - run_folder.started(folder)
        if age > settings.state.retain.runs:
            shutil.rmtree(folder)
        elif age > settings.state.retain.snapshots:
            run_folder.drop_snapshot(folder)
