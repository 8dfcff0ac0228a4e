"""The spine of an audit: every stage in its order, and what travels from one to the next.

    pull ─► load ─► match ─► validate ─► diff ─► explain ─► report

A stage gives a value that holds its tables, and takes the values of those before it; stages do not know each other.
Nothing here can write to Actito.
"""

from __future__ import annotations

import secrets
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import ibis

from auditor import report
from auditor.commands.astray import Stray, astray, named
from auditor.commands.compared import Compared, explained
from auditor.commands.decided import take
from auditor.commands.known import judged, knowledge, with_pending
from auditor.commands.outlived import held_now
from auditor.commands.own_work import own_work
from auditor.commands.results import (
    matches,
    read_results,
    same_persons,
    stop_if_renumbered,
    violations_per_rule,
)
from auditor.commands.run_activities import hold, pull_activities, rejected_too, told_to_the_truth, understand
from auditor.commands.run_inputs import Asked, Landings, Moved, Request, Tell, ask, current_suite, land_both, pull_both
from auditor.commands.run_kept import TREND_RUNS, to_keep, trend_point, write_for_plans
from auditor.commands.run_overwritten import overwritten
from auditor.commands.session import open_engine
from auditor.commands.who import who
from auditor.diff.diffed import diff
from auditor.diff.identifiers import identifiers
from auditor.diff.known import Known, Moments
from auditor.diff.one_sided import OneSided, one_sided, other_keys, renumbered
from auditor.diff.permission_findings import permissions
from auditor.engine.duckdb import DuckDB
from auditor.engine.protocol import count
from auditor.errors import SettingsError
from auditor.files.disk import full_disk, require_folder
from auditor.files.whole import write_whole
from auditor.findings import figures, notices
from auditor.findings.audit import Audit, Conclusion, Counts
from auditor.findings.codes import NotChecked, Notice
from auditor.findings.sentences import of_file, sentence
from auditor.findings.words import Words
from auditor.load import rejected_rows
from auditor.logs import stage
from auditor.match.join import Matched, match_sides
from auditor.model import Rule, Severity, Side, Structure
from auditor.plan.finding_answers import polarities
from auditor.settings.config import Settings, describe
from auditor.settings.contract import Contract
from auditor.settings.contract_file import read_contract
from auditor.state import past_runs, run_folder, settle
from auditor.state.agreed import Store
from auditor.state.commit import Kept, at_work, commit
from auditor.state.ledger import Ledger, lock
from auditor.state.ledger.records import RunRecord, Settled
from auditor.state.memory import Learnt, Memory, with_corrected
from auditor.validate import Validation, jumps, preload, record, validate
from auditor.validate.checked import checked
from auditor.validate.references import known_keys
from auditor.validate.suite import Suite

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = ["STAGES", "EnoughError", "Moved", "Request", "run"]

STAGES = ("pull", "load", "match", "validate", "diff", "explain", "report")


class EnoughError(Exception):
    """Not a failure: the request asked for no more than this."""

    def __init__(self, facts: Mapping[str, Mapping[str, int]], not_checked: Sequence[NotChecked]) -> None:
        super().__init__("enough")
        self.facts = facts
        """Stage → what it found, as names and numbers."""
        self.not_checked = not_checked
        """What the stages until then could not check."""


@dataclass
class _Watch:
    """Seconds and findings per stage, what could not be checked, and a line for whoever watches."""

    tell: Tell
    only: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    facts: dict[str, dict[str, int]] = field(default_factory=dict)
    not_checked: list[NotChecked] = field(default_factory=list)

    def found(self, name: str, **numbers: int) -> None:
        """Remember numbers of a stage."""
        self.facts.setdefault(name, {}).update(numbers)

    @contextmanager
    def stage(self, name: str, what: str) -> Iterator[None]:
        self.tell(what)
        with stage(name, self.seconds):
            yield
        if name == self.only:
            raise EnoughError(self.facts, self.not_checked)


def run(settings: Settings, request: Request, *, now: datetime, tell: Tell, moved: Moved | None = None) -> Audit:
    """Audit the profile table and leave a complete run folder behind; a run that fails leaves none.

    `now` is the moment of the audit, with zone. `moved` is told how transfers go. Raises AuditorError for everything
    foreseeable.
    """
    with _here(settings, request, now):
        name = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
        first = not settings.runs_folder.exists()
        require_folder(settings.runs_folder)
        if request.only is None:
            run_folder.sweep(settings.runs_folder)
        work = settings.runs_folder / f".{name}"
        require_folder(work)
        try:
            with full_disk(settings.runs_folder):
                audit = _audit(settings, request, name, work, now, tell, moved)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            if first:
                with suppress(OSError):  # by now there is something in it
                    settings.runs_folder.rmdir()
            raise
        retain = settings.state.retain
        kept = run_folder.expire(settings.runs_folder, now, keep=retain.runs, snapshots=retain.snapshots)
        for old, error in kept.items():  # the run is recorded by now: it has not failed
            tell(f"warning: {old} is older than [state.retain] allows and could not be removed ({error.strerror})")
        return audit


def _here(settings: Settings, request: Request, now: datetime) -> AbstractContextManager[None]:
    """Nobody else is at work in the state folder; who keeps nothing sets nothing right either."""
    if request.only is not None:
        return lock.hold(settings.state_folder / "lock", "auditor run")
    return at_work(settings, "auditor run", now)


def _audit(
    settings: Settings, request: Request, name: str, work: Path, now: datetime, tell: Tell, moved: Moved | None
) -> Audit:
    """All stages in their order; the last one gives the run folder its name."""
    watch = _Watch(tell, request.only)
    names, table = settings.names, settings.table
    warm = threading.Thread(target=preload, name="preload", daemon=True)
    warm.start()
    with watch.stage("pull", f"asking {names.platform} for the table structure, fetching both inputs"):
        asked = ask(settings, tell)
        structure, exist, spelt = asked.structure, asked.count, asked.spelt
        contract = _contract(settings, structure, asked.changed, tell)
        if request.only is None and not request.baseline:
            take(settings, contract, now, tell)
        suite, refreshed = current_suite(settings, structure, contract, tell)
        pulled = pull_both(settings, request, contract, work, now, tell, moved)
        pulls = pull_activities(settings, contract, work, now, keep=request.only is None, tell=tell)
        watch.not_checked += asked.not_checked
        watch.found("pull", **{f"{one.side.value}_bytes": one.bytes for one in pulled})
        if exist is not None:
            watch.found("pull", counted_by_platform=exist)
    folders = [work, settings.state_folder, *(source.path.parent for source in pulled), *pulls.folders]
    engine = open_engine(settings, work / "spill", folders)
    with closing(engine), Ledger(settings.state_folder, reading=True, beside_writing=request.only is None) as ledger:
        with watch.stage("load", "loading both sides"):
            inputs = land_both(engine, pulled, contract, settings, work, now, moved)
            notes = [(one.side, note) for one in inputs.landed for note in one.notes]
            for side, note in notes:
                tell(f"  {names.of(side)}: {of_file(note)}")
            said = understand(engine, pulls, contract, settings, work, now)
            for one in inputs.landed:
                watch.found("load", **{f"{one.side.value}_rows": one.rows, f"{one.side.value}_rejected": one.rejected})
                watch.not_checked += (*one.not_checked, *notices.without_rows(one.side, one.rows))
        as_of = inputs.moments[Side.PLATFORM]
        with watch.stage("match", "matching profiles by their key"):
            matched = match_sides(engine, contract, inputs.raw)
            if request.only == "match":
                watch.found("match", **matches(engine, matched))
        warm.join()
        with watch.stage("validate", "validating both sides against the table structure"):
            validations = _validate(engine, settings, contract, structure, suite, matched, inputs, ledger.secret, now)
            watch.not_checked += (item for one in validations for item in one.not_evaluated)
            violations = ibis.union(*(one.found for one in validations))
            run_folder.write_validation(record.document(suite.name, validations, ledger.secret), work)
            rules = violations_per_rule(engine, violations)
            watch.found("validate", violations=sum(rules.values()), **rules)
        with watch.stage("diff", "comparing"):
            store = Store(settings.state_folder, settings.entity, table, structure.number)
            last = ledger.last_run(table)
            memory = store.load(engine, contract, matched.keys, expected=last is not None)
            settled = settle.from_export(engine, contract, matched, ledger, table, as_of)
            edits = overwritten(settings, contract, ledger, work, now, tell, landed=settled.landed, as_of=as_of)
            strays = named(astray(settings, contract, ledger, ledger.by_file(table), work), tell)
            settled = replace(settled, overwritten=edits)
            ledger.suppose(settled)
            ours = own_work(engine, ledger, contract, matched, memory, as_of)
            memory = with_corrected(engine, contract, memory, matched.rows, ours.corrected)
            known = Known(memory.base, False, ours.sent, memory.seen, _blocked(engine, violations), ours.left)
            shown = Moments(as_of, inputs.moments[Side.TRUTH])
            diffed = diff(engine, contract, matched, known, shown, inputs.rejected)
            allowed = permissions(
                engine, contract, matched, diffed, memory.history, name, inputs.moments,
                ours.opt_ins, ours.created, ours.withdrawn, ours.permissions, memory.seen,
            )  # fmt: skip
            reached = hold(engine, settings, contract, matched, diffed, allowed, said, pulls.quiet, memory, ledger, now)
            allowed = reached.with_findings(allowed)
            names = identifiers(engine, contract, structure, matched, ledger.secret)
            learnt = Learnt(matched, diffed, allowed, known.sent, names, reached.keep)
            watch.not_checked += (*notices.forgotten(memory.warnings), *notices.without_key(diffed.counts.rows))
            watch.not_checked += notices.below_count(diffed.counts.rows[Side.PLATFORM.value], exist, ours.created_since)
            watch.not_checked += reached.not_checked
            watch.found("diff", **{status.value: number for status, number in diffed.counts.profiles.items()})
        if request.baseline:
            agreed = store.write(engine, contract, memory, learnt, name, as_of)
            kept = Kept(
                name, (agreed.rewrite,), agreed.written, agreed.superseded, folder=None, record=None, secret=None
            )
            commit(settings.state_folder, kept)
            raise EnoughError(watch.facts, watch.not_checked)
        with watch.stage("explain", "explaining every difference"):
            compared = explained(engine, contract, matched, diffed, persons=engine)
            alone = one_sided(engine, contract, structure, matched)
            _stop_if_renumbered(engine, contract, structure, compared, alone, memory)
            rejected = rejected_too(rejected_rows(inputs.landed), [reached.rejected])
            counts = compared.written(
                engine, work, rejected, contract, violations=violations, permissions=allowed.findings
            )
            reached.write(engine, matched, work)
            counts = reached.count(engine, contract, matched, allowed, counts)
            watch.found("explain", causes=count(engine, compared.explained.causes), **counts.differences_by_reason)
        conclusion = _conclusion(
            engine, settings, contract, compared, memory, validations, last, asked, inputs, watch.not_checked,
            settled, strays, run=name, started=now, counts=counts, folder=work, seconds=watch.seconds,
        )  # fmt: skip
        with watch.stage("report", "writing the report"):
            audit = reached.tell(conclusion.with_rows(read_results(work)))
            write_for_plans(
                engine, audit, contract, structure, matched, diffed, alone, allowed, memory, names, reached.keep,
                ours.opt_outs,
            )  # fmt: skip
            audit = with_pending(audit, ledger)
            audit, needed = judged(audit, knowledge(settings, contract, structure, audit, ledger, now))
            watch.found("report", **figures.by_need(needed))
            told = told_to_the_truth(audit, needed)
            run_folder.write_csv(told, work / "for-the-truth.csv")
            write_whole(work / "for-the-truth.xlsx", report.for_review(told, polarities(audit)))
            trend = [trend_point(one) for one in reversed(ledger.runs(table, TREND_RUNS))]
            people = who(work, contract, audit)
            report.render(audit, needed, work, privacy=settings.report.privacy, trend=trend, who=people)
        run_folder.write_run(audit, describe(settings), notes, ledger.head)
        final = settings.runs_folder / name
        with full_disk(settings.state_folder):
            agreed = store.write(engine, contract, memory, learnt, name, as_of)
            run_folder.complete(engine, work)
            older = memory.as_of is not None and as_of < memory.as_of
            others = refreshed, spelt
            look = held_now(engine, contract, matched)
            kept = to_keep(audit, final, agreed, others, settled, ledger.secret, look, older=older)
            commit(settings.state_folder, kept)
        return replace(audit, folder=final)


def _contract(settings: Settings, structure: Structure, changed: Sequence[Notice], tell: Tell) -> Contract:
    try:
        return read_contract(settings.table_folder / "contract.toml", structure)
    except SettingsError:
        for notice in changed:  # probably why
            tell(sentence(notice, Words.of(settings.names)))
        raise


def _validate(
    engine: DuckDB,
    settings: Settings,
    contract: Contract,
    structure: Structure,
    suite: Suite,
    matched: Matched,
    inputs: Landings,
    secret: str,
    now: datetime,
) -> list[Validation]:
    """Both sides, judged by the suite, by the keys of other tables and by what the last runs saw."""
    today = now.astimezone(contract.timezone).date()
    keys, most = known_keys(engine, settings.table_folder, contract.columns), jumps.wanted_runs(suite)
    results = []
    for source in inputs.sources:
        side = source.side
        documents = past_runs.last_validations(settings, side, source.sha256, most)
        past = record.past(documents, side.value, secret)
        rows = checked(engine, contract, structure, matched, side)
        results.append(validate(engine, side, rows, suite, today=today, past=past, keys=keys))
        engine.drop(rows)
    return results


def _blocked(engine: DuckDB, violations: ir.Table) -> ir.Table:
    """As `Known.blocked`."""
    refused = violations.rule.isin([rule.value for rule in Rule]) | (violations.severity == Severity.ERROR.value)
    on_truth = violations.filter(refused & (violations.side == Side.TRUTH.value))
    return engine.keep(on_truth.select("key", "column").distinct(), "blocked")


def _stop_if_renumbered(
    engine: DuckDB, contract: Contract, structure: Structure, compared: Compared, alone: OneSided, memory: Memory
) -> None:
    """Raise InputUnusable where most missing and orphan profiles are the same people under other keys."""
    if compared.same_person is None:
        raise AssertionError("a run looks for the same persons")
    evidently = renumbered(engine, contract, structure, compared.matched, alone, memory.seen)
    pairs = same_persons(engine, compared.same_person, evidently)
    stop_if_renumbered(pairs, compared.diffed.counts)


def _conclusion(
    engine: DuckDB,
    settings: Settings,
    contract: Contract,
    compared: Compared,
    memory: Memory,
    validations: Sequence[Validation],
    last: RunRecord | None,
    asked: Asked,
    inputs: Landings,
    not_checked: Sequence[NotChecked],
    settled: Settled,
    strays: Sequence[Stray],
    *,
    run: str,
    started: datetime,
    counts: Counts,
    folder: Path,
    seconds: Mapping[str, float],
) -> Conclusion:
    """What the run came to, in numbers and sentences."""
    found, matched = compared.diffed.counts, compared.matched
    return Conclusion(
        run=run,
        entity=settings.entity,
        table=settings.table,
        platform_name=settings.names.platform,
        truth_name=settings.names.truth,
        started=started,
        verdict=figures.verdict(counts, not_checked),
        counts=counts,
        not_checked=tuple(not_checked),
        sources=inputs.sources,
        columns=contract.columns,
        key=contract.key,
        fallbacks=contract.fallbacks,
        folder=folder,
        seconds=seconds,
        suggestions=compared.explained.suggestions,
        notices=(
            *asked.changed,
            *asked.told,
            *(notices.shrunk(found.rows, last.counts["rows"], settings.shrank) if last else ()),
            *notices.under_other_keys(other_keys(engine, matched, memory.seen)),
            *compared.notices(engine, contract),
            *notices.after_writing(
                [(one.plan, one.shown) for one in settled.overwritten], len(settled.edited), [one[0] for one in strays]
            ),
            *notices.not_yet({one.side: one.not_yet for one in validations}),
            *(one for one in memory.warnings if not notices.forgotten([one])),
        ),
    )
