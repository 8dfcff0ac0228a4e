"""Keys of any type against the texts that mean the same: matched, set apart where they stand twice, or none."""

from __future__ import annotations

from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from auditor.commands.compare import compare
from auditor.engine.duckdb import DuckDB
from auditor.equality import rules
from auditor.equality.primitives import FUNCTIONS
from auditor.model import Side, Status
from auditor.settings.compare_options import Question
from auditor.settings.contract import Column, Compare

KEY = ("number", "day", "amount", "at", "member")
MOST = "170141183460469231731687303715884105727"
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


def test_a_key_of_several_types_against_other_types(tmp_path: Path) -> None:
    pl.DataFrame([typed(7), typed(8, note="b"), typed(9), typed(None)], schema=TYPES, orient="row").write_parquet(
        tmp_path / "a.parquet"
    )
    narrow = {**TYPES, "number": pl.Int16(), "amount": pl.Decimal(5, 3)}
    rows = [typed(7), typed(8), typed(10), typed(None)]
    pl.DataFrame(rows, schema=narrow, orient="row").write_parquet(tmp_path / "b.parquet")
    comparison = compare(Question(str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet"), key=KEY))
    found = comparison.conclusion.counts.profiles
    assert (found[Status.EQUAL], found[Status.CONFLICTING]) == (1, 1)
    assert (found[Status.MISSING], found[Status.ORPHAN]) == (1, 1)
    assert comparison.differences.select("platform", "truth").rows() == [("b", "a")]


@pytest.mark.parametrize(
    ("kind", "rule", "cells"),
    [
        ("BIGINT", Compare.NUMBER, {"-9223372036854775808": "-9223372036854775808", "0": "0", "700": "700"}),
        ("HUGEINT", Compare.NUMBER, {MOST: MOST}),
        ("UBIGINT", Compare.NUMBER, {"18446744073709551615": "18446744073709551615"}),
        ("DECIMAL(12, 2)", Compare.NUMBER, {"100": "100", "0": "0", "-0.50": "-0.5", "10.05": "10.05", "0.10": "0.1"}),
        ("DECIMAL(2, 2)", Compare.NUMBER, {"0.50": "0.5", "-0.05": "-0.05", "0": "0"}),
        ("DECIMAL(12, 0)", Compare.NUMBER, {"100": "100", "-7": "-7"}),
        ("DATE", Compare.DATE, {"2024-02-29": "2024-02-29", "0007-01-01": "0007-01-01", "12345-01-01": "12345-01-01"}),
        ("BOOLEAN", Compare.BOOLEAN, {"t": "true", "f": "false"}),
        ("UUID", Compare.EXACT, {"6F9619FF8B86D011B42D00CF4FC964FF": "6f9619ff-8b86-d011-b42d-00cf4fc964ff"}),
        ("TIMESTAMP", Compare.TIMESTAMP, {"2024-02-29 23:59:59.120": "2024-02-29 23:59:59.12"}),
        ("DOUBLE", Compare.NUMBER, {"1e20": "100000000000000000000", "-0.0": "0"}),
    ],
)  # fmt: skip
def test_the_form_of_a_stored_cell_is_that_of_its_text(kind: str, rule: Compare, cells: dict[str, str]) -> None:
    """Also where it is made of the cell itself, which saves to read its text."""
    with closing(DuckDB()) as engine:
        engine.register(FUNCTIONS)
        given = ", ".join(f"('{cell}'::{kind})" for cell in cells)
        rows = engine.keep_sql(f"SELECT cell, cell::VARCHAR AS text FROM (VALUES {given}) AS given(cell)", "given")
        column = Column("c", "c", "c", compare=rule, spelt_alike=True)
        form = rules.canonical(rows.text, column, Side.TRUTH, "UTC")
        own = rules.of_stored(rows.cell, column)
        found = engine.rows(rows.select(form=form, own=form if own is None else own))
    assert sorted(found) == sorted((one, one) for one in cells.values())
