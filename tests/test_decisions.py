"""Decisions from a file: everything wrong is said at once, and a decision counts while both values hold."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from auditor.errors import SettingsError
from auditor.plan.decisions import Choice, Decision, read_decisions, standing

COLUMNS = ("firstName", "lastName", "subscriptions#Newsletter")


def line(**changes: Any) -> dict[str, Any]:
    return {
        "key": "C-1",
        "column": "firstName",
        "platform": "Ann",
        "truth": "Anne",
        "choice": "truth",
        **changes,
    }


def document(*lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "format": 1,
        "run": "20260310T090000Z-ab12",
        "table": "Customers",
        "by": "Ann Peeters",
        "decisions": list(lines),
        **changes,
    }


def read(folder: Path, content: Any) -> tuple[Decision, ...]:
    path = folder / "decisions.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return read_decisions(path, table="Customers", columns=COLUMNS)


def test_a_file_from_the_worklist(tmp_path: Path) -> None:
    lines = [
        line(),
        line(key='["B","7"]', column="lastName", platform=None, choice="platform"),
        line(column="subscriptions#Newsletter", truth="", choice="ignore"),
    ]
    first, second, third = read(tmp_path, document(*lines))
    assert first == Decision("C-1", "firstName", "Ann", "Anne", Choice.TRUTH, "Ann Peeters", "20260310T090000Z-ab12")
    assert (second.key, second.platform, second.choice) == ('["B","7"]', None, Choice.PLATFORM)
    assert third.choice is Choice.IGNORE


def test_two_keys_may_be_two_people(tmp_path: Path) -> None:
    """Of several pairs of one key each is decided by itself."""
    pairs = [
        line(column="auditor:same_person", platform="C-1", truth=other, choice="two_people") for other in ("C-2", "C-3")
    ]
    assert [(one.choice, one.truth) for one in read(tmp_path, document(*pairs))] == [
        (Choice.TWO_PEOPLE, "C-2"),
        (Choice.TWO_PEOPLE, "C-3"),
    ]
    for wrong in (line(choice="two_people"), {**pairs[0], "choice": "truth"}):
        with pytest.raises(SettingsError, match=r"decisions\.0\.choice"):
            read(tmp_path, document(wrong))


def test_no_decisions_are_fine(tmp_path: Path) -> None:
    assert read(tmp_path, document()) == ()


def test_a_byte_order_mark_and_repeated_lines_are_fine(tmp_path: Path) -> None:
    assert len(read(tmp_path, "\ufeff" + json.dumps(document(line(), line())))) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not valid JSON (line 1"),
        ("[1]", "decisions.json: an object is expected"),
        (document(decisions=[5]), "decisions.0: an object is expected"),
        ("[" * 100_000, "nested too deeply"),
        (document(format=2), "format"),
        (document(by="  "), "by: a decision needs the name of the person"),
        (document(table="Prospects"), '"Prospects", not about "Customers"'),
        (document(line(choice="both")), "decisions.0.choice"),
        (document(line(column="fristName")), 'did you mean "firstName"?'),
        (document(line(), line(choice="ignore")), "decisions.1"),
        (document(line(key="")), "decisions.0.key"),
        (document(line(note="x")), "unknown setting decisions.0.note"),
        (document(line(platform=3)), "decisions.0.platform"),
        ({"format": 1}, "run is missing"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: Any, said: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read(tmp_path, content)
    assert said in str(raised.value)
    assert "_" not in str(raised.value).replace(str(tmp_path), "").replace("two_people", ""), "no name of a class"


def test_all_problems_come_at_once_without_values_and_within_a_screen(tmp_path: Path) -> None:
    lines = [line(key=str(number), column="x" * 30, truth="secret value") for number in range(500)]
    with pytest.raises(SettingsError) as raised:
        read(tmp_path, document(*lines, table="Other"))
    text = str(raised.value)
    assert "decisions.0.column" in text
    assert "decisions.1.column" in text
    assert "more" in text
    assert text.count("\n") < 30
    assert "secret value" not in text


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no decisions file"):
        read_decisions(tmp_path / "none.json", table="Customers", columns=COLUMNS)
    (tmp_path / "bad.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(SettingsError, match="not UTF-8"):
        read_decisions(tmp_path / "bad.json", table="Customers", columns=COLUMNS)


def decided(platform: str | None, truth: str | None, by: str = "Ann", key: str = "1") -> Decision:
    return Decision(key, "firstName", platform, truth, Choice.TRUTH, by)


def test_a_decision_counts_while_both_values_hold() -> None:
    cells = [("1", "firstName", "Jon", "John"), ("2", "firstName", None, "Eva"), ("3", "firstName", "A", "B")]
    found = standing(
        [decided("Jon", "John"), decided("", "Eva", key="2"), decided("A", "C", key="3"), decided("x", "y", key="4")],
        cells,
    )
    assert set(found.holding) == {("1", "firstName"), ("2", "firstName")}
    assert set(found.changed) == {("3", "firstName")}, "what no longer differs is neither"


def test_of_several_decisions_the_last_that_holds_counts() -> None:
    made = [decided("a", "b", "Ann"), decided("a", "b", "Bob"), decided("a", "other", "Eve")]
    assert standing(made, [("1", "firstName", "a", "b")]).holding["1", "firstName"].by == "Bob"


def test_each_decision_may_say_when_it_was_made(tmp_path: Path) -> None:
    """Files of earlier versions do not; a moment without a zone says nothing."""
    [made] = read(tmp_path, document(line(made="2026-03-10T10:00:00.250Z")))
    assert made.made == datetime(2026, 3, 10, 10, 0, 0, 250_000, tzinfo=UTC)
    twice = read(tmp_path, document(line(made="2026-03-10T10:00:00Z"), line(made="2026-03-10T11:00:00Z")))
    assert len(twice) == 1, "the same said again"
    with pytest.raises(SettingsError, match=r"decisions\.0\.made"):
        read(tmp_path, document(line(made="2026-03-10T10:00:00")))


def test_two_keys_may_be_one_person(tmp_path: Path) -> None:
    pair = line(column="auditor:same_person", platform="C-1", truth="C-2", choice="same")
    assert [(one.choice, one.truth) for one in read(tmp_path, document(pair))] == [(Choice.SAME, "C-2")]
    with pytest.raises(SettingsError, match=r"decisions\.0\.choice"):
        read(tmp_path, document(line(choice="same")))
