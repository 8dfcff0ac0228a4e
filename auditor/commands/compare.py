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
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditor.commands.compare_conditions import keys_of, with_conditions
from auditor.commands.compare_inputs import (
    agreed_values,
    as_tables,
    form_of,
    land_files,
    pull_inputs,
    sources_of,
    told_of,
    types_of,
)
from auditor.engine.duckdb import DuckDB
from auditor.engine.spark import connect, sees
from auditor.errors import SettingsError
from auditor.load import Landed, rejected_rows, undamaged
from auditor.logs import stage_ended
from auditor.model import Side, Source
from auditor.pull import spoken_of
from auditor.settings.compare_options import Others, Question, contract_of
from auditor.settings.contract import Contract

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import polars as pl

    from auditor.engine.protocol import Engine
    from auditor.findings.audit import Audit, Conclusion, Counts
    from auditor.findings.codes import Notice
    from auditor.findings.suggestion import Suggestion
    from auditor.match.join import Matched

NAMES = {Side.PLATFORM: "File 1", Side.TRUTH: "File 2"}
"""What the sides are called on screens."""

SHOWN_CAUSES = 8
_PER_COLUMN = 0.6
"""Megabytes that DuckDB may set aside for a column of a very wide table; it uses a fifth of them."""


class Comparison:
    """What comparing two tables came to; its rows are read when they are asked for.

    The files are in `folder`, as Parquet. A folder that nobody named is a temporary one and goes with this value.
    Where it is not the `whole`, it has numbers alone.
    """

    def __init__(
        self,
        conclusion: Conclusion,
        only: tuple[tuple[str, ...], tuple[str, ...]],
        *,
        temporary: bool,
        whole: bool = True,
    ) -> None:
        self.conclusion = conclusion
        self._whole = whole
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
            "suggestions",
        )
        only = {"platform": list(self.only_platform), "truth": list(self.only_truth)}
        told = zip(self.conclusion.notices, document["notices"], strict=True)
        if not self._whole:  # what nobody asked for is left out: it is not that there was none
            del document["same_person"], document["suggestions"], document["differences"]["by_reason"]
        return {name: document[name] for name in kept if name in document} | {
            "notices": [{**notice.content(), "sentence": sentence} for notice, sentence in told],
            "columns_on_one_side": only,
        }

    @property
    def suggestions(self) -> tuple[Suggestion, ...]:
        """Rules that would make differences equal, each tried on all of them, the one that does most first."""
        return self.conclusion.suggestions

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
        from auditor.findings.sentences import worded

        pairs = self._read("same_person")
        return pairs.with_columns(worded(pairs["evidence"], self.conclusion.say))

    @property
    def audit(self) -> Audit:
        """The whole as one value in memory, as the report needs it."""
        from auditor.commands.results import read_results

        self._require_rows()
        return self.conclusion.with_rows(read_results(self.conclusion.folder))

    def _read(self, name: str) -> pl.DataFrame:
        from auditor.commands.results import read_result

        self._require_rows()
        return read_result(self.conclusion.folder, name)

    def _require_rows(self) -> None:
        if not self._whole:
            raise SettingsError("a summary has numbers and no rows", hint="compare without summary")

    def _repr_html_(self) -> str:
        """What a notebook shows of it."""
        from auditor.report import for_notebook

        conclusion = self.conclusion
        sides = ((conclusion.platform_name, self.only_platform), (conclusion.truth_name, self.only_truth))
        causes = self.causes["sentence"].head(SHOWN_CAUSES).to_list() if self._whole else []
        return for_notebook(conclusion, causes, sides)

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
            return Comparison(conclusion, only, temporary=folder is None, whole=not question.summary)
    except BaseException:
        if folder is None or fresh:
            shutil.rmtree(results, ignore_errors=True)
        raise


def _import_expressions() -> None:

    import auditor.commands.compared  # noqa: F401


class _Clock:
    """How long each part of a comparison took."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.seconds: dict[str, float] = {}

    def ended(self, stage: str) -> None:
        self.seconds[stage] = time.monotonic() - self._began - sum(self.seconds.values())
        stage_ended(stage, self.seconds[stage])


def _compare(
    question: Question, scratch: Path, folder: Path, now: datetime
) -> tuple[Conclusion, tuple[tuple[str, ...], tuple[str, ...]]]:
    """The conclusion, whose rows are in `folder` then, and the columns that one side has alone."""
    clock = _Clock()
    inputs = pull_inputs(question, _seen_by_cluster(question), scratch, now)
    with ExitStack() as reading:
        here = DuckDB(memory_limit=question.memory_limit, temp=scratch, folders=[*inputs.folders, folder])
        reading.enter_context(closing(here))
        reading.enter_context(spoken_of(inputs.files))
        cluster = None if question.remote is None else reading.enter_context(closing(connect(question.remote)))
        engine: Engine = cluster or here
        types = types_of(here, cluster, inputs, partial(form_of, question))
        contract, others = contract_of(question, types)
        contract = with_conditions(contract, question, types)
        here.widen(len(contract.columns), _PER_COLUMN)
        # Ibis takes half a second to import: it comes in while DuckDB reads, but not before it can begin.
        warm = threading.Thread(target=_import_expressions, name="import", daemon=True)
        written = land_files(
            here, inputs, contract, partial(form_of, question, contract=contract), scratch, warm, lying=cluster is None
        )
        clock.ended("load")
        warm.join()
        from auditor.commands.compared import explained
        from auditor.commands.results import Results, counted
        from auditor.diff.diffed import diff
        from auditor.diff.known import Known, Moments
        from auditor.equality.primitives import FUNCTIONS, needs_functions
        from auditor.explain.unread import unread
        from auditor.findings import notices

        if any(needs_functions(column.compare) for column in contract.columns):
            engine.register(FUNCTIONS)
        lying = [file.path for file, one in zip(inputs.files, written, strict=True) if one is None]
        reading.enter_context(undamaged(lying))
        landed, raw = as_tables(here, cluster, inputs, written, contract, types, scratch)
        matched = _matched(engine, contract, raw, question)
        base = agreed_values(here, engine, inputs.agreed.path, contract, scratch) if inputs.agreed else None
        known = Known(base=base, base_by_key=True, sent=None, seen=None, blocked=None, ours=None)
        diffed = diff(engine, contract, matched, known, Moments(None, None), {one.side: one.rejected for one in landed})
        clock.ended("diff")
        suggestions: tuple[Suggestion, ...] = ()
        if question.summary:
            counts = counted(engine, Results.uncaused(diffed, rejected_rows(landed)), diffed.counts)
            told = notices.how_matched(diffed.counts.matched_by, contract.key)
        else:
            persons = here if question.same_person else None
            compared = explained(engine, contract, matched, diffed, persons=persons, freely=True)
            counts = compared.written(
                engine, folder, rejected_rows(landed), contract, violations=None, permissions=None
            )
            told, suggestions = compared.notices(engine, contract), compared.explained.suggestions
            told = (
                *notices.rules_unread(unread(engine, contract, diffed.drawn, question.rules), question.rules),
                *told,
            )
            clock.ended("explain")
        sources = sources_of(inputs.files, landed, inputs.seen, now)
        conclusion = _conclusion(
            question,
            contract,
            others,
            counts,
            landed,
            (*told_of(inputs.files, landed), *notices.names_alike(others.offered, others.paired), *told),
            suggestions,
            sources,
            folder,
            now,
            clock.seconds,
        )
        return conclusion, (others.only_platform, others.only_truth)


def _seen_by_cluster(question: Question) -> dict[Side, str]:
    """The locations that the cluster reads itself. Raises SettingsError for what no cluster does."""
    if question.remote is not None and question.same_person:
        raise SettingsError(
            "--match looks for the same persons on this machine, and a cluster compares",
            hint="leave it out, or compare without --engine spark",
        )
    named = {Side.PLATFORM: question.platform, Side.TRUTH: question.truth}
    seen = {side: location for side, location in named.items() if sees(location, question.remote)}
    if declared := [side for side in seen if question.written.get(side) is not None]:
        raise SettingsError(
            f"--{declared[0].value}-options says nothing of what the cluster reads itself", hint="leave it out"
        )
    return seen


def _matched(engine: Engine, contract: Contract, raw: Mapping[Side, ir.Table], question: Question) -> Matched:
    """Both sides, matched. Raises SettingsError for a condition that is none over the columns of a side."""
    from auditor.match.join import match

    # A cluster keeps what it has read; a condition has to fail here, where it can be named.
    conditions = {side: contract.population(side) for side in Side}
    kept = any(conditions.values()) or question.remote is not None
    keys = {side: keys_of(engine, contract, question, side, raw[side], kept=kept) for side in Side}
    return match(engine, raw, keys, whole=kept or question.same_person or bool(contract.fallbacks))


def _conclusion(
    question: Question,
    contract: Contract,
    others: Others,
    counts: Counts,
    landed: Sequence[Landed],
    told: Sequence[Notice],
    suggestions: Sequence[Suggestion],
    sources: tuple[Source, ...],
    folder: Path,
    now: datetime,
    seconds: Mapping[str, float],
) -> Conclusion:
    """What the comparison came to, in numbers and sentences."""
    from auditor.findings import notices
    from auditor.findings.audit import Conclusion
    from auditor.findings.figures import verdict

    names = {**NAMES, **question.called}
    not_checked = [
        *(item for one in landed for item in one.not_checked),
        *notices.without_key(counts.rows),
        *notices.nothing_compared(contract.columns, contract.key, counts.rows, others.left_out),
    ]
    table = " and ".join(
        question.called.get(source.side)
        or (source.file if source.as_of_from == "snapshot" else Path(source.location).name)
        for source in sources
    )
    return Conclusion(
        run=f"{now:%Y%m%dT%H%M%SZ}",
        entity="",
        table=table,
        platform_name=names[Side.PLATFORM],
        truth_name=names[Side.TRUTH],
        started=now,
        verdict=verdict(counts, not_checked),
        counts=counts,
        not_checked=tuple(not_checked),
        notices=tuple(told),
        sources=sources,
        columns=contract.columns,
        key=contract.key,
        fallbacks=contract.fallbacks,
        folder=folder,
        seconds=seconds,
        suggestions=tuple(suggestions),
    )
