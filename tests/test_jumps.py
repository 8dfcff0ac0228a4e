"""Sudden jumps in empty cells or in one value: what is one, what is chance, and what a run says of it."""

from __future__ import annotations

import csv
import json
import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from auditor.engine.duckdb import DuckDB
from auditor.errors import Exit
from auditor.findings.codes import Code, Notice, read_notice
from auditor.validate import Validation, preload, record
from auditor.validate.jumps import Figures, Past, jumps, mark
from auditor.validate.suite import JUMP, Expectation, Suite
from tests.audits import in_words
from tests.driven_sandbox import Sandbox
from tests.last_found import last, sql
from tests.small_folder import auditor, copy, made
from tests.test_validate import Cell, fill, validated


def seen(rows: int, empty: float = 0.0, **values: float) -> Figures:
    """Figures with these shares."""
    return Figures(rows, rows - round(rows * empty), {name: round(rows * part) for name, part in values.items()})


def found(now: Figures, *before: Figures, effect: float = 0.2) -> list[str]:
    return [jump.mark or "empty" for jump in jumps(now, before, effect)]


@pytest.mark.parametrize(
    ("rows", "before", "now", "jumped"),
    [
        (100_000, 0.0, 0.02, True),
        (100_000, 0.001, 0.03, True),
        (100_000, 0.5, 0.62, True),
        (100_000, 0.5, 0.52, False),
        (100_000, 0.1, 0.12, False),
        (100_000, 0.3, 0.0, False),  # filled in at last: no harm
        (60, 0.0, 0.02, False),  # one of sixty
        (60, 0.1, 0.25, False),  # nine more of sixty may be chance
        (60, 0.1, 0.9, True),
    ],
)
def test_a_jump_is_large_and_not_chance(rows: int, before: float, now: float, jumped: bool) -> None:
    assert (found(seen(rows, now), seen(rows, before)) == ["empty"]) is jumped
    assert (found(seen(rows, a=now), seen(rows, a=before)) == ["a"]) is jumped


def test_how_large_a_step_must_be_can_be_set() -> None:
    steps = seen(100_000, 0.52), seen(100_000, 0.5)
    assert found(*steps) == []
    assert found(*steps, effect=0.03) == ["empty"]


def test_one_value_that_takes_the_place_of_another_has_jumped() -> None:
    """The commonest value is as frequent as before, but it is another one."""
    assert found(seen(1000, blue=0.4, red=0.01), seen(1000, red=0.4, blue=0.01)) == ["blue"]


def test_what_swings_by_itself_does_not_jump() -> None:
    swinging = [seen(1000, part) for part in (0.1, 0.4, 0.15, 0.35, 0.1, 0.4)]
    assert found(seen(1000, 0.45), *swinging) == []
    steady = [seen(1000, part) for part in (0.25, 0.24, 0.26, 0.25, 0.25, 0.24)]
    assert found(seen(1000, 0.45), *steady) == ["empty"]


def test_what_stays_is_no_jump_any_more_once_it_is_the_rule() -> None:
    usual, new = seen(1000, 0.01), seen(1000, 0.4)
    assert found(new, new, new, usual, usual, usual) == ["empty"]
    assert found(new, new, new, new, usual, usual) == []
    assert found(new, new, new, usual, seen(1000, 0.012), usual) == ["empty"]


def test_a_value_that_was_too_rare_to_be_counted_is_not_taken_for_new() -> None:
    """Of ten values that share everything the eleventh may have had as much as the tenth."""
    ten = {f"v{place}": 0.095 for place in range(10)}
    assert found(seen(1000, other=0.1), seen(1000, **ten)) == []
    assert found(seen(1000, other=0.1), seen(1000, v0=0.95)) == ["other"]


def test_chance_alone_makes_no_jump() -> None:
    """Columns as they are drawn anew from the same people, a thousand of them, of all sizes and shares."""
    rng = random.Random(7)  # noqa: S311  (nothing secret)
    told = []
    for _ in range(1000):
        rows, part = rng.choice([50, 100, 300]), rng.random()
        drawn = [Figures(rows, sum(rng.random() > part for _ in range(rows)), {}) for _ in range(rng.randint(2, 6))]
        told += found(drawn[0], *drawn[1:], effect=0.0)
    assert len(told) <= 2


# --- through the stage ---


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDB]:
    preload()
    engine = DuckDB(temp=tmp_path)
    yield engine
    engine.close()


def judged(engine: DuckDB, cells: Sequence[Cell], past: Past, **settings: Any) -> Validation:
    fill(engine, {"city": cells})
    meta = {"source": "contract", "rule": "jump", "severity": "warning", "sentence": "as steady as it was"}
    suite = Suite("Customers", (Expectation(JUMP, {"column": "city", **settings}, meta),))
    return validated(engine, suite, past=past)


def stored(*results: Validation, key: str = "secret") -> Past:
    """What later runs read of these, the newest first."""
    documents = [json.loads(json.dumps(record.document("Customers", [one], key))) for one in results]
    return record.past(documents, "truth", key)


USUAL: list[Cell] = ["Gent", "Luik", "Namur", "Oostende", None] * 40
BAD: list[Cell] = [*["Brussel"] * 120, *USUAL[120:]]
EMPTY: list[Cell] = [*["", None, " "] * 40, *USUAL[120:]]


def violations(engine: DuckDB) -> list[tuple[Any, ...]]:
    return sql(engine, 'SELECT side, "key", "column", value, rule, detail, severity FROM {violations}')


def test_the_first_run_neither_passes_nor_is_it_a_gap(engine: DuckDB) -> None:
    result = judged(engine, USUAL, Past("secret"))
    assert (result.evaluated, result.not_evaluated) == ((), ())
    assert list(map(in_words, result.not_yet)) == ["there is no earlier run on other data to compare with"]
    [told] = record.document("Customers", [result], "secret")["sides"]["truth"]["results"]
    assert (told["outcome"], told["reason"]) == ("not_evaluated", {"code": "no_earlier_run", "parameters": {}})
    assert violations(engine) == []


def test_the_second_run_says_which_value_jumped_and_from_what(engine: DuckDB) -> None:
    past = stored(judged(engine, USUAL, Past("secret")))
    same = judged(engine, USUAL, past)
    assert ([one.failing for one in same.evaluated], violations(engine)) == ([0], [])
    judged(engine, BAD, past)
    [(side, key, column, value, rule, detail, severity)] = violations(engine)
    assert (side, key, column, value, rule, severity) == ("truth", None, "city", "Brussel", "jump", "warning")
    assert detail == "as steady as it was; here 60 % has one and the same value, 0 % in the last run"
    judged(engine, EMPTY, past)
    [(*_, value, _, detail, _)] = violations(engine)
    assert value is None
    assert detail == "as steady as it was; here 68 % is empty, 20 % in the last run"


def test_what_is_kept_for_the_next_run_holds_no_value(engine: DuckDB) -> None:
    document = record.document("Customers", [judged(engine, USUAL, Past("secret"))], "secret")
    [told] = document["sides"]["truth"]["results"]
    assert (told["figures"]["rows"], told["figures"]["filled"]) == (200, 160)
    assert sorted(told["figures"]["marks"].values()) == [40] * 4
    text = json.dumps(document)
    assert not any(city in text for city in ("Gent", "Luik", "Namur", "Oostende"))
    assert mark("Gent", "secret") in text
    assert mark("Gent", "another secret") not in text


def test_marks_of_another_state_folder_are_not_compared_with(engine: DuckDB) -> None:
    document = record.document("Customers", [judged(engine, USUAL, Past("old"))], "old")
    assert record.past([document], "truth", "new").figures == {}


def test_too_few_rows_are_not_judged(engine: DuckDB) -> None:
    past = stored(judged(engine, USUAL, Past("secret")))
    few: list[Cell] = [None] * 40
    [reason] = judged(engine, few, past).not_yet
    assert in_words(reason) == "fewer than 50 rows are too few to tell a jump from chance"
    assert judged(engine, few, past, least_rows=40).not_yet == ()
    assert len(violations(engine)) == 1


def test_of_a_unique_column_only_empty_cells_are_counted(engine: DuckDB) -> None:
    past = stored(judged(engine, USUAL, Past("secret"), values=False))
    assert [one["marks"] for figures in past.figures.values() for one in figures] == [{}]
    judged(engine, BAD, past, values=False)
    assert violations(engine) == []
    judged(engine, EMPTY, past, values=False)
    assert len(violations(engine)) == 1


def test_each_expectation_is_compared_with_what_it_saw_itself(engine: DuckDB) -> None:
    """A steward may ask the same of some rows of the column, or more strictly: neither is mixed with the other."""
    of_others = {"type": "comparison", "column": {"name": "city"}, "operator": "!=", "parameter": "Luik"}
    settings: list[dict[str, Any]] = [{}, {"effect": 0.01}, {"values": False}, {"row_condition": of_others}]
    fill(engine, {"city": USUAL})
    suite = Suite("Customers", tuple(Expectation(JUMP, {"column": "city", **one}) for one in settings))
    first = validated(engine, suite)
    past = record.past([record.document("Customers", [first], "")], "truth", "")
    again = validated(engine, suite, past=past)
    assert [one.met for one in again.results] == [True] * 4
    assert [one.figures["rows"] for one in again.results if one.figures] == [200, 200, 200, 120]
    assert [len(figures) for figures in past.figures.values()] == [1, 1, 1]


def test_by_itself_great_expectations_neither_passes_nor_fails_it(engine: DuckDB) -> None:
    """Whoever loads the suite elsewhere has no last runs; who has figures gives them."""
    import great_expectations as gx

    from auditor.validate.evaluation import Question, evaluate

    asked = {"type": JUMP, "kwargs": {"column": "city"}}
    [loaded] = gx.ExpectationSuite(name="x", expectations=[asked]).expectations
    assert getattr(loaded, "effect", None) == 0.2
    fill(engine, {"city": BAD})
    before = {"rows": 100, "filled": 100, "marks": {mark("Brussel", ""): 1}}
    alone, told = evaluate(
        engine.borrowed(),
        last(engine, "checked_truth").get_name(),
        [Question(JUMP, {"column": "city"}), Question(JUMP, {"column": "city", "before": [before]})],
        row_column="auditor:row",
    )
    assert (alone.met, alone.problem) == (None, Notice(Code.NO_EARLIER_RUN))
    assert (told.met, told.value) == (False, "Brussel")


# --- in whole runs ---


def newest(folder: Path) -> Path:
    return max(path for path in (folder / "runs").iterdir() if not path.name.startswith("."))


def test_a_run_finds_what_jumped_since_the_last_one(
    sandbox: Sandbox,
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All nicknames gone from the export, and one street for everybody: two warnings, and no verdict of their own."""
    folder = copy(made(tmp_path_factory).audited, tmp_path / "work", sandbox)
    monkeypatch.chdir(folder)
    first = json.loads((min(folder.glob("runs/2*")) / "run.json").read_text("utf-8"))
    [told] = [in_words(read_notice(one)) for one in first["notices"] if "jumps" in one["code"]]
    assert told == (
        "sudden jumps were not looked for in Actito and CRM: there is no earlier run on other data to compare with"
    )
    assert not any("jump" in str(one) for one in first["not_checked"])
    before = json.loads((newest(folder) / "run.json").read_text("utf-8"))
    assert not any("jumps" in notice["code"] for notice in before["notices"])
    export = max(folder.glob("exports/*.csv"))
    with export.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    for row in rows:
        row |= {"nickname": "", "addressStreet": "Rue Neuve"}
    with export.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    said = auditor(capsys, "run")
    assert said.code == Exit.FINE, said.err
    found = pl.read_parquet(newest(folder) / "violations.parquet").filter(pl.col("rule") == "jump")
    assert found.select("side", "key", "column", "value", "severity").rows() == [
        ("platform", None, "addressStreet", "Rue Neuve", "warning"),
        ("platform", None, "nickname", None, "warning"),
    ]
    assert "100 % is empty" in found["detail"][1]
    assert "Rue Neuve" not in " ".join(found["detail"])
    report = (newest(folder) / "report.html").read_text("utf-8")
    assert "Sudden jump" in report
    shutil.rmtree(newest(folder))
    again = auditor(capsys, "run")
    assert again.code == Exit.FINE
    assert pl.read_parquet(newest(folder) / "violations.parquet").filter(pl.col("rule") == "jump").height == 2
    twice = auditor(capsys, "run")
    assert twice.code == Exit.FINE
    assert pl.read_parquet(newest(folder) / "violations.parquet").filter(pl.col("rule") == "jump").height == 2, (
        "the same export again has the same past"
    )
