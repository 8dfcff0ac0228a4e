"""The report: a finished audit as one self-contained page, a worklist with decisions, and a workbook.

The pages fetch nothing and allow nothing but their own style and script, whose hashes stand in their content security
policy. Rows about people travel as packed data (`report_rows`) and become text in the browser, never HTML.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl
from markupsafe import Markup

from auditor import __version__
from auditor.files.data import data_folder
from auditor.files.whole import FOR_OTHERS, OWNER_ONLY, whole_files
from auditor.findings import figures, words
from auditor.findings.answers import LAST_DAY
from auditor.findings.audit import Audit, Conclusion
from auditor.findings.decided import so_far
from auditor.findings.sentences import sentence
from auditor.findings.unreachable import corrected, reachable
from auditor.findings.words import Words
from auditor.model import FORMAT, Severity, Status
from auditor.plan.decisions import DECIDED
from auditor.plan.finding_answers import every_question
from auditor.report import view as report_view
from auditor.report.plan_page import plans_page
from auditor.report.redact import Privacy, for_work, pseudonyms, shown
from auditor.report.rows import Who, labels, packed_rows
from auditor.report.templates import csp_hash, templates
from auditor.report.view import TrendPoint
from auditor.report.xlsx import for_review, workbook

__all__ = ["Privacy", "TrendPoint", "Who", "Written", "for_notebook", "for_review", "page", "render"]

SCRIPTS: Final = ("text.js", "table.js", "rows.js", "kept.js", "decisions.js", "start.js")
"""In the order in which the page runs them, as one script."""
PLANS: Final = "plans.html"
"""The list of a run's plans, to which its worklist leads."""


@dataclass(frozen=True, slots=True)
class Written:
    """The files of one report."""

    report: Path
    """May be mailed at `masked` and `aggregate`."""
    worklist: Path
    """Real values and decision buttons, readable for the owner only; stays in the run folder."""
    workbook: Path
    """Holds no more than the report does."""


def render(
    audit: Audit,
    needed: pl.DataFrame,
    folder: Path,
    *,
    privacy: Privacy,
    trend: Sequence[TrendPoint] = (),
    who: Who | None = None,
) -> Written:
    """Write `report.html`, `worklist.html` and `report.xlsx` into the run folder; all of them or none.

    With them comes the list of plans that the worklist leads to, where there is none yet: nothing is planned so far.
    `needed` says what becomes of each difference, as `plan.needs` gives it. `privacy` holds for the report and the
    workbook; the worklist always shows real values, of what needs work only, and `who` people are.
    """
    audit = _with_needs(audit, needed)
    written = Written(folder / "report.html", folder / "worklist.html", folder / "report.xlsx")
    plans = folder / PLANS
    report_mode = OWNER_ONLY if privacy == "full" else FOR_OTHERS
    _write_all(
        {
            written.report: (_report(audit, privacy, trend).encode(), report_mode),
            written.worklist: (_worklist(audit, trend, who).encode(), OWNER_ONLY),
            written.workbook: (workbook(shown(audit, privacy), privacy), report_mode),
        }
        | ({} if plans.exists() else {plans: (plans_page(audit.table, audit.run, ()).encode(), OWNER_ONLY)})
    )
    return written


def page(audit: Audit, needed: pl.DataFrame | None, *, privacy: Privacy, trend: Sequence[TrendPoint] = ()) -> str:
    """The report alone, as one HTML document. `needed` is None for a comparison: there is no plan, and no master."""
    return _report(figures.counted(audit, None) if needed is None else _with_needs(audit, needed), privacy, trend)


def _with_needs(audit: Audit, needed: pl.DataFrame) -> Audit:
    """The audit with what is to be known of needs beside each difference, and its phrases counted.

    Differences whose correction makes somebody reachable `again` come first, and are marked so.
    """
    beside = needed.select("key", "column", "need", "why", "damage", "answers", "refused", "holds", *DECIDED)
    again = corrected(audit.differences, audit.activities).with_columns(again=True)
    differences = audit.differences.join(beside, on=["key", "column"], how="left", maintain_order="left")
    differences = differences.join(again, on=["key", "column"], how="left", maintain_order="left")
    differences = differences.with_columns(pl.col("again").fill_null(False))
    audit = figures.counted(audit, needed)
    return replace(
        audit,
        differences=differences.sort(~pl.col("again"), maintain_order=True),
        counts=replace(audit.counts, decisions=every_question(needed, audit.same_person, audit.permissions)),
    )


def _report(audit: Audit, privacy: Privacy, trend: Sequence[TrendPoint]) -> str:
    redacted = shown(audit, privacy)
    rows = None if privacy == "aggregate" else packed_rows(redacted, real=privacy == "full")
    return _html(audit, redacted, rows, kind=privacy, trend=trend)


def for_notebook(conclusion: Conclusion, causes: Sequence[str], one_sided: Sequence[tuple[str, Sequence[str]]]) -> str:
    """A comparison in less than a screen, as HTML: sentences of causes, and the columns that a side has alone."""
    say = Words(conclusion.platform_name, conclusion.truth_name)
    statuses = say.labels(words.STATUS)
    return (
        templates(data_folder("reports"))
        .get_template("notebook.html")
        .render(
            conclusion=conclusion,
            verdict=words.VERDICT[conclusion.verdict],
            not_checked=[sentence(item, say) for item in conclusion.not_checked],
            notices=[sentence(notice, say) for notice in conclusion.notices],
            statuses=[(statuses[status.value], conclusion.counts.profiles[status]) for status in Status],
            causes=causes,
            one_sided=one_sided,
        )
    )


def _worklist(audit: Audit, trend: Sequence[TrendPoint], who: Who | None) -> str:
    work = for_work(audit)
    rows = packed_rows(work, pseudonyms(audit), real=True, who=who)
    return _html(audit, work, rows, kind="worklist", trend=trend, known=bool(who))


def _html(
    audit: Audit, redacted: Audit, rows: str | None, *, kind: str, trend: Sequence[TrendPoint], known: bool = False
) -> str:
    """`audit` gives the numbers, which are the same at every privacy; `redacted` everything that is quoted. `known`:
    it is said who people are.
    """
    folder = data_folder("reports")
    style = (folder / "page.css").read_text(encoding="utf-8")
    script = "".join((folder / "script" / name).read_text(encoding="utf-8") for name in SCRIPTS)
    script = f'(() => {{\n"use strict";\n{script}}})();\n'
    say = Words(audit.platform_name, audit.truth_name)
    reasons, picture = report_view.fields(audit, say)
    return (
        templates(folder)
        .get_template("page.html")
        .render(
            audit=audit,
            told=lambda told: sentence(told, say),
            kind=kind,
            last_day=LAST_DAY,
            say=say,
            labels=labels(say),
            headline=report_view.headline(audit, say),
            sides=report_view.sides(audit, say),
            statuses=report_view.statuses(audit, say),
            findings=report_view.findings(audit, say),
            needing=report_view.needing(audit),
            reachable=reachable(audit.counts),
            reasons=reasons,
            picture=picture,
            listed=set() if rows is None else set(redacted.profiles.select(one=figures.counted_as())["one"]),
            standings=report_view.standings(audit, say),
            causes=redacted.causes.filter(pl.col("profiles") > 0).to_dicts(),
            says=report_view.says(audit),
            rules=report_view.rules(audit, say),
            flags=[("gone", *map(say.fill, words.FLAG["gone"]))],
            errors_alone=audit.violations.filter(pl.col("severity") != Severity.ERROR.value).is_empty(),
            trend=report_view.trend_bars(trend, audit),
            needed=audit.counts.needs is not None,
            so_far=so_far(audit.counts.decisions) if audit.counts.decisions else "",
            rows=rows,
            known=known,
            style=Markup(style),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own files
            style_hash=csp_hash(style),
            script_hash=csp_hash(script),
            plans=PLANS,
            version=__version__,
            format=FORMAT,
        )
    )


def _write_all(contents: dict[Path, tuple[bytes, int]]) -> None:
    """Write every file beside its place, then put all into place; nothing is left of them if one cannot be written."""
    with whole_files({path: mode for path, (_, mode) in contents.items()}) as partials:
        for partial, (content, _) in zip(partials, contents.values(), strict=True):
            partial.write_bytes(content)
