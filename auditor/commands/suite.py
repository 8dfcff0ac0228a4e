"""The suite of the table from the command line.

refreshed   the live structure ─► the generated expectations, with what a steward wrote kept
added       an expectation of a steward's own, judged usable before it stands in the file
suggested   the newest run's snapshot ─► what would suit the columns, each with its evidence
accepted    some of these, put into the file
exported    what validation found in a run, for other tools
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from auditor.commands.session import passing_engine
from auditor.commands.structure import live_structure
from auditor.engine.duckdb import DuckDB, quote
from auditor.engine.protocol import ROW_NUMBER, count
from auditor.equality import rules
from auditor.errors import SettingsError
from auditor.findings.sentences import sentence as said
from auditor.findings.words import Words
from auditor.match.sides import source_name
from auditor.model import Severity, Side
from auditor.settings.config import Settings
from auditor.settings.contract import Contract
from auditor.settings.contract_file import read_contract
from auditor.settings.problems import nearest
from auditor.state.past_runs import find_run
from auditor.state.run_files import of_snapshot, snapshot
from auditor.state.run_folder import read_run, read_structure, read_validation
from auditor.validate import KEY, ROW, preload, record, validate
from auditor.validate.changes import changes
from auditor.validate.generate import refresh
from auditor.validate.proposals import Proposal, for_contacts, of_look
from auditor.validate.suite import JUMP, OF_KIND, REFERENCE, Expectation, Suite, read_suite, steward_s, store_suite

if TYPE_CHECKING:
    import ibis.expr.types as ir

MOST_FAILING: Final = 0.2
"""Share of a side's rows beyond which a check is not proposed."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    path: Path
    generated: int
    """Expectations that follow from the structure and the contract."""
    own: int
    """Expectations of a steward's, kept as they are."""
    changes: tuple[str, ...]
    """What is new, gone or other than before; nothing where there was no suite."""
    made: bool
    """There was no suite before."""


def suite_file(settings: Settings) -> Path:
    return settings.table_folder / "suite.json"


def refreshed(settings: Settings) -> Refreshed:
    """Bring the suite up to the structure as Actito has it now.

    Raises SettingsError, with file and place, for a suite or contract that cannot be read; nothing is written then.
    """
    path = suite_file(settings)
    stored = read_suite(path) if path.exists() else None
    structure = live_structure(settings)
    suite = refresh(stored, structure, read_contract(settings.table_folder / "contract.toml", structure))
    store_suite(suite, path)
    generated = sum(one.generated for one in suite.expectations)
    return Refreshed(path, generated, len(suite.expectations) - generated, changes(stored, suite), stored is None)


def added(
    settings: Settings,
    kind: str,
    kwargs: Mapping[str, Any],
    *,
    severity: Severity,
    sentence: str | None = None,
    who_cares: str | None = None,
) -> Expectation:
    """Put an expectation of a steward's own at the end of the suite, and give it.

    Raises SettingsError, with nothing written, where Great Expectations cannot make it, where it is about a column that
    the contract does not map, where its SQL, a pattern or types do not fit, or where the suite has it already.
    """
    path = suite_file(settings)
    suite = read_suite(path)
    one = steward_s(kind, kwargs, severity=severity, sentence=sentence, who_cares=who_cares)
    mapped = [column.name for column in read_contract(settings.table_folder / "contract.toml", None).columns]
    for name in one.columns:
        if name not in mapped:
            raise SettingsError(f'the contract maps no column "{name}"{nearest(name, mapped)}')
    if any((other.type, dict(other.kwargs)) == (one.type, dict(one.kwargs)) for other in suite.expectations):
        raise SettingsError(f"{path} has this expectation already")
    _check(one, Words.of(settings.names))
    _try(one, suite, mapped, settings)
    store_suite(Suite(suite.name, (*suite.expectations, one), suite.extra), path)
    return one


def suggested(settings: Settings) -> tuple[Path, list[Proposal]]:
    """The run that was looked at, and what its snapshot proposes and the suite has not: each with its evidence.

    A check that more than a fifth of a side's rows would fail is not proposed: it does not suit the table. Raises
    SettingsError where there is no finished run, or none whose snapshot is still there.
    """
    suite = read_suite(suite_file(settings))
    run = find_run(settings)
    structure = read_structure(run)
    contract = read_contract(settings.table_folder / "contract.toml", structure)
    known = {(one.type, one.columns) for one in suite.expectations}
    with passing_engine(settings, [run]) as engine:
        sides = {side: _looked_at(engine, run, contract, side) for side in Side}
        there = [[name for name in table.columns if name not in (KEY, ROW)] for table in sides.values()]
        mapped = [name for name in there[0] if name in there[1]]
        wanted = [one for one in for_contacts(structure, mapped) if (one.type, one.columns) not in known]
        day = read_run(run).started.astimezone(contract.timezone).date()
        proposals = _judged(engine, sides, wanted, settings, day)
        by_name = {settings.names.of(side): table for side, table in sides.items()}
        proposals += of_look(engine, by_name, structure, mapped)
    return run, [one for one in proposals if (one.expectation.type, one.expectation.columns) not in known]


def accepted(settings: Settings, names: Sequence[str]) -> list[Expectation]:
    """Put the proposals of these names into the suite, with their evidence, and give them.

    Raises SettingsError, with nothing written, for a name that is none.
    """
    run, proposals = suggested(settings)
    by_name = {one.name: one for one in proposals}
    for name in names:
        if name not in by_name:
            raise SettingsError(
                f'"{name}" is no proposal of the run {run.name}', hint="auditor suite suggest lists them"
            )
    chosen = [by_name[name] for name in dict.fromkeys(names)]
    new = [replace(one.expectation, meta={**one.expectation.meta, "evidence": one.evidence}) for one in chosen]
    path = suite_file(settings)
    suite = read_suite(path)
    store_suite(Suite(suite.name, (*suite.expectations, *new), suite.extra), path)
    return new


def exported(settings: Settings, run: str | None, form: str, side: Side) -> dict[str, Any]:
    """What validation found in a run, None the newest, in the form `gx` (one side) or `openlineage` (both)."""
    folder = find_run(settings, run)
    content, told = read_validation(folder), read_run(folder)
    say = told.say
    if form == "gx":
        return record.as_gx(content, side.value, run=told.run, started=told.started.isoformat(), say=say)
    table = (f"actito:{told.entity}", told.table)
    inputs = {Side.PLATFORM.value: table, Side.TRUTH.value: ("truth", told.source(Side.TRUTH).location)}
    job = (f"auditor:{told.entity}", told.table)
    started = told.started.isoformat()
    return record.as_openlineage(content, run=told.run, started=started, job=job, inputs=inputs, say=say)


def _looked_at(engine: DuckDB, run: Path, contract: Contract, side: Side) -> ir.Table:
    """The rows of a side in the columns of `validate`, of those that its snapshot holds."""
    raw = snapshot(engine, of_snapshot(run, f"{side.value}.parquet"), f"{side.value}_raw")
    zone, spelt = contract.timezone.key, rules.sent if side is Side.TRUTH else rules.held
    there = [column for column in contract.columns if source_name(column, side) in raw.columns]
    cells = {column.name: spelt(raw[source_name(column, side)], column, zone) for column in there}
    numbers = {ROW: raw[ROW_NUMBER], KEY: raw[ROW_NUMBER].cast(str)}
    return engine.keep(raw.select(**numbers, **cells), f"suggested_{side.value}")


def _judged(
    engine: DuckDB, sides: Mapping[Side, ir.Table], wanted: Sequence[Expectation], settings: Settings, today: date
) -> list[Proposal]:
    """What suits both sides, with the number of rows that would fail now."""
    suite = Suite("proposals", tuple(wanted))
    told: dict[int, list[str]] = {}
    for side, table in sides.items():
        rows = count(engine, table)
        found = validate(engine, side, table, suite, today=today)
        if found.not_evaluated:
            raise AssertionError(found.not_evaluated[0])
        for place, checked in enumerate(found.evaluated):
            if checked.failing <= rows * MOST_FAILING:
                told.setdefault(place, []).append(f"{checked.failing:,} of {rows:,} in {settings.names.of(side)}")
    return [
        Proposal(wanted[place], f"rows that would fail now: {', '.join(texts)}")
        for place, texts in sorted(told.items())
        if len(texts) == len(Side)
    ]


def _check(one: Expectation, say: Words) -> None:
    preload()
    from auditor.validate.expectations import known_types, unusable

    problem = unusable(one.type, one.kwargs)
    if problem is None:
        return
    known = known_types()
    if one.type not in known:
        raise SettingsError(f'there is no expectation "{one.type}"{nearest(one.type, known)}')
    raise SettingsError(f"{one.type} cannot be used so: {said(problem, say)}")


def _try(one: Expectation, suite: Suite, mapped: Sequence[str], settings: Settings) -> None:
    """Evaluate an expectation on a table without rows, where is seen whether SQL, patterns and types fit."""
    from auditor.validate.expectations import MISFITS

    if one.type in (JUMP, REFERENCE):  # a run gives them what they compare with
        return
    with passing_engine(settings) as engine:
        cells = ", ".join(f"NULL::VARCHAR AS {quote(name)}" for name in (KEY, *mapped))
        nobody = engine.keep_sql(f"SELECT NULL::BIGINT AS {quote(ROW)}, {cells} WHERE FALSE", "nobody")
        kinds = (other for other in suite.expectations if other.type == OF_KIND)
        trial = Suite("try", (one, *kinds))
        result, *_ = validate(engine, Side.TRUTH, nobody, trial, today=date.min).results  # no row, on no day
    if result.problem is not None and MISFITS & set(result.problem.parameters.get("exceptions", ())):
        why = said(result.problem, Words.of(settings.names))
        raise SettingsError(f"{one.type} could not be evaluated: {why}")
