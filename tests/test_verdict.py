"""What a run concludes: when it stops, and what it could not check."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from auditor.cli.fail_on import parse_fail_on
from auditor.cli.summary import exit_code
from auditor.commands.results import stop_if_renumbered
from auditor.diff.counts import DiffCounts
from auditor.errors import Exit, InputUnusable
from auditor.findings import figures, notices
from auditor.findings.answers import Answer
from auditor.findings.codes import Code, NotChecked
from auditor.findings.figures import verdict
from auditor.findings.sentences import sentence
from auditor.findings.words import Words
from auditor.model import PermissionFinding, Side, Status, Verdict
from tests.audits import audit_of
from tests.nothing_known import some_counts


def found(*, missing: int = 0, orphans: int = 0, equal: int = 0) -> DiffCounts:
    profiles = dict.fromkeys(Status, 0)
    profiles |= {Status.MISSING: missing, Status.ORPHAN: orphans, Status.EQUAL: equal}
    return DiffCounts({}, profiles, 0, 0, 0, {}, {}, {})


def test_renumbered_keys_stop_the_run() -> None:
    with pytest.raises(InputUnusable, match="keys look renumbered: 90 of 100"):
        stop_if_renumbered(90, found(missing=100, orphans=95, equal=200))


@pytest.mark.parametrize(
    ("pairs", "missing", "orphans", "equal"),
    [(19, 19, 19, 0), (40, 100, 100, 0), (30, 30, 30, 5000), (0, 500, 500, 0)],
    ids=["too few", "less than half", "a small part of the table", "nobody is the same"],
)
def test_ordinary_drift_does_not(pairs: int, missing: int, orphans: int, equal: int) -> None:
    stop_if_renumbered(pairs, found(missing=missing, orphans=orphans, equal=equal))


def test_an_export_below_actitos_count_blocks_plans() -> None:
    [gap] = notices.below_count(90, 100, 0)
    assert (gap.code, gap.rows, gap.blocks_plan) == ("below_count", 10, True)


def test_profiles_that_we_created_since_are_not_lost_rows() -> None:
    assert notices.below_count(90, 100, 10) == ()


def test_what_could_not_be_checked_is_never_a_pass() -> None:
    nothing = some_counts(rows={}, profiles={Status.EQUAL: 1})
    assert verdict(nothing, []) is Verdict.CLEAN
    assert verdict(nothing, [NotChecked(Code.NULL_KEY, Side.TRUTH, 1)]) is Verdict.INCOMPLETE
    assert verdict(replace(nothing, standing={Status.STALE: 1}), []) is Verdict.FINDINGS
    assert verdict(replace(nothing, violations_by_side={Side.TRUTH: 1}), []) is Verdict.FINDINGS
    assert verdict(replace(nothing, permissions={"contactable_again": 1}), []) is Verdict.FINDINGS


@pytest.mark.parametrize(
    ("severities", "expected"),
    [
        ({"warning": 2, "info": 1, "tolerated": 4}, Verdict.CLEAN),
        ({"warning": 2, "info": 1, "tolerated": 3, "error": 1}, Verdict.FINDINGS),
        ({"error": 7}, Verdict.FINDINGS),
    ],
)
def test_errors_alone_are_findings(severities: dict[str, int], expected: Verdict) -> None:
    """What a steward calls a warning or a note, and what a threshold allows, is shown and decides nothing."""
    counts = some_counts(
        rows={},
        profiles={Status.EQUAL: 1},
        violations_by_side={Side.TRUTH: 7},
        violations_by_severity=severities,
    )
    assert verdict(counts, []) is expected


@pytest.mark.parametrize(("answer", "settled"), [(one, one in (Answer.GROUNDS, Answer.PENDING)) for one in Answer])
def test_what_is_answered_for_good_is_no_finding_any_more(answer: Answer, *, settled: bool) -> None:
    """Grounds that hold, or withdrawn and not in an export yet; what somebody is still to do is one."""
    [clean, findings] = [
        audit_of(equal=1, permissions=[{"key": str(place), "column": "x", "finding": "contactable_again"}] * place)
        for place in (0, 1)
    ]
    rows = findings.permissions.with_columns(answer=pl.lit(answer.value))
    audit = figures.counted(replace(findings, permissions=rows), None)
    audit = replace(audit, verdict=verdict(audit.counts, ()))
    assert audit.verdict is (clean.verdict if settled else Verdict.FINDINGS)
    assert exit_code(audit, parse_fail_on("findings")) == (Exit.FINE if settled else Exit.FINDINGS)
    assert audit.counts.permissions == {"contactable_again": 1}, "it is told all the same"


@pytest.mark.parametrize("finding", PermissionFinding)
def test_a_permission_finding_alone_fails_where_findings_do(finding: PermissionFinding) -> None:
    """Of every kind, also where all profiles agree; `--fail-on stale>0` asks for something else."""
    audit = audit_of(equal=1, permissions=[{"key": "1", "column": "marketingConsent", "finding": finding.value}])
    assert audit.verdict is Verdict.FINDINGS
    assert exit_code(audit, parse_fail_on("findings")) == Exit.FINDINGS
    assert exit_code(audit, parse_fail_on("stale>0")) == exit_code(audit, parse_fail_on("none")) == Exit.FINE


@pytest.mark.parametrize(("limit", "told"), [(0.1, ["CRM", "Actito"]), (0.11, ["CRM"]), (0.5, [])])
def test_a_side_that_shrank_is_told(limit: float, told: list[str]) -> None:
    """From 1,000 to 900 rows is a tenth exactly; nobody can lose a share of nothing."""
    limits = dict.fromkeys(Side, limit)
    before = {"platform": 1000, "truth": 2000}
    shrunk = notices.shrunk({"platform": 900, "truth": 1700}, before, limits)
    sentences = [sentence(one, Words("Actito", "CRM")) for one in shrunk]
    assert sorted(sentence.split()[0] for sentence in sentences) == sorted(told)
    if told:
        assert "CRM shrank from 2,000 to 1,700 rows since the last run" in sentences
    assert notices.shrunk({"platform": 0, "truth": 2000}, {"platform": 0, "truth": 2000}, limits) == ()
