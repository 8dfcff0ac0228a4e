"""Keys of any type against the texts that mean the same: matched, set apart where they stand twice, or none."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl

from auditor.commands.compare import compare
from auditor.model import Status
from auditor.settings.compare_options import Question

KEY = ("number", "day", "amount", "at", "member")
TYPES = {
    "number": pl.Int64(),
    "day": pl.Date(),
    "amount": pl.Decimal(10, 2),
    "at": pl.Datetime("us"),
    "member": pl.Boolean(),
    "note": pl.String(),
}


def typed(number: int | None, member: bool | None = True, note: str = "a") -> tuple[object, ...]:
    return number, date(2026, 3, 1), Decimal("1.50"), datetime(2026, 3, 1, 10), member, note  # noqa: DTZ001


def text(number: str, member: str = "yes", note: str = "a") -> str:
    return f"{number},2026-03-01,1.5,2026-03-01T10:00:00.000,{member},{note}"


def test_a_key_of_several_types_against_texts(tmp_path: Path) -> None:
    rows = [typed(7), typed(8, note="b"), typed(9), typed(10), typed(10), typed(11), typed(None), typed(12, None)]
    pl.DataFrame(rows, schema=TYPES, orient="row").write_parquet(tmp_path / "a.parquet")
    lines = [
        text("7"),
        text("008", "1"),
        text("9", "no"),
        text("10"),
        text("11"),
        text("011"),
        text(""),
        text("+12", ""),
    ]
    (tmp_path / "b.csv").write_text("\n".join([",".join(TYPES), *lines]) + "\n", "utf-8")
    question = Question(str(tmp_path / "a.parquet"), str(tmp_path / "b.csv"), key=KEY)
    for asked in (question, Question(question.truth, question.platform, key=KEY)):
        counts = compare(asked).conclusion.counts
        assert counts.profiles == {
            Status.EQUAL: 1,
            Status.CONFLICTING: 1,
            Status.STALE: 0,
            Status.MISSING: 1,
            Status.ORPHAN: 1,
            Status.DUPLICATE: 2,
        }
        assert counts.matched_by == {"key, normalised": 2}
        assert [counts.rows[f"{side}_null_key"] for side in ("platform", "truth")] == [2, 2]
        assert [counts.rows[f"{side}_duplicate"] for side in ("platform", "truth")] == [3, 3]
