"""The spine of `auditor compare`: the diff alone, on any two files or tables of databases, without Actito and without
settings.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditor.engine.duckdb import Engine
from auditor.engine.spark import connect, sees
from auditor.errors import SettingsError
from auditor.findings.as_of import shown_moment
from auditor.load import (
    Landed,
    Looked,
    can_lie,
    column_names,
    column_types,
    land,
    lay,
    looking_ahead,
    never_empty,
    rejected_rows,
    undamaged,
)
from auditor.logs import stage_ended
from auditor.model import Side, Source
from auditor.pull import Pulled, pull_file
from auditor.settings.compare_options import Question, contract_of, name_of, names_of, stored_alike
from auditor.settings.contract import Compare, Contract

if TYPE_CHECKING:
    import polars as pl

    from auditor.findings.audit import Audit, Conclusion

NAMES = {Side.PLATFORM: "File 1", Side.TRUTH: "File 2"}
"""What the sides are called on screens."""

SHOWN_CAUSES = 8


class Comparison:
    """What comparing two tables came to; its rows are read when they are asked for.

    The files are in `folder`, as Parquet. A folder that nobody named is a temporary one and goes with this value.
    """

    def __init__(
        self,
        conclusion: Conclusion,
        only: tuple[tuple[str, ...], tuple[str, ...]],
        *,
        temporary: bool,
    ) -> None:
        self.conclusion = conclusion
        self.only_platform, self.only_truth = only
        """The columns that one of the two tables has alone: they were not compared."""
        if temporary:
            weakref.finalize(self, shutil.rmtree, conclusion.folder, ignore_errors=True)

    @property
    def summary(self) -> dict[str, Any]:
        """Verdict and counts: the document that `auditor compare --json` prints, with the causes beside it."""
        document = self.conclusion.summary()
        kept = (
            "format",
            "verdict",
            "rows",
            "profiles",
            "differences",
            "formats",
            "matched_by",
            "same_person",
            "not_checked",
        )
        only = {"platform": list(self.only_platform), "truth": list(self.only_truth)}
        return {name: document[name] for name in (*kept, "not_checked")} | {"columns_on_one_side": only}

    @cached_property
    def profiles(self) -> pl.DataFrame:
        """A row per key that is not equal, in the columns of `auditor.findings.audit.PROFILES`."""
        return self._read("profiles")

    @cached_property
    def differences(self) -> pl.DataFrame:
        """A row per differing cell, in the columns of `auditor.findings.audit.DIFFERENCES`."""
        return self._read("differences")

    @cached_property
    def causes(self) -> pl.DataFrame:
        """A row per cause, the largest first, in the columns of `auditor.findings.audit.CAUSES`, and what it says."""
        from auditor.findings.sentences import with_sentences

        largest_first = self._read("causes").sort(["profiles", "cause"], descending=[True, False])
        return with_sentences(largest_first, self.conclusion.say)

    @cached_property
    def same_person(self) -> pl.DataFrame:
        """Who is probably the same person, in the columns of `findings.audit.SAME_PERSON`; only if it was asked for."""
        return self._read("same_person")

    @property
    def audit(self) -> Audit:
        """The whole as one value in memory, as the report needs it."""
        from auditor.commands.conclude import read

        return self.conclusion.with_rows(read(self.conclusion.folder))

    def _read(self, name: str) -> pl.DataFrame:
        import polars as pl

        return pl.read_parquet(self.conclusion.folder / f"{name}.parquet")

    def _repr_html_(self) -> str:
        """What a notebook shows of it."""
        from auditor.report import for_notebook

        conclusion = self.conclusion
        sides = ((conclusion.platform_name, self.only_platform), (conclusion.truth_name, self.only_truth))
        return for_notebook(conclusion, self.causes["sentence"].head(SHOWN_CAUSES).to_list(), sides)

    def __repr__(self) -> str:
        counts = self.conclusion.counts.profiles
        found = ", ".join(f"{number:,} {status.value}" for status, number in counts.items() if number)
        return f"<{self.conclusion.table}: {self.conclusion.verdict.value}; {found or 'no rows'}>"


def compare(question: Question, *, folder: Path | None = None, now: datetime | None = None) -> Comparison:
    """Compare two files. The result's files stay in `folder`; with None they go with the value.

    Raises SettingsError for a column or rule that is not there, InputUnusable and TryLater for the files themselves.
    """
    moment = now or datetime.now(UTC)
    fresh = folder is not None and not folder.exists()
    results = folder or Path(tempfile.mkdtemp(prefix="auditor-"))
    try:
        results.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SettingsError(f"the folder {results} for the results cannot be made: {error.strerror}") from None
    try:
        with tempfile.TemporaryDirectory(prefix=".compare-", dir=results) as scratch:
            conclusion, only = _compare(question, Path(scratch), results, moment)
            return Comparison(conclusion, only, temporary=folder is None)
    except BaseException:
        if folder is None or fresh:
            shutil.rmtree(results, ignore_errors=True)
        raise


def _import_expressions() -> None:
    import ibis.backends.duckdb  # noqa: F401

    import auditor.commands.conclude
    import auditor.diff.cells
    import auditor.explain  # noqa: F401


def _compare(
    question: Question, scratch: Path, folder: Path, now: datetime
) -> tuple[Conclusion, tuple[tuple[str, ...], tuple[str, ...]]]:
    """The conclusion, whose rows are in `folder` then, and the columns that one side has alone."""
    started = time.monotonic()
    names = {**NAMES, **question.called}
    named = {Side.PLATFORM: question.platform, Side.TRUTH: question.truth}
    seen = {side: location for side, location in named.items() if sees(location, question.remote)}
    files = [
        pull_file(side, location, folder=scratch, max_age=None, now=now, timezone=UTC, hashed=False)
        for side, location in named.items()
        if side not in seen
    ]
    agreed = _pull_base(question.base, scratch, now) if question.base else None
    places = [file.path.parent for file in (*files, *([agreed] if agreed else []))]
    with closing(_engine(question, scratch, [*places, folder])) as engine, ExitStack() as reading:
        types = {file.side: {**_types(engine, file.path), **file.types} for file in files}
        types |= {side: engine.types(location) for side, location in seen.items()}
        contract, only = contract_of(question, types)
        # Ibis takes half a second to import: it comes in while DuckDB reads, but not before it can begin.
        warm = threading.Thread(target=_import_expressions, name="import", daemon=True)
        with looking_ahead((file.path, None, None) for file in files) as ahead:
            if ahead:
                ahead[0].result()
            warm.start()
            written = [
                None
                if can_lie(file.path) and question.remote is None
                else _land(engine, file, looked.result(), contract, scratch)
                for file, looked in zip(files, ahead, strict=True)
            ]
        landing = time.monotonic() - started
        stage_ended("load", landing)
        warm.join()
        from auditor import explain
        from auditor.commands import conclude
        from auditor.diff import cells as diff
        from auditor.diff import one_sided
        from auditor.equality.primitives import FUNCTIONS, needs_functions
        from auditor.findings import notices
        from auditor.findings.audit import Conclusion
        from auditor.match import join as match

        if any(needs_functions(column.compare) for column in contract.columns):
            engine.register(FUNCTIONS)
        laid = [file.path for file, one in zip(files, written, strict=True) if one is None]
        reading.enter_context(undamaged(engine, laid))
        alike = stored_alike(contract, types) if not any(file.types for file in files) else {}
        if len(laid) == len(Side):
            alike |= _filled_texts(engine, files, contract, types)
        landed = [
            one or _laid(engine, file, contract, match.RAW[file.side], alike)
            for file, one in zip(files, written, strict=True)
        ]
        for one in landed:
            if one.path not in laid:
                engine.view(match.RAW[one.side], one.path)
        for side, location in seen.items():
            engine.read(match.RAW[side], location, _kept(side, contract) or list(types[side]))
        # A cluster keeps what it has read; a condition has to fail here, where it can be named.
        kept = question.where is not None or question.remote is not None
        for side in Side:
            try:
                match.find_keys(engine, contract, side, kept=kept)
            except SettingsError as error:
                raise SettingsError(
                    f"--where {question.where}: no condition over the columns of {question.place(side)}",
                    hint=error.hint,
                ) from None
        match.match(engine, whole=kept or question.same_person or bool(contract.fallbacks))
        base = _base(engine, agreed.path, contract, scratch) if agreed else None
        known = diff.Known(base=base, base_by_key=True)
        found = diff.diff(engine, contract, known, diff.Moments(), {one.side: one.rejected for one in landed})
        compared = time.monotonic() - started - landing
        stage_ended("diff", compared)
        explain.explain(engine, contract.compared, contract=contract, freely=True)
        if question.same_person:
            evidence = explain.evidence_columns(contract.columns)
            everybody = {side: one_sided.people(engine, contract, side, evidence.values()) for side in Side}
            explain.same_person(engine, everybody, evidence)
        rejected_rows(engine, landed)
        counts = conclude.count(engine, found)
        conclude.write(engine, folder)
        explained = time.monotonic() - started - landing - compared
        stage_ended("explain", explained)
        not_checked = [*(item for one in landed for item in one.not_checked), *notices.without_key(found.rows)]
        sources = _sources(files, landed, seen, now)
        conclusion = Conclusion(
            run=f"{now:%Y%m%dT%H%M%SZ}",
            entity="",
            table=" and ".join(
                question.called.get(source.side)
                or (source.file if source.as_of_from == "snapshot" else Path(source.location).name)
                for source in sources
            ),
            platform_name=names[Side.PLATFORM],
            truth_name=names[Side.TRUTH],
            started=now,
            verdict=conclude.verdict(counts, not_checked),
            counts=counts,
            not_checked=tuple(not_checked),
            notices=(
                *notices.how_matched(found.matched_by, contract.key),
                *notices.nearly_matched(one_sided.near_keys(engine), (contract.key, *contract.fallbacks)),
            ),
            sources=sources,
            columns=contract.columns,
            key=contract.key,
            fallbacks=contract.fallbacks,
            folder=folder,
            seconds={"load": landing, "diff": compared, "explain": explained},
        )
        return conclusion, only


def _engine(question: Question, scratch: Path, folders: Sequence[Path]) -> Engine:
    if question.remote is not None and question.same_person:
        raise SettingsError(
            "--match looks for the same persons on this machine, and a cluster compares",
            hint="leave it out, or compare without --engine spark",
        )
    if question.remote is None:
        return Engine(memory_limit=question.memory_limit, temp=scratch, folders=folders)
    return connect(question.remote, memory_limit=question.memory_limit, temp=scratch, folders=folders)


def _types(engine: Engine, path: Path) -> dict[str, str]:
    """Column → DuckDB type, in file order; every column is VARCHAR where the format holds nothing but texts."""
    return column_types(engine, path) or dict.fromkeys(column_names(engine, path), "VARCHAR")


def _land(engine: Engine, file: Pulled, looked: Looked | None, contract: Contract, scratch: Path) -> Landed:
    """One file as a snapshot of the columns that are needed."""
    target = scratch / f"{file.side.value}.parquet"
    return land(engine, file.side, file.path, target, columns=_kept(file.side, contract), looked=looked)


def _kept(side: Side, contract: Contract) -> Sequence[str] | None:
    """The columns of a side that both have; None for all of them, which a condition may need."""
    if contract.population_platform:
        return None
    return names_of(contract, side)


def _laid(engine: Engine, file: Pulled, contract: Contract, view: str, alike: Mapping[str, str]) -> Landed:
    """One file as a view of the columns that both have; cells of those in `alike` are first compared as stored."""
    as_stored = {name_of(one, file.side): alike[one.name] for one in contract.compared if one.name in alike}
    columns, condition = names_of(contract, file.side), contract.population_platform
    return lay(engine, file.side, file.path, view, columns=columns, alike=as_stored, condition=condition)


def _filled_texts(
    engine: Engine, files: Sequence[Pulled], contract: Contract, types: Mapping[Side, Mapping[str, str]]
) -> dict[str, str]:
    """The columns of texts that neither file has an empty one of, which would be the same as none."""
    filled = {file.side: never_empty(engine, file.path) for file in files}
    return {
        column.name: "VARCHAR"
        for column in contract.compared
        if column.compare is Compare.EXACT
        and all(types[side][name_of(column, side)] == "VARCHAR" for side in Side)
        and all(name_of(column, side) in filled[side] for side in Side)
    }


def _pull_base(location: str, scratch: Path, now: datetime) -> Pulled:
    """In a folder of its own, where what an archive holds is in nobody's way."""
    folder = scratch / "base"
    folder.mkdir()
    return pull_file(Side.PLATFORM, location, folder=folder, max_age=None, now=now, timezone=UTC)


def _base(engine: Engine, path: Path, contract: Contract, scratch: Path) -> str:
    """The third file as the table `base` that the diff expects."""
    import ibis

    from auditor.equality import rules
    from auditor.match import fallback
    from auditor.match import join as match

    there = set(column_names(engine, path))
    missing = [name for names in (contract.key, *contract.fallbacks) for name in names if name not in there]
    if missing:
        raise SettingsError(f'the key column "{missing[0]}" is not in {path.name}')
    kept = [column.name for column in contract.columns if column.name in there]
    landed = land(engine, Side.PLATFORM, path, scratch / "base.parquet", columns=kept)
    engine.view("base_raw", landed.path)
    raw, zone = engine.table("base_raw"), contract.timezone.key
    forms = match.key_columns(raw, contract, Side.PLATFORM)
    anchor = ibis.coalesce(*(form for name, form in forms.items() if name == "key" or name.startswith(fallback.FORM)))
    marks = {
        f"b{position}": rules.marked(rules.canonical(raw[column.name], column, Side.PLATFORM, zone))
        if column.name in there
        else ibis.null(str)
        for position, column in enumerate(contract.compared)
    }
    rows = raw.select(anchor=anchor, marks=ibis.struct(marks or {"none": ibis.null(str)}))
    engine.create("base", rows.distinct(on="anchor"))
    return "base"


def _sources(
    files: Sequence[Pulled], landed: Sequence[Landed], seen: Mapping[Side, str], now: datetime
) -> tuple[Source, ...]:
    """Both inputs, the platform first; what the cluster reads itself shows the moment of its reading."""
    own = {file.side: _source(file, one) for file, one in zip(files, landed, strict=True)}
    far = {
        side: Source(side=side, location=location, bytes=0, sha256="", as_of=now, as_of_from="snapshot", file=location)
        for side, location in seen.items()
    }
    return tuple({**own, **far}[side] for side in Side)


def _source(file: Pulled, landed: Landed) -> Source:
    shown = shown_moment(
        file.name_moment, has_time=file.name_has_time, updated=None, written=file.mtime, snapshot=file.snapshot
    )
    return Source(
        side=file.side,
        location=file.location,
        bytes=file.bytes,
        sha256=file.sha256,
        as_of=shown.at,
        as_of_from=shown.known_from,
        file=file.file,
        encoding=landed.encoding,
        separator=landed.separator,
    )
