"""The folder of one run: what is written into it, and how a finished audit is read back.

run.json            counts, inputs with hashes, versions, seconds; written last: a folder without it is no run
*.parquet           the results in the columns of `auditor.findings.audit`, and the snapshot of both sides;
                        `activities.parquet` where activities are known
creations.parquet   what creating each missing profile would send      taken.parquet, evidence.parquet,
                        history.parquet, of_others.parquet,
                        consent_off.parquet: what else a plan must know
structure.json      the table structure the audit saw
validation.json     what came of each expectation of the suite on each side
audit.duckdb        the results as tables and the snapshot as views, for whoever likes SQL
for-the-truth.csv, for-the-truth.xlsx, report.html, worklist.html, report.xlsx
plan-SHA.json           a plan that was made of the run; plan-SHA.txt, plan-SHA.html and plan-SHA.xlsx tell it write by
                        write, and plans.html lists all of them
"""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl
import pydantic

from auditor import __version__
from auditor.engine.duckdb import DuckDB, literal, quote
from auditor.files.whole import whole_file, write_whole
from auditor.findings.audit import ACTIVITIES, FRAMES, LATER, ROWS, Audit, Counts
from auditor.findings.codes import NotChecked, Notice, read_not_checked, read_notice
from auditor.findings.sentences import sentence
from auditor.findings.suggestion import read_suggestion
from auditor.findings.words import Words
from auditor.model import FORMAT, Side, Source, Status, Structure, Verdict
from auditor.settings.contract import Contract
from auditor.state.ledger.records import Head
from auditor.state.run_files import document, rows
from auditor.structure.proposal import structure_from

_NOT_ASKED: Final[dict[str, Any]] = {
    "needs": None, "decisions": None, "reachable": None, "unreachable": None,
    "created": 0, "undone": 0, "later": 0, "against_their_will": 0, "on_grounds": 0, "findings_to_decide": 0,
    "findings_settled": 0,
}  # fmt: skip
"""Numbers that earlier versions asked nobody for."""


class Told(pydantic.BaseModel):
    """What `run.json` says of a run, as far as it is read."""

    format: int
    run: str
    entity: str
    table: str
    names: dict[Side, str]
    started: pydantic.AwareDatetime
    verdict: Verdict
    rows: dict[str, int]
    counts: Counts
    blocks_plan: list[str]
    not_checked: list[dict[str, Any]]
    notices: list[dict[str, Any] | str] = []
    suggestions: list[dict[str, Any]] = []
    inputs: list[Source]
    seconds: dict[str, float]

    @pydantic.field_validator("counts", mode="before")
    @classmethod
    def _asked(cls, counts: Any) -> Any:
        return _NOT_ASKED | counts if isinstance(counts, dict) else counts

    @property
    def say(self) -> Words:
        """What the run called the two sides."""
        return Words(self.names[Side.PLATFORM], self.names[Side.TRUTH])

    def source(self, side: Side) -> Source:
        return next(source for source in self.inputs if source.side is side)

    def told(self) -> tuple[tuple[NotChecked, ...], tuple[Notice, ...]]:
        """What was not checked, and what else the run told."""
        return (
            tuple(read_not_checked(one, blocks_plan=one["code"] in self.blocks_plan) for one in self.not_checked),
            tuple(map(read_notice, self.notices)),
        )


def write_structure(structure: Structure, folder: Path) -> None:
    _write_json(folder / "structure.json", dataclasses.asdict(structure))


def read_structure(folder: Path) -> Structure:
    """The structure that the audit saw."""
    return document(folder / "structure.json", structure_from)


def write_validation(content: Mapping[str, Any], folder: Path) -> None:
    """`validation.json`, in the form of `validate.record`."""
    _write_json(folder / "validation.json", content)


def read_validation(folder: Path) -> dict[str, Any]:
    """The content of `validation.json`, which the first runs did not keep."""
    return document(folder / "validation.json", _judged)


class _Expectation(pydantic.BaseModel):
    type: str
    kwargs: dict[str, Any]


class _Result(pydantic.BaseModel):
    expectation: _Expectation
    columns: list[str]
    sentence: str | None = None
    """What earlier versions stored."""
    severity: str
    outcome: str
    failing: int | None
    reason: dict[str, Any] | str | None
    figures: dict[str, Any] | None = None


class _OfSide(pydantic.BaseModel):
    rows: int
    results: list[_Result]


class _Validation(pydantic.BaseModel):
    """The content of `validation.json`, as far as it is read."""

    format: int
    suite: str
    sides: dict[Side, _OfSide]


def _judged(content: Any) -> dict[str, Any]:
    """Raises ValueError, KeyError or TypeError for what was not found as a run of this format finds it."""
    found = _Validation.model_validate(content)
    if found.format != FORMAT or found.sides.keys() != set(Side):
        raise ValueError("another format")
    for side in found.sides.values():
        for result in side.results:
            if result.reason is not None:
                sentence(read_notice(result.reason), Words("", ""))
    return dict(content)


def write_run(audit: Audit, settings: Mapping[str, Any], recognised: Iterable[tuple[Side, Notice]], head: Head) -> None:
    """`run.json`: what the audit came to, then how it came about. `recognised`: what was found out about each file;
    `head`: how far the ledger had come.
    """
    content = {
        **audit.facts(),
        "version": __version__,
        "entity": audit.entity,
        "names": {"platform": audit.platform_name, "truth": audit.truth_name},
        "started": audit.started.isoformat(),
        "inputs": [dataclasses.asdict(source) for source in audit.sources],
        "counts": _counts(audit.counts),
        "blocks_plan": [item.code for item in audit.not_checked if item.blocks_plan],
        "recognised": [{"side": side.value, **told.content()} for side, told in recognised],
        "ledger": dataclasses.asdict(head),
        "settings": settings,
    }
    _write_json(audit.folder / "run.json", content)


def complete(engine: DuckDB, work: Path) -> None:
    """Leave in a run folder all that belongs there, and nothing else; the results are tables in `audit.duckdb`."""
    with whole_file(work / "audit.duckdb") as partial:
        partial.write_bytes(_empty_database(engine, work / "empty.duckdb"))
        engine.execute(f"ATTACH {literal(partial)} AS result")
        for name in (*FRAMES, *(["activities"] if (work / "activities.parquet").exists() else [])):
            engine.execute(
                f"CREATE TABLE result.{quote(name)} AS FROM read_parquet({literal(work / f'{name}.parquet')})"
            )
        engine.execute("DETACH result")
    shutil.rmtree(work / "spill", ignore_errors=True)
    for leftover in (*work.glob("*-rejected.parquet"), *work.glob("*.unpacked")):
        leftover.unlink()  # the rows are in rejected.parquet, the file is where it was pulled from


def _empty_database(engine: DuckDB, path: Path) -> bytes:
    """What a database without tables consists of: DuckDB opens no empty file, and chooses the mode of one it makes."""
    engine.execute(f"ATTACH {literal(path)} AS empty")
    engine.execute("DETACH empty")
    content = path.read_bytes()
    path.unlink()
    return content


def write_csv(frame: pl.DataFrame, path: Path) -> None:
    """A table for other people's tools: `;`, UTF-8, RFC 4180."""
    with whole_file(path) as partial:
        frame.write_csv(partial, separator=";")


TOLD: Final = ("plan-*.txt", "plan-*.html", "plan-*.xlsx")
"""What tells plans with names and addresses of people: kept no longer than the copies of the inputs."""
_NAME = re.compile(r"(\d{8}T\d{6}Z)-[0-9a-z]+")


def started(name: str) -> datetime | None:
    """When a run of this name began, UTC; None: no run is called so."""
    named = _NAME.fullmatch(name)
    try:
        return named and datetime.strptime(named[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:  # no day of a calendar
        return None


def all_runs(runs: Path) -> list[Path]:
    """The folder of every run, the newest first. Whatever else lies there is somebody's own, and is left alone."""
    return sorted((path for path in _folders(runs) if started(path.name)), reverse=True)


def strangers(runs: Path) -> list[Path]:
    """What lies beside the runs and is none: links, which nobody follows, and somebody's own; by name."""
    own = {path.name for path in all_runs(runs)}
    return sorted(path for path in runs.glob("[!.]*") if path.name not in own)


def sweep(runs: Path) -> None:
    """Remove what killed runs left behind; the lock is held, so nobody works in there."""
    for folder in _folders(runs):
        if folder.name.startswith(".") and started(folder.name[1:]):
            shutil.rmtree(folder)


def expire(runs: Path, now: datetime, *, keep: timedelta, snapshots: timedelta) -> dict[str, OSError]:
    """Let personal data stay no longer than it may: first the copies of the inputs go, then whole runs.

    Returns the runs of which something could not be removed, by name.
    """
    failed = {}
    for folder in all_runs(runs):
        began = started(folder.name)
        age = now - began if began else timedelta()
        try:
            if age > keep:
                shutil.rmtree(folder)
            elif age > snapshots:
                for name in (*(f"{side.value}.parquet" for side in Side), "creations.parquet", "audited.parquet"):
                    (folder / name).unlink(missing_ok=True)
                for path in (path for told in TOLD for path in folder.glob(told)):
                    path.unlink(missing_ok=True)
        except OSError as error:
            failed[folder.name] = error
    return failed


def _folders(runs: Path) -> list[Path]:
    """Folders, and no links: whatever a link leads to lies elsewhere, and is neither read as a run nor removed."""
    return [path for path in runs.iterdir() if path.is_dir() and not path.is_symlink()] if runs.is_dir() else []


def read_run(folder: Path) -> Told:
    """What `run.json` says."""
    return document(folder / "run.json", _checked)


def _checked(content: Any) -> Told:
    """Raises ValueError, KeyError or TypeError for what is not told as a run of this format tells it."""
    told = Told.model_validate(content)
    if told.format != FORMAT or {source.side for source in told.inputs} != set(Side):
        raise ValueError("another format")
    if not set(ROWS) <= told.counts.rows.keys() or set(told.counts.profiles) != set(Status):
        raise ValueError("numbers that a plan depends on")
    for some in told.told():
        for one in some:
            sentence(one, told.say)
    return told


def read_audit(folder: Path, contract: Contract) -> Audit:
    """A finished audit as it was, with the columns of today's contract."""
    told = read_run(folder)
    not_checked, notices = told.told()
    return Audit(
        run=told.run,
        entity=told.entity,
        table=told.table,
        platform_name=told.say.platform,
        truth_name=told.say.truth,
        started=told.started,
        verdict=told.verdict,
        counts=told.counts,
        not_checked=not_checked,
        sources=tuple(told.inputs),
        columns=contract.columns,
        key=contract.key,
        fallbacks=contract.fallbacks,
        folder=folder,
        seconds=told.seconds,
        notices=notices,
        suggestions=tuple(map(read_suggestion, told.suggestions)),
        **{name: read_rows(folder, name) for name in FRAMES},
        activities=read_activities(folder),
    )


def read_activities(folder: Path) -> pl.DataFrame:
    """What a run knew of activities, as `audit.ACTIVITIES`; no row where it knew of none."""
    path = folder / "activities.parquet"
    return rows(path, ACTIVITIES) if path.is_symlink() or path.exists() else ACTIVITIES.to_frame()


def read_rows(folder: Path, name: str) -> pl.DataFrame:
    """One of FRAMES as it was written; columns that came later than the run are empty."""
    return rows(folder / f"{name}.parquet", FRAMES[name], later=LATER.get(name, ()))


def _counts(counts: Counts) -> dict[str, Any]:
    return dataclasses.asdict(counts)


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    write_whole(path, json.dumps(content, ensure_ascii=False, indent=1, default=str) + "\n")
